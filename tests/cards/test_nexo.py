"""The nexo driver against the project's own fake terminal, over real HTTP (rules 44 and 45; 7). No hardware was near it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos.cards.messages import IN_PROGRESS, NO_RECORD, UNREADABLE, Addressed, payment_body
from pos.cards.nexo import BROKEN, NO_ANSWER, REVERSE_THERE, NexoAddress, NexoTerminal
from pos.domain.card import (
    CardApproved,
    CardAsked,
    CardDeclined,
    CardNotReached,
    CardReversed,
    CardUnknown,
    ReversalRefused,
    TerminalTotals,
    TotalsLine,
)
from pos.domain.errors import Refused
from pos.domain.ids import new_id
from pos.domain.money import Money, currency
from pos.till.desk import Desk
from pos.till.take_payment import take_payment
from tests.builders.cards import ask, by_terminal, card_states, leave, look_after
from tests.builders.tills import (
    CASHIER,
    NOW,
    SeededRandomness,
    SettableClock,
    dump,
    findings,
    make_till,
    money,
    opened,
    order,
    rows,
    wish,
)
from tests.cards.fake_terminal import PAN, FakeTerminal, fake_terminal

RANDOM = SeededRandomness("nexo")


@pytest.fixture
def fake() -> Iterator[FakeTerminal]:
    with fake_terminal() as terminal:
        yield terminal


def driver(fake: FakeTerminal, timeout_s: float = 5) -> NexoTerminal:
    address = NexoAddress(url=fake.url, poi_id=fake.poi_id, sale_id="T1", timeout_s=timeout_s)
    return NexoTerminal(address, RANDOM)


def wanted(amount: str = "41.750", code: str = "KWD") -> CardAsked:
    attempt_id = new_id(SettableClock(), RANDOM)
    return CardAsked(attempt_id=attempt_id, amount=money(amount, code), asked_at=NOW)


# --- what goes out ---------------------------------------------------------------------------------------------------


async def test_a_payment_is_asked_for_as_the_protocol_says(fake: FakeTerminal) -> None:
    asked = wanted()
    await driver(fake).authorise(asked)

    (request,) = fake.requests
    header = request["MessageHeader"]
    service = header.pop("ServiceID")
    assert header == {
        "ProtocolVersion": "3.0",
        "MessageClass": "Service",
        "MessageCategory": "Payment",
        "MessageType": "Request",
        "SaleID": "T1",
        "POIID": "V400m-12345678",
    }
    assert len(service) == 10
    assert service.isalnum()
    assert request["PaymentRequest"] == {
        "SaleData": {
            "SaleTransactionID": {
                "TransactionID": asked.attempt_id,
                "TimeStamp": "2026-11-21T10:15:00+03:00",
            }
        },
        "PaymentTransaction": {"AmountsReq": {"Currency": "KWD", "RequestedAmount": Decimal("41.750")}},
    }
    assert b'"RequestedAmount": 41.750}' in fake.raw[0]


@pytest.mark.parametrize(("amount", "code"), [("41750", "JPY"), ("0.05", "EUR"), ("99999999.999", "KWD")])
async def test_an_amount_has_its_currencys_digits(fake: FakeTerminal, amount: str, code: str) -> None:
    told = await driver(fake).authorise(wanted(amount, code))

    assert f'"RequestedAmount": {amount}'.encode() in fake.raw[0]
    assert isinstance(told, CardApproved)
    assert told.amount == money(amount, code)


@given(st.integers(min_value=1, max_value=10**14), st.sampled_from(["KWD", "EUR", "JPY"]))
def test_every_amount_is_sent_exactly(minor: int, code: str) -> None:
    amount = Money(minor, currency(code))
    asked = CardAsked(attempt_id="a", amount=amount, asked_at=NOW)

    sent = Addressed(sale_id="T1", poi_id="P").request("Payment", "S", payment_body(asked))

    request = json.loads(sent, parse_float=Decimal, parse_int=Decimal)["SaleToPOIRequest"]["PaymentRequest"]
    exact = request["PaymentTransaction"]["AmountsReq"]["RequestedAmount"]
    assert exact.scaleb(amount.currency.exponent) == minor


# --- what comes back -------------------------------------------------------------------------------------------------


async def test_an_approval_tells_what_stands_on_the_slip(fake: FakeTerminal) -> None:
    """Rule 44: last four digits, scheme, approval code, RRN, terminal, expiry."""
    told = await driver(fake).authorise(wanted())

    assert isinstance(told, CardApproved)
    assert told.amount == money("41.750")
    assert told.slip.details() == {
        "auth_code": "A1B2C3",
        "last4": "1111",
        "brand": "VISA",
        "rrn": "103231000001",
        "card_terminal": "V400m-12345678",
        "expires": "09/29",
    }
    assert told.reference is not None
    assert told.reference.transaction.startswith("POI.")
    assert not told.wiped


@pytest.mark.parametrize(("mood", "code"), [("decline", "Refusal"), ("busy", "Busy")])
async def test_a_refusal_is_a_refusal(fake: FakeTerminal, mood: str, code: str) -> None:
    fake.moods = [mood]

    told = await driver(fake).authorise(wanted())

    assert isinstance(told, CardDeclined)
    assert (told.code, fake.charged) == (code, {})
    assert "Do not honour" in told.reason


@pytest.mark.parametrize(
    ("mood", "reason"),
    [
        ("drop", BROKEN),
        ("silent", BROKEN),
        ("power", BROKEN),
        ("garbage", UNREADABLE),
        ("other_currency", UNREADABLE),
    ],
)
async def test_an_answer_that_is_none_leaves_it_unknown(fake: FakeTerminal, mood: str, reason: str) -> None:
    """Rule 45: only the terminal's own word makes a refusal."""
    fake.moods = [mood]

    assert await driver(fake).authorise(wanted()) == CardUnknown(reason=reason)


async def test_a_timeout_is_unknown_and_never_declined(fake: FakeTerminal) -> None:
    """Rule 45, invariant 7: the answer comes after nobody waited any more, and then the status tells it."""
    fake.moods, asked, terminal = ["late"], wanted(), driver(fake, timeout_s=0.2)

    assert await terminal.authorise(asked) == CardUnknown(reason=NO_ANSWER)
    assert isinstance(await terminal.status(asked), CardUnknown)
    fake.answer.set()
    told = None
    for _ in range(200):
        told = await terminal.status(asked)
        if isinstance(told, CardApproved):
            break

    assert isinstance(told, CardApproved)
    assert fake.charged == {asked.attempt_id: Decimal("41.750")}


async def test_a_terminal_that_is_not_there_was_sent_nothing(fake: FakeTerminal) -> None:
    nowhere = replace(driver(fake)._address, url="http://127.0.0.1:9/nexo")

    assert isinstance(await NexoTerminal(nowhere, RANDOM).authorise(wanted()), CardNotReached)
    assert fake.requests == []


async def test_part_of_the_amount_is_told_as_it_is(fake: FakeTerminal) -> None:
    fake.moods = ["partial"]

    told = await driver(fake).authorise(wanted())

    assert isinstance(told, CardApproved)
    assert told.amount == money("1.500")


async def test_a_card_number_is_wiped_to_its_last_four_digits_and_that_is_told(
    fake: FakeTerminal, caplog: pytest.LogCaptureFixture
) -> None:
    """Rule 44: whatever a terminal answers, no card number gets past the driver."""
    fake.moods = ["pan"]
    with caplog.at_level(logging.DEBUG):
        told = await driver(fake).authorise(wanted())

    assert isinstance(told, CardApproved)
    assert (told.slip.last4, told.wiped) == ("1111", True)
    assert PAN not in repr(told)
    assert PAN not in caplog.text
    assert "a card number; it was wiped" in caplog.text


# --- what became of it -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mood", ["drop", "power", "decline"])
async def test_the_terminal_is_asked_what_became_of_it(fake: FakeTerminal, mood: str) -> None:
    """Rule 45: query before retry."""
    fake.moods, asked, terminal = [mood], wanted(), driver(fake)
    first = await terminal.authorise(asked)
    if mood == "power":
        assert await terminal.status(asked) == CardUnknown(reason=BROKEN)
        fake.power_on()

    told = await terminal.status(asked)

    assert isinstance(told, CardDeclined if mood == "decline" else CardApproved)
    assert mood != "decline" or told == first


@pytest.mark.parametrize(
    ("mood", "reason"), [("silent", NO_RECORD), ("forgets", NO_RECORD), ("progress", IN_PROGRESS)]
)
async def test_what_the_terminal_does_not_know_stays_unknown(
    fake: FakeTerminal, mood: str, reason: str
) -> None:
    """A terminal that lost its memory has no record of a charge either, so that is no refusal."""
    fake.moods, asked = [mood], wanted()
    await driver(fake).authorise(asked)

    assert await driver(fake).status(asked) == CardUnknown(reason=reason)


@pytest.mark.parametrize("names_it", [True, False])
async def test_a_terminal_that_tells_of_another_payment_tells_nothing(
    fake: FakeTerminal, names_it: bool
) -> None:
    """Some tell of their last transaction, whatever was asked for."""
    terminal, fake.tells_last, fake.names_last = driver(fake), True, names_it
    await terminal.authorise(wanted())

    assert await terminal.status(wanted()) == CardUnknown(reason=NO_RECORD)


async def test_a_payment_is_aborted_by_the_name_of_its_message(fake: FakeTerminal) -> None:
    fake.moods, asked, terminal = ["late"], wanted(), driver(fake)
    paying = asyncio.create_task(terminal.authorise(asked))
    await asyncio.get_running_loop().run_in_executor(None, fake.arrived.wait, 10)

    await terminal.abort(asked)

    assert isinstance(await paying, CardApproved)
    payment, abort = fake.requests
    assert abort["AbortRequest"]["MessageReference"] == {
        "MessageCategory": "Payment",
        "SaleID": "T1",
        "ServiceID": payment["MessageHeader"]["ServiceID"],
    }


# --- reversals -------------------------------------------------------------------------------------------------------


async def approved(terminal: NexoTerminal, asked: CardAsked) -> CardApproved:
    told = await terminal.authorise(asked)
    assert isinstance(told, CardApproved)
    return told


async def test_a_payment_is_reversed_whole(fake: FakeTerminal) -> None:
    asked, terminal = wanted(), driver(fake)
    told = await approved(terminal, asked)

    assert await terminal.reverse(asked, told.reference, number=1) == CardReversed()

    assert fake.charged == {}
    body = fake.requests[-1]["ReversalRequest"]
    assert "ReversedAmount" not in body, "all of it, whatever was charged"
    assert body["ReversalReason"] == "MerchantCancel"
    assert told.reference is not None
    assert body["OriginalPOITransaction"]["POITransactionID"]["TransactionID"] == told.reference.transaction


def test_a_charge_of_part_of_the_amount_is_reversed_by_what_was_charged(
    desk: Desk, fake: FakeTerminal
) -> None:
    """Rule 45: 10.000 were asked for and 1.500 charged; nothing stays on the card, and no more than that goes back."""
    fake.moods = ["partial"]
    asked = order(desk, by_terminal("10"), allocate=[wish("7781", "10")])

    with pytest.raises(Refused) as refusal:
        ask(desk, asked, driver(fake))

    assert refusal.value.code == "card_amount_differs"
    assert refusal.value.message.endswith("charged 1.500, not 10.000: it is being reversed.")
    assert (list(fake.journal.values()), card_states(desk)) == ([Decimal(0)], ["reversed"])


async def test_a_reversal_with_a_lost_answer_can_be_asked_about(fake: FakeTerminal) -> None:
    fake.reversal_moods, asked, terminal = ["drop"], wanted(), driver(fake)
    told = await approved(terminal, asked)

    assert await terminal.reverse(asked, told.reference, number=1) == CardUnknown(reason=BROKEN)
    assert await terminal.reversal_status(asked, number=1) == CardReversed()
    assert await terminal.reversal_status(asked, number=2) == ReversalRefused(reason=NO_RECORD)


async def test_a_terminal_that_tells_of_another_reversal_leaves_it_open(fake: FakeTerminal) -> None:
    """It may have been done: only a terminal that never heard of it is sent another."""
    asked, terminal = wanted(), driver(fake)
    told = await approved(terminal, asked)
    await terminal.reverse(asked, told.reference, number=1)
    fake.tells_last = True

    assert await terminal.reversal_status(asked, number=2) == CardUnknown(reason=NO_RECORD)


def test_a_reversal_is_sent_once_whatever_is_lost_after_it(desk: Desk, fake: FakeTerminal) -> None:
    """Rule 45: its answer is lost, then the terminal is off, then it tells that the reversal was done."""
    fake.reversal_moods, terminal = ["drop"], driver(fake)
    asked = order(desk, by_terminal("10"), allocate=[wish("7781", "10")])
    ask(desk, asked, terminal)

    leave(desk, asked.payment_event_id, terminal)
    fake.power_off()
    look_after(desk, terminal)
    look_after(desk, terminal)
    assert card_states(desk) == ["reversing"]
    fake.power_on()
    look_after(desk, terminal)

    assert card_states(desk) == ["reversed"]
    assert fake.charged == {}
    assert fake.categories().count("Reversal") == 1


async def test_a_reversal_that_was_refused_is_made_again(fake: FakeTerminal) -> None:
    fake.reversal_moods, asked, terminal = ["busy"], wanted(), driver(fake)
    told = await approved(terminal, asked)

    assert await terminal.reverse(asked, told.reference, number=1) == ReversalRefused(reason="Busy")
    assert await terminal.reversal_status(asked, number=1) == ReversalRefused(reason="Busy")
    assert await terminal.reverse(asked, told.reference, number=2) == CardReversed()
    services = [one["MessageHeader"]["ServiceID"] for one in fake.requests]
    assert len(set(services)) == len(services)


async def test_what_a_person_settled_is_found_at_the_terminal_before_it_is_reversed(
    fake: FakeTerminal,
) -> None:
    asked, terminal = wanted(), driver(fake)
    await approved(terminal, asked)
    assert await terminal.reverse(asked, None, number=1) == CardReversed()

    unheard = wanted()
    assert await terminal.reverse(unheard, None, number=1) == ReversalRefused(reason=REVERSE_THERE)


# --- totals ----------------------------------------------------------------------------------------------------------


def totals(kind: str, count: object, amount: object, **group: object) -> dict[str, object]:
    line = {"TransactionType": kind, "TransactionCount": count, "TransactionAmount": amount}
    return {"PaymentInstrumentType": "Card", "PaymentCurrency": "KWD", "PaymentTotals": [line], **group}


async def test_a_terminal_tells_its_totals_by_kind_and_brand(fake: FakeTerminal) -> None:
    fake.totals = [
        totals("Debit", 3, Decimal("12.345"), CardBrand="visa"),
        totals("ReverseDebit", 1, 2),
        totals("Debit", 9, 9, PaymentCurrency="USD"),
    ]

    told = await driver(fake).reconcile(currency("KWD"))

    assert told == TerminalTotals(
        reconciliation="1007",
        lines=(
            TotalsLine(kind="debit", brand="VISA", count=3, amount=money("12.345")),
            TotalsLine(kind="reverse_debit", brand="", count=1, amount=money("2")),
        ),
    )
    assert fake.requests[0]["ReconciliationRequest"] == {"ReconciliationType": "SaleReconciliation"}


async def test_the_totals_of_the_period_before_can_be_asked_for(fake: FakeTerminal) -> None:
    await driver(fake).reconcile(currency("KWD"), previous=True)

    assert fake.requests[0]["ReconciliationRequest"] == {"ReconciliationType": "PreviousReconciliation"}


@pytest.mark.parametrize(
    "group",
    [
        totals("Debit", -1, 5),
        totals("Debit", "3", 5),
        totals("Debit", True, 5),
        totals("Debit", 3, "5"),
        totals("Debit", 3, Decimal("0.0005")),
        totals("Debit", 3, -1),
        totals("Debit", 3, 10**18),
        {**totals("Debit", 3, 5), "PaymentTotals": "none"},
    ],
)
async def test_totals_that_cannot_be_read_are_no_totals(fake: FakeTerminal, group: dict[str, object]) -> None:
    fake.totals = [group]

    assert await driver(fake).reconcile(currency("KWD")) == CardUnknown(reason=UNREADABLE)


# --- hostile answers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"null",
        b"[]",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"SaleToPOIResponse": {}}',
        b'{"SaleToPOIResponse": {"MessageHeader": {}, "PaymentResponse": {"Response": {"Result": "Success"}}}}',
        b'{"a": 1, "a": 2}',
        b'{"a": NaN}',
        b'{"a": 1e999999}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b" " * 300_000,
    ],
)
async def test_an_answer_of_any_shape_is_an_outcome(
    fake: FakeTerminal, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    monkeypatch.setattr(fake, "handle", lambda _raw: answer)

    assert await driver(fake).authorise(wanted()) == CardUnknown(reason=UNREADABLE)
    assert await driver(fake).status(wanted()) == CardUnknown(reason=UNREADABLE)
    assert await driver(fake).reconcile(currency("KWD")) == CardUnknown(reason=UNREADABLE)


@pytest.mark.parametrize(
    "result", [{"Result": "Failure"}, {"Result": "Failure", "ErrorCondition": "New"}, {}]
)
async def test_a_failure_for_no_known_reason_is_no_refusal(
    fake: FakeTerminal, monkeypatch: pytest.MonkeyPatch, result: dict[str, str]
) -> None:
    monkeypatch.setattr(fake, "_payment", lambda header, _body: fake._kept(header, {"Response": result}))

    assert isinstance(await driver(fake).authorise(wanted()), CardUnknown)


# --- the till over it ------------------------------------------------------------------------------------------------


@pytest.fixture
def desk() -> Desk:
    desk = make_till()
    opened(desk)
    return desk


@pytest.mark.parametrize("mood", ["approve", "pan"])
def test_a_bill_is_paid_over_the_wire_and_no_card_number_is_kept(
    desk: Desk, fake: FakeTerminal, mood: str
) -> None:
    """Rule 44: not in any table of the books."""
    fake.moods = [mood]
    wanted_order = order(desk, by_terminal("10"), allocate=[wish("7781", "10")])

    take_payment(desk, CASHIER, ask(desk, wanted_order, driver(fake)))

    assert card_states(desk) == ["used"]
    assert rows(desk, "card_attempt")[0]["card_number_wiped"] == int(mood == "pan")
    assert PAN not in json.dumps(dump(desk))
    assert list(fake.charged.values()) == [Decimal("10")]
    assert findings(desk) == []


@pytest.mark.parametrize("mood", ["drop", "power", "late"])
def test_whatever_is_lost_the_customer_is_charged_once_for_what_is_booked(
    desk: Desk, fake: FakeTerminal, mood: str
) -> None:
    """Rule 45: approved, but nobody heard; the very same payment is taken after all."""
    fake.moods = [mood]
    wanted_order = order(desk, by_terminal("10"), allocate=[wish("7781", "10")])
    terminal = driver(fake, timeout_s=0.3)
    with pytest.raises(Refused, match="not known"):
        ask(desk, wanted_order, terminal)
    fake.power_on()
    fake.answer.set()

    asked = None
    for _ in range(200):
        with suppress(Refused):
            asked = ask(desk, wanted_order, terminal)
            break
    assert asked is not None
    take_payment(desk, CASHIER, asked)

    assert fake.categories().count("Payment") == 1
    assert list(fake.charged.values()) == [Decimal("10")]
    assert findings(desk) == []


@pytest.mark.parametrize("mood", ["drop", "power", "approve"])
def test_whatever_is_lost_nobody_is_charged_for_what_is_not_booked(
    desk: Desk, fake: FakeTerminal, mood: str
) -> None:
    fake.moods, fake.reversal_moods = [mood], ["drop", "busy"]
    wanted_order = order(desk, by_terminal("10"), allocate=[wish("7781", "10")])
    terminal = driver(fake)
    with suppress(Refused):
        ask(desk, wanted_order, terminal)
    leave(desk, wanted_order.payment_event_id, terminal)
    fake.power_on()
    for _ in range(4):
        look_after(desk, terminal)

    assert card_states(desk) == ["reversed"]
    assert fake.charged == {}
    assert fake.categories().count("Payment") == 1
