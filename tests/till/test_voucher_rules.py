"""What a voucher says of itself: minimum bill, alone or not, and what becomes of its rest (3.5, rules 5 and 46)."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pos.domain.errors import Refused
from pos.domain.money import Money
from pos.domain.payment_event import Overpayment
from pos.domain.voucher import Residual, VoucherReserved, VoucherTerms
from pos.till.desk import Desk
from pos.till.payment_order import TenderOrder
from pos.till.take_payment import take_payment
from tests.builders.signed import knows, signed, takes_offline
from tests.builders.tills import (
    CASHIER,
    UNANSWERED,
    FakeVouchers,
    cash,
    findings,
    make_till,
    money,
    opened,
    order,
    release,
    reserve,
    rows,
    sale,
    stock,
    voucher,
    wish,
)
from tests.builders.tries import examples

KWD = money("1").currency


@pytest.fixture
def desk() -> Desk:
    desk = make_till()
    stock(desk)
    opened(desk)
    return desk


def terms(value: str, **more: object) -> VoucherTerms:
    return VoucherTerms(value=money(value), expires=date(2027, 12, 31), **more)  # type: ignore[arg-type]


def granted(value: str, **more: object) -> VoucherReserved:
    return VoucherReserved(terms=terms(value, **more), approval=None)


def journal(desk: Desk) -> dict[str, int]:
    sums: dict[str, int] = {}
    for row in rows(desk, "journal_line"):
        if row["entry_id"] == max(str(line["entry_id"]) for line in rows(desk, "journal_line")):
            account = str(row["ledger_account"])
            sums[account] = (
                sums.get(account, 0) + int(str(row["debit_minor"])) - int(str(row["credit_minor"]))
            )
    return sums


# --- minimum bill ----------------------------------------------------------------------------------------------------


def test_a_voucher_with_a_minimum_bill_pays_only_where_the_bills_reach_it(desk: Desk) -> None:
    """Rule 46: minimum bill."""
    below = order(desk, voucher("5"), cash("4.999"), allocate=[wish("7781", "9.999")])
    reserve(desk, below, FakeVouchers(granted("5", minimum=money("10"))))
    with pytest.raises(Refused) as refused:
        take_payment(desk, CASHIER, below)
    assert refused.value.code == "voucher_below_minimum"
    assert refused.value.details == {"minimum": "10.000", "pays": "9.999", "currency": "KWD"}
    release(desk, below.payment_event_id, FakeVouchers())

    enough = order(desk, voucher("5"), cash("5"), allocate=[wish("7781", "10")])
    reserve(desk, enough, FakeVouchers(granted("5", minimum=money("10"))))
    assert take_payment(desk, CASHIER, enough).receipt.total == money("10")


def test_credit_on_account_is_no_bill(desk: Desk) -> None:
    asked = order(
        desk, voucher("5"), cash("20"), allocate=[wish("7781", "9")], overpayment=Overpayment.CREDIT
    )
    reserve(desk, asked, FakeVouchers(granted("5", minimum=money("10"))))

    with pytest.raises(Refused) as refused:
        take_payment(desk, CASHIER, asked)
    assert refused.value.code == "voucher_below_minimum"


def test_what_a_dealer_buys_counts_as_its_bill(desk: Desk) -> None:
    asked = order(desk, voucher("1"), cash("0.250"), account="D-1", lines=[sale("CHARGER")])
    reserve(desk, asked, FakeVouchers(granted("1", minimum=money("1.250"))))

    assert take_payment(desk, CASHIER, asked).receipt.total == money("1.250")


# --- alone or not ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("alone", [(True, False), (False, True), (True, True)])
def test_one_that_is_not_combinable_is_the_only_voucher_of_its_payment(
    desk: Desk, alone: tuple[bool, bool]
) -> None:
    """Rule 46: combinable or not."""
    asked = order(desk, voucher("5", "LOYAL-1"), voucher("5", "LOYAL-2"), allocate=[wish("7781", "10")])
    answers = [granted("5", combinable=not one) for one in alone]

    with pytest.raises(Refused) as refused:
        reserve(desk, asked, FakeVouchers(*answers))
    assert refused.value.code == "voucher_not_combinable"
    with pytest.raises(Refused) as refused:
        take_payment(desk, CASHIER, asked)
    assert refused.value.code == "voucher_not_combinable"


def test_beside_cash_it_is_alone_enough(desk: Desk) -> None:
    asked = order(desk, voucher("5"), cash("5"), allocate=[wish("7781", "10")])
    reserve(desk, asked, FakeVouchers(granted("5", combinable=False)))

    assert take_payment(desk, CASHIER, asked).receipt.total == money("10")


# --- the rest --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("residual", list(Residual))
def test_no_change_is_given_from_a_voucher(desk: Desk, residual: Residual) -> None:
    """Rule 5: change only in cash and only from cash, whatever becomes of a voucher's rest."""
    asked = order(desk, voucher("3", "LOYAL-1"), cash("3"), allocate=[wish("7798", "5.005")], account="BA-5")
    reserve(desk, asked, FakeVouchers(granted("20", residual=residual)))

    receipt = take_payment(desk, CASHIER, asked).receipt

    assert receipt.change == money("0.995")
    (by_voucher,) = [row for row in rows(desk, "tender") if row["mode"] == "internal_voucher"]
    assert by_voucher["change_minor"] == 0
    assert findings(desk) == []


def test_change_is_never_more_than_the_cash_that_was_given(desk: Desk) -> None:
    """Rule 5."""
    asked = order(
        desk,
        voucher("5.005", "LOYAL-1"),
        cash("1"),
        allocate=[wish("7798", "5.005")],
        account="BA-5",
        overpayment=Overpayment.CHANGE,
    )
    reserve(desk, asked, FakeVouchers(granted("20", residual=Residual.CREDIT)))

    with pytest.raises(Refused) as refused:
        take_payment(desk, CASHIER, asked)
    assert refused.value.code == "tender_not_needed"


def test_what_is_left_of_one_that_leaves_credit_goes_on_the_payers_account(desk: Desk) -> None:
    asked = order(desk, voucher("5.005"), account="BA-5", allocate=[wish("7798", "5.005")])
    reserve(desk, asked, FakeVouchers(granted("20", residual=Residual.CREDIT)))

    receipt = take_payment(desk, CASHIER, asked).receipt

    assert (receipt.total, receipt.credit, receipt.change) == (money("20"), money("14.995"), money("0"))
    assert receipt.notes == ("Loyalty voucher of 20.000: 14.995 not used is credit on the account.",)
    assert journal(desk) == {"loyalty_liability": 20_000, "receivable": -5_005, "customer_credit": -14_995}
    assert [(row["bill_no"], row["amount_minor"]) for row in rows(desk, "allocation")] == [
        ("7798", 5_005),
        (None, 14_995),
    ]
    assert rows(desk, "voucher_slip") == []
    assert findings(desk) == []


def test_a_credit_voucher_that_is_used_up_is_like_any_other(desk: Desk) -> None:
    asked = order(desk, voucher("5.005"), account="BA-5", allocate=[wish("7798", "5.005")])
    reserve(desk, asked, FakeVouchers(granted("5.005", residual=Residual.CREDIT)))

    receipt = take_payment(desk, CASHIER, asked).receipt

    assert (receipt.total, receipt.credit, receipt.notes) == (money("5.005"), money("0"), ())


def test_an_offline_voucher_leaves_credit_too(desk: Desk) -> None:
    knows(desk)
    takes_offline(desk)
    code = signed("20", residual=Residual.CREDIT)
    asked = order(desk, voucher("5.005", code), account="BA-5", allocate=[wish("7798", "5.005")])
    reserve(desk, asked, FakeVouchers(UNANSWERED))

    receipt = take_payment(desk, CASHIER, asked).receipt

    assert (receipt.total, receipt.credit) == (money("20"), money("14.995"))
    assert [row["amount_minor"] for row in rows(desk, "voucher_offline")] == [20_000]
    assert findings(desk) == []


def test_what_becomes_a_new_voucher_stays_out_of_the_books_and_has_a_slip_that_waits(desk: Desk) -> None:
    asked = order(desk, voucher("5.005"), account="BA-5", allocate=[wish("7798", "5.005")])
    (hold,) = reserve(desk, asked, FakeVouchers(granted("20", residual=Residual.NEW_VOUCHER)))

    receipt = take_payment(desk, CASHIER, asked).receipt

    assert receipt.total == money("5.005")
    assert receipt.notes == ("Loyalty voucher of 20.000: a new voucher of 14.995 is on its own slip.",)
    (slip,) = rows(desk, "voucher_slip")
    assert (slip["hold_id"], slip["receipt_number"], slip["value_minor"], slip["state"]) == (
        hold.hold_id,
        receipt.receipt_number,
        14_995,
        "waiting",
    )
    assert findings(desk) == []


@given(
    amount=st.integers(1, 5_005),
    more=st.integers(0, 50_000),
    residual=st.sampled_from(list(Residual)),
    offline=st.booleans(),
)
@settings(max_examples=examples(0.8))
def test_a_vouchers_value_is_never_lost_without_a_word_and_never_doubled(
    amount: int, more: int, residual: Residual, offline: bool
) -> None:
    """What a voucher is worth is paid, credited, promised anew or forfeited, to the last minor unit."""
    desk = make_till()
    opened(desk)
    knows(desk)
    takes_offline(desk, each="100", shift="100")
    value = Money(amount + more, KWD)
    code = signed(value.plain(), residual=residual)
    tender: TenderOrder = voucher(Money(amount, KWD).plain(), code)
    asked = order(desk, tender, account="BA-5", allocate=[wish("7798", Money(amount, KWD).plain())])
    answer = UNANSWERED if offline else granted(value.plain(), residual=residual)
    if offline and more and residual is Residual.NEW_VOUCHER:
        with pytest.raises(Refused):
            reserve(desk, asked, FakeVouchers(answer))
        return
    (hold,) = reserve(desk, asked, FakeVouchers(answer))

    receipt = take_payment(desk, CASHIER, asked).receipt

    credited = more if residual is Residual.CREDIT else 0
    assert receipt.credit.minor == credited
    assert receipt.total.minor == amount + credited
    assert hold.left.minor == more
    assert bool(receipt.notes) is (more > 0)
    promised = sum(int(str(row["value_minor"])) for row in rows(desk, "voucher_slip"))
    assert promised == (more if residual is Residual.NEW_VOUCHER else 0)
    assert findings(desk) == []
