"""``pos central gl``: the operator's feed from central, in a folder and to an address."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from pos.domain.ledger_feed import Deliverer, LedgerBatch
from sync.central.ledger.batches import INSERT
from sync.central.schema.opening import open_central
from sync.central.store.database import next_change
from sync.ledger.files import BatchForm, batch_file
from sync.ledger.wire import told_batch
from tests.builders.homes import Ended, ForkingPos
from tests.builders.ledger import batch_of_a_day
from tests.builders.ledger_peers import PEERS, said_of


@pytest.fixture(scope="module")
def batches() -> list[LedgerBatch]:
    """Of two terminals of one shop; central delivers the first one's."""
    return [
        batch_of_a_day(terminal="T1", delivered_by=Deliverer.CENTRAL),
        batch_of_a_day(terminal="T2", delivered_by=Deliverer.TILL),
    ]


@pytest.fixture
def central(tmp_path: Path, batches: list[LedgerBatch]) -> str:
    """The database of a central that was told both."""
    url = f"sqlite:///{tmp_path / 'central.db'}"
    store = open_central(url)
    try:
        for batch in batches:
            with store.write() as connection:
                values = {
                    "number": batch.number,
                    "terminal": batch.terminal,
                    "shop": batch.shop,
                    "business_date": batch.business_date.isoformat(),
                    "delivered_by": str(batch.delivered_by),
                    "digest": told_batch(batch)["sha256"],
                    "body": json.dumps(told_batch(batch)),
                    "told_at": "2026-11-21T18:00:00.000000+00:00",
                    "change_number": next_change(connection),
                }
                connection.execute(INSERT, values)
    finally:
        store.close()
    return url


def run(pos: ForkingPos, central: str, *command: str) -> Ended:
    return pos.run("--json", "central", "gl", *command, "--db", central)


def test_the_operators_file_has_every_terminals_batch_as_the_till_writes_it(
    pos: ForkingPos, central: str, batches: list[LedgerBatch], tmp_path: Path
) -> None:
    out = tmp_path / "feed.csv"

    ended = run(pos, central, "export", "--format", "csv", "--business-date", "2026-11-21", "--out", str(out))

    assert ended.status == 0, ended
    assert [row["batch"] for row in ended.lines[0]["batches"]] == [batch.number for batch in batches]
    assert out.read_bytes() == "".join(batch_file(BatchForm.CSV, batches)).encode()
    assert ended.lines[0]["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()


@pytest.mark.parametrize("peer", PEERS)
def test_the_operators_file_is_clean_in_another_program(
    peer: str, pos: ForkingPos, central: str, tmp_path: Path
) -> None:
    out = tmp_path / "feed"

    assert run(pos, central, "export", "--format", peer, "--out", str(out)).status == 0

    assert said_of(peer, tmp_path, out.read_text(encoding="utf-8")) == ""


def test_central_delivers_only_what_was_left_to_it_until_it_is_acknowledged(
    pos: ForkingPos, central: str, batches: list[LedgerBatch], tmp_path: Path
) -> None:
    folder, number = tmp_path / "ledger", batches[0].number
    folder.mkdir()

    first = run(pos, central, "deliver", "--folder", str(folder))
    laid = (folder / f"{number}.csv").read_bytes()
    (folder / f"{number}.csv").unlink()
    assert run(pos, central, "deliver", "--folder", str(folder)).lines[0]["state"] == "delivered"
    assert not (folder / f"{number}.csv").exists(), "taken to be read: it is not laid there again"
    (folder / f"{number}.ack").write_text("GL-7")
    second = run(pos, central, "deliver", "--folder", str(folder))

    assert [(row["batch"], row["state"]) for row in first.lines] == [(number, "delivered")]
    assert laid == "".join(batch_file(BatchForm.CSV, batches[:1])).encode()
    assert [(row["state"], row["reference"]) for row in second.lines] == [("acknowledged", "GL-7")]
    assert run(pos, central, "deliver", "--folder", str(folder)).lines == []
    named = run(pos, central, "deliver", number, "--folder", str(folder))
    assert (named.status, named.lines[0]["error"]["code"]) == (3, "batch_acknowledged")
    told = {row["batch"]: row["state"] for row in run(pos, central, "list").lines}
    assert told == {number: "acknowledged", batches[1].number: "brought_by_till"}


def test_central_lays_a_refused_batch_down_again_once_the_refusal_is_out_of_the_way(
    pos: ForkingPos, central: str, batches: list[LedgerBatch], tmp_path: Path
) -> None:
    folder, number = tmp_path / "ledger", batches[0].number
    folder.mkdir()
    (folder / f"{number}.refused").write_text("Period closed")
    refused = run(pos, central, "deliver", "--folder", str(folder))
    again = run(pos, central, "deliver", number, "--folder", str(folder))
    for path in folder.iterdir():
        path.unlink()
    at_last = run(pos, central, "deliver", number, "--folder", str(folder))

    assert [row["state"] for row in refused.lines] == ["refused"]
    assert (again.status, again.lines[0]["error"]["code"]) == (7, "ledger_unreachable")
    assert [row["state"] for row in at_last.lines] == ["delivered"]
    assert (folder / f"{number}.csv").exists()


def test_a_batch_that_a_till_delivers_is_not_central_s_to_send(
    pos: ForkingPos, central: str, batches: list[LedgerBatch], tmp_path: Path
) -> None:
    ended = run(pos, central, "deliver", batches[1].number, "--folder", str(tmp_path))

    assert (ended.status, ended.lines[0]["error"]["code"]) == (3, "unknown_batch")


def test_an_address_that_does_not_answer_ends_with_7(pos: ForkingPos, central: str) -> None:
    ended = run(pos, central, "deliver", "--url", "http://127.0.0.1:9/batches")

    assert (ended.status, ended.lines[0]["error"]["code"]) == (7, "ledger_unreachable")


def test_an_address_without_tls_beyond_this_machine_is_refused(pos: ForkingPos, central: str) -> None:
    assert run(pos, central, "deliver", "--url", "http://ledger.example/batches").status == 2


def test_other_clients_are_batched_under_a_shop_without_tills(pos: ForkingPos, central: str) -> None:
    nothing_new = run(pos, central, "make", "--shop", "ONLINE", "--time-zone", "Asia/Kuwait")
    of_tills = run(pos, central, "make", "--shop", "S014")
    dashed = run(pos, central, "make", "--shop", "ON-LINE")

    assert (nothing_new.status, nothing_new.lines) == (0, [])
    assert (of_tills.status, of_tills.lines[0]["error"]["code"]) == (3, "shop_of_tills")
    assert (dashed.status, dashed.lines[0]["error"]["code"]) == (3, "bad_shop")
