"""A disk that says no: before the commit nothing was booked; at the commit the store is asked (reliability.md 3.4)."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from pos.domain.errors import DomainError, Refused
from pos.store.database import Database, StoreError, store_damaged
from pos.store.unit_of_work import TillStore
from pos.till.cash_office import open_shift
from pos.till.desk import Desk, Memo
from pos.till.hand_over import accept_hand_over, hand_over
from pos.till.sign_in import sign_in
from pos.till.take_payment import take_payment
from tests.builders.tills import (
    CASHIER,
    OTHER_CASHIER,
    PINS,
    cash,
    cheque,
    close_stores,
    count,
    dump,
    findings,
    make_till,
    opened,
    order,
    pay,
    raw_connection,
    reopened,
    rows,
    wish,
)

AUDIT = ("audit", "chain_link", "counter")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = make_till(tmp_path)
    opened(desk)
    pay(desk, cash("1"))
    yield desk
    close_stores(desk)


def fill_the_disk(desk: Desk, *, pages_left: int = 0) -> None:
    """The file may grow by so many pages and no more, as on a full disk."""
    raw = raw_connection(desk.till.database)
    used = raw.execute("PRAGMA page_count").fetchone()[0]
    raw.execute(f"PRAGMA max_page_count = {used + pages_left}")


def make_room(desk: Desk) -> None:
    raw_connection(desk.till.database).execute("PRAGMA max_page_count = 1073741823")


def refused_by_the_disk(desk: Desk) -> Refused:
    """Payments until the disk says no; what was told as booked is booked."""
    for _ in range(200):
        before = dump(desk, without=AUDIT)
        try:
            pay(desk, cash("1"), account="D-1")
        except Refused as refusal:
            assert dump(desk, without=AUDIT) == before
            return refusal
    raise AssertionError("the disk never said no")


@pytest.mark.parametrize("pages_left", range(0, 12, 2))
def test_a_full_disk_books_nothing_and_says_so(desk: Desk, pages_left: int) -> None:
    fill_the_disk(desk, pages_left=pages_left)

    refusal = refused_by_the_disk(desk)

    assert refusal.code == "store_write_failed"
    assert refusal.details["reason"] == "SQLITE_FULL"
    assert "full" in refusal.message
    assert "nothing was booked" in refusal.message


def test_numbers_go_on_without_a_gap_when_there_is_room_again(desk: Desk) -> None:
    """Rule 19: a failed commit uses no number."""
    fill_the_disk(desk)
    refused_by_the_disk(desk)
    make_room(desk)

    pay(desk, cash("1"), account="D-1")

    counters = [row["counter"] for row in rows(desk, "receipt")]
    assert counters == list(range(1, len(counters) + 1))
    assert findings(desk) == []


def test_the_event_that_met_a_full_disk_is_booked_under_its_id_later(desk: Desk) -> None:
    fill_the_disk(desk)
    refused_by_the_disk(desk)
    asked = order(desk, cash("1"), account="D-1")
    with pytest.raises(Refused):
        take_payment(desk, CASHIER, asked)
    make_room(desk)

    assert not take_payment(desk, CASHIER, asked).replayed


def test_a_full_disk_refuses_every_deed_and_a_restart_finds_the_books_whole(desk: Desk) -> None:
    fill_the_disk(desk)
    refused_by_the_disk(desk)
    for _ in range(30):
        try:
            count(desk, "1")
        except Refused as refusal:
            code = refusal.code
    assert code in ("store_write_failed", "recounted_already")

    again = reopened(desk)
    assert findings(again) == []
    close_stores(again)


def test_nobody_signs_in_where_a_try_cannot_be_counted(desk: Desk) -> None:
    raw_connection(desk.till.database).execute("PRAGMA query_only = ON")

    with pytest.raises(DomainError) as refusal:
        sign_in(desk, "1001", PINS["1001"])

    assert refusal.value.code == "store_write_failed"


def test_a_store_that_became_read_only_books_nothing(desk: Desk) -> None:
    before = dump(desk)
    raw_connection(desk.till.database).execute("PRAGMA query_only = ON")

    for deed in (
        lambda: pay(desk, cash("1")),
        lambda: count(desk, "1"),
        lambda: pay(desk, cash("1"), allocate=[wish("404")]),
    ):
        with pytest.raises(Refused) as refusal:
            deed()
        assert refusal.value.code in ("store_write_failed", "unknown_bill")
    assert dump(desk) == before


# --- at the commit -------------------------------------------------------------------------------------------------


def input_output_error() -> OperationalError:
    cause = sqlite3.OperationalError("disk I/O error")
    cause.sqlite_errorname = "SQLITE_IOERR_FSYNC"
    return OperationalError("COMMIT", None, cause)


class DiskFailsAtCommit(Database):
    """A disk on which the next commit reports an error, after (``kept``) or before the pages are safe.

    ``comes_back`` False: from then on the store cannot be opened either.
    """

    def __init__(self, path: Path) -> None:
        self.kept: bool | None = None
        self.comes_back = True
        super().__init__(path)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        kept, self.kept = self.kept, None
        with super().write() as connection:
            yield connection
            if kept is False:
                raise input_output_error()
        if kept is True:
            raise input_output_error()

    def _open_writer(self) -> None:
        if not self.comes_back:
            raise store_damaged("disk I/O error")
        super()._open_writer()


@pytest.fixture
def failing(tmp_path: Path) -> Iterator[tuple[Desk, DiskFailsAtCommit]]:
    desk = make_till(tmp_path)
    desk.till.database.close()
    disk = DiskFailsAtCommit(tmp_path / "till.db")
    desk = replace(desk, till=TillStore(disk, desk.till.keys))
    opened(desk)
    yield desk, disk
    close_stores(desk)


def test_a_commit_that_failed_and_holds_is_told_as_booked(failing: tuple[Desk, DiskFailsAtCommit]) -> None:
    desk, disk = failing
    disk.kept = True

    taken = pay(desk, cheque("1"), cash("49"))

    assert taken.receipt.receipt_number == "S014-T1-A-000001"
    assert [row["receipt_number"] for row in rows(desk, "receipt")] == ["S014-T1-A-000001"]
    assert findings(desk) == []


def test_a_commit_that_failed_and_does_not_hold_is_told_as_not_booked(
    failing: tuple[Desk, DiskFailsAtCommit],
) -> None:
    desk, disk = failing
    before = dump(desk, without=AUDIT)
    disk.kept = False

    with pytest.raises(Refused) as refusal:
        pay(desk, cash("50"))

    assert refusal.value.code == "store_write_failed"
    assert refusal.value.details["reason"] == "SQLITE_IOERR_FSYNC"
    assert dump(desk, without=AUDIT) == before
    assert not desk.touched_bills
    assert pay(desk, cash("50")).receipt.receipt_number == "S014-T1-A-000001"
    assert findings(desk) == []


def test_a_store_that_does_not_come_back_leaves_the_outcome_unknown(
    failing: tuple[Desk, DiskFailsAtCommit],
) -> None:
    desk, disk = failing
    asked = order(desk, cash("50"))
    disk.kept, disk.comes_back = True, False

    with pytest.raises(Refused) as refusal:
        take_payment(desk, CASHIER, asked)
    assert refusal.value.code == "outcome_unknown"

    with pytest.raises(StoreError):
        pay(desk, cash("1"))

    # The same event, sent again when the disk is back, tells whether it was booked.
    disk.comes_back = True
    assert take_payment(desk, CASHIER, asked).replayed
    assert findings(desk) == []


def test_a_line_of_a_script_is_remembered_exactly_when_it_was_booked(
    failing: tuple[Desk, DiskFailsAtCommit],
) -> None:
    desk, disk = failing
    memo = Memo(ref="a1", digest="d", encode=lambda _outcome: {"ok": True})
    disk.kept = False
    with pytest.raises(Refused):
        take_payment(desk, CASHIER, order(desk, cash("5")), memo=memo)
    assert rows(desk, "script_ref") == []

    disk.kept = True
    take_payment(desk, CASHIER, order(desk, cash("5")), memo=memo)
    assert [row["ref"] for row in rows(desk, "script_ref")] == ["a1"]


def test_a_refusal_is_told_even_where_its_audit_row_cannot_be_written(
    failing: tuple[Desk, DiskFailsAtCommit],
) -> None:
    desk, _ = failing
    raw_connection(desk.till.database).execute("PRAGMA query_only = ON")

    with pytest.raises(Refused) as refusal:
        open_shift(desk, CASHIER, "0")

    assert refusal.value.code in ("shift_is_open", "store_write_failed")


@pytest.mark.parametrize("pages_left", range(0, 24, 3))
def test_a_hand_over_that_the_disk_refuses_stays_offered_and_is_accepted_later(
    desk: Desk, pages_left: int
) -> None:
    count(desk, "21")
    hand_over(desk, CASHIER, OTHER_CASHIER.user)
    fill_the_disk(desk, pages_left=pages_left)

    with suppress(Refused):
        accept_hand_over(desk, OTHER_CASHIER, "21")

    before = rows(desk, "v_hand_over")[0]["state"]
    assert len(rows(desk, "shift")) == (2 if before == "accepted" else 1)
    make_room(desk)
    if before == "offered":
        accept_hand_over(desk, OTHER_CASHIER, "21")
    assert [row["state"] for row in rows(desk, "v_shift")] == ["closed", "open"]
    assert findings(desk) == []
