"""Every request has an id and one line in the log; the line tells nothing of a person, whatever a client sends."""

from __future__ import annotations

import io
import json
import logging
import threading
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from pos.domain.payment_mode import PaymentModes
from sync.central.app import make_app
from sync.central.http.request_log import WAITING_MAX, LibraryLog, RequestLog
from sync.central.http.watch import REQUEST_ID
from sync.central.store.database import CentralStore
from sync.wire_json import dumps
from tests.central.central_builders import (
    BASE_URL,
    BILL,
    PAYMENT,
    CountedRandomness,
    SteppingClock,
    item,
    payment,
)

JSON = {"content-type": "application/json"}
FIELDS = {
    "time", "event", "request_id", "method", "route", "status", "code", "ms", "bytes_in", "bytes_out", "client", "fault",
    "place",
}  # fmt: skip
CANARY = "Zq9xCanary"
PHONE = "+96555510001"
CARD = "4111111111111111"


class LoggedCentral:
    """A central whose log is a text in memory."""

    def __init__(self, store: CentralStore, modes: PaymentModes | None) -> None:
        self._out = io.StringIO()
        self.log = RequestLog(self._out, SteppingClock())
        self.app = make_app(
            store,
            clock=SteppingClock(),
            randomness=CountedRandomness(),
            base_url=BASE_URL,
            modes=modes,
            tell=[self.log.request],
        )

    async def request(self, method: str, url: str, **parts: Any) -> httpx.Response:
        carrier = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=carrier, base_url=BASE_URL) as client:
            return await client.request(method, url, **parts)

    def text(self) -> str:
        """What was written; nothing is logged any more."""
        self.log.close()
        return self._out.getvalue()

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text().splitlines()]


@pytest.fixture
def central(store: CentralStore, modes: PaymentModes) -> LoggedCentral:
    return LoggedCentral(store, modes)


async def test_a_clients_own_plain_id_is_answered_and_logged(central: LoggedCentral) -> None:
    answer = await central.request("GET", BILL, headers={REQUEST_ID: "till-2.a_7"})

    assert answer.headers[REQUEST_ID] == "till-2.a_7"
    assert [line["request_id"] for line in central.lines()] == ["till-2.a_7"]


@pytest.mark.parametrize(
    "given", ["", "a b", "x" * 65, "é", PHONE, "96555510001", "tel-55510001", CARD, "x\x1b[2J"]
)
async def test_an_id_that_is_not_plain_or_could_be_somebodys_number_is_replaced(
    central: LoggedCentral, given: str
) -> None:
    answer = await central.request("GET", BILL, headers={REQUEST_ID: given.encode()})

    made = answer.headers[REQUEST_ID]
    assert made != given
    assert [line["request_id"] for line in central.lines()] == [made]


async def test_a_uuid_is_a_plain_id_though_it_holds_long_numbers(central: LoggedCentral) -> None:
    given = "01934567-1234-7abc-8def-123456789abc"

    assert (await central.request("GET", BILL, headers={REQUEST_ID: given})).headers[REQUEST_ID] == given


async def test_no_two_requests_are_given_the_same_id(central: LoggedCentral) -> None:
    given = {(await central.request("GET", "/health")).headers[REQUEST_ID] for _ in range(20)}

    assert len(given) == 20


async def test_a_request_is_one_line_that_names_its_route_and_not_its_path(central: LoggedCentral) -> None:
    sent = dumps(payment())
    taken = await central.request("POST", PAYMENT, content=sent, headers=JSON)
    await central.request("GET", "/counterfoil/v1/account/BA-1?fields=name")
    await central.request("GET", f"/somewhere/{CANARY}")
    await central.request("DELETE", PAYMENT)

    first, second, third, fourth = central.lines()
    assert (first["event"], first["method"], first["route"], first["status"]) == (
        "request",
        "POST",
        PAYMENT,
        201,
    )
    assert (first["bytes_in"], first["bytes_out"]) == (len(sent), len(taken.content))
    assert first["time"].endswith("+00:00")
    assert first["ms"] >= 0
    assert (second["route"], second["status"]) == ("/counterfoil/v1/account/{id}", 200)
    assert (third["route"], third["status"], third["code"]) == ("unmatched", 404, "not_found")
    assert (fourth["method"], fourth["status"], fourth["code"]) == ("DELETE", 405, "method_not_allowed")


async def test_a_refusal_is_logged_by_its_code(central: LoggedCentral) -> None:
    await central.request("POST", PAYMENT, content=b"{", headers=JSON)
    await central.request("GET", f"{BILL}/{CARD}")

    assert [(line["status"], line["code"]) for line in central.lines()] == [
        (400, "bad_json"),
        (400, "card_number_refused"),
    ]


async def test_a_fault_is_logged_by_its_class_and_place_and_answered_with_the_same_id(
    central: LoggedCentral, store: CentralStore
) -> None:
    with store.write() as connection:
        connection.execute(text(f"UPDATE bill SET body = '{CANARY}'"))

    answer = await central.request("GET", f"{BILL}/CB-1", headers={REQUEST_ID: "r-1"})

    assert (answer.status_code, answer.headers[REQUEST_ID]) == (500, "r-1")
    assert CANARY not in answer.text
    [line] = central.lines()
    assert (line["request_id"], line["status"], line["code"]) == ("r-1", 500, "internal_error")
    assert line["fault"].isidentifier()
    assert ".py:" in line["place"]
    assert CANARY not in json.dumps(line)


async def test_no_value_of_a_payment_reaches_the_log(central: LoggedCentral) -> None:
    """Invariants 43 and 49: names, phones, secrets and card numbers, in every field, taken or refused."""
    canaries = (CANARY, "55510001", CARD, "Zoë", "Mallory")
    whole = payment(
        "10.000", paymentItem=[item("CB-2", "4.000")], name="n", description="d", payer={"id": "BA-1"}
    )
    for name in whole:
        for canary in (CANARY, PHONE, "Zoë Mallory", CARD, {CANARY: CANARY}):
            body = dumps(whole | {name: canary})
            await central.request("POST", PAYMENT, content=body, headers={**JSON, REQUEST_ID: CANARY * 9})
    for header in ("Idempotency-Key", "Authorization", "User-Agent", "X-Request-Id", "Referer", "Cookie"):
        for canary in (f"{CANARY} x", PHONE, "Bearer Mallory!"):
            body = dumps(whole | {"correlatorId": header})
            await central.request("POST", PAYMENT, content=body, headers={**JSON, header: canary})
    for url in (
        f"{PAYMENT}/{CANARY}",
        f"{BILL}?billNo={CANARY}",
        f"/{CANARY}",
        f"{BILL}?{CANARY}=1&fields=Mallory",
    ):
        await central.request("GET", url)

    written = central.text()
    assert [canary for canary in canaries if canary in written] == []
    assert {name for line in written.splitlines() for name in json.loads(line)} <= FIELDS


async def test_a_log_that_nobody_reads_holds_no_payment_up(store: CentralStore) -> None:
    """A pipe that is full blocks whoever writes to it."""
    stuck = threading.Event()

    class Blocked(io.StringIO):
        def write(self, line: str) -> int:
            stuck.wait(30)
            return super().write(line)

    written = Blocked()
    log = RequestLog(written, SteppingClock())
    for _ in range(WAITING_MAX + 10):
        log.event("stopping")
    assert 0 < log.dropped <= 10
    stuck.set()
    log.close()
    assert len(written.getvalue().splitlines()) == WAITING_MAX + 10 - log.dropped


def test_a_warning_of_the_server_library_is_logged_without_its_words() -> None:
    written = io.StringIO()
    log = RequestLog(written, SteppingClock())
    library = logging.Logger("uvicorn.error")
    library.addHandler(LibraryLog(log))

    library.warning("Invalid header: %s", CANARY)
    try:
        raise ValueError(CANARY)
    except ValueError:
        library.exception("Exception in %s", CANARY)
    log.close()

    first, second = (json.loads(line) for line in written.getvalue().splitlines())
    assert (first["event"], first["level"], first["logger"]) == ("library", "WARNING", "uvicorn.error")
    assert (second["level"], second["fault"]) == ("ERROR", "ValueError")
    assert CANARY not in written.getvalue()
