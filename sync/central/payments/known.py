"""What central knows already when a payment comes in: asked in one statement, for every step of the payment's way."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from pos.domain.payment_mode import PayerKind
from sync.central.payments.incoming import IncomingPayment


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """``number_used``: its terminal used its number for another payment. ``awaited``: other legs clear an account with it.

    The kinds and the currency are those of its account and its payer's, None where there is no such account.
    """

    number_used: bool
    awaited: bool
    account_currency: str | None
    account_kind: PayerKind | None
    payer_kind: PayerKind | None


def read_known(connection: Connection, incoming: IncomingPayment) -> Known:
    """Before anything of the payment is stored, in the transaction that will store it."""
    key = incoming.key
    row = connection.execute(
        READ_KNOWN,
        {
            "terminal": key.terminal if key else None,
            "epoch": key.epoch if key else None,
            "sequence": key.sequence if key else None,
            "leg": key.leg if key else None,
            "correlator_id": incoming.correlator_id,
            "account_id": incoming.account_id,
            "payer_id": incoming.payer_id,
        },
    ).one()
    return Known(
        number_used=bool(row.number_used),
        awaited=bool(row.awaited),
        account_currency=row.account_currency,
        account_kind=None if row.account_kind is None else PayerKind(row.account_kind),
        payer_kind=None if row.payer_kind is None else PayerKind(row.payer_kind),
    )


READ_KNOWN = text(
    "SELECT EXISTS (SELECT 1 FROM payment WHERE terminal = :terminal AND epoch = :epoch AND sequence = :sequence"
    " AND leg = :leg) AS number_used,"
    " EXISTS (SELECT 1 FROM clearing_leg WHERE correlator_id = :correlator_id) AS awaited,"
    " account.currency AS account_currency, account.kind AS account_kind, payer.kind AS payer_kind"
    " FROM (SELECT 1 AS one) AS asked LEFT JOIN account ON account.id = :account_id"
    " LEFT JOIN account AS payer ON payer.id = :payer_id"
)
