"""All that central is told of a leg, read from the books as they were when it was booked."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row

from pos.domain.allocation import Chooser
from pos.domain.foreign_cash import ForeignNotes
from pos.domain.leg import LegCommission, LegFacts, LegItem, LegTarget, LegVoucher
from pos.domain.money import Currency, Money, currency
from pos.domain.payment_mode import PaymentMode, PaymentModes, Purpose
from pos.domain.voucher import WHEN_REDEEMED
from pos.store.behind_bounce import UNTOLD_CHARGE
from pos.store.home import Identity
from pos.store.outbox import OutboxRow
from pos.store.replaced_told import what_it_replaces
from pos.store.times import local


def leg_facts(
    connection: Connection, row: OutboxRow, identity: Identity, modes: PaymentModes, operator_company: str
) -> LegFacts:
    """All that central is told of the leg of ``row``."""
    found = connection.exec_driver_sql(
        "SELECT event.receipt_number, event.terminal, event.epoch, event.sequence, event.shift_id, "
        "event.business_date, event.taken_at_utc, event.utc_offset_min, event.operator, event.payer_kind, "
        "event.payer_account, leg.account, leg.amount_minor, leg.currency, tender.mode, tender.details_json, "
        "tender_person.details_json AS personal_json, payer_person.name AS payer_name, tender.voucher_hold, "
        "tender.foreign_minor, tender.foreign_currency, tender.rate, tender.rate_source, "
        "voucher_hold.approval, offline.digest, offline.issuer, offline.amount_minor AS offline_minor, "
        "instrument.instrument, cheque.bank, cheque.branch, cheque.bank_account, cheque.serial, "
        "dunning.clearing_legs, dunning.final_now, run_payment.run_id "
        "FROM leg JOIN payment_event AS event USING (payment_event_id) "
        "JOIN tender ON tender.tender_id = leg.tender_id "
        "LEFT JOIN tender_person ON tender_person.tender_id = tender.tender_id "
        "LEFT JOIN voucher_hold ON voucher_hold.hold_id = tender.voucher_hold "
        "LEFT JOIN voucher_offline AS offline ON offline.tender_id = tender.tender_id "
        "LEFT JOIN cheque ON cheque.tender_id = tender.tender_id "
        "LEFT JOIN instrument_of_tender AS instrument ON instrument.tender_id = tender.tender_id "
        "LEFT JOIN payer_person ON payer_person.payment_event_id = event.payment_event_id "
        "LEFT JOIN run_payment ON run_payment.payment_event_id = event.payment_event_id "
        "LEFT JOIN payment_dunning AS dunning ON dunning.payment_event_id = leg.payment_event_id "
        "AND dunning.account = leg.account "
        "WHERE leg.payment_event_id = ? AND leg.leg = ?",
        (row.payment_event_id, row.leg),
    ).one()
    items = connection.exec_driver_sql(
        "SELECT bill_id, allocation.amount_minor, sale_line.item, chosen_by FROM allocation LEFT JOIN sale_line "
        "ON sale_line.payment_event_id = allocation.payment_event_id AND sale_line.number = allocation.sale_line "
        "WHERE allocation.payment_event_id = ? AND leg = ? AND (bill_no IS NOT NULL OR sale_line IS NOT NULL) "
        f"AND NOT {UNTOLD_CHARGE.format(bill='allocation.bill_no')} ORDER BY allocation.number",
        (row.payment_event_id, row.leg),
    )
    in_currency = currency(found.currency)
    mode = modes[found.mode]
    instead = what_it_replaces(connection, row.payment_event_id)
    clearing = tuple(str(found.clearing_legs or "").split())
    clears = clearing if row.correlator_id in clearing else ()
    details: dict[str, str] = json.loads(found.details_json) | json.loads(found.personal_json or "{}")
    if found.approval:
        details["auth_code"] = str(found.approval)
    if mode.tmf_type == "Check":
        # A check by value names its drawer (tmf.md section 6): who is not named otherwise is the payer.
        details.setdefault("drawer", str(found.payer_name or found.payer_account))
        details.setdefault("date", str(found.business_date))
    return LegFacts(
        correlator_id=row.correlator_id,
        payment_event_id=row.payment_event_id,
        leg=row.leg,
        terminal=found.terminal,
        epoch=found.epoch,
        sequence=found.sequence,
        receipt_number=found.receipt_number,
        shift_id=found.shift_id,
        business_date=date.fromisoformat(found.business_date),
        taken_at=local(found.taken_at_utc, found.utc_offset_min),
        operator=found.operator,
        shop=identity.shop.shop,
        shop_name=identity.shop.name,
        operator_company=operator_company,
        channel=mode.channel,
        payer_kind=found.payer_kind,
        payer_account=found.payer_account,
        account=found.account,
        amount=Money(found.amount_minor, in_currency),
        mode=mode.code,
        tmf_type=mode.tmf_type,
        tender_details=details,
        items=tuple(
            LegItem(
                target=LegTarget.BILL if item.item is None else LegTarget.OFFERING,
                target_id=item.bill_id if item.item is None else item.item,
                amount=Money(item.amount_minor, in_currency),
                chosen_by=Chooser(item.chosen_by),
            )
            for item in items
        ),
        kept_apart={
            Purpose(kept_as): Money(minor, in_currency)
            for kept_as, minor in connection.exec_driver_sql(
                "SELECT kept_as, sum(amount_minor) FROM allocation WHERE payment_event_id = ? AND leg = ? "
                "AND kept_as IS NOT NULL GROUP BY kept_as ORDER BY kept_as",
                (row.payment_event_id, row.leg),
            )
        },
        charges={
            bill_no: Money(minor, in_currency)
            for bill_no, minor in connection.exec_driver_sql(
                "SELECT bill_no, sum(amount_minor) FROM allocation WHERE payment_event_id = ? AND leg = ? "
                f"AND {UNTOLD_CHARGE.format(bill='allocation.bill_no')} GROUP BY bill_no ORDER BY bill_no",
                (row.payment_event_id, row.leg),
            )
        },
        write_offs={
            bill_id: Money(minor, in_currency)
            for bill_id, minor in connection.exec_driver_sql(
                "SELECT bill_id, amount_minor FROM bill_write_off WHERE payment_event_id = ? AND leg = ? ORDER BY bill_no",
                (row.payment_event_id, row.leg),
            )
        },
        provisional=_waits_for(found, mode),
        by_file=found.run_id is not None,
        instrument=found.instrument if found.serial is None else _cheque_of(found),
        voucher_hold=found.voucher_hold,
        clears_overdue=clears,
        reconnects_now=bool(clears) and bool(found.final_now),
        foreign=_foreign_of(found),
        commission=_commission_of(connection, row, in_currency),
        replaces=() if instead is None else instead.correlators,
        replaced_cheque="" if instead is None else f"{instead.serial} of {instead.receipt}",
        voucher_taken=None
        if found.digest is None
        else LegVoucher(
            digest=found.digest, issuer=found.issuer, amount=Money(found.offline_minor, in_currency)
        ),
    )


def _waits_for(found: Row[Any], mode: PaymentMode) -> str | None:
    """What its money waits for; of what the bank told of itself, nothing."""
    if found.run_id is not None:
        return None
    return (WHEN_REDEEMED if found.digest else mode.final_when) or None


def _commission_of(connection: Connection, row: OutboxRow, in_currency: Currency) -> LegCommission | None:
    """The commission of the whole sale, with the first leg that pays for items."""
    gross, *earned = connection.exec_driver_sql(
        "SELECT (SELECT sum(amount_minor) FROM sale_line WHERE payment_event_id = ?1), sum(commission_minor), "
        "sum(withheld_minor), sum(deducted_minor) FROM commission_line WHERE payment_event_id = ?1 "
        "AND ?2 = (SELECT min(leg) FROM allocation WHERE payment_event_id = ?1 AND sale_line IS NOT NULL)",
        (row.payment_event_id, row.leg),
    ).one()
    if earned[0] is None:
        return None
    commission, withheld, deducted = (Money(minor, in_currency) for minor in earned)
    return LegCommission(
        gross=Money(gross, in_currency), commission=commission, withheld=withheld, deducted=deducted
    )


def _foreign_of(found: Row[Any]) -> ForeignNotes | None:
    if found.foreign_minor is None:
        return None
    amount = Money(found.foreign_minor, currency(found.foreign_currency))
    return ForeignNotes(amount=amount, rate=found.rate, source=found.rate_source)


def _cheque_of(found: Row[Any]) -> str:
    """A cheque as the one paper that it is in every shop."""
    return "|".join(["cheque", found.bank, found.branch, found.bank_account, found.serial])
