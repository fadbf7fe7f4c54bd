"""Vouchers at central: loaded, held for one payment, redeemed by it once, or let go.

The store knows a voucher by its issuer and its code's digest: two issuers may have one code. To the counter an unknown, a
used and another's voucher are one answer; the reason is kept beside. Source: domain.md 3.5 and rule 46; reliability.md
invariant 39 and section 4.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, text

from pos.domain.errors import Refused
from pos.domain.money import Money, currency, parse_amount
from pos.domain.voucher import code_digest
from sync.central.errors import ApiError
from sync.central.links import RESOURCE_ID
from sync.wire_json import BadField, WireJsonError, dumps, loads

INTERNAL = "internal"
"""The issuer that stands for the operator itself."""
WRONG_TRIES_MAX = 10
WRONG_TRIES_WITHIN = timedelta(minutes=10)
NAME_MAX = 200

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
    value: Money
    expires: date
    approval: str | None
    again: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NotHeld:
    """No, with the code and words for the counter. ``value`` only where the voucher is worth less than was asked."""

    status: int
    code: str
    message: str
    value: Money | None = None
    retry_after_s: int | None = None


# --- loading -------------------------------------------------------------------------------------------------


def load_vouchers(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write vouchers, or what differs of them; holds and redemptions stay. Raises BadField naming the row."""
    seen: set[tuple[object, str]] = set()
    for index, row in enumerate(rows):
        code = row.get("code")
        if not isinstance(code, str) or not 0 < len(code) <= NAME_MAX:
            raise BadField(f"vouchers[{index}].code", "must be text")
        values = _voucher_values(row, f"vouchers[{index}]")
        key = (values["issuer"], code_digest(code))
        if key in seen:
            raise BadField(f"vouchers[{index}].code", "stands there twice for one issuer")
        seen.add(key)
        _put_voucher(connection, values, _digests(code), f"vouchers[{index}]")


def carry_vouchers(connection: Connection) -> None:
    """Vouchers that an older store kept as rows of its fixture, under the digest of the code as it was written."""
    for body in connection.execute(READ_OLD_ROWS).scalars().all():
        try:
            row = loads(body)
            digest = row["code_sha256"]
            if isinstance(digest, str) and re.fullmatch(r"[0-9a-f]{64}", digest):
                _put_voucher(connection, _voucher_values(row, "vouchers"), (digest,), "vouchers")
        except (WireJsonError, KeyError, TypeError, AttributeError):
            continue  # It can be loaded again; a store must open all the same.


def _digests(code: str) -> tuple[str, ...]:
    """How a code may be known: by its plain form, or by an older store as it was written."""
    written = code.strip()
    older = (hashlib.sha256(form.encode()).hexdigest() for form in (written, written.upper()))
    return tuple(dict.fromkeys((code_digest(code), *older)))


def _put_voucher(
    connection: Connection, values: Mapping[str, Any], digests: Sequence[str], path: str
) -> None:
    known = _find_voucher(connection, values["issuer"], digests)
    if known is None:
        voucher_id = hashlib.sha256(dumps([values["issuer"], digests[0]])).hexdigest()
        connection.execute(INSERT_VOUCHER, {**values, "id": voucher_id, "digest": digests[0]})
        return
    worth = (values["value_minor"], values["currency"])
    if (known.value_minor, known.currency) != worth and (
        connection.execute(FIND_PROMISE, {"voucher_id": known.id}).first() is not None
    ):
        raise BadField(f"{path}.value", "differs from what the voucher is held or was used for")
    connection.execute(UPDATE_VOUCHER, {**values, "id": known.id, "digest": digests[0]})


def _voucher_values(row: Mapping[str, Any], path: str) -> dict[str, Any]:
    value_text, code, expires = row.get("value"), row.get("currency"), row.get("expires")
    issuer, account = row.get("issuer", INTERNAL), row.get("account")
    if not isinstance(value_text, str) or not isinstance(code, str):
        raise BadField(f"{path}.value, currency", "must be text")
    try:
        value = parse_amount(value_text, currency(code))
    except Refused as refusal:
        raise BadField(f"{path}.value, currency", refusal.message) from None
    if not isinstance(expires, str) or re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", expires) is None:
        raise BadField(f"{path}.expires", "must be a day, such as 2026-11-21")
    try:
        last_day = date.fromisoformat(expires)
    except ValueError:
        raise BadField(f"{path}.expires", "must be a day, such as 2026-11-21") from None
    if not isinstance(issuer, str) or not issuer.strip() or len(issuer) > NAME_MAX:
        raise BadField(f"{path}.issuer", "must be internal or a name")
    if account is not None and (not isinstance(account, str) or RESOURCE_ID.fullmatch(account) is None):
        raise BadField(f"{path}.account", "must be an account, or null")
    return {
        "issuer": folded_issuer(issuer),
        "value_minor": value.minor,
        "currency": value.currency.code,
        "expires": last_day.isoformat(),
        "account_id": account,
    }


# --- holding -------------------------------------------------------------------------------------------------


def hold_voucher(
    connection: Connection, asked: HoldAsked, *, at: datetime, held_for: timedelta, approval: str
) -> Held | NotHeld:
    """Hold the voucher for the payment, in the caller's transaction, which is to be committed whatever the answer.

    ``approval`` is the reference that an outside issuer's voucher gets. Raises ApiError 422 where the id was used for
    another asking. A hold that has lapsed begins anew as long as nobody else has the voucher. What the same terminal held
    for another payment makes room: one person stands at it, and has begun anew.
    """
    now = _utc(at)
    lapses_at = _utc(at + held_for)
    before = connection.execute(FIND_HOLD, {"id": asked.hold_id}).one_or_none()
    if before is not None:
        return _hold_again(connection, before, asked, now=now, lapses_at=lapses_at)
    too_many = _too_many_tries(connection, asked.terminal, at)
    if too_many is not None:
        return too_many
    voucher = _find_voucher(connection, _issuer_of(asked), _digests(asked.code))
    refused = _refusal(connection, voucher, asked, now=now, today=shop_day(connection, at))
    if refused is not None:
        reason, answer = refused
        _note_refusal(connection, asked, now=now, reason=reason)
        return answer
    assert voucher is not None, "an unknown one was refused"
    connection.execute(
        REPLACE_OWN_HOLDS,
        {**_own_elsewhere(asked), "voucher_id": voucher.id, "now": now, "id": asked.hold_id},
    )
    value = Money(voucher.value_minor, currency(voucher.currency))
    connection.execute(
        INSERT_HOLD,
        {
            "id": asked.hold_id,
            "voucher_id": voucher.id,
            "terminal": asked.terminal,
            "payment_event_id": asked.payment_event_id,
            "mode": asked.mode,
            "account_id": asked.account_id,
            "amount_minor": asked.amount.minor,
            "value_minor": value.minor,
            "currency": value.currency.code,
            "expires": voucher.expires,
            "approval": None if voucher.issuer == INTERNAL else approval,
            "asked_sha256": asked.sha256(),
            "made_at": now,
            "lapses_at": lapses_at,
        },
    )
    return Held(
        hold_id=asked.hold_id,
        value=value,
        expires=date.fromisoformat(voucher.expires),
        approval=None if voucher.issuer == INTERNAL else approval,
        again=False,
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
    return Held(
        hold_id=hold.id,
        value=Money(hold.value_minor, currency(hold.currency)),
        expires=date.fromisoformat(hold.expires),
        approval=hold.approval,
        again=True,
    )


def _refusal(
    connection: Connection, voucher: Row[Any] | None, asked: HoldAsked, *, now: str, today: date
) -> tuple[str, NotHeld] | None:
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
        for digest in _digests(asked.code)
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


def release_hold(connection: Connection, hold_id: str, *, at: datetime) -> None:
    """Let go of a hold. One that never came leaves a mark, so that it is refused if it comes late.

    Raises ApiError 409 where a payment redeemed it.
    """
    hold = connection.execute(FIND_HOLD, {"id": hold_id}).one_or_none()
    if hold is None:
        connection.execute(INSERT_MARK, {"id": hold_id, "at": _utc(at)})
    elif _is_open(hold):
        redemption = _redemption(connection, hold.voucher_id)
        if redemption is not None and redemption.hold_id == hold_id:
            raise ApiError(409, "voucher_hold_redeemed", "A payment has used this voucher.")
        connection.execute(RELEASE_HOLD, {"id": hold_id, "at": _utc(at)})


# --- redeeming -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidByVoucher:
    """A leg that a held voucher pays, as it was posted. ``mode`` is the method's name."""

    hold_id: str
    payment_event_id: str
    terminal: str | None
    mode: str | None
    account_id: str
    amount: Money


def redeem_hold(connection: Connection, paid: PaidByVoucher, *, payment_id: str, at: datetime) -> None:
    """Use the held voucher for a payment that is stored already; legs of one event share it up to what was held.

    What the voucher is worth beyond that is forfeited. A hold that has lapsed, or made room for another of its terminal,
    serves as long as nobody else took the voucher: the till may have booked its payment. Raises ApiError 409
    ``voucher_not_for_account`` where the voucher is bound to another account, ``voucher_used`` for everything else.
    """
    now = _utc(at)
    hold = connection.execute(FIND_HOLD, {"id": paid.hold_id}).one_or_none()
    if hold is None or hold.voucher_id is None or not _is_open(hold):
        raise _used("No voucher is held under this id: it was let go, or never held.")
    if hold.payment_event_id != paid.payment_event_id:
        raise _used("The voucher is held for another payment.")
    if (hold.terminal, hold.mode) != (paid.terminal, paid.mode):
        raise _used("The voucher is held for another terminal or way to pay.")
    bound_to = connection.execute(FIND_BOUND_ACCOUNT, {"id": hold.voucher_id}).scalar_one()
    if bound_to not in (None, paid.account_id):
        message = "This voucher is for another account than the one that it pays."
        raise ApiError(409, "voucher_not_for_account", message, field="account.id")
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
                "forfeited_minor": hold.value_minor - hold.amount_minor,
                "redeemed_at": now,
            },
        )
    elif redemption.hold_id != hold.id:
        raise _used("The hold has lapsed, and another payment used the voucher.")
    paid_minor = int(connection.execute(SUM_PAID, {"hold_id": hold.id}).scalar_one())
    if paid.amount.currency.code != hold.currency or paid_minor + paid.amount.minor > hold.amount_minor:
        held = Money(hold.amount_minor, currency(hold.currency))
        raise _used(f"More is paid with the voucher than the {held} that it is held for.")
    connection.execute(
        INSERT_PAID, {"payment_id": payment_id, "hold_id": hold.id, "amount_minor": paid.amount.minor}
    )


def shop_day(connection: Connection, at: datetime) -> date:
    """The calendar day in the shop's zone, where a fixture told it; else in the clock's own."""
    body = connection.execute(READ_SHOP).scalar_one_or_none()
    try:
        zone = ZoneInfo(loads(body)["time_zone"]) if body is not None else None
    except (WireJsonError, KeyError, TypeError, ValueError, OSError):
        zone = None
    return at.astimezone(zone).date() if zone is not None else at.date()


def _used(message: str) -> ApiError:
    return ApiError(409, "voucher_used", message, field="voucherHold")


def _is_open(hold: Row[Any]) -> bool:
    """Whether a payment may come of it: it was not let go, or only made room for another of its terminal."""
    return hold.released_at is None or hold.replaced_by is not None


def _issuer_of(asked: HoldAsked) -> str:
    return INTERNAL if asked.issuer is None else folded_issuer(asked.issuer)


def _find_voucher(connection: Connection, issuer: str, digests: Sequence[str]) -> Row[Any] | None:
    for digest in digests:
        row = connection.execute(FIND_VOUCHER, {"issuer": issuer, "digest": digest}).one_or_none()
        if row is not None:
            return row
    return None


def _redemption(connection: Connection, voucher_id: str) -> Row[Any] | None:
    return connection.execute(FIND_REDEMPTION, {"voucher_id": voucher_id}).one_or_none()


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


def folded_issuer(issuer: str) -> str:
    """An issuer as it is compared and kept: without case and superfluous blanks; ``internal`` is the operator."""
    return " ".join(issuer.split()).casefold()


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


FIND_VOUCHER = text(
    "SELECT id, issuer, value_minor, currency, expires, account_id FROM voucher"
    " WHERE issuer = :issuer AND digest = :digest"
)
FIND_ISSUERS = text("SELECT issuer FROM voucher WHERE digest = :digest")
FIND_BOUND_ACCOUNT = text("SELECT account_id FROM voucher WHERE id = :id")
INSERT_VOUCHER = text(
    "INSERT INTO voucher (id, digest, issuer, value_minor, currency, expires, account_id)"
    " VALUES (:id, :digest, :issuer, :value_minor, :currency, :expires, :account_id)"
)
UPDATE_VOUCHER = text(
    "UPDATE voucher SET digest = :digest, value_minor = :value_minor, currency = :currency,"
    " expires = :expires, account_id = :account_id WHERE id = :id"
)
READ_OLD_ROWS = text("SELECT body FROM fixture_row WHERE kind = 'vouchers' ORDER BY position")
READ_SHOP = text("SELECT body FROM fixture_row WHERE kind = 'shop' AND position = 0")
FIND_HOLD = text(
    "SELECT id, voucher_id, terminal, payment_event_id, mode, amount_minor, value_minor, currency, expires, approval,"
    " asked_sha256, lapses_at, released_at, replaced_by FROM voucher_hold WHERE id = :id"
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
FIND_PROMISE = text(
    "SELECT id FROM voucher_hold WHERE voucher_id = :voucher_id"
    " AND (released_at IS NULL OR replaced_by IS NOT NULL) LIMIT 1"
)
INSERT_HOLD = text(
    "INSERT INTO voucher_hold (id, voucher_id, terminal, payment_event_id, mode, account_id, amount_minor,"
    " value_minor, currency, expires, approval, asked_sha256, made_at, lapses_at)"
    " VALUES (:id, :voucher_id, :terminal, :payment_event_id, :mode, :account_id, :amount_minor,"
    " :value_minor, :currency, :expires, :approval, :asked_sha256, :made_at, :lapses_at)"
)
INSERT_MARK = text("INSERT INTO voucher_hold (id, made_at, released_at) VALUES (:id, :at, :at)")
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
