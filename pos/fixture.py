"""The fixture file: one JSON object that fills a new home or central with users, accounts, bills, items, vouchers.

It comes from outside, so it is read strictly: a wrong key or value names the file, the key and what is allowed.
Bills and rates stay the TMF678 objects that they are, since the readers of ``sync.tmf678`` parse them; only what
those readers need is checked here. Money of the fixture's own rows is decimal text with exactly the currency's
digits (``"41.750"``), money inside the TMF objects is a JSON number.
Source: interface.md section 1; tmf.md sections 5 and 9.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, NotRequired, get_args, get_origin
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    model_validator,
    with_config,
)
from pydantic_core import ErrorDetails, PydanticCustomError
from typing_extensions import TypedDict  # pydantic wants this one below Python 3.12

from pos.domain.arrival import refuse_cards_in
from pos.domain.catalogue import AdvanceTax, Item, SerialKind
from pos.domain.errors import Refused
from pos.domain.money import Money, currency, parse_count
from pos.domain.pan_guard import holds_card_number
from pos.domain.pin import pin_problem
from pos.domain.role import Role, roles_problem
from pos.domain.signed_voucher import read_public_key
from pos.domain.text_guard import clean_foreign

FILE_BYTES_MAX = 1 << 29
"""Half a gibibyte: some hundred thousand bills. A larger file is not a fixture."""

PIN_DIGITS_MIN = 6
"""The least that any shop may ask for; a shop's own settings may ask for more."""

_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")

_PROBLEM = "fixture"
"""The type of our own validation errors; their context says where (below the value) and what is wrong."""


def _problem(what: str, *, where: str = "") -> PydanticCustomError:
    return PydanticCustomError(_PROBLEM, "{what}", {"what": what, "where": where})


# --- the values ----------------------------------------------------------------------------------------------


def _harmless(text: str) -> str:
    """A name fit to be shown: what a terminal or printer would obey is replaced, a card number is refused."""
    if holds_card_number(text):
        raise _problem("looks like a card number, and card numbers are never kept")
    return clean_foreign(text, limit=200)


def _known_currency(code: str) -> str:
    try:
        return currency(code).code
    except Refused as refused:
        raise _problem("must be an ISO 4217 currency code in upper case, as in KWD") from refused


def _known_key(letters: str) -> str:
    if read_public_key(letters) is None:
        raise _problem("must be a public key in 55 letters")
    return letters


def _known_zone(key: str) -> str:
    try:
        return ZoneInfo(key).key
    except (OSError, ValueError, KeyError) as error:
        raise _problem("must be a time zone of the IANA list, as in Asia/Kuwait") from error


def _calendar_day(text: object) -> date:
    if isinstance(text, date):
        return text
    if isinstance(text, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        try:
            return date.fromisoformat(text)
        except ValueError:
            pass
    raise _problem("must be a day, as in 2026-11-21")


def _exact_number(value: object) -> Decimal:
    if isinstance(value, Decimal) and value.is_finite():
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    raise _problem("must be a JSON number, read as an exact decimal and never as a float")


def _right_ean(code: str) -> str:
    weighted = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(code))
    if weighted % 10:
        raise _problem("has a wrong check digit for an EAN-13")
    return code


Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", min_length=1, max_length=40)]
Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_harmless)]
CurrencyCode = Annotated[str, Field(pattern=r"^[A-Z]{3}$"), AfterValidator(_known_currency)]
AmountText = Annotated[str, Field(pattern=r"^[0-9]{1,12}(\.[0-9]{1,4})?$", max_length=17)]
Day = Annotated[
    date,
    BeforeValidator(_calendar_day),
    WithJsonSchema({"type": "string", "format": "date", "examples": ["2026-11-21"]}),
]
ShortText = Annotated[str, Field(max_length=200)]
Number = Annotated[Decimal, BeforeValidator(_exact_number), WithJsonSchema({"type": "number"})]
Instant = Annotated[
    str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z$")
]
ObjectId = Annotated[str, Field(min_length=1, max_length=100)]


# --- TMF678 objects: dicts that keep every key they came with ------------------------------------------------

_OPEN = ConfigDict(strict=True, extra="allow")


def _money_fits(value: MoneyObject) -> MoneyObject:
    try:
        digits = currency(value["unit"]).exponent
    except Refused as refused:
        raise _problem("must be an ISO 4217 currency code in upper case", where="unit") from refused
    exponent = value["value"].as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -digits or abs(value["value"]) >= 10**12:
        raise _problem(f"must be a number with at most {digits} digits after the point", where="value")
    return value


@with_config(_OPEN)
class MoneyObject(TypedDict):
    """TMF money: a currency and a JSON number with the currency's digits."""

    unit: Annotated[str, Field(description="ISO 4217 currency", max_length=3)]
    value: Annotated[Number, Field(description="the amount; negative on a credit")]


MoneyValue = Annotated[MoneyObject, AfterValidator(_money_fits)]


@with_config(_OPEN)
class RefObject(TypedDict):
    """A reference to another object."""

    id: Annotated[ObjectId, Field(description="the other object's id")]
    name: NotRequired[Annotated[ShortText, Field(description="its name")]]


@with_config(_OPEN)
class PeriodObject(TypedDict):
    """From one instant to another."""

    startDateTime: NotRequired[Annotated[Instant, Field(description="first instant, UTC")]]
    endDateTime: NotRequired[Annotated[Instant, Field(description="last instant, UTC")]]


@with_config(_OPEN)
class TaxObject(TypedDict):
    """Tax of one category: on a bill, or on a rate."""

    taxCategory: Annotated[ShortText, Field(description="the tax, as in VAT")]
    taxRate: Annotated[Number, Field(description="in percent")]
    taxAmount: Annotated[MoneyValue, Field(description="the tax itself")]


@with_config(_OPEN)
class AppliedPaymentObject(TypedDict):
    """A payment that already stands against the bill."""

    appliedAmount: Annotated[MoneyValue, Field(description="the part of the payment set against this bill")]
    payment: Annotated[RefObject, Field(description="the payment")]


_SummaryLineKeys = TypedDict("_SummaryLineKeys", {"@type": NotRequired[Literal["BillSummaryLine"]]})


@with_config(_OPEN)
class SummaryLineObject(_SummaryLineKeys):
    """A presentation line of a bill; it refers to its rates and may stand below a parent line."""

    id: Annotated[ObjectId, Field(description="the line's id, its own on this bill")]
    name: Annotated[ShortText, Field(description="what the customer reads")]
    groupKind: Annotated[ShortText, Field(description="what the line groups by, as in product or usage")]
    taxExcludedAmount: Annotated[MoneyValue, Field(description="without tax")]
    taxAmount: Annotated[MoneyValue, Field(description="the tax")]
    taxIncludedAmount: Annotated[
        MoneyValue, Field(description="with tax; a parent's is the sum of its children's")
    ]
    product: NotRequired[Annotated[RefObject, Field(description="the product, named as issued")]]
    parentLine: NotRequired[Annotated[RefObject, Field(description="the line this one is part of")]]
    appliedCustomerBillingRate: Annotated[
        list[RefObject], Field(description="the rates of this line", max_length=10_000)
    ]


@with_config(_OPEN)
class PromiseObject(TypedDict):
    """A promise to pay: so much by that day."""

    date: Annotated[
        str, Field(description="the day by which it is paid", pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")
    ]
    amount: Annotated[MoneyValue, Field(description="the instalment")]


@with_config(_OPEN)
class CustomerBillObject(TypedDict):
    """A TMF678 v4 customerBill with the extension ``billSummaryLine``."""

    id: Annotated[ObjectId, Field(description="the server's id of the bill")]
    billNo: Annotated[ObjectId, Field(description="the number that the customer knows")]
    billDate: Annotated[Instant, Field(description="when it was issued")]
    paymentDueDate: Annotated[Instant, Field(description="until when it is to be paid")]
    category: NotRequired[
        Annotated[ShortText, Field(description="normal, duplicate, interim, last, credit note")]
    ]
    runType: NotRequired[
        Annotated[Literal["onCycle", "offCycle"], Field(description="by the bill run or outside")]
    ]
    state: Annotated[
        Literal["new", "onHold", "validated", "sent", "partiallyPaid", "settled"],
        Field(description="its state"),
    ]
    amountDue: Annotated[MoneyValue, Field(description="what is due for this bill")]
    remainingAmount: Annotated[MoneyValue, Field(description="what is still open on it")]
    taxExcludedAmount: Annotated[MoneyValue, Field(description="as issued, without tax")]
    taxIncludedAmount: Annotated[MoneyValue, Field(description="as issued, with tax")]
    billingAccount: Annotated[RefObject, Field(description="the account that owes it")]
    relatedParty: NotRequired[Annotated[list[RefObject], Field(description="the customer", max_length=20)]]
    billingPeriod: NotRequired[Annotated[PeriodObject, Field(description="what it covers")]]
    taxItem: NotRequired[
        Annotated[list[TaxObject], Field(description="tax by category and rate", max_length=50)]
    ]
    appliedPayment: NotRequired[
        Annotated[list[AppliedPaymentObject], Field(description="what was paid so far", max_length=1_000)]
    ]
    billDocument: NotRequired[Annotated[list[RefObject], Field(description="the papers", max_length=20)]]
    disputedAmount: NotRequired[
        Annotated[MoneyValue, Field(description="what the customer contests; the sum of its disputed rates")]
    ]
    promise: NotRequired[Annotated[PromiseObject, Field(description="an agreed instalment, paid first")]]
    billSummaryLine: NotRequired[
        Annotated[list[SummaryLineObject], Field(description="its summary lines", max_length=1_000)]
    ]


@with_config(_OPEN)
class BillingRateObject(TypedDict):
    """A TMF678 v4 appliedCustomerBillingRate."""

    id: Annotated[ObjectId, Field(description="the rate's id")]
    date: NotRequired[Annotated[Instant, Field(description="when it was applied")]]
    name: Annotated[ShortText, Field(description="what was charged or credited")]
    type: Annotated[
        ShortText, Field(description="appliedBillingCharge, appliedBillingCredit or appliedPenaltyCharge")
    ]
    isBilled: Annotated[bool, Field(description="whether it stands on a bill")]
    bill: NotRequired[Annotated[RefObject, Field(description="the bill that it stands on")]]
    billingAccount: NotRequired[
        Annotated[
            RefObject, Field(description="the account that it will be billed to, where it is not billed yet")
        ]
    ]
    product: NotRequired[Annotated[RefObject, Field(description="the product")]]
    periodCoverage: NotRequired[Annotated[PeriodObject, Field(description="what it covers")]]
    taxExcludedAmount: Annotated[MoneyValue, Field(description="without tax; negative on a credit")]
    taxIncludedAmount: Annotated[MoneyValue, Field(description="with tax; negative on a credit")]
    isDisputed: NotRequired[Annotated[bool, Field(description="true: the customer contests it")]]
    appliedTax: NotRequired[Annotated[list[TaxObject], Field(description="the tax in it", max_length=20)]]


@with_config(_OPEN)
class BillCycleObject(TypedDict):
    """A TMF678 v5 billCycle."""

    id: Annotated[ObjectId, Field(description="the cycle's id")]
    name: Annotated[ShortText, Field(description="what it is called")]
    description: NotRequired[Annotated[ShortText, Field(description="an explanation")]]
    billingPeriod: NotRequired[Annotated[ShortText, Field(description="the time it bills, as in 2026-11")]]
    billingDate: NotRequired[Annotated[Instant, Field(description="when it bills")]]
    chargeDate: NotRequired[Annotated[Instant, Field(description="when a payment method is charged")]]
    creditDate: NotRequired[Annotated[Instant, Field(description="until when credits are shown on the bill")]]
    mailingDate: NotRequired[Annotated[Instant, Field(description="when bills are sent")]]
    paymentDueDate: NotRequired[Annotated[Instant, Field(description="until when they are to be paid")]]
    validFor: NotRequired[Annotated[PeriodObject, Field(description="when the cycle is in use")]]


# --- the fixture's own rows ----------------------------------------------------------------------------------


class _Row(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


def _exact_amounts(code: str, amounts: dict[str, str | None]) -> None:
    """Every text must be an amount of ``code`` with exactly its digits."""
    for key, text in amounts.items():
        if text is None:
            continue
        try:
            exact = parse_count(text, currency(code)).plain()
        except Refused as refused:
            raise _problem(refused.message, where=key) from refused
        if exact != text:
            raise _problem(f"must have exactly the digits of {code}, as in {exact}", where=key)


class FixtureShop(_Row):
    """The shop that the terminals stand in."""

    id: Id = Field(description="the shop's number, first part of every receipt number")
    name: Name = Field(description="its name, printed on receipts")
    address: list[Name] = Field(description="address lines, printed on receipts", min_length=1, max_length=6)
    tax_number: Name = Field(description="the operator's tax number, printed on receipts")
    currency: CurrencyCode = Field(description="the shop's currency")
    country: str = Field(description="ISO 3166 country code in upper case", pattern=r"^[A-Z]{2}$")
    time_zone: Annotated[str, Field(max_length=64), AfterValidator(_known_zone)] = Field(
        description="IANA time zone of the shop"
    )


class FixtureUser(_Row):
    """Somebody who may sign in."""

    user: str = Field(description="the user's number", pattern=r"^[0-9]{3,12}$")
    name: Name = Field(description="the user's name, printed on receipts")
    roles: list[Annotated[Role, BeforeValidator(lambda value: _role(value))]] = Field(
        description="what the user is at the shop", min_length=1, max_length=6
    )
    pin: str = Field(
        description="6 to 20 digits; no repeat, run, date or own number", pattern=r"^[0-9]{6,20}$"
    )
    dealer: Id | None = Field(
        default=None, description="the dealer account of a user with the role dealer, else null"
    )
    accounts: list[Id] = Field(
        default=[],
        description="the user's own accounts and those linked to them: somebody else takes payments on them",
        max_length=20,
    )
    first_pin: bool = Field(
        default=False, description="true: the PIN opens nothing but the choice of another one, for a day"
    )

    @model_validator(mode="after")
    def _sound(self) -> FixtureUser:
        if pin_problem(self.pin, user=self.user, min_digits=PIN_DIGITS_MIN) is not None:
            raise _problem(
                "is too easy to guess: no repeats, runs, dates or the user's own number", where="pin"
            )
        apart = roles_problem(self.roles)
        if apart is not None:
            raise _problem(apart, where="roles")
        if (Role.DEALER in self.roles) != (self.dealer is not None):
            raise _problem(
                "must name a dealer account for a user with the role dealer, else null", where="dealer"
            )
        return self


def _role(value: object) -> Role:
    if isinstance(value, str) and value in {str(role) for role in Role}:
        return Role(value)
    raise _problem(f"must be one of {', '.join(Role)}")


class FixtureAccount(_Row):
    """A subscriber's billing account."""

    account: Id = Field(description="the billing account's number")
    kind: Literal["subscriber"] = Field(description="subscribers stand here, dealers in their own list")
    name: Name = Field(description="the subscriber's name")
    phone: str | None = Field(
        description="the number in E.164, as in +96551234567", pattern=r"^\+[0-9]{6,15}$"
    )
    currency: CurrencyCode = Field(description="the account's currency")
    customer: Id = Field(description="the customer who holds the account")
    status: Literal["active", "suspended", "closed", "written_off"] = Field(
        description="whether the service runs; written_off: the debt was given up"
    )
    cash_only: bool = Field(description="true: cheques are refused")
    dunning_stage: int = Field(description="0: not in collection", ge=0, le=9)
    credit: AmountText = Field(description="credit on account")
    former: list[Id] = Field(
        default=[], description="numbers that the account had before; it is found by them", max_length=10
    )
    account_class: str = Field(
        default="", alias="class", description="the class that its cheques are capped by", max_length=20
    )
    advance: AmountText | None = Field(default=None, description="paid on purpose before a bill")
    deposit: AmountText | None = Field(default=None, description="security deposit, never set against bills")
    written_off: AmountText | None = Field(default=None, description="debt on its bills that was given up")

    @model_validator(mode="after")
    def _sound(self) -> FixtureAccount:
        amounts = {name: getattr(self, name) for name in ("credit", "advance", "deposit", "written_off")}
        _exact_amounts(self.currency, amounts)
        return self

    def figure(self, name: str) -> Money | None:
        """``advance``, ``deposit`` or ``written_off`` as money; None where it is left out."""
        text = getattr(self, name)
        return None if text is None else parse_count(text, currency(self.currency))

    @property
    def credit_money(self) -> Money:
        """Credit on account."""
        return parse_count(self.credit, currency(self.currency))


class FixtureDealer(_Row):
    """A dealer's account. Dealers have no bills."""

    account: Id = Field(description="the dealer account's number")
    name: Name = Field(description="the dealer's name")
    phone: str | None = Field(description="the number in E.164", pattern=r"^\+[0-9]{6,15}$")
    currency: CurrencyCode = Field(description="the account's currency")
    dealer_class: Id = Field(alias="class", description="the dealer's class, as in gold")
    credit_limit: AmountText = Field(description="how far the dealer may buy on credit")
    credit: AmountText = Field(description="credit on account")
    status: Literal["active", "suspended", "closed"] = Field(description="whether the dealer may buy")

    @model_validator(mode="after")
    def _sound(self) -> FixtureDealer:
        _exact_amounts(self.currency, {"credit_limit": self.credit_limit, "credit": self.credit})
        return self

    @property
    def credit_limit_money(self) -> Money:
        """How far the dealer may buy on credit."""
        return parse_count(self.credit_limit, currency(self.currency))

    @property
    def credit_money(self) -> Money:
        """Credit on account."""
        return parse_count(self.credit, currency(self.currency))


class FixtureItem(_Row):
    """Something that the counter sells. The price includes the tax."""

    item: Id = Field(description="the item's code")
    name: Name = Field(description="what the receipt calls it")
    price: AmountText = Field(description="price of one, tax included")
    currency: CurrencyCode = Field(description="the price's currency")
    tax_category: Name = Field(description="the tax, as in VAT")
    tax_rate: str = Field(description="in percent, as in 5 or 7.5", pattern=r"^[0-9]{1,2}(\.[0-9]{1,3})?$")
    serial: Literal["iccid", "imei", "voucher_pin"] | None = Field(
        default=None, description="which serial number each piece is sold by"
    )
    advance: Literal["on_receipt", "on_use"] | None = Field(
        default=None, description="an advance for a service to come, and when that is taxed"
    )
    ean: Annotated[str, Field(pattern=r"^[0-9]{13}$"), AfterValidator(_right_ean)] | None = Field(
        default=None, description="EAN-13 on the packet"
    )
    withdrawn: bool = Field(default=False, description="not on sale any more")

    @model_validator(mode="after")
    def _sound(self) -> FixtureItem:
        _exact_amounts(self.currency, {"price": self.price})
        return self

    @property
    def price_money(self) -> Money:
        """Price of one, tax included."""
        return parse_count(self.price, currency(self.currency))

    def as_item(self) -> Item:
        """The item as the catalogue knows it."""
        return Item(
            item=self.item,
            name=self.name,
            price=self.price_money,
            tax_category=self.tax_category,
            tax_rate=Decimal(self.tax_rate),
            serial=None if self.serial is None else SerialKind(self.serial),
            ean=self.ean,
            advance=None if self.advance is None else AdvanceTax(self.advance),
        )


class FixtureVoucher(_Row):
    """A voucher that can be redeemed once."""

    code: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", min_length=1, max_length=200)] = (
        Field(description="what is printed on the voucher; a signed one is of letters alone")
    )
    issuer: Name = Field(description="internal, or the third party's name")
    value: AmountText = Field(description="what it is worth")
    currency: CurrencyCode = Field(description="the value's currency")
    expires: Day = Field(description="the last day it is taken, in shop time")
    account: Id | None = Field(default=None, description="the only account that may use it, or null")
    minimum_bill: AmountText | None = Field(
        default=None, description="the least that a payment with it must pay, or null"
    )
    combinable: bool = Field(default=True, description="false: the only voucher of its payment")
    residual: Literal["forfeit", "credit", "new_voucher"] = Field(
        default="forfeit", description="what becomes of what a payment does not take of it"
    )

    @model_validator(mode="after")
    def _sound(self) -> FixtureVoucher:
        _exact_amounts(self.currency, {"value": self.value, "minimum_bill": self.minimum_bill})
        return self

    @property
    def value_money(self) -> Money:
        """What it is worth."""
        return parse_count(self.value, currency(self.currency))


class FixtureVoucherKey(_Row):
    """A public key that the operator's vouchers are signed with."""

    public_key: Annotated[str, Field(pattern=r"^[A-Z]{55}$"), AfterValidator(_known_key)] = Field(
        description="an Ed25519 public key in letters, as pos central voucher key list shows it"
    )
    withdrawn: bool = Field(default=False, description="true: nothing signed by it counts without central")


class FixtureLimits(_Row):
    """Limits in the shop's currency that replace those of the settings; one that is absent stays as it is."""

    cheque_max: AmountText | None = Field(default=None, description="largest single cheque")
    cash_in_drawer_max: AmountText | None = Field(
        default=None, description="cash above this asks for a pickup"
    )
    refund_alone_max: AmountText | None = Field(
        default=None, description="largest refund without a second person"
    )
    void_alone_max: AmountText | None = Field(
        default=None, description="largest void without a second person"
    )
    offline_cheque_max: AmountText | None = Field(
        default=None, description="largest cheque taken while offline"
    )
    offline_card_max: AmountText | None = Field(
        default=None, description="largest card tender taken while offline"
    )
    offline_shift_max: AmountText | None = Field(
        default=None, description="what one shift may take in modes other than cash while offline"
    )


class Fixture(_Row):
    """All that a home or a central can be filled with."""

    fixture: Literal[1] = Field(description="the format's version")
    shop: FixtureShop = Field(description="the shop")
    terminals: list[Annotated[Id, Field(max_length=8)]] = Field(
        description="the terminals of the shop", min_length=1, max_length=1_000
    )
    users: list[FixtureUser] = Field(description="who may sign in", min_length=1, max_length=10_000)
    accounts: list[FixtureAccount] = Field(default=[], description="subscribers", max_length=1_000_000)
    dealers: list[FixtureDealer] = Field(default=[], description="dealers", max_length=100_000)
    bills: list[CustomerBillObject] = Field(
        default=[], description="TMF678 v4 customerBill objects", max_length=1_000_000
    )
    rates: list[BillingRateObject] = Field(
        default=[], description="TMF678 v4 appliedCustomerBillingRate objects", max_length=10_000_000
    )
    bill_cycles: list[BillCycleObject] = Field(
        default=[], description="TMF678 v5 billCycle objects", max_length=10_000
    )
    items: list[FixtureItem] = Field(default=[], description="what is sold", max_length=100_000)
    vouchers: list[FixtureVoucher] = Field(default=[], description="vouchers", max_length=1_000_000)
    voucher_keys: list[FixtureVoucherKey] = Field(
        default=[], description="what vouchers are signed with", max_length=1_000
    )
    limits: FixtureLimits = Field(default=FixtureLimits(), description="limits in the shop's currency")

    @model_validator(mode="after")
    def _fits_together(self) -> Fixture:
        _exact_amounts(
            self.shop.currency, {f"limits.{key}": text for key, text in self.limits.model_dump().items()}
        )
        _no_two("terminals", "", self.terminals)
        _no_two("users", "user", (row.user for row in self.users))
        _no_two("accounts", "account", (row.account for row in self.accounts))
        _no_two("dealers", "account", (row.account for row in self.dealers))
        _no_two("bills", "id", (bill["id"] for bill in self.bills))
        _no_two("bills", "billNo", (bill["billNo"] for bill in self.bills))
        _no_two("rates", "id", (rate["id"] for rate in self.rates))
        _no_two("bill_cycles", "id", (cycle["id"] for cycle in self.bill_cycles))
        _no_two("items", "item", (row.item for row in self.items))
        _no_two("items", "ean", (row.ean for row in self.items))
        _no_two("vouchers", "code", (f"{row.code} of {row.issuer}" for row in self.vouchers))
        self._references_hold()
        return self

    def _references_hold(self) -> None:
        currency_by_account = {row.account: row.currency for row in self.accounts}
        dealers = {row.account for row in self.dealers}
        for index, dealer in enumerate(self.dealers):
            if dealer.account in currency_by_account:
                raise _problem("is a subscriber's account already", where=f"dealers[{index}].account")
        for index, user in enumerate(self.users):
            if user.dealer is not None and user.dealer not in dealers:
                raise _problem("must be one of the dealers' accounts", where=f"users[{index}].dealer")
        payers = dealers | set(currency_by_account)
        for index, user in enumerate(self.users):
            if not payers.issuperset(user.accounts):
                raise _problem("must be accounts of this fixture", where=f"users[{index}].accounts")
        for index, voucher in enumerate(self.vouchers):
            if voucher.account is not None and voucher.account not in payers:
                raise _problem(
                    "must be an account of this fixture, or null", where=f"vouchers[{index}].account"
                )
        for index, bill in enumerate(self.bills):
            of_account = currency_by_account.get(bill["billingAccount"]["id"])
            if of_account is None:
                raise _problem("must be one of the accounts", where=f"bills[{index}].billingAccount.id")
            if {bill["amountDue"]["unit"], bill["remainingAmount"]["unit"]} != {of_account}:
                raise _problem("must be in the account's currency", where=f"bills[{index}].amountDue.unit")
        bills = {bill["id"] for bill in self.bills}
        for index, rate in enumerate(self.rates):
            on_bill, on_account = rate.get("bill"), rate.get("billingAccount")
            if rate["isBilled"]:
                if on_bill is None or on_bill["id"] not in bills:
                    raise _problem("must be one of the bills", where=f"rates[{index}].bill.id")
            elif on_bill is not None or on_account is None or on_account["id"] not in currency_by_account:
                raise _problem(
                    "must be one of the accounts, and no bill beside it",
                    where=f"rates[{index}].billingAccount.id",
                )


def _no_two(rows: str, key: str, values: Iterable[str | None]) -> None:
    seen: set[str] = set()
    for index, value in enumerate(values):
        if value is None:
            continue
        if value in seen:
            raise _problem("must not be there twice", where=f"{rows}[{index}]" + (f".{key}" if key else ""))
        seen.add(value)


# --- reading -------------------------------------------------------------------------------------------------


def read_fixture(path: Path) -> Fixture:
    """Read and check a fixture file. Numbers are read as exact decimals, never as floats.

    Raises Refused ``bad_fixture``; its message and details name the file, the key and what is allowed there.
    """
    return parse_fixture(_bytes_of(path), source=str(path))


def parse_fixture(body: bytes, *, source: str) -> Fixture:
    """As ``read_fixture``, for a file already in memory; ``source`` is what the refusal calls it."""
    try:
        value = json.loads(
            body,
            parse_float=_plain_fraction,
            parse_constant=_refuse_constant,
            object_pairs_hook=_object_without_twins,
        )
        if _SURROGATE_ESCAPE.search(body):  # half a character passes as text and breaks whoever writes it
            json.dumps(value, ensure_ascii=False, default=str).encode()
    except (ValueError, RecursionError) as error:
        _refuse(source, key="", what=f"is not a JSON object: {error}")
    try:
        refuse_cards_in(value, whole="file")
    except Refused as refusal:
        _refuse(
            source,
            key=str(refusal.details["field"]),
            what="looks like a card number, and those are never kept",
        )
    try:
        return Fixture.model_validate(value)
    except ValidationError as error:
        _refuse_first(source, error)


def _bytes_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            body = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        _refuse(str(path), key="", what=f"cannot be read: {error.strerror}")
    if len(body) > FILE_BYTES_MAX:
        _refuse(str(path), key="", what=f"is larger than {FILE_BYTES_MAX} bytes")
    return body


def _plain_fraction(text: str) -> Decimal:
    if len(text) > 40 or "e" in text.lower():
        raise ValueError("a number is too long, or has an exponent")
    return Decimal(text)


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def _object_without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    built = dict(pairs)
    if len(built) != len(pairs):
        keys = [key for key, _ in pairs]
        twin = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"an object has the key {twin[:40]!r} twice")
    return built


def _refuse_first(source: str, error: ValidationError) -> NoReturn:
    """Tell the first fault and how many more there are, in words that never repeat the value (a PIN, a name)."""
    faults = error.errors(include_url=False, include_input=False)
    first = faults[0]
    key = _dotted(first["loc"])
    if first["type"] == _PROBLEM:
        context = first.get("ctx", {})
        key = ".".join(part for part in (key, context["where"]) if part)
        what = str(context["what"])
    else:
        what = _in_plain_words(first)
    _refuse(source, key=key, what=what, more=len(faults) - 1)


def _in_plain_words(fault: ErrorDetails) -> str:
    if fault["type"] == "extra_forbidden":
        return f"is not a key of a fixture; allowed here: {', '.join(_keys_at(fault['loc'][:-1]))}"
    if fault["type"] == "missing":
        return "is missing"
    return f"is wrong: {fault['msg'][:1].lower()}{fault['msg'][1:]}"


def _refuse(source: str, *, key: str, what: str, more: int = 0) -> NoReturn:
    at = f"{key} " if key else ""
    rest = f" ({more} more faults after it)" if more > 0 else ""
    raise Refused(
        "bad_fixture", f"{source}: {at}{what}.{rest}".replace("..", "."), file=source, key=key, problem=what
    )


def _dotted(location: Iterable[int | str]) -> str:
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path


def _keys_at(location: Iterable[int | str]) -> list[str]:
    """The keys that are allowed in the object at ``location``."""
    model: type[BaseModel] = Fixture
    for part in location:
        if isinstance(part, str) and part in model.model_fields:
            model = next(iter(_models_in(model.model_fields[part].annotation)), model)
    return [field.alias or name for name, field in model.model_fields.items()]


def _models_in(annotation: object) -> Iterable[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) is not None:
        for part in get_args(annotation):
            yield from _models_in(part)


def fixture_schema() -> dict[str, Any]:
    """The JSON schema of the fixture file, every key with its description."""
    schema = Fixture.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


# --- the worked example --------------------------------------------------------------------------------------


def example_fixture() -> dict[str, Any]:
    """A small worked fixture. The numbers inside bills and rates are Decimals: write it with ``sync.wire_json``."""
    return {
        "fixture": 1,
        "shop": {
            "id": "S014",
            "name": "Salmiya Counter",
            "address": ["Salem Al Mubarak Street 12", "Salmiya, Kuwait"],
            "tax_number": "KW-30071",
            "currency": "KWD",
            "country": "KW",
            "time_zone": "Asia/Kuwait",
        },
        "terminals": ["T1", "T2"],
        "users": [
            {"user": "1001", "name": "A. Kumar", "roles": ["cashier"], "pin": "135790", "dealer": None},
            {
                "user": "2002",
                "name": "Siobhán O'Brien",
                "roles": ["supervisor"],
                "pin": "731846",
                "dealer": None,
            },
            {
                "user": "4001",
                "name": "Fahad Al-Enezi",
                "roles": ["back_office"],
                "pin": "619405",
                "dealer": None,
            },
        ],
        "accounts": [
            _example_account(1001, "Noura Al-Mutairi", "+96555510001"),
            _example_account(1002, "محمد العنزي", "+96555510002", credit="3.500"),
            _example_account(
                1003, "Grüne Ñandú & Söhne [KW] Ltd", "+96555510003", cash_only=True, dunning_stage=2
            ),
            _example_account(1004, "李伟", "+96555510004", status="suspended", former=["OLD-77004"]),
        ],
        "dealers": [
            _example_dealer(12, "Gulf Mobile Corner", "gold", "500.000"),
            _example_dealer(13, "Al Noor Telecom", "silver", "150.000"),
        ],
        "bills": [
            _example_bill("7781", 1001, issued="2026-11-01", due="2026-11-26", parts=_EXAMPLE_PARTS["7781"]),
            _example_bill("7702", 1001, issued="2026-09-01", due="2026-09-26", parts=_EXAMPLE_PARTS["7702"]),
            _example_bill("7790", 1002, issued="2026-11-01", due="2026-11-26", parts=_EXAMPLE_PARTS["7790"]),
            _example_bill(
                "7795", 1003, issued="2026-10-01", due="2026-10-26", parts=_EXAMPLE_PARTS["7795"], paid=5000
            ),
        ],
        "rates": [
            rate for bill_no, parts in _EXAMPLE_PARTS.items() for rate in _example_rates(bill_no, parts)
        ],
        "items": [
            _example_item("SIM-01", "Prepaid SIM card", "5.000", serial="iccid", ean="6271001000014"),
            _example_item("PHN-01", "Smartphone 128 GB", "64.500", serial="imei", ean="6271001000113"),
            _example_item("PPD-05", "Prepaid card 5", "5.000", serial=None, ean="6271001000212"),
        ],
        "vouchers": [
            _example_voucher("LOY-7K3M-Q2XD", "internal", "5.000", account="BA-1001"),
            _example_voucher("GIFT-88-XQ41", "City Gifts", "10.000", account=None),
        ],
        "limits": {"cheque_max": "500.000", "refund_alone_max": "0.000", "offline_card_max": "50.000"},
    }


# Of each example bill: rate name, product, net and tax in minor units.
_EXAMPLE_PARTS: dict[str, list[tuple[str, str, int, int]]] = {
    "7781": [
        ("Monthly fee", "Mobile Plus 40", 30_000, 1_500),
        ("Calls abroad", "Mobile Plus 40", 6_000, 300),
        ("Loyalty discount", "Mobile Plus 40", -1_000, -50),
        ("Device instalment 3 of 12", "Smartphone plan", 5_000, 0),
    ],
    "7702": [
        ("Monthly fee", "Mobile Plus 40", 10_000, 500),
        ("Data beyond the allowance", "Mobile Plus 40", 1_500, 75),
        ("Late payment fee", "Account", 2_000, 0),
    ],
    "7790": [
        ("Monthly fee", "Fibre 200", 20_000, 1_000),
        ("Router rental", "Fibre 200", 1_000, 50),
        ("Static address", "Fibre 200", 500, 25),
    ],
    "7795": [
        ("Monthly fee", "Business Line", 12_000, 600),
        ("Calls", "Business Line", 3_300, 165),
        ("Credit for an outage", "Business Line", -500, -25),
    ],
}


def _kwd(minor: int) -> dict[str, Any]:
    return {"unit": "KWD", "value": Decimal(minor).scaleb(-3)}


def _example_account(number: int, name: str, phone: str, **changed: object) -> dict[str, Any]:
    return {
        "account": f"BA-{number}",
        "kind": "subscriber",
        "name": name,
        "phone": phone,
        "currency": "KWD",
        "customer": f"C-{number}",
        "status": "active",
        "cash_only": False,
        "dunning_stage": 0,
        "credit": "0.000",
        **changed,
    }


def _example_dealer(number: int, name: str, dealer_class: str, credit_limit: str) -> dict[str, Any]:
    return {
        "account": f"D-{number}",
        "name": name,
        "phone": f"+965222100{number}",
        "currency": "KWD",
        "class": dealer_class,
        "credit_limit": credit_limit,
        "credit": "0.000",
        "status": "active",
    }


def _example_bill(
    bill_no: str,
    account: int,
    *,
    issued: str,
    due: str,
    parts: list[tuple[str, str, int, int]],
    paid: int = 0,
) -> dict[str, Any]:
    net, tax = sum(part[2] for part in parts), sum(part[3] for part in parts)
    products = list(dict.fromkeys(part[1] for part in parts))
    return {
        "id": f"CB-{bill_no}",
        "billNo": bill_no,
        "billDate": f"{issued}T00:00:00Z",
        "paymentDueDate": f"{due}T00:00:00Z",
        "category": "normal",
        "runType": "onCycle",
        "state": "partiallyPaid" if paid else "sent",
        "amountDue": _kwd(net + tax),
        "remainingAmount": _kwd(net + tax - paid),
        "taxExcludedAmount": _kwd(net),
        "taxIncludedAmount": _kwd(net + tax),
        "billingAccount": {"id": f"BA-{account}", "@referredType": "BillingAccount"},
        "relatedParty": [{"id": f"C-{account}", "role": "customer", "@referredType": "Customer"}],
        "taxItem": [{"taxCategory": "VAT", "taxRate": Decimal(5), "taxAmount": _kwd(tax)}],
        "appliedPayment": [{"appliedAmount": _kwd(paid), "payment": {"id": f"PAY-{bill_no}"}}]
        if paid
        else [],
        "billDocument": [{"id": f"DOC-{bill_no}", "name": f"Bill {bill_no}", "mimeType": "application/pdf"}],
        "billSummaryLine": [
            _example_line(bill_no, index, product, parts) for index, product in enumerate(products, start=1)
        ],
        "@type": "CustomerBill",
    }


def _example_line(
    bill_no: str, index: int, product: str, parts: list[tuple[str, str, int, int]]
) -> dict[str, Any]:
    own = [(place, part) for place, part in enumerate(parts, start=1) if part[1] == product]
    net, tax = sum(part[2] for _, part in own), sum(part[3] for _, part in own)
    return {
        "id": f"{bill_no}-L{index}",
        "name": product,
        "groupKind": "product",
        "@type": "BillSummaryLine",
        "taxExcludedAmount": _kwd(net),
        "taxAmount": _kwd(tax),
        "taxIncludedAmount": _kwd(net + tax),
        "product": {"id": product.replace(" ", "-").lower(), "name": product},
        "appliedCustomerBillingRate": [{"id": f"R-{bill_no}-{place}"} for place, _ in own],
    }


def _example_rates(bill_no: str, parts: list[tuple[str, str, int, int]]) -> list[dict[str, Any]]:
    def kind(name: str, net: int) -> str:
        if net < 0:
            return "appliedBillingCredit"
        return "appliedPenaltyCharge" if name == "Late payment fee" else "appliedBillingCharge"

    return [
        {
            "id": f"R-{bill_no}-{place}",
            "name": name,
            "type": kind(name, net),
            "isBilled": True,
            "bill": {"id": f"CB-{bill_no}", "@referredType": "CustomerBill"},
            "product": {"id": product.replace(" ", "-").lower(), "name": product},
            "taxExcludedAmount": _kwd(net),
            "taxIncludedAmount": _kwd(net + tax),
            "appliedTax": [
                {"taxCategory": "VAT", "taxRate": Decimal(5 if tax else 0), "taxAmount": _kwd(tax)}
            ],
            "@type": "AppliedCustomerBillingRate",
        }
        for place, (name, product, net, tax) in enumerate(parts, start=1)
    ]


def _example_item(code: str, name: str, price: str, *, serial: str | None, ean: str) -> dict[str, Any]:
    return {
        "item": code,
        "name": name,
        "price": price,
        "currency": "KWD",
        "tax_category": "VAT",
        "tax_rate": "5",
        "serial": serial,
        "ean": ean,
    }


def _example_voucher(code: str, issuer: str, value: str, *, account: str | None) -> dict[str, Any]:
    return {
        "code": code,
        "issuer": issuer,
        "value": value,
        "currency": "KWD",
        "expires": "2027-12-31",
        "account": account,
    }
