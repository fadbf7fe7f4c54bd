"""A bill between two bill runs: what an account's unbilled applied rates make, grouped as a customer reads it.

It is due on the day it is made, for it is asked for to be paid at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pos.domain.bill import AppliedRate
from pos.domain.money import Money, currency, total
from sync.tmf678.rate import read_rate
from sync.wire_json import BadField, BadResource, money_json, read_money

Told = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class BilledAccount:
    """Whom the bill is for; ``customer`` is the party that owns the account, where it is known."""

    account_id: str
    name: str
    currency_code: str
    customer: str | None


def billed_rate(rate: Told, *, bill_id: str, currency_code: str) -> tuple[dict[str, Any], AppliedRate] | None:
    """An unbilled rate as it stands on the bill; None for one without an amount, or in another currency."""
    told = {**rate, "isBilled": True, "bill": {"id": bill_id, "@referredType": "CustomerBill"}}
    try:
        read = read_rate(told)
    except BadResource:
        return None
    return (told, read) if read.tax_included.currency.code == currency_code else None


def interim_bill(
    account: BilledAccount,
    rates: Sequence[tuple[Told, AppliedRate]],
    *,
    bill_id: str,
    bill_no: str,
    at: datetime,
) -> dict[str, Any]:
    """The customerBill of ``rates``, at least one, all in the account's currency."""
    in_currency = currency(account.currency_code)
    read = [rate for _, rate in rates]
    due = money_json(total((rate.tax_included for rate in read), in_currency))
    bill: dict[str, Any] = {
        "id": bill_id,
        "billNo": bill_no,
        "billDate": at.isoformat(),
        "paymentDueDate": at.isoformat(),
        "lastUpdate": at.isoformat(),
        "category": "interim",
        "runType": "offCycle",
        "state": "sent",
        "amountDue": due,
        "remainingAmount": due,
        "taxExcludedAmount": money_json(total((rate.tax_excluded for rate in read), in_currency)),
        "taxIncludedAmount": due,
        "billingAccount": {
            "id": account.account_id,
            "name": account.name,
            "@referredType": "BillingAccount",
        },
        "taxItem": _tax_items([told for told, _ in rates], currency_code=account.currency_code),
        "appliedPayment": [],
        "billSummaryLine": _lines(read),
        "@type": "CustomerBill",
    }
    if account.customer is not None:
        bill["relatedParty"] = [{"id": account.customer, "role": "customer", "@referredType": "Customer"}]
    period = _period([told for told, _ in rates])
    if period is not None:
        bill["billingPeriod"] = period
    return bill


def _lines(rates: Sequence[AppliedRate]) -> list[dict[str, Any]]:
    """A line for each product, and below it one for each kind where it has several."""
    by_product: dict[str, dict[str, list[AppliedRate]]] = {}
    for rate in rates:
        by_product.setdefault(rate.product or rate.name, {}).setdefault(rate.kind, []).append(rate)
    lines: list[dict[str, Any]] = []
    for place, (product, kinds) in enumerate(by_product.items(), start=1):
        whole = [rate for members in kinds.values() for rate in members]
        below = list(kinds.items()) if len(kinds) > 1 else []
        lines.append(_line(f"L{place}", product, "product", whole, refers=not below))
        for number, (kind, members) in enumerate(below, start=1):
            line = _line(f"L{place}.{number}", _KINDS.get(kind, kind), "type", members, refers=True)
            lines.append({**line, "parentLine": {"id": f"L{place}"}})
    return lines


_KINDS = {
    "appliedBillingCharge": "Charges",
    "appliedBillingCredit": "Credits",
    "appliedPenaltyCharge": "Late charges",
}


def _line(
    line_id: str, name: str, group: str, rates: Sequence[AppliedRate], *, refers: bool
) -> dict[str, Any]:
    in_currency = rates[0].tax_included.currency
    return {
        "id": line_id,
        "name": name,
        "groupKind": group,
        "taxExcludedAmount": money_json(total((rate.tax_excluded for rate in rates), in_currency)),
        "taxAmount": money_json(total((rate.tax for rate in rates), in_currency)),
        "taxIncludedAmount": money_json(total((rate.tax_included for rate in rates), in_currency)),
        "appliedCustomerBillingRate": [{"id": rate.rate_id} for rate in rates] if refers else [],
        "@type": "BillSummaryLine",
    }


def _tax_items(rates: Iterable[Told], *, currency_code: str) -> list[dict[str, Any]]:
    """The tax by category and rate, as the rates name it."""
    sums: dict[tuple[str, str], tuple[dict[str, Any], Money]] = {}
    for rate in rates:
        for tax in rate.get("appliedTax", []):
            try:
                amount = read_money(tax.get("taxAmount"), field="taxAmount")
            except BadField:
                continue
            if amount.currency.code != currency_code:
                continue
            named = {name: tax[name] for name in ("taxCategory", "taxRate") if name in tax}
            key = (str(named.get("taxCategory")), str(named.get("taxRate")))
            before = sums.get(key)
            sums[key] = (named, amount if before is None else before[1] + amount)
    return [{**named, "taxAmount": money_json(amount)} for named, amount in sums.values()]


def _period(rates: Iterable[Told]) -> dict[str, str] | None:
    """From the first to the last moment that a rate names; None where none names any."""
    moments: list[str] = []
    for rate in rates:
        covered = rate.get("periodCoverage", {})
        named = (rate.get("date"), covered.get("startDateTime"), covered.get("endDateTime"))
        moments += [moment for moment in named if isinstance(moment, str)]
    if not moments:
        return None
    ordered = sorted(moments, key=_in_order)
    return {"startDateTime": ordered[0], "endDateTime": ordered[-1]}


def _in_order(moment: str) -> tuple[float, str]:
    """By time; a moment at the edge of the calendar, which cannot be counted in UTC, comes first."""
    try:
        return datetime.fromisoformat(moment.upper()).timestamp(), moment
    except (OverflowError, ValueError):
        return float("-inf"), moment
