"""A carrier fetches what is lodged: who it was, with a receipt that both sides sign. Source: domain.md 3.9."""

from __future__ import annotations

from dataclasses import replace

from pos.domain.business_day import business_date
from pos.domain.carrier import Carrier, carrier_series
from pos.domain.deposit import DepositSlip
from pos.domain.errors import Refused
from pos.domain.money import total
from pos.domain.receipt import ReceiptKind
from pos.domain.sheet import SheetFacts, SheetLine, SheetPart
from pos.domain.text_guard import clean_entry, clean_reference
from pos.till.desk import Deed
from pos.till.office_paper import next_paper, write_sheet

SIGNED_BY = ("handed_over", "fetched_by_carrier")


def hand_to_carrier(deed: Deed, slip: DepositSlip, step_id: str, told: Carrier) -> Carrier:
    """Keep who fetched the lodged slip, and print the receipt; the carrier as it is kept.

    Raises Refused ``carrier_incomplete`` or what reading its words raises.
    """
    carrier = Carrier(
        company=clean_entry(told.company, field="Carrier", limit=60),
        person=clean_entry(told.person, field="Fetched by", limit=60),
        seal=clean_reference(told.seal, field="Seal", limit=40).upper() if told.seal.strip() else "",
    )
    if not carrier.company or not carrier.person:
        missing = "person" if carrier.company else "company"
        raise Refused(
            "carrier_incomplete",
            "Say the carrier's company and who fetched it: a name or the number of the badge.",
            field=missing,
        )
    numbered = next_paper(deed, carrier_series(deed.desk.identity.series))
    deed.unit.insert(
        "deposit_carrier",
        {
            "step_id": step_id,
            "receipt_number": numbered.number,
            "company": carrier.company,
            "person": carrier.person,
            "seal": carrier.seal or None,
        },
    )
    write_sheet(
        deed,
        numbered,
        ReceiptKind.CARRIER_RECEIPT,
        _sheet(slip, carrier),
        total=slip.total,
        business_day=business_date(deed.at, deed.desk.policy.day_starts),
    )
    return replace(carrier, receipt=numbered.number)


def _sheet(slip: DepositSlip, carrier: Carrier) -> SheetFacts:
    said = [
        ("deposit_slip", slip.number),
        ("reference", slip.reference or ""),
        ("carrier", carrier.company),
        ("carrier_person", carrier.person),
        ("seal", carrier.seal),
    ]
    fetched = [SheetLine(code="bag", said=bag.number, amount=bag.amount) for bag in slip.bags]
    if slip.cheques:
        cheques = total((cheque.amount for cheque in slip.cheques), slip.total.currency)
        fetched.append(SheetLine(code="cheques_fetched", count=len(slip.cheques), amount=cheques))
    return SheetFacts(
        parts=(
            SheetPart(code="", lines=tuple(SheetLine(code=code, said=text) for code, text in said if text)),
            SheetPart(code="fetched", lines=tuple(fetched)),
        ),
        signatures=SIGNED_BY,
        states_total=True,
    )
