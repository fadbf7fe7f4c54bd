"""The ``Idempotency-Key`` header: a client's own name for what it posts, beside the one in the body.

The same key with the same bytes answers the first answer again, for ever; with other bytes it is 422 and nothing is changed.
A key is its client's alone. There is no 409 for a twin under way: writes are carried out one after the other, so a twin
waits for the first and is answered as it was. Source: reliability.md section 2 (4 to 6); tmf.md section 3.
"""

from __future__ import annotations

import re
from typing import Any

from starlette.requests import Request

from sync.central.http.answers import read_body, read_object
from sync.central.wire.callers import caller
from sync.central.wire.dealer_view import BETWEEN
from sync.central.wire.errors import ApiError

HEADER = "Idempotency-Key"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def idempotency_key(request: Request) -> str | None:
    """What names this post at central: the client and its key; None without a key. Raises ApiError 400."""
    given = _given(request)
    asking = caller()
    if given is None or asking is None:
        return given
    # A key has no blank, so that no client can write another's.
    key = f"{asking.client_id} {given}"
    return key if asking.dealer is None else f"{asking.dealer}{BETWEEN}{key}"


async def read_told(request: Request, *, key: str) -> tuple[bytes, dict[str, Any]]:
    """The bytes and the object of what is posted to a resource of our own, which its own ``key`` in the body names.

    Raises as ``read_body`` and ``read_object``, and ApiError 400 where the header gives it another name.
    """
    raw = await read_body(request)
    body = read_object(raw)
    given = _given(request)
    if given is not None and given != body.get(key):
        raise ApiError(400, "bad_field", f"{HEADER} must be the {key} of the body.", field=HEADER)
    return raw, body


def _given(request: Request) -> str | None:
    given = request.headers.getlist(HEADER)
    if not given:
        return None
    if len(given) > 1 or _KEY.fullmatch(given[0]) is None:
        raise ApiError(
            400,
            "bad_field",
            f"{HEADER} must be given once, with up to 255 visible ASCII characters.",
            field=HEADER,
        )
    return given[0]
