"""What central told: rebuildable, searched by id, phone ending and words, with what is open after our own deeds."""

import sqlite3
from pathlib import Path

import pytest

from pos.domain.bill import AppliedPayment
from pos.store import cache as cached
from pos.store.cache import VERSION, CacheStore, open_cache
from tests.builders.tills import account, accounts_of, bill, bills_of, line, money, rate, rates_of


@pytest.fixture
def cache() -> CacheStore:
    cache = open_cache(None)
    with cache.write() as connection:
        cached.put_accounts(connection, accounts_of("KWD"))
        cached.put_bills(connection, bills_of("KWD"), own={}, told_at_utc="2026-11-21T07:15:00.000000Z")
        cached.put_rates(connection, rates_of("KWD"))
    return cache


def test_an_account_is_read_as_it_was_told(cache: CacheStore) -> None:
    with cache.read() as connection:
        for told in accounts_of("KWD"):
            assert cached.account_by_id(connection, told.account) == told
        assert cached.account_by_id(connection, "BA-404") is None


def test_a_bill_is_read_as_it_was_told(cache: CacheStore) -> None:
    told = bill(
        "8001",
        money("10"),
        of="BA-1",
        remaining=money("6"),
        applied=[AppliedPayment(payment_id="P-1", correlator_id=None, amount=money("4"))],
        lines=[
            line("L1", money("10"), name="Mobile", rates=["R1", "R2"]),
            line("L2", money("0"), name="x", rates=[]),
        ],
        seen_change=12,
    )
    with cache.write() as connection:
        cached.put_bills(connection, [told], own={}, told_at_utc="2026-11-21T07:15:00.000000Z")
    with cache.read() as connection:
        read = cached.bill_by_number(connection, "8001")
        by_id = cached.bill_by_number(connection, "CB-8001")

    assert read is not None
    assert read.account_name == "Zoë O'Brien"
    assert (read.remaining, read.applied, read.lines, read.seen_change) == (
        told.remaining,
        told.applied,
        told.lines,
        12,
    )
    assert by_id == read


def test_a_bill_told_again_replaces_all_of_what_was_told(cache: CacheStore) -> None:
    again = bill(
        "7781",
        money("41.750"),
        remaining=money("1"),
        lines=[line("N", money("41.750"), name="New", rates=[])],
    )
    with cache.write() as connection:
        cached.put_bills(connection, [again], own={}, told_at_utc="2026-11-22T07:15:00.000000Z")
    with cache.read() as connection:
        read = cached.bill_by_number(connection, "7781")

    assert read is not None
    assert [part.line_id for part in read.lines] == ["N"]
    assert read.remaining == money("1")


def test_rates_are_read_as_they_were_told(cache: CacheStore) -> None:
    with cache.read() as connection:
        assert cached.rates_of_bill(connection, "CB-7781") == rates_of("KWD")
        assert cached.rates_of_bill(connection, "CB-none") == []


def test_bills_come_in_due_order(cache: CacheStore) -> None:
    with cache.read() as connection:
        every = cached.bills_of_account(connection, "BA-1", open_only=False)
        still_open = cached.bills_of_account(connection, "BA-1", open_only=True)

    assert [found.bill_no for found in every] == ["7780", "7781", "7782"]
    assert [found.bill_no for found in still_open] == ["7781", "7782"]


def test_bills_whose_rates_are_unknown_are_named_open_ones_first(cache: CacheStore) -> None:
    with cache.write() as connection:
        cached.mark_rates_asked(connection, "CB-7781")
    with cache.read() as connection:
        wanted = cached.bills_without_rates(connection, 100)

    assert "CB-7781" not in wanted
    assert wanted[-1] == "CB-7780"
    assert len(wanted) == len(bills_of("KWD")) - 1


@pytest.mark.parametrize(
    ("digits", "accounts"),
    [
        ("96555510001", ["BA-1"]),
        ("55510001", ["BA-1"]),
        ("0001", ["BA-1", "D-1"]),
        ("5551000", []),
        ("20004", ["BA-4"]),
        ("999", []),
    ],
)
def test_accounts_are_found_by_the_end_of_their_phone_number(
    cache: CacheStore, digits: str, accounts: list[str]
) -> None:
    with cache.read() as connection:
        found = cached.accounts_by_phone_suffix(connection, digits, 10)

    assert sorted(hit.account for hit in found) == accounts


@pytest.mark.parametrize(
    ("words", "accounts"),
    [
        (["zoe"], ["BA-1"]),
        (["brien"], ["BA-1"]),
        (["o", "brien"], ["BA-1"]),
        (["bri", "zo"], ["BA-1"]),
        (["gross"], ["BA-6"]),
        (["jurgen"], ["BA-6"]),
        (["محمد"], ["BA-4"]),
        (["李"], ["BA-3"]),
        (["李伟"], ["BA-3"]),
        (["rien"], []),
        (["nobody"], []),
        ([], []),
    ],
)
def test_accounts_are_found_by_the_beginnings_of_words(
    cache: CacheStore, words: list[str], accounts: list[str]
) -> None:
    with cache.read() as connection:
        found = cached.accounts_by_words(connection, words, 10)

    assert [hit.account for hit in found] == accounts


def test_a_new_name_is_found_and_the_old_one_no_more(cache: CacheStore) -> None:
    with cache.write() as connection:
        cached.put_accounts(connection, [account("BA-1", "Renamed Person")])
    with cache.read() as connection:
        assert [hit.account for hit in cached.accounts_by_words(connection, ["renamed"], 10)] == ["BA-1"]
        assert cached.accounts_by_words(connection, ["brien"], 10) == []


def test_markers_are_kept_with_the_rows_they_stand_for(cache: CacheStore) -> None:
    with cache.write() as connection:
        cached.set_marker(connection, "bills_change", "7")
        cached.set_marker(connection, "bills_change", "8")
    with cache.read() as connection:
        assert cached.marker(connection, "bills_change") == "8"
        assert cached.marker(connection, "never") is None


@pytest.mark.parametrize("version", [VERSION + 1, 99])
def test_a_cache_of_another_version_is_made_anew(tmp_path: Path, version: int) -> None:
    path = tmp_path / "cache.db"
    cache = open_cache(path)
    with cache.write() as connection:
        cached.put_accounts(connection, accounts_of("KWD"))
    cache.database.close()
    raw = sqlite3.connect(path)
    raw.execute(f"PRAGMA user_version = {version}")
    raw.close()

    anew = open_cache(path)

    with anew.read() as connection:
        assert cached.account_by_id(connection, "BA-1") is None
        assert connection.exec_driver_sql("PRAGMA user_version").scalar_one() == VERSION
    anew.database.close()


def test_a_cache_of_this_version_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    cache = open_cache(path)
    with cache.write() as connection:
        cached.put_accounts(connection, accounts_of("KWD"))
    cache.database.close()

    again = open_cache(path)

    with again.read() as connection:
        assert cached.account_by_id(connection, "BA-1") is not None
    again.database.close()


@pytest.mark.parametrize("body", [b"this is no database" * 300, b"SQLite format 3\x00" + b"\xa5" * 9000])
def test_a_damaged_cache_is_made_anew_for_central_has_it_all(tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "cache.db"
    path.write_bytes(body)
    path.chmod(0o600)

    anew = open_cache(path)

    with anew.read() as connection:
        assert connection.exec_driver_sql("PRAGMA user_version").scalar_one() == VERSION
    anew.database.close()


def test_rates_told_again_replace_those_of_before(cache: CacheStore) -> None:
    with cache.write() as connection:
        cached.put_rates(connection, [rate("R-2", "7781", money("3"))])
        cached.put_rates(connection, [])
    with cache.read() as connection:
        found = {part.rate_id: part.tax_included for part in cached.rates_of_bill(connection, "CB-7781")}

    assert found["R-2"] == money("3")
    assert len(found) == 3
