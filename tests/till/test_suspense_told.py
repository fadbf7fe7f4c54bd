"""What left suspense waits for central from the deed on, and verify finds where it does not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pos.domain.allocation import PaymentPolicy
from pos.domain.errors import Refused
from pos.domain.payment_mode import PayerKind
from pos.store.migrations.versions import v0017_transfers_told
from pos.till.desk import Desk
from pos.till.unsent import unsent
from pos.till.verify import verify_books
from tests.builders.tills import (
    SUPERVISOR,
    cash,
    close_stores,
    findings,
    in_suspense,
    make_till,
    money,
    opened,
    pay,
    resolved,
    rows,
    wish,
)
from tests.till.books import sealed, spoil


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """20.000 and 5.000 of unknown owners, all of the first in suspense still."""
    desk = make_till(tmp_path, payments=PaymentPolicy(resolve_alone_up_to_minor=100_000))
    opened(desk)
    wishes = [in_suspense("letter", "20"), in_suspense("envelope", "5")]
    pay(desk, cash("25"), account=None, payer=PayerKind.SUBSCRIBER, allocate=wishes)
    yield desk
    close_stores(desk)


RECEIPT = "S014-T1-A-000001"


def test_a_transfer_waits_for_central_in_the_queue_of_its_money(desk: Desk) -> None:
    """Rule 53: behind the leg that brought it, whatever the owner's own payments wait for."""
    done = resolved(desk, RECEIPT, "BA-1", "4", item=1, allocate=[wish("7782", "3")])

    leg, told = rows(desk, "outbox")
    assert (told["kind"], told["source_id"], told["account"]) == ("transfer", done.transfer_id, "BA-1")
    assert (told["payment_event_id"], told["leg"], told["queue"]) == (
        leg["payment_event_id"],
        leg["leg"],
        leg["queue"],
    )
    assert (told["state"], told["body"]) == ("waiting", None)
    (transfer,) = rows(desk, "v_transfer")
    assert (transfer["state"], transfer["told"]) == ("done", "waiting")
    assert findings(desk) == []


def test_a_refused_transfer_tells_nothing(desk: Desk) -> None:
    with pytest.raises(Refused):
        resolved(desk, RECEIPT, "BA-1", "21", item=1)

    assert [row["kind"] for row in rows(desk, "outbox")] == ["payment"]


def test_the_list_of_what_waits_says_how_much_left_suspense_for_whom(desk: Desk) -> None:
    resolved(desk, RECEIPT, "BA-3", "4", item=1)

    _leg, told = unsent(desk, SUPERVISOR)

    assert (told.outcome, told.account, told.amount) == ("from suspense", "BA-3", money("4"))
    assert told.receipt_number == RECEIPT


@pytest.mark.parametrize(
    ("check", "statement"),
    [
        ("suspense_transfer_is_in_the_outbox", "DELETE FROM outbox WHERE kind = 'transfer'"),
        ("suspense_transfer_is_in_the_outbox", "UPDATE outbox SET account = 'BA-2' WHERE kind = 'transfer'"),
        ("outbox_transfer_has_its_deed", "UPDATE outbox SET source_id = 'x' WHERE kind = 'transfer'"),
        ("suspense_transfer_is_booked", "UPDATE suspense_transfer SET amount_minor = 3999"),
        ("suspense_transfer_is_booked", "DELETE FROM suspense_transfer_part WHERE bill_no IS NULL"),
        ("suspense_is_explained", "UPDATE suspense SET amount_minor = amount_minor + 1"),
        ("suspense_is_what_was_kept_there", "UPDATE allocation SET kept_as = NULL"),
        ("suspense_is_not_overdrawn", "UPDATE suspense SET amount_minor = 3999"),
    ],
)
def test_what_was_spoilt_is_found(desk: Desk, check: str, statement: str) -> None:
    resolved(desk, RECEIPT, "BA-1", "4", item=1, allocate=[wish("7782", "3")])
    assert findings(desk) == []

    spoil(desk, statement)

    assert check in {found.check for found in verify_books(desk)}


def test_what_left_suspense_before_there_were_messages_is_told_after_the_upgrade(desk: Desk) -> None:
    resolved(desk, RECEIPT, "BA-1", "4", item=1, allocate=[wish("7782", "3")])
    resolved(desk, RECEIPT, "BA-3", item=2)
    booked = [dict(row) for row in rows(desk, "outbox")]
    spoil(desk, "DELETE FROM outbox WHERE kind = 'transfer'")

    with desk.till.database.write() as connection:
        (backfill, *_) = v0017_transfers_told.SCHEMA.split(";")
        connection.exec_driver_sql(backfill)
    sealed(desk)

    told = [dict(row) for row in rows(desk, "outbox")]
    for row in (*booked, *told):
        del row["outbox_id"]
    assert told == booked
    assert findings(desk) == []
