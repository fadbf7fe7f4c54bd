"""Money that was credited wrongly is moved, whole or in part: one linked pair, no tender, no drawer."""

from __future__ import annotations

import pytest

from pos.domain.receipt import Copy
from pos.domain.role import Person
from pos.till.correction_entry import Corrected
from pos.till.corrections import void
from pos.till.desk import Desk
from pos.till.open_bills import catch_up
from pos.till.refunds import RefundOrder, refund
from pos.till.transfers import MoveOrder, reallocate, transfer
from receipts.compose import compose
from receipts.text import render_text
from tests.builders.tills import (
    BACK_OFFICE,
    CASHIER,
    cash,
    cheque,
    findings,
    make_till,
    money,
    opened,
    pay,
    rows,
)
from tests.builders.undoing import approved, balances, code_of, credits, open_bills, order
from tests.till.books import spoil


@pytest.fixture
def desk() -> Desk:
    desk = make_till()
    opened(desk)
    return desk


def move(receipt: str, **more: object) -> MoveOrder:
    return MoveOrder(receipt=receipt, reason="wrong_account", **more)  # type: ignore[arg-type]


def moved(desk: Desk, receipt: str, person: Person = CASHIER, **more: object) -> Corrected:
    return approved(desk, lambda: transfer(desk, person, move(receipt, **more)))


def put(desk: Desk, receipt: str, **more: object) -> Corrected:
    return approved(desk, lambda: reallocate(desk, CASHIER, move(receipt, **more)))


def test_a_payment_goes_to_another_account_and_the_first_owes_again(desk: Desk) -> None:
    """Domain.md 3.7: the bills of the one are open again, the oldest due of the other are paid."""
    before = open_bills(desk)
    receipt = pay(desk, cash("10")).receipt.receipt_number
    catch_up(desk)
    cash_before = balances(desk)[("cash_in_till", None)]

    done = moved(desk, receipt, account="BA-2")

    after = open_bills(desk)
    assert done.receipt_number == "S014-T1-A-TR-000001"
    assert after["7781"] == before["7781"]
    assert balances(desk)[("cash_in_till", None)] == cash_before
    assert rows(desk, "correction_cash") == []
    (told,) = rows(desk, "v_transfer")
    assert (told["from_account"], told["to_account"], told["amount_minor"]) == ("BA-1", "BA-2", 10_000)
    paid = sum(before.values()) - sum(after.values())
    assert paid + credits(desk)["BA-2"] == 10_000
    assert done.paper.correction is not None
    assert {line.placed for line in done.paper.correction.lines} == {False, True}
    assert findings(desk) == []


def test_a_part_is_moved_and_the_rest_stays(desk: Desk) -> None:
    before = open_bills(desk)
    receipt = pay(desk, cash("10")).receipt.receipt_number

    moved(desk, receipt, account="BA-2", amount="4")

    assert before["7781"] - open_bills(desk)["7781"] == 6_000
    assert findings(desk) == []


def test_it_can_be_moved_back_and_is_then_as_before(desk: Desk) -> None:
    receipt = pay(desk, cash("10")).receipt.receipt_number
    catch_up(desk)
    before = open_bills(desk), credits(desk), balances(desk)
    moved(desk, receipt, account="BA-2")

    moved(desk, receipt, account="BA-1")

    assert (open_bills(desk), credits(desk), balances(desk)) == before
    assert findings(desk) == []


def test_what_was_moved_is_refunded_from_where_it_is(desk: Desk) -> None:
    before = open_bills(desk)
    receipt = pay(desk, cash("10")).receipt.receipt_number
    moved(desk, receipt, account="BA-2")

    done = approved(desk, lambda: refund(desk, CASHIER, RefundOrder(receipt=receipt, reason="customer_wish")))

    assert done.cash == money("10")
    assert open_bills(desk) == before
    assert balances(desk) == {("cash_in_till", None): 20_000, ("safe", None): -20_000}
    assert findings(desk) == []


def test_a_payment_that_was_moved_is_not_voided(desk: Desk) -> None:
    """Rule 30: not used by a transfer."""
    receipt = pay(desk, cash("10")).receipt.receipt_number
    moved(desk, receipt, account="BA-2", amount="1")

    assert code_of(lambda: void(desk, CASHIER, order(receipt))) == "payment_corrected"


def test_a_cheque_that_is_not_cleared_is_not_moved(desk: Desk) -> None:
    receipt = pay(desk, cheque("10")).receipt.receipt_number

    assert code_of(lambda: transfer(desk, CASHIER, move(receipt, account="BA-2"))) == "nothing_to_move"


def test_a_chain_of_transfers_ends(desk: Desk) -> None:
    receipt = pay(desk, cash("10")).receipt.receipt_number
    for account in ("BA-2", "BA-1", "BA-2"):
        moved(desk, receipt, account=account)

    assert code_of(lambda: transfer(desk, CASHIER, move(receipt, account="BA-1"))) == "transfer_chain"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"account": "BA-1"}, "same_account"),
        ({"account": "NOBODY"}, "unknown_account"),
        ({"account": "D-1"}, "wrong_payer_kind"),
        ({"account": "BA-2", "amount": "10.001"}, "more_than_movable"),
        ({"account": "BA-2", "amount": "0"}, "amount_not_positive"),
        ({"account": "BA-2", "bills": [("7781", "1")]}, "bill_not_open"),
    ],
)
def test_what_makes_no_sense_is_not_moved(desk: Desk, more: dict[str, object], code: str) -> None:
    receipt = pay(desk, cash("10")).receipt.receipt_number

    assert code_of(lambda: transfer(desk, CASHIER, move(receipt, **more))) == code
    assert rows(desk, "correction") == rows(desk, "approval_request") == []


def test_money_goes_to_other_bills_of_the_account(desk: Desk) -> None:
    before = open_bills(desk)
    receipt = pay(desk, cash("10")).receipt.receipt_number

    done = put(desk, receipt, bills=[("7782", "10")])

    after = open_bills(desk)
    assert done.receipt_number == "S014-T1-A-RA-000001"
    assert (after["7781"], before["7782"] - after["7782"]) == (before["7781"], 10_000)
    assert rows(desk, "placed_part")[0]["chosen_by"] == "payer"
    assert findings(desk) == []


def test_without_bills_it_is_kept_as_credit(desk: Desk) -> None:
    """A payment cancellation: the money is good, it was credited wrongly."""
    before, credit = open_bills(desk), credits(desk)["BA-1"]
    receipt = pay(desk, cash("10")).receipt.receipt_number

    put(desk, receipt)

    assert open_bills(desk) == before
    assert credits(desk)["BA-1"] == credit + 10_000
    assert findings(desk) == []


def test_the_back_office_moves_without_a_shift(desk: Desk) -> None:
    receipt = pay(desk, cash("10")).receipt.receipt_number

    moved(desk, receipt, BACK_OFFICE, account="BA-2")

    assert [row["shift_id"] for row in rows(desk, "correction")] == [None]
    assert findings(desk) == []


def test_each_account_has_a_note_of_its_own_that_tells_nothing_of_the_other(desk: Desk) -> None:
    receipt = pay(desk, cash("10")).receipt.receipt_number
    done = approved(
        desk,
        lambda: transfer(desk, CASHIER, MoveOrder(receipt=receipt, account="BA-2", reason="wrong_account")),
    )
    first, cut, second = render_text(compose(done.paper, Copy())).partition("- - - cut here - - -")

    assert cut
    assert "For account BA-1" in first
    assert "Bill 7781" in first
    assert "BA-2" not in first
    assert "For account BA-2" in second
    assert "Bill 7790" in second
    assert "BA-1" not in second
    assert done.receipt_number in first
    assert done.receipt_number in second


def test_books_that_lost_the_message_of_a_move_are_found_out(desk: Desk) -> None:
    moved(desk, pay(desk, cash("10")).receipt.receipt_number, account="BA-2")

    spoil(desk, "DELETE FROM outbox WHERE kind = 'moved'")

    assert "moved_money_is_in_the_outbox" in {finding.check for finding in findings(desk)}
