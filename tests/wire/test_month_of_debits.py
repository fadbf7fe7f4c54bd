"""A month of direct debit with a bank that this project did not write: asked, refused, paid, taken back, asked again."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from pos.cli.collections import _asking
from pos.domain.bank_file import EntryOutcome
from pos.domain.debit_policy import DebitPolicy
from pos.domain.mandate import MandateState
from pos.till.bank_runs import FileToRun, begin_file, carry_out, forecast
from pos.till.collections import collect
from pos.till.desk import Desk
from pos.till.mandates import mandates
from sync.files.bank_file import open_bank_file
from sync.files.pain008 import Creditor, joined, pain008
from tests.builders.bank_files import mandated
from tests.builders.tills import BACK_OFFICE, NOW, clock_of, findings, make_till, rows

PEER = Path(__file__).resolve().parents[2] / ".peers" / "mock-bank"
CREDITOR = Creditor(
    name="Counterfoil Telecom", identifier="DE26ZZZ00000000000", account="NL41MOCK0000000001", bic="MOCKNL2A"
)
CLOSED, ELSEWHERE = "NL84MOCK0000000003", "DE89370400440532013000"
START_S = 20
MONDAY = NOW + timedelta(days=2)
IS_VALID = """
import glob, os, sys, sepaxml, xmlschema
folder = os.path.dirname(sepaxml.__file__)
(schema,) = glob.glob(folder + '/**/pain.008.001.08.xsd', recursive=True)
xmlschema.XMLSchema(schema).validate(sys.argv[1])
"""


@dataclass
class Bank:
    """The bank, over HTTP, and the till whose clock goes with it."""

    http: httpx.Client
    desk: Desk
    folder: Path
    files: int = 0

    def balance(self) -> int:
        return int(self.http.get("/_mock/accounts/ACME").json()["balance"])

    def days_pass(self, days: int) -> None:
        self.http.post("/_mock/advance", params={"days": days}).raise_for_status()
        clock_of(self.desk).advance(days=days)

    def ask(self, collect_on: str) -> list[str]:
        """Collect what is due; the references, by account."""
        asking = _asking(collect(self.desk, BACK_OFFICE, collect_on))
        file = self.folder / f"{asking.message_id}.xml"
        file.write_bytes(joined(pain008(asking, CREDITOR)))
        python = str(PEER / "bin" / "python")
        subprocess.run([python, "-c", IS_VALID, str(file)], check=True, timeout=60)
        self.http.post(
            "/payments", content=file.read_bytes(), headers={"content-type": "application/xml"}
        ).raise_for_status()
        return [
            item.reference for item in sorted(asking.items, key=lambda item: (item.account, item.bill_no))
        ]

    def answers(self) -> dict[str, list[tuple[str, EntryOutcome]]]:
        """What the bank has sent since, carried out: by message, each reference with what was made of it."""
        told: dict[str, list[tuple[str, EntryOutcome]]] = {}
        mailbox: Any = self.http.get("/_mock/mailbox").json()
        for message in mailbox if isinstance(mailbox, list) else mailbox["messages"]:
            kind = message["type"][:8]
            if kind == "camt.053" and CREDITOR.account not in message["body"]:
                # The bank's mailbox has the statements of all of its customers.
                continue
            told.setdefault(kind, []).extend(self._carry_out(message["body"]))
        return told

    def _carry_out(self, body: str) -> list[tuple[str, EntryOutcome]]:
        self.files += 1
        path = self.folder / f"from-bank-{self.files}.xml"
        path.write_text(body, encoding="utf-8")
        shop = self.desk.identity.currency
        with open_bank_file(path, layout=None, shop=shop, bytes_max=10**7, folder=self.folder) as file:
            to_run = FileToRun(digest=file.digest, name=file.name, profile=file.profile, head=file.head)
            found = forecast(self.desk, BACK_OFFICE, to_run, file.read())
            known = begin_file(self.desk, BACK_OFFICE, to_run, found, paid=file.paid, back=file.back)
            done = list(carry_out(self.desk, BACK_OFFICE, known, file.read()))
        return [(plan.entry.reference, plan.outcome) for plan in done]


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[Bank]:
    if not (PEER / "bin" / "mock-bank").exists():
        pytest.skip("NOT TESTED against another's bank: it is not in .peers/mock-bank; .ci/peers brings it")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [str(PEER / "bin" / "mock-bank"), "--port", str(port), "--clock", f"{MONDAY:%Y-%m-%d}T06:00", "-q"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": ""},
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as http:
            _await(http)
            desk = make_till(currency="EUR")
            clock_of(desk).set(MONDAY)
            desk.policy = replace(
                desk.policy, debits=DebitPolicy(stop_above_percent=60, creditor_account=CREDITOR.account)
            )
            yield Bank(http, desk, tmp_path)
    finally:
        process.kill()
        process.wait()


def _await(http: httpx.Client) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        try:
            if http.get("/_mock/health").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("the bank did not start")


def open_bills(desk: Desk) -> dict[str, int]:
    from pos.store import cache as cached
    from pos.till.open_bills import open_bills as by_the_books

    numbers = ("7781", "7782", "7790", "7798")
    with desk.cache.read() as connection:
        told = [cached.bill_by_number(connection, number) for number in numbers]
    with desk.till.read() as books:
        return {
            bill.bill.bill_no: bill.open.minor
            for bill in by_the_books(books, [one for one in told if one is not None])
        }


def test_a_month_with_the_bank_ends_with_the_same_balance_on_both_sides(bank: Bank) -> None:
    desk = bank.desk
    mandated(desk, "M-1", "BA-1", number=ELSEWHERE, bic="COBADEFF")
    mandated(desk, "M-2", "BA-2", number=CLOSED, bic="MOCKNL2A")
    mandated(desk, "M-5", "BA-5", number=ELSEWHERE, bic="COBADEFF")
    began_with = bank.balance()

    overdue, due, of_closed, late = bank.ask("2026-12-02")
    assert dict(bank.answers()["pain.002"]) == {
        overdue: EntryOutcome.NOTED,
        due: EntryOutcome.NOTED,
        of_closed: EntryOutcome.REJECTED,
        late: EntryOutcome.NOTED,
    }
    assert mandates(desk, BACK_OFFICE, account="BA-2")[0].state is MandateState.SUSPENDED

    bank.days_pass(9)
    assert dict(bank.answers()["camt.054"]) == dict.fromkeys((overdue, due, late), EntryOutcome.POSTED)
    assert open_bills(desk) == {"7781": 0, "7782": 0, "7790": 3000, "7798": 0}
    assert bank.balance() - began_with == 4175 + 1250 + 501

    bank.days_pass(5)
    bank.http.post(f"/_mock/collections/{late}/refuse", json={"reason": "MD06"}).raise_for_status()
    bank.days_pass(3)
    went_back = bank.answers()
    assert (went_back["pacs.004"], went_back["camt.054"]) == (
        [(late, EntryOutcome.RETURNED)],
        [(late, EntryOutcome.DUPLICATE)],
    )
    assert went_back["camt.053"] == [
        (reference, EntryOutcome.DUPLICATE) for reference in (overdue, late, due, late)
    ]
    assert open_bills(desk)["7798"] == 501

    (again,) = bank.ask("2026-12-16")
    bank.answers()
    bank.days_pass(7)
    assert bank.answers()["camt.054"] == [(again, EntryOutcome.POSTED)]

    assert open_bills(desk) == {"7781": 0, "7782": 0, "7790": 3000, "7798": 0}
    in_clearing = sum(
        int(str(row["debit_minor"])) - int(str(row["credit_minor"]))
        for row in rows(desk, "v_journal")
        if row["ledger_account"] == "direct_debit_clearing"
    )
    assert in_clearing == bank.balance() - began_with == 5926
    assert findings(desk) == []


def test_a_message_that_the_bank_refuses_whole_opens_all_of_its_bills(bank: Bank) -> None:
    """To a bank of which the operator is no customer."""
    desk = bank.desk
    mandated(desk, "M-1", "BA-1", number=ELSEWHERE, bic="COBADEFF")
    asking = _asking(collect(desk, BACK_OFFICE, "2026-12-02"))
    whole = (
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.03"><CstmrPmtStsRpt><GrpHdr><MsgId>P-9</MsgId>'
        f"</GrpHdr><OrgnlGrpInfAndSts><OrgnlMsgId>{asking.message_id}</OrgnlMsgId><GrpSts>RJCT</GrpSts><StsRsnInf><Rsn>"
        "<Cd>FF01</Cd></Rsn></StsRsnInf></OrgnlGrpInfAndSts></CstmrPmtStsRpt></Document>"
    )

    told = bank._carry_out(whole)

    assert told == [(item.reference, EntryOutcome.REJECTED) for item in asking.items]
    assert len(collect(desk, BACK_OFFICE, "2026-12-02").items) == len(asking.items) == 2
    assert findings(desk) == []
