"""Processes that die: at any moment of any transaction, with their files left exactly as they are then.

A death takes the bytes of the files at that very moment, in the middle of a write too, and everything held in memory is
thrown away. The next life opens these bytes through the product's own opening.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, NoReturn

from sqlalchemy import Connection, event

from pos.store.database import Database

MIDDLE_MAX = 10
"""A death in the middle comes before one of so many statements; a shorter transaction lives."""


class CrashPoint(StrEnum):
    """Where in its life a process dies."""

    BEGIN = "before the first statement"
    MIDDLE = "in the middle of a transaction"
    BEFORE_COMMIT = "before the commit"
    AFTER_COMMIT = "after the commit"
    IDLE = "between transactions"


IN_TRANSACTION = tuple(point for point in CrashPoint if point is not CrashPoint.IDLE)


class ProcessDied(BaseException):
    """Not an error of the program: nothing in it may catch this."""


class Files:
    """The files of a process; ``freeze`` at its death, ``restore`` before its next life."""

    def __init__(self, databases: Sequence[Path]) -> None:
        self._databases = databases
        self._frozen: dict[Path, bytes] | None = None

    def freeze(self) -> None:
        """Take what lies on the disk now. The shared memory beside a write-ahead log dies with the process."""
        kept = [path.with_name(path.name + suffix) for path in self._databases for suffix in ("", "-wal")]
        self._frozen = {path: path.read_bytes() for path in kept if path.exists()}

    def restore(self) -> None:
        """Put back what lay there; what was written since is of nobody."""
        if self._frozen is None:
            return
        for database in self._databases:
            for suffix in ("", "-wal", "-shm"):
                database.with_name(database.name + suffix).unlink(missing_ok=True)
        for path, content in self._frozen.items():
            path.touch(mode=0o600)
            path.write_bytes(content)
        self._frozen = None


class Fate:
    """Decides when one life ends. ``rate`` is the chance of a death in one transaction."""

    def __init__(
        self, files: Files, drawn: random.Random, *, rate: float, died: Callable[[str, CrashPoint], None]
    ) -> None:
        self._files = files
        self._drawn = drawn
        self._rate = rate
        self._died = died
        self.dead = False

    def require_alive(self) -> None:
        """A dead process does nothing more. Raises ProcessDied."""
        if self.dead:
            raise ProcessDied

    def draw(self, drawn: random.Random | None = None) -> CrashPoint | None:
        """Whether, and where, this transaction ends the life. With ``drawn`` of its own it moves no other draw."""
        drawn = drawn or self._drawn
        if self._rate == 0 or drawn.random() >= self._rate:
            return None
        return drawn.choice(IN_TRANSACTION)

    def spare(self) -> None:
        """No transaction ends this life any more."""
        self._rate = 0.0

    def statements_left(self, drawn: random.Random | None = None) -> int:
        """Before which statement a death in the middle comes."""
        return (drawn or self._drawn).randint(1, MIDDLE_MAX)

    def end(self, where: str, point: CrashPoint) -> None:
        """The process is dead from now on; its files stay as they are."""
        if not self.dead:
            self.dead = True
            self._files.freeze()
            self._died(where, point)

    def die(self, where: str, point: CrashPoint) -> NoReturn:
        """Raises ProcessDied."""
        self.end(where, point)
        raise ProcessDied


class Countdown:
    """Ends a life before the n-th statement of a transaction."""

    def __init__(self, fate: Fate, where: str, drawn: random.Random | None = None) -> None:
        self._fate = fate
        self._where = where
        self._drawn = drawn
        self._left: int | None = None

    def start(self, connection: Connection) -> None:
        """From now on look at every statement; a transaction that dies so is rare, and its connection dies with it."""
        event.listen(connection, "before_cursor_execute", self._before_statement)
        self._left = self._fate.statements_left(self._drawn)

    def stop(self) -> None:
        """The transaction was too short."""
        self._left = None

    def _before_statement(self, *_statement: object) -> None:
        if self._left is None:
            return
        self._left -= 1
        if self._left == 0:
            self._left = None
            self._fate.die(self._where, CrashPoint.MIDDLE)


@dataclass(frozen=True, slots=True)
class Step:
    """A row of the outbox changed its state; ``was`` is empty for a new row."""

    key: str
    was: str
    now: str
    body: bytes | None


class MortalDatabase(Database):
    """A store that its process can die in. ``stepped`` hears of the outbox's steps of each transaction, once committed."""

    def __init__(
        self,
        path: Path | None,
        *,
        read_only: bool = False,
        fate: Fate,
        stepped: Callable[[list[Step]], None],
    ) -> None:
        assert path is not None
        self._where = path.stem
        self._fate = fate
        self._stepped = stepped
        self._steps: list[Step] = []
        self._countdown = Countdown(fate, self._where)
        self._noting: Connection | None = None
        super().__init__(path, read_only=read_only)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction, which may be the last thing that this life does."""
        self._fate.require_alive()
        point = self._fate.draw()
        self._steps.clear()
        with super().write() as connection:
            self._note_steps(connection)
            if point is CrashPoint.BEGIN:
                self._fate.die(self._where, point)
            if point is CrashPoint.MIDDLE:
                self._countdown.start(connection)
            try:
                yield connection
            finally:
                self._countdown.stop()
            self._fate.require_alive()
            if point is CrashPoint.BEFORE_COMMIT:
                self._fate.die(self._where, point)
        # The triggers were part of the transaction: one that is undone undoes them.
        self._noting = connection
        if self._steps:
            self._stepped(list(self._steps))
        if point is CrashPoint.AFTER_COMMIT:
            self._fate.die(self._where, point)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A look at what is committed."""
        self._fate.require_alive()
        with super().read() as connection:
            yield connection

    def _note_steps(self, connection: Connection) -> None:
        """A temporary trigger tells every change of a row's state; it changes nothing and dies with the connection."""
        if self._where != "till" or connection is self._noting:
            return
        raw: Any = connection.connection.dbapi_connection
        raw.create_function("note_step", 4, self._note)
        for when, was in (("INSERT ON", "''"), ("UPDATE OF state ON", "OLD.state")):
            name = f"note_{when.split()[0].lower()}"
            connection.exec_driver_sql(
                f"CREATE TEMP TRIGGER IF NOT EXISTS {name} AFTER {when} main.outbox "
                f"BEGIN SELECT note_step(NEW.correlator_id, {was}, NEW.state, NEW.body); END"
            )

    def _note(self, key: str, was: str, now: str, body: bytes | None) -> None:
        self._steps.append(Step(key, was, now, body))
