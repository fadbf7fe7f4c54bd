"""kill -9 while a shift that is handed over is accepted: afterwards it is still offered, or passed on whole.

It is tried at half as many writes and flushes as FAULT_POINTS (10) says; 1000 means at every one.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

from pos.bootstrap.homes import open_till, real_machine
from pos.till.verify import verify_books
from tests.builders.homes import SUPERVISOR, SUPERVISOR_PIN, Ended, ForkingPos, script_arguments
from tests.faults.four_payments import raw
from tests.faults.tracing import WRITES, death_at, noted_in, points_of, spread, traced

POINTS = int(os.environ.get("FAULT_POINTS", "10")) // 2

OFFER: list[dict[str, object]] = [
    {"ref": "h1", "act": "open_shift", "float": {"amount": "20.000"}},
    {"ref": "h2", "act": "count", "cash": {"amount": "19.500"}},
    {"ref": "h3", "act": "hand_over", "to": SUPERVISOR, "reason": "Half a dinar is missing"},
]
ACCEPT: dict[str, object] = {"ref": "h4", "act": "accept_hand_over", "cash": {"amount": "19.500"}}

_LEFT = (
    "SELECT state FROM v_hand_over",
    "SELECT operator, float_minor FROM shift ORDER BY number",
    "SELECT shift_close.operator, over_short_minor FROM shift_close",
    "SELECT kind, receipt_number FROM receipt ORDER BY receipt_number",
    "SELECT receipt_number FROM print_job ORDER BY receipt_number",
    "SELECT source_kind, ledger_account, debit_minor, credit_minor FROM journal_line "
    "JOIN journal_entry USING (entry_id) ORDER BY journal_entry.rowid, line_no",
    "SELECT act, operator FROM audit WHERE act = 'accept_hand_over' AND result = 'ok'",
    "SELECT kind FROM outbox ORDER BY kind",
)


def left(home: Path) -> list[list[tuple[object, ...]]]:
    """What the books hold of the shifts and their passing on."""
    with raw(home) as books:
        return [books.execute(query).fetchall() for query in _LEFT]


def accept(pos: ForkingPos, home: Path, *options: str) -> Ended:
    arguments = script_arguments(home, SUPERVISOR)
    with pos.start(*arguments, pin=SUPERVISOR_PIN) as running, traced(running, *options):
        return running.end(json.dumps(ACCEPT) + "\n")


def test_killed_at_any_write_the_shift_is_still_offered_or_passed_on_whole(
    pos: ForkingPos, new_home: Callable[[], Path], tmp_path: Path
) -> None:
    offered_home, whole_home, log = new_home(), tmp_path / "whole", tmp_path / "writes.log"
    assert pos.script(offered_home, OFFER).status == 0
    shutil.copytree(offered_home, whole_home)
    undisturbed = accept(pos, whole_home, *noted_in(log))
    assert (undisturbed.status, undisturbed.last["paper"]) == (0, "S014-T1-A-HO-000001"), undisturbed.err
    offered, whole = left(offered_home), left(whole_home)
    assert (offered[0], whole[0]) == ([("offered",)], [("accepted",)])
    ends = []

    for number, point in enumerate(spread(points_of(log, WRITES), POINTS)):
        home = tmp_path / f"killed-{number}"
        shutil.copytree(offered_home, home)
        ended = accept(pos, home, *death_at(point))
        assert ended.status == -signal.SIGKILL, f"{point} was never reached: {ended}"
        found = left(home)
        assert found in (offered, whole), point
        if ended.lines:
            assert found == whole, f"{point}: what was answered is lost"
        ends.append(found == whole)
        again = pos.script(home, [ACCEPT], user=SUPERVISOR, pin=SUPERVISOR_PIN)
        assert (again.status, again.last.get("replayed", False)) == (0, found == whole), again.err
        assert left(home) == whole
        with open_till(home, machine=real_machine()) as till:
            assert list(verify_books(till.desk)) == []
        shutil.rmtree(home)

    assert set(ends) == {True, False}, "deaths on both sides of the commit"
