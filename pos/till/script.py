"""Every act without a screen: one JSON object a line in, one answer a line out, each ref carried out once for ever.

The same functions as the screen's. Source: interface.md section 2.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Collection, Mapping
from typing import Any

from pos.domain.arrival import refuse_cards_in
from pos.domain.errors import DomainError, NotAuthorised, Refused
from pos.domain.ids import new_id
from pos.domain.pan_guard import holds_card_number
from pos.domain.role import Person
from pos.till.acts.banking import BankingAct, carry_out_banking
from pos.till.acts.cheques import carry_out_of_cheque
from pos.till.acts.corrections import CorrectionAct, carry_out_correction
from pos.till.acts.day import DayAct, carry_out_of_day
from pos.till.acts.dealers import DealerAct, carry_out_of_dealer
from pos.till.acts.debits import DebitAct, carry_out_of_debit
from pos.till.acts.drawer import DrawerAct, carry_out_at_drawer
from pos.till.acts.ledger import LedgerAct, carry_out_of_ledger
from pos.till.acts.payments import PaymentAct, carry_out_payment
from pos.till.acts.people import ChangePin, Lock, PersonAct, SignIn, carry_out_of_person
from pos.till.acts.seat import (
    ApprovalsElsewhere,
    BillsNow,
    CardsNow,
    LedgerNow,
    RefundsNow,
    Seat,
    VouchersNow,
)
from pos.till.acts.shifts import ShiftAct, carry_out_shift
from pos.till.acts.shop_bags import ShopBagAct, carry_out_with_bags
from pos.till.desk import Desk, Memo, audit_refusal, note_refusals
from pos.till.gate import require_right
from pos.till.open_bills import catch_up
from pos.till.people import change_pin
from pos.till.pin_tries import take_in
from pos.till.script_acts import ACTS, DeedAct, read_act
from pos.till.script_answers import encode
from pos.till.sign_in import lock, sign_in

LINE_MAX = 1_000_000
NO_ACT = "script"
"""As what a line is audited that names no act."""

Answer = dict[str, object]


class Script:
    """Carries out lines for whoever is signed in.

    ``vouchers`` None: this till has no central to check them with. ``cards`` None: no card terminal is connected.
    ``refunds`` None: only what was taken here is paid back.
    ``elsewhere`` None: no other terminal can be asked. ``ledger`` None: no batch can be brought from here.
    ``bills`` None: this till has no central to make them.
    """

    def __init__(
        self,
        desk: Desk,
        person: Person,
        *,
        vouchers: VouchersNow | None = None,
        cards: CardsNow | None = None,
        refunds: RefundsNow | None = None,
        elsewhere: ApprovalsElsewhere | None = None,
        ledger: LedgerNow | None = None,
        bills: BillsNow | None = None,
    ) -> None:
        self._desk = desk
        self._refunds = refunds
        self._approvals = elsewhere
        self._ledger = ledger
        self._bills = bills
        self._vouchers = vouchers
        self._cards = cards
        self.person = person
        self._locked = False

    def run_line(self, line: str) -> Answer:
        """The answer to one line. Raises StoreError only (a damaged store ends the script)."""
        raw: Any = None
        take_in(self._desk)
        try:
            raw = _parse(line)
            refuse_cards_in(raw, whole="line")
            return self._answer(raw)
        except DomainError as refusal:
            self._write_refusal(raw, refusal)
            answer: Answer = {"ref": _text(raw, "ref"), "ok": False}
            act = _text(raw, "act")
            if act in ACTS:
                answer["act"] = act
            return {**answer, "error": refusal.as_json()}

    def _write_refusal(self, raw: Any, refusal: DomainError) -> None:
        """What was refused before any deed began is one audit row too; a line that is no act is one of ``script``."""
        note_refusals(self._desk)
        if not refusal.audited:
            act = _text(raw, "act")
            deed_id = new_id(self._desk.clock, self._desk.randomness)
            named = act if act in ACTS else NO_ACT
            audit_refusal(self._desk, self.person, named, deed_id, refusal, subject=_text(raw, "ref"))

    def _answer(self, raw: Mapping[str, Any]) -> Answer:
        self._require_right(raw)
        act = read_act(raw)
        head: Answer = {"ref": act.ref, "ok": True, "act": act.act}
        if isinstance(act, Lock):
            self._remembered(act.ref, {"a lock is not remembered"})
            lock(self._desk, self.person)
            self._locked = True
            return {**head, "user": self.person.user}
        if isinstance(act, SignIn):
            self._remembered(act.ref, {"a sign-in is not remembered"})
            self.person = sign_in(self._desk, act.user, act.pin)
            self._locked = False
            must = self._desk.sessions[self.person.user].pin_is_first
            return {**head, "user": self.person.user, **({"change_pin": True} if must else {})}
        if isinstance(act, ChangePin):
            self._remembered(act.ref, {"a PIN is not remembered"})
            change_pin(self._desk, self.person, act.pin, act.new_pin)
            return {**head, "user": self.person.user}
        digest = _digest(raw, self._desk.till.keys.marks)
        known = self._remembered(act.ref, {digest, _plain_digest(raw)})
        if known is not None:
            return {**head, **known, "replayed": True}
        result = self._carry_out(act, digest)
        catch_up(self._desk)
        return {**head, **result}

    def _require_right(self, raw: Mapping[str, Any]) -> None:
        """Who may not do an act learns that first, and nothing of what it would want; whoever may sign in may try to."""
        act = raw.get("act")
        if self._locked and act != "sign_in":
            raise NotAuthorised("locked", "This session is locked. Sign in first.")
        at_the_seat = act == "approve" and "user" in raw
        if isinstance(act, str) and act in ACTS and act != "sign_in" and not at_the_seat:
            require_right(self._desk, act, self.person)

    def _remembered(self, ref: str, digests: Collection[str]) -> Answer | None:
        with self._desk.till.read() as connection:
            row = connection.exec_driver_sql(
                "SELECT body_digest, result_json FROM script_ref WHERE ref = ?", (ref,)
            ).first()
        if row is None:
            return None
        if row[0] not in digests:
            raise Refused("ref_reused", "This ref was used for another act. Choose a new one.")
        found: Answer = json.loads(row[1])
        return found

    def _carry_out(self, act: DeedAct, digest: str) -> Mapping[str, object]:
        seat = Seat(
            desk=self._desk,
            person=self.person,
            vouchers=self._vouchers,
            cards=self._cards,
            refunds=self._refunds,
            approvals=self._approvals,
            ledger=self._ledger,
            bills=self._bills,
        )
        memo = Memo(ref=act.ref, digest=digest, encode=encode)
        if isinstance(act, PaymentAct):
            return carry_out_payment(seat, act, memo)
        if isinstance(act, ShiftAct):
            return carry_out_shift(seat, act, memo)
        if isinstance(act, DrawerAct):
            return carry_out_at_drawer(seat, act, memo)
        if isinstance(act, DebitAct):
            return carry_out_of_debit(seat, act, memo)
        if isinstance(act, LedgerAct):
            return carry_out_of_ledger(seat, act, memo)
        if isinstance(act, ShopBagAct):
            return carry_out_with_bags(seat, act, memo)
        if isinstance(act, DayAct):
            return carry_out_of_day(seat, act, memo)
        if isinstance(act, DealerAct):
            return carry_out_of_dealer(seat, act, memo)
        if isinstance(act, PersonAct):
            return carry_out_of_person(seat, act, memo)
        if isinstance(act, BankingAct):
            return carry_out_banking(seat, act, memo)
        if isinstance(act, CorrectionAct):
            return carry_out_correction(seat, act, memo)
        return carry_out_of_cheque(seat, act, memo)


def _parse(line: str) -> Any:
    if len(line) > LINE_MAX:
        raise Refused("bad_line", "The line is too long.")
    try:
        raw = json.loads(line, object_pairs_hook=_no_doubles, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Refused("bad_line", "This line is not one JSON object.") from None
    if not isinstance(raw, dict):
        raise Refused("bad_line", "This line is not one JSON object.")
    return raw


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _no_constant(text: str) -> Any:
    raise ValueError(text)


def _digest(raw: Mapping[str, Any], key: bytes) -> str:
    """What makes two lines the same act, keyed: a line may hold a card's PIN, which must not be found by trying."""
    return hmac.new(key, _canonical(raw), hashlib.sha256).hexdigest()


def _plain_digest(raw: Mapping[str, Any]) -> str:
    """As lines were remembered before their digests were keyed."""
    return hashlib.sha256(_canonical(raw)).hexdigest()


def _canonical(raw: Mapping[str, Any]) -> bytes:
    """A person's PIN is no part of it: not even its digest is kept."""
    shown = {name: value for name, value in raw.items() if name not in ("pin", "new_pin")}
    canonical = json.dumps(shown, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return canonical.encode("utf-8", "surrogatepass")


def _text(raw: Any, name: str) -> str | None:
    value = raw.get(name) if isinstance(raw, dict) else None
    if not isinstance(value, str) or not value.isprintable() or holds_card_number(value):
        return None
    return value[:200]
