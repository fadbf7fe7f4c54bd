"""Posting one event to a listener: the only place of central that calls out to an address that it was told.

The host is looked up here and checked, and the request goes to just that address; the name stays in the certificate's
check. No redirect is followed, no proxy of the environment is used, and what is answered is not read: the status is all.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from sync.central.hub.listeners import ListenerHosts

AsyncBaseTransport = httpx.AsyncBaseTransport
"""The seam: what carries the requests."""

TIMEOUT_S = 10
"""Of each part of a delivery, and the most of all of it together."""
CONNECTIONS_MAX = 200
ITS_OWN_FAULT = frozenset((401, 403, 404, 405, 408, 425, 429))
"""Refusals that have nothing to do with the event: the listener is set up wrongly, or busy."""

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host, best first. Raises OSError."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The listener has it (any 2xx)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotTaken:
    """The listener does not have it, or may have it and did not say so.

    ``reason`` is fit to be shown. ``whole`` False: only this event was refused, others may be taken.
    """

    reason: str
    whole: bool
    retry_after_s: int | None = None


Outcome = Acknowledged | NotTaken


class ListenerClient:
    """Posts to listeners. ``transport`` and ``resolve`` are the seams for tests; ``ca`` is a file of authorities."""

    def __init__(
        self,
        hosts: ListenerHosts,
        *,
        ca: Path | None = None,
        transport: AsyncBaseTransport | None = None,
        resolve: Resolve | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._hosts = hosts
        self._resolve = resolve or look_up
        self._timeout_s = timeout_s
        self._http = httpx.AsyncClient(
            transport=transport or _transport(ca),
            timeout=httpx.Timeout(timeout_s),
            follow_redirects=False,
            trust_env=False,
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def post(self, url: str, *, headers: Mapping[str, str], body: bytes) -> Outcome:
        """One try; every fault is an outcome."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._post(url, headers, body)
        except TimeoutError:
            return NotTaken(reason="It did not answer in time.", whole=True)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            return NotTaken(reason=f"It cannot be reached ({type(error).__name__}).", whole=True)

    async def _post(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        address = next(
            (found for found in await self._resolve(host, port) if self._hosts.allows(host, found)), None
        )
        if address is None:
            return NotTaken(reason="Its address is none that the operator lets listen.", whole=True)
        request = self._http.build_request(
            "POST",
            httpx.URL(url).copy_with(host=address),
            headers={**headers, "Host": parts.netloc},
            content=body,
            extensions={"sni_hostname": host},
        )
        answer = await self._http.send(request, stream=True)
        await answer.aclose()
        if answer.is_success:
            return Acknowledged()
        return NotTaken(
            reason=f"It answered {answer.status_code}.",
            whole=not answer.is_client_error or answer.status_code in ITS_OWN_FAULT,
            retry_after_s=_seconds(answer.headers.get("retry-after", "")),
        )


def _transport(ca: Path | None) -> AsyncBaseTransport:
    return httpx.AsyncHTTPTransport(
        verify=ssl.create_default_context(cafile=None if ca is None else str(ca)),
        limits=httpx.Limits(max_connections=CONNECTIONS_MAX, max_keepalive_connections=0),
        trust_env=False,
    )


async def look_up(host: str, port: int) -> Sequence[str]:
    """What the machine's resolver says."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _seconds(written: str) -> int | None:
    """A Retry-After in seconds; one that is a date is not waited for exactly."""
    return int(written) if written.isascii() and written.isdigit() and len(written) <= 9 else None
