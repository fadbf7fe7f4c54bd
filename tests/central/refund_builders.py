"""Refunds as tills and other clients post them to central."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from sync.wire_json import dumps, loads
from tests.central.central_builders import kwd, payment, post

REFUND = "/tmf-api/paymentManagement/v4/refund"
REFUNDABLE = "/counterfoil/v1/refundable"
ACCOUNTS = "/counterfoil/v1/account"


def refund(payment_id: str, amount: str = "10.000", **more: object) -> dict[str, Any]:
    """A plain refund of a payment of BA-1, as any client of the standard sends it."""
    return {
        "account": {"id": "BA-1"},
        "totalAmount": kwd(amount),
        "paymentMethod": {"@type": "Cash", "@baseType": "PaymentMethod", "name": "cash"},
        "payment": {"id": payment_id},
        **more,
    }


def bill_parts(**bills: str) -> list[dict[str, object]]:
    """``CB_1="4.000"`` is 4.000 of bill CB-1."""
    return [{"bill": bill.replace("_", "-"), "amount": kwd(amount)} for bill, amount in bills.items()]


def kept(amount: str, kept_as: str = "account", account: str = "BA-1") -> dict[str, object]:
    return {"account": account, "as": kept_as, "amount": kwd(amount)}


def void(payment_id: str, amount: str = "10.000", **more: object) -> dict[str, Any]:
    """A void as a till tells it."""
    return refund(payment_id, amount, kind="void", reasonCode="wrong_amount", terminal="T2", **more)


def transfer(payment_id: str, amount: str, *placed: Mapping[str, object], **more: object) -> dict[str, Any]:
    """A transfer as a till tells it."""
    return refund(payment_id, amount, kind="transfer", placed=list(placed), **more)


async def post_refund(
    client: httpx.AsyncClient, body: Mapping[str, object] | bytes, **headers: str
) -> httpx.Response:
    content = body if isinstance(body, bytes) else dumps(body)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.post(
        REFUND, content=content, headers={"content-type": "application/json;charset=utf-8", **named}
    )


async def paid(client: httpx.AsyncClient, amount: str = "10.000", **more: Any) -> str:
    """The id of a payment that central took."""
    answer = await post(client, payment(amount, **more))
    assert answer.status_code == 201, answer.text
    return str(loads(answer.content)["id"])


async def refused(client: httpx.AsyncClient, body: Mapping[str, object]) -> tuple[int, str, str]:
    """Status, code and field of a refusal."""
    answer = await post_refund(client, body)
    told = loads(answer.content)
    assert answer.status_code >= 400, told
    return answer.status_code, told["code"], told.get("field", "")


async def undo(client: httpx.AsyncClient, body: Mapping[str, object]) -> dict[str, Any]:
    """A refund that central takes."""
    answer = await post_refund(client, body)
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = loads(answer.content)
    return told
