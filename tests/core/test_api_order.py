"""A call is judged in order: who, how often, which method, what they may; and every refusal is a JSON problem."""

import pytest
from django.core.cache import cache
from rest_framework.test import APIClient

from backoffice.core.api.problems import MEDIA_TYPE
from tests.repayment.api_book import API, caller, open_book, open_loan

pytestmark = pytest.mark.django_db


@pytest.fixture
def three_calls(settings):
    settings.API_RATES = {
        "read": {"anonymous": "3/minute", "default": "1200/minute"},
        "write": {"anonymous": "3/minute", "default": "600/minute"},
    }
    cache.clear()
    yield
    cache.clear()


@pytest.mark.parametrize("token", ["", "Bearer nobody-has-this"])
@pytest.mark.parametrize("path", [f"{API}/loans/", "/api/v1/schema/"])
def test_counts_calls_of_strangers_and_of_wrong_tokens(three_calls, token, path):
    headers = {"HTTP_AUTHORIZATION": token} if token else {}
    answers = [APIClient().get(path, **headers).status_code for _number in range(5)]
    assert answers == [401, 401, 401, 429, 429]


def test_counts_a_persons_call_once(three_calls, settings):
    settings.API_RATES["read"]["default"] = "3/minute"
    agent = caller("agent")
    assert [agent.get(f"{API}/loans/").status_code for _number in range(4)] == [200, 200, 200, 429]


def test_a_method_the_address_does_not_take_is_not_a_matter_of_roles():
    open_book()
    loan = open_loan()
    answer = caller("admin").delete(f"{API}/loans/{loan.pk}/")
    assert (answer.status_code, answer.json()["code"]) == (405, "core.method_not_allowed")
    assert APIClient().delete(f"{API}/loans/{loan.pk}/").status_code == 401


def test_the_description_is_refused_in_json():
    answer = APIClient().get("/api/v1/schema/")
    assert (answer.status_code, answer.headers["Content-Type"]) == (401, MEDIA_TYPE)
    assert answer.json()["code"] == "core.not_authenticated"
    assert caller("agent").get("/api/v1/schema/").headers["Content-Type"].startswith("application/vnd.oai.openapi")


def test_says_that_a_day_does_not_exist_and_not_that_it_is_written_wrong():
    open_book()
    loan = open_loan()
    answer = caller("agent").get(f"{API}/loans/{loan.pk}/?as_of=2026-02-31")
    assert answer.json()["fields"] == {"as_of": "is not a day of the calendar"}
