"""A script's acts about who sits at the till, who approves, and who is in the roster."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pos.domain.role import Role
from pos.till.acts.fields import IdText, Ref, Strict
from pos.till.acts.seat import Answer, Seat
from pos.till.approvals import Approved, approve, approve_at_the_seat, decline
from pos.till.approvals_elsewhere import Answered, ask_elsewhere, remember_asked
from pos.till.desk import Memo
from pos.till.notes import write_note
from pos.till.people import Changes, NewPerson, PersonChanged, add_user, change_user, reset_pin
from pos.till.script_answers import encode


class SignIn(Strict):
    """Change who is signed in. The PIN is never stored or echoed."""

    ref: Ref
    act: Literal["sign_in"]
    user: Annotated[str, Field(max_length=12)]
    pin: Annotated[str, Field(max_length=40)]


class ChangePin(Strict):
    """Choose another PIN for oneself; neither is stored or echoed. A first PIN opens nothing else."""

    ref: Ref
    act: Literal["change_pin"]
    pin: Annotated[str, Field(max_length=40, description="The PIN that there is.")]
    new_pin: Annotated[str, Field(max_length=40)]


class Lock(Strict):
    """Lock the session: nothing more is done before ``sign_in``."""

    ref: Ref
    act: Literal["lock"]


class Approve(Strict):
    """Approve what another asked for: the signed-in person does, or at the seat whoever gives ``user`` and ``pin``.

    What another terminal asks for (T2:1:R-7) only the signed-in person does.
    """

    ref: Ref
    act: Literal["approve"]
    request: Annotated[str, Field(max_length=100)]
    user: Annotated[str, Field(max_length=12)] | None = None
    pin: Annotated[str, Field(max_length=40)] | None = None

    @model_validator(mode="after")
    def _both_or_none(self) -> Approve:
        if (self.user is None) is not (self.pin is None):
            raise ValueError("user and pin go together")
        if self.user is not None and ":" in self.request:
            raise ValueError("sign in to answer another terminal")
        return self


class AskElsewhere(Strict):
    """Show the own request at other terminals too, and hear how it stands."""

    ref: Ref
    act: Literal["ask_elsewhere"]
    request: Annotated[str, Field(max_length=20)]


class Decline(Strict):
    """Say no to what another asked for, with a reason."""

    ref: Ref
    act: Literal["decline"]
    request: Annotated[str, Field(max_length=100)]
    reason: Annotated[str, Field(max_length=400)]


class Note(Strict):
    """Keep a note among the audit rows; ``about``: a receipt, an account, a bill."""

    ref: Ref
    act: Literal["note"]
    text: Annotated[str, Field(max_length=400)]
    about: IdText | None = None


RoleIn = Literal["cashier", "supervisor", "dealer", "back_office", "admin", "auditor"]
UserIn = Annotated[str, Field(pattern=r"^[0-9]{3,12}$")]


class AddUser(Strict):
    """Add a person to this terminal's roster. The answer tells the first PIN once; a repeated ref tells it no more."""

    ref: Ref
    act: Literal["add_user"]
    user: UserIn
    name: Annotated[str, Field(max_length=200)]
    roles: Annotated[list[RoleIn], Field(min_length=1, max_length=6)]
    dealer: IdText | None = None
    accounts: Annotated[list[IdText], Field(max_length=20)] = []


class ChangeUser(Strict):
    """Change a person of the roster: what is left out stays. ``active`` false: nothing more is done by them."""

    ref: Ref
    act: Literal["change_user"]
    user: UserIn
    name: Annotated[str, Field(max_length=200)] | None = None
    roles: Annotated[list[RoleIn], Field(min_length=1, max_length=6)] | None = None
    accounts: Annotated[list[IdText], Field(max_length=20)] | None = None
    active: bool | None = None


class ResetPin(Strict):
    """Give a person a first PIN again, told once in the answer; it opens nothing but the choice of another."""

    ref: Ref
    act: Literal["reset_pin"]
    user: UserIn


PersonAct = Approve | AskElsewhere | Decline | Note | AddUser | ChangeUser | ResetPin


def carry_out_of_person(seat: Seat, act: PersonAct, memo: Memo) -> Answer:
    """The answer to one of them. Raises DomainError."""
    desk, person = seat.desk, seat.person
    match act:
        case Approve():
            return encode(_approve(seat, act, memo))
        case Decline() if ":" in act.request:
            return encode(seat.elsewhere().answer(person, act.request, declined=act.reason, memo=memo))
        case Decline():
            return encode(decline(desk, person, act.request, act.reason, memo=memo))
        case AskElsewhere():
            asked = ask_elsewhere(desk, person, act.request)
            seat.elsewhere().bring()
            return encode(remember_asked(desk, asked.request_id, memo))
        case Note():
            return encode(write_note(desk, person, act.text, about=act.about, memo=memo))
        case AddUser() | ChangeUser() | ResetPin():
            changed = _change_person(seat, act, memo)
            # What is remembered lacks the first PIN: it is told once and kept nowhere.
            told = {} if changed.first_pin is None else {"first_pin": changed.first_pin}
            return {**encode(changed), **told}


def _approve(seat: Seat, act: Approve, memo: Memo) -> Approved | Answered:
    if ":" in act.request:
        return seat.elsewhere().answer(seat.person, act.request, memo=memo)
    if act.user is None or act.pin is None:
        return approve(seat.desk, seat.person, act.request, memo=memo)
    return approve_at_the_seat(seat.desk, act.user, act.pin, act.request, memo=memo)


def _change_person(seat: Seat, act: AddUser | ChangeUser | ResetPin, memo: Memo) -> PersonChanged:
    desk, person = seat.desk, seat.person
    match act:
        case AddUser():
            order = NewPerson(
                user=act.user,
                name=act.name,
                roles=frozenset(map(Role, act.roles)),
                dealer=act.dealer,
                accounts=frozenset(act.accounts),
            )
            return add_user(desk, person, order, memo=memo)
        case ChangeUser():
            changes = Changes(
                name=act.name,
                roles=None if act.roles is None else frozenset(map(Role, act.roles)),
                accounts=None if act.accounts is None else frozenset(act.accounts),
                active=act.active,
            )
            return change_user(desk, person, act.user, changes, memo=memo)
        case ResetPin():
            return reset_pin(desk, person, act.user, memo=memo)
