"""Another way to pay for a payment of the open shift that was keyed as the wrong one: void and payment anew in one deed.

Nothing goes over the counter: the paper and the figures of the shift follow what lies in the drawer.
Source: domain.md 3.6 and rule 36.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace

from pos.domain.catalogue import LineOfSale, PriceOverride, sale_due
from pos.domain.correction import CorrectionKind, CorrectionReason, TakenPart, TakenPayment
from pos.domain.errors import Refused
from pos.domain.ids import check_id
from pos.domain.money import Money, zero
from pos.domain.payment_event import Overpayment
from pos.domain.payment_mode import ModeKind, PayerKind, Purpose
from pos.domain.role import Person
from pos.store.corrections import SoldLine, lines_sold
from pos.till.basket import Basket, InPlaceOf, Kept
from pos.till.commissions import with_commission
from pos.till.correction_entry import (
    Corrected,
    CorrectionOrder,
    corrected,
    find_taken,
    require_approval,
)
from pos.till.correction_paper import GivenBack
from pos.till.corrections import require_untouched, undo_all
from pos.till.desk import Deed, Desk, Memo, perform
from pos.till.enquiries import PayPlan, require_enquiry
from pos.till.large_cash import IdentityOrder
from pos.till.payer import payer_again
from pos.till.payment_order import AllocateOrder, PaymentOrder, TenderOrder
from pos.till.selling import OverrideOrder, SaleOrder, find_item
from pos.till.take_payment import PaymentTaken, take_within

ACT = "swap_tender"


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapOrder:
    """Which payment, and by what it was really paid: all its tenders anew, as in a payment; why, by code and in words.

    ``confirmed`` are the codes of the warnings that were overruled, ``confirmed_for`` why.
    """

    receipt: str
    payment_event_id: str
    tenders: Sequence[TenderOrder]
    reason: str = CorrectionReason.WRONG_WAY
    text: str = ""
    decimal_marks: str = "."
    confirmed: Sequence[str] = ()
    confirmed_for: str | None = None
    identity: IdentityOrder | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Swapped:
    """The payment that was undone, and the same one as it was really paid."""

    voided: Corrected
    taken: PaymentTaken


def swap_tender(desk: Desk, person: Person, order: SwapOrder, *, memo: Memo | None = None) -> Swapped:
    """Book a payment of the open shift anew with other tenders, whoever's shift it is: the drawer is the same.

    Raises as ``void`` and ``take_payment``, and Refused ``tender_not_swapped`` where central or a card terminal has a part
    in it, or where nobody knows whose money it is.
    """

    def work(deed: Deed) -> Swapped:
        asked = CorrectionOrder(receipt=order.receipt, reason=order.reason, text=order.text)
        taken = find_taken(deed, asked)
        number = taken.receipt_number
        deed.beside_owner = True
        if taken.shift_id != deed.require_shift().shift_id:
            raise Refused(
                "not_this_shift",
                f"Receipt {number} is of another shift: reverse it, then take it anew.",
                receipt=number,
            )
        _require_plain(deed, taken, order)
        require_untouched(deed, taken)
        ways = ", ".join(desk.modes[tender.mode].label for tender in order.tenders)
        content = {
            "receipt": number,
            "tenders": [asdict(tender) for tender in order.tenders],
        }
        what = f"receipt {number}: {taken.amount} of {taken.payer_account} was really paid by {ways}"
        require_approval(
            deed,
            ACT,
            taken,
            content,
            what,
            taken.amount,
            modes=[tender.mode for tender in order.tenders],
        )
        keyed = [
            GivenBack(
                label=desk.modes[one.mode].label, amount=one.kept, how="was keyed wrongly, nothing goes back"
            )
            for one in taken.tenders
        ]
        voided = undo_all(deed, CorrectionKind.VOID, taken, asked, keyed, paid_anew=True)
        paid_anew = take_within(
            deed, _the_same(deed, taken, order), notes=[f"In place of receipt {number}, keyed wrongly."]
        )
        deed.unit.insert(
            "tender_swap",
            {"correction_id": voided.correction_id, "payment_event_id": paid_anew.payment_event_id},
        )
        return Swapped(voided=voided, taken=paid_anew)

    done = perform(desk, person, ACT, work, memo=memo, alone=True)
    corrected(desk, done.voided)
    return done


def swap_basket(
    desk: Desk, person: Person, taken: TakenPayment, order: CorrectionOrder, payment_event_id: str
) -> Basket:
    """A payment to be paid anew: its sum and its items, and nothing given yet.

    Raises NotAuthorised, or Refused ``unknown_account`` or ``unknown_item`` where central told it away since.
    """
    require_enquiry(desk, person)
    with desk.till.read() as connection:
        sold = lines_sold(connection, taken.payment_event_id)
    none = zero(taken.amount.currency)
    payer = payer_again(desk, PayerKind(taken.payer_kind), taken.payer_account, none.currency)
    lines = tuple(with_commission(desk, payer, _line_as_sold(desk, line)) for line in sold)
    beside = taken.amount - sale_due(lines, none.currency)
    return Basket(
        payment_event_id=payment_event_id,
        payer=payer,
        view=None,
        plan=PayPlan(parts=(), to_pay=none),
        lines=lines,
        kept=(Kept(purpose=Purpose.ACCOUNT, amount=beside),) if beside else (),
        cash_rounding=desk.policy.cash_rounding,
        policy=desk.policy.payments,
        in_place_of=InPlaceOf(
            receipt=taken.receipt_number,
            purposes=frozenset(part.purpose for part in taken.parts),
            reason=order.reason,
            text=order.text,
        ),
    )


def _line_as_sold(desk: Desk, line: SoldLine) -> LineOfSale:
    override = None
    if line.override_reason is not None:
        override = PriceOverride(price=line.unit_price, reason=line.override_reason)
    item = replace(find_item(desk, line.item, line.list_price.currency), price=line.list_price)
    return LineOfSale(item=item, quantity=line.quantity, serials=line.serials, override=override)


def swap_order(basket: Basket) -> SwapOrder:
    """What is asked for once all tenders of a basket of ``swap_basket`` are given."""
    assert basket.in_place_of is not None, "it is no payment anew"
    return SwapOrder(
        receipt=basket.in_place_of.receipt,
        payment_event_id=basket.payment_event_id,
        tenders=[one.order for one in basket.given],
        reason=basket.in_place_of.reason,
        text=basket.in_place_of.text,
        confirmed=basket.confirmed,
        confirmed_for=basket.reason,
        identity=basket.identity,
    )


def _require_plain(deed: Deed, taken: TakenPayment, order: SwapOrder) -> None:
    """What a card terminal charged or central holds was not keyed by anybody."""
    modes = deed.desk.modes
    if any(tender.at_terminal or tender.is_voucher for tender in taken.tenders) or any(
        tender.attempt is not None or modes[tender.mode].kind is ModeKind.VOUCHER for tender in order.tenders
    ):
        raise Refused(
            "tender_not_swapped",
            "A card terminal or a voucher has a part in this. Void the payment and take it anew.",
            receipt=taken.receipt_number,
        )
    if any(part.purpose is Purpose.SUSPENSE for part in taken.parts):
        raise Refused(
            "tender_not_swapped",
            "Nobody knows whose money this is. Void the payment and take it anew.",
            receipt=taken.receipt_number,
        )


def _the_same(deed: Deed, taken: TakenPayment, order: SwapOrder) -> PaymentOrder:
    """What was paid before, by the tenders of ``order``."""
    kind = PayerKind(taken.payer_kind)
    return PaymentOrder(
        payment_event_id=check_id(order.payment_event_id, field="Payment"),
        payer_kind=kind,
        payer_account=None if kind is PayerKind.WALK_IN else taken.payer_account,
        tenders=order.tenders,
        allocate=list(as_paid(taken.parts)),
        lines=[_sold(line) for line in lines_sold(deed.unit.connection, taken.payment_event_id)],
        overpayment=Overpayment.CHANGE,
        decimal_marks=order.decimal_marks,
        # It is the same payment, and everybody knows.
        confirmed=(*order.confirmed, "possible_double", "near_duplicate"),
        reason=order.confirmed_for,
        identity=order.identity,
    )


def as_paid(parts: Iterable[TakenPart]) -> Iterator[AllocateOrder]:
    """The bills and accounts of a payment's ``parts``, each once whatever tenders had paid it."""
    sums: dict[tuple[str, str | None, Purpose], Money] = {}
    for part in parts:
        if part.purpose is not Purpose.ITEMS:
            key = (part.account, part.bill_no, part.purpose)
            sums[key] = sums.get(key, zero(part.amount.currency)) + part.amount
    for (account, bill_no, purpose), amount in sums.items():
        if bill_no is not None:
            yield AllocateOrder(bill=bill_no, amount=amount.plain())
        else:
            yield AllocateOrder(account=account, amount=amount.plain(), keep_as=purpose)


def _sold(line: SoldLine) -> SaleOrder:
    override = None
    if line.override_reason is not None:
        override = OverrideOrder(price=line.unit_price.plain(), reason=line.override_reason)
    return SaleOrder(
        item=line.item,
        quantity=line.quantity,
        serials=line.serials,
        price=line.list_price.plain(),
        override=override,
    )
