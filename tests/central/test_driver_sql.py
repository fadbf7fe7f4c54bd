"""Statements that go straight to the driver mean what they mean through the library."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from sync.central.store.database import CentralStore
from sync.central.store.driver_sql import PREPARED_MAX, straight

pytestmark = pytest.mark.both_stores


@pytest.fixture
def store(empty_store: CentralStore) -> CentralStore:
    with empty_store.write() as connection:
        connection.execute(text("CREATE TABLE noted (word TEXT PRIMARY KEY)"))
        connection.execute(text("INSERT INTO noted (word) VALUES ('Amal Haddad')"))
    return empty_store


def broken_off(connection: Connection) -> Connection:
    driver = connection.connection.dbapi_connection
    assert driver is not None
    driver.close()
    return connection


def test_a_table_that_is_gone_is_a_store_that_cannot_be_used(store: CentralStore) -> None:
    with pytest.raises(OperationalError), store.write() as connection:
        straight(connection).execute(text("SELECT word FROM nowhere"))


def test_a_value_that_is_there_already_is_a_broken_rule_and_is_not_told(store: CentralStore) -> None:
    statement = text("INSERT INTO noted (word) VALUES (:word)")
    with pytest.raises(IntegrityError) as refused, store.write() as connection:
        straight(connection).execute(statement, {"word": "Amal Haddad"})
    assert "Haddad" not in str(refused.value)


def test_a_connection_that_broke_off_is_not_lent_again(store: CentralStore) -> None:
    """What the library learns of its own statements it learns of these."""
    with pytest.raises(DBAPIError), store.write() as connection:
        straight(broken_off(connection)).execute(text("SELECT word FROM noted"))
    with store.read() as connection:
        assert straight(connection).execute(text("SELECT word FROM noted")).scalars().all() == ["Amal Haddad"]


def test_however_many_statements_are_made_for_one_use_all_are_carried_out(store: CentralStore) -> None:
    constant = text("SELECT word FROM noted")
    with store.read() as connection:
        quick = straight(connection)
        told = [quick.execute(text(f"SELECT {number}")).scalar_one() for number in range(PREPARED_MAX + 1)]
        assert told == list(range(PREPARED_MAX + 1))
        assert quick.execute(constant).scalars().all() == ["Amal Haddad"]
