"""Tenders of every mode for the sample shop: slips, receipts and vouchers as a cashier would key them, each of them new."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from pos.domain.money import Money
from pos.domain.payment_mode import ModeKind, PaymentMode
from pos.fixture import Fixture, FixtureVoucher

CARD_BRANDS = {"debit_card": ("VISA", "1111"), "credit_card": ("MC", "4444")}


class SampleTenders:
    """Makes tenders for a script's lines; no slip, receipt or voucher comes twice."""

    def __init__(self, shop: Fixture, today: date) -> None:
        self._today = today.isoformat()
        self._number = 0
        self._vouchers = [
            voucher for voucher in shop.vouchers if voucher.account is None and voucher.expires >= today
        ]

    def take(self, mode: PaymentMode, amount: Money) -> Mapping[str, str]:
        """A tender of ``amount``, or of a voucher's whole value where that is less."""
        self._number += 1
        if mode.kind is ModeKind.VOUCHER:
            voucher = self._voucher(mode)
            fields = {"code": voucher.code}
            if _has_issuer(mode):
                fields["issuer"] = voucher.issuer
            return self._line(mode, min(amount, voucher.value_money), fields)
        return self._line(mode, amount, self._fields(mode))

    def _line(self, mode: PaymentMode, amount: Money, fields: Mapping[str, str]) -> Mapping[str, str]:
        return {"mode": mode.code, "amount": amount.plain(), **fields}

    def _voucher(self, mode: PaymentMode) -> FixtureVoucher:
        place = next(
            place
            for place, voucher in enumerate(self._vouchers)
            if (voucher.issuer != "internal") is _has_issuer(mode)
        )
        return self._vouchers.pop(place)

    def _fields(self, mode: PaymentMode) -> Mapping[str, str]:
        number = self._number
        bank = {"bank": "001", "branch": "042"}
        match mode.kind:
            case ModeKind.CASH:
                return {}
            case ModeKind.CHEQUE:
                return {**bank, "serial": f"{number:06}", "account": "7788990011"}
            case ModeKind.CARD:
                brand, last4 = CARD_BRANDS.get(mode.code, ("VISA", "2222"))
                slip = {"auth_code": f"A{number:05}", "rrn": f"{number:012}", "card_terminal": "C7"}
                return {**slip, "brand": brand, "last4": last4}
            case ModeKind.BANK_RECEIPT:
                # Two papers in a row differ in two digits: nearly the same numbers would be warned of.
                receipt = {**bank, "reference": f"K7-{number * 101:06}", "date": self._today}
                by_cheque = any(field.name == "serial" for field in mode.fields)
                return {**receipt, "serial": f"{number:06}"} if by_cheque else receipt
            case ModeKind.DIRECT_DEBIT:
                return {"mandate": f"M-{number:04}", "reference": f"DD-{number}", "date": self._today}
            case ModeKind.ATM:
                return {"trace": f"{number:06}", "atm": "ATM-9", "date": self._today}
            case ModeKind.VOUCHER:
                # Not asked for what it is worth: the mode itself is to be refused.
                return {"code": f"NONE-{number:04}", **({"issuer": "Nobody"} if _has_issuer(mode) else {})}

    def example(self, mode: PaymentMode, amount: Money) -> Mapping[str, str]:
        """A tender that is only shown, and must be refused: no voucher is spent for it."""
        self._number += 1
        return self._line(mode, amount, self._fields(mode))


def _has_issuer(mode: PaymentMode) -> bool:
    return any(field.name == "issuer" for field in mode.fields)
