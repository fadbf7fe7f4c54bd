"""What central answers when it refuses: the TMF error body (code, reason, message, status), with the field where one is
to blame. Source: tmf.md sections 3 and 7.
"""

from __future__ import annotations

from collections.abc import Mapping


class ApiError(Exception):
    """A refusal with its HTTP status. ``code`` is stable; the text never repeats what was sent."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        field: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.field = field
        self.headers = dict(headers or {})


REASONS = {
    400: "Bad request",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    413: "Body too large",
    415: "Unsupported media type",
    422: "Key used for another body",
    500: "Internal error",
    503: "Store unavailable",
}


def error_body(status: int, *, code: str, message: str, field: str | None = None) -> dict[str, object]:
    """The Error resource."""
    body: dict[str, object] = {
        "code": code,
        "reason": REASONS.get(status, "Refused"),
        "message": message,
        "status": str(status),
        "@type": "Error",
    }
    if field is not None:
        body["field"] = field
    return body
