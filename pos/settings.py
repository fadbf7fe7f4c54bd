"""Settings as checked data: ``config/*.toml`` read into values of the domain, or a clear refusal to start.

Each file is taken from the first of these folders that has it: ``--config DIR``, ``POS_CONFIG_DIR``, the home's own
``config``, the program's own. A wrong key or value names the file, the key and what is allowed.

Who may do what is never taken from a folder that the caller names: ``roles.toml`` and the keys of ``RIGHTS`` come from the
home's own ``config`` or the program's own, and a named folder that says otherwise stops the start.
"""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    Field,
    TypeAdapter,
    ValidationError,
)

from pos.bank_profiles import BankProfile, ProfileName
from pos.domain.errors import Refused
from pos.domain.flat_profile import FlatProfile
from pos.domain.iso_currencies import EXPONENT_BY_CODE
from pos.domain.micr import MicrFont, MicrLayout, pattern_problem
from pos.domain.number_format import number_format
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
from pos.domain.posting import Ledger, SourceKind, part_of
from pos.domain.role import Grant, PermissionTable, Role
from pos.rate_list import RateList
from pos.till_settings import RoleName, Strict, TillSettings, Word, is_pattern, url_problem

FILES = (
    "till.toml",
    "payment_modes.toml",
    "micr.toml",
    "gl_accounts.toml",
    "roles.toml",
    "currencies.toml",
    "foreign_cash.toml",
    "bank_files.toml",
)
RIGHTS: Mapping[str, tuple[str, ...]] = {
    "sign_in": (),
    "payments": ("resolve_alone_up_to",),
    "vouchers": ("issue_alone_up_to",),
    "items": ("override_max_percent",),
    "deposits": ("limit",),
    "corrections": (
        "void_alone_up_to",
        "reverse_alone_up_to",
        "refund_alone_up_to",
        "transfer_alone_up_to",
        "reallocate_alone_up_to",
        "swap_tender_alone_up_to",
        "void_remote_from",
        "reverse_remote_from",
        "refund_remote_from",
        "transfer_remote_from",
        "reallocate_remote_from",
        "swap_tender_remote_from",
        "alone_days",
        "never_alone",
        "offline_alone_up_to",
        "cash_refund_up_to",
        "roles",
    ),
}
"""The keys of ``till.toml`` that say who may do what, by table; none named: all of the table."""
OF_OTHERS, WRITTEN_BY_OTHERS = 0o077, 0o022

FIELDS_BY_KIND = {"cheque": ("serial", "bank"), "voucher": ("code",)}
"""Fields that the rules of a kind read by name."""
CREDIT_ONLY_KIND = "bank_receipt"
"""The bank may not bear it out: then its money is taken back from the dealer's account, so it must lie there."""


class _FieldEntry(Strict):
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    label: Annotated[str, Field(min_length=1, max_length=40)]
    kind: Literal["reference", "name", "date", "amount"]
    required: bool
    limit: Annotated[int, Field(ge=1, le=200)]
    personal: bool = False
    pattern: Annotated[str, Field(max_length=200)] = ""
    hint: Annotated[str, Field(max_length=80)] = ""


class _ModeEntry(Strict):
    kind: Literal["cash", "cheque", "card", "bank_receipt", "direct_debit", "voucher", "atm"]
    label: Annotated[str, Field(min_length=1, max_length=40)]
    accepts: Annotated[
        dict[Literal["subscriber", "dealer", "walk_in"], list[Literal["bills", "items", "account"]]],
        Field(alias="from"),
    ]
    on_account: list[Literal["credit", "advance", "deposit", "suspense"]] | None = None
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
        kept_as = KEPT_APART
        if self.on_account is not None or self.kind == CREDIT_ONLY_KIND:
            kept_as = KEPT_APART & {Purpose(kept) for kept in self.on_account or () if kept != "credit"}
        return frozenset(map(Purpose, uses)) | (kept_as if Purpose.ACCOUNT in uses else frozenset())


class _MicrEntry(Strict):
    font: Literal["e13b", "cmc7"]
    pattern: Annotated[str, Field(min_length=1, max_length=400)]
    bank_check: Literal["", "aba"] = ""


LedgerCode = Annotated[str, Field(pattern=r"^[A-Za-z0-9.\-]{1,20}$")]


class LedgerPart(Strict):
    """A part of an account that is an account by itself, of the same kind."""

    code: LedgerCode
    name: Annotated[str, Field(min_length=1, max_length=60)]
    by_event: dict[Word, LedgerCode] = {}


class LedgerAccount(Strict):
    """One account of the operator's ledger. ``by_event``: another code for what one kind of deed posts to it.

    ``parts``: accounts of their own for what one card mode or one tax rate posts to it.
    """

    code: LedgerCode
    name: Annotated[str, Field(min_length=1, max_length=60)]
    kind: Literal["asset", "liability", "income", "expense"]
    by_event: dict[Word, LedgerCode] = {}
    parts: dict[Annotated[str, Field(max_length=40)], LedgerPart] = {}


_GrantName = Literal["alone", "limit", "reason", "second", "read", "no"]


class _RoleFile(Strict):
    acts: dict[Annotated[str, Field(pattern=r"^[a-z][a-z_]{0,39}$")], dict[RoleName, _GrantName]]


class _CurrencyFile(Strict):
    smallest_coin_minor: dict[str, Annotated[int, Field(ge=1, le=10000)]]
    denominations: dict[
        str,
        Annotated[list[Annotated[str, Field(pattern=r"^[0-9]{1,9}(\.[0-9]{1,4})?$")]], Field(max_length=30)],
    ] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings of a till. ``sources`` names the file each part came from, ``rights`` the one for the keys of RIGHTS.

    ``training``: of a home where people practise, with no way out of it.
    """

    till: TillSettings
    modes: PaymentModes
    micr: tuple[MicrLayout, ...]
    gl_accounts: Mapping[str, LedgerAccount]
    permissions: PermissionTable
    smallest_coin_minor: Mapping[str, int]
    denominations: Mapping[str, Sequence[str]]
    foreign_cash: RateList
    bank_profiles: Mapping[str, FlatProfile]
    sources: Mapping[str, Path]
    rights: Path
    training: bool = False

    def for_training(self) -> Settings:
        """The same without any way out of the home, and with every paper marked."""
        return replace(self, till=self.till.without_ways_out(), training=True)


PROGRAM_FOLDERS = (Path(__file__).parent / "_config", Path(__file__).parent.parent / "config")


def config_folders(*, option: Path | None, home: Path | None, environment: bool = True) -> list[Path]:
    """Where settings are looked for, first match first. Without ``environment``: not where it says."""
    named = [option, _from_environment() if environment else None, None if home is None else home / "config"]
    return [folder for folder in named if folder is not None] + list(PROGRAM_FOLDERS)


def _from_environment() -> Path | None:
    value = os.environ.get("POS_CONFIG_DIR")
    return Path(value) if value else None


def sample_folder() -> Path:
    """The folder of the sample fixtures that come with the program."""
    folders = [folder / "sample" for folder in config_folders(option=None, home=None)]
    return next((folder for folder in folders if folder.is_dir()), folders[-1])


def read_settings(*, option: Path | None = None, home: Path | None = None, maker: bool = False) -> Settings:
    """Read and check every file. ``maker``: for whoever makes the home, and so says who may do what in it.

    Raises Refused ``bad_settings`` naming file, key and what is allowed, or ``config_mode_too_wide``.
    """
    if option is not None and not option.is_dir():
        raise Refused("bad_settings", f"{option}: there is no such folder of settings.")
    folders = config_folders(option=option, home=home)
    anywhere = home is None or maker
    trusted = folders if anywhere else config_folders(option=None, home=home, environment=False)
    for folder in folders[: -len(PROGRAM_FOLDERS)]:
        for path in (folder, *(folder / name for name in FILES)):
            _refuse_wide(path, bits=OF_OTHERS if folder.parent == home else WRITTEN_BY_OTHERS)
    sources = {name: _find(name, folders) for name in FILES}
    rights = {name: _find(name, trusted) for name in ("roles.toml", "till.toml")}
    if _read_toml(sources["roles.toml"]) != _read_toml(rights["roles.toml"]):
        raise _untrusted(sources["roles.toml"], "acts")
    sources["roles.toml"] = rights["roles.toml"]
    modes_raw = _parse(TypeAdapter(dict[str, _ModeEntry]), sources["payment_modes.toml"])
    micr = _parse(TypeAdapter(dict[str, _MicrEntry]), sources["micr.toml"])
    gl_accounts = _with_parts(_parse(TypeAdapter(dict[str, LedgerAccount]), sources["gl_accounts.toml"]))
    roles = _parse(TypeAdapter(_RoleFile), sources["roles.toml"])
    coins = _parse(TypeAdapter(_CurrencyFile), sources["currencies.toml"])
    permissions = PermissionTable(
        {act: {Role(role): Grant(grant) for role, grant in row.items()} for act, row in roles.acts.items()}
    )
    unsound = permissions.problem()
    if unsound is not None and unsound[0] in permissions.missing:
        raise _rows_missing(sources["roles.toml"], permissions.missing)
    if unsound is not None:
        file, key, allowed = str(sources["roles.toml"]), f"acts.{unsound[0]}", unsound[1]
        raise Refused("bad_settings", f"{file}: {key}: {allowed}", file=file, key=key)
    till = _validate(
        TypeAdapter(TillSettings),
        sources["till.toml"],
        _trusted_rights(sources["till.toml"], rights["till.toml"]),
    )
    foreign_cash = _parse(TypeAdapter(RateList), sources["foreign_cash.toml"])
    bank_profiles = _parse(TypeAdapter(dict[ProfileName, BankProfile]), sources["bank_files.toml"])
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
        modes=PaymentModes(
            {code: _posted_to_part(entry.as_mode(code), gl_accounts) for code, entry in modes_raw.items()}
        ),
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
        permissions=permissions,
        smallest_coin_minor=coins.smallest_coin_minor,
        denominations=coins.denominations,
        foreign_cash=foreign_cash,
        bank_profiles={name: profile.as_profile(name) for name, profile in bank_profiles.items()},
        sources=sources,
        rights=rights["till.toml"],
    )


def _rows_missing(path: Path, acts: Sequence[str]) -> Refused:
    """A home's own table of rights that is older than the program: all that it lacks, and where to copy it from."""
    own = _find("roles.toml", PROGRAM_FOLDERS)
    return Refused(
        "bad_settings",
        f"{path}: there is no row for {', '.join(acts)}. Add each below [acts]: copy it from {own}, or write "
        f"{acts[0]} = {{}}, and nobody may do it.",
        file=str(path),
        key=f"acts.{acts[0]}",
        missing=list(acts),
    )


def _with_parts(accounts: Mapping[str, LedgerAccount]) -> dict[str, LedgerAccount]:
    """The accounts and, by the names that the books have for them, their parts."""
    parts = {
        part_of(key, name): LedgerAccount(
            code=part.code, name=part.name, kind=account.kind, by_event=part.by_event
        )
        for key, account in accounts.items()
        for name, part in account.parts.items()
    }
    return {**accounts, **parts}


def _posted_to_part(mode: PaymentMode, accounts: Mapping[str, LedgerAccount]) -> PaymentMode:
    """The mode, posted to the part of its account where that has one for it."""
    if mode.code not in accounts[mode.ledger_account].parts:
        return mode
    return replace(mode, ledger_account=part_of(mode.ledger_account, mode.code))


def _part_problem(account: str, part: str, modes: Mapping[str, _ModeEntry]) -> str | None:
    """What may be a part of this account instead; None: this may."""
    if account == Ledger.OUTPUT_TAX:
        return None if _RATE.fullmatch(part) else "a rate in per cent, as 5 or 7.5, without zeros at its end"
    cards = [
        code for code, entry in modes.items() if entry.kind == "card" and entry.ledger_account == account
    ]
    if part in cards:
        return None
    return f"one of {', '.join(cards)}" if cards else "no parts: this account has none"


_RATE = re.compile(r"(0|[1-9][0-9]{0,2})(\.[0-9]{0,3}[1-9])?")


def keep_rights(settings: Settings, home: Path) -> None:
    """Put the files that say who may do what into a new home's own ``config``, where they came from another folder."""
    own = home / "config"
    for name in ("roles.toml", "till.toml"):
        source = settings.sources[name]
        if source.parent in (own, *PROGRAM_FOLDERS):
            continue
        own.mkdir(mode=0o700, exist_ok=True)
        handle = os.open(own / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(source.read_bytes())


def _find(name: str, folders: Sequence[Path]) -> Path:
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    raise Refused("bad_settings", f"{name} is in none of the folders of settings.")


def _trusted_rights(named: Path, trusted: Path) -> dict[str, Any]:
    """What ``named`` says, with the rights that ``trusted`` grants.

    Raises Refused ``bad_settings`` where ``named`` would grant others.
    """
    raw, own = deepcopy(dict(_read_toml(named))), _read_toml(trusted)
    standard = TillSettings().model_dump(mode="json")
    for table, keys in RIGHTS.items():
        said, known = raw.get(table, {}), own.get(table, {})
        if not isinstance(said, dict) or not isinstance(known, dict):
            continue
        for key in keys or standard[table]:
            if key in said and said[key] != known.get(key, standard[table].get(key)):
                where = f"{table}.{key}"
                raise _untrusted(named, where)
            if key in known:
                raw.setdefault(table, {})[key] = known[key]
    return raw


def _untrusted(path: Path, key: str) -> Refused:
    return Refused(
        "bad_settings",
        f"{path}: {key}: who may do what is set in the home's own config folder, not in a folder that is named at the start",
        file=str(path),
        key=key,
    )


def _refuse_wide(path: Path, *, bits: int) -> None:
    """Raises Refused ``config_mode_too_wide``: settings that others can write are others' settings."""
    if path.exists() and stat.S_IMODE(path.stat().st_mode) & bits:
        mode = "0700" if path.is_dir() else "0600"
        raise Refused(
            "config_mode_too_wide", f"Other users can open {path}. Set its mode to {mode}.", file=str(path)
        )


Model = TypeVar("Model")


def _parse(adapter: TypeAdapter[Model], path: Path) -> Model:
    return _validate(adapter, path, _read_toml(path))


def _read_toml(path: Path) -> Mapping[str, Any]:
    try:
        return _parsed(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Refused("bad_settings", f"{path}: {error}") from None


@lru_cache(maxsize=16)
def _parsed(text: str) -> Mapping[str, Any]:
    """A start asks for six files ten times, and to take their text apart is most of reading the settings."""
    return tomllib.loads(text)


def _validate(adapter: TypeAdapter[Model], path: Path, raw: Mapping[str, Any]) -> Model:
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
        if entry.kind == CREDIT_ONLY_KIND and set(entry.on_account or ()) - {"credit"}:
            refuse("payment_modes.toml", f"{code}.on_account", "credit alone, for a bank receipt")
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
            if not is_pattern(field.pattern):
                refuse("payment_modes.toml", f"{code}.fields.{place}.pattern", "a regular expression")
        if entry.act and entry.act not in acts:
            refuse("payment_modes.toml", f"{code}.act", "an act of roles.toml")
    for posted_to in Ledger:
        if posted_to not in gl_accounts:
            refuse("gl_accounts.toml", posted_to, "this account must be here: the till posts to it")
    for name, account in gl_accounts.items():
        for part in account.parts:
            if (allowed := _part_problem(name, part, modes)) is not None:
                refuse("gl_accounts.toml", f"{name}.parts.{part}", allowed)
    codes = [account.code for account in gl_accounts.values()]
    events = {str(kind) for kind in SourceKind}
    for name, account in gl_accounts.items():
        if codes.count(account.code) > 1:
            refuse("gl_accounts.toml", f"{name}.code", "another account has this code")
        for event in account.by_event:
            if event not in events:
                refuse("gl_accounts.toml", f"{name}.by_event.{event}", f"one of {', '.join(sorted(events))}")
    if (problem := url_problem(till.ledger.url)) is not None:
        refuse("till.toml", "ledger.url", problem)
    if till.ledger.delivered_by == "till" and bool(till.ledger.folder) == bool(till.ledger.url):
        refuse("till.toml", "ledger.delivered_by", "a till that delivers has a folder or a url, one of them")
    if till.ledger.ca_file and not Path(till.ledger.ca_file).is_file():
        refuse("till.toml", "ledger.ca_file", "a file of certificates")
    if till.ledger.token_file and not till.ledger.url:
        refuse("till.toml", "ledger.token_file", "empty where there is no url")
    for event in till.ledger.categories:
        if event not in events:
            refuse("till.toml", f"ledger.categories.{event}", f"one of {', '.join(sorted(events))}")
    for kind, ledger_account in till.cash.declared.items():
        if ledger_account not in gl_accounts:
            refuse("till.toml", f"cash.declared.{kind}", f"one of {', '.join(sorted(gl_accounts))}")
    others = sorted(set(gl_accounts) - {Ledger.CASH_IN_TILL})
    for way, reasons in (("paid_in", till.cash.paid_in), ("paid_out", till.cash.paid_out)):
        for reason, ledger_account in reasons.items():
            if ledger_account not in others:
                refuse("till.toml", f"cash.{way}.{reason}", f"one of {', '.join(others)}")
    for place, paid_into in enumerate(till.deposits.accounts):
        if paid_into.ledger_account not in gl_accounts:
            refuse(
                "till.toml",
                f"deposits.accounts.{place}.ledger_account",
                f"one of {', '.join(sorted(gl_accounts))}",
            )
        if paid_into.currency and paid_into.currency not in EXPONENT_BY_CODE:
            refuse("till.toml", f"deposits.accounts.{place}.currency", "an ISO 4217 code")
        if sum(other.code == paid_into.code for other in till.deposits.accounts) > 1:
            refuse("till.toml", f"deposits.accounts.{place}.code", "another bank account has this code")
    for code in coins.smallest_coin_minor:
        if code not in EXPONENT_BY_CODE:
            refuse("currencies.toml", f"smallest_coin_minor.{code}", "an ISO 4217 code")
    for code, values in coins.denominations.items():
        if code not in EXPONENT_BY_CODE:
            refuse("currencies.toml", f"denominations.{code}", "an ISO 4217 code")
        digits = EXPONENT_BY_CODE[code]
        if any(len(value.partition(".")[2]) > digits for value in values):
            refuse(
                "currencies.toml",
                f"denominations.{code}",
                f"amounts with at most {digits} digits after the point",
            )
    for act in till.sign_in.fresh_pin_acts:
        if act not in acts:
            refuse("till.toml", "sign_in.fresh_pin_acts", f"acts of roles.toml, and {act} is none")
    for code in till.offline.limits:
        if code not in modes:
            refuse("till.toml", f"offline.limits.{code}", f"one of {', '.join(modes)}")
    for code in till.corrections.never_alone:
        if code not in modes:
            refuse("till.toml", "corrections.never_alone", f"ways to pay, of {', '.join(modes)}")
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
    for key in ("client_id", "client_secret_file"):
        if bool(getattr(till.sync, key)) is not bool(till.sync.token_url):
            refuse("till.toml", f"sync.{key}", "set together with token_url, or not at all")
    for key in ("central_url", "payment_url", "bill_url", "token_url"):
        problem = url_problem(getattr(till.sync, key))
        if problem:
            refuse("till.toml", f"sync.{key}", problem)
    for key in ("ca_file", "client_cert", "client_key"):
        named = getattr(till.sync, key)
        if named and not Path(named).is_file():
            refuse("till.toml", f"sync.{key}", "a file of this machine (PEM)")
    if till.sync.client_key and not till.sync.client_cert:
        refuse("till.toml", "sync.client_key", "the key of client_cert, which must be set too")
