"""kill -9 at writes and flushes of a change of keys: what is left verifies, sells, and can be changed again.

FAULT_POINTS (6) says at how many of them, half as many as of a script's.
"""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

from pos.bootstrap.homes import NewHome, make_home, open_till, real_machine
from pos.bootstrap.store_check import store_findings
from pos.fixture import read_fixture
from pos.settings import sample_folder
from pos.till.approvals import approve
from pos.till.sign_in import sign_in
from pos.till.verify import verify_books
from tests.builders.homes import NO_CENTRAL, Ended, ForkingPos, quick_machine
from tests.faults.tracing import WRITES, death_at, noted_in, points_of, spread, traced

POINTS = int(os.environ.get("FAULT_POINTS", "6")) // 2 + 1
ADMIN, ADMIN_PIN, OTHER_ADMIN, OTHER_PIN = "5001", "827364", "5002", "958261"


def rotate(pos: ForkingPos, home: Path, *options: str) -> Ended:
    """The command under strace."""
    arguments = ("--home", str(home), "--json", "keys", "rotate", "--user", ADMIN, "--pin-fd", "3")
    with pos.start(*arguments, pin=ADMIN_PIN) as running, traced(running, *options):
        return running.end()


def approved_home(pos: ForkingPos, folder: Path) -> Path:
    """A home in which the other admin has approved a change of keys that was not made yet."""
    fixture = read_fixture(sample_folder() / "fixture-kwd.json")
    new = NewHome(terminal="T2", central_url=NO_CENTRAL, epoch=1, fixture=fixture)
    make_home(folder, new, machine=quick_machine(folder))
    asked = pos.run(
        "--home", str(folder), "--json", "keys", "rotate", "--user", ADMIN, "--pin-fd", "3", pin=ADMIN_PIN
    )
    with open_till(folder, machine=quick_machine(folder)) as till:
        approve(till.desk, sign_in(till.desk, OTHER_ADMIN, OTHER_PIN), asked.last["error"]["request"])
    return folder


def test_killed_at_any_write_of_a_change_of_keys_the_till_verifies_and_sells(
    pos: ForkingPos, tmp_path: Path
) -> None:
    first = approved_home(pos, tmp_path / "first")
    log = tmp_path / "log"
    shutil.copytree(first, tmp_path / "undisturbed")
    undisturbed = rotate(pos, tmp_path / "undisturbed", *noted_in(log))
    assert (undisturbed.status, undisturbed.last["number"]) == (0, 2)

    seen = set()
    for number, point in enumerate(spread(points_of(log, WRITES), POINTS)):
        home = tmp_path / f"home-{number}"
        shutil.copytree(first, home)
        ended = rotate(pos, home, *death_at(point))
        assert ended.status == -signal.SIGKILL, f"{point} was never reached: {ended}"

        assert store_findings(home, real_machine()) == []
        with open_till(home, machine=quick_machine(home)) as till:
            assert verify_books(till.desk) == []
            with till.desk.till.read() as connection:
                seen.add(connection.exec_driver_sql("SELECT max(number) FROM chain_key").scalar_one())
            sign_in(till.desk, "1001", "135790")
        assert not list((home / "keys").glob("*-next.key"))
        assert store_findings(home, real_machine()) == []
        shutil.rmtree(home)
    assert seen == {1, 2}
