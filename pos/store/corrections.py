"""Corrections as stored: what a payment still stands for, what was undone or placed anew, and what central is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from pos.domain.bill import OwnAllocation
from pos.domain.correction import CorrectionKind, TakenPart, TakenPayment, TakenTender
from pos.domain.money import Currency, Money, currency, total
from pos.domain.payment_mode import PaymentModes, Purpose
from pos.domain.posting import JournalLine
from pos.store.approvals import ApprovalFacts, approval_of_entry
from pos.store.debt_beside import beside_told
from pos.store.moved import KEPT, LIVE_MOVED, PARTS, Kept
from pos.store.outbox import MOVED_REFUND, NOT_TOLD
from pos.store.replaced_told import OtherEnd, what_replaces_it
from pos.store.times import local, utc_text
from pos.store.unsure_money import UNSURE, modes_waiting


def taken_payment(connection: Connection, receipt_number: str) -> TakenPayment | None:
    """The payment of this receipt, with what of it still stands."""
    row = connection.exec_driver_sql(
        "SELECT payment_event_id, receipt_number, shift_id, taken_at_utc, utc_offset_min, operator, payer_kind, "
        "payer_account, currency, "
        "(SELECT coalesce(sum(amount_minor), 0) FROM allocation WHERE allocation.payment_event_id = "
        "payment_event.payment_event_id), "
        "EXISTS (SELECT 1 FROM correction WHERE correction.payment_event_id = payment_event.payment_event_id), "
        "EXISTS (SELECT 1 FROM correction WHERE correction.payment_event_id = payment_event.payment_event_id "
        "AND kind IN ('void', 'reversal')), "
        "EXISTS (SELECT 1 FROM serial_of_sale WHERE serial_of_sale.payment_event_id = payment_event.payment_event_id "
        "AND kind = 'voucher_pin'), "
        "EXISTS (SELECT 1 FROM outbox WHERE outbox.payment_event_id = payment_event.payment_event_id "
        "AND kind = 'commission') FROM payment_event WHERE receipt_number = ?",
        (receipt_number,),
    ).first()
    if row is None:
        return None
    event_id, in_currency = str(row[0]), currency(row[8])
    return TakenPayment(
        payment_event_id=event_id,
        receipt_number=row[1],
        shift_id=row[2],
        taken_at=local(row[3], row[4]),
        taken_by=row[5],
        payer_kind=row[6],
        payer_account=row[7],
        amount=Money(int(row[9]), in_currency),
        tenders=tuple(_tenders(connection, event_id, in_currency)),
        parts=tuple(_parts(connection, event_id, in_currency)),
        corrected=bool(row[10]),
        voided=bool(row[11]),
        has_secrets=bool(row[12]),
        commission_credited=bool(row[13]),
    )


def _tenders(connection: Connection, event_id: str, in_currency: Currency) -> Iterator[TakenTender]:
    rows = connection.exec_driver_sql(
        "SELECT tender.tender_id, tender.number, mode, tender.amount_minor - change_minor, change_minor, "
        "tender.amount_minor - change_minor + rounding_minor, foreign_minor, foreign_currency, "
        "(SELECT state FROM cheque_event WHERE cheque_event.cheque_id = cheque.cheque_id ORDER BY number DESC LIMIT 1), "
        "cheque.cheque_id, "
        "(SELECT count(*) FROM cheque_event WHERE cheque_event.cheque_id = cheque.cheque_id), "
        "(SELECT state FROM bank_receipt_event AS told WHERE told.tender_id = tender.tender_id "
        "ORDER BY number DESC LIMIT 1), "
        "voucher_hold IS NOT NULL OR EXISTS (SELECT 1 FROM voucher_offline WHERE voucher_offline.tender_id = "
        "tender.tender_id), EXISTS (SELECT 1 FROM voucher_hold WHERE hold_id = voucher_hold "
        "AND NOT (residual = 'new_voucher' AND value_minor > tender.amount_minor)), card_attempt IS NOT NULL, "
        "EXISTS (SELECT 1 FROM tender_undone WHERE tender_undone.tender_id = tender.tender_id) "
        "FROM tender LEFT JOIN cheque ON cheque.tender_id = tender.tender_id "
        "WHERE tender.payment_event_id = ? ORDER BY tender.number",
        (event_id,),
    )
    for row in rows:
        yield TakenTender(
            tender_id=row[0],
            number=row[1],
            mode=row[2],
            kept=Money(row[3], in_currency),
            change=Money(row[4], in_currency),
            paid=Money(row[5], in_currency),
            foreign=None if row[6] is None else Money(row[6], currency(row[7])),
            cheque=row[8],
            cheque_id=row[9],
            cheque_events=int(row[10]),
            bank_receipt=row[11],
            is_voucher=bool(row[12]),
            voucher_is_whole=bool(row[13]),
            at_terminal=bool(row[14]),
            undone=bool(row[15]),
        )


def _parts(connection: Connection, event_id: str, in_currency: Currency) -> Iterator[TakenPart]:
    rows = connection.exec_driver_sql(
        "SELECT part_id, number, tender_id, leg, account, bill_no, bill_id, purpose, amount_minor, amount_minor "
        "- (SELECT coalesce(sum(amount_minor), 0) FROM correction_part WHERE correction_part.part_id = part.part_id) "
        "- (SELECT coalesce(sum(amount_minor), 0) FROM paid_back_elsewhere AS gone WHERE gone.part_id = part.part_id) "
        "- (SELECT coalesce(sum(amount_minor), 0) FROM suspense_transfer WHERE suspense_id = part.part_id), placed "
        "FROM (SELECT allocation_id AS part_id, number, tender_id, leg, account, bill_no, bill_id, "
        "CASE WHEN sale_line IS NOT NULL THEN 'items' WHEN bill_no IS NOT NULL THEN 'bills' ELSE "
        "coalesce(kept_as, 'account') END AS purpose, amount_minor, 0 AS placed FROM allocation WHERE payment_event_id = ?1 "
        "UNION ALL SELECT part_id, placed_part.rowid, tender_id, leg, account, bill_no, bill_id, "
        "CASE WHEN bill_no IS NOT NULL THEN 'bills' ELSE coalesce(kept_as, 'account') END, amount_minor, 1 "
        "FROM placed_part WHERE payment_event_id = ?1) AS part ORDER BY placed, number",
        (event_id,),
    )
    for row in rows:
        yield TakenPart(
            part_id=row[0],
            number=row[1],
            tender_id=row[2],
            leg=row[3],
            account=row[4],
            bill_no=row[5],
            bill_id=row[6],
            purpose=Purpose(row[7]),
            amount=Money(row[8], in_currency),
            left=Money(row[9], in_currency),
            placed=bool(row[10]),
        )


def lines_booked(connection: Connection, event_id: str) -> list[JournalLine]:
    """Every journal line that a payment was posted with."""
    return _booked(connection, event_id, "source_kind IN ('payment', 'bill_write_off', 'write_off_recovery')")


def fee_booked(connection: Connection, correction_id: str) -> list[JournalLine]:
    """The lines that the fee of a dishonour was posted with: income, and its tax."""
    fee = f"source_kind = 'dishonour' AND (ledger_account = 'fee_income' OR {IS_OUTPUT_TAX})"
    return _booked(connection, correction_id, fee)


IS_OUTPUT_TAX = "(ledger_account = 'output_tax' OR ledger_account GLOB 'output_tax:*')"
"""Of a journal line: the output tax, or its part at one rate."""


def _booked(connection: Connection, source_id: str, condition: str) -> list[JournalLine]:
    rows = connection.exec_driver_sql(
        "SELECT ledger_account, account, debit_minor, credit_minor, currency FROM journal_entry "
        f"JOIN journal_line USING (entry_id) WHERE source_id = ? AND {condition} ORDER BY journal_entry.rowid, line_no",
        (source_id,),
    )
    return [
        JournalLine(
            ledger_account=row[0],
            account=row[1],
            debit=Money(row[2], currency(row[4])),
            credit=Money(row[3], currency(row[4])),
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class SoldLine:
    """A line of a sale as it was booked; ``override_reason`` where the price was not the item's own (``list_price``)."""

    item: str
    quantity: int
    unit_price: Money
    list_price: Money
    override_reason: str | None
    serials: tuple[str, ...]


def lines_sold(connection: Connection, event_id: str) -> list[SoldLine]:
    """The items of a payment, with the serial numbers of their pieces; of a secret one its end only."""
    serials: dict[int, list[str]] = {}
    for line, serial in connection.exec_driver_sql(
        "SELECT line, serial FROM serial_of_sale WHERE payment_event_id = ? ORDER BY line, serial",
        (event_id,),
    ):
        serials.setdefault(int(line), []).append(str(serial))
    rows = connection.exec_driver_sql(
        "SELECT number, item, quantity, unit_price_minor, list_price_minor, override_reason, currency FROM v_sale_line "
        "WHERE payment_event_id = ? ORDER BY number",
        (event_id,),
    )
    return [
        SoldLine(
            item=row[1],
            quantity=row[2],
            unit_price=Money(row[3], currency(row[6])),
            list_price=Money(row[4], currency(row[6])),
            override_reason=row[5],
            serials=tuple(serials.get(int(row[0]), ())),
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRefund:
    """A refund, or the part of one, that is no cash: owed to the payer until somebody says that it was paid."""

    correction_id: str
    paper: str
    account: str
    amount: Money
    at: datetime
    settled: bool


_REFUNDS = (
    "SELECT refund_id, receipt_number, payer_account, amount_minor - cash_minor - off_minor AS owed, currency, "
    "at_utc, utc_offset_min, "
    "EXISTS (SELECT 1 FROM refund_settled WHERE refund_settled.correction_id = refund_id) AS settled FROM refund_made "
)


def open_refunds(connection: Connection, *, limit: int) -> list[OpenRefund]:
    """Those that nobody has paid yet, the oldest first."""
    rows = connection.exec_driver_sql(
        f"SELECT * FROM ({_REFUNDS}) WHERE owed > 0 AND NOT settled ORDER BY at_utc LIMIT ?", (limit,)
    )
    return [_refund(row) for row in rows]


def refund_by_paper(connection: Connection, number: str) -> OpenRefund | None:
    """The refund of this paper, if any of it is no cash."""
    row = connection.exec_driver_sql(
        f"SELECT * FROM ({_REFUNDS} WHERE receipt_number = ?) WHERE owed > 0", (number,)
    ).first()
    return None if row is None else _refund(row)


def _refund(row: Sequence[Any]) -> OpenRefund:
    return OpenRefund(
        correction_id=row[0],
        paper=row[1],
        account=row[2],
        amount=Money(row[3], currency(row[4])),
        at=local(row[5], row[6]),
        settled=bool(row[7]),
    )


def took_it(connection: Connection, taken: TakenPayment) -> list[str]:
    """Who took a payment: also whoever took it first, where it was keyed anew since."""
    rows = connection.exec_driver_sql(
        "WITH RECURSIVE before (event) AS (SELECT ? UNION SELECT correction.payment_event_id FROM before "
        "JOIN tender_swap ON tender_swap.payment_event_id = before.event JOIN correction USING (correction_id)) "
        "SELECT operator FROM before JOIN payment_event ON payment_event_id = event",
        (taken.payment_event_id,),
    )
    return list(dict.fromkeys([taken.taken_by, *(str(row[0]) for row in rows)]))


def sure_tenders(
    connection: Connection, event_id: str, modes: PaymentModes, *, cleared_by: datetime | None = None
) -> set[str]:
    """The tenders of a payment whose money waits for nothing; without cheques that cleared after ``cleared_by``."""
    waiting = modes_waiting([code for code, mode in modes.by_code.items() if mode.final_when])
    rows = connection.exec_driver_sql(
        f"SELECT tender_id FROM tender WHERE payment_event_id = ? AND NOT ({UNSURE}) AND NOT EXISTS ("
        "SELECT 1 FROM cheque JOIN cheque_event USING (cheque_id) WHERE cheque.tender_id = tender.tender_id "
        "AND state = 'cleared' AND at_utc > ?)",
        (event_id, waiting, "9" if cleared_by is None else utc_text(cleared_by)),
    )
    return {str(tender_id) for (tender_id,) in rows}


def times_moved(connection: Connection, event_id: str) -> int:
    """How often money of a payment was moved to another account."""
    found = connection.exec_driver_sql(
        "SELECT count(*) FROM correction WHERE payment_event_id = ? AND kind = 'transfer'", (event_id,)
    ).scalar_one()
    return int(found)


# --- what is open ------------------------------------------------------------------------------------------------

_CORRECTED = (
    "SELECT bill_no, account, amount_minor, currency, correlator_id, server_id, applied_change "
    "FROM corrected_part WHERE "
)


def corrected_bills(
    connection: Connection, bill_no: str | None = None
) -> Iterator[tuple[str, OwnAllocation]]:
    """What corrections did to a bill, or to any: parts that were undone (negative) and parts placed there."""
    where = "bill_no IS NOT NULL" if bill_no is None else "bill_no = ?"
    values = () if bill_no is None else (bill_no,)
    for row in connection.exec_driver_sql(_CORRECTED + where, values):
        yield str(row[0]), _own(tuple(row))


def corrected_credits(
    connection: Connection, account: str | None, kept_as: Purpose
) -> Iterator[tuple[str, OwnAllocation]]:
    """What corrections did to money on an account, or on any, that is kept as ``kept_as``."""
    where = "bill_no IS NULL AND NOT is_item AND kept_as IS ?"
    values: tuple[str | None, ...] = (None if kept_as is Purpose.ACCOUNT else str(kept_as),)
    if account is not None:
        where, values = f"{where} AND account = ?", (*values, account)
    for row in connection.exec_driver_sql(_CORRECTED + where, values):
        yield str(row[1]), _own(tuple(row))


def _own(row: tuple[object, ...]) -> OwnAllocation:
    bill_no, _, minor, code, correlator_id, server_id, applied_change = row
    assert isinstance(minor, int)
    assert applied_change is None or isinstance(applied_change, int)
    return OwnAllocation(
        bill_no="" if bill_no is None else str(bill_no),
        amount=Money(minor, currency(str(code))),
        correlator_id=str(correlator_id),
        server_id=None if server_id is None else str(server_id),
        applied_change=applied_change,
    )


# --- what central is told ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedFacts:
    """Where money was, or moved money went: the account, and the bill by central's id (None: there as ``kept_as``)."""

    account: str
    bill_id: str | None
    kept_as: Purpose
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundFacts:
    """All that central is told of what was undone of one leg. ``payment_body`` is what it was told of the payment, and
    ``method_body`` of the leg that the money came by; both are one, but for money that was moved before.

    ``bills`` are the parts that paid bills, by the bill's id at central, ``kept`` those that were on an account; the rest
    was for items. ``write_offs`` are the rests of bills that are owed again, ``recovered`` the written-off debt that is
    given up again; where money counts again, the rests that are cleared anew, and the debt that comes back anew.
    ``placed`` is where the money of a transfer or re-allocation went instead.
    ``operator`` corrected what ``taken_by`` had taken, alone or by somebody's ``approval``.
    ``hold_id`` names what central holds for it, ``moved_to`` the payment that answers it at a server without moves.
    ``cheque_state``: what a cheque that bounced, or counts again, is by it; ``replaced_by`` is what was given in its place.
    """

    correlator_id: str
    leg_correlator_id: str
    server_id: str
    payment_body: bytes
    method_body: bytes
    kind: CorrectionKind
    amount: Money
    reason_code: str
    reason: str | None
    corrected_at: datetime
    receipt_number: str
    terminal: str
    shift_id: str | None
    bills: Mapping[str, Money]
    kept: tuple[PlacedFacts, ...]
    write_offs: Mapping[str, Money]
    recovered: Money
    placed: tuple[PlacedFacts, ...]
    operator: str
    taken_by: str
    approval: ApprovalFacts | None
    hold_id: str | None = None
    moved_to: str | None = None
    cheque_state: str | None = None
    replaced_by: OtherEnd | None = None


def refund_facts(
    connection: Connection, outbox_id: int, *, by_standard: bool = False
) -> RefundFacts | Kept | None:
    """What the row ``outbox_id`` tells; None while central has not acknowledged the payment that it is about.

    ``by_standard``: to a server that has no moves, which is told apart what is of money that was moved before, and where
    money is moved to. KEPT: nothing is left to tell it.
    """
    row = connection.exec_driver_sql(
        "SELECT told.correlator_id, paid.correlator_id, paid.server_id, paid.body, kind_of.kind, kind_of.reason_code, "
        "kind_of.reason, at_utc, kind_of.utc_offset_min, kind_of.receipt_number, event.terminal, kind_of.shift_id, "
        "kind_of.currency, told.payment_event_id, told.leg, kind_of.correction_id, kind_of.tender_id, leg.tender_id, "
        "kind_of.operator, event.operator, "
        "(SELECT hold_id FROM refund_hold WHERE used_by = kind_of.correction_id), taken.body, told.kind, "
        "substr(told.source_id, length(correction_id) + 2, length(correction_id)) AS placed_by, "
        "CASE kind_of.kind WHEN 'dishonour' THEN 'dishonoured' WHEN 'reinstatement' THEN ("
        "SELECT iif(undoes, was, 'represented') FROM reinstatement JOIN dishonour "
        "ON dishonour.correction_id = of_correction WHERE reinstatement.correction_id = kind_of.correction_id) END, "
        "told.account "
        "FROM outbox AS told JOIN correction AS kind_of ON kind_of.payment_event_id = told.payment_event_id "
        "AND told.source_id BETWEEN correction_id AND correction_id || '-~' "
        "JOIN payment_event AS event ON event.payment_event_id = told.payment_event_id "
        "JOIN leg ON leg.payment_event_id = told.payment_event_id AND leg.leg = told.leg "
        "JOIN outbox AS taken ON taken.payment_event_id = told.payment_event_id AND taken.leg = told.leg "
        "AND taken.kind = 'payment' JOIN outbox AS paid ON paid.payment_event_id = told.payment_event_id "
        "AND paid.leg = told.leg AND CASE told.kind WHEN 'refund' THEN paid.source_id = '' "
        "ELSE paid.kind = 'moved' AND paid.account = told.account AND substr(paid.source_id, 1, length(correction_id)) = "
        "substr(told.source_id, length(correction_id) + 2, length(correction_id)) END "
        "WHERE told.outbox_id = ? AND paid.state = 'acknowledged'",
        (outbox_id,),
    ).first()
    if row is None:
        return None
    in_currency, event_id, leg, correction_id = currency(row[12]), row[13], row[14], row[15]
    of_moved = row[22] == MOVED_REFUND
    which = f"NOT {LIVE_MOVED}" if by_standard else "TRUE"
    if of_moved:
        which = "part.placed_by = ? AND part.account = ?"
    undone = connection.exec_driver_sql(
        "SELECT part.bill_id, part.purpose, sum(corrected.amount_minor), part.account FROM correction_part AS corrected "
        f"JOIN {PARTS} AS part USING (part_id) "
        f"WHERE corrected.correction_id = ? AND part.payment_event_id = ? AND part.leg = ? AND {which} "
        "GROUP BY bill_id, purpose, CASE WHEN bill_id IS NULL THEN part.account END ORDER BY 1, 2, 4",
        (correction_id, event_id, leg, *([row[23], row[25]] if of_moved else [])),
    ).all()
    if (by_standard and not undone) or row[2] == NOT_TOLD:
        return KEPT
    amounts = [
        PlacedFacts(
            account=account, bill_id=bill_id, kept_as=Purpose(purpose), amount=Money(minor, in_currency)
        )
        for bill_id, purpose, minor, account in undone
    ]
    kind = CorrectionKind(row[4])
    placed = tuple(_placed(connection, correction_id, leg, in_currency))
    beside = beside_told(connection, correction_id, event_id, leg, in_currency)
    # What stood beside the leg is told once, with the leg's own part where there is one.
    is_here = not of_moved or _is_first_told(connection, correction_id, event_id, leg, outbox_id)
    return RefundFacts(
        correlator_id=row[0],
        leg_correlator_id=row[1],
        server_id=row[2],
        payment_body=bytes(row[3]),
        method_body=bytes(row[21]),
        kind=kind,
        amount=total((part.amount for part in amounts or placed), in_currency),
        reason_code=row[5],
        reason=row[6],
        corrected_at=local(row[7], row[8]),
        receipt_number=row[9],
        terminal=row[10],
        shift_id=row[11],
        bills={str(part.bill_id): part.amount for part in amounts if part.kept_as is Purpose.BILLS},
        kept=tuple(part for part in amounts if part.kept_as not in (Purpose.BILLS, Purpose.ITEMS)),
        write_offs=beside.write_offs if is_here else {},
        recovered=beside.recovered if is_here else Money(0, in_currency),
        placed=() if by_standard else placed,
        moved_to=f"{correction_id}-{leg}-to" if by_standard and kind.moves else None,
        operator=row[18],
        taken_by=row[19],
        approval=approval_of_entry(connection, correction_id),
        hold_id=row[20],
        cheque_state=row[24],
        replaced_by=None if row[16] is None else what_replaces_it(connection, row[16]),
    )


def _is_first_told(
    connection: Connection, correction_id: str, event_id: str, leg: int, outbox_id: int
) -> bool:
    """Whether nothing of a correction is told of the leg itself, and of what was moved before this row tells first."""
    first = connection.exec_driver_sql(
        "SELECT min(outbox_id) FROM outbox WHERE payment_event_id = ?1 AND leg = ?2 AND kind = 'moved_refund' "
        "AND source_id BETWEEN ?3 || '-' AND ?3 || '-~' AND NOT EXISTS (SELECT 1 FROM correction_part AS corrected "
        f"JOIN {PARTS} AS part USING (part_id) WHERE corrected.correction_id = ?3 AND part.payment_event_id = ?1 "
        f"AND part.leg = ?2 AND NOT {LIVE_MOVED})",
        (event_id, leg, correction_id),
    ).scalar_one()
    return bool(first == outbox_id)


def _placed(
    connection: Connection, correction_id: str, leg: int, in_currency: Currency
) -> Iterator[PlacedFacts]:
    rows = connection.exec_driver_sql(
        "SELECT account, bill_id, kept_as, amount_minor FROM placed_part WHERE correction_id = ? AND leg = ? "
        "ORDER BY number",
        (correction_id, leg),
    )
    for account, bill_id, kept_as, minor in rows:
        yield PlacedFacts(
            account=account,
            bill_id=bill_id,
            kept_as=Purpose(kept_as) if kept_as else Purpose.BILLS if bill_id else Purpose.ACCOUNT,
            amount=Money(minor, in_currency),
        )
