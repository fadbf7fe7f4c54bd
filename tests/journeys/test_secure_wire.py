"""A till of an operator with an authority of its own: enrolled, selling and told what is wrong, over TLS both ways."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pos.settings import PROGRAM_FOLDERS
from sync.transport_security import TlsFiles
from tests.builders.authorities import Authority
from tests.builders.homes import CASHIER, CASHIER_PIN, ForkingPos, example_central, terminal_code

SALE: list[dict[str, Any]] = [
    {"ref": "s1", "act": "open_shift", "float": {"amount": "0"}},
    {
        "ref": "p1",
        "act": "pay",
        "payer": {"kind": "subscriber", "account": "BA-1001"},
        "allocate": [{"account": "BA-1001", "amount": "5.000"}],
        "tenders": [{"mode": "cash", "amount": "5.000"}],
    },
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """A central that wants certificates, and tills in their homes."""

    pos: ForkingPos
    authority: Authority
    db_url: str
    url: str

    def till(self, home: Path, files: TlsFiles) -> Path:
        """A home that was enrolled over the wire, with these files in its settings."""
        config = home.with_name("config-of-the-operator")
        write_settings(config, files)
        fixture = home.with_name("shop.json")
        fixture.write_text(self.pos.run("fixture", "--example", pin=None).out, "utf-8")
        made = self.pos.run(
            *(
                "--home",
                str(home),
                "--config",
                str(config),
                "init",
                "--terminal",
                "T1",
                "--central",
                self.url,
            ),
            *("--fixture", str(fixture), "--code", terminal_code(self.db_url, "T1")),
            pin=None,
        )
        assert made.status == 0, made.err
        write_settings(home / "config", files)
        return home

    def sync(self, home: Path, *, within_s: int = 60) -> int:
        """It ends as soon as nothing waits; only one that cannot do its work takes so long."""
        return self.pos.run(
            "--home", str(home), "sync", "--drain", "--timeout", str(within_s), pin=None
        ).status

    def said_of_central(self, home: Path) -> str:
        """By the doctor."""
        lines = self.pos.run("--home", str(home), "--json", "doctor", pin=None).lines
        return next(str(line["says"]) for line in lines if line.get("about") == "central")

    def at_central(self) -> list[str]:
        rows = self.pos.run("central", "payments", "--json", "--db", self.db_url, pin=None).lines
        return [row["amount"] for row in rows]


def write_settings(folder: Path, files: TlsFiles) -> None:
    usual = next(path for one in PROGRAM_FOLDERS if (path := one / "till.toml").is_file()).read_text("utf-8")
    own = (
        usual.replace(
            'ca_file = ""                                # certificates that vouch for central',
            f'ca_file = "{files.ca_file}"  #',
        )
        .replace('client_cert = ""', f'client_cert = "{files.client_cert}"')
        .replace('client_key = ""', f'client_key = "{files.client_key}"')
    )
    assert own.count(files.ca_file) >= 1
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / "till.toml").touch(mode=0o600)
    (folder / "till.toml").write_text(own, "utf-8")


@pytest.fixture
def operator(pos: ForkingPos, tmp_path: Path) -> Iterator[Operator]:
    folder = tmp_path / "authority"
    folder.mkdir()
    authority = Authority(folder)
    files = authority.server("127.0.0.1", client_ca=True)
    db_url = example_central(tmp_path / "central")
    options = (
        "--tls-cert",
        str(files.cert),
        "--tls-key",
        str(files.key),
        "--client-ca",
        str(files.client_ca),
    )
    with pos.start("central", "serve", "--db", db_url, "--port", "0", *options, pin=None) as central:
        port = central.answer()["port"]
        yield Operator(pos=pos, authority=authority, db_url=db_url, url=f"https://127.0.0.1:{port}")


def test_a_till_is_enrolled_and_sells_over_tls_with_a_certificate_of_its_own(
    operator: Operator, tmp_path: Path
) -> None:
    home = operator.till(tmp_path / "home", operator.authority.client("T1"))
    sold = operator.pos.script(home, SALE, user=CASHIER, pin=CASHIER_PIN)
    assert sold.status == 0, sold.lines

    assert operator.sync(home) == 0
    assert operator.at_central() == ["5.000"]
    assert operator.pos.run("--home", str(home), "verify", "--central", pin=None).status == 0
    assert operator.said_of_central(home) == "answers"


def test_a_till_that_does_not_trust_central_says_so_and_keeps_what_it_takes(
    operator: Operator, tmp_path: Path
) -> None:
    own = operator.authority.client("T1")
    home = operator.till(tmp_path / "home", own)
    other = tmp_path / "other"
    other.mkdir()
    write_settings(home / "config", TlsFiles(ca_file=Authority(other).certificate))
    sold = operator.pos.script(home, SALE, user=CASHIER, pin=CASHIER_PIN)
    assert sold.status == 0, sold.lines

    assert operator.sync(home, within_s=3) == 7
    assert operator.at_central() == []
    assert "nobody whom this till trusts has issued central's certificate" in operator.said_of_central(home)

    write_settings(home / "config", own)
    assert operator.sync(home) == 0
    assert operator.at_central() == ["5.000"]


def test_a_till_without_a_certificate_is_not_let_in_and_brings_its_money_once_it_has_one(
    operator: Operator, tmp_path: Path
) -> None:
    own = operator.authority.client("T1")
    home = operator.till(tmp_path / "home", own)
    write_settings(home / "config", TlsFiles(ca_file=own.ca_file))
    assert operator.pos.script(home, SALE, user=CASHIER, pin=CASHIER_PIN).status == 0

    assert operator.sync(home, within_s=3) != 0
    assert operator.at_central() == []
    assert "certificate" in operator.said_of_central(home)

    write_settings(home / "config", own)
    assert operator.sync(home) == 0
    assert operator.at_central() == ["5.000"]
