"""An older store that was put back, a store of another home and a wrong key are noticed before anything is sold."""

import itertools
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from pos.bootstrap.homes import HomePaths, Machine, OpenTill, open_till
from pos.bootstrap.store_check import store_findings
from pos.domain.errors import NotAuthorised, Refused
from pos.store.database import StoreError
from pos.store.high_water import HighWater
from pos.till.lost_mark import confirm_store
from pos.till.verify import verify_books
from pos.till.verify_paper import paper_findings
from tests.builders.tills import (
    CASHIER,
    NOW,
    SUPERVISOR,
    SettableClock,
    cash,
    closed,
    count,
    machine,
    open_home,
    opened,
    pay,
)

KEY = bytes(32)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with one receipt, closed."""
    till = open_home(tmp_path / "home")
    opened(till.desk)
    pay(till.desk, cash("5"), account="BA-1001")
    till.close()
    return tmp_path / "home"


AMOUNTS = itertools.count(6)
"""No two payments alike: the second of a pair would be asked about."""


def later() -> Machine:
    """The ports after a restart: another moment, so that no id comes again."""
    return machine(SettableClock(NOW + timedelta(minutes=next(AMOUNTS))))


def sell(home: Path) -> str:
    with open_till(home, machine=later()) as till:
        return pay(till.desk, cash(str(next(AMOUNTS))), account="BA-1001").receipt.receipt_number


def stopped(home: Path) -> StoreError:
    with pytest.raises(StoreError) as stop, open_till(home, machine=later()):
        pass
    assert stop.value.exit_code == 6
    return stop.value


def names(home: Path) -> set[str]:
    return {finding.check for finding in store_findings(home, machine())}


def test_an_older_store_put_back_stops_selling(home: Path) -> None:
    """Rule 57: a receipt number is never used twice, also where somebody puts an older file back."""
    older = (home / "till.db").read_bytes()
    receipt = sell(home)
    (home / "till.db").write_bytes(older)

    stop = stopped(home)

    assert stop.code == "store_rolled_back"
    assert receipt in stop.message
    assert names(home) == {"store_rolled_back"}


def test_the_right_store_put_back_again_sells(home: Path) -> None:
    older = (home / "till.db").read_bytes()
    sell(home)
    right = (home / "till.db").read_bytes()
    (home / "till.db").write_bytes(older)
    stopped(home)
    (home / "till.db").write_bytes(right)

    assert sell(home).endswith("000003")
    assert names(home) == set()


def test_a_cut_tail_stops_selling(home: Path) -> None:
    raw = sqlite3.connect(home / "till.db")
    for (name,) in raw.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
        raw.execute(f"DROP TRIGGER {name}")
    raw.execute("DELETE FROM chain_link WHERE chain_no = (SELECT max(chain_no) FROM chain_link)")
    raw.commit()
    raw.close()

    assert stopped(home).code == "store_rolled_back"
    assert "store_rolled_back" in names(home)


def lose_mark(home: Path, left: bytes | None = None) -> None:
    """Take the file away; ``left``: put this in its place."""
    water = home / "high-water"
    water.unlink()
    if left is not None:
        water.write_bytes(left)
        water.chmod(0o600)


def noted(till: OpenTill) -> list[tuple[object, ...]]:
    """What the audit says of it: act, who, result, about which receipt."""
    with till.desk.till.read() as connection:
        found = connection.exec_driver_sql(
            "SELECT act, operator, result, subject FROM audit WHERE act IN ('mark_lost', 'confirm_store') ORDER BY audit_id"
        )
        return [tuple(row) for row in found]


def unanswered(till: OpenTill) -> list[str]:
    return [finding.check for finding in verify_books(till.desk) if finding.check.startswith("lost_mark")]


@pytest.mark.parametrize("left", [b"", b"x" * 1024, b"\0" * 512, None])
def test_a_lost_mark_is_a_finding_and_an_open_shift_goes_on_selling(home: Path, left: bytes | None) -> None:
    """Invariant 41: whoever puts an older file in place may take away what would tell it; a lost file stops no shop."""
    lose_mark(home, left)
    assert names(home) == {"mark_lost"}

    assert sell(home).endswith("000002")

    assert names(home) == set(), "there is a mark again, and the audit knows that it is a new one"
    with open_till(home, machine=later()) as till:
        assert noted(till) == [("mark_lost", None, "warned", "S014-T1-A-000001")]
        assert unanswered(till) == ["lost_mark_is_answered_for"]


def test_after_a_lost_mark_no_shift_is_opened_until_somebody_answers_for_the_last_receipt(home: Path) -> None:
    """Rule 57: what an older store lacks is on paper, and only a person can see that."""
    with open_till(home, machine=later()) as till:
        count(till.desk, "25")
        closed(till.desk)
    lose_mark(home)
    with open_till(home, machine=later()) as till:
        with pytest.raises(Refused) as stop:
            opened(till.desk)
        assert stop.value.code == "store_unconfirmed"
        assert "S014-T1-A-Z-000001" in stop.value.message  # The close's own paper is the last one.

        with pytest.raises(NotAuthorised):
            confirm_store(till.desk, CASHIER)
        assert confirm_store(till.desk, SUPERVISOR).last_receipt == "S014-T1-A-Z-000001"

        opened(till.desk)
        assert [(row[0], row[1]) for row in noted(till) if row[2] != "denied"] == [
            ("mark_lost", None),
            ("confirm_store", SUPERVISOR.user),
        ]
        assert unanswered(till) == []


def test_a_second_loss_wants_a_second_answer(home: Path) -> None:
    lose_mark(home)
    with open_till(home, machine=later()) as till:
        confirm_store(till.desk, SUPERVISOR)
    lose_mark(home)
    with open_till(home, machine=later()) as till:
        assert unanswered(till) == ["lost_mark_is_answered_for"]


def test_a_home_that_only_looks_beside_the_till_writes_nothing_of_a_lost_mark(home: Path) -> None:
    lose_mark(home)
    with open_till(home, machine=later(), read_only=True) as till:
        assert noted(till) == []
    assert not (home / "high-water").exists()


def test_an_older_store_without_its_mark_waits_for_the_paper(home: Path) -> None:
    """Invariant 41: the file put back, and its mark taken away: the paper that it lacks is the last one in the drawer."""
    with open_till(home, machine=later()) as till:
        count(till.desk, "25")
        closed(till.desk)
    older = (home / "till.db").read_bytes()
    with open_till(home, machine=later()) as till:
        opened(till.desk)
    sold = sell(home)
    (home / "till.db").write_bytes(older)
    lose_mark(home)

    with open_till(home, machine=later()) as till, pytest.raises(Refused) as stop:
        opened(till.desk)
    assert stop.value.code == "store_unconfirmed"
    assert sold not in stop.value.message


def test_a_mark_that_lags_behind_stops_nobody(home: Path) -> None:
    """The power went after the commit and before the mark was on the disk: the store is ahead of it."""
    before = (home / "high-water").read_bytes()
    sell(home)
    (home / "high-water").write_bytes(before)

    assert sell(home).endswith("000003")


def test_a_torn_write_leaves_the_mark_before(tmp_path: Path) -> None:
    water = HighWater(tmp_path / "high-water", KEY)
    water.begin_anew(7, "a" * 64)
    water.rise(8, "b" * 64, "R-1")
    water.rise(9, "c" * 64, None)
    water.close()
    whole = (tmp_path / "high-water").read_bytes()

    last = HighWater(tmp_path / "high-water", KEY).last
    assert last is not None
    assert (last.chain_no, last.mark, last.receipt) == (9, "c" * 64, "R-1")
    for cut in range(512, 640, 16):
        (tmp_path / "high-water").write_bytes(whole[:cut])
        kept = HighWater(tmp_path / "high-water", KEY).last
        assert kept is None or kept.chain_no == 8
    (tmp_path / "high-water").write_bytes(whole)
    assert HighWater(tmp_path / "high-water", b"another").last is None


def test_a_full_disk_at_the_mark_fails_no_sale(home: Path) -> None:
    till = open_till(home, machine=later())
    water = HomePaths(home=home).high_water
    till.desk.till.close()
    water.unlink()
    water.mkdir()

    with pytest.raises(OSError, match="directory"):
        HighWater(water, KEY).begin_anew(1, "a")
    HighWater(water, KEY).rise(1, "a", None)
    till.close()


def test_a_key_of_another_store_stops_selling(home: Path) -> None:
    (home / "keys" / "chain.key").write_text("00" * 32)

    assert stopped(home).code == "chain_key_wrong"
    assert "chain_key_wrong" in names(home)


def test_a_last_link_that_was_edited_stops_selling(home: Path) -> None:
    raw = sqlite3.connect(home / "till.db")
    raw.execute("DROP TRIGGER chain_link_never_changes")
    raw.execute(
        "UPDATE chain_link SET rows = replace(rows, 'audit', 'home') WHERE chain_no = (SELECT max(chain_no) FROM chain_link)"
    )
    raw.commit()
    raw.close()

    assert stopped(home).code == "store_altered"
    assert {"store_altered", "chain_link_altered", "schema_missing"} <= names(home)


def test_the_mark_on_paper_is_the_chains(home: Path) -> None:
    with open_till(home, machine=later()) as till:
        receipt = pay(till.desk, cash("1"), account="BA-1001").receipt
        number, mark = receipt.receipt_number, receipt.chain_mark

        assert paper_findings(till.desk, f"{number} {mark}") == []
        (other,) = paper_findings(till.desk, f"{number} 0000-0000-0000")
        (unknown,) = paper_findings(till.desk, f"S014-T1-A-000099 {mark}")
    assert (other.check, other.where) == ("printed_mark_differs", number)
    assert unknown.check == "printed_receipt_is_in_the_books"
