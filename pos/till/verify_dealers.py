"""What must hold of dealers' commission and accounts in the books: each a name, and a query that finds where it does not."""

from __future__ import annotations

DEALER_CHECKS: tuple[tuple[str, str], ...] = (
    (
        "commission_is_posted",
        "SELECT payment_event_id FROM commission_line GROUP BY payment_event_id "
        "HAVING (sum(iif(at = 'sale', commission_minor, 0)), sum(iif(at = 'sale', withheld_minor, 0))) IS NOT ("
        "SELECT coalesce(sum(iif(ledger_account = 'commission_expense', debit_minor, 0)), 0), "
        "coalesce(sum(iif(ledger_account = 'withholding_payable', credit_minor, 0)), 0) "
        "FROM journal_entry JOIN journal_line USING (entry_id) "
        "WHERE source_kind = 'payment' AND source_id = payment_event_id)",
    ),
    (
        "commission_is_settled_as_it_was_earned",
        "SELECT settlement_id FROM commission_settlement AS done WHERE (commission_minor, withheld_minor) IS NOT ("
        "SELECT sum(earned.commission_minor), sum(earned.withheld_minor) FROM commission_settled AS line "
        "JOIN commission_line AS earned USING (payment_event_id, line) WHERE line.settlement_id = done.settlement_id) "
        "OR commission_minor IS NOT (SELECT sum(debit_minor) FROM journal_entry JOIN journal_line USING (entry_id) "
        "WHERE source_kind = 'commission' AND source_id = done.settlement_id)",
    ),
    (
        "commission_is_credited",
        "SELECT payment_event_id FROM payment_event WHERE (SELECT coalesce(sum(amount_minor), 0) FROM account_credit "
        "WHERE account_credit.payment_event_id = payment_event.payment_event_id) <> (SELECT coalesce(sum("
        "commission_minor - withheld_minor - deducted_minor), 0) FROM commission_line AS earned "
        "LEFT JOIN commission_settled USING (payment_event_id, line) "
        "WHERE earned.payment_event_id = payment_event.payment_event_id AND (at = 'sale' OR settlement_id IS NOT NULL)) "
        "OR EXISTS (SELECT 1 FROM account_credit AS credited "
        "WHERE credited.payment_event_id = payment_event.payment_event_id AND account <> payer_account)",
    ),
    (
        "account_credit_is_in_the_outbox",
        "SELECT credit_id FROM account_credit AS credited WHERE NOT EXISTS (SELECT 1 FROM outbox "
        "WHERE kind = 'commission' AND source_id = credit_id AND outbox.account = credited.account "
        "AND outbox.payment_event_id = credited.payment_event_id AND outbox.leg = credited.leg)",
    ),
    (
        "outbox_commission_has_its_deed",
        "SELECT correlator_id FROM outbox WHERE kind = 'commission' "
        "AND source_id NOT IN (SELECT credit_id FROM account_credit)",
    ),
    (
        # Money out of suspense is held against its own register.
        "dealer_account_is_what_was_put_there",
        "SELECT account FROM (SELECT account, currency, credit_minor - debit_minor AS minor FROM journal_line "
        "JOIN journal_entry USING (entry_id) WHERE ledger_account = 'dealer_account' AND source_kind <> 'suspense_resolved' "
        "UNION ALL SELECT account, allocation.currency, -allocation.amount_minor FROM allocation "
        "JOIN payment_event USING (payment_event_id) WHERE payer_kind = 'dealer' AND bill_no IS NULL "
        "AND sale_line IS NULL AND kept_as IS NULL "
        "UNION ALL SELECT account, currency, iif(state = 'rejected', leg.amount_minor, -leg.amount_minor) "
        "FROM bank_receipt_event JOIN leg USING (tender_id) "
        "WHERE state = 'rejected' OR (state = 'verified' AND number > 2) "
        "UNION ALL SELECT account, currency, -amount_minor FROM account_credit "
        "UNION ALL SELECT part.account, part.currency, undone.amount_minor FROM correction_part AS undone "
        "JOIN allocation AS part ON allocation_id = part_id JOIN payment_event USING (payment_event_id) "
        "WHERE payer_kind = 'dealer' AND bill_no IS NULL AND sale_line IS NULL AND kept_as IS NULL "
        "UNION ALL SELECT part.account, part.currency, undone.amount_minor FROM correction_part AS undone "
        "JOIN placed_part AS part USING (part_id) JOIN payment_event USING (payment_event_id) WHERE payer_kind = 'dealer' "
        "AND kept_as IS NOT 'items' "
        "UNION ALL SELECT account, currency, amount_minor FROM dishonour_charge WHERE bill_no IS NULL "
        "UNION ALL SELECT account, charge_undone.currency, -amount_minor FROM charge_undone "
        "JOIN dishonour_charge USING (charge_id) WHERE bill_no IS NULL "
        "UNION ALL SELECT part.account, part.currency, part.amount_minor FROM refund_across_part AS part "
        "JOIN refund_across USING (refund_id) WHERE payer_kind = 'dealer' AND bill_no IS NULL AND kept_as IS NULL "
        "UNION ALL SELECT account, placed_part.currency, -placed_part.amount_minor FROM placed_part "
        "JOIN payment_event USING (payment_event_id) WHERE payer_kind = 'dealer' AND kept_as IS NOT 'items') "
        "GROUP BY account, currency HAVING sum(minor) <> 0",
    ),
)
