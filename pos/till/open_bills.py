"""What is open: central's snapshot less this till's own deeds that the snapshot lacks (architecture.md section 2)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from pos.domain.bill import BillSnapshot, BillState, OpenBill, OwnAllocation, SummaryLine, open_on
from pos.domain.money import Money, zero
from pos.store import cache as cached
from pos.store.cache import credit_of
from pos.store.cached_bounces import settle_bounces
from pos.store.database import StoreError
from pos.store.dishonours import ChargeBill, charge_bills
from pos.store.own_bounces import own_bounces
from pos.store.payments import all_own_allocations, own_allocations, own_credits, own_on_bill
from pos.store.times import utc_text
from pos.till.desk import Desk

NOTHING_BESIDE: Mapping[str, Money] = MappingProxyType({})


def open_bills(
    connection: Connection, bills: Iterable[BillSnapshot], *, beside: Mapping[str, Money] = NOTHING_BESIDE
) -> list[OpenBill]:
    """``bills`` with what is open on each, by the books behind ``connection`` (till.db).

    ``beside``: what is to be set against a bill beside the books; below zero: taken off it.
    """
    told = list(bills)
    own = {bill.bill_no: own_on_bill(connection, bill) for bill in told}
    for bill_no, amount in beside.items():
        own[bill_no].append(
            OwnAllocation(
                bill_no=bill_no, amount=amount, correlator_id="beside", server_id=None, applied_change=None
            )
        )
    return [open_on(bill, own[bill.bill_no]) for bill in told]


def catch_up(desk: Desk) -> None:
    """Bring the cache's open amounts up to the deeds just booked. Runs on the cache's writer, after the commit.

    Never raises for the disk: the deed is booked, and what the cache lacks waits for the next time or the next start.
    """
    bill_nos, accounts = _emptied(desk.touched_bills), _emptied(desk.touched_accounts)
    try:
        catch_up_on(desk, bill_nos, accounts)
    except (DBAPIError, StoreError):
        desk.touched_bills.extend(bill_nos)
        desk.touched_accounts.extend(accounts)


def _emptied(touched: deque[str]) -> list[str]:
    """What was touched so far, each once; what another lane adds meanwhile waits for the next time."""
    return list(dict.fromkeys(touched.popleft() for _ in range(len(touched))))


def catch_up_on(desk: Desk, bill_nos: Iterable[str], accounts: Iterable[str]) -> None:
    """Work out anew what is open on these bills and the credit of these accounts."""
    with desk.till.read() as books:
        own = own_allocations(books, bill_nos)
        credits = {account: own_credits(books, account).get(account, []) for account in accounts}
        charges = [charge for bill_no in own for charge in charge_bills(books, bill_no)]
        bounces = own_bounces(books, credits)
    _put_charges(desk, charges, own)
    _write(desk, own, credits)
    if bounces:
        with desk.cache.write() as connection:
            settle_bounces(connection, bounces, desk.clock.now().date())


def catch_up_all(desk: Desk) -> None:
    """At open: every bill and account this till ever touched."""
    with desk.till.read() as books:
        own, credits = all_own_allocations(books), own_credits(books)
        charges = charge_bills(books)
    _put_charges(desk, charges, own)
    _write(desk, own, credits)
    with desk.cache.write() as connection:
        cached.end_cash_only(connection, desk.clock.now().date())


def charge_snapshot(charge: ChargeBill) -> BillSnapshot:
    """What a cheque or a debit that came back charged, as a bill: due on that day, with a line for each thing it is for."""
    nothing = zero(charge.fee.currency)
    named = (
        (f"Returned {charge.of}", charge.recovered, nothing),
        (f"Fee for a returned {charge.of}", charge.fee, charge.tax),
    )
    amount = charge.recovered + charge.fee
    return BillSnapshot(
        bill_id=charge.charge_id,
        bill_no=charge.bill_no,
        account=charge.account,
        account_name=None,
        bill_date=charge.charged_on,
        due_date=charge.charged_on,
        state=BillState.SENT,
        amount_due=amount,
        remaining=amount,
        tax_included=amount,
        lines=tuple(
            SummaryLine(
                line_id=f"{charge.bill_no}-{place}",
                name=name,
                group="fee",
                parent_id=None,
                tax_excluded=part - tax,
                tax=tax,
                tax_included=part,
                rate_ids=(),
            )
            for place, (name, part, tax) in enumerate(named, start=1)
            if part
        ),
    )


def _put_charges(
    desk: Desk, charges: Sequence[ChargeBill], own: Mapping[str, Sequence[OwnAllocation]]
) -> None:
    """Charges that central has not told yet are bills here all the same."""
    if not charges:
        return
    with desk.cache.write() as connection:
        for charge in charges:
            if cached.bill_by_number(connection, charge.bill_no) is None:
                cached.put_bills(
                    connection,
                    [charge_snapshot(charge)],
                    own=own,
                    told_at_utc=utc_text(desk.clock.now()),
                )
                cached.mark_rates_asked(connection, charge.charge_id)


def _write(desk: Desk, own: dict[str, list[OwnAllocation]], credits: dict[str, list[OwnAllocation]]) -> None:
    if not own and not credits:
        return
    with desk.cache.write() as connection:
        open_minor: list[tuple[str, int]] = []
        for bill_no, entries in own.items():
            bill = cached.bill_by_number(connection, bill_no)
            if bill is not None:
                open_minor.append((bill.bill_no, open_on(bill, entries).open.minor))
        cached.set_open(connection, open_minor)
        credit_minor: list[tuple[str, int]] = []
        for account_id, entries in credits.items():
            account = cached.account_by_id(connection, account_id)
            if account is not None:
                credit_minor.append((account_id, credit_of(account, entries).minor))
        cached.set_credit(connection, credit_minor)
