"""Writes that arrive in one turn of the event loop, in one durable commit: a commit waits for the disk, one wait serves all.

Each write is whole or absent by itself: one that is refused takes nothing of its neighbours along. Nobody is answered
before the commit is on the disk, and where it fails everybody hears so. Source: performance.md, section 2 (servers).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import copy_context
from typing import Any, TypeVar, cast

from sqlalchemy import Connection

from sync.central.store.database import CentralStore, ChangeCount, counted_together, written_for_caller
from sync.central.store.driver_sql import straight
from sync.central.wire.callers import asked_by

GROUP_MAX = 100
"""Of one commit; whoever comes after waits for the next turn, so that readers get theirs."""

Done = TypeVar("Done")
_Waiting = tuple[Callable[[Connection], Any], "asyncio.Future[Any]"]


class GroupCommit:
    """Gathers what this turn of the loop wants written. Used by one loop."""

    def __init__(self, store: CentralStore) -> None:
        self._store = store
        # SQLite alone says whether a deed has written. PostgreSQL undoes more with a deed than rows: whose it was.
        self._tells_of_changes = store.engine.dialect.name == "sqlite"
        self._waiting: list[_Waiting] = []

    async def write(self, deed: Callable[[Connection], Done]) -> Done:
        """Carry ``deed`` out in a transaction that may hold others' deeds too; returns when it is durable.

        Raises what the deed raised, or why the commit failed; nothing of it is stored then. ``deed`` tells nobody outside
        the store anything: a neighbour's failed commit undoes it, and a neighbour's refusal may have it done again.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Done] = loop.create_future()
        # It is carried out in the turn of whoever came first, but for its own caller.
        within = copy_context()
        self._waiting.append((lambda connection: within.run(_for_its_caller, deed, connection), done))
        if len(self._waiting) == 1:
            loop.call_soon(self._commit)
        return await done

    def _commit(self) -> None:
        group, self._waiting = self._waiting[:GROUP_MAX], self._waiting[GROUP_MAX:]
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._commit)
        try:
            try:
                outcomes = self._carry_out(group, apart=len(group) > 1 and not self._tells_of_changes)
            except _MustBeApart:
                outcomes = self._carry_out(group, apart=True)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            # Whatever it was: somebody waits for each of them.
            outcomes = [_Failed(error)] * len(group)
        for (_, done), outcome in zip(group, outcomes, strict=True):
            if done.done():
                # Whoever asked has hung up; what it posted is stored all the same.
                continue
            if isinstance(outcome, _Failed):
                done.set_exception(outcome.error)
            else:
                done.set_result(outcome)

    def _carry_out(self, group: list[_Waiting], *, apart: bool) -> list[Any]:
        """In one transaction, ``apart`` where what one of them wrote can be undone alone. Raises ``_MustBeApart``."""
        # The commit is nobody's: each deed says itself whose it is.
        with asked_by(None), self._store.write() as opened:
            connection = straight(opened)
            with counted_together(connection) as count:
                if len(group) == 1:
                    return [group[0][0](connection)]
                carried_out = _apart if apart else _while_nothing_is_undone
                return [carried_out(connection, deed, count) for deed, _ in group]


class _MustBeApart(Exception):
    """A deed was refused after it had written: the transaction is undone, and done again by whoever can be undone alone."""


class _Failed:
    """A deed that raised."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


def _for_its_caller(deed: Callable[[Connection], Done], connection: Connection) -> Done:
    with written_for_caller(connection):
        return deed(connection)


def _while_nothing_is_undone(
    connection: Connection, deed: Callable[[Connection], Any], count: ChangeCount
) -> Any:
    """Most deeds are accepted, or refused before they write: a savepoint for each would be for nothing."""
    driver = cast(Any, connection.connection.dbapi_connection)
    counted, changed = count.value, driver.total_changes
    try:
        return deed(connection)
    except Exception as error:
        # A store that failed may have undone the transaction itself.
        if driver.total_changes != changed or not driver.in_transaction:
            raise _MustBeApart from error
        count.value = counted
        return _Failed(error)


def _apart(connection: Connection, deed: Callable[[Connection], Any], count: ChangeCount) -> Any:
    counted = count.value
    connection.exec_driver_sql("SAVEPOINT deed")
    try:
        result = deed(connection)
    except Exception as error:
        connection.exec_driver_sql("ROLLBACK TO SAVEPOINT deed")
        count.value = counted
        result = _Failed(error)
    connection.exec_driver_sql("RELEASE SAVEPOINT deed")
    return result
