"""The paper of a payment: what stands on it, and how it is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from pos.domain.bank_receipt import uncleared_until
from pos.domain.catalogue import LineOfSale, tax_sums
from pos.domain.cheque import Cheque
from pos.domain.money import total
from pos.domain.payment_event import PaymentEvent, TenderTaken
from pos.domain.payment_mode import PaymentMode, Purpose
from pos.domain.receipt import (
    AllocationLine,
    CommissionFacts,
    ReceiptFacts,
    ReceiptKind,
    SaleLine,
    TaxLine,
    TenderLine,
)
from pos.store.cache import CachedAccount
from pos.store.chain import printed_mark
from pos.store.receipts import facts_json
from pos.store.times import utc_text
from pos.store.vouchers import Hold
from pos.till.beside_payment import said_beside
from pos.till.desk import Deed, Desk
from pos.till.voucher_tender import notes_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Papers:
    """What stands behind some tenders: cheques by the tender's place; by its instrument, vouchers that central holds and
    attempts that a card terminal approved.

    ``order_mark`` is the mark of the order, by which a retry of it is known; ``notes`` go on the receipt.
    """

    cheques: Mapping[int, Cheque]
    holds: Mapping[str, Hold]
    attempts: Mapping[str, str]
    order_mark: str
    notes: tuple[str, ...] = ()


def payment_receipt(
    deed: Deed, event: PaymentEvent, account: CachedAccount, papers: Papers
) -> tuple[ReceiptFacts, int]:
    """What stands on the receipt of a payment, and the counter within its series that it takes."""
    control, identity, series = deed.control, deed.desk.identity, deed.series
    counter = deed.unit.next_number(f"receipt:{series}")
    facts = ReceiptFacts(
        receipt_number=identity.receipt_number(counter, series),
        kind=ReceiptKind.PAYMENT,
        shop=identity.shop,
        terminal=identity.terminal,
        shift_number=control.number,
        business_date=control.business_date,
        taken_at=deed.at.replace(microsecond=0),
        operator=deed.person.user,
        operator_name=deed.person.name,
        payer_kind=str(event.payer_kind),
        payer_account=None if _is_unknown(deed, event) else event.payer_account,
        payer_name=account.name,
        total=event.amount,
        change=event.change,
        credit=event.credit,
        tenders=tuple(tender_line(tender) for tender in event.tenders),
        allocations=tuple(
            AllocationLine(
                account=part.account,
                bill_no=part.bill_no,
                amount=part.amount,
                open_before=part.open_before,
                open_after=part.open_after,
                kept_as=str(part.keep),
                written_off=part.written_off,
            )
            for part in event.allocations
            if part.purpose is not Purpose.ITEMS
        ),
        sale=tuple(map(_sale_line, event.sale)),
        taxes=tuple(
            TaxLine(category=part.category, rate=part.rate_text, net=part.net, tax=part.tax)
            for part in tax_sums(event.sale)
        ),
        provisional=tuple(
            _waits_for(tender, deed.at.date()) for tender in event.tenders if tender.mode.final_when
        ),
        left_out=event.left_out,
        rounding=event.rounding or None,
        commission=_commission_facts(event.sale),
        notes=(*notes_of(event, papers.holds), *said_beside(event), *papers.notes),
        chain_mark="",
    )
    return facts, counter


def _commission_facts(sale: Sequence[LineOfSale]) -> CommissionFacts | None:
    earned = [line.commission for line in sale if line.commission is not None]
    if not earned:
        return None
    in_currency = earned[0].gross.currency
    return CommissionFacts(
        gross=total((line.amount for line in sale), in_currency),
        commission=total((one.commission for one in earned), in_currency),
        withheld=total((one.withheld for one in earned), in_currency),
        deducted=total((one.deducted for one in earned), in_currency),
        at=str(earned[0].terms.at),
        settlement=str(earned[0].terms.settlement),
    )


def _sale_line(line: LineOfSale) -> SaleLine:
    override = line.override
    return SaleLine(
        item=line.item.item,
        name=line.item.name,
        quantity=line.quantity,
        unit_price=line.unit_price,
        amount=line.amount,
        tax_category=line.item.tax_category,
        tax_rate=line.rate_text,
        tax=line.tax,
        serials=line.shown_serials,
        list_price=None if override is None else line.item.price,
        reason=None if override is None else override.reason,
        serial_kind=None if line.item.serial is None else str(line.item.serial),
        advance=None if line.item.advance is None else str(line.item.advance),
    )


def tender_line(tender: TenderTaken) -> TenderLine:
    """A tender as a paper shows it, its fields in the mode's order."""
    return TenderLine(
        mode=tender.mode.code,
        label=tender.mode.label,
        amount=tender.amount,
        details=details_of(tender.mode, tender.details),
        foreign=tender.foreign,
    )


def details_of(mode: PaymentMode, details: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """A tender's fields in the mode's order."""
    return tuple((field.name, details[field.name]) for field in mode.fields if field.name in details)


def _waits_for(tender: TenderTaken, today: date) -> str:
    """What a tender's money waits for, as the receipt says it; a bank's receipt for a cheque says received, but is not."""
    until = uncleared_until(tender.mode, tender.details, today=today)
    uncleared = "" if until is None else f"uncleared until {until}, "
    return f"{tender.mode.label} {tender.net.plain()}: {uncleared}final {tender.mode.final_when}"


def with_mark(facts: ReceiptFacts, head: str) -> ReceiptFacts:
    """The receipt carries the head of the chain as it stood before this deed: a short mark a person can read out."""
    return replace(facts, chain_mark=printed_mark(head))


def write_paper(deed: Deed, facts: ReceiptFacts, counter: int, *, series: str, event_id: str | None) -> None:
    """Write a numbered paper and send it to the printer; ``event_id`` None: it is of no payment.

    Nobody waits at the counter for those of a file's run: they are there to be shown and reprinted.
    """
    deed.unit.insert(
        "receipt",
        {
            "receipt_number": facts.receipt_number,
            "series": series,
            "counter": counter,
            "kind": str(facts.kind),
            "payment_event_id": event_id,
            "issued_at_utc": utc_text(deed.at),
            "facts_json": facts_json(facts, _personal_fields(deed.desk, facts)),
        },
    )
    if deed.run is not None:
        return
    deed.unit.insert(
        "print_job",
        {
            "receipt_number": facts.receipt_number,
            "copy_number": 0,
            "state": "waiting",
            "changed_at_utc": utc_text(deed.at),
        },
    )


def _personal_fields(desk: Desk, facts: ReceiptFacts) -> set[str]:
    """Names stay out of the chained row; the reading joins them from their side rows."""
    modes = {tender.mode for tender in facts.tenders}
    return {field.name for code in modes for field in desk.modes[code].fields if field.personal}


def _is_unknown(deed: Deed, event: PaymentEvent) -> bool:
    """Nobody knows who pays: the account that such money is told under is not the payer's."""
    return event.payer_account == deed.desk.policy.suspense_account
