"""The paper of a deposit slip: what stands on it."""

from __future__ import annotations

from pos.domain.deposit import DepositSlip
from pos.domain.money import zero
from pos.domain.receipt import DepositFacts, DepositLine, ReceiptFacts, ReceiptKind
from pos.till.desk import Deed


def slip_facts(deed: Deed, slip: DepositSlip) -> ReceiptFacts:
    """What the bank is handed with the cheques: whose account, each cheque, and their sum."""
    desk, nothing = deed.desk, zero(slip.total.currency)
    return ReceiptFacts(
        receipt_number=slip.number,
        kind=ReceiptKind.DEPOSIT_SLIP,
        shop=desk.identity.shop,
        terminal=desk.identity.terminal,
        shift_number=0,
        business_date=slip.made_on,
        taken_at=deed.at.replace(microsecond=0),
        operator=deed.person.user,
        operator_name=deed.person.name,
        payer_kind="",
        payer_account=None,
        payer_name=None,
        total=slip.total,
        change=nothing,
        credit=nothing,
        tenders=(),
        allocations=(),
        deposit=DepositFacts(
            holder=desk.policy.operator_company,
            bank=slip.account.bank,
            account_number=slip.account.number,
            cheques=tuple(
                DepositLine(
                    serial=cheque.serial,
                    bank=cheque.bank,
                    branch=cheque.branch,
                    dated=cheque.dated,
                    amount=cheque.amount,
                    drawer=cheque.drawer or None,
                )
                for cheque in slip.cheques
            ),
            bags=tuple((bag.number, bag.amount) for bag in slip.bags),
        ),
        chain_mark="",
    )
