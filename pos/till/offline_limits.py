"""Taking less while central is silent: each way to pay up to its limits, beyond them only in somebody's name.

Source: domain.md rules 51, 52 and 54.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from pos.domain.errors import NeedsConfirmation, Refused
from pos.domain.money import Money, zero
from pos.domain.offline import Exceeded, Limit, OfflineUse, exceeded
from pos.domain.payment_mode import ModeKind, PaymentMode
from pos.domain.role import Person
from pos.domain.text_guard import clean_entry
from pos.store.cache import CachedAccount
from pos.store.shifts import open_shift
from pos.store.silence import last_answer_at, untold
from pos.till.desk import Deed, Desk
from pos.till.gate import may_do_alone

CODE = "offline_limit"
OVERRIDE = "override_offline_limit"
REASON_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Central has been silent for longer than the shop puts up with. None: it never answered here."""

    since: datetime | None
    lasted: timedelta | None


def silence(desk: Desk, books: Connection) -> Silence | None:
    """Whether the till counts as offline; None: central answered a short while ago.

    A clock that stands before the last answer says nothing, and stops nothing.
    """
    with desk.cache.read() as cache:
        since = last_answer_at(books, cache)
    if since is None:
        return Silence(since=None, lasted=None)
    lasted = desk.clock.now() - since
    return Silence(since=since, lasted=lasted) if lasted >= desk.policy.offline.after else None


def is_offline(desk: Desk, books: Connection) -> bool:
    """Whether central has been silent for too long; a till without a central is never offline."""
    return desk.policy.offline.has_central and silence(desk, books) is not None


def closed_modes(desk: Desk, books: Connection, payer: CachedAccount) -> dict[str, str]:
    """The modes that this payer can't use until central answers, with the reason in words."""
    silent = silence(desk, books) if desk.policy.offline.limits else None
    if silent is None:
        return {}
    found: dict[str, str] = {}
    for mode in desk.modes.by_code.values():
        broken = _exceeded(desk, books, silent, payer, mode, ())
        if broken is not None:
            found[mode.code] = _reason(desk, mode, silent, broken)
    return found


def require_room(
    deed: Deed,
    payer: CachedAccount,
    tenders: Sequence[tuple[PaymentMode, Money]],
    *,
    confirmed: Sequence[str],
    reason: str | None,
) -> None:
    """``tenders`` of one payment are within the limits, or somebody who may goes beyond them in his own name.

    Raises Refused ``offline_limit`` or ``reason_required``, and NeedsConfirmation ``offline_limit`` where the person may.
    """
    refusal = room_refusal(deed.desk, deed.unit.connection, deed.person, payer, tenders)
    if refusal is None:
        return
    if not isinstance(refusal, NeedsConfirmation) or CODE not in confirmed:
        raise refusal
    told = clean_entry(reason or "", field="Reason", limit=REASON_MAX)
    if not told:
        raise Refused(
            "reason_required", "Say why the limit is passed; it is kept with your name.", field="reason"
        )
    deed.reason_code = f"{CODE}: {told}"


def room_refusal(
    desk: Desk,
    books: Connection,
    person: Person,
    payer: CachedAccount,
    tenders: Sequence[tuple[PaymentMode, Money]],
) -> Refused | None:
    """Why ``tenders`` can't be taken until central answers; a warning for who may take them all the same."""
    if not any(mode.code in desk.policy.offline.limits for mode, _ in tenders):
        return None
    silent = silence(desk, books)
    if silent is None:
        return None
    for mode in dict.fromkeys(mode.code for mode, _ in tenders):
        amounts = [amount for one, amount in tenders if one.code == mode]
        broken = _exceeded(desk, books, silent, payer, desk.modes[mode], amounts)
        if broken is not None:
            return _refusal(desk, books, person, payer, silent, desk.modes[mode], broken)
    return None


def _exceeded(
    desk: Desk,
    books: Connection,
    silent: Silence,
    payer: CachedAccount,
    mode: PaymentMode,
    amounts: Sequence[Money],
) -> Exceeded | None:
    limits = desk.policy.offline.limits.get(mode.code)
    if limits is None:
        return None
    shift = open_shift(books)
    taken = untold(
        books,
        mode.code,
        desk.identity.currency,
        since=silent.since,
        payer_account=payer.account,
        shift_id="" if shift is None else shift.shift_id,
    )
    alone = desk.policy.is_anybody(payer.kind, payer.account)
    use = OfflineUse(
        customer=zero(desk.identity.currency) if alone else taken.of_payer,
        shift_total=taken.of_shift,
        count=taken.count,
        silent_for=silent.lasted,
    )
    return exceeded(limits, use, amounts)


def _refusal(
    desk: Desk,
    books: Connection,
    person: Person,
    payer: CachedAccount,
    silent: Silence,
    mode: PaymentMode,
    broken: Exceeded,
) -> Refused:
    closed = closed_modes(desk, books, payer)
    others = [
        other
        for other in desk.modes.by_code.values()
        if other.code not in (mode.code, *closed) and other.available and other.accepts.get(payer.kind)
    ]
    # Cash is named last: the others keep the drawer light.
    others.sort(key=lambda other: other.kind is ModeKind.CASH)
    details: dict[str, object] = {
        "mode": mode.code,
        "limit": str(broken.limit),
        "cap": _plain(broken.cap),
        "left": _plain(broken.left),
        "others": [other.code for other in others],
    }
    if isinstance(broken.cap, Money):
        details["currency"] = broken.cap.currency.code
    message = _reason(desk, mode, silent, broken)
    if may_do_alone(desk, OVERRIDE, person):
        return NeedsConfirmation(CODE, message, **details, reason="required")
    instead = " Take cash, or ask a supervisor." if any(o.kind is ModeKind.CASH for o in others) else ""
    return Refused(CODE, message + instead, **details)


def _reason(desk: Desk, mode: PaymentMode, silent: Silence, broken: Exceeded) -> str:
    now = desk.clock.now()
    since = None if silent.since is None else silent.since.astimezone(now.tzinfo)
    hour = (
        ""
        if since is None
        else f" (since {since:%H:%M})"
        if since.date() == now.date()
        else f" (since {since:%Y-%m-%d})"
    )
    cap, left = _plain(broken.cap), _plain(broken.left)
    told = {
        Limit.ITEM: f"up to {cap} each",
        Limit.CUSTOMER: f"up to {cap} of one customer, {left} left",
        Limit.SHIFT_TOTAL: f"up to {cap} in a shift, {left} left",
        Limit.COUNT: f"{cap} at most, {left} left",
        Limit.HOURS: f"for {cap} hours only",
    }[broken.limit]
    return f"{mode.label}: {told}, while central is silent{hour}."


def _plain(value: Money | int) -> str:
    return value.plain() if isinstance(value, Money) else str(value)
