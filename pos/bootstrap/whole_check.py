"""The whole store checked, by ``pos verify`` and by the check that runs beside the selling; what it found is kept.

The screen starts it as a process of its own at the lowest priority: it only reads, and takes neither the till's lane nor its
processor. Source: reliability.md section 2 (31).
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from pos.bootstrap.homes import HomePaths, Machine, OpenTill, open_till
from pos.bootstrap.last_done import LastCheck, last_check, note_check
from pos.bootstrap.store_check import store_findings
from pos.domain.check_hours import CheckHours
from pos.domain.errors import Refused
from pos.domain.ports import Clock
from pos.store.database import StoreError
from pos.till.verify import verify_books
from pos.till.verify_rows import Finding

UNREADABLE = (Refused, StoreError, DBAPIError, ValueError, KeyError, TypeError)
"""What an altered store may do to whoever opens it; it is passed over only where the alteration itself was named."""

LOOK_EVERY_S = 60
AGAIN_AFTER = timedelta(hours=1)
"""A check that could not be made (no memory, no process) is not tried each minute."""

LOWEST = 19


def check_whole(
    folder: Path,
    machine: Machine,
    *,
    config: Path | None = None,
    further: Callable[[OpenTill], list[Finding]] | None = None,
    note: Callable[[str], None] = lambda _text: None,
) -> list[Finding]:
    """The file, the chain over every row, and the books; ``further`` what is looked at beside. It is kept what was found.

    Raises Refused ``no_home``, StoreError ``store_damaged``; ``note`` tells what could not be looked at.
    """
    kept, clock = HomePaths(home=folder).last_check, machine.clock_of("UTC")
    try:
        findings = store_findings(folder, machine, full=True)
        try:
            with open_till(folder, machine=machine, config=config, read_only=True) as till:
                findings += verify_books(till.desk, caught_up=False, rows=False)
                note_check(kept, _found(clock, findings))
                return findings if further is None else findings + further(till)
        except UNREADABLE as error:
            if not findings:
                raise
            note_check(kept, _found(clock, findings))
            note(f"The other checks could not be made on this store: {type(error).__name__}.")
            return findings
    except StoreError as damage:
        if damage.code == "store_damaged":
            note_check(kept, LastCheck(at=clock.now(), findings=0, damage=damage.message))
        raise


def _found(clock: Clock, findings: Sequence[Finding]) -> LastCheck:
    named = tuple(f"{finding.check}: {finding.where}" for finding in findings)
    return LastCheck(at=clock.now(), findings=len(findings), named=named)


def go_behind_everything() -> None:
    """This process gives way to every other."""
    with suppress(OSError):
        os.nice(LOWEST)


async def check_in_background(till: OpenTill, config: Path | None) -> None:
    """Run the check as a process of its own, to its end. What it found is read from what it kept."""
    named = ["--config", str(config)] if config is not None else []
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pos", "verify", "--background", "--json"),
        *("--home", str(till.paths.home), *named),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=Path(__file__).resolve().parents[2],
    )
    try:
        await process.wait()
    finally:
        if process.returncode is None:
            process.kill()


async def keep_checking(
    till: OpenTill, tell: Callable[[LastCheck], None], *, check: Callable[[], Awaitable[None]]
) -> None:
    """For as long as the screen is open: have the store checked when it is time, and ``tell`` what was found last."""
    clock, hours = till.desk.clock, check_hours(till)
    opened_s, tried_s = clock.monotonic_s(), -AGAIN_AFTER.total_seconds()
    found = last_check(till.paths.last_check)
    if found is not None:
        tell(found)
    while True:
        now_s = clock.monotonic_s()
        open_for = timedelta(seconds=now_s - opened_s)
        rested = now_s - tried_s >= AGAIN_AFTER.total_seconds()
        if rested and hours.is_due(None if found is None else found.at, clock.now(), open_for=open_for):
            tried_s = now_s
            # No memory or no process to be had: the screen goes on, and it is tried again.
            with suppress(OSError):
                await check()
            found = last_check(till.paths.last_check)
            if found is not None:
                tell(found)
        await clock.sleep(LOOK_EVERY_S)


def check_hours(till: OpenTill) -> CheckHours:
    """When this shop's store is checked."""
    told = till.settings.till.checks
    return CheckHours(night_hour=told.night_hour, every=timedelta(hours=told.every_hours))
