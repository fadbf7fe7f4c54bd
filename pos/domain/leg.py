"""A leg: what one tender gave one account in one payment event. It is the unit that travels to central.

A TMF676 payment has one account and one method, an event may have several of both, so an event is sent as one payment
for each leg; a bounced cheque then points at exactly one of them. Source: tmf.md section 6.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from pos.domain.allocation import Chooser
from pos.domain.foreign_cash import ForeignNotes
from pos.domain.money import Money
from pos.domain.payment_mode import Purpose


class LegTarget(StrEnum):
    """What a part of a leg pays for, by the name that TMF676 refers to it with."""

    BILL = "CustomerBill"
    OFFERING = "ProductOffering"


@dataclass(frozen=True, slots=True, kw_only=True)
class LegItem:
    """The part of a leg that pays one bill or one line of a sale. Parts on account have no item.

    ``target_id`` is the bill's id at central, or the code of the item sold.
    """

    target: LegTarget
    target_id: str
    amount: Money
    chosen_by: Chooser = Chooser.DEFAULT


@dataclass(frozen=True, slots=True, kw_only=True)
class LegVoucher:
    """A voucher that was taken without central: known there by its code's digest. ``amount`` is what its tender brought.

    ``issuer`` None: one of ours.
    """

    digest: str
    issuer: str | None
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class LegCommission:
    """What a dealer earns by a whole sale of ``gross``; told with one leg of it only."""

    gross: Money
    commission: Money
    withheld: Money
    deducted: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class LegFacts:
    """All that central is told of one leg. ``taken_at`` is aware; ``amount`` is net of change.

    ``correlator_id`` is the event's id, a dash and the leg's number: stored before the first send, and never another.
    ``tmf_type`` is the TMF670 class name of the method; ``tender_details`` are the tender's own fields as stored.
    ``provisional`` says what the money still waits for (None: it is final). ``instrument`` names the one paper or card
    slip that stands behind the tender (None: it has none), ``voucher_hold`` central's reservation of the voucher,
    ``voucher_taken`` a voucher that it has not reserved.
    ``clears_overdue`` are the correlator ids of the legs that together clear what was overdue on an account in collection,
    this one among them; ``reconnects_now`` whether the shop takes them for final.
    ``foreign`` are the notes of the whole tender where it came in another currency; ``amount`` is in the shop's.
    ``charges`` is what it pays of what bounced cheques charged, by the shop's number, where the server has no such bills.
    ``kept_apart`` is how much of it is an advance, a deposit or in suspense, ``write_offs`` the rests that are cleared with
    it, by the bill's id at central; they are no part of ``amount``.
    ``by_file``: a bank's file told of it, and no shift took it (``shift_id`` None).
    ``replaces`` are the correlator ids of what a cheque had paid that went back for this payment, ``replaced_cheque`` its
    serial number and receipt.
    """

    correlator_id: str
    payment_event_id: str
    leg: int
    terminal: str
    epoch: int
    sequence: int
    receipt_number: str
    shift_id: str | None
    business_date: date
    taken_at: datetime
    operator: str
    shop: str
    shop_name: str
    operator_company: str
    channel: str
    payer_kind: str
    payer_account: str | None
    account: str
    amount: Money
    mode: str
    tmf_type: str
    tender_details: Mapping[str, str]
    items: tuple[LegItem, ...]
    provisional: str | None = None
    instrument: str | None = None
    voucher_hold: str | None = None
    clears_overdue: tuple[str, ...] = ()
    reconnects_now: bool = False
    foreign: ForeignNotes | None = None
    voucher_taken: LegVoucher | None = None
    kept_apart: Mapping[Purpose, Money] = field(default_factory=dict)
    charges: Mapping[str, Money] = field(default_factory=dict)
    write_offs: Mapping[str, Money] = field(default_factory=dict)
    commission: LegCommission | None = None
    replaces: tuple[str, ...] = ()
    replaced_cheque: str = ""
    by_file: bool = False
