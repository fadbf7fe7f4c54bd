"""Looking at cheques: all of them with their age, one with its life, and the ledger accounts that they lie in.

Source: domain.md 3.3, 3.9 and rule 38.
"""

from __future__ import annotations

from dataclasses import dataclass

from pos.domain.cheque_register import IN_CLEARING, LIES_HERE, AgeingLine, ChequeLine, ChequeStep, ageing
from pos.domain.errors import Refused
from pos.domain.money import Money, total
from pos.domain.posting import Ledger
from pos.domain.role import Person
from pos.domain.text_guard import clean_entry, clean_reference
from pos.store.cheque_register import cheque_line, cheque_lines, steps_of
from pos.till.balances import LedgerBalance, ledger_balances
from pos.till.desk import Desk
from pos.till.enquiries import QUERY_MAX, require_enquiry
from pos.till.gate import require_look
from pos.till.what_to_bank import lies_in

LISTED_MAX = 500
ALL_MAX = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ChequeLife:
    """A cheque with every step that it has gone."""

    cheque: ChequeLine
    steps: tuple[ChequeStep, ...]


def all_cheques(
    desk: Desk, person: Person, query: str = "", *, over: bool = False, limit: int = LISTED_MAX
) -> list[ChequeLine]:
    """The cheques that answer ``query``, the oldest first; ``over``: also those of which nothing is expected any more.

    Raises NotAuthorised, or what ``clean_entry`` raises.
    """
    require_enquiry(desk, person)
    text = clean_entry(query, field="Find", limit=QUERY_MAX)
    with desk.till.read() as connection:
        return cheque_lines(connection, query=text, over=over, account=person.only_account, limit=limit)


def cheque_life(desk: Desk, person: Person, key: str) -> ChequeLife:
    """One cheque and its steps. Raises NotAuthorised or Refused ``unknown_cheque``."""
    require_enquiry(desk, person)
    named = clean_reference(key, field="Cheque", limit=80)
    with desk.till.read() as connection:
        line = cheque_line(connection, named)
        if line is None or not person.may_see(line.account):
            raise Refused("unknown_cheque", "There is no such cheque here.", cheque=named)
        return ChequeLife(cheque=line, steps=tuple(steps_of(connection, line)))


def ageing_of_cheques(desk: Desk, person: Person) -> list[AgeingLine]:
    """What is expected of cheques, by their state and age. Raises NotAuthorised: it would show what a count must not."""
    require_look(desk, "see_expected", person)
    return ageing(_expected(desk), today=desk.clock.now().date())


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearingAccount:
    """A ledger account that cheques lie in, in one currency, with those cheques: their sum is its balance."""

    balance: LedgerBalance
    cheques: tuple[ChequeLine, ...]

    @property
    def unexplained(self) -> Money:
        """What of the balance no cheque stands behind; always zero in sound books."""
        balance = self.balance.balance
        return balance - total((line.amount for line in self.cheques), balance.currency)


def clearing_accounts(desk: Desk, person: Person, ledger_account: str) -> list[ClearingAccount]:
    """This account with the cheques behind its balance, once for each currency; none where no cheque lies in such one.

    Raises NotAuthorised: only who may see expected cash.
    """
    balances = [one for one in ledger_balances(desk, person) if one.ledger_account == ledger_account]
    accounts = lies_in(desk)
    if ledger_account == Ledger.CHEQUES_IN_CLEARING:
        lines = [line for line in _expected(desk) if line.state in IN_CLEARING]
    elif ledger_account in {*accounts.values(), Ledger.CHEQUES_IN_HAND}:
        lines = [
            line
            for line in _expected(desk)
            if line.state in LIES_HERE and accounts.get(line.mode, Ledger.CHEQUES_IN_HAND) == ledger_account
        ]
    else:
        return []
    return [
        ClearingAccount(
            balance=one,
            cheques=tuple(line for line in lines if line.amount.currency == one.balance.currency),
        )
        for one in balances
    ]


def _expected(desk: Desk) -> list[ChequeLine]:
    with desk.till.read() as connection:
        return cheque_lines(connection, limit=ALL_MAX)
