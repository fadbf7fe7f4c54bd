"""A second person at the seat: sees what is asked for, gives number and PIN, and the one who sits here goes on."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Label

from pos.domain.approval import ApprovalNeeded, RequestState
from pos.domain.approval_elsewhere import RequestElsewhere
from pos.domain.correction import REASON_LABELS
from pos.domain.errors import DomainError, Refused
from pos.store.approvals import Request
from pos.till.approvals import approve_at_the_seat, request_of
from pos.till.approvals_elsewhere import ask_elsewhere
from pos.tui.errands import Errands
from pos.tui.keys import bindings
from pos.tui.screens.form import FormScreen
from pos.tui.screens.pin import PIN_MAX
from pos.tui.screens.sign_in import USER_MAX
from pos.tui.seat import Seat
from pos.tui.widgets.columns import shown
from pos.tui.widgets.entry import DIGITS, Field


def _why(reason: str) -> str:
    """A reason as people say it; what was said in words is shown alone."""
    code, _, words = reason.partition(": ")
    label = next((label for known, label in REASON_LABELS.items() if known == code), None)
    return reason if label is None else words or label


def case_lines(seat: Seat, request: Request | RequestElsewhere) -> list[str]:
    """The whole case, as whoever decides reads it."""
    lines = [
        f"Request {request.request_id}: {shown(request.act.replace('_', ' '))}",
        shown(seat.in_words(request.what)) or "An older request: what it holds was not written down.",
        f"Asked by user {request.requester} at {seat.clock_time(request.at)}, terminal {request.terminal}",
    ]
    if request.reason is not None:
        lines.append(f"Reason: {shown(_why(request.reason))}")
    return lines


class SecondPersonScreen(FormScreen[str | Refused]):
    """Answers the user number of who approved, or what was said instead; None: the request waits.

    Where other terminals are asked it is looked every second whether one has answered.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(["elsewhere"])]
    KEYS: ClassVar[tuple[str, ...]] = ("accept", "back", "elsewhere")

    def __init__(self, seat: Seat, errands: Errands, refusal: ApprovalNeeded, request: Request) -> None:
        super().__init__(seat, errands)
        self._refusal = refusal
        self._request = request
        self._looking = False

    def body(self) -> ComposeResult:
        yield Label("A second person is needed", classes="title", markup=False)
        yield Label("\n".join(case_lines(self.seat, self._request)), id="case", markup=False)
        if not self._request.elsewhere:
            yield Field("Second person's number", id="user", pattern=DIGITS, limit=USER_MAX)
            yield Field("Second person's PIN", id="pin", pattern=DIGITS, limit=PIN_MAX, secret=True)

    def on_mount(self) -> None:
        asked = " Other terminals are asked." if self._request.elsewhere else ""
        self.say(f"{self._refusal.who}{asked} Esc leaves it waiting.")

    # --- other terminals ----------------------------------------------------------------------------------------

    def action_elsewhere(self) -> None:
        if self.seat.approvals is None:
            self.refuse("This till has no central: nobody at another terminal can be asked.")
        elif self._request.shared:
            self.say("Other terminals are asked already: menu . . 9 there. Esc leaves it waiting.")
        else:
            self.errand(self._ask_elsewhere())

    async def _ask_elsewhere(self) -> None:
        desk, person, number = self.seat.desk, self.seat.person, self._request.request_id
        await self.seat.deed(lambda: ask_elsewhere(desk, person, number))
        self._request = replace(self._request, shared=True)
        self.say(f"Other terminals are asked for {number} too: menu . . 9 there. Esc leaves it waiting.")

    def look_again(self) -> None:
        """Somebody at another terminal may have answered."""
        if self._request.shared and not self._looking:
            self._looking = True
            self.errands.beside(self, self._look())

    async def _look(self) -> None:
        desk, number = self.seat.desk, self._request.request_id
        try:
            found = await self.seat.look(lambda: request_of(desk, number))
        finally:
            self._looking = False
        if found is None or found.answered_by is None:
            return
        if found.state is RequestState.APPROVED:
            self.dismiss(found.answered_by)
        elif found.state is RequestState.DECLINED:
            self.dismiss(
                Refused("request_declined", f"User {found.answered_by} said no to request {number}.")
            )

    # --- at the seat --------------------------------------------------------------------------------------------

    def send(self) -> None:
        if self._request.elsewhere:
            return
        user, pin = (self.query_one(f"#{name}", Field) for name in ("user", "pin"))
        empty = next((field for field in (user, pin) if not field.value), None)
        if empty is not None:
            empty.box.focus()
            self.refuse("Another person types number and PIN, then Enter. Esc leaves it waiting.")
        elif self.begin_sending():
            self.errand(self._approve(user.value, pin.value))

    async def _approve(self, user: str, pin: str) -> None:
        desk, number = self.seat.desk, self._request.request_id
        await self.seat.deed(lambda: approve_at_the_seat(desk, user, pin, number))
        self.dismiss(user)

    def refused(self, refusal: DomainError) -> None:
        for pin in self.query("#pin").results(Field):
            pin.box.value = ""
        super().refused(refusal)

    def field_of(self, refusal: DomainError) -> Field | None:
        return next(iter(self.query("#user").results(Field)), None)
