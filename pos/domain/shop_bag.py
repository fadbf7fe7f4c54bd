"""A bag of cash on its way from one till of a shop to another, where the shop's cash office is.

It leaves the sender's safe with a paper, and is counted into the safe of whoever accepts it; in between it is on the way,
and the ledger says so. The paper has what the other till needs without a network: the numbers of paper and bag, the amount,
and check characters over them. Those catch what is typed wrong; that a bag is accepted once only is for central to say.
Source: domain.md 1, 3.9.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from pos.domain.errors import Refused
from pos.domain.money import Money
from pos.domain.posting import JournalLine, Ledger, credit, debit

_LETTERS = "ACDEFGHJKLMNPQRTUVWXY349"
"""None that is taken for another when it is read off paper."""
CHECK_LENGTH = 5
PAPER_MAX = 100
"""Characters of a paper's number: a terminal's name alone may have 64."""


class SentState(StrEnum):
    """Where a bag is that this till sent. Recalled and arrived are its ends."""

    ON_THE_WAY = "on_the_way"
    RECALLED = "recalled"
    ARRIVED = "arrived"


class AcceptedState(StrEnum):
    """What became of a bag that this till accepted. Refused: central says that it was not this till's to accept."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True, kw_only=True)
class BagPaper:
    """What stands on the paper that goes with a bag: its own number, the bag's, and what was put in."""

    number: str
    bag: str
    amount: Money

    @property
    def check(self) -> str:
        """The characters that go with exactly these."""
        said = "|".join((self.number, self.bag, str(self.amount.minor), self.amount.currency.code))
        left = int.from_bytes(hashlib.sha256(said.encode()).digest()[:8])
        letters = []
        for _ in range(CHECK_LENGTH):
            left, place = divmod(left, len(_LETTERS))
            letters.append(_LETTERS[place])
        return "".join(letters)

    @property
    def shop(self) -> str:
        """The shop that its number says."""
        return self.number.split("-", 1)[0]

    @property
    def terminal(self) -> str:
        """The till that its number says: shop, terminal, series (its own and the bags') and counter."""
        return "-".join(self.number.split("-")[1:-3])

    @property
    def series(self) -> str:
        """The sender's series of receipts."""
        parts = self.number.split("-")
        return parts[-3] if len(parts) > 3 else ""

    def goes_with(self, typed: str) -> bool:
        """Whether the check that was typed is this paper's."""
        return typed.replace(" ", "").upper() == self.check

    def require_check(self, typed: str) -> None:
        """Raises Refused ``bag_check`` where what was typed does not go with it."""
        if not self.goes_with(typed):
            raise Refused(
                "bag_check",
                "Paper, bag, amount and check do not go together. Type them as they stand on the paper.",
                field="check",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class SentBag:
    """A bag that this till sent. ``arrived_at`` is the terminal that central says accepted it, ``counted`` what it found.

    ``back_at_utc``: when it came back, empty where it did not.
    """

    sending_id: str
    paper: BagPaper
    bag_id: str
    sent_on: date
    sent_by: str
    state: SentState
    contents: str = ""
    cash_office: str = ""
    arrived_at: str = ""
    counted: Money | None = None
    at_utc: str = ""
    back_at_utc: str = ""

    @property
    def is_in_doubt(self) -> bool:
        """It was taken back here, but central says that another till has it."""
        return self.state is SentState.RECALLED and bool(self.arrived_at)

    def days(self, today: date) -> int:
        """Since when it is under way."""
        return max((today - self.sent_on).days, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedBag:
    """A bag that this till accepted. ``number`` is its own paper's; ``refused`` is what central said.

    ``undone_at_utc``: when that was taken back, empty where it was not.
    """

    acceptance_id: str
    number: str
    paper: BagPaper
    counted: Money
    accepted_on: date
    accepted_by: str
    state: AcceptedState
    reason: str = ""
    refused: str = ""
    at_utc: str = ""
    undone_at_utc: str = ""

    @property
    def over_short(self) -> Money:
        """What was found more (positive) or less than the paper says."""
        return self.counted - self.paper.amount


@dataclass(frozen=True, slots=True, kw_only=True)
class BagAtCentral:
    """A bag as central knows it: ``terminal`` sent it, ``acceptance`` is the id of the one that stands, empty without.

    ``is_told``: its sender has told of it; until then only who accepted it.
    """

    paper: BagPaper
    terminal: str
    state: str
    is_told: bool
    acceptance: str = ""
    accepted_by: str = ""
    accepted_at: str = ""
    counted: Money | None = None


def bag_series(receipt_series: str) -> str:
    """The series of these papers beside a series of receipts."""
    return f"{receipt_series}-TB"


def sent_lines(amount: Money) -> list[JournalLine]:
    """It leaves the safe, and is on the way."""
    return [debit(Ledger.BAGS_IN_TRANSIT, amount), credit(Ledger.SAFE, amount)]


def recalled_lines(amount: Money) -> list[JournalLine]:
    """It is in the sender's safe again."""
    return [debit(Ledger.SAFE, amount), credit(Ledger.BAGS_IN_TRANSIT, amount)]


def accepted_lines(amount: Money, counted: Money) -> list[JournalLine]:
    """It is on the way no more; what was counted is in the safe, what differs is over or short."""
    difference = counted - amount
    lines = [debit(Ledger.SAFE, counted)] if counted.minor else []
    if difference.minor < 0:
        lines.append(debit(Ledger.OVER_SHORT, -difference))
    lines.append(credit(Ledger.BAGS_IN_TRANSIT, amount))
    if difference.minor > 0:
        lines.append(credit(Ledger.OVER_SHORT, difference))
    return lines


def undone_lines(amount: Money, counted: Money) -> list[JournalLine]:
    """An acceptance is taken back: every line the other way."""
    return [
        JournalLine(ledger_account=line.ledger_account, debit=line.credit, credit=line.debit)
        for line in accepted_lines(amount, counted)
    ]
