"""Vouchers loaded into central: from a fixture, and from what an older store kept."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, text

from pos.domain.errors import Refused
from pos.domain.money import currency, parse_amount
from pos.domain.signed_voucher import is_signed_form, read_code
from pos.domain.voucher import Residual, code_digest
from sync.central.vouchers.issuers import INTERNAL, folded_issuer
from sync.central.vouchers.vouchers import digests_of, find_voucher
from sync.central.wire.links import RESOURCE_ID
from sync.wire_json import BadField, WireJsonError, dumps, loads

NAME_MAX = 200


def load_vouchers(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write vouchers, or what differs of them; holds and redemptions stay. Raises BadField naming the row."""
    seen: set[tuple[object, str]] = set()
    for index, row in enumerate(rows):
        code = row.get("code")
        if not isinstance(code, str) or not 0 < len(code) <= NAME_MAX:
            raise BadField(f"vouchers[{index}].code", "must be text")
        values = _voucher_values(row, f"vouchers[{index}]")
        key = (values["issuer"], code_digest(code))
        if key in seen:
            raise BadField(f"vouchers[{index}].code", "stands there twice for one issuer")
        seen.add(key)
        terms = _terms(row, code, values, f"vouchers[{index}]")
        _put_voucher(connection, values, digests_of(code), f"vouchers[{index}]", terms)


def carry_vouchers(connection: Connection) -> None:
    """Vouchers that an older store kept as rows of its fixture, under the digest of the code as it was written."""
    for body in connection.execute(READ_OLD_ROWS).scalars().all():
        try:
            row = loads(body)
            digest = row["code_sha256"]
            if isinstance(digest, str) and re.fullmatch(r"[0-9a-f]{64}", digest):
                _put_voucher(connection, _voucher_values(row, "vouchers"), (digest,), "vouchers")
        except (WireJsonError, KeyError, TypeError, AttributeError):
            continue  # It can be loaded again; a store must open all the same.


def _put_voucher(
    connection: Connection,
    values: Mapping[str, Any],
    digests: Sequence[str],
    path: str,
    terms: Mapping[str, Any] | None = None,
) -> None:
    known = find_voucher(connection, values["issuer"], digests)
    if known is None:
        voucher_id = hashlib.sha256(dumps([values["issuer"], digests[0]])).hexdigest()
        connection.execute(INSERT_VOUCHER, {**values, "id": voucher_id, "digest": digests[0]})
        if terms is not None:
            connection.execute(UPSERT_TERMS, {**terms, "voucher_id": voucher_id})
        return
    worth = (values["value_minor"], values["currency"])
    if (known.value_minor, known.currency) != worth and (
        connection.execute(FIND_PROMISE, {"voucher_id": known.id}).first() is not None
    ):
        raise BadField(f"{path}.value", "differs from what the voucher is held or was used for")
    connection.execute(UPDATE_VOUCHER, {**values, "id": known.id, "digest": digests[0]})
    if terms is not None:
        connection.execute(UPSERT_TERMS, {**terms, "voucher_id": known.id})


def _terms(row: Mapping[str, Any], code: str, values: Mapping[str, Any], path: str) -> dict[str, Any] | None:
    """What the voucher says beside its value; None where it says nothing more. A signed code must say the same."""
    residual, combinable = row.get("residual", Residual.FORFEIT), row.get("combinable", True)
    minimum = row.get("minimum_bill")
    if not isinstance(residual, str) or residual not in set(Residual) or not isinstance(combinable, bool):
        raise BadField(
            f"{path}.residual, combinable", f"must be one of {', '.join(Residual)}, and true or false"
        )
    try:
        least = None if minimum is None else parse_amount(str(minimum), currency(values["currency"])).minor
        signed = read_code(code) if values["issuer"] == INTERNAL and is_signed_form(code) else None
    except Refused as refusal:
        raise BadField(f"{path}.code, minimum_bill", refusal.message) from None
    terms = {
        "residual": str(residual),
        "combinable": int(combinable),
        "minimum_minor": least,
        "serial": None if signed is None else signed.serial,
        "key_id": None if signed is None else signed.key_id,
    }
    if signed is not None:
        said = signed.terms
        told = (said.value.minor, said.value.currency.code, said.expires.isoformat(), str(said.residual))
        told_more = (int(said.combinable), None if said.minimum is None else said.minimum.minor)
        wanted = (values["value_minor"], values["currency"], values["expires"], terms["residual"])
        if (*told, *told_more) != (*wanted, terms["combinable"], least):
            raise BadField(f"{path}.code", "is signed for another value, day or rule than stands here")
    plain = {"residual": "forfeit", "combinable": 1, "minimum_minor": None, "serial": None, "key_id": None}
    return None if terms == plain else terms


def _voucher_values(row: Mapping[str, Any], path: str) -> dict[str, Any]:
    value_text, code, expires = row.get("value"), row.get("currency"), row.get("expires")
    issuer, account = row.get("issuer", INTERNAL), row.get("account")
    if not isinstance(value_text, str) or not isinstance(code, str):
        raise BadField(f"{path}.value, currency", "must be text")
    try:
        value = parse_amount(value_text, currency(code))
    except Refused as refusal:
        raise BadField(f"{path}.value, currency", refusal.message) from None
    if not isinstance(expires, str) or re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", expires) is None:
        raise BadField(f"{path}.expires", "must be a day, such as 2026-11-21")
    try:
        last_day = date.fromisoformat(expires)
    except ValueError:
        raise BadField(f"{path}.expires", "must be a day, such as 2026-11-21") from None
    if not isinstance(issuer, str) or not issuer.strip() or len(issuer) > NAME_MAX:
        raise BadField(f"{path}.issuer", "must be internal or a name")
    if account is not None and (not isinstance(account, str) or RESOURCE_ID.fullmatch(account) is None):
        raise BadField(f"{path}.account", "must be an account, or null")
    return {
        "issuer": folded_issuer(issuer),
        "value_minor": value.minor,
        "currency": value.currency.code,
        "expires": last_day.isoformat(),
        "account_id": account,
    }


INSERT_VOUCHER = text(
    "INSERT INTO voucher (id, digest, issuer, value_minor, currency, expires, account_id)"
    " VALUES (:id, :digest, :issuer, :value_minor, :currency, :expires, :account_id)"
)
UPDATE_VOUCHER = text(
    "UPDATE voucher SET digest = :digest, value_minor = :value_minor, currency = :currency,"
    " expires = :expires, account_id = :account_id WHERE id = :id"
)
UPSERT_TERMS = text(
    "INSERT INTO voucher_terms (voucher_id, residual, combinable, minimum_minor, serial, key_id)"
    " VALUES (:voucher_id, :residual, :combinable, :minimum_minor, :serial, :key_id)"
    " ON CONFLICT (voucher_id) DO UPDATE SET residual = excluded.residual, combinable = excluded.combinable,"
    " minimum_minor = excluded.minimum_minor"
)
READ_OLD_ROWS = text("SELECT body FROM fixture_row WHERE kind = 'vouchers' ORDER BY position")
FIND_PROMISE = text(
    "SELECT id FROM voucher_hold WHERE voucher_id = :voucher_id"
    " AND (released_at IS NULL OR replaced_by IS NOT NULL) LIMIT 1"
)
