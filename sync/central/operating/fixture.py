"""Loading accounts, bills, rates, items and vouchers from a fixture: all of it in one transaction or none.

Loading again updates what differs and leaves the rest, so that tills need not pull everything anew. What payments did
stays: a bill's remainder is what was loaded less what was applied, an account's credit what was loaded plus what was
credited.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, text

from pos.domain.arrival import refuse_cards_in
from pos.domain.errors import Refused
from pos.domain.money import currency, parse_count
from sync.central.bills.cycles import load_bill_cycles
from sync.central.bills.loading import load_bills
from sync.central.payments.items import load_items
from sync.central.store.database import CentralStore, next_change
from sync.central.tills.people import load_people
from sync.central.vouchers.keys import load_keys
from sync.central.vouchers.loading import load_vouchers
from sync.central.wire.links import RESOURCE_ID
from sync.wire_json import BadField, BadResource, dumps

TABLES_OF_THEIR_OWN = (
    "accounts", "dealers", "bills", "rates", "bill_cycles", "items", "vouchers", "voucher_keys"
)  # fmt: skip

FIGURES = ("credit", "advance", "deposit", "written_off")
"""What an account may have, as loaded and as it stands."""

Loaded = Mapping[str, Any]


def load_fixture(store: CentralStore, fixture: Loaded) -> dict[str, int]:
    """Upsert a fixture (a JSON object read by ``wire_json.loads``: no floats). Returns the number of rows by key.

    Raises Refused: ``card_number_refused``, ``fixture_bad`` naming the row, or ``bill_sums_differ`` naming bill and
    difference; nothing is changed then.
    """
    refuse_cards_in(fixture, whole="fixture")
    if _has_nul(fixture):
        raise Refused(
            "fixture_bad", "The fixture cannot be loaded: a text has a control character that none may have."
        )
    counts = {key: _count(value) for key, value in fixture.items()}
    try:
        with store.write() as connection:
            change = next_change(connection)
            _load_accounts(connection, _rows(fixture, "accounts"), "accounts", change)
            dealers = [{"kind": "dealer", **row} for row in _rows(fixture, "dealers")]
            _load_accounts(connection, dealers, "dealers", change)
            load_bills(connection, _rows(fixture, "bills"), _rows(fixture, "rates"), change=change)
            load_bill_cycles(connection, _rows(fixture, "bill_cycles"), change=change)
            load_items(connection, _rows(fixture, "items"), change=change)
            load_vouchers(connection, _rows(fixture, "vouchers"))
            load_keys(connection, _rows(fixture, "voucher_keys"), at="from a fixture")
            load_people(connection, _rows(fixture, "users"), at="from a fixture")
            for key, value in fixture.items():
                if key not in TABLES_OF_THEIR_OWN:
                    _keep_as_json(connection, key, value)
    except (BadResource, BadField) as error:
        raise Refused("fixture_bad", f"The fixture cannot be loaded: {error}.") from None
    return counts


def _count(value: object) -> int:
    return len(value) if isinstance(value, list) else 1


def _has_nul(value: object) -> bool:
    """Whether a text of it has the character that ends a text: not every kind of store keeps one."""
    match value:
        case str():
            return "\0" in value
        case Mapping():
            return any(_has_nul(part) for part in (*value.keys(), *value.values()))
        case list():
            return any(map(_has_nul, value))
    return False


def _rows(fixture: Loaded, key: str) -> list[Loaded]:
    rows = fixture.get(key, [])
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise BadField(key, "must be an array of objects")
    return rows


def _load_accounts(connection: Connection, accounts: Sequence[Loaded], key: str, change: int) -> None:
    for index, account in enumerate(accounts):
        values = _account_values(account, f"{key}[{index}]")
        known = connection.execute(FIND_ACCOUNT, {"id": values["id"]}).one_or_none()
        if known is None:
            statement, since = INSERT_ACCOUNT, dict.fromkeys(FIGURES, 0)
        elif known.loaded == values["loaded"]:
            continue
        else:
            statement = UPDATE_ACCOUNT
            since = {
                name: getattr(known, f"{name}_minor") - getattr(known, f"loaded_{name}_minor")
                for name in FIGURES
            }
            if any(since.values()) and known.currency != values["currency"]:
                raise BadField(f"{key}[{index}].currency", "differs from the credit that is there")
        figures = {f"{name}_minor": values[f"loaded_{name}_minor"] + since[name] for name in FIGURES}
        if figures["written_off_minor"] < 0:
            raise BadField(f"{key}[{index}].written_off", "is less than payments have brought back")
        connection.execute(statement, {**values, **figures, "change_number": change})


def _account_values(account: Loaded, path: str) -> dict[str, Any]:
    def text_of(name: str, *, default: str | None = None) -> str | None:
        value = account.get(name)
        value = default if value is None else value
        if value is not None and not isinstance(value, str):
            raise BadField(f"{path}.{name}", "must be text")
        return value

    account_id = text_of("account")
    if account_id is None or RESOURCE_ID.fullmatch(account_id) is None:
        raise BadField(f"{path}.account", "must be plain letters, digits, dots and dashes")
    kind = text_of("kind")
    if kind not in ("subscriber", "dealer"):
        raise BadField(f"{path}.kind", "must be subscriber or dealer")
    try:
        in_currency = currency(text_of("currency") or "")
        figures = {
            f"loaded_{name}_minor": parse_count(text_of(name) or "0", in_currency).minor for name in FIGURES
        }
        limit_text = text_of("credit_limit")
        credit_limit = None if limit_text is None else parse_count(limit_text, in_currency)
    except Refused as refusal:
        raise BadField(
            f"{path}.currency, credit, advance, deposit, written_off or credit_limit", refusal.message
        ) from None
    stage = account.get("dunning_stage", 0)
    if not isinstance(stage, int):
        raise BadField(f"{path}.dunning_stage", "must be a whole number")
    former = account.get("former", [])
    if not isinstance(former, list) or not all(
        isinstance(one, str) and RESOURCE_ID.fullmatch(one) for one in former
    ):
        raise BadField(f"{path}.former", "must be a list of account numbers")
    return {
        "id": account_id,
        "kind": kind,
        "name": text_of("name", default="") or "",
        "phone": text_of("phone"),
        "currency": in_currency.code,
        "customer": text_of("customer"),
        "status": text_of("status", default="active"),
        "cash_only": int(account.get("cash_only") is True),
        "dunning_stage": int(stage),
        **figures,
        "dealer_class": text_of("class"),
        "credit_limit_minor": None if credit_limit is None else credit_limit.minor,
        "loaded": dumps(account).decode(),
    }


def _keep_as_json(connection: Connection, kind: str, value: object) -> None:
    """Parts of a fixture that central has no use for yet are kept, but no PIN in clear."""
    connection.execute(FORGET_ROWS, {"kind": kind})
    for position, row in enumerate(value if isinstance(value, list) else [value]):
        kept = (
            {name: part for name, part in row.items() if name != "pin"} if isinstance(row, Mapping) else row
        )
        connection.execute(INSERT_ROW, {"kind": kind, "position": position, "body": dumps(kept).decode()})


_FIGURES = tuple(f"{prefix}{name}_minor" for name in FIGURES for prefix in ("", "loaded_"))
FIND_ACCOUNT = text(f"SELECT loaded, currency, {', '.join(_FIGURES)} FROM account WHERE id = :id")
INSERT_ACCOUNT = text(
    "INSERT INTO account (id, kind, name, phone, currency, customer, status, cash_only, dunning_stage,"
    f" {', '.join(_FIGURES)}, dealer_class, credit_limit_minor, loaded, change_number)"
    " VALUES (:id, :kind, :name, :phone, :currency, :customer, :status, :cash_only, :dunning_stage,"
    f" {', '.join(f':{name}' for name in _FIGURES)}, :dealer_class, :credit_limit_minor, :loaded, :change_number)"
)
UPDATE_ACCOUNT = text(
    "UPDATE account SET kind = :kind, name = :name, phone = :phone, currency = :currency, customer = :customer,"
    " status = :status, cash_only = :cash_only, dunning_stage = :dunning_stage,"
    f" {', '.join(f'{name} = :{name}' for name in _FIGURES)},"
    " dealer_class = :dealer_class, credit_limit_minor = :credit_limit_minor, loaded = :loaded,"
    " change_number = :change_number WHERE id = :id"
)
FORGET_ROWS = text("DELETE FROM fixture_row WHERE kind = :kind")
INSERT_ROW = text("INSERT INTO fixture_row (kind, position, body) VALUES (:kind, :position, :body)")
