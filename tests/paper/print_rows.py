"""A print queue in memory, a printer that is a tray, and papers for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from pos.domain.ports import PrinterUnavailable
from pos.domain.receipt import Copy
from receipts.queue import PrintJob
from tests.builders.receipts import ORIGINAL, TAKEN_AT, receipt


class CountingClock:
    """One second later at every look."""

    def __init__(self) -> None:
        self._now = TAKEN_AT

    def now(self) -> datetime:
        self._now += timedelta(seconds=1)
        return self._now

    def monotonic_s(self) -> float:
        return 0.0

    async def sleep(self, delay_s: float) -> None:
        raise AssertionError("printing does not sleep")


class Rows:
    """The queue's rows in memory, with what was said about each."""

    def __init__(self, *jobs: PrintJob) -> None:
        self._jobs = {job.job_id: job for job in jobs}
        self.said: list[tuple[str, str, str]] = []

    @property
    def waiting(self) -> list[str]:
        return list(self._jobs)

    def next_waiting(self, limit: int) -> Sequence[PrintJob]:
        return list(self._jobs.values())[:limit]

    def printed(self, job: PrintJob, at: datetime) -> None:
        del self._jobs[job.job_id]
        self.said.append((job.job_id, "printed", at.isoformat()))

    def still_waiting(self, job_id: str, reason: str, at: datetime) -> None:
        self._jobs[job_id] = replace(self._jobs[job_id], attempts=self._jobs[job_id].attempts + 1)
        self.said.append((job_id, "waits", reason))

    def failed(self, job_id: str, reason: str, at: datetime) -> None:
        del self._jobs[job_id]
        self.said.append((job_id, "failed", reason))


class Tray:
    """A printer that takes ``papers`` papers and is then out of paper."""

    def __init__(self, papers: int = 1_000, fault: Exception | None = None) -> None:
        self._left = papers
        self._fault = fault or PrinterUnavailable("out of paper")
        self.papers: dict[str, bytes] = {}

    def put(self, *, name: str, content: bytes) -> None:
        if self._left == 0:
            raise self._fault
        self._left -= 1
        self.papers[name] = content


def job(number: int, copy: Copy = ORIGINAL) -> PrintJob:
    receipt_number = f"S01-T02-A-{number:06}"
    facts = receipt(receipt_number=receipt_number)
    return PrintJob(job_id=f"job-{number}", receipt_number=receipt_number, facts=facts, copy=copy)
