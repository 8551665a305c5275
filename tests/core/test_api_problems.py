"""Every refusal of the API has one shape; a crash says nothing of itself."""

import json
from types import SimpleNamespace

import psycopg
import pytest
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.core.exceptions import ValidationError as ModelValidationError
from django.db import IntegrityError, OperationalError
from django.http import Http404, HttpResponse
from django.test import RequestFactory
from rest_framework import exceptions, serializers
from rest_framework.decorators import api_view, permission_classes
from rest_framework.test import APIRequestFactory

from backoffice.core.api.problems import ProblemsForApi, exception_handler, problem_of
from backoffice.core.errors import Refusal


class LoanClosed(Refusal):
    code = "tests.loan_closed"
    status = 409


class Line(serializers.Serializer):
    amount = serializers.IntegerField()


class Order(serializers.Serializer):
    name = serializers.CharField()
    lines = Line(many=True)

    def validate(self, attrs):
        raise serializers.ValidationError("the parts do not fit together")


def answer_to(exception):
    @api_view(["GET"])
    @permission_classes([])
    def view(request):
        raise exception

    request = APIRequestFactory().get("/api/v1/things/7/")
    request.request_id = "r-1"
    return view(request).render()


def test_writes_a_refusal_as_a_problem():
    refusal = LoanClosed("The loan is closed.", next_step="Open another.", fields={"loan": "closed on 1 May"})
    response = answer_to(refusal)
    assert response.status_code == 409
    assert response.headers["Content-Type"] == "application/problem+json"
    assert json.loads(response.content) == {
        "type": "urn:backoffice:problem:tests.loan_closed",
        "title": "Conflict",
        "status": 409,
        "code": "tests.loan_closed",
        "detail": "The loan is closed.",
        "next_step": "Open another.",
        "fields": {"loan": "closed on 1 May"},
        "instance": "/api/v1/things/7/",
        "request_id": "r-1",
    }


def test_names_each_input_at_fault_by_its_path():
    order = Order(data={"lines": [{"amount": 1}, {"amount": "x"}]})
    with pytest.raises(exceptions.ValidationError) as refused:
        order.is_valid(raise_exception=True)
    problem = problem_of(refused.value)
    assert (problem.code, problem.status) == ("core.invalid", 400)
    assert problem.fields == {"name": "This field is required.", "lines.1.amount": "A valid integer is required."}
    assert problem.detail == "Some of the values cannot be used."


def test_says_what_is_wrong_with_the_whole():
    order = Order(data={"name": "n", "lines": []})
    with pytest.raises(exceptions.ValidationError) as refused:
        order.is_valid(raise_exception=True)
    problem = problem_of(refused.value)
    assert (problem.detail, problem.fields) == ("the parts do not fit together", {})
    assert problem.next_step == "Compare it with the description of the API."


@pytest.mark.parametrize(
    ("exception", "status", "code"),
    [
        (exceptions.ParseError("not JSON"), 400, "core.malformed"),
        (exceptions.NotAuthenticated(), 401, "core.not_authenticated"),
        (exceptions.PermissionDenied(), 403, "core.not_permitted"),
        (PermissionDenied(), 403, "core.not_permitted"),
        (exceptions.NotFound(), 404, "core.not_found"),
        (Http404(), 404, "core.not_found"),
        (exceptions.MethodNotAllowed("PUT"), 405, "core.method_not_allowed"),
        (exceptions.NotAcceptable(), 406, "core.not_acceptable"),
        (exceptions.UnsupportedMediaType("text/csv"), 415, "core.unsupported_media_type"),
        (exceptions.Throttled(wait=12), 429, "core.throttled"),
        (RequestDataTooBig(), 413, "core.too_large"),
        (ModelValidationError({"day": ["no such day"]}), 400, "core.invalid"),
        (ModelValidationError("no"), 400, "core.invalid"),
    ],
)
def test_gives_each_kind_of_refusal_its_status_and_code(exception, status, code):
    response = answer_to(exception)
    assert (response.status_code, response.data["code"], response.data["status"]) == (status, code, status)
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.data["next_step"]


def test_says_how_long_to_wait():
    assert answer_to(exceptions.Throttled(wait=12)).headers["Retry-After"] == "12"


def database_error(kind, cause):
    error = kind("internal wording with names of tables")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "status", "code", "retry_after"),
    [
        (database_error(IntegrityError, psycopg.errors.UniqueViolation()), 409, "core.conflict", None),
        (database_error(IntegrityError, psycopg.errors.ExclusionViolation()), 409, "core.conflict", None),
        (database_error(OperationalError, psycopg.errors.DeadlockDetected()), 503, "core.busy", "1"),
        (database_error(OperationalError, psycopg.errors.LockNotAvailable()), 503, "core.busy", "1"),
        (database_error(OperationalError, psycopg.errors.AdminShutdown()), 503, "core.unavailable", "1"),
        (database_error(OperationalError, psycopg.errors.TooManyConnections()), 503, "core.unavailable", "1"),
        (database_error(OperationalError, psycopg.OperationalError("no server")), 503, "core.unavailable", "1"),
    ],
)
def test_answers_a_lost_race_without_the_words_of_the_database(error, status, code, retry_after):
    response = answer_to(error)
    assert (response.status_code, response.data["code"]) == (status, code)
    assert response.headers.get("Retry-After") == retry_after
    assert "internal wording" not in str(response.data)


@pytest.mark.parametrize(
    "error",
    [
        database_error(IntegrityError, psycopg.errors.CheckViolation()),
        database_error(OperationalError, psycopg.errors.SystemError()),
        ZeroDivisionError("secret"),
    ],
)
def test_lets_a_defect_crash_so_that_it_is_logged(error):
    assert exception_handler(error, {"request": None}) is None
    with pytest.raises(type(error)):
        answer_to(error)


def through_the_middleware(path, response):
    request = RequestFactory().get(path)
    request.request_id = "r-2"
    return ProblemsForApi(lambda _request: response)(request)


def test_turns_a_crash_below_the_api_into_a_problem_that_leaks_nothing():
    crashed = HttpResponse("<h1>Traceback secret</h1>", status=500, headers={"X-Frame-Options": "DENY"})
    answer = through_the_middleware("/api/v1/loans/", crashed)
    body = json.loads(answer.content)
    assert (answer.status_code, body["code"], body["request_id"]) == (500, "core.internal", "r-2")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert b"secret" not in answer.content


def test_turns_an_unknown_address_below_the_api_into_a_problem():
    body = json.loads(through_the_middleware("/api/v1/nothing/", HttpResponse("nope", status=404)).content)
    assert (body["code"], body["instance"]) == ("core.not_found", "/api/v1/nothing/")
    assert body["next_step"] == "Check the address and the number in it."


@pytest.mark.parametrize(
    ("path", "response"),
    [
        ("/loans/", HttpResponse("page", status=404)),
        ("/api/v1/loans/", HttpResponse("fine", status=200)),
        ("/api/v1/loans/", HttpResponse(b"{}", status=422, content_type="application/problem+json")),
    ],
)
def test_leaves_every_other_answer_alone(path, response):
    assert through_the_middleware(path, response) is response


def test_answers_without_a_request_at_hand():
    assert problem_of(Http404()).body(None)["instance"] == ""
    assert problem_of(Http404()).body(SimpleNamespace(path="/x"))["request_id"] == ""
