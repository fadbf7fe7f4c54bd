"""What our central adds to the standard, all below one path: announcement, accounts, items, enrolment."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sync.central.access.audit import AuditEvent, note
from sync.central.access.tokens import count_try, wait_s
from sync.central.http.answers import answer_list, answer_one, json_answer, read_body, read_object
from sync.central.http.desk import CentralDesk
from sync.central.payments.accounts import ACCOUNTS
from sync.central.payments.cheques import CHEQUES
from sync.central.payments.doubles import POSSIBLE_DOUBLES
from sync.central.payments.items import ITEMS
from sync.central.payments.reconnections import RECONNECTIONS
from sync.central.tills.terminals import Enrolling, enrol, find_terminal
from sync.central.wire.callers import caller
from sync.central.wire.errors import ApiError
from sync.central.wire.links import (
    ACCOUNT_PATH,
    APPROVAL_PATH,
    BILL_SCHEMA_PATH,
    CHARGE_PATH,
    CHEQUE_PATH,
    COMMISSION_PATH,
    DISHONOUR_PATH,
    ENROLMENT_PATH,
    HEAD_PATH,
    HUB_KEY_PATH,
    ITEM_PATH,
    LEDGER_BATCH_PATH,
    MANDATE_PATH,
    OPENAPI_PATH,
    OUTCOME_PATH,
    OWN_PATH,
    PERSON_CHANGE_PATH,
    PERSON_PATH,
    POSSIBLE_DOUBLE_PATH,
    RECONNECTION_PATH,
    REFUND_HOLD_PATH,
    REFUND_PATH,
    REFUNDABLE_PATH,
    RESOURCE_ID,
    SESSION_PATH,
    SHIFT_TOTAL_PATH,
    SHOP_BAG_PATH,
    SHOP_TILL_PATH,
    TERMINAL_PATH,
    TRANSFER_PATH,
    VOUCHER_HOLD_PATH,
    VOUCHER_KEY_PATH,
    VOUCHER_PATH,
)
from sync.oauth import is_public_key, terminal_client
from sync.tmf678.bill import EXTENDED_TYPE
from sync.wire_json import BadField

ENROLMENT_BYTES_MAX = 4_096
"""It comes without a token: nobody has central look through long ones."""

ANNOUNCEMENT = {
    "openapi": OPENAPI_PATH,
    "idempotencyKey": True,
    "changeNumber": True,
    "accounts": ACCOUNT_PATH,
    "items": ITEM_PATH,
    "cheques": CHEQUE_PATH,
    "vouchers": VOUCHER_HOLD_PATH,
    "voucherIssue": VOUCHER_PATH,
    "voucherKeys": VOUCHER_KEY_PATH,
    "outcomes": OUTCOME_PATH,
    "transfers": TRANSFER_PATH,
    "commissions": COMMISSION_PATH,
    "dishonours": DISHONOUR_PATH,
    "charges": CHARGE_PATH,
    "mandates": MANDATE_PATH,
    "refunds": REFUND_PATH,
    "refundable": REFUNDABLE_PATH,
    "refundHolds": REFUND_HOLD_PATH,
    "approvals": APPROVAL_PATH,
    "terminals": TERMINAL_PATH,
    "enrolment": ENROLMENT_PATH,
    "session": SESSION_PATH,
    "heads": HEAD_PATH,
    "shiftTotals": SHIFT_TOTAL_PATH,
    "ledgerBatches": LEDGER_BATCH_PATH,
    "shopBags": SHOP_BAG_PATH,
    "shopTills": SHOP_TILL_PATH,
    "people": PERSON_PATH,
    "personChanges": PERSON_CHANGE_PATH,
    "reconnections": RECONNECTION_PATH,
    "hubKeys": HUB_KEY_PATH,
    "possibleDoubles": POSSIBLE_DOUBLE_PATH,
}


def own_routes(desk: CentralDesk) -> list[Route]:
    """The routes below ``/counterfoil/v1``."""

    async def announcement(_request: Request) -> Response:
        asking = caller()
        if asking is None or asking.terminal is None or asking.dealer is None:
            return json_answer(ANNOUNCEMENT)
        return json_answer({**ANNOUNCEMENT, "dealer": asking.dealer})

    async def accounts(request: Request) -> Response:
        return await answer_list(desk, request, ACCOUNTS)

    async def account(request: Request) -> Response:
        return answer_one(desk, request, ACCOUNTS)

    async def items(request: Request) -> Response:
        return await answer_list(desk, request, ITEMS)

    async def item(request: Request) -> Response:
        return answer_one(desk, request, ITEMS)

    async def reconnections(request: Request) -> Response:
        return await answer_list(desk, request, RECONNECTIONS)

    async def reconnection(request: Request) -> Response:
        return answer_one(desk, request, RECONNECTIONS)

    async def doubles(request: Request) -> Response:
        return await answer_list(desk, request, POSSIBLE_DOUBLES)

    async def double(request: Request) -> Response:
        return answer_one(desk, request, POSSIBLE_DOUBLES)

    async def cheques(request: Request) -> Response:
        return await answer_list(desk, request, CHEQUES)

    async def cheque(request: Request) -> Response:
        return answer_one(desk, request, CHEQUES)

    async def terminal(request: Request) -> Response:
        return _terminal(desk, request.path_params["id"])

    async def enrolment(request: Request) -> Response:
        return _enrol(desk, request, read_object(await read_body(request, at_most=ENROLMENT_BYTES_MAX)))

    async def bill_schema(_request: Request) -> Response:
        return json_answer(BILL_SCHEMA)

    return [
        Route(OWN_PATH, announcement, methods=["GET"]),
        Route(ACCOUNT_PATH, accounts, methods=["GET"]),
        Route(f"{ACCOUNT_PATH}/{{id}}", account, methods=["GET"]),
        Route(ITEM_PATH, items, methods=["GET"]),
        Route(f"{ITEM_PATH}/{{id}}", item, methods=["GET"]),
        Route(RECONNECTION_PATH, reconnections, methods=["GET"]),
        Route(f"{RECONNECTION_PATH}/{{id}}", reconnection, methods=["GET"]),
        Route(POSSIBLE_DOUBLE_PATH, doubles, methods=["GET"]),
        Route(f"{POSSIBLE_DOUBLE_PATH}/{{id}}", double, methods=["GET"]),
        Route(CHEQUE_PATH, cheques, methods=["GET"]),
        Route(f"{CHEQUE_PATH}/{{id}}", cheque, methods=["GET"]),
        Route(f"{TERMINAL_PATH}/{{id}}", terminal, methods=["GET"]),
        Route(ENROLMENT_PATH, enrolment, methods=["POST"]),
        Route(BILL_SCHEMA_PATH, bill_schema, methods=["GET"]),
    ]


def _terminal(desk: CentralDesk, terminal: str) -> Response:
    found = None
    if RESOURCE_ID.fullmatch(terminal) is not None:
        with desk.store.read() as connection:
            found = find_terminal(connection, terminal)
    if found is None:
        raise ApiError(404, "not_found", "There is no resource of this id.")
    return json_answer(
        {"terminal": found.terminal, "epoch": found.epoch, "lastSequence": found.last_sequence}
    )


def _enrol(desk: CentralDesk, request: Request, body: dict[str, Any]) -> Response:
    """One answer for a used, void, late, foreign or invented code: it must not tell which."""
    asked, at = _read_enrolling(body), desk.clock.now()
    source = f"enrolment\n{request.client.host if request.client else ''}"
    with desk.store.read() as connection:
        wait = wait_s(connection, source, at=at)
    if wait:
        raise ApiError(
            429, "too_many_tries", "Too many wrong codes. Wait.", headers={"Retry-After": str(wait)}
        )
    with desk.store.write() as connection:
        epoch = enrol(connection, asked, at=at)
        if epoch is None:
            count_try(connection, source, at=at)
            if find_terminal(connection, asked.terminal) is not None:
                note(connection, AuditEvent.ENROLMENT_REFUSED, asked.terminal, at=at)
    if epoch is None:
        raise ApiError(403, "enrolment_refused", "This code does not serve. Ask for a new one.")
    told: dict[str, object] = {"terminal": asked.terminal, "epoch": epoch}
    if asked.public_key is not None:
        told["clientId"] = terminal_client(asked.terminal, epoch)
    return json_answer(told, status=201)


def _read_enrolling(body: dict[str, Any]) -> Enrolling:
    """Raises BadField before the code is used up."""
    for name in ("terminal", "code"):
        value = body.get(name)
        if not isinstance(value, str) or not 0 < len(value) <= 100 or not value.isprintable():
            raise BadField(name, "must be text")
    key, above = body.get("publicKey"), body.get("epochAbove", 0)
    if key is not None and (not isinstance(key, str) or not is_public_key(key)):
        raise BadField("publicKey", "must be an Ed25519 key in base64url without padding")
    if type(above) is not int or not 0 <= above < 2**31:
        raise BadField("epochAbove", "must be a whole number")
    return Enrolling(terminal=body["terminal"], code=body["code"], public_key=key, epoch_above=above)


_MONEY = {
    "type": "object",
    "properties": {"unit": {"type": "string"}, "value": {"type": "number"}},
    "required": ["unit", "value"],
}
_REFERENCE = {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}

BILL_SCHEMA = {
    "$schema": "http://json-schema.org/draft-04/schema#",
    "title": EXTENDED_TYPE,
    "description": "A TMF678 v4 CustomerBill with the lines it is presented by and central's change number.",
    "type": "object",
    "properties": {
        "changeNumber": {"type": "integer"},
        "billSummaryLine": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "id": {"type": "string"},
                    "name": {"type": "string"},
                    "groupKind": {"type": "string"},
                    "@type": {"type": "string"},
                    "taxExcludedAmount": _MONEY,
                    "taxAmount": _MONEY,
                    "taxIncludedAmount": _MONEY,
                    "product": _REFERENCE,
                    "parentLine": _REFERENCE,
                    "appliedCustomerBillingRate": {"type": "array", "items": _REFERENCE},
                },
                "required": ["id", "taxExcludedAmount", "taxAmount", "taxIncludedAmount"],
            },
        },
    },
    "required": ["id", "billSummaryLine"],
}
