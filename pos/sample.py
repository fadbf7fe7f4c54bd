"""The sample shops: made up people, dealers, bills, items and vouchers for demonstrations and tests, always the same.

``make_sample`` builds a fixture (``pos.fixture``) from nothing but its arguments: no clock, no machine's
randomness. On every level of a bill the tax is exact and the sums agree, as on a real one; in KWD every amount is a
multiple of 5 fils, so that cash pays it. ``python -m pos.sample`` writes the committed files in ``config/sample``,
``--check`` compares them.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, TypeVar

from pos.domain.money import Currency, Money
from pos.domain.money import currency as currency_of
from sync import wire_json

SampleCurrency = Literal["KWD", "EUR"]

AS_OF = date(2026, 11, 21)
"""The day of the committed samples: bills reach up to it, overdue is what was due before it."""

BILLS_PER_SUBSCRIBER_MAX = 6

DISHONOUR_FEES = {"KWD": "5.000", "EUR": "15.00"}
"""What a sample shop charges for a cheque that bounces."""

_T = TypeVar("_T")


def make_sample(
    currency: SampleCurrency, *, bills: int = 900, subscribers: int = 300, as_of: date = AS_OF
) -> dict[str, Any]:
    """A whole fixture in ``currency``; equal arguments give equal samples. Amounts in TMF objects are Decimals.

    BA-1001 has exactly two open bills, the older one overdue; the newest bill of BA-1003 has 60 rates. Raises
    ValueError unless there are at least 10 subscribers, each with 1 to 6 bills.
    """
    if subscribers < 10 or not subscribers + 2 <= bills <= BILLS_PER_SUBSCRIBER_MAX * subscribers:
        raise ValueError("a sample has at least 10 subscribers, each with 1 to 6 bills")
    market = _MARKETS[currency]
    accounts = _make_accounts(market, subscribers)
    plans = _plan_bills(market, accounts, bills, as_of)
    made = [_make_bill(market, plan, number) for number, plan in enumerate(plans)]
    _mark_collection(market, accounts, [bill for bill, _ in made], as_of)
    return {
        "fixture": 1,
        "shop": dict(market.shop),
        "terminals": ["T1", "T2", "T3"],
        "users": [dict(user) for user in _USERS],
        "accounts": accounts,
        "dealers": _make_dealers(market),
        "bills": [bill for bill, _ in made],
        "rates": [
            *(rate for _, rates in made for rate in rates),
            *_unbilled_rates(market, accounts[:UNBILLED_ACCOUNTS], as_of),
        ],
        "bill_cycles": _bill_cycles(as_of),
        "items": _make_items(market),
        "vouchers": _make_vouchers(market, as_of),
        "limits": {key: market.plain(units * 100) for key, units in _LIMIT_HUNDREDS.items()},
    }


def with_sample_fees(till_toml: str, currency: str) -> str:
    """The text of a ``till.toml`` in which nothing is charged for a cheque that bounces, with what a sample shop charges:
    a fee without tax, for it makes good what the bank took.
    """
    nothing = '[cheques.dishonour]\nfee = ""'
    assert nothing in till_toml, "the program's own settings charge nothing"
    return till_toml.replace(nothing, f'[cheques.dishonour]\nfee = "{DISHONOUR_FEES[currency]}"')


def with_bank_folder(till_toml: str, folder: Path) -> str:
    """The text of a ``till.toml`` in which no folder for the bank's files is named, with ``folder``."""
    head, section, rest = till_toml.partition("\n[direct_debit]\n")
    named = rest.replace('\nfolder = ""', f"\nfolder = {json.dumps(str(folder))}", 1)
    assert section, "the program's own settings have a section for direct debits"
    assert named != rest, "the program's own settings name no folder"
    return head + section + named


# --- chance, always the same ---------------------------------------------------------------------------------


@dataclass(slots=True)
class Draw:
    """Numbers that look like chance: SHA-256 of a subject and a counter. One subject never disturbs another."""

    subject: str
    drawn: int = field(default=0)

    def below(self, limit: int) -> int:
        """A number from 0 to ``limit`` - 1."""
        self.drawn += 1
        digest = hashlib.sha256(f"{self.subject}#{self.drawn}".encode()).digest()
        return int.from_bytes(digest[:8], "big") % limit

    def between(self, least: int, most: int) -> int:
        """A number from ``least`` to ``most``, both possible."""
        return least + self.below(most - least + 1)

    def chance(self, percent: int) -> bool:
        """True in about ``percent`` of 100 draws."""
        return self.below(100) < percent

    def pick(self, choices: Sequence[_T]) -> _T:
        """One of ``choices``."""
        return choices[self.below(len(choices))]


# --- check digits of what the counter scans ------------------------------------------------------------------


def _with_luhn(stem: str) -> str:
    doubled = [int(digit) * (1 if place % 2 else 2) for place, digit in enumerate(reversed(stem))]
    return stem + str(-sum(value - 9 if value > 9 else value for value in doubled) % 10)


def iccid(number: int, *, calling_code: str) -> str:
    """The 19-digit serial of a sample SIM card, its check digit included."""
    return _with_luhn("89" + calling_code + str(number).rjust(16 - len(calling_code), "0"))


def imei(number: int) -> str:
    """The 15-digit serial of a sample phone, its check digit included."""
    return _with_luhn("35693810" + str(number).rjust(6, "0"))


def ean13(stem: str) -> str:
    """A 13-digit item code from its first 12 digits."""
    weighted = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(stem))
    return stem + str(-weighted % 10)


# --- what differs between the shops --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """A shop's country: its money, its tax in percent, its prices in minor units and its numbers."""

    currency: Currency
    shop: Mapping[str, Any]
    calling_code: str
    phone_formats: tuple[str, ...]
    dealer_phone: str
    ean_stem: str
    script_weights: Mapping[str, int]
    tax_standard: int
    tax_reduced: int
    net_step_minor: int
    fees_minor: tuple[int, ...]
    usage_minor_max: int
    addons_minor: tuple[int, ...]
    instalments_minor: tuple[int, ...]
    friendly: tuple[tuple[_FixedRate, ...], ...]
    places: tuple[str, ...]

    def amount(self, minor: int) -> dict[str, Any]:
        """TMF money with exactly the currency's digits."""
        return {"unit": self.currency.code, "value": Decimal(minor).scaleb(-self.currency.exponent)}

    def plain(self, units: int) -> str:
        """Whole currency units as the fixture's own rows write them."""
        return Money(units * 10**self.currency.exponent, self.currency).plain()

    def tax_minor(self, net_minor: int, rate: int) -> int:
        """The tax on ``net_minor`` in whole minor units, halves away from zero on both sides."""
        tax = (2 * abs(net_minor) * rate + 100) // 200
        return -tax if net_minor < 0 else tax


@dataclass(frozen=True, slots=True)
class _FixedRate:
    """A rate that is written down here instead of drawn."""

    group: str
    name: str
    net_minor: int
    tax_rate: int


_KWD = Market(
    currency=currency_of("KWD"),
    shop={
        "id": "S014",
        "name": "Counterfoil Telecom, Salmiya",
        "address": ["Salem Al Mubarak Street 12", "Salmiya 22001", "Kuwait"],
        "tax_number": "KW-30071",
        "currency": "KWD",
        "country": "KW",
        "time_zone": "Asia/Kuwait",
    },
    calling_code="965",
    phone_formats=(
        "+96550######",
        "+96555######",
        "+96565######",
        "+96566######",
        "+96597######",
        "+96599######",
    ),
    dealer_phone="+965222#####",
    ean_stem="627100100",
    script_weights={
        "arabic": 34,
        "latin": 16,
        "irish": 5,
        "devanagari": 13,
        "tamil": 10,
        "han": 6,
        "cyrillic": 4,
        "greek": 4,
        "company": 8,
    },
    tax_standard=5,
    tax_reduced=5,
    net_step_minor=100,
    fees_minor=(5_000, 7_500, 9_000, 12_000, 15_000, 18_000, 25_000),
    usage_minor_max=2_500,
    addons_minor=(500, 1_000, 1_500, 2_000, 3_000),
    instalments_minor=(4_000, 6_500, 8_250, 12_500),
    friendly=(
        (
            _FixedRate("subscription", "Monthly fee", 24_000, 5),
            _FixedRate("subscription", "Speed option", 5_000, 5),
            _FixedRate("usage", "Calls abroad", 4_500, 5),
            _FixedRate("usage", "Roaming data", 2_500, 5),
            _FixedRate("credits", "Loyalty discount", -1_000, 5),
            _FixedRate("device", "Device instalment", 5_000, 0),
        ),
        (
            _FixedRate("subscription", "Monthly fee", 15_000, 5),
            _FixedRate("usage", "Calls abroad", 1_000, 5),
            _FixedRate("fees", "Late payment fee", 1_700, 0),
        ),
    ),
    places=("Salmiya", "Hawalli", "Farwaniya", "Fahaheel", "Jahra", "Sharq"),
)

_EUR = Market(
    currency=currency_of("EUR"),
    shop={
        "id": "S021",
        "name": "Counterfoil Telecom, Utrecht",
        "address": ["Oudegracht 112", "3511 AW Utrecht", "Nederland"],
        "tax_number": "NL001234567B01",
        "currency": "EUR",
        "country": "NL",
        "time_zone": "Europe/Amsterdam",
    },
    calling_code="31",
    phone_formats=(
        "+316########",
        "+316########",
        "+49151#######",
        "+49176#######",
        "+35386#######",
        "+3069########",
    ),
    dealer_phone="+3130######",
    ean_stem="871000100",
    script_weights={
        "arabic": 8,
        "latin": 46,
        "irish": 10,
        "devanagari": 6,
        "tamil": 4,
        "han": 6,
        "cyrillic": 6,
        "greek": 6,
        "company": 8,
    },
    tax_standard=21,
    tax_reduced=9,
    net_step_minor=1,
    fees_minor=(999, 1_499, 1_999, 2_499, 2_999, 3_999, 4_999),
    usage_minor_max=600,
    addons_minor=(199, 299, 499, 799, 999),
    instalments_minor=(850, 1_250, 1_995, 2_750),
    friendly=(
        (
            _FixedRate("subscription", "Monthly fee", 2_100, 21),
            _FixedRate("subscription", "Speed option", 500, 21),
            _FixedRate("usage", "Calls abroad", 400, 21),
            _FixedRate("usage", "Roaming data", 100, 21),
            _FixedRate("credits", "Loyalty discount", -100, 21),
            _FixedRate("addons", "Music and books", 500, 9),
        ),
        (
            _FixedRate("subscription", "Monthly fee", 1_200, 21),
            _FixedRate("usage", "Calls abroad", 200, 21),
            _FixedRate("fees", "Late payment fee", 156, 0),
        ),
    ),
    places=("Utrecht", "Köln", "Galway", "Groningen", "Πειραιάς", "Maastricht"),
)

_MARKETS: Mapping[SampleCurrency, Market] = {"KWD": _KWD, "EUR": _EUR}

_LIMIT_HUNDREDS = {
    "cheque_max": 5,
    "cash_in_drawer_max": 10,
    "refund_alone_max": 0,
    "void_alone_max": 0,
    "offline_cheque_max": 1,
    "offline_card_max": 1,
    "offline_shift_max": 20,
}


def _user(number: str, name: str, role: str, pin: str, dealer: str | None = None) -> dict[str, Any]:
    return {"user": number, "name": name, "roles": [role], "pin": pin, "dealer": dealer}


_USERS = (
    _user("1001", "A. Kumar", "cashier", "135790"),
    _user("1002", "Zoë Çelik", "cashier", "284915"),
    _user("2002", "Siobhán O'Brien", "supervisor", "731846"),
    _user("3001", "Rami Haddad", "dealer", "508273", "D-12"),
    _user("4001", "Fahad Al-Enezi", "back_office", "619405"),
    _user("5001", "Ingrid Sørensen", "admin", "827364"),
    _user("5002", "Παύλος Ιωάννου", "admin", "958261"),
    _user("6001", "Priya Raman", "auditor", "372859"),
)


# --- people --------------------------------------------------------------------------------------------------

_GIVEN_AND_FAMILY: Mapping[str, tuple[str, str]] = {
    "arabic": (
        "محمد نورة فهد مريم أحمد فاطمة خالد سارة يوسف هدى ناصر ليلى سعد دلال بدر شيخة عمر رنا",
        "العنزي المطيري الرشيدي العجمي الخالدي الشمري الكندري الصباح العتيبي الهاجري بوشهري القحطاني",
    ),
    "latin": (
        "Zoë Jürgen Chloé Søren Łukasz Anaïs Björn Íñigo Renée Håkon Müge José Ágnes Petr Inês Noah Emma Lotte",
        "Müller Núñez Šimůnek Østergård Çelik Dvořák Grønn Lefèvre Małecki Weiß Ängström Jansen de_Vries van_Dijk",
    ),
    "irish": (
        "Siobhán Seán Aoife Pádraig Niamh Ciarán Gráinne Mary-Kate",
        "O'Brien O'Connor D'Arcy Ní_Dhomhnaill Mac_Giolla O'Neill Fitz-Gerald",
    ),
    "devanagari": (
        "राजेश प्रिया अनिल सुनीता विक्रम अंजलि संजय कविता रोहित मीना",
        "शर्मा वर्मा पाटिल जोशी मिश्रा गुप्ता देशमुख कुलकर्णी",
    ),
    "tamil": ("கார்த்திக் மீனாட்சி முருகன் லட்சுமி செந்தில் கவிதா அருண் தமிழ்", "சுப்பிரமணியன் ராமன் செல்வம் பாண்டியன் குமார் நடராஜன்"),
    "cyrillic": (
        "Алексей Мария Олена Дмитрий Наталья Тарас Љиљана Иван",
        "Соколов Шевченко Ковальчук Петровић Иванова Лебедев Щербаков",
    ),
    "greek": (
        "Γιώργος Ελένη Νίκος Μαρία Κώστας Άννα Δημήτρης Σοφία",
        "Παπαδόπουλος Οικονόμου Γεωργίου Νικολάου Ιωάννου Βλάχος",
    ),
}
_HAN_FAMILY, _HAN_GIVEN = "王李张刘陈杨赵黄周吴", "伟 芳 秀英 敏 静 丽华 强 磊 晓明 雪 建国 欣怡"
_COMPANY_FIRST = (
    "Al_Noor Desert_Rose R&T B&B Café_Zürich Grüne_Welle Ñandú 3C O'Hara_&_Sons Gulf_Star Ocean Hôtel_d'Été"
)
_COMPANY_LAST = "Trading Logistics Bakery Clinic Motors Foods Travel Design"
_COMPANY_FORM = "Co. W.L.L.|[{place}] Ltd|& Söhne GmbH|B.V.|S.A.|(Services) Ltd"

_FIRST_NAMES: Mapping[str, tuple[str, ...]] = {
    "KWD": (
        "Noura Al-Mutairi",
        "Séamus O'Brien",
        "R&T [NL] Ltd",
        "محمد العنزي",
        "李伟",
        "Γιώργος Παπαδόπουλος",
    ),
    "EUR": ("Nora Müller", "Séamus O'Brien", "R&T [NL] Ltd", "محمد العنزي", "李伟", "Γιώργος Παπαδόπουλος"),
}


def _words(text: str) -> list[str]:
    return [word.replace("_", " ") for word in text.split()]


def _name(market: Market, draw: Draw) -> str:
    script = draw.pick([script for script, weight in market.script_weights.items() for _ in range(weight)])
    if script == "han":
        return draw.pick(_HAN_FAMILY) + draw.pick(_words(_HAN_GIVEN))
    if script == "company":
        form = draw.pick(_COMPANY_FORM.split("|")).format(place=draw.pick(market.places))
        return f"{draw.pick(_words(_COMPANY_FIRST))} {draw.pick(_words(_COMPANY_LAST))} {form}"
    given, family = _GIVEN_AND_FAMILY[script]
    return f"{draw.pick(_words(given))} {draw.pick(_words(family))}"


def _fresh(taken: set[str], draw_one: Iterable[str]) -> str:
    """The first that is not taken yet. The iterable is bounded, so a list of names that is too short shows."""
    for candidate in draw_one:
        if candidate not in taken:
            taken.add(candidate)
            return candidate
    raise ValueError("the lists of the sample are too short for so many subscribers")


def _phone(pattern: str, draw: Draw) -> str:
    return "".join(str(draw.between(1, 9)) if sign == "#" else sign for sign in pattern)


def _make_accounts(market: Market, subscribers: int) -> list[dict[str, Any]]:
    draw = Draw(f"{market.currency}/accounts")
    names, phones = set(_FIRST_NAMES[market.currency.code]), set[str]()
    accounts = []
    for place in range(subscribers):
        if place < len(_FIRST_NAMES[market.currency.code]):
            name = _FIRST_NAMES[market.currency.code][place]
        else:
            drawn = (_name(market, draw) for _ in range(500))
            # Two people may bear one name; in a large sample they do.
            name = _fresh(names, drawn) if subscribers <= 500 else next(drawn)
        accounts.append(
            {
                "account": f"BA-{1001 + place}",
                "kind": "subscriber",
                "name": name,
                "phone": _fresh(phones, (_phone(draw.pick(market.phone_formats), draw) for _ in range(500))),
                "currency": market.currency.code,
                "customer": f"C-{1001 + place}",
                "status": "active",
                "cash_only": False,
                "dunning_stage": 0,
                "credit": market.plain(draw.between(1, 20) if place > 5 and draw.chance(6) else 0),
            }
        )
    return accounts


def _mark_collection(
    market: Market, accounts: list[dict[str, Any]], bills: Iterable[dict[str, Any]], as_of: date
) -> None:
    """Who owes overdue bills is in collection, some are suspended or may pay in cash only. BA-1001 stays as it is."""
    draw = Draw(f"{market.currency}/collection")
    today = f"{as_of.isoformat()}T00:00:00Z"
    overdue: dict[str, int] = {}
    for bill in bills:
        if bill["remainingAmount"]["value"] > 0 and bill["paymentDueDate"] < today:
            account = bill["billingAccount"]["id"]
            overdue[account] = overdue.get(account, 0) + 1
    for row in accounts[1:]:
        stage = min(overdue.get(row["account"], 0), 3)
        row["dunning_stage"] = stage
        if stage and draw.chance(15 * stage):
            row["status"] = "suspended"
        row["cash_only"] = stage > 1


_DEALERS = (
    ("Gulf Mobile Corner", "gold"),
    ("Al Noor Telecom", "silver"),
    ("Şahin İletişim", "silver"),
    ("हरि ओम मोबाइल", "bronze"),
    ("通达手机店", "bronze"),
    ("O'Leary Phones & Repairs", "gold"),
    ("هواتف المدينة", "gold"),
    ("Kiosk Nr. 7 – Müller", "bronze"),
    ("Κινητά Βλάχος", "silver"),
    ("தமிழ் மொபைல்ஸ்", "bronze"),
    ("Связь и точка", "silver"),
    ("Rami's SIM Shop", "silver"),
)
_DEALER_LIMIT_UNITS = {"gold": 1500, "silver": 500, "bronze": 150}


def _make_dealers(market: Market) -> list[dict[str, Any]]:
    draw = Draw(f"{market.currency}/dealers")
    return [
        {
            "account": f"D-{place:02d}",
            "name": name,
            "phone": _phone(market.dealer_phone, draw),
            "currency": market.currency.code,
            "class": dealer_class,
            "credit_limit": market.plain(_DEALER_LIMIT_UNITS[dealer_class]),
            "credit": market.plain(draw.between(5, 80) if place % 3 == 0 else 0),
            "status": "suspended" if place == 9 else "active",
        }
        for place, (name, dealer_class) in enumerate(_DEALERS, start=1)
    ]


# --- bills ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _BillPlan:
    """What is known of a bill before it is made: whose, when, how many rates, how much of it was paid."""

    account: Mapping[str, Any]
    issued: date
    off_cycle: bool
    paid: Literal["all", "part", "nothing"]
    fixed: tuple[_FixedRate, ...] | None
    rates: int


def _plan_bills(
    market: Market, accounts: Sequence[Mapping[str, Any]], bills: int, as_of: date
) -> list[_BillPlan]:
    """The plans in the order in which the bills were issued, so that their numbers rise with time."""
    counts = _bills_per_account(market, len(accounts), bills)
    plans = []
    for place, (account, count) in enumerate(zip(accounts, counts, strict=True)):
        draw = Draw(f"{market.currency}/plan/{account['account']}")
        for age, issued, off_cycle in _issue_days(draw, count, as_of):
            fixed = market.friendly[age] if place == 0 and age < len(market.friendly) else None
            plans.append(
                _BillPlan(
                    account=account,
                    issued=issued,
                    off_cycle=off_cycle,
                    paid=_paid(draw, place, age),
                    fixed=fixed,
                    rates=60 if place == 2 and age == 0 else _rate_count(draw),
                )
            )
    return sorted(plans, key=lambda plan: (plan.issued, plan.account["account"]))


def _bills_per_account(market: Market, accounts: int, bills: int) -> list[int]:
    """1 to 6 each, three for the first, and ``bills`` together."""
    draw = Draw(f"{market.currency}/bills per account")
    counts = [draw.pick((1, 2, 2, 3, 3, 3, 4, 4, 5, 6)) for _ in range(accounts)]
    counts[0] = 3
    while sum(counts) != bills:
        step = 1 if sum(counts) < bills else -1
        place = draw.between(1, accounts - 1)
        if 1 <= counts[place] + step <= BILLS_PER_SUBSCRIBER_MAX:
            counts[place] += step
    return counts


def _issue_days(draw: Draw, count: int, as_of: date) -> list[tuple[int, date, bool]]:
    """Of each bill its age (0: the newest), its day and whether it is off cycle; at most five lie on the cycle."""
    cycle_day = draw.pick((1, 5, 10, 15))
    month = as_of.year * 12 + as_of.month - 1
    if cycle_day > as_of.day:
        month -= 1
    days = [
        (date((month - age) // 12, (month - age) % 12 + 1, cycle_day), False) for age in range(min(count, 5))
    ]
    if count > 5:
        days.insert(3, (days[2][0] - timedelta(days=9), True))
    return [(age, day, off_cycle) for age, (day, off_cycle) in enumerate(days)]


def _paid(draw: Draw, place: int, age: int) -> Literal["all", "part", "nothing"]:
    """The newest bill is mostly open, an older one seldom; BA-1001 has its two newest open."""
    if place == 0:
        return "nothing" if age < 2 else "all"
    if not draw.chance((91, 28, 13, 6, 4, 4)[age]):
        return "all"
    return "part" if draw.chance(16) else "nothing"


def _rate_count(draw: Draw) -> int:
    ticket = draw.below(100)
    if ticket < 74:
        return draw.between(3, 6)
    if ticket < 92:
        return draw.between(7, 10)
    return draw.between(11, 20) if ticket < 98 else draw.between(21, 60)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rate:
    """One applied billing rate as drawn: the line that it stands on, and its money in minor units."""

    group: str
    subgroup: str | None
    name: str
    kind: str
    on: date
    net_minor: int
    tax_rate: int
    tax_minor: int


_GROUP_TITLES = {
    "subscription": "Subscription",
    "usage": "Usage",
    "device": "Device",
    "addons": "Add-ons",
    "credits": "Credits",
    "fees": "Fees",
}
_GROUP_RATES_MAX = {"subscription": 3, "device": 2, "addons": 5, "credits": 2, "fees": 1}
_PLANS = ("Mobile Plus 40", "Mobile Flex", "Fibre 200", "Fibre 500", "Home Phone", "Business Line", "5G Home")
_USAGE = {
    "Calls": ("Calls to mobile", "Calls to landline", "Calls abroad", "Service numbers"),
    "Data": ("Data in the country", "Data beyond the allowance", "Night data"),
    "Messages": ("Text messages", "Picture messages"),
    "Roaming": ("Roaming calls", "Roaming data", "Roaming messages"),
}
_RATE_NAMES = {
    "subscription": ("Monthly fee", "Speed option", "Second line"),
    "device": ("Device instalment", "Device insurance"),
    "addons": ("Music and books", "Television", "Cloud storage", "Security pack", "Static address"),
    "credits": ("Loyalty discount", "Credit for an outage"),
    "fees": ("Late payment fee",),
}


def _make_bill(market: Market, plan: _BillPlan, number: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The customerBill and its appliedCustomerBillingRate objects."""
    bill_no = str(7_104_003 + 7 * number)
    draw = Draw(f"{market.currency}/bill/{plan.account['account']}/{plan.issued}")
    product = draw.pick(_PLANS)
    rates = _fixed_rates(market, plan) if plan.fixed else _draw_rates(market, plan, draw)
    net, tax = sum(rate.net_minor for rate in rates), sum(rate.tax_minor for rate in rates)
    paid = _payments(market, plan, draw, net + tax, bill_no)
    left = net + tax - sum(minor for minor, _ in paid)
    month_before = plan.issued.replace(day=1) - timedelta(days=1)
    bill = {
        "id": f"CB-{bill_no}",
        "billNo": bill_no,
        "billDate": _instant(plan.issued),
        "paymentDueDate": _instant(plan.issued + timedelta(days=25)),
        "category": "normal",
        "runType": "offCycle" if plan.off_cycle else "onCycle",
        "state": "settled" if left == 0 else "partiallyPaid" if paid else "sent",
        "amountDue": market.amount(net + tax),
        "remainingAmount": market.amount(left),
        "taxExcludedAmount": market.amount(net),
        "taxIncludedAmount": market.amount(net + tax),
        "billingAccount": {
            "id": plan.account["account"],
            "name": plan.account["name"],
            "@referredType": "BillingAccount",
        },
        "relatedParty": [
            {
                "id": plan.account["customer"],
                "name": plan.account["name"],
                "role": "customer",
                "@referredType": "Customer",
            }
        ],
        "billingPeriod": {
            "startDateTime": _instant(month_before.replace(day=plan.issued.day)),
            "endDateTime": _instant(plan.issued),
        },
        "taxItem": _tax_items(market, rates),
        "appliedPayment": [
            {"appliedAmount": market.amount(minor), "payment": {"id": payment_id}}
            for minor, payment_id in paid
        ],
        "billDocument": [{"id": f"DOC-{bill_no}", "name": f"Bill {bill_no}", "mimeType": "application/pdf"}],
        "billSummaryLine": _summary_lines(market, rates, product, bill_no),
        "@type": "CustomerBill",
    }
    return bill, [
        _rate_object(market, rate, product, bill_no, place) for place, rate in enumerate(rates, start=1)
    ]


def _instant(day: date) -> str:
    return f"{day.isoformat()}T00:00:00Z"


def _rate(market: Market, fixed: _FixedRate, on: date) -> _Rate:
    kinds = {"credits": "appliedBillingCredit", "fees": "appliedPenaltyCharge"}
    return _Rate(
        group=fixed.group,
        subgroup=next((kind for kind, names in _USAGE.items() if fixed.name in names), None),
        name=fixed.name,
        kind=kinds.get(fixed.group, "appliedBillingCharge"),
        on=on,
        net_minor=fixed.net_minor,
        tax_rate=fixed.tax_rate,
        tax_minor=market.tax_minor(fixed.net_minor, fixed.tax_rate),
    )


def _fixed_rates(market: Market, plan: _BillPlan) -> list[_Rate]:
    return [_rate(market, fixed, plan.issued - timedelta(days=1)) for fixed in plan.fixed or ()]


def _draw_rates(market: Market, plan: _BillPlan, draw: Draw) -> list[_Rate]:
    """As many rates as planned, on two to six top lines: a subscription and usage always, the others by chance."""
    others = ["device", "addons", "credits", "fees"]
    while len(others) > max(0, min(4, plan.rates - 2)) or (others and draw.chance(45)):
        others.pop(draw.below(len(others)))
    counts = {"subscription": 1, "usage": 1} | dict.fromkeys(others, 1)
    for _ in range(plan.rates - len(counts)):
        group = draw.pick(("usage", "usage", *counts))
        if counts[group] >= _GROUP_RATES_MAX.get(group, plan.rates):
            group = "usage"
        counts[group] += 1
    fee_minor = draw.pick(market.fees_minor)
    return [
        _rate(
            market,
            _draw_one(market, draw, group, place, fee_minor),
            plan.issued - timedelta(days=draw.between(1, 28)),
        )
        for group in _GROUP_TITLES
        for place in range(counts.get(group, 0))
    ]


def _draw_one(market: Market, draw: Draw, group: str, place: int, fee_minor: int) -> _FixedRate:
    """One rate. What is taxed is a multiple of the step whose tax has no fraction of the smallest coin."""

    def in_steps(minor: int) -> int:
        return max(1, minor // market.net_step_minor) * market.net_step_minor

    standard = market.tax_standard
    match group:
        case "subscription":
            share = (10, 3, 4)[place]
            return _FixedRate(group, _RATE_NAMES[group][place], in_steps(fee_minor * share // 10), standard)
        case "usage":
            name = draw.pick(_USAGE[draw.pick(list(_USAGE))])
            return _FixedRate(group, name, in_steps(draw.between(1, market.usage_minor_max)), standard)
        case "device":
            minor = draw.pick(market.instalments_minor) // (place * 4 + 1)
            return _FixedRate(group, _RATE_NAMES[group][place], minor - minor % 5, 0)
        case "addons":
            tax_rate = market.tax_reduced if place == 0 else standard
            return _FixedRate(group, _RATE_NAMES[group][place], draw.pick(market.addons_minor), tax_rate)
        case "credits":
            credit = in_steps(fee_minor * draw.between(5, 20) // 100)
            return _FixedRate(group, _RATE_NAMES[group][place], -credit, standard)
        case _:
            return _FixedRate(group, _RATE_NAMES[group][place], market.addons_minor[2], 0)


def _payments(
    market: Market, plan: _BillPlan, draw: Draw, due_minor: int, bill_no: str
) -> list[tuple[int, str]]:
    """What was paid on the bill so far, in amounts that cash can pay where the bill can."""
    if plan.paid == "nothing":
        return []
    paid = due_minor
    if plan.paid == "part":
        share = due_minor * draw.between(25, 75) // 100
        paid = max(share - share % 5, 1)
    first = paid // 2 - paid // 2 % 5
    if plan.paid == "all" and first and draw.chance(12):
        return [(first, f"PAY-{bill_no}-1"), (paid - first, f"PAY-{bill_no}-2")]
    return [(paid, f"PAY-{bill_no}-1")]


def _tax_items(market: Market, rates: Sequence[_Rate]) -> list[dict[str, Any]]:
    by_rate: dict[int, int] = {}
    for rate in rates:
        by_rate[rate.tax_rate] = by_rate.get(rate.tax_rate, 0) + rate.tax_minor
    return [_tax(market, tax_rate, minor) for tax_rate, minor in sorted(by_rate.items(), reverse=True)]


def _tax(market: Market, tax_rate: int, minor: int) -> dict[str, Any]:
    return {"taxCategory": "VAT", "taxRate": Decimal(tax_rate), "taxAmount": market.amount(minor)}


def _summary_lines(
    market: Market, rates: Sequence[_Rate], product: str, bill_no: str
) -> list[dict[str, Any]]:
    """A top line for each group; usage of more than one kind nests, the kinds below their parent."""
    lines: list[dict[str, Any]] = []

    def add(name: str, group_kind: str, members: Sequence[int], *, parent: str | None, leaf: bool) -> str:
        line_id = f"{bill_no}-L{len(lines) + 1}"
        net = sum(rates[place].net_minor for place in members)
        tax = sum(rates[place].tax_minor for place in members)
        line: dict[str, Any] = {
            "id": line_id,
            "name": name,
            "groupKind": group_kind,
            "@type": "BillSummaryLine",
            "taxExcludedAmount": market.amount(net),
            "taxAmount": market.amount(tax),
            "taxIncludedAmount": market.amount(net + tax),
        }
        if group_kind == "product":
            line["product"] = _product(product)
        if parent is not None:
            line["parentLine"] = {"id": parent}
        line["appliedCustomerBillingRate"] = [
            {"id": _rate_id(bill_no, place + 1)} for place in (members if leaf else ())
        ]
        lines.append(line)
        return line_id

    for group, title in _GROUP_TITLES.items():
        own = [place for place, rate in enumerate(rates) if rate.group == group]
        kinds = list(dict.fromkeys(str(rates[place].subgroup) for place in own))
        if not own:
            continue
        if group != "usage" or len(kinds) == 1:
            is_product = group == "subscription"
            add(
                product if is_product else title,
                "product" if is_product else group,
                own,
                parent=None,
                leaf=True,
            )
            continue
        parent = add(title, group, own, parent=None, leaf=False)
        for kind in kinds:
            below = [place for place in own if rates[place].subgroup == kind]
            add(kind, "usageKind", below, parent=parent, leaf=True)
    return lines


def _product(name: str) -> dict[str, Any]:
    return {"id": "PR-" + name.upper().replace(" ", "-"), "name": name}


def _rate_id(bill_no: str, place: int) -> str:
    return f"R-{bill_no}-{place:02d}"


def _rate_object(market: Market, rate: _Rate, product: str, bill_no: str, place: int) -> dict[str, Any]:
    of_group = product if rate.group in ("subscription", "usage") else rate.name
    made: dict[str, Any] = {
        "id": _rate_id(bill_no, place),
        "date": _instant(rate.on),
        "name": rate.name,
        "type": rate.kind,
        "isBilled": True,
        "bill": {"id": f"CB-{bill_no}", "@referredType": "CustomerBill"},
        "product": _product(of_group),
    }
    if rate.name == "Monthly fee":
        until = rate.on + timedelta(days=30)
        made["periodCoverage"] = {"startDateTime": _instant(rate.on), "endDateTime": _instant(until)}
    return made | {
        "taxExcludedAmount": market.amount(rate.net_minor),
        "taxIncludedAmount": market.amount(rate.net_minor + rate.tax_minor),
        "appliedTax": [_tax(market, rate.tax_rate, rate.tax_minor)],
        "@type": "AppliedCustomerBillingRate",
    }


UNBILLED_ACCOUNTS = 20
"""So many of the first subscribers have used something since their last bill."""


def _unbilled_rates(
    market: Market, accounts: Sequence[Mapping[str, Any]], as_of: date
) -> list[dict[str, Any]]:
    """What the next bill, or one on demand, will hold: two charges of the friendly customer's bills for each."""
    made: list[dict[str, Any]] = []
    charges = [fixed for fixed in market.friendly[0] if fixed.group == "usage"][:2]
    for account in accounts:
        for place, fixed in enumerate(charges, start=1):
            rate = _rate(market, fixed, as_of - timedelta(days=place))
            told = _rate_object(market, rate, rate.name, "", place)
            del told["bill"]
            made.append(
                told
                | {
                    "id": f"R-NEXT-{account['account']}-{place}",
                    "isBilled": False,
                    "billingAccount": {"id": account["account"], "@referredType": "BillingAccount"},
                }
            )
    return made


def _bill_cycles(as_of: date) -> list[dict[str, Any]]:
    """The runs on the first and the fifteenth of the month of ``as_of``."""
    cycles = []
    for day in (1, 15):
        billed = as_of.replace(day=day)
        cycles.append(
            {
                "id": f"CYCLE-{billed.year}-{billed.month:02d}-{day:02d}",
                "name": f"Billing of {billed.isoformat()}",
                "billingPeriod": f"{billed:%Y-%m}",
                "billingDate": _instant(billed),
                "creditDate": _instant(billed - timedelta(days=1)),
                "mailingDate": _instant(billed + timedelta(days=2)),
                "paymentDueDate": _instant(billed + timedelta(days=25)),
                "@type": "BillCycle",
            }
        )
    return cycles


# --- items and vouchers --------------------------------------------------------------------------------------

# Code, name, price in whole currency units, serial.
_ITEMS: tuple[tuple[str, str, int, Literal["iccid", "imei"] | None], ...] = (
    ("SIM-01", "Prepaid SIM card", 5, "iccid"),
    ("SIM-02", "Data SIM card", 8, "iccid"),
    ("SIM-03", "Replacement SIM card", 2, "iccid"),
    ("PHN-01", "Smartphone 128 GB", 65, "imei"),
    ("PHN-02", "Smartphone 512 GB", 180, "imei"),
    ("PHN-03", "Feature phone", 12, "imei"),
    ("RTR-01", "Fibre router", 25, None),
    ("RTR-02", "5G router", 75, "imei"),
    ("PPD-05", "Prepaid card 5", 5, None),
    ("PPD-10", "Prepaid card 10", 10, None),
    ("PPD-20", "Prepaid card 20", 20, None),
    ("ACC-01", "USB-C charger", 6, None),
)


def _make_items(market: Market) -> list[dict[str, Any]]:
    return [
        {
            "item": code,
            "name": name,
            "price": market.plain(units),
            "currency": market.currency.code,
            "tax_category": "VAT",
            "tax_rate": str(market.tax_standard),
            "serial": serial,
            "ean": ean13(f"{market.ean_stem}{place:03d}"),
        }
        for place, (code, name, units, serial) in enumerate(_ITEMS, start=1)
    ]


_VOUCHER_SIGNS = "ACDEFHJKMNPQRTUVWXY34679"
_ISSUERS = ("City Gifts", "Bonus & Co", "Al Bahr Stores")


def _make_vouchers(market: Market, as_of: date) -> list[dict[str, Any]]:
    """Twelve internal ones (three bound to an account, one expired) and eight of third parties."""
    draw = Draw(f"{market.currency}/vouchers")
    vouchers = []
    for place in range(20):
        internal = place < 12
        signs = "".join(draw.pick(_VOUCHER_SIGNS) for _ in range(8))
        days_left = -21 if place == 11 else draw.between(60, 400)
        vouchers.append(
            {
                "code": f"{'LOY' if internal else 'EXT'}-{signs[:4]}-{signs[4:]}",
                "issuer": "internal" if internal else _ISSUERS[place % len(_ISSUERS)],
                "value": market.plain(draw.pick((5, 5, 10, 20))),
                "currency": market.currency.code,
                "expires": (as_of + timedelta(days=days_left)).isoformat(),
                "account": f"BA-{1001 + place}" if place < 3 else None,
            }
        )
    return vouchers


# --- the committed files -------------------------------------------------------------------------------------


def sample_text(sample: Mapping[str, Any]) -> str:
    """The fixture as a file: one array element a line, numbers with the digits they have, every script as it is."""
    parts = []
    for key, value in sample.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            rows = ",\n".join(_line(row) for row in value)
            parts.append(f"{_line(key)}: [\n{rows}\n]")
        else:
            parts.append(f"{_line(key)}: {_line(value)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _line(value: object) -> str:
    return wire_json.dumps(value).decode()


def sample_path(currency: SampleCurrency) -> Path:
    """Where the committed sample of that currency stands in the checkout."""
    return Path(__file__).resolve().parent.parent / "config" / "sample" / f"fixture-{currency.lower()}.json"


def main(arguments: Sequence[str]) -> int:
    """Write the committed samples, or with ``--check`` say which of them is not what would be written (exit 1)."""
    if list(arguments) not in ([], ["--check"]):
        sys.stderr.write("usage: python -m pos.sample [--check]\n")
        return 2
    stale = []
    for code in _MARKETS:
        path, text = sample_path(code), sample_text(make_sample(code))
        if not arguments:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        elif not path.exists() or path.read_bytes() != text.encode():
            stale.append(path)
    for path in stale:
        sys.stderr.write(f"{path} is not what the generator makes: run python -m pos.sample\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
