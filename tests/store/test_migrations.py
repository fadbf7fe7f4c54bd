"""Bringing the books to this program's schema: whole or not at all, never backwards (invariant 50)."""

import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from pos.bootstrap.homes import open_till
from pos.domain.errors import Refused
from pos.store import migrate
from pos.store.database import Database
from pos.store.migrations import run_sql
from tests.builders.tills import machine, open_home

ROOT = Path(__file__).resolve().parents[2]


def schema(database: Database) -> list[tuple[str, str, str]]:
    with database.read() as connection:
        return [
            (str(row[0]), str(row[1]), str(row[2]))
            for row in connection.exec_driver_sql(
                "SELECT type, name, sql FROM sqlite_schema ORDER BY type, name"
            )
        ]


def test_the_head_that_is_written_down_is_the_scripts_head() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))

    assert ScriptDirectory.from_config(config).get_current_head() == migrate.HEAD


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    database = Database(tmp_path / "till.db")
    with database.read() as connection:
        assert migrate.schema_version(connection) is None

    with database.write() as connection:
        migrate.upgrade(connection)

    with database.read() as connection:
        assert migrate.schema_version(connection) == migrate.HEAD
    database.close()


def test_an_upgrade_of_what_is_new_already_changes_nothing(tmp_path: Path) -> None:
    database = Database(tmp_path / "till.db")
    with database.write() as connection:
        migrate.upgrade(connection)
    before = schema(database)

    with database.write() as connection:
        migrate.upgrade(connection)

    assert schema(database) == before
    database.close()


def statements_of_an_upgrade() -> int:
    """How many statements the upgrade of an empty store runs."""
    run: list[str] = []
    database = Database(None)
    with database.write() as connection:
        raw = connection.connection.dbapi_connection
        assert isinstance(raw, sqlite3.Connection)
        raw.set_trace_callback(run.append)
        migrate.upgrade(connection)
        raw.set_trace_callback(None)
    return len([statement for statement in run if statement.startswith(("CREATE", "INSERT"))])


class Killed(BaseException):
    """Stands for the end of the process at this very statement."""


@pytest.mark.sweep(4)
@pytest.mark.parametrize("part", range(0, 100, 9))
def test_migration_atomic(tmp_path: Path, part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The upgrade ends at some statement: the file stays as empty as it was, and the next start does it all."""
    last, run = statements_of_an_upgrade() * part // 100, 0
    every = run_sql.statements

    def cut_short(text: str):  # type: ignore[no-untyped-def]
        nonlocal run
        for statement in every(text):
            if run >= last:
                raise Killed
            run += 1
            yield statement

    database = Database(tmp_path / "till.db")
    monkeypatch.setattr(run_sql, "statements", cut_short)
    with pytest.raises(Killed):
        _upgrade(database)
    monkeypatch.undo()

    assert schema(database) == []
    database.close()
    again = Database(tmp_path / "till.db")
    _upgrade(again)
    with again.read() as connection:
        assert migrate.schema_version(connection) == migrate.HEAD
    again.close()


def _upgrade(database: Database) -> None:
    with database.write() as connection:
        migrate.upgrade(connection)


KILLED_AT = """
    import os, sys
    from pathlib import Path
    from pos.store import migrate
    from pos.store.database import Database

    seen = 0

    def count(_statement):
        global seen
        seen += 1
        if seen > int(sys.argv[2]):
            os._exit(9)

    with Database(Path(sys.argv[1])).write() as connection:
        connection.connection.dbapi_connection.set_trace_callback(count)
        migrate.upgrade(connection)
"""


@pytest.mark.parametrize("statement", [30, 90])
def test_a_migration_that_is_killed_leaves_nothing(tmp_path: Path, statement: int) -> None:
    """The same by a real end of the process, with the journal as it left it."""
    path = tmp_path / "till.db"

    killed = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED_AT), str(path), str(statement)], cwd=ROOT, timeout=60
    )

    assert killed.returncode == 9
    database = Database(path)
    assert schema(database) == []
    database.close()


@pytest.mark.parametrize("version", [f"{int(migrate.HEAD) + 1:04d}", "9999"])
def test_a_store_of_a_newer_program_is_refused(tmp_path: Path, version: str) -> None:
    home = tmp_path / "home"
    open_home(home).close()
    raw = sqlite3.connect(home / "till.db")
    raw.execute("UPDATE alembic_version SET version_num = ?", (version,))
    raw.commit()
    raw.close()

    for read_only in (False, True):
        with pytest.raises(Refused) as refusal:
            open_till(home, machine=machine(), read_only=read_only)
        assert refusal.value.code == "store_is_newer"
        assert refusal.value.details["found"] == version

    copy = sqlite3.connect(home / "till.db")
    assert copy.execute("SELECT version_num FROM alembic_version").fetchone() == (version,)
    copy.close()


def test_this_programs_store_is_not_refused() -> None:
    for version in (None, migrate.HEAD):
        migrate.refuse_newer(version)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT 1;\nSELECT 2;\n", ["SELECT 1;", "SELECT 2;"]),
        (
            "CREATE TRIGGER a BEFORE INSERT ON b\nBEGIN SELECT 1; SELECT 2;\nEND;\nSELECT 3;",
            ["CREATE TRIGGER a BEFORE INSERT ON b\nBEGIN SELECT 1; SELECT 2;\nEND;", "SELECT 3;"],
        ),
        ("SELECT ';';\n", ["SELECT ';';"]),
        ("-- a; b\nSELECT 1;\n", ["-- a; b\nSELECT 1;"]),
        ("", []),
    ],
)
def test_a_text_is_cut_into_whole_statements(text: str, expected: list[str]) -> None:
    assert list(run_sql.statements(text)) == expected


def test_a_text_that_ends_in_the_middle_is_a_fault() -> None:
    with pytest.raises(AssertionError):
        list(run_sql.statements("SELECT 1;\nSELECT 2"))
