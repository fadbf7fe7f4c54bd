"""Cheques to the bank: slip, lodgement, credit, and a slip that is taken back (domain.md 3.3 and rules 38 and 42)."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pos.domain.deposit import BankAccount, DepositPolicy, DepositSlip, SlipState
from pos.domain.errors import NotAuthorised, Refused
from pos.domain.money import Money
from pos.domain.receipt import ReceiptKind
from pos.domain.role import Person
from pos.store.receipts import waiting_prints
from pos.till.approvals import approve
from pos.till.cheque_register import all_cheques, cheque_life
from pos.till.deposit_credits import CreditOrder, confirm_deposit
from pos.till.deposits import LIVING, cancel_deposit, deposit_cheques, deposit_slips, lodge_deposit
from pos.till.desk import Desk
from pos.till.open_bills import catch_up
from pos.till.papers import last_receipt_of, reprint, show_receipt
from pos.till.post_dated import register_cheque
from pos.till.script import Script
from pos.till.what_to_bank import cheques_to_deposit
from tests.builders.tills import (
    ADMIN,
    AUDITOR,
    BACK_OFFICE,
    CASHIER,
    DEALER,
    HOSTILE_NAME,
    SUPERVISOR,
    TODAY,
    cash,
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
    raw_connection,
    rows,
    wish,
)
from tests.builders.tries import examples
from tests.builders.undoing import approved, open_bills
from tests.builders.undoing import balances as ledger
from tests.till.books import refused, spoil

OLD = (TODAY - timedelta(days=170)).isoformat()
SERIALS = ("000123", "000124", "000125")


@pytest.fixture
def desk() -> Desk:
    """Three cheques of a counted shift, the second of them nearly too old: 41.750, 12.500 and 5.005."""
    desk = make_till()
    opened(desk)
    pay(desk, cheque("41.750", SERIALS[0], date="2026-11-01", branch="042", drawer="Lina Haddad"))
    pay(desk, cheque("12.500", SERIALS[1], date=OLD))
    pay(desk, cheque("5.005", SERIALS[2]), account="BA-5")
    count(desk, "20", cheques="59.255", cheque_count=3)
    closed(desk)
    return desk


def made(desk: Desk, cheques: Sequence[str] | None = None, person: Person = BACK_OFFICE) -> DepositSlip:
    return deposit_cheques(desk, person, cheques).slip


def lodged(desk: Desk, cheques: Sequence[str] | None = None) -> str:
    number = made(desk, cheques).number
    lodge_deposit(desk, BACK_OFFICE, number, "NBK 7781/3")
    return number


def state_of(desk: Desk) -> dict[object, object]:
    return {row["serial"]: row["state"] for row in rows(desk, "v_cheque")}


def balances(desk: Desk) -> dict[str, int]:
    sums: dict[str, int] = {}
    for row in rows(desk, "v_journal"):
        name = str(row["ledger_account"])
        if name in ("cheques_in_hand", "cheques_in_clearing", "bank"):
            sums[name] = sums.get(name, 0) + int(str(row["debit_minor"])) - int(str(row["credit_minor"]))
    return {name: minor for name, minor in sums.items() if minor}


def say(desk: Desk, ref: str, act: str, **told: object) -> dict[str, Any]:
    return Script(desk, BACK_OFFICE).run_line(json.dumps({"ref": ref, "act": act, **told}))


# --- the slip --------------------------------------------------------------------------------------------------------


def test_a_slip_is_the_sum_of_its_cheques_and_the_bank_must_credit_just_that(desk: Desk) -> None:
    """Rule 42: slip total = sum of cheques; the bank's one credit must match it."""
    slip = made(desk)
    assert (slip.total, slip.number) == (money("59.255"), "S014-T1-A-DS-000001")
    lodge_deposit(desk, BACK_OFFICE, slip.number, "NBK 7781/3")

    short = refused(
        desk, lambda: confirm_deposit(desk, BACK_OFFICE, slip.number, CreditOrder(amount="59.250"))
    )
    assert short.code == "deposit_differs"
    assert short.details == {
        "slip": slip.number,
        "expected": "59.255",
        "bank": "59.250",
        "difference": "-0.005",
        "currency": "KWD",
    }
    assert "has 59.255 to come, the bank says 59.250: 0.005 less" in short.message
    done = confirm_deposit(desk, BACK_OFFICE, slip.number, CreditOrder(amount="59.255")).slip

    assert (done.state, done.still_to_come) == (SlipState.CONFIRMED, money("0"))
    assert balances(desk) == {"bank": 59_255}
    assert set(state_of(desk).values()) == {"credited"}
    assert findings(desk) == []


def test_what_the_bank_credits_by_cheque_is_confirmed_and_the_rest_stays_lodged(desk: Desk) -> None:
    """Rule 42: credits by cheque must each be a cheque of the slip, and together the slip."""
    number = lodged(desk)

    part = confirm_deposit(
        desk, BACK_OFFICE, number, CreditOrder(cheques=[("000123", "41.750"), ("000125", "5.005")])
    ).slip
    assert (part.state, part.still_to_come) == (SlipState.PART_CONFIRMED, money("12.500"))
    assert state_of(desk) == {"000123": "credited", "000124": "lodged", "000125": "credited"}
    assert balances(desk) == {"bank": 46_755, "cheques_in_clearing": 12_500}
    again = refused(
        desk,
        lambda: confirm_deposit(desk, BACK_OFFICE, number, CreditOrder(cheques=[("000123", "41.750")])),
    )
    assert again.code == "cheque_credited"

    confirm_deposit(desk, BACK_OFFICE, number, CreditOrder(amount="12.500"))
    assert balances(desk) == {"bank": 59_255}
    (row,) = rows(desk, "v_deposit_slip")
    assert (row["state"], row["credited_minor"], row["reference"]) == ("confirmed", 59_255, "NBK 7781/3")
    assert findings(desk) == []


def test_the_oldest_cheque_is_first_on_the_slip_and_is_told(desk: Desk) -> None:
    """Rule 38: deposit slips are ordered by age, and who banks a cheque near its limit is told."""
    done = deposit_cheques(desk, BACK_OFFICE)

    assert [cheque.serial for cheque in done.slip.cheques] == ["000124", "000123", "000125"]
    assert done.warnings == ("Cheque 000124: 10 days until it is too old.",)


def test_each_step_posts_what_moved(desk: Desk) -> None:
    before = balances(desk)
    slip = made(desk)
    assert balances(desk) == before == {"cheques_in_hand": 59_255}, "paper moves nothing"
    assert set(state_of(desk).values()) == {"batched"}

    lodge_deposit(desk, BACK_OFFICE, slip.number, "X1", on=TODAY.isoformat())

    assert balances(desk) == {"cheques_in_clearing": 59_255}
    assert set(state_of(desk).values()) == {"lodged"}
    assert [row["result"] for row in rows(desk, "v_audit")][-2:] == ["ok", "ok"]
    assert [(row["act"], row["subject"]) for row in rows(desk, "v_audit")][-1] == (
        "lodge_deposit",
        slip.number,
    )


def test_its_money_goes_to_the_ledger_account_of_its_bank_account(desk: Desk) -> None:
    second = BankAccount(code="second", bank="Gulf Bank", number="0012-7781", ledger_account="safe")
    desk.policy = replace(desk.policy, deposits=DepositPolicy(accounts=(BankAccount(code="main"), second)))
    slip = deposit_cheques(desk, BACK_OFFICE, bank_account="second").slip
    facts = show_receipt(desk, BACK_OFFICE, slip.number)
    assert facts.deposit is not None
    assert (facts.deposit.bank, facts.deposit.account_number) == ("Gulf Bank", "0012-7781")
    # The account was closed meanwhile: the slip was paid into it all the same.
    desk.policy = replace(desk.policy, deposits=DepositPolicy())
    lodge_deposit(desk, BACK_OFFICE, slip.number, "X1")
    confirm_deposit(desk, BACK_OFFICE, slip.number, CreditOrder(amount="59.255"))

    assert balances(desk) == {}
    assert rows(desk, "v_deposit_slip")[0]["bank_account"] == "second"
    assert findings(desk) == []


# --- which cheques ---------------------------------------------------------------------------------------------------


def test_cheques_are_named_by_id_or_by_their_receipt(desk: Desk) -> None:
    first, second, _ = rows(desk, "v_cheque")

    slip = made(desk, [str(first["cheque_id"]), "s014-t1-a-000002"])

    assert {cheque.cheque_id for cheque in slip.cheques} == {first["cheque_id"], second["cheque_id"]}
    assert [one.serial for one in cheques_to_deposit(desk, BACK_OFFICE).cheques] == ["000125"]
    assert findings(desk) == []


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (["S014-T1-A-000001", "S014-T1-A-000001"], "cheque_named_twice"),
        (["S014-T1-A-000009"], "unknown_cheque"),
        (["' OR 1=1 --"], "unknown_cheque"),
        ([HOSTILE_NAME], "bad_reference"),
        (["4111111111111111"], "card_number_refused"),
        (["x" * 400], "text_too_long"),
        ([], "no_cheques_to_deposit"),
    ],
)
def test_what_is_no_cheque_of_the_till_is_refused(desk: Desk, names: list[str], code: str) -> None:
    assert refused(desk, lambda: made(desk, names)).code == code


def test_a_cheque_is_on_one_slip_only(desk: Desk) -> None:
    number = made(desk, ["S014-T1-A-000001"]).number

    taken = refused(desk, lambda: made(desk, ["S014-T1-A-000001"]))

    assert (taken.code, taken.details["slip"], taken.details["state"]) == (
        "cheque_not_in_hand",
        number,
        "batched",
    )
    assert [one.serial for one in made(desk).cheques] == ["000124", "000125"]
    assert refused(desk, lambda: made(desk)).code == "no_cheques_to_deposit"


def test_cheques_of_an_open_shift_are_counted_first(desk: Desk) -> None:
    opened(desk)
    pay(desk, cheque("9", "000200"), account="BA-4", allocate=[])
    in_hand = cheques_to_deposit(desk, BACK_OFFICE)
    assert (len(in_hand.cheques), in_hand.in_open_shift) == (3, 1)

    assert refused(desk, lambda: made(desk, ["S014-T1-A-000004"])).code == "shift_not_closed"
    assert len(made(desk).cheques) == 3
    waits = refused(desk, lambda: made(desk))
    assert (waits.code, waits.details["in_open_shift"]) == ("no_cheques_to_deposit", 1)
    count(desk, "20", cheques="9", cheque_count=1)
    closed(desk)
    assert [one.serial for one in made(desk).cheques] == ["000200"]


def test_a_post_dated_cheque_in_the_register_is_none_to_bank() -> None:
    desk = make_till()
    opened(desk)
    later = (TODAY + timedelta(days=9)).isoformat()
    register_cheque(desk, CASHIER, order(desk, cheque("5", "000777", date=later)))
    pay(desk, cash("60"))
    count(desk, "74.250")
    closed(desk, "short")

    assert refused(desk, lambda: made(desk)).code == "no_cheques_to_deposit"


# --- a slip that is taken back ---------------------------------------------------------------------------------------


def test_a_slip_that_was_not_lodged_gives_its_cheques_back_and_keeps_its_number(desk: Desk) -> None:
    number = made(desk).number

    cancel_deposit(desk, BACK_OFFICE, number, "wrong account")

    assert set(state_of(desk).values()) == {"received"}
    assert [row["reason"] for row in rows(desk, "v_deposit_slip")] == ["wrong account"]
    with desk.till.read() as connection:
        assert number not in [job.receipt_number for job in waiting_prints(connection, 99)], (
            "no paper of it comes"
        )
    assert refused(desk, lambda: reprint(desk, BACK_OFFICE, number)).code == "deposit_state"
    again = made(desk)
    assert (again.number, len(again.cheques)) == ("S014-T1-A-DS-000002", 3)
    assert [slip.number for slip in deposit_slips(desk, BACK_OFFICE, states=LIVING)] == [again.number]
    assert findings(desk) == []


@pytest.mark.parametrize(
    ("deed", "states"),
    [
        ("lodge", {"lodged", "part_confirmed", "confirmed", "cancelled"}),
        ("cancel", {"lodged", "part_confirmed", "confirmed", "cancelled"}),
        ("confirm", {"made", "confirmed", "cancelled"}),
    ],
)
def test_a_slip_goes_its_steps_only(desk: Desk, deed: str, states: set[str]) -> None:
    deeds = {
        "lodge": lambda number: lodge_deposit(desk, BACK_OFFICE, number, "X1"),
        "cancel": lambda number: cancel_deposit(desk, BACK_OFFICE, number, "why"),
        "confirm": lambda number: confirm_deposit(desk, BACK_OFFICE, number, CreditOrder(amount="59.255")),
    }
    number = made(desk).number
    for state in ("made", "lodged", "part_confirmed", "confirmed"):
        if state == "lodged":
            lodge_deposit(desk, BACK_OFFICE, number, "X1")
        elif state == "part_confirmed":
            confirm_deposit(desk, BACK_OFFICE, number, CreditOrder(cheques=[("000123", "41.750")]))
        elif state == "confirmed":
            confirm_deposit(desk, BACK_OFFICE, number, CreditOrder(amount="17.505"))
        if state in states:
            told = refused(desk, lambda: deeds[deed](number))
            assert (told.code, told.details["state"]) == ("deposit_state", state)


# --- what is typed ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        ("", "bad_reference"),
        ("\x1b[2J", "bad_reference"),
        ("4111 1111 1111 1111", "card_number_refused"),
        ("x" * 41, "text_too_long"),
    ],
)
def test_a_reference_that_cannot_be_kept_is_refused(desk: Desk, reference: str, code: str) -> None:
    number = made(desk).number

    assert refused(desk, lambda: lodge_deposit(desk, BACK_OFFICE, number, reference)).code == code
    assert lodge_deposit(desk, BACK_OFFICE, number, " NBK 77/81-A ").slip.reference == "NBK 77/81-A"


@pytest.mark.parametrize(
    ("on", "code"),
    [
        ("2026-11-20", "bank_date_impossible"),
        ("2026-11-24", "bank_date_impossible"),
        ("2026-W47-6", "bad_date"),
        ("", "bad_reference"),
    ],
)
def test_the_banks_day_lies_between_the_slip_and_today(desk: Desk, on: str, code: str) -> None:
    number = made(desk).number
    clock_of(desk).advance(days=2)

    assert refused(desk, lambda: lodge_deposit(desk, BACK_OFFICE, number, "X1", on=on)).code == code
    lodge_deposit(desk, BACK_OFFICE, number, "X1", on="2026-11-22")
    early = CreditOrder(amount="59.255", on="2026-11-21")
    assert (
        refused(desk, lambda: confirm_deposit(desk, BACK_OFFICE, number, early)).code
        == "bank_date_impossible"
    )
    confirm_deposit(desk, BACK_OFFICE, number, replace(early, on="2026-11-23"))
    assert {row["credited_on"] for row in rows(desk, "v_deposit_cheque")} == {"2026-11-23"}


@pytest.mark.parametrize(
    "told",
    [
        CreditOrder(),
        CreditOrder(amount="59.255", cheques=[("000123", "41.750")]),
        CreditOrder(amount="0"),
        CreditOrder(amount="-59.255"),
        CreditOrder(amount="59,255"),
        CreditOrder(cheques=[("000123", "41.749")]),
        CreditOrder(cheques=[("000999", "41.750")]),
        CreditOrder(cheques=[("000123", "41.750"), ("000123", "41.750")]),
    ],
)
def test_what_no_bank_says_confirms_nothing(desk: Desk, told: CreditOrder) -> None:
    number = lodged(desk)

    refused(desk, lambda: confirm_deposit(desk, BACK_OFFICE, number, told))

    assert balances(desk) == {"cheques_in_clearing": 59_255}
    assert confirm_deposit(desk, BACK_OFFICE, number, CreditOrder(amount="59.255")).slip.state == "confirmed"


# --- who -------------------------------------------------------------------------------------------------------------


def test_a_supervisor_makes_and_lodges_within_the_limit_and_the_back_office_confirms(desk: Desk) -> None:
    for person in (CASHIER, DEALER, ADMIN, AUDITOR):
        assert isinstance(refused(desk, lambda: made(desk, person=person)), NotAuthorised)  # noqa: B023
    desk.policy = replace(desk.policy, deposits=DepositPolicy(limit=money("50")))
    assert refused(desk, lambda: made(desk, person=SUPERVISOR)).code == "over_limit"
    slip = made(desk, ["S014-T1-A-000001"], SUPERVISOR)
    lodge_deposit(desk, SUPERVISOR, slip.number, "X1")
    told = CreditOrder(amount="41.750")
    assert refused(desk, lambda: confirm_deposit(desk, SUPERVISOR, slip.number, told)).code == "not_allowed"

    assert confirm_deposit(desk, BACK_OFFICE, slip.number, told).slip.state == "confirmed"
    assert made(desk).total == money("17.505")


def test_who_may_look_sees_them_and_a_dealer_sees_none(desk: Desk) -> None:
    made(desk, ["S014-T1-A-000001"])

    for person, seen in ((CASHIER, 2), (AUDITOR, 2), (DEALER, 0)):
        assert len(cheques_to_deposit(desk, person).cheques) == seen
        assert len(deposit_slips(desk, person)) == (1 if seen else 0)
    with pytest.raises(Refused) as refusal:
        show_receipt(desk, DEALER, "S014-T1-A-DS-000001")
    assert refusal.value.code == "unknown_receipt"


# --- its paper -------------------------------------------------------------------------------------------------------


def test_the_slip_is_a_numbered_paper_and_its_names_can_be_purged(desk: Desk) -> None:
    number = made(desk).number
    facts = show_receipt(desk, BACK_OFFICE, number)
    assert (facts.kind, facts.total) == (ReceiptKind.DEPOSIT_SLIP, money("59.255"))
    assert facts.deposit is not None
    assert [line.drawer for line in facts.deposit.cheques][:2] == ["Zoë O'Brien", "Lina Haddad"]
    assert last_receipt_of(desk, BACK_OFFICE) == number
    assert reprint(desk, BACK_OFFICE, number).copy.number == 1
    (stored,) = [row for row in rows(desk, "receipt") if row["receipt_number"] == number]
    assert "Lina" not in str(stored["facts_json"])

    with desk.till.transaction() as unit:
        unit.connection.exec_driver_sql("DELETE FROM tender_person")
        unit.connection.exec_driver_sql("DELETE FROM payer_person")

    purged = show_receipt(desk, BACK_OFFICE, number).deposit
    assert purged is not None
    assert {line.drawer for line in purged.cheques} == {None}
    assert findings(desk) == []


# --- whatever is banked, in whatever order ---------------------------------------------------------------------------


@settings(max_examples=examples(0.1), deadline=None)
@given(st.lists(st.integers(1, 20_000), min_size=1, max_size=5), st.data())
def test_no_money_is_lost_between_the_drawer_and_the_bank(minors: list[int], data: st.DataObject) -> None:
    """Rule 42: cheques in hand, in clearing and at the bank are together what was taken, after every step."""
    desk = make_till()
    opened(desk)
    for place, minor in enumerate(minors):
        taken = Money(minor, desk.identity.currency).plain()
        pay(desk, cheque(taken, f"{place:06d}"), allocate=[wish(None, taken, "BA-3")])
    total = Money(sum(minors), desk.identity.currency)
    count(desk, "20", cheques=total.plain(), cheque_count=len(minors))
    closed(desk)

    for _ in range(4):
        in_hand = cheques_to_deposit(desk, BACK_OFFICE).cheques
        if in_hand:
            chosen = data.draw(st.sets(st.sampled_from([one.cheque_id for one in in_hand]), min_size=1))
            made(desk, sorted(chosen))
        for slip in deposit_slips(desk, BACK_OFFICE):
            if slip.state is not SlipState.MADE:
                credited = data.draw(
                    st.sets(st.sampled_from([one.cheque_id for one in slip.outstanding]), min_size=1)
                )
                lines = [(one.cheque_id, one.amount) for one in slip.outstanding if one.cheque_id in credited]
                confirm_deposit(desk, BACK_OFFICE, slip.number, CreditOrder(cheques=lines))
            elif data.draw(st.booleans()):
                lodge_deposit(desk, BACK_OFFICE, slip.number, "X1")
            else:
                cancel_deposit(desk, BACK_OFFICE, slip.number, "why")
        assert sum(balances(desk).values()) == total.minor

    assert findings(desk) == []


# --- without a screen ------------------------------------------------------------------------------------------------


def test_a_script_makes_lodges_and_confirms_a_slip_once(desk: Desk) -> None:
    slip = say(desk, "b1", "deposit_cheques", cheques=["S014-T1-A-000001", "S014-T1-A-000003"])
    assert (slip["ok"], slip["state"], slip["count"], slip["amount"]) == (True, "made", 2, "46.755")
    number = slip["slip"]
    assert say(desk, "b1", "deposit_cheques", cheques=["S014-T1-A-000001", "S014-T1-A-000003"])["replayed"]
    assert say(desk, "b2", "lodge_deposit", slip=number, reference="NBK 1")["state"] == "lodged"
    short = say(desk, "b3", "confirm_deposit", slip=number, amount="46.750")
    assert (short["error"]["code"], short["error"]["difference"]) == ("deposit_differs", "-0.005")
    by_cheque = [{"cheque": "000123", "amount": "41.750"}]
    part = say(desk, "b3", "confirm_deposit", slip=number, cheques=by_cheque, date="2026-11-21")
    assert (part["state"], part["still_to_come"]) == ("part_confirmed", "5.005")
    assert say(desk, "b3", "confirm_deposit", slip=number, cheques=by_cheque, date="2026-11-21")["replayed"]
    assert say(desk, "b4", "confirm_deposit", slip=number, amount="5.005")["state"] == "confirmed"
    rest = say(desk, "b5", "deposit_cheques")
    assert (rest["amount"], rest["warnings"]) == ("12.500", ["Cheque 000124: 10 days until it is too old."])
    assert (
        say(desk, "b6", "cancel_deposit", slip=rest["slip"], reason="torn")["cheques"][0]["state"]
        == "received"
    )
    assert balances(desk) == {"bank": 46_755, "cheques_in_hand": 12_500}
    assert findings(desk) == []


@pytest.mark.parametrize(
    ("act", "told"),
    [
        ("confirm_deposit", {"slip": "X"}),
        ("confirm_deposit", {"slip": "X", "amount": "5", "cheques": [{"cheque": "1", "amount": "5"}]}),
        ("confirm_deposit", {"slip": "X", "amount": 5}),
        ("deposit_cheques", {"cheques": []}),
        ("deposit_cheques", {"cheque": "X"}),
        ("lodge_deposit", {"slip": "X"}),
        ("cancel_deposit", {"slip": "X"}),
    ],
)
def test_a_line_that_says_too_much_or_too_little_is_no_act(
    desk: Desk, act: str, told: dict[str, object]
) -> None:
    assert say(desk, "b1", act, **told)["error"]["code"] == "bad_line"


def test_an_unknown_slip_is_told(desk: Desk) -> None:
    assert say(desk, "b1", "lodge_deposit", slip="S014-T1-A-DS-000007", reference="X")["error"]["code"] == (
        "unknown_deposit"
    )


# --- the database itself ---------------------------------------------------------------------------------------------


def wall(desk: Desk, statement: str) -> str:
    with pytest.raises(sqlite3.IntegrityError) as refusal:
        raw_connection(desk.till.database).execute(statement)
    return str(refusal.value)


def test_the_database_sums_the_cheques_and_knows_the_steps(desk: Desk) -> None:
    """Rule 42: no slip that is not the sum of its cheques, whoever writes it."""
    slip = made(desk, ["S014-T1-A-000001"])
    loose = str(rows(desk, "v_cheque")[1]["cheque_id"])
    on_it = slip.cheques[0].cheque_id
    another = (
        "INSERT INTO deposit_slip VALUES ('D', 'X', 'main', 'bank', 'd', 't', 0, '1', {}, {}, 'KWD', NULL)"
    )
    step = f"INSERT INTO deposit_slip_event VALUES ('E', '{slip.slip_id}', 2, {{}})"

    assert wall(desk, another.format(1, 41_750)) == "the cheques and bags do not make the slip"
    assert wall(desk, f"INSERT INTO deposit_cheque VALUES ('D', 1, '{on_it}')") in (
        "this cheque is on a slip",
        "this cheque is not in hand",
    )
    assert wall(desk, f"INSERT INTO deposit_cheque VALUES ('{slip.slip_id}', 2, '{loose}')") == (
        "the slip is complete"
    )
    assert wall(desk, step.format("'confirmed', 't', '1', 'd', NULL, 41750, 'slip', NULL")) == (
        "a deposit slip does not go from its state to this one"
    )
    assert wall(desk, step.format("'lodged', 't', '1', 'd', 'X', 41749, NULL, NULL")) == (
        "a deposit slip keeps its amount"
    )
    assert wall(desk, f"INSERT INTO cheque_event VALUES ('{on_it}', 3, 'credited', 't', '1', NULL)") == (
        "a cheque does not go from its state to this one"
    )
    raw_connection(desk.till.database).execute("BEGIN")
    raw_connection(desk.till.database).execute(f"INSERT INTO deposit_cheque VALUES ('D', 1, '{loose}')")
    assert wall(desk, another.format(1, 12_499)) == "the cheques and bags do not make the slip"


@pytest.mark.parametrize(
    ("statement", "check"),
    [
        ("UPDATE deposit_slip SET amount_minor = 59254", "deposit_slip_is_the_sum_of_what_is_on_it"),
        ("DELETE FROM deposit_cheque WHERE place = 2", "deposit_slip_is_the_sum_of_what_is_on_it"),
        ("UPDATE deposit_cheque SET place = place + 7", "deposit_slip_lists_its_cheques"),
        ("UPDATE deposit_slip_event SET reference = 'OTHER' WHERE state = 'lodged'", "chain_row_altered"),
        ("DELETE FROM deposit_slip_event WHERE state = 'lodged'", "deposit_slip_goes_its_steps"),
        (
            "UPDATE cheque_event SET state = 'received' WHERE state = 'lodged'",
            "cheque_stands_as_its_slip_does",
        ),
        ("DELETE FROM deposit_credit", "deposit_is_credited_by_what_is_on_it"),
        (
            "INSERT INTO deposit_cheque SELECT 'D-2', 1, cheque_id FROM deposit_cheque WHERE place = 1",
            "cheque_is_on_one_living_slip",
        ),
        (
            "UPDATE journal_line SET debit_minor = 1 WHERE debit_minor > 0 AND ledger_account = 'cheques_in_clearing'",
            "lodged_money_is_posted",
        ),
        (
            "UPDATE journal_line SET ledger_account = 'safe' WHERE ledger_account = 'bank'",
            "credited_money_is_posted",
        ),
        ("UPDATE receipt SET kind = 'payment' WHERE kind = 'deposit_slip'", "deposit_slip_has_its_paper"),
        ("UPDATE receipt SET kind = 'carrier_receipt' WHERE kind = 'deposit_slip'", "carrier_has_its_paper"),
        ("UPDATE receipt SET facts_json = '{' WHERE kind = 'deposit_slip'", "deposit_slip_lists_its_cheques"),
    ],
)
def test_what_was_altered_behind_the_programs_back_is_named(desk: Desk, statement: str, check: str) -> None:
    number = lodged(desk)
    confirm_deposit(desk, BACK_OFFICE, number, CreditOrder(cheques=[("000123", "41.750")]))
    assert findings(desk) == []

    spoil(desk, statement)

    assert check in {found.check for found in findings(desk)}


# --- another sum than the cheque's -----------------------------------------------------------------------------------


def told_otherwise(amount: str, cause: str, reason: str = "so says its list") -> CreditOrder:
    return CreditOrder(cheques=[(SERIALS[0], amount)], cause=cause, reason=reason)


def by_two(desk: Desk, slip: str, told: CreditOrder) -> None:
    approved(desk, lambda: confirm_deposit(desk, BACK_OFFICE, slip, told), SUPERVISOR)


@pytest.mark.parametrize(
    ("amount", "cause", "posted"),
    [
        ("41", "bank_charge", {"bank": 41_000, "bank_charges": 750}),
        ("41", "bank_error", {"bank": 41_000, "bank_differences": 750}),
        ("47.150", "bank_error", {"bank": 47_150, "bank_differences": -5_400}),
    ],
)
def test_a_cheque_that_the_bank_credits_with_another_sum_is_paid_whole_by_its_payer(
    desk: Desk, amount: str, cause: str, posted: dict[str, int]
) -> None:
    """Rule 42: what lacks or is too much is the bank's charge, or stands to be cleared with it."""
    slip = made(desk).number
    lodge_deposit(desk, BACK_OFFICE, slip, "NBK 1")
    catch_up(desk)
    before, owed = ledger(desk), open_bills(desk)

    by_two(desk, slip, told_otherwise(amount, cause))

    now = ledger(desk)
    changed = {name: minor - before.get((name, of), 0) for (name, of), minor in now.items() if of is None}
    assert {name: minor for name, minor in changed.items() if minor} == posted | {
        "cheques_in_clearing": -41_750
    }
    assert open_bills(desk) == owed
    (line,) = all_cheques(desk, BACK_OFFICE, SERIALS[0], over=True)
    last = cheque_life(desk, BACK_OFFICE, line.key).steps[-1]
    plain = money(amount).plain()
    assert (last.state, last.said) == ("credited", f"{plain}, {cause.replace('_', ' ')}: so says its list")
    confirm_deposit(desk, BACK_OFFICE, slip, CreditOrder(amount="17.505"))
    assert findings(desk) == []


@pytest.mark.parametrize(
    ("told", "code"),
    [
        (told_otherwise("41", ""), "deposit_differs"),
        (told_otherwise("42", "bank_charge"), "deposit_differs"),
        (told_otherwise("41", "bank_charge", ""), "reason_missing"),
        (told_otherwise("41", "tip"), "bad_field"),
        (told_otherwise("0", "bank_error"), "amount_not_positive"),
    ],
)
def test_another_sum_has_a_cause_and_a_reason(desk: Desk, told: CreditOrder, code: str) -> None:
    slip = made(desk).number
    lodge_deposit(desk, BACK_OFFICE, slip, "NBK 1")
    assert refused(desk, lambda: confirm_deposit(desk, BACK_OFFICE, slip, told)).code == code


def test_a_script_says_what_the_bank_kept(desk: Desk) -> None:
    slip = made(desk).number
    lodge_deposit(desk, BACK_OFFICE, slip, "NBK 1")
    line = {"act": "confirm_deposit", "slip": slip, "cheques": [{"cheque": SERIALS[0], "amount": "41"}]}
    asked = {**line, "ref": "d1", "cause": "bank_charge", "reason": "its tariff"}

    answer = Script(desk, BACK_OFFICE).run_line(json.dumps(asked))

    assert answer["error"]["code"] == "approval_required"  # type: ignore[index]
    approve(desk, SUPERVISOR, answer["error"]["request"])  # type: ignore[index]
    assert Script(desk, BACK_OFFICE).run_line(json.dumps(asked))["ok"]


@pytest.mark.parametrize(
    ("statement", "check"),
    [
        ("UPDATE deposit_difference SET credited_minor = 41500", "credited_money_is_posted"),
        ("UPDATE deposit_difference SET cause = 'bank_error'", "other_sum_of_a_cheque_is_posted"),
        ("DELETE FROM deposit_difference", "credited_money_is_posted"),
    ],
)
def test_another_sum_that_was_altered_is_named(desk: Desk, statement: str, check: str) -> None:
    slip = made(desk).number
    lodge_deposit(desk, BACK_OFFICE, slip, "NBK 1")
    by_two(desk, slip, told_otherwise("41", "bank_charge"))
    spoil(desk, statement)
    assert check in {finding.check for finding in findings(desk)}
