"""A payment that was keyed as paid another way: the same payment, by what it was really paid, in one deed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from sqlalchemy.exc import IntegrityError

from pos.domain.approval import ApprovalNeeded
from pos.domain.correction import CorrectionPolicy
from pos.domain.errors import NotAuthorised, Refused
from pos.domain.ids import new_id
from pos.domain.offline import OfflineLimits
from pos.domain.payment_mode import Purpose
from pos.domain.role import Person, Role
from pos.store.corrections import taken_payment
from pos.till.approvals import approve
from pos.till.basket import Given
from pos.till.corrections import void
from pos.till.desk import Desk
from pos.till.open_bills import catch_up
from pos.till.papers import show_receipt
from pos.till.payment_order import TenderOrder
from pos.till.refunds import RefundOrder, refund
from pos.till.swaps import SwapOrder, Swapped, swap_basket, swap_order, swap_tender
from pos.till.take_payment import take_payment
from tests.builders.cards import FakeCards, ask, by_terminal
from tests.builders.tills import (
    BACK_OFFICE,
    CASHIER,
    OTHER_CASHIER,
    SUPERVISOR,
    card,
    cash,
    cheque,
    closed,
    count,
    findings,
    go_offline,
    iccid,
    in_suspense,
    let_change_prices,
    make_till,
    marked_down,
    money,
    opened,
    order,
    pay,
    rows,
    sale,
    stock,
    voucher,
    wish,
)
from tests.builders.undoing import approved, balances, code_of, credits, open_bills
from tests.builders.undoing import order as to_undo
from tests.till.books import refused


@pytest.fixture
def desk() -> Desk:
    desk = make_till()
    stock(desk)
    opened(desk)
    return desk


def really(desk: Desk, receipt: str, tenders: Sequence[TenderOrder]) -> SwapOrder:
    """That the payment of ``receipt`` was paid by these."""
    event_id = new_id(desk.clock, desk.randomness)
    return SwapOrder(receipt=receipt, payment_event_id=event_id, tenders=tenders)


def swapped(
    desk: Desk,
    receipt: str,
    *tenders: TenderOrder,
    person: Person = SUPERVISOR,
    approver: Person = BACK_OFFICE,
) -> Swapped:
    asked = really(desk, receipt, tenders)
    done = approved(desk, lambda: swap_tender(desk, person, asked), approver)
    catch_up(desk)
    return done


def test_the_payment_stays_and_the_money_is_where_it_really_is(desk: Desk) -> None:
    """Rule 36: cash that was a card leaves the drawer's figures; bill, credit and receipts of the customer tell the same."""
    first = pay(desk, cash("41.750"), account="BA-1")
    catch_up(desk)
    paid, kept = open_bills(desk), credits(desk)

    done = swapped(desk, first.receipt.receipt_number, card("41.750"))

    assert (open_bills(desk), credits(desk)) == (paid, kept)
    money_lies = {ledger: amount for (ledger, _), amount in balances(desk).items() if ledger != "receivable"}
    assert money_lies.pop("cash_in_till") == 20_000
    assert 41_750 in money_lies.values()
    assert [row["state"] for row in rows(desk, "v_payment")] == ["voided", "taken"]
    assert [row["paid_anew"] for row in rows(desk, "v_correction")] == [done.taken.payment_event_id]
    receipt = done.taken.receipt
    assert receipt.total == first.receipt.total
    assert receipt.allocations == first.receipt.allocations
    assert any(first.receipt.receipt_number in note for note in receipt.notes)
    slip = show_receipt(desk, SUPERVISOR, done.voided.receipt_number).correction
    assert slip is not None
    assert (slip.cash, done.voided.opens_drawer) == (money("0"), False)
    assert [how for _, _, how in slip.given_back] == ["was keyed wrongly, nothing goes back"]
    assert findings(desk) == []


def test_the_cashiers_blind_count_is_right_afterwards(desk: Desk) -> None:
    first = pay(desk, cash("10"), account="BA-2")
    second = pay(desk, card("7", "000000000123"), account="BA-2")
    swapped(desk, first.receipt.receipt_number, card("10"))
    swapped(desk, second.receipt.receipt_number, cash("7"))

    count(desk, "27")
    closed(desk)

    assert rows(desk, "shift_close")[0]["over_short_minor"] == 0
    assert findings(desk) == []


def test_all_that_a_payment_was_for_stays_with_several_tenders_and_items(desk: Desk) -> None:
    let_change_prices(desk, Role.CASHIER, percent=50)
    let_change_prices(desk, Role.SUPERVISOR, percent=50)
    lines = [sale("SIM-01", 2, iccid(1), iccid(2)), marked_down("CHARGER", "1.000")]
    wishes = [wish("7781", "20"), wish(amount="3"), wish(amount="2", keep_as=Purpose.ADVANCE)]
    first = pay(desk, cheque("10"), cash("40"), account="BA-1", allocate=wishes, lines=lines)
    catch_up(desk)
    bills, kept, sold = open_bills(desk), credits(desk), len(rows(desk, "v_sale_line"))
    was = first.receipt

    done = swapped(desk, was.receipt_number, cheque("10"), card((was.total - money("10")).plain()))

    assert (open_bills(desk), credits(desk)) == (bills, kept)
    before, after = rows(desk, "v_sale_line")[:sold], rows(desk, "v_sale_line")[sold:]
    strip = {"payment_event_id": None}
    assert [{**line, **strip} for line in after] == [{**line, **strip} for line in before]
    assert done.taken.receipt.total == was.total
    assert done.taken.receipt.change == money("0")
    assert sorted(str(row["state"]) for row in rows(desk, "v_cheque")) == ["received", "returned"]
    assert findings(desk) == []


def test_cash_that_was_really_paid_gives_its_change(desk: Desk) -> None:
    first = pay(desk, card("5"), account="BA-2")
    done = swapped(desk, first.receipt.receipt_number, cash("20"))
    assert done.taken.receipt.change == money("15")
    assert balances(desk)[("cash_in_till", None)] == 25_000


def test_it_may_be_swapped_again(desk: Desk) -> None:
    first = pay(desk, cash("5"), account="BA-2")
    second = swapped(desk, first.receipt.receipt_number, card("5"))
    third = swapped(desk, second.taken.receipt.receipt_number, cash("5"))
    assert [row["state"] for row in rows(desk, "v_payment")] == ["voided", "voided", "taken"]
    assert third.taken.receipt.total == money("5")
    assert findings(desk) == []


# --- who -----------------------------------------------------------------------------------------------------------------


def test_a_cashier_does_not_change_what_a_payment_was_paid_by(desk: Desk) -> None:
    receipt = pay(desk, cash("5"), account="BA-2").receipt.receipt_number
    with pytest.raises(NotAuthorised):
        swap_tender(desk, CASHIER, really(desk, receipt, [card("5")]))


def test_never_who_took_the_payment_approves(desk: Desk) -> None:
    """Rule 33, also where the till is the supervisor's own."""
    count(desk, "20")
    closed(desk)
    opened(desk, person=SUPERVISOR)
    receipt = pay(desk, cash("5"), account="BA-2", person=SUPERVISOR).receipt.receipt_number
    with pytest.raises(ApprovalNeeded) as refusal:
        swap_tender(desk, BACK_OFFICE, really(desk, receipt, [card("5")]))
    with pytest.raises(NotAuthorised, match="yourself"):
        approve(desk, SUPERVISOR, str(refusal.value.details["request"]))


def test_an_approval_is_for_exactly_these_tenders(desk: Desk) -> None:
    receipt = pay(desk, cash("5"), account="BA-2").receipt.receipt_number
    with pytest.raises(ApprovalNeeded) as refusal:
        swap_tender(desk, SUPERVISOR, really(desk, receipt, [card("5")]))
    approve(desk, BACK_OFFICE, str(refusal.value.details["request"]))

    with pytest.raises(ApprovalNeeded) as other:
        swap_tender(desk, SUPERVISOR, really(desk, receipt, [card("5", "000000000999")]))

    assert other.value.details["request"] != refusal.value.details["request"]
    assert swap_tender(desk, SUPERVISOR, really(desk, receipt, [card("5")])).voided.amount == money("5")


# --- what is refused leaves nothing ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tenders", "code"),
    [
        ([card("4.999")], "not_enough_tendered"),
        ([card("5.001")], "change_not_possible"),
        ([card("5"), cash("1")], "tender_not_needed"),
        ([voucher("5")], "tender_not_swapped"),
        ([cheque("5", serial="")], "field_missing"),
    ],
)
def test_what_is_not_the_same_payment_is_refused_and_leaves_an_audit_row(
    desk: Desk, tenders: list[TenderOrder], code: str
) -> None:
    receipt = pay(desk, cash("5"), account="BA-2").receipt.receipt_number
    asked = really(desk, receipt, tenders)
    with pytest.raises(Refused) as first:
        swap_tender(desk, SUPERVISOR, asked)
    if isinstance(first.value, ApprovalNeeded):
        approve(desk, BACK_OFFICE, str(first.value.details["request"]))

    assert refused(desk, lambda: swap_tender(desk, SUPERVISOR, asked)).code == code


def test_a_payment_of_another_shift_is_reversed_instead(desk: Desk) -> None:
    receipt = pay(desk, cash("5"), account="BA-2").receipt.receipt_number
    count(desk, "25")
    closed(desk)
    opened(desk, person=OTHER_CASHIER)
    assert (
        code_of(lambda: swap_tender(desk, SUPERVISOR, really(desk, receipt, [card("5")]))) == "not_this_shift"
    )


def test_what_a_terminal_charged_or_nobody_owns_is_no_keying_mistake(desk: Desk) -> None:
    charged = ask(desk, order(desk, by_terminal("5"), account="BA-2"), FakeCards())
    receipt = take_payment(desk, CASHIER, charged).receipt.receipt_number
    assert (
        code_of(lambda: swap_tender(desk, SUPERVISOR, really(desk, receipt, [cash("5")])))
        == "tender_not_swapped"
    )
    kept = pay(desk, cash("5"), account="BA-2", allocate=[in_suspense(amount="5")])
    number = kept.receipt.receipt_number
    assert (
        code_of(lambda: swap_tender(desk, SUPERVISOR, really(desk, number, [card("5")])))
        == "tender_not_swapped"
    )


def test_what_was_undone_is_not_swapped(desk: Desk) -> None:
    receipt = pay(desk, cash("5"), account="BA-2").receipt.receipt_number
    approved(desk, lambda: void(desk, CASHIER, to_undo(receipt)))
    assert (
        code_of(lambda: swap_tender(desk, SUPERVISOR, really(desk, receipt, [card("5")])))
        == "payment_corrected"
    )


def test_the_books_take_no_swap_for_another_payment(desk: Desk) -> None:
    first = pay(desk, cash("5"), account="BA-2")
    other = pay(desk, cash("6"), account="BA-2")
    undone = approved(desk, lambda: void(desk, CASHIER, to_undo(first.receipt.receipt_number)))
    with pytest.raises(IntegrityError, match="leaves what was paid"), desk.till.transaction() as unit:
        unit.insert(
            "tender_swap",
            {"correction_id": undone.correction_id, "payment_event_id": other.payment_event_id},
        )


def test_who_took_it_first_does_not_approve_its_refund_after_it_was_keyed_anew(desk: Desk) -> None:
    """Rule 33: the original cashier stays the original one."""
    count(desk, "20")
    closed(desk)
    opened(desk, person=SUPERVISOR)
    receipt = pay(desk, card("5"), account="BA-2", person=SUPERVISOR).receipt.receipt_number
    alone = CorrectionPolicy(alone_minor={"swap_tender": 10**9})
    desk.policy = replace(desk.policy, corrections=alone)
    anew = swap_tender(desk, BACK_OFFICE, really(desk, receipt, [cash("5")])).taken.receipt.receipt_number
    asked = RefundOrder(receipt=anew, reason="billed_twice")
    with pytest.raises(ApprovalNeeded) as refusal:
        refund(desk, CASHIER, asked)
    with pytest.raises(NotAuthorised, match="yourself"):
        approve(desk, SUPERVISOR, str(refusal.value.details["request"]))


def test_a_way_that_is_never_changed_alone_is_not_swapped_to_alone(desk: Desk) -> None:
    policy = CorrectionPolicy(alone_minor={"swap_tender": 10**9}, never_alone=frozenset({"cash"}))
    desk.policy = replace(desk.policy, corrections=policy)
    receipt = pay(desk, card("5"), account="BA-2").receipt.receipt_number
    with pytest.raises(ApprovalNeeded):
        swap_tender(desk, SUPERVISOR, really(desk, receipt, [cash("5")]))
    assert swap_tender(desk, SUPERVISOR, really(desk, receipt, [card("5", "000000000777")])).taken


def test_a_swap_beyond_an_offline_limit_names_who_allowed_it_and_why() -> None:
    """Rule 52: at the screen the reason is asked for as in a payment, and stands with the swap."""
    desk = make_till()
    opened(desk)
    receipt = pay(desk, cash("9")).receipt.receipt_number
    go_offline(desk, cheque=OfflineLimits(item=money("5")))
    with desk.till.read() as connection:
        taken = taken_payment(connection, receipt)
    assert taken is not None
    asked = to_undo(receipt, reason="wrong_way")
    basket = swap_basket(desk, SUPERVISOR, taken, asked, new_id(desk.clock, desk.randomness))
    given = Given(mode=desk.modes["cheque"], amount=money("9"), order=cheque("9", "000123"))
    allowed = replace(basket, given=(given,), confirmed=("offline_limit",), reason="Known customer")

    approved(desk, lambda: swap_tender(desk, SUPERVISOR, swap_order(allowed)), BACK_OFFICE)

    last = rows(desk, "v_audit")[-1]
    assert (last["act"], last["operator"], last["reason_code"]) == (
        "swap_tender",
        "2002",
        "offline_limit: Known customer",
    )
