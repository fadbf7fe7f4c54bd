"""The rules that a naive build would miss (domain.md section 4), one line a rule: the fact that shows it best.

Each line names a test whose docstring begins with the number of its rule; others of that rule are found by the same words.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

SHOWN_BY = {
    1: "domain/test_money.py::test_no_float_on_money_path",
    2: "domain/test_cash_rounding.py::test_only_the_cash_that_other_tenders_leave_is_rounded",
    3: "domain/test_cash_rounding.py::test_rounding_is_the_same_on_both_sides_of_zero",
    4: "domain/test_cash_rounding.py::test_the_difference_has_an_account_of_its_own",
    5: "domain/test_payment_event.py::test_change_comes_out_of_the_cash_and_the_rest_of_a_cheque_is_credit",
    6: "domain/test_debt_rules.py::test_with_rounding_and_write_off_everything_adds_up",
    7: "domain/test_foreign_cash.py::test_notes_are_frozen_with_their_rate_and_its_source",
    8: "till/test_advances.py::test_an_advance_that_is_taxed_on_receipt_carries_its_tax",
    9: "till/test_advances.py::test_the_tax_of_each_rate_is_the_sum_of_its_lines_and_stays_so_on_a_reprint",
    10: "domain/test_money.py::test_rounding_conserves",
    11: "domain/test_debt_rules.py::test_the_default_order_is_the_same_however_the_bills_come",
    12: "till/test_debt_and_suspense.py::test_who_chose_a_bill_is_kept_with_it",
    13: "till/test_debt_and_suspense.py::test_an_allocation_is_a_record_of_its_own_with_the_tender_that_funded_it",
    14: "till/test_debt_and_suspense.py::test_which_tender_funded_what_is_remembered",
    15: "central/test_debt_and_credit.py::test_credit_is_used_on_the_next_bill_by_itself_and_a_deposit_never",
    16: "central/test_rules_at_central.py::test_final_money_asks_for_reconnection_once",
    17: "till/test_dunning.py::test_the_stage_that_an_account_had_is_kept_with_the_payment",
    18: "till/test_debt_and_suspense.py::test_paying_a_written_off_account_reverses_the_write_off_first",
    19: "till/test_take_payment.py::test_receipt_numbers_gapless_per_series",
    20: "store/test_append_only.py::test_a_receipt_number_that_repeats_or_leaves_a_gap_is_refused",
    21: "wire/test_verify_with_central.py::test_each_enrolment_has_a_receipt_series_of_its_own",
    22: "till/test_post_dated.py::test_its_note_is_of_a_series_of_its_own",
    23: "till/test_take_payment.py::test_the_same_event_again_is_told_again_and_booked_once",
    24: "central/test_rules_at_central.py::test_two_like_payments_within_minutes_are_both_kept_and_flagged",
    25: "till/test_business_day.py::test_a_shift_that_runs_past_midnight_keeps_its_date_and_so_does_its_late_close",
    26: "till/test_shop_clock.py::test_a_clock_before_the_last_deed_opens_no_shift_until_a_supervisor_confirms_it",
    27: "tui/test_two_tills.py::test_a_later_sign_in_elsewhere_locks_this_screen_and_the_pin_takes_it_back",
    28: "domain/test_check_digit.py::test_one_wrong_digit_is_told",
    29: "till/test_corrections.py::test_a_void_is_the_exact_inverse",
    30: "till/test_corrections.py::test_a_void_is_of_the_own_open_shift",
    31: "till/test_corrections.py::test_a_cheque_on_a_slip_for_the_bank_is_not_given_back",
    32: "till/test_refunds.py::test_never_more_than_was_paid_and_still_stands",
    33: "till/test_corrections.py::test_neither_who_asks_nor_who_took_it_approves",
    34: "till/test_corrections.py::test_the_voided_receipt_keeps_its_number_and_says_that_it_is_void",
    36: "till/test_swaps.py::test_the_payment_stays_and_the_money_is_where_it_really_is",
    37: "central/test_cheques.py::test_a_cheque_presented_twice_is_kept_and_held",
    38: "till/test_cheque_intake.py::test_a_cheque_that_is_nearly_too_old_is_told_to_whoever_takes_it",
    39: "till/test_post_dated.py::test_a_cheque_of_a_later_date_is_no_payment",
    40: "domain/test_cheque.py::test_a_third_partys_cheque_is_looked_at_first",
    41: "domain/test_cheque.py::test_the_cap_is_that_of_the_accounts_class",
    42: "till/test_deposits.py::test_a_slip_is_the_sum_of_its_cheques_and_the_bank_must_credit_just_that",
    43: "domain/test_cheque.py::test_a_line_fills_the_fields_and_is_kept",
    44: "cards/test_nexo.py::test_a_bill_is_paid_over_the_wire_and_no_card_number_is_kept",
    45: "cards/test_nexo.py::test_a_timeout_is_unknown_and_never_declined",
    46: "till/test_voucher_rules.py::test_a_voucher_with_a_minimum_bill_pays_only_where_the_bills_reach_it",
    47: "till/test_bank_receipts.py::test_a_receipt_nearly_the_same_as_another_asks_to_compare_the_papers",
    48: "till/test_bank_receipts.py::test_a_receipt_for_a_cheque_is_uncleared_until_its_value_date",
    49: "till/test_imports.py::test_a_record_that_comes_after_its_slip_is_matched_and_posts_nothing",
    50: "domain/test_acceptance_matrix.py::test_the_matrix_is_obeyed",
    51: "till/test_offline_limits.py::test_beyond_an_offline_limit_a_mode_is_refused_and_cash_is_named",
    58: "till/test_bank_receipts.py::test_goods_bought_by_cheque_are_open_orders_until_it_clears",
    59: "till/test_commission.py::test_a_net_commission_at_the_sale_is_paid_less_and_the_sale_stays_gross",
    60: "till/test_trust_money.py::test_bill_money_at_a_dealers_till_is_apart_from_the_dealers_cash",
    61: "till/test_large_cash.py::test_the_cash_of_a_day_is_summed",
    62: "till/test_declared_cash.py::test_a_declared_note_is_no_shortage",
    64: "till/test_own_accounts.py::test_a_payment_on_the_own_account_needs_a_second_person",
}


@pytest.mark.sweep(1)
@pytest.mark.parametrize(("number", "test"), SHOWN_BY.items())
def test_each_rule_has_a_test_that_says_its_number(number: int, test: str) -> None:
    path, name = test.split("::")
    tree = ast.parse((ROOT / "tests" / path).read_text("utf-8"))
    found = {
        node.name: ast.get_docstring(node) or ""
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }

    assert re.match(rf"Rule {number}\b", found[name])


def test_no_rule_of_payments_is_left_out() -> None:
    of_payments = {*range(1, 35), *range(36, 52), *range(58, 63), 64}

    assert of_payments == SHOWN_BY.keys()
