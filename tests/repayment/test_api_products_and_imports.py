"""Products and imports over the API: read by those who may, each within their portfolios."""

from datetime import date

import pytest

from backoffice.repayment.models import ImportRun, Product, ProductVersion, RejectedRow
from tests.repayment.api_book import API, caller, open_book

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def book():
    open_book()


def test_lists_products_and_the_versions_of_one():
    product = Product.objects.create(code="twelve", name="Twelve months", portfolio="consumer", currency="CNY")
    for number, state in ((1, "retired"), (2, "active")):
        ProductVersion.objects.create(
            product=product, number=number, state=state, terms={"periods": number}, effective_from=date(2026, number, 1)
        )
    agent = caller("agent", portfolios=("consumer",))
    (listed,) = agent.get(f"{API}/products/?currency=CNY").json()["results"]
    assert (listed["code"], listed["name"], listed["portfolio"]) == ("twelve", "Twelve months", "consumer")
    assert agent.get(f"{API}/products/{product.pk}/").json() == listed
    versions = agent.get(f"{API}/products/{product.pk}/versions/").json()["results"]
    assert [(row["number"], row["state"], row["effective_from"], row["terms"]) for row in versions] == [
        (2, "active", "2026-02-01", {"periods": 2}),
        (1, "retired", "2026-01-01", {"periods": 1}),
    ]
    other = caller("agent", portfolios=("small",))
    assert other.get(f"{API}/products/").json()["results"] == []
    for path in ("", "versions/"):
        answer = other.get(f"{API}/products/{product.pk}/{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "repayment.product_not_found")


def test_lists_imports_and_the_rows_that_were_rejected():
    run = ImportRun.objects.create(
        name="june.zip", source="tape", portfolio="consumer", digest="0" * 64, state="checked",
        business_date=date(2026, 4, 3), row_counts={"loans": 3}, finding_count=1, finding_counts={"bad_date": 1},
        loan_count=2, refused_loan_count=1, actor_name="lin",
    )  # fmt: skip
    RejectedRow.objects.create(run=run, file="loans.csv", line=4, field="disbursed_on", subject="L-9", code="unknown")
    lead = caller("team_lead", portfolios=("consumer",))
    (listed,) = lead.get(f"{API}/imports/?state=checked").json()["results"]
    assert (listed["name"], listed["state"], listed["row_counts"], listed["loan_count"]) == (
        "june.zip", "checked", {"loans": 3}, 2,
    )  # fmt: skip
    assert lead.get(f"{API}/imports/{run.pk}/").json() == listed
    (row,) = lead.get(f"{API}/imports/{run.pk}/rejected-rows/").json()["results"]
    assert (row["file"], row["line"], row["field"], row["code"], row["reason"]) == (
        "loans.csv", 4, "disbursed_on", "unknown", "unknown",
    )  # fmt: skip
    other = caller("team_lead", portfolios=("small",))
    for path in ("", "rejected-rows/"):
        answer = other.get(f"{API}/imports/{run.pk}/{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "repayment.import_not_found")
