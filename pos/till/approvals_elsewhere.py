"""A second person at another terminal: a request is shown there by central, and answered there as a deed of that till.

The answer is in the books before it leaves, so that a lost one is sent again; central keeps the first. The till that asked
hears it with the wire, and then does what it asked for as with somebody beside the seat.
Source: domain.md 3.6 and rule 33; reliability.md 5.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from pos.domain.approval import RequestState
from pos.domain.approval_elsewhere import (
    AnswerRefused,
    ApprovalExchange,
    CentralSilent,
    Elsewhere,
    GivenAnswer,
    RequestElsewhere,
)
from pos.domain.errors import NotAuthorised, Refused
from pos.domain.ports import Runner
from pos.domain.role import Person
from pos.domain.text_guard import clean_reference
from pos.store.approvals import Request, request_by_id
from pos.store.approvals_elsewhere import KEPT, settle_answer, share_request, write_answer
from pos.till.approvals import ACT, DECLINE, may_approve, require_other
from pos.till.desk import Deed, Desk, Memo, audit_refusal, perform, remember
from pos.till.gate import audited_later, require_session

ASK = "ask_elsewhere"
ID_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What was answered to a request of another terminal. ``kept`` False: central is silent, and is told again."""

    request: RequestElsewhere
    approved: bool
    kept: bool


async def requests_elsewhere(
    desk: Desk, person: Person, exchange: ApprovalExchange | None
) -> list[RequestElsewhere] | None:
    """What waits at other terminals and the person may approve, the latest first; None where central is silent.

    Raises NotAuthorised.
    """
    with audited_later(desk, ACT, person):
        require_session(desk, ACT, person)
    if exchange is None:
        return []
    told = await exchange.requests()
    if isinstance(told, CentralSilent):
        return None
    return [
        request
        for request in told
        if request.terminal != desk.identity.terminal and may_approve(desk, person, request.act)
    ]


async def answer_elsewhere(
    desk: Desk,
    person: Person,
    request: RequestElsewhere,
    exchange: ApprovalExchange,
    runner: Runner,
    *,
    declined: str | None = None,
    memo: Memo | None = None,
) -> Answered:
    """Approve what another terminal asks for, or say no with the reason ``declined``.

    Raises NotAuthorised as ``approve``, Refused ``reason_required``, or what central refuses it for: ``request_answered``,
    ``request_closed``, ``request_lapsed``.
    """
    answer = await runner.till(partial(_write_down, desk, person, request, declined))
    told = await exchange.answer(answer)
    if isinstance(told, CentralSilent):
        return Answered(request=request, approved=answer.approved, kept=False)
    if isinstance(told, AnswerRefused):
        await runner.till(partial(_settle, desk, answer.answer_id, told.code))
        refusal = Refused(told.code, told.message, request=request.central_id)
        act = ACT if answer.approved else DECLINE
        await runner.till(
            partial(audit_refusal, desk, person, act, answer.answer_id, refusal, subject=request.central_id)
        )
        raise refusal
    done = Answered(request=told, approved=answer.approved, kept=True)
    await runner.till(partial(_settle, desk, answer.answer_id, KEPT, done, memo))
    return done


def _write_down(desk: Desk, person: Person, request: RequestElsewhere, declined: str | None) -> GivenAnswer:
    def work(deed: Deed) -> GivenAnswer:
        deed.subject = request.central_id
        if request.terminal == desk.identity.terminal:
            raise NotAuthorised("own_terminal", f"It was asked for here: approve {request.request_id}.")
        require_other(deed, request)
        if request.state not in (Elsewhere.OPEN, Elsewhere.APPROVED):
            raise Refused(
                f"request_{request.state}",
                f"Request {request.request_id} of terminal {request.terminal} is {request.state} already.",
            )
        if declined is not None and deed.reason_code is None:
            raise Refused(
                "reason_required", "Say why; it is kept with your name.", act=DECLINE, field="reason"
            )
        answer = GivenAnswer(
            answer_id=deed.new_id(),
            central_id=request.central_id,
            digest=request.digest,
            approved=declined is None,
            user=person.user,
            terminal=desk.identity.terminal,
            reason=None if declined is None else deed.reason_code,
            ago=timedelta(0),
        )
        write_answer(deed.unit, request, answer, at=deed.at)
        return answer

    return perform(desk, person, ACT if declined is None else DECLINE, work, reason=declined)


def _settle(
    desk: Desk, answer_id: str, outcome: str, done: Answered | None = None, memo: Memo | None = None
) -> None:
    with desk.till.transaction() as unit:
        settle_answer(unit, answer_id, outcome, at=desk.clock.now())
        if memo is not None:
            remember(unit, memo, done, at=desk.clock.now())


async def find_elsewhere(
    desk: Desk, person: Person, central_id: str, exchange: ApprovalExchange | None
) -> tuple[RequestElsewhere, ApprovalExchange]:
    """The request that central knows by this id, and where it is answered.

    Raises NotAuthorised, or Refused ``unknown_request`` or ``central_silent``.
    """
    with audited_later(desk, ACT, person, subject=central_id):
        require_session(desk, ACT, person)
    number = clean_reference(central_id, field="Request", limit=ID_MAX)
    told = CentralSilent("none is set") if exchange is None else await exchange.requests()
    if exchange is None or isinstance(told, CentralSilent):
        raise Refused(
            "central_silent", "Central does not answer: what other terminals ask for is not known now."
        )
    for request in told:
        if request.central_id == number:
            return request, exchange
    raise Refused("unknown_request", f"No terminal waits for {number} any more.", request=number)


def ask_elsewhere(desk: Desk, person: Person, request_id: str) -> Request:
    """Have central show the person's own request at other terminals, beside the own; as it stands.

    Raises NotAuthorised ``not_yours_to_ask``, or Refused ``unknown_request`` or ``no_central``.
    """

    def work(deed: Deed) -> Request:
        number = deed.subject = clean_reference(request_id, field="Request", limit=20).upper()
        request = request_by_id(deed.unit.connection, number, now=deed.at)
        if request is None:
            raise Refused(
                "unknown_request", f"There is no request {number} at this terminal.", request=number
            )
        if request.requester != person.user:
            raise NotAuthorised("not_yours_to_ask", "Somebody else asked for this.")
        if not desk.policy.offline.has_central:
            raise Refused("no_central", "This till has no central: ask somebody beside you.")
        if request.state is RequestState.OPEN:
            share_request(deed.unit, number, at=deed.at)
        return request

    return perform(desk, person, ASK, work)


def remember_asked(desk: Desk, request_id: str, memo: Memo) -> Request:
    """How a request stands now, kept as the answer to a script's line."""
    with desk.till.transaction() as unit:
        request = request_by_id(unit.connection, request_id, now=desk.clock.now())
        assert request is not None, "it was just asked for"
        remember(unit, memo, request, at=desk.clock.now())
    return request
