"""The OpenAPI 3.1 document of what our central adds to the standard; TMF676 and TMF678 have documents of their own.

It is made from the table below, the schemas beside it and the scopes that the gate asks for; a test holds table and routes
against each other, and every answer against its schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sync.central.access.gate import NEEDS, NoScope
from sync.central.api.own_schemas import SCHEMAS, Schema, listed, ref
from sync.central.http.answers import json_answer
from sync.central.wire.callers import Scope
from sync.central.wire.links import (
    ACCOUNT_PATH,
    APPROVAL_PATH,
    BILL_DOCUMENT_PATH,
    BILL_SCHEMA_PATH,
    CHARGE_PATH,
    CHEQUE_PATH,
    COMMISSION_PATH,
    DISHONOUR_PATH,
    ENROLMENT_PATH,
    HEAD_PATH,
    HEALTH_PATH,
    HUB_KEY_PATH,
    ITEM_PATH,
    LEDGER_BATCH_PATH,
    MANDATE_PATH,
    METRICS_PATH,
    OPENAPI_PATH,
    OUTCOME_PATH,
    OWN_PATH,
    PERSON_CHANGE_PATH,
    PERSON_PATH,
    POSSIBLE_DOUBLE_PATH,
    READY_PATH,
    RECONNECTION_PATH,
    REFUND_HOLD_PATH,
    REFUNDABLE_PATH,
    SESSION_PATH,
    SHIFT_TOTAL_PATH,
    SHOP_BAG_PATH,
    SHOP_TILL_PATH,
    TERMINAL_PATH,
    TOKEN_PATH,
    TRANSFER_PATH,
    VOUCHER_HOLD_PATH,
    VOUCHER_KEY_PATH,
    VOUCHER_PATH,
)

VERSION = "1"
JSON = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """``answer``: the schema of each status that is no refusal, None for no body. ``text``: the media type of an answer
    that is no JSON. ``paged``: a list with filters, pages and counts. ``keyed``: it may carry an Idempotency-Key.
    """

    does: str
    answer: Mapping[int, Schema | None]
    body: Schema | None = None
    form: Schema | None = None
    asks: tuple[str, ...] = ()
    text: str | None = None
    paged: bool = False
    keyed: bool = False


def _list(does: str, name: str) -> Operation:
    return Operation(does=does, answer={200: listed(ref(name))}, paged=True)


def _one(does: str, name: str) -> Operation:
    return Operation(does=does, answer={200: ref(name)}, asks=("fields",))


def _told(does: str, name: str) -> Operation:
    """New with 201; the same again with 200."""
    found = ref(name)
    return Operation(does=does, answer={200: found, 201: found}, body=ref(f"New{name}"), keyed=True)


def _gone(does: str) -> Operation:
    return Operation(does=does, answer={204: None})


_FORM: Schema = {
    "type": "object",
    "properties": {
        name: {"type": "string"}
        for name in (
            "grant_type",
            "scope",
            "client_id",
            "client_secret",
            "client_assertion_type",
            "client_assertion",
        )
    },
    "required": ["grant_type"],
}
_ANY: Schema = {"type": "object"}

OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("GET", OWN_PATH): Operation(
        does="What this central adds to the standard", answer={200: ref("Announcement")}
    ),
    ("GET", OPENAPI_PATH): Operation(does="This document", answer={200: _ANY}),
    ("GET", BILL_SCHEMA_PATH): Operation(
        does="The schema of what a bill has beside the standard", answer={200: _ANY}
    ),
    ("GET", ACCOUNT_PATH): _list("Accounts of subscribers and dealers", "Account"),
    ("GET", f"{ACCOUNT_PATH}/{{id}}"): _one("One account", "Account"),
    ("GET", ITEM_PATH): _list("Items and services on sale", "Item"),
    ("GET", f"{ITEM_PATH}/{{id}}"): _one("One item", "Item"),
    ("GET", CHEQUE_PATH): _list("Cheques that were paid in anywhere", "KnownCheque"),
    ("GET", f"{CHEQUE_PATH}/{{id}}"): _one("One of them", "KnownCheque"),
    ("GET", RECONNECTION_PATH): _list("What provisioning is to reconnect", "Reconnection"),
    ("GET", f"{RECONNECTION_PATH}/{{id}}"): _one("One of them", "Reconnection"),
    ("GET", POSSIBLE_DOUBLE_PATH): _list("Pairs of payments that may be one", "PossibleDouble"),
    ("GET", f"{POSSIBLE_DOUBLE_PATH}/{{id}}"): _one("One pair", "PossibleDouble"),
    ("GET", DISHONOUR_PATH): _list("Bounced cheques, as collections reads them", "Dishonour"),
    ("POST", DISHONOUR_PATH): _told("Tell a bounce, or that it was undone", "Dishonour"),
    ("GET", f"{DISHONOUR_PATH}/{{id}}"): _one("One bounce", "Dishonour"),
    ("GET", MANDATE_PATH): _list("Direct-debit mandates of every terminal", "Mandate"),
    ("POST", MANDATE_PATH): _told("Tell a step of a mandate", "Mandate"),
    ("GET", f"{MANDATE_PATH}/{{id}}"): _one("One mandate", "Mandate"),
    ("GET", CHARGE_PATH): _list("What debits cost that banks refused or took back", "Charge"),
    ("POST", CHARGE_PATH): _told("Tell what a refused or returned debit costs", "Charge"),
    ("GET", f"{CHARGE_PATH}/{{id}}"): _one("One charge", "Charge"),
    ("GET", SHIFT_TOTAL_PATH): _list("What closed shifts took, and what of it has arrived", "ShiftTotal"),
    ("POST", SHIFT_TOTAL_PATH): Operation(
        does="Tell what a closed shift took",
        answer={200: ref("ShiftTotal"), 201: ref("ShiftTotal")},
        body=ref("NewShiftTotal"),
    ),
    ("GET", f"{SHIFT_TOTAL_PATH}/{{id}}"): _one("One total", "ShiftTotal"),
    ("GET", LEDGER_BATCH_PATH): _list("Batches for the general ledger, as tills made them", "LedgerBatch"),
    ("POST", LEDGER_BATCH_PATH): Operation(
        does="Tell a batch for the general ledger",
        answer={200: ref("LedgerBatch"), 201: ref("LedgerBatch"), 202: ref("LedgerBatchPart")},
        body=ref("NewLedgerBatch"),
    ),
    ("GET", f"{LEDGER_BATCH_PATH}/{{id}}"): _one("One batch", "LedgerBatch"),
    ("GET", SHOP_BAG_PATH): _list("Bags of cash between the tills of a shop", "ShopBag"),
    ("POST", SHOP_BAG_PATH): Operation(
        does="Tell that a bag was sent, recalled or accepted, or that its acceptance was undone",
        answer={200: ref("ShopBag"), 201: ref("ShopBag")},
        body=ref("NewShopBagStep"),
    ),
    ("GET", f"{SHOP_BAG_PATH}/{{id}}"): _one("One bag", "ShopBag"),
    ("GET", SHOP_TILL_PATH): _list("How far the tills of a shop are with their day", "ShopTill"),
    ("POST", SHOP_TILL_PATH): Operation(
        does="Tell how far a till is with its day", answer={200: ref("ShopTillTold")}, body=ref("NewShopTill")
    ),
    ("GET", PERSON_PATH): _list("Who works at the tills, and who may not any more", "Person"),
    ("GET", f"{PERSON_PATH}/{{id}}"): _one("One of them", "Person"),
    ("GET", PERSON_CHANGE_PATH): _list("What tills told of their people", "PersonChange"),
    ("POST", PERSON_CHANGE_PATH): Operation(
        does="Tell what became of a till's people",
        answer={200: ref("PeopleTold"), 201: ref("PeopleTold")},
        body=ref("NewPersonChanges"),
    ),
    ("GET", f"{BILL_DOCUMENT_PATH}/{{id}}"): Operation(
        does="A bill's paper", answer={200: None}, text="application/pdf"
    ),
    ("POST", OUTCOME_PATH): _told("Tell what became of provisional money", "Outcome"),
    ("POST", TRANSFER_PATH): _told("Tell that money left suspense", "Transfer"),
    ("POST", COMMISSION_PATH): _told("Put commission on a dealer's account", "Commission"),
    ("GET", REFUNDABLE_PATH): Operation(
        does="What may still be refunded of a payment, or of all legs of a receipt",
        answer={200: {"oneOf": [ref("Refundable"), ref("RefundableReceipt")]}},
        asks=("payment.id", "receiptNumber"),
    ),
    ("POST", REFUND_HOLD_PATH): _told("Hold what is to be paid back", "RefundHold"),
    ("DELETE", f"{REFUND_HOLD_PATH}/{{id}}"): _gone("Let it go"),
    ("GET", APPROVAL_PATH): Operation(
        does="What asked for a second person within a day", answer={200: listed(ref("ApprovalRequest"))}
    ),
    ("POST", APPROVAL_PATH): _told("Ask for a second person", "ApprovalRequest"),
    ("DELETE", f"{APPROVAL_PATH}/{{id}}"): _gone("Ask no more"),
    ("POST", f"{APPROVAL_PATH}/{{id}}/answer"): Operation(
        does="Approve or decline",
        answer={200: ref("ApprovalRequest"), 201: ref("ApprovalRequest")},
        body=ref("NewApprovalAnswer"),
        keyed=True,
    ),
    ("POST", VOUCHER_HOLD_PATH): _told("Hold a voucher for a payment", "VoucherHold"),
    ("DELETE", f"{VOUCHER_HOLD_PATH}/{{id}}"): _gone("Let it go"),
    ("GET", f"{VOUCHER_HOLD_PATH}/{{id}}/rest"): Operation(
        does="The voucher over what a payment left of it", answer={200: ref("Voucher")}
    ),
    ("DELETE", f"{VOUCHER_HOLD_PATH}/{{id}}/rest"): _gone("Say that it is on paper"),
    ("POST", VOUCHER_PATH): _told("Issue a voucher", "Voucher"),
    ("GET", VOUCHER_KEY_PATH): Operation(
        does="The keys that vouchers are signed with", answer={200: listed(ref("VoucherKey"))}
    ),
    ("GET", HUB_KEY_PATH): Operation(
        does="The keys that events are signed with", answer={200: listed(ref("HubKey"))}
    ),
    ("GET", f"{SESSION_PATH}/{{operator}}"): Operation(
        does="Where an operator signed in last", answer={200: ref("Session")}
    ),
    ("PUT", f"{SESSION_PATH}/{{operator}}"): Operation(
        does="Tell a sign-in", answer={200: ref("Session")}, body=ref("NewSession")
    ),
    ("GET", HEAD_PATH): Operation(
        does="How far a terminal's books had come",
        answer={200: listed(ref("Head"))},
        asks=("terminal", "epoch", "limit"),
    ),
    ("POST", HEAD_PATH): Operation(
        does="Tell how far they have come",
        answer={200: ref("HeadTold"), 201: ref("HeadTold")},
        body=ref("NewHead"),
    ),
    ("GET", f"{TERMINAL_PATH}/{{id}}"): Operation(
        does="A terminal's enrolment", answer={200: ref("Terminal")}
    ),
    ("POST", ENROLMENT_PATH): Operation(
        does="Enrol by a one-time code", answer={201: ref("Enrolment")}, body=ref("NewEnrolment")
    ),
    ("POST", TOKEN_PATH): Operation(
        does="A token, by client credentials (RFC 6749) or a signed statement (RFC 7523)",
        answer={200: ref("Token")},
        form=_FORM,
    ),
    ("GET", HEALTH_PATH): Operation(does="The process lives", answer={200: ref("Status")}),
    ("GET", READY_PATH): Operation(does="It may be sent work", answer={200: ref("Status")}),
    ("GET", METRICS_PATH): Operation(
        does="Figures for Prometheus", answer={200: None}, text="text/plain; version=0.0.4"
    ),
}


def openapi_routes() -> list[Route]:
    """The route of the document, which is the same for everybody."""

    async def document(_request: Request) -> Response:
        return json_answer(openapi_document())

    return [Route(OPENAPI_PATH, document, methods=["GET"])]


def openapi_document() -> dict[str, object]:
    """The whole of it, as JSON."""
    paths: dict[str, dict[str, object]] = {}
    for (method, path), operation in OPERATIONS.items():
        paths.setdefault(path, {})[method.lower()] = _operation(method, path, operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Counterfoil central",
            "version": VERSION,
            "description": "What the server adds to TMF676 Payment Management and TMF678 Customer Bill Management v4.",
        },
        "paths": paths,
        "components": {
            "schemas": dict(SCHEMAS),
            "securitySchemes": {
                "oauth2": {
                    "type": "oauth2",
                    "flows": {
                        "clientCredentials": {
                            "tokenUrl": TOKEN_PATH,
                            "scopes": {str(scope): str(scope).replace(".", ", to ") for scope in Scope},
                        }
                    },
                }
            },
        },
    }


def _operation(method: str, path: str, operation: Operation) -> dict[str, object]:
    answers: dict[str, object] = {
        str(status): _answer(operation, schema) for status, schema in operation.answer.items()
    }
    # What stands before every route refuses in its own way there too.
    refused = {"anyOf": [ref("TokenError"), ref("Error")]} if path == TOKEN_PATH else ref("Error")
    answers["default"] = {"description": "Refused", "content": {JSON: {"schema": refused}}}
    told: dict[str, object] = {
        "operationId": _name(method, path),
        "summary": operation.does,
        "parameters": _parameters(path, operation),
        "responses": answers,
    }
    for media_type, schema in ((JSON, operation.body), ("application/x-www-form-urlencoded", operation.form)):
        if schema is not None:
            told["requestBody"] = {"required": True, "content": {media_type: {"schema": schema}}}
    need = NEEDS[method, path]
    if need is NoScope.OPEN:
        told["security"] = []
    else:
        told["security"] = [{"oauth2": [str(need)] if isinstance(need, Scope) else []}]
    return told


def _answer(operation: Operation, schema: Schema | None) -> dict[str, object]:
    if operation.text is not None:
        return {"description": "Done", "content": {operation.text: {}}}
    if schema is None:
        return {"description": "Done"}
    told: dict[str, object] = {"description": "Done", "content": {JSON: {"schema": schema}}}
    if operation.paged:
        counts = ("X-Total-Count", "X-Result-Count", "X-Change-Number")
        told["headers"] = {name: {"schema": {"type": "integer"}} for name in counts} | {
            "Link": {"schema": {"type": "string"}}
        }
    return told


def _parameters(path: str, operation: Operation) -> list[dict[str, object]]:
    text = {"type": "string"}
    within = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    found = [{"name": name, "in": "path", "required": True, "schema": text} for name in within]
    asked = ("fields", "sort", *operation.asks) if operation.paged else operation.asks
    found += [{"name": name, "in": "query", "schema": text} for name in asked]
    if operation.paged:
        found += [
            {"name": name, "in": "query", "schema": {"type": "integer", "minimum": 0}}
            for name in ("offset", "limit")
        ]
        # Any attribute, with .gt and its like where it has an order.
        free = {"type": "object", "additionalProperties": text}
        found.append({"name": "filter", "in": "query", "style": "form", "explode": True, "schema": free})
    if operation.keyed:
        found.append({"name": "Idempotency-Key", "in": "header", "schema": {**text, "maxLength": 255}})
    found.append({"name": "X-Request-Id", "in": "header", "schema": {**text, "maxLength": 64}})
    return found


def _name(method: str, path: str) -> str:
    parts = [
        part.strip("{}") for part in path.split("/") if part and part not in ("counterfoil", "v1", "schema")
    ]
    words = [part.partition(".")[0] for part in parts] or ["announcement"]
    return method.lower() + "".join(word[0].upper() + word[1:] for word in words)
