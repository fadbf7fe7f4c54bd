"""A screen of labelled fields: Enter goes on, the last Enter sends, Esc twice leaves what was typed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, TypeVar

from textual.binding import Binding, BindingType
from textual.widgets import Input

from pos.domain.errors import DomainError
from pos.tui.screens.till_screen import TillScreen
from pos.tui.widgets.entry import Field

Answer = TypeVar("Answer")


class FormScreen(TillScreen[Answer]):
    """What forms share. A form overrides ``send``, and ``field_of`` where it knows which field was refused."""

    AUTO_FOCUS = "Input"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "app.focus_previous", "Up"),
        Binding("down", "app.focus_next", "Down"),
    ]
    KEYS: ClassVar[tuple[str, ...]] = ("help", "accept", "back", "lock")
    HAS_DRAFT: ClassVar[bool] = True

    _sending = False

    def send(self) -> None:
        """All fields were gone through."""
        raise NotImplementedError

    def field_of(self, refusal: DomainError) -> Field | None:
        """The field that a refusal is about."""
        return None

    @property
    def fields(self) -> Sequence[Field]:
        """The fields on show, in their order."""
        return [field for field in self.query(Field) if field.display]

    def begin_sending(self) -> bool:
        """False while the last sending is still under way."""
        if self._sending:
            return False
        self._sending = True
        for field in self.fields:
            field.fault("")
        return True

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if not self._go_on(event.input) and not self._sending:
            self.send()

    def _go_on(self, box: Input) -> bool:
        fields = self.fields
        place = next(place for place, field in enumerate(fields) if field.box is box)
        fields[place].fault("")
        if place + 1 == len(fields):
            return False
        fields[place + 1].box.focus()
        self.say("")
        return True

    def take_scan(self, text: str) -> None:
        """A scanned code fills its field and goes on; it never sends."""
        focused = self.focused
        field = next((field for field in self.fields if field.box is focused), None)
        if field is None or field.is_amount or not (field.value.endswith(text) or field.box.take(text)):
            super().take_scan(text)
        elif not self._go_on(field.box):
            self.say("Scanned. Press Enter yourself to go on.")

    def refused(self, refusal: DomainError) -> None:
        self._sending = False
        field = self.field_of(refusal)
        if field is not None:
            field.fault(refusal.message)
            field.box.focus()
        super().refused(refusal)
