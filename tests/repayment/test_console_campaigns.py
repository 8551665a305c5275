"""The pages of campaigns: what each says, what each asks before a verb, and what a person may see of it."""

from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from backoffice.audit import approvals
from backoffice.calendars.services import open_first_day
from backoffice.core.actors import SYSTEM
from backoffice.outreach.models import Audience, Campaign
from backoffice.repayment.services.campaigns import plan_campaigns
from tests.console.book import as_role
from tests.console.page import fields_of
from tests.repayment.campaigning import (
    CHECKER,
    JANUARY_15,
    MEANT,
    a_borrower,
    an_audience,
    content,
    drafted,
    in_state,
    lived,
    running,
    submitted,
    words_and_gateways,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _house(db: None) -> None:
    words_and_gateways()
    open_first_day(day=JANUARY_15, actor=SYSTEM)


@pytest.fixture
def lead() -> Client:
    return as_role("team_lead")


def read(client: Client, name: str, *args: Any, status: int = 200, **query: str) -> str:
    answer = client.get(reverse(f"repayment:{name}", args=args), query)
    assert answer.status_code == status
    return str(answer.content.decode())


def confirm(client: Client, verb: str, campaign: Campaign, **values: str) -> Any:
    """Looks at the panel, then sends what was seen."""
    address = reverse(f"repayment:{verb}_campaign", args=[campaign.pk])
    seen = client.post(address, {"reason": "as agreed", **values})
    consequence = seen.context["panel"].consequence if seen.context else None
    if consequence is None:
        return seen
    return client.post(address, {"reason": "as agreed", "seen": consequence.fingerprint, **values})


def typed(**changes: Any) -> dict[str, Any]:
    """What the editor sends for the campaign of the tests."""
    said = content()
    form = {name: value for name, value in said.items() if name not in {"channels", "values", "holdout"}}
    return form | {"channel_1": "sms", "holdout": "0", "name": "Spring", "code": "spring", **said["values"]} | changes


def test_empty_lists_say_what_to_do(lead: Client) -> None:
    assert "Save an audience" in read(lead, "campaigns")
    assert "Save what borrowers have in common" in read(lead, "audiences")


def test_an_audience_is_counted_while_it_is_typed_and_saved(lead: Client) -> None:
    a_borrower()
    a_borrower(country="TW")
    form = {"name": "Mainland", "code": "mainland", "countries": "cn"}
    look = lead.post(reverse("repayment:new_audience"), {**form, "look": "1"}, headers={"HX-Request": "true"})
    assert look.context["now"].borrowers == 1
    assert not Audience.objects.exists()
    wrong = lead.post(reverse("repayment:new_audience"), {**form, "days_past_due_from": "5", "days_past_due_to": "1"})
    assert wrong.status_code == 422
    assert "the range ends before it begins" in wrong.content.decode()
    assert lead.post(reverse("repayment:new_audience"), form).status_code == 303
    audience = Audience.objects.get()
    assert audience.content == {"countries": ["CN"]}
    changed = lead.post(reverse("repayment:edit_audience", args=[audience.pk]), {"name": "All", "languages": "zh"})
    assert changed.status_code == 303
    audience.refresh_from_db()
    assert (audience.name, audience.content) == ("All", {"languages": ["zh"]})


def test_a_draft_somebody_else_saved_meanwhile_is_not_overwritten_unseen(lead: Client) -> None:
    audience = an_audience()
    campaign = drafted(audience=audience)
    for name, subject, form in (
        ("edit_audience", audience, {"languages": "zh"}),
        ("edit_campaign", campaign, typed(audience=audience.pk)),
    ):
        seen = fields_of(read(lead, name, subject.pk))["seen"]
        address = reverse(f"repayment:{name}", args=[subject.pk])
        assert lead.post(address, form | {"name": "Theirs", "seen": seen}).status_code == 303

        late = lead.post(address, form | {"name": "Mine", "seen": seen})
        assert late.status_code == 422
        page = late.content.decode()
        assert "Somebody else saved this draft since you opened it." in page
        assert 'value="Mine"' in page
        subject.refresh_from_db()
        assert subject.name == "Theirs"

        assert lead.post(address, form | {"name": "Mine", "seen": fields_of(page)["seen"]}).status_code == 303
        subject.refresh_from_db()
        assert subject.name == "Mine"


def test_an_audience_shows_only_borrowers_the_person_may_see() -> None:
    a_borrower(1, portfolio="cash")
    a_borrower(2, portfolio="farm")
    audience = an_audience()
    page = read(as_role("agent", "cash"), "audience", audience.pk)
    assert "C-1" in page
    assert "C-2" not in page
    assert "New campaign for it" not in page


def test_a_draft_is_simulated_while_it_is_typed_and_saved_even_unfinished(lead: Client) -> None:
    a_borrower()
    audience = an_audience()
    form = typed(audience=audience.pk)
    look = lead.post(reverse("repayment:new_campaign"), {**form, "look": "1"}, headers={"HX-Request": "true"})
    assert look.context["simulated"].day.planned == 1
    assert not Campaign.objects.exists()
    saved = lead.post(reverse("repayment:new_campaign"), form | {"last_day": "2026-01-01"})
    campaign = Campaign.objects.get()
    assert saved.headers["Location"] == reverse("repayment:campaign", args=[campaign.pk])
    page = read(lead, "campaign", campaign.pk)
    assert "the last day lies before the first" in page
    assert "the last day is over" in page
    assert "Last day" in page


def test_two_people_bring_a_campaign_to_life_through_panels(lead: Client) -> None:
    a_borrower()
    campaign = drafted()
    assert confirm(lead, "submit", campaign).status_code == 303
    assert "Waits for a second person" in read(lead, "campaign", campaign.pk)
    request = approvals.Approval.objects.get()
    approvals.approve(approval_id=request.pk, actor=CHECKER)
    page = read(lead, "campaign", campaign.pk)
    assert "It starts by itself: its first messages leave on" in page
    assert confirm(lead, "pause", campaign).status_code == 303
    assert "Nothing is planned while it is paused" in read(lead, "campaign", campaign.pk)
    assert confirm(lead, "resume", campaign).status_code == 303
    plan_campaigns(day=JANUARY_15)
    page = read(lead, "campaign", campaign.pk)
    assert "Day by day" in page
    assert "¥20,000.00" in page
    assert confirm(lead, "pause", campaign).status_code == 303
    assert confirm(lead, "resume", campaign).status_code == 303
    assert confirm(lead, "end", campaign).status_code == 303
    copied = confirm(lead, "copy", campaign, code="again")
    assert copied.headers["Location"] == reverse(
        "repayment:edit_campaign", args=[Campaign.objects.get(code="again").pk]
    )
    assert confirm(lead, "discard", Campaign.objects.get(code="again")).status_code == 303


def test_a_faulty_draft_is_refused_in_the_panel_and_stays_a_draft(lead: Client) -> None:
    campaign = drafted(last_day="2026-01-01")
    answer = confirm(lead, "submit", campaign)
    assert answer.status_code == 422
    campaign.refresh_from_db()
    assert campaign.state == "draft"


def test_what_was_not_agreed_to_says_so_and_is_taken_back(lead: Client) -> None:
    campaign = drafted()
    approvals.decline(approval_id=submitted(campaign).pk, actor=CHECKER, note="too dear")
    assert "It was not agreed to." in read(lead, "campaign", campaign.pk)
    assert confirm(lead, "take_back", campaign).status_code == 303
    assert "Edit" in read(lead, "campaign", campaign.pk)


def test_a_lead_of_some_portfolios_cannot_submit_for_all() -> None:
    campaign = drafted()
    address = reverse("repayment:submit_campaign", args=[campaign.pk])
    answer = as_role("team_lead", "cash").post(address, {"reason": "as agreed", "seen": "x"})
    assert answer.status_code == 403
    assert "Ask somebody who works on all of its portfolios." in answer.content.decode()
    campaign.refresh_from_db()
    assert campaign.state == "draft"


def test_the_page_says_the_effect_in_words_and_links_each_number_to_its_messages(lead: Client) -> None:
    campaign = lived(borrowers=40)
    page = read(lead, "campaign", campaign.pk)
    assert "those left alone" in page
    assert f"?source=campaign:{campaign.pk}&amp;state=blocked" in page
    assert "Simulate tomorrow" in page
    assert "Tomorrow, with the book as it is" in read(lead, "campaign", campaign.pk, simulate="1")


def test_the_list_takes_as_many_queries_for_ten_campaigns_as_for_one(lead: Client) -> None:
    counts = []
    for number in range(10):
        running(f"c{number}", outcome="pays" if number % 2 else "takes_a_loan")
        if number in (1, 9):
            with CaptureQueriesContext(connection) as queries:
                read(lead, "campaigns")
            counts.append(len(queries))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("role", ["agent", "senior_agent", "collector", "analyst", "auditor", "compliance"])
def test_who_may_only_look_sees_no_verb(role: str) -> None:
    campaign = running()
    page = read(as_role(role), "campaign", campaign.pk)
    assert reverse("repayment:pause_campaign", args=[campaign.pk]) not in page
    read(as_role(role), "pause_campaign", campaign.pk, status=403)


def test_pages_read_in_chinese(lead: Client) -> None:
    campaign = lived(borrowers=20)
    lead.cookies["django_language"] = "zh-hans"
    page = read(lead, "campaign", campaign.pk)
    assert "逐日情况" in page
    assert "预算与上限" in page
    assert date(2026, 1, 15).isoformat() in page


def test_an_audience_reads_in_words_and_is_retired_with_a_reason(lead: Client) -> None:
    audience = an_audience(
        "late",
        portfolios=["cash"],
        loans="active",
        days_past_due={"from": 1, "to": 3},
        outstanding={"from": "100", "currency": "CNY"},
        loans_taken={"to": 2},
    )
    settled = an_audience("settled", settled_ago={"from": 1, "to": 1})
    page = read(lead, "audience", audience.pk).replace("\u00a0", " ")
    for words in ("has a running loan", "1 to 3", "at least ¥ 100.00", "at most 2"):
        assert words in page
    assert "1 day" in read(lead, "audience", settled.pk)
    address = reverse("repayment:retire_audience", args=[audience.pk])
    seen = lead.post(address, {"reason": "no longer", "seen": ""})
    done = lead.post(address, {"reason": "no longer", "seen": seen.context["panel"].consequence.fingerprint})
    assert done.headers["Location"] == reverse("repayment:audiences")
    assert reverse("repayment:audience", args=[audience.pk]) not in read(lead, "audiences")
    read(lead, "retire_audience", audience.pk, status=404)
    read(lead, "edit_audience", audience.pk, status=404)
    read(lead, "audience", 0, status=404)


def test_the_editors_open_with_what_there_is(lead: Client) -> None:
    audience = an_audience("late", days_past_due={"from": 1, "to": 3})
    campaign = drafted(audience=audience, holdout="0.1")
    assert 'value="10"' in read(lead, "edit_campaign", campaign.pk)
    assert "Offer of a further loan" in read(lead, "new_campaign", audience=str(audience.pk))
    assert 'name="days_past_due_to" value="3"' in read(lead, "edit_audience", audience.pk)
    assert "Nobody can be counted yet" in read(lead, "new_audience")
    changed = lead.post(
        reverse("repayment:edit_campaign", args=[campaign.pk]), typed(audience=audience.pk, name="Autumn")
    )
    assert changed.status_code == 303
    assert Campaign.objects.get().name == "Autumn"
    taken = lead.post(reverse("repayment:new_campaign"), typed(audience=audience.pk, code=campaign.code))
    assert taken.status_code == 422
    assert "Another campaign has this code." in taken.content.decode()
    missing = lead.post(reverse("repayment:new_campaign"), {"look": "1", "name": "x"}, headers={"HX-Request": "true"})
    assert "It cannot be submitted yet" in missing.content.decode()
    live = running("live")
    assert lead.get(reverse("repayment:edit_campaign", args=[live.pk])).status_code == 303


VERBS = [
    ("edit", "draft"),
    ("submit", "draft"),
    ("discard", "draft"),
    ("take_back", "submitted"),
    ("pause", "running"),
    ("end", "running"),
    ("copy", "running"),
    ("resume", "paused"),
]


@pytest.mark.parametrize(("verb", "state"), VERBS)
def test_a_verb_is_offered_and_opens_only_where_all_portfolios_are_the_persons(verb: str, state: str) -> None:
    lead = as_role("team_lead", "cash")
    for meant, status in (("own", 200), ("shared", 403), ("whole", 403), ("other", 404)):
        campaign = in_state(state, meant=meant)
        address = reverse(f"repayment:{verb}_campaign", args=[campaign.pk])
        page = read(lead, "campaign", campaign.pk, status=404 if meant == "other" else 200)
        assert (address in page) is (meant == "own")
        assert lead.get(address).status_code == status, meant
        if meant != "own":
            assert lead.post(address, {"reason": "as agreed", "code": "mine"}).status_code == status
            assert Campaign.objects.get(pk=campaign.pk).state == state
            assert address in read(as_role("team_lead"), "campaign", campaign.pk)
    assert Campaign.objects.count() == len(MEANT)


@pytest.mark.parametrize(("verb", "state"), [pair for pair in VERBS if pair[0] != "edit"])
def test_a_lead_of_one_portfolio_does_with_their_own_what_it_offers(verb: str, state: str) -> None:
    campaign = in_state(state, meant="own")
    assert confirm(as_role("team_lead", "cash"), verb, campaign, code="mine").status_code == 303


def test_what_reaches_further_is_read_without_its_figures() -> None:
    campaign = lived(borrowers=40)
    lead = as_role("team_lead", "cash")
    whole, page = read(as_role("team_lead"), "campaign", campaign.pk), read(lead, "campaign", campaign.pk, simulate="1")
    for words in ("What it does", "Day by day", "Still to leave", "Spent"):
        assert words in whole
        assert words not in page
    for words in ("It also writes to borrowers of portfolios", "Messages in all at most", "Its messages"):
        assert words in page
    assert "Tomorrow, with the book as it is" not in page
    assert "not yours alone" in read(lead, "campaigns")
    assert "not yours alone" not in read(as_role("team_lead"), "campaigns")


def test_lists_leave_out_what_is_elsewhere() -> None:
    for meant in MEANT:
        in_state("running", meant=meant)
    lead = as_role("team_lead", "cash")
    for name in ("campaigns", "audiences"):
        page = read(lead, name)
        for words in ("own", "shared", "whole"):
            assert words in page
        assert "other" not in page.lower().replace("another", "")


def test_an_audience_that_reaches_further_is_looked_at_and_not_worked() -> None:
    a_borrower(1, portfolio="cash")
    a_borrower(2, portfolio="farm")
    lead = as_role("team_lead", "cash")
    for meant, status in (("own", 200), ("shared", 403), ("whole", 403), ("other", 404)):
        campaign = in_state("running", meant=meant)
        audience = campaign.audience
        page = read(lead, "audience", audience.pk, status=404 if meant == "other" else 200)
        verbs = [reverse(f"repayment:{verb}_audience", args=[audience.pk]) for verb in ("edit", "retire")]
        for address in verbs:
            assert lead.get(address).status_code == status, meant
            assert (address in page) is (meant == "own")
        assert ("New campaign for it" in page) is (meant == "own")
        if meant in {"shared", "whole"}:
            assert lead.post(verbs[0], {"name": "Mine", "portfolios": "cash"}).status_code == 403
            assert lead.post(verbs[1], {"reason": "no longer", "seen": ""}).status_code == 403
            assert "It also holds borrowers of portfolios you do not work on" in page
            assert "C-2" not in page


def test_the_editors_of_a_lead_of_one_portfolio_offer_that_alone() -> None:
    a_borrower(1, portfolio="cash")
    a_borrower(2, portfolio="farm")
    found = {meant: an_audience(meant, **MEANT[meant]) for meant in MEANT}
    lead = as_role("team_lead", "cash")
    page = read(lead, "new_audience")
    assert 'value="cash"' in page
    assert 'value="farm"' not in page
    answer = lead.post(reverse("repayment:new_audience"), {"name": "All", "code": "all", "languages": "zh"})
    assert answer.status_code == 422
    assert "name the portfolios you work on, and no others" in answer.content.decode()
    page = read(lead, "new_campaign")
    for meant, audience in found.items():
        assert (f'<option value="{audience.pk}"' in page) is (meant == "own")
        look = lead.post(reverse("repayment:new_campaign"), typed(audience=audience.pk, look="1"))
        assert ("simulated" in look.context) is (meant == "own")
    assert lead.post(reverse("repayment:new_campaign"), typed(audience=found["whole"].pk)).status_code == 422
    assert not Campaign.objects.exists()


def test_an_audience_somebody_may_not_see_is_named_and_not_linked_and_its_campaigns_not_copied() -> None:
    campaign = in_state("running", meant="own")
    Audience.objects.filter(pk=campaign.audience_id).update(content=MEANT["other"])
    lead = as_role("team_lead", "cash")
    page = read(lead, "campaign", campaign.pk)
    assert campaign.audience.title in page
    assert reverse("repayment:audience", args=[campaign.audience_id]) not in page
    assert reverse("repayment:copy_campaign", args=[campaign.pk]) not in page
    assert reverse("repayment:pause_campaign", args=[campaign.pk]) in page
    Audience.objects.filter(pk=campaign.audience_id).update(content=MEANT["own"])
    Campaign.objects.filter(pk=campaign.pk).update(state="ended")
    assert campaign.title in read(lead, "audience", campaign.audience_id)
