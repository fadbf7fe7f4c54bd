"""What a server says in words, made fit to be kept and shown: harmless to a terminal, and without any card number."""

from __future__ import annotations

import unicodedata

from pos.domain.pan_guard import holds_card_number
from pos.domain.text_guard import clean_foreign

LOOKED_AT_MAX = 2_000
MASK = "*"
_BAD = "\ufffd"


def clean_told(text: str, *, limit: int) -> str:
    """``text`` cleaned, with every digit masked where it holds a card number, then cut at ``limit``. Never raises.

    It is cut last, so that no part of a card number is left over; a bad character between its digits does not hide one.
    """
    cleaned = clean_foreign(text, limit=LOOKED_AT_MAX)
    if holds_card_number(cleaned) or holds_card_number(cleaned.replace(_BAD, "")):
        cleaned = "".join(
            MASK if unicodedata.category(character) == "Nd" else character for character in cleaned
        )
    return cleaned[:limit].strip(" ")
