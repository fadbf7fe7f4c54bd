"""A card terminal that speaks nexo Sale-to-POI over HTTP: one message, one POST, one answer. Not tested on hardware.

A request of which the answer did not come, or cannot be read, is unknown: only a connection that was never made tells for
certain that nothing was sent. Source: domain.md rule 45; reliability.md section 2 (7).
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
import ssl
from dataclasses import dataclass
from pathlib import Path

import httpx

from pos.cards.messages import (
    UNREADABLE,
    Addressed,
    Answer,
    Json,
    Unreadable,
    payment_body,
    read_answer,
    read_payment,
    read_reversal,
    read_reversal_status,
    read_status,
    read_totals,
    reversal_body,
)
from pos.domain.card import (
    CardApproved,
    CardAsked,
    CardNotReached,
    CardOutcome,
    CardUnknown,
    ReversalOutcome,
    ReversalRefused,
    TerminalReference,
    TotalsOutcome,
)
from pos.domain.money import Currency
from pos.domain.ports import CardTerminal, Randomness

LOG = logging.getLogger(__name__)

ANSWER_MAX = 256 * 1024
CONNECT_TIMEOUT_S = 5
SHORT_TIMEOUT_S_MAX = 30
"""For what no customer takes part in: status, abort, reversal."""
NO_ANSWER = "The card terminal did not answer in time."
BROKEN = "The connection to the card terminal broke."
REVERSE_THERE = "The card terminal cannot be told which payment to reverse. Reverse it there by hand."


@dataclass(frozen=True, slots=True, kw_only=True)
class NexoAddress:
    """Where a terminal is. ``ca_file`` None: a certificate of the usual authorities."""

    url: str
    poi_id: str
    sale_id: str
    timeout_s: float
    ca_file: Path | None = None


class NexoTerminal(CardTerminal):
    """The driver. It keeps nothing: an attempt's messages are named by its own id, so that they are found after a crash."""

    def __init__(self, address: NexoAddress, randomness: Randomness) -> None:
        self._address = address
        self._names = Addressed(sale_id=address.sale_id, poi_id=address.poi_id)
        self._randomness = randomness
        self._trusted: ssl.SSLContext | None = None

    @property
    def terminal_id(self) -> str:
        return self._address.poi_id

    async def authorise(self, asked: CardAsked) -> CardOutcome:
        service_id = _service_id(asked, "payment")
        answer = await self._ask("Payment", service_id, payment_body(asked), self._address.timeout_s)
        if not isinstance(answer, Answer):
            return answer
        return read_payment(answer, asked, card_terminal=self.terminal_id)

    async def abort(self, asked: CardAsked) -> None:
        body = {
            **self._names.about("Payment", _service_id(asked, "payment")),
            "AbortReason": "MerchantAbort",
        }
        # Whatever it says to this, the answer to the payment request tells what came of it.
        await self._ask("Abort", self._fresh_id(), body, self._short_s)

    async def status(self, asked: CardAsked) -> CardOutcome:
        answer = await self._status("Payment", _service_id(asked, "payment"))
        if not isinstance(answer, Answer):
            return answer
        return read_status(
            answer, asked, card_terminal=self.terminal_id, service_id=_service_id(asked, "payment")
        )

    async def reverse(
        self, asked: CardAsked, reference: TerminalReference | None, *, number: int
    ) -> ReversalOutcome:
        if reference is None:
            # A person said that it was approved; the terminal may still remember what it calls it.
            found = await self.status(asked)
            if not isinstance(found, CardApproved) or found.reference is None:
                return found if isinstance(found, CardNotReached) else ReversalRefused(reason=REVERSE_THERE)
            reference = found.reference
        service_id = _service_id(asked, f"reversal {number}")
        answer = await self._ask("Reversal", service_id, reversal_body(asked, reference), self._short_s)
        return read_reversal(answer) if isinstance(answer, Answer) else answer

    async def reversal_status(self, asked: CardAsked, *, number: int) -> ReversalOutcome:
        service_id = _service_id(asked, f"reversal {number}")
        answer = await self._status("Reversal", service_id)
        return read_reversal_status(answer, service_id) if isinstance(answer, Answer) else answer

    async def reconcile(self, in_currency: Currency, *, previous: bool = False) -> TotalsOutcome:
        body = {"ReconciliationType": "PreviousReconciliation" if previous else "SaleReconciliation"}
        answer = await self._ask("Reconciliation", self._fresh_id(), body, self._address.timeout_s)
        if not isinstance(answer, Answer):
            return answer
        try:
            return read_totals(answer, in_currency)
        except Unreadable:
            return CardUnknown(reason=UNREADABLE, wiped=answer.wiped)

    async def _status(self, category: str, service_id: str) -> Answer | CardUnknown | CardNotReached:
        body = {**self._names.about(category, service_id), "ReceiptReprintFlag": False}
        return await self._ask("TransactionStatus", self._fresh_id(), body, self._short_s)

    @property
    def _short_s(self) -> float:
        return min(self._address.timeout_s, SHORT_TIMEOUT_S_MAX)

    def _fresh_id(self) -> str:
        """A message id that no other message of these days has."""
        return base64.b32encode(self._randomness.token_bytes(7)).decode()[:10]

    async def _ask(
        self, category: str, service_id: str, body: Json, timeout_s: float
    ) -> Answer | CardUnknown | CardNotReached:
        request = self._names.request(category, service_id, body)
        try:
            async with asyncio.timeout(timeout_s + CONNECT_TIMEOUT_S):
                answer = read_answer(await self._post(request, timeout_s), category, service_id)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol):
            return CardNotReached(reason="The card terminal is not reachable.")
        except (httpx.TimeoutException, TimeoutError):
            return CardUnknown(reason=NO_ANSWER)
        except httpx.HTTPError:
            return CardUnknown(reason=BROKEN)
        except Unreadable as fault:
            LOG.warning("the card terminal's answer to %s cannot be read: %s", category, fault)
            return CardUnknown(reason=UNREADABLE)
        if answer.wiped:
            LOG.warning("the card terminal's answer to %s held a card number; it was wiped", category)
        return answer

    async def _post(self, request: bytes, timeout_s: float) -> bytes:
        """The answer's body. Raises HTTPError, or Unreadable for a status other than 200 and a body that is too long."""
        limits = httpx.Timeout(timeout_s, connect=CONNECT_TIMEOUT_S)
        headers = {"Content-Type": "application/json"}
        received = b""
        # A client of its own for each message: a script runs each line in a loop of its own.
        async with (
            httpx.AsyncClient(timeout=limits, trust_env=False, verify=self._trust()) as client,
            client.stream("POST", self._address.url, content=request, headers=headers) as response,
        ):
            async for part in response.aiter_bytes():
                received += part
                if len(received) > ANSWER_MAX:
                    raise Unreadable("too long")
            if response.status_code != httpx.codes.OK:
                raise Unreadable(f"status {response.status_code}")
        return received

    def _trust(self) -> ssl.SSLContext:
        if self._trusted is None:
            ca_file = self._address.ca_file
            self._trusted = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
        return self._trusted


def _service_id(asked: CardAsked, purpose: str) -> str:
    """Ten letters and digits that name one message of an attempt, always the same."""
    digest = hashlib.sha256(f"{asked.attempt_id} {purpose}".encode()).digest()
    return base64.b32encode(digest).decode()[:10]
