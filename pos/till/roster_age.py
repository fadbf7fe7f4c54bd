"""How old what is known of the people is while central does not answer, and who is let in by it all the same.

Who was disabled elsewhere must not be let in for ever by a till that nobody can tell. But a clock that was set ahead shuts
no shop: it counts no further than the clock that cannot be set, in the machine's own run, or the days on which something
was done here. Source: reliability.md 5.2; domain.md rule 26.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection

from pos.domain.errors import NotAuthorised
from pos.domain.role import Person
from pos.store.audit import days_with_deeds, let_in_at
from pos.store.silence import heard_since_boot, last_answer_at
from pos.till.desk import Desk
from pos.till.gate import may_do

CONFIRM_PERSON = "confirm_person"
WARN_BEFORE = timedelta(days=1)
ROSTER_TOO_OLD = "roster_too_old"
LET_IN_FOR = timedelta(days=1)
"""A shift of which nobody sees the end is over by then."""


def roster_left(desk: Desk) -> timedelta | None:
    """For how long people are let in by what is known of them; less than nothing: no more. None: without end."""
    most = desk.policy.sessions.roster
    if most is None:
        return None
    with desk.till.read() as books, desk.cache.read() as cache:
        told_at = last_answer_at(books, cache)
        if told_at is None:
            return None
        by_wall = desk.clock.now() - told_at
        if by_wall <= most - WARN_BEFORE:
            return most - by_wall
        now = desk.moment
        heard_s = heard_since_boot(cache, now.boot)
        # A machine that slept counted no seconds, but nobody worked at it either.
        counted = timedelta(seconds=0 if heard_s is None else now.monotonic_s - heard_s)
        worked = timedelta(days=days_with_deeds(books, after=told_at))
    return most - min(by_wall, max(counted, worked))


def roster_warning(desk: Desk) -> timedelta | None:
    """What is left of it where that is a day or less; None: there is nothing to say."""
    left = roster_left(desk)
    return left if left is not None and left <= WARN_BEFORE else None


def roster_words(left: timedelta) -> str:
    """The warning, for whoever sits here."""
    if left < timedelta(0):
        return "Central is silent for so long that nobody is let in any more: menu . . 8 lets one person in for a shift."
    hours = max(1, (left + timedelta(minutes=30)) // timedelta(hours=1))
    soon = "1 hour" if hours == 1 else f"{hours} hours"
    return f"Central is silent: in {soon} nobody is let in here any more. Bring the line back."


def roster_refusal(desk: Desk, person: Person) -> NotAuthorised | None:
    """Why nobody is let in, where central is silent for too long. Who may let others in is, and whom such a one has seen."""
    left = roster_left(desk)
    if left is None or left >= timedelta(0) or may_do(desk, CONFIRM_PERSON, person):
        return None
    with desk.till.read() as books:
        if is_let_in(desk, books, person):
            return None
    most = desk.policy.sessions.roster
    assert most is not None, "there is no end without a limit"
    return NotAuthorised(
        ROSTER_TOO_OLD,
        f"Central has not answered for {most.days} days: who works here is not certain. Bring the line back, or have a "
        "supervisor sign in and let you in for one shift (menu . . 8).",
    )


def is_let_in(desk: Desk, books: Connection, person: Person) -> bool:
    """Whether a supervisor has seen the person, who has closed no shift since."""
    at = let_in_at(books, CONFIRM_PERSON, person.user)
    return at is not None and abs(desk.clock.now() - at) < LET_IN_FOR
