"""``pos doctor``: one line for each thing a till stands on, and what to do about it. Works beside an open screen.

Each look is made on its own, so that a damaged store does not hide a missing key. Nothing here names a person.
"""

from __future__ import annotations

import asyncio
import platform
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from pos.bootstrap.file_modes import refuse_wide
from pos.bootstrap.homes import HomePaths, Machine, refuse_no_home
from pos.bootstrap.key_files import read_keys
from pos.bootstrap.last_done import last_backup, last_check
from pos.bootstrap.wire import addresses_of, credentials_of, tls_of
from pos.domain.errors import DomainError, Refused
from pos.domain.ledger_delivery import DeliveryState
from pos.domain.ports import PrinterUnavailable
from pos.domain.signature import public_key_of
from pos.settings import Settings, read_settings
from pos.store import migrate
from pos.store.chain import head
from pos.store.database import Database, StoreError, store_damaged
from pos.store.head_check import head_fault
from pos.store.high_water import HighWater
from pos.store.home import read_identity
from pos.store.ledger_deliveries import delivery_counts, set_aside
from pos.store.outbox import queue
from pos.store.refunds_across import count_unreleased
from pos.store.till_keys import NewestKey, fingerprint_of, newest_key
from pos.till.shop_clock import clock_behind
from receipts.printer import NetworkAddress, NetworkPrinter
from sync.client import CentralClient
from sync.outcomes import Unreachable

DAMAGED = 6
CENTRAL_WITHIN_S = 5
ONE_WRITER_SINCE = (3, 51, 3)
"""SQLite before it may damage a write-ahead log that two processes write; ours has one writer, under a lock."""
FREE_BAD, FREE_LOOK = 50 * 2**20, 500 * 2**20
LOG_LOOK = 64 * 2**20
QUEUE_LOOK = timedelta(days=1)


class Health(StrEnum):
    """How something is: as it should be, to be looked at, or not to be sold on."""

    OK = "ok"
    LOOK = "look"
    BAD = "bad"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """What was seen of one thing. ``do``: what to do about it. ``exit_code`` is the command's, where it is bad."""

    about: str
    health: Health
    says: str
    do: str = ""
    exit_code: int = 0


def examine(folder: Path, machine: Machine, *, config: Path | None = None) -> Iterator[Sign]:
    """Every sign, one after the other. Raises Refused ``no_home`` where there is nothing to look at."""
    paths = HomePaths(home=folder)
    with suppress(StoreError):
        refuse_no_home(paths)
    yield _program()
    yield _looked("files", lambda: _files(paths))
    store = Store(paths, machine)
    try:
        yield _looked("keys", store.keys)
        yield _looked("store", store.file)
        yield _looked("chain", store.chain)
        yield _looked("clock", store.clock)
        yield _looked("outbox", store.outbox)
        yield _looked("ledger", store.ledger)
        settings: list[Settings] = []
        yield _looked("settings", lambda: _settings(folder, config, settings))
        yield _looked("check", lambda: _check(paths, store.now))
        yield _looked("disk", lambda: _disk(paths))
        yield _looked("log", lambda: _log(paths))
        if settings:
            yield _looked("backup", lambda: _backup(paths, settings[0], store.now))
            yield _looked("printer", lambda: _printer(settings[0]))
            yield _looked("central", lambda: _central(settings[0], paths, store.central_url(), machine))
    finally:
        store.close()


def _ok(about: str, says: str) -> Sign:
    return Sign(about=about, health=Health.OK, says=says)


def _look(about: str, says: str, do: str) -> Sign:
    return Sign(about=about, health=Health.LOOK, says=says, do=do)


def _looked(about: str, look: Callable[[], Sign]) -> Sign:
    """What ``look`` sees, or why it could not be made."""
    try:
        return look()
    except StoreError as fault:
        do = SALVAGE if fault.code == "store_damaged" else ""
        return Sign(about=about, health=Health.BAD, says=fault.message, do=do, exit_code=fault.exit_code)
    except DomainError as refusal:
        return Sign(about=about, health=Health.BAD, says=refusal.message, exit_code=refusal.exit_code)
    except DBAPIError as error:
        says = store_damaged(str(error.orig)).message
        return Sign(about=about, health=Health.BAD, says=says, do=SALVAGE, exit_code=DAMAGED)
    except (OSError, ValueError, KeyError, TypeError) as error:
        kind = type(error).__name__
        says = f"This cannot be looked at ({kind})."
        return Sign(about=about, health=Health.BAD, says=says, do="Run pos verify.", exit_code=DAMAGED)


SALVAGE = "Keep what can be read by pos export support, then run pos restore."


def _program() -> Sign:
    says = f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    if sqlite3.sqlite_version_info < ONE_WRITER_SINCE:
        says += " (an old one: never let another program write to till.db)"
    return _ok("program", says)


def _files(paths: HomePaths) -> Sign:
    refuse_wide(paths.home)
    return _ok("files", "all are their user's alone")


class Store:
    """The books, opened to be read beside whoever owns them."""

    def __init__(self, paths: HomePaths, machine: Machine) -> None:
        self._paths = paths
        self._machine = machine
        self._database: Database = machine.open_store(paths.till_db, read_only=True)

    @property
    def now(self) -> datetime:
        return self._machine.clock_of("UTC").now()

    def close(self) -> None:
        self._database.close()

    def _named(self) -> NewestKey | None:
        """Which keys the store names; a store that cannot be read is told of by the other looks."""
        with suppress(DBAPIError), self._database.read() as connection:
            return newest_key(connection)
        return None

    def keys(self) -> Sign:
        keys = read_keys(self._paths.keys, self._named())
        former = f", {len(keys.former)} former" if keys.former else ""
        signs = public_key_of(keys.sign).hex()[:16]
        return _ok("keys", f"chain {fingerprint_of(keys.chain)[:16]}{former}, signs as {signs}")

    def file(self) -> Sign:
        self._database.quick_check()
        with self._database.read() as connection:
            version = migrate.schema_version(connection)
        migrate.refuse_newer(version)
        if version != migrate.HEAD:
            says = f"sound, of an older program (form {version}, now {migrate.HEAD})"
            return _look("store", says, "It is brought up to date when the till is opened.")
        size = self._paths.till_db.stat().st_size
        return _ok("store", f"sound at a quick look, form {version}, {_size(size)}")

    def chain(self) -> Sign:
        self._refuse_older()
        keys = read_keys(self._paths.keys, self._named())
        water = HighWater(self._paths.high_water, keys.chain, keys.former.values()).last
        with self._database.read() as connection:
            fault = head_fault(connection, keys, water)
            number, mark = head(connection)
        if fault is not None:
            raise fault
        return _ok("chain", f"{number} links, the last {mark[:16]}")

    def clock(self) -> Sign:
        with self._database.read() as connection:
            latest = clock_behind(connection, self.now)
        if latest is None:
            return _ok("clock", f"{self.now:%Y-%m-%d %H:%M} UTC, not before the last deed")
        says = f"stands before the last deed, which was at {latest:%Y-%m-%d %H:%M} UTC"
        return _look("clock", says, "Set it right, or run pos confirm clock.")

    def outbox(self) -> Sign:
        self._refuse_older()
        with self._database.read() as connection:
            waits, held = queue(connection), count_unreleased(connection)
        oldest = f", the oldest since {waits.oldest_at:%Y-%m-%d %H:%M} UTC" if waits.oldest_at else ""
        says = f"{waits.waiting} wait for central, {waits.parked} are parked{oldest}"
        says += f"; {held} refunds were given up that central may still hold" if held else ""
        if waits.parked:
            return _look("outbox", says, "pos outbox says why; a supervisor sends them again.")
        if waits.oldest_at is not None and self.now - waits.oldest_at > QUEUE_LOOK:
            return _look("outbox", says, "Bring the line to central back, then pos sync --drain.")
        return _ok("outbox", says)

    def ledger(self) -> Sign:
        self._refuse_older()
        with self._database.read() as connection:
            made, states = delivery_counts(connection)
            aside = len(set_aside(connection))
        waits = states.get(None, 0) + states.get(DeliveryState.DELIVERED, 0)
        refused = states.get(DeliveryState.REFUSED, 0)
        says = f"{made} batches, {waits} wait for the accounting system, {refused} were refused by it"
        if aside:
            says += f"; central did not take {aside}"
            return _look("ledger", says, "pos gl list says why; central's office looks into it.")
        if refused:
            return _look("ledger", says, "pos gl list says which; pos gl deliver NUMBER sends one again.")
        return _ok("ledger", says)

    def central_url(self) -> str:
        with self._database.read() as connection:
            identity = read_identity(connection)
        return "" if identity is None else identity.central_url

    def _refuse_older(self) -> None:
        with self._database.read() as connection:
            if migrate.schema_version(connection) != migrate.HEAD:
                raise Refused(
                    "store_is_older", "Open the till once, so that its store is brought up to date."
                )


def _settings(folder: Path, config: Path | None, found: list[Settings]) -> Sign:
    found.append(read_settings(option=config, home=folder))
    folders = sorted({path.parent for path in found[0].sources.values()})
    return _ok("settings", f"sound, from {', '.join(map(str, folders))}")


def _check(paths: HomePaths, now: datetime) -> Sign:
    check = last_check(paths.last_check)
    if check is None:
        return _look(
            "check",
            "the whole store was never checked here",
            "Run pos verify, or leave the till open at night.",
        )
    when = f"{check.at:%Y-%m-%d %H:%M} UTC"
    if check.damage is not None:
        says = f"at {when}: {check.damage}"
        return Sign(about="check", health=Health.BAD, says=says, do=SALVAGE, exit_code=DAMAGED)
    if check.findings:
        says = f"at {when}: {check.findings} findings, such as {check.named[0] if check.named else '?'}"
        do = "Run pos verify, and tell who looks after the books."
        return Sign(about="check", health=Health.BAD, says=says, do=do, exit_code=DAMAGED)
    return _ok("check", f"nothing found at {when}, {_age(now - check.at)} ago")


def _backup(paths: HomePaths, settings: Settings, now: datetime) -> Sign:
    made, days = last_backup(paths.last_backup), settings.till.checks.backup_days
    do = "Run pos backup FILE, and keep the file elsewhere."
    if made is None:
        return _look("backup", "none was made here", do) if days else _ok("backup", "none was made here")
    says = f"{made.at:%Y-%m-%d %H:%M} UTC, {_age(now - made.at)} ago"
    if made.findings:
        return _look("backup", f"{says}, with {made.findings} findings in it", "Run pos verify.")
    old = days and now - made.at > timedelta(days=days)
    return _look("backup", says, do) if old else _ok("backup", says)


def _disk(paths: HomePaths) -> Sign:
    free = shutil.disk_usage(paths.home).free
    says = f"{_size(free)} free"
    if free < FREE_BAD:
        do = "Make room: a full disk books nothing."
        return Sign(about="disk", health=Health.BAD, says=says, do=do, exit_code=1)
    return _look("disk", says, "Make room soon.") if free < FREE_LOOK else _ok("disk", says)


def _log(paths: HomePaths) -> Sign:
    log = paths.till_db.with_name("till.db-wal")
    size = log.stat().st_size if log.exists() else 0
    says = f"the write-ahead log has {_size(size)}"
    do = "Something reads the store for very long: end it, or start the till anew."
    return _look("log", says, do) if size > LOG_LOOK else _ok("log", says)


def _printer(settings: Settings) -> Sign:
    known = settings.till.printer
    if known.address is None:
        return _ok("printer", "none is set: receipts are files")
    host, port = known.address
    try:
        NetworkPrinter(NetworkAddress(host=host, port=port, ask_status=known.ask_status)).ask()
    except PrinterUnavailable as fault:
        return _look("printer", f"{host}:{port}: {fault}", "Look at the printer; receipts wait for it.")
    return _ok("printer", f"{host}:{port} answers")


def _central(settings: Settings, paths: HomePaths, enrolled_at: str, machine: Machine) -> Sign:
    try:
        addresses = addresses_of(settings, enrolled_at)
    except Refused:
        return _ok("central", "none is set: this till works alone")
    shown = credentials_of(settings, paths, enrolled_at, machine.clock_of("UTC"), machine.randomness)
    barred: list[str] = []

    async def ask() -> object:
        client = CentralClient(
            addresses,
            timeout_s=CENTRAL_WITHIN_S,
            media_type=settings.till.sync.media_type,
            transport=machine.transport,
            tls=tls_of(settings),
            credentials=shown,
        )
        async with client:
            told = await asyncio.wait_for(client.announced(), CENTRAL_WITHIN_S)
            barred.extend([] if client.barred is None else [client.barred])
            return told

    try:
        answer = asyncio.run(ask())
    except TimeoutError:
        answer = None
    if isinstance(answer, Mapping):
        return _ok("central", "answers")
    if barred:
        says = f"takes nothing from this till: {barred[0]}"
        do = "Ask for a one-time code (pos central terminal code) and enrol this home with it: pos enrol --code C."
        return _look("central", says, do)
    why = f": {answer.reason}" if isinstance(answer, Unreachable) else ""
    return _look("central", f"does not answer{why}", "Selling goes on; what is taken waits in the outbox.")


def _size(octets: int) -> str:
    return f"{octets / 2**20:.1f} MiB" if octets < 2**30 else f"{octets / 2**30:.1f} GiB"


def _age(passed: timedelta) -> str:
    hours = max(int(passed.total_seconds() // 3600), 0)
    return f"{hours // 24} days" if hours >= 48 else f"{hours} hours"
