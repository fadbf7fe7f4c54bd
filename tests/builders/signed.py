"""Vouchers of the operator's, signed with keys of the tests, and tills that know the keys and may take them offline."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from pos.domain.signature import key_id_of, letters_of, public_key_of
from pos.domain.signed_voucher import SignedVoucher, VoucherKey, account_mark, write_code
from pos.domain.voucher import (
    IssueOutcome,
    Residual,
    VoucherIssued,
    VoucherTerms,
    VoucherUnanswered,
    VoucherWanted,
)
from pos.domain.voucher_policy import PreauthorisedRange, VoucherPolicy
from pos.store.voucher_keys import put_voucher_keys
from pos.till.desk import Desk
from tests.builders.tills import TODAY, money

PRIVATE_KEY = bytes(range(1, 33))
OTHER_PRIVATE_KEY = bytes(range(101, 133))


def key_of(private_key: bytes = PRIVATE_KEY, *, withdrawn: bool = False) -> VoucherKey:
    """The public half, as a till knows it."""
    public_key = public_key_of(private_key)
    return VoucherKey(key_id=key_id_of(public_key), public_key=public_key, withdrawn=withdrawn)


def signed(
    value: str = "10",
    *,
    number: int = 1,
    expires: date | None = None,
    account: str | None = None,
    minimum: str | None = None,
    combinable: bool = True,
    residual: Residual = Residual.FORFEIT,
    private_key: bytes = PRIVATE_KEY,
) -> str:
    """A signed code; ``number`` tells one from another."""
    voucher = SignedVoucher(
        key_id=key_of(private_key).key_id,
        serial=letters_of(number.to_bytes(8, "big")),
        terms=VoucherTerms(
            value=money(value),
            expires=expires or date(TODAY.year + 1, 1, 31),
            residual=residual,
            combinable=combinable,
            minimum=None if minimum is None else money(minimum),
        ),
        account_mark=None if account is None else account_mark(account),
    )
    return write_code(voucher, private_key)


def knows(desk: Desk, *keys: VoucherKey) -> None:
    """Central told the till these keys."""
    with desk.cache.write() as connection:
        put_voucher_keys(connection, keys or (key_of(),))


def takes_offline(
    desk: Desk,
    *,
    each: str | None = "20",
    shift: str | None = "50",
    hours: int = 24,
    preauthorised: tuple[PreauthorisedRange, ...] = (),
) -> None:
    """The shop allows vouchers without central, so far."""
    desk.policy = replace(
        desk.policy,
        vouchers=VoucherPolicy(
            offline_max_each=None if each is None else money(each),
            offline_max_shift=None if shift is None else money(shift),
            offline_max_hours=hours,
            issue_alone_up_to=desk.policy.vouchers.issue_alone_up_to,
            preauthorised=preauthorised,
        ),
    )


def issues_alone(desk: Desk, up_to: str) -> None:
    """The shop lets one person issue vouchers of so much."""
    desk.policy = replace(desk.policy, vouchers=replace(desk.policy.vouchers, issue_alone_up_to=money(up_to)))


class FakePress:
    """Central as a ``VoucherPress``: ``answers`` are given in turn, after them every voucher is issued."""

    def __init__(self, *answers: IssueOutcome) -> None:
        self.answers = list(answers)
        self.wanted: list[VoucherWanted] = []
        self.told_printed: list[str] = []
        self.rests: dict[str, VoucherIssued] = {}

    @property
    def wanted_serial(self) -> str:
        """The serial number of the last one."""
        return letters_of(len({wanted.issue_id for wanted in self.wanted}).to_bytes(8, "big"))

    async def issue(self, wanted: VoucherWanted) -> IssueOutcome:
        self.wanted.append(wanted)
        if self.answers:
            return self.answers.pop(0)
        signed_one = SignedVoucher(key_id=key_of().key_id, serial=self.wanted_serial, terms=wanted.terms)
        return VoucherIssued(
            serial=self.wanted_serial, code=write_code(signed_one, PRIVATE_KEY), terms=wanted.terms
        )

    async def rest(self, hold_id: str) -> IssueOutcome:
        return self.rests.get(hold_id) or VoucherUnanswered(reason="no answer")

    async def printed(self, hold_id: str) -> None:
        self.told_printed.append(hold_id)
