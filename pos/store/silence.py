"""Since when central is silent, and what was taken in that time that it has not acknowledged.

Both are read from what the two files hold, so that the screen and a command beside it say the same: online means that
central answered, not that a cable is in. Source: domain.md rules 51 and 54.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from pos.domain.money import Currency, Money
from pos.store import cache as cached
from pos.store.times import from_utc_text, utc_text

_UNTOLD = (
    "SELECT count(DISTINCT tender.tender_id), "
    "coalesce(sum(CASE WHEN event.payer_account = ? THEN leg.amount_minor END), 0), "
    "coalesce(sum(CASE WHEN event.shift_id = ? THEN leg.amount_minor END), 0) "
    "FROM outbox JOIN leg USING (payment_event_id, leg) JOIN tender ON tender.tender_id = leg.tender_id "
    "JOIN payment_event AS event ON event.payment_event_id = leg.payment_event_id "
    "WHERE outbox.kind = 'payment' AND outbox.state <> 'acknowledged' "
    "AND tender.mode = ? AND leg.currency = ? AND event.taken_at_utc > ?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Untold:
    """Tenders of one mode that central has not acknowledged: how many, of one payer, in one shift."""

    count: int
    of_payer: Money
    of_shift: Money


def last_answer_at(books: Connection, cache: Connection) -> datetime | None:
    """When central last answered (UTC): its last whole telling, or its last acknowledgement. None: never yet."""
    told = cached.marker(cache, "told_at")
    acknowledged = books.exec_driver_sql(
        "SELECT changed_at_utc FROM outbox WHERE state = 'acknowledged' ORDER BY outbox_id DESC LIMIT 1"
    ).scalar_one_or_none()
    known = [from_utc_text(str(text)) for text in (told, acknowledged) if text is not None]
    return max(known, default=None)


HEARD = "heard"


def heard_now(cache: Connection, *, boot: str, monotonic_s: float) -> None:
    """Central has just told all: by the clock that cannot be set, in the machine's run ``boot``."""
    cached.set_marker(cache, HEARD, f"{monotonic_s:.0f} {boot}")


def heard_since_boot(cache: Connection, boot: str) -> float | None:
    """When central last told all, in seconds of this run's clock; None: in another run, or it is not known."""
    told = cached.marker(cache, HEARD)
    if told is None or not boot:
        return None
    heard_s, _, run = told.partition(" ")
    return float(heard_s) if run == boot else None


def untold(
    books: Connection,
    mode: str,
    in_currency: Currency,
    *,
    since: datetime | None,
    payer_account: str,
    shift_id: str,
) -> Untold:
    """What was taken in ``mode`` since then (None: ever) and is not acknowledged."""
    after = "" if since is None else utc_text(since)
    count, of_payer, of_shift = books.exec_driver_sql(
        _UNTOLD, (payer_account, shift_id, mode, in_currency.code, after)
    ).one()
    return Untold(
        count=int(count),
        of_payer=Money(int(of_payer), in_currency),
        of_shift=Money(int(of_shift), in_currency),
    )


def untold_total(books: Connection, in_currency: Currency) -> Money:
    """All money that central has not acknowledged."""
    minor = books.exec_driver_sql(
        "SELECT coalesce(sum(leg.amount_minor), 0) FROM outbox JOIN leg USING (payment_event_id, leg) "
        "WHERE outbox.kind = 'payment' AND outbox.state <> 'acknowledged' AND leg.currency = ?",
        (in_currency.code,),
    ).scalar_one()
    return Money(int(minor), in_currency)
