"""Every word that a paper says by itself, in one table for each language.

What comes from the facts (names, tender labels, notes) is printed as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pos.domain.number_format import PLAIN, NumberFormat
from receipts.sheet_labels import SHEET, SHEET_HEADING, SHEET_SAID


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """The words of one language, and how amounts are written among them. ``{...}`` is filled in by ``compose``.

    ``account_by_payer_kind``, ``kept_as`` and ``tender_detail`` are keyed by the codes in the facts; an unknown payer kind
    gets ``account``, an unknown way of keeping ``credit_on_account``, an unknown detail is printed under its own name.
    ``sheet_heading``, ``sheet`` and ``sheet_said`` are the words of the cash office's papers, by kind, line and code.
    """

    language: str
    receipt: str
    sales_receipt: str
    provisional: str
    not_a_receipt: str
    held_until: str
    held_until_its_date: str
    tax_number: str
    business_date: str
    taken_at: str
    terminal: str
    terminal_and_shift: str
    operator: str
    account: str
    account_by_payer_kind: Mapping[str, str]
    name: str
    for_account: str
    all_amounts_in: str
    bill: str
    still_open: str
    credit_on_account: str
    kept_as: Mapping[str, str]
    items: str
    item: str
    items_at: str
    item_serial: str
    item_pin: str
    list_price: str
    advance_on_use: str
    total: str
    total_held: str
    tax_included: str
    tax_in_items: str
    tax_on_bills: str
    tax: str
    tendered: str
    change: str
    cash_rounding: str
    gross: str
    commission: str
    withheld: str
    commission_credited: str
    commission_owed: str
    tender_detail: Mapping[str, str]
    training: str
    training_not_real: str
    duplicate: str
    duplicate_printed_at: str
    duplicate_operator: str
    duplicate_reason: str
    mark: str
    closing: str
    voucher: str
    voucher_worth: str
    voucher_until: str
    voucher_serial: str
    voucher_of: str
    voucher_minimum: str
    voucher_alone: str
    voucher_rest: Mapping[str, str]
    voucher_closing: str
    deposit_slip: str
    deposit_holder: str
    deposit_bank: str
    deposit_account: str
    deposit_day: str
    deposit_made_by: str
    deposit_cheque: str
    deposit_of: str
    deposit_bag: str
    deposit_count: str
    deposit_bags: str
    deposit_stamp: str
    deposit_reference: str
    deposit_signature: str
    cheque_given_back: str
    cheque_signature: str
    correction_heading: Mapping[str, str]
    correction_of: str
    correction_of_time: str
    correction_reason: str
    correction_approver: str
    correction_taken_off: str
    correction_put_on: str
    correction_for: str
    correction_number: str
    correction_cut: str
    correction_cash: str
    correction_signature: str
    undone: str
    undone_by: str
    sheet_heading: Mapping[str, str]
    sheet: Mapping[str, str]
    sheet_said: Mapping[str, str]
    numbers: NumberFormat = PLAIN
    mark_as_code: bool = False
    in_training: bool = False
    """Whether a paper's number and mark stand below it for a scanner too."""


ENGLISH = Labels(
    language="en",
    receipt="RECEIPT",
    sales_receipt="SALES RECEIPT",
    provisional="PROVISIONAL {heading}",
    not_a_receipt="NOT A RECEIPT",
    held_until="Cheque held until {date}",
    held_until_its_date="Cheque held until its date",
    tax_number="Tax no. {number}",
    business_date="Business day",
    taken_at="Time",
    terminal="Terminal",
    terminal_and_shift="{terminal}, shift {shift}",
    operator="Served by",
    account="Account",
    account_by_payer_kind=MappingProxyType({"dealer": "Dealer acct"}),
    name="Name",
    for_account="For account {account}",
    all_amounts_in="All amounts in {currency}",
    bill="Bill {number}",
    still_open="still open {amount}",
    credit_on_account="Credit on account",
    kept_as=MappingProxyType(
        {"advance": "Advance payment", "deposit": "Security deposit", "suspense": "In suspense"}
    ),
    items="Items",
    item="Item {item}",
    items_at="Item {item}, {quantity} x {price}",
    item_serial="Serial {serial}",
    item_pin="PIN {serial}",
    list_price="List price {price}: {reason}",
    advance_on_use="Advance, taxed when it is used",
    total="TOTAL {currency}",
    total_held="TOTAL HELD {currency}",
    tax_included="Tax included (tax on net):",
    tax_in_items="Tax in the items (tax on net):",
    tax_on_bills="Bills: taxed when billed, no new tax",
    tax="{category} {rate}%: {tax} on {net}",
    tendered="Tendered",
    change="CHANGE",
    cash_rounding="Cash rounding",
    gross="Gross",
    commission="Your commission",
    withheld="Tax withheld of it",
    commission_credited="Commission {commission}, tax withheld {withheld}: {paid} to your account",
    commission_owed="Commission {commission}, tax withheld {withheld}: {paid} at settlement",
    tender_detail=MappingProxyType(
        {
            "account": "Account",
            "atm": "ATM",
            "auth_code": "Authorisation",
            "bank": "Bank",
            "branch": "Branch",
            "brand": "Card",
            "card_terminal": "Card terminal",
            "code": "Voucher",
            "date": "Date",
            "drawer": "Drawer",
            "expires": "Expires",
            "held_until": "Held until",
            "issuer": "Issuer",
            "kind": "Kind",
            "last4": "Card ends in",
            "mandate": "Mandate",
            "reference": "Reference",
            "rrn": "RRN",
            "serial": "Serial",
            "trace": "Trace",
        }
    ),
    training="TRAINING",
    training_not_real="Not real. No money was taken.",
    duplicate="DUPLICATE {number}",
    duplicate_printed_at="Printed {time}",
    duplicate_operator="by {operator}",
    duplicate_reason="Reason: {reason}",
    mark="Mark {mark}",
    closing="Please keep this receipt.",
    voucher="VOUCHER",
    voucher_worth="WORTH {currency}",
    voucher_until="Valid until",
    voucher_serial="Voucher no.",
    voucher_of="Rest of",
    voucher_minimum="For bills of {amount} and more.",
    voucher_alone="Not together with another voucher.",
    voucher_rest=MappingProxyType(
        {
            "forfeit": "Used once; what is left of it is lost.",
            "credit": "Used once; what is left of it is credit on the account.",
            "new_voucher": "Used once; for what is left of it you get a new one.",
        }
    ),
    voucher_closing="As good as money: keep it safe.",
    deposit_slip="DEPOSIT SLIP",
    deposit_holder="Credit to",
    deposit_bank="Bank",
    deposit_account="Account",
    deposit_day="Day",
    deposit_made_by="Made by",
    deposit_cheque="{place}. {serial}",
    deposit_of="{bank}, dated {date}",
    deposit_bag="Cash in bag {number}",
    deposit_count="Cheques: {count}",
    deposit_bags="Bags: {count}",
    deposit_stamp="Stamp of the bank",
    deposit_reference="Reference and day",
    deposit_signature="Signature",
    cheque_given_back="CHEQUE GIVEN BACK",
    cheque_signature="Cheque received back (signature):",
    correction_heading=MappingProxyType(
        {
            "void": "VOID",
            "reversal": "REVERSAL",
            "tender_cancellation": "PAYMENT CANCELLED",
            "refund": "REFUND",
            "transfer": "PAYMENT TRANSFER",
            "reallocation": "PAYMENT MOVED",
            "dishonour": "RETURNED CHEQUE",
            "reinstatement": "CHEQUE COUNTS AGAIN",
        }
    ),
    correction_of="Of receipt",
    correction_of_time="Taken at",
    correction_reason="Reason",
    correction_approver="Approved by",
    correction_taken_off="No longer paid",
    correction_put_on="Paid instead",
    correction_for="For account {account}",
    correction_number="Number",
    correction_cut="- - - cut here - - -",
    correction_cash="CASH BACK",
    correction_signature="Cash received (signature):",
    undone="VOID",
    undone_by="Undone by {paper}",
    sheet_heading=SHEET_HEADING,
    sheet=SHEET,
    sheet_said=SHEET_SAID,
)
