"""Opening a shift with a float; where the clock stands before the last deed, or a lost file leaves the store in doubt, a
supervisor confirms it here first."""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Input, Label

from pos.domain.errors import DomainError
from pos.till.cash_office import ShiftOpened, business_date_now, open_shift
from pos.till.day import next_business_date
from pos.till.lost_mark import confirm_store
from pos.till.shop_clock import confirm_clock
from pos.till.sign_in import sign_in
from pos.tui.keys import bindings
from pos.tui.screens.denominations import CashByPieces
from pos.tui.screens.sign_in import PIN_MAX, USER_MAX
from pos.tui.widgets.columns import shown
from pos.tui.widgets.entry import AMOUNT, DIGITS, Field


class OpenShiftScreen(CashByPieces[ShiftOpened]):
    """Answers the opened shift; None: the person went on without one, to look only."""

    AUTO_FOCUS = "#float-box"
    _in_doubt = ""
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(["quantity"])]
    KEYS: ClassVar[tuple[str, ...]] = ("help", "accept", "quantity", "back", "lock")
    CASH: ClassVar[str] = "#float"

    def body(self) -> ComposeResult:
        desk = self.seat.desk
        yield Label(self._title(business_date_now(desk)), id="open-title", classes="title", markup=False)
        yield Field(
            f"Float, {desk.identity.currency}",
            id="float",
            value="0",
            pattern=AMOUNT,
            limit=24,
            note="in the drawer now",
        )
        yield Field("Supervisor", id="confirmer", pattern=DIGITS, limit=USER_MAX, note="confirms it")
        yield Field("PIN", id="confirmer-pin", pattern=DIGITS, limit=PIN_MAX, secret=True)

    def _title(self, day: date) -> str:
        return f"Open a shift for {shown(self.seat.person.name)}, business date {day}"

    def on_mount(self) -> None:
        for field in self._confirmer:
            field.display = False
        self.say("Type the float in the drawer, then Enter. Esc: look up only.")
        self.errand(self._look_at_day())

    async def _look_at_day(self) -> None:
        """Where today is closed already the shift is of the next day."""
        day = await self.seat.look(lambda: next_business_date(self.seat.desk))
        self.query_one("#open-title", Label).update(self._title(day))

    @property
    def _confirmer(self) -> tuple[Field, Field]:
        return self.query_one("#confirmer", Field), self.query_one("#confirmer-pin", Field)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        user, pin = self._confirmer
        if not user.display:
            self.errand(self._open())
        elif not user.value:
            user.box.focus()
            self.refuse("A supervisor types user number and PIN to confirm it.")
        elif not pin.value:
            pin.box.focus()
        else:
            self.errand(self._confirm_and_open(user.value, pin.value))

    async def _confirm_and_open(self, user: str, pin: str) -> None:
        desk = self.seat.desk
        supervisor = await self.seat.deed(lambda: sign_in(desk, user, pin))
        if self._in_doubt == "store_unconfirmed":
            await self.seat.deed(lambda: confirm_store(desk, supervisor))
        else:
            await self.seat.deed(lambda: confirm_clock(desk, supervisor))
        await self._open()

    def approved(self, said: str) -> None:
        """A second person approved a float above the shop's cap."""
        self.say(said)
        self.errand(self._open())

    async def _open(self) -> None:
        seat, person = self.seat, self.seat.person
        float_ = self.query_one("#float", Field).value or "0"
        pieces = self.pieces_of(float_)
        opened = await seat.deed(
            lambda: open_shift(seat.desk, person, float_, pieces=pieces, decimal_marks=seat.decimal_marks)
        )
        await seat.see_shift()
        self.dismiss(opened)

    def refused(self, refusal: DomainError) -> None:
        user, pin = self._confirmer
        pin.box.value = ""
        if refusal.code in ("clock_behind", "store_unconfirmed"):
            self._in_doubt = refusal.code
            user.display = pin.display = True
        if user.display:
            user.box.focus()
            user.box.action_select_all()
        else:
            self.query_one("#float", Field).fault(self.seat.in_words(refusal.message))
        super().refused(refusal)
