"""Made-up people: names nobody bears by intent, numbers of valid form that were never issued.

Chinese mobile numbers are +86 192 0000 NNNN (a valid prefix, an empty block), identity numbers carry the sequence 000,
which is never issued, e-mail ends in .example. Nothing is sent to any of them by a demo: the gateways are a sandbox.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from stdnum.cn import ric

MOST_PEOPLE = 10_000
FAMILY_ZH = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦许何吕张孔曹严华金魏陶姜"
GIVEN_ZH = "春夏秋冬晨暮晴雨雪霜松竹梅兰荷菊桐杉云霞山川江湖星月朝夕青蓝"
FAMILY_EN = (
    "Alder",
    "Ashwood",
    "Birchall",
    "Brook",
    "Cedarly",
    "Clover",
    "Copper",
    "Dale",
    "Elmwood",
    "Fern",
    "Garnet",
    "Hazelden",
    "Heath",
    "Juniper",
    "Larch",
    "Maplewood",
    "Marlstone",
    "Oakes",
    "Pebble",
    "Ridge",
    "Rowan",
    "Slate",
    "Thistle",
    "Willowby",
)
GIVEN_EN = (
    "Amber",
    "April",
    "Aurora",
    "Basil",
    "Celeste",
    "Cliff",
    "Coral",
    "Dawn",
    "Flint",
    "Flora",
    "Forrest",
    "Gale",
    "Hazel",
    "Iris",
    "Jasper",
    "Linden",
    "Marina",
    "May",
    "Opal",
    "Pearl",
    "Robin",
    "Ruby",
    "Sky",
    "Willow",
)
# Districts whose code existed in every year of birth drawn here: Beijing, Shanghai, Tianjin.
REGIONS = ("110101", "310101", "120101")
ENGLISH_IN_A_HUNDRED = 20
EMAIL_IN_A_HUNDRED = 60


@dataclass(frozen=True, slots=True)
class Person:
    """One made-up borrower."""

    id: str
    family_name: str
    given_name: str
    full_name: str
    identity_number: str
    birth_year: int
    language: str
    phone: str
    email: str


def make_person(random: Random, *, number: int, year: int) -> Person:
    """The person with that number (1 to 10,000); 20 to 59 years old in `year`."""
    if not 1 <= number <= MOST_PEOPLE:
        msg = f"people are numbered 1 to {MOST_PEOPLE}"
        raise ValueError(msg)
    birth = date(year - random.randint(20, 59), 1, 1) + timedelta(days=random.randrange(365))
    is_english = random.randrange(100) < ENGLISH_IN_A_HUNDRED
    if is_english:
        family, given = random.choice(FAMILY_EN), random.choice(GIVEN_EN)
        full = f"{given} {family}"
    else:
        family, given = random.choice(FAMILY_ZH), "".join(random.sample(GIVEN_ZH, 2))
        full = family + given
    return Person(
        id=f"demo-{number:05d}",
        family_name=family,
        given_name=given,
        full_name=full,
        identity_number=_identity(random.choice(REGIONS), birth),
        birth_year=birth.year,
        language="en" if is_english else "zh-Hans",
        phone=f"+86192{number - 1:08d}",
        email=f"demo{number:05d}@people.example" if random.randrange(100) < EMAIL_IN_A_HUNDRED else "",
    )


def _identity(region: str, birth: date) -> str:
    head = f"{region}{birth:%Y%m%d}000"
    return head + ric.calc_check_digit(head + "0")
