"""The signed-in people's roster and the wrong tries at their PINs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from pos.domain.lock_out import Lock, Moment
from pos.domain.role import Person, Role
from pos.store.times import from_utc_text, utc_text
from pos.store.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterEntry:
    """A person with the hash of the PIN. The PIN itself is nowhere."""

    person: Person
    pin_hash: str
    active: bool
    pin_is_first: bool = False
    pin_expires: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PinTries:
    """Wrong tries in a row of one subject: a user, a number that is nobody's (as its mark), or the terminal.

    ``last_deed``: the try that was counted last, so that one which a crash cut off is audited by the next.
    """

    failures: int = 0
    lock: Lock | None = None
    last_deed: str | None = None


_PERSON = "SELECT user, name, roles, dealer, pin_hash, active, accounts, pin_is_first, pin_expires_at_utc FROM person"


def roster(connection: Connection) -> list[RosterEntry]:
    """Everybody, by user number."""
    return [_read(row) for row in connection.exec_driver_sql(f"{_PERSON} ORDER BY length(user), user")]


def roster_entry(connection: Connection, user: str) -> RosterEntry | None:
    """The person of this user number."""
    row = connection.exec_driver_sql(f"{_PERSON} WHERE user = ?", (user,)).first()
    return None if row is None else _read(row)


def _read(row: Sequence[Any]) -> RosterEntry:
    return RosterEntry(
        person=Person(
            user=row[0],
            name=row[1],
            roles=frozenset(Role(role) for role in str(row[2]).split(",") if role),
            dealer=row[3],
            accounts=frozenset(str(row[6]).split()),
        ),
        pin_hash=row[4],
        active=bool(row[5]),
        pin_is_first=bool(row[7]),
        pin_expires=None if row[8] is None else from_utc_text(row[8]),
    )


def active_users(connection: Connection, role: Role) -> list[str]:
    """The user numbers of everybody who has ``role`` and may sign in."""
    rows = connection.exec_driver_sql("SELECT user, roles FROM person WHERE active = 1 ORDER BY user")
    return [str(user) for user, roles in rows if role in str(roles).split(",")]


def put_person(connection: Connection, entry: RosterEntry, *, at: datetime) -> None:
    """Add or replace a person of the roster."""
    connection.exec_driver_sql(
        "INSERT OR REPLACE INTO person (user, name, roles, dealer, pin_hash, active, updated_at_utc, "
        "accounts, pin_is_first, pin_expires_at_utc) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            entry.person.user,
            entry.person.name,
            ",".join(sorted(entry.person.roles)),
            entry.person.dealer,
            entry.pin_hash,
            int(entry.active),
            utc_text(at),
            " ".join(sorted(entry.person.accounts)),
            1 if entry.pin_is_first else None,
            None if entry.pin_expires is None else utc_text(entry.pin_expires),
        ),
    )


def pin_tries(connection: Connection, subject: str) -> PinTries:
    """How many wrong tries in a row ``subject`` has."""
    row = connection.exec_driver_sql(
        "SELECT failures, locked_at_utc, locked_at_ms, boot, lock_s, last_deed FROM pin_try WHERE subject = ?",
        (subject,),
    ).first()
    if row is None:
        return PinTries()
    since = (
        None if row[1] is None else Moment(wall=from_utc_text(row[1]), monotonic_s=row[2] / 1000, boot=row[3])
    )
    return PinTries(
        failures=int(row[0]),
        lock=None if since is None else Lock(since=since, length=timedelta(seconds=row[4])),
        last_deed=row[5],
    )


def set_pin_tries(connection: Connection, subject: str, tries: PinTries) -> None:
    """Remember the wrong tries, or clear them after a right one."""
    lock = tries.lock
    connection.exec_driver_sql(
        "INSERT OR REPLACE INTO pin_try (subject, failures, locked_at_utc, locked_at_ms, boot, lock_s, last_deed) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            subject,
            tries.failures,
            None if lock is None else utc_text(lock.since.wall),
            None if lock is None else round(lock.since.monotonic_s * 1000),
            None if lock is None else lock.since.boot,
            None if lock is None else int(lock.length.total_seconds()),
            tries.last_deed,
        ),
    )


def forget_nobodys_tries(connection: Connection, prefix: str, *, keep: int) -> None:
    """Of the subjects that begin with ``prefix`` only the ``keep`` that were tried last stay."""
    connection.exec_driver_sql(
        "DELETE FROM pin_try WHERE subject LIKE ? AND rowid NOT IN "
        "(SELECT rowid FROM pin_try WHERE subject LIKE ? ORDER BY rowid DESC LIMIT ?)",
        (f"{prefix}%", f"{prefix}%", keep),
    )


def write_change(
    unit: UnitOfWork, entry: RosterEntry, *, act: str, deed_id: str, operator: str, at: datetime
) -> None:
    """What became of a person, for good: the roster itself only says what is."""
    person = entry.person
    number = unit.connection.exec_driver_sql(
        "SELECT coalesce(max(number), 0) + 1 FROM person_change WHERE user = ?", (person.user,)
    ).scalar_one()
    unit.insert(
        "person_change",
        {
            "user": person.user,
            "number": int(number),
            "act": act,
            "name": person.name,
            "roles": ",".join(sorted(person.roles)),
            "dealer": person.dealer,
            "accounts": " ".join(sorted(person.accounts)),
            "active": int(entry.active),
            "deed_id": deed_id,
            "operator": operator,
            "at_utc": utc_text(at),
        },
    )
