"""Errands: what a screen asks of the till, run as workers beside it, with every outcome shown."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from textual.app import App

from pos.domain.errors import DomainError
from pos.store.database import StoreError

LOG = logging.getLogger(__name__)


class Asking(Protocol):
    """A screen that sends on errands."""

    def refused(self, refusal: DomainError) -> None:
        """A rule said no."""
        ...


class Errands:
    """They belong to the app, so that closing a screen cancels no deed half way."""

    def __init__(
        self,
        app: App[int],
        *,
        stopped: Callable[[StoreError], None],
        ended: Callable[[], None],
    ) -> None:
        self._app = app
        self._stopped = stopped
        self._ended = ended
        self.under_way = 0

    def start(self, asking: Asking, work: Coroutine[Any, Any, None]) -> None:
        """Begin; keys are held back until it has ended."""
        self.under_way += 1
        self._app.run_worker(self._run(asking, work), group="errand", exit_on_error=True)

    async def _run(self, asking: Asking, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except DomainError as refusal:
            asking.refused(refusal)
        except StoreError as fault:
            LOG.error("the store failed: %s", fault.code)
            self._stopped(fault)
        except Exception as bug:
            LOG.exception("an errand failed")
            kind = type(bug).__name__
            self._stopped(StoreError("internal_error", f"The program failed ({kind}).", exit_code=1))
        finally:
            self.under_way -= 1
            self._ended()
