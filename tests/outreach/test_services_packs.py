"""Packs as versioned data: loaded, drafted, checked by their vectors, published by two people, rolled back at once."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction

from backoffice.audit import approvals
from backoffice.audit.models import Approval, AuditEntry
from backoffice.calendars import services as calendars
from backoffice.core.actors import SYSTEM, Actor
from backoffice.customers.domain.sealing import Sealed
from backoffice.customers.models import Borrower, ContactPoint
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.pack_faults import PackFaulty
from backoffice.outreach.domain.pack_form import digest_of
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.models import RulePack, RulePackCheck, RulePackMove, RulePackVersion
from backoffice.outreach.selectors import packs as selectors
from backoffice.outreach.selectors.packs import packs_in_force, packs_in_force_at
from backoffice.outreach.selectors.replay import replayed
from backoffice.outreach.services import pack_checks, pack_publishing, pack_rows, packs
from backoffice.outreach.services.gate import log_contact
from tests.outreach.pack_texts import KENYA, STRICTER, WIDER, stricter_and_shown
from tests.staff.factories import person

pytestmark = pytest.mark.django_db

TODAY = date(2026, 5, 4)
SHIPPED = ("cn", "house", "id_ojk", "in_rbi", "strict_common", "uk_conc", "us_reg_f")


@pytest.fixture(autouse=True)
def _day_is_open() -> None:
    calendars.open_first_day(day=TODAY, actor=SYSTEM)


@pytest.fixture
def maker() -> Actor:
    return person("admin").as_actor()


@pytest.fixture
def checker() -> Actor:
    return person("compliance").as_actor()


@pytest.fixture
def kenya(tmp_path: Path) -> RulePackVersion:
    """The pack of Kenya, loaded from a folder of its own."""
    (tmp_path / "ke.toml").write_text(KENYA)
    packs.load_packs(folder=tmp_path)
    return RulePackVersion.objects.get(pack__code="ke")


def drafted(text: str, maker: Actor) -> RulePackVersion:
    return packs.draft_version(code="ke", content=text, note="what for", actor=maker)


def checked(text: str, maker: Actor) -> RulePackVersion:
    version = drafted(text, maker)
    pack_checks.check_version(version_id=version.pk, actor=maker)
    version.refresh_from_db()
    return version


def submitted(text: str, maker: Actor, *, on: date = TODAY) -> tuple[RulePackVersion, Approval]:
    version = checked(text, maker)
    approval = pack_publishing.submit_version(version_id=version.pk, effective_from=on, reason="asked for", actor=maker)
    version.refresh_from_db()
    return version, approval


def published(text: str, maker: Actor, checker: Actor, *, on: date = TODAY) -> RulePackVersion:
    version, approval = submitted(text, maker, on=on)
    approval = approvals.approve(approval_id=approval.pk, actor=checker)
    assert (approval.state, approval.failure) == ("approved", "")
    version.refresh_from_db()
    return version


def states() -> list[tuple[int, str]]:
    return list(RulePackVersion.objects.filter(pack__code="ke").order_by("number").values_list("number", "state"))


def hours_on(day: date, at: datetime | None = None) -> int | None:
    """Until when Kenya is called on a day."""
    held = packs_in_force(on=day) if at is None else packs_in_force_at(on=day, at=at)
    (kenya,) = [pack for pack in held.packs if pack.code == "ke"]
    rule = kenya.rule(id="ke.hours")
    return rule.to_minute if rule else None


def moves(version: RulePackVersion) -> list[tuple[str, str]]:
    return list(version.moves.values_list("from_state", "to_state"))


def test_a_fresh_database_has_the_packs_of_the_repository_in_force() -> None:
    held = packs_in_force(on=TODAY)
    assert held.versions == tuple((code, 1) for code in SHIPPED)
    assert [pack.code for pack in held.packs if pack.default] == ["strict_common"]
    assert held is packs_in_force(on=TODAY + timedelta(days=400))


def test_what_the_migration_wrote_is_what_the_files_say() -> None:
    loaded = packs.load_packs()
    assert (loaded.made, loaded.drafted, loaded.waiting, loaded.same) == ((), (), (), SHIPPED)


def test_without_a_default_pack_the_gate_fails_closed() -> None:
    RulePackVersion.objects.filter(pack__code="strict_common").update(state="retired", effective_from=None)
    with pytest.raises(selectors.NoPacksInForce):
        packs_in_force(on=TODAY)


def test_a_new_file_is_in_force_at_once_and_in_the_trail(kenya: RulePackVersion) -> None:
    assert (kenya.number, kenya.state, kenya.effective_from) == (1, "active", packs.FIRST_DAY)
    assert kenya.digest == digest_of(KENYA)
    assert kenya.parsed["rules"][1]["limit"] == 3
    assert moves(kenya) == [("", "active")]
    assert AuditEntry.objects.filter(verb="outreach.pack_version.loaded", subject_id=str(kenya.pk)).count() == 1
    assert hours_on(TODAY) == 1200


def test_loading_again_changes_nothing(kenya: RulePackVersion, tmp_path: Path) -> None:
    assert packs.load_packs(folder=tmp_path).same == ("ke",)
    assert states() == [(1, "active")]


def test_a_newer_file_becomes_a_draft_once_and_waits_for_two_people(kenya: RulePackVersion, tmp_path: Path) -> None:
    (tmp_path / "ke.toml").write_text(WIDER)
    assert packs.load_packs(folder=tmp_path).drafted == ("ke",)
    assert packs.load_packs(folder=tmp_path).same == ("ke",)
    assert states() == [(1, "active"), (2, "draft")]
    assert hours_on(TODAY) == 1200
    (tmp_path / "ke.toml").write_text(STRICTER)
    assert packs.load_packs(folder=tmp_path).waiting == ("ke",)


def test_a_new_file_whose_vector_fails_is_not_loaded(tmp_path: Path) -> None:
    (tmp_path / "ke.toml").write_text(STRICTER)
    with pytest.raises(pack_checks.PackVectorsFail) as refused:
        packs.load_packs(folder=tmp_path)
    assert list(refused.value.fields) == ["the third attempt"]
    assert not RulePack.objects.filter(code="ke").exists()


def test_the_command_says_what_it_did_and_names_faults(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    call_command("load_packs")
    assert capsys.readouterr().out == f"unchanged: {', '.join(SHIPPED)}\n"

    def refuse() -> None:
        raise pack_checks.PackClash("No.", next_step="Then.", fields={"ke.hours.id": "is used"})

    monkeypatch.setattr(packs, "load_packs", refuse)
    with pytest.raises(CommandError, match=r"No\. Then\.\n  ke\.hours\.id: is used"):
        call_command("load_packs")


def test_a_draft_keeps_its_author_and_its_history(kenya: RulePackVersion, maker: Actor) -> None:
    draft = drafted(WIDER, maker)
    assert (draft.number, draft.state, draft.created_by_id, draft.note) == (2, "draft", maker.id, "what for")
    assert moves(draft) == [("", "draft")]
    with pytest.raises(packs.PackVersionOpen):
        drafted(WIDER, maker)


def test_a_text_with_faults_is_no_draft(kenya: RulePackVersion, maker: Actor) -> None:
    with pytest.raises(PackFaulty) as refused:
        drafted(KENYA.replace('from = "08:00"', 'from = "20:00"'), maker)
    assert refused.value.fields == {"ke.hours.from": "inconsistent window: from is not before to"}
    assert states() == [(1, "active")]


@pytest.mark.parametrize(
    ("was", "now", "fields"),
    [
        ('code = "ke"', 'code = "ug"', ["code"]),
        ("ke.hours", "cn.hours", ["cn.hours.id"]),
        ('countries = ["KE"]', "countries = []\ndefault = true", ["default"]),
    ],
)
def test_a_pack_keeps_its_code_its_own_rules_and_one_default(
    kenya: RulePackVersion, maker: Actor, was: str, now: str, fields: list[str]
) -> None:
    with pytest.raises(pack_checks.PackClash) as refused:
        drafted(KENYA.replace(was, now), maker)
    assert list(refused.value.fields) == fields


def test_a_draft_from_an_earlier_version_has_its_text(kenya: RulePackVersion, maker: Actor) -> None:
    draft = packs.draft_from(version_id=kenya.pk, actor=maker)
    assert (draft.number, draft.content, draft.note) == (2, kenya.content, "from version 1")


def test_a_draft_that_passes_is_checked_and_a_changed_one_is_a_draft_again(
    kenya: RulePackVersion, maker: Actor
) -> None:
    version = checked(WIDER, maker)
    assert (version.state, moves(version)) == ("checked", [("", "draft"), ("draft", "checked")])
    check = RulePackCheck.objects.get(version=version)
    assert (check.passed, check.failed, check.digest) == (3, 0, version.digest)
    packs.change_draft(version_id=version.pk, content=WIDER, note="another word", actor=maker)
    version.refresh_from_db()
    assert (version.state, version.note) == ("checked", "another word")
    packs.change_draft(version_id=version.pk, content=STRICTER, note="", actor=maker)
    version.refresh_from_db()
    assert (version.state, moves(version)[-1]) == ("draft", ("checked", "draft"))


def test_a_draft_whose_vector_fails_stays_one_and_says_what_the_gate_said(kenya: RulePackVersion, maker: Actor) -> None:
    version = checked(STRICTER, maker)
    assert version.state == "draft"
    check = RulePackCheck.objects.get(version=version)
    assert (check.passed, check.failed) == (2, 1)
    assert check.results[1] == {"name": "the third attempt", "denied_by": ["ke.attempts"]}


def test_running_vectors_leaves_no_borrower_behind(kenya: RulePackVersion, maker: Actor) -> None:
    checked(WIDER, maker)
    with connection.cursor() as cursor:
        cursor.execute("SELECT (SELECT count(*) FROM customers_borrower), (SELECT count(*) FROM outreach_contactentry)")
        assert cursor.fetchone() == (0, 0)


def test_only_a_checked_version_is_submitted(kenya: RulePackVersion, maker: Actor) -> None:
    version = drafted(WIDER, maker)
    with pytest.raises(pack_rows.PackVersionNotInState, match="has not been checked"):
        pack_publishing.submit_version(version_id=version.pk, effective_from=TODAY, reason="asked for", actor=maker)
    assert not Approval.objects.exists()


def test_a_rule_no_vector_shows_is_not_published(kenya: RulePackVersion, maker: Actor) -> None:
    untested = WIDER[: WIDER.index('[[vectors]]\nname = "the fourth attempt"')]
    version = checked(untested, maker)
    assert version.state == "draft"
    RulePackVersion.objects.filter(pk=version.pk).update(state="checked")
    with pytest.raises(pack_checks.PackVectorsFail) as refused:
        pack_publishing.submit_version(version_id=version.pk, effective_from=TODAY, reason="asked for", actor=maker)
    assert refused.value.fields == {"ke.attempts": "no vector shows this rule denying anything"}


def test_publishing_is_refused_while_a_vector_fails_though_the_table_says_checked(
    kenya: RulePackVersion, maker: Actor
) -> None:
    version = drafted(STRICTER, maker)
    RulePackVersion.objects.filter(pk=version.pk).update(state="checked")
    with pytest.raises(pack_checks.PackVectorsFail) as refused:
        pack_publishing.submit_version(version_id=version.pk, effective_from=TODAY, reason="asked for", actor=maker)
    assert refused.value.fields == {"the third attempt": "expected allowed, the gate said ke.attempts"}
    version.refresh_from_db()
    assert (version.state, Approval.objects.count()) == ("checked", 0)


def test_a_version_that_says_the_same_is_not_published(kenya: RulePackVersion, maker: Actor) -> None:
    with pytest.raises(pack_checks.PackUnchanged):
        submitted(KENYA, maker)


@pytest.mark.parametrize("day", [TODAY - timedelta(days=1), date(2000, 1, 1)])
def test_no_version_starts_in_the_past(kenya: RulePackVersion, maker: Actor, day: date) -> None:
    with pytest.raises(pack_publishing.PackFirstDayRefused):
        submitted(WIDER, maker, on=day)


def test_two_people_publish_a_version_that_holds_at_once(kenya: RulePackVersion, maker: Actor, checker: Actor) -> None:
    version, approval = submitted(WIDER, maker)
    assert (version.state, hours_on(TODAY)) == ("submitted", 1200)
    assert approval.consequence == (
        "Kenya version 2 from 4 May 2026. "
        "ke.hours · hours: from 08:00 to before 20:00 at their place → from 08:00 to before 21:00 at their place. "
        "No message is planned to leave through 4 May 2026, so none changes."
    )
    with pytest.raises(approvals.OwnRequest):
        approvals.approve(approval_id=approval.pk, actor=maker)
    approvals.approve(approval_id=approval.pk, actor=checker)
    version.refresh_from_db()
    assert (version.state, version.approved_by_id) == ("active", checker.id)
    assert states() == [(1, "retired"), (2, "active")]
    assert hours_on(TODAY) == 1260
    assert moves(version) == [
        ("", "draft"),
        ("draft", "checked"),
        ("checked", "submitted"),
        ("submitted", "approved"),
        ("approved", "active"),
    ]


def test_a_collector_may_not_publish(kenya: RulePackVersion, maker: Actor) -> None:
    _version, approval = submitted(WIDER, maker)
    with pytest.raises(approvals.BeyondLimit):
        approvals.approve(approval_id=approval.pk, actor=person("collector").as_actor())
    assert states() == [(1, "active"), (2, "submitted")]


def test_a_version_holds_from_its_day_before_the_night_marks_it(
    kenya: RulePackVersion, maker: Actor, checker: Actor
) -> None:
    first = TODAY + timedelta(days=3)
    published(WIDER, maker, checker, on=first)
    assert states() == [(1, "active"), (2, "approved")]
    assert [hours_on(first - timedelta(days=1)), hours_on(first)] == [1200, 1260]
    assert not selectors.packs_to_activate(as_of=first - timedelta(days=1))
    assert selectors.packs_to_activate(as_of=first)
    assert pack_publishing.activate_due(as_of=first - timedelta(days=1), actor=SYSTEM) == 0
    assert pack_publishing.activate_due(as_of=first, actor=SYSTEM) == 2
    assert pack_publishing.activate_due(as_of=first, actor=SYSTEM) == 0
    assert states() == [(1, "retired"), (2, "active")]


def test_an_approval_fails_when_the_text_moved_on(kenya: RulePackVersion, maker: Actor, checker: Actor) -> None:
    version, approval = submitted(WIDER, maker)
    RulePackVersion.objects.filter(pk=version.pk).update(content=STRICTER, digest=digest_of(STRICTER))
    approval = approvals.approve(approval_id=approval.pk, actor=checker)
    assert approval.state == "failed"
    assert states() == [(1, "active"), (2, "submitted")]


def test_what_was_submitted_is_taken_back_and_its_request_withdrawn(kenya: RulePackVersion, maker: Actor) -> None:
    version, approval = submitted(WIDER, maker)
    pack_publishing.take_back(version_id=version.pk, actor=maker, reason="a slip")
    version.refresh_from_db()
    approval.refresh_from_db()
    assert (version.state, version.effective_from, approval.state) == ("draft", None, "withdrawn")
    with pytest.raises(pack_rows.PackVersionNotInState):
        pack_publishing.take_back(version_id=version.pk, actor=maker)


def test_a_draft_is_discarded_and_a_published_version_is_not(kenya: RulePackVersion, maker: Actor) -> None:
    draft = drafted(WIDER, maker)
    packs.discard(version_id=draft.pk, actor=maker, reason="not wanted")
    assert states() == [(1, "active"), (2, "retired")]
    assert hours_on(TODAY) == 1200
    for version in (draft, kenya):
        with pytest.raises(pack_rows.PackVersionNotInState):
            packs.discard(version_id=version.pk, actor=maker, reason="again")


def test_rolling_back_brings_the_version_before_back_in_one_step(
    kenya: RulePackVersion, maker: Actor, checker: Actor
) -> None:
    version = published(WIDER, maker, checker)
    assert hours_on(TODAY) == 1260
    back = pack_publishing.roll_back(version_id=version.pk, actor=maker, reason="too wide")
    assert back is not None
    assert (back.pk, states()) == (kenya.pk, [(1, "active"), (2, "retired")])
    assert hours_on(TODAY) == 1200
    assert moves(kenya)[-2:] == [("active", "retired"), ("retired", "active")]
    assert list(AuditEntry.objects.order_by("-id").values_list("verb", flat=True)[:2]) == [
        "outreach.pack_version.reinstated",
        "outreach.pack_version.rolled_back",
    ]


def test_rolling_back_twice_passes_over_what_was_withdrawn(
    kenya: RulePackVersion, maker: Actor, checker: Actor
) -> None:
    second = published(WIDER, maker, checker)
    pack_publishing.roll_back(version_id=second.pk, actor=maker, reason="too wide")
    third = published(stricter_and_shown(), maker, checker)
    back = pack_publishing.roll_back(version_id=third.pk, actor=maker, reason="too strict")
    assert (back, states()) == (kenya, [(1, "active"), (2, "retired"), (3, "retired")])


def test_a_version_that_waits_for_its_day_is_called_off(kenya: RulePackVersion, maker: Actor, checker: Actor) -> None:
    first = TODAY + timedelta(days=3)
    version = published(WIDER, maker, checker, on=first)
    assert pack_publishing.roll_back(version_id=version.pk, actor=maker, reason="not yet") is None
    assert states() == [(1, "active"), (2, "retired")]
    assert hours_on(first) == 1200


def test_the_first_version_has_nothing_before_it(kenya: RulePackVersion, maker: Actor) -> None:
    with pytest.raises(pack_publishing.NothingToGoBackTo):
        pack_publishing.roll_back(version_id=kenya.pk, actor=maker, reason="all of it")
    assert states() == [(1, "active")]


def test_a_past_contact_is_judged_by_the_version_that_then_held(
    kenya: RulePackVersion, maker: Actor, checker: Actor
) -> None:
    version = published(WIDER, maker, checker)
    approved, withdrawn = datetime(2026, 5, 4, 9, tzinfo=UTC), datetime(2026, 5, 4, 15, tzinfo=UTC)
    pack_publishing.roll_back(version_id=version.pk, actor=maker, reason="too wide")
    RulePackVersion.objects.filter(pk=version.pk).update(approved_at=approved, withdrawn_at=withdrawn)
    minute = timedelta(minutes=1)
    assert [
        hours_on(TODAY, approved - minute),
        hours_on(TODAY, approved + minute),
        hours_on(TODAY, withdrawn - minute),
        hours_on(TODAY, withdrawn + minute),
    ] == [1200, 1260, 1260, 1200]
    assert hours_on(TODAY - timedelta(days=1), withdrawn - minute) == 1200


def test_a_replay_judges_by_what_held_then_though_it_was_rolled_back_since(
    kenya: RulePackVersion, maker: Actor, checker: Actor
) -> None:
    owner = Borrower.objects.create(
        external_id="K-1", source="test", portfolio="cash", country="KE", time_zone="Africa/Nairobi"
    )
    point = ContactPoint.objects.create(
        borrower=owner, kind="phone", value=Sealed(b""), masked="•", digest=b"k" * 16, time_zones=["Africa/Nairobi"]
    )
    version = published(WIDER, maker, checker)
    pack_publishing.roll_back(version_id=version.pk, actor=maker, reason="too wide")
    noon = datetime(2026, 5, 4, 9, tzinfo=UTC)
    RulePackVersion.objects.filter(pk=version.pk).update(approved_at=noon, withdrawn_at=noon + timedelta(days=1))
    evening = datetime(2026, 5, 4, 17, 30, tzinfo=UTC)  # 20:30 in Nairobi
    for at in (evening, evening + timedelta(days=1)):
        log_contact(
            borrower_id=owner.pk,
            channel=Channel.CALL,
            purpose=Purpose.COLLECTION,
            direction="out",
            at=at,
            actor=SYSTEM,
            code="T-NA",
            endpoint_id=point.pk,
        )
    judged = list(replayed(start=noon, end=noon + timedelta(days=7)))
    assert [[denial.rule for denial in each.verdict.denials] for each in judged] == [[], ["ke.hours"]]
    assert ["ke 2" in each.verdict.packs for each in judged] == [True, False]


def test_there_is_no_such_version_or_pack(maker: Actor) -> None:
    for verb in (
        lambda: packs.draft_version(code="xx", content=KENYA, note="", actor=maker),
        lambda: packs.draft_from(version_id=0, actor=maker),
        lambda: pack_checks.check_version(version_id=0, actor=maker),
    ):
        with pytest.raises(selectors.PackNotFound):
            verb()


@pytest.mark.parametrize("model", [RulePackMove, RulePackCheck])
def test_history_and_checks_only_grow(kenya: RulePackVersion, maker: Actor, model: type) -> None:
    pack_checks.check_version(version_id=kenya.pk, actor=maker)
    row = model.objects.filter(version=kenya).first()
    for verb in (lambda: model.objects.filter(pk=row.pk).update(actor_name="x"), row.delete):
        with pytest.raises(IntegrityError, match="never changed or deleted"), transaction.atomic():
            verb()
