"""The screens of messages, templates and gateways, as people use them."""

from datetime import timedelta

import pytest
from django.urls import reverse

from backoffice.audit.models import Approval, AuditEntry
from backoffice.calendars import clock
from backoffice.calendars.models import BusinessDay
from backoffice.core.actors import SYSTEM
from backoffice.customers.fields import seal_of
from backoffice.outreach.console.template_forms import WordsForm
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.elements import Element
from backoffice.outreach.models import Gateway, Message, MessageTemplate, Piece, PrintFile, TemplateVersion
from backoffice.outreach.services import sending
from backoffice.outreach.services.gateways import set_sandbox_gateways
from backoffice.outreach.services.pieces import write_piece
from backoffice.outreach.services.printing import print_letters
from backoffice.outreach.services.starting import load_starter
from tests.console.book import as_role
from tests.console.page import fields_of, rows_of, text_of
from tests.outreach.messaging import NOON, active_version, gateway, journey, planned, somebody

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _business_day():
    BusinessDay.objects.update_or_create(pk=BusinessDay.ONLY, defaults={"today": NOON.date()})


def confirm(client, page_name, *args, **values):
    """Opens a confirm panel, fills it in, looks, and sends what was seen."""
    url = reverse(f"outreach:{page_name}", args=args)
    filled = fields_of(client.get(url).content.decode()) | {"reason": "because we must"} | values
    looked = client.post(url, filled | {"look": "1"})
    return client.post(url, filled | {"seen": fields_of(looked.content.decode()).get("seen", "")})


def page(client, name, *args, **query):
    answer = client.get(reverse(f"outreach:{name}", args=args), query)
    assert answer.status_code == 200, answer.content.decode()
    return answer.content.decode()


def sent_message(sandbox, **fields):
    gateway(Channel.SMS, url=f"{sandbox.url}/gateways/sms")
    message = planned(somebody(), active_version(), **fields)
    sending.send_while_due(clock=lambda: NOON, seconds=30)
    message.refresh_from_db()
    return message


def test_the_log_lists_filters_and_leads_to_the_journey(sandbox):
    message = sent_message(sandbox, source="plan:7")
    waiting = planned(somebody(), active_version(Channel.PUSH), source="plan:8")
    client = as_role("agent")
    rows = rows_of(page(client, "messages"), caption="Messages")
    assert [row[4] for row in rows] == ["planned", "sent"]
    assert [row[1] for row in rows] == [waiting.borrower.external_id, message.borrower.external_id]
    for query, state in (
        ({"state": "sent"}, "sent"),
        ({"channel": "push"}, "planned"),
        ({"source": "plan:7"}, "sent"),
        ({"gateway": str(message.gateway_id)}, "sent"),
        ({"borrower": waiting.borrower.external_id}, "planned"),
        ({"from": "2026-03-17", "to": "2026-03-17", "purpose": "reminder", "channel": "sms"}, "sent"),
    ):
        assert [row[4] for row in rows_of(page(client, "messages", **query), caption="Messages")] == [state]
    assert client.get(reverse("outreach:messages"), {"state": "lost"}).status_code == 400


def test_the_journey_shows_every_step_and_masks_the_name(sandbox):
    message = sent_message(sandbox)
    text = text_of(page(as_role("agent"), "message", message.pk))
    assert "your bill of ¥1,100.16 is due on 20 Mar 2026" in text
    assert "Lovelace" not in text
    assert all(state in text for state in ("planned", "sending", "sent"))
    assert message.gateway_reference in text
    assert as_role("agent", "elsewhere").get(reverse("outreach:message", args=[message.pk])).status_code == 404


def test_tells_why_a_message_went_on_by_another_channel(sandbox):
    gateway(Channel.SMS, url=f"{sandbox.url}/gateways/sms")
    active_version(Channel.INBOX)
    message = planned(somebody(phones=()), active_version(), fallback=(Channel.INBOX,))
    sending.send_while_due(clock=lambda: NOON, seconds=30)
    follower = Message.objects.get(follows=message)
    client = as_role("agent")
    assert "the borrower cannot be reached on this channel" in text_of(page(client, "message", message.pk))
    assert reverse("outreach:message", args=[message.pk]) in page(client, "message", follower.pk)


def test_stops_a_planned_message_with_a_reason():
    message = planned(somebody(), active_version())
    client = as_role("team_lead")
    assert confirm(client, "stop_message", message.pk).status_code == 303
    assert journey(message) == ["planned", "stopped by_staff"]
    assert message.moves.last().detail == "because we must"
    assert as_role("agent").get(reverse("outreach:stop_message", args=[message.pk])).status_code == 403


def test_decides_what_became_of_an_unknown_message(sandbox):
    gateway(Channel.EMAIL)
    sandbox.script.change(gateway="email", changes={"drop_after": 1})
    message = planned(somebody(), active_version(Channel.EMAIL))
    sending.send_while_due(clock=lambda: NOON, seconds=30)
    client = as_role("team_lead")
    assert "This gateway cannot be asked" in text_of(page(client, "message", message.pk))
    assert confirm(client, "decide_message", message.pk, arrived="no").status_code == 303
    message.refresh_from_db()
    assert (message.state, message.code) == ("failed", "decided_by_staff")
    assert AuditEntry.objects.get(verb="outreach.message.decided").reason == "because we must"


def test_writes_a_template_from_name_to_approval():
    client = as_role("team_lead")
    answer = client.post(
        reverse("outreach:new_template"), {"code": "thanks", "name": "Thanks", "name_zh": "感谢", "purpose": "service"}
    )
    made = MessageTemplate.objects.get(code="thanks")
    assert answer.headers["Location"] == reverse("outreach:template", args=[made.pk])
    again = client.post(reverse("outreach:new_template"), {"code": "thanks", "name": "x", "purpose": "service"})
    assert again.status_code == 422
    assert "is taken" in text_of(again.content.decode())
    start = client.post(
        reverse("outreach:start_template_version", args=[made.pk]), {"channel": "sms", "language": "en"}
    )
    editor = start.headers["Location"]
    look = client.post(editor, {"body": "{lender}: €{amuont} — police", "look": "1"}, headers={"HX-Request": "true"})
    shown = text_of(look.content.decode())
    assert "{amuont}: there is no such variable" in shown
    assert "police" in shown
    look = client.post(editor, {"body": "{lender}: we got {paid_amount} — thanks", "look": "1"})
    assert "UCS-2" in text_of(look.content.decode())
    refused = client.post(editor, {"body": "{amuont}"})
    assert refused.status_code == 422
    saved = client.post(editor, {"body": "{lender}: we got {paid_amount}, thanks"})
    version = TemplateVersion.objects.get()
    assert saved.headers["Location"] == reverse("outreach:template_version", args=[version.pk])
    edited = client.post(
        reverse("outreach:edit_template_version", args=[version.pk]),
        {"body": "{lender}: we got {paid_amount}. Reply STOP to end."},
    )
    assert edited.status_code == 303
    assert "we got ¥1,100.16. Reply STOP to end." in text_of(page(client, "template_version", version.pk))
    assert confirm(client, "submit_template_version", version.pk).status_code == 303
    assert Approval.objects.get().verb == "outreach.template_version"
    assert confirm(client, "take_back_template_version", version.pk).status_code == 303
    assert confirm(client, "submit_template_version", version.pk).status_code == 303
    again = text_of(page(client, "template_version", version.pk))
    assert "Waits for a second person" in again
    assert "withdrawn" not in again
    assert confirm(client, "take_back_template_version", version.pk).status_code == 303
    assert confirm(client, "retire_template_version", version.pk).status_code == 303
    version.refresh_from_db()
    assert version.state == "retired"


def test_somebody_without_a_name_is_shown_once_and_greeted_as_their_message_does():
    owner, version = somebody(family_name="", given_name=""), active_version()
    client = as_role("agent")
    words = text_of(page(client, "message", planned(owner, version).pk))
    assert words.count(owner.external_id) == 1
    assert "Hello customer" in words
    preview = text_of(page(client, "template_version", version.pk, borrower=owner.external_id))
    assert "Hello customer" in preview


def test_previews_for_a_real_borrower_with_the_name_masked():
    owner, version = somebody(), active_version()
    client = as_role("agent")
    html = page(client, "template_version", version.pk, borrower=owner.external_id)
    assert "Lovelace" not in html
    assert "L•" in text_of(html) or "A•" in text_of(html)
    nobody = text_of(page(client, "template_version", version.pk, borrower="nobody"))
    assert "No borrower you may see has this external id." in nobody


def test_refuses_banned_wording_in_the_panel_that_submits():
    version = active_version(state="draft", body="Pay or we call the police")
    client = as_role("team_lead")
    html = client.get(reverse("outreach:submit_template_version", args=[version.pk])).content.decode()
    assert "“police”: Claims police or punishment" in text_of(html)
    assert confirm(client, "submit_template_version", version.pk).status_code == 422
    assert not Approval.objects.exists()


def test_the_library_keeps_pieces_in_both_languages():
    client = as_role("team_lead")
    write_piece(element=Element.GREETING, code="hello", language="en", text="Hello.", actor=SYSTEM)
    url = reverse("outreach:pieces")
    values = {"element": "greeting", "code": "hello", "language": "en"}
    assert client.post(url, values | {"text": "Good day."}).status_code == 303
    assert client.post(url, values | {"text": "The police"}).status_code == 422
    piece = Piece.objects.get(is_retired=False)
    assert (piece.number, piece.text) == (2, "Good day.")
    assert rows_of(page(client, "pieces"), caption="greeting")[0][:2] == ["hello", "Good day. 2 Retire"]
    assert confirm(client, "retire_piece", piece.pk).status_code == 303
    assert "Good day." not in page(as_role("agent"), "pieces")


def test_lists_templates_and_what_speaks():
    load_starter(is_active=True, actor=SYSTEM)
    rows = rows_of(page(as_role("agent"), "templates"), caption="Templates")
    assert len(rows) == 9
    assert rows[0][0] == "Reminder three days before the due date reminder_d3"
    template = MessageTemplate.objects.get(code="reminder_d3")
    assert len(rows_of(page(as_role("agent"), "template", template.pk), caption="Versions of the template")) == 8


def test_shows_how_the_gateways_do_and_pauses_one(sandbox):
    set_sandbox_gateways(url=sandbox.url, actor=SYSTEM)
    sandbox.script.change(gateway="sms", changes={"drop_after": 1})
    now = clock.now()
    Gateway.objects.update(refilled_at=now)
    # The gate's hours do not matter here: a notice the law requires may always leave.
    owner = somebody()
    planned(
        owner,
        active_version(Channel.SMS, code="notice", purpose="notice"),
        send_after=now - timedelta(minutes=1),
        send_before=now + timedelta(hours=1),
    )
    sending.send_while_due(clock=clock.now, seconds=30)
    client = as_role("team_lead")
    rows = rows_of(page(client, "gateways"), caption="Gateways over the last 24 hours")
    (row,) = [row for row in rows if row[0].startswith("Sandbox SMS")]
    assert (row[1], row[5]) == ("troubled", "1")
    sms = Gateway.objects.get(code="sms")
    assert confirm(client, "pause_gateway", sms.pk).status_code == 303
    sms.refresh_from_db()
    assert (sms.is_paused, sms.paused_reason) == (True, "because we must")
    assert "because we must" in page(client, "gateways")
    assert confirm(client, "pause_gateway", sms.pk).status_code == 409
    assert confirm(client, "resume_gateway", sms.pk).status_code == 303
    assert as_role("analyst").get(reverse("outreach:pause_gateway", args=[sms.pk])).status_code == 403


def test_sets_a_gateway_up_and_says_where_its_secret_is_looked_for():
    client = as_role("admin")
    values = {
        "code": "sms-main", "name": "Main", "channel": "sms", "kind": "http", "url": "https://sms.example/v1",
        "rank": "1", "per_second": "20", "burst": "50", "unit_cost": "0.05", "currency": "CNY",
        "receipt_seconds": "600",
    }  # fmt: skip
    url = reverse("outreach:new_gateway")
    look = client.post(url, values | {"look": "1"})
    assert "GATEWAY_SECRET_SMS_MAIN" in text_of(look.content.decode())
    assert confirm(client, "new_gateway", **values).status_code == 303
    made = Gateway.objects.get()
    assert (made.code, made.per_second, made.burst) == ("sms-main", 20, 50)
    assert confirm(client, "set_gateway", made.pk, per_second="5").status_code == 303
    clash = confirm(client, "new_gateway", **(values | {"code": "other"}))
    assert clash.status_code == 422
    assert AuditEntry.objects.filter(verb="outreach.gateway.set").count() == 2


def test_a_print_file_is_fetched_with_a_trace(sandbox):
    way = gateway(Channel.LETTER)
    assert print_letters(letters=[], gateway=way, at=NOON) is None
    made = PrintFile.objects.create(gateway=way, letters=1, content=seal_of(PrintFile, "content", '{"address": "x"}'))
    client = as_role("admin")
    answer = client.get(reverse("outreach:print_file", args=[made.pk]))
    assert answer.content == b'{"address": "x"}'
    assert answer.headers["Cache-Control"] == "no-store"
    assert AuditEntry.objects.get(verb="outreach.print_file.fetched").subject_id == str(made.pk)
    assert client.get(reverse("outreach:print_file", args=[987654])).status_code == 404
    assert "Print files" in page(client, "gateways")


@pytest.mark.parametrize("name", ["messages", "templates", "gateways"])
def test_reads_a_page_in_a_fixed_number_of_queries(name, django_assert_max_num_queries):
    load_starter(is_active=True, actor=SYSTEM)
    set_sandbox_gateways(url="http://127.0.0.1:9", actor=SYSTEM)
    version = TemplateVersion.objects.get(template__code="reminder_d1", channel="push", language="en")
    for _ in range(30):
        planned(somebody(), version)
    client = as_role("admin")
    with django_assert_max_num_queries(16):
        client.get(reverse(f"outreach:{name}"))


def test_words_of_ones_own_are_not_dropped_because_a_piece_is_chosen() -> None:
    piece = write_piece(element=Element.BENEFIT, code="own", language="en", text="Pay {amount}.", actor=SYSTEM)
    form = WordsForm(
        {"body": "Something else. Reply STOP to end.", "piece_benefit": str(piece.pk)},
        initial={"body": "Pay {amount}."},
        channel=Channel.SMS,
        language="en",
    )
    assert form.errors["body"] == ["Pieces are chosen: take them all out to write freely, or empty this field."]
    same = {"body": "Pay {amount}.\r\n", "piece_benefit": str(piece.pk)}
    assert WordsForm(same, initial={"body": "Pay {amount}."}, channel=Channel.SMS, language="en").is_valid()
