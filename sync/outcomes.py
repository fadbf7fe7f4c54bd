"""How a request to central can end: accepted, refused for good, later, unknown, or unreachable.

An answer that was not read is unknown, never failed. Source: reliability.md section 3.4; tmf.md sections 3, 6, 7.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sync.tmf676.payment import PaymentSeen


@dataclass(frozen=True, slots=True)
class Accepted:
    """Central has the payment."""

    payment: PaymentSeen


@dataclass(frozen=True, slots=True)
class NotThere:
    """A look-up found no payment of this key."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Central says that it may have something of this key already (409). ``number_taken``: a payment of its number."""

    reason: str
    number_taken: bool = False


@dataclass(frozen=True, slots=True)
class RefusedForGood:
    """Central will not take this body, however often it is sent."""

    reason: str


@dataclass(frozen=True, slots=True)
class Later:
    """Central took nothing and asks to be tried again, not before ``retry_after_s`` seconds."""

    reason: str
    retry_after_s: int | None


@dataclass(frozen=True, slots=True)
class Unknown:
    """The request may have been carried out; only a look-up can tell."""

    reason: str
    retry_after_s: int | None = None


@dataclass(frozen=True, slots=True)
class Unreachable:
    """No connection: nothing was sent."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnAnswer:
    """What our central answered; ``told`` None where it is no JSON.

    Of what is no yes, ``for_good``: no use in asking again; ``reason``: its status and words, for people.
    """

    status: int
    told: Any
    for_good: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a list. ``total`` None: the server did not say. ``change`` is our central's logical clock."""

    rows: tuple[Any, ...]
    total: int | None
    change: int | None

    def ends(self, *, offset: int, before: Page | None) -> bool:
        """Whether nothing follows it. ``offset`` counts its own rows too; ``before`` is the page before it.

        A server that says no total may give fewer rows than asked, so only an empty page ends its list; one that does
        not page at all gives the same rows again.
        """
        if not self.rows:
            return True
        if self.total is not None:
            return offset >= self.total
        return before is not None and before.rows == self.rows


SendOutcome = Accepted | Conflict | RefusedForGood | Later | Unknown | Unreachable
LookUpOutcome = Accepted | NotThere | Later | Unknown | Unreachable
PageOutcome = Page | Later | Unknown | Unreachable
RatesOutcome = PageOutcome | RefusedForGood
AllOfTerminal = Mapping[str, tuple[object, PaymentSeen]]
