"""All cheques, to be found by serial, account, paper or drawer; one of them with its life."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, ClassVar

from textual.binding import Binding, BindingType

from pos.domain.cheque import AT_THE_BANK, ChequeState
from pos.domain.cheque_register import ChequeLine, ChequeStep
from pos.domain.correction import CorrectionReason
from pos.till.cheque_register import ChequeLife, all_cheques, cheque_life
from pos.till.cheques_back import RETURN, ReturnOrder, return_cheque
from pos.till.dishonours import BOUNCE, Bounced
from pos.till.paid_back_elsewhere import undo
from pos.till.papers import show_receipt
from pos.till.representments import REPRESENT, UNDO, represent_cheque, undo_bounce
from pos.tui.errands import Errands
from pos.tui.keys import bindings
from pos.tui.screens.dishonour import DishonourScreen
from pos.tui.screens.instead_of_cheque import pay_instead
from pos.tui.screens.lines import RegisterScreen
from pos.tui.screens.pick import PickScreen
from pos.tui.screens.reason import ReasonScreen
from pos.tui.screens.receipt import ReceiptScreen
from pos.tui.seat import Seat
from pos.tui.widgets.columns import Column, shown
from pos.tui.widgets.listing import ROWS_MAX, Row

SHOWN = {
    "registered": "post-dated",
    "held": "post-dated",
    "withdrawn": "given back",
    "credited": "paid by bank",
    "returned": "given back",
    "received": "in hand",
    "represented": "in hand again",
    "batched": "on a slip",
    "lodged": "in clearing",
}
"""The state of a cheque in the words of a list, where they differ from the code."""
WHY = {"represented": "Goes to the bank once more", "bank_error": "The bank's own mistake"}
"""Why a cheque counts again, in words."""


class ChequesScreen(PickScreen):
    """Answers the id of a cheque. Without a query those of which something is expected, the oldest first; else all."""

    HEADING: ClassVar[str] = "Cheque"
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column(title="Dated", width=10),
        Column(title="Left", width=7, right=True),
        Column(title="Serial", width=10),
        Column(title="Amount", width=12, right=True),
        Column(title="State", width=12),
        Column(title="Account", width=10),
        Column(title="Cheque drawer", flexible=True),
    )
    NOTHING: ClassVar[str] = "Type a serial, an account, a receipt, or a name."

    def rows(self, query: str) -> Sequence[Row]:
        found = all_cheques(self.seat.desk, self.seat.person, query, over=bool(query), limit=ROWS_MAX)
        return [self._row(line) for line in found]

    def _row(self, line: ChequeLine) -> Row:
        policy, today = self.seat.desk.policy.cheques, self.seat.desk.clock.now().date()
        warning = line.warning(policy, today=today)
        return Row(
            key=line.key,
            cells=(
                line.dated.isoformat(),
                warning.removesuffix(" left"),
                line.serial,
                self.seat.shown(line.amount),
                SHOWN.get(line.state, line.state),
                line.account,
                line.drawer,
            ),
            strong=bool(warning),
        )


class ChequeScreen(RegisterScreen[None, ChequeStep]):
    """One cheque, step by step; Enter shows its receipt or note, W gives it back, I takes another way to pay."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(["paper", "give_back", "instead", "dishonour", "bank_error"]),
        Binding("enter", "paper", "OK"),
    ]
    KEYS: ClassVar[tuple[str, ...]] = (
        "help",
        "paper",
        "dishonour",
        "bank_error",
        "give_back",
        "instead",
        "back",
    )
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column(title="When", width=16),
        Column(title="State", width=13),
        Column(title="User", width=8),
        Column(title="Paper and reason", flexible=True),
    )
    FACTS_LINES = 3

    def __init__(self, seat: Seat, errands: Errands, life: ChequeLife) -> None:
        super().__init__(seat, errands)
        self._life = life
        self._doing: Callable[[], Coroutine[Any, Any, None]] | None = None

    def _do(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do ``work``, and again once a second person has approved it."""
        self._doing = work
        self.errand(work())

    def approved(self, said: str) -> None:
        if self._doing is None:
            super().approved(said)
        else:
            self.say(said)
            self.errand(self._doing())

    async def found(self) -> Sequence[ChequeStep]:
        seat, key = self.seat, self._life.cheque.key
        self._life = await seat.look(lambda: cheque_life(seat.desk, seat.person, key))
        return self._life.steps

    def heading(self) -> str:
        cheque = self._life.cheque
        state = SHOWN.get(cheque.state, cheque.state)
        return (
            f"Cheque {shown(cheque.serial)}: {self.seat.shown_with_currency(cheque.amount)}, {state}\n"
            f"Dated {cheque.dated}, drawn by {shown(cheque.drawer) or 'a name that is not kept'}"
        )

    def row(self, entry: ChequeStep) -> Row:
        return Row(
            key=f"{entry.at.isoformat()} {entry.state}",
            cells=(
                entry.at.astimezone(self.seat.desk.clock.now().tzinfo).strftime("%Y-%m-%d %H:%M"),
                SHOWN.get(entry.state, entry.state),
                entry.operator,
                self._said(entry.said),
            ),
        )

    def _said(self, kept: str) -> str:
        """A reason that the books keep by its code, in words."""
        reasons = self.seat.desk.policy.cheques.dishonour.reasons
        return WHY.get(kept) or next((reason.label for reason in reasons if reason.code == kept), kept)

    def facts(self, entry: ChequeStep | None) -> str:
        cheque = self._life.cheque
        today = self.seat.desk.clock.now().date()
        place = " / ".join(part for part in (cheque.bank, cheque.branch, cheque.bank_account) if part)
        warning = cheque.warning(self.seat.desk.policy.cheques, today=today)
        return "\n".join(
            [
                f"Bank {shown(place)}  Account {shown(cheque.account)}",
                f"Paper {cheque.paper}" + (f"  Slip {cheque.slip}" if cheque.slip else ""),
                warning,
            ]
        )

    def action_paper(self) -> None:
        self.errand(self._paper())

    def _lies_here(self) -> bool:
        state = self._life.cheque.state
        lies_here = state in ("registered", "held", "received")
        if not lies_here:
            self.refuse(f"This cheque is {SHOWN.get(state, state)}: it does not lie here to be given back.")
        return lies_here

    @property
    def _named(self) -> str:
        """A taken cheque by its id, for its receipt may have others; one of the register by its note."""
        cheque = self._life.cheque
        return cheque.key if cheque.state == "received" else cheque.paper

    def action_give_back(self) -> None:
        cheque = self._life.cheque
        if not self._lies_here():
            return

        def answered(reason: str | None) -> None:
            if reason:
                self._do(partial(self._give_back, reason))

        owed = "" if cheque.state != "received" else " What it had paid is owed again."
        warning = (
            f"Give cheque {cheque.serial} over {self.seat.shown_with_currency(cheque.amount)} back.{owed}"
        )
        self.app.push_screen(ReasonScreen(self.seat, self.errands, warning), answered)

    async def _give_back(self, reason: str) -> None:
        desk, person = self.seat.desk, self.seat.person
        order = ReturnOrder(cheque=self._named, reason=CorrectionReason.OTHER, text=reason)
        deed, receipt = partial(return_cheque, desk, person, order), self._life.cheque.paper
        central, runner = self.seat.central_now, self.seat.runner
        done = await self.seat.asked(undo(desk, person, RETURN, receipt, deed, central, runner))
        self.errands.paper_waits()
        await self.load(f"{done.paper.receipt_number} is being printed: hand the cheque over.")

    def action_instead(self) -> None:
        if self._lies_here():
            self.errand(pay_instead(self, self._named))

    async def _paper(self) -> None:
        seat, number = self.seat, self._life.cheque.paper
        facts = await seat.look(lambda: show_receipt(seat.desk, seat.person, number))
        self.app.push_screen(ReceiptScreen(seat, self.errands, facts))

    def action_dishonour(self) -> None:
        """The bank sent it back; one that lies here since goes to the bank once more."""
        cheque = self._life.cheque
        again = cheque.state == ChequeState.DISHONOURED
        if not self.seat.may(REPRESENT if again else BOUNCE):
            self.refuse("The back office does this. Esc goes back.")
        elif again:
            self.ask(
                f"Send cheque {shown(cheque.serial)} to the bank once more? It counts until the bank has spoken.",
                lambda: self._do(self._send_again),
            )
        elif cheque.state not in AT_THE_BANK:
            state = SHOWN.get(cheque.state, cheque.state)
            self.refuse(f"This cheque is {state}: the bank has not got it.")
        else:
            self.app.push_screen(DishonourScreen(self.seat, self.errands, cheque), self._bounced)

    def _bounced(self, done: Bounced | None) -> None:
        if done is not None:
            owed = (
                "" if done.charged is None else f", {self.seat.shown_with_currency(done.charged)} is charged"
            )
            self.errand(self._look_again(f"Cheque {done.bounce.serial} is dishonoured{owed}."))

    async def _send_again(self) -> None:
        desk, person, key = self.seat.desk, self.seat.person, self._life.cheque.key
        done = await self.seat.deed(partial(represent_cheque, desk, person, key))
        self.errands.paper_waits()
        await self._look_again(f"Cheque {done.serial} goes on the next deposit slip.")

    def action_bank_error(self) -> None:
        """The bank sent it back by mistake: all that the bounce did is undone, in the words of who found out."""
        cheque = self._life.cheque
        if not self.seat.may(UNDO):
            self.refuse("The back office does this. Esc goes back.")
        elif cheque.state != ChequeState.DISHONOURED:
            state = SHOWN.get(cheque.state, cheque.state)
            self.refuse(f"This cheque is {state}: it has no bounce that could be undone.")
        else:
            warning = (
                f"The bank sent cheque {cheque.serial} over {self.seat.shown_with_currency(cheque.amount)} back by mistake, "
                "and has paid it. All that its bounce did is undone, the fee too."
            )

            def answered(reason: str | None) -> None:
                if reason:
                    self._do(partial(self._undo_bounce, reason))

            self.app.push_screen(ReasonScreen(self.seat, self.errands, warning), answered)

    async def _undo_bounce(self, reason: str) -> None:
        desk, person, key = self.seat.desk, self.seat.person, self._life.cheque.key
        done = await self.seat.deed(partial(undo_bounce, desk, person, key, text=reason))
        self.errands.paper_waits()
        state = SHOWN.get(done.state, done.state)
        await self._look_again(f"Cheque {done.serial} is {state} again: its bounce is undone.")

    async def _look_again(self, said: str) -> None:
        seat, key = self.seat, self._life.cheque.key
        self._life = await seat.look(lambda: cheque_life(seat.desk, seat.person, key))
        await self.load(said)
