"""The contract of ``pos script`` (interface.md section 2), over real processes on a real home."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from jsonschema import Draft202012Validator

from pos.bootstrap.homes import NewHome, make_home, real_machine
from pos.fixture import example_fixture, parse_fixture
from sync.wire_json import dumps
from tests.builders.homes import (
    CASHIER,
    CASHIER_PIN,
    NO_CENTRAL,
    ROOT,
    SUPERVISOR,
    Ended,
    ForkingPos,
    example_central,
    plain_pos,
    script_arguments,
    terminal_code,
)
from tests.builders.tills import put_settings

PERSON = ("--user", CASHIER, "--pin-fd", "3")
OPEN: dict[str, Any] = {"ref": "s1", "act": "open_shift", "float": {"amount": "20.000", "currency": "KWD"}}
PAY: dict[str, Any] = {
    "ref": "s2",
    "act": "pay",
    "payer": {"kind": "subscriber", "account": "BA-1001"},
    "allocate": [{"bill": "7781", "amount": "41.750"}],
    "tenders": [
        {"mode": "cheque", "amount": "20.000", "serial": "000501", "bank": "001", "drawer": "N. Al-Mutairi"},
        {"mode": "cash", "amount": "22.000"},
    ],
}
MORE: dict[str, Any] = {
    "ref": "s3",
    "act": "pay",
    "payer": {"kind": "dealer", "account": "D-12"},
    "overpayment": "credit",
    "tenders": [{"mode": "cash", "amount": "5.500"}],
}
COUNT: dict[str, Any] = {
    "ref": "s4",
    "act": "count",
    "cash": {"amount": "47.250"},
    "cheques": {"count": 1, "amount": "20.000"},
}
CLOSE: dict[str, Any] = {"ref": "s5", "act": "close_shift"}
DAY = [OPEN, PAY, MORE, COUNT, CLOSE]


def codes(ended: Ended) -> list[str]:
    """``ok`` or the error's code, line by line."""
    return ["ok" if line["ok"] else line["error"]["code"] for line in ended.lines]


def json_of(pos: ForkingPos, home: Path, *command: str) -> Ended:
    """A command for the cashier, told as JSON."""
    return pos.run("--home", str(home), "--json", *command)


# --- answers -------------------------------------------------------------------------------------------------


def test_a_whole_day_is_answered_in_order_and_ends_with_0(pos: ForkingPos, home: Path) -> None:
    ended = pos.script(home, DAY)
    assert (ended.status, ended.err) == (0, "")
    assert [(line["ref"], line["act"], line["ok"]) for line in ended.lines] == [
        (act["ref"], act["act"], True) for act in DAY
    ]
    opened, paid, more, counted, closed = ended.lines
    assert (opened["float"], opened["currency"]) == ("20.000", "KWD")
    assert (paid["receipt"], paid["amount"], paid["change"]) == ("S014-T1-A-000001", "41.750", "0.250")
    assert paid["allocations"] == [
        {"account": "BA-1001", "bill": "7781", "amount": "41.750", "open": "0.000"}
    ]
    assert paid["tenders"] == [{"mode": "cheque", "amount": "20.000"}, {"mode": "cash", "amount": "22.000"}]
    assert (more["receipt"], more["credit"], more["change"]) == ("S014-T1-A-000002", "5.500", "0.000")
    assert set(counted) == {"ref", "ok", "act", "shift", "count"}, "a blind count is told nothing"
    assert (closed["expected_cash"], closed["over_short"]) == ("47.250", "0.000")


def test_a_file_of_lines_is_carried_out_as_standard_input_is(
    pos: ForkingPos, home: Path, tmp_path: Path
) -> None:
    file = tmp_path / "acts.jsonl"
    file.write_text("\n\n".join(json.dumps(act) for act in DAY), encoding="utf-8")
    ended = pos.run(*script_arguments(home, file=str(file)))
    assert (ended.status, codes(ended)) == (0, ["ok"] * 5)


def test_what_only_some_commands_use_is_not_loaded_at_the_start_of_each() -> None:
    program = "import sys, pos.cli.main; print([one for one in sys.argv[1:] if one in sys.modules])"
    dear = ["alembic", "httpx", "reportlab", "rich", "starlette", "textual"]

    told = subprocess.run([sys.executable, "-c", program, *dear], cwd=ROOT, capture_output=True, check=True)

    assert told.stdout == b"[]\n"


def test_the_program_started_from_nothing_answers_the_same(home: Path, tmp_path: Path) -> None:
    nobody = plain_pos("--home", str(home), "script", "-", "--user", CASHIER)
    assert nobody.status == 2, "no terminal to ask for the PIN"
    assert nobody.out == ""
    schema = plain_pos("script", "--schema", "--json")
    assert schema.status == 0
    Draft202012Validator.check_schema(json.loads(schema.out))


def test_with_hold_each_line_is_answered_before_the_next_is_given(pos: ForkingPos, home: Path) -> None:
    with pos.start(*script_arguments(home, CASHIER, "--hold")) as held:
        for act in DAY:
            held.tell(json.dumps(act))
            answer = held.answer()
            assert (answer["ref"], answer["ok"]) == (act["ref"], True)
            if act["act"] == "pay":
                # The next answer comes after the paper of this one.
                held.tell(json.dumps(act))
                assert held.answer()["replayed"] is True
                assert (home / "receipts" / f"{answer['receipt']}.txt").is_file()
                assert (home / "receipts" / f"{answer['receipt']}.pdf").is_file()
        assert held.end().status == 0


# --- refs ----------------------------------------------------------------------------------------------------


def test_a_ref_sent_again_gives_the_first_answer_and_does_nothing(pos: ForkingPos, home: Path) -> None:
    ended = pos.script(home, [OPEN, PAY, PAY, OPEN])
    _, paid, again, opened_again = ended.lines
    assert again == {**paid, "replayed": True}
    assert opened_again == {**ended.lines[0], "replayed": True}
    assert [row["receipt"] for row in ended.lines if "receipt" in row] == ["S014-T1-A-000001"] * 2


def test_a_ref_is_remembered_over_a_restart(pos: ForkingPos, home: Path) -> None:
    first = pos.script(home, DAY)
    second = pos.script(home, DAY)
    assert second.status == 0
    assert second.lines == [{**line, "replayed": True} for line in first.lines]
    assert pos.run("--home", str(home), "verify").status == 0


def test_the_order_of_a_lines_keys_makes_no_other_act(pos: ForkingPos, home: Path) -> None:
    ended = pos.script(home, [OPEN, PAY, dict(reversed(PAY.items()))])
    assert ended.lines[2]["replayed"] is True


def test_a_ref_with_another_body_is_refused_and_does_nothing(pos: ForkingPos, home: Path) -> None:
    other = {**PAY, "tenders": [{"mode": "cash", "amount": "41.751"}]}
    ended = pos.script(home, [OPEN, PAY, other, {**OPEN, "ref": "s2"}, PAY])
    assert (ended.status, codes(ended)) == (3, ["ok", "ok", "ref_reused", "ref_reused", "ok"])
    assert ended.last["replayed"] is True


def test_a_refusal_is_not_remembered(pos: ForkingPos, home: Path) -> None:
    ended = pos.script(home, [PAY, OPEN, PAY, PAY])
    assert (ended.status, codes(ended)) == (3, ["no_open_shift", "ok", "ok", "ok"])
    assert [line.get("replayed") for line in ended.lines] == [None, None, None, True]


# --- lines that are no acts ----------------------------------------------------------------------------------

BAD_LINES = {
    "no JSON": "pay 41.750",
    "cut off": '{"ref": "b", "act": "pay"',
    "a list": '[{"ref": "b", "act": "close_shift"}]',
    "a number": "7",
    "no act": '{"ref": "b"}',
    "no ref": '{"act": "close_shift"}',
    "an unknown act": '{"ref": "b", "act": "drop_table"}',
    "an unknown field": '{"ref": "b", "act": "close_shift", "now": true}',
    "a number for an amount": '{"ref": "b", "act": "open_shift", "float": {"amount": 20}}',
    "a key twice": '{"ref": "b", "ref": "c", "act": "close_shift"}',
    "not a number": '{"ref": "b", "act": "open_shift", "float": {"amount": NaN}}',
    "depth": "[" * 100_000,
    "length": '{"ref": "b", "act": "close_shift", "reason": "' + "x" * 1_100_000 + '"}',
    "a ref of blanks": '{"ref": " ", "act": "close_shift"}',
    "a ref with a control": '{"ref": "b\\u001b[2J", "act": "close_shift"}',
    "half a character": '{"ref": "\\ud800", "act": "close_shift"}',
}


@pytest.fixture(scope="module")
def after_bad_lines(
    pos: ForkingPos, first_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, Any]]:
    """Each bad line's answer; they all go through one script, between an open shift and a payment."""
    home = tmp_path_factory.mktemp("bad") / "home"
    shutil.copytree(first_home, home)
    lines = [json.dumps(OPEN), *BAD_LINES.values(), json.dumps(PAY)]
    ended = pos.run(*script_arguments(home), stdin="".join(f"{line}\n" for line in lines))
    assert (ended.status, ended.err) == (3, "")
    opened, *answers, paid = ended.lines
    assert (opened["ok"], paid["ok"]) == (True, True), "a bad line does not stop the script"
    assert pos.run("--home", str(home), "verify").status == 0
    return dict(zip(BAD_LINES, answers, strict=True))


@pytest.mark.parametrize("line", BAD_LINES)
def test_a_line_that_is_no_act_is_answered_bad_line(
    line: str, after_bad_lines: dict[str, dict[str, Any]]
) -> None:
    answer = after_bad_lines[line]
    assert (answer["ok"], answer["error"]["code"]) == (False, "bad_line")
    assert "\x1b" not in json.dumps(answer, ensure_ascii=False)
    assert len(answer["error"]["message"]) < 300


BANK_RECEIPT = {"bank": "001", "branch": "042", "reference": "K7-20991", "date": "2026-11-20"}
DEALER = {"kind": "dealer", "account": "D-12"}

REFUSED_PAYMENTS: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown account": ({"payer": {"kind": "subscriber", "account": "BA-9999"}}, "unknown_account"),
    "an unknown bill": ({"allocate": [{"bill": "1"}]}, "unknown_bill"),
    "a cheque from one who pays cash only": (
        {
            "payer": {"kind": "subscriber", "account": "BA-1003"},
            "allocate": [],
            "tenders": [{"mode": "cheque", "amount": "1.000", "serial": "1", "bank": "001"}],
        },
        "cheque_account_cash_only",
    ),
    "a voucher without central": (
        {"tenders": [{"mode": "internal_voucher", "amount": "1.000", "code": "LOY-4RFP-TXWP"}]},
        "voucher_needs_central",
    ),
    "a bank receipt of a subscriber": (
        {
            "tenders": [
                {"mode": "bank_cash", "amount": "1.000", **BANK_RECEIPT},
            ]
        },
        "mode_not_for_payer",
    ),
    "a direct debit keyed by a cashier": (
        {
            "tenders": [
                {
                    "mode": "direct_debit",
                    "amount": "1.000",
                    "mandate": "M",
                    "reference": "R",
                    "date": "2026-11-20",
                }
            ]
        },
        "not_allowed",
    ),
    "an item that is not on sale": ({"lines": [{"item": "NO-01"}]}, "unknown_item"),
    "a SIM card without its number": ({"lines": [{"item": "SIM-01"}]}, "serials_needed"),
    "a card with five last digits": (
        {
            "tenders": [
                {
                    "mode": "debit_card",
                    "amount": "1.000",
                    "auth_code": "A1",
                    "last4": "11112",
                    "brand": "VISA",
                    "rrn": "1",
                    "card_terminal": "T7",
                }
            ]
        },
        "text_too_long",
    ),
    "no mode at all": ({"tenders": [{"mode": "gold", "amount": "1.000"}]}, "unknown_mode"),
    "another currency": (
        {"tenders": [{"mode": "cash", "amount": "1.00", "currency": "EUR"}]},
        "currency_not_taken",
    ),
    "too little for the wish": ({"tenders": [{"mode": "cash", "amount": "1.000"}]}, "not_enough_tendered"),
    "four digits": (
        {"allocate": [], "tenders": [{"mode": "cash", "amount": "1.0001"}]},
        "amount_too_precise",
    ),
    "nothing": ({"allocate": [], "tenders": [{"mode": "cash", "amount": "0"}]}, "amount_not_positive"),
    "less than nothing": ({"allocate": [], "tenders": [{"mode": "cash", "amount": "-1.000"}]}, "bad_amount"),
    "other digits": ({"allocate": [], "tenders": [{"mode": "cash", "amount": "١.٠٠٠"}]}, "bad_amount"),
    "an exponent": ({"allocate": [], "tenders": [{"mode": "cash", "amount": "1e3"}]}, "bad_amount"),
    "a card number": (
        {
            "allocate": [],
            "tenders": [
                {
                    "mode": "cheque",
                    "amount": "1.000",
                    "serial": "1",
                    "bank": "001",
                    "drawer": "4111 1111 1111 1111",
                }
            ],
        },
        "card_number_refused",
    ),
}


@pytest.fixture(scope="module")
def after_refusals(
    pos: ForkingPos, first_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, dict[str, Any]], Path]:
    """Each refused payment's answer, and the home they left."""
    home = tmp_path_factory.mktemp("refused") / "home"
    shutil.copytree(first_home, home)
    acts = [{**PAY, **change, "ref": name} for name, (change, _) in REFUSED_PAYMENTS.items()]
    ended = pos.script(home, [OPEN, *acts])
    assert ended.status == 3
    return dict(zip(REFUSED_PAYMENTS, ended.lines[1:], strict=True)), home


@pytest.mark.parametrize("case", REFUSED_PAYMENTS)
def test_a_payment_against_a_rule_is_refused_by_its_stable_code(
    case: str, after_refusals: tuple[dict[str, dict[str, Any]], Path]
) -> None:
    answer = after_refusals[0][case]
    assert (answer["ok"], answer["act"], answer["error"]["code"]) == (False, "pay", REFUSED_PAYMENTS[case][1])
    assert answer["error"]["message"].endswith(".")


def test_refused_payments_leave_nothing_but_their_audit_rows(
    pos: ForkingPos, after_refusals: tuple[dict[str, dict[str, Any]], Path]
) -> None:
    _, home = after_refusals
    with closing(sqlite3.connect(f"file:{home / 'till.db'}?mode=ro", uri=True)) as books:
        for table in (
            "payment_event",
            "tender",
            "allocation",
            "leg",
            "outbox",
            "receipt",
            "print_job",
            "cheque",
            "sale_line",
            "sale_serial",
            "instrument",
        ):
            assert books.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table
        (refused,) = books.execute(
            "SELECT count(*) FROM v_audit WHERE act IN ('pay', 'sell', 'hold_voucher') "
            "AND result IN ('refused', 'denied')"
        ).fetchone()
        assert books.execute("SELECT ref FROM script_ref").fetchall() == [("s1",)]
    assert refused == len(REFUSED_PAYMENTS)
    assert pos.run("--home", str(home), "verify").status == 0


def test_an_act_of_a_later_version_is_refused_by_its_own_code(pos: ForkingPos, home: Path) -> None:
    line = {"ref": "l", "act": "resolve_conflict"}
    ended = pos.script(home, [line], user=SUPERVISOR, pin="731846")
    assert (ended.status, codes(ended), ended.last["act"]) == (3, ["act_not_yet_available"], line["act"])


# --- people --------------------------------------------------------------------------------------------------


def test_a_wrong_pin_ends_with_4_and_carries_nothing_out(pos: ForkingPos, home: Path) -> None:
    ended = pos.script(home, DAY, pin="000000")
    assert (ended.status, ended.out) == (4, "")
    assert ended.err == "User number or PIN is wrong. [wrong_pin]\n"
    as_json = json_of(pos, home, "script", "-", "--user", "777777", "--pin-fd", "3")
    assert (as_json.status, as_json.last["error"]) == (
        4,
        {"code": "wrong_pin", "message": "User number or PIN is wrong."},
    )


def test_after_five_wrong_pins_the_right_one_is_locked_out_too(pos: ForkingPos, home: Path) -> None:
    tries = [pos.script(home, [], pin="000000").err for _ in range(5)]
    assert all("[wrong_pin]" in err for err in tries)
    ended = pos.script(home, DAY)
    assert (ended.status, ended.out) == (4, "")
    assert "[locked_out]" in ended.err
    assert pos.script(home, [], user=SUPERVISOR, pin="731846").status == 0, (
        "one seat does not lock out the shop"
    )


def test_who_lacks_the_right_is_told_so_and_audited(pos: ForkingPos, home: Path) -> None:
    ended = pos.script(home, [OPEN, PAY], user="4001", pin="619405")
    assert (ended.status, codes(ended)) == (3, ["not_allowed", "not_allowed"])


def test_a_sign_in_act_changes_who_acts(pos: ForkingPos, home: Path) -> None:
    to_supervisor = {"ref": "i", "act": "sign_in", "user": SUPERVISOR, "pin": "731846"}
    ended = pos.script(home, [OPEN, to_supervisor, PAY])
    assert codes(ended) == ["ok", "ok", "shift_of_other"]
    assert ended.lines[1] == {"ref": "i", "ok": True, "act": "sign_in", "user": SUPERVISOR}


def test_a_pin_is_nowhere_below_the_home(pos: ForkingPos, tmp_path: Path) -> None:
    """Long PINs, which no random id holds by accident; right, wrong, in the option and in the line."""
    right, wrong, of_line = "592837461058", "770913284655", "318847562093"
    shop = example_fixture()
    for user in shop["users"]:
        user["pin"] = {CASHIER: right, SUPERVISOR: of_line}.get(user["user"], user["pin"])
    home = tmp_path / "home"
    new = NewHome(
        terminal="T1", central_url=NO_CENTRAL, epoch=1, fixture=parse_fixture(dumps(shop), source="example")
    )
    make_home(home, new, machine=real_machine())
    assert pos.script(home, DAY, pin=wrong).status == 4
    acts = [
        OPEN,
        {"ref": "p1", "act": "sign_in", "user": SUPERVISOR, "pin": wrong},
        {"ref": "p2", "act": "sign_in", "user": SUPERVISOR, "pin": of_line},
        {"ref": "p3", "act": "note", "user": SUPERVISOR, "pin": of_line},
        {"ref": "p4", "act": "sign_in", "user": of_line, "pin": of_line},
    ]
    with pos.start(*script_arguments(home, CASHIER, "--hold"), pin=right) as held:
        said = []
        for act in acts:
            held.tell(json.dumps(act))
            said.append(json.dumps(held.answer()))
        # Looked at while it runs, so that the write-ahead log and its index are there too.
        written = {path.name: path.read_bytes() for path in home.rglob("*") if path.is_file()}
        ended = held.end()
    assert [json.loads(line)["ok"] for line in said] == [True, False, True, False, False]
    assert "till.db-wal" in written
    written |= {f"closed {path.name}": path.read_bytes() for path in home.rglob("*") if path.is_file()}
    written |= {"answers": "".join(said).encode(), "stderr": ended.err.encode()}
    for pin in (right, wrong, of_line):
        assert [name for name, content in written.items() if pin.encode() in content] == []


# --- the schema ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def schema(pos: ForkingPos) -> dict[str, Any]:
    ended = pos.run("script", "--schema", pin=None)
    assert (ended.status, ended.err) == (0, "")
    found: dict[str, Any] = json.loads(ended.out)
    return found


def test_the_schema_is_one(schema: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize(
    "act", [*DAY, {"ref": "i", "act": "sign_in", "user": "1", "pin": "2"}], ids=lambda a: a["act"]
)
def test_the_schema_takes_the_acts_that_the_till_takes(act: dict[str, Any], schema: dict[str, Any]) -> None:
    Draft202012Validator(schema).validate(act)


@pytest.mark.parametrize(
    "act",
    [
        {"ref": "x", "act": "close_shift", "now": True},
        {"act": "close_shift"},
        {"ref": "", "act": "close_shift"},
        {**PAY, "tenders": []},
        {**PAY, "payer": {"kind": "friend", "account": "BA-1001"}},
        {**OPEN, "float": {"amount": 20}},
    ],
)
def test_the_schema_refuses_what_the_till_calls_a_bad_line(
    act: dict[str, Any], schema: dict[str, Any]
) -> None:
    assert not Draft202012Validator(schema).is_valid(act)


# --- beside the script ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def traded(pos: ForkingPos, first_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home after a day, to be looked at only."""
    home = tmp_path_factory.mktemp("traded") / "home"
    shutil.copytree(first_home, home)
    assert pos.script(home, DAY).status == 0
    return home


def test_the_outbox_shows_a_waiting_row_for_each_leg_and_no_name(pos: ForkingPos, traded: Path) -> None:
    ended = json_of(pos, traded, "outbox")
    assert [(row["leg"], row["state"], row["attempts"], row["reason"]) for row in ended.lines] == [
        (1, "waiting", 0, None),
        (2, "waiting", 0, None),
        (1, "waiting", 0, None),
    ]
    assert [row["correlator_id"] for row in ended.lines] == [
        f"{row['payment_event']}-{row['leg']}" for row in ended.lines
    ]
    assert "Noura" not in ended.out


@pytest.mark.parametrize(("user", "pin", "status"), [("2002", "731846", 0), ("1001", "135790", 4)])
def test_parked_rows_are_sent_again_by_who_may_resolve_a_conflict(
    user: str, pin: str, status: int, pos: ForkingPos, home: Path
) -> None:
    ended = pos.run("--home", str(home), "outbox", "--retry", "--user", user, "--pin-fd", "3", pin=pin)
    assert ended.status == status
    with closing(sqlite3.connect(f"file:{home / 'till.db'}?mode=ro", uri=True)) as books:
        audited = books.execute(
            "SELECT operator, result FROM v_audit WHERE act = 'resolve_conflict'"
        ).fetchall()
    assert audited == [(user, "ok" if status == 0 else "denied")]


def test_sync_with_central_down_ends_with_7_and_every_row_stays(pos: ForkingPos, home: Path) -> None:
    assert pos.script(home, DAY).status == 0
    for _ in range(2):
        ended = json_of(pos, home, "sync", "--once")
        assert (ended.status, ended.last["error"]["code"]) == (7, "central_unreachable")
        assert len(json_of(pos, home, "outbox").lines) == 3
    assert pos.run("--home", str(home), "verify").status == 0


def test_an_account_shows_what_is_left_after_the_payment(pos: ForkingPos, traded: Path) -> None:
    (told,) = json_of(pos, traded, "account", "BA-1001", *PERSON).lines
    assert (told["balance"], told["currency"]) == ("14.075", "KWD")
    assert [(bill["bill"], bill["open"]) for bill in told["bills"]] == [("7702", "14.075")]
    (dealer,) = json_of(pos, traded, "account", "D-12", *PERSON).lines
    assert dealer["credit"] == "5.500"


def test_a_bill_shows_its_lines_and_the_rates_behind_them_with_sums_that_agree(
    pos: ForkingPos, traded: Path
) -> None:
    (told,) = json_of(pos, traded, "bill", "7781", "--rates", *PERSON).lines
    assert (told["amount_due"], told["open"], told["sums"]["agree"]) == ("41.750", "0.000", True)
    assert told["sums"] == {"bill": "41.750", "lines": "41.750", "rates": "41.750", "agree": True}
    rates = [rate for line in told["lines"] for rate in line["rates"]]
    assert rates
    assert all(re.fullmatch(r"-?\d+\.\d{3}", rate["tax_included"]) for rate in rates)


@pytest.mark.parametrize("query", ["BA-1001", "7781", "+96555510001", "noura", "S014-T1-A-000001"])
def test_find_finds_by_account_bill_phone_name_and_receipt(query: str, pos: ForkingPos, traded: Path) -> None:
    ended = json_of(pos, traded, "find", query, *PERSON)
    assert ended.status == 0
    assert "BA-1001" in {hit["account"] for hit in ended.lines} or ended.lines[0]["key"] == query


@pytest.mark.parametrize("query", ["SIM-01", "sim-01", "prepaid sim", "6271001000014"])
def test_find_finds_an_item_by_code_name_and_bar_code(query: str, pos: ForkingPos, traded: Path) -> None:
    ended = json_of(pos, traded, "find", query, *PERSON)
    (item,) = [hit for hit in ended.lines if hit["key"] == "SIM-01"]
    assert (item["kind"], item["price"], item["currency"]) == ("item", "5.000", "KWD")


def test_a_dealers_account_shows_class_limit_and_unverified_bank_receipts(
    pos: ForkingPos, home: Path
) -> None:
    receipt = {"mode": "bank_cash", "amount": "75.000", **BANK_RECEIPT}
    paid = pos.script(home, [OPEN, {**PAY, "allocate": [], "payer": DEALER, "tenders": [receipt]}])
    assert (paid.status, paid.last["provisional"]) == (0, True)
    (told,) = json_of(pos, home, "account", "D-12", *PERSON).lines
    assert told["unverified_bank_receipts"] == "75.000"
    assert re.fullmatch(r"\d+\.\d{3}", told["credit_limit"])
    assert told["class"]


def test_the_same_bank_receipt_is_taken_once(pos: ForkingPos, home: Path) -> None:
    first = {"mode": "bank_cash", "amount": "75.000", **BANK_RECEIPT}
    again = {**first, "reference": " k7-020991 ", "bank": "1"}
    lines = [
        {**PAY, "ref": str(place), "allocate": [], "payer": DEALER, "tenders": [tender]}
        for place, tender in enumerate([first, again])
    ]
    ended = pos.script(home, [OPEN, *lines])
    assert codes(ended) == ["ok", "ok", "taken_before"]
    assert ended.last["error"]["receipt"] == "S014-T1-A-000001"


def test_a_sale_is_told_with_its_tax_and_serials_and_each_serial_is_sold_once(
    pos: ForkingPos, home: Path
) -> None:
    sim = {"item": "SIM-01", "quantity": 2, "serials": ["8996500000000000014", "8996500000000000022"]}
    sale = {
        "act": "sell",
        "payer": {"kind": "walk_in"},
        "lines": [sim],
        "tenders": [{"mode": "cash", "amount": "20"}],
    }
    ended = pos.script(home, [OPEN, {**sale, "ref": "s"}, {**sale, "ref": "s"}, {**sale, "ref": "t"}])
    sold, again, twice = ended.lines[1:]
    assert (sold["change"], sold["amount"], sold["allocations"]) == ("10.000", "10.000", [])
    assert sold["lines"] == [{**sim, "price": "5.000", "amount": "10.000", "tax": "0.476"}]
    assert again == {**sold, "replayed": True}
    assert twice["error"]["code"] == "serial_sold_before"


def test_the_balances_are_those_of_the_journal(pos: ForkingPos, traded: Path) -> None:
    ended = pos.run(
        *("--home", str(traded), "--json", "balance", "--user", "4001", "--pin-fd", "3"), pin="619405"
    )
    assert ended.status == 0
    balances = {row["ledger_account"]: row["balance"] for row in ended.lines}
    assert balances["cheques_in_hand"] == "20.000"
    assert balances["receivable"] == "-41.750"
    assert sum(int(balance.replace(".", "")) for balance in balances.values()) == 0


def test_what_lies_in_an_account_of_cheques_is_told_cheque_by_cheque(pos: ForkingPos, traded: Path) -> None:
    back_office = ("--user", "4001", "--pin-fd", "3")

    def run(*asked: str) -> list[dict[str, object]]:
        ended = pos.run("--home", str(traded), "--json", *asked, *back_office, pin="619405")
        assert ended.status == 0
        return ended.lines

    account, cheque = run("balance", "cheques_in_hand")
    (listed,) = run("cheques")
    (life,) = run("cheques", "--life", str(listed["cheque"]))
    (aged,) = run("report", "cheques")

    assert (account["balance"], cheque["amount"], cheque["state"]) == ("20.000", "20.000", "received")
    assert listed == cheque
    assert run("cheques", str(cheque["serial"])) == [cheque]
    assert run("cheques", "nobody") == run("cheques", "--due") == []
    assert [step["state"] for step in life["steps"]] == ["received"]  # type: ignore[attr-defined]
    assert (aged["state"], aged["count"], aged["up_to_7"]) == ("received", 1, "20.000")
    assert [row["ledger_account"] for row in run("balance", "receivable")] == ["receivable"]


def test_a_cashier_may_not_see_the_balances_before_the_count(pos: ForkingPos, traded: Path) -> None:
    ended = json_of(pos, traded, "balance", *PERSON)
    assert (ended.status, ended.last["error"]["code"]) == (4, "not_allowed")


def test_a_receipt_in_foreign_notes_says_their_currency(pos: ForkingPos, home: Path) -> None:
    today = datetime.now(ZoneInfo("Asia/Kuwait")).date()
    put_settings(
        home,
        "foreign_cash.toml",
        f'max_age_days = 1\n[rates.USD]\nrate = "0.30675"\nvalid_on = {today}\nlowest_note = "1"\n',
    )
    dollars = MORE | {"tenders": [{"mode": "cash", "amount": "50", "currency": "USD", "rate": "0.30675"}]}
    assert pos.script(home, [OPEN, dollars]).status == 0

    told = json_of(pos, home, "receipt", "S014-T1-A-000001", "--format", "json", *PERSON).last

    (tender,) = told["tenders"]
    assert (tender["amount"], told["currency"]) == ("15.338", "KWD")
    assert tender["foreign"] == {
        "amount": {"amount": "50.00", "currency": "USD"},
        "rate": "0.30675",
        "source": f"shop list {today}",
    }


def test_large_cash_is_listed_for_the_back_office_alone(pos: ForkingPos, home: Path) -> None:
    """Rule 61: a payment that needed a document is marked for reporting."""
    shipped = (Path(__file__).resolve().parents[2] / "config" / "till.toml").read_text(encoding="utf-8")
    put_settings(home, "till.toml", shipped.replace('identify_from = ""', 'identify_from = "40"'))
    shown = MORE | {
        "tenders": [{"mode": "cash", "amount": "40.000"}],
        "identity": {"kind": "passport", "number": "K1234567"},
    }
    assert pos.script(home, [OPEN, shown]).status == 0
    report = ("--home", str(home), "--json", "report", "large-cash")

    listed = pos.run(*report, "--user", "4001", "--pin-fd", "3", pin="619405")
    none = pos.run(*report, "--business-date", "2001-01-01", "--user", "4001", "--pin-fd", "3", pin="619405")
    refused = pos.run(*report, *PERSON, pin=CASHIER_PIN)

    (line,) = listed.lines
    assert (line["cash"], line["account"], line["document"], line["number"]) == (
        "40.000",
        "D-12",
        "passport",
        "K1234567",
    )
    assert (none.status, none.lines) == (0, [])
    assert (refused.status, refused.last["error"]["code"]) == (4, "not_allowed")


def test_a_reprint_is_counted_and_marked_and_json_counts_nothing(
    pos: ForkingPos, home: Path, tmp_path: Path
) -> None:
    assert pos.script(home, [OPEN, PAY]).status == 0
    number = "S014-T1-A-000001"
    (facts,) = json_of(pos, home, "receipt", number, "--format", "json", *PERSON).lines
    assert (facts["receipt_number"], facts["total"], facts["currency"]) == (number, "41.750", "KWD")
    original = (home / "receipts" / f"{number}.txt").read_text(encoding="utf-8")
    assert "DUPLICATE" not in original
    for copy in (1, 2):
        again = pos.run("--home", str(home), "receipt", number, *PERSON)
        assert again.status == 0
        assert re.search(rf"DUPLICATE\D*{copy}\b", again.out)
        assert "41.750" in again.out
    out = tmp_path / "again.pdf"
    written = json_of(pos, home, "receipt", number, "--format", "pdf", "--out", str(out), *PERSON)
    assert (written.status, written.last["copy"]) == (0, 3)
    assert out.read_bytes().startswith(b"%PDF")
    assert out.stat().st_mode & 0o777 == 0o600
    refused = json_of(pos, home, "receipt", number, "--format", "pdf", "--out", str(out), *PERSON)
    assert refused.status == 2, "a file that is there is not written over"


# --- making a home -------------------------------------------------------------------------------------------


def test_a_one_time_code_enrols_one_home_once(pos: ForkingPos, tmp_path: Path) -> None:
    db_url = example_central(tmp_path / "central")
    code = terminal_code(db_url, "T2")
    fixture = tmp_path / "fixture.json"
    fixture.write_text(pos.run("fixture", "--example", pin=None).out, encoding="utf-8")
    with pos.start("central", "serve", "--no-auth", "--db", db_url, "--port", "0", pin=None) as central:
        told = central.answer()
        url = f"http://{told['host']}:{told['port']}"

        def init(name: str, given: str) -> Ended:
            return pos.run(
                *("--home", str(tmp_path / name), "--json", "init", "--terminal", "T2", "--central", url),
                *("--code", given, "--fixture", str(fixture)),
                pin=None,
                stdin=f"{code}\n",
            )

        # What stands in a command line stands in the list of processes too: the code may come by standard input.
        first, second = init("one", "-"), init("two", code)
        assert (first.status, first.last["epoch"], first.last["terminal"]) == (0, 1, "T2")
        assert (second.status, second.last["error"]["code"]) == (3, "enrolment_refused")
        assert not (tmp_path / "two").exists()
        home = tmp_path / "one"
        assert pos.script(home, DAY, pin=CASHIER_PIN).status == 0
        synced = json_of(pos, home, "sync", "--drain")
        assert (synced.status, synced.last["acknowledged"], synced.last["waiting"]) == (0, 3, 0)
        assert json_of(pos, home, "verify", "--central").lines == [{"ok": True, "findings": 0}]
    rows = pos.run("central", "payments", "--json", "--db", db_url, pin=None).lines
    assert sorted((row["receipt_number"], row["leg"], row["amount"]) for row in rows) == [
        ("S014-T2-A-000001", 1, "20.000"),
        ("S014-T2-A-000001", 2, "21.750"),
        ("S014-T2-A-000002", 1, "5.500"),
    ]


def test_a_home_is_not_made_over_another(pos: ForkingPos, home: Path, tmp_path: Path) -> None:
    fixture = tmp_path / "fixture.json"
    fixture.write_text(pos.run("fixture", "--example", pin=None).out, encoding="utf-8")
    before = (home / "till.db").read_bytes()
    ended = json_of(pos, home, "init", "--terminal", "T1", "--central", NO_CENTRAL, "--fixture", str(fixture))
    assert (ended.status, ended.last["error"]["code"]) == (3, "home_exists")
    assert (home / "till.db").read_bytes() == before


@pytest.mark.parametrize(
    "arguments",
    [
        ("script",),
        ("script", "/no/such/file", *PERSON),
        ("script", "-", "--user", CASHIER),
        ("script", "-", "--user", CASHIER, "--pin-fd", "77"),
        ("sync",),
        ("sync", "--once", "--drain"),
        ("no-such-command",),
        ("--home",),
    ],
    ids=" ".join,
)
def test_a_command_that_is_called_wrongly_ends_with_2_and_says_why(
    arguments: tuple[str, ...], pos: ForkingPos, home: Path
) -> None:
    ended = pos.run(*arguments, *([] if arguments == ("--home",) else ["--home", str(home)]), pin=None)
    assert (ended.status, ended.out) == (2, "")
    assert ended.err
    assert "Traceback" not in ended.err
