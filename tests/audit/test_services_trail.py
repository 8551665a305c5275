"""The trail: written with the change, never changed, never deleted."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from backoffice.audit import services
from backoffice.audit.append_only import APPLICATION_ROLE, EMPTYING
from backoffice.audit.context import bound_to
from backoffice.audit.models import AuditEntry
from backoffice.core import trail
from backoffice.core.actors import SYSTEM
from tests.staff.factories import actor

pytestmark = pytest.mark.django_db


class ChangeFailed(Exception):
    pass


ADA = actor("agent", actor_id=7, name="Ada")


def write(**changes):
    return services.record(
        **{
            "verb": "customers.hold.placed",
            "subject_type": "customers.hold",
            "subject_id": 17,
            "actor": ADA,
            "reason": "asked by phone",
            "before": {"until": None},
            "after": {"until": date(2026, 2, 28), "fee": Decimal("1.10")},
            "borrower_id": 5,
        }
        | changes
    )


def test_keeps_every_word_of_what_was_done():
    with bound_to("request-12345678"):
        entry = write()

    entry.refresh_from_db()
    assert (entry.verb, entry.subject_type, entry.subject_id) == ("customers.hold.placed", "customers.hold", "17")
    assert (entry.actor_kind, entry.actor_id, entry.actor_name) == ("staff", 7, "Ada")
    assert (entry.reason, entry.borrower_id, entry.request_id) == ("asked by phone", 5, "request-12345678")
    assert (entry.before, entry.after) == ({"until": None}, {"until": "2026-02-28", "fee": "1.10"})
    assert isinstance(entry.at, datetime)
    assert entry.at.tzinfo == UTC


def test_an_entry_outside_a_request_has_no_request_id():
    assert write().request_id == ""


def test_the_system_is_an_actor_with_a_name_and_without_an_id():
    entry = write(actor=SYSTEM)

    assert (entry.actor_kind, entry.actor_id, entry.actor_name) == ("system", None, "system")


def test_disappears_with_the_change_that_rolled_back():
    @transaction.atomic
    def change_that_fails():
        write()
        raise ChangeFailed

    with pytest.raises(ChangeFailed):
        change_that_fails()

    assert not AuditEntry.objects.exists()


def test_writes_many_entries_in_one_statement(django_assert_num_queries):
    entries = [
        services.Entry(verb="a.b.done", subject_type="a.b", subject_id=number, actor=SYSTEM) for number in range(300)
    ]

    with django_assert_num_queries(1):
        assert services.record_many(entries) == 300

    assert AuditEntry.objects.order_by("id").values_list("subject_id", flat=True)[299] == "299"


def test_apps_beside_the_trail_reach_it_through_core():
    trail.record(verb="staff.user.disabled", subject_type="staff.user", subject_id=3, actor=ADA, reason="left")

    assert AuditEntry.objects.get().verb == "staff.user.disabled"


def test_nothing_is_recorded_in_silence_when_no_trail_is_kept(monkeypatch):
    monkeypatch.setattr(trail, "_recorders", [])

    with pytest.raises(trail.TrailNotConnected):
        trail.record(verb="staff.user.disabled", subject_type="staff.user", subject_id=3, actor=ADA)


@pytest.mark.parametrize("change", ["UPDATE audit_auditentry SET reason = 'x'", "DELETE FROM audit_auditentry"])
def test_the_database_refuses_to_change_or_delete_an_entry_for_the_owner_too(change):
    write()

    with pytest.raises(IntegrityError, match="never changed or deleted"), transaction.atomic():
        connection.cursor().execute(change)

    assert AuditEntry.objects.get().reason == "asked by phone"


def test_the_database_refuses_to_empty_the_trail_for_the_owner_too():
    write()

    connection.cursor().execute(f"SET LOCAL {EMPTYING} = ''")
    with pytest.raises(IntegrityError, match="audit_auditentry is never emptied"), transaction.atomic():
        connection.cursor().execute("TRUNCATE audit_auditentry")

    assert AuditEntry.objects.get().reason == "asked by phone"


def test_the_owner_may_empty_the_trail_of_a_database_opened_for_it_and_an_empty_one_anywhere():
    write()

    with transaction.atomic():
        connection.cursor().execute(f"SET LOCAL {EMPTYING} = 'allowed'")
        connection.cursor().execute("TRUNCATE audit_auditentry")
        connection.cursor().execute(f"SET LOCAL {EMPTYING} = ''")
        connection.cursor().execute("TRUNCATE audit_auditentry")

    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit_auditentry SET reason = 'x'",
        "DELETE FROM audit_auditentry",
        "TRUNCATE audit_auditentry",
        "ALTER TABLE audit_auditentry DISABLE TRIGGER ALL",
        "DROP TABLE audit_auditentry",
    ],
)
def test_the_applications_own_role_has_no_right_to_touch_an_entry(change):
    write()

    with transaction.atomic():
        as_the_application()
        with pytest.raises(DatabaseError, match=r"permission denied|must be owner"), transaction.atomic():
            connection.cursor().execute(change)
        connection.cursor().execute("RESET ROLE")

    assert AuditEntry.objects.get().reason == "asked by phone"


def test_the_applications_own_role_may_add_and_read_entries():
    with transaction.atomic():
        as_the_application()
        write()
        assert AuditEntry.objects.count() == 1
        connection.cursor().execute("RESET ROLE")


def test_the_applications_own_role_may_change_other_tables():
    with transaction.atomic():
        as_the_application()
        connection.cursor().execute("UPDATE audit_approvallimit SET max_amount = 1")
        connection.cursor().execute("RESET ROLE")


def as_the_application():
    connection.cursor().execute(f"SET LOCAL ROLE {APPLICATION_ROLE}")


def test_an_entry_must_name_a_person_or_the_system():
    with pytest.raises(IntegrityError, match="entry_names_a_person_or_the_system"), transaction.atomic():
        AuditEntry.objects.create(verb="a.b", subject_type="a", subject_id="1", actor_kind="staff", actor_name="x")
