"""A bill's sums, checked when it is written: top lines = rates = the bill's total with tax; a parent = its children;
a line's amount without tax and its tax = its amount with tax; a rate stands on one line.

The summary is what the customer is shown and the rates are what is owed; central never keeps a bill where they differ.
Source: tmf.md section 9.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pos.domain.bill import AppliedRate, BillSnapshot, SummaryLine, check_sums
from pos.domain.errors import Refused
from pos.domain.money import Money, total


class SumsDiffer(Refused):
    """A bill's figures do not agree; the message names the bill, the place and the difference."""

    def __init__(self, bill: BillSnapshot, place: str, difference: Money) -> None:
        super().__init__(
            "bill_sums_differ",
            f"Bill {bill.bill_no}: {place} differs by {difference}.",
            bill=bill.bill_no,
            place=place,
            difference=difference.plain(),
            currency=difference.currency.code,
        )


def check_bill_sums(bill: BillSnapshot, rates: Sequence[AppliedRate]) -> None:
    """Raises SumsDiffer. A bill may come without lines or without rates; what it has must agree."""
    sums = check_sums(bill, rates)
    if bill.lines and sums.lines_total != sums.bill_total:
        raise SumsDiffer(bill, "the sum of its top lines", sums.bill_total - sums.lines_total)
    if rates and sums.rates_total != sums.bill_total:
        raise SumsDiffer(bill, "the sum of its applied rates", sums.bill_total - sums.rates_total)
    _check_parents(bill)
    _check_lines(bill)
    if rates:
        _check_lines_against_rates(bill, {rate.rate_id: rate for rate in rates})


def lines_with_rates(bill: BillSnapshot) -> Iterator[tuple[str, str]]:
    """(line, rate) for each rate that a line or any line below it refers to."""
    by_id = {line.line_id: line for line in bill.lines}
    for line in bill.lines:
        for above in _self_and_ancestors(line, by_id):
            for rate_id in line.rate_ids:
                yield above.line_id, rate_id


def _check_parents(bill: BillSnapshot) -> None:
    by_id = {line.line_id: line for line in bill.lines}
    if len(by_id) != len(bill.lines):
        raise Refused("bill_lines_bad", f"Bill {bill.bill_no}: two lines have one id.", bill=bill.bill_no)
    children: dict[str, list[SummaryLine]] = {}
    for line in bill.lines:
        if line.parent_id is None:
            continue
        if line.parent_id not in by_id or len(_self_and_ancestors(line, by_id)) > len(by_id):
            raise Refused(
                "bill_lines_bad", f"Bill {bill.bill_no}: a line's parent is missing.", bill=bill.bill_no
            )
        children.setdefault(line.parent_id, []).append(line)
    for parent_id, below in children.items():
        parent = by_id[parent_id]
        for place, whole, parts in (
            ("taxExcludedAmount", parent.tax_excluded, [line.tax_excluded for line in below]),
            ("taxAmount", parent.tax, [line.tax for line in below]),
            ("taxIncludedAmount", parent.tax_included, [line.tax_included for line in below]),
        ):
            difference = whole - total(parts, whole.currency)
            if difference:
                raise SumsDiffer(bill, f"{place} of line {parent_id} against the lines below it", difference)


def _check_lines(bill: BillSnapshot) -> None:
    """Each line by itself, and that no rate is on two; a line that groups others may name theirs too."""
    parents = {line.parent_id for line in bill.lines}
    seen: set[str] = set()
    for line in bill.lines:
        difference = line.tax_included - line.tax_excluded - line.tax
        if difference:
            raise SumsDiffer(
                bill, f"line {line.line_id} with tax against the same without tax and its tax", difference
            )
        if line.line_id in parents:
            continue
        for rate_id in line.rate_ids:
            if rate_id in seen:
                raise Refused(
                    "bill_lines_bad",
                    f"Bill {bill.bill_no}: a rate stands on its lines twice.",
                    bill=bill.bill_no,
                    rate=rate_id,
                )
            seen.add(rate_id)


def _check_lines_against_rates(bill: BillSnapshot, rates: dict[str, AppliedRate]) -> None:
    for line in bill.lines:
        unknown = [rate_id for rate_id in line.rate_ids if rate_id not in rates]
        if unknown:
            raise Refused(
                "bill_lines_bad",
                f"Bill {bill.bill_no}: line {line.line_id} refers to a rate that the bill does not have.",
                bill=bill.bill_no,
                rate=unknown[0],
            )
        if not line.rate_ids:
            continue
        parts = [rates[rate_id].tax_included for rate_id in line.rate_ids]
        difference = line.tax_included - total(parts, line.tax_included.currency)
        if difference:
            raise SumsDiffer(bill, f"line {line.line_id} against its rates", difference)


def _self_and_ancestors(line: SummaryLine, by_id: dict[str, SummaryLine]) -> list[SummaryLine]:
    """The line and those above it; a circle ends one past the number of lines, which tells it."""
    chain = [line]
    while (parent := by_id.get(chain[-1].parent_id or "")) is not None and len(chain) <= len(by_id):
        chain.append(parent)
    return chain
