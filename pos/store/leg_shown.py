"""What a person is shown of a row of the outbox: its paper, its way of paying, its amount."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from pos.domain.money import Money, currency
from pos.store.debit_charges import CHARGE, charge_told
from pos.store.outbox import MOVED, MOVED_REFUND, OF_CHEQUE, OutboxRow
from pos.store.times import local


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
    if row.kind == CHARGE:
        return _charge_shown(connection, row)
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


def _charge_shown(connection: Connection, row: OutboxRow) -> LegShown:
    """What a debit that came back charged, under the number of its bill."""
    told = charge_told(connection, row.outbox_id)
    return LegShown(
        receipt_number=told.bill_no,
        mode="direct_debit",
        amount=told.returned + told.fee,
        taken_at=local(told.at_utc, told.utc_offset_min),
        outcome="charge",
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
