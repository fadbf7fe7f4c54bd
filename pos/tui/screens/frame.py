"""What every screen of the till has: its frame, the keys of fixed meaning, and how it asks and answers."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, ClassVar, TypeVar

from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.binding import BindingType
from textual.containers import Vertical
from textual.events import Resize
from textual.screen import Screen
from textual.widgets import Input, Label

from pos.domain.errors import DomainError
from pos.domain.unfinished import Unfinished
from pos.tui.errands import Errands
from pos.tui.keys import FUNCTION_KEYS, bindings, key
from pos.tui.seat import Seat
from pos.tui.widgets.entry import Box
from pos.tui.widgets.foot import KeyBar, MessageLine
from pos.tui.widgets.status_line import StatusLine

Answer = TypeVar("Answer")

COLUMNS_MIN = 80
ROWS_MIN = 24


class Frame(Screen[Answer]):
    """The frame: status line, the screen's own body, message line, key bar."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(FUNCTION_KEYS), *bindings(["back"])]
    KEYS: ClassVar[tuple[str, ...]] = ("help", "accept", "back")
    HAS_DRAFT: ClassVar[bool] = False
    """True: something unfinished stands here, which no reprint or scan may disturb."""

    def __init__(self, seat: Seat, errands: Errands) -> None:
        super().__init__()
        self.seat = seat
        self.errands = errands

    def compose(self) -> ComposeResult:
        yield StatusLine()
        with Vertical(id="body"):
            yield from self.body()
        yield MessageLine()
        yield KeyBar(self.KEYS)
        yield Label(
            f"This window is too small.\nThe till needs {COLUMNS_MIN} columns and {ROWS_MIN} rows.\n"
            "Nothing is lost: make it larger.",
            id="too-small",
        )

    def dismiss(self, result: Answer | None = None) -> AwaitComplete:
        """Answer, once, and only from on top: a key typed ahead must not close the screen beneath."""
        if self.app.screen is not self:
            return AwaitComplete()
        if self.is_left_by(result):
            left = self.unfinished()
            if left is not None:
                self.errands.beside(self, self.seat.tell_left(left))
        return super().dismiss(result)

    def unfinished(self) -> Unfinished | None:
        """What a payer was shown here, and is lost without a trace if the screen is left; None: nothing."""
        return None

    def is_left_by(self, result: Answer | None) -> bool:
        """Whether nothing comes of this screen when it answers so."""
        return result is None

    def body(self) -> ComposeResult:
        """The screen's own part."""
        yield from ()

    # --- asking and answering ---------------------------------------------------------------------------------

    def errand(self, work: Coroutine[Any, Any, None]) -> None:
        """Do ``work`` beside the screen; a refusal comes back to ``refused``."""
        self.errands.start(self, work)

    def refused(self, refusal: DomainError) -> None:
        """Show what a rule said."""
        self.refuse(refusal.message)

    def approved(self, said: str) -> None:
        """A second person approved what was refused. A screen that can do it again by itself does."""
        self.say(f"{said} Now press the same key again.")

    def say(self, text: str) -> None:
        """Tell what happened."""
        self.query_one(MessageLine).say(self.seat.in_words(text))

    def refuse(self, text: str) -> None:
        """Tell what is wrong and which key is next."""
        self.query_one(MessageLine).say(self.seat.in_words(text), refusal=True)
        self.app.bell()

    def keys_are(self, key_ids: tuple[str, ...]) -> None:
        """Other keys work here now."""
        self.query_one(KeyBar).tell(key_ids)

    def take_scan(self, text: str) -> None:
        """A scan or paste came. Where nothing waits for one it is left out, and what it typed is taken back."""
        focused = self.focused
        if isinstance(focused, Input):
            focused.value = focused.value.removesuffix(text)
        self.refuse("A scan or paste was left out. Press Enter yourself if you mean it.")

    async def on_box_left_over(self, left_over: Box.LeftOver) -> None:
        """What a box doesn't write is a command, if a key of this screen."""
        active = self.active_bindings.get(left_over.key)
        if active is not None:
            await self.app.run_action(active.binding.action, active.node)

    def on_box_wiped(self, wiped: Box.Wiped) -> None:
        """A card number stood in a box of this screen."""
        if wiped.box.screen is self:
            self.refuse(wiped.message)
            wiped.box.focus()

    def on_resize(self, event: Resize) -> None:
        self.set_class(event.size.width < COLUMNS_MIN or event.size.height < ROWS_MIN, "small")

    def on_screen_resume(self) -> None:
        self.post_message(StatusLine.CameIntoView())

    # --- the keys of fixed meaning: a screen overrides those it answers ----------------------------------------

    def action_find(self) -> None:
        self._does_nothing("find")

    def action_bill(self) -> None:
        self._does_nothing("bill")

    def action_items(self) -> None:
        self._does_nothing("items")

    def action_cash(self) -> None:
        self._does_nothing("cash")

    def action_card(self) -> None:
        self._does_nothing("card")

    def action_cheque(self) -> None:
        self._does_nothing("cheque")

    def action_bank(self) -> None:
        self._does_nothing("bank")

    def action_dealer(self) -> None:
        self._does_nothing("dealer")

    def action_ways(self) -> None:
        self._does_nothing("ways")

    def action_void(self) -> None:
        self.refuse("Finish here or leave with Esc first; then Ctrl-Z undoes the last payment.")

    def action_interrupt(self) -> None:
        self.refuse("This key ends nothing. Menu . 7 signs out, then . 8 ends the program.")

    def action_quit(self) -> None:
        self.refuse("Sign out first: . 7")

    def action_back(self) -> None:
        self.dismiss(None)

    def _does_nothing(self, key_id: str) -> None:
        one = key(key_id)
        self.refuse(f"{one.shown} {one.label} does nothing here. Esc goes back.")
