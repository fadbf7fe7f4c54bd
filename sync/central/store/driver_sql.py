"""Constant statements straight to the driver, for the deeds that every payment at central is made of.

The library's layer above the driver costs ten times what SQLite itself takes for a row, some fifteen times a payment.
What stands here gives up everything of it that those deeds do not use; any other statement goes through the library.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, TextClause
from sqlalchemy.exc import DBAPIError, MultipleResultsFound, NoResultFound

from sync.central.store.promises import hide_values


def straight(connection: Connection) -> Connection:
    """``connection`` as the deeds use one: text statements with named values go straight to its driver."""
    return cast(Connection, _StraightConnection(connection))


class _Prepared:
    """A statement in the driver's own spelling; ``named`` None where it takes values by name."""

    def __init__(self, sql: str, named: tuple[str, ...] | None) -> None:
        self.sql = sql
        self.named = named
        self.row: Callable[..., Any] | None = None


_prepared: WeakKeyDictionary[TextClause, dict[str, _Prepared | None]] = WeakKeyDictionary()


class _StraightConnection:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._dialect = connection.dialect
        self._cursor = cast(Any, connection.connection.dbapi_connection).cursor

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, statement: Any, parameters: Any = None, **options: Any) -> Any:
        prepared = self._find(statement) if isinstance(statement, TextClause) and not options else None
        if prepared is None or not (parameters is None or isinstance(parameters, Mapping)):
            return self._connection.execute(statement, parameters, **options)
        given = parameters or {}
        values = given if prepared.named is None else [given[name] for name in prepared.named]
        cursor = self._cursor()
        try:
            cursor.execute(prepared.sql, values)
        except self._dialect.loaded_dbapi.Error as error:
            # Without the values, which may be a name or a key.
            hide_values(error)
            raise DBAPIError.instance(
                prepared.sql, None, error, self._dialect.loaded_dbapi.Error, hide_parameters=True
            ) from error
        return _StraightResult(cursor, prepared)

    def _find(self, statement: TextClause) -> _Prepared | None:
        of_statement = _prepared.setdefault(statement, {})
        driver = self._dialect.driver
        if driver not in of_statement:
            of_statement[driver] = self._prepare(statement)
        return of_statement[driver]

    def _prepare(self, statement: TextClause) -> _Prepared | None:
        """None where the library must write the statement anew for each list of values."""
        compiled = cast(Any, statement.compile(dialect=self._dialect))
        if any(value.expanding for value in compiled.binds.values()):
            return None
        named = tuple(compiled.positiontup) if compiled.positional else None
        return _Prepared(compiled.string, named)


class _StraightResult:
    """The rows of one statement, each with its columns as attributes."""

    def __init__(self, cursor: Any, prepared: _Prepared) -> None:
        self._cursor = cursor
        self.rowcount: int = cursor.rowcount
        if prepared.row is None and cursor.description is not None:
            names = [column[0] for column in cursor.description]
            prepared.row = cast(Any, namedtuple("Row", names, rename=True))._make
        self._row = prepared.row

    def __iter__(self) -> Iterator[Any]:
        assert self._row is not None, "a statement without rows"
        return map(self._row, self._cursor)

    def all(self) -> list[Any]:
        return list(self)

    def first(self) -> Any:
        return next(iter(self), None)

    def one_or_none(self) -> Any:
        rows = self.all()
        if len(rows) > 1:
            raise MultipleResultsFound("Multiple rows were found when one or none was required")
        return rows[0] if rows else None

    def one(self) -> Any:
        row = self.one_or_none()
        if row is None:
            raise NoResultFound("No row was found when one was required")
        return row

    def scalar_one(self) -> Any:
        return self.one()[0]

    def scalar_one_or_none(self) -> Any:
        row = self.one_or_none()
        return None if row is None else row[0]

    def scalar(self) -> Any:
        row = self.first()
        return None if row is None else row[0]

    def scalars(self) -> _Scalars:
        return _Scalars(row[0] for row in self)


class _Scalars:
    def __init__(self, values: Iterator[Any]) -> None:
        self._values = values

    def __iter__(self) -> Iterator[Any]:
        return self._values

    def all(self) -> list[Any]:
        return list(self._values)

    def first(self) -> Any:
        return next(self._values, None)
