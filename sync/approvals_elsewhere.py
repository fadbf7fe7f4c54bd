"""Second persons at other terminals, behind the wire: central shows the requests of all and keeps the answers.

What central says is made harmless before it is kept or shown; whatever is no plain yes or no is no answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from pos.domain.approval_elsewhere import (
    AnswerRefused,
    CentralSilent,
    Elsewhere,
    GivenAnswer,
    RequestElsewhere,
    SharedRequest,
)
from sync.client import CentralClient
from sync.outcomes import OwnAnswer, Unknown, Unreachable
from sync.told import clean_told
from sync.wire_json import BadField, WireJsonError

RESOURCE = "approvalRequest"
WHAT_MAX, MESSAGE_MAX, ID_MAX = 250, 200, 100
REQUESTS_MAX, NAMES_MAX = 200, 50
_CODE = re.compile(r"[a-z][a-z_]{1,39}")


@dataclass(frozen=True, slots=True)
class CentralApprovals:
    """An ``ApprovalExchange`` over the client of central."""

    client: CentralClient

    async def requests(self) -> list[RequestElsewhere] | CentralSilent:
        """What waits at all terminals; never raises for the network."""
        answer = await self.client.ask_own("GET", RESOURCE)
        if not isinstance(answer, OwnAnswer) or answer.status != 200 or not isinstance(answer.told, list):
            return _silent(answer)
        return list(_readable(answer.told))

    async def share(self, asked: SharedRequest) -> RequestElsewhere | AnswerRefused | CentralSilent:
        """Have it shown, and hear what became of it; never raises for the network."""
        return _outcome(await self.client.ask_own("POST", RESOURCE, body=request_body(asked)))

    async def answer(self, given: GivenAnswer) -> RequestElsewhere | AnswerRefused | CentralSilent:
        """Give an answer; never raises for the network."""
        path = f"{RESOURCE}/{quote(given.central_id, safe='')}/answer"
        return _outcome(await self.client.ask_own("POST", path, body=answer_body(given)))

    async def close(self, central_id: str) -> bool:
        """It is not wanted any more; a central that knows no such thing has nothing to close."""
        answer = await self.client.ask_own("DELETE", f"{RESOURCE}/{quote(central_id, safe='')}")
        return isinstance(answer, OwnAnswer) and answer.status in (200, 204, 404)


def request_body(asked: SharedRequest) -> dict[str, object]:
    """A request as central is told it."""
    return {
        "id": asked.central_id,
        "terminal": asked.terminal,
        "epoch": asked.epoch,
        "request": asked.request_id,
        "act": asked.act,
        "what": asked.what[:WHAT_MAX],
        "contentDigest": asked.digest,
        "requester": asked.requester,
        **_reason(asked.reason),
        "accounts": sorted(asked.accounts)[:NAMES_MAX],
        "notBy": sorted(asked.not_by),
        "secondsAgo": _seconds(asked.asked_ago),
    }


def answer_body(given: GivenAnswer) -> dict[str, object]:
    """An answer as central is told it."""
    return {
        "id": given.answer_id,
        "contentDigest": given.digest,
        "approved": given.approved,
        "user": given.user,
        "terminal": given.terminal,
        **_reason(given.reason),
        "secondsAgo": _seconds(given.ago),
    }


def _reason(reason: str | None) -> dict[str, object]:
    return {} if not reason else {"reason": reason[:WHAT_MAX]}


def _seconds(ago: timedelta) -> int:
    return max(int(ago.total_seconds()), 0)


def _outcome(
    answer: OwnAnswer | Unknown | Unreachable,
) -> RequestElsewhere | AnswerRefused | CentralSilent:
    if not isinstance(answer, OwnAnswer):
        return _silent(answer)
    if answer.status in (200, 201):
        try:
            return read_request(answer.told)
        except WireJsonError as error:
            return CentralSilent(clean_told(str(error), limit=MESSAGE_MAX))
    told = answer.told if isinstance(answer.told, Mapping) else {}
    code, message = told.get("code"), told.get("message") or told.get("reason")
    if (
        answer.status in (400, 404, 409, 422)
        and isinstance(code, str)
        and _CODE.fullmatch(code)
        # By another 409 a gateway says that it may have it already.
        and (answer.status != 409 or code.startswith("request_"))
        and isinstance(message, str)
    ):
        return AnswerRefused(code, clean_told(message, limit=MESSAGE_MAX))
    return _silent(answer)


def _silent(answer: OwnAnswer | Unknown | Unreachable) -> CentralSilent:
    return CentralSilent(str(answer.status) if isinstance(answer, OwnAnswer) else answer.reason)


def _readable(rows: list[Any]) -> Iterator[RequestElsewhere]:
    for row in rows[:REQUESTS_MAX]:
        try:
            yield read_request(row)
        except WireJsonError:
            # One that makes no sense hides none of the others.
            continue


def read_request(told: object) -> RequestElsewhere:
    """Raises BadField where it is not of our form."""
    row = _mapping(told)
    central_id, digest = _text(row, "id"), _text(row, "contentDigest")
    try:
        state, at = Elsewhere(row["state"]), datetime.fromisoformat(str(row["askedAt"]))
    except (KeyError, ValueError):
        raise BadField("state", "cannot be read") from None
    if at.tzinfo is None:
        raise BadField("askedAt", "has no zone")
    answer = row.get("answer")
    return RequestElsewhere(
        central_id=central_id,
        terminal=_text(row, "terminal"),
        request_id=_text(row, "request"),
        act=_text(row, "act"),
        what=_text(row, "what", limit=WHAT_MAX),
        digest=digest,
        requester=_text(row, "requester"),
        reason=_text_or_none(row, "reason"),
        accounts=_names(row, "accounts"),
        not_by=_names(row, "notBy"),
        at=at,
        state=state,
        answer=None if answer is None else _read_answer(_mapping(answer), central_id, digest),
    )


def _read_answer(row: Mapping[str, Any], central_id: str, digest: str) -> GivenAnswer:
    approved, ago_s = row.get("approved"), row.get("secondsAgo")
    if not isinstance(approved, bool) or type(ago_s) is not int or not 0 <= ago_s <= 10**6:
        raise BadField("answer", "cannot be read")
    return GivenAnswer(
        answer_id=_text(row, "id"),
        central_id=central_id,
        digest=digest,
        approved=approved,
        user=_text(row, "user"),
        terminal=_text(row, "terminal"),
        reason=_text_or_none(row, "reason"),
        ago=timedelta(seconds=ago_s),
    )


def _mapping(told: object) -> Mapping[str, Any]:
    if not isinstance(told, Mapping):
        raise BadField("request", "is no object")
    return told


def _text(row: Mapping[str, Any], name: str, *, limit: int = ID_MAX) -> str:
    found = row.get(name)
    if not isinstance(found, str) or not (cleaned := clean_told(found, limit=limit)):
        raise BadField(name, "is no text")
    return cleaned


def _text_or_none(row: Mapping[str, Any], name: str) -> str | None:
    return None if row.get(name) is None else _text(row, name, limit=WHAT_MAX)


def _names(row: Mapping[str, Any], name: str) -> frozenset[str]:
    found = row.get(name)
    if not isinstance(found, list) or len(found) > NAMES_MAX:
        raise BadField(name, "is no list")
    return frozenset(_text({name: one}, name) for one in found)
