"""The MICR line of a cheque as a reader sends it: control symbols, layouts by country, and the fields in it.

Readers write the symbols of E-13B and CMC-7 in their own ways; here they become one form before a layout is tried. What
could not be read is refused, never guessed. Source: domain.md rules 43 and 44.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from pos.domain.errors import Refused
from pos.domain.pan_guard import refuse_card_number

LINE_MAX = 90
DIGITS_MIN = 6
FIELDS = ("bank", "branch", "account", "serial")
"""What a layout finds. A pattern's groups have these names; numbered ones (branch, branch2) are joined in their order."""

_UNREAD = frozenset("?*!@")
"""How readers mark a character that they could not make out."""


class MicrFont(StrEnum):
    """The two fonts of the trade."""

    E13B = "e13b"
    CMC7 = "cmc7"


# In the one form of E-13B: T transit, A amount, U on-us, D dash. In that of CMC-7: A to E for S1 to S5.
_SYMBOLS: Mapping[MicrFont, tuple[Mapping[str, str], ...]] = {
    MicrFont.E13B: (
        dict(zip("\u2446\u2447\u2448\u2449", "TAUD", strict=True)),
        dict(zip(":;<=", "TAUD", strict=True)),
        dict(zip("TAUD", "TAUD", strict=True)),
        dict(zip("ABCD", "TAUD", strict=True)),
    ),
    MicrFont.CMC7: (
        dict(zip(":;<=>", "ABCDE", strict=True)),
        dict(zip("ABCDE", "ABCDE", strict=True)),
    ),
}
_NO_LETTERS = frozenset("\u2446\u2447\u2448\u2449:;<=>")


@dataclass(frozen=True, slots=True, kw_only=True)
class MicrLayout:
    """How one country writes its line. ``pattern`` is held against the one form, blanks in it single.

    ``bank_check``: the bank's number has the check digit of this rule (``aba``), or none (empty).
    """

    name: str
    font: MicrFont
    pattern: str
    bank_check: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MicrLine:
    """A line that was read: as the reader sent it, by which layout, and the fields; what it lacks is left out."""

    raw: str
    layout: str
    fields: Mapping[str, str] = field(hash=False)


def read_micr(text: str, layouts: Sequence[MicrLayout]) -> MicrLine:
    """The fields of a line by the first layout that fits.

    Raises Refused ``micr_unreadable`` (the reader missed a character), ``micr_unknown`` (no layout fits) or
    ``card_number_refused``.
    """
    raw = text.strip()
    if not 0 < len(raw) <= LINE_MAX or not all(" " <= sign <= "~" or sign in _NO_LETTERS for sign in raw):
        raise _unknown()
    _refuse_card(raw)
    if _UNREAD & set(raw):
        raise _unreadable("The reader could not make out a character.")
    for layout in layouts:
        for line in _forms(raw, layout.font):
            match = re.fullmatch(layout.pattern, line)
            if match is not None:
                return _read(raw, layout, match)
    raise _unknown()


def looks_like_micr(text: str) -> bool:
    """Whether a scan may be a line: digits, blanks and at least two control symbols of one kind of reader."""
    plain = "".join(sign for sign in text.strip() if sign not in _UNREAD)
    if len(text) > LINE_MAX or sum(sign.isdigit() for sign in plain) < DIGITS_MIN:
        return False
    return any(
        sum(not (sign.isdigit() or sign == " ") for sign in line) >= 2
        for font in MicrFont
        for line in _forms(plain, font)
    )


def is_surely_micr(text: str) -> bool:
    """Whether it has control symbols that stand in no other code; letters may be part of another."""
    return looks_like_micr(text) and bool(_NO_LETTERS & set(text))


def _forms(raw: str, font: MicrFont) -> Iterator[str]:
    """The line in the one form of ``font``, by each way of writing symbols that it could be in."""
    text = re.sub(r" +", " ", raw.strip()).upper()
    signs = {sign for sign in text if sign not in "0123456789 "}
    for symbols in _SYMBOLS[font]:
        if signs and signs <= symbols.keys():
            yield "".join(symbols.get(sign, sign) for sign in text)


def _refuse_card(raw: str) -> None:
    """Each run of digits is judged whole, between symbols; a track of a card looks like a line and is none."""
    plain = "".join(sign for sign in raw if sign not in _UNREAD)
    for form in (*_forms(plain, MicrFont.E13B), *_forms(plain, MicrFont.CMC7)):
        refuse_card_number(form, field="MICR line")
    if not any(True for font in MicrFont for _ in _forms(plain, font)):
        refuse_card_number(raw, field="MICR line")


def _read(raw: str, layout: MicrLayout, match: re.Match[str]) -> MicrLine:
    parts = dict.fromkeys(FIELDS, "")
    for name, value in sorted(match.groupdict().items()):
        parts[name.rstrip("0123456789")] += value or ""
    fields = {name: _plain(value) for name, value in parts.items() if _plain(value)}
    if layout.bank_check == "aba" and not _aba_holds(fields["bank"]):
        raise _unreadable("A digit of the bank's number was misread.")
    return MicrLine(raw=raw, layout=layout.name, fields=fields)


def _plain(value: str) -> str:
    """A field as a person would write it: the dash symbol is a dash, blanks are none."""
    return value.replace("D", "-").replace(" ", "").strip("-")


def _aba_holds(routing: str) -> bool:
    """The check of a United States routing number: weights 3, 7, 1 over its nine digits."""
    weighted = sum(int(digit) * (3, 7, 1)[place % 3] for place, digit in enumerate(routing))
    return len(routing) == 9 and weighted % 10 == 0


def pattern_problem(pattern: str) -> str:
    """What is wrong with a layout's pattern; empty: nothing."""
    try:
        names = re.compile(pattern).groupindex
    except re.error:
        return "a regular expression"
    found = {name.rstrip("0123456789") for name in names}
    if not {"bank", "serial"} <= found <= set(FIELDS):
        return f"groups bank and serial, and beside them only {', '.join(FIELDS)}"
    return ""


def _unreadable(why: str) -> Refused:
    return Refused(
        "micr_unreadable",
        f"{why} Read the cheque again, or type its number, bank, branch and account.",
        field="micr",
    )


def _unknown() -> Refused:
    return Refused(
        "micr_unknown",
        "This line fits no cheque that is known here. Type its number, bank, branch and account.",
        field="micr",
    )
