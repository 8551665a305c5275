"""Holds: no two of one scope at one time, placed by one person, lifted by two."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.db.backends.postgresql.psycopg_any import DateRange
from hypothesis import given
from hypothesis import strategies as st

from backoffice.audit import approvals
from backoffice.audit.models import Approval, ApprovalLimit, AuditEntry, OutboxEvent
from backoffice.core.actors import SYSTEM
from backoffice.customers.domain.holds import HoldPeriod, HoldScope
from backoffice.customers.models import Hold
from backoffice.customers.selectors import contact_holds, groups_of, holds_of_borrower, holds_of_loans
from backoffice.customers.selectors.holds import ContactHold
from backoffice.customers.services import lift_hold, place_hold
from backoffice.customers.services.holding import HoldOverlaps, HoldRefused, Placed
from backoffice.customers.services.lifting import (
    HoldIsOver,
    HoldNotFound,
    LiftIsAskedFor,
    consequence_of_lifting,
    lift_as_approved,
)
from backoffice.customers.services.locking import BorrowerNotFound
from backoffice.customers.services.merging import OwnedTable
from tests.audit.side_by_side import Aside
from tests.customers.factories import borrower
from tests.staff.factories import actor, person

ADA = actor("agent", actor_id=7, name="Ada")
BO = actor("team_lead", actor_id=8, name="Bo")
START, END = date(2026, 3, 1), date(2026, 4, 1)


@pytest.fixture(autouse=True)
def no_loans_declared(monkeypatch):
    """Loans are declared by the app above; here a loan is only a number."""
    monkeypatch.setattr("backoffice.customers.services.merging._declared", {})


@pytest.fixture(autouse=True)
def lift_is_a_deed(monkeypatch):
    monkeypatch.setattr(approvals, "_deeds", {})
    approvals.register("customers.hold.lift", lift_as_approved, consequence=consequence_of_lifting)


def place(row, **changes):
    return place_hold(
        **{
            "borrower_id": row.pk,
            "scopes": ["calls"],
            "start": START,
            "end_exclusive": END,
            "reason": "illness",
            "note": "in hospital",
            "actor": ADA,
        }
        | changes
    ).hold_ids


def verbs():
    entries = AuditEntry.objects.exclude(verb="customers.borrowers.registered")
    return list(entries.order_by("id").values_list("verb", flat=True))


@pytest.mark.django_db
class TestPlacing:
    def test_keeps_who_why_and_how_long_one_row_a_scope(self):
        row = borrower()

        ids = place(row, scopes=["penalty", "aging"], evidence="letter of the clinic", owner_id=9)

        holds = list(Hold.objects.order_by("id"))
        assert [(hold.pk, hold.scope) for hold in holds] == [(ids[0], "penalty"), (ids[1], "aging")]
        first = holds[0]
        assert (first.period, first.planned_end) == (DateRange(START, END), END)
        assert (first.reason, first.note, first.evidence, first.owner_id, first.set_by, first.set_by_name) == (
            "illness",
            "in hospital",
            "letter of the clinic",
            9,
            7,
            "Ada",
        )
        assert verbs() == ["customers.hold.placed", "customers.hold.placed"]

    def test_tells_the_others_from_which_day_on_something_changed(self):
        row = borrower()

        ids = place(row, scopes=["aging"], loan_id=5)

        event = OutboxEvent.objects.get()
        assert (event.event, event.key) == ("customers.hold.placed", f"borrower:{row.pk}")
        assert event.payload == {
            "borrower_id": row.pk,
            "loan_id": 5,
            "scopes": ["aging"],
            "hold_ids": ids,
            "start": "2026-03-01",
        }

    @pytest.mark.parametrize(
        ("changes", "at_fault"),
        [
            ({"scopes": []}, {"scopes"}),
            ({"scopes": ["calls", "sleep"]}, {"scopes"}),
            ({"end_exclusive": START}, {"end_exclusive"}),
            ({"end_exclusive": START - timedelta(days=1)}, {"end_exclusive"}),
            ({"reason": "boredom"}, {"reason"}),
            ({"reason": "other", "note": " "}, {"note"}),
            ({"scopes": ["sleep"], "reason": ""}, {"scopes", "reason"}),
        ],
    )
    def test_what_makes_no_sense_is_refused_field_by_field(self, changes, at_fault):
        row = borrower()

        with pytest.raises(HoldRefused) as refusal:
            place(row, **changes)

        assert set(refusal.value.fields) == at_fault
        assert (Hold.objects.count(), OutboxEvent.objects.count(), verbs()) == (0, 0, [])

    @pytest.mark.parametrize(
        ("start", "end"),
        [
            (START, END),
            (START - timedelta(days=9), START + timedelta(days=1)),
            (END - timedelta(days=1), None),
            (START + timedelta(days=3), START + timedelta(days=4)),
            (START - timedelta(days=9), None),
        ],
    )
    def test_two_of_one_scope_never_overlap_and_none_of_the_call_is_placed(self, start, end):
        row = borrower()
        place(row)

        with pytest.raises(HoldOverlaps) as refusal:
            place(row, scopes=["texts", "calls"], start=start, end_exclusive=end)

        assert refusal.value.status == 409
        assert Hold.objects.count() == 1

    @pytest.mark.parametrize(
        "changes",
        [
            {"start": END, "end_exclusive": None},
            {"start": START - timedelta(days=9), "end_exclusive": START},
            {"scopes": ["texts"]},
            {"loan_id": 5},
        ],
    )
    def test_the_day_after_another_scope_or_a_single_loan_is_free(self, changes):
        row = borrower()
        place(row)

        place(row, **changes)

        assert Hold.objects.count() == 2

    def test_two_loans_and_two_borrowers_do_not_meet(self):
        row, other = borrower("B-1"), borrower("B-2")
        place(row, loan_id=5)
        place(row, loan_id=6)
        place(other)

        with pytest.raises(HoldOverlaps):
            place(row, loan_id=6)

    def test_an_unknown_borrower_is_refused(self):
        with pytest.raises(BorrowerNotFound):
            place_hold(borrower_id=404, scopes=["calls"], start=START, end_exclusive=None, reason="illness", actor=ADA)

    def test_the_loan_must_be_the_borrowers_once_loans_are_declared(self, monkeypatch):
        row, other = borrower("B-1"), borrower("B-2")
        # Any table with an id and an owner will do in place of loans.
        table = OwnedTable("customers_hold", "borrower_id", holds_loans=True)
        monkeypatch.setattr("backoffice.customers.services.merging._declared", {"t": table})
        (theirs,) = place(other)

        for loan_id in (theirs, 404):
            with pytest.raises(HoldRefused) as refusal:
                place(row, loan_id=loan_id)
            assert set(refusal.value.fields) == {"loan_id"}

        assert place(other, loan_id=theirs)

    @pytest.mark.parametrize("scope", list(HoldScope))
    def test_the_database_refuses_an_overlap_of_every_scope_by_itself(self, scope):
        row = borrower()
        common = {"borrower": row, "scope": scope.value, "reason": "illness", "set_by_name": "x", "review_on": END}
        Hold.objects.create(period=DateRange(START, END), **common)

        with pytest.raises(IntegrityError, match="one_hold_per_scope_and_reason_at_a_time"), transaction.atomic():
            Hold.objects.create(period=DateRange(START + timedelta(days=5), None), **common)

        Hold.objects.create(period=DateRange(END, None), **common)
        Hold.objects.create(period=DateRange(START, None), **(common | {"reason": "dispute"}))


@pytest.mark.django_db
class TestTheMatrix:
    def test_a_reason_places_what_it_demands_with_owner_and_review(self):
        row = borrower()

        placed = place_hold(borrower_id=row.pk, start=START, reason="hardship", note="lost the job", actor=ADA)

        rows = list(Hold.objects.order_by("id"))
        assert [(hold.scope, hold.effect) for hold in rows] == [
            ("calls", "pause"),
            ("texts", "status_only"),
            ("debit", "ask_first"),
            ("penalty", "stop"),
        ]
        assert placed == Placed(hold_ids=[hold.pk for hold in rows], approval_id=None)
        assert {hold.group_id for hold in rows} == {rows[0].group_id}
        assert {hold.review_on for hold in rows} == {date(2026, 3, 31)}
        assert {(hold.owner_role, hold.owner_id, hold.owner_name) for hold in rows} == {("senior_agent", None, "")}

    def test_whoever_has_the_owners_role_owns_what_they_place(self):
        place(borrower("B-1"), reason="complaint", actor=actor("compliance", actor_id=3, name="Cy"))
        place(borrower("B-2"), reason="complaint", owner_id=person("agent", display_name="Di").pk)

        assert list(Hold.objects.filter(scope="texts").order_by("id").values_list("owner_name", flat=True)) == [
            "Cy",
            "Di",
        ]

    def test_a_person_may_add_and_the_addition_stands_under_the_same_reason(self):
        ids = place(borrower(), reason="complaint", scopes=["penalty"])

        assert list(Hold.objects.filter(pk__in=ids).order_by("id").values_list("scope", "effect")) == [
            ("calls", "pause"),
            ("texts", "reply_only"),
            ("penalty", "stop"),
        ]

    def test_holds_of_different_reasons_run_side_by_side(self):
        row = borrower()
        place(row, reason="dispute", scopes=[])
        place(row, reason="complaint", scopes=[])
        place(row, reason="hardship", scopes=[])

        calls = contact_holds(borrower_ids=[row.pk], at=datetime(2026, 3, 2, 3, tzinfo=UTC))

        assert [(hold.reason, hold.scope, hold.effect) for hold in calls] == [
            ("dispute", "calls", "stop"),
            ("dispute", "texts", "factual_only"),
            ("complaint", "calls", "pause"),
            ("complaint", "texts", "reply_only"),
            ("hardship", "calls", "pause"),
            ("hardship", "texts", "status_only"),
        ]

    def test_adding_to_a_running_hold_leaves_what_is_there(self):
        row = borrower()
        place(row, reason="dispute", scopes=[])

        added = place(row, reason="dispute", scopes=["aging"])

        assert list(Hold.objects.filter(pk__in=added).values_list("scope", flat=True)) == ["aging"]
        with pytest.raises(HoldOverlaps, match="for the reason “dispute”"):
            place(row, reason="dispute", scopes=[])
        with pytest.raises(HoldOverlaps):
            place(row, reason="dispute", scopes=[], end_exclusive=None)

    def test_what_is_left_out_is_placed_until_a_second_person_agrees(self):
        row = borrower()

        placed = place_hold(
            borrower_id=row.pk, start=START, reason="dispute", leave_out=["penalty"], note="fee only", actor=ADA
        )

        assert Hold.objects.filter(scope="penalty", lifted_at=None).count() == 1
        request = Approval.objects.get(pk=placed.approval_id)
        assert (request.verb, request.reason) == ("customers.hold.lift", "fee only")
        approvals.approve(approval_id=request.pk, actor=BO)
        left = Hold.objects.get(scope="penalty")
        assert (left.period.isempty, left.lifted_by_name) == (True, "Bo")
        assert Hold.objects.filter(lifted_at=None).count() == 3

    def test_whoever_may_lift_alone_leaves_out_at_once_and_the_trail_says_so(self):
        ApprovalLimit.objects.filter(verb="customers.hold.lift", role="team_lead").update(alone=True)

        placed = place_hold(
            borrower_id=borrower().pk, start=START, reason="dispute", leave_out=["penalty"], note="fee only", actor=BO
        )

        assert placed.approval_id is None
        assert set(Hold.objects.values_list("scope", flat=True)) == {"calls", "texts", "debit"}
        assert AuditEntry.objects.filter(verb="customers.hold.placed").first().after["left_out"] == ["penalty"]

    def test_the_database_refuses_a_hold_without_end_and_review_and_an_effect_of_another_scope(self):
        common = {"borrower": borrower(), "reason": "illness", "set_by_name": "x"}
        with pytest.raises(IntegrityError, match="hold_ends_or_is_reviewed"), transaction.atomic():
            Hold.objects.create(scope="calls", period=DateRange(START, None), **common)
        with pytest.raises(IntegrityError, match="hold_effect_suits_its_scope"), transaction.atomic():
            Hold.objects.create(scope="penalty", effect="pause", period=DateRange(START, END), **common)
        Hold.objects.create(scope="calls", period=DateRange(empty=True), **common)


@pytest.mark.django_db
class TestLifting:
    def test_ends_all_that_was_placed_together_or_only_a_part(self):
        row = borrower()
        first, *_rest = place(row, reason="dispute", scopes=[], end_exclusive=None)

        part = lift_hold(hold_id=first, on=date(2026, 3, 5), reason="paid", actor=SYSTEM, scopes=["penalty"])
        assert (part.is_lifted, Hold.objects.filter(lifted_at=None).count()) == (True, 3)
        whole = lift_hold(hold_id=first, on=date(2026, 3, 8), reason="verified", actor=SYSTEM)

        assert whole.is_lifted
        assert dict(Hold.objects.values_list("scope", "period")) == {
            "calls": DateRange(START, date(2026, 3, 8)),
            "texts": DateRange(START, date(2026, 3, 8)),
            "debit": DateRange(START, date(2026, 3, 8)),
            "penalty": DateRange(START, date(2026, 3, 5)),
        }

    def test_leaves_holds_of_other_reasons_alone(self):
        row = borrower()
        first, *_rest = place(row, reason="dispute", scopes=[])
        place(row, reason="hardship", scopes=[])

        lift_hold(hold_id=first, on=date(2026, 3, 8), reason="verified", actor=SYSTEM)

        assert set(Hold.objects.filter(lifted_at=None).values_list("reason", flat=True)) == {"hardship"}

    def test_of_what_the_borrower_asked_for_takes_one_person_unless_a_clock_starts_again(self):
        (calls,) = place(borrower("B-1"), reason="request")
        calls_and_penalty, _penalty = place(borrower("B-2"), reason="request", scopes=["calls", "penalty"])

        assert lift_hold(hold_id=calls, on=date(2026, 3, 8), reason="call again", actor=ADA).is_lifted
        outcome = lift_hold(hold_id=calls_and_penalty, on=date(2026, 3, 8), reason="call again", actor=ADA)
        assert outcome.approval_id is not None

    def test_of_two_parts_may_wait_for_two_decisions_but_not_one_part_twice(self):
        first, *_rest = place(borrower(), reason="dispute", scopes=[])
        lift_hold(hold_id=first, on=date(2026, 3, 8), reason="a", actor=ADA, scopes=["debit"])
        lift_hold(hold_id=first, on=date(2026, 3, 8), reason="b", actor=ADA, scopes=["penalty"])

        with pytest.raises(LiftIsAskedFor):
            lift_hold(hold_id=first, on=date(2026, 3, 8), reason="c", actor=ADA)
        assert Approval.objects.count() == 2

    def test_waits_for_a_second_person_whatever_the_role(self):
        (hold,) = place(borrower())
        for who in (ADA, BO, actor("admin", "compliance", actor_id=9)):
            Approval.objects.all().delete()
            outcome = lift_hold(hold_id=hold, on=START + timedelta(days=3), reason="recovered", actor=who)

            assert outcome.is_lifted is False
            assert outcome.approval_id == Approval.objects.get().pk
        assert Hold.objects.get().period == DateRange(START, END)

    def test_ends_on_the_day_asked_for_when_another_person_agrees(self):
        row = borrower()
        (hold,) = place(row)
        outcome = lift_hold(hold_id=hold, on=date(2026, 3, 10), reason="recovered", actor=ADA)

        decided = approvals.approve(approval_id=outcome.approval_id, actor=BO)

        lifted = Hold.objects.get()
        assert decided.state == "approved"
        assert (lifted.period, lifted.planned_end) == (DateRange(START, date(2026, 3, 10)), END)
        assert (lifted.lifted_by, lifted.lifted_by_name, lifted.lift_reason) == (8, "Bo", "recovered")
        assert OutboxEvent.objects.filter(event="customers.hold.lifted").get().payload["start"] == "2026-03-10"
        entry = AuditEntry.objects.get(verb="customers.hold.lifted")
        assert (entry.before["end_exclusive"], entry.after["end_exclusive"]) == ("2026-04-01", "2026-03-10")

    def test_says_what_it_would_do(self):
        (hold,) = place(borrower())
        outcome = lift_hold(hold_id=hold, on=date(2026, 3, 10), reason="recovered", actor=ADA)

        request = Approval.objects.get(pk=outcome.approval_id)

        words = "The hold on calls since 2026-03-01 ends on 2026-03-10 instead of 2026-04-01."
        assert (request.consequence, consequence_of_lifting(request)) == (words, words)
        assert request.portfolio == "cash"

    def test_of_a_hold_without_a_planned_end_says_so(self):
        (hold,) = place(borrower(), end_exclusive=None)
        outcome = lift_hold(hold_id=hold, on=date(2026, 3, 10), reason="recovered", actor=ADA)

        assert Approval.objects.get(pk=outcome.approval_id).consequence == (
            "The hold on calls since 2026-03-01 ends on 2026-03-10; it has no planned end."
        )

    def test_says_when_there_is_nothing_left_to_do(self):
        (hold,) = place(borrower())
        request = Approval.objects.get(
            pk=lift_hold(hold_id=hold, on=date(2026, 3, 10), reason="recovered", actor=ADA).approval_id
        )
        ApprovalLimit.objects.filter(verb="customers.hold.lift", role="team_lead").update(alone=True)
        lift_hold(hold_id=hold, on=date(2026, 2, 1), reason="recovered", actor=BO)

        assert consequence_of_lifting(request) == "The hold was lifted meanwhile; approving changes nothing."
        Hold.objects.all().delete()
        assert consequence_of_lifting(request) == "The hold does not exist any more."

    def test_is_not_asked_for_twice(self):
        (hold,) = place(borrower())
        lift_hold(hold_id=hold, on=date(2026, 3, 10), reason="recovered", actor=ADA)

        with pytest.raises(LiftIsAskedFor):
            lift_hold(hold_id=hold, on=date(2026, 3, 11), reason="recovered", actor=BO)

    def test_of_a_hold_that_ended_meanwhile_fails_in_words_and_changes_nothing(self):
        (hold,) = place(borrower())
        outcome = lift_hold(hold_id=hold, on=date(2026, 3, 20), reason="recovered", actor=ADA)
        Hold.objects.update(period=DateRange(START, date(2026, 3, 15)))

        decided = approvals.approve(approval_id=outcome.approval_id, actor=BO)

        assert (decided.state, decided.failure) == (
            "failed",
            "This hold is over by then. Nothing needs to be lifted; reload the page to see it.",
        )
        assert Hold.objects.get().lifted_at is None

    def test_happens_at_once_for_whoever_may_do_it_alone(self):
        ApprovalLimit.objects.filter(verb="customers.hold.lift", role="team_lead").update(alone=True)
        (hold,) = place(borrower())

        outcome = lift_hold(hold_id=hold, on=date(2026, 3, 10), reason="recovered", actor=BO)

        assert (outcome.is_lifted, outcome.approval_id) == (True, None)
        assert Approval.objects.count() == 0

    def test_before_the_hold_began_leaves_nothing_of_it_and_frees_the_period(self):
        row = borrower()
        (hold,) = place(row)

        lift_hold(hold_id=hold, on=START - timedelta(days=1), reason="placed by mistake", actor=SYSTEM)

        assert Hold.objects.get().period.isempty
        assert holds_of_loans(loan_ids=[5], borrower_ids=[row.pk], scopes=["calls"]) == {5: []}
        place(row)

    @pytest.mark.parametrize("on", [END, END + timedelta(days=1)])
    def test_of_a_hold_that_is_over_by_then_is_refused(self, on):
        (hold,) = place(borrower())

        with pytest.raises(HoldIsOver):
            lift_hold(hold_id=hold, on=on, reason="recovered", actor=ADA)

    def test_twice_is_refused(self):
        (hold,) = place(borrower(), end_exclusive=None)
        lift_hold(hold_id=hold, on=date(2026, 3, 10), reason="recovered", actor=SYSTEM)

        with pytest.raises(HoldIsOver):
            lift_hold(hold_id=hold, on=date(2026, 3, 5), reason="recovered", actor=SYSTEM)

    def test_needs_a_reason(self):
        (hold,) = place(borrower())

        with pytest.raises(approvals.ReasonMissing):
            lift_hold(hold_id=hold, on=date(2026, 3, 10), reason=" ", actor=ADA)

    def test_of_an_unknown_hold_is_refused(self):
        with pytest.raises(HoldNotFound):
            lift_hold(hold_id=404, on=START, reason="x", actor=ADA)


@pytest.mark.django_db
class TestReading:
    def test_a_loan_has_its_own_holds_and_its_borrowers_and_nobody_elses(self, django_assert_num_queries):
        row, other = borrower("B-1"), borrower("B-2")
        (wide,) = place(row, scopes=["aging"])
        (narrow,) = place(row, scopes=["aging"], loan_id=5, start=date(2026, 2, 1), end_exclusive=None, reason="fraud")
        place(row, scopes=["calls"])
        (others,) = place(other, scopes=["penalty"])

        with django_assert_num_queries(1):
            found = holds_of_loans(
                loan_ids=[5, 6, 7], borrower_ids=[row.pk, row.pk, other.pk], scopes=["aging", "penalty"]
            )

        assert found == {
            5: [
                HoldPeriod("aging", date(2026, 2, 1), None, narrow, "fraud"),
                HoldPeriod("aging", START, END, wide, "illness"),
            ],
            6: [HoldPeriod("aging", START, END, wide, "illness")],
            7: [HoldPeriod("penalty", START, END, others, "illness")],
        }

    def test_the_page_tells_coming_running_and_over(self, django_assert_num_queries):
        row = borrower()
        place(row, scopes=["calls"])
        place(row, scopes=["texts"], start=END, end_exclusive=None)
        (asked,) = place(row, scopes=["debit"], start=date(2026, 1, 1), end_exclusive=date(2026, 3, 6))
        lift_hold(hold_id=asked, on=date(2026, 2, 1), reason="recovered", actor=ADA)

        with django_assert_num_queries(2):
            facts = holds_of_borrower(borrower_id=row.pk, as_of=date(2026, 3, 5))

        assert [(hold.scope, hold.state, hold.is_lift_asked_for) for hold in facts] == [
            ("debit", "running", True),
            ("texts", "coming", False),
            ("calls", "running", False),
        ]
        assert [hold.state for hold in holds_of_borrower(borrower_id=row.pk, as_of=END)] == ["over", "running", "over"]

    def test_a_loans_page_shows_its_own_holds_and_the_borrowers(self):
        row = borrower()
        (wide,) = place(row)
        (own,) = place(row, loan_id=5)
        place(row, loan_id=6)

        found = holds_of_borrower(borrower_id=row.pk, as_of=START, loan_id=5)

        assert [hold.id for hold in found] == [own, wide]

    def test_the_gate_reads_what_is_in_force_in_the_lenders_dates(self, django_assert_num_queries):
        row, other = borrower("B-1"), borrower("B-2")
        calls, texts, _debit = place(row, reason="represented", scopes=[], loan_id=5)
        (others,) = place(other, scopes=["texts"], end_exclusive=None)
        # 1 March begins in Shanghai, the lender's zone, at 16:00 UTC of 28 February.
        eve, morning = datetime(2026, 2, 28, 15, 59, tzinfo=UTC), datetime(2026, 2, 28, 16, 0, tzinfo=UTC)

        with django_assert_num_queries(1):
            found = contact_holds(borrower_ids=[row.pk, other.pk], at=morning)

        assert found == [
            ContactHold(row.pk, 5, "calls", "represented", "via_representative", START, END, calls),
            ContactHold(row.pk, 5, "texts", "represented", "via_representative", START, END, texts),
            ContactHold(other.pk, None, "texts", "illness", "status_only", START, None, others),
        ]
        assert contact_holds(borrower_ids=[row.pk, other.pk], at=eve) == []

    def test_people_see_what_was_placed_together_as_one(self):
        row = borrower()
        first, *_rest = place(row, reason="dispute", scopes=[], end_exclusive=None)
        place(row, reason="request", scopes=["calls"], start=END, end_exclusive=date(2026, 5, 1))
        lift_hold(hold_id=first, on=date(2026, 3, 5), reason="paid", actor=SYSTEM, scopes=["penalty"])
        lift_hold(hold_id=first, on=date(2026, 4, 9), reason="verified", actor=ADA)

        dispute, coming = groups_of(
            holds=holds_of_borrower(borrower_id=row.pk, as_of=date(2026, 3, 31)), as_of=date(2026, 3, 31)
        )

        assert (dispute.words, dispute.state) == (
            "calls stop; texts: facts only; debits: go on unless asked",
            "running",
        )
        assert (dispute.ended, dispute.is_lift_asked_for, dispute.is_review_due) == (("penalty stops",), True, True)
        assert dispute.waits_for == "the verification is sent"
        assert (coming.words, coming.state, coming.is_review_due) == ("calls pause", "coming", False)

    def test_rows_are_restricted_to_who_asks(self):
        place(borrower())

        assert Hold.objects.visible_to(person("agent")).count() == 1
        assert Hold.objects.visible_to(person("agent", team__portfolios=["other"])).count() == 0


@pytest.mark.django_db(transaction=True)
def test_two_people_placing_the_same_hold_at_once_place_one():
    row = borrower()

    def attempt():
        try:
            return place(row)
        except HoldOverlaps as refusal:
            return refusal.code

    with Aside() as aside:
        results = [future.result() for future in [aside.start(attempt) for _ in range(6)]]

    assert results.count("customers.hold_overlaps") == 5
    assert Hold.objects.count() == 1


@given(
    start=st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    days=st.none() | st.integers(1, 500),
    offset=st.integers(-600, 600),
)
def test_a_hold_covers_its_start_and_every_day_before_its_end(start, days, offset):
    end = None if days is None else start + timedelta(days=days)
    hold = HoldPeriod("aging", start, end, 1, "illness")

    assert hold.covers(day=start + timedelta(days=offset)) is (offset >= 0 and (days is None or offset < days))
