"""Reading attributes of a body that a client sent: texts, objects, money, each refused by its own path."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pos.domain.money import Money
from sync.central.wire.dealer_view import stored_key
from sync.wire_json import BadField, read_money

MAX_TEXT = 255
MAX_ITEMS = 500
MAX_CLEARING = 200

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def plain_text(body: Mapping[str, object], name: str, *, field: str | None = None) -> str | None:
    """A text that is searched by: at most 255 characters, none of them a control character."""
    value = body.get(name)
    if value is None and name not in body:
        return None
    if not isinstance(value, str) or not value.strip():
        raise BadField(field or name, "must be text that is not blank")
    if len(value) > MAX_TEXT:
        raise BadField(field or name, f"is longer than {MAX_TEXT} characters")
    if _CONTROL.search(value) is not None:
        raise BadField(field or name, "has control characters")
    return value


def needed_text(body: Mapping[str, object], name: str, *, field: str | None = None) -> str:
    """As ``plain_text``, of a field that has to be there."""
    value = plain_text(body, name, field=field)
    if value is None:
        raise BadField(field or name, "is missing")
    return value


def as_mapping(value: object, *, field: str) -> Mapping[str, object]:
    """An object of a resource. Raises BadField."""
    if not isinstance(value, Mapping):
        raise BadField(field, "must be an object")
    return value


def positive(value: object, *, field: str) -> Money:
    """Money of more than zero. Raises BadField."""
    amount = read_money(value, field=field)
    if amount.minor <= 0:
        raise BadField(f"{field}.value", "must be more than zero")
    return amount


def own_amounts(value: object, name: str, amount: Money) -> list[tuple[Mapping[str, object], Money]]:
    """The rows of one of our extensions, each with its amount in the currency of ``amount``. Raises BadField."""
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > MAX_ITEMS:
        raise BadField(name, f"must be an array of at most {MAX_ITEMS}")
    found: list[tuple[Mapping[str, object], Money]] = []
    for index, entry in enumerate(value):
        if not isinstance(entry, Mapping):
            raise BadField(f"{name}[{index}]", "must be an object")
        part = positive(entry.get("amount"), field=f"{name}[{index}].amount")
        if part.currency != amount.currency:
            raise BadField(f"{name}[{index}].amount.unit", f"is not {amount.currency}")
        found.append((entry, part))
    return found


def read_correlators(body: Mapping[str, object], name: str) -> tuple[str, ...]:
    """The legs that ``name`` lists, as they are stored, each once; nothing where it is not said. Raises BadField."""
    told = body.get(name)
    if told is None:
        return ()
    if not isinstance(told, list) or not 0 < len(told) <= MAX_CLEARING:
        raise BadField(name, f"must be a list of up to {MAX_CLEARING} correlators")
    legs = (plain_text({name: leg}, name) for leg in told)
    return tuple(dict.fromkeys(leg for leg in map(stored_key, legs) if leg is not None))
