"""A card number is offered everywhere a person or a program can put one; afterwards no byte of it is left.

Reliability.md section 2 (43): below the home (books, cache, outbox, papers), at central, in what the terminal scrolled by.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.builders.homes import CASHIER, CASHIER_PIN, ForkingPos, example_central, example_home
from tests.journeys.test_screen_in_a_terminal import Terminal

CARD = "4111111111111111"
FORMS = (
    CARD,
    "4111 1111 1111 1111",
    "4111-1111-1111-1111",
    "４１１１１１１１１１１１１１１１",
    "٤١١١١١١١١١١١١١١١",
)
TRACK = f"%B{CARD}^LEE/ANN^28121010000000000000?"
PAYER = {"kind": "subscriber", "account": "BA-1001"}
CASH = {"mode": "cash", "amount": "1.000"}


def bytes_below(*folders: Path) -> bytes:
    return b"".join(
        path.read_bytes() for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()
    )


def assert_nowhere(told: bytes) -> None:
    """Neither in any form nor its first twelve digits, which say nearly as much."""
    for form in (*FORMS, CARD[:12]):
        assert form.encode() not in told


def lines_with(number: str) -> Iterator[dict[str, Any]]:
    """An act's line with ``number`` in each place in turn."""
    paid = {"act": "pay", "payer": PAYER, "tenders": [CASH], "overpayment": "credit"}
    for name in ("ref", "reason", "overpayment", "unknown", number):
        yield {"ref": "1", **paid, name: number}
    for field in (
        "mode",
        "amount",
        "currency",
        "serial",
        "bank",
        "drawer",
        "auth_code",
        "rrn",
        "micr",
        number,
    ):
        yield {"ref": "1", **paid, "tenders": [{**CASH, field: number}]}
    yield {"ref": "1", **paid, "payer": {"kind": "subscriber", "account": number}}
    yield {"ref": "1", **paid, "allocate": [{"bill": number}]}
    yield {"ref": "1", **paid, "identity": {"kind": "passport", "number": number, "name": number}}
    yield {"ref": "1", "act": "sell", "lines": [{"item": "SIM-01", "serials": [number]}], "tenders": [CASH]}
    yield {"ref": "1", "act": "sign_in", "user": number, "pin": number}
    yield {"ref": "1", "act": number}


def test_a_card_number_offered_to_every_command_is_found_nowhere(pos: ForkingPos, tmp_path: Path) -> None:
    """Rule 44: in a script's every field, in arguments, file names and files, and at the bundled central."""
    home, central = tmp_path / "home", tmp_path / "central"
    central.mkdir()
    example_home(home)
    db = example_central(central / "central.db")
    told = b""
    acts = [line for number in (CARD, TRACK) for line in lines_with(number)]
    acts += [{"ref": "1", "act": "lock", "note": number} for number in FORMS]
    opening = {"ref": "open", "act": "open_shift", "float": {"amount": "20.000"}}

    script = pos.script(home, [opening, *acts])
    told += (script.out + script.err).encode()
    assert [line["ok"] for line in script.lines] == [True] + [False] * len(acts)
    assert {line["error"]["code"] for line in script.lines[1:]} == {"card_number_refused"}

    records, fixture = tmp_path / "records.jsonl", tmp_path / "fixture.json"
    records.write_text(
        json.dumps({"mode": "atm", "amount": "1.000", "account": "BA-1001", "trace": CARD}) + "\n"
    )
    fixture.write_text(json.dumps({"fixture": 1, "shop": {"id": CARD}}))
    person = ("--user", CASHIER, "--pin-fd", "3")
    for command in (
        ["find", CARD, *person],
        ["receipt", CARD, *person],
        ["receipt", "S014-T1-A-000001", "--out", str(tmp_path / f"{CARD}.txt"), *person],
        ["import", "atm", str(records), "--profile", "records", *person],
        ["init", "--terminal", "T2", "--central", "http://127.0.0.1:1", "--fixture", str(fixture)],
        ["central", "load", str(fixture), "--db", db],
        ["verify", "--home", str(tmp_path / CARD)],
    ):
        at = [] if command[0] in ("init", "verify") else ["--home", str(home)]
        ended = pos.run(*command, *at, *(["--home", str(tmp_path / "other")] if command[0] == "init" else []))
        told += (ended.out + ended.err).encode()
        assert ended.status not in (0, 1), command

    records.unlink()
    fixture.unlink()
    assert_nowhere(told)
    assert_nowhere(bytes_below(tmp_path))
    assert_nowhere("".join(str(path) for path in tmp_path.rglob("*")).encode())


CRASHING = """
import sys
from pos.tui.screens.find import FindScreen
answered = FindScreen.on_input_changed
def fail(screen, event):
    query = event.value
    if query.startswith("crash") and len(query) > 20:
        raise RuntimeError(f"cannot find {query}")
    answered(screen, event)
FindScreen.on_input_changed = fail
from pos.cli.main import main
main()
"""


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed: the screen was not tried in a real terminal")
    home = tmp_path / "home"
    example_home(home)
    crashing = tmp_path / "crashing.py"
    crashing.write_text(CRASHING)
    opened = Terminal(
        tmp_path / "tmux",
        [
            "sh",
            "-c",
            f"PYTHONPATH=. {sys.executable} {crashing} till --home {home}; echo ENDED; exec sleep 600",
        ],
    )
    yield opened
    opened.close()


def test_a_card_number_at_the_screen_and_a_crash_while_it_is_typed_leave_nothing(
    terminal: Terminal, tmp_path: Path
) -> None:
    terminal.wait_for("Sign in")
    for _ in ("user", "PIN"):
        terminal.type(CARD)
        terminal.key("Enter")
        terminal.wait_for("card number")
    terminal.key("Up")
    terminal.type(CASHIER)
    terminal.key("Enter")
    terminal.type(CASHIER_PIN)
    terminal.key("Enter")
    terminal.wait_for("Open a shift")
    terminal.type(CARD)
    terminal.key("Enter")
    terminal.wait_for("card number")
    terminal.type("20")
    terminal.key("Enter")
    terminal.wait_for("SHIFT 1")
    terminal.paste(f"{CARD}\n")
    terminal.wait_for("card number")
    terminal.type(f"crash {CARD}")
    terminal.wait_for("The program failed: RuntimeError")
    terminal.wait_for("ENDED")

    (tmp_path / "crashing.py").unlink()
    assert_nowhere(terminal.scrollback.encode())
    assert_nowhere(bytes_below(tmp_path / "home"))
    assert not list(tmp_path.rglob("core*"))
