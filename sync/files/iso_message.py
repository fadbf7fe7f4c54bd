"""A message of ISO 20022 as far as it was read, and how its parts are told: amounts, days, references."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal

from pos.domain.bank_file import NOT_PROVIDED
from sync.files.bank_xml import Node
from sync.files.faults import bad_file
from sync.files.sums import Sums

COUNT_DIGITS = 15
_AMOUNT = re.compile(r"[0-9]{1,18}(\.[0-9]{1,5})?")
_CURRENCY = re.compile(r"[A-Z]{3}")
_BALANCE = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,5})?")


@dataclass(slots=True)
class Booked:
    """What stood in one account report so far: how many entries and their sum, by side; ``booked``: less what is pending."""

    counts: dict[str, int] = field(default_factory=dict)
    sums: dict[str, Decimal] = field(default_factory=dict)
    booked: Decimal = Decimal(0)


@dataclass(slots=True)
class Entry:
    """The entry under way: its details so far, credits positive.

    ``unsaid`` is what the charges among its details would change of them, were they part of the amounts: of what is paid in
    and of what is taken back.
    """

    details: int = 0
    told: Decimal = Decimal(0)
    charges: Decimal = Decimal(0)
    unsaid_paid: Decimal = Decimal(0)
    unsaid_back: Decimal = Decimal(0)


@dataclass(slots=True)
class Message:
    """A message: ``known`` are the sums of an earlier reading of the same bytes, None in the first."""

    name: str
    sums: Sums
    known: Sums | None = None
    currencies: set[str] = field(default_factory=set)
    by_status: dict[tuple[str, str], int] = field(default_factory=dict)
    """How many transactions have a status: by the part of a message of ours that names them, and the status."""
    parts: set[str] = field(default_factory=set)
    """Those parts of a message of ours whose transactions a status report names."""
    reports: dict[int, Booked] = field(default_factory=dict)
    """What was booked in each account report, by the identity of its element, which lives as long as the reading."""
    entry: Entry = field(default_factory=Entry)
    settled: Decimal = Decimal(0)
    """What banks settled for all that went back, with what they charged each other."""
    charged: int = 0
    """How many entries had charges so far."""
    number: int = 0


def told_amount(node: Node | None, message: Message, *, needed: bool = False) -> tuple[str, str]:
    """The amount and its currency, which the message counts; empty where there is none. Raises Refused ``bad_file``."""
    if node is None:
        if needed:
            raise bad_file("an entry of it has no amount.")
        return "", ""
    text, code = node.text.strip(), node.attributes.get("Ccy", "")
    if _AMOUNT.fullmatch(text) is None or _CURRENCY.fullmatch(code) is None:
        raise bad_file("an amount of it is none.")
    message.currencies.add(code)
    return text, code


def amount_in(node: Node | None, code: str) -> Decimal | None:
    """An amount beside the one that counts: None where it is not told, or in another currency."""
    if node is None or node.attributes.get("Ccy", "") != code:
        return None
    return decimal_of(node.text.strip())


def decimal_of(text: str) -> Decimal:
    """Raises Refused ``bad_file`` for what is no amount."""
    if _AMOUNT.fullmatch(text) is None:
        raise bad_file("an amount of it is none.")
    return Decimal(text)


def net_of(text: str) -> Decimal:
    """A net amount, which some banks write with a sign."""
    if _BALANCE.fullmatch(text) is None:
        raise bad_file("an amount of it is none.")
    return Decimal(text)


def is_count(said: str, found: int) -> bool:
    """Whether a count that a bank tells is ``found``; it may have zeros in front."""
    return said.isascii() and said.isdigit() and len(said) <= COUNT_DIGITS and int(said) == found


def count_of(said: str) -> int:
    """Raises Refused ``bad_file`` for what is no count."""
    if not (said.isascii() and said.isdigit() and len(said) <= COUNT_DIGITS):
        raise bad_file("a count of it is none.")
    return int(said)


def day_of(text: str) -> str:
    """A day, of a moment too; the bank's own, whatever its offset."""
    return text[:10]


def named(reference: str) -> str:
    """A reference, empty where the bank knows none."""
    return "" if reference == NOT_PROVIDED else reference
