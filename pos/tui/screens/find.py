"""The main screen: one box that finds everything, and after a payment the change and the receipt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import ContentSwitcher, Input, Label

from pos.domain.errors import DomainError, Refused
from pos.domain.pan_guard import holds_card_number
from pos.domain.payment_mode import PayerKind
from pos.domain.voucher import VoucherIssued
from pos.store.hand_overs import HandOver
from pos.store.shifts import Shift
from pos.till.basket import Basket, account_basket, add_item, choose_bills, walk_in_basket
from pos.till.cash_office import ShiftOpened
from pos.till.cheque_register import cheque_life
from pos.till.counted import slips_taken
from pos.till.drawer_count import currencies_taken
from pos.till.enquiries import QUERY_MAX, Hit, HitKind, account_view, find, plan_payment
from pos.till.hand_over import HandOverAccepted, HandOverUndone, offered_here
from pos.till.known_accounts import nothing_found
from pos.till.notes import Noted
from pos.till.papers import show_receipt
from pos.till.post_dated import ChequeRegistered
from pos.till.refund_across import find_elsewhere, is_whole_number
from pos.till.roster_age import roster_warning, roster_words
from pos.till.shift_closed import ShiftClosed
from pos.till.take_payment import PaymentTaken
from pos.till.walk_in_charges import charge_basket
from pos.tui.keys import bindings
from pos.tui.screens.account import AccountScreen
from pos.tui.screens.approvals import ApprovalsScreen
from pos.tui.screens.bank_receipts import BankReceiptsScreen
from pos.tui.screens.bank_records import BankRecordsScreen
from pos.tui.screens.card_attempts import CardAttemptsScreen
from pos.tui.screens.cheques import ChequeScreen
from pos.tui.screens.close_shift import CloseShiftScreen
from pos.tui.screens.commissions import CommissionsScreen
from pos.tui.screens.confirm_person import ConfirmPersonScreen
from pos.tui.screens.dealers import DealersScreen
from pos.tui.screens.deposits import DepositsScreen
from pos.tui.screens.hand_over import AcceptScreen, said_of
from pos.tui.screens.issue_voucher import IssueVoucherScreen, VoucherScreen
from pos.tui.screens.menu import MenuScreen
from pos.tui.screens.note import NoteScreen
from pos.tui.screens.office import OfficeScreen
from pos.tui.screens.open_shift import OpenShiftScreen
from pos.tui.screens.outbox import OutboxScreen
from pos.tui.screens.paying import PayingScreen, ScanCame
from pos.tui.screens.people import PeopleScreen
from pos.tui.screens.post_dated import PostDatedScreen
from pos.tui.screens.receipt import ReceiptScreen
from pos.tui.screens.receipt_elsewhere import ReceiptElsewhereScreen
from pos.tui.screens.refunds import RefundsScreen
from pos.tui.screens.sale import SaleScreen
from pos.tui.screens.suspense import SuspenseScreen
from pos.tui.screens.till_screen import TillScreen
from pos.tui.widgets.columns import Column, shown
from pos.tui.widgets.find_box import FindBox, hit_row
from pos.tui.widgets.listing import Listing
from pos.tui.widgets.paid import PaidPanel

WELCOME = """\
 Type or scan into the box: account, bill, item, receipt, phone ending or name.
 Enter opens what is selected, F5 takes cash, Enter takes the money.

 F4 sells items without a customer, F9 finds a dealer.
 .  opens the menu: shift, reprint, what waits for central, lock, sign out.
 F1 shows every key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedOut:
    """The person is done; ``closed`` where the shift was closed with it."""

    closed: ShiftClosed | None = None


class FindScreen(TillScreen[SignedOut]):
    """Answers when the person signs out. Everything else is opened from here and comes back here."""

    AUTO_FOCUS = "#find"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(["menu"]),
        Binding("up", "move(-1)", "Up"),
        Binding("down", "move(1)", "Down"),
        Binding("pageup", "page(-1)", "Page up"),
        Binding("pagedown", "page(1)", "Page down"),
    ]
    KEYS: ClassVar[tuple[str, ...]] = ("help", "items", "dealer", "accept", "menu", "lock", "reprint")

    _hits: tuple[Hit, ...] = ()
    _answered: str | None = None
    """The query that ``_hits`` answers; None: none yet."""
    _cleared = ""

    def body(self) -> ComposeResult:
        with Horizontal(id="find-line"):
            yield Label("Find >", classes="label", markup=False)
            yield FindBox(id="find", limit=QUERY_MAX)
        with ContentSwitcher(initial="welcome", id="below"):
            yield Label(Text(WELCOME), id="welcome")
            yield Listing(
                (
                    Column(title="Number", width=14),
                    Column(title="Name", flexible=True),
                    Column(title="Phone", width=16),
                    Column(title="", width=10),
                ),
                id="results",
            )
            yield PaidPanel(self.seat)

    def on_mount(self) -> None:
        self.errand(self._begin())

    def on_screen_resume(self) -> None:
        self.run_worker(self._warn_of_roster(), group="roster", exclusive=True, exit_on_error=False)

    async def _warn_of_roster(self) -> None:
        """While there is time to mend the line, above what the keys do."""
        left = await self.seat.look(lambda: roster_warning(self.seat.desk))
        said = WELCOME if left is None else f"\n {roster_words(left)}\n{WELCOME}"
        self.query_one("#welcome", Label).update(Text(said))

    async def _begin(self) -> None:
        """Whoever sits down without an open shift is asked to open one at once."""
        await self.seat.see_shift()
        shift = self.seat.shift
        if shift is None and self.seat.may("open_shift"):
            self.action_open_shift()
        elif shift is not None and shift.offered_to == self.seat.person.user:
            self._see_offer(await self.seat.look(partial(offered_here, self.seat.desk, self.seat.person)))
        elif shift is not None and (shift.offered_to is not None or not self.seat.owns_the_shift):
            self.refuse(_shift_of_other(shift))

    def _see_offer(self, offer: HandOver | None) -> None:
        if offer is not None:
            self.app.push_screen(AcceptScreen(self.seat, self.errands, offer), self._offer_answered)

    def _offer_answered(self, done: HandOverAccepted | HandOverUndone | None) -> None:
        waits = "The shift waits for you to accept it: menu . K . 1"
        self.say(waits if done is None else said_of(self.seat, done))

    # --- finding ------------------------------------------------------------------------------------------------

    def on_input_changed(self, event: Input.Changed) -> None:
        query = event.value.strip()
        self._answered = None
        self.errands.look_up(self, partial(self._search, query))

    async def _search(self, query: str) -> None:
        if len(query) < 2:
            self._show_hits((), query)
            return
        person = self.seat.person
        hits = await self.seat.look(lambda: find(self.seat.desk, person, query))
        if self.query_one("#find", FindBox).value.strip() == query:
            self._show_hits(hits, query)

    def _show_hits(self, hits: Sequence[Hit], query: str) -> None:
        self._hits, self._answered = tuple(hits), query
        switcher = self.query_one("#below", ContentSwitcher)
        if hits:
            self.query_one("#results", Listing).show([hit_row(hit) for hit in hits])
            switcher.current = "results"
            self.say("" if len(hits) == 1 else f"{len(hits)} found. Up and Down choose, Enter opens.")
        elif len(query) >= 2:
            switcher.current = "welcome"
            self.say(nothing_found(self.seat.desk, query))
        elif switcher.current == "results":
            switcher.current = "welcome"
            self.say("")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        query = event.value.strip()
        if len(query) < 2:
            if query:
                self.say("Type at least 2 characters.")
            return
        seen = self._answered == query
        self.errand(self._open(query, may_choose=seen))

    async def _open(self, query: str, *, may_choose: bool) -> None:
        """Open an exact or only hit; of several, only one that the person saw selected."""
        if self._answered != query:
            person = self.seat.person
            self._show_hits(await self.seat.look(lambda: find(self.seat.desk, person, query)), query)
        hits = self._hits
        if not hits and self.seat.refunds is not None and is_whole_number(query):
            self.say(f"Central is asked for receipt {shown(query)}. Go on with anything meanwhile.")
            self.errands.beside(self, self._ask_central(query))
            return
        if not hits:
            self.refuse(nothing_found(self.seat.desk, query))
            return
        exact = [hit for hit in hits if hit.exact]
        if len(exact) == 1:
            await self._open_hit(exact[0])
        elif len(hits) == 1:
            await self._open_hit(hits[0])
        elif may_choose:
            selected = self.query_one("#results", Listing).selected
            await self._open_hit(next(hit for hit in hits if hit.key == selected))
        else:
            self.refuse(f"{len(hits)} found. Choose with Up and Down, then Enter.")

    async def _ask_central(self, query: str) -> None:
        """A receipt that is not of this till: what central tells of it is opened, if the person still waits for it."""
        seat = self.seat
        try:
            found = await find_elsewhere(seat.desk, seat.person, query, seat.refunds, seat.runner)
        except Refused:
            if not self._waits_for(query):
                return
            raise
        if self._waits_for(query):
            self.say("")
            self.app.push_screen(ReceiptElsewhereScreen(seat, self.errands, found))

    def _waits_for(self, query: str) -> bool:
        return self.app.screen is self and self.query_one("#find", FindBox).value.strip() == query

    async def _open_hit(self, hit: Hit) -> None:
        seat = self.seat
        if hit.kind is HitKind.RECEIPT:
            facts = await seat.look(lambda: show_receipt(seat.desk, seat.person, hit.key))
            self.app.push_screen(ReceiptScreen(seat, self.errands, facts))
            return
        if hit.kind is HitKind.CHEQUE:
            life = await seat.look(lambda: cheque_life(seat.desk, seat.person, hit.key))
            self.app.push_screen(ChequeScreen(seat, self.errands, life))
            return
        if hit.item is not None:
            code = hit.item.item
            self._sell(await seat.look(lambda: add_item(seat.desk, self._new_sale(), code)), "is added")
            return
        if hit.account is None:
            basket = await seat.look(lambda: charge_basket(seat.desk, hit.key, seat.new_id()))
            self._sell(basket, f"Charge {hit.key} of a walk-in buyer's bounced cheque.")
            return
        bill_no = hit.key if hit.kind is HitKind.BILL else None
        await self._open_account(hit.account.account, bill_no)

    async def _open_account(self, number: str, bill_no: str | None = None) -> None:
        """A subscriber's bills; a dealer has none, but a cart."""
        seat, person = self.seat, self.seat.person
        view = await seat.look(lambda: account_view(seat.desk, person, number))
        basket = account_basket(seat.desk, view, plan_payment(view), seat.new_id())
        screen: PayingScreen
        if view.account.kind is PayerKind.DEALER:
            screen = SaleScreen(seat, self.errands, choose_bills(basket, beside_items=True))
        else:
            screen = AccountScreen(seat, self.errands, basket, bill_no=bill_no)
        self.app.push_screen(screen, self._came_back)

    def _new_sale(self) -> Basket:
        return walk_in_basket(self.seat.desk, self.seat.new_id())

    def _sell(self, basket: Basket, happened: str = "") -> None:
        said = f"{basket.lines[0].item.name} {happened}." if basket.lines else happened
        self.app.push_screen(SaleScreen(self.seat, self.errands, basket, said=said), self._came_back)

    def _came_back(self, outcome: PaymentTaken | ChequeRegistered | Basket | ScanCame | None) -> None:
        self._clear()
        match outcome:
            case PaymentTaken():
                self._show_paid(outcome)
            case ChequeRegistered(note=note, dated=dated):
                self._show_hits((), "")
                self.app.push_screen(ReceiptScreen(self.seat, self.errands, note))
                self.say(f"Note {note.receipt_number}: {note.total} on {dated}, not paid until then.")
            case ScanCame(text=text):
                self.take_scan(text)
            case _:
                self._show_hits((), "")

    def take_scan(self, text: str) -> None:
        """A scan is a query with its Enter; several hits are shown, never opened."""
        box = self.query_one("#find", FindBox)
        box.take(text)
        query = box.value.strip()
        if len(query) >= 2:
            self.errand(self._open(query, may_choose=False))

    def _clear(self) -> None:
        box = self.query_one("#find", FindBox)
        with self.prevent(Input.Changed):
            box.value = ""
        self._hits, self._answered = (), None
        box.focus()

    # --- after a payment ----------------------------------------------------------------------------------------

    def _show_paid(self, taken: PaymentTaken) -> None:
        receipt = taken.receipt
        self.query_one(PaidPanel).tell(receipt)
        self.query_one("#below", ContentSwitcher).current = "paid"
        number = receipt.receipt_number
        total, change = self.seat.shown_with_currency(receipt.total), self.seat.shown(receipt.change)
        if taken.warnings:
            self.say(f"{number}: {total} taken. {' '.join(taken.warnings)}")
        else:
            self.say(f"Receipt {number}: {total} taken, change {change}.")

    # --- keys ---------------------------------------------------------------------------------------------------

    def action_move(self, by: int) -> None:
        box = self.query_one("#find", FindBox)
        if not box.value and self._cleared:
            box.value, self._cleared = self._cleared, ""
            box.cursor_position = len(box.value)
        else:
            self.query_one("#results", Listing).move(by)

    def action_page(self, by: int) -> None:
        if self.query_one("#below", ContentSwitcher).current == "paid":
            self.query_one(PaidPanel).turn(by)
        else:
            self.query_one("#results", Listing).page(by)

    def action_find(self) -> None:
        self.action_back()

    def refused(self, refusal: DomainError) -> None:
        if refusal.code == "card_number_refused":
            self._clear()
        super().refused(refusal)

    def action_back(self) -> None:
        """Wipe the box; what was typed comes back with Up."""
        typed = self.query_one("#find", FindBox).value
        typed = "" if holds_card_number(typed) else typed
        self._clear()
        self.query_one("#below", ContentSwitcher).current = "welcome"
        self._cleared = typed
        self.say("Up brings back what was typed." if typed else "")

    def action_cash(self) -> None:
        self.refuse("Find the customer first, then F5.")

    def action_card(self) -> None:
        self.refuse("Find the customer first, then F6.")

    def action_cheque(self) -> None:
        self.refuse("Find the customer first, then F7.")

    def action_bank(self) -> None:
        self.refuse("Find the dealer first with F9, then F8.")

    def action_ways(self) -> None:
        self.refuse("Find the customer first, then W.")

    def action_items(self) -> None:
        self._sell(self._new_sale())

    def action_dealer(self) -> None:
        self.app.push_screen(DealersScreen(self.seat, self.errands), self._dealer_found)

    def _dealer_found(self, number: str | None) -> None:
        if number is not None:
            self.errand(self._open_account(number))

    def action_card_attempts(self) -> None:
        self.app.push_screen(CardAttemptsScreen(self.seat, self.errands))

    def action_suspense(self) -> None:
        self.app.push_screen(SuspenseScreen(self.seat, self.errands))

    def action_post_dated(self) -> None:
        self.app.push_screen(PostDatedScreen(self.seat, self.errands), self._note_chosen)

    def _note_chosen(self, number: str | None) -> None:
        if number is not None:
            self.errand(self._open_note(number))

    async def _open_note(self, number: str) -> None:
        seat = self.seat
        facts = await seat.look(lambda: show_receipt(seat.desk, seat.person, number))
        self.app.push_screen(ReceiptScreen(seat, self.errands, facts))

    def action_bank_receipts(self) -> None:
        self.app.push_screen(BankReceiptsScreen(self.seat, self.errands))

    def action_bank_records(self) -> None:
        self.app.push_screen(BankRecordsScreen(self.seat, self.errands))

    def action_commissions(self) -> None:
        self.app.push_screen(CommissionsScreen(self.seat, self.errands))

    def action_issue_voucher(self) -> None:
        self.app.push_screen(IssueVoucherScreen(self.seat, self.errands), self._voucher_issued)

    def _voucher_issued(self, issued: VoucherIssued | None) -> None:
        # The code goes from one screen to the next and stays on neither.
        if issued is not None and self.seat.issuing is not None:
            self.app.push_screen(VoucherScreen(self.seat, self.errands, self.seat.issuing, issued))

    def action_refunds(self) -> None:
        self.app.push_screen(RefundsScreen(self.seat, self.errands))

    def action_deposits(self) -> None:
        self.app.push_screen(DepositsScreen(self.seat, self.errands))

    def action_cash_office(self) -> None:
        self.app.push_screen(OfficeScreen(self.seat, self.errands), self._left_office)

    def _left_office(self, leaves: bool | None) -> None:
        """Whoever has handed the shift over makes room for the one who accepts it."""
        if leaves:
            self.dismiss(SignedOut())

    def action_confirm_person(self) -> None:
        self.app.push_screen(ConfirmPersonScreen(self.seat, self.errands), self._person_confirmed)

    def _person_confirmed(self, name: str | None) -> None:
        if name is not None:
            self.say(f"{name} may sign in again.")

    def action_approvals(self) -> None:
        self.app.push_screen(ApprovalsScreen(self.seat, self.errands))

    def action_people(self) -> None:
        self.app.push_screen(PeopleScreen(self.seat, self.errands))

    def action_note(self) -> None:
        self.app.push_screen(NoteScreen(self.seat, self.errands), self._noted)

    def _noted(self, noted: Noted | None) -> None:
        if noted is not None:
            self.say("The note is kept with your name.")

    def action_outbox(self) -> None:
        self.app.push_screen(OutboxScreen(self.seat, self.errands))

    def action_bill(self) -> None:
        self.refuse("Find the customer first, then F3.")

    def action_menu(self) -> None:
        self.app.push_screen(MenuScreen(self.seat, self.errands), self._chosen)

    async def _chosen(self, act: str | None) -> None:
        if act is not None:
            await self.run_action(act)

    def action_open_shift(self) -> None:
        if self.seat.shift is not None:
            self.refuse(f"Shift {self.seat.shift.number} is open already.")
        else:
            self.app.push_screen(OpenShiftScreen(self.seat, self.errands), self._shift_opened)

    def _shift_opened(self, opened: ShiftOpened | None) -> None:
        if opened is not None:
            self.say(f"Shift {opened.number} is open with a float of {opened.float_}.")
        else:
            self.say("No shift is open: you can look up, not take money. Menu . 1 opens one.")

    def action_close_shift(self) -> None:
        if self.seat.shift is None:
            self.refuse("No shift is open. Menu . 1 opens one.")
        elif not self.seat.owns_the_shift or self.seat.shift.offered_to is not None:
            self.refuse(_shift_of_other(self.seat.shift))
        else:
            self.errand(self._count_shift())

    async def _count_shift(self) -> None:
        foreign = await self.seat.look(lambda: currencies_taken(self.seat.desk))
        slips = await self.seat.look(lambda: slips_taken(self.seat.desk))
        screen = CloseShiftScreen(self.seat, self.errands, foreign, slips)
        self.app.push_screen(screen, self._shift_closed)

    def _shift_closed(self, closed: ShiftClosed | None) -> None:
        if closed is not None:
            self.dismiss(SignedOut(closed=closed))

    def action_sign_out(self) -> None:
        self.dismiss(SignedOut())


def _shift_of_other(shift: Shift) -> str:
    if shift.offered_to is not None:
        return f"Shift {shift.number} of user {shift.operator} waits for user {shift.offered_to} to accept it: . K . 1"
    return f"Shift {shift.number} belongs to user {shift.operator}: you can look up, not take money."
