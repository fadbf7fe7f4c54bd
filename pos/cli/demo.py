"""A sample shop on embedded defaults: a home, a central of its own on a loopback port, an enrolled terminal, the screen.

``--headless`` does the whole main job without a screen and ends with 0 only if all of it held.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pos.bootstrap.wire import CentralUnreachable
from pos.cli.output import Invocation

if TYPE_CHECKING:
    from pos.fixture import Fixture

TERMINAL = "T2"
START_TIMEOUT_S = 30
CASHIER = "1001"


def demo(
    context: typer.Context,
    headless: Annotated[
        bool, typer.Option("--headless", help="Do the whole main job without a screen.")
    ] = False,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Central's port; 0 takes a free one.")
    ] = 0,
) -> int:
    """Try everything in a sample shop."""
    call: Invocation = context.obj
    home = call.home if call.home_given else Path(tempfile.mkdtemp(prefix="counterfoil-demo-"))
    call = replace(call, home=home / "till")
    call.note(f"The sample shop is in {home}.")
    if (call.home / "till.db").exists():
        raise typer.BadParameter(f"{call.home} is there already. Choose an empty folder for the demo.")
    with central_of(home, port) as central:
        shop = _make_shop(call, central, bank=home / "bank")
        if headless:
            from pos.cli.main_job import MainJob

            return MainJob(call, central_db=central.db, cashier=CASHIER, shop=shop).run()
        from pos.cli.screen import run_screen  # Textual loads only where a screen is shown.

        run_screen(call, hint=f"Sample shop: user {CASHIER}, PIN {_pin(shop)}")
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningCentral:
    """The demo's central: its address and its database."""

    url: str
    db: str


def _fixture_file() -> Path:
    from pos.settings import sample_folder

    return sample_folder() / "fixture-kwd.json"


def _pin(shop: Fixture) -> str:
    """The sample cashier's PIN, which stands on the sign-in."""
    return next(user.pin for user in shop.users if user.user == CASHIER)


@contextmanager
def central_of(home: Path, port: int) -> Iterator[RunningCentral]:
    """Central as a process of its own, filled with the sample shop; stopped at the end."""
    from pos.bootstrap.homes import HomePaths

    paths = HomePaths(home=home)
    folder = home / "central"
    db = f"sqlite:///{folder / 'central.db'}"
    if not folder.exists():
        folder.mkdir(mode=0o700, parents=True)
        _fill_central(db)
    command = [sys.executable, "-m", "pos", "central", "serve", "--db", db, "--port", str(port)]
    if paths.till_db.exists() and not paths.central_key.exists():
        # A demonstration of an older version, whose till has no key to show.
        command.append("--no-auth")
    # Standard error is the screen's. However this process ends, a closed window among the ways, central ends with it.
    command += ["--log", str(folder / "central.log"), "--until-stdin-ends"]
    root = Path(__file__).resolve().parents[2]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True, cwd=root)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise CentralUnreachable("the sample shop's own did not start")
        told = json.loads(line)
        yield RunningCentral(url=f"http://{told['host']}:{told['port']}", db=db)
    finally:
        process.terminate()
        try:
            process.wait(START_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def _fill_central(db: str) -> None:
    from sync.central.operating.fixture import load_fixture
    from sync.central.schema.opening import open_central
    from sync.wire_json import loads

    store = open_central(db)
    try:
        load_fixture(store, loads(_fixture_file().read_bytes()))
    finally:
        store.close()


def _make_shop(call: Invocation, central: RunningCentral, *, bank: Path) -> Fixture:
    """The terminal's home, enrolled by a one-time code, and a file of its bank in ``bank``; the fixture it was made of."""
    from pos.bootstrap.homes import NewHome, make_home, real_machine
    from pos.bootstrap.wire import enrol
    from pos.cli.sample_debits import lay_down_bank_file
    from pos.fixture import read_fixture
    from pos.machine import MachineClock, MachineRandomness
    from sync.central.schema.opening import open_central
    from sync.central.tills.terminals import make_terminal_code

    shop = read_fixture(_fixture_file())
    store = open_central(central.db)
    try:
        code = make_terminal_code(store, TERMINAL, clock=MachineClock("UTC"), randomness=MachineRandomness())
    finally:
        store.close()
    machine = real_machine()
    key = asyncio.run(enrol(central.url, TERMINAL, code, randomness=machine.randomness))
    new = NewHome(terminal=TERMINAL, central_url=central.url, epoch=key.epoch, fixture=shop, key=key)
    make_home(call.home, new, machine=machine)
    _write_settings(call.home, shop, bank)
    lay_down_bank_file(bank, shop, machine.clock_of(shop.shop.time_zone).now().date())
    return shop


def _write_settings(home: Path, shop: Fixture, bank: Path) -> None:
    """The home's own ``till.toml``: the program's, with what the sample shop charges and where its bank's files are."""
    from pos.sample import with_bank_folder, with_sample_fees
    from pos.settings import PROGRAM_FOLDERS

    usual = next(path for folder in PROGRAM_FOLDERS if (path := folder / "till.toml").is_file())
    own = home / "config" / "till.toml"
    own.parent.mkdir(mode=0o700, exist_ok=True)
    own.touch(mode=0o600)
    text = with_bank_folder(usual.read_text("utf-8"), bank)
    own.write_text(with_sample_fees(text, shop.shop.currency), "utf-8")
