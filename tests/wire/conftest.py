"""Which kind of store a test's central is kept in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.builders.central_stores import StoreKind, run_on_its_stores, stores_made_in

pytest_generate_tests = run_on_its_stores


@pytest.fixture
def central_kept_in(store_kind: StoreKind) -> Iterator[None]:
    """For a module that is to hold whatever central is kept in."""
    with stores_made_in(store_kind):
        yield


@pytest.fixture(scope="session")
def store_kind(request: pytest.FixtureRequest) -> StoreKind:
    return StoreKind(request.param)
