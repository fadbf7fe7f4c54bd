"""No card number is ever accepted, kept or shown. There is no allow-list and no override.

A run of digits is judged whole, by the schemes' own ranges with their lengths: an IMEI (15 digits) and an ICCID (19 or 20
digits, 89...) are Luhn numbers too, and a telecom counter scans them all day. Source: domain.md rule 44.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from pos.domain.errors import Refused

_SCHEMES: tuple[tuple[str, tuple[int, ...]], ...] = (
    (r"4", (13, 16, 19)),  # Visa
    (r"5[1-5]", (16,)),  # Mastercard
    (r"2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)", (16,)),  # Mastercard, 2221 to 2720
    (r"3[47]", (15,)),  # American Express: no IMEI begins with 34 or 37
    (r"3(?:0[0-5]|095|[689])", (14, 16, 19)),  # Diners Club
    (r"6(?:011|4[4-9]|5)", (16, 19)),  # Discover
    (r"35(?:2[89]|[3-8])", (16, 19)),  # JCB; its 15 digits would be IMEIs
    (r"62", (16, 17, 18, 19)),  # UnionPay
    (r"(?:50|5[6-9]|6[0-9])", (16, 17, 18, 19)),  # Maestro
    (r"(?:508|60|65|81|82)", (16,)),  # RuPay
    (r"220[0-4]", (16, 17, 18, 19)),  # Mir
    (r"9792", (16,)),  # Troy
)
_TRACK = re.compile(r"[%;]?[Bb]?[0-9]{12,19}(?:\^|=)[^\s]*")
_CARD_SHAPES = ((4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (4, 4, 4, 4, 3))
"""How the digits stand in groups on the cards themselves."""
_BESIDE_CARD_MAX = 10
"""Digits that follow a card's number on it: the expiry and the verification number."""
_RUN = re.compile(r"[0-9](?:[ .\-/\u00a0\u2009\u202f_]{0,2}[0-9])*")


def _ascii_digits(text: str) -> str:
    """``text`` with the digits of every script written as 0 to 9, so that none hides a card number."""
    return "".join(
        str(unicodedata.decimal(character)) if unicodedata.category(character) == "Nd" else character
        for character in text
    )


def luhn_holds(digits: str) -> bool:
    """Whether the last of these ASCII digits is the check digit of the others."""
    doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def _is_item_code(digits: str) -> bool:
    """A 13-digit EAN with a right check digit is an item code."""
    if len(digits) != 13:
        return False
    weighted = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return weighted % 10 == 0


def is_card_number(digits: str) -> bool:
    """Whether this whole run of ASCII digits is a payment card's number."""
    if not 13 <= len(digits) <= 19 or not luhn_holds(digits) or _is_item_code(digits):
        return False
    return any(len(digits) in lengths and re.match(prefix, digits) for prefix, lengths in _SCHEMES)


def holds_card_number(text: str) -> bool:
    """Whether ``text`` holds a card number (with any separators, in any script's digits) or a track."""
    plain = _ascii_digits(text)
    if _TRACK.search(plain):
        return True
    for run in _RUN.finditer(plain):
        written = run[0]
        joined = re.sub(r"[^0-9]", "", written)
        groups = re.findall(r"[0-9]+", written)
        if is_card_number(joined) or any(is_card_number(group) for group in groups):
            return True
        if _begins_as_on_a_card(groups):
            return True
    return False


def _begins_as_on_a_card(groups: Sequence[str]) -> bool:
    """A card copied with its expiry: ``4111 1111 1111 1111 12/28`` is one run, and longer than any card number."""
    for shape in _CARD_SHAPES:
        head, beside = groups[: len(shape)], "".join(groups[len(shape) :])
        if (
            tuple(map(len, head)) == shape
            and len(beside) <= _BESIDE_CARD_MAX
            and is_card_number("".join(head))
        ):
            return True
    return False


def refuse_card_number(text: str, *, field: str) -> None:
    """Raises Refused ``card_number_refused``; the message holds no digit of it."""
    if holds_card_number(text):
        raise Refused(
            "card_number_refused",
            f"{field} looks like a card number. Card numbers are never kept. Type the last 12 digits of a reference.",
            field=field,
        )


def wipe_card_number(text: str) -> str:
    """``text`` itself, or, where it holds a card number or a track, stars and the last four digits of that number."""
    if not holds_card_number(text):
        return text
    plain = _ascii_digits(text)
    track = re.search(r"[0-9]{12,19}(?=[\^=])", plain)
    number = track[0] if track is not None else next(_card_numbers(plain), "")
    return f"{'*' * 12}{number[-4:]}"


def _card_numbers(plain: str) -> Iterator[str]:
    """The numbers for which ``holds_card_number`` is true: a whole run, one group of it, or what stands at its head."""
    for run in _RUN.finditer(plain):
        groups = re.findall(r"[0-9]+", run[0])
        heads = ("".join(groups[: len(shape)]) for shape in _CARD_SHAPES)
        for digits in ("".join(groups), *groups, *heads):
            if is_card_number(digits):
                yield digits
