"""Paying back: never more than is sure and stands, by the way it came in, by two people, and nothing else touched."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pos.domain.cash_rounding import CashRounding
from pos.domain.correction import CorrectionPolicy
from pos.domain.errors import Refused
from pos.domain.payment_event import Overpayment
from pos.domain.role import Person
from pos.till.correction_entry import Corrected
from pos.till.desk import Desk
from pos.till.open_bills import catch_up
from pos.till.refunds import RefundOrder, confirm_refund, refund, refunds_to_pay
from tests.builders.tills import (
    BACK_OFFICE,
    CASHIER,
    bank_cash,
    card,
    cash,
    cheque,
    closed,
    count,
    findings,
    in_suspense,
    make_till,
    money,
    opened,
    pay,
    rows,
    sale,
    stock,
)
from tests.builders.undoing import approved, balances, code_of, credits, open_bills


@pytest.fixture
def desk() -> Desk:
    desk = make_till()
    stock(desk)
    opened(desk)
    return desk


def asked(receipt: str, amount: str | None = None) -> RefundOrder:
    return RefundOrder(receipt=receipt, amount=amount, reason="billed_twice")


def refunded(desk: Desk, receipt: str, amount: str | None = None, person: Person = CASHIER) -> Corrected:
    return approved(desk, lambda: refund(desk, person, asked(receipt, amount)))


def test_cash_that_came_in_as_cash_goes_back_out_of_the_drawer(desk: Desk) -> None:
    """Rules 12 and 32: by the way it came in; the bill that it paid is open again."""
    before = open_bills(desk)
    receipt = pay(desk, cash("41.750")).receipt.receipt_number

    done = refunded(desk, receipt, "5")

    assert (done.receipt_number, done.amount, done.cash) == ("S014-T1-A-RF-000001", money("5"), money("5"))
    assert sum(before.values()) - sum(open_bills(desk).values()) == 36_750
    assert [row["state"] for row in rows(desk, "v_refund")] == ["paid"]
    assert [row["undone_minor"] for row in rows(desk, "v_payment")] == [5_000]
    count(desk, "56.750")
    closed(desk)
    assert rows(desk, "shift_close")[0]["over_short_minor"] == 0
    assert findings(desk) == []


def test_what_is_on_account_comes_off_before_a_bill_opens_again(desk: Desk) -> None:
    taken = pay(desk, cash("200"), overpayment=Overpayment.CREDIT)
    catch_up(desk)
    paid, credit = open_bills(desk), credits(desk)["BA-1"]
    over = taken.receipt.credit

    refunded(desk, taken.receipt.receipt_number, over.plain())

    assert open_bills(desk) == paid
    assert credits(desk)["BA-1"] == credit - over.minor
    assert findings(desk) == []


def test_never_more_than_was_paid_and_still_stands(desk: Desk) -> None:
    """Rule 32: the ceiling is what was paid less what went back."""
    receipt = pay(desk, cash("10")).receipt.receipt_number
    refunded(desk, receipt, "4")

    with pytest.raises(Refused) as refusal:
        refund(desk, CASHIER, asked(receipt, "6.005"))
    assert (refusal.value.code, refusal.value.details["ceiling"]) == ("more_than_refundable", "6.000")
    refunded(desk, receipt)
    assert code_of(lambda: refund(desk, CASHIER, asked(receipt))) == "nothing_refundable"
    assert balances(desk) == {("cash_in_till", None): 20_000, ("safe", None): -20_000}
    assert findings(desk) == []


@pytest.mark.parametrize("tender", [cheque("5"), bank_cash("5", "K7-1")])
def test_money_that_is_not_sure_is_not_paid_back(desk: Desk, tender: object) -> None:
    """Rule 32: not before clearing."""
    account = "D-1" if getattr(tender, "mode", "") == "bank_cash" else "BA-1"
    receipt = pay(desk, tender, account=account).receipt.receipt_number  # type: ignore[arg-type]

    assert code_of(lambda: refund(desk, CASHIER, asked(receipt))) == "nothing_refundable"


def test_nothing_is_paid_back_from_suspense_or_for_items(desk: Desk) -> None:
    """Rule 32: never from suspense; items come back by a reversal."""
    for taken in (
        pay(desk, cash("5"), allocate=[in_suspense("Envelope", "5")]),
        pay(desk, cash("5"), lines=[sale("SERVICE")]),
    ):
        receipt = taken.receipt.receipt_number
        assert code_of(lambda number=receipt: refund(desk, CASHIER, asked(number))) == "nothing_refundable"  # type: ignore[misc]


def test_a_card_is_paid_back_by_the_card_company_and_owed_until_then(desk: Desk) -> None:
    receipt = pay(desk, card("5")).receipt.receipt_number
    done = refunded(desk, receipt)

    assert done.cash.minor == 0
    assert [row["state"] for row in rows(desk, "v_refund")] == ["approved"]
    assert balances(desk)[("refunds_payable", "BA-1")] == -5_000
    (waits,) = refunds_to_pay(desk, BACK_OFFICE)
    assert (waits.paper, waits.amount) == (done.receipt_number, money("5"))

    confirm_refund(desk, BACK_OFFICE, done.receipt_number, "CARD-7781")

    assert [row["state"] for row in rows(desk, "v_refund")] == ["confirmed"]
    assert ("refunds_payable", "BA-1") not in balances(desk)
    assert refunds_to_pay(desk, BACK_OFFICE) == []
    assert code_of(lambda: confirm_refund(desk, BACK_OFFICE, done.receipt_number, "X-1")) == "refund_paid"
    assert findings(desk) == []


@pytest.mark.parametrize(
    ("paper", "code"), [("S014-T1-A-RF-000009", "unknown_refund"), ("S014-T1-A-000001", "unknown_refund")]
)
def test_only_a_refund_that_is_owed_is_confirmed(desk: Desk, paper: str, code: str) -> None:
    receipt = pay(desk, cash("5")).receipt.receipt_number
    refunded(desk, receipt)

    assert code_of(lambda: confirm_refund(desk, BACK_OFFICE, paper, "X-1")) == "unknown_refund"
    assert (
        code_of(lambda: confirm_refund(desk, BACK_OFFICE, "S014-T1-A-RF-000001", "X-1")) == "unknown_refund"
    )


def test_of_several_tenders_each_goes_back_its_own_way(desk: Desk) -> None:
    """Rule 12: the original tender; the one that was given last first."""
    receipt = pay(desk, card("10"), cash("5")).receipt.receipt_number

    done = refunded(desk, receipt, "7")

    assert done.cash == money("5")
    assert balances(desk)[("refunds_payable", "BA-1")] == -2_000
    assert findings(desk) == []


def test_cash_is_paid_back_in_coins_that_there_are(desk: Desk) -> None:
    desk.policy = replace(desk.policy, cash_rounding=CashRounding(coin_minor=5))
    receipt = pay(desk, cash("10")).receipt.receipt_number
    desk.policy = replace(desk.policy, corrections=CorrectionPolicy(alone_minor={"refund": 10_000}))

    assert code_of(lambda: refund(desk, CASHIER, asked(receipt, "1.003"))) == "not_in_coins"
    refund(desk, CASHIER, asked(receipt, "1.005"))


@pytest.mark.parametrize(("cap", "in_cash"), [(5_000, True), (4_999, False)])
def test_cash_above_the_cap_goes_back_by_the_bank(desk: Desk, cap: int, *, in_cash: bool) -> None:
    """Rule 32: the cash cap. What is above it is owed until the back office says that it was paid."""
    policy = replace(desk.policy.corrections, cash_refund_minor=cap)
    desk.policy = replace(desk.policy, corrections=policy)
    receipt = pay(desk, cash("10")).receipt.receipt_number
    drawer = balances(desk)[("cash_in_till", None)]

    done = refunded(desk, receipt, "5")

    out = 5_000 if in_cash else 0
    assert (done.cash.minor, drawer - balances(desk)[("cash_in_till", None)]) == (out, out)
    assert done.opens_drawer is in_cash
    (told,) = rows(desk, "v_refund")
    assert told["state"] == ("paid" if in_cash else "approved")
    assert [one.amount.minor for one in refunds_to_pay(desk, BACK_OFFICE)] == ([] if in_cash else [5_000])
    assert findings(desk) == []


def test_an_approval_is_for_that_amount(desk: Desk) -> None:
    """Rule 33."""
    receipt = pay(desk, cash("10")).receipt.receipt_number
    assert code_of(lambda: refund(desk, CASHIER, asked(receipt, "4"))) == "approval_required"
    assert code_of(lambda: refund(desk, CASHIER, asked(receipt, "4.005"))) == "approval_required"
    assert [row["request_id"] for row in rows(desk, "approval_request")] == ["R-1", "R-2"]


def test_without_an_own_shift_no_cash_goes_out(desk: Desk) -> None:
    receipt = pay(desk, cash("5")).receipt.receipt_number

    done = [code_of(lambda: approved(desk, lambda: refund(desk, BACK_OFFICE, asked(receipt))))]

    assert done == ["shift_of_other"]
    assert rows(desk, "correction") == []
