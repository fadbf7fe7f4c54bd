"""What a payer owes by a debit that a bank refused or took back, as our central is told of it: a bill of its account.

The standard has no place for it: it is a resource of our own, known by the till's key for ever.
"""

from __future__ import annotations

from pos.store.debit_charges import DebitCharge
from pos.store.times import local
from sync.wire_json import dumps, money_json

CHARGE_TYPE = "CounterfoilCharge"


def charge_body(told: DebitCharge) -> bytes:
    """The body, frozen before the first send."""
    body: dict[str, object] = {
        "correlatorId": told.charge_id,
        "id": told.charge_id,
        "billNo": told.bill_no,
        "account": {"id": told.account, "@referredType": "BillingAccount"},
        "reference": told.reference,
        "returnedAmount": money_json(told.returned),
        "feeAmount": money_json(told.fee),
        "feeTaxAmount": money_json(told.tax),
        "date": told.charged_on,
        "decidedAt": local(told.at_utc, told.utc_offset_min).isoformat(),
        "terminal": told.terminal,
        "operator": told.operator,
        "@type": CHARGE_TYPE,
    }
    if told.reason_code is not None:
        body["reasonCode"] = told.reason_code
    return dumps(body)
