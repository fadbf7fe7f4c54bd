"""Listeners at central's hubs, and the events that are made for them in the transaction that they tell of."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from pos.domain.errors import Refused
from sync.central.access.audit import events
from sync.central.access.clients import revoke_client
from sync.central.hub.events import EventRecorder
from sync.central.hub.listeners import listener_hosts
from sync.central.hub.subscriptions import LISTENERS_MAX
from sync.central.operating.fixture import load_fixture
from sync.central.operating.verify import verify_central
from sync.central.store.database import CentralStore
from sync.wire_json import dumps, loads
from tests.central.auth_builders import bearer, client_of, guarded
from tests.central.central_builders import (
    BASE_URL,
    PAYMENT,
    PAYMENT_SPEC,
    SteppingClock,
    bill,
    faults,
    item,
    kwd,
    payment,
    post,
    rate,
)
from tests.central.hub_builders import (
    BILL_HUB,
    HEADERS,
    PAYMENT_HUB,
    Central,
    Listener,
    ask_to_listen,
    central_over,
    kept_events,
    listen,
    quiet,
)
from tests.central.refund_builders import paid, post_refund, refund, undo

OUTCOME = "/counterfoil/v1/outcome"


@pytest.fixture
async def central(store: CentralStore) -> AsyncIterator[Central]:
    async with central_over(store) as opened:
        yield opened


def told(store: CentralStore) -> list[tuple[str, str | None]]:
    """Type and field of every event."""
    return [(event["eventType"], event.get("fieldPath")) for event in kept_events(store)]


async def test_a_listener_comes_and_leaves(central: Central, tmf_specs: Path) -> None:
    answer = await ask_to_listen(central.client, query="eventType=PaymentCreateEvent")
    subscription = loads(answer.content)

    assert answer.status_code == 201
    assert subscription == {
        "id": subscription["id"],
        "callback": "http://localhost/events",
        "query": "eventType=PaymentCreateEvent",
    }
    assert answer.headers["location"] == f"{BASE_URL}{PAYMENT_HUB}/{subscription['id']}"
    assert faults(tmf_specs, PAYMENT_SPEC, "EventSubscription", subscription) == []
    assert (await central.client.delete(f"{BILL_HUB}/{subscription['id']}")).status_code == 404
    assert (await central.client.delete(f"{PAYMENT_HUB}/{subscription['id']}")).status_code == 204
    assert (await central.client.delete(f"{PAYMENT_HUB}/{subscription['id']}")).status_code == 404


async def test_the_same_subscription_again_is_refused_and_named(central: Central) -> None:
    first = await listen(central.client, query="eventType=PaymentCreateEvent")

    again = await ask_to_listen(central.client, query="eventType=PaymentCreateEvent")
    refusal = loads(again.content)

    assert (again.status_code, refusal["code"], refusal["id"]) == (409, "already_listening", first)
    assert again.headers["location"].endswith(first)
    assert (await ask_to_listen(central.client, query="")).status_code == 201
    assert (await ask_to_listen(central.client, hub=BILL_HUB)).status_code == 201


@pytest.mark.parametrize(
    ("callback", "code"),
    [
        (None, "bad_field"),
        (7, "bad_field"),
        ("", "bad_field"),
        ("localhost/events", "bad_field"),
        ("ftp://localhost/events", "bad_field"),
        ("file:///etc/passwd", "bad_field"),
        ("http:///events", "bad_field"),
        ("http://localhost:99999/", "bad_field"),
        ("http://[::1/", "bad_field"),
        ("http://user@localhost/", "bad_field"),
        ("http://user:secret@localhost/", "bad_field"),
        ("http://localhost/?token=1", "bad_field"),
        ("http://localhost/#top", "bad_field"),
        ("http://localhost/a b", "bad_field"),
        ("http://localhost/\r\nHost: x", "bad_field"),
        ("http://löcalhost/", "bad_field"),
        ("http://localhost/" + "a" * 500, "bad_field"),
        ("https://bss.example/events", "listener_not_allowed"),
        ("http://169.254.169.254/latest", "listener_not_allowed"),
        ("http://10.0.0.1/", "listener_not_allowed"),
        ("http://localhost.example/", "listener_not_allowed"),
        ("http://0/", "listener_not_allowed"),
        ("http://2130706433/", "listener_not_allowed"),
        ("http://[::ffff:10.0.0.1]/", "listener_not_allowed"),
    ],
)
async def test_a_callback_that_may_not_be_called_is_refused(
    central: Central, callback: object, code: str
) -> None:
    answer = await ask_to_listen(central.client, callback)
    refusal = loads(answer.content)

    assert (answer.status_code, refusal["code"], refusal["field"]) == (400, code, "callback")
    with central.store.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM hub")).scalar_one() == 0


@pytest.mark.parametrize(
    ("callback", "status"),
    [
        ("https://events.bss.example/tmf", 201),
        ("https://EVENTS.bss.example:8443", 201),
        ("https://10.20.3.4/", 201),
        ("http://events.bss.example/tmf", 400),
        ("https://other.bss.example/", 400),
        ("https://10.21.0.1/", 400),
        ("http://localhost/", 400),
    ],
)
async def test_only_hosts_that_the_operator_named_may_listen(
    store: CentralStore, callback: str, status: int
) -> None:
    hosts = listener_hosts(["events.bss.example", "10.20.0.0/16"])
    async with central_over(store, hosts=hosts) as central:
        assert (await ask_to_listen(central.client, callback)).status_code == status


@pytest.mark.parametrize(
    ("hub", "query", "code"),
    [
        (PAYMENT_HUB, 7, "bad_field"),
        (PAYMENT_HUB, "eventType", "bad_field"),
        (PAYMENT_HUB, "a" * 1_001, "bad_field"),
        (PAYMENT_HUB, "eventType=CustomerBillCreateEvent", "bad_query"),
        (BILL_HUB, "eventType=CustomerBillDeleteEvent", "bad_query"),
        (PAYMENT_HUB, "eventType=PaymentCreateEvent,Nonsense", "bad_query"),
        (PAYMENT_HUB, "colour=red", "bad_query"),
        (PAYMENT_HUB, "fields=id", "bad_query"),
        (PAYMENT_HUB, "href=x", "bad_query"),
        (PAYMENT_HUB, "account.id;drop=1", "bad_query"),
    ],
)
async def test_a_query_that_cannot_be_asked_is_refused(
    central: Central, hub: str, query: object, code: str
) -> None:
    answer = await ask_to_listen(central.client, hub=hub, query=query)

    assert (answer.status_code, loads(answer.content)["code"]) == (400, code)


async def test_there_is_a_most_of_listeners(central: Central) -> None:
    for number in range(LISTENERS_MAX):
        await listen(central.client, f"http://localhost/{number}")

    answer = await ask_to_listen(central.client)

    assert (answer.status_code, loads(answer.content)["code"]) == (403, "too_many_listeners")


async def test_while_nobody_listens_nothing_is_kept(central: Central) -> None:
    payment_id = await paid(central.client)
    await undo(central.client, refund(payment_id))

    with central.store.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM event_due")).scalar_one() == 0
    assert kept_events(central.store) == []


async def test_a_payment_is_told_as_it_is_stored(central: Central) -> None:
    await listen(central.client)
    answer = await post(
        central.client, payment("10.000", correlatorId="C-1", paymentItem=[item("CB-1", "10.000")])
    )
    stored = loads(answer.content)
    [event] = kept_events(central.store)

    assert event == {
        "eventId": event["eventId"],
        "id": stored["id"],
        "href": event["href"],
        "correlationId": "C-1",
        "eventTime": "2026-11-21T10:00:00.000000+00:00",
        "eventType": "PaymentCreateEvent",
        "domain": "payment",
        "title": "Payment created",
        "priority": "normal",
        "timeOcurred": "2026-11-21T10:00:00.000000+00:00",
        "event": {"payment": stored | {"href": event["href"]}},
    }


async def test_the_same_payment_again_is_no_event(central: Central) -> None:
    await listen(central.client)
    for _ in range(2):
        await post(central.client, payment("10.000", correlatorId="C-1"))

    assert told(central.store) == [("PaymentCreateEvent", None)]


async def test_what_was_refused_is_no_event(central: Central) -> None:
    payment_id = await paid(central.client)
    await listen(central.client)
    answer = await post_refund(central.client, refund(payment_id, "10.001"))

    assert answer.status_code == 422
    assert told(central.store) == []


async def test_a_refund_is_told_and_what_it_changes_of_its_payment(central: Central) -> None:
    payment_id = await paid(central.client)
    await listen(central.client)
    await undo(central.client, refund(payment_id, "4.000"))
    changed, created = kept_events(central.store)

    assert (created["eventType"], created["event"]["refund"]["payment"]) == (
        "RefundCreateEvent",
        {"id": payment_id},
    )
    assert (changed["eventType"], changed["fieldPath"]) == (
        "PaymentAttributeValueChangeEvent",
        "refundedAmount",
    )
    assert changed["event"]["payment"]["refundedAmount"] == kwd("4.000")
    assert "id" not in changed
    assert "href" not in changed


async def test_what_became_of_provisional_money_is_told_value_by_value(central: Central) -> None:
    body = payment(
        "7.000",
        account={"id": "D-12"},
        payer={"id": "D-12", "role": "dealer", "@referredType": "BillingAccount"},
        correlatorId="E-1-1",
        paymentEventId="E-1",
        provisional=True,
        provisionalReason="when the bank confirms it",
        instrument="bank_receipt|1|42|E-1|2026-11-21|7.000",
    )
    payment_id = await paid(
        central.client, **{k: v for k, v in body.items() if k != "totalAmount"}, amount="7.000"
    )
    await listen(central.client)
    outcome = {
        "correlatorId": "O-1",
        "payment": {"id": payment_id},
        "totalAmount": kwd("7.000"),
        "state": "verified",
        "decidedAt": "2026-11-22T10:00:00Z",
    }
    answer = await central.client.post(
        OUTCOME, content=dumps(outcome), headers={"content-type": "application/json"}
    )

    assert answer.status_code == 201, answer.text
    assert told(central.store) == [
        ("PaymentAttributeValueChangeEvent", name)
        for name in ("provisional", "provisionalReason", "outcome", "outcomeDate")
    ]


async def test_a_state_that_moves_and_a_row_that_goes_are_told_whoever_writes(central: Central) -> None:
    payment_id = await paid(central.client)
    await listen(central.client)
    with central.store.write() as connection:
        body = loads(connection.execute(text("SELECT body FROM payment")).scalar_one())
        body |= {"status": "canceled", "statusDate": "2026-11-22T10:00:00Z"}
        connection.execute(text("UPDATE payment SET body = :body"), {"body": dumps(body).decode()})
    with central.store.write() as connection:
        connection.execute(text("DELETE FROM payment"))
    moved, gone = kept_events(central.store)

    assert (moved["eventType"], moved["event"]["payment"]["status"]) == (
        "PaymentStateChangeEvent",
        "canceled",
    )
    assert (gone["eventType"], gone["event"]["payment"]["id"]) == ("PaymentDeleteEvent", payment_id)


async def test_what_another_program_wrote_is_told_with_the_next_transaction(central: Central) -> None:
    await listen(central.client, hub=BILL_HUB)
    central.store.before_commit = None
    with central.store.write() as connection:
        connection.execute(text("UPDATE bill SET state = 'onHold' WHERE id = 'CB-1'"))
    assert kept_events(central.store) == []
    central.store.before_commit = EventRecorder(central.clock)
    with central.store.write():
        pass

    [event] = kept_events(central.store)
    assert (event["eventType"], event["event"]["customerBill"]["state"]) == (
        "CustomerBillStateChangeEvent",
        "onHold",
    )


async def test_bills_are_told_when_they_come_and_when_their_state_moves(central: Central) -> None:
    await listen(central.client, hub=BILL_HUB)
    load_fixture(central.store, {"bills": [bill("CB-7", "5.000")]})
    for amount in ("1.000", "1.000", "3.000"):
        await post(central.client, payment(amount, paymentItem=[item("CB-7", amount)]))
    events = kept_events(central.store)

    assert [
        (event["eventType"], event["event"]["customerBill"]["state"], event["domain"]) for event in events
    ] == [
        ("CustomerBillCreateEvent", "sent", "bill"),
        ("CustomerBillStateChangeEvent", "partiallyPaid", "bill"),
        ("CustomerBillStateChangeEvent", "settled", "bill"),
    ]
    [_, partly, _] = events
    assert partly["event"]["customerBill"]["remainingAmount"] == kwd("4.000")
    assert len(partly["event"]["customerBill"]["appliedPayment"]) == 1


async def test_a_bill_that_is_asked_for_is_told_with_its_demand(central: Central) -> None:
    await listen(central.client, hub=BILL_HUB)
    load_fixture(
        central.store,
        {"rates": [{**rate("R-20", "CB-1", "3.000"), "isBilled": False, "billingAccount": {"id": "BA-1"}}]},
    )
    answer = await central.client.post(
        "/tmf-api/customerBillManagement/v4/customerBillOnDemand",
        content=dumps({"billingAccount": {"id": "BA-1"}}),
        headers={"content-type": "application/json"},
    )
    bill_event, demand_event = kept_events(central.store)

    assert answer.status_code == 201, answer.text
    assert (bill_event["eventType"], demand_event["eventType"]) == (
        "CustomerBillCreateEvent",
        "CustomerBillOnDemandCreateEvent",
    )
    asked = demand_event["event"]["customerBillOnDemand"]
    assert asked["state"] == "done"
    assert asked["customerBill"]["id"] == bill_event["event"]["customerBill"]["id"]


@pytest.mark.parametrize(
    ("query", "types"),
    [
        ("eventType=PaymentCreateEvent", ["PaymentCreateEvent"] * 2),
        ("eventType = paymentCreateEvent", ["PaymentCreateEvent"] * 2),
        (
            "eventType=RefundCreateEvent,PaymentAttributeValueChangeEvent",
            ["PaymentAttributeValueChangeEvent", "RefundCreateEvent"],
        ),
        (
            "eventType=PaymentCreateEvent&eventType=RefundCreateEvent",
            ["PaymentCreateEvent"] * 2 + ["RefundCreateEvent"],
        ),
        ("account.id=BA-2", ["PaymentCreateEvent"]),
        ("event.payment.account.id=BA-2", ["PaymentCreateEvent"]),
        ("payment.totalAmount.value.gt=5&eventType=PaymentCreateEvent", ["PaymentCreateEvent"]),
        ("fieldPath=refundedAmount", ["PaymentAttributeValueChangeEvent"]),
        ("kind=refund", []),
        ("account.id=BA-404", []),
    ],
)
async def test_a_listener_is_told_what_its_query_asks_for(
    central: Central, query: str, types: list[str]
) -> None:
    await listen(central.client, query=query)
    first = await paid(central.client, "10.000")
    await paid(central.client, "2.00", account={"id": "BA-2"}, totalAmount={"unit": "EUR", "value": 2})
    await undo(central.client, refund(first, "4.000"))

    assert [event["eventType"] for event in kept_events(central.store)] == types


async def test_every_event_is_one_by_the_standards_own_definition(central: Central, tmf_specs: Path) -> None:
    await listen(central.client)
    payment_id = await paid(central.client, "10.000", paymentItem=[item("CB-2", "4.000")])
    await undo(central.client, refund(payment_id, "4.000"))
    with central.store.write() as connection:
        for table in ("payment", "refund"):
            connection.execute(
                text(f'UPDATE {table} SET body = replace(body, \'"status":"done"\', \'"status":"canceled"\')')
            )
    with central.store.write() as connection:
        for table in ("refund_part", "refund", "applied_payment", "payment"):
            connection.execute(text(f"DELETE FROM {table}"))
    events: dict[str, Any] = {event["eventType"]: event for event in kept_events(central.store)}

    assert sorted(events) == [
        "PaymentAttributeValueChangeEvent",
        "PaymentCreateEvent",
        "PaymentDeleteEvent",
        "PaymentStateChangeEvent",
        "RefundCreateEvent",
        "RefundDeleteEvent",
        "RefundStateChangeEvent",
    ]
    for name, event in events.items():
        assert faults(tmf_specs, PAYMENT_SPEC, name, event) == []


async def test_an_event_is_kept_until_everybody_who_wants_it_has_gone(central: Central) -> None:
    first = await listen(central.client)
    second = await listen(central.client, query="eventType=PaymentCreateEvent")
    await paid(central.client)

    await central.client.delete(f"{PAYMENT_HUB}/{first}")
    assert told(central.store) == [("PaymentCreateEvent", None)]
    await central.client.delete(f"{PAYMENT_HUB}/{second}")
    assert told(central.store) == []


async def test_a_query_of_an_older_program_refuses_no_payment(central: Central) -> None:
    await listen(central.client)
    with central.store.write() as connection:
        connection.execute(text("UPDATE hub SET query = 'noLongerThere=1'"))

    await paid(central.client)

    assert told(central.store) == [("PaymentCreateEvent", None)]


async def test_a_store_that_went_back_never_gives_another_event_the_same_id(
    store: CentralStore, central: Central
) -> None:
    await listen(central.client)
    await paid(central.client, correlatorId="C-1")
    [before] = kept_events(store)
    with store.write() as connection:
        for table in ("event_delivery", "event", "payment"):
            connection.execute(text(f"DELETE FROM {table}"))
        connection.execute(text("DELETE FROM event_due"))
        connection.execute(text("UPDATE event_counter SET value = 0"))
    await paid(central.client, correlatorId="C-2")
    [after] = kept_events(store)

    assert before["eventId"] != after["eventId"]


async def test_an_event_that_nothing_would_send_is_found(central: Central) -> None:
    hub_id = await listen(central.client)
    await paid(central.client)
    assert verify_central(central.store) == []
    with central.store.write() as connection:
        connection.execute(text("UPDATE event_delivery SET state = 'held'"))

    [finding] = verify_central(central.store)
    assert (finding.subject, finding.subject_id) == ("listener", hub_id)
    assert finding.message == "Event 1 waits for one that is not there."


async def test_who_made_and_ended_a_listener_is_kept(central: Central) -> None:
    hub_id = await listen(central.client, "http://localhost:8000/secret/path")
    await central.client.delete(f"{PAYMENT_HUB}/{hub_id}")

    with central.store.read() as connection:
        noted = [(one.event, one.detail) for one in events(connection, subject=hub_id)]
    assert noted == [("listener_made", "payment http://localhost:8000"), ("listener_ended", "")]


async def test_the_events_that_wait_are_among_centrals_figures(central: Central) -> None:
    await listen(central.client)
    await paid(central.client)
    figures = (await central.client.get("/metrics")).text

    assert 'counterfoil_central_events{state="waiting"} 1.0' in figures
    assert 'counterfoil_central_events{state="dead"} 0.0' in figures
    assert "counterfoil_central_listeners_stopped 0.0" in figures


async def test_another_method_is_not_allowed(central: Central) -> None:
    hub_id = await listen(central.client)

    assert (await central.client.get(PAYMENT_HUB)).status_code == 405
    assert (await central.client.get(f"{PAYMENT_HUB}/{hub_id}")).status_code == 405


async def test_the_announcement_says_where_the_keys_are(client: httpx.AsyncClient) -> None:
    announced = loads((await client.get("/counterfoil/v1")).content)

    assert announced["hubKeys"] == "/counterfoil/v1/hubKey"
    assert loads((await client.get(announced["hubKeys"])).content) == []


async def test_who_listens_needs_a_token_for_it_and_ends_only_its_own(store: CentralStore) -> None:
    clock = SteppingClock()
    reader = client_of(store, "reader", clock, scopes=("payment.read",))
    first = client_of(store, "first", clock, scopes=("payment.listen",))
    second = client_of(store, "second", clock, scopes=("payment.listen",))
    asked = dumps({"callback": "http://localhost/events"})
    async with guarded(store, clock) as server:
        mine, theirs = await bearer(server, first), await bearer(server, second)
        refused = await server.post(
            PAYMENT_HUB, content=asked, headers=HEADERS | await bearer(server, reader)
        )
        other_hub = await server.post(BILL_HUB, content=asked, headers=HEADERS | mine)
        made = await server.post(PAYMENT_HUB, content=asked, headers=HEADERS | mine)
        beside = await server.post(PAYMENT_HUB, content=asked, headers=HEADERS | theirs)
        address = f"{PAYMENT_HUB}/{loads(made.content)['id']}"
        by_another = await server.delete(address, headers=theirs)
        by_itself = await server.delete(address, headers=mine)

    assert (refused.status_code, other_hub.status_code) == (403, 403)
    assert (made.status_code, beside.status_code) == (201, 201)
    assert (by_another.status_code, by_itself.status_code) == (404, 204)


async def test_a_dealers_client_can_never_listen(store: CentralStore) -> None:
    with pytest.raises(Refused) as refused:
        client_of(store, "dealer", SteppingClock(), dealer="D-12", scopes=("payment.listen",))

    assert refused.value.code == "bad_scope"


async def test_what_a_dealers_client_does_is_told_as_central_sees_it(store: CentralStore) -> None:
    clock = SteppingClock()
    scopes = ("payment.write", "bill.listen", "payment.listen")
    operators = client_of(store, "operator", clock, scopes=scopes)
    dealers = client_of(store, "dealer", clock, dealer="D-12", scopes=("payment.write",))
    async with guarded(store, clock) as server:
        token = await bearer(server, operators)
        for hub in (PAYMENT_HUB, BILL_HUB):
            await server.post(hub, content=dumps({"callback": "http://localhost/"}), headers=HEADERS | token)
        for amount, asking in (("1.000", token), ("2.000", await bearer(server, dealers))):
            body = payment(amount, paymentItem=[item("CB-2", amount)])
            answer = await server.post(PAYMENT, content=dumps(body), headers=HEADERS | asking)
            assert answer.status_code == 201, answer.text
        body = payment("7.000", paymentItem=[item("CB-2", "7.000")])
        await server.post(PAYMENT, content=dumps(body), headers=HEADERS | await bearer(server, dealers))
    events = kept_events(store)

    assert [event["eventType"] for event in events] == [
        "CustomerBillStateChangeEvent",
        "PaymentCreateEvent",
        "PaymentCreateEvent",
        "CustomerBillStateChangeEvent",
        "PaymentCreateEvent",
    ]
    settled = events[3]["event"]["customerBill"]
    assert (settled["state"], len(settled["appliedPayment"])) == ("settled", 3)


async def test_a_revoked_client_is_told_nothing_more(store: CentralStore) -> None:
    clock = SteppingClock()
    made = client_of(store, "listener", clock, scopes=("payment.listen", "payment.write"))
    async with guarded(store, clock) as server:
        token = await bearer(server, made)
        answer = await server.post(
            PAYMENT_HUB, content=dumps({"callback": "http://localhost/"}), headers=HEADERS | token
        )
        assert answer.status_code == 201, answer.text
        await server.post(PAYMENT, content=dumps(payment()), headers=HEADERS | token)
        with store.write() as connection:
            revoke_client(connection, "listener", at=clock.now())
    async with central_over(store) as central:
        await paid(central.client)
        listener = Listener(central.clock)
        async with central.telling(localhost=listener):
            await quiet()

    assert told(store) == [("PaymentCreateEvent", None)]
    assert listener.heard == []
