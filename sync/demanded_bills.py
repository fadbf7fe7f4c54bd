"""Bills on demand over the wire (TMF678 v4, customerBillOnDemand): at our central and at any server that makes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pos.domain.demanded_bill import BillDemanded, BillRefused, BillUnanswered, DemandOutcome
from sync.client import CentralClient
from sync.outcomes import OwnAnswer

REJECTED = "rejected"
ID_MAX = 100
_CODE = re.compile(r"[a-z][a-z_]{1,39}")


@dataclass(frozen=True, slots=True)
class CentralBills:
    """A ``BillPress``."""

    client: CentralClient

    async def demand(self, account: str, key: str) -> DemandOutcome:
        """Ask for the bill. Never raises for the network; what cannot be read as a yes or a no is unanswered."""
        body = {
            "correlatorId": key,
            "billingAccount": {"id": account, "@referredType": "BillingAccount"},
            "@type": "CustomerBillOnDemand",
        }
        answer = await self.client.ask_bill_api("customerBillOnDemand", body, key=key)
        if not isinstance(answer, OwnAnswer):
            return BillUnanswered(reason=answer.reason)
        if answer.status not in (200, 201):
            if answer.for_good:
                return BillRefused(code=_code(answer.told), message=answer.reason)
            return BillUnanswered(reason=answer.reason)
        demand_id = _text(answer.told, "id")
        if demand_id is None:
            return BillUnanswered(reason="the answer names no demand")
        if _text(answer.told, "state") == REJECTED:
            why = answer.told.get("stateReason")
            return BillRefused(code=_code(why), message=_text(why, "label") or "No bill was made.")
        return BillDemanded(
            account=account, demand_id=demand_id, bill_id=_text(answer.told.get("customerBill"), "id")
        )


def _code(told: Any) -> str:
    """The server's own code where a script can go by it, as ours are; no other word of it."""
    found = _text(told, "code")
    return found if found is not None and _CODE.fullmatch(found) else "bill_not_made"


def _text(told: Any, name: str) -> str | None:
    found = told.get(name) if isinstance(told, Mapping) else None
    return found if isinstance(found, str) and 0 < len(found) <= 3 * ID_MAX else None
