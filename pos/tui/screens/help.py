"""The table of keys, made from the one table."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.widgets import Label

from pos.tui.keys import KEYS
from pos.tui.screens.lines import LinesScreen
from pos.tui.widgets.columns import Column
from pos.tui.widgets.listing import Listing, Row


class HelpScreen(LinesScreen[None]):
    """Esc goes back to where it was called from."""

    KEYS: ClassVar[tuple[str, ...]] = ("back", "scroll")
    HAS_DRAFT: ClassVar[bool] = True

    def body(self) -> ComposeResult:
        yield Label("Keys", classes="title", markup=False)
        yield Listing(
            (
                Column(title="Key", width=10),
                Column(title="", width=10),
                Column(title="Does", flexible=True),
                Column(title="Without that key", width=16),
            ),
            id="keys",
        )

    def on_mount(self) -> None:
        self.query_one(Listing).show(
            [
                Row(
                    key=key.id,
                    cells=(key.shown, key.label, key.meaning, key.twin),
                )
                for key in KEYS
            ]
        )
