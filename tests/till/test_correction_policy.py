"""What the shop's policy makes of corrections at the counter (rule 33)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pos.bootstrap.homes import open_till
from pos.domain.correction import CorrectionPolicy
from pos.domain.errors import Refused
from pos.domain.role import Role
from pos.till.approvals import approve
from pos.till.correction_entry import CorrectionOrder
from pos.till.corrections import void
from pos.till.desk import Desk
from pos.till.refunds import RefundOrder, refund
from tests.builders.tills import (
    BACK_OFFICE,
    CASHIER,
    SUPERVISOR,
    card,
    cash,
    cheque,
    clock_of,
    findings,
    go_offline,
    machine,
    make_till,
    open_home,
    opened,
    pay,
    put_settings,
)
from tests.builders.undoing import code_of


@pytest.fixture
def desk() -> Desk:
    desk = make_till()
    opened(desk)
    return desk


def with_policy(desk: Desk, **policy: object) -> None:
    told = CorrectionPolicy(alone_minor={"void": 5_000, "refund": 5_000}, **policy)  # type: ignore[arg-type]
    desk.policy = replace(desk.policy, corrections=told)


def receipt_of(desk: Desk, *tenders: object) -> str:
    return pay(desk, *tenders).receipt.receipt_number  # type: ignore[arg-type]


def voided(desk: Desk, receipt: str) -> None:
    void(desk, CASHIER, CorrectionOrder(receipt=receipt, reason="wrong_amount"))


def refunded(desk: Desk, receipt: str, amount: str) -> None:
    refund(desk, CASHIER, RefundOrder(receipt=receipt, reason="paid_twice", amount=amount))


def test_an_old_payment_is_not_paid_back_alone(desk: Desk) -> None:
    """Rule 33: stricter with age."""
    with_policy(desk, alone_days=7)
    receipt = receipt_of(desk, card("5"))
    clock_of(desk).advance(days=7, hours=23)
    refunded(desk, receipt, "1")
    clock_of(desk).advance(hours=1)

    assert code_of(lambda: refunded(desk, receipt, "1")) == "approval_required"
    approve(desk, SUPERVISOR, "R-1")
    refunded(desk, receipt, "1")
    assert findings(desk) == []


def test_what_was_paid_a_named_way_is_not_undone_alone(desk: Desk) -> None:
    """Rule 33: by the way it was paid."""
    with_policy(desk, never_alone=frozenset({"cash"}))
    by_card, mixed = receipt_of(desk, card("2")), receipt_of(desk, cheque("2", "11"), cash("1"))

    voided(desk, by_card)
    assert code_of(lambda: voided(desk, mixed)) == "approval_required"


def test_while_central_is_silent_less_is_done_alone(desk: Desk) -> None:
    """Rule 33: offline a lower cap; as soon as central answers it is the usual one again."""
    with_policy(desk, offline_alone_minor=1_000)
    small, large = receipt_of(desk, cash("1")), receipt_of(desk, cash("1.005"))
    go_offline(desk, minutes=9)
    other = receipt_of(desk, cash("2"))
    voided(desk, other)
    clock_of(desk).advance(minutes=2)

    voided(desk, small)
    assert code_of(lambda: voided(desk, large)) == "approval_required"
    approve(desk, BACK_OFFICE, "R-1")
    voided(desk, large)


def test_a_till_without_a_central_is_never_offline(desk: Desk) -> None:
    with_policy(desk, offline_alone_minor=1_000)
    receipt = receipt_of(desk, cash("5"))
    clock_of(desk).advance(days=3)

    voided(desk, receipt)


def test_a_role_may_have_a_cap_of_its_own(desk: Desk) -> None:
    with_policy(desk, role_alone_minor={Role.CASHIER: {"void": 1_000}})
    small, large = receipt_of(desk, cash("1")), receipt_of(desk, cash("1.005"))

    voided(desk, small)
    assert code_of(lambda: voided(desk, large)) == "approval_required"
    refunded(desk, large, "1.005")


# --- the settings -----------------------------------------------------------------------------------------------------


def policy_of(home: Path, text: str) -> CorrectionPolicy:
    put_settings(home, "till.toml", text)
    with open_till(home, machine=machine()) as till:
        return till.desk.policy.corrections


def test_the_settings_say_it(tmp_path: Path) -> None:
    open_home(tmp_path).close()

    assert policy_of(tmp_path, "") == CorrectionPolicy(
        alone_minor=dict.fromkeys(("void", "reverse", "refund", "transfer", "reallocate", "swap_tender"), 0),
        alone_days=7,
    )
    told = policy_of(
        tmp_path,
        '[corrections]\nrefund_alone_up_to = "10"\nrefund_remote_from = "40"\nalone_days = 3\nnever_alone = ["cash"]\n'
        'offline_alone_up_to = "2.5"\n[corrections.roles]\nsupervisor = { refund_alone_up_to = "50" }\n',
    )
    assert (told.alone_up_to("refund", {Role.CASHIER}), told.alone_up_to("refund", {Role.SUPERVISOR})) == (
        10_000,
        50_000,
    )
    assert told.alone_up_to("void", {Role.SUPERVISOR}) == 0
    assert told.elsewhere_minor == {"refund": 40_000}
    assert (told.alone_days, told.never_alone, told.offline_alone_minor) == (3, frozenset({"cash"}), 2_500)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('never_alone = ["barter"]', "corrections.never_alone"),
        ("alone_days = -1", "corrections.alone_days"),
        ('offline_alone_up_to = "1.0005"', "corrections.offline_alone_up_to"),
        ('[corrections.roles]\nking = { refund_alone_up_to = "1" }', "corrections.roles.king"),
        ('[corrections.roles]\ncashier = { refund_alone_up_to = "1.0005" }', "corrections.roles.cashier"),
    ],
)
def test_what_no_shop_means_stops_the_start(tmp_path: Path, text: str, key: str) -> None:
    open_home(tmp_path).close()

    with pytest.raises(Refused) as refusal:
        policy_of(tmp_path, f"[corrections]\n{text}\n")

    assert refusal.value.code == "bad_settings"
    assert str(refusal.value.details["key"]).startswith(key)
