"""Looking things up: the one find box, an account with its bills, a bill with its lines and rates. Changes nothing."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection

from pos.domain.allocation import (
    Allocation,
    Wish,
    allocate_as_asked,
    allocate_oldest_first,
    due_order,
    due_parts,
    may_be_paid,
)
from pos.domain.bill import AppliedRate, OpenBill, SummaryLine, SumsCheck, check_sums, group_rates
from pos.domain.catalogue import Item
from pos.domain.cheque_register import ChequeLine
from pos.domain.dealer import DealerStanding
from pos.domain.errors import Refused
from pos.domain.money import Money, parse_amount, total, zero
from pos.domain.payment_mode import PayerKind, Purpose
from pos.domain.role import Person
from pos.domain.text_guard import clean_entry, clean_reference, fold
from pos.store import cache as cached
from pos.store import outbox
from pos.store.cache import CachedAccount, credit_of, since_told, written_off_of
from pos.store.cards import count_open
from pos.store.cheque_register import charges_by_cheque, cheques_by_serial
from pos.store.items import item_by_code, items_by_words
from pos.store.payments import own_credits, own_recoveries
from pos.store.receipts import stuck_papers
from pos.store.silence import untold_total
from pos.store.vouchers import count_waiting_slips
from pos.till.charge_bills import charge_of
from pos.till.dealers import dealer_standing
from pos.till.desk import Desk
from pos.till.gate import require_look
from pos.till.known_accounts import unknown_account
from pos.till.offline_limits import closed_modes
from pos.till.open_bills import open_bills
from pos.till.roster_age import roster_warning
from pos.till.shop_clock import clock_behind

HITS_MAX = 15
CHEQUES_MAX = 3
QUERY_MAX = 80
LOCAL_DIGITS_MAX = 9
DEALERS_MAX = 200


class HitKind(StrEnum):
    """What a find result opens."""

    ACCOUNT = "account"
    BILL = "bill"
    RECEIPT = "receipt"
    ITEM = "item"
    CHEQUE = "cheque"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One find result. ``exact`` True: the query was its very id, so Enter may open it at once."""

    kind: HitKind
    key: str
    account: CachedAccount | None
    exact: bool
    item: Item | None = None
    cheque: ChequeLine | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountView:
    """An account with its open bills in due order. ``told_at`` is when central told it (UTC text).

    ``dealer``: how a dealer stands; None for a subscriber. ``closed``: the modes that this account can't use until central
    answers, with the reason. ``deposit`` is never set against bills; ``written_off`` is debt that was given up.
    """

    account: CachedAccount
    bills: tuple[OpenBill, ...]
    balance: Money
    overdue: Money
    credit: Money
    dealer: DealerStanding | None
    told_at: str
    advance: Money
    deposit: Money
    written_off: Money
    closed: Mapping[str, str] = field(default_factory=dict)

    @property
    def unverified(self) -> Money:
        """What a dealer brought in bank receipts that no bank has confirmed yet."""
        return zero(self.account.currency) if self.dealer is None else self.dealer.unverified


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
    """What the status line tells. ``stuck_papers``: receipts that were tried and did not come out of the printer.

    ``at_risk``: the money that central has not acknowledged. ``clock_behind``: the clock stands before the last deed.
    ``waiting_slips``: slips of new vouchers that central has not told the codes of, or that are not on paper.
    ``open_cards``: cards of which it is not known whether they were charged, or which are to be paid back.
    ``roster_left``: for how long people are still let in while central is silent; None: for more than a day.
    """

    waiting: int
    parked: int
    at_risk: Money
    oldest_waiting: datetime | None
    told_at: str | None
    stuck_papers: int
    waiting_slips: int
    clock_behind: bool
    open_cards: int
    roster_left: timedelta | None = None


def require_enquiry(desk: Desk, person: Person) -> None:
    """Raises NotAuthorised where the person may not look at customers."""
    require_look(desk, "enquire", person)


def find(desk: Desk, person: Person, query: str, *, limit: int = HITS_MAX) -> list[Hit]:
    """Accounts, bills, receipts and items for one text: exact ids first, then cheques by their serial numbers, then phone
    endings, then names by word beginnings.

    An account is found by its number, by the customer's and by a number that it had before, each exactly.

    Fewer than 2 characters find nothing, but one letter of another script than Latin is enough: it may be a whole name.
    Never raises for a query that finds nothing.
    """
    require_enquiry(desk, person)
    text = clean_entry(query, field="Find", limit=QUERY_MAX)
    if len(text) < 2 and (not text.isalpha() or fold(text).isascii()):
        return []
    hits = [
        hit
        for hit in _exact(desk, text)
        if person.may_see(None if hit.account is None else hit.account.account)
    ]
    if hits:
        return hits[:limit]
    found = [*_cheques(desk, person, text), *_walk_in_charges(desk, person, text)]
    return [*found, *_near(desk, text, limit - len(found), only=person.only_account)]


def _exact(desk: Desk, text: str) -> list[Hit]:
    key = text.upper()
    with desk.cache.read() as connection:
        account = _account_of_id(connection, text)
        if account is not None:
            return [Hit(kind=HitKind.ACCOUNT, key=account.account, account=account, exact=True)]
        named = cached.accounts_of_number(connection, text, HITS_MAX)
        named = named or cached.accounts_of_number(connection, key, HITS_MAX)
        if named:
            # Of a customer with several accounts the cashier chooses one.
            return [
                Hit(kind=HitKind.ACCOUNT, key=one.account, account=one, exact=len(named) == 1)
                for one in named
            ]
        item = item_by_code(connection, text)
        if item is not None:
            return [Hit(kind=HitKind.ITEM, key=item.item, account=None, exact=True, item=item)]
        bill = cached.bill_by_number(connection, text) or cached.bill_by_number(connection, key)
        if bill is not None:
            owner = cached.account_by_id(connection, bill.account)
            return [Hit(kind=HitKind.BILL, key=bill.bill_no, account=owner, exact=True)]
    with desk.till.read() as books:
        charge = charge_of(books, key)
        if charge is not None:
            # Central has not told it yet.
            with desk.cache.read() as connection:
                owner = cached.account_by_id(connection, charge.account)
            return [Hit(kind=HitKind.BILL, key=charge.bill_no, account=owner, exact=True)]
        row = books.exec_driver_sql(
            "SELECT receipt_number, payer_account FROM payment_event WHERE receipt_number = ? "
            "UNION ALL SELECT receipt_number, payer_account FROM post_dated_cheque WHERE receipt_number = ?",
            (key, key),
        ).first()
    if row is None:
        return []
    with desk.cache.read() as connection:
        payer = cached.account_by_id(connection, row[1])
    return [Hit(kind=HitKind.RECEIPT, key=row[0], account=payer, exact=True)]


def _walk_in_charges(desk: Desk, person: Person, text: str) -> list[Hit]:
    """What is open of walk-in buyers' bounced cheques of this serial number, or with such a drawer."""
    if person.only_account is not None:
        return []
    with desk.till.read() as books:
        numbers = charges_by_cheque(books, desk.policy.walk_in_account, text, limit=CHEQUES_MAX)
        charges = [charge for number in numbers if (charge := charge_of(books, number)) is not None]
        with desk.cache.read() as cache:
            told = [cached.bill_by_number(cache, charge.bill_no) or charge for charge in charges]
        still = [bill for bill in open_bills(books, told) if bill.open.minor > 0]
    return [Hit(kind=HitKind.BILL, key=bill.bill.bill_no, account=None, exact=False) for bill in still]


def _cheques(desk: Desk, person: Person, serial: str) -> list[Hit]:
    """The cheques of this serial number; who is in doubt chooses, for a phone may end in the same digits."""
    with desk.till.read() as books:
        found = cheques_by_serial(books, serial.upper(), limit=CHEQUES_MAX)
    return [
        Hit(kind=HitKind.CHEQUE, key=line.key, account=None, exact=False, cheque=line)
        for line in found
        if person.may_see(line.account)
    ]


def _near_accounts(
    connection: Connection, text: str, limit: int, *, only: str | None, kind: PayerKind | None = None
) -> list[CachedAccount]:
    """By the ending of a phone number, else by the beginnings of a name's words."""
    digits = _digits(text)
    if digits:
        # A number dialled from abroad begins with 00; of a short ending every zero counts.
        ending = digits.removeprefix("00") if len(digits) > LOCAL_DIGITS_MAX else digits
        return cached.accounts_by_phone_suffix(connection, ending, limit, only=only, kind=kind)
    words = [word for word in re.split(r"[^\w]+", fold(text).replace("_", " ")) if word]
    return cached.accounts_by_words(connection, words[:6], limit, only=only, kind=kind)


def _digits(text: str) -> str:
    """A query that is nothing but a number, without what numbers are written with; else empty."""
    digits = re.sub(r"[ +()\-]", "", text)
    return digits if digits.isascii() and digits.isdigit() else ""


def _near(desk: Desk, text: str, limit: int, *, only: str | None) -> list[Hit]:
    items: list[Item] = []
    with desk.cache.read() as connection:
        found = _near_accounts(connection, text, limit, only=only)
        if not _digits(text) and re.search(r"[^\W_]", text):
            items = items_by_words(connection, text, limit - len(found))
    return [
        Hit(kind=HitKind.ACCOUNT, key=account.account, account=account, exact=False) for account in found
    ] + [Hit(kind=HitKind.ITEM, key=item.item, account=None, exact=False, item=item) for item in items]


def dealers(desk: Desk, person: Person, query: str = "", *, limit: int = DEALERS_MAX) -> list[CachedAccount]:
    """The dealers whose number, phone ending or name answers ``query``; all of them for an empty one, by name."""
    require_enquiry(desk, person)
    text = clean_entry(query, field="Find", limit=QUERY_MAX)
    with desk.cache.read() as connection:
        if not text:
            found = cached.dealer_accounts(connection, limit)
        elif (account := _account_of_id(connection, text)) is not None:
            found = [account]
        else:
            only = person.only_account
            found = _near_accounts(connection, text, limit, only=only, kind=PayerKind.DEALER)
    return [
        account for account in found if account.kind is PayerKind.DEALER and person.may_see(account.account)
    ]


def _account_of_id(connection: Connection, text: str) -> CachedAccount | None:
    return cached.account_by_id(connection, text.upper()) or cached.account_by_id(connection, text)


def account_view(desk: Desk, person: Person, account_id: str, *, today: date | None = None) -> AccountView:
    """An account as the counter sees it. Raises Refused ``unknown_account`` or ``mistyped_account``."""
    require_enquiry(desk, person)
    account_id = clean_reference(account_id, field="Account", limit=40)
    with desk.cache.read() as connection:
        account = cached.account_by_id(connection, account_id)
        bills = [] if account is None else cached.bills_of_account(connection, account_id, open_only=True)
    if account is None or not person.may_see(account.account):
        raise unknown_account(desk, account_id)
    with desk.till.read() as books:
        current = sorted((bill for bill in open_bills(books, bills) if bill.is_open), key=due_order)
        credit = credit_of(account, own_credits(books, account_id).get(account_id, []))
        kept = {
            purpose: own_credits(books, account_id, kept_as=purpose).get(account_id, [])
            for purpose in (Purpose.ADVANCE, Purpose.DEPOSIT)
        }
        written_off = written_off_of(account, own_recoveries(books, account_id))
        closed = closed_modes(desk, books, account)
        dealer = dealer_standing(desk, books, account) if account.kind is PayerKind.DEALER else None
    day = today or desk.clock.now().date()
    none = zero(account.currency)
    own = [bill for bill in current if bill.open.currency == account.currency]
    return AccountView(
        account=account,
        bills=tuple(current),
        balance=total((bill.open for bill in own), account.currency),
        overdue=total((bill.open for bill in own if bill.bill.due_date < day), account.currency) or none,
        credit=credit,
        dealer=dealer,
        told_at=account.told_at_utc,
        closed=closed,
        advance=since_told(account.advance_told, account, kept[Purpose.ADVANCE]),
        deposit=since_told(account.deposit_told, account, kept[Purpose.DEPOSIT]),
        written_off=written_off,
    )


def bill_view(desk: Desk, person: Person, bill_no: str) -> BillView:
    """A bill with its lines and rates. Raises Refused ``unknown_bill``."""
    require_enquiry(desk, person)
    bill_no = clean_reference(bill_no, field="Bill", limit=40)
    with desk.cache.read() as connection:
        bill = cached.bill_by_number(connection, bill_no)
        if bill is None or not person.may_see(bill.account):
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
    wanted = set(line.rate_ids)
    # A line is visited once, for a foreign central may send groups that hold each other.
    groups, seen = [line.line_id], {line.line_id}
    while groups:
        group = groups.pop()
        for child in view.lines:
            if child.parent_id == group and child.line_id not in seen:
                seen.add(child.line_id)
                groups.append(child.line_id)
                wanted.update(child.rate_ids)
    return tuple(rate for rate in view.rates if rate.rate_id in wanted)


def till_state(desk: Desk) -> TillState:
    """Queue and age of the data, for the status line."""
    with desk.till.read() as connection:
        queue = outbox.queue(connection)
        stuck, slips = stuck_papers(connection), count_waiting_slips(connection)
        at_risk = untold_total(connection, desk.identity.currency)
        behind = clock_behind(connection, desk.clock.now()) is not None
        open_cards = count_open(connection)
    with desk.cache.read() as connection:
        told = cached.marker(connection, "told_at")
    return TillState(
        waiting=queue.waiting,
        parked=queue.parked,
        at_risk=at_risk,
        oldest_waiting=queue.oldest_at,
        told_at=told,
        stuck_papers=stuck,
        waiting_slips=slips,
        clock_behind=behind,
        open_cards=open_cards,
        roster_left=roster_warning(desk),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PayPlan:
    """What is to be paid now: parts of bills in due order, and their sum. No parts: the money goes on account.

    ``by_default`` True: nobody chose these, they are the oldest due.
    """

    parts: tuple[Allocation, ...]
    to_pay: Money
    by_default: bool = False

    def of_bill(self, bill_no: str) -> Money | None:
        """How much of this bill is to be paid; None: it is left out."""
        return next((part.amount for part in self.parts if part.bill_no == bill_no), None)


def plan_payment(
    view: AccountView,
    *,
    marked: Collection[str] = (),
    part: str | None = None,
    decimal_marks: str = ".",
    others: Sequence[AccountView] = (),
) -> PayPlan:
    """The marked bills, or the oldest due one where none is marked; with ``part``, that much of the marked or of all.

    Bills of ``others`` are paid where they are marked, and only then.

    Raises Refused with the codes of ``parse_amount`` and ``allocate_as_asked``.
    """
    in_currency = view.account.currency
    own = {
        bill.bill.bill_no: bill
        for one in (view, *others)
        for bill in one.bills
        if bill.open.currency == in_currency
    }
    payable = [bill for bill in view.bills if bill.open.currency == in_currency and may_be_paid(bill)]
    if marked:
        wishes = [Wish(bill_no=bill_no) for bill_no in own if bill_no in marked]
        limit = total((bill.open for bill in own.values()), in_currency)
        made, _ = allocate_as_asked(limit, wishes, payer_account=view.account.account, bills=own)
        payable = [own[entry.bill_no] for entry in made if entry.bill_no is not None]
    if part is None:
        wanted = [amount for _, amount in due_parts(payable)]
        # Without a mark only what is due first: an instalment, or else the oldest bill.
        made, _ = allocate_oldest_first(total(wanted if marked else wanted[:1], in_currency), payable)
    else:
        made = _spread(parse_amount(part, in_currency, decimal_marks=decimal_marks), payable)
    return PayPlan(
        parts=tuple(made),
        to_pay=total((entry.amount for entry in made), in_currency),
        by_default=not marked,
    )


def _spread(amount: Money, bills: Collection[OpenBill]) -> list[Allocation]:
    made, left = allocate_oldest_first(amount, bills)
    if left.minor > 0:
        open_ = total((bill.payable for bill in bills), amount.currency)
        raise Refused("more_than_open", f"Only {open_.plain()} is open.", open=open_.plain())
    return made


def rates_total(view: BillView, line: SummaryLine) -> Money:
    """The sum of the rates behind a line, tax included; equal to the line's own amount where they agree."""
    return total((rate.tax_included for rate in rates_of_line(view, line)), line.tax_included.currency)
