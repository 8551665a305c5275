"""Who is told by mail that a difference grows old."""

from datetime import timedelta
from typing import Any

import pytest

from backoffice.repayment.domain.autopay.differences import HEAD_AFTER, LEAD_AFTER, Resolution
from backoffice.repayment.models import Difference
from backoffice.repayment.services.autopay.differences import Asked, resolve_difference, take_difference
from backoffice.repayment.services.autopay.paging_differences import page_old_differences
from backoffice.repayment.tasks import page_old_differences as page_task
from backoffice.staff.models import User
from tests.repayment.autopay import days
from tests.repayment.autopay.days import LEAD, NEXT, TODAY, Line, command, receive
from tests.staff.factories import TeamFactory, person

pytestmark = pytest.mark.django_db
OLD, OLDER = TODAY + timedelta(days=LEAD_AFTER), TODAY + timedelta(days=HEAD_AFTER)


@pytest.fixture(autouse=True)
def _book() -> None:
    days.open_business_day()


def reader(name: str, *roles: str, portfolio: str = "cash", **facts: Any) -> User:
    team = TeamFactory(portfolios=[portfolio])
    return person(*(roles or ("team_lead",)), display_name=name, email=f"{name}@lender.example", team=team, **facts)


def test_pages_at_two_days_and_at_five_and_not_in_between(mailoutbox: Any) -> None:
    reader("anna")
    receive([Line("X9")])
    found = [page_old_differences(today=TODAY + timedelta(days=age)) for age in range(8)]
    assert found == [0, 0, 1, 0, 0, 1, 0, 0]
    assert [mail.to for mail in mailoutbox] == [["anna@lender.example"]] * 2


def test_pages_whoever_closes_days_and_sees_it_and_its_owner_once_each(mailoutbox: Any, settings: Any) -> None:
    settings.STAFF_SITE = "https://backoffice.lender.example/"
    reader("anna")
    reader("wang", language="zh-hans")
    owner = reader("oscar", "senior_agent", portfolio="other")
    reader("elsewhere", portfolio="other")
    reader("sees", "senior_agent")
    reader("gone", is_active=False)
    command("D1-1-1")
    command("D2-1-1")
    receive([])
    take_difference(difference_id=Difference.objects.get(order_no="D2-1-1").pk, actor=owner.as_actor())
    assert page_old_differences(today=OLD) == 2
    by_person = {mail.to[0].partition("@")[0]: mail for mail in mailoutbox}
    assert sorted(by_person) == ["anna", "oscar", "wang"]
    assert by_person["anna"].subject == "2 differences with settlement files are open for days"
    assert by_person["anna"].body.splitlines() == [
        "D1-1-1, union-main, file of 17 Mar 2026: open since 19 Mar 2026, owner: nobody",
        "D2-1-1, union-main, file of 17 Mar 2026: open since 19 Mar 2026, owner: oscar",
        "https://backoffice.lender.example/autopay/reconciliation/differences/?state=open",
    ]
    assert by_person["oscar"].subject == "1 difference with a settlement file is open for days"
    assert "D1-1-1" not in by_person["oscar"].body
    assert "对账差异" in by_person["wang"].subject


def test_names_some_orders_and_counts_the_rest(mailoutbox: Any) -> None:
    reader("anna")
    receive([Line(f"X{number}") for number in range(12)])
    page_old_differences(today=OLD)
    assert mailoutbox[0].body.splitlines()[10] == "And 2 more."


def test_what_is_resolved_is_not_paged_and_what_opens_again_is_paged_again(mailoutbox: Any) -> None:
    reader("anna")
    command("D1-1-1")
    receive([])
    assert page_old_differences(today=OLD) == 1
    asked = Asked(resolution=Resolution.LATER, reason="they say so", due_on=NEXT)
    resolve_difference(difference_id=Difference.objects.get().pk, asked=asked, actor=LEAD)
    assert page_old_differences(today=OLDER) == 0
    receive([], day=NEXT)
    assert page_old_differences(today=OLD) == 1
    assert len(mailoutbox) == 2


def test_a_mail_server_that_is_away_leaves_it_to_the_next_run(mailoutbox: Any, settings: Any) -> None:
    reader("anna")
    receive([Line("X9")])
    backend = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND, settings.EMAIL_PORT = "django.core.mail.backends.smtp.EmailBackend", 1
    settings.EMAIL_HOST = "127.0.0.1"
    assert page_old_differences(today=OLD) == 0
    settings.EMAIL_BACKEND = backend
    assert (page_old_differences(today=OLD), len(mailoutbox)) == (1, 1)


def test_the_task_asks_for_today(mailoutbox: Any) -> None:
    reader("anna")
    receive([Line("X9")])
    days.open_business_day(OLD)
    assert (page_task(), len(mailoutbox)) == (1, 1)


def test_a_ticket_of_an_order_somebody_works_on_is_theirs_from_the_start() -> None:
    command("D1-1-1", state="declined")
    receive([Line("D1-1-1")])
    take_difference(difference_id=Difference.objects.get().pk, actor=LEAD)
    receive([Line("D1-1-1", at="2026-03-18T07:00:02+08:00"), Line("X9", at="2026-03-18T07:00:02+08:00")], day=NEXT)
    owners = Difference.objects.order_by("order_no", "kind").values_list("order_no", "kind", "owner_name")
    assert list(owners) == [("D1-1-1", "long", "Lea"), ("D1-1-1", "status", "Lea"), ("X9", "long", "")]
