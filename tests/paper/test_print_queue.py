"""Papers wait until a printer has taken them; neither a printer nor a paper can hold up the others for good."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from pos.domain.ports import PrinterUnavailable
from receipts.document import Document
from receipts.pdf import render_pdf
from receipts.printer import FilePrinter
from receipts.queue import Failed, PrintJob, PrintReport, file_name, print_job, print_waiting
from receipts.text import render_text
from tests.builders.receipts import DUPLICATE, ORIGINAL, receipt
from tests.paper.print_rows import CountingClock, Rows, Tray, job


def as_text(document: Document) -> bytes:
    return render_text(document).encode()


def test_waiting_papers_are_printed_in_every_form_oldest_first() -> None:
    rows, tray = Rows(job(1), job(2, DUPLICATE)), Tray()

    report = print_waiting(rows, tray, {"txt": as_text, "pdf": render_pdf}, CountingClock())

    assert report == PrintReport(printed=2)
    assert list(tray.papers) == [
        "S01-T02-A-000001.txt",
        "S01-T02-A-000001.pdf",
        "S01-T02-A-000002.duplicate-2.txt",
        "S01-T02-A-000002.duplicate-2.pdf",
    ]
    assert b"S01-T02-A-000001\n" in tray.papers["S01-T02-A-000001.txt"]
    assert tray.papers["S01-T02-A-000001.pdf"].startswith(b"%PDF-")
    assert rows.said == [
        ("job-1", "printed", "2026-03-04T11:20:32+03:00"),
        ("job-2", "printed", "2026-03-04T11:20:33+03:00"),
    ]


@pytest.mark.parametrize("fault", [PrinterUnavailable("out of paper"), OSError(5, "out of paper")])
def test_a_printer_that_fails_leaves_its_paper_and_the_next_ones_waiting(fault: Exception) -> None:
    rows = Rows(job(1), job(2), job(3))

    report = print_waiting(rows, Tray(papers=1, fault=fault), {"txt": as_text}, CountingClock())

    assert report.printed == 1
    assert report.printer_fault is not None
    assert "out of paper" in report.printer_fault
    assert rows.waiting == ["job-2", "job-3"]
    assert [(job_id, what) for job_id, what, _ in rows.said] == [("job-1", "printed"), ("job-2", "waits")]


def test_papers_that_waited_are_printed_once_the_printer_is_back() -> None:
    rows = Rows(job(1), job(2))
    print_waiting(rows, Tray(papers=0), {"txt": as_text}, CountingClock())

    tray = Tray()
    print_waiting(rows, tray, {"txt": as_text}, CountingClock())

    assert rows.waiting == []
    assert len(tray.papers) == 2


def test_a_folder_that_vanished_leaves_the_papers_waiting_with_the_reason(tmp_path: Path) -> None:
    rows, printer = Rows(job(1), job(2)), FilePrinter(tmp_path / "papers")
    shutil.rmtree(tmp_path / "papers")

    report = print_waiting(rows, printer, {"txt": as_text}, CountingClock())

    assert rows.waiting == ["job-1", "job-2"]
    assert rows.said == [("job-1", "waits", "The folder for papers refused: No such file or directory")]
    assert report == PrintReport(printer_fault="The folder for papers refused: No such file or directory")


def test_a_paper_that_cannot_be_made_steps_aside_for_the_next() -> None:
    poison = replace(job(1), copy=replace(DUPLICATE, reason=None))
    rows, tray = Rows(poison, job(2)), Tray()

    report = print_waiting(rows, tray, {"txt": as_text}, CountingClock())

    assert report == PrintReport(printed=1, failed=1)
    assert rows.waiting == []
    assert rows.said[0] == ("job-1", "failed", "a duplicate must say who printed it and why")
    assert list(tray.papers) == ["S01-T02-A-000002.txt"]


@pytest.mark.parametrize(
    "fault", [ValueError("Zoë O'Brien"), KeyError("Zoë"), RecursionError(), MemoryError()]
)
def test_a_fault_while_rendering_fails_the_paper_and_its_reason_quotes_no_name(fault: Exception) -> None:
    def broken(document: Document) -> bytes:
        raise fault

    outcome = print_job(job(1), Tray(), {"txt": as_text, "pdf": broken})

    assert outcome == Failed(f"this paper cannot be made ({type(fault).__name__})")


def test_nothing_is_handed_over_before_every_form_is_rendered() -> None:
    def broken(document: Document) -> bytes:
        raise ValueError

    tray = Tray()
    print_job(job(1), tray, {"txt": as_text, "pdf": broken})

    assert tray.papers == {}


def test_a_font_that_cannot_be_read_makes_the_papers_wait(tmp_path: Path) -> None:
    rows = Rows(job(1))

    def with_missing_font(document: Document) -> bytes:
        return render_pdf(document, font_path=tmp_path / "missing.ttf")

    print_waiting(rows, Tray(), {"pdf": with_missing_font}, CountingClock())

    assert rows.waiting == ["job-1"]


@pytest.mark.parametrize(
    "number",
    ["", "../x", "s01-000001", "S01 1", "S01_1", "S01.1", "-S01", "S01\n", "S" * 41, "Ｓ01", "S01-\u0661"],
)
def test_a_receipt_number_that_is_none_never_becomes_a_file_name(number: str) -> None:
    bad = PrintJob(job_id="job-1", receipt_number=number, facts=receipt(receipt_number=number), copy=ORIGINAL)
    tray = Tray()

    outcome = print_job(bad, tray, {"txt": as_text})

    assert isinstance(outcome, Failed)
    assert tray.papers == {}


def test_a_job_whose_number_is_not_that_of_its_facts_is_not_printed() -> None:
    mixed_up = replace(job(1), receipt_number="S01-T02-A-000002")

    assert print_job(mixed_up, Tray(), {"txt": as_text}) == Failed(
        "the receipt number differs from the one in the facts"
    )


def test_the_file_of_a_duplicate_never_takes_the_place_of_its_original() -> None:
    names = {file_name(job(1, replace(DUPLICATE, number=number)), "pdf") for number in (0, 1, 2)}

    assert len(names) == 3


def test_printing_a_job_twice_gives_the_same_files() -> None:
    first, second = Tray(), Tray()

    for tray in (first, second):
        print_job(job(1), tray, {"txt": as_text, "pdf": render_pdf})

    assert first.papers == second.papers


def test_a_round_prints_no_more_than_its_limit() -> None:
    rows = Rows(job(1), job(2), job(3))

    assert print_waiting(rows, Tray(), {"txt": as_text}, CountingClock(), limit=2) == PrintReport(printed=2)
    assert rows.waiting == ["job-3"]


@pytest.mark.parametrize("limit", [0, -1, 501])
def test_a_round_without_a_sensible_limit_is_refused(limit: int) -> None:
    with pytest.raises(ValueError, match="1 to 500"):
        print_waiting(Rows(), Tray(), {"txt": as_text}, CountingClock(), limit=limit)
