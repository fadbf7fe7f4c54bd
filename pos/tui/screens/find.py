"""The main screen: one box that finds everything, and after a payment the change and the receipt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import ContentSwitcher, Input, Label

from pos.domain.receipt import Copy, ReceiptFacts
from pos.store.shifts import Shift
from pos.till.cash_office import ShiftClosed, ShiftOpened
from pos.till.enquiries import QUERY_MAX, Hit, HitKind, account_view, find
from pos.till.papers import show_receipt
from pos.till.take_payment import PaymentTaken
from pos.tui.keys import bindings
from pos.tui.screens.account import AccountScreen, ScanCame
from pos.tui.screens.close_shift import CloseShiftScreen
from pos.tui.screens.menu import MenuScreen
from pos.tui.screens.open_shift import OpenShiftScreen
from pos.tui.screens.receipt import ReceiptScreen
from pos.tui.screens.till_screen import TillScreen
from pos.tui.widgets.big_amount import BigAmount
from pos.tui.widgets.columns import Column
from pos.tui.widgets.entry import Box
from pos.tui.widgets.listing import Listing, Row

WELCOME = """\
 Type or scan into the box: account, bill, receipt, phone ending or name.
 Enter opens what is selected, F5 takes cash, Enter takes the money.

 .  opens the menu: shift, reprint, lock, sign out.   F1 shows every key."""


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
    KEYS: ClassVar[tuple[str, ...]] = ("help", "find", "accept", "back", "menu", "lock", "reprint")

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
            with Horizontal(id="paid"):
                with Vertical(id="paid-left"):
                    yield BigAmount("CHANGE", id="change")
                    yield Label("", id="paid-facts", markup=False)
                with VerticalScroll(id="paid-paper", can_focus=False):
                    yield Label("", id="paper", markup=False)

    def on_mount(self) -> None:
        self.errand(self._begin())

    async def _begin(self) -> None:
        """Whoever sits down without an open shift is asked to open one at once."""
        await self.seat.see_shift()
        shift = self.seat.shift
        if shift is None and self.seat.may("open_shift"):
            self.action_open_shift()
        elif shift is not None and not self.seat.owns_the_shift:
            self.refuse(_shift_of_other(shift))

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
            self.query_one("#results", Listing).show([_row(hit) for hit in hits])
            switcher.current = "results"
            self.say("" if len(hits) == 1 else f"{len(hits)} found. Up and Down choose, Enter opens.")
        elif len(query) >= 2:
            switcher.current = "welcome"
            self.say(f"Nothing found for {query}. Check the number, or type a name.")
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
        if not hits:
            self.refuse(f"Nothing found for {query}. Check the number, or type a name.")
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

    async def _open_hit(self, hit: Hit) -> None:
        seat, person = self.seat, self.seat.person
        if hit.kind is HitKind.RECEIPT:
            facts = await seat.look(lambda: show_receipt(seat.desk, seat.person, hit.key))
            self.app.push_screen(ReceiptScreen(seat, self.errands, facts))
            return
        assert hit.account is not None
        number = hit.account.account
        view = await seat.look(lambda: account_view(seat.desk, person, number))
        bill_no = hit.key if hit.kind is HitKind.BILL else None
        self.app.push_screen(
            AccountScreen(seat, self.errands, view, bill_no=bill_no), self._back_from_account
        )

    def _back_from_account(self, outcome: PaymentTaken | ScanCame | None) -> None:
        self._clear()
        match outcome:
            case PaymentTaken():
                self._show_paid(outcome.receipt)
            case ScanCame(text=text):
                self.take_scan(text)
            case None:
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

    def _show_paid(self, receipt: ReceiptFacts) -> None:
        self.query_one("#change", BigAmount).tell(receipt.change)
        modes = ", ".join(f"{tender.label} {tender.amount.plain()}" for tender in receipt.tenders)
        credit = f"\nOn account {receipt.credit.plain()}" if receipt.credit else ""
        self.query_one("#paid-facts", Label).update(
            Text(
                f"\nPaid {receipt.total}\n{modes}{credit}\n\nReceipt {receipt.receipt_number}\n\n"
                "Ready: type or scan the next.\nPgUp PgDn turn the receipt."
            )
        )
        self.query_one("#paper", Label).update(Text(self.seat.preview(receipt, Copy())))
        self.query_one("#below", ContentSwitcher).current = "paid"
        self.say(f"Receipt {receipt.receipt_number}: {receipt.total} taken, change {receipt.change.plain()}.")

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
            paper = self.query_one("#paid-paper", VerticalScroll)
            paper.scroll_relative(y=by * max(paper.size.height - 2, 1), animate=False)
        else:
            self.query_one("#results", Listing).page(by)

    def action_find(self) -> None:
        self.action_back()

    def action_back(self) -> None:
        """Wipe the box; what was typed comes back with Up."""
        typed = self.query_one("#find", FindBox).value
        self._clear()
        self.query_one("#below", ContentSwitcher).current = "welcome"
        self._cleared = typed
        self.say("Up brings back what was typed." if typed else "")

    def action_cash(self) -> None:
        self.refuse("Find the customer first, then F5.")

    def action_cheque(self) -> None:
        self.refuse("Find the customer first, then F7.")

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
        elif not self.seat.owns_the_shift:
            self.refuse(_shift_of_other(self.seat.shift))
        else:
            self.app.push_screen(CloseShiftScreen(self.seat, self.errands), self._shift_closed)

    def _shift_closed(self, closed: ShiftClosed | None) -> None:
        if closed is not None:
            self.dismiss(SignedOut(closed=closed))

    def action_sign_out(self) -> None:
        self.dismiss(SignedOut())


class FindBox(Box):
    """The one box. A full stop in an empty one is the menu's key."""

    def __init__(self, *, id: str, limit: int) -> None:
        super().__init__(id=id, limit=limit)

    def take(self, text: str) -> bool:
        """A scan in place of what stood here, without what doesn't print."""
        return super().take("".join(character for character in text if character.isprintable())[:QUERY_MAX])

    def leaves(self, character: str) -> bool:
        return character == "." and not self.value


def _row(hit: Hit) -> Row:
    account = hit.account
    if account is None:
        return Row(key=hit.key, cells=(hit.key, "", "", str(hit.kind)))
    marks = " ".join(
        word
        for word in ("CASH-ONLY" if account.cash_only else "", str(hit.kind) if hit.exact else "")
        if word
    )
    return Row(key=hit.key, cells=(hit.key, account.name, account.phone, marks))


def _shift_of_other(shift: Shift) -> str:
    return f"Shift {shift.number} belongs to user {shift.operator}: you can look up, not take money."
