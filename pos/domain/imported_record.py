"""A record that the bank tells of: a payment at an ATM or by direct debit, which a slip at the counter may show too.

Both are known by the one paper behind them, so nothing is posted twice whichever comes first. Source: domain.md 3.10 and
rules 49 and 50.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from pos.domain.money import Money
from pos.domain.payment_mode import ModeKind, PayerKind, PaymentMode, Purpose

FILE_KINDS = (ModeKind.ATM, ModeKind.DIRECT_DEBIT)
"""The kinds of payment that banks send files of."""


class RecordState(StrEnum):
    """What became of a record. ``waiting``: no slip is known, the run of its file is to post it."""

    MATCHED = "matched"
    DIFFERS = "differs"
    WAITING = "waiting"
    POSTED = "posted"


@dataclass(frozen=True, slots=True, kw_only=True)
class BankRecord:
    """A record, read and cleaned. ``instrument`` is the paper behind it; ``bill_no`` None: the bank names no bill."""

    mode: PaymentMode
    instrument: str
    details: Mapping[str, str]
    amount: Money
    account: str
    bill_no: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenSlip:
    """What the counter took with the same paper: how much, and for whose accounts."""

    tender_id: str
    receipt_number: str
    amount: Money
    accounts: Collection[str]


def require_payer(mode: PaymentMode, payer: PayerKind, bill_no: str | None) -> None:
    """The acceptance matrix holds for files too (rule 50).

    Raises Refused ``mode_not_for_payer`` or ``mode_not_for_purpose``.
    """
    on_account = payer is PayerKind.DEALER and bill_no is None
    mode.require_accepted(payer, Purpose.ACCOUNT if on_account else Purpose.BILLS)


def differences(record: BankRecord, slip: TakenSlip) -> tuple[str, ...]:
    """In what the bank's record and the slip differ: ``amount``, ``account``; nothing where they agree."""
    found = []
    if record.amount != slip.amount:
        found.append("amount")
    if record.account not in slip.accounts:
        found.append("account")
    return tuple(found)
