"""Who may work at the tills, for all of them: whether somebody was disabled, and which roles were taken away.

No PIN, no verifier and no name is here: central lets nobody in. Roles differ from shop to shop, so they are kept for each
terminal; what was taken away at one counts at all, until a till gives it again. Source: reliability.md 5.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from pos.domain.errors import Refused
from pos.domain.role import Role
from sync.central.access.audit import AuditEvent, note
from sync.central.store.database import next_change
from sync.central.wire.dealer_view import shown_key
from sync.central.wire.links import PERSON_PATH, RESOURCE_ID, Links
from sync.central.wire.query import Collection, Column, ColumnKind, Resource
from sync.wire_json import BadField

LOADED = ""
"""The place of what a fixture says: no terminal is called so."""
KNOWN = "known"
"""A terminal tells who is in its roster; nothing was changed."""
BY_ROSTER = "roster"
"""A terminal has done what central told it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonTold:
    """A person of a terminal's roster as the deed left it. ``decided_at``: UTC, by the till's own clock."""

    terminal: str
    user: str
    act: str
    roles: frozenset[Role]
    active: bool
    operator: str
    decided_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Person:
    """``disabled_at``, ``taken_at``: when central heard that it is not active, and of the last role taken; as kept."""

    active: bool = True
    taken: frozenset[str] = frozenset()
    disabled_at: str | None = None
    taken_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """What a terminal told last of a person, and when."""

    roles: frozenset[str]
    active: bool
    told_at: str


def hear(connection: Connection, told: PersonTold, *, at: datetime) -> None:
    """What a terminal's deed changes for all: what it made another than it was there before.

    What was taken from a person is given again only by a terminal that had told of the person since: an act which comes late
    and was done without knowing gives nothing. No till's clock counts.
    """
    person = _find(connection, told.user)
    if person is None:
        after = _Person(active=told.active, disabled_at=None if told.active else utc(at))
    elif told.act in (KNOWN, BY_ROSTER):
        after = person
    else:
        place = _place(connection, told.user, told.terminal)
        after = _changed(person, place, told, at=utc(at))
    if after != person:
        _write(connection, told.user, after, by=told.operator, where=told.terminal, at=utc(at))
    elif told.act not in (KNOWN, BY_ROSTER):
        # The till may have done what does not count here: it hears once more what does.
        connection.execute(TELL_AGAIN, {"id": told.user, "change_number": next_change(connection)})
    _put_place(connection, told.user, told.terminal, told.roles, active=told.active, at=utc(at))


def _changed(person: _Person, place: _Place | None, told: PersonTold, *, at: str) -> _Person:
    before = place or _Place(roles=frozenset(told.roles), active=True, told_at="")
    after = person
    if gone := before.roles - told.roles:
        after = replace(after, taken=after.taken | gone, taken_at=at)
    if person.taken_at is None or before.told_at >= person.taken_at:
        after = replace(after, taken=after.taken - (told.roles - before.roles))
    if person.active and before.active and not told.active:
        return replace(after, active=False, disabled_at=at)
    if told.active and not before.active and before.told_at >= (person.disabled_at or ""):
        return replace(after, active=True, disabled_at=None)
    return after


def set_active(connection: Connection, user: str, *, active: bool, at: datetime) -> None:
    """The operator's own hand: disable somebody at every till, or let in again. Raises Refused ``unknown_user``.

    ``user`` of a dealer is behind the dealer, as it is stored.
    """
    person = _find(connection, user)
    if person is None:
        raise Refused("unknown_user", f"Central knows no user {shown_key(user)}.", user=str(shown_key(user)))
    after = replace(person, active=active, disabled_at=None if active else utc(at))
    _write(connection, user, after, by="", where="", at=utc(at))
    note(connection, AuditEvent.PERSON_ENABLED if active else AuditEvent.PERSON_DISABLED, user, at=at)


def load_people(connection: Connection, rows: Sequence[Mapping[str, Any]], *, at: str) -> None:
    """The users of a fixture; whoever is known stays as disabled as before. Raises BadField naming the row."""
    for index, row in enumerate(rows):
        user, roles = row.get("user"), row.get("roles")
        if not isinstance(user, str) or RESOURCE_ID.fullmatch(user) is None:
            raise BadField(f"users[{index}].user", "must be plain letters, digits, dots and dashes")
        known = None if roles is None else read_roles(roles, field=f"users[{index}].roles")
        if _find(connection, user) is None:
            _write(connection, user, _Person(), by="", where="", at=at)
        if known is not None:
            _put_place(connection, user, LOADED, known, active=True, at=at)


def read_roles(told: object, *, field: str) -> frozenset[Role]:
    """Raises BadField for what is no list of roles."""
    if not isinstance(told, list) or not all(isinstance(one, str) and one in set(Role) for one in told):
        raise BadField(field, f"must be a list of {', '.join(Role)}")
    return frozenset(map(Role, told))


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonShown:
    """A person with where it is known: terminal, roles there, and whether it may sign in there by what that till told."""

    user: str
    active: bool
    taken: tuple[str, ...]
    changed_at: str
    changed_by: str
    changed_where: str
    places: tuple[tuple[str, tuple[str, ...], bool], ...]


def list_people(connection: Connection) -> Iterator[PersonShown]:
    """Everybody, by user number."""
    places: dict[str, list[tuple[str, tuple[str, ...], bool]]] = {}
    for row in connection.execute(READ_PLACES):
        places.setdefault(row.person_id, []).append((row.terminal, _words(row.roles), bool(row.active)))
    for row in connection.execute(READ_PEOPLE):
        yield PersonShown(
            user=row.id,
            active=bool(row.active),
            taken=_words(row.roles_taken),
            changed_at=row.changed_at,
            changed_by=row.changed_by,
            changed_where=row.changed_where,
            places=tuple(places.get(row.id, ())),
        )


def _find(connection: Connection, user: str) -> _Person | None:
    row = connection.execute(FIND, {"id": user}).one_or_none()
    if row is None:
        return None
    return _Person(
        active=bool(row.active),
        taken=frozenset(_words(row.roles_taken)),
        disabled_at=row.disabled_at,
        taken_at=row.taken_at,
    )


def _place(connection: Connection, user: str, terminal: str) -> _Place | None:
    """What the terminal told last of the person, or what a fixture says where it has told nothing yet."""
    places = {row.terminal: row for row in connection.execute(READ_PLACES_OF, {"id": user})}
    row = places.get(terminal) or places.get(LOADED)
    if row is None:
        return None
    told_at = "" if row.terminal == LOADED else row.told_at
    return _Place(roles=frozenset(_words(row.roles)), active=bool(row.active), told_at=told_at)


def _write(connection: Connection, user: str, person: _Person, *, by: str, where: str, at: str) -> None:
    connection.execute(
        UPSERT,
        {
            "id": user,
            "active": int(person.active),
            "roles_taken": ",".join(sorted(person.taken)),
            "disabled_at": person.disabled_at,
            "taken_at": person.taken_at,
            "changed_at": at,
            "changed_by": by,
            "changed_where": where,
            "change_number": next_change(connection),
        },
    )


def _put_place(
    connection: Connection, user: str, terminal: str, roles: frozenset[Role], *, active: bool, at: str
) -> None:
    connection.execute(
        UPSERT_PLACE,
        {
            "person_id": user,
            "terminal": terminal,
            "roles": ",".join(sorted(roles)),
            "active": int(active),
            "told_at": at,
        },
    )


def utc(at: datetime) -> str:
    """As central's store has times."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _words(kept: str) -> tuple[str, ...]:
    return tuple(kept.split(",")) if kept else ()


def _compose(_connection: Connection, rows: Sequence[Row[Any]], links: Links) -> list[Resource]:
    return [
        {
            "id": shown_key(row.id),
            "href": links.of(PERSON_PATH, str(shown_key(row.id))),
            "active": bool(row.active),
            "rolesTaken": list(_words(row.roles_taken)),
            "change": row.change_number,
            "@type": "CounterfoilPerson",
        }
        for row in rows
    ]


_COLUMNS = (
    "id, active, roles_taken, disabled_at, taken_at, changed_at, changed_by, changed_where, change_number"
)
FIND = text(f"SELECT {_COLUMNS} FROM person WHERE id = :id")
READ_PEOPLE = text(f"SELECT {_COLUMNS} FROM person ORDER BY id")
READ_PLACES = text("SELECT person_id, terminal, roles, active FROM person_place ORDER BY person_id, terminal")
READ_PLACES_OF = text("SELECT terminal, roles, active, told_at FROM person_place WHERE person_id = :id")
UPSERT = text(
    f"INSERT INTO person ({_COLUMNS}) VALUES (:id, :active, :roles_taken, :disabled_at, :taken_at, :changed_at,"
    " :changed_by, :changed_where, :change_number)"
    " ON CONFLICT (id) DO UPDATE SET active = excluded.active, roles_taken = excluded.roles_taken,"
    " disabled_at = excluded.disabled_at, taken_at = excluded.taken_at, changed_at = excluded.changed_at,"
    " changed_by = excluded.changed_by, changed_where = excluded.changed_where, change_number = excluded.change_number"
)
TELL_AGAIN = text("UPDATE person SET change_number = :change_number WHERE id = :id")
UPSERT_PLACE = text(
    "INSERT INTO person_place (person_id, terminal, roles, active, told_at)"
    " VALUES (:person_id, :terminal, :roles, :active, :told_at)"
    " ON CONFLICT (person_id, terminal) DO UPDATE SET roles = excluded.roles, active = excluded.active,"
    " told_at = excluded.told_at"
)

PEOPLE = Collection(
    path=PERSON_PATH,
    table="person",
    select=f"SELECT {_COLUMNS} FROM person",
    attributes=frozenset({"id", "href", "active", "rolesTaken", "change", "@type"}),
    columns={
        "id": Column("id"),
        "active": Column("active", ColumnKind.BOOLEAN),
        "change": Column("change_number", ColumnKind.INTEGER),
    },
    sorts={"id": "id", "change": "change_number"},
    default_order="id",
    compose=_compose,
    for_dealer="substr(id, 1, length(:own_keys)) = :own_keys",
    for_operator="replace(id, :between, '') = id",
    keys={"id": "id"},
)
