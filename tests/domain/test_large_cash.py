"""Large cash: from which sum of a day a document is wanted, and from which nothing more is taken (rule 61)."""

import pytest

from pos.domain.errors import Refused
from pos.domain.large_cash import NO_THRESHOLDS, IdentityDocument, LargeCash, read_document
from tests.builders.refusals import reads_as_sentences, refused
from tests.builders.tills import money

SHOP = LargeCash(identify_from=money("40"), refuse_from=money("100"), documents=("civil_id", "passport"))


@pytest.mark.parametrize(
    ("day", "wanted"), [("0.001", False), ("39.999", False), ("40", True), ("40.001", True), ("99.999", True)]
)
def test_a_document_is_wanted_from_the_threshold_on(day: str, wanted: bool) -> None:
    assert SHOP.wants_identity(money(day)) is wanted


@pytest.mark.parametrize("day", ["100", "100.001", "5000"])
def test_from_the_cap_on_nothing_is_taken(day: str) -> None:
    with refused("cash_over_cap", cash_today=money(day).plain(), refuse_from="100.000", currency="KWD"):
        SHOP.wants_identity(money(day))


def test_a_shop_without_thresholds_asks_for_nothing_and_refuses_nothing() -> None:
    assert NO_THRESHOLDS.wants_identity(money("999999")) is False


def test_each_threshold_stands_without_the_other() -> None:
    assert LargeCash(identify_from=money("40")).wants_identity(money("999999")) is True
    only_a_cap = LargeCash(refuse_from=money("100"))
    assert only_a_cap.wants_identity(money("99.999")) is False
    with refused("cash_over_cap", cash_today="100.000", refuse_from="100.000", currency="KWD"):
        only_a_cap.wants_identity(money("100"))


def test_who_lacks_the_document_is_told_the_sum_the_threshold_and_what_counts() -> None:
    refusal = SHOP.identity_needed(money("41.5"))

    assert (refusal.code, refusal.details) == (
        "identity_needed",
        {
            "cash_today": "41.500",
            "identify_from": "40.000",
            "currency": "KWD",
            "documents": ["civil_id", "passport"],
        },
    )
    assert reads_as_sentences(refusal.message)
    assert "41.500" in refusal.message
    assert "40.000" in refusal.message


def test_a_document_is_kept_as_it_was_shown() -> None:
    shown = read_document(
        kind="passport", number=" K1234567 ", name=" Salma Al Zaabi ", documents=SHOP.documents
    )

    assert shown == IdentityDocument(kind="passport", number="K1234567", name="Salma Al Zaabi")


def test_a_document_without_a_name_stands_for_the_accounts_own() -> None:
    assert read_document(kind="civil_id", number="1", name="", documents=SHOP.documents).name == ""


def test_a_document_of_another_kind_does_not_count() -> None:
    with refused("unknown_document", allowed=["civil_id", "passport"]):
        read_document(kind="library_card", number="1", name="", documents=SHOP.documents)
    with pytest.raises(Refused, match="civil_id, passport"):
        read_document(kind="library_card", number="1", name="", documents=SHOP.documents)


@pytest.mark.parametrize(
    ("number", "name", "field"),
    [
        ("1" * 40, "x" * 120, None),
        ("1" * 41, "", "Document number"),
        ("K1", "x" * 121, "Name on the document"),
        ("4111 1111 1111 1111", "", "Document number"),
        ("K1", "4111 1111 1111 1111", "Name on the document"),
    ],
)
def test_what_cannot_be_kept_of_a_document_is_refused_by_the_name_of_its_field(
    number: str, name: str, field: str | None
) -> None:
    if field is None:
        assert read_document(kind="passport", number=number, name=name, documents=SHOP.documents).name == name
        return
    with pytest.raises(Refused, match=f"^{field}"):
        read_document(kind="passport", number=number, name=name, documents=SHOP.documents)
