"""What the till asks and tells a TMF676/TMF678 server, and our own central beside that. Source: tmf.md sections 3, 6, 7."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from sync.http_read import (
    REASON_MAX,
    HttpAnswer,
    code_of,
    is_at_the_gate,
    is_for_good,
    json_of,
    not_now,
    read_page,
    reason_of,
    unreadable,
)
from sync.link import Link
from sync.outcomes import (
    Accepted,
    AllOfTerminal,
    Conflict,
    Later,
    LookUpOutcome,
    NotThere,
    OwnAnswer,
    Page,
    PageOutcome,
    RatesOutcome,
    RefusedForGood,
    SendOutcome,
    Unknown,
    Unreachable,
)
from sync.tmf676.payment import PaymentSeen, read_payment
from sync.told import clean_told
from sync.voucher_wire import NO_CHECKER_STATUS
from sync.wire_json import WireJsonError, dumps, loads

NUMBER_TAKEN = "sequence_conflict"
LOOK_UP_PAGES_MAX = 200
ROWS_MAX = 500
WAITED_FOR_S = 5
"""A customer stands at the counter, or the loop goes on, while our central is asked for something of its own."""


class CentralClient(Link):
    """Speaks to one server."""

    async def send_payment(self, correlator_id: str, body: bytes) -> SendOutcome:
        """POST a frozen body. The key travels in it and as ``Idempotency-Key``."""
        return await self._post(f"{self.addresses.payment}/payment", correlator_id, body)

    async def send_refund(self, correlator_id: str, body: bytes) -> SendOutcome:
        """As ``send_payment``: what undoes, pays back or moves a payment that the server has."""
        return await self._post(f"{self.addresses.payment}/refund", correlator_id, body)

    async def tell(self, resource: str, correlator_id: str, body: bytes) -> SendOutcome:
        """Tell our central something of a payment that it has; the same body again changes nothing there."""
        assert self.addresses.own is not None, "a foreign server has nothing of ours"
        return await self._post(f"{self.addresses.own}/{resource}", correlator_id, body)

    async def _post(self, url: str, correlator_id: str, body: bytes) -> SendOutcome:
        answer = await self.request(
            "POST",
            url,
            content=body,
            headers={"Content-Type": self.media_type, "Idempotency-Key": correlator_id},
        )
        if not isinstance(answer, HttpAnswer):
            return answer
        if answer.status_code in (200, 201):
            return self._read_accepted(answer, correlator_id)
        if answer.status_code == 202:
            return Unknown("accepted, not carried out yet (202)")
        if answer.status_code == 409:
            return Conflict(reason_of(answer), number_taken=code_of(answer) == NUMBER_TAKEN)
        if is_for_good(answer):
            return RefusedForGood(reason_of(answer))
        return not_now(answer)

    def _read_accepted(self, answer: HttpAnswer, correlator_id: str) -> Accepted | Unknown:
        try:
            seen = read_payment(loads(answer.content))
        except WireJsonError as error:
            return unreadable(error)
        if seen.correlator_id not in (None, correlator_id):
            return Unknown("the answer is about another payment")
        return Accepted(seen)

    async def find_payment(self, correlator_id: str) -> LookUpOutcome:
        """Look for a payment by our key. A server may ignore the filter, so the rows are compared here."""
        return await self._find("payment", correlator_id)

    async def find_refund(self, correlator_id: str) -> LookUpOutcome:
        """As ``find_payment``, for a refund."""
        return await self._find("refund", correlator_id)

    async def _find(self, resource: str, correlator_id: str) -> LookUpOutcome:
        """What is "not there" may be sent again, so it is said only when all rows were seen: a server that counts
        nothing is asked until it has no more or gives the same page again.
        """
        offset = 0
        before: Page | None = None
        for _ in range(LOOK_UP_PAGES_MAX):
            page = await self._page(
                f"{self.addresses.payment}/{resource}",
                {"correlatorId": correlator_id, "offset": str(offset), "limit": str(ROWS_MAX)},
            )
            if not isinstance(page, Page):
                return page
            found = _ours(page, correlator_id)
            if found is not None:
                return found
            offset += len(page.rows)
            if page.ends(offset=offset, before=before):
                return NotThere()
            before = page
        return Unknown(f"not among the first {offset} {resource}s that the server lists")

    async def payments_of(
        self, terminal: str
    ) -> AllOfTerminal | Later | RefusedForGood | Unknown | Unreachable:
        """Every payment that our central has of a terminal, by our key, with the epoch of its number."""
        return await self._all_of("payment", terminal)

    async def refunds_of(
        self, terminal: str
    ) -> AllOfTerminal | Later | RefusedForGood | Unknown | Unreachable:
        """As ``payments_of``, for refunds."""
        return await self._all_of("refund", terminal)

    async def _all_of(
        self, resource: str, terminal: str
    ) -> AllOfTerminal | Later | RefusedForGood | Unknown | Unreachable:
        found: dict[str, tuple[object, PaymentSeen]] = {}
        after = ""
        for _ in range(LOOK_UP_PAGES_MAX):
            query = {"terminal": terminal, "sort": "id", "limit": str(ROWS_MAX)}
            page = await self._page(
                f"{self.addresses.payment}/{resource}", query | ({"id.gt": after} if after else {})
            )
            if not isinstance(page, Page):
                return page
            for row in page.rows:
                try:
                    seen = read_payment(row)
                except WireJsonError as error:
                    return unreadable(error)
                after = max(after, seen.id)
                if seen.correlator_id is not None:
                    found[seen.correlator_id] = row.get("epoch"), seen
            if len(page.rows) < ROWS_MAX:
                return found
        return Unknown(f"central tells more {resource}s than can be compared")

    async def bills(self, *, offset: int, limit: int, changed_after: int | None) -> PageOutcome:
        """A page of customer bills; ``changed_after`` only where our central counts changes."""
        query = {"offset": str(offset), "limit": str(limit)}
        if changed_after is not None:
            query["changeNumber.gt"] = str(changed_after)
        return await self._page(f"{self.addresses.bill}/customerBill", query)

    async def rates(self, *, offset: int, limit: int, bill_id: str | None) -> RatesOutcome:
        """A page of applied billing rates: of one bill, or of all that are billed.

        RefusedForGood where the server does not take the question; by bill is more than the standard asks of it.
        """
        query = {"offset": str(offset), "limit": str(limit)}
        query |= {"isBilled": "true"} if bill_id is None else {"bill.id": bill_id}
        answer = await self.request("GET", f"{self.addresses.bill}/appliedCustomerBillingRate", params=query)
        if isinstance(answer, HttpAnswer) and answer.status_code != 416 and is_for_good(answer):
            return RefusedForGood(reason_of(answer))
        return read_page(answer)

    async def accounts(self, *, offset: int, limit: int, changed_after: int | None) -> PageOutcome:
        """A page of accounts from our own central."""
        return await self._own_rows("account", offset=offset, limit=limit, changed_after=changed_after)

    async def items(self, *, offset: int, limit: int, changed_after: int | None) -> PageOutcome:
        """A page of what the counter sells, from our own central."""
        return await self._own_rows("item", offset=offset, limit=limit, changed_after=changed_after)

    async def people(self, *, offset: int, limit: int, changed_after: int | None) -> PageOutcome:
        """A page of who may work at the tills, from our own central."""
        return await self._own_rows("person", offset=offset, limit=limit, changed_after=changed_after)

    async def mandates(self, *, offset: int, limit: int, changed_after: int | None) -> PageOutcome:
        """A page of the operator's direct-debit mandates, from our own central."""
        return await self._own_rows("mandate", offset=offset, limit=limit, changed_after=changed_after)

    async def cheques(
        self, *, offset: int, limit: int, changed_after: int | None, dated_from: date
    ) -> PageOutcome:
        """A page of the cheques that are known at our central, as digests; none dated before ``dated_from``."""
        more = {"dated.gte": dated_from.isoformat()}
        return await self._own_rows(
            "knownCheque", offset=offset, limit=limit, changed_after=changed_after, more=more
        )

    async def voucher_keys(self) -> PageOutcome:
        """The operator's public keys, all in one page."""
        assert self.addresses.own is not None, "a foreign server has nothing of ours"
        return await self._page(f"{self.addresses.own}/voucherKey", {})

    async def _own_rows(
        self,
        name: str,
        *,
        offset: int,
        limit: int,
        changed_after: int | None,
        more: Mapping[str, str] | None = None,
    ) -> PageOutcome:
        assert self.addresses.own is not None, "a foreign server has nothing of ours"
        query = {"offset": str(offset), "limit": str(limit), "sort": "id", **(more or {})}
        if changed_after is not None:
            query["change.gt"] = str(changed_after)
        return await self._page(f"{self.addresses.own}/{name}", query)

    async def ask_own(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
        may_be_long: bool = False,
    ) -> OwnAnswer | Unknown | Unreachable:
        """Ask our central, within five seconds unless the answer ``may_be_long``; a foreign server has no place."""
        if self.addresses.own is None:
            return OwnAnswer(status=404, told=None)
        parts: dict[str, Any] = {} if query is None else {"params": query}
        if body is not None:
            parts |= {"content": dumps(body), "headers": {"Content-Type": self.media_type}}
        url = f"{self.addresses.own}/{path}"
        within_s = None if may_be_long else WAITED_FOR_S
        return _as_told(await self.request(method, url, within_s=within_s, **parts))

    async def ask_bill_api(
        self, path: str, body: Mapping[str, object], *, key: str
    ) -> OwnAnswer | Unknown | Unreachable:
        """Post to the bills' API, ours or another's; ``key``: what makes the same post again no second one."""
        headers = {"Content-Type": self.media_type, "Idempotency-Key": key}
        url = f"{self.addresses.bill}/{path}"
        return _as_told(await self.request("POST", url, content=dumps(body), headers=headers))

    async def announced(self) -> Mapping[str, Any] | Later | Unknown | Unreachable:
        """What the server adds to the standard; nothing at a foreign one."""
        if self.addresses.own is None:
            return {}
        answer = await self.request("GET", self.addresses.own)
        if not isinstance(answer, HttpAnswer):
            return answer
        if answer.status_code in (408, 425, 429) or answer.status_code >= 500 or is_at_the_gate(answer):
            return not_now(answer)
        if answer.status_code != 200:
            # A foreign server, or the gateway before it, says in its own way that it knows no such thing.
            return {}
        try:
            found = loads(answer.content)
        except WireJsonError:
            return {}
        return found if isinstance(found, dict) else {}

    async def places(self) -> frozenset[str] | Later | Unknown | Unreachable:
        """What the server has a place for beside the standard, by name; nothing only where that is said without doubt."""
        if self.addresses.own is None:
            return frozenset()
        answer = await self.request("GET", self.addresses.own)
        if not isinstance(answer, HttpAnswer):
            return answer
        if answer.status_code != 200:
            # A foreign server, or the gateway before it, says in its own way that it knows no such thing.
            no_place = answer.status_code in NO_CHECKER_STATUS or is_for_good(answer)
            return frozenset() if no_place else not_now(answer)
        try:
            found = loads(answer.content)
        except WireJsonError as error:
            return unreadable(error)
        return frozenset(found) if isinstance(found, dict) else frozenset()

    async def enrol(
        self, terminal: str, code: str, *, public_key: str, epoch_above: int
    ) -> Mapping[str, Any] | RefusedForGood | Later | Unknown | Unreachable:
        """Redeem a one-time code; the answer holds the terminal's epoch, above ``epoch_above``."""
        assert self.addresses.own is not None, "enrolment is ours alone"
        answer = await self.request(
            "POST",
            f"{self.addresses.own}/enrolment",
            json={
                "terminal": terminal,
                "code": code,
                "publicKey": public_key,
                "epochAbove": epoch_above,
            },
        )
        if not isinstance(answer, HttpAnswer):
            return answer
        if answer.status_code not in (200, 201):
            return RefusedForGood(reason_of(answer)) if answer.status_code < 500 else not_now(answer)
        try:
            found = loads(answer.content)
        except WireJsonError as error:
            return unreadable(error)
        return found if isinstance(found, dict) else Unknown("the answer is no object")

    async def _page(self, url: str, query: Mapping[str, str]) -> PageOutcome:
        return read_page(await self.request("GET", url, params=query))


def _ours(page: Page, correlator_id: str) -> Accepted | Unknown | None:
    """The payment of our key on this page. One that is there in a form we cannot read must not be sent again."""
    for row in page.rows:
        if not isinstance(row, Mapping) or row.get("correlatorId") != correlator_id:
            continue
        try:
            return Accepted(read_payment(row))
        except WireJsonError as error:
            return Unknown(clean_told(f"it is there, but could not be read: {error}", limit=REASON_MAX))
    return None


def _as_told(answer: HttpAnswer | Unknown | Unreachable) -> OwnAnswer | Unknown | Unreachable:
    """The answer with what it tells, or why there is none."""
    if not isinstance(answer, HttpAnswer):
        return answer
    told = json_of(answer)
    if answer.status_code in (200, 201):
        return OwnAnswer(status=answer.status_code, told=told)
    return OwnAnswer(
        status=answer.status_code, told=told, for_good=is_for_good(answer), reason=reason_of(answer)
    )
