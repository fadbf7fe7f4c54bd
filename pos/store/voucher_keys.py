"""The operator's public keys, as central told them: what a voucher's signature is held against without central."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from pos.domain.signature import letters_of
from pos.domain.signed_voucher import VoucherKey, read_public_key


def put_voucher_keys(connection: Connection, keys: Iterable[VoucherKey]) -> None:
    """Write the keys as told; one that is not told any more stays, for vouchers under it may still be about."""
    rows = [(key.key_id, letters_of(key.public_key), int(key.withdrawn)) for key in keys]
    if rows:
        connection.exec_driver_sql(
            "INSERT INTO voucher_key (key_id, public_key, withdrawn) VALUES (?, ?, ?) "
            "ON CONFLICT (key_id) DO UPDATE SET withdrawn = max(withdrawn, excluded.withdrawn)",
            rows,
        )


def voucher_keys(connection: Connection) -> dict[str, VoucherKey]:
    """Every key that is known here, by its id."""
    found: dict[str, VoucherKey] = {}
    for key_id, letters, withdrawn in connection.exec_driver_sql(
        "SELECT key_id, public_key, withdrawn FROM voucher_key"
    ):
        public_key = read_public_key(letters)
        if public_key is not None:
            found[key_id] = VoucherKey(key_id=key_id, public_key=public_key, withdrawn=bool(withdrawn))
    return found
