"""Every cheque with its age and life, found again, and the ledger accounts explained by the cheques in them."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos.domain.cheque_register import ageing
from pos.domain.errors import DomainError, NotAuthorised
from pos.domain.money import Money
from pos.domain.role import Person, Role
from pos.till.approvals import approve
from pos.till.cheque_register import (
    ageing_of_cheques,
    all_cheques,
    cheque_life,
    clearing_accounts,
)
from pos.till.clearing import ClearOrder, clear_cheques
from pos.till.corrections import reverse
from pos.till.deposit_credits import CreditOrder, confirm_deposit
from pos.till.deposits import cancel_deposit, deposit_cheques, deposit_slips, lodge_deposit
from pos.till.desk import Desk
from pos.till.due_cheques import pay_post_dated, withdraw_post_dated
from pos.till.enquiries import HitKind, find
from pos.till.post_dated import post_dated_cheques, register_cheque
from tests.builders.tills import (
    ADMIN,
    AUDITOR,
    BACK_OFFICE,
    CASHIER,
    DEALER,
    SUPERVISOR,
    TODAY,
    account,
    cheque,
    clock_of,
    closed,
    count,
    findings,
    make_till,
    money,
    opened,
    order,
    pay,
    rows,
    tell,
    wish,
)
from tests.builders.undoing import order as undoing
from tests.till.books import spoil

NOTE = "S014-T1-A-PD-000001"


def day(days: int) -> str:
    return (TODAY + timedelta(days=days)).isoformat()


def later(desk: Desk, amount: str, serial: str, days: int, account: str = "BA-1") -> str:
    asked = order(desk, cheque(amount, serial, date=day(days)), account=account)
    return register_cheque(desk, CASHIER, asked).note.receipt_number


@pytest.fixture
def desk() -> Desk:
    """In hand: 000123 over 41.750; nearly too old 000124 over 12.500; post-dated 000125 over 5.000 of BA-5."""
    desk = make_till()
    opened(desk)
    pay(desk, cheque("41.750", "000123", branch="042", account="77-9", drawer="Zoë O'Brien"))
    pay(desk, cheque("12.500", "000124", date=day(-170)))
    later(desk, "5", "000125", 10, "BA-5")
    count(desk, "20", cheques="54.250", cheque_count=2)
    closed(desk)
    return desk


def found(desk: Desk, query: str = "", person: Person = BACK_OFFICE, *, over: bool = False) -> list[str]:
    return [line.serial for line in all_cheques(desk, person, query, over=over)]


# --- the list --------------------------------------------------------------------------------------------------------


def test_cheques_are_listed_by_age_with_a_warning_before_they_are_too_old(desk: Desk) -> None:
    """Rule 38: the oldest first, and what is near its limit says so."""
    lines = all_cheques(desk, BACK_OFFICE)

    policy = desk.policy.cheques
    assert [(line.serial, line.state, line.warning(policy, today=TODAY)) for line in lines] == [
        ("000124", "received", "10 days left"),
        ("000123", "received", ""),
        ("000125", "registered", ""),
    ]
    assert [line.age(today=TODAY) for line in lines] == [170, 0, -10]
    much_later = TODAY + timedelta(days=11)
    assert [line.warning(policy, today=much_later) for line in lines] == ["TOO OLD", "", ""]


@pytest.mark.parametrize(
    ("query", "serials"),
    [
        ("000123", ["000123"]),
        ("0123", []),
        ("BA-5", ["000125"]),
        ("ba-5", ["000125"]),
        ("BA-1", ["000124", "000123"]),
        ("779", ["000123"]),
        ("77-9", ["000123"]),
        (NOTE, ["000125"]),
        ("s014-t1-a-000001", ["000123"]),
        ("zoe brie", ["000124", "000123"]),
        ("o'brien", ["000124", "000123"]),
        ("%", []),
        ("nobody", []),
    ],
)
def test_a_cheque_is_found_by_serial_account_paper_and_drawer(
    desk: Desk, query: str, serials: list[str]
) -> None:
    assert found(desk, query) == serials


def test_what_is_over_is_found_where_it_is_asked_for(desk: Desk) -> None:
    withdraw_post_dated(desk, BACK_OFFICE, NOTE, "why")
    assert (found(desk), found(desk, over=True)) == (
        ["000124", "000123"],
        ["000124", "000123", "000125"],
    )


def test_the_find_box_finds_a_cheque_by_its_serial(desk: Desk) -> None:
    """A phone may end in the same digits: who is in doubt chooses."""
    (hit,) = find(desk, CASHIER, "000123")
    assert (hit.kind, hit.exact) == (HitKind.CHEQUE, False)
    assert hit.cheque is not None
    assert (hit.cheque.serial, hit.cheque.amount) == ("000123", money("41.750"))
    tell(desk, accounts=[account("BA-9", "Same Digits", phone="+96555000123")])
    assert [one.kind for one in find(desk, CASHIER, "000123")] == [HitKind.CHEQUE, HitKind.ACCOUNT]
    assert find(desk, CASHIER, "00012") == []


def test_a_dealer_sees_none_of_others(desk: Desk) -> None:
    assert found(desk, person=DEALER) == []
    assert find(desk, DEALER, "000123") == []
    (line, *_) = all_cheques(desk, BACK_OFFICE)
    with pytest.raises(DomainError) as refusal:
        cheque_life(desk, DEALER, line.key)
    assert refusal.value.code == "unknown_cheque"
    for nobody in (ADMIN,):
        with pytest.raises(NotAuthorised):
            all_cheques(desk, nobody)
    assert len(found(desk, person=AUDITOR)) == 3


# --- one life --------------------------------------------------------------------------------------------------------


def test_the_life_of_a_cheque_begins_in_the_register_and_ends_at_the_bank(desk: Desk) -> None:
    (held,) = all_cheques(desk, BACK_OFFICE, "000125")
    assert [(step.state, step.said) for step in cheque_life(desk, BACK_OFFICE, held.key).steps] == [
        ("registered", NOTE)
    ]
    clock_of(desk).advance(days=10)
    opened(desk)
    pay_post_dated(desk, CASHIER, NOTE)
    count(desk, "20", cheques="5", cheque_count=1)
    closed(desk)
    torn = deposit_cheques(desk, BACK_OFFICE, ["S014-T1-A-000003"]).slip.number
    cancel_deposit(desk, BACK_OFFICE, torn, "torn")
    slip = deposit_cheques(desk, BACK_OFFICE, ["S014-T1-A-000003"]).slip.number
    lodge_deposit(desk, BACK_OFFICE, slip, "NBK 1")
    confirm_deposit(desk, BACK_OFFICE, slip, CreditOrder(amount="5"))

    life = cheque_life(desk, BACK_OFFICE, held.key)

    assert (life.cheque.state, life.cheque.paper, life.cheque.slip) == ("credited", "S014-T1-A-000003", slip)
    assert [(step.state, step.operator, step.said) for step in life.steps] == [
        ("registered", "1001", NOTE),
        ("credited", "1001", ""),
        ("received", "1001", "S014-T1-A-000003"),
        ("batched", "4001", torn),
        ("received", "4001", torn),
        ("batched", "4001", slip),
        ("lodged", "4001", ""),
        ("credited", "4001", ""),
    ]
    assert cheque_life(desk, BACK_OFFICE, life.cheque.key) == life


def test_what_is_no_cheque_has_no_life(desk: Desk) -> None:
    for none in ("000123", NOTE, "x"):
        with pytest.raises(DomainError) as refusal:
            cheque_life(desk, BACK_OFFICE, none)
        assert refusal.value.code == "unknown_cheque"


# --- figures ---------------------------------------------------------------------------------------------------------


def test_ageing_sums_what_is_expected_by_state_and_age(desk: Desk) -> None:
    lines = {line.state: line for line in ageing_of_cheques(desk, BACK_OFFICE)}

    assert set(lines) == {"received", "registered"}
    assert (lines["received"].count, lines["received"].amount) == (2, money("54.250"))
    none = money("0")
    assert lines["received"].by_age == (none, money("41.750"), none, none, money("12.500"))
    assert lines["registered"].by_age == (money("5"), none, none, none, none)
    assert ageing([], today=TODAY) == []
    with pytest.raises(NotAuthorised):
        ageing_of_cheques(desk, CASHIER)


@pytest.mark.parametrize(
    ("days", "place"), [(-1, 0), (0, 1), (7, 1), (8, 2), (30, 2), (31, 3), (90, 3), (91, 4)]
)
def test_each_age_has_its_place(desk: Desk, days: int, place: int) -> None:
    (line,) = all_cheques(desk, BACK_OFFICE, "000123")
    (sums,) = ageing([line], today=TODAY + timedelta(days=days))
    assert [bool(part) for part in sums.by_age].index(True) == place


def explained(desk: Desk, ledger_account: str) -> dict[str, str]:
    (one,) = clearing_accounts(desk, BACK_OFFICE, ledger_account)
    assert one.unexplained == money("0")
    return {line.serial: line.amount.plain() for line in one.cheques}


def test_the_clearing_accounts_explain_themselves(desk: Desk) -> None:
    assert explained(desk, "cheques_in_hand") == {"000123": "41.750", "000124": "12.500"}
    slip = deposit_cheques(desk, BACK_OFFICE, ["S014-T1-A-000001"]).slip.number
    assert explained(desk, "cheques_in_hand") == {"000123": "41.750", "000124": "12.500"}
    lodge_deposit(desk, BACK_OFFICE, slip, "NBK 1")
    assert explained(desk, "cheques_in_hand") == {"000124": "12.500"}
    assert explained(desk, "cheques_in_clearing") == {"000123": "41.750"}
    confirm_deposit(desk, BACK_OFFICE, slip, CreditOrder(amount="41.750"))
    assert explained(desk, "cheques_in_clearing") == {}
    assert clearing_accounts(desk, BACK_OFFICE, "bank") == []
    with pytest.raises(NotAuthorised):
        clearing_accounts(desk, SUPERVISOR, "cheques_in_hand")


def test_an_amount_that_no_cheque_stands_behind_is_found(desk: Desk) -> None:
    assert findings(desk) == []
    spoil(desk, "UPDATE cheque SET amount_minor = amount_minor - 1 WHERE serial = '000123'")

    (one,) = clearing_accounts(desk, BACK_OFFICE, "cheques_in_hand")
    assert one.unexplained == money("0.001")
    assert ("clearing_accounts_are_their_cheques", "cheques_in_hand KWD") in {
        (finding.check, finding.where) for finding in findings(desk)
    }


@given(st.lists(st.integers(0, 9), min_size=4, max_size=14), st.data())
def test_the_cheques_are_the_balance_whatever_becomes_of_them(deeds: list[int], data: st.DataObject) -> None:
    """Rule 42: after every step the cheques in hand and in clearing are just what the ledger says."""
    desk = make_till()
    opened(desk)
    serial = iter(range(1, 99))
    for deed in deeds:
        _one_deed(desk, deed, serial, data)
        for name in ("cheques_in_hand", "cheques_in_clearing"):
            for one in clearing_accounts(desk, BACK_OFFICE, name):
                assert not one.unexplained
    assert findings(desk) == []


def _one_deed(desk: Desk, deed: int, serial: Iterator[int], data: st.DataObject) -> None:
    """Whatever this deed finds to be done; nothing, where there is nothing."""
    number = f"{next(serial):06}"
    amount = Money(data.draw(st.integers(1, 9_999)), desk.identity.currency).plain()
    slips = deposit_slips(desk, BACK_OFFICE)
    if deed in (0, 1):
        pay(desk, cheque(amount, number), allocate=[wish(None, amount, "BA-3")])
    elif deed == 2:
        later(desk, "1", number, (clock_of(desk).now().date() - TODAY).days + 3)
    elif deed == 3:
        clock_of(desk).advance(days=3)
        for held in post_dated_cheques(desk, CASHIER, due_only=True):
            pay_post_dated(desk, CASHIER, held.note)
    elif deed == 4:
        for held in post_dated_cheques(desk, CASHIER)[:1]:
            withdraw_post_dated(desk, CASHIER, held.note, "why")
    elif deed == 5:
        _count_and_open_anew(desk)
    elif deed == 6:
        _if_it_may(lambda: deposit_cheques(desk, BACK_OFFICE))
    elif deed == 7 and slips:
        _if_it_may(lambda: lodge_deposit(desk, BACK_OFFICE, slips[0].number, "X1"))
    elif deed == 8 and slips:
        lines = [(one.cheque_id, one.amount) for one in slips[0].outstanding[:1]]
        _if_it_may(lambda: confirm_deposit(desk, BACK_OFFICE, slips[0].number, CreditOrder(cheques=lines)))
        _if_it_may(lambda: clear_cheques(desk, BACK_OFFICE, ClearOrder(older_than_days=0)))
    elif deed == 9:
        taken = [str(row["receipt_number"]) for row in rows(desk, "v_payment") if row["state"] == "taken"]
        if taken:
            bad = undoing(taken[0], reason="bad_instrument", tender=1)
            _if_it_may(lambda: reverse(desk, SUPERVISOR, bad))
            for request in rows(desk, "approval_request"):
                _if_it_may(lambda request=request: approve(desk, BACK_OFFICE, str(request["request_id"])))  # type: ignore[misc]
            _if_it_may(lambda: reverse(desk, SUPERVISOR, bad))


def _count_and_open_anew(desk: Desk) -> None:
    (shift,) = [row for row in rows(desk, "v_shift") if row["state"] == "open"]
    here = [
        int(str(row["amount_minor"]))
        for row in rows(
            desk, f"payment_event JOIN tender USING (payment_event_id) WHERE shift_id = '{shift['shift_id']}'"
        )
    ]
    total = Money(sum(here), desk.identity.currency).plain()
    count(desk, "20", cheques=total, cheque_count=len(here))
    try:
        closed(desk)
    except DomainError:
        closed(desk, "some went back")
    opened(desk)


def _if_it_may(deed: Callable[[], object]) -> None:
    try:
        deed()
    except DomainError:
        return


def test_who_sees_one_account_gets_all_of_it_however_many_others_there_are() -> None:
    """The limit counts what is seen."""
    desk = make_till()
    opened(desk)
    for number in range(3):
        pay(desk, cheque("1", f"00020{number}", date=day(-9)), account="BA-1")
        later(desk, "1", f"00030{number}", 9)
    own = Person(user="3001", name="Rami Haddad", roles=frozenset({Role.DEALER}), dealer="BA-5")
    pay(desk, cheque("1", "000209"), account="BA-5")
    later(desk, "1", "000309", 20, "BA-5")

    assert [line.serial for line in all_cheques(desk, own, limit=2)] == ["000209", "000309"]
    assert [line.serial for line in post_dated_cheques(desk, own, limit=1)] == ["000309"]
