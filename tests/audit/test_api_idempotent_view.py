"""Endpoints that move money over HTTP: no key, no money; same key, same answer; a file counts by its content."""

from typing import ClassVar

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework import serializers
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory, force_authenticate

from backoffice.audit.idempotent_view import idempotent
from backoffice.audit.models import AuditEntry, IdempotencyKey
from backoffice.audit.services import record
from backoffice.core.access import actor_of
from backoffice.core.api.bodies import BodySerializer
from backoffice.core.api.views import ApiView
from backoffice.core.errors import Refusal
from tests.staff.factories import person

pytestmark = pytest.mark.django_db


class TooMuch(Refusal):
    code = "tests.too_much"


class PaySerializer(BodySerializer):
    amount = serializers.CharField(required=False)
    file = serializers.FileField(required=False)


class PayView(ApiView):
    """Pays what it is told to."""

    permission_classes = ()
    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "repayment.payment.post"}
    parser_classes = (JSONParser, MultiPartParser)
    request_serializer_class = PaySerializer

    @idempotent
    def post(self, request, loan_id):
        record(verb="tests.paid", subject_type="tests.loan", subject_id=loan_id, actor=actor_of(request.user))
        if request.data.get("amount") == "1000000":
            raise TooMuch("That is too much.")
        return Response({"payment": AuditEntry.objects.count()}, status=201)


@pytest.fixture
def ada():
    return person("agent")


def pay(user, body, *, key="k-1", loan=7, fmt="json"):
    headers = {} if key is None else {"HTTP_IDEMPOTENCY_KEY": key}
    request = APIRequestFactory().post(f"/api/v1/tests/loans/{loan}/", body, format=fmt, **headers)
    force_authenticate(request, user)
    response = PayView.as_view()(request, loan_id=loan)
    return response.status_code, response.data


def times_paid():
    return AuditEntry.objects.filter(verb="tests.paid").count()


def test_refuses_money_without_a_key(ada):
    status, body = pay(ada, {"amount": "5"}, key=None)
    assert (status, body["code"], set(body["fields"])) == (400, "audit.idempotency_key_missing", {"Idempotency-Key"})
    assert times_paid() == 0


def test_answers_a_repeated_call_without_paying_again(ada):
    first = pay(ada, {"amount": "5"})
    assert first == (201, {"payment": 1})
    assert pay(ada, {"amount": "5"}) == first
    assert times_paid() == 1


def test_refuses_another_amount_under_the_same_key(ada):
    pay(ada, {"amount": "5"})
    status, body = pay(ada, {"amount": "6"})
    assert (status, body["code"]) == (422, "audit.idempotency_key_reused")
    assert times_paid() == 1


def test_keeps_people_and_loans_apart(ada):
    pay(ada, {"amount": "5"})
    pay(ada, {"amount": "5"}, loan=8)
    pay(person("agent"), {"amount": "5"})
    assert times_paid() == 3


def test_a_refused_call_leaves_nothing_and_its_key_free(ada):
    status, body = pay(ada, {"amount": "1000000"})
    assert (status, body["code"]) == (422, "tests.too_much")
    assert (times_paid(), IdempotencyKey.objects.count()) == (0, 0)
    assert pay(ada, {"amount": "5"})[0] == 201


def test_a_file_counts_by_its_content_not_by_its_name(ada):
    def upload(content, name="payments.csv"):
        return pay(ada, {"file": SimpleUploadedFile(name, content), "source": "bank"}, fmt="multipart")

    assert upload(b"a,b\n1,2\n") == (201, {"payment": 1})
    assert upload(b"a,b\n1,2\n", name="again.csv") == (201, {"payment": 1})
    assert upload(b"a,b\n1,3\n")[1]["code"] == "audit.idempotency_key_reused"
    assert times_paid() == 1


@pytest.mark.parametrize("key", [" ", "k" * 201])
def test_refuses_a_key_it_cannot_keep(ada, key):
    status, body = pay(ada, {"amount": "5"}, key=key)
    assert (status, body["code"]) == (400, "audit.idempotency_key_invalid")
