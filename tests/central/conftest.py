"""A central in this process over a file of its own, spoken to through the ASGI transport."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from pos.domain.payment_mode import PaymentModes
from pos.settings import read_settings
from receipts.bill_pdf import render_bill
from sync.central.app import make_app
from sync.central.database import CentralStore, open_central
from sync.central.fixture import load_fixture
from tests.central.central_builders import BASE_URL, CountedRandomness, SteppingClock, small_operator


@pytest.fixture(scope="session")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a central with a small operator's data: to make and load one for every test would be most of the test."""
    path = tmp_path_factory.mktemp("central") / "central.db"
    central = open_central(f"sqlite:///{path}")
    load_fixture(central, small_operator())
    central.close()
    return path


@pytest.fixture
def store(loaded: Path, tmp_path: Path) -> Iterator[CentralStore]:
    path = tmp_path / "central.db"
    shutil.copy(loaded, path)
    opened = open_central(f"sqlite:///{path}")
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
    app = make_app(
        store,
        clock=clock,
        randomness=CountedRandomness(),
        base_url=BASE_URL,
        modes=modes,
        draw_bill=render_bill,
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=BASE_URL) as opened:
        yield opened
