"""What a tender does to debt beside its money, how that is undone, and done anew.

Source: domain.md rules 6, 14, 18, 35.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from pos.domain.money import Money
from pos.domain.posting import JournalLine, recovery_lines, write_off_lines


@dataclass(frozen=True, slots=True, kw_only=True)
class RestOfBill:
    """The rest of a bill within the tolerance, which a leg's payment wrote off."""

    leg: int
    account: str
    bill_no: str
    bill_id: str
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class DebtBack:
    """Written-off debt of an account, which a leg's payment brought back."""

    leg: int
    account: str
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class DebtBeside:
    """Both, of one tender."""

    rests: tuple[RestOfBill, ...] = ()
    back: tuple[DebtBack, ...] = ()

    def of_legs(self, legs: Collection[int]) -> DebtBeside:
        """What ``legs`` did of both."""
        return DebtBeside(
            rests=tuple(rest for rest in self.rests if rest.leg in legs),
            back=tuple(debt for debt in self.back if debt.leg in legs),
        )

    def lines(self) -> Iterator[JournalLine]:
        """As it is posted: first what is owed again, so that it can be paid; then what is given up."""
        yield from recovery_lines((back.account, back.amount) for back in self.back)
        yield from write_off_lines((rest.account, rest.amount) for rest in self.rests)

    def undone_words(self) -> Iterator[str]:
        """What undoing it does, for whoever decides that."""
        for rest in self.rests:
            yield f"Bill {rest.bill_no}: the last {rest.amount}, written off with it, is open again."
        for back in self.back:
            yield f"Account {back.account}: {back.amount} of debt that it brought back is written off again."

    def words(self) -> Iterator[str]:
        """What doing it does, as the paper says it."""
        for rest in self.rests:
            yield f"Bill {rest.bill_no}: the last {rest.amount} is written off."
        for back in self.back:
            yield f"Account {back.account}: {back.amount} of written-off debt is owed again and paid."


def done_anew(
    undone: DebtBeside,
    *,
    open_on: Mapping[str, Money],
    on_bills: Mapping[tuple[int, str], Money],
    written_off: Mapping[str, Money],
) -> DebtBeside:
    """What of ``undone`` is done again where the money counts again.

    ``open_on``: what is open of each bill after that, ``on_bills``: what a leg pays on the bills of an account,
    ``written_off``: what is given up of an account's debt now. Never more than had been undone.
    """
    left, back = dict(written_off), list[DebtBack]()
    for debt in undone.back:
        paid, given_up = on_bills.get((debt.leg, debt.account)), left.get(debt.account)
        if paid is not None and given_up is not None:
            amount = min(debt.amount, paid, given_up)
            left[debt.account] = given_up - amount
            back.append(replace(debt, amount=amount))
    rests = [
        replace(rest, amount=min(rest.amount, open_on[rest.bill_no]))
        for rest in undone.rests
        if rest.bill_no in open_on
    ]
    return DebtBeside(
        rests=tuple(rest for rest in rests if rest.amount), back=tuple(one for one in back if one.amount)
    )
