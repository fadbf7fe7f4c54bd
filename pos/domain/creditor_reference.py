"""The reference by which a payer says what is paid (ISO 11649): ``RF``, two check digits, then the creditor's own."""

from __future__ import annotations

import re

_WRITTEN = re.compile(r"RF([0-9]{2})([A-Z0-9]{1,21})")


def is_creditor_reference(text: str) -> bool:
    """Whether ``text`` is written as one, whatever its check digits."""
    return _WRITTEN.fullmatch(_plain(text)) is not None


def own_part(text: str) -> str | None:
    """The creditor's own part; None where ``text`` is none, or its check digits are wrong (the remainder by 97 is 1)."""
    found = _WRITTEN.fullmatch(_plain(text))
    if found is None:
        return None
    turned = f"{found[2]}RF{found[1]}"
    return found[2] if int("".join(str(int(sign, 36)) for sign in turned)) % 97 == 1 else None


def _plain(text: str) -> str:
    return text.replace(" ", "").upper() if text.isascii() else ""
