"""A till that is enrolled by a code, copied, lost and enrolled anew: its money arrives at a central that asks for tokens."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.builders.homes import CASHIER, CASHIER_PIN, ForkingPos, example_central, terminal_code

ADMIN, ADMIN_PIN = "9001", "864209"
SHIFT = {"ref": "s1", "act": "open_shift", "float": {"amount": "0"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """A central that asks for tokens, and the fixture that its tills are made of."""

    pos: ForkingPos
    db_url: str
    url: str
    fixture: Path

    def till(self, home: Path) -> Path:
        """A new home, enrolled by a code."""
        code = terminal_code(self.db_url, "T1")
        made = self.pos.run(
            *("--home", str(home), "--json", "init", "--terminal", "T1", "--central", self.url),
            *("--fixture", str(self.fixture), "--code", code),
            pin=None,
        )
        assert made.status == 0, made.err
        return home

    def sells(self, home: Path, ref: str, amount: str) -> None:
        line = {
            "ref": ref,
            "act": "pay",
            "payer": {"kind": "subscriber", "account": "BA-1001"},
            "allocate": [{"account": "BA-1001", "amount": amount}],
            "tenders": [{"mode": "cash", "amount": amount}],
        }
        lines: list[dict[str, Any]] = [line] if ref != "p1" else [SHIFT, line]
        sold = self.pos.script(home, lines, user=CASHIER, pin=CASHIER_PIN)
        assert sold.status == 0, sold.lines

    def syncs(self, home: Path) -> Any:
        return self.pos.run("--home", str(home), "--json", "sync", "--drain", "--timeout", "20", pin=None)

    def enrols_anew(self, home: Path) -> dict[str, Any]:
        code = terminal_code(self.db_url, "T1")
        done = self.pos.run(
            *("--home", str(home), "--json", "enrol", "--code", code, "--user", ADMIN, "--pin-fd", "3"),
            pin=ADMIN_PIN,
        )
        assert done.status == 0, done.err + done.out
        told: dict[str, Any] = done.last
        return told

    def at_central(self) -> list[tuple[int, str]]:
        """(epoch, amount) of every payment."""
        rows = self.pos.run("central", "payments", "--json", "--db", self.db_url, pin=None).lines
        return sorted((row["epoch"], row["amount"]) for row in rows)


@pytest.fixture
def shop(pos: ForkingPos, tmp_path: Path) -> Iterator[Shop]:
    db_url = example_central(tmp_path / "central")
    told = json.loads(pos.run("fixture", "--example", pin=None).out)
    told["users"].append(
        {**told["users"][0], "user": ADMIN, "pin": ADMIN_PIN, "name": "B. Sayed", "roles": ["admin"]}
    )
    fixture = tmp_path / "fixture.json"
    fixture.write_text(json.dumps(told), "utf-8")
    with pos.start("central", "serve", "--db", db_url, "--port", "0", pin=None) as central:
        answer = central.answer()
        yield Shop(
            pos=pos,
            db_url=db_url,
            url=f"http://{answer['host']}:{answer['port']}",
            fixture=fixture,
        )


def test_a_lost_till_is_barred_and_enrolled_anew_with_all_its_money(shop: Shop, tmp_path: Path) -> None:
    home = shop.till(tmp_path / "home")
    assert (home / "central.key").stat().st_mode & 0o777 == 0o600
    key = json.loads((home / "central.key").read_text())["private_key"]
    for kept in home.rglob("*.db*"):
        assert key.encode() not in kept.read_bytes()
    shop.sells(home, "p1", "5.000")
    assert shop.syncs(home).status == 0

    lost = shop.pos.run("central", "terminal", "lost", "T1", "--db", shop.db_url, pin=None)
    assert lost.status == 0
    shop.sells(home, "p2", "6.000")
    barred = shop.syncs(home)
    assert (barred.status, barred.last["error"]["code"]) == (4, "not_enrolled")
    doctor = shop.pos.run("--home", str(home), "--json", "doctor", pin=None)
    (central,) = [line for line in doctor.lines if line.get("about") == "central"]
    assert central["state"] == "look"
    assert "pos enrol" in central["do"]

    assert shop.enrols_anew(home)["epoch"] == 2
    assert shop.syncs(home).status == 0
    assert shop.at_central() == [(1, "5.000"), (1, "6.000")]
    assert shop.pos.run("--home", str(home), "verify", "--central", pin=None).status == 0
    shop.sells(home, "p3", "7.000")
    assert shop.syncs(home).status == 0
    assert shop.at_central()[-1] == (2, "7.000")
    assert shop.pos.run("--home", str(home), "verify", "--central", pin=None).status == 0
    audit = shop.pos.run("--json", "central", "audit", "--db", shop.db_url, pin=None).lines
    assert [line["event"] for line in audit if line["event"] != "token_refused"] == [
        "code_made",
        "enrolled",
        "terminal_lost",
        "code_made",
        "enrolled",
    ]


def test_a_copied_home_is_fenced_and_what_it_took_arrives_once_it_is_enrolled_anew(
    shop: Shop, tmp_path: Path
) -> None:
    """reliability.md, invariant 11."""
    home = shop.till(tmp_path / "home")
    shop.sells(home, "p1", "5.000")
    copy = tmp_path / "copy"
    shutil.copytree(home, copy)
    shop.sells(home, "p2", "6.000")
    shop.sells(copy, "p2", "7.000")
    shop.sells(copy, "p3", "8.000")

    assert shop.syncs(home).status == 0
    fenced = shop.syncs(copy)
    assert (fenced.status, fenced.last["parked"]) == (3, 1)
    listed = shop.pos.run("--json", "central", "terminal", "list", "--db", shop.db_url, pin=None).last
    assert listed["cloned_at"] is not None

    assert shop.enrols_anew(copy) == {
        "ok": True,
        "terminal": "T1",
        "epoch": 2,
        "series": "B",
        "sent_again": 1,
    }
    assert shop.syncs(copy).status == 0
    assert shop.at_central() == [(1, "5.000"), (1, "6.000"), (1, "8.000"), (2, "7.000")]
    assert shop.pos.run("--home", str(copy), "verify", pin=None).status == 0
    # Of the two, the one that was enrolled last speaks; the other keeps what it takes.
    shop.sells(home, "p4", "9.000")
    assert shop.syncs(home).status == 4
    shop.enrols_anew(home)
    assert shop.syncs(home).status == 0
    assert sorted(amount for _, amount in shop.at_central()) == ["5.000", "6.000", "7.000", "8.000", "9.000"]


def test_a_home_that_was_made_before_tills_had_keys_is_told_to_enrol(shop: Shop, tmp_path: Path) -> None:
    home = shop.till(tmp_path / "home")
    (home / "central.key").unlink()
    shop.sells(home, "p1", "5.000")
    assert shop.syncs(home).status == 4
    shop.enrols_anew(home)
    assert shop.syncs(home).status == 0
    assert shop.at_central() == [(1, "5.000")]
    with sqlite3.connect(home / "till.db") as books:
        states = books.execute("SELECT DISTINCT state FROM v_outbox").fetchall()
    assert states == [("acknowledged",)]


def test_only_an_admin_enrols_a_till_and_the_code_stays_unused(shop: Shop, tmp_path: Path) -> None:
    home = shop.till(tmp_path / "home")
    code = terminal_code(shop.db_url, "T1")
    arguments = ("--home", str(home), "--json", "enrol", "--code", code, "--user", CASHIER, "--pin-fd", "3")
    assert shop.pos.run(*arguments, pin=CASHIER_PIN).status == 4
    assert shop.syncs(home).status == 0
