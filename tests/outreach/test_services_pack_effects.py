"""What a version of a pack would change: in words rule by rule, and in counts over the contacts of tomorrow."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import translation

from backoffice.calendars import services as calendars
from backoffice.core.actors import SYSTEM, Actor
from backoffice.customers.models import Borrower
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.packs import parse
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.domain.verdicts import Wanted
from backoffice.outreach.models import RulePackVersion
from backoffice.outreach.selectors.pack_words import Change, difference_in_words
from backoffice.outreach.selectors.packs import pack_day
from backoffice.outreach.selectors.planned import Leaving, planned_contacts
from backoffice.outreach.services import pack_effects, pack_publishing, packs
from tests.outreach.messaging import active_version, planned, somebody
from tests.outreach.pack_texts import KENYA, STRICTER, WIDER
from tests.staff.factories import person

TODAY = date(2026, 5, 4)
TOMORROW = date(2026, 5, 5)
OPEN = timedelta(minutes=5)
"""How long a planned message may wait for its minute."""
EVENING = datetime(2026, 5, 4, 17, 30, tzinfo=UTC)  # 20:30 in Nairobi, the fifth where the lender is


@pytest.fixture
def planner(monkeypatch: pytest.MonkeyPatch) -> list[Wanted]:
    """What is planned."""
    wanted: list[Wanted] = []

    def planned_contacts(*, through: date) -> list[Leaving]:
        return [Leaving(each, each.at + OPEN) for each in wanted if pack_day(each.at) <= through]

    monkeypatch.setattr(pack_effects, "planned_contacts", planned_contacts)
    return wanted


@pytest.fixture
def maker(db: None) -> Actor:
    calendars.open_first_day(day=TODAY, actor=SYSTEM)
    return person("admin").as_actor()


@pytest.fixture
def wider(maker: Actor, tmp_path_factory: pytest.TempPathFactory) -> RulePackVersion:
    folder = tmp_path_factory.mktemp("packs")
    (folder / "ke.toml").write_text(KENYA)
    packs.load_packs(folder=folder)
    return packs.draft_version(code="ke", content=WIDER, note="", actor=maker)


def inbox(*, at: datetime, country: str = "KE") -> Wanted:
    """A wanted call by a push: no endpoint, so that only the pack speaks."""
    number = Borrower.objects.count()
    borrower = Borrower.objects.create(
        external_id=f"E{number}", source="test", portfolio="cash", country=country, time_zone="Africa/Nairobi"
    )
    return Wanted(borrower_id=borrower.pk, channel=Channel.PUSH, purpose=Purpose.COLLECTION, at=at)


def with_push(text: str) -> str:
    return text.replace('channels = ["call"]', 'channels = ["call", "push"]')


def test_a_rule_of_the_version_counts_from_the_day_it_starts_and_what_only_waits_is_not_stopped(
    maker: Actor, wider: RulePackVersion, planner: list[Wanted], monkeypatch: pytest.MonkeyPatch
) -> None:
    starts = TODAY + timedelta(days=3)
    text = with_push(WIDER).replace("effective_from = 2000-01-01", f"effective_from = {starts}")
    packs.change_draft(version_id=wider.pk, content=text, note="", actor=maker)
    wider.refresh_from_db()
    planner += [inbox(at=EVENING + timedelta(hours=1))]
    effect = pack_effects.effect_of(version=wider, effective_from=starts)
    assert (effect.allowed_was, effect.allowed_now, effect.stopped) == (1, 0, 1)
    monkeypatch.setattr("tests.outreach.test_services_pack_effects.OPEN", timedelta(days=1))
    effect = pack_effects.effect_of(version=wider, effective_from=starts)
    assert (effect.allowed_was, effect.allowed_now, effect.stopped) == (1, 1, 0)


def test_counts_what_would_be_let_through_and_what_stopped(
    maker: Actor, wider: RulePackVersion, planner: list[Wanted]
) -> None:
    packs.change_draft(version_id=wider.pk, content=with_push(WIDER), note="", actor=maker)
    wider.refresh_from_db()
    planner += [inbox(at=EVENING), inbox(at=EVENING + timedelta(hours=1)), inbox(at=EVENING, country="CN")]
    effect = pack_effects.effect_of(version=wider)
    assert (effect.through, effect.planned, effect.judged) == (TOMORROW, 3, 3)
    assert effect.days == ((TOMORROW, 3),)
    # The old version says nothing of pushes: the later one is stopped, the rest stays as it was.
    assert (effect.allowed_was, effect.allowed_now, effect.stopped, effect.let_through) == (3, 2, 1, 0)
    assert effect.rules == (pack_effects.RuleCount("ke.hours", 0, 1),)
    assert pack_effects.effect_in_words(effect=effect) == (
        "Messages planned to leave through 5 May 2026: 3 (3 on 5 May 2026). "
        "If it held already: 3 leave now, at their time or later that day, and 2 would; 1 would be stopped, "
        "0 let through."
    )


def test_counts_what_rolling_back_would_change(maker: Actor, wider: RulePackVersion, planner: list[Wanted]) -> None:
    packs.change_draft(version_id=wider.pk, content=with_push(WIDER), note="", actor=maker)
    RulePackVersion.objects.filter(pk=wider.pk).update(state="approved", effective_from=TODAY)
    pack_publishing.activate_due(as_of=TODAY, actor=SYSTEM)
    wider.refresh_from_db()
    planner += [inbox(at=EVENING + timedelta(hours=1) - timedelta(days=1)), inbox(at=EVENING)]
    effect = pack_effects.effect_of_rolling_back(version=wider)
    assert (effect.through, effect.days) == (TODAY, ((TODAY, 1),))
    assert (effect.allowed_was, effect.allowed_now, effect.stopped, effect.let_through) == (0, 1, 0, 1)


def test_withdrawing_the_only_version_leaves_the_country_to_the_default(
    wider: RulePackVersion, planner: list[Wanted]
) -> None:
    planner += [inbox(at=EVENING - timedelta(days=1))]
    first = RulePackVersion.objects.get(pack__code="ke", number=1)
    effect = pack_effects.effect_of_rolling_back(version=first)
    assert (effect.stopped, [count.rule for count in effect.rules]) == (1, ["strict.hours"])


def test_takes_an_even_sample_of_very_many_and_says_so(
    wider: RulePackVersion, planner: list[Wanted], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pack_effects, "MOST_JUDGED", 2)
    planner += [inbox(at=EVENING) for _ in range(5)]
    effect = pack_effects.effect_of(version=wider)
    assert (effect.planned, effect.judged) == (5, 2)
    assert pack_effects.effect_in_words(effect=effect).endswith("An even sample of 2 was judged.")


def test_counts_what_leaves_on_the_business_date_after_a_close(
    maker: Actor, wider: RulePackVersion, planner: list[Wanted]
) -> None:
    """After a close the business date is the next day's, and what was planned in the night leaves on it."""
    packs.change_draft(version_id=wider.pk, content=with_push(WIDER), note="", actor=maker)
    wider.refresh_from_db()
    evening = datetime(2026, 5, 3, 17, tzinfo=UTC)  # one in the morning of the fourth where the lender is
    planner += [inbox(at=evening - timedelta(hours=2)), inbox(at=evening), inbox(at=EVENING)]
    planner += [inbox(at=EVENING + timedelta(days=4))]
    for starts, planned_by_then in ((TODAY, 2), (TOMORROW, 3)):
        effect = pack_effects.effect_of(version=wider, effective_from=starts)
        assert (effect.through, effect.planned) == (starts, planned_by_then)
    said = pack_effects.consequence_in_words(version=wider, effective_from=TOMORROW)
    assert "leave through 5 May 2026: 3 (1 on 3 May 2026, 1 on 4 May 2026, 1 on 5 May 2026)." in said
    assert pack_effects.effect_of(version=wider, effective_from=TOMORROW + timedelta(days=5)).planned == 4


def test_reads_messages_planned_through_the_day_by_the_endpoint_they_would_leave_by(maker: Actor) -> None:
    owner = somebody()
    noon = datetime(2026, 5, 5, 4, 0, tzinfo=UTC)
    later = {"send_before": noon + timedelta(days=2)}
    text = active_version(Channel.SMS)
    sms = planned(owner, text, send_after=noon, loan_id=7, **later)
    push = planned(owner, active_version(Channel.PUSH), send_after=noon + timedelta(hours=1), **later)
    planned(owner, text, send_after=noon + timedelta(days=1), **later)
    phone = owner.contact_points.get(kind="phone")
    assert [
        (wanted.message_id, wanted.channel, wanted.purpose, wanted.at, wanted.endpoint_id, wanted.loan_id)
        for wanted in (leaving.wanted for leaving in planned_contacts(through=TOMORROW))
    ] == [
        (sms.pk, Channel.SMS, Purpose.REMINDER, noon, phone.pk, 7),
        (push.pk, Channel.PUSH, Purpose.REMINDER, noon + timedelta(hours=1), None, None),
    ]
    house = RulePackVersion.objects.get(pack__code="house")
    draft = packs.draft_from(version_id=house.pk, actor=maker)
    later_hours = house.content.replace('from = "08:00"', 'from = "12:30"', 1)
    packs.change_draft(version_id=draft.pk, content=later_hours, note="", actor=maker)
    draft.refresh_from_db()
    effect = pack_effects.effect_of(version=draft)
    assert (effect.planned, effect.allowed_was, effect.stopped) == (2, 2, 0), "the text waits half an hour"
    assert effect.rules == (pack_effects.RuleCount("house.reminder_hours", 0, 1),)


def test_says_in_both_languages_when_nothing_is_planned(wider: RulePackVersion, planner: list[Wanted]) -> None:
    effect = pack_effects.effect_of(version=wider)
    assert pack_effects.effect_in_words(effect=effect) == (
        "No message is planned to leave through 5 May 2026, so none changes."
    )
    with translation.override("zh-hans"):
        assert "2026-05-05" in pack_effects.effect_in_words(effect=effect)


def test_names_a_limit_and_hours_that_changed() -> None:
    after = STRICTER.replace('from = "08:00"', 'from = "09:00"')
    assert difference_in_words(before=parse(KENYA), after=parse(after)) == (
        Change(
            "ke.hours · hours",
            "from 08:00 to before 20:00 at their place",
            "from 09:00 to before 20:00 at their place",
        ),
        Change("ke.attempts · limit", "3", "2"),
    )


def test_names_rules_added_and_removed_whole() -> None:
    start = KENYA.index('[[rules]]\nid = "ke.attempts"')
    fewer = KENYA[:start] + KENYA[KENYA.index("[[vectors]]") : KENYA.index('[[vectors]]\nname = "the fourth')]
    whole = "At most 3 attempts to a person on a day. call · collection · with: borrower"
    assert difference_in_words(before=parse(KENYA), after=parse(fewer)) == (
        Change("vectors", "3", "2"),
        Change("rule ke.attempts removed", whole, None),
    )
    assert Change("rule ke.attempts added", None, whole) in difference_in_words(before=parse(fewer), after=parse(KENYA))


def test_names_nothing_when_nothing_changed() -> None:
    assert difference_in_words(before=parse(KENYA), after=parse(KENYA + "\n# a remark\n")) == ()
