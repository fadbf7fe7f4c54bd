"""Who asks: the client that the token of a request was given to, and what it may do.

The caller is a matter of the request, not of an argument: what reads or writes asks ``caller`` where it matters, so that no
handler can forget to hand it on. None: central runs without authentication, and whoever asks may do all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum

from sync.central.wire.errors import ApiError


class Scope(StrEnum):
    """What a client may be allowed. ``TILL`` is everything of our own that only tills do.

    Who listens is told of everybody's payments and refunds, or bills; a dealer's client never is.
    """

    PAYMENT_READ = "payment.read"
    PAYMENT_WRITE = "payment.write"
    REFUND_READ = "refund.read"
    REFUND_WRITE = "refund.write"
    BILL_READ = "bill.read"
    BILL_WRITE = "bill.write"
    ACCOUNT_READ = "account.read"
    CATALOGUE_READ = "catalogue.read"
    METRICS_READ = "metrics.read"
    PAYMENT_LISTEN = "payment.listen"
    BILL_LISTEN = "bill.listen"
    TILL = "till"


class ClientKind(StrEnum):
    """A till, a dealer's own system, or a program of anybody else."""

    TERMINAL = "terminal"
    DEALER = "dealer"
    FOREIGN = "foreign"


USUAL_SCOPES: Mapping[ClientKind, frozenset[Scope]] = {
    ClientKind.TERMINAL: frozenset(Scope)
    - {Scope.BILL_WRITE, Scope.METRICS_READ, Scope.PAYMENT_LISTEN, Scope.BILL_LISTEN},
    ClientKind.DEALER: frozenset(
        (
            Scope.PAYMENT_READ,
            Scope.PAYMENT_WRITE,
            Scope.REFUND_READ,
            Scope.BILL_READ,
            Scope.ACCOUNT_READ,
            Scope.CATALOGUE_READ,
        )
    ),
    ClientKind.FOREIGN: frozenset((Scope.PAYMENT_READ, Scope.PAYMENT_WRITE, Scope.BILL_READ)),
}
"""What a client may where nothing else is said. Whatever is the tills' alone is never a dealer's or a stranger's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """``terminal`` and ``epoch`` of a till's enrolment, ``dealer`` the account of a dealer's client or till; else None.

    ``name``: as the operator calls a client; it stays the same where the client is revoked and made anew.
    """

    client_id: str
    kind: ClientKind
    scopes: frozenset[Scope]
    name: str = ""
    terminal: str | None = None
    epoch: int | None = None
    dealer: str | None = None


_CALLER: ContextVar[Caller | None] = ContextVar("caller", default=None)


def caller() -> Caller | None:
    """Of the request that is being answered."""
    return _CALLER.get()


def client_asking() -> str:
    """Its client's id, as an event names who did something; empty where nobody had to say who he is."""
    asking = caller()
    return "" if asking is None else asking.client_id


def terminal_asking() -> str | None:
    """The till that asks; None for anybody else."""
    asking = caller()
    return None if asking is None else asking.terminal


@contextmanager
def asked_by(found: Caller | None) -> Iterator[None]:
    """Whatever is done inside is done for ``found``; None: for central itself, which may see all."""
    before = _CALLER.set(found)
    try:
        yield
    finally:
        _CALLER.reset(before)


def told_by_own_terminal(told: MutableMapping[str, object]) -> bool:
    """What a till tells is recorded as that till's: a body that names no terminal names its own from now on.

    Whether it had to be named. Raises as ``require_own_terminal``.
    """
    asking = caller()
    is_unnamed = asking is not None and asking.terminal is not None and told.get("terminal") is None
    if asking is not None and is_unnamed:
        told["terminal"] = asking.terminal
    require_own_terminal(told)
    return is_unnamed


def require_own_terminal(told: Mapping[str, object]) -> None:
    """What names a terminal comes from that terminal, in an enrolment that it has or had.

    Raises ApiError 403 ``other_terminal`` or ``other_epoch``. An earlier enrolment's is taken: what was booked in it may be
    on its way still.
    """
    asking = caller()
    terminal, epoch = told.get("terminal"), told.get("epoch")
    if asking is None or terminal is None:
        return
    if terminal != asking.terminal:
        raise ApiError(403, "other_terminal", "This token is not that terminal's.", field="terminal")
    if asking.epoch is not None and type(epoch) is int and epoch > asking.epoch:
        raise ApiError(403, "other_epoch", "This token is of an earlier enrolment.", field="epoch")
