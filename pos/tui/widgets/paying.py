"""What a payment screen shows of the choice made on the account, and how it is asked for."""

from __future__ import annotations

from rich.text import Text

from pos.domain.payment_event import Overpayment
from pos.till.enquiries import AccountView, PayPlan
from pos.till.take_payment import AllocateOrder, PaymentOrder, TenderOrder
from pos.tui.widgets.columns import cut, fitted, shown

LINES_MAX = 4


def summary(view: AccountView, plan: PayPlan) -> Text:
    """The payer and the bills to be paid, in at most ``LINES_MAX`` lines of bills."""
    account = view.account
    text = Text(no_wrap=True, overflow="crop")
    text.append(f" {shown(account.account)}  {cut(shown(account.name), 50)}  {account.currency}", "bold")
    first = plan.parts if len(plan.parts) <= LINES_MAX else plan.parts[: LINES_MAX - 1]
    for part in first:
        text.append(f"\n   Bill {fitted(part.bill_no or '', 16)}{part.amount.plain():>20}")
        rest = part.open_after
        text.append(f"   {rest.plain()} stays open" if rest else "")
    if len(first) < len(plan.parts):
        text.append(f"\n   and {len(plan.parts) - len(first)} more bills")
    if not plan.parts:
        text.append("\n   No bill: the money goes on account")
    return text


def order_of(
    view: AccountView,
    plan: PayPlan,
    *,
    event_id: str,
    tender: TenderOrder,
    overpayment: Overpayment,
    decimal_marks: str,
) -> PaymentOrder:
    """The payment as the till is asked for it: exactly the bills and parts that were shown."""
    return PaymentOrder(
        payment_event_id=event_id,
        payer_kind=view.account.kind,
        payer_account=view.account.account,
        tenders=[tender],
        allocate=[
            AllocateOrder(bill=part.bill_no, amount=_typed(part.amount.plain(), decimal_marks))
            for part in plan.parts
        ],
        overpayment=overpayment,
        decimal_marks=decimal_marks,
    )


def _typed(plain: str, decimal_marks: str) -> str:
    return plain if "." in decimal_marks else plain.replace(".", decimal_marks[0])
