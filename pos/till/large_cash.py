"""Large amounts of cash at the counter: the document that a payment needs, what is kept of it, and the list by day.

What identifies a person stands in a side row that can be purged; the booked row keeps its digest, so that while it is there
it can be proven. Source: domain.md rule 61.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Row

from pos.domain.large_cash import IdentityDocument, read_document
from pos.domain.money import Money, currency, total, zero
from pos.domain.payment_event import PaymentEvent
from pos.domain.payment_mode import ModeKind
from pos.domain.role import Person
from pos.store.payments import cash_kept_on
from pos.till.booking import new_salt, personal_digest
from pos.till.desk import Deed, Desk
from pos.till.gate import require_look


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityOrder:
    """A document as typed; ``kind`` is one of those in the settings."""

    kind: str
    number: str
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LargeCashTaken:
    """A payment that reached the threshold: its own cash, that of the day, and the document."""

    cash: Money
    day: Money
    document: IdentityDocument


def identify(deed: Deed, event: PaymentEvent, identity: IdentityOrder | None) -> LargeCashTaken | None:
    """What is to be kept of the payer's document; None: the payment needs none, and none is kept.

    Raises Refused ``cash_over_cap``, ``identity_needed`` or what ``read_document`` raises.
    """
    policy = deed.desk.policy.large_cash
    own = (tender.kept for tender in event.tenders if tender.mode.kind is ModeKind.CASH)
    cash = total(own, event.currency)
    if cash.minor == 0:
        return None
    day = cash + _before(deed, event)
    if not policy.wants_identity(day):
        return None
    if identity is None:
        raise policy.identity_needed(day)
    document = read_document(
        kind=identity.kind, number=identity.number, name=identity.name, documents=policy.documents
    )
    return LargeCashTaken(cash=cash, day=day, document=document)


def _before(deed: Deed, event: PaymentEvent) -> Money:
    """The payer's cash of this business day so far. One whom nobody knows stands alone."""
    if deed.desk.policy.is_anybody(event.payer_kind, event.payer_account):
        return zero(event.currency)
    modes = [mode.code for mode in deed.desk.modes.of_kind(ModeKind.CASH)]
    day = deed.require_shift().business_date
    return cash_kept_on(deed.unit.connection, event.payer_account, day, modes, event.currency)


def write_large_cash(deed: Deed, event_id: str, taken: LargeCashTaken) -> None:
    """Beside the booked payment ``event_id``."""
    salt = new_salt(deed)
    text = json.dumps(
        {"number": taken.document.number, "name": taken.document.name}, ensure_ascii=False, sort_keys=True
    )
    deed.unit.insert(
        "large_cash",
        {
            "payment_event_id": event_id,
            "business_date": deed.require_shift().business_date.isoformat(),
            "cash_minor": taken.cash.minor,
            "day_minor": taken.day.minor,
            "currency": taken.cash.currency.code,
            "document": taken.document.kind,
            "person_digest": personal_digest(salt, text),
        },
    )
    deed.unit.insert("large_cash_person", {"payment_event_id": event_id, "salt": salt, "identity_json": text})


@dataclass(frozen=True, slots=True, kw_only=True)
class LargeCashLine:
    """One payment of the list. ``number`` and ``name`` are None once they were purged."""

    business_date: date
    receipt_number: str
    taken_at_utc: str
    operator: str
    payer_kind: str
    payer_account: str
    cash: Money
    day: Money
    document: str
    number: str | None
    name: str | None


def large_cash_of(desk: Desk, person: Person, business_date: date | None = None) -> list[LargeCashLine]:
    """The payments that reached the threshold, of one business day or of all, as they were taken.

    Raises NotAuthorised: only who reports them sees the documents.
    """
    require_look(desk, "report_large_cash", person)
    day = None if business_date is None else business_date.isoformat()
    with desk.till.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT large_cash.business_date, receipt_number, taken_at_utc, operator, payer_kind, payer_account, "
            "cash_minor, day_minor, large_cash.currency, document, identity_json, payer_person.name FROM large_cash "
            "JOIN payment_event USING (payment_event_id) LEFT JOIN large_cash_person USING (payment_event_id) "
            "LEFT JOIN payer_person USING (payment_event_id) "
            "WHERE ? IS NULL OR large_cash.business_date = ? ORDER BY epoch, sequence",
            (day, day),
        ).all()
    return [_line(row) for row in rows]


def _line(row: Row[Any]) -> LargeCashLine:
    shown = {} if row.identity_json is None else json.loads(row.identity_json)
    return LargeCashLine(
        business_date=date.fromisoformat(row.business_date),
        receipt_number=row.receipt_number,
        taken_at_utc=row.taken_at_utc,
        operator=row.operator,
        payer_kind=row.payer_kind,
        payer_account=row.payer_account,
        cash=Money(row.cash_minor, currency(row.currency)),
        day=Money(row.day_minor, currency(row.currency)),
        document=row.document,
        number=shown.get("number"),
        name=shown.get("name") or row.name,
    )
