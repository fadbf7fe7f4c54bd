"""What became of a bank receipt comes to central behind its payment, once, whatever happens on the way."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import text

from pos.domain.payment_event import Overpayment
from pos.till.bank_receipts import reject_bank_receipt, unblock_dealer, verify_bank_receipt
from pos.till.desk import Desk
from pos.till.enquiries import account_view
from pos.till.open_bills import catch_up
from pos.till.take_payment import take_payment
from sync.central.operating.fixture import load_fixture
from sync.central.operating.verify import verify_central
from sync.wire_json import loads
from tests.builders.tills import (
    BACK_OFFICE,
    CASHIER,
    bank_cash,
    findings,
    grant_limit,
    money,
    order,
    rows,
    sale,
    stock,
)
from tests.builders.wire import BASE_URL, SURVIVED, Fault, Wire, make_wire

HOUR_S = 3_600
DEALER = {
    "account": "D-1",
    "kind": "dealer",
    "name": "Gulf Mobile",
    "currency": "KWD",
    "class": "gold",
    "credit_limit": "20.000",
}


async def dealers_wire(*, own: bool = True) -> Wire:
    wire = await make_wire(own=own)
    load_fixture(wire.central, {"accounts": [DEALER, {**DEALER, "account": "D-2"}]})
    if own:
        assert (await wire.engine.pull()).problem is None
    stock(wire.desk)
    wire.network.requests.clear()
    return wire


def presented(desk: Desk, amount: str = "15", reference: str = "K7-20991") -> str:
    """10 for two services, the rest on account."""
    asked = order(
        desk,
        bank_cash(amount, reference),
        account="D-1",
        lines=[sale("SERVICE", 2)],
        overpayment=Overpayment.CREDIT,
    )
    taken = take_payment(desk, CASHIER, asked)
    catch_up(desk)
    return taken.receipt.receipt_number


def told(wire: Wire) -> list[tuple[str, str, int]]:
    with wire.central.read() as connection:
        found = connection.execute(
            text("SELECT correlator_id, state, credited_minor FROM outcome ORDER BY change_number")
        )
        return [(str(row[0]), str(row[1]), int(row[2])) for row in found]


def outcome_posts(wire: Wire) -> list[bytes]:
    return [one.body for one in wire.network.requests if one.path.endswith("/outcome")]


@pytest.mark.sweep(4)
@pytest.mark.parametrize("fault", SURVIVED)
async def test_an_outcome_reaches_central_once_behind_its_payment(fault: Fault) -> None:
    wire = await dealers_wire()
    number = presented(wire.desk)
    verify_bank_receipt(wire.desk, BACK_OFFICE, number)
    wire.network.script(fault)

    await wire.engine.drain(timeout_s=HOUR_S)

    assert wire.states() == ["acknowledged", "acknowledged"]
    (event_id,) = {row["payment_event_id"] for row in wire.outbox()}
    assert told(wire) == [(f"{event_id}-1-verified", "verified", 0)]
    assert verify_central(wire.central) == []
    assert findings(wire.desk) == []


@pytest.mark.sweep(5)
@pytest.mark.parametrize("fault", SURVIVED)
@pytest.mark.parametrize("at_the_question", [True, False])
async def test_an_outcome_is_sent_again_with_the_same_bytes(fault: Fault, at_the_question: bool) -> None:
    wire = await dealers_wire()
    number = presented(wire.desk)
    await wire.engine.drain(timeout_s=HOUR_S)
    reject_bank_receipt(wire.desk, BACK_OFFICE, number, "forged")
    unblock_dealer(wire.desk, BACK_OFFICE, "D-1", "Paid")
    # The first request of a round asks whether central takes outcomes.
    wire.network.script(*([fault] if at_the_question else [Fault.NONE, fault]))

    await wire.engine.drain(timeout_s=HOUR_S)

    assert set(wire.states()) == {"acknowledged"}
    assert [state for _, state, _ in told(wire)] == ["rejected", "settled"]
    assert len(set(outcome_posts(wire))) == 2


async def test_nothing_is_told_of_a_leg_that_central_has_not(wire_parked: Wire) -> None:
    wire = wire_parked

    report = await wire.engine.drain(timeout_s=HOUR_S)

    assert report.waiting == 0, "it waits for the person that the leg waits for"
    assert wire.states() == ["parked", "waiting"]
    assert told(wire) == []
    assert outcome_posts(wire) == []


@pytest.fixture
async def wire_parked() -> Wire:
    """Central had this paper before: the leg is parked, and the back office rejects the receipt."""
    wire = await dealers_wire()
    number = presented(wire.desk)
    with wire.central.write() as connection:
        connection.execute(
            text(
                "INSERT INTO payment (id, change_number, account_id, currency, amount_minor, applied_minor, credit_minor,"
                " suspense_minor, other_minor, status, paid_at_utc, body, received_sha256) VALUES ('P-0', 999, 'X', 'KWD',"
                " 1, 0, 0, 1, 0, 'done', '', '{}', '')"
            )
        )
        connection.execute(
            text("INSERT INTO instrument VALUES (:paper, 'E-0', 'P-0')"),
            {"paper": rows(wire.desk, "instrument")[0]["instrument"]},
        )
    reject_bank_receipt(wire.desk, BACK_OFFICE, number, "forged")
    return wire


async def test_a_rejection_debits_the_dealer_at_central_and_blocks_at_every_till() -> None:
    wire = await dealers_wire()
    number = presented(wire.desk)
    await wire.engine.drain(timeout_s=HOUR_S)
    assert (await wire.engine.pull()).problem is None
    assert wire.credit_minor("D-1") == 5_000
    reject_bank_receipt(wire.desk, BACK_OFFICE, number, "amount_differs")
    catch_up(wire.desk)
    assert wire.credit_minor("D-1") == -10_000, "at once, before central hears of it"

    await wire.engine.drain(timeout_s=HOUR_S)

    assert (await wire.engine.pull()).problem is None
    assert wire.credit_minor("D-1") == -10_000
    assert wire.look("SELECT blocked FROM account WHERE account = 'D-1'") == 1
    (payment,) = await payments_at(wire)
    assert (payment["provisional"], payment["outcome"], payment["outcomeReason"]) == (
        False,
        "rejected",
        "amount_differs",
    )
    verify_bank_receipt(wire.desk, BACK_OFFICE, number)
    await wire.engine.drain(timeout_s=HOUR_S)
    assert (await wire.engine.pull()).problem is None
    assert wire.credit_minor("D-1") == 5_000
    assert wire.look("SELECT blocked FROM account WHERE account = 'D-1'") == 0
    assert verify_central(wire.central) == []


async def test_a_dealer_let_go_on_brings_receipts_at_once_whether_central_is_heard_or_not() -> None:
    wire = await dealers_wire()
    number = presented(wire.desk)
    await wire.engine.drain(timeout_s=HOUR_S)
    reject_bank_receipt(wire.desk, BACK_OFFICE, number, "not_found")
    await wire.engine.drain(timeout_s=HOUR_S)
    assert (await wire.engine.pull()).problem is None
    assert wire.look("SELECT blocked FROM account WHERE account = 'D-1'") == 1
    wire.network.down()

    unblock_dealer(wire.desk, BACK_OFFICE, "D-1", "Paid in cash")

    asked = [
        order(wire.desk, bank_cash("1", reference), account="D-1") for reference in ("K1", "M22", "X333")
    ]
    take_payment(wire.desk, CASHIER, asked[0])
    wire.network.heal()
    await wire.engine.drain(timeout_s=HOUR_S)
    take_payment(wire.desk, CASHIER, asked[1])
    assert (await wire.engine.pull()).problem is None
    take_payment(wire.desk, CASHIER, asked[2])
    verify_bank_receipt(wire.desk, BACK_OFFICE, number)
    await wire.engine.drain(timeout_s=HOUR_S)
    assert (await wire.engine.pull()).problem is None
    assert wire.credit_minor("D-1") == 8_000
    assert verify_central(wire.central) == []
    assert findings(wire.desk) == []


async def payments_at(wire: Wire):  # type: ignore[no-untyped-def]
    page = await wire.client._page(f"{BASE_URL}/tmf-api/paymentManagement/v4/payment", {})
    return page.rows  # type: ignore[union-attr]


@pytest.mark.parametrize("pulls", [0, 1, 2, 3, 4])
async def test_what_waits_for_the_bank_is_counted_once_whatever_was_pulled_when(pulls: int) -> None:
    """Rule 58: this till's receipts and central's figure of them are the same money."""
    wire = await dealers_wire()
    seen = []
    steps: list[Callable[[], object]] = [
        lambda: presented(wire.desk, "15", "K1"),
        lambda: presented(wire.desk, "12", "M77"),
        lambda: verify_bank_receipt(wire.desk, BACK_OFFICE, "S014-T1-A-000001"),
        lambda: None,
    ]
    grant = text("UPDATE account SET credit_limit_minor = 100000 WHERE id = 'D-1'")
    with wire.central.write() as connection:
        connection.execute(text("UPDATE change_counter SET value = value + 1"))
        connection.execute(grant)
        connection.execute(text("UPDATE account SET change_number = (SELECT value FROM change_counter)"))
    await wire.engine.pull()
    for place, step in enumerate(steps):
        step()
        if place < pulls:
            await wire.engine.drain(timeout_s=HOUR_S)
            await wire.engine.pull()
        seen.append(account_view(wire.desk, CASHIER, "D-1").unverified)

    assert seen == [money("15"), money("27"), money("12"), money("12")]


async def test_another_tills_receipts_are_known_after_a_pull() -> None:
    wire = await dealers_wire()
    presented(wire.desk)
    await wire.engine.drain(timeout_s=HOUR_S)

    with wire.central.read() as connection:
        assert connection.execute(text("SELECT dealer_id, state FROM bank_receipt")).all() == [
            ("D-1", "presented")
        ]
    other = await dealers_wire()
    other.network.leads_to = wire.network.leads_to
    assert (await other.engine.pull()).problem is None
    assert account_view(other.desk, CASHIER, "D-1").unverified == money("15")


async def test_a_foreign_central_has_no_place_for_outcomes_and_nothing_waits() -> None:
    wire = await dealers_wire(own=False)
    grant_limit(wire.desk, "20")
    number = presented(wire.desk)
    reject_bank_receipt(wire.desk, BACK_OFFICE, number, "forged")

    report = await wire.engine.drain(timeout_s=HOUR_S)

    assert (report.waiting, report.parked) == (0, 0)
    kept = wire.outbox()[1]
    assert (kept["state"], kept["server_id"]) == ("acknowledged", "not-told")
    assert kept["reason"] == "kept, not announced: this central has no place for it"
    assert told(wire) == []
    catch_up(wire.desk)
    assert wire.credit_minor("D-1") == -10_000


async def test_the_body_of_an_outcome_names_its_payment_by_the_servers_id() -> None:
    wire = await dealers_wire()
    number = presented(wire.desk)
    reject_bank_receipt(wire.desk, BACK_OFFICE, number, "forged")

    await wire.engine.drain(timeout_s=HOUR_S)

    leg, outcome = wire.outbox()
    body = loads(outcome_posts(wire)[0])
    assert body["payment"] == {"id": leg["server_id"], "correlatorId": leg["correlator_id"]}
    assert (body["correlatorId"], body["state"], body["reason"]) == (
        outcome["correlator_id"],
        "rejected",
        "forged",
    )
    assert body["totalAmount"] == {"unit": "KWD", "value": 15}
