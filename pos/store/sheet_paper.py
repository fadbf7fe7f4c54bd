"""What a paper of the cash office keeps: its lines by place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pos.domain.money import Money, currency
from pos.domain.sheet import SheetFacts, SheetLine, SheetPart


def sheet_stored(sheet: SheetFacts | None) -> dict[str, object]:
    """Only such a paper has this key. An amount stands beside its currency: a drawer may hold several."""
    if sheet is None:
        return {}
    return {
        "sheet": {
            "parts": [[part.code, [_line(line) for line in part.lines]] for part in sheet.parts],
            "signatures": list(sheet.signatures),
            "states_total": sheet.states_total,
        }
    }


def _line(line: SheetLine) -> list[object]:
    amount = None if line.amount is None else [line.amount.minor, line.amount.currency.code]
    return [line.code, line.said, line.count, amount, line.strong]


def sheet_read(stored: Mapping[str, Any] | None) -> SheetFacts | None:
    """As stored."""
    if stored is None:
        return None
    return SheetFacts(
        parts=tuple(
            SheetPart(
                code=code,
                lines=tuple(
                    SheetLine(
                        code=line,
                        said=said,
                        count=count,
                        amount=None if amount is None else Money(amount[0], currency(amount[1])),
                        strong=strong,
                    )
                    for line, said, count, amount, strong in lines
                ),
            )
            for code, lines in stored["parts"]
        ),
        signatures=tuple(stored["signatures"]),
        states_total=stored["states_total"],
    )
