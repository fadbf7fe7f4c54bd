"""Bringing a batch to the accounting system: into a folder, or to its HTTPS address. It may be brought again and again.

In the folder lie ``NUMBER.csv`` (or the form's suffix) and, written before it, ``NUMBER.control.json`` with the control
totals and the SHA-256 of both. The accounting system answers with ``NUMBER.ack`` or ``NUMBER.refused``: empty, a plain text
(its reference, or why), or a JSON object with ``sha256``, ``reference`` and ``reason``. To the address the file is posted
with its number as ``Idempotency-Key`` and its digest as ``Content-Digest`` (RFC 9530); 200, 201 and 204 acknowledge, 202
takes it to be looked at, 409 with the same ``sha256`` says that it is there already. The SHA-256 of any form of the batch
is its own: an answer may come after the settings chose another form.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
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

    batch: LedgerBatch
    number: str
    file_name: str
    media_type: str
    content: bytes
    control: bytes

    @property
    def file_digest(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    def is_of_batch(self, digest: object) -> bool:
        """Whether this is the SHA-256 of the batch in any of its forms: each comes out the same for ever."""
        return digest == self.file_digest or any(digest == _digest_in(form, self.batch) for form in BatchForm)


def _digest_in(form: BatchForm, batch: LedgerBatch) -> str:
    return hashlib.sha256("".join(batch_file(form, [batch])).encode("utf-8")).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class NotYet:
    """It could not be brought, or nobody knows whether it was; it is brought again. ``reason`` is fit to be shown."""

    reason: str


def parcel_of(batch: LedgerBatch, form: BatchForm) -> Parcel:
    """The file of ``batch`` with what it is checked by."""
    content = "".join(batch_file(form, [batch])).encode("utf-8")
    name = f"{_stem(batch.number)}{form.suffix}"
    control = {
        **batch_head(batch),
        "file": name,
        "form": str(form),
        "fileSha256": hashlib.sha256(content).hexdigest(),
    }
    return Parcel(
        batch=batch,
        number=batch.number,
        file_name=name,
        media_type=form.media_type,
        content=content,
        control=(json.dumps(control, ensure_ascii=False) + "\n").encode("utf-8"),
    )


_PLAIN_NUMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,180}[A-Za-z0-9]")


def _stem(number: str) -> str:
    """The number itself where it is fit for a file's name: then no two numbers have one name."""
    return number if _PLAIN_NUMBER.fullmatch(number) else file_name([number], suffix="")


def to_go_on_from(known: Delivery | None, *, named: bool) -> Delivery | None:
    """What of the last that is known counts as a batch is brought: one that is named is brought once more."""
    delivered = known is not None and known.state is DeliveryState.DELIVERED
    return None if named and delivered else known


def put_in_folder(folder: Path, parcel: Parcel, before: Delivery | None = None) -> Delivery | NotYet:
    """Lay the file down, whole or not at all, and look whether it was answered.

    Where ``before``, the last that is known of the batch, says that it was laid down, it is not again: the accounting
    system may have taken it out of the folder and answer later. Where it says that it was refused, the refusal has to be
    out of the folder before it is laid down anew, or nobody could tell the new answer from the old one.

    A file of that name with other bytes is never written over: that is a refusal, to be looked into.
    """
    try:
        answer = _answer_in(folder, parcel)
        if answer is not None and before is not None and before.state is DeliveryState.REFUSED is answer[0]:
            return NotYet(
                reason=f"{answer[2]} still lies in the folder. Take it away, then deliver the batch again."
            )
        if before is not None and (before.state, before.way) == (DeliveryState.DELIVERED, DeliveryWay.FOLDER):
            laid_down = before.file_digest
        else:
            laid_down = parcel.file_digest
            taken = answer is not None and answer[0] is DeliveryState.ACKNOWLEDGED
            if not taken and (unlike := _lay_down_both(folder, parcel)) is not None:
                return refused(DeliveryWay.FOLDER, parcel, unlike)
    except OSError as error:
        return NotYet(reason=f"The folder cannot be used: {error.strerror}.")
    if answer is None:
        return Delivery(state=DeliveryState.DELIVERED, way=DeliveryWay.FOLDER, file_digest=laid_down)
    state, said, _ = answer
    return answered(DeliveryWay.FOLDER, parcel, state, said, brought=laid_down)


def _lay_down_both(folder: Path, parcel: Parcel) -> str | None:
    """The control file and then the batch's; why not, where a file of the name is another."""
    control = f"{_stem(parcel.number)}.control.json"
    for name, content in ((control, parcel.control), (parcel.file_name, parcel.content)):
        if not _lay_down(folder / name, content):
            return (
                f"{name} is there already, and is another than this batch's. Take it away to lay this down."
            )
    return None


NO_LINKS = frozenset((errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL))
"""What file systems without hard links, such as FAT and many network shares, answer to one."""


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
            _name(part, path)
        except FileExistsError:
            return path.read_bytes() == content
    finally:
        part.unlink(missing_ok=True)
    _sync_folder(path.parent)
    return True


def _name(part: Path, path: Path) -> None:
    """Give the file its name, whole. Raises FileExistsError where the name is taken."""
    try:
        # Unlike a rename, a link takes nobody else's file away.
        os.link(part, path)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        # The number is this store's alone, and its lock lets one process write: nobody else gives a file this name.
        if path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        part.rename(path)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        # Some network shares know no folder that is brought to the disk; the file itself is there.
        if error.errno not in NO_LINKS:
            raise
    finally:
        os.close(handle)


def _answer_in(folder: Path, parcel: Parcel) -> tuple[DeliveryState, Mapping[str, Any], str] | None:
    """The state, what was said, and the name of the file that says it."""
    # Files of numbers with a dot or an underscore were once named with dashes.
    stems = dict.fromkeys((_stem(parcel.number), file_name([parcel.number], suffix="")))
    for suffix, state in ((".refused", DeliveryState.REFUSED), (".ack", DeliveryState.ACKNOWLEDGED)):
        for stem in stems:
            path = folder / f"{stem}{suffix}"
            if path.is_file():
                with path.open("rb") as file:
                    text = file.read(ANSWER_MAX).decode("utf-8", "replace").strip()
                return state, read_answer(text), path.name
    return None


def read_answer(text: str) -> Mapping[str, Any]:
    """An answer's object; a plain text is a reference or a reason."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    return found if isinstance(found, dict) else {"reference": text, "reason": text}


def answered(
    way: DeliveryWay,
    parcel: Parcel,
    state: DeliveryState,
    said: Mapping[str, Any],
    *,
    brought: str | None = None,
) -> Delivery:
    """What the accounting system said, held against what was delivered.

    ``brought``: the SHA-256 of the file that it has, where that was another form than the parcel's.
    """
    brought = brought or parcel.file_digest
    digest = said.get("sha256")
    if digest not in (None, brought) and not parcel.is_of_batch(digest):
        if state is DeliveryState.ACKNOWLEDGED:
            return refused(way, parcel, "It acknowledged another file than this batch's.")
        digest = None
    reason = said.get("reason") or said.get("message")
    return Delivery(
        state=state,
        way=way,
        file_digest=brought if digest is None else str(digest),
        reference=None if state is DeliveryState.REFUSED else text_of(said.get("reference")) or None,
        reason=text_of(reason) if state is DeliveryState.REFUSED else None,
    )


def refused(way: DeliveryWay, parcel: Parcel, reason: str) -> Delivery:
    """The accounting system, or who looked for it, would not have the batch."""
    return Delivery(state=DeliveryState.REFUSED, way=way, file_digest=parcel.file_digest, reason=reason)


def text_of(value: object) -> str:
    """A value of an answer as text; nothing for what is none."""
    return value if isinstance(value, str) else str(value) if isinstance(value, int) else ""
