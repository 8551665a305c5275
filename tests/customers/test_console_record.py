"""The record of a borrower: what it shows, who may change it, and what each panel does."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from backoffice.audit.models import AuditEntry
from backoffice.customers.domain.intake import NewContact
from backoffice.customers.fields import text_of
from backoffice.customers.models import Borrower, ContactPoint, Merge
from backoffice.customers.selectors import lookalikes
from backoffice.customers.services import add_contact_point, merge
from backoffice.staff.permissions import ROLES
from tests.customers.factories import CN_IDENTITY, borrower, wang
from tests.staff.factories import actor, logged_in, person

pytestmark = pytest.mark.django_db

WHY = "the caller spelled it"
LEAD = actor("team_lead", actor_id=999_999)


@pytest.fixture(autouse=True)
def no_loans(monkeypatch):
    monkeypatch.setattr("backoffice.customers.services.merging._declared", {})


@pytest.fixture
def senior(client):
    user = person("senior_agent")
    logged_in(client, user)
    return user


def url(name, *numbers):
    return reverse(f"customers:{name}", args=numbers)


def confirm(client, address, **fields):
    """Sends a panel as a person does: looks, then sends what was seen."""
    looked = client.post(address, {"look": "1", "reason": WHY, **fields}).context["panel"].consequence
    data = {"reason": WHY, "seen": looked.fingerprint if looked else "", "key": "k", **fields}
    return client.post(address, data)


def trail():
    rows = AuditEntry.objects.exclude(verb="customers.borrowers.registered").order_by("id")
    return list(rows.values_list("verb", flat=True))


class TestPage:
    def test_shows_masks_and_verbs(self, client, senior):
        row = wang()

        page = client.get(url("record", row.pk)).content.decode()

        assert "王•••" in page
        assert "+86 •••• 5678" in page
        for secret in ("小明", CN_IDENTITY, "13812345678", "wang@example.org"):
            assert secret not in page
        for name in ("correct_name", "correct_identity", "add_contact", "merge"):
            assert url(name, row.pk) in page

    @pytest.mark.parametrize("role", list(ROLES))
    def test_shows_and_opens_to_each_role_what_it_may(self, client, role):
        row = wang()
        point = row.contact_points.first()
        logged_in(client, person(role))
        may_edit, may_merge = role in {"agent", "senior_agent", "team_lead"}, role in {"senior_agent", "team_lead"}

        page = client.get(url("record", row.pk))

        assert page.status_code == 200
        for name, numbers, allowed in [
            ("correct_name", [row.pk], may_edit),
            ("correct_identity", [row.pk], may_edit),
            ("add_contact", [row.pk], may_edit),
            ("judge_contact", [row.pk, point.pk], may_edit),
            ("end_contact", [row.pk, point.pk], may_edit),
            ("merge", [row.pk], may_merge),
        ]:
            assert (url(name, *numbers) in page.content.decode()) is allowed, name
            assert client.get(url(name, *numbers)).status_code == (200 if allowed else 403), name

    def test_of_a_borrower_out_of_sight_is_not_there(self, client):
        row = wang()
        point = row.contact_points.first()
        logged_in(client, person("senior_agent", team__portfolios=["other"]))

        assert client.get(url("record", row.pk)).status_code == 404
        for name, numbers in [("correct_name", [row.pk]), ("merge", [row.pk]), ("end_contact", [row.pk, point.pk])]:
            assert client.get(url(name, *numbers)).status_code == 404

    def test_costs_the_same_for_few_and_many_contact_points(self, client, senior):
        row = wang()
        borrower("B-9", phones=("13812345678",))
        client.get(url("record", row.pk))
        with CaptureQueriesContext(connection) as few:
            client.get(url("record", row.pk))
        for number in range(20):
            add_contact_point(
                borrower_id=row.pk,
                contact=NewContact(kind="phone", value=f"139000000{number:02d}"),
                reason=WHY,
                actor=LEAD,
            )
            borrower(f"B-{number + 10}", phones=("13812345678",))
        with CaptureQueriesContext(connection) as many:
            answer = client.get(url("record", row.pk))

        assert len(answer.context["facts"].contacts) == 23
        assert len(answer.context["lookalikes"]) == 10
        assert len(few) == len(many)

    def test_names_who_shares_an_identity_number_a_phone_or_an_address(self, client, senior):
        row = wang()
        same_number = borrower("B-2", identity_number=CN_IDENTITY, identity_kind="cn_ric", full_name="王明")
        same_phone = borrower("B-3", phones=("13812345678",))
        borrower("B-4", full_name="王小明")
        gone = borrower("B-5", phones=("13812345678",))
        merge(survivor_id=same_phone.pk, absorbed_id=gone.pk, reason=WHY, actor=LEAD)

        found = lookalikes(borrower_id=row.pk, user=senior)

        assert [(other.id, other.shared) for other in found] == [
            (same_number.pk, ("identity",)),
            (same_phone.pk, ("phone",)),
        ]

    def test_names_nobody_out_of_sight(self):
        row = wang()
        borrower("B-2", phones=("13812345678",), portfolio="other")

        assert lookalikes(borrower_id=row.pk, user=person("agent", team__portfolios=["cash"])) == []


class TestCorrecting:
    def test_a_name_is_seen_masked_before_and_after(self, client, senior):
        row = wang()

        answer = confirm(client, url("correct_name", row.pk), family_name="李", given_name="华")

        row.refresh_from_db()
        assert answer.status_code == 303
        assert text_of(row, "full_name") == "李华"
        assert trail() == ["customers.borrower.name_corrected"]

    @pytest.mark.parametrize(
        "fields", [{}, {"family_name": " "}, {"family_name": "李", "take_away": "on"}, {"full_name": "x" * 201}]
    )
    def test_an_empty_name_is_a_mistake_unless_it_is_meant(self, client, senior, fields):
        row = wang()

        answer = client.post(url("correct_name", row.pk), {"reason": WHY, "seen": "", "key": "k", **fields})

        row.refresh_from_db()
        assert (answer.status_code, text_of(row, "full_name")) == (422, "王小明")

    def test_a_name_is_taken_away_when_it_is_meant(self, client, senior):
        row = wang()

        confirm(client, url("correct_name", row.pk), take_away="on")

        row.refresh_from_db()
        assert row.full_name is None

    def test_a_wrong_identity_number_is_told_at_its_field(self, client, senior):
        row = wang()
        address = url("correct_identity", row.pk)

        wrong = client.post(address, {"kind": "cn_ric", "number": "110105194912310021", "reason": WHY, "key": "k"})
        right = confirm(client, address, kind="us_ssn", number="536-90-4399")

        row.refresh_from_db()
        assert (wrong.status_code, set(wrong.context["form"].errors)) == (422, {"number"})
        assert (right.status_code, text_of(row, "identity_number")) == (303, "536904399")

    def test_contact_points_are_added_judged_and_ended(self, client, senior):
        row = wang()

        confirm(client, url("add_contact", row.pk), kind="phone", value="139 0000 0001", is_primary="on")
        point = ContactPoint.objects.get(masked="+86 •••• 0001")
        confirm(client, url("judge_contact", row.pk, point.pk), quality="good", is_primary="on")
        confirm(client, url("end_contact", row.pk, point.pk))

        point.refresh_from_db()
        assert (point.quality, point.is_primary) == ("good", False)
        assert point.ended_at is not None
        assert trail() == [
            "customers.contact_point.added",
            "customers.contact_point.judged",
            "customers.contact_point.ended",
        ]
        assert client.get(url("end_contact", row.pk, point.pk)).status_code == 404

    def test_a_contact_point_of_somebody_else_is_not_there(self, client, senior):
        row, other = wang(), borrower("B-2", phones=("13900000001",))

        assert client.get(url("end_contact", row.pk, other.contact_points.get().pk)).status_code == 404


class TestMerging:
    def test_shows_who_stays_and_who_goes_then_folds_and_unfolds(self, client, senior):
        stays, goes = wang("B-1"), borrower("B-2", phones=("13900000001",))
        address = url("merge", stays.pk)

        looked = client.post(address, {"look": "1", "other": "B-2", "reason": WHY}).context["panel"].consequence
        merged = confirm(client, address, other="B-2")

        assert [(str(line.label), line.value) for line in looked.lines] == [
            ("Stays", "B-1, 王•••"),
            ("Goes", "B-2"),
            ("contact points", 1),
            ("holds", 0),
        ]
        assert (merged.status_code, Borrower.objects.get(pk=goes.pk).merged_into_id) == (303, stays.pk)
        undo = url("undo_merge", stays.pk, Merge.objects.get().pk)
        assert undo in client.get(url("record", stays.pk)).content.decode()
        assert confirm(client, undo).status_code == 303
        assert Borrower.objects.get(pk=goes.pk).merged_into_id is None
        assert client.get(url("undo_merge", goes.pk, Merge.objects.get().pk)).status_code == 404

    @pytest.mark.parametrize("other", ["B-1", "B-404", "", "' OR 1=1 --"])
    def test_nobody_is_merged_with_themselves_or_with_nobody(self, client, senior, other):
        stays = wang("B-1")
        borrower("B-2")

        answer = client.post(url("merge", stays.pk), {"other": other, "reason": WHY, "key": "k"})

        assert answer.status_code == 422
        assert not Merge.objects.exists()

    def test_a_merged_record_offers_no_verbs_and_leads_on(self, client, senior):
        stays, goes = wang("B-1"), borrower("B-2")
        merge(survivor_id=stays.pk, absorbed_id=goes.pk, reason=WHY, actor=LEAD)

        page = client.get(url("record", goes.pk)).content.decode()

        assert url("record", stays.pk) in page
        assert url("correct_name", goes.pk) not in page
        assert confirm(client, url("correct_name", goes.pk), family_name="李").status_code == 409
