"""The rate limit counts per person and kind of call, and the best role sets the rate."""

import pytest
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory, force_authenticate

from backoffice.core.api.throttling import RoleThrottle, best_rate, parse_rate


class Person:
    is_authenticated = True

    def __init__(self, pk, *roles):
        self.pk = pk
        self.roles = list(roles)


class View:
    throttle_scope = None


class MoneyView:
    throttle_scope = "money"


@pytest.fixture(autouse=True)
def rates(settings):
    settings.API_RATES = {
        "read": {"anonymous": "1/minute", "default": "2/minute", "analyst": "4/minute"},
        "write": {"anonymous": "1/minute", "default": "2/minute"},
        "money": {"anonymous": "1/minute", "default": "1/hour"},
    }
    cache.clear()


@pytest.fixture
def clock(monkeypatch):
    moment = [1_000_000_020.0]
    monkeypatch.setattr(RoleThrottle, "timer", lambda: moment[0])
    return moment


def allowed(person, *, times=1, method="get", view=View, address="10.0.0.1"):
    answers = []
    for _ in range(times):
        raw = getattr(APIRequestFactory(), method)("/", REMOTE_ADDR=address)
        if person is not None:
            force_authenticate(raw, person)
        request = Request(raw, authenticators=[])
        if person is not None:
            request.user = person
        throttle = RoleThrottle()
        answers.append(throttle.allow_request(request, view()))
        allowed.wait = throttle.wait()
    return answers


def test_refuses_the_call_after_the_last_of_the_window_and_says_how_long_to_wait(clock):
    assert allowed(Person(1, "agent"), times=3) == [True, True, False]
    assert allowed.wait == 60 - 1_000_000_020 % 60


def test_lets_calls_through_again_in_the_next_window(clock):
    allowed(Person(1, "agent"), times=3)
    clock[0] += 60
    assert allowed(Person(1, "agent")) == [True]


def test_counts_each_person_and_each_kind_of_call_apart(clock):
    assert allowed(Person(1, "agent"), times=2) == [True, True]
    assert allowed(Person(2, "agent")) == [True]
    assert allowed(Person(1, "agent"), method="post") == [True]
    assert allowed(Person(1, "agent"), view=MoneyView, times=2) == [True, False]


def test_gives_a_person_the_best_rate_of_their_roles(clock):
    assert allowed(Person(1, "agent", "analyst"), times=5) == [True, True, True, True, False]


def test_counts_strangers_by_address(clock):
    assert allowed(None, times=2) == [True, False]
    assert allowed(None, address="10.0.0.2") == [True]


def test_compares_rates_over_different_windows():
    rates = {"default": "10/minute", "a": "5/second", "b": "100/hour"}
    assert best_rate(rates=rates, roles=frozenset({"a", "b"})) == (5, 1)
    assert best_rate(rates=rates, roles=frozenset()) == (10, 60)


@pytest.mark.parametrize("text", ["", "10", "10/min", "0/minute", "-1/hour", "ten/day"])
def test_refuses_to_start_with_a_rate_it_cannot_read(text):
    with pytest.raises(ImproperlyConfigured):
        parse_rate(text=text)
