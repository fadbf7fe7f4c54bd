"""The paper of an opened home: its print queue, its printer, its forms."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from pos.bootstrap.homes import OpenTill
from pos.domain.ports import Drawer, Printer, PrinterUnavailable, Runner
from pos.domain.receipt import Copy, ReceiptFacts
from pos.domain.voucher import VoucherIssued, VoucherPress
from pos.settings import Settings
from pos.store.receipts import settle_print, waiting_prints
from pos.store.unit_of_work import CommitFailed, WriteFailed
from pos.store.vouchers import WaitingSlip, mark_slip_printed, waiting_slips
from pos.till.desk import Desk
from receipts.compose import compose
from receipts.document import Document, NotPrintable
from receipts.escpos import render_escpos
from receipts.labels import ENGLISH, Labels
from receipts.pdf import render_pdf
from receipts.printer import NetworkAddress, NetworkDrawer, NetworkPrinter, NoDrawer, PrinterBySuffix
from receipts.queue import Failed, Printed, PrintJob, PrintReport, Waits, print_job, print_waiting
from receipts.text import render_text
from receipts.voucher import compose_voucher

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
                    with_pins=row.with_pins,
                )
                for row in waiting_prints(connection, limit, marks=self.desk.till.keys.marks)
            ]

    def printed(self, job: PrintJob, at: datetime) -> None:
        self._settle(job.job_id, "printed", None, at, gave_pins=job.with_pins is not None)

    def still_waiting(self, job_id: str, reason: str, at: datetime) -> None:
        self._settle(job_id, "waiting", reason, at)

    def failed(self, job_id: str, reason: str, at: datetime) -> None:
        self._settle(job_id, "failed", reason, at)

    def _settle(
        self, job_id: str, state: str, reason: str | None, at: datetime, *, gave_pins: bool = False
    ) -> None:
        with self.desk.till.transaction() as unit:
            settle_print(unit.connection, int(job_id), state=state, reason=reason, at=at, gave_pins=gave_pins)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperDevices:
    """What the till reaches over the network. ``printer`` None: its papers are files only."""

    printer: Printer | None
    drawer: Drawer


DevicesOf = Callable[[Settings], PaperDevices]


def network_devices(settings: Settings) -> PaperDevices:
    """The receipt printer and the drawer that the settings name; no connection is made before one is used."""
    known = settings.till.printer
    if known.address is None:
        return PaperDevices(printer=None, drawer=NoDrawer())
    host, port = known.address
    address = NetworkAddress(host=host, port=port, ask_status=known.ask_status)
    drawer = NetworkDrawer(address, pin=known.drawer_pin) if known.drawer_pin else NoDrawer()
    return PaperDevices(printer=NetworkPrinter(address), drawer=drawer)


def labels_of(settings: Settings) -> Labels:
    """The words of this shop's papers, with amounts in its format, and whether the mark stands there as a code."""
    till = settings.till
    return replace(
        ENGLISH,
        numbers=till.amounts.number_format,
        mark_as_code=till.receipt.qr_code and not settings.training,
        in_training=settings.training,
    )


Renderings = Mapping[str, Callable[[Document], bytes]]

PRINTED_FORM = "escpos"
"""The form that a receipt printer takes."""


def renderings(settings: Settings) -> Renderings:
    """Every form a receipt can have, by file suffix."""
    receipt, printer = settings.till.receipt, settings.till.printer
    font = Path(receipt.font) if receipt.font else None
    fallbacks = [Path(name) for name in receipt.fallback_fonts]
    return {
        "txt": lambda document: render_text(document, receipt.width).encode(),
        "pdf": lambda document: render_pdf(document, font_path=font, fallback_fonts=fallbacks),
        "escpos": lambda document: render_escpos(
            document,
            paper_mm=printer.paper_mm,
            code_page=printer.code_page,
            cuts=printer.cuts,
            # The shop's own font may have any width, so on a grid of columns it comes after the shipped one.
            fallback_fonts=[*([font] if font else []), *fallbacks],
        ),
    }


def _printer_and_forms(till: OpenTill, devices_of: DevicesOf) -> tuple[Printer, Renderings]:
    """What takes the till's papers, and the forms it takes. Raises PrinterUnavailable."""
    files, forms = till.machine.printer_of(till.paths.receipts), renderings(till.settings)
    network = devices_of(till.settings).printer
    if network is None:
        return files, {suffix: render for suffix, render in forms.items() if suffix != PRINTED_FORM}
    return PrinterBySuffix(files, escpos=network), forms


def _forms_for_the_customer(forms: Renderings) -> Collection[str]:
    """Where PINs stand in full: on the paper of the receipt printer; where there is none, the files are the paper."""
    return (PRINTED_FORM,) if PRINTED_FORM in forms else tuple(forms)


def print_receipts(till: OpenTill, *, devices_of: DevicesOf = network_devices) -> PrintReport:
    """Print what waits. Never raises for a printer or a full disk, never touches money."""
    try:
        printer, forms = _printer_and_forms(till, devices_of)
    except PrinterUnavailable as fault:
        return PrintReport(printed=0, failed=0, printer_fault=str(fault))
    jobs = StorePrintJobs(desk=till.desk)
    printed = failed = 0
    try:
        while True:
            batch = print_waiting(
                jobs,
                printer,
                forms,
                till.desk.clock,
                labels=labels_of(till.settings),
                pins_on=_forms_for_the_customer(forms),
            )
            printed, failed = printed + batch.printed, failed + batch.failed
            if batch.printer_fault is not None or batch.printed + batch.failed == 0:
                return PrintReport(printed=printed, failed=failed, printer_fault=batch.printer_fault)
    except (WriteFailed, CommitFailed) as failure:
        # The paper is there, but its row still says that it waits: it is printed again, under the same name.
        return PrintReport(
            printed=printed, failed=failed, printer_fault=f"The store refuses: {failure.reason}"
        )


async def print_in_background(
    till: OpenTill, runner: Runner, *, devices_of: DevicesOf = network_devices
) -> None:
    """As ``print_receipts``, with the store on its own lanes and the paper beside them."""
    try:
        printer, forms = _printer_and_forms(till, devices_of)
    except PrinterUnavailable:
        return
    jobs = StorePrintJobs(desk=till.desk)
    for job in await runner.read(partial(jobs.next_waiting, PRINT_BATCH)):
        given = _forms_for_the_customer(forms)
        outcome = await runner.paper(
            partial(print_job, job, printer, forms, labels=labels_of(till.settings), pins_on=given)
        )
        at = till.desk.clock.now()
        match outcome:
            case Printed():
                await runner.till(partial(jobs.printed, job, at))
            case Waits(reason=reason):
                await runner.till(partial(jobs.still_waiting, job.job_id, reason, at))
                return
            case Failed(reason=reason):
                await runner.till(partial(jobs.failed, job.job_id, reason, at))


async def print_slips(
    till: OpenTill, press: VoucherPress, runner: Runner, *, devices_of: DevicesOf = network_devices
) -> int:
    """Print the slips of new vouchers that wait, each once; how many came out.

    A code is asked of central when its slip is printed and goes onto the paper alone. Never raises for a printer, the disk
    or the network: what cannot be printed now waits.
    """
    try:
        printer, forms = _printer_and_forms(till, devices_of)
    except PrinterUnavailable:
        return 0
    printed = 0
    for slip in await runner.read(partial(_waiting_slips, till.desk)):
        told = await press.rest(slip.hold_id)
        if not isinstance(told, VoucherIssued):
            continue
        document = _voucher_slip(till, told, of_receipt=slip.receipt_number)
        name = f"{slip.receipt_number}-voucher-{slip.hold_id}"
        try:
            await runner.paper(partial(_put_slip, name, document, printer, forms))
            await runner.till(partial(_slip_printed, till.desk, slip.hold_id))
        except (PrinterUnavailable, NotPrintable, OSError, WriteFailed, CommitFailed):
            continue
        await press.printed(slip.hold_id)
        printed += 1
    return printed


def _waiting_slips(desk: Desk) -> list[WaitingSlip]:
    with desk.till.read() as connection:
        return waiting_slips(connection)


async def print_voucher(
    till: OpenTill, voucher: VoucherIssued, runner: Runner, *, devices_of: DevicesOf = network_devices
) -> str | None:
    """Print the slip of a voucher that was just issued; why it did not come out, None if it did.

    No queue keeps it: whoever has the voucher before them asks again, or writes the code down.
    """
    try:
        printer, forms = _printer_and_forms(till, devices_of)
        slip, name = _voucher_slip(till, voucher), f"{voucher.serial}-voucher"
        await runner.paper(partial(_put_slip, name, slip, printer, forms))
    except (PrinterUnavailable, NotPrintable) as fault:
        return str(fault)
    except OSError:
        return "The paper could not be written."
    return None


def voucher_text(till: OpenTill, voucher: VoucherIssued) -> str:
    """The slip of a voucher as text, for the screen."""
    return render_text(_voucher_slip(till, voucher), till.settings.till.receipt.width)


def _voucher_slip(till: OpenTill, voucher: VoucherIssued, *, of_receipt: str | None = None) -> Document:
    labels = labels_of(till.settings)
    return compose_voucher(voucher, shop=till.desk.identity.shop, of_receipt=of_receipt, labels=labels)


def _put_slip(name: str, document: Document, printer: Printer, forms: Renderings) -> None:
    """Where a receipt printer is connected the code goes to it alone: a file would be a second voucher."""
    for suffix in _forms_for_the_customer(forms):
        printer.put(name=f"{name}.{suffix}", content=forms[suffix](document))


def _slip_printed(desk: Desk, hold_id: str) -> None:
    with desk.till.transaction() as unit:
        mark_slip_printed(unit.connection, hold_id, at=desk.clock.now())


def open_drawer(till: OpenTill, *, devices_of: DevicesOf = network_devices) -> str | None:
    """Let the cash drawer spring open now; what to tell the cashier if it does not, None if all is well or none is there.

    Never part of printing: a paper that waited or is printed again opens nothing.
    """
    try:
        devices_of(till.settings).drawer.open()
    except PrinterUnavailable as fault:
        return f"The drawer did not open. {fault}"
    return None


async def open_drawer_in_background(
    till: OpenTill, runner: Runner, *, devices_of: DevicesOf = network_devices
) -> str | None:
    """As ``open_drawer``, on a lane of its own: behind a paper it would open late, when nobody stands there."""
    return await runner.drawer(partial(open_drawer, till, devices_of=devices_of))


def receipt_text(till: OpenTill, facts: ReceiptFacts, copy: Copy) -> str:
    """A receipt as text, for the screen and the command line."""
    return render_text(compose(facts, copy, labels_of(till.settings)), till.settings.till.receipt.width)
