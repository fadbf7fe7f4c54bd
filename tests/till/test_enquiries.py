"""Looking things up: exact ids first, then phone endings, then names; a dealer sees its own and no more (invariant 47)."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from pos.domain.check_digit import CheckDigit
from pos.domain.errors import NotAuthorised, Refused
from pos.domain.role import Person
from pos.store import cache as cached
from pos.store.cache import put_rates
from pos.till.desk import Desk
from pos.till.enquiries import (
    HITS_MAX,
    HitKind,
    account_view,
    bill_view,
    dealers,
    find,
    rates_of_line,
    till_state,
)
from pos.till.known_accounts import nothing_found
from tests.builders.tills import (
    ADMIN,
    AUDITOR,
    BACK_OFFICE,
    CASHIER,
    CHARGER_EAN,
    DEALER,
    HONEST_NAMES,
    SUPERVISOR,
    account,
    bank_cash,
    bank_cheque,
    bill,
    card,
    cash,
    clock_of,
    dump,
    grant_limit,
    items_of,
    line,
    make_till,
    money,
    opened,
    pay,
    rate,
    sale,
    stock,
    tell,
)


@pytest.fixture
def desk() -> Desk:
    desk = make_till()
    opened(desk)
    return desk


def hits(desk: Desk, query: str, person: Person = CASHIER) -> list[tuple[str, str]]:
    return [(str(hit.kind), hit.key) for hit in find(desk, person, query)]


def accounts(desk: Desk, query: str, person: Person = CASHIER) -> set[str]:
    found = find(desk, person, query)
    assert {hit.kind for hit in found} <= {HitKind.ACCOUNT}
    return {hit.key for hit in found}


def test_an_account_is_found_by_customer_and_by_a_former_number_exactly(desk: Desk) -> None:
    """Rule 28: bills are found by bill no., account, phone, ID, old account; scan matches exactly."""
    tell(desk, accounts=[replace(account("BA-7"), customer="C-77", former=("OLD-7004", "12345"))])

    for query in ("C-77", "c-77", "OLD-7004", "old-7004", "12345"):
        (hit,) = find(desk, CASHIER, query)
        assert (hit.kind, hit.key, hit.exact) == (HitKind.ACCOUNT, "BA-7", True)
    for query in ("C-7", "OLD-700", "OLD-70041", "1234", "123456"):
        assert "BA-7" not in {hit.key for hit in find(desk, CASHIER, query)}


def test_a_customer_with_several_accounts_is_asked_which(desk: Desk) -> None:
    """Rule 28: ambiguity opens nothing by itself."""
    tell(desk, accounts=[replace(account(number), customer="C-77") for number in ("BA-7", "BA-8")])

    assert [(hit.key, hit.exact) for hit in find(desk, CASHIER, "C-77")] == [("BA-7", False), ("BA-8", False)]


def test_a_dealer_finds_no_customer_by_id(desk: Desk) -> None:
    tell(desk, accounts=[replace(account("BA-7"), customer="C-77", former=("OLD-7004",))])

    assert find(desk, DEALER, "C-77") == find(desk, DEALER, "OLD-7004") == []


def test_a_mistyped_number_is_told_from_an_unknown_one(desk: Desk) -> None:
    """Rule 28: account numbers have check digits."""
    desk.policy = replace(desk.policy, check_digit=CheckDigit.LUHN)

    for number, code in (("79927398713", "unknown_account"), ("79927398710", "mistyped_account")):
        with pytest.raises(Refused) as refusal:
            account_view(desk, CASHIER, number)
        assert refusal.value.code == code
        with pytest.raises(Refused) as refusal:
            pay(desk, cash("1"), account=number)
        assert refusal.value.code == code
    assert "mistyped" in nothing_found(desk, "79927398710")
    assert "mistyped" not in nothing_found(desk, "79927398713")


@pytest.mark.parametrize(
    ("query", "kind", "key"),
    [
        ("BA-1", "account", "BA-1"),
        ("ba-1", "account", "BA-1"),
        (" BA-1 ", "account", "BA-1"),
        ("D-1", "account", "D-1"),
        ("7781", "bill", "7781"),
        ("CB-7781", "bill", "7781"),
        ("cb-7781", "bill", "7781"),
        ("S014-T1-A-000001", "receipt", "S014-T1-A-000001"),
        ("s014-t1-a-000001", "receipt", "S014-T1-A-000001"),
    ],
)
def test_an_exact_id_is_found_alone(desk: Desk, query: str, kind: str, key: str) -> None:
    pay(desk, cash("5"))

    (hit,) = find(desk, CASHIER, query)

    assert (hit.kind, hit.key, hit.exact) == (kind, key, True)
    assert hit.account is not None
    assert hit.account.account in ("BA-1", "D-1")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("+96555510001", {"BA-1"}),
        ("0096555510001", {"BA-1"}),
        ("+965 5551 0001", {"BA-1"}),
        ("5551-0001", {"BA-1"}),
        ("(5551) 0001", {"BA-1"}),
        ("10001", {"BA-1", "D-1"}),
        ("0001", {"BA-1", "D-1"}),
        ("0004", {"BA-4"}),
        ("49", set()),
        ("5551000", set()),
    ],
)
def test_a_phone_number_is_found_by_its_ending(desk: Desk, query: str, found: set[str]) -> None:
    assert accounts(desk, query) == found


def test_zeros_in_front_of_an_ending_count(desk: Desk) -> None:
    tell(desk, accounts=[account("BA-8", "Other", phone="+96555512304")])

    assert accounts(desk, "0004") == {"BA-4"}
    assert accounts(desk, "04") == {"BA-4", "BA-8"}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("zoe", {"BA-1"}),
        ("ZOË", {"BA-1"}),
        ("o'br", {"BA-1"}),
        ("o'brien zoe", {"BA-1"}),
        ("brien, zoë", {"BA-1"}),
        ("gross", {"BA-6"}),
        ("groß", {"BA-6"}),
        ("jurg", {"BA-6"}),
        ("at&t", {"BA-2"}),
        ("AT&T [NL]", {"BA-2"}),
        ("nl ltd", {"BA-2"}),
        ("محمد", {"BA-4"}),
        ("العن", {"BA-4"}),
        ("李伟", {"BA-3"}),
        ("李", {"BA-3"}),
        ("م", {"BA-4"}),
        ("zo nobody", set()),
        ("rien", set()),
    ],
)
def test_a_name_is_found_by_the_beginnings_of_its_words(desk: Desk, query: str, found: set[str]) -> None:
    assert accounts(desk, query) == found


@pytest.mark.parametrize("query", ["", " ", "z", "Z", "é", "1", "٣", "'", "[", "*", '"', "_"])
def test_a_single_latin_letter_digit_or_sign_finds_nothing(desk: Desk, query: str) -> None:
    assert hits(desk, query) == []


@pytest.mark.parametrize(
    "query",
    [
        *(
            '"',
            '""',
            '"zoe',
            "zoe*",
            "zoe OR gulf",
            "NOT zoe",
            "zoe NEAR gulf",
            "words:zoe",
            "(zoe",
            "^zoe",
            "zoe^",
        ),
        *("-zoe", "'; drop table account; --", "%", "_%", "{}", "\\", "a" * 80, "- -", "[@click=app.quit]"),
        "👨\u200d👩\u200d👧",
    ],
)
def test_no_query_is_a_language_of_its_own(desk: Desk, query: str) -> None:
    assert accounts(desk, query) <= {"BA-1", "BA-5"}
    assert accounts(desk, "zoe") == {"BA-1"}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("\x1b[2J", "bad_text"),
        ("zoe\x00", "bad_text"),
        ("a\u202eb", "bad_text"),
        ("x" * 81, "text_too_long"),
        ("9" * 5_000, "text_too_long"),
        ("4111 1111 1111 1111", "card_number_refused"),
    ],
)
def test_a_hostile_query_is_refused(desk: Desk, query: str, code: str) -> None:
    with pytest.raises(Refused) as refusal:
        find(desk, CASHIER, query)

    assert refusal.value.code == code


@pytest.mark.parametrize("name", HONEST_NAMES[:-1])
def test_an_honest_name_is_found_by_itself(desk: Desk, name: str) -> None:
    tell(desk, accounts=[account("BA-77", name)])

    assert "BA-77" in accounts(desk, name)


@pytest.mark.parametrize(
    "name", ["हिन्दी नाम", "Ирина Ёлкина", "Παύλος", "שרה כהן", "นางสาวน้ำฝน", "김민준", "Nguyễn Thị Ánh"]
)
def test_a_name_in_any_script_is_found_by_its_beginning(desk: Desk, name: str) -> None:
    tell(desk, accounts=[account("BA-77", name)])

    assert "BA-77" in accounts(desk, name[:3])


def test_hits_have_an_end(desk: Desk) -> None:
    tell(desk, accounts=[account(f"BA-9{number}", f"Many {number}") for number in range(40)])

    assert len(find(desk, CASHIER, "many")) == HITS_MAX
    assert len(find(desk, CASHIER, "many", limit=3)) == 3


def test_looking_changes_nothing(desk: Desk) -> None:
    pay(desk, cash("5"))
    before = dump(desk)

    find(desk, CASHIER, "zoe")
    account_view(desk, CASHIER, "BA-1")
    bill_view(desk, CASHIER, "7781")
    till_state(desk)

    assert dump(desk) == before


# --- an account ------------------------------------------------------------------------------------------------------


def test_an_account_shows_what_is_open_by_due_date(desk: Desk) -> None:
    view = account_view(desk, CASHIER, "BA-1")

    assert [(entry.bill.bill_no, entry.open) for entry in view.bills] == [
        ("7781", money("41.750")),
        ("7782", money("12.500")),
    ]
    assert (view.balance, view.overdue, view.credit) == (money("54.250"), money("41.750"), money("0"))


def test_an_account_shows_a_payment_at_once(desk: Desk) -> None:
    pay(desk, cash("42.750"))

    view = account_view(desk, CASHIER, "BA-1")

    assert [(entry.bill.bill_no, entry.open) for entry in view.bills] == [("7782", money("11.500"))]
    assert (view.balance, view.overdue) == (money("11.500"), money("0"))


def test_an_account_shows_credit_at_once(desk: Desk) -> None:
    pay(desk, cash("5"), account="D-1")

    assert account_view(desk, CASHIER, "D-1").credit == money("5")


def test_a_bill_of_another_currency_is_shown_and_not_summed(desk: Desk) -> None:
    tell(desk, bills=[bill("7788", money("5", "EUR"), of="BA-1")])

    view = account_view(desk, CASHIER, "BA-1")

    assert "7788" in [entry.bill.bill_no for entry in view.bills]
    assert view.balance == money("54.250")


def test_what_falls_due_becomes_overdue_the_day_after(desk: Desk) -> None:
    clock_of(desk).advance(days=10)
    assert account_view(desk, CASHIER, "BA-1").overdue == money("41.750")

    clock_of(desk).advance(days=1)
    assert account_view(desk, CASHIER, "BA-1").overdue == money("54.250")


@pytest.mark.parametrize("account_id", ["BA-404", "ba-1", "' or 1=1"])
def test_an_account_that_is_not_known_is_refused(desk: Desk, account_id: str) -> None:
    with pytest.raises(Refused) as refusal:
        account_view(desk, CASHIER, account_id)

    assert refusal.value.code == "unknown_account"


@pytest.mark.parametrize(
    ("typed", "code"),
    [("", "bad_reference"), ("\x1b[2J", "bad_reference"), ("4111111111111111", "card_number_refused")],
)
@pytest.mark.parametrize("look", [account_view, bill_view])
def test_what_is_no_number_is_refused_and_never_repeated(
    desk: Desk, look: Callable[[Desk, Person, str], object], typed: str, code: str
) -> None:
    with pytest.raises(Refused) as refusal:
        look(desk, CASHIER, typed)

    assert refusal.value.code == code
    assert not typed or typed not in str(refusal.value.as_json())


# --- a bill ----------------------------------------------------------------------------------------------------------


def test_a_bill_shows_lines_and_rates_that_agree(desk: Desk) -> None:
    view = bill_view(desk, CASHIER, "7781")

    assert view.sums.agree
    assert view.rates_known
    assert not view.lines_are_ours
    assert view.bill.open == money("41.750")
    by_id = {line.line_id: line for line in view.lines}
    assert {rate.rate_id for rate in rates_of_line(view, by_id["L1a"])} == {"R-1"}
    assert {rate.rate_id for rate in rates_of_line(view, by_id["L1"])} == {"R-1", "R-2"}
    assert {rate.rate_id for rate in rates_of_line(view, by_id["L2"])} == {"R-3"}


def test_groups_that_hold_each_other_end(desk: Desk) -> None:
    told = bill(
        "7787",
        money("5"),
        lines=[
            line("A", money("5"), name="A", rates=["R-9"], parent="B"),
            line("B", money("5"), name="B", rates=["R-8"], parent="A"),
            line("C", money("5"), name="C", rates=["R-8"], parent="C"),
        ],
    )
    tell(desk, bills=[told])
    with desk.cache.write() as connection:
        put_rates(connection, [rate("R-8", "7787", money("2")), rate("R-9", "7787", money("3"))])

    view = bill_view(desk, CASHIER, "7787")

    assert [len(rates_of_line(view, shown)) for shown in view.lines] == [2, 2, 1]


def test_a_bill_whose_rates_were_not_pulled_yet_says_so(desk: Desk) -> None:
    view = bill_view(desk, CASHIER, "7782")

    assert not view.rates_known
    assert view.lines == ()


def test_a_bill_is_found_by_its_id_at_central_too(desk: Desk) -> None:
    assert bill_view(desk, CASHIER, "CB-7781").bill.bill.bill_no == "7781"


def test_a_bill_that_is_not_known_is_refused(desk: Desk) -> None:
    with pytest.raises(Refused) as refusal:
        bill_view(desk, CASHIER, "404")

    assert refusal.value.code == "unknown_bill"


# --- who may look ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("person", [CASHIER, SUPERVISOR, BACK_OFFICE, AUDITOR])
def test_who_may_look_at_customers(desk: Desk, person: Person) -> None:
    assert accounts(desk, "zoe", person) == {"BA-1"}
    assert account_view(desk, person, "BA-1").account.account == "BA-1"
    assert bill_view(desk, person, "7781").bill.bill.bill_no == "7781"


def test_an_admin_looks_at_no_customer(desk: Desk) -> None:
    for look in (
        lambda: find(desk, ADMIN, "zoe"),
        lambda: account_view(desk, ADMIN, "BA-1"),
        lambda: bill_view(desk, ADMIN, "7781"),
    ):
        with pytest.raises(NotAuthorised):
            look()


@pytest.mark.parametrize(
    "query",
    [
        "D-2",
        "d-2",
        "al noor",
        "10002",
        "BA-1",
        "zoe",
        "7781",
        "CB-7781",
        "+96522210002",
        "李",
        "S014-T1-A-000001",
    ],
)
def test_dealer_isolation_finds_nothing_of_others(desk: Desk, query: str) -> None:
    pay(desk, cash("5"))

    assert hits(desk, query, DEALER) == []


@pytest.mark.parametrize("query", ["D-1", "gulf", "10001", "mob"])
def test_a_dealer_finds_its_own_account(desk: Desk, query: str) -> None:
    assert hits(desk, query, DEALER) == [("account", "D-1")]


def test_dealer_isolation_opens_nothing_of_others(desk: Desk) -> None:
    assert account_view(desk, DEALER, "D-1").account.account == "D-1"
    for look in (
        lambda: account_view(desk, DEALER, "D-2"),
        lambda: account_view(desk, DEALER, "BA-1"),
        lambda: bill_view(desk, DEALER, "7781"),
    ):
        with pytest.raises((NotAuthorised, Refused)):
            look()


@pytest.mark.parametrize(
    ("look", "foreign", "absent"), [(account_view, "BA-1", "BA-404"), (bill_view, "7781", "7404")]
)
def test_dealer_isolation_what_is_of_others_reads_as_what_is_not_there(
    desk: Desk, look: Callable[[Desk, Person, str], object], foreign: str, absent: str
) -> None:
    told = []
    for number in (foreign, absent):
        with pytest.raises(Refused) as refusal:
            look(desk, DEALER, number)
        told.append(str(refusal.value.as_json()).replace(number, "N"))

    assert told[0] == told[1]


def test_a_dealers_person_without_a_dealer_sees_nobody(desk: Desk) -> None:
    nobodys = replace(DEALER, dealer=None)

    assert hits(desk, "gulf", nobodys) == []
    assert hits(desk, "BA-1", nobodys) == []


def test_dealer_isolation_others_of_the_same_name_hide_nothing(desk: Desk) -> None:
    before = hits(desk, "gulf", DEALER)
    tell(desk, accounts=[account(f"BA-9{number}", "Gulf A") for number in range(40)])
    tell(desk, accounts=[account("GULF", "x")])

    assert hits(desk, "gulf", DEALER) == before


def test_who_is_a_dealers_cashier_and_more_sees_all(desk: Desk) -> None:
    both = Person(user="3", name="x", roles=DEALER.roles | CASHIER.roles, dealer="D-1")

    assert accounts(desk, "zoe", both) == {"BA-1"}


# --- the status line -------------------------------------------------------------------------------------------------


def test_the_status_line_tells_the_queue_and_the_age_of_the_data(desk: Desk) -> None:
    assert (till_state(desk).waiting, till_state(desk).parked, till_state(desk).oldest_waiting) == (
        0,
        0,
        None,
    )
    taken_at = clock_of(desk).now()
    pay(desk, cash("5"))
    clock_of(desk).advance(hours=1)
    pay(desk, cash("5"))

    state = till_state(desk)

    assert (state.waiting, state.parked, state.oldest_waiting) == (2, 0, taken_at)
    assert state.told_at == "2026-11-21T07:15:00.000000Z"


@pytest.mark.parametrize("query", ["obrien", "o'brien", "OBRIEN", "o brien"])
def test_a_name_with_an_apostrophe_is_found_however_it_is_typed(desk: Desk, query: str) -> None:
    tell(desk, accounts=[account("BA-77", name="Séamus O\u2019Brien"), account("BA-78", name="Ann O'Brien")])

    assert {key for _, key in hits(desk, query, CASHIER)} >= {"BA-77", "BA-78"}


# --- items and dealers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "key"),
    [("SIM-01", "SIM-01"), ("sim-01", "SIM-01"), (" CHARGER ", "CHARGER"), (CHARGER_EAN, "CHARGER")],
)
def test_an_item_is_found_by_code_or_bar_code_alone(desk: Desk, query: str, key: str) -> None:
    stock(desk)

    (hit,) = find(desk, CASHIER, query)

    assert (hit.kind, hit.key, hit.exact, hit.account) == (HitKind.ITEM, key, True, None)
    assert hit.item == next(item for item in items_of("KWD") if item.item == key)


@pytest.mark.parametrize(
    ("query", "keys"),
    [("prepaid", ["SIM-01"]), ("number tran", ["SERVICE"]), ("phon", ["PHONE-01"]), ("gif", ["GIFT"])],
)
def test_an_item_is_found_by_words(desk: Desk, query: str, keys: list[str]) -> None:
    stock(desk)

    found = find(desk, CASHIER, query)

    assert [(hit.key, hit.exact) for hit in found if hit.kind is HitKind.ITEM] == [
        (key, False) for key in keys
    ]


def test_people_come_before_items_and_the_limit_counts_both(desk: Desk) -> None:
    stock(
        desk,
        [replace(items_of("KWD")[2], item=f"Z-{number}", ean=None, name="Zoë cable") for number in range(20)],
    )

    found = find(desk, CASHIER, "zoe")

    assert [hit.kind for hit in found] == [HitKind.ACCOUNT, *[HitKind.ITEM] * (HITS_MAX - 1)]
    assert find(desk, CASHIER, "zoe", limit=1)[0].kind is HitKind.ACCOUNT


def test_a_bar_code_belongs_to_the_item_that_was_told_with_it_last(desk: Desk) -> None:
    stock(desk)
    stock(desk, [replace(items_of("KWD")[3], ean=CHARGER_EAN)])

    (hit,) = find(desk, CASHIER, CHARGER_EAN)

    assert hit.key == "SERVICE"
    (charger,) = find(desk, CASHIER, "CHARGER")
    assert charger.item is not None
    assert charger.item.ean is None


def test_a_code_comes_before_a_bar_code_that_reads_the_same(desk: Desk) -> None:
    stock(desk)
    stock(desk, [replace(items_of("KWD")[3], item=CHARGER_EAN)])

    assert [hit.key for hit in find(desk, CASHIER, CHARGER_EAN)] == [CHARGER_EAN]


def test_all_dealers_are_listed_by_name_or_found(desk: Desk) -> None:
    assert [dealer.account for dealer in dealers(desk, CASHIER)] == ["D-2", "D-1"]
    assert [dealer.account for dealer in dealers(desk, CASHIER, "  ")] == ["D-2", "D-1"]
    assert [dealer.account for dealer in dealers(desk, CASHIER, "gulf")] == ["D-1"]
    assert [dealer.account for dealer in dealers(desk, CASHIER, "d-2")] == ["D-2"]
    assert dealers(desk, CASHIER, "zoe") == []
    assert dealers(desk, CASHIER, limit=1)[0].account == "D-2"
    assert [dealer.account for dealer in dealers(desk, DEALER)] == ["D-1"]
    with pytest.raises(NotAuthorised):
        dealers(desk, ADMIN)


def test_a_dealer_is_found_among_ever_so_many_customers_of_the_name(desk: Desk) -> None:
    tell(
        desk,
        accounts=[account(f"BA-G{number}", "Gulf, Aisha", phone="+96522220012") for number in range(250)],
    )
    (gulf,) = dealers(desk, CASHIER, "D-1")

    assert [dealer.account for dealer in dealers(desk, CASHIER, "gulf")] == ["D-1"]
    assert [dealer.account for dealer in dealers(desk, CASHIER, gulf.phone[-4:])] == ["D-1"]
    assert dealers(desk, CASHIER, "BA-G7") == []


def test_listing_the_dealers_reads_no_customer(desk: Desk) -> None:
    with desk.cache.read() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {cached.DEALERS}", (10,)).all()
    assert "USING INDEX dealer_by_name" in str(plan)


def test_what_no_bank_has_confirmed_is_told_of_a_dealer(desk: Desk) -> None:
    stock(desk)
    grant_limit(desk, "1000")
    pay(desk, bank_cash("5"), cash("4"), account="D-1")
    pay(desk, bank_cheque("7", "K8"), card("1"), account="D-1", lines=[sale("SERVICE")])
    pay(desk, bank_cash("9", "K9"), account="D-2")

    assert account_view(desk, CASHIER, "D-1").unverified == money("12")
    assert account_view(desk, CASHIER, "D-2").unverified == money("9")
    assert account_view(desk, CASHIER, "BA-1").unverified == money("0")
