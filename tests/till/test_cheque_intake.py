"""A cheque comes in: by its reader's line or by hand, looked at where the shop asks for it (domain.md rules 37 to 43)."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pos.bootstrap.homes import open_till
from pos.domain.cheque import TICKS, ChequePolicy, ThirdParty
from pos.domain.errors import Refused
from pos.settings import read_settings
from pos.till.cheques_back import ReturnOrder, return_cheque
from pos.till.desk import Desk
from pos.till.payment_order import TenderOrder
from pos.till.post_dated import register_cheque
from pos.till.script import Script
from pos.till.script_acts import act_schema
from tests.builders.bounces import bounced, lodged, taken
from tests.builders.tills import (
    CASHIER,
    TODAY,
    account,
    cash,
    cheque,
    findings,
    iccid,
    machine,
    make_till,
    money,
    open_home,
    opened,
    order,
    pay,
    put_settings,
    rows,
    sale,
    stock,
    tell,
    wish,
)
from tests.builders.undoing import code_of
from tests.till.books import refused

LINE = "T021000021T 0123456789U 0101"
POLICY = ChequePolicy(stale_after_days=180, max_amount=money("500"), layouts=read_settings().micr)


@pytest.fixture
def desk() -> Desk:
    return shop()


def shop(policy: ChequePolicy = POLICY) -> Desk:
    desk = make_till(cheques=policy)
    opened(desk)
    return desk


def tender(amount: str = "10", *, micr: str = "", ticks: tuple[str, ...] = (), **details: str) -> TenderOrder:
    return TenderOrder(mode="cheque", amount=amount, details=details, micr=micr, ticks=ticks)


def say(desk: Desk, ref: str, **tender: object) -> dict[str, Any]:
    line = {
        "ref": ref,
        "act": "pay",
        "payer": {"kind": "subscriber", "account": "BA-1"},
        "tenders": [{"mode": "cheque", "amount": "10", **tender}],
    }
    return Script(desk, CASHIER).run_line(json.dumps(line))


def dated(age_days: int) -> str:
    return (TODAY - timedelta(days=age_days)).isoformat()


# --- the reader's line ---------------------------------------------------------------------------------------


def test_a_readers_line_is_kept_with_the_cheque(desk: Desk) -> None:
    """Rule 43: raw line and parsed fields are kept; entry by hand is marked."""
    pay(desk, tender(micr=LINE), tender("2", serial="000777", bank="001"), allocate=[wish("7781", "12")])

    read, by_hand = rows(desk, "cheque")
    assert (read["bank"], read["bank_account"], read["serial"]) == ("021000021", "0123456789", "0101")
    assert (read["entered"], read["micr"]) == ("reader", LINE)
    assert (by_hand["entered"], by_hand["micr"], by_hand["serial"]) == ("hand", None, "000777")
    assert [row["entered"] for row in rows(desk, "v_cheque")] == ["reader", "hand"]
    assert findings(desk) == []


def test_a_script_may_give_the_line_alone(desk: Desk) -> None:
    answer = say(desk, "c1", micr=LINE)

    assert answer["ok"], answer
    assert rows(desk, "v_cheque")[0]["serial"] == "0101"
    again = say(desk, "c2", serial="0101", bank="021000021")
    assert again["error"]["code"] == "cheque_taken_before"


@pytest.mark.parametrize(
    ("tender_fields", "code"),
    [
        ({"micr": "T0210?0021T 0123456789U 0101"}, "micr_unreadable"),
        ({"micr": "hello"}, "micr_unknown"),
        ({"micr": LINE, "serial": "0102"}, "micr_differs"),
        ({"micr": ";4111111111111111=25121010000000000000?"}, "card_number_refused"),
        ({"micr": LINE, "ticks": ["smell"]}, "bad_field"),
        ({"micr": LINE, "kind": "gift"}, "bad_field"),
        ({"micr": LINE, "drawer": "Lina Haddad"}, "cheque_ticks_missing"),
    ],
)
def test_what_cannot_be_taken_is_refused_and_its_neighbour_is_not(
    desk: Desk, tender_fields: dict[str, object], code: str
) -> None:
    answer = say(desk, "bad", **tender_fields)

    assert answer["error"]["code"] == code
    assert rows(desk, "v_payment") == []
    assert say(desk, "good", micr=LINE, serial="0101", kind="Personal", drawer="O'BRIEN, ZOE")["ok"]


def test_only_a_cheque_has_a_line(desk: Desk) -> None:
    line = replace(cash("5"), micr=LINE)

    assert refused(desk, lambda: pay(desk, line)).code == "unknown_field"
    assert refused(desk, lambda: pay(desk, replace(cash("5"), ticks=["payee"]))).code == "unknown_field"


def test_the_schema_tells_of_line_and_ticks() -> None:
    tender_schema = json.dumps(act_schema())

    assert "MICR line as its reader sent it" in tender_schema
    assert "third party" in tender_schema


# --- the receipt ---------------------------------------------------------------------------------------------


def test_the_receipt_names_bank_serial_and_date_also_where_nobody_typed_the_date(desk: Desk) -> None:
    receipt = pay(desk, tender(serial="000123", bank="001")).receipt

    details = dict(receipt.tenders[0].details)
    assert (details["bank"], details["serial"], details["date"]) == ("001", "000123", TODAY.isoformat())


def test_a_cheque_that_is_nearly_too_old_is_told_to_whoever_takes_it(desk: Desk) -> None:
    """Rule 38: in the past but near stale must reach the bank in time."""
    old = say(desk, "c1", serial="000123", bank="001", date=dated(175))
    young = say(desk, "c2", serial="000124", bank="001", date=dated(10))

    assert old["warnings"] == ["Cheque 000123: 5 days until it is too old: bank it first."]
    assert "warnings" not in young
    assert not any("too old" in note for row in rows(desk, "receipt") for note in [str(row["facts_json"])])


# --- whose cheque --------------------------------------------------------------------------------------------


def test_what_was_looked_at_on_a_third_partys_cheque_is_kept(desk: Desk) -> None:
    """Rule 40: the tick list of a third-party cheque is stored with it."""
    others = tender(serial="000123", bank="001", drawer="Lina Haddad")
    assert refused(desk, lambda: pay(desk, others)).code == "cheque_ticks_missing"

    pay(desk, replace(others, ticks=list(reversed(list(TICKS)))))

    (cheque,) = rows(desk, "v_cheque")
    assert (cheque["third_party"], str(cheque["ticks"]).split()) == (1, list(TICKS))
    assert "Lina" not in json.dumps(rows(desk, "cheque"))


def test_the_customers_own_cheque_needs_no_tick(desk: Desk) -> None:
    pay(desk, tender(serial="000123", bank="001", drawer="Z. O'Brien"))

    assert [(row["third_party"], row["ticks"]) for row in rows(desk, "v_cheque")] == [(0, "")]


def test_a_shop_may_take_no_third_partys_cheque_at_all() -> None:
    desk = shop(replace(POLICY, third_party=ThirdParty.REFUSE))

    mine, others = tender(serial="1", bank="1"), tender(serial="1", bank="1", drawer="Lina Haddad")
    assert refused(desk, lambda: pay(desk, others)).code == "cheque_third_party"
    draft = tender(serial="2", bank="1", drawer="National Bank", kind="draft")
    pay(desk, mine, draft, allocate=[wish("7781", "20")])
    assert [row["kind"] for row in rows(desk, "v_cheque")] == ["personal", "draft"]


def test_a_walk_in_buyer_has_no_name_that_a_drawer_could_differ_from(desk: Desk) -> None:
    stock(desk)
    bought = tender("5", serial="1", bank="1", drawer="Lina Haddad")
    assert pay(desk, bought, account=None, lines=[sale("SIM-01", 1, iccid(1))]).receipt.total == money("5")


# --- caps by class -------------------------------------------------------------------------------------------


def test_an_account_of_a_class_has_the_cap_of_its_class() -> None:
    """Rule 41: the cap is the class's, for subscribers and dealers alike."""
    desk = shop(replace(POLICY, max_amount=money("20"), max_by_class={"business": money("30")}))
    tell(
        desk,
        accounts=[
            replace(account("BA-1", "Zoë O'Brien"), dealer_class="business"),
            replace(account("BA-3", "李伟"), dealer_class="private"),
        ],
    )

    assert refused(desk, lambda: pay(desk, tender("30.001", serial="1", bank="1"))).code == "cheque_over_cap"
    pay(desk, tender("30", serial="1", bank="1"))
    other = tender("20.001", serial="2", bank="1")
    on_account = [wish(account="BA-3", amount="20.001")]
    assert (
        refused(desk, lambda: pay(desk, other, account="BA-3", allocate=on_account)).code == "cheque_over_cap"
    )


def test_the_class_comes_with_the_fixture_and_the_caps_with_the_settings(tmp_path: Path) -> None:
    open_home(tmp_path / "home").close()
    put_settings(
        tmp_path / "home",
        "till.toml",
        '[cheques]\nmax_amount = "100"\nmax_draft = "900"\nthird_party = "refuse"\nticks = ["payee"]\n'
        'ticks_always = true\nwarn_before_stale_days = 3\n[cheques.max_by_class]\nbusiness = "5000"\ngold = ""\n',
    )

    with open_till(tmp_path / "home", machine=machine()) as till:
        policy = till.desk.policy.cheques
        code = till.desk.identity.currency.code

    assert (policy.max_amount, policy.max_draft) == (money("100", code), money("900", code))
    assert policy.max_by_class == {"business": money("5000", code), "gold": None}
    assert (policy.third_party, policy.ticks, policy.ticks_always) == (ThirdParty.REFUSE, ("payee",), True)
    assert policy.warn_before_stale_days == 3
    assert [layout.name for layout in policy.layouts] == ["us", "india", "gulf", "cmc7", "generic"]


@pytest.mark.parametrize(
    ("file", "text", "key"),
    [
        ("till.toml", '[cheques]\nmax_draft = "1.23456"\n', "cheques.max_draft"),
        ("till.toml", '[cheques.max_by_class]\ngold = "-1"\n', "cheques.max_by_class.gold"),
        ("till.toml", '[cheques.max_by_class]\ngold = "1.2345"\n', "cheques.max_by_class.gold"),
        ("till.toml", '[cheques]\nticks = ["smell"]\n', "cheques.ticks.0"),
        ("till.toml", '[cheques]\nthird_party = "maybe"\n', "cheques.third_party"),
        ("micr.toml", '[one]\nfont = "ocr"\npattern = "x"\n', "one.font"),
        ("micr.toml", "[one]\nfont = 'e13b'\npattern = '(?P<bank>[0-9])'\n", "one.pattern"),
        ("micr.toml", "[one]\nfont = 'e13b'\npattern = '('\n", "one.pattern"),
    ],
)
def test_a_wrong_setting_of_cheques_names_its_key(tmp_path: Path, file: str, text: str, key: str) -> None:
    open_home(tmp_path / "home").close()
    put_settings(tmp_path / "home", file, text)

    with pytest.raises(Refused) as refusal:
        open_till(tmp_path / "home", machine=machine()).close()

    assert refusal.value.code == "bad_settings"
    assert refusal.value.details["key"] == key


# --- which cheque it is ----------------------------------------------------------------------------------------------

WHOLE = {"branch": "042", "account": "77-9"}


@pytest.mark.parametrize(
    ("before", "comes", "same"),
    [
        ({}, {}, True),
        (WHOLE, {}, True),
        (WHOLE, {"branch": "042"}, True),
        ({"branch": "042"}, {"account": "77-9"}, True),
        (WHOLE, WHOLE, True),
        ({}, WHOLE, False),
        ({"branch": "042"}, WHOLE, False),
        (WHOLE, {"branch": "042", "account": "88-1"}, False),
    ],
)
@pytest.mark.parametrize("registered", [False, True])
def test_a_cheque_of_another_sum_is_the_one_that_was_taken_unless_it_says_more(
    desk: Desk, before: dict[str, str], comes: dict[str, str], *, same: bool, registered: bool
) -> None:
    """Rule 37: what is typed too little is typed whole; what was taken with too little is known by its sum and date."""
    if registered:
        dated = (TODAY + timedelta(days=30)).isoformat()
        register_cheque(desk, CASHIER, order(desk, cheque("5", "000700", date=dated, **before)))
    else:
        pay(desk, cheque("5", "000700", **before))
    code = code_of(lambda: pay(desk, cheque("6", "000700", **comes), account="BA-5"))
    assert code == ("cheque_taken_before" if same else "ok")
    assert findings(desk) == []


def test_a_cheque_that_was_taken_without_its_account_is_known_by_its_sum_and_date(desk: Desk) -> None:
    pay(desk, cheque("5", "000700"))
    refusal = refused(desk, lambda: pay(desk, cheque("5", "000700", **WHOLE), account="BA-5"))
    assert refusal.code == "cheque_taken_before"
    assert "Type its branch" not in refusal.message
    less = refused(desk, lambda: pay(desk, cheque("5", "000700", branch="042"), account="BA-5"))
    assert less.message.endswith("Is it another one? Type its branch and account, too.")


def test_a_bounced_cheque_that_was_handed_back_may_come_again() -> None:
    """Rule 37: unique over all that were not returned."""
    desk = make_till()
    receipt = taken(desk, cheque("41.750", "000700"), cheques="41.750")
    lodged(desk, receipt)
    bounced(desk, receipt)
    opened(desk)
    again = cheque("41.750", "000700")
    assert refused(desk, lambda: pay(desk, again, account="BA-5")).code == "cheque_taken_before"

    return_cheque(desk, CASHIER, ReturnOrder(cheque=receipt, reason="bad_instrument"))

    pay(desk, again, account="BA-5")
    assert findings(desk) == []
