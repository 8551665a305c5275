"""Messages, templates and gateways in Chromium: nothing for axe to find, the preview follows what is typed."""

import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from backoffice.calendars.models import BusinessDay
from backoffice.core.actors import SYSTEM
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.models import Gateway, Message, MessageTemplate, TemplateVersion
from backoffice.outreach.services import resolving, sending, waking
from backoffice.outreach.services.gateways import pause_gateway, set_sandbox_gateways
from backoffice.outreach.services.messages import stop_paid
from backoffice.outreach.services.starting import load_starter
from backoffice.sandbox.serving import Sandbox
from tests.outreach.messaging import NOON, planned, somebody
from tests.staff.factories import TeamFactory, logged_in, person

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "a secret of thirty-two characters and more"
SHOTS = os.environ.get("SCREENSHOTS", "")
VALUES = {"amount": "CNY 1100.16", "due_date": "2026-03-20", "days_left": "3"}


@pytest.fixture
def outreach(transactional_db: None, settings: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Templates, gateways, and messages in most of their states."""
    monkeypatch.setattr(waking, "wake_sender", lambda: None)
    settings.GATEWAY_SECRETS = dict.fromkeys(("sms", "push", "bot", "email"), SECRET)  # type: ignore[attr-defined]
    BusinessDay.objects.update_or_create(pk=BusinessDay.ONLY, defaults={"today": NOON.date()})
    load_starter(is_active=True, actor=SYSTEM)
    with Sandbox(secret=SECRET) as sandbox:
        set_sandbox_gateways(url=sandbox.url, actor=SYSTEM)
        Gateway.objects.update(refilled_at=NOON)
        version = _version("reminder_d3", Channel.SMS)
        sandbox.script.change(gateway="*", changes={"drop_after": 0.2, "refuse": 0.1, "delivery_seconds": 0})
        for number in range(12):
            owner = somebody(phones=() if number == 3 else (f"139{number + 55_555_555:08d}",))
            planned(owner, version, variables=VALUES, fallback=(Channel.INBOX,), source="plan:3", loan_id=number + 1)
        sending.send_while_due(clock=lambda: NOON, seconds=30)
        resolving.resolve(clock=lambda: NOON.replace(minute=1))
        planned(somebody(), version, variables=VALUES, loan_id=77, about_due_date=NOON.date(), source="plan:3")
        stop_paid(loans=[(77, None)])
    pause_gateway(gateway_id=Gateway.objects.get(code="push").pk, reason="complaints about doubles", actor=SYSTEM)


def _version(code: str, channel: Channel, language: str = "en") -> TemplateVersion:
    return TemplateVersion.objects.get(template__code=code, channel=channel, language=language)


def _open_as(page: Page, live_server: LiveServer, *, language: str) -> None:
    client = logged_in(Client(), person("admin", team=TeamFactory()))
    cookies = {
        settings.SESSION_COOKIE_NAME: client.cookies[settings.SESSION_COOKIE_NAME].value,
        settings.LANGUAGE_COOKIE_NAME: language,
    }
    page.context.add_cookies(
        [{"name": name, "value": value, "url": live_server.url} for name, value in cookies.items()]
    )


def _addresses() -> dict[str, str]:
    template = MessageTemplate.objects.get(code="reminder_d3")
    version = _version("reminder_d3", Channel.SMS)
    message = Message.objects.filter(follows__isnull=False).order_by("id").first()
    assert message is not None
    return {
        "messages": reverse("outreach:messages"),
        "message": reverse("outreach:message", args=[message.follows_id]),
        "templates": reverse("outreach:templates"),
        "template": reverse("outreach:template", args=[template.pk]),
        "version": reverse("outreach:template_version", args=[version.pk]),
        "editor": reverse("outreach:new_template_version", args=[template.pk, "sms", "en"]),
        "pieces": reverse("outreach:pieces"),
        "gateways": reverse("outreach:gateways"),
        "new_template": reverse("outreach:new_template"),
        "set_gateway": reverse("outreach:new_gateway"),
        "pause": reverse("outreach:pause_gateway", args=[Gateway.objects.get(code="sms").pk]),
    }


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_overflows(
    page: Page, live_server: LiveServer, outreach: None, theme: str, language: str
) -> None:
    _open_as(page, live_server, language=language)
    page.emulate_media(color_scheme=theme)
    found = {}
    for name, address in _addresses().items():
        status = page.goto(live_server.url + address).status
        violations = Axe().run(page).response["violations"]
        problems = [f"{each['id']}: {each['nodes'][0]['html'][:120]}" for each in violations]
        if status != 200:
            problems.append(f"answered {status}")
        if page.evaluate("() => document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            problems.append("wider than the window")
        if problems:
            found[address] = problems
        if SHOTS:
            page.screenshot(path=str(Path(SHOTS) / f"{name}-{theme}-{language}.png"), full_page=True)
    assert found == {}


def test_the_preview_follows_what_is_typed(page: Page, live_server: LiveServer, outreach: None) -> None:
    _open_as(page, live_server, language="en")
    template = MessageTemplate.objects.get(code="opt_out_confirmed")
    page.goto(live_server.url + reverse("outreach:new_template_version", args=[template.pk, "sms", "zh-hans"]))
    page.locator("#id_body").fill("【{lender}】您好，我们将起诉")
    preview = page.locator("#preview")
    expect(preview).to_contain_text("Claims a court or proceedings")
    page.locator("#id_body").fill("【{lender}】您好" + "，" * 70)
    expect(preview).to_contain_text("Variables, length and wording are in order.")
    expect(preview.get_by_text("UCS-2")).to_be_visible()
    page.get_by_role("button", name="Save the draft").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Opt-out confirmed")
