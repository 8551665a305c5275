"""Reconciliation over the API: a file is taken in, a difference resolved, a day closed; what payees got."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from backoffice.repayment.models import Difference
from tests.repayment.api_book import API, caller, post
from tests.repayment.autopay import days
from tests.repayment.autopay.days import Line, command, file_of, split_line

pytestmark = pytest.mark.django_db
DESK = f"{API}/autopay/reconciliation"


@pytest.fixture(autouse=True)
def _book() -> None:
    days.open_business_day()


def send(client: Any, lines: list[Line], *, key: str = "k", **facts: Any) -> Any:
    file = SimpleUploadedFile("17.csv", file_of(lines), "text/csv")
    body = {"file": file, "day": "2026-03-17", **facts}
    return post(client, "autopay/reconciliation/settlement-files/", body, key=key, fmt="multipart")


def test_takes_a_file_in_resolves_what_differs_and_closes_the_day() -> None:
    late, rail = command("D1-1-1", state="declined"), days.rail()
    lead = caller("team_lead", portfolios=("cash",))
    answer = send(lead, [Line("D1-1-1")], rail=rail.code)
    day = answer.json()
    assert (answer.status_code, day["rail"], day["unexplained"], day["state"]) == (201, "union-main", 1, "open")
    assert day["totals"] == [
        {
            "movement": "debit",
            "outcome": "status",
            "currency": "CNY",
            "count": 1,
            "asked": "500.00",
            "told": "500.00",
            "booked": "0.00",
        }
    ]
    closing = f"autopay/reconciliation/days/{day['id']}/closing/"
    assert post(lead, closing, {"reason": "all done"}, key="c1").status_code == 409
    (ticket,) = lead.get(f"{DESK}/differences/?state=open").json()["results"]
    assert (ticket["order_no"], ticket["kind"], ticket["ours"], ticket["theirs"], ticket["detail"]) == (
        "D1-1-1",
        "status",
        "500.00",
        "500.00",
        "says_no",
    )
    where = f"autopay/reconciliation/differences/{ticket['id']}"
    assert post(lead, f"{where}/taking/", {}, key="t").json()["owner_name"] != ""
    resolved = post(lead, f"{where}/resolution/", {"resolution": "believe", "reason": "seen"}, key="r").json()
    late.refresh_from_db()
    assert (resolved["state"], resolved["operation_id"], late.state) == ("resolved", late.operation_id, "succeeded")
    assert post(lead, closing, {"reason": "all done"}, key="c2").json()["state"] == "closed"
    assert lead.get(f"{DESK}/days/?state=closed").json()["results"][0]["closed_by"] != ""


def test_a_bad_file_is_refused_with_its_line() -> None:
    days.rail()
    answer = send(caller("team_lead"), [Line("D 1")], rail="union-main")
    assert (answer.status_code, answer.json()["code"]) == (422, "repayment.settlement_refused")
    assert answer.json()["detail"].startswith("Line 2:")


def test_a_file_of_nobody_is_refused() -> None:
    assert send(caller("team_lead"), []).json()["code"] == "repayment.settlement_refused"


def test_what_exceeds_the_limit_is_asked_for() -> None:
    command("D1-1-1", amount="900.00")
    days.receive([])
    where = f"autopay/reconciliation/differences/{Difference.objects.get().pk}/resolution/"
    senior = caller("senior_agent", portfolios=("cash",))
    answer = post(senior, where, {"resolution": "reverse", "reason": "not debited"}, key="r")
    assert (answer.status_code, Difference.objects.get().state) == (202, "open")


def test_a_ticket_of_another_portfolio_is_not_found() -> None:
    command("D1-1-1")
    days.receive([])
    other = caller("team_lead", portfolios=("other",))
    assert other.get(f"{DESK}/differences/{Difference.objects.get().pk}/").status_code == 404
    assert other.get(f"{DESK}/differences/").json()["results"] == []


def test_comparing_again_gives_the_day() -> None:
    command("D1-1-1")
    taken = days.receive([Line("D1-1-1")])
    answer = post(caller("team_lead"), f"autopay/reconciliation/days/{taken.day_id}/comparison/", {}, key="c")
    assert (answer.status_code, answer.json()["totals"][0]["outcome"]) == (200, "matched")


def test_what_payees_got() -> None:
    made = command("D1-1-1")
    split_line(made, "principal", days.payee(), "400.00")
    lead = caller("team_lead", portfolios=("cash",))
    answer = lead.get(f"{API}/autopay/splits/?from_day=2026-03-01&through_day=2026-03-31").json()
    assert [(row["payee"], row["component"], row["amount"]) for row in answer["rows"]] == [
        ("fund-a", "principal", "400.00")
    ]
    assert lead.get(f"{API}/autopay/splits/?from_day=2026-03-18&through_day=2026-03-31").json() == {"rows": []}
