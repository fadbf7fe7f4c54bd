"""Central's store: one SQL database, in SQLite or PostgreSQL, and its two kinds of transaction.

Statements are portable SQL with named parameters: what they mean on one kind of store they mean on the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, text
from sqlalchemy.pool import StaticPool

from sync.central.store.promises import READING
from sync.central.wire.callers import caller

BeforeCommit = Callable[[Connection], None]


class CentralStore:
    """Transactions on central's database. Synchronous, and used by one thread."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.before_commit: BeforeCommit | None = None
        """Runs last in every write transaction: what it raises undoes the transaction."""
        self._reading = engine.execution_options(**{READING: True})

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One durable transaction: committed when the block ends, undone when it raises. No other writes meanwhile.

        For a dealer PostgreSQL takes nothing that is another dealer's.
        """
        with self.engine.begin() as connection:
            with written_for_caller(connection):
                yield connection
            if self.before_commit is not None:
                self.before_commit(connection)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view of the store; writes nothing. Asked by a dealer's client, PostgreSQL hears whose it is."""
        asking = caller()
        with self._reading.begin() as connection:
            if asking is not None and asking.dealer is not None and connection.dialect.name == "postgresql":
                connection.execute(FOR_DEALER, {"dealer": asking.dealer})
            yield connection

    @property
    def reads_aside(self) -> bool:
        """Whether a reading transaction may stay open while others begin theirs: in memory there is one connection."""
        return not isinstance(self.engine.pool, StaticPool)

    def close(self) -> None:
        self.engine.dispose()


@contextmanager
def written_for_caller(connection: Connection) -> Iterator[None]:
    """PostgreSQL hears which dealer's what is written inside must be; nothing for anybody else."""
    asking = caller()
    if asking is None or asking.dealer is None or connection.dialect.name != "postgresql":
        yield
        return
    connection.execute(WRITTEN_FOR, {"dealer": asking.dealer})
    yield
    # Where it fails this is undone with it.
    connection.execute(WRITTEN_FOR, {"dealer": ""})


class ChangeCount:
    """The global change number within one transaction, for all that is written in it; ``value`` is where it is now."""

    def __init__(self, connection: Connection) -> None:
        self.value = self._stored = int(connection.execute(READ_CHANGE).scalar_one())

    def next(self) -> int:
        self.value += 1
        return self.value

    def write_back(self, connection: Connection) -> None:
        if self.value != self._stored:
            connection.execute(SET_CHANGE, {"value": self.value})


@contextmanager
def counted_together(connection: Connection) -> Iterator[ChangeCount]:
    """However many deeds are done inside, the store's own count is read once and raised once."""
    of_connection = connection.info
    count = of_connection[_COUNTED] = ChangeCount(connection)
    try:
        yield count
        count.write_back(connection)
    finally:
        del of_connection[_COUNTED]


def next_change(connection: Connection) -> int:
    """Raise the global change number; one deed takes one. Everything the deed changes is stamped with it."""
    count: ChangeCount | None = connection.info.get(_COUNTED)
    return int(connection.execute(RAISE_CHANGE).scalar_one()) if count is None else count.next()


def current_change(connection: Connection) -> int:
    """The change number that this transaction's view of the store is at."""
    count: ChangeCount | None = connection.info.get(_COUNTED)
    return int(connection.execute(READ_CHANGE).scalar_one()) if count is None else count.value


_COUNTED = "counterfoil_change_count"
"""Where the count of the transaction that is open on a connection stands."""


FOR_DEALER = text("SELECT set_config('counterfoil.dealer', :dealer, true)")
"""For this transaction alone, so that the next one on the same connection is nobody's."""
WRITTEN_FOR = text("SELECT set_config('counterfoil.writer', :dealer, true)")
RAISE_CHANGE = text("UPDATE change_counter SET value = value + 1 WHERE one = 1 RETURNING value")
SET_CHANGE = text("UPDATE change_counter SET value = :value WHERE one = 1")
READ_CHANGE = text("SELECT value FROM change_counter WHERE one = 1")
