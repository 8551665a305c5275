"""Experiments about templates: declared, drafted, started once every arm speaks, assigned as messages are planned."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from backoffice.audit import approvals
from backoffice.audit.models import Approval, AuditEntry
from backoffice.core.actors import SYSTEM
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.elements import Element
from backoffice.outreach.domain.experiments.declaring import NewArm, NewFactor
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.models import (
    ConsentEntry,
    Experiment,
    Exposure,
    Message,
    MessageMove,
    MessageTemplate,
    Outcome,
    TemplateVersion,
)
from backoffice.outreach.selectors.experiment_arms import experiment_on
from backoffice.outreach.services import experiments, templates
from backoffice.outreach.services.experiments.declaring import DeclarationRefused
from backoffice.outreach.services.experiments.observing import record_observed
from backoffice.outreach.services.experiments.recording import TakenInByMessages
from backoffice.outreach.services.experiments.running import ArmsNotSpoken
from backoffice.outreach.services.experiments.trying import beginning_of, take_in_planned, words_and_trials
from backoffice.outreach.services.experiments.wording import NothingToDraft, PieceMissing
from backoffice.outreach.services.messages import Planned, plan_messages
from backoffice.outreach.services.pieces import write_piece
from backoffice.outreach.services.templates import Wording, WordsOnTrial
from tests.outreach.experiment_book import ANALYST, CHECKER, TODAY, declaration, declared, on, screening, start, units
from tests.outreach.messaging import REMINDER, active_version, template

pytestmark = pytest.mark.django_db
DAY = TODAY + timedelta(days=1)
SHORT = "{amount} is due on {due_date}. {lender} Reply STOP to end."
ARMS = (
    NewArm(name="today's text", share=Decimal("0.5"), is_control=True),
    NewArm(name="short text", share=Decimal("0.5"), template="due_soon_b"),
)
VALUES = {"amount": "CNY 1100.16", "due_date": "2026-03-20", "days_left": "3"}


@pytest.fixture(autouse=True)
def _business_date():
    on()


def two_texts(**changes):
    """Due soon against a shorter one, both with words by SMS in English."""
    active_version()
    active_version(code="due_soon_b", body=SHORT)
    return declared(**({"template": "due_soon", "arms": ARMS, "watched": ("opted_out",)} | changes))


def planned(borrowers, *, words, trials, day=DAY):
    """A message for each borrower with the words of their arm, planned."""
    at = datetime(day.year, day.month, day.day, 2, tzinfo=UTC)
    wanted = []
    for borrower_id in borrowers:
        version = words[trials.template_for("due_soon", borrower_id=borrower_id), "sms", "en"]
        wanted.append(
            Planned(
                key=f"due:{borrower_id}:{day}",
                borrower_id=borrower_id,
                channel=Channel.SMS,
                purpose=Purpose.REMINDER,
                template_version_id=version.pk,
                variables={name: value for name, value in VALUES.items() if name in version.variables},
                send_after=at,
                send_before=at + timedelta(hours=8),
            )
        )
    plan_messages(planned=wanted, actor=SYSTEM)
    return [("due_soon", one) for one in wanted]


def written_to(borrowers, *, day=DAY):
    words, trials = words_and_trials(codes={"due_soon"}, on=day)
    return take_in_planned(
        trials=trials, planned=planned(borrowers, words=words, trials=trials, day=day), day=day, actor=SYSTEM
    )


# ---------------------------------------------------------------------------------------------------------- declaring


def test_the_control_speaks_as_the_template_does():
    experiment = two_texts()
    assert list(experiment.arms.values_list("name", "template__code")) == [
        ("today's text", "due_soon"),
        ("short text", "due_soon_b"),
    ]
    assert experiment.template.code == "due_soon"


def test_a_template_that_is_not_there_is_refused_by_field():
    with pytest.raises(DeclarationRefused) as raised:
        declared(template="nothing", arms=ARMS)
    assert raised.value.fields == {
        "template": "There is no such template.",
        "arms": "an arm names a template that does not exist",
    }


# ----------------------------------------------------------------------------------------------------------- starting


def refused(experiment):
    before = Approval.objects.count()
    with pytest.raises(ArmsNotSpoken) as raised:
        experiments.submit_start(experiment_id=experiment.pk, reason="ready to go", actor=ANALYST)
    assert Approval.objects.count() == before
    return raised.value


def test_does_not_start_while_an_arm_has_no_words_where_the_template_speaks():
    experiment = two_texts()
    active_version(language="zh-hans", body="您的账单{amount}将于{due_date}到期。{lender}")
    said = refused(experiment)
    assert said.fields == {
        "arms": "short text has no approved words by SMS in Simplified Chinese, where the template speaks."
    }
    assert said.message == f"The arms cannot be compared yet: {said.fields['arms']}"


def test_does_not_start_with_an_arm_that_has_no_template_yet():
    active_version()
    experiment = declared(template="due_soon", arms=(ARMS[0], NewArm(name="short text", share=Decimal("0.5"))))
    assert refused(experiment).fields == {"arms": "short text has no words yet."}


def test_does_not_start_with_variables_the_planner_does_not_fill_in():
    active_version()
    active_version(code="due_soon_b", body="Until {offer_until}: {amount}. {lender}, {name}")
    experiment = declared(template="due_soon", arms=ARMS)
    assert refused(experiment).fields == {
        "arms": "short text leaves offer_until open by SMS in English, which the template does not."
    }


def test_one_experiment_runs_on_a_template():
    start(two_texts(share=Decimal("0.4")))
    active_version(code="due_soon_c", body=SHORT)
    other = declared(
        code="another", share=Decimal("0.4"), template="due_soon",
        arms=(ARMS[0], NewArm(name="third text", share=Decimal("0.5"), template="due_soon_c")),
    )  # fmt: skip
    assert refused(other).message == "The experiment Short reminder runs on the template due_soon already."
    with pytest.raises(IntegrityError, match="one_running_experiment_per_template"), transaction.atomic():
        Experiment.objects.filter(pk=other.pk).update(
            state="running", slice=("0.5", "0.9"), started_at=datetime(2026, 3, 2, tzinfo=UTC)
        )


def test_what_it_is_about_is_frozen_when_it_starts():
    experiment = start(two_texts())
    for change in (
        lambda: Experiment.objects.filter(pk=experiment.pk).update(template=template("due_soon_b")),
        lambda: experiment.arms.filter(number=2).update(template=template("due_soon")),
    ):
        with pytest.raises(IntegrityError, match="frozen"), transaction.atomic():
            change()


def test_words_that_were_approved_since_are_not_what_the_second_person_was_asked_for():
    experiment = two_texts()
    asked = experiments.submit_start(experiment_id=experiment.pk, reason="ready to go", actor=ANALYST)
    assert asked.consequence.endswith("Whoever is written to with due_soon gets the words of their arm.")
    TemplateVersion.objects.filter(template__code="due_soon_b").update(state="retired")
    active_version(code="due_soon_b", body=SHORT + " Thanks.")
    decided = approvals.approve(approval_id=asked.pk, actor=CHECKER)
    assert (decided.state, experiment_on(template=template())) == ("failed", None)


def test_the_words_stay_as_they_are_while_it_runs_and_change_again_after():
    experiment = start(two_texts())
    draft = templates.draft_version(
        template_id=template("due_soon_b").pk,
        channel=Channel.SMS,
        language="en",
        wording=Wording(body=SHORT + " Thanks."),
        actor=ANALYST,
    )
    with pytest.raises(WordsOnTrial, match="The experiment Short reminder runs on the words of due_soon_b"):
        templates.submit_version(version_id=draft.pk, reason="nicer", actor=ANALYST)
    experiments.stop(experiment_id=experiment.pk, reason="words must change", actor=ANALYST)
    templates.submit_version(version_id=draft.pk, reason="nicer", actor=ANALYST)


# --------------------------------------------------------------------------------------------------- being written to


def test_each_borrower_gets_the_words_of_their_arm_and_is_taken_in_once():
    experiment = start(two_texts())
    borrowers = units(60)
    assert written_to(borrowers) == 60
    assert written_to(borrowers) == 0
    assert written_to(borrowers, day=DAY + timedelta(days=1)) == 0

    taken = Exposure.objects.filter(experiment=experiment)
    said = dict(Message.objects.filter(key__endswith=str(DAY)).values_list("key", "template_version__template__code"))
    assert dict(taken.values_list("message_key", "arm__template__code")) == said
    assert sorted(set(said.values())) == ["due_soon", "due_soon_b"]
    assert set(taken.values_list("at", flat=True)) == {beginning_of(DAY)}
    entry = AuditEntry.objects.get(verb="outreach.experiment.taken_in")
    assert (entry.subject_id, entry.after) == (str(experiment.pk), {"day": str(DAY), "new": 60})


def test_outside_the_slice_the_template_speaks_and_nobody_is_taken_in():
    start(two_texts(share=Decimal("0.5")))
    borrowers = units(40)
    inside = written_to(borrowers)
    assert 0 < inside < 40
    taken = set(Exposure.objects.values_list("borrower_id", flat=True))
    others = Message.objects.exclude(borrower_id__in=taken)
    assert set(others.values_list("template_version__template__code", flat=True)) == {"due_soon"}


def test_a_message_that_was_planned_before_the_start_takes_nobody_in():
    experiment = two_texts()
    borrowers = units(20)
    written_to(borrowers)
    start(experiment)
    _, trials = words_and_trials(codes={"due_soon"}, on=DAY)
    short = [one for one in borrowers if trials.template_for("due_soon", borrower_id=one) == "due_soon_b"]
    assert written_to(borrowers) == 20 - len(short)
    assert not Exposure.objects.filter(borrower_id__in=short).exists()


def test_nobody_is_taken_in_after_the_last_day():
    start(two_texts(stop_on=DAY))
    assert written_to(units(5), day=DAY + timedelta(days=1)) == 0
    assert written_to(units(5), day=DAY) == 5


def test_reads_words_and_trials_in_two_queries_and_writes_in_one(django_assert_num_queries):
    start(two_texts())
    with django_assert_num_queries(2):
        words, trials = words_and_trials(codes={"due_soon"}, on=DAY)
    wanted = planned(units(50), words=words, trials=trials)
    take_in_planned(trials=trials, planned=wanted, day=DAY, actor=SYSTEM)
    with django_assert_num_queries(1):
        take_in_planned(trials=trials, planned=wanted, day=DAY, actor=SYSTEM)
    with django_assert_num_queries(0):
        take_in_planned(trials=trials, planned=[], day=DAY, actor=SYSTEM)


def test_nobody_is_taken_in_by_hand():
    experiment = start(two_texts())
    with pytest.raises(TakenInByMessages):
        experiments.take_in(experiment_id=experiment.pk, borrower_ids=units(1), at=beginning_of(TODAY), actor=SYSTEM)
    assert not Exposure.objects.exists()


def test_words_that_are_retired_let_the_template_speak_to_all_and_stop_it():
    experiment = start(two_texts())
    version = TemplateVersion.objects.get(template__code="due_soon_b")
    templates.retire_version(version_id=version.pk, reason="must not be sent", actor=ANALYST)

    _, trials = words_and_trials(codes={"due_soon"}, on=DAY)
    assert {trials.template_for("due_soon", borrower_id=one) for one in units(20)} == {"due_soon"}
    assert written_to(units(20)) == 0
    assert experiments.stop_speechless(as_of=TODAY, actor=SYSTEM) == 1
    assert experiments.stop_speechless(as_of=TODAY, actor=SYSTEM) == 0
    experiment.refresh_from_db()
    assert (experiment.state, experiment.stopped_on) == ("stopped", TODAY)
    entry = AuditEntry.objects.get(verb="outreach.experiment.stopped")
    assert entry.reason == "short text has no approved words by SMS in English, where the template speaks."


def test_an_experiment_with_its_words_goes_on():
    start(two_texts())
    assert experiments.stop_speechless(as_of=TODAY, actor=SYSTEM) == 0


# ---------------------------------------------------------------------------------------------------------- observing


def test_opt_outs_and_replies_within_the_window_are_written_down_once():
    experiment = start(two_texts())
    borrowers = units(4)
    written_to(borrowers)
    at = beginning_of(DAY) + timedelta(hours=12)
    for borrower_id, when in (
        (borrowers[0], at),
        (borrowers[1], beginning_of(DAY) - timedelta(seconds=1)),
        (borrowers[2], beginning_of(DAY) + timedelta(days=7)),
    ):
        ConsentEntry.objects.create(borrower_id=borrower_id, kind="opt_out", source="sms", actor_name="sms", at=when)
    answered = Message.objects.get(borrower_id=borrowers[3])
    for hours in (0, 1):
        MessageMove.objects.create(
            message=answered, to_state="replied", actor_name="sms", at=at + timedelta(hours=hours)
        )

    ids = [experiment.pk]
    assert record_observed(experiments=ids, day=DAY - timedelta(days=1), told=[]) == 0
    assert record_observed(experiments=ids, day=DAY + timedelta(days=30), told=[]) == 2
    assert record_observed(experiments=ids, day=DAY + timedelta(days=30), told=[]) == 0
    assert list(Outcome.objects.order_by("id").values_list("metric__code", "borrower_id", "at")) == [
        ("opted_out", borrowers[0], at),
        ("replied", borrowers[3], at),
    ]


# ---------------------------------------------------------------------------------------------------- plans of pieces


LIBRARY = {
    ("salutation", "house"): "{lender} (reply STOP to end):",
    ("benefit", "bill"): "Your bill of {amount} is due on {due_date}.",
    ("benefit", "amount"): "{amount} is due on {due_date}.",
    ("time_limit", "days_left"): "{days_left} days are left.",
    ("call_to_action", "pay"): "Please pay in the app.",
}


def library():
    return {
        (element, code): write_piece(element=Element(element), code=code, language="en", text=text, actor=SYSTEM).pk
        for (element, code), text in LIBRARY.items()
    }


def composed():
    """The template put together from a salutation, a benefit and a time limit."""
    pieces = library()
    chosen = [pieces[one] for one in (("salutation", "house"), ("benefit", "bill"), ("time_limit", "days_left"))]
    body = " ".join(LIBRARY[one] for one in (("salutation", "house"), ("benefit", "bill"), ("time_limit", "days_left")))
    return active_version(body=body, pieces=chosen)


FACTORS = (
    NewFactor(name="benefit", levels=("as today", "amount"), element="benefit"),
    NewFactor(name="time limit", levels=("as today", "-"), element="time_limit"),
    NewFactor(name="call to action", levels=("as today", "pay"), element="call_to_action"),
)


def a_plan(**changes):
    return experiments.declare_experiment(
        declaration=screening(**({"template": "due_soon", "factors": FACTORS} | changes)), actor=ANALYST
    )


def approve_drafts():
    for version in TemplateVersion.objects.filter(state="draft").order_by("id"):
        request = templates.submit_version(version_id=version.pk, reason="to be tried", actor=ANALYST)
        approvals.approve(approval_id=request.pk, actor=CHECKER)


def test_drafts_the_words_of_each_row_and_starts_once_they_are_approved():
    composed()
    experiment = a_plan()
    assert refused(experiment).fields["arms"].startswith("111 has no words yet. 122 has no words yet. ")

    drafted = experiments.draft_rows(experiment_id=experiment.pk, actor=ANALYST)
    again = experiments.draft_rows(experiment_id=experiment.pk, actor=ANALYST)

    assert [one.code for one in again] == [one.code for one in drafted] == ["six-03", "six-05", "six-07"]
    assert list(experiment.arms.order_by("number").values_list("name", "template__code")) == [
        ("111", "due_soon"), ("111", "due_soon"), ("122", "six-03"), ("122", "six-03"),
        ("212", "six-05"), ("212", "six-05"), ("221", "six-07"), ("221", "six-07"),
    ]  # fmt: skip
    assert dict(TemplateVersion.objects.filter(state="draft").values_list("template__code", "body")) == {
        "six-03": "{lender} (reply STOP to end): Your bill of {amount} is due on {due_date}. Please pay in the app.",
        "six-05": "{lender} (reply STOP to end): {amount} is due on {due_date}. {days_left} days are left. "
        "Please pay in the app.",
        "six-07": "{lender} (reply STOP to end): {amount} is due on {due_date}.",
    }
    assert "no approved words by SMS in English" in refused(experiment).message

    approve_drafts()
    assert start(experiment).state == "running"
    assert written_to(units(80)) == 80
    assert set(Exposure.objects.values_list("arm__number", flat=True)) == set(range(1, 9))


def test_a_row_that_was_rewritten_is_not_what_the_plan_prescribes():
    composed()
    experiment = a_plan()
    experiments.draft_rows(experiment_id=experiment.pk, actor=ANALYST)
    draft = TemplateVersion.objects.get(template__code="six-07")
    templates.change_draft(
        version_id=draft.pk, wording=Wording(body="{lender} (reply STOP to end): pay {amount}."), actor=ANALYST
    )
    approve_drafts()
    said = "221 does not say by SMS in English what its row of the plan prescribes."
    assert refused(experiment).fields == {"arms": f"{said} {said}"}


def test_drafting_again_writes_what_the_changed_plan_prescribes():
    composed()
    experiment = a_plan()
    experiments.draft_rows(experiment_id=experiment.pk, actor=ANALYST)
    write_piece(element=Element.BENEFIT, code="owed", language="en", text="You owe {amount}.", actor=SYSTEM)
    factors = (NewFactor(name="benefit", levels=("as today", "owed"), element="benefit"), *FACTORS[1:])
    experiments.change_draft(
        experiment_id=experiment.pk,
        declaration=screening(template="due_soon", factors=factors),
        actor=ANALYST,
    )
    experiments.draft_rows(experiment_id=experiment.pk, actor=ANALYST)
    assert (
        TemplateVersion.objects.get(template__code="six-07").body == "{lender} (reply STOP to end): You owe {amount}."
    )
    assert TemplateVersion.objects.filter(template__code="six-07").count() == 1


@pytest.mark.parametrize(
    ("factors", "refusal", "said"),
    [
        (
            (NewFactor(name="benefit", levels=("as today", "gift"), element="benefit"), *FACTORS[1:]),
            PieceMissing,
            "The library has no piece gift for the benefit in English.",
        ),
        (FACTORS, None, ""),
    ],
)
def test_a_piece_that_is_not_in_the_library_is_named(factors, refusal, said):
    composed()
    experiment = a_plan(factors=factors)
    if refusal is None:
        assert len(experiments.draft_rows(experiment_id=experiment.pk, actor=ANALYST)) == 3
        return
    with pytest.raises(refusal) as raised:
        experiments.draft_rows(experiment_id=experiment.pk, actor=ANALYST)
    assert raised.value.message == said
    assert not MessageTemplate.objects.exclude(code="due_soon").exists()


def test_words_written_freely_have_no_pieces_to_change():
    active_version()
    with pytest.raises(NothingToDraft, match="was written freely; a plan changes pieces"):
        experiments.draft_rows(experiment_id=a_plan().pk, actor=ANALYST)


def test_there_is_nothing_to_draft_for_arms_or_before_the_template_speaks():
    template()
    with pytest.raises(NothingToDraft, match="due_soon has no approved words yet"):
        experiments.draft_rows(experiment_id=a_plan().pk, actor=ANALYST)
    active_version()
    template("due_soon_b")
    with pytest.raises(NothingToDraft, match="No row of a plan says"):
        experiments.draft_rows(experiment_id=declared(code="other", template="due_soon", arms=ARMS).pk, actor=ANALYST)


def screened(*, pays, factors=FACTORS):
    """A plan that has run, its last day over: those of the arms `pays` names paid on time."""
    composed()
    experiment = a_plan(factors=factors, window_days=1, minimum_sample=3, stop_on=DAY)
    experiments.draft_rows(experiment_id=experiment.pk, actor=ANALYST)
    approve_drafts()
    start(experiment)
    written_to(units(400))
    experiments.record_outcomes(
        outcomes=[
            experiments.NewOutcome(borrower_id=unit, metric="on_time", value=Decimal(1), at=at, key=f"p:{unit}")
            for unit, at in Exposure.objects.filter(arm__name__in=pays).values_list("borrower_id", "at")
        ],
        actor=SYSTEM,
    )
    on(DAY + timedelta(days=3))
    experiments.stop_due(as_of=DAY + timedelta(days=3), actor=SYSTEM)
    experiment.refresh_from_db()
    return experiment


def confirmed(experiment):
    made = experiments.declare_confirmation(
        screening_id=experiment.pk,
        code="six-confirmed",
        declaration=declaration(code="", stop_on=date(2026, 3, 31)),
        actor=ANALYST,
    )
    return list(made.arms.order_by("number").values_list("template__code", flat=True))


def test_the_confirmation_speaks_with_the_row_that_is_the_predicted_best():
    experiment = screened(pays=("221",))
    assert confirmed(experiment) == ["due_soon", "six-07"]
    assert not TemplateVersion.objects.filter(state="draft").exists()


def test_a_predicted_best_that_was_no_row_is_drafted_for_its_confirmation():
    experiment = screened(pays=("212", "122"))
    assert confirmed(experiment) == ["due_soon", "six-confirmed-best"]
    draft = TemplateVersion.objects.get(state="draft")
    assert draft.body == (
        "{lender} (reply STOP to end): Your bill of {amount} is due on {due_date}. {days_left} days are left. "
        "Please pay in the app."
    )


# ------------------------------------------------------------------------------------------------------------ copying


def test_a_copy_says_in_drafts_what_the_template_says_now():
    composed()
    active_version(Channel.EMAIL, body=REMINDER)
    active_version(code="other")
    made = templates.copy_template(template_id=template().pk, code="copy", name="Copy", name_zh="", actor=ANALYST)
    assert (made.purpose, made.code) == ("reminder", "copy")
    rows = made.versions.order_by("channel").values_list("channel", "state", "subject", "body", "pieces")
    source = template().versions.order_by("channel").values_list("channel", "subject", "body", "pieces")
    assert [(channel, *said) for channel, state, *said in rows if state == "draft"] == list(map(tuple, source))


def test_drafting_writes_into_no_template_somebody_else_made():
    composed()
    experiment = a_plan()
    mine = template(experiments.code_of_words(experiment=experiment.code, ending="03"))
    with pytest.raises(experiments.WordsOfOthers, match="There is a template six-03 already"):
        experiments.draft_rows(experiment_id=experiment.pk, actor=ANALYST)
    assert not mine.versions.exists()
