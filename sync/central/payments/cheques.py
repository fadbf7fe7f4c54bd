"""The cheques behind payments: one that was presented before is kept and held, for a person to compare both papers.

Two tills that were offline may both take one cheque. The money of neither is refused: receipts are facts. Tills hear of
each other's cheques as digests. Source: domain.md 3.11 and rule 37.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, text

from pos.domain.cheque import ChequeIdentity
from pos.domain.cheque_digest import ChequeDigest
from sync.central.wire.dealer_view import OF_OWN_PAYMENTS
from sync.central.wire.links import CHEQUE_PATH, Links
from sync.central.wire.query import Collection, Column, ColumnKind, Resource
from sync.wire_json import dumps, loads

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def cheque_of(instrument: str | None) -> ChequeIdentity | None:
    """The cheque that an instrument names, None for any other paper: ``cheque``, bank, branch, account, serial."""
    parts = (instrument or "").split("|")
    if len(parts) != 5 or parts[0] != "cheque":
        return None
    _, bank, branch, account, serial = parts
    return ChequeIdentity(bank=bank, branch=branch, account=account, serial=serial)


def presented_before(
    connection: Connection, cheque: ChequeIdentity, *, payment_event_id: str | None
) -> Row[Any] | None:
    """The first standing payment by which this very cheque came in another event; None: it is new."""
    digest = ChequeDigest.of(cheque)
    for row in connection.execute(FIND_PRESENTED, {"identity": digest.identity}):
        known = ChequeDigest(identity=row.identity, branch=row.branch, account=row.account)
        if digest.same_as(known) and (payment_event_id is None or row.payment_event_id != payment_event_id):
            return row
    return None


def note_cheque(
    connection: Connection,
    cheque: ChequeIdentity,
    *,
    payment: Mapping[str, Any],
    payment_event_id: str | None,
    change: int,
) -> None:
    """Note the cheque of a stored payment; ``payment`` is its body."""
    digest = ChequeDigest.of(cheque)
    connection.execute(
        INSERT_CHEQUE,
        {
            "payment_id": payment["id"],
            "payment_event_id": payment_event_id or payment["id"],
            "identity": digest.identity,
            "branch": digest.branch,
            "account": digest.account,
            "dated": _dated(payment),
            "terminal": payment.get("terminal"),
            "epoch": payment.get("epoch"),
            "held": int(payment.get("held") is True),
            "change_number": change,
        },
    )


def free_cheque(connection: Connection, payment_id: str, *, change: int) -> None:
    """The cheque of a payment that is undone may come again, here and at every till."""
    connection.execute(FREE_CHEQUE, {"payment_id": payment_id, "change_number": change})


def note_replacement(
    connection: Connection, replaced: Sequence[str], *, by: str, terminal: str | None
) -> None:
    """The payments of a cheque that went back, by correlator, name the payment ``by`` that stands in their place.

    Whose terminal is another, or what is not here, stays as it is: a till gives back only what it took itself.
    """
    for correlator in replaced:
        row = connection.execute(FIND_REPLACED, {"key": correlator, "terminal": terminal}).one_or_none()
        if row is None:
            continue
        body = loads(row.body)
        instrument = body.get("instrument")
        if cheque_of(instrument if isinstance(instrument, str) else None) is not None:
            body["replacedBy"] = [*body.get("replacedBy", []), by]
            connection.execute(SET_BODY, {"id": row.id, "body": dumps(body).decode()})


def carry_cheques(connection: Connection) -> None:
    """Cheques that an older store kept among all papers."""
    for row in connection.execute(READ_BODIES):
        body = loads(row.body)
        instrument = body.get("instrument")
        cheque = cheque_of(instrument if isinstance(instrument, str) else None)
        if cheque is not None:
            event_id = body.get("paymentEventId")
            note_cheque(connection, cheque, payment=body, payment_event_id=event_id, change=row.change_number)
            connection.execute(FORGET_INSTRUMENT, {"instrument": instrument})


def _dated(payment: Mapping[str, Any]) -> str:
    """The day that the cheque is signed for, else that of its payment."""
    method = payment.get("paymentMethod")
    signed = method.get("signedDate") if isinstance(method, Mapping) else None
    for told in (signed, payment.get("paymentDate")):
        if isinstance(told, str) and _DAY.match(told):
            return told[:10]
    return ""


def compose_cheques(connection: Connection, rows: Sequence[Row[Any]], links: Links) -> list[Resource]:
    """The known cheques, as only our own API tells them: no bank, no account, no amount.

    One for which something else was given names the payments in its place.
    """
    instead = {row.payment_id: _replaced_by(connection, row.payment_id) for row in rows}
    return [
        {
            "id": row.payment_id,
            "href": links.of(CHEQUE_PATH, row.payment_id),
            "identity": row.identity,
            "branch": row.branch,
            "account": row.account,
            "dated": row.dated,
            "terminal": row.terminal,
            "epoch": row.epoch,
            **({"undone": True} if row.undone else {}),
            **({"replacedBy": told} if (told := instead.get(row.payment_id)) else {}),
            "change": row.change_number,
            "@type": "CounterfoilKnownCheque",
        }
        for row in rows
    ]


def _replaced_by(connection: Connection, payment_id: str) -> object:
    row = connection.execute(READ_BODY, {"id": payment_id}).one()
    return loads(row.body).get("replacedBy")


_COLUMNS = (
    "payment_id, payment_event_id, identity, branch, account, dated, terminal, epoch, undone, change_number"
)
FIND_PRESENTED = text(
    "SELECT cheque.payment_id, cheque.payment_event_id, identity, branch, account, payment.receipt_number FROM cheque"
    " JOIN payment ON payment.id = cheque.payment_id WHERE identity = :identity AND undone = 0"
    " ORDER BY cheque.change_number"
)
FREE_CHEQUE = text(
    "UPDATE cheque SET undone = 1, change_number = :change_number WHERE payment_id = :payment_id AND undone = 0"
)
INSERT_CHEQUE = text(
    "INSERT INTO cheque (payment_id, payment_event_id, identity, branch, account, dated, terminal, epoch, held,"
    " change_number) VALUES (:payment_id, :payment_event_id, :identity, :branch, :account, :dated, :terminal, :epoch,"
    " :held, :change_number)"
)
FIND_REPLACED = text("SELECT id, body FROM payment WHERE correlator_id = :key AND terminal = :terminal")
READ_BODY = text("SELECT body FROM payment WHERE id = :id")
SET_BODY = text("UPDATE payment SET body = :body WHERE id = :id")
READ_BODIES = text("SELECT body, change_number FROM payment ORDER BY change_number")
FORGET_INSTRUMENT = text("DELETE FROM instrument WHERE instrument = :instrument")

CHEQUES = Collection(
    path=CHEQUE_PATH,
    table="cheque",
    select=f"SELECT {_COLUMNS} FROM cheque",
    attributes=frozenset(
        {
            "id",
            "href",
            "identity",
            "branch",
            "account",
            "dated",
            "terminal",
            "epoch",
            "undone",
            "replacedBy",
            "change",
            "@type",
        }
    ),
    for_dealer=OF_OWN_PAYMENTS,
    columns={
        "id": Column("payment_id"),
        "dated": Column("dated"),
        "terminal": Column("terminal"),
        "change": Column("change_number", ColumnKind.INTEGER),
    },
    sorts={"id": "payment_id", "change": "change_number"},
    default_order="payment_id",
    compose=compose_cheques,
)
