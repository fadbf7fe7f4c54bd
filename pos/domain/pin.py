"""What a PIN may be: long enough, and not what a thief would try first. Source: reliability.md section 5.2."""

from __future__ import annotations

import re
from itertools import pairwise

from pos.domain.common_pins import COMMON_PINS

MAX_DIGITS = 20


def pin_problem(pin: str, *, user: str, min_digits: int, shop: str = "") -> str | None:
    """Why ``pin`` may not be the PIN of ``user`` in ``shop``, or None. The text never repeats it."""
    if re.fullmatch(rf"[0-9]{{{min_digits},{MAX_DIGITS}}}", pin) is None:
        return f"A PIN has {min_digits} to {MAX_DIGITS} digits."
    if _repeats(pin) or _runs(pin):
        return "Repeats and runs are too easy."
    if len(user) >= 3 and user in pin:
        return "A PIN does not hold the user's own number."
    shops_digits = "".join(character for character in shop if character.isdigit())
    if len(shops_digits) >= 3 and shops_digits in pin:
        return "A PIN does not hold the shop's number."
    if pin in COMMON_PINS:
        return "Many people have this PIN."
    if _reads_as_a_date(pin):
        return "A date is too easy."
    return None


def _repeats(pin: str) -> bool:
    """One group over and over, or two digits only."""
    groups = range(1, len(pin) // 2 + 1)
    return len(set(pin)) < 3 or any(pin == pin[:width] * (len(pin) // width) for width in groups)


def _runs(pin: str) -> bool:
    """Each digit one more, or one less, than the one before."""
    return any(all((int(right) - int(left)) % 10 == step for left, right in pairwise(pin)) for step in (1, 9))


def _reads_as_a_date(pin: str) -> bool:
    """Day, month and a year of two or four digits, in the orders people write them."""
    if len(pin) == 6:
        first, second, third = int(pin[:2]), int(pin[2:4]), int(pin[4:])
        pairs = [(first, second), (second, first), (third, second)]
    elif len(pin) == 8:
        first, second = int(pin[:2]), int(pin[2:4])
        pairs = [(int(pin[6:]), int(pin[4:6]))] if 1900 <= int(pin[:4]) < 2100 else []
        pairs += [(first, second), (second, first)] if 1900 <= int(pin[4:]) < 2100 else []
    else:
        return False
    return any(1 <= day <= 31 and 1 <= month <= 12 for day, month in pairs)
