"""Corrections of what is posted: what may be undone of a payment, and the words for why.

Posted means immutable: a correction is a new, linked, balanced entry. Source: domain.md rules 29 to 33; reliability.md 2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from pos.domain.money import Money, total
from pos.domain.payment_mode import Purpose


class CorrectionKind(StrEnum):
    """VOID: in the open shift that took the payment. REVERSAL: later. Both undo all of it.

    TENDER_CANCELLATION undoes what one bad instrument paid; REFUND pays a part back; TRANSFER moves money to another
    account, REALLOCATION to other bills of the same one.
    """

    VOID = "void"
    REVERSAL = "reversal"
    TENDER_CANCELLATION = "tender_cancellation"
    REFUND = "refund"
    TRANSFER = "transfer"
    REALLOCATION = "reallocation"

    @property
    def undoes_all(self) -> bool:
        """Whether the whole payment is as if it had never been."""
        return self in (CorrectionKind.VOID, CorrectionKind.REVERSAL)

    @property
    def frees_papers(self) -> bool:
        """Whether an instrument that brought the money is as if it had never been taken."""
        return self.undoes_all or self is CorrectionKind.TENDER_CANCELLATION

    @property
    def moves(self) -> bool:
        """Whether the money stays, on another account or bill."""
        return self in (CorrectionKind.TRANSFER, CorrectionKind.REALLOCATION)


class CorrectionReason(StrEnum):
    """Why something is corrected, as the reports count it."""

    WRONG_ACCOUNT = "wrong_account"
    WRONG_AMOUNT = "wrong_amount"
    WRONG_WAY = "wrong_way"
    PAID_TWICE = "paid_twice"
    BILLED_TWICE = "billed_twice"
    GOODS_RETURNED = "goods_returned"
    BAD_INSTRUMENT = "bad_instrument"
    CUSTOMER_WISH = "customer_wish"
    OTHER = "other"


REASON_LABELS = {
    CorrectionReason.WRONG_ACCOUNT: "Wrong account or bill",
    CorrectionReason.WRONG_AMOUNT: "Wrong amount",
    CorrectionReason.WRONG_WAY: "Keyed as another way to pay",
    CorrectionReason.PAID_TWICE: "Paid twice",
    CorrectionReason.BILLED_TWICE: "Billed twice",
    CorrectionReason.GOODS_RETURNED: "Goods brought back",
    CorrectionReason.BAD_INSTRUMENT: "Cheque, slip or card is no good",
    CorrectionReason.CUSTOMER_WISH: "The customer changed their mind",
    CorrectionReason.OTHER: "Other: say it in words",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionPolicy:
    """Up to which sum one person is enough, by act, in minor units of the shop's currency; 0: never. A payment is moved
    ``transfers_max`` times at most.

    Whoever the table of rights lets do the act alone needs nobody, whatever the sum.
    """

    alone_minor: Mapping[str, int] = field(default_factory=dict)
    transfers_max: int = 3

    def alone_up_to(self, act: str) -> int:
        """The cap of ``act``."""
        return self.alone_minor.get(act, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenTender:
    """A tender of a booked payment. ``kept`` is what stayed of it (handed over, less change), ``paid`` what it paid.

    ``cheque`` and ``bank_receipt`` are the state of its paper, None where it is none; ``undone``: whole, by a correction.
    ``foreign`` are the notes of another currency that it came in.
    """

    tender_id: str
    number: int
    mode: str
    kept: Money
    change: Money
    paid: Money
    foreign: Money | None
    cheque: str | None
    cheque_id: str | None
    cheque_events: int
    bank_receipt: str | None
    is_voucher: bool
    at_terminal: bool
    undone: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenPart:
    """What a part of a payment was set against, and what of it nothing has undone or moved yet."""

    part_id: str
    number: int
    tender_id: str
    leg: int
    account: str
    bill_no: str | None
    bill_id: str | None
    purpose: Purpose
    amount: Money
    left: Money
    placed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenPayment:
    """A booked payment as a correction finds it. ``corrected``: something was undone or moved before."""

    payment_event_id: str
    receipt_number: str
    shift_id: str
    taken_at: datetime
    taken_by: str
    payer_kind: str
    payer_account: str
    amount: Money
    tenders: tuple[TakenTender, ...]
    parts: tuple[TakenPart, ...]
    corrected: bool
    voided: bool
    has_secrets: bool
    commission_credited: bool

    @property
    def left(self) -> Money:
        """What of the payment still stands."""
        return total((part.left for part in self.parts), self.amount.currency)

    @property
    def accounts(self) -> tuple[str, ...]:
        """The accounts that it stands on now, in order of first sight."""
        return tuple(dict.fromkeys(part.account for part in self.parts if part.left))

    def parts_of(self, tender_id: str) -> Sequence[TakenPart]:
        """What a tender funded and still stands, the newest first: so it is undone."""
        return [part for part in reversed(self.parts) if part.tender_id == tender_id and part.left]
