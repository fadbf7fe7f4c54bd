"""Central's store in a PostgreSQL database: every promise of durability checked at each connection.

Writers come one after the other: each takes one lock before its first statement, as BEGIN IMMEDIATE does on SQLite, and
holds it until it commits. READ COMMITTED then shows it all that was ever committed and nothing moves under it, so that no
transaction fails for another's sake and none has to be tried again. SERIALIZABLE would run writers side by side, but all of
them raise the one change number, and each but the first would be undone and repeated. A lock of the database's own and no
row's: it is there before the first table is, and leaves nothing behind in one. Readers see one moment and never wait.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, ExceptionContext, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import OperationalError

from sync.central.store.promises import READING, StoreUnavailable, hide_values

CONNECT_TIMEOUT_S = 5
LOCK_TIMEOUT_MS = 5_000
STATEMENT_TIMEOUT_MS = 60_000
IDLE_TIMEOUT_MS = 60_000
"""A worker that stands still in the middle of a transaction keeps every other one waiting no longer than this."""

WRITER_LOCK = 0x436F756E746572
"""Every writer's one lock; the number says Counter, so that it is nobody else's by accident."""

DRIVER = "postgresql+psycopg"


def postgresql_engine(url: URL) -> Engine:
    """The engine of the store in the database of ``url``.

    Raises StoreUnavailable without the driver; connecting raises it where the server would forget what it confirmed or
    does not keep UTF-8.
    """
    if url.drivername not in ("postgresql", DRIVER):
        raise StoreUnavailable(f"Central speaks to PostgreSQL by psycopg: begin the URL with {DRIVER}://.")
    try:
        # Only a central on PostgreSQL has it.
        import psycopg
        from psycopg.adapt import Dumper, Loader
    except ImportError:
        raise StoreUnavailable(
            "PostgreSQL's driver is not installed: install counterfoil[central]."
        ) from None

    class WholeNumber(Loader):
        """Sums of BIGINT come as NUMERIC; the store has nothing but whole numbers. Raises ValueError for any other."""

        def load(self, data: Any) -> int:
            return int(bytes(data))

    class YesAsOne(Dumper):
        """The store keeps yes and no as 1 and 0, which the server's own tables take for their yes and no too."""

        def dump(self, obj: Any) -> bytes:
            return b"%d" % obj

    engine = create_engine(
        url.set(drivername=DRIVER),
        # An error that nobody expected is printed with its statement, and a parameter may be a name or a key.
        hide_parameters=True,
        connect_args={"connect_timeout": CONNECT_TIMEOUT_S, "application_name": "counterfoil-central"},
    )

    def prepare(dbapi_connection: Any, _record: object) -> None:
        dbapi_connection.adapters.register_loader("numeric", WholeNumber)
        dbapi_connection.adapters.register_dumper(bool, YesAsOne)
        dbapi_connection.autocommit = True
        found = dbapi_connection.execute(SETTINGS).fetchone()
        dbapi_connection.autocommit = False
        unkept = [
            name for (name, wanted), value in zip(WANTED.items(), found, strict=False) if value != wanted
        ]
        if unkept:
            dbapi_connection.close()
            raise StoreUnavailable(
                "The PostgreSQL server does not promise what central needs: "
                + ", ".join(f"{name} must be {WANTED[name]}" for name in unkept)
                + "."
            )

    def begin(connection: Connection) -> None:
        reading = connection.get_execution_options().get(READING, False)
        raw: Any = connection.connection.dbapi_connection
        raw.isolation_level = REPEATABLE_READ if reading else READ_COMMITTED
        raw.read_only = reading
        if not reading:
            connection.exec_driver_sql(TAKE_WRITER_LOCK)

    away = (
        psycopg.errors.UndefinedTable,
        psycopg.errors.InsufficientPrivilege,
        psycopg.errors.ReadOnlySqlTransaction,
    )

    def told_as_elsewhere(context: ExceptionContext) -> BaseException | None:
        """No value of a row is told, and a store that cannot be used is called the same as on SQLite."""
        found, told = context.original_exception, context.sqlalchemy_exception
        message = hide_values(found)
        if told is None or message is None:
            return None
        told.args = (f"({type(found).__name__}) {message}",)
        if isinstance(found, away):
            return OperationalError(context.statement, None, found, hide_parameters=True)
        return None

    event.listen(engine, "connect", prepare)
    event.listen(engine, "handle_error", told_as_elsewhere, retval=True)
    event.listen(engine, "begin", begin)
    return engine


READ_COMMITTED, REPEATABLE_READ = 2, 3
"""Psycopg's numbers of the isolation levels."""

WANTED = {
    "fsync": "on",
    "full_page_writes": "on",
    "server_encoding": "UTF8",
    "transaction_read_only": "off",
    "synchronous_commit": "on",
}
"""Without the first two a power cut damages the store, and the last keeps a server from confirming what it may lose."""

SETTINGS = "SELECT {}, {}".format(
    ", ".join(f"current_setting('{name}')" for name in [*WANTED][:-1]),
    ", ".join(
        f"set_config('{name}', '{value}', false)"
        for name, value in {
            "synchronous_commit": "on",
            "lock_timeout": LOCK_TIMEOUT_MS,
            "statement_timeout": STATEMENT_TIMEOUT_MS,
            "idle_in_transaction_session_timeout": IDLE_TIMEOUT_MS,
        }.items()
    ),
)
TAKE_WRITER_LOCK = f"SELECT pg_advisory_xact_lock({WRITER_LOCK})"
