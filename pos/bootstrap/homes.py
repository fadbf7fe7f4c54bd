"""A home made, filled and opened: its stores, its keys, its desk, on the ports of a machine."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from pos.bootstrap.central_key import CentralKey, write_central_key
from pos.bootstrap.file_modes import refuse_wide
from pos.bootstrap.key_files import add_later_keys, make_keys, read_key, read_keys, settle_keys
from pos.bootstrap.last_done import last_check
from pos.bootstrap.policy import shop_policy
from pos.domain.errors import Refused
from pos.domain.money import currency
from pos.domain.payment_mode import PayerKind
from pos.domain.pin import pin_problem
from pos.domain.ports import CardTerminal, Clock, PinHasher, Printer, Randomness
from pos.domain.receipt import ShopHeading
from pos.domain.role import Person
from pos.domain.signature import key_id_of
from pos.domain.signed_voucher import VoucherKey, read_public_key
from pos.machine import Argon2PinHasher, MachineClock, MachineRandomness, boot_of_machine
from pos.settings import Settings, read_settings
from pos.store import cache as cached
from pos.store import migrate
from pos.store.beside import Beside
from pos.store.cache import CachedAccount, CacheStore, open_cache, remove_cache
from pos.store.chain import head
from pos.store.database import Database, StoreError, StoreLock, StoreOpener
from pos.store.head_check import head_fault
from pos.store.high_water import HighWater
from pos.store.home import TRAINING_SERIES, Identity, read_identity, write_identity
from pos.store.items import put_items
from pos.store.people import RosterEntry, put_person
from pos.store.seal import bring_up_to_date, seal
from pos.store.till_keys import newest_key
from pos.store.times import utc_text
from pos.store.unit_of_work import TillStore
from pos.store.voucher_keys import put_voucher_keys
from pos.till.cards import abandon_all_cards
from pos.till.desk import Desk
from pos.till.lost_mark import note_lost_mark
from pos.till.open_bills import catch_up_all
from pos.till.refund_across import abandon_all as abandon_all_refunds
from pos.till.vouchers import abandon_all
from pos.till_settings import url_problem
from receipts.printer import FilePrinter
from sync.tmf678.bill import read_bill
from sync.tmf678.rate import read_rate

if TYPE_CHECKING:
    # Both take longer to load than most commands take: the fixture's models are for `pos init`, HTTP is for the wire.
    from pos.fixture import Fixture, FixtureVoucherKey
    from sync.link import AsyncBaseTransport


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The ports a till runs on: clock (of a time zone), randomness, disk, printer (of a folder), network, card terminal.

    ``pin_hasher`` None: argon2id with the home's pepper. ``transport`` None: the network. ``card_terminal`` None: the
    one that the settings name, if any.
    """

    randomness: Randomness
    clock_of: Callable[[str], Clock]
    open_store: StoreOpener = Database
    printer_of: Callable[[Path], Printer] = FilePrinter
    transport: AsyncBaseTransport | None = None
    card_terminal: CardTerminal | None = None
    pin_hasher: PinHasher | None = None
    boot: str = ""


def real_machine() -> Machine:
    """This machine: its clock, its randomness, its disk, its network, argon2."""
    return Machine(randomness=MachineRandomness(), clock_of=MachineClock, boot=boot_of_machine())


@dataclass(frozen=True, slots=True, kw_only=True)
class HomePaths:
    """Everything a terminal keeps lies below one folder."""

    home: Path

    @property
    def till_db(self) -> Path:
        return self.home / "till.db"

    @property
    def cache_db(self) -> Path:
        return self.home / "cache.db"

    @property
    def lock(self) -> Path:
        return self.home / "till.lock"

    @property
    def keys(self) -> Path:
        return self.home / "keys"

    @property
    def ledger(self) -> Path:
        """Files of the feed to the general ledger that the program itself writes."""
        return self.home / "ledger"

    @property
    def central_key(self) -> Path:
        return self.home / "central.key"

    @property
    def high_water(self) -> Path:
        return self.home / "high-water"

    @property
    def last_check(self) -> Path:
        return self.home / "last-check"

    @property
    def last_backup(self) -> Path:
        return self.home / "last-backup"

    @property
    def receipts(self) -> Path:
        return self.home / "receipts"

    @property
    def backups(self) -> Path:
        return self.home / "backups"

    @property
    def training(self) -> Path:
        """A home of its own, where people practise."""
        return self.home / "training"

    @property
    def training_begun(self) -> Path:
        """The same while it is made."""
        return self.home / "training.begun"

    @property
    def training_gone(self) -> Path:
        """The same when it was begun anew, until it is removed."""
        return self.home / "training.gone"

    @property
    def training_lock(self) -> Path:
        """One process at a time makes it."""
        return self.home / "training.lock"


@dataclass(slots=True, kw_only=True)
class OpenTill(AbstractContextManager["OpenTill"]):
    """An opened home. ``lock`` None: opened to be read, beside whoever owns it."""

    paths: HomePaths
    settings: Settings
    machine: Machine
    desk: Desk
    lock: StoreLock | None

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close both files and let the next process in. Nothing depends on this being called."""
        self.desk.cache.database.close()
        self.desk.till.close()
        if self.lock is not None:
            self.lock.close()
            self.lock = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewHome:
    """What a new home is made of. Shop, people, accounts and bills come from the fixture.

    ``key`` None: it was made without a one-time code, and shows central nothing. ``training``: people practise in it, with a
    receipt series of that name.
    """

    terminal: str
    central_url: str
    epoch: int
    fixture: Fixture
    key: CentralKey | None = None
    training: bool = False


def make_home(folder: Path, new: NewHome, *, machine: Machine, settings: Settings | None = None) -> Identity:
    """Make and fill a home.

    Raises Refused ``home_exists``, ``bad_shop``, ``bad_terminal``, ``bad_pin`` or ``bad_settings`` (the central's address).
    """
    paths = HomePaths(home=folder)
    check_new_home(folder, new.terminal, new.central_url, new.fixture)
    known = settings or read_settings(home=folder)
    _check_pins(new.fixture, known.till.sign_in.min_pin_digits)
    os.umask(0o077)
    for part in (folder, paths.keys, paths.receipts, paths.backups):
        part.mkdir(mode=0o700, parents=True, exist_ok=True)
    refuse_wide(folder)
    make_keys(paths.keys, machine.randomness)
    if new.key is not None:
        write_central_key(paths.central_key, new.key)
    identity = _identity(new)
    clock = machine.clock_of(identity.time_zone)
    database = machine.open_store(paths.till_db)
    try:
        with database.write() as connection:
            _fill_till(
                connection,
                identity,
                new.fixture,
                _hasher(paths, machine),
                clock.now(),
                first_pin=known.till.sign_in.first_pin,
            )
            seal(connection, read_keys(paths.keys), at=clock.now())
        begin_high_water(database, paths)
    finally:
        database.close()
    cache = open_cache(paths.cache_db, opener=machine.open_store)
    try:
        fill_cache(cache, new.fixture, told_at=clock.now())
    finally:
        cache.database.close()
    return identity


def check_new_home(folder: Path, terminal: str, central_url: str, fixture: Fixture) -> None:
    """What can be known before a one-time code is spent. Raises what ``make_home`` raises."""
    if HomePaths(home=folder).till_db.exists():
        raise Refused("home_exists", f"{folder} is a home already.")
    if "-" in fixture.shop.id:
        # Receipts and batches are numbered shop-terminal-series-...: else terminal T of shop A-B and B-T of A were one.
        raise Refused(
            "bad_shop",
            f"The shop {fixture.shop.id} has a dash in its number, which parts a receipt's number. Leave it out.",
            shop=fixture.shop.id,
        )
    if terminal not in fixture.terminals:
        raise Refused("bad_terminal", "The fixture has no terminal of this name.", allowed=fixture.terminals)
    problem = url_problem(central_url)
    if problem is not None:
        raise Refused("bad_settings", f"central: {problem}", key="central")


def _check_pins(fixture: Fixture, min_digits: int) -> None:
    """The shop may ask for longer PINs than a fixture must have."""
    for user in fixture.users:
        problem = pin_problem(user.pin, user=user.user, min_digits=min_digits, shop=fixture.shop.id)
        if problem is not None:
            raise Refused("bad_pin", f"User {user.user}: {problem}", user=user.user)


def _identity(new: NewHome) -> Identity:
    shop = new.fixture.shop
    return Identity(
        terminal=new.terminal,
        epoch=new.epoch,
        series=TRAINING_SERIES if new.training else series_of(new.epoch),
        shop=ShopHeading(
            shop=shop.id, name=shop.name, address=tuple(shop.address), tax_number=shop.tax_number
        ),
        currency=currency(shop.currency),
        time_zone=shop.time_zone,
        central_url=new.central_url,
        training=new.training,
    )


def series_of(epoch: int) -> str:
    """The receipt series that an enrolment begins with: A, B ... Z, AA. What an earlier one printed is never known."""
    letters = ""
    while epoch > 0:
        epoch, place = divmod(epoch - 1, 26)
        letters = chr(ord("A") + place) + letters
    return letters


def _fill_till(
    connection: Connection,
    identity: Identity,
    fixture: Fixture,
    hasher: PinHasher,
    at: datetime,
    *,
    first_pin: timedelta,
) -> None:
    migrate.upgrade(connection)
    write_identity(connection, identity)
    for user in fixture.users:
        person = Person(
            user=user.user,
            name=user.name,
            roles=frozenset(user.roles),
            dealer=user.dealer,
            accounts=frozenset(user.accounts),
        )
        entry = RosterEntry(
            person=person,
            pin_hash=hasher.hash(user.pin),
            active=True,
            pin_is_first=user.first_pin,
            pin_expires=at + first_pin if user.first_pin else None,
        )
        put_person(connection, entry, at=at)


def fill_cache(cache: CacheStore, fixture: Fixture, *, told_at: datetime) -> None:
    """Put a fixture's accounts, dealers, bills and rates into the cache, as if central had told them."""
    told = utc_text(told_at)
    accounts = [
        CachedAccount(
            account=row.account,
            kind=PayerKind(row.kind),
            name=row.name,
            phone=row.phone or "",
            customer=row.customer or "",
            currency=currency(row.currency),
            status=row.status,
            cash_only=row.cash_only,
            dunning_stage=row.dunning_stage,
            credit_told=row.credit_money,
            credit=row.credit_money,
            seen_change=None,
            told_at_utc=told,
            former=tuple(row.former),
            dealer_class=row.account_class,
            advance_told=row.figure("advance"),
            deposit_told=row.figure("deposit"),
            written_off_told=row.figure("written_off"),
        )
        for row in fixture.accounts
    ] + [
        CachedAccount(
            account=row.account,
            kind=PayerKind.DEALER,
            name=row.name,
            phone=row.phone or "",
            customer=row.account,
            currency=currency(row.currency),
            status=row.status,
            cash_only=False,
            dunning_stage=0,
            credit_told=row.credit_money,
            credit=row.credit_money,
            seen_change=None,
            told_at_utc=told,
            dealer_class=row.dealer_class,
            credit_limit=row.credit_limit_money,
        )
        for row in fixture.dealers
    ]
    bills = [read_bill(bill, seen_change=None) for bill in fixture.bills]
    rates = [read_rate(rate) for rate in fixture.rates if rate["isBilled"]]
    with cache.write() as connection:
        cached.put_accounts(connection, accounts)
        cached.put_bills(connection, bills, own={}, told_at_utc=told)
        cached.put_rates(connection, rates)
        cached.mark_rates_asked(connection, None)
        put_items(connection, [row.as_item() for row in fixture.items if not row.withdrawn])
        put_voucher_keys(connection, [_voucher_key(row) for row in fixture.voucher_keys])
        cached.set_marker(connection, "told_at", told)


def _voucher_key(row: FixtureVoucherKey) -> VoucherKey:
    public_key = read_public_key(row.public_key)
    assert public_key is not None, "the fixture was read"
    return VoucherKey(key_id=key_id_of(public_key), public_key=public_key, withdrawn=row.withdrawn)


def open_till(
    folder: Path,
    *,
    machine: Machine,
    config: Path | None = None,
    read_only: bool = False,
) -> OpenTill:
    """Open a home, as its owner or (``read_only``) beside the owner.

    Raises Refused ``no_home``, ``bad_settings``, ``store_is_newer``; StoreError with exit code 5 (locked) or 6 (damaged).
    """
    paths = HomePaths(home=folder)
    refuse_no_home(paths)
    settings = read_settings(option=config, home=folder)
    os.umask(0o077)
    lock = None if read_only else StoreLock(paths.lock)
    try:
        desk, settings = _open_desk(paths, settings, machine, read_only=read_only)
    except BaseException:
        if lock is not None:
            lock.close()
        raise
    return OpenTill(paths=paths, settings=settings, machine=machine, desk=desk, lock=lock)


def refuse_no_home(paths: HomePaths) -> None:
    """Raises Refused ``no_home``, or StoreError where others can open it."""
    if not paths.till_db.is_file():
        raise Refused(
            "no_home", f"{paths.home} is no home of a till. Make one with pos init, or try pos demo."
        )
    refuse_wide(paths.home)


def _open_desk(
    paths: HomePaths, settings: Settings, machine: Machine, *, read_only: bool
) -> tuple[Desk, Settings]:
    """The desk, and the settings as this home may use them: where people practise they lead nowhere."""
    database = machine.open_store(paths.till_db, read_only=read_only)
    try:
        _check_at_open(database, paths)
        with database.read() as connection:
            named = newest_key(connection)
        if not read_only:
            settle_keys(paths.keys, named)
        _migrate(database, paths, machine, read_only=read_only)
        keys = read_keys(paths.keys, named)
        water = HighWater(paths.high_water, keys.chain, keys.former.values())
        with database.read() as connection:
            fault = head_fault(connection, keys, water.last)
            if fault is not None:
                raise fault
            identity = read_identity(connection)
        if identity is None:
            raise Refused("no_home", f"{paths.home} was not finished. Remove it and run pos init again.")
        cache = open_cache(
            paths.cache_db, read_only=read_only and paths.cache_db.exists(), opener=machine.open_store
        )
    except BaseException:
        database.close()
        raise
    settings = settings.for_training() if identity.training else settings
    desk = Desk(
        clock=machine.clock_of(identity.time_zone),
        randomness=machine.randomness,
        till=TillStore(database, keys, water=water),
        cache=cache,
        identity=identity,
        modes=settings.modes,
        permissions=settings.permissions,
        policy=shop_policy(settings, identity),
        pin_hasher=LazyPinHasher(lambda: _hasher(paths, machine)),
        boot=machine.boot,
        beside=Beside(paths.keys / "tries"),
    )
    if not read_only:
        # Whoever puts an older store in place may take the file away that would tell it.
        if water.last is None and note_lost_mark(desk):
            with database.read() as connection:
                water.begin_anew(*head(connection))
        _catch_up(desk, paths, machine)
        abandon_all(desk)
        abandon_all_cards(desk)
        abandon_all_refunds(desk)
    return desk, settings


def _check_at_open(database: Database, paths: HomePaths) -> None:
    """Raises StoreError ``store_damaged``. What the last whole check found damaged is not passed by a quick look."""
    found = last_check(paths.last_check)
    if found is not None and found.damage is not None:
        database.full_check()
    else:
        database.quick_check()


def _catch_up(desk: Desk, paths: HomePaths, machine: Machine) -> None:
    """Bring the open amounts up to the books; a cache that turns out damaged is made anew and pulled again."""
    try:
        catch_up_all(desk)
    except StoreError as damage:
        if damage.code != "cache_damaged":
            raise
        desk.cache.database.close()
        remove_cache(paths.cache_db)
        desk.cache = open_cache(paths.cache_db, opener=machine.open_store)
        catch_up_all(desk)


def _migrate(database: Database, paths: HomePaths, machine: Machine, *, read_only: bool) -> None:
    with database.read() as connection:
        version = migrate.schema_version(connection)
    migrate.refuse_newer(version)
    if version == migrate.HEAD:
        return
    if read_only:
        raise Refused("store_is_older", "Open the till once, so that its store is brought up to date.")
    stamp = machine.randomness.token_bytes(4).hex()
    _back_up_checked(database, paths.backups / f"before-{migrate.HEAD}-{stamp}.db", machine)
    add_later_keys(paths.keys, machine.randomness)
    with database.write() as connection:
        bring_up_to_date(connection, read_keys(paths.keys), at=machine.clock_of("UTC").now())
    begin_high_water(database, paths)


def _back_up_checked(database: Database, target: Path, machine: Machine) -> None:
    """A copy to go back to is one that was checked whole. Raises StoreError ``store_damaged``, and then leaves no file."""
    part = target.with_name(f"{target.name}.part")
    try:
        database.backup_into(part)
        copy = machine.open_store(part, read_only=True)
        try:
            copy.full_check()
        finally:
            copy.close()
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    os.rename(part, target)


def begin_high_water(database: Database, paths: HomePaths) -> None:
    """From here on an older store is noticed: a new home, one of before there was such a file, or a restored one."""
    with database.read() as connection:
        here = head(connection)
    water = HighWater(paths.high_water, read_keys(paths.keys).chain)
    water.begin_anew(*here)
    water.close()


class LazyPinHasher(PinHasher):
    """Makes the real hasher when the first PIN comes, so that a start does not wait for it."""

    def __init__(self, make: Callable[[], PinHasher]) -> None:
        self._make = make
        self._made: PinHasher | None = None

    def _hasher(self) -> PinHasher:
        if self._made is None:
            self._made = self._make()
        return self._made

    def hash(self, pin: str) -> str:
        return self._hasher().hash(pin)

    def matches(self, pin_hash: str | None, pin: str) -> bool:
        return self._hasher().matches(pin_hash, pin)


def _hasher(paths: HomePaths, machine: Machine) -> PinHasher:
    return machine.pin_hasher or Argon2PinHasher(read_key(paths.keys / "pepper.key"))
