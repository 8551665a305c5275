"""Holds that stop a loan's clocks: placed, lifted and replayed in one transaction; the others touch no loan."""

from datetime import date

import pytest

from backoffice.audit import approvals
from backoffice.audit.models import AuditEntry, OutboxEvent
from backoffice.calendars.services import open_first_day
from backoffice.core.actors import SYSTEM, Actor
from backoffice.customers.models import Borrower, Hold
from backoffice.customers.services import Choice, ask_to_lift_bulk, ask_to_place_bulk, merge, prepare_bulk
from backoffice.customers.services.holding import HoldOverlaps
from backoffice.repayment.models import Loan
from backoffice.repayment.selectors.loan_pages import payoff_quote
from backoffice.repayment.services.holds import lift_hold, place_hold, replay_loans, replay_loans_of_borrowers
from backoffice.repayment.services.rebuilding import RefundNoLongerCovered
from backoffice.repayment.services.replaying import replay_drifts
from backoffice.repayment.tasks import follow_bulk_hold, follow_merge
from tests.repayment.cases import D
from tests.repayment.factories import ADA, books, borrower, drifts, open_loan, post, replay_changes

pytestmark = pytest.mark.django_db

TODAY = date(2026, 3, 20)  # 33 days after the first due date
LEAD = Actor("staff", 2, "Grace", frozenset({"team_lead"}))
OTHER_LEAD = Actor("staff", 3, "Edsger", frozenset({"team_lead"}))


@pytest.fixture
def loan_id():
    open_first_day(day=TODAY, actor=SYSTEM)
    return open_loan(business_date=TODAY)


def hold(loan, scopes, start, end=None, *, all_loans=False):
    return place_hold(
        borrower_id=Loan.objects.get(pk=loan).borrower_id,
        scopes=scopes,
        start=start,
        end_exclusive=end,
        reason="other",
        note="under review",
        actor=ADA,
        loan_id=None if all_loans else loan,
    ).hold_ids


def test_a_hold_on_aging_takes_the_loan_back_to_where_its_days_say(loan_id):
    assert Loan.objects.get(pk=loan_id).bucket == "M2"
    hold(loan_id, ["aging"], date(2026, 2, 20), date(2026, 3, 2))
    loan = Loan.objects.get(pk=loan_id)
    assert (loan.bucket, loan.next_transition_date) == ("M1", date(2026, 3, 27))
    assert drifts(TODAY) == []
    assert replay_changes(loan_id, business_date=TODAY) == {}


def test_a_hold_on_calls_touches_no_loan(loan_id):
    before = books(loan_id)
    hold(loan_id, ["calls", "texts", "debit"], date(2026, 2, 20))
    assert books(loan_id) == before


def test_a_hold_of_the_borrower_bears_on_every_open_loan_and_on_none_closed_before_it(loan_id):
    owner = Loan.objects.get(pk=loan_id).borrower_id
    other = open_loan(business_date=TODAY, borrower_id=owner)
    closed = open_loan(business_date=TODAY, borrower_id=owner)
    post(closed, "20000.00", date(2026, 1, 15), business_date=TODAY, surplus="shorten_term")
    stranger = open_loan(business_date=TODAY)
    before = books(closed), books(stranger)
    hold(loan_id, ["aging"], date(2026, 2, 20), date(2026, 3, 2), all_loans=True)
    assert [Loan.objects.get(pk=each).bucket for each in (loan_id, other)] == ["M1", "M1"]
    assert (books(closed), books(stranger)) == before
    assert drifts(TODAY) == []


def settled(loan, on):
    """Closes a loan by exactly what its payoff quote of a day asks."""
    total = payoff_quote(loan_id=loan, on=on, business_date=TODAY).total
    return post(loan, total, on, kind="payoff", business_date=TODAY)


def test_a_hold_set_in_the_past_replays_a_loan_closed_since(loan_id):
    settled(loan_id, date(2026, 3, 18))
    hold(loan_id, ["aging", "penalty"], date(2026, 2, 20), date(2026, 3, 2))
    loan = Loan.objects.get(pk=loan_id)
    # 920.16 x 24 % / 360 for 31 days is 19.02, for the 21 days not held 12.88: the rest is held for the borrower.
    assert (loan.status, loan.closed_on, loan.suspense) == ("closed", date(2026, 3, 18), D("6.14"))
    assert replay_changes(loan_id, business_date=TODAY) == {}
    assert drifts(TODAY) == []


def test_a_hold_placed_and_lifted_again_on_a_loan_closed_since_leaves_the_books_as_they_were(loan_id):
    settled(loan_id, date(2026, 3, 18))
    before = books(loan_id)
    (hold_id,) = hold(loan_id, ["penalty"], date(2026, 2, 20), date(2026, 3, 2), all_loans=True)
    assert books(loan_id) != before
    lift_hold(hold_id=hold_id, on=date(2026, 2, 20), reason="mistake", actor=SYSTEM)
    assert books(loan_id) == before
    assert replay_changes(loan_id, business_date=TODAY) == {}


def test_a_lift_that_would_take_back_what_was_refunded_is_refused_naming_the_loan(loan_id):
    settled(loan_id, date(2026, 3, 18))
    (hold_id,) = hold(loan_id, ["penalty"], date(2026, 2, 20), date(2026, 3, 2))
    post(loan_id, "6.14", TODAY, kind="refund")
    before = books(loan_id)
    with pytest.raises(RefundNoLongerCovered) as refused:
        lift_hold(hold_id=hold_id, on=date(2026, 2, 20), reason="mistake", actor=SYSTEM)
    assert str(refused.value) == (
        f"Loan {Loan.objects.get(pk=loan_id).external_id}: 6.14 was refunded on 2026-03-20; only 0.00 would be held."
    )
    assert refused.value.next_step == "Reverse the refund first, or date this after it."
    assert (books(loan_id), Hold.objects.get().lifted_at) == (before, None)


def test_a_charged_off_loan_is_replayed_under_a_hold_set_in_the_past(loan_id):
    post(loan_id, "0.00", date(2026, 3, 18), kind="charge_off", business_date=TODAY)
    hold(loan_id, ["penalty"], date(2026, 2, 20), date(2026, 3, 2))
    assert replay_changes(loan_id, business_date=TODAY) == {}
    assert drifts(TODAY) == []


def test_a_merge_replays_a_closed_loan_that_was_open_under_a_hold_of_either_record(loan_id):
    settled(loan_id, date(2026, 3, 18))
    survivor = borrower()
    place_hold(borrower_id=survivor.pk, start=date(2026, 2, 20), end_exclusive=date(2026, 3, 2), actor=ADA,
               reason="other", note="under review", scopes=["penalty"])  # fmt: skip
    absorbed = Loan.objects.get(pk=loan_id).borrower_id
    merge(survivor_id=survivor.pk, absorbed_id=absorbed, reason="one person", actor=SYSTEM)
    follow_merge(**OutboxEvent.objects.get(event="customers.borrower.merged").payload)
    assert Loan.objects.get(pk=loan_id).suspense == D("6.14")
    assert replay_changes(loan_id, business_date=TODAY) == {}


def test_a_hold_of_one_loan_leaves_the_borrowers_others_alone(loan_id):
    other = open_loan(business_date=TODAY, borrower_id=Loan.objects.get(pk=loan_id).borrower_id)
    hold(loan_id, ["aging"], date(2026, 2, 20), date(2026, 3, 2))
    assert Loan.objects.get(pk=other).bucket == "M2"
    assert drifts(TODAY) == []


def test_two_holds_on_the_same_days_are_refused_and_nothing_is_replayed(loan_id):
    hold(loan_id, ["aging"], date(2026, 2, 20), date(2026, 3, 2))
    before = books(loan_id)
    with pytest.raises(HoldOverlaps):
        hold(loan_id, ["penalty", "aging"], date(2026, 3, 1), date(2026, 3, 5))
    assert (books(loan_id), Hold.objects.count()) == (before, 1)


def test_a_lifted_hold_counts_only_until_it_was_lifted(loan_id):
    (hold_id,) = hold(loan_id, ["penalty"], date(2026, 2, 20))
    assert Loan.objects.get(pk=loan_id).installments.get(number=1).penalty == D("2.45")  # four days
    outcome = lift_hold(hold_id=hold_id, on=date(2026, 3, 2), reason="settled", actor=LEAD)
    assert not outcome.is_lifted
    assert outcome.approval_id is not None
    assert Hold.objects.get().period.upper is None
    approvals.approve(approval_id=outcome.approval_id, actor=OTHER_LEAD)
    assert Hold.objects.get().period.upper == date(2026, 3, 2)
    assert drifts(TODAY) == []
    post(loan_id, "1.00", TODAY)
    # 33 days less the ten from 20 February through 1 March.
    assert Loan.objects.get(pk=loan_id).installments.get(number=1).penalty == D("14.11")
    assert replay_changes(loan_id, business_date=TODAY) == {}


def test_replaying_again_changes_nothing(loan_id):
    post(loan_id, "500.00", date(2026, 2, 20), business_date=TODAY)
    before = books(loan_id)
    assert replay_loans(loan_ids=[loan_id]) == 1
    assert replay_loans_of_borrowers(borrower_ids=[Loan.objects.get(pk=loan_id).borrower_id]) == 1
    assert books(loan_id) == before
    assert replay_loans(loan_ids=[]) == 0


def test_two_reasons_to_stop_penalty_count_a_day_once_and_each_ends_by_itself(loan_id):
    place = {"borrower_id": Loan.objects.get(pk=loan_id).borrower_id, "loan_id": loan_id, "actor": ADA}
    dispute = place_hold(start=date(2026, 2, 20), reason="dispute", **place).hold_ids
    place_hold(start=date(2026, 2, 25), reason="hardship", end_exclusive=date(2026, 3, 10), **place)
    assert drifts(TODAY) == []
    lift_hold(hold_id=dispute[0], on=date(2026, 3, 2), reason="verified", actor=SYSTEM)
    post(loan_id, "1.00", TODAY)
    # 33 days less the eighteen from 20 February to 9 March, of which five lie under both.
    assert Loan.objects.get(pk=loan_id).installments.get(number=1).penalty == D("9.20")
    assert drifts(TODAY) == []
    assert replay_changes(loan_id, business_date=TODAY) == {}


def test_a_bulk_hold_is_followed_range_by_range_when_it_is_placed_and_when_it_is_lifted(loan_id):
    other = open_loan(business_date=TODAY)
    closed = open_loan(business_date=TODAY)
    settled(closed, date(2026, 3, 18))
    before = books(closed)
    owners = sorted(Loan.objects.values_list("borrower_id", flat=True))
    bulk_id = prepare_bulk(
        name="Flood",
        reason="disaster",
        scopes=["aging"],
        start=date(2026, 2, 20),
        end_exclusive=date(2026, 3, 2),
        choice=Choice(source="testbook", external_ids=list(Borrower.objects.values_list("external_id", flat=True))),
        portfolios=None,
        actor=ADA,
    )
    ask_to_place_bulk(bulk_id=bulk_id, reason="declared", consequence="", actor=SYSTEM)
    event = OutboxEvent.objects.get(event="customers.bulk_hold.placed")
    assert (event.payload["first_borrower_id"], event.payload["last_borrower_id"]) == (owners[0], owners[-1])
    follow_bulk_hold(**event.payload)
    follow_bulk_hold(**event.payload)
    assert [Loan.objects.get(pk=each).bucket for each in (loan_id, other)] == ["M1", "M1"]
    assert books(closed) != before
    assert replay_changes(closed, business_date=TODAY) == {}
    assert drifts(TODAY) == []

    ask_to_lift_bulk(bulk_id=bulk_id, on=date(2026, 2, 20), reason="mistake", consequence="", actor=SYSTEM)
    follow_bulk_hold(**OutboxEvent.objects.get(event="customers.bulk_hold.lifted").payload)
    assert [Loan.objects.get(pk=each).bucket for each in (loan_id, other)] == ["M2", "M2"]
    assert books(closed) == before
    assert drifts(TODAY) == []


def test_a_loan_that_refuses_to_follow_a_bulk_hold_is_noted_and_stops_no_other(loan_id):
    refunded = open_loan(business_date=TODAY)
    settled(refunded, date(2026, 3, 18))
    bulk_id = prepare_bulk(
        name="Flood",
        reason="disaster",
        scopes=["aging"],
        start=date(2026, 2, 20),
        end_exclusive=date(2026, 3, 2),
        choice=Choice(source="testbook", external_ids=list(Borrower.objects.values_list("external_id", flat=True))),
        portfolios=None,
        actor=ADA,
    )
    ask_to_place_bulk(bulk_id=bulk_id, reason="declared", consequence="", actor=SYSTEM)
    follow_bulk_hold(**OutboxEvent.objects.get(event="customers.bulk_hold.placed").payload)
    post(refunded, "6.14", TODAY, kind="refund")
    before = books(refunded)

    ask_to_lift_bulk(bulk_id=bulk_id, on=date(2026, 2, 20), reason="mistake", consequence="", actor=SYSTEM)
    follow_bulk_hold(**OutboxEvent.objects.get(event="customers.bulk_hold.lifted").payload)

    assert Loan.objects.get(pk=loan_id).bucket == "M2"
    assert books(refunded) == before
    entry = AuditEntry.objects.get(verb="repayment.loan.not_replayed")
    assert (entry.subject_id, entry.reason) == (
        str(refunded),
        f"Loan {Loan.objects.get(pk=refunded).external_id}: 6.14 was refunded on 2026-03-20; only 0.00 would be held. "
        "Reverse the refund first, or date this after it.",
    )
    (drift,) = replay_drifts(loan_ids=[loan_id, refunded], business_date=TODAY)
    assert (drift.loan_id, drift.check) == (refunded, "a replay is possible")


def test_a_loan_brought_in_for_a_borrower_under_a_hold_is_opened_under_it(loan_id):
    hold(loan_id, ["aging", "penalty"], date(2026, 2, 20), date(2026, 3, 2), all_loans=True)
    later = open_loan(business_date=TODAY, borrower_id=Loan.objects.get(pk=loan_id).borrower_id)
    assert books(later) == books(loan_id)
    assert Loan.objects.get(pk=later).bucket == "M1"
    assert replay_changes(later, business_date=TODAY) == {}
    assert drifts(TODAY) == []
