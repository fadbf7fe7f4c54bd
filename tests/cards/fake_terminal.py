"""A FAKE card terminal: nexo Sale-to-POI over real HTTP on a loopback port, with the moods of real ones. No card is charged.

    with fake_terminal() as terminal:
        terminal.moods = ["drop"]        # approves, then breaks the connection: its answer is lost

Moods, one for each payment request, then ``approve``: ``approve``, ``decline``, ``busy``, ``late`` (approves when ``answer``
is set), ``drop``, ``silent`` (drops without having done anything), ``power`` (approves, then is off until ``power_on``),
``garbage``, ``pan`` (the whole card number all over its answer), ``partial``, ``other_currency``, ``forgets`` (drops, and
remembers nothing), ``progress`` (drops, and is still at it). Its journal is what it truly charged and reversed.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PAN = "4111111111111111"
Json = dict[str, Any]


@dataclass
class FakeTerminal:
    """What it was asked, what it did. ``journal``: our transaction ids to the amount charged, minus what was reversed."""

    poi_id: str = "V400m-12345678"
    moods: list[str] = field(default_factory=list)
    reversal_moods: list[str] = field(default_factory=list)
    requests: list[Json] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    journal: dict[str, Decimal] = field(default_factory=dict)
    answer: threading.Event = field(default_factory=threading.Event)
    arrived: threading.Event = field(default_factory=threading.Event)
    totals: list[Json] = field(default_factory=list)
    tells_last: bool = False
    """A status tells of the last payment, whichever was asked about; ``names_last``: and says so."""
    names_last: bool = True
    url: str = ""
    _answers: dict[tuple[str, str], Json] = field(default_factory=dict)
    _at_it: set[str] = field(default_factory=set)
    _is_off: bool = False

    def power_off(self) -> None:
        """Somebody pulled its plug."""
        self._is_off = True

    def power_on(self) -> None:
        """It has current again; its journal was not lost."""
        self._is_off = False

    @property
    def charged(self) -> dict[str, Decimal]:
        """What stands on cards now."""
        return {name: amount for name, amount in self.journal.items() if amount}

    def categories(self) -> list[str]:
        """What it was asked, in order."""
        return [one["MessageHeader"]["MessageCategory"] for one in self.requests]

    def handle(self, raw: bytes) -> Json | bytes | None:
        """The answer to a request: bytes go out as they are; None: the connection breaks."""
        if self._is_off:
            return None
        self.raw.append(raw)
        request = json.loads(raw, parse_float=Decimal)["SaleToPOIRequest"]
        self.requests.append(request)
        header = request["MessageHeader"]
        self.arrived.set()
        match header["MessageCategory"]:
            case "Payment":
                return self._payment(header, request["PaymentRequest"])
            case "Abort":
                self.answer.set()
                return b"ok"
            case "TransactionStatus":
                return self._status(header, request["TransactionStatusRequest"]["MessageReference"])
            case "Reversal":
                return self._reversal(header, request["ReversalRequest"])
            case "Reconciliation":
                body = {
                    "Response": {"Result": "Success"},
                    "ReconciliationType": request["ReconciliationRequest"]["ReconciliationType"],
                    "POIReconciliationID": 1007,
                    "TransactionTotals": self.totals,
                }
                return self._response(header, body)
        raise AssertionError("no such message")

    def _payment(self, header: Json, body: Json) -> Json | bytes | None:
        mood = self.moods.pop(0) if self.moods else "approve"
        service = header["ServiceID"]
        if mood == "silent":
            return None
        if mood == "progress":
            self._at_it.add(service)
            return None
        if mood == "garbage":
            return b'{"SaleToPOIResponse": [4111'
        if mood in ("decline", "busy"):
            condition = {"decline": "Refusal", "busy": "Busy"}[mood]
            return self._kept(header, _failure(condition, "Do not honour"))
        if mood == "late" and not self.answer.wait(timeout=20):
            raise AssertionError("nobody let it answer")
        approval = _approval(body, service, mood, len(self.journal) + 1)
        authorised = Decimal(approval["PaymentResult"]["AmountsResp"]["AuthorizedAmount"])
        self.journal[body["SaleData"]["SaleTransactionID"]["TransactionID"]] = authorised
        made = self._kept(header, approval)
        if mood == "forgets":
            self._answers.clear()
        self._is_off = mood == "power"
        return None if mood in ("drop", "power", "forgets") else made

    def _status(self, header: Json, about: Json) -> Json:
        service = about["ServiceID"]
        kept = self._answers.get((about["MessageCategory"], service))
        if kept is None and self.tells_last and self._answers:
            (_, last), kept = list(self._answers.items())[-1]
            service = last if self.names_last else service
        if service in self._at_it:
            return self._response(header, _failure("InProgress"))
        if kept is None:
            return self._response(header, _failure("NotFound"))
        repeated = {
            "MessageHeader": {**header, "MessageCategory": about["MessageCategory"], "ServiceID": service},
            "RepeatedResponseMessageBody": {f"{about['MessageCategory']}Response": kept},
        }
        body = {
            "Response": {"Result": "Success"},
            "MessageReference": about,
            "RepeatedMessageResponse": repeated,
        }
        return self._response(header, body)

    def _reversal(self, header: Json, body: Json) -> Json | None:
        mood = self.reversal_moods.pop(0) if self.reversal_moods else "approve"
        if mood == "busy":
            return self._kept(header, _failure("Busy"))
        ours = body["SaleData"]["SaleTransactionID"]["TransactionID"]
        charged = self.charged.get(ours, Decimal(0))
        amount = Decimal(body.get("ReversedAmount", charged))
        if not 0 < amount <= charged:
            return self._kept(header, _failure("NotAllowed"))
        self.journal[ours] -= amount
        made = self._kept(header, {"Response": {"Result": "Success"}})
        return None if mood == "drop" else made

    def _kept(self, header: Json, body: Json) -> Json:
        self._answers[header["MessageCategory"], header["ServiceID"]] = body
        return self._response(header, body)

    def _response(self, header: Json, body: Json) -> Json:
        category = header["MessageCategory"]
        return {
            "SaleToPOIResponse": {
                "MessageHeader": {**header, "MessageType": "Response"},
                f"{category}Response": body,
            }
        }


def _failure(condition: str, words: str = "") -> Json:
    told = {"Result": "Failure", "ErrorCondition": condition}
    return {"Response": {**told, "AdditionalResponse": words} if words else told}


def _approval(body: Json, service: str, mood: str, number: int) -> Json:
    asked = body["PaymentTransaction"]["AmountsReq"]
    amounts: Json = {"Currency": asked["Currency"], "AuthorizedAmount": asked["RequestedAmount"]}
    if mood == "partial":
        amounts["AuthorizedAmount"] = Decimal("1.5")
    if mood == "other_currency":
        amounts["Currency"] = "USD"
    masked = PAN if mood == "pan" else "411111 **** 1111"
    response: Json = {"Result": "Partial" if mood == "partial" else "Success"}
    if mood == "pan":
        response["AdditionalResponse"] = f"cardNumber={PAN}&tid=1"
        response[PAN] = int(PAN)
    return {
        "Response": response,
        "SaleData": body["SaleData"],
        "POIData": {
            "POITransactionID": {"TransactionID": f"POI.{service}", "TimeStamp": "2026-11-21T07:15:00Z"}
        },
        "PaymentResult": {
            "AmountsResp": amounts,
            "OnlineFlag": True,
            "PaymentAcquirerData": {
                "AcquirerPOIID": "P400-1",
                "ApprovalCode": "A1B2C3",
                "AcquirerTransactionID": {
                    "TransactionID": f"8815103231{number:06d}",
                    "TimeStamp": "2026-11-21T07:15:00Z",
                },
            },
            "PaymentInstrumentData": {
                "PaymentInstrumentType": "Card",
                "CardData": {
                    "PaymentBrand": "visa",
                    "MaskedPan": masked,
                    "SensitiveCardData": {"ExpiryDate": "0929"},
                },
            },
        },
    }


def _exact(value: object) -> object:
    """Amounts leave as numbers; no test needs more digits than a binary fraction keeps."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(value)


@contextmanager
def fake_terminal() -> Iterator[FakeTerminal]:
    """A fake terminal on a free loopback port, for as long as the block lasts."""
    fake = FakeTerminal()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            answer = fake.handle(self.rfile.read(int(self.headers["Content-Length"])))
            if answer is None:
                self.close_connection = True
                return
            body = answer if isinstance(answer, bytes) else json.dumps(answer, default=_exact).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that has gone is part of the play."""

    server = Server(("127.0.0.1", 0), Handler)
    fake.url = f"http://127.0.0.1:{server.server_address[1]}/nexo"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        fake.answer.set()
        server.shutdown()
        server.server_close()
        thread.join()
