"""A second person from the command line and in a script: asked for, listed, approved or declined, and done once."""

from pathlib import Path
from typing import Any

from tests.builders.homes import ForkingPos, example_central, example_home, point_at
from tests.builders.tills import put_settings

SUPERVISOR, BACK_OFFICE = ("2002", "731846"), ("4001", "619405")

IN_SUSPENSE: list[dict[str, Any]] = [
    {"ref": "p1", "act": "open_shift", "float": {"amount": "20.000", "currency": "KWD"}},
    {
        "ref": "p2",
        "act": "pay",
        "payer": {"kind": "subscriber", "account": "BA-1001"},
        "tenders": [{"mode": "cash", "amount": "5.000"}],
        "allocate": [{"suspense": True, "reference": "Envelope in the letter box"}],
        "confirm": ["possible_double"],
    },
]


def moved(ref: str, receipt: str) -> dict[str, Any]:
    """A supervisor sends it to its owner, which wants a second person."""
    return {
        "ref": ref,
        "act": "resolve_suspense",
        "receipt": receipt,
        "account": "BA-1002",
        "reason": "Letter found",
    }


def as_(pos: ForkingPos, home: Path, who: tuple[str, str], *command: str) -> Any:
    user, pin = who
    return pos.run("--home", str(home), "--json", *command, "--user", user, "--pin-fd", "3", pin=pin)


def test_what_waits_is_listed_approved_by_another_and_done_once(pos: ForkingPos, home: Path) -> None:
    receipt = pos.script(home, IN_SUSPENSE).lines[1]["receipt"]
    line = moved("p3", receipt)
    (refused,) = pos.script(home, [line], user="2002", pin="731846").lines
    assert (refused["error"]["code"], refused["error"]["request"]) == ("approval_required", "R-1")
    assert refused["error"]["approvers"] == ["supervisor", "back_office"]

    (waits,) = as_(pos, home, BACK_OFFICE, "approvals").lines
    assert (waits["request"], waits["state"], waits["by"]) == ("R-1", "open", "2002")
    assert waits["what"] == f"5.000 KWD of suspense {receipt} to account BA-1002"
    assert waits["reason"] == "Letter found"
    assert as_(pos, home, SUPERVISOR, "approve", "R-1").status == 4
    assert as_(pos, home, BACK_OFFICE, "approve", "r-1").status == 0

    (done,) = pos.script(home, [line], user="2002", pin="731846").lines
    assert done["ok"]
    (told,) = as_(pos, home, SUPERVISOR, "approvals").lines
    assert (told["state"], told["answered_by"]) == ("done", "4001")
    assert pos.run("--home", str(home), "verify").status == 0


def test_a_no_from_the_command_line_closes_the_request(pos: ForkingPos, home: Path) -> None:
    receipt = pos.script(home, IN_SUSPENSE).lines[1]["receipt"]
    pos.script(home, [moved("p3", receipt)], user="2002", pin="731846")

    assert as_(pos, home, BACK_OFFICE, "decline", "R-1", "--reason", "Not this letter").status == 0
    assert as_(pos, home, BACK_OFFICE, "approve", "R-1").last["error"]["code"] == "request_declined"
    (again,) = pos.script(home, [moved("p3", receipt)], user="2002", pin="731846").lines
    assert again["error"]["request"] == "R-2"


def test_a_locked_script_does_nothing_until_somebody_signs_in(pos: ForkingPos, home: Path) -> None:
    note = {"act": "note", "text": "Drawer checked", "about": "BA-1001"}
    answers = pos.script(
        home,
        [
            {"ref": "n1", **note},
            {"ref": "n2", "act": "lock"},
            {"ref": "n3", **note},
            {"ref": "n4", "act": "sign_in", "user": "1001", "pin": "135790"},
            {"ref": "n5", **note},
        ],
    ).lines

    assert [answer["ok"] for answer in answers] == [True, True, False, True, True]
    assert answers[2]["error"]["code"] == "locked"
    assert (answers[0]["about"], answers[1]["user"]) == ("BA-1001", "1001")


CAPS = '[corrections]\nrefund_remote_from = "3"\n'


def test_two_terminals_and_their_central_ask_and_answer_each_other(pos: ForkingPos, tmp_path: Path) -> None:
    """Rule 33: a large refund at T1 is approved at T2, in scripts and from the command line."""
    db_url = example_central(tmp_path / "central")
    here, there = (example_home(tmp_path / name, terminal=name) for name in ("T1", "T2"))
    put_settings(here, "till.toml", CAPS)
    with pos.start("central", "serve", "--no-auth", "--db", db_url, "--port", "0", pin=None) as central:
        url = f"http://127.0.0.1:{central.answer()['port']}"
        for home in (here, there):
            point_at(home, url)
            assert pos.run("--home", str(home), "sync", "--once", pin=None).status == 0
        paid = pos.script(here, PAID).lines[1]
        back = {"ref": "b1", "act": "refund", "receipt": paid["receipt"], "reason": "paid_twice"}
        (refused,) = pos.script(here, [back]).lines
        assert refused["error"]["code"] == "approval_required"

        asked = {"act": "ask_elsewhere", "request": "R-1"}
        (waits,) = pos.script(here, [{"ref": "e1", **asked}]).lines
        assert (waits["state"], waits["answered_by"]) == ("open", None)
        assert as_(pos, here, SUPERVISOR, "approve", "R-1").last["error"]["code"] == "needs_other_terminal"
        (listed,) = as_(pos, there, SUPERVISOR, "approvals").lines
        assert (listed["request"], listed["terminal"], listed["by"]) == ("T1:1:R-1", "T1", "1001")
        assert as_(pos, there, ("1001", "135790"), "approve", listed["request"]).status == 4
        assert as_(pos, there, SUPERVISOR, "approve", listed["request"]).last["kept"] is True
        late = {"ref": "d1", "act": "decline", "request": listed["request"], "reason": "No"}
        (refused,) = pos.script(there, [late], user="4001", pin="619405").lines
        assert refused["error"]["code"] == "request_answered"

        done = pos.script(here, [{"ref": "e2", **asked}, back]).lines
        assert (done[0]["state"], done[0]["answered_by"]) == ("approved", "2002")
        assert done[1]["ok"]
        for home in (here, there):
            assert pos.run("--home", str(home), "sync", "--drain", pin=None).status == 0
            assert pos.run("--home", str(home), "verify", "--central", pin=None).status == 0
    assert pos.run("central", "verify", "--db", db_url, pin=None).status == 0
    (own,) = as_(pos, here, SUPERVISOR, "approvals").lines
    assert own["state"] == "done"


PAID: list[dict[str, Any]] = [
    {"ref": "a1", "act": "open_shift", "float": {"amount": "20.000", "currency": "KWD"}},
    {
        "ref": "a2",
        "act": "pay",
        "payer": {"kind": "subscriber", "account": "BA-1001"},
        "tenders": [{"mode": "cash", "amount": "5.000"}],
    },
]
