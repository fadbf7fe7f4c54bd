"""A cheque that is presented twice is kept and held for a person; tills hear of cheques as digests (rule 37)."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from pos.domain.cheque import ChequeIdentity
from pos.domain.cheque_digest import ChequeDigest
from sync.central.operating.verify import verify_central
from sync.central.payments.payments import list_payments
from sync.central.schema.opening import open_central
from sync.central.store.database import CentralStore
from sync.wire_json import loads
from tests.central.central_builders import payment, post, read

KNOWN = "/counterfoil/v1/knownCheque"


def by_cheque(
    event: str, *, leg: int = 1, cheque: str = "001|07|77|000123", terminal: str = "T2", **more: Any
) -> dict[str, Any]:
    return payment(
        "5.000",
        correlatorId=f"{event}-{leg}",
        paymentEventId=event,
        receiptNumber=f"R-{event}",
        terminal=terminal,
        epoch=1,
        sequence=int(event.removeprefix("E-")),
        leg=leg,
        instrument=f"cheque|{cheque}",
        paymentMethod={
            "@type": "Check",
            "@baseType": "PaymentMethod",
            "name": "cheque",
            "checkId": "000123",
            "drawer": "Noura",
            "payee": "Counterfoil Telecom",
            "signedDate": "2026-11-20T00:00:00Z",
            "bank": "001",
        },
        **more,
    )


@pytest.mark.parametrize("again", ["001|07|77|000123", "001|||000123", "001|07||000123", "001||77|000123"])
async def test_a_cheque_presented_twice_is_kept_and_held(
    client: httpx.AsyncClient, store: CentralStore, again: str
) -> None:
    """Rule 37: two tills took it while offline. Both receipts are facts; a person compares the papers."""
    first = await post(client, by_cheque("E-1"))
    second = await post(client, by_cheque("E-2", cheque=again, terminal="T3"))

    assert (first.status_code, second.status_code) == (201, 201)
    assert "held" not in loads(first.content)
    told = loads(second.content)
    assert (told["held"], told["provisional"], told["status"]) == (True, True, "done")
    assert (
        told["provisionalReason"]
        == "This cheque was presented before, by receipt R-E-1. Compare both papers."
    )
    assert [row.held for row in list_payments(store)] == [False, True]
    assert verify_central(store) == []


@pytest.mark.parametrize(
    "other", ["001|07|77|000124", "001|07|77|123", "002|07|77|000123", "001|08|77|000123", "001|07|78|000123"]
)
async def test_another_cheque_is_not_held(client: httpx.AsyncClient, store: CentralStore, other: str) -> None:
    await post(client, by_cheque("E-1"))
    second = await post(client, by_cheque("E-2", cheque=other))

    assert second.status_code == 201
    assert "held" not in loads(second.content)
    assert verify_central(store) == []


async def test_legs_of_one_event_share_a_cheque_and_a_replay_is_no_second_time(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    answers = [await post(client, by_cheque("E-1", leg=leg)) for leg in (1, 2, 1)]

    assert [answer.status_code for answer in answers] == [201, 201, 201]
    assert answers[0].content == answers[2].content
    assert not any(row.held for row in list_payments(store))
    late = [loads((await post(client, by_cheque("E-2", leg=leg))).content) for leg in (1, 2)]
    assert [body["held"] for body in late] == [True, True]
    assert verify_central(store) == []


async def test_32_presentments_at_once_hold_all_but_one(
    client: httpx.AsyncClient, store: CentralStore
) -> None:
    answers = await asyncio.gather(*(post(client, by_cheque(f"E-{n}")) for n in range(1, 33)))

    assert [answer.status_code for answer in answers] == [201] * 32
    assert sorted(row.held for row in list_payments(store)) == [False] + [True] * 31
    assert verify_central(store) == []


async def test_a_client_cannot_say_that_it_is_held(client: httpx.AsyncClient) -> None:
    told = loads((await post(client, by_cheque("E-1", held=True))).content)

    assert "held" not in told


@pytest.mark.parametrize("instrument", ["cheque|001|000123", "cheque|0|0|1|||000123", "Cheque|001|||000123"])
async def test_another_form_of_paper_is_credited_once_as_ever(
    client: httpx.AsyncClient, instrument: str
) -> None:
    answers = [await post(client, {**by_cheque(f"E-{n}"), "instrument": instrument}) for n in (1, 2)]

    assert [answer.status_code for answer in answers] == [201, 409]


@pytest.mark.parametrize(
    "tampering",
    ["DELETE FROM cheque", "UPDATE cheque SET identity = 'x'", "UPDATE cheque SET held = 1 - held"],
)
async def test_verify_names_a_payment_whose_cheque_is_not_noted(
    client: httpx.AsyncClient, store: CentralStore, tampering: str
) -> None:
    await post(client, by_cheque("E-1"))
    with store.write() as connection:
        connection.execute(text(tampering))

    assert [finding.subject for finding in verify_central(store)] == ["payment"]


# --- what tills hear -------------------------------------------------------------------------------------------


async def test_tills_hear_digests_and_nothing_else_of_a_cheque(client: httpx.AsyncClient) -> None:
    await post(client, by_cheque("E-1"))
    (told,) = await read(client, KNOWN)

    digest = ChequeDigest.of(ChequeIdentity(bank="001", branch="07", account="77", serial="000123"))
    assert told == {
        "id": told["id"],
        "href": told["href"],
        "identity": digest.identity,
        "branch": digest.branch,
        "account": digest.account,
        "dated": "2026-11-20",
        "terminal": "T2",
        "epoch": 1,
        "change": told["change"],
        "@type": "CounterfoilKnownCheque",
    }
    assert await read(client, f"{KNOWN}/{told['id']}") == told
    assert (await read(client, "/counterfoil/v1"))["cheques"] == KNOWN


async def test_cheques_are_told_by_change_and_by_age(client: httpx.AsyncClient) -> None:
    await post(client, by_cheque("E-1"))
    (first,) = await read(client, KNOWN)
    old = by_cheque("E-2", cheque="001|||000777")
    old["paymentMethod"] |= {"signedDate": "2026-05-01T00:00:00Z"}
    await post(client, old)

    assert len(await read(client, KNOWN)) == 2
    assert [row["dated"] for row in await read(client, KNOWN, **{"change.gt": str(first["change"])})] == [
        "2026-05-01"
    ]
    assert await read(client, KNOWN, **{"dated.gte": "2026-11-01"}) == [first]


async def test_a_cheque_without_a_signing_date_is_of_its_payments_day(client: httpx.AsyncClient) -> None:
    body = by_cheque("E-1", paymentDate="2026-11-19T09:00:00+03:00")
    del body["paymentMethod"]["signedDate"]
    await post(client, body)

    assert [row["dated"] for row in await read(client, KNOWN)] == ["2026-11-19"]


def test_cheques_of_an_older_store_are_carried_over(tmp_path: Path) -> None:
    path = tmp_path / "central.db"
    raw = sqlite3.connect(path)
    raw.executescript(Path(__file__).with_name("store_form_3.sql").read_text())
    paper, body = (
        "cheque|001|07|77|000123",
        {**by_cheque("E-9"), "id": "P-9", "paymentDate": "2026-11-20T09:00:00Z"},
    )
    body["totalAmount"] = {"unit": "KWD", "value": 5}
    raw.execute(
        "INSERT INTO payment VALUES ('P-9', 900, 'E-9-1', NULL, 'T2', 1, 9, 1, 'R-E-9', 'BA-1', 'KWD', 5000, 0, 5000, 0, 0,"
        " 'done', '2026-11-20T09:00:00+00:00', ?, 'x')",
        (json.dumps(body, default=str),),
    )
    raw.execute("INSERT INTO instrument VALUES (?, 'E-9', 'P-9')", (paper,))
    raw.execute("UPDATE account SET credit_minor = credit_minor + 5000 WHERE id = 'BA-1'")
    raw.execute("UPDATE change_counter SET value = 900")
    raw.commit()
    raw.close()

    store = open_central(f"sqlite:///{path}")

    with store.read() as connection:
        noted = connection.execute(text("SELECT payment_id, payment_event_id, dated, held FROM cheque")).one()
        left = connection.execute(
            text("SELECT count(*) FROM instrument WHERE instrument = :paper"), {"paper": paper}
        )
        assert tuple(noted) == ("P-9", "E-9", "2026-11-20", 0)
        assert left.scalar_one() == 0
    assert verify_central(store) == []
    store.close()
