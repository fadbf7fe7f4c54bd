"""A second person at the seat: sees what is asked for, gives number and PIN, and the one who sits here goes on."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.widgets import Label

from pos.domain.approval import ApprovalNeeded
from pos.domain.errors import DomainError
from pos.store.approvals import Request
from pos.till.approvals import approve_at_the_seat
from pos.tui.errands import Errands
from pos.tui.screens.form import FormScreen
from pos.tui.screens.pin import PIN_MAX
from pos.tui.screens.sign_in import USER_MAX
from pos.tui.seat import Seat
from pos.tui.widgets.columns import shown
from pos.tui.widgets.entry import DIGITS, Field


def case_lines(seat: Seat, request: Request) -> list[str]:
    """The whole case, as whoever decides reads it."""
    lines = [
        f"Request {request.request_id}: {request.act.replace('_', ' ')}",
        shown(seat.in_words(request.what)) or "An older request: what it holds was not written down.",
        f"Asked by user {request.requester} at {seat.clock_time(request.at)}, terminal {request.terminal}",
    ]
    if request.reason is not None:
        lines.append(f"Reason: {shown(request.reason)}")
    return lines


class SecondPersonScreen(FormScreen[str]):
    """Answers the user number of who approved; None: the request waits."""

    KEYS: ClassVar[tuple[str, ...]] = ("accept", "back")

    def __init__(self, seat: Seat, errands: Errands, refusal: ApprovalNeeded, request: Request) -> None:
        super().__init__(seat, errands)
        self._refusal = refusal
        self._request = request

    def body(self) -> ComposeResult:
        yield Label("A second person is needed", classes="title", markup=False)
        yield Label("\n".join(case_lines(self.seat, self._request)), id="case", markup=False)
        yield Field("Second person's number", id="user", pattern=DIGITS, limit=USER_MAX)
        yield Field("Second person's PIN", id="pin", pattern=DIGITS, limit=PIN_MAX, secret=True)

    def on_mount(self) -> None:
        self.say(f"{self._refusal.who} Esc leaves it waiting.")

    def send(self) -> None:
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
        self.query_one("#pin", Field).box.value = ""
        super().refused(refusal)

    def field_of(self, refusal: DomainError) -> Field | None:
        return self.query_one("#user", Field)
