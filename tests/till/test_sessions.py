"""Lock-outs by two clocks, per user and terminal; sessions that end; PINs that must be fresh, or changed."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from pos.bootstrap.policy import shop_policy
from pos.domain.errors import DomainError, NotAuthorised, Refused
from pos.domain.lock_out import Lock, Moment
from pos.domain.pin import pin_problem
from pos.domain.role import Person, Role
from pos.domain.session import SessionPolicy
from pos.settings import read_settings
from pos.store.beside import Beside
from pos.store.cache import set_marker
from pos.store.people import RosterEntry, pin_tries, put_person, roster_entry
from pos.store.silence import heard_now
from pos.store.times import utc_text
from pos.till.cash_office import close_shift, open_shift
from pos.till.desk import Desk, PinPolicy
from pos.till.enquiries import find, till_state
from pos.till.gate import audited_later, require_look
from pos.till.people import change_pin
from pos.till.pin_tries import NOBODY, count_try, take_in, write_refusals_beside
from pos.till.script import Script
from pos.till.sign_in import (
    check_beside,
    confirm_person,
    confirm_pin,
    end_session,
    lock,
    sign_in,
    sign_out,
    unlock,
)
from tests.builders.tills import (
    CASHIER,
    NOW,
    PEOPLE,
    PINS,
    SUPERVISOR,
    clock_of,
    close_stores,
    closed,
    count,
    dump,
    findings,
    make_till,
    opened,
    put_settings,
    reopened,
    rows,
)

RIGHT, WRONG = PINS["1001"], "000000"


@pytest.fixture
def desk() -> Desk:
    return make_till()


def attempt(desk: Desk, pin: str, user: str = "1001") -> tuple[str, str]:
    """``ok``, or the code of the refusal; and what is said."""
    try:
        sign_in(desk, user, pin)
    except NotAuthorised as refusal:
        return refusal.code, refusal.message
    return "ok", ""


def codes(desk: Desk, act: str) -> list[tuple[object, object]]:
    return [(row["operator"], row["reason_code"]) for row in rows(desk, "v_audit") if row["act"] == act]


# --- lock-outs -------------------------------------------------------------------------------------------------


def test_lockout_survives_any_setting_of_the_clock(desk: Desk) -> None:
    """Invariant 46: a clock set forward ends no lock, one set back makes none longer."""
    for _ in range(5):
        attempt(desk, WRONG)
    clock = clock_of(desk)

    for jump in (timedelta(hours=1), timedelta(days=400), -timedelta(days=1)):
        clock.set(NOW + jump)
        assert attempt(desk, RIGHT) == ("locked_out", "Too many wrong tries. Try again in 1 min.")
    clock.advance(seconds=60)
    assert attempt(desk, RIGHT)[0] == "ok"


def test_a_clock_an_hour_on_for_each_try_walks_past_no_lock(desk: Desk) -> None:
    for _ in range(5):
        attempt(desk, WRONG)

    tries = []
    for _ in range(5):
        clock_of(desk).set(clock_of(desk).now() + timedelta(hours=1))
        tries.append(attempt(desk, WRONG)[0])

    assert tries == ["locked_out"] * 5


def test_lockout_survives_restart_with_the_clock_behind(tmp_path: Path) -> None:
    """Invariant 46: locked by a clock that stood 400 days ahead, then set right and started anew: the same minute again."""
    desk = make_till(tmp_path)
    clock_of(desk).set(NOW + timedelta(days=400))
    for _ in range(5):
        attempt(desk, WRONG)
    clock_of(desk).set(NOW)
    desk = replace(reopened(desk), boot="another run")

    assert attempt(desk, RIGHT) == ("locked_out", "Too many wrong tries. Try again in 1 min.")
    clock_of(desk).advance(seconds=59)
    assert attempt(desk, RIGHT)[0] == "locked_out"
    clock_of(desk).advance(seconds=1)
    assert attempt(desk, RIGHT)[0] == "ok"
    close_stores(desk)


@pytest.mark.parametrize("same_run", [True, False])
def test_a_lock_is_never_longer_than_itself(same_run: bool) -> None:
    since = Moment(wall=NOW, monotonic_s=100.0, boot="a")
    lock = Lock(since=since, length=timedelta(minutes=5))
    for days in (-500, -1, 0):
        now = Moment(wall=NOW + timedelta(days=days), monotonic_s=100.0, boot="a" if same_run else "b")
        assert lock.left(now) == timedelta(minutes=5)
    later = Moment(wall=NOW + timedelta(minutes=4), monotonic_s=340.0, boot="a" if same_run else "b")
    assert lock.left(later) == timedelta(minutes=1)


def test_known_and_unknown_numbers_are_told_the_same(desk: Desk) -> None:
    """Whoever tries learns nothing of who works here: text for text, to the last lock."""
    desk.policy = replace(desk.policy, pins=replace(desk.policy.pins, terminal_failures=1_000))

    def tried(user: str) -> list[tuple[str, str]]:
        told = []
        for _ in range(12):
            told.append(attempt(desk, WRONG, user))
            told.append(attempt(desk, WRONG, user))
            clock_of(desk).advance(minutes=31)
        return told

    assert tried("1001") == tried("8888") == tried("9999")


def test_numbers_that_are_nobodys_are_kept_as_marks_and_not_without_end(desk: Desk) -> None:
    desk.policy = replace(desk.policy, pins=replace(desk.policy.pins, terminal_failures=1_000))
    for number in range(210):
        count_try(desk, f"8{number:05}", "sign_in")

    kept = [row for row in rows(desk, "pin_try") if str(row["subject"]).startswith("unknown:")]
    assert len(kept) == 200
    assert "800205" not in str(dump(desk))


def test_the_terminal_is_locked_when_many_are_guessed_at(desk: Desk) -> None:
    """Wrong tries at known people are counted for the terminal as well, with a threshold of its own."""
    users = [person.user for person in PEOPLE]
    for place in range(20):
        assert attempt(desk, WRONG, users[place % 7])[0] == "wrong_pin"

    assert attempt(desk, PINS["2002"], "2002")[0] == "locked_out"
    assert attempt(desk, WRONG, "9999")[0] == "locked_out"
    clock_of(desk).advance(minutes=1)
    assert attempt(desk, PINS["2002"], "2002")[0] == "ok"


def test_who_mistypes_and_then_signs_in_locks_nobody(desk: Desk) -> None:
    for _ in range(30):
        assert [attempt(desk, pin)[0] for pin in (WRONG, WRONG, RIGHT)][-1] == "ok"

    with desk.till.read() as connection:
        assert pin_tries(connection, "terminal").failures == 0


def test_a_supervisor_frees_user_and_terminal(desk: Desk) -> None:
    for _ in range(20):
        attempt(desk, WRONG)
        clock_of(desk).advance(minutes=31)

    confirm_person(desk, SUPERVISOR, "1001")

    assert attempt(desk, RIGHT)[0] == "ok"


def test_a_try_that_a_crash_cut_off_is_audited_by_the_next(desk: Desk) -> None:
    cut_off = count_try(desk, "1001", "sign_in")

    attempt(desk, RIGHT)

    assert codes(desk, "sign_in") == [("1001", "broken_off"), ("1001", None)]
    assert rows(desk, "audit")[0]["deed_id"] == cut_off.deed_id
    assert findings(desk) == []


# --- beside an open till ---------------------------------------------------------------------------------------


@pytest.fixture
def beside(desk: Desk, tmp_path: Path) -> Beside:
    (tmp_path / "keys").mkdir()
    desk.beside = Beside(tmp_path / "keys" / "tries")
    return desk.beside


def beside_attempt(desk: Desk, pin: str, user: str = "2002") -> str:
    try:
        check_beside(desk, user, pin)
    except NotAuthorised as refusal:
        return refusal.code
    return "ok"


def test_guesses_beside_an_open_till_are_counted_and_have_an_end(
    desk: Desk, beside: Beside, tmp_path: Path
) -> None:
    told = [beside_attempt(desk, f"{number:06}") for number in range(14)]

    assert told == ["wrong_pin"] * 4 + ["locked_out"] * 10
    assert beside_attempt(desk, PINS["2002"]) == "locked_out"
    assert beside_attempt(desk, RIGHT, "1001") == "ok"
    assert stat.S_IMODE((tmp_path / "keys" / "tries").stat().st_mode) == 0o600


def test_the_till_takes_into_its_books_what_was_tried_beside_it(desk: Desk, beside: Beside) -> None:
    for pin in (WRONG, WRONG, WRONG, WRONG):
        beside_attempt(desk, pin)
    beside_attempt(desk, WRONG, "9999")
    beside_attempt(desk, RIGHT, "1001")

    take_in(desk)
    take_in(desk)

    assert codes(desk, "sign_in") == [
        *[("2002", "wrong_pin")] * 4,
        (NOBODY.user, "wrong_pin"),
        ("1001", None),
    ]
    assert beside.is_empty
    assert attempt(desk, WRONG, "2002")[0] == "wrong_pin"
    assert attempt(desk, PINS["2002"], "2002")[0] == "locked_out"
    assert findings(desk) == []


def test_what_was_taken_in_before_a_crash_is_not_taken_in_twice(
    desk: Desk, beside: Beside, tmp_path: Path
) -> None:
    beside_attempt(desk, WRONG)
    text = (tmp_path / "keys" / "tries").read_bytes()
    take_in(desk)
    (tmp_path / "keys" / "tries").write_bytes(text + b'{"try": "cut of')

    take_in(desk)

    assert codes(desk, "sign_in") == [("2002", "wrong_pin")]


@pytest.mark.parametrize(
    "line",
    [
        b"[]",
        b"{}",
        b"[" * 100_000,
        b'{"try": "T-1", "subject": "user:1001"}',
        b'{"try": "T-1", "at": "soon", "subject": "user:1001"}',
        b'{"refused": "T-1"}',
        b'{"refused": "T-1", "at": 7, "user": "1001", "act": "pay", "code": "x"}',
    ],
)
def test_a_line_that_is_none_keeps_nobody_out(
    desk: Desk, beside: Beside, tmp_path: Path, line: bytes
) -> None:
    beside_attempt(desk, WRONG)
    with (tmp_path / "keys" / "tries").open("ab") as file:
        file.write(line + b"\n")

    take_in(desk)

    assert beside.is_empty
    assert codes(desk, "sign_in") == [("2002", "wrong_pin")]


def test_a_denial_beside_an_open_till_comes_into_its_books(desk: Desk, beside: Beside) -> None:
    with pytest.raises(NotAuthorised):
        require_look(desk, "see_expected", CASHIER)
    write_refusals_beside(desk)

    take_in(desk)

    assert codes(desk, "see_expected") == [("1001", "not_allowed")]


def test_where_nothing_can_be_written_no_pin_is_checked(desk: Desk, tmp_path: Path) -> None:
    desk.beside = Beside(tmp_path / "no such folder" / "tries")

    with pytest.raises(Refused) as refusal:
        check_beside(desk, "2002", PINS["2002"])

    assert refusal.value.code == "store_write_failed"


# --- sessions --------------------------------------------------------------------------------------------------


def code_of(desk: Desk, person: Person = CASHIER, float_: str = "5") -> str:
    try:
        open_shift(desk, person, float_)
    except DomainError as refusal:
        return refusal.code
    return "ok"


def test_a_session_ends_after_its_hours_whatever_is_done_in_it(desk: Desk) -> None:
    sign_in(desk, "1001", RIGHT)
    clock_of(desk).advance(hours=11, minutes=59)
    assert find(desk, CASHIER, "BA-1")
    unlock(desk, CASHIER, RIGHT)
    clock_of(desk).advance(minutes=1)

    assert code_of(desk) == "session_over"
    with pytest.raises(NotAuthorised, match="Sign in again"):
        find(desk, CASHIER, "BA-1")
    unlock(desk, CASHIER, RIGHT)
    assert code_of(desk) == "ok"


@pytest.mark.parametrize("jump", [timedelta(hours=12), timedelta(days=-3)])
def test_a_clock_that_is_set_ends_a_session_at_most_sooner(desk: Desk, jump: timedelta) -> None:
    sign_in(desk, "1001", RIGHT)
    clock_of(desk).set(NOW + jump)

    assert code_of(desk) == ("session_over" if jump > timedelta(0) else "clock_behind")
    clock_of(desk).advance(hours=12)
    with pytest.raises(NotAuthorised):
        require_look(desk, "enquire", CASHIER)


def test_who_signed_out_does_nothing_more(desk: Desk) -> None:
    sign_in(desk, "1001", RIGHT)
    sign_out(desk, CASHIER)

    assert code_of(desk) == "session_over"


def test_what_happens_at_the_seat_has_its_own_names_in_the_audit(desk: Desk) -> None:
    sign_in(desk, "1001", RIGHT)
    opened(desk)
    lock(desk, CASHIER, why="idle")
    with pytest.raises(NotAuthorised):
        unlock(desk, CASHIER, WRONG)
    unlock(desk, CASHIER, RIGHT)
    sign_out(desk, CASHIER)
    sign_in(desk, "2002", PINS["2002"])
    end_session(desk, SUPERVISOR, why="script_ended")

    shift = rows(desk, "v_shift")[0]["shift_id"]
    assert [
        (row["operator"], row["act"], row["result"], row["reason_code"], row["shift_id"])
        for row in rows(desk, "v_audit")
        if row["act"] != "open_shift"
    ] == [
        ("1001", "sign_in", "ok", None, None),
        ("1001", "lock", "ok", "idle", shift),
        ("1001", "unlock", "denied", "wrong_pin", shift),
        ("1001", "unlock", "ok", None, shift),
        ("1001", "sign_out", "ok", None, shift),
        ("2002", "sign_in", "ok", None, None),
        ("2002", "session_end", "ok", "script_ended", None),
    ]


def sensitive(desk: Desk, *acts: str) -> Desk:
    desk.policy = replace(desk.policy, sessions=SessionPolicy(fresh_acts=frozenset(acts)))
    return desk


def test_a_sensitive_act_wants_a_pin_that_was_typed_lately(desk: Desk) -> None:
    sensitive(desk, "close_shift")
    sign_in(desk, "1001", RIGHT)
    opened(desk)
    count(desk, "20")
    clock_of(desk).advance(minutes=5, seconds=1)

    with pytest.raises(NotAuthorised) as refusal:
        close_shift(desk, CASHIER)
    assert refusal.value.code == "pin_needed"
    with pytest.raises(NotAuthorised):
        confirm_pin(desk, CASHIER, WRONG)
    assert rows(desk, "shift_close") == []
    confirm_pin(desk, CASHIER, RIGHT)

    close_shift(desk, CASHIER)
    assert codes(desk, "confirm_pin") == [("1001", "wrong_pin"), ("1001", None)]


def test_in_a_script_signing_in_again_is_the_fresh_pin(desk: Desk) -> None:
    sensitive(desk, "open_shift")
    script = Script(desk, sign_in(desk, "1001", RIGHT))
    clock_of(desk).advance(minutes=6)
    line = json.dumps({"ref": "a1", "act": "open_shift", "float": {"amount": "5"}})

    first = script.run_line(line)
    script.run_line(json.dumps({"ref": "a2", "act": "sign_in", "user": "1001", "pin": RIGHT}))

    assert first["error"]["code"] == "pin_needed"  # type: ignore[index]
    assert script.run_line(line)["ok"]


@pytest.mark.parametrize(
    "changed",
    [
        {"active": False},
        {"person": replace(CASHIER, roles=frozenset({Role.SUPERVISOR}))},
        {"person": replace(CASHIER, accounts=frozenset({"BA-1"}))},
    ],
)
def test_who_is_disabled_or_changed_does_nothing_more_though_seated(
    desk: Desk, changed: dict[str, object]
) -> None:
    """A session is as good as the roster now, not as it was at the sign-in."""
    sign_in(desk, "1001", RIGHT)
    with desk.till.transaction() as unit:
        entry = roster_entry(unit.connection, "1001")
        assert entry is not None
        put_person(unit.connection, replace(entry, **changed), at=NOW)  # type: ignore[arg-type]

    assert code_of(desk) == "person_changed"


@pytest.fixture
def silent(desk: Desk) -> Desk:
    """A till that lets people in for 7 days of central's silence, and has just heard it."""
    desk = replace(desk, boot="this run")
    desk.policy = replace(desk.policy, sessions=SessionPolicy(roster=timedelta(days=7)))
    heard(desk)
    return desk


def heard(desk: Desk) -> None:
    """Central has told all."""
    with desk.cache.write() as cache:
        set_marker(cache, "told_at", utc_text(desk.clock.now()))
        heard_now(cache, boot=desk.boot, monotonic_s=desk.clock.monotonic_s())


def test_nobody_is_let_in_by_a_roster_that_nobody_has_confirmed_for_long(silent: Desk) -> None:
    clock_of(silent).advance(days=7)
    assert attempt(silent, RIGHT)[0] == "ok"

    clock_of(silent).advance(seconds=1)

    assert attempt(silent, RIGHT)[0] == "roster_too_old"
    assert attempt(silent, WRONG)[0] == "wrong_pin"


@pytest.mark.parametrize("same_run", [True, False])
def test_a_clock_that_was_set_far_ahead_locks_no_shop_out(silent: Desk, same_run: bool) -> None:
    """Rule 26: what the till can know is that nobody has worked here for so long."""
    desk = silent if same_run else replace(silent, boot="another run")
    clock_of(desk).advance(days=1)
    assert attempt(desk, RIGHT)[0] == "ok"

    clock_of(desk).set(NOW + timedelta(days=400))

    assert attempt(desk, RIGHT)[0] == "ok"
    assert till_state(desk).roster_left is None


def test_after_another_start_the_days_count_on_which_something_was_done(silent: Desk) -> None:
    desk = replace(silent, boot="another run")
    done = []
    for _ in range(9):
        clock_of(desk).advance(days=1)
        done.append(attempt(desk, RIGHT)[0])

    # The try of the eighth day is the eighth day of work, which is seen from the next on.
    assert done == ["ok"] * 8 + ["roster_too_old"]


def test_a_day_before_it_is_said_for_how_long_people_are_still_let_in(silent: Desk) -> None:
    clock_of(silent).advance(days=5, hours=23)
    assert till_state(silent).roster_left is None

    clock_of(silent).advance(hours=4)

    assert till_state(silent).roster_left == timedelta(hours=21)


def test_a_supervisor_lets_somebody_in_for_one_shift_however_long_central_is_silent(silent: Desk) -> None:
    """The supervisor's own signing in says in the audit that the roster is too old."""
    clock_of(silent).advance(days=8)
    assert attempt(silent, RIGHT)[0] == "roster_too_old"

    sign_in(silent, SUPERVISOR.user, PINS[SUPERVISOR.user])
    confirm_person(silent, SUPERVISOR, "1001")

    assert attempt(silent, RIGHT)[0] == "ok"
    assert codes(silent, "sign_in")[-2:] == [(SUPERVISOR.user, "roster_too_old"), ("1001", "roster_too_old")]
    opened(silent)
    assert attempt(silent, RIGHT)[0] == "ok"
    count(silent, "20")
    closed(silent)
    assert attempt(silent, RIGHT)[0] == "roster_too_old"


def test_whom_a_supervisor_let_in_is_let_in_no_longer_than_a_day(silent: Desk) -> None:
    clock_of(silent).advance(days=8)
    confirm_person(silent, SUPERVISOR, "1001")

    clock_of(silent).advance(days=1)

    assert attempt(silent, RIGHT)[0] == "roster_too_old"


@pytest.mark.parametrize("roles", [{Role.ADMIN, Role.CASHIER}, {Role.AUDITOR, Role.SUPERVISOR}])
def test_who_was_given_roles_that_do_not_go_together_is_not_let_in(desk: Desk, roles: set[Role]) -> None:
    with desk.till.transaction() as unit:
        entry = roster_entry(unit.connection, "1001")
        assert entry is not None
        put_person(unit.connection, replace(entry, person=replace(CASHIER, roles=frozenset(roles))), at=NOW)

    assert attempt(desk, RIGHT)[0] == "roles_apart"


# --- PINs ------------------------------------------------------------------------------------------------------


@pytest.fixture
def newcomer(desk: Desk) -> Person:
    person = Person(user="1077", name="Mia", roles=frozenset({Role.CASHIER}))
    with desk.till.transaction() as unit:
        put_person(
            unit.connection,
            RosterEntry(
                person=person,
                pin_hash=desk.pin_hasher.hash("440912"),
                active=True,
                pin_is_first=True,
                pin_expires=NOW + timedelta(hours=24),
            ),
            at=NOW,
        )
    return person


def test_a_first_pin_opens_nothing_but_the_choice_of_another(desk: Desk, newcomer: Person) -> None:
    sign_in(desk, "1077", "440912")
    assert code_of(desk, newcomer) == "pin_is_first"
    with pytest.raises(NotAuthorised):
        find(desk, newcomer, "BA-1")

    change_pin(desk, newcomer, "440912", "907351")

    assert code_of(desk, newcomer) == "ok"
    assert attempt(desk, "440912", "1077")[0] == "wrong_pin"
    assert attempt(desk, "907351", "1077")[0] == "ok"
    (change,) = rows(desk, "person_change")
    assert (change["user"], change["act"], change["operator"]) == ("1077", "change_pin", "1077")


def test_a_first_pin_that_nobody_changed_expires(desk: Desk, newcomer: Person) -> None:
    clock_of(desk).advance(hours=24)

    assert attempt(desk, "440912", newcomer.user)[0] == "pin_expired"


@pytest.mark.parametrize(
    "pin", ["440912", "111111", "123456", "107712", "990149", "147258", "12345", "21112026"]
)
def test_an_own_pin_is_neither_the_old_one_nor_easy(desk: Desk, newcomer: Person, pin: str) -> None:
    sign_in(desk, "1077", "440912")

    with pytest.raises(Refused) as refusal:
        change_pin(desk, newcomer, "440912", pin)

    assert refusal.value.code == "bad_pin"
    assert pin not in refusal.value.message
    assert attempt(desk, "440912", "1077")[0] == "ok"


def test_a_pin_is_changed_by_who_knows_it_and_the_tries_are_counted(desk: Desk) -> None:
    sign_in(desk, "1001", RIGHT)
    for _ in range(5):
        with pytest.raises(NotAuthorised):
            change_pin(desk, CASHIER, WRONG, "907351")

    with pytest.raises(NotAuthorised) as refusal:
        change_pin(desk, CASHIER, RIGHT, "907351")
    assert refusal.value.code == "locked_out"


def test_a_script_changes_a_pin_and_nothing_keeps_it(desk: Desk, newcomer: Person) -> None:
    script = Script(desk, CASHIER)

    told = script.run_line(json.dumps({"ref": "a1", "act": "sign_in", "user": "1077", "pin": "440912"}))
    line = json.dumps({"ref": "a2", "act": "change_pin", "pin": "440912", "new_pin": "907351"})
    changed = script.run_line(line)

    assert told["change_pin"] is True
    assert changed == {"ref": "a2", "ok": True, "act": "change_pin", "user": "1077"}
    assert script.run_line(line)["error"]["code"] == "wrong_pin"  # type: ignore[index]
    written = str(dump(desk, without=["person"]))
    assert "907351" not in written
    assert "440912" not in written


@pytest.mark.parametrize("pin", ["147258", "159753", "246810", "314159", "11223344", "147258369"])
def test_a_pin_that_many_people_have_is_refused(pin: str) -> None:
    assert pin_problem(pin, user="1001", min_digits=6) == "Many people have this PIN."


def test_a_pin_does_not_hold_the_shops_number() -> None:
    assert (
        pin_problem("990149", user="1001", min_digits=6, shop="S014")
        == "A PIN does not hold the shop's number."
    )
    assert pin_problem("990149", user="1001", min_digits=6, shop="S14") is None
    assert pin_problem("990149", user="1001", min_digits=6) is None


def test_what_is_refused_twice_over_is_audited_once(desk: Desk) -> None:
    with (
        pytest.raises(NotAuthorised),
        audited_later(desk, "enquire", CASHIER),
        audited_later(desk, "enquire", CASHIER),
    ):
        raise NotAuthorised("not_allowed", "No.")

    assert len(desk.unwritten) == 1


def test_the_policy_of_a_test_till_is_the_shipped_one() -> None:
    assert PinPolicy(lock_minutes=(1, 5, 30), max_failures=10).terminal_failures == 20


@pytest.mark.parametrize(
    ("sync", "roster"),
    [
        ("", None),
        ('central_url = "https://central.test"', timedelta(days=7)),
        ('payment_url = "https://bank.test/p"\nbill_url = "https://bank.test/b"', None),
    ],
    ids=["no central", "our central", "a foreign server"],
)
def test_only_a_central_that_tells_of_people_can_be_waited_for_too_long(
    tmp_path: Path, sync: str, roster: timedelta | None
) -> None:
    """A foreign server knows nobody: its silence says nothing of who works here."""
    put_settings(tmp_path, "till.toml", f"[sync]\n{sync}\n")
    nowhere = replace(make_till().identity, central_url="")

    assert shop_policy(read_settings(home=tmp_path), nowhere).sessions.roster == roster
