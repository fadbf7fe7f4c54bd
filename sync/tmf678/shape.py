"""The types that TMF678 v4.0.0 gives the attributes of bills, rates and bills on demand, as a table.

Attributes that it does not know are left alone. Source: the official swagger (tmf.md section 5).
"""

from __future__ import annotations

from sync.tmf676.shape import ENTITY_REF, MONEY, TIME_PERIOD, Kind, ListOf, Shape

_AT = {"@type": Kind.TEXT, "@baseType": Kind.TEXT, "@schemaLocation": Kind.URI}
_TAX = Shape(attributes={"taxCategory": Kind.TEXT, "taxRate": Kind.NUMBER, "taxAmount": MONEY, **_AT})
_PARTY = Shape(attributes={**ENTITY_REF.attributes, "role": Kind.TEXT}, required=("id",))
_QUANTITY = Shape(attributes={"amount": Kind.NUMBER, "units": Kind.TEXT})
_BALANCE = Shape(
    attributes={"balanceType": Kind.TEXT, "amount": MONEY, "validFor": TIME_PERIOD, **_AT},
    required=("amount", "balanceType", "validFor"),
)
_DOCUMENT = Shape(
    attributes={
        "id": Kind.TEXT,
        "href": Kind.TEXT,
        "attachmentType": Kind.TEXT,
        "content": Kind.TEXT,
        "description": Kind.TEXT,
        "mimeType": Kind.TEXT,
        "name": Kind.TEXT,
        "url": Kind.TEXT,
        "size": _QUANTITY,
        "validFor": TIME_PERIOD,
        "@referredType": Kind.TEXT,
        **_AT,
    },
    required=("id",),
)
"""The schema requires nothing of a document, the conformance profile its id."""

CUSTOMER_BILL = Shape(
    attributes={
        "id": Kind.TEXT,
        "href": Kind.TEXT,
        "billDate": Kind.DATE_TIME,
        "billNo": Kind.TEXT,
        "category": Kind.TEXT,
        "lastUpdate": Kind.DATE_TIME,
        "nextBillDate": Kind.DATE_TIME,
        "paymentDueDate": Kind.DATE_TIME,
        "runType": Kind.TEXT,
        "state": Kind.TEXT,
        "amountDue": MONEY,
        "appliedPayment": ListOf(
            Shape(attributes={"appliedAmount": MONEY, "payment": ENTITY_REF, **_AT}),
        ),
        "billDocument": ListOf(_DOCUMENT),
        "billingAccount": ENTITY_REF,
        "billingPeriod": TIME_PERIOD,
        "financialAccount": Shape(
            attributes={**ENTITY_REF.attributes, "accountBalance": ListOf(_BALANCE)}, required=("id",)
        ),
        "paymentMethod": ENTITY_REF,
        "relatedParty": ListOf(_PARTY),
        "remainingAmount": MONEY,
        "taxExcludedAmount": MONEY,
        "taxIncludedAmount": MONEY,
        "taxItem": ListOf(_TAX),
        **_AT,
    }
)

APPLIED_RATE = Shape(
    attributes={
        "id": Kind.TEXT,
        "href": Kind.TEXT,
        "date": Kind.DATE_TIME,
        "description": Kind.TEXT,
        "isBilled": Kind.BOOLEAN,
        "name": Kind.TEXT,
        "type": Kind.TEXT,
        "appliedTax": ListOf(_TAX),
        "bill": ENTITY_REF,
        "billingAccount": ENTITY_REF,
        "characteristic": ListOf(
            Shape(attributes={"name": Kind.TEXT, "valueType": Kind.TEXT, **_AT}, required=("name", "value"))
        ),
        "periodCoverage": TIME_PERIOD,
        "product": ENTITY_REF,
        "taxExcludedAmount": MONEY,
        "taxIncludedAmount": MONEY,
        **_AT,
    },
    required=("id",),
)

ON_DEMAND_CREATE = Shape(
    attributes={
        "description": Kind.TEXT,
        "name": Kind.TEXT,
        "lastUpdate": Kind.TEXT,
        "billingAccount": ENTITY_REF,
        "customerBill": ENTITY_REF,
        "relatedParty": _PARTY,
        "state": Kind.TEXT,
        **_AT,
    }
)

BILL_CYCLE = Shape(
    attributes={
        "id": Kind.TEXT,
        "href": Kind.TEXT,
        "billingDate": Kind.DATE_TIME,
        "billingPeriod": Kind.TEXT,
        "chargeDate": Kind.DATE_TIME,
        "creditDate": Kind.DATE_TIME,
        "description": Kind.TEXT,
        "mailingDate": Kind.DATE_TIME,
        "name": Kind.TEXT,
        "paymentDueDate": Kind.DATE_TIME,
        "BillCycleSpecification": Shape(
            attributes={**ENTITY_REF.attributes, "description": Kind.TEXT}, required=("id", "@type")
        ),
        "validFor": TIME_PERIOD,
        **_AT,
    },
    required=("id",),
)
"""Of v5.0.0, the first version that has it; ``@type`` is set where it is missing."""
