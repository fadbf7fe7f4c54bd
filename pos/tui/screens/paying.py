"""What an account and a sale share: a basket, the ways to pay it, what was given so far, and one step back at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Label

from pos.domain.errors import DomainError, NeedsConfirmation
from pos.domain.pan_guard import holds_card_number
from pos.domain.payment_mode import ModeKind, PaymentMode
from pos.domain.unfinished import Unfinished
from pos.till.basket import (
    Basket,
    confirm,
    identified,
    modes_for,
    pay_only_given,
    shut_modes,
    take_back,
    ways_to_pay,
)
from pos.till.post_dated import ChequeRegistered
from pos.till.take_payment import PaymentTaken
from pos.till.unfinished import amount_typed, tender_taken_out, unfinished_payment, way_opened
from pos.tui.errands import Errands
from pos.tui.handover import how_to_undo, keep_only, let_cards_go, take, take_card_back, why_not
from pos.tui.keys import bindings
from pos.tui.screens.card import CardScreen, KeyedSlip
from pos.tui.screens.card_attempts import CardAttemptsScreen
from pos.tui.screens.cash import CashScreen
from pos.tui.screens.cheque import ChequeScreen
from pos.tui.screens.identity import ask_identity
from pos.tui.screens.menu import MenuScreen
from pos.tui.screens.outbox import OutboxScreen
from pos.tui.screens.suspense import SuspenseScreen
from pos.tui.screens.tender import Draft, TenderScreen
from pos.tui.screens.till_screen import TillScreen
from pos.tui.screens.ways import WaysScreen
from pos.tui.seat import Seat
from pos.tui.widgets.big_amount import BigAmount
from pos.tui.widgets.listing import Listing

TYPED_MAX = 24
_KEY_OF = {
    ModeKind.CASH: "cash",
    ModeKind.CARD: "card",
    ModeKind.CHEQUE: "cheque",
    ModeKind.BANK_RECEIPT: "bank",
    ModeKind.VOUCHER: "voucher",
}
"""The key that leads to a family of ways to pay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanCame:
    """Another thing was scanned while this was open."""

    text: str


class PayingScreen(TillScreen[PaymentTaken | ChequeRegistered | Basket | ScanCame]):
    """Answers the payment that was taken, the basket to go on with, or the scan that came instead."""

    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(["part", "menu", "voucher", "ways"]),
        Binding("up", "move(-1)", "Up"),
        Binding("down", "move(1)", "Down"),
        Binding("pageup", "page(-1)", "Page up"),
        Binding("pagedown", "page(1)", "Page down"),
        Binding("enter", "accept", "OK"),
        Binding("backspace", "wipe_one", "Wipe"),
    ]

    def __init__(self, seat: Seat, errands: Errands, basket: Basket) -> None:
        super().__init__(seat, errands)
        self._basket = basket
        self._typed = ""
        self._drafts: dict[ModeKind, Draft] = {}

    def foot(self) -> ComposeResult:
        """The amount to ask for, and beside it what was typed or given."""
        with Horizontal(id="paying-foot"):
            yield BigAmount("TO PAY", id="to-pay")
            yield Label("", id="beside", markup=False)

    def paint(self) -> None:
        """Show the basket as it is now; a screen adds its own list."""
        basket = self._basket
        if basket.given:
            self.query_one("#to-pay", BigAmount).tell(self.seat.shown(basket.rest), "REST")
        else:
            self.query_one("#to-pay", BigAmount).tell(self.seat.shown(basket.to_pay), self.asks)
        self.query_one("#beside", Label).update(Text(self._beside()))
        self.keys_are(tuple(key_id for key_id in self.all_keys if not self._is_closed(key_id)))

    @property
    def all_keys(self) -> tuple[str, ...]:
        """The keys that work here while central answers."""
        return self.KEYS

    def _is_closed(self, key_id: str) -> bool:
        """Whether every way to pay behind a key waits for central."""
        kind = next((kind for kind in ModeKind if _KEY_OF.get(kind) == key_id), None)
        modes = [] if kind is None else self.seat.desk.modes.of_kind(kind)
        shut = shut_modes(self.seat.desk, self.seat.person, self._basket)
        return bool(modes) and all(mode.code in shut for mode in modes)

    @property
    def asks(self) -> str:
        """The word before the amount."""
        return "TO PAY"

    def typed_hint(self) -> str:
        """What the typed digits may become, in two short lines."""
        raise NotImplementedError

    def idle_hint(self) -> str:
        """What stands beside the amount while nothing is typed or given."""
        raise NotImplementedError

    def _beside(self) -> str:
        basket = self._basket
        if self._typed:
            return f"Typed > {self._typed}▌\n{self.typed_hint()}"
        if basket.given:
            last = "Enter takes it." if basket.rest.minor == 0 else "Esc takes the last one back."
            return f"TO PAY {self.seat.shown(basket.to_pay)}\nGIVEN  {self.seat.shown(basket.handed_over)}\n{last}"
        return self.idle_hint()

    # --- keys ---------------------------------------------------------------------------------------------------

    def on_key(self, event: events.Key) -> None:
        character = event.character
        if character is None or len(self._typed) >= TYPED_MAX:
            return
        if (character.isdigit() and character.isascii()) or (
            character in self.seat.decimal_marks and self._typed
        ):
            event.stop()
            event.prevent_default()
            self._typed += character
            if holds_card_number(self._typed):
                self._typed = ""
                self.refuse("This looks like a card number. Card numbers are never kept.")
            self.paint()

    def take_scan(self, text: str) -> None:
        """Its first character came before anybody could know that it was a scan."""
        if self._typed and text.startswith(self._typed[-1]):
            self._typed = self._typed[:-1]
            self.paint()
        self.errand(self.scanned(text))

    async def scanned(self, text: str) -> None:
        """What to do with a scan."""
        raise NotImplementedError

    def action_wipe_one(self) -> None:
        self._typed = self._typed[:-1]
        self.paint()

    def action_move(self, by: int) -> None:
        self.query_one(Listing).move(by)

    def action_page(self, by: int) -> None:
        self.query_one(Listing).page(by)

    def action_accept(self) -> None:
        if self._basket.given and self._basket.rest.minor == 0:
            self._take_enough()
        elif self._basket.given:
            self.say(f"F5 takes the rest in cash, F6 by card, W shows every way.{self._only_given_hint()}")
        else:
            self.say(self.next_key())

    def _only_given_hint(self) -> str:
        return "  -  pays only what was given." if self._basket.plan.parts else ""

    def next_key(self) -> str:
        """What may be pressed now, in words."""
        return "F5 takes cash, F6 a card, F7 a cheque, V a voucher, W shows every way."

    def action_menu(self) -> None:
        self.app.push_screen(MenuScreen(self.seat, self.errands), self._chosen)

    async def _chosen(self, act: str | None) -> None:
        if act in {"screen.open_shift", "screen.close_shift", "screen.sign_out"}:
            self.refuse("Leave this payment with Esc first; then . opens the menu.")
        elif act is not None:
            await self.run_action(act)

    def action_outbox(self) -> None:
        self.app.push_screen(OutboxScreen(self.seat, self.errands))

    def action_card_attempts(self) -> None:
        self.app.push_screen(CardAttemptsScreen(self.seat, self.errands))

    def action_suspense(self) -> None:
        self.app.push_screen(SuspenseScreen(self.seat, self.errands))

    def action_post_dated(self) -> None:
        self.refuse("Leave this payment with Esc first; then . P shows post-dated cheques.")

    def action_dealer(self) -> None:
        self.refuse("Leave this payment with Esc first; then F9 finds a dealer.")

    # --- one step back ------------------------------------------------------------------------------------------

    def action_back(self) -> None:
        """What was typed, then what was given, then the screen's own steps, then the items, then all of it."""
        if self._typed:
            self._typed = ""
            self.paint()
        elif self._basket.given:
            self._ask_back()
        elif not self.step_back():
            self.leave()

    def step_back(self) -> bool:
        """Take back one step of the screen's own; False: there is none."""
        return False

    def action_find(self) -> None:
        self.leave()

    def leave(self) -> None:
        """Go back to where this was opened from; nothing that was chosen is lost without a word."""
        if self._basket.given:
            self.refuse("Something was given already. Esc takes it back, then F2.")
        elif self._basket.lines:
            count = len(self._basket.lines)
            question = f"Leave? {count} line{'' if count == 1 else 's'} of items will be dropped."
            self.ask(question, lambda: self.dismiss(None))
        elif self._drafts:
            begun = ", ".join(draft.label for draft in self._drafts.values())
            self.ask(f"Leave? What was typed will be dropped: {begun}.", lambda: self.dismiss(None))
        else:
            self.dismiss(None)

    def _ask_back(self) -> None:
        question = f"{how_to_undo(self._basket.given[-1])} Take it out of this payment?"
        self.ask(question, lambda: self.errand(self._take_back()))

    async def _take_back(self) -> None:
        last = self._basket.given[-1]
        self._basket = tender_taken_out(take_back(self._basket), last)
        self.paint()
        self.say(f"{last.what} is taken out.")
        if last.order.attempt is not None:
            self.say(await take_card_back(self.seat, last))
        if last.mode.kind is ModeKind.VOUCHER:
            await keep_only(self.seat, self._basket)

    def dismiss(
        self, result: PaymentTaken | ChequeRegistered | Basket | ScanCame | None = None
    ) -> AwaitComplete:
        """Nothing stays charged for a payment that is left."""
        if self.is_left_by(result) and self.app.screen is self and self.seat.card_terminal is not None:
            self.errands.beside(self, let_cards_go(self.seat, self._basket))
        return super().dismiss(result)

    def unfinished(self) -> Unfinished | None:
        return unfinished_payment(self._basket)

    def is_left_by(self, result: PaymentTaken | ChequeRegistered | Basket | ScanCame | None) -> bool:
        return result is None or isinstance(result, ScanCame)

    # --- ways to pay --------------------------------------------------------------------------------------------

    def action_cash(self) -> None:
        self._pay_by(ModeKind.CASH)

    def action_card(self) -> None:
        self._pay_by(ModeKind.CARD)

    def action_cheque(self) -> None:
        self._pay_by(ModeKind.CHEQUE)

    def action_bank(self) -> None:
        self._pay_by(ModeKind.BANK_RECEIPT)

    def action_voucher(self) -> None:
        self._pay_by(ModeKind.VOUCHER)

    def action_ways(self) -> None:
        if self._may_pay():
            ways = modes_for(self.seat.desk, self.seat.person, self._basket)
            shut = shut_modes(self.seat.desk, self.seat.person, self._basket)
            screen = WaysScreen(self.seat, self.errands, ways, shut=shut)
            self.app.push_screen(screen, self._way_chosen)

    def _way_chosen(self, code: str | None) -> None:
        if code is not None:
            mode = self.seat.desk.modes[code]
            self.seat.habits.mode[mode.kind] = code
            draft = self._drafts.get(mode.kind)
            if draft is not None:
                # The number names the mode, whatever was begun before.
                self._drafts[mode.kind] = replace(draft, mode=code)
            self._pay_by(mode.kind)

    def action_part(self) -> None:
        if self._typed:
            typed, self._typed = self._typed, ""
            self.part_typed(typed)
        elif not self._basket.given:
            self.refuse("Type the amount to pay first, then  -")
        else:
            self._ask_only_given()

    def part_typed(self, typed: str) -> None:
        """Pay only this much."""
        raise NotImplementedError

    def _ask_only_given(self) -> None:
        try:
            smaller = pay_only_given(self._basket)
        except DomainError as refusal:
            self.refused(refusal)
            return
        rest, given = self.seat.shown(self._basket.rest), self.seat.shown(self._basket.handed_over)
        self.ask(f"Pay only the {given} that was given? {rest} stays open.", lambda: self._take(smaller))

    def _take_enough(self) -> None:
        """More than enough is kept only if somebody said so; without anything to pay no bill is chosen behind their back."""
        basket = self._basket
        if basket.has_no_use:
            self.refuse("Nothing is left to pay. Esc takes the last one back.")
            return
        if basket.is_empty or basket.handed_over <= basket.to_pay:
            self._take(basket)
            return
        rest = "Give the rest back" if basket.keeps_nothing else "Keep the rest as credit on the account"
        shown = self.seat.shown_with_currency
        question = f"{shown(basket.handed_over)} was given for {shown(basket.to_pay)}. {rest}?"
        self.ask(question, lambda: self._take(basket))

    def _may_pay(self) -> bool:
        hindrance = why_not(self.seat, self._basket)
        if hindrance:
            self.refuse(hindrance)
        return not hindrance

    def _pay_by(self, kind: ModeKind) -> None:
        if not self._may_pay():
            return
        desk = self.seat.desk
        try:
            modes = ways_to_pay(desk, self.seat.person, self._basket, desk.modes.of_kind(kind))
        except DomainError as refusal:
            next_key = "" if "F5" in refusal.message else " F5 takes cash, W shows every way."
            self.refuse(refusal.message + next_key)
            return
        self._basket = way_opened(self._basket, kind)
        typed, self._typed = self._typed, ""
        self.paint()
        self.app.push_screen(self._tender_screen(modes, typed), self._after_tender)

    def _tender_screen(
        self, modes: Sequence[PaymentMode], typed: str
    ) -> CashScreen | TenderScreen | CardScreen:
        kind, terminal = modes[0].kind, self.seat.card_terminal
        if kind is ModeKind.CARD and terminal is not None and kind not in self._drafts:
            return CardScreen(self.seat, self.errands, self._basket, modes, terminal, amount=typed)
        if kind is ModeKind.CASH:
            return CashScreen(self.seat, self.errands, self._basket, modes[0], tendered=typed)
        draft = self._drafts.pop(kind, None)
        screen = ChequeScreen if kind is ModeKind.CHEQUE else TenderScreen
        return screen(self.seat, self.errands, self._basket, modes, amount=typed, draft=draft)

    def _after_tender(
        self, outcome: PaymentTaken | ChequeRegistered | Basket | Draft | KeyedSlip | str | None
    ) -> None:
        match outcome:
            case PaymentTaken() | ChequeRegistered():
                self.dismiss(outcome)
            case KeyedSlip(modes=modes, amount=amount):
                screen = TenderScreen(self.seat, self.errands, self._basket, modes, amount=amount, draft=None)
                self.app.push_screen(screen, self._after_tender)
            case Basket() if outcome.given[-1].order.attempt is not None and not outcome.rest:
                self._basket = outcome
                self.paint()
                self._take(outcome)
            case Basket():
                self._basket = outcome
                self.came_back()
                last = outcome.given[-1]
                rest = self.seat.shown_with_currency(outcome.rest)
                self.say(
                    f"{last.what} is laid aside. {rest} is missing: "
                    f"F5 cash, F6 card, W every way.{self._only_given_hint()}"
                )
            case Draft():
                self._drafts[outcome.kind] = outcome
                self.came_back()
                self.say(f"{outcome.label} is kept as typed: the same key opens it again.")
            case str():
                self._basket = amount_typed(
                    self._basket, ModeKind.CASH, outcome, decimal_marks=self.seat.decimal_marks
                )
                self._typed = outcome
                self.came_back()
            case None:
                self.came_back()

    def came_back(self) -> None:
        """Some time has passed: show what stands now."""
        self.paint()

    def approved(self, said: str) -> None:
        self.say(said)
        self._take(self._basket)

    def _take(self, basket: Basket) -> None:
        self._basket = basket
        self.say("Taking ...")
        self.errand(self._taken(basket))

    async def _taken(self, basket: Basket) -> None:
        try:
            self.dismiss(await take(self.seat, self.errands, basket, keep=True))
        except NeedsConfirmation as warning:
            code = warning.code
            self.ask_all_the_same(warning, lambda reason: self._take(confirm(basket, code, reason)))
        except DomainError as refusal:
            if refusal.code != "identity_needed":
                raise
            ask_identity(self, refusal, lambda identity: self._take(identified(basket, identity)))
