"""Making the batches for the general ledger: what a day booked, summed by the operator's accounts, once.

A day that is not counted yet waits: its batch is made when its shift is closed. What is booked on it later is a supplement.
Source: domain.md 3.9 and rule 25.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from pos.domain.business_day import business_date, open_date
from pos.domain.errors import Refused
from pos.domain.ledger_feed import BatchLine, LedgerBatch, LedgerRules, batch_number, digest_of
from pos.domain.role import Person
from pos.store.days import last_closed_day
from pos.store.ledger_batches import (
    BatchHead,
    PostedSum,
    Stretch,
    batch_by_number,
    batch_heads,
    batches_of,
    next_part,
    next_sequence,
    open_days,
    open_stretches,
    sums_of,
)
from pos.store.shifts import Shift, open_shift
from pos.store.times import offset_minutes, utc_text
from pos.till.desk import Deed, Desk, Memo, perform
from pos.till.gate import require_look

ACT = "ledger_batch"
LOOK = "export"
"""The right to see batches and what lies behind them."""
DAYS_MAX = 400
"""So many days are batched in one deed; the next one goes on."""


def make_batches(
    desk: Desk, person: Person, day: date | None = None, *, memo: Memo | None = None
) -> tuple[LedgerBatch, ...]:
    """Batch what is in none yet: of ``day``, or of every day that is over or closed. Nothing new makes none.

    Today is batched before it is closed only where it is named: what is still to come would all be supplements.

    Raises NotAuthorised, or Refused ``training``, ``shift_open``, ``day_to_come`` or ``ledger_account_missing``.
    """

    def work(deed: Deed) -> tuple[LedgerBatch, ...]:
        desk.identity.refuse_training("nothing of it goes to the general ledger")
        connection = deed.unit.connection
        made = tuple(
            _make(deed, stretch) for one in _days(deed, day) for stretch in open_stretches(connection, one)
        )
        # Not in a shift, whoever has one open.
        deed.shift = None
        deed.subject = ", ".join(batch.number for batch in made)[:200] or None
        return made

    return perform(desk, person, ACT, work, memo=memo)


def ledger_batches(desk: Desk, person: Person, day: date | None = None) -> list[LedgerBatch]:
    """The batches that were made, of ``day`` or all, in their order. Raises NotAuthorised."""
    require_look(desk, LOOK, person)
    with desk.till.read() as connection:
        return list(batches_of(connection, day))


def ledger_batch(desk: Desk, person: Person, number: str) -> LedgerBatch:
    """The batch of this number. Raises NotAuthorised, or Refused ``unknown_batch``."""
    require_look(desk, LOOK, person)
    with desk.till.read() as connection:
        found = batch_by_number(connection, number)
    if found is None:
        raise unknown_batch(number)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Unbatched:
    """The days with entries that are in no batch: those that are due, and today's, which is not over."""

    due: tuple[date, ...]
    today: date | None


def unbatched(desk: Desk, person: Person) -> Unbatched:
    """What ``make_batches`` would find. Raises NotAuthorised."""
    require_look(desk, LOOK, person)
    with desk.till.read() as connection:
        due = _due(desk, connection, open_shift(connection))
        today = business_date(desk.clock.now(), desk.policy.day_starts)
        left = today in open_days(connection) and today not in due
    return Unbatched(due=tuple(due), today=today if left else None)


def last_batches(desk: Desk, person: Person, *, limit: int) -> list[BatchHead]:
    """The batches made last, without their lines, the newest first. Raises NotAuthorised."""
    require_look(desk, LOOK, person)
    with desk.till.read() as connection:
        return batch_heads(connection, limit=limit)


def unknown_batch(number: str) -> Refused:
    """This terminal made no batch of that number."""
    return Refused("unknown_batch", f"This terminal has made no batch {number}.", batch=number)


def _days(deed: Deed, day: date | None) -> Sequence[date]:
    """The days to batch. Raises Refused ``shift_open`` or ``day_to_come`` where one was named that cannot be."""
    if day is None:
        return _due(deed.desk, deed.unit.connection, deed.shift)
    today = business_date(deed.at, deed.desk.policy.day_starts)
    closed = last_closed_day(deed.unit.connection) or date.min
    if day > max(today, closed):
        raise Refused("day_to_come", f"{day} is still to come.", business_date=day.isoformat())
    if day in _counting(deed.desk, deed.shift):
        raise Refused(
            "shift_open",
            f"The shift of {day} is still open. Count and close it first.",
            business_date=day.isoformat(),
        )
    return [day]


def _due(desk: Desk, connection: Connection, shift: Shift | None) -> list[date]:
    """The days that are over or closed and have something new, but for the one that ``shift`` still counts."""
    today = business_date(desk.clock.now(), desk.policy.day_starts)
    closed = last_closed_day(connection) or date.min
    counting = _counting(desk, shift)
    waiting = (one for one in open_days(connection) if (one < today or one <= closed) and one not in counting)
    return list(waiting)[:DAYS_MAX]


def _counting(desk: Desk, shift: Shift | None) -> Collection[date]:
    """The days that ``shift`` books on: its own, and where the closed period moves it to."""
    if shift is None:
        return ()
    return {shift.business_date, open_date(shift.business_date, desk.policy.closed_through)}


def _make(deed: Deed, stretch: Stretch) -> LedgerBatch:
    desk, unit = deed.desk, deed.unit
    identity, rules = desk.identity, desk.policy.ledger
    day, part = stretch.business_date, next_part(unit.connection, stretch.business_date)
    batch = LedgerBatch(
        number=batch_number(identity.shop.shop, identity.terminal, stretch.series, day, part),
        sequence=next_sequence(unit.connection),
        shop=identity.shop.shop,
        terminal=identity.terminal,
        business_date=day,
        part=part,
        accounting_date=open_date(day, desk.policy.closed_through),
        entries=stretch.entries,
        delivered_by=rules.delivered_by,
        terms=rules.terms,
        lines=tuple(
            _line(number, posted, rules)
            for number, posted in enumerate(sums_of(unit.connection, stretch), start=1)
        ),
    )
    _write(deed, batch, stretch)
    return batch


def _line(number: int, posted: PostedSum, rules: LedgerRules) -> BatchLine:
    account = rules.account(posted.ledger_account)
    return BatchLine(
        number=number,
        event=posted.event,
        category=rules.category(posted.event),
        ledger_account=posted.ledger_account,
        code=account.by_event.get(posted.event, account.code),
        name=account.name,
        kind=account.kind,
        debit=posted.debit,
        credit=posted.credit,
        postings=posted.postings,
        original_date=posted.original_date,
    )


def _write(deed: Deed, batch: LedgerBatch, stretch: Stretch) -> None:
    """The lines first, the batch last, so that the database itself can weigh it."""
    batch_id = deed.new_id()
    deed.unit.insert_all(
        "ledger_batch_line",
        [
            {
                "batch_id": batch_id,
                "number": line.number,
                "source_kind": line.event,
                "category": line.category,
                "ledger_account": line.ledger_account,
                "code": line.code,
                "name": line.name,
                "kind": str(line.kind),
                "debit_minor": line.debit.minor,
                "credit_minor": line.credit.minor,
                "currency": line.debit.currency.code,
                "postings": line.postings,
                "original_date": None if line.original_date is None else line.original_date.isoformat(),
            }
            for line in batch.lines
        ],
    )
    deed.unit.insert(
        "ledger_batch",
        {
            "batch_id": batch_id,
            "batch_number": batch.number,
            "sequence": batch.sequence,
            "shop": batch.shop,
            "terminal": batch.terminal,
            "business_date": batch.business_date.isoformat(),
            "part": batch.part,
            "accounting_date": batch.accounting_date.isoformat(),
            "made_at_utc": utc_text(deed.at),
            "utc_offset_min": offset_minutes(deed.at),
            "operator": deed.person.user,
            "entries_after": stretch.after,
            "entries_through": stretch.through,
            "entries": batch.entries,
            "lines": len(batch.lines),
            "delivered_by": str(batch.delivered_by),
            "terms_json": json.dumps(dict(batch.terms), sort_keys=True, ensure_ascii=False),
            "digest": digest_of(batch),
        },
    )
