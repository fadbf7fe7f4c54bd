"""A cheque at the counter: zeros in front stay, stale and post-dated ones are refused (domain.md rules 37 to 41)."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pos.domain.cheque import (
    TICKS,
    Cheque,
    ChequeIdentity,
    ChequeKind,
    ChequePayer,
    ChequePolicy,
    Entered,
    ThirdParty,
    check_cheque,
    open_micr,
    read_cheque,
    warning_of,
)
from pos.domain.drawer_name import is_third_party
from pos.domain.errors import Refused
from pos.settings import read_settings
from tests.builders.tills import TODAY, money

POLICY = ChequePolicy(stale_after_days=180, max_amount=money("500"))
DETAILS = {"serial": "000123", "bank": "001"}
PAYER = ChequePayer(name="Noura Al-Mutairi", account_class="", cash_only=False)


def test_zeros_in_front_are_part_of_a_cheques_identity() -> None:
    """Rule 37: bank, branch, account and serial are one cheque, as text."""
    read = read_cheque(
        {"serial": "000123", "bank": "001", "branch": "042", "account": "0077"}, money("5"), today=TODAY
    )

    assert read.identity == ChequeIdentity(bank="001", branch="042", account="0077", serial="000123")


def test_what_the_paper_does_not_show_is_empty() -> None:
    identity = read_cheque(DETAILS, money("5"), today=TODAY).identity

    assert identity == ChequeIdentity(bank="001", branch="", account="", serial="000123")


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ({"serial": "000123", "bank": "nbk"}, True),
        ({"serial": "000 123", "bank": "NBK"}, True),
        ({"serial": "000-123", "bank": "N.B.K"}, True),
        ({"serial": "000123", "bank": "NBK", "branch": "01"}, True),
        ({"serial": "000123", "bank": "NBK", "account": "77"}, True),
        ({"serial": "123", "bank": "NBK"}, False),
        ({"serial": "000124", "bank": "NBK"}, False),
        ({"serial": "000123", "bank": "KFH"}, False),
    ],
)
def test_one_cheque_is_known_again_however_it_is_spelled(other: dict[str, str], same: bool) -> None:
    first = read_cheque({"serial": "000123", "bank": "NBK"}, money("5"), today=TODAY).identity

    assert first.same_as(read_cheque(other, money("5"), today=TODAY).identity) is same


def test_two_branches_make_two_cheques() -> None:
    def at(branch: str) -> ChequeIdentity:
        return read_cheque({**DETAILS, "branch": branch}, money("5"), today=TODAY).identity

    assert not at("01").same_as(at("02"))


def test_a_cheque_without_a_date_is_dated_on_the_business_date() -> None:
    assert read_cheque(DETAILS, money("5"), today=TODAY).dated == TODAY


@pytest.mark.parametrize("age_days", [0, 1, 179, 180])
def test_a_cheque_up_to_the_limit_is_taken(age_days: int) -> None:
    """Rule 38: a cheque is taken until it is too old to be banked."""
    dated = (TODAY - timedelta(days=age_days)).isoformat()
    cheque = read_cheque({**DETAILS, "date": dated}, money("500"), today=TODAY)

    check_cheque(cheque, POLICY, PAYER, today=TODAY)

    assert (TODAY - cheque.dated).days == age_days


@pytest.mark.parametrize(
    ("age_days", "amount", "cash_only", "code"),
    [
        (181, "5", False, "cheque_stale"),
        (5_000, "5", False, "cheque_stale"),
        (-1, "5", False, "cheque_post_dated"),
        (-400, "5", False, "cheque_post_dated"),
        (0, "500.001", False, "cheque_over_cap"),
        (0, "5", True, "cheque_account_cash_only"),
    ],
)
def test_a_cheque_that_is_unfit_is_refused(age_days: int, amount: str, cash_only: bool, code: str) -> None:
    dated = (TODAY - timedelta(days=age_days)).isoformat()
    cheque = read_cheque({**DETAILS, "date": dated}, money(amount), today=TODAY)

    with pytest.raises(Refused) as refusal:
        check_cheque(cheque, POLICY, replace(PAYER, cash_only=cash_only), today=TODAY)

    assert refusal.value.code == code


def test_without_a_cap_a_cheque_may_be_of_any_amount() -> None:
    cheque = read_cheque(DETAILS, money("999999999"), today=TODAY)

    check_cheque(cheque, ChequePolicy(stale_after_days=180, max_amount=None), PAYER, today=TODAY)

    assert cheque.amount == money("999999999")


parts = st.sampled_from(["", "01", "02"])
identities = st.builds(
    ChequeIdentity,
    bank=st.sampled_from(["001", "NBK"]),
    branch=parts,
    account=parts,
    serial=st.sampled_from(["000123", "123"]),
)


@given(identities, identities)
def test_one_cheque_is_one_whichever_is_seen_first(one: ChequeIdentity, other: ChequeIdentity) -> None:
    assert one.same_as(one)
    assert one.same_as(other) is other.same_as(one)


# --- too old soon ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age_days", "told"),
    [
        (0, ""),
        (165, ""),
        (166, "Cheque 000123: 14 days until it is too old: bank it first."),
        (179, "Cheque 000123: 1 day until it is too old: bank it first."),
        (180, "Cheque 000123: 0 days until it is too old: bank it first."),
    ],
)
def test_a_cheque_that_is_too_old_soon_is_to_be_banked_first(age_days: int, told: str) -> None:
    """Rule 38: what is nearly stale must reach the bank in time."""
    dated = (TODAY - timedelta(days=age_days)).isoformat()

    assert (
        warning_of(read_cheque({**DETAILS, "date": dated}, money("5"), today=TODAY), POLICY, today=TODAY)
        == told
    )


# --- caps --------------------------------------------------------------------------------------------------------------

CAPS = replace(
    POLICY,
    max_by_class={"business": money("5000"), "student": money("50"), "gold": None},
    max_draft=money("900"),
)


def of(amount: str, **details: str) -> Cheque:
    return read_cheque({**DETAILS, **details}, money(amount), today=TODAY)


@pytest.mark.parametrize(
    ("amount", "account_class", "kind", "taken"),
    [
        ("500", "", "personal", True),
        ("500.001", "", "personal", False),
        ("500.001", "unheard-of", "personal", False),
        ("5000", "business", "personal", True),
        ("5000.001", "business", "personal", False),
        ("50.001", "student", "personal", False),
        ("999999", "gold", "personal", True),
        ("900", "student", "draft", True),
        ("900.001", "business", "draft", False),
    ],
)
def test_the_cap_is_that_of_the_accounts_class(
    amount: str, account_class: str, kind: str, taken: bool
) -> None:
    """Rule 41: a cheque is capped by the class of the account; a bank's draft has a cap of its own."""
    payer = replace(PAYER, account_class=account_class)
    codes = []
    try:
        check_cheque(of(amount, kind=kind), CAPS, payer, today=TODAY)
    except Refused as refusal:
        codes.append(refusal.code)

    assert codes == ([] if taken else ["cheque_over_cap"])


def test_a_cash_only_account_is_told_why_and_what_else_there_is() -> None:
    """Rule 41: cash-only refuses with the reason shown."""
    with pytest.raises(Refused, match=r"cash-only: no cheque is taken\. Press F5 for cash"):
        check_cheque(of("5"), POLICY, replace(PAYER, cash_only=True), today=TODAY)


# --- whose cheque it is ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "drawer",
    [
        "",
        "Noura Al-Mutairi",
        "NOURA AL MUTAIRI",
        "N. Al-Mutairi",
        "Al-Mutairi, Noura",
        "Mrs Noura Almutairi",
        "Noura Salem Al-Mutairi",
        "Noura & Fahad Al-Mutairi",
    ],
)
def test_spellings_of_the_customers_name_are_the_customer(drawer: str) -> None:
    assert not is_third_party(drawer, PAYER.name)
    check_cheque(of("5", drawer=drawer), POLICY, PAYER, today=TODAY)


@pytest.mark.parametrize(
    ("drawer", "name"),
    [
        ("Fahad Al-Mutairi", "Noura Al-Mutairi"),
        ("F. Al-Mutairi", "Noura Al-Mutairi"),
        ("Al-Mutairi", "Noura Al-Mutairi"),
        ("Lina Haddad", "Noura Al-Mutairi"),
        ("N. M.", "Noura Al-Mutairi"),
        ("محمد العنزي", "Noura Al-Mutairi"),
        ("Gulf Mobile Centre", "Gulf Mobile Corner"),
    ],
)
def test_another_name_is_a_third_party(drawer: str, name: str) -> None:
    assert is_third_party(drawer, name)
    assert is_third_party(name, drawer), "whoever is named first"


@pytest.mark.parametrize(
    ("drawer", "name"),
    [
        ("Zoe Muller", "Zoë Müller"),
        ("Siobhan O\u2019Brien", "Siobhán O'Brien"),
        ("محمد العنزي", "محمد العنزي"),
        ("李伟", "李伟"),
        ("AT&T NL", "AT&T [NL] Ltd"),
        ("Gulf Mobile Corner W.L.L.", "Gulf Mobile Corner"),
        ("Anybody", ""),
    ],
)
def test_accents_titles_and_company_forms_make_no_other(drawer: str, name: str) -> None:
    assert not is_third_party(drawer, name)


def third_partys(*ticks: str, kind: str = "personal") -> Cheque:
    return read_cheque(
        {**DETAILS, "drawer": "Lina Haddad", "kind": kind}, money("5"), today=TODAY, ticks=ticks
    )


def test_a_third_partys_cheque_is_looked_at_first() -> None:
    """Rule 40: words and figures, payee, crossing, signature and alterations are ticked for another's cheque."""
    with pytest.raises(Refused) as refusal:
        check_cheque(third_partys("payee", "signature"), POLICY, PAYER, today=TODAY)
    assert refusal.value.code == "cheque_ticks_missing"
    assert refusal.value.details["missing"] == ["words_match_figures", "crossing", "no_alteration"]

    whole = third_partys(*TICKS)
    check_cheque(whole, POLICY, PAYER, today=TODAY)
    assert whole.ticks == tuple(TICKS)


def test_a_shop_may_refuse_another_persons_cheque_or_take_it_as_it_is() -> None:
    """Rule 40: the shop's own rule decides."""
    with pytest.raises(Refused) as refusal:
        check_cheque(third_partys(*TICKS), replace(POLICY, third_party=ThirdParty.REFUSE), PAYER, today=TODAY)
    assert refusal.value.code == "cheque_third_party"
    check_cheque(third_partys(), replace(POLICY, third_party=ThirdParty.ACCEPT), PAYER, today=TODAY)
    check_cheque(of("5"), replace(POLICY, third_party=ThirdParty.REFUSE), PAYER, today=TODAY)


def test_a_bank_draft_is_drawn_by_a_bank() -> None:
    """Rule 40: a bank draft differs from a personal cheque."""
    draft = third_partys(kind="DRAFT")

    check_cheque(draft, replace(POLICY, ticks_always=True), PAYER, today=TODAY)

    assert draft.kind is ChequeKind.DRAFT


def test_a_shop_may_have_every_cheque_looked_at() -> None:
    always = replace(POLICY, ticks_always=True, ticks=("signature",))

    with pytest.raises(Refused, match=r"^Look at the cheque"):
        check_cheque(of("5"), always, PAYER, today=TODAY)
    check_cheque(
        read_cheque(DETAILS, money("5"), today=TODAY, ticks=["signature"]), always, PAYER, today=TODAY
    )


def test_a_stale_cheque_is_not_looked_at_first() -> None:
    dated = (TODAY - timedelta(days=400)).isoformat()

    with pytest.raises(Refused) as refusal:
        check_cheque(of("5", date=dated, drawer="Lina Haddad"), POLICY, PAYER, today=TODAY)
    assert refusal.value.code == "cheque_stale"


@pytest.mark.parametrize(("details", "ticks"), [({"kind": "gift"}, []), ({}, ["smell"])])
def test_a_kind_or_a_tick_that_there_is_none_of_is_refused(details: dict[str, str], ticks: list[str]) -> None:
    with pytest.raises(Refused) as refusal:
        read_cheque({**DETAILS, **details}, money("5"), today=TODAY, ticks=ticks)
    assert refusal.value.code == "bad_field"


# --- by a reader or by hand --------------------------------------------------------------------------------------------

LAYOUTS = read_settings().micr
LINE = "\u2446021000021\u2446 0123456789\u2448 0101"


def test_a_line_fills_the_fields_and_is_kept() -> None:
    """Rule 43: raw line and parsed fields are kept; entry by hand is marked."""
    fields, raw = open_micr({"drawer": "Noura"}, LINE, LAYOUTS)
    cheque = read_cheque(fields, money("5"), today=TODAY, micr=raw)

    assert (cheque.bank, cheque.account, cheque.serial) == ("021000021", "0123456789", "0101")
    assert (cheque.entered, cheque.micr) == (Entered.READER, LINE)
    by_hand, none = open_micr(DETAILS, "", LAYOUTS)
    assert read_cheque(by_hand, money("5"), today=TODAY, micr=none).entered is Entered.HAND


def test_what_is_typed_beside_a_line_must_agree_with_it() -> None:
    assert open_micr({"serial": " 0101 ", "account": "0123-456789"}, LINE, LAYOUTS)[0]["serial"] == "0101"

    with pytest.raises(Refused) as refusal:
        open_micr({"serial": "101"}, LINE, LAYOUTS)
    assert (refusal.value.code, refusal.value.details["field"]) == ("micr_differs", "serial")
