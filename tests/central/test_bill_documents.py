"""Every bill has a paper at the address that its billDocument names, and it shows the bill as issued."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import httpx
import pytest

from sync.central.app import make_app
from sync.central.bills.documents import ENTRIES_MAX, bill_paper
from sync.central.operating.fixture import load_fixture
from sync.central.schema.opening import open_central
from sync.central.store.database import CentralStore
from sync.tmf678.rate import read_rate
from sync.wire_json import dumps, loads
from tests.builders.pdf_reader import text_of
from tests.central.central_builders import (
    BASE_URL,
    BILL,
    DEMAND,
    ROOT,
    CountedRandomness,
    SteppingClock,
    bill,
    item,
    kwd,
    payment,
    post,
    rate,
    read,
    small_operator,
    unbilled,
)

DOCUMENT = "/counterfoil/v1/billDocument"


async def paper_of(client: httpx.AsyncClient, bill_id: str) -> httpx.Response:
    """What the address in the bill leads to."""
    [document] = (await read(client, f"{BILL}/{bill_id}"))["billDocument"]
    assert document["mimeType"] == "application/pdf"
    return await client.get(document["url"])


async def test_the_address_in_a_bill_leads_to_its_paper(client: httpx.AsyncClient) -> None:
    answer = await paper_of(client, "CB-1")

    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    assert 'filename="bill-CB-1.pdf"' in answer.headers["content-disposition"]
    text = " ".join(text_of(answer.content).split())
    assert "Store 14 Bill Number NCB-1" in text
    assert "Line L1 41.750 0.000 41.750 Line L2 40.000 0.000 40.000 2026-11-01 Rate R-1 40.000" in text
    assert "2026-11-01 Rate R-3 -0.250" in text


async def test_it_stays_as_issued_whatever_is_paid(client: httpx.AsyncClient) -> None:
    before = await paper_of(client, "CB-2")
    await post(client, payment("4.000", paymentItem=[item("CB-2", "4.000")]))
    after = await paper_of(client, "CB-2")
    assert after.content == before.content
    assert "Remains to be paid 10.000 KWD" in " ".join(text_of(after.content).split())


async def test_a_bill_on_demand_has_a_paper_at_once(client: httpx.AsyncClient, store: CentralStore) -> None:
    load_fixture(store, {"rates": [unbilled("U-1", "5.000", tax="1.000")]})
    asked = await client.post(
        DEMAND,
        content=dumps({"billingAccount": {"id": "BA-1"}}),
        headers={"content-type": "application/json"},
    )
    answer = await paper_of(client, loads(asked.content)["customerBill"]["id"])
    text = " ".join(text_of(answer.content).split())
    assert "Interim bill" in text
    assert "VAT 20 % 1.000 KWD Total with tax 6.000 KWD" in text


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        (None, [{"id": "CB-5", "name": "Bill NCB-5", "@type": "Attachment", "drawn": True}]),
        ([{"id": "D", "name": "Yours"}], [{"id": "D", "name": "Yours", "drawn": True}]),
        (
            [{"id": "D", "url": "https://biller.example/D.pdf"}],
            [
                {"id": "D", "url": "https://biller.example/D.pdf"},
                {"id": "CB-5", "name": "Bill NCB-5", "@type": "Attachment", "drawn": True},
            ],
        ),
        (
            [{"id": "X", "mimeType": "text/csv"}, {"id": "D", "mimeType": "application/pdf"}],
            [{"id": "X", "mimeType": "text/csv"}, {"id": "D", "drawn": True}],
        ),
    ],
)
async def test_papers_of_the_biller_are_told_as_they_came(
    client: httpx.AsyncClient, store: CentralStore, told: Any, shown: list[dict[str, object]]
) -> None:
    row = bill("CB-5", "1.000")
    del row["billDocument"]
    load_fixture(store, {"bills": [row if told is None else {**row, "billDocument": told}]})

    documents = (await read(client, f"{BILL}/CB-5"))["billDocument"]

    ours = {"mimeType": "application/pdf", "url": f"{BASE_URL}{DOCUMENT}/CB-5"}
    assert documents == [
        {name: value for name, value in one.items() if name != "drawn"} | (ours if "drawn" in one else {})
        for one in shown
    ]


@pytest.mark.parametrize("bill_id", ["CB-404", "a%20b", "%00"])
async def test_no_bill_has_no_paper(client: httpx.AsyncClient, bill_id: str) -> None:
    answer = await client.get(f"{DOCUMENT}/{bill_id}")
    assert (answer.status_code, loads(answer.content)["status"]) == (404, "404")


async def test_a_central_that_draws_nothing_says_404(store: CentralStore) -> None:
    app = make_app(store, clock=SteppingClock(), randomness=CountedRandomness(), base_url=BASE_URL)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=BASE_URL) as client:
        assert (await client.get(f"{DOCUMENT}/CB-1")).status_code == 404


def test_the_command_that_serves_central_draws_papers(empty_url: str) -> None:
    store = open_central(empty_url)
    load_fixture(store, small_operator())
    store.close()
    command = [sys.executable, "-m", "pos", "central", "serve", "--db", empty_url, "--port", "0", "--no-auth"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert process.stdout is not None
        port = loads(process.stdout.readline())["port"]
        answer = httpx.get(f"http://127.0.0.1:{port}{DOCUMENT}/CB-1", timeout=30)
    finally:
        process.kill()
        process.communicate()
    assert answer.status_code == 200
    assert "Number NCB-1" in " ".join(text_of(answer.content).split())


def test_a_bill_without_lines_is_grouped_by_product() -> None:
    rates = [read_rate(rate(f"R-{number}", "CB-5", "0.500")) for number in (1, 2)]
    paper = bill_paper(bill("CB-5", "1.000"), rates, {})
    assert [(entry.text, entry.level, entry.is_rate) for entry in paper.entries] == [
        ("Fibre 100", 0, False),
        ("Rate R-1", 1, True),
        ("Rate R-2", 1, True),
    ]
    assert paper.issuer == ()


def test_a_rate_that_no_line_holds_comes_last() -> None:
    first = small_operator()["bills"][0]
    told = [rate("R-1", "CB-1", "40.000"), rate("R-0", "CB-1", "0.000")]
    paper = bill_paper(first, [read_rate(one) for one in told], {})
    assert [entry.text for entry in paper.entries][-1] == "Rate R-0"


def test_a_paper_has_an_end() -> None:
    rates = [read_rate(rate(f"R-{number}", "CB-5", "0.001")) for number in range(ENTRIES_MAX + 10)]
    paper = bill_paper(
        bill("CB-5", "3.010", taxItem=[{"taxCategory": "VAT"}, {"taxAmount": kwd("1.000")}]), rates, {}
    )
    assert (len(paper.entries), paper.left_out) == (ENTRIES_MAX, 11)
    assert [tax.name for tax in paper.taxes] == ["Tax"]
