"""Enrolling a home anew: with a key of its own, in the next epoch, with everything that it booked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pos.bootstrap.central_key import CentralKey, write_central_key
from pos.bootstrap.homes import OpenTill, series_of
from pos.domain.role import Person
from pos.store.home import renew_identity
from pos.store.outbox import retry_parked, try_at_once
from pos.till.desk import Deed, perform
from pos.till.gate import require_right

ENROL = "enrol"


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolledAnew:
    """``again``: how many parked rows will be sent again."""

    terminal: str
    epoch: int
    series: str
    again: int


def enrol_anew(till: OpenTill, person: Person, redeem: Callable[[str, str, int], CentralKey]) -> EnrolledAnew:
    """``redeem`` asks central, with the address, the terminal and the epoch to be above. The code, which somebody at central
    made, stands for the second person.

    What was booked before keeps its numbers, and is sent; a number that a copy of this till has used meanwhile is given up
    for one of the new epoch. A process that dies in between has a key of a later epoch than its books: central takes that.
    Raises NotAuthorised, before the code is used, and what ``redeem`` raises.
    """
    desk = till.desk
    require_right(desk, ENROL, person)
    identity = desk.identity
    identity.refuse_training("it is enrolled nowhere")
    key = redeem(identity.central_url, identity.terminal, identity.epoch)
    write_central_key(till.paths.central_key, key)
    series = series_of(key.epoch)

    def work(deed: Deed) -> int:
        deed.subject = f"epoch {key.epoch}, series {series}"
        renew_identity(deed.unit, epoch=key.epoch, series=series)
        try_at_once(deed.unit.connection, at=deed.at)
        return retry_parked(deed.unit.connection, at=deed.at)

    again = perform(desk, person, ENROL, work, alone=True)
    return EnrolledAnew(terminal=identity.terminal, epoch=key.epoch, series=series, again=again)
