"""What is open after own payments that central does not know yet, knows, or knows without our knowing.

A bill is never offered twice and never shown as open when it is paid; an account's credit is never counted twice. Each
test looks at the cache's views, at what the counter is shown, and at what a deed would take.
"""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest

from pos.domain.allocation import PaymentPolicy
from pos.domain.errors import Refused
from pos.domain.money import Money, currency
from pos.domain.payment_mode import Purpose
from pos.till.enquiries import account_view, bill_view
from pos.till.open_bills import catch_up_all
from pos.till.verify import verify_books
from sync.central.operating.fixture import load_fixture
from sync.central.operating.verify import verify_central
from sync.wire_json import dumps
from tests.builders.tills import CASHIER, cash, pay, wish
from tests.builders.wire import (
    Fault,
    ForeignServer,
    Wire,
    applied,
    foreign_bill,
    make_wire,
    operator,
    unfilled_wire,
)
from tests.central.central_builders import BASE_URL, BILL, bill, kwd


def assert_open(wire: Wire, bill_no: str, minor: int) -> None:
    """The list, the counter and the deed agree on what is open."""
    assert wire.open_minor(bill_no) == minor
    view = bill_view(wire.desk, CASHIER, bill_no)
    assert view.bill.open.minor == minor
    state = str(wire.look("SELECT state FROM v_bill WHERE bill_no = ?", bill_no))
    assert (state == "settled") == (minor == 0)
    catch_up_all(wire.desk)
    assert wire.open_minor(bill_no) == minor
    assert [finding for finding in verify_books(wire.desk) if "open" in finding.check] == []


def assert_credit(wire: Wire, account: str, minor: int) -> None:
    """The list and the counter agree on an account's credit."""
    assert wire.credit_minor(account) == minor
    assert account_view(wire.desk, CASHIER, account).credit.minor == minor
    catch_up_all(wire.desk)
    assert wire.credit_minor(account) == minor


def assert_paid_once(wire: Wire, account: str, bill_no: str) -> None:
    """A second payment for a bill that is paid is refused."""
    with pytest.raises(Refused) as refusal:
        wire.pay(account, "10.000", bill_no)
    assert refusal.value.code == "bill_settled"


async def test_paid_and_not_sent_yet() -> None:
    wire = await make_wire()
    wire.pay("BA-1", "12.500", "N1-1", each="10.000")
    assert_open(wire, "N1-1", 0)
    assert_credit(wire, "BA-1", 2_500)
    assert_paid_once(wire, "BA-1", "N1-1")


async def test_paid_and_not_sent_yet_when_central_tells_the_bill_anew() -> None:
    wire = await make_wire()
    wire.pay("BA-1", "6.500", "N1-1", each="4.000")
    wire.told(
        "UPDATE bill SET due_date = '2026-12-24', change_number = (SELECT value FROM change_counter) WHERE id = '1-1'"
    )
    wire.told(
        "UPDATE account SET dunning_stage = 1, change_number = (SELECT value FROM change_counter) WHERE id = 'BA-1'"
    )
    report = await wire.engine.pull()
    assert (report.bills, report.accounts) == (1, 1)
    assert_open(wire, "N1-1", 6_000)
    assert_credit(wire, "BA-1", 2_500)


async def test_acknowledged_and_the_snapshot_is_older() -> None:
    wire = await make_wire()
    wire.pay("BA-1", "12.500", "N1-1", each="10.000")
    await wire.engine.drain(timeout_s=60)
    assert wire.states() == ["acknowledged"]
    assert_open(wire, "N1-1", 0)
    assert_credit(wire, "BA-1", 2_500)
    assert_paid_once(wire, "BA-1", "N1-1")


async def test_acknowledged_and_the_snapshot_is_newer() -> None:
    wire = await make_wire()
    wire.pay("BA-1", "6.500", "N1-1", each="4.000")
    await wire.engine.drain(timeout_s=60)
    report = await wire.engine.pull()
    assert (report.bills, report.accounts) == (1, 1)
    assert wire.look("SELECT remaining_minor FROM bill WHERE bill_no = 'N1-1'") == 6_000
    assert wire.look("SELECT credit_told_minor FROM account WHERE account = 'BA-1'") == 2_500
    assert_open(wire, "N1-1", 6_000)
    assert_credit(wire, "BA-1", 2_500)


async def test_the_answer_is_lost_but_the_snapshot_holds_the_payment() -> None:
    wire = await make_wire()
    wire.pay("BA-1", "6.500", "N1-1", each="4.000")
    wire.network.script(Fault.LOST_ANSWER)
    await wire.engine.push()
    assert wire.states() == ["unknown"]

    await wire.engine.pull()

    assert_open(wire, "N1-1", 6_000)
    assert_credit(wire, "BA-1", 2_500)
    await wire.engine.drain(timeout_s=60)
    assert_open(wire, "N1-1", 6_000)
    assert_credit(wire, "BA-1", 2_500)
    await wire.engine.pull()
    assert_open(wire, "N1-1", 6_000)
    assert_credit(wire, "BA-1", 2_500)


async def test_the_request_is_lost_and_the_snapshot_does_not_hold_the_payment() -> None:
    wire = await make_wire()
    wire.pay("BA-1", "6.500", "N1-1", each="4.000")
    wire.network.script(Fault.LOST_REQUEST)
    await wire.engine.push()
    wire.told(
        "UPDATE account SET credit_minor = 700, change_number = (SELECT value FROM change_counter) WHERE id = 'BA-1'"
    )
    await wire.engine.pull()
    assert_open(wire, "N1-1", 6_000)
    await wire.engine.drain(timeout_s=60)
    await wire.engine.pull()
    assert_open(wire, "N1-1", 6_000)
    assert_credit(wire, "BA-1", 3_200)


async def test_what_central_changes_meanwhile_on_an_account_in_doubt_comes_with_the_next_pull() -> None:
    wire = await make_wire()
    wire.pay("BA-1", "2.500")
    wire.network.script(Fault.LOST_ANSWER)
    await wire.engine.push()
    wire.told(
        "UPDATE account SET credit_minor = credit_minor + 700, "
        "change_number = (SELECT value FROM change_counter) WHERE id = 'BA-1'"
    )
    wire.told(
        "UPDATE account SET credit_minor = 900, change_number = (SELECT value FROM change_counter) WHERE id = 'BA-2'"
    )
    await wire.engine.pull()
    assert_credit(wire, "BA-1", 2_500)
    assert_credit(wire, "BA-2", 900)
    await wire.engine.drain(timeout_s=60)
    await wire.engine.pull()
    assert_credit(wire, "BA-1", 3_200)


async def test_a_cache_made_anew_while_an_answer_is_out_still_gets_its_accounts() -> None:
    wire = await make_wire()
    wire.pay("BA-1", "2.500")
    wire.network.script(Fault.LOST_REQUEST)
    await wire.engine.push()
    with wire.desk.cache.write() as connection:
        for table in ("account", "account_word", "bill", "marker"):
            connection.exec_driver_sql(f"DELETE FROM {table}")
    report = await wire.engine.pull()
    assert report.accounts == 3
    assert wire.credits().keys() == {"BA-1", "BA-2", "BA-3"}


async def test_the_bill_was_paid_elsewhere_meanwhile() -> None:
    """Central sets against the bill what it still wants; the rest is the account's credit."""
    wire = await make_wire()
    wire.pay("BA-1", "10.000", "N1-1")
    wire.told(
        "UPDATE bill SET remaining_minor = 4000, state = 'partiallyPaid', "
        "change_number = (SELECT value FROM change_counter) WHERE id = '1-1'"
    )
    await wire.engine.pull()
    assert_open(wire, "N1-1", 0)
    await wire.engine.drain(timeout_s=60)
    assert_open(wire, "N1-1", 0)
    await wire.engine.pull()
    assert_open(wire, "N1-1", 0)
    assert_credit(wire, "BA-1", 6_000)


async def test_money_in_a_parked_row_stays_taken() -> None:
    wire = await make_wire()
    wire.pay("BA-1", "12.500", "N1-1", each="10.000")
    wire.network.script(Fault.BAD)
    await wire.engine.drain(timeout_s=60)
    wire.told("UPDATE bill SET change_number = (SELECT value FROM change_counter) WHERE id = '1-1'")
    await wire.engine.pull()
    assert wire.states() == ["parked"]
    assert_open(wire, "N1-1", 0)
    assert_credit(wire, "BA-1", 2_500)
    assert_paid_once(wire, "BA-1", "N1-1")


# --- credit that central uses by itself -----------------------------------------------------------------------


def issue(wire: Wire, bill_id: str, amount: str, **more: object) -> None:
    """Central's biller issues a new bill for BA-1; what the account has as credit is used on it."""
    told = operator()
    told["bills"].append(bill(bill_id, amount, account="BA-1") | more)
    load_fixture(wire.central, told)


async def test_credit_that_central_has_is_used_on_the_next_bill_and_shown_once() -> None:
    """Rule 15: sent first, then billed."""
    wire = await make_wire()
    wire.pay("BA-1", "4.000")
    await wire.engine.drain(timeout_s=60)
    issue(wire, "1-9", "6.000")
    await wire.engine.pull()
    assert_credit(wire, "BA-1", 0)
    assert_open(wire, "N1-9", 2_000)
    assert verify_central(wire.central) == []


async def test_credit_that_comes_after_the_bill_stays_credit_and_is_shown_once() -> None:
    """Rule 15: billed first, then sent; it waits for the bill after this one."""
    wire = await make_wire()
    wire.pay("BA-1", "4.000")
    issue(wire, "1-9", "6.000")
    await wire.engine.pull()
    assert_credit(wire, "BA-1", 4_000)
    assert_open(wire, "N1-9", 6_000)
    await wire.engine.drain(timeout_s=60)
    await wire.engine.pull()
    assert_credit(wire, "BA-1", 4_000)
    assert_open(wire, "N1-9", 6_000)
    assert verify_central(wire.central) == []


async def test_what_is_kept_apart_cleared_and_recovered_is_alike_at_both() -> None:
    """Rules 6, 15 and 18: till and central come to the same figures."""
    wire = await make_wire(tolerance="0.005")
    wire.desk.policy = replace(wire.desk.policy, payments=PaymentPolicy(tolerance_minor=5))
    told = operator()
    told["accounts"][0] |= {"status": "written_off", "written_off": "6.000"}
    load_fixture(wire.central, told)
    await wire.engine.pull()
    pay(
        wire.desk,
        cash("20"),
        allocate=[
            wish("N1-1", "9.995"),
            wish(None, "4", "BA-1", keep_as=Purpose.ADVANCE),
            wish(None, "6.005", "BA-1", keep_as=Purpose.DEPOSIT),
        ],
    )
    catch_up_all(wire.desk)
    before = account_view(wire.desk, CASHIER, "BA-1")
    await wire.engine.drain(timeout_s=60)
    await wire.engine.pull()
    after = account_view(wire.desk, CASHIER, "BA-1")
    for view in (before, after):
        assert (view.advance.minor, view.deposit.minor, view.written_off.minor, view.bills) == (
            4_000,
            6_005,
            0,
            (),
        )
    assert after.account.status == "recovered"
    assert_open(wire, "N1-1", 0)
    assert verify_central(wire.central) == []


async def test_disputes_and_promises_of_central_reach_the_counter() -> None:
    """Rule 11: by the rates that are disputed, and what is missing of the promise."""
    wire = await make_wire()
    told = operator()
    told["bills"][0]["promise"] = {"date": "2026-12-01", "amount": kwd("3.000")}
    told["rates"] = [one | ({"isDisputed": True} if one["id"] == "R2-1b" else {}) for one in told["rates"]]
    told["rates"] = [one | ({"isDisputed": True} if one["id"] == "R2-1a" else {}) for one in told["rates"]]
    load_fixture(wire.central, told)
    await wire.engine.pull()
    promised = bill_view(wire.desk, CASHIER, "N1-1")
    disputed = bill_view(wire.desk, CASHIER, "N2-1")
    assert promised.bill.instalment == Money(3_000, currency("KWD"))
    assert disputed.bill.payable.minor == 0
    assert {one.rate_id for one in disputed.rates if one.disputed} == {"R2-1a", "R2-1b"}


# --- a foreign server ----------------------------------------------------------------------------------------


def beside_foreign() -> tuple[Wire, ForeignServer]:
    server = ForeignServer()
    server.bills = [foreign_bill("F1", "15.000")]
    wire = unfilled_wire(own=False)
    wire.network.leads_to = server
    return wire, server


def letter(server: ForeignServer, remaining: str, amount: str) -> None:
    """The foreign biller sets the payment against the bill, and tells only its own id for it."""
    server.bills[0] |= {
        "remainingAmount": kwd(remaining),
        "appliedPayment": [applied(str(server.payments[-1]["id"]), amount)],
    }


async def test_a_foreign_bill_that_lists_our_payment_by_the_servers_id() -> None:
    wire, server = beside_foreign()
    await wire.engine.pull()
    wire.pay("F-1", "10.000", "NF1", each="10.000")
    assert_open(wire, "NF1", 5_000)
    await wire.engine.drain(timeout_s=60)
    await wire.engine.pull()
    assert_open(wire, "NF1", 5_000)
    letter(server, "5.000", "10.000")
    await wire.engine.pull()
    assert_open(wire, "NF1", 5_000)


async def test_a_foreign_bill_that_lists_our_payment_before_its_answer_came() -> None:
    """Until the look-up nobody can know that the listed payment is ours; too little is open then, never too much."""
    wire, server = beside_foreign()
    await wire.engine.pull()
    wire.pay("F-1", "10.000", "NF1", each="10.000")
    server.loses_answers = True
    await wire.engine.push()
    server.loses_answers = False
    letter(server, "5.000", "10.000")
    await wire.engine.pull()
    assert_open(wire, "NF1", 0)

    await wire.engine.drain(timeout_s=60)

    assert_open(wire, "NF1", 5_000)


async def test_a_foreign_bill_that_letters_late_shows_nothing_open_meanwhile() -> None:
    wire, server = beside_foreign()
    await wire.engine.pull()
    wire.pay("F-1", "15.000", "NF1")
    await wire.engine.drain(timeout_s=60)
    for _ in range(3):
        await wire.engine.pull()
        assert_open(wire, "NF1", 0)
        assert_paid_once(wire, "F-1", "NF1")
    letter(server, "0.000", "15.000")
    await wire.engine.pull()
    assert_open(wire, "NF1", 0)


async def test_credit_at_a_foreign_server_is_what_this_till_put_there() -> None:
    wire, _ = beside_foreign()
    await wire.engine.pull()
    wire.pay("F-1", "2.500")
    assert_credit(wire, "F-1", 2_500)
    await wire.engine.drain(timeout_s=60)
    await wire.engine.pull()
    assert_credit(wire, "F-1", 2_500)


async def test_a_bill_that_the_biller_holds_is_not_paid_until_it_is_let_go() -> None:
    wire = await make_wire()

    async def set_state(state: str) -> None:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(wire.network.app), base_url=BASE_URL
        ) as office:
            answer = await office.patch(
                f"{BILL}/1-1",
                content=dumps({"state": state}),
                headers={"content-type": "application/merge-patch+json"},
            )
        assert answer.status_code == 200
        assert (await wire.engine.pull()).bills == 1

    await set_state("onHold")
    with pytest.raises(Refused) as refusal:
        wire.pay("BA-1", "10.000", "N1-1")
    assert refusal.value.code == "bill_on_hold"
    await set_state("sent")
    wire.pay("BA-1", "10.000", "N1-1")
    assert_open(wire, "N1-1", 0)
