"""Writes of one turn of the loop share a commit, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import OperationalError

from sync.central.store.database import CentralStore, current_change, next_change
from sync.central.store.group_commit import GROUP_MAX, GroupCommit

pytestmark = pytest.mark.both_stores


@pytest.fixture
def store(empty_store: CentralStore) -> CentralStore:
    with empty_store.write() as connection:
        connection.execute(text("CREATE TABLE noted (word TEXT PRIMARY KEY)"))
    return empty_store


def note(word: str, *, then: BaseException | None = None) -> Callable[[Connection], str]:
    """A deed that writes a word, and may fail after it."""

    def deed(connection: Connection) -> str:
        connection.execute(text("INSERT INTO noted (word) VALUES (:word)"), {"word": word})
        if then is not None:
            raise then
        return word

    return deed


def commits_of(store: CentralStore) -> list[object]:
    """Fills as transactions commit."""
    seen: list[object] = []
    event.listen(store.engine, "commit", seen.append)
    return seen


def words(store: CentralStore) -> set[str]:
    with store.read() as connection:
        return set(connection.execute(text("SELECT word FROM noted")).scalars())


async def all_at_once(group: GroupCommit, *deeds: Callable[[Connection], Any]) -> list[Any]:
    return await asyncio.gather(*(group.write(deed) for deed in deeds), return_exceptions=True)


async def test_writes_of_one_turn_share_one_commit(store: CentralStore) -> None:
    commits = commits_of(store)
    answers = await all_at_once(GroupCommit(store), note("a"), note("b"), note("c"))
    assert (answers, len(commits)) == (["a", "b", "c"], 1)
    assert words(store) == {"a", "b", "c"}


async def test_a_refused_write_leaves_nothing_and_its_neighbours_stay(store: CentralStore) -> None:
    refused = ValueError("refused")
    answers = await all_at_once(GroupCommit(store), note("a"), note("b", then=refused), note("c"))
    assert answers == ["a", refused, "c"]
    assert words(store) == {"a", "c"}


@pytest.mark.parametrize("writes", [True, False])
async def test_all_but_the_refused_writes_are_kept_once_whether_those_had_written(
    store: CentralStore, writes: bool
) -> None:
    refused = ValueError("refused")

    def refuse(connection: Connection) -> None:
        if writes:
            note("refused")(connection)
        raise refused

    commits = commits_of(store)
    answers = await all_at_once(GroupCommit(store), note("a"), refuse, note("b"), refuse, note("c"), change)
    assert (answers[:5], len(commits)) == (["a", refused, "b", refused, "c"], 1)
    assert words(store) == {"a", "b", "c"}
    with store.read() as connection:
        assert current_change(connection) == answers[5]


async def test_a_write_refused_before_it_wrote_has_none_done_again(store: CentralStore) -> None:
    done: list[str] = []

    def counted(connection: Connection) -> None:
        done.append(note(str(len(done)))(connection))

    def refuse(_connection: Connection) -> None:
        raise ValueError

    await all_at_once(GroupCommit(store), counted, refuse, counted)
    assert done == ["0", "1"]


async def test_a_refused_write_alone_leaves_nothing(store: CentralStore) -> None:
    refused = ValueError("refused")
    assert await all_at_once(GroupCommit(store), note("a", then=refused)) == [refused]
    assert words(store) == set()


async def test_a_later_write_of_the_same_turn_sees_an_earlier_one(store: CentralStore) -> None:
    """Twins that arrive together meet."""

    def look(connection: Connection) -> list[str]:
        return list(connection.execute(text("SELECT word FROM noted")).scalars())

    assert await all_at_once(GroupCommit(store), note("a"), look) == ["a", ["a"]]


async def test_a_failed_commit_is_told_to_all_of_its_writes(store: CentralStore) -> None:
    def break_off(connection: Connection) -> None:
        raise OperationalError("COMMIT", None, Exception("disk full"))

    event.listen(store.engine, "commit", break_off)
    answers = await all_at_once(GroupCommit(store), note("a"), note("b"))
    assert [type(answer) for answer in answers] == [OperationalError, OperationalError]
    event.remove(store.engine, "commit", break_off)
    assert words(store) == set()


def change(connection: Connection) -> int:
    return next_change(connection)


def refused_change(connection: Connection) -> int:
    raise ValueError(next_change(connection))


async def test_each_write_has_a_change_number_of_its_own_and_a_refused_one_uses_none_up(
    store: CentralStore,
) -> None:
    with store.read() as connection:
        before = current_change(connection)
    answers = await all_at_once(GroupCommit(store), change, refused_change, change, current_change)
    assert [answers[0], *answers[2:]] == [before + 1, before + 2, before + 2]
    with store.write() as connection:
        assert (current_change(connection), next_change(connection)) == (before + 2, before + 3)


async def test_a_failed_commit_uses_no_change_number_up(store: CentralStore) -> None:
    with store.read() as connection:
        before = current_change(connection)
    answers = await all_at_once(GroupCommit(store), change, note("b", then=Killed()))
    assert [type(answer) for answer in answers] == [Killed, Killed]
    assert await all_at_once(GroupCommit(store), change) == [before + 1]


class Killed(BaseException):
    """What a simulation kills a process with."""


async def test_whatever_a_commit_breaks_with_nobody_waits_for_ever(store: CentralStore) -> None:
    answers = await all_at_once(GroupCommit(store), note("a"), note("b", then=Killed()))
    assert [type(answer) for answer in answers] == [Killed, Killed]
    assert words(store) == set()


async def test_more_writes_than_a_commit_takes_are_all_carried_out(store: CentralStore) -> None:
    commits = commits_of(store)
    asked = [str(number) for number in range(2 * GROUP_MAX + 1)]
    assert await all_at_once(GroupCommit(store), *map(note, asked)) == asked
    assert len(commits) == 3
    assert words(store) == set(asked)


async def test_a_write_whose_caller_hung_up_is_carried_out_and_holds_nobody_up(store: CentralStore) -> None:
    group = GroupCommit(store)
    hung_up = asyncio.ensure_future(group.write(note("a")))
    stays = asyncio.ensure_future(group.write(note("b")))
    await asyncio.sleep(0)
    hung_up.cancel()
    assert await stays == "b"
    assert words(store) == {"a", "b"}
