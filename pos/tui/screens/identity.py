"""The document of somebody who pays much in cash: its kind, its number, the name on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Label

from pos.domain.errors import DomainError, Refused
from pos.domain.large_cash import NAME_MAX, NUMBER_MAX, read_document
from pos.till.large_cash import IdentityOrder
from pos.tui.errands import Errands
from pos.tui.keys import bindings
from pos.tui.screens.form import FormScreen
from pos.tui.screens.till_screen import TillScreen
from pos.tui.seat import Seat
from pos.tui.widgets.columns import shown
from pos.tui.widgets.entry import Field

TYPED_MAX = NUMBER_MAX + 8
"""A little more than a number may have, so that one too long is told of and not cut off."""


class IdentityScreen(FormScreen[IdentityOrder]):
    """Answers the document as typed; Esc: none was shown."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(["switch"])]
    KEYS: ClassVar[tuple[str, ...]] = ("help", "accept", "back", "switch")

    def __init__(self, seat: Seat, errands: Errands, question: str, documents: Sequence[str]) -> None:
        super().__init__(seat, errands)
        self._question = question
        self._documents = tuple(documents)
        self._kind = self._documents[0]

    def body(self) -> ComposeResult:
        yield Label(shown(self._question), classes="title", markup=False)
        yield Label("", id="mode", markup=False)
        yield Field("Document number", id="document-number", limit=TYPED_MAX)
        yield Field("Name on it", id="document-name", limit=NAME_MAX, note="empty: as on the account")

    def on_mount(self) -> None:
        self._show_kind()
        self.say("Tab changes the document. Enter goes on, the last Enter takes the money.")

    def _show_kind(self) -> None:
        text = Text(f" {_named(self._kind).upper()}", style="bold", no_wrap=True, overflow="crop")
        others = ", ".join(_named(kind) for kind in self._documents if kind != self._kind)
        if others:
            text.append(f"   Tab: {others}", "not bold")
        self.query_one("#mode", Label).update(text)

    def action_switch(self) -> None:
        place = (self._documents.index(self._kind) + 1) % len(self._documents)
        self._kind = self._documents[place]
        self._show_kind()

    def problem_of(self, field: Field) -> DomainError | None:
        """The number is needed and checked here; the name may stay empty."""
        try:
            self._read()
        except DomainError as refusal:
            return refusal if self.field_of(refusal) is field else None
        return None

    def _read(self) -> IdentityOrder:
        number = self.query_one("#document-number", Field).value
        name = self.query_one("#document-name", Field).value
        if not number.strip():
            raise Refused("field_missing", "Document number is missing.", field="Document number")
        read_document(kind=self._kind, number=number, name=name, documents=self._documents)
        return IdentityOrder(kind=self._kind, number=number, name=name)

    def field_of(self, refusal: DomainError) -> Field | None:
        name = "name" if refusal.details.get("field") == "Name on the document" else "number"
        return self.query_one(f"#document-{name}", Field)

    def send(self) -> None:
        try:
            self.dismiss(self._read())
        except DomainError as refusal:
            self.refused(refusal)

    def action_back(self) -> None:
        self.dismiss(None)


def ask_identity(
    screen: TillScreen[Any], needed: DomainError, again: Callable[[IdentityOrder], object]
) -> None:
    """Ask for the document that a payment ``needed``; ``again`` sends the same once more with it."""

    def answered(identity: IdentityOrder | None) -> None:
        if identity is not None:
            again(identity)

    documents = screen.seat.desk.policy.large_cash.documents
    question = IdentityScreen(screen.seat, screen.errands, needed.message, documents)
    screen.app.push_screen(question, answered)


def _named(kind: str) -> str:
    return kind.replace("_", " ").capitalize()
