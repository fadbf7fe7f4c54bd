"""appliedCustomerBillingRate: a server's rate as an AppliedRate, and the resource that our central answers with."""

from __future__ import annotations

from collections.abc import Mapping

from pos.domain.bill import AppliedRate
from pos.domain.money import Money, total
from sync.tmf678.foreign import read_day, read_id, read_name, read_optional_money, read_ref_id
from sync.wire_json import BadField, BadResource, read_money


def read_rate(obj: object) -> AppliedRate:
    """A billed rate of any TMF678 v4 or v5 server; amounts keep their sign (credits negative at ours).

    Where one of the two amounts is missing the applied tax fills it in. Raises BadResource, which names rate and field.
    """
    if not isinstance(obj, Mapping):
        raise BadResource("appliedCustomerBillingRate", None, BadField("rate", "is not an object"))
    rate_id: str | None = None
    try:
        rate_id = read_id(obj, "id", field="id")
        return _read(obj, rate_id)
    except BadField as error:
        raise BadResource("appliedCustomerBillingRate", rate_id, error) from None


def rate_resource(
    stored: Mapping[str, object], *, href: str, bill_href: str | None, is_billed: bool
) -> dict[str, object]:
    """A rate as our central answers it: as loaded, with its own and its bill's address."""
    resource: dict[str, object] = {"id": stored["id"], "href": href, **stored, "isBilled": is_billed}
    resource["href"] = href
    bill = stored.get("bill")
    if isinstance(bill, Mapping) and bill_href is not None:
        resource["bill"] = {**bill, "href": bill_href}
    resource.setdefault("@type", "AppliedCustomerBillingRate")
    return resource


def _read(obj: Mapping[str, object], rate_id: str) -> AppliedRate:
    bill_id = read_ref_id(obj, "bill")
    if bill_id is None:
        raise BadField("bill.id", "is missing")
    tax_excluded, tax_included = _read_amounts(obj)
    kind = read_name(obj.get("type")) or read_name(obj.get("appliedBillingRateType"))
    return AppliedRate(
        rate_id=rate_id,
        bill_id=bill_id,
        name=read_name(obj.get("name")) or read_name(obj.get("description")) or rate_id,
        kind=kind or "appliedBillingCharge",
        on=read_day(obj, "date"),
        product=_product(obj.get("product")),
        tax_excluded=tax_excluded,
        tax=tax_included - tax_excluded,
        tax_included=tax_included,
        disputed=obj.get("isDisputed") is True,
    )


def _product(value: object) -> str | None:
    if not isinstance(value, Mapping):
        return None
    return read_name(value.get("name")) or read_name(value.get("id"))


def _read_amounts(obj: Mapping[str, object]) -> tuple[Money, Money]:
    """Without and with tax."""
    excluded = read_optional_money(obj, "taxExcludedAmount")
    included = read_optional_money(obj, "taxIncludedAmount")
    known = included if included is not None else excluded
    if known is None:
        raise BadField("taxIncludedAmount", "is missing")
    if excluded is not None and included is not None:
        if excluded.currency != included.currency:
            raise BadField("taxExcludedAmount.unit", f"is not {included.currency}")
        return excluded, included
    tax = total(_applied_tax(obj.get("appliedTax"), known), known.currency)
    return (known - tax, known) if included is not None else (known, known + tax)


def _applied_tax(value: object, like: Money) -> list[Money]:
    taxes = []
    for index, entry in enumerate(value if isinstance(value, list) else []):
        if isinstance(entry, Mapping) and entry.get("taxAmount") is not None:
            field = f"appliedTax[{index}].taxAmount"
            taxes.append(read_money(entry["taxAmount"], field=field))
            if taxes[-1].currency != like.currency:
                raise BadField(f"{field}.unit", f"is not {like.currency}")
    return taxes
