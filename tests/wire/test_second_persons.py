"""A second person at another terminal, by way of central: asked once, answered once, used once (domain.md rule 33)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pos.domain.approval import APPROVED_FOR, OPEN_FOR, RequestState
from pos.domain.approval_elsewhere import Elsewhere
from pos.domain.errors import NotAuthorised, Refused
from pos.domain.role import Person, Role
from pos.store.people import RosterEntry, put_person
from pos.till.approvals import approve, approve_at_the_seat, decline
from pos.till.approvals_elsewhere import ask_elsewhere
from sync.central.operating.verify import verify_central
from sync.second_persons import ASK_EVERY_S
from sync.wire_json import loads
from tests.builders.elsewhere import (
    answered,
    listed,
    receipt_of,
    refunded,
    request_here,
    said_yes,
    synced,
    two_tills,
)
from tests.builders.tills import BACK_OFFICE, CASHIER, NOW, OTHER_CASHIER, PINS, SUPERVISOR, findings, rows
from tests.builders.undoing import code_of
from tests.builders.wire import SURVIVED, Fault, Wire

LARGE = {"elsewhere_minor": {"refund": 5_000}}


async def asked(**policy: object) -> tuple[Wire, Wire, str]:
    """T1 wants to refund 6.000 and asks for somebody at another terminal; central shows it."""
    here, there = await two_tills(**(policy or LARGE))
    receipt = receipt_of(here)
    assert code_of(lambda: refunded(here, receipt)) == "approval_required"
    await synced(here)
    return here, there, receipt


def refusal_of(error: pytest.ExceptionInfo[Refused] | pytest.ExceptionInfo[NotAuthorised]) -> str:
    return error.value.code


# --- the way it goes ------------------------------------------------------------------------------------------------


async def test_a_large_refund_is_approved_at_another_terminal_and_done_here() -> None:
    """Rule 33: remote above the cap; the approval names the person and the terminal."""
    here, there, receipt = await asked()
    (request,) = await listed(there)
    assert (request.terminal, request.request_id, request.requester) == ("T1", "R-1", "1001")
    assert request.what == f"refund 6.000 KWD of receipt {receipt} to BA-1"
    assert request.reason == "paid_twice"

    done = await answered(there, request)
    await synced(here)
    refunded(here, receipt)

    assert (done.kept, done.approved) == (True, True)
    (shown,) = rows(here.desk, "v_approval")
    assert (shown["approver"], shown["terminal"], shown["offline"]) == ("2002", "T2", 0)
    assert [row["act"] for row in rows(there.desk, "v_audit")][-1] == "approve"
    assert [row["outcome"] for row in rows(there.desk, "approval_answer_told")] == ["kept"]
    await here.engine.drain(timeout_s=3_600)
    assert await listed(there) == []
    assert findings(here.desk) == []
    assert verify_central(here.central) == []


async def test_nobody_at_the_seat_approves_what_wants_another_terminal() -> None:
    """Rule 33: remote above the cap; up to there the seat is enough."""
    here, _, receipt = await asked()

    with pytest.raises(NotAuthorised) as refusal:
        approve_at_the_seat(here.desk, "2002", PINS["2002"], "R-1")
    assert refusal_of(refusal) == "needs_other_terminal"
    assert code_of(lambda: approve(here.desk, SUPERVISOR, "R-1")) == "needs_other_terminal"
    assert code_of(lambda: refunded(here, receipt)) == "approval_required"

    assert code_of(lambda: refunded(here, receipt, "4.995")) == "approval_required"
    approve(here.desk, SUPERVISOR, "R-2")
    refunded(here, receipt, "4.995")


async def test_any_request_may_be_shown_to_others_beside_the_seat() -> None:
    here, there = await two_tills()
    receipt = receipt_of(here)
    assert code_of(lambda: refunded(here, receipt)) == "approval_required"
    await synced(here)
    assert await listed(there) == []

    assert code_of(lambda: ask_elsewhere(here.desk, OTHER_CASHIER, "R-1")) == "not_yours_to_ask"
    ask_elsewhere(here.desk, CASHIER, "R-1")
    ask_elsewhere(here.desk, CASHIER, "r-1")
    await synced(here)
    await said_yes(there)
    await synced(here)

    assert request_here(here).state is RequestState.APPROVED
    refunded(here, receipt)
    assert findings(here.desk) == []


async def test_one_who_is_known_only_at_the_other_terminal_approves_there() -> None:
    here, there, receipt = await asked()
    guest = Person(user="7007", name="Guest", roles=frozenset({Role.SUPERVISOR}))
    with there.desk.till.transaction() as unit:
        put_person(unit.connection, RosterEntry(person=guest, pin_hash="x", active=True), at=NOW)

    await said_yes(there, guest)
    await synced(here)

    refunded(here, receipt)


async def test_one_who_is_disabled_here_approves_nothing_from_there() -> None:
    here, there, receipt = await asked()
    gone = RosterEntry(person=SUPERVISOR, pin_hash="x", active=False)
    with here.desk.till.transaction() as unit:
        put_person(unit.connection, gone, at=NOW)

    await said_yes(there)
    await synced(here)

    assert code_of(lambda: refunded(here, receipt)) == "approval_required"


async def test_a_no_ends_it_with_its_reason() -> None:
    here, there, receipt = await asked()
    (request,) = await listed(there)
    with pytest.raises(Refused) as refusal:
        await answered(there, request, declined="  ")
    assert refusal_of(refusal) == "reason_required"

    await answered(there, request, declined="The customer has left")
    await synced(here)

    assert request_here(here).state is RequestState.DECLINED
    (said,) = rows(here.desk, "approval_declined")
    assert (said["decliner"], said["terminal"], said["reason"]) == ("2002", "T2", "The customer has left")
    assert code_of(lambda: refunded(here, receipt)) == "approval_required"
    assert [row["request_id"] for row in rows(here.desk, "approval_request")] == ["R-1", "R-2"]


# --- who may, for what, how long ------------------------------------------------------------------------------------


async def test_who_asked_or_took_the_payment_does_not_approve_there_either() -> None:
    """Rule 33: approver <> requester <> original cashier, at every terminal."""
    here, there = await two_tills(**LARGE)
    receipt = receipt_of(here)
    assert code_of(lambda: refunded(here, receipt, person=SUPERVISOR)) == "approval_required"
    await synced(here)
    (request,) = await listed(there)

    with pytest.raises(NotAuthorised) as refusal:
        await answered(there, request, SUPERVISOR)
    assert refusal_of(refusal) == "own_request"
    both = Person(user="1001", name="A. Kumar", roles=frozenset({Role.SUPERVISOR}))
    with pytest.raises(NotAuthorised) as refusal:
        await answered(there, request, both)
    assert refusal_of(refusal) == "own_deed"
    with pytest.raises(NotAuthorised) as refusal:
        await answered(there, request, OTHER_CASHIER)
    assert refusal_of(refusal) == "not_allowed"
    related = replace(BACK_OFFICE, accounts=frozenset({"BA-1"}))
    assert (await answered(there, request, related)).kept


async def test_a_request_about_ones_own_account_is_for_others() -> None:
    here, there = await two_tills()
    receipt = receipt_of(here)
    owner = replace(CASHIER, accounts=frozenset({"BA-1"}))
    assert code_of(lambda: refunded(here, receipt, person=owner)) == "approval_required"
    ask_elsewhere(here.desk, owner, "R-1")
    await synced(here)
    (request,) = await listed(there)

    with pytest.raises(NotAuthorised) as refusal:
        await answered(there, request, replace(BACK_OFFICE, accounts=frozenset({"BA-1"})))
    assert refusal_of(refusal) == "own_request"
    assert (await answered(there, request, BACK_OFFICE)).kept


async def test_the_own_terminal_neither_lists_nor_answers_its_own_request() -> None:
    here, there, _ = await asked()
    (request,) = await listed(there)

    assert await listed(here) == []
    with pytest.raises(NotAuthorised) as refusal:
        await answered(here, request)
    assert refusal_of(refusal) == "own_terminal"


async def test_an_approval_is_used_once_and_for_exactly_that() -> None:
    """Rule 33: bound to amount and target, used once."""
    here, there, receipt = await asked(elsewhere_minor={"refund": 1_000})
    await said_yes(there)
    await synced(here)

    assert code_of(lambda: refunded(here, receipt, "5.999")) == "approval_required"
    refunded(here, receipt)
    other = receipt_of(here)
    assert code_of(lambda: refunded(here, other)) == "approval_required"
    await synced(here)
    assert {request.request_id for request in await listed(there)} == {"R-2", "R-3"}


@pytest.mark.parametrize("late", [False, True])
async def test_it_is_good_for_five_minutes_from_when_it_was_given_there(late: bool) -> None:
    """Rule 33: it expires, however late it is heard of."""
    here, there, receipt = await asked()
    await said_yes(there)
    here.clock.advance(seconds=APPROVED_FOR.total_seconds() - (0 if late else 10))
    await here.engine.push()

    if not late:
        refunded(here, receipt)
        return
    assert rows(here.desk, "approval") == []
    assert code_of(lambda: refunded(here, receipt)) == "approval_required"
    (request,) = await listed(there)
    assert request.state is Elsewhere.OPEN
    await answered(there, request)
    await synced(here)
    refunded(here, receipt)


async def test_a_request_that_nobody_answers_lapses_everywhere() -> None:
    here, there, _ = await asked()
    here.clock.advance(seconds=OPEN_FOR.total_seconds())

    await synced(here)

    assert request_here(here).state is RequestState.LAPSED
    assert await listed(there) == []


async def test_two_answers_at_once_are_one() -> None:
    """Rule 33: central keeps the first."""
    here, there, receipt = await asked()
    (request,) = await listed(there)
    await answered(there, request, SUPERVISOR)

    with pytest.raises(Refused) as refusal:
        await answered(there, request, BACK_OFFICE, declined="Not today")
    assert refusal_of(refusal) == "request_answered"
    assert "User 2002 at terminal T2 approved it before" in refusal.value.message
    await synced(here)
    refunded(here, receipt)
    assert [row["outcome"] for row in rows(there.desk, "approval_answer_told")] == [
        "kept",
        "request_answered",
    ]


async def test_what_was_declined_here_meanwhile_is_not_approved_by_an_answer_from_there() -> None:
    here, there, receipt = await asked()
    await said_yes(there)
    decline(here.desk, BACK_OFFICE, "R-1", "Wrong receipt")

    await synced(here, there)

    assert rows(here.desk, "approval") == []
    assert code_of(lambda: refunded(here, receipt)) == "approval_required"


# --- without central ------------------------------------------------------------------------------------------------


async def test_while_central_is_silent_nobody_elsewhere_can_be_asked() -> None:
    """Rule 33: offline a lower cap, and what wants a remote person waits."""
    here, _ = await two_tills(**LARGE)
    receipt = receipt_of(here)
    here.clock.advance(minutes=11)

    assert code_of(lambda: refunded(here, receipt)) == "approval_needs_central"
    assert rows(here.desk, "approval_request") == []
    assert code_of(lambda: refunded(here, receipt, "4")) == "approval_required"


async def test_an_answer_that_came_in_time_is_used_though_central_fell_silent_since() -> None:
    here, there, receipt = await asked()
    await said_yes(there)
    await synced(here)
    here.desk.policy = replace(
        here.desk.policy, offline=replace(here.desk.policy.offline, after=APPROVED_FOR / 5)
    )
    here.clock.advance(minutes=3)

    refunded(here, receipt)


@pytest.mark.parametrize("fault", SURVIVED)
async def test_whatever_happens_to_the_asking_it_is_shown_once(fault: Fault) -> None:
    here, there = await two_tills(**LARGE)
    receipt = receipt_of(here)
    await here.engine.drain(timeout_s=3_600)
    assert code_of(lambda: refunded(here, receipt)) == "approval_required"
    here.network.next(fault)
    await synced(here)
    here.restart()
    here.network.heal()

    await synced(here)
    await here.network.deliver_late()

    assert [request.request_id for request in await listed(there)] == ["R-1"]


@pytest.mark.parametrize("fault", SURVIVED)
async def test_whatever_happens_to_a_yes_it_counts_once(fault: Fault) -> None:
    """Rule 33: nothing is approved twice, and a lost answer is sent again while it is good."""
    here, there, receipt = await asked()
    (request,) = await listed(there)
    there.network.next(fault)
    await answered(there, request)
    there.restart()
    there.network.heal()
    there.clock.advance(seconds=30)

    await there.engine.push()
    await there.network.deliver_late()
    await synced(here)
    await synced(here)

    assert len(rows(here.desk, "approval")) == 1
    refunded(here, receipt)
    assert code_of(lambda: refunded(here, receipt)) == "nothing_refundable"
    assert [row["outcome"] for row in rows(there.desk, "approval_answer_told")] == ["kept"]


async def test_a_yes_that_was_lost_for_too_long_is_none_and_is_asked_for_again() -> None:
    here, there, _ = await asked()
    (request,) = await listed(there)
    there.network.down()
    assert not (await answered(there, request)).kept
    there.clock.advance(seconds=APPROVED_FOR.total_seconds())
    there.network.heal()

    await synced(there, here)

    assert [row["outcome"] for row in rows(there.desk, "approval_answer_told")] == ["answer_too_old"]
    assert rows(here.desk, "approval") == []
    assert [one.state for one in await listed(there)] == [Elsewhere.OPEN]


@pytest.mark.parametrize("fault", SURVIVED)
async def test_whatever_happens_to_the_hearing_it_is_heard_once(fault: Fault) -> None:
    here, there, receipt = await asked()
    await said_yes(there)
    here.network.next(fault)
    here.clock.advance(seconds=60)
    await here.engine.push()
    here.restart()
    here.network.heal()

    await synced(here)
    await synced(here)

    assert len(rows(here.desk, "approval")) == 1
    refunded(here, receipt)
    assert findings(here.desk) == []


async def test_a_foreign_server_is_asked_for_no_second_person() -> None:
    here, _ = await two_tills(**LARGE)
    here.addresses = replace(here.addresses, own=None)
    here.restart()
    receipt = receipt_of(here)
    assert code_of(lambda: refunded(here, receipt)) == "approval_required"

    await synced(here)

    assert [one for one in here.network.requests if "approvalRequest" in one.path] == []


async def test_what_nobody_waits_for_any_more_is_asked_about_seldom() -> None:
    here, _, _ = await asked()

    def times() -> int:
        return sum("approvalRequest" in one.path for one in here.network.requests)

    before = times()
    for _ in range(10):
        here.clock.advance(seconds=ASK_EVERY_S)
        await here.engine.push()
    assert times() - before == 10
    here.clock.advance(hours=1)
    before = times()
    for _ in range(10):
        here.clock.advance(seconds=ASK_EVERY_S)
        await here.engine.push()
    assert times() - before == 1


async def test_what_is_told_holds_no_more_than_whoever_decides_needs() -> None:
    here, _, receipt = await asked()

    (told,) = (loads(one.body) for one in here.network.requests if one.path.endswith("approvalRequest"))

    assert sorted(told) == sorted(
        "id terminal epoch request act what contentDigest requester reason accounts notBy secondsAgo".split()
    )
    assert (told["id"], told["notBy"], told["accounts"]) == ("T1:1:R-1", ["1001"], [])
    assert told["what"] == f"refund 6.000 KWD of receipt {receipt} to BA-1"
