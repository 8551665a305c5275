"""The commands that give a new lender templates, and a development machine gateways."""

from io import StringIO

import pytest
from django.core.management import call_command

from backoffice.outreach.models import Gateway, TemplateVersion

pytestmark = pytest.mark.django_db


def run(*words: str) -> str:
    said = StringIO()
    call_command(*words, stdout=said)
    return said.getvalue().strip()


def test_loads_templates_once():
    assert run("load_templates").startswith("9 templates, 66 versions and 50 pieces are new.")
    assert set(TemplateVersion.objects.values_list("state", flat=True)) == {"draft"}
    assert run("load_templates", "--active") == "0 templates, 0 versions and 0 pieces are new."


def test_connects_every_channel_to_a_sandbox_and_follows_it_to_another_port():
    assert run("connect_sandbox", "http://127.0.0.1:8100") == "7 gateways are set up."
    Gateway.objects.filter(code="sms").update(is_paused=True, paused_reason="complaints")
    run("connect_sandbox", "http://127.0.0.1:8101/")
    sms = Gateway.objects.get(code="sms")
    assert (sms.url, sms.is_paused) == ("http://127.0.0.1:8101/gateways/sms", True)
    assert Gateway.objects.values("channel").distinct().count() == Gateway.objects.count() == 7
