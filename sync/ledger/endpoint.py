"""The accounting system's HTTPS address: the only place of the feed that knows the HTTP library."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import ssl
from collections.abc import Mapping
from typing import Any

import httpx

from pos.domain.ledger_delivery import Delivery, DeliveryState, DeliveryWay
from sync.ledger.delivery import ANSWER_MAX, NotYet, Parcel, answered, read_answer, text_of
from sync.transport_security import TlsFiles, context_of, why_not_secure

AsyncBaseTransport = httpx.AsyncBaseTransport
"""The seam: what carries the requests."""

TAKEN = frozenset((200, 201, 204))
BUSY = frozenset((401, 403, 404, 405, 407, 408, 421, 425, 429))
"""Refusals that have nothing to do with the batch: the address is set up wrongly, or busy."""
PAGE = "text/html"
"""What a sign-in page or a gateway answers for another: no accounting system says so that it has a batch."""


class Endpoint:
    """The accounting system's address. ``transport`` is the seam for tests; TLS is always verified."""

    def __init__(
        self,
        url: str,
        *,
        ca_file: str = "",
        token: str = "",
        timeout_s: int = 30,
        transport: AsyncBaseTransport | None = None,
    ) -> None:
        self._url = url
        self._timeout_s = timeout_s
        self._tls_fault: str | None = None
        headers = {"Accept": "application/json", "User-Agent": "counterfoil"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self._http = httpx.AsyncClient(
            transport=transport,
            verify=self._trusted(ca_file, needed=transport is None and url.startswith("https:")),
            timeout=httpx.Timeout(timeout_s),
            follow_redirects=False,
            trust_env=False,
            headers=headers,
        )

    def _trusted(self, ca_file: str, *, needed: bool) -> ssl.SSLContext:
        if needed:
            try:
                return context_of(TlsFiles(ca_file=ca_file))
            except OSError as error:
                self._tls_fault = f"The authorities' file cannot be used ({error.strerror or 'no PEM'})."
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    async def close(self) -> None:
        await self._http.aclose()

    async def post(self, parcel: Parcel) -> Delivery | NotYet:
        """One try; every fault is an outcome."""
        if self._tls_fault is not None:
            return NotYet(reason=self._tls_fault)
        try:
            async with asyncio.timeout(self._timeout_s * 2):
                status, kind, said = await self._post(parcel)
        except TimeoutError:
            return NotYet(reason="It did not answer in time.")
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            why = why_not_secure(error, whose="the accounting system") or type(error).__name__
            return NotYet(reason=f"It cannot be reached: {why}.")
        if kind == PAGE and (status in TAKEN or status == 202):
            return NotYet(reason=f"It answered {status} with a page for people, which acknowledges nothing.")
        if status in TAKEN:
            return answered(DeliveryWay.HTTPS, parcel, DeliveryState.ACKNOWLEDGED, said)
        if status == 202:
            return Delivery(
                state=DeliveryState.DELIVERED, way=DeliveryWay.HTTPS, file_digest=parcel.file_digest
            )
        if status == 409 and parcel.is_of_batch(said.get("sha256")):
            return answered(DeliveryWay.HTTPS, parcel, DeliveryState.ACKNOWLEDGED, said)
        if 300 <= status < 400:
            return NotYet(
                reason=f"It answered {status}: it has moved. Nothing is sent to an address that is not set."
            )
        if 400 <= status < 500 and status not in BUSY:
            named = said.get("reason") or said.get("message")
            said = {"reason": f"It answered {status}."} if kind == PAGE or not text_of(named) else said
            return answered(DeliveryWay.HTTPS, parcel, DeliveryState.REFUSED, said)
        return NotYet(reason=f"It answered {status}.")

    async def _post(self, parcel: Parcel) -> tuple[int, str, Mapping[str, Any]]:
        """The status, the media type and what was said."""
        digest = base64.b64encode(hashlib.sha256(parcel.content).digest()).decode("ascii")
        request = self._http.build_request(
            "POST",
            self._url,
            content=parcel.content,
            headers={
                "Content-Type": parcel.media_type,
                "Content-Digest": f"sha-256=:{digest}:",
                "Content-Disposition": f'attachment; filename="{parcel.file_name}"',
                "Idempotency-Key": parcel.number,
            },
        )
        answer = await self._http.send(request, stream=True)
        try:
            content = b""
            async for piece in answer.aiter_bytes():
                content += piece
                if len(content) > ANSWER_MAX:
                    break
        finally:
            await answer.aclose()
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        return answer.status_code, kind, read_answer(content[:ANSWER_MAX].decode("utf-8", "replace").strip())
