"""The card terminal of an opened home: its driver by the settings, what goes on beside the counter, a script's way to it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from pos.bootstrap.homes import OpenTill
from pos.domain.ports import CardTerminal, Runner
from pos.domain.role import Person
from pos.machine import InlineRunner
from pos.store.cards import CardAttempt
from pos.store.database import StoreError
from pos.till.cards import ask_again, ask_cards, let_go_cards, look_after_cards
from pos.till.payment_order import PaymentOrder

LOG = logging.getLogger(__name__)

LOOK_AFTER_EVERY_S = 15

Result = TypeVar("Result")


def card_terminal_of(till: OpenTill) -> CardTerminal | None:
    """The connected terminal; None: slips of the bank's own terminal are keyed."""
    if till.machine.card_terminal is not None:
        return till.machine.card_terminal
    known = till.settings.till.card_terminal
    if known.driver == "standalone":
        return None
    # HTTP takes longer to load than a till without a card terminal should take to start.
    from pos.cards.nexo import NexoAddress, NexoTerminal

    address = NexoAddress(
        url=known.url,
        poi_id=known.poi_id,
        sale_id=known.sale_id or till.desk.identity.terminal,
        timeout_s=known.timeout_s,
        ca_file=Path(known.ca_file) if known.ca_file else None,
    )
    return NexoTerminal(address, till.desk.randomness)


async def keep_looking_after(till: OpenTill, terminal: CardTerminal, runner: Runner) -> None:
    """As long as the screen is open: money goes back that no payment waits for."""
    while True:
        try:
            await look_after_cards(till.desk, terminal, runner)
        except StoreError as fault:
            # The next deed meets it too, and stops the screen with it.
            LOG.error("the store failed: %s", fault.code)
        await till.desk.clock.sleep(LOOK_AFTER_EVERY_S)


class CardsNow:
    """Asks the terminal and waits for its answer, for a script that takes one line after the other."""

    def __init__(self, till: OpenTill, terminal: CardTerminal) -> None:
        self._till = till
        self._terminal = terminal
        self._runner = InlineRunner()

    def ask(self, person: Person, order: PaymentOrder, ref: str) -> PaymentOrder:
        """As ``ask_cards``, of a whole order."""
        return self._now(
            ask_cards(self._till.desk, person, order, self._terminal, self._runner, whole=True, ref=ref)
        )

    def ask_again(self, person: Person, attempt_id: str) -> CardAttempt:
        """As ``ask_again``."""
        return self._now(ask_again(self._till.desk, person, attempt_id, self._terminal, self._runner))

    def let_go(self, payment_event_id: str) -> None:
        """As ``let_go_cards``."""
        self._now(let_go_cards(self._till.desk, payment_event_id, self._terminal, self._runner))

    def look_after(self) -> None:
        """As ``look_after_cards``."""
        self._now(look_after_cards(self._till.desk, self._terminal, self._runner))

    def _now(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run(work)


def make_cards(till: OpenTill) -> CardsNow | None:
    """The script's way to the card terminal; None where none is connected."""
    terminal = card_terminal_of(till)
    return None if terminal is None else CardsNow(till, terminal)
