"""How far each till of a shop is with its day, as it told last: for the shop's cash office, which closes its own day anyway.

A till tells what it is doing, not what it took. How long ago that was is reckoned by central's clock alone.
Source: domain.md 3.9 and rule 55.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, Row, text
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sync.central.http.answers import answer_list, json_answer, read_body, read_object
from sync.central.http.desk import CentralDesk
from sync.central.store.database import next_change
from sync.central.wire.dealer_view import OF_OWN_TILLS
from sync.central.wire.fields import needed_text
from sync.central.wire.links import RESOURCE_ID, SHOP_TILL_PATH, Links
from sync.central.wire.query import Collection, Column, ColumnKind, Resource
from sync.shop.till_wire import read_standing, standing_json
from sync.wire_json import BadField, dumps, loads


def shop_till_routes(desk: CentralDesk) -> list[Route]:
    """The routes of the tills of shops."""
    tills = _collection(desk)

    async def collection(request: Request) -> Response:
        if request.method == "POST":
            return _tell(desk, read_object(await read_body(request)))
        return await answer_list(desk, request, tills)

    return [Route(SHOP_TILL_PATH, collection, methods=["GET", "POST"])]


def _tell(desk: CentralDesk, body: Mapping[str, object]) -> Response:
    """200: what it told before is not kept."""
    terminal, shop = needed_text(body, "terminal"), needed_text(body, "shop")
    if RESOURCE_ID.fullmatch(terminal) is None:
        raise BadField("terminal", "must be plain letters, digits, dots and dashes")
    told = dumps(standing_json(read_standing(body))).decode()
    with desk.store.write() as connection:
        values: dict[str, object] = {"terminal": terminal, "shop": shop, "body": told}
        values["told_at"] = desk.clock.now().isoformat(timespec="microseconds")
        values["change_number"] = next_change(connection)
        connection.execute(PUT, values)
    return json_answer({"@type": "CounterfoilShopTill"}, status=200)


def _collection(desk: CentralDesk) -> Collection:
    return Collection(
        path=SHOP_TILL_PATH,
        table="shop_till",
        select=f"SELECT {_COLUMNS} FROM shop_till",
        attributes=frozenset(
            {
                "id", "href", "shop", "terminal", "shift", "openDays", "waiting", "parked", "bagsOnTheWay", "toldAt",
                "secondsAgo", "changeNumber", "@type",
            }
        ),
        columns={
            "id": Column("terminal"),
            "terminal": Column("terminal"),
            "shop": Column("shop"),
            "changeNumber": Column("change_number", ColumnKind.INTEGER),
        },
        sorts={"terminal": "terminal", "changeNumber": "change_number"},
        default_order="terminal",
        compose=partial(_compose, desk),
        for_dealer=OF_OWN_TILLS,
    )  # fmt: skip


def _compose(
    desk: CentralDesk, _connection: Connection, rows: Sequence[Row[Any]], links: Links
) -> list[Resource]:
    now = desk.clock.now()
    return [
        {
            "id": row.terminal,
            "href": links.of(SHOP_TILL_PATH, row.terminal),
            "shop": row.shop,
            "terminal": row.terminal,
            **loads(row.body.encode()),
            "toldAt": row.told_at,
            "secondsAgo": max(int((now - datetime.fromisoformat(row.told_at)).total_seconds()), 0),
            "changeNumber": row.change_number,
            "@type": "CounterfoilShopTill",
        }
        for row in rows
    ]


_COLUMNS = "terminal, shop, body, told_at, change_number"
PUT = text(
    f"INSERT INTO shop_till ({_COLUMNS}) VALUES (:terminal, :shop, :body, :told_at, :change_number)"
    " ON CONFLICT (terminal) DO UPDATE SET shop = excluded.shop, body = excluded.body, told_at = excluded.told_at,"
    " change_number = excluded.change_number"
)
