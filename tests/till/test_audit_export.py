"""The auditor's file: complete, in order, in a form that a spreadsheet does not run."""

import csv
import io
import json

import pytest

from pos.domain.errors import NotAuthorised, Refused
from pos.domain.role import Person
from pos.till.audit_export import audit_rows, csv_text, jsonl_text
from pos.till.desk import Desk, note_refusals
from tests.builders.tills import (
    AUDITOR,
    BACK_OFFICE,
    CASHIER,
    OTHER_CASHIER,
    SUPERVISOR,
    cash,
    make_till,
    opened,
    pay,
    rows,
)


@pytest.fixture
def desk() -> Desk:
    """Deeds of one cashier, and what another one was refused."""
    desk = make_till()
    opened(desk)
    pay(desk, cash("5"))
    with pytest.raises(Refused):
        pay(desk, cash("5"), person=OTHER_CASHIER)
    return desk


@pytest.mark.parametrize("person", [AUDITOR, BACK_OFFICE, SUPERVISOR])
def test_who_answers_for_the_shop_reads_every_row(desk: Desk, person: Person) -> None:
    told = list(audit_rows(desk, person))

    assert [row["audit_id"] for row in told] == [row["audit_id"] for row in rows(desk, "audit")]
    assert [(row["operator"], row["act"], row["result"]) for row in told][:2] == [
        ("1001", "open_shift", "ok"),
        ("1001", "pay", "ok"),
    ]
    links = {row["chain_no"]: json.loads(str(row["rows"])) for row in rows(desk, "chain_link")}
    assert all(str(row["audit_id"]) in links[row["chain_no"]]["audit"] for row in told)


def test_a_cashier_reads_the_own_rows(desk: Desk) -> None:
    assert {row["operator"] for row in audit_rows(desk, CASHIER)} == {CASHIER.user}
    assert [row["result"] for row in audit_rows(desk, OTHER_CASHIER)] == ["refused"]


def test_who_has_no_right_is_refused_and_that_is_audited(desk: Desk) -> None:
    nobody = Person(user="9", name="N", roles=frozenset(), dealer=None, accounts=frozenset())

    with pytest.raises(NotAuthorised):
        list(audit_rows(desk, nobody))

    note_refusals(desk)
    assert (rows(desk, "audit")[-1]["act"], rows(desk, "audit")[-1]["result"]) == ("read_audit", "denied")


def test_both_forms_hold_every_cell(desk: Desk) -> None:
    told = [dict(row) for row in audit_rows(desk, AUDITOR)]

    table = list(csv.DictReader(io.StringIO("".join(csv_text(iter(told))), newline="")))
    lines = [json.loads(line) for line in jsonl_text(iter(told))]

    assert lines == told
    assert table == [
        {name: "" if value is None else str(value) for name, value in row.items()} for row in told
    ]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "＝1"])
def test_no_cell_is_run_as_a_formula(text: str) -> None:
    assert "".join(csv_text(iter([{"a": text}]))) == f'"a"\r\n"\'{text}"\r\n'


@pytest.mark.parametrize("text", ["O'Brien", "Müller", "李", "محمد", 'AT&T [NL] "Ltd"', "a,b"])
def test_an_honest_cell_comes_back_as_it_was(text: str) -> None:
    table = list(csv.reader(io.StringIO("".join(csv_text(iter([{"a": text}]))), newline="")))

    assert table == [["a"], [text]]


def test_nothing_to_tell_is_an_empty_file() -> None:
    desk = make_till()

    assert list(audit_rows(desk, AUDITOR)) == []
    assert list(csv_text(iter(()))) == []
