"""A bounce, as our central is told of it beside the refunds of its legs: charge, collection, cash-only, or its being undone.

The standard has no place for any of these: it is a resource of our own, known by the till's key for ever.
"""

from __future__ import annotations

from pos.store.dishonour_told import BouncedLeg, DishonourFacts
from sync.wire_json import dumps, money_json

DISHONOUR_TYPE = "CounterfoilDishonour"
DISHONOURED, UNDONE = "dishonoured", "undone"


def dishonour_body(facts: DishonourFacts) -> bytes:
    """The body, frozen before the first send."""
    body: dict[str, object] = {
        "correlatorId": facts.correlator_id,
        "dishonour": facts.dishonour_id,
        "state": UNDONE if facts.undone else DISHONOURED,
        "payment": {"id": facts.server_id, "correlatorId": facts.leg_correlator_id},
        "reasonCode": facts.reason_code,
        "payorsFault": facts.payors_fault,
        "bankDate": facts.on,
        "decidedAt": facts.decided_at,
        "receiptNumber": facts.receipt_number,
        "ofReceipt": facts.of_receipt,
        "terminal": facts.terminal,
        "operator": facts.operator,
        "@type": DISHONOUR_TYPE,
    }
    if facts.undone:
        return dumps(body)
    if facts.payor is not None:
        body["account"] = {"id": facts.payor, "@referredType": "BillingAccount"}
    after, within, long = facts.rule
    body["cashOnly"] = {"after": after, "withinMonths": within, "forMonths": long}
    if facts.stages:
        body["collection"] = [
            {"account": account, "status": status, "stage": stage} for account, status, stage in facts.stages
        ]
    charge = facts.charge
    if charge is not None:
        body["charge"] = {
            "id": charge.charge_id,
            **({} if charge.bill_no is None else {"billNo": charge.bill_no}),
            "account": charge.account,
            "recoveredAmount": money_json(charge.recovered),
            "feeAmount": money_json(charge.fee),
            "feeTaxAmount": money_json(charge.tax),
            "date": charge.on,
        }
    return dumps(body)


def bounced_leg_body(leg: BouncedLeg) -> bytes:
    """The same of another leg of the cheque, of which nothing stood any more."""
    return dumps(
        {
            "correlatorId": leg.correlator_id,
            "dishonour": leg.dishonour_id,
            "state": UNDONE if leg.undone else DISHONOURED,
            "payment": {"id": leg.server_id, "correlatorId": leg.leg_correlator_id},
            "legOnly": True,
            "receiptNumber": leg.receipt_number,
            "terminal": leg.terminal,
            "@type": DISHONOUR_TYPE,
        }
    )
