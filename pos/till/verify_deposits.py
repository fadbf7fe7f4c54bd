"""What must hold of deposit slips in the books: each a name, and a query that finds where it does not (rule 42)."""

from __future__ import annotations

_LAST = "(SELECT state FROM {table} AS last WHERE last.{key} = {of}.{key} ORDER BY number DESC LIMIT 1)"
_SLIP_STATE = f"coalesce({_LAST.format(table='deposit_slip_event', key='slip_id', of='deposit_cheque')}, '-')"
_CHEQUE_STATE = _LAST.format(table="cheque_event", key="cheque_id", of="cheque")
_POSTED = (
    "(SELECT coalesce(sum({side}_minor), 0) FROM journal_entry JOIN journal_line USING (entry_id) "
    "WHERE source_kind = '{source}' AND source_id = step_id AND ledger_account = {account})"
)
_BAG_SLIP_STATE = (
    f"coalesce({_LAST.format(table='deposit_slip_event', key='slip_id', of='deposit_bag')}, '-')"
)
_CHEQUES_OF_STEP = (
    "(SELECT coalesce(sum(cheque.amount_minor), 0) FROM deposit_credit JOIN cheque USING (cheque_id) "
    "WHERE deposit_credit.step_id = step.step_id AND deposit_credit.slip_id = step.slip_id)"
)
_BAGS_OF_STEP = (
    "(SELECT coalesce(sum({minor}), 0) FROM deposit_bag_credit AS counted JOIN cash_bag USING (bag_id) "
    "WHERE counted.step_id = step.step_id AND counted.slip_id = step.slip_id)"
)

_LACKING_OF_STEP = (
    "(SELECT coalesce(sum(cheque.amount_minor - credited_minor), 0) FROM deposit_difference AS other "
    "JOIN cheque USING (cheque_id) WHERE other.step_id = step.step_id AND cause LIKE '{cause}')"
)

DEPOSIT_CHECKS: tuple[tuple[str, str], ...] = (
    (
        "deposit_slip_is_the_sum_of_what_is_on_it",
        "SELECT slip_id FROM deposit_slip AS slip WHERE amount_minor IS NOT (SELECT coalesce(sum(amount_minor), 0) FROM ("
        "SELECT slip_id, cheque.amount_minor, cheque.currency FROM deposit_cheque JOIN cheque USING (cheque_id) UNION ALL "
        "SELECT slip_id, cash_bag.amount_minor, cash_bag.currency FROM deposit_bag JOIN cash_bag USING (bag_id)) AS part "
        "WHERE part.slip_id = slip.slip_id AND part.currency = slip.currency) "
        "OR cheques <> (SELECT count(*) FROM deposit_cheque WHERE deposit_cheque.slip_id = slip.slip_id) "
        "OR coalesce(bags, 0) <> (SELECT count(*) FROM deposit_bag WHERE deposit_bag.slip_id = slip.slip_id) "
        "UNION SELECT slip_id FROM deposit_cheque WHERE slip_id NOT IN (SELECT slip_id FROM deposit_slip) "
        "UNION SELECT slip_id FROM deposit_bag WHERE slip_id NOT IN (SELECT slip_id FROM deposit_slip)",
    ),
    (
        "deposit_slip_has_its_paper",
        "SELECT receipt.receipt_number FROM receipt LEFT JOIN deposit_slip AS slip USING (receipt_number) "
        "WHERE (receipt.kind = 'deposit_slip') <> (slip.receipt_number IS NOT NULL) "
        "OR iif(json_valid(facts_json), json_extract(facts_json, '$.total') <> slip.amount_minor "
        "OR json_array_length(facts_json, '$.deposit.cheques') <> slip.cheques, 0) "
        "UNION SELECT receipt_number FROM deposit_slip WHERE receipt_number NOT IN (SELECT receipt_number FROM receipt)",
    ),
    (
        "carrier_has_its_paper",
        "SELECT receipt.receipt_number FROM receipt LEFT JOIN deposit_carrier USING (receipt_number) "
        "WHERE (kind = 'carrier_receipt') <> (deposit_carrier.step_id IS NOT NULL) "
        "UNION SELECT receipt_number FROM deposit_carrier WHERE receipt_number NOT IN (SELECT receipt_number FROM receipt)",
    ),
    (
        # The paper is on the chain; so what was altered in the slip's cheques shows here.
        "deposit_slip_lists_its_cheques",
        "SELECT receipt_number FROM receipt JOIN deposit_slip USING (receipt_number) JOIN deposit_cheque USING (slip_id) "
        "JOIN cheque USING (cheque_id) WHERE iif(json_valid(facts_json), (serial, cheque_date, cheque.amount_minor) "
        "IS NOT ("
        + ", ".join(
            f"json_extract(facts_json, '$.deposit.cheques[' || (place - 1) || '][{part}]')"
            for part in (0, 3, 4)
        )
        + "), 1)",
    ),
    (
        "deposit_slip_goes_its_steps",
        "SELECT event.slip_id FROM deposit_slip_event AS event LEFT JOIN deposit_slip_event AS last "
        "ON last.slip_id = event.slip_id AND last.number = event.number - 1 WHERE coalesce(last.state, '-') || ' ' || "
        "event.state NOT IN ('- made', 'made lodged', 'made cancelled', 'lodged part_confirmed', 'lodged confirmed', "
        "'part_confirmed part_confirmed', 'part_confirmed confirmed', 'confirmed part_confirmed', "
        "'confirmed confirmed') "
        "UNION SELECT slip_id FROM deposit_slip WHERE slip_id NOT IN (SELECT slip_id FROM deposit_slip_event)",
    ),
    (
        "cheque_is_on_one_living_slip",
        "SELECT cheque_id FROM cheque_awaited GROUP BY cheque_id HAVING count(*) > 1",
    ),
    (
        "cheque_stands_as_its_slip_does",
        f"SELECT cheque.cheque_id FROM cheque_awaited AS deposit_cheque JOIN cheque USING (cheque_id) WHERE {_CHEQUE_STATE} "
        f"<> iif({_SLIP_STATE} = 'made', 'batched', 'lodged') "
        f"UNION SELECT cheque_id FROM cheque WHERE {_CHEQUE_STATE} IN ('batched', 'lodged') AND NOT EXISTS ("
        "SELECT 1 FROM cheque_awaited WHERE cheque_awaited.cheque_id = cheque.cheque_id) "
        "UNION SELECT cheque_id FROM cheque_event WHERE state = 'credited' "
        "AND cheque_id NOT IN (SELECT cheque_id FROM deposit_credit) "
        "UNION SELECT cheque_id FROM deposit_credit WHERE cheque_id NOT IN ("
        "SELECT cheque_id FROM cheque_event WHERE state = 'credited')",
    ),
    (
        "deposit_slip_lists_its_bags",
        "SELECT receipt_number FROM receipt JOIN deposit_slip USING (receipt_number) JOIN deposit_bag USING (slip_id) "
        "JOIN cash_bag USING (bag_id) WHERE iif(json_valid(facts_json), (cash_bag.number, cash_bag.amount_minor) IS NOT ("
        "json_extract(facts_json, '$.deposit.bags[' || (place - 1) || '][0]'), "
        "json_extract(facts_json, '$.deposit.bags[' || (place - 1) || '][1]')), 1)",
    ),
    (
        "bag_stands_as_its_slip_does",
        f"SELECT bag_id FROM deposit_bag JOIN v_cash_bag AS bag USING (bag_id) WHERE CASE {_BAG_SLIP_STATE} "
        "WHEN 'made' THEN bag.state <> 'batched' WHEN 'lodged' THEN bag.state <> 'lodged' "
        "WHEN 'part_confirmed' THEN bag.state NOT IN ('lodged', 'credited') WHEN 'confirmed' THEN bag.state <> 'credited' "
        "END UNION SELECT bag_id FROM v_cash_bag AS bag WHERE bag.state IN ('batched', 'lodged') AND slip IS NULL "
        "UNION SELECT bag_id FROM cash_bag WHERE bag_id NOT IN (SELECT bag_id FROM cash_bag_event)",
    ),
    (
        "deposit_is_credited_by_what_is_on_it",
        f"SELECT step_id FROM deposit_slip_event AS step WHERE iif(credited_by IS NULL, 0, amount_minor) "
        f"<> {_CHEQUES_OF_STEP} + {_BAGS_OF_STEP.format(minor='cash_bag.amount_minor')} "
        "UNION SELECT slip_id FROM deposit_slip_event AS done "
        "WHERE state = 'confirmed' AND slip_id NOT IN (SELECT slip_id FROM deposit_return) "
        "AND (SELECT sum(amount_minor) FROM deposit_slip_event AS step "
        "WHERE step.slip_id = done.slip_id AND credited_by IS NOT NULL) IS NOT (SELECT amount_minor FROM deposit_slip "
        "WHERE deposit_slip.slip_id = done.slip_id)",
    ),
    (
        "lodged_money_is_posted",
        "SELECT step_id FROM deposit_slip_event AS step WHERE iif(state = 'lodged', (SELECT coalesce(sum("
        "cheque.amount_minor), 0) FROM deposit_cheque JOIN cheque USING (cheque_id) WHERE slip_id = step.slip_id), 0) <> "
        + _POSTED.format(side="debit", source="deposit_lodged", account="'cheques_in_clearing'")
        + " OR iif(state = 'lodged', (SELECT coalesce(sum(cash_bag.amount_minor), 0) FROM deposit_bag "
        "JOIN cash_bag USING (bag_id) WHERE slip_id = step.slip_id), 0) <> "
        + _POSTED.format(side="debit", source="deposit_lodged", account="'cash_in_transit'"),
    ),
    (
        "credited_money_is_posted",
        f"SELECT step_id FROM deposit_slip_event AS step JOIN deposit_slip USING (slip_id) WHERE {_CHEQUES_OF_STEP} <> "
        + _POSTED.format(side="credit", source="deposit_credited", account="'cheques_in_clearing'")
        + f" OR {_BAGS_OF_STEP.format(minor='cash_bag.amount_minor')} <> "
        + _POSTED.format(side="credit", source="deposit_credited", account="'cash_in_transit'")
        + f" OR {_CHEQUES_OF_STEP} - {_LACKING_OF_STEP.format(cause='%')} "
        + f"+ {_BAGS_OF_STEP.format(minor='credited_minor')} <> "
        + _POSTED.format(side="debit", source="deposit_credited", account="deposit_slip.ledger_account"),
    ),
    (
        "other_sum_of_a_cheque_is_posted",
        "SELECT step_id FROM deposit_slip_event AS step WHERE "
        + " OR ".join(
            f"{_LACKING_OF_STEP.format(cause=cause)} <> "
            + _POSTED.format(side="debit", source="deposit_credited", account=account)
            + " - "
            + _POSTED.format(side="credit", source="deposit_credited", account=account)
            for cause, account in (("bank_charge", "'bank_charges'"), ("bank_error", "'bank_differences'"))
        ),
    ),
    (
        # A way to pay may have had another account once; all that lies in the shop is looked at as one.
        "clearing_accounts_are_their_cheques",
        "SELECT place || ' ' || currency FROM ("
        "SELECT iif(ledger_account = 'cheques_in_clearing', 'cheques_in_clearing', 'cheques_in_hand') AS place, currency, "
        "debit_minor - credit_minor AS minor FROM journal_line "
        "WHERE ledger_account IN ('cheques_in_hand', 'cheques_in_clearing', {cheques_lie_in}) "
        "UNION ALL SELECT iif(state = 'lodged', 'cheques_in_clearing', 'cheques_in_hand'), currency, -amount_minor "
        "FROM (SELECT currency, amount_minor, " + _CHEQUE_STATE + " AS state FROM cheque) "
        "WHERE state IN ('received', 'batched', 'represented', 'lodged')) GROUP BY place, currency HAVING sum(minor) <> 0",
    ),
    (
        "deposit_entry_has_its_step",
        "SELECT entry_id FROM journal_entry WHERE source_kind IN ('deposit_lodged', 'deposit_credited') "
        "AND source_id NOT IN (SELECT step_id FROM deposit_slip_event)",
    ),
)
