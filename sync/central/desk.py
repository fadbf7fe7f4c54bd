"""What every handler needs: the store, the ports and the addresses."""

from __future__ import annotations

from dataclasses import dataclass

from pos.domain.ports import Clock, Randomness
from sync.central.database import CentralStore
from sync.central.links import Links


@dataclass(frozen=True, slots=True)
class CentralDesk:
    """Handed to each API when the app is made; nothing in central asks the machine itself."""

    store: CentralStore
    clock: Clock
    randomness: Randomness
    links: Links
