"""What a counter sells and is offered in these tests: items on the shelf, serial numbers, vouchers behind a central."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from pos.domain.catalogue import Item, SerialKind
from pos.domain.money import Money
from pos.domain.payment_mode import PayerKind
from pos.domain.role import Person
from pos.domain.voucher import (
    VoucherAsked,
    VoucherOutcome,
    VoucherRefused,
    VoucherReserved,
    VoucherTerms,
    VoucherUnanswered,
    plain_code,
)
from pos.store.items import put_items
from pos.till.desk import Desk
from tests.builders.tills import CASHIER, SUPERVISOR, account, make_till, money, opened, tell

CHARGER_EAN = "6271001000120"
SIM_EAN = "6271001000014"
PHONE_EAN = "6271001000045"
ICCIDS = ("8996512345678901238", "8996512345678901246")
IMEI = "356938035643809"
CARD_NUMBER = "4111111111111111"


def item(code: str, name: str, price: str, *, ean: str, serial: SerialKind | None = None) -> Item:
    """An item with 5 % tax in its price."""
    return Item(
        item=code,
        name=name,
        price=money(price),
        tax_category="VAT",
        tax_rate=Decimal(5),
        serial=serial,
        ean=ean,
    )


ITEMS = (
    item("ACC-01", "USB-C charger", "6.000", ean=CHARGER_EAN),
    item(
        "ACC-02", "USB-C cable, braided, two metres, in a box of recycled paper", "2.500", ean="6271001000137"
    ),
    item("PHN-01", "Smartphone 128 GB", "65.000", ean=PHONE_EAN, serial=SerialKind.IMEI),
    item("SIM-01", "Prepaid SIM card", "5.000", ean=SIM_EAN, serial=SerialKind.ICCID),
)


def make_shop_of_supervisor() -> Desk:
    """As ``make_shop``, in a supervisor's shift."""
    return make_shop(SUPERVISOR)


def make_shop(person: Person = CASHIER) -> Desk:
    """A till with an open shift, items on the shelf, and a dealer with a class and a limit."""
    desk = make_till()
    opened(desk, person=person)
    with desk.cache.write() as connection:
        put_items(connection, ITEMS)
    dealer = account("D-1", "Gulf Mobile Corner", phone="+96522210001", kind=PayerKind.DEALER)
    tell(desk, accounts=[replace(dealer, dealer_class="A", credit_limit=money("500"))])
    return desk


@dataclass(slots=True)
class VouchersAtCentral:
    """A ``VoucherDesk``: what each code is worth, what is held for whom. ``online`` False: no answer."""

    worth: dict[str, Money]
    online: bool = True
    held: dict[str, str] = field(default_factory=dict)
    asked: list[VoucherAsked] = field(default_factory=list)

    async def reserve(self, asked: VoucherAsked) -> VoucherOutcome:
        self.asked.append(asked)
        if not self.online:
            return VoucherUnanswered(reason="no answer")
        code = plain_code(asked.code)
        value = self.worth.get(code)
        if value is None or self.held.get(code, asked.hold_id) != asked.hold_id:
            return VoucherRefused(code="voucher_not_valid", message="This voucher cannot be used.")
        if value < asked.amount:
            text = f"This voucher is worth {value}, less than {asked.amount}."
            return VoucherRefused(code="voucher_value_exceeded", message=text, value=value)
        self.held[code] = asked.hold_id
        return VoucherReserved(terms=VoucherTerms(value=value, expires=date(2027, 1, 1)), approval=None)

    async def release(self, hold_id: str) -> bool:
        self.held = {code: hold for code, hold in self.held.items() if hold != hold_id}
        return self.online


def vouchers(**worth: str) -> VouchersAtCentral:
    """``vouchers(LOY1="41.750")``."""
    return VouchersAtCentral({code: money(amount) for code, amount in worth.items()})
