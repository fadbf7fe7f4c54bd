"""Cash told by its notes and coins: how many of each; Enter goes through them, the last one answers their sum."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Label

from pos.domain.denominations import Pieces
from pos.domain.money import Money
from pos.tui.errands import Errands
from pos.tui.screens.form import Answer, FormScreen
from pos.tui.screens.till_screen import TillScreen
from pos.tui.seat import Seat
from pos.tui.widgets.entry import DIGITS, Field

PIECES_DIGITS = 7


class DenominationsScreen(FormScreen[tuple[Pieces, ...]]):
    """Answers how many of each value there are. It knows nothing of what is expected."""

    KEYS: ClassVar[tuple[str, ...]] = ("accept", "back")

    def __init__(self, seat: Seat, errands: Errands, before: Mapping[int, int]) -> None:
        """``before`` is what was typed before, by value."""
        super().__init__(seat, errands)
        self._before = before

    def body(self) -> ComposeResult:
        yield Label(self._together(0), id="together", classes="title", markup=False)
        with VerticalScroll(can_focus=False):
            for minor in self._values:
                value = Money(minor, self.seat.desk.identity.currency)
                told = self._before.get(minor, 0)
                yield Field(
                    self.seat.shown_with_currency(value),
                    id=f"value-{minor}",
                    value=str(told) if told else "",
                    pattern=DIGITS,
                    limit=PIECES_DIGITS,
                )

    @property
    def _values(self) -> tuple[int, ...]:
        return self.seat.desk.policy.shift.denominations

    def on_mount(self) -> None:
        self._tell_sum()
        self.say("How many of each? Enter goes on, after the last one the sum is taken.")

    def on_input_changed(self) -> None:
        self._tell_sum()

    def _tell_sum(self) -> None:
        summed = sum(one.amount.minor for one in self._pieces())
        self.query_one("#together", Label).update(self._together(summed))

    def _together(self, minor: int) -> str:
        amount = self.seat.shown_with_currency(Money(minor, self.seat.desk.identity.currency))
        return f"Notes and coins: together {amount}"

    def _pieces(self) -> tuple[Pieces, ...]:
        own = self.seat.desk.identity.currency
        typed = ((minor, self.query_one(f"#value-{minor}", Field).value) for minor in self._values)
        return tuple(
            Pieces(value=Money(minor, own), pieces=int(text)) for minor, text in typed if text and int(text)
        )

    def send(self) -> None:
        self.dismiss(self._pieces())


class CashByPieces(TillScreen[Answer]):
    """A screen whose field ``CASH`` may be told by notes and coins; they count while the cash is still their sum."""

    CASH: ClassVar[str]
    _pieces: tuple[Pieces, ...] = ()

    def action_quantity(self) -> None:
        """Count by notes and coins; the sum stands in the cash."""
        if not self.seat.desk.policy.shift.denominations:
            own = self.seat.desk.identity.currency
            self.refuse(f"There is no list of notes and coins of {own} ([denominations] in currencies.toml).")
            return
        before = {one.value.minor: one.pieces for one in self._pieces}
        self.app.push_screen(DenominationsScreen(self.seat, self.errands, before), self._pieces_told)

    def _pieces_told(self, pieces: tuple[Pieces, ...] | None) -> None:
        if pieces is None:
            return
        self._pieces = pieces
        cash = self.query_one(self.CASH, Field).box
        cash.value = self._summed
        cash.focus()

    @property
    def _summed(self) -> str:
        minor = sum(one.amount.minor for one in self._pieces)
        return self.seat.as_typed(Money(minor, self.seat.desk.identity.currency))

    def pieces_of(self, cash: str) -> list[tuple[str, int]]:
        """The notes and coins, value and how many; none where ``cash`` is another sum."""
        if not self._pieces or cash != self._summed:
            return []
        return [(self.seat.as_typed(one.value), one.pieces) for one in self._pieces]
