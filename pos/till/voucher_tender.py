"""A voucher as a tender: what stands for it (central's reservation, or its own signature), and what its rules ask for.

Source: domain.md 3.5, rules 5, 46 and 51.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from pos.domain.errors import Refused
from pos.domain.money import Money, total
from pos.domain.payment_event import PaymentEvent, TenderOffered
from pos.domain.payment_mode import ModeKind, PayerKind, PaymentMode, Purpose
from pos.domain.signed_voucher import is_signed_form, read_code, require_genuine
from pos.domain.voucher import (
    WHEN_REDEEMED,
    Residual,
    VoucherTerms,
    code_digest,
    code_mark,
    require_combinable,
    require_minimum,
    require_unexpired,
    shown_code,
    terms_in_words,
)
from pos.store import cache as cached
from pos.store.times import from_utc_text
from pos.store.voucher_keys import voucher_keys
from pos.store.vouchers import Hold, OfflineMark, offline_in_shift, reserved_hold, unanswered_hold
from pos.till.desk import Deed, Desk

NEEDS_CENTRAL = "voucher_needs_central"
OFFLINE = "Central does not answer, and vouchers are not taken without it. Choose another way to pay."
OFFLINE_TYPED = "Central does not answer, and it alone knows this voucher. Scan a signed one, or choose another way to pay."
OFFLINE_OUTSIDE = (
    "Central does not answer, and its issuer must be asked for this voucher. Choose another way to pay."
)
OFFLINE_REST = "Central does not answer, and the rest of this voucher would be a new one. Use all of it, or pay another way."


def voucher_instrument(mode: PaymentMode, mark: str) -> str:
    """How a voucher is known once it was taken: by the mark of its code."""
    return f"{mode.kind}|{mark}"


def mark_of(desk: Desk, details: Mapping[str, str]) -> str:
    """What this till knows a voucher by."""
    return code_mark(desk.till.keys.marks, details.get("code", "").strip(" "), details.get("issuer"))


def read_voucher(
    deed: Deed,
    event_id: str,
    payer_account: str,
    mode: PaymentMode,
    amount: Money,
    details: Mapping[str, str],
) -> tuple[TenderOffered, Hold]:
    """The tender of a voucher that is held for this payment, or that central did not answer for.

    Raises Refused ``voucher_not_checked`` where central was not asked, or what ``offline_hold`` raises.
    """
    mark = mark_of(deed.desk, details)
    held = reserved_hold(deed.unit.connection, event_id, mark)
    if held is None:
        asked = unanswered_hold(deed.unit.connection, event_id, mark)
        if asked is not None and (asked.mode, asked.amount) == (mode.code, amount):
            shift = deed.require_shift()
            taken = offline_in_shift(deed.unit.connection, shift.shift_id, amount.currency)
            held = offline_hold(
                deed.desk, asked.hold_id, payer_account, mode, amount, details, in_shift=taken, at=deed.at
            )
    if held is None or (held.mode, held.amount) != (mode.code, amount):
        raise Refused(
            "voucher_not_checked",
            f"{mode.label}: central has not reserved it for this payment. Enter it again.",
            mode=mode.code,
        )
    offered = TenderOffered(
        # Whatever asks what the money waits for is told so: receipt, dunning, central.
        mode=mode if held.offline is None else replace(mode, final_when=WHEN_REDEEMED),
        amount=held.booked,
        # The code is worth money: from here on only its end is known.
        details={**details, "code": shown_code(details["code"])},
        instrument=voucher_instrument(mode, mark),
        rest=held.kept,
    )
    return offered, held


def require_genuine_form(desk: Desk, mode: PaymentMode, details: Mapping[str, str]) -> None:
    """A code that means to be a signed one of ours is one: nobody is asked for a forgery.

    A key that is not known here, or not any more, is central's to judge. Raises Refused ``voucher_not_genuine``.
    """
    if not is_own_voucher(mode) or not is_signed_form(details["code"]):
        return
    try:
        with desk.cache.read() as connection:
            require_genuine(details["code"], voucher_keys(connection))
    except Refused as refusal:
        if refusal.code == "voucher_not_genuine":
            raise


def said_of_itself(details: Mapping[str, str]) -> Sequence[str]:
    """What a signed code says, line by line, before anybody was asked; nothing for a code that says nothing."""
    code = details.get("code", "")
    if not is_signed_form(code):
        return ()
    try:
        return terms_in_words(read_code(code).terms)
    except Refused:
        return ()


def offline_hold(
    desk: Desk,
    hold_id: str,
    payer_account: str,
    mode: PaymentMode,
    amount: Money,
    details: Mapping[str, str],
    *,
    in_shift: Money,
    at: datetime,
) -> Hold:
    """A voucher that is taken on its own word, because central did not answer ``hold_id``.

    ``in_shift`` is what the shift has taken so before. Raises Refused ``voucher_needs_central``, ``voucher_not_genuine``,
    ``voucher_key_unknown``, ``voucher_key_withdrawn``, ``voucher_not_for_account``, ``voucher_expired``,
    ``voucher_other_currency``, ``voucher_value_exceeded`` or what ``VoucherPolicy.require_within`` raises.
    """
    policy = desk.policy.vouchers
    if not policy.takes_offline:
        raise Refused(NEEDS_CENTRAL, OFFLINE)
    terms, mark = (_signed if is_own_voucher(mode) else _preauthorised)(desk, payer_account, details)
    require_unexpired(terms, at.date())
    _require_worth(terms, amount)
    hold = Hold(hold_id=hold_id, mode=mode.code, amount=amount, terms=terms, offline=mark)
    if hold.left and terms.residual is Residual.NEW_VOUCHER:
        raise Refused(NEEDS_CENTRAL, OFFLINE_REST)
    policy.require_within(amount=hold.booked, in_shift=in_shift, since_answer=_since_answer(desk, at))
    return hold


def is_own_voucher(mode: PaymentMode) -> bool:
    """Whether the operator issued it: an outside issuer's mode asks for the issuer."""
    return all(field.name != "issuer" for field in mode.fields)


def _signed(desk: Desk, payer_account: str, details: Mapping[str, str]) -> tuple[VoucherTerms, OfflineMark]:
    if not is_signed_form(details["code"]):
        raise Refused(NEEDS_CENTRAL, OFFLINE_TYPED)
    with desk.cache.read() as connection:
        voucher = require_genuine(details["code"], voucher_keys(connection))
    if not voucher.serves(payer_account):
        raise Refused(
            "voucher_not_for_account", "This voucher is for another account. Choose another way to pay."
        )
    mark = OfflineMark(
        issuer=None, digest=code_digest(details["code"]), serial=voucher.serial, key_id=voucher.key_id
    )
    return voucher.terms, mark


def _preauthorised(
    desk: Desk, _payer_account: str, details: Mapping[str, str]
) -> tuple[VoucherTerms, OfflineMark]:
    terms = desk.policy.vouchers.preauthorised_terms(details["issuer"], details["code"])
    if terms is None:
        raise Refused(NEEDS_CENTRAL, OFFLINE_OUTSIDE)
    return terms, OfflineMark(issuer=details["issuer"], digest=code_digest(details["code"]))


def _require_worth(terms: VoucherTerms, amount: Money) -> None:
    if terms.value.currency != amount.currency:
        raise Refused(
            "voucher_other_currency", f"This voucher is in {terms.value.currency}, not in {amount.currency}."
        )
    if terms.value < amount:
        raise Refused(
            "voucher_value_exceeded",
            f"This voucher is worth {terms.value}, less than {amount}.",
            value=terms.value.plain(),
            currency=amount.currency.code,
        )


def _since_answer(desk: Desk, at: datetime) -> timedelta | None:
    """Since central told all that it had to tell; a clock that was set back counts as no time."""
    with desk.cache.read() as connection:
        told_at = cached.marker(connection, "told_at")
    return None if told_at is None else max(at - from_utc_text(told_at), timedelta(0))


def require_rules(deed: Deed, event: PaymentEvent, holds: Mapping[str, Hold]) -> None:
    """What the vouchers of a composed event ask for of it (rule 46), and what the shift may take of them together.

    Raises Refused ``voucher_not_combinable``, ``voucher_below_minimum``, ``voucher_credit_needs_account`` or
    ``voucher_over_shift_cap``.
    """
    offline = [hold.booked for hold in holds.values() if hold.offline is not None]
    if offline:
        before = offline_in_shift(deed.unit.connection, deed.require_shift().shift_id, event.currency)
        deed.desk.policy.vouchers.require_shift_cap(before + total(offline, event.currency), before)
    vouchers = [tender for tender in event.tenders if tender.mode.kind is ModeKind.VOUCHER]
    bought = total(
        (part.amount for part in event.allocations if part.purpose is not Purpose.ACCOUNT), event.currency
    )
    for tender in vouchers:
        hold = holds[tender.instrument or ""]
        require_combinable(hold.terms, len(vouchers))
        require_minimum(hold.terms, bought)
        if hold.kept is not None and event.payer_kind is PayerKind.WALK_IN:
            raise Refused(
                "voucher_credit_needs_account",
                "What is left of this voucher goes on an account, and this buyer has none. Pay with all of it.",
            )


def require_together(holds: Iterable[Hold]) -> None:
    """Raises Refused ``voucher_not_combinable`` where one of several says that it is to be the only one."""
    together = list(holds)
    for hold in together:
        require_combinable(hold.terms, len(together))


def rest_in_words(hold: Hold) -> str:
    """What becomes of what this payment does not take of a voucher; empty where nothing is left."""
    if not hold.left:
        return ""
    left = hold.left.plain()
    match hold.terms.residual:
        case Residual.FORFEIT:
            return f"{left} not used is forfeited."
        case Residual.CREDIT:
            return f"{left} not used is credit on the account."
        case Residual.NEW_VOUCHER:
            return f"a new voucher of {left} is on its own slip."


def notes_of(event: PaymentEvent, holds: Mapping[str, Hold]) -> Iterator[str]:
    """What the receipt says of each voucher that was worth more than was taken of it."""
    for tender in event.tenders:
        hold = holds.get(tender.instrument or "")
        if hold is not None and hold.left:
            yield f"{tender.mode.label} of {hold.value.plain()}: {rest_in_words(hold)}"
