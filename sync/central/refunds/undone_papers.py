"""The papers behind a payment that is undone whole: they are as if they had never come, and may come again.

Source: domain.md 3.4, 3.5 and 3.7; rules 46 and 47.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from sync.central.payments.bank_receipts import end_waiting
from sync.central.payments.cheques import free_cheque
from sync.central.vouchers.issuers import IssuerSilent, VoucherIssuer
from sync.central.vouchers.vouchers import FIND_BY_ID, FIND_HOLD, RELEASE_HOLD, issuer_unanswered
from sync.central.wire.errors import ApiError
from sync.wire_json import loads


def free_papers(
    connection: Connection,
    paid: Row[Any],
    issuers: Mapping[str, VoucherIssuer],
    *,
    change: int,
    at: datetime,
) -> None:
    """Let go of what brought the payment ``paid`` (a row of FIND_PAID), whose refund is stored already.

    Raises ApiError 422 ``voucher_rest_given`` or ``voucher_not_given_back``, 503 where a voucher's issuer does not answer.
    """
    free_cheque(connection, paid.id, change=change)
    end_waiting(connection, paid.id, change=change)
    _free_instrument(connection, paid)
    _return_voucher(connection, paid.id, issuers, at=at)


def _free_instrument(connection: Connection, paid: Row[Any]) -> None:
    """The legs of one event share a paper: it is free once none of them stands."""
    body = loads(paid.body)
    instrument = body.get("instrument")
    if not isinstance(instrument, str):
        return
    legs = {"id": paid.id, "terminal": paid.terminal, "epoch": paid.epoch, "sequence": paid.sequence}
    others = connection.execute(OTHER_LEGS, legs).scalars()
    if not any(loads(other).get("instrument") == instrument for other in others):
        event_id = body.get("paymentEventId") or paid.id
        connection.execute(FREE_INSTRUMENT, {"instrument": instrument, "event_id": event_id})


def _return_voucher(
    connection: Connection, payment_id: str, issuers: Mapping[str, VoucherIssuer], *, at: datetime
) -> None:
    """A voucher can be used again once no payment stands by it, unless what it left is in somebody's hands."""
    paid = connection.execute(FIND_PAID_BY, {"id": payment_id}).one_or_none()
    if paid is None:
        return
    rest = connection.execute(FIND_REST, {"hold_id": paid.hold_id}).one_or_none()
    if rest is not None and (rest.told_at is not None or rest.used or rest.held):
        raise ApiError(
            422,
            "voucher_rest_given",
            "What this voucher left was given out as a new one. Pay back what is wished instead.",
            field="payment.id",
        )
    connection.execute(INSERT_RETURNED, {"payment_id": payment_id, **paid._mapping})
    connection.execute(FORGET_PAID, {"id": payment_id})
    if connection.execute(FIND_STANDING, {"hold_id": paid.hold_id}).first() is not None:
        return
    connection.execute(FORGET_REDEMPTION, {"hold_id": paid.hold_id})
    now = at.astimezone(UTC).isoformat(timespec="microseconds")
    connection.execute(RELEASE_HOLD, {"id": paid.hold_id, "at": now})
    hold = connection.execute(FIND_HOLD, {"id": paid.hold_id}).one()
    voucher = connection.execute(FIND_BY_ID, {"id": hold.voucher_id}).one()
    issuer = issuers.get(voucher.issuer)
    if issuer is not None:
        _give_back(issuer, paid.hold_id, voucher.digest)


def _give_back(issuer: VoucherIssuer, hold_id: str, digest: str) -> None:
    """Last of all: what is undone after it is told again under the same hold."""
    try:
        is_good = issuer.give_back(hold_id, digest)
    except IssuerSilent:
        raise issuer_unanswered() from None
    if not is_good:
        raise ApiError(
            422,
            "voucher_not_given_back",
            "The voucher's issuer does not make it good again. Pay back what is wished instead.",
            field="payment.id",
        )


WHOLE = "('void', 'reversal', 'tender_cancellation')"
"""The kinds after which nothing of a payment stands."""
OTHER_LEGS = text(
    "SELECT body FROM payment WHERE terminal = :terminal AND epoch = :epoch AND sequence = :sequence AND id <> :id"
    f" AND NOT EXISTS (SELECT 1 FROM refund WHERE payment_id = payment.id AND kind IN {WHOLE})"
)
FREE_INSTRUMENT = text(
    "DELETE FROM instrument WHERE instrument = :instrument AND payment_event_id = :event_id"
)
FIND_PAID_BY = text("SELECT hold_id, amount_minor FROM voucher_payment WHERE payment_id = :id")
FIND_REST = text(
    "SELECT told_at, EXISTS (SELECT 1 FROM voucher_redemption WHERE voucher_id = terms.voucher_id) AS used,"
    " EXISTS (SELECT 1 FROM voucher_hold WHERE voucher_id = terms.voucher_id AND released_at IS NULL) AS held"
    " FROM voucher_terms AS terms WHERE promised_by = :hold_id"
)
INSERT_RETURNED = text(
    "INSERT INTO voucher_returned (payment_id, hold_id, amount_minor) VALUES (:payment_id, :hold_id, :amount_minor)"
)
FORGET_PAID = text("DELETE FROM voucher_payment WHERE payment_id = :id")
FIND_STANDING = text("SELECT payment_id FROM voucher_payment WHERE hold_id = :hold_id")
FORGET_REDEMPTION = text("DELETE FROM voucher_redemption WHERE hold_id = :hold_id")
