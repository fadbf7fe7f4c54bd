"""Signing in: user number, PIN."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input, Label

from pos.domain.errors import DomainError
from pos.domain.role import Person
from pos.till.sign_in import sign_in
from pos.tui.keys import bindings
from pos.tui.screens.confirm import ConfirmScreen
from pos.tui.screens.frame import Frame
from pos.tui.screens.menu import MenuScreen
from pos.tui.widgets.columns import shown
from pos.tui.widgets.entry import DIGITS, Box, Field

USER_MAX = 12
PIN_MAX = 20


class SignInScreen(Frame[Person]):
    """Answers the person who signed in."""

    AUTO_FOCUS = "#user-box"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(["menu"]),
        Binding("up", "app.focus_previous", "Up"),
        Binding("down", "app.focus_next", "Down"),
    ]
    KEYS: ClassVar[tuple[str, ...]] = ("help", "accept", "menu")

    def body(self) -> ComposeResult:
        shop = self.seat.desk.identity.shop
        yield Label(shown(shop.name), id="shop-name", markup=False)
        yield Label("Sign in", classes="title", markup=False)
        yield Field("User number", id="user", pattern=DIGITS, limit=USER_MAX)
        yield Field("PIN", id="pin", pattern=DIGITS, limit=PIN_MAX, secret=True)
        if self.seat.hint is not None:
            yield Label(self.seat.hint, id="hint", markup=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        user, pin = self.query_one("#user", Field), self.query_one("#pin", Field)
        if event.input is user.box and not pin.value:
            pin.box.focus()
        elif not user.value:
            self.refuse("Type your user number, then Enter.")
            user.box.focus()
        elif not pin.value:
            self.refuse("Type your PIN, then Enter.")
        else:
            self.say("Checking ...")
            self.errand(self._sign_in(user.value, pin.value))

    async def _sign_in(self, user: str, pin: str) -> None:
        self.dismiss(await self.seat.deed(lambda: sign_in(self.seat.desk, user, pin)))

    def refused(self, refusal: DomainError) -> None:
        pin = self.query_one("#pin", Field)
        pin.box.value = ""
        pin.box.focus()
        more = "" if refusal.code == "locked_out" else " Type the PIN again; Up goes to the number."
        self.refuse(refusal.message + more)

    def take_scan(self, text: str) -> None:
        """A badge or a PIN that came at once: the Enter in it is meant."""
        if isinstance(self.focused, Box) and self.focused.value.endswith(text):
            self.focused.post_message(Input.Submitted(self.focused, self.focused.value))
        else:
            super().take_scan(text)

    def action_menu(self) -> None:
        self.app.push_screen(MenuScreen(self.seat, self.errands), self._chosen)

    async def _chosen(self, act: str | None) -> None:
        if act in {"app.help", "app.test_keys", "screen.quit"}:
            await self.run_action(act)
        elif act is not None:
            self.refuse("Sign in first: user number, Enter, PIN, Enter.")

    def action_quit(self) -> None:
        question = "End the program? Receipts and payments stay as they are."
        self.app.push_screen(ConfirmScreen(self.seat, self.errands, question), self._quit)

    def _quit(self, yes: bool | None) -> None:
        if yes:
            self.app.exit(0)

    def action_back(self) -> None:
        """One step back: the PIN is wiped, then the number."""
        user, pin = self.query_one("#user", Field), self.query_one("#pin", Field)
        if pin.value:
            pin.box.value = ""
        else:
            user.box.value = ""
            user.box.focus()
