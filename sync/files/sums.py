"""What a bank's file turned out to have, held against what it says of itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from pos.domain.bank_file import FileHead


@dataclass(slots=True)
class Sums:
    """Counts and amounts of a whole file; amounts as decimals of its one currency.

    ``charges`` is what the bank kept of what it paid in, or took beside what it took back.
    """

    head: FileHead | None = None
    entries: int = 0
    paid: Decimal = Decimal(0)
    back: Decimal = Decimal(0)
    refused: Decimal = Decimal(0)
    charges: Decimal = Decimal(0)
    left_out: int = 0
    """Entries that are about no payment to us."""
    charged: bytearray = field(default_factory=bytearray)
    """Of each booked entry with charges, in their order: 1 where the amounts of its details have the charges in them."""
