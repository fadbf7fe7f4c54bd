"""The token of one client: asked for when it is first needed and when it is refused, kept in memory alone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sync.credentials import Credentials

NO_TOKENS_STATUS = frozenset((404, 405, 501))
"""How a server says that it gives no tokens: our own central may run without."""

Fault = TypeVar("Fault")


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenAnswer:
    """What the token endpoint said; ``told`` is its JSON."""

    status: int
    told: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class NoToken:
    """The server gives this client none: ``status`` and the standard's error code."""

    status: int
    error: str


AskToken = Callable[[str, Mapping[str, str], Mapping[str, str]], Awaitable[TokenAnswer | Fault]]


class Bearer(Generic[Fault]):
    """Used by one loop."""

    def __init__(self, credentials: Credentials, ask: AskToken[Fault]) -> None:
        self._credentials = credentials
        self._ask = ask
        self._token: str | None = None
        self._turn = asyncio.Lock()

    async def token(self, *, instead_of: str | None = None) -> str | NoToken | Fault:
        """The token that counts, a new one where it is still ``instead_of``; empty: the server gives none and asks none."""
        async with self._turn:
            if self._token is not None and self._token != instead_of:
                return self._token
            answer = await self._asked()
            if isinstance(answer, TokenAnswer):
                server_s = _error(answer).get("server_time")
                if type(server_s) is int and self._credentials.time_is(server_s):
                    answer = await self._asked()
            if not isinstance(answer, TokenAnswer):
                return answer
            token = _error(answer).get("access_token")
            if answer.status == 200 and isinstance(token, str) and token.isascii() and token.isprintable():
                self._token = token
                return token
            if answer.status in NO_TOKENS_STATUS:
                self._token = ""
                return ""
            error = _error(answer).get("error")
            return NoToken(status=answer.status, error=error if isinstance(error, str) else "")

    async def _asked(self) -> TokenAnswer | Fault:
        form, headers = self._credentials.ask()
        return await self._ask(self._credentials.token_url, form, headers)


def _error(answer: TokenAnswer) -> Mapping[str, Any]:
    return answer.told if isinstance(answer.told, Mapping) else {}
