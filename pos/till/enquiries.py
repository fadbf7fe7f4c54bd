"""Looking things up: the one find box, an account with its bills, a bill with its lines and rates. Changes nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from pos.domain.allocation import due_order
from pos.domain.bill import AppliedRate, OpenBill, SummaryLine, SumsCheck, check_sums, group_rates
from pos.domain.errors import NotAuthorised, Refused
from pos.domain.money import Money, total, zero
from pos.domain.role import Person, Role
from pos.domain.text_guard import clean_entry, fold
from pos.store import cache as cached
from pos.store import outbox
from pos.store.cache import CachedAccount
from pos.store.payments import own_credits
from pos.till.desk import Desk
from pos.till.open_bills import credit_of, open_bills

HITS_MAX = 15
QUERY_MAX = 80


class HitKind(StrEnum):
    """What a find result opens."""

    ACCOUNT = "account"
    BILL = "bill"
    RECEIPT = "receipt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One find result. ``exact`` True: the query was its very id, so Enter may open it at once."""

    kind: HitKind
    key: str
    account: CachedAccount | None
    exact: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountView:
    """An account with its open bills in due order. ``told_at`` is when central told it (UTC text)."""

    account: CachedAccount
    bills: tuple[OpenBill, ...]
    balance: Money
    overdue: Money
    credit: Money
    told_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BillView:
    """A bill with its summary lines and rates, and whether the sums agree.

    ``lines_are_ours`` True: central sent none, so the rates were grouped here (tmf.md section 9). ``rates_known`` False:
    the rates have not been pulled yet.
    """

    bill: OpenBill
    lines: tuple[SummaryLine, ...]
    rates: tuple[AppliedRate, ...]
    sums: SumsCheck
    lines_are_ours: bool
    rates_known: bool
    told_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TillState:
    """What the status line tells."""

    waiting: int
    parked: int
    oldest_waiting: datetime | None
    told_at: str | None


def require_enquiry(desk: Desk, person: Person) -> None:
    """Raises NotAuthorised where the person may not look at customers."""
    desk.permissions.require("enquire", person.roles)


def find(desk: Desk, person: Person, query: str, *, limit: int = HITS_MAX) -> list[Hit]:
    """Accounts, bills and receipts for one text: exact ids first, then phone endings, then names by word beginnings.

    Fewer than 2 characters find nothing. Never raises for a query that finds nothing.
    """
    require_enquiry(desk, person)
    text = clean_entry(query, field="Find", limit=QUERY_MAX)
    if len(text) < 2:
        return []
    hits = _exact(desk, text)
    if not any(hit.exact for hit in hits):
        hits += _near(desk, text, limit)
    return [hit for hit in hits if _may_see(person, hit.account)][:limit]


def _exact(desk: Desk, text: str) -> list[Hit]:
    key = text.upper()
    with desk.cache.read() as connection:
        account = cached.account_by_id(connection, key) or cached.account_by_id(connection, text)
        if account is not None:
            return [Hit(kind=HitKind.ACCOUNT, key=account.account, account=account, exact=True)]
        bill = cached.bill_by_number(connection, text) or cached.bill_by_number(connection, key)
        if bill is not None:
            owner = cached.account_by_id(connection, bill.account)
            return [Hit(kind=HitKind.BILL, key=bill.bill_no, account=owner, exact=True)]
    with desk.till.read() as books:
        row = books.exec_driver_sql(
            "SELECT receipt_number, payer_account FROM payment_event WHERE receipt_number = ?", (key,)
        ).first()
    if row is None:
        return []
    with desk.cache.read() as connection:
        payer = cached.account_by_id(connection, row[1])
    return [Hit(kind=HitKind.RECEIPT, key=row[0], account=payer, exact=True)]


def _near(desk: Desk, text: str, limit: int) -> list[Hit]:
    digits = re.sub(r"[ +()\-]", "", text)
    with desk.cache.read() as connection:
        if digits.isascii() and digits.isdigit():
            found = cached.accounts_by_phone_suffix(connection, digits.removeprefix("00"), limit)
        else:
            words = [word for word in re.split(r"[^\w]+", fold(text).replace("_", " ")) if word]
            found = cached.accounts_by_words(connection, words[:6], limit)
    return [Hit(kind=HitKind.ACCOUNT, key=account.account, account=account, exact=False) for account in found]


def _may_see(person: Person, account: CachedAccount | None) -> bool:
    """A dealer's own people see the dealer's own account only."""
    if person.roles <= {Role.DEALER} and person.dealer is not None:
        return account is not None and account.account == person.dealer
    return True


def account_view(desk: Desk, person: Person, account_id: str, *, today: date | None = None) -> AccountView:
    """An account as the counter sees it. Raises Refused ``unknown_account``."""
    require_enquiry(desk, person)
    with desk.cache.read() as connection:
        account = cached.account_by_id(connection, account_id)
        bills = [] if account is None else cached.bills_of_account(connection, account_id, open_only=True)
    if account is None:
        raise Refused("unknown_account", f"Account {account_id} is not known here.", account=account_id)
    if not _may_see(person, account):
        raise NotAuthorised("not_allowed", "This is another dealer's account.")
    with desk.till.read() as books:
        current = sorted((bill for bill in open_bills(books, bills) if bill.is_open), key=due_order)
        credit = credit_of(account, own_credits(books, account_id).get(account_id, []))
    day = today or desk.clock.now().date()
    none = zero(account.currency)
    own = [bill for bill in current if bill.open.currency == account.currency]
    return AccountView(
        account=account,
        bills=tuple(current),
        balance=total((bill.open for bill in own), account.currency),
        overdue=total((bill.open for bill in own if bill.bill.due_date < day), account.currency) or none,
        credit=credit,
        told_at=account.told_at_utc,
    )


def bill_view(desk: Desk, person: Person, bill_no: str) -> BillView:
    """A bill with its lines and rates. Raises Refused ``unknown_bill``."""
    require_enquiry(desk, person)
    with desk.cache.read() as connection:
        bill = cached.bill_by_number(connection, bill_no)
        if bill is None:
            raise Refused(
                "unknown_bill", f"Bill {bill_no} is not known here. Check the number.", bill=bill_no
            )
        rates = tuple(cached.rates_of_bill(connection, bill.bill_id))
        told_at = str(
            connection.exec_driver_sql(
                "SELECT told_at_utc FROM bill WHERE bill_no = ?", (bill.bill_no,)
            ).scalar_one()
        )
    with desk.till.read() as books:
        (current,) = open_bills(books, [bill])
    return BillView(
        bill=current,
        lines=bill.lines or group_rates(rates),
        rates=rates,
        sums=check_sums(bill, rates),
        lines_are_ours=not bill.lines,
        rates_known=bool(rates),
        told_at=told_at,
    )


def rates_of_line(view: BillView, line: SummaryLine) -> tuple[AppliedRate, ...]:
    """The applied rates behind a summary line; of a group, those behind all its children."""
    children = [child for child in view.lines if child.parent_id == line.line_id]
    wanted = set(line.rate_ids)
    for child in children:
        wanted.update(rate.rate_id for rate in rates_of_line(view, child))
    return tuple(rate for rate in view.rates if rate.rate_id in wanted)


def till_state(desk: Desk) -> TillState:
    """Queue and age of the data, for the status line."""
    with desk.till.read() as connection:
        queue = outbox.queue(connection)
    with desk.cache.read() as connection:
        told = cached.marker(connection, "told_at")
    return TillState(waiting=queue.waiting, parked=queue.parked, oldest_waiting=queue.oldest_at, told_at=told)
