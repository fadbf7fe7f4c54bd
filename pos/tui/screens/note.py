"""A note for the record: what somebody wants to be known later."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.widgets import Label

from pos.domain.errors import DomainError
from pos.till.desk import REASON_MAX
from pos.till.notes import ABOUT_MAX, Noted, write_note
from pos.tui.screens.form import FormScreen
from pos.tui.widgets.entry import Field


class NoteScreen(FormScreen[Noted]):
    """Answers what was kept."""

    KEYS: ClassVar[tuple[str, ...]] = ("help", "accept", "back", "lock")

    def body(self) -> ComposeResult:
        yield Label("A note for the record", classes="title", markup=False)
        yield Label("It stands with your name and cannot be taken back.", id="advice", markup=False)
        yield Field("Note", id="note-text", limit=REASON_MAX)
        yield Field("About", id="note-about", limit=ABOUT_MAX, note="receipt, account; may stay empty")

    def send(self) -> None:
        text, about = (self.query_one(f"#note-{name}", Field).value.strip() for name in ("text", "about"))
        if self.begin_sending():
            self.errand(self._keep(text, about or None))

    async def _keep(self, text: str, about: str | None) -> None:
        desk, person = self.seat.desk, self.seat.person
        self.dismiss(await self.seat.deed(lambda: write_note(desk, person, text, about=about)))

    def field_of(self, refusal: DomainError) -> Field | None:
        name = "about" if refusal.details.get("field") == "About" else "text"
        return self.query_one(f"#note-{name}", Field)
