"""What central is told of a bounce beside its refunds: whom it counts against, where collection stands, what is charged."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from pos.domain.money import Money, currency
from pos.store.dishonours import TOLD, TOLD_LEG
from pos.store.own_bounces import STAGES_PUT_BACK, read_rule


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeTold:
    """What a bounce charged. ``bill_no`` None: on the account."""

    charge_id: str
    bill_no: str | None
    account: str
    recovered: Money
    fee: Money
    tax: Money
    on: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DishonourFacts:
    """All that central is told. ``undone``: the bank was wrong, and none of it holds any more.

    ``rule`` makes an account cash-only: the how-many-eth bounce, within and for how many months. ``stages`` are the
    accounts whose bills are open again, with the stage that each was collected from.
    """

    correlator_id: str
    dishonour_id: str
    undone: bool
    leg_correlator_id: str
    server_id: str
    payor: str | None
    payors_fault: bool
    reason_code: str
    on: str
    decided_at: str
    receipt_number: str
    of_receipt: str
    terminal: str
    operator: str
    rule: tuple[int, int, int]
    stages: tuple[tuple[str, str, int], ...]
    charge: ChargeTold | None


def dishonour_facts(connection: Connection, outbox_id: int) -> DishonourFacts | None:
    """What the row ``outbox_id`` tells; None while central has not acknowledged the leg itself."""
    row = connection.exec_driver_sql(
        "SELECT told.correlator_id, bounce.correction_id, done.kind, paid.correlator_id, paid.server_id, "
        # Walk-in buyers share one account, against which nothing counts.
        "iif(payer_kind = 'walk_in', NULL, payor), "
        "payors_fault, was_done.reason_code, bank_date, done.at_utc, done.receipt_number, event.receipt_number, "
        "event.terminal, done.operator, cash_only_rule "
        "FROM outbox AS told JOIN correction AS done ON done.correction_id || ? = told.source_id "
        "LEFT JOIN reinstatement AS again ON again.correction_id = done.correction_id "
        "JOIN dishonour AS bounce ON bounce.correction_id = coalesce(again.of_correction, done.correction_id) "
        "JOIN correction AS was_done ON was_done.correction_id = bounce.correction_id "
        "JOIN payment_event AS event ON event.payment_event_id = told.payment_event_id "
        "JOIN outbox AS paid ON paid.payment_event_id = told.payment_event_id AND paid.leg = told.leg "
        "AND paid.kind = 'payment' WHERE told.outbox_id = ? AND paid.state = 'acknowledged' "
        "AND done.payment_event_id = told.payment_event_id",
        (TOLD, outbox_id),
    ).first()
    if row is None:
        return None
    dishonour_id = str(row[1])
    return DishonourFacts(
        correlator_id=row[0],
        dishonour_id=dishonour_id,
        undone=row[2] != "dishonour",
        leg_correlator_id=row[3],
        server_id=row[4],
        payor=row[5],
        payors_fault=bool(row[6]),
        reason_code=row[7],
        on=row[8],
        decided_at=row[9],
        receipt_number=row[10],
        of_receipt=row[11],
        terminal=row[12],
        operator=row[13],
        rule=read_rule(row[14]),
        stages=_stages(connection, dishonour_id),
        charge=_charge(connection, dishonour_id),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class BouncedLeg:
    """A bounce as it is told of a leg of which nothing stood any more. ``undone``: the bank was wrong."""

    correlator_id: str
    dishonour_id: str
    undone: bool
    leg_correlator_id: str
    server_id: str
    receipt_number: str
    terminal: str


def bounced_leg(connection: Connection, outbox_id: int) -> BouncedLeg | None:
    """What the row ``outbox_id`` tells; None where it tells of the whole bounce, or central lacks the leg itself."""
    row = connection.exec_driver_sql(
        "SELECT told.correlator_id, coalesce(of_correction, done.correction_id), of_correction IS NOT NULL, "
        "paid.correlator_id, paid.server_id, done.receipt_number, event.terminal "
        "FROM outbox AS told JOIN correction AS done ON done.correction_id || ? = told.source_id "
        "LEFT JOIN reinstatement AS again ON again.correction_id = done.correction_id "
        "JOIN payment_event AS event ON event.payment_event_id = told.payment_event_id "
        "JOIN outbox AS paid ON paid.payment_event_id = told.payment_event_id AND paid.leg = told.leg "
        "AND paid.kind = 'payment' WHERE told.outbox_id = ? AND paid.state = 'acknowledged' "
        "AND done.payment_event_id = told.payment_event_id",
        (TOLD_LEG, outbox_id),
    ).first()
    if row is None:
        return None
    return BouncedLeg(
        correlator_id=row[0],
        dishonour_id=row[1],
        undone=bool(row[2]),
        leg_correlator_id=row[3],
        server_id=row[4],
        receipt_number=row[5],
        terminal=row[6],
    )


def _stages(connection: Connection, dishonour_id: str) -> tuple[tuple[str, str, int], ...]:
    rows = connection.exec_driver_sql(
        f"SELECT account, status, dunning_stage FROM ({STAGES_PUT_BACK}) WHERE correction_id = ? ORDER BY account",
        (dishonour_id,),
    )
    return tuple((str(account), str(status), int(stage)) for account, status, stage in rows)


def _charge(connection: Connection, dishonour_id: str) -> ChargeTold | None:
    row = connection.exec_driver_sql(
        "SELECT charge_id, bill_no, account, recovered_minor, fee_minor, tax_minor, charged_on, currency "
        "FROM dishonour_charge WHERE correction_id = ?",
        (dishonour_id,),
    ).first()
    if row is None:
        return None
    recovered, fee, tax = (Money(int(minor), currency(row[7])) for minor in row[3:6])
    return ChargeTold(
        charge_id=row[0], bill_no=row[1], account=row[2], recovered=recovered, fee=fee, tax=tax, on=row[6]
    )
