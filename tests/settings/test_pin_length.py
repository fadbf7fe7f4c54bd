"""A shop may ask for longer PINs than a fixture must have."""

from dataclasses import replace
from pathlib import Path

import pytest

from pos.bootstrap.homes import NewHome, make_home
from pos.domain.errors import Refused
from pos.settings import read_settings
from pos.till_settings import SignInSettings
from tests.builders.tills import machine, small_fixture


def test_a_home_is_not_made_with_pins_shorter_than_the_shop_asks_for(tmp_path: Path) -> None:
    shipped = read_settings()
    longer = shipped.till.model_copy(update={"sign_in": SignInSettings(min_pin_digits=12)})
    new = NewHome(terminal="T1", central_url="http://127.0.0.1:1", epoch=1, fixture=small_fixture())

    with pytest.raises(Refused) as refusal:
        make_home(tmp_path / "home", new, machine=machine(), settings=replace(shipped, till=longer))

    assert refusal.value.code == "bad_pin"
    assert not any(user.pin in str(refusal.value.as_json()) for user in new.fixture.users)
    assert not (tmp_path / "home").exists()
    make_home(tmp_path / "home", new, machine=machine(), settings=shipped)
