"""A card terminal for tests of the till: the port itself, in memory. ``answers`` are given in turn, then it approves all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pos.domain.card import (
    CardApproved,
    CardAsked,
    CardDeclined,
    CardNotReached,
    CardOutcome,
    CardReversed,
    CardSlip,
    CardUnknown,
    ReversalOutcome,
    ReversalRefused,
    TerminalReference,
    TerminalTotals,
    TotalsOutcome,
)
from pos.domain.money import Currency, Money
from pos.domain.ports import CardTerminal
from pos.domain.role import Person
from pos.machine import InlineRunner
from pos.store.cards import CardAttempt
from pos.till.cards import ask_again, ask_cards, let_go_cards, look_after_cards
from pos.till.desk import Desk
from pos.till.payment_order import PaymentOrder, TenderOrder
from tests.builders.tills import CASHIER, rows

NO_ANSWER = CardUnknown(reason="The card terminal did not answer in time.")
NOT_THERE = CardNotReached(reason="The card terminal is not reachable.")
NEVER_HEARD_OF = ReversalRefused(reason="The card terminal has no record of it.")
REFUSED = CardDeclined(code="Refusal", reason="The card was refused.")


def approved(amount: Money, number: int = 1, *, wiped: bool = False, terminal: str = "POI-1") -> CardApproved:
    """What a terminal says that charged ``amount``; another ``number`` is another slip."""
    slip = CardSlip(
        card_terminal=terminal,
        auth_code=f"A{number:05d}",
        rrn=f"{number:012d}",
        last4="1111",
        brand="VISA",
        expires="09/29",
    )
    return CardApproved(
        slip=slip,
        amount=amount,
        reference=TerminalReference(transaction=f"POI-{number}", at="2026-11-21T10:15:00+03:00"),
        wiped=wiped,
    )


class FakeCards(CardTerminal):
    """``statuses`` and ``reversals`` are given in turn too; after them the truth: what was approved, is; reversals succeed.

    ``meanwhile`` is called while a customer stands with the card in hand.
    """

    def __init__(
        self,
        *answers: CardOutcome,
        statuses: list[CardOutcome] | None = None,
        reversals: list[ReversalOutcome] | None = None,
        terminal_id: str = "POI-1",
        meanwhile: Callable[[], None] | None = None,
    ) -> None:
        self.answers = list(answers)
        self.statuses = list(statuses or [])
        self.reversals = list(reversals or [])
        self.meanwhile = meanwhile
        self.asked: list[CardAsked] = []
        self.looked_up: list[str] = []
        self.reversed: list[tuple[str, int]] = []
        self.reversal_statuses: list[ReversalOutcome] = []
        self.reversals_looked_up: list[int] = []
        self._reversals: dict[tuple[str, int], ReversalOutcome] = {}
        self.aborted: list[str] = []
        self.totals: TotalsOutcome = TerminalTotals(reconciliation="1", lines=())
        self.hangs: asyncio.Event | None = None
        self._truth: dict[str, CardOutcome] = {}
        self._id = terminal_id

    @property
    def terminal_id(self) -> str:
        return self._id

    async def authorise(self, asked: CardAsked) -> CardOutcome:
        self.asked.append(asked)
        told = self.answers.pop(0) if self.answers else approved(asked.amount, len(self.asked))
        if self.meanwhile is not None:
            self.meanwhile()
        if self.hangs is not None:
            await self.hangs.wait()
        self._truth[asked.attempt_id] = told
        return told

    async def abort(self, asked: CardAsked) -> None:
        self.aborted.append(asked.attempt_id)
        if self.hangs is not None:
            self.hangs.set()

    async def status(self, asked: CardAsked) -> CardOutcome:
        self.looked_up.append(asked.attempt_id)
        if self.statuses:
            return self.statuses.pop(0)
        return self._truth.get(asked.attempt_id, NO_ANSWER)

    async def reverse(
        self, asked: CardAsked, reference: TerminalReference | None, *, number: int
    ) -> ReversalOutcome:
        self.reversed.append((asked.attempt_id, number))
        told = self.reversals.pop(0) if self.reversals else CardReversed()
        if not isinstance(told, CardUnknown | CardNotReached):
            self._reversals[asked.attempt_id, number] = told
        return told

    async def reversal_status(self, asked: CardAsked, *, number: int) -> ReversalOutcome:
        self.reversals_looked_up.append(number)
        if self.reversal_statuses:
            return self.reversal_statuses.pop(0)
        return self._reversals.get((asked.attempt_id, number), NEVER_HEARD_OF)

    async def reconcile(self, in_currency: Currency, *, previous: bool = False) -> TotalsOutcome:
        return self.totals


def by_terminal(amount: str, mode: str = "debit_card") -> TenderOrder:
    """A card that the terminal is to be asked for."""
    return TenderOrder(mode=mode, amount=amount, details={})


def ask(
    desk: Desk,
    order: PaymentOrder,
    terminal: CardTerminal,
    person: Person = CASHIER,
    *,
    whole: bool = True,
    ref: str | None = None,
) -> PaymentOrder:
    """Have the terminal asked for every wanted card of ``order``."""
    return asyncio.run(ask_cards(desk, person, order, terminal, InlineRunner(), whole=whole, ref=ref))


def again(
    desk: Desk, attempt_id: str, terminal: CardTerminal | None, person: Person = CASHIER
) -> CardAttempt:
    """Ask what became of it."""
    return asyncio.run(ask_again(desk, person, attempt_id, terminal, InlineRunner()))


def leave(desk: Desk, payment_event_id: str, terminal: CardTerminal | None) -> None:
    """No payment comes."""
    asyncio.run(let_go_cards(desk, payment_event_id, terminal, InlineRunner()))


def look_after(desk: Desk, terminal: CardTerminal) -> None:
    """One round of what goes on beside the counter."""
    asyncio.run(look_after_cards(desk, terminal, InlineRunner()))


def card_states(desk: Desk) -> list[str]:
    """The state of every attempt, in the order in which they were asked for."""
    return [str(row["state"]) for row in rows(desk, "card_attempt")]
