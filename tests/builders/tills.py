"""A till for tests: a desk over stores in memory (or in a folder), with people, accounts and bills of every kind.

    desk = make_till()                       # nobody has opened a shift yet
    opened(desk)                             # the cashier has, with a float of 20
    taken = pay(desk, cash("60.000"))        # BA-1 pays its bills, oldest due first; the rest is change

Time stands still at NOW until a test moves it (``clock_of(desk).advance(minutes=5)``); chance is seeded.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import sqlite3
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from zoneinfo import ZoneInfo

from pos.bootstrap.homes import Machine, NewHome, OpenTill, make_home, open_till
from pos.bootstrap.policy import ledger_rules
from pos.domain.allocation import NO_TOLERANCE, PaymentPolicy
from pos.domain.bill import (
    AppliedPayment,
    AppliedRate,
    BillSnapshot,
    BillState,
    Promise,
    SummaryLine,
)
from pos.domain.cash_rounding import CashRounding
from pos.domain.catalogue import Item, SerialKind
from pos.domain.cheque import TICKS, ChequePolicy
from pos.domain.commission import CommissionAt, CommissionRule, CommissionTerms, Settlement
from pos.domain.dealer import DealerPolicy, DealerTerms
from pos.domain.foreign_cash import ForeignCash, ListedRate
from pos.domain.ids import new_id
from pos.domain.large_cash import LargeCash
from pos.domain.money import Currency, Money, parse_count
from pos.domain.money import currency as iso
from pos.domain.offline import OfflineLimits, OfflinePolicy
from pos.domain.pan_guard import luhn_holds
from pos.domain.payment_event import Overpayment
from pos.domain.payment_mode import PayerKind, Purpose
from pos.domain.ports import PinHasher
from pos.domain.receipt import ShopHeading
from pos.domain.role import Grant, PermissionTable, Person, Role
from pos.domain.text_guard import clean_foreign
from pos.domain.voucher import (
    VoucherAsked,
    VoucherOutcome,
    VoucherRefused,
    VoucherReserved,
    VoucherTerms,
    VoucherUnanswered,
    plain_code,
)
from pos.fixture import Fixture, example_fixture, parse_fixture
from pos.machine import InlineRunner
from pos.settings import Settings, read_settings
from pos.store import cache as cached
from pos.store import migrate, outbox
from pos.store.cache import CachedAccount, CacheStore, open_cache
from pos.store.database import Database
from pos.store.home import Identity, write_identity
from pos.store.items import put_items
from pos.store.payments import own_allocations
from pos.store.people import RosterEntry, put_person
from pos.store.seal import seal
from pos.store.till_keys import TillKeys
from pos.store.times import utc_text
from pos.store.unit_of_work import TillStore
from pos.store.vouchers import Hold
from pos.till.cash_office import Counted, CountOrder, ShiftOpened, close_shift, count_shift, open_shift
from pos.till.counted import SlipOrder
from pos.till.desk import Desk, PinPolicy, ShopPolicy
from pos.till.drawer_count import DeclaredOrder, ForeignCountOrder
from pos.till.imports import RecordOrder, RecordOutcome, begin_run, import_record
from pos.till.large_cash import IdentityOrder
from pos.till.open_bills import catch_up, catch_up_all
from pos.till.payment_order import AllocateOrder, PaymentOrder, TenderOrder
from pos.till.selling import OverrideOrder, SaleOrder
from pos.till.shift_closed import ShiftClosed
from pos.till.suspense import ResolveOrder, SuspenseResolved, resolve_suspense
from pos.till.take_payment import PaymentTaken, take_payment
from pos.till.verify import Finding, verify_books
from pos.till.vouchers import let_go, reserve_vouchers
from sync.wire_json import dumps

ZONE = "Asia/Kuwait"
NOW = datetime(2026, 11, 21, 10, 15, 0, tzinfo=ZoneInfo(ZONE))
TODAY = NOW.date()
CHAIN_KEY = bytes(range(32))
KEYS = TillKeys(chain=CHAIN_KEY, marks=CHAIN_KEY, sign=bytes(range(32, 64)))

CASHIER = Person(user="1001", name="A. Kumar", roles=frozenset({Role.CASHIER}))
OTHER_CASHIER = Person(user="1002", name="Zoë Çelik", roles=frozenset({Role.CASHIER}))
SUPERVISOR = Person(user="2002", name="Siobhán O'Brien", roles=frozenset({Role.SUPERVISOR}))
DEALER = Person(user="3001", name="Rami Haddad", roles=frozenset({Role.DEALER}), dealer="D-1")
BACK_OFFICE = Person(user="4001", name="Fahad Al-Enezi", roles=frozenset({Role.BACK_OFFICE}))
ADMIN = Person(user="5001", name="Ingrid Sørensen", roles=frozenset({Role.ADMIN}))
AUDITOR = Person(user="6001", name="Priya Raman", roles=frozenset({Role.AUDITOR}))
DISABLED = Person(user="1009", name="Gone Away", roles=frozenset({Role.CASHIER}))

PEOPLE = (CASHIER, OTHER_CASHIER, SUPERVISOR, DEALER, BACK_OFFICE, ADMIN, AUDITOR, DISABLED)
PINS: Mapping[str, str] = {
    "1001": "135790",
    "1002": "284915",
    "2002": "731846",
    "3001": "508273",
    "4001": "619405",
    "5001": "827364",
    "6001": "372859",
    "1009": "904817",
}

HOSTILE_NAME = "\x1b]0;owned\x07[@click=app.quit]Evil[/] \u202egnp\u202c[red]\x9b2J"
"""As a server may send it; the cache holds what ``clean_foreign`` leaves of it."""

HONEST_NAMES = (
    "O'Brien",
    "Zoë Müller",
    "李",
    "李伟",
    "محمد العنزي",
    "AT&T [NL] Ltd",
    "می\u200cخواهم",
    "क्\u200dष",
    "👨\u200d👩\u200d👧",
)


# --- the ports -----------------------------------------------------------------------------------------------


class SettableClock:
    """Stands still until a test moves it."""

    def __init__(self, now: datetime = NOW) -> None:
        self._now = now
        self._monotonic_s = 0.0

    def now(self) -> datetime:
        return self._now

    def monotonic_s(self) -> float:
        return self._monotonic_s

    async def sleep(self, delay_s: float) -> None:
        self.advance(seconds=delay_s)

    def advance(self, **by: float) -> None:
        """Time passes: ``advance(minutes=5)``."""
        passed = timedelta(**by)
        self._now += passed
        self._monotonic_s += passed.total_seconds()

    def set(self, now: datetime) -> None:
        """The wall clock jumps; monotonic time does not."""
        self._now = now


class SeededRandomness:
    """The same bytes at every run, never the same twice in one."""

    def __init__(self, seed: str = "test") -> None:
        self._seed = seed
        self.drawn = 0

    def token_bytes(self, count: int) -> bytes:
        drawn = b""
        while len(drawn) < count:
            self.drawn += 1
            drawn += hashlib.sha256(f"{self._seed}/{self.drawn}".encode()).digest()
        return drawn[:count]


class CheapPinHasher(PinHasher):
    """Keeps the contract of the real hasher (nobody matches nothing) without its half second."""

    def hash(self, pin: str) -> str:
        return "cheap:" + hashlib.sha256(pin.encode()).hexdigest()

    def matches(self, pin_hash: str | None, pin: str) -> bool:
        return pin_hash == self.hash(pin)


def machine(clock: SettableClock | None = None) -> Machine:
    """The ports of ``bootstrap``, all of them a test's own."""
    stands = clock or SettableClock()
    return Machine(randomness=SeededRandomness(), clock_of=lambda _zone: stands, pin_hasher=CheapPinHasher())


def clock_of(desk: Desk) -> SettableClock:
    """The desk's clock, to be moved."""
    assert isinstance(desk.clock, SettableClock)
    return desk.clock


def put_settings(home: Path, name: str, text: str) -> Path:
    """A file of settings of the home's own, closed to others as everything below a home is."""
    (home / "config").mkdir(mode=0o700, exist_ok=True)
    path = home / "config" / name
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text, encoding="utf-8")
    return path


# --- accounts and bills --------------------------------------------------------------------------------------


def money(text: str, code: str = "KWD") -> Money:
    """``money("41.750")``; a minus sign in front is taken, for differences."""
    if text.startswith("-"):
        return -money(text[1:], code)
    return parse_count(text, iso(code))


def account(
    number: str,
    name: str = "Noura Al-Mutairi",
    *,
    phone: str = "",
    kind: PayerKind = PayerKind.SUBSCRIBER,
    code: str = "KWD",
    cash_only: bool = False,
    credit: Money | None = None,
    credit_limit: Money | None = None,
    seen_change: int | None = None,
    advance: Money | None = None,
    deposit: Money | None = None,
    written_off: Money | None = None,
) -> CachedAccount:
    """An account as central told it."""
    told = credit or Money(0, iso(code))
    return CachedAccount(
        account=number,
        kind=kind,
        name=clean_foreign(name, limit=120),
        phone=phone,
        customer=number.replace("BA", "C"),
        currency=iso(code),
        status="active" if written_off is None else "written_off",
        cash_only=cash_only,
        dunning_stage=0,
        credit_told=told,
        credit=told,
        seen_change=seen_change,
        told_at_utc=utc_text(NOW),
        credit_limit=credit_limit,
        advance_told=advance,
        deposit_told=deposit,
        written_off_told=written_off,
    )


def bill(
    bill_no: str,
    amount: Money,
    *,
    of: str = "BA-1",
    due: date = TODAY + timedelta(days=10),
    state: BillState = BillState.SENT,
    remaining: Money | None = None,
    applied: Sequence[AppliedPayment] = (),
    lines: Sequence[SummaryLine] = (),
    seen_change: int | None = None,
    disputed: Money | None = None,
    promise: Promise | None = None,
) -> BillSnapshot:
    """A bill as central told it; all of it is open unless ``remaining`` says less."""
    return BillSnapshot(
        bill_id=f"CB-{bill_no}",
        bill_no=bill_no,
        account=of,
        account_name=None,
        bill_date=due - timedelta(days=25),
        due_date=due,
        state=state,
        amount_due=amount,
        remaining=amount if remaining is None else remaining,
        tax_included=amount,
        applied=tuple(applied),
        lines=tuple(lines),
        seen_change=seen_change,
        disputed=disputed,
        promise=promise,
    )


def rate(
    rate_id: str, bill_no: str, amount: Money, *, name: str = "Monthly fee", product: str = "Mobile Plus"
) -> AppliedRate:
    """An applied billing rate without tax; ``amount`` may be negative (a credit)."""
    return AppliedRate(
        rate_id=rate_id,
        bill_id=f"CB-{bill_no}",
        name=name,
        kind="appliedBillingCredit" if amount.minor < 0 else "appliedBillingCharge",
        on=TODAY - timedelta(days=40),
        product=product,
        tax_excluded=amount,
        tax=Money(0, amount.currency),
        tax_included=amount,
    )


def line(
    line_id: str, amount: Money, *, name: str, rates: Sequence[str], parent: str | None = None
) -> SummaryLine:
    """A presentation line of a bill without tax."""
    return SummaryLine(
        line_id=line_id,
        name=name,
        group="product",
        parent_id=parent,
        tax_excluded=amount,
        tax=Money(0, amount.currency),
        tax_included=amount,
        rate_ids=tuple(rates),
    )


AMOUNTS: Mapping[str, Mapping[str, str]] = {
    "KWD": {
        "7781": "41.750",
        "7782": "12.500",
        "7790": "30.000",
        "7795": "9.000",
        "7798": "5.005",
        "part": "2.500",
    },
    "EUR": {
        "7781": "41.75",
        "7782": "12.50",
        "7790": "30.00",
        "7795": "9.00",
        "7798": "5.01",
        "part": "2.50",
    },
    "JPY": {
        "7781": "41750",
        "7782": "12500",
        "7790": "30000",
        "7795": "9000",
        "7798": "5005",
        "part": "2500",
    },
}
"""What is owed on each bill, by the shop's currency."""

OTHER_CURRENCY: Mapping[str, str] = {"KWD": "EUR", "EUR": "JPY", "JPY": "EUR"}


def accounts_of(code: str) -> list[CachedAccount]:
    """The accounts every till starts with, in a shop whose currency is ``code``."""
    return [
        account("BA-1", "Zoë O'Brien", phone="+96555510001", code=code),
        account("BA-2", "AT&T [NL] Ltd", phone="+96555510002", code=code, cash_only=True),
        account("BA-3", "李伟", phone="+96555510003", code=code),
        account("BA-4", "محمد العنزي", phone="+96555520004", code=code),
        account("BA-5", HOSTILE_NAME, phone="+96555520005", code=code),
        account("BA-6", "Jürgen Groß", phone="+4915155520006", code=OTHER_CURRENCY[code]),
        account("D-1", "Gulf Mobile Corner", phone="+96522210001", code=code, kind=PayerKind.DEALER),
        account("D-2", "Al Noor Telecom", phone="+96522210002", code=code, kind=PayerKind.DEALER),
    ]


def bills_of(code: str) -> list[BillSnapshot]:
    """BA-1 owes 7781 (overdue) and 7782 and has paid 7780; BA-2 owes 7790; 7795 of BA-4 is on hold; 7799 is foreign."""
    owed = {bill_no: money(text, code) for bill_no, text in AMOUNTS[code].items()}
    calls, discount = owed["part"], -owed["part"]
    fees = owed["7781"] - calls - discount
    return [
        bill(
            "7780",
            owed["7782"],
            due=TODAY - timedelta(days=50),
            state=BillState.SETTLED,
            remaining=money("0", code),
        ),
        bill(
            "7781",
            owed["7781"],
            due=TODAY - timedelta(days=20),
            lines=[
                line("L1", owed["7781"] - discount, name="Mobile Plus", rates=[]),
                line("L1a", fees, name="Fees", rates=["R-1"], parent="L1"),
                line("L1b", calls, name="Calls", rates=["R-2"], parent="L1"),
                line("L2", discount, name="Discounts", rates=["R-3"]),
            ],
        ),
        bill("7782", owed["7782"], due=TODAY + timedelta(days=10)),
        bill("7790", owed["7790"], of="BA-2"),
        bill("7795", owed["7795"], of="BA-4", state=BillState.ON_HOLD),
        bill("7796", owed["7795"], of="BA-4", due=TODAY + timedelta(days=20)),
        bill("7798", owed["7798"], of="BA-5"),
        bill("7799", money("77", OTHER_CURRENCY[code]), of="BA-6"),
    ]


def rates_of(code: str) -> list[AppliedRate]:
    """The rates behind bill 7781; its lines and they agree."""
    owed = {bill_no: money(text, code) for bill_no, text in AMOUNTS[code].items()}
    calls, discount = owed["part"], -owed["part"]
    return [
        rate("R-1", "7781", owed["7781"] - calls - discount),
        rate("R-2", "7781", calls, name="Calls abroad"),
        rate("R-3", "7781", discount, name="Loyalty discount", product="Discounts"),
    ]


PRICES: Mapping[str, tuple[str, str, str]] = {
    "KWD": ("5.000", "1.250", "89.900"),
    "EUR": ("5.00", "1.25", "89.90"),
    "JPY": ("500", "125", "8990"),
}
"""What a SIM, a charger and a phone cost with tax, by the shop's currency."""

CHARGER_EAN = "4006381333931"


def items_of(code: str) -> list[Item]:
    """What the shop sells: a SIM by ICCID, a phone by IMEI, a charger with a bar code, a service without tax, a gift."""

    def one(
        name: str,
        called: str,
        price: str,
        rate: str,
        serial: SerialKind | None = None,
        ean: str | None = None,
    ) -> Item:
        return Item(
            item=name,
            name=called,
            price=Money(0, iso(code)) if price == "0" else money(price, code),
            tax_category="VAT" if rate != "0" else "exempt",
            tax_rate=Decimal(rate),
            serial=serial,
            ean=ean,
        )

    sim, charger, phone = PRICES[code]
    return [
        one("SIM-01", "Prepaid SIM", sim, "5", SerialKind.ICCID),
        one("PHONE-01", "Phone Ünïcode 李", phone, "15.5", SerialKind.IMEI),
        one("CHARGER", "Charger [USB-C]", charger, "5", ean=CHARGER_EAN),
        one("SERVICE", "Number transfer", sim, "0"),
        one("GIFT", "Sticker", "0", "5"),
    ]


def stock(desk: Desk, items: Iterable[Item] | None = None) -> None:
    """Central tells what is on sale; without ``items`` those of ``items_of``."""
    with desk.cache.write() as connection:
        put_items(connection, items_of(desk.identity.currency.code) if items is None else items)


def grant_limit(desk: Desk, limit: str, dealer: str = "D-1") -> None:
    """Central tells how far a dealer may take goods on bank receipts that no bank has confirmed."""
    code = desk.identity.currency.code
    known = {told.account: told for told in accounts_of(code)}
    tell(desk, accounts=[replace(known[dealer], credit_limit=money(limit, code))])


def leave_commission_for_settlement(desk: Desk, *, percent: str = "5", withheld: str = "10") -> None:
    """Dealers earn so much of what they buy, and the back office settles it."""
    terms = CommissionTerms(
        rules=[CommissionRule(percent=Decimal(percent))],
        withholding_percent=Decimal(withheld),
        at=CommissionAt.SETTLEMENT,
        settlement=Settlement.GROSS,
    )
    dealers = DealerPolicy(standard=DealerTerms(commission=terms), classes={})
    desk.policy = replace(desk.policy, dealers=dealers)


def with_check_digit(digits: str) -> str:
    """``digits`` and the Luhn digit that fits them."""
    return next(f"{digits}{last}" for last in range(10) if luhn_holds(f"{digits}{last}"))


def iccid(number: int) -> str:
    """The serial number of a SIM card, 19 digits with their check digit."""
    return with_check_digit(f"8996501{number:011d}")


def imei(number: int) -> str:
    """The serial number of a phone, as real ones are made up: 15 digits with their check digit."""
    return with_check_digit(f"35693803{number:06d}")


def tell(desk: Desk, *, accounts: Iterable[CachedAccount] = (), bills: Sequence[BillSnapshot] = ()) -> None:
    """Central tells accounts and bills, as a pull would write them."""
    with desk.till.read() as books:
        own = own_allocations(books, [told.bill_no for told in bills])
    with desk.cache.write() as connection:
        cached.put_accounts(connection, accounts)
        cached.put_bills(connection, bills, own=own, told_at_utc=utc_text(desk.clock.now()))


# --- the till ------------------------------------------------------------------------------------------------


def make_till(
    folder: Path | None = None,
    currency: str = "KWD",
    *,
    clock: SettableClock | None = None,
    cheques: ChequePolicy | None = None,
    seed: str = "test",
    cash_rounding: CashRounding | None = None,
    payments: PaymentPolicy = NO_TOLERANCE,
) -> Desk:
    """A desk with people, accounts and bills. ``folder`` None: all of it in memory; else ``till.db`` and ``cache.db``."""
    settings = _shipped_settings()
    shop_currency = iso(currency)
    stands = clock or SettableClock()
    books = _copy_of(_books_of(shop_currency, stands.now()), None if folder is None else folder / "till.db")
    cache = CacheStore(
        _copy_of(_cache_of(currency, stands.now()), None if folder is None else folder / "cache.db")
    )
    return Desk(
        clock=stands,
        randomness=SeededRandomness(seed),
        till=TillStore(books, KEYS),
        cache=cache,
        identity=_identity(shop_currency),
        modes=settings.modes,
        permissions=settings.permissions,
        policy=ShopPolicy(
            cash_rounding=cash_rounding
            or CashRounding(coin_minor=settings.smallest_coin_minor.get(currency, 1)),
            cheques=cheques or ChequePolicy(stale_after_days=180, max_amount=None, layouts=settings.micr),
            dealers=DealerPolicy(standard=DealerTerms(), classes={}),
            pins=PinPolicy(lock_minutes=(1, 5, 30), max_failures=10),
            decimal_marks=".,",
            operator_company="Counterfoil Telecom",
            walk_in_account="WALK-IN",
            declared=settings.till.cash.declared,
            payments=payments,
            ledger=ledger_rules(settings),
        ),
        pin_hasher=CheapPinHasher(),
    )


def _identity(shop_currency: Currency) -> Identity:
    return Identity(
        terminal="T1",
        epoch=1,
        series="A",
        shop=ShopHeading(shop="S014", name="Salmiya Counter", address=("Salem Al Mubarak Street 12",)),
        currency=shop_currency,
        time_zone=ZONE,
        central_url="http://127.0.0.1:1",
    )


@cache
def _shipped_settings() -> Settings:
    return read_settings()


@cache
def _books_of(shop_currency: Currency, now: datetime) -> bytes:
    """A migrated store that knows its till and its people, as the bytes of its file.

    To migrate and fill a store for every test would be most of the test.
    """
    store, hasher = Database(None), CheapPinHasher()
    with store.write() as connection:
        migrate.upgrade(connection)
        write_identity(connection, _identity(shop_currency))
        for person in PEOPLE:
            entry = RosterEntry(
                person=person, pin_hash=hasher.hash(PINS[person.user]), active=person is not DISABLED
            )
            put_person(connection, entry, at=now)
        seal(connection, KEYS, at=now)
    return raw_connection(store).serialize()


@cache
def _cache_of(currency: str, now: datetime) -> bytes:
    """What central has told of accounts and bills, as the bytes of a cache."""
    told = open_cache(None)
    with told.write() as connection:
        cached.put_accounts(connection, accounts_of(currency))
        cached.put_bills(connection, bills_of(currency), own={}, told_at_utc=utc_text(now))
        cached.put_rates(connection, rates_of(currency))
        cached.set_marker(connection, "told_at", utc_text(now))
    return raw_connection(told.database).serialize()


def _copy_of(store: bytes, path: Path | None) -> Database:
    """A database of the content of ``store``, in memory where ``path`` is None."""
    if path is None:
        database = Database(None)
        raw_connection(database).deserialize(store)
        return database
    path.touch(mode=0o600, exist_ok=False)
    path.write_bytes(store)
    return Database(path)


def raw_connection(database: Database) -> sqlite3.Connection:
    """The driver's own connection that ``database`` writes by, outside any transaction."""
    writer = database._writer
    assert writer is not None
    raw = writer.connection.dbapi_connection
    writer.rollback()
    assert isinstance(raw, sqlite3.Connection)
    return raw


def close_stores(desk: Desk) -> None:
    """Let the files go, as the end of the process does."""
    desk.cache.database.close()
    desk.till.database.close()


def reopened(desk: Desk) -> Desk:
    """The same till after a restart: new objects over the same files."""
    books, told = desk.till.database.path, desk.cache.database.path
    assert books is not None, "a store in memory does not survive"
    assert told is not None
    close_stores(desk)
    store = TillStore(Database(books), desk.till.keys)
    again = replace(desk, till=store, cache=open_cache(told), touched_bills=deque(), touched_accounts=deque())
    catch_up_all(again)
    return again


def small_fixture() -> Fixture:
    """The worked example as ``pos init --fixture`` reads it."""
    return parse_fixture(dumps(example_fixture()), source="example")


def open_home(folder: Path, *, clock: SettableClock | None = None, terminal: str = "T1") -> OpenTill:
    """A real home on disk, made from the worked example and opened through ``bootstrap``."""
    ports = machine(clock)
    made, drawn = _home_of(terminal, ports.clock_of(ZONE).now())
    shutil.copytree(made.name, folder, dirs_exist_ok=True)
    assert isinstance(ports.randomness, SeededRandomness)
    ports.randomness.drawn = drawn
    return open_till(folder, machine=ports)


@cache
def _home_of(terminal: str, now: datetime) -> tuple[TemporaryDirectory[str], int]:
    """A home in which nothing has happened yet, and how often its making drew chance: most of a test is to make one."""
    ports = machine(SettableClock(now))
    new = NewHome(terminal=terminal, central_url="http://127.0.0.1:1", epoch=1, fixture=small_fixture())
    made = TemporaryDirectory(prefix="home-")
    make_home(Path(made.name), new, machine=ports)
    assert isinstance(ports.randomness, SeededRandomness)
    return made, ports.randomness.drawn


# --- deeds ---------------------------------------------------------------------------------------------------


def opened(desk: Desk, float_: str = "20", person: Person = CASHIER) -> ShiftOpened:
    """``person`` opens a shift with this float."""
    return open_shift(desk, person, float_)


def cash(amount: str) -> TenderOrder:
    """Notes and coins."""
    return TenderOrder(mode="cash", amount=amount, details={})


def notes(amount: str, code: str = "USD", rate: str | None = None) -> TenderOrder:
    """Notes of another currency; ``rate`` is what the payer was told."""
    return TenderOrder(mode="cash", amount=amount, details={}, currency=code, rate=rate)


def take_currencies(
    desk: Desk, rates: Mapping[str, str], *, valid_on: date = TODAY, max_age_days: int = 0
) -> None:
    """The shop hangs out a list: ``take_currencies(desk, {"USD": "0.30675"})``. The lowest note of each is 1 unit."""
    listed = {
        code: ListedRate(
            currency=iso(code), rate=rate, source="shop list", valid_on=valid_on, lowest_note=money("1", code)
        )
        for code, rate in rates.items()
    }
    known = ForeignCash(rates=listed, max_age_days=max_age_days)
    desk.policy = replace(desk.policy, foreign_cash=known)


def ask_for_documents(desk: Desk, identify_from: str | None, refuse_from: str | None = None) -> None:
    """From so much cash of a payer in a day on a document is needed, or no more is taken."""
    code = desk.identity.currency.code
    policy = LargeCash(
        identify_from=None if identify_from is None else money(identify_from, code),
        refuse_from=None if refuse_from is None else money(refuse_from, code),
        documents=("civil_id", "passport"),
    )
    desk.policy = replace(desk.policy, large_cash=policy)


def passport(number: str = "K1234567", name: str = "") -> IdentityOrder:
    """A document that somebody shows."""
    return IdentityOrder(kind="passport", number=number, name=name)


def cheque(amount: str, serial: str = "000123", **details: str) -> TenderOrder:
    """A cheque of bank 001, or of the one named; ``cheque("5", date="2026-11-01")``. One with a drawer was looked at."""
    ticks = tuple(TICKS) if "drawer" in details else ()
    return TenderOrder(
        mode="cheque", amount=amount, details={"serial": serial, "bank": "001", **details}, ticks=ticks
    )


def card(amount: str, rrn: str = "000123456789", mode: str = "debit_card", **details: str) -> TenderOrder:
    """A card slip of terminal T7, or of the one named; ``mode`` may be ``credit_card``."""
    slip = {"auth_code": "A1B2C3", "last4": "1111", "brand": "VISA", "rrn": rrn, "card_terminal": "T7"}
    return TenderOrder(mode=mode, amount=amount, details={**slip, **details})


def bank_cash(amount: str, reference: str = "K7-20991", **details: str) -> TenderOrder:
    """The bank's receipt for cash that a dealer paid in."""
    paper = {"bank": "001", "branch": "042", "reference": reference, "date": TODAY.isoformat()}
    return TenderOrder(mode="bank_cash", amount=amount, details={**paper, **details})


def bank_cheque(amount: str, reference: str = "K7-20991", **details: str) -> TenderOrder:
    """The bank's receipt for a cheque that a dealer paid in."""
    return TenderOrder(
        mode="bank_cheque",
        amount=amount,
        details={**bank_cash(amount, reference).details, "serial": "000123", **details},
    )


def direct_debit(amount: str, reference: str = "R-1", **details: str) -> TenderOrder:
    """A line of the bank's advice."""
    advice = {"mandate": "M-1", "reference": reference, "date": TODAY.isoformat()}
    return TenderOrder(mode="direct_debit", amount=amount, details={**advice, **details})


def atm(amount: str, trace: str = "004711", **details: str) -> TenderOrder:
    """A slip of a cash machine."""
    slip = {"trace": trace, "atm": "ATM-09", "date": TODAY.isoformat()}
    return TenderOrder(mode="atm", amount=amount, details={**slip, **details})


def bank_tells(desk: Desk, slip: TenderOrder, *, account: str = "BA-1") -> RecordOutcome:
    """A file of the bank has a record of the payment that ``slip`` would show."""
    run = begin_run(desk, BACK_OFFICE, desk.modes[slip.mode].kind, profile="records", file_digest="0" * 64)
    order = RecordOrder(mode=slip.mode, amount=slip.amount, account=account, details=slip.details)
    return import_record(desk, BACK_OFFICE, run, order)


def voucher(amount: str, code: str = "LOYAL-2026-TXWP", issuer: str | None = None) -> TenderOrder:
    """A loyalty voucher, or that of another ``issuer``."""
    if issuer is None:
        return TenderOrder(mode="internal_voucher", amount=amount, details={"code": code})
    return TenderOrder(mode="external_voucher", amount=amount, details={"code": code, "issuer": issuer})


def sale(item: str, quantity: int = 1, *serials: str) -> SaleOrder:
    """A line of a sale; ``sale("SIM-01", 1, iccid(1))``."""
    return SaleOrder(item=item, quantity=quantity, serials=serials)


def marked_down(
    item: str, price: str, reason: str = "display_piece", *, quantity: int = 1, serials: Sequence[str] = ()
) -> SaleOrder:
    """A line at another unit price than the item's."""
    changed = OverrideOrder(price=price, reason=reason)
    return SaleOrder(item=item, quantity=quantity, serials=serials, override=changed)


def let_change_prices(desk: Desk, role: Role, *, percent: int, grant: Grant = Grant.LIMIT) -> None:
    """Give ``role`` the right to change prices, so far."""
    row = {**desk.permissions.grants["override_price"], role: grant}
    desk.permissions = PermissionTable({**desk.permissions.grants, "override_price": row})
    percents = {**desk.policy.items.override_max_percent, role: percent}
    desk.policy = replace(desk.policy, items=replace(desk.policy.items, override_max_percent=percents))


class FakeVouchers:
    """Central as a ``VoucherDesk``: ``answers`` are given in turn, after them every voucher is worth ``value``."""

    def __init__(
        self,
        *answers: VoucherOutcome,
        value: Money | None = None,
        releases: bool = True,
        approval: str = "",
        terms: VoucherTerms | None = None,
    ) -> None:
        self.answers = list(answers)
        self.terms = terms
        self.value = value
        self.approval = approval or None
        self.releases = releases
        self.asked: list[VoucherAsked] = []
        self.released: list[str] = []

    async def reserve(self, asked: VoucherAsked) -> VoucherOutcome:
        self.asked.append(asked)
        if self.answers:
            return self.answers.pop(0)
        held = [one for one in self.asked[:-1] if plain_code(one.code) == plain_code(asked.code)]
        if any(one.hold_id not in self.released for one in held):
            return VoucherRefused(code="voucher_not_usable", message="This voucher cannot be used.")
        terms = self.terms or VoucherTerms(value=self.value or asked.amount, expires=date(2027, 12, 31))
        return VoucherReserved(terms=terms, approval=self.approval)

    async def release(self, hold_id: str) -> bool:
        if self.releases:
            self.released.append(hold_id)
        return self.releases


UNANSWERED = VoucherUnanswered(reason="timed out")


def reserve(
    desk: Desk, asked: PaymentOrder, central: FakeVouchers | None, person: Person = CASHIER
) -> list[Hold]:
    """Have the vouchers of a payment held."""
    return asyncio.run(reserve_vouchers(desk, person, asked, central, InlineRunner()))


def release(desk: Desk, payment_event_id: str, central: FakeVouchers | None) -> None:
    """No payment comes."""
    asyncio.run(let_go(desk, payment_event_id, central, InlineRunner()))


def reserved_order(desk: Desk, asked: PaymentOrder, person: Person = CASHIER) -> PaymentOrder:
    """The same payment, its vouchers (if any) held by a central that grants all."""
    reserve(desk, asked, FakeVouchers(), person)
    return asked


def wish(
    bill_no: str | None = None,
    amount: str | None = None,
    account: str | None = None,
    *,
    keep_as: Purpose = Purpose.ACCOUNT,
) -> AllocateOrder:
    """A bill to be paid, or (without one) an account to be credited."""
    return AllocateOrder(bill=bill_no, amount=amount, account=account, keep_as=keep_as)


def in_suspense(reference: str = "Envelope in the letter box", amount: str | None = None) -> AllocateOrder:
    """Money whose owner nobody knows; without an amount all that is left."""
    return AllocateOrder(amount=amount, keep_as=Purpose.SUSPENSE, reference=reference)


def resolved(
    desk: Desk,
    receipt: str,
    account: str = "BA-1",
    amount: str | None = None,
    *,
    person: Person = SUPERVISOR,
    allocate: Sequence[AllocateOrder] = (),
    item: int | None = None,
    reason: str | None = None,
) -> SuspenseResolved:
    """The owner of money in suspense is found."""
    done = resolve_suspense(
        desk,
        person,
        ResolveOrder(
            receipt=receipt, account=account, amount=amount, allocate=allocate, item=item, reason=reason
        ),
    )
    catch_up(desk)
    return done


def order(
    desk: Desk,
    *tenders: TenderOrder,
    account: str | None = "BA-1",
    payer: PayerKind | None = None,
    allocate: Sequence[AllocateOrder] = (),
    lines: Sequence[SaleOrder] = (),
    overpayment: Overpayment | None = None,
    event_id: str | None = None,
    decimal_marks: str = ".",
    confirmed: Sequence[str] = (),
    reason: str | None = None,
    identity: IdentityOrder | None = None,
) -> PaymentOrder:
    """A payment as the counter asks for it; the id is a new one unless given. ``account`` None: a walk-in buyer."""
    kind = payer or (
        PayerKind.WALK_IN
        if account is None
        else PayerKind.DEALER
        if account.startswith("D-")
        else PayerKind.SUBSCRIBER
    )
    return PaymentOrder(
        payment_event_id=event_id or new_id(desk.clock, desk.randomness),
        payer_kind=kind,
        payer_account=account,
        tenders=tenders,
        allocate=allocate,
        lines=lines,
        overpayment=overpayment,
        decimal_marks=decimal_marks,
        confirmed=confirmed,
        reason=reason,
        identity=identity,
    )


def pay(
    desk: Desk,
    *tenders: TenderOrder,
    account: str | None = "BA-1",
    payer: PayerKind | None = None,
    allocate: Sequence[AllocateOrder] = (),
    lines: Sequence[SaleOrder] = (),
    overpayment: Overpayment | None = None,
    person: Person = CASHIER,
    event_id: str | None = None,
    identity: IdentityOrder | None = None,
) -> PaymentTaken:
    """``person`` takes a payment."""
    asked = order(
        desk,
        *tenders,
        account=account,
        payer=payer,
        allocate=allocate,
        lines=lines,
        overpayment=overpayment,
        event_id=event_id,
        identity=identity,
    )
    return take_payment(desk, person, asked)


def count(
    desk: Desk,
    cash_amount: str,
    *,
    cheques: str = "0",
    cheque_count: int = 0,
    person: Person = CASHIER,
    foreign: Mapping[str, str] = MappingProxyType({}),
    declared: Mapping[str, str] = MappingProxyType({}),
    trust: str | None = None,
    pieces: Sequence[tuple[str, int]] = (),
    slips: Sequence[SlipOrder] | None = None,
) -> Counted:
    """``person`` counts the drawer; ``foreign`` by currency, ``declared`` by kind, ``trust`` a dealer's bill money."""
    counted = CountOrder(
        cash=cash_amount,
        cheque_count=cheque_count,
        cheques=cheques,
        trust=trust,
        foreign=[ForeignCountOrder(currency=code, amount=amount) for code, amount in foreign.items()],
        declared=[DeclaredOrder(kind=kind, amount=amount) for kind, amount in declared.items()],
        pieces=pieces,
        slips=slips,
    )
    return count_shift(desk, person, counted)


def closed(desk: Desk, reason: str | None = None, person: Person = CASHIER) -> ShiftClosed:
    """``person`` closes the shift."""
    return close_shift(desk, person, reason)


# --- looking at the books ------------------------------------------------------------------------------------


def rows(desk: Desk, table: str) -> list[dict[str, object]]:
    """Every row of a table or view of ``till.db``."""
    with desk.till.read() as connection:
        return [dict(row) for row in connection.exec_driver_sql(f"SELECT * FROM {table}").mappings()]


def findings(desk: Desk) -> list[Finding]:
    """What is wrong with the books, once the cache has caught up with them."""
    catch_up(desk)
    return verify_books(desk)


def dump(desk: Desk, *, without: Iterable[str] = ()) -> dict[str, list[str]]:
    """All that ``till.db`` holds, table by table, but those of ``without``."""
    # The driver itself: a table a statement is slow by any other way.
    raw = raw_connection(desk.till.database)
    tables = raw.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
    ).fetchall()
    left_out = set(without)
    return {
        table: sorted(
            json.dumps([str(value) for value in row], ensure_ascii=False)
            for row in raw.execute(f"SELECT * FROM {table}")
        )
        for (table,) in tables
        if table not in left_out
    }


def go_offline(desk: Desk, *, minutes: float = 11, **limits: OfflineLimits) -> None:
    """Central has just answered, and then falls silent for ``minutes``; ``limits`` are those of the modes."""
    with desk.cache.write() as connection:
        cached.set_marker(connection, "told_at", utc_text(desk.clock.now()))
    desk.policy = replace(desk.policy, offline=OfflinePolicy(has_central=True, limits=limits))
    clock_of(desk).advance(minutes=minutes)


def acknowledge_all(desk: Desk, applied_change: int | None = None) -> None:
    """Central answers: it has all that waits, applied at this change of its books."""
    with desk.till.transaction() as unit:
        for row in outbox.unsent(unit.connection):
            outbox.freeze_body(unit.connection, row.outbox_id, b"{}")
            outbox.mark_acknowledged(
                unit.connection,
                row.outbox_id,
                server_id=f"P-{row.outbox_id}",
                server_href=None,
                applied_change=applied_change,
                at=desk.clock.now(),
            )
