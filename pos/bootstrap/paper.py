"""The paper of an opened home: its print queue, its printer, its forms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from pos.bootstrap.homes import OpenTill
from pos.domain.ports import PrinterUnavailable, Runner
from pos.domain.receipt import Copy, ReceiptFacts
from pos.settings import Settings
from pos.store.receipts import settle_print, waiting_prints
from pos.store.unit_of_work import CommitFailed, WriteFailed
from pos.till.desk import Desk
from receipts.compose import compose
from receipts.document import Document
from receipts.pdf import render_pdf
from receipts.queue import Failed, Printed, PrintJob, PrintReport, Waits, print_job, print_waiting
from receipts.text import render_text

PRINT_BATCH = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class StorePrintJobs:
    """The print queue's rows for ``receipts.queue``, which knows no store."""

    desk: Desk

    def next_waiting(self, limit: int) -> Sequence[PrintJob]:
        with self.desk.till.read() as connection:
            return [
                PrintJob(
                    job_id=str(row.job_id),
                    receipt_number=row.receipt_number,
                    facts=row.facts,
                    copy=row.copy,
                    attempts=row.attempts,
                )
                for row in waiting_prints(connection, limit)
            ]

    def printed(self, job_id: str, at: datetime) -> None:
        self._settle(job_id, "printed", None, at)

    def still_waiting(self, job_id: str, reason: str, at: datetime) -> None:
        self._settle(job_id, "waiting", reason, at)

    def failed(self, job_id: str, reason: str, at: datetime) -> None:
        self._settle(job_id, "failed", reason, at)

    def _settle(self, job_id: str, state: str, reason: str | None, at: datetime) -> None:
        with self.desk.till.transaction() as unit:
            settle_print(unit.connection, int(job_id), state=state, reason=reason, at=at)


def renderings(settings: Settings) -> Mapping[str, Callable[[Document], bytes]]:
    """Every form a receipt is printed in, by file suffix."""
    font = settings.till.receipt.font
    fallbacks = [Path(name) for name in settings.till.receipt.fallback_fonts]
    return {
        "txt": lambda document: render_text(document, settings.till.receipt.width).encode(),
        "pdf": lambda document: render_pdf(
            document, font_path=Path(font) if font else None, fallback_fonts=fallbacks
        ),
    }


def print_receipts(till: OpenTill) -> PrintReport:
    """Print what waits. Never raises for a printer or a full disk, never touches money."""
    try:
        printer = till.machine.printer_of(till.paths.receipts)
    except PrinterUnavailable as fault:
        return PrintReport(printed=0, failed=0, printer_fault=str(fault))
    jobs, forms = StorePrintJobs(desk=till.desk), renderings(till.settings)
    printed = failed = 0
    try:
        while True:
            batch = print_waiting(jobs, printer, forms, till.desk.clock)
            printed, failed = printed + batch.printed, failed + batch.failed
            if batch.printer_fault is not None or batch.printed + batch.failed == 0:
                return PrintReport(printed=printed, failed=failed, printer_fault=batch.printer_fault)
    except (WriteFailed, CommitFailed) as failure:
        # The paper is there, but its row still says that it waits: it is printed again, under the same name.
        return PrintReport(
            printed=printed, failed=failed, printer_fault=f"The store refuses: {failure.reason}"
        )


async def print_in_background(till: OpenTill, runner: Runner) -> None:
    """As ``print_receipts``, with the store on its own lanes and the rendering beside them."""
    jobs, forms = StorePrintJobs(desk=till.desk), renderings(till.settings)
    try:
        printer = till.machine.printer_of(till.paths.receipts)
    except PrinterUnavailable:
        return
    for job in await runner.read(partial(jobs.next_waiting, PRINT_BATCH)):
        outcome = await runner.read(partial(print_job, job, printer, forms))
        at = till.desk.clock.now()
        match outcome:
            case Printed():
                await runner.till(partial(jobs.printed, job.job_id, at))
            case Waits(reason=reason):
                await runner.till(partial(jobs.still_waiting, job.job_id, reason, at))
                return
            case Failed(reason=reason):
                await runner.till(partial(jobs.failed, job.job_id, reason, at))


def receipt_text(till: OpenTill, facts: ReceiptFacts, copy: Copy) -> str:
    """A receipt as text, for the screen and the command line."""
    return render_text(compose(facts, copy), till.settings.till.receipt.width)
