"""What a server says in words, made fit to be kept and shown: harmless to a terminal, and without any card number."""

from __future__ import annotations

from pos.domain.pan_guard import holds_card_number, mask_card_number, mask_digits
from pos.domain.text_guard import clean_foreign

LOOKED_AT_MAX = 2_000
_BAD = "\ufffd"


def clean_told(text: str, *, limit: int) -> str:
    """``text`` cleaned, with every digit masked where it holds a card number, then cut at ``limit``. Never raises.

    It is cut last, so that no part of a card number is left over; bad characters between its digits do not hide one.
    """
    cleaned = clean_foreign(text, limit=LOOKED_AT_MAX)
    hidden = _BAD in cleaned and holds_card_number(cleaned.replace(_BAD, ""))
    told = mask_digits(cleaned) if hidden else mask_card_number(cleaned)
    return told[:limit].strip(" ")
