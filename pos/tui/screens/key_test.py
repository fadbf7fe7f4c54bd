"""Shows what arrives when a key is pressed: terminals lose or change some of them."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Label

from pos.domain.pan_guard import holds_card_number
from pos.tui.errands import Errands
from pos.tui.keys import KEYS
from pos.tui.screens.frame import Frame
from pos.tui.seat import Seat
from pos.tui.widgets.columns import Column
from pos.tui.widgets.listing import Listing, Row

KEPT = 40


class KeyTestScreen(Frame[None]):
    """Every key is shown and does nothing; Esc ends the test."""

    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(f"f{number}", f"arrived('f{number}')", "Test") for number in range(1, 10)
    ]
    KEYS: ClassVar[tuple[str, ...]] = ("back",)

    def __init__(self, seat: Seat, errands: Errands) -> None:
        super().__init__(seat, errands)
        self._arrived: list[Row] = []

    def body(self) -> ComposeResult:
        yield Label(
            "Press any key: the last one stands on top. Esc ends the test.", classes="title", markup=False
        )
        yield Listing(
            (
                Column(title="Arrived as", width=20),
                Column(title="Writes", width=8),
                Column(title="Means here", flexible=True),
            ),
            id="arrived",
        )

    def on_mount(self) -> None:
        self.query_one(Listing).selectable = False

    def on_key(self, event: events.Key) -> None:
        if event.key != "escape" and not event.key.startswith("f"):
            self._show(event.key, event.character or "")
        elif event.key == "f":
            self._show("f", "f")

    def action_arrived(self, name: str) -> None:
        self._show(name, "")

    def take_scan(self, text: str) -> None:
        self._show("scan or paste", text[:8])

    def _show(self, name: str, character: str) -> None:
        meaning = next((f"{key.shown} {key.label}" for key in KEYS if name in key.keys), "")
        writes = character if character.isprintable() else ""
        row = Row(key=str(len(self._arrived)), cells=(name, writes, meaning))
        self._arrived = [row, *self._arrived][:KEPT]
        if holds_card_number("".join(shown.cells[1] for shown in reversed(self._arrived))):
            self._arrived = []
            self.refuse("This looks like a card number. Card numbers are never kept.")
        self.query_one(Listing).show(self._arrived)
