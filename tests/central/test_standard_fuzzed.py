"""Central under requests that an independent program makes from the TM Forum's own definitions, good ones and bad ones.

Whatever comes: no failure, no answer that the definition does not know, every answer and every row of the shape that it
gives, and books that add up. FUZZ_EXAMPLES says how many requests of each kind, or half as many as other properties take.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from pos.machine import MachineClock
from sync.central.access.clients import NewClient
from sync.central.operating.fixture import load_fixture
from sync.central.operating.verify import verify_central
from sync.central.schema.opening import open_central
from sync.central.wire.callers import Scope
from sync.central.wire.links import TOKEN_PATH
from sync.wire_json import loads
from tests.builders.tries import examples
from tests.central.auth_builders import GRANT, basic, client_of
from tests.central.central_builders import (
    BILL_SPEC,
    PAYMENT_SPEC,
    ROOT,
    faults,
    small_operator,
    unbilled,
)

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES") or 0) or examples(0.5)

BASES = {
    PAYMENT_SPEC: "/tmf-api/paymentManagement/v4",
    BILL_SPEC: "/tmf-api/customerBillManagement/v4",
}
OPERATIONS = [
    (PAYMENT_SPEC, "GET", "/payment", "Payment"),
    (PAYMENT_SPEC, "POST", "/payment", "Payment"),
    (PAYMENT_SPEC, "GET", "/payment/{id}", "Payment"),
    (PAYMENT_SPEC, "GET", "/refund", "Refund"),
    (PAYMENT_SPEC, "POST", "/refund", "Refund"),
    (PAYMENT_SPEC, "GET", "/refund/{id}", "Refund"),
    (PAYMENT_SPEC, "POST", "/hub", "EventSubscription"),
    (PAYMENT_SPEC, "DELETE", "/hub/{id}", None),
    (BILL_SPEC, "GET", "/customerBill", "CustomerBill"),
    (BILL_SPEC, "GET", "/customerBill/{id}", "CustomerBill"),
    (BILL_SPEC, "PATCH", "/customerBill/{id}", "CustomerBill"),
    (BILL_SPEC, "GET", "/appliedCustomerBillingRate", "AppliedCustomerBillingRate"),
    (BILL_SPEC, "GET", "/appliedCustomerBillingRate/{id}", "AppliedCustomerBillingRate"),
    (BILL_SPEC, "GET", "/customerBillOnDemand", "CustomerBillOnDemand"),
    (BILL_SPEC, "POST", "/customerBillOnDemand", "CustomerBillOnDemand"),
    (BILL_SPEC, "GET", "/customerBillOnDemand/{id}", "CustomerBillOnDemand"),
    (BILL_SPEC, "POST", "/hub", "EventSubscription"),
    (BILL_SPEC, "DELETE", "/hub/{id}", None),
]

DEVIATIONS: Mapping[str, frozenset[int]] = {
    # The definitions know no answer to a body in another media type, one that is too large, and one whose key was used
    # for another body before: HTTP's own answers stand for them.
    "POST": frozenset({413, 415, 422}),
    "PATCH": frozenset({413, 415}),
}

ROWS = [
    (PAYMENT_SPEC, "/payment", "Payment"),
    (PAYMENT_SPEC, "/refund", "Refund"),
    (BILL_SPEC, "/customerBill", "CustomerBill"),
    (BILL_SPEC, "/appliedCustomerBillingRate", "AppliedCustomerBillingRate"),
    (BILL_SPEC, "/customerBillOnDemand", "CustomerBillOnDemand"),
]


SCOPES = tuple(scope for scope in Scope if scope.partition(".")[0] in ("payment", "refund", "bill"))
"""Everything that a client of both standards may do."""


@dataclass(frozen=True, slots=True)
class Served:
    """A central as a process of its own, which asks for tokens, its store, and one who may have them."""

    address: str
    db_url: str
    someone: NewClient

    def token(self) -> dict[str, str]:
        """The header of the requests that follow; for ten minutes."""
        answer = httpx.post(
            f"{self.address}{TOKEN_PATH}",
            data=GRANT,
            headers=basic(self.someone.client_id, self.someone.secret),
        )
        assert answer.status_code == 200, answer.text
        return {"authorization": f"Bearer {loads(answer.content)['access_token']}"}


@pytest.fixture(scope="module")
def central(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    url = f"sqlite:///{tmp_path_factory.mktemp('fuzzed') / 'central.db'}"
    store = open_central(url)
    operator = small_operator()
    operator["rates"].append(unbilled("U-1", "5.000", tax="1.000"))
    load_fixture(store, operator)
    someone = client_of(store, "fuzz", MachineClock("UTC"), scopes=SCOPES)
    store.close()
    command = [sys.executable, "-m", "pos", "central", "serve", "--db", url, "--port", "0"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert process.stdout is not None
        yield Served(f"http://127.0.0.1:{loads(process.stdout.readline())['port']}", url, someone)
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("spec", "method", "path", "definition", "mode"),
    [
        pytest.param(*operation, mode, id=f"{mode.value} {operation[1]} {operation[2]} of {operation[0][:6]}")
        for operation in OPERATIONS
        for mode in GenerationMode
        # An id is any text, and there is nothing else in a DELETE that could be wrong.
        if (operation[1], mode) != ("DELETE", GenerationMode.NEGATIVE)
    ],
)
@pytest.mark.sweep(1)
def test_no_request_of_the_definition_is_answered_against_it(
    central: Served,
    tmf_specs: Path,
    spec: str,
    method: str,
    path: str,
    definition: str | None,
    mode: GenerationMode,
) -> None:
    token = central.token()
    schema = schemathesis.openapi.from_dict(json.loads((tmf_specs / spec).read_text()))
    operation = schema[path][method]
    declared = {int(code) for code in operation.definition.raw["responses"]} | DEVIATIONS.get(method, set())
    base = central.address + BASES[spec]
    strategy = operation.as_strategy(generation_mode=mode)
    known = _ids(base + path.removesuffix("/{id}"), token) if path.endswith("/{id}") else []
    seen: set[int] = set()

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy, of=st.sampled_from([None, *known]))
    def ask(case: Any, of: str | None) -> None:
        if of is not None:
            case.path_parameters["id"] = of
        answer = case.call(base_url=base, headers=token)
        seen.add(answer.status_code)
        assert answer.status_code in declared, (answer.status_code, answer.text[:500])
        reduced = "fields" in (case.query or {})
        _assert_of_the_standard(answer, tmf_specs, spec, definition, reduced=reduced)

    ask()
    assert seen
    assert not seen & {401, 403}
    _assert_rows_conform(central, tmf_specs, token)
    store = open_central(central.db_url)
    try:
        assert verify_central(store) == []
    finally:
        store.close()


def _ids(address: str, token: dict[str, str]) -> list[str]:
    answer = httpx.get(address, headers=token)
    return [row["id"] for row in loads(answer.content)][:5] if answer.status_code == 200 else []


def _assert_of_the_standard(
    answer: Any, folder: Path, spec: str, definition: str | None, *, reduced: bool
) -> None:
    if not answer.content:
        assert answer.status_code == 204
        return
    assert answer.headers["content-type"] == ["application/json;charset=utf-8"]
    body = loads(answer.content)
    if answer.status_code >= 400:
        assert faults(folder, spec, "Error", body) == []
        assert body["status"] == str(answer.status_code)
        assert body["message"]
        return
    rows = body if isinstance(body, list) else [body]
    # A reduced row lacks what the definition calls required: the standard contradicts itself there.
    assert definition is not None
    if not reduced:
        assert faults(folder, spec, definition, *rows) == []
    assert all(row["id"] and (row.get("href") or definition == "EventSubscription") for row in rows)


def _assert_rows_conform(central: Served, folder: Path, token: dict[str, str]) -> None:
    with httpx.Client(base_url=central.address, headers=token, verify=False) as client:
        for spec, path, definition in ROWS:
            offset, total = 0, 1
            while offset < total:
                answer = client.get(BASES[spec] + path, params={"offset": offset, "limit": 500})
                assert faults(folder, spec, definition, *loads(answer.content)) == []
                offset, total = offset + 500, int(answer.headers["x-total-count"])
