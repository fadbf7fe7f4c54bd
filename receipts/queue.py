"""The print queue: papers wait in the store until a printer has taken them. Money never waits for paper.

A payment and the row of its paper are committed together; printing comes after and changes the row alone. A printer
that fails leaves the row waiting; a paper that cannot be made steps aside. Source: reliability.md invariants 27, 28.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pos.domain.ports import Clock, Printer, PrinterUnavailable
from pos.domain.receipt import Copy, ReceiptFacts
from receipts.compose import compose
from receipts.document import Document, NotPrintable
from receipts.labels import ENGLISH, Labels
from receipts.layout import cleaned

Rendering = Callable[[Document], bytes]

BATCH_MAX = 500
COPY_NUMBER_MAX = 9999
REASON_LENGTH_MAX = 200

_RECEIPT_NUMBER = re.compile(r"[A-Z0-9][A-Z0-9-]{0,39}")
_SUFFIX = re.compile(r"[a-z0-9]{1,8}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintJob:
    """One row of the queue. ``attempts`` is how often a printer has refused it so far.

    ``with_pins``: the facts with whole PINs of cards, where this paper is the one that gives them away.
    """

    job_id: str
    receipt_number: str
    facts: ReceiptFacts
    copy: Copy
    attempts: int = 0
    with_pins: ReceiptFacts | None = None


class PrintJobs(Protocol):
    """The rows of the queue, which the store keeps."""

    def next_waiting(self, limit: int) -> Sequence[PrintJob]:
        """At most ``limit`` jobs that wait, oldest first; never a printed or a failed one."""
        ...

    def printed(self, job: PrintJob, at: datetime) -> None:
        """The printer has taken every form of the paper; PINs on it are now given away."""
        ...

    def still_waiting(self, job_id: str, reason: str, at: datetime) -> None:
        """The printer could not take it: the job stays in the queue, with one attempt more and the reason."""
        ...

    def failed(self, job_id: str, reason: str, at: datetime) -> None:
        """This paper cannot be made: it leaves the queue until somebody asks for it again."""
        ...


@dataclass(frozen=True, slots=True)
class Printed:
    """The printer has taken the whole paper."""


@dataclass(frozen=True, slots=True)
class Waits:
    """The printer cannot take papers now; the next job would fare no better."""

    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """This paper cannot be made; the next one may well be."""

    reason: str


PrintOutcome = Printed | Waits | Failed


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintReport:
    """What one round of the queue did. ``printer_fault`` says why it stopped early; None: it did not."""

    printed: int = 0
    failed: int = 0
    printer_fault: str | None = None


def print_waiting(
    jobs: PrintJobs,
    printer: Printer,
    renderings: Mapping[str, Rendering],
    clock: Clock,
    *,
    labels: Labels = ENGLISH,
    limit: int = 50,
    pins_on: Collection[str] | None = None,
) -> PrintReport:
    """Print up to ``limit`` waiting jobs, oldest first, each in every form of ``renderings`` (by file suffix).

    ``pins_on`` names the forms that give PINs away; None: all of them do.

    A printer's fault leaves its job waiting and ends the round; neither it nor a paper that cannot be made raises.
    Raises ValueError if ``limit`` is not from 1 to BATCH_MAX. What ``jobs`` raises goes through.
    """
    if not 1 <= limit <= BATCH_MAX:
        raise ValueError(f"a round of printing has 1 to {BATCH_MAX} papers")
    printed = failed = 0
    for job in jobs.next_waiting(limit):
        match print_job(job, printer, renderings, labels=labels, pins_on=pins_on):
            case Printed():
                jobs.printed(job, clock.now())
                printed += 1
            case Failed(reason):
                jobs.failed(job.job_id, reason, clock.now())
                failed += 1
            case Waits(reason):
                jobs.still_waiting(job.job_id, reason, clock.now())
                return PrintReport(printed=printed, failed=failed, printer_fault=reason)
    return PrintReport(printed=printed, failed=failed)


def print_job(
    job: PrintJob,
    printer: Printer,
    renderings: Mapping[str, Rendering],
    *,
    labels: Labels = ENGLISH,
    pins_on: Collection[str] | None = None,
) -> PrintOutcome:
    """Make one paper and hand it to the printer; touches no store, so it may run on any thread. Never raises.

    Every form is rendered before the first is handed over. Printing a job twice gives the same files again.
    """
    try:
        papers = {
            file_name(job, suffix): render(compose(_facts_on(job, suffix, pins_on), job.copy, labels))
            for suffix, render in renderings.items()
        }
        for name, content in papers.items():
            printer.put(name=name, content=content)
    except (PrinterUnavailable, OSError) as error:
        return Waits(_reason(error))
    except NotPrintable as error:
        return Failed(_reason(error))
    except Exception as error:
        # The outermost edge of the print worker: a fault in one paper must not hold those behind it. The kind of
        # the fault is recorded and shown, its text is not, for it may quote a name.
        return Failed(f"this paper cannot be made ({type(error).__name__})")
    return Printed()


def _facts_on(job: PrintJob, suffix: str, pins_on: Collection[str] | None) -> ReceiptFacts:
    if job.with_pins is not None and (pins_on is None or suffix in pins_on):
        return job.with_pins
    return job.facts


def file_name(job: PrintJob, suffix: str) -> str:
    """``S01-T02-A-000042.pdf``, and for a duplicate ``S01-T02-A-000042.duplicate-2.pdf``.

    Made of the receipt number alone. Raises NotPrintable if the number is none, or is not that of the facts.
    """
    if not _RECEIPT_NUMBER.fullmatch(job.receipt_number):
        raise NotPrintable("the receipt number has other signs than A-Z, 0-9 and hyphens, or over 40 of them")
    if job.receipt_number != job.facts.receipt_number:
        raise NotPrintable("the receipt number differs from the one in the facts")
    if not 0 <= job.copy.number <= COPY_NUMBER_MAX or not _SUFFIX.fullmatch(suffix):
        raise NotPrintable("the number of the copy or the kind of file is impossible")
    copy = f".duplicate-{job.copy.number}" if job.copy.is_duplicate else ""
    return f"{job.receipt_number}{copy}.{suffix}"


def _reason(error: Exception) -> str:
    # An OSError's own text quotes a path; what went wrong is enough.
    said = error.strerror if isinstance(error, OSError) else str(error)
    return cleaned(said or type(error).__name__)[:REASON_LENGTH_MAX]
