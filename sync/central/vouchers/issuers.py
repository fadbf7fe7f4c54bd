"""Outside issuers of vouchers, behind one port: asked before a voucher is held, told when it is used or let go.

What an issuer does not answer is no answer for the till either. The one that comes with central is a file: what an issuer
hands over as a list. An issuer without one is a list in central's own store. Source: domain.md 3.5 and rule 46.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Protocol

from pos.domain.errors import Refused
from pos.domain.money import Money, currency, parse_amount
from sync.wire_json import WireJsonError, dumps, loads

INTERNAL = "internal"
"""The issuer that stands for the operator itself."""
FILE_BYTES_MAX = 1 << 26
OPEN, HELD, REDEEMED = "open", "held", "redeemed"


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerHolds:
    """The issuer keeps the voucher for this hold."""

    value: Money
    expires: date


@dataclass(frozen=True, slots=True)
class IssuerRefuses:
    """The issuer says no; the reason is for the record, not for the counter."""

    reason: str


class IssuerSilent(Exception):
    """The issuer gave no answer: what it did is unknown, and asking again is harmless."""


class VoucherIssuer(Protocol):
    """Whoever answers for vouchers. ``digest`` is that of a code; each step may be repeated under its hold's id."""

    def authorise(self, hold_id: str, digest: str) -> IssuerHolds | IssuerRefuses:
        """Keep the voucher for this hold. Raises IssuerSilent."""
        ...

    def redeem(self, hold_id: str, digest: str) -> bool:
        """It was used. False: the issuer says that another has used it. Raises IssuerSilent."""
        ...

    def release(self, hold_id: str, digest: str) -> None:
        """It was not used. Nothing happens where this hold does not keep it, or has used it. Raises IssuerSilent."""
        ...

    def give_back(self, hold_id: str, digest: str) -> bool:
        """What this hold has used is good again. False: the issuer does not allow it. Raises IssuerSilent."""
        ...


@contextmanager
def let_go_if_undone(issuers: Mapping[str, VoucherIssuer]) -> Iterator[Mapping[str, VoucherIssuer]]:
    """The same issuers, for one transaction of central's: what they keep for it is let go where it is undone."""
    kept: list[tuple[VoucherIssuer, str, str]] = []
    try:
        yield {name: _Noted(issuer, kept) for name, issuer in issuers.items()}
    except BaseException:
        for issuer, hold_id, digest in kept:
            # Whoever asks again under the same hold is answered the same.
            with suppress(IssuerSilent):
                issuer.release(hold_id, digest)
        raise


@dataclass(frozen=True, slots=True)
class _Noted(VoucherIssuer):
    """An issuer of which every hold is noted before it is asked for: an answer that is lost may be a yes."""

    issuer: VoucherIssuer
    kept: list[tuple[VoucherIssuer, str, str]]

    def authorise(self, hold_id: str, digest: str) -> IssuerHolds | IssuerRefuses:
        self.kept.append((self.issuer, hold_id, digest))
        return self.issuer.authorise(hold_id, digest)

    def redeem(self, hold_id: str, digest: str) -> bool:
        return self.issuer.redeem(hold_id, digest)

    def release(self, hold_id: str, digest: str) -> None:
        self.issuer.release(hold_id, digest)

    def give_back(self, hold_id: str, digest: str) -> bool:
        return self.issuer.give_back(hold_id, digest)


@dataclass(frozen=True, slots=True)
class FileIssuer:
    """An issuer whose vouchers are a JSON file; each change is written whole, beside it, and put in its place.

    ``{"issuer": "City Gifts", "vouchers": [{"code_sha256": "...", "value": "5.000", "currency": "KWD",
    "expires": "2027-01-31", "state": "open"}]}``; the digest is that of the code in capitals without blanks and dashes.
    """

    path: Path

    def authorise(self, hold_id: str, digest: str) -> IssuerHolds | IssuerRefuses:
        listed = self._read()
        row = _row(listed, digest)
        if row is None:
            return IssuerRefuses("unknown")
        if row.get("state", OPEN) != OPEN and row.get("hold") != hold_id:
            return IssuerRefuses("used" if row.get("state") == REDEEMED else "held for another payment")
        try:
            value = parse_amount(str(row["value"]), currency(str(row["currency"])))
            expires = date.fromisoformat(str(row["expires"]))
        except (Refused, KeyError, ValueError):
            raise IssuerSilent from None
        if row.get("state", OPEN) == OPEN:
            row |= {"state": HELD, "hold": hold_id}
            self._write(listed)
        return IssuerHolds(value=value, expires=expires)

    def redeem(self, hold_id: str, digest: str) -> bool:
        listed = self._read()
        row = _row(listed, digest)
        if row is None or (row.get("state", OPEN) != OPEN and row.get("hold") != hold_id):
            return False
        if row.get("state") != REDEEMED:
            row |= {"state": REDEEMED, "hold": hold_id}
            self._write(listed)
        return True

    def release(self, hold_id: str, digest: str) -> None:
        listed = self._read()
        row = _row(listed, digest)
        if row is not None and row.get("state") == HELD and row.get("hold") == hold_id:
            row["state"] = OPEN
            row.pop("hold")
            self._write(listed)

    def give_back(self, hold_id: str, digest: str) -> bool:
        listed = self._read()
        row = _row(listed, digest)
        if row is None:
            return False
        if row.get("state") == REDEEMED and row.get("hold") == hold_id:
            row["state"] = OPEN
            row.pop("hold")
            self._write(listed)
        return bool(row.get("state", OPEN) == OPEN)

    def _read(self) -> dict[str, Any]:
        return read_issuer_file(self.path)

    def _write(self, listed: Mapping[str, Any]) -> None:
        beside = self.path.with_suffix(".new")
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
            with os.fdopen(os.open(beside, flags, 0o600), "wb") as file:
                file.write(dumps(listed))
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self.path)
            folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise IssuerSilent(str(error)) from error


def read_issuer_file(path: Path) -> dict[str, Any]:
    """A list as it stands. Raises IssuerSilent for one that cannot be read now."""
    try:
        with path.open("rb") as file:
            body = file.read(FILE_BYTES_MAX + 1)
        listed = loads(body)
    except (OSError, WireJsonError) as error:
        raise IssuerSilent(str(error)) from error
    if not isinstance(listed, dict) or not isinstance(listed.get("vouchers"), list):
        raise IssuerSilent(f"{path.name} is no list of vouchers")
    return listed


def issuers_in(folder: Path) -> dict[str, VoucherIssuer]:
    """The issuers whose files (``*.json``) are in ``folder``, by their name as it is compared.

    Raises Refused ``bad_issuers`` naming the file that is none, or a name that two files have.
    """
    found: dict[str, VoucherIssuer] = {}
    for path in sorted(folder.glob("*.json")):
        try:
            name = read_issuer_file(path).get("issuer")
        except IssuerSilent as silent:
            raise Refused("bad_issuers", f"{path}: {silent}", file=str(path)) from None
        if not isinstance(name, str) or re.fullmatch(r"[^\x00-\x1f\x7f]{1,200}", name.strip()) is None:
            raise Refused("bad_issuers", f"{path}: issuer: a name is missing.", file=str(path))
        if folded_issuer(name) in (*found, INTERNAL):
            raise Refused("bad_issuers", f"{path}: issuer: another file has this name.", file=str(path))
        found[folded_issuer(name)] = FileIssuer(path)
    return found


def folded_issuer(issuer: str) -> str:
    """An issuer as it is compared and kept: without case and superfluous blanks; ``internal`` is the operator."""
    return " ".join(issuer.split()).casefold()


def _row(listed: Mapping[str, Any], digest: str) -> dict[str, Any] | None:
    for row in listed["vouchers"]:
        if isinstance(row, dict) and row.get("code_sha256") == digest:
            return row
    return None
