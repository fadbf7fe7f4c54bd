"""Which cheques and bags of cash may go to the bank now, and the ones that are named.

Source: domain.md 3.3 and rule 38.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pos.domain.cash_bag import CashBag
from pos.domain.cheque import IN_HAND
from pos.domain.deposit import CHEQUES_MAX, BankAccount, BankedCheque
from pos.domain.errors import Refused
from pos.domain.money import Currency, currency
from pos.domain.payment_mode import ModeKind
from pos.domain.role import Person
from pos.domain.text_guard import clean_reference
from pos.store.cash_bags import bags_in_safe
from pos.store.deposits import cheques_in_hand, named_cheques
from pos.till.cash_bags import find_bag, require_in_safe
from pos.till.desk import Deed, Desk
from pos.till.enquiries import require_enquiry

LISTED_MAX = 500
BAGS_MAX = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class ChequesInHand:
    """What may go to the bank now, the oldest first, and how many cheques lie in a shift that is still open."""

    cheques: tuple[BankedCheque, ...]
    in_open_shift: int
    bags: tuple[CashBag, ...] = ()


def cheques_to_deposit(desk: Desk, person: Person, bank_account: str | None = None) -> ChequesInHand:
    """What may be paid into this account now. Raises NotAuthorised or Refused ``unknown_bank_account``."""
    require_enquiry(desk, person)
    in_currency = currency_of(desk, desk.policy.deposits.account(bank_account))
    if person.only_account is not None:
        return ChequesInHand(cheques=(), in_open_shift=0)
    with desk.till.read() as connection:
        found = cheques_in_hand(connection, in_currency, lies_in(desk), limit=LISTED_MAX)
        bags = bags_in_safe(connection, in_currency, limit=BAGS_MAX)
    return replace(_sorted_out(found), bags=tuple(bags))


def lies_in(desk: Desk) -> Mapping[str, str]:
    """The ledger account of each way to pay by cheque."""
    return {mode.code: mode.ledger_account for mode in desk.modes.of_kind(ModeKind.CHEQUE)}


def currency_of(desk: Desk, account: BankAccount) -> Currency:
    """The currency that this bank account takes."""
    return currency(account.currency) if account.currency else desk.identity.currency


def _sorted_out(found: Sequence[BankedCheque]) -> ChequesInHand:
    ready = tuple(cheque for cheque in found if not cheque.in_open_shift)
    return ChequesInHand(cheques=ready, in_open_shift=len(found) - len(ready))


def all_in_hand(deed: Deed, in_currency: Currency, *, or_bags: Sequence[CashBag]) -> Sequence[BankedCheque]:
    """The oldest cheques first; more than a slip takes wait for the next one. None is needed where there are bags."""
    found = _sorted_out(
        cheques_in_hand(deed.unit.connection, in_currency, lies_in(deed.desk), limit=LISTED_MAX)
    )
    if not found.cheques and not or_bags:
        waits = f" {found.in_open_shift} in a shift that is still open: close it first."
        raise Refused(
            "no_cheques_to_deposit",
            f"No cheque waits for the bank.{waits if found.in_open_shift else ''}",
            in_open_shift=found.in_open_shift,
        )
    return found.cheques[:CHEQUES_MAX]


def named_in_hand(deed: Deed, names: Sequence[str], in_currency: Currency) -> Sequence[BankedCheque]:
    """The cheques of these ids and receipts, each once.

    Raises Refused ``unknown_cheque``, ``cheque_not_in_hand``, ``shift_not_closed``, ``bank_account_currency``,
    ``no_cheques_to_deposit``, ``cheque_named_twice`` or ``too_many_cheques``.
    """
    found: list[BankedCheque] = []
    for name in names:
        named = named_cheques(deed.unit.connection, cheque_name(name), lies_in(deed.desk))
        if not named:
            raise Refused(
                "unknown_cheque", "There is no such cheque, and no receipt with one.", cheque=name[:80]
            )
        for cheque in named:
            _require_in_hand(cheque, in_currency)
        found += named
    if not found:
        raise Refused("no_cheques_to_deposit", "No cheque is chosen.", in_open_shift=0)
    for cheque in found:
        if sum(other.cheque_id == cheque.cheque_id for other in found) > 1:
            raise Refused(
                "cheque_named_twice", f"Cheque {cheque.serial} is named twice.", cheque=cheque.cheque_id
            )
    if len(found) > CHEQUES_MAX:
        raise Refused(
            "too_many_cheques", f"A deposit slip takes {CHEQUES_MAX} cheques. Make two.", limit=CHEQUES_MAX
        )
    return found


def named_bags(deed: Deed, numbers: Sequence[str], in_currency: Currency) -> Sequence[CashBag]:
    """The bags of these numbers, each once.

    Raises Refused ``unknown_bag``, ``bag_not_in_safe``, ``bag_named_twice``, ``bank_account_currency`` or
    ``too_many_bags``.
    """
    found: list[CashBag] = []
    for number in numbers:
        bag = find_bag(deed, number)
        require_in_safe(bag)
        if bag in found:
            raise Refused("bag_named_twice", f"Bag {bag.number} is named twice.", bag=bag.number)
        if bag.amount.currency != in_currency:
            raise Refused(
                "bank_account_currency",
                f"This bank account takes {in_currency}. Choose another account.",
                bag=bag.number,
            )
        found.append(bag)
    if len(found) > BAGS_MAX:
        raise Refused("too_many_bags", f"A deposit slip takes {BAGS_MAX} bags. Make two.", limit=BAGS_MAX)
    return found


def _require_in_hand(cheque: BankedCheque, in_currency: Currency) -> None:
    if cheque.state not in IN_HAND:
        where = "" if cheque.slip is None else f" on deposit slip {cheque.slip}"
        raise Refused(
            "cheque_not_in_hand",
            f"Cheque {cheque.serial} is {cheque.state} already{where}.",
            cheque=cheque.cheque_id,
            state=str(cheque.state),
            slip=cheque.slip,
        )
    if cheque.in_open_shift:
        raise Refused(
            "shift_not_closed",
            f"Cheque {cheque.serial} is in a shift that is still open: it has to be counted first. Close the shift.",
            cheque=cheque.cheque_id,
        )
    if cheque.amount.currency != in_currency:
        raise Refused(
            "bank_account_currency",
            f"This bank account takes {in_currency}. Choose another account.",
            cheque=cheque.cheque_id,
        )


def cheque_name(text: str) -> str:
    """As somebody names a cheque. Raises what ``clean_reference`` raises."""
    return clean_reference(text, field="Cheque", limit=80)
