"""What both kinds of store agree on: the refusal of one that cannot be used, and how a reading transaction is marked."""

from __future__ import annotations

from typing import Any, ClassVar

from pos.domain.errors import DomainError

READING = "counterfoil_reading"
"""The execution option of a connection whose transactions only read."""


def hide_values(fault: Any) -> str | None:
    """The message of a server's fault, which is all that the fault tells from now on; None: it is no server's.

    PostgreSQL's details repeat the row that is in the way, and some of its messages the value that is at fault.
    """
    message: str | None = getattr(getattr(fault, "diag", None), "message_primary", None)
    if message is None:
        return None
    if str(fault.sqlstate).startswith(DATA_FAULTS):
        message = f"a value that cannot be kept ({fault.sqlstate})"
    fault.args = (message,)
    return message


DATA_FAULTS = "22"
"""The class of SQLSTATE of values that are none of their type."""


class StoreUnavailable(DomainError):
    """The store cannot be opened, or is not one that this version may write to."""

    exit_code: ClassVar[int] = 6

    def __init__(self, message: str) -> None:
        super().__init__("central_store_unavailable", message)
