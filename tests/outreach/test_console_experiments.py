"""Experiments on the console: read by anybody who may, declared, started, stopped, decided."""

from datetime import date, timedelta
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from backoffice.audit import approvals
from backoffice.audit.models import Approval
from backoffice.core.actors import SYSTEM
from backoffice.outreach.models import Experiment, Exposure, Layer, Metric
from backoffice.outreach.services import experiments
from backoffice.outreach.services.experiments import bring_in_hillstrom
from tests.console.book import as_role
from tests.console.page import fields_of, rows_of, text_of
from tests.outreach.experiment_book import (
    ANALYST,
    AT,
    CHECKER,
    ELEMENTS,
    declared,
    on,
    running,
    screening,
    start,
    units,
)
from tests.outreach.test_hillstrom import MADE_UP

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _business_date():
    on()


def page_of(client: Client, experiment: Experiment) -> str:
    answer = client.get(reverse("outreach:experiment", args=[experiment.pk]))
    assert answer.status_code == 200
    return answer.content.decode().replace("&#x27;", "'")


def lived(experiment: Experiment, *, better: Any, count: int = 200) -> None:
    """Units taken in, of which those whose arm's name fits `better` paid on time."""
    taken = experiments.take_in(experiment_id=experiment.pk, borrower_ids=units(count), at=AT, actor=SYSTEM)
    names = dict(experiment.arms.values_list("number", "name"))
    experiments.record_outcomes(
        outcomes=[
            experiments.NewOutcome(
                borrower_id=one.borrower_id,
                metric="on_time",
                value=Decimal(1),
                at=AT + timedelta(days=1),
                key=f"{experiment.pk}:{one.borrower_id}",
            )
            for one in taken
            if one.arm_number and better(names[one.arm_number])
        ],
        actor=SYSTEM,
    )


def send(client: Client, verb: str, /, *arguments: Any, **typed: Any) -> Any:
    """Opens a confirm panel, looks at what it would do, and sends it."""
    address = reverse(f"outreach:{verb}", args=arguments)
    fields = fields_of(client.get(address).content.decode()) | {"reason": "because it is time"} | typed
    looked = fields_of(client.post(address, {**fields, "look": "1"}).content.decode())
    return client.post(address, {**fields, **{key: looked[key] for key in ("seen",) if key in looked}}, follow=True)


# ------------------------------------------------------------------------------------------------------------ reading


def test_lists_experiments_layers_and_metrics():
    running(share=Decimal("0.4"))
    declared(code="second", name="Second", layer="offers")
    client = as_role("analyst")
    html = client.get(reverse("outreach:experiments")).content.decode()
    names = [row[0] for row in rows_of(html, caption="Experiments, newest first")]
    assert names == ["Second", "Short reminder"]
    layer = next(row for row in rows_of(html, caption="Layers and what is free in them") if row[0] == "Texts")
    assert layer == ["Texts", "60.0 %", "Short reminder"]
    assert "New experiment" not in text_of(html)
    narrowed = client.get(reverse("outreach:experiments"), {"layer": "offers", "state": "draft"}).content.decode()
    assert [row[0] for row in rows_of(narrowed, caption="Experiments, newest first")] == ["Second"]
    assert client.get(reverse("outreach:experiments"), {"state": "nonsense"}).status_code == 400


def test_says_which_arm_beat_the_control_and_by_how_much():
    bring_in_hillstrom(lines=MADE_UP.splitlines(), actor=SYSTEM)
    experiment = Experiment.objects.get()
    html = page_of(as_role("analyst"), experiment)
    said = text_of(html)
    assert "No arm was found to do better than No E-Mail." in said
    assert "It was run elsewhere and brought in with its results" in said
    assert rows_of(html, caption="What each arm did: visited the site") == [
        ["No E-Mail control", "3", "1", "33.33 %", "6.15 % to 79.23 %"],
        ["Mens E-Mail", "2", "2", "100.00 %", "34.24 % to 100.00 %"],
        ["Womens E-Mail", "2", "1", "50.00 %", "9.45 % to 90.55 %"],
    ]
    assert html.count('<svg class="chart"') == 2


def test_names_the_winner_once_the_day_has_come():
    experiment = running(minimum_sample=50)
    lived(experiment, better=lambda name: name == "short text")
    on(date(2026, 4, 8))
    said = text_of(page_of(as_role("analyst"), experiment))
    assert "short text beats today's text." in said
    assert "Its last day has passed, and every arm has the 50 units that were declared." in said


def test_shows_no_verdict_before_the_day():
    experiment = running(minimum_sample=50)
    lived(experiment, better=lambda name: name == "short text")
    html = page_of(as_role("analyst"), experiment)
    said = text_of(html)
    assert "Not decided yet: there is no verdict." in said
    assert "Too early: units are taken in through 31 Mar 2026" in said
    assert "beats" not in said
    assert ">Verdict<" not in html
    (row,) = rows_of(html, caption="paid on time: each arm less today's text")
    assert (row[0], len(row)) == ("short text", 3)


def test_says_whether_the_split_is_sound():
    experiment, client = running(), as_role("analyst")
    experiments.take_in(experiment_id=experiment.pk, borrower_ids=units(60), at=AT, actor=SYSTEM)
    html = page_of(client, experiment)
    rows = rows_of(html, caption="People in each arm, and how many its share would give it")
    assert [row[2] for row in rows] == ["30", "30", ""]
    assert "not sound" not in text_of(html)
    # What only a fault could do: twenty more units in the first arm.
    arm = experiment.arms.get(number=1)
    more = sorted(set(units(100)) - set(units(60)))
    Exposure.objects.bulk_create(Exposure(experiment=experiment, arm=arm, borrower_id=unit, at=AT) for unit in more)
    said = text_of(page_of(client, experiment))
    assert "not sound" in said
    assert "The split is not sound: the arms do not hold what their shares say" in said


def test_a_draft_says_that_nothing_happened_yet():
    said = text_of(page_of(as_role("analyst"), declared()))
    assert "What people did appears here once they are taken in." in said
    assert "People are taken in once it runs" in said


def test_reads_in_chinese():
    experiment = running(minimum_sample=50)
    lived(experiment, better=lambda name: name == "short text")
    client = as_role("analyst")
    client.cookies["django_language"] = "zh-hans"
    said = text_of(page_of(client, experiment))
    assert "尚未定论：没有判定。" in said
    assert "按时还款" in said


def test_shows_what_each_element_does_and_the_best_text_on_its_day():
    six = experiments.declare_experiment(declaration=screening(minimum_sample=10), actor=ANALYST)
    experiment = start(six)
    client = as_role("team_lead")
    assert "Main effects appear once every row of the plan has people." in text_of(page_of(client, experiment))
    lived(experiment, better=lambda name: name[2] == "2", count=400)
    early = page_of(client, experiment)
    assert [row[0] for row in rows_of(early, caption="Main effects")] == [f"{name} new" for name in ELEMENTS]
    assert "Predicted best text" not in text_of(early)
    assert "of resolution III" in text_of(early)
    on(date(2026, 4, 8))
    html = page_of(client, experiment)
    said = text_of(html)
    assert rows_of(html, caption="Main effects")[2][1:] == [
        "+100.00 points",
        "+100.00 to +100.00 points",
        "&lt; 0.001",
        "better",
    ]
    assert "Predicted best text" in said
    assert "Declare the confirmation" in said
    rows = rows_of(html, caption="Rows of the plan: the version of each element, and what it did")
    assert [row[1:7] for row in rows][:2] == [["1"] * 6, ["1", "1", "1", "2", "2", "2"]]


# ---------------------------------------------------------------------------------------------------------- declaring


def _typed(html: str, **changes: Any) -> dict[str, Any]:
    fields = {name: value for name, value in fields_of(html).items() if name != "csrfmiddlewaretoken"}
    basics = {
        "code": "typed",
        "name": "Typed",
        "question": "Does it help?",
        "audience": "Everybody.",
        "layer": "texts",
        "metric": "on_time",
        "minimum_sample": "100",
        "stop_on": "2026-05-01",
    }
    return fields | basics | changes


def test_declares_arms_as_they_are_typed():
    client = as_role("team_lead")
    address = reverse("outreach:declare_experiment", args=["arms"])
    html = client.get(address).content.decode()
    typed = _typed(html, arm_name_0="as today", arm_name_1="shorter", share="25", watched=["paid"])
    answer = client.post(address, typed, follow=True)
    assert answer.status_code == 200
    experiment = Experiment.objects.get()
    assert (experiment.share, experiment.alpha, experiment.minimum_sample) == (Decimal("0.25"), Decimal("0.05"), 100)
    assert list(experiment.arms.values_list("name", "share", "is_control")) == [
        ("as today", Decimal("0.5"), True),
        ("shorter", Decimal("0.5"), False),
    ]
    assert list(experiment.watched.values_list("code", flat=True)) == ["paid"]


def test_says_at_the_fields_what_is_wrong():
    client = as_role("team_lead")
    address = reverse("outreach:declare_experiment", args=["arms"])
    html = client.get(address).content.decode()
    typed = _typed(html, arm_name_0="a", arm_name_1="b", arm_share_1="40", stop_on="2020-01-01", share="0")
    answer = client.post(address, typed)
    said = text_of(answer.content.decode())
    assert answer.status_code == 422
    assert "must be after 2 Mar 2026" in said
    assert "the shares sum to 0.9, not to 1" in said
    assert Experiment.objects.count() == 0
    declared(code="typed")
    again = client.post(address, _typed(html, arm_name_0="a", arm_name_1="b"))
    assert "is taken" in text_of(again.content.decode())


@pytest.mark.parametrize(("design", "arms", "levels"), [("L8", 8, 2), ("L18", 18, 3)])
def test_declares_the_elements_of_a_plan(design, arms, levels):
    client = as_role("team_lead")
    address = reverse("outreach:declare_experiment", args=[design])
    html = client.get(address).content.decode()
    assert fields_of(html)["factor_name_0"] == "salutation"
    versions = {f"factor_{level}_{n}": f"version {level}" for n in range(6) for level in range(1, levels + 1)}
    assert client.post(address, _typed(html, **versions)).status_code == 303
    experiment = Experiment.objects.get()
    assert experiment.arms.count() == arms
    assert [factor.name for factor in experiment.factors.all()] == list(ELEMENTS)


def test_changes_a_draft_with_what_it_said_before():
    client, experiment = as_role("team_lead"), declared()
    address = reverse("outreach:edit_experiment", args=[experiment.pk])
    html = client.get(address).content.decode()
    opened = fields_of(html)
    assert (opened["share"], opened["arm_name_1"], opened["arm_share_1"]) == ("100", "short text", "50")
    typed = _typed(html, minimum_sample="500", arm_content_1="Shorter still.") | {"arm_name_0": "today's text"}
    assert client.post(address, typed).status_code == 303
    experiment.refresh_from_db()
    assert (experiment.code, experiment.minimum_sample) == ("short-text", 500)
    start(experiment)
    assert "cannot be done to it" in text_of(client.post(address, typed).content.decode())


def test_a_declaration_somebody_else_saved_meanwhile_is_not_overwritten_unseen():
    client, experiment = as_role("team_lead"), declared()
    address = reverse("outreach:edit_experiment", args=[experiment.pk])
    html = client.get(address).content.decode()
    arms = {"arm_name_0": "today's text"}
    theirs = _typed(html, arm_content_1="Shorter still.") | arms
    assert client.post(address, theirs).status_code == 303

    late = client.post(address, _typed(html, arm_content_1="Mine.") | arms)
    assert late.status_code == 422
    page = late.content.decode()
    assert "Somebody else saved this draft since you opened it." in text_of(page)
    assert "Mine." in page
    assert experiment.arms.get(number=2).content == "Shorter still."

    assert client.post(address, _typed(page, arm_content_1="Mine.") | arms).status_code == 303
    assert experiment.arms.get(number=2).content == "Mine."


def test_there_is_no_other_design():
    assert as_role("admin").get(reverse("outreach:declare_experiment", args=["L9"])).status_code == 404
    assert as_role("admin").get(reverse("outreach:experiment", args=[99])).status_code == 404


def test_declares_the_confirmation_from_the_page_of_the_screening():
    six = experiments.declare_experiment(declaration=screening(minimum_sample=10), actor=ANALYST)
    client = as_role("team_lead")
    address = reverse("outreach:confirm_experiment", args=[six.pk])
    assert client.get(address).status_code == 409
    start(six)
    lived(six, better=lambda name: name[2] == "2", count=400)
    on(date(2026, 4, 8))
    html = client.get(address).content.decode()
    assert "benefit: new" in html
    typed = _typed(html, code="six-confirmed")
    assert client.post(address, typed | {"stop_on": "2020-01-01"}).status_code == 422
    assert client.post(address, typed).status_code == 303
    confirming = Experiment.objects.get(code="six-confirmed")
    assert confirming.screening == six
    assert "Six elements" in text_of(page_of(client, confirming))
    assert "Confirmation: Typed draft" in text_of(page_of(client, six))


# --------------------------------------------------------------------------------------------------------------- verbs


def test_asks_for_the_start_and_waits():
    client, experiment = as_role("team_lead"), declared()
    answer = send(client, "start_experiment", experiment.pk)
    assert "It starts when a second person agrees." in text_of(answer.content.decode())
    said = text_of(page_of(client, experiment))
    assert "Waits for a second person" in said
    assert "Ask for the start" not in said
    approvals.approve(approval_id=Approval.objects.get().pk, actor=CHECKER)
    assert "running" in text_of(page_of(client, experiment))


def test_warns_that_stopping_early_leaves_no_verdict():
    client, experiment = as_role("team_lead"), running()
    panel = client.get(reverse("outreach:stop_experiment", args=[experiment.pk])).content.decode()
    assert "Stopped before that it will never have a verdict." in text_of(panel)
    on(date(2026, 4, 1))
    panel = client.get(reverse("outreach:stop_experiment", args=[experiment.pk])).content.decode()
    assert "it will never have a verdict" not in text_of(panel)
    assert "is stopped." in text_of(send(client, "stop_experiment", experiment.pk).content.decode())
    experiment.refresh_from_db()
    assert experiment.state == "stopped"


def test_decides_for_the_winner_unless_told_otherwise():
    experiment = running(minimum_sample=50)
    lived(experiment, better=lambda name: name == "short text")
    on(date(2026, 4, 8))
    experiments.stop_due(as_of=date(2026, 4, 8), actor=SYSTEM)
    client = as_role("team_lead")
    panel = client.get(reverse("outreach:decide_experiment", args=[experiment.pk])).content.decode()
    assert fields_of(panel)["arm"] == "2"
    assert "is decided." in text_of(send(client, "decide_experiment", experiment.pk, arm="2").content.decode())
    assert "Decided for short text." in text_of(page_of(client, experiment))


def test_decides_for_the_control_where_nothing_was_found():
    experiment = running(minimum_sample=50)
    lived(experiment, better=lambda name: False)
    on(date(2026, 4, 8))
    experiments.stop_due(as_of=date(2026, 4, 8), actor=SYSTEM)
    client = as_role("team_lead")
    address = reverse("outreach:decide_experiment", args=[experiment.pk])
    assert fields_of(client.get(address).content.decode())["arm"] == "1"
    looked = text_of(client.get(address, {"arm": "2"}).content.decode())
    assert "does not show that this arm is better than the control" in looked
    assert "No arm was found to do better than today's text." in text_of(page_of(client, experiment))


def test_discards_a_draft_and_adds_layers_and_metrics():
    client, experiment = as_role("admin"), declared()
    assert "is discarded." in text_of(send(client, "discard_experiment", experiment.pk).content.decode())
    send(client, "add_layer", code="colours", name="Colours", name_zh="颜色")
    send(client, "add_metric", code="called_back", name="called back", kind="binary", goal="less")
    assert Layer.objects.get(code="colours").name_zh == "颜色"
    assert Metric.objects.get(code="called_back").goal == "less"


# ---------------------------------------------------------------------------------------------------------- sample size


def test_opens_with_a_size_and_works_out_another():
    client = as_role("analyst")
    address = reverse("outreach:sample_size")
    said = text_of(client.get(address).content.decode())
    assert "21,109" in said
    assert "42,218" in said
    assert "5,278" in said
    asked = {"of": "shares", "base": "2", "target": "3", "alpha": "5", "power": "80", "groups": "2"}
    assert "3,826" in text_of(client.get(address, asked).content.decode())
    means = {"of": "means", "difference": "1", "deviation": "10", "alpha": "5", "power": "80", "groups": "2"}
    assert "1,570" in text_of(client.get(address, means).content.decode())


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"of": "shares", "base": "2", "target": "2"}, "Must differ from today's share"),
        ({"of": "shares", "base": "2", "target": "3", "power": "4"}, "Must be more than alpha"),
        ({"of": "shares", "base": "two"}, "Enter a number"),
        ({"of": "means", "difference": "0", "deviation": "1"}, "Must not be nought"),
        ({"of": "means", "difference": "0.0001", "deviation": "9999999"}, "nor too small to be found"),
        ({"of": "means", "difference": "1", "deviation": "-1"}, "Must be more than nought"),
        ({"of": "means", "difference": "1", "deviation": ""}, "This field is required"),
    ],
)
def test_says_why_no_size_follows(asked, said):
    usual = {"alpha": "5", "power": "80", "groups": "2"}
    answer = as_role("analyst").get(reverse("outreach:sample_size"), usual | asked)
    assert said in text_of(unescape(answer.content.decode()))
