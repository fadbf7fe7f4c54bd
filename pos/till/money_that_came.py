"""Money that a bank's file tells of for the first time: matched with what the counter keyed, posted, or in suspense."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from pos.domain.bank_file import EntryOutcome, EntryPlan
from pos.domain.errors import Refused
from pos.domain.imported_record import BankRecord, differences
from pos.domain.money import Currency
from pos.domain.payment_mode import PaymentMode
from pos.domain.tender import instrument_of
from pos.store import cache as cached
from pos.till.desk import Desk
from pos.till.entry_books import EntryBooks


def settled(
    books: EntryBooks, plan: EntryPlan, mode: PaymentMode, details: Mapping[str, str], today: date
) -> EntryPlan:
    """What becomes of it; a value date to come waits. Raises Refused where it is somebody's who may not pay so."""
    desk, shop = books.desk, books.desk.identity.currency
    instrument = instrument_of(mode, details, plan.amount)
    assert instrument is not None
    value_date = plan.value_date
    assert value_date is not None
    slip = books.slip(instrument)
    if slip is not None:
        record = BankRecord(
            mode=mode,
            instrument=instrument,
            details=details,
            amount=plan.amount,
            account=plan.account or "",
            bill_no=plan.bill_no,
        )
        differs = differences(record, slip) if plan.account else ()
        return replace(
            plan,
            outcome=EntryOutcome.DIFFERS if differs else EntryOutcome.MATCHED,
            receipt=slip.receipt_number,
            tender_id=slip.tender_id,
        )
    unknown = _owner_problem(desk, mode, plan.account, shop)
    if value_date > today:
        return replace(plan, outcome=EntryOutcome.WAITING)
    return replace(plan, outcome=EntryOutcome.SUSPENSE if unknown else EntryOutcome.POSTED)


def _owner_problem(desk: Desk, mode: PaymentMode, account_id: str | None, shop: Currency) -> bool:
    """Whether nobody knows whose money it is. Raises Refused where it is somebody's who may not pay so (rule 50)."""
    if account_id is None:
        return True
    with desk.cache.read() as connection:
        account = cached.account_by_id(connection, account_id)
    if account is None:
        return True
    if account.kind not in mode.accepts:
        raise Refused("mode_not_for_payer", f"{mode.label} is not taken from a {account.kind}.")
    if account.currency != shop:
        raise Refused("account_other_currency", f"Account {account_id} is kept in {account.currency}.")
    return False
