"""Reconnection: asked for once, when all the money that clears what was overdue is final.

A till says with each leg which legs together clear an account's overdue bills; central waits for the last of them, and for
what the money itself waits for. Source: domain.md rule 16.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from sync.central.payments.incoming import IncomingPayment
from sync.central.payments.known import Known
from sync.central.wire.dealer_view import dealer_asking
from sync.central.wire.links import RECONNECTION_PATH, Links
from sync.central.wire.query import Collection, Column, ColumnKind, Resource
from sync.wire_json import loads


def claim_reconnection(
    connection: Connection, incoming: IncomingPayment, known: Known, *, change: int, at: datetime
) -> None:
    """Note what the payment clears together with others, and ask for reconnection if nothing is waited for any more.

    One that says nothing itself may be what an earlier one waits for. Of an account that is not here a dealer claims
    nothing: nobody knows yet whose it will be.
    """
    correlator = incoming.correlator_id
    if correlator is None:
        return
    claims = bool(incoming.clears_overdue) and (known.account_kind is not None or dealer_asking() is None)
    if claims:
        claim = {
            "account_id": incoming.account_id,
            "payment_event_id": incoming.payment_event_id or correlator,
        }
        for leg in incoming.clears_overdue:
            connection.execute(INSERT_LEG, {**claim, "correlator_id": leg})
        if incoming.reconnects_now:
            connection.execute(INSERT_FINAL, {"correlator_id": correlator, "final_at": at.isoformat()})
    if known.awaited or claims:
        _ask_where_final(connection, correlator, change=change, at=at)


def money_is_final(connection: Connection, correlator_id: str, *, change: int, at: datetime) -> None:
    """What a payment waited for has happened: the cheque was cleared, the bank has confirmed it."""
    connection.execute(INSERT_FINAL, {"correlator_id": correlator_id, "final_at": at.isoformat()})
    _ask_where_final(connection, correlator_id, change=change, at=at)


def take_reconnection_back(connection: Connection, correlator_id: str, *, change: int, at: datetime) -> None:
    """What a payment had cleared is owed again: whoever reconnected the account by it is told."""
    values = {"correlator_id": correlator_id, "taken_back_at": at.isoformat(), "change_number": change}
    connection.execute(TAKE_BACK, values)


def bounced(connection: Connection, correlator_id: str) -> None:
    """The money of a cheque is not sure any more; it may be again."""
    connection.execute(FORGET_FINAL, {"correlator_id": correlator_id})


def ask_reconnection_again(connection: Connection, correlator_id: str, *, change: int, at: datetime) -> None:
    """A bounce was the bank's mistake, and the cheque had cleared: what was taken back is asked for again."""
    connection.execute(ASK_AGAIN, {"correlator_id": correlator_id, "change_number": change})
    money_is_final(connection, correlator_id, change=change, at=at)


def _ask_where_final(connection: Connection, correlator_id: str, *, change: int, at: datetime) -> None:
    for claim in connection.execute(CLAIMS_OF, {"correlator_id": correlator_id}).all():
        key = {"account_id": claim.account_id, "payment_event_id": claim.payment_event_id}
        legs = connection.execute(LEGS_OF, key).scalars().all()
        if all(_is_final(connection, leg) for leg in legs) and _is_in_collection(
            connection, claim.account_id
        ):
            reconnection = {
                **key,
                "id": f"{claim.payment_event_id}~{claim.account_id}"[:100],
                "asked_at": at.isoformat(),
                "change_number": change,
            }
            connection.execute(INSERT_RECONNECTION, reconnection)


def _is_final(connection: Connection, correlator_id: str) -> bool:
    """Central has the payment, nothing of what it cleared was undone, and nothing is waited for."""
    payment = connection.execute(FIND_PAYMENT, {"correlator_id": correlator_id}).one_or_none()
    if payment is None or payment.undone:
        return False
    if loads(payment.body).get("provisional") is not True:
        return True
    return connection.execute(FIND_FINAL, {"correlator_id": correlator_id}).one_or_none() is not None


def _is_in_collection(connection: Connection, account_id: str) -> bool:
    account = connection.execute(FIND_ACCOUNT, {"id": account_id}).one_or_none()
    return account is not None and (account.status == "suspended" or account.dunning_stage > 0)


def compose_reconnections(_connection: Connection, rows: Sequence[Row[Any]], links: Links) -> list[Resource]:
    """The reconnections as the operator's provisioning reads them."""
    return [
        {
            "id": row.id,
            "href": links.of(RECONNECTION_PATH, row.id),
            "account": {"id": row.account_id},
            "paymentEventId": row.payment_event_id,
            "askedAt": row.asked_at,
            **({} if row.taken_back_at is None else {"takenBackAt": row.taken_back_at}),
            "change": row.change_number,
            "@type": "CounterfoilReconnection",
        }
        for row in rows
    ]


INSERT_LEG = text(
    "INSERT INTO clearing_leg (account_id, payment_event_id, correlator_id)"
    " VALUES (:account_id, :payment_event_id, :correlator_id) ON CONFLICT DO NOTHING"
)
INSERT_FINAL = text(
    "INSERT INTO final_payment (correlator_id, final_at) VALUES (:correlator_id, :final_at) ON CONFLICT DO NOTHING"
)
INSERT_RECONNECTION = text(
    "INSERT INTO reconnection (id, account_id, payment_event_id, asked_at, change_number)"
    " VALUES (:id, :account_id, :payment_event_id, :asked_at, :change_number)"
    # What was taken back is asked for again once the money is final after all: the cheque went to the bank once more.
    " ON CONFLICT (id) DO UPDATE SET taken_back_at = NULL, asked_at = excluded.asked_at,"
    " change_number = excluded.change_number WHERE reconnection.taken_back_at IS NOT NULL"
)
CLAIMS_OF = text("SELECT account_id, payment_event_id FROM clearing_leg WHERE correlator_id = :correlator_id")
LEGS_OF = text(
    "SELECT correlator_id FROM clearing_leg"
    " WHERE account_id = :account_id AND payment_event_id = :payment_event_id"
)
BOUNCED = (
    "(SELECT count(*) FROM refund AS bounce WHERE bounce.payment_id = payment.id AND bounce.kind = 'dishonour')"
    " + (SELECT count(*) FROM dishonour_leg AS beside WHERE beside.payment_id = payment.id"
    " AND beside.undone_correlator_id IS NULL)"
    " > (SELECT count(*) FROM refund AS again WHERE again.payment_id = payment.id AND again.kind = 'reinstatement')"
)
"""Whether the cheque behind a ``payment`` stands dishonoured."""
FIND_PAYMENT = text(
    "SELECT body, EXISTS (SELECT 1 FROM refund_part AS part JOIN refund ON refund.id = part.refund_id"
    " WHERE refund.payment_id = payment.id AND stood_as = 'bill' AND part.amount_minor < 0 AND kind <> 'dishonour')"
    f" OR {BOUNCED} AS undone FROM payment WHERE correlator_id = :correlator_id"
)
FORGET_FINAL = text("DELETE FROM final_payment WHERE correlator_id = :correlator_id")
ASK_AGAIN = text(
    "UPDATE reconnection SET taken_back_at = NULL, change_number = :change_number"
    " WHERE taken_back_at IS NOT NULL AND EXISTS (SELECT 1 FROM clearing_leg WHERE correlator_id = :correlator_id"
    " AND clearing_leg.account_id = reconnection.account_id"
    " AND clearing_leg.payment_event_id = reconnection.payment_event_id)"
)
TAKE_BACK = text(
    "UPDATE reconnection SET taken_back_at = :taken_back_at, change_number = :change_number"
    " WHERE taken_back_at IS NULL AND EXISTS (SELECT 1 FROM clearing_leg WHERE correlator_id = :correlator_id"
    " AND clearing_leg.account_id = reconnection.account_id"
    " AND clearing_leg.payment_event_id = reconnection.payment_event_id)"
)
FIND_FINAL = text("SELECT final_at FROM final_payment WHERE correlator_id = :correlator_id")
FIND_ACCOUNT = text("SELECT status, dunning_stage FROM account WHERE id = :id")

RECONNECTIONS = Collection(
    path=RECONNECTION_PATH,
    table="reconnection",
    select="SELECT id, account_id, payment_event_id, asked_at, taken_back_at, change_number FROM reconnection",
    attributes=frozenset(
        {"id", "href", "account", "paymentEventId", "askedAt", "takenBackAt", "change", "@type"}
    ),
    columns={
        "id": Column("id"),
        "account.id": Column("account_id"),
        "change": Column("change_number", ColumnKind.INTEGER),
    },
    sorts={"id": "id", "change": "change_number"},
    default_order="change_number",
    compose=compose_reconnections,
)
