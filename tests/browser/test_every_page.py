"""axe on the pages of administration and control, light and dark, in both languages."""

from datetime import date
from decimal import Decimal

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from backoffice.audit import approvals
from backoffice.audit.models import AuditEntry
from backoffice.calendars import clock
from backoffice.dayend.models import DayEndRun, DayEndStep
from backoffice.outreach.models import RulePackVersion
from backoffice.outreach.services import packs
from backoffice.repayment.models import PaymentFile, ProductVersion
from tests.console.book import Book, open_book
from tests.staff.factories import TeamFactory, logged_in, person

pytestmark = pytest.mark.django_db(transaction=True)

# Pages that every other test of this folder leaves out; the loan's and the borrower's are in test_console.
NAMES = (
    "console:home",
    "dayend:runs",
    "dayend:close",
    "audit:approvals",
    "audit:approval_limits",
    "audit:set_limit",
    "audit:trail",
    "calendars:calendars",
    "outreach:packs",
    "repayment:products",
    "repayment:moves",
    "repayment:payment_files",
    "repayment:send_file",
    "repayment:imports",
    "staff:users",
    "staff:account",
)


@pytest.fixture
def book(transactional_db: None) -> Book:
    """The small book on its business date."""
    return open_book()


def _addresses(book: Book) -> list[str]:
    entry = AuditEntry.objects.order_by("-id").first()
    asker = person("agent", team=TeamFactory())
    request = approvals.submit(
        verb="repayment.waive",
        subject_type="repayment.loan",
        subject_id=book.late.pk,
        payload={"loan_id": book.late.pk, "value_date": "2026-11-22", "components": {"penalty": "500.00"}},
        reason="Salary was late",
        actor=asker.as_actor(),
        amount=Decimal("500.00"),
        currency="CNY",
    )
    possible = approvals.submit(
        verb="repayment.waive",
        subject_type="repayment.loan",
        subject_id=book.late.pk,
        payload={"loan_id": book.late.pk, "value_date": "2026-11-22", "components": {"penalty": "25.05"}},
        reason="Salary was late",
        actor=asker.as_actor(),
        amount=Decimal("25.05"),
        currency="CNY",
        borrower_id=book.late.borrower_id,
    )
    run = DayEndRun.objects.create(day=date(2026, 11, 21), state="done", actor_name="system", seconds="7.8")
    DayEndStep.objects.create(
        run=run, position=1, name="transitions", state="done", finished_at=clock.now(), counts={"loans": 3, "moves": 1}
    )
    file = PaymentFile.objects.create(
        name="november.csv", digest="0" * 64, source="bank", state="ready", line_count=1_200, unreadable_count=2,
        sums={"CNY": "1234567.89", "USD": "20.00"}, control_count=1_200,
    )  # fmt: skip
    named = [reverse(name) for name in NAMES]
    rows = [reverse("audit:approval", args=[request.pk]), reverse("audit:approve", args=[request.pk])]
    rows += [reverse("audit:approval", args=[possible.pk]), reverse("audit:approve", args=[possible.pk])]
    rows += [reverse(f"repayment:{name}", args=[file.pk]) for name in ("payment_file", "post_file", "cancel_file")]
    rows += [reverse(f"repayment:{name}", args=[book.late.pk]) for name in ("explain", "versions")]
    rows += [reverse("dayend:run", args=[run.pk])]
    if entry is not None:
        rows.append(reverse("audit:entry", args=[entry.pk]))
    version = ProductVersion.objects.order_by("id").first()
    if version is not None:
        rows.append(reverse("repayment:product_version", args=[version.pk]))
    pack = RulePackVersion.objects.get(pack__code="us_reg_f")
    draft = packs.draft_from(version_id=pack.pk, actor=asker.as_actor())
    rows += [reverse(f"outreach:{name}", args=[draft.pk]) for name in ("pack_version", "edit_pack", "discard_pack")]
    return [*named, *rows, reverse("outreach:pack", args=["us_reg_f"])]


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_overflows(
    page: Page, live_server: LiveServer, book: Book, theme: str, language: str
) -> None:
    admin = person("admin", team=TeamFactory())
    client = logged_in(Client(), admin)
    page.context.add_cookies(
        [
            {
                "name": settings.SESSION_COOKIE_NAME,
                "value": client.cookies[settings.SESSION_COOKIE_NAME].value,
                "url": live_server.url,
            },
            {"name": settings.LANGUAGE_COOKIE_NAME, "value": language, "url": live_server.url},
        ]
    )
    page.emulate_media(color_scheme=theme)
    found = {}
    for address in _addresses(book):
        status = page.goto(live_server.url + address).status
        violations = Axe().run(page).response["violations"]
        problems = [f"{each['id']}: {each['nodes'][0]['html'][:120]}" for each in violations]
        if status != 200:
            problems.append(f"answered {status}")
        if page.evaluate("() => document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            problems.append("wider than the window")
        if problems:
            found[address] = problems
    assert found == {}
