"""A backup of a home, taken while it sells, and a home made from one.

A backup is two files: the store, and beside it the keys, sealed under a passphrase. What is restored goes on under a new
epoch and so in a new receipt series, because what was printed after the backup is not known. Nothing that was there is
thrown away: the store and keys that are replaced lie in the home's ``backups``. Source: reliability.md 0.7 and 2 (25).
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from pos.bootstrap.central_key import CentralKey, write_central_key
from pos.bootstrap.file_modes import refuse_wide
from pos.bootstrap.homes import (
    HomePaths,
    Machine,
    OpenTill,
    begin_high_water,
    open_till,
    refuse_no_home,
    series_of,
)
from pos.bootstrap.key_files import read_key, read_keys, write_key
from pos.bootstrap.last_done import LastBackup, note_backup
from pos.bootstrap.support_export import is_support_file
from pos.domain.approval import ApprovalNeeded
from pos.domain.errors import Refused
from pos.domain.role import Person, Role
from pos.store.database import Database, StoreError, StoreLock
from pos.store.high_water import HighWater
from pos.store.home import Identity, read_identity, renew_identity
from pos.store.people import active_users
from pos.store.sealed_keys import open_keys, seal_keys
from pos.store.till_keys import newest_key
from pos.till.approvals import approve, require_second
from pos.till.desk import Deed, Desk, perform
from pos.till.gate import require_right
from pos.till.verify_rows import Finding, verify_rows

KEYS_BESIDE = ".keys"
KEPT = "replaced-by-"
"""How the folder of what a restore replaced begins; the series that replaced it follows."""
RESTORE = "restore"
WHAT = "this home made anew from a backup"


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupMade:
    """Where the two files lie, and what is wrong with the rows in them; the file itself is sound."""

    store: Path
    keys: Path
    findings: list[Finding]


def make_backup(home: Path, target: Path, passphrase: str, machine: Machine) -> BackupMade:
    """Copy the store of a home, which may be selling, and check the copy whole.

    Raises Refused ``backup_exists``, ``bad_passphrase``, ``no_home``; StoreError ``store_damaged``, and then leaves no file.
    """
    paths = HomePaths(home=home)
    refuse_no_home(paths)
    beside = target.with_name(target.name + KEYS_BESIDE)
    if target.exists() or beside.exists() or not target.parent.is_dir():
        raise Refused("backup_exists", f"{target.name} exists already, or its folder does not.")
    keys, sealed = read_keys(paths.keys), _sealed(paths.keys, passphrase, machine)
    part = target.with_name(target.name + ".part")
    part.unlink(missing_ok=True)
    source = machine.open_store(paths.till_db, read_only=True)
    try:
        source.backup_into(part)
        findings = _checked(part, paths)
        if read_keys(paths.keys) != keys:
            raise Refused("keys_changed", "The keys were changed meanwhile. Make the backup once more.")
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    finally:
        source.close()
    _write_new(beside, sealed)
    os.rename(part, target)
    _flush_folder(target.parent)
    note_backup(paths.last_backup, LastBackup(at=machine.clock_of("UTC").now(), findings=len(findings)))
    return BackupMade(store=target, keys=beside, findings=findings)


def _sealed(folder: Path, passphrase: str, machine: Machine) -> bytes:
    """Every key of a home. Raises Refused ``bad_passphrase``, StoreError where one is missing or damaged."""
    read_keys(folder)
    return seal_keys(
        {path.name: read_key(path) for path in sorted(folder.glob("*.key"))},
        passphrase,
        salt=machine.randomness.token_bytes(16),
        nonce=machine.randomness.token_bytes(12),
    )


def back_up_keys(home: Path, target: Path, passphrase: str, machine: Machine) -> int:
    """Seal the keys of a home into the new file ``target``, as they lie beside a backup; how many there are.

    Raises Refused ``backup_exists``, ``bad_passphrase``; StoreError where a key is missing or damaged.
    """
    folder = HomePaths(home=home).keys
    if target.exists() or not target.parent.is_dir():
        raise Refused("backup_exists", f"{target.name} exists already, or its folder does not.")
    sealed = _sealed(folder, passphrase, machine)
    _write_new(target, sealed)
    _flush_folder(target.parent)
    return len(open_keys(sealed, passphrase))


def _checked(copy: Path, paths: HomePaths) -> list[Finding]:
    database = Database(copy, read_only=True)
    try:
        database.full_check()
        with database.read() as connection:
            return verify_rows(connection, read_keys(paths.keys, newest_key(connection)))
    finally:
        database.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """The home as it goes on. ``kept`` is the folder of what it replaced; None where there was nothing."""

    terminal: str
    epoch: int
    series: str
    kept: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What to restore. ``enrol`` asks central for an epoch above the given one by a one-time code; None: it is counted on.

    ``second`` signs in the other admin, by the roster of the backup.
    """

    home: Path
    backup: Path
    passphrase: str
    enrol: Callable[[str, str, int], CentralKey] | None = None
    second: Callable[[Desk], Person] | None = None


def restore(wish: Wish, who: Callable[[Desk], Person], machine: Machine) -> Restored:
    """Make the home anew from a backup; ``who`` signs the person in, by the roster of the backup.

    Raises Refused ``bad_passphrase``, ``no_backup``, ``other_terminal``, ``approval_required``, ``no_second_admin``;
    NotAuthorised; StoreError with exit code 5 (the home is in use) or 6 (the backup is damaged or altered). Until the
    last step the home stays as it was.
    """
    paths = HomePaths(home=wish.home)
    os.umask(0o077)
    wish.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = StoreLock(paths.lock)
    staged = HomePaths(home=wish.home / "restoring")
    try:
        shutil.rmtree(staged.home, ignore_errors=True)
        _stage(wish, paths, staged)
        with open_till(staged.home, machine=machine) as till:
            identity = till.desk.identity
            replaced = _identity_of(paths.till_db)
            identity.refuse_training("its backup takes no home's place")
            if replaced is not None:
                replaced.refuse_training("begin it anew with pos training --anew")
            _refuse_other_terminal(replaced, identity)
            person = who(till.desk)
            content = _require_two(till, person, wish)
            in_force = set() if replaced is None else {replaced.epoch}
            epoch = max({identity.epoch} | in_force | _epochs_told(paths, staged, identity)) + 1
            if wish.enrol is not None:
                key = wish.enrol(identity.central_url, identity.terminal, epoch - 1)
                write_central_key(paths.central_key, key)
                epoch = max(epoch, key.epoch)
            _go_on(till.desk, person, epoch, content)
        kept = _exchange(paths, staged, series_of(epoch))
    finally:
        shutil.rmtree(staged.home, ignore_errors=True)
        lock.close()
    return Restored(terminal=identity.terminal, epoch=epoch, series=series_of(epoch), kept=kept)


def _stage(wish: Wish, paths: HomePaths, staged: HomePaths) -> None:
    """A home of the backup's store and keys inside the real one, checked whole."""
    beside = wish.backup.with_name(wish.backup.name + KEYS_BESIDE)
    if wish.backup.is_file() and is_support_file(wish.backup):
        raise Refused(
            "no_backup", f"{wish.backup.name} is a file of what was read of a damaged store, and no backup."
        )
    if not wish.backup.is_file() or not beside.is_file():
        raise Refused("no_backup", f"{wish.backup.name} and {beside.name} must lie side by side.")
    keys = open_keys(beside.read_bytes(), wish.passphrase)
    for part in (staged.home, staged.keys, staged.receipts, staged.backups):
        part.mkdir(mode=0o700)
    for name, key in keys.items():
        if "/" in name or not name.endswith(".key"):
            raise Refused("bad_passphrase", "The sealed file holds something else than keys.")
        write_key(staged.keys / name, key)
    shutil.copyfile(wish.backup, staged.till_db)
    if (paths.home / "config").is_dir():
        shutil.copytree(paths.home / "config", staged.home / "config")
    refuse_wide(staged.home)
    findings = _checked(staged.till_db, staged)
    if findings:
        raise StoreError(
            "backup_altered",
            f"This backup was altered ({findings[0].check}: {findings[0].where}). Take an older one.",
            exit_code=6,
        )
    # The home that it goes on in begins to count here.
    database = Database(staged.till_db, read_only=True)
    try:
        begin_high_water(database, staged)
    finally:
        database.close()


def _identity_of(store: Path) -> Identity | None:
    """Whose store is to be replaced. It may be damaged, or gone: then it tells nothing."""
    with suppress(StoreError, Refused, DBAPIError, ValueError, KeyError, OSError):
        database = Database(store, read_only=True)
        try:
            with database.read() as connection:
                return read_identity(connection)
        finally:
            database.close()
    return None


def _refuse_other_terminal(replaced: Identity | None, identity: Identity) -> None:
    """What waits for central in another terminal's home must not be moved aside. Raises Refused ``other_terminal``."""
    if replaced is None:
        return
    here, backed_up = ((one.shop.shop, one.terminal) for one in (replaced, identity))
    if here != backed_up:
        raise Refused(
            "other_terminal",
            f"This home is of terminal {' '.join(here)}, the backup of {' '.join(backed_up)}. Name another home (--home).",
        )


def _epochs_told(paths: HomePaths, staged: HomePaths, identity: Identity) -> set[int]:
    """The epochs of which anything beside the stores still tells."""
    # A restore that broke off has moved the store away already.
    found = {epoch_of_series(kept.name.removeprefix(KEPT)) for kept in paths.backups.glob(f"{KEPT}*")}
    # The file beside the store is marked under the keys that were in force: they may be later ones than the backup's.
    for folder in (staged.keys, paths.keys):
        with suppress(StoreError, OSError):
            keys = read_keys(folder)
            water = HighWater(paths.high_water, keys.chain, keys.former.values()).last
            if water is not None:
                found.add(epoch_of_series(series_in(water.receipt, identity)))
    return found


def series_in(number: str, identity: Identity) -> str:
    """The enrolment's series in the number of a receipt, note or slip of this terminal; empty where there is none."""
    own = f"{identity.shop.shop}-{identity.terminal}-"
    return number.removeprefix(own).partition("-")[0] if number.startswith(own) else ""


def epoch_of_series(series: str) -> int:
    """The epoch whose receipts are numbered in ``series``; 0 for letters that are none."""
    number = 0
    for letter in series:
        if not "A" <= letter <= "Z":
            return 0
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def _require_two(till: OpenTill, person: Person, wish: Wish) -> Mapping[str, object] | None:
    """The other admin approves, before anything is asked of central; what was approved. None: there is no other.

    Whose people count are the backup's: the home may be empty, or damaged. Where its roster has one admin alone, central's
    one-time code stands for the second person, or the shop has said that one may.
    """
    desk, content = till.desk, {"backup": _digest(wish.backup)}
    require_right(desk, RESTORE, person)
    with desk.till.read() as connection:
        others = [user for user in active_users(connection, Role.ADMIN) if user != person.user]
    if others:
        try:
            perform(
                desk, person, RESTORE, lambda deed: require_second(deed, RESTORE, content, WHAT), alone=True
            )
        except ApprovalNeeded as asked:
            if wish.second is None:
                raise Refused(
                    "approval_required",
                    "Another admin of this backup's people signs in as well: --second USER --second-pin-fd N.",
                    act=RESTORE,
                ) from asked
            approve(desk, wish.second(desk), str(asked.details["request"]))
        return content
    if wish.enrol is None and not till.settings.till.sign_in.sole_admin_restores:
        raise Refused(
            "no_second_admin",
            "This backup has no other admin to approve. Ask central for a one-time code (pos central terminal code) and "
            "give it with --code, or set [sign_in] sole_admin_restores in the home's own till.toml.",
            act=RESTORE,
        )
    return None


def _digest(backup: Path) -> str:
    with backup.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _go_on(desk: Desk, person: Person, epoch: int, content: Mapping[str, object] | None) -> None:
    """The restored store's own row of it: who did it, and the series that begins."""

    def work(deed: Deed) -> None:
        if content is not None:
            require_second(deed, RESTORE, content, WHAT)
        deed.subject = f"epoch {epoch}, series {series_of(epoch)}"
        renew_identity(deed.unit, epoch=epoch, series=series_of(epoch))

    perform(desk, person, RESTORE, work, alone=True)


def _exchange(paths: HomePaths, staged: HomePaths, series: str) -> Path | None:
    """The one step that changes the home. Broken off, it is done again by the same command."""
    paths.backups.mkdir(mode=0o700, exist_ok=True)
    paths.receipts.mkdir(mode=0o700, exist_ok=True)
    kept = paths.backups / f"{KEPT}{series}"
    replaced = [
        paths.home / name
        for name in ("till.db", "till.db-wal", "till.db-shm", "keys", "high-water", "last-check")
        if (paths.home / name).exists()
    ]
    for path in replaced:
        kept.mkdir(mode=0o700, exist_ok=True)
        os.rename(path, kept / path.name)
    for path in paths.home.glob("cache.db*"):
        path.unlink()
    os.rename(staged.keys, paths.keys)
    os.rename(staged.high_water, paths.high_water)
    os.rename(staged.till_db, paths.till_db)
    _flush_folder(paths.home)
    return kept if replaced else None


def _write_new(path: Path, content: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)
