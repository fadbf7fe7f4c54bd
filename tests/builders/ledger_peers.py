"""Two programs that are not ours add the books up again: hledger (Debian) and Beancount's ``bean-check`` (PyPI).

They are run as processes, on a file; nothing of them is imported.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PEERS = ("hledger", "beancount")
SUFFIX = {"hledger": ".journal", "beancount": ".beancount"}


def said_of(peer: str, folder: Path, text: str) -> str:
    """What ``peer`` has against the journal ``text``: nothing where it is clean. Skips where it is not installed."""
    file = folder / f"feed{SUFFIX[peer]}"
    file.write_text(text, encoding="utf-8", newline="")
    done = subprocess.run(
        [*_command(peer), str(file)]
        if peer == "beancount"
        else [*_command(peer), str(file), "check", "--strict"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    told = done.stderr + done.stdout
    if done.returncode:
        return told or f"exit {done.returncode}"
    assert not told.strip(), f"{peer} is content, and says: {told}"
    return ""


def balances_by_hledger(file: Path) -> dict[str, str]:
    """The balance of every account as hledger adds it up, such as ``34.250 KWD``."""
    done = subprocess.run(
        [
            *_command("hledger"),
            str(file),
            "balance",
            "--flat",
            "--no-total",
            "--empty",
            "--output-format",
            "csv",
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    rows = [line.strip('"').split('","') for line in done.stdout.splitlines()[1:]]
    return {account: amount for account, amount in rows}


def days_by_hledger(file: Path) -> set[str]:
    """The days that hledger posts on."""
    done = subprocess.run(
        [*_command("hledger"), str(file), "register", "--output-format", "csv"],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return {line.split('","')[1] for line in done.stdout.splitlines()[1:]}


def _command(peer: str) -> list[str]:
    if peer == "hledger":
        found = shutil.which("hledger")
        return [found or _skip("hledger", "the Debian package hledger"), "-f"]
    beside = Path(sys.executable).with_name("bean-check")
    found = str(beside) if beside.exists() else shutil.which("bean-check")
    return [found or _skip("bean-check", "the package beancount of the group dev")]


def _skip(name: str, where: str) -> str:
    pytest.skip(f"NOT TESTED against {name}, which is not installed: {where}")
