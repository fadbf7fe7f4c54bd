"""A small operator for central's tests: two accounts, a dealer, bills with lines and rates, and payments on them."""

from __future__ import annotations

import asyncio
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

import httpx
import yaml
from jsonschema import Draft4Validator, Draft7Validator, FormatChecker

from sync.central.operating.fixture import load_fixture
from sync.central.store.database import CentralStore
from sync.wire_json import dumps, loads

PAYMENT = "/tmf-api/paymentManagement/v4/payment"
BILL = "/tmf-api/customerBillManagement/v4/customerBill"
RATE = "/tmf-api/customerBillManagement/v4/appliedCustomerBillingRate"
DEMAND = "/tmf-api/customerBillManagement/v4/customerBillOnDemand"
CYCLE = "/tmf-api/customerBillManagement/v5/billCycle"
BASE_URL = "http://central.test"

PAYMENT_SPEC = "TMF676-Payment-v4.0.0.swagger.json"
BILL_SPEC = "TMF678_Customer_Bill_Management_API_v4.0.0_swagger.json"
BILL_SPEC_5 = "TMF678-CustomerBill-v5.0.0.oas.yaml"


class SteppingClock:
    """Each look is a second later than the one before."""

    def __init__(self) -> None:
        self._now = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)

    def now(self) -> datetime:
        self._now += timedelta(seconds=1)
        return self._now

    def monotonic_s(self) -> float:
        return self._now.timestamp()

    async def sleep(self, delay_s: float) -> None:
        self._now += timedelta(seconds=delay_s)
        await asyncio.sleep(0)


class CountedRandomness:
    """The same bytes in every run, never the same twice in one."""

    def __init__(self) -> None:
        self._count = 0

    def token_bytes(self, count: int) -> bytes:
        self._count += 1
        return hashlib.shake_128(str(self._count).encode()).digest(count)


def kwd(text: str) -> dict[str, object]:
    return {"unit": "KWD", "value": Decimal(text)}


def money(text: str, unit: str) -> dict[str, object]:
    return {"unit": unit, "value": Decimal(text)}


def line(line_id: str, amount: str, *, rates: list[str], parent: str | None = None) -> dict[str, object]:
    built: dict[str, object] = {
        "id": line_id,
        "name": f"Line {line_id}",
        "groupKind": "product",
        "@type": "BillSummaryLine",
        "taxExcludedAmount": kwd(amount),
        "taxAmount": kwd("0.000"),
        "taxIncludedAmount": kwd(amount),
        "product": {"id": f"P-{line_id}", "name": "Fibre 100"},
        "appliedCustomerBillingRate": [{"id": rate_id} for rate_id in rates],
    }
    if parent is not None:
        built["parentLine"] = {"id": parent}
    return built


def rate(rate_id: str, bill_id: str, amount: str, **more: object) -> dict[str, object]:
    return {
        "id": rate_id,
        "name": f"Rate {rate_id}",
        "type": "appliedBillingCharge",
        "date": "2026-11-01T00:00:00Z",
        "isBilled": True,
        "bill": {"id": bill_id, "@referredType": "CustomerBill"},
        "product": {"id": "P-1", "name": "Fibre 100"},
        "taxExcludedAmount": kwd(amount),
        "taxIncludedAmount": kwd(amount),
        **more,
    }


def unbilled(rate_id: str, amount: str, *, tax: str = "0.000", **more: object) -> dict[str, object]:
    """A rate of BA-1 that is on no bill yet; ``amount`` without ``tax``, which is of 20 %."""
    whole = Decimal(amount) + Decimal(tax)
    return {
        "id": rate_id,
        "name": f"Rate {rate_id}",
        "type": "appliedBillingCharge",
        "isBilled": False,
        "billingAccount": {"id": "BA-1", "@referredType": "BillingAccount"},
        "product": {"id": "P-1", "name": "Fibre 100"},
        "taxExcludedAmount": kwd(amount),
        "taxIncludedAmount": {"unit": "KWD", "value": whole},
        "appliedTax": [{"taxCategory": "VAT", "taxRate": 20, "taxAmount": kwd(tax)}]
        if tax != "0.000"
        else [],
        **more,
    }


def bill(bill_id: str, amount: str, *, account: str = "BA-1", **more: object) -> dict[str, object]:
    return {
        "id": bill_id,
        "billNo": f"N{bill_id}",
        "billDate": "2026-11-01T00:00:00Z",
        "paymentDueDate": "2026-11-15T00:00:00Z",
        "state": "sent",
        "amountDue": kwd(amount),
        "remainingAmount": kwd(amount),
        "taxExcludedAmount": kwd(amount),
        "taxIncludedAmount": kwd(amount),
        "billingAccount": {"id": account, "name": "Al-Salem Trading", "@referredType": "BillingAccount"},
        "billDocument": [{"id": f"doc-{bill_id}", "@referredType": "Attachment"}],
        **more,
    }


def account(account_id: str, **more: object) -> dict[str, object]:
    return {
        "account": account_id,
        "kind": "subscriber",
        "name": f"Holder of {account_id}",
        "phone": "+96550000001",
        "currency": "KWD",
        "customer": "C-1",
        "status": "active",
        "cash_only": False,
        "dunning_stage": 0,
        "credit": "0.000",
        **more,
    }


def shop_item(code: str, price: str, **more: object) -> dict[str, object]:
    return {
        "item": code,
        "name": f"Item {code}",
        "price": price,
        "currency": "KWD",
        "tax_category": "VAT",
        "tax_rate": "5",
        "serial": None,
        "ean": None,
        **more,
    }


def voucher(code: str, value: str, **more: object) -> dict[str, object]:
    return {
        "code": code,
        "issuer": "internal",
        "value": value,
        "currency": "KWD",
        "expires": "2027-06-23",
        "account": None,
        **more,
    }


def small_operator() -> dict[str, Any]:
    """BA-1 with bills CB-1 (41.750, lines and rates), CB-2 (10.000); BA-2 in EUR; a dealer; two items; vouchers."""
    return {
        "shop": {"id": "S014", "name": "Store 14"},
        "accounts": [
            account("BA-1"),
            account("BA-2", currency="EUR", cash_only=True, dunning_stage=2, credit="1.50"),
        ],
        "dealers": [
            {
                "account": "D-12",
                "name": "Gulf Mobile",
                "currency": "KWD",
                "class": "gold",
                "credit_limit": "500.000",
            }
        ],
        "bills": [
            bill(
                "CB-1",
                "41.750",
                billSummaryLine=[
                    line("L1", "41.750", rates=[]),
                    line("L2", "40.000", rates=["R-1"], parent="L1"),
                    line("L3", "1.750", rates=["R-2", "R-3"], parent="L1"),
                ],
            ),
            bill("CB-2", "10.000"),
        ],
        "rates": [
            rate("R-1", "CB-1", "40.000"),
            rate("R-2", "CB-1", "2.000"),
            rate("R-3", "CB-1", "-0.250", type="appliedBillingCredit"),
            {"id": "R-9", "name": "Not billed yet", "isBilled": False, "billingAccount": {"id": "BA-1"}},
        ],
        "items": [
            shop_item("SIM-01", "5.000", serial="iccid", ean="6271001000014"),
            shop_item("RTR-01", "25.000", tax_rate="7.5"),
        ],
        "users": [{"user": "1001", "pin": "135790"}, {"user": "2002", "pin": "731846"}],
        "vouchers": [
            voucher("LOY-4RFP-TXWP", "20.000"),
            voucher("LOY-CU6M-NFEA", "5.000", account="BA-1"),
            voucher("LOY-OLDD-DAYS", "5.000", expires="2026-11-20"),
            voucher("LOY-EURO-EURO", "5.00", currency="EUR"),
            voucher("EXT-VM7T-XT9W", "10.000", issuer="City Gifts"),
        ],
    }


def with_a_small_operator(store: CentralStore) -> None:
    """Fills a store that is still empty."""
    load_fixture(store, small_operator())


def payment(amount: str = "10.000", *, unit: str = "KWD", **more: object) -> dict[str, Any]:
    return {
        "account": {"id": "BA-1"},
        "totalAmount": money(amount, unit),
        "paymentMethod": {"@type": "Cash", "@baseType": "PaymentMethod", "name": "cash"},
        **more,
    }


def item(bill_id: str, amount: str, **more: object) -> dict[str, object]:
    return {"item": {"id": bill_id, "@referredType": "CustomerBill"}, "totalAmount": kwd(amount), **more}


async def post(
    client: httpx.AsyncClient, body: Mapping[str, object] | bytes, **headers: str
) -> httpx.Response:
    content = body if isinstance(body, bytes) else dumps(body)
    return await client.post(
        PAYMENT,
        content=content,
        headers={
            "content-type": "application/json;charset=utf-8",
            **{k.replace("_", "-"): v for k, v in headers.items()},
        },
    )


async def read(client: httpx.AsyncClient, url: str, **parameters: str) -> Any:
    """The JSON of a GET that must succeed, with exact numbers."""
    answer = await client.get(url, params=parameters)
    assert answer.status_code == 200, answer.text
    return loads(answer.content)


def faults(folder: Path, spec: str, definition: str, *values: object) -> list[str]:
    """What in ``values`` is against the definition of the TM Forum's specification."""
    validator = _validator(folder, spec, definition)
    return [error.message for value in values for error in validator.iter_errors(value)]


@lru_cache(maxsize=32)
def _validator(folder: Path, spec: str, definition: str) -> Any:
    definitions = json.loads((folder / spec).read_text())["definitions"]
    schema = {"$ref": f"#/definitions/{definition}", "definitions": definitions}
    return Draft4Validator(schema, format_checker=FormatChecker())


def v5_faults(folder: Path, definition: str, *values: object) -> list[str]:
    """As ``faults``, of version 5 of the customer bills."""
    components = yaml.safe_load((folder / BILL_SPEC_5).read_text())["components"]
    schema = {"$ref": f"#/components/schemas/{definition}", "components": components}
    validator = Draft7Validator(schema, format_checker=FormatChecker())
    return [error.message for value in values for error in validator.iter_errors(value)]


VOUCHER_HOLD = "/counterfoil/v1/voucherHold"


def asked(hold_id: str = "H-1", code: str = "LOY-4RFP-TXWP", **more: object) -> dict[str, object]:
    """A hold as a till asks for it: 8.000 KWD for event E-1 of BA-1."""
    return {
        "id": hold_id,
        "terminal": "T2",
        "paymentEventId": "E-1",
        "mode": "internal_voucher",
        "code": code,
        "account": "BA-1",
        "amount": kwd("8.000"),
        **more,
    }


async def hold(client: httpx.AsyncClient, body: Mapping[str, object] | bytes) -> httpx.Response:
    content = body if isinstance(body, bytes) else dumps(body)
    return await client.post(
        VOUCHER_HOLD, content=content, headers={"content-type": "application/json;charset=utf-8"}
    )


async def let_go(client: httpx.AsyncClient, hold_id: str) -> httpx.Response:
    return await client.delete(f"{VOUCHER_HOLD}/{hold_id}")


def voucher_payment(
    hold_id: str = "H-1",
    amount: str = "8.000",
    *,
    event: str = "E-1",
    mode: str = "internal_voucher",
    **more: object,
) -> dict[str, Any]:
    """A payment of CB-1 with a held voucher, as a till sends it."""
    return (
        payment(
            amount,
            correlatorId=f"{event}-{hold_id}",
            paymentEventId=event,
            terminal="T2",
            voucherHold=hold_id,
            payer={"id": "BA-1", "role": "subscriber", "@referredType": "BillingAccount"},
            paymentItem=[item("CB-1", amount)],
            paymentMethod={
                "@type": "PaymentMethodRef",
                "id": hold_id,
                "@referredType": "Voucher",
                "name": mode,
            },
        )
        | more
    )


# --- as a process of its own ------------------------------------------------------------------------------------

ROOT = Path(__file__).resolve().parents[2]
CENTRAL_PROGRAM = """
import asyncio, os, sys, time
from datetime import UTC, datetime
from sync.central.serve import serve

class Clock:
    def now(self): return datetime.now(UTC)
    def monotonic_s(self): return time.monotonic()
    async def sleep(self, delay_s): await asyncio.sleep(delay_s)

class Randomness:
    def token_bytes(self, count): return os.urandom(count)

serve(sys.argv[1], host="127.0.0.1", port=0, clock=Clock(), randomness=Randomness())
"""


@contextmanager
def central_process(db_url: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The process and its address, once it says that it listens."""
    process = subprocess.Popen(
        [sys.executable, "-c", CENTRAL_PROGRAM, db_url],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        first_line = process.stdout.readline()
        assert first_line, process.stderr.read().decode() if process.stderr else ""
        line = json.loads(first_line)
        assert (line["event"], line["host"]) == ("listening", "127.0.0.1")
        yield process, f"http://127.0.0.1:{line['port']}"
    finally:
        process.kill()
        process.communicate()
