"""What is on sale, to be found by code, bar code or words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pos.domain.text_guard import clean_entry
from pos.till.basket import items_on_sale
from pos.tui.screens.pick import QUERY_MAX, PickScreen
from pos.tui.widgets.columns import Column
from pos.tui.widgets.listing import Row


class ItemsScreen(PickScreen):
    """Answers an item's code."""

    HEADING: ClassVar[str] = "Item"
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column(title="Item", width=12),
        Column(title="Name", flexible=True),
        Column(title="Serial", width=6),
        Column(title="Tax %", width=5, right=True),
        Column(title="Price", width=12, right=True),
    )
    NOTHING: ClassVar[str] = "Check the code, or type a word of the name."

    def rows(self, query: str) -> Sequence[Row]:
        text = clean_entry(query, field="Item", limit=QUERY_MAX)
        return [
            Row(
                key=item.item,
                cells=(
                    item.item,
                    item.name,
                    "" if item.serial is None else item.serial.label,
                    item.rate_text,
                    self.seat.shown(item.price),
                ),
            )
            for item in items_on_sale(self.seat.desk, text)
        ]
