"""The promises, each checked against the books, central and the evidence of the wire; named as in the list of promises.

The cheap ones are asked after every deed and every start, the others when the weather has healed. Sums are taken here,
from the plain rows: the product's own verification is one check among them.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
from sqlalchemy import text

from pos.store.outbox import WAIT_MAX
from pos.store.times import from_utc_text
from pos.till.desk import Desk
from pos.till.verify import verify_books
from sync.central.operating.verify import verify_central
from sync.central.store.database import CentralStore
from sync.central.wire.links import PAYMENT_PATH
from sync.wire_json import loads
from tests.simulation.central import BASE_URL, CentralProcess
from tests.simulation.shop import PRICES, SUSPENSE, WALK_IN, owed
from tests.simulation.violation import require

if TYPE_CHECKING:
    from tests.simulation.terminals import Booked, Terminal

# --- after every deed ----------------------------------------------------------------------------------------

_IN_THE_BOOKS: tuple[tuple[str, str], ...] = (
    (
        "3 outbox_row_iff_business_row",
        "SELECT payment_event_id || '-' || leg AS found FROM leg WHERE payment_event_id || '-' || leg NOT IN "
        "(SELECT correlator_id FROM outbox WHERE kind = 'payment') UNION ALL "
        "SELECT correlator_id FROM outbox WHERE kind = 'payment' AND correlator_id NOT IN "
        "(SELECT payment_event_id || '-' || leg FROM leg) UNION ALL "
        "SELECT outcome_id || '-' || leg FROM bank_receipt_event JOIN leg USING (tender_id) WHERE state <> 'presented' "
        "AND outcome_id || '-' || leg NOT IN (SELECT source_id || '-' || leg FROM outbox WHERE kind = 'outcome') UNION ALL "
        "SELECT correlator_id FROM outbox WHERE kind = 'outcome' AND source_id NOT IN "
        "(SELECT outcome_id FROM bank_receipt_event) UNION ALL "
        "SELECT transfer_id FROM suspense_transfer WHERE transfer_id NOT IN "
        "(SELECT source_id FROM outbox WHERE kind = 'transfer') UNION ALL "
        "SELECT correlator_id FROM outbox WHERE kind = 'transfer' AND source_id NOT IN "
        "(SELECT transfer_id FROM suspense_transfer)",
    ),
    (
        "13 allocations_plus_unallocated_equal_amount",
        "SELECT payment_event_id AS found FROM payment_event AS event WHERE amount_minor IS NOT (SELECT sum(amount_minor) "
        "FROM allocation WHERE allocation.payment_event_id = event.payment_event_id) OR amount_minor IS NOT "
        "(SELECT sum(amount_minor) FROM leg WHERE leg.payment_event_id = event.payment_event_id)",
    ),
    (
        "14 tenders_sum_to_payment_plus_change",
        "SELECT payment_event_id AS found FROM payment_event AS event WHERE amount_minor IS NOT (SELECT sum(amount_minor) - "
        "sum(change_minor) + sum(rounding_minor) FROM tender "
        "WHERE tender.payment_event_id = event.payment_event_id) UNION ALL "
        "SELECT tender_id FROM tender WHERE change_minor < 0 OR change_minor > amount_minor "
        "OR (change_minor > 0 AND mode <> 'cash')",
    ),
    (
        "15 journal_balanced_per_currency_and_entry",
        "SELECT entry_id AS found FROM journal_line GROUP BY entry_id, currency "
        "HAVING sum(debit_minor) <> sum(credit_minor)",
    ),
    (
        "24 receipt_numbers_gapless_per_series",
        "SELECT series AS found FROM receipt GROUP BY series HAVING count(*) <> max(counter) OR min(counter) <> 1 UNION ALL "
        "SELECT name FROM counter WHERE name LIKE 'receipt:%' AND value <> "
        "(SELECT coalesce(max(counter), 0) FROM receipt WHERE 'receipt:' || series = name) UNION ALL "
        "SELECT receipt_number FROM receipt WHERE series NOT LIKE '%-Z' "
        "AND payment_event_id NOT IN (SELECT payment_event_id FROM payment_event)",
    ),
)
_ALL_IN_THE_BOOKS = " UNION ALL ".join(
    f"SELECT '{name}', found FROM ({statement})" for name, statement in _IN_THE_BOOKS
)
"""One question instead of five: it is asked after every deed."""


def check_books(terminal: Terminal) -> None:
    """What must hold of the books at every moment, and what the cashier knows to be in them."""
    with terminal.till.desk.till.read() as connection:
        found = connection.exec_driver_sql(_ALL_IN_THE_BOOKS).first()
        require(found is None, *(("", "") if found is None else (found[0], f"{terminal.name}: {found[1]}")))
        there = {
            str(row[0]): str(row[1])
            for row in connection.exec_driver_sql(
                "SELECT payment_event_id, receipt_number FROM payment_event"
            )
        }
        waits = connection.exec_driver_sql(
            "SELECT correlator_id, next_attempt_at_utc FROM outbox "
            "WHERE state <> 'acknowledged' AND next_attempt_at_utc IS NOT NULL"
        ).all()
    memory = terminal.memory
    for event_id, booked in memory.booked.items():
        require(
            there.get(event_id) == booked.receipt_number,
            "2 ack_implies_durable",
            f"{terminal.name}: {booked.receipt_number} was acknowledged and is {there.get(event_id)}",
        )
    strangers = there.keys() - memory.booked.keys() - memory.in_doubt.keys()
    require(
        not strangers,
        "26 crashed_sale_complete_or_absent",
        f"{terminal.name}: booked, though nobody was told so: {sorted(strangers)}",
    )
    longest = terminal.world.longest_wait()
    now = terminal.till.desk.clock.now()
    for key, next_attempt_at in waits:
        require(
            from_utc_text(next_attempt_at) <= now + min(longest, WAIT_MAX),
            "10 backoff_bounded",
            f"{key} waits until {next_attempt_at}, at {now}",
        )


def is_booked(desk: Desk, event_id: str) -> bool:
    """Whether the payment is in the books."""
    with desk.till.read() as connection:
        found = connection.exec_driver_sql(
            "SELECT 1 FROM payment_event WHERE payment_event_id = ?", (event_id,)
        ).first()
    return found is not None


def check_booked(terminal: Terminal, event_id: str, booked: Booked) -> None:
    """The rows of one payment are what the order asked for: each bill, each item, each account's and tender's legs."""
    with terminal.till.desk.till.read() as connection:
        legs = connection.exec_driver_sql(
            "SELECT tender_id, mode, leg.account, leg.amount_minor FROM leg JOIN tender USING (tender_id) "
            "WHERE leg.payment_event_id = ?",
            (event_id,),
        ).all()
        parts = connection.exec_driver_sql(
            "SELECT account, bill_no, item, sum(amount_minor) FROM v_allocation WHERE payment_event_id = ? "
            "GROUP BY account, bill_no, item",
            (event_id,),
        ).all()
        bills = connection.exec_driver_sql(
            "SELECT bill_no, bill_id FROM allocation WHERE payment_event_id = ? AND bill_no IS NOT NULL",
            (event_id,),
        ).all()
    tenders: Counter[tuple[str, str]] = Counter()
    accounts: Counter[str] = Counter()
    for tender_id, mode, account, minor in legs:
        tenders[tender_id, mode] += minor
        accounts[account] += minor
    nets = tuple(sorted((mode, minor) for (_, mode), minor in tenders.items()))
    require(
        (nets, accounts) == (booked.outcome.tenders, booked.outcome.accounts),
        "14 tenders_sum_to_payment_plus_change",
        f"{booked.receipt_number}: the legs bring {nets} to {accounts}, due were {booked.outcome}",
    )
    placed = {(account, bill_no): int(minor) for account, bill_no, item, minor in parts if item is None}
    sold = {str(item): int(minor) for _, _, item, minor in parts if item is not None}
    require(
        (placed, sold) == (booked.outcome.allocations, booked.outcome.sold),
        "13 allocations_plus_unallocated_equal_amount",
        f"{booked.receipt_number} is set against {placed} and {sold}, due were {booked.outcome}",
    )
    for bill_no, bill_id in bills:
        require(
            owed()[bill_no].bill_id == bill_id,
            "13 allocations_plus_unallocated_equal_amount",
            f"{booked.receipt_number}: bill {bill_no} is written as {bill_id}",
        )


# --- when the weather has healed -----------------------------------------------------------------------------


def check_queue_is_empty(terminal: Terminal) -> None:
    """Liveness: everything that was committed has been brought to central in time."""
    with terminal.till.desk.till.read() as connection:
        left = connection.exec_driver_sql(
            "SELECT correlator_id, state, attempts, reason, next_attempt_at_utc FROM outbox WHERE state <> 'acknowledged'"
        ).all()
    require(
        not left,
        "1 committed_payment_reaches_central_exactly_once",
        f"{terminal.name}: not brought to central by {terminal.till.desk.clock.now()}: {[tuple(row) for row in left]}",
    )


def check_central(store: CentralStore, terminals: Iterable[Terminal]) -> None:
    """Central has exactly what the terminals committed: each leg once, with its amount, for its account and its bills."""
    committed = {key: facts for terminal in terminals for key, facts in _legs(terminal.till.desk).items()}
    arrived, keys = _payments(store)
    require(
        len(keys) == len(set(keys)),
        "1 committed_payment_reaches_central_exactly_once",
        f"central has twice: {sorted({key for key in keys if keys.count(key) > 1})}",
    )
    missing, invented = committed.keys() - arrived.keys(), arrived.keys() - committed.keys()
    require(
        not missing and not invented,
        "1 committed_payment_reaches_central_exactly_once",
        f"central lacks {sorted(missing)} and has {sorted(invented)}, which nobody committed",
    )
    for key, facts in committed.items():
        require(
            arrived[key] == facts,
            "1 committed_payment_reaches_central_exactly_once",
            f"{key} was committed as {facts} and is {arrived[key]} at central",
        )
    check_orders(store, terminals)
    outcomes = [outcome for terminal in terminals for outcome in _outcomes(terminal.till.desk)]
    _check_outcomes(store, outcomes)
    transfers = [transfer for terminal in terminals for transfer in _transfers(terminal.till.desk)]
    _check_transfers(store, transfers)
    _check_balances(store, committed, outcomes, transfers)
    found = verify_central(store)
    require(not found, "17 bill_balance_is_fold_of_events", f"central: {found}")


_Key = tuple[str, int, int, int]
"""Terminal, epoch, sequence, leg."""
_Facts = tuple[str, str, int, tuple[tuple[str, int], ...], str]
"""Correlator, account, amount, amount by bill and item, hash of the bytes."""


def _legs(desk: Desk) -> dict[_Key, _Facts]:
    with desk.till.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT terminal, epoch, sequence, leg.leg, outbox.correlator_id, leg.account, leg.amount_minor, "
            "outbox.body FROM leg JOIN payment_event USING (payment_event_id) "
            "JOIN outbox USING (payment_event_id, leg) WHERE kind = 'payment'"
        ).all()
        parts: dict[tuple[int, int], list[tuple[str, int]]] = {}
        for sequence, leg, bill_no, item, minor in connection.exec_driver_sql(
            "SELECT sequence, leg, bill_no, item, sum(allocation.amount_minor) FROM allocation "
            "JOIN payment_event USING (payment_event_id) LEFT JOIN sale_line AS line "
            "ON line.payment_event_id = allocation.payment_event_id AND line.number = allocation.sale_line "
            "WHERE bill_no IS NOT NULL OR item IS NOT NULL GROUP BY sequence, leg, bill_no, item"
        ):
            paid = owed()[bill_no].bill_id if bill_no is not None else item
            parts.setdefault((sequence, leg), []).append((paid, minor))
    return {
        (row[0], row[1], row[2], row[3]): (
            row[4],
            row[5],
            row[6],
            tuple(sorted(parts.get((row[2], row[3]), []))),
            hashlib.sha256(row[7]).hexdigest(),
        )
        for row in rows
    }


def _payments(store: CentralStore) -> tuple[dict[_Key, _Facts], list[_Key]]:
    with store.read() as connection:
        rows = connection.execute(
            text(
                "SELECT terminal, epoch, sequence, leg, correlator_id, account_id, amount_minor, received_sha256, body "
                "FROM payment ORDER BY change_number"
            )
        ).all()
    found: dict[_Key, _Facts] = {}
    keys: list[_Key] = []
    for row in rows:
        key = (row[0], row[1], row[2], row[3])
        keys.append(key)
        found[key] = (row[4], row[5], row[6], _items(loads(row[8])), row[7])
    return found, keys


def _items(body: Mapping[str, Any]) -> tuple[tuple[str, int], ...]:
    paid: Counter[str] = Counter()
    for item in body.get("paymentItem", []):
        paid[item["item"]["id"]] += int(item["totalAmount"]["value"] * 1000)
    return tuple(sorted(paid.items()))


def check_orders(store: CentralStore, terminals: Iterable[Terminal]) -> None:
    """One terminal's legs of one account came in the order of their deeds; a row that was parked lost its place."""
    with store.read() as connection:
        rows = connection.execute(text("SELECT correlator_id FROM payment ORDER BY change_number")).all()
    place = {str(row[0]): number for number, row in enumerate(rows)}
    for terminal in terminals:
        with terminal.till.desk.till.read() as connection:
            sent = connection.exec_driver_sql(
                "SELECT account, correlator_id FROM outbox WHERE kind = 'payment' ORDER BY outbox_id"
            ).all()
        last: dict[str, int] = {}
        for account, key in sent:
            if key in terminal.world.log.ever_parked:
                continue
            # Buyers who are no customers have nothing to do with one another, nor have owners whom nobody knows: only the
            # legs of one payment have an order.
            queue = key.rpartition("-")[0] if account in (WALK_IN, SUSPENSE) else account
            require(
                place[key] > last.get(queue, -1),
                "8 order_per_account_or_parked",
                f"{terminal.name}: {key} of {account} came before an earlier one",
            )
            last[queue] = place[key]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """What the back office made of one leg of a bank receipt."""

    key: str
    state: str
    account: str
    credited: int


def _outcomes(desk: Desk) -> list[_Outcome]:
    with desk.till.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT event.payment_event_id || '-' || leg.leg || '-' || told.state, told.state, told.number, leg.account, "
            "leg.amount_minor FROM bank_receipt_event AS told JOIN leg USING (tender_id) "
            "JOIN payment_event AS event USING (payment_event_id) WHERE told.number > 1"
        ).all()
    return [
        _Outcome(
            key=key,
            state=state,
            account=account,
            credited=-minor if state == "rejected" else minor if state == "verified" and number == 3 else 0,
        )
        for key, state, number, account, minor in rows
    ]


def _check_outcomes(store: CentralStore, outcomes: Sequence[_Outcome]) -> None:
    """Central has what became of every bank receipt, once, and nothing that nobody decided."""
    with store.read() as connection:
        rows = connection.execute(
            text("SELECT correlator_id, state, account_id, credited_minor FROM outcome")
        ).all()
    arrived = sorted(tuple(row) for row in rows)
    decided = sorted((one.key, one.state, one.account, one.credited) for one in outcomes)
    require(
        arrived == decided,
        "40 bank_receipt_reference_unique",
        f"decided were {decided}, central was told {arrived}",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Transfer:
    """What left suspense for an account, and the parts of it that were meant for bills, by id."""

    key: str
    account: str
    amount: int
    bills: Mapping[str, int]


def _transfers(desk: Desk) -> list[_Transfer]:
    with desk.till.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT transfer_id, account, amount_minor FROM suspense_transfer"
        ).all()
        parts: dict[str, Counter[str]] = {row[0]: Counter() for row in rows}
        for key, bill_id, minor in connection.exec_driver_sql(
            "SELECT transfer_id, bill_id, amount_minor FROM suspense_transfer_part WHERE bill_id IS NOT NULL"
        ):
            parts[key][bill_id] += minor
    return [_Transfer(key=row[0], account=row[1], amount=row[2], bills=parts[row[0]]) for row in rows]


def _check_transfers(store: CentralStore, transfers: Sequence[_Transfer]) -> None:
    """Central has what left suspense, once, and nothing that nobody moved."""
    with store.read() as connection:
        rows = connection.execute(
            text("SELECT correlator_id, account_id, amount_minor FROM suspense_transfer")
        ).all()
    arrived = sorted(tuple(row) for row in rows)
    moved = sorted((one.key, one.account, one.amount) for one in transfers)
    require(
        arrived == moved,
        "1 committed_payment_reaches_central_exactly_once",
        f"out of suspense went {moved}, central was told {arrived}",
    )


def _check_balances(
    store: CentralStore,
    committed: Mapping[_Key, _Facts],
    outcomes: Sequence[_Outcome],
    transfers: Sequence[_Transfer],
) -> None:
    """Every bill and every credit from scratch: what no bill wanted any more is its account's credit."""
    wanted: dict[str, int] = {}
    brought: dict[str, int] = {}
    for outcome in outcomes:
        brought[outcome.account] = brought.get(outcome.account, 0) + outcome.credited
    for transfer in transfers:
        brought[transfer.account] = brought.get(transfer.account, 0) + transfer.amount
        for bill_id, part in transfer.bills.items():
            wanted[bill_id] = wanted.get(bill_id, 0) + part
    for _, account, minor, items, _ in committed.values():
        brought[account] = brought.get(account, 0) + minor
        for target, part in items:
            if target in PRICES:
                brought[account] -= part
            else:
                wanted[target] = wanted.get(target, 0) + part
    remaining, credit = balances(store)
    for bill in owed().values():
        left = max(bill.open_minor - wanted.get(bill.bill_id, 0), 0)
        require(
            remaining[bill.bill_no] == left,
            "17 bill_balance_is_fold_of_events",
            f"bill {bill.bill_no}: {remaining[bill.bill_no]} remain at central, by the terminals' books {left}",
        )
        brought[bill.account] = brought.get(bill.account, 0) - (bill.open_minor - left)
    for account, minor in credit.items():
        require(
            minor == brought.get(account, 0),
            "21 overpayment_is_credit_not_lost",
            f"{account}: {minor} is its credit at central, by the terminals' books {brought.get(account, 0)}",
        )


def check_vouchers(store: CentralStore, terminals: Iterable[Terminal]) -> None:
    """A voucher is used by one payment at most, on whatever till, and central knows it as used by that one."""
    used = Counter(code for terminal in terminals for code in terminal.memory.vouchers_used)
    twice = sorted(code for code, times in used.items() if times > 1)
    require(not twice, "39 voucher_redeemed_at_most_once_across_terminals", f"used twice: {twice}")
    with store.read() as connection:
        redeemed = connection.execute(text("SELECT count(*) FROM voucher_redemption")).scalar_one()
    require(
        redeemed == len(used),
        "39 voucher_redeemed_at_most_once_across_terminals",
        f"central has redeemed {redeemed} vouchers, the tills have taken {len(used)}",
    )


def balances(store: CentralStore) -> tuple[dict[str, int], dict[str, int]]:
    """What remains on each bill, and each account's credit, at central."""
    with store.read() as connection:
        remaining = connection.execute(text("SELECT bill_no, remaining_minor FROM bill")).all()
        credit = connection.execute(text("SELECT id, credit_minor FROM account")).all()
    return {row[0]: row[1] for row in remaining}, {row[0]: row[1] for row in credit}


def check_screen(terminal: Terminal, store: CentralStore) -> None:
    """After a whole pull the screen shows what central has."""
    remaining, credit = balances(store)
    with terminal.till.desk.cache.read() as connection:
        bills = connection.exec_driver_sql("SELECT bill_no, open_minor FROM v_bill").all()
        accounts = connection.exec_driver_sql("SELECT account, credit_minor FROM v_account").all()
    shown = {str(row[0]): int(row[1]) for row in bills}
    differs = {key: (shown.get(key), minor) for key, minor in remaining.items() if shown.get(key) != minor}
    require(
        not differs, "17 bill_balance_is_fold_of_events", f"{terminal.name} shows, central has: {differs}"
    )
    kept = {str(row[0]): int(row[1]) for row in accounts}
    differs = {key: (kept.get(key), minor) for key, minor in credit.items() if kept.get(key) != minor}
    require(
        not differs, "21 overpayment_is_credit_not_lost", f"{terminal.name} shows, central has: {differs}"
    )


async def check_key_reuse(central: CentralProcess) -> None:
    """A key that comes again with another body is refused, and changes nothing."""
    store = central.store
    assert store is not None
    with store.read() as connection:
        found = connection.execute(text("SELECT correlator_id FROM payment ORDER BY id LIMIT 1")).first()
    if found is None:
        return
    before = balances(store), _payments(store)
    body = {
        "correlatorId": found[0],
        "account": {"id": "BA-1"},
        "totalAmount": {"unit": "KWD", "value": 1},
        "paymentMethod": {"@type": "Cash"},
    }
    answer = await central.handle(
        httpx.Request("POST", BASE_URL + PAYMENT_PATH, json=body, headers={"Idempotency-Key": found[0]})
    )
    require(
        answer.status_code == 422 and (balances(store), _payments(store)) == before,
        "5 key_reuse_other_body_is_422_and_changes_nothing",
        f"{found[0]}: {answer.status_code} {answer.text}",
    )


def last_state(store: CentralStore, terminals: Sequence[Terminal]) -> str:
    """All that was committed anywhere, as one short text."""
    digest = hashlib.sha256(repr((balances(store), _payments(store))).encode())
    for terminal in terminals:
        with terminal.till.desk.till.read() as connection:
            head = connection.exec_driver_sql("SELECT max(chain_no), mark FROM chain_link").one()
            rows = connection.exec_driver_sql(
                "SELECT correlator_id, state, attempts, server_id, applied_change FROM outbox ORDER BY outbox_id"
            ).all()
        digest.update(repr((tuple(head), [tuple(row) for row in rows])).encode())
    return digest.hexdigest()


def check_verified(terminal: Terminal) -> None:
    """The program's own verification finds nothing."""
    found = verify_books(terminal.till.desk)
    require(not found, "41 verify_books", f"{terminal.name}: {found}")


def check_papers(terminal: Terminal) -> None:
    """Every receipt was made from the books and printed, and states its own number; the queue is empty."""
    desk = terminal.till.desk
    with desk.till.read() as connection:
        waiting = connection.exec_driver_sql(
            "SELECT receipt_number FROM print_job WHERE state <> 'printed'"
        ).all()
        numbers = [
            str(row[0])
            for row in connection.exec_driver_sql("SELECT receipt_number FROM receipt ORDER BY counter")
        ]
    require(not waiting, "28 print_failure_never_changes_money", f"{terminal.name}: not printed: {waiting}")
    for number in numbers:
        paper = terminal.printer.papers.get(f"{number}.txt", b"")
        require(
            number.encode() in paper, "26 crashed_sale_complete_and_printable", f"{number} was never printed"
        )
