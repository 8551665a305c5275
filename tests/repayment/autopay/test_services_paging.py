"""Who may close a breaker is told by mail that it is open."""

from datetime import timedelta

import pytest

from backoffice.audit.models import OutboxEvent
from backoffice.audit.outbox import tasks_for
from backoffice.repayment.domain.autopay.breakers import BreakerKind, Tripped
from backoffice.repayment.models import Breaker, DebitBatch
from backoffice.repayment.services.autopay import breaking, version_paging
from backoffice.repayment.services.autopay.paging import AGAIN, page_owners
from backoffice.repayment.services.autopay.version_paging import Why
from backoffice.repayment.tasks import page_owners as page_task
from backoffice.repayment.tasks import page_publishers
from tests.repayment.autopay.debiting import DUE, at, payees, rail, version
from tests.repayment.factories import ADA, PORTFOLIO
from tests.staff.factories import TeamFactory, person

pytestmark = pytest.mark.django_db
NOON = at("12:00")


@pytest.fixture
def batch():
    rail()
    payees()
    return DebitBatch.objects.create(
        version=version(), day=DUE, slot="s1", currency="CNY", state="running", begins_at=NOON, ends_at=at("13:00")
    )


@pytest.fixture
def breaker(batch):
    breaking.open_breaker(tripped=Tripped(BreakerKind.SUCCESS, "12.5 %", "30.0 %"), batch=batch, at=NOON)
    return Breaker.objects.get()


def owner(name="lead", *, roles=("team_lead",), **fields):
    return person(*roles, username=name, display_name=name, email=f"{name}@lender.example", **fields)


def test_pages_everybody_who_may_close_it_in_their_language_with_a_way_to_the_page(breaker, mailoutbox, settings):
    settings.STAFF_SITE = "https://backoffice.lender.example/"
    owner("anna")
    owner("wang", language="zh-hans")
    owner("collects", roles=("collector",))
    owner("elsewhere", team=TeamFactory(portfolios=["another"]))
    owner("gone", is_active=False)
    person("team_lead", display_name="unreachable")
    assert page_owners(at=NOON) == 1
    assert [mail.to for mail in mailoutbox] == [["anna@lender.example"], ["wang@lender.example"]]
    first, second = mailoutbox
    assert first.subject.startswith("Breaker open: ")
    assert "slot s1" in first.subject
    assert "12.5 %" in first.body
    assert "30.0 %" in first.body
    assert "https://backoffice.lender.example/autopay/breakers/" in first.body
    assert second.subject.startswith("熔断")
    breaker.refresh_from_db()
    assert (breaker.paged_at, breaker.paged) == (NOON, ["anna", "wang"])


def test_a_team_of_the_portfolio_is_paged(breaker, mailoutbox):
    owner(team=TeamFactory(portfolios=[PORTFOLIO]))
    assert page_owners(at=NOON) == 1
    assert len(mailoutbox) == 1


def test_pages_again_while_it_stays_open_and_not_once_it_is_closed(breaker, mailoutbox):
    owner()
    assert page_owners(at=NOON) == 1
    assert page_owners(at=NOON + AGAIN - timedelta(seconds=1)) == 0
    assert page_owners(at=NOON + AGAIN) == 1
    breaking.close_breaker(breaker_id=breaker.pk, reason="looked at", at=NOON + AGAIN, actor=ADA)
    assert page_owners(at=NOON + AGAIN * 3) == 0
    assert len(mailoutbox) == 2


def test_a_mail_server_that_is_away_leaves_it_to_the_next_run(breaker, mailoutbox, settings):
    owner()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    assert page_owners(at=NOON) == 0
    breaker.refresh_from_db()
    assert breaker.paged_at is None
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert page_owners(at=NOON + timedelta(minutes=1)) == 1
    assert len(mailoutbox) == 1


def test_says_when_nobody_could_be_paged(breaker, mailoutbox):
    assert page_owners(at=NOON) == 0
    breaker.refresh_from_db()
    assert (breaker.paged_at, breaker.paged) == (NOON, [])
    assert mailoutbox == []


def test_an_opened_breaker_tells_the_task_that_pages(breaker, mailoutbox):
    owner()
    event = OutboxEvent.objects.get(event=breaking.OPENED)
    assert tasks_for(event=event.event) == ("repayment.page_owners",)
    assert page_task(**event.payload) == 1
    assert len(mailoutbox) == 1


@pytest.mark.parametrize("why", list(Why))
def test_whoever_may_publish_a_version_is_told_in_their_language_what_it_needs_them_for(why, mailoutbox, settings):
    settings.STAFF_SITE = "https://backoffice.lender.example/"
    rail()
    payees()
    needy = version()
    owner("anna")
    owner("wang", language="zh-hans")
    owner("collects", roles=("collector",))
    owner("elsewhere", team=TeamFactory(portfolios=["another"]))
    version_paging.ask_people(needy, why=why, day=DUE)
    event = OutboxEvent.objects.get()
    assert tasks_for(event=event.event) == ("repayment.page_publishers",)

    assert page_publishers(**event.payload) == 2

    first, second = mailoutbox
    assert (first.to, second.to) == (["anna@lender.example"], ["wang@lender.example"])
    assert f"https://backoffice.lender.example/autopay/configurations/versions/{needy.pk}/" in first.body
    assert str(needy.configuration.name) in first.subject
    assert "2026" in first.body
    assert second.subject.startswith("代扣需要您处理")


def test_a_page_to_publishers_says_what_the_guards_found(mailoutbox):
    rail()
    payees()
    needy = version()
    words = {"sentence": "%(payee)s is not paid any more.", "params": {"payee": "Bank A"}}
    needy.findings = [{"guard": "payees", "field": "keeper", "severity": "refuse", "words": words}]
    needy.save(update_fields=["findings"])
    owner("anna")
    page_publishers(version_id=needy.pk, why="held_back", day=DUE.isoformat())
    assert "Bank A is not paid any more." in mailoutbox[0].body


def test_a_mail_server_that_is_away_is_tried_again_for_a_version(mailoutbox, settings):
    rail()
    payees()
    owner("anna")
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    with pytest.raises(version_paging.MailServerAway):
        version_paging.page_publishers(version_id=version().pk, why="ends", day=DUE)
