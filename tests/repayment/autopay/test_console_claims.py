"""Claims as staff use them: one person confirms a list, another transfers it; the rates lead to its rows."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from backoffice.repayment.models import Claim, ClaimReturn, ClaimRule
from tests.repayment.api_book import API, caller
from tests.repayment.api_book import post as call
from tests.repayment.autopay import claiming
from tests.repayment.autopay.claiming import DAY, business_date_is, guarantor, late_loan, listed, pays, rule
from tests.staff.factories import TeamFactory, logged_in, person

pytestmark = pytest.mark.django_db
NEXT = DAY + timedelta(days=1)


@pytest.fixture
def claim() -> Claim:
    late_loan()
    listed(rule())
    return claiming.the_claim()


def somebody(role: str = "team_lead") -> Client:
    return logged_in(Client(raise_request_exception=True), person(role, team=TeamFactory(portfolios=["cash"])))


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


def test_the_list_shows_counts_and_sums_and_leads_to_its_claims(claim: Claim) -> None:
    lead = somebody()
    text = page(lead, "claims")
    assert "1,100.16" in text
    assert f"?day={DAY}&amp;rule={claim.rule_id}" in text
    assert claim.number in page(lead, "claims", query=f"?day={DAY}&rule={claim.rule_id}")
    assert claim.number not in page(lead, "claims", query="?state=matched")
    stranger = logged_in(Client(), person("team_lead", team=TeamFactory(portfolios=["other"])))
    assert claim.number not in page(stranger, "claims")
    assert stranger.get(reverse("repayment:claim", args=[claim.pk])).status_code == 404


def test_one_confirms_and_another_transfers_with_the_numbers_before_them(claim: Claim) -> None:
    one, other = somebody(), somebody()
    assert "1,100.16" in page(one, "confirm_claim", claim.pk)
    assert confirm(one, "confirm_claim", claim.pk, reason="by list").status_code in {302, 303}
    assert confirm(one, "confirm_claim", claim.pk, reason="by list").status_code == 409
    business_date_is(NEXT)
    assert "wrote down" in confirm(one, "transfer_claim", claim.pk, reason="paid").content.decode()
    assert "The guarantor pays" in page(other, "transfer_claim", claim.pk)
    assert confirm(other, "transfer_claim", claim.pk, reason="paid").status_code in {302, 303}
    text = page(other, "claim", claim.pk)
    assert "Paid by the borrower since" in text
    assert text.count("Confirmed by the funder") == 1
    rates = page(other, "guarantors")
    assert f"?guarantor={guarantor().pk}&amp;paid=1" in rates
    assert "9.17" in rates


def test_a_whole_list_is_confirmed_and_transferred(claim: Claim) -> None:
    one, other = somebody(), somebody()
    assert confirm(one, "confirm_claim_list", claim.rule_id, str(DAY), reason="by list").status_code in {302, 303}
    business_date_is(NEXT)
    assert confirm(other, "transfer_claim_list", claim.rule_id, str(DAY), reason="paid").status_code in {302, 303}
    claim.refresh_from_db()
    assert claim.state == "transferred"


def test_declining_needs_a_reason_and_shows_it(claim: Claim) -> None:
    lead = somebody()
    assert confirm(lead, "decline_claim", claim.pk, reason="").status_code == 422
    assert confirm(lead, "decline_claim", claim.pk, reason="papers missing").status_code in {302, 303}
    assert "papers missing" in page(lead, "claim", claim.pk)


def test_the_funders_file_is_sent_and_a_bad_one_is_refused_with_its_line(claim: Claim) -> None:
    lead = somebody()
    for amount, status in (("1.00", 422), (str(claim.amount), 303)):
        text = f"claim,decision,amount,reason\n{claim.number},confirm,{amount},\n".encode()
        file = SimpleUploadedFile("list.csv", text, content_type="text/csv")
        answer = lead.post(reverse("repayment:send_decisions"), {"file": file})
        assert answer.status_code == status
    claim.refresh_from_db()
    assert claim.state == "confirmed"


def test_what_was_overpaid_is_given_back_on_the_page(claim: Claim) -> None:
    claiming.confirmed(claim)
    pays(claim, "300.00", clock="18:30")
    claiming.transferred(claim)
    lead = somebody()
    assert "Overpaid, to give back" in page(lead, "claim", claim.pk)
    done = confirm(lead, "return_overpaid", claim.pk, reference="TT-7", reason="by transfer")
    assert done.status_code in {302, 303}
    assert (ClaimReturn.objects.get().state, "TT-7" in page(lead, "claim", claim.pk)) == ("returned", True)


def test_a_rule_is_drafted_submitted_and_retired_on_its_page() -> None:
    business_date_is(DAY)
    lead = somebody()
    given = {
        "guarantor": str(guarantor().pk), "portfolio": "cash", "product": "", "funder": "lender", "currency": "CNY",
        "kind": "whole_loan", "trigger_dpd": "80", "cap_share": "8", "cut_off": "18:00", "effective_from": str(NEXT),
        "effective_to": "", "reason": "contract 7",
    }  # fmt: skip
    assert confirm(lead, "new_claim_rule", **given).status_code in {302, 303}
    drafted = ClaimRule.objects.get()
    assert (drafted.cap_share, drafted.state) == (drafted.terms.cap_share, "draft")
    assert confirm(lead, "submit_claim_rule", drafted.pk, reason="contract 7").status_code in {302, 303}
    assert "waits for approval" in page(lead, "claim_rules")
    assert confirm(lead, "retire_claim_rule", drafted.pk, reason="not signed").status_code in {302, 303}


def test_the_list_takes_the_same_queries_whatever_its_length(claim: Claim) -> None:
    lead = somebody()
    page(lead, "claims")
    with CaptureQueriesContext(connection) as few:
        page(lead, "claims")
    late_loan()
    late_loan()
    listed(claim.rule)
    with CaptureQueriesContext(connection) as many:
        page(lead, "claims")
    assert len(many) == len(few)


def test_the_api_reads_decides_transfers_and_rates(claim: Claim) -> None:
    one, other = (caller("team_lead", portfolios=("cash",)) for _ in range(2))
    rows = one.get(f"{API}/autopay/claims/", {"state": "candidate"}).json()["results"]
    assert [(row["number"], row["amount"], row["state"]) for row in rows] == [(claim.number, "1100.16", "candidate")]
    decisions = {"decisions": [{"claim": claim.number, "decision": "confirm", "amount": "1100.16"}]}
    assert call(one, "autopay/claims/decisions/", decisions, key="a").json() == {
        "confirmed": 1,
        "declined": 0,
        "unchanged": 0,
    }
    business_date_is(NEXT)
    same = call(one, f"autopay/claims/{claim.pk}/transfer/", {"reason": "paid"}, key="b")
    assert (same.status_code, same.json()["code"]) == (403, "repayment.claim_same_person")
    done = call(other, f"autopay/claims/{claim.pk}/transfer/", {"reason": "paid"}, key="c")
    assert (done.status_code, done.json()["state"], done.json()["overpaid"]) == (200, "transferred", None)
    (rates,) = one.get(f"{API}/autopay/guarantors/").json()["rows"]
    assert (rates["guarantor"], rates["amount"], rates["claim_rate"]) == ("guard", "1100.16", "0.091680")


def test_the_api_drafts_and_submits_a_rule() -> None:
    business_date_is(DAY)
    lead = caller("team_lead", portfolios=("cash",))
    body = {
        "guarantor_id": guarantor().pk, "portfolio": "cash", "funder": "lender", "currency": "CNY",
        "kind": "per_instalment", "trigger_dpd": 60, "cap_share": "0.08", "cut_off": "18:00",
        "effective_from": str(NEXT), "reason": "contract 7",
    }  # fmt: skip
    made = call(lead, "autopay/claim-rules/", body, key="a")
    assert (made.status_code, made.json()["state"], made.json()["cap_share"]) == (201, "draft", "0.080000")
    asked = call(lead, f"autopay/claim-rules/{made.json()['id']}/submission/", {"reason": "contract 7"}, key="b")
    assert asked.status_code == 202
    ended = call(lead, f"autopay/claim-rules/{made.json()['id']}/retirement/", {"reason": "no"}, key="c")
    assert ended.status_code in {200, 400}
