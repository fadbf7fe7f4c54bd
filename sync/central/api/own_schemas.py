"""What the resources of our own look like, as JSON Schema 2020-12: the parts of the OpenAPI document.

A test holds every answer of central, and every body that it took, against these. An answer may gain attributes later: a
client ignores those it does not know.
"""

from __future__ import annotations

from collections.abc import Mapping

Schema = Mapping[str, object]


def ref(name: str) -> Schema:
    """The schema of this name in the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def listed(schema: Schema) -> Schema:
    """An array of them."""
    return {"type": "array", "items": schema}


def _object(needed: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Schema:
    return {"type": "object", "properties": {**needed, **(optional or {})}, "required": list(needed)}


def _one_of(*values: str) -> Schema:
    return {"type": "string", "enum": list(values)}


def _type(name: str) -> dict[str, Schema]:
    return {"@type": {"type": "string", "const": name}}


TEXT: Schema = {"type": "string"}
MAYBE: Schema = {"type": ["string", "null"]}
YES_NO: Schema = {"type": "boolean"}
WHOLE: Schema = {"type": "integer", "minimum": 0}
DAY: Schema = {"type": "string", "format": "date"}
TIME: Schema = {"type": "string", "format": "date-time"}
ID: Schema = {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._~:-]{0,99}$"}
TEXTS = listed(TEXT)
MONEY = ref("Money")
OF_ID = ref("Reference")
_PAYMENT_TOLD = _object({"id": TEXT}, {"correlatorId": TEXT})
_PAYMENT_KNOWN = _object({"id": TEXT, "correlatorId": MAYBE})
_ACCOUNT_TOLD = _object({"id": TEXT}, {"@referredType": TEXT})
_RULE = _object({"after": WHOLE, "withinMonths": WHOLE, "forMonths": WHOLE})
_LEDGER_BATCH: Mapping[str, Schema] = {
    "batch": TEXT,
    "sequence": WHOLE,
    "series": TEXT,
    "shop": TEXT,
    "terminal": TEXT,
    "businessDate": TEXT,
    "part": WHOLE,
    "accountingDate": TEXT,
    "deliveredBy": _one_of("nobody", "till", "central"),
    "entries": WHOLE,
    "lineCount": WHOLE,
    "totals": listed(_object({"currency": TEXT, "debit": TEXT, "credit": TEXT})),
    "sha256": TEXT,
    "terms": {"type": "object", "additionalProperties": TEXT},
    "lines": listed(
        _object(
            {
                "line": WHOLE,
                "event": TEXT,
                "category": TEXT,
                "account": TEXT,
                "accountName": TEXT,
                "ledgerAccount": TEXT,
                "kind": TEXT,
                "currency": TEXT,
                "debit": TEXT,
                "credit": TEXT,
                "postings": WHOLE,
            },
            {"originalDate": {"type": ["string", "null"]}},
        )
    ),
}
_SHIFT = _object({"number": WHOLE, "operator": TEXT})
_STANDING: Mapping[str, Schema] = {
    "openDays": TEXTS,
    "waiting": WHOLE,
    "parked": WHOLE,
    "bagsOnTheWay": _object({"count": WHOLE}, {"amount": MONEY}),
}
_SUM = _object({"count": WHOLE, "totalAmount": MONEY})
_OF_PERSON: Mapping[str, Schema] = {
    "deedId": TEXT,
    "user": TEXT,
    "act": TEXT,
    "roles": TEXTS,
    "active": YES_NO,
    "operator": TEXT,
    "decidedAt": TIME,
}
_PART = _object({"as": TEXT, "account": TEXT, "amount": MONEY}, {"bill": TEXT, "billNo": TEXT})
_TERMS: Mapping[str, Schema] = {
    "value": MONEY,
    "expires": DAY,
    "residual": _one_of("forfeit", "credit", "new_voucher"),
    "combinable": YES_NO,
}
_LEFT: Mapping[str, Schema] = {
    "account": OF_ID,
    "totalAmount": MONEY,
    "refundedAmount": MONEY,
    "heldAmount": MONEY,
    "refundableAmount": MONEY,
    "provisional": YES_NO,
    "stands": listed(_PART),
}
_TOLD: Mapping[str, Schema] = {"id": TEXT, "correlatorId": TEXT, "payment": OF_ID, "changeNumber": WHOLE}
_REQUEST: Mapping[str, Schema] = {
    "id": TEXT,
    "terminal": TEXT,
    "epoch": WHOLE,
    "request": TEXT,
    "act": TEXT,
    "what": TEXT,
    "contentDigest": TEXT,
    "requester": TEXT,
    "accounts": TEXTS,
    "notBy": TEXTS,
}
_DISHONOUR_OPTIONAL: Mapping[str, Schema] = {
    "href": TEXT,
    "account": OF_ID,
    "reasonCode": TEXT,
    "bankDate": DAY,
    "receiptNumber": TEXT,
    "ofReceipt": TEXT,
    "terminal": TEXT,
    "counts": YES_NO,
    "cashOnlyUntil": DAY,
    "legOnly": YES_NO,
    "collection": listed(
        _object({"account": TEXT, "stageBefore": WHOLE, "stage": WHOLE}, {"putBack": YES_NO})
    ),
    "charge": _object({"account": TEXT, "totalAmount": MONEY}, {"bill": TEXT}),
}

SCHEMAS: Mapping[str, Schema] = {
    "Money": {
        "description": "``value`` is the exact decimal with the digits of the currency, as a JSON number.",
        **_object({"unit": {"type": "string", "pattern": "^[A-Z]{3}$"}, "value": {"type": "number"}}),
    },
    "Reference": _object({"id": TEXT}, {"href": TEXT}),
    "Error": {
        "description": "Of every refusal. ``code`` is stable; the message never repeats what was sent.",
        **_object(
            {
                "code": TEXT,
                "reason": TEXT,
                "message": TEXT,
                "status": {"type": "string", "pattern": "^[45][0-9]{2}$"},
                **_type("Error"),
            },
            {"field": TEXT},
        ),
    },
    "TokenError": {
        "description": "RFC 6749, section 5.2.",
        **_object({"error": TEXT}, {"error_description": TEXT}),
    },
    "Token": {
        "description": "RFC 6749, section 5.1.",
        **_object(
            {"access_token": TEXT, "token_type": _one_of("Bearer"), "expires_in": WHOLE}, {"scope": TEXT}
        ),
    },
    "Status": _object({"status": _one_of("pass")}, {"storeVersion": TEXT}),
    "Announcement": {
        "description": "What this central adds to the standard: true, or the path where it lies; whose a dealer's till is.",
        "type": "object",
        "properties": {"idempotencyKey": YES_NO, "changeNumber": YES_NO, "dealer": TEXT},
        "required": ["idempotencyKey", "changeNumber"],
        "additionalProperties": {"type": "string", "pattern": "^/"},
    },
    "Account": _object(
        {
            "id": TEXT,
            "href": TEXT,
            "kind": _one_of("subscriber", "dealer", "walk_in"),
            "name": TEXT,
            "phone": MAYBE,
            "currency": TEXT,
            "customer": MAYBE,
            "status": TEXT,
            "cashOnly": YES_NO,
            "dunningStage": WHOLE,
            "creditAmount": MONEY,
            "advanceAmount": MONEY,
            "depositAmount": MONEY,
            "writtenOffAmount": MONEY,
            **_type("CounterfoilAccount"),
        },
        {
            # A dealer's client is told no change numbers.
            "change": WHOLE,
            "formerAccounts": listed({}),
            "unverifiedAmount": MONEY,
            "blocked": YES_NO,
            "dealerClass": TEXT,
            "creditLimit": MONEY,
            "cashOnlyUntil": DAY,
            "bounces": listed(
                _object(
                    {"id": TEXT, "bankDate": DAY},
                    {"cashOnly": _RULE, "stage": _object({"before": WHOLE, "to": WHOLE})},
                )
            ),
        },
    ),
    "Item": _object(
        {
            "id": TEXT,
            "href": TEXT,
            "name": TEXT,
            "price": MONEY,
            "taxCategory": TEXT,
            "taxRate": {"type": "number"},
            **_type("CounterfoilItem"),
        },
        {"change": WHOLE, "serial": TEXT, "ean": TEXT, "advance": TEXT, "withdrawn": YES_NO},
    ),
    "KnownCheque": {
        "description": "A cheque that was paid in, by digests: whoever has its paper can tell that it is the same.",
        **_object(
            {
                "id": TEXT,
                "href": TEXT,
                "identity": TEXT,
                "branch": TEXT,
                "account": TEXT,
                "dated": DAY,
                "terminal": MAYBE,
                "epoch": {"type": ["integer", "null"]},
                "change": WHOLE,
                **_type("CounterfoilKnownCheque"),
            },
            {"undone": YES_NO, "replacedBy": TEXTS},
        ),
    },
    "Reconnection": _object(
        {
            "id": TEXT,
            "href": TEXT,
            "account": OF_ID,
            "paymentEventId": TEXT,
            "askedAt": TIME,
            "change": WHOLE,
            **_type("CounterfoilReconnection"),
        },
        {"takenBackAt": TIME},
    ),
    "PossibleDouble": _object(
        {
            "id": TEXT,
            "href": TEXT,
            "account": OF_ID,
            "payment": OF_ID,
            "possibleDoubleOf": OF_ID,
            "change": WHOLE,
            **_type("CounterfoilPossibleDouble"),
        }
    ),
    "Terminal": _object({"terminal": TEXT, "epoch": WHOLE}, {"lastSequence": {"type": ["integer", "null"]}}),
    "NewEnrolment": _object({"terminal": TEXT, "code": TEXT}, {"publicKey": TEXT, "epochAbove": WHOLE}),
    "Enrolment": _object({"terminal": TEXT, "epoch": WHOLE}, {"clientId": TEXT}),
    "NewSession": _object({"terminal": TEXT, "secondsAgo": WHOLE}),
    "Session": _object(
        {"operator": TEXT, "terminal": TEXT, "signedInAt": TIME, **_type("CounterfoilSession")}
    ),
    "NewHead": _object(
        {"terminal": TEXT, "epoch": WHOLE, "chainNumber": WHOLE, "mark": TEXT}, {"after": WHOLE}
    ),
    "HeadTold": _object(_type("CounterfoilHead")),
    "Head": _object({"epoch": WHOLE, "chainNumber": WHOLE, "mark": TEXT, "toldAt": TIME}),
    "NewShopBagStep": _object(
        {
            "id": TEXT,
            "deed": _one_of("sent", "recalled", "accepted", "undone"),
            "terminal": TEXT,
            "paper": TEXT,
            "shop": TEXT,
            "bag": TEXT,
            "amount": MONEY,
            "at": TEXT,
        },
        {"counted": MONEY},
    ),
    "ShopBag": _object(
        {
            "id": TEXT,
            "href": TEXT,
            "shop": TEXT,
            "terminal": TEXT,
            "bag": TEXT,
            "amount": MONEY,
            "state": _one_of("on_the_way", "recalled", "accepted"),
            "isTold": YES_NO,
            "toldAt": TIME,
            "changeNumber": WHOLE,
            **_type("CounterfoilShopBag"),
        },
        {"sentAt": TEXT, "acceptedBy": TEXT, "acceptance": TEXT, "counted": MONEY, "acceptedAt": TEXT},
    ),
    "NewShopTill": _object({"terminal": TEXT, "shop": TEXT, **_STANDING}, {"shift": _SHIFT}),
    "ShopTillTold": _object(_type("CounterfoilShopTill")),
    "ShopTill": _object(
        {
            "id": TEXT,
            "href": TEXT,
            "shop": TEXT,
            "terminal": TEXT,
            **_STANDING,
            "toldAt": TIME,
            "secondsAgo": WHOLE,
            "changeNumber": WHOLE,
            **_type("CounterfoilShopTill"),
        },
        {"shift": _SHIFT},
    ),
    "NewShiftTotal": _object(
        {
            "terminal": TEXT,
            "epoch": WHOLE,
            "shiftId": TEXT,
            "closedAt": TEXT,
            "firstSequence": WHOLE,
            "lastSequence": WHOLE,
            "payments": listed(_SUM),
        }
    ),
    "ShiftTotal": _object(
        {
            "id": TEXT,
            "href": TEXT,
            "terminal": TEXT,
            "epoch": WHOLE,
            "shiftId": TEXT,
            "closedAt": TEXT,
            "firstSequence": WHOLE,
            "lastSequence": WHOLE,
            "payments": listed(_SUM),
            "arrived": listed(_SUM),
            "state": _one_of("complete", "incomplete"),
            "toldAt": TIME,
            "changeNumber": WHOLE,
            **_type("CounterfoilShiftTotal"),
        }
    ),
    "NewLedgerBatch": _object(_LEDGER_BATCH, {"linesFrom": WHOLE}),
    "LedgerBatchPart": _object({"id": TEXT, "linesHeard": WHOLE, **_type("CounterfoilLedgerBatchPart")}),
    "LedgerBatch": _object(
        {
            "id": TEXT,
            "href": TEXT,
            **_LEDGER_BATCH,
            "toldAt": TIME,
            "changeNumber": WHOLE,
            **_type("CounterfoilLedgerBatch"),
        }
    ),
    "Person": _object(
        {
            "id": TEXT,
            "href": TEXT,
            "active": YES_NO,
            "rolesTaken": TEXTS,
            "change": WHOLE,
            **_type("CounterfoilPerson"),
        }
    ),
    "PersonChange": _object(
        {
            "id": TEXT,
            "terminal": TEXT,
            "epoch": WHOLE,
            "toldAt": TIME,
            "changeNumber": WHOLE,
            **_OF_PERSON,
            **_type("CounterfoilPersonChange"),
        }
    ),
    "NewPersonChanges": _object({"terminal": TEXT, "epoch": WHOLE, "changes": listed(_object(_OF_PERSON))}),
    "PeopleTold": _object({"kept": WHOLE, **_type("CounterfoilPeopleTold")}),
    "NewOutcome": _object(
        {"correlatorId": TEXT, "payment": _PAYMENT_TOLD, "state": TEXT, "decidedAt": TEXT},
        {
            "totalAmount": MONEY,
            "account": _ACCOUNT_TOLD,
            "reason": TEXT,
            "receiptNumber": TEXT,
            "terminal": TEXT,
        },
    ),
    "Outcome": _object(
        {**_TOLD, "state": TEXT, **_type("CounterfoilOutcome")},
        {
            "account": OF_ID,
            "reason": TEXT,
            "standing": _object({"account": OF_ID, "unverifiedAmount": MONEY, "blocked": YES_NO}),
        },
    ),
    "NewTransfer": _object(
        {
            "correlatorId": TEXT,
            "payment": _PAYMENT_TOLD,
            "account": _ACCOUNT_TOLD,
            "totalAmount": MONEY,
        },
        {
            "bills": listed(_object({"bill": TEXT, "amount": MONEY})),
            "resolvedAt": TEXT,
            "receiptNumber": TEXT,
            "terminal": TEXT,
            "reason": TEXT,
        },
    ),
    "Transfer": _object(
        {
            **_TOLD,
            "account": OF_ID,
            "totalAmount": MONEY,
            "creditAmount": MONEY,
            **_type("CounterfoilTransfer"),
        }
    ),
    "NewCommission": _object(
        {"correlatorId": TEXT, "payment": _PAYMENT_TOLD, "account": _ACCOUNT_TOLD, "totalAmount": MONEY},
        {"creditedAt": TEXT, "receiptNumber": TEXT, "terminal": TEXT, "settlement": TEXT},
    ),
    "Commission": _object(
        {**_TOLD, "account": OF_ID, "totalAmount": MONEY, **_type("CounterfoilCommission")}
    ),
    "NewDishonour": _object(
        {
            "correlatorId": TEXT,
            "dishonour": TEXT,
            "state": _one_of("dishonoured", "undone"),
            "payment": _PAYMENT_TOLD,
        },
        {
            "reasonCode": TEXT,
            "payorsFault": YES_NO,
            "bankDate": DAY,
            "decidedAt": TEXT,
            "receiptNumber": TEXT,
            "ofReceipt": TEXT,
            "terminal": TEXT,
            "operator": TEXT,
            "account": _ACCOUNT_TOLD,
            "cashOnly": _RULE,
            "legOnly": YES_NO,
            "charge": _object(
                {"id": TEXT, "billNo": TEXT, "account": TEXT, "recoveredAmount": MONEY, "feeAmount": MONEY},
                {"feeTaxAmount": MONEY, "date": DAY},
            ),
            "collection": listed(_object({"account": TEXT, "status": TEXT, "stage": WHOLE})),
        },
    ),
    "Dishonour": _object(
        {**_TOLD, "state": _one_of("dishonoured", "undone"), **_type("CounterfoilDishonour")},
        _DISHONOUR_OPTIONAL,
    ),
    "NewMandate": _object(
        {
            "correlatorId": TEXT,
            "mandate": TEXT,
            "account": _ACCOUNT_TOLD,
            "state": _one_of("active", "suspended", "ended"),
            "signedOn": DAY,
            "terminal": TEXT,
            "operator": TEXT,
            "decidedAt": TEXT,
            "registeredAt": TEXT,
        },
        {"holder": TEXT, "bankAccount": TEXT, "bic": TEXT, "reason": TEXT},
    ),
    "Mandate": _object(
        {
            "id": TEXT,
            "mandate": TEXT,
            "account": OF_ID,
            "state": _one_of("active", "suspended", "ended"),
            "signedOn": DAY,
            "holder": TEXT,
            "bankAccount": TEXT,
            "bic": TEXT,
            "terminal": TEXT,
            "operator": TEXT,
            "decidedAt": TEXT,
            "registeredAt": TEXT,
            "change": WHOLE,
            **_type("CounterfoilMandate"),
        },
        {"href": TEXT, "reason": MAYBE},
    ),
    "NewCharge": _object(
        {
            "correlatorId": TEXT,
            "id": TEXT,
            "billNo": TEXT,
            "account": _ACCOUNT_TOLD,
            "reference": TEXT,
            "returnedAmount": MONEY,
            "feeAmount": MONEY,
            "feeTaxAmount": MONEY,
            "date": DAY,
        },
        {"reasonCode": TEXT, "decidedAt": TEXT, "terminal": TEXT, "operator": TEXT},
    ),
    "Charge": _object(
        {
            "id": TEXT,
            "correlatorId": TEXT,
            "billNo": TEXT,
            "account": OF_ID,
            "reference": TEXT,
            "totalAmount": MONEY,
            "feeAmount": MONEY,
            "date": DAY,
            "changeNumber": WHOLE,
            **_type("CounterfoilCharge"),
        },
        {"href": TEXT, "reasonCode": MAYBE, "terminal": MAYBE},
    ),
    "NewRefundHold": _object(
        {
            "id": ID,
            "terminal": TEXT,
            "operator": TEXT,
            "receiptNumber": TEXT,
            "legs": listed(_object({"payment": OF_ID, "amount": MONEY})),
        },
        {"own": YES_NO},
    ),
    "RefundHold": _object(
        {
            "id": TEXT,
            "state": _one_of("reserved"),
            "legs": listed(_object({"payment": OF_ID, "amount": MONEY, "parts": listed(_PART)})),
            **_type("CounterfoilRefundHold"),
        }
    ),
    "Refundable": _object(
        {"payment": _PAYMENT_KNOWN, **_LEFT, **_type("CounterfoilRefundable")}, {"clearedAt": TIME}
    ),
    "RefundableReceipt": _object(
        {
            "receiptNumber": TEXT,
            "paymentEventId": MAYBE,
            "terminal": MAYBE,
            "takenAt": TEXT,
            "legs": listed(
                _object(
                    {
                        "payment": _PAYMENT_KNOWN,
                        "leg": WHOLE,
                        "paymentMethod": _object({"@type": MAYBE, "name": MAYBE}),
                        **_LEFT,
                    },
                    {"clearedAt": TIME},
                )
            ),
            **_type("CounterfoilRefundableReceipt"),
        },
        {
            "operator": MAYBE,
            "payer": {"oneOf": [_object({"id": TEXT}, {"role": MAYBE}), {"type": "null"}]},
        },
    ),
    "NewApprovalRequest": _object({**_REQUEST, "secondsAgo": WHOLE}, {"reason": MAYBE}),
    "ApprovalRequest": _object(
        {
            **_REQUEST,
            "askedAt": TIME,
            "state": _one_of("open", "approved", "declined", "closed", "lapsed"),
            **_type("CounterfoilApprovalRequest"),
        },
        {
            "reason": MAYBE,
            "answer": _object(
                {"id": TEXT, "approved": YES_NO, "user": TEXT, "terminal": TEXT, "secondsAgo": WHOLE},
                {"reason": MAYBE},
            ),
        },
    ),
    "NewApprovalAnswer": _object(
        {
            "id": ID,
            "contentDigest": TEXT,
            "approved": YES_NO,
            "user": TEXT,
            "terminal": TEXT,
            "secondsAgo": WHOLE,
        },
        {"reason": MAYBE},
    ),
    "NewVoucherHold": _object(
        {"id": ID, "terminal": TEXT, "paymentEventId": TEXT, "mode": TEXT, "code": TEXT, "amount": MONEY},
        {"account": TEXT, "issuer": MAYBE},
    ),
    "VoucherHold": _object(
        {"id": TEXT, "state": _one_of("reserved"), **_TERMS, **_type("CounterfoilVoucherHold")},
        {"approval": TEXT, "minimumBill": MONEY},
    ),
    "NewVoucher": _object(
        {"id": ID, "terminal": TEXT, "value": MONEY, "expires": DAY},
        {"account": MAYBE, "minimumBill": MONEY, "combinable": YES_NO, "residual": _TERMS["residual"]},
    ),
    "Voucher": _object(
        {"id": TEXT, "serial": TEXT, "key": TEXT, "code": MAYBE, **_TERMS, **_type("CounterfoilVoucher")},
        {"minimumBill": MONEY},
    ),
    "VoucherKey": _object({"id": TEXT, "publicKey": TEXT, "withdrawn": YES_NO}),
    "HubKey": _object({"id": TEXT, "publicKey": TEXT, "madeAt": TIME, **_type("CounterfoilHubKey")}),
}
