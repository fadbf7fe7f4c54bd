"""``pos central client``, ``clients``, ``person`` and ``audit``: who may speak to central, who may work, what happened."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import text

from sync.central.schema.opening import open_central
from sync.central.tills.terminals import Enrolling, enrol
from tests.builders.homes import ForkingPos


def test_a_client_is_made_listed_and_revoked_and_its_secret_is_shown_once(
    pos: ForkingPos, tmp_path: Path
) -> None:
    db = f"sqlite:///{tmp_path / 'central.db'}"
    made = pos.run("--json", "central", "client", "kiosk", "--db", db, "--scope", "payment.read").last
    assert (made["kind"], made["scopes"], made["dealer"]) == ("foreign", ["payment.read"], None)
    assert len(made["client_secret"]) >= 50

    twice = pos.run("--json", "central", "client", "kiosk", "--db", db)
    assert (twice.status, twice.last["error"]["code"]) == (3, "client_exists")

    listed = pos.run("--json", "central", "clients", "--db", db)
    assert listed.last["client_id"] == made["client_id"]
    assert made["client_secret"] not in listed.out

    gone = pos.run("--json", "central", "client", "kiosk", "--db", db, "--revoke")
    assert gone.last["revoked"] is True
    assert pos.run("--json", "central", "clients", "--db", db).last["revoked_at"] is not None

    audit = pos.run("--json", "central", "audit", "--db", db)
    assert [line["event"] for line in audit.lines] == ["client_made", "client_revoked"]
    assert made["client_secret"] not in audit.out


def test_a_dealers_client_needs_a_dealer_that_central_knows(pos: ForkingPos, tmp_path: Path) -> None:
    db = f"sqlite:///{tmp_path / 'central.db'}"
    ended = pos.run("--json", "central", "client", "shop", "--db", db, "--dealer", "D-1")
    assert (ended.status, ended.last["error"]["code"]) == (3, "unknown_dealer")


def test_a_terminal_is_listed_retired_and_enrolled_anew(pos: ForkingPos, tmp_path: Path) -> None:
    db = f"sqlite:///{tmp_path / 'central.db'}"
    unknown = pos.run("--json", "central", "terminal", "lost", "T1", "--db", db)
    assert (unknown.status, unknown.last["error"]["code"]) == (3, "unknown_terminal")
    code = pos.run("--json", "central", "terminal", "code", "T1", "--db", db).last["code"]
    store = open_central(db)
    with store.write() as connection:
        assert enrol(connection, Enrolling(terminal="T1", code=code), at=datetime.now(UTC)) == 1
    store.close()
    listed = pos.run("--json", "central", "terminal", "list", "--db", db).last
    assert listed == {"terminal": "T1", "epoch": 1, "state": "no key", "dealer": None, "cloned_at": None}
    pos.run("--json", "central", "terminal", "retire", "T1", "--db", db)
    assert pos.run("--json", "central", "terminal", "list", "--db", db).last["state"] == "retired"


def test_a_dealers_terminal_is_enrolled_for_it_and_its_people_are_its_own(
    pos: ForkingPos, tmp_path: Path
) -> None:
    db, shop = f"sqlite:///{tmp_path / 'central.db'}", tmp_path / "shop.json"
    shop.write_text(pos.run("fixture", "--example").out)
    assert pos.run("central", "fixture", str(shop), "--db", db).status == 0
    store = open_central(db)
    with store.read() as connection:
        dealer = connection.execute(text("SELECT min(id) FROM account WHERE kind = 'dealer'")).scalar_one()
    unknown = pos.run("--json", "central", "terminal", "code", "T9", "--dealer", "D-404", "--db", db)
    assert (unknown.status, unknown.last["error"]["code"]) == (3, "unknown_dealer")
    assert pos.run("central", "terminal", "retire", "T9", "--dealer", dealer, "--db", db).status == 2

    made = pos.run("--json", "central", "terminal", "code", "T9", "--dealer", dealer, "--db", db).last
    with store.write() as connection:
        assert enrol(connection, Enrolling(terminal="T9", code=made["code"]), at=datetime.now(UTC)) == 1
    store.close()
    listed = pos.run("--json", "central", "terminal", "list", "--db", db).last
    assert (listed["terminal"], listed["dealer"]) == ("T9", dealer)
    other = pos.run("--json", "central", "terminal", "code", "T9", "--db", db)
    assert (other.status, other.last["error"]["code"]) == (3, "terminal_of_another")
    # User 1001 of the operator is not the dealer's.
    out = pos.run("--json", "central", "person", "disable", "1001", "--dealer", dealer, "--db", db)
    assert (out.status, out.last["error"]["code"]) == (3, "unknown_user")


def test_somebody_is_disabled_listed_and_let_in_again(pos: ForkingPos, tmp_path: Path) -> None:
    db, shop = f"sqlite:///{tmp_path / 'central.db'}", tmp_path / "shop.json"
    shop.write_text(pos.run("fixture", "--example").out)
    assert pos.run("central", "fixture", str(shop), "--db", db).status == 0
    unknown = pos.run("--json", "central", "person", "disable", "9999", "--db", db)
    assert (unknown.status, unknown.last["error"]["code"]) == (3, "unknown_user")

    assert pos.run("--json", "central", "person", "disable", "1001", "--db", db).last["active"] is False
    listed = pos.run("--json", "central", "person", "list", "--db", db)
    shown = {one["user"]: one for one in listed.lines}
    assert (shown["1001"]["active"], shown["2002"]["active"]) == (False, True)
    assert shown["1001"]["places"] == [{"terminal": None, "roles": ["cashier"], "active": True}]
    assert "name" not in shown["1001"]
    assert pos.run("--json", "central", "person", "enable", "1001", "--db", db).last["active"] is True

    audit = pos.run("--json", "central", "audit", "--db", db)
    assert [line["event"] for line in audit.lines] == ["person_disabled", "person_enabled"]
