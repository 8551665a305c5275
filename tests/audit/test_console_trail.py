"""The page of the trail: read by filter, whatever is typed, at the same cost for ten entries and for ten thousand."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from backoffice.audit import services
from backoffice.audit.context import bound_to
from backoffice.audit.models import AuditEntry
from backoffice.core import trail
from backoffice.core.actors import SYSTEM
from tests.console.book import open_book
from tests.console.page import rows_of
from tests.staff.factories import PASSWORD, actor, logged_in, person

pytestmark = pytest.mark.django_db

URL = "/trail/"


@pytest.fixture
def auditor(client):
    user = person("auditor")
    logged_in(client, user)
    return user


def write(number, **changes):
    return services.record(
        **{
            "verb": "customers.hold.placed",
            "subject_type": "customers.hold",
            "subject_id": number,
            "actor": SYSTEM,
            "before": {"until": None, "same": 1},
            "after": {"until": "2026-03-01", "same": 1},
        }
        | changes
    )


def subjects(client, **query):
    return [line.row.subject_id for line in client.get(URL, query).context["table"].lines]


def test_is_where_the_navigation_looks_for_it():
    assert reverse("audit:trail") == URL


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["3", "2", "1"]),
        ({"verb": "customers.hold."}, ["3", "1"]),
        ({"what": "staff.user.changed"}, ["2"]),
        ({"verb": "hold"}, []),
        ({"subject": "2"}, ["2"]),
        ({"borrower": "5"}, ["3"]),
        ({"who": "ada l"}, ["2"]),
        ({"who": "lovelace"}, []),
    ],
)
def test_is_read_by_filter(client, auditor, query, found):
    write(1)
    write(2, verb="staff.user.changed", actor=actor("admin", name="Ada Lovelace"))
    write(3, borrower_id=5)

    assert subjects(client, **query) == found


def test_a_day_is_a_day_of_the_lender(client, auditor, settings):
    settings.TIME_ZONE = "Asia/Shanghai"
    for number, moment in enumerate(
        [
            datetime(2026, 3, 4, 15, 59, 59, tzinfo=UTC),
            datetime(2026, 3, 4, 16, 0, tzinfo=UTC),
            datetime(2026, 3, 5, 15, 59, 59, tzinfo=UTC),
            datetime(2026, 3, 5, 16, 0, tzinfo=UTC),
        ]
    ):
        AuditEntry.objects.create(
            verb="a.b.c", subject_type="a", subject_id=str(number), actor_kind="system", actor_name="x", at=moment
        )

    assert subjects(client, since="2026-03-05", until="2026-03-05") == ["2", "1"]
    assert subjects(client, since="2026-03-06") == ["3"]
    assert subjects(client, until="2026-03-04") == ["0"]


@pytest.mark.parametrize(
    "query",
    [
        {"borrower": "²"},
        {"borrower": "9" * 30},
        {"borrower": "1 OR 1=1"},
        {"who": "%"},
        {"who": "'; DROP TABLE audit_auditentry; --"},
        {"verb": "_"},
        {"subject": "9" * 200},
    ],
)
def test_whatever_is_typed_is_only_a_text(client, auditor, query):
    write(1)

    assert subjects(client, **query) == []


@pytest.mark.parametrize("query", [{"since": "2026-02-31"}, {"until": "9999-12-31"}, {"since": "yesterday"}])
def test_what_is_no_day_is_refused_in_words(client, auditor, query):
    answer = client.get(URL, query)

    assert (answer.status_code, answer.context["refusal"].code) == (400, "core.list_not_readable")


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "–"), ("", "–"), ([], "–"), (True, "yes"), (0, "0"), (["a", None], "a, –"), ({"k": "王"}, '{"k": "王"}')],
)
def test_a_value_is_shown_as_a_person_reads_it(client, auditor, value, shown):
    entry = write(1, before=None, after={"x": value})

    assert client.get(reverse("audit:entry", args=[entry.pk])).context["changes"] == [
        {"label": "x", "was": "–", "now": shown}
    ]


def test_every_verb_these_apps_write_has_a_name():
    """Found in the code itself: what `verb=` is given, and what is made of the states of a request."""
    root = Path(services.__file__).parents[1]
    sources = [path.read_text() for app in ("staff", "audit", "customers") for path in (root / app).rglob("*.py")]
    written = {
        code for text in sources for code in re.findall(r'"((?:staff|audit|customers)\.[a-z_]+\.[a-z_]+)"', text)
    }
    verbs = {code for code in written if code in trail.described() or re.search(r"(ed|in|out|set|renewed)$", code)}

    assert len(verbs) > 30
    assert {code for code in verbs if trail.words_of(code) == code} == set()


def test_pages_go_back_and_forth_without_missing_an_entry(client, auditor):
    for number in range(120):
        write(number)

    first = client.get(URL).context["table"]
    second = client.get(URL + first.page.older_url).context["table"]
    third = client.get(URL + second.page.older_url).context["table"]
    back = client.get(URL + third.page.newer_url).context["table"]

    seen = [line.row.subject_id for table in (first, second, third) for line in table.lines]
    assert seen == [str(number) for number in reversed(range(120))]
    assert third.page.older_url == ""
    assert [line.row.pk for line in back.lines] == [line.row.pk for line in second.lines]


def test_costs_the_same_for_three_entries_and_for_many(client, auditor):
    write(1)
    client.get(URL)
    with CaptureQueriesContext(connection) as few:
        client.get(URL)
    for number in range(60):
        write(number)
    with CaptureQueriesContext(connection) as many:
        assert len(client.get(URL).context["table"].lines) == 50

    assert len(few) == len(many)


def test_every_filter_has_an_index_for_a_trail_of_any_length(client, auditor):
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO audit_auditentry (verb, subject_type, subject_id, actor_kind, actor_id, actor_name, reason,"
            " request_id, borrower_id, at)"
            " SELECT 'a.b.v' || n % 500, 'a.b', n, 'staff', n % 300 + 1, 'person ' || n % 300, '', 'r' || n, n,"
            " statement_timestamp() - interval '1 minute' * (40000 - n) FROM generate_series(1, 40000) AS n"
        )
        cursor.execute("ANALYZE audit_auditentry")
    plans = []

    def explain(execute, sql, params, many, context):
        if 'FROM "audit_auditentry"' in sql:
            with context["connection"].connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN {sql}", params)
                plans.append("\n".join(row[0] for row in cursor.fetchall()))
        return execute(sql, params, many, context)

    for query in ({"verb": "a.b.v77"}, {"subject": "7"}, {"borrower": "7"}, {"who": "person 77"}, {}):
        with connection.execute_wrapper(explain):
            assert client.get(URL, query).context["table"].lines, query

    assert len(plans) == 5
    assert [plan for plan in plans if "Seq Scan" in plan] == []


def test_an_entry_shows_what_changed_side_by_side_and_marks_what_did_not(client, auditor):
    entry = write(1)

    answer = client.get(reverse("audit:entry", args=[entry.pk]))

    assert answer.context["changes"] == [
        {"label": "same", "was": "1", "now": "1"},
        {"label": "until", "was": "–", "now": "2026-03-01"},
    ]
    assert client.get(reverse("audit:entry", args=[10**9])).status_code == 404


def test_everything_of_one_request_stands_together(client, auditor):
    with bound_to("request-00000001"):
        first, second = write(1), write(2)
    with bound_to("request-00000002"):
        write(3)
    alone = write(4)

    (other,) = client.get(reverse("audit:entry", args=[first.pk])).context["others"]
    assert (other["entry"], other["what"], other["entry"].named.text) == (second, "Hold placed", "hold 2")
    assert client.get(reverse("audit:entry", args=[alone.pk])).context["others"] == []


def test_an_entry_carries_the_id_of_the_request_that_made_it(client):
    user = person("agent")

    answer = client.post("/login/", {"username": user.username, "password": PASSWORD})

    assert AuditEntry.objects.get().request_id == answer.headers["X-Request-ID"]


@pytest.mark.parametrize("given", ["short", "x" * 65, "a b c d e f g h", "<script>alert(1)</script>", ""])
def test_a_request_id_that_is_none_is_replaced(client, given):
    answer = client.get("/login/", headers={"X-Request-ID": given})

    assert answer.headers["X-Request-ID"] != given
    assert len(answer.headers["X-Request-ID"]) == 32


def test_a_request_id_of_a_proxy_is_kept(client):
    assert client.get("/login/", headers={"X-Request-ID": "edge-42.7_x"}).headers["X-Request-ID"] == "edge-42.7_x"


def test_names_a_loan_by_its_number_with_a_way_to_it_and_finds_it_by_that(client) -> None:
    book = open_book()
    logged_in(client, person("auditor"))
    services.record(
        verb="repayment.waiver.booked", subject_type="repayment.loan", subject_id=book.late.pk, actor=SYSTEM
    )
    services.record(
        verb="repayment.waiver.booked", subject_type="repayment.loan", subject_id=book.closed.pk, actor=SYSTEM
    )
    address = reverse("audit:trail")
    html = client.get(address, {"subject": "L-LATE"}).content.decode()
    assert {row[2] for row in rows_of(html, caption="Audit trail, newest first")} == {"loan L-LATE"}
    assert f'<a href="{reverse("repayment:loan", args=[book.late.pk])}">' in html
    entry = AuditEntry.objects.filter(subject_type="repayment.loan", subject_id=str(book.late.pk)).latest("id")
    page = client.get(reverse("audit:entry", args=[entry.pk])).content.decode()
    assert f'<a href="{reverse("repayment:loan", args=[book.late.pk])}">loan L-LATE</a>' in page


def test_names_more_loans_in_no_more_queries(client) -> None:
    book = open_book()
    logged_in(client, person("auditor"))
    asked = []
    for loans in ([book.late], [book.late, book.closed, book.elsewhere]):
        for loan in loans:
            services.record(
                verb="repayment.waiver.booked", subject_type="repayment.loan", subject_id=loan.pk, actor=SYSTEM
            )
        with CaptureQueriesContext(connection) as queries:
            client.get(reverse("audit:trail"))
        asked.append(len(queries))
    assert asked[0] == asked[1]
