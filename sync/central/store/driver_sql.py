"""Constant statements straight to the driver, for the deeds that every payment at central is made of.

The library's layer above the driver costs ten times what SQLite itself takes for a row, some fifteen times a payment.
What stands here gives up everything of it that those deeds do not use; any other statement goes through the library.
"""

from __future__ import annotations

from collections import defaultdict, namedtuple
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from operator import itemgetter
from typing import Any, cast

from sqlalchemy import Connection, TextClause
from sqlalchemy.exc import MultipleResultsFound, NoResultFound


def straight(connection: Connection) -> Connection:
    """``connection`` as the deeds use one: text statements with named values go straight to its driver."""
    return cast(Connection, _StraightConnection(connection))


class _Prepared:
    """A statement in the driver's own spelling, and what puts its named values as the driver takes them."""

    def __init__(self, sql: str, values: Callable[[Mapping[str, Any]], Any]) -> None:
        self.sql = sql
        self.values = values
        self.row: Callable[..., Any] | None = None


_prepared: defaultdict[str, dict[TextClause, _Prepared]] = defaultdict(dict)
"""By the name of the driver. The deeds have far fewer, all constant; what is made for one use goes when they are so many."""
PREPARED_MAX = 500


class _StraightConnection:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._dialect = connection.dialect
        self._prepared = _prepared[connection.dialect.driver]
        # A cursor of its own for each statement, as both drivers make one.
        self._execute = cast(Any, connection.connection.dbapi_connection).execute

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, statement: Any, parameters: Any = None, **options: Any) -> Any:
        prepared = self._prepared.get(statement) or self._prepare(statement)
        if prepared is None or options or isinstance(parameters, list):
            return self._connection.execute(statement, parameters, **options)
        return _StraightResult(self._run(prepared.sql, prepared.values(parameters or {})), prepared)

    def exec_driver_sql(self, sql: str) -> None:
        """A statement without values or rows, such as SAVEPOINT."""
        self._run(sql, ())

    def _run(self, sql: str, values: Any) -> Any:
        try:
            return self._execute(sql, values)
        except self._dialect.loaded_dbapi.Error as error:
            # The library's own: it hides the values, names the fault the same on both kinds of store, and gives up a
            # connection that has broken off.
            self._connection._handle_dbapi_exception(error, sql, None, None, None)

    def _prepare(self, statement: Any) -> _Prepared | None:
        """None where the library must write the statement anew for each list of values, or it is none of ours."""
        if not isinstance(statement, TextClause):
            return None
        compiled = cast(Any, statement.compile(dialect=self._dialect))
        if any(value.expanding for value in compiled.binds.values()):
            return None
        prepared = _Prepared(
            compiled.string, _in_order(compiled.positiontup) if compiled.positional else dict
        )
        if len(self._prepared) >= PREPARED_MAX:
            self._prepared.clear()
        self._prepared[statement] = prepared
        return prepared


def _in_order(names: Sequence[str]) -> Callable[[Mapping[str, Any]], Any]:
    """Values by their names, in the order in which a driver without names takes them."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda given: [given[name] for name in names]


class _StraightResult:
    """The rows of one statement, each with its columns as attributes."""

    def __init__(self, cursor: Any, prepared: _Prepared) -> None:
        self._cursor = cursor
        if prepared.row is None and cursor.description is not None:
            names = [column[0] for column in cursor.description]
            # As its own _make does, without a call in Python for each row.
            prepared.row = partial(tuple.__new__, cast(Any, namedtuple("Row", names, rename=True)))
        self._row = prepared.row

    @property
    def rowcount(self) -> int:
        return int(self._cursor.rowcount)

    def __iter__(self) -> Iterator[Any]:
        assert self._row is not None, "a statement without rows"
        return map(self._row, self._cursor)

    def all(self) -> list[Any]:
        return list(self)

    def first(self) -> Any:
        return next(iter(self), None)

    def one_or_none(self) -> Any:
        found = self._cursor.fetchall()
        if len(found) > 1:
            raise MultipleResultsFound("Multiple rows were found when one or none was required")
        assert self._row is not None, "a statement without rows"
        return self._row(found[0]) if found else None

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
