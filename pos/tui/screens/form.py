"""A screen of labelled fields: Enter goes on, the last Enter sends. No card number stays in any of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, TypeVar

from textual import events
from textual.binding import Binding, BindingType
from textual.widgets import Input

from pos.domain.errors import DomainError
from pos.domain.pan_guard import refuse_card_number
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

    def following(self, field: Field) -> Field | None:
        """Where Enter goes from ``field``; None: it sends."""
        fields = list(self.fields)
        return next(iter(fields[fields.index(field) + 1 :]), None)

    def problem_of(self, field: Field) -> DomainError | None:
        """What is wrong with a field that is about to be left."""
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
        field = self._field_of_box(event.input)
        if self._sending or field is None or self.wipe_card_numbers():
            return
        if not self._go_on(field):
            self.send()

    def _field_of_box(self, box: object) -> Field | None:
        return next((field for field in self.fields if field.box is box), None)

    def _go_on(self, field: Field) -> bool:
        """To the next field, unless something is wrong with this one; False: this was the last."""
        problem = self.problem_of(field)
        if problem is not None:
            self.refused(problem)
            return True
        field.fault("")
        following = self.following(field)
        if following is None:
            return False
        following.box.focus()
        self.say("")
        return True

    def take_scan(self, text: str) -> None:
        """A scanned code fills its field and goes on; it never sends."""
        field = self._field_of_box(self.focused)
        if field is None or field.is_amount or not (field.value.endswith(text) or field.box.take(text)):
            super().take_scan(text)
        elif not self.wipe_card_numbers() and not self._go_on(field):
            self.say("Scanned. Press Enter yourself to go on.")

    # --- card numbers -------------------------------------------------------------------------------------------

    def wipe_card_numbers(self) -> bool:
        """Wipe every field that holds a card number, and say so; whether there was one. It is kept nowhere."""
        refusal: DomainError | None = None
        for field in self.query(Field):
            try:
                refuse_card_number(field.value, field=field.label)
            except DomainError as found:
                refusal = found
                field.box.value = ""
                field.fault(found.message)
                field.box.focus()
        if refusal is not None:
            self.refuse(refusal.message)
        return refusal is not None

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        """A field that is left with the arrows."""
        if self._field_of_box(event.widget) is not None:
            self.wipe_card_numbers()

    def approved(self, said: str) -> None:
        """What was filled in stands as it was: it is sent again."""
        self.say(said)
        self.send()

    def refused(self, refusal: DomainError) -> None:
        self._sending = False
        field = self.field_of(refusal)
        if field is not None:
            if refusal.code == "card_number_refused":
                field.box.value = ""
            field.fault(self.seat.in_words(refusal.message))
            field.box.focus()
            # The cursor may have been here already: what is typed now takes the place of what was wrong.
            field.box.action_select_all()
        super().refused(refusal)
