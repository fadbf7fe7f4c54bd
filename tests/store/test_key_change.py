"""The keys changed for others: what was, verifies under the former ones, and no crash leaves a till that cannot sell."""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from pos.bootstrap.backups import Wish, back_up_keys, make_backup, restore
from pos.bootstrap.homes import Machine, OpenTill, open_till
from pos.bootstrap.key_change import rotate_keys
from pos.bootstrap.key_files import place_next, read_keys
from pos.bootstrap.store_check import store_findings
from pos.domain.approval import ApprovalNeeded
from pos.domain.errors import NotAuthorised, Refused
from pos.domain.role import Person, Role
from pos.store.database import StoreError
from pos.store.people import RosterEntry, put_person
from pos.store.sealed_keys import open_keys
from pos.store.shift_signatures import signature_faults
from pos.store.till_keys import fingerprint_of, newest_key
from pos.till.approvals import approve
from pos.till.change_keys import change_keys
from tests.builders.tills import (
    ADMIN,
    CASHIER,
    NOW,
    SeededRandomness,
    SettableClock,
    cash,
    closed,
    findings,
    machine,
    open_home,
    opened,
    pay,
    rows,
)
from tests.builders.tills import (
    count as counted,
)

MOMENTS = count(10)
PASSPHRASE = "correct horse battery"
OTHER_ADMIN = Person(user="5002", name="Noor", roles=frozenset({Role.ADMIN}))


def later() -> Machine:
    """The ports after a restart: another moment and other chance."""
    moment = next(MOMENTS)
    return replace(
        machine(SettableClock(NOW + timedelta(minutes=moment))),
        randomness=SeededRandomness(f"start {moment}"),
    )


@pytest.fixture(scope="module")
def first_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two admins and one receipt, closed. It is copied: making one takes longer than most of these tests."""
    folder = tmp_path_factory.mktemp("first") / "home"
    till = open_home(folder)
    with till.desk.till.transaction() as unit:
        for admin in (ADMIN, OTHER_ADMIN):
            put_person(unit.connection, RosterEntry(person=admin, pin_hash="none", active=True), at=NOW)
    opened(till.desk)
    pay(till.desk, cash("5"), account="BA-1001")
    till.close()
    return folder


@pytest.fixture
def home(first_home: Path, tmp_path: Path) -> Path:
    """A copy of the first home."""
    return Path(shutil.copytree(first_home, tmp_path / "home"))


def sell(home: Path) -> str:
    with open_till(home, machine=later()) as till:
        # No two alike, and all of them together less than is owed.
        amount = f"0.{5 * next(MOMENTS):03d}"
        return pay(till.desk, cash(amount), account="BA-1001").receipt.receipt_number


def allowed(till: OpenTill) -> None:
    """The other admin approves what is asked for here."""
    with pytest.raises(ApprovalNeeded) as asked:
        rotate_keys(till, ADMIN)
    approve(till.desk, OTHER_ADMIN, str(asked.value.details["request"]))


def rotated(home: Path) -> None:
    with open_till(home, machine=later()) as till:
        allowed(till)
        rotate_keys(till, ADMIN, reason="yearly")


def key_files(home: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in (home / "keys").glob("*.key")}


def assert_sound(home: Path) -> None:
    assert store_findings(home, machine()) == []
    with open_till(home, machine=later()) as till:
        assert findings(till.desk) == []


def test_from_a_change_on_everything_is_written_under_the_new_key_and_the_old_still_verifies(
    home: Path,
) -> None:
    before = key_files(home)
    with open_till(home, machine=later()) as till:
        allowed(till)
        named = rotate_keys(till, ADMIN, reason="yearly")
        pay(till.desk, cash("7"), account="BA-1001")

        assert findings(till.desk) == []
        links = [int(str(row["chain_no"])) for row in rows(till.desk, "chain_link")]
        assert [row["number"] for row in rows(till.desk, "chain_key")] == [1, 2]
        (audited,) = [
            row for row in rows(till.desk, "audit") if (row["act"], row["result"]) == ("keys", "ok")
        ]

    after = key_files(home)
    assert named.from_chain_no == max(links)
    assert (audited["operator"], audited["reason_code"]) == ("5001", "yearly")
    assert named.fingerprint[:16] in str(audited["subject"])
    assert after.keys() == {*before, "chain-1.key"}
    assert after["chain-1.key"] == before["chain.key"]
    assert {name for name in before if before[name] != after[name]} == {"chain.key", "sign.key"}
    assert fingerprint_of(bytes.fromhex(after["chain.key"])) == named.fingerprint
    assert sell(home) == "S014-T1-A-000003"
    assert_sound(home)


def test_a_change_after_a_change_keeps_every_former_key(home: Path) -> None:
    rotated(home)
    sell(home)
    rotated(home)
    sell(home)

    assert {"chain-1.key", "chain-2.key"} < key_files(home).keys()
    assert_sound(home)


def test_shifts_of_before_and_after_are_signed_by_the_key_of_their_time(home: Path) -> None:
    with open_till(home, machine=later()) as till:
        counted(till.desk, "25")
        closed(till.desk)
        allowed(till)
        rotate_keys(till, ADMIN)
        opened(till.desk)
        counted(till.desk, "20")
        closed(till.desk)

        keys = [str(row["public_key"]) for row in rows(till.desk, "chain_key")]
        shifts = [str(row["shift_id"]) for row in rows(till.desk, "shift")]
        with till.desk.till.read() as connection:
            assert list(signature_faults(connection)) == []
            faults = list(signature_faults(connection, public_keys=frozenset(keys[1:])))
    assert keys[0] != keys[1]
    assert faults == [("shift_is_signed_by_this_terminal", shifts[0])]


def test_one_admin_alone_changes_no_key(home: Path) -> None:
    before = key_files(home)
    with open_till(home, machine=later()) as till:
        with pytest.raises(ApprovalNeeded):
            rotate_keys(till, ADMIN)
        with pytest.raises(NotAuthorised):
            rotate_keys(till, CASHIER)
        assert len(rows(till.desk, "chain_key")) == 1

    assert key_files(home) == before


# --- a crash at any point ------------------------------------------------------------------------------------------


def next_keys_written(till: OpenTill) -> None:
    with till.desk.till.read() as connection:
        before = newest_key(connection)
    assert before is not None
    place_next(till.paths.keys, before, till.machine.randomness)


def next_key_cut_off(till: OpenTill) -> None:
    next_keys_written(till)
    (till.paths.keys / "sign-next.key").unlink()
    path = till.paths.keys / "chain-next.key"
    path.write_text(path.read_text()[:17])


def store_has_it(till: OpenTill) -> None:
    allowed(till)
    change_keys(till.desk, ADMIN, partial(place_next, till.paths.keys, randomness=till.machine.randomness))


def one_key_in_its_place(till: OpenTill) -> None:
    store_has_it(till)
    os.replace(till.paths.keys / "chain-next.key", till.paths.keys / "chain.key")


@pytest.mark.parametrize(
    ("crash", "number"),
    [(next_keys_written, 1), (next_key_cut_off, 1), (store_has_it, 2), (one_key_in_its_place, 2)],
)
def test_a_crash_at_any_point_leaves_a_till_that_verifies_and_sells(
    home: Path, crash: Callable[[OpenTill], None], number: int
) -> None:
    with open_till(home, machine=later()) as till:
        crash(till)

    # Who only reads changes nothing, and finds the right key all the same.
    left = key_files(home)
    assert store_findings(home, machine()) == []
    with open_till(home, machine=later(), read_only=True) as till:
        assert findings(till.desk) == []
    assert key_files(home) == left

    assert sell(home) == "S014-T1-A-000002"
    with open_till(home, machine=later()) as till:
        assert len(rows(till.desk, "chain_key")) == number
    assert not [name for name in key_files(home) if "next" in name]
    assert_sound(home)
    rotated(home)
    assert sell(home) == "S014-T1-A-000003"
    assert_sound(home)


def test_an_older_store_put_back_after_a_change_is_noticed(home: Path) -> None:
    older = (home / "till.db").read_bytes()
    rotated(home)
    (home / "till.db").write_bytes(older)

    with pytest.raises(StoreError) as stop, open_till(home, machine=later()):
        pass

    assert (stop.value.code, stop.value.exit_code) == ("chain_key_wrong", 6)


def test_a_former_key_that_is_lost_or_another_is_named(home: Path) -> None:
    rotated(home)
    sell(home)
    former = home / "keys" / "chain-1.key"
    right = former.read_text()

    former.write_text("11" * 32)
    assert "chain_key_wrong chain_key 1" in named(home)
    former.unlink()
    assert "chain_key_missing chain_key 1" in named(home)
    former.write_text(right)
    former.chmod(0o600)
    assert named(home) == []


def named(home: Path) -> list[str]:
    return [f"{finding.check} {finding.where}" for finding in store_findings(home, machine())]


# --- backups -------------------------------------------------------------------------------------------------------


def restored(home: Path, backup: Path) -> None:
    wish = Wish(home=home, backup=backup, passphrase=PASSPHRASE, second=lambda _desk: OTHER_ADMIN)
    restore(wish, lambda _desk: ADMIN, later())


@pytest.mark.parametrize("change_first", [True, False])
def test_a_backup_is_restored_with_the_keys_of_its_time(home: Path, change_first: bool) -> None:
    if change_first:
        rotated(home)
    make_backup(home, home.parent / "backup", PASSPHRASE, later())
    if not change_first:
        rotated(home)

    restored(home, home.parent / "backup")

    assert_sound(home)
    with open_till(home, machine=later()) as till:
        assert len(rows(till.desk, "chain_key")) == (2 if change_first else 1)


def test_a_damaged_store_tells_its_series_also_after_a_change_of_keys(home: Path) -> None:
    """Rule 57: the mark beside the store is under a later key than the backup's."""
    make_backup(home, home.parent / "backup", PASSPHRASE, later())
    restored(home, home.parent / "backup")
    rotated(home)
    with open_till(home, machine=later()) as till:
        assert till.desk.identity.series == "B"
        opened_again(till)
    (home / "till.db").write_bytes(b"not a database.." * 512)

    restored(home, home.parent / "backup")

    with open_till(home, machine=later()) as till:
        assert till.desk.identity.series == "C"


def opened_again(till: OpenTill) -> None:
    """A receipt in the new series, as the file beside the store remembers it."""
    from pos.bootstrap.homes import fill_cache
    from tests.builders.tills import small_fixture

    fill_cache(till.desk.cache, small_fixture(), told_at=NOW)
    assert "-B-" in pay(till.desk, cash("9"), account="BA-1001").receipt.receipt_number


def test_the_keys_alone_are_sealed_and_serve_beside_a_copy_of_the_store(home: Path, tmp_path: Path) -> None:
    rotated(home)
    shutil.copyfile(home / "till.db", tmp_path / "copy")

    assert back_up_keys(home, tmp_path / "copy.keys", PASSPHRASE, later()) == 5

    sealed = (tmp_path / "copy.keys").read_bytes()
    assert (tmp_path / "copy.keys").stat().st_mode & 0o777 == 0o600
    assert {name: key.hex() for name, key in open_keys(sealed, PASSPHRASE).items()} == key_files(home)
    assert not [key for key in key_files(home).values() if key.encode() in sealed]
    shutil.rmtree(home / "keys")
    restored(home, tmp_path / "copy")
    assert_sound(home)


def test_sealed_keys_are_never_written_over_nor_under_a_short_passphrase(home: Path, tmp_path: Path) -> None:
    back_up_keys(home, tmp_path / "sealed", PASSPHRASE, later())

    with pytest.raises(Refused) as again:
        back_up_keys(home, tmp_path / "sealed", PASSPHRASE, later())
    with pytest.raises(Refused) as short:
        back_up_keys(home, tmp_path / "other", "short", later())

    assert (again.value.code, short.value.code) == ("backup_exists", "bad_passphrase")
    assert not (tmp_path / "other").exists()
    assert read_keys(home / "keys").chain.hex() == key_files(home)["chain.key"]
