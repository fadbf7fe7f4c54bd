"""The connection to central: TLS, tokens, limits of time and length. It alone knows the HTTP library.

Every request ends as an answer, as unknown, or as unreachable; what the answer says is read by who asked.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from sync.addresses import Addresses
from sync.bearer import Bearer, NoToken, TokenAnswer
from sync.credentials import Credentials
from sync.http_read import NO_TOKEN, HttpAnswer, fault, is_at_the_gate, json_of, reason_of, retry_after_s
from sync.outcomes import Unknown, Unreachable
from sync.transport_security import TlsFiles, context_of, why_not_secure
from sync.wire_json import dumps

if TYPE_CHECKING:
    # The seam: what carries the requests.
    from httpx import AsyncBaseTransport as AsyncBaseTransport

ANSWER_TIMEOUTS_MAX = 6
"""A long answer may take so many time-outs in all, as long as each part of it comes within one."""
BODY_MAX = 64 * 1024 * 1024
TOKEN_TIMEOUT_S = 5


class Link:
    """One till's connection. ``transport`` is the seam for tests and the simulation.

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
        self.media_type = media_type
        # A sixth of a command's start, and most commands ask central nothing.
        import httpx

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

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def request(
        self, method: str, url: str, *, within_s: int | None = None, **parts: Any
    ) -> HttpAnswer | Unknown | Unreachable:
        """With the token where there is one; refused, it is renewed once: nothing was carried out then."""
        if self._bearer is None:
            answer = await self._send(method, url, within_s=within_s, **parts)
        else:
            token = await self._bearer.token()
            answer = await self._with(token, method, url, within_s=within_s, **parts)
            if isinstance(token, str) and isinstance(answer, HttpAnswer) and answer.status_code == 401:
                token = await self._bearer.token(instead_of=token)
                answer = await self._with(token, method, url, within_s=within_s, **parts)
        if isinstance(answer, HttpAnswer):
            self.barred = reason_of(answer) if is_at_the_gate(answer) else None
            wait_s = retry_after_s(answer)
            if wait_s is not None:
                self.heed(wait_s)
        return answer

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
        return TokenAnswer(status=answer.status_code, told=json_of(answer))

    async def _with(
        self, token: str | NoToken | Unknown | Unreachable, method: str, url: str, **parts: Any
    ) -> HttpAnswer | Unknown | Unreachable:
        if isinstance(token, NoToken):
            if token.status >= 500 or token.status == 429:
                return Unreachable(f"central gave no token ({token.status})")
            refused = {
                "code": NO_TOKEN,
                "reason": "Unauthorized",
                "message": "Central does not know this till, or not any more.",
            }
            return HttpAnswer(status_code=401, content=dumps(refused))
        if not isinstance(token, str):
            return token
        if token:
            parts["headers"] = {**parts.get("headers", {}), "Authorization": f"Bearer {token}"}
        return await self._send(method, url, **parts)

    async def _send(
        self, method: str, url: str, *, within_s: int | None = None, **parts: Any
    ) -> HttpAnswer | Unknown | Unreachable:
        import httpx

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
                return HttpAnswer(
                    status_code=answer.status_code, content=bytes(content), headers=dict(answer.headers)
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
            return Unknown(fault(error).rstrip(": ") + self._why_hung_up(url))
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            return Unknown(fault(error))
