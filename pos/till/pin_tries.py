"""Tries at a PIN: counted before the PIN is looked at, of whoever was named and of the terminal, also beside an open till.

A number that is nobody's is counted as somebody's is, under its mark, so that nothing tells them apart.
Source: reliability.md 5.2; invariant 46.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import Connection

from pos.domain.errors import DomainError, NotAuthorised, Refused
from pos.domain.ids import new_id
from pos.domain.lock_out import FREE_TRIES, Lock, lock_for
from pos.domain.role import Person
from pos.store.audit import is_deed_audited
from pos.store.people import (
    PinTries,
    RosterEntry,
    forget_nobodys_tries,
    pin_tries,
    roster_entry,
    set_pin_tries,
)
from pos.store.times import from_utc_text, utc_text
from pos.store.unit_of_work import CommitFailed, UnitOfWork, WriteFailed
from pos.till.desk import Desk, audit_in, nothing_booked

NOBODY = Person(user="-", name="", roles=frozenset())
"""Who is named in the audit when the user number is none of ours: what was typed might be a PIN."""

TERMINAL = "terminal"
UNKNOWN = "unknown:"
UNKNOWN_KEPT_MAX = 200
BESIDE_MAX = 4
"""So many tries beside an open till, of one user, before the till has taken them into its books."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One try under way: its deed, whose it is, and why the PIN is not looked at, where it is not."""

    deed_id: str
    subject: str
    entry: RosterEntry | None
    locked: NotAuthorised | None

    @property
    def person(self) -> Person:
        return NOBODY if self.entry is None else self.entry.person


def count_try(desk: Desk, user: str, act: str) -> Try:
    """Count a try as wrong before it is checked. Raises Refused ``store_write_failed``: uncounted, none is made."""
    deed_id = new_id(desk.clock, desk.randomness)
    try:
        take_in(desk)
        with desk.till.transaction() as unit:
            subject, entry = _subject(desk, unit.connection, user)
            person = NOBODY if entry is None else entry.person
            locked = _locked(desk, unit, subject)
            if locked is None:
                _audit_broken_off(desk, unit, subject, person, act)
                for name in (subject, TERMINAL):
                    _count(desk, unit.connection, name, deed_id)
                forget_nobodys_tries(unit.connection, UNKNOWN, keep=UNKNOWN_KEPT_MAX)
    except (WriteFailed, CommitFailed) as failure:
        raise nothing_booked(failure.reason) from failure
    return Try(deed_id=deed_id, subject=subject, entry=entry, locked=locked)


def clear_tries(connection: Connection, user: str) -> None:
    """A right PIN, or a person seen by a supervisor: the user's wrong tries are taken back, from the terminal's as well."""
    own, of_terminal = pin_tries(connection, _of_user(user)), pin_tries(connection, TERMINAL)
    set_pin_tries(connection, _of_user(user), PinTries())
    left = max(0, of_terminal.failures - own.failures)
    set_pin_tries(connection, TERMINAL, replace(of_terminal, failures=left))


def clear_terminal(connection: Connection) -> None:
    """A supervisor is at hand: the terminal's tries begin anew."""
    set_pin_tries(connection, TERMINAL, PinTries())


def count_beside(desk: Desk, user: str) -> Try:
    """As ``count_try``, on a home that another process owns: the try is written beside the books.

    Raises Refused ``store_write_failed``.
    """
    deed_id = new_id(desk.clock, desk.randomness)
    with desk.till.read() as connection:
        subject, entry = _subject(desk, connection, user)
        locked = _locked_now(desk, connection, subject)
    if desk.beside is None:
        raise Refused("store_locked", "This till is open in another window or program.")
    try:
        with desk.beside.held() as held:
            open_tries = _open_tries(held.lines())
            if sum(1 for line in open_tries if line.get("subject") == subject) >= BESIDE_MAX or (
                len(open_tries) >= desk.policy.pins.terminal_failures
            ):
                locked = locked or _locked_out(timedelta(minutes=desk.policy.pins.lock_minutes[0]))
            if locked is None:
                held.add({"try": deed_id, "at": utc_text(desk.clock.now()), "subject": subject})
    except OSError as failure:
        raise nothing_booked(str(failure.errno)) from failure
    return Try(deed_id=deed_id, subject=subject, entry=entry, locked=locked)


def right_beside(desk: Desk, made: Try) -> None:
    """The try that was counted beside the books was right after all."""
    assert desk.beside is not None
    with desk.beside.held() as held:
        held.add({"right": made.deed_id})


def take_in(desk: Desk) -> None:
    """Take what was written beside the books into them: tries are counted and audited, refusals audited, each once."""
    if desk.beside is None or desk.beside.is_empty:
        return
    with desk.beside.held() as held:
        lines = held.lines()
        right = {line["right"] for line in lines if "right" in line}
        with desk.till.transaction() as unit:
            for line in lines:
                if "try" in line and not is_deed_audited(unit.connection, line["try"]):
                    _take_in_try(desk, unit, line, right=line["try"] in right)
                elif "refused" in line and not is_deed_audited(unit.connection, line["refused"]):
                    _take_in_refusal(desk, unit, line)
        held.clear()


def _take_in_try(desk: Desk, unit: UnitOfWork, line: Mapping[str, str], *, right: bool) -> None:
    subject = line.get("subject", "")
    entry = (
        roster_entry(unit.connection, subject.removeprefix("user:")) if subject.startswith("user:") else None
    )
    person = NOBODY if entry is None else entry.person
    at = from_utc_text(line["at"])
    if right:
        audit_in(desk, unit, person, "sign_in", line["try"], None, at=at)
        if entry is not None:
            clear_tries(unit.connection, entry.person.user)
        return
    for name in (subject, TERMINAL):
        _count(desk, unit.connection, name, line["try"])
    audit_in(desk, unit, person, "sign_in", line["try"], wrong_pin(), at=at)


def _take_in_refusal(desk: Desk, unit: UnitOfWork, line: Mapping[str, str]) -> None:
    entry = roster_entry(unit.connection, line.get("user", ""))
    refusal = NotAuthorised(line.get("code", "not_allowed"), "")
    act = line.get("act", "")
    audit_in(
        desk,
        unit,
        NOBODY if entry is None else entry.person,
        act,
        line["refused"],
        refusal,
        at=from_utc_text(line["at"]),
    )


def write_refusals_beside(desk: Desk) -> None:
    """What was refused to somebody who works beside an open till, for its books. A full disk loses it."""
    while desk.unwritten and desk.beside is not None:
        one = desk.unwritten.popleft()
        line = {
            "refused": new_id(desk.clock, desk.randomness),
            "at": utc_text(desk.clock.now()),
            "user": one.person.user,
            "act": one.act,
            "code": one.refusal.code,
        }
        try:
            with desk.beside.held() as held:
                held.add(line)
        except OSError:
            return


def wrong_pin() -> NotAuthorised:
    """One text for an unknown number, a disabled user and a wrong PIN."""
    return NotAuthorised("wrong_pin", "User number or PIN is wrong.")


def _open_tries(lines: Sequence[Mapping[str, str]]) -> list[Mapping[str, str]]:
    right = {line["right"] for line in lines if "right" in line}
    return [line for line in lines if "try" in line and line["try"] not in right]


def _subject(desk: Desk, connection: Connection, user: str) -> tuple[str, RosterEntry | None]:
    """Whose tries are counted. What was typed for nobody is kept as a keyed mark: it might be a PIN."""
    if re.fullmatch(r"[0-9]{1,12}", user) is not None:
        entry = roster_entry(connection, user)
        if entry is not None:
            return _of_user(user), entry
    mark = hmac.new(
        desk.till.keys.marks, b"nobody\x1f" + user.encode("utf-8", "surrogatepass"), hashlib.sha256
    )
    return UNKNOWN + mark.hexdigest()[:32], None


def _of_user(user: str) -> str:
    return f"user:{user}"


def _locked(desk: Desk, unit: UnitOfWork, subject: str) -> NotAuthorised | None:
    """Why no try may be made now. A lock that only a clock set back would end begins anew."""
    now = desk.moment
    for name in (subject, TERMINAL):
        tries = pin_tries(unit.connection, name)
        if tries.lock is not None and tries.lock.must_begin_anew(now):
            set_pin_tries(
                unit.connection, name, replace(tries, lock=Lock(since=now, length=tries.lock.length))
            )
    return _locked_now(desk, unit.connection, subject)


def _locked_now(desk: Desk, connection: Connection, subject: str) -> NotAuthorised | None:
    own = pin_tries(connection, subject)
    if own.failures >= desk.policy.pins.max_failures:
        return NotAuthorised("locked_out", "Too many wrong tries. Ask a supervisor to confirm who you are.")
    locks = (own.lock, pin_tries(connection, TERMINAL).lock)
    left = max((lock.left(desk.moment) for lock in locks if lock is not None), default=timedelta(0))
    return _locked_out(left) if left > timedelta(0) else None


def _locked_out(left: timedelta) -> NotAuthorised:
    return NotAuthorised(
        "locked_out", f"Too many wrong tries. Try again in {-(-left // timedelta(minutes=1))} min."
    )


def _count(desk: Desk, connection: Connection, name: str, deed_id: str) -> None:
    limits = desk.policy.pins
    free = limits.terminal_failures - 1 if name == TERMINAL else FREE_TRIES
    failures = pin_tries(connection, name).failures + 1
    lock = lock_for(failures, limits.lock_minutes, free=free, now=desk.moment)
    set_pin_tries(connection, name, PinTries(failures=failures, lock=lock, last_deed=deed_id))


def _audit_broken_off(desk: Desk, unit: UnitOfWork, subject: str, person: Person, act: str) -> None:
    """The try before this one was counted, but a crash kept it from being audited."""
    last = pin_tries(unit.connection, subject).last_deed
    if last is not None and not is_deed_audited(unit.connection, last):
        broken: DomainError = NotAuthorised("broken_off", "")
        audit_in(desk, unit, person, act, last, broken, at=desk.clock.now())
