"""The English words of the cash office's papers, by the codes of ``pos.domain.sheet``."""

from __future__ import annotations

from types import MappingProxyType

SHEET_HEADING = MappingProxyType(
    {
        "pickup": "PICKUP TO THE SAFE",
        "loan": "LOAN FROM THE SAFE",
        "paid_in": "PAID IN",
        "paid_out": "PAID OUT",
        "move_undone": "CASH MOVE TAKEN BACK",
        "x_report": "X REPORT",
        "z_report": "Z REPORT",
        "safe_count": "SAFE COUNT",
        "day_report": "END OF DAY",
    }
)

SHEET = MappingProxyType(
    {
        "undoes": "Takes back",
        "reason": "Reason",
        "text": "For",
        "approver": "Approved by",
        "handed_over": "Handed over (signature):",
        "received_in_safe": "Received for the safe (signature):",
        "given_by_safe": "Given out of the safe (signature):",
        "received": "Received (signature):",
        "paid_in_by": "Paid in by (signature):",
        "cash_received": "Cash received (signature):",
        "opened_at": "Opened",
        "first_receipt": "First receipt",
        "last_receipt": "Last receipt",
        "payments": "Payments: {count}",
        "taken_by": "{said}: {count}",
        "corrections": "Corrections",
        "corrected": "{said}: {count}",
        "duplicates": "Duplicates printed",
        "no_sales": "Drawer opened without a sale",
        "cash_moves": "Cash in and out of the drawer",
        "moved": "{said}: {count}",
        "sales": "Items and services",
        "sold_at": "Sold at {said}",
        "tax_within": "Tax within, {said}",
        "drawer": "Drawer",
        "float": "Float",
        "expected_cash": "Expected in cash",
        "counted_cash": "Counted",
        "declared": "of it {said}",
        "over_short": "OVER / SHORT",
        "expected_foreign": "Expected in {said}",
        "counted_foreign": "Counted in {said}",
        "over_short_foreign": "Over / short of {said}",
        "exchange": "Rate difference of {said}",
        "expected_trust": "Expected bill money of the operator",
        "counted_trust": "Counted bill money",
        "over_short_trust": "OVER / SHORT of bill money",
        "expected_cheques": "Cheques expected: {count}",
        "counted_cheques": "Cheques counted: {count}",
        "difference_reason": "Reason",
        "since_the_first_day": "Since the first day of this till",
        "grand_payments": "Payments: {count}",
        "grand_undone": "Undone",
        "grand_refunded": "Refunded",
        "grand_duplicates": "Duplicates printed",
        "grand_no_sales": "Drawer opened without a sale",
        "loose_cash": "Loose cash",
        "sealed_bags": "Sealed bags",
        "bag": "Bag {said}",
        "bags": "Bags: {count}",
        "shifts_of_day": "Shifts",
        "shift_of_day": "{said}",
        "over_short_of_shift": "over / short of user {said}",
        "left_of_day": "Not done when the day was closed",
        "left_over": "{said}",
        "closed_by": "Closed by (signature):",
        "second_counter": "Counted beside (signature):",
        "counted_by": "Counted by (signature):",
        "checked_by": "Difference looked at by (signature):",
    }
)
"""``{said}`` and ``{count}`` are filled in; a line of words alone has the words beside it."""

SHEET_SAID = MappingProxyType(
    {
        "pickup": "Pickup to the safe",
        "loan": "Loan from the safe",
        "paid_in": "Paid in",
        "paid_out": "Paid out",
        "void": "Void",
        "reversal": "Reversal",
        "tender_cancellation": "Payment cancelled",
        "refund": "Refund",
        "refund_across": "Refund of another till's payment",
        "transfer": "Payment transfer",
        "reallocation": "Payment moved",
        "dishonour": "Returned cheque",
        "reinstatement": "Cheque counts again",
        "counterfeit": "counterfeit",
        "damaged": "damaged",
        "foreign_coins": "foreign coins",
        "found": "found",
        "other": "other",
        "postage": "postage",
        "supplies": "supplies",
        "transport": "transport",
    }
)
"""Codes among the words of the facts; what is not here is printed as it is."""
