"""Banks' own files, line by line, by a profile: CSV or fixed width, with header and trailer where the profile has them."""

from __future__ import annotations

import csv
from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from io import TextIOWrapper
from typing import BinaryIO

from pos.domain.bank_file import BankEntry, EntryKind, FileHead
from pos.domain.errors import Refused
from pos.domain.flat_profile import FlatForm, FlatProfile, Place
from pos.domain.money import Currency, currency, parse_count
from sync.files.faults import bad_file, sums_differ
from sync.files.sums import Sums

LINE_MAX = 4_000
RECORD_MAX = 40_000
BLANK = " \t\x1a"
"""What stands in a line that says nothing: old systems end a file with a sign of its own."""
WHOLE = frozenset({"amount", "date", "count", "total", "paid_total", "back_total"})
"""Fields of a fixed form that say something else where a line ends within them; of others blanks may be cut off."""
_BACK = (EntryKind.RETURNED,)


def read_flat(
    file: BinaryIO, profile: FlatProfile, shop: Currency, sums: Sums, *, digest: str
) -> Iterator[BankEntry]:
    """Every entry of ``file``; ``sums`` is complete, and the file's own held against it, when they end.

    A file without a number of its own goes by its digest. ``file`` is closed behind the last line.
    Raises Refused ``bad_file`` or ``sums_differ``.
    """
    reading = _Reading(profile, shop, sums, digest)
    try:
        with TextIOWrapper(file, encoding=_encoding(file, profile), errors="strict", newline="") as text:
            for line_no, fields in enumerate(_lines(text, profile), start=1):
                yield from reading.line(line_no, fields)
    except UnicodeError:
        raise bad_file(f"it is not written in {profile.encoding}.") from None
    except csv.Error:
        raise bad_file("its columns cannot be told apart.") from None
    reading.end()


def _encoding(file: BinaryIO, profile: FlatProfile) -> str:
    """The profile's; the mark that some systems put before UTF-8 is no part of the first line."""
    if profile.encoding not in ("utf-8", "ascii"):
        return profile.encoding
    beginning = file.read(len(BOM_UTF8))
    file.seek(0)
    return "utf-8-sig" if beginning == BOM_UTF8 else profile.encoding


def _lines(text: TextIOWrapper, profile: FlatProfile) -> Iterator[Sequence[str]]:
    """The fields of each line; of a fixed form the line itself."""
    if profile.form is FlatForm.CSV:
        csv.field_size_limit(LINE_MAX)
        lines = _Lines(text)
        for fields in csv.reader(lines, delimiter=profile.delimiter, strict=True):
            lines.of_record = 0
            yield fields
    else:
        for line in _bounded(text):
            yield [line.rstrip("\r\n")]


def _bounded(text: TextIOWrapper) -> Iterator[str]:
    while line := text.readline(LINE_MAX + 1):
        if len(line) > LINE_MAX:
            raise bad_file(f"a line of it has more than {LINE_MAX} signs.")
        if "\x00" in line:
            raise bad_file("it is no text.")
        yield line


class _Lines:
    """Lines of columns; a quoted column may go on in the next one, but a record is no longer than its bound."""

    def __init__(self, text: TextIOWrapper) -> None:
        self._lines = _bounded(text)
        self.of_record = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.of_record += len(line)
        if self.of_record > RECORD_MAX:
            raise bad_file(f"a record of it has more than {RECORD_MAX} signs.")
        return line


class _Reading:
    """A file as far as it was read."""

    def __init__(self, profile: FlatProfile, shop: Currency, sums: Sums, digest: str) -> None:
        self._profile, self._shop, self._sums = profile, shop, sums
        self._head: dict[str, str] = {}
        self._tail: dict[str, str] | None = None
        self._seen_header = False
        self._number = 0
        self._digest = digest

    def line(self, line_no: int, fields: Sequence[str]) -> Iterator[BankEntry]:
        """One line. Raises Refused ``bad_file``."""
        if not any(field.strip(BLANK) for field in fields):
            return
        if self._tail is not None:
            raise bad_file(f"it goes on behind its trailer (line {line_no}).")
        match self._kind(line_no, fields):
            case "header":
                if self._seen_header or self._number:
                    raise bad_file(f"its header does not come first, or twice (line {line_no}).")
                self._seen_header = True
                self._head = self._read(self._profile.header, fields, line_no)
            case "trailer":
                self._tail = self._read(self._profile.trailer, fields, line_no)
            case "detail":
                if "header" in self._profile.kinds.values() and not self._seen_header:
                    raise bad_file("it has no header.")
                yield self._entry(self._read(self._profile.detail, fields, line_no), line_no)
            case _:
                return

    def _kind(self, line_no: int, fields: Sequence[str]) -> str:
        profile = self._profile
        if profile.kind_at is None:
            return "names" if profile.names_first and line_no == 1 else "detail"
        told = self._field(profile.kind_at, fields, line_no)
        found = profile.kinds.get(told)
        if found is None:
            raise bad_file(f"line {line_no} is of no kind that the profile {profile.name} knows.")
        return found

    def _read(self, places: Mapping[str, Place], fields: Sequence[str], line_no: int) -> dict[str, str]:
        return {
            name: self._field(place, fields, line_no, whole=name in WHOLE) for name, place in places.items()
        }

    def _field(self, place: Place, fields: Sequence[str], line_no: int, *, whole: bool = False) -> str:
        if self._profile.form is FlatForm.CSV:
            if place.first > len(fields):
                raise bad_file(f"line {line_no} has too few columns. Is the file whole?")
            return fields[place.first - 1].strip()
        if whole and len(fields[0]) < place.last:
            raise bad_file(f"line {line_no} is too short. Is the file whole?")
        return fields[0][place.first - 1 : place.last].strip()

    def _entry(self, told: Mapping[str, str], line_no: int) -> BankEntry:
        profile = self._profile
        kind = profile.default_status
        if "status" in profile.detail:
            found = profile.statuses.get(told["status"])
            if found is None:
                raise bad_file(f"line {line_no} has a status that the profile {profile.name} does not know.")
            kind = found
        self._number += 1
        self._sums.entries += 1
        code = told.get("currency") or self._currency
        if code != self._currency:
            raise bad_file(f"line {line_no} is in another currency than {self._currency}.")
        amount = self._amount(told["amount"], code, line_no)
        if kind in _BACK:
            self._sums.back += Decimal(amount)
        elif kind is EntryKind.PAID:
            self._sums.paid += Decimal(amount)
        else:
            self._sums.refused += Decimal(amount)
        reason = told.get("reason", "")
        return BankEntry(
            number=self._number,
            kind=kind,
            reference=told["reference"],
            amount=amount,
            currency=code,
            value_date=self._date(told.get("date") or self._head.get("date", ""), line_no),
            mandate=told.get("mandate", ""),
            account=told.get("account", ""),
            bill=told.get("bill", ""),
            reason=profile.reasons.get(reason, reason),
            reason_text=told.get("text", ""),
            bank_reference=told.get("bank_reference", ""),
            atm=told.get("atm", ""),
        )

    @property
    def _currency(self) -> str:
        return self._head.get("currency") or self._profile.currency or self._shop.code

    def _amount(self, text: str, code: str, line_no: int) -> str:
        """The amount with a point, as the domain reads it."""
        try:
            in_currency = currency(code)
            if self._profile.implied_decimals:
                if not text.isascii() or not text.isdigit() or len(text) > 18:
                    raise bad_file(f"line {line_no} has no amount.")
                padded = text.rjust(in_currency.exponent + 1, "0")
                cut = len(padded) - in_currency.exponent
                whole = padded[:cut].lstrip("0") or "0"
                return f"{whole}.{padded[cut:]}" if in_currency.exponent else whole
            return parse_count(text, in_currency, decimal_marks=self._profile.decimal_mark).plain()
        except Refused as refusal:
            if refusal.code == "bad_file":
                raise
            raise bad_file(f"line {line_no} has no amount ({refusal.message})") from None

    def _date(self, text: str, line_no: int) -> str:
        if not text:
            return ""
        try:
            return datetime.strptime(text, self._profile.date_format).date().isoformat()  # noqa: DTZ007
        except ValueError:
            raise bad_file(
                f"line {line_no} has no date that the profile {self._profile.name} reads."
            ) from None

    def end(self) -> None:
        """What the trailer says is so. Raises Refused ``bad_file`` (cut off) or ``sums_differ``."""
        sums, profile = self._sums, self._profile
        sums.head = FileHead(
            message=profile.name,
            bank_file_id=self._head.get("file_id") or self._digest,
            currency=self._currency,
            creditor=self._head.get("creditor", ""),
        )
        if "trailer" not in profile.kinds.values():
            return
        if self._tail is None:
            raise bad_file("its trailer is missing: it was cut off.")
        count = self._tail.get("count", "")
        if count and (not (count.isascii() and count.isdigit()) or int(count) != sums.entries):
            raise sums_differ("entries", count, sums.entries)
        for name, found in (
            ("total", sums.paid + sums.back + sums.refused),
            ("paid_total", sums.paid),
            ("back_total", sums.back),
        ):
            said = self._tail.get(name, "")
            if said and Decimal(self._amount(said, self._currency, 0)) != found:
                raise sums_differ("the sum", said, found)
