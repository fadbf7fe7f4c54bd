"""Counting a drawer, blind, with at most one recount; closing the shift by it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.widgets import Label

from pos.domain.errors import DomainError
from pos.till.cash_office import CountOrder, close_shift, count_shift
from pos.till.counted import SlipOrder
from pos.till.drawer_count import DeclaredOrder, ForeignCountOrder
from pos.till.shift_closed import ShiftClosed
from pos.till.trust_money import holds_trust
from pos.tui.errands import Errands
from pos.tui.keys import bindings
from pos.tui.screens.denominations import CashByPieces
from pos.tui.screens.form import Answer, FormScreen
from pos.tui.seat import Seat
from pos.tui.widgets.entry import AMOUNT, DIGITS, Field

REASON_MAX = 200


class DrawerCountScreen(CashByPieces[Answer], FormScreen[Answer]):
    """What follows a blind count is said by ``finish``. Nothing here tells what is expected."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(["quantity"])]
    KEYS: ClassVar[tuple[str, ...]] = ("help", "accept", "quantity", "back", "lock")

    WHAT: ClassVar[str]
    """What is done with the shift, in one word, as the title begins."""
    CASH: ClassVar[str] = "#count-cash"
    """The notes and coins that were counted last; they make the cash while it says their sum."""
    _counted: CountOrder | None = None
    """The count that was committed last; None: none yet."""
    _last_stands = False
    """The one recount is used up: what is typed anew is counted no more."""
    _leaving = False

    def __init__(
        self, seat: Seat, errands: Errands, foreign: Sequence[str] = (), slips: Sequence[str] = ()
    ) -> None:
        """``foreign`` are the codes of the other currencies that the shift took, ``slips`` the ways that left slips."""
        super().__init__(seat, errands)
        self._slips = tuple(slips)
        self._foreign = tuple(foreign)
        self._declared = tuple(seat.desk.policy.declared)

    def body(self) -> ComposeResult:
        shift = self.seat.shift
        number = "" if shift is None else f" {shift.number}"
        currency = self.seat.desk.identity.currency
        yield Label(f"{self.WHAT} shift{number}: count the drawer", classes="title", markup=False)
        with VerticalScroll(id="count", can_focus=False):
            yield from self.first_fields()
            yield Field(f"Cash, {currency}", id="count-cash", pattern=AMOUNT, limit=24, note="float included")
            yield Field(
                f"Bill money, {currency}",
                id="count-trust",
                pattern=AMOUNT,
                limit=24,
                note="the operator's, apart",
            )
            for code in self._foreign:
                yield Field(f"Cash, {code}", id=f"count-{code}", pattern=AMOUNT, limit=24, note=f"in {code}")
            yield Field("Cheques, how many", id="count-cheques", value="0", pattern=DIGITS, limit=6)
            yield Field(f"Cheques, {currency}", id="count-cheque-total", value="0", pattern=AMOUNT, limit=24)
            for mode in self._slips:
                named = self.seat.desk.modes[mode].label
                yield Field(f"{named} slips", id=f"slips-{mode}", pattern=DIGITS, limit=6, note="how many")
                yield Field(f"{named}, {currency}", id=f"slip-total-{mode}", pattern=AMOUNT, limit=24)
            for kind in self._declared:
                label = kind.replace("_", " ").capitalize()
                yield Field(label, id=f"declared-{kind}", pattern=AMOUNT, limit=24, note="may stay empty")
            yield Field("Reason", id="count-reason", limit=REASON_MAX)

    def first_fields(self) -> Iterator[Field]:
        """What is asked before the count."""
        yield from ()

    def finish(self, reason: str | None) -> Callable[[], Answer]:
        """The deed once the count is committed. It raises ``count_differs`` where it wants a reason."""
        raise NotImplementedError

    def on_mount(self) -> None:
        self.query_one("#count-reason", Field).display = False
        self.query_one("#count-trust", Field).display = self._has_trust
        self.say("Count first: what is expected is shown after the count is accepted.")
        if self.seat.desk.policy.shift.by_denomination:
            self.action_quantity()

    def following(self, field: Field) -> Field | None:
        """Notes that are no good are rare: Enter goes past them, Up and Down to them."""
        fields = list(self.fields)
        rest = fields[fields.index(field) + 1 :]
        rare = {f"declared-{kind}" for kind in self._declared}
        return next((one for one in rest if one.id not in rare), None)

    @property
    def _has_trust(self) -> bool:
        return holds_trust(self.seat.desk, self.seat.person)

    def on_input_changed(self) -> None:
        self._leaving = False

    def send(self) -> None:
        if self.begin_sending():
            self.errand(self._close())

    def _order(self) -> CountOrder:
        def value(name: str) -> str:
            return self.query_one(f"#count-{name}", Field).value

        return CountOrder(
            cash=value("cash") or "0",
            cheque_count=int(value("cheques") or "0"),
            cheques=value("cheque-total") or "0",
            trust=(value("trust") or "0") if self._has_trust else None,
            decimal_marks=self.seat.decimal_marks,
            pieces=self.pieces_of(value("cash")),
            slips=self._slip_orders(),
            foreign=[ForeignCountOrder(currency=code, amount=value(code) or "0") for code in self._foreign],
            declared=[
                DeclaredOrder(kind=kind, amount=amount)
                for kind in self._declared
                if (amount := self.query_one(f"#declared-{kind}", Field).value)
            ],
        )

    def _slip_orders(self) -> list[SlipOrder] | None:
        """None where the shift took nothing that leaves a slip."""
        if not self._slips:
            return None

        def value(name: str) -> str:
            return self.query_one(f"#{name}", Field).value or "0"

        return [
            SlipOrder(mode=mode, count=int(value(f"slips-{mode}")), amount=value(f"slip-total-{mode}"))
            for mode in self._slips
        ]

    async def _close(self) -> None:
        seat, person = self.seat, self.seat.person
        order = self._order()
        reason = self.query_one("#count-reason", Field).value.strip() or None
        if order != self._counted and not self._last_stands:
            await seat.deed(lambda: count_shift(seat.desk, person, order))
            # What is typed anew is a recount and wants no reason that was meant for the first.
            reason = None if self._counted is None else reason
            self._counted = order
        done = await seat.deed(self.finish(reason))
        await seat.see_shift()
        self.dismiss(done)

    def refused(self, refusal: DomainError) -> None:
        super().refused(refusal)
        match refusal.code:
            case "count_differs":
                self._differs()
            case "recounted_already":
                self._last_stands = True
                self._ask_reason(
                    "The drawer was recounted: its last count stands. Type a reason, then Enter."
                )
            case "count_is_old":
                self._counted, self._last_stands = None, False

    def _differs(self) -> None:
        """Says only that it differs, never by how much."""
        recounted = self.query_one("#count-reason", Field).display
        if recounted:
            self._ask_reason("The count differs again. Type a reason, then Enter.")
            return
        self.query_one("#count-reason", Field).display = True
        self.query_one("#count-cash", Field).box.focus()
        self.refuse("The count differs. Count again, or give a reason in the last field.")

    def _ask_reason(self, text: str) -> None:
        reason = self.query_one("#count-reason", Field)
        reason.display = True
        reason.box.focus()
        self.refuse(text)

    def field_of(self, refusal: DomainError) -> Field | None:
        if "amount" in refusal.code:
            return self.query_one("#count-cash", Field)
        return self.query_one("#count-cheques", Field) if refusal.code == "bad_count" else None

    def action_back(self) -> None:
        if self._sending:
            return
        typed = self.query_one("#count-cash", Field).value
        if typed and not self._leaving:
            self._leaving = True
            self.refuse("Esc again leaves; the shift stays open and what you typed is dropped.")
        else:
            self.dismiss(None)


class CloseShiftScreen(DrawerCountScreen[ShiftClosed]):
    """Answers the closed shift."""

    WHAT: ClassVar[str] = "Close"

    def finish(self, reason: str | None) -> Callable[[], ShiftClosed]:
        return partial(close_shift, self.seat.desk, self.seat.person, reason)
