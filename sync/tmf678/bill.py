"""customerBill: a server's bill as a BillSnapshot, and the resource that our central answers with.

Nothing but the id is required by the standard, and servers differ in what they leave out; a till shows what remains,
falling back step by step. Source: tmf.md sections 5 and 9.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from pos.domain.bill import AppliedPayment, BillSnapshot, BillState, Promise, SummaryLine
from pos.domain.money import Money, total
from pos.domain.pan_guard import holds_card_number
from sync.tmf678.foreign import (
    MAX_ID,
    as_object,
    read_day,
    read_id,
    read_name,
    read_optional_money,
    read_ref_id,
)
from sync.told import clean_told
from sync.wire_json import BadField, BadResource, money_json, read_money

MAX_LINES = 5_000

EXTENDED_TYPE = "CustomerBillWithSummary"


def read_bill(obj: object, *, seen_change: int | None) -> BillSnapshot:
    """A customerBill of any TMF678 v4 server.

    The remainder falls back to amountDue less what was applied, billNo to the id, the due date to the bill date, and a
    state that v4 does not know to what the remainder says. Summary lines that are not of our shape count as none.
    Raises BadResource, which names the bill and the field.
    """
    if not isinstance(obj, Mapping):
        raise BadResource("customerBill", None, BadField("customerBill", "is not an object"))
    bill_id: str | None = None
    try:
        bill_id = read_id(obj, "id", field="id")
        return _read(obj, bill_id, seen_change)
    except BadField as error:
        raise BadResource("customerBill", bill_id, error) from None


def _read(obj: Mapping[str, object], bill_id: str, seen_change: int | None) -> BillSnapshot:
    account = read_ref_id(obj, "billingAccount") or read_ref_id(obj, "financialAccount")
    if account is None:
        raise BadField("billingAccount.id", "is missing")
    applied = _read_applied(obj.get("appliedPayment"))
    amount_due, remaining, tax_included = _read_amounts(obj, [amount for _, amount in applied])
    bill_date, due_date = _read_dates(obj)
    return BillSnapshot(
        bill_id=bill_id,
        bill_no=_bill_no(obj, bill_id),
        account=account,
        account_name=_account_name(obj),
        bill_date=bill_date,
        due_date=due_date,
        state=_read_state(obj.get("state"), remaining, amount_due),
        amount_due=amount_due,
        remaining=remaining,
        tax_included=tax_included,
        applied=tuple(payment for payment, _ in applied if payment is not None),
        lines=_read_lines(obj.get("billSummaryLine"), remaining),
        seen_change=seen_change,
        disputed=_read_own_amount(obj, "disputedAmount", remaining),
        promise=_read_promise(obj.get("promise"), remaining),
        written_off=_read_own_amount(obj, "writtenOffAmount", remaining),
    )


def _bill_no(obj: Mapping[str, object], bill_id: str) -> str:
    """The number that the customer knows; the id where there is none, or where it can't be told from a card's number."""
    number = obj.get("billNo")
    if not number or (isinstance(number, str) and holds_card_number(number)):
        return bill_id
    return read_id(obj, "billNo", field="billNo")


def _read_own_amount(obj: Mapping[str, object], name: str, remaining: Money) -> Money | None:
    """An amount of our extension; a foreign attribute of that name in another shape must not make a bill unpayable."""
    try:
        amount = read_optional_money(obj, name)
    except BadField:
        return None
    if amount is None or amount.currency != remaining.currency or amount.minor <= 0:
        return None
    return amount


def _read_promise(value: object, remaining: Money) -> Promise | None:
    """Our extension's agreed instalment, what is still missing of it; None for any other shape."""
    if not isinstance(value, Mapping):
        return None
    amount = _read_own_amount(value, "amount", remaining)
    try:
        on = read_day(value, "date")
    except BadField:
        return None
    return None if amount is None or on is None else Promise(on=on, amount=amount)


def bill_resource(
    stored: Mapping[str, object],
    *,
    href: str,
    schema_location: str,
    own: Mapping[str, object],
) -> dict[str, object]:
    """A bill as our central answers it: ``stored`` as issued, with what payments changed (``own``) laid over it.

    A bill with summary lines is of an extended type, and says what it extends and where that is described.
    """
    resource: dict[str, object] = {"id": stored["id"], "href": href, **stored, **own}
    resource["href"] = href
    if "billSummaryLine" in resource:
        resource["@type"] = EXTENDED_TYPE
        resource["@baseType"] = "CustomerBill"
        resource["@schemaLocation"] = schema_location
    else:
        resource.setdefault("@type", "CustomerBill")
    return resource


def applied_payment_json(
    *, payment_id: str, href: str, correlator_id: str | None, amount: Money
) -> dict[str, object]:
    """One appliedPayment entry; the correlator is ours, so that a till finds its own payment before it knows the id."""
    payment: dict[str, object] = {"id": payment_id, "href": href, "@referredType": "Payment"}
    if correlator_id is not None:
        payment["correlatorId"] = correlator_id
    return {"appliedAmount": money_json(amount), "payment": payment}


def _account_name(obj: Mapping[str, object]) -> str | None:
    for reference in (obj.get("billingAccount"), obj.get("financialAccount")):
        if isinstance(reference, Mapping) and (name := read_name(reference.get("name"))) is not None:
            return name
    return None


def _read_amounts(obj: Mapping[str, object], applied: Sequence[Money]) -> tuple[Money, Money, Money]:
    """Amount due, what remains of it, and the bill's total with tax, all in one currency."""
    given_due = read_optional_money(obj, "amountDue")
    given_remaining = read_optional_money(obj, "remainingAmount")
    given_total = read_optional_money(obj, "taxIncludedAmount")
    given = [amount for amount in (given_due, given_total, given_remaining) if amount is not None]
    if not given:
        raise BadField("amountDue", "is missing")
    amount_due = given[0]
    in_currency = amount_due.currency
    for name, money in (("remainingAmount", given_remaining), ("taxIncludedAmount", given_total)):
        if money is not None and money.currency != in_currency:
            raise BadField(f"{name}.unit", f"is {money.currency}, amountDue is in {in_currency}")
    if any(amount.currency != in_currency for amount in applied):
        raise BadField("appliedPayment", f"holds another currency than {in_currency}")
    remaining = given_remaining if given_remaining is not None else amount_due - total(applied, in_currency)
    return amount_due, remaining, given_total if given_total is not None else amount_due


def _read_applied(value: object) -> list[tuple[AppliedPayment | None, Money]]:
    """Each entry's amount, and the payment where the entry names one."""
    if not isinstance(value, list):
        return []
    found: list[tuple[AppliedPayment | None, Money]] = []
    for index, entry in enumerate(value):
        path = f"appliedPayment[{index}]"
        row = as_object(entry, field=path)
        amount = read_money(row.get("appliedAmount"), field=f"{path}.appliedAmount")
        reference = row.get("payment")
        payment_id = reference.get("id") if isinstance(reference, Mapping) else None
        payment: AppliedPayment | None = None
        if isinstance(payment_id, str) and payment_id and isinstance(reference, Mapping):
            correlator = reference.get("correlatorId")
            payment = AppliedPayment(
                payment_id=clean_told(payment_id, limit=MAX_ID),
                correlator_id=clean_told(correlator, limit=MAX_ID) if isinstance(correlator, str) else None,
                amount=amount,
            )
        found.append((payment, amount))
    return found


def _read_dates(obj: Mapping[str, object]) -> tuple[date, date]:
    due = read_day(obj, "paymentDueDate")
    issued = read_day(obj, "billDate") or due or read_day(obj, "lastUpdate")
    if issued is None:
        raise BadField("billDate", "is missing")
    return issued, due or issued


def _read_state(value: object, remaining: Money, amount_due: Money) -> BillState:
    known = [state for state in BillState if state == value]
    if known:
        return known[0]
    if remaining.minor <= 0:
        return BillState.SETTLED
    return BillState.PARTIALLY_PAID if remaining < amount_due else BillState.SENT


def _read_lines(value: object, remaining: Money) -> tuple[SummaryLine, ...]:
    """Our extension's lines; a foreign attribute of that name in another shape must not make a bill unpayable."""
    if not isinstance(value, list) or len(value) > MAX_LINES:
        return ()
    try:
        lines = tuple(read_line(entry, field=f"billSummaryLine[{i}]") for i, entry in enumerate(value))
    except BadField:
        return ()
    same_currency = all(line.tax_included.currency == remaining.currency for line in lines)
    return lines if same_currency else ()


def read_line(obj: object, *, field: str) -> SummaryLine:
    """One BillSummaryLine. Raises BadField."""
    line = as_object(obj, field=field)
    tax_included = read_money(line.get("taxIncludedAmount"), field=f"{field}.taxIncludedAmount")
    tax_excluded = read_money(line.get("taxExcludedAmount"), field=f"{field}.taxExcludedAmount")
    tax = read_money(line.get("taxAmount"), field=f"{field}.taxAmount")
    if not tax_included.currency == tax_excluded.currency == tax.currency:
        raise BadField(field, "mixes currencies")
    references = line.get("appliedCustomerBillingRate", [])
    if not isinstance(references, list):
        raise BadField(f"{field}.appliedCustomerBillingRate", "is not an array")
    return SummaryLine(
        line_id=read_id(line, "id", field=f"{field}.id"),
        name=read_name(line.get("name")) or "",
        group=read_name(line.get("groupKind")) or "",
        parent_id=read_ref_id(line, "parentLine"),
        tax_excluded=tax_excluded,
        tax=tax,
        tax_included=tax_included,
        rate_ids=tuple(
            read_id(as_object(entry, field=field), "id", field=f"{field}.appliedCustomerBillingRate.id")
            for entry in references
        ),
    )
