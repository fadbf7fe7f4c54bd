"""The machine's own commands: keys, the auditor's files, an altered store."""

import csv
import shutil
import sqlite3
from pathlib import Path
from typing import Any

from tests.builders.homes import ForkingPos

ACTS: list[dict[str, Any]] = [
    {"ref": "o1", "act": "open_shift", "float": {"amount": "20.000", "currency": "KWD"}},
    {
        "ref": "o2",
        "act": "pay",
        "payer": {"kind": "subscriber", "account": "BA-1001"},
        "tenders": [{"mode": "cash", "amount": "5.000"}],
    },
    {"ref": "o3", "act": "count", "cash": {"amount": "25.000", "currency": "KWD"}},
    {"ref": "o4", "act": "close_shift"},
]


def test_an_auditor_checks_a_copy_with_the_public_key_alone(
    pos: ForkingPos, home: Path, tmp_path: Path
) -> None:
    assert pos.script(home, ACTS).status == 0
    (key,) = pos.run("--home", str(home), "--json", "keys", "show").lines
    copy = tmp_path / "copy.db"
    shutil.copy(home / "till.db", copy)

    ended = pos.run("--json", "keys", "check", str(copy), "--public-key", key["public_key"])
    assert (ended.status, ended.last) == (0, {"ok": True, "signed_shifts": 1, "findings": 0})

    other = pos.run("--json", "keys", "check", str(copy), "--public-key", "00" * 32)
    assert (other.status, other.lines[0]["check"]) == (6, "shift_is_signed_by_this_terminal")
    for name in ("chain", "pepper", "marks", "sign"):
        assert (home / "keys" / f"{name}.key").read_text() not in str(key)


def test_the_auditors_file_is_written_once_and_for_its_owner(
    pos: ForkingPos, home: Path, tmp_path: Path
) -> None:
    pos.script(home, ACTS)
    out = tmp_path / "audit.csv"
    command = ("--home", str(home), "--json", "export", "audit", "--format", "csv", "--out", str(out))

    ended = pos.run(*command, "--user", "1001", "--pin-fd", "3")

    assert ended.status == 0
    with out.open(newline="", encoding="utf-8") as file:
        told = list(csv.DictReader(file))
    assert len(told) == ended.last["rows"]
    assert [row["act"] for row in told if row["result"] == "ok"][-1] == "sign_in"
    assert {"open_shift", "pay", "count", "close_shift"} <= {row["act"] for row in told}
    assert out.stat().st_mode & 0o777 == 0o600
    assert pos.run(*command, "--user", "1001", "--pin-fd", "3").status == 2


def test_what_can_be_checked_of_an_unusable_store_is_checked(pos: ForkingPos, home: Path) -> None:
    pos.script(home, ACTS)
    books = sqlite3.connect(home / "till.db")
    with books:
        books.execute("UPDATE home SET value = '{' WHERE name = 'shop'")
    books.close()

    ended = pos.run("--home", str(home), "--json", "verify")

    assert ended.status == 6
    assert {"ok": False, "check": "chain_row_altered", "where": "home shop"} in ended.lines


def test_a_passphrase_is_never_an_argument(pos: ForkingPos, home: Path, tmp_path: Path) -> None:
    passphrase = "correct horse battery"
    made = pos.run(
        "--home", str(home), "--json", "backup", str(tmp_path / "b"), "--passphrase-fd", "3", pin=passphrase
    )

    assert (made.status, made.last["findings"]) == (0, 0)
    assert passphrase not in made.out + made.err
    short = pos.run(
        "--home", str(home), "--json", "backup", str(tmp_path / "c"), "--passphrase-fd", "3", pin="x"
    )
    assert (short.status, short.last["error"]["code"]) == (3, "bad_passphrase")
    assert not (tmp_path / "c").exists()
