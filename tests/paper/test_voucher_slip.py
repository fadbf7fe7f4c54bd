"""The slip of a voucher: all that it says, its code for a scanner and for a person, printed once (3.5, rule 46)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from pos.bootstrap.homes import OpenTill
from pos.bootstrap.paper import PaperDevices, print_slips, print_voucher, voucher_text
from pos.domain.ports import Printer, PrinterUnavailable
from pos.domain.receipt import ShopHeading
from pos.domain.signed_voucher import in_groups, read_code
from pos.domain.voucher import (
    IssueOutcome,
    Residual,
    VoucherIssued,
    VoucherRefused,
    VoucherReserved,
    VoucherTerms,
)
from pos.machine import InlineRunner
from pos.till.enquiries import till_state
from pos.till.take_payment import take_payment
from receipts.document import Document
from receipts.escpos import render_escpos
from receipts.pdf import render_pdf
from receipts.printer import NoDrawer
from receipts.qr import squares
from receipts.text import render_text
from receipts.voucher import compose_voucher
from tests.builders.signed import FakePress, signed
from tests.builders.tills import (
    CASHIER,
    FakeVouchers,
    money,
    open_home,
    opened,
    order,
    reserve,
    rows,
    voucher,
    wish,
)
from tests.paper.escpos_reader import Drawn, read
from tests.paper.print_rows import Tray

SHOP = ShopHeading(shop="S014", name="Salmiya Counter")


def issued(**more: object) -> VoucherIssued:
    code = signed("12.345", **more)  # type: ignore[arg-type]
    said = read_code(code)
    return VoucherIssued(serial=said.serial, code=code, terms=said.terms)


def slip(**more: object) -> Document:
    return compose_voucher(issued(**more), shop=SHOP, of_receipt="S014-T1-A-000007")


def test_a_slip_says_all_that_the_voucher_says() -> None:
    text = render_text(slip(minimum="50", combinable=False, residual=Residual.CREDIT))

    for said in ("WORTH KWD", "12.345", "2027-01-31", "S014-T1-A-000007", "bills of 50.000 KWD and more"):
        assert said in text
    assert "Not together with another voucher." in text
    assert "what is left of it is credit on the account" in " ".join(text.split())


def test_its_code_can_be_read_out_and_typed() -> None:
    text = "".join(render_text(slip()).split())

    assert issued().code in text
    assert all(group in render_text(slip()) for group in in_groups(issued().code).split())


@pytest.mark.parametrize("paper_mm", [58, 80])
def test_its_code_is_drawn_for_a_scanner(paper_mm: int) -> None:
    paper = read(render_escpos(slip(), paper_mm=paper_mm))  # type: ignore[arg-type]
    (drawn,) = [line for line in paper.lines if isinstance(line, Drawn)]
    dark = squares(issued().code)
    scale = drawn.width_dots // (len(dark) + 8)

    bits = ["".join(f"{byte:08b}" for byte in row) for row in drawn.rows]
    first = next(place for place, row in enumerate(bits) if "1" in row)
    left = min(row.index("1") for row in bits if "1" in row)
    assert scale >= 4, "squares that a scanner can tell apart"
    assert left >= 4 * scale - scale, "a margin"
    told = [
        [bits[first + row * scale][left + column * scale] == "1" for column in range(len(dark))]
        for row in range(len(dark))
    ]
    assert told == [list(row) for row in dark]


def test_a_code_has_its_three_corners() -> None:
    dark = squares("HELLO")
    corner = ["1111111", "1000001", "1011101", "1011101", "1011101", "1000001", "1111111"]

    def at(top: int, left: int) -> list[str]:
        return ["".join(str(int(dark[top + row][left + column])) for column in range(7)) for row in range(7)]

    end = len(dark) - 7
    assert [at(0, 0), at(0, end), at(end, 0)] == [corner] * 3
    assert at(end, end) != corner


def test_a_pdf_has_it_too_and_is_the_same_each_time() -> None:
    first = render_pdf(slip())

    assert first == render_pdf(slip())
    assert len(first) > len(render_pdf(replace(slip(), elements=slip().elements[:5])))


# --- printed once ----------------------------------------------------------------------------------------------------


@pytest.fixture
def till(tmp_path: Path) -> Iterator[OpenTill]:
    """An open till with a payment that left 5.000 of a voucher which becomes a new one."""
    with open_home(tmp_path / "home") as home:
        opened(home.desk)
        bill = home.desk.cache
        with bill.read() as connection:
            bill_no, account = connection.exec_driver_sql(
                "SELECT bill_no, account FROM bill WHERE open_minor > 1000 LIMIT 1"
            ).one()
        asked = order(home.desk, voucher("1"), account=account, allocate=[wish(bill_no, "1")])
        terms = VoucherTerms(value=money("6"), expires=date(2027, 1, 31), residual=Residual.NEW_VOUCHER)
        reserve(home.desk, asked, FakeVouchers(VoucherReserved(terms=terms, approval=None)))
        take_payment(home.desk, CASHIER, asked)
        yield home


class Away:
    """A printer without paper."""

    def put(self, *, name: str, content: bytes) -> None:
        raise PrinterUnavailable("The printer has no paper.")


def press_for(till: OpenTill) -> FakePress:
    press = FakePress()
    (row,) = rows(till.desk, "voucher_slip")
    press.rests[str(row["hold_id"])] = issued()
    return press


def printed(till: OpenTill, press: FakePress, printer: Tray | None = None) -> int:
    devices = PaperDevices(printer=printer, drawer=NoDrawer())
    return asyncio.run(print_slips(till, press, InlineRunner(), devices_of=lambda _settings: devices))


def states(till: OpenTill) -> list[object]:
    return [row["state"] for row in rows(till.desk, "voucher_slip")]


def test_a_slip_comes_out_once_and_central_is_told(till: OpenTill) -> None:
    press = press_for(till)

    assert (printed(till, press), printed(till, press)) == (1, 0)

    assert states(till) == ["printed"]
    assert press.told_printed == list(press.rests)
    files = [path for path in till.paths.receipts.iterdir() if "voucher" in path.name]
    assert {path.suffix for path in files} == {".txt", ".pdf"}
    assert issued().code in "".join(next(path for path in files if path.suffix == ".txt").read_text().split())


def test_while_central_does_not_answer_the_slip_waits(till: OpenTill) -> None:
    assert printed(till, FakePress()) == 0
    assert (states(till), till_state(till.desk).waiting_slips) == (["waiting"], 1)

    assert printed(till, press_for(till)) == 1
    assert till_state(till.desk).waiting_slips == 0


def test_until_its_payment_has_come_to_central_the_slip_waits(till: OpenTill) -> None:
    """Rule 46: the code of a rest is not told while the voucher that it is left of could still be spent."""

    class TooEarly(FakePress):
        async def rest(self, hold_id: str) -> IssueOutcome:
            return VoucherRefused(code="voucher_not_issued", message="The payment has not come yet.")

    early = TooEarly()

    assert printed(till, early) == 0

    assert (states(till), early.told_printed) == (["waiting"], [])
    assert printed(till, press_for(till)) == 1


def test_beside_a_receipt_printer_no_file_holds_the_code(till: OpenTill) -> None:
    tray = Tray()

    assert printed(till, press_for(till), tray) == 1

    assert not [path for path in till.paths.receipts.iterdir() if "voucher" in path.name]
    assert len(tray.papers) == 1


def test_a_printer_that_is_away_keeps_the_slip_waiting_and_untold(till: OpenTill) -> None:
    press = press_for(till)
    devices = PaperDevices(printer=Away(), drawer=NoDrawer())

    assert asyncio.run(print_slips(till, press, InlineRunner(), devices_of=lambda _settings: devices)) == 0
    assert (states(till), press.told_printed) == (["waiting"], [])


# --- one that was just issued ----------------------------------------------------------------------------------------


def put_out(till: OpenTill, printer: Printer | None) -> str | None:
    devices = PaperDevices(printer=printer, drawer=NoDrawer())
    return asyncio.run(print_voucher(till, issued(), InlineRunner(), devices_of=lambda _settings: devices))


def slips_of(till: OpenTill) -> list[Path]:
    return sorted(path for path in till.paths.receipts.iterdir() if issued().serial in path.name)


def test_an_issued_voucher_goes_to_the_receipt_printer_alone(till: OpenTill) -> None:
    tray = Tray()

    assert put_out(till, tray) is None
    assert (len(tray.papers), slips_of(till)) == (1, [])


def test_without_a_receipt_printer_the_files_are_its_paper(till: OpenTill) -> None:
    assert put_out(till, None) is None
    assert [path.suffix for path in slips_of(till)] == [".pdf", ".txt"]
    assert slips_of(till)[1].read_text() == voucher_text(till, issued())
    assert issued().code in "".join(voucher_text(till, issued()).split())


def test_a_slip_that_did_not_come_out_is_told(till: OpenTill) -> None:
    assert put_out(till, Away()) == "The printer has no paper."


def test_a_slip_writes_its_amounts_as_the_shop_does(till: OpenTill) -> None:
    amounts = till.settings.till.amounts.model_copy(update={"locale": "de_DE"})
    shop = till.settings.till.model_copy(update={"amounts": amounts})
    till = replace(till, settings=replace(till.settings, till=shop))

    assert "12,345" in voucher_text(till, issued())
    press = press_for(till)
    assert printed(till, press) == 1
    texts = [path.read_text() for path in till.paths.receipts.iterdir() if path.suffix == ".txt"]
    assert [text for text in texts if "12,345" in text and issued().serial in text]
