"""The machine's own commands: keys, the auditor's files, an altered store."""

import csv
import hashlib
import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pos.bootstrap.homes import NewHome, make_home, open_till
from pos.fixture import read_fixture
from pos.settings import sample_folder
from pos.till.approvals import approve
from pos.till.sign_in import sign_in
from tests.builders.homes import NO_CENTRAL, ForkingPos, quick_machine

PASSPHRASE = "correct horse battery"

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


def test_every_try_of_a_passphrase_costs_32_mib(pos: ForkingPos, home: Path, tmp_path: Path) -> None:
    pos.run("--home", str(home), "backup", str(tmp_path / "b"), "--passphrase-fd", "3", pin=PASSPHRASE)

    sealed = json.loads((tmp_path / "b.keys").read_text())
    salt, nonce, box = (bytes.fromhex(sealed[name]) for name in ("salt", "nonce", "box"))
    blocks, block_bytes = 2**15, 128 * 8
    assert blocks * block_bytes == 32 * 2**20
    key = hashlib.scrypt(PASSPHRASE.encode(), salt=salt, n=blocks, r=8, p=1, maxmem=2**26, dklen=32)
    plain = AESGCM(key).decrypt(nonce, box, b"counterfoil keys 1")
    assert json.loads(plain)["chain.key"] == (home / "keys" / "chain.key").read_text().strip()


def test_a_passphrase_is_never_an_argument(pos: ForkingPos, home: Path, tmp_path: Path) -> None:
    made = pos.run(
        "--home", str(home), "--json", "backup", str(tmp_path / "b"), "--passphrase-fd", "3", pin=PASSPHRASE
    )

    assert (made.status, made.last["findings"]) == (0, 0)
    assert PASSPHRASE not in made.out + made.err
    short = pos.run(
        "--home", str(home), "--json", "backup", str(tmp_path / "c"), "--passphrase-fd", "3", pin="x"
    )
    assert (short.status, short.last["error"]["code"]) == (3, "bad_passphrase")
    assert not (tmp_path / "c").exists()


ADMIN, ADMIN_PIN, OTHER_ADMIN, OTHER_PIN = "5001", "827364", "5002", "958261"


def sample_home(folder: Path) -> Path:
    """The sample shop, which has two admins."""
    fixture = read_fixture(sample_folder() / "fixture-kwd.json")
    new = NewHome(terminal="T2", central_url=NO_CENTRAL, epoch=1, fixture=fixture)
    make_home(folder, new, machine=quick_machine(folder))
    return folder


def test_keys_are_changed_by_two_admins_and_sealed(pos: ForkingPos, tmp_path: Path) -> None:
    home = sample_home(tmp_path / "shop")
    rotate = (
        "--home",
        str(home),
        "--json",
        "keys",
        "rotate",
        "--reason",
        "yearly",
        "--user",
        ADMIN,
        "--pin-fd",
        "3",
    )

    asked = pos.run(*rotate, pin=ADMIN_PIN)
    assert (asked.status, asked.last["error"]["code"]) == (3, "approval_required")
    with open_till(home, machine=quick_machine(home)) as till:
        approve(till.desk, sign_in(till.desk, OTHER_ADMIN, OTHER_PIN), asked.last["error"]["request"])
    done = pos.run(*rotate, pin=ADMIN_PIN)

    assert (done.status, done.last["number"]) == (0, 2)
    shown = pos.run("--home", str(home), "--json", "keys", "show").lines
    assert [key["fingerprint"] for key in shown][1] == done.last["fingerprint"]
    assert pos.run("--home", str(home), "verify").status == 0
    assert pos.run("--home", str(home), "doctor").status == 0
    sealed = pos.run(
        "--home",
        str(home),
        "--json",
        "keys",
        "backup",
        str(tmp_path / "k"),
        "--passphrase-fd",
        "3",
        pin=PASSPHRASE,
    )
    assert (sealed.status, sealed.last["keys"]) == (0, 5)
    said = done.out + sealed.out + (tmp_path / "k").read_text()
    assert not [path for path in (home / "keys").glob("*.key") if path.read_text() in said]


def test_nobody_but_an_admin_changes_keys(pos: ForkingPos, home: Path) -> None:
    ended = pos.run(
        "--home", str(home), "--json", "keys", "rotate", "--user", "1001", "--pin-fd", "3", pin="135790"
    )

    assert (ended.status, ended.last["error"]["code"]) == (4, "not_allowed")


def test_what_is_left_of_a_damaged_store_is_written(pos: ForkingPos, home: Path, tmp_path: Path) -> None:
    pos.script(home, ACTS)
    command = ("--home", str(home), "--json", "export", "support", "--out")

    whole = pos.run(*command, str(tmp_path / "whole.jsonl"))
    content = bytearray((home / "till.db").read_bytes())
    content[100 * 4096 : 140 * 4096] = b"\xa5" * (40 * 4096)
    (home / "till.db").write_bytes(content)
    left = pos.run(*command, str(tmp_path))

    assert (whole.status, whole.last["skipped"]) == (0, [])
    assert left.status == 6
    assert left.last["skipped"]
    assert Path(left.last["file"]).parent == tmp_path
    assert pos.run(*command, str(tmp_path / "whole.jsonl")).last["error"]["code"] == "file_exists"
