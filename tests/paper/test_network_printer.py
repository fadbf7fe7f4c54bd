"""A printer on the network is asked before and after each paper; whatever it does, the till never waits for ever."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from pos.domain.ports import PrinterUnavailable
from receipts.printer import NetworkAddress, NetworkDrawer, NetworkPrinter, NoDrawer, PrinterBySuffix
from tests.paper.printer_emulator import wait_until

ASK_PRINTER, ASK_CAUSE, ASK_ROLL, ASK_WHEN_PRINTED = (
    b"\x10\x04\x01",
    b"\x10\x04\x02",
    b"\x10\x04\x04",
    b"\x1dr\x01",
)
WELL = {ASK_PRINTER: b"\x12", ASK_CAUSE: b"\x12", ASK_ROLL: b"\x12", ASK_WHEN_PRINTED: b"\x00"}
PAPER = b"\x1b@\x1c.Thank you\n\x1dVB\x00"
NAME = "S01-T02-A-000042.escpos"


@dataclass
class ScriptedPrinter:
    """Answers each question as it was told to, ``after_paper`` in another way, and keeps all it was sent."""

    answers: Mapping[bytes, bytes]
    after_paper: Mapping[bytes, bytes] = field(default_factory=dict)
    hangs_up: bool = False
    received: bytearray = field(default_factory=bytearray)
    connections: int = 0
    port: int = 0

    def address(self, **patience: float | bool) -> NetworkAddress:
        # Where an answer will come, a busy machine may take its time; where none will, nobody wants to wait for it.
        is_silent = b"" in {*self.answers.values(), *self.after_paper.values()}
        patience_s = 0.5 if is_silent else 10
        waits: dict[str, float] = {"answer_timeout_s": patience_s, "print_timeout_s": patience_s}
        return NetworkAddress(host="127.0.0.1", port=self.port, **(waits | patience))  # type: ignore[arg-type]

    def serve(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            with connection:
                if not self.hangs_up:
                    self._talk(connection)

    def _talk(self, connection: socket.socket) -> None:
        try:
            while piece := connection.recv(65536):
                self.received += piece
                answers = {**self.answers, **(self.after_paper if PAPER in self.received else {})}
                for question, answer in answers.items():
                    if piece.endswith(question):
                        connection.sendall(answer)
        except OSError:
            return


@contextmanager
def scripted(
    answers: Mapping[bytes, bytes],
    *,
    after_paper: Mapping[bytes, bytes] | None = None,
    hangs_up: bool = False,
) -> Iterator[ScriptedPrinter]:
    printer = ScriptedPrinter(answers, after_paper or {}, hangs_up)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        printer.port = listener.getsockname()[1]
        thread = threading.Thread(target=printer.serve, args=(listener,))
        thread.start()
        try:
            yield printer
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(timeout=5)
    assert not thread.is_alive()


def test_a_paper_is_sent_whole_between_the_questions() -> None:
    with scripted(WELL) as printer:
        NetworkPrinter(printer.address()).put(name=NAME, content=PAPER)

    assert bytes(printer.received) == ASK_PRINTER + ASK_CAUSE + ASK_ROLL + PAPER + ASK_WHEN_PRINTED


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ({ASK_PRINTER: b"\x1a", ASK_CAUSE: b"\x32"}, "The printer has no paper."),
        ({ASK_ROLL: b"\x72"}, "The printer has no paper."),
        ({ASK_PRINTER: b"\x1a", ASK_CAUSE: b"\x16"}, "The printer's cover is open."),
        (
            {ASK_PRINTER: b"\x1a", ASK_CAUSE: b"\x52"},
            "The printer reports an error. Switch it off and on again.",
        ),
        ({ASK_PRINTER: b"\x1a"}, "The printer is offline."),
        ({ASK_PRINTER: b""}, "The printer does not answer."),
        ({ASK_ROLL: b""}, "The printer does not answer."),
    ],
)
def test_a_printer_in_trouble_is_sent_nothing_and_says_what_is_wrong(
    answers: dict[bytes, bytes], told: str
) -> None:
    with scripted(WELL | answers) as printer:
        with pytest.raises(PrinterUnavailable) as fault:
            NetworkPrinter(printer.address()).put(name=NAME, content=PAPER)
        with pytest.raises(PrinterUnavailable):
            NetworkDrawer(printer.address(), pin=2).open()

    assert str(fault.value) == told
    assert PAPER not in printer.received
    assert b"\x1bp" not in printer.received, "a pulse that is kept would open the drawer later"


def test_paper_that_will_soon_end_still_prints() -> None:
    with scripted(WELL | {ASK_ROLL: b"\x1e", ASK_WHEN_PRINTED: b"\x03"}) as printer:
        NetworkPrinter(printer.address()).put(name=NAME, content=PAPER)

    assert PAPER in printer.received


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ({ASK_WHEN_PRINTED: b""}, "The printer did not say that it has printed."),
        ({ASK_WHEN_PRINTED: b"\x0f"}, "The printer has no paper."),
    ],
)
def test_a_paper_without_the_proof_that_it_was_printed_is_not_printed(
    answers: dict[bytes, bytes], told: str
) -> None:
    with scripted(WELL | answers) as printer, pytest.raises(PrinterUnavailable) as fault:
        NetworkPrinter(printer.address()).put(name=NAME, content=PAPER)

    assert str(fault.value) == told


def test_paper_that_ends_in_the_middle_is_told_as_such() -> None:
    with (
        scripted(WELL, after_paper={ASK_WHEN_PRINTED: b"", ASK_ROLL: b"\x72"}) as printer,
        pytest.raises(PrinterUnavailable, match=r"^The printer has no paper\.$"),
    ):
        NetworkPrinter(printer.address()).put(name=NAME, content=PAPER)


def test_what_a_printer_says_unasked_is_no_answer() -> None:
    unasked = b"\x14\x00\x00\x0f"
    answers = {question: unasked + answer for question, answer in WELL.items()}
    # A late answer to the first questions is none to the last.
    with scripted(answers | {ASK_WHEN_PRINTED: b"\x12\x12\x00"}) as printer:
        NetworkPrinter(printer.address()).put(name=NAME, content=PAPER)

    assert PAPER in printer.received


def test_a_printer_that_only_chatters_is_given_up() -> None:
    with (
        scripted(dict.fromkeys(WELL, b"\x00" * 1000)) as printer,
        pytest.raises(PrinterUnavailable, match="does not answer"),
    ):
        NetworkPrinter(printer.address()).put(name=NAME, content=PAPER)


def test_a_printer_that_never_answers_is_written_to_if_the_settings_say_so() -> None:
    with scripted({}) as printer:
        address = printer.address(ask_status=False)
        NetworkPrinter(address).put(name=NAME, content=PAPER)
        wait_until(lambda: bytes(printer.received) == PAPER)
        NetworkDrawer(address, pin=5).open()
        wait_until(lambda: bytes(printer.received) == PAPER + b"\x1bp\x01\x19\xfa")


@pytest.mark.parametrize(("pin", "pulse"), [(2, b"\x1bp\x00\x19\xfa"), (5, b"\x1bp\x01\x19\xfa")])
def test_the_drawer_is_opened_by_a_pulse_on_its_pin(pin: int, pulse: bytes) -> None:
    with scripted(WELL) as printer:
        NetworkDrawer(printer.address(), pin=pin).open()

    assert bytes(printer.received) == ASK_PRINTER + ASK_CAUSE + ASK_ROLL + pulse + ASK_WHEN_PRINTED


def test_a_printer_that_hangs_up_is_told() -> None:
    with (
        scripted(WELL, hangs_up=True) as printer,
        pytest.raises(PrinterUnavailable, match=r"^The (printer|conn)"),
    ):
        NetworkPrinter(printer.address()).put(name=NAME, content=PAPER)


@pytest.mark.parametrize("host", ["127.0.0.1", "a..b", "x" * 64])
def test_a_printer_that_cannot_be_reached_is_told(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    address = NetworkAddress(host=host, port=port, connect_timeout_s=0.3)

    with pytest.raises(PrinterUnavailable, match=r"^The printer cannot be reached\.$"):
        NetworkPrinter(address).put(name=NAME, content=PAPER)


@pytest.mark.parametrize("ask_status", [True, False])
def test_a_printer_that_takes_nothing_more_is_given_up_in_time(ask_status: bool) -> None:
    # It is connected to, and then nobody reads: the machine's own buffers take some megabytes before a write waits.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = NetworkAddress(
            host="127.0.0.1",
            port=listener.getsockname()[1],
            ask_status=ask_status,
            answer_timeout_s=0.2,
            print_timeout_s=0.3,
        )
        began = time.monotonic()

        with pytest.raises(PrinterUnavailable):
            NetworkPrinter(address).put(name=NAME, content=b"n" * 20_000_000)

        assert time.monotonic() - began < 3


def test_a_form_goes_to_the_printer_that_takes_it() -> None:
    class Tray:
        def __init__(self) -> None:
            self.names: list[str] = []

        def put(self, *, name: str, content: bytes) -> None:
            self.names.append(name)

    files, network = Tray(), Tray()
    both = PrinterBySuffix(files, escpos=network)

    for suffix in ("txt", "pdf", "escpos", "duplicate-2.escpos"):
        both.put(name=f"S01-T02-A-000042.{suffix}", content=b"")

    assert files.names == ["S01-T02-A-000042.txt", "S01-T02-A-000042.pdf"]
    assert network.names == ["S01-T02-A-000042.escpos", "S01-T02-A-000042.duplicate-2.escpos"]


def test_a_till_without_a_drawer_opens_none() -> None:
    NoDrawer().open()
