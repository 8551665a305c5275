"""A campaign whose template an experiment is about: each borrower gets the words of their arm, at what those cost."""

from decimal import Decimal

import pytest

from backoffice.outreach.domain.campaigns import read_campaign
from backoffice.outreach.domain.experiments.declaring import NewArm
from backoffice.outreach.models import Campaign, CampaignMember, Exposure, Message, TemplateVersion
from backoffice.outreach.services.campaigns import simulate_campaign
from backoffice.outreach.services.experiments.trying import beginning_of
from backoffice.outreach.services.templates import copy_template
from backoffice.repayment.selectors.audiences import targets_of
from backoffice.repayment.services.campaigns import plan_campaigns
from tests.outreach.experiment_book import declared, on, start
from tests.repayment.campaigning import DRAFTER, JANUARY_15, a_borrower, running, words_and_gateways

pytestmark = pytest.mark.django_db


@pytest.fixture
def _tried() -> None:
    words_and_gateways()
    on(JANUARY_15)
    source = TemplateVersion.objects.filter(template__code="repeat").first().template
    copy_template(template_id=source.pk, code="repeat_b", name="Repeat B", name_zh="", actor=DRAFTER)
    TemplateVersion.objects.filter(template__code="repeat_b").update(state="active")
    arms = (
        NewArm(name="today's text", share=Decimal("0.5"), is_control=True),
        NewArm(name="other text", share=Decimal("0.5"), template="repeat_b"),
    )
    start(declared(template="repeat", arms=arms, watched=(), metric="borrowed_again"))
    for number in range(40):
        a_borrower(pk=3_000_001 + number)


def said_to() -> dict[int, str]:
    return dict(Message.objects.values_list("borrower_id", "template_version__template__code"))


@pytest.mark.usefixtures("_tried")
def test_each_borrower_gets_the_words_of_their_arm_and_the_day_planned_again_changes_nothing() -> None:
    campaign: Campaign = running()
    plan_campaigns(day=JANUARY_15)
    plan_campaigns(day=JANUARY_15)

    assert said_to() == dict(Exposure.objects.values_list("borrower_id", "arm__template__code"))
    assert len(said_to()) == 40
    assert set(said_to().values()) == {"repeat", "repeat_b"}
    assert set(Exposure.objects.values_list("at", flat=True)) == {beginning_of(JANUARY_15)}
    keys = set(CampaignMember.objects.filter(campaign=campaign).values_list("message_key", flat=True))
    assert keys == set(Exposure.objects.values_list("message_key", flat=True))


@pytest.mark.usefixtures("_tried")
def test_who_a_campaign_leaves_alone_or_has_no_room_for_is_not_taken_in() -> None:
    running(holdout="0.3", cap=15)
    plan_campaigns(day=JANUARY_15)
    assert Exposure.objects.count() == Message.objects.count() == 15


@pytest.mark.usefixtures("_tried")
def test_a_simulation_takes_nobody_in() -> None:
    campaign = running()
    content = read_campaign(campaign.content)
    targets = targets_of(audience=content.audience, day=JANUARY_15)
    found = simulate_campaign(campaign=campaign, content=content, day=JANUARY_15, targets=targets)
    assert found.day.planned == 40
    assert not Exposure.objects.exists()
