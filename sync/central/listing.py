"""One page of a collection, and how many rows there are in all."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from sync.central.links import Links
from sync.central.query import Collection, ListQuery, Resource, select_fields
from sync.central.row_match import row_matches

ROWS_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Page:
    """The rows of one page, with only the asked fields; ``total`` counts every row that matches."""

    rows: list[Resource]
    total: int


def fetch_page(connection: Connection, collection: Collection, query: ListQuery, links: Links) -> Page:
    """Read a page in the caller's transaction. The SQL is put together from the program's own constants only."""
    where = f" WHERE {' AND '.join(query.where)}" if query.where else ""
    ordered = f"{collection.select}{where} ORDER BY {query.order}"
    if query.row_conditions:
        found = _scan(connection, collection, query, links, ordered)
    else:
        found = _by_index(connection, collection, query, links, where, ordered)
    return Page([select_fields(row, query.fields) for row in found.rows], found.total)


def fetch_one(
    connection: Connection, collection: Collection, resource_id: str, links: Links
) -> Resource | None:
    """The resource of that id."""
    statement = text(f"{collection.select} WHERE {collection.columns['id'].sql} = :id")
    rows = connection.execute(statement, {"id": resource_id}).all()
    return collection.compose(connection, rows, links)[0] if rows else None


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


def _scan(
    connection: Connection, collection: Collection, query: ListQuery, links: Links, ordered: str
) -> Page:
    kept: list[Resource] = []
    total = 0
    result = connection.execute(text(ordered), query.values)
    for rows in result.partitions(ROWS_AT_ONCE):
        for resource in collection.compose(connection, rows, links):
            if not row_matches(resource, query.row_conditions):
                continue
            if query.offset <= total < query.offset + query.limit:
                kept.append(resource)
            total += 1
    return Page(kept, total)
