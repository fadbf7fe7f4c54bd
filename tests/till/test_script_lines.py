"""What a script's line may say, and what it leaves behind (interface.md section 2)."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from pos.domain.role import Grant, PermissionTable, Person, Role
from pos.domain.voucher import VoucherIssued, VoucherRefused, VoucherReserved, VoucherTerms, VoucherUnanswered
from pos.machine import InlineRunner
from pos.till.desk import Desk, Memo
from pos.till.payment_order import PaymentOrder
from pos.till.script import Script
from pos.till.script_acts import act_schema
from pos.till.voucher_issue import IssueOrder, issue_voucher
from tests.builders.signed import FakePress, issues_alone
from tests.builders.tills import (
    BACK_OFFICE,
    CASHIER,
    CHARGER_EAN,
    DEALER,
    PINS,
    SUPERVISOR,
    UNANSWERED,
    FakeVouchers,
    ask_for_documents,
    clock_of,
    dump,
    findings,
    grant_limit,
    iccid,
    make_till,
    money,
    opened,
    release,
    reserve,
    rows,
    stock,
    take_currencies,
)

CARD = "4111111111111111"


@pytest.fixture
def desk() -> Desk:
    desk = make_till()
    opened(desk)
    return desk


def say(desk: Desk, line: Mapping[str, Any], script: Script | None = None) -> dict[str, Any]:
    return (script or Script(desk, CASHIER)).run_line(json.dumps(line))


def pay_line(ref: str = "p1", **more: Any) -> dict[str, Any]:
    tenders = [{"mode": "cash", "amount": "1"}]
    return {
        "ref": ref,
        "act": "pay",
        "payer": {"kind": "subscriber", "account": "BA-1"},
        "tenders": tenders,
    } | more


def test_a_ref_that_looks_like_a_card_number_is_neither_kept_nor_repeated(desk: Desk) -> None:
    answer = say(desk, pay_line(CARD))

    assert answer["error"]["code"] == "card_number_refused"
    assert CARD not in json.dumps(answer)
    assert CARD not in json.dumps(dump(desk))


def test_a_mode_that_looks_like_a_card_number_is_not_repeated(desk: Desk) -> None:
    answer = say(desk, pay_line(tenders=[{"mode": CARD, "amount": "1"}]))

    assert answer["error"]["code"] == "card_number_refused"
    assert CARD not in json.dumps(answer)


@pytest.mark.parametrize(
    "line",
    [
        {CARD: "x"},
        {"act": CARD, "ref": "1"},
        {"act": "sign_in", "ref": "1", "user": CARD, "pin": "739251"},
        {"act": "sign_in", "ref": "1", "user": "1001", "pin": CARD},
        pay_line(**{CARD: "x"}),
        pay_line(reason="4111 1111 1111 1111"),
        pay_line(tenders=[{"mode": "cash", "amount": CARD}]),
        pay_line(tenders=[{"mode": "cash", "amount": 4111111111111111}]),
        pay_line(tenders=[{"mode": "debit_card", "amount": "1", "slip": {CARD: ["CVV 123"]}}]),
        pay_line(allocate=[{"bill": "7781", "unknown": [CARD]}]),
    ],
)
def test_a_card_number_in_a_line_is_neither_told_nor_kept(desk: Desk, line: Mapping[str, Any]) -> None:
    """Rule 44: it is refused wherever in the line it stands, and the answer repeats no digit of it."""
    answer = say(desk, line)

    assert answer["error"]["code"] == "card_number_refused"
    assert "4111" not in json.dumps(answer)
    # Four digits alone stand in a mark of the chain by chance.
    kept = json.dumps(dump(desk))
    assert "41111" not in kept
    assert "4111 1" not in kept


def test_a_field_that_no_act_has_is_not_told_in_its_own_words(desk: Desk) -> None:
    answer = say(desk, pay_line(**{"\x1b]0;x\x07 <b>": "x"}))

    assert (answer["error"]["code"], answer["error"]["field"]) == ("bad_line", "?")


def test_a_sign_in_does_not_take_the_ref_of_another_act(desk: Desk) -> None:
    script = Script(desk, CASHIER)
    assert say(desk, pay_line("a1"), script)["ok"]

    answer = say(desk, {"ref": "a1", "act": "sign_in", "user": "2002", "pin": PINS["2002"]}, script)

    assert answer["error"]["code"] == "ref_reused"
    assert script.person == CASHIER


@pytest.mark.parametrize(
    "wish",
    [{"bill": "7781", "amount": "99999"}, {"bill": "7781", "account": "D-1"}, {"bill": "no such bill"}],
)
def test_a_dealers_people_learn_nothing_of_other_peoples_bills(wish: dict[str, str]) -> None:
    desk = make_till()
    opened(desk, person=DEALER)
    line = pay_line(payer={"kind": "dealer", "account": "D-1"}, allocate=[wish])

    answer = say(desk, line, Script(desk, DEALER))

    assert answer["error"]["code"] == "unknown_bill"
    assert "BA-" not in json.dumps(answer)


@pytest.mark.parametrize(
    ("grant", "code"),
    [(Grant.READ, "not_allowed"), (Grant.SECOND, "approval_required"), (Grant.REASON, "reason_required")],
)
def test_a_right_that_wants_more_than_the_person_does_not_suffice(
    desk: Desk, grant: Grant, code: str
) -> None:
    table = PermissionTable({**desk.permissions.grants, "pay": {Role.CASHIER: grant}})

    answer = say(replace(desk, permissions=table), pay_line())

    assert answer["error"]["code"] == code
    assert rows(desk, "payment_event") == []


def test_a_cheque_of_the_day_is_taken_in_a_shift_that_runs_past_midnight(desk: Desk) -> None:
    clock_of(desk).advance(days=1)
    today = clock_of(desk).now().date()
    cheque = {"mode": "cheque", "amount": "1", "serial": "000777", "bank": "001"}

    assert say(desk, pay_line("today", tenders=[cheque | {"date": today.isoformat()}]))["ok"]
    tomorrow = (today + timedelta(days=1)).isoformat()
    later = say(desk, pay_line("tomorrow", tenders=[cheque | {"serial": "000778", "date": tomorrow}]))
    assert (later["post_dated"], later["date"]) == (True, tomorrow)


# --- sales ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def shop(desk: Desk) -> Desk:
    stock(desk)
    grant_limit(desk, "1000")
    return desk


def sell_line(ref: str = "s1", **more: Any) -> dict[str, Any]:
    return {
        "ref": ref,
        "act": "sell",
        "payer": {"kind": "walk_in"},
        "lines": [{"item": "SIM-01", "quantity": 2, "serials": [iccid(1), iccid(2)]}, {"item": CHARGER_EAN}],
        "tenders": [{"mode": "cash", "amount": "20"}],
    } | more


def test_a_walk_in_buyer_is_sold_to(shop: Desk) -> None:
    answer = say(shop, sell_line())

    assert {name: value for name, value in answer.items() if name != "payment_event"} == {
        "ref": "s1",
        "ok": True,
        "act": "sell",
        "receipt": "S014-T1-A-000001",
        "amount": "11.250",
        "change": "8.750",
        "credit": "0.000",
        "currency": "KWD",
        "allocations": [],
        "tenders": [{"mode": "cash", "amount": "20.000"}],
        "lines": [
            {
                "item": "SIM-01",
                "quantity": 2,
                "price": "5.000",
                "amount": "10.000",
                "tax": "0.476",
                "serials": [iccid(1), iccid(2)],
            },
            {
                "item": "CHARGER",
                "quantity": 1,
                "price": "1.250",
                "amount": "1.250",
                "tax": "0.060",
                "serials": [],
            },
        ],
        "provisional": False,
    }
    assert findings(shop) == []


def test_the_same_line_again_is_answered_and_sold_once(shop: Desk) -> None:
    first = say(shop, sell_line())

    again = say(shop, sell_line())

    assert again == {**first, "replayed": True}
    assert len(rows(shop, "sale_line")) == 2
    other = sell_line(lines=[{"item": "SERVICE"}])
    assert say(shop, other)["error"]["code"] == "ref_reused"


def test_a_refused_sale_may_be_sent_again(shop: Desk) -> None:
    line = sell_line(tenders=[{"mode": "cash", "amount": "11"}])
    assert say(shop, line)["error"]["code"] == "not_enough_tendered"

    assert say(shop, line | {"tenders": [{"mode": "cash", "amount": "11.25"}]})["ok"]


def test_bills_and_items_are_one_line_whatever_it_is_called(shop: Desk) -> None:
    payer = {"kind": "subscriber", "account": "BA-5"}
    card = {"mode": "debit_card", "amount": "10.005", "auth_code": "A1", "last4": "1111", "brand": "VISA"}
    parts = {
        "payer": payer,
        "allocate": [{"bill": "7798"}],
        "lines": [{"item": "SERVICE"}],
        "tenders": [card | {"rrn": "1", "card_terminal": "T7"}],
    }

    answer = say(shop, {"ref": "b1", "act": "pay", **parts})

    assert answer["allocations"] == [{"account": "BA-5", "bill": "7798", "amount": "5.005", "open": "0.000"}]
    assert [line["item"] for line in answer["lines"]] == ["SERVICE"]
    again = say(shop, {"ref": "b2", "act": "sell", **parts})
    assert again["error"]["code"] in ("bill_settled", "taken_before")


def test_what_is_not_final_is_provisional(shop: Desk) -> None:
    paper = {
        "mode": "bank_cash",
        "amount": "20",
        "bank": "001",
        "branch": "042",
        "reference": "K7",
        "date": "2026-11-21",
    }
    line = sell_line(payer={"kind": "dealer", "account": "D-1"}, tenders=[paper])

    answer = say(shop, line)

    assert (answer["ok"], answer["provisional"], answer["credit"]) == (True, True, "8.750")
    twin = sell_line(
        "s2", payer=line["payer"], lines=[{"item": "SERVICE"}], tenders=[paper | {"reference": "k-7"}]
    )
    assert say(shop, twin)["error"]["code"] == "taken_before"


def test_a_line_without_a_quantity_is_one_piece(shop: Desk) -> None:
    answer = say(shop, sell_line(lines=[{"item": "CHARGER"}], tenders=[{"mode": "cash", "amount": "1.25"}]))

    assert answer["lines"][0]["quantity"] == 1


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"lines": []}, "sell.lines"),
        ({"lines": None}, "sell.lines"),
        ({"lines": [{"item": "CHARGER"}] * 101}, "sell.lines"),
        ({"lines": [{"item": "CHARGER", "quantity": 0}]}, "sell.lines.0.quantity"),
        ({"lines": [{"item": "CHARGER", "quantity": 1000}]}, "sell.lines.0.quantity"),
        ({"lines": [{"item": "CHARGER", "quantity": "2"}]}, "sell.lines.0.quantity"),
        ({"lines": [{"item": "CHARGER", "quantity": 1.5}]}, "sell.lines.0.quantity"),
        ({"lines": [{"item": "CHARGER", "quantity": True}]}, "sell.lines.0.quantity"),
        ({"lines": [{"item": "CHARGER", "discount": "0.001"}]}, "sell.lines.0.discount"),
        ({"lines": [{"item": "CHARGER", "price": 1.25}]}, "sell.lines.0.price"),
        ({"lines": [{"quantity": 1}]}, "sell.lines.0.item"),
        ({"lines": [{"item": 7}]}, "sell.lines.0.item"),
        ({"lines": [{"item": "x" * 161}]}, "sell.lines.0.item"),
        ({"lines": [{"item": "SIM-01", "serials": "1"}]}, "sell.lines.0.serials"),
        ({"lines": [{"item": "SIM-01", "serials": [1]}]}, "sell.lines.0.serials.0"),
        ({"lines": [{"item": "SIM-01", "serials": ["1"] * 1000}]}, "sell.lines.0.serials"),
        ({"payer": {"kind": "nobody"}}, "sell.payer.kind"),
        ({"payer": {}}, "sell.payer.kind"),
        ({"tenders": []}, "sell.tenders"),
        ({"total": "5"}, "sell.total"),
    ],
)
def test_a_bad_sale_says_which_field(shop: Desk, more: dict[str, Any], field: str) -> None:
    error = say(shop, sell_line(**more))["error"]

    assert (error["code"], error["field"]) == ("bad_line", field.removeprefix("sell."))
    assert rows(shop, "payment_event") == []


def test_a_sale_without_lines_is_no_sale(shop: Desk) -> None:
    line = sell_line()
    del line["lines"]

    assert say(shop, line)["error"]["field"] == "lines"


@pytest.mark.parametrize("kind", ["subscriber", "dealer"])
def test_a_customer_must_be_named(shop: Desk, kind: str) -> None:
    assert say(shop, sell_line(payer={"kind": kind}))["error"]["code"] == "unknown_account"


def test_the_schema_tells_of_sales() -> None:
    schema = act_schema()

    assert set(schema["discriminator"]["mapping"]) == {
        "open_shift", "pay", "sell", "resolve_card", "resolve_suspense", "count", "close_shift", "confirm_clock",
        "issue_voucher", "sign_in", "verify_bank_receipt", "reject_bank_receipt", "unblock_dealer",
        "settle_commission", "confirm_match", "deposit_cheques", "lodge_deposit", "confirm_deposit", "cancel_deposit",
        "change_pin", "approve", "decline", "note", "lock", "add_user", "void", "reverse",
        "refund", "confirm_refund", "transfer", "reallocate", "swap_tender", "clear_cheque", "ask_elsewhere",
        "change_user", "reset_pin", "pay_post_dated", "withdraw_post_dated", "bag_cash", "open_bag",
        "return_cheque", "replace_cheque",
        "bounce_cheque", "represent_cheque", "undo_bounce",
        "mandate", "pickup", "loan", "paid_in", "paid_out", "no_sale", "undo_cash_move", "accept_over_short",
        "safe_count", "close_day", "hand_over", "accept_hand_over", "undo_hand_over",
        "count_sheet", "ledger_batch",
        "send_bag", "recall_bag", "accept_bag", "undo_accept_bag",
        "settle_bank_entry", "demand_bill",
    }  # fmt: skip
    sell = schema["$defs"]["Sell"]
    assert {"ref", "act", "payer", "lines", "tenders"} == set(sell["required"])
    assert "lines" in schema["$defs"]["Pay"]["properties"]
    assert set(schema["$defs"]["SaleLineIn"]["properties"]) == {
        "item", "quantity", "serials", "price", "override",
    }  # fmt: skip
    assert schema["$defs"]["Payer"]["required"] == ["kind"]


# --- vouchers ------------------------------------------------------------------------------------------------------


class Central:
    """A script's way to vouchers, over the port's double."""

    def __init__(self, desk: Desk, vouchers: FakeVouchers) -> None:
        self._desk = desk
        self.vouchers = vouchers
        self.press = FakePress()

    def reserve(self, person: Person, order: PaymentOrder) -> None:
        reserve(self._desk, order, self.vouchers, person)

    def let_go(self, payment_event_id: str) -> None:
        release(self._desk, payment_event_id, self.vouchers)

    def issue(self, person: Person, order: IssueOrder, *, asked_by: str, memo: Memo) -> VoucherIssued:
        issuing = issue_voucher(
            self._desk, person, order, self.press, InlineRunner(), asked_by=asked_by, memo=memo
        )
        return asyncio.run(issuing)


def voucher_line(ref: str, *codes: str, **more: Any) -> dict[str, Any]:
    return pay_line(
        ref,
        allocate=[{"bill": "7781"}],
        tenders=[{"mode": "internal_voucher", "amount": "5", "code": code} for code in codes],
        **more,
    )


def hold_states(desk: Desk) -> list[object]:
    return [row["state"] for row in rows(desk, "voucher_hold")]


def test_a_script_pays_by_vouchers(desk: Desk) -> None:
    script = Script(desk, CASHIER, vouchers=Central(desk, FakeVouchers(value=money("7"))))

    answer = say(desk, voucher_line("v1", "LOYAL-1", "LOYAL-2"), script)

    assert (answer["ok"], answer["amount"]) == (True, "10.000")
    assert hold_states(desk) == ["used", "used"]
    assert say(desk, voucher_line("v1", "LOYAL-1", "LOYAL-2"), script)["replayed"]
    assert hold_states(desk) == ["used", "used"]
    assert "LOYAL" not in json.dumps(dump(desk))


def test_a_script_without_central_takes_no_vouchers(desk: Desk) -> None:
    answer = say(desk, voucher_line("v1", "LOYAL-1"))

    assert answer["error"]["code"] == "voucher_not_checked"
    assert hold_states(desk) == []


def test_a_refused_second_voucher_lets_go_of_the_first(desk: Desk) -> None:
    """Each line is an event of its own: nobody would come back for the first one."""
    granted = VoucherReserved(terms=VoucherTerms(value=money("5"), expires=date(2027, 12, 31)), approval=None)
    denied = VoucherRefused(code="voucher_not_usable", message="This voucher cannot be used.")
    script = Script(desk, CASHIER, vouchers=Central(desk, FakeVouchers(granted, denied)))

    answer = say(desk, voucher_line("v1", "LOYAL-1", "LOYAL-2"), script)

    assert answer["error"]["code"] == "voucher_not_usable"
    assert hold_states(desk) == ["released", "refused"]
    assert say(desk, voucher_line("v1", "LOYAL-1"), script)["ok"]
    assert findings(desk) == []


def test_a_voucher_that_was_used_is_refused_before_anything_is_held(desk: Desk) -> None:
    script = Script(desk, CASHIER, vouchers=Central(desk, FakeVouchers()))
    say(desk, voucher_line("v0", "LOYAL-2"), script)

    answer = say(desk, voucher_line("v1", "loyal 2"), script)

    assert (answer["error"]["code"], answer["error"]["receipt"]) == ("taken_before", "S014-T1-A-000001")
    assert hold_states(desk) == ["used"]


def test_a_payment_that_is_refused_lets_go_of_its_voucher(desk: Desk) -> None:
    central = Central(desk, FakeVouchers())
    script = Script(desk, CASHIER, vouchers=central)

    answer = say(desk, voucher_line("v1", "LOYAL-1") | {"allocate": [{"bill": "404"}]}, script)

    assert answer["error"]["code"] == "unknown_bill"
    assert hold_states(desk) == ["released"]
    assert say(desk, voucher_line("v1", "LOYAL-1"), script)["ok"]


@pytest.mark.parametrize(
    ("told", "code"),
    [
        (UNANSWERED, "voucher_needs_central"),
        (VoucherRefused(code="voucher_worth_less", message="No.", value=money("3")), "voucher_worth_less"),
    ],
)
def test_a_script_is_told_what_central_said(desk: Desk, told: Any, code: str) -> None:
    script = Script(desk, CASHIER, vouchers=Central(desk, FakeVouchers(told)))

    error = say(desk, voucher_line("v1", "LOYAL-1"), script)["error"]

    assert error["code"] == code
    assert error.get("value") == ("3.000" if code == "voucher_worth_less" else None)
    assert "LOYAL" not in json.dumps(dump(desk))


def test_a_script_confirms_the_clock_by_whoever_may() -> None:
    """Rule 26: the same deed without a screen."""
    desk = make_till()
    opened(desk)
    clock_of(desk).advance(hours=-1)

    refused = say(desk, {"ref": "c1", "act": "confirm_clock"})
    told = say(desk, {"ref": "c1", "act": "confirm_clock"}, Script(desk, SUPERVISOR))

    assert refused["error"]["code"] == "not_allowed"
    assert told == {"ref": "c1", "ok": True, "act": "confirm_clock", "clock": "2026-11-21T09:15:00+03:00"}


# --- cash beyond the plain case ------------------------------------------------------------------------------------


def test_a_day_of_foreign_notes_declared_notes_and_a_document(desk: Desk) -> None:
    take_currencies(desk, {"USD": "0.30675"})
    ask_for_documents(desk, "40")
    script = Script(desk, CASHIER)
    dollars = pay_line(
        "d1", tenders=[{"mode": "cash", "amount": "200", "currency": "USD", "rate": "0.30675"}]
    )

    needed = say(desk, dollars, script)
    assert (needed["error"]["code"], needed["error"]["cash_today"]) == ("identity_needed", "54.250")
    taken = say(
        desk, dollars | {"identity": {"kind": "passport", "number": "K1234567", "name": "Lina"}}, script
    )
    counted = say(
        desk,
        {
            "ref": "c1",
            "act": "count",
            "cash": {"amount": "7.900"},
            "foreign": [{"amount": "200.00", "currency": "USD"}],
            "declared": [{"kind": "counterfeit", "amount": "5.000"}],
        },
        script,
    )
    done = say(desk, {"ref": "c2", "act": "close_shift"}, script)

    assert (taken["ok"], taken["change"], taken["currency"]) == (True, "7.100", "KWD")
    assert taken["tenders"] == [
        {
            "mode": "cash",
            "amount": "61.350",
            "foreign": {
                "amount": "200.00",
                "currency": "USD",
                "rate": "0.30675",
                "rate_source": "shop list 2026-11-21",
            },
        }
    ]
    assert set(counted) == {"ref", "ok", "act", "shift", "count"}
    assert (done["expected_cash"], done["counted_cash"], done["over_short"]) == ("12.900", "12.900", "0.000")
    assert done["declared"] == [{"kind": "counterfeit", "amount": "5.000"}]
    assert done["foreign"] == [
        {
            "currency": "USD",
            "expected": "200.00",
            "counted": "200.00",
            "rate": "0.30675",
            "rate_source": "shop list 2026-11-21",
            "value": "61.350",
            "over_short": "0.000",
            "exchange_difference": "0.000",
        }
    ]
    assert findings(desk) == []


def test_a_document_is_kept_in_no_answer_and_no_memory_of_a_line(desk: Desk) -> None:
    ask_for_documents(desk, "1")
    line = pay_line(identity={"kind": "passport", "number": "K7654321", "name": "Lina Al-Sabah"})

    answer = say(desk, line)
    again = say(desk, line)

    assert (answer["ok"], again["replayed"]) == (True, True)
    for secret in ("K7654321", "Lina Al-Sabah"):
        assert secret not in json.dumps([answer, again])
        holding = {table for table, kept in dump(desk).items() if secret in json.dumps(kept)}
        assert holding == {"large_cash_person"}


@pytest.mark.parametrize(
    "bad",
    [
        {"tenders": [{"mode": "cash", "amount": "1", "rate": 0.3}]},
        {"tenders": [{"mode": "cash", "amount": "1", "currency": "dollar"}]},
        {"identity": {"kind": "passport"}},
        {"identity": {"kind": "passport", "number": 7}},
        {"identity": {"kind": "passport", "number": "1", "born": "1990"}},
    ],
)
def test_a_bad_part_of_a_payment_in_cash_is_a_bad_line(desk: Desk, bad: dict[str, Any]) -> None:
    assert say(desk, pay_line(**bad))["error"]["code"] == "bad_line"


# --- issuing vouchers ----------------------------------------------------------------------------------------------


def issue_line(ref: str = "i1", value: str = "10", **more: Any) -> dict[str, Any]:
    return {"ref": ref, "act": "issue_voucher", "value": {"amount": value}, "expires": "2027-01-31"} | more


def issuing(desk: Desk, person: Person = BACK_OFFICE) -> tuple[Script, FakePress]:
    issues_alone(desk, "20")
    central = Central(desk, FakeVouchers())
    return Script(desk, person, vouchers=central), central.press


def test_a_voucher_is_issued_and_its_code_told_once(desk: Desk) -> None:
    script, press = issuing(desk)

    answer = say(desk, issue_line(account="BA-1", minimum="5", combinable=False, residual="credit"), script)
    again = say(desk, issue_line(account="BA-1", minimum="5", combinable=False, residual="credit"), script)

    told: dict[str, object] = {
        "value": "10.000",
        "currency": "KWD",
        "expires": "2027-01-31",
        "minimum": "5.000",
    }
    told |= {"combinable": False, "residual": "credit", "serial": press.wanted_serial}
    assert {name: answer[name] for name in told} == told
    assert answer["code"].isalpha()
    assert (again["replayed"], "code" in again, again["serial"]) == (True, False, answer["serial"])
    assert len(press.wanted) == 1
    assert answer["code"][4:44] not in json.dumps(dump(desk))
    assert [(row["state"], row["serial"]) for row in rows(desk, "voucher_issue")] == [
        ("issued", answer["serial"])
    ]
    assert [(row["act"], row["result"]) for row in rows(desk, "audit")][-1] == ("issue_voucher", "ok")
    assert findings(desk) == []


def test_an_issue_that_was_not_answered_is_asked_under_the_same_id_again(desk: Desk) -> None:
    script, press = issuing(desk)
    press.answers = [VoucherUnanswered(reason="timed out")]

    refusal = say(desk, issue_line(), script)["error"]["code"]
    answer = say(desk, issue_line(), script)

    assert (refusal, answer["ok"]) == ("voucher_needs_central", True)
    assert len({wanted.issue_id for wanted in press.wanted}) == 1
    assert len(rows(desk, "voucher_issue")) == 1
    assert say(desk, issue_line("i1", "11"), script)["error"]["code"] == "ref_reused"


def test_another_voucher_under_an_unanswered_ref_is_refused(desk: Desk) -> None:
    script, press = issuing(desk)
    press.answers = [VoucherUnanswered(reason="timed out")]
    say(desk, issue_line(), script)

    assert say(desk, issue_line("i1", "11"), script)["error"]["code"] == "ref_reused"
    assert len(press.wanted) == 1


def test_what_central_would_not_issue_may_be_asked_for_again(desk: Desk) -> None:
    script, press = issuing(desk)
    press.answers = [VoucherRefused(code="voucher_not_issued", message="Central issues no such voucher.")]

    assert say(desk, issue_line(), script)["error"]["code"] == "voucher_not_issued"
    assert [row["state"] for row in rows(desk, "voucher_issue")] == ["refused"]
    assert say(desk, issue_line(), script)["ok"]
    assert [row["state"] for row in rows(desk, "voucher_issue")] == ["issued"]


@pytest.mark.parametrize(("value", "code"), [("20", None), ("20.001", "approval_required")])
def test_one_person_issues_vouchers_up_to_the_shops_cap(desk: Desk, value: str, code: str | None) -> None:
    script, press = issuing(desk)

    answer = say(desk, issue_line(value=value), script)

    assert answer.get("error", {}).get("code") == code
    assert len(press.wanted) == (0 if code else 1)


def test_by_default_nobody_issues_a_voucher_alone(desk: Desk) -> None:
    script = Script(desk, BACK_OFFICE, vouchers=Central(desk, FakeVouchers()))

    assert say(desk, issue_line(value="0.001"), script)["error"]["code"] == "approval_required"
    assert rows(desk, "voucher_issue") == []


def test_who_has_no_right_issues_none_however_small(desk: Desk) -> None:
    script, press = issuing(desk, CASHIER)

    assert say(desk, issue_line(value="1"), script)["error"]["code"] == "not_allowed"
    assert press.wanted == []


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ({"value": {"amount": "0"}}, "amount_not_positive"),
        ({"value": {"amount": "1.0001"}}, "amount_too_precise"),
        ({"value": {"amount": "1", "currency": "EUR"}}, "currency_not_taken"),
        ({"expires": "2026-11-20"}, "bad_expiry"),
        ({"expires": "2099-01-01"}, "bad_expiry"),
        ({"expires": "31.01.2027"}, "bad_date"),
        ({"account": "NOBODY"}, "unknown_account"),
        ({"minimum": "-1"}, "bad_amount"),
        ({"residual": "cash"}, "bad_line"),
    ],
)
def test_a_voucher_that_makes_no_sense_is_not_asked_for(desk: Desk, line: dict[str, Any], code: str) -> None:
    script, press = issuing(desk)

    assert say(desk, issue_line() | line, script)["error"]["code"] == code
    assert press.wanted == []
    assert say(desk, issue_line("i2", expires="2026-11-21"), script)["ok"]


def test_without_central_none_is_issued(desk: Desk) -> None:
    issues_alone(desk, "20")

    assert say(desk, issue_line(), Script(desk, BACK_OFFICE))["error"]["code"] == "voucher_needs_central"
