"""A batch is brought to the accounting system whole, may come twice without harm, and what it answers is kept."""

from __future__ import annotations

import asyncio
import base64
import errno
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from pos.domain.errors import Refused
from pos.domain.ledger_delivery import Delivery, DeliveryState, DeliveryWay
from pos.till.desk import Desk
from pos.till.ledger_batches import make_batches
from pos.till.ledger_delivery import delivery_of, note_delivery, said_by_hand, told
from sync.ledger.delivery import NotYet, Parcel, parcel_of, put_in_folder
from sync.ledger.endpoint import Endpoint
from sync.ledger.files import BatchForm
from tests.builders.ledger import counted_day
from tests.builders.tills import AUDITOR, BACK_OFFICE, TODAY, findings, rows
from tests.till.books import refused

NUMBER = "S014-T1-A-20261121-01"
URL = "https://ledger.example/batches"


@pytest.fixture(scope="module")
def parcel() -> Parcel:
    (batch,) = make_batches(counted_day(), BACK_OFFICE, TODAY)
    return parcel_of(batch, BatchForm.CSV)


def step(state: str, way: str = "folder", **more: Any) -> Delivery:
    return Delivery(state=DeliveryState(state), way=DeliveryWay(way), **more)


# --- into a folder ------------------------------------------------------------------------------------------------


def test_the_file_lies_in_the_folder_with_its_control_totals_beside_it(
    parcel: Parcel, tmp_path: Path
) -> None:
    outcome = put_in_folder(tmp_path, parcel)

    assert outcome == step("delivered", file_digest=parcel.file_digest)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{NUMBER}.control.json", f"{NUMBER}.csv"]
    assert (tmp_path / f"{NUMBER}.csv").read_bytes() == parcel.content
    control = json.loads((tmp_path / f"{NUMBER}.control.json").read_text())
    assert control["fileSha256"] == hashlib.sha256(parcel.content).hexdigest() == control["sha256"]
    assert control["totals"] == [{"currency": "KWD", "debit": "80.500", "credit": "80.500"}]


def test_a_batch_that_is_brought_again_finds_its_own_file(parcel: Parcel, tmp_path: Path) -> None:
    put_in_folder(tmp_path, parcel)
    before = (tmp_path / f"{NUMBER}.csv").stat().st_ino

    assert put_in_folder(tmp_path, parcel) == step("delivered", file_digest=parcel.file_digest)
    assert (tmp_path / f"{NUMBER}.csv").stat().st_ino == before


def test_another_file_under_the_number_is_a_refusal_and_stays_as_it_is(
    parcel: Parcel, tmp_path: Path
) -> None:
    (tmp_path / f"{NUMBER}.csv").write_text("another")

    outcome = put_in_folder(tmp_path, parcel)

    assert isinstance(outcome, Delivery)
    assert (outcome.state, outcome.reason) == (
        DeliveryState.REFUSED,
        f"{NUMBER}.csv is there already, and is another than this batch's. Take it away to lay this down.",
    )
    assert (tmp_path / f"{NUMBER}.csv").read_text() == "another"


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        (".ack", "", {"state": "acknowledged"}),
        (".ack", "GL-2026-118\n", {"state": "acknowledged", "reference": "GL-2026-118"}),
        (".ack", '{"reference": "GL-7"}', {"state": "acknowledged", "reference": "GL-7"}),
        (
            ".ack",
            '{"sha256": "00", "reference": "GL-7"}',
            {"state": "refused", "reason": "It acknowledged another file than this batch's."},
        ),
        (".refused", "Period closed", {"state": "refused", "reason": "Period closed"}),
        (
            ".refused",
            '{"reason": "Unknown account 1010"}',
            {"state": "refused", "reason": "Unknown account 1010"},
        ),
        (".refused", "", {"state": "refused", "reason": ""}),
    ],
)
def test_what_lies_beside_the_file_is_the_answer(
    name: str, text: str, expected: dict[str, str], parcel: Parcel, tmp_path: Path
) -> None:
    put_in_folder(tmp_path, parcel)
    (tmp_path / f"{NUMBER}{name}").write_text(text)

    assert put_in_folder(tmp_path, parcel) == step(**expected, file_digest=parcel.file_digest)


def test_a_folder_that_is_not_there_is_tried_again(parcel: Parcel, tmp_path: Path) -> None:
    assert put_in_folder(tmp_path / "gone", parcel) == NotYet(
        reason="The folder cannot be used: No such file or directory."
    )


def test_an_acknowledgement_of_the_form_that_was_delivered_counts_after_the_form_was_changed(
    parcel: Parcel, tmp_path: Path
) -> None:
    before = put_in_folder(tmp_path, parcel)
    assert isinstance(before, Delivery)
    (tmp_path / f"{NUMBER}.ack").write_text(json.dumps({"sha256": parcel.file_digest, "reference": "GL-7"}))

    for known in (before, None):
        outcome = put_in_folder(tmp_path, parcel_of(parcel.batch, BatchForm.ORACLE), known)

        assert outcome == step("acknowledged", file_digest=parcel.file_digest, reference="GL-7")
    assert (tmp_path / f"{NUMBER}.csv").read_bytes() == parcel.content


def test_a_batch_that_was_refused_is_laid_down_again_once_the_refusal_is_out_of_the_way(
    parcel: Parcel, tmp_path: Path
) -> None:
    put_in_folder(tmp_path, parcel)
    (tmp_path / f"{NUMBER}.csv").unlink()
    (tmp_path / f"{NUMBER}.refused").write_text("Period closed")
    known = put_in_folder(tmp_path, parcel, step("delivered", file_digest=parcel.file_digest))
    assert known == step("refused", reason="Period closed", file_digest=parcel.file_digest)

    assert put_in_folder(tmp_path, parcel, known) == NotYet(
        reason=f"{NUMBER}.refused still lies in the folder. Take it away, then deliver the batch again."
    )
    assert not (tmp_path / f"{NUMBER}.csv").exists()

    (tmp_path / f"{NUMBER}.refused").unlink()
    assert put_in_folder(tmp_path, parcel, known) == step("delivered", file_digest=parcel.file_digest)
    assert (tmp_path / f"{NUMBER}.csv").read_bytes() == parcel.content


@pytest.mark.parametrize("fault", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_gets_its_name_whole_in_a_folder_without_hard_links(
    fault: int, parcel: Parcel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(part: Path, path: Path) -> None:
        assert not path.exists()
        assert part.read_bytes() in (parcel.content, parcel.control)
        raise OSError(fault, os.strerror(fault))

    monkeypatch.setattr(os, "link", no_links)

    for _ in range(2):
        outcome = put_in_folder(tmp_path, parcel)

        assert outcome == step("delivered", file_digest=parcel.file_digest)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{NUMBER}.control.json", f"{NUMBER}.csv"]
    assert (tmp_path / f"{NUMBER}.csv").read_bytes() == parcel.content


def test_a_file_that_came_meanwhile_is_not_written_over_in_a_folder_without_hard_links(
    parcel: Parcel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(part: Path, path: Path) -> None:
        path.write_text("another")
        raise OSError(errno.EPERM, "no links")

    monkeypatch.setattr(os, "link", no_links)

    outcome = put_in_folder(tmp_path, parcel)

    assert isinstance(outcome, Delivery)
    assert outcome.state is DeliveryState.REFUSED
    assert (tmp_path / f"{NUMBER}.control.json").read_text() == "another"


def test_numbers_that_differ_in_a_dot_alone_are_two_files(parcel: Parcel) -> None:
    names = {
        parcel_of(replace(parcel.batch, number=number), BatchForm.CSV).file_name
        for number in ("S-T.1-A-20261121-01", "S-T-1-A-20261121-01", "S-T_1-A-20261121-01")
    }

    assert len(names) == 3


def test_a_number_that_is_no_plain_name_is_no_path(parcel: Parcel) -> None:
    for number in ("../../etc/passwd", "/tmp/x", "a\0b", "-rf", "." * 300):
        name = parcel_of(replace(parcel.batch, number=number), BatchForm.CSV).file_name

        assert Path(name).name == name
        assert name[0] not in ".-"


# --- to an address ------------------------------------------------------------------------------------------------


def posted(parcel: Parcel, answer: Callable[[httpx.Request], httpx.Response]) -> Delivery | NotYet:
    async def work() -> Delivery | NotYet:
        endpoint = Endpoint(URL, token="secret-7", transport=httpx.MockTransport(answer))
        try:
            return await endpoint.post(parcel)
        finally:
            await endpoint.close()

    return asyncio.run(work())


def test_the_file_is_posted_with_its_number_as_key_and_its_digest(parcel: Parcel) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(201, json={"reference": "GL-118", "sha256": parcel.file_digest})

    assert posted(parcel, answer) == step(
        "acknowledged", "https", file_digest=parcel.file_digest, reference="GL-118"
    )
    (request,) = seen
    digest = base64.b64encode(hashlib.sha256(parcel.content).digest()).decode()
    assert (request.method, str(request.url), request.content) == ("POST", URL, parcel.content)
    assert request.headers["Idempotency-Key"] == NUMBER
    assert request.headers["Content-Digest"] == f"sha-256=:{digest}:"
    assert request.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert request.headers["Authorization"] == "Bearer secret-7"


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, {}, {"state": "acknowledged"}),
        (202, {}, {"state": "delivered"}),
        (409, {"sha256": "ITS OWN", "reference": "GL-1"}, {"state": "acknowledged", "reference": "GL-1"}),
        (
            409,
            {"reason": "Another batch has this number"},
            {"state": "refused", "reason": "Another batch has this number"},
        ),
        (
            422,
            {"message": "Account 1010 is blocked"},
            {"state": "refused", "reason": "Account 1010 is blocked"},
        ),
        (400, {}, {"state": "refused", "reason": "It answered 400."}),
        (
            200,
            {"sha256": "00"},
            {"state": "refused", "reason": "It acknowledged another file than this batch's."},
        ),
    ],
)
def test_each_answer_is_a_state_of_the_batch(
    status: int, body: dict[str, str], expected: dict[str, str], parcel: Parcel
) -> None:
    said = {name: parcel.file_digest if value == "ITS OWN" else value for name, value in body.items()}

    outcome = posted(parcel, lambda _request: httpx.Response(status, json=said))

    assert outcome == step(way="https", file_digest=parcel.file_digest, **expected)


@pytest.mark.parametrize("status", [401, 403, 404, 407, 408, 425, 429, 500, 502, 503])
def test_an_address_that_is_busy_or_wrongly_set_up_is_tried_again(status: int, parcel: Parcel) -> None:
    assert posted(parcel, lambda _request: httpx.Response(status)) == NotYet(reason=f"It answered {status}.")


def test_an_address_that_does_not_answer_is_tried_again(parcel: Parcel) -> None:
    def broken(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no route", request=request)

    assert posted(parcel, broken) == NotYet(reason="It cannot be reached: ConnectError.")


def test_an_answer_without_end_is_read_to_its_limit(parcel: Parcel) -> None:
    outcome = posted(parcel, lambda _request: httpx.Response(422, content=b"x" * 5_000_000))

    assert isinstance(outcome, Delivery)
    assert len(told(outcome).reason or "") == 200


def test_what_the_accounting_system_says_is_made_harmless() -> None:
    assert told(step("refused", reason="a\x1b[31mred\nline")).reason == "a�[31mred�line"
    assert told(step("refused", reason="")).reason == "it gave no reason"


# --- in the books -------------------------------------------------------------------------------------------------


@pytest.fixture
def desk() -> Desk:
    desk = counted_day()
    make_batches(desk, BACK_OFFICE, TODAY)
    return desk


def state_of(desk: Desk) -> object:
    return rows(desk, "v_ledger_batch")[0]["state"]


def test_a_batch_is_delivered_then_acknowledged_and_that_is_the_end(desk: Desk) -> None:
    assert (delivery_of(desk, AUDITOR, NUMBER), state_of(desk)) == (None, "waiting")
    note_delivery(desk, BACK_OFFICE, NUMBER, step("delivered", file_digest="a" * 64))
    known = step("acknowledged", reference="GL-7", file_digest="a" * 64)

    note_delivery(desk, BACK_OFFICE, NUMBER, known)

    assert (delivery_of(desk, AUDITOR, NUMBER), state_of(desk)) == (known, "acknowledged")
    refusal = refused(
        desk, lambda: note_delivery(desk, BACK_OFFICE, NUMBER, step("refused", "by_hand", reason="no"))
    )
    assert (refusal.code, refusal.message) == (
        "batch_acknowledged",
        f"Batch {NUMBER} is acknowledged already as GL-7.",
    )
    assert findings(desk) == []


def test_what_is_known_already_is_not_written_again(desk: Desk) -> None:
    for _ in range(3):
        note_delivery(desk, BACK_OFFICE, NUMBER, step("delivered", file_digest="a" * 64))

    assert len(rows(desk, "ledger_delivery")) == 1


def test_a_refused_batch_may_be_brought_again_and_be_taken(desk: Desk) -> None:
    note_delivery(desk, BACK_OFFICE, NUMBER, step("refused", reason="Period closed"))
    note_delivery(desk, BACK_OFFICE, NUMBER, step("delivered"))
    note_delivery(desk, BACK_OFFICE, NUMBER, step("acknowledged"))

    assert [row["state"] for row in rows(desk, "ledger_delivery")] == ["refused", "delivered", "acknowledged"]


def test_a_batch_that_is_refused_again_keeps_both_reasons(desk: Desk) -> None:
    note_delivery(desk, BACK_OFFICE, NUMBER, step("refused", "https", reason="Period closed"))
    note_delivery(desk, BACK_OFFICE, NUMBER, step("refused", "https", reason="Account 1010 is blocked"))

    assert [(row["state"], row["reason"]) for row in rows(desk, "ledger_delivery")] == [
        ("refused", "Period closed"),
        ("delivered", None),
        ("refused", "Account 1010 is blocked"),
    ]


def test_a_batch_that_is_brought_again_another_way_still_waits_for_its_answer(desk: Desk) -> None:
    note_delivery(desk, BACK_OFFICE, NUMBER, step("delivered", file_digest="a" * 64))
    note_delivery(desk, BACK_OFFICE, NUMBER, step("delivered", "https", file_digest="b" * 64))

    assert state_of(desk) == "delivered"
    taken = step("acknowledged", "https", file_digest="b" * 64)
    assert note_delivery(desk, BACK_OFFICE, NUMBER, taken) == taken


def test_a_refusal_by_hand_wants_its_reason(desk: Desk) -> None:
    with pytest.raises(Refused) as refusal:
        said_by_hand(step("refused", "by_hand", reason="  "))

    assert refusal.value.code == "reason_missing"


def test_no_delivery_of_a_batch_that_nobody_made(desk: Desk) -> None:
    assert (
        refused(desk, lambda: note_delivery(desk, BACK_OFFICE, "X", step("delivered"))).code
        == "unknown_batch"
    )
