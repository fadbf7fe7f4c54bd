"""Issuing vouchers of our own: asked for by a till under its own id, signed, told, and kept by their digest alone.

A code is not kept: the same voucher under the same key always has the same one, so it can be told once more to whoever
lost the answer, until it is known to be on paper. Source: domain.md 3.5 and rule 46.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from pos.domain.money import Money, currency
from pos.domain.ports import Randomness
from pos.domain.signature import letters_of
from pos.domain.signed_voucher import SERIAL_BYTES, SignedVoucher, account_mark, write_code
from pos.domain.voucher import Residual, VoucherTerms, code_digest
from sync.central.vouchers.issuers import INTERNAL
from sync.central.vouchers.keys import current_key, key_of
from sync.central.wire.errors import ApiError
from sync.wire_json import dumps


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueAsked:
    """A voucher as it is asked for. ``issue_id`` is the till's own and makes a retry harmless."""

    issue_id: str
    terminal: str
    terms: VoucherTerms
    account_id: str | None

    def sha256(self) -> str:
        """What tells two askings under one id apart."""
        terms = self.terms
        minimum = "" if terms.minimum is None else terms.minimum.plain()
        parts = [
            self.terminal,
            terms.value.plain(),
            terms.value.currency.code,
            terms.expires.isoformat(),
            minimum,
        ]
        return hashlib.sha256(
            dumps([*parts, str(terms.combinable), str(terms.residual), self.account_id or ""])
        ).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A voucher with its code. ``again``: it was issued before, under the same id."""

    serial: str
    key_id: str
    code: str
    terms: VoucherTerms
    again: bool


def issue(connection: Connection, asked: IssueAsked, randomness: Randomness, *, at: datetime) -> Issued:
    """Issue a voucher, or tell again the one that this id was given. Raises ApiError 422 where it was asked otherwise."""
    known = connection.execute(FIND_ISSUED, {"issue_id": asked.issue_id}).one_or_none()
    if known is not None:
        if known.asked_sha256 != asked.sha256():
            raise ApiError(422, "key_reused", "This id was used for another voucher. Nothing was changed.")
        return _told_again(connection, known)
    return make_voucher(
        connection,
        asked.terms,
        asked.account_id,
        randomness,
        at=at,
        why={"issue_id": asked.issue_id, "asked_sha256": asked.sha256(), "promised_by": None},
    )


def promise_rest(
    connection: Connection,
    terms: VoucherTerms,
    account_id: str | None,
    hold_id: str,
    randomness: Randomness,
    *,
    at: datetime,
) -> None:
    """A voucher over what a payment will leave of another. It counts once the hold was redeemed, not before."""
    make_voucher(
        connection,
        terms,
        account_id,
        randomness,
        at=at,
        why={"issue_id": None, "asked_sha256": None, "promised_by": hold_id},
    )


def make_voucher(
    connection: Connection,
    terms: VoucherTerms,
    account_id: str | None,
    randomness: Randomness,
    *,
    at: datetime,
    why: Mapping[str, str | None],
) -> Issued:
    """Sign and write down a new voucher; ``why`` says which asking or hold it comes of."""
    key = current_key(connection, randomness, at=at)
    signed = SignedVoucher(
        key_id=key.key_id,
        serial=letters_of(randomness.token_bytes(SERIAL_BYTES)),
        terms=terms,
        account_mark=None if account_id is None else account_mark(account_id),
    )
    code = write_code(signed, key.private_key)
    voucher_id = hashlib.sha256(dumps([INTERNAL, code_digest(code)])).hexdigest()
    connection.execute(
        INSERT_VOUCHER,
        {
            "id": voucher_id,
            "digest": code_digest(code),
            "value_minor": terms.value.minor,
            "currency": terms.value.currency.code,
            "expires": terms.expires.isoformat(),
            "account_id": account_id,
        },
    )
    connection.execute(
        INSERT_TERMS,
        {
            "voucher_id": voucher_id,
            "residual": str(terms.residual),
            "combinable": int(terms.combinable),
            "minimum_minor": None if terms.minimum is None else terms.minimum.minor,
            "serial": signed.serial,
            "key_id": key.key_id,
            "made_at": at.astimezone(UTC).isoformat(timespec="microseconds"),
            **why,
        },
    )
    return Issued(serial=signed.serial, key_id=key.key_id, code=code, terms=terms, again=False)


def rest_of(connection: Connection, hold_id: str) -> Issued:
    """The voucher over what is left of a held one, for its slip.

    Raises ApiError 404 where nothing was left, 409 ``voucher_not_issued_yet`` until the payment that leaves it has come,
    410 ``voucher_rest_told`` once it is on paper.
    """
    row = connection.execute(FIND_REST, {"hold_id": hold_id}).one_or_none()
    if row is None:
        raise ApiError(404, "not_found", "There is no resource of this id.")
    if not is_redeemed(connection, hold_id):
        raise ApiError(
            409, "voucher_not_issued_yet", "The payment that leaves this voucher has not come yet. Ask later."
        )
    if row.told_at is not None:
        raise ApiError(410, "voucher_rest_told", "This voucher was printed. Its code is told once.")
    return _told_again(connection, row)


def is_redeemed(connection: Connection, hold_id: str) -> bool:
    """Whether a payment has used what was held under this id."""
    return connection.execute(FIND_REDEEMED, {"hold_id": hold_id}).first() is not None


def note_printed(connection: Connection, hold_id: str, *, at: datetime) -> None:
    """The rest of this hold's voucher is on paper: its code is not told again."""
    connection.execute(
        MARK_TOLD, {"hold_id": hold_id, "at": at.astimezone(UTC).isoformat(timespec="microseconds")}
    )


def _told_again(connection: Connection, row: Row[Any]) -> Issued:
    key = key_of(connection, row.key_id)
    assert key is not None, "a voucher that was issued here has its key here"
    terms = terms_of(row)
    signed = SignedVoucher(
        key_id=row.key_id,
        serial=row.serial,
        terms=terms,
        account_mark=None if row.account_id is None else account_mark(row.account_id),
    )
    code = write_code(signed, key.private_key)
    return Issued(serial=row.serial, key_id=row.key_id, code=code, terms=terms, again=True)


def terms_of(row: Row[Any]) -> VoucherTerms:
    """What a voucher's row and its terms say; a voucher without terms of its own has the plainest."""
    in_currency = currency(row.currency)
    return VoucherTerms(
        value=Money(row.value_minor, in_currency),
        expires=date.fromisoformat(row.expires),
        residual=Residual(row.residual or Residual.FORFEIT),
        combinable=row.combinable is None or bool(row.combinable),
        minimum=None if row.minimum_minor is None else Money(row.minimum_minor, in_currency),
    )


INSERT_VOUCHER = text(
    "INSERT INTO voucher (id, digest, issuer, value_minor, currency, expires, account_id)"
    " VALUES (:id, :digest, 'internal', :value_minor, :currency, :expires, :account_id)"
)
INSERT_TERMS = text(
    "INSERT INTO voucher_terms (voucher_id, residual, combinable, minimum_minor, serial, key_id, promised_by,"
    " issue_id, asked_sha256, made_at) VALUES (:voucher_id, :residual, :combinable, :minimum_minor, :serial, :key_id,"
    " :promised_by, :issue_id, :asked_sha256, :made_at)"
)
_ISSUED = (
    "SELECT voucher.id, value_minor, currency, voucher.expires, account_id, residual, combinable, minimum_minor,"
    " serial, key_id, asked_sha256, told_at"
)
_BOTH = " FROM voucher_terms AS terms JOIN voucher ON voucher.id = terms.voucher_id"
FIND_ISSUED = text(f"{_ISSUED}{_BOTH} WHERE terms.issue_id = :issue_id")
FIND_REST = text(f"{_ISSUED}{_BOTH} WHERE terms.promised_by = :hold_id")
FIND_REDEEMED = text("SELECT voucher_id FROM voucher_redemption WHERE hold_id = :hold_id")
MARK_TOLD = text("UPDATE voucher_terms SET told_at = :at WHERE promised_by = :hold_id AND told_at IS NULL")
