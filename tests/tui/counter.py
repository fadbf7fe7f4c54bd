"""A person at the till's screen: presses keys one after another, reads what the screen says.

How keys are counted for the budgets of tui.md, the same for every task. Fixed keys, counted by ``keys``:

- every key that is no character typed into a field: F-keys, letters that are commands, Space, ``-``, ``*``, arrows, Tab;
- a scan, with the Enter of the scanner in it, is one;
- the Enter of the find box ("find [1]"), the Enter that answers a question, and the Enter that sends a form, also where
  something was typed into its last field.

Not counted: the characters typed, and the Enter that ends a field one has typed into and leads to the next one (``fill``),
as the table itself counts no PIN with its Enter. A field that is offered filled and is gone through with Enter counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual import events
from textual._compositor import Compositor
from textual.app import App
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from textual.pilot import Pilot

from pos.domain.approval_elsewhere import ApprovalExchange
from pos.domain.demanded_bill import BillPress
from pos.domain.ports import CardTerminal
from pos.domain.receipt import Copy, ReceiptFacts
from pos.domain.refund_across import RefundDesk
from pos.domain.voucher import VoucherDesk
from pos.machine import InlineRunner
from pos.till.desk import Desk
from pos.tui.app import TillApp, no_drawer, nothing_to_print
from pos.tui.ports import (
    AfterCommit,
    AskSyncState,
    BankFolder,
    BringBatches,
    KeepChecking,
    NotAskedYet,
    OpenDrawer,
    Sessions,
    VoucherIssue,
    bring_nothing,
)
from pos.tui.screens.sign_in import SignInScreen
from pos.tui.widgets.foot import MessageLine
from tests.builders.tills import PINS, clock_of

KEY_S = 0.2
"""A person's time between two keys."""


def preview(facts: ReceiptFacts, copy: Copy) -> str:
    """Not the real paper, which the screen does not know."""
    return f"RECEIPT {facts.receipt_number}\nTotal {facts.total.plain()}\n" + "\n".join(
        f"line {number}" for number in range(40)
    )


class Counter:
    """``keys`` counts the fixed keys that were pressed; what is typed into a field is not among them."""

    def __init__(self, desk: Desk, app: TillApp, pilot: Pilot[int]) -> None:
        self.desk = desk
        self.app = app
        self.pilot = pilot
        self.keys = 0

    async def press(self, *keys: str) -> None:
        """One key after another, each handled before the next."""
        for key in keys:
            self.keys += 1
            await self._one(key)

    async def write(self, text: str) -> None:
        """Type a text, character by character."""
        for character in text:
            await self._arrives(character)
        await self.settle()

    async def at_once(self, *keys: str) -> None:
        """As a scanner or a fast hand does it: all keys before the screen can answer the first."""
        clock_of(self.desk).advance(seconds=KEY_S)
        for key in keys:
            self._post(key)
        await self.settle()

    def begin(self, key: str) -> None:
        """A key whose outcome is not waited for."""
        clock_of(self.desk).advance(seconds=KEY_S)
        self._post(key)

    async def paste(self, text: str) -> None:
        """Bracketed paste."""
        clock_of(self.desk).advance(seconds=KEY_S)
        self.app.post_message(events.Paste(text))
        await self.settle()

    async def _one(self, key: str) -> None:
        await self._arrives(key)
        await self.settle()

    async def _arrives(self, key: str) -> None:
        clock = clock_of(self.desk)
        clock.advance(seconds=KEY_S)
        self._post(key)
        # The time of a key is when the app takes it in; a small window takes none.
        for _ in range(500):
            await asyncio.sleep(0)
            if self.app.keyboard.last_key_s == clock.monotonic_s():
                break

    def _post(self, key: str) -> None:
        character = key if len(key) == 1 else " " if key == "space" else None
        self.app.post_message(events.Key(_NAMES.get(key, key), character))

    async def settle(self) -> None:
        """Wait until every key has been handled and every errand has come back.

        The screen rests when nothing is left that the event loop could run now, also after what the screen's own
        timer would have brought. Textual's public pause asks every widget in turn, which is half of all these tests' time.
        """
        ready = asyncio.get_running_loop()._ready  # type: ignore[attr-defined]
        quiet = 0
        for _ in range(100_000):
            if not self.app.is_running or self.app.return_code is not None:
                return
            keyboard = self.app.keyboard
            if keyboard.held or self.app.errands.under_way or keyboard.escape_waits or keyboard.loose:
                quiet = 0
                await asyncio.sleep(0.002 if not ready else 0)
                continue
            await asyncio.sleep(0)
            if ready or self.app._batch_count:
                quiet = 0
                continue
            self.app.screen._on_timer_update()
            quiet += 1
            if quiet == 3:
                return
        raise AssertionError("the screen does not come to rest")

    @property
    def screen(self) -> str:
        """The name of the screen in front."""
        return type(self.app.screen).__name__

    @property
    def text(self) -> str:
        """What stands on the screen."""
        strips = self.app.screen._compositor.render_strips(self.app.size)
        return "\n".join(strip.text.rstrip() for strip in strips)

    @property
    def message(self) -> str:
        """What the message line says; a refusal starts with an exclamation mark."""
        line = self.app.screen.query_one(MessageLine)
        return f"! {line.text}" if line.is_refusal else line.text

    async def sit_down(self, user: str) -> None:
        """As somebody who signed in before the test begins, without the keys."""
        screen = self.app.screen
        assert isinstance(screen, SignInScreen)
        screen.errand(screen._sign_in(user, PINS[user]))
        await self.settle()

    async def sign_in(self, user: str = "1001") -> None:
        """Number, PIN."""
        await self.at_once(*user, "enter", *PINS[user], "enter")
        self.keys = 0

    async def second_person(self, user: str = "2002", pin: str | None = None) -> None:
        """Somebody beside the seat types number and PIN."""
        await self.write(user)
        await self._one("enter")
        await self.write(PINS[user] if pin is None else pin)
        await self._one("enter")

    async def fill(self, *texts: str) -> None:
        """Type each text into the field where the cursor is, with the Enter that leads to the next; no fixed key."""
        for text in texts:
            await self.write(text)
            await self._one("enter")

    async def scan(self, text: str) -> None:
        """A scanner: all of it at once, with its Enter; one fixed key."""
        self.keys += 1
        await self.at_once(*text, "enter")

    async def open(self, query: str) -> None:
        """Find something and open it: one fixed key."""
        await self.write(query)
        await self.press("enter")


_NAMES = {".": "full_stop", "-": "minus", "+": "plus", "*": "asterisk", " ": "space"}


@asynccontextmanager
async def counter(
    desk: Desk,
    *,
    user: str | None = "1001",
    size: tuple[int, int] = (80, 24),
    sync_state: AskSyncState = NotAskedYet,
    lock_after_s: float = 180,
    vouchers: VoucherDesk | None = None,
    issuing: VoucherIssue | None = None,
    bills: BillPress | None = None,
    refunds: RefundDesk | None = None,
    approvals: ApprovalExchange | None = None,
    sessions: Sessions | None = None,
    card_terminal: CardTerminal | None = None,
    open_drawer: OpenDrawer = no_drawer,
    after_commit: AfterCommit = nothing_to_print,
    keep_checking: KeepChecking | None = None,
    bring_batches: BringBatches = bring_nothing,
    bank_folder: BankFolder | None = None,
) -> AsyncIterator[Counter]:
    """The screen over ``desk``, with ``user`` signed in (None: nobody is)."""
    app = TillApp(
        desk,
        InlineRunner(),
        preview=preview,
        after_commit=after_commit,
        sync_state=sync_state,
        lock_after_s=lock_after_s,
        escape_wait_s=0.05,
        vouchers=vouchers,
        issuing=issuing,
        bills=bills,
        refunds=refunds,
        approvals=approvals,
        sessions=sessions,
        card_terminal=card_terminal,
        open_drawer=open_drawer,
        keep_checking=keep_checking,
        bring_batches=bring_batches,
        bank_folder=bank_folder,
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Compositor, "render_update", _leave_unpainted)
        patched.setattr(Stylesheet, "_parse_rules", _parse_rules_once)
        patched.setattr(App, "delay_update", _delay_nothing)
        async with app.run_test(size=size) as pilot:
            seated = Counter(desk, app, pilot)
            await seated.settle()
            if user is not None:
                await seated.sit_down(user)
            yield seated
            if app.is_running and app.return_code is None:
                # What can't be painted fails here, also where the test looked at nothing.
                assert seated.text


_parsed: dict[tuple[object, ...], list[RuleSet]] = {}
_parse_rules = Stylesheet._parse_rules


def _parse_rules_once(sheet: Stylesheet, css: str, **which: Any) -> list[RuleSet]:
    """The style sheets are the same in every test, and Textual would read them anew for every app."""
    key = (css, *which.items())
    if key not in _parsed:
        _parsed[key] = _parse_rules(sheet, css, **which)
    return _parsed[key]


def _delay_nothing(app: App[int], delay: float = 0.05) -> None:
    """A change of person lays nothing out for a moment of real time, so a quick test would read the screen of before."""


def _leave_unpainted(compositor: Compositor, **_: object) -> None:
    """A screen is painted when a test looks at it; to paint it at every key is a third of the time of all these tests."""
    compositor._dirty_regions.clear()
