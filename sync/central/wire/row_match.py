"""Comparing one attribute of one resource with a filter's text, or with another's: numbers as numbers, dates as moments,
text as text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from sync.tmf676.shape import is_date_time


@dataclass(frozen=True, slots=True)
class RowCondition:
    """``path`` leads to the attribute; on its way through an array any element may satisfy it."""

    path: tuple[str, ...]
    operator: str
    wanted: str


@dataclass(frozen=True, slots=True)
class RowOrder:
    """``path`` leads to the attribute that is sorted by, in an array to its first element that has it."""

    path: tuple[str, ...]
    down: bool


SortKey = tuple[int, Decimal | datetime | str]


def sort_key(resource: Mapping[str, Any], order: RowOrder) -> SortKey | None:
    """What the resource is sorted by: numbers before dates before text. None where it has no such value."""
    value = next((one for one in _values(resource, order.path) if isinstance(one, int | Decimal | str)), None)
    if value is None:
        return None
    if not isinstance(value, str):
        return 0, Decimal(value)
    moment = _moment(value)
    return (2, value) if moment is None else (1, moment)


def row_matches(resource: Mapping[str, Any], conditions: Sequence[Sequence[RowCondition]]) -> bool:
    """Whether every group has a condition that holds."""
    return all(any(_holds(resource, condition) for condition in group) for group in conditions)


def _holds(resource: Mapping[str, Any], condition: RowCondition) -> bool:
    return any(
        _compares(value, condition.operator, condition.wanted) for value in _values(resource, condition.path)
    )


def _values(value: Any, path: Sequence[str]) -> Iterator[Any]:
    if isinstance(value, list):
        for element in value:
            yield from _values(element, path)
    elif not path:
        yield value
    elif isinstance(value, Mapping) and path[0] in value:
        yield from _values(value[path[0]], path[1:])


def _compares(value: Any, operator: str, wanted: str) -> bool:
    if isinstance(value, bool):
        return operator == "eq" and wanted == ("true" if value else "false")
    if isinstance(value, int | Decimal):
        if re.fullmatch(r"-?[0-9]{1,30}(\.[0-9]{1,30})?", wanted, re.ASCII) is None:
            return False
        return _ordered(_sign(Decimal(value) - Decimal(wanted)), operator)
    if not isinstance(value, str):
        return False
    if operator == "eq" and value == wanted:
        return True
    wanted_moment = _wanted_moment(wanted)
    moment = None if wanted_moment is None else _moment(value)
    if moment is not None and wanted_moment is not None:
        return _ordered((moment > wanted_moment) - (moment < wanted_moment), operator)
    return _ordered((value > wanted) - (value < wanted), operator)


def _sign(difference: Decimal) -> int:
    return (difference > 0) - (difference < 0)


def _ordered(sign: int, operator: str) -> bool:
    match operator:
        case "gt":
            return sign > 0
        case "gte":
            return sign >= 0
        case "lt":
            return sign < 0
        case "lte":
            return sign <= 0
    return sign == 0


@lru_cache(maxsize=256)
def _wanted_moment(text: str) -> datetime | None:
    """The same for every row that is looked at."""
    return _moment(text)


def _moment(text: str) -> datetime | None:
    """A date-time, or a day's midnight UTC. A ``+`` that a client forgot to escape arrives as a blank."""
    written = text.replace(" ", "+").upper()
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", written, re.ASCII):
        written += "T00:00:00Z"
    if not is_date_time(written):
        return None
    moment = datetime.fromisoformat(written)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return None
