"""Taking a cheque: its reader's line fills the form, and its paper is looked at where the shop asks for it."""

from __future__ import annotations

from dataclasses import replace

from textual import events

from pos.domain.cheque import TICKS
from pos.domain.errors import DomainError
from pos.domain.micr import MicrLine, is_surely_micr, looks_like_micr, read_micr
from pos.till.basket import Basket, order_of
from pos.till.payment_order import TenderOrder
from pos.till.post_dated import is_post_dated
from pos.tui.screens.tender import TenderScreen
from pos.tui.screens.ticks import TicksScreen
from pos.tui.widgets.entry import Field


class ChequeScreen(TenderScreen):
    """The form of a cheque. What the reader sent is kept as long as nobody types over it."""

    _line: MicrLine | None = None
    _looked_at: TenderOrder | None = None
    """What was ticked, for the very cheque that the form still says."""
    _came_to = ""
    """What stood in the field when the cursor came to it."""

    def _order(self) -> TenderOrder:
        order = replace(super()._order(), micr=self._line_of_form())
        seen = self._looked_at
        return seen if seen is not None and replace(seen, ticks=()) == order else order

    def _line_of_form(self) -> str:
        """The reader's line, if the form still says what it said."""
        if self._line is None:
            return ""
        typed = self._typed()
        same = all(typed.get(name, "").strip() == value for name, value in self._line.fields.items())
        return self._line.raw if same else ""

    def take_scan(self, text: str) -> None:
        if not looks_like_micr(text):
            super().take_scan(text)
            return
        try:
            line = read_micr(text, self.seat.desk.policy.cheques.layouts)
        except DomainError as refusal:
            if refusal.code == "micr_unknown" and not is_surely_micr(text):
                super().take_scan(text)
                return
            self._take_back(text)
            self.refused(refusal)
            return
        self._take_back(text)
        self._fill(line)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        field = self._field_of_box(event.widget)
        self._came_to = "" if field is None else field.value

    def _take_back(self, text: str) -> None:
        """What the scan typed where the cursor was: a short field has only its beginning, an amount only its digits."""
        field = self._field_of_box(self.focused)
        if field is None:
            return
        typed = field.value
        wrote = "".join(sign for sign in text if sign.isdigit()) if field.is_amount else text
        for end in range(min(len(wrote), len(typed)), 0, -1):
            if typed.endswith(wrote[:end]):
                # The first character took the place of what stood there selected.
                field.box.value = typed[: len(typed) - end] or self._came_to
                return

    def _fill(self, line: MicrLine) -> None:
        own = {field.name for field in self._mode.fields}
        for name in ("bank", "branch", "account", "serial"):
            if name in own:
                field = self.query_one(f"#field-{name}", Field)
                field.box.value = line.fields.get(name, "")
                field.fault("")
        self._line = line
        self._next_missing().box.focus()
        self.say("The cheque was read. Compare it, then press Enter yourself to go on.")

    async def _question(self, given: Basket, tender: TenderOrder) -> str:
        found = await super()._question(given, tender)
        if not is_post_dated(self.seat.desk, order_of(given, keep=True)):
            return found
        dated = f"Dated {tender.details['date'].strip()}: registered, no payment until then."
        return f"{dated} {found}".rstrip()

    def refused(self, refusal: DomainError) -> None:
        if refusal.code != "cheque_ticks_missing":
            super().refused(refusal)
            return
        self._sending = False
        wanted = [code for code in self.seat.desk.policy.cheques.ticks if code in TICKS]
        screen = TicksScreen(self.seat, self.errands, refusal.message, wanted)
        self.app.push_screen(screen, self._ticked)

    def _ticked(self, ticks: tuple[str, ...] | None) -> None:
        if ticks is None:
            self.refuse("The cheque was not taken. Esc, then F5 takes cash.")
        else:
            self._looked_at = replace(self._order(), ticks=ticks)
            self.send()
