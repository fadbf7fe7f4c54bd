"""Small readers for attributes of a bill or rate that a server we do not know has told."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from pos.domain.money import Money
from pos.domain.pan_guard import holds_card_number
from pos.domain.text_guard import clean_foreign
from sync.told import clean_told
from sync.wire_json import BadField, read_money

MAX_ID = 255
MAX_NAME = 200


def as_object(value: object, *, field: str) -> Mapping[str, object]:
    """``value`` as a JSON object. Raises BadField."""
    if not isinstance(value, Mapping):
        raise BadField(field, "is not an object")
    return value


def read_id(obj: Mapping[str, object], name: str, *, field: str) -> str:
    """An id, unchanged: it is sent back as it came. One that cannot be shown safely is refused by BadField."""
    value = obj.get(name)
    if not isinstance(value, str) or not value:
        raise BadField(field, "is missing or not text")
    if len(value) > MAX_ID or clean_foreign(value, limit=MAX_ID) != value:
        raise BadField(field, "is too long or has characters that cannot be kept")
    if holds_card_number(value):
        # Masked it would be another's id, and nobody could type it here to pay.
        raise BadField(field, "looks like a card number")
    return value


def read_ref_id(obj: Mapping[str, object], name: str) -> str | None:
    """The id of the reference ``name``, None where there is no such reference."""
    reference = obj.get(name)
    if not isinstance(reference, Mapping) or reference.get("id") is None:
        return None
    return read_id(reference, "id", field=f"{name}.id")


def read_name(value: object) -> str | None:
    """A text for people, made harmless and with a card number in it masked; None where there is none."""
    if not isinstance(value, str):
        return None
    return clean_told(value, limit=MAX_NAME) or None


def read_optional_money(obj: Mapping[str, object], name: str) -> Money | None:
    """Money where it is given (null counts as not given). Raises BadField where it is given wrongly."""
    return None if obj.get(name) is None else read_money(obj[name], field=name)


def read_day(obj: Mapping[str, object], name: str) -> date | None:
    """The calendar day as the server wrote it, from a date or a date-time; its offset is the server's, not ours."""
    value = obj.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > 40:
        raise BadField(name, "is not a date")
    try:
        return date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value).date()
    except ValueError:
        raise BadField(name, "is not a date") from None
