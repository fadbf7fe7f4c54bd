"""What went over the wire and what each key's tries were answered: the evidence that the invariants are judged by.

It reads answers by itself and believes neither the client nor central.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import StrEnum

import httpx

from tests.simulation.mortal import Step
from tests.simulation.trace import Trace
from tests.simulation.violation import require

RETRY_AFTER_HONOURED_S = 3600
TOLD = ("/payment", "/outcome", "/transfer")
"""Where what the outbox holds is posted."""

STEPS = (
    "new > waiting",
    "waiting > sent",
    "sent > sent",
    "sent > waiting",
    "sent > unknown",
    "sent > parked",
    "sent > acknowledged",
    "unknown > sent",
    "unknown > unknown",
    "waiting > waiting",
    "unknown > acknowledged",
    "parked > unknown",
)
"""Every step of an outbox row. A row that cannot be composed would go from waiting to parked; none is here."""


class Mark(StrEnum):
    """What was learned of one key, in order."""

    POSTED = "a try left"
    HAS_IT = "central said that it has it"
    ABSENT = "a look-up found nothing"
    TOOK_NOTHING = "the try was turned away untouched"
    CONFLICT = "409"
    REFUSED = "refused for good"
    SILENCE = "no word that could be trusted"


MAY_BE_POSTED_AFTER = (Mark.ABSENT, Mark.TOOK_NOTHING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A request as it left. ``key`` is the payment's that is posted or looked for."""

    number: int
    terminal: str
    life: int
    method: str
    path: str
    key: str | None
    digest: str
    timeout_s: float

    @property
    def posts(self) -> bool:
        return self.method == "POST" and self.path.endswith(TOLD)

    @property
    def looks_up(self) -> bool:
        return self.method == "GET" and self.path.endswith("/payment") and self.key is not None

    @property
    def at_the_counter(self) -> bool:
        """A customer waits for it: the engine, which keeps quiet when it is asked to, has no part in it."""
        return "/voucherHold" in self.path

    @property
    def name(self) -> str:
        return f"#{self.number} {self.method} {self.path.rpartition('/')[2]} {self.key or ''}".rstrip()


class WireLog:
    """Every request, and what was learned of every key. Breaks where a request may not leave or a state has no ground."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self.requests = 0
        self._tries: dict[str, tuple[str | None, bytes]] = {}
        self.marks: dict[str, list[tuple[str, int, Mark]]] = defaultdict(list)
        self._quiet_until_s: dict[tuple[str, int], float] = {}
        self.states: dict[str, str] = {}
        self.ever_parked: set[str] = set()
        self._bodies: dict[str, bytes | None] = {}

    # --- what leaves -------------------------------------------------------------------------------------------

    def leaves(self, request: httpx.Request, body: bytes, *, terminal: str, life: int) -> Sent:
        """A request leaves; its try is checked against all that is known."""
        self.requests += 1
        posts = request.method == "POST" and request.url.path.endswith(TOLD)
        key = _text(_parsed(body), "correlatorId") if posts else request.url.params.get("correlatorId")
        sent = Sent(
            number=self.requests,
            terminal=terminal,
            life=life,
            method=request.method,
            path=request.url.path,
            key=key,
            digest=hashlib.sha256(str(request.url).encode() + b"\n" + body).hexdigest()[:12],
            timeout_s=float(request.extensions["timeout"]["read"]),
        )
        self._check_quiet(sent)
        if posts:
            self._check_try(sent, request, body)
        return sent

    def _check_quiet(self, sent: Sent) -> None:
        if sent.at_the_counter:
            return
        until_s = self._quiet_until_s.get((sent.terminal, sent.life), 0.0)
        now_s = asyncio.get_running_loop().time()
        require(
            now_s >= until_s - 1e-6,
            "10 retry_after_respected",
            f"{sent.terminal} sent {sent.name} at {now_s:.3f} s, asked to be quiet until {until_s:.3f} s",
        )

    def _check_try(self, sent: Sent, request: httpx.Request, body: bytes) -> None:
        key = sent.key
        require(key is not None, "4 retry_same_key_same_bytes", f"{sent.name} has no correlatorId")
        assert key is not None
        header = request.headers.get("Idempotency-Key")
        require(header == key, "4 retry_same_key_same_bytes", f"{key} travels under the key {header}")
        first = self._tries.setdefault(key, (header, body))
        require(
            first == (header, body),
            "4 retry_same_key_same_bytes",
            f"{key}: another body than at its first try",
        )
        require(key in self.states, "4 retry_same_key_same_bytes", f"{key} is the key of no row of an outbox")
        require(
            self.states[key] == "sent" and self._bodies[key] == body,
            "4 retry_same_key_same_bytes",
            f"{key} left while its row was {self.states[key]}, or with another body than is kept",
        )
        last = self.marks[key][-1][2] if self.marks[key] else None
        require(
            # What is told beside payments is known at central by its key for ever: it may be told again unseen.
            last is None or last in MAY_BE_POSTED_AFTER or not sent.path.endswith("/payment"),
            "7 timeout_is_unknown_never_failed",
            f"{key} was sent again after: {last}; it was not looked for",
        )
        self._mark(sent, Mark.POSTED)

    # --- what comes back ---------------------------------------------------------------------------------------

    def fails(self, sent: Sent, error: httpx.TransportError) -> None:
        """The client was told that there is no answer."""
        if sent.posts:
            self._mark(sent, Mark.TOOK_NOTHING if isinstance(error, httpx.ConnectError) else Mark.SILENCE)

    def answers(self, sent: Sent, response: httpx.Response, *, whole: bool) -> None:
        """The client is handed this answer; ``whole`` False: it breaks off in the middle."""
        status = response.status_code
        if (status in (401, 408, 425, 429) or status >= 500) and not sent.at_the_counter:
            self._note_quiet(sent, response)
        if not (sent.posts or sent.looks_up):
            return
        body = _parsed(response.content) if whole else None
        mark = _read_post(status, body, sent.key) if sent.posts else _read_look_up(status, body, sent.key)
        if mark is not None:
            self._mark(sent, mark)

    def _note_quiet(self, sent: Sent, response: httpx.Response) -> None:
        written = response.headers.get("Retry-After")
        if written is None:
            return
        if written.isdigit():
            wait_s = float(written)
        else:
            told = parsedate_to_datetime(written) - parsedate_to_datetime(response.headers["Date"])
            wait_s = told.total_seconds()
        until_s = asyncio.get_running_loop().time() + min(wait_s, RETRY_AFTER_HONOURED_S)
        place = (sent.terminal, sent.life)
        self._quiet_until_s[place] = max(until_s, self._quiet_until_s.get(place, 0.0))

    def _mark(self, sent: Sent, mark: Mark) -> None:
        assert sent.key is not None
        self.marks[sent.key].append((sent.terminal, sent.life, mark))

    # --- what the outbox makes of it ---------------------------------------------------------------------------

    def steps(self, terminal: str, life: int, steps: list[Step]) -> None:
        """A transaction of this life was committed and changed these rows."""
        for step in steps:
            self._trace.met("step", f"{step.was or 'new'} > {step.now}")
            self._trace.note(terminal, f"{step.key} {step.was or 'new'} > {step.now}")
            self._check_step(terminal, life, step)
            self.states[step.key] = step.now
            self._bodies[step.key] = step.body
            if step.now == "parked":
                self.ever_parked.add(step.key)

    def _check_step(self, terminal: str, life: int, step: Step) -> None:
        taken = f"{step.was or 'new'} > {step.now}"
        require(taken in STEPS, "7 timeout_is_unknown_never_failed", f"{step.key}: {taken}, which is no step")
        known = [mark for of, lived, mark in self.marks[step.key] if (of, lived) == (terminal, life)]
        facts = f"{step.key} {taken}; known in this life: {[str(mark) for mark in known]}"
        if step.now == "acknowledged":
            require(Mark.HAS_IT in known, "7 timeout_is_unknown_never_failed", facts)
        elif step.now == "parked":
            grounds = (Mark.REFUSED, Mark.CONFLICT)
            require(any(mark in known for mark in grounds), "7 timeout_is_unknown_never_failed", facts)
        elif step.now == "waiting" and step.was not in ("", "waiting"):
            require(
                step.was == "sent" and known[-1:] == [Mark.TOOK_NOTHING],
                "7 timeout_is_unknown_never_failed",
                facts,
            )


def _parsed(content: bytes) -> object:
    try:
        return json.loads(content)
    except ValueError:
        return None


def _text(value: object, name: str) -> str | None:
    found = value.get(name) if isinstance(value, Mapping) else None
    return found if isinstance(found, str) else None


def _read_post(status: int, body: object, key: str | None) -> Mark:
    if status in (200, 201):
        return Mark.HAS_IT if _text(body, "correlatorId") == key else Mark.SILENCE
    if status == 409:
        return Mark.CONFLICT
    if status in (401, 425, 429):
        return Mark.TOOK_NOTHING
    return Mark.REFUSED if 400 <= status < 500 and status != 408 else Mark.SILENCE


def _read_look_up(status: int, body: object, key: str | None) -> Mark | None:
    """Only what a look-up says for sure; a look-up that fails changes nothing that is known."""
    if status != 200 or not isinstance(body, list):
        return None
    return Mark.HAS_IT if any(_text(row, "correlatorId") == key for row in body) else Mark.ABSENT
