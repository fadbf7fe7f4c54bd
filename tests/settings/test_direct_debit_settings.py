"""The settings of direct debit, and the layouts of banks' own files, reach the till that is opened with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pos.bootstrap.policy import shop_policy
from pos.domain.errors import Refused
from pos.settings import Settings, read_settings
from tests.builders.tills import make_till, money, put_settings


def settings_of(tmp_path: Path, name: str, text: str) -> Settings:
    put_settings(tmp_path, name, text)
    return read_settings(home=tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        'form = "csv"\ndetail = { reference = 1 }',
        'form = "csv"\ndetail = { reference = 1, amount = "2-3" }',
        'form = "fixed"\ndetail = { reference = 1, amount = 2 }',
        'form = "csv"\ndetail = { reference = 1, amount = 2, colour = 3 }',
        'form = "csv"\ndetail = { reference = 1, amount = 2 }\ntrailer = { count = 1 }',
        'form = "csv"\ndetail = { reference = 1, amount = 2, status = 3 }',
        'form = "csv"\nencoding = "rot13"\ndetail = { reference = 1, amount = 2 }',
        'form = "csv"\nkind = 1\ndetail = { reference = 1, amount = 2 }',
    ],
)
def test_a_layout_that_cannot_be_read_stops_the_start(tmp_path: Path, text: str) -> None:
    with pytest.raises(Refused) as refusal:
        settings_of(tmp_path, "bank_files.toml", f"[mine]\n{text}\n")
    assert refusal.value.code == "bad_settings"


def test_a_reason_that_stands_twice_stops_the_start(tmp_path: Path) -> None:
    reason = '{ code = "AM04", label = "None" }'

    with pytest.raises(Refused):
        settings_of(tmp_path, "till.toml", f"[direct_debit]\nreasons = [{reason}, {reason}]\n")


def test_what_the_settings_say_is_the_rule_of_the_shop(tmp_path: Path) -> None:
    told = settings_of(
        tmp_path,
        "till.toml",
        '[direct_debit]\nfee = "2.5"\nsuspend_after = 2\ncreditor_account = "NL91 ABNA 0417"\n',
    )

    policy = shop_policy(told, make_till().identity).debits

    assert (policy.fee, policy.suspend_after, policy.creditor_account) == (money("2.500"), 2, "NL91ABNA0417")
    assert policy.reason("AC04").suspends
    assert not policy.reason("XX99").payors_fault
