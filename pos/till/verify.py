"""Checking the books from scratch: chain, journal, numbers, balances, allocations, shifts, outbox.

Each finding names what is wrong and where. Nothing is repaired. Source: reliability.md section 2.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection

from pos.domain.bill import open_on
from pos.domain.money import Money, currency
from pos.domain.payment_mode import ModeKind
from pos.domain.tender import instrument_of
from pos.store import cache as cached
from pos.store.corrections import IS_OUTPUT_TAX
from pos.store.payments import all_own_allocations
from pos.till.desk import Desk
from pos.till.lost_mark import UNCONFIRMED
from pos.till.verify_across import ACROSS_CHECKS
from pos.till.verify_bags import BAG_CHECKS
from pos.till.verify_cash import CASH_CHECKS, UNREADABLE, misvalued_notes
from pos.till.verify_corrections import CORRECTION_CHECKS
from pos.till.verify_dealers import DEALER_CHECKS
from pos.till.verify_debits import DEBIT_CHECKS
from pos.till.verify_deposits import DEPOSIT_CHECKS
from pos.till.verify_dishonours import DISHONOUR_CHECKS
from pos.till.verify_ledger import LEDGER_CHECKS, altered_batches
from pos.till.verify_rows import Finding, verify_rows
from pos.till.voucher_tender import voucher_instrument

__all__ = ["Finding", "verify_books"]

_CHECKS: tuple[tuple[str, str], ...] = (
    ("lost_mark_is_answered_for", UNCONFIRMED),
    (
        "journal_entry_balances",
        "SELECT entry_id || ' ' || currency FROM journal_line GROUP BY entry_id, currency "
        "HAVING sum(debit_minor) <> sum(credit_minor)",
    ),
    (
        "journal_line_has_entry",
        "SELECT entry_id FROM journal_line WHERE entry_id NOT IN (SELECT entry_id FROM journal_entry)",
    ),
    (
        "journal_entry_has_lines",
        "SELECT entry_id FROM journal_entry WHERE entry_id NOT IN (SELECT entry_id FROM journal_line)",
    ),
    (
        "tenders_make_the_amount",
        "SELECT payment_event_id FROM payment_event WHERE amount_minor IS NOT (SELECT sum(amount_minor - change_minor "
        "+ rounding_minor) FROM tender WHERE tender.payment_event_id = payment_event.payment_event_id "
        "AND tender.currency = payment_event.currency)",
    ),
    (
        "allocations_make_the_amount",
        "SELECT payment_event_id FROM payment_event WHERE amount_minor IS NOT (SELECT sum(amount_minor) FROM allocation "
        "WHERE allocation.payment_event_id = payment_event.payment_event_id "
        "AND allocation.currency = payment_event.currency)",
    ),
    (
        "tender_funds_what_it_brought",
        "SELECT tender_id FROM tender WHERE amount_minor - change_minor + rounding_minor IS NOT (SELECT sum(amount_minor) "
        "FROM allocation WHERE allocation.tender_id = tender.tender_id)",
    ),
    (
        "imported_record_is_its_slip",
        "SELECT record_id FROM imported_record JOIN imported_record_state USING (record_id) WHERE tender_id IS NOT NULL "
        "AND imported_record.instrument IS NOT (SELECT instrument FROM instrument_of_tender AS paper "
        "WHERE paper.tender_id = imported_record_state.tender_id)",
    ),
    (
        "waiting_record_has_no_slip",
        "SELECT record_id FROM v_imported_record JOIN imported_record USING (record_id) WHERE state = 'waiting' "
        "AND instrument IN (SELECT instrument FROM living_instrument)",
    ),
    (
        "payments_make_the_amount",
        "SELECT payment_event_id FROM payment_event WHERE amount_minor IS NOT (SELECT sum(amount_minor) FROM payment "
        "WHERE payment.payment_event_id = payment_event.payment_event_id)",
    ),
    (
        "legs_make_the_amount",
        "SELECT payment_event_id FROM payment_event WHERE amount_minor IS NOT (SELECT sum(amount_minor) FROM leg "
        "WHERE leg.payment_event_id = payment_event.payment_event_id)",
    ),
    (
        "event_is_in_the_journal",
        "SELECT payment_event_id FROM payment_event WHERE amount_minor IS NOT (SELECT sum(iif(ledger_account = "
        "'commission_expense', -debit_minor, credit_minor)) FROM journal_entry "
        "JOIN journal_line USING (entry_id) WHERE source_kind = 'payment' AND source_id = payment_event_id "
        "AND ledger_account NOT IN ('cash_rounding', 'cash_in_till'))",
    ),
    (
        "event_has_its_receipt",
        "SELECT payment_event_id FROM payment_event WHERE NOT EXISTS (SELECT 1 FROM receipt "
        "WHERE receipt.payment_event_id = payment_event.payment_event_id "
        "AND receipt.receipt_number = payment_event.receipt_number)",
    ),
    (
        "receipt_has_its_event",
        "SELECT receipt_number FROM receipt WHERE CASE WHEN payment_event_id IS NULL THEN kind = 'payment' "
        "ELSE payment_event_id NOT IN (SELECT payment_event_id FROM payment_event) END",
    ),
    (
        "note_has_its_cheque",
        "SELECT receipt_number FROM receipt LEFT JOIN post_dated_cheque AS held USING (receipt_number) "
        "WHERE (receipt.kind = 'post_dated_note') <> (held.receipt_number IS NOT NULL) "
        "OR iif(json_valid(facts_json), json_extract(facts_json, '$.total') <> held.amount_minor "
        "OR json_extract(facts_json, '$.payer_account') <> held.payer_account, 0)",
    ),
    (
        "post_dated_cheque_has_its_note",
        "SELECT post_dated_id FROM post_dated_cheque WHERE receipt_number NOT IN (SELECT receipt_number FROM receipt) "
        "OR NOT EXISTS (SELECT 1 FROM post_dated_event WHERE number = 1 "
        "AND post_dated_event.post_dated_id = post_dated_cheque.post_dated_id)",
    ),
    (
        "post_dated_cheque_is_no_payment",
        "SELECT post_dated_id FROM post_dated_cheque WHERE (post_dated_id IN (SELECT source_id FROM journal_entry) "
        "OR post_dated_id IN (SELECT payment_event_id FROM payment_event)) "
        "AND post_dated_id NOT IN (SELECT post_dated_id FROM post_dated_event WHERE state = 'credited')",
    ),
    (
        "credited_cheque_is_its_payment",
        "SELECT post_dated_id FROM post_dated_event JOIN post_dated_cheque AS held USING (post_dated_id) "
        "WHERE state = 'credited' AND NOT EXISTS (SELECT 1 FROM payment_event AS paid JOIN tender USING (payment_event_id) "
        "JOIN cheque USING (tender_id) WHERE paid.payment_event_id = held.post_dated_id "
        "AND paid.amount_minor = held.amount_minor AND paid.payer_account = held.payer_account "
        "AND (cheque.bank, cheque.branch, cheque.bank_account, cheque.serial, cheque.cheque_date, cheque.amount_minor, "
        "cheque.currency) = (held.bank, held.branch, held.bank_account, held.serial, held.cheque_date, held.amount_minor, "
        "held.currency))",
    ),
    (
        "slip_has_its_cheque_given_back",
        "SELECT receipt.receipt_number FROM receipt LEFT JOIN post_dated_event USING (receipt_number) "
        "LEFT JOIN post_dated_cheque AS held USING (post_dated_id) "
        "LEFT JOIN cheque_event AS went ON went.state IN ('returned', 'replaced') AND went.reason = receipt.receipt_number "
        "LEFT JOIN cheque USING (cheque_id) WHERE (receipt.kind = 'cheque_given_back') "
        "<> (held.post_dated_id IS NOT NULL OR cheque.cheque_id IS NOT NULL AND receipt.kind = 'cheque_given_back') "
        "OR iif(json_valid(facts_json) AND receipt.kind = 'cheque_given_back', "
        "json_extract(facts_json, '$.total') <> coalesce(held.amount_minor, cheque.amount_minor), 0) "
        "UNION SELECT post_dated_id FROM post_dated_event WHERE receipt_number NOT IN (SELECT receipt_number FROM receipt)",
    ),
    (
        "receipt_numbers_have_no_gap",
        "SELECT series FROM receipt GROUP BY series HAVING count(*) <> max(counter) OR min(counter) <> 1",
    ),
    (
        "sequence_has_no_gap",
        "SELECT terminal || ' ' || epoch FROM payment_event GROUP BY terminal, epoch "
        "HAVING count(*) <> max(sequence) OR min(sequence) <> 1",
    ),
    (
        "no_number_was_lost",
        "SELECT name FROM counter WHERE value <> coalesce(CASE "
        "WHEN name LIKE 'receipt:%' THEN (SELECT max(counter) FROM receipt WHERE series = substr(name, 9)) "
        "WHEN name LIKE 'sequence:%' THEN (SELECT max(sequence) FROM payment_event WHERE epoch = substr(name, 10)) "
        "WHEN name = 'audit' THEN (SELECT max(audit_id) FROM audit) "
        "WHEN name = 'debit_collection' THEN (SELECT max(number) FROM debit_collection) "
        "WHEN name = 'debit_charge' THEN (SELECT count(*) FROM debit_charge) "
        "WHEN name = 'mandate_step' THEN (SELECT count(*) FROM mandate_step) "
        "WHEN name = 'shift' THEN (SELECT max(number) FROM shift) END, 0)",
    ),
    (
        "leg_is_in_the_outbox",
        "SELECT payment_event_id || '-' || leg FROM leg WHERE NOT EXISTS (SELECT 1 FROM outbox "
        "WHERE outbox.payment_event_id = leg.payment_event_id AND outbox.leg = leg.leg AND kind = 'payment')",
    ),
    (
        "outbox_row_has_its_leg",
        "SELECT correlator_id FROM outbox WHERE kind NOT IN ('refund_across', 'charge') AND NOT EXISTS (SELECT 1 FROM leg "
        "WHERE outbox.payment_event_id = leg.payment_event_id AND outbox.leg = leg.leg)",
    ),
    (
        "bank_receipt_is_presented",
        "SELECT instrument FROM instrument_of_tender WHERE instrument LIKE 'bank_receipt|%' AND tender_id NOT IN "
        "(SELECT tender_id FROM bank_receipt_event WHERE state = 'presented')",
    ),
    (
        "bank_receipt_goes_its_steps",
        "SELECT event.tender_id FROM bank_receipt_event AS event LEFT JOIN bank_receipt_event AS last "
        "ON last.tender_id = event.tender_id AND last.number = event.number - 1 WHERE coalesce(last.state, '-') || ' ' || "
        "event.state NOT IN ('- presented', 'presented verified', 'presented rejected', 'rejected verified', "
        "'rejected settled', 'settled verified')",
    ),
    (
        "bank_receipt_outcome_is_posted",
        "SELECT outcome_id FROM bank_receipt_event JOIN tender USING (tender_id) WHERE state IN ('verified', 'rejected') "
        "AND amount_minor - change_minor IS NOT (SELECT sum(debit_minor) FROM journal_entry JOIN journal_line "
        "USING (entry_id) WHERE source_kind = 'bank_receipt' AND source_id = outcome_id)",
    ),
    (
        "bank_receipt_outcome_is_in_the_outbox",
        "SELECT outcome_id || ' ' || leg.leg FROM bank_receipt_event JOIN leg USING (tender_id) WHERE state <> 'presented' "
        "AND NOT EXISTS (SELECT 1 FROM outbox WHERE kind = 'outcome' AND source_id = outcome_id "
        "AND outbox.payment_event_id = leg.payment_event_id AND outbox.leg = leg.leg)",
    ),
    (
        "outbox_outcome_has_its_deed",
        "SELECT correlator_id FROM outbox WHERE kind = 'outcome' "
        "AND source_id NOT IN (SELECT outcome_id FROM bank_receipt_event) "
        "AND source_id NOT IN (SELECT cheque_id || '-' || number FROM cheque_event "
        "WHERE state IN ('cleared', 'returned', 'replaced'))",
    ),
    (
        "cleared_cheque_is_told",
        "SELECT cheque_id FROM cheque_event JOIN cheque USING (cheque_id) JOIN leg USING (tender_id) "
        "WHERE state = 'cleared' AND coalesce(reason, '') <> 'bank_error' "
        "AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.kind = 'outcome' "
        "AND outbox.payment_event_id = leg.payment_event_id AND outbox.leg = leg.leg "
        "AND source_id = cheque_id || '-' || cheque_event.number)",
    ),
    (
        "cheque_tender_is_registered",
        "SELECT tender_id FROM tender WHERE mode IN ({cheque}) AND tender_id NOT IN (SELECT tender_id FROM cheque)",
    ),
    (
        "instrument_has_its_tender",
        "SELECT instrument FROM instrument_of_tender WHERE tender_id NOT IN (SELECT tender_id FROM tender)",
    ),
    (
        "sale_line_is_paid_whole",
        "SELECT payment_event_id || ' ' || number FROM sale_line WHERE amount_minor IS NOT (SELECT coalesce(sum("
        "amount_minor), 0) FROM allocation WHERE allocation.payment_event_id = sale_line.payment_event_id "
        "AND allocation.sale_line = sale_line.number) + coalesce((SELECT deducted_minor FROM commission_line AS earned "
        "WHERE earned.payment_event_id = sale_line.payment_event_id AND earned.line = sale_line.number), 0)",
    ),
    *DEALER_CHECKS,
    *DEPOSIT_CHECKS,
    *BAG_CHECKS,
    *DISHONOUR_CHECKS,
    *DEBIT_CHECKS,
    *CORRECTION_CHECKS,
    *LEDGER_CHECKS,
    (
        "sale_is_posted",
        "SELECT payment_event_id FROM sale_line GROUP BY payment_event_id HAVING sum(amount_minor) <> (SELECT coalesce(sum("
        "credit_minor - debit_minor), 0) FROM journal_entry JOIN journal_line USING (entry_id) "
        "WHERE source_kind = 'payment' AND source_id = payment_event_id "
        f"AND (ledger_account IN ('item_revenue', 'advances_received') OR {IS_OUTPUT_TAX}))",
    ),
    (
        "serials_match_the_quantity",
        "SELECT payment_event_id || ' ' || line FROM serial_of_sale GROUP BY payment_event_id, line HAVING count(*) <> ("
        "SELECT quantity FROM sale_line WHERE sale_line.payment_event_id = serial_of_sale.payment_event_id "
        "AND sale_line.number = serial_of_sale.line)",
    ),
    (
        "voucher_is_held_for_its_payment",
        "SELECT tender_id FROM tender JOIN voucher_hold ON hold_id = voucher_hold "
        "WHERE voucher_hold.payment_event_id <> tender.payment_event_id OR state <> 'used'",
    ),
    (
        "card_is_approved_for_its_payment",
        "SELECT tender_id FROM tender JOIN card_attempt ON attempt_id = tender.card_attempt "
        "WHERE card_attempt.payment_event_id <> tender.payment_event_id OR (state = 'used') = (tender_id IN ("
        "SELECT tender_id FROM tender_undone)) OR state NOT IN ('used', 'reversing', 'reversed') "
        "OR card_attempt.amount_minor <> tender.amount_minor OR card_attempt.mode <> tender.mode",
    ),
    (
        "used_card_has_its_tender",
        "SELECT attempt_id FROM card_attempt WHERE state = 'used' "
        "AND attempt_id NOT IN (SELECT card_attempt FROM tender WHERE card_attempt IS NOT NULL) "
        "AND (instrument IS NULL OR instrument NOT IN ("
        "SELECT instrument FROM instrument JOIN tender USING (tender_id) WHERE tender.card_attempt IS NULL))",
    ),
    (
        "card_that_was_given_back_pays_nothing",
        "SELECT tender_id FROM card_attempt JOIN living_instrument USING (instrument) JOIN tender USING (tender_id) "
        "WHERE state IN ('reversing', 'reversed') AND tender.card_attempt IS NULL",
    ),
    (
        "offline_voucher_pays_its_tender",
        "SELECT voucher_offline.tender_id FROM voucher_offline LEFT JOIN tender USING (tender_id) "
        "WHERE voucher_offline.amount_minor IS NOT tender.amount_minor OR tender.voucher_hold IS NOT NULL",
    ),
    (
        "event_is_in_a_shift",
        "SELECT payment_event_id FROM payment_event LEFT JOIN run_payment USING (payment_event_id) WHERE CASE "
        "WHEN shift_id IS NULL THEN run_id IS NULL "
        "ELSE run_id IS NOT NULL OR shift_id NOT IN (SELECT shift_id FROM shift) END",
    ),
    (
        "one_shift_is_open",
        "SELECT 'shifts open' FROM shift WHERE shift_id NOT IN (SELECT shift_id FROM shift_close) "
        "GROUP BY 1 HAVING count(*) > 1",
    ),
    (
        "cash_rounding_is_booked",
        "SELECT payment_event_id FROM tender GROUP BY payment_event_id HAVING sum(rounding_minor) <> coalesce((SELECT "
        "sum(debit_minor - credit_minor) FROM journal_entry JOIN journal_line USING (entry_id) "
        "WHERE source_kind = 'payment' AND source_id = payment_event_id AND ledger_account = 'cash_rounding'), 0)",
    ),
    *CASH_CHECKS,
    *ACROSS_CHECKS,
    (
        "write_offs_are_booked",
        "SELECT payment_event_id FROM payment_event WHERE (SELECT coalesce(sum(amount_minor), 0) FROM bill_write_off "
        "WHERE bill_write_off.payment_event_id = payment_event.payment_event_id) <> coalesce((SELECT sum(debit_minor) "
        "FROM journal_entry JOIN journal_line USING (entry_id) WHERE source_kind = 'bill_write_off' "
        "AND source_id = payment_event_id AND ledger_account = 'tolerance_write_off'), 0)",
    ),
    (
        "recoveries_are_booked",
        "SELECT payment_event_id FROM payment_event WHERE (SELECT coalesce(sum(amount_minor), 0) FROM recovery "
        "WHERE recovery.payment_event_id = payment_event.payment_event_id) <> coalesce((SELECT sum(credit_minor) "
        "FROM journal_entry JOIN journal_line USING (entry_id) WHERE source_kind = 'write_off_recovery' "
        "AND source_id = payment_event_id AND ledger_account = 'write_off_recovery'), 0)",
    ),
    (
        "suspense_is_explained",
        "SELECT currency FROM journal_line WHERE ledger_account = 'suspense' GROUP BY currency "
        "HAVING sum(credit_minor - debit_minor) <> (SELECT coalesce(sum(amount_minor), 0) FROM suspense "
        "WHERE suspense.currency = journal_line.currency) - (SELECT coalesce(sum(amount_minor), 0) "
        "FROM suspense_transfer WHERE suspense_transfer.currency = journal_line.currency) - (SELECT coalesce(sum("
        "correction_part.amount_minor), 0) FROM correction_part JOIN suspense ON suspense_id = part_id "
        "WHERE suspense.currency = journal_line.currency)",
    ),
    (
        "suspense_is_what_was_kept_there",
        "SELECT suspense_id FROM suspense WHERE amount_minor IS NOT (SELECT amount_minor FROM allocation "
        "WHERE allocation_id = suspense_id AND kept_as = 'suspense') UNION "
        "SELECT allocation_id FROM allocation WHERE kept_as = 'suspense' "
        "AND allocation_id NOT IN (SELECT suspense_id FROM suspense)",
    ),
    (
        "suspense_is_not_overdrawn",
        "SELECT suspense_id FROM suspense WHERE amount_minor < (SELECT coalesce(sum(amount_minor), 0) "
        "FROM suspense_transfer WHERE suspense_transfer.suspense_id = suspense.suspense_id)",
    ),
    (
        "suspense_transfer_is_booked",
        "SELECT transfer_id FROM suspense_transfer WHERE amount_minor IS NOT (SELECT sum(debit_minor) FROM journal_entry "
        "JOIN journal_line USING (entry_id) WHERE source_kind = 'suspense_resolved' AND source_id = transfer_id) "
        "OR amount_minor IS NOT (SELECT sum(amount_minor) FROM suspense_transfer_part AS part "
        "WHERE part.transfer_id = suspense_transfer.transfer_id)",
    ),
    (
        "suspense_transfer_is_in_the_outbox",
        "SELECT transfer_id FROM suspense_transfer AS moved JOIN suspense USING (suspense_id) WHERE NOT EXISTS ("
        "SELECT 1 FROM outbox WHERE kind = 'transfer' AND source_id = transfer_id AND outbox.account = moved.account "
        "AND outbox.payment_event_id = suspense.payment_event_id AND outbox.leg = suspense.leg)",
    ),
    (
        "outbox_transfer_has_its_deed",
        "SELECT correlator_id FROM outbox WHERE kind = 'transfer' "
        "AND source_id NOT IN (SELECT transfer_id FROM suspense_transfer)",
    ),
)


def verify_books(desk: Desk, *, caught_up: bool = True, rows: bool = True) -> list[Finding]:
    """Every broken promise in the books, and in the cache what does not follow from them.

    ``caught_up`` False: the home is only read, so the cache may be a moment (or a crash) behind the books, which its next
    owner mends; its open amounts are left out. ``rows`` False: the chain was walked already.
    """
    modes = {
        str(kind): ", ".join(f"'{mode.code}'" for mode in desk.modes.of_kind(kind)) or "NULL"
        for kind in ModeKind
    }
    accounts = {mode.ledger_account for mode in desk.modes.of_kind(ModeKind.CHEQUE)}
    modes["cheques_lie_in"] = ", ".join(
        "'{}'".format(account.replace("'", "''")) for account in sorted(accounts)
    )
    with desk.till.read() as connection:
        findings = [
            Finding(check=check, where=str(row[0]))
            for check, statement in _CHECKS
            for row in connection.exec_driver_sql(statement.format_map(modes))
        ]
        findings += verify_rows(connection, desk.till.keys) if rows else []
        findings += _receipt_totals(connection)
        findings += [Finding(check=check, where=where) for check, where in misvalued_notes(connection)]
        findings += _instruments(desk, connection)
        findings += altered_batches(connection)
    return findings + _open_amounts(desk) if caught_up else findings


def _receipt_totals(connection: Connection) -> Iterator[Finding]:
    """What each receipt states is what the event brought, by what and for what.

    The receipt is on the chain; so what was altered in a tender or an allocation shows here.
    """
    rows = connection.exec_driver_sql(
        "SELECT receipt.receipt_number, facts_json, amount_minor, currency, payment_event_id FROM receipt "
        "JOIN payment_event USING (payment_event_id)"
    )
    for number, facts_text, amount_minor, code, event_id in rows.yield_per(500):
        try:
            facts = json.loads(facts_text)
            broken = [
                *_total_differs(facts, Money(amount_minor, currency(code))),
                *_parts_differ(connection, facts, event_id),
            ]
        except UNREADABLE:
            broken = ["receipt_can_be_read"]
        yield from (Finding(check=check, where=number) for check in broken)


def _total_differs(facts: dict[str, Any], amount: Money) -> Iterator[str]:
    brought = sum(tender[2] for tender in facts["tenders"]) - facts["change"] + (facts.get("rounding") or 0)
    applied = sum(part[2] for part in facts["allocations"]) + sum(line[4] for line in facts.get("sale", []))
    applied -= facts["commission"][3] if "commission" in facts else 0
    stated = (facts["total"], facts["currency"])
    if not (stated == (amount.minor, amount.currency.code) and brought == amount.minor == applied):
        yield "receipt_totals_equal_store"


def _parts_differ(connection: Connection, facts: dict[str, Any], event_id: str) -> Iterator[str]:
    """The checks by which a receipt's allocations, commission, sale or tenders are not the store's."""
    stated: dict[tuple[str, str | None, str], int] = {}
    cleared: dict[str, int] = {}
    for account, bill_no, minor, _, _, *rest in facts["allocations"]:
        key = (account, bill_no, rest[0] if rest else "account")
        stated[key] = stated.get(key, 0) + minor
        if rest and rest[1]:
            cleared[bill_no] = rest[1]
    if stated != _allocated(connection, event_id) or cleared != _cleared(connection, event_id):
        yield "receipt_allocations_equal_store"
    if facts.get("commission", [0])[1:4] != _earned(connection, event_id):
        yield "receipt_commission_equals_store"
    lines = [(*line[:8], sorted(line[8])) for line in facts.get("sale", [])]
    if lines != _sold(connection, event_id) or _taxes_differ(facts):
        yield "receipt_sale_equals_store"
    if [_stated(*tender) for tender in facts["tenders"]] != _tendered(connection, event_id):
        yield "receipt_tenders_equal_store"


def _instruments(desk: Desk, connection: Connection) -> Iterator[Finding]:
    """Each tender that has a paper behind it is known by it, so that the paper is not taken again."""
    rows = connection.exec_driver_sql(
        "SELECT tender.tender_id, tender.mode, tender.amount_minor, tender.currency, details_json, instrument, code_mark "
        "FROM tender LEFT JOIN instrument_of_tender USING (tender_id) LEFT JOIN voucher_offline USING (tender_id) "
        "LEFT JOIN voucher_hold ON voucher_hold.hold_id = coalesce(tender.voucher_hold, voucher_offline.hold_id)"
    )
    for tender_id, code, minor, currency_code, details, known, mark in rows.yield_per(500):
        mode = desk.modes.by_code.get(code)
        if mode is None:
            continue
        try:
            if mode.kind is ModeKind.VOUCHER:
                expected: str | None = voucher_instrument(mode, str(mark))
            else:
                expected = instrument_of(mode, json.loads(details), Money(minor, currency(currency_code)))
        except UNREADABLE:
            yield Finding(check="tender_can_be_read", where=tender_id)
            continue
        if expected != known:
            yield Finding(check="tender_is_known_by_its_paper", where=tender_id)


def _allocated(connection: Connection, event_id: str) -> dict[tuple[str, str | None, str], int]:
    rows = connection.exec_driver_sql(
        "SELECT account, bill_no, coalesce(kept_as, 'account') AS kept, sum(amount_minor) FROM allocation "
        "WHERE payment_event_id = ? AND sale_line IS NULL GROUP BY account, bill_no, kept",
        (event_id,),
    )
    return {(row[0], row[1], row[2]): row[3] for row in rows}


def _cleared(connection: Connection, event_id: str) -> dict[str, int]:
    rows = connection.exec_driver_sql(
        "SELECT bill_no, amount_minor FROM bill_write_off WHERE payment_event_id = ?", (event_id,)
    )
    return {row[0]: row[1] for row in rows}


def _stated(
    mode: str, _label: str, minor: int, _details: object, foreign: Sequence[object] = (None,) * 4
) -> tuple[object, ...]:
    """A tender of a receipt as ``_tendered`` has it; only one in foreign notes has a fifth part."""
    return (mode, minor, *foreign)


def _tendered(connection: Connection, event_id: str) -> list[tuple[object, ...]]:
    rows = connection.exec_driver_sql(
        "SELECT mode, amount_minor, foreign_currency, foreign_minor, rate, rate_source FROM tender "
        "WHERE payment_event_id = ? ORDER BY number",
        (event_id,),
    )
    return [tuple(row) for row in rows]


def _earned(connection: Connection, event_id: str) -> list[int]:
    """Commission, tax withheld and what was paid less; nothing for a sale without."""
    row = connection.exec_driver_sql(
        "SELECT sum(commission_minor), sum(withheld_minor), sum(deducted_minor) FROM commission_line "
        "WHERE payment_event_id = ?",
        (event_id,),
    ).one()
    return [] if row[0] is None else [int(part) for part in row]


def _sold(connection: Connection, event_id: str) -> list[tuple[object, ...]]:
    """The lines of the sale, each with its serial numbers in their order as text."""
    serials: dict[int, list[str]] = {}
    for line, serial in connection.exec_driver_sql(
        "SELECT line, serial FROM serial_of_sale WHERE payment_event_id = ? ORDER BY serial", (event_id,)
    ):
        serials.setdefault(line, []).append(serial)
    rows = connection.exec_driver_sql(
        "SELECT number, item, name, quantity, unit_price_minor, amount_minor, tax_category, tax_rate, tax_minor "
        "FROM sale_line WHERE payment_event_id = ? ORDER BY number",
        (event_id,),
    )
    return [(*row[1:], serials.get(row[0], [])) for row in rows]


def _taxes_differ(facts: dict[str, Any]) -> bool:
    """Whether the tax of a rate is not the sum of its lines (rule 9)."""
    sums: dict[tuple[str, str], list[int]] = {}
    for line in facts.get("sale", []):
        net_and_tax = sums.setdefault((line[5], line[6]), [0, 0])
        net_and_tax[0] += line[4] - line[7]
        net_and_tax[1] += line[7]
    return sums != {(part[0], part[1]): part[2:] for part in facts.get("taxes", [])}


def _open_amounts(desk: Desk) -> list[Finding]:
    """The cache's open amounts are what the books make of central's figures."""
    with desk.till.read() as books:
        own = all_own_allocations(books)
    findings: list[Finding] = []
    with desk.cache.read() as connection:
        for bill_no, entries in own.items():
            bill = cached.bill_by_number(connection, bill_no)
            if bill is None:
                continue
            stored = connection.exec_driver_sql(
                "SELECT open_minor FROM bill WHERE bill_no = ?", (bill.bill_no,)
            ).scalar_one()
            if stored != open_on(bill, entries).open.minor:
                findings.append(Finding(check="open_amount_follows_the_books", where=bill_no))
    return findings
