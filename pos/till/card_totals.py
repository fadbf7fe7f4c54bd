"""Reconciling a card terminal: its own totals beside what the books hold of it since the last time.

Compared is what stands on cards in the end: payments less what was reversed or paid back. Source: domain.md 3.8.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pos.domain.card import CardDeclined, CardNotReached, CardUnknown, TerminalTotals, TotalsLine
from pos.domain.errors import Refused
from pos.domain.money import Currency, Money, zero
from pos.domain.payment_mode import ModeKind
from pos.domain.ports import CardTerminal, Runner
from pos.domain.role import Person
from pos.store.card_totals import last_reconciliation, last_sequence, lines_json, own_totals
from pos.store.cards import open_attempts
from pos.store.times import utc_text
from pos.till.desk import Deed, Desk, perform
from pos.till.gate import admit

ACT = "reconcile_cards"
SIGNS: Mapping[str, int] = {"debit": 1, "reverse_credit": 1, "credit": -1, "reverse_debit": -1}
"""What a kind of a terminal's totals does to the money on cards; any other kind (declined ...) does nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrandCompared:
    """One brand (empty: all together): how many and how much, by the terminal and by the books."""

    brand: str
    told_count: int
    told: Money
    own_count: int
    own: Money

    @property
    def agrees(self) -> bool:
        return (self.told_count, self.told) == (self.own_count, self.own)


@dataclass(frozen=True, slots=True, kw_only=True)
class CardReconciliation:
    """What was found. ``since`` None: it is the first of this terminal. ``open_attempts``: not settled, which may be why."""

    card_terminal: str
    number: int
    since: datetime | None
    period: str
    told: tuple[TotalsLine, ...]
    compared: tuple[BrandCompared, ...]
    open_attempts: int

    @property
    def agrees(self) -> bool:
        return all(one.agrees for one in self.compared)


async def reconcile_cards(
    desk: Desk, person: Person, terminal: CardTerminal, runner: Runner, *, previous: bool = False
) -> CardReconciliation:
    """Have the terminal close its period, and keep what it told beside what the books hold.

    ``previous``: its last answer was lost; it tells the closed period once more. Raises NotAuthorised, or Refused
    ``card_terminal_unreachable``, ``card_totals_refused`` or ``reconciled_already``.
    """
    admit(desk, ACT, person, subject=terminal.terminal_id)
    told = await terminal.reconcile(desk.identity.currency, previous=previous)
    match told:
        case CardNotReached(reason=reason):
            raise Refused("card_terminal_unreachable", f"{reason} Nothing was closed there.")
        case CardUnknown(reason=reason):
            raise Refused(
                "card_terminal_unreachable",
                f"{reason} It may have closed its period: ask for the previous one (--previous).",
            )
        case CardDeclined(reason=reason):
            raise Refused("card_totals_refused", f"The card terminal tells no totals: {reason}")
        case TerminalTotals():
            pass

    def work(deed: Deed) -> CardReconciliation:
        deed.subject = terminal.terminal_id
        return _keep(deed, terminal.terminal_id, told)

    return await runner.till(lambda: perform(desk, person, ACT, work))


def _keep(deed: Deed, card_terminal: str, told: TerminalTotals) -> CardReconciliation:
    connection, in_currency = deed.unit.connection, deed.desk.identity.currency
    before = last_reconciliation(connection, card_terminal)
    if before is not None and told.reconciliation and before.period == told.reconciliation:
        raise Refused(
            "reconciled_already", f"Period {told.reconciliation} of {card_terminal} was reconciled already."
        )
    modes = [mode.code for mode in deed.desk.modes.of_kind(ModeKind.CARD)]
    after = (0, 0) if before is None else (before.epoch, before.sequence)
    own = own_totals(connection, card_terminal, modes, in_currency, after)
    found = CardReconciliation(
        card_terminal=card_terminal,
        number=1 if before is None else before.number + 1,
        since=None if before is None else before.at,
        period=told.reconciliation,
        told=told.lines,
        compared=tuple(compare(told.lines, own, in_currency)),
        open_attempts=sum(one.card_terminal == card_terminal for one in open_attempts(connection)),
    )
    epoch, sequence = last_sequence(connection)
    deed.unit.insert(
        "card_reconciliation",
        {
            "reconciliation_id": deed.new_id(),
            "card_terminal": card_terminal,
            "number": found.number,
            "at_utc": utc_text(deed.at),
            "operator": deed.person.user,
            "terminal_period": told.reconciliation,
            "told_json": lines_json(told.lines),
            "own_json": lines_json(own),
            "agrees": int(found.agrees),
            "up_to_epoch": epoch,
            "up_to_sequence": sequence,
        },
    )
    return found


def compare(
    told: Sequence[TotalsLine], own: Sequence[TotalsLine], in_currency: Currency
) -> list[BrandCompared]:
    """Brand by brand, or all together where the terminal does not tell its brands."""
    counted = [line for line in told if line.kind in SIGNS]
    by_brand = all(line.brand for line in counted)
    there, here = _net(counted, by_brand, in_currency), _net(own, by_brand, in_currency)
    none = (0, zero(in_currency))
    return [
        BrandCompared(
            brand=brand,
            told_count=there.get(brand, none)[0],
            told=there.get(brand, none)[1],
            own_count=here.get(brand, none)[0],
            own=here.get(brand, none)[1],
        )
        for brand in sorted({*there, *here})
    ]


def _net(lines: Sequence[TotalsLine], by_brand: bool, in_currency: Currency) -> dict[str, tuple[int, Money]]:
    found: dict[str, tuple[int, Money]] = {}
    for line in lines:
        brand, sign = line.brand if by_brand else "", SIGNS[line.kind]
        count, amount = found.get(brand, (0, zero(in_currency)))
        found[brand] = (count + sign * line.count, amount + (line.amount if sign > 0 else -line.amount))
    return found
