"""A dealer's bank receipt after the counter: presented, then verified or rejected by what the bank says.

Verified money is the bank's; rejected money is the dealer's debt, and no further bank receipt of the dealer is taken until
that is settled or the bank finds the money after all, be it later still. Source: domain.md 3.4, 3.9 and rules 47, 48.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from pos.domain.errors import Refused
from pos.domain.money import Money, total
from pos.domain.payment_mode import FieldKind, ModeKind, PaymentMode
from pos.domain.posting import JournalLine, Ledger, credit, debit


class BankReceiptState(StrEnum):
    """Where a bank receipt stands. A rejected one stops the dealer's next until it is settled or verified after all."""

    PRESENTED = "presented"
    VERIFIED = "verified"
    REJECTED = "rejected"
    SETTLED = "settled"


class RejectReason(StrEnum):
    """Why the bank's statement does not bear a receipt out."""

    NOT_FOUND = "not_found"
    AMOUNT_DIFFERS = "amount_differs"
    CHEQUE_UNPAID = "cheque_unpaid"
    FORGED = "forged"


REASON_LABELS: Mapping[RejectReason, str] = {
    RejectReason.NOT_FOUND: "The bank does not know it",
    RejectReason.AMOUNT_DIFFERS: "The bank has another amount",
    RejectReason.CHEQUE_UNPAID: "The cheque was not paid",
    RejectReason.FORGED: "The paper is forged",
}

STEPS: Mapping[BankReceiptState, frozenset[BankReceiptState]] = {
    BankReceiptState.PRESENTED: frozenset({BankReceiptState.VERIFIED, BankReceiptState.REJECTED}),
    BankReceiptState.REJECTED: frozenset({BankReceiptState.VERIFIED, BankReceiptState.SETTLED}),
    BankReceiptState.VERIFIED: frozenset(),
    BankReceiptState.SETTLED: frozenset({BankReceiptState.VERIFIED}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptPart:
    """What a bank receipt gave one account: the leg that central was told of."""

    leg: int
    account: str
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class BankReceipt:
    """A bank receipt as it stands. ``number`` counts its states; ``place`` is the tender's within its payment.

    ``details`` are the paper's own fields; ``reason`` is why it was rejected or settled.
    """

    tender_id: str
    payment_event_id: str
    receipt_number: str
    place: int
    mode: str
    dealer: str
    amount: Money
    details: Mapping[str, str]
    taken_by: str
    taken_at: datetime
    parts: Sequence[ReceiptPart]
    state: BankReceiptState
    number: int
    reason: str | None


def value_date(mode: PaymentMode, details: Mapping[str, str]) -> date | None:
    """The day from which the bank counts the money; None for a mode whose papers have no date."""
    for field in mode.fields:
        if mode.kind is ModeKind.BANK_RECEIPT and field.kind is FieldKind.DATE and field.name in details:
            return date.fromisoformat(details[field.name])
    return None


def uncleared_until(mode: PaymentMode, details: Mapping[str, str], *, today: date) -> date | None:
    """The value date, while it has not come: the paper says received, the bank has not paid yet (rule 48)."""
    dated = value_date(mode, details)
    return dated if dated is not None and dated > today else None


def is_near(reference: str, other: str) -> bool:
    """Whether two receipt numbers, as they are compared, are other ones and yet nearly the same (rule 47).

    The number at their ends differs by one, or one character is another, too many or too few.
    """
    if reference == other:
        return False
    first, second = (re.fullmatch(r"(.*?)([0-9]+)", text) for text in (reference, other))
    same_series = first is not None and second is not None and first[1] == second[1]
    if same_series and abs(int(first[2]) - int(second[2])) == 1:  # type: ignore[index]
        return True
    short, long = sorted((reference, other), key=len)
    if len(long) - len(short) > 1:
        return False
    same = next(
        (place for place, (one, two) in enumerate(zip(short, long, strict=False)) if one != two), len(short)
    )
    rest = short[same:] if len(short) < len(long) else short[same + 1 :]
    return rest == long[same + 1 :]


def require_step(receipt: BankReceipt, to: BankReceiptState) -> None:
    """Raises Refused ``receipt_decided`` where the receipt cannot go to ``to`` from where it stands."""
    if to not in STEPS[receipt.state]:
        raise Refused(
            "receipt_decided",
            f"This bank receipt is {receipt.state} already.",
            receipt=receipt.receipt_number,
            state=str(receipt.state),
        )


def require_cleared(receipt: BankReceipt, mode: PaymentMode, *, today: date) -> None:
    """Raises Refused ``not_cleared_yet`` before the value date."""
    until = uncleared_until(mode, receipt.details, today=today)
    if until is not None:
        raise Refused(
            "not_cleared_yet",
            f"The bank counts this money from {until} on. Verify it then.",
            receipt=receipt.receipt_number,
            value_date=until.isoformat(),
        )


def outcome_lines(receipt: BankReceipt, to: BankReceiptState, unverified_account: str) -> list[JournalLine]:
    """What the step posts: ``unverified_account`` is where the mode's money waits (domain.md 3.9).

    Verified money goes to the bank, rejected money becomes the debt of the accounts that had it; settling posts nothing, as
    what the dealer pays comes as payments of its own.
    """
    in_currency = receipt.amount.currency
    amount = total((part.amount for part in receipt.parts), in_currency)
    accounts = [(part.account, part.amount) for part in receipt.parts]
    match receipt.state, to:
        case BankReceiptState.PRESENTED, BankReceiptState.VERIFIED:
            return [debit(Ledger.BANK, amount), credit(unverified_account, amount)]
        case BankReceiptState.PRESENTED, BankReceiptState.REJECTED:
            owed = [debit(Ledger.DEALER_ACCOUNT, part, account) for account, part in accounts]
            return [*owed, credit(unverified_account, amount)]
        case ((BankReceiptState.REJECTED | BankReceiptState.SETTLED), BankReceiptState.VERIFIED):
            forgiven = [credit(Ledger.DEALER_ACCOUNT, part, account) for account, part in accounts]
            return [debit(Ledger.BANK, amount), *forgiven]
        case _:
            return []
