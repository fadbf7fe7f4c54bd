"""Possible doubles: two payments of one amount in one way on one account within minutes, from two events. Both are kept.

Source: domain.md 3.11 and rule 24.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, text

from sync.central.payments.incoming import IncomingPayment
from sync.central.wire.links import PAYMENT_PATH, POSSIBLE_DOUBLE_PATH, Links
from sync.central.wire.query import Collection, Column, ColumnKind, Resource
from sync.wire_json import loads

WITHIN = timedelta(minutes=10)
WALK_IN = "walk_in"


def flag_double(
    connection: Connection, incoming: IncomingPayment, payment_id: str, *, paid_at_utc: str, change: int
) -> None:
    """Put the stored payment of a known account beside the one that it may repeat, if there is one; both stay as they are.

    Buyers whom nobody knows share one account, and buy the same all day: they repeat nothing.
    """
    if incoming.payer_role == WALK_IN:
        return
    moment = datetime.fromisoformat(paid_at_utc)
    alike = connection.execute(
        ALIKE,
        {
            "account_id": incoming.account_id,
            "currency": incoming.amount.currency.code,
            "amount_minor": incoming.amount.minor,
            "id": payment_id,
            "since": _text(moment, -WITHIN),
            "until": _text(moment, WITHIN),
        },
    )
    for row in alike:
        body = loads(row.body)
        same_event = (
            incoming.payment_event_id is not None and body.get("paymentEventId") == incoming.payment_event_id
        )
        if not same_event and body.get("paymentMethod", {}).get("name") == incoming.method_name:
            connection.execute(
                INSERT_DOUBLE,
                {
                    "id": payment_id,
                    "of_payment_id": row.id,
                    "account_id": incoming.account_id,
                    "change_number": change,
                },
            )
            return


def _text(moment: datetime, by: timedelta) -> str:
    """A moment near the edge of the calendar has no neighbours."""
    try:
        return (moment + by).isoformat(timespec="microseconds")
    except OverflowError:
        return moment.isoformat(timespec="microseconds")


def compose_doubles(_connection: Connection, rows: Sequence[Row[Any]], links: Links) -> list[Resource]:
    """The pairs, for whoever looks into them."""
    return [
        {
            "id": row.id,
            "href": links.of(POSSIBLE_DOUBLE_PATH, row.id),
            "account": {"id": row.account_id},
            "payment": {"id": row.id, "href": links.of(PAYMENT_PATH, row.id)},
            "possibleDoubleOf": {"id": row.of_payment_id, "href": links.of(PAYMENT_PATH, row.of_payment_id)},
            "change": row.change_number,
            "@type": "CounterfoilPossibleDouble",
        }
        for row in rows
    ]


ALIKE = text(
    "SELECT id, body FROM payment WHERE account_id = :account_id AND currency = :currency"
    " AND amount_minor = :amount_minor AND id <> :id AND paid_at_utc >= :since AND paid_at_utc <= :until"
    " ORDER BY paid_at_utc DESC LIMIT 50"
)
INSERT_DOUBLE = text(
    "INSERT INTO possible_double (id, of_payment_id, account_id, change_number)"
    " VALUES (:id, :of_payment_id, :account_id, :change_number)"
)

POSSIBLE_DOUBLES = Collection(
    path=POSSIBLE_DOUBLE_PATH,
    table="possible_double",
    select="SELECT id, of_payment_id, account_id, change_number FROM possible_double",
    attributes=frozenset({"id", "href", "account", "payment", "possibleDoubleOf", "change", "@type"}),
    columns={
        "id": Column("id"),
        "account.id": Column("account_id"),
        "change": Column("change_number", ColumnKind.INTEGER),
    },
    sorts={"id": "id", "change": "change_number"},
    default_order="change_number",
    compose=compose_doubles,
    # Both are its own: of another's it would hear what was paid there.
    for_dealer=" AND ".join(
        f"{name} IN (SELECT paid.id FROM payment AS paid WHERE paid.dealer = :of_dealer OR paid.account_id = :of_dealer)"
        for name in ("id", "of_payment_id")
    ),
)
