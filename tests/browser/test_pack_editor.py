"""The editor of a pack in a browser: faults by line follow what is typed, and a saved draft keeps it."""

from datetime import date

import pytest
from django.test import Client
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from backoffice.calendars import services as calendars
from backoffice.core.actors import SYSTEM
from backoffice.outreach.models import RulePackVersion
from backoffice.outreach.services import packs
from tests.staff.factories import logged_in, person


@pytest.mark.django_db(transaction=True)
def test_faults_follow_what_is_typed_and_the_draft_keeps_it(page: Page, live_server: LiveServer) -> None:
    calendars.open_first_day(day=date(2026, 5, 4), actor=SYSTEM)
    admin = person("admin")
    first = RulePackVersion.objects.get(pack__code="uk_conc")
    draft = packs.draft_from(version_id=first.pk, actor=admin.as_actor())
    session = logged_in(Client(), admin).cookies["sessionid"].value
    page.context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    text, judgement = page.get_by_label("Text (TOML)"), page.locator("#judgement")

    page.goto(f"{live_server.url}/outreach/pack-versions/{draft.pk}/edit/")
    expect(judgement).to_contain_text("The text says the same as the version in force.")
    text.fill(first.content.replace('from = "08:00"', 'from = "20:30"', 1))
    line = first.content.splitlines().index('from = "08:00"') + 1
    row = judgement.get_by_role("row", name="uk.hours")
    expect(row).to_contain_text("inconsistent window: from is not before to")
    expect(row).to_contain_text(str(line))
    text.fill(first.content.replace("limit = 3", "limit = 2", 1))
    expect(judgement.get_by_role("row", name="uk.attempts_a_week · limit")).to_contain_text("3")
    page.get_by_role("button", name="Save the draft").click()

    expect(page.get_by_text("The draft is saved.")).to_be_visible()
    draft.refresh_from_db()
    assert draft.content == first.content.replace("limit = 3", "limit = 2", 1)
