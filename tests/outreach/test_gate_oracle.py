"""SQL equals oracle: whatever happened before, wherever the borrower may be, before and after the clocks change."""

from datetime import UTC, date, datetime, timedelta
from itertools import count

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from backoffice.calendars.domain.working_days import WEEKEND, closed_because
from backoffice.core.actors import SYSTEM
from backoffice.customers.domain.places import zones_of_country
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.compiling import PacksInForce
from backoffice.outreach.domain.dispositions import CODES
from backoffice.outreach.domain.packs import Pack, Rule
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.domain.verdicts import Reserved, Wanted
from backoffice.outreach.selectors.gate import judge, may_contact
from backoffice.outreach.services.gate import reserve_contact
from tests.outreach.people import CALLABLE, store
from tests.outreach.reached import reserved_by
from tests.outreach.slow_gate import Asked, Past, Person, Wish, Word, denied_by

pytestmark = pytest.mark.django_db

# Clocks change on 8 March and 1 November 2026 in the US, on 29 March and 25 October in Europe.
CHANGES = [
    datetime(2026, 3, 8, 10, tzinfo=UTC),
    datetime(2026, 3, 29, 1, tzinfo=UTC),
    datetime(2026, 11, 1, 9, tzinfo=UTC),
]
ZONES = ["America/New_York", "America/Los_Angeles", "Europe/London", "Asia/Shanghai", "Pacific/Apia", "Asia/Kolkata"]
SCOPES = ["first_party", "third_party"]
names = count()

instants = st.builds(
    lambda change, minutes, seconds: change + timedelta(minutes=minutes, seconds=seconds),
    st.sampled_from(CHANGES),
    st.integers(-9 * 1440, 3 * 1440),
    st.integers(0, 59),
)


def some(values: list[str]) -> st.SearchStrategy[frozenset[str]]:
    return st.frozensets(st.sampled_from(values), min_size=1)


channels = st.frozensets(st.sampled_from(CALLABLE), min_size=1)
purposes = st.frozensets(st.sampled_from([Purpose.COLLECTION, Purpose.MARKETING, Purpose.REPLY]), min_size=1)


@st.composite
def rules(draw: st.DrawFn, number: int) -> Rule:
    kind = draw(st.sampled_from(["hours", "cap", "cap", "quiet", "consent", "forbid"]))
    start = draw(st.integers(0, 1439))
    fields: dict[str, object] = {}
    if kind == "hours":
        fields = {
            "from_minute": start,
            "to_minute": draw(st.integers(start + 1, 1440)),
            "days": draw(st.frozensets(st.integers(1, 7), min_size=1)),
            "holidays": draw(st.sampled_from(["open", "closed"])),
        }
    elif kind == "cap":
        is_days = draw(st.booleans())
        fields = {
            "limit": draw(st.integers(1, 3)),
            "per": draw(st.sampled_from(["person", "debt", "number"])),
            "counts": draw(st.sampled_from(["attempt", "call", "unanswered", "conversation", "message"])),
            "days_window": draw(st.integers(1, 9)) if is_days else None,
            "minutes_window": None if is_days else draw(st.integers(1, 4000)),
        }
    elif kind == "quiet":
        fields = {
            "after": "conversation",
            "per": draw(st.sampled_from(["person", "debt"])),
            "quiet_days": draw(st.integers(1, 9)),
        }
    elif kind == "consent":
        fields = {"needs": "consent", "within_days": draw(st.none() | st.integers(1, 9))}
    return Rule(
        id=f"law.{number}.{kind}",
        kind=kind,
        channels=draw(channels),
        purposes=draw(purposes),
        actor_scopes=draw(some(SCOPES)),
        parties=frozenset({"borrower"}),
        counted_purposes=draw(st.just(frozenset()) | purposes),
        excepts=draw(st.frozensets(st.sampled_from(["callback", "consent", "reply"]))),
        source="law",
        confidence="A",
        effective_from=date(2020, 1, 1),
        en="",
        zh="",
        **fields,  # type: ignore[arg-type]
    )


@st.composite
def packs(draw: st.DrawFn, code: str, countries: frozenset[str], *, default: bool) -> Pack:
    amount = draw(st.integers(0, 4))
    return Pack(
        code=code,
        title=code,
        title_zh=code,
        countries=countries,
        default=default,
        read=(),
        read_zh=(),
        not_read=(),
        not_read_zh=(),
        rules=tuple(draw(rules(number)) for number in range(amount)),
        vectors=(),
    )


pasts = st.builds(
    Past,
    at=instants,
    channel=st.sampled_from(CALLABLE),
    purpose=st.sampled_from([Purpose.COLLECTION, Purpose.MARKETING, Purpose.REPLY]),
    direction=st.sampled_from(["out", "out", "in"]),
    scope=st.sampled_from(SCOPES),
    number=st.none() | st.integers(1, 2),
    loans=st.sampled_from([(), (1,), (2,), (1, 2)]),
    codes=st.lists(st.sampled_from(sorted(CODES)), max_size=2).map(tuple),
)
words = st.builds(
    lambda kind, at, channel, number, scope, start, length: Word(
        kind,
        at,
        channel,
        number,
        scope if kind in ("opt_out", "opt_in") else "",
        start if kind == "callback" else None,
        start + timedelta(minutes=length) if kind == "callback" else None,
    ),
    st.sampled_from(["consent", "callback", "revoked", "opt_out", "opt_in"]),
    instants,
    st.sampled_from(["", "call", "sms"]),
    st.none() | st.integers(1, 2),
    st.sampled_from(["", "marketing"]),
    instants,
    st.integers(1, 5000),
)
wishes = st.builds(
    lambda kind, channel, days, start, length: Wish(kind, channel, days, start, min(1440, start + length)),
    st.sampled_from(["only", "never"]),
    st.sampled_from(["", "call"]),
    st.frozensets(st.integers(1, 7), min_size=1),
    st.integers(0, 1439),
    st.integers(1, 900),
)


@st.composite
def people(draw: st.DrawFn) -> Person:
    country = draw(st.sampled_from(["US", "CN", "GB", ""]))
    return Person(
        country=country,
        evidence=draw(st.lists(some(ZONES), max_size=3)),
        country_zones=frozenset(zones_of_country(country)),
        past=draw(st.lists(pasts, max_size=8)),
        words=draw(st.lists(words, max_size=4)),
        wishes=draw(st.lists(wishes, max_size=2)),
    )


DAYS = [date(2026, 2, 8) + timedelta(days=offset) for offset in range(330)]
HOLIDAYS = {
    country: {day for day in DAYS if closed_because(calendar=country, day=day) not in ("", WEEKEND)}
    for country in ("US", "CN", "GB")
}


@settings(max_examples=120)
@given(
    person=people(),
    local=packs("local", frozenset({"US"}), default=False),
    usual=packs("usual", frozenset(), default=True),
    house=packs("house", frozenset({"*"}), default=False),
    asked=st.builds(
        Asked,
        at=instants,
        channel=st.sampled_from(CALLABLE),
        purpose=st.sampled_from([Purpose.COLLECTION, Purpose.MARKETING, Purpose.REPLY]),
        scope=st.sampled_from(SCOPES),
        number=st.integers(1, 2),
        loan=st.none() | st.integers(1, 2),
    ),
)
def test_the_gate_answers_as_the_slow_one_does(
    person: Person, local: Pack, usual: Pack, house: Pack, asked: Asked
) -> None:
    in_force = [
        Pack(**{name: getattr(pack, name) for name in pack.__slots__} | {"rules": tuple(_named(pack))})
        for pack in (local, usual, house)
    ]
    with transaction.atomic():
        borrower, points = store(person, name=f"law {next(names)}")
        wanted = Wanted(
            borrower_id=borrower.pk,
            channel=asked.channel,
            purpose=asked.purpose,
            at=asked.at,
            endpoint_id=points[asked.number or 0],
            loan_id=asked.loan,
            actor_scope=asked.scope,  # type: ignore[arg-type]
        )
        together = PacksInForce(versions=(("law", 1),), packs=tuple(in_force))
        verdict = judge(wanted=[wanted], packs=together)[0]
        expected = denied_by(person, asked, in_force, holidays=HOLIDAYS)
        assert {denial.rule for denial in verdict.denials} == expected

        found = may_contact(wanted=wanted, packs=together).next_permitted_at
        if found is not None:
            then = Asked(found, asked.channel, asked.purpose, asked.scope, asked.number, asked.loan)
            assert denied_by(person, then, in_force, holidays=HOLIDAYS) == set()

        # What decides and records in one call has parts left out of it, by what is known of the person.
        with pytest.MonkeyPatch.context() as monkeypatch:
            reserved_by(monkeypatch, together)
            answer = reserve_contact(wanted=wanted, actor=SYSTEM)
        denied = () if isinstance(answer, Reserved) else answer.denials
        assert {denial.rule for denial in denied} == expected
        assert isinstance(answer, Reserved) == (not expected)
        transaction.set_rollback(True)


def _named(pack: Pack) -> list[Rule]:
    return [
        Rule(**{name: getattr(rule, name) for name in rule.__slots__} | {"id": f"{pack.code}.{rule.id}"})
        for rule in pack.rules
    ]


def test_channels_tried_here_go_to_a_phone() -> None:
    assert {Channel.CALL, Channel.BOT, Channel.SMS} == set(CALLABLE)
