"""Bank receipts as values: which steps there are, what each posts, and which numbers are nearly the same."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos.domain.bank_receipt import (
    STEPS,
    BankReceipt,
    BankReceiptState,
    ReceiptPart,
    is_near,
    outcome_lines,
    require_step,
)
from pos.domain.errors import Refused
from pos.domain.money import Money, currency
from pos.domain.posting import is_balanced

KWD = currency("KWD")


def receipt(state: BankReceiptState, *parts: int) -> BankReceipt:
    return BankReceipt(
        tender_id="T",
        payment_event_id="E",
        receipt_number="S014-T1-A-000001",
        place=1,
        mode="bank_cash",
        dealer="D-1",
        amount=Money(sum(parts), KWD),
        details={"date": date(2026, 11, 21).isoformat()},
        taken_by="1001",
        taken_at=datetime(2026, 11, 21, tzinfo=UTC),
        parts=[
            ReceiptPart(leg=leg, account=f"D-{leg}", amount=Money(minor, KWD))
            for leg, minor in enumerate(parts, start=1)
        ],
        state=state,
        number=1,
        reason=None,
    )


@pytest.mark.parametrize("before", BankReceiptState)
@pytest.mark.parametrize("to", BankReceiptState)
def test_only_the_listed_steps_are_taken(before: BankReceiptState, to: BankReceiptState) -> None:
    if to in STEPS[before]:
        require_step(receipt(before, 5_000), to)
    else:
        with pytest.raises(Refused) as refusal:
            require_step(receipt(before, 5_000), to)
        assert (refusal.value.code, refusal.value.details["state"]) == ("receipt_decided", before)


@given(st.lists(st.integers(1, 10**12), min_size=1, max_size=5))
def test_what_a_receipt_brought_goes_whole_to_the_bank_or_becomes_debt(parts: list[int]) -> None:
    presented, rejected = BankReceiptState.PRESENTED, BankReceiptState.REJECTED
    verified = BankReceiptState.VERIFIED
    for before, to in ((presented, verified), (presented, rejected), (rejected, verified)):
        lines = outcome_lines(receipt(before, *parts), to, "bank_receipts_unverified")
        assert is_balanced(lines)
        assert sum(line.debit.minor for line in lines) == sum(parts)
    owed = outcome_lines(receipt(presented, *parts), rejected, "bank_receipts_unverified")
    forgiven = outcome_lines(receipt(rejected, *parts), verified, "bank_receipts_unverified")
    dealers = [line for line in (*owed, *forgiven) if line.ledger_account == "dealer_account"]
    assert sum(line.debit.minor - line.credit.minor for line in dealers) == 0


def test_settling_posts_nothing() -> None:
    assert outcome_lines(receipt(BankReceiptState.REJECTED, 5), BankReceiptState.SETTLED, "x") == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("K720991", "K720992"),
        ("K720999", "K721000"),
        ("K720991", "K720971"),
        ("K720991", "K72091"),
        ("K720991", "K7209911"),
        ("K720991", "J720991"),
        ("AB12C", "AB12D"),
        ("9", "10"),
    ],
)
def test_a_number_beside_another_is_near(one: str, other: str) -> None:
    assert is_near(one, other)
    assert is_near(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [("K720991", "K720991"), ("K720991", "K720913"), ("K720991", "M730991"), ("K1", "K3K"), ("AB", "BA")],
)
def test_the_same_number_and_another_one_are_not_near(one: str, other: str) -> None:
    assert not is_near(one, other)
    assert not is_near(other, one)
