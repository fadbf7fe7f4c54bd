"""Holds what central answers, and what it takes, against its own OpenAPI document."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import httpx
from jsonschema import Draft202012Validator, FormatChecker

from sync.central.api.openapi import OPERATIONS, openapi_document

REFERENCED = "#/components/schemas/"


async def hold_to_document(response: httpx.Response) -> None:
    """For an httpx client's ``event_hooks``: an answer of our own is as the document says, down to the last attribute.

    What the document does not know is left alone: the standards have documents of their own.
    """
    request = response.request
    template = template_of(request.method, request.url.path)
    if template is None:
        return
    await response.aread()
    said = f"{request.method} {template} {response.status_code}"
    faults = faults_of(request, response, template)
    assert faults == [], f"{said}: {faults[:3]}"


def faults_of(request: httpx.Request, response: httpx.Response, template: str) -> list[str]:
    """What differs from the document: of the answer, and of a body that was taken."""
    operation = openapi_document()["paths"][template][request.method.lower()]  # type: ignore[index]
    known = operation["responses"]
    if response.is_success and str(response.status_code) not in known:
        return [f"status {response.status_code} is not in the document"]
    answer = known.get(str(response.status_code), known["default"])
    content = answer.get("content")
    if content is None:
        return [] if response.content == b"" else ["a body where none is documented"]
    media_type = response.headers.get("content-type", "").partition(";")[0]
    if media_type not in {name.partition(";")[0] for name in content}:
        return [f"media type {media_type} is not in the document"]
    schema = content.get("application/json", {}).get("schema")
    # Of an answer that was asked for some attributes only the others are left out.
    if schema is None or "fields" in request.url.params:
        return []
    faults = _faults(json.dumps(schema), json.loads(response.content), closed=response.is_success)
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if body is not None and response.is_success:
        faults += [
            f"taken: {fault}" for fault in _faults(json.dumps(body["schema"]), json.loads(request.content))
        ]
    return faults


@cache
def template_of(method: str, path: str) -> str | None:
    """The path of the document that this one is of, None for one that is none of ours."""
    exact = (method, path) in OPERATIONS
    return (
        path if exact else next((one for way, one in OPERATIONS if way == method and _fits(one, path)), None)
    )


def _fits(template: str, path: str) -> bool:
    pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template))
    return re.fullmatch(pattern, path) is not None


def _faults(schema: str, value: Any, *, closed: bool = False) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in _validator(schema, closed).iter_errors(value)]


@cache
def _validator(schema: str, closed: bool) -> Draft202012Validator:
    whole = {**json.loads(schema), "components": openapi_document()["components"]}
    return Draft202012Validator(_closed(whole) if closed else whole, format_checker=FormatChecker())


def _closed(schema: Any) -> Any:
    """With every object refusing attributes that it does not name, so that the document cannot fall behind."""
    if isinstance(schema, list):
        return [_closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {name: _closed(one) for name, one in schema.items()}
    if isinstance(inner.get("properties"), dict) and inner.get("type") == "object":
        inner.setdefault("additionalProperties", False)
    return inner
