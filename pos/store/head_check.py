"""What is looked at before anything is sold: is the key the store's own, is its last link, is it the store of yesterday."""

from __future__ import annotations

import sqlite3

from sqlalchemy import Connection

from pos.store.chain import GENESIS, link_mark
from pos.store.database import StoreError, store_altered
from pos.store.high_water import WaterMark
from pos.store.till_keys import TillKeys, fingerprint_of
from pos.store.verify_chain import KeyRing


def head_fault(connection: Connection, keys: TillKeys, water: WaterMark | None) -> StoreError | None:
    """The first reason not to sell on this store; None where there is none. It takes two rows to tell.

    ``water`` must have been read before ``connection`` was.
    """
    known = connection.exec_driver_sql(
        "SELECT fingerprint FROM chain_key ORDER BY number DESC LIMIT 1"
    ).scalar_one_or_none()
    if known != fingerprint_of(keys.chain):
        return StoreError(
            "chain_key_wrong",
            "The key file keys/chain.key is not the one that this store was written with. Nothing can be sold until the "
            "right one is back.",
            exit_code=6,
        )
    links = connection.exec_driver_sql(
        "SELECT chain_no, source, rows, mark FROM chain_link ORDER BY chain_no DESC LIMIT 2"
    ).all()
    if not links:
        return store_altered("chain_link")
    last = links[0]
    previous = links[1].mark if len(links) > 1 else GENESIS
    raw = connection.connection.dbapi_connection
    assert isinstance(raw, sqlite3.Connection)
    # The link that changed the keys is the last one under the former key.
    key = KeyRing(raw, keys).of(int(last.chain_no)) or keys.chain
    if link_mark(key, previous, last.chain_no, last.source, str(last.rows)) != last.mark:
        return store_altered(f"chain_link {last.chain_no}")
    return _behind(connection, water)


def _behind(connection: Connection, water: WaterMark | None) -> StoreError | None:
    if water is None:
        return None
    found = connection.exec_driver_sql(
        "SELECT mark FROM chain_link WHERE chain_no = ?", (water.chain_no,)
    ).scalar_one_or_none()
    if found == water.mark:
        return None
    told = f" (receipt {water.receipt} was printed since)" if found is None and water.receipt else ""
    return StoreError(
        "store_rolled_back",
        f"This store is not the one that was last used here: an older or another file was put in its place{told}. Nothing "
        "can be sold on it. Put the right file back, or run pos restore.",
        exit_code=6,
    )
