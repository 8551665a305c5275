"""Reading loans over the API: who sees which, on which day, in how many queries."""

from datetime import date
from decimal import ROUND_HALF_UP, Decimal

import pytest

from backoffice.core.actors import SYSTEM
from backoffice.repayment.models import Operation
from backoffice.repayment.services import verbs
from tests.repayment.api_book import API, TODAY, caller, open_book, open_loan

pytestmark = pytest.mark.django_db

PAGES = ("explanation", "schedule-versions", "transfers", "operations", "bucket-moves", "payoff-quote")


@pytest.fixture(autouse=True)
def book():
    open_book()


@pytest.fixture
def loan():
    return open_loan()


def pay(loan, amount, on=TODAY):
    return verbs.post_payment(
        loan_id=loan.pk, amount=Decimal(amount), currency="CNY", value_date=on, actor=SYSTEM, external_id=f"{on}"
    )


def ids(answer):
    return [row["external_id"] for row in answer.json()["results"]]


def test_lists_loans_newest_first_with_their_facts(loan):
    open_loan(external_id="L-2")
    answer = caller("agent").get(f"{API}/loans/")
    assert ids(answer) == ["L-2", "L-1"]
    assert answer.json()["results"][1] == {
        "id": loan.pk,
        "external_id": "L-1",
        "portfolio": "consumer",
        "borrower_id": loan.borrower_id,
        "borrower_external_id": "B-L-1",
        "currency": "CNY",
        "principal": "12000.00",
        "annual_rate": "0.18000000",
        "periods": 12,
        "disbursed_on": "2026-01-15",
        "maturity_on": "2027-01-15",
        "status": "active",
        "creditor": "lender",
        "bucket": "M2",
        "oldest_unpaid_due_date": "2026-02-15",
        "outstanding_principal": "12000.00",
        "outstanding_total": "13238.90",
        "overdue_amount": "2237.27",
        "suspense": "0.00",
        "schedule_version": 1,
        "closed_on": None,
    }


def test_narrows_the_list_by_every_filter(loan):
    open_loan(external_id="L-2", portfolio="small", disbursed_on=date(2026, 3, 20))
    agent = caller("agent")
    expected = {
        "status=active": ["L-2", "L-1"],
        "status=closed": [],
        "bucket=M2": ["L-1"],
        "bucket=M0": ["L-2"],
        "portfolio=small": ["L-2"],
        f"borrower={loan.borrower_id}": ["L-1"],
        "external_id=L-1": ["L-1"],
        "creditor=lender": ["L-2", "L-1"],
        "overdue=true": ["L-1"],
        "overdue=false": ["L-2"],
        "overdue=false&bucket=M2": [],
    }
    assert {query: ids(agent.get(f"{API}/loans/?{query}")) for query in expected} == expected


@pytest.mark.parametrize(
    ("query", "field"),
    [("status=lost", "status"), ("borrower=x", "borrower"), ("overdue=maybe", "overdue"), ("dpd=3", "dpd")],
)
def test_names_the_filter_it_cannot_use(query, field):
    answer = caller("agent").get(f"{API}/loans/?{query}")
    assert (answer.status_code, set(answer.json()["fields"])) == (400, {field})


def test_shows_a_team_only_the_loans_of_its_portfolios(loan):
    open_loan(external_id="L-2", portfolio="small")
    small_team = caller("agent", portfolios=("small",))
    assert ids(small_team.get(f"{API}/loans/")) == ["L-2"]
    for page in (
        "",
        "explanation/",
        "schedule-versions/",
        "transfers/",
        "operations/",
        "bucket-moves/",
        "payoff-quote/",
    ):
        answer = small_team.get(f"{API}/loans/{loan.pk}/{page}")
        assert (answer.status_code, answer.json()["code"]) == (404, "repayment.loan_not_found")


def test_an_auditor_sees_every_portfolio(loan):
    assert ids(caller("auditor", portfolios=("small",)).get(f"{API}/loans/")) == ["L-1"]


@pytest.mark.parametrize("loan_id", [0, 999_999, 2**63, 10**30])
def test_knows_no_loan_by_a_number_nobody_gave(loan_id):
    answer = caller("agent").get(f"{API}/loans/{loan_id}/")
    assert (answer.status_code, answer.json()["code"]) == (404, "repayment.loan_not_found")


def test_shows_a_loan_on_the_business_date(loan):
    body = caller("agent").get(f"{API}/loans/{loan.pk}/").json()
    assert {name: body[name] for name in body if name not in {"loan", "bills"}} == {
        "as_of": "2026-04-03",
        "business_date": "2026-04-03",
        "currency": "CNY",
        "status": "active",
        "creditor": "lender",
        "bucket": "M2",
        "dpd": 47,
        "dpd_contract": 47,
        "cycles": 2,
        "five_tier": "special_mention",
        "due": {
            "principal": "1854.12",
            "interest": "346.20",
            "fee": "0.00",
            "guarantee_fee": "0.00",
            "penalty": body["due"]["penalty"],
        },
        "due_total": body["due_total"],
        "outstanding_principal": "12000.00",
        "suspense": "0.00",
        "schedule_version": 1,
    }
    # 920.16 x 24 % / 360 x 47 days and 933.96 x 24 % / 360 x 19 days, rounded bill by bill
    assert body["due"]["penalty"] == str(Decimal("28.83") + Decimal("11.83"))
    assert body["due_total"] == "2240.98"
    assert len(body["bills"]) == 12
    assert {name: body["bills"][0][name] for name in ("number", "due_date", "left", "penalty", "dpd", "state")} == {
        "number": 1,
        "due_date": "2026-02-15",
        "left": "1128.99",
        "penalty": "28.83",
        "dpd": 47,
        "state": "overdue",
    }
    assert body["bills"][11]["state"] == "planned"
    assert body["bills"][11]["balance_after"] == "0.00"


def test_travels_to_any_day(loan):
    pay(loan, "1100.16", on=date(2026, 3, 20))
    agent = caller("agent")
    days = {"2026-02-15": (0, "M0"), "2026-02-16": (1, "M1"), "2026-03-19": (32, "M2"), "2026-03-20": (33, "M2")}
    seen = {}
    for day in days:
        body = agent.get(f"{API}/loans/{loan.pk}/?as_of={day}").json()
        seen[day] = (body["dpd"], body["bucket"])
    assert seen == days


def test_explains_the_days_past_due(loan):
    body = caller("agent").get(f"{API}/loans/{loan.pk}/explanation/").json()
    assert {name: body[name] for name in ("dpd", "bucket", "bill_number", "bill_due_date", "elapsed_days", "held")} == {
        "dpd": 47,
        "bucket": "M2",
        "bill_number": 1,
        "bill_due_date": "2026-02-15",
        "elapsed_days": 47,
        "held": [],
    }
    assert body["band"] == {"code": "M2", "first": 31, "last": 60}
    assert [(row["number"], row["rate"], row["day_basis"]) for row in body["penalties"]] == [
        (1, "0.24000000", 360),
        (2, "0.24000000", 360),
    ]


def test_explains_a_loan_with_nothing_unpaid():
    paid = open_loan(external_id="L-9", disbursed_on=date(2026, 3, 20))
    body = caller("agent").get(f"{API}/loans/{paid.pk}/explanation/").json()
    assert (body["dpd"], body["bucket"], body["bill_number"]) == (0, "M0", 1)


def test_an_explanation_names_its_rules_and_can_be_worked_out_again(loan):
    pay(loan, "100.00", on=date(2026, 3, 20))
    body = caller("agent").get(f"{API}/loans/{loan.pk}/explanation/").json()
    assert body["rules"] == {"product": None, "version": None, "terms": loan.terms.digest}
    for row in body["penalties"]:
        exact = Decimal(row["base_days"]) * Decimal(row["rate"]) / row["day_basis"]
        assert exact.quantize(Decimal("0.01"), ROUND_HALF_UP) == Decimal(row["charged"]) + Decimal(row["uncharged"])
    assert [Decimal(row["base"]) > 0 for row in body["penalties"]] == [True, True]


@pytest.mark.parametrize("path", ["?as_of=2026-01-14", "explanation/?as_of=2020-01-01", "payoff-quote/?on=2026-01-01"])
def test_refuses_a_day_before_the_loan_was_there(loan, path):
    answer = caller("team_lead").get(f"{API}/loans/{loan.pk}/{path}")
    assert (answer.status_code, answer.json()["code"]) == (422, "repayment.day_before_disbursement")


def test_quotes_what_settles_the_loan(loan):
    body = caller("agent").get(f"{API}/loans/{loan.pk}/payoff-quote/?on=2026-04-03").json()
    parts = ("principal", "interest_due", "interest_accrued", "fees_due", "penalty", "early_fee")
    assert Decimal(body["total"]) == sum(Decimal(body[part]) for part in parts) - Decimal(body["suspense"])
    assert {name: body[name] for name in ("loan_id", "on", "currency", "principal", "interest_due", "penalty")} == {
        "loan_id": loan.pk,
        "on": "2026-04-03",
        "currency": "CNY",
        "principal": "12000.00",
        "interest_due": "346.20",
        "penalty": "40.66",
    }


def test_lists_the_ledger_and_narrows_it(loan):
    booked = pay(loan, "100.00")
    agent = caller("agent")
    everything = agent.get(f"{API}/loans/{loan.pk}/transfers/?page_size=200").json()["results"]
    assert all(row["currency"] == "CNY" and row["loan_id"] == loan.pk for row in everything)
    own = agent.get(f"{API}/loans/{loan.pk}/transfers/?operation={booked.operation_id}&kind=payment").json()["results"]
    assert [(row["debit"], row["credit"], row["component"], row["amount"]) for row in own] == [
        ("cash", "interest_receivable", "interest", "71.17"),
        ("cash", "penalty_receivable", "penalty", "28.83"),
    ]
    assert agent.get(f"{API}/loans/{loan.pk}/transfers/?last=2026-01-14").json()["results"] == []


def test_lists_what_was_done(loan):
    booked = pay(loan, "100.00")
    rows = caller("agent").get(f"{API}/loans/{loan.pk}/operations/").json()["results"]
    assert [(row["kind"], row["amount"]) for row in rows] == [("payment", "100.00"), ("disbursement", "12000.00")]
    assert (rows[0]["id"], rows[0]["reversed_by_id"], rows[0]["actor_name"]) == (booked.operation_id, None, "system")
    kinds = caller("agent").get(f"{API}/loans/{loan.pk}/operations/?kind=disbursement").json()["results"]
    assert [row["kind"] for row in kinds] == ["disbursement"]


def test_lists_schedule_versions_and_bucket_moves(loan):
    agent = caller("agent")
    versions = agent.get(f"{API}/loans/{loan.pk}/schedule-versions/").json()["versions"]
    assert [(version["number"], len(version["bills"])) for version in versions] == [(1, 12)]
    assert versions[0]["bills"][0]["principal"] == "920.16"
    moves = agent.get(f"{API}/loans/{loan.pk}/bucket-moves/").json()["results"]
    assert [(move["on"], move["from_bucket"], move["to_bucket"]) for move in moves] == [
        ("2026-03-18", "M1", "M2"),
        ("2026-02-16", "M0", "M1"),
    ]


def test_lists_payments_of_the_loans_a_person_may_see(loan):
    other = open_loan(external_id="L-2", portfolio="small")
    first, second = (
        pay(loan, "100.00"),
        verbs.post_payment(
            loan_id=other.pk, amount=Decimal("50.00"), currency="CNY", value_date=TODAY, actor=SYSTEM, source="bank"
        ),
    )
    everything = caller("agent").get(f"{API}/payments/").json()["results"]
    assert [row["id"] for row in everything] == [second.operation_id, first.operation_id]
    small_team = caller("agent", portfolios=("small",))
    assert [row["id"] for row in small_team.get(f"{API}/payments/").json()["results"]] == [second.operation_id]
    for query, expected in {
        "source=bank": [second.operation_id],
        "external_id=2026-04-03": [first.operation_id],
        f"borrower={loan.borrower_id}": [first.operation_id],
        "first=2026-04-04": [],
    }.items():
        rows = caller("agent").get(f"{API}/payments/?{query}").json()["results"]
        assert [row["id"] for row in rows] == expected, query


@pytest.mark.parametrize(
    ("page", "queries"),
    [
        ("loans/?page_size=2", 1),
        ("payments/", 2),
        ("loans/{id}/", 11),
        ("loans/{id}/explanation/", 11),
        ("loans/{id}/payoff-quote/", 11),
        ("loans/{id}/transfers/", 2),
        ("loans/{id}/operations/", 3),
        ("loans/{id}/schedule-versions/", 3),
        ("loans/{id}/bucket-moves/", 2),
    ],
)
def test_reads_a_page_in_a_fixed_number_of_queries(loan, page, queries, django_assert_num_queries):
    for number in range(3):
        open_loan(external_id=f"L-{number + 2}")
        pay(loan, f"{number + 1}.00", on=date(2026, 4, number + 1))
    assert Operation.objects.count() == 7
    agent = caller("agent")
    agent.get(f"{API}/{page.format(id=loan.pk)}")
    with django_assert_num_queries(queries):
        assert agent.get(f"{API}/{page.format(id=loan.pk)}").status_code == 200
