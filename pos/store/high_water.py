"""How far the books have come, in a small file beside the store: an older store put back is noticed when it is opened.

Written after each commit and never flushed: what is lost of it leaves an older mark, which stands in the chain as well. So
it is always behind the store or level with it, and an honest till never meets a mark that its store lacks. Two places are
written in turn, so that a torn write spoils at most the newer one. Source: reliability.md sections 0.8 and 2 (25, 41).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

_PLACE = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class WaterMark:
    """A link that the store once had, and the last receipt that was printed by then; empty where there was none."""

    chain_no: int
    mark: str
    receipt: str


class HighWater:
    """The file of one home. What it says is marked under the chain's key, or one that it had before, or not believed."""

    def __init__(self, path: Path, key: bytes, former: Collection[bytes] = ()) -> None:
        self._path = path
        self._key = key
        self._former = tuple(former)
        self._file: int | None = None
        self.last = self.read()

    def read(self) -> WaterMark | None:
        """The highest mark that is whole and marked by the key; None for a file that has none, or no file."""
        try:
            content = self._path.read_bytes()
        except OSError:
            return None
        places = (content[:_PLACE], content[_PLACE : 2 * _PLACE])
        whole = [mark for mark in map(self._read_place, places) if mark is not None]
        return max(whole, key=lambda mark: mark.chain_no, default=None)

    def _read_place(self, place: bytes) -> WaterMark | None:
        text, _, code = place.rstrip(b"\n ").rpartition(b" ")
        if not any(hmac.compare_digest(code, _code(key, text)) for key in (self._key, *self._former)):
            return None
        chain_no, mark, receipt = json.loads(text)
        return WaterMark(chain_no=chain_no, mark=mark, receipt=receipt)

    def rise(self, chain_no: int, mark: str, receipt: str | None) -> None:
        """Remember the link of a transaction that is committed. Never raises: no sale fails for the sake of this."""
        known = self.last.receipt if self.last is not None else ""
        self.last = WaterMark(chain_no=chain_no, mark=mark, receipt=receipt or known)
        text = json.dumps([chain_no, mark, self.last.receipt], ensure_ascii=True).encode()
        place = (text + b" " + _code(self._key, text)).ljust(_PLACE - 1) + b"\n"
        try:
            os.pwrite(self._opened(), place, _PLACE * (chain_no % 2))
        except OSError:
            return

    def begin_anew(self, chain_no: int, mark: str) -> None:
        """Forget what was before: the store was made, brought up to date or restored, and this is its head. Flushed."""
        self.close()
        self._path.unlink(missing_ok=True)
        self.rise(chain_no, mark, None)
        os.fsync(self._opened())

    def _opened(self) -> int:
        if self._file is None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            self._file = os.open(self._path, flags, 0o600)
        return self._file

    def close(self) -> None:
        """Let the file go."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _code(key: bytes, text: bytes) -> bytes:
    return hmac.digest(key, b"high water " + text, hashlib.sha256).hex().encode()
