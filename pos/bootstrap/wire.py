"""The wire of an opened home: its client, its sync engine, its enrolment, its comparison with central."""

from __future__ import annotations

from dataclasses import dataclass

from pos.bootstrap.homes import OpenTill
from pos.domain.errors import Refused
from pos.domain.money import Money, currency
from pos.domain.ports import Runner
from pos.settings import url_problem
from sync.client import (
    Accepted,
    Addresses,
    CentralClient,
    Later,
    NotThere,
    RefusedForGood,
    Unknown,
    Unreachable,
)
from sync.engine import SyncEngine, SyncParts
from sync.retry import RetryRule

ENROL_TIMEOUT_S = 10


def make_client(till: OpenTill) -> CentralClient:
    """The wire's client for the home's central. Raises Refused ``no_central`` where none is set."""
    sync = till.settings.till.sync
    central = till.desk.identity.central_url or sync.central_url
    addresses = Addresses.of(central=central, payment=sync.payment_url, bill=sync.bill_url)
    for url in (addresses.payment, addresses.bill):
        if not url.startswith("http") or url_problem(url) is not None:
            raise Refused("no_central", "No central is set for this till. Set central_url in till.toml.")
    return CentralClient(
        addresses,
        timeout_s=sync.request_timeout_s,
        media_type=sync.media_type,
        transport=till.machine.transport,
    )


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
        )
    )


async def enrol(central_url: str, terminal: str, code: str) -> int:
    """Redeem a one-time code at our central; the terminal's epoch. Raises Refused ``enrolment_refused``."""
    client = CentralClient(
        Addresses.of(central=central_url), timeout_s=ENROL_TIMEOUT_S, media_type="application/json"
    )
    async with client:
        answer = await client.enrol(terminal, code)
    if isinstance(answer, Unreachable):
        raise CentralUnreachable(answer.reason)
    if isinstance(answer, RefusedForGood | Later | Unknown):
        raise Refused("enrolment_refused", f"Central did not take the code: {answer.reason}.")
    epoch = answer.get("epoch")
    if type(epoch) is not int:
        raise Refused("enrolment_refused", "Central's answer names no epoch.")
    return epoch


class CentralUnreachable(Exception):
    """Central did not answer (exit code 7)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CentralFinding:
    """A difference between the books and central."""

    check: str
    where: str


async def compare_with_central(till: OpenTill, client: CentralClient) -> list[CentralFinding]:
    """Every acknowledged leg is at central once, with its amount and account. Raises CentralUnreachable."""
    with till.desk.till.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT outbox.correlator_id, outbox.server_id, leg.amount_minor, leg.currency, leg.account "
            "FROM outbox JOIN leg USING (payment_event_id, leg) WHERE state = 'acknowledged' ORDER BY outbox_id"
        ).all()
    findings: list[CentralFinding] = []
    for correlator_id, server_id, minor, code, account in rows:
        found = await client.find_payment(correlator_id)
        match found:
            case NotThere():
                findings.append(CentralFinding(check="payment_is_at_central", where=correlator_id))
            case Accepted(payment=seen):
                told = (seen.id, seen.amount, seen.account)
                if told != (server_id, Money(minor, currency(code)), account):
                    findings.append(CentralFinding(check="payment_agrees_with_central", where=correlator_id))
            case _:
                raise CentralUnreachable(found.reason)
    return findings
