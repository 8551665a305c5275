"""Every endpoint of the API answers each role as the permission table says, and is described as it behaves."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.drainage import GENERATOR_STATS, reset_generator_stats
from drf_spectacular.generators import SchemaGenerator
from rest_framework.serializers import BaseSerializer, ListField, ListSerializer
from rest_framework.test import APIClient
from rest_framework.views import APIView

from backoffice.core.access import HasPermission, code_of
from backoffice.core.api.bodies import BodySerializer
from backoffice.staff.permissions import PERMISSIONS, ROLES, roles_holding
from tests.repayment.api_book import open_book, open_loan
from tests.staff.factories import person

METHODS = ("get", "post", "put", "patch", "delete")
# Calls that store nothing, that do the same however often they are made, or whose answer must never be stored.
NO_KEY_NEEDED = {
    "POST /api/v1/outreach/messages/{message_id}/stop/",
    "POST /api/v1/outreach/replies/{reply_id}/reveal/",
    "POST /api/v1/outreach/replies/{reply_id}/done/",
    "POST /api/v1/outreach/inbox/{borrower_id}/{message_id}/read/",
    "POST /api/v1/outreach/templates/preview/",
    "POST /api/v1/outreach/gateways/{gateway_id}/pause/",
    "POST /api/v1/outreach/gateways/{gateway_id}/resume/",
    "POST /api/v1/repayment/quotes/",
    "PUT /api/v1/repayment/reminder-plan-versions/{version_id}/",
    "PUT /api/v1/repayment/autopay/configurations/versions/{version_id}/",
    "POST /api/v1/repayment/autopay/configurations/versions/{version_id}/check/",
    "POST /api/v1/calendars/{calendar}/declare-day/",
    "POST /api/v1/calendars/{calendar}/withdraw-day/",
    "POST /api/v1/dayend/runs/",
    "POST /api/v1/dayend/set-aside/{set_aside_id}/retry/",
    "POST /api/v1/customers/search/",
    "POST /api/v1/customers/borrowers/{borrower_id}/reveal/",
    "POST /api/v1/customers/borrowers/{borrower_id}/correct-name/",
    "POST /api/v1/customers/borrowers/{borrower_id}/correct-identity/",
    "POST /api/v1/customers/borrowers/{borrower_id}/contact-points/{contact_point_id}/judge/",
    "PUT /api/v1/outreach/pack-versions/{version_id}/",
    "POST /api/v1/outreach/pack-versions/{version_id}/check/",
    "POST /api/v1/staff/users/",
    "PUT /api/v1/staff/users/{user_id}/",
    "POST /api/v1/staff/users/{user_id}/disable/",
    "POST /api/v1/staff/users/{user_id}/enable/",
    "POST /api/v1/staff/tokens/{token_id}/revoke/",
}


@dataclass(frozen=True)
class Call:
    """One method of one address."""

    method: str
    address: str
    view: type[APIView]

    @property
    def name(self) -> str:
        return f"{self.method} {self.address}"

    @property
    def permission(self) -> str:
        return code_of(view=self.view, method=self.method) or ""

    @property
    def concrete(self) -> str:
        """The address with something in place of each name; the rows need not exist."""
        return re.sub(r"\{calendar\}", "CN", re.sub(r"\{\w+_id\}", "1", self.address))


def calls() -> list[Call]:
    """Every method of every address below /api/."""
    return [
        Call(method.upper(), address, view)
        for address, view in addresses(get_resolver().url_patterns, "/")
        if address.startswith("/api/v1/")
        for method in METHODS
        if hasattr(view, method)
    ]


def addresses(patterns: list[Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for pattern in patterns:
        address = prefix + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, address)
        elif isinstance(pattern, URLPattern):
            yield address, getattr(pattern.callback, "cls", None)


CALLS = calls()
BY_NAME = {call.name: call for call in CALLS}


def make(client: APIClient, call: Call) -> Any:
    return getattr(client, call.method.lower())(call.concrete, {}, HTTP_IDEMPOTENCY_KEY=f"k-{call.name}")


def test_there_is_something_to_test():
    assert len(CALLS) >= 30
    assert all(call.view is not None for call in CALLS)


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
def test_names_a_permission_of_the_catalogue(call):
    assert call.permission in PERMISSIONS
    assert [type(one()) for one in call.view.permission_classes] == [HasPermission]


@pytest.mark.parametrize("call", [call for call in CALLS if call.method != "GET"], ids=lambda call: call.name)
def test_asks_for_an_idempotency_key_wherever_money_moves(call):
    needs_key = getattr(getattr(call.view, call.method.lower()), "needs_idempotency_key", False)
    assert needs_key is (call.name not in NO_KEY_NEEDED)


def test_every_exception_from_the_key_exists():
    assert set(BY_NAME) >= NO_KEY_NEEDED


@pytest.mark.django_db
@pytest.mark.parametrize("role", ROLES)
def test_answers_a_role_as_the_permission_table_says(role):
    open_book()
    client = APIClient()
    client.force_authenticate(person(role))
    expected = {call.name: role in roles_holding(code=call.permission) for call in CALLS}
    answers = {call.name: make(client, call) for call in CALLS}
    assert {name: answer.status_code not in (401, 403) for name, answer in answers.items()} == expected
    assert [name for name, answer in answers.items() if answer.status_code >= 500] == []
    refused = {answer.json()["code"] for name, answer in answers.items() if not expected[name]}
    assert refused <= {"core.not_permitted"}


@pytest.mark.django_db
def test_answers_a_person_without_a_role_with_nothing():
    nobody = person("agent")
    nobody.roles = []
    client = APIClient()
    client.force_authenticate(nobody)
    assert {make(client, call).status_code for call in CALLS} == {403}


@pytest.mark.django_db
def test_asks_a_stranger_to_log_in(settings):
    # Strangers are counted too; this one walks every address within the minute.
    settings.API_RATES = {scope: rates | {"anonymous": "6000/minute"} for scope, rates in settings.API_RATES.items()}
    assert {make(APIClient(), call).status_code for call in CALLS} == {401}


def test_describes_every_endpoint_but_the_description():
    described = SchemaGenerator().get_schema(request=None, public=True)
    found = {
        f"{method.upper()} {address}": operation
        for address, operations in described["paths"].items()
        for method, operation in operations.items()
    }
    assert set(found) == set(BY_NAME) - {"GET /api/v1/schema/"}
    assert {name: operation["x-permission"] for name, operation in found.items()} == {
        name: BY_NAME[name].permission for name in found
    }
    assert [name for name, operation in found.items() if not operation.get("summary")] == []
    assert [
        name for name, operation in found.items() if not {"400", "401", "403", "429"} <= set(operation["responses"])
    ] == []


def parts_of(serializer: Any) -> Iterator[Any]:
    """A serializer of a body and every serializer within it."""
    if isinstance(serializer, ListSerializer):
        serializer = serializer.child
    yield serializer
    for field in serializer.fields.values():
        part = field.child if isinstance(field, ListField) else field
        if isinstance(part, BaseSerializer):
            yield from parts_of(part)


@pytest.mark.parametrize("call", [call for call in CALLS if call.method != "GET"], ids=lambda call: call.name)
def test_reads_a_body_with_nothing_but_the_serializer_that_refuses_unknown_fields(call):
    assert [
        part for part in parts_of(call.view.request_serializer_class()) if not isinstance(part, BodySerializer)
    ] == []


GIVEN_A_COLOUR = [call for call in CALLS if call.method != "GET" and "-files" not in call.address]


@pytest.mark.django_db
@pytest.mark.parametrize("call", GIVEN_A_COLOUR, ids=lambda call: call.name)
def test_refuses_a_field_it_does_not_know_and_names_it(call):
    """That there is no such record may be said first; here are a loan and its borrower."""
    open_book()
    loan = open_loan()
    address = call.address.replace("{loan_id}", str(loan.pk)).replace("{borrower_id}", str(loan.borrower_id))
    client = APIClient()
    client.force_authenticate(person(sorted(roles_holding(code=call.permission))[0]))
    send = getattr(client, call.method.lower())
    concrete = replace(call, address=address).concrete
    answer = send(concrete, {"colour": "red"}, format="json", HTTP_IDEMPOTENCY_KEY="a-key")
    assert answer.headers["Content-Type"] == "application/problem+json"
    allowed = {(400, True), (422, True)} | ({(404, False)} if "_id}" in address else set())
    assert (answer.status_code, "colour" in answer.json()["fields"]) in allowed


def test_describes_every_body_as_closed():
    described = SchemaGenerator().get_schema(request=None, public=True)
    schemas = described["components"]["schemas"]
    bodies = [
        content["schema"]["$ref"].rsplit("/", 1)[1]
        for operations in described["paths"].values()
        for operation in operations.values()
        for content in operation.get("requestBody", {"content": {}})["content"].values()
    ]
    assert len(bodies) >= 25
    nested = {"WaivedComponentsRequest", "FeeRequest", "CostCapRequest"}
    assert [name for name in {*bodies, *nested} if schemas[name].get("additionalProperties") is not False] == []


def test_describes_two_different_things_under_two_names(capsys):
    reset_generator_stats()
    SchemaGenerator().get_schema(request=None, public=True)
    GENERATOR_STATS.emit_summary()
    said = capsys.readouterr().err
    assert [line for line in said.splitlines() if "Warning" in line or "Error" in line] == []
