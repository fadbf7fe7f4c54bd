"""A batch as a till tells it to central: the JSON of the feed, read back and held against its own control totals."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from pos.domain.errors import DomainError
from pos.domain.ledger_feed import AccountKind, BatchLine, Deliverer, LedgerBatch, batch_number, digest_of
from pos.domain.money import Money, currency
from sync.ledger.files import batch_json
from sync.wire_json import BadField, dumps

LINES_MAX = 10_000
PART_LINES_MAX, PART_BYTES_MAX = 500, 150_000
"""Of one request: central takes no longer bodies, and none of more members."""
TEXT_MAX = 60
WHOLE_MAX = 2**53
_AMOUNT = re.compile(r"(?=[0-9.]{1,19}\Z)[0-9]+(?:\.[0-9]+)?")


def read_batch(body: Mapping[str, Any]) -> LedgerBatch:
    """The batch that ``body`` tells. Raises BadField where it does not balance, or is not what its totals and digest say."""
    series = _text(body, "series", within="")
    lines = body.get("lines")
    if not isinstance(lines, list) or not 1 < len(lines) <= LINES_MAX:
        raise BadField("lines", f"must be a list of 2 to {LINES_MAX} lines")
    batch = LedgerBatch(
        number=_text(body, "batch", within=""),
        sequence=_whole(body, "sequence"),
        shop=_text(body, "shop", within=""),
        terminal=_text(body, "terminal", within=""),
        business_date=_day(body, "businessDate"),
        part=_whole(body, "part"),
        accounting_date=_day(body, "accountingDate"),
        entries=_whole(body, "entries"),
        delivered_by=_member(Deliverer, body, "deliveredBy"),
        terms=_terms(body),
        lines=tuple(_line(line, place) for place, line in enumerate(lines, start=1)),
    )
    named = batch_number(batch.shop, batch.terminal, series, batch.business_date, batch.part)
    if batch.number != named:
        raise BadField("batch", "is not the number of this shop, terminal, series, date and part")
    if any(total.debit != total.credit for total in batch.totals):
        raise BadField("lines", "do not balance")
    for name in ("totals", "lineCount"):
        if body.get(name) != batch_json(batch)[name]:
            raise BadField(name, "is not that of the lines")
    if body.get("sha256") != digest_of(batch):
        raise BadField("sha256", "is not the digest of the batch")
    return batch


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPart:
    """Some lines of a batch that is told in parts, which say of the batch the same. ``lines``: how many the batch has."""

    number: str
    terminal: str
    digest: str
    lines: int
    first_line: int
    last_line: int
    body: Mapping[str, Any]


def is_part(body: Mapping[str, Any]) -> bool:
    """Whether ``body`` tells a part of a batch."""
    return "linesFrom" in body


def read_part(body: Mapping[str, Any]) -> BatchPart:
    """The part that ``body`` tells; of the batch only the last one shows what it is. Raises BadField."""
    lines, whole, first = body.get("lines"), _whole(body, "lineCount"), _whole(body, "linesFrom")
    if not isinstance(lines, list) or not 0 < len(lines) <= PART_LINES_MAX:
        raise BadField("lines", f"must be a list of 1 to {PART_LINES_MAX} lines")
    last = first + len(lines) - 1
    if whole > LINES_MAX or last > whole:
        raise BadField("lineCount", f"must be that of the batch, {LINES_MAX} at most")
    for place, line in enumerate(lines):
        _line(line, first + place, within=f"lines[{place}].")
    return BatchPart(
        number=_text(body, "batch", within=""),
        terminal=_text(body, "terminal", within=""),
        digest=_text(body, "sha256", within=""),
        lines=whole,
        first_line=first,
        last_line=last,
        body=body,
    )


def told_in_parts(told: Mapping[str, Any], *, heard: int = 0) -> Iterator[dict[str, object]]:
    """What ``told_batch`` gave, from behind the ``heard``-th line, in bodies that central takes; a short one whole."""
    lines: list[object] = told["lines"]
    if len(lines) <= PART_LINES_MAX and len(dumps(dict(told))) <= PART_BYTES_MAX:
        yield dict(told)
        return
    head = len(dumps({**told, "lines": []}))
    while heard < len(lines):
        size, upto = head, heard
        while upto < min(len(lines), heard + PART_LINES_MAX):
            size += len(dumps(lines[upto])) + 1
            if size > PART_BYTES_MAX and upto > heard:
                break
            upto += 1
        yield {**told, "lines": lines[heard:upto], "linesFrom": heard + 1}
        heard = upto


def told_batch(batch: LedgerBatch) -> dict[str, object]:
    """What central is told of ``batch``. The series stands in its number, before date and part."""
    return {**batch_json(batch), "series": batch.number.rsplit("-", 3)[1]}


def _line(told: object, place: int, *, within: str = "") -> BatchLine:
    within = within or f"lines[{place - 1}]."
    if not isinstance(told, Mapping):
        raise BadField(within.rstrip("."), "must be an object")
    if told.get("line") != place:
        raise BadField(f"{within}line", f"must be {place}")
    debit, credit = (_amount(told, name, within=within) for name in ("debit", "credit"))
    if (debit.minor == 0) == (credit.minor == 0):
        raise BadField(within.rstrip("."), "has one side that is above zero")
    return BatchLine(
        number=place,
        event=_text(told, "event", within=within),
        category=_text(told, "category", within=within),
        ledger_account=_text(told, "ledgerAccount", within=within),
        code=_text(told, "account", within=within),
        name=_text(told, "accountName", within=within),
        kind=_member(AccountKind, told, "kind", within=within),
        debit=debit,
        credit=credit,
        postings=_whole(told, "postings", within=within),
        original_date=None if told.get("originalDate") is None else _day(told, "originalDate", within=within),
    )


def _amount(told: Mapping[str, Any], name: str, *, within: str) -> Money:
    """Greater than what a person may type as one amount: it may sum the million records of a bank's file."""
    text = _text(told, name, within=within)
    try:
        known = currency(_text(told, "currency", within=within))
    except DomainError as refusal:
        raise BadField(f"{within}currency", refusal.message) from None
    if not _AMOUNT.fullmatch(text) or (amount := Money(int(text.replace(".", "")), known)).plain() != text:
        raise BadField(f"{within}{name}", "must be an amount with exactly the currency's digits")
    return amount


def _terms(body: Mapping[str, Any]) -> dict[str, str]:
    told = body.get("terms")
    if not isinstance(told, Mapping) or not all(isinstance(value, str) for value in told.values()):
        raise BadField("terms", "must be an object of texts")
    if len(told) > 20 or any(len(value) > TEXT_MAX for value in told.values()):
        raise BadField("terms", "is too long")
    return dict(told)


def _text(told: Mapping[str, Any], name: str, *, within: str) -> str:
    value = told.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= 2 * TEXT_MAX:
        raise BadField(within + name, f"must be a text of up to {2 * TEXT_MAX} characters")
    return value


def _whole(told: Mapping[str, Any], name: str, *, within: str = "") -> int:
    value = told.get(name)
    if type(value) is not int or not 0 < value <= WHOLE_MAX:
        raise BadField(within + name, "must be a whole number above zero")
    return value


def _day(told: Mapping[str, Any], name: str, *, within: str = "") -> date:
    try:
        return date.fromisoformat(_text(told, name, within=within))
    except ValueError:
        raise BadField(within + name, "must be a day, as 2026-11-21") from None


def _member(kind: Any, told: Mapping[str, Any], name: str, *, within: str = "") -> Any:
    try:
        return kind(told.get(name))
    except ValueError:
        raise BadField(within + name, f"must be one of {', '.join(kind)}") from None
