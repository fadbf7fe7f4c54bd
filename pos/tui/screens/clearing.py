"""Cheques that the bank credited, the longest ago first: Space leaves one out or takes it in, Enter clears them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import ClassVar

from pos.domain.deposit import so_many
from pos.domain.money import total
from pos.store.cheque_clearing import CreditedAtBank
from pos.till.clearing import ClearOrder, cheques_to_clear, clear_cheques
from pos.tui.screens.lines import TickedRegister
from pos.tui.widgets.columns import Column
from pos.tui.widgets.listing import ROWS_MAX, Row


class ClearingScreen(TickedRegister[None, CreditedAtBank]):
    """Those that are old enough are ticked at first."""

    KEYS: ClassVar[tuple[str, ...]] = ("help", "mark", "accept", "back", "scroll")
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column(title="Credited", width=10),
        Column(title="Days", width=5, right=True),
        Column(title="Serial and bank", width=20),
        Column(title="Cheque drawer", flexible=True),
        Column(title="Amount", width=12, right=True),
    )

    async def found(self) -> Sequence[CreditedAtBank]:
        desk, person = self.seat.desk, self.seat.person
        credited = await self.seat.look(lambda: cheques_to_clear(desk, person, limit=ROWS_MAX))
        before = desk.clock.now().date() - timedelta(days=desk.policy.cheques.clear_after_days)
        self.ticked = frozenset(one.cheque.cheque_id for one in credited if one.credited_on <= before)
        return credited

    @property
    def _chosen(self) -> list[CreditedAtBank]:
        return [one for one in self.entries if one.cheque.cheque_id in self.ticked]

    def heading(self) -> str:
        days = self.seat.desk.policy.cheques.clear_after_days
        return (
            f"Cheques that cleared: {len(self._chosen)} of {len(self.entries)}\n"
            f"Ticked: credited {days} days ago or before, and not sent back"
        )

    def row(self, entry: CreditedAtBank) -> Row:
        cheque = entry.cheque
        days = (self.seat.desk.clock.now().date() - entry.credited_on).days
        return Row(
            key=cheque.cheque_id,
            cells=(
                entry.credited_on.isoformat(),
                str(days),
                f"{cheque.serial} {cheque.bank}",
                cheque.drawer,
                self.seat.shown(cheque.amount),
            ),
            marked=cheque.cheque_id in self.ticked,
        )

    def facts(self, entry: CreditedAtBank | None) -> str:
        if entry is None:
            return "No cheque waits to be cleared."
        slip = "" if entry.cheque.slip is None else f", slip {entry.cheque.slip}"
        return f"Receipt {entry.cheque.receipt}{slip}"

    def action_accept(self) -> None:
        chosen = [one.cheque for one in self._chosen]
        if not chosen:
            self.refuse("No cheque is ticked. Space ticks one.")
            return
        amount = self.seat.shown_with_currency(
            total((one.amount for one in chosen), chosen[0].amount.currency)
        )
        names = [one.cheque_id for one in chosen]
        self.ask(
            f"{so_many(len(names))}, {amount}: did they clear? Their money is sure then.",
            lambda: self.errand(self._clear(names)),
        )

    async def _clear(self, names: list[str]) -> None:
        desk, person = self.seat.desk, self.seat.person
        done = await self.seat.deed(partial(clear_cheques, desk, person, ClearOrder(cheques=names)))
        amount = self.seat.shown_with_currency(done.amount)
        await self.load(f"{so_many(len(done.cheques))} cleared, {amount}.")
