"""Holding a voucher for a payment and letting it go: a resource of our own."""

from __future__ import annotations

from base64 import b32encode
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pos.domain.payment_mode import ModeKind, PaymentModes
from sync.central.answers import json_answer, read_body, read_object
from sync.central.desk import CentralDesk
from sync.central.errors import ApiError
from sync.central.incoming import plain_text, positive
from sync.central.links import RESOURCE_ID, VOUCHER_HOLD_PATH
from sync.central.vouchers import Held, HoldAsked, NotHeld, hold_voucher, release_hold
from sync.wire_json import BadField, money_json

APPROVAL_BYTES = 5
CODE_MAX = 100


def voucher_routes(desk: CentralDesk) -> list[Route]:
    """The routes of the hold."""

    async def holds(request: Request) -> Response:
        return _hold(desk, read_object(await read_body(request)))

    async def one(request: Request) -> Response:
        return _release(desk, request.path_params["id"])

    return [
        Route(VOUCHER_HOLD_PATH, holds, methods=["POST"]),
        Route(f"{VOUCHER_HOLD_PATH}/{{id}}", one, methods=["DELETE"]),
    ]


def _hold(desk: CentralDesk, body: Mapping[str, object]) -> Response:
    asked = _read_asked(body, desk.modes)
    approval = b32encode(desk.randomness.token_bytes(APPROVAL_BYTES)).decode()
    with desk.store.write() as connection:
        # A refusal is committed too: it counts against guessing.
        answer = hold_voucher(
            connection, asked, at=desk.clock.now(), held_for=desk.voucher_held_for, approval=approval
        )
    match answer:
        case Held():
            return _held(answer)
        case NotHeld():
            more = {} if answer.value is None else {"value": money_json(answer.value)}
            headers = {} if answer.retry_after_s is None else {"Retry-After": str(answer.retry_after_s)}
            raise ApiError(answer.status, answer.code, answer.message, headers=headers, more=more)


def _held(held: Held) -> Response:
    body: dict[str, object] = {
        "id": held.hold_id,
        "state": "reserved",
        "value": money_json(held.value),
        "expires": held.expires.isoformat(),
        "@type": "CounterfoilVoucherHold",
    }
    if held.approval is not None:
        body["approval"] = held.approval
    return json_answer(body, status=200 if held.again else 201)


def _release(desk: CentralDesk, hold_id: str) -> Response:
    if RESOURCE_ID.fullmatch(hold_id) is None:
        raise ApiError(404, "not_found", "There is no resource of this id.")
    with desk.store.write() as connection:
        release_hold(connection, hold_id, at=desk.clock.now())
    return Response(status_code=204)


def _read_asked(body: Mapping[str, object], modes: PaymentModes | None) -> HoldAsked:
    """Raises BadField. No message ever repeats a code."""

    def needed(name: str) -> str:
        value = plain_text(body, name)
        if value is None:
            raise BadField(name, "is missing")
        return value

    hold_id, mode, code = needed("id"), needed("mode"), needed("code")
    if RESOURCE_ID.fullmatch(hold_id) is None:
        raise BadField("id", "must be plain letters, digits, dots and dashes")
    if len(code) > CODE_MAX:
        raise BadField("code", f"is longer than {CODE_MAX} characters")
    issuer = body.get("issuer")
    return HoldAsked(
        hold_id=hold_id,
        terminal=needed("terminal"),
        payment_event_id=needed("paymentEventId"),
        mode=mode,
        code=code,
        issuer=None if issuer is None else plain_text(body, "issuer"),
        account_id=needed("account"),
        amount=positive(body.get("amount"), field="amount"),
        external=_is_external(mode, modes),
    )


def _is_external(mode: str, modes: PaymentModes | None) -> bool | None:
    """Whether a mode takes outside issuers' vouchers: it asks for the issuer. None where no modes are known."""
    if modes is None:
        return None
    found = modes.by_code.get(mode)
    if found is None or found.kind is not ModeKind.VOUCHER:
        raise BadField("mode", "is no way to pay with a voucher")
    return any(field.name == "issuer" for field in found.fields)
