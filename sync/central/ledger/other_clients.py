"""Batches of what reached central by no till: payments and refunds of other TMF clients, under a shop of their own.

No till has a journal of them, so central sums them itself, by the operator's accounts: the way of paying against the
account, credit or suspense that the money went to. A payment and a refund are never changed, so what a day has beyond its
batches is what came since: that is a supplement. Source: domain.md 3.9.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from typing import Any

from sqlalchemy import Connection, text

from pos.domain.business_day import open_date
from pos.domain.errors import Refused
from pos.domain.ledger_feed import (
    BatchLine,
    Deliverer,
    LedgerBatch,
    LedgerRules,
    batch_number,
)
from pos.domain.money import Money, currency, zero
from pos.domain.payment_mode import PaymentModes
from pos.domain.posting import Ledger, SourceKind
from sync.central.ledger.batches import FIND, INSERT, batch_of
from sync.central.store.database import next_change
from sync.ledger.wire import told_batch
from sync.wire_json import dumps, loads

TERMINAL = "central"
SERIES = "A"
AT_ONCE = 1_000
"""So many rows are held at once, however many payments there are."""

Key = tuple[str, str, str]
"""Kind of deed, ledger account, currency."""


@dataclass(slots=True, kw_only=True)
class DaySums:
    """What a day has: how many entries, and by key what is debited (more than nothing) or credited, and by how many."""

    entries: int = 0
    minor: dict[Key, int] = field(default_factory=dict)
    postings: dict[Key, int] = field(default_factory=dict)

    def add(self, key: Key, minor: int, postings: int = 1) -> None:
        if minor:
            self.minor[key] = self.minor.get(key, 0) + minor
            self.postings[key] = self.postings.get(key, 0) + postings


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherClients:
    """How their payments are batched: under which shop, by which accounts, on the days of which time zone."""

    shop: str
    rules: LedgerRules
    modes: PaymentModes
    zone: tzinfo
    closed_through: date | None


def require_shop(shop: str) -> None:
    """Raises Refused ``bad_shop`` for a number that could be read as another shop's with its terminal."""
    if _SHOP.fullmatch(shop) is None:
        raise Refused(
            "bad_shop", "A shop's number has up to 40 plain letters and digits, and no dash.", shop=shop
        )


_SHOP = re.compile(r"[A-Za-z0-9][A-Za-z0-9._]{0,39}")


def batches_due(connection: Connection, clients: OtherClients, *, at: datetime) -> list[LedgerBatch]:
    """The batches of the days that are over, of what is in none yet, still to be kept; nothing new makes none.

    Raises Refused ``shop_of_tills`` where a till has told batches of that shop, or ``ledger_account_missing``.
    """
    if connection.execute(OF_TILLS, {"shop": clients.shop, "own": TERMINAL}).first() is not None:
        raise Refused(
            "shop_of_tills",
            f"Shop {clients.shop} has tills, which make its batches. Give the other clients a shop of their own.",
            shop=clients.shop,
        )
    made: dict[date, list[LedgerBatch]] = {}
    for row in connection.execute(OWN, {"shop": clients.shop, "own": TERMINAL}).all():
        batch = batch_of(row.body)
        made.setdefault(batch.business_date, []).append(batch)
    sequence = sum(map(len, made.values()))
    today = at.astimezone(clients.zone).date()
    due = []
    for day, sums in sorted(_days(connection, clients).items()):
        before = made.get(day, [])
        new = sums.entries - sum(batch.entries for batch in before)
        lines = _lines(_beyond(sums, before), clients.rules) if day < today and new else ()
        if lines:
            sequence += 1
            due.append(
                _batch(clients, day, sequence=sequence, part=len(before) + 1, entries=new, lines=lines)
            )
    return due


def keep_batches(connection: Connection, batches: Sequence[LedgerBatch], *, at: datetime) -> None:
    """Keep what was due. Raises Refused ``made_meanwhile`` where somebody else has done so."""
    for batch in batches:
        if connection.execute(FIND, {"number": batch.number}).first() is not None:
            raise Refused("made_meanwhile", f"Batch {batch.number} was made meanwhile.", batch=batch.number)
        told = told_batch(batch)
        connection.execute(
            INSERT,
            {
                "number": batch.number,
                "terminal": batch.terminal,
                "shop": batch.shop,
                "business_date": batch.business_date.isoformat(),
                "delivered_by": str(batch.delivered_by),
                "digest": told["sha256"],
                "body": dumps(told).decode(),
                "told_at": at.isoformat(timespec="microseconds"),
                "change_number": next_change(connection),
            },
        )


def _days(connection: Connection, clients: OtherClients) -> dict[date, DaySums]:
    days: dict[date, DaySums] = {}
    for row in connection.execute(PAYMENTS):
        sums = days.setdefault(_day(row.paid_at_utc, clients.zone), DaySums())
        sums.entries += 1
        on_account = Ledger.DEALER_ACCOUNT if row.kind == "dealer" else Ledger.CUSTOMER_CREDIT
        places = (
            (_paid_by(loads(row.body.encode()), clients.modes), row.amount_minor),
            (Ledger.RECEIVABLE, -row.applied_minor),
            (on_account, -row.credit_minor),
            # What was paid for is told in no way that revenue and tax could be made of: the office clears it.
            (Ledger.SUSPENSE, -row.suspense_minor - row.other_minor),
        )
        for ledger_account, minor in places:
            sums.add((SourceKind.PAYMENT, ledger_account, row.currency), minor)
    last = None
    for row in connection.execute(REFUND_PARTS):
        sums = days.setdefault(_day(row.refunded_at_utc, clients.zone), DaySums())
        sums.entries += row.id != last
        last = row.id
        from_account = _STOOD_AS.get(row.stood_as)
        if from_account is None:
            from_account = Ledger.DEALER_ACCOUNT if row.kind == "dealer" else Ledger.CUSTOMER_CREDIT
        sums.add((SourceKind.REFUND, from_account, row.currency), -row.amount_minor)
        sums.add((SourceKind.REFUND, Ledger.REFUNDS_PAYABLE, row.currency), row.amount_minor)
    return days


_STOOD_AS: Mapping[str, Ledger] = {
    "bill": Ledger.RECEIVABLE,
    "suspense": Ledger.SUSPENSE,
    "other": Ledger.SUSPENSE,
}
"""Where the money of a refund had stood; else it was on an account."""


def _day(at_utc: str, zone: tzinfo) -> date:
    return datetime.fromisoformat(at_utc).astimezone(zone).date()


def _paid_by(body: Mapping[str, Any], modes: PaymentModes) -> str:
    """The account of the way of paying: by our own name of it, else by its type, else to be cleared with the bank."""
    method = body.get("paymentMethod")
    told = method if isinstance(method, Mapping) else {}
    if (mode := modes.by_code.get(str(told.get("name")))) is not None:
        return mode.ledger_account
    of_type = (mode for mode in modes.by_code.values() if mode.tmf_type == told.get("@type"))
    found = next(of_type, None)
    return Ledger.BANK_DIFFERENCES if found is None else found.ledger_account


def _beyond(sums: DaySums, before: Sequence[LedgerBatch]) -> DaySums:
    """What ``sums`` has more than the batches of the day."""
    left = DaySums(minor=dict(sums.minor), postings=dict(sums.postings))
    for batch in before:
        for line in batch.lines:
            key = (line.event, line.ledger_account, line.debit.currency.code)
            left.add(key, line.credit.minor - line.debit.minor, -line.postings)
    return left


def _lines(sums: DaySums, rules: LedgerRules) -> tuple[BatchLine, ...]:
    moved = sorted((key[0], key[2], minor < 0, key[1]) for key, minor in sums.minor.items() if minor)
    return tuple(
        _line(number, (event, account, code), sums, rules)
        for number, (event, code, _, account) in enumerate(moved, start=1)
    )


def _line(number: int, key: Key, sums: DaySums, rules: LedgerRules) -> BatchLine:
    event, ledger_account, code = key
    known, in_currency, minor = rules.account(ledger_account), currency(code), sums.minor[key]
    amount, none = Money(abs(minor), in_currency), zero(in_currency)
    return BatchLine(
        number=number,
        event=event,
        category=rules.category(event),
        ledger_account=ledger_account,
        code=known.by_event.get(event, known.code),
        name=known.name,
        kind=known.kind,
        debit=amount if minor > 0 else none,
        credit=none if minor > 0 else amount,
        postings=max(1, sums.postings[key]),
    )


def _batch(
    clients: OtherClients,
    day: date,
    *,
    sequence: int,
    part: int,
    entries: int,
    lines: tuple[BatchLine, ...],
) -> LedgerBatch:
    return LedgerBatch(
        number=batch_number(clients.shop, TERMINAL, SERIES, day, part),
        sequence=sequence,
        shop=clients.shop,
        terminal=TERMINAL,
        business_date=day,
        part=part,
        accounting_date=open_date(day, clients.closed_through),
        entries=entries,
        delivered_by=Deliverer.CENTRAL,
        terms=clients.rules.terms,
        lines=lines,
    )


# A till numbers every leg; what has no number of a till's came by another client, whatever terminal it names.
PAYMENTS = text(
    "SELECT payment.amount_minor, applied_minor, payment.credit_minor, suspense_minor, other_minor, payment.currency,"
    " paid_at_utc, payment.body, account.kind FROM payment LEFT JOIN account ON account.id = payment.account_id"
    " WHERE sequence IS NULL ORDER BY payment.change_number"
).execution_options(yield_per=AT_ONCE)
REFUND_PARTS = text(
    "SELECT refund.id, refund.currency, refunded_at_utc, stood_as, part.amount_minor, account.kind FROM refund"
    " JOIN refund_part AS part ON part.refund_id = refund.id LEFT JOIN account ON account.id = part.account_id"
    " WHERE (refund.terminal IS NULL OR refund.terminal NOT IN (SELECT id FROM terminal))"
    " AND stood_as NOT IN ('write_off', 'recovery') ORDER BY refund.change_number, part_no"
).execution_options(yield_per=AT_ONCE)
OF_TILLS = text("SELECT 1 FROM ledger_batch WHERE shop = :shop AND terminal <> :own LIMIT 1")
OWN = text("SELECT body FROM ledger_batch WHERE shop = :shop AND terminal = :own ORDER BY change_number")
