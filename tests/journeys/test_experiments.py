"""docs/processes/experiments.md, as the people in it live it: declare, start, wait, read, decide."""

from datetime import date, timedelta
from decimal import Decimal
from html import unescape

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from backoffice.audit import approvals
from backoffice.audit.models import Approval
from backoffice.core.actors import SYSTEM
from backoffice.outreach.models import Experiment
from backoffice.outreach.services import experiments
from tests.console.page import text_of
from tests.outreach.experiment_book import AT, on, units
from tests.staff.factories import logged_in, person

pytestmark = pytest.mark.django_db


def confirm(client, name, experiment, **fields):
    """Looks at the panel, then sends what was seen."""
    address = reverse(f"outreach:{name}", args=[experiment.pk])
    looked = client.post(address, {"look": "1", **fields}).context["panel"].consequence
    answer = client.post(address, {"seen": looked.fingerprint if looked else "", "key": "k", **fields})
    assert answer.status_code == 303


def page_of(client, experiment):
    return unescape(text_of(client.get(reverse("outreach:experiment", args=[experiment.pk])).content.decode()))


def test_a_shorter_reminder_is_tried_and_judged_on_its_day(client):
    on(date(2026, 3, 2))
    lead, officer = person("team_lead", display_name="Ada"), person("compliance", display_name="Bo")
    logged_in(client, lead)

    # 1. Declared.
    declared = {
        "code": "short-reminder",
        "name": "Short reminder",
        "question": "Does a shorter text make more people pay on time?",
        "audience": "Borrowers with a bill due in three days.",
        "layer": "texts",
        "share": "100",
        "metric": "on_time",
        "window_days": "7",
        "minimum_sample": "90",
        "stop_on": "2026-03-31",
        "alpha": "5",
        "power": "80",
        "arm_name_0": "today's text",
        "arm_share_0": "50",
        "arm_name_1": "short text",
        "arm_share_1": "50",
        "arm_content_1": "Your bill is due on Thursday.",
    }
    assert client.post(reverse("outreach:declare_experiment", args=["arms"]), declared).status_code == 303
    experiment = Experiment.objects.get()

    # 2. Started by two people.
    confirm(client, "start_experiment", experiment, reason="the text is ready")
    request = Approval.objects.get()
    with pytest.raises(approvals.OwnRequest):
        approvals.approve(approval_id=request.pk, actor=lead.as_actor())
    assert (
        experiments.consequence_of(request)
        .replace("\u00a0", " ")
        .startswith("2 arms on 100 % of the layer Texts, units taken in through 31 Mar 2026, at least 90 in each arm")
    )
    approvals.approve(approval_id=request.pk, actor=officer.as_actor())

    # 3. Two hundred borrowers, the same answer however often it is asked.
    borrowers = units(200)
    taken = experiments.take_in(experiment_id=experiment.pk, borrower_ids=borrowers, at=AT, actor=SYSTEM)
    again = experiments.take_in(experiment_id=experiment.pk, borrower_ids=borrowers, at=AT, actor=SYSTEM)
    arms = {number: [one.borrower_id for one in taken if one.arm_number == number] for number in (1, 2)}
    assert [one.arm_number for one in again] == [one.arm_number for one in taken]
    assert {number: len(of) for number, of in arms.items()} == {1: 97, 2: 103}
    paid = arms[1][:38] + arms[2][:66]
    experiments.record_outcomes(
        outcomes=[
            experiments.NewOutcome(
                borrower_id=unit, metric="on_time", value=Decimal(1), at=AT + timedelta(days=3), key=f"paid:{unit}"
            )
            for unit in paid
        ],
        actor=SYSTEM,
    )

    # 4. Too early to say anything, for anybody.
    on(date(2026, 3, 3))
    said = page_of(client, experiment)
    assert "Not decided yet: there is no verdict." in said
    assert "beats" not in said
    with pytest.raises(IntegrityError, match="frozen"), transaction.atomic():
        Experiment.objects.update(minimum_sample=10)

    # 5. Its day.
    on(date(2026, 4, 8))
    experiments.stop_due(as_of=date(2026, 4, 8), actor=SYSTEM)
    said = page_of(client, experiment)
    assert (
        "short text beats today's text. 64.08 % (short text) against 39.18 % (today's text): 24.90 points more. "
        "With 95 % confidence the true difference is between 11.07 points and 37.44 points more."
    ) in said

    # 6. Decided.
    confirm(client, "decide_experiment", experiment, arm="2", reason="shorter, and more pay")
    assert "Decided for short text. shorter, and more pay" in page_of(client, experiment)
