"""What central counts for Prometheus: requests, what became of payments and refunds, how long the store kept them waiting.

Labels are routes, statuses and our own codes; none holds an account, a terminal or a person.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.process_collector import ProcessCollector
from sqlalchemy import Connection

from pos.domain.ports import Clock
from sync.central.http.watch import Visit
from sync.central.hub.figures import HubFigures
from sync.central.operating.shared_figures import folder_of_figures
from sync.central.store.database import CentralStore
from sync.central.wire.links import PAYMENT_PATH, REFUND_PATH

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PREFIX = "counterfoil_central"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
"""Upper ends of the buckets of time, of requests and of waits alike."""

_RESOURCES = {PAYMENT_PATH: "payment", REFUND_PATH: "refund"}


class Metrics:
    """One central's figures since it started; each app has its own.

    Where the figures of several processes are kept together (``shared_figures``), each tells those of all.
    """

    def __init__(self) -> None:
        self._shared = folder_of_figures()
        self._dropped: Callable[[], float] = lambda: 0
        self._registry = CollectorRegistry()
        self._requests = Counter(
            f"{PREFIX}_requests",
            "Requests that have ended.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            f"{PREFIX}_request_seconds",
            "Time from a request's headers to the end of its answer.",
            ("method", "route"),
            buckets=SECONDS,
            registry=self._registry,
        )
        self._posts = Counter(
            f"{PREFIX}_posts",
            "Payments and refunds posted: accepted, replayed, refused (by code) or failed.",
            ("resource", "outcome", "code"),
            registry=self._registry,
        )
        self._store_wait = Histogram(
            f"{PREFIX}_store_wait_seconds",
            "Time that a transaction waited for the store before its first statement.",
            ("kind",),
            buckets=SECONDS,
            registry=self._registry,
        )
        self._store_up = self._latest("store_up", "1 while the store answers.")
        self._change = self._latest("change_number", "The store's count of changes.")
        self._events = self._latest(
            "events",
            "Events that listeners have not acknowledged: waiting, dead (tried no more), or set_aside (none could be made).",
            "state",
        )
        self._stopped = self._latest("listeners_stopped", "Listeners that took nothing for too long.")
        self._log_dropped = Gauge(
            f"{PREFIX}_log_lines_dropped",
            "Lines of the log that nobody took in.",
            registry=self._registry,
            multiprocess_mode="sum",
        )
        # The library looks a figure up by its labels under a lock; there are as many as routes, statuses and codes.
        self._requests_of, self._seconds_of = cache(self._requests.labels), cache(self._seconds.labels)
        self._posts_of, self._store_wait_of = cache(self._posts.labels), cache(self._store_wait.labels)
        self._dropped_told = 0.0
        for kind in ("read", "write"):
            self._store_wait_of(kind)

    def _latest(self, name: str, tells: str, *labels: str) -> Gauge:
        """A figure of the store: of several processes whoever looked last is right."""
        return Gauge(
            f"{PREFIX}_{name}", tells, labels, registry=self._registry, multiprocess_mode="mostrecent"
        )

    def count(self, visit: Visit) -> None:
        """One request that has ended."""
        dropped = self._dropped()
        if dropped != self._dropped_told:
            self._log_dropped.set(dropped)
            self._dropped_told = dropped
        status = "none" if visit.status is None else str(visit.status)
        self._requests_of(visit.method, visit.route, status).inc()
        self._seconds_of(visit.method, visit.route).observe(visit.took_s)
        resource = _RESOURCES.get(visit.route)
        if visit.method == "POST" and resource is not None:
            self._posts_of(resource, _outcome(visit), visit.code or "").inc()

    def waited(self, kind: str, wait_s: float) -> None:
        """A transaction that ``kind`` (read or write) has begun."""
        self._store_wait_of(kind).observe(wait_s)

    def store_is_at(self, change: int | None) -> None:
        """The store's change number now; None: it does not answer."""
        self._store_up.set(change is not None)
        if change is not None:
            self._change.set(change)

    def events_are_at(self, figures: HubFigures) -> None:
        """How the events stand now."""
        self._events.labels("waiting").set(figures.waiting)
        self._events.labels("dead").set(figures.dead)
        self._events.labels("set_aside").set(figures.set_aside)
        self._stopped.set(figures.stopped)

    def of_process(self, *, log_dropped: Callable[[], float] | None) -> None:
        """Count memory, processor time and open files of this process too, and the lines that its log dropped."""
        ProcessCollector(registry=self._registry)
        if log_dropped is not None:
            self._dropped = log_dropped

    def text(self) -> bytes:
        """All of it in Prometheus' own text form."""
        self._log_dropped.set(self._dropped())
        if self._shared is None:
            return generate_latest(self._registry)
        together = CollectorRegistry()
        MultiProcessCollector(together, path=str(self._shared))  # type: ignore[no-untyped-call]
        return generate_latest(together)


class TimedStore(CentralStore):
    """``store``, with the wait for each transaction counted."""

    def __init__(self, store: CentralStore, clock: Clock, metrics: Metrics) -> None:
        self.engine = store.engine
        self._store = store
        self._clock = clock
        self._metrics = metrics

    @contextmanager
    def write(self) -> Iterator[Connection]:
        asked = self._clock.monotonic_s()
        with self._store.write() as connection:
            self._metrics.waited("write", self._clock.monotonic_s() - asked)
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        asked = self._clock.monotonic_s()
        with self._store.read() as connection:
            self._metrics.waited("read", self._clock.monotonic_s() - asked)
            yield connection

    def close(self) -> None:
        self._store.close()


def _outcome(visit: Visit) -> str:
    if visit.status is None or visit.status >= 500:
        return "failed"
    if visit.status >= 400:
        return "refused"
    return "replayed" if visit.replayed else "accepted"
