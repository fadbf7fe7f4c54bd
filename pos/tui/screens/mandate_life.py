"""What became of a mandate, step by step: who did it, when and why."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from pos.domain.mandate import Mandate
from pos.store.mandates import MandateStep
from pos.store.times import from_utc_text
from pos.till.mandates import mandate_life
from pos.tui.errands import Errands
from pos.tui.screens.lines import RegisterScreen
from pos.tui.seat import Seat
from pos.tui.widgets.columns import Column, shown
from pos.tui.widgets.listing import Row


class MandateLifeScreen(RegisterScreen[None, MandateStep]):
    """Looking changes nothing; the reason of the selected step stands in full beneath the list."""

    KEYS: ClassVar[tuple[str, ...]] = ("help", "back", "scroll")
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column(title="No", width=3, right=True),
        Column(title="When", width=16),
        Column(title="Then", width=10),
        Column(title="By", width=14),
        Column(title="Why", flexible=True),
    )

    def __init__(self, seat: Seat, errands: Errands, mandate: Mandate) -> None:
        super().__init__(seat, errands)
        self._mandate = mandate

    async def found(self) -> Sequence[MandateStep]:
        desk, person = self.seat.desk, self.seat.person
        self._mandate, steps = await self.seat.look(
            partial(mandate_life, desk, person, self._mandate.mandate)
        )
        return steps

    def heading(self) -> str:
        known = self._mandate
        return (
            f"Mandate {known.mandate} of {known.account}: {known.state}\n"
            f"{shown(known.bank.holder)} {known.bank.ending}, signed on {known.signed_on}"
        )

    def row(self, entry: MandateStep) -> Row:
        return Row(
            key=str(entry.number),
            cells=(
                str(entry.number),
                self.seat.clock_time(from_utc_text(entry.at_utc)),
                str(entry.state),
                entry.operator if entry.elsewhere is None else f"{entry.operator} at {entry.elsewhere}",
                entry.reason or "",
            ),
        )

    def facts(self, entry: MandateStep | None) -> str:
        return "" if entry is None or not entry.reason else shown(entry.reason)
