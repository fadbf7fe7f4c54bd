"""Settling what dealers earned: one entry for a dealer, each line once. Source: domain.md rule 59."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from pos.domain.catalogue import LineOfSale
from pos.domain.commission import CommissionAt
from pos.domain.errors import Refused
from pos.domain.money import Money, total, zero
from pos.domain.payment_mode import PayerKind
from pos.domain.posting import SourceKind, commission_lines
from pos.domain.role import Person
from pos.domain.text_guard import clean_reference
from pos.store.cache import CachedAccount, account_by_id
from pos.store.commissions import OwedCommission, OwedToDealer, owed_by_dealer, owed_commissions
from pos.store.times import utc_text
from pos.till.account_credits import credit_commission
from pos.till.desk import Deed, Desk, Memo, perform
from pos.till.enquiries import require_enquiry
from pos.till.journal import book_entry
from pos.till.own_accounts import refuse_own_dealer
from pos.till.whose_till import tills_dealer

LINES_AT_ONCE_MAX = 1000
LISTED_MAX = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class CommissionSettled:
    """What was settled for a dealer, of so many lines."""

    settlement_id: str
    dealer: str
    lines: int
    commission: Money
    withheld: Money

    @property
    def credited(self) -> Money:
        """What the dealer's account got."""
        return self.commission - self.withheld


def with_commission(desk: Desk, payer: CachedAccount, line: LineOfSale) -> LineOfSale:
    """The line on the terms of the payer's class; anybody's but a dealer's as it is.

    A dealer's own till puts no commission on an account, for central takes none from it: it is owed until it is settled.
    """
    if payer.kind is not PayerKind.DEALER:
        return line
    terms = desk.policy.dealers.terms(payer.dealer_class).commission.for_item(line.item.item)
    if terms is not None and terms.is_credited and tills_dealer(desk.cache) is not None:
        terms = replace(terms, at=CommissionAt.SETTLEMENT)
    return line.on_terms(terms)


@dataclass(frozen=True, slots=True, kw_only=True)
class DealerToSettle:
    """What a dealer is owed, and the dealer's name as far as it is known here."""

    name: str
    owed: OwedToDealer


def commissions_owed(desk: Desk, person: Person, *, limit: int = LISTED_MAX) -> list[DealerToSettle]:
    """Each dealer with commission left for settlement; a dealer's own people see theirs only. Raises NotAuthorised."""
    require_enquiry(desk, person)
    with desk.till.read() as connection:
        found = owed_by_dealer(
            connection,
            desk.identity.currency,
            dealer=person.only_account,
            modes=desk.modes.not_final,
            limit=limit,
        )
    with desk.cache.read() as connection:
        known = [account_by_id(connection, owed.dealer) for owed in found]
    return [
        DealerToSettle(name="" if account is None else account.name, owed=owed)
        for owed, account in zip(found, known, strict=True)
    ]


def settle_commission(
    desk: Desk, person: Person, dealer: str, *, memo: Memo | None = None
) -> CommissionSettled:
    """Credit a dealer's account with what is owed, of payments whose money is sure; the back office does it.

    Raises NotAuthorised (``own_deed``: not for the person's own dealer or a linked one) or Refused ``nothing_owed``.
    """

    def work(deed: Deed) -> CommissionSettled:
        account = clean_reference(dealer, field="Dealer", limit=40)
        deed.shift, deed.subject = None, account
        refuse_own_dealer(desk, person, [account])
        in_currency = desk.identity.currency
        owed = owed_commissions(
            deed.unit.connection, account, in_currency, modes=desk.modes.not_final, limit=LINES_AT_ONCE_MAX
        )
        commission = total((line.commission for line in owed), in_currency)
        withheld = total((line.withheld for line in owed), in_currency)
        if not commission:
            raise Refused("nothing_owed", f"No commission of {account} can be settled now.", account=account)
        settled = CommissionSettled(
            settlement_id=deed.new_id(),
            dealer=account,
            lines=len(owed),
            commission=commission,
            withheld=withheld,
        )
        deed.unit.insert(
            "commission_settlement",
            {
                "settlement_id": settled.settlement_id,
                "dealer": account,
                "commission_minor": commission.minor,
                "withheld_minor": withheld.minor,
                "currency": in_currency.code,
                "operator": person.user,
                "at_utc": utc_text(deed.at),
            },
        )
        deed.unit.insert_all(
            "commission_settled",
            [
                {
                    "payment_event_id": line.payment_event_id,
                    "line": line.line,
                    "settlement_id": settled.settlement_id,
                }
                for line in owed
            ],
        )
        lines = commission_lines(commission, withheld=withheld, credited=settled.credited, dealer=account)
        book_entry(deed, SourceKind.COMMISSION, settled.settlement_id, lines)
        _credit_each_sale(deed, settled, owed)
        return settled

    settled = perform(desk, person, "settle_commission", work, memo=memo)
    # Only now: the cache's lane would read books that do not hold the deed yet.
    desk.touched_accounts.append(settled.dealer)
    return settled


def _credit_each_sale(deed: Deed, settled: CommissionSettled, owed: Iterable[OwedCommission]) -> None:
    """Central is told by sale: each credit behind the payment that it was earned with."""
    earned: dict[str, Money] = {}
    for line in owed:
        paid_out = line.commission - line.withheld
        earned[line.payment_event_id] = earned.get(line.payment_event_id, zero(paid_out.currency)) + paid_out
    for payment_event_id, amount in earned.items():
        credit_commission(deed, payment_event_id, settled.dealer, amount, settlement_id=settled.settlement_id)
