"""JSON on the wire: strict in, exact out. No float is ever made, so no minor unit is ever lost.

``json.loads`` takes NaN, lets the last of two equal keys win and breaks on 4,300 digits; a payment server must do none
of that. Money travels as a JSON number whose text is the exact decimal. Source: reliability.md sections 0.5 and 4.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NoReturn

from pos.domain.errors import Refused
from pos.domain.money import MAX_MINOR, Money, currency

MAX_BYTES = 10_000_000
MAX_DEPTH = 40
MAX_DIGITS = 30
"""Of an integer, and the largest exponent either way of a fractional number."""
MAX_FRACTION_CHARACTERS = 100

_quote = json.encoder.encode_basestring
_BLANKS = " \t\n\r"
_EXPONENT = re.compile(r"[0-9]e")
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")


class WireJsonError(ValueError):
    """What came is not JSON as we take it. The message says why and never repeats the text."""


class BadField(WireJsonError):
    """A value that is well-formed JSON but not what ``field`` (a dotted path) must hold."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class BadResource(WireJsonError):
    """A resource that a server told cannot be read. Names it, so that the caller can skip that row and say so."""

    def __init__(self, kind: str, resource_id: str | None, error: BadField) -> None:
        super().__init__(f"{kind} {resource_id or '(no id)'}: {error}")
        self.kind = kind
        self.resource_id = resource_id
        self.field = error.field
        self.reason = error.reason


def loads(data: bytes | str) -> Any:
    """Parse JSON: fractions as Decimal, whole numbers as int. Raises WireJsonError, and nothing else, on bad input."""
    if len(data) > MAX_BYTES:
        raise WireJsonError(f"larger than {MAX_BYTES} bytes")
    try:
        text = data if isinstance(data, str) else data.decode("utf-8")
        if text.startswith("\ufeff"):
            raise WireJsonError("not JSON: it begins with a byte order mark")
        value = _decode(text)
    except WireJsonError:
        raise
    except RecursionError:
        raise WireJsonError(f"nested deeper than {MAX_DEPTH}") from None
    except UnicodeDecodeError:
        raise WireJsonError("not UTF-8") from None
    except json.JSONDecodeError as error:
        raise WireJsonError(f"not JSON: {error.msg} at character {error.pos}") from None
    # Only a text with that many brackets can be that deep; most never need the walk.
    if text.count("[") + text.count("{") > MAX_DEPTH:
        _refuse_depth(value)
    if _SURROGATE_ESCAPE.search(text) is not None or not (text.isascii() or _is_utf8(text)):
        _refuse_lone_surrogates(value)
    return value


def dumps(value: object) -> bytes:
    """Compact UTF-8, keys in the order given, Decimals in plain digits with their scale kept: ``41.750``.

    Raises TypeError for a float or any other type that has no exact JSON form.
    """
    parts: list[str] = []
    _write(value, parts)
    return "".join(parts).encode("utf-8")


def compact(text: str) -> str | None:
    """A text that ``loads`` took, in the form that ``dumps`` has for its value; None where only ``dumps`` can say it.

    Without an escape every quotation mark opens or closes a string, and what stands between strings is at every second
    place: blanks there mean nothing, and of numbers only those with an exponent, or less than nothing, have another form.
    """
    if "\\" in text:
        return None
    parts = text.split('"')
    written = between = '"'.join(parts[::2])
    if "-" in between or "E" in between or ("e" in between and _EXPONENT.search(between) is not None):
        return None
    for blank in _BLANKS:
        if blank in between:
            between = between.replace(blank, "")
    if between is written:
        return text
    parts[::2] = between.split('"')
    return '"'.join(parts)


def money_json(amount: Money) -> dict[str, object]:
    """TMF Money with exactly the currency's digits."""
    return {"unit": amount.currency.code, "value": Decimal(amount.plain())}


def read_money(obj: object, *, field: str) -> Money:
    """TMF Money of any sign. ``value`` must be a number with no more digits than the currency has.

    Zeros beyond the currency's digits (12.5000 EUR) change nothing and pass. Raises BadField.
    """
    if not isinstance(obj, dict):
        raise BadField(field, "must be an object with unit and value")
    unit, value = obj.get("unit"), obj.get("value")
    if not isinstance(unit, str) or not unit:
        raise BadField(f"{field}.unit", "must be an ISO 4217 currency code")
    try:
        in_currency = currency(unit)
    except Refused:
        raise BadField(f"{field}.unit", "is not an ISO 4217 currency code") from None
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise BadField(f"{field}.value", "must be a number")
    # As a fraction of whole numbers, which no context rounds; its bound first, for an exponent may be anything.
    if (isinstance(value, Decimal) and not value.is_finite()) or not -MAX_MINOR <= value <= MAX_MINOR:
        raise BadField(f"{field}.value", "is too large for an amount")
    whole, parts = value.as_integer_ratio()
    minor, rest = divmod(whole * 10**in_currency.exponent, parts)
    if rest:
        raise BadField(f"{field}.value", f"has more digits than {unit} has ({in_currency.exponent})")
    if abs(minor) > MAX_MINOR:
        raise BadField(f"{field}.value", "is too large for an amount")
    return Money(minor, in_currency)


def _read_integer(text: str) -> int:
    if len(text.lstrip("-")) > MAX_DIGITS:
        raise WireJsonError(f"a number of more than {MAX_DIGITS} digits")
    return int(text)


def _read_fraction(text: str) -> Decimal:
    # Some servers print a binary fraction in full, 55 digits and more; that is for the field's reader to refuse.
    if len(text) > MAX_FRACTION_CHARACTERS:
        raise WireJsonError(f"a number of more than {MAX_FRACTION_CHARACTERS} characters")
    _, _, exponent = text.lower().partition("e")
    if len(exponent.lstrip("+-").lstrip("0")) > 2 or abs(int(exponent or "0")) > MAX_DIGITS:
        raise WireJsonError("a number with too large an exponent")
    return Decimal(text)


def _refuse_constant(_text: str) -> NoReturn:
    raise WireJsonError("NaN and Infinity are not JSON")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise WireJsonError("an object with the same key twice")
    return found


_decode = json.JSONDecoder(
    parse_float=_read_fraction,
    parse_int=_read_integer,
    parse_constant=_refuse_constant,
    object_pairs_hook=_unique_keys,
).decode


def _is_utf8(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _refuse_depth(value: object) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        deeper: list[object] = []
        for member in level:
            if isinstance(member, dict):
                deeper.extend(member.values())
            elif isinstance(member, list):
                deeper.extend(member)
        if not deeper:
            return
        level = deeper
    if any(isinstance(member, dict | list) for member in level):
        raise WireJsonError(f"nested deeper than {MAX_DEPTH}")


def _refuse_lone_surrogates(value: object) -> None:
    try:
        dumps(value)
    except UnicodeEncodeError:
        raise WireJsonError("half of a character (a lone surrogate)") from None


def _write(value: object, parts: list[str]) -> None:
    if isinstance(value, str):
        parts.append(_quote(value))
    elif type(value) is dict:
        _write_object(value, parts)
    elif value is None:
        parts.append("null")
    elif isinstance(value, bool):
        parts.append("true" if value else "false")
    elif isinstance(value, int):
        parts.append(str(value))
    elif isinstance(value, Decimal):
        if not value.is_finite():
            raise TypeError(f"{value} has no JSON form")
        parts.append(format(value, "f"))
    elif isinstance(value, Mapping):
        _write_object(value, parts)
    elif isinstance(value, list | tuple):
        _write_array(value, parts)
    else:
        raise TypeError(f"{type(value).__name__} has no exact JSON form")


def _write_object(value: Mapping[object, object], parts: list[str]) -> None:
    opening = "{"
    for key, member in value.items():
        if not isinstance(key, str):
            raise TypeError(f"an object's key is text, not {type(key).__name__}")
        if type(member) is str:
            # Nearly every member, without a call for it.
            parts.append(f"{opening}{_quote(key)}:{_quote(member)}")
        elif type(member) is dict:
            parts.append(f"{opening}{_quote(key)}:")
            _write_object(member, parts)
        else:
            parts.append(f"{opening}{_quote(key)}:")
            _write(member, parts)
        opening = ","
    parts.append("{}" if opening == "{" else "}")


def _write_array(value: list[object] | tuple[object, ...], parts: list[str]) -> None:
    opening = "["
    for member in value:
        parts.append(opening)
        _write(member, parts)
        opening = ","
    parts.append("[]" if opening == "[" else "]")
