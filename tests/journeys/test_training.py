"""Practising at the till: another store, another series, every paper and the screen marked (domain.md rule 63)."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from pos.bootstrap.bank_files import BankFileWays, FilesFolder
from pos.bootstrap.cards import card_terminal_of
from pos.bootstrap.homes import open_till, real_machine
from pos.bootstrap.paper import network_devices
from pos.bootstrap.wire import make_client
from pos.domain.errors import Refused
from receipts.printer import NoDrawer
from tests.builders.homes import NO_CENTRAL, ForkingPos
from tests.builders.tills import BACK_OFFICE, put_settings

DAY: list[dict[str, Any]] = [
    {"ref": "t1", "act": "open_shift", "float": {"amount": "20.000"}},
    {
        "ref": "t2",
        "act": "pay",
        "payer": {"kind": "subscriber", "account": "BA-1001"},
        "tenders": [{"mode": "cash", "amount": "5.000"}],
    },
    {"ref": "t3", "act": "count", "cash": {"amount": "25.000"}},
    {"ref": "t4", "act": "close_shift"},
]
WAYS_OUT = f"""
[sync]
central_url = "{NO_CENTRAL}"
[printer]
network = "127.0.0.1:9"
[ledger]
delivered_by = "till"
folder = "/var/tmp"
[direct_debit]
folder = "/var/tmp"
[card_terminal]
driver = "nexo"
url = "{NO_CENTRAL}"
poi_id = "POI1"
sale_id = "T1"
"""


@pytest.fixture
def practice(pos: ForkingPos, home: Path) -> Path:
    """The home where people of ``home`` practise."""
    made = pos.run("--home", str(home), "--json", "training", "--no-screen")
    assert made.status == 0, made.err
    return Path(made.last["home"])


def books(home: Path) -> list[str]:
    with sqlite3.connect(f"file:{home / 'till.db'}?mode=ro", uri=True) as connection:
        return list(connection.iterdump())


def test_what_is_practised_is_in_no_row_of_the_till(pos: ForkingPos, home: Path, practice: Path) -> None:
    before = books(home)

    practised = pos.script(practice, DAY)

    assert practised.status == 0
    assert books(home) == before
    receipt = json.loads(practised.out.splitlines()[1])["receipt"]
    assert receipt.split("-")[-2:] == ["TRAINING", "000001"]
    assert pos.run("--home", str(home), "verify").status == 0
    assert pos.run("--home", str(practice), "verify").status == 0


def test_every_paper_says_so_at_its_top_and_at_its_foot(pos: ForkingPos, home: Path, practice: Path) -> None:
    real = pos.script(home, DAY[:2])
    practised = pos.script(practice, DAY)
    numbers = [told["receipt"] for told in map(json.loads, practised.out.splitlines()) if "receipt" in told]
    for path in (practice / "receipts").glob("*.txt"):
        lines = [line.strip(" *|+-#=") for line in path.read_text().splitlines()]
        found = [place for place, line in enumerate(lines) if line == "TRAINING"]
        assert len(found) == 2, path
        assert found[0] < 3
        assert found[1] > len(lines) - 6
    assert any(numbers[0] in path.name for path in (practice / "receipts").iterdir())
    assert real.status == 0
    assert all("TRAINING" not in path.read_text() for path in (home / "receipts").glob("*.txt"))


def test_there_is_no_way_out_of_it_whatever_the_settings_name(
    pos: ForkingPos, home: Path, practice: Path
) -> None:
    put_settings(home, "till.toml", WAYS_OUT)
    assert pos.run("--home", str(home), "training", "--no-screen").status == 0
    assert "nexo" in (practice / "config" / "till.toml").read_text()

    with open_till(practice, machine=real_machine()) as till:
        devices = network_devices(till.settings)
        assert isinstance(devices.drawer, NoDrawer)
        assert devices.printer is not None
        assert card_terminal_of(till) is None
        assert till.settings.till.ledger.delivered_by == "nobody"
        assert not till.desk.policy.offline.has_central
        assert till.settings.till.direct_debit.folder == ""
        with pytest.raises(Refused) as shut:
            FilesFolder(BankFileWays.of(till)).files(BACK_OFFICE)
        assert shut.value.code == "training"
        with pytest.raises(Refused) as refusal:
            make_client(till)
    assert refusal.value.code == "no_central"
    assert not (practice / "central.key").exists()


@pytest.mark.parametrize(
    "command",
    [
        ("export", "gl", "--format", "csv", "--out", "gl.csv"),
        ("export", "journal", "--format", "hledger", "--out", "journal.txt"),
        ("export", "direct-debit", "--collect-on", "2027-01-31", "--out", "debits.xml"),
    ],
)
def test_nothing_of_it_is_written_for_others(
    pos: ForkingPos, practice: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    assert pos.script(practice, DAY).status == 0
    *rest, name = command

    who = ("--user", "4001", "--pin-fd", "3")
    ended = pos.run("--home", str(practice), "--json", *rest, str(tmp_path / name), *who, pin="619405")

    assert (ended.status, ended.last["error"]["code"]) == (3, "training")
    assert not (tmp_path / name).exists()


def test_it_begins_anew_on_demand_and_nothing_else_is_ever_removed(
    pos: ForkingPos, home: Path, practice: Path
) -> None:
    assert pos.script(practice, DAY).status == 0

    kept = pos.run("--home", str(home), "--json", "training", "--no-screen")
    assert (kept.status, len(list((practice / "receipts").iterdir())) > 0) == (0, True)
    anew = pos.run("--home", str(home), "--json", "training", "--no-screen", "--anew")
    assert (anew.status, list((practice / "receipts").iterdir())) == (0, [])

    again = pos.run("--home", str(practice), "--json", "training", "--no-screen")
    assert (again.status, again.last["error"]["code"]) == (3, "training")
    with sqlite3.connect(practice / "till.db") as connection:
        connection.execute("DELETE FROM home WHERE name = 'training'")
    refused = pos.run("--home", str(home), "--json", "training", "--no-screen", "--anew")
    assert refused.status != 0
    assert (practice / "till.db").exists()


def test_a_real_store_that_lies_where_people_practise_is_not_opened_as_training(
    pos: ForkingPos, home: Path
) -> None:
    shutil.copytree(home, home / "training")
    own = put_settings(home / "training", "till.toml", "[sign_in]\nmax_failures = 7\n")

    opened = pos.run("--home", str(home), "--json", "training", "--no-screen")

    assert (opened.status, opened.last["error"]["code"]) == (3, "training")
    assert own.exists()


def test_what_a_death_left_of_it_is_made_anew(pos: ForkingPos, home: Path, practice: Path) -> None:
    practice.rename(home / "training.begun")
    (home / "training.begun" / "cache.db").unlink()

    made = pos.run("--home", str(home), "--json", "training", "--no-screen")

    assert made.status == 0, made.err
    assert pos.script(practice, DAY).status == 0
    assert not (home / "training.begun").exists()
    practice.rename(home / "training.gone")
    (home / "training.gone" / "till.db").unlink()
    assert pos.run("--home", str(home), "training", "--no-screen", "--anew").status == 0
    assert not (home / "training.gone").exists()


def test_one_that_an_older_version_left_begins_anew(pos: ForkingPos, home: Path, practice: Path) -> None:
    with sqlite3.connect(practice / "till.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0055'")

    made = pos.run("--home", str(home), "--json", "training", "--no-screen", "--anew")

    assert made.status == 0, made.err
    assert pos.script(practice, DAY).status == 0
