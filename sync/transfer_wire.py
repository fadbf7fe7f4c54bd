"""Money that left suspense, as our central is told of it: off the payment that brought it, on to an account.

The standard has no place for it: it is a resource of our own, known by the till's key for ever.
"""

from __future__ import annotations

from pos.store.suspense import TransferFacts
from sync.wire_json import dumps, money_json

TRANSFER_TYPE = "CounterfoilTransfer"


def transfer_body(facts: TransferFacts) -> bytes:
    """The body, frozen before the first send."""
    body: dict[str, object] = {
        "correlatorId": facts.correlator_id,
        "payment": {"id": facts.server_id, "correlatorId": facts.leg_correlator_id},
        "account": {"id": facts.account, "@referredType": "BillingAccount"},
        "totalAmount": money_json(facts.amount),
        "bills": [{"bill": bill_id, "amount": money_json(amount)} for bill_id, amount in facts.bills.items()],
        "resolvedAt": facts.resolved_at.isoformat(),
        "receiptNumber": facts.receipt_number,
        "terminal": facts.terminal,
        "@type": TRANSFER_TYPE,
    }
    if facts.reason is not None:
        body["reason"] = facts.reason
    return dumps(body)
