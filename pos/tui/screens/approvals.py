"""What waits for a second person: who may decide says yes or no here, who asked sees what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from textual.binding import BindingType

from pos.domain.approval import RequestState
from pos.domain.approval_elsewhere import RequestElsewhere
from pos.store.approvals import Request
from pos.till.approvals import approve, decline, requests_now
from pos.till.approvals_elsewhere import answer_elsewhere, requests_elsewhere
from pos.tui.errands import Errands
from pos.tui.keys import bindings
from pos.tui.screens.lines import RegisterScreen
from pos.tui.screens.reason import ReasonScreen
from pos.tui.screens.second_person import case_lines
from pos.tui.seat import Seat
from pos.tui.widgets.columns import Column
from pos.tui.widgets.listing import ROWS_MAX, Row

WAITING = ("open", "approved")


class ApprovalsScreen(RegisterScreen[None, Request | RequestElsewhere]):
    """Y approves the selected request, N says no with a reason. Those of other terminals come when central answers."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(["approve", "decline"])]
    KEYS: ClassVar[tuple[str, ...]] = ("help", "back", "approve", "decline", "scroll")
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column(title="Asked", width=13),
        Column(title="Request", width=10),
        Column(title="By", width=8),
        Column(title="What", flexible=True),
        Column(title="State", width=8),
    )
    FACTS_LINES: ClassVar[int] = 5

    def __init__(self, seat: Seat, errands: Errands) -> None:
        super().__init__(seat, errands)
        self._there: list[RequestElsewhere] = []

    def on_mount(self) -> None:
        super().on_mount()
        if self.seat.approvals is not None:
            self.errands.beside(self, self._look_there())

    async def _look_there(self, said: str = "") -> None:
        there = await requests_elsewhere(self.seat.desk, self.seat.person, self.seat.approvals)
        self._there = there or []
        if there is None:
            said = said or "Central does not answer: what other terminals ask for is not shown."
        if self.is_mounted:
            await self.load(said)

    async def found(self) -> Sequence[Request | RequestElsewhere]:
        desk, person = self.seat.desk, self.seat.person
        here = await self.seat.look(lambda: requests_now(desk, person, limit=ROWS_MAX))
        all_: list[Request | RequestElsewhere] = [*here, *self._there]
        return sorted(all_, key=lambda one: one.at, reverse=True)[:ROWS_MAX]

    def heading(self) -> str:
        waiting = sum(str(request.state) == "open" for request in self.entries)
        return f"Waiting for a second person: {waiting}\nAsked for within a day; who asks never decides."

    def row(self, entry: Request | RequestElsewhere) -> Row:
        number = key = entry.request_id
        if isinstance(entry, RequestElsewhere):
            number, key = f"{entry.terminal} {number}", entry.central_id
        return Row(
            key=key,
            cells=(
                self.seat.clock_time(entry.at),
                number,
                entry.requester,
                self.seat.in_words(entry.what) or entry.act,
                "WAITS" if str(entry.state) == "open" else str(entry.state),
            ),
            strong=str(entry.state) == "open",
        )

    def facts(self, entry: Request | RequestElsewhere | None) -> str:
        if entry is None:
            return "Nobody asked for a second person."
        lines = case_lines(self.seat, entry)
        if isinstance(entry, RequestElsewhere):
            if entry.answer is not None:
                said = "Approved" if entry.answer.approved else "Declined"
                lines.append(f"{said}, by user {entry.answer.user} at terminal {entry.answer.terminal}")
        elif entry.answered_by is not None:
            until = "" if entry.expires is None else f", good until {self.seat.clock_time(entry.expires)}"
            said = "Declined" if entry.state is RequestState.DECLINED else f"Approved{until}"
            silent = " while central was silent" if entry.offline else ""
            lines.append(f"{said}, by user {entry.answered_by}{silent}")
        elif entry.elsewhere:
            lines.append("Only somebody at another terminal may approve it.")
        return "\n".join(lines)

    def _chosen(self) -> Request | RequestElsewhere | None:
        """The selected request, if it waits for an answer; else it is said why not."""
        entry = self.selected
        if entry is None:
            self.refuse("Nobody asked for a second person. Esc goes back.")
        elif str(entry.state) not in WAITING:
            self.refuse(f"Request {entry.request_id} is {entry.state} already.")
        else:
            return entry
        return None

    def action_approve(self) -> None:
        entry = self._chosen()
        if entry is not None:
            what = self.seat.in_words(entry.what)
            question = f"Approve {entry.request_id}, exactly as it stands, for five minutes? {what}"
            self.ask(question, lambda: self.errand(self._answer(entry, None)))

    async def _answer(self, entry: Request | RequestElsewhere, declined: str | None) -> None:
        if isinstance(entry, RequestElsewhere):
            await self._answer_there(entry, declined)
        elif declined is None:
            await self._approve(entry.request_id)
        else:
            await self._decline(entry.request_id, declined)

    async def _answer_there(self, entry: RequestElsewhere, declined: str | None) -> None:
        seat = self.seat
        assert seat.approvals is not None, "it was shown by way of central"
        done = await answer_elsewhere(
            seat.desk, seat.person, entry, seat.approvals, seat.runner, declined=declined
        )
        said = "approved" if done.approved else "declined"
        sure = "" if done.kept else " Central did not answer: it is told again for as long as it is good."
        await self._look_there(f"{entry.request_id} of terminal {entry.terminal} is {said}.{sure}")

    async def _approve(self, number: str) -> None:
        desk, person = self.seat.desk, self.seat.person
        done = await self.seat.deed(partial(approve, desk, person, number))
        await self.load(
            f"{number} is approved until {self.seat.clock_time(done.expires)}: user {done.requester} does it again."
        )

    def action_decline(self) -> None:
        entry = self._chosen()
        if entry is None:
            return

        def answered(reason: str | None) -> None:
            if reason:
                self.errand(self._answer(entry, reason))

        warning = f"Say no to {entry.request_id}: {self.seat.in_words(entry.what)}"
        self.app.push_screen(ReasonScreen(self.seat, self.errands, warning), answered)

    async def _decline(self, number: str, reason: str) -> None:
        desk, person = self.seat.desk, self.seat.person
        await self.seat.deed(partial(decline, desk, person, number, reason))
        await self.load(f"{number} is declined; it would have to be asked for anew.")
