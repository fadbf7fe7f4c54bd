"""Central as a process: the real app over a real store file, which dies at its commits and comes back."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import httpx
from sqlalchemy import Connection

from pos.domain.payment_mode import PaymentModes
from pos.settings import read_settings
from sync.central.app import make_app
from sync.central.hub.delivery import EventDelivery
from sync.central.hub.events import EventRecorder
from sync.central.operating.fixture import load_fixture
from sync.central.schema.opening import open_central
from sync.central.store.database import CentralStore
from sync.central.wire.links import Links
from tests.builders.tills import SeededRandomness
from tests.simulation.listeners import Listeners, let_them_listen
from tests.simulation.mortal import Countdown, CrashPoint, Fate, Files, ProcessDied
from tests.simulation.shop import central_fixture
from tests.simulation.trace import Trace
from tests.simulation.virtual_time import WallClock

BASE_URL = "http://127.0.0.1:8676"


class Gone(Exception):
    """Central is down. ``heard``: it died while it worked on the request, and may have carried it out."""

    def __init__(self, *, heard: bool) -> None:
        super().__init__("central is down")
        self.heard = heard


class MortalCentralStore(CentralStore):
    """Central's store, in whose commits central may die. ``listeners`` hear of each commit what it promised them."""

    def __init__(
        self,
        opened: CentralStore,
        fate: Fate,
        listeners: Listeners,
        *,
        part: str = "central",
        drawn: random.Random | None = None,
    ) -> None:
        super().__init__(opened.engine)
        self._fate = fate
        self._listeners = listeners
        self._part = part
        self._drawn = drawn
        self._countdown = Countdown(fate, part, drawn)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        self._fate.require_alive()
        point = self._fate.draw(self._drawn)
        with super().write() as connection:
            if point is CrashPoint.BEGIN:
                self._fate.die(self._part, point)
            if point is CrashPoint.MIDDLE:
                self._countdown.start(connection)
            try:
                yield connection
            finally:
                self._countdown.stop()
            if point is CrashPoint.BEFORE_COMMIT:
                self._fate.die(self._part, point)
        with self.read() as looking:
            self._listeners.note_commit(looking)
        if point is CrashPoint.AFTER_COMMIT:
            self._fate.die(self._part, point)


class CentralProcess:
    """Central, alive or dead. Its file outlives it."""

    def __init__(
        self,
        folder: Path,
        drawn: random.Random,
        trace: Trace,
        *,
        seed: str,
        rate: float,
        listeners: Listeners,
    ) -> None:
        self._path = folder / "central.db"
        self._path.touch(mode=0o600)
        self._path.write_bytes(loaded_store())
        self._files = Files([self._path])
        self._drawn = drawn
        self._trace = trace
        self._randomness = SeededRandomness(seed)
        self._listeners = listeners
        self._telling_drawn = random.Random(f"{seed} telling")
        self._telling_randomness = SeededRandomness(f"{seed} telling")
        self._telling: asyncio.Task[None] | None = None
        self.rate = rate
        self.store: CentralStore | None = None
        self._carrier: httpx.ASGITransport | None = None
        self._fate: Fate | None = None
        self.deaths = 0

    @property
    def is_up(self) -> bool:
        return self._fate is not None and not self._fate.dead

    def open(self) -> None:
        """Start it over what its file holds."""
        self.close()
        self._files.restore()
        self._fate = Fate(self._files, self._drawn, rate=self.rate, died=self._died)
        opened = open_central(f"sqlite:///{self._path}")
        self.store = MortalCentralStore(opened, self._fate, self._listeners)
        recorder = EventRecorder(WallClock())
        app = make_app(
            self.store,
            clock=WallClock(),
            randomness=self._randomness,
            base_url=BASE_URL,
            modes=_modes(),
            recorder=recorder,
        )
        telling = EventDelivery(
            MortalCentralStore(
                opened, self._fate, self._listeners, part="telling", drawn=self._telling_drawn
            ),
            self._listeners.client(),
            recorder,
            clock=WallClock(),
            randomness=self._telling_randomness,
            links=Links(BASE_URL),
        )
        self._telling = asyncio.create_task(_to_its_death(telling), name="telling")
        self._carrier = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        self._trace.note("central", "is up")

    def close(self) -> None:
        """Throw the objects away."""
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None
        if self.store is not None:
            self.store.close()
            self.store = self._carrier = self._fate = None

    def kill(self) -> None:
        """It dies here and now."""
        if self._fate is not None:
            self._fate.end("central", CrashPoint.IDLE)

    async def handle(self, request: httpx.Request) -> httpx.Response:
        """Carry out a request. Raises Gone."""
        if not self.is_up:
            raise Gone(heard=False)
        assert self._carrier is not None
        copy = httpx.Request(request.method, request.url, headers=request.headers, content=request.content)
        try:
            answer = await self._carrier.handle_async_request(copy)
            await answer.aread()
        except ProcessDied:
            raise Gone(heard=True) from None
        return answer

    def _died(self, where: str, point: CrashPoint) -> None:
        self.deaths += 1
        if self._telling is not None:
            self._telling.cancel()
        self._trace.met("crash", f"{where}, {point}")
        self._trace.note("central", f"dies {point}")


async def _to_its_death(telling: EventDelivery) -> None:
    with suppress(ProcessDied):
        await telling.run()


@cache
def _modes() -> PaymentModes:
    """The acceptance matrix, as the program brings it."""
    return read_settings().modes


@cache
def loaded_store() -> bytes:
    """The file of a central that has the shop's accounts and bills and has heard of no payment."""
    store = open_central("sqlite://")
    load_fixture(store, central_fixture())
    let_them_listen(store)
    with store.engine.connect() as connection:
        raw = connection.connection.dbapi_connection
        assert raw is not None
        content: bytes = raw.serialize()
        connection.rollback()
    store.close()
    return content
