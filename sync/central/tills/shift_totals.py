"""What each terminal's closed shifts took by its own word, against what has arrived: a payment that was lost is missed.

A total stays as it was told; another one for the same shift is answered 409. Whether all has arrived is reckoned from the
payments whenever it is asked: they may come later than the total, and by another number in a later enrolment, where a copy
of the till had used theirs. Source: reliability.md section 2 (1, 8).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, bindparam, text
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pos.domain.ids import new_id
from pos.domain.money import Money, currency
from sync.central.http.answers import answer_list, answer_one, json_answer, read_body, read_object
from sync.central.http.desk import CentralDesk
from sync.central.store.database import next_change
from sync.central.wire.dealer_view import OF_OWN_TILLS
from sync.central.wire.errors import ApiError
from sync.central.wire.fields import needed_text
from sync.central.wire.links import RESOURCE_ID, SHIFT_TOTAL_PATH, Links
from sync.central.wire.query import Collection, Column, ColumnKind, Resource
from sync.retold import RETOLD_FROM
from sync.wire_json import BadField, dumps, money_json, read_money

NUMBER_MAX = 2**53
CURRENCIES_MAX = 20
RETOLD_MAX = 2**62
SHIFT_ID = '"shiftId":'
"""Before the shift's id in a payment as it is kept."""
LATE = timedelta(hours=24)
"""A till may be without a line for a while; after a day somebody should ask for it."""


def shift_total_routes(desk: CentralDesk) -> list[Route]:
    """The routes of the shift totals."""

    async def collection(request: Request) -> Response:
        if request.method == "POST":
            return _tell(desk, read_object(await read_body(request)))
        return await answer_list(desk, request, SHIFT_TOTALS)

    async def one(request: Request) -> Response:
        return answer_one(desk, request, SHIFT_TOTALS)

    return [
        Route(SHIFT_TOTAL_PATH, collection, methods=["GET", "POST"]),
        Route(f"{SHIFT_TOTAL_PATH}/{{id}}", one, methods=["GET"]),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    terminal: str
    epoch: int
    shift_id: str
    closed_at: str
    first: int
    last: int
    sums: Mapping[str, tuple[int, int]]
    """Of each currency, how many payments and how many minor units."""


def _tell(desk: CentralDesk, body: Mapping[str, object]) -> Response:
    """201 for a total that is new, 200 for the same told before, 409 for another one of a shift that was told."""
    told = _read(body)
    with desk.store.write() as connection:
        known = connection.execute(
            FIND, {"terminal": told.terminal, "epoch": told.epoch, "shift_id": told.shift_id}
        )
        row = known.one_or_none()
        if row is None:
            _insert(connection, told, total_id := new_id(desk.clock, desk.randomness), at=desk.clock.now())
            row = connection.execute(FIND_ONE, {"id": total_id}).one()
            status = 201
        else:
            before = (
                row.closed_at,
                row.first_sequence,
                row.last_sequence,
                _sums(connection, [row.id])[row.id],
            )
            if before != (told.closed_at, told.first, told.last, told.sums):
                raise ApiError(
                    409,
                    "total_differs",
                    "This terminal told another total of this shift. Is there a copy of the till?",
                )
            status = 200
        (resource,) = _compose(connection, [row], desk.links)
    return json_answer(resource, status=status, headers={"Location": resource["href"]})


def _read(body: Mapping[str, object]) -> _Told:
    terminal = needed_text(body, "terminal")
    if RESOURCE_ID.fullmatch(terminal) is None:
        raise BadField("terminal", "must be plain letters, digits, dots and dashes")
    first, last = _number(body, "firstSequence"), _number(body, "lastSequence")
    if last < first:
        raise BadField("lastSequence", "is before firstSequence")
    told = body.get("payments")
    if not isinstance(told, list) or not 0 < len(told) <= CURRENCIES_MAX:
        raise BadField("payments", f"must be a list of up to {CURRENCIES_MAX} sums")
    sums: dict[str, tuple[int, int]] = {}
    for index, entry in enumerate(told):
        if not isinstance(entry, Mapping):
            raise BadField(f"payments[{index}]", "must be an object")
        amount = read_money(entry.get("totalAmount"), field=f"payments[{index}].totalAmount")
        if amount.currency.code in sums or amount.minor <= 0:
            raise BadField(f"payments[{index}].totalAmount", "must be more than zero, each currency once")
        sums[amount.currency.code] = (_number(entry, "count", within=f"payments[{index}]."), amount.minor)
    return _Told(
        terminal=terminal,
        epoch=_number(body, "epoch"),
        shift_id=needed_text(body, "shiftId"),
        closed_at=needed_text(body, "closedAt"),
        first=first,
        last=last,
        sums=sums,
    )


def _number(body: Mapping[str, object], name: str, *, within: str = "") -> int:
    value = body.get(name)
    if type(value) is not int or not 0 < value <= NUMBER_MAX:
        raise BadField(within + name, "must be a whole number above zero")
    return value


def _insert(connection: Connection, told: _Told, total_id: str, *, at: datetime) -> None:
    connection.execute(
        INSERT,
        {
            "id": total_id,
            "terminal": told.terminal,
            "epoch": told.epoch,
            "shift_id": told.shift_id,
            "closed_at": told.closed_at,
            "first_sequence": told.first,
            "last_sequence": told.last,
            "told_at": at.isoformat(timespec="microseconds"),
            "change_number": next_change(connection),
        },
    )
    for code, (legs, minor) in told.sums.items():
        connection.execute(
            INSERT_SUM, {"total_id": total_id, "currency": code, "legs": legs, "amount_minor": minor}
        )


def _sums(connection: Connection, ids: Sequence[str]) -> dict[str, dict[str, tuple[int, int]]]:
    """Of each total, as told: by currency how many payments and how many minor units."""
    found: dict[str, dict[str, tuple[int, int]]] = {one: {} for one in ids}
    for row in connection.execute(READ_SUMS, {"ids": list(ids)}):
        found[row.total_id][row.currency] = (int(row.legs), int(row.amount_minor))
    return found


def _arrived(connection: Connection, row: Row[Any]) -> dict[str, tuple[int, int]]:
    """Of the shift, told by its numbers or anew by those that a later enrolment gave them."""
    again = min(row.epoch * RETOLD_FROM, RETOLD_MAX)
    within = {
        "terminal": row.terminal, "epoch": row.epoch, "first": row.first_sequence, "last": row.last_sequence,
        "first_again": again + row.first_sequence, "last_again": again + row.last_sequence,
        "of_shift": f"%{SHIFT_ID}{_literally(dumps(row.shift_id).decode())}%", "of_a_shift": f"%{SHIFT_ID}%",
    }  # fmt: skip
    return {
        one.currency: (int(one.legs), int(one.amount_minor)) for one in connection.execute(ARRIVED, within)
    }


def _literally(value: str) -> str:
    """As a part of a LIKE pattern that stands for nothing else."""
    return "".join(f"!{letter}" if letter in "!%_" else letter for letter in value)


def _compose(connection: Connection, rows: Sequence[Row[Any]], links: Links) -> list[Resource]:
    """The resources, each with what has arrived of it by now."""
    told = _sums(connection, [row.id for row in rows]) if rows else {}
    resources = []
    for row in rows:
        arrived = _arrived(connection, row)
        resources.append(
            {
                "id": row.id,
                "href": links.of(SHIFT_TOTAL_PATH, row.id),
                "terminal": row.terminal,
                "epoch": row.epoch,
                "shiftId": row.shift_id,
                "closedAt": row.closed_at,
                "firstSequence": row.first_sequence,
                "lastSequence": row.last_sequence,
                "payments": _sums_json(told[row.id]),
                "arrived": _sums_json(arrived),
                "state": "complete" if arrived == told[row.id] else "incomplete",
                "toldAt": row.told_at,
                "changeNumber": row.change_number,
                "@type": "CounterfoilShiftTotal",
            }
        )
    return resources


def _sums_json(sums: Mapping[str, tuple[int, int]]) -> list[Resource]:
    return [
        {"count": legs, "totalAmount": money_json(Money(minor, currency(code)))}
        for code, (legs, minor) in sorted(sums.items())
    ]


def shift_total_faults(connection: Connection, *, at: datetime) -> Iterator[tuple[str, str]]:
    """(terminal, what) of every shift that was told a day ago and more, and whose payments are not what they were told."""
    until = (at - LATE).isoformat(timespec="microseconds")
    for row in connection.execute(TOLD_BEFORE, {"until": until}).all():
        told = _sums(connection, [row.id])[row.id]
        arrived = _arrived(connection, row)
        for code in sorted(told.keys() | arrived.keys()):
            none = (0, 0)
            (legs, minor), (came, came_minor) = told.get(code, none), arrived.get(code, none)
            if (legs, minor) != (came, came_minor):
                in_currency = currency(code)
                yield (
                    row.terminal,
                    f"epoch {row.epoch}, shift {row.shift_id}: {legs} payments of {Money(minor, in_currency)} were taken,"
                    f" {came} of {Money(came_minor, in_currency)} are here",
                )


_COLUMNS = "id, terminal, epoch, shift_id, closed_at, first_sequence, last_sequence, told_at, change_number"
FIND = text(
    f"SELECT {_COLUMNS} FROM shift_total WHERE terminal = :terminal AND epoch = :epoch AND shift_id = :shift_id"
)
FIND_ONE = text(f"SELECT {_COLUMNS} FROM shift_total WHERE id = :id")
TOLD_BEFORE = text(
    f"SELECT {_COLUMNS} FROM shift_total WHERE told_at <= :until ORDER BY terminal, epoch, first_sequence"
)
INSERT = text(
    "INSERT INTO shift_total (id, terminal, epoch, shift_id, closed_at, first_sequence, last_sequence, told_at,"
    " change_number) VALUES (:id, :terminal, :epoch, :shift_id, :closed_at, :first_sequence, :last_sequence, :told_at,"
    " :change_number)"
)
INSERT_SUM = text(
    "INSERT INTO shift_total_sum (total_id, currency, legs, amount_minor)"
    " VALUES (:total_id, :currency, :legs, :amount_minor)"
)
READ_SUMS = text(
    "SELECT total_id, currency, legs, amount_minor FROM shift_total_sum WHERE total_id IN :ids"
).bindparams(bindparam("ids", expanding=True))
ARRIVED = text(
    "SELECT currency, count(*) AS legs, sum(amount_minor) AS amount_minor FROM payment WHERE terminal = :terminal"
    " AND ((epoch = :epoch AND sequence >= :first AND sequence <= :last)"
    " OR (epoch > :epoch AND sequence >= :first_again AND sequence <= :last_again))"
    " AND (body LIKE :of_shift ESCAPE '!' OR body NOT LIKE :of_a_shift) GROUP BY currency"
)
"""A copy of the till may have used the same numbers in a shift of its own."""

SHIFT_TOTALS = Collection(
    path=SHIFT_TOTAL_PATH,
    table="shift_total",
    select=f"SELECT {_COLUMNS} FROM shift_total",
    attributes=frozenset(
        {
            "id", "href", "terminal", "epoch", "shiftId", "closedAt", "firstSequence", "lastSequence", "payments",
            "arrived", "state", "toldAt", "changeNumber", "@type",
        }
    ),
    columns={
        "id": Column("id"),
        "terminal": Column("terminal"),
        "epoch": Column("epoch", ColumnKind.INTEGER),
        "shiftId": Column("shift_id"),
        "changeNumber": Column("change_number", ColumnKind.INTEGER),
    },
    sorts={
        "id": "id",
        "terminal": "terminal",
        "epoch": "epoch",
        "lastSequence": "last_sequence",
        "changeNumber": "change_number",
    },
    default_order="change_number",
    compose=_compose,
    for_dealer=OF_OWN_TILLS,
)  # fmt: skip
