"""One page of a collection, and how many rows there are in all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Text, bindparam, text

from sync.central.wire.dealer_view import as_seen, condition, narrowed
from sync.central.wire.errors import ApiError
from sync.central.wire.links import Links
from sync.central.wire.query import Collection, ListQuery, Resource, select_fields
from sync.central.wire.row_match import RowOrder, SortKey, row_matches, sort_key

ROWS_AT_ONCE = 200

SORTED_MAX = 100_000
"""So many rows at most are put in an order that no column has."""


@dataclass(frozen=True, slots=True)
class Page:
    """The rows of one page, with only the asked fields; ``total`` counts every row that matches."""

    rows: list[Resource]
    total: int


def fetch_page(connection: Connection, collection: Collection, query: ListQuery, links: Links) -> Page:
    """Read a page in the caller's transaction. The SQL is put together from the program's own constants only.

    Of the rows that whoever asks may see, and of no others, also in the count.
    """
    collection, query = as_seen(collection), narrowed(collection, query)
    where = f" WHERE {' AND '.join(query.where)}" if query.where else ""
    ordered = f"{collection.select}{where} ORDER BY {query.order}"
    if query.row_order:
        found = _sorted(connection, collection, query, links, ordered)
    elif query.row_conditions:
        found = _scan(connection, collection, query, links, ordered)
    else:
        found = _by_index(connection, collection, query, links, where, ordered)
    return Page([select_fields(row, query.fields) for row in found.rows], found.total)


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


def _all_rows(connection: Connection, query: ListQuery, ordered: str) -> Iterator[Sequence[Row[Any]]]:
    """Some at a time, from a server too: they may be more than there is memory for."""
    statement = text(ordered).execution_options(stream_results=True, max_row_buffer=ROWS_AT_ONCE)
    return connection.execute(statement, query.values).partitions(ROWS_AT_ONCE)


def _scan(
    connection: Connection, collection: Collection, query: ListQuery, links: Links, ordered: str
) -> Page:
    kept: list[Resource] = []
    total = 0
    for rows in _all_rows(connection, query, ordered):
        for resource in collection.compose(connection, rows, links):
            if not row_matches(resource, query.row_conditions):
                continue
            if query.offset <= total < query.offset + query.limit:
                kept.append(resource)
            total += 1
    return Page(kept, total)


def _sorted(
    connection: Connection, collection: Collection, query: ListQuery, links: Links, ordered: str
) -> Page:
    """Every row is read for what it is sorted by, then those of the page once more. Rows without a value come last."""
    keys: list[tuple[str, list[SortKey | None]]] = []
    for rows in _all_rows(connection, query, ordered):
        for resource in collection.compose(connection, rows, links):
            if row_matches(resource, query.row_conditions):
                keys.append((resource["id"], [sort_key(resource, order) for order in query.row_order]))
        if len(keys) > SORTED_MAX:
            raise ApiError(400, "bad_query", "sort: too many rows are asked for in this order.", field="sort")
    # Sorting keeps the order of equals, so the last thing to sort by is sorted by first.
    for place, order in reversed(list(enumerate(query.row_order))):
        keys = _sorted_by(keys, place, order)
    ids = [resource_id for resource_id, _ in keys[query.offset : query.offset + query.limit]]
    statement = text(f"{collection.select} WHERE {collection.columns['id'].sql} IN :ids")
    rows = connection.execute(
        statement.bindparams(bindparam("ids", type_=Text, expanding=True)), {"ids": ids}
    ).all()
    by_id = {resource["id"]: resource for resource in collection.compose(connection, rows, links)}
    return Page([by_id[resource_id] for resource_id in ids], len(keys))


def _sorted_by(
    keys: list[tuple[str, list[SortKey | None]]], place: int, order: RowOrder
) -> list[tuple[str, list[SortKey | None]]]:
    def value(row: tuple[str, list[SortKey | None]]) -> SortKey:
        found = row[1][place]
        assert found is not None
        return found

    there = [row for row in keys if row[1][place] is not None]
    return [*sorted(there, key=value, reverse=order.down), *(row for row in keys if row[1][place] is None)]
