"""A screen with one list to be turned; the register, with what is known of the selected line beneath; one with ticks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Generic, TypeVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Label

from pos.tui.errands import Errands
from pos.tui.keys import bindings
from pos.tui.screens.till_screen import TillScreen
from pos.tui.seat import Seat
from pos.tui.widgets.columns import Column
from pos.tui.widgets.listing import Listing, Row

Answer = TypeVar("Answer")
Entry = TypeVar("Entry")


class LinesScreen(TillScreen[Answer]):
    """Up, Down and the page keys move in its only list."""

    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "Up"),
        Binding("down", "move(1)", "Down"),
        Binding("pageup", "page(-1)", "Page up"),
        Binding("pagedown", "page(1)", "Page down"),
    ]
    KEYS: ClassVar[tuple[str, ...]] = ("help", "find", "back", "scroll")

    def action_move(self, by: int) -> None:
        self.query_one(Listing).move(by)

    def action_page(self, by: int) -> None:
        self.query_one(Listing).page(by)


class RegisterScreen(LinesScreen[Answer], Generic[Answer, Entry]):
    """Looked up as it opens, and again by ``load``. It stands next to the find box: F2 leads back there.

    A register gives its columns, and fills ``found`` and ``row``; ``heading`` and ``facts`` where it has more to say.
    """

    HEADING: ClassVar[str] = ""
    COLUMNS: ClassVar[tuple[Column, ...]] = ()
    FACTS_LINES: ClassVar[int] = 2
    """So many lines beneath the list are left for the facts."""

    def __init__(self, seat: Seat, errands: Errands) -> None:
        super().__init__(seat, errands)
        self.entries: list[Entry] = []

    async def found(self) -> Sequence[Entry]:
        """What the list holds now."""
        raise NotImplementedError

    def row(self, entry: Entry) -> Row:
        """One line; its key is what tells the entry from the others."""
        raise NotImplementedError

    def heading(self) -> str:
        """What stands above: one line, bold, and one more beneath it."""
        return self.HEADING

    def facts(self, entry: Entry | None) -> str:
        """What is known of the selected entry; of none, where the list is empty."""
        return ""

    def body(self) -> ComposeResult:
        yield Label("", id="heading", markup=False)
        yield Listing(self.COLUMNS, id="register")
        facts = Label("", id="facts", markup=False)
        facts.styles.height = self.FACTS_LINES
        yield facts

    def on_mount(self) -> None:
        self.errand(self.load())

    async def load(self, said: str = "") -> None:
        """Look it up anew, then tell what happened."""
        self.entries = list(await self.found())
        self.show_entries()
        if said:
            self.say(said)

    def show_entries(self) -> None:
        """Show what was looked up; the selection stays where it was."""
        self.query_one(Listing).show([self.row(entry) for entry in self.entries])
        first, _, second = self.heading().partition("\n")
        heading = Text(f" {first}", "bold", overflow="ellipsis", no_wrap=True)
        if second:
            heading.append(f"\n {second}", "not bold")
        self.query_one("#heading", Label).update(heading)
        self._show_facts()

    def _show_facts(self) -> None:
        lines = self.facts(self.selected).splitlines()
        self.query_one("#facts", Label).update(Text("\n".join(f" {line}" for line in lines)))

    @property
    def selected(self) -> Entry | None:
        """The entry that is selected."""
        place = self.query_one(Listing).place
        return None if place is None else self.entries[place]

    def action_move(self, by: int) -> None:
        super().action_move(by)
        self._show_facts()

    def action_page(self, by: int) -> None:
        super().action_page(by)
        self._show_facts()

    def action_find(self) -> None:
        self.dismiss(None)


class TickedRegister(RegisterScreen[Answer, Entry], Generic[Answer, Entry]):
    """A register of which some lines are meant: Space ticks the selected one or leaves it out, and goes on to the next."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(["mark"]), Binding("enter", "accept", "OK")]

    def __init__(self, seat: Seat, errands: Errands) -> None:
        super().__init__(seat, errands)
        self.ticked: frozenset[str] = frozenset()

    def action_mark(self) -> None:
        listing = self.query_one(Listing)
        if listing.selected is not None:
            self.ticked ^= {listing.selected}
            listing.move(1)
            self.show_entries()
