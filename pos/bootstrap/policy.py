"""The shop's rules, made of the settings and the home: amounts in the shop's own currency, days as days."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

from pos.domain.allocation import PaymentPolicy
from pos.domain.cash_move import CashMovePolicy
from pos.domain.cash_rounding import NO_ROUNDING, CashRounding, Difference
from pos.domain.check_digit import CheckDigit
from pos.domain.cheque import ChequePolicy, ThirdParty
from pos.domain.correction import CorrectionPolicy
from pos.domain.dealer import DealerPolicy, DealerTerms, Release
from pos.domain.debit_policy import DebitPolicy, ReturnReason
from pos.domain.deposit import BankAccount, DepositPolicy
from pos.domain.dishonour_policy import DishonourPolicy, DishonourReason
from pos.domain.errors import Refused
from pos.domain.large_cash import LargeCash
from pos.domain.ledger_feed import AccountKind, Deliverer, LedgerRules, PostingAccount
from pos.domain.money import Currency, Money, parse_amount, parse_count
from pos.domain.offline import OfflineLimits, OfflinePolicy
from pos.domain.posting import Ledger
from pos.domain.role import ADMINISTRATION, Role
from pos.domain.session import SessionPolicy
from pos.domain.shift_policy import ShiftPolicy
from pos.domain.signals import SignalPolicy
from pos.domain.voucher_policy import PreauthorisedRange, VoucherPolicy
from pos.settings import Settings
from pos.store.home import Identity
from pos.till.desk import PinPolicy, ShopPolicy
from pos.till_settings import CorrectionSettings, DealerTermsSettings, RoleCorrectionSettings

CORRECTION_ACTS = ("void", "reverse", "refund", "transfer", "reallocate", "swap_tender")


def shop_policy(settings: Settings, identity: Identity) -> ShopPolicy:
    """Raises Refused ``bad_settings`` where an amount is none of the shop's currency."""
    cash = settings.till.cash

    def cash_from(name: str) -> Money | None:
        return _cap(getattr(cash, name), identity.currency, settings, f"cash.{name}")

    return ShopPolicy(
        cheques=_cheques(settings, identity.currency),
        dealers=_dealers(settings, identity.currency),
        cash_rounding=_cash_rounding(settings, identity.currency),
        pins=PinPolicy(
            lock_minutes=tuple(settings.till.sign_in.lock_minutes),
            max_failures=settings.till.sign_in.max_failures,
            terminal_failures=settings.till.sign_in.terminal_failures,
            min_digits=settings.till.sign_in.min_pin_digits,
        ),
        sessions=_sessions(settings, identity),
        decimal_marks=settings.till.amounts.typed_marks,
        operator_company=settings.till.shop.operator_company,
        walk_in_account=settings.till.shop.walk_in_account,
        day_starts=settings.till.shift.starts_at,
        closed_through=settings.till.ledger.closed_date,
        items=settings.till.items.as_policy(),
        numbers=settings.till.amounts.number_format,
        double_within=timedelta(minutes=settings.till.payments.double_minutes),
        offline=_offline(settings, identity),
        trusted_classes=frozenset(settings.till.payments.trusted_classes),
        check_digit=CheckDigit(settings.till.accounts.check_digit),
        foreign_cash=settings.foreign_cash.as_policy(identity.currency),
        declared=cash.declared,
        check_note_from=cash_from("check_note_from"),
        large_cash=LargeCash(
            identify_from=cash_from("identify_from"),
            refuse_from=cash_from("refuse_from"),
            documents=tuple(cash.identity_documents),
        ),
        vouchers=_voucher_policy(settings, identity.currency),
        suspense_account=settings.till.shop.suspense_account,
        payments=_payments(settings, identity.currency),
        deposits=_deposits(settings, identity.currency),
        corrections=_corrections(settings, identity),
        signals=_signals(settings, identity.currency),
        shift=_shift(settings, identity.currency),
        debits=_debits(settings, identity.currency),
        cash_moves=CashMovePolicy(
            paid_in=cash.paid_in,
            paid_out=cash.paid_out,
            safe_alone_minor=_minor(
                cash.safe_alone_up_to, identity.currency, settings, "cash.safe_alone_up_to"
            ),
            paid_alone_minor=_minor(
                cash.paid_alone_up_to, identity.currency, settings, "cash.paid_alone_up_to"
            ),
        ),
        ledger=ledger_rules(settings),
        cash_office=settings.till.shop.cash_office,
        other_tills_stop=settings.till.shop.other_tills == "stop",
    )


def ledger_rules(settings: Settings) -> LedgerRules:
    """The operator's accounts, and what else stands in the feed to the general ledger."""
    told = settings.till.ledger
    return LedgerRules(
        accounts={
            key: PostingAccount(
                key=key, code=one.code, name=one.name, kind=AccountKind(one.kind), by_event=one.by_event
            )
            for key, one in settings.gl_accounts.items()
        },
        categories=told.categories,
        terms=told.terms,
        delivered_by=Deliverer(told.delivered_by),
    )


def _shift(settings: Settings, in_currency: Currency) -> ShiftPolicy:
    """What the shop asks of a shift."""
    told = settings.till.shift
    alone = _cap(told.float_alone_up_to, in_currency, settings, "shift.float_alone_up_to", read=parse_count)
    accept = _cap(told.accept_up_to, in_currency, settings, "shift.accept_up_to")
    return ShiftPolicy(
        tolerance_minor=_minor(told.tolerance, in_currency, settings, "shift.tolerance"),
        accept_minor=None if accept is None else accept.minor,
        float_alone_minor=None if alone is None else alone.minor,
        denominations=tuple(
            sorted(
                (
                    parse_amount(value, in_currency).minor
                    for value in settings.denominations.get(in_currency.code, ())
                ),
                reverse=True,
            )
        ),
        by_denomination=told.by_denomination,
    )


def _debits(settings: Settings, in_currency: Currency) -> DebitPolicy:
    """Why banks refuse debits, what that costs, and when a file is stopped."""
    told = settings.till.direct_debit
    return DebitPolicy(
        reasons=tuple(
            ReturnReason(code=one.code, label=one.label, payors_fault=one.payors_fault, suspends=one.suspends)
            for one in told.reasons
        ),
        fee=_cap(told.fee, in_currency, settings, "direct_debit.fee"),
        fee_tax_rate=Decimal(told.fee_tax_rate),
        suspend_after=told.suspend_after,
        stop_from=told.stop_from,
        stop_above_percent=told.stop_above_percent,
        entries_max=told.entries_max,
        creditor_name=told.creditor_name,
        creditor_id=told.creditor_id,
        creditor_account=told.creditor_account.replace(" ", ""),
        creditor_bic=told.creditor_bic,
        transfers_as=told.transfers_as,
        collected_by=told.collected_by,
    )


def _signals(settings: Settings, in_currency: Currency) -> SignalPolicy:
    """What is worth a second look."""
    told = settings.till.signals
    small = _cap(told.small_amount, in_currency, settings, "signals.small_amount")
    rounded = _cap(told.round_amount, in_currency, settings, "signals.round_amount")
    return told.as_policy(
        small_minor=0 if small is None else small.minor,
        round_minor=SignalPolicy().round_minor if rounded is None else rounded.minor,
    )


def _corrections(settings: Settings, identity: Identity) -> CorrectionPolicy:
    """When a correction needs a second person."""
    told = settings.till.corrections

    def caps(of: CorrectionSettings | RoleCorrectionSettings, key: str) -> dict[str, int]:
        said = {act: getattr(of, f"{act}_alone_up_to") for act in CORRECTION_ACTS}
        return {
            act: _minor(cap, identity.currency, settings, f"{key}.{act}_alone_up_to")
            for act, cap in said.items()
            if cap is not None
        }

    return CorrectionPolicy(
        alone_minor=caps(told, "corrections"),
        role_alone_minor={
            Role(role): caps(of, f"corrections.roles.{role}") for role, of in told.roles.items()
        },
        elsewhere_minor={
            act: _minor(cap, identity.currency, settings, f"corrections.{act}_remote_from")
            for act in CORRECTION_ACTS
            if (cap := getattr(told, f"{act}_remote_from"))
        },
        alone_days=told.alone_days,
        never_alone=frozenset(told.never_alone),
        offline_alone_minor=_minor(
            told.offline_alone_up_to, identity.currency, settings, "corrections.offline_alone_up_to"
        ),
        transfers_max=told.transfers_max,
        cash_refund_minor=_minor(
            told.cash_refund_up_to, identity.currency, settings, "corrections.cash_refund_up_to"
        )
        if told.cash_refund_up_to
        else None,
    )


def _has_central(settings: Settings, identity: Identity) -> bool:
    sync = settings.till.sync
    return bool(identity.central_url or sync.central_url or sync.payment_url)


def _deposits(settings: Settings, in_currency: Currency) -> DepositPolicy:
    """Where cheques are paid in."""
    return DepositPolicy(
        accounts=tuple(
            BankAccount(
                code=known.code,
                bank=known.bank,
                number=known.number,
                currency=known.currency,
                ledger_account=known.ledger_account,
            )
            for known in settings.till.deposits.accounts
        ),
        limit=_cap(settings.till.deposits.limit, in_currency, settings, "deposits.limit"),
    )


def _sessions(settings: Settings, identity: Identity) -> SessionPolicy:
    """A till without a central of ours is told of nobody by anybody: its roster is its own."""
    told, has_central = settings.till.sign_in, bool(identity.central_url or settings.till.sync.central_url)
    return SessionPolicy(
        lasts=timedelta(hours=told.session_hours),
        fresh_pin=timedelta(minutes=told.fresh_pin_minutes),
        fresh_acts=frozenset(told.fresh_pin_acts) | ADMINISTRATION | {"approve"},
        roster=timedelta(days=told.roster_max_days) if told.roster_max_days and has_central else None,
        first_pin=timedelta(hours=told.first_pin_hours),
    )


def _payments(settings: Settings, in_currency: Currency) -> PaymentPolicy:
    """How money is set against bills."""
    told = settings.till.payments
    tolerance = _cap(told.tolerance, in_currency, settings, "payments.tolerance")
    alone = _cap(told.resolve_alone_up_to, in_currency, settings, "payments.resolve_alone_up_to")
    return PaymentPolicy(
        tolerance_minor=0 if tolerance is None else tolerance.minor,
        pay_disputed=told.pay_disputed,
        resolve_alone_up_to_minor=0 if alone is None else alone.minor,
        tax_parts=frozenset(settings.gl_accounts[Ledger.OUTPUT_TAX].parts),
    )


def _cheques(settings: Settings, in_currency: Currency) -> ChequePolicy:
    known = settings.till.cheques

    def cap(text: str, key: str) -> Money | None:
        return _cap(text, in_currency, settings, f"cheques.{key}")

    return ChequePolicy(
        stale_after_days=known.stale_after_days,
        warn_before_stale_days=known.warn_before_stale_days,
        post_dated_max_days=known.post_dated_max_days,
        clear_after_days=known.clear_after_days,
        refund_hold_days=known.refund_hold_days,
        max_amount=cap(known.max_amount, "max_amount"),
        max_by_class={name: cap(text, f"max_by_class.{name}") for name, text in known.max_by_class.items()},
        max_draft=cap(known.max_draft, "max_draft"),
        third_party=ThirdParty(known.third_party),
        ticks=tuple(known.ticks),
        ticks_always=known.ticks_always,
        layouts=settings.micr,
        dishonour=DishonourPolicy(
            reasons=tuple(
                DishonourReason(code=one.code, label=one.label, payors_fault=one.payors_fault)
                for one in known.dishonour.reasons
            ),
            fee=cap(known.dishonour.fee, "dishonour.fee"),
            fee_tax_rate=Decimal(known.dishonour.fee_tax_rate),
            fee_again=known.dishonour.fee_again,
            represent_max=known.represent_max,
            cash_only_after=known.cash_only_after,
            cash_only_within_months=known.cash_only_within_months,
            cash_only_months=known.cash_only_months,
        ),
    )


def _dealers(settings: Settings, in_currency: Currency) -> DealerPolicy:
    dealers = settings.till.dealers

    def terms(of: DealerTermsSettings, key: str) -> DealerTerms:
        return DealerTerms(
            # Nothing at all is a cap too: no goods leave before the bank has confirmed.
            unverified_cap=_cap(
                of.unverified_cap, in_currency, settings, f"{key}.unverified_cap", read=parse_count
            ),
            release=Release(of.release),
            commission=of.as_commission(),
        )

    return DealerPolicy(
        standard=terms(dealers, "dealers"),
        classes={name: terms(of, f"dealers.classes.{name}") for name, of in dealers.classes.items()},
        block_after_rejection=dealers.block_after_rejection,
        trust_apart=dealers.trust == "apart",
    )


def _cash_rounding(settings: Settings, in_currency: Currency) -> CashRounding:
    if settings.till.cash.rounding == "off":
        return NO_ROUNDING
    return CashRounding(
        coin_minor=settings.smallest_coin_minor.get(in_currency.code, 1),
        difference=Difference(settings.till.cash.rounding),
    )


def _offline(settings: Settings, identity: Identity) -> OfflinePolicy:
    """The limits while central is silent; none for a till that has no central."""
    sync, offline = settings.till.sync, settings.till.offline
    if not _has_central(settings, identity):
        return OfflinePolicy()

    def cap(mode: str, name: str) -> Money | None:
        text = getattr(offline.limits[mode], name)
        return _cap(text, identity.currency, settings, f"offline.limits.{mode}.{name}")

    return OfflinePolicy(
        has_central=True,
        # A till that asks seldom is not offline because it has not asked.
        after=max(timedelta(minutes=offline.after_minutes), timedelta(seconds=2 * sync.pull_every_s)),
        limits={
            mode: OfflineLimits(
                item=cap(mode, "item"),
                customer=cap(mode, "customer"),
                shift_total=cap(mode, "shift_total"),
                count=limits.count,
                hours=limits.hours,
            )
            for mode, limits in offline.limits.items()
        },
    )


def _voucher_policy(settings: Settings, in_currency: Currency) -> VoucherPolicy:
    known = settings.till.vouchers

    def cap(name: str, text: str) -> Money | None:
        return _cap(text, in_currency, settings, f"vouchers.{name}")

    return VoucherPolicy(
        offline_max_each=cap("offline_max_each", known.offline_max_each),
        offline_max_shift=cap("offline_max_shift", known.offline_max_shift),
        offline_max_hours=known.offline_max_hours,
        issue_alone_up_to=cap("issue_alone_up_to", known.issue_alone_up_to),
        preauthorised=[
            PreauthorisedRange(
                issuer=row.issuer,
                first=row.first,
                last=row.last,
                value=_amount(row.value, in_currency, settings, f"vouchers.preauthorised.{place}.value"),
                expires=date.fromisoformat(row.expires),
            )
            for place, row in enumerate(known.preauthorised)
        ],
    )


def _minor(text: str, in_currency: Currency, settings: Settings, key: str) -> int:
    """An amount of the settings in minor units; nothing for an empty text."""
    return _amount(text, in_currency, settings, key).minor if text else 0


_Read = Callable[[str, Currency], Money]


def _cap(
    text: str, in_currency: Currency, settings: Settings, key: str, *, read: _Read = parse_amount
) -> Money | None:
    """An amount of the settings; None for an empty text."""
    return _amount(text, in_currency, settings, key, read=read) if text else None


def _amount(
    text: str, in_currency: Currency, settings: Settings, key: str, *, read: _Read = parse_amount
) -> Money:
    try:
        return read(text, in_currency)
    except Refused as refusal:
        file = settings.sources["till.toml"]
        raise Refused("bad_settings", f"{file}: {key}: {refusal.message}", file=str(file), key=key) from None
