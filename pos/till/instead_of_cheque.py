"""A cheque that lies here, to be paid another way: what is to be given for it, and the order once all of that is there.

Nothing is booked here. Source: domain.md 3.3 and rule 39.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from pos.domain.cheque import ChequeState
from pos.domain.money import Money, total, zero
from pos.domain.payment_mode import PayerKind, Purpose
from pos.domain.post_dated import PostDatedState, step
from pos.domain.role import Grant, Person
from pos.domain.text_guard import clean_reference
from pos.store.corrections import taken_payment
from pos.store.post_dated import RegisteredCheque, registered_cheque
from pos.till.basket import Basket, InPlaceOf, Kept
from pos.till.cash_office import current_shift
from pos.till.cheques_back import REPLACE, ReplaceOrder, ReturnOrder, cheque_in_hand, require_of_shift
from pos.till.correction_entry import unknown_receipt
from pos.till.corrections import parts_of_one
from pos.till.desk import Desk
from pos.till.enquiries import PayPlan
from pos.till.gate import admit
from pos.till.payer import payer_again


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stands:
    """What a cheque stands for now, and whose it is."""

    payer_kind: PayerKind
    payer_account: str
    amount: Money
    paper: str
    serial: str
    purposes: frozenset[Purpose]


def instead_basket(desk: Desk, person: Person, cheque: str, payment_event_id: str) -> Basket:
    """What a cheque (its id, receipt or note) had paid or is to pay, and nothing given in its place yet.

    Raises NotAuthorised, or Refused ``unknown_cheque``, ``cheque_on_its_way``, ``which_cheque``, ``post_dated_state``,
    ``not_this_shift``, ``tender_paid_items``, ``payment_corrected`` or ``unknown_account``.
    """
    name = clean_reference(cheque, field="Cheque", limit=80)
    limited = admit(desk, REPLACE, person, subject=name) is Grant.LIMIT
    with desk.till.read() as connection:
        held = registered_cheque(connection, name.upper())
        if held is not None and person.may_see(held.entry.payer_account):
            stands = _in_register(held)
        else:
            stands = _in_hand(connection, desk, person, name, limited=limited)
    none = zero(stands.amount.currency)
    return Basket(
        payment_event_id=payment_event_id,
        payer=payer_again(desk, stands.payer_kind, stands.payer_account, none.currency),
        view=None,
        plan=PayPlan(parts=(), to_pay=none),
        kept=(Kept(purpose=Purpose.ACCOUNT, amount=stands.amount),),
        cash_rounding=desk.policy.cash_rounding,
        policy=desk.policy.payments,
        in_place_of=InPlaceOf(
            receipt=stands.paper,
            purposes=stands.purposes,
            reason=ReturnOrder(cheque=name).reason,
            cheque=name,
            serial=stands.serial,
        ),
    )


def _in_register(held: RegisteredCheque) -> _Stands:
    step(held.entry.state, PostDatedState.WITHDRAWN)
    return _Stands(
        payer_kind=held.payer_kind,
        payer_account=held.entry.payer_account,
        amount=held.entry.amount,
        paper=held.entry.note,
        serial=held.entry.serial,
        purposes=frozenset({Purpose.BILLS, Purpose.ACCOUNT}),
    )


def _in_hand(connection: Connection, desk: Desk, person: Person, name: str, *, limited: bool) -> _Stands:
    cheque = cheque_in_hand(connection, desk, name)
    taken = taken_payment(connection, cheque.receipt)
    if taken is None or not person.may_see(taken.payer_account):
        raise unknown_receipt(cheque.receipt)
    if limited:
        require_of_shift(taken, current_shift(desk))
    if cheque.state is ChequeState.DISHONOURED:
        return _Stands(
            payer_kind=PayerKind(taken.payer_kind),
            payer_account=taken.payer_account,
            amount=cheque.amount,
            paper=taken.receipt_number,
            serial=cheque.serial,
            purposes=frozenset({Purpose.BILLS, Purpose.ACCOUNT}),
        )
    tender = next(one for one in taken.tenders if one.cheque_id == cheque.cheque_id)
    parts = parts_of_one(taken, tender)
    return _Stands(
        payer_kind=PayerKind(taken.payer_kind),
        payer_account=taken.payer_account,
        amount=total((part.left for part in parts), taken.amount.currency),
        paper=taken.receipt_number,
        serial=cheque.serial,
        purposes=frozenset(part.purpose for part in parts),
    )


def replace_order(basket: Basket) -> ReplaceOrder:
    """What is asked for once all tenders of a basket of ``instead_basket`` are given."""
    anew = basket.in_place_of
    assert anew is not None, "it is no payment anew"
    return ReplaceOrder(
        back=ReturnOrder(cheque=anew.cheque, reason=anew.reason, text=anew.text),
        payment_event_id=basket.payment_event_id,
        tenders=[one.order for one in basket.given],
        confirmed=basket.confirmed,
        confirmed_for=basket.reason,
        identity=basket.identity,
    )
