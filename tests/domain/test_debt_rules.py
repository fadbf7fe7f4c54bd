"""The default order, disputes and residues for any bills and any money: nothing created, nothing lost (13, 19, 21)."""

from __future__ import annotations

import random
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pos.domain.allocation import PaymentPolicy, allocate_oldest_first, due_parts, left_out
from pos.domain.bill import BillSnapshot, BillState, OpenBill, Promise
from pos.domain.cash_rounding import CashRounding
from pos.domain.errors import Refused
from pos.domain.money import Money, currency
from pos.domain.payment_event import PaymentAsked, TenderOffered, compose
from pos.domain.payment_mode import PayerKind
from pos.domain.posting import is_balanced, recovery_lines, write_off_lines
from pos.settings import read_settings

KWD = currency("KWD")
TODAY = date(2026, 11, 21)
MODES = read_settings().modes


def kwd(minor: int) -> Money:
    return Money(minor, KWD)


@st.composite
def open_bills(draw: st.DrawFn) -> list[OpenBill]:
    """Up to six bills, some on hold, some disputed in part or whole, some with a promised instalment."""
    found = []
    for number in range(draw(st.integers(0, 6))):
        minor = draw(st.integers(1, 5_000))
        disputed = draw(st.none() | st.integers(1, 6_000))
        promised = draw(st.none() | st.integers(1, 6_000))
        due = TODAY + timedelta(days=draw(st.integers(-5, 5)))
        bill = BillSnapshot(
            bill_id=f"CB-{number}",
            bill_no=f"{number}",
            account="BA-1",
            account_name=None,
            bill_date=due - timedelta(days=25),
            due_date=due,
            state=draw(st.sampled_from([BillState.SENT, BillState.SENT, BillState.ON_HOLD])),
            amount_due=kwd(minor),
            remaining=kwd(minor),
            tax_included=kwd(minor),
            disputed=None if disputed is None else kwd(disputed),
            promise=None if promised is None else Promise(on=due, amount=kwd(promised)),
        )
        found.append(
            OpenBill(bill=bill, open=kwd(minor), instalment=None if promised is None else kwd(promised))
        )
    return found


@given(bills=open_bills(), minor=st.integers(1, 40_000), seed=st.integers(0, 1_000))
def test_the_default_order_is_the_same_however_the_bills_come(
    bills: list[OpenBill], minor: int, seed: int
) -> None:
    """Rule 11: promised instalments by their day, then by due date, bill date and number, whatever came first."""
    mixed = list(bills)
    random.Random(seed).shuffle(mixed)
    assert allocate_oldest_first(kwd(minor), mixed) == allocate_oldest_first(kwd(minor), bills)
    parts = due_parts(mixed)
    assert sum(amount.minor for _, amount in parts) == sum(
        bill.payable.minor for bill in bills if bill.bill.state is not BillState.ON_HOLD
    )
    once = [bill.bill.bill_no for bill, _ in parts]
    assert all(once.count(number) <= 2 for number in once)


@given(bills=open_bills(), minor=st.integers(1, 40_000))
def test_what_is_disputed_or_on_hold_is_never_paid_by_default(bills: list[OpenBill], minor: int) -> None:
    """Rule 11: and what is left out and what is paid never overlap."""
    made, over = allocate_oldest_first(kwd(minor), bills)
    assert sum(part.amount.minor for part in made) + over.minor == minor
    by_number = {bill.bill.bill_no: bill for bill in bills}
    for part in made:
        bill = by_number[part.bill_no or ""]
        assert bill.bill.state is not BillState.ON_HOLD
        assert part.amount <= bill.payable
    for out in left_out(bills, made):
        paid = sum(part.amount.minor for part in made if part.bill_no == out.bill_no)
        assert out.amount.minor + paid <= by_number[out.bill_no].open.minor


@given(
    bills=open_bills(),
    tendered=st.lists(
        st.tuples(st.sampled_from(["cash", "debit_card"]), st.integers(1, 9_000)), min_size=1, max_size=4
    ),
    tolerance=st.integers(0, 200),
    written_off=st.integers(0, 9_000),
    coin=st.sampled_from([1, 5, 100]),
)
def test_with_rounding_and_write_off_everything_adds_up(
    bills: list[OpenBill], tendered: list[tuple[str, int]], tolerance: int, written_off: int, coin: int
) -> None:
    """Rule 6, rule 18: the event balances as without them; what is cleared is what the bills would still want."""
    asked = PaymentAsked(
        payer_kind=PayerKind.SUBSCRIBER,
        payer_account="BA-1",
        tenders=[TenderOffered(mode=MODES[mode], amount=kwd(minor), details={}) for mode, minor in tendered],
        wishes=[],
        overpayment=None,
        bills={bill.bill.bill_no: bill for bill in bills},
        cash_rounding=CashRounding(coin_minor=coin),
        policy=PaymentPolicy(tolerance_minor=tolerance),
        written_off={"BA-1": kwd(written_off)} if written_off else {},
    )
    try:
        event = compose(asked)
    except Refused as refused:
        refusal: Refused | None = refused
    else:
        refusal = None
    if refusal is not None:
        assert refusal.code in ("nothing_to_pay", "tender_not_needed", "not_enough_tendered")
        return
    paid = sum(part.amount.minor for part in event.allocations)
    assert paid == sum(minor for _, minor in tendered) - event.change.minor + event.rounding.minor
    assert paid == sum(leg.amount.minor for leg in event.legs)
    by_bill = {part.bill_no: part for part in event.allocations if part.bill_no is not None}
    assert len(by_bill) == sum(part.bill_no is not None for part in event.allocations)
    for cleared in event.write_offs:
        part = by_bill[cleared.bill_no]
        assert 0 < cleared.amount.minor <= tolerance
        assert part.open_before is not None
        assert part.amount + cleared.amount == part.open_before
    back = sum(one.amount.minor for one in event.recoveries)
    assert back == min(written_off, sum(part.amount.minor for part in by_bill.values()))
    assert is_balanced(event.lines)
    assert is_balanced(write_off_lines((one.account, one.amount) for one in event.write_offs))
    assert is_balanced(recovery_lines((one.account, one.amount) for one in event.recoveries))
