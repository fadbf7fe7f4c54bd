"""Moved money at a server of the standard, which has no moves: a refund of the one payment and a payment of the other.

Each transfer or re-allocation writes such rows into the outbox beside its refund. Our own central takes the move as one
refund that says where the money went, and is never sent them; another server is, and later refunds of that money go
against the payment that it has of it. Source: tmf.md, mapping of deeds; domain.md 3.7.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from pos.domain.allocation import Chooser
from pos.domain.correction import CorrectionKind
from pos.domain.money import Money, currency, total
from pos.domain.payment_mode import Purpose
from pos.store.behind_bounce import UNTOLD_CHARGE
from pos.store.outbox import MOVED, MOVED_REFUND, NOT_TOLD, REFUND, queue_of_leg
from pos.store.times import local, utc_text

LIVE_MOVED = (
    "EXISTS (SELECT 1 FROM outbox AS live WHERE live.kind = 'moved' "
    "AND live.source_id BETWEEN part.placed_by || '-t' AND part.placed_by || '-t~' "
    "AND live.payment_event_id = part.payment_event_id AND live.leg = part.leg AND live.account = part.account "
    "AND live.server_id IS NOT 'not-told')"
)
"""Whether a ``part`` lies on a payment of its own at a server of the standard, or will, as far as is known now."""
_PLACES = "0123456789abcdefghijklmnpqrstuvwxyz"
"""The second and later accounts that the money of a leg counts again on, each as one more letter of what is told of it."""
PARTS = (
    "(SELECT allocation_id AS part_id, payment_event_id, leg, account, bill_id, "
    "CASE WHEN sale_line IS NOT NULL THEN 'items' WHEN bill_no IS NOT NULL THEN 'bills' "
    "ELSE coalesce(kept_as, 'account') END AS purpose, NULL AS placed_by "
    "FROM allocation UNION ALL SELECT part_id, payment_event_id, leg, account, bill_id, "
    "CASE WHEN bill_no IS NOT NULL THEN 'bills' ELSE coalesce(kept_as, 'account') END, correction_id FROM placed_part)"
)
"""Where money of a leg was put: by the payment itself, or (``placed_by``) by a correction."""


def messages_of(connection: Connection, correction_id: str, *, at: datetime) -> Iterator[dict[str, object]]:
    """The outbox rows of a correction whose parts are written, each behind what it builds on."""
    legs = connection.exec_driver_sql(
        "SELECT DISTINCT part.payment_event_id, part.leg, leg.account FROM correction_part AS corrected "
        f"JOIN {PARTS} AS part USING (part_id) JOIN leg USING (payment_event_id, leg) "
        "WHERE corrected.correction_id = ?1 UNION SELECT part.payment_event_id, part.leg, leg.account "
        "FROM placed_part AS part JOIN leg USING (payment_event_id, leg) WHERE part.correction_id = ?1 ORDER BY 2",
        (correction_id,),
    ).all()
    for event_id, leg, account in legs:
        about = {
            "payment_event_id": event_id,
            "leg": leg,
            "queue": queue_of_leg(connection, event_id, leg),
            "state": "waiting",
            "changed_at_utc": utc_text(at),
        }
        key = f"{correction_id}-{leg}"
        for moved_before, place, moved_to in _moved_before(connection, correction_id, event_id, leg):
            source = f"{moved_before}{'' if place == 1 else _PLACES[place]}"
            yield about | _named(MOVED_REFUND, f"{correction_id}-{source}", f"{key}-{source}", moved_to)
        yield about | _named(REFUND, correction_id, key, account)
        for place, placed_on in enumerate(_placed_on(connection, correction_id, leg), start=1):
            to = "-to" if place == 1 else f"-t{_PLACES[place]}"
            yield about | _named(MOVED, f"{correction_id}{to}", f"{key}{to}", placed_on)


def _named(kind: str, source_id: str, correlator_id: str, account: str) -> dict[str, object]:
    return {"kind": kind, "source_id": source_id, "correlator_id": correlator_id, "account": account}


def _moved_before(
    connection: Connection, correction_id: str, event_id: str, leg: int
) -> list[tuple[str, int, str]]:
    """The corrections that had moved what this one undoes, if another server may know of them, and to which account, with
    the place of each among the accounts that its correction has here.
    """
    rows = connection.exec_driver_sql(
        f"SELECT DISTINCT part.placed_by, part.account FROM correction_part AS corrected "
        f"JOIN {PARTS} AS part USING (part_id) WHERE corrected.correction_id = ? "
        f"AND part.payment_event_id = ? AND part.leg = ? AND {LIVE_MOVED} "
        "ORDER BY corrected.number",
        (correction_id, event_id, leg),
    )
    places: dict[str, int] = {}
    found: dict[tuple[str, str], int] = {}
    for row in rows:
        moved_before, account = str(row[0]), str(row[1])
        places[moved_before] = places.get(moved_before, 0) + 1
        found[moved_before, account] = places[moved_before]
    return [(moved_before, place, account) for (moved_before, account), place in found.items()]


def _placed_on(connection: Connection, correction_id: str, leg: int) -> list[str]:
    """The account that money of a leg went to, if it went anywhere; of several the first one is first."""
    rows = connection.exec_driver_sql(
        "SELECT account FROM placed_part WHERE correction_id = ? AND leg = ? GROUP BY account ORDER BY min(number)",
        (correction_id, leg),
    )
    return [str(row[0]) for row in rows]


# --- what the server is told -----------------------------------------------------------------------------------------


class Kept:
    """The server has no place for a row, or needs none: it stays in the books, and waits for nothing."""


KEPT = Kept()


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedFacts:
    """All that a server of the standard is told of where moved money of a leg went: a payment of ``account``.

    ``leg_body`` is what it was told of the leg itself, ``from_correlators`` the keys of the refunds that this answers.
    ``bills`` are by the bill's id at central.
    """

    correlator_id: str
    correction_id: str
    kind: CorrectionKind
    account: str
    amount: Money
    bills: tuple[tuple[str, Money, Chooser], ...]
    kept_apart: tuple[tuple[Purpose, Money], ...]
    from_correlators: tuple[str, ...]
    leg_body: bytes
    leg: int
    moved_at: datetime
    receipt_number: str
    reason_code: str
    reason: str | None
    operator: str


def is_moving(connection: Connection, outbox_id: int) -> bool:
    """Whether the refund of this row is one message to our central and another to a server of the standard."""
    found = connection.exec_driver_sql(
        "SELECT 1 FROM outbox AS told JOIN outbox AS beside ON beside.payment_event_id = told.payment_event_id "
        "AND beside.leg = told.leg AND beside.kind IN ('moved', 'moved_refund') "
        "AND beside.source_id BETWEEN told.source_id || '-' AND told.source_id || '-~' WHERE told.outbox_id = ?",
        (outbox_id,),
    ).first()
    return found is not None


def waits_for_the_rest(connection: Connection, outbox_id: int) -> bool:
    """Whether the server still lacks what the same correction undoes of money that was moved before."""
    found = connection.exec_driver_sql(
        "SELECT 1 FROM outbox AS told JOIN outbox AS apart ON apart.payment_event_id = told.payment_event_id "
        "AND apart.leg = told.leg AND apart.kind = 'moved_refund' AND apart.state <> 'acknowledged' "
        "AND apart.source_id BETWEEN told.source_id || '-' AND told.source_id || '-~' WHERE told.outbox_id = ?",
        (outbox_id,),
    ).first()
    return found is not None


def moved_facts(connection: Connection, outbox_id: int) -> MovedFacts | Kept | None:
    """What the row ``outbox_id`` tells; None while the refunds that it answers are not at the server yet."""
    row = connection.exec_driver_sql(
        "SELECT told.correlator_id, correction_id, kind_of.kind, told.account, kind_of.currency, paid.body, told.leg, "
        "at_utc, utc_offset_min, receipt_number, reason_code, kind_of.reason, operator, told.payment_event_id "
        "FROM outbox AS told JOIN correction AS kind_of "
        "ON correction_id = substr(told.source_id, 1, length(told.source_id) - 3) "
        "JOIN outbox AS paid ON paid.payment_event_id = told.payment_event_id AND paid.leg = told.leg "
        "AND paid.kind = 'payment' WHERE told.outbox_id = ?",
        (outbox_id,),
    ).one()
    correction_id, in_currency, leg = str(row[1]), currency(row[4]), int(row[6])
    answered = _refunds_of(connection, correction_id, row[13], leg)
    if isinstance(answered, Kept) or answered is None:
        return answered
    placed = connection.exec_driver_sql(
        "SELECT bill_id, kept_as, amount_minor, chosen_by, bill_no, "
        f"{UNTOLD_CHARGE.format(bill='placed_part.bill_no')} FROM placed_part "
        "WHERE correction_id = ? AND leg = ? AND account = ? ORDER BY number",
        (correction_id, leg, row[3]),
    ).all()
    return MovedFacts(
        correlator_id=row[0],
        correction_id=correction_id,
        kind=CorrectionKind(row[2]),
        account=row[3],
        amount=total((Money(part[2], in_currency) for part in placed), in_currency),
        bills=tuple(
            (str(part[0]), Money(part[2], in_currency), Chooser(part[3]))
            for part in placed
            if part[4] is not None and not part[5]
        ),
        kept_apart=tuple(
            (Purpose(part[1]), Money(part[2], in_currency)) for part in placed if part[1] is not None
        ),
        from_correlators=answered,
        leg_body=bytes(row[5]),
        leg=leg,
        moved_at=local(row[7], row[8]),
        receipt_number=row[9],
        reason_code=row[10],
        reason=row[11],
        operator=row[12],
    )


def _refunds_of(
    connection: Connection, correction_id: str, event_id: str, leg: int
) -> tuple[str, ...] | Kept | None:
    """The keys of a correction's refunds that the server has; None while it lacks one, KEPT where it is told none."""
    rows = connection.exec_driver_sql(
        "SELECT kind, state, server_id, applied_change, correlator_id FROM outbox WHERE payment_event_id = ? AND leg = ? "
        "AND kind IN ('refund', 'moved_refund') AND (source_id = ? OR source_id BETWEEN ? AND ?) ORDER BY outbox_id",
        (event_id, leg, correction_id, f"{correction_id}-", f"{correction_id}-~"),
    ).all()
    if any(row.state != "acknowledged" for row in rows):
        return None
    told = [row for row in rows if row.server_id != NOT_TOLD]
    if not told and _counts_again(connection, correction_id):
        # It answers no refund: the bounce was one, and was told as that.
        return ()
    if not told or any(row.applied_change is not None for row in told):
        # Our own central has heard of the whole move in its refund, and a server of another kind of nothing.
        return KEPT
    return tuple(str(row.correlator_id) for row in told)


def _counts_again(connection: Connection, correction_id: str) -> bool:
    """Whether a correction lets the money of a bounced cheque count again."""
    found = connection.exec_driver_sql(
        "SELECT 1 FROM reinstatement WHERE correction_id = ?", (correction_id,)
    ).first()
    return found is not None


# --- both compared ---------------------------------------------------------------------------------------------------

_AT_THE_SERVER = "state = 'acknowledged' AND server_id <> 'not-told'"


def refunds_told(connection: Connection) -> list[tuple[Any, ...]]:
    """What a server has of corrections: correlator, its id, minor units, currency and account, as they were told."""
    rows = connection.exec_driver_sql(
        "SELECT told.correlator_id, told.server_id, sum(corrected.amount_minor), corrected.currency, told.account "
        "FROM outbox AS told JOIN correction_part AS corrected ON told.source_id BETWEEN corrected.correction_id "
        f"AND corrected.correction_id || '-~' JOIN {PARTS} AS part ON part.part_id = corrected.part_id "
        "AND part.payment_event_id = told.payment_event_id AND part.leg = told.leg "
        f"WHERE told.source_id <> '' AND {_AT_THE_SERVER} AND CASE told.kind "
        f"WHEN 'refund' THEN told.applied_change IS NOT NULL OR NOT {LIVE_MOVED} WHEN 'moved_refund' "
        "THEN told.account = part.account AND told.source_id BETWEEN corrected.correction_id || '-' || part.placed_by "
        "AND corrected.correction_id || '-' || part.placed_by || '~' ELSE 0 END "
        "GROUP BY told.outbox_id ORDER BY told.outbox_id"
    )
    return [tuple(row) for row in rows]


def payments_moved(connection: Connection) -> list[tuple[Any, ...]]:
    """The same of where moved money went, as a server without moves has it."""
    rows = connection.exec_driver_sql(
        "SELECT told.correlator_id, told.server_id, sum(part.amount_minor), part.currency, told.account FROM outbox AS told "
        "JOIN placed_part AS part ON part.correction_id = substr(told.source_id, 1, length(told.source_id) - 3) "
        "AND part.leg = told.leg AND part.account = told.account "
        f"WHERE {_AT_THE_SERVER} AND told.kind = 'moved' GROUP BY told.outbox_id ORDER BY told.outbox_id"
    )
    return [tuple(row) for row in rows]
