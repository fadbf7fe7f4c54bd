"""A central in this process over a store of its own, spoken to through the ASGI transport."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from pos.domain.bill_paper import BillPaper
from pos.domain.payment_mode import PaymentModes
from pos.settings import read_settings
from receipts.bill_pdf import render_bill
from sync.central.app import make_app
from sync.central.schema.opening import open_central
from sync.central.store.database import CentralStore
from tests.builders.central_stores import StoreKind, run_on_its_stores, store_url
from tests.builders.own_document import hold_to_document
from tests.central.central_builders import BASE_URL, CountedRandomness, SteppingClock, with_a_small_operator

pytest_generate_tests = run_on_its_stores


# For the whole session, as a test that makes many examples asks for it.
@pytest.fixture(scope="session")
def store_kind(request: pytest.FixtureRequest) -> StoreKind:
    return StoreKind(request.param)


@pytest.fixture
def empty_url(store_kind: StoreKind, tmp_path: Path) -> Iterator[str]:
    """The URL of a store that is not there yet, or has nothing in it."""
    with store_url(store_kind, tmp_path) as url:
        yield url


@pytest.fixture
def empty_store(empty_url: str) -> Iterator[CentralStore]:
    """A store with its tables and nothing in them."""
    opened = open_central(empty_url)
    yield opened
    opened.close()


@pytest.fixture
def store(store_kind: StoreKind, tmp_path: Path) -> Iterator[CentralStore]:
    """A store with a small operator's data."""
    with store_url(store_kind, tmp_path, with_a_small_operator) as url:
        opened = open_central(url)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def modes() -> PaymentModes:
    """The ten ways to pay as the product ships them."""
    return read_settings().modes


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


async def draw(paper: BillPaper) -> bytes:
    return render_bill(paper)


@pytest.fixture
async def client(
    store: CentralStore, modes: PaymentModes, clock: SteppingClock
) -> AsyncIterator[httpx.AsyncClient]:
    app = make_app(
        store,
        clock=clock,
        randomness=CountedRandomness(),
        base_url=BASE_URL,
        modes=modes,
        draw_bill=draw,
    )
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),
        base_url=BASE_URL,
        event_hooks={"response": [hold_to_document]},
    ) as opened:
        yield opened
