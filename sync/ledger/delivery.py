"""Bringing a batch to the accounting system: into a folder, or to its HTTPS address. It may be brought again and again.

In the folder lie ``NUMBER.csv`` (or the form's suffix) and, written before it, ``NUMBER.control.json`` with the control
totals and the SHA-256 of both. The accounting system answers with ``NUMBER.ack`` or ``NUMBER.refused``: empty, a plain text
(its reference, or why), or a JSON object with ``sha256``, ``reference`` and ``reason``. To the address the file is posted
with its number as ``Idempotency-Key`` and its digest as ``Content-Digest`` (RFC 9530); 200 and 201 acknowledge, 202 takes
it to be looked at, 409 with the same ``sha256`` says that it is there already.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pos.domain.encode import file_name
from pos.domain.ledger_delivery import Delivery, DeliveryState, DeliveryWay
from pos.domain.ledger_feed import LedgerBatch
from sync.ledger.files import BatchForm, batch_file, batch_head

ANSWER_MAX = 64_000
"""Bytes of an acknowledgement that are read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A batch as the file that is delivered. ``file_digest`` is its SHA-256."""

    number: str
    file_name: str
    media_type: str
    content: bytes
    control: bytes

    @property
    def file_digest(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class NotYet:
    """It could not be brought, or nobody knows whether it was; it is brought again. ``reason`` is fit to be shown."""

    reason: str


def parcel_of(batch: LedgerBatch, form: BatchForm) -> Parcel:
    """The file of ``batch`` with what it is checked by."""
    content = "".join(batch_file(form, [batch])).encode("utf-8")
    name = file_name([batch.number], suffix=form.suffix)
    control = {
        **batch_head(batch),
        "file": name,
        "form": str(form),
        "fileSha256": hashlib.sha256(content).hexdigest(),
    }
    return Parcel(
        number=batch.number,
        file_name=name,
        media_type=form.media_type,
        content=content,
        control=(json.dumps(control, ensure_ascii=False) + "\n").encode("utf-8"),
    )


def put_in_folder(folder: Path, parcel: Parcel, before: Delivery | None = None) -> Delivery | NotYet:
    """Lay the file down, whole or not at all, and look whether it was answered.

    Where ``before``, the last that is known of the batch, says that it was laid down, it is not again: the accounting
    system may have taken it out of the folder and answer later.

    A file of that name with other bytes is never written over: that is a refusal, to be looked into.
    """
    control = file_name([parcel.number], suffix=".control.json")
    lies_there = before is not None and (before.state, before.way) == (
        DeliveryState.DELIVERED,
        DeliveryWay.FOLDER,
    )
    files = () if lies_there else ((control, parcel.control), (parcel.file_name, parcel.content))
    try:
        for name, content in files:
            if not _lay_down(folder / name, content):
                return refused(
                    DeliveryWay.FOLDER, parcel, f"{name} is there already, and is another than this batch's."
                )
        return _answer_in(folder, parcel) or Delivery(
            state=DeliveryState.DELIVERED, way=DeliveryWay.FOLDER, file_digest=parcel.file_digest
        )
    except OSError as error:
        return NotYet(reason=f"The folder cannot be used: {error.strerror}.")


def _lay_down(path: Path, content: bytes) -> bool:
    """Whether the file of this name has these bytes, on the disk, once this returns."""
    if path.exists():
        return path.read_bytes() == content
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.unlink(missing_ok=True)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o640)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            # Unlike a rename, a link takes nobody else's file away.
            os.link(part, path)
        except FileExistsError:
            return path.read_bytes() == content
    finally:
        part.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return True


def _answer_in(folder: Path, parcel: Parcel) -> Delivery | None:
    stem = file_name([parcel.number], suffix="")
    for suffix, state in (
        (".refused", DeliveryState.REFUSED),
        (".ack", DeliveryState.ACKNOWLEDGED),
    ):
        path = folder / f"{stem}{suffix}"
        if path.is_file():
            with path.open("rb") as file:
                text = file.read(ANSWER_MAX).decode("utf-8", "replace").strip()
            return answered(DeliveryWay.FOLDER, parcel, state, read_answer(text))
    return None


def read_answer(text: str) -> Mapping[str, Any]:
    """An answer's object; a plain text is a reference or a reason."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    return found if isinstance(found, dict) else {"reference": text, "reason": text}


def answered(way: DeliveryWay, parcel: Parcel, state: DeliveryState, said: Mapping[str, Any]) -> Delivery:
    """What the accounting system said, held against what was delivered."""
    digest = said.get("sha256")
    if state is DeliveryState.ACKNOWLEDGED and digest not in (None, parcel.file_digest):
        return refused(way, parcel, "It acknowledged another file than this batch's.")
    if state is DeliveryState.REFUSED:
        return refused(way, parcel, text_of(said.get("reason") or said.get("message")))
    return Delivery(
        state=state, way=way, file_digest=parcel.file_digest, reference=text_of(said.get("reference")) or None
    )


def refused(way: DeliveryWay, parcel: Parcel, reason: str) -> Delivery:
    """The accounting system, or who looked for it, would not have the batch."""
    return Delivery(state=DeliveryState.REFUSED, way=way, file_digest=parcel.file_digest, reason=reason)


def text_of(value: object) -> str:
    """A value of an answer as text; nothing for what is none."""
    return value if isinstance(value, str) else str(value) if isinstance(value, int) else ""
