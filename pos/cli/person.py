"""Who a command acts for: ``--user`` with the PIN from a file descriptor, or asked for on a terminal."""

from __future__ import annotations

import getpass
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from pos.bootstrap.homes import OpenTill, open_till, real_machine
from pos.cli.output import Invocation
from pos.store.database import StoreError
from pos.till.desk import note_refusals
from pos.till.pin_tries import write_refusals_beside
from pos.till.sign_in import check_beside, sign_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pos.domain.role import Person
    from pos.domain.session import Session
    from pos.till.desk import Desk

PIN_MAX = 64
SECRET_MAX = 1_000
CODE_MAX = 200
LOCKED = 5

UserOption = Annotated[str | None, typer.Option("--user", help="User number of the person this is done for.")]
PinOption = Annotated[
    int | None,
    typer.Option("--pin-fd", help="File descriptor to read the PIN from; never on the command line."),
]

PassphraseOption = Annotated[
    int | None,
    typer.Option(
        "--passphrase-fd", help="File descriptor to read the passphrase from; never on the command line."
    ),
]

CodeOption = Annotated[
    str | None,
    typer.Option(
        "--code", help="One-time code from pos central terminal; -: from standard input, or asked for."
    ),
]


def read_pin(pin_fd: int | None, prompt: str = "PIN: ") -> str:
    """One line from ``pin_fd``, or asked for without echo. Raises BadParameter where neither works."""
    if pin_fd is None:
        if not sys.stdin.isatty():
            raise typer.BadParameter("Give --user and --pin-fd, or run this on a terminal.")
        return getpass.getpass(prompt)
    return _read_line(pin_fd, PIN_MAX).decode("ascii", "replace").strip("\r\n")


def read_secret(secret_fd: int | None, prompt: str) -> str:
    """One line from ``secret_fd``, or asked for without echo. Raises BadParameter where neither works."""
    if secret_fd is None:
        if not sys.stdin.isatty():
            raise typer.BadParameter("Give it by a file descriptor, or run this on a terminal.")
        return getpass.getpass(prompt)
    return _read_line(secret_fd, SECRET_MAX).decode("utf-8", "surrogateescape").strip("\r\n")


def read_code(code: str | None) -> str | None:
    """The one-time code given. ``-`` keeps it out of the list of processes: it is read here, without echo on a terminal."""
    if code != "-":
        return code
    if sys.stdin.isatty():
        return getpass.getpass("One-time code: ").strip()
    return sys.stdin.readline(CODE_MAX).strip()


def _read_line(descriptor: int, most: int) -> bytes:
    text = b""
    try:
        while len(text) < most and not text.endswith(b"\n"):
            byte = os.read(descriptor, 1)
            if not byte:
                break
            text += byte
    except OSError:
        raise typer.BadParameter("That is not an open file descriptor.") from None
    return text


def read_user(user: str | None) -> str:
    """The user number given, or asked for on a terminal."""
    if user is not None:
        return user
    if not sys.stdin.isatty():
        raise typer.BadParameter("Give --user and --pin-fd, or run this on a terminal.")
    return input("User number: ")


@contextmanager
def writing(call: Invocation, user: str | None, pin_fd: int | None) -> Iterator[tuple[OpenTill, Person]]:
    """The home as its owner, with the person signed in."""
    number, pin = read_user(user), read_pin(pin_fd)
    with open_till(call.home, machine=real_machine(), config=call.config) as till:
        yield till, sign_in(till.desk, number, pin)


@contextmanager
def reading(call: Invocation, user: str | None, pin_fd: int | None) -> Iterator[tuple[OpenTill, Person]]:
    """The home to be read, beside an open screen where there is one.

    Where nobody owns the home the sign-in counts tries as ever. Beside an owner this process may not write into the books:
    tries and refusals are written beside them, and the owner takes them in.
    """
    number, pin = read_user(user), read_pin(pin_fd)
    session = _counted_sign_in(call, number, pin)
    desk: Desk | None = None
    try:
        with open_till(call.home, machine=real_machine(), config=call.config, read_only=True) as till:
            desk = till.desk
            if session is None:
                person = check_beside(desk, number, pin)
            else:
                person = session.person
                desk.sessions[person.user] = session
            yield till, person
    finally:
        if desk is not None and desk.unwritten:
            _audit(call, desk)


def _audit(call: Invocation, desk: Desk) -> None:
    """What was refused while the home was only read goes into the books, or beside them."""
    try:
        with open_till(call.home, machine=real_machine(), config=call.config) as till:
            till.desk.unwritten.extend(desk.unwritten)
            note_refusals(till.desk)
    except StoreError as error:
        if error.exit_code != LOCKED:
            raise
        write_refusals_beside(desk)


def _counted_sign_in(call: Invocation, user: str, pin: str) -> Session | None:
    try:
        with open_till(call.home, machine=real_machine(), config=call.config) as till:
            person = sign_in(till.desk, user, pin)
            return till.desk.sessions[person.user]
    except StoreError as error:
        if error.exit_code == LOCKED:
            return None
        raise
