"""Checking cash from scratch: foreign notes and their rates, what a count declared, and large amounts of one payer.

Source: domain.md rules 7, 61, 62; reliability.md section 2 (20, 30, 33).
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection

from pos.domain.errors import Refused
from pos.domain.foreign_cash import worth
from pos.domain.money import Money, currency
from pos.till.verify_corrections import STANDS

UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, Refused)
"""What reading a row raises whose cells hold what this program never writes: the row is named, and the next one is read."""

_POSTED = (
    "coalesce((SELECT sum({side}) FROM journal_entry JOIN journal_line USING (entry_id) "
    "WHERE source_kind = '{source}' AND source_id = {key} AND ledger_account {accounts}), 0)"
)

CASH_CHECKS: tuple[tuple[str, str], ...] = (
    (
        "expected_cash",
        "SELECT shift_id FROM shift JOIN shift_close USING (shift_id) WHERE expected_cash_minor <> float_minor + coalesce("
        "(SELECT sum(iif(foreign_minor IS NULL, tender.amount_minor, 0) - tender.change_minor) FROM payment_event "
        "JOIN tender USING (payment_event_id) WHERE payment_event.shift_id = shift.shift_id AND mode IN ({cash}) "
        "AND tender_id NOT IN (SELECT tender_id FROM trust_tender) "
        f"AND {STANDS}), 0) - coalesce((SELECT sum(paid.amount_minor) FROM correction "
        "JOIN correction_cash AS paid USING (correction_id) JOIN tender ON tender.tender_id = paid.tender_id "
        "JOIN payment_event ON payment_event.payment_event_id = tender.payment_event_id "
        "WHERE correction.shift_id = shift.shift_id "
        f"AND NOT (payment_event.shift_id = shift.shift_id AND NOT {STANDS})), 0) - coalesce((SELECT sum(leg.amount_minor) "
        "FROM refund_across JOIN refund_across_leg AS leg USING (refund_id) WHERE is_cash "
        "AND refund_across.shift_id = shift.shift_id), 0) + coalesce((SELECT sum(drawer_minor) FROM v_cash_move "
        "WHERE v_cash_move.shift_id = shift.shift_id), 0)",
    ),
    (
        "cash_move_is_posted",
        "SELECT move_id FROM v_cash_move WHERE drawer_minor <> "
        + _POSTED.format(
            side="debit_minor - credit_minor", source="cash_move", key="move_id", accounts="= 'cash_in_till'"
        ),
    ),
    (
        "cash_move_has_its_paper",
        "SELECT receipt.receipt_number FROM receipt LEFT JOIN cash_move USING (receipt_number) "
        "WHERE (receipt.kind IN ('pickup', 'loan', 'paid_in', 'paid_out', 'move_undone')) "
        "<> (cash_move.move_id IS NOT NULL) OR iif(json_valid(facts_json), "
        "json_extract(facts_json, '$.total') <> cash_move.amount_minor, 0) UNION "
        "SELECT move_id FROM cash_move WHERE receipt_number IS NOT NULL "
        "AND receipt_number NOT IN (SELECT receipt_number FROM receipt)",
    ),
    (
        "hand_over_ends_a_shift_and_begins_one",
        "SELECT v_hand_over.hand_over_id FROM v_hand_over LEFT JOIN shift_close USING (shift_id) "
        "LEFT JOIN shift AS next ON next.shift_id = next_shift_id LEFT JOIN shift ON shift.shift_id = v_hand_over.shift_id "
        "WHERE v_hand_over.operator IS NOT shift.operator OR to_operator = v_hand_over.operator OR (state = 'accepted' "
        "AND (shift_close.count_id IS NOT v_hand_over.count_id OR next.float_minor IS NOT cash_minor "
        "OR next.operator IS NOT ended_by OR ended_by = v_hand_over.operator OR next.opened_at_utc IS NOT closed_at_utc)) "
        "OR (state = 'offered' AND closed_at_utc IS NOT NULL)",
    ),
    (
        "hand_over_has_its_paper",
        "SELECT receipt.receipt_number FROM receipt LEFT JOIN v_hand_over AS done USING (receipt_number) "
        "WHERE (kind = 'hand_over') <> (done.hand_over_id IS NOT NULL) OR iif(kind = 'hand_over' "
        "AND json_valid(facts_json), json_extract(facts_json, '$.total') <> cash_minor, 0) UNION "
        "SELECT receipt_number FROM hand_over_accepted WHERE receipt_number NOT IN (SELECT receipt_number FROM receipt)",
    ),
    (
        "safe_count_is_posted",
        "SELECT count_id FROM safe_count WHERE difference_minor <> "
        + _POSTED.format(
            side="debit_minor - credit_minor", source="safe_count", key="count_id", accounts="= 'safe'"
        ),
    ),
    (
        "closed_day_is_its_shifts",
        "SELECT business_date FROM day_close WHERE (shifts, payments, gross_minor) IS NOT (SELECT count(*), "
        "coalesce(sum((SELECT count(*) FROM payment_event WHERE payment_event.shift_id = shift.shift_id)), 0), "
        "coalesce(sum((SELECT coalesce(sum(amount_minor), 0) FROM payment_event "
        "WHERE payment_event.shift_id = shift.shift_id)), 0) "
        "FROM shift WHERE shift.business_date = day_close.business_date)",
    ),
    (
        "closed_shift_has_its_z_report",
        "SELECT shift_id FROM shift_close JOIN shift USING (shift_id) WHERE shift_id NOT IN (SELECT shift_id FROM z_report) "
        "AND number > (SELECT min(first.number) FROM shift AS first JOIN z_report USING (shift_id))",
    ),
    (
        "z_report_is_its_shift",
        "SELECT receipt.receipt_number FROM receipt LEFT JOIN z_report AS z USING (receipt_number) "
        "WHERE (kind = 'z_report') <> (z.shift_id IS NOT NULL) OR iif(kind = 'z_report' AND json_valid(facts_json), "
        "json_extract(facts_json, '$.total') <> (SELECT coalesce(sum(amount_minor), 0) FROM payment_event "
        "WHERE payment_event.shift_id = z.shift_id), 0) UNION "
        "SELECT receipt_number FROM z_report WHERE receipt_number NOT IN (SELECT receipt_number FROM receipt)",
    ),
    (
        "z_totals_never_fall",
        "WITH in_order AS (SELECT z.*, lag(gross_minor, 1, 0) OVER each AS gross_before, "
        "lag(undone_minor, 1, 0) OVER each AS undone_before, lag(refunded_minor, 1, 0) OVER each AS refunded_before, "
        "lag(duplicates, 1, 0) OVER each AS duplicates_before, lag(no_sales, 1, 0) OVER each AS no_sales_before "
        "FROM z_report AS z JOIN shift USING (shift_id) WINDOW each AS (PARTITION BY z.currency ORDER BY number)) "
        "SELECT receipt_number FROM in_order WHERE gross_minor < gross_before + (SELECT coalesce(sum(amount_minor), 0) "
        "FROM payment_event WHERE payment_event.shift_id = in_order.shift_id) OR undone_minor < undone_before "
        "OR refunded_minor < refunded_before OR duplicates < duplicates_before OR no_sales < no_sales_before "
        "OR gross_minor > (SELECT coalesce(sum(amount_minor), 0) FROM payment_event WHERE currency = in_order.currency)",
    ),
    (
        "difference_is_accepted_by_another",
        "SELECT difference_accepted.shift_id FROM difference_accepted LEFT JOIN z_report USING (shift_id) "
        "JOIN shift ON shift.shift_id = difference_accepted.shift_id "
        "WHERE needs_acceptance IS NOT 1 OR shift.operator = difference_accepted.operator",
    ),
    (
        "trust_money_is_counted_apart",
        "SELECT shift_id FROM shift_close LEFT JOIN trust_close USING (shift_id) WHERE coalesce(expected_minor, 0) <> "
        "coalesce((SELECT sum(tender.amount_minor - change_minor) FROM payment_event JOIN tender USING (payment_event_id) "
        f"JOIN trust_tender USING (tender_id) WHERE payment_event.shift_id = shift_close.shift_id AND {STANDS}), 0) "
        "OR coalesce(trust_close.over_short_minor, 0) <> coalesce((SELECT sum(credit_minor - debit_minor) "
        "FROM journal_entry JOIN journal_line USING (entry_id) WHERE source_kind = 'trust_counted' "
        "AND source_id = shift_id AND ledger_account = 'cash_over_short'), 0)",
    ),
    (
        "trust_money_is_posted_apart",
        "SELECT payment_event_id FROM tender JOIN trust_tender USING (tender_id) GROUP BY payment_event_id "
        "HAVING sum(amount_minor - change_minor) <> coalesce((SELECT sum(debit_minor) FROM journal_entry "
        "JOIN journal_line USING (entry_id) WHERE source_kind = 'payment' AND source_id = payment_event_id "
        "AND ledger_account = 'trust_money'), 0)",
    ),
    (
        "counted_cash",
        "SELECT shift_id FROM shift_close WHERE counted_cash_minor IS NOT (SELECT cash_minor + coalesce((SELECT "
        "sum(amount_minor) FROM shift_count_declared AS declared WHERE declared.count_id = shift_count.count_id), 0) "
        "FROM shift_count WHERE shift_count.count_id = shift_close.count_id)",
    ),
    (
        "over_short_is_booked",
        "SELECT shift_id FROM shift_close WHERE over_short_minor + coalesce((SELECT sum(over_short_minor) FROM "
        "shift_close_foreign AS other WHERE other.shift_id = shift_close.shift_id), 0) <> "
        + _POSTED.format(
            side="credit_minor - debit_minor",
            source="shift_closed",
            key="shift_id",
            accounts="= 'cash_over_short'",
        ),
    ),
    (
        "foreign_cash_is_booked",
        "SELECT payment_event_id FROM tender GROUP BY payment_event_id "
        "HAVING sum(iif(foreign_minor IS NULL, 0, amount_minor)) <> "
        + _POSTED.format(
            side="debit_minor",
            source="payment",
            key="payment_event_id",
            accounts="= 'foreign_cash_in_till'",
        ),
    ),
    (
        "expected_foreign_cash",
        "SELECT shift_id || ' ' || currency FROM shift_close_foreign AS other WHERE (expected_minor, booked_minor) IS NOT ("
        "SELECT coalesce(sum(foreign_minor), 0), coalesce(sum(tender.amount_minor), 0) FROM payment_event "
        "JOIN tender USING (payment_event_id) WHERE payment_event.shift_id = other.shift_id "
        f"AND foreign_currency = other.currency AND {STANDS})",
    ),
    (
        "counted_foreign_cash",
        "SELECT shift_id || ' ' || currency FROM shift_close_foreign AS other JOIN shift_close USING (shift_id) "
        "WHERE counted_minor <> coalesce((SELECT counted.counted_minor FROM shift_count_foreign AS counted "
        "WHERE counted.count_id = shift_close.count_id AND counted.currency = other.currency), 0)",
    ),
    (
        "foreign_cash_is_closed",
        "SELECT DISTINCT payment_event.shift_id || ' ' || foreign_currency FROM payment_event "
        "JOIN tender USING (payment_event_id) JOIN shift_close ON shift_close.shift_id = payment_event.shift_id "
        f"WHERE foreign_currency IS NOT NULL AND {STANDS} AND NOT EXISTS (SELECT 1 FROM shift_close_foreign AS other "
        "WHERE other.shift_id = payment_event.shift_id AND other.currency = foreign_currency)",
    ),
    *(
        (
            f"{column}_of_foreign_cash_is_booked",
            f"SELECT shift_id FROM shift_close_foreign GROUP BY shift_id HAVING sum({column}_minor) <> "
            + _POSTED.format(
                side=side, source="shift_closed", key="shift_id", accounts=f"= '{ledger_account}'"
            ),
        )
        for column, side, ledger_account in (
            ("value", "debit_minor", "foreign_cash_safe"),
            ("exchange", "credit_minor - debit_minor", "exchange_difference"),
            ("booked", "credit_minor", "foreign_cash_in_till"),
        )
    ),
    (
        "declared_cash_is_booked",
        "SELECT shift_id || ' ' || ledger_account FROM shift_close JOIN shift_count_declared USING (count_id) "
        "GROUP BY shift_id, ledger_account HAVING sum(amount_minor) <> "
        + _POSTED.format(
            side="debit_minor",
            source="shift_closed",
            key="shift_id",
            accounts="= shift_count_declared.ledger_account",
        ),
    ),
    (
        "large_cash_is_the_payers_cash",
        "SELECT payment_event_id FROM large_cash WHERE (cash_minor, business_date) IS NOT (SELECT sum(tender.amount_minor "
        "- tender.change_minor), min(business_date) FROM payment_event JOIN tender USING (payment_event_id) "
        "WHERE payment_event.payment_event_id = large_cash.payment_event_id AND mode IN ({cash}))",
    ),
)


def misvalued_notes(connection: Connection) -> Iterator[tuple[str, str]]:
    """Foreign notes whose value is not their amount at their rate, taken or closed: (check, where)."""
    taken = connection.exec_driver_sql(
        "SELECT tender_id, amount_minor, currency, foreign_minor, foreign_currency, rate FROM tender "
        "WHERE foreign_minor IS NOT NULL"
    )
    for tender_id, minor, code, foreign_minor, foreign_code, rate in taken.yield_per(500):
        try:
            value = worth(Money(foreign_minor, currency(foreign_code)), rate, currency(code))
        except UNREADABLE:
            yield "tender_can_be_read", tender_id
            continue
        if value.minor != minor:
            yield "foreign_cash_is_worth_its_rate", tender_id
    closed = connection.exec_driver_sql(
        "SELECT shift_id, shift.currency, other.currency, expected_minor, counted_minor, booked_minor, rate, value_minor, "
        "exchange_minor FROM shift_close_foreign AS other JOIN shift USING (shift_id)"
    )
    for row in closed.yield_per(500):
        try:
            soundly_closed = _closes_at_its_rate(*row[1:])
        except UNREADABLE:
            yield "closed_foreign_cash_can_be_read", f"{row[0]} {row[2]}"
            continue
        if not soundly_closed:
            yield "foreign_cash_closes_at_its_rate", f"{row[0]} {row[2]}"


def _closes_at_its_rate(
    code: str, foreign_code: str, expected: int, counted: int, booked: int, rate: str, *stated: int
) -> bool:
    shop, foreign = currency(code), currency(foreign_code)
    safe = worth(Money(counted, foreign), rate, shop).minor
    gained = worth(Money(expected, foreign), rate, shop).minor - booked
    return (safe, gained) == stated
