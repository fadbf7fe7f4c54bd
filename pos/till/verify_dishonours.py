"""Checking bounced cheques from scratch: one pays nothing while it is dishonoured, and its money counts once otherwise.

Source: domain.md rules 14, 35, 37; reliability.md section 2 (35, 36).
"""

from __future__ import annotations

from pos.domain.cheque import CHEQUE_STEPS
from pos.store.corrections import IS_OUTPUT_TAX

_LAST = "(SELECT state FROM cheque_event WHERE cheque_event.cheque_id = cheque.cheque_id ORDER BY number DESC LIMIT 1)"
_STEPS = ", ".join(
    f"'{source} {to}'" for source, following in CHEQUE_STEPS.items() for to in sorted(following)
)
_POSTED = (
    "(SELECT coalesce(sum(debit_minor + credit_minor), 0) FROM journal_entry JOIN journal_line USING (entry_id) "
    "WHERE source_kind = correction.kind AND source_id = correction.correction_id AND ledger_account = '{ledger}')"
)

DISHONOUR_CHECKS: tuple[tuple[str, str], ...] = (
    (
        "cheque_goes_its_steps",
        "SELECT event.cheque_id FROM cheque_event AS event LEFT JOIN cheque_event AS last "
        "ON last.cheque_id = event.cheque_id AND last.number = event.number - 1 "
        "WHERE coalesce(last.state, '-') || ' ' || event.state "
        f"NOT IN ('- received', {_STEPS})",
    ),
    (
        "dishonoured_cheque_pays_nothing",
        f"SELECT cheque_id FROM cheque JOIN tender_stands USING (tender_id) WHERE {_LAST} = 'dishonoured' AND minor <> 0",
    ),
    (
        "cheque_pays_its_amount_once",
        "SELECT tender_id FROM cheque JOIN tender_stands USING (tender_id) JOIN tender USING (tender_id) "
        "WHERE minor < 0 OR minor > tender.amount_minor - change_minor + rounding_minor",
    ),
    (
        "dishonour_is_a_step_of_its_cheque",
        "SELECT cheque_id FROM cheque WHERE (SELECT count(*) FROM cheque_event WHERE state = 'dishonoured' "
        "AND cheque_event.cheque_id = cheque.cheque_id) <> (SELECT count(*) FROM dishonour "
        "WHERE dishonour.cheque_id = cheque.cheque_id) UNION ALL "
        # A bounced one may have gone back to its payor since.
        f"SELECT cheque_id FROM cheque WHERE ({_LAST} = 'dishonoured' OR {_LAST} IN ('returned', 'replaced') "
        "AND EXISTS (SELECT 1 FROM cheque_event "
        "WHERE cheque_event.cheque_id = cheque.cheque_id AND state = 'dishonoured')) <> EXISTS ("
        "SELECT 1 FROM dishonour WHERE dishonour.cheque_id = cheque.cheque_id "
        "AND correction_id NOT IN (SELECT of_correction FROM reinstatement))",
    ),
    (
        "dishonour_has_its_correction",
        "SELECT correction_id FROM (SELECT correction_id, 'dishonour' AS kind FROM dishonour UNION ALL "
        "SELECT correction_id, 'reinstatement' FROM reinstatement) AS beside WHERE kind IS NOT ("
        "SELECT kind FROM correction WHERE correction.correction_id = beside.correction_id) UNION ALL "
        "SELECT correction_id FROM correction WHERE kind = 'dishonour' AND correction_id NOT IN ("
        "SELECT correction_id FROM dishonour) OR kind = 'reinstatement' AND correction_id NOT IN ("
        "SELECT correction_id FROM reinstatement)",
    ),
    (
        "dishonour_is_posted_whole",
        "SELECT correction_id FROM dishonour JOIN cheque USING (cheque_id) WHERE cheque.amount_minor IS NOT ("
        "SELECT sum(credit_minor) FROM journal_entry JOIN journal_line USING (entry_id) WHERE source_kind = 'dishonour' "
        "AND source_id = correction_id AND ledger_account = lay_in)",
    ),
    (
        "charge_is_posted",
        "SELECT charge_id FROM dishonour_charge AS charge WHERE fee_minor IS NOT (SELECT coalesce(sum(credit_minor), 0) "
        "FROM journal_entry JOIN journal_line USING (entry_id) WHERE source_kind = 'dishonour' "
        "AND source_id = charge.correction_id AND (ledger_account = 'fee_income' "
        f"OR {IS_OUTPUT_TAX}))",
    ),
    *(
        (
            check,
            # A correction undoes what stood, or does it anew where money counts again; either is in its own entry.
            f"SELECT correction_id FROM correction WHERE kind IN ('dishonour', 'reinstatement') AND {minor} <> ("
            f"SELECT coalesce(sum(amount_minor), 0) FROM {made} WHERE correction.correction_id IN (undone_by, again))",
        )
        for check, made, minor in (
            ("rests_of_a_bounce_are_booked", "write_off_made", _POSTED.format(ledger="tolerance_write_off")),
            ("debt_of_a_bounce_is_booked", "recovery_made", _POSTED.format(ledger="write_off_recovery")),
        )
    ),
    (
        "dishonour_is_told",
        "SELECT correction_id FROM (SELECT correction_id FROM dishonour UNION ALL "
        "SELECT correction_id FROM reinstatement WHERE undoes) WHERE NOT EXISTS (SELECT 1 FROM outbox "
        "WHERE kind = 'dishonour' AND source_id = correction_id || '-told')",
    ),
)
