"""The gate itself: the regulations' own examples through the real statement, caps under many callers, and the chain."""

import json

import pytest

from backoffice.customers.models import Borrower
from backoffice.outreach.domain.compiling import PacksInForce
from backoffice.outreach.domain.packs import parse
from backoffice.outreach.services.vectors import run_vectors

pytestmark = pytest.mark.django_db

PACK = """
code = "us_reg_f"
title = "Regulation F"
title_zh = "F 条例"
countries = ["US"]
read = ["12 CFR 1006"]
not_read = ["state law"]

[[rules]]
id = "us_reg_f.hours"
kind = "hours"
channels = ["call", "sms"]
purposes = ["collection"]
actor_scopes = ["third_party"]
parties = ["borrower"]
from = "08:00"
to = "21:00"
days = [1, 2, 3, 4, 5, 6, 7]
holidays = "open"
excepts = ["callback"]
source = "1006.6(b)(1)"
confidence = "A"
effective_from = 2021-11-30
en = "From 08:00 to 21:00 at the borrower's place."
zh = "借款人所在地 08:00 至 21:00。"

[[rules]]
id = "us_reg_f.seven"
kind = "cap"
channels = ["call"]
purposes = ["collection"]
actor_scopes = ["third_party"]
parties = ["borrower"]
limit = 7
per = "debt"
counts = "call"
days = 7
source = "1006.14(b)(2)(i)"
confidence = "A"
effective_from = 2021-11-30
en = "Seven calls in seven days."
zh = "七天七次。"

[[rules]]
id = "us_reg_f.quiet"
kind = "quiet"
channels = ["call"]
purposes = ["collection"]
actor_scopes = ["third_party"]
parties = ["borrower"]
after = "conversation"
per = "debt"
days = 7
source = "1006.14(b)(2)(i)"
confidence = "A"
effective_from = 2021-11-30
en = "Seven days of quiet after a conversation."
zh = "通话后七天静默。"
"""


def in_force() -> PacksInForce:
    """That pack alone."""
    return PacksInForce(versions=(("us_reg_f", 1),), packs=(parse(PACK),))


EAST, WEST = "America/New_York", "America/Los_Angeles"
APRIL = [(f"2026-04-0{day}T10:00:00-04:00", "T-NA") for day in range(1, 8)]
TALKED = [("2026-08-13T10:00:00-04:00", "R-INF")]
CALLED_US = [("2026-08-13T10:00:00-04:00", "I-INF")]

# When a call is wanted, what was before, where the person may be, which rules deny it.
EXAMPLES = [
    ("2026-04-07T11:00:00-04:00", APRIL, [EAST], ["us_reg_f.seven"]),
    ("2026-04-08T08:00:00-04:00", APRIL, [EAST], []),
    ("2026-08-19T10:00:00-04:00", TALKED, [EAST], ["us_reg_f.quiet"]),
    ("2026-08-20T10:00:00-04:00", TALKED, [EAST], []),
    ("2026-08-19T10:00:00-04:00", CALLED_US, [EAST], ["us_reg_f.quiet"]),
    ("2026-08-20T10:00:00-04:00", CALLED_US, [EAST], []),
    ("2026-08-20T10:59:59-04:00", [], [EAST, WEST], ["us_reg_f.hours"]),
    ("2026-08-20T11:00:00-04:00", [], [EAST, WEST], []),
    ("2026-08-20T20:59:59-04:00", [], [EAST, WEST], []),
    ("2026-08-20T21:00:00-04:00", [], [EAST, WEST], ["us_reg_f.hours"]),
]


def vector(number: int, at: str, history: list[tuple[str, str]], zones: list[str], expect: list[str]) -> str:
    past = ", ".join(
        f'{{at = {when}, channel = "call", code = "{code}", purpose = "collection", actor_scope = "third_party", '
        f'direction = "{"in" if code.startswith("I-") else "out"}"}}'
        for when, code in history
    )
    return f"""
[[vectors]]
name = "example {number}"
name_zh = "例 {number}"
country = "US"
zones = {json.dumps(zones)}
at = {at}
channel = "call"
purpose = "collection"
actor_scope = "third_party"
history = [{past}]
expect = {json.dumps(expect)}
"""


def test_the_regulations_own_examples() -> None:
    pack = parse(PACK + "".join(vector(number, *example) for number, example in enumerate(EXAMPLES)))

    results = run_vectors(pack=pack)

    assert [sorted(result.denied_by) for result in results] == [expect for *_, expect in EXAMPLES]
    assert not Borrower.objects.exists()
