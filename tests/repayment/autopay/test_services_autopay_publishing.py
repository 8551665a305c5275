"""The life of a version: legal moves alone, nothing in force without two people, trials judged, one way back."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db.backends.postgresql.psycopg_any import DateRange

from backoffice.audit import approvals
from backoffice.audit.approvals import OwnRequest
from backoffice.audit.models import Approval, ApprovalLimit, AuditEntry, OutboxEvent
from backoffice.calendars.models import BusinessDay
from backoffice.core.actors import Actor
from backoffice.core.drafts import DraftMovedOn
from backoffice.core.errors import Refusal
from backoffice.customers.models import Hold
from backoffice.repayment.console.autopay.configuration_verbs import picture as approve_panel
from backoffice.repayment.domain.autopay.version_states import VersionState, may_become
from backoffice.repayment.models import (
    AutopayVersion,
    Breaker,
    CanaryLoan,
    DebitBatch,
    DebitBill,
    DebitCommand,
    DebitMove,
    Loan,
    Mandate,
    Payee,
    Rail,
    Simulation,
)
from backoffice.repayment.services.autopay import drafting, publishing, rolling_back, version_paging
from backoffice.repayment.services.autopay.building import AfterCutOff, begin_now, slots_due
from backoffice.repayment.services.autopay.checking import ConfigurationRefused, check_version
from backoffice.repayment.services.autopay.drafting import (
    ConfigurationNotFound,
    ConfigurationNotInState,
    ConfigurationTaken,
    RangeRefused,
)
from backoffice.repayment.services.autopay.planning import plan_debits
from backoffice.repayment.services.autopay.publishing import TrialUnproven, VersionFirstDayRefused
from backoffice.repayment.services.autopay.simulating import SimulationOutOfDate, simulate_version
from tests.repayment.autopay.contents import MAKER, configuration, content, in_force, mandate, open_rails
from tests.repayment.factories import close_days, open_loan
from tests.staff.factories import person

pytestmark = pytest.mark.django_db
EVE, DUE = date(2026, 2, 14), date(2026, 2, 15)
NOON = datetime(2026, 2, 15, 12, tzinfo=ZoneInfo("Asia/Shanghai"))
TRIAL = {"share": "0.5", "loans": 10, "days": 2, "least_success": "0.5"}
CHECKER = Actor(kind="staff", id=2, name="Max", roles=frozenset({"compliance"}))
GIVEN: dict[str, Any] = {"reason": "Because of a test", "actor": MAKER}


@pytest.fixture(autouse=True)
def _rails() -> None:
    open_rails()
    today(EVE)


def today(day: date) -> None:
    BusinessDay.objects.update(today=day)


def drafted(of: Any, *, since: date = DUE, **changes: Any) -> AutopayVersion:
    return drafting.draft_version(
        configuration_id=of.pk, content=content(**changes), note="", actor=MAKER, effective_from=since
    )


def simulated(of: Any, **changes: Any) -> AutopayVersion:
    version = drafted(of, **changes)
    check_version(version_id=version.pk, actor=MAKER)
    simulate_version(version_id=version.pk, actor=MAKER)
    version.refresh_from_db()
    return version


def approved(of: Any, **changes: Any) -> AutopayVersion:
    version = simulated(of, **changes)
    asked = publishing.submit_version(version_id=version.pk, reason="Tests", actor=person("team_lead").as_actor())
    approvals.approve(approval_id=asked.pk, actor=person("compliance").as_actor())
    version.refresh_from_db()
    return version


def just_simulated(version: AutopayVersion) -> None:
    """A simulation of the version as it is that found nothing, whatever its state."""
    side = {"bills": 0, "debits": 0, "without_agreement": 0, "amounts": {}, "payees": []}
    nothing = {"before": side, "after": side, "changed": 0, "why": {}}
    Simulation.objects.create(
        version=version,
        state="done",
        mark=drafting.mark_of_draft(version),
        from_day=EVE - timedelta(days=29),
        through_day=DUE,
        totals={"tomorrow": nothing, "past": nothing},
        actor_name="Mia",
    )


def plain(text: str) -> str:
    """A sentence with every kind of space as the plain one."""
    return " ".join(text.split())


def fresh(version: AutopayVersion) -> AutopayVersion:
    return AutopayVersion.objects.get(pk=version.pk)


def asked_for() -> list[str]:
    """What people were paged for, in its order."""
    rows = OutboxEvent.objects.filter(event=version_paging.NEEDS_PEOPLE).order_by("pk")
    return [row.payload["why"] for row in rows]


def loans(count: int = 1) -> list[int]:
    made = [open_loan(business_date=EVE) for _ in range(count)]
    for loan_id in made:
        mandate(Loan.objects.get(pk=loan_id).borrower_id)
    return list(made)


# ------------------------------------------------------------------------------------------------------------ laws

VERBS: dict[str, tuple[Callable[..., Any], set[VersionState]]] = {
    "change": (
        lambda version_id, **given: drafting.change_draft(
            version_id=version_id, content=content(), note="", actor=given["actor"], effective_from=DUE
        ),
        {VersionState.DRAFT, VersionState.CHECKED, VersionState.SIMULATED},
    ),
    "check": (
        lambda version_id, **given: check_version(version_id=version_id, actor=given["actor"]),
        {VersionState.DRAFT, VersionState.CHECKED, VersionState.SIMULATED},
    ),
    "simulate": (
        lambda version_id, **given: simulate_version(version_id=version_id, actor=given["actor"]),
        {VersionState.CHECKED, VersionState.SIMULATED, VersionState.SUBMITTED, VersionState.CANARY},
    ),
    "submit": (publishing.submit_version, {VersionState.SIMULATED}),
    "take_back": (drafting.take_back, {VersionState.SUBMITTED}),
    "discard": (
        drafting.discard_version,
        {
            VersionState.DRAFT,
            VersionState.CHECKED,
            VersionState.SIMULATED,
            VersionState.SUBMITTED,
            VersionState.APPROVED,
        },
    ),
    "promote": (
        lambda version_id, **given: publishing.promote(version_id=version_id, **(given | {"actor": CHECKER})),
        {VersionState.CANARY},
    ),
    "roll_back": (
        lambda version_id, **given: rolling_back.roll_back(version_id=version_id, at=NOON, **given),
        {VersionState.CANARY, VersionState.ACTIVE},
    ),
}


@pytest.mark.parametrize("verb", list(VERBS))
@pytest.mark.parametrize("state", list(VersionState))
def test_every_verb_is_done_in_its_states_and_refused_in_all_others(verb: str, state: VersionState) -> None:
    does, allowed = VERBS[verb]
    version = drafted(configuration())
    AutopayVersion.objects.filter(pk=version.pk).update(state=state.value, approved_at=NOON)
    just_simulated(version)
    entries = AuditEntry.objects.count()

    if state in allowed:
        does(version_id=version.pk, **GIVEN)
        after = VersionState(fresh(version).state)
        assert after == state or may_become(current=state, to=after) or after == VersionState.CHECKED
        assert AuditEntry.objects.count() > entries
    else:
        with pytest.raises(ConfigurationNotInState):
            does(version_id=version.pk, **GIVEN)
        assert fresh(version).state == state
        assert AuditEntry.objects.count() == entries


@pytest.mark.parametrize("verb", list(VERBS))
def test_every_verb_refuses_a_version_that_is_not_there(verb: str) -> None:
    with pytest.raises(ConfigurationNotFound):
        VERBS[verb][0](version_id=0, **GIVEN)


def test_nothing_comes_into_force_without_a_second_person() -> None:
    version = simulated(configuration())
    admin = person("admin").as_actor()
    asked = publishing.submit_version(version_id=version.pk, reason="Tests", actor=admin)

    with pytest.raises(OwnRequest):
        approvals.approve(approval_id=asked.pk, actor=admin)
    assert publishing.activate_due(on=DUE) == 0
    assert fresh(version).state == "submitted"
    assert not ApprovalLimit.objects.filter(verb=publishing.APPROVE, alone=True).exists()
    with pytest.raises(Exception, match="autopay_version_in_force_was_approved"):
        AutopayVersion.objects.filter(pk=version.pk).update(state="active")


# ----------------------------------------------------------------------------------------------------- the way there


def test_a_version_holds_from_its_day_in_place_of_the_one_before() -> None:
    of = configuration()
    first = in_force(of)
    version = approved(of, days=5)
    assert (version.state, version.approved_by_name != version.created_by_name) == ("approved", True)

    assert publishing.activate_due(on=EVE) == 0
    assert publishing.activate_due(on=DUE) == 1
    assert publishing.activate_due(on=DUE) == 0

    assert (fresh(version).state, fresh(first).state) == ("active", "retired")
    assert (fresh(first).ended_because, fresh(first).effective_to) == ("replaced", DUE)
    verbs = list(AuditEntry.objects.filter(subject_id=str(version.pk)).order_by("pk").values_list("verb", flat=True))
    assert [verb.rpartition(".")[2] for verb in verbs if "autopay_version." in verb] == [
        "drafted", "checked", "simulated", "submitted", "approved", "activated",
    ]  # fmt: skip


def test_the_request_says_what_would_change_tomorrow_and_how_it_starts() -> None:
    of = configuration()
    in_force(of)
    loans()
    version = simulated(of, canary=TRIAL)

    asked = publishing.submit_version(version_id=version.pk, reason="Tests", actor=MAKER)

    assert plain(asked.consequence) == (
        "Tomorrow: 1 debit of ¥ 1,100.16 instead of 1 debit of ¥ 1,100.16; 0 bills change. "
        "From 15 Feb 2026 it is on trial for 2 days with 50 % of the loans due, at most 10."
    )
    assert publishing.consequence_of(asked) == asked.consequence


def test_a_first_day_whose_debits_are_planned_is_refused() -> None:
    version = simulated(configuration(), since=EVE)
    with pytest.raises(VersionFirstDayRefused):
        publishing.submit_version(version_id=version.pk, **GIVEN)
    assert fresh(version).state == "simulated"
    assert not Approval.objects.exists()


def test_agreed_to_late_it_holds_from_the_first_day_not_planned_yet() -> None:
    version = simulated(configuration())
    asked = publishing.submit_version(version_id=version.pk, **GIVEN)
    today(date(2026, 2, 20))
    simulate_version(version_id=version.pk, actor=MAKER)

    approvals.approve(approval_id=asked.pk, actor=person("compliance").as_actor())

    assert fresh(version).effective_from == date(2026, 2, 21)


def test_guards_look_again_when_it_is_submitted_and_when_it_is_agreed_to() -> None:
    version = simulated(configuration())
    asked = publishing.submit_version(version_id=version.pk, **GIVEN)
    Payee.objects.filter(code="guarantor").update(is_active=False)

    assert publishing.consequence_of(asked) == "Guards refuse this version; it would not run."
    decided = approvals.approve(approval_id=asked.pk, actor=person("compliance").as_actor())
    assert (decided.state, fresh(version).state) == ("failed", "submitted")
    drafting.take_back(version_id=version.pk, reason="Wrong", actor=MAKER)
    assert fresh(version).state == "draft"
    check_version(version_id=version.pk, actor=MAKER)
    with pytest.raises(ConfigurationNotInState):
        publishing.submit_version(version_id=version.pk, **GIVEN)
    AutopayVersion.objects.filter(pk=version.pk).update(state="simulated")
    with pytest.raises(ConfigurationRefused):
        publishing.submit_version(version_id=version.pk, **GIVEN)


def test_what_was_simulated_on_an_earlier_day_is_not_to_go_by() -> None:
    version = simulated(configuration())
    loans()
    asked = publishing.submit_version(version_id=version.pk, **GIVEN)
    today(DUE)

    said = "The simulation is of 14 Feb 2026; the book has moved on since."
    again = "Simulate the version again on its page, and look at what changes."
    assert plain(publishing.consequence_of(asked)) == f"{said} {again}"
    with pytest.raises(SimulationOutOfDate):
        approve_panel(asked)
    simulate_version(version_id=version.pk, actor=MAKER)
    assert publishing.consequence_of(asked).startswith("Tomorrow: 1 debit")
    assert fresh(version).state == "submitted"
    approvals.approve(approval_id=asked.pk, actor=person("compliance").as_actor())
    assert fresh(version).state == "approved"


def test_nobody_agrees_to_what_was_simulated_on_an_earlier_day() -> None:
    version = simulated(configuration())
    asked = publishing.submit_version(version_id=version.pk, **GIVEN)
    today(DUE)

    decided = approvals.approve(approval_id=asked.pk, actor=person("compliance").as_actor())

    assert (decided.state, fresh(version).state) == ("failed", "submitted")


def test_what_was_changed_since_it_was_simulated_is_not_submitted() -> None:
    version = simulated(configuration())
    AutopayVersion.objects.filter(pk=version.pk).update(content=content(days=5))

    with pytest.raises(SimulationOutOfDate, match="changed since"):
        publishing.submit_version(version_id=version.pk, **GIVEN)

    assert not Approval.objects.exists()


def test_another_version_in_force_makes_a_simulation_one_to_be_made_again() -> None:
    of = configuration()
    version = simulated(of)
    in_force(of, number=9)

    with pytest.raises(SimulationOutOfDate, match="Another version"):
        publishing.submit_version(version_id=version.pk, **GIVEN)


def test_taking_back_withdraws_the_request_that_waits() -> None:
    version = simulated(configuration())
    publishing.submit_version(version_id=version.pk, **GIVEN)

    drafting.take_back(version_id=version.pk, reason="Wrong", actor=MAKER)

    assert (Approval.objects.get().state, fresh(version).state) == ("withdrawn", "draft")


def test_a_version_ends_on_its_last_day() -> None:
    of = configuration()
    first = in_force(of)
    AutopayVersion.objects.filter(pk=first.pk).update(effective_to=DUE)

    assert publishing.activate_due(on=DUE) == 1
    assert (fresh(first).state, fresh(first).ended_because) == ("retired", "ended")


def test_changing_a_version_takes_it_back_to_the_beginning_unless_somebody_saved_meanwhile() -> None:
    version = simulated(configuration())
    seen = drafting.mark_of_draft(version)
    given: dict[str, Any] = {"version_id": version.pk, "note": "", "actor": MAKER, "seen": seen}

    drafting.change_draft(content=content(days=4), **given)

    assert fresh(version).state == "draft"
    with pytest.raises(DraftMovedOn):
        drafting.change_draft(content=content(days=5), **given)
    assert fresh(version).content["days"] == 4
    with pytest.raises(RangeRefused):
        drafting.change_draft(**(given | {"seen": None}), content={}, effective_from=DUE, effective_to=DUE)


def test_one_configuration_a_product_and_funder_and_one_version_in_the_making() -> None:
    of = configuration()
    drafted(of)
    with pytest.raises(ConfigurationNotInState):
        drafted(of)
    for code, portfolio in (("cash", "other"), ("other", "cash")):
        with pytest.raises(ConfigurationTaken):
            drafting.create_configuration(code=code, name="X", portfolio=portfolio, actor=MAKER)
    with pytest.raises(Refusal) as refusal:
        drafting.create_configuration(code="new", name="X", portfolio="b", actor=MAKER, portfolios=["a"])
    assert refusal.value.fields == {"portfolio": "is not one of yours"}


# ------------------------------------------------------------------------------------------------------------ trials


def on_trial(of: Any, **changes: Any) -> AutopayVersion:
    version = approved(of, canary=TRIAL, **changes)
    publishing.activate_due(on=DUE)
    return fresh(version)


def test_a_trial_begins_with_a_share_of_the_loans_due_and_the_version_in_force_keeps_the_others() -> None:
    of = configuration()
    first = in_force(of)
    loans(4)

    version = on_trial(of)
    plan_debits(day=DUE)

    assert (version.state, version.canary_from, fresh(first).state) == ("canary", DUE, "active")
    chosen = set(CanaryLoan.objects.values_list("loan_id", flat=True))
    assert len(chosen) == 2
    assert set(DebitBill.objects.filter(version=version).values_list("loan_id", flat=True)) == chosen
    assert DebitBill.objects.filter(version=first).count() == 2


def test_a_trial_takes_the_number_of_loans_where_that_is_less() -> None:
    of = configuration()
    loans(4)
    approved(of, canary=TRIAL | {"loans": 1})
    publishing.activate_due(on=DUE)
    assert CanaryLoan.objects.count() == 1


@pytest.mark.parametrize(
    ("settled", "state", "because"), [(2, "active", ""), (1, "active", ""), (0, "retired", "trial")]
)
def test_a_trial_that_is_over_is_judged_by_what_was_settled(settled: int, state: str, because: str) -> None:
    of = configuration()
    first = in_force(of)
    loans(4)
    version = on_trial(of)
    plan_debits(day=DUE)
    bills = list(DebitBill.objects.filter(version=version).order_by("pk"))
    DebitBill.objects.filter(version=version).update(state="over")
    for bill in bills[:settled]:
        DebitBill.objects.filter(pk=bill.pk).update(state="settled")

    assert publishing.judge_canaries(on=DUE + timedelta(days=1), at=NOON) == 0
    assert publishing.judge_canaries(on=DUE + timedelta(days=2), at=NOON) == 1

    assert (fresh(version).state, fresh(version).ended_because) == (state, because)
    assert fresh(first).state == ("retired" if state == "active" else "active")


def test_a_trial_nothing_was_tried_in_goes_on_for_a_week_and_then_people_are_asked() -> None:
    version = on_trial(configuration())
    assert publishing.judge_canaries(on=DUE + timedelta(days=8), at=NOON) == 0
    assert fresh(version).state == "canary"
    assert publishing.judge_canaries(on=DUE + timedelta(days=9), at=NOON) == 1
    assert (fresh(version).state, fresh(version).ended_because) == ("retired", "untried")
    assert asked_for() == ["untried"]


def test_a_breaker_ends_a_trial_at_once() -> None:
    of = configuration()
    first = in_force(of)
    loans(2)
    version = on_trial(of)
    plan_debits(day=DUE)
    today(DUE)
    begin_now(version_id=version.pk, slot_id="morning", at=NOON, reason="x", actor=MAKER)
    Breaker.objects.create(kind="total", batch=DebitBatch.objects.get(), seen="12 %", opened_at=NOON)

    assert publishing.judge_canaries(on=DUE, at=NOON) == 1
    assert (fresh(version).state, fresh(version).ended_because, fresh(first).state) == ("retired", "trial", "active")


def test_a_person_ends_a_trial_early_and_a_later_version_supersedes_one() -> None:
    of = configuration()
    version = on_trial(of)
    later = approved(of, since=DUE + timedelta(days=3), canary=TRIAL)
    publishing.activate_due(on=DUE + timedelta(days=3))
    assert (fresh(version).state, fresh(version).ended_because) == ("retired", "superseded")

    promoted = publishing.promote(version_id=later.pk, reason="Well tried", actor=CHECKER)
    assert promoted.state == "active"
    assert rolling_back.holds_instead(promoted) is None


# ---------------------------------------------------------------------------------------------------------- way back


@pytest.fixture
def running() -> tuple[AutopayVersion, AutopayVersion]:
    """Version 1 was replaced by version 2, under which a slot of today has begun for three loans."""
    of = configuration()
    first = in_force(of)
    loans(3)
    second = approved(of)
    publishing.activate_due(on=DUE)
    plan_debits(day=DUE)
    today(DUE)
    begin_now(version_id=second.pk, slot_id="morning", at=NOON, reason="x", actor=MAKER)
    return fresh(first), fresh(second)


def test_rolling_back_drops_what_has_not_left_and_leaves_what_is_on_its_way(running: Any) -> None:
    first, second = running
    away, declined, waiting = DebitCommand.objects.order_by("pk")
    DebitCommand.objects.filter(pk=away.pk).update(state="unknown")
    DebitCommand.objects.filter(pk=declined.pk).update(state="declined", answered_at=NOON)

    said = rolling_back.in_words(rolling_back.unfinished(second))
    assert tuple(map(plain, said)) == (
        "1 debit that has not left is dropped (¥ 1,100.16).",
        "1 debit on its way is left to come home (¥ 1,100.16); its answer is booked as ever.",
        "Version 1 holds at once.",
        "1 bill nothing has left for is tried under it the same day, in the slots still to come.",
        "1 bill that was refused is tried again on a later day.",
    )
    instead = rolling_back.roll_back(version_id=second.pk, reason="Wrong payees", at=NOON, actor=MAKER)

    assert instead == first
    assert (fresh(first).state, fresh(first).effective_from, fresh(first).effective_to) == ("active", DUE, None)
    assert (fresh(second).state, fresh(second).ended_because) == ("retired", "rolled_back")
    states = dict(DebitCommand.objects.values_list("pk", "state"))
    assert states == {away.pk: "unknown", declined.pk: "declined", waiting.pk: "dropped"}
    assert DebitMove.objects.filter(command=waiting).last().to_state == "dropped"  # type: ignore[union-attr]
    assert DebitBatch.objects.get().state == "over"
    bills = {bill.pk: (bill.version_id, bill.state, bill.stopped_by) for bill in DebitBill.objects.all()}
    assert bills == {
        away.bill_id: (second.pk, "stopped", "rolled_back"),
        declined.bill_id: (second.pk, "stopped", "rolled_back"),
        waiting.bill_id: (first.pk, "open", ""),
    }
    entry = AuditEntry.objects.get(verb="repayment.autopay_version.rolled_back")
    assert (entry.reason, entry.after["dropped"], entry.after["instead"]) == ("Wrong payees", 1, 1)


def test_bills_nothing_was_asked_for_are_planned_anew_by_what_holds_then(running: Any) -> None:
    first, second = running
    DebitMove.objects.all()
    DebitCommand.objects.all().delete()

    rolling_back.roll_back(version_id=second.pk, reason="Wrong", at=NOON, actor=MAKER)

    assert set(DebitBill.objects.values_list("version_id", "state", "amount")) == {
        (first.pk, "open", Decimal("1100.16"))
    }
    assert DebitBill.objects.count() == 3


def test_a_version_before_that_guards_refuse_by_now_is_not_put_back(running: Any) -> None:
    _first, second = running
    Payee.objects.filter(code="guarantor").update(is_active=False)
    assert rolling_back.in_words(rolling_back.unfinished(second))[2] == (
        "Nothing of this configuration holds afterwards. Bills of version 2 still open: 3."
    )

    assert rolling_back.roll_back(version_id=second.pk, reason="Wrong", at=NOON, actor=MAKER) is None

    assert not AutopayVersion.objects.filter(state="active").exists()
    assert set(DebitBill.objects.values_list("state", "stopped_by")) == {("stopped", "rolled_back")}


def test_rolling_a_trial_back_gives_its_loans_to_the_version_in_force() -> None:
    of = configuration()
    first = in_force(of)
    loans(4)
    version = on_trial(of)
    plan_debits(day=DUE)

    assert rolling_back.roll_back(version_id=version.pk, reason="Wrong", at=NOON, actor=MAKER) == first

    assert fresh(first).state == "active"
    assert set(DebitBill.objects.values_list("version_id", flat=True)) == {first.pk}
    assert DebitBill.objects.count() == 4


def test_going_back_twice_goes_to_the_version_before_the_one_before(running: Any) -> None:
    first, second = running
    third = approved(second.configuration, since=DUE + timedelta(days=1))
    publishing.activate_due(on=DUE + timedelta(days=1))

    assert rolling_back.roll_back(version_id=third.pk, reason="Wrong", at=NOON, actor=MAKER) == second
    assert rolling_back.roll_back(version_id=second.pk, reason="Wrong", at=NOON, actor=MAKER) == first
    assert rolling_back.roll_back(version_id=first.pk, reason="Wrong", at=NOON, actor=MAKER) is None


# --------------------------------------------------------------------------------- who agrees, and what is asked again


@pytest.mark.parametrize("how", ["drafted", "changed"])
def test_who_wrote_a_version_does_not_agree_to_it_whoever_asked(how: str) -> None:
    author = person("compliance").as_actor()
    of = configuration()
    version = drafting.draft_version(
        configuration_id=of.pk,
        content=content(),
        note="",
        actor=author if how == "drafted" else MAKER,
        effective_from=DUE,
    )
    if how == "changed":
        drafting.change_draft(version_id=version.pk, content=content(days=2), note="", actor=author, effective_from=DUE)
    check_version(version_id=version.pk, actor=MAKER)
    simulate_version(version_id=version.pk, actor=MAKER)
    asked = publishing.submit_version(version_id=version.pk, reason="x", actor=person("team_lead").as_actor())

    with pytest.raises(OwnRequest):
        approvals.approve(approval_id=asked.pk, actor=author)

    assert (Approval.objects.get().state, fresh(version).state) == ("pending", "submitted")
    approvals.approve(approval_id=asked.pk, actor=person("compliance").as_actor())
    assert fresh(version).state == "approved"


def test_the_guards_look_again_when_its_day_has_come_and_nothing_unsound_begins() -> None:
    of = configuration()
    first = in_force(of)
    version = approved(of)
    Payee.objects.filter(code="guarantor").update(is_active=False)

    assert publishing.activate_due(on=DUE) == 0

    assert (fresh(version).state, fresh(first).state) == ("approved", "active")
    assert asked_for() == ["held_back"]
    assert AuditEntry.objects.filter(verb="repayment.autopay_version.held_back").count() == 1
    Payee.objects.filter(code="guarantor").update(is_active=True)
    assert publishing.activate_due(on=DUE + timedelta(days=1)) == 1
    assert fresh(version).state == "active"


def test_a_trial_that_guards_refuse_by_now_does_not_become_the_version_for_all() -> None:
    of = configuration()
    first = in_force(of)
    loans(2)
    version = on_trial(of)
    plan_debits(day=DUE)
    DebitBill.objects.update(state="settled")
    Payee.objects.filter(code="guarantor").update(is_active=False)

    publishing.judge_canaries(on=DUE + timedelta(days=2), at=NOON)

    assert (fresh(version).state, fresh(version).ended_because, fresh(first).state) == ("retired", "unsound", "active")
    assert asked_for() == ["unsound"]


def test_people_are_paged_the_day_before_a_version_ends_that_nothing_follows() -> None:
    of = configuration()
    first = in_force(of)
    end = DUE + timedelta(days=5)
    AutopayVersion.objects.filter(pk=first.pk).update(effective_to=end)

    assert not publishing.versions_due(on=end - timedelta(days=2))
    assert publishing.versions_due(on=end - timedelta(days=1))
    assert publishing.activate_due(on=end - timedelta(days=1)) == 0
    assert asked_for() == ["ends"]
    approved(of, since=end)
    publishing.activate_due(on=end - timedelta(days=1))
    assert asked_for() == ["ends"]


def test_no_trial_is_made_the_version_for_all_over_an_open_breaker() -> None:
    of = configuration()
    loans(2)
    version = on_trial(of)
    plan_debits(day=DUE)
    today(DUE)
    begin_now(version_id=version.pk, slot_id="morning", at=NOON, reason="x", actor=MAKER)
    DebitBill.objects.update(state="settled")
    breaker = Breaker.objects.create(kind="total", batch=DebitBatch.objects.get(), seen="12 %", opened_at=NOON)

    with pytest.raises(TrialUnproven):
        publishing.promote(version_id=version.pk, reason="Enough", actor=CHECKER)
    Breaker.objects.filter(pk=breaker.pk).update(closed_at=NOON, close_reason="looked", closed_by="Max")

    assert publishing.promote(version_id=version.pk, **GIVEN).state == "active"


@pytest.mark.parametrize("settled", [0, 1])
def test_short_of_what_it_had_to_reach_its_author_does_not_end_a_trial(settled: int) -> None:
    of = configuration()
    loans(4)
    version = on_trial(of)
    plan_debits(day=DUE)
    today(DUE)
    bills = list(DebitBill.objects.filter(version=version).order_by("pk"))
    DebitBill.objects.filter(pk__in=[bill.pk for bill in bills[:settled]]).update(state="settled")

    if settled:
        assert publishing.promote(version_id=version.pk, **GIVEN).state == "active"
        return
    with pytest.raises(TrialUnproven):
        publishing.promote(version_id=version.pk, **GIVEN)
    assert publishing.promote(version_id=version.pk, reason="Looked", actor=CHECKER).state == "active"


# ---------------------------------------------------------------------------------------------------- loans of a trial


def test_a_number_of_loans_alone_is_a_trial_of_so_many() -> None:
    of = configuration()
    in_force(of)
    loans(4)
    version = approved(of, canary={"share": "0", "loans": 3, "days": 1, "least_success": "0.5"})
    assert "3 loans" in publishing.start_in_words(version)
    publishing.activate_due(on=DUE)
    assert (fresh(version).state, CanaryLoan.objects.count()) == ("canary", 3)


def test_a_trial_takes_no_loan_it_would_not_try() -> None:
    of = configuration()
    held, elsewhere, bank, tried = loans(4)
    Hold.objects.create(
        borrower_id=Loan.objects.get(pk=held).borrower_id,
        scope="debit",
        reason="illness",
        period=DateRange(EVE, DUE + timedelta(days=30)),
        set_by_name="Mia",
        review_on=DUE + timedelta(days=20),
    )
    other = Rail.objects.get()
    other.pk, other.code = None, "other"
    other.save()
    Mandate.objects.filter(borrower__loans=elsewhere).update(rail=other)
    Loan.objects.filter(pk=bank).update(creditor="bank-a")
    in_force(configuration(code="bank", funder="bank-a"))

    approved(of, canary=TRIAL | {"share": "1"})
    publishing.activate_due(on=DUE)

    assert list(CanaryLoan.objects.values_list("loan_id", flat=True)) == [tried]


def test_a_trial_takes_no_loan_whose_bill_is_not_tried_any_more() -> None:
    of = configuration()
    loans(2)
    close_days(EVE, DUE + timedelta(days=9))
    today(DUE + timedelta(days=9))

    approved(of, since=DUE + timedelta(days=10), canary=TRIAL | {"share": "1"})
    publishing.activate_due(on=DUE + timedelta(days=10))

    assert CanaryLoan.objects.count() == 0


# -------------------------------------------------------------------------------------------------- what goes back how


def test_what_was_refused_on_its_last_day_is_not_tried_under_the_version_put_back() -> None:
    of = configuration()
    in_force(of, days=1)
    loans(3)
    second = approved(of, days=4)
    publishing.activate_due(on=DUE)
    plan_debits(day=DUE)
    today(DUE)
    begin_now(version_id=second.pk, slot_id="morning", at=NOON, reason="x", actor=MAKER)
    declined, dropped, _planned = DebitCommand.objects.order_by("pk")
    DebitCommand.objects.filter(pk=declined.pk).update(state="declined", answered_at=NOON)
    DebitCommand.objects.filter(pk=dropped.pk).update(state="dropped")

    found = rolling_back.unfinished(fresh(second))

    assert (found.tried_today, found.tried_later, found.not_tried) == (2, 0, 1)
    assert plain(rolling_back.in_words(found)[-1]) == ("1 bill is not tried any more: it has no day left under it.")
    rolling_back.roll_back(version_id=second.pk, reason="Wrong", at=NOON, actor=MAKER)
    assert set(DebitBill.objects.values_list("version__number", "state")) == {(1, "open"), (2, "stopped")}
    assert DebitBill.objects.filter(version__number=1).count() == 2


def test_one_goes_back_to_a_version_whose_last_day_was_over_and_it_says_when_it_held() -> None:
    of = configuration()
    first = in_force(of)
    AutopayVersion.objects.filter(pk=first.pk).update(effective_to=DUE)
    second = approved(of)
    publishing.activate_due(on=DUE)
    assert fresh(first).ended_because == "ended"
    today(DUE)

    assert rolling_back.roll_back(version_id=second.pk, reason="Wrong", at=NOON, actor=MAKER) == first

    back = fresh(first)
    assert (back.state, back.effective_from, back.effective_to) == ("active", DUE, None)
    assert back.held_before == [{"from": "2026-01-01", "to": "2026-02-15"}]


@pytest.mark.parametrize(("cut_off", "ends"), [(time(21), time(20, 30)), (time(20), time(20))])
def test_a_batch_ends_by_the_cut_off_of_its_rails(cut_off: time, ends: time) -> None:
    of = configuration()
    in_force(of)
    loans(1)
    plan_debits(day=DUE)
    today(DUE)
    Rail.objects.update(cut_off=cut_off)
    evening = NOON.replace(hour=19, minute=30)

    (due,) = slots_due(at=evening)

    assert due.ends_at.time() == ends
    with pytest.raises(AfterCutOff):
        begin_now(version_id=due.version_id, slot_id="morning", at=NOON.replace(hour=21), reason="x", actor=MAKER)
