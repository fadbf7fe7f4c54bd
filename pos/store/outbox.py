"""The outbox: what central must hear of, written with the deed, never deleted. The wire reads and settles its rows."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row

from pos.domain.allocation import Chooser
from pos.domain.foreign_cash import ForeignNotes
from pos.domain.leg import LegCommission, LegFacts, LegItem, LegTarget, LegVoucher
from pos.domain.money import Currency, Money, currency
from pos.domain.payment_mode import PaymentModes, Purpose
from pos.domain.voucher import WHEN_REDEEMED
from pos.store.behind_bounce import BEHIND_BOUNCE, UNTOLD_CHARGE
from pos.store.home import Identity
from pos.store.replaced_told import what_it_replaces
from pos.store.times import from_utc_text, local, utc_text

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
    ``refund_across`` is of a payment that another terminal took: ``payment_event_id`` is empty then.
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
        f"AND told.kind = 'dishonour' {joined} AND next.state <> 'acknowledged'"
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


def bills_paid(connection: Connection, rows: Iterable[OutboxRow]) -> list[str]:
    """The numbers of the bills that the legs of ``rows`` pay, also those that their money was moved to."""
    statement = (
        "SELECT bill_no FROM allocation WHERE payment_event_id = ?1 AND leg = ?2 AND bill_no IS NOT NULL UNION "
        "SELECT bill_no FROM placed_part WHERE payment_event_id = ?1 AND leg = ?2 AND bill_no IS NOT NULL"
    )
    found: dict[str, None] = {}
    for row in rows:
        for (bill_no,) in connection.exec_driver_sql(statement, (row.payment_event_id, row.leg)):
            found[bill_no] = None
    return list(found)


def bills_in_doubt(connection: Connection) -> set[str]:
    """Bills that a correction touched which a server without change numbers may have without our knowing."""
    rows = connection.exec_driver_sql(
        "SELECT bill_no FROM outbox JOIN allocation USING (payment_event_id, leg) WHERE outbox.state <> 'acknowledged' "
        "AND outbox.state IN ('sent', 'unknown') AND kind IN ('refund', 'moved', 'moved_refund') AND bill_no IS NOT NULL "
        "UNION SELECT bill_no FROM outbox JOIN placed_part USING (payment_event_id, leg) "
        "WHERE outbox.state <> 'acknowledged' AND outbox.state IN ('sent', 'unknown') "
        "AND kind IN ('refund', 'moved', 'moved_refund') AND bill_no IS NOT NULL"
    )
    return {str(row[0]) for row in rows}


def accounts_in_doubt(connection: Connection) -> set[str]:
    """Accounts that this till credited, or brought a bank receipt for, by what central may have without our knowing."""
    rows = connection.exec_driver_sql(
        "SELECT allocation.account FROM outbox JOIN allocation USING (payment_event_id, leg) "
        "WHERE state <> 'acknowledged' AND state IN ('sent', 'unknown') AND allocation.bill_no IS NULL "
        "AND allocation.sale_line IS NULL UNION SELECT account FROM outbox "
        "WHERE state <> 'acknowledged' AND state IN ('sent', 'unknown') "
        "AND kind IN ('transfer', 'commission', 'moved', 'moved_refund', 'dishonour') "
        "UNION SELECT placed_part.account FROM outbox JOIN placed_part USING (payment_event_id, leg) "
        "WHERE state <> 'acknowledged' AND state IN ('sent', 'unknown') AND kind = 'refund' "
        "UNION SELECT part.account FROM outbox JOIN refund_across_part AS part ON part.refund_id = source_id "
        "AND part.leg = outbox.leg WHERE state <> 'acknowledged' AND state IN ('sent', 'unknown') "
        "AND kind = 'refund_across' UNION SELECT recovery.account FROM outbox "
        "JOIN recovery USING (payment_event_id, leg) WHERE state <> 'acknowledged' AND state IN ('sent', 'unknown') UNION "
        "SELECT outbox.account FROM outbox JOIN leg USING (payment_event_id, leg) "
        "JOIN bank_receipt_event USING (tender_id) "
        "WHERE outbox.state <> 'acknowledged' AND outbox.state IN ('sent', 'unknown')"
    )
    return {str(row[0]) for row in rows}


@dataclass(frozen=True, slots=True, kw_only=True)
class LegShown:
    """What a person wants to know of a leg. ``outcome`` is what the row tells of it; None: the leg itself.

    ``amount`` of what left suspense, was undone of it or was earned with it, is just that.
    """

    receipt_number: str
    mode: str
    amount: Money
    taken_at: datetime
    outcome: str | None


def leg_shown(connection: Connection, row: OutboxRow) -> LegShown:
    """The leg of ``row`` as a list shows it."""
    if not row.payment_event_id:
        return _across_shown(connection, row)
    if row.kind in (MOVED, MOVED_REFUND):
        return _moved_shown(connection, row)
    number, taken_at, offset, minor, code, mode, outcome = connection.exec_driver_sql(
        "SELECT receipt_number, taken_at_utc, payment_event.utc_offset_min, "
        "coalesce(moved.amount_minor, credited.amount_minor, (SELECT sum(part.amount_minor) "
        "FROM correction_part AS part JOIN (SELECT allocation_id AS part_id, payment_event_id, leg FROM allocation "
        "UNION ALL SELECT part_id, payment_event_id, leg FROM placed_part) AS undone USING (part_id) "
        "WHERE part.correction_id = source_id AND undone.payment_event_id = outbox.payment_event_id "
        "AND undone.leg = outbox.leg), leg.amount_minor), leg.currency, mode, "
        "CASE outbox.kind WHEN 'transfer' THEN 'from suspense' WHEN 'commission' THEN 'commission' "
        "WHEN 'dishonour' THEN 'dishonour' "
        "WHEN 'refund' THEN (SELECT kind FROM correction WHERE correction_id = source_id) ELSE coalesce(event.state, "
        f"(SELECT state FROM cheque_event WHERE {OF_CHEQUE})) END "
        "FROM outbox JOIN leg USING (payment_event_id, leg) JOIN payment_event USING (payment_event_id) "
        "JOIN tender USING (tender_id) LEFT JOIN bank_receipt_event AS event ON event.outcome_id = source_id "
        "LEFT JOIN suspense_transfer AS moved ON moved.transfer_id = source_id "
        "LEFT JOIN account_credit AS credited ON credited.credit_id = source_id WHERE outbox_id = ?",
        (row.outbox_id,),
    ).one()
    return LegShown(
        receipt_number=number,
        mode=mode,
        amount=Money(minor, currency(code)),
        taken_at=local(taken_at, offset),
        outcome=outcome,
    )


def _across_shown(connection: Connection, row: OutboxRow) -> LegShown:
    """A refund of another terminal's payment, under the paper that it was given here."""
    number, mode, minor, code, at, offset = connection.exec_driver_sql(
        "SELECT receipt_number, mode, leg.amount_minor, leg.currency, at_utc, utc_offset_min FROM outbox "
        "JOIN refund_across ON refund_id = source_id JOIN refund_across_leg AS leg USING (refund_id) "
        "WHERE outbox_id = ? AND leg.leg = outbox.leg",
        (row.outbox_id,),
    ).one()
    return LegShown(
        receipt_number=number,
        mode=mode,
        amount=Money(minor, currency(code)),
        taken_at=local(at, offset),
        outcome="refund",
    )


def _moved_shown(connection: Connection, row: OutboxRow) -> LegShown:
    """Moved money where it went, or what was undone of it there, under the paper of that correction."""
    number, mode, minor, code, at, offset = connection.exec_driver_sql(
        "SELECT correction.receipt_number, mode, CASE told.kind WHEN 'moved' THEN (SELECT sum(amount_minor) "
        "FROM placed_part WHERE placed_part.correction_id = correction.correction_id AND placed_part.leg = told.leg) ELSE ("
        "SELECT sum(part.amount_minor) FROM correction_part AS part JOIN placed_part USING (part_id) "
        "WHERE part.correction_id = correction.correction_id AND placed_part.leg = told.leg "
        "AND source_id = correction.correction_id || '-' || placed_part.correction_id) END, leg.currency, at_utc, "
        "correction.utc_offset_min FROM (SELECT payment_event_id, leg, kind, source_id FROM outbox WHERE outbox_id = ?) "
        "AS told JOIN correction ON told.source_id BETWEEN correction_id || '-' AND correction_id || '-~' "
        "AND correction.payment_event_id = told.payment_event_id JOIN leg ON leg.payment_event_id = told.payment_event_id "
        "AND leg.leg = told.leg JOIN tender USING (tender_id)",
        (row.outbox_id,),
    ).one()
    return LegShown(
        receipt_number=number,
        mode=mode,
        amount=Money(minor, currency(code)),
        taken_at=local(at, offset),
        outcome="moved" if row.kind == MOVED else "refund",
    )


def leg_facts(
    connection: Connection, row: OutboxRow, identity: Identity, modes: PaymentModes, operator_company: str
) -> LegFacts:
    """All that central is told of the leg of ``row``."""
    found = connection.exec_driver_sql(
        "SELECT event.receipt_number, event.terminal, event.epoch, event.sequence, event.shift_id, "
        "event.business_date, event.taken_at_utc, event.utc_offset_min, event.operator, event.payer_kind, "
        "event.payer_account, leg.account, leg.amount_minor, leg.currency, tender.mode, tender.details_json, "
        "tender_person.details_json AS personal_json, payer_person.name AS payer_name, tender.voucher_hold, "
        "tender.foreign_minor, tender.foreign_currency, tender.rate, tender.rate_source, "
        "voucher_hold.approval, offline.digest, offline.issuer, offline.amount_minor AS offline_minor, "
        "instrument.instrument, cheque.bank, cheque.branch, cheque.bank_account, cheque.serial, "
        "dunning.clearing_legs, dunning.final_now "
        "FROM leg JOIN payment_event AS event USING (payment_event_id) "
        "JOIN tender ON tender.tender_id = leg.tender_id "
        "LEFT JOIN tender_person ON tender_person.tender_id = tender.tender_id "
        "LEFT JOIN voucher_hold ON voucher_hold.hold_id = tender.voucher_hold "
        "LEFT JOIN voucher_offline AS offline ON offline.tender_id = tender.tender_id "
        "LEFT JOIN cheque ON cheque.tender_id = tender.tender_id "
        "LEFT JOIN instrument_of_tender AS instrument ON instrument.tender_id = tender.tender_id "
        "LEFT JOIN payer_person ON payer_person.payment_event_id = event.payment_event_id "
        "LEFT JOIN payment_dunning AS dunning ON dunning.payment_event_id = leg.payment_event_id "
        "AND dunning.account = leg.account "
        "WHERE leg.payment_event_id = ? AND leg.leg = ?",
        (row.payment_event_id, row.leg),
    ).one()
    items = connection.exec_driver_sql(
        "SELECT bill_id, allocation.amount_minor, sale_line.item, chosen_by FROM allocation LEFT JOIN sale_line "
        "ON sale_line.payment_event_id = allocation.payment_event_id AND sale_line.number = allocation.sale_line "
        "WHERE allocation.payment_event_id = ? AND leg = ? AND (bill_no IS NOT NULL OR sale_line IS NOT NULL) "
        f"AND NOT {UNTOLD_CHARGE.format(bill='allocation.bill_no')} ORDER BY allocation.number",
        (row.payment_event_id, row.leg),
    )
    in_currency = currency(found.currency)
    mode = modes[found.mode]
    instead = what_it_replaces(connection, row.payment_event_id)
    clearing = tuple(str(found.clearing_legs or "").split())
    clears = clearing if row.correlator_id in clearing else ()
    details: dict[str, str] = json.loads(found.details_json) | json.loads(found.personal_json or "{}")
    if found.approval:
        details["auth_code"] = str(found.approval)
    if mode.tmf_type == "Check":
        # A check by value names its drawer (tmf.md section 6): who is not named otherwise is the payer.
        details.setdefault("drawer", str(found.payer_name or found.payer_account))
        details.setdefault("date", str(found.business_date))
    return LegFacts(
        correlator_id=row.correlator_id,
        payment_event_id=row.payment_event_id,
        leg=row.leg,
        terminal=found.terminal,
        epoch=found.epoch,
        sequence=found.sequence,
        receipt_number=found.receipt_number,
        shift_id=found.shift_id,
        business_date=date.fromisoformat(found.business_date),
        taken_at=local(found.taken_at_utc, found.utc_offset_min),
        operator=found.operator,
        shop=identity.shop.shop,
        shop_name=identity.shop.name,
        operator_company=operator_company,
        channel=mode.channel,
        payer_kind=found.payer_kind,
        payer_account=found.payer_account,
        account=found.account,
        amount=Money(found.amount_minor, in_currency),
        mode=mode.code,
        tmf_type=mode.tmf_type,
        tender_details=details,
        items=tuple(
            LegItem(
                target=LegTarget.BILL if item.item is None else LegTarget.OFFERING,
                target_id=item.bill_id if item.item is None else item.item,
                amount=Money(item.amount_minor, in_currency),
                chosen_by=Chooser(item.chosen_by),
            )
            for item in items
        ),
        kept_apart={
            Purpose(kept_as): Money(minor, in_currency)
            for kept_as, minor in connection.exec_driver_sql(
                "SELECT kept_as, sum(amount_minor) FROM allocation WHERE payment_event_id = ? AND leg = ? "
                "AND kept_as IS NOT NULL GROUP BY kept_as ORDER BY kept_as",
                (row.payment_event_id, row.leg),
            )
        },
        charges={
            bill_no: Money(minor, in_currency)
            for bill_no, minor in connection.exec_driver_sql(
                "SELECT bill_no, sum(amount_minor) FROM allocation WHERE payment_event_id = ? AND leg = ? "
                f"AND {UNTOLD_CHARGE.format(bill='allocation.bill_no')} GROUP BY bill_no ORDER BY bill_no",
                (row.payment_event_id, row.leg),
            )
        },
        write_offs={
            bill_id: Money(minor, in_currency)
            for bill_id, minor in connection.exec_driver_sql(
                "SELECT bill_id, amount_minor FROM bill_write_off WHERE payment_event_id = ? AND leg = ? ORDER BY bill_no",
                (row.payment_event_id, row.leg),
            )
        },
        provisional=(WHEN_REDEEMED if found.digest else mode.final_when) or None,
        instrument=found.instrument if found.serial is None else _cheque_of(found),
        voucher_hold=found.voucher_hold,
        clears_overdue=clears,
        reconnects_now=bool(clears) and bool(found.final_now),
        foreign=_foreign_of(found),
        commission=_commission_of(connection, row, in_currency),
        replaces=() if instead is None else instead.correlators,
        replaced_cheque="" if instead is None else f"{instead.serial} of {instead.receipt}",
        voucher_taken=None
        if found.digest is None
        else LegVoucher(
            digest=found.digest, issuer=found.issuer, amount=Money(found.offline_minor, in_currency)
        ),
    )


def _commission_of(connection: Connection, row: OutboxRow, in_currency: Currency) -> LegCommission | None:
    """The commission of the whole sale, with the first leg that pays for items."""
    gross, *earned = connection.exec_driver_sql(
        "SELECT (SELECT sum(amount_minor) FROM sale_line WHERE payment_event_id = ?1), sum(commission_minor), "
        "sum(withheld_minor), sum(deducted_minor) FROM commission_line WHERE payment_event_id = ?1 "
        "AND ?2 = (SELECT min(leg) FROM allocation WHERE payment_event_id = ?1 AND sale_line IS NOT NULL)",
        (row.payment_event_id, row.leg),
    ).one()
    if earned[0] is None:
        return None
    commission, withheld, deducted = (Money(minor, in_currency) for minor in earned)
    return LegCommission(
        gross=Money(gross, in_currency), commission=commission, withheld=withheld, deducted=deducted
    )


def _foreign_of(found: Row[Any]) -> ForeignNotes | None:
    if found.foreign_minor is None:
        return None
    amount = Money(found.foreign_minor, currency(found.foreign_currency))
    return ForeignNotes(amount=amount, rate=found.rate, source=found.rate_source)


def _cheque_of(found: Row[Any]) -> str:
    """A cheque as the one paper that it is in every shop."""
    return "|".join(["cheque", found.bank, found.branch, found.bank_account, found.serial])


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
