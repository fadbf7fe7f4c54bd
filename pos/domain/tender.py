"""Reading a tender's own fields: which a mode has, which it needs, and how each is cleaned."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

from pos.domain.errors import Refused
from pos.domain.money import Money
from pos.domain.payment_mode import DetailField, FieldKind, PaymentMode
from pos.domain.text_guard import clean_entry, clean_reference


def read_details(mode: PaymentMode, raw: Mapping[str, str]) -> dict[str, str]:
    """The mode's fields out of ``raw``, cleaned, in the mode's order; empty ones are left out.

    Raises Refused ``unknown_field``, ``field_missing``, ``bad_field``, ``bad_date`` or what the cleaning functions raise.
    """
    known = {field.name for field in mode.fields}
    for name in raw:
        if name not in known:
            raise Refused(
                "unknown_field",
                f"{mode.label} has no such field.",
                mode=mode.code,
                allowed=sorted(known),
            )
    cleaned = {field.name: _read(field, raw.get(field.name, "")) for field in mode.fields}
    for field in mode.fields:
        if field.required and not cleaned[field.name]:
            raise Refused("field_missing", f"{field.label} is missing.", mode=mode.code, field=field.name)
        if field.name in mode.identity and cleaned[field.name] and not plain_reference(cleaned[field.name]):
            raise Refused(
                "bad_field",
                f"{field.label}: letters or digits are missing.",
                mode=mode.code,
                field=field.name,
            )
        if field.pattern and cleaned[field.name] and not re.fullmatch(field.pattern, cleaned[field.name]):
            raise Refused("bad_field", f"{field.label}: {field.hint}.", mode=mode.code, field=field.name)
    return {name: value for name, value in cleaned.items() if value}


def instrument_of(mode: PaymentMode, details: Mapping[str, str], amount: Money) -> str | None:
    """The one paper or slip behind a tender, as it is compared; None for a mode that has none (cash).

    Letters in one case, without blanks and signs, and without zeros in front of each number within, so that the same slip
    keyed twice is met: kind, then the fields of the mode's ``identity``; a date is as it is. Modes of one kind share their
    papers. Source: domain.md rules 47 and 49.
    """
    if not mode.identity:
        return None
    dates = {field.name for field in mode.fields if field.kind is FieldKind.DATE}
    parts = [
        amount.plain()
        if name == "amount"
        else details.get(name, "")
        if name in dates
        else plain_reference(details.get(name, ""))
        for name in mode.identity
    ]
    return "|".join([str(mode.kind), *parts])


def plain_reference(text: str) -> str:
    """A reference as it is compared: letters in one case, no blanks and signs, no zeros in front of a number within."""
    compact = text.upper().replace(" ", "")
    runs = re.findall(r"[0-9]+|[A-Z]+", compact.lstrip("0"))
    return "".join(run.lstrip("0") or "0" for run in runs) or ("0" if "0" in compact else "")


def _read(field: DetailField, text: str) -> str:
    if not text.strip(" "):
        return ""
    match field.kind:
        case FieldKind.NAME:
            return clean_entry(text, field=field.label, limit=field.limit)
        case FieldKind.DATE:
            return read_date(text, field=field.label).isoformat()
        case FieldKind.REFERENCE | FieldKind.AMOUNT:
            return clean_reference(text, field=field.label, limit=field.limit)


def read_date(text: str, *, field: str) -> date:
    """A date written year-month-day. Raises Refused ``bad_date``."""
    cleaned = clean_reference(text, field=field, limit=10)
    try:
        # The library's own reading takes weeks (2026-W47-6) as well.
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", cleaned) is None:
            raise ValueError
        return date.fromisoformat(cleaned)
    except ValueError:
        raise Refused("bad_date", f"{field}: write the date as 2026-11-21.", field=field) from None
