"""The screen of the till: seats a person, passes keys on in their order, tells the status line, locks when idle.

Everything else is done by the screens, and what they do to money by ``pos.till``. What the screen may not know (paper,
wire, threads) is handed in by ``bootstrap``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import ClassVar

from textual import events
from textual.app import App
from textual.binding import Binding, BindingType
from textual.dom import DOMNode
from textual.message_pump import MessagePump
from textual.screen import Screen
from textual.theme import Theme
from textual.worker import Worker

from pos.domain.ports import Runner
from pos.domain.role import Person
from pos.store.database import StoreError
from pos.till.desk import Desk
from pos.till.enquiries import TillState, till_state
from pos.tui.errands import Errands
from pos.tui.keyboard import Arrival, Keyboard, Press, Scan
from pos.tui.keys import bindings
from pos.tui.ports import AfterCommit, AskSyncState, KeepSyncing, NotAskedYet, Preview
from pos.tui.screens.find import FindScreen, SignedOut
from pos.tui.screens.frame import COLUMNS_MIN, ROWS_MIN, Frame
from pos.tui.screens.help import HelpScreen
from pos.tui.screens.key_test import KeyTestScreen
from pos.tui.screens.lock import LockScreen
from pos.tui.screens.shift_closed import ShiftClosedScreen
from pos.tui.screens.sign_in import SignInScreen
from pos.tui.screens.stop import StopScreen
from pos.tui.seat import Seat
from pos.tui.widgets.status_line import Status, StatusLine

STATUS_EVERY_S = 1
HELD_S_MAX = 3
"""However a key ended, the next ones are let through after this long."""

THEME = Theme(
    name="counterfoil",
    dark=True,
    primary="#5fb3b3",
    secondary="#8fa1b3",
    accent="#ebcb8b",
    foreground="#e6e6e6",
    background="#101418",
    surface="#101418",
    panel="#1c2430",
    warning="#ebcb8b",
    error="#ff8a80",
    success="#a3be8c",
)


async def nothing_to_print() -> None:
    """For a till without paper."""


class TillApp(App[int], inherit_bindings=False):
    """``run()`` returns the exit code: 0, or that of the store's fault that stopped it."""

    TITLE = "Counterfoil"
    CSS_PATH = "pos.tcss"
    ENABLE_COMMAND_PALETTE = False
    # The framework's own keys for quitting and suspending end or stop nothing here.
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(["lock", "reprint"], priority=True),
        Binding("ctrl+c", "screen.interrupt", "", priority=True, show=False, id="interrupt-c"),
        Binding("ctrl+q", "screen.interrupt", "", priority=True, show=False, id="interrupt-q"),
        Binding("ctrl+z", "screen.void", "", priority=True, show=False, id="void"),
    ]

    def __init__(
        self,
        desk: Desk,
        runner: Runner,
        *,
        preview: Preview,
        after_commit: AfterCommit = nothing_to_print,
        sync_state: AskSyncState = NotAskedYet,
        keep_syncing: KeepSyncing | None = None,
        lock_after_s: float = 180,
        escape_wait_s: float = 0.4,
        hint: str | None = None,
    ) -> None:
        super().__init__()
        self.seat = Seat(desk=desk, runner=runner, preview=preview, after_commit=after_commit, hint=hint)
        self.keyboard = Keyboard(clock=desk.clock, held=True)
        self.errands = Errands(self, after_commit=after_commit, stopped=self._stop, ended=self._errand_ended)
        self._sync_state = sync_state
        self._keep_syncing = keep_syncing
        self._lock_after_s = lock_after_s
        self._escape_wait_s = escape_wait_s
        self._till_state: TillState | None = None
        self._holds = 0

    # --- who sits here --------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        self.register_theme(THEME)
        self.theme = THEME.name
        self.keyboard.last_key_s = self.seat.desk.clock.monotonic_s()
        self.set_interval(STATUS_EVERY_S, self._each_second)
        self.errands.paper_waits()
        if self._keep_syncing is not None:
            self.run_worker(self._keep_syncing(), group="sync", exit_on_error=False)
        self._ask_who()
        # Whoever types before the first screen can be seen types into that screen.
        self._hold(self, _nothing)

    def _ask_who(self) -> None:
        self.seat.occupant = None
        self.push_screen(SignInScreen(self.seat, self.errands), self._sit_down)

    def _sit_down(self, person: Person | None) -> None:
        self.seat.occupant = person
        self.push_screen(FindScreen(self.seat, self.errands), self._get_up)

    def _get_up(self, signed_out: SignedOut | None) -> None:
        if signed_out is not None and signed_out.closed is not None:
            figures = ShiftClosedScreen(self.seat, self.errands, signed_out.closed)
            self.push_screen(figures, lambda _: self._ask_who())
        else:
            self._ask_who()

    def _stop(self, fault: StoreError) -> None:
        if not isinstance(self.screen, StopScreen):
            self.push_screen(StopScreen(self.seat, self.errands, fault))

    # --- keys, in their order -------------------------------------------------------------------------------------

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key) and not event.is_forwarded:
            if not self._is_too_small():
                self.keyboard.sort(Press(event.key, event.character))
                if self.keyboard.escape_waits:
                    self.set_timer(self._escape_wait_s, self._escape_alone)
                await self._pass_on()
        elif isinstance(event, events.Paste) and not event.is_forwarded:
            if not self._is_too_small():
                self.keyboard.paste(event.text)
                await self._pass_on()
        else:
            await super().on_event(event)

    def _is_too_small(self) -> bool:
        """Nobody takes money on a screen that cannot show it."""
        return self.size.width < COLUMNS_MIN or self.size.height < ROWS_MIN

    async def _escape_alone(self) -> None:
        self.keyboard.escape_alone()
        await self._pass_on()

    async def _pass_on(self) -> None:
        while (arrival := self.keyboard.next()) is not None:
            await self._deliver(arrival)

    async def _deliver(self, arrival: Arrival) -> None:
        target: MessagePump = self.focused or self.screen
        match arrival:
            case Scan(text=text):
                self._hold(target, partial(self._hand_over, text))
            case Press(key=key, character=character):
                if arrival.is_barrier:
                    self._hold(target, _nothing)
                await super().on_event(events.Key(key, character))

    def _hand_over(self, text: str) -> None:
        """The whole scan, after its characters have landed where the cursor was."""
        screen = self.screen
        if isinstance(screen, Frame):
            screen.take_scan(text)

    def _hold(self, target: MessagePump, midway: Callable[[], None]) -> None:
        """The next key waits until this one has been handled, and the screen it leads to can be seen."""
        self.keyboard.held = True
        self._holds += 1
        hold = self._holds
        self.call_later(self._when_handled, target, midway)
        self.set_timer(HELD_S_MAX, lambda: self._let_go(hold))

    def _when_handled(self, target: MessagePump, midway: Callable[[], None]) -> None:
        """Twice along the way a key takes: once for the key, once for the message it was turned into."""
        way: list[MessagePump] = []
        if isinstance(target, DOMNode):
            way = [node for node in target.ancestors_with_self if isinstance(node, MessagePump)]

        def again() -> None:
            midway()
            _one_after_another([*way, self], self._settle)

        _one_after_another(way, again)

    def _settle(self) -> None:
        """Once no errand is under way: let the screens answer each other, paint, and go on with the keys."""
        if not self.keyboard.held or self.errands.under_way or not self.is_running:
            return
        stack = list(self.screen_stack)
        hold = self._holds

        def painted() -> None:
            if stack == list(self.screen_stack) and not self.errands.under_way:
                self._let_go(hold)
            else:
                self._settle()

        def answered() -> None:
            self.screen.call_after_refresh(painted)

        _one_after_another([*reversed(stack), self, self.screen], answered)

    def _let_go(self, hold: int) -> None:
        if hold == self._holds and not self.errands.under_way:
            self.keyboard.held = False
            self.call_later(self._pass_on)

    # --- status, lock, help ---------------------------------------------------------------------------------------

    def _each_second(self) -> None:
        idle_s = self.seat.desk.clock.monotonic_s() - self.keyboard.last_key_s
        if idle_s >= self._lock_after_s:
            self.action_lock()
        self._learn_status()

    def _learn_status(self) -> None:
        _: Worker[None] = self.run_worker(
            self._read_status, group="status", exclusive=True, exit_on_error=False
        )
        self._tell_status()

    def _errand_ended(self) -> None:
        self._settle()
        self._learn_status()

    async def _read_status(self) -> None:
        try:
            self._till_state = await self.seat.look(lambda: till_state(self.seat.desk))
        except StoreError as fault:
            self._stop(fault)
        self._tell_status()

    def _tell_status(self) -> None:
        for line in self.screen.query(StatusLine):
            line.tell(self._status())

    def on_status_line_came_into_view(self) -> None:
        self._tell_status()

    def _status(self) -> Status:
        seat, sync, state = self.seat, self._sync_state(), self._till_state
        here, now = seat.desk.identity, seat.desk.clock.now()
        seated = seat.occupant is not None
        shift = seat.shift if seated else None
        return Status(
            shop=here.shop.shop,
            terminal=here.terminal,
            operator=None if seat.occupant is None else seat.occupant.name,
            shift_number=None if shift is None else shift.number,
            business_date=now.date() if shift is None else shift.business_date,
            online=sync.online,
            since=sync.since,
            waiting=None if state is None else state.waiting,
            parked=0 if state is None else state.parked,
            now=now,
        )

    def action_lock(self) -> None:
        """Not while a deed is under way: its screen must be there for the answer."""
        seated = self.seat.occupant is not None
        if seated and not self.errands.under_way and not isinstance(self.screen, LockScreen | StopScreen):
            self.push_screen(LockScreen(self.seat, self.errands))

    def action_help(self) -> None:
        if not isinstance(self.screen, HelpScreen | LockScreen | StopScreen):
            self.push_screen(HelpScreen(self.seat, self.errands))

    def action_test_keys(self) -> None:
        self.push_screen(KeyTestScreen(self.seat, self.errands))

    def get_default_screen(self) -> Screen[object]:
        return Screen(id="_default")


def _nothing() -> None:
    """A key needs no more than to be passed on."""


def _one_after_another(pumps: list[MessagePump], then: Callable[[], None]) -> None:
    """Call ``then`` after each of ``pumps`` has handled what lay before it."""
    for place, pump in enumerate(pumps):
        rest = pumps[place + 1 :]
        if pump.is_running and pump.call_later(_one_after_another, rest, then):
            return
    then()
