"""The close of a day as a record: started once, resumed anywhere, done range by range, ended with its last step."""

from datetime import date, timedelta

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.utils.translation import override

from backoffice.audit.models import AuditEntry, OutboxEvent
from backoffice.calendars import clock
from backoffice.calendars.selectors import business_date, business_day
from backoffice.calendars.services import open_first_day
from backoffice.core.actors import SYSTEM
from backoffice.core.telling import told
from backoffice.core.words import phrase
from backoffice.dayend import services, steps
from backoffice.dayend.models import DayEndRange, DayEndRun, DayEndStep, SetAside
from backoffice.dayend.services import (
    NotPlanned,
    NotSetAside,
    NotTheDayToClose,
    close_day,
    close_through,
    progress,
    retry_set_aside,
    start,
    step_on,
    work_range,
)
from backoffice.repayment.domain.admission import NotChargeable
from backoffice.repayment.models import BucketMove, Loan, MonthEnd, Transfer
from backoffice.repayment.selectors import verification
from backoffice.repayment.selectors.verification import verify_book
from backoffice.repayment.services import closing, rebuilding
from backoffice.repayment.services.holds import place_hold
from tests.outreach.experiment_book import on as the_experiments_of
from tests.outreach.experiment_book import running
from tests.repayment.cases import D
from tests.repayment.factories import ADA, books, drifts, open_loan, post

pytestmark = pytest.mark.django_db

DUE = date(2026, 2, 15)


def opened(day, **loans):
    """A lender on the morning of a day, with so many loans of each kind."""
    open_first_day(day=day, actor=SYSTEM)
    return [open_loan(business_date=day) for _ in range(loans.get("loans", 1))]


def close(day, **options):
    return close_day(day=day, actor=ADA, threads=1, **options)


def steps_of(run):
    return [(step.name, step.state, step.counts) for step in run.steps.order_by("position")]


# one day


def test_a_close_ages_the_loans_and_opens_the_next_day():
    loan_id, *_ = opened(DUE)
    run = close(DUE)
    assert (run.day, run.state, run.actor_name, run.finished_at is not None) == (DUE, "done", "Ada", True)
    assert steps_of(run) == [
        ("transitions", "done", {"loans": 1, "moves": 1}),
        ("month_end", "done", {}),
        ("products", "done", {}),
        ("packs", "done", {}),
        ("reminder_plans", "done", {}),
        ("reminders", "done", {}),
        ("autopay", "done", {}),
        ("mandates", "done", {"mandates": 0}),
        ("debit_days", "done", {"bills": 0}),
        ("debits", "done", {}),
        ("claims", "done", {}),
        ("campaign_moves", "done", {}),
        ("campaigns", "done", {}),
        ("experiments", "done", {}),
        ("verify", "done", {"loans": 1, "drifts": 0}),
    ]
    assert business_date() == date(2026, 2, 16)
    assert Loan.objects.get(pk=loan_id).bucket == "M1"
    assert BucketMove.objects.get(loan_id=loan_id).run_id == run.pk
    assert business_day().last_close_seconds == run.seconds
    assert drifts(date(2026, 2, 16)) == []


def test_a_close_is_written_on_the_trail_and_told_when_it_starts_and_when_it_ends():
    opened(DUE)
    run = close(DUE)
    verbs = AuditEntry.objects.filter(verb__startswith="dayend.").order_by("id")
    assert [(entry.verb, entry.subject_id, entry.actor_name) for entry in verbs] == [
        ("dayend.run.started", str(run.pk), "Ada"),
        ("dayend.run.finished", str(run.pk), "system"),
    ]
    events = OutboxEvent.objects.filter(event__startswith="dayend.").order_by("id")
    assert [(event.event, event.payload) for event in events] == [
        ("dayend.started", {"run_id": run.pk}),
        ("dayend.finished", {"run_id": run.pk, "day": "2026-02-15"}),
    ]


def test_a_month_end_is_pictured_in_its_own_step():
    opened(date(2026, 2, 28), loans=2)
    run = close(date(2026, 2, 28))
    assert steps_of(run)[:2] == [
        ("transitions", "done", {"loans": 2, "moves": 0}),
        ("month_end", "done", {"rows": 0}),  # the engine that charged the penalty has pictured both already
    ]
    assert MonthEnd.objects.filter(month_end=date(2026, 2, 28)).count() == 2
    assert set(Transfer.objects.filter(kind="penalty_charge").values_list("run_id", flat=True)) == {run.pk}


def test_the_night_after_its_last_day_stops_an_experiment():
    opened(DUE - timedelta(days=1))
    the_experiments_of(DUE - timedelta(days=1))
    experiment = running(stop_on=DUE)
    nothing_yet = {"experiments": 0, "outcomes": 0}
    assert ("experiments", "done", nothing_yet) in steps_of(close(DUE - timedelta(days=1)))
    run = close(DUE)
    experiment.refresh_from_db()
    assert ("experiments", "done", {"experiments": 1, "outcomes": 0}) in steps_of(run)
    assert (experiment.state, experiment.stopped_on) == ("stopped", DUE)


@pytest.mark.parametrize("day", [date(2026, 2, 14), date(2026, 2, 16)])
def test_only_the_business_date_can_be_closed(day):
    opened(DUE)
    with pytest.raises(NotTheDayToClose) as refused:
        start(day=day, actor=ADA)
    assert (refused.value.code, refused.value.status) == ("dayend.not_the_day_to_close", 409)
    assert not DayEndRun.objects.exists()
    assert business_day().state == "open"


def test_a_day_closed_is_not_closed_again():
    opened(DUE)
    close(DUE)
    with pytest.raises(NotTheDayToClose):
        start(day=DUE, actor=ADA)
    assert DayEndRun.objects.count() == 1


def test_starting_twice_takes_up_the_same_run():
    opened(DUE)
    first, again = start(day=DUE, actor=ADA), start(day=DUE, actor=SYSTEM)
    assert first.pk == again.pk
    assert AuditEntry.objects.filter(verb="dayend.run.started").count() == 1


def test_money_booked_while_the_day_is_being_closed_belongs_to_the_next_and_survives_the_close():
    loan_id, *_ = opened(DUE)
    run = start(day=DUE, actor=ADA)
    assert business_date() == date(2026, 2, 16)
    post(loan_id, "1100.16", DUE, business_date=business_date())
    while ranges := step_on(run_id=run.pk):
        for range_id in ranges:
            work_range(range_id=range_id)
    assert Loan.objects.get(pk=loan_id).bucket == "M0"
    assert books(loan_id)["moves"] == []
    assert drifts(date(2026, 2, 16)) == []


# ranges


def test_a_step_is_cut_into_ranges_that_each_are_done_once(monkeypatch):
    monkeypatch.setattr(steps, "DUE_PER_RANGE", 2)
    loans = opened(DUE, loans=5)
    run = start(day=DUE, actor=ADA)
    ranges = DayEndRange.objects.filter(step__run=run, step__name="transitions").order_by("first_id")
    assert [(each.first_id, each.last_id, each.is_done) for each in ranges] == [
        (loans[0], loans[1], False),
        (loans[2], loans[3], False),
        (loans[4], loans[4], False),
    ]
    first = ranges[0].pk
    assert work_range(range_id=first) is True
    assert work_range(range_id=first) is False
    assert (progress(run_id=run.pk).done, progress(run_id=run.pk).total) == (1, 3)
    assert set(BucketMove.objects.values_list("loan_id", flat=True)) == set(loans[:2])


def test_a_step_ends_only_when_all_its_ranges_are_done(monkeypatch):
    monkeypatch.setattr(steps, "DUE_PER_RANGE", 1)
    opened(DUE, loans=2)
    run = start(day=DUE, actor=ADA)
    left = step_on(run_id=run.pk)
    work_range(range_id=left[0])
    assert step_on(run_id=run.pk) == left[1:]
    assert DayEndStep.objects.get(run=run).state == "running"
    work_range(range_id=left[1])
    step_on(run_id=run.pk)
    assert DayEndStep.objects.get(run=run, name="transitions").state == "done"


def test_a_range_that_fails_is_not_done_and_leaves_nothing_behind(monkeypatch):
    loan_id, *_ = opened(DUE)
    run = start(day=DUE, actor=ADA)
    (range_id,) = step_on(run_id=run.pk)
    before = books(loan_id)

    def fail(*_arguments):
        raise MemoryError

    step = steps.STEP_BY_NAME["transitions"]
    with monkeypatch.context() as patched:
        patched.setitem(services.STEP_BY_NAME, "transitions", steps.Step(step.name, step.label, step.plan, fail))
        with pytest.raises(MemoryError):
            work_range(range_id=range_id)
    assert not DayEndRange.objects.get(pk=range_id).is_done
    assert books(loan_id) == before
    assert close(DUE).pk == run.pk
    assert Loan.objects.get(pk=loan_id).bucket == "M1"


def test_progress_is_told_step_by_step():
    opened(DUE)
    seen = []
    close(DUE, on_progress=lambda now: seen.append((now.step, now.done, now.total)))
    assert seen == [("transitions", 1, 1), ("mandates", 1, 1), ("debit_days", 1, 1), ("verify", 1, 1)]


# several days


def test_seven_days_missed_are_closed_one_by_one():
    opened(date(2026, 2, 25))
    runs = close_through(through=date(2026, 3, 3), actor=ADA, threads=1)
    assert [run.day for run in runs] == [date(2026, 2, 25) + timedelta(days=n) for n in range(7)]
    assert business_date() == date(2026, 3, 4)


@pytest.mark.parametrize("first", [date(2026, 2, 10), date(2026, 2, 25), date(2026, 3, 28)])
def test_seven_missed_days_give_the_books_of_seven_nights(first):
    def lived(nights):
        loans = opened(first, loans=3)
        post(loans[1], "600.00", first)
        nights()
        return [books(loan_id) for loan_id in loans]

    def each_night():
        for n in range(7):
            close(first + timedelta(days=n))

    with transaction.atomic():
        nightly = lived(each_night)
        transaction.set_rollback(True)
    at_once = lived(lambda: close_through(through=first + timedelta(days=6), actor=ADA, threads=1))
    assert at_once == nightly
    assert drifts(first + timedelta(days=7)) == []


# loans left behind


@pytest.fixture
def stubborn(monkeypatch):
    """Two loans on 28 February, one of which cannot be closed until it is let go."""
    good, _ = opened(date(2026, 2, 28), loans=2)
    bad = open_loan(principal="777.00", business_date=date(2026, 2, 28))
    real = closing.advance

    def advance(state, **arguments):
        if state.principal == D("777.00"):
            raise ValueError("cannot be")
        real(state, **arguments)

    patched = pytest.MonkeyPatch()
    patched.setattr(closing, "advance", advance)
    yield good, bad, patched.undo
    patched.undo()


def test_a_bad_loan_does_not_stop_the_night_and_is_listed_with_the_reason(stubborn):
    good, bad, _ = stubborn
    run = close(date(2026, 2, 28))
    assert run.state == "done"
    aside = SetAside.objects.get()
    assert (aside.loan_id, aside.run_id, aside.day, aside.code, aside.reason, aside.tries) == (
        bad,
        run.pk,
        date(2026, 2, 28),
        "ValueError",
        "cannot be",
        1,
    )
    assert Loan.objects.get(pk=good).next_transition_date == date(2026, 3, 15)
    assert {drift.loan_id for drift in drifts(date(2026, 3, 1))} == {bad}


def test_the_words_of_a_refusal_are_kept_to_be_told_in_any_language(monkeypatch):
    loan_id, *_ = opened(date(2026, 2, 28))
    post(loan_id, "1.00", date(2026, 2, 28))

    def refuse(*_arguments, **_named):
        raise NotChargeable(phrase("Only an active loan can be charged off."))

    monkeypatch.setattr(closing, "advance", refuse)
    close(date(2026, 2, 28))
    aside = SetAside.objects.get()
    assert (aside.code, aside.reason) == ("NotChargeable", "Only an active loan can be charged off.")
    with override("zh-hans"):
        assert told(aside.why) == "只有生效中的贷款可以核销。"


def test_the_reason_is_not_hidden_by_the_drift_it_causes(stubborn):
    _, bad, _ = stubborn
    post(bad, "1.00", date(2026, 2, 28))
    close(date(2026, 2, 28))
    assert SetAside.objects.get().code == "ValueError"


def test_a_loan_is_tried_again_every_night_and_listed_once(stubborn):
    _, bad, let_go = stubborn
    close_through(through=date(2026, 3, 2), actor=ADA, threads=1)
    assert SetAside.objects.get().tries == 3
    let_go()
    close(date(2026, 3, 3))
    aside = SetAside.objects.get()
    assert (aside.resolved_at is not None, aside.resolved_by) == (True, "system")
    assert drifts(date(2026, 3, 4)) == []
    assert MonthEnd.objects.filter(loan_id=bad, month_end=date(2026, 2, 28)).count() == 1


def test_a_loan_whose_month_end_could_not_be_pictured_waits_for_it(monkeypatch):
    loan_id, *_ = opened(date(2026, 1, 31))
    run = start(day=date(2026, 1, 31), actor=ADA)
    post(loan_id, "1.00", date(2026, 2, 1), business_date=business_date())

    def fail(*_arguments, **_named):
        raise LookupError("no picture")

    with monkeypatch.context() as patched:
        patched.setattr(closing, "replayed_state", fail)
        while ranges := step_on(run_id=run.pk):
            for range_id in ranges:
                work_range(range_id=range_id)
    aside = SetAside.objects.get()
    close(date(2026, 2, 1))
    aside.refresh_from_db()
    assert (aside.code, aside.resolved_at, MonthEnd.objects.count()) == ("LookupError", None, 0)
    assert retry_set_aside(set_aside_id=aside.pk, actor=ADA) is True
    assert MonthEnd.objects.filter(loan_id=loan_id, month_end=date(2026, 1, 31)).count() == 1


def test_a_loan_is_closed_by_trying_again(stubborn):
    _, bad, let_go = stubborn
    close_through(through=date(2026, 3, 2), actor=ADA, threads=1)
    aside = SetAside.objects.get()
    let_go()
    assert retry_set_aside(set_aside_id=aside.pk, actor=ADA) is True
    aside.refresh_from_db()
    assert (aside.tries, aside.resolved_by) == (4, "Ada")
    assert MonthEnd.objects.filter(loan_id=bad, month_end=date(2026, 2, 28)).count() == 1
    assert drifts(date(2026, 3, 3)) == []
    entry = AuditEntry.objects.get(verb="dayend.loan.retried")
    assert (entry.subject_id, entry.actor_name, entry.after) == (str(bad), "Ada", {"is_closed": True, "reason": ""})
    with pytest.raises(NotSetAside):
        retry_set_aside(set_aside_id=aside.pk, actor=ADA)


def test_the_night_verifies_the_penalty_it_charged_itself_though_no_bucket_moved():
    loan_id, *_ = opened(DUE)
    close_through(through=date(2026, 2, 27), actor=ADA, threads=1)
    run = start(day=date(2026, 2, 28), actor=ADA)
    for range_id in step_on(run_id=run.pk):
        work_range(range_id=range_id)
    assert Transfer.objects.get(run_id=run.pk).kind == "penalty_charge"
    assert not BucketMove.objects.filter(run_id=run.pk).exists()
    Loan.objects.filter(pk=loan_id).update(overdue_amount="1.00")
    close(date(2026, 2, 28))
    assert (SetAside.objects.get().loan_id, SetAside.objects.get().code) == (loan_id, "drift")


def test_the_night_verifies_where_it_used_what_was_held_for_the_borrower():
    loan_id, *_ = opened(date(2026, 2, 10))
    post(loan_id, "1100.16", date(2026, 2, 10), surplus="suspense")
    close_through(through=date(2026, 2, 14), actor=ADA, threads=1)
    run = close(DUE)
    assert {transfer.kind for transfer in Transfer.objects.filter(run_id=run.pk)} == {"suspense_applied"}
    assert steps_of(run)[-1] == ("verify", "done", {"loans": 1, "drifts": 0})
    again = close(date(2026, 2, 16))
    assert steps_of(again)[-1] == ("verify", "done", {})


def test_the_night_verifies_loans_whose_money_a_hold_set_in_the_past_has_changed():
    loan_id, *_ = opened(DUE)
    close_through(through=date(2026, 3, 1), actor=ADA, threads=1)
    place_hold(
        borrower_id=Loan.objects.get(pk=loan_id).borrower_id,
        scopes=["penalty"],
        start=date(2026, 2, 20),
        end_exclusive=date(2026, 2, 25),
        reason="other",
        note="a fault of ours",
        actor=ADA,
    )
    run = close(date(2026, 3, 2))
    assert steps_of(run)[-1] == ("verify", "done", {"loans": 1, "drifts": 0})


def test_a_drift_of_the_facts_is_found_by_the_night_and_put_right_by_trying_again():
    loan_id, *_ = opened(DUE)
    post(loan_id, "10.00", DUE)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE repayment_loan SET outstanding_total = 1 WHERE id = %s", [loan_id])
        cursor.execute(
            "UPDATE repayment_installment SET interest_paid = 0 WHERE loan_id = %s AND number = 1", [loan_id]
        )
    close(DUE)
    aside = SetAside.objects.get()
    assert (aside.loan_id, aside.code) == (loan_id, "drift")
    assert "rows" not in aside.reason
    assert retry_set_aside(set_aside_id=aside.pk, actor=ADA) is True
    assert drifts(date(2026, 2, 16)) == []


def test_what_no_replay_puts_right_stays_on_the_list():
    loan_id, *_ = opened(DUE)
    post(loan_id, "10.00", DUE)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE repayment_loan SET principal = 11999 WHERE id = %s", [loan_id])
    close(DUE)
    aside = SetAside.objects.get()
    assert retry_set_aside(set_aside_id=aside.pk, actor=ADA) is False
    aside.refresh_from_db()
    assert (aside.resolved_at, aside.tries, aside.code) == (None, 2, "drift")
    assert aside.reason.startswith("scheduled principal is the principal disbursed: 12000.00 / 11999.00")


def test_what_stops_a_loan_is_said_again_when_trying_again_fails(monkeypatch):
    loan_id, *_ = opened(DUE)
    run = close(DUE)
    aside = SetAside.objects.create(loan_id=loan_id, run=run, day=DUE, code="ValueError", reason="before")

    def advance(_state, **_arguments):
        raise LookupError("still not")

    monkeypatch.setattr(rebuilding, "advance", advance)
    assert retry_set_aside(set_aside_id=aside.pk, actor=ADA) is False
    aside.refresh_from_db()
    assert (aside.code, aside.reason, aside.tries, aside.resolved_at) == ("LookupError", "still not", 2, None)
    assert AuditEntry.objects.get(verb="dayend.loan.retried").after == {"is_closed": False, "reason": "still not"}


# side by side


@pytest.mark.django_db(transaction=True)
def test_ranges_are_worked_and_verified_side_by_side(monkeypatch):
    monkeypatch.setattr(steps, "DUE_PER_RANGE", 1)
    loans = opened(DUE, loans=4)
    run = close_day(day=DUE, actor=ADA, threads=2)
    assert steps_of(run)[0] == ("transitions", "done", {"loans": 4, "moves": 4})
    Loan.objects.filter(pk=loans[2]).update(suspense=D("1.00"))
    monkeypatch.setattr(verification, "id_ranges", lambda: [(loan_id, loan_id) for loan_id in loans])
    seen = []
    found = verify_book(business_date=date(2026, 2, 16), threads=2, on_range=lambda *now: seen.append(now))
    assert [drift.loan_id for drift in found] == [loans[2]]
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


# the command


def test_the_command_opens_the_first_day_and_closes_days(capsys):
    call_command("day_end", open=DUE)
    open_loan(business_date=DUE)
    call_command("day_end", threads=1)
    call_command("day_end", date=date(2026, 2, 16), threads=1)
    call_command("day_end", through=date(2026, 2, 18), threads=1)
    assert business_date() == date(2026, 2, 19)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "The business date is 2026-02-15."
    assert [line.split()[0] for line in lines[1:]] == ["2026-02-15", "2026-02-16", "2026-02-17", "2026-02-18"]
    assert "transitions loans 1, moves 1" in lines[1]


def test_the_command_says_why_a_day_cannot_be_closed():
    opened(DUE)
    with pytest.raises(CommandError, match="The business date is 15 Feb 2026; 20 Feb 2026 cannot be closed now"):
        call_command("day_end", date=date(2026, 2, 20))


def test_the_command_fails_when_a_loan_is_left_behind(stubborn):
    with pytest.raises(CommandError, match="1 loans are set aside") as failed:
        call_command("day_end", threads=1)
    assert failed.value.returncode == 1
    assert business_date() == date(2026, 3, 1)


def test_the_command_says_that_a_day_does_not_exist():
    with pytest.raises(CommandError, match="2026-02-31 is not a day of the calendar; write it as 2026-01-31"):
        call_command("day_end", "--date", "2026-02-31")


# a step that fails


def failing(*_arguments, **_named):
    raise DatabaseError("the disk is full\nDETAIL: Failing row contains (Ada Lovelace)")


def failed_step():
    step = DayEndStep.objects.get(state="failed")
    return step.name, step.error, step.run.state


def test_a_step_that_fails_says_why_and_is_taken_to_its_end_by_the_next_try(monkeypatch):
    loan_id, *_ = opened(DUE)
    with monkeypatch.context() as broken:
        broken.setattr(steps, "close_range", failing)
        with pytest.raises(DatabaseError):
            close(DUE)
    assert failed_step() == ("transitions", "DatabaseError: the disk is full", "failed")
    assert (business_day().today, Loan.objects.get(pk=loan_id).bucket) == (DUE, "M0")
    run = close(DUE)
    assert (run.state, {(step.state, step.error) for step in run.steps.all()}) == ("done", {("done", "")})
    assert Loan.objects.get(pk=loan_id).bucket == "M1"


def test_a_step_that_cannot_be_planned_says_why_and_is_planned_by_the_next_try(monkeypatch):
    loan_id, *_ = opened(DUE)
    with monkeypatch.context() as broken:
        broken.setattr(steps, "due_loans", failing)
        with pytest.raises(NotPlanned):
            close(DUE)
    assert failed_step() == ("transitions", "DatabaseError: the disk is full", "failed")
    run = close(DUE)
    assert steps_of(run)[0] == ("transitions", "done", {"loans": 1, "moves": 1})
    assert Loan.objects.get(pk=loan_id).bucket == "M1"


def test_a_step_that_could_not_be_planned_by_a_close_that_died_then_is_planned_by_the_next_try(monkeypatch):
    loan_id, *_ = opened(DUE)

    def killed(*_arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(steps, "due_loans", failing)
        broken.setattr(services, "_fail", killed)
        with pytest.raises(KeyboardInterrupt):
            close(DUE)
    assert not DayEndStep.objects.exists()
    close(DUE)
    assert Loan.objects.get(pk=loan_id).bucket == "M1"


def test_a_step_that_failed_runs_on_as_soon_as_it_is_done(monkeypatch):
    opened(DUE)
    with monkeypatch.context() as broken:
        broken.setattr(steps, "close_range", failing)
        with pytest.raises(DatabaseError):
            close(DUE)
    run = DayEndRun.objects.get()
    for range_id in step_on(run_id=run.pk):
        work_range(range_id=range_id)
    assert step_on(run_id=run.pk) != []  # the ranges of the verification
    run.refresh_from_db()
    assert run.state == "running"


def test_the_command_closes_no_day_that_has_not_come_unless_it_is_told_to(capsys):
    today = clock.today_in(settings.TIME_ZONE)
    open_first_day(day=today, actor=SYSTEM)
    for asked in ({"date": today + timedelta(days=1)}, {"through": today + timedelta(days=1)}):
        with pytest.raises(CommandError, match="has not come yet"):
            call_command("day_end", threads=1, **asked)
    call_command("day_end", threads=1, through=today + timedelta(days=1), ahead=True)
    assert business_date() == today + timedelta(days=2)
    call_command("day_end", threads=1, through=today)
    assert "Nothing to close" in capsys.readouterr().out
