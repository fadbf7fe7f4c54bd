"""Dealers' bank receipts as stored: each with its latest state, and what of them no bank has confirmed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from pos.domain.bank_receipt import BankReceipt, BankReceiptState, ReceiptPart
from pos.domain.bill import OwnAllocation
from pos.domain.money import Currency, Money, currency
from pos.store.outbox import OF_CHEQUE
from pos.store.times import local

_LATEST = (
    "SELECT tender_id, max(number) AS number, state, reason FROM bank_receipt_event "
    "WHERE tender_id NOT IN (SELECT tender_id FROM tender_undone) GROUP BY tender_id"
)
"""SQLite takes the bare columns from the row of the maximum."""

_RECEIPTS = (
    "SELECT tender.tender_id, payment_event_id, receipt_number, tender.number AS place, mode, payer_account, "
    "tender.amount_minor - change_minor AS amount_minor, tender.currency, details_json, operator, taken_at_utc, "
    f"utc_offset_min, latest.state, latest.number, latest.reason FROM ({_LATEST}) AS latest "
    "JOIN tender USING (tender_id) JOIN payment_event USING (payment_event_id) "
)


def receipts_of(connection: Connection, receipt_number: str) -> list[BankReceipt]:
    """The bank receipts taken with a receipt of ours, in the order of their tenders."""
    rows = connection.exec_driver_sql(
        _RECEIPTS + "WHERE receipt_number = ? ORDER BY place", (receipt_number,)
    )
    return list(_receipts(connection, rows.all()))


def receipts_in(
    connection: Connection, states: Sequence[BankReceiptState], *, limit: int, dealer: str | None = None
) -> list[BankReceipt]:
    """The receipts in any of ``states``, of one dealer or all, oldest first."""
    places = ", ".join("?" for _ in states)
    where = f"WHERE latest.state IN ({places})" + ("" if dealer is None else " AND payer_account = ?")
    values = (*map(str, states), *(() if dealer is None else (dealer,)), limit)
    rows = connection.exec_driver_sql(_RECEIPTS + where + " ORDER BY epoch, sequence, place LIMIT ?", values)
    return list(_receipts(connection, rows.all()))


def _receipts(connection: Connection, rows: Sequence[object]) -> Iterator[BankReceipt]:
    for row in rows:
        (tender_id, event_id, receipt_number, place, mode, dealer, minor, code, details, taken_by, taken_at, offset,
         state, number, reason) = tuple(row)  # type: ignore[arg-type, var-annotated]  # fmt: skip
        in_currency = currency(code)
        parts = connection.exec_driver_sql(
            "SELECT leg, account, amount_minor FROM leg WHERE tender_id = ? ORDER BY leg", (tender_id,)
        )
        yield BankReceipt(
            tender_id=tender_id,
            payment_event_id=event_id,
            receipt_number=receipt_number,
            place=place,
            mode=mode,
            dealer=dealer,
            amount=Money(minor, in_currency),
            details=json.loads(details),
            taken_by=taken_by,
            taken_at=local(taken_at, offset),
            parts=tuple(
                ReceiptPart(leg=part[0], account=part[1], amount=Money(part[2], in_currency))
                for part in parts
            ),
            state=BankReceiptState(state),
            number=number,
            reason=reason,
        )


def parked_reason(connection: Connection, receipt: BankReceipt) -> str | None:
    """Why central refused a leg of this receipt for good; None where it refused none."""
    row = connection.exec_driver_sql(
        "SELECT coalesce(reason, '') FROM leg JOIN outbox USING (payment_event_id, leg) "
        "WHERE tender_id = ? AND kind = 'payment' AND state = 'parked' ORDER BY leg LIMIT 1",
        (receipt.tender_id,),
    ).first()
    return None if row is None else str(row[0])


def is_rejected(connection: Connection, dealer: str) -> bool:
    """Whether a bank receipt of this dealer stands rejected."""
    row = connection.exec_driver_sql(
        "SELECT 1 FROM bank_receipt_event AS rejected JOIN tender USING (tender_id) "
        "JOIN payment_event USING (payment_event_id) WHERE rejected.state = 'rejected' AND payer_account = ? "
        "AND NOT EXISTS (SELECT 1 FROM bank_receipt_event AS later WHERE later.tender_id = rejected.tender_id "
        "AND later.number > rejected.number) LIMIT 1",
        (dealer,),
    ).first()
    return row is not None


def released_since(connection: Connection, dealer: str, seen_change: int | None) -> bool:
    """Whether this till let a dealer go on, or found the money of a rejected receipt, since central's ``seen_change``."""
    row = connection.exec_driver_sql(
        "SELECT 1 FROM bank_receipt_event AS event JOIN tender USING (tender_id) "
        "JOIN payment_event USING (payment_event_id) "
        "JOIN outbox ON outbox.source_id = event.outcome_id AND outbox.kind = 'outcome' "
        "WHERE payer_account = ? AND (event.state = 'settled' OR (event.state = 'verified' AND event.number > 2)) "
        "AND (outbox.applied_change IS NULL OR outbox.applied_change > ?) LIMIT 1",
        (dealer, -1 if seen_change is None else seen_change),
    ).first()
    return row is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """A bank receipt that may be the same paper. ``details`` are the paper's own fields."""

    receipt_number: str
    mode: str
    dealer: str
    amount: Money
    details: dict[str, str]


def receipts_like(connection: Connection, amount: Money, reference: str) -> list[Neighbour]:
    """Every bank receipt over just this amount, and every one whose paper has this ``reference`` (as it is compared)."""
    rows = connection.exec_driver_sql(
        "SELECT receipt_number, mode, payer_account, tender.amount_minor, tender.currency, details_json FROM tender "
        "JOIN bank_receipt_event AS event ON event.tender_id = tender.tender_id AND event.number = 1 "
        "JOIN payment_event USING (payment_event_id) WHERE tender.tender_id IN ("
        "SELECT tender_id FROM tender WHERE currency = ? AND amount_minor = ? UNION ALL "
        # From the kind's first paper to its last: the papers lie in this order.
        "SELECT tender_id FROM instrument_of_tender WHERE instrument > 'bank_receipt|' AND instrument < 'bank_receipt}' "
        "AND instr(instrument || '|', ?) > 0) AND tender.tender_id NOT IN (SELECT tender_id FROM tender_undone) "
        "ORDER BY epoch, sequence",
        (amount.currency.code, amount.minor, f"|{reference}|"),
    )
    return [
        Neighbour(
            receipt_number=row[0],
            mode=row[1],
            dealer=row[2],
            amount=Money(row[3], currency(row[4])),
            details=json.loads(row[5]),
        )
        for row in rows
    ]


def own_unverified(connection: Connection, dealer: str, in_currency: Currency) -> list[OwnAllocation]:
    """What of a dealer's bank receipts waits for the bank, as this till knows it: each leg, and less each outcome of one.

    An entry names the message that tells it to central, so that a figure of central's that holds it is not counted twice.
    """
    rows = connection.exec_driver_sql(
        "SELECT CASE outbox.kind WHEN 'payment' THEN leg.amount_minor ELSE -leg.amount_minor END, "
        "outbox.correlator_id, outbox.server_id, outbox.applied_change "
        "FROM payment_event AS event JOIN tender USING (payment_event_id) "
        "JOIN bank_receipt_event AS presented ON presented.tender_id = tender.tender_id AND presented.number = 1 "
        "JOIN leg ON leg.tender_id = tender.tender_id "
        "JOIN outbox ON outbox.payment_event_id = leg.payment_event_id AND outbox.leg = leg.leg "
        "LEFT JOIN bank_receipt_event AS told ON told.outcome_id = outbox.source_id "
        "WHERE event.payer_account = ? AND tender.currency = ? "
        "AND tender.tender_id NOT IN (SELECT tender_id FROM tender_undone) "
        "AND (outbox.kind = 'payment' OR (outbox.kind = 'outcome' AND told.number = 2))",
        (dealer, in_currency.code),
    )
    return [
        OwnAllocation(
            bill_no="",
            amount=Money(row[0], in_currency),
            correlator_id=row[1],
            server_id=row[2],
            applied_change=row[3],
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeFacts:
    """All that central is told of what became of a leg. ``server_id`` is the leg's id there."""

    correlator_id: str
    leg_correlator_id: str
    server_id: str
    account: str
    amount: Money
    state: str
    reason: str | None
    decided_at: str
    receipt_number: str
    terminal: str


def outcome_facts(connection: Connection, outbox_id: int) -> OutcomeFacts | None:
    """What an outcome row tells of a bank receipt or a cheque; None while central has not acknowledged its leg."""
    row = connection.exec_driver_sql(
        "SELECT outbox.correlator_id, paid.correlator_id, paid.server_id, leg.account, leg.amount_minor, leg.currency, "
        "coalesce(event.state, cheque_event.state), coalesce(event.reason, cheque_event.reason), "
        "coalesce(event.at_utc, cheque_event.at_utc), receipt_number, terminal "
        "FROM outbox LEFT JOIN bank_receipt_event AS event ON event.outcome_id = outbox.source_id "
        f"LEFT JOIN cheque_event ON {OF_CHEQUE} "
        "JOIN leg USING (payment_event_id, leg) JOIN payment_event USING (payment_event_id) "
        "JOIN outbox AS paid ON paid.payment_event_id = leg.payment_event_id AND paid.leg = leg.leg "
        "AND paid.kind = 'payment' WHERE outbox.outbox_id = ? AND paid.state = 'acknowledged'",
        (outbox_id,),
    ).first()
    if row is None:
        return None
    return OutcomeFacts(
        correlator_id=row[0],
        leg_correlator_id=row[1],
        server_id=row[2],
        account=row[3],
        amount=Money(row[4], currency(row[5])),
        state=row[6],
        reason=row[7],
        decided_at=row[8],
        receipt_number=row[9],
        terminal=row[10],
    )
