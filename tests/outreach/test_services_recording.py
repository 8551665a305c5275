"""Contacts people write down: what fits, what is counted anew, what a number is known for afterwards."""

import pytest

from backoffice.audit.models import AuditEntry
from backoffice.customers.models import ContactPoint
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.dispositions import CODES
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.models import ContactEntry
from backoffice.outreach.selectors.contact_log import chain_proof
from backoffice.outreach.selectors.disposition_words import LABELS, chosen_by_people
from backoffice.outreach.services.gate import AttemptNotFound, UnknownDisposition
from backoffice.outreach.services.recording import ContactNotLogged, log_by_hand, record_result
from tests.outreach.people import phone_of
from tests.outreach.reached import HOUR, NOON, called, reached_borrower
from tests.staff.factories import actor

pytestmark = pytest.mark.django_db

ADA = actor("collector", actor_id=7)


@pytest.fixture
def borrower():
    return reached_borrower()


def logged(borrower, **fields):
    usual = {
        "borrower_id": borrower.pk,
        "channel": Channel.CALL,
        "purpose": Purpose.SERVICE,
        "direction": "in",
        "at": NOON,
        "now": NOON,
        "code": "I-INF",
        "reason": "asked for the balance",
        "actor": ADA,
    }
    return log_by_hand(**(usual | fields))


def test_every_disposition_has_words():
    assert set(LABELS) == set(CODES)


def test_people_choose_no_code_that_machines_set():
    assert {code[0] for code, _label in chosen_by_people(direction="out")} == {"P", "R"}
    assert {code[0] for code, _label in chosen_by_people(direction="in")} == {"I"}


def test_logs_a_call_of_the_borrower_with_who_wrote_it(borrower):
    entry_id = logged(borrower)
    entry = ContactEntry.objects.get(pk=entry_id)
    assert (entry.kind, entry.direction, entry.code, entry.actor_name) == ("attempt", "in", "I-INF", "Ada")
    trace = AuditEntry.objects.get(verb="outreach.contact.logged")
    assert (trace.subject_id, trace.reason, trace.borrower_id) == (str(entry_id), "asked for the balance", borrower.pk)
    assert chain_proof(borrower_id=borrower.pk).broken == ()


@pytest.mark.parametrize(
    ("fields", "at_fault"),
    [
        ({"at": NOON + HOUR}, "at"),
        ({"code": "R-INF"}, "code"),
        ({"direction": "out", "code": "I-INF"}, "code"),
        ({"direction": "out", "channel": Channel.SMS, "code": "P-WN"}, "code"),
        ({"endpoint_id": 999_999}, "endpoint_id"),
        ({"channel": Channel.PUSH, "endpoint_id": "phone"}, "endpoint_id"),
    ],
)
def test_logs_nothing_that_cannot_have_been(borrower, fields, at_fault):
    if fields.get("endpoint_id") == "phone":
        fields = fields | {"endpoint_id": borrower.contact_points.get().pk}
    with pytest.raises(ContactNotLogged) as refused:
        logged(borrower, **fields)
    assert set(refused.value.fields) == {at_fault}
    assert not ContactEntry.objects.exists()
    assert not AuditEntry.objects.filter(verb="outreach.contact.logged").exists()


def test_a_person_records_no_telephony_result(borrower):
    entry_id = called(borrower, "", NOON)
    with pytest.raises(UnknownDisposition):
        record_result(entry_id=entry_id, code="T-NA", at=NOON, now=NOON, actor=ADA, reason="it rang")


def test_a_wrong_number_learned_later_is_a_correction_and_bars_the_number(borrower):
    entry_id = called(borrower, "R-INF", NOON - HOUR)

    record_result(
        entry_id=entry_id, code="P-WN", at=NOON, now=NOON, actor=ADA, reason="a stranger said so", is_correction=True
    )

    fact = ContactEntry.objects.get(kind="correction")
    assert (fact.attempt_id, fact.code) == (entry_id, "P-WN")
    assert borrower.contact_points.get().quality == "wrong_person"
    trace = AuditEntry.objects.get(verb="outreach.contact.corrected")
    assert (trace.before, trace.after) == ({"code": "R-INF"}, {"code": "P-WN"})


def test_a_number_somebody_else_asked_to_leave_alone_is_not_used(borrower):
    entry_id = called(borrower, "", NOON - HOUR)
    record_result(entry_id=entry_id, code="P-STOP", at=NOON, now=NOON, actor=ADA, reason="their mother")
    assert borrower.contact_points.get().quality == ContactPoint.Quality.DO_NOT_USE


def test_no_result_comes_before_its_contact_or_without_one(borrower):
    entry_id = called(borrower, "", NOON)
    with pytest.raises(ContactNotLogged):
        record_result(entry_id=entry_id, code="R-INF", at=NOON - HOUR, now=NOON, actor=ADA, reason="why")
    with pytest.raises(AttemptNotFound):
        record_result(entry_id=0, code="R-INF", at=NOON, now=NOON, actor=ADA, reason="why")


def test_proves_the_chain_of_one_borrower_without_reading_the_others(borrower, django_assert_num_queries):
    other = phone_of(borrower).borrower
    logged(borrower)
    logged(other)
    with django_assert_num_queries(3):
        proof = chain_proof(borrower_id=borrower.pk)
    assert (proof.entries, proof.broken) == (2, ())
