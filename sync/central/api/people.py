"""The people of the tills over the wire: what each till's admins changed comes in, what counts at all of them goes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pos.domain.ids import new_id
from sync.central.http.answers import answer_list, answer_one, json_answer, read_body, read_object
from sync.central.http.desk import CentralDesk
from sync.central.store.database import next_change
from sync.central.tills.people import PEOPLE, PersonTold, hear, read_roles, utc
from sync.central.wire.dealer_view import OF_OPERATORS_TILLS, OF_OWN_TILLS, shown_key, stored_key
from sync.central.wire.fields import needed_text
from sync.central.wire.links import PERSON_CHANGE_PATH, PERSON_PATH, RESOURCE_ID, Links
from sync.central.wire.query import Collection, Column, ColumnKind, Resource
from sync.wire_json import BadField

CHANGES_MAX = 500
NUMBER_MAX = 2**53


def person_routes(desk: CentralDesk) -> list[Route]:
    """The routes of the people and of what was changed of them."""

    async def people(request: Request) -> Response:
        return await answer_list(desk, request, PEOPLE)

    async def person(request: Request) -> Response:
        return answer_one(desk, request, PEOPLE)

    async def changes(request: Request) -> Response:
        if request.method == "POST":
            return _tell(desk, read_object(await read_body(request)))
        return await answer_list(desk, request, PERSON_CHANGES)

    return [
        Route(PERSON_PATH, people, methods=["GET"]),
        Route(f"{PERSON_PATH}/{{id}}", person, methods=["GET"]),
        Route(PERSON_CHANGE_PATH, changes, methods=["GET", "POST"]),
    ]


def _tell(desk: CentralDesk, body: Mapping[str, object]) -> Response:
    """201 where anything is new, else 200. A deed that is known, by its terminal and its id, changes nothing again."""
    terminal, epoch, told = needed_text(body, "terminal"), body.get("epoch"), body.get("changes")
    if RESOURCE_ID.fullmatch(terminal) is None:
        raise BadField("terminal", "must be plain letters, digits, dots and dashes")
    if type(epoch) is not int or not 0 < epoch <= NUMBER_MAX:
        raise BadField("epoch", "must be a whole number above zero")
    if not isinstance(told, list) or not 0 < len(told) <= CHANGES_MAX:
        raise BadField("changes", f"must be a list of up to {CHANGES_MAX} changes")
    changes = [_read(one, terminal, f"changes[{index}]") for index, one in enumerate(told)]
    kept, at = 0, desk.clock.now()
    with desk.store.write() as connection:
        for deed_id, change in changes:
            if connection.execute(FIND, {"terminal": terminal, "deed_id": deed_id}).first() is None:
                hear(connection, change, at=at)
                _insert(
                    connection,
                    change,
                    epoch,
                    at=at,
                    change_id=new_id(desk.clock, desk.randomness),
                    deed_id=deed_id,
                )
                kept += 1
    return json_answer({"kept": kept, "@type": "CounterfoilPeopleTold"}, status=201 if kept else 200)


def _read(told: object, terminal: str, path: str) -> tuple[str, PersonTold]:
    """The deed's id and what it left of the person. Raises BadField."""
    if not isinstance(told, Mapping):
        raise BadField(path, "must be an object")
    texts = {}
    for name in ("deedId", "user", "act", "operator"):
        value = told.get(name)
        if not isinstance(value, str) or RESOURCE_ID.fullmatch(value) is None:
            raise BadField(f"{path}.{name}", "must be plain letters, digits, dots and dashes")
        texts[name] = value
    active, decided = told.get("active"), told.get("decidedAt")
    if not isinstance(active, bool):
        raise BadField(f"{path}.active", "must be true or false")
    try:
        decided_at = datetime.fromisoformat(decided) if isinstance(decided, str) else None
    except ValueError:
        decided_at = None
    if decided_at is None or decided_at.tzinfo is None:
        raise BadField(f"{path}.decidedAt", "must be a time with its offset")
    return texts["deedId"], PersonTold(
        terminal=terminal,
        user=str(stored_key(texts["user"])),
        act=texts["act"],
        roles=read_roles(told.get("roles"), field=f"{path}.roles"),
        active=active,
        operator=texts["operator"],
        decided_at=decided_at,
    )


def _insert(
    connection: Connection,
    change: PersonTold,
    epoch: int,
    *,
    at: datetime,
    change_id: str,
    deed_id: str,
) -> None:
    connection.execute(
        INSERT,
        {
            "id": change_id,
            "terminal": change.terminal,
            "epoch": epoch,
            "deed_id": deed_id,
            "person_id": change.user,
            "act": change.act,
            "roles": ",".join(sorted(change.roles)),
            "active": int(change.active),
            "operator": change.operator,
            "decided_at": utc(change.decided_at),
            "told_at": utc(at),
            "change_number": next_change(connection),
        },
    )


def _compose(_connection: Connection, rows: Sequence[Row[Any]], _links: Links) -> list[Resource]:
    return [
        {
            "id": row.id,
            "terminal": row.terminal,
            "epoch": row.epoch,
            "deedId": row.deed_id,
            "user": shown_key(row.person_id),
            "act": row.act,
            "roles": row.roles.split(",") if row.roles else [],
            "active": bool(row.active),
            "operator": row.operator,
            "decidedAt": row.decided_at,
            "toldAt": row.told_at,
            "changeNumber": row.change_number,
            "@type": "CounterfoilPersonChange",
        }
        for row in rows
    ]


_COLUMNS = "id, terminal, epoch, deed_id, person_id, act, roles, active, operator, decided_at, told_at, change_number"
FIND = text("SELECT id FROM person_change WHERE terminal = :terminal AND deed_id = :deed_id")
INSERT = text(
    f"INSERT INTO person_change ({_COLUMNS}) VALUES (:id, :terminal, :epoch, :deed_id, :person_id, :act, :roles,"
    " :active, :operator, :decided_at, :told_at, :change_number)"
)

PERSON_CHANGES = Collection(
    path=PERSON_CHANGE_PATH,
    table="person_change",
    select=f"SELECT {_COLUMNS} FROM person_change",
    attributes=frozenset(
        {
            "id", "terminal", "epoch", "deedId", "user", "act", "roles", "active", "operator", "decidedAt", "toldAt",
            "changeNumber", "@type",
        }
    ),
    columns={
        "id": Column("id"),
        "terminal": Column("terminal"),
        "epoch": Column("epoch", ColumnKind.INTEGER),
        "user": Column("person_id"),
        "changeNumber": Column("change_number", ColumnKind.INTEGER),
    },
    sorts={"id": "id", "changeNumber": "change_number"},
    default_order="change_number",
    compose=_compose,
    for_dealer=OF_OWN_TILLS,
    for_operator=OF_OPERATORS_TILLS,
    keys={"user": "person_id"},
)  # fmt: skip
