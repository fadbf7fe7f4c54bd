"""Second persons at other terminals, beside all else that is sent: requests of here are shown, answers are brought.

Nothing waits for it: without central, or at a foreign one, a request just waits. What is told again changes nothing, so a
process that comes back begins by telling all of it anew. Source: domain.md rule 33.
"""

from __future__ import annotations

from pos.domain.approval import APPROVED_FOR, RequestState
from pos.domain.approval_elsewhere import AnswerRefused, ApprovalExchange, CentralSilent, GivenAnswer
from pos.domain.lock_out import Moment
from pos.domain.ports import Clock, Runner
from pos.store.approvals_elsewhere import (
    KEPT,
    TOO_LATE,
    Shared,
    hear_answer,
    settle_answer,
    shared_requests,
    untold_answers,
)
from pos.store.home import Identity
from pos.store.unit_of_work import TillStore

ASK_EVERY_S = 3
"""Somebody stands at the counter and waits."""
ASK_SELDOM_S = 60
WAITED_FOR_S = 15 * 60
"""A request that is older is waited for by nobody at the counter."""


_WAITS = (RequestState.OPEN, RequestState.APPROVED)


class SecondPersons:
    """What this till asks others, and what it has answered them. ``boot`` names the run in which the clock counts."""

    def __init__(
        self,
        exchange: ApprovalExchange,
        till: TillStore,
        identity: Identity,
        *,
        clock: Clock,
        runner: Runner,
        boot: str,
    ) -> None:
        self._exchange = exchange
        self._till = till
        self._identity = identity
        self._clock = clock
        self._runner = runner
        self._boot = boot
        self._closed: set[str] = set()
        self._next_s: dict[str, float] = {}

    async def exchange(self) -> None:
        """Tell what is new here and hear what is new there, as often as somebody waits for it.

        Never raises for the network.
        """
        answers, shared = await self._runner.read(self._read)
        for answer in answers:
            if self._is_time(answer.answer_id, ASK_EVERY_S) and not await self._tell_answer(answer):
                return
        for one in shared:
            if self._is_due(one) and not await self._follow(one):
                return

    def _is_due(self, shared: Shared) -> bool:
        central_id, is_over = shared.asked.central_id, shared.state not in _WAITS
        if central_id in self._closed:
            return False
        waited_for = shared.asked.asked_ago.total_seconds() < WAITED_FOR_S
        every_s = ASK_EVERY_S if waited_for else ASK_SELDOM_S
        # What is over is told at once, however lately it was asked about.
        return self._is_time(f"{central_id} is over" if is_over else central_id, every_s)

    def _is_time(self, key: str, every_s: float) -> bool:
        now_s = self._clock.monotonic_s()
        if now_s < self._next_s.get(key, 0.0):
            return False
        self._next_s[key] = now_s + every_s
        return True

    def _read(self) -> tuple[list[GivenAnswer], list[Shared]]:
        now = self._clock.now()
        with self._till.read() as connection:
            return (
                untold_answers(connection, self._identity.terminal, now=now),
                shared_requests(connection, self._identity, now=now),
            )

    async def _follow(self, shared: Shared) -> bool:
        """One request of here; False: central is silent."""
        if shared.state not in _WAITS:
            closed = await self._exchange.close(shared.asked.central_id)
            if closed:
                self._closed.add(shared.asked.central_id)
            return closed
        told = await self._exchange.share(shared.asked)
        if isinstance(told, CentralSilent):
            return False
        if not isinstance(told, AnswerRefused) and told.answer is not None:
            answer = told.answer
            await self._runner.till(lambda: self._hear(shared, answer))
        return True

    def _hear(self, shared: Shared, answer: GivenAnswer) -> None:
        now = Moment(wall=self._clock.now(), monotonic_s=self._clock.monotonic_s(), boot=self._boot)
        with self._till.transaction() as unit:
            hear_answer(unit, shared, answer, now=now)

    async def _tell_answer(self, answer: GivenAnswer) -> bool:
        """An answer of here that was lost on its way; False: central is silent. A late yes is none: it is asked for anew."""
        if answer.approved and answer.ago >= APPROVED_FOR:
            outcome = TOO_LATE
        else:
            told = await self._exchange.answer(answer)
            if isinstance(told, CentralSilent):
                return False
            outcome = told.code if isinstance(told, AnswerRefused) else KEPT
        await self._runner.till(lambda: self._settle(answer.answer_id, outcome))
        return True

    def _settle(self, answer_id: str, outcome: str) -> None:
        with self._till.transaction() as unit:
            settle_answer(unit, answer_id, outcome, at=self._clock.now())
