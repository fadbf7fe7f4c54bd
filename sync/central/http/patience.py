"""So long and no longer: a limit of time that costs nothing where nobody has to wait.

Most bodies are there when they are asked for; a timer that is set and taken back for each of them is work for nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from types import coroutine
from typing import Any, TypeVar

Done = TypeVar("Done")


async def within(limit_s: float, work: Coroutine[Any, Any, Done]) -> Done:
    """What ``work`` comes to. Raises TimeoutError where it is not done ``limit_s`` seconds after it first had to wait."""
    try:
        awaited = work.send(None)
    except StopIteration as ended:
        done: Done = ended.value
        return done
    async with asyncio.timeout(limit_s):
        return await _taken_up(work, awaited)


@coroutine
def _taken_up(work: Coroutine[Any, Any, Done], awaited: Any) -> Generator[Any, Any, Done]:
    """Go on with ``work``, which has begun and waits for ``awaited``, as ``await`` would."""
    while True:
        try:
            try:
                sent = yield awaited
            except BaseException as thrown:
                awaited = work.throw(thrown)
            else:
                awaited = work.send(sent)
        except StopIteration as ended:
            done: Done = ended.value
            return done
