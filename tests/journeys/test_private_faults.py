"""What a command tells when it is misused or fails: never a card number, never a value, no core file."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pos.cli.faults import PrivateFormatter
from pos.cli.main import run
from tests.builders.homes import ROOT

CARD = "4111111111111111"
REFUSED = 3


@pytest.mark.parametrize(
    "arguments",
    [
        [CARD],
        ["find", CARD],
        ["find", "4111 1111 1111 1111"],
        ["find", "4111", "1111", "1111", "1111"],
        ["script", f"{CARD}.jsonl"],
        ["script", "-", "--user", CARD],
        ["import", "atm", f"/tmp/{CARD}.csv", "--profile", "records"],
        ["import", "atm", "x.csv", "--profile", CARD],
        ["receipt", "1", "--out", f"{CARD}.txt"],
        ["central", "serve", "--db", f"sqlite:///{CARD}.db"],
        ["init", f"--terminal={CARD}"],
        [f"--{CARD}", "verify"],
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_an_argument_that_is_a_card_number_is_refused_and_not_repeated(
    arguments: list[str], as_json: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rule 44: command lines too; the library for them repeats what it does not understand."""
    asked = [*arguments, "--home", str(tmp_path / "home"), *(["--json"] if as_json else [])]

    assert run(asked) == REFUSED
    told = capsys.readouterr()
    assert "4111" not in told.out + told.err
    assert "card_number_refused" in (told.out if as_json else told.err)
    assert list(tmp_path.iterdir()) == []


def test_a_home_named_by_a_card_number_is_not_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for arguments in (
        ["verify", "--home", str(tmp_path / CARD)],
        ["verify", f"--home={tmp_path}/4111-1111-1111-1111"],
    ):
        assert run(arguments) == REFUSED
    monkeypatch.setenv("POS_HOME", str(tmp_path / CARD))
    assert run(["verify"]) == REFUSED

    told = capsys.readouterr()
    assert "4111" not in told.out + told.err
    assert list(tmp_path.iterdir()) == []


FAULT = """
import resource, threading
from pos.cli.faults import keep_faults_private
keep_faults_private()
print(resource.getrlimit(resource.RLIMIT_CORE))
def read(typed):
    return int(typed)
thread = threading.Thread(target=read, args=("PIN 739251",), name="Aisha")
thread.start(); thread.join()
read("4111111111111111 Aisha Al-Sabah\\x1b[2J")
"""


def test_a_fault_of_the_program_tells_its_kind_and_place_alone() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", FAULT], capture_output=True, text=True, check=False, cwd=ROOT
    )

    assert ended.returncode == 1
    assert ended.stdout.strip() == "(0, 0)"
    assert ended.stderr.count("The program failed: ValueError, at") == 2
    assert re.search(r"<string>:\d+ read", ended.stderr)
    for value in ("4111", "Aisha", "739251", "\x1b"):
        assert value not in ended.stderr


FAULT_OF_A_COMMAND = """
import sys
import pos.fixture
from pos.cli.main import main
def read():
    raise ValueError("4111111111111111 Aisha Al-Sabah\\x1b[2J")
pos.fixture.example_fixture = read
sys.argv = ["pos", "fixture", "--example"]
main()
"""


def test_a_fault_behind_a_command_tells_no_more() -> None:
    """The library for commands has a hook of its own for faults, which would print the text of one."""
    ended = subprocess.run(
        [sys.executable, "-c", FAULT_OF_A_COMMAND], capture_output=True, text=True, check=False, cwd=ROOT
    )

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("The program failed: ValueError, at")
    assert re.search(r"<string>:\d+ read$", ended.stderr.strip())
    for value in ("4111", "Aisha", "\x1b", "Traceback"):
        assert value not in ended.stderr


HELD = """
import ctypes
from pos.cli.faults import keep_faults_private
PR_GET_DUMPABLE = 3
ask = lambda: ctypes.CDLL(None).prctl(PR_GET_DUMPABLE, 0, 0, 0, 0)
before = ask()
keep_faults_private()
limits = [line.split()[4:6] for line in open("/proc/self/limits") if line.startswith("Max core")]
print(before, ask(), limits[0])
"""


def test_no_other_process_can_have_this_ones_memory_written_down() -> None:
    """Invariant 43: a PIN that is being typed is in no dump, through a file or a pipe."""
    ended = subprocess.run([sys.executable, "-c", HELD], capture_output=True, text=True, check=True, cwd=ROOT)

    assert ended.stdout.strip() == "1 0 ['0', '0']"


def test_every_command_is_held_so_from_its_start(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "pos",
        "central",
        "serve",
        "--db",
        f"sqlite:///{tmp_path}/c.db",
        "--port",
        "0",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        assert b"listening" in process.stdout.readline()
        limits = Path(f"/proc/{process.pid}/limits").read_text("ascii").splitlines()
        process.terminate()

    assert [line.split()[4:6] for line in limits if line.startswith("Max core")] == [["0", "0"]]


def test_a_log_line_holds_no_card_number_no_control_and_no_value_of_a_fault() -> None:
    try:
        raise ValueError(f"Aisha paid by {CARD}")
    except ValueError:
        record = logging.LogRecord(
            "pos.x", logging.ERROR, "x.py", 1, "scan %s\n\x1b[2Jfailed", (CARD,), sys.exc_info()
        )

    told = PrivateFormatter().format(record)

    assert "4111" not in told
    assert "Aisha" not in told
    first, *rest = told.split("\n")
    assert first == f"ERROR pos.x: scan {'*' * 16}\\n\\x1b[*Jfailed"
    assert rest[0] == "The program failed: ValueError, at"


def test_an_honest_argument_is_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Beside the bad: a serial number, a phone number, a receipt and a folder with digits of a day are no card numbers."""
    for query in ("356938035643809", "+965 5551 0001", "S014-T1-A-000001"):
        code = run(
            [
                "find",
                query,
                "--json",
                "--home",
                str(tmp_path / "2026-11-22"),
                "--user",
                "1001",
                "--pin-fd",
                "99",
            ]
        )
        assert code != REFUSED
    told = capsys.readouterr()
    assert "card_number_refused" not in told.out + told.err
