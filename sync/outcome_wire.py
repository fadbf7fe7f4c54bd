"""What became of a payment, as our central is told of it: a bank receipt verified, rejected or settled.

The standard has no place for it (tmf.md section 6): it is a resource of our own, known by the till's key for ever.
"""

from __future__ import annotations

from pos.store.bank_receipts import OutcomeFacts
from sync.wire_json import dumps, money_json

OUTCOME_TYPE = "CounterfoilOutcome"


def outcome_body(facts: OutcomeFacts) -> bytes:
    """The body, frozen before the first send."""
    body: dict[str, object] = {
        "correlatorId": facts.correlator_id,
        "payment": {"id": facts.server_id, "correlatorId": facts.leg_correlator_id},
        "account": {"id": facts.account, "@referredType": "BillingAccount"},
        "state": facts.state,
        "totalAmount": money_json(facts.amount),
        "decidedAt": facts.decided_at,
        "receiptNumber": facts.receipt_number,
        "terminal": facts.terminal,
        "@type": OUTCOME_TYPE,
    }
    if facts.reason is not None:
        body["reason"] = facts.reason
    return dumps(body)
