"""The day end over the API: start a close, follow it, see who was left behind, try again."""

from datetime import date

import pytest

from backoffice.calendars.selectors import business_day
from backoffice.dayend.models import DayEndRun, SetAside
from tests.repayment.api_book import TODAY, caller, open_book, open_loan

pytestmark = pytest.mark.django_db

API = "/api/v1/dayend"


@pytest.fixture(autouse=True)
def book():
    open_book()


def start(client, day=TODAY):
    return client.post(f"{API}/runs/", {"day": str(day)})


def set_aside(loan, **changes):
    run, _ = DayEndRun.objects.get_or_create(day=date(2026, 4, 1), defaults={"actor_name": "system", "state": "done"})
    return SetAside.objects.create(
        **{"loan_id": loan.pk, "run": run, "day": run.day, "code": "LookupError", "reason": "a gap"} | changes
    )


def test_starts_a_close_and_the_workers_end_it(django_capture_on_commit_callbacks):
    open_loan()
    admin = caller("admin")
    with django_capture_on_commit_callbacks(execute=True):
        answer = start(admin)
    assert (answer.status_code, answer.json()["day"]) == (202, "2026-04-03")
    run = admin.get(f"{API}/runs/{answer.json()['id']}/").json()
    assert (run["state"], [(step["name"], step["state"]) for step in run["steps"]]) == (
        "done",
        [
            ("transitions", "done"),
            ("month_end", "done"),
            ("products", "done"),
            ("packs", "done"),
            ("reminder_plans", "done"),
            ("reminders", "done"),
            ("autopay", "done"),
            ("mandates", "done"),
            ("debit_days", "done"),
            ("debits", "done"),
            ("claims", "done"),
            ("campaign_moves", "done"),
            ("campaigns", "done"),
            ("experiments", "done"),
            ("verify", "done"),
        ],
    )
    assert business_day().today == date(2026, 4, 4)
    assert [row["day"] for row in admin.get(f"{API}/runs/").json()["results"]] == ["2026-04-03"]


@pytest.mark.parametrize("day", ["2026-04-02", "2026-04-04", "2030-01-01"])
def test_closes_no_day_but_the_business_date(day):
    answer = start(caller("admin"), day)
    assert (answer.status_code, answer.json()["code"]) == (409, "dayend.not_the_day_to_close")
    assert DayEndRun.objects.count() == 0


def test_only_an_administrator_starts_a_close():
    assert start(caller("team_lead")).status_code == 403
    assert start(caller("admin"), "never").json()["fields"].keys() == {"day"}
    assert DayEndRun.objects.count() == 0


def test_knows_no_run_by_a_number_nobody_gave():
    answer = caller("admin").get(f"{API}/runs/{2**63}/")
    assert (answer.status_code, answer.json()["code"]) == (404, "dayend.run_not_found")


def test_lists_loans_left_behind_and_closes_one_on_retry():
    row = set_aside(open_loan())
    lead = caller("team_lead")
    waiting = lead.get(f"{API}/set-aside/?resolved=false").json()["results"]
    assert [(one["id"], one["code"], one["reason"], one["tries"]) for one in waiting] == [
        (row.pk, "LookupError", "a gap", 1)
    ]
    answer = lead.post(f"{API}/set-aside/{row.pk}/retry/")
    assert (answer.status_code, answer.json()["tries"], answer.json()["resolved_at"] is not None) == (200, 2, True)
    assert lead.get(f"{API}/set-aside/?resolved=false").json()["results"] == []
    assert [one["id"] for one in lead.get(f"{API}/set-aside/?resolved=true&loan={row.loan_id}").json()["results"]] == [
        row.pk
    ]
    again = lead.post(f"{API}/set-aside/{row.pk}/retry/")
    assert (again.status_code, again.json()["code"]) == (409, "dayend.not_set_aside")


def test_shows_a_team_only_its_own_loans_left_behind():
    row = set_aside(open_loan())
    other = caller("team_lead", portfolios=("small",))
    assert other.get(f"{API}/set-aside/").json()["results"] == []
    answer = other.post(f"{API}/set-aside/{row.pk}/retry/")
    assert (answer.status_code, answer.json()["code"]) == (404, "dayend.set_aside_not_found")
    row.refresh_from_db()
    assert (row.tries, row.resolved_at) == (1, None)


@pytest.mark.parametrize(("page", "queries"), [("runs/", 2), ("runs/{id}/", 2), ("set-aside/", 1)])
def test_reads_a_page_in_a_fixed_number_of_queries(page, queries, django_assert_num_queries):
    for number in range(3):
        set_aside(open_loan(external_id=f"L-{number}"))
    DayEndRun.objects.create(day=date(2026, 3, 31), actor_name="system", state="done")
    admin = caller("admin")
    address = f"{API}/{page.format(id=DayEndRun.objects.latest('id').pk)}"
    with django_assert_num_queries(queries):
        assert admin.get(address).status_code == 200
