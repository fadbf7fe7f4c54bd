"""Checking corrections from scratch: each undoes what there was, once, is posted, has its paper and is told to central.

Source: domain.md rules 29 to 31; reliability.md section 2 (22, 23).
"""

from __future__ import annotations

STANDS = (
    "NOT EXISTS (SELECT 1 FROM tender_undone JOIN correction AS undoing USING (correction_id) "
    "WHERE tender_undone.tender_id = tender.tender_id AND undoing.shift_id = payment_event.shift_id)"
)
"""A ``tender`` of a ``payment_event`` that nothing has undone in its own shift."""

_PARTS = (
    "(SELECT allocation_id AS part_id, payment_event_id, leg, tender_id, amount_minor FROM allocation "
    "UNION ALL SELECT part_id, payment_event_id, leg, tender_id, amount_minor FROM placed_part)"
)

CORRECTION_CHECKS: tuple[tuple[str, str], ...] = (
    (
        "correction_is_its_parts",
        "SELECT correction_id FROM correction WHERE iif(kind = 'reinstatement', 0, amount_minor) IS NOT ("
        "SELECT coalesce(sum(amount_minor), 0) FROM correction_part "
        "WHERE correction_part.correction_id = correction.correction_id) UNION "
        "SELECT correction_id FROM correction_part WHERE correction_id NOT IN (SELECT correction_id FROM correction)",
    ),
    (
        "no_more_is_undone_than_there_was",
        f"SELECT part_id FROM {_PARTS} AS part WHERE amount_minor < (SELECT coalesce(sum(amount_minor), 0) "
        "FROM correction_part WHERE correction_part.part_id = part.part_id) + (SELECT coalesce(sum(amount_minor), 0) "
        "FROM paid_back_elsewhere AS gone WHERE gone.part_id = part.part_id) + (SELECT coalesce(sum(amount_minor), 0) "
        "FROM suspense_transfer WHERE suspense_id = part.part_id) UNION "
        f"SELECT correction_part.part_id FROM correction_part LEFT JOIN {_PARTS} AS part USING (part_id) "
        "WHERE part.part_id IS NULL",
    ),
    (
        "correction_is_of_its_payment",
        f"SELECT correction_id FROM correction JOIN correction_part USING (correction_id) JOIN {_PARTS} AS part "
        "USING (part_id) WHERE part.payment_event_id <> correction.payment_event_id",
    ),
    (
        "undone_tender_is_undone_whole",
        f"SELECT tender_undone.tender_id FROM tender_undone JOIN tender USING (tender_id) WHERE (SELECT sum("
        f"correction_part.amount_minor) FROM correction_part JOIN {_PARTS} AS part USING (part_id) "
        "WHERE correction_part.correction_id = tender_undone.correction_id AND part.tender_id = tender.tender_id) "
        "IS NOT tender.amount_minor - change_minor + rounding_minor",
    ),
    (
        "void_is_of_its_shift",
        "SELECT correction_id FROM correction JOIN payment_event USING (payment_event_id) WHERE kind = 'void' "
        "AND correction.shift_id IS NOT payment_event.shift_id",
    ),
    (
        "undone_payment_is_undone_once",
        "SELECT payment_event_id FROM correction WHERE kind IN ('void', 'reversal') GROUP BY payment_event_id "
        "HAVING count(*) > 1",
    ),
    (
        "undone_payment_is_posted_back",
        "SELECT correction_id || ' ' || ledger_account FROM (SELECT correction_id, ledger_account, line.account, "
        "debit_minor - credit_minor AS minor FROM correction JOIN journal_entry ON source_id IN (correction_id, "
        "payment_event_id) AND source_kind IN ('payment', 'bill_write_off', 'write_off_recovery', kind) "
        "JOIN journal_line AS line USING (entry_id) WHERE kind IN ('void', 'reversal')) "
        "GROUP BY correction_id, ledger_account, account HAVING sum(minor) <> 0",
    ),
    (
        "correction_is_posted",
        "SELECT correction_id FROM correction WHERE NOT EXISTS (SELECT 1 FROM journal_entry "
        "WHERE source_kind = correction.kind AND source_id = correction_id)",
    ),
    (
        "correction_has_its_paper",
        "SELECT correction_id FROM correction LEFT JOIN receipt USING (receipt_number) WHERE receipt.kind IS NOT "
        "correction.kind OR iif(json_valid(facts_json), facts_json ->> 'total', NULL) IS NOT correction.amount_minor",
    ),
    (
        "correction_is_in_the_outbox",
        f"SELECT correction_id || '-' || leg FROM (SELECT correction_id, payment_event_id, leg FROM correction_part "
        f"JOIN {_PARTS} AS part USING (part_id) UNION SELECT correction_id, payment_event_id, leg FROM placed_part) AS part "
        "WHERE NOT EXISTS (SELECT 1 FROM outbox WHERE kind = 'refund' AND source_id = correction_id "
        "AND outbox.payment_event_id = part.payment_event_id AND outbox.leg = part.leg)",
    ),
    (
        "outbox_refund_has_its_correction",
        "SELECT correlator_id FROM outbox WHERE kind = 'refund' "
        "AND source_id NOT IN (SELECT correction_id FROM correction)",
    ),
    (
        "returned_cheque_pays_nothing",
        "SELECT cheque_id FROM cheque WHERE (SELECT state FROM cheque_event WHERE cheque_event.cheque_id = "
        "cheque.cheque_id ORDER BY number DESC LIMIT 1) IN ('returned', 'replaced') "
        "AND tender_id NOT IN (SELECT tender_id FROM tender_undone) "
        "AND 'dishonoured' IS NOT (SELECT state FROM cheque_event WHERE cheque_event.cheque_id = cheque.cheque_id "
        "ORDER BY number DESC LIMIT 1 OFFSET 1)",
    ),
    (
        "replaced_cheque_went_back",
        "SELECT cheque_id FROM cheque_event WHERE state = 'replaced' AND cheque_id NOT IN ("
        "SELECT replaced_id FROM cheque_replacement) UNION ALL "
        # Before 'replaced' was a state of its own such a cheque was returned.
        "SELECT replaced_id FROM cheque_replacement WHERE NOT EXISTS (SELECT 1 FROM cheque_event AS went "
        "WHERE went.cheque_id = replaced_id AND state IN ('returned', 'replaced')) "
        "AND NOT EXISTS (SELECT 1 FROM post_dated_event AS went "
        "WHERE went.post_dated_id = replaced_id AND state = 'withdrawn')",
    ),
    (
        "moved_money_is_placed_whole",
        "SELECT correction_id FROM correction WHERE (SELECT coalesce(sum(amount_minor), 0) FROM placed_part "
        "WHERE placed_part.correction_id = correction.correction_id) "
        "<> iif(kind IN ('transfer', 'reallocation', 'reinstatement'), amount_minor, 0)",
    ),
    (
        "moved_money_is_in_the_outbox",
        "SELECT part_id FROM placed_part WHERE NOT EXISTS (SELECT 1 FROM outbox WHERE kind = 'moved' "
        "AND source_id BETWEEN placed_part.correction_id || '-t' AND placed_part.correction_id || '-t~' "
        "AND outbox.payment_event_id = placed_part.payment_event_id "
        "AND outbox.leg = placed_part.leg AND outbox.account = placed_part.account)",
    ),
    (
        "refunds_payable_are_explained",
        "SELECT currency FROM journal_line WHERE ledger_account = 'refunds_payable' GROUP BY currency "
        "HAVING sum(credit_minor - debit_minor) <> (SELECT coalesce(sum(amount_minor - cash_minor - off_minor), 0) "
        "FROM refund_made WHERE refund_made.currency = journal_line.currency) "
        "- (SELECT coalesce(sum(amount_minor), 0) FROM refund_settled "
        "WHERE refund_settled.currency = journal_line.currency)",
    ),
    (
        "approver_is_another_person",
        "SELECT approval_id FROM approval JOIN approval_request USING (request_id) WHERE approver = requester "
        "OR instr(' ' || coalesce(not_by, '') || ' ', ' ' || approver || ' ') > 0",
    ),
    (
        "approved_entry_has_its_correction",
        "SELECT entry_id FROM approved_entry LEFT JOIN approval_use USING (approval_id) "
        "WHERE approval_use.approval_id IS NULL OR entry_id NOT IN (SELECT correction_id FROM correction "
        "UNION ALL SELECT refund_id FROM refund_across)",
    ),
    (
        "paper_is_alive_once",
        "SELECT instrument FROM living_instrument GROUP BY instrument HAVING count(*) > 1 UNION ALL "
        "SELECT kind || ' ' || body FROM living_serial GROUP BY kind, body HAVING count(*) > 1",
    ),
)
