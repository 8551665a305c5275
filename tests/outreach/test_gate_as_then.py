"""A contact of the past is judged as things stood before it, whatever became known, was said or merged since."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import count

import pytest
from django.db import transaction
from django.db.backends.postgresql.psycopg_any import DateRange
from hypothesis import given, settings
from hypothesis import strategies as st

from backoffice.calendars import clock
from backoffice.core.actors import SYSTEM
from backoffice.customers.domain.places import zones_of_country
from backoffice.customers.fields import seal_of
from backoffice.customers.models import Borrower, ContactPoint, Hold, Merge
from backoffice.customers.services import merging
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.compiling import PacksInForce
from backoffice.outreach.domain.packs import Pack
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.domain.verdicts import Verdict, Wanted
from backoffice.outreach.models import ConsentEntry, PreferenceEntry
from backoffice.outreach.selectors.gate import judge
from backoffice.outreach.services import gate
from tests.outreach.people import CALLABLE, phone_of, store
from tests.outreach.slow_gate import Asked, Person, Wish, Word, denied_by
from tests.outreach.test_gate_oracle import HOLIDAYS, SCOPES, ZONES, instants, packs, people, some, wishes, words
from tests.outreach.test_services_gate import in_force

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 4, 8, 16, tzinfo=UTC)  # twelve in New York, eighteen in Prague
HOUR = timedelta(hours=1)
names = count()


@pytest.fixture
def borrower() -> Borrower:
    return known_since(NOON - timedelta(days=30), external_id="B-1", country="US")


@pytest.fixture
def phone(borrower: Borrower) -> ContactPoint:
    return point(borrower, "America/New_York", since=NOON - timedelta(days=20))


def known_since(instant: datetime, **fields: str) -> Borrower:
    made = Borrower.objects.create(source="then", portfolio="cash", **fields)
    Borrower.objects.filter(pk=made.pk).update(created_at=instant)
    return made


def point(borrower: Borrower, *zones: str, since: datetime) -> ContactPoint:
    made = phone_of(borrower, zones=zones)
    ContactPoint.objects.filter(pk=made.pk).update(created_at=since)
    return made


def a_call(borrower: Borrower, endpoint: ContactPoint, at: datetime = NOON) -> Wanted:
    return Wanted(
        borrower_id=borrower.pk,
        channel=Channel.CALL,
        purpose=Purpose.COLLECTION,
        at=at,
        endpoint_id=endpoint.pk,
        loan_id=1,
        actor_scope="third_party",
    )


def written(wanted: Wanted) -> int:
    """The contact as it stands in the log."""
    return gate.log_contact(
        borrower_id=wanted.borrower_id,
        channel=wanted.channel,
        purpose=wanted.purpose,
        direction="out",
        at=wanted.at,
        actor=SYSTEM,
        endpoint_id=wanted.endpoint_id,
        loan_ids=[wanted.loan_id] if wanted.loan_id else [],
        actor_scope=wanted.actor_scope,
    )


def replayed(wanted: Wanted, entry_id: int, together: PacksInForce | None = None) -> Verdict:
    return judge(wanted=[wanted], packs=together or in_force(), before=[entry_id])[0]


def rules_of(verdict: Verdict) -> list[str]:
    return [denial.rule for denial in verdict.denials]


def test_a_number_added_since_does_not_tell_where_they_were(borrower: Borrower, phone: ContactPoint) -> None:
    entry_id = written(a_call(borrower, phone))
    point(borrower, "Asia/Shanghai", since=NOON + timedelta(minutes=10))
    point(borrower, "Pacific/Apia", since=NOON + HOUR)

    assert rules_of(replayed(a_call(borrower, phone), entry_id)) == []
    assert "us_reg_f.hours" in rules_of(judge(wanted=[a_call(borrower, phone)], packs=in_force())[0])


def test_a_number_known_by_then_and_ended_since_tells_it_still(borrower: Borrower, phone: ContactPoint) -> None:
    abroad = point(borrower, "Asia/Shanghai", since=NOON - HOUR)
    entry_id = written(a_call(borrower, phone))
    ContactPoint.objects.filter(pk=abroad.pk).update(ended_at=NOON + HOUR)

    verdict = replayed(a_call(borrower, phone), entry_id)

    assert rules_of(verdict) == ["us_reg_f.hours"]
    assert verdict.zones == ("America/New_York", "Asia/Shanghai")
    assert "us_reg_f.hours" not in rules_of(judge(wanted=[a_call(borrower, phone)], packs=in_force())[0])


def test_what_came_in_with_the_record_after_the_contact_counts_as_known() -> None:
    moved_over = known_since(NOON + timedelta(days=3), external_id="B-2", country="US")
    phone = point(moved_over, "America/New_York", since=NOON + timedelta(days=3, minutes=1))
    point(moved_over, "Asia/Shanghai", since=NOON + timedelta(days=3, minutes=1))
    entry_id = written(a_call(moved_over, phone))
    assert rules_of(replayed(a_call(moved_over, phone), entry_id)) == ["us_reg_f.hours"]


def test_a_number_that_does_not_work_any_more_was_good_to_call(borrower: Borrower, phone: ContactPoint) -> None:
    entry_id = written(a_call(borrower, phone))
    ContactPoint.objects.filter(pk=phone.pk).update(quality="bad")
    assert replayed(a_call(borrower, phone), entry_id).is_allowed


def test_an_opt_out_written_down_since_stopped_nothing(borrower: Borrower, phone: ContactPoint) -> None:
    entry_id = written(a_call(borrower, phone))
    said = {"borrower": borrower, "source": "call", "actor_name": "x", "at": NOON - timedelta(days=1)}
    ConsentEntry.objects.create(kind="opt_out", **said)
    assert replayed(a_call(borrower, phone), entry_id).is_allowed

    ConsentEntry.objects.create(kind="opt_out", recorded_at=clock.now() - HOUR, **said)
    assert rules_of(replayed(a_call(borrower, phone), entry_id)) == ["core.opt_out"]


def test_preferred_times_written_down_or_taken_back_since_change_nothing(
    borrower: Borrower, phone: ContactPoint
) -> None:
    entry_id = written(a_call(borrower, phone))
    said = {"borrower": borrower, "source": "call", "actor_name": "x", "at": NOON - timedelta(days=1)}
    never = {"kind": "never", "days": [1, 2, 3, 4, 5, 6, 7]}
    PreferenceEntry.objects.create(**never, **said)
    assert replayed(a_call(borrower, phone), entry_id).is_allowed

    known = PreferenceEntry.objects.create(recorded_at=clock.now() - HOUR, **never, **said)
    PreferenceEntry.objects.create(kind="ended", ends=known, **said)
    assert rules_of(replayed(a_call(borrower, phone), entry_id)) == ["core.preference"]


def held(borrower: Borrower, *, set_at: datetime, **fields: object) -> Hold:
    usual = {"scope": "calls", "reason": "dispute", "period": DateRange(date(2026, 4, 1), date(2026, 5, 1))}
    made = Hold.objects.create(borrower=borrower, set_by_name="x", planned_end=date(2026, 5, 1), **(usual | fields))
    Hold.objects.filter(pk=made.pk).update(set_at=set_at)
    return made


def test_a_hold_placed_since_stopped_nothing_and_one_lifted_since_did(borrower: Borrower, phone: ContactPoint) -> None:
    entry_id = written(a_call(borrower, phone))
    held(borrower, set_at=NOON + HOUR)
    assert replayed(a_call(borrower, phone), entry_id).is_allowed

    lifted = {"period": DateRange(date(2026, 4, 1), date(2026, 4, 8)), "lifted_by_name": "y"}
    then = held(borrower, set_at=NOON - timedelta(days=7), reason="complaint", lifted_at=NOON + HOUR, **lifted)
    assert rules_of(replayed(a_call(borrower, phone), entry_id)) == ["core.hold.complaint"]

    Hold.objects.filter(pk=then.pk).update(lifted_at=NOON - HOUR)
    assert replayed(a_call(borrower, phone), entry_id).is_allowed


def test_a_hold_of_which_lifting_left_nothing_invents_no_violation(borrower: Borrower, phone: ContactPoint) -> None:
    entry_id = written(a_call(borrower, phone))
    empty = {"period": DateRange(date(2026, 4, 8), date(2026, 4, 8)), "lifted_by_name": "y"}
    held(borrower, set_at=NOON - HOUR, lifted_at=NOON + HOUR, **empty)
    assert replayed(a_call(borrower, phone), entry_id).is_allowed


def merged(survivor: Borrower, absorbed: Borrower, *, at: datetime) -> Merge:
    for each in ContactPoint.objects.filter(borrower__in=[survivor, absorbed]):
        text = f"+1202555{each.pk % 10_000:04d}"
        ContactPoint.objects.filter(pk=each.pk).update(value=seal_of(ContactPoint, "value", text))
    merge_id = merging.merge(survivor_id=survivor.pk, absorbed_id=absorbed.pk, reason="one person", actor=SYSTEM)
    Merge.objects.filter(pk=merge_id).update(merged_at=at)
    return Merge.objects.get(pk=merge_id)


@pytest.fixture
def twin() -> tuple[Borrower, ContactPoint]:
    """Another record, in Shanghai; the people of the two records turn out to be one."""
    other = known_since(NOON - timedelta(days=30), external_id="B-3", country="CN")
    return other, point(other, "Asia/Shanghai", since=NOON - timedelta(days=20))


def test_a_record_merged_since_was_somebody_else(
    borrower: Borrower, phone: ContactPoint, twin: tuple[Borrower, ContactPoint]
) -> None:
    morning = NOON - 14 * HOUR  # ten in Shanghai
    ours, theirs = a_call(borrower, phone), a_call(*twin, at=morning)
    entries = written(ours), written(theirs)
    held(twin[0], set_at=NOON - timedelta(days=7))
    before = [rules_of(replayed(*each)) for each in zip((ours, theirs), entries, strict=True)]
    assert before == [[], ["core.hold.dispute"]]

    record = merged(borrower, twin[0], at=clock.now() + HOUR)
    assert [rules_of(replayed(*each)) for each in zip((ours, theirs), entries, strict=True)] == before

    merging.undo_merge(merge_id=record.pk, reason="two people", actor=SYSTEM)
    Merge.objects.filter(pk=record.pk).update(undone_at=clock.now() + 2 * HOUR)
    assert [rules_of(replayed(*each)) for each in zip((ours, theirs), entries, strict=True)] == before


def test_a_record_merged_by_then_and_parted_since_was_the_same_person(
    borrower: Borrower, phone: ContactPoint, twin: tuple[Borrower, ContactPoint]
) -> None:
    record = merged(borrower, twin[0], at=clock.now() - HOUR)
    entry_id, by_theirs = written(a_call(borrower, phone)), written(a_call(borrower, twin[1]))
    absorbed = written(a_call(*twin))
    merging.undo_merge(merge_id=record.pk, reason="two people", actor=SYSTEM)
    Merge.objects.filter(pk=record.pk).update(undone_at=clock.now() + HOUR)

    verdict = replayed(a_call(borrower, phone), entry_id)
    assert (rules_of(verdict), verdict.zones) == (["us_reg_f.hours"], ("America/New_York", "Asia/Shanghai"))
    assert "core.endpoint" not in rules_of(replayed(a_call(borrower, twin[1]), by_theirs))
    assert "core.borrower" in rules_of(replayed(a_call(*twin), absorbed))


def test_a_result_corrected_since_counts_as_it_stood(borrower: Borrower, phone: ContactPoint) -> None:
    first = written(a_call(borrower, phone, NOON - HOUR))
    gate.record_fact(entry_id=first, code="T-NA", actor=SYSTEM, at=NOON - HOUR)
    second = written(a_call(borrower, phone))
    gate.record_fact(entry_id=first, code="R-INF", kind="correction", actor=SYSTEM, at=NOON + HOUR)
    assert replayed(a_call(borrower, phone), second).is_allowed
    assert rules_of(judge(wanted=[a_call(borrower, phone)], packs=in_force())[0]) == ["us_reg_f.quiet"]


def test_a_result_recorded_since_counts_as_it_is_known_now(borrower: Borrower, phone: ContactPoint) -> None:
    first = written(a_call(borrower, phone, NOON - HOUR))
    second = written(a_call(borrower, phone))
    assert rules_of(replayed(a_call(borrower, phone), second)) == ["us_reg_f.quiet"]
    gate.record_fact(entry_id=first, code="T-NA", actor=SYSTEM, at=NOON + HOUR)
    assert replayed(a_call(borrower, phone), second).is_allowed


Since = Callable[[Borrower, dict[int, int], datetime], object]


def _a_point(zones: frozenset[str]) -> Since:
    return lambda borrower, _points, later: point(borrower, *sorted(zones), since=later)


def _a_word(word: Word) -> Since:
    return lambda borrower, points, later: ConsentEntry.objects.create(
        borrower=borrower,
        kind=word.kind,
        at=word.at,
        recorded_at=later,
        channel=word.channel,
        endpoint_id=points.get(word.number or 0),
        scope=word.scope,
        starts_at=word.starts_at,
        ends_at=word.ends_at,
        source="law",
        actor_name="x",
    )


def _a_wish(wish: Wish) -> Since:
    return lambda borrower, _points, later: PreferenceEntry.objects.create(
        borrower=borrower,
        kind=wish.kind,
        channel=wish.channel,
        days=sorted(wish.days),
        from_minute=wish.from_minute,
        to_minute=wish.to_minute,
        source="law",
        actor_name="x",
        at=datetime(2026, 1, 1, tzinfo=UTC),
        recorded_at=later,
    )


def _a_hold(scope: str) -> Since:
    period = DateRange(date(2026, 1, 1), None)

    def place(borrower: Borrower, _points: object, later: datetime) -> object:
        """One of a scope and reason at a time: a borrower held already is held as before."""
        same = Hold.objects.filter(borrower=borrower, scope=scope, reason="dispute", period__overlap=period).first()
        return same or held(borrower, set_at=later, scope=scope, period=period, review_on=date(2026, 6, 1))

    return place


def _a_merge(zones: frozenset[str]) -> Since:
    def merge(borrower: Borrower, _points: dict[int, int], later: datetime) -> None:
        other = Borrower.objects.create(external_id=f"twin {next(names)}", source="law", portfolio="law", country="CN")
        phone_of(other, zones=tuple(sorted(zones)))
        merged(borrower, other, at=later)

    return merge


def _merged_away(_zones: frozenset[str]) -> Since:
    def merge(borrower: Borrower, _points: dict[int, int], later: datetime) -> None:
        if Borrower.objects.filter(pk=borrower.pk, merged_into__isnull=True).exists():
            other = Borrower.objects.create(external_id=f"twin {next(names)}", source="law", portfolio="law")
            merged(other, borrower, at=later)

    return merge


def _an_ending(_zones: frozenset[str]) -> Since:
    return lambda borrower, _points, later: borrower.contact_points.update(ended_at=later, quality="bad")


places = some(ZONES)
later_facts = st.one_of(
    places.map(_a_point),
    words.map(_a_word),
    wishes.map(_a_wish),
    st.sampled_from(["calls", "texts"]).map(_a_hold),
    places.map(_a_merge),
    places.map(_an_ending),
)


@settings(max_examples=50, derandomize=True)
@given(
    person=people(),
    local=packs("local", frozenset({"US"}), default=False),
    usual=packs("usual", frozenset(), default=True),
    asked=st.builds(
        Asked,
        at=instants,
        channel=st.sampled_from(CALLABLE),
        purpose=st.sampled_from([Purpose.COLLECTION, Purpose.MARKETING, Purpose.REPLY]),
        scope=st.sampled_from(SCOPES),
        number=st.integers(1, 2),
        loan=st.none() | st.integers(1, 2),
    ),
    since=st.lists(later_facts, min_size=1, max_size=3),
    last=st.none() | places.map(_merged_away),
)
def test_what_became_known_since_changes_no_verdict_and_the_slow_gate_agrees(
    person: Person, local: Pack, usual: Pack, asked: Asked, since: list[Since], last: Since | None
) -> None:
    together = PacksInForce(versions=(("law", 1),), packs=(local, usual))
    with transaction.atomic():
        borrower, points = store(person, name=f"then {next(names)}")
        wanted = Wanted(
            borrower_id=borrower.pk,
            channel=asked.channel,
            purpose=asked.purpose,
            at=asked.at,
            endpoint_id=points[asked.number or 0],
            loan_id=asked.loan,
            actor_scope=asked.scope,  # type: ignore[arg-type]
        )
        entry_id = written(wanted)
        expected = denied_by(_as_then(person, asked.at), asked, [local, usual], holidays=HOLIDAYS)
        assert set(rules_of(replayed(wanted, entry_id, together))) == expected

        later = max(clock.now(), asked.at) + timedelta(days=1)
        for happens in (*since, *([last] if last else [])):
            happens(borrower, points, later)
        assert set(rules_of(replayed(wanted, entry_id, together))) == expected
        transaction.set_rollback(True)


def _as_then(person: Person, at: datetime) -> Person:
    """What had been said by then; `store` gives wishes the moment of the first contact."""
    wished_at = person.past[0].at if person.past else datetime(2026, 1, 1, tzinfo=UTC)
    return replace(
        person,
        words=[word for word in person.words if word.at <= at],
        wishes=person.wishes if wished_at <= at else [],
        country_zones=frozenset(zones_of_country(person.country)),
    )
