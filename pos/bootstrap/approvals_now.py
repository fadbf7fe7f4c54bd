"""Second persons at other terminals, for commands and scripts: central is asked, and its answer waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from pos.bootstrap.homes import OpenTill
from pos.bootstrap.wire import make_client
from pos.domain.approval_elsewhere import ApprovalExchange, RequestElsewhere
from pos.domain.errors import Refused
from pos.domain.role import Person
from pos.machine import InlineRunner
from pos.till.approvals_elsewhere import Answered, answer_elsewhere, find_elsewhere, requests_elsewhere
from pos.till.desk import Memo
from sync.approvals_elsewhere import CentralApprovals
from sync.second_persons import SecondPersons

Result = TypeVar("Result")


class ApprovalsNow:
    """Asks central and waits. A till without central asks nobody, and nobody asks it."""

    def __init__(self, till: OpenTill) -> None:
        self._till = till
        self._runner = InlineRunner()

    def requests(self, person: Person) -> list[RequestElsewhere] | None:
        """As ``requests_elsewhere``."""
        return self._at_central(lambda exchange: requests_elsewhere(self._till.desk, person, exchange))

    def answer(
        self, person: Person, central_id: str, *, declined: str | None = None, memo: Memo | None = None
    ) -> Answered:
        """As ``answer_elsewhere``, to the request that central knows by this id. Raises as ``find_elsewhere`` too."""

        async def work(exchange: ApprovalExchange | None) -> Answered:
            desk = self._till.desk
            request, there = await find_elsewhere(desk, person, central_id, exchange)
            return await answer_elsewhere(
                desk, person, request, there, self._runner, declined=declined, memo=memo
            )

        return self._at_central(work)

    def bring(self) -> None:
        """Tell central what other terminals are asked for, and hear what was answered."""
        desk = self._till.desk

        async def work(exchange: ApprovalExchange | None) -> None:
            if exchange is not None:
                here = SecondPersons(
                    exchange, desk.till, desk.identity, clock=desk.clock, runner=self._runner, boot=desk.boot
                )
                await here.exchange()

        self._at_central(work)

    def _at_central(self, work: Callable[[ApprovalExchange | None], Coroutine[Any, Any, Result]]) -> Result:
        async def asked() -> Result:
            try:
                client = make_client(self._till)
            except Refused:
                return await work(None)
            async with client:
                return await work(CentralApprovals(client))

        return asyncio.run(asked())
