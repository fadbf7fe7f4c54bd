"""Settings as checked data: ``config/*.toml`` read into values of the domain, or a clear refusal to start.

Each file is taken from the first of these folders that has it: ``--config DIR``, ``POS_CONFIG_DIR``, the home's own
``config``, the program's own. A wrong key or value names the file, the key and what is allowed.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from pos.domain.commission import CommissionAt, CommissionRule, CommissionTerms, Settlement
from pos.domain.errors import Refused
from pos.domain.iso_currencies import EXPONENT_BY_CODE
from pos.domain.micr import MicrFont, MicrLayout, pattern_problem
from pos.domain.number_format import LOCALES, NumberFormat, number_format
from pos.domain.payment_mode import (
    KEPT_APART,
    DetailField,
    FieldKind,
    ModeKind,
    PayerKind,
    PaymentMode,
    PaymentModes,
    Purpose,
)
from pos.domain.posting import Ledger
from pos.domain.role import Grant, PermissionTable, Role
from pos.domain.sale_policy import OVERRIDE_REASONS, ItemPolicy
from pos.domain.voucher import plain_code
from pos.rate_list import RateList

FILES = (
    "till.toml",
    "payment_modes.toml",
    "micr.toml",
    "gl_accounts.toml",
    "roles.toml",
    "currencies.toml",
    "foreign_cash.toml",
)
FIELDS_BY_KIND = {"cheque": ("serial", "bank"), "voucher": ("code",)}
"""Fields that the rules of a kind read by name."""

LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")
PRINTER_PORT = 9100
_AMOUNT_OR_EMPTY = r"^([0-9]{1,12}(\.[0-9]{1,4})?)?$"
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}|[0-9a-f:.]{2,45}")


_RoleName = Literal["cashier", "supervisor", "dealer", "back_office", "admin", "auditor"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ShopSettings(_Strict):
    operator_company: Annotated[str, Field(min_length=1, max_length=80)] = "Counterfoil Telecom"
    walk_in_account: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")] = "WALK-IN"
    suspense_account: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")] = "SUSPENSE"


class AmountSettings(_Strict):
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


_AmountOrNone = Annotated[str, Field(pattern=r"^([0-9]{1,12}(\.[0-9]{1,4})?)?$")]
_Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class CashSettings(_Strict):
    rounding: Literal["account", "customer", "off"] = "account"
    check_note_from: _AmountOrNone = ""
    identify_from: _AmountOrNone = ""
    refuse_from: _AmountOrNone = ""
    identity_documents: Annotated[list[_Word], Field(min_length=1, max_length=9)] = [
        "civil_id",
        "passport",
        "residence_permit",
        "driving_licence",
    ]
    declared: dict[_Word, _Word] = {
        "counterfeit": "counterfeit_cash",
        "damaged": "damaged_cash",
        "foreign_coins": "foreign_coins",
    }


_ReasonCode = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class ItemSettings(_Strict):
    override_reasons: Annotated[list[_ReasonCode], Field(min_length=1, max_length=9)] = list(OVERRIDE_REASONS)
    override_max_percent: dict[_RoleName, Annotated[int, Field(ge=0, le=1000)]] = {"supervisor": 100}
    pins_need_final_money: bool = True

    def as_policy(self) -> ItemPolicy:
        """The same as the domain's value."""
        return ItemPolicy(
            override_reasons=tuple(self.override_reasons),
            override_max_percent={Role(role): percent for role, percent in self.override_max_percent.items()},
            pins_need_final_money=self.pins_need_final_money,
        )


class ChequeSettings(_Strict):
    stale_after_days: Annotated[int, Field(ge=1, le=3650)] = 180
    warn_before_stale_days: Annotated[int, Field(ge=0, le=3650)] = 14
    post_dated_max_days: Annotated[int, Field(ge=0, le=730)] = 90
    max_amount: _AmountOrNone = ""
    max_draft: _AmountOrNone = ""
    third_party: Literal["refuse", "ticks", "accept"] = "ticks"
    ticks: list[Literal["words_match_figures", "payee", "crossing", "signature", "no_alteration"]] = [
        "words_match_figures",
        "payee",
        "crossing",
        "signature",
        "no_alteration",
    ]
    ticks_always: bool = False
    max_by_class: Annotated[
        dict[Annotated[str, Field(min_length=1, max_length=20)], _AmountOrNone], Field(max_length=50)
    ] = {}


_Percent = Annotated[str, Field(pattern=r"^(100(\.0{1,4})?|[0-9]{1,2}(\.[0-9]{1,4})?)$")]


class CommissionRuleSettings(_Strict):
    percent: _Percent
    items: Annotated[list[Annotated[str, Field(min_length=1, max_length=40)]], Field(max_length=200)] = []


class DealerTermsSettings(_Strict):
    unverified_cap: _AmountOrNone = ""
    release: Literal["now", "hold"] = "now"
    commission: Annotated[list[CommissionRuleSettings], Field(max_length=50)] = []
    commission_at: Literal["sale", "settlement"] = "sale"
    commission_paid: Literal["net", "gross"] = "net"
    withholding_percent: _Percent = "0"

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


class ShiftSettings(_Strict):
    day_starts: Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")] = "00:00"

    @property
    def starts_at(self) -> time:
        """The shop's own time at which its business day begins."""
        return time.fromisoformat(self.day_starts)


class LedgerSettings(_Strict):
    closed_through: Annotated[str, Field(pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$")] = ""

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


class AccountSettings(_Strict):
    check_digit: Literal["none", "luhn", "mod97"] = "none"


class PaymentSettings(_Strict):
    double_minutes: Annotated[int, Field(ge=0, le=1440)] = 10
    trusted_classes: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=40)]], Field(max_length=50)
    ] = []
    tolerance: Annotated[str, Field(pattern=_AMOUNT_OR_EMPTY)] = ""
    pay_disputed: bool = False
    resolve_alone_up_to: Annotated[str, Field(pattern=_AMOUNT_OR_EMPTY)] = ""


AmountOrNone = Annotated[str, Field(pattern=_AMOUNT_OR_EMPTY)]


class OfflineLimitSettings(_Strict):
    item: AmountOrNone = ""
    customer: AmountOrNone = ""
    shift_total: AmountOrNone = ""
    count: Annotated[int, Field(ge=0, le=100_000)] = 0
    hours: Annotated[int, Field(ge=0, le=8760)] = 0


class OfflineSettings(_Strict):
    after_minutes: Annotated[int, Field(ge=1, le=1440)] = 10
    limits: dict[str, OfflineLimitSettings] = {
        "cheque": OfflineLimitSettings(count=50, hours=72),
        "bank_cash": OfflineLimitSettings(count=50, hours=24),
        "bank_cheque": OfflineLimitSettings(count=50, hours=24),
        "atm": OfflineLimitSettings(count=50, hours=24),
    }


class PreauthorisedSettings(_Strict):
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


class VoucherSettings(_Strict):
    offline_max_each: Annotated[str, Field(pattern=_AMOUNT_OR_EMPTY)] = ""
    offline_max_shift: Annotated[str, Field(pattern=_AMOUNT_OR_EMPTY)] = ""
    offline_max_hours: Annotated[int, Field(ge=1, le=720)] = 24
    issue_alone_up_to: Annotated[str, Field(pattern=_AMOUNT_OR_EMPTY)] = ""
    preauthorised: Annotated[list[PreauthorisedSettings], Field(max_length=100)] = []


class SignInSettings(_Strict):
    min_pin_digits: Annotated[int, Field(ge=6, le=20)] = 6
    idle_lock_minutes: Annotated[int, Field(ge=1, le=15)] = 3
    lock_minutes: Annotated[list[Annotated[int, Field(ge=1, le=1440)]], Field(min_length=1, max_length=5)] = [
        1,
        5,
        30,
    ]
    max_failures: Annotated[int, Field(ge=5, le=100)] = 10


class ReceiptSettings(_Strict):
    width: Annotated[int, Field(ge=32, le=80)] = 42
    font: Annotated[str, Field(max_length=500)] = ""
    fallback_fonts: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=500)]], Field(max_length=8)
    ] = []


class PrinterSettings(_Strict):
    network: Annotated[str, Field(max_length=255)] = ""
    paper_mm: Literal[58, 80] = 80
    code_page: Literal["WPC1252", "PC437", "PC850", "PC852", "PC858", "PC866", "ASCII"] = "WPC1252"
    cuts: bool = True
    ask_status: bool = True
    drawer_pin: Literal[0, 2, 5] = 2

    @field_validator("network")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        if value and _host_and_port(value) is None:
            raise ValueError("a host, or host:port, or nothing")
        return value

    @property
    def address(self) -> tuple[str, int] | None:
        """Host and port of the receipt printer; None: papers are files only."""
        return _host_and_port(self.network)


def _host_and_port(address: str) -> tuple[str, int] | None:
    """``host`` or ``host:port``, an IPv6 address in brackets; None if it is neither."""
    try:
        parts = urlsplit(f"//{address}")
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not host or port == 0 or parts.netloc != address or "@" in address or not _HOST.fullmatch(host):
        return None
    return host, PRINTER_PORT if port is None else port


class CardTerminalSettings(_Strict):
    driver: Literal["standalone", "nexo"] = "standalone"
    url: Annotated[str, Field(max_length=500)] = ""
    poi_id: Annotated[str, Field(pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{0,23})?$")] = ""
    sale_id: Annotated[str, Field(pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{0,23})?$")] = ""
    timeout_s: Annotated[int, Field(ge=5, le=600)] = 120
    ca_file: Annotated[str, Field(max_length=500)] = ""


class SyncSettings(_Strict):
    central_url: Annotated[str, Field(max_length=500)] = ""
    payment_url: Annotated[str, Field(max_length=500)] = ""
    bill_url: Annotated[str, Field(max_length=500)] = ""
    request_timeout_s: Annotated[int, Field(ge=1, le=120)] = 10
    pull_every_s: Annotated[int, Field(ge=5, le=86400)] = 60
    retry_delay_s_min: Annotated[int, Field(ge=1, le=60)] = 1
    retry_delay_s_max: Annotated[int, Field(ge=1, le=3600)] = 300
    media_type: Literal["application/json;charset=utf-8", "application/json"] = (
        "application/json;charset=utf-8"
    )


class TillSettings(_Strict):
    """``till.toml``: how this till works. Every key has a default."""

    shop: ShopSettings = ShopSettings()
    amounts: AmountSettings = AmountSettings()
    cash: CashSettings = CashSettings()
    items: ItemSettings = ItemSettings()
    cheques: ChequeSettings = ChequeSettings()
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


class _FieldEntry(_Strict):
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    label: Annotated[str, Field(min_length=1, max_length=40)]
    kind: Literal["reference", "name", "date", "amount"]
    required: bool
    limit: Annotated[int, Field(ge=1, le=200)]
    personal: bool = False
    pattern: Annotated[str, Field(max_length=200)] = ""
    hint: Annotated[str, Field(max_length=80)] = ""


class _ModeEntry(_Strict):
    kind: Literal["cash", "cheque", "card", "bank_receipt", "direct_debit", "voucher", "atm"]
    label: Annotated[str, Field(min_length=1, max_length=40)]
    accepts: Annotated[
        dict[Literal["subscriber", "dealer", "walk_in"], list[Literal["bills", "items", "account"]]],
        Field(alias="from"),
    ]
    on_account: list[Literal["credit", "advance", "deposit", "suspense"]] = [
        "credit",
        "advance",
        "deposit",
        "suspense",
    ]
    gives_change: bool
    like_cash: bool
    opens_drawer: bool
    counted_at_close: bool
    final_when: Annotated[str, Field(max_length=60)]
    available: bool
    tmf_type: Literal[
        "Cash",
        "Check",
        "TokenizedCard",
        "BankAccountTransfer",
        "BankAccountDebit",
        "DirectDebit",
        "Voucher",
        "BankCard",
    ]
    channel: Literal["store", "bank", "backOffice", "atm", "dealer"]
    ledger_account: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    fields: list[_FieldEntry]
    identity: list[Annotated[str, Field(max_length=40)]] = []
    act: Annotated[str, Field(pattern=r"^([a-z][a-z_]{0,39})?$")] = ""
    max_age_days: Annotated[int, Field(ge=0, le=3650)] = 0
    max_ahead_days: Annotated[int, Field(ge=0, le=90)] = 0

    def as_mode(self, code: str) -> PaymentMode:
        return PaymentMode(
            code=code,
            kind=ModeKind(self.kind),
            label=self.label,
            accepts={PayerKind(payer): self._purposes(uses) for payer, uses in self.accepts.items()},
            gives_change=self.gives_change,
            like_cash=self.like_cash,
            opens_drawer=self.opens_drawer,
            counted_at_close=self.counted_at_close,
            final_when=self.final_when,
            available=self.available,
            tmf_type=self.tmf_type,
            channel=self.channel,
            ledger_account=self.ledger_account,
            fields=tuple(
                DetailField(
                    name=field.name,
                    label=field.label,
                    kind=FieldKind(field.kind),
                    required=field.required,
                    limit=field.limit,
                    personal=field.personal,
                    pattern=field.pattern,
                    hint=field.hint,
                )
                for field in self.fields
            ),
            identity=tuple(self.identity),
            act=self.act,
            max_age_days=self.max_age_days,
            max_ahead_days=self.max_ahead_days,
        )

    def _purposes(self, uses: Collection[str]) -> frozenset[Purpose]:
        """Whoever may pay into an account may do so for all that money is kept there as."""
        kept_as = KEPT_APART & {Purpose(kept) for kept in self.on_account if kept != "credit"}
        return frozenset(map(Purpose, uses)) | (kept_as if Purpose.ACCOUNT in uses else frozenset())


class _MicrEntry(_Strict):
    font: Literal["e13b", "cmc7"]
    pattern: Annotated[str, Field(min_length=1, max_length=400)]
    bank_check: Literal["", "aba"] = ""


class LedgerAccount(_Strict):
    """One account of the operator's ledger."""

    code: Annotated[str, Field(pattern=r"^[A-Za-z0-9.\-]{1,20}$")]
    name: Annotated[str, Field(min_length=1, max_length=60)]
    kind: Literal["asset", "liability", "income", "expense"]


_GrantName = Literal["alone", "limit", "reason", "second", "read", "no"]


class _RoleFile(_Strict):
    acts: dict[Annotated[str, Field(pattern=r"^[a-z][a-z_]{0,39}$")], dict[_RoleName, _GrantName]]


class _CurrencyFile(_Strict):
    smallest_coin_minor: dict[str, Annotated[int, Field(ge=1, le=10000)]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings of a till. ``sources`` names the file each part came from."""

    till: TillSettings
    modes: PaymentModes
    micr: tuple[MicrLayout, ...]
    gl_accounts: Mapping[str, LedgerAccount]
    permissions: PermissionTable
    smallest_coin_minor: Mapping[str, int]
    foreign_cash: RateList
    sources: Mapping[str, Path]


def config_folders(*, option: Path | None, home: Path | None) -> list[Path]:
    """Where settings are looked for, first match first."""
    here = Path(__file__).parent
    named = [option, _from_environment(), None if home is None else home / "config"]
    own = [here / "_config", here.parent / "config"]
    return [folder for folder in named if folder is not None] + own


def _from_environment() -> Path | None:
    value = os.environ.get("POS_CONFIG_DIR")
    return Path(value) if value else None


def sample_folder() -> Path:
    """The folder of the sample fixtures that come with the program."""
    folders = [folder / "sample" for folder in config_folders(option=None, home=None)]
    return next((folder for folder in folders if folder.is_dir()), folders[-1])


def read_settings(*, option: Path | None = None, home: Path | None = None) -> Settings:
    """Read and check every file. Raises Refused ``bad_settings`` naming file, key and what is allowed."""
    if option is not None and not option.is_dir():
        raise Refused("bad_settings", f"{option}: there is no such folder of settings.")
    folders = config_folders(option=option, home=home)
    sources = {name: _find(name, folders) for name in FILES}
    modes_raw = _parse(TypeAdapter(dict[str, _ModeEntry]), sources["payment_modes.toml"])
    micr = _parse(TypeAdapter(dict[str, _MicrEntry]), sources["micr.toml"])
    gl_accounts = _parse(TypeAdapter(dict[str, LedgerAccount]), sources["gl_accounts.toml"])
    roles = _parse(TypeAdapter(_RoleFile), sources["roles.toml"])
    coins = _parse(TypeAdapter(_CurrencyFile), sources["currencies.toml"])
    till = _parse(TypeAdapter(TillSettings), sources["till.toml"])
    foreign_cash = _parse(TypeAdapter(RateList), sources["foreign_cash.toml"])
    _check_across(till, modes_raw, gl_accounts, coins, roles.acts, sources)
    wrong = foreign_cash.problem()
    if wrong is not None:
        file, (key, allowed) = str(sources["foreign_cash.toml"]), wrong
        raise Refused("bad_settings", f"{file}: {key}: {allowed}", file=file, key=key)
    for name, layout in micr.items():
        problem = pattern_problem(layout.pattern)
        if problem:
            key = f"{name}.pattern"
            path = sources["micr.toml"]
            raise Refused("bad_settings", f"{path}: {key}: {problem}", file=str(path), key=key)
    return Settings(
        till=till,
        modes=PaymentModes({code: entry.as_mode(code) for code, entry in modes_raw.items()}),
        micr=tuple(
            MicrLayout(
                name=name,
                font=MicrFont(layout.font),
                pattern=layout.pattern,
                bank_check=layout.bank_check,
            )
            for name, layout in micr.items()
        ),
        gl_accounts=gl_accounts,
        permissions=PermissionTable(
            {
                act: {Role(role): Grant(grant) for role, grant in row.items()}
                for act, row in roles.acts.items()
            }
        ),
        smallest_coin_minor=coins.smallest_coin_minor,
        foreign_cash=foreign_cash,
        sources=sources,
    )


def _find(name: str, folders: Sequence[Path]) -> Path:
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    raise Refused("bad_settings", f"{name} is in none of the folders of settings.")


Model = TypeVar("Model")


def _parse(adapter: TypeAdapter[Model], path: Path) -> Model:
    try:
        raw: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Refused("bad_settings", f"{path}: {error}") from None
    try:
        return adapter.validate_python(raw)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise Refused("bad_settings", f"{path}: {key}: {first['msg']}", file=str(path), key=key) from None


def _check_across(
    till: TillSettings,
    modes: Mapping[str, _ModeEntry],
    gl_accounts: Mapping[str, LedgerAccount],
    coins: _CurrencyFile,
    acts: Collection[str],
    sources: Mapping[str, Path],
) -> None:
    """What one file says of another, and what a pattern cannot say."""

    def refuse(file: str, key: str, allowed: str) -> None:
        raise Refused("bad_settings", f"{sources[file]}: {key}: {allowed}", file=str(sources[file]), key=key)

    for code, entry in modes.items():
        if entry.ledger_account not in gl_accounts:
            refuse("payment_modes.toml", f"{code}.ledger_account", f"one of {', '.join(sorted(gl_accounts))}")
        names = [field.name for field in entry.fields]
        for name in FIELDS_BY_KIND.get(entry.kind, ()):
            if not any(field.name == name and field.required for field in entry.fields):
                refuse(
                    "payment_modes.toml", f"{code}.fields", f"a required field {name}, as its kind needs it"
                )
        if (entry.kind == "voucher") is not (entry.tmf_type == "Voucher"):
            refuse(
                "payment_modes.toml",
                f"{code}.tmf_type",
                "Voucher for a mode of the kind voucher, and for no other",
            )
        for name in entry.identity:
            if name not in (*names, "amount"):
                refuse("payment_modes.toml", f"{code}.identity", f"amount or one of {', '.join(names)}")
        for place, field in enumerate(entry.fields):
            if not _is_pattern(field.pattern):
                refuse("payment_modes.toml", f"{code}.fields.{place}.pattern", "a regular expression")
        if entry.act and entry.act not in acts:
            refuse("payment_modes.toml", f"{code}.act", "an act of roles.toml")
    for posted_to in Ledger:
        if posted_to not in gl_accounts:
            refuse("gl_accounts.toml", posted_to, "this account must be here: the till posts to it")
    codes = [account.code for account in gl_accounts.values()]
    for name, account in gl_accounts.items():
        if codes.count(account.code) > 1:
            refuse("gl_accounts.toml", f"{name}.code", "another account has this code")
    for kind, ledger_account in till.cash.declared.items():
        if ledger_account not in gl_accounts:
            refuse("till.toml", f"cash.declared.{kind}", f"one of {', '.join(sorted(gl_accounts))}")
    for code in coins.smallest_coin_minor:
        if code not in EXPONENT_BY_CODE:
            refuse("currencies.toml", f"smallest_coin_minor.{code}", "an ISO 4217 code")
    for code in till.offline.limits:
        if code not in modes:
            refuse("till.toml", f"offline.limits.{code}", f"one of {', '.join(modes)}")
    grouped_by = number_format(till.amounts.locale).group_mark
    if grouped_by and grouped_by in till.amounts.decimal_marks:
        # 1.234 typed would be a thousand to some and one to others.
        refuse(
            "till.toml",
            "amounts.decimal_marks",
            f"without the mark that groups digits in {till.amounts.locale}",
        )
    if till.sync.retry_delay_s_max < till.sync.retry_delay_s_min:
        refuse("till.toml", "sync.retry_delay_s_max", "not less than retry_delay_s_min")
    for key in ("url", "poi_id"):
        if till.card_terminal.driver == "nexo" and not getattr(till.card_terminal, key):
            refuse("till.toml", f"card_terminal.{key}", "must be set for the driver nexo")
    if (problem := url_problem(till.card_terminal.url)) is not None:
        refuse("till.toml", "card_terminal.url", problem)
    if till.card_terminal.ca_file and not Path(till.card_terminal.ca_file).is_file():
        refuse("till.toml", "card_terminal.ca_file", "a file of certificates")
    for key in ("central_url", "payment_url", "bill_url"):
        problem = url_problem(getattr(till.sync, key))
        if problem:
            refuse("till.toml", f"sync.{key}", problem)


def _is_pattern(text: str) -> bool:
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
