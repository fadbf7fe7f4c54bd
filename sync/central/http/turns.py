"""Long readings, a little at a time: between two steps the loop is everybody else's, so that no payment waits for a list.

Of one client there is one reading at a time, and of all clients one: what is read holds a transaction open.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from types import coroutine
from typing import TypeVar
from weakref import WeakValueDictionary

from sqlalchemy import Connection

Done = TypeVar("Done")


class Turns:
    """Used by one loop."""

    def __init__(self) -> None:
        self._one_at_a_time = asyncio.Lock()
        self._of_client: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def read(
        self,
        reading: Callable[[], AbstractContextManager[Connection]],
        steps: Callable[[Connection], Generator[int, None, Done]],
        *,
        client: str,
        took: Callable[[int], None],
    ) -> Done:
        """What ``steps`` makes of a ``reading`` transaction; ``took`` is told what each step tells."""
        of_client = self._of_client.setdefault(client, asyncio.Lock())
        async with of_client, self._one_at_a_time:
            with reading() as connection:
                left = steps(connection)
                while True:
                    try:
                        took(next(left))
                    except StopIteration as ended:
                        done: Done = ended.value
                        return done
                    await _others_first()


@coroutine
def _others_first() -> Generator[None]:
    """Give the loop back once; no clock is asked."""
    yield
