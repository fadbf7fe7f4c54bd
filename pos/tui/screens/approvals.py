"""What waits for a second person: who may decide says yes or no here, who asked sees what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from textual.binding import BindingType

from pos.domain.approval import RequestState
from pos.store.approvals import Request
from pos.till.approvals import approve, decline, requests_now
from pos.tui.keys import bindings
from pos.tui.screens.lines import RegisterScreen
from pos.tui.screens.reason import ReasonScreen
from pos.tui.screens.second_person import case_lines
from pos.tui.widgets.columns import Column
from pos.tui.widgets.listing import ROWS_MAX, Row


class ApprovalsScreen(RegisterScreen[None, Request]):
    """Y approves the selected request, N says no with a reason."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(["approve", "decline"])]
    KEYS: ClassVar[tuple[str, ...]] = ("help", "back", "approve", "decline", "scroll")
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column(title="Asked", width=13),
        Column(title="Request", width=7),
        Column(title="By", width=8),
        Column(title="What", flexible=True),
        Column(title="State", width=8),
    )
    FACTS_LINES: ClassVar[int] = 5

    async def found(self) -> Sequence[Request]:
        desk, person = self.seat.desk, self.seat.person
        return await self.seat.look(lambda: requests_now(desk, person, limit=ROWS_MAX))

    def heading(self) -> str:
        waiting = sum(request.state is RequestState.OPEN for request in self.entries)
        return f"Waiting for a second person: {waiting}\nAsked for within a day; who asks never decides."

    def row(self, entry: Request) -> Row:
        return Row(
            key=entry.request_id,
            cells=(
                self.seat.clock_time(entry.at),
                entry.request_id,
                entry.requester,
                self.seat.in_words(entry.what) or entry.act,
                "WAITS" if entry.state is RequestState.OPEN else str(entry.state),
            ),
            strong=entry.state is RequestState.OPEN,
        )

    def facts(self, entry: Request | None) -> str:
        if entry is None:
            return "Nobody asked for a second person."
        lines = case_lines(self.seat, entry)
        if entry.answered_by is not None:
            until = "" if entry.expires is None else f", good until {self.seat.clock_time(entry.expires)}"
            said = "Declined" if entry.state is RequestState.DECLINED else f"Approved{until}"
            silent = " while central was silent" if entry.offline else ""
            lines.append(f"{said}, by user {entry.answered_by}{silent}")
        return "\n".join(lines)

    def _chosen(self) -> Request | None:
        """The selected request, if it waits for an answer; else it is said why not."""
        entry = self.selected
        if entry is None:
            self.refuse("Nobody asked for a second person. Esc goes back.")
        elif entry.state not in (RequestState.OPEN, RequestState.APPROVED):
            self.refuse(f"Request {entry.request_id} is {entry.state} already.")
        else:
            return entry
        return None

    def action_approve(self) -> None:
        entry = self._chosen()
        if entry is not None:
            what = self.seat.in_words(entry.what)
            question = f"Approve {entry.request_id}, exactly as it stands, for five minutes? {what}"
            self.ask(question, lambda: self.errand(self._approve(entry.request_id)))

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
                self.errand(self._decline(entry.request_id, reason))

        warning = f"Say no to {entry.request_id}: {self.seat.in_words(entry.what)}"
        self.app.push_screen(ReasonScreen(self.seat, self.errands, warning), answered)

    async def _decline(self, number: str, reason: str) -> None:
        desk, person = self.seat.desk, self.seat.person
        await self.seat.deed(partial(decline, desk, person, number, reason))
        await self.load(f"{number} is declined; it would have to be asked for anew.")
