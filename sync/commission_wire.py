"""Commission put on a dealer's account, as our central is told of it: behind the payment that it was earned with.

The standard has no place for it: it is a resource of our own, known by the till's key for ever.
"""

from __future__ import annotations

from pos.store.account_credits import CreditFacts
from sync.wire_json import dumps, money_json

COMMISSION_TYPE = "CounterfoilCommission"


def commission_body(facts: CreditFacts) -> bytes:
    """The body, frozen before the first send."""
    body: dict[str, object] = {
        "correlatorId": facts.correlator_id,
        "payment": {"id": facts.server_id, "correlatorId": facts.leg_correlator_id},
        "account": {"id": facts.account, "@referredType": "BillingAccount"},
        "totalAmount": money_json(facts.amount),
        "creditedAt": facts.credited_at,
        "receiptNumber": facts.receipt_number,
        "terminal": facts.terminal,
        "@type": COMMISSION_TYPE,
    }
    if facts.settlement is not None:
        body["settlement"] = facts.settlement
    return dumps(body)
