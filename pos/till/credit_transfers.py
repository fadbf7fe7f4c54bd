"""Money in a bank's file that its payer transferred: whose it is, and what becomes of it.

The shop's rules say which way to pay it is (``transfers_as``); without one it is noted, and nothing is posted.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from pos.domain.bank_file import EntryOutcome, EntryPlan
from pos.domain.errors import Refused
from pos.domain.tender import instrument_of, plain_reference, read_date
from pos.till.entry_books import EntryBooks, details_of_entry, transfer_mode
from pos.till.money_that_came import settled
from pos.till.remittance import payee_named

PLAIN = "CT"
"""Before the reference of a transfer as it is compared: it is the bank's, and none that we gave."""


def transferred(books: EntryBooks, plan: EntryPlan, today: date) -> EntryPlan:
    """What becomes of a credit transfer. Raises Refused where its money cannot be kept so."""
    shop = books.desk.identity.currency
    mode = transfer_mode(books.desk)
    if mode is None:
        return replace(plan, outcome=EntryOutcome.NOTED)
    if plan.amount.currency != shop:
        raise Refused("other_currency", f"This till takes money in {shop}.")
    if not plan.amount:
        raise Refused("amount_missing", "The bank names no amount.")
    value_date = read_date(plan.entry.value_date, field="Value date")
    # What the bank calls it is its own; what a payer calls it may be the same each month.
    called = plan.entry.bank_reference
    plain = plain_reference(called or f"{plan.entry.reference} {value_date:%Y%m%d}")
    named = payee_named(books, plan.entry, plan.amount)
    plan = replace(
        plan,
        mode=mode.code,
        plain=f"{PLAIN}{plain}",
        value_date=value_date,
        account=None if named is None else named.account,
        bill_no=None if named is None else named.bill_no,
    )
    money = next((told for told in books.told(plan.plain) if told.is_money), None)
    if money is not None:
        if money.amount != plan.amount:
            raise Refused("paid_otherwise", "Another amount was paid under this reference before.")
        return replace(plan, outcome=EntryOutcome.DUPLICATE)
    details = details_of_entry(mode, plan)
    instrument = instrument_of(mode, details, plan.amount)
    if instrument is None or books.has_paper(instrument):
        return replace(plan, outcome=EntryOutcome.DUPLICATE)
    return settled(books, plan, mode, details, today)
