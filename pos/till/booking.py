"""Writing a balanced payment event into the books: every row of it, in the order in which the database can weigh it.

Tenders and allocations come before the event, lines before the entry; receipt number, cheques and outbox legs are part of
the same transaction. Names go to side rows that can be purged. Source: architecture.md section 2; domain.md rule 19.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from pos.domain.bank_receipt import BankReceiptState
from pos.domain.cheque import Cheque, ChequeState
from pos.domain.imported_record import FILE_KINDS, RecordState
from pos.domain.payment_event import PaymentEvent, TenderTaken
from pos.domain.payment_mode import ModeKind, PayerKind
from pos.domain.posting import SourceKind, commission_on_account
from pos.domain.receipt import (
    ReceiptFacts,
)
from pos.domain.voucher import Residual
from pos.store.cache import CachedAccount
from pos.store.cards import abandon_attempts
from pos.store.imports import record_of_instrument
from pos.store.payments import is_instrument_known, is_serial_known
from pos.store.sealed_pins import NONCE_BYTES, pin_place, seal_pin
from pos.store.shifts import Shift
from pos.store.times import offset_minutes, utc_text
from pos.store.vouchers import Hold, OfflineMark
from pos.till.account_credits import credit_commission
from pos.till.beside_payment import book_recoveries, book_write_offs, kept_as_of, write_beside
from pos.till.desk import Deed
from pos.till.journal import book_entry
from pos.till.receipt_paper import Papers, payment_receipt, with_mark, write_paper
from pos.till.record_states import state_row
from pos.till.selling import sold_body
from pos.till.trust_money import is_trust


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ids:
    """The ids of an event's parts, by place."""

    tenders: list[str]
    payments: dict[str, str]


def book_payment(
    deed: Deed, event_id: str, event: PaymentEvent, account: CachedAccount, papers: Papers
) -> ReceiptFacts:
    """Write ``event`` of payer ``account`` under ``event_id``."""
    ids = _Ids(
        tenders=[deed.new_id() for _ in event.tenders],
        payments={credited: deed.new_id() for credited in event.accounts},
    )
    _write_tenders(deed, event_id, event, ids, papers)
    _write_bank_receipts(deed, event, ids)
    _write_trust(deed, event, ids)
    _write_sale(deed, event_id, event)
    _write_commission(deed, event_id, event)
    _write_parts(deed, event_id, event, ids)
    facts, counter = payment_receipt(deed, event, account, papers)
    _write_event(deed, event_id, event, account, facts.receipt_number, papers.order_mark)
    book_recoveries(deed, event_id, event)
    book_entry(deed, SourceKind.PAYMENT, event_id, event.lines)
    book_write_offs(deed, event_id, event)
    facts = with_mark(facts, deed.unit.chain.head)
    write_paper(deed, facts, counter, series=deed.series, event_id=event_id)
    _write_cheques(deed, papers.cheques, ids, payer_name=account.name)
    # Whatever else a card terminal approved for this payment has no use any more.
    abandon_attempts(deed.unit.connection, at=deed.at, payment_event_id=event_id)
    _write_slips(deed, papers.holds, facts.receipt_number)
    _write_outbox(deed, event_id, event)
    credit_commission(deed, event_id, event.payer_account, commission_on_account(event.sale, event.currency))
    return facts


def split_personal(tender: TenderTaken) -> tuple[dict[str, str], dict[str, str]]:
    """A tender's plain fields, and those that stand in a side row which can be purged."""
    personal = {field.name for field in tender.mode.fields if field.personal}
    plain = {name: value for name, value in tender.details.items() if name not in personal}
    return plain, {name: value for name, value in tender.details.items() if name in personal}


def personal_digest(salt: str, text: str) -> str:
    """Kept in the booked row instead of the name: the name can be purged, and while it is there it can be proven."""
    return hashlib.sha256(f"{salt}\x1f{text}".encode()).hexdigest()


def new_salt(deed: Deed) -> str:
    """A salt for one digest: the same name leaves another digest each time."""
    return deed.desk.randomness.token_bytes(16).hex()


def _write_tenders(deed: Deed, event_id: str, event: PaymentEvent, ids: _Ids, papers: Papers) -> None:
    rows, people, offline = [], [], []
    for place, tender in enumerate(event.tenders):
        hold = papers.holds.get(tender.instrument or "")
        plain, personal = split_personal(tender)
        digest = None
        if personal:
            salt, text = new_salt(deed), json.dumps(personal, ensure_ascii=False, sort_keys=True)
            digest = personal_digest(salt, text)
            people.append({"tender_id": ids.tenders[place], "salt": salt, "details_json": text})
        rows.append(
            {
                "tender_id": ids.tenders[place],
                "payment_event_id": event_id,
                "number": place + 1,
                "mode": tender.mode.code,
                "amount_minor": tender.amount.minor,
                "change_minor": tender.change.minor,
                "rounding_minor": tender.rounding.minor,
                "currency": event.currency.code,
                "details_json": json.dumps(plain, ensure_ascii=False),
                "person_digest": digest,
                "voucher_hold": None if hold is None or hold.offline is not None else hold.hold_id,
                **_foreign_columns(tender),
                "card_attempt": papers.attempts.get(tender.instrument or ""),
            }
        )
        if hold is not None and hold.offline is not None:
            offline.append(_offline_row(ids.tenders[place], hold, hold.offline))
    deed.unit.insert_all("tender", rows)
    deed.unit.insert_all("voucher_offline", offline)
    deed.unit.insert_all("tender_person", people)
    _match_records(deed, event, ids)
    for place, tender in enumerate(event.tenders):
        if tender.instrument is not None:
            again = is_instrument_known(deed.unit.connection, tender.instrument)
            row = {"instrument": tender.instrument, "tender_id": ids.tenders[place]}
            deed.unit.insert("instrument_again" if again else "instrument", row)


def _match_records(deed: Deed, event: PaymentEvent, ids: _Ids) -> None:
    """A slip that a bank's file told of before is that record's: the run of the file posts it only where it has none."""
    state = RecordState.MATCHED if deed.run is None else RecordState.POSTED
    for place, tender in enumerate(event.tenders):
        if tender.instrument is None or tender.mode.kind not in FILE_KINDS:
            continue
        record = record_of_instrument(deed.unit.connection, tender.instrument)
        if record is not None:
            matched = state_row(
                deed, record.record_id, record.number + 1, state, tender_id=ids.tenders[place]
            )
            deed.unit.insert("imported_record_state", matched)


def _foreign_columns(tender: TenderTaken) -> dict[str, object]:
    notes = tender.foreign
    return {
        "foreign_minor": None if notes is None else notes.amount.minor,
        "foreign_currency": None if notes is None else notes.amount.currency.code,
        "rate": None if notes is None else notes.rate,
        "rate_source": None if notes is None else notes.source,
    }


def _offline_row(tender_id: str, hold: Hold, mark: OfflineMark) -> dict[str, object]:
    return {
        "tender_id": tender_id,
        "hold_id": hold.hold_id,
        "issuer": mark.issuer,
        "digest": mark.digest,
        "serial": mark.serial,
        "key_id": mark.key_id,
        "amount_minor": hold.booked.minor,
        "value_minor": hold.value.minor,
        "currency": hold.value.currency.code,
        "expires": hold.terms.expires.isoformat(),
        "residual": str(hold.terms.residual),
    }


def _write_slips(deed: Deed, holds: Mapping[str, Hold], receipt_number: str) -> None:
    """What central makes of the rest of a voucher gets a slip of its own, printed as soon as its code can be asked for."""
    deed.unit.insert_all(
        "voucher_slip",
        [
            {
                "hold_id": hold.hold_id,
                "receipt_number": receipt_number,
                "value_minor": hold.left.minor,
                "currency": hold.left.currency.code,
                "state": "waiting",
                "changed_at_utc": utc_text(deed.at),
            }
            for hold in holds.values()
            if hold.left and hold.terms.residual is Residual.NEW_VOUCHER
        ],
    )


def _write_bank_receipts(deed: Deed, event: PaymentEvent, ids: _Ids) -> None:
    """A dealer's bank receipt is presented; what the bank says of it comes later."""
    deed.unit.insert_all(
        "bank_receipt_event",
        [
            {
                "outcome_id": deed.new_id(),
                "tender_id": ids.tenders[place],
                "number": 1,
                "state": str(BankReceiptState.PRESENTED),
                "at_utc": utc_text(deed.at),
                "operator": deed.person.user,
                "reason": None,
            }
            for place, tender in enumerate(event.tenders)
            if tender.mode.kind is ModeKind.BANK_RECEIPT
        ],
    )


def _write_trust(deed: Deed, event: PaymentEvent, ids: _Ids) -> None:
    """Cash that is the operator's is counted apart when the shift is closed."""
    deed.unit.insert_all(
        "trust_tender",
        [{"tender_id": ids.tenders[place]} for place, tender in enumerate(event.tenders) if is_trust(tender)],
    )


def _write_sale(deed: Deed, event_id: str, event: PaymentEvent) -> None:
    """The lines with the price and tax of this moment: a later price changes nothing here."""
    deed.unit.insert_all(
        "sale_line",
        [
            {
                "payment_event_id": event_id,
                "number": number,
                "item": line.item.item,
                "name": line.item.name,
                "quantity": line.quantity,
                "unit_price_minor": line.unit_price.minor,
                "amount_minor": line.amount.minor,
                "tax_category": line.item.tax_category,
                "tax_rate": line.rate_text,
                "tax_minor": line.tax.minor,
                "currency": event.currency.code,
            }
            for number, line in enumerate(event.sale, start=1)
        ],
    )
    for number, line in enumerate(event.sale, start=1):
        for serial, told in zip(line.serials, line.shown_serials, strict=True):
            row = {
                "kind": str(line.item.serial),
                "body": sold_body(deed.desk, line.item, serial),
                "serial": told,
                "payment_event_id": event_id,
                "line": number,
            }
            again = is_serial_known(deed.unit.connection, str(row["kind"]), str(row["body"]))
            deed.unit.insert("sale_serial_again" if again else "sale_serial", row)
    deed.unit.insert_all(
        "sale_price_override",
        [
            {
                "payment_event_id": event_id,
                "number": number,
                "list_price_minor": line.item.price.minor,
                "reason": line.override.reason,
            }
            for number, line in enumerate(event.sale, start=1)
            if line.override is not None
        ],
    )
    # All of a PIN is kept, sealed, until the first paper with it came out, and then nowhere.
    deed.unit.insert_all(
        "pin_to_print",
        [
            {
                "payment_event_id": event_id,
                "line": number,
                "place": place,
                "pin": seal_pin(
                    deed.desk.till.keys.marks,
                    serial,
                    pin_place(event_id, number, place),
                    nonce=deed.desk.randomness.token_bytes(NONCE_BYTES),
                ),
            }
            for number, line in enumerate(event.sale, start=1)
            if line.item.serial is not None and line.item.serial.is_secret
            for place, serial in enumerate(line.serials)
        ],
    )


def _write_commission(deed: Deed, event_id: str, event: PaymentEvent) -> None:
    """What a dealer earns by each line, as figured now: other terms later change nothing here."""
    deed.unit.insert_all(
        "commission_line",
        [
            {
                "payment_event_id": event_id,
                "line": number,
                "gross_minor": earned.gross.minor,
                "percent": f"{earned.terms.percent.normalize():f}",
                "commission_minor": earned.commission.minor,
                "withholding_percent": f"{earned.terms.withholding_percent.normalize():f}",
                "withheld_minor": earned.withheld.minor,
                "deducted_minor": earned.deducted.minor,
                "at": str(earned.terms.at),
                "settlement": str(earned.terms.settlement),
                "currency": event.currency.code,
            }
            for number, line in enumerate(event.sale, start=1)
            if (earned := line.commission) is not None
        ],
    )


def _write_parts(deed: Deed, event_id: str, event: PaymentEvent, ids: _Ids) -> None:
    code = event.currency.code
    credited: dict[str, int] = {}
    for part in event.allocations:
        credited[part.account] = credited.get(part.account, 0) + part.amount.minor
    deed.unit.insert_all(
        "payment",
        [
            {
                "payment_id": ids.payments[account],
                "payment_event_id": event_id,
                "account": account,
                "amount_minor": minor,
                "currency": code,
            }
            for account, minor in credited.items()
        ],
    )
    leg_numbers = {(leg.tender, leg.account): number for number, leg in enumerate(event.legs, start=1)}
    allocation_ids = [deed.new_id() for _ in event.funded]
    deed.unit.insert_all(
        "allocation",
        [
            {
                "allocation_id": allocation_ids[number - 1],
                "payment_event_id": event_id,
                "payment_id": ids.payments[part.allocation.account],
                "tender_id": ids.tenders[part.tender],
                "leg": leg_numbers[(part.tender, part.allocation.account)],
                "number": number,
                "account": part.allocation.account,
                "bill_no": part.allocation.bill_no,
                "bill_id": part.allocation.bill_id,
                "amount_minor": part.amount.minor,
                "currency": code,
                "sale_line": None if part.allocation.sale_line is None else part.allocation.sale_line + 1,
                "chosen_by": str(part.allocation.chosen_by),
                "kept_as": kept_as_of(part),
            }
            for number, part in enumerate(event.funded, start=1)
        ],
    )
    write_beside(deed, event_id, event, allocation_ids, leg_numbers)
    deed.unit.insert_all(
        "leg",
        [
            {
                "payment_event_id": event_id,
                "leg": number,
                "tender_id": ids.tenders[leg.tender],
                "account": leg.account,
                "amount_minor": leg.amount.minor,
                "currency": code,
            }
            for number, leg in enumerate(event.legs, start=1)
        ],
    )


def _write_event(
    deed: Deed,
    event_id: str,
    event: PaymentEvent,
    account: CachedAccount,
    receipt_number: str,
    order_mark: str,
) -> None:
    control, run, identity = deed.control, deed.run, deed.desk.identity
    salt = new_salt(deed)
    if run is not None:
        deed.unit.insert("run_payment", {"payment_event_id": event_id, "run_id": run.run_id})
    deed.unit.insert(
        "payment_event",
        {
            "payment_event_id": event_id,
            "receipt_number": receipt_number,
            "terminal": identity.terminal,
            "epoch": identity.epoch,
            "sequence": deed.unit.next_number(f"sequence:{identity.epoch}"),
            "shift_id": control.shift_id if isinstance(control, Shift) else None,
            "business_date": control.business_date.isoformat(),
            "taken_at_utc": utc_text(deed.at),
            "utc_offset_min": offset_minutes(deed.at),
            "operator": deed.person.user,
            "payer_kind": str(event.payer_kind),
            "payer_account": event.payer_account,
            "payer_digest": personal_digest(salt, account.name),
            "amount_minor": event.amount.minor,
            "currency": event.currency.code,
            "order_mark": order_mark,
        },
    )
    deed.unit.insert("payer_person", {"payment_event_id": event_id, "salt": salt, "name": account.name})


def _write_cheques(deed: Deed, cheques: Mapping[int, Cheque], ids: _Ids, *, payer_name: str) -> None:
    for place, cheque in cheques.items():
        cheque_id = deed.new_id()
        deed.unit.insert(
            "cheque",
            {
                "cheque_id": cheque_id,
                "tender_id": ids.tenders[place],
                "bank": cheque.identity.bank,
                "branch": cheque.identity.branch,
                "bank_account": cheque.identity.account,
                "serial": cheque.identity.serial,
                "amount_minor": cheque.amount.minor,
                "currency": cheque.amount.currency.code,
                "cheque_date": cheque.dated.isoformat(),
                "kind": str(cheque.kind),
                "entered": str(cheque.entered),
                "micr": cheque.micr or None,
                "third_party": int(cheque.is_third_partys(payer_name)),
                "ticks": " ".join(cheque.ticks),
            },
        )
        deed.unit.insert(
            "cheque_event",
            {
                "cheque_id": cheque_id,
                "number": 1,
                "state": str(ChequeState.RECEIVED),
                "at_utc": utc_text(deed.at),
                "operator": deed.person.user,
                "reason": None,
            },
        )


def _write_outbox(deed: Deed, event_id: str, event: PaymentEvent) -> None:
    deed.unit.insert_all(
        "outbox",
        [
            {
                "payment_event_id": event_id,
                "leg": number,
                "correlator_id": f"{event_id}-{number}",
                "kind": "payment",
                "account": leg.account,
                "queue": event_id
                if event.payer_kind is PayerKind.WALK_IN or leg.account == deed.desk.policy.suspense_account
                else None,
                "state": "waiting",
                "changed_at_utc": utc_text(deed.at),
            }
            for number, leg in enumerate(event.legs, start=1)
        ],
    )
