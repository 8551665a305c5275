"""One search box: any id, any writing of a phone, four digits, a name in any script; ranked, limited, scoped."""

import re

import pytest
from django.db import connection

from backoffice.core.actors import SYSTEM
from backoffice.core.bulk import copy_rows
from backoffice.customers.domain.intake import NewBorrower, NewContact
from backoffice.customers.keys import ring
from backoffice.customers.models import BlindIndex, Borrower
from backoffice.customers.selectors import search
from backoffice.customers.services import merge, register_borrowers
from tests.customers.factories import BOOK, CN_IDENTITY, borrower, full_width, wang
from tests.staff.factories import actor, person

pytestmark = pytest.mark.django_db


@pytest.fixture
def agent():
    return person("agent")


def found(query, user, **options):
    return [(row.external_id, row.match) for row in search(query=query, user=user, **options)]


@pytest.mark.parametrize(
    ("query", "match"),
    [
        ("B-1", "external_id"),
        ("b-1", "external_id"),
        (CN_IDENTITY, "identity"),
        (CN_IDENTITY.lower(), "identity"),
        ("110105 19491231 002x", "identity"),
        ("13812345678", "phone"),
        ("+86 138-1234-5678", "phone"),
        ("0086 138 1234 5678", "phone"),
        ("(138) 1234 5678", "phone"),
        (full_width("13812345678"), "phone"),
        ("+1 (415) 555-2671", "phone"),
        ("415 555 2671", "phone"),
        ("1-415-555-2671", "phone"),
        ("5678", "last_four"),
        ("002X", "last_four"),
        ("wang@example.org", "email"),
        (" WANG@Example.ORG ", "email"),
        ("王", "name"),
        ("王小", "name"),
        ("王小明", "name"),
        ("小明", "name"),
        ("明", "name"),
    ],
)
def test_finds_a_borrower_by_whatever_is_said(agent, query, match):
    wang()
    borrower("C-2", full_name="Someone Else", phones=("13900000000",))

    assert found(query, agent) == [("B-1", match)]


@pytest.mark.parametrize(
    "query",
    ["14155552672", "1381234567", "5679", "wang@example.com", "李", "小王", "王大", "", "   ", "%", "_", "'", "\\"],
)
def test_does_not_find_who_does_not_fit(agent, query):
    wang()

    assert search(query=query, user=agent) == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("smith", ["B-2", "B-1"]),
        ("Smi", ["B-2", "B-1"]),
        ("john smi", ["B-1"]),
        ("smith john", ["B-1"]),
        ("zoe", ["B-2"]),
        ("ZOË SMITH", ["B-2"]),
        ("john zoe", []),
    ],
)
def test_every_word_of_a_name_must_fit_in_any_order_case_and_accent(agent, query, expected):
    borrower("B-1", full_name="John Smith")
    borrower("B-2", full_name="Zoë Smith")

    assert [row.external_id for row in search(query=query, user=agent)] == expected


def test_the_surest_match_comes_first_and_each_borrower_once(agent):
    borrower("5678")
    borrower("56789")
    borrower("B-3", phones=("13812345678", "13912345678"))

    assert found("5678", agent) == [("5678", "external_id"), ("B-3", "last_four"), ("56789", "external_id_prefix")]


def test_gives_at_most_as_many_as_asked_the_latest_first(agent):
    for number in range(5):
        borrower(f"B-{number}", full_name="王小明")

    assert [row.external_id for row in search(query="王", user=agent, limit=3)] == ["B-4", "B-3", "B-2"]


def test_a_merged_record_stands_for_who_it_was_merged_into(agent):
    survivor, absorbed = borrower("B-1", phones=("13812345678",)), borrower("B-2", phones=("13900000001",))
    merge(survivor_id=survivor.pk, absorbed_id=absorbed.pk, reason="same", actor=actor("senior_agent"))

    by_old_id, by_old_phone = search(query="B-2", user=agent), search(query="13900000001", user=agent)

    assert [(row.id, row.found_under) for row in by_old_id] == [(survivor.pk, "B-2")]
    assert [(row.id, row.found_under) for row in by_old_phone] == [(survivor.pk, "")]


def test_shows_masks_only(agent):
    wang()

    (row,) = search(query="王", user=agent)

    assert (row.masked_name, row.masked_phone) == ("王•••", "+86 •••• 5678")
    assert "小明" not in repr(row)


def test_finds_only_what_the_person_may_see():
    wang()
    queries = ["B-1", "B-1 ", "13812345678", "5678", "王", CN_IDENTITY]
    for user, count in [
        (person("agent", team__portfolios=["other"]), 0),
        (person("agent", team=None), 0),
        (person("agent", team__portfolios=["cash", "other"]), 1),
        (person("auditor", team=None), 1),
    ]:
        assert [len(search(query=query, user=user)) for query in queries] == [count] * len(queries)


def test_costs_three_queries_however_many_are_found(agent, django_assert_num_queries):
    for number in range(30):
        borrower(f"B-{number}", full_name="王小明", phones=(f"138123400{number:02d}",))

    with django_assert_num_queries(3):
        assert len(search(query="王小", user=agent)) == 20
    with django_assert_num_queries(3):
        assert len(search(query="13812340001", user=agent)) == 1
    with django_assert_num_queries(1):
        assert search(query="nobody", user=agent) == []
    with django_assert_num_queries(0):
        assert search(query="--", user=agent) == []


@pytest.mark.parametrize(
    "query", ["' OR 1=1 --", "B-1'; DROP TABLE customers_borrower; --", "%%%", "B%", "B_1", "{}", "$1", "\u202e1-B"]
)
def test_a_hostile_query_is_only_a_text(agent, query):
    wang()

    assert search(query=query, user=agent) == []
    assert Borrower.objects.count() == 1


@pytest.fixture
def big_book():
    """60,000 borrowers, 1,000 of them with the most common name, with the statistics of the planner up to date."""
    ids = range(1_000_000, 1_060_000)
    copy_rows(
        table="customers_borrower",
        columns=(
            "id",
            "external_id",
            "source",
            "portfolio",
            "identity_kind",
            "identity_country",
            "country",
            "time_zone",
            "language",
            "key_id",
        ),
        rows=((pk, f"X-{pk}", BOOK, "cash", "", "", "CN", "", "", "") for pk in ids),
    )
    keys = ring()
    common = keys.digest("王", kind="name_prefix")
    copy_rows(
        table="customers_blindindex",
        columns=("borrower_id", "portfolio", "kind", "digest"),
        rows=(
            (pk, "cash", kind, digest)
            for pk in ids
            for kind, digest in (
                ("phone", keys.digest(f"139{pk:08d}", kind="phone")),
                ("phone_last4", keys.digest(f"{pk % 10_000:04d}", kind="phone_last4")),
                ("name_prefix", common if pk % 60 == 0 else keys.digest(str(pk), kind="name_prefix")),
            )
        ),
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE customers_borrower")
        cursor.execute("ANALYZE customers_blindindex")


def test_the_plan_reads_indexes_and_no_table_from_end_to_end(agent, big_book):
    wang()
    scoped = person("agent", team__portfolios=["cash", "other"])
    for query, number in [("13901012345", 1), ("2345", 6), ("王", 20), ("X-1012345", 1), ("X-10123", 20)]:
        for user in (agent, scoped):
            with connection.execute_wrapper(explain := Explain()):
                assert len(search(query=query, user=user)) == number, query

            assert len(explain.plans) == 3
            for plan in explain.plans:
                assert "Seq Scan on customers_blindindex" not in plan
                assert "Seq Scan on customers_borrower" not in plan
                thrown_away = [int(rows) for rows in re.findall(r"Rows Removed by Filter: (\d+)", plan)]
                assert max(thrown_away, default=0) < 100, plan


class Explain:
    """Asks the planner about every statement before it runs."""

    def __init__(self):
        self.plans = []

    def __call__(self, execute, sql, params, many, context):
        with context["connection"].connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF) {sql}", params)
            self.plans.append("\n".join(row[0] for row in cursor.fetchall()))
        return execute(sql, params, many, context)


def test_names_of_people_with_several_scripts_are_found_in_each(agent):
    register_borrowers(
        source=BOOK,
        rows=[
            NewBorrower(external_id="ja", portfolio="cash", family_name="山田", given_name="はなこ"),
            NewBorrower(external_id="ko", portfolio="cash", full_name="김철수"),
            NewBorrower(external_id="hi", portfolio="cash", full_name="प्रिया शर्मा"),
            NewBorrower(external_id="ar", portfolio="cash", full_name="أحمد علي"),
            NewBorrower(
                external_id="ug",
                portfolio="cash",
                full_name="Nakato Ssebunya",
                country="UG",
                contacts=(NewContact(kind="phone", value="0712345678"),),
            ),
        ],
        actor=SYSTEM,
    )

    for query, external_id in [
        ("山田", "ja"),
        ("はな", "ja"),
        ("山田はなこ", "ja"),
        ("철수", "ko"),
        ("शर्मा", "hi"),
        ("أحمد", "ar"),
        ("nak ssebu", "ug"),
        ("0712 345 678", "ug"),
        ("+256712345678", "ug"),
    ]:
        assert [row.external_id for row in search(query=query, user=agent)] == [external_id], query


def test_a_digest_of_one_kind_never_finds_under_another(agent):
    """Four digits that are somebody's house number or birth year are not in the index at all."""
    wang()

    assert search(query="1949", user=agent) == []
    assert set(BlindIndex.objects.values_list("kind", flat=True)) == {
        "phone",
        "phone_last4",
        "identity",
        "identity_last4",
        "email",
        "name_prefix",
    }
