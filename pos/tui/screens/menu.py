"""The command menu: numbers that never change, letters where a command has one, arrows for who likes them."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Label

from pos.tui.errands import Errands
from pos.tui.keys import KEYS, MENU, MenuEntry, action
from pos.tui.screens.frame import Frame
from pos.tui.seat import Seat
from pos.tui.widgets.columns import Column
from pos.tui.widgets.listing import Listing, Row

_TWINS_BEGIN = "0"
_MORE_BEGIN = "."
"""The numbers below ten are given away; a second point leads to more of them."""


class MenuScreen(Frame[str]):
    """Answers the framework's action to carry out on the screen below; None: nothing was chosen."""

    KEYS: ClassVar[tuple[str, ...]] = ("accept", "back")

    def __init__(self, seat: Seat, errands: Errands) -> None:
        super().__init__(seat, errands)
        self._begun = ""

    def body(self) -> ComposeResult:
        yield Label("Commands: press the number, or the letter", classes="title", markup=False)
        columns = (Column(title="No", width=3), Column(title="Command", flexible=True), Column(title="Key"))
        with Horizontal():
            yield Listing(columns, id="commands")
            yield Listing(columns[:2], id="twins")

    def on_mount(self) -> None:
        commands = [entry for entry in MENU if not entry.number.startswith(_TWINS_BEGIN)]
        self.query_one("#commands", Listing).show(
            [
                Row(key=entry.number, cells=(_shown(entry), entry.label, _short_cut(entry)))
                for entry in commands
            ]
        )
        twins = self.query_one("#twins", Listing)
        twins.show(
            [
                Row(key=entry.number, cells=(entry.number, entry.label))
                for entry in MENU
                if entry not in commands
            ]
        )
        twins.selectable = False

    def on_key(self, event: events.Key) -> None:
        commands = self.query_one("#commands", Listing)
        match event.key:
            case "up":
                commands.move(-1)
            case "down":
                commands.move(1)
            case "enter":
                self._choose(commands.selected or "")
            case "full_stop":
                self._begun = _MORE_BEGIN
                self.say("More commands: the number after the point.")
            case name if name in "0123456789":
                self._number(name)
            case name:
                for entry in MENU:
                    if entry.letter and entry.letter == name.lower():
                        self._choose(entry.number)
                        break
                else:
                    # Esc, help and the like are keys of every screen.
                    return
        # What a key opens is on top when the key goes on: there it would be a key of that screen.
        event.stop()

    def _number(self, digit: str) -> None:
        if self._begun:
            self._choose(self._begun + digit)
        elif digit == _TWINS_BEGIN:
            self._begun = _TWINS_BEGIN
            self.say("0 and then the number of the F-key.")
        else:
            self._choose(digit)

    def _choose(self, number: str) -> None:
        for entry in MENU:
            if entry.number == number:
                self.dismiss(action(entry))
                return
        self._begun = ""
        self.refuse(f"There is no command {number}.")


def _short_cut(entry: MenuEntry) -> str:
    """The letter, or the key that does the same without the menu."""
    return entry.letter.upper() or next((key.shown for key in KEYS if key.id == entry.act), "")


def _shown(entry: MenuEntry) -> str:
    """The number as it is pressed."""
    return entry.number.replace(_MORE_BEGIN, ". ")
