"""The papers of the cash office as values: lines of figures under headings, and who signs beneath.

One form for all of them (pickup, count sheet, Z report, hand-over, safe count, end of day), so that each prints as text,
PDF and on the receipt printer, is kept once for ever, and comes out the same when it is printed again. Codes stand here;
the words of a language are in ``receipts``.
"""

from __future__ import annotations

from dataclasses import dataclass

from pos.domain.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetLine:
    """One figure. ``code`` says which; ``said`` is text of the facts, such as a way to pay or a denomination.

    ``count`` and ``amount`` are None where the line has none; a line of words alone has neither. ``strong``: a sum.
    """

    code: str
    said: str = ""
    count: int | None = None
    amount: Money | None = None
    strong: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetPart:
    """Lines under one heading; an empty ``code`` has none."""

    code: str
    lines: tuple[SheetLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetFacts:
    """A whole paper. ``signatures`` are the codes of who signs; ``states_total``: the paper ends in its one sum, large."""

    parts: tuple[SheetPart, ...]
    signatures: tuple[str, ...] = ()
    states_total: bool = False
