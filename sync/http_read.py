"""What an HTTP answer of central says: whether it is for good, when to ask again, and its words made harmless."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from sync.outcomes import Later, Page, PageOutcome, Unknown, Unreachable
from sync.told import clean_told
from sync.wire_json import WireJsonError, loads

LATER_STATUS = frozenset((401, 425, 429))
NOT_FOR_GOOD_STATUS = LATER_STATUS | {408, 409}
"""Every other 4xx is: sending the same body again cannot help, and a person must see it."""
NO_TOKEN = "no_token"
GATE_CODES = frozenset(
    (NO_TOKEN, "token_missing", "token_refused", "scope_missing", "other_terminal", "other_epoch")
)
"""How our central says that a till may not speak: not at all, or not for that terminal or enrolment."""
REASON_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """A whole answer, whoever brought it. The names of its headers are in small letters."""

    status_code: int
    content: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def read_page(answer: HttpAnswer | Unknown | Unreachable) -> PageOutcome:
    """A page of a list, an empty one behind its end (416); what cannot be read is unknown."""
    if not isinstance(answer, HttpAnswer):
        return answer
    if answer.status_code == 416:
        return Page(rows=(), total=None, change=None)
    if answer.status_code not in (200, 206):
        return not_now(answer)
    try:
        rows = loads(answer.content)
    except WireJsonError as error:
        return unreadable(error)
    if not isinstance(rows, list):
        return Unknown("the answer is no list")
    return Page(
        rows=tuple(rows),
        total=_whole(answer.headers.get("x-total-count")),
        change=_whole(answer.headers.get("x-change-number")),
    )


def is_for_good(answer: HttpAnswer) -> bool:
    """Whether it is a no to what was asked, which asking again cannot change."""
    for_good = 400 <= answer.status_code < 500 and answer.status_code not in NOT_FOR_GOOD_STATUS
    return for_good and not is_at_the_gate(answer)


def is_at_the_gate(answer: HttpAnswer) -> bool:
    """Our central does not let this till in: it says nothing of what was asked, and a new enrolment mends it."""
    return answer.status_code in (401, 403) and code_of(answer) in GATE_CODES


def not_now(answer: HttpAnswer) -> Later | Unknown:
    """429 and the like took nothing; a 5xx may have come after the commit."""
    wait = retry_after_s(answer)
    if answer.status_code in LATER_STATUS or is_at_the_gate(answer):
        return Later(reason_of(answer), wait)
    return Unknown(reason_of(answer), wait)


def retry_after_s(answer: HttpAnswer) -> int | None:
    """Seconds, or a date, which is set against the server's own clock: ours may be wrong."""
    written = answer.headers.get("retry-after", "")
    seconds = _whole(written)
    if seconds is not None:
        return seconds
    try:
        wait = parsedate_to_datetime(written) - parsedate_to_datetime(answer.headers.get("date", ""))
    except (ValueError, TypeError):
        return None
    return max(int(wait.total_seconds()), 0)


def json_of(answer: HttpAnswer) -> Any:
    """The answer's JSON, None where it has none."""
    try:
        return loads(answer.content)
    except WireJsonError:
        return None


def unreadable(error: WireJsonError) -> Unknown:
    """The error may name the id that the server gave."""
    return Unknown(clean_told(f"the answer could not be read: {error}", limit=REASON_MAX))


def fault(error: Exception) -> str:
    """A fault by its kind; the text of a transport error may hold addresses, and a piece of what the server sent."""
    return clean_told(f"{type(error).__name__}: {error}", limit=REASON_MAX)


def reason_of(answer: HttpAnswer) -> str:
    """The status, and the server's own code, reason and message where it gives a TMF error body.

    A reason that only says the status again is left out: people read this.
    """
    body = json_of(answer)
    told = ""
    if isinstance(body, dict):
        parts = [body[name] for name in ("code", "reason", "message") if isinstance(body.get(name), str)]
        if len(parts) == 3 and parts[1].casefold() in _phrases(answer.status_code):
            del parts[1]
        told = " ".join(parts)
    # The status stands apart: its digits are no part of a number that the server's words begin with.
    return f"{answer.status_code} {clean_told(told, limit=REASON_MAX - 4)}".strip()


def code_of(answer: HttpAnswer) -> object:
    """The code of a TMF error body; None where it has none."""
    body = json_of(answer)
    return body.get("code") if isinstance(body, dict) else None


def _phrases(status: int) -> tuple[str, ...]:
    """What HTTP calls the status, and has called it before."""
    try:
        return (HTTPStatus(status).phrase.casefold(), *_OTHER_PHRASES.get(status, ()))
    except ValueError:
        return ()


_OTHER_PHRASES = {
    413: ("content too large", "payload too large"),
    422: ("unprocessable content", "unprocessable entity"),
}


def _whole(text: str | None) -> int | None:
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 15:
        return None
    return int(text)
