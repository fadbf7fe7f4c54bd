"""The signed-in people's roster and the wrong tries at their PINs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from pos.domain.role import Person, Role
from pos.store.times import from_utc_text, utc_text


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterEntry:
    """A person with the hash of the PIN. The PIN itself is nowhere."""

    person: Person
    pin_hash: str
    active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PinTries:
    """Wrong tries in a row for one subject (``user:1001`` or ``terminal``)."""

    failures: int
    locked_until: datetime | None


def roster_entry(connection: Connection, user: str) -> RosterEntry | None:
    """The person of this user number."""
    row = connection.exec_driver_sql(
        "SELECT user, name, roles, dealer, pin_hash, active, accounts FROM person WHERE user = ?", (user,)
    ).first()
    if row is None:
        return None
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
    )


def put_person(connection: Connection, entry: RosterEntry, *, at: datetime) -> None:
    """Add or replace a person of the roster."""
    connection.exec_driver_sql(
        "INSERT OR REPLACE INTO person (user, name, roles, dealer, pin_hash, active, updated_at_utc, "
        "accounts) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            entry.person.user,
            entry.person.name,
            ",".join(sorted(entry.person.roles)),
            entry.person.dealer,
            entry.pin_hash,
            int(entry.active),
            utc_text(at),
            " ".join(sorted(entry.person.accounts)),
        ),
    )


def pin_tries(connection: Connection, subject: str) -> PinTries:
    """How many wrong tries in a row ``subject`` has."""
    row = connection.exec_driver_sql(
        "SELECT failures, locked_until_utc FROM pin_try WHERE subject = ?", (subject,)
    ).first()
    if row is None:
        return PinTries(failures=0, locked_until=None)
    return PinTries(failures=int(row[0]), locked_until=None if row[1] is None else from_utc_text(row[1]))


def set_pin_tries(connection: Connection, subject: str, tries: PinTries) -> None:
    """Remember the wrong tries, or clear them after a right one."""
    connection.exec_driver_sql(
        "INSERT OR REPLACE INTO pin_try (subject, failures, locked_until_utc) VALUES (?, ?, ?)",
        (subject, tries.failures, None if tries.locked_until is None else utc_text(tries.locked_until)),
    )
