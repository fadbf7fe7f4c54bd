"""Batches for the general ledger as the tills tell them: kept as told, listed, given out again byte for byte.

Central makes none itself: only a till knows its journal, and a batch has one number whoever delivers it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, text
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pos.domain.ledger_feed import LedgerBatch
from sync.central.http.answers import answer_list, answer_one, json_answer, read_body, read_object
from sync.central.http.desk import CentralDesk
from sync.central.ledger.parts import keep_part, whole_body
from sync.central.store.database import next_change
from sync.central.wire.dealer_view import OF_OWN_TILLS
from sync.central.wire.errors import ApiError
from sync.central.wire.links import LEDGER_BATCH_PATH, Links
from sync.central.wire.query import Collection, Column, ColumnKind, Resource
from sync.ledger.wire import BatchPart, is_part, read_batch, read_part, told_batch
from sync.wire_json import BadField, dumps, loads


def ledger_batch_routes(desk: CentralDesk) -> list[Route]:
    """The routes of the batches."""

    async def collection(request: Request) -> Response:
        if request.method == "POST":
            body = read_object(await read_body(request))
            return _take_part(desk, read_part(body)) if is_part(body) else _tell(desk, read_batch(body))
        return await answer_list(desk, request, LEDGER_BATCHES)

    async def one(request: Request) -> Response:
        return answer_one(desk, request, LEDGER_BATCHES)

    return [
        Route(LEDGER_BATCH_PATH, collection, methods=["GET", "POST"]),
        Route(f"{LEDGER_BATCH_PATH}/{{id}}", one, methods=["GET"]),
    ]


def _tell(desk: CentralDesk, batch: LedgerBatch) -> Response:
    """201 for a batch that is new, 200 for the same told before, 409 for another one under the number."""
    with desk.store.write() as connection:
        row = connection.execute(FIND, {"number": batch.number}).one_or_none()
        if row is None:
            return _kept(connection, desk, batch)
        if batch_of(row.body) != batch:
            raise _differs()
        return _answer(connection, desk, row, status=200)


def _take_part(desk: CentralDesk, part: BatchPart) -> Response:
    """202 with how many lines are there, until the last one is; then as for the batch in one.

    A part that does not begin behind those is left, so that whoever lost an answer learns where to go on. A batch that
    turns out not to be what it said is told anew from its first line.
    """
    with desk.store.write() as connection:
        row = connection.execute(FIND, {"number": part.number}).one_or_none()
        if row is not None:
            kept = loads(row.body.encode())
            # The digest is that of the lines: who delivers it and what else stands above them is told apart.
            if any(part.body.get(name) != told for name, told in kept.items() if name != "lines"):
                raise _differs()
            return _answer(connection, desk, row, status=200)
        heard = keep_part(connection, part, at=desk.clock.now())
        if heard < part.lines:
            told = {"id": part.number, "linesHeard": heard, "@type": "CounterfoilLedgerBatchPart"}
            return json_answer(told, status=202)
        body = whole_body(connection, part)
        try:
            return _kept(connection, desk, read_batch(body))
        except BadField as bad:
            refusal = bad
    # Outside the transaction, so that its lines are gone.
    raise refusal


def _kept(connection: Connection, desk: CentralDesk, batch: LedgerBatch) -> Response:
    values = {
        "number": batch.number,
        "terminal": batch.terminal,
        "shop": batch.shop,
        "business_date": batch.business_date.isoformat(),
        "delivered_by": str(batch.delivered_by),
        "digest": told_batch(batch)["sha256"],
        "body": dumps(told_batch(batch)).decode(),
        "told_at": desk.clock.now().isoformat(timespec="microseconds"),
        "change_number": next_change(connection),
    }
    connection.execute(INSERT, values)
    row = connection.execute(FIND, {"number": batch.number}).one()
    return _answer(connection, desk, row, status=201)


def _answer(connection: Connection, desk: CentralDesk, row: Row[Any], *, status: int) -> Response:
    (resource,) = _compose(connection, [row], desk.links)
    return json_answer(resource, status=status, headers={"Location": resource["href"]})


def _differs() -> ApiError:
    return ApiError(
        409,
        "batch_differs",
        "Another batch was told under this number. Is there a copy of the till, or an older store?",
    )


def batch_of(body: str) -> LedgerBatch:
    """The batch that a stored body holds."""
    return read_batch(loads(body.encode()))


def told_batches(connection: Connection, day: date | None = None) -> Iterator[LedgerBatch]:
    """Every batch that was told, of ``day`` or all, by shop, terminal and the order in which each terminal told them."""
    rows = connection.execute(ALL_OF, {"day": "" if day is None else day.isoformat()})
    for row in rows.all():
        yield batch_of(row.body)


def ledger_faults(connection: Connection) -> Iterator[tuple[str, str]]:
    """(batch, what) of every batch that is not what was told any more."""
    for row in connection.execute(ALL_OF, {"day": ""}):
        try:
            batch = batch_of(row.body)
        except (ValueError, TypeError, LookupError):
            yield row.batch_number, "the batch is not what its digest says"
            continue
        stored = (row.batch_number, row.terminal, row.shop, row.business_date, row.delivered_by, row.digest)
        if stored != (
            batch.number,
            batch.terminal,
            batch.shop,
            batch.business_date.isoformat(),
            str(batch.delivered_by),
            told_batch(batch)["sha256"],
        ):
            yield row.batch_number, "the row is not what the batch says"


def _compose(_connection: Connection, rows: Sequence[Row[Any]], links: Links) -> list[Resource]:
    return [
        {
            "id": row.batch_number,
            "href": links.of(LEDGER_BATCH_PATH, row.batch_number),
            **loads(row.body.encode()),
            "toldAt": row.told_at,
            "changeNumber": row.change_number,
            "@type": "CounterfoilLedgerBatch",
        }
        for row in rows
    ]


_COLUMNS = "batch_number, terminal, shop, business_date, delivered_by, digest, body, told_at, change_number"
FIND = text(f"SELECT {_COLUMNS} FROM ledger_batch WHERE batch_number = :number")
ALL_OF = text(
    f"SELECT {_COLUMNS} FROM ledger_batch WHERE :day = '' OR business_date = :day "
    "ORDER BY shop, terminal, change_number"
)
INSERT = text(
    f"INSERT INTO ledger_batch ({_COLUMNS}) VALUES (:number, :terminal, :shop, :business_date, :delivered_by, :digest,"
    " :body, :told_at, :change_number)"
)

LEDGER_BATCHES = Collection(
    path=LEDGER_BATCH_PATH,
    table="ledger_batch",
    select=f"SELECT {_COLUMNS} FROM ledger_batch",
    attributes=frozenset(
        {
            "id", "href", "batch", "sequence", "series", "shop", "terminal", "businessDate", "part", "accountingDate",
            "deliveredBy", "entries", "lineCount", "totals", "sha256", "terms", "lines", "toldAt", "changeNumber",
            "@type",
        }
    ),
    columns={
        "id": Column("batch_number"),
        "terminal": Column("terminal"),
        "shop": Column("shop"),
        "businessDate": Column("business_date"),
        "deliveredBy": Column("delivered_by"),
        "changeNumber": Column("change_number", ColumnKind.INTEGER),
    },
    sorts={"id": "batch_number", "businessDate": "business_date", "changeNumber": "change_number"},
    default_order="change_number",
    compose=_compose,
    for_dealer=OF_OWN_TILLS,
)  # fmt: skip
