"""A backup taken while the till sells, and a home that goes on from one in a new receipt series (invariants 9, 12, 25)."""

import errno
import json
import os
import shutil
import sqlite3
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from pos.bootstrap.backups import Restored, Wish, epoch_of_series, make_backup, restore
from pos.bootstrap.central_key import CentralKey
from pos.bootstrap.homes import Machine, fill_cache, open_till, series_of
from pos.domain.errors import NotAuthorised, Refused
from pos.domain.role import Person, Role
from pos.store.database import StoreError
from pos.store.people import RosterEntry, put_person
from pos.store.sealed_keys import open_keys, seal_keys
from pos.till.deposits import deposit_cheques
from tests.builders.tills import (
    BACK_OFFICE,
    CASHIER,
    NOW,
    SettableClock,
    cash,
    cheque,
    closed,
    findings,
    machine,
    open_home,
    opened,
    pay,
    put_settings,
    rows,
    small_fixture,
)
from tests.builders.tills import count as counted

PASSPHRASE = "correct horse battery"
MOMENTS = count(10)


def later() -> Machine:
    return machine(SettableClock(NOW + timedelta(minutes=next(MOMENTS))))


ADMIN = Person(user="6006", name="R. Root", roles=frozenset({Role.ADMIN}), dealer=None, accounts=frozenset())


@pytest.fixture(scope="module")
def first_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one receipt, closed. It is copied, for to make one takes longer than most of these tests."""
    folder = tmp_path_factory.mktemp("first") / "home"
    till = open_home(folder)
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
        # Central tells again what the cache of a restored home lacks.
        fill_cache(till.desk.cache, small_fixture(), told_at=NOW)
        return pay(till.desk, cash(str(next(MOMENTS))), account="BA-1001").receipt.receipt_number


def backed_up(home: Path, name: str = "backup") -> Path:
    made = make_backup(home, home.parent / name, PASSPHRASE, later())
    assert made.findings == []
    return made.store


def redeemed(_url: str, terminal: str, above: int) -> CentralKey:
    """Central's answer to a one-time code."""
    return CentralKey(client_id=f"{terminal}:{above + 1}", epoch=above + 1, private=bytes(32))


def restored(home: Path, backup: Path, passphrase: str = PASSPHRASE, who: Person = ADMIN) -> Restored:
    """Nobody of the worked example is an admin: central's one-time code stands for the second person."""
    wish = Wish(home=home, backup=backup, passphrase=passphrase, enrol=redeemed)
    return restore(wish, lambda _desk: who, later())


def test_a_backup_is_taken_while_the_till_sells(home: Path) -> None:
    with open_till(home, machine=later()) as till:
        pay(till.desk, cash("7"), account="BA-1001")
        backup = backed_up(home)
        pay(till.desk, cash("8"), account="BA-1001")

    raw = sqlite3.connect(f"file:{backup}?mode=ro&immutable=1", uri=True)
    assert raw.execute("SELECT count(*) FROM payment_event").fetchone() == (2,)
    raw.close()
    sealed = backup.with_name("backup.keys").read_bytes()
    for key in (home / "keys").iterdir():
        assert key.read_bytes() not in sealed
    assert {path.name for path in home.parent.iterdir()} == {"home", "backup", "backup.keys"}
    assert {path.stat().st_mode & 0o777 for path in (backup, backup.with_name("backup.keys"))} == {0o600}


def test_a_restored_home_goes_on_in_a_new_series(home: Path) -> None:
    """Rule 57: a restored till uses no receipt number of before again, nor its place at central."""
    backup = backed_up(home)
    lost = sell(home)

    done = restored(home, backup)

    assert (done.epoch, done.series) == (2, "B")
    receipt = sell(home)
    with open_till(home, machine=later()) as till:
        assert [(row["epoch"], row["sequence"]) for row in rows(till.desk, "payment_event")] == [
            (1, 1),
            (2, 1),
        ]
        (row,) = [row for row in rows(till.desk, "audit") if row["act"] == "restore"]
        assert (row["result"], row["subject"]) == ("ok", "epoch 2, series B")
        assert findings(till.desk) == []
    assert (lost, receipt) == ("S014-T1-A-000002", "S014-T1-B-000001")


def test_what_is_replaced_is_kept(home: Path) -> None:
    backup = backed_up(home)
    lost = sell(home)

    done = restored(home, backup)

    assert done.kept is not None
    raw = sqlite3.connect(done.kept / "till.db")
    assert (lost,) in raw.execute("SELECT receipt_number FROM receipt").fetchall()
    raw.close()
    assert (done.kept / "keys" / "chain.key").is_file()


def test_a_second_restore_takes_yet_another_series(home: Path) -> None:
    backup = backed_up(home)
    restored(home, backup)
    sell(home)

    assert restored(home, backup).series == "C"
    assert sell(home) == "S014-T1-C-000001"


@pytest.mark.parametrize("step", range(8))
def test_a_restore_that_broke_off_in_the_exchange_uses_no_series_again(
    home: Path, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rule 57: what was in force before lies in the home's backups then, and its series counts all the same."""
    backup = backed_up(home)
    restored(home, backup)
    sell(home)
    renames, rename = count(), os.rename

    def breaks_off(source: Path, target: Path) -> None:
        if source.parent in (home, home / "restoring") and next(renames) == step:
            raise OSError(errno.EIO, "the disk failed")
        rename(source, target)

    with monkeypatch.context() as broken:
        broken.setattr(os, "rename", breaks_off)
        with pytest.raises(OSError, match="the disk failed"):
            restored(home, backup)

    done = restored(home, backup)

    assert done.series not in {"A", "B"}
    assert sell(home) == f"S014-T1-{done.series}-000001"


def test_after_a_deposit_slip_the_next_series_follows_as_ever(home: Path) -> None:
    """Its number has a part more than a receipt's, and those letters name no series."""
    with open_till(home, machine=later()) as till:
        fill_cache(till.desk.cache, small_fixture(), told_at=NOW)
        pay(till.desk, cheque("3", serial="000901"), account="BA-1001")
        counted(till.desk, "25", cheques="3", cheque_count=1)
        closed(till.desk)
        assert deposit_cheques(till.desk, BACK_OFFICE).slip.number == "S014-T1-A-DS-000001"

    assert restored(home, backed_up(home)).series == "B"


def test_a_backup_of_another_terminal_replaces_nothing(home: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    open_home(other, terminal="T2").close()
    backup = backed_up(other)

    with pytest.raises(Refused) as refusal:
        restored(home, backup)

    assert refusal.value.code == "other_terminal"
    assert sell(home) == "S014-T1-A-000002"


def test_a_damaged_store_still_tells_its_series_by_the_file_beside_it(home: Path) -> None:
    backup = backed_up(home)
    restored(home, backup)
    sell(home)
    (home / "till.db").write_bytes(b"not a database.." * 512)

    assert restored(home, backup).series == "C"


def test_a_home_on_another_machine_is_made_from_the_two_files(home: Path, tmp_path: Path) -> None:
    backup = backed_up(home)

    done = restored(tmp_path / "new", backup)

    assert (done.kept, done.series) == (None, "B")
    (tmp_path / "new" / "cache.db").unlink(missing_ok=True)
    with open_till(tmp_path / "new", machine=later()) as till:
        assert len(rows(till.desk, "payment_event")) == 1
        assert findings(till.desk) == []


def test_an_older_store_that_was_put_back_is_healed_by_a_restore(home: Path) -> None:
    older = (home / "till.db").read_bytes()
    backup = backed_up(home)
    sell(home)
    (home / "till.db").write_bytes(older)
    with pytest.raises(StoreError, match="older"), open_till(home, machine=later()):
        pass

    assert restored(home, backup).series == "B"
    assert sell(home).startswith("S014-T1-B-")


@pytest.mark.parametrize("passphrase", ["", "correct horse batterz", PASSPHRASE + " "])
def test_without_the_passphrase_nothing_is_restored(home: Path, passphrase: str) -> None:
    backup = backed_up(home)

    with pytest.raises(Refused) as refusal:
        restored(home, backup, passphrase)

    assert refusal.value.code == "bad_passphrase"
    assert sell(home) == "S014-T1-A-000002"


def test_who_has_not_the_right_restores_nothing(home: Path) -> None:
    backup = backed_up(home)

    with pytest.raises(NotAuthorised):
        restored(home, backup, who=CASHIER)

    assert sell(home) == "S014-T1-A-000002"
    assert not (home / "restoring").exists()


def test_an_altered_backup_is_refused(home: Path) -> None:
    backup = backed_up(home)
    raw = sqlite3.connect(backup)
    raw.execute("UPDATE person SET roles = 'admin,auditor'")
    raw.commit()
    raw.close()

    with pytest.raises(StoreError) as stop:
        restored(home, backup)

    assert (stop.value.code, stop.value.exit_code) == ("backup_altered", 6)
    assert sell(home) == "S014-T1-A-000002"


# --- by two admins of the backup's own people --------------------------------------------------------------------


OTHER_ADMIN = Person(user="6007", name="S. Root", roles=frozenset({Role.ADMIN}))


def hired(home: Path, *admins: Person, active: bool = True) -> None:
    """These are admins of the home from now on."""
    with open_till(home, machine=later()) as till, till.desk.till.transaction() as unit:
        for admin in admins:
            put_person(unit.connection, RosterEntry(person=admin, pin_hash="none", active=active), at=NOW)


def restored_by(home: Path, backup: Path, second: Person | None = None, *, coded: bool = False) -> Restored:
    asked: list[str] = []

    def enrol(url: str, terminal: str, above: int) -> CentralKey:
        asked.append(terminal)
        return redeemed(url, terminal, max(above, 6))

    wish = Wish(
        home=home,
        backup=backup,
        passphrase=PASSPHRASE,
        enrol=enrol if coded else None,
        second=None if second is None else lambda _desk: second,
    )
    try:
        return restore(wish, lambda _desk: ADMIN, later())
    except (Refused, NotAuthorised):
        assert asked == [], "central's code is not spent for what is refused"
        raise


def test_two_admins_of_the_backup_restore_it(home: Path) -> None:
    """Rule 33: who asks and who approves are two, and both are in the books that go on."""
    hired(home, ADMIN, OTHER_ADMIN)
    backup = backed_up(home)

    assert restored_by(home, backup, OTHER_ADMIN).series == "B"

    with open_till(home, machine=later()) as till:
        told = [
            (row["operator"], row["act"], row["result"], row["reason_code"])
            for row in rows(till.desk, "audit")
            if row["act"] in ("restore", "approve")
        ]
        assert findings(till.desk) == []
    assert told == [
        (ADMIN.user, "restore", "refused", "approval_required"),
        (OTHER_ADMIN.user, "approve", "ok", None),
        (ADMIN.user, "restore", "ok", None),
    ]


@pytest.mark.parametrize("coded", [False, True])
def test_one_of_two_admins_alone_restores_nothing(home: Path, coded: bool) -> None:
    hired(home, ADMIN, OTHER_ADMIN)
    backup = backed_up(home)

    with pytest.raises(Refused) as refusal:
        restored_by(home, backup, coded=coded)

    assert refusal.value.code == "approval_required"
    assert "--second" in refusal.value.message
    assert sell(home) == "S014-T1-A-000002"


@pytest.mark.parametrize("second", [ADMIN, CASHIER])
def test_who_approves_a_restore_is_another_admin(home: Path, second: Person) -> None:
    hired(home, ADMIN, OTHER_ADMIN)
    backup = backed_up(home)

    with pytest.raises(NotAuthorised):
        restored_by(home, backup, second, coded=True)

    assert sell(home) == "S014-T1-A-000002"


def test_where_there_is_no_other_admin_centrals_code_stands_for_one(home: Path) -> None:
    hired(home, ADMIN)
    hired(home, OTHER_ADMIN, active=False)
    backup = backed_up(home)
    with pytest.raises(Refused) as refusal:
        restored_by(home, backup)
    assert refusal.value.code == "no_second_admin"

    assert restored_by(home, backup, coded=True).epoch == 7


def test_a_shop_may_say_that_its_only_admin_restores_alone(home: Path) -> None:
    """Never a lock-out: also without a central, and in a home that is empty."""
    hired(home, ADMIN)
    backup = backed_up(home)
    empty = home.parent / "empty"
    empty.mkdir(mode=0o700)
    put_settings(empty, "till.toml", "[sign_in]\nsole_admin_restores = true\n")

    assert restored_by(empty, backup).series == "B"


def test_the_setting_opens_nothing_where_there_is_another_admin(home: Path) -> None:
    hired(home, ADMIN, OTHER_ADMIN)
    backup = backed_up(home)
    put_settings(home, "till.toml", "[sign_in]\nsole_admin_restores = true\n")

    with pytest.raises(Refused) as refusal:
        restored_by(home, backup)

    assert refusal.value.code == "approval_required"


def test_a_home_in_use_is_not_replaced(home: Path) -> None:
    backup = backed_up(home)
    with open_till(home, machine=later()), pytest.raises(StoreError) as stop:
        restored(home, backup)

    assert stop.value.exit_code == 5


def test_an_altered_store_is_backed_up_and_said_to_be(home: Path) -> None:
    raw = sqlite3.connect(home / "till.db")
    raw.execute("UPDATE person SET name = 'x' WHERE user = '1001'")
    raw.commit()
    raw.close()

    made = make_backup(home, home.parent / "backup", PASSPHRASE, later())

    assert [(one.check, one.where) for one in made.findings] == [("chain_row_altered", "person 1001")]
    assert made.store.is_file()


def test_a_damaged_store_makes_no_backup(home: Path) -> None:
    store = home / "till.db"
    content = bytearray(store.read_bytes())
    content[40 * 4096 : 60 * 4096] = b"\xa5" * (20 * 4096)
    store.write_bytes(content)

    with pytest.raises(StoreError) as stop:
        make_backup(home, home.parent / "backup", PASSPHRASE, later())

    assert stop.value.exit_code == 6
    assert {path.name for path in home.parent.iterdir()} == {"home"}


def test_no_backup_is_written_over(home: Path) -> None:
    backup = backed_up(home)
    before = backup.read_bytes()

    with pytest.raises(Refused) as refusal:
        make_backup(home, backup, PASSPHRASE, later())

    assert refusal.value.code == "backup_exists"
    assert backup.read_bytes() == before


def test_sealed_keys_open_with_their_passphrase_alone() -> None:
    sealed = seal_keys({"chain.key": bytes(32)}, PASSPHRASE, salt=bytes(16), nonce=bytes(12))

    assert open_keys(sealed, PASSPHRASE) == {"chain.key": bytes(32)}
    assert bytes(32).hex().encode() not in sealed
    told = json.loads(sealed)
    spoiled = [b"", b"{}", b"[]", b"{", sealed[:-5], json.dumps({**told, "salt": "11" * 16}).encode()]
    spoiled.append(json.dumps({**told, "box": "00" + told["box"][2:]}).encode())
    for one in spoiled:
        with pytest.raises(Refused, match="passphrase"):
            open_keys(one, PASSPHRASE)
    with pytest.raises(Refused, match="12 characters"):
        seal_keys({}, "short", salt=bytes(16), nonce=bytes(12))


@pytest.mark.parametrize("epoch", [1, 2, 26, 27, 52, 53, 702, 703])
def test_a_series_tells_its_epoch(epoch: int) -> None:
    assert epoch_of_series(series_of(epoch)) == epoch


@pytest.mark.parametrize("series", ["a", "1", "A1", "Ä"])
def test_what_is_no_series_tells_none(series: str) -> None:
    assert epoch_of_series(series) == 0
