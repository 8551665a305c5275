"""Experiments about templates on the console: drafted, their words as borrowers read them, their messages found."""

from html import unescape

import pytest
from django.urls import reverse

from backoffice.core.actors import SYSTEM
from backoffice.outreach.domain.elements import Element
from backoffice.outreach.models import Experiment, Exposure, MessageTemplate, TemplateVersion
from backoffice.outreach.services.pieces import write_piece
from tests.console.book import as_role
from tests.console.page import fields_of, text_of
from tests.outreach.experiment_book import declared, on, start, units
from tests.outreach.messaging import active_version, planned, somebody, template
from tests.outreach.test_console_experiments import send
from tests.outreach.test_services_trying_words import ARMS, SHORT, two_texts, written_to

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _business_date():
    on()


def read(client, name, *arguments, **query):
    answer = client.get(reverse(f"outreach:{name}", args=arguments), query)
    assert answer.status_code == 200
    return unescape(text_of(answer.content.decode())).replace("\u00a0", " ")


def test_declares_an_experiment_about_a_template_and_opens_it_again():
    active_version()
    active_version(code="due_soon_b", body=SHORT)
    client = as_role("team_lead")
    address = reverse("outreach:declare_experiment", args=["arms"])
    typed = {
        "code": "short", "name": "Short", "question": "Does it?", "audience": "All.", "template": "due_soon",
        "layer": "texts", "share": "100", "metric": "on_time", "window_days": "7", "minimum_sample": "3",
        "stop_on": "2026-03-31", "alpha": "5", "power": "80", "arm_name_0": "today's text", "arm_share_0": "50",
        "arm_name_1": "short text", "arm_share_1": "50", "arm_template_1": "due_soon_b",
    }  # fmt: skip
    assert client.post(address, typed).status_code == 303
    made = Experiment.objects.get()
    assert list(made.arms.order_by("number").values_list("template__code", flat=True)) == ["due_soon", "due_soon_b"]
    fields = fields_of(client.get(reverse("outreach:edit_experiment", args=[made.pk])).content.decode())
    assert (fields["template"], fields["arm_template_1"]) == ("due_soon", "due_soon_b")


def test_shows_the_words_of_each_arm_as_borrowers_read_them():
    experiment = start(two_texts())
    written_to(units(10))
    client = as_role("team_lead")
    said = read(client, "experiment", experiment.pk)
    assert "About the template due_soon" in said
    assert "SMS English Hello Ada Lovelace, your bill of ¥1,100.16 is due on 20 Mar 2026. Backoffice" in said
    assert "SMS English ¥1,100.16 is due on 20 Mar 2026. Backoffice" in said
    assert "It cannot start yet." not in said


def test_leads_to_the_messages_that_took_people_in():
    experiment = start(two_texts())
    client = as_role("admin")
    page = client.get(reverse("outreach:experiment", args=[experiment.pk])).content.decode()
    assert f'{reverse("outreach:messages")}?experiment=short-text"' in page
    assert f'{reverse("outreach:messages")}?experiment=short-text&amp;template=due_soon_b"' in page


def test_a_draft_says_what_is_missing_before_it_can_start():
    active_version()
    template("due_soon_b")
    experiment = declared(template="due_soon", arms=ARMS)
    client = as_role("team_lead")
    said = read(client, "experiment", experiment.pk)
    assert "It cannot start yet." in said
    assert "short text has no approved words by SMS in English, where the template speaks." in said
    assert "no words yet" in said


def test_the_page_of_a_template_says_which_experiment_runs_on_it():
    experiment = two_texts()
    client = as_role("team_lead")
    for code in ("due_soon", "due_soon_b"):
        assert "An experiment runs" not in read(client, "template", template(code).pk)
    start(experiment)
    for code in ("due_soon", "due_soon_b"):
        said = read(client, "template", template(code).pk)
        assert "An experiment runs on these words; they stay as they are until it stops: Short reminder" in said


def test_copies_a_template():
    active_version()
    client = as_role("team_lead")
    assert send(client, "copy_template", template().pk).status_code == 200
    made = MessageTemplate.objects.get(code="due_soon_b")
    assert (made.name, made.versions.get().state) == ("due_soon B", "draft")


def test_drafts_the_words_of_a_plan():
    piece = write_piece(element=Element.BENEFIT, code="bill", language="en", text="Pay {amount}.", actor=SYSTEM)
    write_piece(element=Element.CALL_TO_ACTION, code="pay", language="en", text="Pay in the app.", actor=SYSTEM)
    write_piece(element=Element.GREETING, code="thanks", language="en", text="Thank you.", actor=SYSTEM)
    active_version(body="Pay {amount}.", pieces=[piece.pk])
    client = as_role("team_lead")
    typed = {
        "code": "six", "name": "Six", "question": "Which?", "audience": "All.", "template": "due_soon",
        "layer": "texts", "share": "100", "metric": "on_time", "window_days": "7", "minimum_sample": "3",
        "stop_on": "2026-03-31", "alpha": "5", "power": "80", "factor_name_1": "greeting", "factor_1_1": "as today",
        "factor_2_1": "thanks", "factor_name_5": "call", "factor_1_5": "as today", "factor_2_5": "pay",
    }  # fmt: skip
    assert client.post(reverse("outreach:declare_experiment", args=["L8"]), typed).status_code == 303
    experiment = Experiment.objects.get()
    assert list(experiment.factors.values_list("element", flat=True)) == ["greeting", "call_to_action"]
    fields = fields_of(client.get(reverse("outreach:edit_experiment", args=[experiment.pk])).content.decode())
    assert (fields["factor_2_1"], fields["factor_2_5"]) == ("thanks", "pay")

    assert "3 texts are drafted." in send(client, "draft_experiment_words", experiment.pk).content.decode()
    assert set(TemplateVersion.objects.filter(state="draft").values_list("body", flat=True)) == {
        "Thank you. Pay {amount}.",
        "Pay {amount}. Pay in the app.",
        "Thank you. Pay {amount}. Pay in the app.",
    }
    assert "waits" not in read(client, "experiment", experiment.pk)


def test_finds_the_messages_of_an_experiment_and_of_an_arm():
    start(two_texts())
    written_to(units(10))
    active_version(code="third", body=SHORT)
    planned(somebody(), TemplateVersion.objects.get(template__code="third"))
    client = as_role("admin")

    def rows(**query):
        return client.get(reverse("outreach:messages"), query).content.decode().count("<tr data-href")

    assert rows() == 11
    assert rows(experiment="short-text") == 10
    short = Exposure.objects.filter(arm__template__code="due_soon_b").count()
    assert rows(experiment="short-text", template="due_soon_b") == short
