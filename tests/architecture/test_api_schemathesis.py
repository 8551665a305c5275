"""The API against its own description: whatever is sent, it answers as described and never crashes."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, given, settings

from backoffice.core.actors import SYSTEM
from backoffice.staff.permissions import codes_of
from backoffice.staff.services import issue_token
from tests.repayment.api_book import open_book, open_loan
from tests.staff.factories import person

EXAMPLES = int(os.environ.get("API_EXAMPLES", "10"))
ROLES = ("admin", "team_lead", "senior_agent", "agent")

# What a schema cannot say is refused by a rule: a payment to a closed loan, a cursor nobody wrote.
RULES_MAY_REFUSE = {"checks": {"positive_data_acceptance": {"expected-statuses": ["2xx", "404", "409", "422"]}}}

api = schemathesis.openapi.from_dict(
    SchemaGenerator().get_schema(request=None, public=True), config=schemathesis.Config.from_dict(RULES_MAY_REFUSE)
)
api.app = get_wsgi_application()
OPERATIONS = [found.ok() for found in api.get_all_operations()]


@pytest.fixture
def one_connection() -> Iterator[None]:
    """The application keeps the test's connection open, as it does for Django's own test client."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def token(db: None, one_connection: None, settings: Any, tmp_path: Any) -> str:
    """A program of a person who may do everything, in a book with one loan."""
    settings.MEDIA_ROOT = tmp_path
    # It asks as a stranger too, more often than strangers may; the limit has tests of its own.
    settings.API_RATES = {scope: dict.fromkeys(rates, "100000/minute") for scope, rates in settings.API_RATES.items()}
    open_book()
    open_loan()
    user = person(*ROLES)
    issued = issue_token(user=user, name="tests", scopes=codes_of(roles=frozenset(ROLES)), days=1, actor=SYSTEM)
    return issued.secret


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_answers_as_described(operation: Any, token: str) -> None:
    @given(case=operation.as_strategy())
    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    def send_and_check(case: Any) -> None:
        case.call_and_validate(headers={"Authorization": f"Token {token}"})

    send_and_check()
