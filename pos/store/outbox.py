"""The outbox: what central must hear of, written with the deed, never deleted. The wire reads and settles its rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from pos.store.behind_bounce import BEHIND_BOUNCE, TELLS_CHARGE
from pos.store.times import from_utc_text, utc_text

WAIT_MAX = timedelta(hours=1, minutes=1)
"""No row is ever told to wait longer: an hour is the most that a setting or a server may ask for."""


PAYMENT = "payment"
OUTCOME = "outcome"
OF_CHEQUE = (
    "cheque_event.cheque_id = rtrim(rtrim(outbox.source_id, '0123456789'), '-') "
    "AND cheque_event.cheque_id || '-' || cheque_event.number = outbox.source_id"
)
"""Whether a row tells of this step of a cheque."""
TRANSFER = "transfer"
COMMISSION = "commission"
REFUND = "refund"
"""What tells that a part of a leg was undone, or moved."""
MOVED, MOVED_REFUND = "moved", "moved_refund"
"""To a server of the standard only: where moved money of a leg went, and what was undone of that later."""
NOT_TOLD = "not-told"
"""Instead of central's id, where central has no such resource."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """One leg on its way, or what became of one. ``body`` None: not composed yet, so never sent.

    ``kind``: ``payment`` for the leg itself; ``outcome`` for what became of it, ``transfer`` for money of it that left
    suspense for ``account``, ``commission`` for what its sale earned for ``account``, ``refund`` for what was undone or
    moved of it, ``moved`` and ``moved_refund`` for the same at a server that has no moves, ``dishonour`` for what a bounce
    of its cheque did to ``account``: all are told after it.
    ``refund_across`` is of a payment that another terminal took, ``charge`` of a debit that a bank refused or took back:
    ``payment_event_id`` is empty then.
    ``queue`` is within what the order matters: the account; for a walk-in buyer, whose sales share one account, and for
    money in suspense, whose owners have nothing to do with one another, the event.
    """

    outbox_id: int
    payment_event_id: str
    leg: int
    correlator_id: str
    account: str
    queue: str
    state: str
    attempts: int
    body: bytes | None
    next_attempt_at: datetime | None
    reason: str | None
    kind: str = PAYMENT


_QUEUE = "coalesce(queue, account)"
_COLUMNS = (
    f"outbox_id, coalesce(payment_event_id, ''), leg, correlator_id, account, {_QUEUE}, state, attempts, body, "
    "next_attempt_at_utc, reason, kind"
)
_BLOCKED = (
    "WITH RECURSIVE blocked (outbox_id) AS (SELECT outbox_id FROM outbox WHERE state <> 'acknowledged' AND state = 'parked' "
    "UNION SELECT next.outbox_id FROM blocked CROSS JOIN outbox AS before ON before.outbox_id = blocked.outbox_id "
    "CROSS JOIN outbox AS next ON next.payment_event_id = before.payment_event_id AND next.leg = before.leg "
    "AND next.state <> 'acknowledged' AND CASE WHEN before.kind = 'payment' THEN next.kind <> 'payment' "
    "WHEN next.kind = 'moved' THEN before.kind IN ('refund', 'moved_refund') "
    "AND before.source_id BETWEEN substr(next.source_id, 1, length(next.source_id) - 3) "
    "AND substr(next.source_id, 1, length(next.source_id) - 3) || '-~' "
    "WHEN next.kind = 'moved_refund' THEN before.kind = 'moved' AND before.account = next.account "
    "AND substr(before.source_id, 1, length(before.source_id) - 3) = "
    "substr(next.source_id, (length(next.source_id) + 3) / 2, (length(next.source_id) - 1) / 2) "
    "WHEN next.kind = 'refund' THEN before.kind = 'moved_refund' "
    "AND before.source_id BETWEEN next.source_id || '-' AND next.source_id || '-~' ELSE 0 END "
    + " ".join(
        "UNION SELECT next.outbox_id FROM blocked CROSS JOIN outbox AS told ON told.outbox_id = blocked.outbox_id "
        f"AND {TELLS_CHARGE} {joined} AND next.state <> 'acknowledged'"
        for joined in BEHIND_BOUNCE
    )
    + ") "
)
_BEHIND_PARKED = "(outbox_id IN (SELECT outbox_id FROM blocked) AND state <> 'parked')"
"""What is told of a leg waits for it, and so for the person that a parked leg waits for. Where money was moved to waits for
the refunds that take it off the other account, what was moved on for where it was moved first; the refund of a move that
takes both kinds of money waits for the rest of it, so that the server has a move whole or not at all. What builds on a
bounce waits for its message."""


def due(connection: Connection, *, now: datetime, limit: int) -> list[OutboxRow]:
    """Unsent rows in order whose time has come, and that of every row of their queue.

    Parked rows wait for a person. What waits takes no place of the ``limit`` from what can be sent. A time further ahead
    than any wait can be was written by a clock that was wrong: it holds nothing up.
    """
    rows = connection.exec_driver_sql(
        f"{_BLOCKED}SELECT {_COLUMNS} FROM outbox WHERE state <> 'acknowledged' AND state <> 'parked' "
        f"AND NOT {_BEHIND_PARKED} AND {_QUEUE} NOT IN ("
        f"SELECT {_QUEUE} FROM outbox WHERE state <> 'acknowledged' AND state <> 'parked' "
        "AND next_attempt_at_utc > ? AND next_attempt_at_utc <= ?) ORDER BY outbox_id LIMIT ?",
        (utc_text(now), utc_text(now + WAIT_MAX), limit),
    )
    return [_row(tuple(row)) for row in rows]


def unsent(connection: Connection, limit: int = 500) -> list[OutboxRow]:
    """What central has not acknowledged: parked rows first, for they want a person, then the others in order."""
    rows = connection.exec_driver_sql(
        f"SELECT {_COLUMNS} FROM outbox WHERE state <> 'acknowledged' "
        "ORDER BY state <> 'parked', outbox_id LIMIT ?",
        (limit,),
    )
    return [_row(tuple(row)) for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """How much is on its way. ``oldest_at`` is when the oldest unacknowledged deed was booked (UTC).

    ``next_attempt_at`` is when the first account may be tried again; None where one may be at once, or nothing waits.
    """

    waiting: int
    parked: int
    next_attempt_at: datetime | None
    oldest_at: datetime | None


def queue(connection: Connection) -> Queue:
    """How many rows wait for central, how many wait for a person; what waits for a parked leg is not counted."""
    row = connection.exec_driver_sql(
        f"{_BLOCKED}SELECT coalesce(sum(state <> 'parked' AND NOT {_BEHIND_PARKED}), 0), "
        "coalesce(sum(state = 'parked'), 0), "
        "(SELECT min(coalesce(due, '')) FROM (SELECT max(next_attempt_at_utc) AS due FROM outbox "
        f"WHERE state <> 'acknowledged' AND state <> 'parked' AND NOT {_BEHIND_PARKED} GROUP BY {_QUEUE})), "
        "(SELECT coalesce((SELECT at_utc FROM bank_receipt_event WHERE outcome_id = source_id), "
        "(SELECT resolved_at_utc FROM suspense_transfer WHERE transfer_id = source_id), "
        "(SELECT at_utc FROM account_credit WHERE credit_id = source_id), "
        "(SELECT at_utc FROM correction WHERE correction_id = CASE outbox.kind WHEN 'moved' "
        "THEN substr(source_id, 1, length(source_id) - 3) WHEN 'moved_refund' "
        "THEN substr(source_id, 1, (length(source_id) - 1) / 2) WHEN 'dishonour' "
        "THEN substr(source_id, 1, length(source_id) - 5) ELSE source_id END), "
        "(SELECT at_utc FROM refund_across WHERE refund_id = source_id), "
        "(SELECT at_utc FROM debit_charge WHERE charge_id = source_id), "
        f"(SELECT at_utc FROM cheque_event WHERE {OF_CHEQUE}), taken_at_utc) "
        "FROM outbox LEFT JOIN payment_event USING (payment_event_id) WHERE state <> 'acknowledged' "
        "ORDER BY outbox_id LIMIT 1) FROM outbox WHERE state <> 'acknowledged'"
    ).one()
    return Queue(
        waiting=int(row[0]),
        parked=int(row[1]),
        next_attempt_at=from_utc_text(row[2]) if row[2] else None,
        oldest_at=from_utc_text(row[3]) if row[3] else None,
    )


def queue_of_leg(connection: Connection, payment_event_id: str, leg: int) -> str:
    """The queue that a leg is in; what is told of it goes there too."""
    return str(
        connection.exec_driver_sql(
            f"SELECT {_QUEUE} FROM outbox WHERE payment_event_id = ? AND leg = ? AND kind = 'payment'",
            (payment_event_id, leg),
        ).scalar_one()
    )


def counts_changes(connection: Connection, row: OutboxRow) -> bool:
    """Whether the leg of ``row`` was acknowledged with a change number, as only our own central has it."""
    found = connection.exec_driver_sql(
        "SELECT 1 FROM outbox WHERE payment_event_id = ? AND leg = ? AND kind = 'payment' AND applied_change IS NOT NULL",
        (row.payment_event_id, row.leg),
    ).first()
    return found is not None


def last_counted(connection: Connection) -> bool:
    """Whether the last payment that was acknowledged was so with a change number."""
    found = connection.exec_driver_sql(
        "SELECT applied_change IS NOT NULL FROM outbox WHERE kind = 'payment' AND state = 'acknowledged' "
        "ORDER BY outbox_id DESC LIMIT 1"
    ).first()
    return found is not None and bool(found[0])


def freeze_body(connection: Connection, outbox_id: int, body: bytes) -> None:
    """Keep the body before its first send; a trigger refuses another."""
    connection.exec_driver_sql("UPDATE outbox SET body = ? WHERE outbox_id = ?", (body, outbox_id))


def mark_sent(connection: Connection, outbox_id: int, *, at: datetime) -> None:
    """A request is about to leave: from now on its outcome may be unknown."""
    connection.exec_driver_sql(
        "UPDATE outbox SET state = 'sent', attempts = attempts + 1, changed_at_utc = ? WHERE outbox_id = ?",
        (utc_text(at), outbox_id),
    )


def mark_again(
    connection: Connection,
    outbox_id: int,
    *,
    attempts: int,
    unknown: bool,
    reason: str,
    next_attempt_at: datetime,
    at: datetime,
) -> None:
    """Try number ``attempts`` ended without an answer (``unknown``) or with a plain "later": again at the given time.

    A look-up that got no answer counts as a try too, so that the waits grow.
    """
    connection.exec_driver_sql(
        "UPDATE outbox SET state = ?, attempts = ?, reason = ?, next_attempt_at_utc = ?, changed_at_utc = ? "
        "WHERE outbox_id = ? AND state <> 'acknowledged'",
        (
            "unknown" if unknown else "waiting",
            attempts,
            reason,
            utc_text(next_attempt_at),
            utc_text(at),
            outbox_id,
        ),
    )


def mark_parked(connection: Connection, outbox_id: int, *, reason: str, at: datetime) -> None:
    """Central refused the row for good: it is kept and shown, and holds up nothing else."""
    connection.exec_driver_sql(
        "UPDATE outbox SET state = 'parked', reason = ?, next_attempt_at_utc = NULL, changed_at_utc = ? "
        "WHERE outbox_id = ? AND state <> 'acknowledged'",
        (reason, utc_text(at), outbox_id),
    )


def retry_parked(connection: Connection, *, at: datetime) -> int:
    """Let every parked row be sent again, once a person has mended what central refused; how many there were.

    A row that was sent before is looked up first.
    """
    return connection.exec_driver_sql(
        "UPDATE outbox SET state = CASE WHEN body IS NULL THEN 'waiting' ELSE 'unknown' END, "
        "next_attempt_at_utc = NULL, changed_at_utc = ? WHERE state = 'parked'",
        (utc_text(at),),
    ).rowcount


def try_at_once(connection: Connection, *, at: datetime) -> None:
    """What waits for its time waits no longer: why it was told to wait is over."""
    connection.exec_driver_sql(
        "UPDATE outbox SET next_attempt_at_utc = NULL, changed_at_utc = ? "
        "WHERE state IN ('waiting', 'unknown') AND next_attempt_at_utc IS NOT NULL",
        (utc_text(at),),
    )


def mark_acknowledged(
    connection: Connection,
    outbox_id: int,
    *,
    server_id: str,
    server_href: str | None,
    applied_change: int | None,
    at: datetime,
) -> None:
    """Central has it: ``server_id`` is its id there, ``applied_change`` its logical time, where central tells one."""
    connection.exec_driver_sql(
        "UPDATE outbox SET state = 'acknowledged', server_id = ?, server_href = ?, applied_change = ?, reason = NULL, "
        "next_attempt_at_utc = NULL, changed_at_utc = ? WHERE outbox_id = ? AND state <> 'acknowledged'",
        (server_id, server_href, applied_change, utc_text(at), outbox_id),
    )


def mark_kept(connection: Connection, outbox_id: int, body: bytes, *, at: datetime) -> None:
    """A server of another kind has no place for it: it stays in the books, and waits for nothing."""
    connection.exec_driver_sql(
        "UPDATE outbox SET body = coalesce(body, ?), state = 'acknowledged', server_id = ?, reason = ?, "
        "next_attempt_at_utc = NULL, changed_at_utc = ? WHERE outbox_id = ? AND state <> 'acknowledged'",
        (body, NOT_TOLD, "kept, not announced: this central has no place for it", utc_text(at), outbox_id),
    )


def _row(row: tuple[object, ...]) -> OutboxRow:
    outbox_id, event, leg, correlator_id, account, queue_, state, attempts, body, *rest = row
    next_attempt_at, reason, kind = rest
    assert isinstance(outbox_id, int)
    assert isinstance(leg, int)
    assert isinstance(attempts, int)
    assert body is None or isinstance(body, bytes)
    return OutboxRow(
        outbox_id=outbox_id,
        payment_event_id=str(event),
        leg=leg,
        correlator_id=str(correlator_id),
        account=str(account),
        queue=str(queue_),
        state=str(state),
        attempts=attempts,
        body=body,
        next_attempt_at=from_utc_text(str(next_attempt_at)) if next_attempt_at else None,
        reason=None if reason is None else str(reason),
        kind=str(kind),
    )
