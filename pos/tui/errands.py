"""Errands: what a screen asks of the till, run as workers beside it, with every outcome shown."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from textual.app import App
from textual.worker import Worker

from pos.domain.approval import ApprovalNeeded
from pos.domain.errors import DomainError
from pos.store.database import StoreError
from pos.tui.ports import AfterCommit, OpenDrawer

PIN_NEEDED = "pin_needed"
Refusing = Callable[["Asking", ApprovalNeeded], None]
LOG = logging.getLogger(__name__)


class Asking(Protocol):
    """A screen that sends on errands."""

    def refused(self, refusal: DomainError) -> None:
        """A rule said no."""
        ...

    def approved(self, said: str) -> None:
        """A second person said yes to what was refused before."""
        ...


class Errands:
    """They belong to the app, so that closing a screen cancels no deed half way."""

    def __init__(
        self,
        app: App[int],
        *,
        after_commit: AfterCommit,
        open_drawer: OpenDrawer,
        told: Callable[[str], None],
        stopped: Callable[[StoreError], None],
        ended: Callable[[], None],
        pin_asked: Callable[[DomainError], None],
        second_asked: Refusing,
    ) -> None:
        self._app = app
        self._after_commit = after_commit
        self._open_drawer = open_drawer
        self._told = told
        self._printing = False
        self._paper_waits = False
        self._stopped = stopped
        self._ended = ended
        self._pin_asked = pin_asked
        self._second_asked = second_asked
        self.under_way = 0

    def start(self, asking: Asking, work: Coroutine[Any, Any, None]) -> None:
        """Begin; keys are held back until it has ended."""
        self.under_way += 1
        self._app.run_worker(self._run(asking, work), group="errand", exit_on_error=True)

    def look_up(self, asking: Asking, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """An enquiry beside the typing: no key waits for it, and the next one cancels it."""

        async def started() -> None:
            await self._guarded(asking, work())

        _: Worker[None] = self._app.run_worker(started, group="look-up", exclusive=True, exit_on_error=True)

    def beside(self, asking: Asking, work: Coroutine[Any, Any, None]) -> None:
        """Something that takes as long as a customer takes: keys go on meanwhile, and nothing cancels it."""
        self._app.run_worker(self._beside(asking, work), group="beside", exit_on_error=True)

    async def _beside(self, asking: Asking, work: Coroutine[Any, Any, None]) -> None:
        try:
            await self._guarded(asking, work)
        finally:
            self._ended()

    async def _run(self, asking: Asking, work: Coroutine[Any, Any, None]) -> None:
        try:
            await self._guarded(asking, work)
        finally:
            self.under_way -= 1
            self._ended()

    async def _guarded(self, asking: Asking, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except DomainError as refusal:
            asking.refused(refusal)
            if refusal.code == PIN_NEEDED:
                self._pin_asked(refusal)
            if isinstance(refusal, ApprovalNeeded):
                self._second_asked(asking, refusal)
        except StoreError as fault:
            LOG.error("the store failed: %s", fault.code)
            self._stopped(fault)
        except Exception as bug:
            LOG.exception("an errand failed")
            kind = type(bug).__name__
            self._stopped(StoreError("internal_error", f"The program failed ({kind}).", exit_code=1))

    def paper_waits(self) -> None:
        """Something is to be printed. One print run at a time; what comes meanwhile is printed after it."""
        self._paper_waits = True
        if not self._printing:
            self._printing = True
            self._app.run_worker(self._print(), group="paper", exit_on_error=False)

    def drawer_opens(self) -> None:
        """Cash or a cheque came in. What the drawer says is told once the screens are at rest."""
        self._app.run_worker(self._drawer(), group="drawer", exit_on_error=False)

    async def _drawer(self) -> None:
        try:
            said = await self._open_drawer()
        except Exception:
            # Money never depends on the drawer: it has a key.
            LOG.exception("the drawer failed")
            said = "The drawer did not open. Open it with its key."
        if said is not None:
            self._told(said)

    async def _print(self) -> None:
        try:
            while self._paper_waits:
                self._paper_waits = False
                await self._after_commit()
        except Exception:
            # Money never depends on paper: the queue keeps its rows, and the app tries them again.
            LOG.exception("printing failed")
        finally:
            self._printing = False
