"""A central in this process over a file of its own, spoken to through the ASGI transport."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from pos.domain.payment_mode import PaymentModes
from pos.settings import read_settings
from sync.central.app import make_app
from sync.central.database import CentralStore, open_central
from sync.central.fixture import load_fixture
from tests.central.central_builders import BASE_URL, CountedRandomness, SteppingClock, small_operator


@pytest.fixture
def store(tmp_path: Path) -> Iterator[CentralStore]:
    opened = open_central(f"sqlite:///{tmp_path / 'central.db'}")
    load_fixture(opened, small_operator())
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def modes() -> PaymentModes:
    """The ten ways to pay as the product ships them."""
    return read_settings().modes


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


@pytest.fixture
async def client(
    store: CentralStore, modes: PaymentModes, clock: SteppingClock
) -> AsyncIterator[httpx.AsyncClient]:
    app = make_app(store, clock=clock, randomness=CountedRandomness(), base_url=BASE_URL, modes=modes)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=BASE_URL) as opened:
        yield opened
