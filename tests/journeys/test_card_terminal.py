"""A home set to a nexo terminal, over real processes: a script pays by it, an answer is lost, totals are compared."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.builders.homes import CASHIER, CASHIER_PIN, SUPERVISOR, SUPERVISOR_PIN, ForkingPos
from tests.builders.tills import put_settings
from tests.cards.fake_terminal import FakeTerminal, fake_terminal

ROOT = Path(__file__).resolve().parents[2]
OPEN: dict[str, Any] = {"ref": "s1", "act": "open_shift", "float": {"amount": "20.000"}}


@pytest.fixture
def fake() -> Iterator[FakeTerminal]:
    with fake_terminal() as terminal:
        yield terminal


def connect(home: Path, fake: FakeTerminal) -> None:
    """Set the home's own till.toml to the fake terminal."""
    text = (ROOT / "config" / "till.toml").read_text(encoding="utf-8")
    before, section = text.split("[card_terminal]", 1)
    for old, new in (
        ('driver = "standalone"', 'driver = "nexo"'),
        ('url = ""', f'url = "{fake.url}"'),
        ('poi_id = ""', f'poi_id = "{fake.poi_id}"'),
        ("timeout_s = 120", "timeout_s = 5"),
    ):
        section = section.replace(old, new, 1)
    put_settings(home, "till.toml", f"{before}[card_terminal]{section}")


def pay(ref: str, amount: str) -> dict[str, Any]:
    return {
        "ref": ref,
        "act": "pay",
        "payer": {"kind": "subscriber", "account": "BA-1001"},
        "allocate": [{"bill": "7781", "amount": amount}],
        "tenders": [{"mode": "debit_card", "amount": amount}],
    }


def test_a_script_pays_by_the_terminal_and_the_totals_agree(
    pos: ForkingPos, home: Path, fake: FakeTerminal
) -> None:
    connect(home, fake)

    ended = pos.script(home, [OPEN, pay("p1", "20.000"), pay("p1", "20.000"), pay("p2", "1.500")])

    assert ended.status == 0, ended.out + ended.err
    assert ended.lines[2]["replayed"] is True
    assert sorted(fake.charged.values()) == [Decimal("1.500"), Decimal("20.000")]

    fake.totals = [
        {
            "PaymentInstrumentType": "Card",
            "PaymentCurrency": "KWD",
            "PaymentTotals": [
                {"TransactionType": "Debit", "TransactionCount": 2, "TransactionAmount": Decimal("21.5")}
            ],
        }
    ]
    person = ("--user", SUPERVISOR, "--pin-fd", "3")
    told = pos.run("--home", str(home), "--json", "card", "reconcile", *person, pin=SUPERVISOR_PIN)
    assert told.status == 0, told.out + told.err
    assert told.last["ok"] is True
    assert told.last["compared"][0]["till"] == {"count": 2, "amount": "21.500"}
    fake.totals = []
    again = pos.run(
        "--home", str(home), "--json", "card", "reconcile", "--previous", *person, pin=SUPERVISOR_PIN
    )
    assert (again.status, again.last["error"]["code"]) == (3, "reconciled_already")
    assert pos.run("--home", str(home), "verify").status == 0


def test_after_a_lost_answer_the_next_start_gives_the_money_back(
    pos: ForkingPos, home: Path, fake: FakeTerminal
) -> None:
    connect(home, fake)
    fake.moods = ["drop"]
    ended = pos.script(home, [OPEN, pay("p1", "20.000")])
    assert (ended.status, ended.last["error"]["code"]) == (3, "card_outcome_unknown")
    assert list(fake.charged.values()) == [Decimal("20.000")]

    ended = pos.script(home, [{"ref": "c1", "act": "count", "cash": {"amount": "20.000"}}])

    assert ended.status == 0
    assert fake.charged == {}
    assert fake.categories()[-2:] == ["TransactionStatus", "Reversal"]


def test_without_a_terminal_there_is_nothing_to_reconcile(pos: ForkingPos, home: Path) -> None:
    arguments = ("--home", str(home), "--json", "card", "reconcile", "--pin-fd", "3")
    told = pos.run(*arguments, "--user", SUPERVISOR, pin=SUPERVISOR_PIN)
    assert (told.status, told.last["error"]["code"]) == (3, "card_terminal_not_connected")


def test_a_cashier_closes_no_period(pos: ForkingPos, home: Path, fake: FakeTerminal) -> None:
    connect(home, fake)
    arguments = ("--home", str(home), "--json", "card", "reconcile", "--pin-fd", "3")
    assert pos.run(*arguments, "--user", CASHIER, pin=CASHIER_PIN).status == 4
    assert fake.requests == []
