"""Who approved a correction: two people, or central does not take it; what happened offline it keeps and names (rule 33)."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from sync.central.operating.fixture import load_fixture
from sync.central.operating.verify import verify_central
from sync.central.store.database import CentralStore
from tests.central.refund_builders import paid, refund, refused, undo


def told(payment_id: str, approver: str = "2002", *, offline: bool = False, **more: object) -> dict[str, Any]:
    approval = {"request": "R-1", "requester": "1001", "approver": approver, "offline": offline, **more}
    return refund(payment_id, "4.000", kind="refund", operator="1001", takenBy="1002", approval=approval)


async def test_two_people_are_taken_and_their_names_kept(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    kept = await undo(client, told(await paid(client)))

    assert kept["approval"]["approver"] == "2002"
    assert verify_central(store) == []


@pytest.mark.parametrize("approver", ["1001", "1002", "1003"])
async def test_who_asked_or_took_the_payment_approves_nothing(
    client: httpx.AsyncClient, approver: str
) -> None:
    """Rule 33: central refuses a correction without two people who are neither the requester nor the original cashier."""
    payment_id = await paid(client, operator="1003")

    assert await refused(client, told(payment_id, approver)) == (422, "not_two_people", "approval.approver")
    await undo(client, told(payment_id, "2002"))


@pytest.mark.parametrize("approver", ["1001", "1002", "1003"])
async def test_what_was_approved_offline_is_kept_and_named(
    client: httpx.AsyncClient, store: CentralStore, approver: str
) -> None:
    """Rule 33: re-checked at sync. Its money has moved: it is never lost."""
    payment_id = await paid(client, operator="1003")

    kept = await undo(client, told(payment_id, approver, offline=True))

    found = [(one.subject, one.subject_id, one.message) for one in verify_central(store)]
    assert found == [
        ("refund", kept["id"], f"user {approver} approved it, and asked for it or took the payment")
    ]


async def test_an_approver_whom_central_does_not_know_is_named(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    load_fixture(store, {"users": [{"user": "1001"}, {"user": "2002"}]})
    payment_id = await paid(client)
    await undo(client, told(payment_id, "2002"))
    assert verify_central(store) == []

    other = await undo(client, told(payment_id, "2009"))
    assert [(one.subject_id, one.message) for one in verify_central(store)] == [
        (other["id"], "user 2009, who approved it, is nobody whom central knows")
    ]
    await client.put("/counterfoil/v1/session/2009", json={"terminal": "T2", "secondsAgo": 0})
    assert verify_central(store) == []


@pytest.mark.parametrize(
    ("approval", "field"),
    [
        ("yes", "approval"),
        ({}, "approval.requester"),
        ({"requester": "1001"}, "approval.approver"),
        ({"requester": "1001", "approver": "x" * 300}, "approval.approver"),
        ({"requester": "1001", "approver": "2002", "offline": "no"}, "approval.offline"),
    ],
)
async def test_an_approval_of_another_form_is_refused(
    client: httpx.AsyncClient, approval: object, field: str
) -> None:
    payment_id = await paid(client)

    status, code, where = await refused(client, refund(payment_id, "1.000", approval=approval))

    assert (status, code, where) == (400, "bad_field", field)


async def test_a_card_number_in_an_approval_is_refused(client: httpx.AsyncClient) -> None:
    payment_id = await paid(client)

    status, code, _ = await refused(client, told(payment_id, "4111111111111111"))

    assert (status, code) == (400, "card_number_refused")
