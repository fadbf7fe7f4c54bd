"""A receipt printer with a cash drawer that is not ours: emupos, as a process of its own (``.ci/peers`` installs it)."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from receipts.printer import NetworkAddress

ROOT = Path(__file__).resolve().parents[2]
EMUPOS = ROOT / ".peers" / "emupos" / "bin" / "emupos"

NARROW_PROFILE = """\
type: printer
name: A printer for rolls of 58 mm
dpi: 203
width_dots: 384
font_a: { width: 12, height: 24 }
font_b: { width: 9, height: 17 }
code_pages: { 0: PC437, 2: PC850, 16: WPC1252, 17: PC866, 18: PC852, 19: PC858 }
default_code_page: 0
drawer_sensor_open_level: high
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmulatedPrinter:
    """One printer of the emulator: ``wide`` has a roll of 80 mm, ``narrow`` one of 58 mm."""

    name: str
    port: int
    api: httpx.Client
    log: Path

    @property
    def address(self) -> NetworkAddress:
        return NetworkAddress(host="127.0.0.1", port=self.port, answer_timeout_s=2, print_timeout_s=5)

    def papers(self) -> list[str]:
        """Names of the papers that came out, newest first."""
        return [paper["id"] for paper in self._get("/receipts").json()]

    def text(self, paper: str) -> str:
        """What a reader of the paper reads; a picture is told as ``[image 576x30]``."""
        return self._get(f"/receipts/{paper}/text").text

    def picture(self, paper: str) -> bytes:
        """The paper as PNG, a dot a pixel."""
        return self._get(f"/receipts/{paper}/image").content

    @contextmanager
    def fault(self, name: str) -> Iterator[None]:
        """``paper-out``, ``cover-open`` or ``offline`` for as long as the block lasts."""
        self.api.put(f"{self._path}/faults/{name}").raise_for_status()
        try:
            yield
        finally:
            self.api.delete(f"{self._path}/faults/{name}").raise_for_status()

    @property
    def drawer_is_open(self) -> bool:
        return str(self._get("").json()["state"]["drawer"]) == "open"

    def close_drawer(self) -> None:
        self.api.post(f"{self._path}/drawer/close").raise_for_status()

    def complaints(self) -> list[str]:
        """Bytes and code pages that a printer would not have understood."""
        kinds = ("printer.command.unknown", "printer.codepage.unsupported")
        return [line for line in self.log.read_text().splitlines() if any(kind in line for kind in kinds)]

    @property
    def _path(self) -> str:
        return f"/api/v1/devices/{self.name}"

    def _get(self, path: str) -> httpx.Response:
        return self.api.get(self._path + path).raise_for_status()


@contextmanager
def emulated_printers(folder: Path) -> Iterator[dict[str, EmulatedPrinter]]:
    """Both printers, their papers below ``folder``; skips the test where the emulator is not there or does not run."""
    _skip_unless_it_runs()
    ports = dict(zip(("api", "wide", "narrow"), _free_ports(3), strict=True))
    (folder / "narrow.yaml").write_text(NARROW_PROFILE)
    devices = [
        {
            "id": name,
            "type": "printer",
            "profile": profile,
            "connections": [{"tcp": {"port": ports[name]}}],
            "receipts_dir": "./receipts",
        }
        for name, profile in (("wide", "epson-tm-t20iii"), ("narrow", "./narrow.yaml"))
    ]
    settings: dict[str, Any] = {"schema": 1, "api": {"port": ports["api"]}, "devices": devices}
    # JSON is YAML as well.
    (folder / "emupos.yaml").write_text(json.dumps(settings))
    log = folder / "log"
    with log.open("wb") as said:
        process = subprocess.Popen(
            [EMUPOS, "run"],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            env=_environment(folder),
        )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{ports['api']}", trust_env=False) as api:
            wait_until(lambda: process.poll() is not None or _answers(api), timeout_s=30)
            assert process.poll() is None, f"the emulator ended: {log.read_text()}"
            names = ("wide", "narrow")
            yield {name: EmulatedPrinter(name=name, port=ports[name], api=api, log=log) for name in names}
    finally:
        process.terminate()
        process.wait(timeout=10)


def wait_until(holds: Callable[[], bool], *, timeout_s: float = 5) -> None:
    """Look again and again; fails after ``timeout_s``."""
    until = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < until, "this did not come to hold in time"
        time.sleep(0.02)


def _skip_unless_it_runs() -> None:
    try:
        ran = subprocess.run([EMUPOS, "--version"], capture_output=True, timeout=60, check=False)
    except OSError as error:
        reason = error.strerror
    else:
        if ran.returncode == 0:
            return
        reason = ran.stderr.decode(errors="replace").strip()
    pytest.skip(f"emupos does not run ({reason}); .ci/peers installs it: NO RECEIPT PRINTER WAS TRIED")


def _environment(folder: Path) -> dict[str, str]:
    # Wide, so that no line of its log is broken.
    return {
        "HOME": str(folder),
        "COLUMNS": "400",
        "NO_COLOR": "1",
        "PYTHONUNBUFFERED": "1",
        "PATH": "/usr/bin:/bin",
    }


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [int(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()


def _answers(api: httpx.Client) -> bool:
    try:
        return api.get("/api/v1/health").is_success
    except httpx.TransportError:
        return False
