"""Holding a voucher for a payment and letting it go: a resource of our own."""

from __future__ import annotations

from base64 import b32encode
from collections.abc import Mapping
from datetime import date, timedelta

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pos.domain.payment_mode import ModeKind, PaymentModes
from pos.domain.voucher import Residual, VoucherTerms
from sync.central.http.answers import json_answer
from sync.central.http.desk import CentralDesk
from sync.central.http.idempotency import read_told
from sync.central.payments.accounts import account_kind
from sync.central.vouchers.issuers import let_go_if_undone
from sync.central.vouchers.issuing import IssueAsked, Issued, issue, note_printed, rest_of
from sync.central.vouchers.keys import list_keys
from sync.central.vouchers.vouchers import (
    Held,
    HoldAsked,
    Holding,
    NotHeld,
    hold_voucher,
    is_hold_of_others,
    release_hold,
    shop_day,
)
from sync.central.wire.errors import ApiError
from sync.central.wire.fields import needed_text, plain_text, positive
from sync.central.wire.links import RESOURCE_ID, VOUCHER_HOLD_PATH, VOUCHER_KEY_PATH, VOUCHER_PATH
from sync.wire_json import BadField, money_json

APPROVAL_BYTES = 5
CODE_MAX = 250
EXPIRES_WITHIN = timedelta(days=3_660)


def voucher_routes(desk: CentralDesk) -> list[Route]:
    """The routes of the hold."""

    async def holds(request: Request) -> Response:
        return _hold(desk, (await read_told(request, key="id"))[1])

    async def one(request: Request) -> Response:
        return _release(desk, request.path_params["id"])

    async def rest(request: Request) -> Response:
        return _rest(desk, request.path_params["id"], printed=request.method == "DELETE")

    async def issue(request: Request) -> Response:
        return _issue(desk, (await read_told(request, key="id"))[1])

    async def keys(_request: Request) -> Response:
        return _keys(desk)

    return [
        Route(VOUCHER_HOLD_PATH, holds, methods=["POST"]),
        Route(f"{VOUCHER_HOLD_PATH}/{{id}}", one, methods=["DELETE"]),
        Route(f"{VOUCHER_HOLD_PATH}/{{id}}/rest", rest, methods=["GET", "DELETE"]),
        Route(VOUCHER_PATH, issue, methods=["POST"]),
        Route(VOUCHER_KEY_PATH, keys, methods=["GET"]),
    ]


def _hold(desk: CentralDesk, body: Mapping[str, object]) -> Response:
    asked = _read_asked(body, desk.modes)
    approval = b32encode(desk.randomness.token_bytes(APPROVAL_BYTES)).decode()
    with let_go_if_undone(desk.issuers) as issuers, desk.store.write() as connection:
        # A refusal is committed too: it counts against guessing.
        how = Holding(
            at=desk.clock.now(),
            held_for=desk.voucher_held_for,
            approval=approval,
            randomness=desk.randomness,
            issuers=issuers,
        )
        answer = hold_voucher(connection, asked, how)
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
        **terms_json(held.terms),
        "@type": "CounterfoilVoucherHold",
    }
    if held.approval is not None:
        body["approval"] = held.approval
    return json_answer(body, status=200 if held.again else 201)


def _release(desk: CentralDesk, hold_id: str) -> Response:
    if RESOURCE_ID.fullmatch(hold_id) is None:
        raise ApiError(404, "not_found", "There is no resource of this id.")
    with desk.store.write() as connection:
        if not is_hold_of_others(connection, hold_id):
            release_hold(connection, hold_id, at=desk.clock.now(), issuers=desk.issuers)
    return Response(status_code=204)


def terms_json(terms: VoucherTerms) -> dict[str, object]:
    """What a voucher says of itself, as it is told."""
    body: dict[str, object] = {
        "value": money_json(terms.value),
        "expires": terms.expires.isoformat(),
        "residual": str(terms.residual),
        "combinable": terms.combinable,
    }
    if terms.minimum is not None:
        body["minimumBill"] = money_json(terms.minimum)
    return body


def _rest(desk: CentralDesk, hold_id: str, *, printed: bool) -> Response:
    """The voucher over what is left of a held one; DELETE says that it is on paper, so that its code is told no more."""
    if RESOURCE_ID.fullmatch(hold_id) is None:
        raise ApiError(404, "not_found", "There is no resource of this id.")
    if printed:
        with desk.store.write() as connection:
            if not is_hold_of_others(connection, hold_id):
                note_printed(connection, hold_id, at=desk.clock.now())
        return Response(status_code=204)
    with desk.store.read() as connection:
        if is_hold_of_others(connection, hold_id):
            raise ApiError(404, "not_found", "There is no resource of this id.")
        issued = rest_of(connection, hold_id)
    return json_answer(_issued_json(hold_id, issued))


def _issue(desk: CentralDesk, body: Mapping[str, object]) -> Response:
    asked = _read_issue(body)
    at = desk.clock.now()
    with desk.store.write() as connection:
        today = shop_day(connection, at)
        if not today <= asked.terms.expires <= today + EXPIRES_WITHIN:
            raise BadField("expires", f"must be a day from today on, within {EXPIRES_WITHIN.days} days")
        if asked.account_id is not None and account_kind(connection, asked.account_id) is None:
            raise ApiError(409, "unknown_account", "There is no such account.", field="account")
        issued = issue(connection, asked, desk.randomness, at=at)
    return json_answer(_issued_json(asked.issue_id, issued), status=200 if issued.again else 201)


def _issued_json(own_id: str, issued: Issued) -> dict[str, object]:
    return {
        "id": own_id,
        "serial": issued.serial,
        "key": issued.key_id,
        "code": issued.code,
        **terms_json(issued.terms),
        "@type": "CounterfoilVoucher",
    }


def _keys(desk: CentralDesk) -> Response:
    """All of them at once: an operator has a handful."""
    with desk.store.read() as connection:
        keys = list_keys(connection)
    return json_answer(
        [
            {"id": key.key_id, "publicKey": key.public_key, "withdrawn": key.withdrawn_at is not None}
            for key in keys
        ]
    )


def _read_issue(body: Mapping[str, object]) -> IssueAsked:
    """Raises BadField."""
    issue_id, terminal = plain_text(body, "id"), plain_text(body, "terminal")
    if issue_id is None or terminal is None or RESOURCE_ID.fullmatch(issue_id) is None:
        raise BadField("id, terminal", "must be plain letters, digits, dots and dashes")
    value = positive(body.get("value"), field="value")
    minimum = body.get("minimumBill")
    least = None if minimum is None else positive(minimum, field="minimumBill")
    if least is not None and least.currency != value.currency:
        raise BadField("minimumBill", f"is not in {value.currency}")
    residual, combinable = body.get("residual", Residual.FORFEIT), body.get("combinable", True)
    if not isinstance(residual, str) or residual not in set(Residual):
        raise BadField("residual", f"must be one of {', '.join(Residual)}")
    if not isinstance(combinable, bool):
        raise BadField("combinable", "must be true or false")
    account = None if body.get("account") is None else plain_text(body, "account")
    return IssueAsked(
        issue_id=issue_id,
        terminal=terminal,
        terms=VoucherTerms(
            value=value,
            expires=_read_day(body.get("expires")),
            residual=Residual(residual),
            combinable=combinable,
            minimum=least,
        ),
        account_id=account,
    )


def _read_day(value: object) -> date:
    try:
        if isinstance(value, str) and len(value) == 10:
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise BadField("expires", "must be a day, such as 2026-11-21")


def _read_asked(body: Mapping[str, object], modes: PaymentModes | None) -> HoldAsked:
    """Raises BadField. No message ever repeats a code."""

    hold_id, mode, code = (needed_text(body, name) for name in ("id", "mode", "code"))
    if RESOURCE_ID.fullmatch(hold_id) is None:
        raise BadField("id", "must be plain letters, digits, dots and dashes")
    if len(code) > CODE_MAX:
        raise BadField("code", f"is longer than {CODE_MAX} characters")
    issuer = body.get("issuer")
    return HoldAsked(
        hold_id=hold_id,
        terminal=needed_text(body, "terminal"),
        payment_event_id=needed_text(body, "paymentEventId"),
        mode=mode,
        code=code,
        issuer=None if issuer is None else plain_text(body, "issuer"),
        account_id=needed_text(body, "account"),
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
