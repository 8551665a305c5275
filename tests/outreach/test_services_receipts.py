"""Receipts of gateways: believed when signed, taken once, in whatever order they come; STOP is heard."""

import base64
import json
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse

from backoffice.audit.models import AuditEntry, OutboxEvent
from backoffice.calendars import clock
from backoffice.core.actors import SYSTEM
from backoffice.core.signatures import SIGNATURE_HEADER, TIMESTAMP_HEADER, signature_of
from backoffice.customers.fields import text_of
from backoffice.customers.services import rotate
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.planning import read_variables
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.models import ConsentEntry, ContactEntry, GatewayReceipt, Message
from backoffice.outreach.services import sending
from backoffice.outreach.services.stopping import SHARED
from backoffice.outreach.tasks import stop_those_who_share
from tests.outreach.messaging import NOON, active_version, gateway, journey, planned, somebody

WRITTEN = ["bot", "sms", "email", "push", "inbox", "popup"]
"""What a STOP ends."""
pytestmark = pytest.mark.django_db


@pytest.fixture
def message(sandbox):
    """A message the SMS gateway has taken."""
    gateway(Channel.SMS, url=f"{sandbox.url}/gateways/sms")
    planned(somebody(), active_version())
    sending.send_while_due(clock=lambda: NOON, seconds=30)
    found = Message.objects.get()
    assert found.state == "sent"
    return found


def body_of(message, event, *, receipt_id="r1", **fields):
    receipt = {"receipt_id": receipt_id, "message_id": str(message.wire_id), "event": event, "at": NOON.isoformat()}
    return json.dumps(receipt | fields).encode()


def call(body, *, secret, gateway="sms", seconds=0, **headers):
    """The call as the gateway makes it, `seconds` away from now."""
    timestamp = int((clock.now() + timedelta(seconds=seconds)).timestamp())
    signed = {
        TIMESTAMP_HEADER: str(timestamp),
        SIGNATURE_HEADER: signature_of(secret=secret, timestamp=timestamp, body=body),
    }
    return Client().post(
        reverse("gateway_receipt", args=[gateway]), body, content_type="application/json", headers=signed | headers
    )


def told(message, event, *, secret, receipt_id=None, **fields):
    return call(body_of(message, event, receipt_id=receipt_id or f"r-{event}", **fields), secret=secret)


def fresh(message):
    message.refresh_from_db()
    return message


def test_walks_from_delivered_over_read_to_replied(message, secrets):
    answers = [told(message, event, secret=secrets, text="ok thanks") for event in ("delivered", "read", "replied")]
    assert [answer.json()["outcome"] for answer in answers] == ["applied"] * 3
    assert journey(fresh(message))[2:] == ["sent", "delivered", "read", "replied"]
    facts = ContactEntry.objects.filter(message_id=message.pk).order_by("sequence").values_list("code", flat=True)
    assert list(facts) == ["", "S-SENT", "S-DELIVERED", "S-READ", "S-REPLIED"]
    reply = message.replies.get()
    assert (text_of(reply, "text"), reply.state, reply.borrower_id) == ("ok thanks", "open", message.borrower_id)
    assert not ConsentEntry.objects.exists()
    assert OutboxEvent.objects.filter(payload__state="replied").count() == 1


def test_a_receipt_that_comes_too_late_changes_nothing_and_is_kept(message, secrets):
    told(message, "read", secret=secrets)
    assert told(message, "delivered", secret=secrets).json()["outcome"] == "late"
    assert fresh(message).state == "read"
    assert GatewayReceipt.objects.count() == 2


def test_the_same_receipt_again_is_answered_and_does_nothing_again(message, secrets):
    body = body_of(message, "delivered")
    first, second = call(body, secret=secrets), call(body, secret=secrets)
    assert (first.status_code, first.json()["is_new"]) == (200, True)
    assert (second.status_code, second.json()["is_new"]) == (200, False)
    assert GatewayReceipt.objects.count() == 1
    assert journey(fresh(message)).count("delivered") == 1


def test_another_receipt_under_a_used_id_is_a_conflict(message, secrets):
    call(body_of(message, "delivered"), secret=secrets)
    answer = call(body_of(message, "read"), secret=secrets)
    assert (answer.status_code, answer.json()["code"]) == (409, "outreach.receipt_conflicts")
    assert fresh(message).state == "delivered"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"secret": "another secret of thirty-two characters"}, "outreach.webhook_forged"),
        ({SIGNATURE_HEADER: "v1=00"}, "outreach.webhook_forged"),
        ({SIGNATURE_HEADER: "v1=\u00e9"}, "outreach.webhook_forged"),
        ({TIMESTAMP_HEADER: "soon"}, "outreach.webhook_forged"),
        ({TIMESTAMP_HEADER: "1"}, "outreach.webhook_forged"),
        ({"seconds": -301}, "outreach.webhook_stale"),
        ({"seconds": 302}, "outreach.webhook_stale"),
    ],
)
def test_refuses_a_forged_or_replayed_call_and_reads_nothing_of_it(message, secrets, change, code):
    answer = call(body_of(message, "replied", text="STOP"), **{"secret": secrets, **change})
    assert (answer.status_code, answer.json()["code"]) == (401, code)
    assert answer.json()["next_step"]
    assert fresh(message).state == "sent"
    assert not GatewayReceipt.objects.exists()
    assert not ConsentEntry.objects.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", ""),
        (b"[]", ""),
        (b"{", ""),
        (b'{"receipt_id": 1}', "receipt_id"),
        (b'{"receipt_id": "r", "message_id": "x"}', "message_id"),
        (b'{"receipt_id": "r", "message_id": "00000000-0000-0000-0000-000000000000", "event": "x"}', "event"),
        (
            b'{"receipt_id": "r", "message_id": "00000000-0000-0000-0000-000000000000", "event": "read", "at": "x"}',
            "at",
        ),
        (
            b'{"receipt_id": "r", "message_id": "00000000-0000-0000-0000-000000000000", "event": "read",'
            b' "at": "2026-03-17T04:00:00"}',
            "at",
        ),
        (
            b'{"receipt_id": "r", "message_id": "00000000-0000-0000-0000-000000000000", "event": "read",'
            b' "at": "2099-03-17T04:00:00+00:00"}',
            "at",
        ),
    ],
)
def test_says_what_of_a_receipt_cannot_be_read(message, secrets, body, field):
    answer = call(body, secret=secrets)
    assert (answer.status_code, answer.json()["code"]) == (400, "outreach.receipt_not_readable")
    assert list(answer.json()["fields"]) == ([field] if field else [])
    assert not GatewayReceipt.objects.exists()


def test_knows_no_other_gateway_and_no_other_method(message, secrets):
    assert call(b"{}", secret=secrets, gateway="pigeon").json()["code"] == "outreach.gateway_not_found"
    assert Client().get(reverse("gateway_receipt", args=["sms"])).status_code == 405
    assert call(b"x" * 20_000, secret=secrets).status_code == 413


def test_keeps_a_receipt_of_a_message_nobody_has_and_of_another_gateways(message, secrets):
    gateway(Channel.PUSH, url="http://127.0.0.1:9/push")
    foreign = call(body_of(message, "delivered"), secret=secrets, gateway="push")
    assert foreign.json()["outcome"] == "unmatched"
    assert fresh(message).state == "sent"
    message.wire_id = "00000000-0000-0000-0000-000000000000"
    assert told(message, "delivered", secret=secrets).json()["outcome"] == "unmatched"


def test_a_bounce_marks_the_number_and_goes_on_by_the_next_channel(sandbox, secrets):
    gateway(Channel.SMS, url=f"{sandbox.url}/gateways/sms")
    active_version(Channel.INBOX)
    owner = somebody()
    message = planned(owner, active_version(), fallback=(Channel.INBOX,))
    sending.send_while_due(clock=lambda: NOON, seconds=30)
    Message.objects.update(send_before=clock.now() + timedelta(hours=1))
    told(message, "bounced", secret=secrets, code="invalid_number")
    assert (fresh(message).state, message.code) == ("failed", "invalid_number")
    assert owner.contact_points.get(kind="phone").quality == "bad"
    assert Message.objects.get(follows=message).channel == "inbox"
    codes = ContactEntry.objects.filter(message_id=message.pk).values_list("code", flat=True)
    assert set(codes) == {"", "S-SENT", "S-BOUNCED"}


@pytest.mark.parametrize("text", ["STOP.", "stop", "Opt out!", "ＳＴＯＰ", "退订", "TD", "取消", " Unsubscribe "])
def test_a_stop_in_any_writing_takes_effect_at_once_and_is_confirmed_once(message, secrets, text):
    version = active_version(body="You get no more messages. {lender}", code="opt_out_confirmed", purpose=Purpose.REPLY)
    told(message, "replied", secret=secrets, text=text, receipt_id="r1")
    said = ConsentEntry.objects.order_by("id").values_list("kind", "channel", "source")
    assert list(said) == [("opt_out", channel, "reply") for channel in WRITTEN]
    confirmation = Message.objects.get(template_version=version)
    assert confirmation.key == f"opt_out_confirmed:{message.borrower_id}:sms"
    told(message, "replied", secret=secrets, text=text, receipt_id="r2")
    assert Message.objects.filter(template_version=version).count() == 1
    reminder = planned(message.borrower, active_version(code="more"))
    sending.send_while_due(clock=lambda: NOON + timedelta(minutes=1), seconds=30)
    assert fresh(reminder).state == "blocked"


def test_the_one_word_back_after_a_stop_leaves_and_nothing_after_it(message, secrets):
    version = active_version(body="You get no more messages. {lender}", code="opt_out_confirmed", purpose=Purpose.REPLY)
    told(message, "replied", secret=secrets, text="STOP.")
    confirmation = Message.objects.get(template_version=version)
    assert ContactEntry.objects.filter(direction="in", channel="sms", borrower=message.borrower).count() == 1

    now = confirmation.send_after + timedelta(seconds=1)
    sending.send_while_due(clock=lambda: now, seconds=30)
    assert fresh(confirmation).state == "sent"
    second = planned(
        message.borrower,
        active_version(code="answer", purpose=Purpose.REPLY),
        purpose=Purpose.REPLY,
        send_after=now,
        send_before=now + timedelta(hours=1),
    )
    sending.send_while_due(clock=lambda: now + timedelta(seconds=1), seconds=30)
    assert (fresh(second).state, second.code) == ("blocked", "core.opt_out")


def test_an_opt_out_the_carrier_tells_of_counts_too(message, secrets):
    told(message, "failed", secret=secrets, code="recipient_opted_out")
    said = ConsentEntry.objects.order_by("id").values_list("kind", "channel", "source")
    assert list(said) == [("opt_out", channel, "carrier") for channel in WRITTEN]


def test_a_receipt_quicker_than_the_answer_is_taken(message, secrets):
    Message.objects.update(state="sending", lease_until=NOON + timedelta(minutes=2))
    told(message, "delivered", secret=secrets)
    assert fresh(message).state == "delivered"


def test_a_receipt_is_the_truth_about_a_message_given_up_for_never_sent(message, secrets):
    Message.objects.update(state="stopped", code="paid")
    assert told(message, "delivered", secret=secrets).json()["outcome"] == "applied"
    assert fresh(message).state == "delivered"


def test_receipts_cannot_be_edited(message, secrets):
    told(message, "delivered", secret=secrets)
    with pytest.raises(IntegrityError, match="never changed or deleted"), transaction.atomic():
        connection.cursor().execute("DELETE FROM outreach_gatewayreceipt")


def test_words_of_a_message_are_sealed_anew_when_the_keys_change(message, secrets, settings):
    told(message, "replied", secret=secrets, text="ok thanks", **{"from": "+8613800000000"})
    old = settings.FIELD_KEYS
    new = f"2027:{base64.b64encode(bytes([7]) * 32).decode()}"
    settings.FIELD_KEYS = f"{new},{old}"
    list(rotate(actor=SYSTEM))
    settings.FIELD_KEYS = new
    reply = message.replies.get()
    assert (text_of(reply, "text"), text_of(reply, "sender")) == ("ok thanks", "+8613800000000")
    fresh(message)
    assert "¥1,100.16" in text_of(message, "text")
    assert read_variables(text_of(message, "variables"))["amount"] == "CNY 1100.16"
    assert AuditEntry.objects.get(verb="customers.keys.rotated").after["further rows"] == 2


def test_a_stop_before_a_long_quoted_message_is_heard(message, secrets):
    quoted = "\n".join(f"> line {number} of what you wrote to me" for number in range(150))
    answer = told(message, "replied", secret=secrets, text=f"STOP\n{quoted}")
    assert answer.status_code == 200
    assert ConsentEntry.objects.filter(borrower=message.borrower, kind="opt_out").exists()


def test_whoever_shares_the_phone_that_a_carrier_stopped_is_stopped_too(message, secrets):
    owner, shares = message.borrower, somebody()
    phone = owner.contact_points.get(kind="phone")
    shares.contact_points.filter(kind="phone").update(digest=phone.digest, value=phone.value)
    told(message, "failed", secret=secrets, code="recipient_opted_out")
    assert not ConsentEntry.objects.filter(borrower=shares).exists()
    assert OutboxEvent.objects.get(event=SHARED).payload == {"message_id": message.pk}

    assert [stop_those_who_share(message_id=message.pk) for _ in range(2)] == [1, 0]

    stopped = ConsentEntry.objects.filter(borrower=shares, kind="opt_out").values_list("channel", flat=True)
    assert sorted(stopped) == sorted(WRITTEN)
