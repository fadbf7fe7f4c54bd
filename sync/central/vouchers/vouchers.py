"""Vouchers at central: held for one payment, redeemed by it once, or let go.

The store knows a voucher by its issuer and its code's digest: two issuers may have one code. To the counter an unknown, a
used and another's voucher are one answer; the reason is kept beside. Source: domain.md 3.5 and rule 46; reliability.md
invariant 39 and section 4.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, text

from pos.domain.money import Money, currency
from pos.domain.ports import Randomness
from pos.domain.voucher import Residual, VoucherTerms, code_digest
from sync.central.vouchers.issuers import (
    INTERNAL,
    IssuerHolds,
    IssuerRefuses,
    IssuerSilent,
    VoucherIssuer,
    folded_issuer,
)
from sync.central.vouchers.issuing import is_redeemed, promise_rest, terms_of
from sync.central.wire.callers import require_own_terminal, terminal_asking
from sync.central.wire.dealer_view import is_of_own_till
from sync.central.wire.errors import ApiError
from sync.wire_json import WireJsonError, dumps, loads

WRONG_TRIES_MAX = 10
WRONG_TRIES_WITHIN = timedelta(minutes=10)
WRONG_REASONS = frozenset(("unknown", "of another kind", "of another issuer"))
"""Only these look like guessing: whoever asks for a voucher that is used or held elsewhere has it in hand."""

NOT_VALID = "This voucher is not valid here. Check the code, or choose another way to pay."


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldAsked:
    """A hold as it is asked for. ``external``: whether the mode is one of outside issuers; None: nobody knows."""

    hold_id: str
    terminal: str
    payment_event_id: str
    mode: str
    code: str
    issuer: str | None
    account_id: str
    amount: Money
    external: bool | None

    def sha256(self) -> str:
        """What tells two askings apart; the code goes in by its digest."""
        parts = [self.terminal, self.payment_event_id, self.mode, code_digest(self.code), self.issuer]
        parts += [self.account_id, self.amount.plain(), self.amount.currency.code]
        return hashlib.sha256(dumps(parts)).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The voucher is held for the payment. ``again``: it was before, and this is the same answer."""

    hold_id: str
    terms: VoucherTerms
    approval: str | None
    again: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What holding needs beside the asking. ``approval`` is the reference that an outside issuer's voucher gets.

    ``issuers`` are those with lists of their own, by folded name; all others' vouchers are central's to know.
    """

    at: datetime
    held_for: timedelta
    approval: str
    randomness: Randomness
    issuers: Mapping[str, VoucherIssuer]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotHeld:
    """No, with the code and words for the counter. ``value`` only where the voucher is worth less than was asked."""

    status: int
    code: str
    message: str
    value: Money | None = None
    retry_after_s: int | None = None


# --- holding -------------------------------------------------------------------------------------------------


def hold_voucher(connection: Connection, asked: HoldAsked, how: Holding) -> Held | NotHeld:
    """Hold the voucher for the payment, in the caller's transaction, which is to be committed whatever the answer.

    Raises ApiError 422 where the id was used for another asking, 503 where the issuer does not answer. A hold that has
    lapsed begins anew as long as nobody else has the voucher. What the same terminal held for another payment makes room:
    one person stands at it, and has begun anew. What is left over by a voucher that becomes a new one is promised here.
    """
    at, now, lapses_at = how.at, _utc(how.at), _utc(how.at + how.held_for)
    before = connection.execute(FIND_HOLD, {"id": asked.hold_id}).one_or_none()
    if before is not None:
        return _hold_again(connection, before, asked, now=now, lapses_at=lapses_at)
    too_many = _too_many_tries(connection, asked.terminal, at)
    if too_many is not None:
        return too_many
    voucher = find_voucher(connection, _issuer_of(asked), digests_of(asked.code))
    issuer = how.issuers.get(_issuer_of(asked))
    refused = None
    if issuer is not None:
        voucher, refused = _at_issuer(connection, issuer, asked, voucher, now)
    refused = refused or _refusal(connection, voucher, asked, now=now, today=shop_day(connection, at))
    if refused is not None:
        reason, answer = refused
        if issuer is not None:
            _let_go_at_issuer(issuer, asked.hold_id, code_digest(asked.code))
        _note_refusal(connection, asked, now=now, reason=reason)
        return answer
    assert voucher is not None, "an unknown one was refused"
    connection.execute(
        REPLACE_OWN_HOLDS,
        {**_own_elsewhere(asked), "voucher_id": voucher.id, "now": now, "id": asked.hold_id},
    )
    terms = terms_of(voucher)
    approval = None if voucher.issuer == INTERNAL else how.approval
    put_hold(
        connection,
        {
            "id": asked.hold_id,
            "voucher_id": voucher.id,
            "terminal": asked.terminal,
            "payment_event_id": asked.payment_event_id,
            "mode": asked.mode,
            "account_id": asked.account_id,
            "approval": approval,
            "asked_sha256": asked.sha256(),
            "made_at": now,
            "lapses_at": lapses_at,
        },
        terms,
        asked.amount,
    )
    left = terms.left_of(asked.amount)
    if left and terms.residual is Residual.NEW_VOUCHER:
        rest = replace(terms, value=left)
        promise_rest(connection, rest, voucher.account_id, asked.hold_id, how.randomness, at=at)
    return Held(hold_id=asked.hold_id, terms=terms, approval=approval, again=False)


def put_hold(connection: Connection, row: Mapping[str, object], terms: VoucherTerms, amount: Money) -> None:
    """Write a hold of ``amount``; of a voucher that leaves credit all of it comes in with the payment."""
    whole = terms.residual is Residual.CREDIT
    connection.execute(
        INSERT_HOLD,
        {
            **row,
            "amount_minor": terms.value.minor if whole else amount.minor,
            "value_minor": terms.value.minor,
            "currency": terms.value.currency.code,
            "expires": terms.expires.isoformat(),
        },
    )


_Refusal = tuple[str, NotHeld]


def _at_issuer(
    connection: Connection, issuer: VoucherIssuer, asked: HoldAsked, known: Row[Any] | None, now: str
) -> tuple[Row[Any] | None, _Refusal | None]:
    """Have the issuer keep its voucher, and note here what it says of it.

    Central's own holds of it that no longer stand are let go there first. Raises ApiError 503 where the issuer is silent.
    """
    reason = None if known is None else _why_not_valid(connection, known, asked, now)
    if reason is not None:
        return known, (reason, NotHeld(status=409, code="voucher_not_valid", message=NOT_VALID))
    digest = code_digest(asked.code)
    try:
        for gone in () if known is None else _gone_holds(connection, known.id, asked, now):
            issuer.release(gone, digest)
        told = issuer.authorise(asked.hold_id, digest)
    except IssuerSilent:
        raise issuer_unanswered() from None
    if isinstance(told, IssuerRefuses):
        answer = NotHeld(status=409, code="voucher_not_valid", message=NOT_VALID)
        return known, (told.reason, answer)
    return note_outside(connection, _issuer_of(asked), digest, told), None


def note_outside(connection: Connection, issuer: str, digest: str, told: IssuerHolds) -> Row[Any]:
    """A voucher of an outside list, as central keeps it to hold and redeem it once."""
    values = {
        "id": hashlib.sha256(dumps([issuer, digest])).hexdigest(),
        "digest": digest,
        "issuer": issuer,
        "value_minor": told.value.minor,
        "currency": told.value.currency.code,
        "expires": told.expires.isoformat(),
    }
    connection.execute(UPSERT_OUTSIDE, values)
    found = find_voucher(connection, issuer, (digest,))
    assert found is not None, "it was written just now"
    return found


def _gone_holds(connection: Connection, voucher_id: str, asked: HoldAsked, now: str) -> Sequence[str]:
    values = {**_own_elsewhere(asked), "voucher_id": voucher_id, "now": now}
    return connection.execute(FIND_GONE_HOLDS, values).scalars().all()


def issuer_unanswered() -> ApiError:
    """No answer for the till either: what the issuer did is unknown, and asking again is harmless."""
    return ApiError(
        503, "issuer_unanswered", "The voucher's issuer does not answer.", headers={"Retry-After": "5"}
    )


def _hold_again(
    connection: Connection, hold: Row[Any], asked: HoldAsked, *, now: str, lapses_at: str
) -> Held | NotHeld:
    if hold.voucher_id is not None and hold.asked_sha256 != asked.sha256():
        raise ApiError(422, "key_reused", "This hold's id was used for another asking. Nothing was changed.")
    if hold.released_at is not None:
        _note_refusal(connection, asked, now=now, reason="the hold was let go before")
        return NotHeld(
            status=409, code="voucher_released", message="This voucher was let go here. Take it once more."
        )
    if _redemption(connection, hold.voucher_id) is None and hold.lapses_at <= now:
        if _other_holds(connection, hold, now):
            _note_refusal(connection, asked, now=now, reason="lapsed, then held by another")
            return NotHeld(status=409, code="voucher_not_valid", message=NOT_VALID)
        connection.execute(RENEW_HOLD, {"id": hold.id, "lapses_at": lapses_at})
    elif _taken_by_another(connection, hold):
        _note_refusal(connection, asked, now=now, reason="lapsed, then used by another")
        return NotHeld(status=409, code="voucher_not_valid", message=NOT_VALID)
    voucher = connection.execute(FIND_BY_ID, {"id": hold.voucher_id}).one()
    return Held(hold_id=hold.id, terms=terms_of(voucher), approval=hold.approval, again=True)


def _refusal(
    connection: Connection, voucher: Row[Any] | None, asked: HoldAsked, *, now: str, today: date
) -> _Refusal | None:
    """Why the voucher cannot be held, for the record and for the counter; None where it can."""
    reason = _why_not_valid(connection, voucher, asked, now)
    if voucher is None or reason is not None:
        return reason or "unknown", NotHeld(status=409, code="voucher_not_valid", message=NOT_VALID)
    value = Money(voucher.value_minor, currency(voucher.currency))
    if date.fromisoformat(voucher.expires) < today:
        message = f"This voucher has expired: its last day was {voucher.expires}."
        return "expired", NotHeld(status=409, code="voucher_expired", message=message)
    if value.currency != asked.amount.currency:
        message = f"This voucher is in {value.currency}, not in {asked.amount.currency}."
        return "other currency", NotHeld(status=409, code="voucher_other_currency", message=message)
    if value < asked.amount:
        message = f"This voucher is worth {value}, less than {asked.amount}."
        answer = NotHeld(status=409, code="voucher_value_exceeded", message=message, value=value)
        return "worth less", answer
    return None


def _why_not_valid(
    connection: Connection, voucher: Row[Any] | None, asked: HoldAsked, now: str
) -> str | None:
    if voucher is None:
        return _why_not_found(connection, asked)
    if asked.external is not None and asked.external != (voucher.issuer != INTERNAL):
        return "of another kind"
    if voucher.account_id not in (None, asked.account_id):
        return "bound to another account"
    if voucher.promised_by is not None and not is_redeemed(connection, voucher.promised_by):
        return "not issued yet"
    if _redemption(connection, voucher.id) is not None:
        return "used"
    in_the_way = {**_own_elsewhere(asked), "voucher_id": voucher.id, "now": now}
    if connection.execute(FIND_HOLD_IN_THE_WAY, in_the_way).first() is not None:
        return "held for another payment"
    return None


def _why_not_found(connection: Connection, asked: HoldAsked) -> str:
    """Whether the code is nobody's, or that of a voucher which was not asked for so."""
    issuers = [
        issuer
        for digest in digests_of(asked.code)
        for issuer in connection.execute(FIND_ISSUERS, {"digest": digest}).scalars()
    ]
    if not issuers:
        return "unknown"
    if asked.external is not None and all((issuer != INTERNAL) != asked.external for issuer in issuers):
        return "of another kind"
    return "of another issuer"


def _own_elsewhere(asked: HoldAsked) -> dict[str, str]:
    """What tells the asking terminal's holds for other payments."""
    return {"terminal": asked.terminal, "event": asked.payment_event_id}


def _too_many_tries(connection: Connection, terminal: str, at: datetime) -> NotHeld | None:
    """Codes can be guessed: after so many wrong ones a terminal waits."""
    since = _utc(at - WRONG_TRIES_WITHIN)
    tries = (
        connection.execute(WRONG_TRIES, {"terminal": terminal, "since": since, "most": WRONG_TRIES_MAX})
        .scalars()
        .all()
    )
    if len(tries) < WRONG_TRIES_MAX:
        return None
    free_at = datetime.fromisoformat(tries[-1]) + WRONG_TRIES_WITHIN
    return NotHeld(
        status=429,
        code="voucher_too_many_tries",
        message="Too many wrong vouchers were tried here. Wait some minutes, or choose another way to pay.",
        retry_after_s=max(int((free_at - at).total_seconds()) + 1, 1),
    )


def is_hold_of_others(connection: Connection, hold_id: str) -> bool:
    """Whether another dealer, or the operator, holds it: whoever asks is answered as of one that is not here.

    Raises ApiError 403 ``other_terminal`` where another of its own terminals does: a payment tells all of them the id.
    """
    hold = connection.execute(FIND_HOLD, {"id": hold_id}).one_or_none()
    if hold is None:
        return False
    if not is_of_own_till(connection, hold.terminal):
        return True
    require_own_terminal({"terminal": hold.terminal})
    return False


def release_hold(
    connection: Connection, hold_id: str, *, at: datetime, issuers: Mapping[str, VoucherIssuer]
) -> None:
    """Let go of a hold. One that never came leaves a mark, so that it is refused if it comes late.

    Raises ApiError 409 where a payment redeemed it, 503 where the issuer does not answer.
    """
    hold = connection.execute(FIND_HOLD, {"id": hold_id}).one_or_none()
    if hold is None:
        # Whose terminal it is lets a dealer's till write it.
        connection.execute(INSERT_MARK, {"id": hold_id, "terminal": terminal_asking(), "at": _utc(at)})
    elif _is_open(hold):
        redemption = _redemption(connection, hold.voucher_id)
        if redemption is not None and redemption.hold_id == hold_id:
            raise ApiError(409, "voucher_hold_redeemed", "A payment has used this voucher.")
        connection.execute(RELEASE_HOLD, {"id": hold_id, "at": _utc(at)})
        voucher = connection.execute(FIND_BY_ID, {"id": hold.voucher_id}).one()
        issuer = issuers.get(voucher.issuer)
        if issuer is not None:
            _let_go_at_issuer(issuer, hold_id, voucher.digest)


def _let_go_at_issuer(issuer: VoucherIssuer, hold_id: str, digest: str) -> None:
    try:
        issuer.release(hold_id, digest)
    except IssuerSilent:
        raise issuer_unanswered() from None


# --- redeeming -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidByVoucher:
    """A leg that a held voucher pays, as it was posted. ``mode`` is the method's name.

    ``payer_id`` is the account that pays, whoever's bills it pays; None: not told.
    """

    hold_id: str
    payment_event_id: str
    terminal: str | None
    mode: str | None
    payer_id: str | None
    amount: Money


def redeem_hold(
    connection: Connection,
    paid: PaidByVoucher,
    *,
    payment_id: str,
    at: datetime,
    issuers: Mapping[str, VoucherIssuer],
) -> None:
    """Use the held voucher for a payment that is stored already; legs of one event share it up to what was held.

    What the voucher is worth beyond that is forfeited, or a voucher anew. A hold that has lapsed, or made room for another
    of its terminal, serves as long as nobody else took the voucher: the till may have booked its payment. Raises ApiError
    409 ``voucher_not_for_account`` where the voucher is bound to another account than the payer's, ``voucher_used`` for
    everything else, 503 where its issuer does not answer.
    """
    now = _utc(at)
    hold = connection.execute(FIND_HOLD, {"id": paid.hold_id}).one_or_none()
    if hold is None or hold.voucher_id is None or not _is_open(hold):
        raise _used("No voucher is held under this id: it was let go, or never held.")
    if hold.payment_event_id != paid.payment_event_id:
        raise _used("The voucher is held for another payment.")
    if (hold.terminal, hold.mode) != (paid.terminal, paid.mode):
        raise _used("The voucher is held for another terminal or way to pay.")
    voucher = connection.execute(FIND_BY_ID, {"id": hold.voucher_id}).one()
    if voucher.account_id not in (None, paid.payer_id or hold.account_id):
        message = "This voucher is for another account than the one that pays with it."
        raise ApiError(409, "voucher_not_for_account", message, field="payer.id")
    redemption = _redemption(connection, hold.voucher_id)
    if redemption is None:
        if _held_elsewhere(connection, hold, now):
            raise _used("The hold has lapsed, and the voucher is held for another payment.")
        connection.execute(
            INSERT_REDEMPTION,
            {
                "voucher_id": hold.voucher_id,
                "hold_id": hold.id,
                "amount_minor": hold.amount_minor,
                "forfeited_minor": 0
                if voucher.residual == Residual.NEW_VOUCHER
                else hold.value_minor - hold.amount_minor,
                "redeemed_at": now,
            },
        )
    elif redemption.hold_id != hold.id:
        raise used_with(
            connection, redemption.hold_id, "The hold has lapsed, and another payment used the voucher"
        )
    paid_minor = int(connection.execute(SUM_PAID, {"hold_id": hold.id}).scalar_one())
    if paid.amount.currency.code != hold.currency or paid_minor + paid.amount.minor > hold.amount_minor:
        held = Money(hold.amount_minor, currency(hold.currency))
        raise _used(f"More is paid with the voucher than the {held} that it is held for.")
    connection.execute(
        INSERT_PAID, {"payment_id": payment_id, "hold_id": hold.id, "amount_minor": paid.amount.minor}
    )
    issuer = issuers.get(voucher.issuer)
    if issuer is not None:
        _redeem_at_issuer(issuer, hold.id, voucher.digest)


def _redeem_at_issuer(issuer: VoucherIssuer, hold_id: str, digest: str) -> None:
    """Last of all: what is undone after it is told again under the same hold."""
    try:
        is_ours = issuer.redeem(hold_id, digest)
    except IssuerSilent:
        raise issuer_unanswered() from None
    if not is_ours:
        raise _used("The issuer says that another has used the voucher.")


def shop_day(connection: Connection, at: datetime) -> date:
    """The calendar day in the shop's zone, where a fixture told it; else in the clock's own."""
    body = connection.execute(READ_SHOP).scalar_one_or_none()
    try:
        zone = ZoneInfo(loads(body)["time_zone"]) if body is not None else None
    except (WireJsonError, KeyError, TypeError, ValueError, OSError):
        zone = None
    return at.astimezone(zone).date() if zone is not None else at.date()


def used_with(connection: Connection, hold_id: str, message: str) -> ApiError:
    """Another payment used the voucher: with its receipt, where it has one."""
    receipt = connection.execute(FIND_RECEIPT, {"hold_id": hold_id}).scalars().first()
    return _used(f"{message}." if receipt is None else f"{message}: receipt {receipt}.")


def _used(message: str) -> ApiError:
    return ApiError(409, "voucher_used", message, field="voucherHold")


def _is_open(hold: Row[Any]) -> bool:
    """Whether a payment may come of it: it was not let go, or only made room for another of its terminal."""
    return hold.released_at is None or hold.replaced_by is not None


def _issuer_of(asked: HoldAsked) -> str:
    return INTERNAL if asked.issuer is None else folded_issuer(asked.issuer)


def digests_of(code: str) -> tuple[str, ...]:
    """How a code may be known: by its plain form, or by an older store as it was written."""
    written = code.strip()
    older = (hashlib.sha256(form.encode()).hexdigest() for form in (written, written.upper()))
    return tuple(dict.fromkeys((code_digest(code), *older)))


def find_voucher(connection: Connection, issuer: str, digests: Sequence[str]) -> Row[Any] | None:
    """The voucher of one issuer that is known by any of these digests, with its terms."""
    for digest in digests:
        row = connection.execute(FIND_VOUCHER, {"issuer": issuer, "digest": digest}).one_or_none()
        if row is not None:
            return row
    return None


def voucher_of_hold(connection: Connection, hold_id: str) -> Row[Any] | None:
    """The voucher that a hold keeps, with its terms; None where there is no such hold, or it was let go before it came."""
    hold = connection.execute(FIND_HOLD, {"id": hold_id}).one_or_none()
    if hold is None or hold.voucher_id is None:
        return None
    return connection.execute(FIND_BY_ID, {"id": hold.voucher_id}).one()


def _redemption(connection: Connection, voucher_id: str) -> Row[Any] | None:
    return connection.execute(FIND_REDEMPTION, {"voucher_id": voucher_id}).one_or_none()


def may_be_redeemed(connection: Connection, hold_id: str) -> bool:
    """Whether a payment may still come of a hold, however late."""
    hold = connection.execute(FIND_HOLD, {"id": hold_id}).one_or_none()
    return hold is not None and _is_open(hold) and not _taken_by_another(connection, hold)


def _taken_by_another(connection: Connection, hold: Row[Any]) -> bool:
    redemption = _redemption(connection, hold.voucher_id)
    return redemption is not None and redemption.hold_id != hold.id


def _other_holds(connection: Connection, hold: Row[Any], now: str) -> bool:
    values = {"voucher_id": hold.voucher_id, "now": now, "but": hold.id}
    return connection.execute(FIND_OPEN_HOLD, values).first() is not None


def _held_elsewhere(connection: Connection, hold: Row[Any], now: str) -> bool:
    """Whether another terminal holds the voucher; of one terminal's payments the first to come takes it."""
    values = {"voucher_id": hold.voucher_id, "now": now, "terminal": hold.terminal}
    return connection.execute(FIND_HOLD_ELSEWHERE, values).first() is not None


def _note_refusal(connection: Connection, asked: HoldAsked, *, now: str, reason: str) -> None:
    connection.execute(
        INSERT_REFUSAL,
        {
            "at_utc": now,
            "terminal": asked.terminal,
            "hold_id": asked.hold_id,
            "digest": code_digest(asked.code),
            "reason": reason,
            "wrong": int(reason in WRONG_REASONS),
        },
    )


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


_VOUCHER = (
    "SELECT voucher.id, digest, issuer, value_minor, currency, expires, account_id, residual, combinable,"
    " minimum_minor, promised_by FROM voucher LEFT JOIN voucher_terms AS terms ON terms.voucher_id = voucher.id"
)
FIND_VOUCHER = text(f"{_VOUCHER} WHERE issuer = :issuer AND digest = :digest")
FIND_BY_ID = text(f"{_VOUCHER} WHERE voucher.id = :id")
UPSERT_OUTSIDE = text(
    "INSERT INTO voucher (id, digest, issuer, value_minor, currency, expires)"
    " VALUES (:id, :digest, :issuer, :value_minor, :currency, :expires)"
    " ON CONFLICT (digest, issuer) DO UPDATE SET value_minor = excluded.value_minor,"
    " currency = excluded.currency, expires = excluded.expires"
)
FIND_GONE_HOLDS = text(
    "SELECT id FROM voucher_hold WHERE voucher_id = :voucher_id AND (released_at IS NOT NULL OR lapses_at <= :now"
    " OR (terminal = :terminal AND payment_event_id <> :event)) ORDER BY made_at, id LIMIT 50"
)
FIND_RECEIPT = text(
    "SELECT payment.receipt_number FROM voucher_payment JOIN payment ON payment.id = voucher_payment.payment_id"
    " WHERE voucher_payment.hold_id = :hold_id AND payment.receipt_number IS NOT NULL ORDER BY change_number"
)
FIND_ISSUERS = text("SELECT issuer FROM voucher WHERE digest = :digest")
READ_SHOP = text("SELECT body FROM fixture_row WHERE kind = 'shop' AND position = 0")
FIND_HOLD = text(
    "SELECT id, voucher_id, terminal, payment_event_id, mode, account_id, amount_minor, value_minor, currency, expires,"
    " approval, asked_sha256, lapses_at, released_at, replaced_by FROM voucher_hold WHERE id = :id"
)
FIND_OPEN_HOLD = text(
    "SELECT id FROM voucher_hold"
    " WHERE voucher_id = :voucher_id AND released_at IS NULL AND lapses_at > :now AND id <> :but LIMIT 1"
)
FIND_HOLD_IN_THE_WAY = text(
    "SELECT id FROM voucher_hold WHERE voucher_id = :voucher_id AND released_at IS NULL AND lapses_at > :now"
    " AND (terminal <> :terminal OR payment_event_id = :event) LIMIT 1"
)
FIND_HOLD_ELSEWHERE = text(
    "SELECT id FROM voucher_hold WHERE voucher_id = :voucher_id AND released_at IS NULL AND lapses_at > :now"
    " AND terminal <> :terminal LIMIT 1"
)
REPLACE_OWN_HOLDS = text(
    "UPDATE voucher_hold SET released_at = :now, replaced_by = :id WHERE voucher_id = :voucher_id"
    " AND released_at IS NULL AND lapses_at > :now AND terminal = :terminal AND payment_event_id <> :event"
)
INSERT_HOLD = text(
    "INSERT INTO voucher_hold (id, voucher_id, terminal, payment_event_id, mode, account_id, amount_minor,"
    " value_minor, currency, expires, approval, asked_sha256, made_at, lapses_at)"
    " VALUES (:id, :voucher_id, :terminal, :payment_event_id, :mode, :account_id, :amount_minor,"
    " :value_minor, :currency, :expires, :approval, :asked_sha256, :made_at, :lapses_at)"
)
INSERT_MARK = text(
    "INSERT INTO voucher_hold (id, terminal, made_at, released_at) VALUES (:id, :terminal, :at, :at)"
)
RENEW_HOLD = text("UPDATE voucher_hold SET lapses_at = :lapses_at WHERE id = :id")
RELEASE_HOLD = text("UPDATE voucher_hold SET released_at = :at, replaced_by = NULL WHERE id = :id")
FIND_REDEMPTION = text("SELECT voucher_id, hold_id FROM voucher_redemption WHERE voucher_id = :voucher_id")
INSERT_REDEMPTION = text(
    "INSERT INTO voucher_redemption (voucher_id, hold_id, amount_minor, forfeited_minor, redeemed_at)"
    " VALUES (:voucher_id, :hold_id, :amount_minor, :forfeited_minor, :redeemed_at)"
)
SUM_PAID = text("SELECT coalesce(sum(amount_minor), 0) FROM voucher_payment WHERE hold_id = :hold_id")
INSERT_PAID = text(
    "INSERT INTO voucher_payment (payment_id, hold_id, amount_minor)"
    " VALUES (:payment_id, :hold_id, :amount_minor)"
)
INSERT_REFUSAL = text(
    "INSERT INTO voucher_refusal (at_utc, terminal, hold_id, digest, reason, wrong)"
    " VALUES (:at_utc, :terminal, :hold_id, :digest, :reason, :wrong)"
)
WRONG_TRIES = text(
    "SELECT at_utc FROM voucher_refusal WHERE terminal = :terminal AND wrong = 1 AND at_utc > :since"
    " ORDER BY at_utc DESC LIMIT :most"
)
