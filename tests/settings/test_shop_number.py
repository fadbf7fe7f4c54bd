"""A shop's number stands in front of every receipt's and batch's, and a dash ends it there."""

from pathlib import Path

import pytest

from pos.bootstrap.homes import NewHome, make_home
from pos.domain.errors import Refused
from tests.builders.tills import machine, small_fixture


def test_a_home_is_not_made_for_a_shop_whose_number_has_a_dash(tmp_path: Path) -> None:
    fixture = small_fixture()
    dashed = fixture.model_copy(update={"shop": fixture.shop.model_copy(update={"id": "S-014"})})
    new = NewHome(terminal="T1", central_url="http://127.0.0.1:1", epoch=1, fixture=dashed)

    with pytest.raises(Refused) as refusal:
        make_home(tmp_path / "home", new, machine=machine())

    assert (refusal.value.code, refusal.value.details["shop"]) == ("bad_shop", "S-014")
    assert not (tmp_path / "home").exists()
