"""Batches of what reached central by no till: payments and refunds of other TMF clients, under a shop of their own.

No till has a journal of them, so central sums them itself, by the operator's accounts: the way of paying against the
account, credit or suspense that the money went to. Where the last batch stands among central's changes says what came since:
that is a supplement, by the settings of now; what was batched stays as it was. Source: domain.md 3.9.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, tzinfo
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Row, text

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
from sync.central.store.database import CentralStore, current_change, next_change
from sync.ledger.wire import told_batch
from sync.wire_json import dumps, loads

TERMINAL = "central"
SERIES = "A"
ZONE = "time_zone"
"""The term of a batch that says whose days they are."""
AT_ONCE = 1_000
"""So many rows are held at once, however many payments there are."""

NO_DAY = "9999-12-31T24"
"""Sorts behind every day."""

Key = tuple[str, str, str]
"""Kind of deed, ledger account, currency."""


@dataclass(slots=True, kw_only=True)
class DaySums:
    """What a day has: how many entries, and by key what is debited (more than nothing) or credited, and by how many."""

    entries: int = 0
    minor: dict[Key, int] = field(default_factory=dict)
    postings: dict[Key, int] = field(default_factory=dict)

    def add(self, key: Key, minor: int) -> None:
        if minor:
            self.minor[key] = self.minor.get(key, 0) + minor
            self.postings[key] = self.postings.get(key, 0) + 1


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


def make_batches(store: CentralStore, clients: OtherClients, *, at: datetime) -> list[LedgerBatch]:
    """Make and keep the batches of the days that are over, of what is in none yet; nothing new makes none.

    Central waits only while what came meanwhile is added, however much there was.

    Raises Refused ``shop_of_tills`` where a till has told batches of that shop, ``other_shop`` or ``other_time_zone`` where
    they were under another so far, ``ledger_account_missing``, or ``made_meanwhile``.
    """
    days: dict[date, DaySums] = {}
    with store.read() as connection:
        made = _made(connection, clients)
        _add(days, connection, clients, made, _since(made, clients))
        looked = current_change(connection)
    if not _due(days, clients, made, at):
        return []
    with store.write() as connection:
        # Whoever writes now waits: what comes later stands behind the batches, where the next run looks.
        next_change(connection)
        if _made(connection, clients) != made:
            raise Refused(
                "made_meanwhile", f"Batches of {clients.shop} were made meanwhile.", shop=clients.shop
            )
        _add(days, connection, clients, made, {"after": looked, "since": NO_DAY})
        due = _due(days, clients, made, at)
        _keep(connection, due, at=at)
    return due


def _made(connection: Connection, clients: OtherClients) -> Sequence[Row[Any]]:
    """The batches so far, in their order. Raises Refused where they are of another shop or zone."""
    made = connection.execute(OWN, {"shop": clients.shop, "own": TERMINAL}).all()
    if made:
        _require_days_of(clients, batch_of(made[-1].body))
    else:
        _require_shop_for_all(connection, clients)
    return made


def _due(
    days: Mapping[date, DaySums], clients: OtherClients, made: Sequence[Row[Any]], at: datetime
) -> list[LedgerBatch]:
    parts = Counter(row.business_date for row in made)
    today = at.astimezone(clients.zone).date()
    due: list[LedgerBatch] = []
    for day, sums in sorted(days.items()):
        lines = _lines(sums, clients.rules) if day < today else ()
        if lines:
            sequence, part = len(made) + len(due) + 1, parts[day.isoformat()] + 1
            due.append(_batch(clients, day, sequence=sequence, part=part, entries=sums.entries, lines=lines))
    return due


def _require_shop_for_all(connection: Connection, clients: OtherClients) -> None:
    """One shop for ever, that has no tills: under a second one all would be fed again."""
    if connection.execute(OF_TILLS, {"shop": clients.shop}).first() is not None:
        raise Refused(
            "shop_of_tills",
            f"Shop {clients.shop} has tills, which make its batches. Give the other clients a shop of their own.",
            shop=clients.shop,
        )
    other = connection.execute(OTHER_SHOP, {"own": TERMINAL}).scalar()
    if other is not None:
        raise Refused(
            "other_shop",
            f"The other clients are fed under shop {other}. Under {clients.shop} all would be fed again.",
            shop=other,
        )


def _require_days_of(clients: OtherClients, last: LedgerBatch) -> None:
    """The days of one zone for ever: those of another would have some payments twice and others not."""
    zone = last.terms.get(ZONE)
    if zone not in (None, str(clients.zone)):
        raise Refused(
            "other_time_zone",
            f"The days so far are those of {zone}. Give --time-zone {zone}.",
            time_zone=zone,
        )


def _since(made: Sequence[Row[Any]], clients: OtherClients) -> dict[str, object]:
    """Where to look for what is in no batch: behind the last, and on the days that were not over when it was made."""
    if not made:
        return {"after": 0, "since": ""}
    day = datetime.fromisoformat(made[-1].told_at).astimezone(clients.zone).date()
    begins = datetime.combine(day, time(), clients.zone).astimezone(UTC)
    return {"after": made[-1].change_number, "since": begins.isoformat(timespec="microseconds")}


def _keep(connection: Connection, batches: Sequence[LedgerBatch], *, at: datetime) -> None:
    for batch in batches:
        if connection.execute(FIND, {"number": batch.number}).first() is not None:
            raise Refused(
                "made_meanwhile", f"Somebody else has told a batch {batch.number}.", batch=batch.number
            )
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


def _add(
    days: dict[date, DaySums],
    connection: Connection,
    clients: OtherClients,
    made: Sequence[Row[Any]],
    since: Mapping[str, object],
) -> None:
    """Add what ``since`` leaves and no batch of its day has."""
    batched = {row.business_date: row.change_number for row in made}

    def sums_of(at_utc: str, change: int) -> DaySums | None:
        day = datetime.fromisoformat(at_utc).astimezone(clients.zone).date()
        if change < batched.get(day.isoformat(), 0):
            return None
        return days.setdefault(day, DaySums())

    for row in connection.execute(PAYMENTS, since):
        sums = sums_of(row.paid_at_utc, row.change_number)
        if sums is None:
            continue
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
    for (_, at_utc, change), parts in groupby(connection.execute(REFUND_PARTS, since), key=_refund_of):
        sums = sums_of(at_utc, change)
        if sums is None:
            continue
        sums.entries += 1
        for row in parts:
            from_account = _STOOD_AS.get(row.stood_as)
            if from_account is None:
                from_account = Ledger.DEALER_ACCOUNT if row.kind == "dealer" else Ledger.CUSTOMER_CREDIT
            sums.add((SourceKind.REFUND, from_account, row.currency), -row.amount_minor)
            sums.add((SourceKind.REFUND, Ledger.REFUNDS_PAYABLE, row.currency), row.amount_minor)


def _refund_of(row: Row[Any]) -> tuple[str, str, int]:
    return row.id, row.refunded_at_utc, row.change_number


_STOOD_AS: Mapping[str, Ledger] = {
    "bill": Ledger.RECEIVABLE,
    "suspense": Ledger.SUSPENSE,
    "other": Ledger.SUSPENSE,
}
"""Where the money of a refund had stood; else it was on an account."""


def _paid_by(body: Mapping[str, Any], modes: PaymentModes) -> str:
    """The account of the way of paying: by our own name of it, else by its type, else to be cleared with the bank."""
    method = body.get("paymentMethod")
    told = method if isinstance(method, Mapping) else {}
    if (mode := modes.by_code.get(str(told.get("name")))) is not None:
        return mode.ledger_account
    of_type = (mode for mode in modes.by_code.values() if mode.tmf_type == told.get("@type"))
    found = next(of_type, None)
    return Ledger.BANK_DIFFERENCES if found is None else found.ledger_account


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
        postings=sums.postings[key],
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
        terms={**clients.rules.terms, ZONE: str(clients.zone)},
        lines=lines,
    )


# A till numbers every leg; what has no number of a till's came by another client, whatever terminal it names.
PAYMENTS = text(
    "SELECT payment.amount_minor, applied_minor, payment.credit_minor, suspense_minor, other_minor, payment.currency,"
    " payment.change_number, paid_at_utc, payment.body, account.kind"
    " FROM payment LEFT JOIN account ON account.id = payment.account_id"
    " WHERE sequence IS NULL AND (payment.change_number > :after OR paid_at_utc >= :since)"
).execution_options(yield_per=AT_ONCE)
REFUND_PARTS = text(
    "SELECT refund.id, refund.change_number, refund.currency, refunded_at_utc, stood_as, part.amount_minor, account.kind"
    " FROM refund JOIN refund_part AS part ON part.refund_id = refund.id"
    " LEFT JOIN account ON account.id = part.account_id"
    " WHERE (refund.terminal IS NULL OR refund.terminal NOT IN (SELECT id FROM terminal))"
    " AND (refund.change_number > :after OR refunded_at_utc >= :since)"
    " AND stood_as NOT IN ('write_off', 'recovery') ORDER BY refund.change_number, part_no"
).execution_options(yield_per=AT_ONCE)
OF_TILLS = text("SELECT 1 FROM ledger_batch WHERE shop = :shop LIMIT 1")
OWN = text(
    "SELECT business_date, change_number, told_at, body FROM ledger_batch WHERE shop = :shop AND terminal = :own"
    " ORDER BY change_number"
)
OTHER_SHOP = text(
    "SELECT shop FROM ledger_batch WHERE terminal = :own AND terminal NOT IN (SELECT id FROM terminal) LIMIT 1"
)
