"""Every refusal a rule can give: a stable code, a text fit for a cashier, and the values behind it.

    DomainError                 a rule said no; nothing was booked
      Refused                   the plain case, named by its code
        NeedsConfirmation       a warning: the same again, with the code confirmed, is carried out
      NotAuthorised             the person lacks the right, or a PIN was wrong

The codes are part of the public interface: a script may branch on them, so a code once given is never
renamed. The text says what is wrong and what to do next, and never repeats a secret.
"""

from __future__ import annotations

from typing import ClassVar


class DomainError(Exception):
    """A rule refused the deed. ``code`` is stable; ``details`` are plain JSON values that explain it.

    ``audited``: an audit row tells of it, or is about to; whoever meets it next writes no second one.
    """

    exit_code: ClassVar[int] = 3

    def __init__(self, code: str, message: str, **details: object) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details
        self.audited = False

    def as_json(self) -> dict[str, object]:
        """The ``error`` object of the command line and of ``pos script``."""
        return {"code": self.code, "message": self.message, **self.details}


class Refused(DomainError):
    """A money or counter rule refused the deed (exit code 3)."""


class NeedsConfirmation(Refused):
    """A warning that a person may overrule: the same deed with ``code`` confirmed is carried out."""

    def as_json(self) -> dict[str, object]:
        return {**super().as_json(), "confirm": self.code}


class NotAuthorised(DomainError):
    """The person may not do this, or could not be recognised (exit code 4)."""

    exit_code: ClassVar[int] = 4
