"""Corrections of what is posted: what may be undone of a payment, and the words for why.

Posted means immutable: a correction is a new, linked, balanced entry. Source: domain.md rules 29 to 33; reliability.md 2.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum

from pos.domain.money import Money, total
from pos.domain.payment_mode import Purpose
from pos.domain.role import Role


class CorrectionKind(StrEnum):
    """VOID: in the open shift that took the payment. REVERSAL: later. Both undo all of it.

    TENDER_CANCELLATION undoes what one bad instrument paid; REFUND pays a part back; TRANSFER moves money to another
    account, REALLOCATION to other bills of the same one. DISHONOUR takes off what a bounced cheque still paid;
    REINSTATEMENT lets its money count again.
    """

    VOID = "void"
    REVERSAL = "reversal"
    TENDER_CANCELLATION = "tender_cancellation"
    REFUND = "refund"
    TRANSFER = "transfer"
    REALLOCATION = "reallocation"
    DISHONOUR = "dishonour"
    REINSTATEMENT = "reinstatement"

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

    @property
    def places(self) -> bool:
        """Whether it puts money on accounts and bills."""
        return self.moves or self is CorrectionKind.REINSTATEMENT

    @property
    def is_of_one_tender(self) -> bool:
        """Whether it is about one instrument of a payment."""
        return self in (
            CorrectionKind.TENDER_CANCELLATION,
            CorrectionKind.DISHONOUR,
            CorrectionKind.REINSTATEMENT,
        )


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


class SecondPerson(IntEnum):
    """Who beside the one who asks, the most last. ANYWHERE: at the seat, or at another terminal. ELSEWHERE: only there."""

    NOBODY = 0
    ANYWHERE = 1
    ELSEWHERE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionCase:
    """What the policy looks at. ``days`` is how long ago the payment was taken, ``modes`` the ways it was paid by,
    ``roles`` those of who asks; ``offline``: central has been silent for too long.
    """

    act: str
    amount_minor: int
    days: int = 0
    modes: Collection[str] = ()
    roles: Collection[Role] = ()
    offline: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionPolicy:
    """When one person is enough for a correction, by its act; sums in minor units of the shop's currency.

    ``alone_minor`` is the most that is done alone, 0 never; ``role_alone_minor`` says otherwise for a role. Never alone:
    what was taken more than ``alone_days`` ago, or by one of the ways ``never_alone``; offline no more than
    ``offline_alone_minor``. From ``elsewhere_minor`` on the second person must be at another
    terminal. A payment is moved ``transfers_max`` times at most. A refund of more than ``cash_refund_minor`` that came as
    cash goes back by the bank (None: whatever the drawer holds).

    Whoever the table of rights lets do the act alone needs nobody, whatever the case.
    """

    alone_minor: Mapping[str, int] = field(default_factory=dict)
    role_alone_minor: Mapping[Role, Mapping[str, int]] = field(default_factory=dict)
    alone_days: int | None = None
    never_alone: frozenset[str] = frozenset()
    offline_alone_minor: int = 0
    elsewhere_minor: Mapping[str, int] = field(default_factory=dict)
    transfers_max: int = 3
    cash_refund_minor: int | None = None

    def pays_in_cash(self, cash_minor: int) -> bool:
        """Whether so much that came in as cash goes back out of a drawer (rule 32)."""
        return self.cash_refund_minor is None or cash_minor <= self.cash_refund_minor

    def wants(self, case: CorrectionCase) -> SecondPerson:
        """Whom the case needs. A larger sum, an older payment, a further way or silence never makes it fewer."""
        if self._is_alone(case):
            return SecondPerson.NOBODY
        start = self.elsewhere_minor.get(case.act)
        if start is not None and case.amount_minor >= start:
            return SecondPerson.ELSEWHERE
        return SecondPerson.ANYWHERE

    def alone_up_to(self, act: str, roles: Collection[Role]) -> int:
        """The cap of ``act``: the highest that one of ``roles`` has."""
        general = self.alone_minor.get(act, 0)
        return max((self.role_alone_minor.get(role, {}).get(act, general) for role in roles), default=general)

    def _is_alone(self, case: CorrectionCase) -> bool:
        cap = self.alone_up_to(case.act, case.roles)
        if case.offline:
            cap = min(cap, self.offline_alone_minor)
        too_old = self.alone_days is not None and case.days > self.alone_days
        return case.amount_minor <= cap and not too_old and self.never_alone.isdisjoint(case.modes)


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenTender:
    """A tender of a booked payment. ``kept`` is what stayed of it (handed over, less change), ``paid`` what it paid.

    ``cheque`` and ``bank_receipt`` are the state of its paper, None where it is none; ``undone``: whole, by a correction.
    ``foreign`` are the notes of another currency that it came in. ``voucher_is_whole``: central held the voucher, and
    nothing that it left was given out as another.
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
    voucher_is_whole: bool
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
    """A booked payment as a correction finds it. ``corrected``: something was undone or moved before.

    ``shift_id`` None: it came by a bank's file.
    """

    payment_event_id: str
    receipt_number: str
    shift_id: str | None
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
