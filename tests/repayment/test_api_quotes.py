"""Quotes over the API and on the command line: one reading, one arithmetic, nothing stored."""

import io
import json
from datetime import date
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError
from rest_framework.test import APIClient

from backoffice.calendars.services import declare_day, withdraw_day
from backoffice.core.actors import SYSTEM
from tests.staff.factories import person

ADDRESS = "/api/v1/repayment/quotes/"
ASKED: dict[str, Any] = {
    "principal": "12000.00",
    "currency": "CNY",
    "disbursed_on": "2026-01-15",
    "method": "equal_installment",
    "annual_rate": "0.18",
    "day_count": "monthly",
    "periods": 12,
    "every": 1,
    "unit": "month",
}


def client() -> APIClient:
    found = APIClient()
    found.force_authenticate(person("collector"))
    return found


class Pipe:
    """Standard input as a process has it: bytes behind text."""

    def __init__(self, content: bytes) -> None:
        self.buffer = io.BytesIO(content)


def command(content: bytes, monkeypatch: pytest.MonkeyPatch) -> tuple[int, dict[str, Any]]:
    monkeypatch.setattr("sys.stdin", Pipe(content))
    out = io.StringIO()
    try:
        call_command("quote", stdout=out)
    except SystemExit as stopped:
        return int(str(stopped.code)), json.loads(out.getvalue())
    return 0, json.loads(out.getvalue())


@pytest.mark.django_db
def test_answers_the_golden_schedule(django_assert_num_queries: Any) -> None:
    caller = client()
    with django_assert_num_queries(0):
        answer = caller.post(ADDRESS, ASKED, format="json")
    assert answer.status_code == 200
    body = answer.json()
    assert [row["total"] for row in body["rows"]] == ["1100.16"] * 11 + ["1100.19"]
    assert body["totals"]["interest"] == "1201.95"
    assert body["cost_cap"]["verdict"] == "within"


@pytest.mark.django_db
def test_a_json_number_loses_no_digit() -> None:
    body = json.dumps(ASKED).replace('"0.18"', "0.18000001").replace('"12000.00"', "9007199254740.93")
    answer = client().post(ADDRESS, body, content_type="application/json")
    assert answer.json()["totals"]["principal"] == "9007199254740.93"


@pytest.mark.django_db
def test_names_every_value_at_fault() -> None:
    answer = client().post(ADDRESS, ASKED | {"annual_rate": "18%", "due_day": 40, "colour": "red"}, format="json")
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "repayment.invalid_terms"
    assert answer.json()["fields"] == {
        "annual_rate": 'must be a decimal string such as "0.18"',
        "due_day": "must be a whole number from 1 to 31",
        "colour": "is not known here",
    }


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"unit": "day", "holiday_shift": "next"}, "repayment.due_dates_refused", "holiday_shift"),
        ({"principal": "10.00", "multiple_of": "100"}, "repayment.schedule_refused", "multiple_of"),
        (
            {"fees": [{"code": "all", "way": "upfront_deducted", "amount": "12000"}]},
            "repayment.nothing_paid_out",
            "fees",
        ),
    ],
)
def test_says_which_value_no_schedule_can_be_made_from(changes: dict[str, Any], code: str, field: str) -> None:
    answer = client().post(ADDRESS, ASKED | changes, format="json")
    assert (answer.status_code, answer.json()["code"], list(answer.json()["fields"])) == (422, code, [field])


@pytest.mark.django_db
@pytest.mark.parametrize("body", ["{", '{"principal": NaN}', '{"periods": 1, "periods": 2}', "\ufeff{}"])
def test_a_body_that_is_not_json_is_a_problem_too(body: str) -> None:
    answer = client().post(ADDRESS, body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "core.malformed")


@pytest.mark.django_db
def test_is_closed_to_the_anonymous() -> None:
    assert APIClient().post(ADDRESS, ASKED, format="json").status_code in {401, 403}


def test_the_command_answers_like_the_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    status, answer = command(json.dumps(ASKED).encode(), monkeypatch)
    assert status == 0
    assert answer["rows"][11] == {
        "number": 12,
        "due_date": "2027-01-15",
        "days": 31,
        "principal": "1083.93",
        "interest": "16.26",
        "fees": "0.00",
        "total": "1100.19",
        "balance": "0.00",
    }


@pytest.mark.parametrize(
    ("content", "code", "fields"),
    [
        (b'{"principal"', "core.malformed", []),
        (b"\xff\xfe", "core.malformed", []),
        (b"[]", "repayment.invalid_terms", ["terms"]),
        (json.dumps(ASKED | {"periods": "twelve"}).encode(), "repayment.invalid_terms", ["periods"]),
    ],
)
def test_the_command_answers_a_problem_with_status_two(
    content: bytes, code: str, fields: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    status, problem = command(content, monkeypatch)
    assert (status, problem["code"], list(problem["fields"])) == (2, code, fields)


@pytest.mark.django_db
def test_faults_of_terms_are_told_in_the_callers_language() -> None:
    body = ASKED | {"annual_rate": "abc", "periods": 0, "color": "red"}
    problem = client().post(ADDRESS, body, format="json", HTTP_ACCEPT_LANGUAGE="zh-hans").json()
    assert (problem["code"], problem["next_step"]) == ("repayment.invalid_terms", "请更正所列各项后重新提交条款。")
    assert problem["detail"] == "这些条款无法使用：color, annual_rate, periods。"
    assert problem["fields"] == {
        "color": "此处没有这一项",
        "annual_rate": '必须是写成字符串的小数，例如 "0.18"',
        "periods": "必须是 1 到 1200 之间的整数",
    }


SHIFTED = ASKED | {"holiday_shift": "next"}
TYPHOON = date(2026, 9, 15)


def declared() -> None:
    declare_day(calendar="CN", day=TYPHOON, is_working=False, reason="typhoon", actor=SYSTEM)


def withdrawn() -> None:
    withdraw_day(calendar="CN", day=TYPHOON, reason="it passed by", actor=SYSTEM)


@pytest.mark.django_db
def test_a_declared_day_moves_a_bill_until_it_is_withdrawn(django_assert_num_queries: Any) -> None:
    caller = client()

    def eighth() -> str:
        with django_assert_num_queries(1):
            answer = caller.post(ADDRESS, SHIFTED, format="json")
        due_date: str = answer.json()["rows"][7]["due_date"]
        return due_date

    assert eighth() == "2026-09-15"
    declared()
    assert eighth() == "2026-09-16"
    withdrawn()
    assert eighth() == "2026-09-15"


@pytest.mark.django_db
def test_a_declared_day_moves_no_bill_of_terms_that_follow_no_calendar() -> None:
    declared()
    assert client().post(ADDRESS, ASKED, format="json").json()["rows"][7]["due_date"] == "2026-09-15"


@pytest.mark.django_db
def test_the_command_heeds_declared_days_too(monkeypatch: pytest.MonkeyPatch) -> None:
    content = json.dumps(SHIFTED).encode()
    declared()
    assert command(content, monkeypatch)[1]["rows"][7]["due_date"] == "2026-09-16"
    withdrawn()
    assert command(content, monkeypatch)[1]["rows"][7]["due_date"] == "2026-09-15"


def test_the_command_goes_by_the_published_calendar_where_there_is_no_database(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def no_server(**_: Any) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr("backoffice.repayment.selectors.declared_days.holiday_overrides", no_server)
    status, answer = command(json.dumps(SHIFTED).encode(), monkeypatch)
    assert (status, answer["rows"][7]["due_date"]) == (0, "2026-09-15")
    assert "no day is taken to be declared" in capsys.readouterr().err
