"""Mandates of the operator's other terminals: what central says of each is kept here as a further step of it.

Central has one order for all steps, and the last one holds everywhere; what is ended stays ended. Nothing that it says is
kept before it has heard of every step of this terminal's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from pos.domain.mandate import Mandate, MandateState
from pos.domain.ports import Clock, Randomness
from pos.store.mandates import mandate_called, steps_and_heard
from pos.store.times import utc_text
from pos.store.unit_of_work import TillStore, UnitOfWork
from pos.till.mandates import REASON_MAX, put_mandate, put_step


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateSaid:
    """A mandate as its last step at central left it; ``mandate.number`` is of no meaning here.

    ``registered_at``: aware; by it every terminal finds the same of several mandates of an account the last.
    """

    mandate: Mandate
    plain: str
    terminal: str
    operator: str
    registered_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MandatesDesk:
    """What keeping them stands on; no person does it."""

    till: TillStore
    terminal: str
    clock: Clock
    randomness: Randomness


def keep_said(desk: MandatesDesk, said: Sequence[MandateSaid]) -> bool:
    """Keep what central says, in one transaction; False, and nothing is kept, while a step of our own is untold."""
    with desk.till.transaction() as unit:
        steps, heard = steps_and_heard(unit.connection)
        if steps != heard:
            return False
        for one in said:
            _keep(desk, unit, one)
    return True


def note_heard(desk: MandatesDesk, mandate: str, number: int) -> None:
    """Central has this step of our own."""
    with desk.till.transaction() as unit:
        _heard(unit, mandate, number, desk.terminal, desk.clock.now())


def give_up(desk: MandatesDesk, plain: str, why: str) -> None:
    """Another account has a mandate of this reference at another terminal: ours ends, and central is told of neither."""
    with desk.till.transaction() as unit:
        known = mandate_called(unit.connection, plain)
        assert known is not None, "a step that was told has its mandate"
        if known.state is not MandateState.ENDED:
            _end(desk, unit, known, why)
        for number in range(1, known.number + 2):
            if _is_untold(unit.connection, known.mandate, number):
                _heard(unit, known.mandate, number, desk.terminal, desk.clock.now())


def _is_untold(connection: Connection, mandate: str, number: int) -> bool:
    found = connection.exec_driver_sql(
        "SELECT 1 FROM mandate_step LEFT JOIN mandate_heard USING (mandate, number) WHERE mandate = ? AND number = ? "
        "AND mandate_heard.mandate IS NULL",
        (mandate, number),
    ).first()
    return found is not None


def _keep(desk: MandatesDesk, unit: UnitOfWork, one: MandateSaid) -> None:
    known, said = mandate_called(unit.connection, one.plain), one.mandate
    if known is None:
        if said.state is MandateState.ENDED:
            return
        # A mandate's life begins active, whatever became of it before it was heard of here.
        first = replace(said, number=1, state=MandateState.ACTIVE)
        put_mandate(unit, first, one.plain, at=one.registered_at)
        _write(desk, unit, first, one)
        known = first
    if known.state is MandateState.ENDED:
        return
    if known.account != said.account:
        why = f"{one.terminal} has a mandate of this reference for account {said.account}"
        _end(desk, unit, known, why)
        _heard(unit, known.mandate, known.number + 1, desk.terminal, desk.clock.now())
        return
    # Bank details that were purged there are kept as they are known here.
    bank = said.bank if said.bank.number else known.bank
    after = replace(said, mandate=known.mandate, bank=bank, number=known.number)
    if after != replace(known, reason=after.reason):
        _write(desk, unit, replace(after, number=known.number + 1), one)


def _end(desk: MandatesDesk, unit: UnitOfWork, known: Mandate, why: str) -> None:
    ended = replace(known, number=known.number + 1, state=MandateState.ENDED, reason=why[:REASON_MAX])
    put_step(unit, ended, salt=_salt(desk), at=desk.clock.now(), operator="central")


def _write(desk: MandatesDesk, unit: UnitOfWork, mandate: Mandate, one: MandateSaid) -> None:
    at = desk.clock.now()
    put_step(unit, mandate, salt=_salt(desk), at=at, operator=one.operator)
    _heard(unit, mandate.mandate, mandate.number, one.terminal, at)


def _salt(desk: MandatesDesk) -> str:
    return desk.randomness.token_bytes(16).hex()


def _heard(unit: UnitOfWork, mandate: str, number: int, terminal: str, at: datetime) -> None:
    unit.insert(
        "mandate_heard",
        {"mandate": mandate, "number": number, "terminal": terminal, "at_utc": utc_text(at)},
    )
