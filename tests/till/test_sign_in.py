"""Signing in: tries are counted before the check, and lock-outs survive a restart and a moved clock (invariant 46)."""

from datetime import timedelta
from pathlib import Path

import pytest

from pos.domain.errors import DomainError, NotAuthorised
from pos.domain.pin import pin_problem
from pos.domain.role import Person
from pos.machine import Argon2PinHasher
from pos.till.desk import Desk
from pos.till.sign_in import NOBODY, confirm_person, sign_in
from tests.builders.tills import (
    CASHIER,
    PEOPLE,
    PINS,
    SUPERVISOR,
    clock_of,
    close_stores,
    dump,
    findings,
    make_till,
    reopened,
    rows,
)

RIGHT, WRONG = PINS["1001"], "000000"


@pytest.fixture
def desk() -> Desk:
    return make_till()


def attempt(desk: Desk, pin: str, user: str = "1001") -> str:
    """``ok``, or the code of the refusal."""
    try:
        sign_in(desk, user, pin)
    except NotAuthorised as refusal:
        return refusal.code
    return "ok"


def wrong_tries(desk: Desk, number: int) -> None:
    """Wrong tries one after the other, each lock waited for."""
    for _ in range(number):
        attempt(desk, WRONG)
        clock_of(desk).advance(minutes=31)


@pytest.mark.parametrize("person", PEOPLE[:-1])
def test_everybody_signs_in_with_the_own_pin(desk: Desk, person: object) -> None:
    assert sign_in(desk, person.user, PINS[person.user]) == person  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("user", "pin"),
    [
        ("1001", WRONG),
        ("1001", ""),
        ("1001", RIGHT + " "),
        ("1001", PINS["1002"]),
        ("1001", "x" * 100_000),
        ("9999", RIGHT),
        ("1009", PINS["1009"]),
        ("", ""),
        ("-", RIGHT),
        ("' or 1=1 --", RIGHT),
        ("1001\n", RIGHT),
        ("١٠٠١", RIGHT),
        ("9" * 1_000, RIGHT),
        ("terminal", RIGHT),
    ],
)
def test_unknown_disabled_and_wrong_read_the_same(desk: Desk, user: str, pin: str) -> None:
    with pytest.raises(NotAuthorised) as refusal:
        sign_in(desk, user, pin)

    assert refusal.value.as_json() == {"code": "wrong_pin", "message": "User number or PIN is wrong."}


def test_a_pin_is_checked_for_an_unknown_user_too(desk: Desk) -> None:
    asked: list[str | None] = []
    hasher = desk.pin_hasher

    class Watched(type(hasher)):  # type: ignore[misc]
        def matches(self, pin_hash: str | None, pin: str) -> bool:
            asked.append(pin_hash)
            return bool(super().matches(pin_hash, pin))

    desk.pin_hasher = Watched()
    for user in ("9999", "1001", "1009"):
        attempt(desk, WRONG, user)

    assert [pin_hash is None for pin_hash in asked] == [True, False, False]


def test_a_pin_is_nowhere_in_the_books(desk: Desk) -> None:
    for user, pin in (("1001", "731846"), ("731846", "731846"), ("1001", RIGHT)):
        attempt(desk, pin, user)

    written = str(dump(desk, without=["person"]))
    assert "731846" not in written
    assert RIGHT not in written


def test_what_was_typed_as_an_unknown_user_is_not_kept(desk: Desk) -> None:
    attempt(desk, WRONG, "731846")

    assert [row["operator"] for row in rows(desk, "audit")] == [NOBODY.user]


# --- lock-outs -----------------------------------------------------------------------------------------------------


def test_four_wrong_tries_lock_nothing(desk: Desk) -> None:
    assert [attempt(desk, WRONG) for _ in range(4)] == ["wrong_pin"] * 4
    assert attempt(desk, RIGHT) == "ok"


def test_a_right_pin_clears_the_wrong_tries(desk: Desk) -> None:
    for _ in range(5):
        assert [attempt(desk, pin) for pin in (WRONG, WRONG, WRONG, WRONG, RIGHT)][-1] == "ok"


@pytest.mark.parametrize(("wrong", "minutes"), [(5, 1), (6, 5), (7, 30), (8, 30), (9, 30)])
def test_the_fifth_wrong_try_locks_and_each_further_one_longer(desk: Desk, wrong: int, minutes: int) -> None:
    wrong_tries(desk, wrong - 1)
    assert attempt(desk, WRONG) == "wrong_pin"

    clock_of(desk).advance(seconds=60 * minutes - 1)
    assert attempt(desk, RIGHT) == "locked_out"
    clock_of(desk).advance(seconds=1)
    assert attempt(desk, RIGHT) == "ok"


def test_a_locked_try_says_how_long_and_is_not_counted(desk: Desk) -> None:
    for _ in range(5):
        attempt(desk, WRONG)

    for _ in range(20):
        with pytest.raises(NotAuthorised, match="1 min"):
            sign_in(desk, "1001", RIGHT)

    clock_of(desk).advance(minutes=1)
    assert attempt(desk, RIGHT) == "ok"


def test_after_ten_wrong_tries_only_a_supervisor_helps(desk: Desk) -> None:
    wrong_tries(desk, 10)

    for _ in range(3):
        clock_of(desk).advance(days=30)
        with pytest.raises(NotAuthorised, match="supervisor") as refusal:
            sign_in(desk, "1001", RIGHT)
        assert refusal.value.code == "locked_out"


def test_lockout_survives_restart(tmp_path: Path) -> None:
    desk = make_till(tmp_path)
    for _ in range(5):
        attempt(desk, WRONG)

    desk = reopened(desk)

    assert attempt(desk, RIGHT) == "locked_out"
    clock_of(desk).advance(minutes=1)
    assert attempt(desk, RIGHT) == "ok"
    close_stores(desk)


def test_wrong_tries_are_counted_across_a_restart(tmp_path: Path) -> None:
    desk = make_till(tmp_path)
    for _ in range(5):
        assert attempt(desk, WRONG) == "wrong_pin"
        desk = reopened(desk)

    assert attempt(desk, RIGHT) == "locked_out"
    close_stores(desk)


def test_lockout_survives_clock_change(desk: Desk) -> None:
    for _ in range(5):
        attempt(desk, WRONG)

    clock_of(desk).set(clock_of(desk).now() - timedelta(days=1))

    assert attempt(desk, RIGHT) == "locked_out"


def test_one_persons_wrong_tries_lock_nobody_else(desk: Desk) -> None:
    for _ in range(8):
        attempt(desk, WRONG)
        attempt(desk, WRONG, "9999")

    assert attempt(desk, PINS["2002"], "2002") == "ok"
    assert attempt(desk, PINS["1002"], "1002") == "ok"


def test_unknown_numbers_are_locked_as_known_ones_are(desk: Desk) -> None:
    known = [attempt(desk, WRONG) for _ in range(7)]

    assert [attempt(desk, WRONG, "9999") for _ in range(7)] == known


# --- the audit -----------------------------------------------------------------------------------------------------


def test_every_try_is_one_audit_row(desk: Desk) -> None:
    for _ in range(6):
        attempt(desk, WRONG)
    attempt(desk, PINS["2002"], "2002")

    assert [
        (row["operator"], row["act"], row["result"], row["reason_code"]) for row in rows(desk, "audit")
    ] == [
        *[("1001", "sign_in", "denied", "wrong_pin")] * 5,
        ("1001", "sign_in", "denied", "locked_out"),
        (SUPERVISOR.user, "sign_in", "ok", None),
    ]
    assert findings(desk) == []


# --- what a PIN may be ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pin", ["135790", "284915", "731846", "908070", "20269931"])
def test_a_pin_that_is_hard_to_guess_is_taken(pin: str) -> None:
    assert pin_problem(pin, user="1001", min_digits=6) is None


@pytest.mark.parametrize(
    "pin",
    [
        *("", "1", "12345", "1" * 21, "abcdef", "１３５７９０", "135 790", "135790\n"),
        *("111111", "000000", "123456", "654321", "890123", "210987"),
        *("121212", "112211", "100110", "991001", "210012"),
        *("19840229", "20261121"),
    ],
)
def test_a_pin_that_is_easy_to_guess_is_refused(pin: str) -> None:
    assert pin_problem(pin, user="1001", min_digits=6)


def test_the_real_hasher_salts_peppers_and_matches_nobody() -> None:
    hasher = Argon2PinHasher(b"pepper", memory_kib=8, rounds=1, lanes=1)
    other = Argon2PinHasher(b"another", memory_kib=8, rounds=1, lanes=1)

    kept = hasher.hash(RIGHT)

    assert RIGHT not in kept
    assert kept != hasher.hash(RIGHT)
    assert hasher.matches(kept, RIGHT)
    assert not hasher.matches(kept, WRONG)
    assert not other.matches(kept, RIGHT)
    assert not hasher.matches(None, RIGHT)
    assert not hasher.matches("", RIGHT)
    assert not hasher.matches("not a hash", RIGHT)


def test_the_person_who_signed_in_is_the_rosters(desk: Desk) -> None:
    assert sign_in(desk, "1001", RIGHT) == CASHIER


def test_a_supervisor_who_has_seen_the_person_lets_them_in_again(desk: Desk) -> None:
    wrong_tries(desk, 12)
    assert attempt(desk, RIGHT) == "locked_out"

    assert confirm_person(desk, SUPERVISOR, "1001") == CASHIER

    assert attempt(desk, RIGHT) == "ok"
    assert [row["subject"] for row in rows(desk, "audit") if row["act"] == "confirm_person"] == ["1001"]


@pytest.mark.parametrize(
    ("person", "user", "code"),
    [
        (CASHIER, "1001", "not_allowed"),
        (CASHIER, "1002", "not_allowed"),
        (SUPERVISOR, "2002", "own_tries"),
        (SUPERVISOR, "9999", "unknown_user"),
        (SUPERVISOR, "' or 1=1", "unknown_user"),
    ],
)
def test_nobody_else_and_nobody_for_oneself(desk: Desk, person: Person, user: str, code: str) -> None:
    wrong_tries(desk, 12)

    with pytest.raises(DomainError) as refusal:
        confirm_person(desk, person, user)

    assert refusal.value.code == code
    assert attempt(desk, RIGHT) == "locked_out"
