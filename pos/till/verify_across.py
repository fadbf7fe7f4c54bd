"""Checking refunds of other terminals' payments from scratch: each is its parts, posted, on paper, held for and told.

Source: domain.md rule 32; reliability.md section 2 (30, 37).
"""

from __future__ import annotations

_POSTED = (
    "coalesce((SELECT sum({side}) FROM journal_entry JOIN journal_line USING (entry_id) WHERE source_kind = 'refund' "
    "AND source_id = refund_id AND {where}), 0)"
)

ACROSS_CHECKS: tuple[tuple[str, str], ...] = (
    (
        "refund_across_is_its_parts",
        "SELECT refund_id FROM refund_across WHERE amount_minor IS NOT (SELECT sum(amount_minor) FROM refund_across_leg "
        "AS leg WHERE leg.refund_id = refund_across.refund_id) OR amount_minor IS NOT (SELECT sum(amount_minor) "
        "FROM refund_across_part AS part WHERE part.refund_id = refund_across.refund_id) UNION "
        "SELECT refund_id FROM refund_across_leg AS leg WHERE amount_minor IS NOT (SELECT sum(amount_minor) "
        "FROM refund_across_part AS part WHERE part.refund_id = leg.refund_id AND part.leg = leg.leg)",
    ),
    (
        "refund_across_is_posted",
        "SELECT refund_id FROM refund_across WHERE amount_minor <> "
        + _POSTED.format(
            side="debit_minor", where="ledger_account NOT IN ('cash_in_till', 'refunds_payable')"
        )
        + " OR (SELECT coalesce(sum(amount_minor), 0) FROM refund_across_leg AS leg "
        "WHERE leg.refund_id = refund_across.refund_id AND is_cash) <> "
        + _POSTED.format(side="credit_minor", where="ledger_account = 'cash_in_till'"),
    ),
    (
        "refund_across_has_its_paper",
        "SELECT refund_id FROM refund_across LEFT JOIN receipt USING (receipt_number) WHERE receipt.kind IS NOT 'refund' "
        "OR iif(json_valid(facts_json), facts_json ->> 'total', NULL) IS NOT refund_across.amount_minor",
    ),
    (
        "refund_across_is_of_no_own_payment",
        "SELECT refund_id FROM refund_across WHERE of_receipt IN (SELECT receipt_number FROM payment_event)",
    ),
    (
        "refund_across_was_held",
        "SELECT refund_id FROM refund_across LEFT JOIN refund_hold USING (hold_id) WHERE used_by IS NOT refund_id "
        "OR refund_hold.amount_minor <> refund_across.amount_minor OR refund_hold.of_receipt <> refund_across.of_receipt",
    ),
    (
        "used_hold_has_its_refund",
        "SELECT hold_id FROM refund_hold WHERE state = 'used' AND used_by NOT IN (SELECT refund_id FROM refund_across "
        "UNION ALL SELECT correction_id FROM correction WHERE kind = 'refund')",
    ),
    (
        "refund_across_is_in_the_outbox",
        "SELECT refund_id || '-' || leg FROM refund_across_leg AS leg WHERE NOT EXISTS (SELECT 1 FROM outbox "
        "WHERE kind = 'refund_across' AND source_id = refund_id AND outbox.leg = leg.leg AND outbox.account = leg.account)",
    ),
    (
        "outbox_refund_across_has_its_deed",
        "SELECT correlator_id FROM outbox WHERE kind = 'refund_across' AND NOT EXISTS (SELECT 1 FROM refund_across_leg "
        "AS leg WHERE leg.refund_id = source_id AND leg.leg = outbox.leg)",
    ),
)
