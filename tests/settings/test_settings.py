"""Settings are checked data: a wrong key or value names file and key, and the till does not start."""

import re
import shutil
import tomllib
from collections.abc import Iterator, Mapping, Set
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from pos.bootstrap.homes import open_till
from pos.domain.commission import CommissionAt, LineTerms, Settlement
from pos.domain.errors import Refused
from pos.domain.payment_mode import FieldKind, PayerKind, Purpose
from pos.domain.role import Grant, Role
from pos.settings import FILES, config_folders, keep_rights, read_settings
from pos.till_settings import DealerSettings, TillSettings, url_problem
from tests.builders.tills import machine, money, open_home, put_settings

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "config"


@pytest.fixture(autouse=True)
def _no_folder_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POS_CONFIG_DIR", raising=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped settings, to be spoiled."""
    target = tmp_path / "settings"
    target.mkdir()
    for name in FILES:
        shutil.copy(SHIPPED / name, target / name)
    return target


def spoil(folder: Path, name: str, old: str, new: str) -> None:
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_shipped_settings_are_read() -> None:
    settings = read_settings()

    assert len(settings.modes.by_code) == 10
    assert settings.sources == {name: SHIPPED / name for name in FILES}
    assert settings.till == TillSettings()
    assert settings.smallest_coin_minor["KWD"] == 5
    assert settings.permissions.grant("pay", {Role.CASHIER}) is Grant.LIMIT


def test_a_mode_is_read_whole() -> None:
    cheque = read_settings().modes["cheque"]

    assert cheque.label == "Cheque"
    assert cheque.accepts == {
        PayerKind.SUBSCRIBER: frozenset(Purpose),
        PayerKind.DEALER: frozenset(Purpose) - {Purpose.BILLS},
        PayerKind.WALK_IN: frozenset({Purpose.ITEMS}),
    }
    assert (cheque.gives_change, cheque.opens_drawer, cheque.final_at_once) == (False, True, False)
    assert (cheque.tmf_type, cheque.channel, cheque.ledger_account) == ("Check", "store", "cheques_in_hand")
    drawer = next(field for field in cheque.fields if field.name == "drawer")
    assert (drawer.kind, drawer.required, drawer.limit, drawer.personal) == (FieldKind.NAME, False, 80, True)


@pytest.mark.parametrize(
    ("name", "old", "new", "key"),
    [
        ("till.toml", "[amounts]", "[amounts]\ncolour = 1", "amounts.colour"),
        ("till.toml", "[amounts]", "[ammounts]", "ammounts"),
        ("till.toml", 'decimal_marks = ""', 'decimal_marks = ";"', "amounts.decimal_marks"),
        ("till.toml", 'locale = ""', 'locale = "de"', "amounts.locale"),
        ("till.toml", 'locale = ""', 'locale = "xx_XX"', "amounts.locale"),
        ("till.toml", "native_digits = false", 'native_digits = "yes"', "amounts.native_digits"),
        ("till.toml", "override_max_percent = { supervisor = 100 }", "override_max_percent = { thief = 5 }",
         "items.override_max_percent.thief.[key]"),
        ("till.toml", "override_max_percent = { supervisor = 100 }", "override_max_percent = { cashier = -1 }",
         "items.override_max_percent.cashier"),
        ("till.toml", '"display_piece", ', '"Display piece", ', "items.override_reasons.0"),
        ("till.toml", "pins_need_final_money = true", "pins_need_final_money = 1", "items.pins_need_final_money"),
        ("till.toml", "stale_after_days = 180", "stale_after_days = 0", "cheques.stale_after_days"),
        ("till.toml", "stale_after_days = 180", 'stale_after_days = "180"', "cheques.stale_after_days"),
        ("till.toml", "stale_after_days = 180", "stale_after_days = 1.5", "cheques.stale_after_days"),
        ("till.toml", "stale_after_days = 180", "stale_after_days = true", "cheques.stale_after_days"),
        ("till.toml", 'max_amount = ""', 'max_amount = "-5"', "cheques.max_amount"),
        ("till.toml", 'max_amount = ""', 'max_amount = "1,5"', "cheques.max_amount"),
        ("till.toml", 'max_amount = ""', "max_amount = 500", "cheques.max_amount"),
        ("till.toml", 'ledger_account = "bank" }', 'ledger_account = "banc" }', "deposits.accounts.0.ledger_account"),
        ("till.toml", 'number = "", currency = ""', 'number = "", currency = "KWX"', "deposits.accounts.0.currency"),
        ("till.toml", '[{ code = "main",', '[{ code = "main" }, { code = "main",', "deposits.accounts.0.code"),
        ("till.toml", 'limit = ""  ', 'limit = "-5"', "deposits.limit"),
        ("till.toml", "min_pin_digits = 6", "min_pin_digits = 4", "sign_in.min_pin_digits"),
        ("till.toml", "idle_lock_minutes = 3", "idle_lock_minutes = 16", "sign_in.idle_lock_minutes"),
        ("till.toml", "lock_minutes = [1, 5, 30]", "lock_minutes = []", "sign_in.lock_minutes"),
        ("till.toml", "lock_minutes = [1, 5, 30]", "lock_minutes = [0]", "sign_in.lock_minutes.0"),
        ("till.toml", "max_failures = 10", "max_failures = 0", "sign_in.max_failures"),
        ("till.toml", "width = 42", "width = 10", "receipt.width"),
        ("till.toml", "retry_delay_s_max = 300", "retry_delay_s_max = 999999", "sync.retry_delay_s_max"),
        ("till.toml", "retry_delay_s_min = 1 ", "retry_delay_s_min = 60 ", None),
        ("till.toml", "night_hour = 3", "night_hour = 24", "checks.night_hour"),
        ("till.toml", "every_hours = 24", "every_hours = 0", "checks.every_hours"),
        ("till.toml", 'media_type = "application/json;charset=utf-8"', 'media_type = "text/html"', "sync.media_type"),
        ("till.toml", 'central_url = ""', 'central_url = "http://central.example"', "sync.central_url"),
        ("till.toml", 'payment_url = ""', 'payment_url = "http://10.0.0.5/tmf"', "sync.payment_url"),
        ("till.toml", 'driver = "standalone"', 'driver = "zvt"', "card_terminal.driver"),
        ("till.toml", 'driver = "standalone"', 'driver = "nexo"', "card_terminal.url"),
        ("till.toml", 'url = ""                                    # where', 'url = "http://10.0.0.9/nexo"  # where',
         "card_terminal.url"),
        ("till.toml", 'poi_id = ""', 'poi_id = "P 400"', "card_terminal.poi_id"),
        ("till.toml", 'ca_file = ""                                # certificates that vouch for that address',
         'ca_file = "/no/such/file.pem"  # ', "ledger.ca_file"),
        ("till.toml", 'ca_file = ""                                # certificates that vouch for the terminal',
         'ca_file = "/no/such/file.pem"  # ', "card_terminal.ca_file"),
        ("till.toml", "timeout_s = 120", "timeout_s = 1", "card_terminal.timeout_s"),
        ("till.toml", 'bill_url = ""', 'bill_url = "ftp://127.0.0.1/"', "sync.bill_url"),
        ("till.toml", 'client_cert = ""', 'client_cert = "/no/such/cert.pem"', "sync.client_cert"),
        ("till.toml", 'client_key = ""', 'client_key = "/dev/null/key.pem"', "sync.client_key"),
        ("till.toml", 'ca_file = ""                                # certificates that vouch for central',
         'ca_file = "/no/such/ca.pem"  # ', "sync.ca_file"),
        ("till.toml", 'client_key = ""', f'client_key = "{__file__}"', "sync.client_key"),
        ("payment_modes.toml", 'label = "Cash"', 'label = ""', "cash.label"),
        ("payment_modes.toml", "gives_change = true", "gives_change = 1", "cash.gives_change"),
        ("payment_modes.toml", "gives_change = true", "", "cash.gives_change"),
        ("payment_modes.toml", "available = true", "available = true\nfee = 1", "cash.fee"),
        ("payment_modes.toml", 'tmf_type = "Cash"', 'tmf_type = "Coins"', "cash.tmf_type"),
        ("payment_modes.toml", 'walk_in = ["items"]', 'walk_in = ["gifts"]', "cash.from.walk_in.0"),
        ("payment_modes.toml", 'walk_in = ["items"]', 'thief = ["items"]', "cash.from.thief.[key]"),
        ("payment_modes.toml", 'kind = "reference"', 'kind = "pan"', "cheque.fields.0.kind"),
        ("payment_modes.toml", 'ledger_account = "cash_in_till"', 'ledger_account = "pocket"', "cash.ledger_account"),
        ("payment_modes.toml", 'kind = "cash"', 'kind = "coins"', "cash.kind"),
        ("payment_modes.toml", 'kind = "cash"', "", "cash.kind"),
        ("payment_modes.toml", 'final_when = ""', "final_when = true", "cash.final_when"),
        ("payment_modes.toml", 'identity = ["trace", "atm", "date"]', 'identity = ["pan"]', "atm.identity"),
        ("payment_modes.toml", 'act = "key_direct_debit"', 'act = "steal"', "direct_debit.act"),
        ("payment_modes.toml", 'pattern = "[0-9]{4}"', 'pattern = "[0-9"', "debit_card.fields.1.pattern"),
        ("payment_modes.toml", "max_age_days = 60", "max_age_days = -1", "bank_cash.max_age_days"),
        ("payment_modes.toml", 'on_account = ["credit"]', 'on_account = ["credit", "deposit"]', "bank_cash.on_account"),
        ("payment_modes.toml", "max_age_days = 60", "max_age_days = 3651", "bank_cash.max_age_days"),
        ("payment_modes.toml", 'name = "serial",  label = "Cheque number", kind = "reference", required = true',
         'name = "serial",  label = "Cheque number", kind = "reference", required = false', "cheque.fields"),
        ("payment_modes.toml", '{ name = "code", label = "Voucher code"', '{ name = "number", label = "Voucher code"',
         "internal_voucher.fields"),
        ("payment_modes.toml", 'tmf_type = "Voucher"', 'tmf_type = "Check"', "internal_voucher.tmf_type"),
        ("payment_modes.toml", 'tmf_type = "Cash"', 'tmf_type = "Voucher"', "cash.tmf_type"),
        ("till.toml", 'walk_in_account = "WALK-IN"', 'walk_in_account = ""', "shop.walk_in_account"),
        ("till.toml", 'walk_in_account = "WALK-IN"', 'walk_in_account = "the shop"', "shop.walk_in_account"),
        ("gl_accounts.toml", 'code = "1010"', 'code = "1020"', "cash_in_till.code"),
        ("gl_accounts.toml", 'code = "1010"', "code = 1010", "cash_in_till.code"),
        ("gl_accounts.toml", 'kind = "asset"', 'kind = "cash"', "cash_in_till.kind"),
        ("roles.toml", 'pay =                { cashier = "limit"', 'pay = { cashier = "always"', "acts.pay.cashier"),
        ("roles.toml", 'pay =                { cashier = "limit"', 'pay = { thief = "limit"', "acts.pay.thief.[key]"),
        ("roles.toml", "[acts]", "[act]", None),
        ("currencies.toml", "KWD = 5", "KWD = 0", "smallest_coin_minor.KWD"),
        ("currencies.toml", "KWD = 5", "KWD = 0.5", "smallest_coin_minor.KWD"),
        ("currencies.toml", "KWD = 5", "XXX = 5", "smallest_coin_minor.XXX"),
    ],
)  # fmt: skip
def test_a_wrong_setting_names_file_and_key(
    folder: Path, name: str, old: str, new: str, key: str | None
) -> None:
    spoil(folder, name, old, new)
    if "retry_delay_s_min" in old:
        spoil(folder, name, "retry_delay_s_max = 300", "retry_delay_s_max = 30")
        key = "sync.retry_delay_s_max"

    with pytest.raises(Refused) as refusal:
        read_settings(option=folder)

    assert refusal.value.code == "bad_settings"
    assert str(folder / name) in refusal.value.message
    assert refusal.value.details["file"] == str(folder / name)
    if key is not None:
        assert refusal.value.details["key"] == key
        assert key in refusal.value.message


@pytest.mark.parametrize(
    "body", [b"[shop\n", b"a = ", b"\xff\xfe", b"[shop]\n[shop]\n", b"operator_company: yes\n"]
)
@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_toml_is_refused(folder: Path, name: str, body: bytes) -> None:
    (folder / name).write_bytes(body)

    with pytest.raises(Refused) as refusal:
        read_settings(option=folder)

    assert refusal.value.code == "bad_settings"
    assert str(folder / name) in refusal.value.message


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refusal:
        read_settings(option=tmp_path / "nowhere")

    assert refusal.value.code == "bad_settings"


def test_a_ledger_account_that_a_rule_names_must_be_in_the_file(folder: Path) -> None:
    text = (folder / "gl_accounts.toml").read_text(encoding="utf-8")
    (folder / "gl_accounts.toml").write_text(
        text.replace("[cash_over_short]", "[elsewhere]"), encoding="utf-8"
    )

    with pytest.raises(Refused) as refusal:
        read_settings(option=folder)

    assert refusal.value.details["key"] == "cash_over_short"


def companies(*folders: Path) -> Iterator[Path]:
    """Each folder gets a ``till.toml`` that bears its name."""
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "till.toml").write_text(f'[shop]\noperator_company = "{folder.name}"\n', encoding="utf-8")
        (folder / "till.toml").chmod(0o600)
        folder.chmod(0o700)
        yield folder


def test_the_first_folder_that_has_a_file_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    option, environment, of_home = companies(tmp_path / "option", tmp_path / "environment", home / "config")

    def company(*, option: Path | None = None, home: Path | None = None) -> str:
        return read_settings(option=option, home=home).till.shop.operator_company

    assert company() == "Counterfoil Telecom"
    assert company(home=home) == of_home.name
    monkeypatch.setenv("POS_CONFIG_DIR", str(environment))
    assert company(home=home) == "environment"
    assert company(home=home, option=option) == "option"
    assert config_folders(option=option, home=home)[:3] == [option, environment, of_home]


def test_a_folder_without_a_file_leaves_it_to_the_next(tmp_path: Path) -> None:
    (option,) = companies(tmp_path / "option")

    settings = read_settings(option=option)

    assert settings.sources["till.toml"] == option / "till.toml"
    assert settings.sources["roles.toml"] == SHIPPED / "roles.toml"


def test_a_home_has_settings_of_its_own(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    put_settings(home, "till.toml", "[cheques]\nstale_after_days = 7\n")

    with open_home(home) as till:
        assert till.desk.policy.cheques.stale_after_days == 7


def keys_of(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from keys_of(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def keys_written(table: Mapping[str, Any], known: Set[str], prefix: str = "") -> Iterator[str]:
    """The keys of a file; of a table whose own keys are known, those."""
    for name, value in table.items():
        if any(key.startswith(f"{prefix}{name}.") for key in known):
            yield from keys_written(value, known, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def test_every_key_of_the_till_stands_in_its_file_with_its_default() -> None:
    written = tomllib.loads((SHIPPED / "till.toml").read_text(encoding="utf-8"))

    known = set(keys_of(TillSettings))
    assert set(keys_written(written, known)) == known
    assert TillSettings.model_validate(written) == TillSettings()


def uncommented_keys(text: str) -> list[str]:
    """Keys with no comment on their line or on the line above."""
    found, before = [], ""
    for written in text.splitlines():
        key = re.match(r"([a-z_0-9]+)\s*=", written)
        if key is not None and "#" not in written and not before.startswith("#"):
            found.append(key[1])
        before = written
    return found


def test_every_key_of_the_till_has_a_comment() -> None:
    assert uncommented_keys((SHIPPED / "till.toml").read_text(encoding="utf-8")) == []


def test_a_key_without_a_comment_is_found() -> None:
    assert uncommented_keys("[a]\nb = 1\n# said\nc = 1\nd = 1  # said\n") == ["b"]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://central.example",
        "https://central.example:8443/tmf-api",
        "http://127.0.0.1:8080",
        "http://localhost:1/x",
        "http://[::1]:8080/",
    ],
)
def test_central_may_be_reached_by_https_or_on_this_machine(url: str) -> None:
    assert url_problem(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "http://central.example",
        "http://127.0.0.1.evil.example",
        "http://127.0.0.1@evil.example/",
        "http://localhost.evil.example/",
        "https://",
        "https:///x",
        "central.example",
        "//central.example",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "http://",
        "http://[",
        "https://central.example:port",
        "https://[::1",
        "https://user:secret@central.example",
        "https://central.example/\x1b[2J",
        "https://central.example\n",
        "https://central example",
    ],
)
def test_central_elsewhere_is_never_reached_in_the_clear(url: str) -> None:
    assert url_problem(url)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('day_starts = "00:00"', 'day_starts = "24:00"'),
        ('day_starts = "00:00"', 'day_starts = "4:00"'),
        ('closed_through = ""', 'closed_through = "2026-02-30"'),
        ('closed_through = ""', 'closed_through = "yesterday"'),
    ],
)
def test_a_day_that_is_none_stops_the_start(folder: Path, old: str, new: str) -> None:
    spoil(folder, "till.toml", old, new)

    with pytest.raises(Refused) as refusal:
        read_settings(option=folder)
    assert new.partition(" ")[0] in refusal.value.message


def test_the_hours_and_days_of_the_shop_are_read(folder: Path) -> None:
    spoil(folder, "till.toml", 'day_starts = "00:00"', 'day_starts = "04:30"')
    spoil(folder, "till.toml", 'closed_through = ""', 'closed_through = "2026-10-31"')

    till = read_settings(option=folder).till

    assert (till.shift.starts_at, till.ledger.closed_date) == (time(4, 30), date(2026, 10, 31))


def test_offline_limits_are_read_by_mode(folder: Path) -> None:
    """Rule 51: the limits are settings."""
    spoil(folder, "till.toml", "cheque = { count = 50", 'cheque = { item = "500.000", count = 7')

    cheque = read_settings(option=folder).till.offline.limits["cheque"]

    assert (cheque.item, cheque.customer, cheque.count, cheque.hours) == ("500.000", "", 7, 72)


@pytest.mark.parametrize(
    ("new", "told"),
    [
        ("gold = { count = 50", "offline.limits.gold"),
        ('cheque = { item = "-5", count = 50', "offline.limits.cheque.item"),
        ("cheque = { count = -1", "offline.limits.cheque.count"),
        ("cheque = { counts = 1, count = 50", "offline.limits.cheque.counts"),
    ],
)
def test_an_offline_limit_that_is_none_stops_the_start(folder: Path, new: str, told: str) -> None:
    spoil(folder, "till.toml", "cheque = { count = 50", new)

    with pytest.raises(Refused) as refusal:
        read_settings(option=folder)
    assert refusal.value.details["key"] == told


def test_an_offline_limit_has_the_digits_of_the_shops_currency(tmp_path: Path) -> None:
    """Rule 51: and a home with a central has the limits of the settings."""
    home = tmp_path / "home"
    open_home(home).close()
    text = (SHIPPED / "till.toml").read_text(encoding="utf-8")

    for amount, fits in (("500.000", True), ("500.0001", False)):
        limits = f'cheque = {{ item = "{amount}", count = 50'
        put_settings(home, "till.toml", text.replace("cheque = { count = 50", limits))
        if fits:
            with open_till(home, machine=machine()) as till:
                found = till.desk.policy.offline.limits["cheque"]
                assert found.item is not None
                assert found.item.plain() == amount
        else:
            with pytest.raises(Refused) as refusal:
                open_till(home, machine=machine())
            assert refusal.value.details["key"] == "offline.limits.cheque.item"


RATE = '[rates.USD]\nrate = "0.30675"\nvalid_on = 2026-11-21\nlowest_note = "1"\n'


def test_a_list_of_rates_is_read(folder: Path) -> None:
    spoil(folder, "foreign_cash.toml", "[rates]", RATE)

    entry = read_settings(option=folder).foreign_cash.rates["USD"]

    assert (entry.rate, entry.valid_on, entry.lowest_note) == ("0.30675", date(2026, 11, 21), "1")


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('"0.30675"', "0.30675", "rates.USD.rate"),
        ('"0.30675"', '"0"', "rates.USD.rate"),
        ('"0.30675"', '"0.000"', "rates.USD.rate"),
        ('"0.30675"', '"-1"', "rates.USD.rate"),
        ('"0.30675"', '"1e3"', "rates.USD.rate"),
        ('"0.30675"', '"0,3"', "rates.USD.rate"),
        ("2026-11-21", '"21.11.2026"', "rates.USD.valid_on"),
        ('"1"', '"0"', "rates.USD.lowest_note"),
        ('"1"', '"0.001"', "rates.USD.lowest_note"),
        ("USD", "DOLLAR", "rates.DOLLAR"),
        ("USD", "usd", "rates.usd"),
        ("lowest_note", "lowest", "rates.USD.lowest_note"),
    ],
)
def test_a_bad_rate_stops_the_start_and_says_which(folder: Path, old: str, new: str, key: str) -> None:
    spoil(folder, "foreign_cash.toml", "[rates]", RATE.replace(old, new))

    with pytest.raises(Refused) as refusal:
        read_settings(option=folder)
    assert (refusal.value.code, refusal.value.details["key"]) == ("bad_settings", key)


def test_what_is_declared_goes_to_an_account_that_is_there(folder: Path) -> None:
    spoil(folder, "till.toml", '"damaged_cash"', '"nowhere"')

    with pytest.raises(Refused) as refusal:
        read_settings(option=folder)
    assert refusal.value.details["key"] == "cash.declared.damaged"


@pytest.mark.parametrize("key", ["check_note_from", "identify_from", "refuse_from"])
@pytest.mark.parametrize(
    ("amount", "starts"), [("20", True), ("20.005", True), ("20.0005", False), ("0", False)]
)
def test_an_amount_of_cash_has_the_digits_of_the_shops_currency(
    tmp_path: Path, key: str, amount: str, starts: bool
) -> None:
    home = tmp_path / "home"
    open_home(home).close()
    put_settings(home, "till.toml", (SHIPPED / "till.toml").read_text(encoding="utf-8"))
    spoil(home / "config", "till.toml", f'{key} = ""', f'{key} = "{amount}"')

    if starts:
        with open_till(home, machine=machine()) as till:
            policy = till.desk.policy
            read = {
                "check_note_from": policy.check_note_from,
                "identify_from": policy.large_cash.identify_from,
                "refuse_from": policy.large_cash.refuse_from,
            }
        assert read == {name: money(amount) if name == key else None for name in read}
        return
    with pytest.raises(Refused) as refusal:
        open_till(home, machine=machine())
    assert refusal.value.details["key"] == f"cash.{key}"


def test_the_shops_own_currency_on_the_list_is_left_out(tmp_path: Path) -> None:
    home = tmp_path / "home"
    open_home(home).close()
    put_settings(home, "foreign_cash.toml", (SHIPPED / "foreign_cash.toml").read_text(encoding="utf-8"))
    spoil(home / "config", "foreign_cash.toml", "[rates]", RATE + RATE.replace("USD", "KWD"))

    with open_till(home, machine=machine()) as till:
        assert list(till.desk.policy.foreign_cash.rates) == ["USD"]


@pytest.mark.parametrize(
    ("key", "value", "cap", "release"),
    [
        ("unverified_cap", "", None, "now"),
        ("unverified_cap", "0", "0", "now"),
        ("unverified_cap", "12.5", "12.500", "now"),
        ("release", "hold", None, "hold"),
    ],
)
def test_dealers_have_terms_of_the_shop(
    tmp_path: Path, key: str, value: str, cap: str | None, release: str
) -> None:
    home = dealers_home(tmp_path, {"unverified_cap": "", "release": "now"}[key], key, value)

    with open_till(home, machine=machine()) as till:
        terms = till.desk.policy.dealers.terms("gold")

    assert (terms.unverified_cap, terms.release) == (None if cap is None else money(cap), release)


@pytest.mark.parametrize(
    ("key", "value"), [("unverified_cap", "1.0001"), ("unverified_cap", "-1"), ("release", "later")]
)
def test_terms_that_are_none_stop_the_start(tmp_path: Path, key: str, value: str) -> None:
    home = dealers_home(tmp_path, {"unverified_cap": "", "release": "now"}[key], key, value)

    with pytest.raises(Refused) as refusal:
        open_till(home, machine=machine())
    assert refusal.value.details["key"] == f"dealers.{key}"


def dealers_home(tmp_path: Path, was: str, key: str, value: str) -> Path:
    home = tmp_path / "home"
    open_home(home).close()
    put_settings(home, "till.toml", (SHIPPED / "till.toml").read_text(encoding="utf-8"))
    spoil(home / "config", "till.toml", f'{key} = "{was}"', f'{key} = "{value}"')
    return home


def test_a_class_of_dealers_has_terms_of_its_own(tmp_path: Path) -> None:
    home = dealers_home(tmp_path, "now", "release", "now")
    gold = (
        '[dealers.classes.gold]\nunverified_cap = "500"\nrelease = "hold"\ncommission_at = "settlement"\n'
        'withholding_percent = "12.5"\ncommission = [{ items = ["SIM-*"], percent = "5" }, { percent = "2" }]'
    )
    spoil(home / "config", "till.toml", "[dealers.classes]", gold)

    with open_till(home, machine=machine()) as till:
        policy = till.desk.policy.dealers

    assert (policy.terms("gold").unverified_cap, policy.terms("gold").release) == (money("500"), "hold")
    assert policy.terms("silver").unverified_cap is None
    earned = policy.terms("gold").commission.for_item("SIM-01")
    assert earned is not None
    assert (earned.percent, earned.withholding_percent) == (Decimal(5), Decimal("12.5"))
    assert earned.at is CommissionAt.SETTLEMENT
    assert policy.terms("silver").commission.for_item("SIM-01") is None


def test_a_class_of_dealers_has_what_it_does_not_say_from_all_dealers() -> None:
    """Rule 58: a class that differs in one thing is as careful as the shop in all others."""
    settings = DealerSettings.model_validate(
        {
            "unverified_cap": "0",
            "release": "hold",
            "commission": [{"percent": "5"}],
            "commission_at": "settlement",
            "withholding_percent": "10",
            "block_after_rejection": False,
            "classes": {
                "gold": {"commission_paid": "gross"},
                "new": {"unverified_cap": "", "commission": []},
            },
        }
    )
    gold, new = settings.classes["gold"], settings.classes["new"]

    assert (gold.unverified_cap, gold.release, gold.commission_paid) == ("0", "hold", "gross")
    assert gold.as_commission().for_item("SIM-01") == LineTerms(
        percent=Decimal(5),
        withholding_percent=Decimal(10),
        at=CommissionAt.SETTLEMENT,
        settlement=Settlement.GROSS,
    )
    assert (new.unverified_cap, new.release, new.commission) == ("", "hold", []), (
        "its own, also where it is nothing"
    )
    assert (settings.release, settings.commission_paid) == ("hold", "net")


@pytest.mark.parametrize(
    ("dealers", "key"),
    [
        ({"release": "later"}, "release"),
        ({"classes": {"gold": {"release": "later"}}}, "classes.gold.release"),
        ({"classes": {"gold": {"trust": "off"}}}, "classes.gold.trust"),
        ({"classes": {"gold": "hold"}}, "classes.gold"),
        ({"classes": ["gold"]}, "classes"),
    ],
)
def test_wrong_terms_of_dealers_are_named_where_they_stand(dealers: dict[str, object], key: str) -> None:
    with pytest.raises(ValidationError) as wrong:
        DealerSettings.model_validate({"classes": {"gold": {}}} | dealers)

    assert ".".join(map(str, wrong.value.errors()[0]["loc"])) == key


@pytest.mark.parametrize(
    ("locale", "marks", "typed"),
    [
        ("", "", ".,"),
        ("", ",", ","),
        ("de_DE", "", ","),
        ("en_IN", "", "."),
        ("ar_KW", "", "."),
        ("fr_FR", "", ","),
        ("fr_FR", ".,", ".,"),
        ("de_CH", ".,", ".,"),
    ],
)
def test_a_locale_says_which_mark_is_typed_unless_the_shop_says_it(
    folder: Path, locale: str, marks: str, typed: str
) -> None:
    spoil(folder, "till.toml", 'locale = ""', f'locale = "{locale}"')
    spoil(folder, "till.toml", 'decimal_marks = ""', f'decimal_marks = "{marks}"')

    assert read_settings(option=folder).till.amounts.typed_marks == typed


@pytest.mark.parametrize(
    ("locale", "marks"), [("de_DE", "."), ("de_DE", ".,"), ("en_IN", ","), ("ar_KW", ".,")]
)
def test_the_mark_that_groups_what_is_shown_is_never_typed_for_the_other(
    folder: Path, locale: str, marks: str
) -> None:
    """A shop that shows 1.234 for a thousand must not take 1.234 for one."""
    spoil(folder, "till.toml", 'locale = ""', f'locale = "{locale}"')
    spoil(folder, "till.toml", 'decimal_marks = ""', f'decimal_marks = "{marks}"')

    with pytest.raises(Refused) as refusal:
        read_settings(option=folder)

    assert refusal.value.details["key"] == "amounts.decimal_marks"


# --- who may do what -------------------------------------------------------------------------------------------


ROLES = (SHIPPED / "roles.toml").read_text(encoding="utf-8")
SEES_EXPECTED = ROLES.replace(
    'reprint =            { cashier = "limit",', 'reprint =            { cashier = "alone",'
)


@pytest.mark.parametrize("named_by", ["option", "environment"])
@pytest.mark.parametrize(
    ("name", "text", "key"),
    [
        ("roles.toml", SEES_EXPECTED, "acts"),
        ("till.toml", "[sign_in]\nmax_failures = 100\n", "sign_in.max_failures"),
        ("till.toml", '[payments]\nresolve_alone_up_to = "1000"\n', "payments.resolve_alone_up_to"),
        ("till.toml", '[vouchers]\nissue_alone_up_to = "1000"\n', "vouchers.issue_alone_up_to"),
        ("till.toml", "[items]\noverride_max_percent = { cashier = 100 }\n", "items.override_max_percent"),
        ("till.toml", "[corrections]\nalone_days = 900\n", "corrections.alone_days"),
        (
            "till.toml",
            '[corrections.roles]\ncashier = { refund_alone_up_to = "9" }\n',
            "corrections.roles",
        ),
    ],
)
def test_a_folder_that_the_caller_names_gives_nobody_a_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str, key: str, named_by: str
) -> None:
    home, named = tmp_path / "home", tmp_path / "named"
    open_home(home).close()
    named.mkdir()
    (named / name).write_text(text, encoding="utf-8")
    if named_by == "environment":
        monkeypatch.setenv("POS_CONFIG_DIR", str(named))

    with pytest.raises(Refused) as refusal:
        open_till(home, machine=machine(), config=named if named_by == "option" else None)

    assert (refusal.value.code, refusal.value.details["key"]) == ("bad_settings", key)
    put_settings(home, name, text)
    open_till(home, machine=machine()).close()


def test_a_named_folder_may_say_what_the_home_says_too_and_anything_else(tmp_path: Path) -> None:
    home, named = tmp_path / "home", tmp_path / "named"
    open_home(home).close()
    put_settings(home, "till.toml", "[sign_in]\nmax_failures = 7\n")
    named.mkdir()
    (named / "roles.toml").write_text(f"# Ours\n{ROLES}", encoding="utf-8")
    (named / "till.toml").write_text("[sign_in]\nmax_failures = 7\n[cheques]\nstale_after_days = 9\n")

    with open_till(home, machine=machine(), config=named) as till:
        assert till.desk.policy.pins.max_failures == 7
        assert till.desk.policy.cheques.stale_after_days == 9
    (named / "till.toml").write_text("[cheques]\nstale_after_days = 9\n")
    with open_till(home, machine=machine(), config=named) as till:
        assert till.desk.policy.pins.max_failures == 7


def test_whoever_makes_a_home_says_who_may_do_what_in_it(tmp_path: Path) -> None:
    home, named = tmp_path / "home", tmp_path / "named"
    open_home(home).close()
    named.mkdir()
    (named / "roles.toml").write_text(SEES_EXPECTED, encoding="utf-8")

    settings = read_settings(option=named, home=home, maker=True)
    keep_rights(settings, home)

    assert settings.permissions.grant("reprint", {Role.CASHIER}) is Grant.ALONE
    assert (home / "config" / "roles.toml").read_text(encoding="utf-8") == SEES_EXPECTED
    assert (home / "config" / "roles.toml").stat().st_mode & 0o777 == 0o600
    with open_till(home, machine=machine()) as till:
        assert till.desk.permissions.grant("reprint", {Role.CASHIER}) is Grant.ALONE


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("refund =             { ", 'refund = { auditor = "alone", ', "acts.refund.auditor"),
        ("close_day = ", "# close_day = ", "acts.close_day"),
        ("[acts]", "[acts]\nprint_money = {}", "acts.print_money"),
        ("keys =               { ", 'keys = { cashier = "second", ', "acts.keys.cashier"),
        ('see_expected =       { ', 'see_expected = { cashier = "alone", ', "acts.see_expected.cashier"),
    ],
)  # fmt: skip
def test_a_table_of_rights_that_no_shop_may_have_stops_the_start(
    folder: Path, old: str, new: str, key: str
) -> None:
    spoil(folder, "roles.toml", old, new)

    with pytest.raises(Refused) as refusal:
        read_settings(option=folder)

    assert (refusal.value.code, refusal.value.details["key"]) == ("bad_settings", key)


def test_a_table_of_rights_of_an_older_version_is_told_every_row_that_it_lacks(
    folder: Path,
) -> None:
    for act in ("send_bag", "count_sheet", "undo_hand_over"):
        spoil(folder, "roles.toml", f"{act} = ", f"# {act} = ")

    with pytest.raises(Refused) as refusal:
        read_settings(option=folder)

    assert refusal.value.details["missing"] == ["count_sheet", "send_bag", "undo_hand_over"]
    assert refusal.value.message == (
        f"{folder / 'roles.toml'}: there is no row for count_sheet, send_bag, undo_hand_over. Add each below [acts]: "
        f"copy it from {SHIPPED / 'roles.toml'}, or write count_sheet = {{}}, and nobody may do it."
    )


@pytest.mark.parametrize("mode", [0o640, 0o644, 0o620, 0o666])
def test_settings_that_others_can_open_are_not_the_homes(tmp_path: Path, mode: int) -> None:
    home = tmp_path / "home"
    open_home(home).close()
    put_settings(home, "roles.toml", ROLES).chmod(mode)

    with pytest.raises(Refused) as refusal:
        open_till(home, machine=machine())

    assert refusal.value.code == "config_mode_too_wide"
    (home / "config" / "roles.toml").chmod(0o600)
    open_till(home, machine=machine()).close()
    (home / "config").chmod(0o755)
    with pytest.raises(Refused) as refusal:
        open_till(home, machine=machine())
    assert refusal.value.code == "config_mode_too_wide"


@pytest.mark.parametrize(("mode", "taken"), [(0o755, True), (0o700, True), (0o775, False), (0o777, False)])
def test_a_named_folder_that_others_can_write_is_not_read(tmp_path: Path, mode: int, taken: bool) -> None:
    named = tmp_path / "named"
    named.mkdir()
    named.chmod(mode)

    if taken:
        read_settings(option=named)
        return
    with pytest.raises(Refused) as refusal:
        read_settings(option=named)
    assert refusal.value.code == "config_mode_too_wide"
