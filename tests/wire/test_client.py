"""The client: what each answer of a server comes to, and what leaves the till."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest

from sync.addresses import Addresses
from sync.central.wire.errors import ApiError, error_body
from sync.client import CentralClient
from sync.link import ANSWER_TIMEOUTS_MAX, BODY_MAX
from sync.outcomes import Accepted, Conflict, Later, NotThere, Page, RefusedForGood, Unknown, Unreachable
from sync.wire_json import dumps
from tests.builders.wire import TIMEOUT_S, EndlessBody, ForeignServer, HalfBody, foreign_client

KEY = "0190b3c2-7a10-7c3e-9d54-2f6f0c1a77e1-1"
BODY = dumps(
    {"correlatorId": KEY, "totalAmount": {"unit": "KWD", "value": Decimal("10.000")}, "name": "محمد"}
)

Answer = Callable[[httpx.Request], httpx.Response]


def talking(answer: Answer) -> CentralClient:
    """A client whose server answers every request by ``answer``."""
    return foreign_client(httpx.MockTransport(answer))


def answering(status: int, body: object = None, /, **headers: str) -> Answer:
    content = body if isinstance(body, bytes) else b"" if body is None else dumps(body)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _request: httpx.Response(status, headers=named, content=content)


def failing(error: type[httpx.RequestError]) -> Answer:
    def fail(request: httpx.Request) -> httpx.Response:
        raise error("it broke", request=request)

    return fail


MADE = {"id": "P-1", "href": "http://x/P-1", "correlatorId": KEY, "changeNumber": 7}


@pytest.mark.parametrize("status", [200, 201])
async def test_a_payment_that_was_made_is_accepted(status: int) -> None:
    outcome = await talking(answering(status, MADE)).send_payment(KEY, BODY)
    assert isinstance(outcome, Accepted)
    assert (outcome.payment.id, outcome.payment.applied_change) == ("P-1", 7)


async def test_a_server_that_keeps_no_correlator_is_believed_by_its_201() -> None:
    outcome = await talking(answering(201, {"id": "P-1"})).send_payment(KEY, BODY)
    assert isinstance(outcome, Accepted)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "could not be read"),
        (b"<h1>Welcome</h1>", "could not be read"),
        (b'{"id": "P-1"', "could not be read"),
        (b'{"id": NaN}', "could not be read"),
        (b"[]", "could not be read"),
        (b"{}", "could not be read"),
        (b"\xff\xfe", "could not be read"),
        (dumps({**MADE, "totalAmount": {"unit": "KWD", "value": "10.000"}}), "could not be read"),
        (dumps({**MADE, "correlatorId": "somebody-else-1"}), "another payment"),
    ],
)
async def test_a_201_that_says_nothing_readable_about_our_payment_is_unknown(
    body: bytes, reason: str
) -> None:
    outcome = await talking(answering(201, body)).send_payment(KEY, BODY)
    assert isinstance(outcome, Unknown)
    assert reason in outcome.reason


@pytest.mark.parametrize(
    "status", [202, 204, 206, 301, 302, 303, 307, 308, 408, 500, 501, 502, 503, 504, 599]
)
async def test_an_answer_that_leaves_it_open_is_unknown_never_failed(status: int) -> None:
    outcome = await talking(answering(status, Location="http://elsewhere.test/")).send_payment(KEY, BODY)
    assert isinstance(outcome, Unknown)


@pytest.mark.parametrize("status", [401, 425, 429])
async def test_an_answer_that_took_nothing_for_now_is_later(status: int) -> None:
    assert isinstance(await talking(answering(status)).send_payment(KEY, BODY), Later)


@pytest.mark.parametrize("status", sorted({*range(400, 452)} - {401, 408, 409, 425, 429}))
async def test_every_other_refusal_of_the_client_is_for_good(status: int) -> None:
    body = {
        "code": "bad_field",
        "reason": "Field refused",
        "message": "account.id: is missing.",
        "status": "400",
    }
    outcome = await talking(answering(status, body)).send_payment(KEY, BODY)
    assert outcome == RefusedForGood(f"{status} bad_field Field refused account.id: is missing.")


async def test_a_reason_that_only_says_the_status_again_is_left_out() -> None:
    body = {"code": "instrument_used", "reason": "Conflict", "message": "Credited before, by receipt R-1."}
    outcome = await talking(answering(409, body)).send_payment(KEY, BODY)
    assert outcome == Conflict("409 instrument_used Credited before, by receipt R-1.")


@pytest.mark.parametrize("called", ["Unprocessable content", "Unprocessable Entity"])
async def test_a_status_that_was_renamed_is_left_out_by_either_name(called: str) -> None:
    body = {"code": "unknown_account", "reason": called, "message": "There is no such account."}
    outcome = await talking(answering(422, body)).send_payment(KEY, BODY)
    assert outcome == RefusedForGood("422 unknown_account There is no such account.")


async def test_what_our_central_will_not_do_is_told_as_its_code_and_its_sentence() -> None:
    body = error_body(ApiError(422, "unknown_account", "There is no such account."))
    outcome = await talking(answering(422, body)).send_payment(KEY, BODY)
    assert outcome == RefusedForGood("422 unknown_account There is no such account.")


async def test_a_409_is_a_conflict_with_the_servers_own_words() -> None:
    outcome = await talking(answering(409, {"code": "21", "reason": "exists"})).send_payment(KEY, BODY)
    assert outcome == Conflict("409 21 exists")


HARMFUL = "Ask \x1b]0;evil\x07 and \u202egnp.exe of "
HARMLESS = "Ask \ufffd]0;evil\ufffd and \ufffdgnp.exe of "


@pytest.mark.parametrize("status", [400, 401, 409, 500])
async def test_what_a_server_says_holds_nothing_that_a_terminal_obeys(status: int) -> None:
    body = {"code": "21", "reason": "No", "message": HARMFUL + "BA-1"}
    outcome = await talking(answering(status, body)).send_payment(KEY, BODY)
    assert not isinstance(outcome, Accepted)
    assert outcome.reason == f"{status} 21 No {HARMLESS}BA-1"


@pytest.mark.parametrize(
    "number",
    [
        "4111111111111111",
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "4111\u200b1111\u200b1111\u200b1111",
        "٤١١١١١١١١١١١١١١١",
        "5555 5555 5555 4444 12/28",
    ],
)
async def test_no_card_number_that_a_server_says_is_kept(number: str) -> None:
    told = [
        {"code": "21", "message": f"The card {number} is blocked"},
        {"code": f"no {number}"},
        # It would be cut in the middle.
        {"message": "x" * 185 + " " + number},
    ]
    for body in told:
        outcome = await talking(answering(400, body)).send_payment(KEY, BODY)
        assert isinstance(outcome, RefusedForGood)
        assert not any(character.isdecimal() for character in outcome.reason.removeprefix("400"))


async def test_a_card_number_in_two_parts_of_an_answer_is_not_kept() -> None:
    body = {"code": "41111111", "reason": "11111111"}
    assert await talking(answering(400, body)).send_payment(KEY, BODY) == RefusedForGood(
        "400 ******** ********"
    )


async def test_numbers_that_are_no_cards_are_told_as_they_are() -> None:
    body = {"code": "instrument_used", "message": "Credited before, by receipt S014-T2-1-000123."}
    outcome = await talking(answering(409, body)).send_payment(KEY, BODY)
    assert outcome == Conflict("409 instrument_used Credited before, by receipt S014-T2-1-000123.")


async def test_an_id_that_a_terminal_would_obey_is_kept_harmless() -> None:
    told = {**MADE, "id": "P-\x1b[2J", "href": "http://x/\u202eP"}
    outcome = await talking(answering(201, told)).send_payment(KEY, BODY)
    assert isinstance(outcome, Accepted)
    assert (outcome.payment.id, outcome.payment.href) == ("P-\ufffd[2J", "http://x/\ufffdP")


@pytest.mark.parametrize("number", ["4111111111111111", "P-\x1b[2J"])
async def test_an_answer_that_cannot_be_read_is_named_harmlessly(number: str) -> None:
    told = {"id": number, "correlatorId": KEY, "totalAmount": {"unit": "KWD", "value": "1"}}
    for outcome in (
        await talking(answering(201, told)).send_payment(KEY, BODY),
        await talking(answering(200, [told])).find_payment(KEY),
        await talking(answering(200, [told])).payments_of("T1"),
    ):
        assert isinstance(outcome, Unknown)
        assert "could not be read" in outcome.reason
        assert number not in outcome.reason


async def test_a_reason_is_cut_short() -> None:
    outcome = await talking(answering(400, {"code": "x" * 5000})).send_payment(KEY, BODY)
    assert isinstance(outcome, RefusedForGood)
    assert len(outcome.reason) == 200


@pytest.mark.parametrize("error", [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout])
async def test_no_connection_is_unreachable(error: type[httpx.RequestError]) -> None:
    assert isinstance(await talking(failing(error)).send_payment(KEY, BODY), Unreachable)
    assert isinstance(await talking(failing(error)).find_payment(KEY), Unreachable)


@pytest.mark.parametrize(
    "error",
    [
        httpx.ReadTimeout, httpx.WriteTimeout, httpx.ReadError, httpx.WriteError, httpx.CloseError,
        httpx.RemoteProtocolError, httpx.LocalProtocolError, httpx.ProxyError, httpx.DecodingError,
    ],
)  # fmt: skip
async def test_a_connection_that_breaks_later_is_unknown(error: type[httpx.RequestError]) -> None:
    assert isinstance(await talking(failing(error)).send_payment(KEY, BODY), Unknown)
    assert isinstance(await talking(failing(error)).find_payment(KEY), Unknown)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(201, stream=HalfBody(dumps(MADE))),
        httpx.Response(201, stream=EndlessBody()),
        httpx.Response(201, headers={"Content-Encoding": "gzip"}, stream=httpx.ByteStream(b"not gzip")),
    ],
    ids=["half a body", "a body without end", "a broken encoding"],
)
async def test_a_body_that_cannot_be_had_is_unknown(answer: httpx.Response) -> None:
    assert isinstance(await talking(lambda _request: answer).send_payment(KEY, BODY), Unknown)


async def test_an_answer_without_end_is_left_at_the_limit() -> None:
    class Counted(EndlessBody):
        read = 0

        async def __aiter__(self) -> AsyncIterator[bytes]:
            async for chunk in super().__aiter__():
                Counted.read += len(chunk)
                yield chunk
            raise AssertionError("read to the end")

    outcome = await talking(lambda _request: httpx.Response(200, stream=Counted())).find_payment(KEY)
    assert outcome == Unknown("the answer is too long")
    assert Counted.read <= BODY_MAX + (1 << 20)


async def test_an_answer_that_drips_for_ever_is_given_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte comes within the time-out of a read; all of them together never would."""
    now_s = asyncio.get_running_loop().time()

    class Dripping(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            nonlocal now_s
            for _ in range(ANSWER_TIMEOUTS_MAX + 10):
                now_s += TIMEOUT_S - 1
                await asyncio.sleep(0)
                yield b" "

    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: now_s)
    outcome = await talking(lambda _request: httpx.Response(201, stream=Dripping())).send_payment(KEY, BODY)
    assert outcome == Unknown("no whole answer within 60 s")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("7", 7),
        ("0", 0),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("9" * 16, None),
        ("Sat, 21 Nov 2026 10:00:30 GMT", 30),
        ("Sat, 21 Nov 2026 09:00:00 GMT", 0),
        ("Sat, 99 Nov 2026 09:00:00 GMT", None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_is_read_in_seconds_and_as_a_date_by_the_servers_own_clock(
    status: int, written: str, read: int | None
) -> None:
    answer = answering(status, Retry_After=written, Date="Sat, 21 Nov 2026 10:00:00 GMT")
    outcome = await talking(answer).send_payment(KEY, BODY)
    assert isinstance(outcome, Later | Unknown)
    assert outcome.retry_after_s == read


async def test_a_retry_after_date_without_the_servers_clock_is_no_number() -> None:
    answer = answering(503, Retry_After="Sat, 21 Nov 2026 10:00:30 GMT")
    outcome = await talking(answer).send_payment(KEY, BODY)
    assert outcome == Unknown("503", None)


@pytest.mark.parametrize("media_type", ["application/json;charset=utf-8", "application/json"])
async def test_the_body_leaves_byte_for_byte_under_its_key(media_type: str) -> None:
    server = ForeignServer()
    client = foreign_client(server, media_type=media_type)
    await client.send_payment(KEY, BODY)
    (request,) = server.requests
    assert request.content == BODY
    assert request.headers["content-type"] == media_type
    assert request.headers["idempotency-key"] == KEY
    assert request.headers["accept"] == "application/json"
    assert "cookie" not in request.headers
    assert str(request.url) == "http://foreign.test/pay/payment"


async def test_no_redirect_is_followed() -> None:
    asked: list[str] = []

    def redirect(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(308, headers={"Location": "http://elsewhere.test/payment"})

    client = talking(redirect)
    assert await client.send_payment(KEY, BODY) == Unknown("308")
    assert await client.find_payment(KEY) == Unknown("308")
    assert {httpx.URL(url).host for url in asked} == {"foreign.test"}


async def test_no_proxy_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.test:1")
    client = CentralClient(
        Addresses.of(central="http://127.0.0.1:9"), timeout_s=TIMEOUT_S, media_type="application/json"
    )
    outcome = await client.find_payment(KEY)
    assert isinstance(outcome, Unreachable)
    assert "proxy" not in outcome.reason


# --- look-up -------------------------------------------------------------------------------------------------


def kept(count: int) -> list[dict[str, Any]]:
    return [{"id": f"F-{number}", "correlatorId": f"other-{number}"} for number in range(count)]


MANNERS = {
    "filters": ForeignServer(),
    "filters, 206": ForeignServer(status=206),
    "ignores the filter": ForeignServer(filters=False),
    "ignores the filter, counts nothing": ForeignServer(filters=False, counts=False),
    "ignores the filter, small pages": ForeignServer(filters=False, page_max=100),
    "ignores the filter, small pages, counts nothing": ForeignServer(
        filters=False, counts=False, page_max=100
    ),
    "ignores the filter, 206 and 416": ForeignServer(filters=False, counts=False, status=206, beyond=416),
    "ignores filter and paging": ForeignServer(filters=False, pages=False),
    "ignores filter and paging, counts nothing": ForeignServer(filters=False, pages=False, counts=False),
}


@pytest.mark.parametrize("server", MANNERS.values(), ids=MANNERS.keys())
async def test_our_payment_is_found_whatever_the_servers_manners(server: ForeignServer) -> None:
    server.payments = [*kept(1_200), {"id": "F-ours", "correlatorId": KEY}]
    found = await foreign_client(server).find_payment(KEY)
    assert isinstance(found, Accepted)
    assert found.payment.id == "F-ours"


@pytest.mark.parametrize("server", MANNERS.values(), ids=MANNERS.keys())
async def test_a_payment_that_is_not_there_is_not_found_in_few_requests(server: ForeignServer) -> None:
    server.payments = kept(1_200)
    server.requests.clear()
    assert await foreign_client(server).find_payment(KEY) == NotThere()
    assert len(server.requests) <= 14


async def test_nothing_stored_is_not_there_at_once() -> None:
    server = ForeignServer()
    assert await foreign_client(server).find_payment(KEY) == NotThere()
    assert len(server.requests) == 1


async def test_a_list_without_end_is_unknown_not_absent() -> None:
    def more(request: httpx.Request) -> httpx.Response:
        offset = int(request.url.params["offset"])
        return httpx.Response(200, content=dumps([{"id": f"F-{offset}", "correlatorId": "other"}]))

    assert isinstance(await talking(more).find_payment(KEY), Unknown)


async def test_our_payment_in_a_form_that_cannot_be_read_is_unknown_not_absent() -> None:
    """Taken for absent it would be sent again, and stored again, at every try."""
    server = ForeignServer()
    server.payments = [{"id": "F-1", "correlatorId": KEY, "totalAmount": {"unit": "KWD", "value": "10.000"}}]
    assert isinstance(await foreign_client(server).find_payment(KEY), Unknown)


@pytest.mark.parametrize("stranger", [None, 5, "text", [], {}, {"id": 7}, {"id": "x", "correlatorId": 5}])
async def test_a_strangers_row_that_cannot_be_read_is_passed_over(stranger: object) -> None:
    answer = answering(200, [stranger, {"id": "F-ours", "correlatorId": KEY}], X_Total_Count="2")
    found = await talking(answer).find_payment(KEY)
    assert isinstance(found, Accepted)


@pytest.mark.parametrize("status", [400, 403, 404, 405, 500, 503])
async def test_a_look_up_that_is_refused_tells_nothing(status: int) -> None:
    assert isinstance(await talking(answering(status)).find_payment(KEY), Unknown)


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b'"x"', b"[1, 2"])
async def test_a_look_up_that_answers_no_list_tells_nothing(body: bytes) -> None:
    assert isinstance(await talking(answering(200, body)).find_payment(KEY), Unknown)


# --- pages and the announcement ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "page"),
    [
        (
            answering(200, [1, 2], X_Total_Count="9", X_Change_Number="4"),
            Page(rows=(1, 2), total=9, change=4),
        ),
        (answering(206, [1]), Page(rows=(1,), total=None, change=None)),
        (answering(200, [], X_Total_Count="many"), Page(rows=(), total=None, change=None)),
        (answering(200, [], X_Total_Count="-1"), Page(rows=(), total=None, change=None)),
        (answering(416, b"whatever"), Page(rows=(), total=None, change=None)),
    ],
)
async def test_a_page_is_read_with_and_without_its_headers(answer: Answer, page: Page) -> None:
    assert await talking(answer).bills(offset=0, limit=10, changed_after=None) == page


async def test_only_our_central_is_asked_for_changes() -> None:
    asked: list[httpx.QueryParams] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.params)
        return httpx.Response(200, content=b"[]")

    client = talking(answer)
    await client.bills(offset=0, limit=10, changed_after=None)
    await client.bills(offset=20, limit=10, changed_after=5)
    await client.rates(offset=0, limit=10, bill_id=None)
    await client.rates(offset=0, limit=10, bill_id="CB 1&limit=9")
    assert [dict(query) for query in asked] == [
        {"offset": "0", "limit": "10"},
        {"offset": "20", "limit": "10", "changeNumber.gt": "5"},
        {"offset": "0", "limit": "10", "isBilled": "true"},
        {"offset": "0", "limit": "10", "bill.id": "CB 1&limit=9"},
    ]


async def test_a_foreign_server_announces_nothing() -> None:
    server = ForeignServer()
    assert await foreign_client(server).announced() == {}
    assert server.requests == []
    of_central = CentralClient(
        Addresses.of(central="http://f.test/"), timeout_s=1, media_type="application/json", transport=server
    )
    assert await of_central.announced() == {}
    assert str(server.requests[0].url) == "http://f.test/counterfoil/v1"


@pytest.mark.parametrize(
    ("central", "payment", "bill", "expected"),
    [
        (
            "http://c.test/",
            "",
            "",
            (
                "http://c.test/tmf-api/paymentManagement/v4",
                "http://c.test/tmf-api/customerBillManagement/v4",
                "http://c.test/counterfoil/v1",
            ),
        ),
        ("", "http://p.test/a/", "http://b.test/b/", ("http://p.test/a", "http://b.test/b", None)),
        (
            "http://c.test",
            "http://p.test",
            "",
            (
                "http://p.test",
                "http://c.test/tmf-api/customerBillManagement/v4",
                "http://c.test/counterfoil/v1",
            ),
        ),
    ],
)
def test_each_api_has_its_own_address_or_lies_below_central(
    central: str, payment: str, bill: str, expected: tuple[str, str, str | None]
) -> None:
    addresses = Addresses.of(central=central, payment=payment, bill=bill)
    assert (addresses.payment, addresses.bill, addresses.own) == expected
