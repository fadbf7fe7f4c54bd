"""The watch over the living tables lives as long as its connection, and no longer."""

from __future__ import annotations

import gc
import sqlite3
import weakref

from pos.store.row_watch import RowWatch


class Seen(sqlite3.Connection):
    """A connection that can be referred to weakly."""


def test_a_watched_connection_is_freed_with_its_watch() -> None:
    raw = sqlite3.connect(":memory:", factory=Seen)
    raw.execute("CREATE TABLE living (name TEXT PRIMARY KEY, value INTEGER) STRICT")
    watch = RowWatch(raw)
    raw.execute("INSERT INTO living VALUES ('a', 1)")
    freed = weakref.ref(raw)

    del raw, watch
    gc.collect()

    assert freed() is None


def test_what_is_touched_is_noted_in_the_order_of_its_first_touch() -> None:
    raw = sqlite3.connect(":memory:")
    raw.execute("CREATE TABLE living (name TEXT PRIMARY KEY, value INTEGER) STRICT")
    watch = RowWatch(raw)

    raw.execute("INSERT INTO living VALUES ('a', 1), ('b', 2)")
    raw.execute("UPDATE living SET name = 'c' WHERE name = 'a'")
    raw.execute("DELETE FROM living WHERE name = 'b'")

    assert list(watch.touched) == [("living", ("a",)), ("living", ("b",)), ("living", ("c",))]
