"""docs/central.md is true: its commands run as they stand, one after the other, and what it names is there."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.central.operating.metrics import PREFIX, Metrics
from tests.builders.authorities import Authority
from tests.builders.homes import ROOT

GUIDE = ROOT / "docs" / "central.md"
USUAL_PORT = "8676"


def commands() -> Iterator[str]:
    """Every line of the guide's shell blocks."""
    for block in re.findall(r"^```sh\n(.*?)^```$", GUIDE.read_text("utf-8"), re.DOTALL | re.MULTILINE):
        yield from block.splitlines()


class Operator:
    """Types what the guide says, in a folder with the files that it tells to have ready."""

    def __init__(self, folder: Path) -> None:
        authority = Authority(folder)
        files = authority.server("localhost")
        files.cert.rename(folder / "cert.pem")
        files.key.rename(folder / "key.pem")
        run = folder / "run"
        run.write_text(f'#!/bin/sh\nshift\nexec "{sys.executable}" -m pos "$@"\n')
        run.chmod(0o700)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = str(free.getsockname()[1])
        self._folder = folder
        self._known = {**os.environ, "PYTHONPATH": str(ROOT), "POS_HOME": str(folder / "home")}
        self.served: subprocess.Popen[str] | None = None

    def type(self, line: str) -> str:
        """Its output. Fails where the command does."""
        mine = line.replace(USUAL_PORT, self._port)
        if " central serve " in mine:
            return self._serve(mine)
        done = subprocess.run(
            ["bash", "-c", mine],
            cwd=self._folder,
            env=self._known,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        self._remember(mine, done.stdout)
        return done.stdout

    def _serve(self, line: str) -> str:
        # Without a shell between us and it, so that it is the process that is stopped.
        self.served = subprocess.Popen(
            line.split(), cwd=self._folder, env=self._known, stdout=subprocess.PIPE, text=True
        )
        assert self.served.stdout is not None
        told = self.served.stdout.readline()
        assert json.loads(told)["event"] == "listening"
        return told

    def _remember(self, line: str, told: str) -> None:
        """What the next commands call by name."""
        if " central client " in line:
            self._known["CLIENT"], self._known["SECRET"] = re.findall(
                r"^client (?:id|secret) +(\S+)$", told, re.M
            )
        elif "/oauth2/token" in line:
            self._known["TOKEN"] = json.loads(told)["access_token"]


@pytest.fixture
def operator(tmp_path: Path) -> Iterator[Operator]:
    operator = Operator(tmp_path)
    yield operator
    if operator.served is not None:
        operator.served.kill()
        operator.served.communicate()


def test_every_command_of_the_guide_runs_as_it_stands(operator: Operator) -> None:
    told = {line: operator.type(line) for line in commands()}

    assert any("/metrics" in line and f"{PREFIX}_store_up 1.0" in out for line, out in told.items())
    assert any("central verify" in line and "sound" in out for line, out in told.items())
    assert operator.served is not None
    operator.served.send_signal(signal.SIGTERM)
    assert operator.served.wait(timeout=30) == 0


def test_the_figures_that_the_guide_names_are_told() -> None:
    named = set(re.findall(rf"`({PREFIX}_\w+)`", GUIDE.read_text("utf-8")))
    told = Metrics().text().decode()

    assert named
    assert [name for name in named if f"# HELP {name}" not in told] == []


def test_the_readme_leads_to_the_guide() -> None:
    assert "docs/central.md" in (ROOT / "README.md").read_text("utf-8")
