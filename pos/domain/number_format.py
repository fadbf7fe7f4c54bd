"""How amounts are written for people: the grouping, marks and digits of a locale.

For screens and papers only: books, JSON and CSV keep ``Money.plain()``. The facts of the locales are those of CLDR; a
table of them is a page, while a library that carries all of CLDR takes 30 MB, and rounds where nothing may be rounded.
Four digits are grouped too where CLDR would leave them, and every blank that groups is the no-break space.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pos.domain.errors import Refused
from pos.domain.money import Currency, Money

NO_BREAK_SPACE = "\u00a0"
LATIN = "0123456789"
_NUMBER = re.compile(r"(?<![\w.,\-])-?[0-9]{1,15}\.[0-9]{1,8}(?!\w|[.,][0-9])")


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberFormat:
    """The marks and digits of written amounts. Without a ``group_mark`` nothing is grouped.

    The last group before the decimal mark has three digits, those before it ``further_digits`` (India: two).
    """

    decimal_mark: str = "."
    group_mark: str = ""
    further_digits: int = 3
    digits: str = LATIN

    def shown(self, amount: Money) -> str:
        """``amount`` as people read it, without its currency: all of its digits, never rounded."""
        return self._written(amount.plain())

    def with_currency(self, amount: Money) -> str:
        """The same with the currency's code behind it."""
        return f"{self.shown(amount)} {amount.currency.code}"

    def in_text(self, text: str, in_currency: Currency) -> str:
        """``text`` with each number that has a point (``12.500``, a rate of ``0.307``) written as ``shown`` writes it.

        For what rules say and receipts keep as text. Dates, addresses and codes are no such numbers, nor is one that was
        written before. Where the currency has no minor unit nothing is touched: 1.234 may be a thousand there.
        """
        if self == PLAIN or in_currency.exponent == 0:
            return text
        return _NUMBER.sub(lambda found: self._written(found[0]), text)

    def _written(self, plain: str) -> str:
        sign = "-" if plain.startswith("-") else ""
        whole, point, fraction = plain.removeprefix("-").partition(".")
        text = sign + self._grouped(whole) + (self.decimal_mark + fraction if point else "")
        return text if self.digits == LATIN else text.translate(str.maketrans(LATIN, self.digits))

    def _grouped(self, whole: str) -> str:
        if not self.group_mark or len(whole) <= 3:
            return whole
        head, last = whole[:-3], whole[-3:]
        first = len(head) % self.further_digits
        groups = [head[:first]] if first else []
        groups += [head[at : at + self.further_digits] for at in range(first, len(head), self.further_digits)]
        return self.group_mark.join([*groups, last])


PLAIN = NumberFormat()
"""Digits and a point, as amounts are stored and typed."""

_POINT = (".", ",", 3)
_COMMA = (",", ".", 3)
_BLANK = (",", NO_BREAK_SPACE, 3)
_APOSTROPHE = (".", "\u2019", 3)
_INDIAN = (".", ",", 2)

_BY_LANGUAGE: Mapping[str, tuple[str, str, int]] = MappingProxyType(
    {
        **dict.fromkeys(
            ("ar", "en", "fa", "he", "ja", "ko", "ms", "my", "si", "sw", "th", "ur", "zh"), _POINT
        ),
        **dict.fromkeys(("da", "de", "el", "es", "id", "it", "nl", "ps", "ro", "tr", "vi"), _COMMA),
        **dict.fromkeys(("fi", "fr", "hu", "nb", "pl", "pt", "ru", "sv", "uk"), _BLANK),
        **dict.fromkeys(("bn", "hi", "ne", "pa", "ta", "te"), _INDIAN),
    }
)
_BY_LOCALE: Mapping[str, tuple[str, str, int]] = MappingProxyType(
    {
        **dict.fromkeys(("ar_DZ", "ar_LB", "ar_LY", "ar_MA", "ar_TN", "pt_BR"), _COMMA),
        **dict.fromkeys(("es_MX", "es_PE", "es_US"), _POINT),
        **dict.fromkeys(("de_CH", "it_CH"), _APOSTROPHE),
        "en_IN": _INDIAN,
        "en_ZA": _BLANK,
    }
)
"""Where a region writes otherwise than most who speak its language."""

_REGIONS: Mapping[str, str] = MappingProxyType(
    {
        "ar": "AE BH DZ EG IQ JO KW LB LY MA OM QA SA SD SY TN YE",
        "bn": "BD IN",
        "da": "DK",
        "de": "AT CH DE LU",
        "el": "GR",
        "en": "AE AU CA GB GH HK IE IN KE MT MY NG NZ PH PK SG TZ UG US ZA",
        "es": "AR CL CO ES MX PE US",
        "fa": "AF IR",
        "fi": "FI",
        "fr": "BE CA CH FR MA SN TN",
        "he": "IL",
        "hi": "IN",
        "hu": "HU",
        "id": "ID",
        "it": "CH IT",
        "ja": "JP",
        "ko": "KR",
        "ms": "MY",
        "my": "MM",
        "nb": "NO",
        "ne": "NP",
        "nl": "BE NL",
        "pa": "IN",
        "pl": "PL",
        "ps": "AF",
        "pt": "AO BR MZ PT",
        "ro": "RO",
        "ru": "RU",
        "si": "LK",
        "sv": "SE",
        "sw": "KE TZ",
        "ta": "IN LK",
        "te": "IN",
        "th": "TH",
        "tr": "TR",
        "uk": "UA",
        "ur": "PK",
        "vi": "VN",
        "zh": "CN TW",
    }
)

LOCALES = tuple(
    sorted(f"{language}_{region}" for language, regions in _REGIONS.items() for region in regions.split())
)
"""The locales that an amount can be written in."""

_ZERO_BY_LANGUAGE: Mapping[str, str] = MappingProxyType(
    {
        "ar": "\u0660",
        **dict.fromkeys(("fa", "ps", "ur"), "\u06f0"),
        **dict.fromkeys(("hi", "ne"), "\u0966"),
        "bn": "\u09e6",
        "pa": "\u0a66",
        "ta": "\u0be6",
        "te": "\u0c66",
        "th": "\u0e50",
        "my": "\u1040",
    }
)
"""The zero of languages that have digits of their own; the other nine follow it."""

_ARABIC_MARKS = ("\u066b", "\u066c")


def number_format(locale: str, *, native_digits: bool = False) -> NumberFormat:
    """How ``locale`` writes amounts; an empty one: plainly. Languages without digits of their own keep the Latin ones.

    Raises Refused ``unknown_locale``.
    """
    if not locale:
        return PLAIN
    if locale not in LOCALES:
        raise Refused("unknown_locale", f"Amounts are written as in one of {', '.join(LOCALES)}.")
    language = locale[:2]
    decimal_mark, group_mark, further_digits = _BY_LOCALE.get(locale) or _BY_LANGUAGE[language]
    zero = _ZERO_BY_LANGUAGE.get(language) if native_digits else None
    if zero in ("\u0660", "\u06f0"):
        decimal_mark, group_mark = _ARABIC_MARKS
    return NumberFormat(
        decimal_mark=decimal_mark,
        group_mark=group_mark,
        further_digits=further_digits,
        digits=LATIN if zero is None else "".join(chr(ord(zero) + value) for value in range(10)),
    )
