"""Central's own OpenAPI document: it has every route of ours, and central answers as it says.

Every answer that any test of this folder gets is held against it too (``tests/builders/own_document.py``).
"""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from starlette.routing import Route

from sync.central.access.gate import Access
from sync.central.api.openapi import OPERATIONS, openapi_document
from sync.central.api.own_schemas import SCHEMAS
from sync.central.app import make_app
from sync.central.store.database import CentralStore
from tests.builders.own_document import faults_of, template_of
from tests.central.central_builders import CountedRandomness, SteppingClock

OPENAPI = "/counterfoil/v1/openapi.json"


def refs_in(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if "$ref" in value else set()
        return own.union(*(refs_in(one) for one in value.values()))
    return set().union(*(refs_in(one) for one in value)) if isinstance(value, list | tuple) else set()


def test_every_route_of_ours_is_in_the_document_and_nothing_else_is(store: CentralStore) -> None:
    app = make_app(store, clock=SteppingClock(), randomness=CountedRandomness(), access=Access())
    routes = {
        (method, route.path)
        for route in app.routes
        if isinstance(route, Route) and not route.path.startswith("/tmf-api/")
        for method in (route.methods or set()) - {"HEAD"}
    }

    assert routes == set(OPERATIONS)


async def test_the_document_is_served_to_everybody(client: httpx.AsyncClient) -> None:
    answer = await client.get(OPENAPI)

    assert answer.json() == openapi_document()
    assert (await client.get("/counterfoil/v1")).json()["openapi"] == OPENAPI


def test_the_document_is_openapi_3_1_and_its_schemas_are_sound() -> None:
    document = openapi_document()
    assert document["openapi"] == "3.1.0"
    for schema in SCHEMAS.values():
        Draft202012Validator.check_schema(schema)
    named = {f"#/components/schemas/{name}" for name in SCHEMAS}
    assert refs_in(document) == named, "every schema is used, and every one that is used is there"


def test_no_operation_has_the_name_of_another() -> None:
    paths: Any = openapi_document()["paths"]
    names = [operation["operationId"] for path in paths.values() for operation in path.values()]

    assert len(names) == len(set(names)) == len(OPERATIONS)


def test_an_operation_names_the_scope_that_its_token_needs() -> None:
    paths: Any = openapi_document()["paths"]

    assert paths["/counterfoil/v1/account"]["get"]["security"] == [{"oauth2": ["account.read"]}]
    assert paths["/counterfoil/v1"]["get"]["security"] == [{"oauth2": []}]
    assert paths["/health"]["get"]["security"] == []


@pytest.mark.parametrize(
    ("status", "body", "fault"),
    [
        (200, {"status": "pass", "surprise": 1}, "surprise"),
        (200, {}, "status"),
        (200, {"status": "fail"}, "fail"),
        (503, {"status": "fail"}, "code"),
        (202, {"status": "pass"}, "202"),
    ],
)
def test_an_answer_that_the_document_does_not_know_is_found(
    status: int, body: dict[str, Any], fault: str
) -> None:
    request = httpx.Request("GET", "http://central.test/health")

    found = faults_of(request, httpx.Response(status, json=body), "/health")

    assert fault in " ".join(found)


def test_a_path_of_the_standards_is_not_held_against_it() -> None:
    assert template_of("GET", "/tmf-api/paymentManagement/v4/payment") is None
    assert template_of("GET", "/counterfoil/v1/account/BA-1") == "/counterfoil/v1/account/{id}"
