"""What central answers when it refuses: the TMF error body (code, reason, message, status), with the field where one is
to blame. Source: tmf.md sections 3 and 7.
"""

from __future__ import annotations

from collections.abc import Mapping

from pos.domain.errors import Refused


class ApiError(Exception):
    """A refusal with its HTTP status. ``code`` is stable; the text never repeats what was sent.

    ``more`` are attributes beside the standard's.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        field: str | None = None,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.field = field
        self.headers = dict(headers or {})
        self.more = dict(more or {})


def operator_alone() -> ApiError:
    """403: what only the operator's own tills do."""
    return ApiError(403, "operator_alone", "Only the operator's own tills do that.")


def card_number_refused(refusal: Refused) -> ApiError:
    """What the card guard found, as an answer; it names the field and no digit."""
    return ApiError(400, refusal.code, refusal.message, field=str(refusal.details["field"]))


def refuse_other_body(stored_sha256: str, body_sha256: str) -> None:
    """Raises ApiError 422 ``key_reused``: a key belongs to the bytes that it first came with."""
    if stored_sha256 != body_sha256:
        raise ApiError(422, "key_reused", "This correlatorId was used for another body. Nothing was changed.")


REASONS = {
    400: "Bad request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    408: "Too slow",
    409: "Conflict",
    413: "Body too large",
    415: "Unsupported media type",
    422: "Unprocessable content",
    425: "Too early",
    429: "Too many requests",
    431: "Headers too large",
    500: "Internal error",
    503: "Unavailable now",
}


def error_body(error: ApiError) -> dict[str, object]:
    """The Error resource."""
    body: dict[str, object] = {
        "code": error.code,
        "reason": REASONS.get(error.status, "Refused"),
        "message": error.message,
        "status": str(error.status),
        "@type": "Error",
    }
    if error.field is not None:
        body["field"] = error.field
    return body | error.more
