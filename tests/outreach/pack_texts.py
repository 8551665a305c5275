"""A small pack to publish in tests, and how it is changed."""

COMMON = """channels = ["call"]
purposes = ["collection"]
actor_scopes = ["*"]
parties = ["borrower"]
source = "own policy"
confidence = "policy"
effective_from = 2000-01-01
"""

KENYA = f"""code = "ke"
title = "Kenya"
title_zh = "肯尼亚"
countries = ["KE"]
read = ["Nothing but this test"]
read_zh = ["仅本测试"]
not_read = []

[[rules]]
id = "ke.hours"
kind = "hours"
from = "08:00"
to = "20:00"
{COMMON}en = "Only in the day."
zh = "仅限白天。"

[[rules]]
id = "ke.attempts"
kind = "cap"
limit = 3
per = "person"
counts = "attempt"
days = 1
{COMMON}en = "Three a day."
zh = "每天三次。"

[[vectors]]
name = "too early"
name_zh = "过早"
country = "KE"
zones = ["Africa/Nairobi"]
at = 2026-03-11T07:59:00+03:00
channel = "call"
purpose = "collection"
expect = ["ke.hours"]

[[vectors]]
name = "the third attempt"
name_zh = "第三次"
country = "KE"
zones = ["Africa/Nairobi"]
at = 2026-03-11T15:00:00+03:00
channel = "call"
purpose = "collection"
history = [
    {{at = 2026-03-11T09:00:00+03:00, channel = "call", code = "T-NA"}},
    {{at = 2026-03-11T11:00:00+03:00, channel = "call", code = "T-NA"}},
]
expect = []

[[vectors]]
name = "the fourth attempt"
name_zh = "第四次"
country = "KE"
zones = ["Africa/Nairobi"]
at = 2026-03-11T15:00:00+03:00
channel = "call"
purpose = "collection"
history = [
    {{at = 2026-03-11T09:00:00+03:00, channel = "call", code = "T-NA"}},
    {{at = 2026-03-11T11:00:00+03:00, channel = "call", code = "T-NA"}},
    {{at = 2026-03-11T13:00:00+03:00, channel = "call", code = "T-NA"}},
]
expect = ["ke.attempts"]
"""

WIDER = KENYA.replace('to = "20:00"', 'to = "21:00"')
"""Says something else, and its vectors still pass."""

STRICTER = KENYA.replace("limit = 3", "limit = 2")
"""The vector of the third attempt fails."""


def stricter_and_shown() -> str:
    """Two attempts a day, and vectors that say so."""
    third = KENYA.index('name = "the third attempt"')
    return STRICTER[:third] + STRICTER[third:].replace("expect = []", 'expect = ["ke.attempts"]')
