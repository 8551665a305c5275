"""Personal data is shown masked, revealed one field at a time with a trace, and corrected with a reason."""

import json

import pytest

from backoffice.audit.models import AuditEntry
from backoffice.customers.domain.intake import NewContact
from backoffice.customers.domain.sealing import Sealed, Unopenable
from backoffice.customers.fields import seal_of, text_of
from backoffice.customers.models import Borrower, ContactPoint
from backoffice.customers.selectors import borrower_page_facts, masked_names, search
from backoffice.customers.selectors.borrowers import BorrowerNotFound
from backoffice.customers.services import (
    add_contact_point,
    correct_identity,
    correct_name,
    end_contact_point,
    judge_contact_point,
    merge,
    reveal,
)
from backoffice.customers.services.locking import BorrowerIsMerged
from backoffice.customers.services.personal_data import (
    ContactPointKnown,
    ContactPointNotFound,
    NothingToReveal,
    PersonalDataRefused,
    ReasonMissing,
)
from tests.customers.factories import CN_IDENTITY, borrower, wang
from tests.staff.factories import actor, person

pytestmark = pytest.mark.django_db

ADA = actor("agent", actor_id=7, name="Ada")
WHY = "caller asked to read it back"


def trail():
    return list(AuditEntry.objects.exclude(verb="customers.borrowers.registered").order_by("id"))


class TestRevealing:
    @pytest.mark.parametrize(
        ("field", "text"),
        [
            ("full_name", "王小明"),
            ("family_name", "王"),
            ("given_name", "小明"),
            ("identity_number", CN_IDENTITY),
        ],
    )
    def test_gives_one_field_and_leaves_one_entry_that_does_not_hold_it(self, field, text):
        row = wang()

        revealed = reveal(borrower_id=row.pk, field=field, reason=f" {WHY} ", actor=ADA)

        (entry,) = trail()
        assert revealed.text == text
        assert (entry.verb, entry.subject_id, entry.borrower_id, entry.actor_id, entry.reason) == (
            "customers.borrower.revealed",
            str(row.pk),
            row.pk,
            7,
            WHY,
        )
        assert (entry.before, entry.after) == (None, {"field": field})

    def test_gives_a_contact_point_of_the_borrower(self):
        row = wang()
        point = row.contact_points.get(kind="email")

        assert reveal(borrower_id=row.pk, field=f"contact_point:{point.pk}", reason=WHY, actor=ADA).text == (
            "wang@example.org"
        )

    def test_each_reveal_is_an_entry_of_its_own(self):
        row = wang()
        for _ in range(3):
            reveal(borrower_id=row.pk, field="full_name", reason=WHY, actor=ADA)

        assert len(trail()) == 3

    @pytest.mark.parametrize("reason", ["", "  ", "ok", "\n\t"])
    def test_needs_a_reason(self, reason):
        row = wang()

        with pytest.raises(ReasonMissing) as refusal:
            reveal(borrower_id=row.pk, field="full_name", reason=reason, actor=ADA)

        assert set(refusal.value.fields) == {"reason"}
        assert trail() == []

    @pytest.mark.parametrize(
        "field",
        [
            "password",
            "key_id",
            "external_id",
            "pk",
            "contact_point:",
            "contact_point:0",
            "contact_point:1 OR 1=1",
            "contact_point:" + "9" * 30,
            "contact_point:１",
            "_state",
            "",
        ],
    )
    def test_a_field_that_is_not_personal_data_is_not_revealed(self, field):
        row = wang()

        with pytest.raises(NothingToReveal):
            reveal(borrower_id=row.pk, field=field, reason=WHY, actor=ADA)

        assert trail() == []

    def test_the_contact_point_of_somebody_else_is_not_revealed(self):
        row, other = wang(), borrower("B-2", phones=("13900000000",))
        point = other.contact_points.get()

        with pytest.raises(NothingToReveal):
            reveal(borrower_id=row.pk, field=f"contact_point:{point.pk}", reason=WHY, actor=ADA)

    def test_an_empty_field_is_refused(self):
        with pytest.raises(NothingToReveal):
            reveal(borrower_id=borrower().pk, field="full_name", reason=WHY, actor=ADA)

    def test_an_unknown_borrower_is_refused(self):
        with pytest.raises(BorrowerNotFound):
            reveal(borrower_id=404, field="full_name", reason=WHY, actor=ADA)

    def test_a_tampered_value_is_not_revealed_and_leaves_no_entry(self):
        row = wang()
        tampered = bytearray(row.full_name.data)
        tampered[-1] ^= 1
        Borrower.objects.filter(pk=row.pk).update(full_name=Sealed(bytes(tampered)))

        with pytest.raises(Unopenable):
            reveal(borrower_id=row.pk, field="full_name", reason=WHY, actor=ADA)

        assert trail() == []

    def test_a_value_copied_from_another_column_does_not_open(self):
        row = wang()
        Borrower.objects.filter(pk=row.pk).update(full_name=row.identity_number)

        with pytest.raises(Unopenable):
            reveal(borrower_id=row.pk, field="full_name", reason=WHY, actor=ADA)


class TestPage:
    def test_shows_masks_and_not_a_letter_more(self, django_assert_num_queries):
        row, user = wang(), person("agent")

        with django_assert_num_queries(3):
            facts = borrower_page_facts(borrower_id=row.pk, user=user)

        assert (facts.masked_name, facts.masked_identity, facts.identity_country) == ("王•••", "•••• 002X", "CN")
        assert [(contact.masked, contact.is_primary) for contact in facts.contacts] == [
            ("w•••@example.org", True),
            ("+86 •••• 5678", True),
            ("+1 •••• 2671", False),
        ]
        for secret in ("小明", CN_IDENTITY[:-4], "13812", "415555", "wang@"):
            assert secret not in repr(facts)

    def test_without_a_name_says_so(self):
        facts = borrower_page_facts(borrower_id=borrower().pk, user=person("agent"))

        assert (facts.has_name, facts.display_name, facts.external_id) == (False, "no name given", "B-1")

    def test_a_damaged_value_shows_dots_and_not_an_error(self):
        row = wang()
        Borrower.objects.filter(pk=row.pk).update(full_name=Sealed(b"junk"))

        assert borrower_page_facts(borrower_id=row.pk, user=person("agent")).masked_name == "••••••"

    def test_a_damaged_identity_number_shows_dots_too(self):
        row = wang()
        Borrower.objects.filter(pk=row.pk).update(identity_number=Sealed(b"junk"))

        assert borrower_page_facts(borrower_id=row.pk, user=person("agent")).masked_identity == "••••••"

    def test_a_list_names_borrowers_masked_or_by_their_external_id(self, django_assert_num_queries):
        row, bare = wang(), borrower("B-2")

        with django_assert_num_queries(1):
            assert masked_names(borrower_ids=[row.pk, bare.pk]) == {row.pk: "王•••", bare.pk: "B-2"}

    def test_a_borrower_of_a_portfolio_out_of_sight_is_not_there(self):
        row, user = wang(), person("agent", team__portfolios=["other"])

        with pytest.raises(BorrowerNotFound):
            borrower_page_facts(borrower_id=row.pk, user=user)


class TestCorrecting:
    def test_a_name_is_put_right_found_anew_and_the_trail_holds_neither(self):
        row, user = wang(), person("agent")

        correct_name(borrower_id=row.pk, family_name="李", given_name="华", full_name="", reason=WHY, actor=ADA)

        row.refresh_from_db()
        assert [text_of(row, name) for name in ("full_name", "family_name", "given_name")] == ["李华", "李", "华"]
        assert [found.id for found in search(query="李华", user=user)] == [row.pk]
        assert search(query="王小明", user=user) == []
        (entry,) = trail()
        assert (entry.verb, entry.after) == (
            "customers.borrower.name_corrected",
            {"fields": ["full_name", "family_name", "given_name"]},
        )

    def test_a_name_that_is_right_already_changes_nothing(self):
        row = wang()

        correct_name(borrower_id=row.pk, family_name="王", given_name="小明", full_name="", reason=WHY, actor=ADA)

        assert trail() == []

    def test_an_identity_number_is_checked_by_its_kind(self):
        row = wang()

        with pytest.raises(PersonalDataRefused) as refusal:
            correct_identity(borrower_id=row.pk, number="536904398X", kind="us_ssn", reason=WHY, actor=ADA)
        correct_identity(borrower_id=row.pk, number="536-90-4399", kind="us_ssn", reason=WHY, actor=ADA)

        assert set(refusal.value.fields) == {"number"}
        row.refresh_from_db()
        assert (text_of(row, "identity_number"), row.identity_kind, row.identity_country) == (
            "536904399",
            "us_ssn",
            "US",
        )
        assert [found.id for found in search(query="536 90 4399", user=person("agent"))] == [row.pk]

    @pytest.mark.parametrize("name", ["x" * 201, "Ada\x00", "Ada\u202e"])
    def test_a_name_that_cannot_be_shown_is_refused(self, name):
        row = wang()

        with pytest.raises(PersonalDataRefused) as refusal:
            correct_name(borrower_id=row.pk, family_name="", given_name=name, full_name="", reason=WHY, actor=ADA)

        assert set(refusal.value.fields) == {"given_name"}

    def test_an_identity_number_that_is_right_already_changes_nothing(self):
        row = wang()

        correct_identity(borrower_id=row.pk, number=CN_IDENTITY, kind="cn_ric", reason=WHY, actor=ADA)

        assert trail() == []

    def test_nothing_is_corrected_without_a_reason(self):
        row = wang()

        with pytest.raises(ReasonMissing):
            correct_name(borrower_id=row.pk, family_name="李", given_name="", full_name="", reason="", actor=ADA)

        row.refresh_from_db()
        assert text_of(row, "family_name") == "王"


class TestContactPoints:
    def test_a_new_first_choice_takes_the_place_of_the_old_one(self):
        row = wang()

        added = add_contact_point(
            borrower_id=row.pk,
            contact=NewContact(kind="phone", value="139 0000 0001", is_primary=True),
            reason=WHY,
            actor=ADA,
        )

        assert list(row.contact_points.filter(kind="phone", is_primary=True).values_list("pk", flat=True)) == [added]
        assert [found.id for found in search(query="13900000001", user=person("agent"))] == [row.pk]
        assert json.dumps(trail()[0].after) == json.dumps({"kind": "phone", "masked": "+86 •••• 0001"})

    def test_the_same_point_in_another_writing_is_known(self):
        row = wang()

        with pytest.raises(ContactPointKnown):
            add_contact_point(
                borrower_id=row.pk, contact=NewContact(kind="phone", value="+86 138-1234-5678"), reason=WHY, actor=ADA
            )

    @pytest.mark.parametrize(
        ("kind", "value", "field"),
        [("phone", "12", "value"), ("email", "x", "value"), ("address", "x", "value"), ("fax", "123456", "kind")],
    )
    def test_a_value_that_cannot_be_used_names_its_field(self, kind, value, field):
        with pytest.raises(PersonalDataRefused) as refusal:
            add_contact_point(borrower_id=wang().pk, contact=NewContact(kind=kind, value=value), reason=WHY, actor=ADA)

        assert set(refusal.value.fields) == {field}

    def test_an_ended_point_is_not_used_but_still_finds_its_borrower(self):
        row = wang()
        point = row.contact_points.get(kind="phone", is_primary=True)

        end_contact_point(borrower_id=row.pk, contact_point_id=point.pk, reason=WHY, actor=ADA)

        facts = borrower_page_facts(borrower_id=row.pk, user=person("agent"))
        assert [contact.is_in_use for contact in facts.contacts if contact.id == point.pk] == [False]
        assert [found.id for found in search(query="13812345678", user=person("agent"))] == [row.pk]
        with pytest.raises(ContactPointNotFound):
            end_contact_point(borrower_id=row.pk, contact_point_id=point.pk, reason=WHY, actor=ADA)

    def test_a_point_is_judged_and_the_trail_tells_before_and_after(self):
        row = wang()
        point = row.contact_points.get(kind="phone", is_primary=False)

        judge_contact_point(
            borrower_id=row.pk, contact_point_id=point.pk, quality="good", is_primary=True, reason=WHY, actor=ADA
        )

        (entry,) = trail()
        assert (entry.before, entry.after) == (
            {"quality": "unknown", "is_primary": False},
            {"quality": "good", "is_primary": True},
        )
        assert ContactPoint.objects.get(borrower=row, kind="phone", is_primary=True).pk == point.pk

    def test_a_first_choice_may_be_taken_back(self):
        row = wang()
        point = row.contact_points.get(kind="phone", is_primary=True)

        judge_contact_point(
            borrower_id=row.pk, contact_point_id=point.pk, quality="bad", is_primary=False, reason=WHY, actor=ADA
        )

        assert not row.contact_points.filter(kind="phone", is_primary=True).exists()

    def test_a_merged_record_takes_no_changes(self):
        row, other = wang(), borrower("B-2")
        merge(survivor_id=other.pk, absorbed_id=row.pk, reason="same person", actor=ADA)

        with pytest.raises(BorrowerIsMerged):
            correct_name(borrower_id=row.pk, family_name="李", given_name="", full_name="", reason=WHY, actor=ADA)


def test_a_column_takes_no_text_in_clear():
    with pytest.raises(TypeError, match="takes sealed values only"):
        Borrower.objects.create(external_id="x", source="s", portfolio="p", full_name="Ada")


def test_nothing_to_seal_is_nothing():
    assert seal_of(Borrower, "full_name", "") is None
