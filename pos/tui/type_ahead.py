"""Keys typed ahead: the next one waits until the last has been handled and the screen it leads to can be seen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from textual.app import App
from textual.dom import DOMNode
from textual.message_pump import MessagePump

from pos.tui.keyboard import Keyboard

HELD_S_MAX = 3
"""However a key ended, the next ones are let through after this long."""


def nothing() -> None:
    """A key needs no more than to be passed on."""


class TypeAhead:
    """Holds the keyboard of ``app``; ``busy`` while an errand is under way, ``at_rest`` when keys may go on."""

    def __init__(
        self,
        app: App[int],
        keyboard: Keyboard,
        *,
        busy: Callable[[], bool],
        at_rest: Callable[[], Awaitable[None]],
    ) -> None:
        self._app = app
        self._keyboard = keyboard
        self._busy = busy
        self._at_rest = at_rest
        self._holds = 0

    def hold(self, target: MessagePump, midway: Callable[[], None] = nothing) -> None:
        """Hold keys back until the one for ``target`` has done its work; ``midway`` is called once it has landed."""
        self._keyboard.held = True
        self._holds += 1
        hold = self._holds
        self._app.call_later(self._when_handled, target, midway)
        self._app.set_timer(HELD_S_MAX, lambda: self._let_go(hold))

    def _when_handled(self, target: MessagePump, midway: Callable[[], None]) -> None:
        """Twice along the way a key takes: once for the key, once for the message it was turned into."""
        way: list[MessagePump] = []
        if isinstance(target, DOMNode):
            way = [node for node in target.ancestors_with_self if isinstance(node, MessagePump)]

        def again() -> None:
            midway()
            _one_after_another([*way, self._app], self.settle)

        _one_after_another(way, again)

    def settle(self) -> None:
        """Once no errand is under way: let the screens answer each other, paint, and go on with the keys."""
        app = self._app
        if not self._keyboard.held or self._busy() or not app.is_running or not app.screen_stack:
            return
        stack = list(app.screen_stack)
        hold = self._holds

        def painted() -> None:
            if stack == list(app.screen_stack) and not self._busy():
                self._let_go(hold)
            else:
                self.settle()

        def answered() -> None:
            if app.screen_stack:
                app.screen.call_after_refresh(painted)

        _one_after_another([*reversed(stack), app, app.screen], answered)

    def _let_go(self, hold: int) -> None:
        if hold == self._holds and not self._busy():
            self._keyboard.held = False
            self._app.call_later(self._at_rest)


def _one_after_another(pumps: list[MessagePump], then: Callable[[], None]) -> None:
    """Call ``then`` after each of ``pumps`` has handled what lay before it."""
    for place, pump in enumerate(pumps):
        rest = pumps[place + 1 :]
        if pump.is_running and pump.call_later(_one_after_another, rest, then):
            return
    then()
