"""Every act and every role: what the table says is what the till does (reliability.md section 2, invariant 44)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from pos.domain.errors import DomainError, NotAuthorised, Refused
from pos.domain.payment_mode import ModeKind
from pos.domain.role import ACTS, ActKind, Grant, PermissionTable, Person, Role, roles_problem
from pos.domain.voucher import IssueOutcome, VoucherWanted
from pos.machine import InlineRunner
from pos.settings import read_settings
from pos.till.balances import ledger_balances
from pos.till.bank_receipts import reject_bank_receipt, unblock_dealer, verify_bank_receipt
from pos.till.card_totals import reconcile_cards
from pos.till.cash_office import CountOrder, close_shift, count_shift, open_shift
from pos.till.commissions import settle_commission
from pos.till.desk import Desk, note_refusals
from pos.till.enquiries import find
from pos.till.gate import may_do, may_do_alone, require_alone
from pos.till.imports import begin_run, confirm_match, open_records
from pos.till.large_cash import large_cash_of
from pos.till.lost_mark import confirm_store
from pos.till.papers import reprint, show_receipt
from pos.till.script import Script
from pos.till.script_acts import ACTS as ACTS_OF_THE_SCRIPT
from pos.till.script_acts import AVAILABLE
from pos.till.selling import OverrideOrder
from pos.till.settle_card import SettleOrder, Verdict, settle_by_hand
from pos.till.shop_clock import confirm_clock
from pos.till.sign_in import confirm_person
from pos.till.signals import signals_of
from pos.till.take_payment import take_payment
from pos.till.unsent import send_again
from pos.till.voucher_issue import IssueOrder, issue_voucher
from tests.builders.cards import FakeCards
from tests.builders.tills import (
    ADMIN,
    AUDITOR,
    BACK_OFFICE,
    CASHIER,
    DEALER,
    SUPERVISOR,
    cash,
    findings,
    make_till,
    order,
    rows,
    sale,
)

TABLE = read_settings().permissions

PERSON_OF = {
    Role.CASHIER: CASHIER,
    Role.SUPERVISOR: SUPERVISOR,
    Role.DEALER: DEALER,
    Role.BACK_OFFICE: BACK_OFFICE,
    Role.ADMIN: ADMIN,
    Role.AUDITOR: AUDITOR,
}


class _NoPress:
    async def issue(self, wanted: VoucherWanted) -> IssueOutcome:
        raise AssertionError(f"nobody is asked for {wanted}")

    async def rest(self, hold_id: str) -> IssueOutcome:
        raise AssertionError(f"nobody is asked for {hold_id}")

    async def printed(self, issue_id: str) -> None:
        raise AssertionError(f"nothing is printed of {issue_id}")


PRESS = _NoPress()

DEEDS: dict[str, Callable[[Desk, Person], object]] = {
    "open_shift": lambda desk, who: open_shift(desk, who, "5"),
    "pay": lambda desk, who: take_payment(desk, who, order(desk, cash("5"))),
    "sell": lambda desk, who: take_payment(desk, who, order(desk, cash("5"), lines=[sale("CHARGER")])),
    "count": lambda desk, who: count_shift(desk, who, CountOrder(cash="5")),
    "close_shift": lambda desk, who: close_shift(desk, who),
    "reprint": lambda desk, who: reprint(desk, who, "S014-T1-A-000001"),
    "confirm_person": lambda desk, who: confirm_person(desk, who, "9999"),
    "confirm_clock": lambda desk, who: confirm_clock(desk, who),
    "confirm_store": lambda desk, who: confirm_store(desk, who),
    "resolve_conflict": lambda desk, who: send_again(desk, who),
    "verify_bank_receipt": lambda desk, who: verify_bank_receipt(desk, who, "S014-T1-A-000001"),
    "reject_bank_receipt": lambda desk, who: reject_bank_receipt(desk, who, "S014-T1-A-000001", "forged"),
    "unblock_dealer": lambda desk, who: unblock_dealer(desk, who, "D-1", "settled"),
    "settle_commission": lambda desk, who: settle_commission(desk, who, "D-1"),
    "import": lambda desk, who: begin_run(desk, who, ModeKind.ATM, profile="records", file_digest="x"),
    "confirm_match": lambda desk, who: confirm_match(desk, who, "x", None),
    "resolve_card": lambda desk, who: settle_by_hand(
        desk, who, SettleOrder(attempt_id="x", verdict=Verdict.DECLINED, reason="x")
    ),
    "reconcile_cards": lambda desk, who: asyncio.run(reconcile_cards(desk, who, FakeCards(), InlineRunner())),
    "issue_voucher": lambda desk, who: asyncio.run(
        issue_voucher(desk, who, IssueOrder(value="x", expires="x"), PRESS, InlineRunner())
    ),
}

LOOKS: dict[str, Callable[[Desk, Person], object]] = {
    "enquire": lambda desk, who: find(desk, who, "BA-1"),
    "see_expected": lambda desk, who: ledger_balances(desk, who),
    "report_large_cash": lambda desk, who: large_cash_of(desk, who),
    "report_signals": lambda desk, who: signals_of(desk, who),
    "reprint": lambda desk, who: show_receipt(desk, who, "S014-T1-A-000404"),
    "import": lambda desk, who: open_records(desk, who),
}


def code_of(call: Callable[[], object]) -> str:
    """``ok``, or the code of the refusal."""
    try:
        call()
    except DomainError as refusal:
        return refusal.code
    return "ok"


@pytest.fixture
def desk() -> Desk:
    return make_till()


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("act", DEEDS)
def test_a_deed_is_done_only_as_the_table_says(desk: Desk, act: str, role: Role) -> None:
    """Invariant 44: every deed, every role."""
    grant = TABLE.grant(act, {role})

    code = code_of(lambda: DEEDS[act](desk, PERSON_OF[role]))
    note_refusals(desk)

    assert (code == "not_allowed") is not grant.allows_deed
    if not grant.allows_deed:
        last = rows(desk, "v_audit")[-1]
        assert (last["operator"], last["act"], last["result"]) == (PERSON_OF[role].user, act, "denied")


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("act", LOOKS)
def test_what_is_only_looked_at_is_shown_as_the_table_says_and_a_denial_is_audited(
    desk: Desk, act: str, role: Role
) -> None:
    grant = TABLE.grant(act, {role})

    code = code_of(lambda: LOOKS[act](desk, PERSON_OF[role]))
    note_refusals(desk)

    assert (code == "not_allowed") is (grant is Grant.NO)
    audited = [
        (row["operator"], row["act"], row["result"], row["reason_code"]) for row in rows(desk, "v_audit")
    ]
    assert audited == (
        [] if grant is not Grant.NO else [(PERSON_OF[role].user, act, "denied", "not_allowed")]
    )
    assert findings(desk) == []


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("act", sorted(ACTS_OF_THE_SCRIPT - {"sign_in"}))
def test_the_script_asks_for_the_right_before_anything_else(desk: Desk, act: str, role: Role) -> None:
    """Invariant 44: an act that is not there yet is refused to who may not do it for that, and audited either way."""
    grant, person = TABLE.grant(act, {role}), PERSON_OF[role]

    answer = Script(desk, person).run_line(json.dumps({"ref": "a1", "act": act}))

    error = answer.get("error", {"code": None})
    assert isinstance(error, dict)
    assert (error["code"] == "not_allowed") is not grant.allows_deed
    if grant.allows_deed and act not in AVAILABLE:
        assert error["code"] == "act_not_yet_available"
    (last,) = rows(desk, "v_audit")[-1:]
    assert (last["operator"], last["act"], last["reason_code"]) == (person.user, act, error["code"])
    assert last["result"] == ("denied" if not grant.allows_deed else last["result"])
    assert len(rows(desk, "v_audit")) == 1


@pytest.mark.parametrize(
    "line",
    ["", "nonsense", "[]", '{"ref":"a1"}', '{"ref":"a1","act":"print_money"}', '{"act":"pay","act":"pay"}'],
)
def test_a_line_that_is_no_act_is_audited_too(desk: Desk, line: str) -> None:
    Script(desk, CASHIER).run_line(line)

    (audited,) = rows(desk, "v_audit")
    assert (audited["operator"], audited["act"], audited["result"], audited["reason_code"]) == (
        CASHIER.user,
        "script",
        "refused",
        "bad_line",
    )


# --- each grant means one thing --------------------------------------------------------------------------------


def with_grant(desk: Desk, act: str, grant: Grant) -> Desk:
    """The cashier's right to ``act`` is ``grant``."""
    return replace(desk, permissions=PermissionTable({**desk.permissions.grants, act: {Role.CASHIER: grant}}))


@pytest.mark.parametrize(
    ("grant", "offered", "alone", "code"),
    [
        (Grant.ALONE, True, True, "ok"),
        (Grant.LIMIT, True, True, "ok"),
        (Grant.REASON, True, True, "reason_required"),
        (Grant.SECOND, True, False, "approval_required"),
        (Grant.READ, False, False, "not_allowed"),
        (Grant.NO, False, False, "not_allowed"),
    ],
)
def test_each_grant_means_one_thing(desk: Desk, grant: Grant, offered: bool, alone: bool, code: str) -> None:
    desk = with_grant(desk, "no_sale", grant)

    assert may_do(desk, "no_sale", CASHIER) is offered
    assert may_do_alone(desk, "no_sale", CASHIER) is alone
    assert code_of(lambda: require_alone(desk, "no_sale", CASHIER)) == code
    with_reason = "ok" if grant is Grant.REASON else code
    assert code_of(lambda: require_alone(desk, "no_sale", CASHIER, reason="Change for a note")) == with_reason


def test_a_reason_of_blanks_is_none(desk: Desk) -> None:
    with pytest.raises(Refused) as refusal:
        require_alone(with_grant(desk, "no_sale", Grant.REASON), "no_sale", CASHIER, reason="  ")

    assert refusal.value.code == "reason_required"


def test_who_may_only_look_is_told_who_may_do_it() -> None:
    with pytest.raises(NotAuthorised) as refusal:
        TABLE.require_deed("import", {Role.AUDITOR})

    assert refusal.value.message == "You may look at this, not do it. Who may: back office."
    assert refusal.value.details["allowed"] == ["back_office"]


def test_who_may_not_override_is_offered_nothing_of_it(desk: Desk) -> None:
    desk = replace(
        desk,
        permissions=PermissionTable(
            {**desk.permissions.grants, "override_price": {Role.CASHIER: Grant.READ}}
        ),
    )
    override = OverrideOrder(price="1", reason="goodwill")
    open_shift(desk, CASHIER, "5")

    code = code_of(
        lambda: take_payment(
            desk, CASHIER, order(desk, cash("5"), lines=[replace(sale("CHARGER"), override=override)])
        )
    )

    assert code in {"not_allowed", "unknown_item"}
    assert not may_do(desk, "override_price", CASHIER)


# --- what no table may say -------------------------------------------------------------------------------------


def changed(act: str, role: Role, grant: Grant) -> PermissionTable:
    return PermissionTable({**TABLE.grants, act: {**TABLE.grants[act], role: grant}})


def test_the_shipped_table_is_sound() -> None:
    assert TABLE.problem() is None


@pytest.mark.parametrize("act", [act for act, kind in ACTS.items() if kind is ActKind.MONEY])
@pytest.mark.parametrize("grant", [grant for grant in Grant if grant.allows_deed])
def test_no_table_gives_money_to_admin_or_auditor(act: str, grant: Grant) -> None:
    for role in (Role.ADMIN, Role.AUDITOR):
        problem = changed(act, role, grant).problem()
        assert problem is not None
        assert problem[0] == f"{act}.{role}"


@pytest.mark.parametrize("act", [act for act, kind in ACTS.items() if kind is ActKind.ADMIN])
def test_no_table_lets_one_person_alone_administer(act: str) -> None:
    for grant in (Grant.ALONE, Grant.LIMIT, Grant.REASON, Grant.READ):
        assert changed(act, Role.ADMIN, grant).problem() == (f"{act}.admin", "second, for admin alone")
    for role in set(Role) - {Role.ADMIN}:
        assert changed(act, role, Grant.SECOND).problem() is not None
    assert changed(act, Role.ADMIN, Grant.NO).problem() is None


@pytest.mark.parametrize("role", [Role.CASHIER, Role.SUPERVISOR, Role.DEALER])
@pytest.mark.parametrize("grant", [Grant.ALONE, Grant.READ, Grant.SECOND])
def test_no_table_shows_what_is_expected_to_who_counts(role: Role, grant: Grant) -> None:
    """Invariant 31: the count is blind."""
    problem = changed("see_expected", role, grant).problem()

    assert problem is not None
    assert problem[0] == f"see_expected.{role}"


def test_a_table_without_a_row_or_with_an_unknown_one_is_none() -> None:
    without = PermissionTable({act: row for act, row in TABLE.grants.items() if act != "close_day"})

    assert without.problem() == ("close_day", "a row for each act, if only an empty one, as close_day = {}")
    assert PermissionTable({**TABLE.grants, "print_money": {}}).problem() == (
        "print_money",
        "an act of this program",
    )
    assert PermissionTable({**TABLE.grants, "close_day": {}}).problem() is None


@pytest.mark.parametrize(
    ("act", "role", "grant"),
    [
        ("pay", Role.CASHIER, Grant.NO),
        ("pay", Role.BACK_OFFICE, Grant.LIMIT),
        ("void", Role.SUPERVISOR, Grant.ALONE),
        ("import", Role.AUDITOR, Grant.READ),
        ("read_audit", Role.ADMIN, Grant.NO),
    ],
)
def test_a_shop_may_give_and_take_other_rights(act: str, role: Role, grant: Grant) -> None:
    assert changed(act, role, grant).problem() is None


@pytest.mark.parametrize("act", ["approve", "decline"])
def test_an_admin_answers_what_admins_ask_for_and_nobody_else_does(act: str) -> None:
    """Rule 33: an admin approves no money, who sells no administration, and an approval needs none itself."""
    for role in (Role.CASHIER, Role.SUPERVISOR, Role.DEALER, Role.BACK_OFFICE):
        for grant in set(Grant) - {Grant.ALONE, Grant.NO}:
            assert changed(act, role, grant).problem() == (f"{act}.{role}", "alone or no")
        assert changed(act, role, Grant.ALONE).problem() is None
    for grant in set(Grant) - {Grant.LIMIT, Grant.NO}:
        assert changed(act, Role.ADMIN, grant).problem() == (f"{act}.admin", "limit or no")
    assert changed(act, Role.ADMIN, Grant.NO).problem() is None


@pytest.mark.parametrize(
    ("roles", "sound"),
    [
        ({Role.CASHIER}, True),
        ({Role.CASHIER, Role.SUPERVISOR}, True),
        ({Role.SUPERVISOR, Role.BACK_OFFICE}, True),
        ({Role.ADMIN}, True),
        ({Role.ADMIN, Role.AUDITOR}, True),
        ({Role.ADMIN, Role.CASHIER}, False),
        ({Role.ADMIN, Role.SUPERVISOR}, False),
        ({Role.ADMIN, Role.BACK_OFFICE}, False),
        ({Role.ADMIN, Role.DEALER}, False),
        ({Role.AUDITOR, Role.CASHIER}, False),
        (set(Role), False),
    ],
)
def test_a_seller_never_administers_and_an_admin_never_sells(roles: set[Role], sound: bool) -> None:
    assert (roles_problem(roles) is None) is sound
