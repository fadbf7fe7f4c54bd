"""A file of a bank, opened: small enough, of a form that is known, its sums held against it before anything is done.

It is read as often as it is needed, each time from its beginning and piece by piece. The copy that is read is private, so
that what was looked at is what is carried out. Source: domain.md 3.10; reliability.md section 4.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

from pos.domain.bank_file import BankEntry, FileHead
from pos.domain.errors import Refused
from pos.domain.flat_profile import FlatProfile
from pos.domain.money import MAX_MINOR, Currency, Money
from sync.files.faults import bad_file, too_many_entries
from sync.files.flat import read_flat
from sync.files.iso20022 import read_iso20022
from sync.files.sums import Sums

CHUNK_BYTES = 1024 * 1024
ISO20022 = "iso20022"
_PACKED = {b"\x1f\x8b": "gzip", b"PK": "zip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"7z\xbc\xaf": "7z"}


@dataclass(frozen=True, slots=True, kw_only=True)
class BankFile:
    """A whole file whose sums hold. ``paid`` and ``back`` are what its entries pay in and take back.

    ``charges`` is what the bank kept of the one, or took beside the other.
    """

    digest: str
    name: str
    profile: str
    head: FileHead
    entries: int
    left_out: int
    paid: Money
    back: Money
    charges: Money
    _copy: BinaryIO
    _layout: FlatProfile | None
    _shop: Currency
    _sums: Sums

    def read(self) -> Iterator[BankEntry]:
        """Every entry, from the first."""
        return _entries(self._copy, self._layout, self._shop, Sums(), self.digest, self._sums)


@contextmanager
def open_bank_file(
    path: Path,
    *,
    layout: FlatProfile | None,
    shop: Currency,
    bytes_max: int,
    folder: Path,
    entries_max: int | None = None,
) -> Iterator[BankFile]:
    """Copy ``path`` privately into ``folder``, and look at all of it. ``layout`` None: ISO 20022.

    Raises Refused ``file_too_large``, ``too_many_entries``, ``bad_file`` or ``sums_differ``.
    """
    with TemporaryFile(dir=folder) as copy:
        digest = _copy(path, copy, bytes_max)
        sums = Sums()
        for _ in _entries(copy, layout, shop, sums, digest):
            if entries_max is not None and sums.entries > entries_max:
                raise too_many_entries(entries_max)
        assert sums.head is not None, "a file that was read has a head"
        yield BankFile(
            digest=digest,
            name=path.name[:100],
            profile=ISO20022 if layout is None else layout.name,
            head=sums.head,
            entries=sums.entries,
            left_out=sums.left_out,
            paid=_money(sums, str(sums.paid), shop),
            back=_money(sums, str(sums.back), shop),
            charges=_money(sums, format(max(sums.charges, Decimal(0)), "f"), shop),
            _copy=copy,
            _layout=layout,
            _shop=shop,
            _sums=sums,
        )


def _entries(
    copy: BinaryIO,
    layout: FlatProfile | None,
    shop: Currency,
    sums: Sums,
    digest: str,
    known: Sums | None = None,
) -> Iterator[BankEntry]:
    copy.seek(0)
    if layout is None:
        yield from read_iso20022(copy, sums, known)
        return
    # The reader closes what it reads from; the copy is read again.
    with os.fdopen(os.dup(copy.fileno()), "rb") as again:
        again.seek(0)
        yield from read_flat(again, layout, shop, sums, digest=digest)


def _copy(path: Path, copy: BinaryIO, bytes_max: int) -> str:
    found = hashlib.sha256()
    size = 0
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size > bytes_max:
                raise _too_large(bytes_max)
            while chunk := file.read(CHUNK_BYTES):
                if not size:
                    _refuse_packed(chunk)
                size += len(chunk)
                if size > bytes_max:
                    raise _too_large(bytes_max)
                found.update(chunk)
                copy.write(chunk)
    except OSError as error:
        raise bad_file(f"it cannot be read ({error.strerror}).") from error
    if not size:
        raise bad_file("it is empty.")
    copy.flush()
    return found.hexdigest()


def _too_large(bytes_max: int) -> Refused:
    return Refused(
        "file_too_large",
        f"The file has more than {bytes_max} bytes. Nothing was done. Ask the bank to split it.",
    )


def _refuse_packed(beginning: bytes) -> None:
    """A packed file is never unpacked here: a small one may be a very large one."""
    for magic, form in _PACKED.items():
        if beginning.startswith(magic):
            raise bad_file(f"it is packed ({form}). Unpack it first.")


def _money(sums: Sums, text: str, shop: Currency) -> Money:
    """In the shop's currency, to its last digit; of a file in another the run is refused before this matters."""
    assert sums.head is not None
    if sums.head.currency not in ("", shop.code):
        return Money(0, shop)
    return Money(_scaled(text, shop.exponent), shop)


def _scaled(text: str, exponent: int) -> int:
    whole, _, decimals = text.partition(".")
    rest = decimals[exponent:].strip("0")
    if rest:
        raise bad_file("an amount of it has more decimals than its currency.")
    minor = int(whole + decimals[:exponent].ljust(exponent, "0"))
    if minor >= MAX_MINOR:
        raise bad_file("its sum is too large to be one.")
    return minor
