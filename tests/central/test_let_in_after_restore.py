"""Who is let in by a central that was made from a backup: nobody who was put out since, without an explicit word."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text

from pos.domain.errors import Refused
from sync.central.access.audit import events
from sync.central.access.clients import NewClient, renew_client, revoke_client
from sync.central.hub.subscriptions import list_listeners, unsubscribe
from sync.central.operating.backup import back_up
from sync.central.operating.let_in import LetIn
from sync.central.operating.restore import restore
from sync.central.operating.verify import verify_central
from sync.central.schema.opening import open_central
from sync.central.store.database import CentralStore
from sync.central.tills.people import set_active
from sync.central.tills.terminals import Ending, end_terminal, list_terminals, make_terminal_code
from sync.central.wire.links import ENROLMENT_PATH, PAYMENT_PATH, TOKEN_PATH
from sync.wire_json import dumps, loads
from tests.builders.central_stores import StoreKind, store_url
from tests.builders.homes import ForkingPos
from tests.central.auth_builders import (
    OtherRandomness,
    ask_token,
    assertion,
    bearer,
    client_of,
    guarded,
    public_of,
)
from tests.central.central_builders import SteppingClock, payment, post
from tests.central.hub_builders import Listener, central_over, listen, quiet
from tests.central.test_terminal_keys import JSON, KEY, OTHER_KEY, enrolled, signed_in

OF_CLIENT = text("UPDATE hub SET client_id = :client WHERE id = :id")
FIND_77 = text("SELECT active, roles_taken FROM person WHERE id = '77'")


@pytest.fixture
def new_url(store_kind: StoreKind, tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "new"
    folder.mkdir()
    with store_url(store_kind, folder) as url:
        yield url


class Before:
    """A central with a client that stays and one that is put out after the backup, and two tills alike."""

    def __init__(self, store: CentralStore, tmp_path: Path) -> None:
        self.store = store
        self.clock = SteppingClock()
        self.file = tmp_path / "central.backup"
        self.token: dict[str, str] = {}
        self.stays, self.goes = (client_of(store, name, self.clock) for name in ("stays", "goes"))

    async def backed_up(self) -> None:
        async with guarded(self.store, self.clock) as server:
            await enrolled(server, self.store, self.clock)
            await enrolled(server, self.store, self.clock, OTHER_KEY, "T2")
            self.token = await bearer(server, self.goes)
        self.code = make_terminal_code(
            self.store, "T3", clock=self.clock, randomness=OtherRandomness(9_000_000)
        )
        back_up(self.store, self.file, clock=self.clock)
        with self.store.write() as connection:
            revoke_client(connection, "goes", at=self.clock.now())
            end_terminal(connection, "T2", Ending.LOST, at=self.clock.now())
        client_of(self.store, "came", self.clock)

    def restored(self, url: str, who: LetIn = LetIn.NOBODY, replaced: str | None = None) -> CentralStore:
        restore(self.file, url, clock=self.clock, who=who, replaced=replaced)
        return open_central(url)

    @property
    def url(self) -> str:
        return self.store.engine.url.render_as_string(hide_password=False)


async def brings_token(server: httpx.AsyncClient, client: NewClient) -> bool:
    return (await ask_token(server, client)).status_code == 200


async def till_gets_token(
    server: httpx.AsyncClient, clock: SteppingClock, client_id: str, key: Ed25519PrivateKey
) -> bool:
    form = assertion(key, client_id, int(clock.now().timestamp()), jti="after")
    return (await server.post(TOKEN_PATH, data=form)).status_code == 200


async def test_a_restored_central_lets_nobody_in_until_each_is_given_a_new_secret_or_code(
    store: CentralStore, tmp_path: Path, new_url: str
) -> None:
    before = Before(store, tmp_path)
    await before.backed_up()
    restored = before.restored(new_url)
    clock = before.clock
    async with guarded(restored, clock) as server:
        assert (await server.get(PAYMENT_PATH, headers=before.token)).status_code == 401
        assert [await brings_token(server, one) for one in (before.stays, before.goes)] == [False, False]
        for client_id, key in (("T1:1", KEY), ("T2:1", OTHER_KEY)):
            assert not await till_gets_token(server, clock, client_id, key)
        late = {"terminal": "T3", "code": before.code, "publicKey": public_of(KEY)}
        refused = await server.post(ENROLMENT_PATH, content=dumps(late), headers=JSON)
        assert refused.status_code == 403

        with restored.write() as connection:
            renewed = renew_client(connection, "stays", at=clock.now(), randomness=OtherRandomness(8_000_000))
        assert renewed.client_id == before.stays.client_id
        assert await brings_token(server, renewed)
        assert not await brings_token(server, before.stays)
        again = await enrolled(server, restored, clock)
        assert loads(again.content)["epoch"] == 2
        token = await signed_in(server, clock, "T1:2")
        paid = await server.post(
            PAYMENT_PATH, content=dumps(payment(terminal="T1", epoch=1)), headers={**JSON, **token}
        )
        assert paid.status_code == 201, "what it booked before is taken"
    with restored.read() as connection:
        told = [(one.subject, one.detail) for one in events(connection) if one.event == "restored"]
    assert told == [("central", "let in: nobody")]
    assert verify_central(restored) == []
    restored.close()


async def test_a_restored_central_tells_a_listener_nothing_until_its_client_has_a_new_secret(
    store: CentralStore, tmp_path: Path, new_url: str
) -> None:
    """Whoever was put out since the backup listens no more than it comes in."""
    before = Before(store, tmp_path)
    async with central_over(store) as first:
        for client, name in ((before.stays, "stays"), (before.goes, "goes")):
            hub = await listen(first.client, f"http://localhost/{name}")
            with store.write() as connection:
                connection.execute(OF_CLIENT, {"client": client.client_id, "id": hub})
    await before.backed_up()
    restored = before.restored(new_url)
    async with central_over(restored) as central:
        listener = Listener(central.clock)
        await post(central.client, payment())
        async with central.telling(localhost=listener):
            await quiet()
            assert listener.heard == []
            with restored.write() as connection:
                renew_client(
                    connection, "stays", at=before.clock.now(), randomness=OtherRandomness(8_000_000)
                )
            await central.pass_time(lambda: len(central.left()) == 1)
            await quiet()
        assert [heard.path.split("/")[1] for heard in listener.heard] == ["stays"]
    restored.close()


async def test_who_listened_to_the_store_that_it_replaces_listens_and_who_ended_it_does_not(
    store: CentralStore, tmp_path: Path, new_url: str
) -> None:
    before = Before(store, tmp_path)
    async with central_over(store) as first:
        stays, ends, stops = [
            await listen(first.client, f"http://localhost/{name}") for name in ("a", "b", "c")
        ]
        await post(first.client, payment())
        await before.backed_up()
        with store.write() as connection:
            assert unsubscribe(connection, ends, at=before.clock.now())
            connection.execute(text("UPDATE hub SET state = 'stopped' WHERE id = :id"), {"id": stops})
        came = await listen(first.client, "http://localhost/d")
    restored = before.restored(new_url, LetIn.AS_REPLACED, before.url)
    with restored.read() as connection:
        listeners = {one.hub_id: (one.state, one.waiting) for one in list_listeners(connection)}
    assert listeners == {stays: ("active", 1), stops: ("stopped", 1), came: ("active", 0)}
    assert verify_central(restored) == []
    restored.close()


async def test_it_lets_in_whom_the_store_that_it_replaces_did(
    store: CentralStore, tmp_path: Path, new_url: str
) -> None:
    before = Before(store, tmp_path)
    await before.backed_up()
    restored = before.restored(new_url, LetIn.AS_REPLACED, before.url)
    clock = before.clock
    async with guarded(restored, clock) as server:
        assert [await brings_token(server, one) for one in (before.stays, before.goes)] == [True, False]
        assert await till_gets_token(server, clock, "T1:1", KEY)
        assert not await till_gets_token(server, clock, "T2:1", OTHER_KEY)
    with restored.read() as connection, store.read() as replaced:
        assert [(one.terminal, one.ended) for one in list_terminals(connection)] == [
            ("T1", None),
            ("T2", "lost"),
        ]
        known = [(one.number, one.event) for one in events(replaced)]
        assert [(one.number, one.event) for one in events(connection)][: len(known)] == known
    restored.close()


async def test_by_an_explicit_word_it_lets_in_whom_the_backup_does(
    store: CentralStore, tmp_path: Path, new_url: str
) -> None:
    before = Before(store, tmp_path)
    await before.backed_up()
    restored = before.restored(new_url, LetIn.AS_IN_BACKUP)
    async with guarded(restored, before.clock) as server:
        assert (await server.get(PAYMENT_PATH, headers=before.token)).status_code == 401
        assert [await brings_token(server, one) for one in (before.stays, before.goes)] == [True, True]
    restored.close()


def test_who_was_disabled_and_what_was_withdrawn_since_stays_so(
    store: CentralStore, tmp_path: Path, new_url: str
) -> None:
    before = Before(store, tmp_path)
    with store.write() as connection:
        connection.execute(
            text(
                "INSERT INTO person (id, active, roles_taken, changed_at, changed_by, changed_where, change_number)"
                " VALUES ('77', 1, '', '2026', '', '', 1)"
            )
        )
        connection.execute(
            text("INSERT INTO voucher_key (id, public_key, made_at) VALUES ('K-1', 'x', '2026')")
        )
    back_up(store, before.file, clock=before.clock)
    with store.write() as connection:
        set_active(connection, "77", active=False, at=before.clock.now())
        connection.execute(text("UPDATE person SET roles_taken = 'supervisor' WHERE id = '77'"))
        connection.execute(text("UPDATE voucher_key SET withdrawn_at = '2027'"))
    restored = before.restored(new_url, LetIn.AS_REPLACED, before.url)
    with restored.read() as connection:
        assert [tuple(row) for row in connection.execute(FIND_77)] == [(0, "supervisor")]
        assert connection.execute(text("SELECT withdrawn_at FROM voucher_key")).scalars().all() == ["2027"]
    restored.close()


async def test_a_store_that_the_backup_is_not_of_says_nothing(
    store: CentralStore, tmp_path: Path, new_url: str
) -> None:
    before = Before(store, tmp_path)
    await before.backed_up()
    other = f"sqlite:///{tmp_path / 'other.db'}"
    open_central(other).close()
    for replaced, code in (
        (other, "replaced_differs"),
        (f"sqlite:///{tmp_path / 'none.db'}", "replaced_unreadable"),
        ("nothing", "replaced_unreadable"),
    ):
        with pytest.raises(Refused) as refused:
            before.restored(new_url, LetIn.AS_REPLACED, replaced)
        assert refused.value.code == code
    assert not (tmp_path / "none.db").exists()
    before.restored(new_url).close()


def test_the_commands_restore_and_renew(
    pos: ForkingPos, store: CentralStore, tmp_path: Path, new_url: str
) -> None:
    before = Before(store, tmp_path)
    back_up(store, before.file, clock=before.clock)
    central = ("--json", "central")
    both = pos.run(
        *central, "restore", "--db", new_url, "--from", str(before.file), "--keep-clients", "--replaces", "x"
    )
    assert both.status == 2
    made = pos.run(*central, "restore", "--db", new_url, "--from", str(before.file))
    assert (made.status, made.lines[-1]["let_in"]) == (0, "nobody"), made.err
    listed = pos.run(*central, "clients", "--db", new_url)
    assert [(line["name"], line["to_renew"]) for line in listed.lines] == [("goes", True), ("stays", True)]
    renewed = pos.run(*central, "client", "stays", "--renew", "--db", new_url)
    assert renewed.lines[-1]["client_id"] == before.stays.client_id
    assert renewed.lines[-1]["client_secret"] != before.stays.secret
