"""Who may do what is data, and what has no row cannot be done."""

import pytest

from pos.domain.errors import NotAuthorised
from pos.domain.role import Grant, PermissionTable, Role
from pos.settings import read_settings

TABLE = read_settings().permissions


@pytest.mark.parametrize("act", ["add_user", "change_user", "reset_pin", "enrol", "restore", "keys"])
def test_only_an_admin_with_a_second_one_administers(act: str) -> None:
    assert {role: TABLE.grant(act, {role}) for role in Role} == {
        role: Grant.SECOND if role is Role.ADMIN else Grant.NO for role in Role
    }


@pytest.mark.parametrize(
    ("act", "role", "grant"),
    [
        ("pay", Role.CASHIER, Grant.LIMIT),
        ("pay", Role.SUPERVISOR, Grant.ALONE),
        ("pay", Role.DEALER, Grant.LIMIT),
        ("pay", Role.BACK_OFFICE, Grant.NO),
        ("void", Role.SUPERVISOR, Grant.SECOND),
        ("refund", Role.DEALER, Grant.NO),
        ("refund", Role.BACK_OFFICE, Grant.SECOND),
        ("see_expected", Role.CASHIER, Grant.NO),
        ("see_expected", Role.SUPERVISOR, Grant.NO),
        ("see_expected", Role.BACK_OFFICE, Grant.ALONE),
        ("see_expected", Role.AUDITOR, Grant.ALONE),
        ("reprint", Role.AUDITOR, Grant.ALONE),
        ("reprint", Role.ADMIN, Grant.NO),
        ("bounce_cheque", Role.CASHIER, Grant.NO),
        ("export", Role.AUDITOR, Grant.READ),
        ("enquire", Role.ADMIN, Grant.NO),
        ("no_sale", Role.CASHIER, Grant.REASON),
    ],
)
def test_a_role_has_the_right_it_was_given(act: str, role: Role, grant: Grant) -> None:
    assert TABLE.grant(act, {role}) is grant


def test_an_act_without_a_row_cannot_be_done_by_anybody() -> None:
    with pytest.raises(NotAuthorised) as refusal:
        TABLE.require("print_money", set(Role))

    assert refusal.value.code == "not_allowed"
    assert "nobody" in refusal.value.message


def test_nobody_without_a_role_may_do_anything() -> None:
    assert {TABLE.grant(act, set()) for act in TABLE.grants} == {Grant.NO}


def test_two_roles_have_the_further_right_of_both() -> None:
    table = PermissionTable(
        {"loan": {Role.CASHIER: Grant.LIMIT, Role.SUPERVISOR: Grant.ALONE, Role.DEALER: Grant.READ}}
    )

    assert table.grant("loan", {Role.CASHIER, Role.SUPERVISOR}) is Grant.ALONE
    assert table.grant("loan", {Role.CASHIER, Role.DEALER, Role.ADMIN}) is Grant.LIMIT


def test_the_refusal_names_who_may() -> None:
    with pytest.raises(NotAuthorised) as refusal:
        TABLE.require("bounce_cheque", {Role.CASHIER})

    assert refusal.value.details["allowed"] == ["back_office"]
    assert "back office" in refusal.value.message
    assert refusal.value.exit_code == 4
