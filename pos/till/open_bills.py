"""What is open: central's snapshot less this till's own deeds that the snapshot lacks (architecture.md section 2)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from pos.domain.bill import BillSnapshot, OpenBill, OwnAllocation, open_on
from pos.store import cache as cached
from pos.store.cache import credit_of
from pos.store.database import StoreError
from pos.store.payments import all_own_allocations, own_allocations, own_credits
from pos.till.desk import Desk


def open_bills(connection: Connection, bills: Iterable[BillSnapshot]) -> list[OpenBill]:
    """``bills`` with what is open on each, by the books behind ``connection`` (till.db)."""
    told = list(bills)
    own = own_allocations(connection, [bill.bill_no for bill in told])
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
    _write(desk, own, credits)


def catch_up_all(desk: Desk) -> None:
    """At open: every bill and account this till ever touched."""
    with desk.till.read() as books:
        own, credits = all_own_allocations(books), own_credits(books)
    _write(desk, own, credits)


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
