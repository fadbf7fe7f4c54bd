"""The HTTP client of the wire, and the only module that knows its library.

Every request ends as a value: accepted, refused for good, later, unknown, or unreachable. An answer that was not read is
unknown, never failed. Source: reliability.md section 3.4; tmf.md sections 3, 6, 7.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from types import TracebackType
from typing import Any
from urllib.parse import quote

import httpx

from pos.domain.voucher import (
    IssueOutcome,
    VoucherAsked,
    VoucherOutcome,
    VoucherRefused,
    VoucherUnanswered,
    VoucherWanted,
)
from sync.bearer import Bearer, NoToken, TokenAnswer
from sync.credentials import Credentials
from sync.tmf676.payment import PaymentSeen, read_payment
from sync.told import clean_told
from sync.transport_security import TlsFiles, context_of, why_not_secure
from sync.voucher_wire import (
    NO_CHECKER,
    NO_CHECKER_STATUS,
    hold_body,
    hold_refusal,
    is_redeemed,
    issue_body,
    read_hold,
    read_issued,
)
from sync.wire_json import WireJsonError, dumps, loads

AsyncBaseTransport = httpx.AsyncBaseTransport
"""The seam: what carries the requests."""

ANSWER_TIMEOUTS_MAX = 6
"""A long answer may take so many time-outs in all, as long as each part of it comes within one."""
BODY_MAX = 64 * 1024 * 1024
TMF676_PATH = "/tmf-api/paymentManagement/v4"
TMF678_PATH = "/tmf-api/customerBillManagement/v4"
OWN_PATH = "/counterfoil/v1"
TOKEN_PATH = "/oauth2/token"
LATER_STATUS = frozenset((401, 425, 429))
NOT_FOR_GOOD_STATUS = LATER_STATUS | {408, 409}
"""Every other 4xx is: sending the same body again cannot help, and a person must see it."""
NO_TOKEN = "no_token"
GATE_CODES = frozenset(
    (NO_TOKEN, "token_missing", "token_refused", "scope_missing", "other_terminal", "other_epoch")
)
"""How our central says that a till may not speak: not at all, or not for that terminal or enrolment."""
NUMBER_TAKEN = "sequence_conflict"
TOKEN_TIMEOUT_S = 5
LOOK_UP_PAGES_MAX = 200
ROWS_MAX = 500
REASON_MAX = 200
SESSION_TIMEOUT_S = 5
RESERVE_TIMEOUT_S = 5
"""A customer stands at the counter while a voucher is asked for."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """Central has the payment."""

    payment: PaymentSeen


@dataclass(frozen=True, slots=True)
class NotThere:
    """A look-up found no payment of this key."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Central says that it may have something of this key already (409). ``number_taken``: a payment of its number."""

    reason: str
    number_taken: bool = False


@dataclass(frozen=True, slots=True)
class RefusedForGood:
    """Central will not take this body, however often it is sent."""

    reason: str


@dataclass(frozen=True, slots=True)
class Later:
    """Central took nothing and asks to be tried again, not before ``retry_after_s`` seconds."""

    reason: str
    retry_after_s: int | None


@dataclass(frozen=True, slots=True)
class Unknown:
    """The request may have been carried out; only a look-up can tell."""

    reason: str
    retry_after_s: int | None = None


@dataclass(frozen=True, slots=True)
class Unreachable:
    """No connection: nothing was sent."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnAnswer:
    """What our central answered; ``told`` None where it is no JSON."""

    status: int
    told: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a list. ``total`` None: the server did not say. ``change`` is our central's logical clock."""

    rows: tuple[Any, ...]
    total: int | None
    change: int | None

    def ends(self, *, offset: int, before: Page | None) -> bool:
        """Whether nothing follows it. ``offset`` counts its own rows too; ``before`` is the page before it.

        A server that says no total may give fewer rows than asked, so only an empty page ends its list; one that does
        not page at all gives the same rows again.
        """
        if not self.rows:
            return True
        if self.total is not None:
            return offset >= self.total
        return before is not None and before.rows == self.rows


SendOutcome = Accepted | Conflict | RefusedForGood | Later | Unknown | Unreachable
LookUpOutcome = Accepted | NotThere | Later | Unknown | Unreachable
PageOutcome = Page | Later | Unknown | Unreachable
RatesOutcome = PageOutcome | RefusedForGood
AllOfTerminal = Mapping[str, tuple[object, PaymentSeen]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Whole URLs of the two APIs, of what our central adds and of its tokens (None at a foreign server)."""

    payment: str
    bill: str
    own: str | None
    token: str | None = None

    @property
    def are_secure(self) -> bool:
        """Whether any of them is spoken to over TLS."""
        return any(url.startswith("https:") for url in (self.payment, self.bill, self.own or ""))

    @classmethod
    def of(cls, *, central: str, payment: str = "", bill: str = "") -> Addresses:
        """From the settings: each API's own URL where one is given, else below ``central``."""
        base = central.rstrip("/")
        return cls(
            payment=payment.rstrip("/") or base + TMF676_PATH,
            bill=bill.rstrip("/") or base + TMF678_PATH,
            own=base + OWN_PATH if base else None,
            token=base + TOKEN_PATH if base else None,
        )


class CentralClient:
    """Speaks to a TMF676/TMF678 server. ``transport`` is the seam for tests and the simulation.

    ``barred``: why the server lets this till do nothing, as it said last; None while it does.
    ``heed``: told the seconds of each Retry-After, whoever asked: it is meant for the client, not for one question.
    """

    def __init__(
        self,
        addresses: Addresses,
        *,
        timeout_s: int,
        media_type: str,
        transport: AsyncBaseTransport | None = None,
        tls: TlsFiles | None = None,
        credentials: Credentials | None = None,
    ) -> None:
        self.addresses = addresses
        self._tls_fault: str | None = None
        self._has_certificate = tls is not None and bool(tls.client_cert)
        self.barred: str | None = None
        self._bearer: Bearer[Unknown | Unreachable] | None = (
            None if credentials is None else Bearer(credentials, self._ask_token)
        )
        self._answer_s_max = timeout_s * ANSWER_TIMEOUTS_MAX
        self.heed: Callable[[int], None] = lambda _seconds: None
        self._media_type = media_type
        self._http = httpx.AsyncClient(
            transport=transport,
            verify=self._trusted(tls or TlsFiles(), needed=transport is None and addresses.are_secure),
            timeout=httpx.Timeout(timeout_s),
            follow_redirects=False,
            trust_env=False,
            headers={"Accept": "application/json", "User-Agent": "counterfoil"},
        )

    def _trusted(self, files: TlsFiles, *, needed: bool) -> ssl.SSLContext:
        """Whom to trust. Nobody where not ``needed``, and where the files do not serve: the till then goes on alone."""
        if needed:
            try:
                return context_of(files)
            except OSError as error:
                self._tls_fault = f"the TLS files of this till cannot be used ({error.strerror or 'no PEM'})"
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    def _why_hung_up(self, url: str) -> str:
        """A server that wants a certificate says so only after the handshake, and by hanging up."""
        if not url.startswith("https:"):
            return ""
        return (
            "; does central know this till's certificate?"
            if self._has_certificate
            else "; does central want a certificate?"
        )

    async def __aenter__(self) -> CentralClient:
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

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
        answer = await self._request(
            "POST",
            url,
            content=body,
            headers={"Content-Type": self._media_type, "Idempotency-Key": correlator_id},
        )
        if not isinstance(answer, httpx.Response):
            return answer
        if answer.status_code in (200, 201):
            return self._read_accepted(answer, correlator_id)
        if answer.status_code == 202:
            return Unknown("accepted, not carried out yet (202)")
        if answer.status_code == 409:
            return Conflict(_reason(answer), number_taken=_code(answer) == NUMBER_TAKEN)
        if _is_for_good(answer):
            return RefusedForGood(_reason(answer))
        return _not_now(answer)

    def _read_accepted(self, answer: httpx.Response, correlator_id: str) -> Accepted | Unknown:
        try:
            seen = read_payment(loads(answer.content))
        except WireJsonError as error:
            return _unreadable(error)
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
                    return _unreadable(error)
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
        answer = await self._request("GET", f"{self.addresses.bill}/appliedCustomerBillingRate", params=query)
        if isinstance(answer, httpx.Response) and answer.status_code != 416 and _is_for_good(answer):
            return RefusedForGood(_reason(answer))
        return _read_page(answer)

    async def accounts(self, *, offset: int, limit: int, changed_after: int | None) -> PageOutcome:
        """A page of accounts from our own central."""
        return await self._own_rows("account", offset=offset, limit=limit, changed_after=changed_after)

    async def items(self, *, offset: int, limit: int, changed_after: int | None) -> PageOutcome:
        """A page of what the counter sells, from our own central."""
        return await self._own_rows("item", offset=offset, limit=limit, changed_after=changed_after)

    async def people(self, *, offset: int, limit: int, changed_after: int | None) -> PageOutcome:
        """A page of who may work at the tills, from our own central."""
        return await self._own_rows("person", offset=offset, limit=limit, changed_after=changed_after)

    async def cheques(
        self, *, offset: int, limit: int, changed_after: int | None, dated_from: date
    ) -> PageOutcome:
        """A page of the cheques that are known at our central, as digests; none dated before ``dated_from``."""
        more = {"dated.gte": dated_from.isoformat()}
        return await self._own_rows(
            "knownCheque", offset=offset, limit=limit, changed_after=changed_after, more=more
        )

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

    async def reserve_voucher(self, asked: VoucherAsked) -> VoucherOutcome:
        """Ask central to hold a voucher for a payment; answers within five seconds.

        Whatever cannot be read as a yes or a no is unanswered: the voucher may be held and must be released.
        """
        if self.addresses.own is None:
            return NO_CHECKER
        answer = await self._request(
            "POST",
            f"{self.addresses.own}/voucherHold",
            within_s=RESERVE_TIMEOUT_S,
            content=dumps(hold_body(asked)),
            headers={"Content-Type": self._media_type},
        )
        if not isinstance(answer, httpx.Response):
            return VoucherUnanswered(reason=answer.reason)
        told = _json_of(answer)
        if answer.status_code in (200, 201):
            try:
                return read_hold(told, asked)
            except WireJsonError as error:
                return VoucherUnanswered(reason=_unreadable(error).reason)
        refusal = None
        if 400 <= answer.status_code < 500 or answer.status_code in NO_CHECKER_STATUS:
            refusal = hold_refusal(answer.status_code, told)
        return refusal or VoucherUnanswered(reason=_reason(answer))

    async def release_voucher(self, hold_id: str) -> bool:
        """Let go of a hold, also of one that never arrived. False: no answer, so it must be asked again.

        A server that cannot hold vouchers holds none, and what a payment has used needs no release.
        """
        if self.addresses.own is None:
            return True
        url = f"{self.addresses.own}/voucherHold/{quote(hold_id, safe='')}"
        answer = await self._request("DELETE", url, within_s=RESERVE_TIMEOUT_S)
        if not isinstance(answer, httpx.Response):
            return False
        if answer.status_code == 409:
            return is_redeemed(_json_of(answer))
        return answer.status_code in NO_CHECKER_STATUS | {200, 204}

    async def ask_own(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
    ) -> OwnAnswer | Unknown | Unreachable:
        """Ask our central for something that somebody waits for, within five seconds; a foreign server has no place."""
        if self.addresses.own is None:
            return OwnAnswer(status=404, told=None)
        parts: dict[str, Any] = {} if query is None else {"params": query}
        if body is not None:
            parts |= {"content": dumps(body), "headers": {"Content-Type": self._media_type}}
        url = f"{self.addresses.own}/{path}"
        answer = await self._request(method, url, within_s=RESERVE_TIMEOUT_S, **parts)
        if not isinstance(answer, httpx.Response):
            return answer
        return OwnAnswer(status=answer.status_code, told=_json_of(answer))

    async def session(self, operator: str, *, terminal: str, seconds_ago: int | None) -> str | None:
        """The terminal where ``operator`` signed in last; told first, where ``seconds_ago`` says how long ago it was here.

        None: no answer, or none that can be read.
        """
        if self.addresses.own is None:
            return None
        url = f"{self.addresses.own}/session/{quote(operator, safe='')}"
        if seconds_ago is None:
            answer = await self._request("GET", url, within_s=SESSION_TIMEOUT_S)
        else:
            body = dumps({"terminal": terminal, "secondsAgo": seconds_ago})
            headers = {"Content-Type": self._media_type}
            answer = await self._request(
                "PUT", url, within_s=SESSION_TIMEOUT_S, content=body, headers=headers
            )
        told = _json_of(answer) if isinstance(answer, httpx.Response) and answer.status_code == 200 else None
        found = told.get("terminal") if isinstance(told, Mapping) else None
        return clean_told(found, limit=64) if isinstance(found, str) else None

    async def tell_head(
        self, terminal: str, epoch: int, number: int, mark: str, *, after: int
    ) -> Later | Unknown | Unreachable | None:
        """How far the books have come; ``mark`` in letters, ``after`` the last number that central had heard before.

        None: central keeps it, also where it has another.
        """
        assert self.addresses.own is not None, "a foreign server keeps no heads"
        told = {"terminal": terminal, "epoch": epoch, "chainNumber": number, "mark": mark, "after": after}
        body = dumps(told)
        headers = {"Content-Type": self._media_type}
        url = f"{self.addresses.own}/head"
        answer = await self._request("POST", url, within_s=SESSION_TIMEOUT_S, content=body, headers=headers)
        if not isinstance(answer, httpx.Response):
            return answer
        return None if answer.status_code in (200, 201, 409) else _not_now(answer)

    async def last_head(self, terminal: str, epoch: int) -> int | Later | Unknown | Unreachable:
        """The number of the last link that this enrolment told; 0 for none."""
        assert self.addresses.own is not None, "a foreign server keeps no heads"
        url = f"{self.addresses.own}/head?terminal={quote(terminal, safe='')}&epoch={epoch}&limit=1"
        answer = await self._request("GET", url, within_s=SESSION_TIMEOUT_S)
        if not isinstance(answer, httpx.Response):
            return answer
        told = _heads_in(answer)
        if told is None:
            return _not_now(answer)
        return max((number for at, number, _ in told if at == epoch), default=0)

    async def heads_of(self, terminal: str) -> list[tuple[int, int, str]] | None:
        """(epoch, number, mark in letters) of what this terminal told; None: no answer, or none that can be read."""
        return _heads_in(
            await self._request("GET", f"{self.addresses.own}/head?terminal={quote(terminal, safe='')}")
        )

    async def issue_voucher(self, wanted: VoucherWanted) -> IssueOutcome:
        """Have a voucher issued, or be told again the one of this id. Unanswered: ask again under the same id."""
        if self.addresses.own is None:
            return NO_CHECKER
        answer = await self._request(
            "POST",
            f"{self.addresses.own}/voucher",
            within_s=RESERVE_TIMEOUT_S,
            content=dumps(issue_body(wanted)),
            headers={"Content-Type": self._media_type},
        )
        return _read_issue_answer(answer, wanted.issue_id)

    async def rest_of_voucher(self, hold_id: str) -> IssueOutcome:
        """The voucher that central makes of what a payment left of a held one."""
        if self.addresses.own is None:
            return NO_CHECKER
        url = f"{self.addresses.own}/voucherHold/{quote(hold_id, safe='')}/rest"
        return _read_issue_answer(await self._request("GET", url, within_s=RESERVE_TIMEOUT_S), hold_id)

    async def voucher_printed(self, hold_id: str) -> None:
        """Tell that the rest's code is on paper."""
        if self.addresses.own is not None:
            url = f"{self.addresses.own}/voucherHold/{quote(hold_id, safe='')}/rest"
            await self._request("DELETE", url, within_s=RESERVE_TIMEOUT_S)

    async def voucher_keys(self) -> PageOutcome:
        """The operator's public keys, all in one page."""
        assert self.addresses.own is not None, "a foreign server has nothing of ours"
        return await self._page(f"{self.addresses.own}/voucherKey", {})

    async def announced(self) -> Mapping[str, Any] | Later | Unknown | Unreachable:
        """What the server adds to the standard; nothing at a foreign one."""
        if self.addresses.own is None:
            return {}
        answer = await self._request("GET", self.addresses.own)
        if not isinstance(answer, httpx.Response):
            return answer
        if answer.status_code in (408, 425, 429) or answer.status_code >= 500 or _is_at_the_gate(answer):
            return _not_now(answer)
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
        answer = await self._request("GET", self.addresses.own)
        if not isinstance(answer, httpx.Response):
            return answer
        if answer.status_code != 200:
            # A foreign server, or the gateway before it, says in its own way that it knows no such thing.
            no_place = answer.status_code in NO_CHECKER_STATUS or _is_for_good(answer)
            return frozenset() if no_place else _not_now(answer)
        try:
            found = loads(answer.content)
        except WireJsonError as error:
            return _unreadable(error)
        return frozenset(found) if isinstance(found, dict) else frozenset()

    async def enrol(
        self, terminal: str, code: str, *, public_key: str, epoch_above: int
    ) -> Mapping[str, Any] | RefusedForGood | Later | Unknown | Unreachable:
        """Redeem a one-time code; the answer holds the terminal's epoch, above ``epoch_above``."""
        assert self.addresses.own is not None, "enrolment is ours alone"
        answer = await self._request(
            "POST",
            f"{self.addresses.own}/enrolment",
            json={
                "terminal": terminal,
                "code": code,
                "publicKey": public_key,
                "epochAbove": epoch_above,
            },
        )
        if not isinstance(answer, httpx.Response):
            return answer
        if answer.status_code not in (200, 201):
            return RefusedForGood(_reason(answer)) if answer.status_code < 500 else _not_now(answer)
        try:
            found = loads(answer.content)
        except WireJsonError as error:
            return _unreadable(error)
        return found if isinstance(found, dict) else Unknown("the answer is no object")

    async def _page(self, url: str, query: Mapping[str, str]) -> PageOutcome:
        return _read_page(await self._request("GET", url, params=query))

    async def _ask_token(
        self, url: str, form: Mapping[str, str], headers: Mapping[str, str]
    ) -> TokenAnswer | Unknown | Unreachable:
        answer = await self._send(
            "POST", url, within_s=TOKEN_TIMEOUT_S, data=dict(form), headers=dict(headers)
        )
        if isinstance(answer, Unknown):
            # Only the token did not come; what it is for has not left.
            return Unreachable(f"central gave no token: {answer.reason}")
        if isinstance(answer, Unreachable):
            return answer
        return TokenAnswer(status=answer.status_code, told=_json_of(answer))

    async def _request(
        self, method: str, url: str, *, within_s: int | None = None, **parts: Any
    ) -> httpx.Response | Unknown | Unreachable:
        """With the token where there is one; refused, it is renewed once: nothing was carried out then."""
        if self._bearer is None:
            answer = await self._send(method, url, within_s=within_s, **parts)
        else:
            token = await self._bearer.token()
            answer = await self._with(token, method, url, within_s=within_s, **parts)
            if isinstance(token, str) and isinstance(answer, httpx.Response) and answer.status_code == 401:
                token = await self._bearer.token(instead_of=token)
                answer = await self._with(token, method, url, within_s=within_s, **parts)
        if isinstance(answer, httpx.Response):
            self.barred = _reason(answer) if _is_at_the_gate(answer) else None
            wait_s = _retry_after_s(answer)
            if wait_s is not None:
                self.heed(wait_s)
        return answer

    async def _with(
        self, token: str | NoToken | Unknown | Unreachable, method: str, url: str, **parts: Any
    ) -> httpx.Response | Unknown | Unreachable:
        if isinstance(token, NoToken):
            if token.status >= 500 or token.status == 429:
                return Unreachable(f"central gave no token ({token.status})")
            refused = {
                "code": NO_TOKEN,
                "reason": "Unauthorized",
                "message": "Central does not know this till, or not any more.",
            }
            return httpx.Response(401, content=dumps(refused))
        if not isinstance(token, str):
            return token
        if token:
            parts["headers"] = {**parts.get("headers", {}), "Authorization": f"Bearer {token}"}
        return await self._send(method, url, **parts)

    async def _send(
        self, method: str, url: str, *, within_s: int | None = None, **parts: Any
    ) -> httpx.Response | Unknown | Unreachable:
        if self._tls_fault is not None:
            return Unreachable(self._tls_fault)
        answer_s_max = self._answer_s_max if within_s is None else within_s
        try:
            async with (
                asyncio.timeout(answer_s_max),
                self._http.stream(method, url, **parts) as answer,
            ):
                content = bytearray()
                async for chunk in answer.aiter_bytes():
                    content += chunk
                    if len(content) > BODY_MAX:
                        return Unknown("the answer is too long")
                return httpx.Response(
                    answer.status_code,
                    headers={
                        name: value
                        for name, value in answer.headers.items()
                        if name.lower() not in ("content-encoding", "transfer-encoding", "content-length")
                    },
                    content=bytes(content),
                )
        except (
            httpx.ConnectError,
            httpx.ConnectTimeout,
            httpx.PoolTimeout,
            httpx.UnsupportedProtocol,
        ) as error:
            why = why_not_secure(error)
            return Unreachable(why or f"no connection to central ({type(error).__name__})")
        except TimeoutError:
            return Unknown(f"no whole answer within {answer_s_max} s")
        except (httpx.ReadError, httpx.RemoteProtocolError) as error:
            return Unknown(_fault(error).rstrip(": ") + self._why_hung_up(url))
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            return Unknown(_fault(error))


def _read_issue_answer(answer: httpx.Response | Unknown | Unreachable, own_id: str) -> IssueOutcome:
    """Whatever cannot be read as a yes or a no is unanswered: the voucher may be issued, and the same id asks for it."""
    if not isinstance(answer, httpx.Response):
        return VoucherUnanswered(reason=answer.reason)
    told = _json_of(answer)
    if answer.status_code in (200, 201):
        try:
            return read_issued(told, own_id)
        except WireJsonError as error:
            return VoucherUnanswered(reason=_unreadable(error).reason)
    if answer.status_code in NO_CHECKER_STATUS and not isinstance(told, Mapping):
        return NO_CHECKER
    if _is_for_good(answer) or answer.status_code == 409:
        return VoucherRefused(
            code="voucher_not_issued", message=f"Central issues no such voucher: {_reason(answer)}."
        )
    return VoucherUnanswered(reason=_reason(answer))


def _read_page(answer: httpx.Response | Unknown | Unreachable) -> PageOutcome:
    if not isinstance(answer, httpx.Response):
        return answer
    if answer.status_code == 416:
        return Page(rows=(), total=None, change=None)
    if answer.status_code not in (200, 206):
        return _not_now(answer)
    try:
        rows = loads(answer.content)
    except WireJsonError as error:
        return _unreadable(error)
    if not isinstance(rows, list):
        return Unknown("the answer is no list")
    return Page(
        rows=tuple(rows),
        total=_whole(answer.headers.get("X-Total-Count")),
        change=_whole(answer.headers.get("X-Change-Number")),
    )


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


def _fault(error: Exception) -> str:
    """A fault by its kind; the text of a transport error may hold addresses, and a piece of what the server sent."""
    return clean_told(f"{type(error).__name__}: {error}", limit=REASON_MAX)


def _unreadable(error: WireJsonError) -> Unknown:
    """The error may name the id that the server gave."""
    return Unknown(clean_told(f"the answer could not be read: {error}", limit=REASON_MAX))


def _is_for_good(answer: httpx.Response) -> bool:
    for_good = 400 <= answer.status_code < 500 and answer.status_code not in NOT_FOR_GOOD_STATUS
    return for_good and not _is_at_the_gate(answer)


def _is_at_the_gate(answer: httpx.Response) -> bool:
    """Our central does not let this till in: it says nothing of what was asked, and a new enrolment mends it."""
    return answer.status_code in (401, 403) and _code(answer) in GATE_CODES


def _code(answer: httpx.Response) -> object:
    body = _json_of(answer)
    return body.get("code") if isinstance(body, dict) else None


def _not_now(answer: httpx.Response) -> Later | Unknown:
    """429 and the like took nothing; a 5xx may have come after the commit."""
    wait = _retry_after_s(answer)
    if answer.status_code in LATER_STATUS or _is_at_the_gate(answer):
        return Later(_reason(answer), wait)
    return Unknown(_reason(answer), wait)


def _retry_after_s(answer: httpx.Response) -> int | None:
    """Seconds, or a date, which is set against the server's own clock: ours may be wrong."""
    written = answer.headers.get("Retry-After", "")
    seconds = _whole(written)
    if seconds is not None:
        return seconds
    try:
        wait = parsedate_to_datetime(written) - parsedate_to_datetime(answer.headers.get("Date", ""))
    except (ValueError, TypeError):
        return None
    return max(int(wait.total_seconds()), 0)


def _heads_in(answer: httpx.Response | Unknown | Unreachable) -> list[tuple[int, int, str]] | None:
    """(epoch, number, mark in letters) of each head in an answer; None: no answer, or none that can be read."""
    told = _json_of(answer) if isinstance(answer, httpx.Response) and answer.status_code == 200 else None
    if not isinstance(told, list):
        return None
    return [
        (row["epoch"], row["chainNumber"], row["mark"])
        for row in told
        if isinstance(row, Mapping)
        and type(row.get("epoch")) is int
        and type(row.get("chainNumber")) is int
        and isinstance(row.get("mark"), str)
    ]


def _json_of(answer: httpx.Response) -> Any:
    """The answer's JSON, None where it has none."""
    try:
        return loads(answer.content)
    except WireJsonError:
        return None


def _reason(answer: httpx.Response) -> str:
    """The status, and the server's own code, reason and message where it gives a TMF error body.

    A reason that only says the status again is left out: people read this.
    """
    body = _json_of(answer)
    told = ""
    if isinstance(body, dict):
        parts = [body[name] for name in ("code", "reason", "message") if isinstance(body.get(name), str)]
        if len(parts) == 3 and parts[1].casefold() == _phrase(answer.status_code):
            del parts[1]
        told = " ".join(parts)
    # The status stands apart: its digits are no part of a number that the server's words begin with.
    return f"{answer.status_code} {clean_told(told, limit=REASON_MAX - 4)}".strip()


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase.casefold()
    except ValueError:
        return ""


def _whole(text: str | None) -> int | None:
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 15:
        return None
    return int(text)
