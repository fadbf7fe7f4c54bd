"""Large amounts of cash: the document that is asked for, what is kept of it, and the cap (rule 61)."""

import json

import pytest

from pos.domain.errors import NotAuthorised
from pos.domain.payment_mode import PayerKind
from pos.till.desk import Desk
from pos.till.large_cash import IdentityOrder, large_cash_of
from tests.builders.tills import (
    AUDITOR,
    BACK_OFFICE,
    CASHIER,
    OTHER_CASHIER,
    SUPERVISOR,
    TODAY,
    ask_for_documents,
    card,
    cash,
    clock_of,
    closed,
    count,
    dump,
    findings,
    in_suspense,
    make_till,
    money,
    notes,
    opened,
    passport,
    pay,
    rows,
    sale,
    stock,
    take_currencies,
)
from tests.till.books import refused, spoil


@pytest.fixture
def desk() -> Desk:
    """A document is needed from 40.000 on; less than 100.000 is taken."""
    desk = make_till()
    ask_for_documents(desk, "40", "100")
    opened(desk)
    return desk


@pytest.mark.parametrize(("amount", "needed"), [("39.995", False), ("40", True), ("99.995", True)])
def test_from_the_threshold_on_a_document_is_needed(desk: Desk, amount: str, needed: bool) -> None:
    """Rule 61: below the threshold nobody is asked, at it and above everybody is."""
    if not needed:
        pay(desk, cash(amount), account="D-1")
        assert rows(desk, "large_cash") == []
        return
    refusal = refused(desk, lambda: pay(desk, cash(amount), account="D-1"))
    assert refusal.code == "identity_needed"
    assert refusal.details == {
        "cash_today": money(amount).plain(),
        "identify_from": "40.000",
        "currency": "KWD",
        "documents": ["civil_id", "passport"],
    }

    pay(desk, cash(amount), account="D-1", identity=passport())
    assert [row["day_minor"] for row in rows(desk, "large_cash")] == [money(amount).minor]
    assert findings(desk) == []


def test_the_cash_of_a_day_is_summed(desk: Desk) -> None:
    """Rule 61: cumulative per day, so that splitting a payment does not help."""
    pay(desk, cash("20"), account="D-1")
    pay(desk, cash("15"), account="D-1")

    refusal = refused(desk, lambda: pay(desk, cash("5"), account="D-1"))

    assert (refusal.code, refusal.details["cash_today"]) == ("identity_needed", "40.000")
    assert pay(desk, cash("5"), account="D-2").receipt.total == money("5")
    pay(desk, cash("5"), account="D-1", identity=passport())
    assert [(row["cash_minor"], row["day_minor"]) for row in rows(desk, "large_cash")] == [(5_000, 40_000)]


def test_each_further_payment_of_that_day_needs_it_again(desk: Desk) -> None:
    pay(desk, cash("40"), account="D-1", identity=passport())

    assert refused(desk, lambda: pay(desk, cash("1"), account="D-1")).code == "identity_needed"


def test_another_day_begins_at_nothing(desk: Desk) -> None:
    pay(desk, cash("30"), account="D-1")
    count(desk, "50")
    closed(desk)
    clock_of(desk).advance(days=1)
    opened(desk)

    assert pay(desk, cash("30"), account="D-1").receipt.total == money("30")


def test_the_cash_of_all_cashiers_of_the_till_counts(desk: Desk) -> None:
    pay(desk, cash("30"), account="D-1")
    count(desk, "50")
    closed(desk)
    opened(desk, person=OTHER_CASHIER)

    refusal = refused(desk, lambda: pay(desk, cash("10"), account="D-1", person=OTHER_CASHIER))
    assert refusal.code == "identity_needed"


def test_change_and_other_ways_to_pay_do_not_count(desk: Desk) -> None:
    pay(desk, card("30"), cash("20"), account="BA-1")
    stock(desk)
    taken = pay(desk, cash("60"), account=None, lines=[sale("SERVICE")])
    assert taken.receipt.change == money("55")
    assert rows(desk, "large_cash") == []


def test_foreign_notes_count_by_their_value(desk: Desk) -> None:
    """Rule 61: notes of another currency are cash."""
    take_currencies(desk, {"USD": "0.5"})

    assert refused(desk, lambda: pay(desk, notes("80"), account="D-1")).code == "identity_needed"
    pay(desk, notes("80"), account="D-1", identity=passport())
    assert rows(desk, "large_cash")[0]["cash_minor"] == 40_000


def test_whoever_walks_in_stands_alone_in_each_payment(desk: Desk) -> None:
    stock(desk)
    eight = [sale("SERVICE", 8)]
    for _ in range(2):
        refusal = refused(desk, lambda: pay(desk, cash("40"), account=None, lines=eight))
        assert refusal.details["cash_today"] == "40.000"
        pay(desk, cash("40"), account=None, lines=eight, identity=passport())
    pay(desk, cash("35"), account=None, lines=[sale("SERVICE", 7)])


def test_payers_whom_nobody_knows_stand_alone_too(desk: Desk) -> None:
    """Their money goes to one suspense account, and is not one person's."""
    for amount in ("30", "35", "39"):
        letter = [in_suspense(f"letter with {amount}")]
        pay(desk, cash(amount), account=None, payer=PayerKind.SUBSCRIBER, allocate=letter)

    assert rows(desk, "large_cash") == []


def test_over_the_cap_no_cash_is_taken_with_any_document(desk: Desk) -> None:
    pay(desk, cash("60"), account="D-1", identity=passport())

    refusal = refused(desk, lambda: pay(desk, cash("40"), account="D-1", identity=passport()))

    assert (refusal.code, refusal.details["cash_today"]) == ("cash_over_cap", "100.000")
    pay(desk, cash("39.995"), account="D-1", identity=passport())
    assert findings(desk) == []


def test_a_shop_without_thresholds_asks_nobody_and_keeps_nothing() -> None:
    desk = make_till()
    opened(desk)

    pay(desk, cash("900"), account="D-1", identity=passport())

    assert rows(desk, "large_cash") == rows(desk, "large_cash_person") == []


def test_a_document_that_was_not_needed_is_not_kept(desk: Desk) -> None:
    pay(desk, cash("5"), account="D-1", identity=passport())

    assert rows(desk, "large_cash") == rows(desk, "large_cash_person") == []


@pytest.mark.parametrize(
    ("identity", "code"),
    [
        (IdentityOrder(kind="library_card", number="1"), "unknown_document"),
        (IdentityOrder(kind="", number="1"), "unknown_document"),
        (passport(""), "bad_reference"),
        (passport("  "), "bad_reference"),
        (passport("4111111111111111"), "card_number_refused"),
        (passport("4111-1111-1111-1111"), "card_number_refused"),
        (passport("K1\x1b]0;x\x07"), "bad_reference"),
        (passport("K" * 41), "text_too_long"),
        (passport(name="\x1b[31mEvil"), "bad_text"),
        (passport(name="4111 1111 1111 1111"), "card_number_refused"),
        (passport(name="N" * 121), "text_too_long"),
    ],
)
def test_a_bad_document_books_nothing(desk: Desk, identity: IdentityOrder, code: str) -> None:
    assert refused(desk, lambda: pay(desk, cash("50"), account="D-1", identity=identity)).code == code


@pytest.mark.parametrize(
    "identity",
    [
        passport("K1234567", "Zoë O'Brien"),
        passport("284010112345"),
        passport("A-12/345 B"),
        passport("K1", "محمد العنزي"),
        IdentityOrder(kind="civil_id", number="284010112345", name="李伟"),
    ],
)
def test_an_honest_document_is_kept_as_typed(desk: Desk, identity: IdentityOrder) -> None:
    pay(desk, cash("50"), account="D-1", identity=identity)

    (row,) = rows(desk, "large_cash_person")
    assert json.loads(str(row["identity_json"])) == {"name": identity.name, "number": identity.number}


# --- what is kept, and who sees it -------------------------------------------------------------------------------


def test_the_document_stands_in_its_side_row_alone(desk: Desk) -> None:
    pay(desk, cash("50"), account="D-1", identity=passport("K7654321", "Lina Al-Sabah"))
    kept = dump(desk)

    for secret in ("K7654321", "Lina Al-Sabah"):
        assert {table for table, lines in kept.items() if secret in "\n".join(lines)} == {"large_cash_person"}


def test_a_purge_leaves_the_report_and_the_chain_whole(desk: Desk) -> None:
    pay(desk, cash("50"), account="D-1", identity=passport())
    with desk.till.transaction() as unit:
        unit.connection.exec_driver_sql("DELETE FROM large_cash_person")
        unit.connection.exec_driver_sql("DELETE FROM payer_person")

    (line,) = large_cash_of(desk, BACK_OFFICE)

    assert (line.number, line.name, line.document, line.cash) == (None, None, "passport", money("50"))
    assert findings(desk) == []


def test_the_same_document_leaves_another_digest_each_time(desk: Desk) -> None:
    for account in ("D-1", "D-2"):
        pay(desk, cash("50"), account=account, identity=passport())

    assert len({row["person_digest"] for row in rows(desk, "large_cash")}) == 2


def test_the_report_lists_a_day_or_all_of_them(desk: Desk) -> None:
    """Rule 61: marked for reporting."""
    pay(desk, cash("50"), account="D-1", identity=passport("K1", "Rami Haddad"))
    pay(desk, cash("41"), account="BA-1", identity=passport("K2"))
    pay(desk, cash("1"), account="D-2")

    lines = large_cash_of(desk, BACK_OFFICE, TODAY)

    assert [(one.receipt_number[-1], one.payer_account, one.cash, one.number, one.name) for one in lines] == [
        ("1", "D-1", money("50"), "K1", "Rami Haddad"),
        ("2", "BA-1", money("41"), "K2", "Zoë O'Brien"),
    ]
    assert large_cash_of(desk, AUDITOR) == lines
    assert large_cash_of(desk, AUDITOR, TODAY.replace(day=1)) == []


@pytest.mark.parametrize("person", [CASHIER, SUPERVISOR])
def test_who_takes_the_cash_does_not_see_the_list(desk: Desk, person: object) -> None:
    with pytest.raises(NotAuthorised):
        large_cash_of(desk, person)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("check", "statement"),
    [
        ("large_cash_is_the_payers_cash", "UPDATE large_cash SET cash_minor = cash_minor - 1"),
        ("large_cash_is_the_payers_cash", "UPDATE large_cash SET business_date = '2026-11-20'"),
        ("chain_row_altered", "UPDATE large_cash SET document = 'civil_id'"),
        ("chain_row_missing", "DELETE FROM large_cash"),
    ],
)
def test_a_broken_promise_is_named(desk: Desk, check: str, statement: str) -> None:
    pay(desk, cash("50"), account="D-1", identity=passport())

    spoil(desk, statement)

    assert check in {found.check for found in findings(desk)}
