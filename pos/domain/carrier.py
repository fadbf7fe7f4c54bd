"""Who fetched a deposit for the bank: the carrier's company, its person, and the seal on what was handed over.

Source: domain.md 3.9.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """``person`` is a name or the number of a badge; ``seal`` is empty where only the bags are sealed.

    ``receipt`` is the number of the one that the carrier signed, empty before it is printed.
    """

    company: str
    person: str
    seal: str = ""
    receipt: str = ""


def carrier_series(receipt_series: str) -> str:
    """The series of the receipts that a carrier signs."""
    return f"{receipt_series}-CR"
