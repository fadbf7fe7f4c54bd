"""Who approved a correction comes to central with it, and whether anybody could be asked there (rule 33)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pos.domain.correction import CorrectionPolicy
from pos.domain.offline import OfflinePolicy
from pos.till.approvals import approve, approve_at_the_seat, request_of
from pos.till.correction_entry import CorrectionOrder
from pos.till.corrections import void
from pos.till.refunds import RefundOrder, refund
from sync.central.operating.verify import verify_central
from sync.wire_json import loads
from tests.builders.tills import CASHIER, PINS, SUPERVISOR, cash, findings, pay, rows
from tests.builders.undoing import code_of
from tests.builders.wire import Wire, make_wire

HOUR_S = 3_600


async def shop(**policy: object) -> Wire:
    wire = await make_wire()
    wire.desk.policy = replace(
        wire.desk.policy,
        corrections=CorrectionPolicy(**policy),  # type: ignore[arg-type]
        offline=OfflinePolicy(has_central=True),
    )
    return wire


def receipt_of(wire: Wire) -> str:
    return pay(wire.desk, cash("6"), account="BA-1").receipt.receipt_number


def refund_told(wire: Wire) -> dict[str, object]:
    (posted,) = (
        one for one in wire.network.requests if one.path.endswith("/refund") and one.method == "POST"
    )
    told: dict[str, object] = loads(posted.body)
    return told


@pytest.mark.parametrize("minutes", [1, 30])
async def test_the_message_names_both_people_and_says_whether_central_was_silent(minutes: int) -> None:
    """Rule 33: an offline approval is flagged, and re-checked on sync."""
    wire = await shop()
    desk, receipt = wire.desk, receipt_of(wire)
    wire.clock.advance(minutes=minutes)
    order = CorrectionOrder(receipt=receipt, reason="wrong_amount")
    assert code_of(lambda: void(desk, CASHIER, order)) == "approval_required"
    approve_at_the_seat(desk, SUPERVISOR.user, PINS[SUPERVISOR.user], "R-1")
    void(desk, CASHIER, order)

    await wire.engine.drain(timeout_s=HOUR_S)

    told = refund_told(wire)
    assert (told["operator"], told["takenBy"]) == ("1001", "1001")
    offline = minutes > 10
    approval = told["approval"]
    assert isinstance(approval, dict)
    assert approval.pop("approvedAt")
    assert approval == {
        "request": "R-1",
        "requester": "1001",
        "approver": "2002",
        "terminal": desk.identity.terminal,
        "offline": offline,
    }
    (shown,) = rows(desk, "v_approval")
    assert (shown["approver"], shown["offline"], shown["entry_id"] is None) == ("2002", int(offline), False)
    found = request_of(desk, "R-1")
    assert found is not None
    assert found.offline is offline
    assert findings(desk) == []
    assert verify_central(wire.central) == []


async def test_what_one_person_does_alone_names_that_person_and_no_approval() -> None:
    wire = await shop(alone_minor={"refund": 10**9}, offline_alone_minor=10**9)
    refund(wire.desk, CASHIER, RefundOrder(receipt=receipt_of(wire), reason="billed_twice", amount="1"))

    await wire.engine.drain(timeout_s=HOUR_S)

    told = refund_told(wire)
    assert (told["operator"], "approval" in told) == ("1001", False)
    assert rows(wire.desk, "v_approval") == []


async def test_an_approval_that_was_not_used_is_shown_without_an_entry() -> None:
    wire = await shop()
    receipt = receipt_of(wire)
    code_of(lambda: refund(wire.desk, CASHIER, RefundOrder(receipt=receipt, reason="billed_twice")))
    approve(wire.desk, SUPERVISOR, "R-1")

    (shown,) = rows(wire.desk, "v_approval")

    assert (shown["used_at_utc"], shown["entry_id"]) == (None, None)
    assert findings(wire.desk) == []
