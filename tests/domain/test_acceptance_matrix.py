"""Who may pay with what, and for what: the table of the requirement, written out (domain.md section 0)."""

import itertools
from dataclasses import replace

import pytest

from pos.domain.errors import Refused
from pos.domain.payment_mode import PayerKind, Purpose
from pos.settings import read_settings

ON_ACCOUNT = "account advance deposit suspense"
ALL = f"bills items {ON_ACCOUNT}"
UPKEEP = f"items {ON_ACCOUNT}"
MATRIX = {
    #                    subscriber  dealer   walk-in
    "cash": (ALL, UPKEEP, "items"),
    "cheque": (ALL, UPKEEP, "items"),
    "debit_card": (ALL, UPKEEP, "items"),
    "credit_card": (ALL, UPKEEP, "items"),
    "bank_cash": ("", "items account", ""),
    "bank_cheque": ("", "items account", ""),
    "direct_debit": ("bills", "", ""),
    "internal_voucher": ("bills", UPKEEP, ""),
    "external_voucher": ("bills", UPKEEP, ""),
    "atm": ("bills", UPKEEP, ""),
}
MODES = read_settings().modes

CASES = [
    (mode, payer, purpose, str(purpose) in uses.split(), bool(uses))
    for mode, row in MATRIX.items()
    for payer, uses in zip((PayerKind.SUBSCRIBER, PayerKind.DEALER, PayerKind.WALK_IN), row, strict=True)
    for purpose in Purpose
]


def test_the_table_names_every_mode_payer_and_purpose() -> None:
    assert set(MATRIX) == set(MODES.by_code)
    assert len(CASES) == len(MATRIX) * len(PayerKind) * len(Purpose)
    assert {(payer, purpose) for _, payer, purpose, _, _ in CASES} == set(
        itertools.product(PayerKind, Purpose)
    )


@pytest.mark.parametrize(("mode", "payer", "purpose", "accepted", "any_use"), CASES)
def test_the_matrix_is_obeyed(
    mode: str, payer: PayerKind, purpose: Purpose, accepted: bool, any_use: bool
) -> None:
    """Rule 50: direct debit from subscribers only, bank receipts from dealers only."""
    if accepted:
        MODES[mode].require_payer(payer, purpose)
        return

    with pytest.raises(Refused) as refusal:
        MODES[mode].require_payer(payer, purpose)

    if not any_use:
        assert refusal.value.code == "mode_not_for_payer"
    else:
        assert refusal.value.code == "mode_not_for_purpose"
    assert refusal.value.details["mode"] == mode


@pytest.mark.parametrize("code", sorted(MATRIX))
def test_a_mode_that_the_shop_does_not_take_is_refused(code: str) -> None:
    mode = replace(MODES[code], available=False)

    for payer, purposes in mode.accepts.items():
        with pytest.raises(Refused) as refusal:
            mode.require_payer(payer, min(purposes))
        assert refusal.value.code == "mode_not_available"
        assert not any(mode.takes(payer, purpose) for purpose in Purpose)


def test_only_cash_gives_change() -> None:
    assert {code for code, mode in MODES.by_code.items() if mode.gives_change} == {"cash"}


def test_no_dealer_pays_bills() -> None:
    """Rule 50: in the domain, not only in the menu."""
    assert not [
        code
        for code, mode in MODES.by_code.items()
        if Purpose.BILLS in mode.accepts.get(PayerKind.DEALER, frozenset())
    ]


@pytest.mark.parametrize("code", ["", "CASH", "cash ", "bitcoin", "x" * 10_000])
def test_a_mode_that_does_not_exist_is_refused(code: str) -> None:
    with pytest.raises(Refused) as refusal:
        MODES[code]

    assert refusal.value.code == "unknown_mode"
    assert refusal.value.details["allowed"] == list(MATRIX)
    assert code not in str(refusal.value) or not code, "what was typed might be a card number"
