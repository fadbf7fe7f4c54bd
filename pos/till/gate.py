"""The gate: the one place that says whether a person may do an act, and how.

Whoever offers an act asks ``may_do``. A deed asks ``require_right`` or ``require_alone``, and ``perform`` audits what they
refuse. What is only looked at, and what is asked before a deed begins, asks ``require_look`` or ``admit``: they may stand on
any lane, so their refusals wait in the desk until ``note_refusals`` writes them. Source: reliability.md 5.1.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from pos.domain.errors import DomainError, NotAuthorised, Refused
from pos.domain.lock_out import Moment
from pos.domain.role import ACTS, NOTED, ActKind, Grant, PermissionTable, Person, Role, named_roles
from pos.domain.session import Session, SessionPolicy

UNWRITTEN_MAX = 1_000
"""So many refusals wait to be written; a store that takes none for so long takes no deed either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unwritten:
    """A refusal that has no audit row yet."""

    person: Person
    act: str
    subject: str | None
    refusal: DomainError


ALWAYS = NOTED | {act for act, kind in ACTS.items() if kind is ActKind.ANYBODY}
"""What may be done without a session, or as it ends: signing in is how one begins."""


class Timed(Protocol):
    """What of the shop's rules the gate knows."""

    @property
    def sessions(self) -> SessionPolicy: ...


class Gated(Protocol):
    """What of a desk the gate knows: the table of rights, the sessions, and the refusals that wait for an audit row."""

    @property
    def permissions(self) -> PermissionTable: ...

    @property
    def policy(self) -> Timed: ...

    @property
    def sessions(self) -> dict[str, Session]: ...

    @property
    def moment(self) -> Moment: ...

    @property
    def unwritten(self) -> deque[Unwritten]: ...


def may_do(desk: Gated, act: str, person: Person) -> bool:
    """Whether to offer ``act``: alone, within a limit, with a reason or with a second person."""
    return desk.permissions.grant(act, person.roles).allows_deed


def may_do_alone(desk: Gated, act: str, person: Person) -> bool:
    """Whether the person may do ``act`` without asking another."""
    return _is_alone(desk.permissions.grant(act, person.roles))


def _is_alone(grant: Grant) -> bool:
    return grant.allows_deed and grant is not Grant.SECOND


def require_session(desk: Gated, act: str, person: Person) -> None:
    """Whoever signed in here is still signed in, has a PIN of the own, and typed it lately where ``act`` wants that.

    Raises NotAuthorised ``session_over``, ``pin_is_first`` or ``pin_needed``.
    """
    session = desk.sessions.get(person.user)
    if session is None or act in ALWAYS:
        return
    policy, now = desk.policy.sessions, desk.moment
    if session.is_over(policy, now):
        raise NotAuthorised("session_over", "Your time at this till is over. Sign in again.", act=act)
    if session.pin_is_first:
        raise NotAuthorised("pin_is_first", "Choose a PIN of your own first; only you will know it.", act=act)
    if session.wants_pin(act, policy, now):
        raise NotAuthorised("pin_needed", "Type your PIN again, then do the same once more.", act=act)


def require_right(desk: Gated, act: str, person: Person) -> Grant:
    """How the person may do ``act``. Raises NotAuthorised ``not_allowed`` naming who may."""
    if act in NOTED:
        return Grant.ALONE
    return desk.permissions.require_deed(act, person.roles)


def require_alone(desk: Gated, act: str, person: Person, *, reason: str | None = None) -> Grant:
    """The person may do this without another.

    Raises NotAuthorised, or Refused ``approval_required`` or ``reason_required``.
    """
    found = require_right(desk, act, person)
    if found is Grant.SECOND:
        alone = [role for role in Role if _is_alone(desk.permissions.grant(act, {role}))]
        raise Refused(
            "approval_required",
            f"This needs a second person, and nobody can be asked for it here. Who may alone: {named_roles(alone)}.",
            act=act,
            allowed=[str(role) for role in alone],
        )
    if found is Grant.REASON and not (reason or "").strip():
        raise Refused("reason_required", "Say why; it is kept with your name.", act=act, field="reason")
    return found


def require_look(desk: Gated, act: str, person: Person, *, subject: str | None = None) -> Grant:
    """The person may at least look at what ``act`` shows. Raises NotAuthorised, which is audited."""
    with audited_later(desk, act, person, subject=subject):
        require_session(desk, act, person)
        return desk.permissions.require(act, person.roles)


def admit(desk: Gated, act: str, person: Person, *, subject: str | None = None) -> Grant:
    """As ``require_alone``, before a deed begins. What it raises is audited."""
    with audited_later(desk, act, person, subject=subject):
        require_session(desk, act, person)
        return require_alone(desk, act, person)


@contextmanager
def audited_later(desk: Gated, act: str, person: Person, *, subject: str | None = None) -> Iterator[None]:
    """A refusal within is kept to be written as a refusal of ``act``, once."""
    try:
        yield
    except DomainError as refusal:
        if not refusal.audited and len(desk.unwritten) < UNWRITTEN_MAX:
            refusal.audited = True
            desk.unwritten.append(Unwritten(person=person, act=act, subject=subject, refusal=refusal))
        raise
