"""Bills as central told them, their summary lines and applied billing rates, and what is still open on them.

A summary line is a presentation entity of its own that refers to its rates; it is not a rate. What is open on a bill
is derived: central's remaining amount less this till's own allocations that the snapshot does not contain yet.
Source: tmf.md sections 5 and 9; architecture.md section 2.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from pos.domain.money import Money, total, zero


class BillState(StrEnum):
    """TMF678 v4 states, spelled as the standard does."""

    NEW = "new"
    ON_HOLD = "onHold"
    VALIDATED = "validated"
    SENT = "sent"
    PARTIALLY_PAID = "partiallyPaid"
    SETTLED = "settled"


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedPayment:
    """A payment that central has already set against a bill. ``correlator_id`` is None at a foreign central."""

    payment_id: str
    correlator_id: str | None
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """An agreed instalment of a bill: ``amount`` is what is still missing of it, ``on`` the day by which it was promised."""

    on: date
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryLine:
    """One presentation line of a bill. ``parent_id`` None: a top line; a parent's amounts are its children's sum."""

    line_id: str
    name: str
    group: str
    parent_id: str | None
    tax_excluded: Money
    tax: Money
    tax_included: Money
    rate_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedRate:
    """One applied billing rate; credits are negative. ``product`` is the name as issued.

    ``disputed``: the customer contests it, so nobody is asked to pay it meanwhile.
    """

    rate_id: str
    bill_id: str
    name: str
    kind: str
    on: date | None
    product: str | None
    tax_excluded: Money
    tax: Money
    tax_included: Money
    disputed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BillSnapshot:
    """A bill as central last told it. ``bill_id`` is the server's id, ``bill_no`` the number the customer knows.

    ``seen_change`` is central's logical clock when it told the bill (None at a foreign central): a payment that central
    applied at or before it is contained in ``remaining``. ``disputed`` is the part of the bill that the customer contests,
    ``written_off`` what central has given up of it, which ``remaining`` lacks. None: it told none.
    """

    bill_id: str
    bill_no: str
    account: str
    account_name: str | None
    bill_date: date
    due_date: date
    state: BillState
    amount_due: Money
    remaining: Money
    tax_included: Money
    applied: tuple[AppliedPayment, ...] = ()
    lines: tuple[SummaryLine, ...] = ()
    seen_change: int | None = None
    disputed: Money | None = None
    promise: Promise | None = None
    written_off: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnAllocation:
    """What this till set against a bill: the leg that carries it, and what central has said of that leg so far.

    ``cleared`` True: no money, but the rest of the bill that was given up with it, and nothing has undone that.
    """

    bill_no: str
    amount: Money
    correlator_id: str
    server_id: str | None
    applied_change: int | None
    cleared: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenBill:
    """A bill with what is open on it for the counter: never below zero.

    ``instalment`` is what is still missing of a promised one; None: none was promised.
    """

    bill: BillSnapshot
    open: Money
    instalment: Money | None = None

    @property
    def is_open(self) -> bool:
        return self.open.minor > 0

    @property
    def disputed(self) -> Money:
        """The part of what is open that the customer contests."""
        contested = self.bill.disputed
        return zero(self.open.currency) if contested is None else min(self.open, contested)

    @property
    def payable(self) -> Money:
        """What is open without the disputed part."""
        return self.open - self.disputed


def open_on(bill: BillSnapshot, own: Iterable[OwnAllocation]) -> OpenBill:
    """What the counter may still take for ``bill``: the snapshot's remainder less own allocations it lacks.

    Forgetting one side takes the money twice or shows a paid bill as open. An own allocation is contained when central
    lists its payment on the bill, or applied it no later than the snapshot's change number. A rest that was given up here
    stays given up also where central clears less, or nothing, by its own tolerance: nobody is asked for it again. What
    central has cleared of it, ``remaining`` lacks already.
    """
    known_payments = {applied.payment_id for applied in bill.applied}
    known_correlators = {
        applied.correlator_id for applied in bill.applied if applied.correlator_id is not None
    }

    def contained(allocation: OwnAllocation) -> bool:
        return (
            allocation.correlator_id in known_correlators
            or (allocation.server_id is not None and allocation.server_id in known_payments)
            or (
                allocation.applied_change is not None
                and bill.seen_change is not None
                and allocation.applied_change <= bill.seen_change
            )
        )

    entries, none = list(own), zero(bill.remaining.currency)
    missing = total((entry.amount for entry in entries if not contained(entry)), none.currency)
    cleared = total((entry.amount for entry in entries if entry.cleared and contained(entry)), none.currency)
    missing = missing + max(cleared - (bill.written_off or none), none)
    left = bill.remaining - missing
    return OpenBill(
        bill=bill,
        open=max(left, none),
        instalment=None if bill.promise is None else max(bill.promise.amount - missing, none),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SumsCheck:
    """Whether a bill's lines, rates and total agree; the screen names the difference where they do not."""

    bill_total: Money
    lines_total: Money
    rates_total: Money

    @property
    def agree(self) -> bool:
        return self.bill_total == self.lines_total == self.rates_total

    @property
    def difference(self) -> Money:
        """The bill less its lines, or less its rates where the lines agree."""
        by_lines = self.bill_total - self.lines_total
        return by_lines if by_lines.minor != 0 else self.bill_total - self.rates_total


def check_sums(bill: BillSnapshot, rates: Sequence[AppliedRate]) -> SumsCheck:
    """Sum the top lines and the rates (tax included, credits negative) against the bill (tmf.md section 9).

    A foreign server's line or rate in another currency counts for nothing, so that the difference shows.
    """
    in_currency = bill.tax_included.currency
    top = [line.tax_included for line in bill.lines if line.parent_id is None]
    return SumsCheck(
        bill_total=bill.tax_included,
        lines_total=total((part for part in top if part.currency == in_currency), in_currency),
        rates_total=total(
            (rate.tax_included for rate in rates if rate.tax_included.currency == in_currency), in_currency
        ),
    )


def group_rates(rates: Sequence[AppliedRate]) -> tuple[SummaryLine, ...]:
    """Summary lines for a foreign bill that has none: rates grouped by product, then by kind, in order of first sight."""
    groups: dict[tuple[str, str], list[AppliedRate]] = {}
    for rate in rates:
        groups.setdefault((rate.product or rate.name, rate.kind), []).append(rate)
    return tuple(
        SummaryLine(
            line_id=f"group-{index}",
            name=product,
            group=kind,
            parent_id=None,
            tax_excluded=total((rate.tax_excluded for rate in members), members[0].tax_excluded.currency),
            tax=total((rate.tax for rate in members), members[0].tax.currency),
            tax_included=total((rate.tax_included for rate in members), members[0].tax_included.currency),
            rate_ids=tuple(rate.rate_id for rate in members),
        )
        for index, ((product, kind), members) in enumerate(groups.items(), start=1)
    )
