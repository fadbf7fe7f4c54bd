"""Receipts as stored: the facts of each, its counted copies, and the queue of papers to print."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from pos.domain.allocation import LeftOut
from pos.domain.foreign_cash import ForeignNotes
from pos.domain.money import Currency, Money, currency
from pos.domain.payment_mode import Purpose
from pos.domain.receipt import (
    AllocationLine,
    CommissionFacts,
    Copy,
    ReceiptFacts,
    ReceiptKind,
    SaleLine,
    ShopHeading,
    TaxLine,
    TenderLine,
)
from pos.store.correction_paper import correction_read, correction_stored, undone_by
from pos.store.deposit_paper import deposit_read, deposit_stored, with_drawers
from pos.store.sealed_pins import open_pin, pin_place
from pos.store.sheet_paper import sheet_read, sheet_stored
from pos.store.times import local, utc_text


def facts_json(facts: ReceiptFacts, personal: Collection[str]) -> str:
    """The facts as stored on the chain: without names, which stand in side rows that can be purged.

    ``personal`` are the names of personal detail fields; their values are left out.
    """

    def money(amount: Money | None) -> int | None:
        return None if amount is None else amount.minor

    return json.dumps(
        {
            "shop": {
                "shop": facts.shop.shop,
                "name": facts.shop.name,
                "address": facts.shop.address,
                "tax_number": facts.shop.tax_number,
            },
            "terminal": facts.terminal,
            "shift_number": facts.shift_number,
            "business_date": facts.business_date.isoformat(),
            "taken_at": facts.taken_at.isoformat(),
            "operator": facts.operator,
            "operator_name": facts.operator_name,
            "payer_kind": facts.payer_kind,
            "payer_account": facts.payer_account,
            "currency": facts.total.currency.code,
            "total": facts.total.minor,
            "change": facts.change.minor,
            "credit": facts.credit.minor,
            "tenders": [
                [
                    tender.mode,
                    tender.label,
                    tender.amount.minor,
                    [[name, None if name in personal else value] for name, value in tender.details],
                    *_foreign_stored(tender.foreign),
                ]
                for tender in facts.tenders
            ],
            "allocations": [
                [
                    part.account,
                    part.bill_no,
                    part.amount.minor,
                    money(part.open_before),
                    money(part.open_after),
                    part.kept_as,
                    money(part.written_off),
                ]
                for part in facts.allocations
            ],
            "sale": [_stored_line(line) for line in facts.sale],
            "taxes": [[part.category, part.rate, part.net.minor, part.tax.minor] for part in facts.taxes],
            "provisional": facts.provisional,
            "chain_mark": facts.chain_mark,
            "notes": facts.notes,
            "rounding": money(facts.rounding),
            "left_out": [[part.bill_no, part.reason, part.amount.minor] for part in facts.left_out],
            **_commission_stored(facts.commission),
            **deposit_stored(facts.deposit),
            **correction_stored(facts.correction),
            **sheet_stored(facts.sheet),
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )


def _stored_line(line: SaleLine) -> list[object]:
    """A line by place, and by name what only some lines have."""
    more = {
        "list_price": None if line.list_price is None else line.list_price.minor,
        "reason": line.reason,
        "serial_kind": line.serial_kind,
        "advance": line.advance,
    }
    said = {name: value for name, value in more.items() if value is not None}
    return [
        line.item,
        line.name,
        line.quantity,
        line.unit_price.minor,
        line.amount.minor,
        line.tax_category,
        line.tax_rate,
        line.tax.minor,
        line.serials,
        *([said] if said else []),
    ]


def _read_line(stored: list[Any], in_currency: Currency) -> SaleLine:
    item, name, quantity, price, amount, category, rate, tax, serials, *more = stored
    said: dict[str, Any] = more[0] if more else {}
    listed = said.get("list_price")
    return SaleLine(
        item=item,
        name=name,
        quantity=quantity,
        unit_price=Money(price, in_currency),
        amount=Money(amount, in_currency),
        tax_category=category,
        tax_rate=rate,
        tax=Money(tax, in_currency),
        serials=tuple(serials),
        list_price=None if listed is None else Money(listed, in_currency),
        reason=said.get("reason"),
        serial_kind=said.get("serial_kind"),
        advance=said.get("advance"),
    )


def receipt_facts(connection: Connection, receipt_number: str) -> ReceiptFacts | None:
    """The facts of a receipt, with the names where they are still kept."""
    row = connection.exec_driver_sql(
        "SELECT receipt_number, kind, facts_json, payment_event_id FROM receipt WHERE receipt_number = ?",
        (receipt_number,),
    ).first()
    if row is None:
        return None
    name, personal = (
        _names_of_note(connection, receipt_number) if row[3] is None else _names_of_event(connection, row[3])
    )
    facts = _facts(str(row[0]), str(row[1]), json.loads(row[2]), name, personal)
    facts = replace(facts, undone_by=undone_by(connection, receipt_number))
    return (
        facts
        if facts.deposit is None
        else replace(facts, deposit=with_drawers(connection, receipt_number, facts.deposit))
    )


_Names = tuple[str | None, dict[int, dict[str, str]]]
"""The payer's name, and the personal fields of each tender by its number, as far as they are still kept."""


def _names_of_event(connection: Connection, event_id: str) -> _Names:
    name = connection.exec_driver_sql(
        "SELECT name FROM payer_person WHERE payment_event_id = ?", (event_id,)
    ).scalar_one_or_none()
    personal = {
        int(found[0]): json.loads(found[1])
        for found in connection.exec_driver_sql(
            "SELECT number, tender_person.details_json FROM tender JOIN tender_person USING (tender_id) "
            "WHERE payment_event_id = ?",
            (event_id,),
        )
    }
    return None if name is None else str(name), personal


def _names_of_note(connection: Connection, receipt_number: str) -> _Names:
    row = connection.exec_driver_sql(
        "SELECT name, details_json FROM post_dated_person WHERE post_dated_id IN ("
        "SELECT post_dated_id FROM post_dated_cheque WHERE receipt_number = ?1 UNION ALL "
        "SELECT post_dated_id FROM post_dated_event WHERE receipt_number = ?1)",
        (receipt_number,),
    ).first()
    return (None, {}) if row is None else (str(row[0]), {1: json.loads(row[1])})


def _facts(
    number: str, kind: str, raw: dict[str, Any], name: str | None, personal: dict[int, dict[str, str]]
) -> ReceiptFacts:
    in_currency = currency(raw["currency"])

    def money(minor: int) -> Money:
        return Money(minor, in_currency)

    def maybe(minor: int | None) -> Money | None:
        return None if minor is None else Money(minor, in_currency)

    return ReceiptFacts(
        receipt_number=number,
        kind=ReceiptKind(kind),
        shop=ShopHeading(
            shop=raw["shop"]["shop"],
            name=raw["shop"]["name"],
            address=tuple(raw["shop"]["address"]),
            tax_number=raw["shop"]["tax_number"],
        ),
        terminal=raw["terminal"],
        shift_number=raw["shift_number"],
        business_date=date.fromisoformat(raw["business_date"]),
        taken_at=datetime.fromisoformat(raw["taken_at"]),
        operator=raw["operator"],
        operator_name=raw["operator_name"],
        payer_kind=raw["payer_kind"],
        payer_account=raw["payer_account"],
        payer_name=name,
        total=money(raw["total"]),
        change=money(raw["change"]),
        credit=money(raw["credit"]),
        tenders=tuple(
            TenderLine(
                mode=mode,
                label=label,
                amount=money(minor),
                details=tuple(_details(details, personal.get(place, {}))),
                foreign=_foreign_read(*foreign),
            )
            for place, (mode, label, minor, details, *foreign) in enumerate(raw["tenders"], start=1)
        ),
        allocations=tuple(
            AllocationLine(
                account=account,
                bill_no=bill_no,
                amount=money(minor),
                open_before=maybe(before),
                open_after=maybe(after),
                # Older receipts end here.
                kept_as=rest[0] if rest else str(Purpose.ACCOUNT),
                written_off=maybe(rest[1]) if rest else None,
            )
            for account, bill_no, minor, before, after, *rest in raw["allocations"]
        ),
        chain_mark=raw["chain_mark"],
        # Receipts of before the first sale lack these keys.
        sale=tuple(_read_line(line, in_currency) for line in raw.get("sale", ())),
        taxes=tuple(
            TaxLine(category=category, rate=rate, net=money(net), tax=money(tax))
            for category, rate, net, tax in raw.get("taxes", ())
        ),
        provisional=tuple(raw.get("provisional", ())),
        notes=tuple(raw["notes"]),
        rounding=maybe(raw.get("rounding")),
        left_out=tuple(
            LeftOut(bill_no=bill_no, reason=reason, amount=money(minor))
            for bill_no, reason, minor in raw.get("left_out", ())
        ),
        commission=_commission_read(raw.get("commission"), in_currency),
        deposit=deposit_read(raw.get("deposit"), in_currency),
        correction=correction_read(raw.get("correction"), in_currency),
        sheet=sheet_read(raw.get("sheet")),
    )


def _commission_stored(earned: CommissionFacts | None) -> dict[str, object]:
    """Only a dealer's sale on such terms has this key."""
    if earned is None:
        return {}
    figures = [earned.gross, earned.commission, earned.withheld, earned.deducted]
    return {"commission": [*(figure.minor for figure in figures), earned.at, earned.settlement]}


def _commission_read(stored: list[Any] | None, in_currency: Currency) -> CommissionFacts | None:
    if stored is None:
        return None
    gross, commission, withheld, deducted = (Money(minor, in_currency) for minor in stored[:4])
    return CommissionFacts(
        gross=gross,
        commission=commission,
        withheld=withheld,
        deducted=deducted,
        at=stored[4],
        settlement=stored[5],
    )


def _foreign_stored(notes: ForeignNotes | None) -> list[list[object]]:
    """Only a tender in foreign notes has a fifth part."""
    if notes is None:
        return []
    return [[notes.amount.currency.code, notes.amount.minor, notes.rate, notes.source]]


def _foreign_read(stored: list[Any] | None = None) -> ForeignNotes | None:
    if stored is None:
        return None
    code, minor, rate, source = stored
    return ForeignNotes(amount=Money(minor, currency(code)), rate=rate, source=source)


def _details(stored: list[tuple[str, str | None]], personal: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Field and value; a personal field's value comes from its side row, and is gone after a purge."""
    for name, kept in stored:
        value = personal.get(name) if kept is None else kept
        if value is not None:
            yield name, value


def last_payment(connection: Connection, operator: str) -> str | None:
    """The receipt of the last payment that ``operator`` took and that nothing has undone."""
    row = connection.exec_driver_sql(
        "SELECT receipt_number FROM payment_event WHERE operator = ? AND NOT EXISTS (SELECT 1 FROM correction "
        "WHERE correction.payment_event_id = payment_event.payment_event_id AND kind IN ('void', 'reversal')) "
        "ORDER BY epoch DESC, sequence DESC LIMIT 1",
        (operator,),
    ).first()
    return None if row is None else str(row[0])


def last_receipt(connection: Connection, operator: str) -> str | None:
    """The number of the last receipt, note, or slip that ``operator`` issued."""
    row = connection.exec_driver_sql(
        "SELECT receipt_number FROM receipt WHERE receipt_number IN ("
        "(SELECT receipt_number FROM payment_event WHERE operator = ? ORDER BY sequence DESC LIMIT 1), "
        "(SELECT receipt_number FROM post_dated_cheque WHERE operator = ? ORDER BY rowid DESC LIMIT 1), "
        "(SELECT receipt_number FROM post_dated_event WHERE operator = ? AND state = 'withdrawn' "
        "ORDER BY at_utc DESC LIMIT 1), "
        "(SELECT receipt_number FROM deposit_slip WHERE operator = ? ORDER BY rowid DESC LIMIT 1)) "
        "ORDER BY rowid DESC LIMIT 1",
        (operator, operator, operator, operator),
    ).first()
    return None if row is None else str(row[0])


def copies_of(connection: Connection, receipt_number: str) -> int:
    """How many duplicates were asked for so far."""
    return int(
        connection.exec_driver_sql(
            "SELECT count(*) FROM receipt_copy WHERE receipt_number = ?", (receipt_number,)
        ).scalar_one()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingPrint:
    """A paper that has not come out yet. ``with_pins``: the facts with all of the PINs that this paper is to give away."""

    job_id: int
    receipt_number: str
    facts: ReceiptFacts
    copy: Copy
    attempts: int
    with_pins: ReceiptFacts | None = None


def waiting_prints(connection: Connection, limit: int, *, marks: bytes | None = None) -> list[WaitingPrint]:
    """The oldest papers that wait. ``marks`` opens the PINs that they give away; None: they are not looked at."""
    rows = connection.exec_driver_sql(
        "SELECT job_id, print_job.receipt_number, copy_number, attempts, asked_at_utc, utc_offset_min, operator, "
        "receipt_copy.reason FROM print_job LEFT JOIN receipt_copy "
        "ON receipt_copy.receipt_number = print_job.receipt_number AND receipt_copy.number = print_job.copy_number "
        "WHERE state = 'waiting' ORDER BY job_id LIMIT ?",
        (limit,),
    ).all()
    found: list[WaitingPrint] = []
    for row in rows:
        facts = receipt_facts(connection, row[1])
        assert facts is not None, "a print job has a receipt"
        copy = (
            Copy()
            if row[2] == 0
            else Copy(number=row[2], printed_at=local(row[4], row[5]), operator=row[6], reason=row[7])
        )
        found.append(
            WaitingPrint(
                job_id=row[0],
                receipt_number=row[1],
                facts=facts,
                copy=copy,
                attempts=row[3],
                with_pins=None if marks is None else _with_pins(connection, facts, row[2], marks),
            )
        )
    return found


def _with_pins(
    connection: Connection, facts: ReceiptFacts, copy_number: int, marks: bytes
) -> ReceiptFacts | None:
    """The facts with whole PINs for the first paper that can come out; None for every other one (rule 58)."""
    pins = {
        (int(row[0]), int(row[1])): open_pin(marks, str(row[2]), pin_place(row[3], row[0], row[1]))
        for row in connection.exec_driver_sql(
            "SELECT line, place, pin, payment_event_id FROM pin_to_print JOIN receipt USING (payment_event_id) "
            "WHERE receipt_number = ? "
            "AND ? = (SELECT min(copy_number) FROM print_job WHERE print_job.receipt_number = receipt.receipt_number "
            "AND state <> 'failed')",
            (facts.receipt_number, copy_number),
        )
    }
    if not pins:
        return None
    sale = tuple(
        replace(
            line,
            serials=tuple(pins.get((number, place), told) for place, told in enumerate(line.serials)),
        )
        for number, line in enumerate(facts.sale, start=1)
    )
    return replace(facts, sale=sale)


def settle_print(
    connection: Connection,
    job_id: int,
    *,
    state: str,
    reason: str | None,
    at: datetime,
    gave_pins: bool = False,
) -> None:
    """Note how a try at printing went: ``printed``, ``failed``, or ``waiting`` with the reason.

    ``gave_pins``: this printed paper bears whole PINs, so they are wiped.
    """
    connection.exec_driver_sql(
        "UPDATE print_job SET state = ?, reason = ?, attempts = attempts + 1, changed_at_utc = ? WHERE job_id = ?",
        (state, reason, utc_text(at), job_id),
    )
    if gave_pins and state == "printed":
        connection.exec_driver_sql(
            "DELETE FROM pin_to_print WHERE payment_event_id = (SELECT payment_event_id FROM receipt JOIN print_job "
            "USING (receipt_number) WHERE job_id = ?)",
            (job_id,),
        )


def stuck_papers(connection: Connection) -> int:
    """How many papers were tried and did not come out: the printer wants a person."""
    return int(
        connection.exec_driver_sql(
            "SELECT count(*) FROM print_job WHERE state = 'waiting' AND attempts > 0"
        ).scalar_one()
    )
