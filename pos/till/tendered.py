"""What is handed over: each tender as typed becomes one that may be taken."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from pos.domain.cheque import Cheque
from pos.domain.errors import Refused
from pos.domain.foreign_cash import NO_FOREIGN_CASH, ForeignNotes, read_notes
from pos.domain.imported_record import RecordState
from pos.domain.money import Currency, Money, parse_amount
from pos.domain.payment_event import (
    TenderOffered,
    TenderTaken,
)
from pos.domain.payment_mode import DetailField, FieldKind, ModeKind, PayerKind, PaymentMode, Purpose
from pos.domain.role import Person
from pos.domain.tender import instrument_of, read_details
from pos.domain.text_guard import clean_reference
from pos.store.imports import record_of_instrument
from pos.store.payments import (
    instrument_receipt,
)
from pos.store.shifts import open_shift
from pos.store.vouchers import Hold
from pos.till.approved_card import approved_slip, attempt_behind, refuse_second_card
from pos.till.cheque_intake import (
    read_cheque_tender,
)
from pos.till.desk import Deed, Desk
from pos.till.gate import require_alone
from pos.till.payer import payer_account_of
from pos.till.payment_order import PaymentOrder, TenderOrder
from pos.till.trust_money import purse_of, refuse_foreign
from pos.till.voucher_tender import read_voucher


@dataclass(frozen=True, slots=True, kw_only=True)
class TenderRead:
    """A tender as offered, with what stands behind it: central's hold, what a card terminal approved, the cheque."""

    offered: TenderOffered
    hold: Hold | None = None
    attempt: str | None = None
    cheque: Cheque | None = None


def read_tender(deed: Deed, tender: TenderOrder, order: PaymentOrder) -> TenderRead:
    """A tender of ``order`` as it may be taken, with the cheque, hold or card attempt behind it. Raises Refused."""
    desk = deed.desk
    mode = desk.modes[tender.mode]
    # The matrix comes first: a wrong mode is told before anything about bills.
    require_mode(desk, deed.person, mode, order.payer_kind)
    amount, foreign = read_tendered(
        desk, tender, desk.identity.currency, today=today_of(deed), decimal_marks=order.decimal_marks
    )
    if mode.kind is ModeKind.CHEQUE:
        fields, cheque = read_cheque_tender(desk, mode, tender.as_cheque, amount, today=today_of(deed))
        return TenderRead(
            offered=TenderOffered(
                mode=mode, amount=amount, details=fields, instrument=instrument_of(mode, fields, amount)
            ),
            cheque=cheque,
        )
    if tender.attempt is not None:
        if mode.kind is not ModeKind.CARD or tender.details:
            raise Refused(
                "details_not_needed",
                f"{mode.label}: name the attempt alone; its slip is known.",
                mode=mode.code,
            )
        return _read_approved(deed, order.payment_event_id, tender.attempt, mode, amount)
    details = read_details(mode, plain_fields(mode, tender))
    if mode.kind is ModeKind.CARD:
        refuse_second_card(deed, order.payment_event_id)
        instrument = instrument_of(mode, details, amount)
        attempt = attempt_behind(deed, order.payment_event_id, mode, amount, instrument)
        if attempt is not None:
            return _read_approved(deed, order.payment_event_id, attempt, mode, amount)
    if mode.kind is ModeKind.VOUCHER:
        payer = clean_reference(payer_account_of(desk, order), field="Account", limit=40)
        offered, hold = read_voucher(deed, order.payment_event_id, payer, mode, amount, details)
        return TenderRead(offered=offered, hold=hold)
    _require_fresh(deed, mode, details)
    if foreign is not None:
        refuse_foreign(desk, deed.person, order.payer_kind, mode, sells=bool(order.lines))
    else:
        mode = purse_of(desk, deed.person, order.payer_kind, mode, sells=bool(order.lines))
    return TenderRead(
        offered=TenderOffered(
            mode=mode,
            amount=amount,
            details=details,
            instrument=instrument_of(mode, details, amount),
            foreign=foreign,
        )
    )


def _read_approved(
    deed: Deed, event_id: str, attempt_id: str, mode: PaymentMode, amount: Money
) -> TenderRead:
    details = approved_slip(deed, event_id, attempt_id, mode, amount)
    return TenderRead(
        offered=TenderOffered(
            mode=mode, amount=amount, details=details, instrument=instrument_of(mode, details, amount)
        ),
        attempt=attempt_id,
    )


def read_tendered(
    desk: Desk, tender: TenderOrder, shop: Currency, *, today: date, decimal_marks: str
) -> tuple[Money, ForeignNotes | None]:
    """What a tender is worth in the ``shop``'s currency, and the foreign notes that it came in.

    Raises what ``parse_amount``, ``ForeignCash.current`` and ``read_notes`` raise; Refused ``currency_not_taken`` too where
    the way to pay is not cash.
    """
    policy = desk.policy.foreign_cash
    if tender.currency in (None, shop.code):
        if tender.rate is not None:
            raise Refused("unknown_field", f"{shop} has no rate here: it is the shop's own.", field="rate")
        return parse_amount(tender.amount, shop, decimal_marks=decimal_marks), None
    assert tender.currency is not None
    if desk.modes[tender.mode].kind is not ModeKind.CASH:
        policy = NO_FOREIGN_CASH
    listed = policy.current(tender.currency, shop=shop, today=today)
    notes = read_notes(listed, tender.amount, told=tender.rate, decimal_marks=decimal_marks)
    value = notes.worth(shop)
    if value.minor == 0:
        raise Refused("amount_not_positive", f"This is worth nothing in {shop}.")
    return value, notes


def plain_fields(mode: PaymentMode, tender: TenderOrder) -> Mapping[str, str]:
    """The fields of a tender that is no cheque. Raises Refused ``unknown_field`` where it has what only a cheque has."""
    if tender.micr or tender.ticks:
        raise Refused(
            "unknown_field",
            f"{mode.label} has no MICR line and nothing to tick.",
            mode=mode.code,
            allowed=[field.name for field in mode.fields],
        )
    return tender.details


def require_mode(desk: Desk, person: Person, mode: PaymentMode, payer: PayerKind) -> None:
    """The mode may be taken from such a payer for something, and by this person.

    Raises Refused ``mode_*`` or NotAuthorised.
    """
    purposes = mode.accepts.get(payer, frozenset())
    mode.require_payer(payer, min(purposes, default=Purpose.ACCOUNT))
    if mode.act:
        require_alone(desk, mode.act, person)


def _require_fresh(deed: Deed, mode: PaymentMode, details: Mapping[str, str]) -> None:
    """What a bank or a machine did was done by today, and not long ago."""
    today = today_of(deed)
    refuse_future(mode, details, today=today)
    for field, written in _dates(mode, details):
        if mode.max_age_days and today - written > timedelta(days=mode.max_age_days):
            raise Refused(
                "too_old",
                f"{field.label}: {written} is more than {mode.max_age_days} days ago. It is not taken any more.",
                mode=mode.code,
                field=field.name,
            )


def refuse_future(mode: PaymentMode, details: Mapping[str, str], *, today: date) -> None:
    """Raises Refused ``date_in_future``: nothing was done after ``today``, but as far ahead as the mode allows."""
    for field, written in _dates(mode, details):
        if written > today + timedelta(days=mode.max_ahead_days):
            by = f"more than {mode.max_ahead_days} days" if mode.max_ahead_days else ""
            raise Refused(
                "date_in_future",
                f"{field.label}: {written} is {by} after today. Check it.".replace("  ", " "),
                mode=mode.code,
                field=field.name,
            )


def _dates(mode: PaymentMode, details: Mapping[str, str]) -> Iterator[tuple[DetailField, date]]:
    for field in mode.fields:
        if field.kind is FieldKind.DATE and field.name in details:
            yield field, date.fromisoformat(details[field.name])


def today_of(deed: Deed) -> date:
    """A shift that runs past midnight keeps its business date; a paper may be of the day that it is."""
    return max(deed.require_shift().business_date, deed.at.date())


def paper_day(desk: Desk) -> date:
    """The same before a deed is begun."""
    with desk.till.read() as books:
        shift = open_shift(books)
    today = desk.clock.now().date()
    return today if shift is None else max(shift.business_date, today)


def refuse_taken(deed: Deed, tenders: Sequence[TenderTaken], accounts: Collection[str]) -> None:
    """The same slip, receipt or voucher is taken once (rules 46, 47, 49). ``accounts``: who pays, and what is paid for."""
    seen: set[str] = set()
    for tender in tenders:
        if tender.instrument is None:
            continue
        if tender.instrument in seen:
            raise Refused(
                "named_twice",
                f"{tender.mode.label}: the same one is in this payment twice.",
                mode=tender.mode.code,
            )
        seen.add(tender.instrument)
        refuse_taken_before(deed, tender.mode, tender.instrument)
        _require_as_told(deed, tender, tender.instrument, accounts)


def refuse_taken_before(deed: Deed, mode: PaymentMode, instrument: str) -> None:
    """Raises Refused ``taken_before`` where a tender with this paper was booked."""
    receipt = instrument_receipt(deed.unit.connection, instrument)
    if receipt is not None:
        raise Refused(
            "taken_before",
            f"{mode.label}: this very one was taken with receipt {receipt}.",
            mode=mode.code,
            receipt=receipt,
        )


def _require_as_told(deed: Deed, tender: TenderTaken, instrument: str, accounts: Collection[str]) -> None:
    """A bank's file may tell of a slip before the counter sees it: then it is taken as the bank told it, or not at all."""
    record = record_of_instrument(deed.unit.connection, instrument)
    if record is None:
        return
    label = tender.mode.label
    if record.state is not RecordState.WAITING:
        raise Refused(
            "taken_before",
            f"{label}: this very one came by the bank's file and was posted from there. Hand the paper back.",
            mode=tender.mode.code,
            record=record.record_id,
        )
    if record.amount != tender.net or record.account not in accounts:
        raise Refused(
            "record_differs",
            f"{label}: the bank tells of {record.amount} for account {record.account}. Take it so, or leave it to the "
            "back office.",
            mode=tender.mode.code,
            record=record.record_id,
            amount=record.amount.plain(),
            currency=record.amount.currency.code,
            account=record.account,
        )
