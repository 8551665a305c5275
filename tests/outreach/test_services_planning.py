"""Messages are planned once by key, refused with the variable named, and stopped in sets."""

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from backoffice.audit.models import AuditEntry
from backoffice.core.actors import SYSTEM
from backoffice.customers.domain.sealing import Sealed
from backoffice.customers.fields import text_of
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.models import Message, MessageMove
from backoffice.outreach.services.messages import (
    MessagesRefused,
    NothingToStopBy,
    faults_in,
    plan_messages,
    stop_messages,
    stop_paid,
)
from tests.outreach.messaging import NOON, VALUES, active_version, journey, planned, somebody, wish
from tests.staff.factories import actor

pytestmark = pytest.mark.django_db
DUE = date(2026, 3, 20)


def test_plans_a_set_and_seals_what_is_personal():
    owner, version = somebody(), active_version()
    one = wish(owner, version, key="plan:1", loan_id=17, about_due_date=DUE, fallback=(Channel.PUSH,), source="plan:1")
    assert plan_messages(planned=[one], actor=SYSTEM) == 1
    message = Message.objects.get()
    assert (message.state, message.key, message.loan_id, message.about_due_date) == ("planned", "plan:1", 17, DUE)
    assert (message.fallback, message.source, message.send_after) == (["push"], "plan:1", NOON)
    assert isinstance(message.variables, Sealed)
    assert text_of(message, "variables") == '{"amount": "CNY 1100.16", "due_date": "2026-03-20"}'
    assert message.text is None
    assert journey(message) == ["planned"]
    assert AuditEntry.objects.get(verb="outreach.messages.planned").after == {"planned": 1, "new": 1}


def test_plans_the_same_key_once_however_often_it_is_asked():
    owner, version = somebody(), active_version()
    wishes = [wish(owner, version, key=f"k{number}") for number in range(3)]
    assert plan_messages(planned=wishes[:2], actor=SYSTEM) == 2
    assert plan_messages(planned=wishes, actor=SYSTEM) == 1
    assert plan_messages(planned=wishes, actor=SYSTEM) == 0
    assert Message.objects.count() == MessageMove.objects.count() == 3
    assert AuditEntry.objects.filter(verb="outreach.messages.planned").count() == 2


def test_plans_a_thousand_with_as_many_statements_as_one():
    owner, version = somebody(), active_version()
    counts = []
    for size in (1, 1_000):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            plan_messages(planned=[wish(owner, version) for _ in range(size)], actor=SYSTEM)
        counts.append(len([one for one in queries if "SAVEPOINT" not in one["sql"]]))
    assert counts == [4, 4]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"due_date": "2026-03-20"}, "{amount}: no value is given for it"),
        ({"amount": " ", "due_date": "2026-03-20"}, "{amount}: no value is given for it"),
        ({**VALUES, "amount": "1100.16"}, "{amount}: must be an amount such as CNY 1100.16"),
        ({**VALUES, "due_date": "20 March"}, "{due_date}: must be a date such as 2026-03-20"),
        ({**VALUES, "due_date": "2026-02-30"}, "{due_date}: must be a date such as 2026-03-20"),
        ({**VALUES, "nobody": "x"}, "{nobody}: there is no such variable"),
    ],
)
def test_refuses_a_message_with_the_variable_named_and_plans_none_of_the_set(values, said):
    owner, version = somebody(), active_version()
    bad = wish(owner, version, key="bad", variables=values)
    with pytest.raises(MessagesRefused) as refusal:
        plan_messages(planned=[wish(owner, version), bad], actor=SYSTEM)
    assert refusal.value.fields == {"bad": said}
    assert said in refusal.value.message
    assert faults_in(planned=[bad]) == {"bad": said}
    assert not Message.objects.exists()
    assert not AuditEntry.objects.filter(verb="outreach.messages.planned").exists()


def test_refuses_what_no_template_stands_behind():
    owner, version = somebody(), active_version()
    draft = active_version(code="other", state="draft")
    faults = faults_in(
        planned=[
            wish(owner, draft, key="draft"),
            wish(owner, version, key="gone", template_version_id=987654),
            wish(owner, version, key="channel", channel=Channel.PUSH),
            wish(owner, version, key="purpose", purpose=Purpose.MARKETING),
            wish(owner, version, key="window", send_before=NOON),
            wish(owner, active_version(Channel.PUSH), key="endpoint", endpoint_id=1),
            wish(owner, version, key="good"),
        ]
    )
    assert faults == {
        "draft": f"its template version {draft.pk} is not active",
        "gone": "its template version 987654 is not active",
        "channel": "its template is for the channel SMS",
        "purpose": "its template is for the purpose “reminder”",
        "window": "it has no time to be sent in",
        "endpoint": "the channel push goes to no contact point",
    }


def test_stops_what_is_about_a_bill_that_is_paid_and_nothing_else():
    owner, version = somebody(), active_version()
    about = {
        name: planned(owner, version, key=name, loan_id=loan, about_due_date=due)
        for name, loan, due in (
            ("paid", 1, DUE),
            ("next bill", 1, DUE + timedelta(days=31)),
            ("no bill", 1, None),
            ("closed loan", 2, DUE),
            ("still owed", 3, DUE),
            ("another loan", 4, DUE),
        )
    }
    oldest = [(1, DUE + timedelta(days=31)), (2, None), (3, DUE)]
    assert stop_paid(loans=oldest) == 2
    assert stop_paid(loans=oldest) == 0
    states = {name: Message.objects.get(pk=message.pk).state for name, message in about.items()}
    assert {name for name, state in states.items() if state == "stopped"} == {"paid", "closed loan"}
    assert journey(about["paid"]) == ["planned", "stopped paid"]
    assert journey(about["still owed"]) == ["planned"]


def test_stops_a_file_of_payments_with_one_statement(django_assert_num_queries):
    owner, version = somebody(), active_version()
    wishes = [wish(owner, version, loan_id=loan, about_due_date=DUE) for loan in range(1, 201)]
    plan_messages(planned=wishes, actor=SYSTEM)
    with django_assert_num_queries(1):
        assert stop_paid(loans=[(loan, None) for loan in range(1, 201)]) == 200
    assert stop_paid(loans=[]) == 0


def test_stops_by_borrower_loan_or_source_with_a_reason_in_every_journey():
    one, other, version = somebody(), somebody(), active_version()
    first = planned(one, version, loan_id=1, source="plan:1")
    second = planned(one, version, loan_id=2, source="plan:2")
    third = planned(other, version, loan_id=3, source="plan:2")
    lead = actor("team_lead", name="Grace")
    assert stop_messages(loan_ids=[1], reason="hold", detail="dispute", actor=lead) == 1
    assert stop_messages(borrower_ids=[one.pk], source="plan:2", reason="hold", actor=SYSTEM) == 1
    assert stop_messages(source="plan:2", reason="plan_withdrawn", actor=SYSTEM) == 1
    assert stop_messages(source="plan:2", reason="plan_withdrawn", actor=SYSTEM) == 0
    move = first.moves.get(to_state="stopped")
    assert (move.code, move.detail, move.actor_name) == ("hold", "dispute", "Grace")
    assert journey(second) == ["planned", "stopped hold"]
    assert journey(third) == ["planned", "stopped plan_withdrawn"]
    assert AuditEntry.objects.filter(verb="outreach.messages.stopped").count() == 3


def test_never_stops_everything_because_nobody_said_what():
    planned(somebody(), active_version())
    with pytest.raises(NothingToStopBy):
        stop_messages(reason="hold", actor=SYSTEM)
    assert stop_messages(borrower_ids=[], reason="hold", actor=SYSTEM) == 0
    assert Message.objects.get().state == "planned"


def test_stops_nothing_that_has_left():
    message = planned(somebody(), active_version(), loan_id=1, about_due_date=DUE)
    Message.objects.filter(pk=message.pk).update(state="failed")
    assert stop_paid(loans=[(1, None)]) == 0
    assert stop_messages(loan_ids=[1], reason="hold", actor=SYSTEM) == 0


@pytest.mark.parametrize("change", ["UPDATE outreach_messagemove SET code = 'x'", "DELETE FROM outreach_messagemove"])
def test_a_journey_cannot_be_edited(change):
    planned(somebody(), active_version())
    with pytest.raises(IntegrityError, match="never changed or deleted"), transaction.atomic():
        connection.cursor().execute(change)


def test_a_message_cannot_have_left_without_passing_the_gate():
    message = planned(somebody(), active_version())
    with pytest.raises(IntegrityError, match="message_that_left_passed_the_gate"), transaction.atomic():
        Message.objects.filter(pk=message.pk).update(state="sent")
