"""Who works at this terminal, and with which rights; an admin changes it, and another admin approves."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Label

from pos.domain.errors import DomainError, Refused
from pos.domain.role import Person, Role, named_roles
from pos.till.people import (
    Changes,
    Known,
    NewPerson,
    PersonChanged,
    add_user,
    change_user,
    people_here,
    reset_pin,
)
from pos.tui.errands import Errands
from pos.tui.keys import bindings
from pos.tui.screens.form import FormScreen
from pos.tui.screens.frame import Frame
from pos.tui.screens.lines import RegisterScreen
from pos.tui.screens.sign_in import USER_MAX
from pos.tui.seat import Seat
from pos.tui.widgets.columns import Column, shown
from pos.tui.widgets.entry import DIGITS, Field
from pos.tui.widgets.listing import Row

NAME_MAX = 200
ACCOUNT_MAX = 40
LIST_MAX = 400


class PeopleScreen(RegisterScreen[None, Known]):
    """A adds, C changes, D disables or lets in again, R gives a first PIN."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(["add_user", "change_user", "disable_user", "reset_pin"])
    ]
    KEYS: ClassVar[tuple[str, ...]] = ("back", "add_user", "change_user", "disable_user", "reset_pin")
    HEADING = "People and their rights"
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column(title="User", width=12),
        Column(title="Name", flexible=True),
        Column(title="Roles", width=26),
        Column(title="State", width=9),
    )

    def __init__(self, seat: Seat, errands: Errands) -> None:
        super().__init__(seat, errands)
        self._asked: tuple[str, Changes | None] | None = None
        """The deed without a form that a second person was asked for: of whom, and the changes; None: a first PIN."""

    async def found(self) -> Sequence[Known]:
        desk, person = self.seat.desk, self.seat.person
        return await self.seat.look(lambda: people_here(desk, person))

    def heading(self) -> str:
        return f"{self.HEADING}\nAnother admin approves each change; nobody changes their own rights."

    def row(self, entry: Known) -> Row:
        state = "" if entry.active else "DISABLED"
        return Row(
            key=entry.person.user,
            cells=(
                entry.person.user,
                entry.person.name,
                named_roles(sorted(entry.person.roles)),
                state or ("first PIN" if entry.pin_is_first else ""),
            ),
            strong=not entry.active,
        )

    def facts(self, entry: Known | None) -> str:
        if entry is None:
            return ""
        person = entry.person
        dealer = "" if person.dealer is None else f"Of dealer {person.dealer}. "
        return f"{dealer}Own accounts: {', '.join(sorted(person.accounts)) or 'none are known'}"

    def action_add_user(self) -> None:
        self.app.push_screen(AddPersonScreen(self.seat, self.errands), self._changed)

    def action_change_user(self) -> None:
        if self.selected is not None:
            form = ChangePersonScreen(self.seat, self.errands, self.selected.person)
            self.app.push_screen(form, self._changed)

    def action_disable_user(self) -> None:
        entry = self.selected
        if entry is None:
            return
        name, changes = shown(entry.person.name), Changes(active=not entry.active)
        question = f"Disable {name}: nothing more is done by them, at once?"
        if not entry.active:
            question = f"Let {name} sign in again, with the PIN that they had?"
        self.ask(question, lambda: self._send(entry.person.user, changes))

    def action_reset_pin(self) -> None:
        entry = self.selected
        if entry is not None:
            question = (
                f"Give {shown(entry.person.name)} a first PIN? The one that they have opens nothing then."
            )
            self.ask(question, lambda: self._send(entry.person.user, None))

    def _send(self, user: str, changes: Changes | None) -> None:
        self._asked = (user, changes)
        self.errand(self._change(user, changes))

    async def _change(self, user: str, changes: Changes | None) -> None:
        desk, person = self.seat.desk, self.seat.person
        deed = (
            partial(reset_pin, desk, person, user)
            if changes is None
            else partial(change_user, desk, person, user, changes)
        )
        self._changed(await self.seat.deed(deed))

    def approved(self, said: str) -> None:
        if self._asked is not None:
            self.say(said)
            self._send(*self._asked)

    def _changed(self, done: PersonChanged | None) -> None:
        self._asked = None
        if done is None:
            return
        self.errand(self.load(f"User {done.person.user} is changed."))
        if done.first_pin is not None:
            self.app.push_screen(FirstPinScreen(self.seat, self.errands, done))


class _PersonScreen(FormScreen[PersonChanged]):
    """What is typed of a person."""

    KEYS: ClassVar[tuple[str, ...]] = ("help", "accept", "back", "lock")

    def named(self, name: str) -> str:
        """What stands in a field."""
        return self.query_one(f"#person-{name}", Field).value.strip()

    def roles(self) -> frozenset[Role]:
        """The roles that were typed. Raises Refused ``bad_role``."""
        typed = [part.strip().replace(" ", "_").lower() for part in self.named("roles").split(",")]
        unknown = [part for part in typed if part not in set(Role)]
        if unknown:
            raise Refused("bad_role", f"Roles: {named_roles(Role)}; a comma between two.", field="roles")
        return frozenset(map(Role, typed))

    def accounts(self) -> frozenset[str]:
        """The person's own accounts, as typed."""
        return frozenset(part.strip() for part in self.named("accounts").split(",") if part.strip())

    def send(self) -> None:
        if self.begin_sending():
            self.errand(self._send())

    async def _send(self) -> None:
        raise NotImplementedError

    def field_of(self, refusal: DomainError) -> Field | None:
        told = str(refusal.details.get("field", "")).lower()
        by_code = {"user_exists": "user", "roles_apart": "roles", "dealer_missing": "dealer"}
        wanted = f"person-{by_code.get(refusal.code, told)}"
        return next((field for field in self.fields if field.id == wanted), None)


class AddPersonScreen(_PersonScreen):
    """Somebody new, with a first PIN."""

    def body(self) -> ComposeResult:
        yield Label("Add a person", classes="title", markup=False)
        yield Field("User number", id="person-user", pattern=DIGITS, limit=USER_MAX)
        yield Field("Name", id="person-name", limit=NAME_MAX)
        yield Field("Roles", id="person-roles", limit=LIST_MAX, note="cashier, supervisor ...")
        yield Field("Dealer", id="person-dealer", limit=ACCOUNT_MAX, note="for the role dealer only")
        yield Field("Own accounts", id="person-accounts", limit=LIST_MAX, note="may stay empty")

    async def _send(self) -> None:
        desk, person = self.seat.desk, self.seat.person
        user = self.named("user")
        if len(user) < 3:
            raise Refused("bad_user", "User number: 3 to 12 digits.", field="user")
        order = NewPerson(
            user=user,
            name=self.named("name"),
            roles=self.roles(),
            dealer=self.named("dealer") or None,
            accounts=self.accounts(),
        )
        self.dismiss(await self.seat.deed(partial(add_user, desk, person, order)))


class ChangePersonScreen(_PersonScreen):
    """What there is stands in the fields; what is typed over it is another from now on."""

    def __init__(self, seat: Seat, errands: Errands, person: Person) -> None:
        super().__init__(seat, errands)
        self._person = person

    def body(self) -> ComposeResult:
        person = self._person
        yield Label(f"Change user {person.user}", classes="title", markup=False)
        yield Field("Name", id="person-name", limit=NAME_MAX, value=person.name)
        yield Field("Roles", id="person-roles", limit=LIST_MAX, value=named_roles(sorted(person.roles)))
        yield Field(
            "Own accounts", id="person-accounts", limit=LIST_MAX, value=", ".join(sorted(person.accounts))
        )

    async def _send(self) -> None:
        desk, person, before = self.seat.desk, self.seat.person, self._person
        name, roles, accounts = self.named("name"), self.roles(), self.accounts()
        changes = Changes(
            name=None if name == before.name else name,
            roles=None if roles == before.roles else roles,
            accounts=None if accounts == before.accounts else accounts,
        )
        if changes == Changes():
            raise Refused("nothing_changed", "Nothing is another than before. Esc goes back.")
        self.dismiss(await self.seat.deed(partial(change_user, desk, person, before.user, changes)))


class FirstPinScreen(Frame[None]):
    """A first PIN is shown once, to be handed over; it is kept nowhere."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "back", "OK")]
    KEYS: ClassVar[tuple[str, ...]] = ("accept", "back")
    HAS_DRAFT: ClassVar[bool] = True

    def __init__(self, seat: Seat, errands: Errands, done: PersonChanged) -> None:
        super().__init__(seat, errands)
        self._done = done

    def body(self) -> ComposeResult:
        person, expires = self._done.person, self._done.expires
        yield Label(f"First PIN of {shown(person.name)}, user {person.user}", classes="title", markup=False)
        yield Label(f"{self._done.first_pin}", id="question", markup=False)
        until = "" if expires is None else f", until {self.seat.clock_time(expires)}"
        yield Label(f"It opens nothing but the choice of an own PIN{until}.", id="answers", markup=False)

    def on_mount(self) -> None:
        self.say("Hand it over now: it is shown once, and kept nowhere. Enter goes on.")
