"""What both kinds of store agree on: the refusal of one that cannot be used, and how a reading transaction is marked."""

from __future__ import annotations

from typing import ClassVar

from pos.domain.errors import DomainError

READING = "counterfoil_reading"
"""The execution option of a connection whose transactions only read."""


class StoreUnavailable(DomainError):
    """The store cannot be opened, or is not one that this version may write to."""

    exit_code: ClassVar[int] = 6

    def __init__(self, message: str) -> None:
        super().__init__("central_store_unavailable", message)
