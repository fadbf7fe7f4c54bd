"""Looking at a store file before anything of it is believed: its head, its chain, its schema."""

from __future__ import annotations

from pathlib import Path

from pos.bootstrap.homes import HomePaths, Machine, refuse_no_home
from pos.bootstrap.key_files import read_keys
from pos.store import migrate
from pos.store.head_check import head_fault
from pos.store.high_water import HighWater
from pos.store.till_keys import newest_key
from pos.till.verify import Finding
from pos.till.verify_rows import chain_findings, verify_rows


def store_findings(folder: Path, machine: Machine, *, full: bool = False) -> list[Finding]:
    """What was done to the store from outside. Nothing of what its rows say is used, so no row can hide another.

    ``full``: the file is looked at as nightly, every index and reference of it.

    Raises Refused ``no_home`` or ``store_is_newer``, StoreError ``store_damaged`` or where a key is missing.
    """
    paths = HomePaths(home=folder)
    refuse_no_home(paths)
    database = machine.open_store(paths.till_db, read_only=True)
    try:
        if full:
            database.full_check()
        else:
            database.quick_check()
        with database.read() as connection:
            named = newest_key(connection)
        keys = read_keys(paths.keys, named) if (paths.keys / "marks.key").exists() else None
        former = () if keys is None else keys.former.values()
        water = None if keys is None else HighWater(paths.high_water, keys.chain, former).last
        with database.read() as connection:
            version = migrate.schema_version(connection)
            migrate.refuse_newer(version)
            if keys is None:
                # An older program's home: it is brought up to date first, which looks at the chain too.
                return []
            if version != migrate.HEAD:
                return chain_findings(connection, keys)
            fault = head_fault(connection, keys, water)
            head = [] if fault is None else [Finding(check=fault.code, where=paths.till_db.name)]
            if fault is None and water is None:
                head.append(Finding(check="mark_lost", where=paths.high_water.name))
            return head + verify_rows(connection, keys)
    finally:
        database.close()
