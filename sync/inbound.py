"""What central tells: accounts, items, bills and rates into the cache, a page at a time, with how far it came.

A row that cannot be read is skipped and counted, never a reason to lose the others. The change marker is written with the
last rows it stands for. Source: tmf.md sections 5 and 7; architecture.md section 2.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any

from pos.domain.bill import AppliedRate, BillSnapshot, open_on
from pos.domain.catalogue import Item
from pos.domain.errors import Refused
from pos.domain.money import Currency, Money, currency
from pos.domain.payment_mode import PayerKind
from pos.domain.ports import Clock, Runner
from pos.domain.signed_voucher import VoucherKey
from pos.domain.standing_bounces import cash_only_by
from pos.store import cache as cached
from pos.store.cache import CachedAccount, CacheStore, credit_of
from pos.store.cached_bounces import settle_bounces
from pos.store.in_doubt import accounts_in_doubt, bills_in_doubt, bills_paid
from pos.store.items import put_items, remove_items
from pos.store.known_cheques import KnownCheque, forget_cheques, put_known_cheques
from pos.store.outbox import OutboxRow
from pos.store.own_bounces import own_bounces
from pos.store.payments import own_allocations, own_credits
from pos.store.silence import heard_now
from pos.store.times import utc_text
from pos.store.unit_of_work import TillStore
from pos.store.voucher_keys import put_voucher_keys
from sync.bounces_wire import read_bounces
from sync.catalogue_wire import read_item, read_withdrawn
from sync.cheque_wire import read_known_cheque
from sync.client import CentralClient
from sync.outcomes import Later, Page, RatesOutcome, RefusedForGood, Unknown, Unreachable
from sync.tmf678.bill import read_bill
from sync.tmf678.foreign import as_object, read_id
from sync.tmf678.rate import read_rate
from sync.told import clean_told
from sync.voucher_wire import read_voucher_key
from sync.wire_json import BadField, WireJsonError, read_money

Ask = Callable[[int], Awaitable[RatesOutcome]]
"""Asks for the page of a list that begins at this row."""

PAGE = 200
RATES_PAGE = 500
ACCOUNT_ID_MAX = 40
DUNNING_STAGE_MAX = 99
FORMER_MAX = 20
PAGES_MAX = 10_000
VOUCHER_KEYS_MAX = 1_000
ONE_BY_ONE_MAX = 40
"""Up to so many bills have their rates asked for one bill at a time; beyond it all rates are paged through."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PullReport:
    """How a pull went. ``skipped`` counts rows that could not be read; ``problem`` says why it ended early."""

    accounts: int
    bills: int
    rates: int
    skipped: int
    problem: str | None
    items: int = 0
    cheques: int = 0


def _dealer_in(announced: Mapping[str, Any]) -> str | None:
    """Whose till central says this is; nobody says it of the operator's own."""
    dealer = announced.get("dealer")
    return dealer if isinstance(dealer, str) and 0 < len(dealer) <= ACCOUNT_ID_MAX else None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepCheques:
    """Which cheques of others this till must know: those of no enrolment of its own, as young as it takes any."""

    terminal: str
    epoch: int
    stale_after_days: int


class _Stopped(Exception):
    """Central did not give the next page."""

    def __init__(self, outcome: Later | RefusedForGood | Unknown | Unreachable) -> None:
        super().__init__(outcome.reason)
        self.for_good = isinstance(outcome, RefusedForGood)


@dataclass(slots=True)
class _Tally:
    accounts: int = 0
    items: int = 0
    cheques: int = 0
    bills: int = 0
    rates: int = 0
    skipped: int = 0


class Inbound:
    """Pulls into the cache through the cache's own writer."""

    def __init__(
        self,
        till: TillStore,
        cache: CacheStore,
        client: CentralClient,
        clock: Clock,
        runner: Runner,
        *,
        keep_cheques: KeepCheques,
        boot: str = "",
    ) -> None:
        self._boot = boot
        self._keep_cheques = keep_cheques
        self._till = till
        self._cache = cache
        self._client = client
        self._clock = clock
        self._runner = runner
        self.announced: Mapping[str, Any] = {}

    async def pull(self) -> PullReport:
        """All that changed since the last whole pull."""
        tally = _Tally()
        problem: str | None = None
        try:
            announced = await self._client.announced()
            if isinstance(announced, Later | Unknown | Unreachable):
                raise _Stopped(announced)
            self.announced = announced
            # Before anything by which somebody here could decide what is not this till's to decide.
            if announced:
                await self._runner.cache(partial(self._keep_whose, _dealer_in(announced)))
            counts_changes = announced.get("changeNumber") is True
            if "accounts" in announced:
                await self._pull_accounts(tally)
            if "items" in announced:
                await self._pull_items(tally)
            if "cheques" in announced:
                await self._pull_cheques(tally)
            if "voucherKeys" in announced:
                await self._pull_voucher_keys(tally)
            await self._pull_bills(
                tally, counts_changes=counts_changes, with_accounts="accounts" not in announced
            )
            await self._pull_rates(tally)
            await self._runner.cache(self._mark_told)
        except _Stopped as stopped:
            problem = str(stopped)
        return PullReport(
            accounts=tally.accounts,
            cheques=tally.cheques,
            items=tally.items,
            bills=tally.bills,
            rates=tally.rates,
            skipped=tally.skipped,
            problem=problem,
        )

    def catch_up(self, rows: Sequence[OutboxRow]) -> None:
        """What is open after a server without change numbers named the payments of ``rows``.

        A bill that came before the name lists a payment which could not be known for ours then. Runs on the cache's writer.
        """
        with self._till.read() as books:
            own = own_allocations(books, bills_paid(books, rows))
        with self._cache.write() as connection:
            bills = {bill_no: cached.bill_by_number(connection, bill_no) for bill_no in own}
            cached.set_open(
                connection,
                [
                    (bill.bill_no, open_on(bill, own[bill_no]).open.minor)
                    for bill_no, bill in bills.items()
                    if bill is not None
                ],
            )

    def _keep_whose(self, dealer: str | None) -> None:
        with self._cache.write() as connection:
            if cached.dealer_of_till(connection) != dealer:
                cached.set_dealer_of_till(connection, dealer)

    def _mark_told(self) -> None:
        with self._cache.write() as connection:
            cached.set_marker(connection, "told_at", utc_text(self._clock.now()))
            heard_now(connection, boot=self._boot, monotonic_s=self._clock.monotonic_s())

    def _marker(self, name: str) -> int | None:
        with self._cache.read() as connection:
            text = cached.marker(connection, name)
        return None if text is None else int(text)

    def _set_marker(self, name: str, change: int) -> None:
        with self._cache.write() as connection:
            cached.set_marker(connection, name, str(change))

    async def _pages(self, ask: Ask) -> AsyncIterator[Page]:
        """Page after page of a list, until it ends. Raises _Stopped where central does not give the next one."""
        offset = 0
        before: Page | None = None
        for _ in range(PAGES_MAX):
            page = _page(await ask(offset))
            yield page
            offset += len(page.rows)
            if page.ends(offset=offset, before=before):
                return
            before = page

    async def _keep_marker(self, name: str, *, since: int | None, changes: Sequence[int | None]) -> None:
        """The next pull asks for what came after the first page was told: later pages may know of more."""
        newest = changes[0] if changes else None
        if newest is not None and newest != since:
            await self._runner.cache(partial(self._set_marker, name, newest))

    async def _pull_accounts(self, tally: _Tally) -> None:
        since = await self._runner.read(lambda: self._marker("accounts"))
        changes: list[int | None] = []
        whole = True
        ask = partial(self._client.accounts, limit=PAGE, changed_after=since)
        async for page in self._pages(lambda offset: ask(offset=offset)):
            if page.change is None:
                # Without it nobody can tell which of our own payments the credits contain.
                raise _Stopped(Unknown("central told accounts without its change number"))
            changes.append(page.change)
            whole = await self._runner.cache(partial(self._take_accounts, page, tally)) and whole
        if whole:
            await self._keep_marker("accounts", since=since, changes=changes)

    def _take_accounts(self, page: Page, tally: _Tally) -> bool:
        """Read and write a page; whether all of it could be written. On the cache's lane: reading takes its time too."""
        accounts = self._read_accounts(page, tally)
        tally.accounts += len(accounts)
        return self._put_accounts(accounts)

    def _read_accounts(self, page: Page, tally: _Tally) -> list[CachedAccount]:
        told_at = utc_text(self._clock.now())
        accounts: list[CachedAccount] = []
        for row in page.rows:
            try:
                accounts.append(_read_account(row, seen_change=page.change, told_at_utc=told_at))
            except (WireJsonError, Refused, KeyError, ValueError, TypeError):
                tally.skipped += 1
        return accounts

    def _put_accounts(self, accounts: Sequence[CachedAccount]) -> bool:
        """Write what can be told from our own deeds; whether that was all.

        Central's figure may hold a credit of ours whose answer was lost, and would count it twice: such an account stays
        as it was told before, and is asked for again.
        """
        with self._till.read() as books:
            credits = {row.account: own_credits(books, row.account).get(row.account, []) for row in accounts}
            in_doubt = accounts_in_doubt(books)
            bounces = own_bounces(books, {row.account for row in accounts})
        with self._cache.write() as connection:
            clear = [
                row
                for row in accounts
                if row.account not in in_doubt or cached.account_by_id(connection, row.account) is None
            ]
            cached.put_accounts(connection, clear)
            cached.set_credit(
                connection, [(row.account, credit_of(row, credits[row.account]).minor) for row in clear]
            )
            settle_bounces(connection, bounces, self._clock.now().date())
        return len(clear) == len(accounts)

    async def _pull_items(self, tally: _Tally) -> None:
        since = await self._runner.read(lambda: self._marker("items"))
        changes: list[int | None] = []
        ask = partial(self._client.items, limit=PAGE, changed_after=since)
        async for page in self._pages(lambda offset: ask(offset=offset)):
            changes.append(page.change)
            await self._runner.cache(partial(self._take_items, page, tally))
        await self._keep_marker("items", since=since, changes=changes)

    def _take_items(self, page: Page, tally: _Tally) -> None:
        items: list[Item] = []
        withdrawn: list[str] = []
        for row in page.rows:
            try:
                code = read_withdrawn(row)
                if code is None:
                    items.append(read_item(row))
                else:
                    withdrawn.append(code)
            except WireJsonError:
                tally.skipped += 1
        with self._cache.write() as connection:
            # First what goes: its bar code may be another item's now.
            remove_items(connection, withdrawn)
            put_items(connection, items)
        tally.items += len(items) + len(withdrawn)

    async def _pull_cheques(self, tally: _Tally) -> None:
        since = await self._runner.read(lambda: self._marker("cheques"))
        oldest = self._clock.now().date() - timedelta(days=self._keep_cheques.stale_after_days)
        changes: list[int | None] = []
        ask = partial(self._client.cheques, limit=PAGE, changed_after=since, dated_from=oldest)
        async for page in self._pages(lambda offset: ask(offset=offset)):
            changes.append(page.change)
            await self._runner.cache(partial(self._take_cheques, page, tally))
        await self._runner.cache(partial(self._forget_cheques, oldest))
        await self._keep_marker("cheques", since=since, changes=changes)

    def _take_cheques(self, page: Page, tally: _Tally) -> None:
        """What this enrolment took itself is in the books, which know more of it."""
        cheques: list[KnownCheque] = []
        own = (self._keep_cheques.terminal, self._keep_cheques.epoch)
        for row in page.rows:
            try:
                told = read_known_cheque(row)
            except WireJsonError:
                tally.skipped += 1
                continue
            if (told.terminal, told.epoch) != own:
                cheques.append(told)
        with self._cache.write() as connection:
            put_known_cheques(connection, cheques)
        tally.cheques += len(cheques)

    def _forget_cheques(self, oldest: date) -> None:
        with self._cache.write() as connection:
            forget_cheques(connection, dated_before=oldest)

    async def _pull_voucher_keys(self, tally: _Tally) -> None:
        page = _page(await self._client.voucher_keys())
        await self._runner.cache(partial(self._take_voucher_keys, page, tally))

    def _take_voucher_keys(self, page: Page, tally: _Tally) -> None:
        keys: list[VoucherKey] = []
        for row in page.rows[:VOUCHER_KEYS_MAX]:
            try:
                keys.append(read_voucher_key(row))
            except WireJsonError:
                tally.skipped += 1
        with self._cache.write() as connection:
            put_voucher_keys(connection, keys)

    async def _pull_bills(self, tally: _Tally, *, counts_changes: bool, with_accounts: bool) -> None:
        since = await self._runner.read(lambda: self._marker("bills")) if counts_changes else None
        changes: list[int | None] = []
        ask = partial(self._client.bills, limit=PAGE, changed_after=since)
        told = {"counts_changes": counts_changes, "with_accounts": with_accounts}
        async for page in self._pages(lambda offset: ask(offset=offset)):
            changes.append(page.change)
            await self._runner.cache(partial(self._take_bills, page, tally, **told))
        if counts_changes:
            await self._keep_marker("bills", since=since, changes=changes)

    def _take_bills(self, page: Page, tally: _Tally, *, counts_changes: bool, with_accounts: bool) -> None:
        bills: list[BillSnapshot] = []
        for row in page.rows:
            try:
                bills.append(read_bill(row, seen_change=page.change if counts_changes else None))
            except WireJsonError:
                tally.skipped += 1
        self._put_bills(bills, with_accounts=with_accounts)
        tally.bills += len(bills)

    def _put_bills(self, bills: Sequence[BillSnapshot], *, with_accounts: bool) -> None:
        """Write bills as told.

        A server without change numbers may have a correction of ours whose answer was lost, and would count it twice: such a
        bill stays as it was told before, and comes again with the next pull.
        """
        told_at = utc_text(self._clock.now())
        with self._till.read() as books:
            own = own_allocations(books, [bill.bill_no for bill in bills])
            in_doubt = bills_in_doubt(books)
        with self._cache.write() as connection:
            clear = [
                bill
                for bill in bills
                if bill.seen_change is not None
                or bill.bill_no not in in_doubt
                or cached.bill_by_number(connection, bill.bill_no) is None
            ]
            cached.put_bills(connection, clear, own=own, told_at_utc=told_at)
            if with_accounts:
                known = {bill.account: cached.account_by_id(connection, bill.account) for bill in bills}
                fresh = {bill.account: bill for bill in bills if known[bill.account] is None}
                cached.put_accounts(connection, [_account_of(bill, told_at) for bill in fresh.values()])

    async def _pull_rates(self, tally: _Tally) -> None:
        missing = await self._runner.read(self._bills_without_rates)
        if not missing:
            return
        if len(missing) <= ONE_BY_ONE_MAX and await self._rates_one_by_one(tally, missing):
            return
        await self._page_rates(tally, bill_id=None)
        await self._runner.cache(partial(self._mark_rates_asked, None))

    async def _rates_one_by_one(self, tally: _Tally, bill_ids: Sequence[str]) -> bool:
        """False where the server does not take the question by bill, which the standard leaves open."""
        for bill_id in bill_ids:
            if not await self._page_rates(tally, bill_id=bill_id):
                return False
            await self._runner.cache(partial(self._mark_rates_asked, bill_id))
        return True

    def _bills_without_rates(self) -> list[str]:
        with self._cache.read() as connection:
            return cached.bills_without_rates(connection, ONE_BY_ONE_MAX + 1)

    def _mark_rates_asked(self, bill_id: str | None) -> None:
        with self._cache.write() as connection:
            cached.mark_rates_asked(connection, bill_id)

    async def _page_rates(self, tally: _Tally, *, bill_id: str | None) -> bool:
        """False where the server refuses the question for one bill; any other refusal ends the pull."""
        ask = partial(self._client.rates, limit=RATES_PAGE, bill_id=bill_id)
        try:
            async for page in self._pages(lambda offset: ask(offset=offset)):
                await self._runner.cache(partial(self._take_rates, page, tally, bill_id=bill_id))
        except _Stopped as stopped:
            if bill_id is not None and stopped.for_good:
                return False
            raise
        return True

    def _take_rates(self, page: Page, tally: _Tally, *, bill_id: str | None) -> None:
        rates: list[AppliedRate] = []
        for row in page.rows:
            try:
                rate = read_rate(row)
            except WireJsonError:
                tally.skipped += 1
                continue
            if bill_id is None or rate.bill_id == bill_id:
                rates.append(rate)
        with self._cache.write() as connection:
            cached.put_rates(connection, rates)
        tally.rates += len(rates)


def _page(outcome: RatesOutcome) -> Page:
    if isinstance(outcome, Page):
        return outcome
    raise _Stopped(outcome)


def _read_account(row: Any, *, seen_change: int | None, told_at_utc: str) -> CachedAccount:
    """An account of our own central. Raises what a wrong row raises."""
    number = read_id(as_object(row, field="account"), "id", field="id")
    stage = row.get("dunningStage") or 0
    if len(number) > ACCOUNT_ID_MAX or type(stage) is not int or not 0 <= stage <= DUNNING_STAGE_MAX:
        raise BadField("id or dunningStage", "is beyond what an account has")
    in_currency = currency(row["currency"])
    told = row.get("creditAmount")
    credit = Money(0, in_currency) if told is None else read_money(told, field="creditAmount")
    if credit.currency != in_currency:
        raise BadField("creditAmount.unit", f"is not {in_currency}")
    bounces = read_bounces(row.get("bounces"))
    until = None if row.get("cashOnly") is True else cash_only_by(bounces)
    is_bounced = until is not None and until.isoformat() >= told_at_utc[:10]
    return CachedAccount(
        account=number,
        kind=PayerKind(row["kind"]),
        name=_text(row, "name", limit=120),
        phone=_text(row, "phone", limit=20),
        customer=_text(row, "customer", limit=40),
        currency=in_currency,
        status=_text(row, "status", limit=20) or "active",
        cash_only=row.get("cashOnly") is True or is_bounced,
        cash_only_until=until if is_bounced else None,
        bounces=bounces,
        dunning_stage=stage,
        credit_told=credit,
        credit=credit,
        seen_change=seen_change,
        told_at_utc=told_at_utc,
        dealer_class=_text(row, "dealerClass", limit=20),
        credit_limit=_sum_of(row, "creditLimit", in_currency),
        former=_former(row.get("formerAccounts")),
        advance_told=_sum_of(row, "advanceAmount", in_currency),
        deposit_told=_sum_of(row, "depositAmount", in_currency),
        written_off_told=_sum_of(row, "writtenOffAmount", in_currency),
        unverified_told=_sum_of(row, "unverifiedAmount", in_currency),
        blocked=row.get("blocked") is True,
    )


def _sum_of(row: Any, name: str, in_currency: Currency) -> Money | None:
    """A sum in the account's currency, or None where there is none. Raises BadField."""
    told = row.get(name)
    if told is None:
        return None
    found = read_money(told, field=name)
    if found.currency != in_currency or found.minor < 0:
        raise BadField(name, f"is no sum in {in_currency}")
    return found


def _former(told: object) -> tuple[str, ...]:
    """Numbers that the account had before: a list of ids, or nothing."""
    if told is None:
        return ()
    if not isinstance(told, list) or len(told) > FORMER_MAX:
        raise BadField("formerAccounts", "is no short list")
    return tuple(_text({"former": number}, "former", limit=ACCOUNT_ID_MAX) for number in told)


def _text(row: Any, name: str, *, limit: int) -> str:
    """A text that may be missing. Raises BadField for anything else."""
    value = row.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadField(name, "is no text")
    return clean_told(value, limit=limit)


def _account_of(bill: BillSnapshot, told_at_utc: str) -> CachedAccount:
    """What a foreign server's bill tells of its account: an id, a name, a currency."""
    none = Money(0, bill.remaining.currency)
    return CachedAccount(
        account=bill.account,
        kind=PayerKind.SUBSCRIBER,
        name=bill.account_name or bill.account,
        phone="",
        customer="",
        currency=bill.remaining.currency,
        status="active",
        cash_only=False,
        dunning_stage=0,
        credit_told=none,
        credit=none,
        seen_change=None,
        told_at_utc=told_at_utc,
    )
