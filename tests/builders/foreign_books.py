"""A TMF676/TMF678 server of someone else that really keeps books: payments on bills, and refunds that undo them.

server = ForeignBooks({"F1": ("F-1", "10.000"), "F2": ("F-2", "10.000")})
wire = beside(server)
await wire.engine.pull()
server.open_minor("F1"), server.on_account("F-1")
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import httpx

from sync.wire_json import dumps, loads
from tests.builders.wire import ForeignServer, Wire, applied, foreign_bill, unfilled_wire


def minor(money: Mapping[str, Any]) -> int:
    """KWD as JSON, in minor units."""
    return int(Decimal(money["value"]) * 1000)


def kwd_text(amount: int) -> str:
    return f"{Decimal(amount) / 1000:.3f}"


class ForeignBooks(ForeignServer):
    """Bills by their id, each with its account and amount.

    ``drops_refunded``: whether a payment that was refunded whole leaves the bills that it was on. ``lost``: how many of the
    next posts are stored without an answer. ``refuses``: the resources that it takes nothing for.
    """

    def __init__(self, owed: Mapping[str, tuple[str, str]], *, drops_refunded: bool = False) -> None:
        super().__init__()
        self.owed = owed
        self.drops_refunded = drops_refunded
        self.refunds: list[dict[str, Any]] = []
        self.lost = 0
        self.refuses: set[str] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        name = request.url.path.rpartition("/")[2]
        self.bills = [self._bill(bill_id) for bill_id in self.owed]
        if request.method == "GET":
            if name == "refund":
                self.requests.append(request)
                return self._list(self.refunds, dict(request.url.params))
            return await super().handle_async_request(request)
        self.requests.append(request)
        body = loads(await request.aread())
        if name in self.refuses or (name == "refund" and not self._is_covered(body)):
            return httpx.Response(400, json={"code": "20", "reason": "no"})
        kept = self.refunds if name == "refund" else self.payments
        stored = {**body, "id": f"{'FR' if name == 'refund' else 'F'}-{len(kept) + 1}"}
        kept.append(stored)
        if self.lost:
            self.lost -= 1
            raise httpx.ReadTimeout("nobody answered", request=request)
        return httpx.Response(201, content=dumps(stored))

    def open_minor(self, bill_id: str) -> int:
        return int(Decimal(self.owed[bill_id][1]) * 1000) - sum(self._on_bill(bill_id).values())

    def on_account(self, account: str) -> int:
        """What was paid on an account and not refunded, whatever it was set against."""
        paid = sum(minor(one["totalAmount"]) for one in self.payments if one["account"]["id"] == account)
        back = sum(minor(one["totalAmount"]) for one in self.refunds if one["account"]["id"] == account)
        return paid - back

    def _is_covered(self, refund: Mapping[str, Any]) -> bool:
        paid = next((one for one in self.payments if one["id"] == refund["payment"]["id"]), None)
        if paid is None or paid["account"]["id"] != refund["account"]["id"]:
            return False
        return self._left(paid) >= minor(refund["totalAmount"])

    def _left(self, paid: Mapping[str, Any]) -> int:
        back = sum(minor(one["totalAmount"]) for one in self.refunds if one["payment"]["id"] == paid["id"])
        return minor(paid["totalAmount"]) - back

    def _on_bill(self, bill_id: str) -> dict[str, int]:
        """What each payment has on a bill, less what refunds say that they take off it."""
        found: dict[str, int] = {}
        for paid in self.payments:
            of_bill = [one for one in paid.get("paymentItem", ()) if one["item"]["id"] == bill_id]
            if not of_bill:
                continue
            back = [
                minor(part["amount"])
                for refund in self.refunds
                if refund["payment"]["id"] == paid["id"]
                for part in refund.get("bills", ())
                if part["bill"] == bill_id
            ]
            found[str(paid["id"])] = sum(minor(one["totalAmount"]) for one in of_bill) - sum(back)
        return found

    def _bill(self, bill_id: str) -> dict[str, Any]:
        account, amount = self.owed[bill_id]
        on_it = self._on_bill(bill_id)
        listed = {key: part for key, part in on_it.items() if part or not self.drops_refunded}
        return foreign_bill(bill_id, amount, account=account) | {
            "remainingAmount": {"unit": "KWD", "value": Decimal(kwd_text(self.open_minor(bill_id)))},
            "appliedPayment": [applied(key, kwd_text(part)) for key, part in listed.items() if part >= 0],
        }


def beside(server: ForeignServer) -> Wire:
    """A till whose whole world is a foreign server."""
    wire = unfilled_wire(own=False)
    wire.network.leads_to = server
    return wire
