"""The screen of the till: seats a person, passes keys on in their order, tells the status line, locks when idle.

Everything else is done by the screens, and what they do to money by ``pos.till``. What the screen may not know (paper,
wire, threads) is handed in by ``bootstrap``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import App
from textual.binding import Binding, BindingType
from textual.message_pump import MessagePump
from textual.screen import Screen
from textual.theme import Theme
from textual.worker import Worker

from pos.domain.approval import ApprovalNeeded
from pos.domain.approval_elsewhere import ApprovalExchange
from pos.domain.demanded_bill import BillPress
from pos.domain.encode import crash_lines
from pos.domain.errors import DomainError, Refused
from pos.domain.pan_guard import holds_card_number
from pos.domain.ports import CardTerminal, Runner
from pos.domain.refund_across import RefundDesk
from pos.domain.role import Person
from pos.domain.voucher import VoucherDesk
from pos.store.database import StoreError
from pos.till.approvals import request_of
from pos.till.cash_office import business_date_now
from pos.till.desk import Desk
from pos.till.enquiries import TillState, till_state
from pos.till.sign_in import end_session, is_over, lock, sign_out
from pos.till.take_payment import PaymentTaken
from pos.tui.errands import Asking, Errands
from pos.tui.keyboard import BURST_OVER_S, Arrival, Keyboard, Press, Scan
from pos.tui.keys import bindings
from pos.tui.patience import Patience
from pos.tui.ports import (
    AfterCommit,
    AskSyncState,
    BankFolder,
    BringBatches,
    CheckFound,
    KeepCards,
    KeepChecking,
    KeepSyncing,
    NoBankFolder,
    NotAskedYet,
    OneTill,
    OpenDrawer,
    Preview,
    Sessions,
    VoucherIssue,
    bring_nothing,
)
from pos.tui.screens.confirm import ConfirmScreen
from pos.tui.screens.find import FindScreen, SignedOut
from pos.tui.screens.frame import COLUMNS_MIN, ROWS_MIN, Frame
from pos.tui.screens.help import HelpScreen
from pos.tui.screens.key_test import KeyTestScreen
from pos.tui.screens.lock import LockScreen
from pos.tui.screens.paid_anew import PaidAnewScreen
from pos.tui.screens.pin import OwnPinScreen, PinScreen
from pos.tui.screens.second_person import SecondPersonScreen
from pos.tui.screens.shift_closed import ShiftClosedScreen
from pos.tui.screens.sign_in import SignInScreen
from pos.tui.screens.stop import StopScreen
from pos.tui.screens.till_screen import KeyAnew
from pos.tui.seat import Seat
from pos.tui.type_ahead import TypeAhead
from pos.tui.widgets.columns import shown
from pos.tui.widgets.entry import Box
from pos.tui.widgets.status_line import Status, StatusLine

STATUS_EVERY_S = 1
PRINT_AGAIN_S = 20
SLIP_AGAIN_S = 5

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


VACANT = "vacant"
"""The screens of a till where nobody sits."""


def _mode_of(seat: Seat) -> str:
    return VACANT if seat.occupant is None else f"seat of {seat.occupant.user}"


async def nothing_to_print() -> None:
    """For a till without paper."""


async def no_drawer() -> None:
    """For a till without a drawer that it can open."""


class TillApp(App[int], inherit_bindings=False):
    """``run()`` returns the exit code: 0, or that of the store's fault that stopped it."""

    TITLE = "Counterfoil"
    CSS_PATH = "pos.tcss"
    ENABLE_COMMAND_PALETTE = False
    # The framework's own keys for quitting and suspending end or stop nothing here.
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(["lock", "reprint", "void"], priority=True),
        Binding("ctrl+c", "screen.interrupt", "", priority=True, show=False, id="interrupt-c"),
        Binding("ctrl+q", "screen.interrupt", "", priority=True, show=False, id="interrupt-q"),
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
        vouchers: VoucherDesk | None = None,
        issuing: VoucherIssue | None = None,
        bills: BillPress | None = None,
        refunds: RefundDesk | None = None,
        approvals: ApprovalExchange | None = None,
        sessions: Sessions | None = None,
        card_terminal: CardTerminal | None = None,
        keep_cards: KeepCards | None = None,
        keep_checking: KeepChecking | None = None,
        open_drawer: OpenDrawer = no_drawer,
        bring_batches: BringBatches = bring_nothing,
        bank_folder: BankFolder | None = None,
        lock_after_s: float = 180,
        escape_wait_s: float = 0.4,
        hint: str | None = None,
    ) -> None:
        super().__init__()
        self._wear(THEME)
        self.seat = self._vacant = Seat(
            desk=desk,
            runner=runner,
            preview=preview,
            vouchers=vouchers,
            approvals=approvals,
            issuing=issuing,
            bills=bills,
            refunds=refunds,
            patience=None if refunds is None else Patience(refunds, self._central_is_slow),
            card_terminal=card_terminal,
            link=sync_state,
            bring_batches=bring_batches,
            bank_folder=NoBankFolder() if bank_folder is None else bank_folder,
            hint=hint,
        )
        self.keyboard = Keyboard(clock=desk.clock, held=True)
        self.errands = Errands(
            self,
            after_commit=after_commit,
            open_drawer=open_drawer,
            told=self._notice,
            stopped=self._stop,
            ended=self._errand_ended,
            pin_asked=self._ask_pin,
            second_asked=self._ask_second,
        )
        self.type_ahead = TypeAhead(
            self, self.keyboard, busy=lambda: self.errands.under_way > 0, at_rest=self._at_rest
        )
        self._keep_syncing = keep_syncing
        self._sessions: Sessions = sessions or OneTill()
        self._keep_cards = keep_cards
        self._keep_checking = keep_checking
        self._check: CheckFound | None = None
        self._lock_after_s = lock_after_s
        self._escape_wait_s = escape_wait_s
        self._till_state: TillState | None = None
        self._next_print_s = 0.0
        self._seats: dict[str, Seat] = {}
        self._news = ""

    def _wear(self, theme: Theme) -> None:
        """Before the style sheets are read, which is done once: a theme that is changed later has them all read anew."""
        self.register_theme(theme)
        self.set_reactive(App.theme, theme.name)
        self.stylesheet.set_variables(self.get_css_variables())

    def refresh_css(self, animate: bool = True) -> None:
        """Nothing: theme and style sheets stay as they are, and every widget is styled when it is mounted.

        The framework would read all style sheets anew at each person who sits down.
        """

    # --- who sits here --------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        self.keyboard.last_key_s = self.seat.desk.clock.monotonic_s()
        self.set_interval(STATUS_EVERY_S, self._each_second)
        self.errands.paper_waits()
        if self._keep_syncing is not None:
            self.run_worker(self._keep_syncing(), group="sync", exit_on_error=False)
        if self._keep_cards is not None:
            self.run_worker(self._keep_cards(), group="cards", exit_on_error=False)
        if self._keep_checking is not None:
            self.run_worker(self._keep_checking(self._checked), group="check", exit_on_error=False)
        self._ask_who()
        # Whoever types before the first screen can be seen types into that screen.
        self.type_ahead.hold(self)

    def _ask_who(self) -> None:
        self._show(self._vacant)
        self.push_screen(SignInScreen(self.seat, self.errands), self._sit_down)

    def _sit_down(self, person: Person | None) -> None:
        """A person takes a seat of their own: its screens are theirs, whoever else is locked at this till."""
        assert person is not None
        self._seats[person.user] = replace(self._vacant, occupant=person, shift=None)
        self._show(self._seats[person.user])
        session = self.seat.desk.sessions.get(person.user)
        if session is not None and session.pin_is_first:
            self.push_screen(OwnPinScreen(self.seat, self.errands), self._own_pin_chosen)
        else:
            self._begin()

    def _own_pin_chosen(self, chosen: bool | None) -> None:
        if chosen:
            self._begin()
        else:
            self._audit(sign_out)
            self._leave()

    def _begin(self) -> None:
        self.push_screen(FindScreen(self.seat, self.errands), self._get_up)

    def _came_to_the_lock(self, person: Person) -> None:
        """Somebody else gave number and PIN where a person is locked, whose work stays as it is."""
        known = self._seats.get(person.user)
        if known is None:
            self._sit_down(person)
            return
        known.occupant = person
        self._show(known)
        if isinstance(self.screen, LockScreen):
            self.screen.dismiss(None)

    def _told_who(self) -> None:
        occupant = self.seat.occupant
        self._sessions.seated(None if occupant is None else occupant.user)

    def _audit(self, told: Callable[[Desk, Person], None], seat: Seat | None = None) -> None:
        """Who sits here, or at ``seat``, did something that waits for nothing, and that nothing may stop."""
        person = (seat or self.seat).occupant
        if person is not None:
            runner, desk = self.seat.runner, self.seat.desk
            self.run_worker(runner.till(partial(told, desk, person)), group="audit", exit_on_error=False)

    def _get_up(self, signed_out: SignedOut | None) -> None:
        self._audit(sign_out)
        if signed_out is not None and signed_out.closed is not None:
            figures = ShiftClosedScreen(self.seat, self.errands, signed_out.closed)
            self.push_screen(figures, lambda _: self._leave())
        else:
            self._leave()

    def _leave(self) -> None:
        """Back to whoever is locked here; a supervisor is asked first whether that work is to be given up."""
        left = self.seat
        locked = next((seat for seat in reversed(self._seats.values()) if seat is not left), None)
        if locked is None:
            self._ask_who()
            self._end(left)
        elif left.may("confirm_person"):
            who = locked.person
            question = (
                f"{shown(who.name)}, user {who.user}, is locked here.\n"
                "Sign them out too? What is unfinished there is given up."
            )
            self.push_screen(
                ConfirmScreen(left, self.errands, question), lambda yes: self._decided(locked, bool(yes))
            )
        else:
            self._decided(locked, False)

    def _decided(self, locked: Seat, give_up: bool) -> None:
        if give_up:
            self._audit(partial(end_session, why=f"Given up by user {self.seat.person.user}"), locked)
            self._end(locked)
            self._leave()
        else:
            left = self.seat
            self._show(locked)
            self._end(left)

    def _end(self, seat: Seat) -> None:
        """Its screens go. What was shown to a payer there and is given up with them is kept in the audit."""
        mode = _mode_of(seat)
        frames = [one for one in self._screen_stacks.get(mode, ()) if isinstance(one, Frame)]
        found = [left for left in (frame.unfinished() for frame in frames) if left is not None]
        # The bills below a sale show the same payment: the screen in front knows it best.
        for left in {(left.what, left.subject): left for left in found}.values():
            self.run_worker(seat.tell_left(left), group="audit", exit_on_error=False)
        del self._seats[seat.person.user]
        self.remove_mode(mode)

    def _show(self, seat: Seat) -> None:
        """The screens of one seat. Each is a stack of its own, which the framework calls a mode."""
        self.seat = seat
        self._told_who()
        mode = _mode_of(seat)
        if mode not in self._modes:
            self.add_mode(mode, Screen)
        self.switch_mode(mode)

    def _ask_pin(self, refusal: DomainError) -> None:
        """The deed wants a PIN that was typed lately. The screen that wanted it stays as it is; its key does it then."""

        def typed(right: bool | None) -> None:
            if isinstance(self.screen, Frame):
                if right:
                    self.screen.say("Your PIN is right. Now press the same key again.")
                else:
                    self.screen.refuse("Nothing was done: it wants your PIN.")

        self.push_screen(PinScreen(self.seat, self.errands, refusal.message), typed)

    def _ask_second(self, asking: Asking, refusal: ApprovalNeeded) -> None:
        """The deed wants a second person, who may stand beside this seat; the screen that wanted it goes on then."""
        self.run_worker(self._show_case(asking, refusal), group="second", exit_on_error=True)

    async def _show_case(self, asking: Asking, refusal: ApprovalNeeded) -> None:
        desk, number = self.seat.desk, str(refusal.details.get("request", ""))
        request = await self.seat.look(lambda: request_of(desk, number))
        in_front: object = self.screen
        if request is None or in_front is not asking:
            return

        def answered(approver: str | Refused | None) -> None:
            if isinstance(approver, Refused):
                asking.refused(approver)
            elif approver is None:
                asking.refused(
                    Refused(refusal.code, f"Request {number} waits for a second person: menu . . 9")
                )
            else:
                asking.approved(f"User {approver} approved {number}.")

        self.push_screen(SecondPersonScreen(self.seat, self.errands, refusal, request), answered)

    def on_key_anew(self, message: KeyAnew) -> None:
        """A payment that was keyed as paid another way is keyed as it was."""

        def answered(outcome: object) -> None:
            message.then(outcome if isinstance(outcome, PaymentTaken) else None)

        wanted = message.wanted
        self.push_screen(PaidAnewScreen(self.seat, self.errands, wanted.basket, wanted.taken), answered)

    def _stop(self, fault: StoreError) -> None:
        if not isinstance(self.screen, StopScreen):
            self.push_screen(StopScreen(self.seat, self.errands, fault))

    def _checked(self, check: CheckFound) -> None:
        """The whole store was checked beside the selling. A damaged file stops it, as it does at the start."""
        self._check = check
        if check.damage is not None:
            self._stop(StoreError("store_damaged", check.damage, exit_code=6))
        elif check.findings:
            self._notice(
                f"The check of the books found {check.findings} faults. Tell a supervisor: pos verify."
            )
        self._tell_status()

    # --- keys, in their order -------------------------------------------------------------------------------------

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key) and not event.is_forwarded:
            if not self._is_too_small():
                self.keyboard.sort(Press(event.key, event.character))
                if self.keyboard.escape_waits:
                    self.set_timer(self._escape_wait_s, self._escape_alone)
                self._leave_central()
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
        self._leave_central()
        await self._pass_on()

    def _leave_central(self) -> None:
        """Esc while a deed waits for central ends the waiting; what was typed ahead was meant for its end."""
        patience = self.seat.patience
        if patience is not None and patience.waits and self.keyboard.drop_to_escape():
            patience.leave()

    def _central_is_slow(self) -> None:
        if self.screen_stack and isinstance(self.screen, Frame):
            self.screen.say(
                "Central is asked whether another terminal has paid of it back. Esc: do not wait."
            )

    async def _pass_on(self) -> None:
        while (arrival := self.keyboard.next()) is not None:
            await self._deliver(arrival)

    async def _deliver(self, arrival: Arrival) -> None:
        target: MessagePump = self.focused or self.screen
        match arrival:
            case Scan(text=text):
                self.keyboard.loose.clear()
                self.type_ahead.hold(target, partial(self._hand_over, text))
            case Press() if self.focused is None and self.keyboard.keep_loose(arrival):
                self.set_timer(BURST_OVER_S, partial(self._burst_over, len(self.keyboard.loose)))
            case Press() if self.keyboard.loose:
                self.keyboard.give_back(arrival)
            case Press(key=key, character=character):
                # Without a box to type into every key may lead to another screen, digits too.
                if arrival.is_barrier or self.focused is None:
                    self.type_ahead.hold(target)
                await super().on_event(events.Key(key, character))

    async def _burst_over(self, loose: int) -> None:
        """Nothing came after the last character of a burst: it was no scan, its characters were keys."""
        if loose == len(self.keyboard.loose):
            self.keyboard.give_back()
            await self._pass_on()

    def _hand_over(self, text: str) -> None:
        """The whole scan, after its characters have landed where the cursor was."""
        screen = self.screen
        if isinstance(self.focused, Box) and (self.focused.wipe_card_number() or holds_card_number(text)):
            # It has gone from the box, or was too long for it.
            return
        if isinstance(screen, Frame):
            screen.take_scan(text)

    async def _at_rest(self) -> None:
        """The screens have answered each other and can be seen."""
        self._tell_news()
        await self._pass_on()

    def _notice(self, text: str) -> None:
        """Something beside the screens has to be told: at once, or as soon as they have answered each other."""
        self._news = text
        if not self.keyboard.held:
            self._tell_news()

    def _tell_news(self) -> None:
        text, self._news = self._news, ""
        if text and isinstance(self.screen, Frame):
            self.screen.refuse(text)

    # --- status, lock, help ---------------------------------------------------------------------------------------

    def _each_second(self) -> None:
        if not self.screen_stack:
            return  # The program is ending: the framework takes its screens away before it stops the clocks.
        idle_s = self.seat.desk.clock.monotonic_s() - self.keyboard.last_key_s
        if idle_s >= self._lock_after_s:
            self.action_lock()
        occupant = self.seat.occupant
        if occupant is not None and is_over(self.seat.desk, occupant):
            self._lock("You have sat here for as long as one may. Your PIN begins it anew.")
        taken_by = self._sessions.taken_by()
        if taken_by is not None:
            self._lock(
                f"You signed in at terminal {taken_by}, so this one is locked. Your PIN takes it back."
            )
        if self._sessions.is_another():
            self._lock("You were disabled, or your rights were changed. Sign in again.")
        if isinstance(self.screen, SecondPersonScreen):
            self.screen.look_again()
        self._print_again()
        self._learn_status()

    def _print_again(self) -> None:
        """The printer may have paper again, and central the payment that a new voucher's slip waits for."""
        now_s, state = self.seat.desk.clock.monotonic_s(), self._till_state
        if state is not None and (state.stuck_papers or state.waiting_slips) and now_s >= self._next_print_s:
            self._next_print_s = now_s + (PRINT_AGAIN_S if state.stuck_papers else SLIP_AGAIN_S)
            self.errands.paper_waits()

    def _learn_status(self) -> None:
        _: Worker[None] = self.run_worker(
            self._read_status, group="status", exclusive=True, exit_on_error=False
        )
        self._tell_status()

    def _errand_ended(self) -> None:
        self.type_ahead.settle()
        self._learn_status()

    async def _read_status(self) -> None:
        try:
            self._till_state = await self.seat.look(lambda: till_state(self.seat.desk))
        except StoreError as fault:
            self._stop(fault)
        self._tell_status()

    def _tell_status(self) -> None:
        if not self.screen_stack:
            # The clock strikes once more while the program ends.
            return
        for line in self.screen.query(StatusLine):
            line.tell(self._status())

    def on_status_line_came_into_view(self) -> None:
        self._tell_status()

    def _status(self) -> Status:
        seat, sync, state = self.seat, self.seat.link(), self._till_state
        here, now = seat.desk.identity, seat.desk.clock.now()
        seated = seat.occupant is not None
        shift = seat.shift if seated else None
        return Status(
            shop=here.shop.shop,
            terminal=here.terminal,
            operator=None if seat.occupant is None else seat.occupant.name,
            shift_number=None if shift is None else shift.number,
            business_date=business_date_now(seat.desk) if shift is None else shift.business_date,
            online=sync.online,
            since=sync.since,
            barred=sync.barred is not None,
            waiting=None if state is None else state.waiting,
            parked=0 if state is None else state.parked,
            at_risk="" if state is None else seat.shown(state.at_risk),
            stuck_papers=0 if state is None else state.stuck_papers,
            clock_behind=state is not None and state.clock_behind,
            open_cards=0 if state is None else state.open_cards,
            findings=0 if self._check is None else self._check.findings,
            now=now,
            roster_left=None if state is None else state.roster_left,
            training=here.training,
        )

    def action_lock(self) -> None:
        self._lock()

    def _lock(self, why: str = "") -> None:
        """Not while a deed is under way: its screen must be there for the answer."""
        seated = self.seat.occupant is not None
        if seated and not self.errands.under_way and not isinstance(self.screen, LockScreen | StopScreen):
            locked = LockScreen(self.seat, self.errands, why, another=self._came_to_the_lock)
            self.push_screen(locked, lambda _: self._told_who())
            self._audit(partial(lock, why=why or None))

    def action_help(self) -> None:
        if not isinstance(self.screen, HelpScreen | LockScreen | StopScreen):
            self.push_screen(HelpScreen(self.seat, self.errands))

    def action_test_keys(self) -> None:
        self.push_screen(KeyTestScreen(self.seat, self.errands))

    def _fatal_error(self) -> None:
        """The framework's own account of a fault of the program shows the values of its variables: names, PINs, a scan."""
        _, fault, trace = sys.exc_info()
        self.bell()
        if fault is not None:
            self._exit_renderables.append(Text("\n".join(crash_lines(fault, trace))))
        self._close_messages_no_wait()

    def get_default_screen(self) -> Screen[object]:
        return Screen(id="_default")
