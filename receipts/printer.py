"""Where papers go: a folder, a receipt printer on the network; and the cash drawer that hangs on such a printer."""

from __future__ import annotations

import os
import re
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pos.domain.ports import Printer, PrinterUnavailable
from receipts import printer_status

_NAME = re.compile(r"[A-Z0-9][A-Za-z0-9._-]{0,79}")
_FOLDER_MODE = 0o700
_FILE_MODE = 0o600


class FilePrinter:
    """Writes papers into ``folder``, which only the till's own user may enter.

    The folder is made when the printer is, never later: if it vanishes, a disk was taken away, and a new folder in
    its place would hide that.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # A folder that cannot be made is told by the first paper, which then waits in the queue.
        with suppress(OSError):
            folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)

    def put(self, *, name: str, content: bytes) -> None:
        """Write ``content`` durably under ``name``; a file of that name is replaced in one step.

        Raises PrinterUnavailable if the disk or the folder refuses, and ValueError if ``name`` is not made of
        A-Z, a-z, 0-9, dot, hyphen and underscore, begins with a lower-case letter or a sign, or has over 80
        characters: such a name comes from a fault in the program, not from the counter.
        """
        if not _NAME.fullmatch(name):
            raise ValueError("this is not a name for a paper")
        try:
            folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                _keep_private(folder)
                _replace(folder, name, content)
            finally:
                os.close(folder)
        except OSError as error:
            raise PrinterUnavailable(f"The folder for papers refused: {error.strerror}") from error


def _keep_private(folder: int) -> None:
    if stat.S_IMODE(os.fstat(folder).st_mode) != _FOLDER_MODE:
        os.fchmod(folder, _FOLDER_MODE)


def _replace(folder: int, name: str, content: bytes) -> None:
    unfinished = f".{name}.part"
    # Left behind if the machine died in the middle of a write. The queue has one printer at a time, so it is ours.
    with suppress(FileNotFoundError):
        os.unlink(unfinished, dir_fd=folder)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    file = os.open(unfinished, flags, _FILE_MODE, dir_fd=folder)
    try:
        try:
            _write_all(file, content)
            os.fsync(file)
        finally:
            os.close(file)
        os.rename(unfinished, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        with suppress(OSError):
            os.unlink(unfinished, dir_fd=folder)
        raise
    os.fsync(folder)


def _write_all(file: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(file, rest) :]


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkAddress:
    """Where a receipt printer listens, and how patient the till is with it.

    ``ask_status`` False: for a printer that never answers; what is sent to it then counts as printed. Every wait has
    an end: a paper takes at most about a minute, a drawer 15 seconds, with a host that has to be looked up first as
    much longer as this machine's resolver waits.
    """

    host: str
    port: int = 9100
    ask_status: bool = True
    connect_timeout_s: float = 3
    answer_timeout_s: float = 2
    print_timeout_s: float = 20


class NetworkPrinter:
    """A receipt printer that takes raw bytes over the network.

    Before a paper it is asked whether it can print, after it whether it has. A paper whose proof does not come stays
    in the queue and is sent again: it may come out twice, but never not at all.
    """

    def __init__(self, address: NetworkAddress) -> None:
        self._address = address

    def put(self, *, name: str, content: bytes) -> None:
        """Print ``content``. Raises PrinterUnavailable, in words for a cashier, unless it is known to be on paper."""
        with _connected(self._address) as printer:
            printer.refuse_trouble()
            printer.send(content)
            printer.await_printed(self._address.print_timeout_s)

    def ask(self) -> None:
        """Ask only how it is. Raises PrinterUnavailable, in words for a cashier, if it could not print now."""
        with _connected(self._address) as printer:
            printer.refuse_trouble()


class NetworkDrawer:
    """The cash drawer on the socket of a receipt printer; ``pin`` 2 or 5 is the one that its cable uses."""

    def __init__(self, address: NetworkAddress, *, pin: int) -> None:
        self._address = address
        self._pulse = printer_status.PULSE_BY_PIN[pin]

    def open(self) -> None:
        """Send the pulse now or not at all: a printer that cannot print would keep it for later.

        Raises PrinterUnavailable, in words for a cashier.
        """
        with _connected(self._address) as printer:
            printer.refuse_trouble()
            printer.send(self._pulse)
            printer.await_printed(self._address.answer_timeout_s)


class NoDrawer:
    """A till without a drawer that it could open."""

    def open(self) -> None:
        """Nothing springs open."""


class PrinterBySuffix:
    """Gives a paper to the printer that takes its form; ``otherwise`` takes all forms that ``by_suffix`` lacks."""

    def __init__(self, otherwise: Printer, **by_suffix: Printer) -> None:
        self._otherwise = otherwise
        self._by_suffix = by_suffix

    def put(self, *, name: str, content: bytes) -> None:
        """Raises what that printer raises."""
        self._by_suffix.get(name.rpartition(".")[2], self._otherwise).put(name=name, content=content)


_STRAY_BYTES_MAX = 8
"""How much a printer may say unasked before its answer."""


@contextmanager
def _connected(address: NetworkAddress) -> Iterator[_Conversation]:
    try:
        connection = socket.create_connection((address.host, address.port), timeout=address.connect_timeout_s)
    # A name that cannot even be looked up raises the other one.
    except (OSError, UnicodeError) as error:
        raise PrinterUnavailable("The printer cannot be reached.") from error
    try:
        with connection:
            yield _Conversation(connection, address)
    except OSError as error:
        raise PrinterUnavailable("The connection to the printer broke.") from error


class _Conversation:
    """One connection. All of it raises PrinterUnavailable or OSError, and waits for a bounded time only."""

    def __init__(self, connection: socket.socket, address: NetworkAddress) -> None:
        self._connection = connection
        self._address = address

    def refuse_trouble(self) -> None:
        """Ask how the printer is. Raises PrinterUnavailable if it cannot print, or does not say."""
        if self._address.ask_status and (trouble := self._trouble()):
            raise PrinterUnavailable(trouble)

    def send(self, content: bytes) -> None:
        # The limit is for all of it, not for each part.
        self._connection.settimeout(self._address.print_timeout_s)
        self._connection.sendall(content)

    def await_printed(self, timeout_s: float) -> None:
        """Wait until what was sent is on paper. Raises PrinterUnavailable if that is not so, or is not said."""
        if not self._address.ask_status:
            self._connection.shutdown(socket.SHUT_WR)
            return
        self.send(printer_status.ASK_WHEN_PRINTED)
        printed = self._answer(printer_status.is_printed, timeout_s)
        if printed is None:
            # Paper that ran out in the middle is told by the other questions, which do not wait for their turn.
            raise PrinterUnavailable(self._trouble() or "The printer did not say that it has printed.")
        if not printer_status.has_paper_left(printed):
            raise PrinterUnavailable(printer_status.NO_PAPER)

    def _trouble(self) -> str | None:
        answers: list[int] = []
        for question in (printer_status.ASK_PRINTER, printer_status.ASK_CAUSE, printer_status.ASK_ROLL):
            self.send(question)
            answer = self._answer(printer_status.is_status, self._address.answer_timeout_s)
            if answer is None:
                return "The printer does not answer."
            answers.append(answer)
        printer, cause, roll = answers
        return printer_status.trouble(printer=printer, cause=cause, roll=roll)

    def _answer(self, is_wanted: Callable[[int], bool], timeout_s: float) -> int | None:
        """The first byte that is wanted; None if none comes."""
        self._connection.settimeout(timeout_s)
        with suppress(TimeoutError):
            for _ in range(_STRAY_BYTES_MAX):
                received = self._connection.recv(1)
                if not received:
                    raise PrinterUnavailable("The printer hung up.")
                if is_wanted(received[0]):
                    return received[0]
        return None
