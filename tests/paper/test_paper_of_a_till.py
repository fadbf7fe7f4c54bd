"""A till prints to files, and to the receipt printer that its settings name; its drawer opens only when told to."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from pos.bootstrap.homes import OpenTill
from pos.bootstrap.paper import (
    PaperDevices,
    network_devices,
    open_drawer,
    open_drawer_in_background,
    print_in_background,
    print_receipts,
    renderings,
)
from pos.domain.errors import Refused
from pos.domain.ports import Drawer, Printer, PrinterUnavailable
from pos.machine import InlineRunner
from pos.settings import FILES, Settings, read_settings
from pos.till_settings import PrinterSettings
from receipts.compose import compose
from receipts.printer import NetworkDrawer, NetworkPrinter, NoDrawer
from tests.builders.receipts import ORIGINAL, receipt
from tests.builders.tills import cash, open_home, opened, pay
from tests.paper.escpos_reader import read
from tests.paper.print_rows import Tray
from tests.paper.printer_emulator import emulated_printers

Result = TypeVar("Result")
SHIPPED = Path(__file__).resolve().parents[2] / "config"


class Bolt:
    """A drawer that counts how often it sprang open, or is stuck."""

    def __init__(self, fault: str | None = None) -> None:
        self._fault = fault
        self.opened = 0

    def open(self) -> None:
        if self._fault is not None:
            raise PrinterUnavailable(self._fault)
        self.opened += 1


class Hung:
    """Devices as a test hangs them on a till."""

    def __init__(self, printer: Printer | None, drawer: Drawer) -> None:
        self._devices = PaperDevices(printer=printer, drawer=drawer)

    def __call__(self, settings: Settings) -> PaperDevices:
        return self._devices


@pytest.fixture
def till(tmp_path: Path) -> Iterator[OpenTill]:
    """An open till with one payment whose receipt waits."""
    with open_home(tmp_path / "home") as home:
        opened(home.desk)
        pay(home.desk, cash("1"), account="BA-1001")
        yield home


def files_of(till: OpenTill) -> set[str]:
    return {path.suffix for path in till.paths.receipts.iterdir()}


def test_a_till_without_a_receipt_printer_prints_text_and_pdf(till: OpenTill) -> None:
    assert print_receipts(till).printed == 1

    assert files_of(till) == {".txt", ".pdf"}
    assert open_drawer(till) is None, "there is none, and nobody is troubled with that"


def test_a_till_with_a_receipt_printer_prints_files_and_paper_and_opens_no_drawer(till: OpenTill) -> None:
    tray, bolt = Tray(), Bolt()

    report = print_receipts(till, devices_of=Hung(tray, bolt))

    assert (report.printed, report.printer_fault) == (1, None)
    assert files_of(till) == {".txt", ".pdf"}
    (name,) = tray.papers
    assert name.endswith(".escpos")
    assert "TOTAL KWD" in read(tray.papers[name]).text("cp1252")
    assert bolt.opened == 0


def test_a_printer_out_of_paper_leaves_the_receipt_waiting_with_its_files_made(till: OpenTill) -> None:
    no_paper = Tray(papers=0, fault=PrinterUnavailable("The printer has no paper."))

    report = print_receipts(till, devices_of=Hung(no_paper, Bolt()))

    assert (report.printed, report.printer_fault) == (0, "The printer has no paper.")
    assert files_of(till) == {".txt", ".pdf"}
    assert print_receipts(till, devices_of=Hung(Tray(), Bolt())).printed == 1


async def test_papers_and_the_drawer_have_a_lane_each(till: OpenTill) -> None:
    """Behind a paper that a dead printer holds up, the drawer would spring open when nobody stands there."""

    class Lanes(InlineRunner):
        """Notes what was done on which."""

        def __init__(self) -> None:
            self.used: list[str] = []

        async def paper(self, call: Callable[[], Result]) -> Result:
            before = len(tray.papers)
            result = await super().paper(call)
            self.used.append(f"paper {len(tray.papers) - before}")
            return result

        async def drawer(self, call: Callable[[], Result]) -> Result:
            self.used.append("drawer")
            return await super().drawer(call)

    tray, bolt, lanes = Tray(), Bolt(), Lanes()

    await print_in_background(till, lanes, devices_of=Hung(tray, bolt))
    assert lanes.used == ["paper 1"]
    assert await open_drawer_in_background(till, lanes, devices_of=Hung(tray, bolt)) is None

    assert bolt.opened == 1
    assert lanes.used == ["paper 1", "drawer"]
    assert print_receipts(till).printed == 0, "it is printed already"


def test_a_drawer_that_does_not_open_is_told_and_stops_nothing(till: OpenTill) -> None:
    told = open_drawer(till, devices_of=Hung(None, Bolt("The printer cannot be reached.")))

    assert told == "The drawer did not open. The printer cannot be reached."


def with_printer(folder: Path, **keys: str) -> Settings:
    """The shipped settings with keys of ``[printer]`` replaced."""
    folder.mkdir()
    for name in FILES:
        shutil.copy(SHIPPED / name, folder / name)
    text = (folder / "till.toml").read_text(encoding="utf-8")
    shipped = tomllib.loads(text)["printer"]
    before, after = text.split("[printer]\n")
    _, rest = after.split("\n[sync]", 1)
    keys = {
        key: repr(value) if isinstance(value, str) else str(value).lower() for key, value in shipped.items()
    } | keys
    lines = "".join(f"{key} = {value}\n" for key, value in keys.items())
    (folder / "till.toml").write_text(f"{before}[printer]\n{lines}\n[sync]{rest}", encoding="utf-8")
    return read_settings(option=folder)


def test_the_settings_name_printer_and_drawer(tmp_path: Path) -> None:
    without = network_devices(read_settings())
    both = network_devices(with_printer(tmp_path / "a", network='"printer.shop"'))
    no_drawer = network_devices(with_printer(tmp_path / "b", network='"printer.shop"', drawer_pin="0"))

    assert without.printer is None
    assert isinstance(without.drawer, NoDrawer)
    assert isinstance(both.printer, NetworkPrinter)
    assert isinstance(both.drawer, NetworkDrawer)
    assert isinstance(no_drawer.printer, NetworkPrinter)
    assert isinstance(no_drawer.drawer, NoDrawer)


@pytest.mark.parametrize(
    ("network", "address"),
    [
        ("", None),
        ("192.168.1.50", ("192.168.1.50", 9100)),
        ("192.168.1.50:9101", ("192.168.1.50", 9101)),
        ("till-printer.shop", ("till-printer.shop", 9100)),
        ("[fd00::5]:9100", ("fd00::5", 9100)),
        ("[fd00::5]", ("fd00::5", 9100)),
    ],
)
def test_a_printers_address_is_a_host_and_perhaps_a_port(
    network: str, address: tuple[str, int] | None
) -> None:
    assert PrinterSettings(network=network).address == address


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("network", '"printer:0x50"'),
        ("network", '"printer:99999"'),
        ("network", '"printer:0"'),
        ("network", '":9100"'),
        ("network", '"tcp://printer"'),
        ("network", '"printer/x"'),
        ("network", '"u@printer"'),
        ("network", '"two words"'),
        ("network", '"fd00::5"'),
        ("paper_mm", "76"),
        ("code_page", '"UTF-8"'),
        ("drawer_pin", "3"),
        ("cuts", "1"),
    ],
)
def test_a_wrong_key_of_the_printer_stops_the_start(tmp_path: Path, key: str, value: str) -> None:
    with pytest.raises(Refused) as refusal:
        with_printer(tmp_path / "settings", **{key: value})

    assert refusal.value.details["key"] == f"printer.{key}"


def test_the_width_and_page_of_the_settings_reach_the_paper(tmp_path: Path) -> None:
    settings = with_printer(tmp_path / "settings", paper_mm="58", code_page='"ASCII"', cuts="false")

    told = read(renderings(settings)["escpos"](compose(receipt(payer_name="Zoe"), ORIGINAL)))

    assert "-" * 32 in told.text("ascii").splitlines()
    assert (told.page, told.end) == (None, b"\x1bd\x05")


def test_a_till_prints_on_a_real_line_and_opens_its_drawer(tmp_path: Path, till: OpenTill) -> None:
    (tmp_path / "emulator").mkdir()
    with emulated_printers(tmp_path / "emulator") as printers:
        wide = printers["wide"]
        settings = with_printer(tmp_path / "settings", network=f'"127.0.0.1:{wide.port}"')

        def devices_of(_: Settings) -> PaperDevices:
            return network_devices(settings)

        assert print_receipts(till, devices_of=devices_of).printed == 1
        assert not wide.drawer_is_open
        assert open_drawer(till, devices_of=devices_of) is None

        assert wide.drawer_is_open
        (paper,) = wide.papers()
        assert "TOTAL KWD" in wide.text(paper)
        assert wide.complaints() == []
