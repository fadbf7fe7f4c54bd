"""Our own vouchers as they are printed: a code that carries what the voucher says, under the operator's signature.

A till that cannot reach central reads all it must know off the code itself. It is 180 letters without case, made to be
scanned; blanks and dashes in it do not count. A code that is typed is shorter, says nothing, and is known to central alone.
Source: domain.md 3.5 and rule 46.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from pos.domain.errors import Refused
from pos.domain.money import Money, currency
from pos.domain.signature import (
    KEY_BYTES,
    KEY_ID_BYTES,
    SIGNATURE_BYTES,
    bytes_of,
    is_signed,
    letters_for,
    letters_of,
    sign,
)
from pos.domain.voucher import Residual, VoucherTerms, plain_code

MARK = "CFVA"
"""How every signed code begins. The last letter is the version of its form."""
TYPED_MAX = 40
"""No code that is typed is longer; whatever is, is meant to be a signed one."""
SERIAL_BYTES = 8
ACCOUNT_MARK_BYTES = 8

_FORM = struct.Struct(f">B{KEY_ID_BYTES}s{SERIAL_BYTES}s7s2sH7s{ACCOUNT_MARK_BYTES}s")
"""Flags, key, serial, value, currency, last day, least bill, account: numbers in minor units, days since 2000."""
_AMOUNT_BYTES = 7
_CURRENCY_BYTES = 2
_FIRST_DAY = date(2000, 1, 1)
_COMBINABLE = 0b1
_RESIDUALS = (Residual.FORFEIT, Residual.CREDIT, Residual.NEW_VOUCHER)
_CODE_BYTES = _FORM.size + SIGNATURE_BYTES
CODE_LETTERS = len(MARK) + letters_for(_CODE_BYTES)
_NO_ACCOUNT = bytes(ACCOUNT_MARK_BYTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class VoucherKey:
    """A public key of the operator's. A withdrawn one vouches for nothing any more."""

    key_id: str
    public_key: bytes
    withdrawn: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedVoucher:
    """What a signed code says. ``serial`` tells it from every other; ``account_mark`` is of the account it is bound to."""

    key_id: str
    serial: str
    terms: VoucherTerms
    account_mark: bytes | None = None

    def serves(self, account: str) -> bool:
        """Whether it is bound to no account, or to this one."""
        return self.account_mark in (None, account_mark(account))


def account_mark(account: str) -> bytes:
    """What a code holds of the account it is bound to: enough to compare, not enough to read."""
    return hashlib.sha256(account.encode()).digest()[:ACCOUNT_MARK_BYTES]


def is_signed_form(code: str) -> bool:
    """Whether ``code`` means to be a signed one; it may be none all the same."""
    plain = plain_code(code)
    return plain.startswith(MARK) or len(plain) > TYPED_MAX


def write_code(voucher: SignedVoucher, private_key: bytes) -> str:
    """The code of ``voucher``, signed. The same voucher and key always give the same code."""
    body = _packed(voucher)
    return MARK + letters_of(body + sign(private_key, MARK.encode() + body))


def read_code(code: str) -> SignedVoucher:
    """What a code says, whoever wrote it. Raises Refused ``voucher_not_genuine`` for one that is of no such form."""
    return _unpacked(_bytes_of(code)[: _FORM.size])


def require_genuine(code: str, keys: Mapping[str, VoucherKey]) -> SignedVoucher:
    """What a code says that one of ``keys`` (by id) signed.

    Raises Refused ``voucher_not_genuine`` for a forged, altered or cut one, ``voucher_key_unknown`` or
    ``voucher_key_withdrawn`` where nothing can be said of it with these keys.
    """
    data = _bytes_of(code)
    body, signature = data[: _FORM.size], data[_FORM.size :]
    voucher = _unpacked(body)
    key = keys.get(voucher.key_id)
    if key is None:
        raise Refused(
            "voucher_key_unknown",
            "This voucher's signature is of a key that is not known here.",
            key=voucher.key_id,
        )
    if not is_signed(key.public_key, signature, MARK.encode() + body):
        raise _not_genuine()
    if key.withdrawn:
        raise Refused(
            "voucher_key_withdrawn", "This voucher's signature does not count any more.", key=voucher.key_id
        )
    return voucher


def in_groups(code: str, size: int = 6) -> str:
    """A code as a person can read it out: in groups, with blanks that do not count."""
    return " ".join(code[start : start + size] for start in range(0, len(code), size))


def read_public_key(letters: str) -> bytes | None:
    """A public key from its letters; None where they are none."""
    return bytes_of(letters, KEY_BYTES)


def _packed(voucher: SignedVoucher) -> bytes:
    terms = voucher.terms
    key, serial = bytes_of(voucher.key_id, KEY_ID_BYTES), bytes_of(voucher.serial, SERIAL_BYTES)
    assert key is not None, "a key's id is in letters"
    assert serial is not None, "a serial is in letters"
    minimum = 0 if terms.minimum is None else terms.minimum.minor
    return _FORM.pack(
        _RESIDUALS.index(terms.residual) << 1 | (_COMBINABLE if terms.combinable else 0),
        key,
        serial,
        terms.value.minor.to_bytes(_AMOUNT_BYTES, "big"),
        _code_number(terms.value.currency.code).to_bytes(_CURRENCY_BYTES, "big"),
        (terms.expires - _FIRST_DAY).days,
        minimum.to_bytes(_AMOUNT_BYTES, "big"),
        voucher.account_mark or _NO_ACCOUNT,
    )


def _unpacked(body: bytes) -> SignedVoucher:
    flags, key, serial, value, unit, days, minimum, account = _FORM.unpack(body)
    residual, code = flags >> 1, _code_of(int.from_bytes(unit, "big"))
    if residual >= len(_RESIDUALS) or code is None or not any(value):
        raise _not_genuine()
    try:
        in_currency = currency(code)
        expires = date.fromordinal(_FIRST_DAY.toordinal() + days)
    except Refused:
        raise _not_genuine() from None
    least = int.from_bytes(minimum, "big")
    return SignedVoucher(
        key_id=letters_of(key),
        serial=letters_of(serial),
        terms=VoucherTerms(
            value=Money(int.from_bytes(value, "big"), in_currency),
            expires=expires,
            residual=_RESIDUALS[residual],
            combinable=bool(flags & _COMBINABLE),
            minimum=Money(least, in_currency) if least else None,
        ),
        account_mark=None if account == _NO_ACCOUNT else account,
    )


def _bytes_of(code: str) -> bytes:
    plain = plain_code(code)
    # Some letters of other scripts become one of ours in upper case.
    if not code.isascii() or len(plain) != CODE_LETTERS or not plain.startswith(MARK):
        raise _not_genuine()
    data = bytes_of(plain[len(MARK) :], _CODE_BYTES)
    if data is None:
        raise _not_genuine()
    return data


def _code_number(code: str) -> int:
    number = 0
    for letter in code:
        number = number * 26 + ord(letter) - ord("A")
    return number


def _code_of(number: int) -> str | None:
    letters = ""
    for _ in range(3):
        number, place = divmod(number, 26)
        letters = chr(ord("A") + place) + letters
    return letters if number == 0 else None


def _not_genuine() -> Refused:
    return Refused(
        "voucher_not_genuine",
        "This is no voucher of ours, or not all of its code. Scan it again, or choose another way.",
    )
