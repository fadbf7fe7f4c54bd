"""Check digits of account numbers: a mistyped number is told from one that nobody has. Source: domain.md rule 28."""

from __future__ import annotations

from enum import StrEnum

from pos.domain.pan_guard import luhn_holds

DIGITS_MIN = 5
"""Shorter runs of digits are endings of phone numbers and the like, not account numbers."""
LENGTH_MAX = 80
"""No account's number is longer, written with dots and dashes."""


class CheckDigit(StrEnum):
    """How an operator's account numbers are checked. MOD97 is ISO 7064 MOD 97-10: the whole number leaves 1."""

    NONE = "none"
    LUHN = "luhn"
    MOD97 = "mod97"


def is_mistyped(number: str, check: CheckDigit) -> bool:
    """Whether ``number`` can't be an account's: it is written as one, and its check digit is wrong.

    Dots and dashes don't count; Luhn takes the digits alone, MOD97 the letters too (A = 10).
    """
    if len(number) > LENGTH_MAX:
        return False
    plain = "".join(character for character in number.upper() if character not in ".-_ ")
    digits = "".join(character for character in plain if character in "0123456789")
    if check is CheckDigit.NONE or not plain.isascii() or not plain.isalnum() or len(digits) < DIGITS_MIN:
        return False
    if check is CheckDigit.LUHN:
        return not luhn_holds(digits)
    return int("".join(str(int(character, 36)) for character in plain)) % 97 != 1
