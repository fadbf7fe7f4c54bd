"""What must hold of bags between the tills of a shop: each a name, and a query that finds where it does not."""

from __future__ import annotations

_POSTED = (
    "(SELECT coalesce(sum(debit_minor - credit_minor), 0) FROM journal_entry JOIN journal_line USING (entry_id) "
    "WHERE source_kind = '{source}' AND source_id = {key} AND ledger_account = '{account}')"
)


def _posted(source: str, key: str, account: str = "bags_in_transit") -> str:
    return _POSTED.format(source=source, key=key, account=account)


BAG_CHECKS: tuple[tuple[str, str], ...] = (
    (
        "sent_bag_is_posted",
        f"SELECT sending_id FROM v_sent_bag AS sent WHERE amount_minor <> {_posted('bag_sent', 'sending_id')} "
        f"OR -amount_minor <> {_posted('bag_sent', 'sending_id', 'safe')} "
        f"OR iif(state = 'recalled', -amount_minor, 0) <> {_posted('bag_recalled', 'sending_id')}",
    ),
    (
        "accepted_bag_is_posted",
        "SELECT acceptance_id FROM v_accepted_bag AS accepted "
        f"WHERE -amount_minor <> {_posted('bag_accepted', 'acceptance_id')} "
        f"OR counted_minor <> {_posted('bag_accepted', 'acceptance_id', 'safe')} "
        f"OR iif(state = 'undone', amount_minor, 0) <> {_posted('bag_undone', 'acceptance_id')}",
    ),
    (
        # What is on the way explains the account: what this till sent, less what it accepted.
        "bags_in_transit_are_explained",
        "SELECT currency FROM (SELECT DISTINCT currency FROM journal_line WHERE ledger_account = 'bags_in_transit') "
        "AS known WHERE (SELECT sum(debit_minor - credit_minor) FROM journal_line WHERE ledger_account = 'bags_in_transit' "
        "AND journal_line.currency = known.currency) <> (SELECT coalesce(sum(amount_minor), 0) FROM v_sent_bag "
        "WHERE state <> 'recalled' AND v_sent_bag.currency = known.currency) - (SELECT coalesce(sum(amount_minor), 0) "
        "FROM v_accepted_bag WHERE state <> 'undone' AND v_accepted_bag.currency = known.currency)",
    ),
    (
        "bag_has_its_paper",
        "WITH paper (receipt_number, kind) AS (SELECT receipt_number, 'bag_sent' FROM bag_sending UNION ALL "
        "SELECT receipt_number, 'bag_recalled' FROM bag_recall UNION ALL "
        "SELECT receipt_number, 'bag_accepted' FROM bag_acceptance UNION ALL "
        "SELECT receipt_number, 'bag_undone' FROM bag_acceptance_undone) "
        "SELECT receipt_number FROM paper LEFT JOIN receipt USING (receipt_number) WHERE receipt.kind IS NOT paper.kind "
        "UNION SELECT receipt_number FROM receipt WHERE kind IN ('bag_sent', 'bag_recalled', 'bag_accepted', 'bag_undone') "
        "AND receipt_number NOT IN (SELECT receipt_number FROM paper)",
    ),
    (
        "sent_bag_stands_as_it_left",
        "SELECT bag_id FROM v_cash_bag WHERE (state = 'sent') <> (bag_id IN ("
        "SELECT bag_id FROM v_sent_bag WHERE state <> 'recalled'))",
    ),
    (
        "bag_is_accepted_once",
        "SELECT sent_paper FROM v_accepted_bag WHERE state <> 'undone' GROUP BY sent_paper HAVING count(*) > 1",
    ),
)
