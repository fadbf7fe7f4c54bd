"""A deposit slip: cheques and bags of cash that go to the bank together, and how what the bank credits is held against it.

Its total is the sum of both, and what the bank credited is either that sum or, one by one, exactly these cheques and what
it counted in each bag. Source: domain.md 3.3, 3.9 and rules 38 and 42.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from pos.domain.carrier import Carrier
from pos.domain.cash_bag import BagState, CashBag, CountedBag
from pos.domain.cheque import ChequePolicy, ChequeState
from pos.domain.errors import Refused
from pos.domain.money import Currency, Money, total
from pos.domain.posting import JournalLine, Ledger, credit, debit

CHEQUES_MAX = 200
"""A slip with more is no slip that a bank reads."""


class SlipState(StrEnum):
    """Where a slip is. Confirmed and cancelled are its ends."""

    MADE = "made"
    LODGED = "lodged"
    PART_CONFIRMED = "part_confirmed"
    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"

    @property
    def is_alive(self) -> bool:
        """Whether something is still expected of it."""
        return self not in (SlipState.CONFIRMED, SlipState.CANCELLED)


_STEPS: Mapping[SlipState, frozenset[SlipState]] = {
    SlipState.MADE: frozenset({SlipState.LODGED, SlipState.CANCELLED}),
    SlipState.LODGED: frozenset({SlipState.PART_CONFIRMED, SlipState.CONFIRMED}),
    SlipState.PART_CONFIRMED: frozenset({SlipState.PART_CONFIRMED, SlipState.CONFIRMED}),
}
"""A slip is confirmed once nothing is to come of it; a bounce that is undone makes it wait again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BankAccount:
    """An account of the operator's at a bank. ``currency`` empty: the shop's; ``ledger_account`` is its account here."""

    code: str
    bank: str = ""
    number: str = ""
    currency: str = ""
    ledger_account: str = Ledger.BANK


USUAL_ACCOUNT = BankAccount(code="main")


@dataclass(frozen=True, slots=True, kw_only=True)
class DepositPolicy:
    """The accounts that cheques are paid into, the usual one first; ``limit`` is the most that a slip of somebody with a
    limited right may be (None: no limit).
    """

    accounts: tuple[BankAccount, ...] = (USUAL_ACCOUNT,)
    limit: Money | None = None

    def account(self, code: str | None) -> BankAccount:
        """The account of this code, the usual one without. Raises Refused ``unknown_bank_account``."""
        if code is None:
            return self.accounts[0]
        for account in self.accounts:
            if account.code == code:
                return account
        raise Refused(
            "unknown_bank_account",
            "There is no such bank account. Choose one of the settings.",
            allowed=[account.code for account in self.accounts],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BankedCheque:
    """A cheque on its way to the bank. ``receipt`` is that of its payment; ``ledger_account`` is where it lies.

    ``drawer`` is empty where the name is not kept any more; ``slip`` is the number of the living slip that it is on.
    """

    cheque_id: str
    receipt: str
    bank: str
    branch: str
    serial: str
    drawer: str
    dated: date
    amount: Money
    ledger_account: str
    state: ChequeState
    slip: str | None = None
    in_open_shift: bool = False

    def days_left(self, policy: ChequePolicy, *, today: date) -> int:
        """How many days are left until it is too old to be paid; below zero: it is too old."""
        return policy.stale_after_days - (today - self.dated).days

    def warning(self, policy: ChequePolicy, *, today: date) -> str:
        """What whoever banks it should know of its age; empty: nothing."""
        left = self.days_left(policy, today=today)
        if left > policy.warn_before_stale_days:
            return ""
        if left < 0:
            return f"Cheque {self.serial} is too old by {_days(-left)}: the bank may not pay it."
        return f"Cheque {self.serial}: {_days(left)} until it is too old."


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"


def so_many(count: int) -> str:
    """``1 cheque`` or ``3 cheques``."""
    return "1 cheque" if count == 1 else f"{count} cheques"


def so_much(cheques: int, bags: int) -> str:
    """``2 cheques and 1 bag``, as far as there are any."""
    packed = "1 bag" if bags == 1 else f"{bags} bags"
    if not bags:
        return so_many(cheques)
    return f"{so_many(cheques)} and {packed}" if cheques else packed


def by_age(cheques: Iterable[BankedCheque]) -> list[BankedCheque]:
    """The oldest first: a cheque near its limit must reach the bank in time (rule 38)."""
    return sorted(cheques, key=lambda cheque: (cheque.dated, cheque.serial, cheque.cheque_id))


@dataclass(frozen=True, slots=True, kw_only=True)
class DepositSlip:
    """A slip. Its total is nothing but the sum of its cheques and bags, of which it has at least one, each once, in one
    currency.
    """

    slip_id: str
    number: str
    account: BankAccount
    made_on: date
    made_by: str
    cheques: tuple[BankedCheque, ...]
    state: SlipState
    steps: int = 1
    reference: str | None = None
    lodged_on: date | None = None
    bags: tuple[CashBag, ...] = ()
    carrier: Carrier | None = None

    def __post_init__(self) -> None:
        assert self.cheques or self.bags, "a slip has a cheque or a bag"
        assert len({cheque.cheque_id for cheque in self.cheques}) == len(self.cheques), (
            "each cheque is on it once"
        )

    @property
    def total(self) -> Money:
        """The sum of its cheques and bags."""
        amounts = [cheque.amount for cheque in self.cheques] + [bag.amount for bag in self.bags]
        return total(amounts, amounts[0].currency)

    @property
    def outstanding(self) -> tuple[BankedCheque, ...]:
        """The cheques that the bank has not credited; none of a slip that is at its end."""
        waiting = (ChequeState.BATCHED, ChequeState.LODGED)
        return tuple(cheque for cheque in self.cheques if self.state.is_alive and cheque.state in waiting)

    @property
    def outstanding_bags(self) -> tuple[CashBag, ...]:
        """The same of its bags."""
        waiting = (BagState.BATCHED, BagState.LODGED)
        return tuple(bag for bag in self.bags if self.state.is_alive and bag.state in waiting)

    @property
    def still_to_come(self) -> Money:
        """What the bank has not credited."""
        waiting = [cheque.amount for cheque in self.outstanding]
        waiting += [bag.amount for bag in self.outstanding_bags]
        return total(waiting, self.total.currency)

    def require_step(self, *to: SlipState) -> None:
        """Raises Refused ``deposit_state`` unless one of ``to`` may follow."""
        if _STEPS.get(self.state, frozenset()).isdisjoint(to):
            state = str(self.state).replace("_", " ")
            raise Refused(
                "deposit_state",
                f"Deposit slip {self.number} is {state}: this cannot be done with it now.",
                slip=self.number,
                state=str(self.state),
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditedCheque:
    """A line of the bank's: a cheque of the slip, named by its id or serial, or a bag by its number, and what was credited
    for it.
    """

    cheque: str
    amount: Money


class Cause(StrEnum):
    """Why the bank credited a cheque with another sum: it kept a charge, or made a mistake that it has to mend."""

    CHARGE = "bank_charge"
    ERROR = "bank_error"


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherSum:
    """A cheque that the bank credited with another sum than it is over. Its payer has paid what it is over."""

    cheque: BankedCheque
    credited: Money
    cause: Cause

    @property
    def lacking(self) -> Money:
        """What the bank credited less; negative: more."""
        return self.cheque.amount - self.credited


@dataclass(frozen=True, slots=True, kw_only=True)
class Credited:
    """What of a slip the bank credited: cheques, those of another sum also in ``otherwise``, and bags as it counted them."""

    cheques: tuple[BankedCheque, ...] = ()
    bags: tuple[CountedBag, ...] = ()
    otherwise: tuple[OtherSum, ...] = ()

    def nominal(self, in_currency: Currency) -> Money:
        """What stands on the slip for them."""
        amounts = [cheque.amount for cheque in self.cheques]
        amounts += [counted.bag.amount for counted in self.bags]
        return total(amounts, in_currency)


def credited_in_one(slip: DepositSlip, amount: Money) -> Credited:
    """What one sum of the bank's credits: all that is still to come, of exactly this sum.

    Raises Refused ``deposit_state`` or ``deposit_differs``.
    """
    slip.require_step(SlipState.CONFIRMED)
    if amount != slip.still_to_come:
        raise _differs(slip, amount, slip.still_to_come, f"Slip {slip.number}", "Ask for its list by cheque.")
    return Credited(
        cheques=slip.outstanding,
        bags=tuple(CountedBag(bag=bag, credited=bag.amount) for bag in slip.outstanding_bags),
    )


def credited_by_cheque(
    slip: DepositSlip, lines: Sequence[CreditedCheque], *, cause: Cause | None = None
) -> Credited:
    """What the bank's lines credit, all of it or some: each cheque with exactly its amount, each bag as it was counted.

    With a ``cause`` cheques may have another sum, by the bank's charge only a smaller one.

    Raises Refused ``deposit_state``, ``cheque_not_on_slip``, ``which_cheque``, ``cheque_named_twice``, ``cheque_credited``,
    ``bag_named_twice``, ``bag_credited`` or ``deposit_differs``.
    """
    slip.require_step(SlipState.CONFIRMED)
    found: list[BankedCheque] = []
    counted: list[CountedBag] = []
    otherwise: list[OtherSum] = []
    for line in lines:
        bag = _bag_named(slip, line.cheque)
        if bag is not None:
            if any(other.bag == bag for other in counted):
                raise Refused("bag_named_twice", f"Bag {bag.number} is named twice.", bag=bag.number)
            if bag not in slip.outstanding_bags:
                raise Refused("bag_credited", f"Bag {bag.number} was credited before.", bag=bag.number)
            counted.append(CountedBag(bag=bag, credited=line.amount))
            continue
        cheque = _named(slip, line.cheque)
        if cheque in found:
            raise Refused(
                "cheque_named_twice", f"Cheque {cheque.serial} is named twice.", cheque=cheque.cheque_id
            )
        if cheque not in slip.outstanding:
            raise Refused(
                "cheque_credited", f"Cheque {cheque.serial} was credited before.", cheque=cheque.cheque_id
            )
        if line.amount != cheque.amount:
            if cause is None or (cause is Cause.CHARGE and line.amount > cheque.amount):
                then = "Is it the bank's charge or its error? If the paper is over another sum, bounce it and take it anew."
                raise _differs(slip, line.amount, cheque.amount, f"Cheque {cheque.serial}", then)
            otherwise.append(OtherSum(cheque=cheque, credited=line.amount, cause=cause))
        found.append(cheque)
    return Credited(cheques=tuple(found), bags=tuple(counted), otherwise=tuple(otherwise))


def _bag_named(slip: DepositSlip, name: str) -> CashBag | None:
    """The bag of this number. Raises Refused ``which_cheque`` where a cheque of the slip has it, too."""
    bag = next((bag for bag in slip.bags if name.upper() == bag.number), None)
    cheques = [cheque.cheque_id for cheque in slip.cheques if name in (cheque.cheque_id, cheque.serial)]
    if bag is not None and cheques:
        raise Refused(
            "which_cheque",
            f"A cheque and a bag of {slip.number} have this number. Name the cheque by its id, or credit all in one sum.",
            cheques=cheques,
        )
    return bag


def _named(slip: DepositSlip, name: str) -> BankedCheque:
    found = [cheque for cheque in slip.cheques if name in (cheque.cheque_id, cheque.serial)]
    if len(found) > 1:
        raise Refused(
            "which_cheque",
            f"Several cheques of {slip.number} have this serial number. Name one by its id.",
            cheques=[cheque.cheque_id for cheque in found],
        )
    if not found:
        raise Refused(
            "cheque_not_on_slip", f"Deposit slip {slip.number} has no such cheque.", slip=slip.number
        )
    return found[0]


def _differs(slip: DepositSlip, bank: Money, ours: Money, what: str, then: str) -> Refused:
    difference = bank - ours
    word = "more" if difference.minor > 0 else "less"
    size = difference if difference.minor > 0 else -difference
    return Refused(
        "deposit_differs",
        f"{what} has {ours.plain()} to come, the bank says {bank.plain()}: {size.plain()} {word}. {then}",
        slip=slip.number,
        expected=ours.plain(),
        bank=bank.plain(),
        difference=difference.plain(),
        currency=ours.currency.code,
    )


def state_after(slip: DepositSlip, credited: Credited) -> SlipState:
    """Confirmed once every cheque and bag is credited."""
    left = {cheque.cheque_id for cheque in slip.outstanding} | {bag.bag_id for bag in slip.outstanding_bags}
    left -= {cheque.cheque_id for cheque in credited.cheques}
    left -= {counted.bag.bag_id for counted in credited.bags}
    return SlipState.PART_CONFIRMED if left else SlipState.CONFIRMED


def lodged_lines(slip: DepositSlip) -> list[JournalLine]:
    """They leave the shop: cheques from where each lies into clearing, cash from the safe into transit."""
    sums: dict[str, list[Money]] = {}
    for cheque in slip.cheques:
        sums.setdefault(cheque.ledger_account, []).append(cheque.amount)
    currency = slip.total.currency
    lines = [credit(lies_in, total(amounts, currency)) for lies_in, amounts in sums.items()]
    if slip.cheques:
        cheques = total((cheque.amount for cheque in slip.cheques), currency)
        lines.insert(0, debit(Ledger.CHEQUES_IN_CLEARING, cheques))
    if slip.bags:
        cash = total((bag.amount for bag in slip.bags), currency)
        lines += [debit(Ledger.CASH_IN_TRANSIT, cash), credit(Ledger.SAFE, cash)]
    return lines


def credited_lines(slip: DepositSlip, credited: Credited) -> list[JournalLine]:
    """The bank has their money.

    What it found more or less in a bag is over or short, of a cheque its charge, or to be cleared with it.
    """
    currency, bank = slip.total.currency, slip.account.ledger_account
    lines: list[JournalLine] = []
    if credited.cheques:
        cheques = total((cheque.amount for cheque in credited.cheques), currency)
        lacking = total((one.lacking for one in credited.otherwise), currency)
        lines += [debit(bank, cheques - lacking), credit(Ledger.CHEQUES_IN_CLEARING, cheques)]
    for one in credited.otherwise:
        ledger = Ledger.BANK_CHARGES if one.cause is Cause.CHARGE else Ledger.BANK_DIFFERENCES
        lines.append(debit(ledger, one.lacking) if one.lacking.minor > 0 else credit(ledger, -one.lacking))
    for counted in credited.bags:
        over_short = counted.over_short
        lines += [debit(bank, counted.credited)] if counted.credited.minor else []
        lines.append(credit(Ledger.CASH_IN_TRANSIT, counted.bag.amount))
        if over_short.minor > 0:
            lines.append(credit(Ledger.OVER_SHORT, over_short))
        elif over_short.minor < 0:
            lines.append(debit(Ledger.OVER_SHORT, -over_short))
    return lines


def slip_series(receipt_series: str) -> str:
    """The series of deposit slips beside a series of receipts. Its dash keeps it apart from every series of letters."""
    return f"{receipt_series}-DS"
