"""A cheque at the counter: zeros in front stay, stale and post-dated ones are refused (domain.md rules 37 to 41)."""

from datetime import timedelta

import pytest

from pos.domain.cheque import ChequeIdentity, ChequePolicy, check_cheque, read_cheque
from pos.domain.errors import Refused
from tests.builders.tills import TODAY, money

POLICY = ChequePolicy(stale_after_days=180, max_amount=money("500"))
DETAILS = {"serial": "000123", "bank": "001"}


def test_zeros_in_front_are_part_of_a_cheques_identity() -> None:
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
    dated = (TODAY - timedelta(days=age_days)).isoformat()
    cheque = read_cheque({**DETAILS, "date": dated}, money("500"), today=TODAY)

    check_cheque(cheque, POLICY, today=TODAY, cash_only=False)

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
        check_cheque(cheque, POLICY, today=TODAY, cash_only=cash_only)

    assert refusal.value.code == code


def test_without_a_cap_a_cheque_may_be_of_any_amount() -> None:
    cheque = read_cheque(DETAILS, money("999999999"), today=TODAY)

    check_cheque(cheque, ChequePolicy(stale_after_days=180, max_amount=None), today=TODAY, cash_only=False)

    assert cheque.amount == money("999999999")
