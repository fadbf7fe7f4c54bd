"""A backup of central's store is whole or refused, and either kind of store is made from it again."""

from __future__ import annotations

import gzip
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from pos.domain.errors import Refused
from pos.machine import MachineRandomness
from sync.central.app import make_app
from sync.central.operating.backup import back_up, read_backup, tables_in_order
from sync.central.operating.restore import BEYOND, PULLED, restore
from sync.central.operating.verify import verify_central
from sync.central.schema.migrate import HEAD, READ_VERSION
from sync.central.schema.opening import open_central
from sync.central.store.database import CentralStore, current_change
from sync.wire_json import loads
from tests.builders.central_stores import StoreKind, store_url
from tests.builders.homes import ForkingPos
from tests.central.central_builders import (
    BASE_URL,
    BILL,
    SteppingClock,
    asked,
    hold,
    item,
    payment,
    post,
    read,
    voucher_payment,
)

pytestmark = pytest.mark.both_stores
CHANGE_NUMBERS = {f"{name}.change_number" for name in PULLED}


@pytest.fixture(params=list(StoreKind))
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Of a store that is not there yet, of either kind."""
    folder = tmp_path / "new"
    folder.mkdir()
    with store_url(StoreKind(request.param), folder) as url:
        yield url


@asynccontextmanager
async def spoken_to(store: CentralStore) -> AsyncIterator[httpx.AsyncClient]:
    app = make_app(store, clock=SteppingClock(), randomness=MachineRandomness(), base_url=BASE_URL)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=BASE_URL) as client:
        yield client


def leg(number: int) -> dict[str, Any]:
    return payment(
        "1.000",
        correlatorId=f"c-{number}",
        terminal="T2",
        epoch=1,
        sequence=number,
        leg=1,
        paymentItem=[item("CB-1", "1.000")],
    )


async def sold_on(client: httpx.AsyncClient) -> None:
    for number in (1, 2):
        assert (await post(client, leg(number))).status_code == 201
    assert (await hold(client, asked())).status_code == 201
    assert (await post(client, voucher_payment())).status_code == 201


def contents(store: CentralStore) -> dict[str, list[dict[str, Any]]]:
    """Every row by table, without how far the tills' copies are to come, and that it was restored."""
    with store.read() as connection:
        return {
            name: sorted(
                (
                    {key: value for key, value in row.items() if f"{name}.{key}" not in CHANGE_NUMBERS}
                    for row in connection.execute(text(f"SELECT * FROM {name}")).mappings()
                    if row.get("event") != "restored"
                ),
                key=repr,
            )
            for name in tables_in_order(connection)
            if name != "change_counter"
        }


async def test_a_store_made_from_a_backup_is_as_the_store_was(
    store: CentralStore, new_url: str, tmp_path: Path
) -> None:
    async with spoken_to(store) as client:
        await sold_on(client)
    file = tmp_path / "central.backup"

    written = back_up(store, file, clock=SteppingClock())
    assert restore(file, new_url, clock=SteppingClock()) == written == read_backup(file)

    restored = open_central(new_url)
    assert contents(restored) == contents(store)
    assert verify_central(restored) == []
    with restored.read() as connection:
        assert connection.execute(READ_VERSION).scalars().all() == [HEAD]
    restored.close()


async def test_what_was_lost_is_taken_again_and_what_is_there_is_answered_as_before(
    store: CentralStore, new_url: str, tmp_path: Path
) -> None:
    """A till sends what it holds for unacknowledged, or all of it where central was put back."""
    file = tmp_path / "central.backup"
    async with spoken_to(store) as client:
        first = await post(client, leg(1))
        back_up(store, file, clock=SteppingClock())
        await post(client, leg(2))
    restore(file, new_url, clock=SteppingClock())

    restored = open_central(new_url)
    async with spoken_to(restored) as client:
        answers = [await post(client, leg(number)) for number in (1, 2, 2)]
        assert [answer.status_code for answer in answers] == [201, 201, 201]
        assert [answer.headers.get("x-idempotent-replay") for answer in answers] == ["true", None, "true"]
        assert loads(answers[0].content)["id"] == loads(first.content)["id"]
        [bill] = await read(client, BILL, id="CB-1")
        assert str(bill["remainingAmount"]["value"]) == "39.750"
    assert verify_central(restored) == []
    restored.close()


async def test_a_till_that_heard_of_what_was_lost_fetches_all_anew(
    store: CentralStore, new_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "central.backup"
    back_up(store, file, clock=SteppingClock())
    async with spoken_to(store) as client:
        await post(client, leg(1))
        heard = (await client.get(BILL)).headers["x-change-number"]
    restore(file, new_url, clock=SteppingClock())

    restored = open_central(new_url)
    async with spoken_to(restored) as client:
        changed = await read(client, BILL, **{"changeNumber.gt": heard})
        assert [(bill["id"], str(bill["remainingAmount"]["value"])) for bill in changed] == [
            ("CB-1", "41.750"),
            ("CB-2", "10.000"),
        ]
    with store.read() as before, restored.read() as after:
        assert current_change(after) == current_change(before) - 1 + BEYOND
    restored.close()


def test_a_listener_is_told_again_of_nothing(store: CentralStore, new_url: str, tmp_path: Path) -> None:
    with store.write() as connection:
        connection.execute(
            text(
                "INSERT INTO hub (id, api, callback, query, client_id, made_at)"
                " VALUES ('H-1', 'bill', 'http://127.0.0.1:1/', '', '', '2026-11-21T10:00:00+00:00')"
            )
        )
    back_up(store, tmp_path / "central.backup", clock=SteppingClock())
    restore(tmp_path / "central.backup", new_url, clock=SteppingClock())

    restored = open_central(new_url)
    assert contents(restored) == contents(store)
    restored.close()


async def test_a_backup_is_of_one_moment_though_central_serves(
    store: CentralStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = tables_in_order

    def sold_meanwhile(connection: Any) -> Any:
        with store.write() as writing:
            writing.execute(text("INSERT INTO fixture_row (kind, position, body) VALUES ('late', 1, '')"))
        return written(connection)

    with monkeypatch.context() as patched:
        patched.setattr("sync.central.operating.backup.tables_in_order", sold_meanwhile)
        found = back_up(store, tmp_path / "central.backup", clock=SteppingClock())

    with store.read() as connection:
        assert found.rows["fixture_row"] == len(contents(store)["fixture_row"]) - 1
        assert found.change == current_change(connection)


@pytest.mark.kept_in("sqlite")
def test_nobody_but_its_owner_reads_a_backup_and_it_replaces_none(
    store: CentralStore, tmp_path: Path
) -> None:
    file = tmp_path / "central.backup"
    back_up(store, file, clock=SteppingClock())
    kept = file.read_bytes()

    with pytest.raises(Refused) as refusal:
        back_up(store, file, clock=SteppingClock())

    assert refusal.value.code == "backup_exists"
    assert (file.read_bytes(), stat.S_IMODE(file.stat().st_mode)) == (kept, 0o600)
    assert {path.name for path in tmp_path.iterdir() if "backup" in path.name} == {"central.backup"}


def test_a_store_with_anything_in_it_is_not_restored_into(
    store: CentralStore, tmp_path: Path, empty_store: CentralStore
) -> None:
    file = tmp_path / "central.backup"
    back_up(store, file, clock=SteppingClock())
    before = contents(empty_store)

    with pytest.raises(Refused) as refusal:
        restore(file, empty_store.engine.url.render_as_string(hide_password=False), clock=SteppingClock())

    assert refusal.value.code == "store_not_empty"
    assert contents(empty_store) == before


def spoiled(raw: bytes, how: str) -> bytes:
    lines = gzip.decompress(raw).splitlines(keepends=True)
    match how:
        case "cut":
            return raw[: len(raw) // 2]
        case "without its end":
            return gzip.compress(b"".join(lines[:-1]))
        case "an amount changed":
            return gzip.compress(b"".join(lines).replace(b"41750", b"41751", 1))
        case "a row missing":
            return gzip.compress(b"".join(line for line in lines if not line.startswith(b'["CB-2"')))
        case "something behind it":
            return gzip.compress(b"".join([*lines, b"[]\n"]))
        case "of a later form":
            return gzip.compress(b"".join(lines).replace(b'"format":1', b'"format":2', 1))
    return how.encode()


@pytest.mark.kept_in("sqlite")
@pytest.mark.parametrize(
    "how",
    [
        "cut",
        "without its end",
        "an amount changed",
        "a row missing",
        "something behind it",
        "of a later form",
        "",
        "?",
    ],
)
def test_a_spoiled_backup_is_refused_and_the_new_store_stays_empty(
    store: CentralStore, new_url: str, tmp_path: Path, how: str
) -> None:
    good, bad = tmp_path / "central.backup", tmp_path / "spoiled"
    back_up(store, good, clock=SteppingClock())
    bad.write_bytes(spoiled(good.read_bytes(), how))

    with pytest.raises(Refused) as refusal:
        restore(bad, new_url, clock=SteppingClock())

    assert refusal.value.code == "backup_damaged"
    restore(good, new_url, clock=SteppingClock())


def test_a_restore_that_fails_leaves_the_new_store_empty(
    store: CentralStore, new_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "central.backup"
    back_up(store, file, clock=SteppingClock())

    def power_cut(*_: object) -> None:
        raise RuntimeError("power cut")

    with monkeypatch.context() as patched:
        patched.setattr("sync.central.operating.restore._go_beyond", power_cut)
        with pytest.raises(RuntimeError):
            restore(file, new_url, clock=SteppingClock())
    restore(file, new_url, clock=SteppingClock())


def test_a_newer_programs_backup_is_refused(store: CentralStore, new_url: str, tmp_path: Path) -> None:
    with store.write() as connection:
        connection.execute(text("UPDATE central_version SET version_num = '9999'"))
    back_up(store, tmp_path / "central.backup", clock=SteppingClock())

    with pytest.raises(Refused) as refusal:
        restore(tmp_path / "central.backup", new_url, clock=SteppingClock())
    assert refusal.value.code == "backup_is_newer"


def test_the_commands_bring_central_from_a_file_into_another_kind_of_store(
    pos: ForkingPos, store: CentralStore, new_url: str, tmp_path: Path
) -> None:
    db = store.engine.url.render_as_string(hide_password=False)
    file = str(tmp_path / "central.backup")
    made = pos.run("--json", "central", "backup", "--db", db, "--to", file)
    assert (made.status, made.lines[-1]["ok"]) == (0, True), made.err

    restored = pos.run("--json", "central", "restore", "--db", new_url, "--from", file)
    again = pos.run("--json", "central", "restore", "--db", new_url, "--from", file)

    assert (restored.status, restored.lines[-1]["findings"]) == (0, 0), restored.err
    assert restored.lines[-1]["rows"] == made.lines[-1]["rows"]
    assert (again.status, "store_not_empty" in again.out + again.err) == (3, True)
