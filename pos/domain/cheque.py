"""A cheque at the counter: its identity, and what makes it unfit to be taken.

Identity is bank, branch, account and serial; zeros in front are part of it. Source: domain.md rules 37 to 43.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from pos.domain.dishonour_policy import DishonourPolicy
from pos.domain.drawer_name import is_third_party
from pos.domain.errors import Refused
from pos.domain.micr import MicrLayout, read_micr
from pos.domain.money import Money


class ChequeState(StrEnum):
    """Where a cheque is between the counter and the bank. One that leaves a slip again is received as before.

    CREDITED: the bank may still take it back; CLEARED: its money is sure. DISHONOURED: the bank sent it back, and it lies
    here; REPRESENTED: it lies here to go to the bank once more, and counts again.
    RETURNED: handed back to whoever paid with it; REPLACED: the same, and something else was given in its place. Either may
    come in again.
    """

    RECEIVED = "received"
    BATCHED = "batched"
    LODGED = "lodged"
    CREDITED = "credited"
    CLEARED = "cleared"
    DISHONOURED = "dishonoured"
    REPRESENTED = "represented"
    RETURNED = "returned"
    REPLACED = "replaced"


CHEQUE_STEPS: Mapping[ChequeState, frozenset[ChequeState]] = {
    ChequeState.RECEIVED: frozenset({ChequeState.BATCHED, ChequeState.RETURNED, ChequeState.REPLACED}),
    ChequeState.BATCHED: frozenset({ChequeState.RECEIVED, ChequeState.REPRESENTED, ChequeState.LODGED}),
    ChequeState.LODGED: frozenset({ChequeState.CREDITED, ChequeState.DISHONOURED}),
    ChequeState.CREDITED: frozenset({ChequeState.CLEARED, ChequeState.DISHONOURED}),
    ChequeState.CLEARED: frozenset({ChequeState.DISHONOURED}),
    ChequeState.DISHONOURED: frozenset(
        # Back to where it stood: the bank was wrong.
        {
            ChequeState.LODGED,
            ChequeState.CREDITED,
            ChequeState.CLEARED,
            ChequeState.REPRESENTED,
            ChequeState.RETURNED,
            ChequeState.REPLACED,
        }
    ),
    ChequeState.REPRESENTED: frozenset({ChequeState.BATCHED}),
}
"""Where a cheque may go from each state; the database knows the same steps (``cheque_step``)."""
IN_HAND = (ChequeState.RECEIVED, ChequeState.REPRESENTED)
"""It lies in the shop and may be put on a slip."""
WENT_BACK = (ChequeState.RETURNED, ChequeState.REPLACED)
"""Its payor has it again."""
AT_THE_BANK = (ChequeState.LODGED, ChequeState.CREDITED, ChequeState.CLEARED)
"""The bank has it, and may send it back."""


class ChequeKind(StrEnum):
    """Whose promise it is: the drawer's, or (draft) the bank's own."""

    PERSONAL = "personal"
    DRAFT = "draft"


class Entered(StrEnum):
    """How bank, branch, account and serial came in."""

    READER = "reader"
    HAND = "hand"


class ThirdParty(StrEnum):
    """What is done with a cheque that another drew than who pays."""

    REFUSE = "refuse"
    TICKS = "ticks"
    ACCEPT = "accept"


TICKS: Mapping[str, str] = {
    "words_match_figures": "The amount in words is the amount in figures",
    "payee": "It is payable to us",
    "crossing": "It is crossed, account payee",
    "signature": "It is signed",
    "no_alteration": "Nothing on it was altered",
}
"""What a cashier looks at on the paper, by the code that is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChequePolicy:
    """The shop's rules: how old a cheque may be, and the most one may be worth (None: no cap).

    ``max_by_class`` has the cap of some classes of accounts in place of ``max_amount``; ``max_draft`` is for bank drafts.
    From ``warn_before_stale_days`` days before it is too old its taking says so. One dated up to ``post_dated_max_days``
    days ahead is registered (0: none is). ``clear_after_days`` days after the bank credited it it is taken for cleared, by a
    person; ``refund_hold_days`` days after that its money may be paid back. ``ticks`` are asked for a third party's
    cheque, with ``ticks_always`` for every one but a draft. ``layouts`` are the MICR lines that are known here;
    ``dishonour`` says what becomes of one that the bank sends back.
    """

    stale_after_days: int
    max_amount: Money | None
    max_by_class: Mapping[str, Money | None] = field(default_factory=dict, hash=False)
    max_draft: Money | None = None
    warn_before_stale_days: int = 14
    post_dated_max_days: int = 90
    clear_after_days: int = 5
    refund_hold_days: int = 7
    third_party: ThirdParty = ThirdParty.TICKS
    ticks: tuple[str, ...] = tuple(TICKS)
    ticks_always: bool = False
    layouts: tuple[MicrLayout, ...] = ()
    dishonour: DishonourPolicy = field(default_factory=DishonourPolicy)

    def cap_of(self, cheque: Cheque, account_class: str) -> Money | None:
        """The most that ``cheque`` of an account of this class may be worth."""
        if cheque.kind is ChequeKind.DRAFT:
            return self.max_draft
        return self.max_by_class.get(account_class, self.max_amount)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChequeIdentity:
    """What makes two cheques one: letters in one case, no blanks or dashes; zeros in front count."""

    bank: str
    branch: str
    account: str
    serial: str

    def same_as(self, other: ChequeIdentity) -> bool:
        """Whether both are one cheque; a branch or account that is not known on one side tells nothing."""
        return (
            (self.bank, self.serial) == (other.bank, other.serial)
            and ("" in (self.branch, other.branch) or self.branch == other.branch)
            and ("" in (self.account, other.account) or self.account == other.account)
        )

    def says_more_than(self, other: ChequeIdentity) -> bool:
        """Whether a branch or account that ``other`` lacks is all that tells the two apart.

        Nothing that is typed can tell the two apart then: its date and amount must.
        """
        return self != other and other.branch in ("", self.branch) and other.account in ("", self.account)


def _plain(text: str) -> str:
    return re.sub(r"[ \-./]", "", text).upper()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cheque:
    """A cheque as read at the counter. ``account`` and ``branch`` are empty where the paper shows none.

    ``micr`` is the line as the reader sent it; empty where it was entered by hand. ``ticks`` are what was looked at.
    """

    bank: str
    branch: str
    account: str
    serial: str
    drawer: str
    dated: date
    amount: Money
    kind: ChequeKind = ChequeKind.PERSONAL
    micr: str = ""
    ticks: tuple[str, ...] = ()

    @property
    def entered(self) -> Entered:
        return Entered.READER if self.micr else Entered.HAND

    @property
    def identity(self) -> ChequeIdentity:
        return ChequeIdentity(
            bank=_plain(self.bank),
            branch=_plain(self.branch),
            account=_plain(self.account),
            serial=_plain(self.serial),
        )

    def is_third_partys(self, payer_name: str) -> bool:
        """Whether another than the payer drew it; a draft is drawn by a bank."""
        return self.kind is ChequeKind.PERSONAL and is_third_party(self.drawer, payer_name)

    def days_left(self, policy: ChequePolicy, *, today: date) -> int:
        """How many days are left until it is too old to be banked; below zero: it is."""
        return policy.stale_after_days - (today - self.dated).days


def open_micr(
    details: Mapping[str, str], micr: str, layouts: Sequence[MicrLayout]
) -> tuple[dict[str, str], str]:
    """A tender's fields with those of its MICR line, and the line; without one they are as typed.

    Raises what ``read_micr`` raises, or Refused ``micr_differs`` where a typed field says otherwise than the line.
    """
    if not micr.strip():
        return dict(details), ""
    line = read_micr(micr, layouts)
    for name, read in line.fields.items():
        typed = details.get(name, "")
        if typed.strip() and _plain(typed) != _plain(read):
            raise Refused(
                "micr_differs",
                f"The MICR line says {read} for the {name}, typed was something else. Look at the cheque.",
                field=name,
            )
    return {**details, **line.fields}, line.raw


def read_cheque(
    details: Mapping[str, str], amount: Money, *, today: date, micr: str = "", ticks: Sequence[str] = ()
) -> Cheque:
    """A cheque from a tender's cleaned details; the date defaults to ``today`` (the business date).

    Raises Refused ``bad_field`` for a tick or a kind that there is none of.
    """
    if set(ticks) - TICKS.keys():
        raise Refused("bad_field", "There is no such thing to tick.", field="ticks", allowed=list(TICKS))
    kind = details.get("kind", ChequeKind.PERSONAL).lower()
    if kind not in set(ChequeKind):
        raise Refused("bad_field", f"Kind: {' or '.join(ChequeKind)}.", field="kind")
    return Cheque(
        bank=details["bank"],
        branch=details.get("branch", ""),
        account=details.get("account", ""),
        serial=details["serial"],
        drawer=details.get("drawer", ""),
        dated=date.fromisoformat(details["date"]) if "date" in details else today,
        amount=amount,
        kind=ChequeKind(kind),
        micr=micr,
        ticks=tuple(tick for tick in TICKS if tick in ticks),
    )


def refuse_cash_only(cash_only: bool) -> None:
    """Raises Refused ``cheque_account_cash_only`` for an account that cheques are not taken from."""
    if cash_only:
        raise Refused(
            "cheque_account_cash_only", "This account is cash-only: no cheque is taken. Press F5 for cash."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChequePayer:
    """What of the payer decides whether a cheque is taken. An empty ``name`` is nobody's in particular."""

    name: str
    account_class: str
    cash_only: bool


def check_cheque(cheque: Cheque, policy: ChequePolicy, payer: ChequePayer, *, today: date) -> None:
    """Raises Refused ``cheque_account_cash_only``, ``cheque_over_cap``, ``cheque_post_dated``, ``cheque_stale``,
    ``cheque_third_party`` or ``cheque_ticks_missing``.
    """
    _check_cap(cheque, policy, payer)
    if cheque.dated > today:
        raise _post_dated(
            cheque,
            "It is registered alone, without other tenders or items, and is no payment until then."
            if policy.post_dated_max_days
            else "It cannot be taken as a payment, and none is registered here.",
        )
    refuse_stale(cheque, policy, today=today)
    _check_drawer(cheque, policy, payer)


def refuse_stale(cheque: Cheque, policy: ChequePolicy, *, today: date) -> None:
    """Raises Refused ``cheque_stale`` where no bank would pay it any more."""
    if cheque.days_left(policy, today=today) < 0:
        raise Refused(
            "cheque_stale",
            f"The cheque is older than {policy.stale_after_days} days. Ask for a new one.",
            date=cheque.dated.isoformat(),
        )


def check_post_dated(cheque: Cheque, policy: ChequePolicy, payer: ChequePayer, *, today: date) -> None:
    """Whether a cheque may be registered for its date.

    Raises Refused ``cheque_post_dated`` where it is too far ahead or none is registered, ``cheque_not_post_dated``, or
    what else ``check_cheque`` raises of a paper.
    """
    _check_cap(cheque, policy, payer)
    ahead = (cheque.dated - today).days
    if ahead <= 0:
        raise Refused(
            "cheque_not_post_dated", "The date of this cheque has come: it is paid in as a payment."
        )
    if not policy.post_dated_max_days:
        raise _post_dated(cheque, "It cannot be taken as a payment, and none is registered here.")
    if ahead > policy.post_dated_max_days:
        raise _post_dated(
            cheque, f"That is more than {policy.post_dated_max_days} days ahead. Ask for a new one."
        )
    _check_drawer(cheque, policy, payer)


def _post_dated(cheque: Cheque, what_then: str) -> Refused:
    dated = cheque.dated.isoformat()
    return Refused("cheque_post_dated", f"The cheque is dated {dated}, after today. {what_then}", date=dated)


def _check_cap(cheque: Cheque, policy: ChequePolicy, payer: ChequePayer) -> None:
    refuse_cash_only(payer.cash_only)
    cap = policy.cap_of(cheque, payer.account_class)
    if cap is not None and cheque.amount > cap:
        what = "bank draft" if cheque.kind is ChequeKind.DRAFT else "cheque"
        raise Refused(
            "cheque_over_cap",
            f"A {what} may be {cap.plain()} at most here.",
            cap=cap.plain(),
            currency=cap.currency.code,
        )


def _check_drawer(cheque: Cheque, policy: ChequePolicy, payer: ChequePayer) -> None:
    """Another's cheque is not taken, or only once its paper was looked at, by the shop's rule."""
    third_party = cheque.is_third_partys(payer.name)
    if third_party and policy.third_party is ThirdParty.REFUSE:
        raise Refused(
            "cheque_third_party",
            "Another than the customer drew this cheque: it is not taken. Take another way to pay.",
        )
    asked = third_party and policy.third_party is ThirdParty.TICKS
    if not asked and (cheque.kind is ChequeKind.DRAFT or not policy.ticks_always):
        return
    missing = [tick for tick in policy.ticks if tick not in cheque.ticks]
    if missing:
        why = "Another than the customer drew this cheque. " if third_party else ""
        raise Refused(
            "cheque_ticks_missing", f"{why}Look at the cheque and tick what holds.", missing=missing
        )


def warning_of(cheque: Cheque, policy: ChequePolicy, *, today: date) -> str:
    """What whoever takes it should know; empty: nothing."""
    left = cheque.days_left(policy, today=today)
    if left > policy.warn_before_stale_days:
        return ""
    days = "1 day" if left == 1 else f"{left} days"
    return f"Cheque {cheque.serial}: {days} until it is too old: bank it first."
