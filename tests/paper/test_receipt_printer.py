"""Papers and drawer on a receipt printer that is not ours: what its customer reads, and what it does when it fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO

import pytest
from PIL import Image

from pos.domain.ports import PrinterUnavailable
from pos.domain.receipt import Copy, ReceiptFacts
from receipts.compose import compose
from receipts.document import Document
from receipts.escpos import PaperWidth, render_escpos
from receipts.printer import NetworkDrawer, NetworkPrinter
from receipts.queue import PrintReport, print_waiting
from receipts.text import render_text
from tests.builders.receipts import (
    DUPLICATE,
    ORIGINAL,
    SHOP,
    allocation,
    cash,
    cheque,
    receipt,
    sale_receipt,
    sold,
)
from tests.paper.print_rows import CountingClock, Rows, job
from tests.paper.printer_emulator import EmulatedPrinter, emulated_printers, wait_until

SERIALS = ("8996500000000000011", "8996500000000000029", "8996500000000000037")
PAYMENT = receipt(tenders=[cash(20_000)], payer_name="Zoë O'Brien")
SALE = sale_receipt(
    sold(2_500, "SIM card prepaid", quantity=3, serials=SERIALS), sold(45_000, "Router", item="RT-X5")
)
PROVISIONAL = receipt(
    tenders=[cheque(20_000)],
    allocations=[allocation("B-1", 12_500), allocation(None, 7_500)],
    provisional=("Cheque 20.000: not final until the cheque is cleared",),
)


@pytest.fixture(scope="module")
def printers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, EmulatedPrinter]]:
    with emulated_printers(tmp_path_factory.mktemp("emulator")) as running:
        yield running


@pytest.fixture
def wide(printers: dict[str, EmulatedPrinter]) -> EmulatedPrinter:
    return printers["wide"]


@pytest.fixture(params=[80, 58])
def width(request: pytest.FixtureRequest) -> PaperWidth:
    return 80 if request.param == 80 else 58


@pytest.fixture
def printer(printers: dict[str, EmulatedPrinter], width: PaperWidth) -> EmulatedPrinter:
    return printers["wide" if width == 80 else "narrow"]


def printed(
    printer: EmulatedPrinter, facts: ReceiptFacts, copy: Copy, width: PaperWidth, *, page: str = "WPC1252"
) -> str:
    """Print it; the name of the one paper that came out."""
    before = printer.papers()
    content = render_escpos(compose(facts, copy), paper_mm=width, code_page=page)
    NetworkPrinter(printer.address).put(name="S01-T02-A-000042.escpos", content=content)
    wait_until(lambda: len(printer.papers()) > len(before))
    newest, *others = printer.papers()
    assert others == before
    return newest


@pytest.mark.parametrize(
    ("facts", "copy"),
    [(PAYMENT, ORIGINAL), (SALE, ORIGINAL), (PROVISIONAL, ORIGINAL), (PAYMENT, DUPLICATE)],
    ids=["payment", "sale", "provisional", "duplicate"],
)
def test_the_paper_reads_as_the_text_receipt_does(
    printer: EmulatedPrinter, width: PaperWidth, facts: ReceiptFacts, copy: Copy
) -> None:
    paper = printed(printer, facts, copy, width)

    text = render_text(compose(facts, copy), {80: 48, 58: 32}[width])
    assert printer.text(paper).split() == text.split()
    picture = Image.open(BytesIO(printer.picture(paper)))
    assert picture.width == {80: 576, 58: 384}[width]
    assert picture.height > 500
    assert printer.complaints() == []


def test_amounts_stand_at_the_right_edge(printer: EmulatedPrinter, width: PaperWidth) -> None:
    lines = printer.text(printed(printer, SALE, ORIGINAL, width)).splitlines()

    columns = {80: 48, 58: 32}[width]
    (total,) = [line for line in lines if line.startswith("TOTAL KWD")]
    assert (len(total), total.split()) == (columns, ["TOTAL", "KWD", "52.500"])
    assert max(map(len, lines)) == columns


def test_names_in_other_scripts_are_pictures_and_the_rest_is_text(
    printer: EmulatedPrinter, width: PaperWidth
) -> None:
    facts = receipt(
        shop=replace(SHOP, name="شركة الاتصالات"),
        operator_name="Ζωή",
        payer_name="محمد",
        tenders=[cheque(20_000, drawer="李小龍")],
    )

    text = printer.text(printed(printer, facts, ORIGINAL, width))

    assert text.count(f"[image {576 if width == 80 else 384}x30]") == 4
    assert "TOTAL KWD" in text
    assert not any(name in text for name in ("Served by", "Name"))
    assert printer.complaints() == []


@pytest.mark.parametrize(
    ("page", "name"),
    [
        ("WPC1252", "Zoë O’Brien €"),
        ("PC437", "Müller"),
        ("PC850", "Müller Ð"),
        ("PC852", "Łukasz Żak"),
        ("PC858", "Müller €"),
        ("PC866", "Жуков Ёж"),
        ("ASCII", "O'Brien"),
    ],
)
def test_the_printer_reads_each_code_page_as_we_write_it(wide: EmulatedPrinter, page: str, name: str) -> None:
    paper = printed(wide, receipt(payer_name=name), ORIGINAL, 80, page=page)

    assert name in wide.text(paper)
    assert wide.complaints() == []


def test_a_pulse_opens_the_drawer_and_a_paper_does_not(wide: EmulatedPrinter) -> None:
    wide.close_drawer()
    for copy in (ORIGINAL, DUPLICATE):
        printed(wide, PAYMENT, copy, 80)
        assert not wide.drawer_is_open
    papers = wide.papers()

    NetworkDrawer(wide.address, pin=2).open()

    assert wide.drawer_is_open
    wide.close_drawer()
    assert wide.papers() == papers, "a pulse prints nothing"


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("paper-out", "The printer has no paper."),
        ("cover-open", "The printer's cover is open."),
        ("offline", "The printer is offline."),
    ],
)
def test_a_paper_waits_while_the_printer_cannot_print_and_comes_out_once_afterwards(
    wide: EmulatedPrinter, fault: str, told: str
) -> None:
    rows, tray = Rows(job(1), job(2)), NetworkPrinter(wide.address)
    forms = {"escpos": as_escpos}
    before = len(wide.papers())

    with wide.fault(fault):
        report = print_waiting(rows, tray, forms, CountingClock())
        assert report == PrintReport(printer_fault=told)
        assert rows.waiting == ["job-1", "job-2"]
    assert print_waiting(rows, tray, forms, CountingClock()) == PrintReport(printed=2)

    assert rows.waiting == []
    wait_until(lambda: len(wide.papers()) >= before + 2)
    assert len(wide.papers()) == before + 2, "what was refused was not sent"
    newest, older, *_ = wide.papers()
    assert "S01-T02-A-000001" in wide.text(older)
    assert "S01-T02-A-000002" in wide.text(newest)


def test_a_drawer_stays_shut_for_good_when_the_printer_cannot_open_it_now(wide: EmulatedPrinter) -> None:
    wide.close_drawer()

    with wide.fault("paper-out"), pytest.raises(PrinterUnavailable, match="no paper"):
        NetworkDrawer(wide.address, pin=2).open()

    assert not wide.drawer_is_open, "the pulse would have come with the new paper"


def as_escpos(document: Document) -> bytes:
    return render_escpos(document)
