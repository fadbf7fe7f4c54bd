"""A store that an older release left is brought forward where it stands, with all that is in it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text

from sync.central.app import make_app
from sync.central.operating.fixture import load_fixture
from sync.central.operating.verify import verify_central
from sync.central.payments.payments import list_payments
from sync.central.schema import migrate
from sync.central.schema.migrate import READ_VERSION
from sync.central.schema.migrations.run_sql import statements
from sync.central.schema.opening import open_central
from sync.central.store.database import CentralStore
from sync.central.store.promises import StoreUnavailable
from sync.wire_json import loads
from tests.central.central_builders import (
    BASE_URL,
    CountedRandomness,
    SteppingClock,
    asked,
    hold,
    post,
    read,
    small_operator,
    voucher_payment,
)

ROOT = Path(__file__).resolve().parents[2]


def written(tmp_path: Path, form: int) -> Path:
    path = tmp_path / "central.db"
    connection = sqlite3.connect(path)
    connection.executescript(Path(__file__).with_name(f"store_form_{form}.sql").read_text())
    connection.close()
    return path


@pytest.fixture
def old_file(tmp_path: Path) -> Path:
    return written(tmp_path, 1)


def test_the_head_that_is_written_down_is_the_scripts_head() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))

    assert ScriptDirectory.from_config(config).get_current_head() == migrate.HEAD


def test_a_step_is_run_statement_by_statement() -> None:
    assert list(statements("CREATE TABLE a (b TEXT);\n-- What; why\nINSERT INTO a\nVALUES (';\n');\n")) == [
        "CREATE TABLE a (b TEXT);",
        "-- What; why\nINSERT INTO a\nVALUES (';\n');",
    ]


def test_a_store_that_is_up_to_date_is_opened_without_loading_its_steps(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'central.db'}"
    open_central(url).close()
    program = (
        "import sys\nfrom sync.central.schema.opening import open_central\nopen_central(sys.argv[1]).close()\n"
        "assert 'alembic' not in sys.modules\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, url], cwd=ROOT, capture_output=True, timeout=60, check=False
    )

    assert (ended.returncode, ended.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("table", "version", "words"),
    [
        ("central_version", "9999", "a newer program made"),
        ("central_schema", "5", "this program does not know"),
        ("central_schema", "0", "this program does not know"),
        ("alembic_version", "0001", "not a central store"),
    ],
)
def test_a_store_of_another_version_is_refused_and_left_as_it_is(
    tmp_path: Path, table: str, version: str, words: str
) -> None:
    path = tmp_path / "central.db"
    open_central(f"sqlite:///{path}").close()
    connection = sqlite3.connect(path)
    connection.execute("DROP TABLE central_version")
    column = "version" if table == "central_schema" else "version_num"
    connection.execute(f"CREATE TABLE {table} ({column})")
    connection.execute(f"INSERT INTO {table} VALUES ({version if column == 'version' else repr(version)})")
    connection.commit()
    before = list(connection.iterdump())
    with pytest.raises(StoreUnavailable, match=words):
        open_central(f"sqlite:///{path}")
    assert list(connection.iterdump()) == before
    connection.close()


def form_of(store: CentralStore) -> dict[str, str]:
    """Every table and index as it was made, without its white space."""
    with store.read() as connection:
        rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")).all()
    return {row.name: " ".join(row.sql.split()) for row in rows}


@pytest.mark.parametrize(
    ("form", "correlators"),
    [(1, ["c-1", "c-2"]), (2, ["E-1-H-1"]), (3, ["E-1-H-1"]), (4, ["E-1-H-1", "c-2"])],
)
def test_an_older_store_becomes_as_a_new_one(tmp_path: Path, form: int, correlators: list[str]) -> None:
    old_file = written(tmp_path, form)
    old, new = open_central(f"sqlite:///{old_file}"), open_central("sqlite://")
    assert form_of(old) == form_of(new)
    with old.read() as connection:
        assert connection.execute(READ_VERSION).scalars().all() == [migrate.HEAD]
    assert verify_central(old) == []
    assert [row.correlator_id for row in list_payments(old)] == correlators
    old.close()
    again = open_central(f"sqlite:///{old_file}")
    assert verify_central(again) == []
    again.close()
    new.close()


async def test_vouchers_of_form_2_stay_held_used_and_refused_under_their_issuer(tmp_path: Path) -> None:
    store = open_central(f"sqlite:///{written(tmp_path, 2)}")
    app = make_app(store, clock=SteppingClock(), randomness=CountedRandomness(), base_url=BASE_URL)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=BASE_URL) as client:
        load_fixture(store, small_operator())
        external = asked("H-2", "EXT-VM7T-XT9W", mode="external_voucher", issuer="City Gifts")
        external |= {"paymentEventId": "E-2"}
        assert (await hold(client, external)).status_code == 200, "the hold of before"
        assert (await hold(client, asked("H-5", terminal="T3"))).status_code == 409, "used before"
        assert (await hold(client, asked("H-3"))).status_code == 409, "let go before it came"
        body = voucher_payment("H-2", event="E-2", mode="external_voucher")
        assert (await post(client, body)).status_code == 201
        assert len(await read(client, "/counterfoil/v1/item")) == 2
        with store.read() as connection:
            issuers = connection.execute(
                text("SELECT DISTINCT issuer FROM voucher ORDER BY issuer")
            ).scalars()
            assert list(issuers) == ["city gifts", "internal"]
            assert connection.execute(text("SELECT count(*) FROM voucher")).scalar_one() == 5
            refusals = connection.execute(text("SELECT count(*) FROM voucher_refusal")).scalar_one()
            assert refusals == 3
    assert verify_central(store) == []
    store.close()


async def test_items_and_vouchers_of_an_older_store_serve(old_file: Path) -> None:
    store = open_central(f"sqlite:///{old_file}")
    app = make_app(store, clock=SteppingClock(), randomness=CountedRandomness(), base_url=BASE_URL)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=BASE_URL) as client:
        answer = await client.get("/counterfoil/v1/item")
        [item] = loads(answer.content)
        assert (item["id"], item["change"]) == ("SIM-01", int(answer.headers["x-change-number"]))
        assert len(await read(client, "/counterfoil/v1/account")) == 3
        assert (await hold(client, asked())).status_code == 201
        load_fixture(store, small_operator())
        assert (await hold(client, asked("H-2", "loy4rfptxwp", terminal="T3"))).status_code == 409
        assert (await post(client, voucher_payment())).status_code == 201
        with store.read() as connection:
            vouchers = connection.execute(text("SELECT count(*) FROM voucher")).scalar_one()
            left = connection.execute(text("SELECT DISTINCT kind FROM fixture_row ORDER BY kind")).scalars()
            assert (vouchers, list(left)) == (5, ["shop", "users"])
    assert verify_central(store) == []
    store.close()


def test_bringing_form_2_forward_is_done_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, 2)

    def fail(*_: object) -> None:
        raise RuntimeError("power cut")

    with monkeypatch.context() as patched:
        patched.setattr("sync.central.schema.migrations.forms.folded_issuer", fail)
        with pytest.raises(RuntimeError):
            open_central(f"sqlite:///{path}")
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT version FROM central_schema").fetchall() == [(2,)]
    assert connection.execute("SELECT count(*) FROM voucher_hold").fetchall() == [(3,)]
    connection.close()
    store = open_central(f"sqlite:///{path}")
    assert verify_central(store) == []
    store.close()


def test_bringing_a_store_forward_is_done_whole_or_not_at_all(
    old_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("power cut")

    with monkeypatch.context() as patched:
        patched.setattr("sync.central.schema.migrations.forms.carry_vouchers", fail)
        with pytest.raises(RuntimeError):
            open_central(f"sqlite:///{old_file}")
    connection = sqlite3.connect(old_file)
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert connection.execute("SELECT version FROM central_schema").fetchall() == [(1,)]
    assert "voucher" not in tables
    connection.close()
    store = open_central(f"sqlite:///{old_file}")
    assert verify_central(store) == []
    store.close()
