"""Making the batches for the general ledger: what a day booked, summed by the operator's accounts, once.

A day that is not counted yet waits: its batch is made when its shift is closed. What is booked on it later is a supplement.
Source: domain.md 3.9 and rule 25.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date

from pos.domain.business_day import business_date, open_date
from pos.domain.errors import Refused
from pos.domain.ledger_feed import BatchLine, LedgerBatch, LedgerRules, batch_number, digest_of
from pos.domain.role import Person
from pos.store.days import last_closed_day
from pos.store.ledger_batches import (
    PostedSum,
    Stretch,
    batch_by_number,
    batches_of,
    next_part,
    next_sequence,
    open_days,
    open_stretches,
    sums_of,
)
from pos.store.times import offset_minutes, utc_text
from pos.till.desk import Deed, Desk, Memo, perform
from pos.till.gate import require_look

ACT = "export"
DAYS_MAX = 400
"""So many days are batched in one deed; the next one goes on."""


def make_batches(
    desk: Desk, person: Person, day: date | None = None, *, memo: Memo | None = None
) -> tuple[LedgerBatch, ...]:
    """Batch what is in none yet: of ``day``, or of every day that is over or closed. Nothing new makes none.

    Today is batched before it is closed only where it is named: what is still to come would all be supplements.

    Raises NotAuthorised, or Refused ``shift_open``, ``day_to_come`` or ``ledger_account_missing``.
    """

    def work(deed: Deed) -> tuple[LedgerBatch, ...]:
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
    require_look(desk, ACT, person)
    with desk.till.read() as connection:
        return list(batches_of(connection, day))


def ledger_batch(desk: Desk, person: Person, number: str) -> LedgerBatch:
    """The batch of this number. Raises NotAuthorised, or Refused ``unknown_batch``."""
    require_look(desk, ACT, person)
    with desk.till.read() as connection:
        found = batch_by_number(connection, number)
    if found is None:
        raise unknown_batch(number)
    return found


def unknown_batch(number: str) -> Refused:
    """This terminal made no batch of that number."""
    return Refused("unknown_batch", f"This terminal has made no batch {number}.", batch=number)


def _days(deed: Deed, day: date | None) -> Sequence[date]:
    """The days to batch. Raises Refused ``shift_open`` or ``day_to_come`` where one was named that cannot be."""
    today = business_date(deed.at, deed.desk.policy.day_starts)
    counting = None if deed.shift is None else deed.shift.business_date
    closed = last_closed_day(deed.unit.connection) or date.min
    if day is None:
        waiting = (
            one
            for one in open_days(deed.unit.connection)
            if (one < today or one <= closed) and one != counting
        )
        return list(waiting)[:DAYS_MAX]
    if day > max(today, closed):
        raise Refused("day_to_come", f"{day} is still to come.", business_date=day.isoformat())
    if day == counting:
        raise Refused(
            "shift_open",
            f"The shift of {day} is still open. Count and close it first.",
            business_date=day.isoformat(),
        )
    return [day]


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
