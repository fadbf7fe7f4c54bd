"""Outside issuers behind their port: asked, told, and not heard of (3.5, rule 46)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy.exc import IntegrityError

from pos.domain.errors import Refused
from pos.domain.payment_mode import PaymentModes
from pos.domain.voucher import code_digest
from sync.central.app import make_app
from sync.central.operating.verify import verify_central
from sync.central.store.database import CentralStore
from sync.central.vouchers.issuers import FileIssuer, IssuerHolds, IssuerRefuses, issuers_in
from sync.wire_json import dumps, loads
from tests.central.central_builders import (
    BASE_URL,
    CountedRandomness,
    SteppingClock,
    asked,
    hold,
    kwd,
    let_go,
    post,
    voucher_payment,
)

CODE = "BB-0001-XYZ"
DIGEST = code_digest(CODE)


def listing(**more: object) -> dict[str, Any]:
    row = {"code_sha256": DIGEST, "value": "10.000", "currency": "KWD", "expires": "2027-01-31"}
    return {"issuer": "Bonus & Co", "vouchers": [row | more]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "issuers"
    found.mkdir()
    (found / "bonus.json").write_bytes(dumps(listing()))
    return found


@pytest.fixture
async def client(store: CentralStore, folder: Path, modes: PaymentModes) -> AsyncIterator[httpx.AsyncClient]:
    app = make_app(
        store,
        clock=SteppingClock(),
        randomness=CountedRandomness(),
        base_url=BASE_URL,
        modes=modes,
        issuers=issuers_in(folder),
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=BASE_URL) as made:
        yield made


def state(folder: Path) -> object:
    return loads((folder / "bonus.json").read_bytes())["vouchers"][0].get("state")


def outside(hold_id: str = "H-1", code: str = CODE, **more: object) -> dict[str, object]:
    return asked(hold_id, code, mode="external_voucher", issuer="bonus  & CO", **more)


def paying(hold_id: str = "H-1", **more: Any) -> dict[str, Any]:
    return voucher_payment(hold_id, mode="external_voucher", **more)


async def test_the_issuer_keeps_redeems_and_is_told_once(
    client: httpx.AsyncClient, store: CentralStore, folder: Path
) -> None:
    held = await hold(client, outside())
    assert (held.status_code, state(folder)) == (201, "held")
    assert loads(held.content)["approval"]

    assert (await post(client, paying())).status_code == 201
    assert state(folder) == "redeemed"
    assert (await hold(client, outside("H-2", paymentEventId="E-2"))).status_code == 409
    assert verify_central(store) == []


async def test_what_no_payment_came_for_is_let_go_at_the_issuer(
    client: httpx.AsyncClient, folder: Path
) -> None:
    await hold(client, outside())

    await let_go(client, "H-1")

    assert state(folder) == "open"
    assert (await hold(client, outside("H-2", terminal="T3", paymentEventId="E-2"))).status_code == 201


@pytest.mark.parametrize(
    ("listed", "code"),
    [
        ({"value": "2.000"}, "voucher_value_exceeded"),
        ({"expires": "2026-01-31"}, "voucher_expired"),
        ({"currency": "EUR", "value": "10.00"}, "voucher_other_currency"),
    ],
)
async def test_what_central_refuses_is_not_kept_at_the_issuer(
    client: httpx.AsyncClient, folder: Path, listed: dict[str, str], code: str
) -> None:
    """Rule 46: a voucher that was not taken can be taken again, here or elsewhere."""
    (folder / "bonus.json").write_bytes(dumps(listing(**listed)))

    refused = await hold(client, outside(amount=kwd("5.000")))

    assert (refused.status_code, loads(refused.content)["code"]) == (409, code)
    assert state(folder) == "open"


async def test_who_asked_for_too_much_may_ask_for_its_value(client: httpx.AsyncClient, folder: Path) -> None:
    asked_for_too_much = await hold(client, outside(amount=kwd("10.001")))
    assert loads(asked_for_too_much.content)["value"] == kwd("10.000")

    assert (await hold(client, outside("H-2", amount=kwd("10.000")))).status_code == 201
    assert loads((folder / "bonus.json").read_bytes())["vouchers"][0]["hold"] == "H-2"


@pytest.mark.kept_in("sqlite")
async def test_what_central_could_not_write_is_not_kept_at_the_issuer(
    client: httpx.AsyncClient, store: CentralStore, folder: Path
) -> None:
    fails = "CREATE TRIGGER full BEFORE INSERT ON voucher_hold BEGIN SELECT RAISE(ABORT, 'disk full'); END"
    with store.write() as connection:
        connection.exec_driver_sql(fails)

    with pytest.raises(IntegrityError):
        await hold(client, outside())
    assert state(folder) == "open"

    with store.write() as connection:
        connection.exec_driver_sql("DROP TRIGGER full")
    assert (await hold(client, outside())).status_code == 201


async def test_a_refusal_waits_until_the_issuer_has_let_go(client: httpx.AsyncClient, folder: Path) -> None:
    """A silent issuer may keep it; the till asks again, and is refused once nothing is kept."""
    too_much, path = outside(amount=kwd("10.001")), folder / "bonus.json"
    await hold(client, too_much)
    kept = path.read_bytes()
    path.write_bytes(b"{")
    assert (await hold(client, too_much)).status_code == 503

    path.write_bytes(kept)
    assert (await hold(client, too_much)).status_code == 409
    assert state(folder) == "open"


@pytest.mark.parametrize(("listed", "code"), [("5.000", "voucher_value_exceeded"), ("8.000", None)])
async def test_a_voucher_taken_offline_that_is_worth_less_is_not_kept_at_the_issuer(
    client: httpx.AsyncClient, folder: Path, listed: str, code: str | None
) -> None:
    (folder / "bonus.json").write_bytes(dumps(listing(value=listed)))
    taken = {"digest": DIGEST, "issuer": "Bonus & Co", "amount": kwd("8.000")}
    body = paying(voucherTaken=taken, paymentDate="2026-11-21T10:15:00+03:00")
    del body["voucherHold"]

    told = await post(client, body)

    assert (loads(told.content).get("code"), state(folder)) == (code, "redeemed" if code is None else "open")


async def test_what_the_terminal_began_anew_is_let_go_at_the_issuer_first(
    client: httpx.AsyncClient, folder: Path
) -> None:
    await hold(client, outside())

    assert (await hold(client, outside("H-2", paymentEventId="E-2"))).status_code == 201
    assert loads((folder / "bonus.json").read_bytes())["vouchers"][0]["hold"] == "H-2"


@pytest.mark.parametrize("code", ["BB-0001-XYA", "BB0001XY"])
async def test_what_its_issuer_does_not_know_is_not_valid(client: httpx.AsyncClient, code: str) -> None:
    answer = await hold(client, outside(code=code))

    assert (answer.status_code, loads(answer.content)["code"]) == (409, "voucher_not_valid")


async def test_what_its_issuer_redeemed_elsewhere_is_not_valid(
    client: httpx.AsyncClient, folder: Path
) -> None:
    (folder / "bonus.json").write_bytes(dumps(listing(state="redeemed", hold="elsewhere")))

    assert (await hold(client, outside())).status_code == 409


async def test_an_issuer_without_a_list_and_without_vouchers_here_is_refused(
    client: httpx.AsyncClient,
) -> None:
    answer = await hold(client, outside() | {"issuer": "Nobody Ltd"})

    assert (answer.status_code, loads(answer.content)["code"]) == (409, "voucher_not_valid")


async def test_an_issuer_whose_vouchers_are_in_centrals_own_store_serves_as_before(
    client: httpx.AsyncClient,
) -> None:
    body = asked(code="EXT-VM7T-XT9W", mode="external_voucher", issuer="City Gifts")

    assert (await hold(client, body)).status_code == 201


async def test_an_issuer_that_is_silent_is_no_answer_and_nothing_is_held(
    client: httpx.AsyncClient, folder: Path
) -> None:
    kept = (folder / "bonus.json").read_bytes()
    (folder / "bonus.json").unlink()

    assert (await hold(client, outside())).status_code == 503

    (folder / "bonus.json").write_bytes(kept)
    assert (await hold(client, outside())).status_code == 201


async def test_a_payment_waits_for_a_silent_issuer_and_is_then_taken_once(
    client: httpx.AsyncClient, store: CentralStore, folder: Path
) -> None:
    await hold(client, outside())
    kept = (folder / "bonus.json").read_bytes()
    (folder / "bonus.json").write_bytes(b"{")

    assert (await post(client, paying())).status_code == 503
    (folder / "bonus.json").write_bytes(kept)
    assert (await post(client, paying())).status_code == 201
    assert verify_central(store) == []


def test_each_step_at_an_issuer_may_be_repeated(folder: Path) -> None:
    issuer = FileIssuer(folder / "bonus.json")
    assert isinstance(issuer.authorise("H-1", DIGEST), IssuerHolds)
    assert isinstance(issuer.authorise("H-1", DIGEST), IssuerHolds)
    assert isinstance(issuer.authorise("H-2", DIGEST), IssuerRefuses)
    assert (issuer.redeem("H-1", DIGEST), issuer.redeem("H-1", DIGEST)) == (True, True)
    assert issuer.redeem("H-2", DIGEST) is False
    issuer.release("H-1", DIGEST)
    assert state(folder) == "redeemed"
    assert sorted(path.name for path in folder.iterdir()) == ["bonus.json"]


@pytest.mark.parametrize(
    "content", [b"{", b"[]", b'{"vouchers": []}', b'{"issuer": "internal", "vouchers": []}']
)
def test_a_file_that_is_no_list_stops_the_start(folder: Path, content: bytes) -> None:
    (folder / "other.json").write_bytes(content)

    with pytest.raises(Refused) as refusal:
        issuers_in(folder)
    assert refusal.value.code == "bad_issuers"


def test_two_files_of_one_issuer_stop_the_start(folder: Path) -> None:
    (folder / "other.json").write_bytes(dumps(listing() | {"issuer": "BONUS & co"}))

    with pytest.raises(Refused):
        issuers_in(folder)
