"""The reconciliation desk as staff use it: a file is sent, a difference opened, taken, resolved, the day closed."""

import re
import uuid
from datetime import date
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from backoffice.core.words import phrase, written
from backoffice.repayment.console.autopay.reconciliation_states import why_of
from backoffice.repayment.models import Difference, ReconciledDay
from backoffice.repayment.services.autopay.expecting_files import expect_files
from tests.repayment.autopay import days
from tests.repayment.autopay.days import DAY, Line, command, file_of, receive, split_line
from tests.staff.factories import TeamFactory, logged_in, person

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _book() -> None:
    days.open_business_day()


@pytest.fixture
def lead() -> Client:
    return logged_in(Client(raise_request_exception=True), person("team_lead", team=TeamFactory(portfolios=["cash"])))


def page(client: Client, name: str, *arguments: Any, query: str = "") -> str:
    answer = client.get(reverse(f"repayment:{name}", args=arguments) + query)
    assert answer.status_code == 200
    return answer.content.decode()


def confirm(client: Client, name: str, *arguments: Any, **values: str) -> Any:
    """Open the panel, read what it says, confirm it."""
    url = reverse(f"repayment:{name}", args=arguments)
    seen = client.post(url, {**values, "key": "00000000-0000-0000-0000-000000000001", "look": "1"}).content.decode()
    found = re.search(r'name="seen" value="([^"]*)"', seen)
    return client.post(url, {**values, "seen": found[1] if found else ""})


def test_the_desk_lists_days_with_their_counts(lead: Client) -> None:
    command("D1-1-1")
    command("D2-1-1")
    receive([Line("D1-1-1")])
    text = page(lead, "reconciliation")
    assert "union-main" in text
    assert 'class="alarm"' in text
    assert page(lead, "reconciliation", query="?state=closed").count("union-main</td>") == 0


def test_a_file_is_sent_by_hand_and_its_day_opens(lead: Client) -> None:
    command("D1-1-1")
    file = SimpleUploadedFile("17.csv", file_of([Line("D1-1-1")]), content_type="text/csv")
    answer = lead.post(
        reverse("repayment:send_settlement"), {"file": file, "whose": f"rail:{days.rail().pk}", "day": "2026-03-17"}
    )
    assert answer.status_code == 303
    assert "17.csv" in lead.get(answer["Location"]).content.decode()


def test_a_bad_file_is_refused_on_the_page_with_its_line(lead: Client) -> None:
    file = SimpleUploadedFile("17.csv", file_of([Line("D 1")]), content_type="text/csv")
    answer = lead.post(
        reverse("repayment:send_settlement"), {"file": file, "whose": f"rail:{days.rail().pk}", "day": "2026-03-17"}
    )
    assert answer.status_code == 422
    assert "Line 2: its order number cannot be one: D 1." in answer.content.decode()


def test_a_day_shows_three_sides_and_its_tickets(lead: Client) -> None:
    command("D1-1-1")
    command("D2-1-1")
    taken = receive([Line("D1-1-1", amount="400.00"), Line("D2-1-1")])
    text = page(lead, "reconciled_day", taken.day_id)
    assert text.count("500.00") >= 4
    assert "400.00" in text
    assert "amount differs" in text
    assert "D1-1-1" in text
    assert "D2-1-1" not in text


def test_a_ticket_shows_both_records_and_what_can_be_done(lead: Client) -> None:
    command("D1-1-1")
    receive([Line("D1-1-1", amount="400.00")])
    text = page(lead, "difference", Difference.objects.get().pk)
    assert "The amounts differ." in text
    assert "ref-D1-1-1" in text
    assert "/resolve/correct/" in text
    assert "/resolve/believe/" not in text


def test_a_ticket_is_taken_resolved_and_the_day_closed(lead: Client) -> None:
    late = command("D1-1-1", state="declined")
    taken = receive([Line("D1-1-1")])
    ticket = Difference.objects.get()
    refused = confirm(lead, "close_day", taken.day_id, reason="done")
    assert refused.status_code == 409
    assert confirm(lead, "take_difference", ticket.pk).status_code in {302, 303}
    assert confirm(lead, "resolve_difference", ticket.pk, "believe", reason="the bank is right").status_code in {
        302,
        303,
    }
    ticket.refresh_from_db()
    late.refresh_from_db()
    assert (ticket.state, ticket.owner_name != "", late.state) == ("resolved", True, "succeeded")
    assert confirm(lead, "close_day", taken.day_id, reason="done").status_code in {302, 303}
    assert ReconciledDay.objects.get().state == "closed"


def test_money_beyond_the_limit_says_that_it_will_be_asked_for() -> None:
    command("D1-1-1", amount="900.00")
    receive([])
    senior = logged_in(Client(), person("senior_agent", team=TeamFactory(portfolios=["cash"])))
    ticket = Difference.objects.get()
    assert "A second person agrees" in page(senior, "resolve_difference", ticket.pk, "reverse")
    assert confirm(senior, "resolve_difference", ticket.pk, "reverse", reason="not debited").status_code in {302, 303}
    ticket.refresh_from_db()
    assert ticket.state == "open"


def test_a_ticket_of_another_portfolio_is_not_there() -> None:
    command("D1-1-1")
    receive([])
    elsewhere = logged_in(Client(), person("team_lead", team=TeamFactory(portfolios=["other"])))
    assert elsewhere.get(reverse("repayment:difference", args=[Difference.objects.get().pk])).status_code == 404
    assert "D1-1-1" not in page(elsewhere, "differences")


def test_tickets_are_narrowed_by_kind_state_owner_and_age(lead: Client) -> None:
    command("D1-1-1")
    receive([Line("X9")])
    Difference.objects.filter(order_no="X9").update(opened_on=date(2026, 3, 16), owner_id=5, owner_name="Lea")
    for query, seen, hidden in (
        ("?kind=short", "D1-1-1", "X9"),
        ("?owner=nobody", "D1-1-1", "X9"),
        ("?owner=5", "X9", "D1-1-1"),
        ("?age=lead", "X9", "D1-1-1"),
        ("?order=x9", "X9", "D1-1-1"),
    ):
        text = page(lead, "differences", query=query)
        assert (seen in text, f">{hidden}<" in text) == (True, False), query


def test_the_desk_needs_a_fixed_number_of_queries(lead: Client) -> None:
    def count_queries() -> int:
        with CaptureQueriesContext(connection) as found:
            page(lead, "differences")
        return len(found)

    receive([Line(f"X{number}") for number in range(3)])
    few = count_queries()
    receive([Line(f"Y{number}", at="2026-03-18T08:00:00+08:00") for number in range(30)], day=days.NEXT)
    assert count_queries() == few


def test_what_payees_got_adds_up_and_leaves_as_csv(lead: Client) -> None:
    fund, lender = days.payee("fund-a"), days.payee("lender", kind="lender")
    made = command("D1-1-1")
    split_line(made, "principal", fund, "400.00")
    split_line(made, "interest", lender, "100.00")
    query = "?from_day=2026-03-01&through_day=2026-03-31"
    text = page(lead, "split_statement", query=query)
    assert ("400.00" in text, "100.00" in text) == (True, True)
    answer = lead.get(reverse("repayment:split_lines") + query + f"&payee={fund.pk}")
    assert b"".join(answer.streaming_content).decode().splitlines() == [  # type: ignore[arg-type]
        "day,order_no,loan,period,component,payee,amount,currency",
        f"{DAY},D1-1-1,{made.loan.external_id},1,principal,fund-a,400.00,CNY",
    ]


def test_a_day_whose_file_never_came_is_on_the_desk_as_overdue(lead: Client) -> None:
    command("D1-1-1")
    expect_files(day=DAY)
    text = page(lead, "reconciliation", query="?overdue=1")
    assert ("overdue since 19 Mar 2026" in text, 'class="alarm"' in text) == (True, True)
    assert 'overdue since <time datetime="2026-03-19">' in page(lead, "reconciled_day", ReconciledDay.objects.get().pk)
    receive([Line("D1-1-1")])
    assert "overdue since" not in page(lead, "reconciliation")


def test_a_refused_file_is_told_on_the_page_of_its_day_in_the_readers_language() -> None:
    reconciled = ReconciledDay.objects.create(
        rail=days.rail(),
        day=DAY,
        counts={"refused": written(phrase("Line %(line)s: %(problem)s.", line=2, problem=phrase("it names no loan")))},
    )
    reader = logged_in(Client(), person("team_lead"))
    reader.cookies["django_language"] = "zh-hans"
    text = page(reader, "reconciled_day", reconciled.pk)
    assert "it names no loan" not in text
    assert "第 2 行" in text


def test_components_and_codes_are_told_in_words(lead: Client) -> None:
    fund, debited = days.payee("fund-a"), command("D1-1-1", state="unknown")
    split_line(debited, "guarantee_fee", fund, "400.00", operation_id=1)
    taken = days.receive_of_payee([], whose=fund)
    text = page(lead, "reconciled_day", taken.day_id)
    assert ("guarantee fee" in text, "guarantee_fee" in text) == (True, False)
    receive([Line("D1-1-1", code="PDNG")])
    ticket = Difference.objects.get(kind="status")
    assert "The bank had it as pending. (PDNG)" in page(lead, "difference", ticket.pk)
    assert f"nobody, since {'19 Mar 2026'}" in page(lead, "difference", ticket.pk)


@pytest.mark.parametrize(
    ("detail", "said"),
    [
        ("refused repayment.loan_closed", "Our books refused what the file proves: the loan is closed."),
        ("refused repayment.odd", "Our books refused what the file proves: repayment.odd."),
        ("not_placed", "Debited, not booked: the loan had no room for it when the money came."),
    ],
)
def test_why_is_told_in_words(detail: str, said: str) -> None:
    assert why_of(detail) == said


def test_what_is_not_split_by_itself_is_said_before_and_after(lead: Client) -> None:
    other = command("D1-1-1", state="declined")
    receive([Line("X9", amount="70.00")])
    ticket = Difference.objects.get()
    url = reverse("repayment:resolve_difference", args=[ticket.pk, "believe"])
    values = {"reason": "seen", "loan_number": other.loan.external_id, "key": str(uuid.uuid4()), "look": "1"}
    assert "not split to payees" in lead.post(url, values).content.decode()
    confirm(lead, "resolve_difference", ticket.pk, "believe", reason="seen", loan_number=other.loan.external_id)
    ticket.refresh_from_db()
    assert (ticket.state, "not split to payees" in page(lead, "difference", ticket.pk)) == ("resolved", True)


def test_what_is_expected_later_says_when(lead: Client) -> None:
    command("D1-1-1")
    receive([])
    ticket = Difference.objects.get()
    confirm(lead, "resolve_difference", ticket.pk, "later", reason="they say so", due_on="2026-03-20")
    assert "explained, due on 20 Mar 2026" in page(lead, "difference", ticket.pk)
    assert "explained, due on 20 Mar 2026" in page(lead, "differences")
