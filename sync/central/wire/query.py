"""Queries on a collection: filters, fields, sort and paging as TMF630 writes them, every name from an allow-list.

A filter on an indexed column becomes SQL with a bound value; any other known attribute, dotted paths included, is
compared row by row. Several filters must all hold; the same filter given twice holds if either does.
Source: tmf.md sections 4 and 7; reliability.md section 4 ("ids in paths and queries").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row

from sync.central.wire.errors import ApiError
from sync.central.wire.links import Links
from sync.central.wire.row_match import RowCondition, RowOrder
from sync.tmf676.shape import is_date_time

DEFAULT_LIMIT = 50
MAX_LIMIT = 500
MAX_PARAMETERS = 50
MAX_VALUE = 1_000
SORTS_MAX = 5

Resource = dict[str, Any]
Compose = Callable[[Connection, Sequence[Row[Any]], Links], list[Resource]]


class ColumnKind(StrEnum):
    """How a filter's value is read for a column."""

    TEXT = "text"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    MOMENT = "moment"
    """UTC as text that sorts by time."""


@dataclass(frozen=True, slots=True)
class Column:
    """An indexed column behind an attribute; ``within`` wraps the comparison where it stands in another table.

    ``stored``, where ``sql`` is made of it, has a value as it is told, or behind ``own``: so an index finds it.
    """

    sql: str
    kind: ColumnKind = ColumnKind.TEXT
    within: str = "{}"
    stored: str = ""
    own: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """What may be asked of one resource. All SQL in it is constant text of this program.

    ``for_dealer``: the condition on the rows that the dealer ``:of_dealer`` may see; empty: none of them. ``for_operator``:
    on those that everybody else may; empty: all. ``keys``: the attributes that are a sender's own keys, by their column.
    """

    path: str
    table: str
    select: str
    attributes: frozenset[str]
    columns: Mapping[str, Column]
    sorts: Mapping[str, str]
    default_order: str
    compose: Compose
    for_dealer: str = ""
    for_operator: str = ""
    keys: Mapping[str, str] = field(default_factory=lambda: {"correlatorId": "correlator_id"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ListQuery:
    """A checked query: SQL conditions with their values, conditions left for each row, order, page and fields.

    ``row_order`` is not empty where something is sorted by that only the rows themselves tell; it comes before ``order``.
    """

    where: tuple[str, ...]
    values: Mapping[str, object]
    row_conditions: tuple[tuple[RowCondition, ...], ...]
    order: str
    row_order: tuple[RowOrder, ...]
    offset: int
    limit: int
    fields: frozenset[str] | None

    @property
    def row_by_row(self) -> bool:
        """No column tells the answer: the rows themselves must be read."""
        return bool(self.row_conditions or self.row_order)


def parse_list_query(
    parameters: Sequence[tuple[str, str]], collection: Collection, links: Links
) -> ListQuery:
    """Raises ApiError 400, naming the parameter, for anything that is not on the collection's lists."""
    if len(parameters) > MAX_PARAMETERS:
        raise ApiError(400, "bad_query", f"More than {MAX_PARAMETERS} parameters.")
    single: dict[str, str] = {}
    filters: dict[str, list[str]] = {}
    for given, text in parameters:
        name, value = _compared(given, text)
        if len(value) > MAX_VALUE or _CONTROL.search(value):
            raise _bad(name, "is too long or has control characters")
        if name not in ("fields", "offset", "limit", "sort"):
            filters.setdefault(name, []).append(value)
        elif name in single:
            raise _bad(name, "is given twice")
        else:
            single[name] = value
    where, values, row_conditions = _read_filters(filters, collection, links)
    order, row_order = _read_sort(single.get("sort"), collection)
    return ListQuery(
        where=tuple(where),
        values=values,
        row_conditions=tuple(row_conditions),
        order=order,
        row_order=row_order,
        offset=_read_count(single, "offset", default=0),
        limit=min(_read_count(single, "limit", default=DEFAULT_LIMIT), MAX_LIMIT),
        fields=_read_fields(single.get("fields"), collection.attributes),
    )


def parse_fields(parameters: Sequence[tuple[str, str]], collection: Collection) -> frozenset[str] | None:
    """The ``fields`` of a GET of one resource; any other parameter is refused with 400."""
    given = [value for name, value in parameters if name == "fields"]
    for name, _ in parameters:
        if name != "fields":
            raise _bad(name, "is not a parameter here")
    if len(given) > 1:
        raise _bad("fields", "is given twice")
    return _read_fields(given[0] if given else None, collection.attributes)


def select_fields(resource: Resource, fields: frozenset[str] | None) -> Resource:
    """The asked attributes; id, href and @type always."""
    if fields is None:
        return resource
    return {name: value for name, value in resource.items() if name in fields or name in _ALWAYS}


_ALWAYS = frozenset({"id", "href", "@type"})
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PATH = re.compile(r"@?[A-Za-z][A-Za-z0-9_]{0,60}(\.@?[A-Za-z][A-Za-z0-9_]{0,60}){0,6}")
_COMPARED = re.compile(r"([@A-Za-z0-9_.]{1,500})([<>])([^<>]*)")
_OPERATORS = {"eq": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def _bad(name: str, why: str) -> ApiError:
    # A parameter's name is from outside: only a plain one is repeated.
    shown = name if _PATH.fullmatch(name) else "a parameter"
    return ApiError(400, "bad_query", f"{shown} {why}.", field=shown)


def _read_filters(
    filters: Mapping[str, Sequence[str]], collection: Collection, links: Links
) -> tuple[list[str], dict[str, object], list[tuple[RowCondition, ...]]]:
    where: list[str] = []
    values: dict[str, object] = {}
    row_conditions: list[tuple[RowCondition, ...]] = []
    for name, wanted in filters.items():
        path, operator = _split_operator(name, collection)
        column = collection.columns.get(path)
        if path == "href":
            column = collection.columns["id"]
            prefix = links.of(collection.path, "")
            # An address that is not below ours belongs to no row; ids are never empty.
            wanted = [value.removeprefix(prefix) if value.startswith(prefix) else "" for value in wanted]
        if column is not None and column.kind is ColumnKind.MOMENT and not all(map(is_date_time, wanted)):
            # A date alone, or no date at all, is compared as text, row by row.
            column = None
        if column is None:
            segments = tuple(path.split("."))
            row_conditions.append(tuple(RowCondition(segments, operator, value) for value in wanted))
            continue
        either: list[str] = []
        for value in wanted:
            parameter = f"p{len(values)}"
            values[parameter] = _read_value(name, value, column.kind)
            if column.stored and operator == "eq":
                values[f"{parameter}_own"] = f"{column.own}{value}"
                either.append(f"{column.stored} IN (:{parameter}, :{parameter}_own)")
                continue
            either.append(column.within.format(f"{column.sql} {_OPERATORS[operator]} :{parameter}"))
        where.append("(" + " OR ".join(either) + ")")
    return where, values, row_conditions


def _compared(name: str, value: str) -> tuple[str, str]:
    """``amount>5`` and ``amount>=5`` as ``amount.gt=5`` and ``amount.gte=5``: the guidelines know both ways."""
    found = _COMPARED.fullmatch(name)
    if found is None:
        return name, value
    path, sign, rest = found.groups()
    operator = "gt" if sign == ">" else "lt"
    if not rest and value:
        return f"{path}.{operator}e", value
    if not rest or value:
        return name, value
    # An equals sign that was escaped came with the name.
    return (f"{path}.{operator}e", rest[1:]) if rest.startswith("=") else (f"{path}.{operator}", rest)


def _split_operator(name: str, collection: Collection) -> tuple[str, str]:
    if _PATH.fullmatch(name) is None:
        raise _bad(name, "is not the name of an attribute")
    path, _, last = name.rpartition(".")
    if not path or last not in _OPERATORS:
        path, last = name, "eq"
    if path.split(".")[0] not in collection.attributes:
        raise _bad(name, "is not an attribute here")
    return path, last


def _read_value(name: str, value: str, kind: ColumnKind) -> object:
    match kind:
        case ColumnKind.TEXT:
            return value
        case ColumnKind.INTEGER:
            if re.fullmatch(r"-?[0-9]{1,18}", value, re.ASCII) is None:
                raise _bad(name, "is not a whole number")
            return int(value)
        case ColumnKind.BOOLEAN:
            if value not in ("true", "false"):
                raise _bad(name, "is neither true nor false")
            return int(value == "true")
        case ColumnKind.MOMENT:
            try:
                moment = datetime.fromisoformat(value.upper()).astimezone(UTC)
            except OverflowError:
                raise _bad(name, "is at the edge of the calendar") from None
            return moment.isoformat(timespec="microseconds")


def _read_count(single: Mapping[str, str], name: str, *, default: int) -> int:
    value = single.get(name)
    if value is None:
        return default
    if re.fullmatch(r"[0-9]{1,12}", value, re.ASCII) is None:
        raise _bad(name, "is not a whole number from 0 up")
    return int(value)


def _read_fields(value: str | None, attributes: frozenset[str]) -> frozenset[str] | None:
    if value is None:
        return None
    if value == "none":
        return frozenset()
    names = value.split(",")
    if any(name not in attributes for name in names):
        raise _bad("fields", "names something that is not an attribute here")
    return frozenset(names)


def _read_sort(value: str | None, collection: Collection) -> tuple[str, tuple[RowOrder, ...]]:
    """The order as SQL, and as paths in the rows where SQL has no column for one of the names.

    The default order always follows, so that pages never overlap.
    """
    if value is None:
        return collection.default_order, ()
    names = [
        (name.removeprefix("-").removeprefix("+").strip(), name.startswith("-")) for name in value.split(",")
    ]
    for name, _ in names:
        known = _PATH.fullmatch(name) is not None and name.split(".")[0] in collection.attributes
        if len(names) > SORTS_MAX or not (known or name in collection.sorts):
            raise _bad("sort", "names something that cannot be sorted by")
    if any(name not in collection.sorts for name, _ in names):
        return collection.default_order, tuple(RowOrder(tuple(name.split(".")), down) for name, down in names)
    parts = [collection.sorts[name] + (" DESC" if down else "") for name, down in names]
    return ", ".join([*parts, collection.default_order]), ()
