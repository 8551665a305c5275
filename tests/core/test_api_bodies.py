"""Bodies: a field nobody reads is refused by its name, beside every other fault, however deep it lies."""

from typing import Any

import pytest
from rest_framework import serializers

from backoffice.core.api.bodies import BodySerializer, EmptyBodySerializer
from backoffice.core.api.fields import MoneyField, MoneySerializer, currency_field
from backoffice.core.api.problems import problem_of
from backoffice.core.api.views import read

UNKNOWN = "this address does not take that field"


class Part(BodySerializer):
    amount = MoneyField(required=False)


class Body(BodySerializer):
    reason = serializers.CharField()
    number = serializers.IntegerField(read_only=True)
    part = Part(required=False)
    parts = Part(many=True, required=False)


class Payment(MoneySerializer):
    amount = MoneyField()
    currency = currency_field()


def faults(kind: type[serializers.Serializer], body: Any) -> dict[str, str]:
    with pytest.raises(serializers.ValidationError) as refused:
        read(kind, body)
    problem = problem_of(refused.value)
    assert problem is not None
    assert (problem.status, problem.code) == (400, "core.invalid")
    return dict(problem.fields)


def test_reads_what_it_knows() -> None:
    assert read(Body, {"reason": "asked", "part": {}, "parts": []}) == {"reason": "asked", "part": {}, "parts": []}


def test_names_every_unknown_field_beside_what_else_is_wrong() -> None:
    assert faults(Body, {"reasn": "asked", "colour": "red"}) == {
        "reason": "This field is required.",
        "reasn": UNKNOWN,
        "colour": UNKNOWN,
    }


def test_names_an_unknown_field_within_a_part_by_its_path() -> None:
    body = {"reason": "asked", "part": {"amout": "1.00"}, "parts": [{}, {"amout": "1.00"}]}
    assert faults(Body, body) == {"part.amout": UNKNOWN, "parts.1.amout": UNKNOWN}


def test_a_field_that_is_only_answered_with_is_not_taken() -> None:
    assert faults(Body, {"reason": "asked", "number": 7}) == {"number": UNKNOWN}


def test_money_beside_its_currency_is_read_as_strictly() -> None:
    assert faults(Payment, {"amount": "1.00", "currency": "CNY", "ammount": "1.00"}) == {"ammount": UNKNOWN}


@pytest.mark.parametrize("body", [[], "text", 7])
def test_what_is_no_object_is_refused_as_a_whole(body: Any) -> None:
    assert faults(Body, body) == {}


def test_a_call_without_a_body_takes_none() -> None:
    assert read(EmptyBodySerializer, {}) == {}
    assert faults(EmptyBodySerializer, {"reason": "asked"}) == {"reason": UNKNOWN}
