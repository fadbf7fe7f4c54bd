"""Bags of cash between the tills of the shop: sent, on the way, accepted; each by the numbers on its paper."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Label

from pos.domain.errors import DomainError
from pos.domain.money import total
from pos.domain.over_short import size_of, word_of
from pos.domain.shop_bag import PAPER_MAX, AcceptedBag, AcceptedState, BagPaper, SentBag, SentState
from pos.till.accepted_bags import (
    AcceptOrder,
    BagAccepted,
    accept_bag,
    bags_accepted,
    undo_accept_bag,
)
from pos.till.other_tills import bags_on_the_way_here
from pos.till.papers import show_receipt
from pos.till.shop_bags import CONTENTS_MAX, BagOrder, BagSent, bags_sent, recall_bag, send_bag
from pos.tui.errands import Errands
from pos.tui.keys import bindings
from pos.tui.screens.denominations import CashByPieces
from pos.tui.screens.form import FormScreen
from pos.tui.screens.lines import RegisterScreen
from pos.tui.screens.reason import REASON_MAX, ReasonScreen
from pos.tui.screens.receipt import ReceiptScreen
from pos.tui.seat import Seat
from pos.tui.widgets.columns import Column, shown
from pos.tui.widgets.entry import AMOUNT, AMOUNT_MAX, Field
from pos.tui.widgets.listing import Row

BAG_MAX, CHECK_MAX = 40, 10
Entry = SentBag | AcceptedBag | BagPaper
"""A paper alone: a bag of another till that central says is on the way here."""


class ShopBagsScreen(RegisterScreen[None, Entry]):
    """What is not done first. S sends a bag, Y accepts one, N takes the selected one back, Enter shows its paper."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(["send_bag", "accept_bag", "take_bag_back"]),
        Binding("enter", "accept", "OK"),
    ]
    KEYS: ClassVar[tuple[str, ...]] = (
        "help",
        "accept",
        "send_bag",
        "accept_bag",
        "take_bag_back",
        "back",
        "scroll",
    )
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column(title="Day", width=10),
        Column(title="Bag", flexible=True),
        Column(title="Till", width=10),
        Column(title="Amount", width=12, right=True),
        Column(title="State", width=16),
    )

    def __init__(self, seat: Seat, errands: Errands) -> None:
        super().__init__(seat, errands)
        self._again: Callable[[], Coroutine[Any, Any, None]] | None = None

    async def found(self) -> Sequence[Entry]:
        desk, person = self.seat.desk, self.seat.person
        sent = await self.seat.look(lambda: bags_sent(desk, person))
        accepted = await self.seat.look(lambda: bags_accepted(desk, person))
        to_come = await self.seat.look(lambda: bags_on_the_way_here(desk, person))
        done: list[SentBag | AcceptedBag] = [*sent, *accepted]
        return [*to_come, *sorted(done, key=lambda entry: not _waits(entry))]

    def heading(self) -> str:
        on_the_way = [
            entry.paper.amount
            for entry in self.entries
            if isinstance(entry, SentBag) and entry.state is SentState.ON_THE_WAY
        ]
        if not on_the_way:
            return "Bags between the tills of the shop"
        sums = self.seat.shown_with_currency(total(on_the_way, self.seat.desk.identity.currency))
        bags = "1 bag" if len(on_the_way) == 1 else f"{len(on_the_way)} bags"
        return f"Bags between the tills of the shop: {bags} of this till on the way, {sums}"

    def row(self, entry: Entry) -> Row:
        if isinstance(entry, BagPaper):
            amount, till = self.seat.shown(entry.amount), f"from {entry.terminal}"
            cells = ("", entry.bag, till, amount, "ON THE WAY HERE")
            return Row(key=entry.number, cells=cells, strong=True)
        if isinstance(entry, SentBag):
            till = (
                f"to {entry.arrived_at or entry.cash_office}"
                if entry.arrived_at or entry.cash_office
                else "out"
            )
            day, state = entry.sent_on, "back here too" if entry.is_in_doubt else str(entry.state)
            if entry.state is SentState.ON_THE_WAY:
                days = entry.days(self.seat.desk.clock.now().date())
                state = "on the way" if not days else f"on the way {days} d"
        else:
            till, day, state = f"from {entry.paper.terminal}", entry.accepted_on, str(entry.state)
        return Row(
            key=entry.sending_id if isinstance(entry, SentBag) else entry.acceptance_id,
            cells=(
                day.isoformat(),
                entry.paper.bag,
                till,
                self.seat.shown(entry.paper.amount),
                state.upper() if _waits(entry) else state,
            ),
            strong=_waits(entry),
        )

    def facts(self, entry: Entry | None) -> str:
        if entry is None:
            return "No bag was sent or accepted here. S sends one, Y accepts one."
        if isinstance(entry, BagPaper):
            return f"Paper {entry.number}, as central says.\nEnter accepts it; have its paper at hand."
        paper = entry.paper
        if isinstance(entry, SentBag):
            lines = [f"Paper {paper.number}, check {paper.check}, sent by {entry.sent_by}"]
            if entry.counted is not None:
                lines.append(f"Counted at {entry.arrived_at}: {self.seat.shown(entry.counted)}")
            elif entry.contents:
                lines.append(f"Also in it: {shown(entry.contents)}")
            return "\n".join(lines)
        counted = f"Counted {self.seat.shown(entry.counted)}, accepted by {entry.accepted_by}"
        if entry.state is AcceptedState.REFUSED:
            return f"Central refused it: {shown(entry.refused)}\nN takes it back. {counted}"
        return f"Paper {paper.number}, here {entry.number}\n{counted}"

    def action_accept(self) -> None:
        if self.selected is None:
            self.refuse("There is no bag yet. S sends one, Y accepts one.")
            return
        entry = self.selected
        if isinstance(entry, BagPaper):
            self._accept(entry)
            return
        self.errand(self._paper(entry.paper.number if isinstance(entry, SentBag) else entry.number))

    async def _paper(self, number: str) -> None:
        seat = self.seat
        facts = await seat.look(lambda: show_receipt(seat.desk, seat.person, number))
        self.app.push_screen(ReceiptScreen(seat, self.errands, facts))

    def action_send_bag(self) -> None:
        def sent(done: BagSent | None) -> None:
            if done is not None:
                paper = done.sent.paper
                amount = self.seat.shown_with_currency(paper.amount)
                said = f"Bag {paper.bag} with {amount} is on the way. {paper.number} goes with it."
                self.errand(self.load(said))

        self.app.push_screen(SendBagScreen(self.seat, self.errands), sent)

    def action_accept_bag(self) -> None:
        self._accept(self.selected if isinstance(self.selected, BagPaper) else None)

    def _accept(self, paper: BagPaper | None) -> None:
        def accepted(done: BagAccepted | None) -> None:
            if done is None:
                return
            bag = done.accepted
            said = f"Bag {bag.paper.bag}: {self.seat.shown_with_currency(bag.counted)} is in the safe."
            if bag.over_short:
                said += f" {self.seat.shown(size_of(bag.over_short))} {word_of(bag.over_short)}."
            self.errand(self.load(said))

        self.app.push_screen(AcceptBagScreen(self.seat, self.errands, paper), accepted)

    def action_take_bag_back(self) -> None:
        entry = self.selected
        if entry is None or isinstance(entry, BagPaper):
            self.refuse("There is nothing to take back. Select a bag that was sent or accepted here.")
            return

        def answered(reason: str | None) -> None:
            if reason:
                self._again = partial(self._take_back, entry, reason)
                self.errand(self._take_back(entry, reason))

        amount = self.seat.shown_with_currency(entry.paper.amount)
        if isinstance(entry, SentBag):
            question = f"Bag {entry.paper.bag} with {amount} came back? It is in this safe again."
        else:
            question = f"Take back that bag {entry.paper.bag} with {amount} was accepted here?"
        self.app.push_screen(ReasonScreen(self.seat, self.errands, question), answered)

    async def _take_back(self, entry: SentBag | AcceptedBag, reason: str) -> None:
        desk, person, paper = self.seat.desk, self.seat.person, entry.paper.number
        if isinstance(entry, SentBag):
            number = (await self.seat.deed(partial(recall_bag, desk, person, paper, reason))).number
        else:
            number = (await self.seat.deed(partial(undo_accept_bag, desk, person, paper, reason))).number
        self.errands.paper_waits()
        await self.load(f"Bag {entry.paper.bag} is taken back, {number} is being printed.")

    def approved(self, said: str) -> None:
        self.say(said)
        if self._again is not None:
            self.errand(self._again())


def _waits(entry: SentBag | AcceptedBag) -> bool:
    """Whether somebody has still to do something about it."""
    if isinstance(entry, SentBag) and entry.is_in_doubt:
        return True
    return entry.state in (SentState.ON_THE_WAY, AcceptedState.REFUSED)


class SendBagScreen(CashByPieces[BagSent], FormScreen[BagSent]):
    """A bag leaves: its number, and what is put in where it is not sealed yet."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(["quantity"])]
    KEYS: ClassVar[tuple[str, ...]] = ("help", "accept", "quantity", "back", "lock")
    CASH: ClassVar[str] = "#bag-amount"

    def body(self) -> ComposeResult:
        office = self.seat.desk.policy.cash_office
        to = f"the cash office, till {office}" if office else "another till of the shop"
        own = self.seat.desk.identity.currency.code
        yield Label(f"A bag of cash of the safe to {to}", classes="title", markup=False)
        yield Field("Bag number", id="bag-number", limit=BAG_MAX, note="as printed on it")
        yield Field(
            f"Put in, {own}", id="bag-amount", pattern=AMOUNT, limit=AMOUNT_MAX, note="empty if sealed"
        )
        yield Field("Also in it", id="bag-contents", limit=CONTENTS_MAX, note="may stay empty")

    def field_of(self, refusal: DomainError) -> Field | None:
        of_amount = ("not_in_coins", "bag_over_safe", "bad_amount", "amount_", "pieces_")
        return self.query_one(f"#bag-{'amount' if refusal.code.startswith(of_amount) else 'number'}", Field)

    def send(self) -> None:
        if self.begin_sending():
            self.errand(self._send())

    async def _send(self) -> None:
        bag, amount, contents = (
            self.query_one(f"#bag-{name}", Field).value.strip() for name in ("number", "amount", "contents")
        )
        order = BagOrder(
            bag=bag,
            amount=amount,
            contents=contents,
            pieces=self.pieces_of(amount),
            decimal_marks=self.seat.decimal_marks,
        )
        done = await self.seat.deed(partial(send_bag, self.seat.desk, self.seat.person, order))
        self.errands.paper_waits()
        self.dismiss(done)


class AcceptBagScreen(CashByPieces[BagAccepted], FormScreen[BagAccepted]):
    """What stands on the bag's paper, then what is counted."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(["quantity"])]
    KEYS: ClassVar[tuple[str, ...]] = ("help", "accept", "quantity", "back", "lock")
    CASH: ClassVar[str] = "#accept-counted"

    def __init__(self, seat: Seat, errands: Errands, paper: BagPaper | None = None) -> None:
        super().__init__(seat, errands)
        self._paper = paper

    def body(self) -> ComposeResult:
        known = self._paper
        number, bag = ("", "") if known is None else (known.number, known.bag)
        amount = "" if known is None else self.seat.shown(known.amount)
        own = self.seat.desk.identity.currency.code
        yield Label("A bag of another till into the safe: off its paper", classes="title", markup=False)
        yield Field("Paper", id="accept-paper", value=number, limit=PAPER_MAX, note="its number")
        yield Field("Bag number", id="accept-bag", value=bag, limit=BAG_MAX, note="on the bag")
        yield Field(f"Put in, {own}", id="accept-amount", value=amount, pattern=AMOUNT, limit=AMOUNT_MAX)
        yield Field("Check", id="accept-check", limit=CHECK_MAX, note="5 characters")
        yield Field(f"Counted, {own}", id="accept-counted", pattern=AMOUNT, limit=AMOUNT_MAX)
        yield Field("Reason", id="accept-reason", limit=REASON_MAX)

    def on_mount(self) -> None:
        self.query_one("#accept-reason", Field).display = False
        if self._paper is not None:
            self.query_one("#accept-check", Field).box.focus()

    def send(self) -> None:
        if self.begin_sending():
            self.errand(self._send())

    async def _send(self) -> None:
        def typed(name: str) -> str:
            return self.query_one(f"#accept-{name}", Field).value.strip()

        order = AcceptOrder(
            paper=typed("paper"),
            bag=typed("bag"),
            amount=typed("amount"),
            check=typed("check"),
            counted=typed("counted"),
            reason=typed("reason"),
            pieces=self.pieces_of(typed("counted")),
            decimal_marks=self.seat.decimal_marks,
        )
        done = await self.seat.deed(partial(accept_bag, self.seat.desk, self.seat.person, order))
        self.errands.paper_waits()
        self.dismiss(done)

    def refused(self, refusal: DomainError) -> None:
        if refusal.code == "bag_differs":
            self.query_one("#accept-reason", Field).display = True
        super().refused(refusal)

    def field_of(self, refusal: DomainError) -> Field | None:
        named = str(refusal.details.get("field", "")).lower()
        return next(iter(self.query(f"#accept-{named}").results(Field)), None) if named.isalpha() else None
