"""Signals: patterns in the books worth a second look, each with a stable code, what it counts and from how many on.

A signal is no finding and accuses nobody: the same rows have an honest reason more often than another. It names people by
user number and leads to the rows it was counted from. Source: reliability.md 5.4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import StrEnum

from pos.domain.correction import CorrectionKind
from pos.domain.money import Money


class SignalCode(StrEnum):
    """In the order in which they are told."""

    ABOVE_PEERS = "corrections_above_peers"
    SOON_AFTER = "corrected_soon_after"
    UNDER_CAP = "just_under_cap"
    SPLIT = "split_under_cap"
    ASKED_THEN_SMALLER = "asked_then_smaller"
    ONE_ACCOUNT = "undone_for_one_account"
    MOVED_TO_ONE = "moved_to_one_account"
    REPRINTED = "reprinted_then_undone"
    CASH_THEN_CHEQUE = "cash_then_cheque"
    COMMISSION = "commission_then_undone"
    OFFLINE = "undone_while_offline"
    SWAPPED = "tender_swapped"
    LEFT = "left_after_amount_shown"
    CORRECTION_LEFT = "correction_left"
    REFUSED = "refused_again"
    WRONG_PIN = "wrong_pins"
    NOT_APPROVED = "requests_not_approved"
    ONE_APPROVER = "one_approver"
    AT_ONCE = "approved_at_once"
    AWAY = "deed_while_away"
    OUT_OF_HOURS = "deed_out_of_hours"
    CLOCK = "deed_by_wrong_clock"
    MANY_PAYMENTS = "many_payments_one_account"
    OVER_SHORT = "over_short_often"
    ONE_WAY = "over_short_one_way"
    ROUND = "over_short_round"
    BAGS = "bag_over_short"
    SAFE = "safe_over_short"
    NO_SALES = "no_sale_often"
    PAID_OUT = "paid_out_under_cap"


WHAT: Mapping[SignalCode, str] = {
    SignalCode.ABOVE_PEERS: "undone a larger share of what was taken than the others",
    SignalCode.SOON_AFTER: "payments undone minutes after they were taken",
    SignalCode.UNDER_CAP: "corrections just under what one person may do alone",
    SignalCode.SPLIT: "one payment corrected in parts, each under the cap, together above it",
    SignalCode.ASKED_THEN_SMALLER: "corrections done alone after a second person had not agreed to more",
    SignalCode.ONE_ACCOUNT: "payments of one account undone again and again",
    SignalCode.MOVED_TO_ONE: "money of several accounts moved to one",
    SignalCode.REPRINTED: "receipts printed again, then the payment undone",
    SignalCode.CASH_THEN_CHEQUE: "cash taken out of a payment, and a cheque of the same account put in",
    SignalCode.COMMISSION: "sales that earned commission, undone later",
    SignalCode.OFFLINE: "payments undone while central did not answer, more often than payments were taken then",
    SignalCode.SWAPPED: "tenders changed to another way to pay",
    SignalCode.LEFT: "payments left after the payer was shown the amount",
    SignalCode.CORRECTION_LEFT: "corrections shown and left",
    SignalCode.REFUSED: "the same refusal again and again",
    SignalCode.WRONG_PIN: "wrong PINs and lock-outs",
    SignalCode.NOT_APPROVED: "a second person asked for, who did not agree",
    SignalCode.ONE_APPROVER: "approvals that nearly always come from the same person",
    SignalCode.AT_ONCE: "approvals given within seconds of the request",
    SignalCode.AWAY: "money moved in the name of a person who had locked or left",
    SignalCode.OUT_OF_HOURS: "money moved outside the shop's hours",
    SignalCode.CLOCK: "money moved while the clock stood behind earlier deeds",
    SignalCode.MANY_PAYMENTS: "many payments to one account in one day",
    SignalCode.OVER_SHORT: "shifts that closed over or short",
    SignalCode.ONE_WAY: "shifts that closed always over, or always short",
    SignalCode.ROUND: "shifts over or short by a round sum",
    SignalCode.BAGS: "bags of cash in which another count found otherwise",
    SignalCode.SAFE: "counts of the safe that differed",
    SignalCode.NO_SALES: "drawers opened without a sale",
    SignalCode.PAID_OUT: "cash paid out just under what one person may pay out alone",
}

SHOWN_FROM: Mapping[SignalCode, int] = {
    SignalCode.ABOVE_PEERS: 3,
    SignalCode.SOON_AFTER: 3,
    SignalCode.UNDER_CAP: 3,
    SignalCode.SPLIT: 1,
    SignalCode.ASKED_THEN_SMALLER: 1,
    SignalCode.ONE_ACCOUNT: 3,
    SignalCode.MOVED_TO_ONE: 3,
    SignalCode.REPRINTED: 1,
    SignalCode.CASH_THEN_CHEQUE: 2,
    SignalCode.COMMISSION: 2,
    SignalCode.OFFLINE: 2,
    SignalCode.SWAPPED: 5,
    SignalCode.LEFT: 5,
    SignalCode.CORRECTION_LEFT: 5,
    SignalCode.REFUSED: 3,
    SignalCode.WRONG_PIN: 10,
    SignalCode.NOT_APPROVED: 3,
    SignalCode.ONE_APPROVER: 5,
    SignalCode.AT_ONCE: 3,
    SignalCode.AWAY: 1,
    SignalCode.OUT_OF_HOURS: 1,
    SignalCode.CLOCK: 1,
    SignalCode.MANY_PAYMENTS: 6,
    SignalCode.OVER_SHORT: 5,
    SignalCode.ONE_WAY: 3,
    SignalCode.ROUND: 2,
    SignalCode.BAGS: 1,
    SignalCode.SAFE: 2,
    SignalCode.NO_SALES: 5,
    SignalCode.PAID_OUT: 3,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalPolicy:
    """What a shop looks at. ``shown_from``: so many, or the signal is not shown; 0: it never is.

    ``small_minor`` and ``round_minor`` are in minor units of the shop's currency; ``small_minor`` 0: every payment counts.
    ``hours`` None: any hour is the shop's.
    """

    shown_from: Mapping[SignalCode, int] = field(default_factory=lambda: SHOWN_FROM)
    period_days: int = 30
    peers_times: int = 3
    peers_percent: int = 2
    soon_minutes: int = 5
    under_cap_percent: int = 10
    reprint_hours: int = 24
    cheque_hours: int = 24
    offline_times: int = 2
    finished_minutes: int = 30
    one_approver_percent: int = 80
    at_once_seconds: int = 5
    small_minor: int = 0
    round_minor: int = 1000
    hours: tuple[time, time] | None = None

    def shows(self, signal: Signal) -> bool:
        """Whether there are enough of them."""
        least = self.shown_from.get(signal.code, 0)
        return 0 < least <= signal.count


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalRow:
    """A row that a signal was counted from: a receipt, a request, a shift or an act, as ``what`` names it."""

    at: datetime
    user: str
    what: str
    account: str | None = None
    amount: Money | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """``people`` are user numbers, the one it is about first; ``said`` is what was measured, in words."""

    code: SignalCode
    people: tuple[str, ...]
    count: int
    rows: tuple[SignalRow, ...]
    said: str = ""


# --- what signals are counted from -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Takings:
    """What a person took in the period; ``late`` of the payments reached central only after it had been silent."""

    user: str
    count: int
    amount: Money
    late: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """A correction of the period. ``alone``: no second person approved it; ``cash`` went out of the drawer.

    ``cap_minor`` is what one person may correct alone by this act, 0 where nothing; ``late``: central heard of it after it
    had been silent; ``commission`` is what the payment had earned; ``nobody``: it is of an account that payers share;
    ``swapped``: the same payment was booked anew in the same deed, with other tenders.
    """

    receipt: str
    of_receipt: str
    kind: CorrectionKind
    user: str
    at: datetime
    account: str
    amount: Money
    cash: Money
    taken_at: datetime
    alone: bool
    cap_minor: int = 0
    to_account: str | None = None
    late: bool = False
    commission: Money | None = None
    nobody: bool = False
    swapped: bool = False

    @property
    def row(self) -> SignalRow:
        """As a signal shows it."""
        note = f"{self.kind} of {self.of_receipt}, taken {self.taken_at:%Y-%m-%d %H:%M}"
        return SignalRow(
            at=self.at,
            user=self.user,
            what=self.receipt,
            account=self.account,
            amount=self.amount,
            note=note,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """A payment that something else of the period leads to. ``nobody``: of an account that payers share."""

    receipt: str
    user: str
    at: datetime
    day: date
    account: str
    amount: Money
    by_cheque: bool = False
    nobody: bool = False

    @property
    def row(self) -> SignalRow:
        """As a signal shows it."""
        return SignalRow(
            at=self.at, user=self.user, what=self.receipt, account=self.account, amount=self.amount
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reprint:
    """A duplicate of a receipt."""

    receipt: str
    user: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request for a second person. ``waits``: it may still be approved and done."""

    request: str
    act: str
    subject: str | None
    user: str
    at: datetime
    approver: str | None = None
    approved_at: datetime | None = None
    done: bool = False
    declined: bool = False
    waits: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftEnd:
    """A closed shift."""

    number: int
    user: str
    at: datetime
    over_short: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class BagEnd:
    """A bag of cash that was counted again, by the bank or another till. ``over_short`` is what was found more in it.

    ``user`` is who sealed it; of a bag that came from another till, who counted it here.
    """

    number: str
    slip: str
    user: str
    at: datetime
    over_short: Money
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SafeEnd:
    """A count of the safe. ``over_short`` is what was found more in it; ``user`` is who counted."""

    number: str
    user: str
    at: datetime
    over_short: Money
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AtDrawer:
    """A drawer that was opened without a sale (``number`` empty), or cash paid out of it without a second person.

    ``cap_minor`` is what the person may pay out alone, 0 where there is no such limit.
    """

    number: str
    user: str
    at: datetime
    amount: Money
    cap_minor: int = 0
    reason: str = ""

    @property
    def row(self) -> SignalRow:
        """As a signal shows it."""
        what = self.number or "no_sale"
        amount = self.amount if self.number else None
        return SignalRow(at=self.at, user=self.user, what=what, amount=amount, note=self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A row of the audit, by its number; with the account and amount of its payment, where that was looked up."""

    number: int
    at: datetime
    user: str
    act: str
    result: str
    code: str | None = None
    subject: str | None = None
    account: str | None = None
    amount: Money | None = None

    @property
    def row(self) -> SignalRow:
        """As a signal shows it."""
        note = " ".join(filter(None, (self.subject, self.code)))
        return SignalRow(
            at=self.at, user=self.user, what=self.act, account=self.account, amount=self.amount, note=note
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What the books hold of a period, in any order. ``approvers``: how many people may approve here.

    ``away``, ``behind`` and ``late_hours`` are the deeds that ``walk`` found.
    """

    takings: Sequence[Takings] = ()
    undone: Sequence[Undone] = ()
    paid: Sequence[Paid] = ()
    reprints: Sequence[Reprint] = ()
    asked: Sequence[Asked] = ()
    shifts: Sequence[ShiftEnd] = ()
    bags: Sequence[BagEnd] = ()
    safe: Sequence[SafeEnd] = ()
    opened: Sequence[AtDrawer] = ()
    paid_out: Sequence[AtDrawer] = ()
    steps: Sequence[Step] = ()
    away: Sequence[Step] = ()
    behind: Sequence[Step] = ()
    late_hours: Sequence[Step] = ()
    approvers: int = 0
