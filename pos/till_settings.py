"""The settings of ``till.toml``: what each section may hold. Source: the comments in ``config/till.toml``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from pos.domain.cash_move import PAID_IN_REASONS, PAID_OUT_REASONS
from pos.domain.commission import CommissionAt, CommissionRule, CommissionTerms, Settlement
from pos.domain.debit_policy import USUAL_REASONS as USUAL_DEBIT_REASONS
from pos.domain.dishonour_policy import USUAL_REASONS
from pos.domain.number_format import LOCALES, NumberFormat, number_format
from pos.domain.role import Role
from pos.domain.sale_policy import OVERRIDE_REASONS, ItemPolicy
from pos.domain.signals import SHOWN_FROM, SignalCode, SignalPolicy
from pos.domain.voucher import plain_code

LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")
PRINTER_PORT = 9100
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}|[0-9a-f:.]{2,45}")

RoleName = Literal["cashier", "supervisor", "dealer", "back_office", "admin", "auditor"]
AmountOrEmpty = Annotated[str, Field(pattern=r"^([0-9]{1,12}(\.[0-9]{1,4})?)?$")]
Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
LedgerTerm = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{0,30}$")]
Percent = Annotated[str, Field(pattern=r"^(100(\.0{1,4})?|[0-9]{1,2}(\.[0-9]{1,4})?)$")]


class Strict(BaseModel):
    """A part of a settings file: a key that nobody knows stops the start."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ShopSettings(Strict):
    operator_company: Annotated[str, Field(min_length=1, max_length=80)] = "Counterfoil Telecom"
    walk_in_account: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")] = "WALK-IN"
    suspense_account: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")] = "SUSPENSE"
    cash_office: Annotated[str, Field(pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{0,39})?$")] = ""
    other_tills: Literal["warn", "stop"] = "warn"


class AmountSettings(Strict):
    locale: str = ""
    native_digits: bool = False
    decimal_marks: Literal["", ".", ",", ".,"] = ""

    @field_validator("locale")
    @classmethod
    def _is_known(cls, value: str) -> str:
        if value and value not in LOCALES:
            raise ValueError(f"empty, or one of {', '.join(LOCALES)}")
        return value

    @property
    def number_format(self) -> NumberFormat:
        """How amounts are shown."""
        return number_format(self.locale, native_digits=self.native_digits)

    @property
    def typed_marks(self) -> str:
        """The marks that may stand in a typed amount: the locale's own; without a locale both."""
        return self.decimal_marks or (number_format(self.locale).decimal_mark if self.locale else ".,")


class CashSettings(Strict):
    rounding: Literal["account", "customer", "off"] = "account"
    check_note_from: AmountOrEmpty = ""
    identify_from: AmountOrEmpty = ""
    refuse_from: AmountOrEmpty = ""
    identity_documents: Annotated[list[Word], Field(min_length=1, max_length=9)] = [
        "civil_id",
        "passport",
        "residence_permit",
        "driving_licence",
    ]
    declared: dict[Word, Word] = {
        "counterfeit": "counterfeit_cash",
        "damaged": "damaged_cash",
        "foreign_coins": "foreign_coins",
    }
    paid_in: dict[Word, Word] = dict(PAID_IN_REASONS)
    paid_out: dict[Word, Word] = dict(PAID_OUT_REASONS)
    safe_alone_up_to: AmountOrEmpty = ""
    paid_alone_up_to: AmountOrEmpty = ""


class ItemSettings(Strict):
    override_reasons: Annotated[list[Word], Field(min_length=1, max_length=9)] = list(OVERRIDE_REASONS)
    override_max_percent: dict[RoleName, Annotated[int, Field(ge=0, le=1000)]] = {"supervisor": 100}
    pins_need_final_money: bool = True

    def as_policy(self) -> ItemPolicy:
        """The same as the domain's value."""
        return ItemPolicy(
            override_reasons=tuple(self.override_reasons),
            override_max_percent={Role(role): percent for role, percent in self.override_max_percent.items()},
            pins_need_final_money=self.pins_need_final_money,
        )


class DishonourReasonSettings(Strict):
    code: Word
    label: Annotated[str, Field(min_length=1, max_length=60)]
    payors_fault: bool = True


def _usual_reasons() -> list[DishonourReasonSettings]:
    return [
        DishonourReasonSettings(code=one.code, label=one.label, payors_fault=one.payors_fault)
        for one in USUAL_REASONS
    ]


class DishonourSettings(Strict):
    fee: AmountOrEmpty = ""
    fee_tax_rate: Annotated[str, Field(pattern=r"^[0-9]{1,2}(\.[0-9]{1,4})?$")] = "0"
    fee_again: bool = False
    reasons: Annotated[list[DishonourReasonSettings], Field(min_length=1, max_length=30)] = Field(
        default_factory=_usual_reasons
    )

    @model_validator(mode="after")
    def _each_code_once(self) -> DishonourSettings:
        codes = [reason.code for reason in self.reasons]
        if len(set(codes)) < len(codes):
            raise ValueError("a code of cheques.dishonour.reasons stands there twice")
        return self


class ChequeSettings(Strict):
    stale_after_days: Annotated[int, Field(ge=1, le=3650)] = 180
    warn_before_stale_days: Annotated[int, Field(ge=0, le=3650)] = 14
    post_dated_max_days: Annotated[int, Field(ge=0, le=730)] = 90
    clear_after_days: Annotated[int, Field(ge=0, le=3650)] = 5
    refund_hold_days: Annotated[int, Field(ge=0, le=3650)] = 7
    max_amount: AmountOrEmpty = ""
    max_draft: AmountOrEmpty = ""
    third_party: Literal["refuse", "ticks", "accept"] = "ticks"
    ticks: list[Literal["words_match_figures", "payee", "crossing", "signature", "no_alteration"]] = [
        "words_match_figures",
        "payee",
        "crossing",
        "signature",
        "no_alteration",
    ]
    ticks_always: bool = False
    represent_max: Annotated[int, Field(ge=0, le=9)] = 1
    cash_only_after: Annotated[int, Field(ge=0, le=99)] = 3
    cash_only_within_months: Annotated[int, Field(ge=1, le=120)] = 12
    cash_only_months: Annotated[int, Field(ge=1, le=120)] = 12
    dishonour: DishonourSettings = DishonourSettings()
    max_by_class: Annotated[
        dict[Annotated[str, Field(min_length=1, max_length=20)], AmountOrEmpty], Field(max_length=50)
    ] = {}


class BankAccountSettings(Strict):
    code: Word
    bank: Annotated[str, Field(max_length=60)] = ""
    number: Annotated[str, Field(max_length=40)] = ""
    currency: Annotated[str, Field(pattern=r"^([A-Z]{3})?$")] = ""
    ledger_account: Word = "bank"


class DepositSettings(Strict):
    accounts: Annotated[list[BankAccountSettings], Field(min_length=1, max_length=20)] = [
        BankAccountSettings(code="main")
    ]
    limit: AmountOrEmpty = ""


class DebitReasonSettings(Strict):
    code: Annotated[str, Field(pattern=r"^[A-Z0-9]{1,35}$")]
    label: Annotated[str, Field(min_length=1, max_length=60)]
    payors_fault: bool = True
    suspends: bool = False


def _usual_debit_reasons() -> list[DebitReasonSettings]:
    return [
        DebitReasonSettings(
            code=one.code, label=one.label, payors_fault=one.payors_fault, suspends=one.suspends
        )
        for one in USUAL_DEBIT_REASONS
    ]


class DirectDebitSettings(Strict):
    creditor_name: Annotated[str, Field(max_length=70)] = ""
    creditor_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9]{0,35}$")] = ""
    creditor_account: Annotated[str, Field(pattern=r"^[A-Z0-9 ]{0,42}$")] = ""
    creditor_bic: Annotated[str, Field(pattern=r"^([A-Z0-9]{8}([A-Z0-9]{3})?)?$")] = ""
    collected_by: Annotated[str, Field(max_length=64)] = ""
    fee: AmountOrEmpty = ""
    fee_tax_rate: Annotated[str, Field(pattern=r"^[0-9]{1,2}(\.[0-9]{1,4})?$")] = "0"
    suspend_after: Annotated[int, Field(ge=0, le=99)] = 3
    stop_from: Annotated[int, Field(ge=1, le=1_000_000)] = 5
    stop_above_percent: Annotated[int, Field(ge=0, le=100)] = 20
    entries_max: Annotated[int, Field(ge=1, le=10_000_000)] = 1_000_000
    bytes_max: Annotated[int, Field(ge=1, le=4_000_000_000)] = 1_000_000_000
    folder: Annotated[str, Field(max_length=400)] = ""
    transfers_as: Annotated[str, Field(pattern=r"^([a-z][a-z0-9_]{0,39})?$")] = ""
    reasons: Annotated[list[DebitReasonSettings], Field(min_length=1, max_length=200)] = Field(
        default_factory=_usual_debit_reasons
    )

    @model_validator(mode="after")
    def _each_code_once(self) -> DirectDebitSettings:
        codes = [reason.code for reason in self.reasons]
        if len(set(codes)) < len(codes):
            raise ValueError("a code of direct_debit.reasons stands there twice")
        return self


class RoleCorrectionSettings(Strict):
    void_alone_up_to: AmountOrEmpty | None = None
    reverse_alone_up_to: AmountOrEmpty | None = None
    refund_alone_up_to: AmountOrEmpty | None = None
    transfer_alone_up_to: AmountOrEmpty | None = None
    reallocate_alone_up_to: AmountOrEmpty | None = None
    swap_tender_alone_up_to: AmountOrEmpty | None = None


class CorrectionSettings(Strict):
    void_alone_up_to: AmountOrEmpty = ""
    reverse_alone_up_to: AmountOrEmpty = ""
    refund_alone_up_to: AmountOrEmpty = ""
    transfer_alone_up_to: AmountOrEmpty = ""
    reallocate_alone_up_to: AmountOrEmpty = ""
    swap_tender_alone_up_to: AmountOrEmpty = ""
    void_remote_from: AmountOrEmpty = ""
    reverse_remote_from: AmountOrEmpty = ""
    refund_remote_from: AmountOrEmpty = ""
    transfer_remote_from: AmountOrEmpty = ""
    reallocate_remote_from: AmountOrEmpty = ""
    swap_tender_remote_from: AmountOrEmpty = ""
    alone_days: Annotated[int, Field(ge=0, le=3650)] = 7
    never_alone: Annotated[list[Word], Field(max_length=20)] = []
    offline_alone_up_to: AmountOrEmpty = ""
    roles: dict[RoleName, RoleCorrectionSettings] = {}
    transfers_max: Annotated[int, Field(ge=0, le=20)] = 3
    cash_refund_up_to: AmountOrEmpty = ""


class CommissionRuleSettings(Strict):
    percent: Percent
    items: Annotated[list[Annotated[str, Field(min_length=1, max_length=40)]], Field(max_length=200)] = []


class DealerTermsSettings(Strict):
    unverified_cap: AmountOrEmpty = ""
    release: Literal["now", "hold"] = "now"
    commission: Annotated[list[CommissionRuleSettings], Field(max_length=50)] = []
    commission_at: Literal["sale", "settlement"] = "sale"
    commission_paid: Literal["net", "gross"] = "net"
    withholding_percent: Percent = "0"

    def as_commission(self) -> CommissionTerms:
        """The commission as the domain's value."""
        return CommissionTerms(
            rules=tuple(
                CommissionRule(percent=Decimal(rule.percent), items=tuple(rule.items))
                for rule in self.commission
            ),
            withholding_percent=Decimal(self.withholding_percent),
            at=CommissionAt(self.commission_at),
            settlement=Settlement(self.commission_paid),
        )


class DealerSettings(DealerTermsSettings):
    block_after_rejection: bool = True
    trust: Literal["apart", "off"] = "apart"
    classes: dict[Annotated[str, Field(min_length=1, max_length=20)], DealerTermsSettings] = {}

    @model_validator(mode="before")
    @classmethod
    def _classes_inherit(cls, told: object) -> object:
        """What a class does not say is as for all dealers."""
        if not isinstance(told, Mapping) or not isinstance(told.get("classes"), Mapping):
            return told
        shared = {key: told[key] for key in DealerTermsSettings.model_fields if key in told}
        classes = {
            name: shared | terms if isinstance(terms, dict) else terms
            for name, terms in told["classes"].items()
        }
        return {**told, "classes": classes}


class ShiftSettings(Strict):
    day_starts: Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")] = "00:00"
    tolerance: AmountOrEmpty = ""
    accept_up_to: AmountOrEmpty = ""
    float_alone_up_to: AmountOrEmpty = ""
    by_denomination: bool = False

    @property
    def starts_at(self) -> time:
        """The shop's own time at which its business day begins."""
        return time.fromisoformat(self.day_starts)


class LedgerSettings(Strict):
    closed_through: Annotated[str, Field(pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$")] = ""
    delivered_by: Literal["nobody", "till", "central"] = "nobody"
    form: Literal["csv", "json", "oracle", "sap", "hledger", "beancount"] = "csv"
    folder: Annotated[str, Field(max_length=500)] = ""
    url: Annotated[str, Field(max_length=500)] = ""
    ca_file: Annotated[str, Field(max_length=500)] = ""
    token_file: Annotated[str, Field(max_length=500)] = ""
    ledger: LedgerTerm = ""
    company: LedgerTerm = ""
    cost_centre: LedgerTerm = ""
    categories: dict[Word, Annotated[str, Field(min_length=1, max_length=25)]] = {}

    @field_validator("closed_through")
    @classmethod
    def _is_a_day(cls, value: str) -> str:
        if value:
            date.fromisoformat(value)
        return value

    @property
    def closed_date(self) -> date | None:
        """The last day of the closed period; None: none is closed."""
        return date.fromisoformat(self.closed_through) if self.closed_through else None

    @property
    def terms(self) -> dict[str, str]:
        """What else the accounting system wants on every line."""
        return {"ledger": self.ledger, "company": self.company, "cost_centre": self.cost_centre}


class AccountSettings(Strict):
    check_digit: Literal["none", "luhn", "mod97"] = "none"


class PaymentSettings(Strict):
    double_minutes: Annotated[int, Field(ge=0, le=1440)] = 10
    trusted_classes: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=40)]], Field(max_length=50)
    ] = []
    tolerance: AmountOrEmpty = ""
    pay_disputed: bool = False
    resolve_alone_up_to: AmountOrEmpty = ""


class OfflineLimitSettings(Strict):
    item: AmountOrEmpty = ""
    customer: AmountOrEmpty = ""
    shift_total: AmountOrEmpty = ""
    count: Annotated[int, Field(ge=0, le=100_000)] = 0
    hours: Annotated[int, Field(ge=0, le=8760)] = 0


class OfflineSettings(Strict):
    after_minutes: Annotated[int, Field(ge=1, le=1440)] = 10
    limits: dict[str, OfflineLimitSettings] = {
        "cheque": OfflineLimitSettings(count=50, hours=72),
        "bank_cash": OfflineLimitSettings(count=50, hours=24),
        "bank_cheque": OfflineLimitSettings(count=50, hours=24),
        "atm": OfflineLimitSettings(count=50, hours=24),
    }


class PreauthorisedSettings(Strict):
    issuer: Annotated[str, Field(min_length=1, max_length=40)]
    first: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 \-]{3,39}$")]
    last: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 \-]{3,39}$")]
    value: Annotated[str, Field(pattern=r"^[0-9]{1,12}(\.[0-9]{1,4})?$")]
    expires: Annotated[str, Field(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")]

    @model_validator(mode="after")
    def _is_a_range(self) -> PreauthorisedSettings:
        date.fromisoformat(self.expires)
        first, last = plain_code(self.first), plain_code(self.last)
        if len(first) != len(last) or first > last:
            raise ValueError("a first code and a last one as long, in order")
        return self


class VoucherSettings(Strict):
    offline_max_each: AmountOrEmpty = ""
    offline_max_shift: AmountOrEmpty = ""
    offline_max_hours: Annotated[int, Field(ge=1, le=720)] = 24
    issue_alone_up_to: AmountOrEmpty = ""
    preauthorised: Annotated[list[PreauthorisedSettings], Field(max_length=100)] = []


FRESH_PIN_ACTS = (
    "void",
    "refund",
    "reverse",
    "swap_tender",
    "pickup",
    "paid_out",
    "close_shift",
    "hand_over",
    "accept_hand_over",
    "close_day",
    "approve",
)


class SignInSettings(Strict):
    min_pin_digits: Annotated[int, Field(ge=6, le=20)] = 6
    idle_lock_minutes: Annotated[int, Field(ge=1, le=15)] = 3
    lock_minutes: Annotated[list[Annotated[int, Field(ge=1, le=1440)]], Field(min_length=1, max_length=5)] = [
        1,
        5,
        30,
    ]
    max_failures: Annotated[int, Field(ge=5, le=100)] = 10
    terminal_failures: Annotated[int, Field(ge=10, le=1000)] = 20
    session_hours: Annotated[int, Field(ge=1, le=24)] = 12
    fresh_pin_minutes: Annotated[int, Field(ge=0, le=60)] = 5
    fresh_pin_acts: list[Annotated[str, Field(max_length=40)]] = list(FRESH_PIN_ACTS)
    roster_max_days: Annotated[int, Field(ge=0, le=365)] = 7
    first_pin_hours: Annotated[int, Field(ge=1, le=720)] = 24
    sole_admin_restores: bool = False

    @property
    def first_pin(self) -> timedelta:
        """How long a first PIN may be used."""
        return timedelta(hours=self.first_pin_hours)


class ReceiptSettings(Strict):
    width: Annotated[int, Field(ge=32, le=80)] = 42
    qr_code: bool = True
    font: Annotated[str, Field(max_length=500)] = ""
    fallback_fonts: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=500)]], Field(max_length=8)
    ] = []


class PrinterSettings(Strict):
    network: Annotated[str, Field(max_length=255)] = ""
    paper_mm: Literal[58, 80] = 80
    code_page: Literal["WPC1252", "PC437", "PC850", "PC852", "PC858", "PC866", "ASCII"] = "WPC1252"
    cuts: bool = True
    ask_status: bool = True
    drawer_pin: Literal[0, 2, 5] = 2

    @field_validator("network")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        if value and host_and_port(value) is None:
            raise ValueError("a host, or host:port, or nothing")
        return value

    @property
    def address(self) -> tuple[str, int] | None:
        """Host and port of the receipt printer; None: papers are files only."""
        return host_and_port(self.network)


def host_and_port(address: str) -> tuple[str, int] | None:
    """``host`` or ``host:port``, an IPv6 address in brackets; None if it is neither."""
    try:
        parts = urlsplit(f"//{address}")
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not host or port == 0 or parts.netloc != address or "@" in address or not _HOST.fullmatch(host):
        return None
    return host, PRINTER_PORT if port is None else port


class CardTerminalSettings(Strict):
    driver: Literal["standalone", "nexo"] = "standalone"
    url: Annotated[str, Field(max_length=500)] = ""
    poi_id: Annotated[str, Field(pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{0,23})?$")] = ""
    sale_id: Annotated[str, Field(pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{0,23})?$")] = ""
    timeout_s: Annotated[int, Field(ge=5, le=600)] = 120
    ca_file: Annotated[str, Field(max_length=500)] = ""


class SyncSettings(Strict):
    central_url: Annotated[str, Field(max_length=500)] = ""
    payment_url: Annotated[str, Field(max_length=500)] = ""
    bill_url: Annotated[str, Field(max_length=500)] = ""
    ca_file: Annotated[str, Field(max_length=500)] = ""
    client_cert: Annotated[str, Field(max_length=500)] = ""
    client_key: Annotated[str, Field(max_length=500)] = ""
    token_url: Annotated[str, Field(max_length=500)] = ""
    client_id: Annotated[str, Field(max_length=200)] = ""
    client_secret_file: Annotated[str, Field(max_length=500)] = ""
    request_timeout_s: Annotated[int, Field(ge=1, le=120)] = 10
    pull_every_s: Annotated[int, Field(ge=5, le=86400)] = 60
    retry_delay_s_min: Annotated[int, Field(ge=1, le=60)] = 1
    retry_delay_s_max: Annotated[int, Field(ge=1, le=3600)] = 300
    media_type: Literal["application/json;charset=utf-8", "application/json"] = (
        "application/json;charset=utf-8"
    )


class CheckSettings(Strict):
    night_hour: Annotated[int, Field(ge=0, le=23)] = 3
    every_hours: Annotated[int, Field(ge=1, le=168)] = 24
    backup_days: Annotated[int, Field(ge=0, le=365)] = 7


Count = Annotated[int, Field(ge=1, le=10_000)]


class SignalSettings(Strict):
    period_days: Annotated[int, Field(ge=1, le=3650)] = 30
    peers_times: Count = 3
    peers_percent: Annotated[int, Field(ge=0, le=100)] = 2
    soon_minutes: Count = 5
    under_cap_percent: Annotated[int, Field(ge=0, le=100)] = 10
    reprint_hours: Count = 24
    cheque_hours: Count = 24
    offline_times: Count = 2
    finished_minutes: Count = 30
    one_approver_percent: Annotated[int, Field(ge=1, le=100)] = 80
    at_once_seconds: Count = 5
    small_amount: AmountOrEmpty = ""
    round_amount: AmountOrEmpty = ""
    hours: Annotated[
        str, Field(pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9])?$")
    ] = ""
    shown_from: dict[str, Annotated[int, Field(ge=0, le=10_000)]] = {
        str(code): least for code, least in SHOWN_FROM.items()
    }

    @field_validator("shown_from")
    @classmethod
    def _are_signals(cls, value: dict[str, int]) -> dict[str, int]:
        if not value.keys() <= set(SignalCode):
            raise ValueError(f"signals: {', '.join(SignalCode)}")
        return value

    def as_policy(self, *, small_minor: int, round_minor: int) -> SignalPolicy:
        """The same as the domain's value, the amounts in minor units."""
        opens, _, closes = self.hours.partition("-")
        return SignalPolicy(
            shown_from={**SHOWN_FROM, **{SignalCode(name): least for name, least in self.shown_from.items()}},
            period_days=self.period_days,
            peers_times=self.peers_times,
            peers_percent=self.peers_percent,
            soon_minutes=self.soon_minutes,
            under_cap_percent=self.under_cap_percent,
            reprint_hours=self.reprint_hours,
            cheque_hours=self.cheque_hours,
            offline_times=self.offline_times,
            finished_minutes=self.finished_minutes,
            one_approver_percent=self.one_approver_percent,
            at_once_seconds=self.at_once_seconds,
            small_minor=small_minor,
            round_minor=round_minor,
            hours=(time.fromisoformat(opens), time.fromisoformat(closes)) if self.hours else None,
        )


class TillSettings(Strict):
    """``till.toml``: how this till works. Every key has a default."""

    shop: ShopSettings = ShopSettings()
    amounts: AmountSettings = AmountSettings()
    cash: CashSettings = CashSettings()
    items: ItemSettings = ItemSettings()
    cheques: ChequeSettings = ChequeSettings()
    deposits: DepositSettings = DepositSettings()
    direct_debit: DirectDebitSettings = DirectDebitSettings()
    corrections: CorrectionSettings = CorrectionSettings()
    shift: ShiftSettings = ShiftSettings()
    ledger: LedgerSettings = LedgerSettings()
    accounts: AccountSettings = AccountSettings()
    payments: PaymentSettings = PaymentSettings()
    offline: OfflineSettings = OfflineSettings()
    vouchers: VoucherSettings = VoucherSettings()
    dealers: DealerSettings = DealerSettings()
    sign_in: SignInSettings = SignInSettings()
    receipt: ReceiptSettings = ReceiptSettings()
    printer: PrinterSettings = PrinterSettings()
    card_terminal: CardTerminalSettings = CardTerminalSettings()
    sync: SyncSettings = SyncSettings()
    checks: CheckSettings = CheckSettings()
    signals: SignalSettings = SignalSettings()

    def without_ways_out(self) -> TillSettings:
        """The same for a home where people practise: no central, no card terminal, no drawer, no ledger to deliver to,
        and no folder of the bank's, into which results would be written.
        """
        printer = self.printer.model_copy(update={"drawer_pin": 0})
        debits = self.direct_debit.model_copy(update={"folder": ""})
        shut = {"sync": SyncSettings(), "card_terminal": CardTerminalSettings(), "ledger": LedgerSettings()}
        return self.model_copy(update={**shut, "printer": printer, "direct_debit": debits})


def is_pattern(text: str) -> bool:
    """Whether ``text`` is a regular expression."""
    try:
        re.compile(text)
    except re.error:
        return False
    return True


def url_problem(url: str) -> str | None:
    """Why ``url`` may not be spoken to, or None. Plain http is for this machine only."""
    if not url:
        return None
    allowed = "an https address, or http on this machine (127.0.0.1)"
    if re.fullmatch(r"[\x21-\x7e]+", url) is None:
        return allowed
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # a port that is no number raises when it is looked at
    except ValueError:
        return allowed
    if parts.username is not None or parts.password is not None:
        return "an address without a user or a password in it"
    secure = parts.scheme == "https" and host
    on_this_machine = parts.scheme == "http" and host in LOOPBACK_HOSTS
    return None if secure or on_this_machine else allowed
