"""The types that TMF676 v4.0.0 gives a payment's attributes, as a table; attributes it does not know are left alone.

Every row a server ever stored must conform to the published schema, so a wrong type is refused at the door, by name.
Source: the official swagger (tmf.md section 3).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from sync.wire_json import BadField


class Kind(StrEnum):
    """A scalar type of the schema."""

    TEXT = "text"
    NUMBER = "a number"
    BOOLEAN = "true or false"
    DATE_TIME = "a date-time as in RFC 3339, with its offset"
    URI = "an absolute address as in RFC 3986"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """An object type: its attributes' types, and which of them must be there."""

    attributes: Mapping[str, Kind | Shape | ListOf]
    required: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ListOf:
    """An array of one type."""

    member: Shape


def check_shape(value: object, shape: Kind | Shape | ListOf, *, path: str) -> None:
    """Raises BadField with the dotted path of the first attribute that is missing or of a wrong type."""
    if isinstance(shape, Shape):
        _check_object(value, shape, path)
    elif isinstance(shape, ListOf):
        if not isinstance(value, list):
            raise BadField(path, "must be an array")
        for index, entry in enumerate(value):
            check_shape(entry, shape.member, path=f"{path}[{index}]")
    elif not _IS[shape](value):
        raise BadField(path, f"must be {shape}")


def is_date_time(text: str) -> bool:
    """Whether ``text`` is an RFC 3339 date-time that exists in the calendar."""
    if _DATE_TIME.fullmatch(text) is None:
        return False
    try:
        datetime.fromisoformat(text.upper())
    except ValueError:
        return False
    return True


def _check_object(value: object, shape: Shape, path: str) -> None:
    if not isinstance(value, dict):
        raise BadField(path, "must be an object")
    for name in shape.required:
        if value.get(name) is None:
            raise BadField(_join(path, name), "is missing")
    known = shape.attributes
    for name, member in value.items():
        wanted = known.get(name)
        # Nearly all are texts, and no path is put together for them.
        if wanted is None or (wanted is _TEXT and isinstance(member, str)):
            continue
        check_shape(member, wanted, path=_join(path, name))


def _join(path: str, name: str) -> str:
    return f"{path}{name}" if not path or path.endswith(" ") else f"{path}.{name}"


def _is_number(value: object) -> bool:
    return isinstance(value, (int, Decimal)) and not isinstance(value, bool)


def _is_date_time(value: object) -> bool:
    return isinstance(value, str) and is_date_time(value)


def _is_uri(value: object) -> bool:
    return isinstance(value, str) and _URI.fullmatch(value) is not None


_TEXT = Kind.TEXT
_IS: Mapping[Kind, Callable[[object], bool]] = {
    Kind.TEXT: lambda value: isinstance(value, str),
    Kind.NUMBER: _is_number,
    Kind.BOOLEAN: lambda value: isinstance(value, bool),
    Kind.DATE_TIME: _is_date_time,
    Kind.URI: _is_uri,
}

# Seconds may carry any fraction in RFC 3339, but datetime reads at most nine digits; a leap second is not told apart.
_DATE_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-5][0-9])"
)

# Such an address is never followed: it only has to be one. A host in brackets (IPv6) is left out.
_LETTER = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})"
_URI = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*:"
    r"(?://(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+(?::[0-9]{1,5})?(?:/" + _LETTER + r"*)*"
    r"|/?" + _LETTER + r"+(?:/" + _LETTER + r"*)*)"
    r"(?:\?(?:" + _LETTER + r"|[/?])*)?(?:#(?:" + _LETTER + r"|[/?])*)?",
    re.ASCII,
)

_AT = {"@type": Kind.TEXT, "@baseType": Kind.TEXT, "@schemaLocation": Kind.URI}
_REF = {"id": Kind.TEXT, "href": Kind.TEXT, "name": Kind.TEXT, "@referredType": Kind.TEXT, **_AT}

MONEY = Shape(attributes={"unit": Kind.TEXT, "value": Kind.NUMBER})
ENTITY_REF = Shape(attributes=_REF, required=("id",))
ACCOUNT_REF = Shape(attributes={**_REF, "description": Kind.TEXT}, required=("id",))
RELATED_PARTY = Shape(attributes={**_REF, "role": Kind.TEXT}, required=("id", "@referredType"))
TIME_PERIOD = Shape(attributes={"startDateTime": Kind.DATE_TIME, "endDateTime": Kind.DATE_TIME})
PAYMENT_ITEM = Shape(
    attributes={
        "id": Kind.TEXT,
        "amount": MONEY,
        "item": ENTITY_REF,
        "taxAmount": MONEY,
        "totalAmount": MONEY,
        **_AT,
    },
    required=("item",),
)
PAYMENT_METHOD = Shape(
    attributes={
        **_REF,
        "description": Kind.TEXT,
        "isPreferred": Kind.BOOLEAN,
        "status": Kind.TEXT,
        "statusDate": Kind.DATE_TIME,
        "account": ListOf(ACCOUNT_REF),
        "relatedParty": RELATED_PARTY,
        "validFor": TIME_PERIOD,
    }
)
PAYMENT_CREATE = Shape(
    attributes={
        "authorizationCode": Kind.TEXT,
        "correlatorId": Kind.TEXT,
        "description": Kind.TEXT,
        "name": Kind.TEXT,
        "paymentDate": Kind.DATE_TIME,
        "account": ACCOUNT_REF,
        "amount": MONEY,
        "channel": ENTITY_REF,
        "payer": RELATED_PARTY,
        "paymentItem": ListOf(PAYMENT_ITEM),
        "paymentMethod": PAYMENT_METHOD,
        "taxAmount": MONEY,
        "totalAmount": MONEY,
        **_AT,
    },
    required=("account", "paymentMethod", "totalAmount"),
)
"""Payment_Create, with paymentDate beside it: not in the schema, but ours comes with one and it is kept."""

REFUND_CREATE = Shape(
    attributes={
        "authorizationCode": Kind.TEXT,
        "correlatorId": Kind.TEXT,
        "description": Kind.TEXT,
        "name": Kind.TEXT,
        "refundDate": Kind.DATE_TIME,
        "account": ACCOUNT_REF,
        "amount": MONEY,
        "channel": ENTITY_REF,
        "payment": ENTITY_REF,
        "paymentMethod": PAYMENT_METHOD,
        "requestor": RELATED_PARTY,
        "taxAmount": MONEY,
        "totalAmount": MONEY,
        **_AT,
    },
    required=("account", "paymentMethod", "totalAmount"),
)
