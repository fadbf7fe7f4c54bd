"""Billing cycles are answered as version 5 of the standard has them, and cannot be changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from pos.domain.errors import Refused
from sync.central.operating.fixture import load_fixture
from sync.central.store.database import CentralStore
from sync.wire_json import loads
from tests.central.central_builders import BASE_URL, CYCLE, read, v5_faults


def cycle(cycle_id: str, **more: object) -> dict[str, Any]:
    return {
        "id": cycle_id,
        "name": f"Cycle {cycle_id}",
        "billingDate": "2026-11-01T00:00:00Z",
        "billingPeriod": "2026-11",
        "paymentDueDate": "2026-11-26T00:00:00Z",
        "validFor": {"startDateTime": "2026-01-01T00:00:00Z"},
        "x-run": 7,
        **more,
    }


@pytest.fixture
def two(store: CentralStore) -> CentralStore:
    load_fixture(store, {"bill_cycles": [cycle("C-1"), cycle("C-15", billingDate="2026-11-15T00:00:00Z")]})
    return store


async def test_cycles_are_listed_and_read_as_they_were_told(
    client: httpx.AsyncClient, two: CentralStore, tmf_specs: Path
) -> None:
    rows = await read(client, CYCLE)

    assert [row["id"] for row in rows] == ["C-1", "C-15"]
    assert rows[0]["href"] == f"{BASE_URL}{CYCLE}/C-1"
    assert (rows[0]["@type"], rows[0]["x-run"]) == ("BillCycle", 7)
    assert await read(client, f"{CYCLE}/C-1") == rows[0]
    assert v5_faults(tmf_specs, "BillCycle", *rows) == []


async def test_cycles_are_found_by_date_and_id(client: httpx.AsyncClient, two: CentralStore) -> None:
    found = await read(client, CYCLE, **{"billingDate.gt": "2026-11-02", "fields": "name"})
    assert found == [
        {"id": "C-15", "href": f"{BASE_URL}{CYCLE}/C-15", "name": "Cycle C-15", "@type": "BillCycle"}
    ]
    assert (await client.get(f"{CYCLE}/C-2")).status_code == 404


async def test_only_what_differs_is_changed_by_the_next_file(
    client: httpx.AsyncClient, two: CentralStore
) -> None:
    seen = (await client.get(CYCLE)).headers["x-change-number"]
    load_fixture(two, {"bill_cycles": [cycle("C-1"), cycle("C-15", name="Moved")]})
    changed = await read(client, CYCLE, **{"changeNumber.gt": seen})
    assert [row["name"] for row in changed] == ["Moved"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", [CYCLE, f"{CYCLE}/C-1"])
async def test_nobody_changes_them_here(client: httpx.AsyncClient, method: str, path: str) -> None:
    answer = await client.request(method, path, json={})
    assert (answer.status_code, loads(answer.content)["status"]) == (405, "405")
    assert "GET" in answer.headers["allow"]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (cycle("a/b"), "bill_cycles.id"),
        (cycle("C-1", billingDate="2026-11-01"), "bill cycle C-1: billingDate: must be"),
        (cycle("C-1", name=7), "bill cycle C-1: name: must be text"),
        (cycle("C-1", BillCycleSpecification={"id": "S"}), "BillCycleSpecification.@type: is missing"),
    ],
)
def test_a_bad_cycle_is_refused_by_name(store: CentralStore, row: dict[str, Any], says: str) -> None:
    with pytest.raises(Refused) as refusal:
        load_fixture(store, {"bill_cycles": [row]})
    assert refusal.value.code == "fixture_bad"
    assert says in refusal.value.message
