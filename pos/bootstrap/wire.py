"""The wire of an opened home: its client, its sync engine, its enrolment, its comparison with central."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Set
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pos.bootstrap.central_key import KEY_BYTES, CentralKey, read_central_key, read_secret_file
from pos.bootstrap.homes import HomePaths, OpenTill
from pos.bootstrap.paper import print_slips
from pos.domain.demanded_bill import BillDemanded
from pos.domain.errors import DomainError, Refused
from pos.domain.money import Money, currency
from pos.domain.ports import Clock, Randomness, Runner
from pos.domain.role import Person
from pos.domain.voucher import VoucherIssued
from pos.machine import InlineRunner
from pos.settings import Settings
from pos.store.moved import payments_moved, refunds_told
from pos.store.refunds_across import REFUND_ACROSS
from pos.store.vouchers import waiting_slips
from pos.till.bounce_across import with_told
from pos.till.correction_entry import Corrected
from pos.till.demand_bill import demand_bill
from pos.till.desk import Desk, Memo
from pos.till.dishonour_plan import BounceOrder
from pos.till.paid_back_elsewhere import undo
from pos.till.payment_order import PaymentOrder
from pos.till.refund_across import pay_back
from pos.till.refunds import RefundOrder
from pos.till.voucher_issue import IssueOrder, issue_voucher
from pos.till.vouchers import let_go, reserve_vouchers
from pos.till_settings import url_problem
from sync.addresses import Addresses
from sync.client import CentralClient
from sync.credentials import Credentials, Secret, Signature
from sync.delivery import SyncParts
from sync.demanded_bills import CentralBills
from sync.engine import SyncEngine
from sync.heads import heads_of, mark_letters
from sync.oauth import key_text, terminal_client
from sync.outcomes import Accepted, AllOfTerminal, Later, NotThere, RefusedForGood, Unknown, Unreachable
from sync.refunds_elsewhere import CentralRefunds
from sync.retry import RetryRule
from sync.tmf676 import PaymentSeen
from sync.transport_security import TlsFiles
from sync.vouchers import CentralVouchers

Result = TypeVar("Result")

ENROL_TIMEOUT_S = 10


def central_addresses(till: OpenTill) -> Addresses:
    """Where the home's central is. Raises Refused ``no_central`` where none is set."""
    return addresses_of(till.settings, till.desk.identity.central_url)


def addresses_of(settings: Settings, enrolled_at: str) -> Addresses:
    """Where the central of a home is that was enrolled at this address. Raises Refused ``no_central``."""
    sync = settings.till.sync
    central = enrolled_at or sync.central_url
    addresses = Addresses.of(central=central, payment=sync.payment_url, bill=sync.bill_url)
    for url in (addresses.payment, addresses.bill):
        if not url.startswith("http") or url_problem(url) is not None:
            raise Refused("no_central", "No central is set for this till. Set central_url in till.toml.")
    return addresses


def make_client(till: OpenTill) -> CentralClient:
    """The wire's client for the home's central. Raises Refused ``no_central`` where none is set."""
    sync = till.settings.till.sync
    return CentralClient(
        central_addresses(till),
        timeout_s=sync.request_timeout_s,
        media_type=sync.media_type,
        transport=till.machine.transport,
        tls=tls_of(till.settings),
        credentials=credentials_of(
            till.settings,
            till.paths,
            till.desk.identity.central_url,
            till.desk.clock,
            till.machine.randomness,
        ),
    )


def credentials_of(
    settings: Settings, paths: HomePaths, enrolled_at: str, clock: Clock, randomness: Randomness
) -> Credentials | None:
    """How the home shows who it is: by a secret where the settings name one, else by its enrolment's key, if it has one.

    Raises Refused ``bad_settings`` or StoreError where that cannot be read.
    """
    sync = settings.till.sync
    if sync.token_url:
        secret = read_secret_file(Path(sync.client_secret_file))
        return Secret(token_url=sync.token_url, client_id=sync.client_id, secret=secret)
    key = read_central_key(paths.central_key)
    address = addresses_of(settings, enrolled_at).token
    if key is None or address is None:
        return None
    return Signature(
        token_url=address,
        client_id=key.client_id,
        private_key=key.private,
        clock=clock,
        randomness=randomness,
    )


def tls_of(settings: Settings) -> TlsFiles:
    """Whom this till trusts, and what it shows of itself."""
    sync = settings.till.sync
    return TlsFiles(ca_file=sync.ca_file, client_cert=sync.client_cert, client_key=sync.client_key)


def make_engine(till: OpenTill, client: CentralClient, *, runner: Runner) -> SyncEngine:
    """The sync engine of an opened home."""
    sync, desk = till.settings.till.sync, till.desk
    return SyncEngine(
        SyncParts(
            till=desk.till,
            cache=desk.cache,
            identity=desk.identity,
            modes=desk.modes,
            operator_company=desk.policy.operator_company,
            client=client,
            clock=desk.clock,
            randomness=desk.randomness,
            runner=runner,
            retry=RetryRule(delay_s_min=sync.retry_delay_s_min, delay_s_max=sync.retry_delay_s_max),
            pull_every_s=sync.pull_every_s,
            stale_after_days=desk.policy.cheques.stale_after_days,
            boot=desk.boot,
            cash_office=desk.policy.cash_office,
        )
    )


class VouchersNow:
    """Has vouchers held at central and waits for the answer, for a script that takes one line after the other.

    A till without central asks nobody: a voucher stands for itself there, or is not taken.
    """

    def __init__(self, till: OpenTill, runner: Runner) -> None:
        self._till = till
        self._runner = runner

    def reserve(self, person: Person, order: PaymentOrder) -> None:
        """As ``reserve_vouchers``."""

        async def work(vouchers: CentralVouchers | None) -> None:
            await reserve_vouchers(self._till.desk, person, order, vouchers, self._runner)

        asyncio.run(self._at_central(work))

    def let_go(self, payment_event_id: str) -> None:
        """As ``let_go``."""

        async def work(vouchers: CentralVouchers | None) -> None:
            await let_go(self._till.desk, payment_event_id, vouchers, self._runner)

        asyncio.run(self._at_central(work))

    def issue(self, person: Person, order: IssueOrder, *, asked_by: str, memo: Memo) -> VoucherIssued:
        """As ``issue_voucher``."""

        async def work(vouchers: CentralVouchers | None) -> VoucherIssued:
            return await issue_voucher(
                self._till.desk, person, order, vouchers, self._runner, asked_by=asked_by, memo=memo
            )

        return asyncio.run(self._at_central(work))

    def print_slips(self) -> None:
        """As ``print_slips``; central is asked only where one waits."""
        with self._till.desk.till.read() as connection:
            if not waiting_slips(connection, 1):
                return

        async def work(vouchers: CentralVouchers | None) -> None:
            if vouchers is not None:
                await print_slips(self._till, vouchers, self._runner)

        asyncio.run(self._at_central(work))

    async def _at_central(
        self, work: Callable[[CentralVouchers | None], Coroutine[Any, Any, Result]]
    ) -> Result:
        async def ask(client: CentralClient | None) -> Result:
            return await work(None if client is None else CentralVouchers(client))

        return await _at_central(self._till, ask)


class BillsNow:
    """Has central make a bill and waits for the answer, for a script that takes one line after the other."""

    def __init__(self, till: OpenTill, runner: Runner) -> None:
        self._till = till
        self._runner = runner

    def demand(self, person: Person, account: str, *, asked_by: str, memo: Memo) -> BillDemanded:
        """As ``demand_bill``."""

        async def work(client: CentralClient | None) -> BillDemanded:
            press = None if client is None else CentralBills(client)
            return await demand_bill(
                self._till.desk, person, account, press, self._runner, asked_by=asked_by, memo=memo
            )

        return asyncio.run(_at_central(self._till, work))


class RefundsNow:
    """Pays back what was taken here or elsewhere and waits for central, for a script that takes one line after the other."""

    def __init__(self, till: OpenTill, runner: Runner) -> None:
        self._till = till
        self._runner = runner

    def pay_back(self, person: Person, order: RefundOrder, *, memo: Memo) -> Corrected:
        """As ``pay_back``."""

        async def work(client: CentralClient | None) -> Corrected:
            central = None if client is None else CentralRefunds(client)
            return await pay_back(self._till.desk, person, order, central, self._runner, memo=memo)

        return asyncio.run(_at_central(self._till, work))

    def correct(self, person: Person, act: str, receipt: str, deed: Callable[[], Result]) -> Result:
        """As ``paid_back_elsewhere.undo``."""

        return asyncio.run(_at_central(self._till, partial(self._correct, person, act, receipt, deed)))

    def knows_more(self, person: Person, order: BounceOrder) -> BounceOrder:
        """As ``bounce_across.with_told``."""

        async def work(client: CentralClient | None) -> BounceOrder:
            central = None if client is None else CentralRefunds(client)
            return await with_told(self._till.desk, person, order, central, self._runner)

        return asyncio.run(_at_central(self._till, work))

    async def _correct(
        self,
        person: Person,
        act: str,
        receipt: str,
        deed: Callable[[], Result],
        client: CentralClient | None,
    ) -> Result:
        central = None if client is None else CentralRefunds(client)
        return await undo(self._till.desk, person, act, receipt, deed, central, self._runner)


async def _at_central(
    till: OpenTill, work: Callable[[CentralClient | None], Coroutine[Any, Any, Result]]
) -> Result:
    """Work with the home's central, or with None where it has none."""
    try:
        client = make_client(till)
    except Refused:
        return await work(None)
    async with client:
        return await work(client)


def make_bills(till: OpenTill) -> BillsNow:
    """The script's way to bills on demand."""
    return BillsNow(till, InlineRunner())


def make_refunds(till: OpenTill) -> RefundsNow:
    """The script's way to pay back what another terminal took."""
    return RefundsNow(till, InlineRunner())


def make_vouchers(till: OpenTill) -> VouchersNow:
    """The script's way to have vouchers held and issued."""
    return VouchersNow(till, InlineRunner())


async def enrol(
    central_url: str,
    terminal: str,
    code: str,
    *,
    randomness: Randomness,
    epoch_above: int = 0,
    tls: TlsFiles | None = None,
) -> CentralKey:
    """Redeem a one-time code at our central: the key of the new enrolment, whose epoch is above ``epoch_above``.

    Raises Refused ``enrolment_refused`` and CentralUnreachable.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = randomness.token_bytes(KEY_BYTES)
    public = key_text(Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw())
    client = CentralClient(
        Addresses.of(central=central_url), timeout_s=ENROL_TIMEOUT_S, media_type="application/json", tls=tls
    )
    async with client:
        answer = await client.enrol(terminal, code, public_key=public, epoch_above=epoch_above)
    if isinstance(answer, Unreachable):
        raise CentralUnreachable(answer.reason)
    if isinstance(answer, RefusedForGood | Later | Unknown):
        raise Refused("enrolment_refused", f"Central did not take the code: {answer.reason}.")
    epoch = answer.get("epoch")
    if type(epoch) is not int:
        raise Refused("enrolment_refused", "Central's answer names no epoch.")
    client_id = answer.get("clientId")
    if not isinstance(client_id, str):
        client_id = terminal_client(terminal, epoch)
    return CentralKey(client_id=client_id, epoch=epoch, private=private)


class NotEnrolled(DomainError):
    """Central answers that this till may do nothing (exit code 4)."""

    exit_code: ClassVar[int] = 4

    def __init__(self, reason: str) -> None:
        super().__init__(
            "not_enrolled",
            "Central takes nothing from this till until it is enrolled anew: ask for a code "
            "(pos central terminal code) and run pos enrol. What waits is not lost.",
            reason=reason,
        )


class CentralUnreachable(Exception):
    """Central did not answer (exit code 7)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CentralFinding:
    """A difference between the books and central."""

    check: str
    where: str


_Told = tuple[str, Money, str]
"""Id at central, amount, account."""


async def compare_with_central(desk: Desk, client: CentralClient) -> list[CentralFinding]:
    """Every acknowledged leg and refund is at central once, as booked, and central has none that the books lack.

    At a foreign server, which cannot be asked by terminal, each leg is looked up and the other way is left out.
    Raises CentralUnreachable.
    """
    booked, refunded = _acknowledged(desk), _refunded(desk)
    announced = await client.announced()
    if not isinstance(announced, Mapping):
        raise CentralUnreachable(announced.reason)
    if "terminals" not in announced:
        return [
            finding
            for resource, rows in (("payment", booked), ("refund", refunded))
            for key, told in rows.items()
            for finding in await _look_up(client, resource, key, told)
        ]
    identity = desk.identity
    ours = _all_correlators(desk)
    payments = await client.payments_of(identity.terminal)
    differing = _differences("payment", booked, payments, ours, identity.epoch)
    if "refunds" in announced:
        refunds = await client.refunds_of(identity.terminal)
        differing += _differences("refund", refunded, refunds, ours, identity.epoch)
    if "heads" in announced:
        differing += await _heads_differ(desk, client)
    return differing


def _differences(
    what: str,
    booked: Mapping[str, _Told],
    found: AllOfTerminal | Later | RefusedForGood | Unknown | Unreachable,
    ours: Set[str],
    epoch: int,
) -> list[CentralFinding]:
    """What central lacks or has otherwise, then what the books (``ours``) lack.

    Of an earlier enrolment central may have more: what was taken after the backup that was put back, or by a copy.
    """
    if not isinstance(found, Mapping):
        raise CentralUnreachable(found.reason)
    differing = [
        CentralFinding(check=f"{what}_{'agrees_with' if key in found else 'is_at'}_central", where=key)
        for key, told in booked.items()
        if key not in found or _as_seen(found[key][1]) != told
    ]
    return differing + [
        CentralFinding(check=f"{what}_is_in_the_books", where=key)
        for key, (booked_in, _) in found.items()
        if booked_in == epoch and key not in ours
    ]


def _as_seen(seen: PaymentSeen) -> tuple[str, Money | None, str | None]:
    return seen.id, seen.amount, seen.account


async def _heads_differ(desk: Desk, client: CentralClient) -> list[CentralFinding]:
    """Each head that was told in this enrolment is the link of that number still: else the store was exchanged since."""
    identity = desk.identity
    told = await heads_of(client, identity.terminal)
    if told is None:
        raise CentralUnreachable("it did not tell the heads of this terminal")
    with desk.till.read() as connection:
        links = {
            number: mark_letters(mark)
            for number, mark in connection.exec_driver_sql("SELECT chain_no, mark FROM chain_link")
        }
    return [
        CentralFinding(check="told_head_is_on_the_chain", where=f"chain_link {number}")
        for epoch, number, mark in told
        if epoch == identity.epoch and links.get(number) != mark
    ]


def _acknowledged(desk: Desk) -> dict[str, _Told]:
    with desk.till.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT outbox.correlator_id, outbox.server_id, leg.amount_minor, leg.currency, leg.account "
            "FROM outbox JOIN leg USING (payment_event_id, leg) WHERE state = 'acknowledged' AND kind = 'payment' "
            "ORDER BY outbox_id"
        )
        found = [tuple(row) for row in rows] + payments_moved(connection)
        return {row[0]: (row[1], Money(row[2], currency(row[3])), row[4]) for row in found}


def _refunded(desk: Desk) -> dict[str, _Told]:
    """What central has of corrections; a move that another server had no place for is not among it."""
    with desk.till.read() as connection:
        rows = refunds_told(connection)
        rows += connection.exec_driver_sql(
            "SELECT correlator_id, server_id, amount_minor, currency, leg.account FROM outbox "
            "JOIN refund_across_leg AS leg ON refund_id = source_id AND leg.leg = outbox.leg "
            "WHERE state = 'acknowledged' AND kind = ? ORDER BY outbox_id",
            (REFUND_ACROSS,),
        ).all()
        return {row[0]: (row[1], Money(row[2], currency(row[3])), row[4]) for row in rows}


def _all_correlators(desk: Desk) -> set[str]:
    with desk.till.read() as connection:
        return {str(row[0]) for row in connection.exec_driver_sql("SELECT correlator_id FROM outbox")}


async def _look_up(client: CentralClient, what: str, key: str, told: _Told) -> list[CentralFinding]:
    found = await (client.find_payment(key) if what == "payment" else client.find_refund(key))
    match found:
        case NotThere():
            return [CentralFinding(check=f"{what}_is_at_central", where=key)]
        case Accepted(payment=seen):
            # What a foreign server leaves out of its answer cannot differ.
            same = seen.id == told[0] and seen.amount in (None, told[1]) and seen.account in (None, told[2])
            return [] if same else [CentralFinding(check=f"{what}_agrees_with_central", where=key)]
        case _:
            raise CentralUnreachable(found.reason)
