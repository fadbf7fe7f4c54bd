"""Letting somebody sign in again after too many wrong PINs: a supervisor has seen who it is."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.widgets import Label

from pos.domain.errors import DomainError
from pos.till.sign_in import confirm_person
from pos.tui.screens.form import FormScreen
from pos.tui.screens.sign_in import USER_MAX
from pos.tui.widgets.entry import DIGITS, Field


class ConfirmPersonScreen(FormScreen[str]):
    """Answers the name of the person who was let in again."""

    KEYS: ClassVar[tuple[str, ...]] = ("accept", "back", "lock")

    def body(self) -> ComposeResult:
        yield Label("Let somebody sign in again", classes="title", markup=False)
        yield Label(
            "Only if you have seen who it is. The PIN stays as it is; the tries are counted anew.",
            id="advice",
            markup=False,
        )
        yield Field("User number", id="user", pattern=DIGITS, limit=USER_MAX)

    def send(self) -> None:
        user = self.query_one("#user", Field).value
        if not user:
            self.refuse("Type the user number of the person, then Enter.")
        elif self.begin_sending():
            self.errand(self._confirm(user))

    async def _confirm(self, user: str) -> None:
        seat = self.seat
        confirmed = await seat.deed(lambda: confirm_person(seat.desk, seat.person, user))
        self.dismiss(confirmed.name)

    def field_of(self, refusal: DomainError) -> Field | None:
        return self.query_one("#user", Field)
