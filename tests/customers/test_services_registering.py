"""Borrowers come in: sealed, indexed, once per external id, all of a call or none."""

import pytest
from django.db import connection

from backoffice.audit.models import AuditEntry
from backoffice.core.actors import SYSTEM
from backoffice.customers.domain.intake import NewBorrower, NewContact
from backoffice.customers.fields import text_of
from backoffice.customers.keys import ring
from backoffice.customers.models import BlindIndex, Borrower, ContactPoint
from backoffice.customers.services import register_borrowers
from backoffice.customers.services.registering import BorrowersRefused
from tests.audit.side_by_side import Aside
from tests.customers.factories import BOOK, CN_IDENTITY, borrower, wang


def register(*rows, source=BOOK):
    return register_borrowers(source=source, rows=rows, actor=SYSTEM)


@pytest.mark.django_db
class TestOneBorrower:
    def test_is_kept_sealed_and_opens_as_it_was_given(self):
        row = wang()

        assert [text_of(row, name) for name in ("full_name", "family_name", "given_name", "identity_number")] == [
            "王小明",
            "王",
            "小明",
            CN_IDENTITY,
        ]
        assert (row.identity_kind, row.identity_country, row.birth_year, row.key_id) == (
            "cn_ric",
            "CN",
            1949,
            ring().active_id,
        )
        assert [
            (point.kind, text_of(point, "value"), point.masked, point.country, point.is_primary)
            for point in row.contact_points.order_by("id")
        ] == [
            ("phone", "+8613812345678", "+86 •••• 5678", "CN", True),
            ("phone", "+14155552671", "+1 •••• 2671", "US", False),
            ("email", "wang@example.org", "w•••@example.org", "", True),
        ]

    def test_leaves_no_personal_data_in_clear_anywhere_in_the_database(self):
        wang()

        for table in ("customers_borrower", "customers_contactpoint", "customers_blindindex", "audit_auditentry"):
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT coalesce(string_agg(t::text, ' '), '') FROM {table} AS t")
                (dump,) = cursor.fetchone()
            for secret in ("王", "小明", CN_IDENTITY, "13812345678", "4155552671", "wang@"):
                assert secret not in dump
                assert secret.encode().hex() not in dump

    def test_without_personal_data_has_none_and_no_key(self):
        row = borrower("B-2")

        assert (row.full_name, row.identity_number, row.key_id) == (None, None, "")
        assert not BlindIndex.objects.exists()

    def test_has_the_year_of_birth_the_identity_number_tells_unless_another_is_given(self):
        number = {"identity_number": CN_IDENTITY, "identity_kind": "cn_ric"}

        assert borrower("B-1", **number).birth_year == 1949
        assert borrower("B-2", **number, birth_year=1950).birth_year == 1950
        assert borrower("B-3", identity_number="536904399", identity_kind="us_ssn").birth_year is None

    def test_may_have_a_postal_address_of_which_nothing_is_shown(self):
        row = register(
            NewBorrower(
                external_id="B-1",
                portfolio="cash",
                country="GB",
                contacts=(NewContact(kind="address", value="1 Long  Road, Town"),),
            )
        )
        point = ContactPoint.objects.get(borrower_id=row.ids["B-1"])

        assert (text_of(point, "value"), point.masked, point.country) == ("1 Long Road, Town", "••••••", "GB")
        assert not BlindIndex.objects.exists()

    def test_shows_dots_when_a_template_prints_a_sealed_value_by_accident(self):
        assert "王" not in f"{wang().full_name}"


@pytest.mark.django_db
class TestManyBorrowers:
    def test_cost_the_same_statements_for_one_and_for_a_thousand(self, django_assert_num_queries):
        one = NewBorrower(external_id="one", portfolio="cash", full_name="Ada Lovelace")
        thousand = [
            NewBorrower(external_id=f"B-{number}", portfolio="cash", full_name="Ada Lovelace") for number in range(1000)
        ]
        register(NewBorrower(external_id="warm", portfolio="cash"))

        with django_assert_num_queries(6) as few:
            register(one)
        with django_assert_num_queries(len(few)):
            registered = register(*thousand)

        assert len(registered.created) == 1000
        assert Borrower.objects.filter(external_id__startswith="B-").count() == 1000

    def test_a_second_call_leaves_those_already_there_as_they_are(self):
        first = register(NewBorrower(external_id="B-1", portfolio="cash", full_name="Ada"))
        second = register(
            NewBorrower(external_id="B-1", portfolio="other", full_name="Eve"),
            NewBorrower(external_id="B-2", portfolio="cash"),
        )

        assert second.ids["B-1"] == first.ids["B-1"]
        assert second.created == {"B-2"}
        row = Borrower.objects.get(external_id="B-1")
        assert (text_of(row, "full_name"), row.portfolio) == ("Ada", "cash")

    def test_the_same_external_id_in_another_book_is_somebody_else(self):
        row = NewBorrower(external_id="B-1", portfolio="cash")

        assert register(row).ids != register(row, source="other").ids

    def test_is_noted_once_in_the_trail_with_its_number(self):
        register(*(NewBorrower(external_id=f"B-{number}", portfolio="cash") for number in range(30)))

        entry = AuditEntry.objects.get()
        assert (entry.verb, entry.subject_type, entry.subject_id) == (
            "customers.borrowers.registered",
            "customers.book",
            BOOK,
        )
        assert entry.after["number"] == 30
        assert len(entry.after["first"]) == 20


@pytest.mark.django_db
class TestRefusing:
    @pytest.mark.parametrize(
        ("fields", "at_fault"),
        [
            ({"external_id": ""}, {"external_id"}),
            ({"external_id": "x" * 81}, {"external_id"}),
            ({"portfolio": " "}, {"portfolio"}),
            ({"full_name": "x" * 201}, {"full_name"}),
            ({"full_name": "Ada\x00"}, {"full_name"}),
            ({"identity_number": "11010519491231002Y", "identity_kind": "cn_ric"}, {"identity_number"}),
            ({"identity_number": "123456", "identity_kind": "moon"}, {"identity_number"}),
            ({"birth_year": 1899}, {"birth_year"}),
            ({"country": "cn"}, {"country"}),
            ({"time_zone": "Mars/Olympus"}, {"time_zone"}),
            ({"language": "Klingon!"}, {"language"}),
            ({"contacts": (NewContact(kind="phone", value="12345"),)}, {"contacts.0.value"}),
            ({"contacts": (NewContact(kind="email", value="ada"),)}, {"contacts.0.value"}),
            ({"contacts": (NewContact(kind="address", value=""),)}, {"contacts.0.value"}),
            ({"contacts": (NewContact(kind="pigeon", value="coo"),)}, {"contacts.0.kind"}),
            (
                {
                    "contacts": (
                        NewContact(kind="phone", value="+8613812345678", is_primary=True),
                        NewContact(kind="phone", value="+8613812345679", is_primary=True),
                    )
                },
                {"contacts.1.is_primary"},
            ),
            ({"country": "cn", "birth_year": 1}, {"country", "birth_year"}),
        ],
    )
    def test_names_every_field_at_fault_and_registers_nobody(self, fields, at_fault):
        good = NewBorrower(external_id="good", portfolio="cash")
        bad = NewBorrower(**({"external_id": "bad", "portfolio": "cash"} | fields))

        with pytest.raises(BorrowersRefused) as refusal:
            register(good, bad)

        assert set(refusal.value.fields) == {f"{bad.external_id}: {field}" for field in at_fault}
        assert not Borrower.objects.exists()
        assert not AuditEntry.objects.exists()

    def test_the_same_external_id_twice_in_one_call_is_refused(self):
        row = NewBorrower(external_id="B-1", portfolio="cash")

        with pytest.raises(BorrowersRefused) as refusal:
            register(row, row)

        assert set(refusal.value.fields) == {"B-1: external_id"}

    def test_a_hostile_external_id_is_only_a_text(self):
        hostile = "'; DROP TABLE customers_borrower; --\\N\t"

        with pytest.raises(BorrowersRefused):
            register(NewBorrower(external_id=hostile, portfolio="cash"))
        registered = register(NewBorrower(external_id=hostile.strip(), portfolio="cash", full_name="\\N"))

        row = Borrower.objects.get(pk=registered.ids[hostile.strip()])
        assert (row.external_id, text_of(row, "full_name")) == (hostile.strip(), "\\N")


@pytest.mark.django_db(transaction=True)
def test_two_imports_of_one_book_at_once_register_everybody_once():
    rows = [NewBorrower(external_id=f"B-{number}", portfolio="cash", full_name="Ada") for number in range(300)]

    with Aside() as aside:
        both = [aside.start(lambda: register(*rows)) for _ in range(2)]
        first, second = (future.result() for future in both)

    assert first.ids == second.ids
    assert sorted((len(first.created), len(second.created))) == [0, 300]
    assert Borrower.objects.count() == 300
    assert ContactPoint.objects.count() == 0
