"""Checks over direct debits: runs over files, their entries, mandates and collections. Source: domain.md 3.10."""

from __future__ import annotations

DEBIT_CHECKS: tuple[tuple[str, str], ...] = (
    (
        "run_payment_is_of_its_record",
        "SELECT run_payment.payment_event_id FROM run_payment WHERE NOT EXISTS (SELECT 1 FROM imported_record AS record "
        "JOIN imported_record_state AS told USING (record_id) JOIN tender USING (tender_id) "
        "WHERE record.record_id = run_payment.payment_event_id AND told.state = 'posted' "
        "AND tender.payment_event_id = run_payment.payment_event_id AND tender.amount_minor = record.amount_minor)",
    ),
    (
        "posted_record_is_of_a_run",
        "SELECT record_id FROM imported_record_state AS told JOIN tender USING (tender_id) WHERE state = 'posted' "
        "AND tender.payment_event_id NOT IN (SELECT payment_event_id FROM run_payment)",
    ),
    (
        "file_is_carried_out_whole",
        "SELECT run_id FROM bank_file JOIN bank_file_end USING (run_id) WHERE entries <> (SELECT count(*) FROM bank_entry "
        "WHERE bank_entry.run_id = bank_file.run_id)",
    ),
    (
        "entries_make_the_file",
        "SELECT run_id FROM bank_file JOIN bank_file_end USING (run_id) WHERE NOT EXISTS (SELECT 1 FROM bank_entry "
        "WHERE bank_entry.run_id = bank_file.run_id AND outcome = 'parked') AND (paid_minor <> (SELECT "
        "coalesce(sum(amount_minor), 0) FROM bank_entry WHERE bank_entry.run_id = bank_file.run_id AND kind = 'paid') "
        "OR back_minor <> (SELECT coalesce(sum(amount_minor), 0) FROM bank_entry WHERE bank_entry.run_id = bank_file.run_id "
        "AND kind = 'returned'))",
    ),
    (
        "entry_is_its_record",
        "SELECT bank_entry.run_id || '/' || number FROM bank_entry JOIN imported_record USING (record_id) "
        "WHERE (imported_record.amount_minor, imported_record.currency, imported_record.run_id) "
        "IS NOT (bank_entry.amount_minor, bank_entry.currency, bank_entry.run_id)",
    ),
    (
        "return_is_its_correction",
        "SELECT bank_entry.run_id || '/' || number FROM bank_entry JOIN correction USING (correction_id) "
        "WHERE bank_entry.kind = 'returned' AND bank_entry.amount_minor NOT IN (0, correction.amount_minor)",
    ),
    (
        "debit_fee_is_booked",
        "SELECT run_id || '/' || number FROM bank_entry WHERE fee_minor <> (SELECT coalesce(sum(debit_minor), 0) "
        "FROM journal_entry JOIN journal_line USING (entry_id) WHERE source_kind = 'debit_fee' "
        "AND source_id = run_id || '/' || number)",
    ),
    (
        "debit_charge_is_of_its_entry",
        "SELECT charge_id FROM debit_charge AS charge JOIN bank_entry AS entry USING (run_id, number) "
        "WHERE charge.currency <> entry.currency AND entry.amount_minor > 0 OR returned_minor > entry.amount_minor "
        "OR (outcome <> 'parked' AND (charge.fee_minor, charge.tax_minor, charge.account, returned_minor) IS NOT "
        "(entry.fee_minor, fee_tax_minor, entry.account, 0))",
    ),
    (
        "debit_charge_is_told",
        "SELECT charge_id FROM debit_charge WHERE NOT EXISTS (SELECT 1 FROM outbox WHERE kind = 'charge' "
        "AND source_id = charge_id AND correlator_id = charge_id)",
    ),
    (
        "settled_entry_is_posted",
        "SELECT run_id || '/' || number FROM bank_entry_step AS step WHERE how IN ('charged', 'sent_back', 'written_off') "
        "AND (SELECT amount_minor FROM bank_entry AS told WHERE (told.run_id, told.number) = (step.run_id, step.number)) "
        "NOT IN (SELECT max(debit_minor, credit_minor) FROM journal_entry JOIN journal_line USING (entry_id) "
        "WHERE source_kind = 'bank_entry' AND source_id = run_id || '/' || number || '/' || place)",
    ),
    (
        "settled_entry_is_undone_whole",
        "SELECT run_id || '/' || number FROM bank_entry_step AS undone WHERE how = 'undone' AND EXISTS (SELECT 1 "
        "FROM journal_entry JOIN journal_line USING (entry_id) WHERE source_kind = 'bank_entry' AND source_id IN ("
        "run_id || '/' || number || '/' || place, run_id || '/' || number || '/' || (place - 1)) "
        "GROUP BY ledger_account HAVING sum(debit_minor) <> sum(credit_minor))",
    ),
    (
        "mandate_has_begun",
        "SELECT mandate FROM mandate WHERE mandate NOT IN (SELECT mandate FROM mandate_step WHERE number = 1)",
    ),
    (
        "items_make_the_collection",
        "SELECT collection_id FROM debit_collection WHERE (items, total_minor) IS NOT (SELECT count(*), sum(amount_minor) "
        "FROM debit_item WHERE debit_item.collection_id = debit_collection.collection_id)",
    ),
)
