"""What an error that a handler raises is answered with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from sqlalchemy.exc import DataError, OperationalError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Scope

from sync.central.http.answers import error_answer
from sync.central.http.limits import charge_stray
from sync.central.http.watch import note_code
from sync.central.wire.errors import ApiError
from sync.wire_json import BadField


def refusal_of(scope: Scope, error: Exception) -> Response | None:
    """The answer to an error that is an outcome, with its code noted; None to what is a fault of the program."""
    told = next((_TOLD[kind] for kind in type(error).__mro__ if kind in _TOLD), None)
    if told is None:
        return None
    refusal = told(scope, error)
    note_code(scope, refusal.code)
    return error_answer(refusal)


def internal_error() -> Response:
    """The answer to a fault of the program."""
    return error_answer(
        ApiError(500, "internal_error", "The server failed. The payment's outcome is unknown.")
    )


def _refused(_scope: Scope, error: ApiError) -> ApiError:
    return error


def _bad_field(_scope: Scope, error: BadField) -> ApiError:
    return ApiError(400, "bad_field", f"{error}.", field=error.field)


def _http_refusal(scope: Scope, error: HTTPException) -> ApiError:
    """The framework's own 404 and 405."""
    try:
        charge_stray(scope)
    except ApiError as over_the_rate:
        return over_the_rate
    code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "_")
    return ApiError(error.status_code, code, error.detail, headers=error.headers)


def _client_gone(_scope: Scope, _error: ClientDisconnect) -> ApiError:
    """It hung up in the middle of its body; nobody hears this."""
    return ApiError(400, "client_gone", "The body did not come whole.")


def _store_unavailable(_scope: Scope, _error: OperationalError) -> ApiError:
    """Locked by another process, disk full, file gone: nothing was committed, and the client may try again."""
    return ApiError(503, "store_unavailable", "The store cannot be used now.", headers={"Retry-After": "2"})


def _unkeepable(_scope: Scope, _error: DataError) -> ApiError:
    """A NUL in a name, say: no store has it, and one kind of store is not even asked for it."""
    return ApiError(400, "bad_value", "Something in the request is nothing that could be kept.")


_TOLD: Mapping[type, Callable[[Scope, Any], ApiError]] = {
    ApiError: _refused,
    BadField: _bad_field,
    HTTPException: _http_refusal,
    ClientDisconnect: _client_gone,
    OperationalError: _store_unavailable,
    DataError: _unkeepable,
}
