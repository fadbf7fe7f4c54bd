"""No card number is ever accepted, kept or shown, nor a card's track or security code. No allow-list, no override.

A run of digits is judged whole, by the schemes' own ranges with their lengths: an IMEI (15 digits) and an ICCID (19 or 20
digits, 89...) are Luhn numbers too, and a telecom counter scans them all day. Where digits stand in groups, the groups are
put together as people write card numbers, whatever stands between them; the groups of an IBAN, an ICCID, an IMEI or an id
are not. Source: domain.md rule 44.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Iterator, Sequence

from pos.domain.errors import Refused

_SCHEMES: tuple[tuple[str, tuple[int, ...]], ...] = (
    (r"4", (13, 16, 19)),  # Visa
    (r"5[1-5]", (16,)),  # Mastercard
    (r"2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)", (16,)),  # Mastercard, 2221 to 2720
    (r"3[47]", (15,)),  # American Express: no IMEI begins with 34 or 37
    (r"3(?:0[0-5]|095|[689])", (14, 16, 19)),  # Diners Club
    (r"6(?:011|4[4-9]|5)", (16, 19)),  # Discover
    (r"35(?:2[89]|[3-8])", (16, 19)),  # JCB; its 15 digits would be IMEIs
    (r"62", (16, 17, 18, 19)),  # UnionPay
    (r"(?:50|5[6-9]|6[0-9])", (16, 17, 18, 19)),  # Maestro
    (r"(?:508|60|65|81|82)", (16,)),  # RuPay
    (r"220[0-4]", (16, 17, 18, 19)),  # Mir
    (r"9792", (16,)),  # Troy
)
_LENGTHS = range(13, 20)
_PREFIX_OF_LENGTH = {
    length: re.compile("|".join(prefix for prefix, lengths in _SCHEMES if length in lengths))
    for length in _LENGTHS
}
_ANY_PREFIX = re.compile("|".join(prefix for prefix, _ in _SCHEMES))
_DOUBLED = bytes(48) + bytes((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)) + bytes(256 - 58)
"""What a digit's sign counts at every second place of Luhn's sum."""
_MOBILE = re.compile(r"49(?:15|16|17)[0-9]{9}|43(?:65|66|67|68|69)[0-9]{9}")
"""Mobile numbers of 13 digits, as they are kept in Germany and Austria: no Visa number has had 13 digits for decades."""
_EXPIRY = re.compile(r"(?:0[1-9]|1[0-2])(?:20)?(?:2[4-9]|3[0-9]|4[0-5])(?:[0-9]{3,4})?")
"""What follows the number on the card itself: its month, and the security code."""

_BREAK = "x"
"""Stands for what groups of digits are never put together over."""
_BETWEEN_MAX = 4
_BETWEEN = r"(?:_|[^\w\u2446-\u2449$\u00a3\u00a5\u20a0-\u20bf])"
"""Anything but letters, digits, currency signs and the symbols of a cheque's line."""
_DIGITS_MIN = 12
"""Of whatever may hold a number: those of a track."""
_RUN = re.compile(rf"[0-9]+(?:{_BETWEEN}{{1,{_BETWEEN_MAX}}}[0-9]+)*")
_MAY_HOLD_NUMBER = re.compile(rf"(?:[0-9]{_BETWEEN}{{0,{_BETWEEN_MAX}}}){{{_DIGITS_MIN}}}")
_CLOSE = re.compile(r"[\s\-_\u2010-\u2015\u2212]*")
_CARD_SHAPES = ((4, 6, 5), (4, 6, 4), (4, 4, 4, 4, 3))
"""How the digits stand in groups on the cards themselves, beside the even ones."""
_EVEN_GROUP_MAX = 5
_SERIAL_GROUPS_MAX = 20
_SERIAL_BEGINS = frozenset({2, 6, 8, 13, 15, 19, 20})
"""How long the first group of a serial number is, or the only one."""
_CODE_WRITTEN_MAX, _NAME_MAX = 16, 64
_CANDIDATES_MAX = 300
"""One in ten numbers of a card's length and beginning is one. Where so many together are none, somebody made them so."""
_IMEI_SHAPES = ((2, 6, 6, 1), (6, 2, 6, 1), (8, 6, 1))

_ID = re.compile(
    r"(?<![0-9A-Za-z])(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|"
    r"(?=(?:[0-9]*[a-f]){4})(?:[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32}))(?![0-9A-Za-z])",
    re.IGNORECASE,
)
"""A UUID, or a digest of its usual lengths: one in some thousand of them has a card number among its digits."""
_IBAN = re.compile(r"(?<![0-9A-Za-z])[A-Z]{2}[0-9]{2}(?: ?[0-9A-Z]){11,30}(?![0-9A-Za-z])")
_IBAN_MIN = 15

_MOMENT = re.compile(
    r"20[0-9]{2}-(?:0[1-9]|1[0-2])-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?(?:Z|[+-][01][0-9]:[0-5][0-9])"
)
"""A date-time as every message has some: no card's number begins with 20."""
_MOMENT_WRITTEN = re.compile(f'"{_MOMENT.pattern}"')
_EXPONENT = re.compile(r"[0-9][eE]\+?[0-9]+\s*(?:[,\]}]|\Z)")
"""The end of a number that has more digits than are written."""
_RUN_OF_12 = re.compile(rf"[0-9](?:[^0-9A-Za-z]{{0,{_BETWEEN_MAX}}}+[0-9]){{{_DIGITS_MIN - 1}}}")
"""As ``_MAY_HOLD_NUMBER`` or more, of ASCII alone."""
_BARE = bytes.maketrans(
    (string.ascii_uppercase + string.digits).encode(), string.ascii_lowercase.encode() + b"0" * 10
)
_DIGITS_BARE = b"0" * _DIGITS_MIN
_SIGNS = bytes(sign for sign in range(256) if not chr(sign).isalnum() or sign > 127)

_TRACK = re.compile(r"%[Bb]([0-9 ]{12,23})\^|;([0-9]{12,19})=[0-9]{2}(?:0[1-9]|1[0-2])")

_SECURITY_CODE_WORDS = (
    "cvv2?", "cvc2?", "cvn2?", "cav2", "security code", "card code", "card verification (?:value|code|number)",
    "code de sécurité", "cryptogramme(?: visuel)?", "código de seguridad", "código de segurança", "sicherheitscode",
    "kartenprüfnummer", "prüfnummer", "güvenlik kodu", "رمز الأمان", "رمز أمان", "رمز التحقق من البطاقة", "سي في في",
    "सीवीवी", "सुरक्षा कोड",
)  # fmt: skip


def holds_card_number(text: str) -> bool:
    """Whether ``text`` holds a card's number, track or security code, in whatever signs it is written."""
    if text.isascii() and (_CODE_OF_DIGITS.search(text) is None or _MOMENT.fullmatch(text) is not None):
        return False
    plain = _plain(text)
    # Nearly every text ends here, and a first pull asks for some hundred thousand.
    if _MAY_HOLD_NUMBER.search(plain) and next(_card_numbers(plain), None) is not None:
        return True
    return _holds_security_code(plain)


def may_hold_card_number(written: str) -> bool:
    """Whether a key or a value of this JSON text, or a part of this path, may be refused: one look at the whole.

    False is certain, for whatever a value holds stands in the text too; True asks for each of them to be judged.
    """
    if not written.isascii() or "\\" in written:
        return True
    left = _MOMENT_WRITTEN.sub('""', written)
    # Bare of all signs, each digit a 0: whatever is looked for below leaves something there, which is found far sooner.
    bare = left.encode("ascii").translate(_BARE, _SIGNS)
    if _part_of_word_in(bare) and _WORD_ON_CARD.search(written.lower()) is not None:
        return True
    if b"0e0" in bare and _EXPONENT.search(written) is not None:
        return True
    return (
        _DIGITS_BARE in bare
        and _RUN_OF_12.search(left) is not None
        and _RUN_OF_12.search(_ID.sub(_BREAK, left)) is not None
    )


def refuse_card_number(text: str, *, field: str) -> None:
    """Raises Refused ``card_number_refused``; the message holds no digit of it."""
    if not holds_card_number(text):
        return
    if _holds_security_code(_plain(text)):
        raise _security_code_in(field)
    told = f"{field} looks like a card number. Card numbers are never kept. Type the last 12 digits of a reference."
    raise Refused("card_number_refused", told, field=field)


def refuse_security_code(name: str, value: str, *, field: str) -> None:
    """Raises Refused ``card_number_refused`` where ``name``, however it is written, says that ``value`` is such a code."""
    if len(value) > _CODE_WRITTEN_MAX or len(name) > _NAME_MAX:
        return
    if _holds_security_code(_plain(f"{_HUMP.sub(' ', name).replace('_', ' ')}: {value}")):
        raise _security_code_in(field)


def _security_code_in(field: str) -> Refused:
    told = f"{field} looks like the security code of a card. It is never kept. Leave it out."
    return Refused("card_number_refused", told, field=field)


def wipe_card_number(text: str) -> str:
    """``text`` itself, or, where it holds a card number or a track, stars and the last four digits of that number."""
    if not holds_card_number(text):
        return text
    return f"{'*' * 12}{next(_card_numbers(_plain(text)), '')[-4:]}"


def mask_card_number(text: str) -> str:
    """``text`` itself, or, where it holds a card's number, track or security code, with a star for each of its digits."""
    return mask_digits(text) if holds_card_number(text) else text


def mask_digits(text: str) -> str:
    """``text`` with a star for each digit of any script."""
    return "".join("*" if unicodedata.digit(sign, None) is not None else sign for sign in text)


def is_card_number(digits: str) -> bool:
    """Whether this whole run of ASCII digits is a payment card's number."""
    prefix = _PREFIX_OF_LENGTH.get(len(digits))
    if prefix is None or not prefix.match(digits) or not luhn_holds(digits):
        return False
    return not (_is_item_code(digits) or _MOBILE.fullmatch(digits))


def luhn_holds(digits: str) -> bool:
    """Whether the last of these ASCII digits is the check digit of the others."""
    values = digits.encode("ascii")
    return (
        sum(values[-1::-2]) - 48 * len(values[-1::-2]) + sum(values[-2::-2].translate(_DOUBLED))
    ) % 10 == 0


# --- reading the text --------------------------------------------------------------------------------------------


def _plain(text: str) -> str:
    """``text`` with any script's, raised, circled or full-width digits as 0 to 9, and without what is not seen."""
    return text if text.isascii() else "".join(map(_plain_sign, text))


def _plain_sign(sign: str) -> str:
    if sign.isascii():
        return sign
    value = unicodedata.digit(sign, None)
    if value is not None:
        return str(value)
    return "".join(
        part
        for part in unicodedata.normalize("NFKD", sign)
        if unicodedata.category(part) not in ("Mn", "Me", "Cf")
    )


_PLAIN_WORDS = tuple(map(_plain, _SECURITY_CODE_WORDS))
_WORDS = "|".join(_PLAIN_WORDS)
_DIGIT = re.compile("[0-9]")
_CODE_OF_DIGITS = re.compile("(?:[0-9][^0-9]*+){3}")
"""A security code has three digits, and all else has more."""
_WORD_ON_CARD = re.compile("|".join(filter(str.isascii, _PLAIN_WORDS)).replace(" ", r"[\W_]{0,3}"))
"""For a text that is ASCII, and for names of fields in it, which have no blanks. Each begins with a letter of its own, for
which the whole text is searched fast.
"""
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_PART_OF_WORD = re.compile(
    "|".join(
        map(_plain, ("c[va]", "code", "crypto", "codigo", "nummer", "kod", "رمز", "سي في", "सीव", "कोड"))
    )
)
"""Some part of each of the words, which nearly no text holds."""
_CODE_OF_CARD = r"(?<![0-9])[0-9](?:[ .\-]?[0-9]){2,3}(?![0-9])"
_SECURITY_CODE = re.compile(
    rf"(?<![^\W_])(?:{_WORDS})[\W_]{{0,4}}(?:(?:is|no|nr|number|code|est|ist|es)\b[\W_]{{0,3}})?{_CODE_OF_CARD}"
    rf"|{_CODE_OF_CARD}[\W_]{{0,3}}cvv2?(?![^\W_])"
)


def _part_of_word_in(bare: bytes) -> bool:
    """Whether some part of one of the ASCII words stands there: one regular expression would read each letter."""
    return b"kod" in bare or b"nummer" in bare or _PART_BARE.search(bare) is not None


_PART_BARE = re.compile(b"c(?:v|av|ode|rypto|odigo|ardver)")
"""Of the words that the two above are no part of."""


def _holds_security_code(plain: str) -> bool:
    if _DIGIT.search(plain) is None:
        return False
    folded = plain.casefold()
    return _PART_OF_WORD.search(folded) is not None and _SECURITY_CODE.search(folded) is not None


def _card_numbers(plain: str) -> Iterator[str]:
    """Every card number that is found, in its own digits alone."""
    for track in _TRACK.finditer(plain):
        yield (track[1] or track[2]).replace(" ", "")
    for run in _RUN.finditer(_without_ibans(_ID.sub(_BREAK, plain)) if len(plain) >= _IBAN_MIN else plain):
        groups = re.findall(r"[0-9]+", run[0])
        for digits in groups:
            if is_card_number(digits):
                yield digits
            elif len(digits) >= _LENGTHS[-1]:
                yield from _before_its_expiry(digits)
        if len(groups) > 1 and sum(map(len, groups)) >= _LENGTHS[0]:
            close = _CLOSE.fullmatch(re.sub(r"[0-9]+", "", run[0])) is not None
            for apart in _apart_from_serials(groups):
                yield from _in_groups(apart, close=close)


def _before_its_expiry(digits: str) -> Iterator[str]:
    """A number that was typed on into its expiry and security code, as a form without blanks has it."""
    for length in (15, 16):
        if _EXPIRY.fullmatch(digits, length) and is_card_number(digits[:length]):
            yield digits[:length]


def _in_groups(groups: Sequence[str], *, close: bool) -> Iterator[str]:
    """Numbers over whole groups: in the shapes of cards anywhere, in other shapes where nothing else stands beside them.

    ``close``: only blanks and dashes stand between them, so that they are no date, time or sum.
    """
    whole, sizes = "".join(groups), [len(group) for group in groups]
    begin = candidates = 0
    for first, size in enumerate(sizes):
        if size <= _EVEN_GROUP_MAX and _ANY_PREFIX.match(whole, begin):
            for length in _lengths_on_cards(sizes[first : first + _LENGTHS[-1]]):
                candidates += 1
                if is_card_number(whole[begin : begin + length]) or candidates > _CANDIDATES_MAX:
                    yield whole[begin : begin + length]
        begin += size
    if close and len(whole) in _LENGTHS and min(sizes[:-1], default=0) > 2 and is_card_number(whole):
        yield whole


def _lengths_on_cards(sizes: Sequence[int]) -> Iterator[int]:
    """How many digits stand in the first groups, for each number of groups that together have the shape of a card."""
    for shape in _CARD_SHAPES:
        if tuple(sizes[: len(shape)]) == shape:
            yield sum(shape)
    length = size = sizes[0]
    for other in sizes[1:]:
        length += other
        if other > size or length > _LENGTHS[-1]:
            return
        if length in _LENGTHS:
            yield length
        if other < size:
            return


# --- what is no card ---------------------------------------------------------------------------------------------


def _is_item_code(digits: str) -> bool:
    """A 13-digit EAN with a right check digit is an item code."""
    if len(digits) != 13:
        return False
    weighted = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return weighted % 10 == 0


def _is_serial(digits: str) -> bool:
    """An IMEI, an ICCID or an item code: whole as it stands, and nothing beside it belongs to it."""
    if len(digits) == 15:
        return luhn_holds(digits)
    return _is_item_code(digits) or (len(digits) in (19, 20) and digits.startswith("89"))


def _apart_from_serials(groups: Sequence[str]) -> Iterator[Sequence[str]]:
    """The groups between those that are a serial number, alone or as serials are printed in groups."""
    begin = place = 0
    while place < len(groups):
        group = groups[place]
        may_begin = len(group) in _SERIAL_BEGINS or group.startswith("89")
        taken = _groups_of_serial(groups[place : place + _SERIAL_GROUPS_MAX]) if may_begin else 0
        if taken:
            yield groups[begin:place]
            begin = place + taken
        place += taken or 1
    yield groups[begin:]


def _groups_of_serial(groups: Sequence[str]) -> int:
    """How many of the first groups are one serial number; 0: none."""
    if _is_serial(groups[0]):
        return 1
    for shape in _IMEI_SHAPES:
        if tuple(map(len, groups[: len(shape)])) == shape and luhn_holds("".join(groups[: len(shape)])):
            return len(shape)
    if groups[0].startswith("89"):
        for count in range(2, len(groups) + 1):
            digits = "".join(groups[:count])
            if len(digits) >= 19:
                return count if len(digits) <= 20 and (luhn_holds(digits[:19]) or luhn_holds(digits)) else 0
    return 0


def _without_ibans(plain: str) -> str:
    return _IBAN.sub(_whole_iban_out, plain)


def _whole_iban_out(found: re.Match[str]) -> str:
    """The account number at the head of what was found, to the end of some group, is left out where its check holds."""
    words = found[0].split(" ")
    for count in range(len(words), 0, -1):
        digits = "".join(words[:count])
        moved = digits[4:] + digits[:4]
        if len(digits) >= _IBAN_MIN and int("".join(str(int(sign, 36)) for sign in moved)) % 97 == 1:
            return " ".join((_BREAK, *words[count:]))
    return found[0]
