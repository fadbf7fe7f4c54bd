"""A cheque that the bank sends back: what it paid is owed again, what had left is recovered, and the fee is charged once."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from pos.domain.allocation import PaymentPolicy
from pos.domain.cheque import CHEQUE_STEPS, ChequeState
from pos.domain.correction import CorrectionPolicy
from pos.domain.dishonour_policy import USUAL_REASONS
from pos.domain.errors import NotAuthorised
from pos.domain.ids import new_id
from pos.domain.payment_mode import PayerKind
from pos.domain.receipt import ReceiptKind
from pos.settings import read_settings
from pos.store import cache as cached
from pos.till.approvals import approve
from pos.till.cheques_back import ReplaceOrder, ReturnOrder, replace_cheque, return_cheque
from pos.till.deposit_credits import CreditOrder, confirm_deposit
from pos.till.deposits import cancel_deposit, deposit_cheques, deposit_slips, lodge_deposit
from pos.till.desk import Desk
from pos.till.dishonour_plan import BounceOrder
from pos.till.dishonours import bounce_cheque, preview_bounce
from pos.till.open_bills import catch_up, catch_up_all
from pos.till.refunds import RefundOrder, confirm_refund, refund, refunds_to_pay
from pos.till.representments import CountsAgain, represent_cheque, undo_bounce
from pos.till.script import Script
from pos.till.transfers import MoveOrder, transfer
from tests.builders.across import AskedFirst, FakeRefunds, elsewhere, told_back
from tests.builders.bounces import (
    bounced,
    bounced_by_two,
    by_mistake,
    cleared,
    credited,
    days_later,
    lodged,
    sent_again,
    taken,
    terms,
    with_fee,
)
from tests.builders.tills import (
    BACK_OFFICE,
    CASHIER,
    SUPERVISOR,
    accounts_of,
    acknowledge_all,
    cash,
    cheque,
    closed,
    count,
    findings,
    grant_limit,
    in_suspense,
    make_till,
    money,
    opened,
    pay,
    resolved,
    rows,
    sale,
    stock,
    tell,
    wish,
)
from tests.builders.undoing import balances, code_of, credits, open_bills
from tests.till.books import refused

NOTICE = "S014-T1-A-DN-000001"


@pytest.fixture
def desk() -> Desk:
    desk = make_till(cheques=with_fee("5"))
    alone = CorrectionPolicy(alone_minor=dict.fromkeys(("refund", "transfer", "reverse"), 10**9))
    desk.policy = replace(desk.policy, corrections=alone)
    return desk


def bounce_order(receipt: str, reason: str = "insufficient_funds", **more: Any) -> BounceOrder:
    return BounceOrder(cheque=receipt, reason=reason, **more)


def states(desk: Desk) -> list[object]:
    return [row["state"] for row in rows(desk, "v_cheque")]


def payment_states(desk: Desk) -> list[object]:
    return [row["state"] for row in rows(desk, "v_payment")]


# --- what a bounce undoes --------------------------------------------------------------------------------------------


def test_a_bounced_cheque_reopens_the_bill_it_paid_with_its_age(desk: Desk) -> None:
    before = open_bills(desk)
    receipt = taken(desk, cheque("41.750"), cheques="41.750")
    assert open_bills(desk)["7781"] == 0
    lodged(desk, receipt)

    done = bounced(desk, receipt)

    assert open_bills(desk) == before | {NOTICE: 5_000}
    assert done.words == (
        f"Takes 41.750 KWD off again: 1 part of receipt {receipt}.",
        "Bill 7781 of BA-1: 41.750 KWD open again, due 2026-11-01 as before.",
        "Fee 5.000 KWD: BA-1 owes it.",
        "Account BA-1: bounced cheque number 1.",
    )
    assert balances(desk) == {("receivable", "BA-1"): 5_000, ("fee_income", None): -5_000}
    assert (states(desk), payment_states(desk)) == (["dishonoured"], ["dishonoured"])
    assert findings(desk) == []


def test_only_what_this_cheque_paid_is_undone_and_the_other_tenders_stay(desk: Desk) -> None:
    """Rule 14: which tender funded what is known, so a bounce is undone exactly."""
    receipt = taken(desk, cheque("20"), cash("21.750"), cheques="20")
    credited(desk, receipt, "20")

    bounced(desk, receipt)

    assert open_bills(desk)["7781"] == 20_000
    assert [row["state"] for row in rows(desk, "v_tender")] == ["dishonoured", "taken"]
    assert balances(desk)[("receivable", "BA-1")] == -21_750 + 5_000
    assert ("bank", None) not in balances(desk)
    assert findings(desk) == []


def test_money_that_was_moved_since_is_taken_back_from_where_it_went(desk: Desk) -> None:
    receipt = taken(desk, cheque("41.750"), cheques="41.750")
    cleared(desk, receipt, "41.750")
    transfer(
        desk, SUPERVISOR, MoveOrder(receipt=receipt, account="BA-2", reason="wrong_account", amount="30")
    )

    bounced_by_two(desk, receipt)

    assert open_bills(desk)["7781"] == 41_750
    assert open_bills(desk)["7790"] == 30_000
    assert findings(desk) == []


def test_a_cheque_in_clearing_goes_off_clearing_and_its_slip_waits_for_it_no_more(desk: Desk) -> None:
    receipt = taken(desk, cheque("41.750"), cheques="41.750")
    lodged(desk, receipt)

    bounced(desk, receipt)

    assert ("cheques_in_clearing", None) not in balances(desk)
    assert deposit_slips(desk, BACK_OFFICE) == []
    assert findings(desk) == []


def test_the_rest_of_a_slip_is_credited_when_one_of_its_cheques_came_back(desk: Desk) -> None:
    """Rule 42: what the bank credits is the slip without the cheque that it sent back."""
    opened(desk)
    first = pay(desk, cheque("10", "000123")).receipt.receipt_number
    second = pay(desk, cheque("12", "000124")).receipt.receipt_number
    count(desk, "20", cheques="22", cheque_count=2)
    closed(desk)
    slip = deposit_cheques(desk, BACK_OFFICE, [first, second]).slip.number
    lodge_deposit(desk, BACK_OFFICE, slip, "NBK 7781/3")
    bounced(desk, first)
    told = CreditOrder(amount="22")
    assert code_of(lambda: confirm_deposit(desk, BACK_OFFICE, slip, told)) == "deposit_differs"

    done = confirm_deposit(desk, BACK_OFFICE, slip, CreditOrder(amount="12"))

    assert str(done.slip.state) == "confirmed"
    assert states(desk) == ["dishonoured", "credited"]
    assert findings(desk) == []


# --- what had left ---------------------------------------------------------------------------------------------------


def refunded(desk: Desk, receipt: str, amount: str) -> str:
    """The paper of a refund of a cheque that cleared long ago."""
    days_later(desk, 8)
    back = RefundOrder(receipt=receipt, reason="billed_twice", amount=amount)
    return refund(desk, SUPERVISOR, back).receipt_number


def test_money_that_was_paid_back_is_recovered_from_the_payor(desk: Desk) -> None:
    receipt = taken(desk, cheque("41.750"), cheques="41.750")
    cleared(desk, receipt, "41.750")
    paper = refunded(desk, receipt, "10")
    confirm_refund(desk, BACK_OFFICE, paper, "BANK 1")

    done = bounced_by_two(desk, receipt)

    assert open_bills(desk)["7781"] == 41_750
    assert open_bills(desk)[NOTICE] == 15_000
    assert "10.000 KWD was paid back already: BA-1 owes it." in done.words
    assert balances(desk) == {
        ("receivable", "BA-1"): 15_000,
        ("fee_income", None): -5_000,
        ("bank", None): -10_000,
    }
    assert findings(desk) == []


def test_all_of_it_paid_back_leaves_a_bounce_that_only_charges(desk: Desk) -> None:
    receipt = taken(desk, cheque("41.750"), cheques="41.750")
    cleared(desk, receipt, "41.750")
    confirm_refund(desk, BACK_OFFICE, refunded(desk, receipt, "41.750"), "BANK 1")

    done = bounced_by_two(desk, receipt)

    assert (done.correction.amount.minor, open_bills(desk)[NOTICE]) == (0, 46_750)
    assert findings(desk) == []


def test_a_refund_that_nobody_paid_out_is_cancelled(desk: Desk) -> None:
    receipt = taken(desk, cheque("41.750"), cheques="41.750")
    cleared(desk, receipt, "41.750")
    paper = refunded(desk, receipt, "10")

    done = bounced_by_two(desk, receipt)

    assert open_bills(desk)[NOTICE] == 5_000
    assert f"Refund {paper}: 10.000 KWD of it is cancelled, nobody has paid it out." in done.words
    assert refunds_to_pay(desk, BACK_OFFICE) == []
    assert code_of(lambda: confirm_refund(desk, BACK_OFFICE, paper, "BANK 1")) == "unknown_refund"
    assert [row["state"] for row in rows(desk, "v_refund")] == ["cancelled"]
    assert ("refunds_payable", "BA-1") not in balances(desk)
    assert findings(desk) == []


def test_goods_that_a_cheque_paid_stay_sold_and_are_owed(desk: Desk) -> None:
    stock(desk)
    receipt = taken(desk, cheque("2.500"), cheques="2.500", lines=[sale("CHARGER", 2)])
    credited(desk, receipt, "2.500")

    done = bounced(desk, receipt)

    assert open_bills(desk)[NOTICE] == 7_500
    assert "2.500 KWD was for items, which are gone: BA-1 owes it." in done.words
    assert balances(desk)[("item_revenue", None)] < 0
    assert balances(desk)[("receivable", "BA-1")] == 7_500
    assert findings(desk) == []


def test_a_dealer_who_has_no_bills_owes_it_on_the_account(desk: Desk) -> None:
    stock(desk)
    grant_limit(desk, "100")
    receipt = taken(desk, cheque("2.500"), cheques="2.500", account="D-1", lines=[sale("CHARGER", 2)])
    credited(desk, receipt, "2.500")
    before = credits(desk)["D-1"]

    done = bounced(desk, receipt)

    assert (done.bill_no, credits(desk)["D-1"]) == (None, before - 7_500)
    assert balances(desk)[("dealer_account", "D-1")] == 7_500
    assert findings(desk) == []
    sent_again(desk, receipt)
    assert credits(desk)["D-1"] == before - 5_000
    assert findings(desk) == []


# --- the fee ---------------------------------------------------------------------------------------------------------


def test_the_fee_is_charged_once_a_cheque_with_its_tax(desk: Desk) -> None:
    terms(desk, fee_tax_rate=Decimal("5"))
    receipt = taken(desk, cheque("41.750"), cheques="41.750")
    lodged(desk, receipt)
    bounced(desk, receipt)
    assert balances(desk)[("output_tax", None)] == -238
    sent_again(desk, receipt)
    lodged(desk, receipt)

    again = bounced(desk, receipt)

    assert again.charged is None
    assert open_bills(desk)["7781"] == 41_750
    assert open_bills(desk)[NOTICE] == 5_000
    assert findings(desk) == []


@pytest.mark.parametrize(
    ("more", "charged"),
    [
        ({"reason": "insufficient_funds"}, 5_000),
        ({"reason": "bank_fault"}, None),
        ({"reason": "insufficient_funds", "fee": "none", "text": "ours was the mistake"}, None),
    ],
)
def test_only_the_payors_own_fault_is_charged_and_a_fee_may_be_waived(
    desk: Desk, more: dict[str, str], charged: int | None
) -> None:
    receipt = taken(desk, cheque("41.750"), cheques="41.750")
    lodged(desk, receipt)
    done = bounced(desk, receipt, **more)
    assert (None if done.charged is None else done.charged.minor) == charged
    assert findings(desk) == []


def test_the_fee_is_paid_at_the_counter_like_any_bill(desk: Desk) -> None:
    receipt = taken(desk, cheque("41.750"), cheques="41.750")
    lodged(desk, receipt)
    bounced(desk, receipt)
    opened(desk)

    pay(desk, cash("5"), allocate=[wish(NOTICE)])

    assert findings(desk) == []
    assert open_bills(desk)[NOTICE] == 0


def test_a_charge_is_a_bill_again_when_what_central_told_is_fetched_anew(desk: Desk) -> None:
    receipt = taken(desk, cheque("41.750"), cheques="41.750")
    lodged(desk, receipt)
    bounced(desk, receipt)
    with desk.cache.write() as connection:
        connection.exec_driver_sql("DELETE FROM bill WHERE bill_no = ?", (NOTICE,))

    catch_up_all(desk)

    assert open_bills(desk)[NOTICE] == 5_000


# --- who has to look at it, and what is refused ----------------------------------------------------------------------


def test_a_cheque_that_had_cleared_bounces_by_two_people(desk: Desk) -> None:
    receipt = taken(desk, cheque("41.750"), cheques="41.750")
    cleared(desk, receipt, "41.750")
    assert code_of(lambda: bounce_cheque(desk, BACK_OFFICE, bounce_order(receipt))) == "approval_required"
    assert states(desk) == ["cleared"]

    done = bounced_by_two(desk, receipt)

    assert done.correction.paper.correction is not None
    assert done.correction.paper.correction.approver == SUPERVISOR.user
    assert findings(desk) == []


def moved(desk: Desk, receipt: str) -> None:
    order = MoveOrder(receipt=receipt, account="BA-2", reason="wrong_account", amount="30")
    transfer(desk, SUPERVISOR, order)
    catch_up(desk)


def test_what_was_not_shown_is_not_booked(desk: Desk) -> None:
    receipt = taken(desk, cheque("41.750"), cheques="41.750")
    credited(desk, receipt, "41.750")
    seen = preview_bounce(desk, BACK_OFFICE, bounce_order(receipt))
    terms(desk, fee=money("7"))

    refusal = refused(desk, lambda: bounce_cheque(desk, BACK_OFFICE, bounce_order(receipt), seen=seen))

    assert refusal.code == "changed_meanwhile"
    assert "Fee 7.000 KWD: BA-1 owes it." in str(refusal.details["words"])
    assert states(desk) == ["credited"]
    terms(desk, fee=money("5"))
    assert bounce_cheque(desk, BACK_OFFICE, bounce_order(receipt), seen=seen).bounce == seen


def test_a_bounce_that_undoes_something_else_is_approved_anew(desk: Desk) -> None:
    """Rule 33: an approval is of exactly what was looked at."""
    receipt = taken(desk, cheque("41.750"), cheques="41.750")
    cleared(desk, receipt, "41.750")
    order = bounce_order(receipt)
    asked = refused(desk, lambda: bounce_cheque(desk, BACK_OFFICE, order))
    approve(desk, SUPERVISOR, str(asked.details["request"]))
    moved(desk, receipt)

    assert code_of(lambda: bounce_cheque(desk, BACK_OFFICE, order)) == "approval_required"

    bounced_by_two(desk, receipt)
    assert findings(desk) == []


def test_undoing_a_bounce_is_approved_with_where_its_money_goes(desk: Desk) -> None:
    """Rule 33."""
    receipt = taken(desk, cheque("41.750"), cheques="41.750")
    lodged(desk, receipt)
    bounced(desk, receipt)
    asked = refused(desk, lambda: undo_bounce(desk, BACK_OFFICE, receipt))
    approve(desk, SUPERVISOR, str(asked.details["request"]))
    opened(desk)
    pay(desk, cash("41.750"), allocate=[wish("7781")])
    catch_up(desk)

    assert code_of(lambda: undo_bounce(desk, BACK_OFFICE, receipt)) == "approval_required"

    by_mistake(desk, receipt)
    assert findings(desk) == []


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"reason": "no_such_reason"}, "bad_reason"),
        ({"on": "2026-11-20"}, "bank_date_impossible"),
        ({"on": "2026-11-22"}, "bank_date_impossible"),
        ({"on": "2026-13-01"}, "bad_date"),
        ({"fee": "none"}, "reason_required"),
        ({"fee": "3"}, "bad_field"),
    ],
)
def test_what_is_told_wrong_is_refused_and_books_nothing(desk: Desk, more: dict[str, str], code: str) -> None:
    receipt = taken(desk, cheque("41.750"), cheques="41.750")
    lodged(desk, receipt)
    asked = {"reason": "insufficient_funds"} | more
    assert (
        refused(desk, lambda: bounce_cheque(desk, BACK_OFFICE, bounce_order(receipt, **asked))).code == code
    )
    bounced(desk, receipt, on="2026-11-21")


@pytest.mark.parametrize("name", ["S014-T1-A-000099", "999999"])
def test_a_cheque_that_is_not_there_is_refused(desk: Desk, name: str) -> None:
    assert code_of(lambda: bounce_cheque(desk, BACK_OFFICE, bounce_order(name))) == "unknown_cheque"


def test_a_cheque_that_the_bank_has_not_got_does_not_bounce(desk: Desk) -> None:
    """Rule 37: only the listed steps."""
    receipt = taken(desk, cheque("41.750"), cheques="41.750")
    assert code_of(lambda: bounce_cheque(desk, BACK_OFFICE, bounce_order(receipt))) == "cheque_state"
    assert code_of(lambda: represent_cheque(desk, BACK_OFFICE, receipt)) == "cheque_state"


def test_who_may_not_is_told(desk: Desk) -> None:
    for person in (CASHIER, SUPERVISOR):
        with pytest.raises(NotAuthorised):
            bounce_cheque(desk, person, bounce_order("S014-T1-A-000001"))


def test_a_cheque_is_found_by_its_serial_number(desk: Desk) -> None:
    receipt = taken(desk, cheque("41.750"), cheques="41.750")
    lodged(desk, receipt)
    seen = preview_bounce(desk, BACK_OFFICE, bounce_order("000123"))
    assert (seen.receipt, states(desk)) == (receipt, ["lodged"])
    assert bounced(desk, "000123").bounce == seen


def test_a_bounced_cheque_is_not_taken_anew_while_it_lies_here(desk: Desk) -> None:
    """Rule 37: its identity is alive until it is handed back."""
    receipt = taken(desk, cheque("41.750"), cheques="41.750")
    lodged(desk, receipt)
    bounced(desk, receipt)
    opened(desk)
    assert code_of(lambda: pay(desk, cheque("41.750"))) == "cheque_taken_before"


# --- collection and cash-only ----------------------------------------------------------------------------------------


def test_a_bounce_puts_collection_back_to_the_stage_it_had(desk: Desk) -> None:
    """Rule 17: not to the start."""
    known = {one.account: one for one in accounts_of("KWD")}
    tell(desk, accounts=[replace(known["BA-1"], dunning_stage=2)])
    receipt = taken(desk, cheque("41.750"), cheques="41.750")
    lodged(desk, receipt)
    tell(desk, accounts=[replace(known["BA-1"], dunning_stage=0)])

    done = bounced(desk, receipt)

    assert "Account BA-1: what is open again is collected from stage 2 on." in done.words
    with desk.cache.read() as connection:
        account = cached.account_by_id(connection, "BA-1")
    assert account is not None
    assert account.dunning_stage == 2


def test_service_that_came_back_by_the_cheque_is_flagged(desk: Desk) -> None:
    """Rule 16: it came back when the cheque cleared."""
    known = {one.account: one for one in accounts_of("KWD")}
    tell(desk, accounts=[replace(known["BA-1"], status="suspended", dunning_stage=3)])
    receipt = taken(desk, cheque("41.750"), cheques="41.750")
    cleared(desk, receipt, "41.750")
    done = bounced_by_two(desk, receipt)
    assert done.bounce.reconnected == ("BA-1",)
    assert any("service came back" in said for said in done.words)


def bounce_of_its_own(desk: Desk, serial: str, reason: str = "insufficient_funds") -> str:
    receipt = taken(desk, cheque("1", serial), cheques="1")
    lodged(desk, receipt)
    bounced(desk, receipt, reason)
    return receipt


def test_the_third_bounce_makes_an_account_cash_only_at_once(desk: Desk) -> None:
    """Rule 41: for n months, and no cheque is taken from it here from then on."""
    for serial in ("000201", "000202"):
        bounce_of_its_own(desk, serial)
    bounce_of_its_own(desk, "000203", "bank_fault")
    opened(desk)
    assert code_of(lambda: pay(desk, cheque("1", "000204"))) == "ok"
    count(desk, "20", cheques="1", cheque_count=1)
    closed(desk)

    bounce_of_its_own(desk, "000205")

    assert rows(desk, "v_dishonour")[-1]["cash_only_until"] == "2027-11-21"
    opened(desk)
    assert code_of(lambda: pay(desk, cheque("1", "000206"))) == "cheque_account_cash_only"
    assert code_of(lambda: pay(desk, cash("1"))) == "ok"
    assert findings(desk) == []


def test_cash_only_ends_when_its_time_is_over(desk: Desk) -> None:
    terms(desk, cash_only_after=1, cash_only_months=1)
    bounce_of_its_own(desk, "000201")
    opened(desk)
    assert code_of(lambda: pay(desk, cheque("1", "000206"))) == "cheque_account_cash_only"
    days_later(desk, 31)
    catch_up_all(desk)
    assert code_of(lambda: pay(desk, cheque("1", "000206"))) == "ok"


@pytest.mark.parametrize("undone", [0, 1, 2])
@pytest.mark.parametrize(("bounces", "after"), [(3, "ok"), (4, "cheque_account_cash_only")])
def test_cash_only_follows_whichever_bounce_was_the_banks_mistake(
    desk: Desk, bounces: int, after: str, undone: int
) -> None:
    """Rules 35 and 41: by the bounces that stand, not by the one that made the account cash-only."""
    receipts = [taken(desk, cheque("1", f"00020{place}"), cheques="1") for place in range(bounces)]
    for receipt in receipts:
        lodged(desk, receipt)
        bounced(desk, receipt)
    opened(desk)
    assert code_of(lambda: pay(desk, cheque("1", "000301"))) == "cheque_account_cash_only"

    done = by_mistake(desk, receipts[undone])

    said = "stays cash-only until 2027-11-21" if bounces > 3 else "is cash-only by bounced cheques no more"
    assert any(said in words for words in notes_of(done))
    assert code_of(lambda: pay(desk, cheque("1", "000301"))) == after
    assert findings(desk) == []


def test_an_account_that_is_cash_only_for_another_reason_stays_so(desk: Desk) -> None:
    terms(desk, cash_only_after=1)
    receipt = bounce_of_its_own(desk, "000201")
    known = {one.account: one for one in accounts_of("KWD")}
    tell(desk, accounts=[replace(known["BA-1"], cash_only=True)])

    by_mistake(desk, receipt)
    catch_up(desk)

    opened(desk)
    assert code_of(lambda: pay(desk, cheque("1", "000206"))) == "cheque_account_cash_only"


def test_a_mistake_of_the_bank_takes_back_the_stage_that_the_bounce_had_put_back(desk: Desk) -> None:
    """Rule 35: at once, also while central does not answer."""
    known = {one.account: one for one in accounts_of("KWD")}
    tell(desk, accounts=[replace(known["BA-1"], dunning_stage=2)])
    receipt = taken(desk, cheque("41.750"), cheques="41.750")
    lodged(desk, receipt)
    tell(desk, accounts=[replace(known["BA-1"], dunning_stage=0)])
    bounced(desk, receipt)
    assert stage_of(desk) == 2

    done = by_mistake(desk, receipt)

    assert stage_of(desk) == 0
    assert "Account BA-1: collection is back at stage 0." in notes_of(done)
    assert findings(desk) == []


def notes_of(done: CountsAgain) -> tuple[str, ...]:
    """What its paper says."""
    return done.correction.paper.notes


def stage_of(desk: Desk) -> int:
    with desk.cache.read() as connection:
        account = cached.account_by_id(connection, "BA-1")
    assert account is not None
    return account.dunning_stage


# --- once more, and by mistake ---------------------------------------------------------------------------------------


def test_a_cheque_sent_again_pays_what_its_bounce_had_opened_and_the_fee_stays(desk: Desk) -> None:
    before = open_bills(desk)
    receipt = taken(desk, cheque("41.750"), cheques="41.750")
    lodged(desk, receipt)
    bounced(desk, receipt)

    sent_again(desk, receipt)

    assert open_bills(desk) == before | {"7781": 0, NOTICE: 5_000}
    assert balances(desk)[("cheques_in_hand", None)] == 41_750
    assert (states(desk), payment_states(desk)) == (["represented"], ["taken"])
    assert findings(desk) == []
    credited(desk, receipt, "41.750")
    assert balances(desk)[("bank", None)] == 41_750
    assert findings(desk) == []


def test_a_cheque_sent_again_pays_first_what_was_recovered(desk: Desk) -> None:
    receipt = taken(desk, cheque("41.750"), cheques="41.750")
    cleared(desk, receipt, "41.750")
    confirm_refund(desk, BACK_OFFICE, refunded(desk, receipt, "10"), "BANK 1")
    bounced_by_two(desk, receipt)

    sent_again(desk, receipt)

    assert open_bills(desk)[NOTICE] == 5_000
    assert open_bills(desk)["7781"] == 10_000
    assert findings(desk) == []
    lodged(desk, receipt)
    again = bounced(desk, receipt)
    assert again.charged is None
    assert (open_bills(desk)[NOTICE], open_bills(desk)["7781"]) == (15_000, 41_750)
    assert findings(desk) == []


def test_a_bill_that_was_paid_meanwhile_leaves_the_money_to_the_oldest_due(desk: Desk) -> None:
    receipt = taken(desk, cheque("41.750"), cheques="41.750")
    lodged(desk, receipt)
    bounced(desk, receipt)
    opened(desk)
    pay(desk, cash("41.750"), allocate=[wish("7781")])

    sent_again(desk, receipt)

    after = open_bills(desk)
    assert (after["7781"], after[NOTICE], after["7782"]) == (0, 0, 0)
    assert credits(desk)["BA-1"] == 41_750 - 5_000 - 12_500
    assert findings(desk) == []


def test_a_cheque_goes_to_the_bank_again_as_often_as_the_shop_says(desk: Desk) -> None:
    """Rule 37: the same record, not a new one."""
    receipt = taken(desk, cheque("41.750"), cheques="41.750")
    lodged(desk, receipt)
    bounced(desk, receipt)
    sent_again(desk, receipt)
    lodged(desk, receipt)
    bounced(desk, receipt)
    assert refused(desk, lambda: represent_cheque(desk, BACK_OFFICE, receipt)).code == "represent_limit"
    terms(desk, represent_max=2)
    sent_again(desk, receipt)
    assert len(rows(desk, "cheque")) == 1
    assert findings(desk) == []


def test_a_bounce_that_was_the_banks_mistake_leaves_nothing_behind(desk: Desk) -> None:
    """Rule 35: fee, count and collection are reversed as well."""
    receipt = taken(desk, cheque("41.750"), cheques="41.750")
    cleared(desk, receipt, "41.750")
    before, held = open_bills(desk), balances(desk)
    bounced_by_two(desk, receipt)

    by_mistake(desk, receipt)

    assert open_bills(desk) == before | {NOTICE: 0}
    assert balances(desk) == held
    assert (states(desk), payment_states(desk)) == (["cleared"], ["taken"])
    assert findings(desk) == []
    assert bounced_by_two(desk, receipt).bounce.counted == 1


def test_a_mistake_brings_back_the_refund_that_it_had_cancelled(desk: Desk) -> None:
    """Rule 35: everything is as it was."""
    receipt = taken(desk, cheque("41.750"), cheques="41.750")
    cleared(desk, receipt, "41.750")
    paper = refunded(desk, receipt, "10")
    held = balances(desk)
    bounced_by_two(desk, receipt)
    by_mistake(desk, receipt)
    assert balances(desk) == held
    confirm_refund(desk, BACK_OFFICE, paper, "BANK 1")
    assert findings(desk) == []


def test_what_was_paid_of_a_fee_for_nothing_is_credit(desk: Desk) -> None:
    """Rule 35: the payor gets the fee back."""
    receipt = taken(desk, cheque("41.750"), cheques="41.750")
    lodged(desk, receipt)
    bounced(desk, receipt)
    opened(desk)
    pay(desk, cash("5"), allocate=[wish(NOTICE)])

    by_mistake(desk, receipt)

    assert (open_bills(desk)[NOTICE], credits(desk)["BA-1"]) == (0, 5_000)
    assert findings(desk) == []


def test_goods_are_paid_again_when_the_bank_was_wrong(desk: Desk) -> None:
    stock(desk)
    receipt = taken(desk, cheque("2.500"), cheques="2.500", lines=[sale("CHARGER", 2)])
    credited(desk, receipt, "2.500")
    held = balances(desk)
    bounced(desk, receipt)
    by_mistake(desk, receipt)
    assert balances(desk) == held
    assert states(desk) == ["credited"]
    assert findings(desk) == []


def test_a_slip_waits_again_for_a_cheque_that_was_sent_back_by_mistake(desk: Desk) -> None:
    receipt = taken(desk, cheque("41.750"), cheques="41.750")
    slip = lodged(desk, receipt)
    bounced(desk, receipt)
    by_mistake(desk, receipt)
    confirm_deposit(desk, BACK_OFFICE, slip, CreditOrder(amount="41.750"))
    assert states(desk) == ["credited"]
    assert findings(desk) == []


# --- the steps of a cheque -------------------------------------------------------------------------------------------


def test_the_database_knows_the_steps_that_the_rules_know(desk: Desk) -> None:
    """Rule 37: a cheque goes only the listed steps; the table of the rules and that of the database are one."""
    with desk.till.read() as connection:
        trigger = str(
            connection.exec_driver_sql(
                "SELECT sql FROM sqlite_schema WHERE type = 'trigger' AND name = 'cheque_step'"
            ).scalar_one()
        )
    known = {f"{source} {to}" for source, following in CHEQUE_STEPS.items() for to in following}
    for source in ChequeState:
        for to in ChequeState:
            step = f"{source} {to}"
            assert (f"'{step}'" in trigger) == (step in known), step


@pytest.mark.parametrize(
    ("so_far", "step", "why"),
    [
        ("credited", "dishonoured", "a cheque bounces with its bounce"),
        ("dishonoured", "represented", "a bounced cheque counts again with its row"),
        ("dishonoured", "credited", "a bounced cheque counts again with its row"),
        ("batched", "received", "a cheque comes out of a batch as it went in"),
        ("batched", "returned", "a cheque does not go from its state to this one"),
        ("lodged", "returned", "a cheque does not go from its state to this one"),
    ],
)
def test_the_database_refuses_a_step_without_the_row_that_says_so(
    desk: Desk, so_far: str, step: str, why: str
) -> None:
    """Rule 37: no program's fault makes a cheque bounce, or count again, that has no bounce or did not count again."""
    receipt = taken(desk, cheque("41.750"), cheques="41.750")
    credited(desk, receipt, "41.750")
    if so_far != "credited":
        bounced(desk, receipt)
    if so_far in ("batched", "lodged"):
        sent_again(desk, receipt)
        slip = deposit_cheques(desk, BACK_OFFICE, [receipt]).slip.number
        if so_far == "lodged":
            lodge_deposit(desk, BACK_OFFICE, slip, "NBK 7782/3")
    last = rows(desk, "cheque_event")[-1]
    assert last["state"] == so_far

    with pytest.raises(IntegrityError, match=why), desk.till.transaction() as unit:
        unit.insert("cheque_event", last | {"number": int(str(last["number"])) + 1, "state": step})


def test_a_cheque_sent_again_goes_through_all_its_steps_back_to_its_payor(desk: Desk) -> None:
    receipt = taken(desk, cheque("41.750"), cheques="41.750")
    lodged(desk, receipt)
    bounced(desk, receipt)
    sent_again(desk, receipt)
    slip = deposit_cheques(desk, BACK_OFFICE, [receipt]).slip.number
    cancel_deposit(desk, BACK_OFFICE, slip, "The bank is closed")
    lodged(desk, receipt)
    bounced(desk, receipt)

    return_cheque(desk, BACK_OFFICE, ReturnOrder(cheque=receipt, reason="bad_instrument"))

    steps = [str(row["state"]) for row in rows(desk, "cheque_event")]
    assert (
        steps
        == (
            "received batched lodged dishonoured represented batched represented batched lodged dishonoured returned"
        ).split()
    )
    assert findings(desk) == []


def test_the_bank_may_be_wrong_about_a_cheque_of_which_nothing_stood(desk: Desk) -> None:
    receipt = taken(desk, cheque("41.750"), cheques="41.750")
    cleared(desk, receipt, "41.750")
    confirm_refund(desk, BACK_OFFICE, refunded(desk, receipt, "41.750"), "BANK 1")
    held = balances(desk)
    bounced_by_two(desk, receipt)

    by_mistake(desk, receipt)

    assert (states(desk), balances(desk)) == (["cleared"], held)
    assert findings(desk) == []


def test_a_script_asks_central_what_went_back_elsewhere_before_a_cheque_bounces(desk: Desk) -> None:
    receipt = taken(desk, cheque("41.750"), cheques="41.750")
    lodged(desk, receipt)
    acknowledge_all(desk, applied_change=1)
    central = FakeRefunds(told_back(elsewhere(number=receipt, cheque="41.750"), "10"))
    script = Script(desk, BACK_OFFICE, refunds=AskedFirst(desk, central))

    answer = script.run_line(
        '{"ref":"d1","act":"bounce_cheque","cheque":"000123","reason":"insufficient_funds"}'
    )

    assert central.looked == [receipt]
    assert "10.000 KWD was paid back already: BA-1 owes it." in str(answer["says"])
    assert balances(desk)[("receivable", "BA-1")] == 5_000
    assert findings(desk) == []


def test_the_reasons_of_the_settings_are_those_of_the_program() -> None:
    settings = read_settings(home=None)
    assert [(one.code, one.label, one.payors_fault) for one in settings.till.cheques.dishonour.reasons] == [
        (one.code, one.label, one.payors_fault) for one in USUAL_REASONS
    ]


# --- without a screen ------------------------------------------------------------------------------------------------


def test_a_script_bounces_once_however_often_it_is_said(desk: Desk) -> None:
    receipt = taken(desk, cheque("41.750"), cheques="41.750")
    lodged(desk, receipt)
    line = json.dumps(
        {"ref": "b1", "act": "bounce_cheque", "cheque": "000123", "reason": "insufficient_funds"}
    )
    script = Script(desk, BACK_OFFICE)
    first, second = script.run_line(line), script.run_line(line)
    assert first["charge_bill"] == NOTICE
    assert (first["fee"], first["amount"], first["bounces_counted"]) == ("5.000", "41.750", 1)
    assert second == first | {"replayed": True}
    again = script.run_line(json.dumps({"ref": "b2", "act": "represent_cheque", "cheque": "000123"}))
    assert (again["state"], again["paper"]) == ("represented", "S014-T1-A-RI-000001")
    assert findings(desk) == []


# --- what becomes of the paper ---------------------------------------------------------------------------------------


def test_a_bounced_cheque_is_handed_back_with_a_slip_and_nothing_is_booked(desk: Desk) -> None:
    receipt = taken(desk, cheque("41.750"), cheques="41.750")
    lodged(desk, receipt)
    bounced(desk, receipt)
    before = balances(desk), open_bills(desk)

    done = return_cheque(desk, BACK_OFFICE, ReturnOrder(cheque=receipt, reason="bad_instrument"))

    assert (done.paper.kind, done.paper.total) == (ReceiptKind.CHEQUE_GIVEN_BACK, money("41.750"))
    assert (states(desk), (balances(desk), open_bills(desk))) == (["returned"], before)
    assert code_of(lambda: represent_cheque(desk, BACK_OFFICE, receipt)) != "ok", (
        "it does not lie here any more"
    )
    again = refused(desk, lambda: return_cheque(desk, BACK_OFFICE, ReturnOrder(cheque=receipt)))
    assert again.code == "cheque_on_its_way"
    assert findings(desk) == []


def test_in_place_of_a_bounced_cheque_its_amount_is_paid_and_the_fee_stays_owed(desk: Desk) -> None:
    """Domain.md 3.3: replaced; the bill that it had paid is paid again, by what is given for it."""
    receipt = taken(desk, cheque("41.750"), cheques="41.750")
    lodged(desk, receipt)
    bounced(desk, receipt)
    opened(desk)
    asked = ReplaceOrder(
        back=ReturnOrder(cheque=receipt, reason="bad_instrument"),
        payment_event_id=new_id(desk.clock, desk.randomness),
        tenders=[cash("41.750")],
    )

    replace_cheque(desk, CASHIER, asked)

    catch_up_all(desk)
    assert (states(desk), open_bills(desk)["7781"], open_bills(desk)[NOTICE]) == (["replaced"], 0, 5_000)
    assert findings(desk) == []


def in_its_place(desk: Desk, receipt: str, amount: str) -> None:
    """Cash is given for a bounced cheque, in an open shift."""
    asked = ReplaceOrder(
        back=ReturnOrder(cheque=receipt, reason="bad_instrument"),
        payment_event_id=new_id(desk.clock, desk.randomness),
        tenders=[cash(amount)],
    )
    replace_cheque(desk, CASHIER, asked)
    catch_up_all(desk)


def test_in_place_of_a_bounced_cheque_its_money_is_paid_where_it_had_been_moved(desk: Desk) -> None:
    """It had been moved, for it was set against the wrong account's bill: it is not set against that one again."""
    receipt = taken(desk, cheque("41.750"), cheques="41.750")
    cleared(desk, receipt, "41.750")
    transfer(
        desk, SUPERVISOR, MoveOrder(receipt=receipt, account="BA-2", reason="wrong_account", amount="30")
    )
    bounced_by_two(desk, receipt)
    opened(desk)

    in_its_place(desk, receipt, "41.750")

    bills = open_bills(desk)
    assert (bills["7781"], bills["7790"], bills[NOTICE]) == (30_000, 0, 5_000)
    assert findings(desk) == []


def test_in_place_of_a_bounced_cheque_what_was_recovered_is_paid_too(desk: Desk) -> None:
    receipt = taken(desk, cheque("41.750"), cheques="41.750")
    cleared(desk, receipt, "41.750")
    confirm_refund(desk, BACK_OFFICE, refunded(desk, receipt, "10"), "BANK 1")
    bounced_by_two(desk, receipt)
    opened(desk)

    in_its_place(desk, receipt, "41.750")

    assert (open_bills(desk)["7781"], open_bills(desk)[NOTICE]) == (10_000, 5_000)
    assert findings(desk) == []


# --- whose money it was ----------------------------------------------------------------------------------------------


def of_suspense(desk: Desk) -> str:
    """A lodged cheque of 30 that came in without a known owner."""
    desk.policy = replace(
        desk.policy, payments=PaymentPolicy(tolerance_minor=0, resolve_alone_up_to_minor=100_000)
    )
    receipt = taken(
        desk,
        cheque("30"),
        account=None,
        payer=PayerKind.SUBSCRIBER,
        allocate=[in_suspense("a letter")],
        cheques="30",
    )
    lodged(desk, receipt)
    return receipt


@pytest.mark.parametrize("found", [None, "10", "30"])
@pytest.mark.parametrize("again", [represent_cheque, undo_bounce])
def test_what_came_without_an_owner_counts_again_by_neither_way(
    desk: Desk, again: Callable[..., object], found: str | None
) -> None:
    """Else it would stand on nobody's account while its owner is charged for it."""
    receipt = of_suspense(desk)
    opened(desk)
    if found is not None:
        resolved(desk, receipt, "BA-1", found)
        catch_up_all(desk)
    bounced(desk, receipt)

    assert refused(desk, lambda: again(desk, BACK_OFFICE, receipt)).code == "whose_cheque"
    handed = return_cheque(desk, BACK_OFFICE, ReturnOrder(cheque=receipt, reason="bad_instrument"))
    assert handed.paper.total == money("30")
    assert findings(desk) == []


def test_ones_own_account_bounces_by_two_people_also_out_of_suspense(desk: Desk) -> None:
    """Rule 64: it is whose the money was found to be that counts."""
    receipt = of_suspense(desk)
    opened(desk)
    resolved(desk, receipt, "BA-1", "30")
    own = replace(BACK_OFFICE, accounts=frozenset({"BA-1"}))

    asked = refused(desk, lambda: bounce_cheque(desk, own, bounce_order(receipt)))

    assert asked.code == "approval_required"


def test_walk_in_buyers_are_not_counted_as_one(desk: Desk) -> None:
    """Rule 41: the score is a customer's, and they share one account."""
    stock(desk)
    receipt = taken(
        desk,
        cheque("2.500"),
        account=None,
        payer=PayerKind.WALK_IN,
        lines=[sale("CHARGER", 2)],
        cheques="2.500",
    )
    lodged(desk, receipt)

    done = bounced(desk, receipt)

    assert (done.bounce.counted, done.bounce.cash_only_until) == (0, None)
    assert findings(desk) == []
