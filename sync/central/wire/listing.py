"""One page of a collection, and how many rows there are in all."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import TypeVar

from sqlalchemy import Connection, Text, bindparam, text

from sync.central.wire.dealer_view import as_seen, condition, narrowed
from sync.central.wire.errors import ApiError
from sync.central.wire.links import Links
from sync.central.wire.query import Collection, ListQuery, Resource, select_fields
from sync.central.wire.row_match import RowOrder, row_matches, sort_key

Done = TypeVar("Done")

ROWS_AT_ONCE = 50
"""About a thousandth of a second; of several comparisons a row so many fewer."""

LOOKED_THROUGH_MAX = 200_000
"""So many rows at most are compared one by one."""
SORTED_MAX = 100_000
"""So many rows at most are put in an order that no column has."""


@dataclass(frozen=True, slots=True)
class Page:
    """The rows of one page, with only the asked fields; ``total`` counts every row that matches."""

    rows: list[Resource]
    total: int


def read_page(
    connection: Connection, collection: Collection, query: ListQuery, links: Links
) -> Generator[int, None, Page]:
    """Read a page in the caller's transaction. The SQL is put together from the program's own constants only.

    Of the rows that whoever asks may see, and of no others, also in the count. Where they are looked at one by one it
    pauses after each few and tells how many comparisons those took. Raises ApiError 400 ``too_many_rows``.
    """
    collection, query = as_seen(collection), narrowed(collection, query)
    where = f" WHERE {' AND '.join(query.where)}" if query.where else ""
    ordered = f"{collection.select}{where} ORDER BY {query.order}"
    if query.row_by_row:
        _refuse_many(connection, collection, query, where)
    if query.row_order:
        found = yield from _sorted(connection, collection, query, links, ordered)
    elif query.row_conditions:
        found = yield from _scan(connection, collection, query, links, ordered)
    else:
        found = _by_index(connection, collection, query, links, where, ordered)
    return Page([select_fields(row, query.fields) for row in found.rows], found.total)


def at_once(steps: Generator[int, None, Done]) -> Done:
    """All steps without a pause."""
    while True:
        try:
            next(steps)
        except StopIteration as ended:
            done: Done = ended.value
            return done


def fetch_one(
    connection: Connection, collection: Collection, resource_id: str, links: Links
) -> Resource | None:
    """The resource of that id, if whoever asks may see it."""
    seen, values = condition(collection)
    also = f" AND {seen}" if seen else ""
    statement = text(f"{collection.select} WHERE {collection.columns['id'].sql} = :id{also}")
    rows = connection.execute(statement, {"id": resource_id, **values}).all()
    collection = as_seen(collection)
    return collection.compose(connection, rows, links)[0] if rows else None


def may_see(connection: Connection, collection: Collection, resource_id: str) -> bool:
    """Whether whoever asks may see the row of that id, which there is."""
    seen, values = condition(collection)
    if not seen:
        return True
    statement = text(f"SELECT 1 FROM {collection.table} WHERE id = :id AND {seen}")
    return connection.execute(statement, {"id": resource_id, **values}).one_or_none() is not None


def _by_index(
    connection: Connection,
    collection: Collection,
    query: ListQuery,
    links: Links,
    where: str,
    ordered: str,
) -> Page:
    count = text(f"SELECT count(*) FROM {collection.table}{where}")
    total = int(connection.execute(count, query.values).scalar_one())
    page = text(f"{ordered} LIMIT :page_limit OFFSET :page_offset")
    bounds = {"page_limit": query.limit, "page_offset": query.offset}
    rows = connection.execute(page, {**query.values, **bounds}).all()
    return Page(collection.compose(connection, rows, links), total)


def _refuse_many(connection: Connection, collection: Collection, query: ListQuery, where: str) -> None:
    most = SORTED_MAX if query.row_order else LOOKED_THROUGH_MAX
    count = text(f"SELECT count(*) FROM (SELECT 1 FROM {collection.table}{where} LIMIT :most) AS found")
    if connection.execute(count, {**query.values, "most": most + 1}).scalar_one() <= most:
        return
    among = ", ".join(sorted(collection.columns))
    raise ApiError(
        400, "too_many_rows", f"More than {most} rows would be looked through. Ask for fewer by {among}."
    )


def _in_steps(
    connection: Connection, collection: Collection, query: ListQuery, links: Links, ordered: str
) -> Iterator[tuple[list[Resource], int]]:
    """Those of a few rows that match, and how many comparisons they took; until there are no more rows."""
    comparisons = sum(map(len, query.row_conditions)) + len(query.row_order)
    statement = text(ordered).execution_options(stream_results=True, max_row_buffer=ROWS_AT_ONCE)
    at_once = max(ROWS_AT_ONCE // comparisons, 1)
    for rows in connection.execute(statement, query.values).partitions(at_once):
        resources = collection.compose(connection, rows, links)
        matching = [one for one in resources if row_matches(one, query.row_conditions)]
        yield matching, len(rows) * comparisons


def _scan(
    connection: Connection, collection: Collection, query: ListQuery, links: Links, ordered: str
) -> Generator[int, None, Page]:
    kept: list[Resource] = []
    total = 0
    for resources, compared in _in_steps(connection, collection, query, links, ordered):
        for resource in resources:
            if query.offset <= total < query.offset + query.limit:
                kept.append(resource)
            total += 1
        yield compared
    return Page(kept, total)


def _sorted(
    connection: Connection, collection: Collection, query: ListQuery, links: Links, ordered: str
) -> Generator[int, None, Page]:
    """Every row is read for what it is sorted by, then those of the page once more. Rows without a value come last."""
    # Each few rows are put in order by themselves, so that nothing here takes long at a time.
    runs: list[list[_Place]] = []
    total = 0
    for resources, compared in _in_steps(connection, collection, query, links, ordered):
        runs.append(sorted(_Place(one, query.row_order, total + at) for at, one in enumerate(resources)))
        total += len(resources)
        yield compared
    ids: list[str] = []
    for at, place in enumerate(islice(merge(*runs), query.offset + query.limit)):
        if at >= query.offset:
            ids.append(place.resource_id)
        if at % ROWS_AT_ONCE == 0:
            yield ROWS_AT_ONCE
    statement = text(f"{collection.select} WHERE {collection.columns['id'].sql} IN :ids")
    rows = connection.execute(
        statement.bindparams(bindparam("ids", type_=Text, expanding=True)), {**query.values, "ids": ids}
    ).all()
    by_id = {resource["id"]: resource for resource in collection.compose(connection, rows, links)}
    return Page([by_id[resource_id] for resource_id in ids], total)


class _Place:
    """Where a resource stands among others; equals stand as they came."""

    __slots__ = ("_keys", "_number", "_orders", "resource_id")

    def __init__(self, resource: Resource, orders: Sequence[RowOrder], number: int) -> None:
        self.resource_id: str = resource["id"]
        self._keys = [sort_key(resource, order) for order in orders]
        self._orders = orders
        self._number = number

    def __lt__(self, other: _Place) -> bool:
        for mine, its, order in zip(self._keys, other._keys, self._orders, strict=True):
            if mine is None or its is None:
                if mine is not its:
                    return its is None
            elif mine != its:
                return mine > its if order.down else mine < its
        return self._number < other._number
