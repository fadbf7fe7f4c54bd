"""Every command of the screen and every role: what the table says is what the keys do (invariant 44)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from pos.domain.errors import DomainError
from pos.domain.role import Grant, Person, Role
from pos.settings import read_settings
from pos.store import outbox
from pos.store.people import RosterEntry, put_person
from pos.till.desk import Desk
from pos.till.refunds import RefundOrder, refund
from pos.tui.keys import RIGHTS
from tests.builders.signed import FakePress
from tests.builders.tills import (
    CASHIER,
    NOW,
    PINS,
    bank_cash,
    card,
    cash,
    cheque,
    closed,
    count,
    grant_limit,
    in_suspense,
    leave_commission_for_settlement,
    make_till,
    opened,
    pay,
    rows,
    sale,
    stock,
)
from tests.builders.undoing import approved
from tests.tui.counter import Counter, counter
from tests.tui.test_issuing_vouchers import issuing

TABLE = read_settings().permissions
USERS = {
    Role.CASHIER: "1001",
    Role.SUPERVISOR: "2002",
    Role.DEALER: "3001",
    Role.BACK_OFFICE: "4001",
    Role.ADMIN: "5001",
    Role.AUDITOR: "6001",
}


@dataclass(frozen=True, kw_only=True)
class Way:
    """How the keys lead to an act; ``through``: the rights that the lists on the way want, if only to look."""

    keys: tuple[str, ...]
    fill: tuple[str, ...] = ()
    then: tuple[str, ...] = ()
    through: tuple[str, ...] = ()
    ready: Callable[[Desk], object] | None = None


def with_bank_receipt(desk: Desk) -> None:
    opened(desk)
    pay(desk, bank_cash("15", "K7-20991"), account="D-1")


def with_cheque(desk: Desk) -> None:
    opened(desk)
    pay(desk, cheque("12.500", "000124"))
    count(desk, "20", cheques="12.500", cheque_count=1)
    closed(desk)


def with_refund(desk: Desk) -> None:
    opened(desk)
    receipt = pay(desk, card("5")).receipt.receipt_number
    approved(desk, lambda: refund(desk, CASHIER, RefundOrder(receipt=receipt, reason="billed_twice")))


def with_suspense(desk: Desk) -> None:
    opened(desk)
    pay(desk, cash("5"), allocate=[in_suspense("Envelope", "5")])


def with_parked(desk: Desk) -> None:
    opened(desk)
    pay(desk, cash("5"))
    with desk.till.transaction() as unit:
        outbox.mark_parked(unit.connection, 1, reason="unknown", at=NOW)


def with_commission(desk: Desk) -> None:
    leave_commission_for_settlement(desk)
    stock(desk)
    grant_limit(desk, "1000")
    opened(desk)
    pay(desk, cash("20"), account="D-1", lines=[sale("SERVICE", 4)])


def with_request(desk: Desk) -> None:
    owner = Person(
        user="1002", name="Zoë Çelik", roles=frozenset({Role.CASHIER}), accounts=frozenset({"BA-1"})
    )
    with desk.till.transaction() as unit:
        hashed = desk.pin_hasher.hash(PINS["1002"])
        put_person(unit.connection, RosterEntry(person=owner, pin_hash=hashed, active=True), at=NOW)
    opened(desk, person=owner)
    with pytest.raises(DomainError):
        pay(desk, cash("5"), person=owner)


WAYS = {
    "open_shift": Way(keys=(".", "1", "enter")),
    "lock": Way(keys=("ctrl+l",)),
    "note": Way(keys=(".", "n"), fill=("Drawer checked",), then=("enter",)),
    "issue_voucher": Way(keys=(".", ".", "6"), fill=("10", "2027-01-31"), then=("enter",) * 4),
    "confirm_person": Way(keys=(".", ".", "8"), fill=("1002",)),
    "verify_bank_receipt": Way(
        keys=(".", ".", "2", "y", "enter"), through=("enquire",), ready=with_bank_receipt
    ),
    "reject_bank_receipt": Way(keys=(".", ".", "2", "n", "4"), through=("enquire",), ready=with_bank_receipt),
    "settle_commission": Way(keys=(".", ".", "5", "s", "enter"), through=("enquire",), ready=with_commission),
    "confirm_refund": Way(keys=(".", "r", "y"), fill=("CARD-1",), through=("enquire",), ready=with_refund),
    "deposit_cheques": Way(keys=(".", ".", "7", "enter"), through=("enquire",), ready=with_cheque),
    "resolve_suspense": Way(
        keys=(".", ".", "3", "enter"),
        fill=("BA-1",),
        then=("enter",) * 3,
        through=("enquire",),
        ready=with_suspense,
    ),
    "resolve_conflict": Way(keys=(".", "9", "s"), through=("enquire",), ready=with_parked),
    "approve": Way(keys=(".", ".", "9", "y", "enter"), ready=with_request),
    "decline": Way(keys=(".", ".", "9", "n"), fill=("Not today",), ready=with_request),
    "add_user": Way(
        keys=(".", ".", "0", "a"),
        fill=("1088", "Mia", "cashier", ""),
        then=("enter",),
        through=("change_user",),
    ),
    "change_user": Way(keys=(".", ".", "0", "d", "enter"), through=("change_user",)),
    "reset_pin": Way(keys=(".", ".", "0", "r", "enter"), through=("change_user",)),
}

ELSEWHERE = {
    "pay": "needs an own shift; denied in the deed, and test_payments has who may not",
    "override_price": "test_selling",
    "resolve_card": "test_cards",
    "demand_bill": "asked of central; test_bills_on_demand has who may not",
    "unblock_dealer": "test_bank_receipts, as verify and reject",
    "import": "test_bank_records",
    "confirm_match": "test_bank_records",
    "settle_bank_entry": "test_bank_files",
    "bag_cash": "test_deposits",
    "open_bag": "test_deposits",
    "lodge_deposit": "test_deposits",
    "confirm_deposit": "test_deposits",
    "cancel_deposit": "test_deposits",
    "reprint": "test_payments",
    "void": "needs an own shift; test_undoing",
    "swap_tender": "test_undoing",
    "refund": "test_paying_back",
    "transfer": "test_paying_back",
    "reallocate": "test_paying_back",
    "close_shift": "whoever has an own shift",
    "withdraw_post_dated": "test_post_dated",
    "bounce_cheque": "test_dishonour",
    "replace_cheque": "needs an own shift; test_instead_of_cheque",
    "undo_bounce": "test_dishonour",
    "accept_over_short": "test_z_reports",
    "mandate": "a cashier needs an own shift; tests/tui/test_mandates",
    "see_expected": "test_z_reports",
    **dict.fromkeys(("send_bag", "accept_bag", "recall_bag"), "test_shop_bags"),
    **dict.fromkeys(("safe_count", "close_day"), "test_day"),
    "hand_over": "test_hand_over",
    "count_sheet": "test_counted_pieces",
    **dict.fromkeys(
        ("pickup", "loan", "paid_in", "paid_out", "no_sale", "undo_cash_move"),
        "needs an own shift; test_cash_moves",
    ),
    "export": "tests/tui/test_ledger_batches",
    "ledger_batch": "tests/tui/test_ledger_batches",
    "ask_elsewhere": "test_elsewhere",
    "enquire": "on the way to the lists here",
}
"""Rights that want more before them than a list: what is shown of them stands in these tests."""


def test_every_right_behind_a_key_is_tried_here_or_somewhere_named() -> None:
    assert {right for right in RIGHTS.values() if right} == WAYS.keys() - {
        "deposit_cheques",
        "resolve_suspense",
    } | ELSEWHERE.keys()


@pytest.mark.sweep(7)
@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("act", WAYS)
async def test_the_keys_do_what_the_table_says(act: str, role: Role) -> None:
    """Invariant 44: every command, every role; a denial is told with who may, and audited."""
    way, grant = WAYS[act], TABLE.grant(act, {role})
    desk = make_till()
    if way.ready is not None:
        way.ready(desk)
    before = len(rows(desk, "v_audit"))
    desk.policy = replace(
        desk.policy, payments=replace(desk.policy.payments, resolve_alone_up_to_minor=10**9)
    )

    async with counter(desk, user=USERS[role], issuing=issuing(FakePress())) as seat:
        said = await _go(seat, way)

    audited = {(row["act"], row["result"]) for row in rows(desk, "v_audit")[before:]}
    denied = {right for right, result in audited if result == "denied"}
    seen = all(TABLE.grant(right, {role}) is not Grant.NO for right in way.through)
    # A dealer's people see nothing in the shop's lists, and an admin no request but those of admins.
    empty = (role is Role.DEALER and "enquire" in way.through) or (
        role is Role.ADMIN and way.ready is with_request
    )
    if not grant.allows_deed or not seen or empty:
        assert (act, "ok") not in audited
        assert denied & {act, *way.through} or said.splitlines()[-1].startswith("! ")
    else:
        assert not denied
        wants_second = grant is Grant.SECOND and act != "resolve_suspense"
        assert (act, "refused" if wants_second else "ok") in audited


async def _go(seat: Counter, way: Way) -> str:
    """Press the way's keys; everything that the message line said on the way."""
    said = []
    if seat.screen == "OpenShiftScreen":
        await seat.press("escape")
    for key in way.keys:
        await seat.press(key)
        said.append(seat.message)
    for text in way.fill:
        await seat.fill(text)
        said.append(seat.message)
    for key in way.then:
        await seat.press(key)
        said.append(seat.message)
    return "\n".join(said)
