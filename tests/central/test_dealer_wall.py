"""On PostgreSQL the database shows a dealer's request nothing of other dealers, and takes nothing that is theirs, also where
a condition was forgotten.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress

import psycopg
import pytest
from sqlalchemy import Connection, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from sync.central.operating.fixture import load_fixture
from sync.central.operating.verify import verify_central
from sync.central.schema.migrations.versions import (
    v0015_wall_around_dealers,
    v0016_returned_cheques,
    v0017_ledger_batches,
    v0019_one_row_at_the_wall,
    v0020_whose_a_walk_ins_bill_is,
    v0022_shops,
    v0023_debits,
    v0024_parts_of_batches,
)
from sync.central.schema.migrations.walling import ALL, NONE
from sync.central.schema.opening import open_central
from sync.central.store.database import WRITTEN_FOR, CentralStore, current_change, next_change
from sync.central.store.group_commit import GroupCommit
from sync.central.wire.callers import USUAL_SCOPES, Caller, ClientKind, asked_by
from tests.builders.central_stores import StoreKind
from tests.builders.postgres import postgres_database
from tests.central import test_dealers_tills as dealers_tills
from tests.central.auth_builders import bearer, client_of, guarded
from tests.central.central_builders import SteppingClock, item
from tests.central.test_dealer_isolation import OTHER, OWN, Dealer, operator, paid

WALL = (
    v0015_wall_around_dealers.WALL
    | v0016_returned_cheques.WALL
    | v0017_ledger_batches.WALL
    | v0019_one_row_at_the_wall.WALL
    | v0020_whose_a_walk_ins_bill_is.WALL
    | v0022_shops.WALL
    | v0023_debits.WALL
    | v0024_parts_of_batches.WALL
)
"""Of each table what a dealer sees, and what it may write."""

pytestmark = pytest.mark.kept_in("postgresql")


@pytest.fixture(scope="module")
def wall() -> Iterator[str]:
    """The URL of central as an operator runs it: by a role that is no superuser and owns its database's tables alone."""
    with postgres_database() as built:
        role = f"central_of_{make_url(built).database}"
        with psycopg.connect(built, autocommit=True) as owner:
            owner.execute(f"CREATE ROLE \"{role}\" LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD 'p'".encode())
            owner.execute(f'GRANT CREATE, USAGE ON SCHEMA public TO "{role}"'.encode())
        url = make_url(built).set(username=role, password="p")
        store = open_central(url.render_as_string(hide_password=False))
        load_fixture(store, operator(with_other=True))
        store.close()
        yield url.render_as_string(hide_password=False)
        with psycopg.connect(built, autocommit=True) as owner:
            owner.execute(f'DROP OWNED BY "{role}" CASCADE'.encode())
            owner.execute(f'DROP ROLE "{role}"'.encode())


@pytest.fixture
def walled(store_kind: StoreKind, wall: str) -> Iterator[CentralStore]:
    """A copy of ``wall`` for each test: to build it takes longer than any of them."""
    assert store_kind is StoreKind.POSTGRESQL
    with postgres_database(like=wall) as copied:
        url = make_url(wall).set(database=make_url(copied).database)
        store = open_central(url.render_as_string(hide_password=False))
        yield store
        store.close()


ROWS = """
INSERT INTO terminal (id, epoch, dealer) VALUES ('{t}', 1, '{d}');
INSERT INTO payment (id, change_number, correlator_id, terminal, epoch, sequence, leg, account_id, currency, amount_minor,
 applied_minor, credit_minor, suspense_minor, other_minor, status, paid_at_utc, body, received_sha256, dealer)

 VALUES ('P-{d}', {n}, '{d}' || chr(31) || 'c', '{t}', 1, 1, 1, '{d}', 'KWD', 1000, 0, 1000, 0, 0, 'done', '2026', '{{}}',
 'x',
 '{d}');
INSERT INTO applied_payment VALUES ('P-{d}', 1, 'CB-{b}', 1);
INSERT INTO instrument VALUES ('paper-{d}', 'E-{d}', 'P-{d}');
INSERT INTO voucher (id, digest, issuer, value_minor, currency, expires)
 VALUES ('V-{d}', '{d}', 'internal', 1, 'KWD', '2027');
INSERT INTO voucher_hold (id, voucher_id, terminal, payment_event_id, amount_minor, value_minor, made_at, lapses_at)
 VALUES ('H-{d}', 'V-{d}', '{t}', 'E-{d}', 1, 1, '2026', '2027');
INSERT INTO voucher_refusal VALUES ('2026', '{t}', 'H-{d}', 'x', 'unknown', 1);
INSERT INTO voucher_redemption VALUES ('V-{d}', 'H-{d}', 1, 0, '2026');
INSERT INTO voucher_payment VALUES ('P-{d}', 'H-{d}', 1);
INSERT INTO voucher_returned VALUES ('P-{d}', 'H-{d}', 1);
INSERT INTO voucher_terms (voucher_id, residual, combinable, promised_by) VALUES ('V-{d}', 'forfeit', 1, 'H-{d}');
INSERT INTO session VALUES ('{d}' || chr(31) || '1001', '{t}', '2026');
INSERT INTO possible_double VALUES ('P-{d}', 'P-{d}', '{d}', 1);
INSERT INTO clearing_leg VALUES ('{d}', 'E-{d}', 'c');
INSERT INTO final_payment VALUES ('{d}' || chr(31) || 'c', '2026');
INSERT INTO reconnection (id, account_id, payment_event_id, asked_at, change_number)
 VALUES ('R-{d}', '{d}', 'E-{d}', '2026', 1);
INSERT INTO cheque (payment_id, payment_event_id, identity, branch, account, dated, held, change_number)
 VALUES ('P-{d}', 'E-{d}', 'x', 'x', 'x', '2026', 0, 1);
INSERT INTO kept_apart VALUES ('P-{d}', 'deposit', 1);
INSERT INTO bill_write_off VALUES ('P-{d}', 'CB-{b}', 1);
INSERT INTO recovery VALUES ('P-{d}', '{d}', 1);
INSERT INTO credit_use VALUES ('CU-{d}', '{d}', 'CB-{b}', 'credit', 1, 1);
INSERT INTO bank_receipt VALUES ('P-{d}', '{d}', 1, 'KWD', 'presented');
INSERT INTO cleared_cheque (id, correlator_id, payment_id, change_number, cleared_at, received_at, received_sha256)
 VALUES ('CC-{d}', '{d}', 'P-{d}', {n}, '2026', '2026', 'x');
INSERT INTO returned_cheque (id, correlator_id, payment_id, state, change_number, returned_at, received_at, received_sha256)
 VALUES ('RC-{d}', '{d}', 'P-{d}', 'returned', {n}, '2026', '2026', 'x');
INSERT INTO refund (id, change_number, payment_id, kind, account_id, currency, amount_minor, status, refunded_at_utc, body,
 received_sha256) VALUES ('RF-{d}', {n}, 'P-{d}', 'refund', '{d}', 'KWD', 1, 'done', '2026', '{{}}', 'x');
INSERT INTO refund_part (refund_id, part_no, stood_as, account_id, amount_minor) VALUES ('RF-{d}', 1, 'credit', '{d}', 1);
INSERT INTO refund_beyond VALUES ('RF-{d}', '{d}', 1);
INSERT INTO refund_hold (id, terminal, receipt_number, asked_sha256, made_at) VALUES ('RH-{d}', '{t}', 'R', 'x', '2026');
INSERT INTO refund_hold_leg (hold_id, payment_id, amount_minor) VALUES ('RH-{d}', 'P-{d}', 1);
INSERT INTO refund_hold_part (hold_id, payment_id, part_no, stood_as, account_id, amount_minor)
 VALUES ('RH-{d}', 'P-{d}', 1, 'credit', '{d}', 1);
INSERT INTO dishonour (id, correlator_id, payment_id, counts, reason_code, bank_date, is_bill, charged_minor, change_number,
 received_at, received_sha256) VALUES ('DH-{d}', '{d}', 'P-{d}', 0, 'x', '2026', 0, 0, {n}, '2026', 'x');
INSERT INTO dishonour_leg (correlator_id, dishonour_id, payment_id, change_number, received_at, received_sha256)
 VALUES ('{d}', 'DH-{d}', 'P-{d}', {n}, '2026', 'x');
INSERT INTO dishonour_stage (dishonour_id, account_id, stage_before) VALUES ('DH-{d}', '{d}', 0);
INSERT INTO terminal_head VALUES ('{t}', 1, 1, 'X', '2026');
INSERT INTO shift_total VALUES ('ST-{d}', '{t}', 1, 'S', '2026', 1, 1, '2026', {n});
INSERT INTO shift_total_sum VALUES ('ST-{d}', 'KWD', 1, 1);
INSERT INTO ledger_batch VALUES ('LB-{d}', '{t}', 'S', '2026', 'till', 'x', '{{}}', '2026', {n});
INSERT INTO ledger_batch_part VALUES ('{t}', 'LB-{d}', 'x', 1, 2, '{{}}', '2026');
INSERT INTO shop_bag (paper, terminal, shop, bag, currency, amount_minor, state, is_told, told_at, change_number)
 VALUES ('S-{t}-A-TB-1', '{t}', 'S', 'B', 'KWD', 1, 'on_the_way', 1, '2026', {n});
INSERT INTO shop_bag_step VALUES ('{t} sent 1', 'S-{t}-A-TB-1', '{t}', 'sent', '2026', '2026');
INSERT INTO shop_till VALUES ('{t}', 'S', '{{}}', '2026', {n});
INSERT INTO approval_request (id, terminal, body, asked_sha256, asked_at) VALUES ('A-{d}', '{t}', '{{}}', 'x', '2026');
INSERT INTO approval_answer (id, request_id, number, approved, person, terminal, given_at)
 VALUES ('AA-{d}', 'A-{d}', 1, 1, '1', '{t}', '2026');
INSERT INTO person (id, active, roles_taken, changed_at, changed_by, changed_where, change_number)
 VALUES ('{d}' || chr(31) || '7', 1, '', '2026', '', '', 1);
INSERT INTO person_place VALUES ('{d}' || chr(31) || '7', '{t}', '', 1, '2026');
INSERT INTO person_change VALUES ('PC-{d}', '{t}', 1, 'x', '{d}' || chr(31) || '7', 'x', '', 1, '1', '2026', '2026', {n});
INSERT INTO outcome (id, correlator_id, payment_id, state, account_id, credited_minor, change_number, decided_at,
 received_at,
 received_sha256) VALUES ('O-{d}', '{d}', 'P-{d}', 'verified', '{d}', 0, {n}, '2026', '2026', 'x');
INSERT INTO suspense_transfer (id, correlator_id, payment_id, account_id, amount_minor, applied_minor, credit_minor,
 currency,
 change_number, resolved_at, received_at, received_sha256)
 VALUES ('SU-{d}', '{d}', 'P-{d}', '{d}', 1, 1, 0, 'KWD', {n}, '2026', '2026', 'x');
INSERT INTO applied_transfer VALUES ('SU-{d}', 'CB-{b}', 1);
INSERT INTO commission (id, correlator_id, payment_id, account_id, amount_minor, currency, change_number, credited_at,
 received_at, received_sha256) VALUES ('CO-{d}', '{d}', 'P-{d}', '{d}', 1, 'KWD', {n}, '2026', '2026', 'x');
INSERT INTO line_rate VALUES ('CB-{b}', 'L9', 'R-9');
INSERT INTO bill_on_demand (id, received_sha256, account_id, state, last_update, body, change_number)
 VALUES ('BD-{d}', 'x', '{d}', 'rejected', '2026', '{{}}', 1);
INSERT INTO api_client (id, name, kind, scopes, dealer, secret_sha256, made_at)
 VALUES ('d-{d}', '{d}', 'dealer', '', '{d}', 'x', '2026');
INSERT INTO access_token VALUES ('tok-{d}', 'd-{d}', '', '2027');
INSERT INTO used_assertion VALUES ('d-{d}', 'x', '2027');
INSERT INTO token_try VALUES ('{d}', '2026');
INSERT INTO terminal_code (code_sha256, terminal, made_at, dealer) VALUES ('{d}', '{t}', '2026', '{d}');
INSERT INTO event (number, id, type, resource, occurred_at, body) VALUES ({n}, '{d}', 'x', 'x', '2026', '{{}}');
INSERT INTO event_set_aside VALUES ({n}, 'payment', 'P-{d}', NULL, NULL, 'x', '2026');
INSERT INTO central_audit VALUES ({n}, '2026', 'client_made', 'd-{d}', '', '');
"""
"""A row in each table that has a dealer's, by which dealer (``d``), terminal (``t``), bill (``b``) and number (``n``)."""

NO_DEALERS = {
    "ledger_delivery", "fixture_row", "hub", "event_counter", "event_delivery", "event_due", "item", "bill_cycle",
    "debit_charge", "mandate", "mandate_step", "voucher_key", "hub_key", "central_version", "change_counter",
}  # fmt: skip
"""What has no row that is a dealer's."""


def statements_of(dealer: str, terminal: str, bill: str, number: int) -> list[str]:
    filled = ROWS.format(d=dealer, t=terminal, b=bill, n=number)
    return [one.replace(":", r"\:") for one in filled.split(";\n") if one.strip()]


def fill(store: CentralStore) -> None:
    with store.write() as connection:
        for dealer, terminal, bill, number in ((OWN, "T1", "OWN", 101), (OTHER, "T2", "OTHER", 102)):
            for statement in statements_of(dealer, terminal, bill, number):
                connection.execute(text(statement))


def asking(dealer: str) -> Caller:
    return Caller(
        client_id="d-1", kind=ClientKind.DEALER, scopes=USUAL_SCOPES[ClientKind.DEALER], dealer=dealer
    )


def seen(connection: Connection, table: str) -> set[str]:
    """Every row of it, without any condition of ours."""
    return {repr(tuple(row)) for row in connection.execute(text(f"SELECT * FROM {table}"))}


def is_of(row: str, dealer: str) -> bool:
    terminal, bill = ("T1", "CB-OWN") if dealer == OWN else ("T2", "CB-OTHER")
    return dealer in row or f"'{terminal}'" in row or f"'{bill}'" in row


def test_every_table_has_a_wall_or_says_why_it_has_none(walled: CentralStore) -> None:
    with walled.read() as connection:
        tables = set(inspect(connection).get_table_names())
        forced = connection.execute(
            text("SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity")
        )
        assert set(forced.scalars()) == tables == set(WALL)


def test_no_table_shows_a_dealer_a_row_of_another(walled: CentralStore) -> None:
    fill(walled)
    with walled.read() as connection:
        everything = {table: seen(connection, table) for table in WALL}
    for table, rows in everything.items():
        if table not in NO_DEALERS:
            assert any(is_of(row, OTHER) for row in rows), f"{table} has a row that is the other dealer's"
    with asked_by(asking(OWN)), walled.read() as connection:
        shown = {table: seen(connection, table) for table in WALL}
    for table, rows in shown.items():
        assert not [row for row in rows if is_of(row, OTHER) and not is_of(row, OWN)], table
        assert rows <= everything[table]
    hidden = {table for table, rows in shown.items() if not rows & everything[table]}
    assert hidden >= {"event", "access_token", "terminal_code", "central_audit", "fixture_row"}
    assert not hidden & {
        "payment",
        "refund",
        "voucher_hold",
        "cheque",
        "shift_total",
        "person",
        "session",
        "api_client",
    }
    # The next transaction on the same connection is nobody's.
    with walled.read() as connection:
        assert {table: seen(connection, table) for table in WALL} == everything


def test_no_table_takes_a_row_of_another_dealer_from_a_dealer(walled: CentralStore) -> None:
    fill(walled)
    refused = {table: 0 for table in WALL}
    for statement in statements_of(OTHER, "T2", "OTHER", 103):
        table = statement.split("INSERT INTO ")[1].split()[0]
        if WALL[table][1] == ALL:
            continue
        with asked_by(asking(OWN)), pytest.raises(DBAPIError) as refusal, walled.write() as connection:
            connection.execute(text(statement))
        assert "row-level security policy" in str(refusal.value.orig), table
        refused[table] += 1
    assert {table for table, times in refused.items() if times} >= {
        table for table, (_, written) in WALL.items() if table not in NO_DEALERS and written != ALL
    } - {"account", "bill", "rate"}


async def test_what_the_wall_keeps_out_of_a_commit_takes_nothing_of_its_neighbours_along(
    walled: CentralStore,
) -> None:
    """Dealers and the operator's own tills share commits; each is written for its own caller, before and after."""
    fill(walled)
    group = GroupCommit(walled)

    async def cash_only(account: str, dealer: str | None) -> int:
        def deed(connection: Connection) -> int:
            change = next_change(connection)
            connection.execute(
                text("UPDATE account SET cash_only = 1, change_number = :change WHERE id = :id"),
                {"id": account, "change": change},
            )
            return change

        with asked_by(None if dealer is None else asking(dealer)):
            return await group.write(deed)

    with walled.read() as connection:
        before = current_change(connection)
    first, own, kept_out, operators = await asyncio.gather(
        cash_only(OWN, OTHER),
        cash_only(OWN, OWN),
        cash_only(OTHER, OWN),
        cash_only(OTHER, None),
        return_exceptions=True,
    )
    assert (own, operators) == (before + 1, before + 2)
    for refused in (first, kept_out):
        assert "row-level security" in str(refused)
    with walled.read() as connection:
        stamped = connection.execute(
            text("SELECT id, change_number FROM account WHERE change_number > :at"), {"at": before}
        )
        assert {tuple(row) for row in stamped} == {(OWN, before + 1), (OTHER, before + 2)}
        assert current_change(connection) == before + 2


def test_no_row_of_another_dealer_is_changed_or_taken_away_by_a_dealer(walled: CentralStore) -> None:
    fill(walled)
    with walled.read() as connection:
        before = {table: seen(connection, table) for table in WALL}
        columns = {table: inspect(connection).get_columns(table)[0]["name"] for table in WALL}
    others = {table: {row for row in rows if is_of(row, OTHER)} for table, rows in before.items()}
    for table, (_, written) in WALL.items():
        if written == ALL or table in NO_DEALERS:
            continue
        column = columns[table]
        with (
            asked_by(asking(OWN)),
            pytest.raises(DBAPIError, match="row-level security"),
            walled.write() as connection,
        ):
            connection.execute(text(f"UPDATE {table} SET {column} = {column}"))
        with suppress(DBAPIError), asked_by(asking(OWN)), walled.write() as connection:
            connection.execute(text(f"DELETE FROM {table}"))
    with walled.read() as connection:
        assert {table: seen(connection, table) & others[table] for table in WALL} == others


@pytest.mark.parametrize(
    "taken",
    [
        "UPDATE payment SET dealer = 'D-12' WHERE id = 'P-D-13'",
        "UPDATE payment SET account_id = 'D-12', dealer = 'D-12' WHERE id = 'P-D-13'",
        "UPDATE account SET kind = 'subscriber' WHERE id = 'D-13'",
        "UPDATE bill SET account_id = 'D-12' WHERE id = 'CB-OTHER'",
        "UPDATE bill SET dealer = 'D-12' WHERE id = 'CB-OTHER'",
        "UPDATE refund SET payment_id = 'P-D-12' WHERE id = 'RF-D-13'",
        "UPDATE bank_receipt SET dealer_id = 'D-12' WHERE payment_id = 'P-D-13'",
    ],
)
def test_nobody_makes_anothers_row_its_own(walled: CentralStore, taken: str) -> None:
    fill(walled)
    with (
        asked_by(asking(OWN)),
        pytest.raises(DBAPIError, match="stays whose it is"),
        walled.write() as connection,
    ):
        connection.execute(text(taken))


MANY_OF_ITS_OWN = """
CREATE TEMPORARY TABLE many AS SELECT i FROM generate_series(1, 500) i;
INSERT INTO account SELECT 'many-' || i, kind, name, phone, currency, customer, status, cash_only, dunning_stage,
 loaded_credit_minor, credit_minor, dealer_class, credit_limit_minor, loaded, change_number
 FROM account, many WHERE id = 'BA-1';
INSERT INTO terminal (id, epoch, dealer) SELECT 'many-' || i, 1, 'D-12' FROM many;
INSERT INTO payment (id, change_number, account_id, currency, amount_minor, applied_minor, credit_minor, suspense_minor,
 other_minor, status, paid_at_utc, body, received_sha256, dealer)
 SELECT 'many-' || i, 1000 + i, 'BA-1', 'KWD', 1, 0, 1, 0, 0, 'done', '2026', '{}', 'x', 'D-12'
 FROM many;
INSERT INTO refund (id, change_number, payment_id, kind, account_id, currency, amount_minor, status, refunded_at_utc, body,
 received_sha256) SELECT 'many-' || i, 1000 + i, 'many-' || i, 'refund', 'BA-1', 'KWD', 1, 'done', '2026', '{}', 'x'
 FROM many;
INSERT INTO refund_hold (id, terminal, receipt_number, asked_sha256, made_at)
 SELECT 'many-' || i, 'many-' || i, 'R' || i, 'x', '2026' FROM many;
INSERT INTO voucher (id, digest, issuer, value_minor, currency, expires)
 SELECT 'many-' || i, 'many-' || i, 'internal', 1, 'KWD', '2027' FROM many;
INSERT INTO voucher_hold (id, voucher_id, terminal, payment_event_id, amount_minor, value_minor, made_at, lapses_at)
 SELECT 'many-' || i, 'many-' || i, 'many-' || i, 'E' || i, 1, 1, '2026', '2027' FROM many
"""
"""Rows of the dealer D-12 in all tables that say whose others are."""

ROWS_READ = text("SELECT sum(seq_tup_read + idx_tup_fetch) FROM pg_stat_xact_user_tables")
"""By what this transaction ran, by an index and without, with the rows that the wall looked at."""

BY_INDEX = text("SELECT set_config('enable_seqscan', 'off', true)")
"""As a store plans that has grown: a few rows are read whole, whatever index they have."""


def rows_read_to_fill(store: CentralStore) -> dict[str, int]:
    """How many rows the dealer has read for its row in each table, and nothing is left of them."""
    read: dict[str, int] = {}
    with suppress(Undone), store.write() as connection:
        connection.execute(BY_INDEX)
        for statement in statements_of(OWN, "T1", "OWN", 101):
            table = statement.split("INSERT INTO ")[1].split()[0]
            connection.execute(WRITTEN_FOR, {"dealer": "" if WALL[table][1] == NONE else OWN})
            before = connection.execute(ROWS_READ).scalar_one()
            connection.execute(text(statement))
            read[table] = int(connection.execute(ROWS_READ).scalar_one() - before)
        raise Undone
    return read


class Undone(Exception):
    """So that the store is for the next statements as it was for these."""


def test_what_a_dealer_writes_is_no_more_work_however_much_it_has(walled: CentralStore) -> None:
    few = rows_read_to_fill(walled)
    with walled.write() as connection:
        for statement in MANY_OF_ITS_OWN.split(";\n"):
            connection.execute(text(statement))
    assert rows_read_to_fill(walled) == few


async def test_what_dealers_pay_goes_through_the_wall_and_is_whole_behind_it(walled: CentralStore) -> None:
    clock = SteppingClock()
    async with guarded(walled, clock) as server:
        for name, bill_id in ((OTHER, "CB-OTHER"), (OWN, "CB-OWN")):
            made = client_of(walled, name, clock, dealer=name)
            dealer = Dealer(server, made, await bearer(server, made))
            for number, account in enumerate((name, "BA-1"), 1):
                named = bill_id if account == name else "CB-1"
                body = paid("2.000", f"c-{number}", account, paymentItem=[item(named, "1.000")])
                answer = await dealer.post(body)
                assert answer.status_code == 201, answer.text
    with asked_by(asking(OWN)), walled.read() as connection:
        assert connection.execute(text("SELECT dealer FROM payment")).scalars().all() == [OWN, OWN]
        accounts = connection.execute(text("SELECT id FROM account ORDER BY id")).scalars().all()
        rates = connection.execute(text("SELECT id FROM rate ORDER BY id")).scalars().all()
    assert accounts == ["BA-1", "BA-2", OWN]
    assert rates == ["R-1", "R-2", "R-3", "R-9"]
    assert verify_central(walled) == []
    with walled.read() as connection:
        paid_of = connection.execute(text("SELECT sum(amount_minor) FROM applied_payment"))
        assert paid_of.scalar_one() == 4_000


@pytest.mark.parametrize(
    "shown",
    [
        dealers_tills.test_a_dealers_till_takes_money_for_its_dealer_and_sees_no_other,
        dealers_tills.test_a_dealers_till_undoes_what_its_dealers_tills_took_alone,
        dealers_tills.test_a_dealers_till_tells_of_a_walk_in_buyers_cheque_and_charge,
        dealers_tills.test_a_dealers_till_ends_nothing_that_is_anothers_and_hears_no_more_than_of_nothing,
        dealers_tills.test_a_dealers_till_takes_a_voucher_and_gives_its_rest,
        dealers_tills.test_people_and_second_persons_are_those_of_a_dealers_own_tills,
        dealers_tills.test_a_dealers_till_hears_how_far_its_dealers_tills_are_alone,
    ],
)
async def test_what_dealers_tills_do_goes_through_the_wall(
    walled: CentralStore, shown: Callable[[CentralStore], Awaitable[None]]
) -> None:
    await shown(walled)
