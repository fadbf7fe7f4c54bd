"""Refunds of payments that another terminal took, as stored: what central holds for them, and what it is told."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from pos.domain.bill import OwnAllocation
from pos.domain.money import Money, currency
from pos.domain.payment_mode import Purpose
from pos.domain.refund_across import RefundAsked
from pos.store.approvals import ApprovalFacts, approval_of_entry
from pos.store.outbox import NOT_TOLD
from pos.store.times import from_utc_text, local, utc_text

STALE_AFTER = timedelta(minutes=10)
REFUND_ACROSS = "refund_across"
"""The outbox's kind of what tells central that a leg of another terminal's payment was paid back."""


# --- what central holds ----------------------------------------------------------------------------------------------


def hold_row(asked: RefundAsked, *, at: datetime) -> Mapping[str, object]:
    """The row of what is about to be asked for."""
    return {
        "hold_id": asked.hold_id,
        "of_receipt": asked.receipt_number,
        "operator": asked.operator,
        "legs_json": json.dumps([[payment_id, amount.minor] for payment_id, amount in asked.legs]),
        "amount_minor": asked.amount.minor,
        "currency": asked.amount.currency.code,
        "state": "asked",
        "asked_at_utc": utc_text(at),
        "changed_at_utc": utc_text(at),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """What central was asked to hold, and gave no answer. ``at`` is when it was asked first (UTC)."""

    asked: RefundAsked
    at: datetime


def unanswered_hold(connection: Connection, receipt_number: str, terminal: str) -> Unanswered | None:
    """The last asking about a receipt that has no answer yet."""
    row = connection.exec_driver_sql(
        "SELECT hold_id, operator, legs_json, currency, asked_at_utc FROM refund_hold "
        "WHERE of_receipt = ? AND state = 'asked' ORDER BY rowid DESC LIMIT 1",
        (receipt_number,),
    ).first()
    if row is None:
        return None
    in_currency = currency(row.currency)
    return Unanswered(
        asked=RefundAsked(
            hold_id=row.hold_id,
            terminal=terminal,
            operator=row.operator,
            receipt_number=receipt_number,
            legs=tuple(
                (payment_id, Money(minor, in_currency)) for payment_id, minor in json.loads(row.legs_json)
            ),
        ),
        at=from_utc_text(row.asked_at_utc),
    )


def settle_hold(connection: Connection, hold_id: str, state: str, *, at: datetime) -> None:
    """Central's answer: ``reserved`` or ``refused``. Nothing changes for a hold that was given up meanwhile."""
    connection.exec_driver_sql(
        "UPDATE refund_hold SET state = ?, changed_at_utc = ? WHERE hold_id = ? AND state = 'asked'",
        (state, utc_text(at), hold_id),
    )


def use_hold(connection: Connection, hold_id: str, used_by: str, *, at: datetime) -> bool:
    """Its refund, of this id, is being booked; False where the hold was given up meanwhile, and it may not be."""
    return (
        connection.exec_driver_sql(
            "UPDATE refund_hold SET state = 'used', used_by = ?, changed_at_utc = ? "
            "WHERE hold_id = ? AND state = 'reserved'",
            (used_by, utc_text(at), hold_id),
        ).rowcount
        == 1
    )


def abandon_holds(
    connection: Connection, *, at: datetime, receipt_number: str | None = None, but: str = ""
) -> None:
    """No refund comes of what was asked about a receipt (None: about any), but of the hold ``but``."""
    where, values = ("", ()) if receipt_number is None else (" AND of_receipt = ?", (receipt_number,))
    connection.exec_driver_sql(
        "UPDATE refund_hold SET state = 'abandoned', changed_at_utc = ? "
        f"WHERE state IN ('asked', 'reserved') AND hold_id <> ?{where}",
        (utc_text(at), but, *values),
    )


def abandon_stale_holds(connection: Connection, *, at: datetime) -> None:
    """Nobody waits for what was asked so long ago, or for a clock that was wrong."""
    connection.exec_driver_sql(
        "UPDATE refund_hold SET state = 'abandoned', changed_at_utc = ? WHERE state IN ('asked', 'reserved') "
        "AND changed_at_utc NOT BETWEEN ? AND ?",
        (utc_text(at), utc_text(at - STALE_AFTER), utc_text(at + STALE_AFTER)),
    )


def has_open_holds(connection: Connection) -> bool:
    """Whether any hold waits for its refund."""
    row = connection.exec_driver_sql(
        "SELECT 1 FROM refund_hold WHERE state IN ('asked', 'reserved') LIMIT 1"
    ).first()
    return row is not None


def count_unreleased(connection: Connection) -> int:
    """How many refunds central may hold without a use."""
    return int(
        connection.exec_driver_sql("SELECT count(*) FROM refund_hold WHERE state = 'abandoned'").scalar_one()
    )


def holds_to_release(connection: Connection, receipt_number: str | None = None) -> list[str]:
    """Abandoned holds that central has not let go yet, the oldest first."""
    where, values = ("", ()) if receipt_number is None else (" AND of_receipt = ?", (receipt_number,))
    rows = connection.exec_driver_sql(
        f"SELECT hold_id FROM refund_hold WHERE state = 'abandoned'{where} ORDER BY asked_at_utc, hold_id LIMIT 100",
        values,
    )
    return [str(row[0]) for row in rows]


def mark_released(connection: Connection, hold_id: str, *, at: datetime) -> None:
    """Central let it go."""
    connection.exec_driver_sql(
        "UPDATE refund_hold SET state = 'released', changed_at_utc = ? WHERE hold_id = ? AND state = 'abandoned'",
        (utc_text(at), hold_id),
    )


def told_legs(connection: Connection, payment_event_id: str) -> dict[int, str]:
    """The legs of an own payment that central has, by its id of each."""
    rows = connection.exec_driver_sql(
        "SELECT leg, server_id FROM outbox WHERE payment_event_id = ? AND kind = 'payment' AND applied_change IS NOT NULL",
        (payment_event_id,),
    )
    return {int(leg): str(server_id) for leg, server_id in rows}


_UNDONE_BY_LEG = """
    SELECT told.leg, sum(undone.amount_minor) FROM correction JOIN correction_part AS undone USING (correction_id)
    JOIN (SELECT allocation_id AS part_id, leg FROM allocation WHERE payment_event_id = ?1
          UNION ALL SELECT part_id, leg FROM placed_part WHERE payment_event_id = ?1) AS part USING (part_id)
    JOIN outbox AS told ON told.source_id = correction_id AND told.kind = 'refund' AND told.leg = part.leg
    JOIN outbox AS paid ON paid.payment_event_id = told.payment_event_id AND paid.leg = told.leg AND paid.kind = 'payment'
    WHERE correction.payment_event_id = ?1 AND {which}
    AND correction.kind NOT IN ('transfer', 'reallocation', 'reinstatement')
    GROUP BY told.leg
    """
"""What corrections took off each leg of an own payment, in minor units; what only moved is none of it."""


_KNOWN_APART = """
    SELECT leg, sum(minor) FROM (
    SELECT part.leg, gone.amount_minor AS minor FROM paid_back_elsewhere AS gone
    JOIN (SELECT allocation_id AS part_id, leg FROM allocation WHERE payment_event_id = ?1
          UNION ALL SELECT part_id, leg FROM placed_part WHERE payment_event_id = ?1) AS part USING (part_id)
    UNION ALL SELECT part.leg, -part.amount_minor FROM placed_part AS part JOIN reinstatement USING (correction_id)
    JOIN outbox AS told ON told.source_id = part.correction_id AND told.kind = 'refund'
        AND told.payment_event_id = part.payment_event_id AND told.leg = part.leg
    WHERE part.payment_event_id = ?1 AND told.state IN ('acknowledged', 'sent', 'unknown')) GROUP BY leg
    """
"""What a bounce left to another terminal, by central's own word, less what counts again since."""


def undone_by_leg(connection: Connection, payment_event_id: str) -> dict[int, int]:
    """How much of each leg of an own payment is undone by what these books know and central has, or may have."""
    found = _undone(connection, payment_event_id, "told.state IN ('acknowledged', 'sent', 'unknown')")
    for leg, minor in connection.exec_driver_sql(_KNOWN_APART, (payment_event_id,)):
        found[int(leg)] = found.get(int(leg), 0) + int(minor)
    return found


def legs_to_hold(connection: Connection, payment_event_id: str) -> dict[int, str]:
    """Those of ``told_legs`` of which nothing may be held but what central knows.

    A move that waits would wait for the hold, and the refund that uses the hold waits behind the move.
    """
    moved = connection.exec_driver_sql(
        "SELECT leg FROM outbox JOIN correction ON correction_id = source_id "
        "WHERE outbox.payment_event_id = ? AND outbox.kind = 'refund' AND state <> 'acknowledged' "
        "AND correction.kind IN ('transfer', 'reallocation', 'reinstatement')",
        (payment_event_id,),
    )
    waiting = {int(leg) for (leg,) in moved}
    return {leg: key for leg, key in told_legs(connection, payment_event_id).items() if leg not in waiting}


def untold_of_legs(connection: Connection, payment_event_id: str) -> dict[int, int]:
    """What was paid back of each leg that central has neither been told of nor holds, in minor units."""
    return _undone(
        connection,
        payment_event_id,
        "told.state <> 'acknowledged' AND NOT EXISTS (SELECT 1 FROM refund_hold, json_each(legs_json) AS held "
        "WHERE used_by = correction_id AND held.value ->> 0 = paid.server_id)",
    )


def _undone(connection: Connection, payment_event_id: str, which: str) -> dict[int, int]:
    rows = connection.exec_driver_sql(_UNDONE_BY_LEG.format(which=which), (payment_event_id,))
    return {int(leg): int(minor) for leg, minor in rows}


# --- what central is told --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class AcrossPart:
    """What a leg's money came off: a bill by its id at central, or (None) an account, where it was ``kept_as``."""

    account: str
    bill_id: str | None
    kept_as: Purpose
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class AcrossFacts:
    """All that central is told of what was paid back of one leg; ``payment_id`` is its own id of that."""

    correlator_id: str
    hold_id: str
    payment_id: str
    payment_event_id: str
    leg: int
    account: str
    mode: str
    method_type: str
    amount: Money
    of_receipt: str
    payer_kind: str
    payer_account: str
    reason_code: str
    reason: str | None
    refunded_at: datetime
    receipt_number: str
    shift_id: str | None
    operator: str
    taken_by: str
    approval: ApprovalFacts | None
    parts: tuple[AcrossPart, ...]


def across_facts(connection: Connection, outbox_id: int) -> AcrossFacts:
    """What the row ``outbox_id`` tells."""
    row = connection.exec_driver_sql(
        "SELECT correlator_id, hold_id, payment_id, back.payment_event_id, leg.leg, leg.account, mode, method_type, "
        "leg.amount_minor, leg.currency, of_receipt, payer_kind, payer_account, reason_code, back.reason, at_utc, "
        "utc_offset_min, receipt_number, shift_id, operator, taken_by, refund_id FROM outbox JOIN refund_across AS back "
        "ON back.refund_id = outbox.source_id JOIN refund_across_leg AS leg USING (refund_id) "
        "WHERE outbox_id = ? AND leg.leg = outbox.leg",
        (outbox_id,),
    ).one()
    in_currency = currency(row.currency)
    parts = connection.exec_driver_sql(
        "SELECT account, bill_id, kept_as, amount_minor FROM refund_across_part WHERE refund_id = ? AND leg = ? "
        "ORDER BY number",
        (row.refund_id, row.leg),
    )
    return AcrossFacts(
        correlator_id=row.correlator_id,
        hold_id=row.hold_id,
        payment_id=row.payment_id,
        payment_event_id=row.payment_event_id,
        leg=row.leg,
        account=row.account,
        mode=row.mode,
        method_type=row.method_type,
        amount=Money(row.amount_minor, in_currency),
        of_receipt=row.of_receipt,
        payer_kind=row.payer_kind,
        payer_account=row.payer_account,
        reason_code=row.reason_code,
        reason=row.reason,
        refunded_at=local(row.at_utc, row.utc_offset_min),
        receipt_number=row.receipt_number,
        shift_id=row.shift_id,
        operator=row.operator,
        taken_by=row.taken_by,
        approval=approval_of_entry(connection, row.refund_id),
        parts=tuple(
            AcrossPart(
                account=account,
                bill_id=bill_id,
                kept_as=Purpose(kept_as)
                if kept_as
                else Purpose.ACCOUNT
                if bill_id is None
                else Purpose.BILLS,
                amount=Money(minor, in_currency),
            )
            for account, bill_id, kept_as, minor in parts
        ),
    )


# --- what is open ----------------------------------------------------------------------------------------------------

_OPENED = (
    "SELECT part.bill_no, part.account, part.amount_minor, part.currency, told.correlator_id, told.server_id, "
    "told.applied_change FROM refund_across_part AS part JOIN outbox AS told ON told.source_id = part.refund_id "
    "AND told.leg = part.leg AND told.kind = 'refund_across' WHERE "
    f"(told.server_id IS NULL OR told.server_id = '{NOT_TOLD}' OR told.applied_change IS NOT NULL) AND "
)


def bills_opened_across(
    connection: Connection, bill_no: str | None = None
) -> Iterator[tuple[str, OwnAllocation]]:
    """What refunds of other terminals' payments took off a bill, or off any, as allocations of less than nothing."""
    where = "part.bill_no IS NOT NULL" if bill_no is None else "part.bill_no = ?"
    for row in connection.exec_driver_sql(_OPENED + where, () if bill_no is None else (bill_no,)):
        yield str(row.bill_no), _own(tuple(row))


def credits_taken_across(
    connection: Connection, account: str | None, kept_as: Purpose
) -> Iterator[tuple[str, OwnAllocation]]:
    """The same of money on an account, or on any, that was kept as ``kept_as``."""
    where, values = "part.bill_no IS NULL AND part.kept_as IS ?", [kept_as_stored(kept_as)]
    if account is not None:
        where, values = f"{where} AND part.account = ?", [*values, account]
    for row in connection.exec_driver_sql(_OPENED + where, tuple(values)):
        yield str(row.account), _own(tuple(row))


def kept_as_stored(purpose: Purpose) -> str | None:
    """How a part says as what its money was kept: nothing for a bill and for plain credit."""
    return None if purpose in (Purpose.ACCOUNT, Purpose.BILLS) else str(purpose)


def _own(row: tuple[object, ...]) -> OwnAllocation:
    bill_no, _, minor, code, correlator_id, server_id, applied_change = row
    assert isinstance(minor, int)
    assert applied_change is None or isinstance(applied_change, int)
    return OwnAllocation(
        bill_no="" if bill_no is None else str(bill_no),
        amount=Money(-minor, currency(str(code))),
        correlator_id=str(correlator_id),
        server_id=None if server_id is None else str(server_id),
        applied_change=applied_change,
    )
