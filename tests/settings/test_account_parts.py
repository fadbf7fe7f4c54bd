"""Accounts of their own for a card mode or a tax rate stand beneath the account that they are parts of."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pos.bootstrap.policy import ledger_rules
from pos.domain.errors import Refused
from pos.settings import Settings, read_settings

ROOT = Path(__file__).resolve().parents[2]
CREDIT_CARDS = '[card_receivable.parts.credit_card]\ncode = "1111"\nname = "Credit cards receivable"\n'
AT_5 = '[output_tax.parts."5"]\ncode = "2205"\nname = "Output tax at 5 %"\n'


def settings_with(folder: Path, more: str) -> Settings:
    shutil.copy(ROOT / "config" / "gl_accounts.toml", folder / "gl_accounts.toml")
    with (folder / "gl_accounts.toml").open("a", encoding="utf-8") as file:
        file.write(f"\n{more}")
    return read_settings(option=folder)


def test_without_parts_both_cards_and_all_tax_have_one_account_each() -> None:
    settings = read_settings()

    assert {settings.modes[mode].ledger_account for mode in ("debit_card", "credit_card")} == {
        "card_receivable"
    }
    assert not [key for key in settings.gl_accounts if ":" in key]


def test_a_card_mode_with_a_part_of_its_own_is_posted_there(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, CREDIT_CARDS + AT_5)

    assert settings.modes["debit_card"].ledger_account == "card_receivable"
    assert settings.modes["credit_card"].ledger_account == "card_receivable:credit_card"
    posted_to = ledger_rules(settings).account("card_receivable:credit_card")
    assert (posted_to.code, posted_to.name, posted_to.kind) == ("1111", "Credit cards receivable", "asset")
    assert ledger_rules(settings).account("output_tax:5").code == "2205"


@pytest.mark.parametrize(
    ("more", "key"),
    [
        (CREDIT_CARDS.replace("1111", "1110"), "card_receivable.code"),
        (CREDIT_CARDS.replace("credit_card]", "cheque]"), "card_receivable.parts.cheque"),
        (CREDIT_CARDS.replace("card_receivable", "cash_in_till"), "cash_in_till.parts.credit_card"),
        (AT_5.replace('"5"', '"5.0"'), "output_tax.parts.5.0"),
        (AT_5.replace('"5"', "vat"), "output_tax.parts.vat"),
        (AT_5.replace('"2205"', '"=1+1"'), "output_tax.parts.5.code"),
    ],
)
def test_a_part_that_nothing_would_be_posted_to_is_refused(more: str, key: str, tmp_path: Path) -> None:
    with pytest.raises(Refused) as refusal:
        settings_with(tmp_path, more)

    assert (refusal.value.code, refusal.value.details["key"]) == ("bad_settings", key)
