"""Refunds in central's own books, added up from scratch: against their payments, and what is told of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from typing import Any

from sqlalchemy import Connection, Row, text

from pos.domain.money import Money, currency
from sync.central.payments.reconnections import BOUNCED
from sync.wire_json import WireJsonError, loads, read_money

Fault = tuple[str, str, str]
"""Subject (refund or payment), its id, what does not hold."""


def refund_faults(connection: Connection) -> Iterator[Fault]:
    """Everything about refunds that does not hold."""
    for subject, message, statement in (*FAULTS, *HOLD_FAULTS):
        for row in connection.execute(statement):
            yield subject, row.id, message
    known = known_people(connection)
    for row in connection.execute(READ_BODIES):
        stored = Money(row.amount_minor, currency(row.currency))
        try:
            body = loads(row.body)
            told = (body["id"], body["payment"]["id"], body["account"]["id"], body.get("kind", "refund"))
            same = told == (row.id, row.payment_id, row.account_id, row.kind)
            same = same and read_money(body["totalAmount"], field="totalAmount") == stored
        except (WireJsonError, KeyError, TypeError):
            same = False
        if not same:
            yield "refund", row.id, f"its body does not say {stored} of its payment"
        else:
            yield from _approval_faults(row, body, known)


def known_people(connection: Connection) -> frozenset[str]:
    """The user numbers that central was given, and those that signed in at a till; none where it was given none."""
    rows = [loads(row.body) for row in connection.execute(READ_USERS)]
    given = {str(row.get("user")) for row in rows if isinstance(row, Mapping)}
    seen = {row.operator for row in connection.execute(READ_SEEN)} if given else set()
    return frozenset(given | seen)


def _approval_faults(row: Row[Any], body: Mapping[str, Any], known: Set[str]) -> Iterator[Fault]:
    """What was let done by nobody else: kept when it came, for its money had moved."""
    said = body.get("approval")
    if not isinstance(said, Mapping):
        return
    taken_by = loads(row.paid_body).get("operator")
    approver = said.get("approver")
    if approver in (said.get("requester"), body.get("takenBy"), taken_by):
        yield "refund", row.id, f"user {approver} approved it, and asked for it or took the payment"
    elif known and approver not in known:
        yield "refund", row.id, f"user {approver}, who approved it, is nobody whom central knows"


_MONEY = "part.stood_as NOT IN ('write_off', 'recovery')"
_MOVES = "refund.kind IN ('transfer', 'reallocation')"
_LEFT = (
    "SELECT payment.id, {came} + coalesce((SELECT sum(part.amount_minor) FROM refund_part AS part JOIN refund"
    " ON refund.id = part.refund_id WHERE refund.payment_id = payment.id AND {where}), 0) AS left_minor FROM {table}"
)
_MOVED = "coalesce((SELECT sum(amount_minor) FROM suspense_transfer WHERE payment_id = payment.id), 0)"

FAULTS = (
    (
        "refund",
        "its parts are not its amount, or what was moved was not placed whole",
        text(
            "SELECT refund.id FROM refund LEFT JOIN refund_part AS part ON part.refund_id = refund.id"
            f" AND {_MONEY} LEFT JOIN refund_beyond AS beyond ON beyond.refund_id = refund.id"
            " GROUP BY refund.id, refund.amount_minor, refund.kind, beyond.amount_minor"
            " HAVING -sum(CASE WHEN part.amount_minor < 0 THEN part.amount_minor ELSE 0 END)"
            " <> CASE WHEN refund.kind = 'reinstatement' THEN 0"
            " ELSE refund.amount_minor - coalesce(beyond.amount_minor, 0) END"
            " OR sum(CASE WHEN part.amount_minor > 0 THEN part.amount_minor ELSE 0 END)"
            f" <> CASE WHEN {_MOVES} OR refund.kind = 'reinstatement' THEN refund.amount_minor ELSE 0 END ORDER BY refund.id"
        ),
    ),
    (
        "payment",
        "what is noted as refunded of it is not the sum of its refunds, or is in another currency",
        text(
            "SELECT payment.id FROM payment LEFT JOIN refund ON refund.payment_id = payment.id"
            " LEFT JOIN refund_beyond AS beyond ON beyond.refund_id = refund.id"
            " GROUP BY payment.id, payment.refunded_minor, payment.currency"
            f" HAVING payment.refunded_minor <> coalesce(sum(CASE WHEN {_MOVES} THEN 0"
            " WHEN refund.kind = 'reinstatement' THEN -refund.amount_minor"
            " ELSE refund.amount_minor - coalesce(beyond.amount_minor, 0) END), 0)"
            " OR min(refund.currency) <> payment.currency OR max(refund.currency) <> payment.currency"
            " ORDER BY payment.id"
        ),
    ),
    (
        "payment",
        "more of it was taken than stood there",
        text(
            "SELECT DISTINCT id FROM ("
            + " UNION ALL ".join(
                (
                    _LEFT.format(
                        came=f"suspense_minor - {_MOVED}", where="stood_as = 'suspense'", table="payment"
                    ),
                    _LEFT.format(came="other_minor", where="stood_as = 'other'", table="payment"),
                    _LEFT.format(came=f"amount_minor - {_MOVED}", where=_MONEY, table="payment"),
                    _LEFT.format(
                        came="(SELECT coalesce(sum(a.amount_minor), 0) FROM applied_payment AS a"
                        " WHERE a.payment_id = payment.id AND a.bill_id = bill.id)",
                        where="stood_as = 'bill' AND part.bill_id = bill.id",
                        table="payment JOIN bill ON bill.id IN (SELECT p.bill_id FROM refund_part AS p"
                        " JOIN refund AS r ON r.id = p.refund_id WHERE r.payment_id = payment.id"
                        " AND p.stood_as = 'bill')",
                    ),
                )
            )
            + ") AS places WHERE left_minor < 0 ORDER BY id"
        ),
    ),
    (
        "payment",
        "its cheque bounced, but something of it stands",
        text(
            f"SELECT id FROM payment WHERE {BOUNCED} AND refunded_minor + {_MOVED} <> amount_minor ORDER BY id"
        ),
    ),
    (
        "payment",
        "it is undone, but something of it stands, or its paper is still noted for it",
        text(
            "SELECT DISTINCT payment.id FROM payment JOIN refund ON refund.payment_id = payment.id"
            " LEFT JOIN cheque ON cheque.payment_id = payment.id"
            " LEFT JOIN bank_receipt ON bank_receipt.payment_id = payment.id"
            " WHERE refund.kind IN ('void', 'reversal', 'tender_cancellation') AND (cheque.undone = 0"
            " OR bank_receipt.state = 'presented'"
            " OR EXISTS (SELECT 1 FROM voucher_payment WHERE voucher_payment.payment_id = payment.id)"
            f" OR payment.refunded_minor + {_MOVED} <> payment.amount_minor) ORDER BY payment.id"
        ),
    ),
)
HOLD_FAULTS = (
    (
        "payment",
        "what is noted as held of it is not the sum of its open holds",
        text(
            "SELECT payment.id FROM payment LEFT JOIN (SELECT payment_id, sum(leg.amount_minor) AS minor"
            " FROM refund_hold_leg AS leg JOIN refund_hold AS hold ON hold.id = leg.hold_id"
            " WHERE leg.refund_id IS NULL AND hold.released_at IS NULL GROUP BY payment_id) AS held"
            " ON held.payment_id = payment.id WHERE held_minor <> coalesce(minor, 0) ORDER BY payment.id"
        ),
    ),
    (
        "refund",
        "it was held otherwise, or what it has used was let go",
        text(
            "SELECT refund.id FROM refund JOIN refund_hold_leg AS leg ON leg.refund_id = refund.id"
            " JOIN refund_hold AS hold ON hold.id = leg.hold_id WHERE leg.payment_id <> refund.payment_id"
            " OR leg.amount_minor <> refund.amount_minor OR hold.released_at IS NOT NULL ORDER BY refund.id"
        ),
    ),
    (
        "payment",
        "the parts of a hold of it are not what is held",
        text(
            "SELECT leg.payment_id AS id FROM refund_hold_leg AS leg LEFT JOIN refund_hold_part AS part"
            " ON part.hold_id = leg.hold_id AND part.payment_id = leg.payment_id"
            " GROUP BY leg.hold_id, leg.payment_id, leg.amount_minor"
            " HAVING leg.amount_minor <> coalesce(sum(part.amount_minor), 0) ORDER BY leg.payment_id"
        ),
    ),
)
READ_BODIES = text(
    "SELECT refund.id, payment_id, refund.account_id, kind, refund.currency, refund.amount_minor, refund.body,"
    " payment.body AS paid_body FROM refund JOIN payment ON payment.id = payment_id ORDER BY refund.change_number"
)
READ_USERS = text("SELECT body FROM fixture_row WHERE kind = 'users' ORDER BY position")
READ_SEEN = text("SELECT operator FROM session")
