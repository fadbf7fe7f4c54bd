"""The main job in a real terminal of 80 by 24: sign in, find, pay a bill exactly in three keys, the queue drains."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
KEY_GAP_S = 0.08
"""A person's pace: what comes faster is a scanner, and a scanner's Enter confirms no money."""
LOOK_GAP_S = 0.05
"""Between two looks at the screen: each is a process, which would take the program's own time from it."""
PATIENCE_S = 90


class Terminal:
    """A tmux session of its own server, so that it meets no other."""

    def __init__(self, socket: Path, command: list[str]) -> None:
        self._tmux = ["tmux", "-S", str(socket), "-f", "/dev/null"]
        self._run("new-session", "-d", "-x", "80", "-y", "24", *command)

    def _run(self, *arguments: str) -> str:
        done = subprocess.run([*self._tmux, *arguments], capture_output=True, text=True, check=True, cwd=ROOT)
        return done.stdout

    @property
    def text(self) -> str:
        return self._run("capture-pane", "-p")

    @property
    def scrollback(self) -> str:
        """All that is left of what stood here, from the beginning."""
        return self._run("capture-pane", "-p", "-S", "-")

    def paste(self, text: str) -> None:
        """All characters at once, as a scanner sends them."""
        self._run("send-keys", "-l", "--", text.removesuffix("\n"))
        if text.endswith("\n"):
            self._run("send-keys", "Enter")

    def wait_for(self, pattern: str) -> str:
        """Look until the screen shows ``pattern``."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            text = self.text
            if re.search(pattern, text):
                return text
            if time.monotonic() > deadline:
                pytest.fail(f"the screen never showed {pattern!r}:\n{text}")
            time.sleep(LOOK_GAP_S)

    def type(self, text: str) -> None:
        for character in text:
            self._run("send-keys", "-l", "--", character)
            time.sleep(KEY_GAP_S)

    def key(self, name: str) -> None:
        self._run("send-keys", name)
        time.sleep(KEY_GAP_S)

    def close(self) -> None:
        subprocess.run([*self._tmux, "kill-server"], capture_output=True, check=False)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed: the screen was not tried in a real terminal")
    command = [sys.executable, "-m", "pos", "demo", "--home", str(tmp_path / "shop")]
    opened = Terminal(tmp_path / "tmux", command)
    yield opened
    opened.close()


def test_a_bill_is_paid_exactly_in_three_keys_and_reaches_central(terminal: Terminal, tmp_path: Path) -> None:
    pin = re.search(r"PIN (\d+)", terminal.wait_for(r"user 1001, PIN \d+"))
    assert pin is not None
    terminal.type("1001")
    terminal.key("Enter")
    terminal.type(pin[1])
    terminal.key("Enter")
    terminal.wait_for("Open a shift")
    terminal.key("Enter")
    terminal.wait_for("SHIFT 1")

    terminal.type("BA-1001")
    terminal.key("Enter")
    terminal.wait_for(r"7107237 .* 18\.500")
    terminal.key("F5")
    terminal.wait_for(r"TENDERED\s+> 18\.500")
    terminal.key("Enter")

    terminal.wait_for(r"Receipt S014-T2-A-000001: 18\.500 KWD taken, change 0\.000")
    terminal.wait_for(r"ONLINE +Q 0")
    db = f"sqlite:///{tmp_path / 'shop' / 'central' / 'central.db'}"
    central = subprocess.run(
        [sys.executable, "-m", "pos", "central", "payments", "--json", "--db", db],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    (payment,) = central.stdout.splitlines()
    assert '"receipt_number": "S014-T2-A-000001"' in payment
    assert '"amount": "18.500"' in payment
