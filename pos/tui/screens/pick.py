"""A box to type into and the list that it narrows; Enter chooses a row."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Input, Label

from pos.domain.errors import DomainError
from pos.tui.screens.till_screen import TillScreen
from pos.tui.widgets.columns import Column, shown
from pos.tui.widgets.entry import Box
from pos.tui.widgets.listing import Listing, Row

QUERY_MAX = 80


class PickScreen(TillScreen[str]):
    """Answers the key of the chosen row. A screen of its own says what is listed and where it is found."""

    AUTO_FOCUS = "#pick"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "Up"),
        Binding("down", "move(1)", "Down"),
        Binding("pageup", "page(-1)", "Page up"),
        Binding("pagedown", "page(1)", "Page down"),
    ]
    KEYS: ClassVar[tuple[str, ...]] = ("help", "find", "accept", "back", "scroll")
    HEADING: ClassVar[str]
    COLUMNS: ClassVar[tuple[Column, ...]]
    NOTHING: ClassVar[str]
    """What to do where nothing was found."""

    _answered: str | None = None

    def rows(self, query: str) -> Sequence[Row]:
        """What answers ``query``; all there is for an empty one. Runs off the screen's loop."""
        raise NotImplementedError

    def body(self) -> ComposeResult:
        with Horizontal(id="find-line"):
            yield Label(f"{self.HEADING} >", classes="label", markup=False)
            yield Box(id="pick", limit=QUERY_MAX)
        yield Listing(self.COLUMNS, id="picks")

    def on_mount(self) -> None:
        self.errand(self._search(""))

    @property
    def _query(self) -> str:
        return self.query_one("#pick", Box).value.strip()

    def on_input_changed(self, event: Input.Changed) -> None:
        self._answered = None
        self.errands.look_up(self, partial(self._search, event.value.strip()))

    async def _search(self, query: str) -> None:
        rows = await self.seat.look(lambda: self.rows(query))
        if self._query == query:
            self._answered = query
            self.query_one("#picks", Listing).show(rows)
            self.say("Up and Down choose, Enter takes it." if rows else self._nothing_for(query))

    def _nothing_for(self, query: str) -> str:
        return (
            f"Nothing found for {shown(query)}. {self.NOTHING}"
            if query
            else f"There is nothing yet. {self.NOTHING}"
        )

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.errand(self._choose(event.value.strip(), may_choose=True))

    async def _choose(self, query: str, *, may_choose: bool) -> None:
        if self._answered != query:
            # What the person did not see selected is opened only where there is no other.
            may_choose = False
            await self._search(query)
        listing = self.query_one("#picks", Listing)
        if not listing.rows:
            self.refuse(self._nothing_for(query))
        elif may_choose or len(listing.rows) == 1:
            self.dismiss(listing.selected)
        else:
            self.refuse(f"{len(listing.rows)} found. Choose with Up and Down, then Enter.")

    def take_scan(self, text: str) -> None:
        box = self.query_one("#pick", Box)
        if box.take(text[:QUERY_MAX]):
            self.errand(self._choose(self._query, may_choose=False))
        else:
            super().take_scan(text)

    def refused(self, refusal: DomainError) -> None:
        if refusal.code == "card_number_refused":
            self.query_one("#pick", Box).value = ""
        super().refused(refusal)

    def action_move(self, by: int) -> None:
        self.query_one("#picks", Listing).move(by)

    def action_page(self, by: int) -> None:
        self.query_one("#picks", Listing).page(by)

    def action_find(self) -> None:
        self.dismiss(None)
