"""The description of the API: what each endpoint takes, answers, refuses and permits, and a page to read it on."""

import json
import re
from typing import ClassVar

import pytest
from django.urls import path
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.test import APIClient

from backoffice.audit.idempotent_view import idempotent
from backoffice.core.api.fields import MoneyField, MoneySerializer, currency_field
from backoffice.core.api.views import ApiView, ListView, PermissionNotDeclared
from tests.staff.factories import person


class Query(serializers.Serializer):
    status = serializers.CharField(required=False)


class Payment(MoneySerializer):
    amount = MoneyField()
    currency = currency_field()


class PaymentsView(ListView):
    """The payments of a loan. All of them."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "tests.payment.view"}
    query_serializer_class = Query
    serializer_class = Payment


class PostView(ApiView):
    """Post a payment."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "tests.payment.post"}
    request_serializer_class = Payment
    serializer_class = Payment
    success_status = 201

    @idempotent
    def post(self, request, loan_id):
        """Posts one payment to one loan."""
        return Response({})


@pytest.fixture(scope="module")
def described():
    patterns = [
        path("api/v1/things/payments/", PaymentsView.as_view()),
        path("api/v1/things/loans/<int:loan_id>/payments/", PostView.as_view()),
    ]
    schema = SchemaGenerator(patterns=patterns).get_schema(request=None, public=True)
    validate_schema(schema)
    return schema


def operation(described, method, address):
    return described["paths"][f"/api/v1/things/{address}/"][method]


def test_names_the_permission(described):
    listed = operation(described, "get", "payments")
    assert listed["x-permission"] == "tests.payment.view"
    assert listed["description"].endswith("Permission: `tests.payment.view`.")
    assert listed["tags"] == ["things"]


def test_lists_filters_and_pages(described):
    listed = operation(described, "get", "payments")
    assert {parameter["name"] for parameter in listed["parameters"]} == {"status", "cursor", "page_size"}
    page = described["components"]["schemas"]["PaginatedPaymentList"]
    assert set(page["properties"]) == {"next", "previous", "results"}


def test_asks_for_the_idempotency_key_where_money_moves(described):
    posted = operation(described, "post", "loans/{loan_id}/payments")
    header = next(parameter for parameter in posted["parameters"] if parameter["in"] == "header")
    assert (header["name"], header["required"]) == ("Idempotency-Key", True)
    assert set(posted["responses"]) == {"201", "400", "401", "403", "404", "409", "422", "429"}
    assert "header" not in {one["in"] for one in operation(described, "get", "payments")["parameters"]}


def test_refuses_with_problems(described):
    refused = operation(described, "post", "loans/{loan_id}/payments")["responses"]["422"]["content"]
    assert refused == {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    assert described["components"]["schemas"]["Problem"]["properties"]["code"]["type"] == "string"


def test_writes_amounts_as_decimal_strings(described):
    amount = described["components"]["schemas"]["PaymentRequest"]["properties"]["amount"]
    assert (amount["type"], amount["format"]) == ("string", "decimal")


def test_refuses_to_start_with_a_method_nobody_may_use():
    class Careless(ApiView):
        permissions_by_method: ClassVar[dict[str, str]] = {"GET": "tests.payment.view"}

        def get(self, request):
            return Response({})

        def post(self, request):
            return Response({})

    with pytest.raises(PermissionNotDeclared, match="Careless names no permission for post"):
        Careless.as_view()


@pytest.mark.django_db
def test_the_description_is_for_people_who_are_logged_in():
    assert APIClient().get("/api/v1/schema/").status_code == 401
    client = APIClient()
    client.force_authenticate(person("agent"))
    answer = client.get("/api/v1/schema/", HTTP_ACCEPT="application/vnd.oai.openapi+json")
    assert answer.status_code == 200
    assert "/api/v1/calendars/business-day/" in json.loads(answer.content)["paths"]


@pytest.mark.django_db
def test_the_page_of_the_description_holds_no_script_or_style_of_its_own(client):
    assert client.get("/api/docs/").status_code == 302
    client.force_login(person("agent"))
    page = client.get("/api/docs/")
    html = page.content.decode()
    assert page.status_code == 200
    assert "<style" not in html
    assert re.findall(r"<script[^>]*>\s*[^<\s]", html) == []
    assert re.findall(r'(?:src|href)="(?!/)', html) == []
    script = client.get("/api/docs/?script=")
    assert script.headers["Content-Type"] == "application/javascript"
    assert b"/api/v1/schema/" in script.content
