"""On PostgreSQL the database shows a dealer's request nothing of other dealers, also where a condition was forgotten."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from sync.central.operating.fixture import load_fixture
from sync.central.schema.opening import open_central
from sync.central.store.database import CentralStore
from sync.central.wire.callers import USUAL_SCOPES, Caller, ClientKind, asked_by
from tests.central.auth_builders import bearer, client_of, guarded
from tests.central.central_builders import SteppingClock, item
from tests.central.test_dealer_isolation import OTHER, OWN, Dealer, operator, paid

pytestmark = pytest.mark.kept_in("postgresql")

WALLED = ("account", "bill", "rate", "payment", "refund", "applied_payment", "bill_on_demand")


@pytest.fixture
def walled(empty_url: str) -> Iterator[CentralStore]:
    """Central as an operator runs it: by a role that is no superuser and owns nothing but its database's tables."""
    role = f"central_of_{make_url(empty_url).database}"
    with psycopg.connect(empty_url, autocommit=True) as owner:
        owner.execute(f"CREATE ROLE \"{role}\" LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD 'p'".encode())
        owner.execute(f'GRANT CREATE, USAGE ON SCHEMA public TO "{role}"'.encode())
    url = make_url(empty_url).set(username=role, password="p")
    store = open_central(url.render_as_string(hide_password=False))
    load_fixture(store, operator(with_other=True))
    yield store
    store.close()
    with psycopg.connect(empty_url, autocommit=True) as owner:
        owner.execute(f'DROP OWNED BY "{role}" CASCADE'.encode())
        owner.execute(f'DROP ROLE "{role}"'.encode())


def counted(store: CentralStore) -> dict[str, int]:
    """Every row of each table, without any condition of ours."""
    with store.read() as connection:
        return {
            table: connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() for table in WALLED
        }


def asking(dealer: str) -> Caller:
    return Caller(
        client_id="d-1", kind=ClientKind.DEALER, scopes=USUAL_SCOPES[ClientKind.DEALER], dealer=dealer
    )


async def test_a_forgotten_condition_shows_nothing_of_another_dealer(walled: CentralStore) -> None:
    clock = SteppingClock()
    async with guarded(walled, clock) as server:
        for name, bill_id in ((OTHER, "CB-OTHER"), (OWN, "CB-OWN")):
            dealer = Dealer(server, await bearer(server, client_of(walled, name, clock, dealer=name)))
            answer = await dealer.post(paid("2.000", "c-1", name, paymentItem=[item(bill_id, "1.000")]))
            assert answer.status_code == 201, answer.text
        with walled.read() as connection:
            total = connection.execute(text("SELECT count(*) FROM payment")).scalar_one()
        assert total == 2
        everything = counted(walled)
        with asked_by(asking(OWN)):
            seen = counted(walled)
            with walled.read() as connection:
                assert connection.execute(text("SELECT dealer FROM payment")).scalars().all() == [OWN]
                accounts = connection.execute(text("SELECT id FROM account ORDER BY id")).scalars().all()
                bills = connection.execute(text("SELECT id FROM bill ORDER BY id")).scalars().all()
                rates = connection.execute(text("SELECT id FROM rate ORDER BY id")).scalars().all()
    assert accounts == ["BA-1", "BA-2", OWN]
    assert bills == ["CB-1", "CB-2", "CB-OWN"]
    assert rates == ["R-1", "R-2", "R-3", "R-9"]
    assert (everything["payment"], seen["payment"]) == (2, 1)
    assert (everything["applied_payment"], seen["applied_payment"]) == (2, 1)
    # The next transaction on the same connection is nobody's.
    assert counted(walled) == everything


def test_the_role_that_owns_the_tables_is_behind_the_wall_as_well(walled: CentralStore) -> None:
    with walled.read() as connection:
        forced = connection.execute(
            text("SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity")
        )
        assert set(forced.scalars()) == set(WALLED)
