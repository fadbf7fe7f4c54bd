"""The acts of a script: the published schema of each, and reading one. Source: interface.md section 2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, get_args

from pydantic import Field, TypeAdapter, ValidationError

from pos.domain.arrival import field_named
from pos.domain.errors import Refused
from pos.till.acts.banking import BankingAct
from pos.till.acts.cheques import ChequeAct
from pos.till.acts.corrections import CorrectionAct
from pos.till.acts.day import DayAct
from pos.till.acts.dealers import DealerAct
from pos.till.acts.debits import DebitAct
from pos.till.acts.drawer import DrawerAct
from pos.till.acts.ledger import LedgerAct
from pos.till.acts.payments import PaymentAct
from pos.till.acts.people import ChangePin, Lock, PersonAct, SignIn
from pos.till.acts.shifts import ShiftAct
from pos.till.acts.shop_bags import ShopBagAct

ACTS = frozenset(
    "open_shift pay sell void reverse refund approve transfer reallocate swap_tender deposit_cheques lodge_deposit "
    "pay_post_dated withdraw_post_dated bag_cash open_bag undo_bounce "
    "cancel_deposit confirm_deposit clear_cheque bounce_cheque represent_cheque replace_cheque return_cheque "
    "verify_bank_receipt reject_bank_receipt unblock_dealer settle_commission resolve_suspense resolve_card "
    "resolve_conflict confirm_match issue_voucher mandate settle_bank_entry paid_in paid_out pickup loan no_sale hand_over "
    "accept_hand_over count close_shift close_day sign_in change_pin lock note decline ask_elsewhere confirm_refund "
    "add_user change_user reset_pin confirm_clock undo_cash_move accept_over_short safe_count "
    "undo_hand_over count_sheet ledger_batch demand_bill send_bag recall_bag accept_bag undo_accept_bag".split()
)
"""The names that are fixed; those this version cannot do yet answer ``act_not_yet_available``."""

DeedAct = (
    PaymentAct
    | ShiftAct
    | DrawerAct
    | DayAct
    | DealerAct
    | PersonAct
    | BankingAct
    | CorrectionAct
    | ChequeAct
    | DebitAct
    | LedgerAct
    | ShopBagAct
)
Act = Annotated[DeedAct | SignIn | ChangePin | Lock, Field(discriminator="act")]
_ACT: TypeAdapter[DeedAct | SignIn | ChangePin | Lock] = TypeAdapter(Act)
AVAILABLE = frozenset(
    get_args(model.model_fields["act"].annotation)[0]
    for model in get_args(DeedAct | SignIn | ChangePin | Lock)
)
"""What this version can do of ``ACTS``."""


def act_schema() -> dict[str, Any]:
    """The JSON schema of every act, from the models that parse them."""
    return _ACT.json_schema(ref_template="#/$defs/{model}")


def read_act(raw: Mapping[str, Any]) -> DeedAct | SignIn | ChangePin | Lock:
    """The act that a line says. Raises Refused ``bad_line`` or ``act_not_yet_available``."""
    name = raw.get("act")
    if isinstance(name, str) and name in ACTS and name not in AVAILABLE:
        raise Refused("act_not_yet_available", "This version cannot do this act yet.")
    try:
        act = _ACT.validate_python(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(field_named(part) for part in first["loc"][1:]) or "act"
        wrong = "this program knows no such act" if first["type"] == "union_tag_invalid" else first["msg"]
        raise Refused("bad_line", f"{where}: {wrong}", field=where) from None
    if act.ref != act.ref.strip() or not act.ref.isprintable():
        raise Refused("bad_line", "ref: plain printable text without blanks at its ends.", field="ref")
    return act
