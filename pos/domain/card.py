"""A card asked for at a terminal: what is asked, what it may answer, and what a slip of it holds. Never a card number.

An answer that did not come is unknown, never declined; and declined may turn out approved later. Source: domain.md rules
44 and 45; reliability.md section 2 (7).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pos.domain.money import Money
from pos.domain.pan_guard import wipe_card_number
from pos.domain.text_guard import clean_foreign

CODE_MAX = 12
BRAND_MAX = 20
REASON_MAX = 200


class CardState(StrEnum):
    """Where an attempt at a terminal stands."""

    ASKED = "asked"
    APPROVED = "approved"
    DECLINED = "declined"
    UNKNOWN = "unknown"
    USED = "used"
    REVERSING = "reversing"
    REVERSED = "reversed"


@dataclass(frozen=True, slots=True, kw_only=True)
class CardAsked:
    """An amount asked for at the terminal under our own ``attempt_id``; ``asked_at`` is aware."""

    attempt_id: str
    amount: Money
    asked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalReference:
    """What the terminal calls its transaction: needed to reverse it. ``at`` is its own time, as it wrote it."""

    transaction: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CardSlip:
    """What a slip holds. None: the terminal did not say. ``expires`` is a month, such as 09/27."""

    card_terminal: str
    auth_code: str | None = None
    rrn: str | None = None
    last4: str | None = None
    brand: str | None = None
    expires: str | None = None

    def details(self) -> dict[str, str]:
        """The slip as the fields of a card tender, without those that are not known."""
        told = {
            "auth_code": self.auth_code,
            "last4": self.last4,
            "brand": self.brand,
            "rrn": self.rrn,
            "card_terminal": self.card_terminal,
            "expires": self.expires,
        }
        return {name: value for name, value in told.items() if value}


@dataclass(frozen=True, slots=True, kw_only=True)
class CardApproved:
    """The card is charged with ``amount``. ``wiped``: the answer held a card number, which was wiped."""

    slip: CardSlip
    amount: Money
    reference: TerminalReference | None
    wiped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CardDeclined:
    """The terminal itself says that nothing was charged. ``code`` is its word for why."""

    code: str
    reason: str
    wiped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CardUnknown:
    """It was asked, and nobody knows whether the card was charged."""

    reason: str
    wiped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CardNotReached:
    """There was no connection: nothing was sent."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CardReversed:
    """The terminal has undone it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReversalRefused:
    """The terminal does not undo it, or not now."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TotalsLine:
    """What a terminal counted of one kind (``debit``, ``reverse_debit`` ...) and brand (empty: of all together)."""

    kind: str
    brand: str
    count: int
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalTotals:
    """A terminal's own totals of the period that it closed by telling them."""

    reconciliation: str
    lines: tuple[TotalsLine, ...]


CardOutcome = CardApproved | CardDeclined | CardUnknown | CardNotReached
ReversalOutcome = CardReversed | ReversalRefused | CardUnknown | CardNotReached
TotalsOutcome = TerminalTotals | CardDeclined | CardUnknown | CardNotReached


def slip_told(told: Mapping[str, str], *, card_terminal: str, attempt_id: str) -> CardSlip:
    """A slip out of what a terminal told, by our field names; what does not look like its field is left out.

    ``rrn`` is its end where it is longer than ours may be; a terminal that gives none has our own id's end there, by which
    its journal finds it.
    """
    auth_code = _alphanumeric(told.get("auth_code", ""))[:CODE_MAX]
    rrn = _alphanumeric(told.get("rrn", "")) or _alphanumeric(attempt_id)
    digits = re.findall(r"[0-9]", wipe_card_number(told.get("last4", ""))[-4:])
    return CardSlip(
        card_terminal=card_terminal,
        auth_code=auth_code if len(auth_code) >= 2 else None,
        rrn=rrn[-CODE_MAX:],
        last4="".join(digits) if len(digits) == 4 else None,
        brand=_brand(told.get("brand", "")) or None,
        expires=_expires(told.get("expires", "")),
    )


def told_reason(text: str) -> str:
    """Words of a terminal, harmless and without a card number."""
    return clean_foreign(wipe_card_number(text), limit=REASON_MAX)


def _alphanumeric(text: str) -> str:
    return "".join(re.findall(r"[A-Za-z0-9]", wipe_card_number(text)))


def _brand(text: str) -> str:
    plain = "".join(re.findall(r"[\x20-\x7e]", wipe_card_number(text)))
    return " ".join(plain.upper().split())[:BRAND_MAX].strip()


def _expires(text: str) -> str | None:
    """A month out of MMYY or YYMM: terminals write either, and no year of a valid card is a month's number."""
    match = re.fullmatch(r"([0-9]{2})/?([0-9]{2})", text.strip())
    if match is None:
        return None
    first, second = match[1], match[2]
    readings = [(month, year) for month, year in ((first, second), (second, first)) if _is_month(month)]
    return "/".join(readings[0]) if len(readings) == 1 else None


def _is_month(text: str) -> bool:
    return 1 <= int(text) <= 12
