"""Messages leave through the sandbox's gateways: once each, judged as they leave, and truthfully when nobody knows."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest

from backoffice.audit.models import OutboxEvent
from backoffice.core.actors import SYSTEM
from backoffice.customers.fields import seal_of, text_of
from backoffice.customers.models import ContactPoint
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.models import BlockedContact, ContactEntry, Gateway, Message, PrintFile
from backoffice.outreach.services import resolving, sending
from backoffice.outreach.services.consents import opt_out
from backoffice.outreach.services.messages import plan_messages
from tests.outreach.messaging import NOON, active_version, gateway, journey, planned, somebody, wish

pytestmark = pytest.mark.django_db


def send(at=NOON):
    """One run of the sender at a moment."""
    return sending.send_while_due(clock=lambda: at, seconds=30)


def resolve(at):
    """One round of questions at a moment."""
    return resolving.resolve(clock=lambda: at)


def fresh(message):
    message.refresh_from_db()
    return message


def sms(sandbox, **fields):
    return gateway(Channel.SMS, url=f"{sandbox.url}/gateways/sms", **fields)


def facts(message):
    """What the contact log says of a message."""
    rows = ContactEntry.objects.filter(message_id=message.pk).order_by("sequence")
    return [row.code or row.kind for row in rows]


def test_sends_what_is_due_and_writes_down_who_took_it(sandbox):
    owner, way = somebody(), sms(sandbox)
    message = planned(owner, active_version(), send_after=NOON)
    later = planned(owner, active_version(code="later"), send_after=NOON + timedelta(hours=1))
    assert send() == 1
    fresh(message)
    assert (message.state, message.gateway, message.sent_at) == ("sent", way, NOON)
    assert message.gateway_reference == f"sms-{str(message.wire_id)[:13]}"
    assert (message.units, message.cost, message.tries) == (1, Decimal("0.0450"), 1)
    assert journey(message) == ["planned", "sending", "sent"]
    assert facts(message) == ["attempt", "S-SENT"]
    text = json.loads(text_of(message, "text"))["body"]
    assert text == "Hello Ada Lovelace, your bill of ¥1,100.16 is due on 20 Mar 2026. Backoffice"
    (delivered,) = sandbox.ledger.all(gateway="sms")
    assert (delivered.message_id, delivered.body) == (str(message.wire_id), text)
    assert delivered.to == text_of(owner.contact_points.get(kind="phone"), "value")
    assert OutboxEvent.objects.filter(event="outreach.message.moved", payload__message_id=message.pk).count() == 1
    assert fresh(later).state == "planned"


def test_sends_nothing_twice_however_often_the_sender_runs(sandbox):
    sms(sandbox)
    sandbox.script.change(gateway="sms", changes={"is_forgetful": True})
    for _ in range(3):
        planned(somebody(), active_version(code=f"t{_}"))
    assert [send(), send(), send()] == [3, 0, 0]
    assert len(sandbox.ledger.all(gateway="sms")) == 3


def test_is_judged_as_it_leaves_and_blocked_for_good_by_an_opt_out(sandbox):
    sms(sandbox)
    owner = somebody()
    message = planned(owner, active_version())
    opt_out(borrower_id=owner.pk, channel=Channel.SMS, source="reply", actor=SYSTEM, at=NOON)
    send()
    assert fresh(message).state == "blocked"
    assert BlockedContact.objects.get().message_id == message.pk
    assert message.code in BlockedContact.objects.get().rules
    assert sandbox.ledger.all(gateway="sms") == []
    assert facts(message) == []


def test_waits_for_the_permitted_time_of_the_borrower(sandbox):
    sms(sandbox)
    night = NOON.replace(hour=20)  # four in the morning in China
    message = planned(somebody(), active_version(), send_after=night, send_before=night + timedelta(hours=12))
    send(at=night)
    fresh(message)
    assert message.state == "planned"
    assert night < message.send_after < message.send_before
    assert journey(message)[1].startswith("planned ")
    send(at=message.send_after)
    assert fresh(message).state == "sent"


def test_goes_on_by_the_next_channel_when_its_own_is_closed(sandbox):
    sms(sandbox)
    gateway(Channel.PUSH, url=f"{sandbox.url}/gateways/push")
    owner = somebody(phones=())
    active_version(Channel.PUSH)
    message = planned(owner, active_version(), fallback=(Channel.EMAIL, Channel.PUSH), source="plan:1", key="k")
    send()
    assert (fresh(message).state, message.code) == ("blocked", "no_endpoint")
    following = Message.objects.get(follows=message)
    assert (following.channel, following.key, following.source, following.fallback) == ("push", "k>push", "plan:1", [])
    assert following.state == "sent"
    assert sandbox.ledger.all(gateway="push")[0].to == owner.external_id
    assert send() == 0


def test_sends_nothing_to_a_number_that_is_no_number(sandbox):
    sms(sandbox)
    owner = somebody()
    point = owner.contact_points.get(kind="phone")
    point.value = seal_of(ContactPoint, "value", "12")
    point.save()
    message = planned(owner, active_version())
    send()
    assert (fresh(message).state, message.code) == ("blocked", "bad_number")
    assert sandbox.ledger.all(gateway="sms") == []


def test_fails_where_the_gateway_refuses_and_marks_the_number(sandbox):
    sms(sandbox)
    sandbox.script.change(gateway="sms", changes={"refuse": 1})
    owner = somebody()
    message = planned(owner, active_version())
    send()
    assert (fresh(message).state, message.code) == ("failed", "invalid_number")
    assert facts(message) == ["attempt", "S-FAILED"]
    assert owner.contact_points.get(kind="phone").quality == "bad"
    again = planned(owner, active_version(code="again"))
    send()
    assert (fresh(again).state, again.code) == ("blocked", "no_endpoint")


@pytest.mark.parametrize(("trouble", "code"), [("busy", "too_many"), ("gone", "no_connection")])
def test_waits_and_tries_again_what_certainly_did_not_leave(sandbox, trouble, code):
    way = sms(sandbox)
    if trouble == "gone":
        Gateway.objects.filter(pk=way.pk).update(url="http://127.0.0.1:9/gateways/sms")
    else:
        sandbox.script.change(gateway="sms", changes={trouble: 1})
    message = planned(somebody(), active_version())
    send()
    fresh(message)
    assert (message.state, message.code, message.send_after) == ("planned", code, NOON + timedelta(seconds=5))
    assert facts(message) == ["attempt", "S-FAILED"]
    Gateway.objects.filter(pk=way.pk).update(url=f"{sandbox.url}/gateways/sms")
    send(at=message.send_after)
    assert journey(fresh(message)) == ["planned", "sending", f"planned {code}", "sending", "sent"]
    assert len(sandbox.ledger.all(gateway="sms")) == 1


@pytest.mark.parametrize("trouble", ["drop_after", "drop_before", "broken"])
def test_asks_about_what_is_unknown_and_never_sends_it_blindly(sandbox, trouble):
    sms(sandbox)
    sandbox.script.change(gateway="sms", changes={trouble: 1, "is_forgetful": True})
    message = planned(somebody(), active_version())
    send()
    assert fresh(message).state == "unknown"
    assert send(at=NOON + timedelta(minutes=5)) == 0
    assert resolve(NOON + timedelta(seconds=9)) == 0
    resolve(NOON + timedelta(seconds=10))
    fresh(message)
    if trouble == "drop_after":
        assert message.state == "delivered"
    else:
        assert (message.state, message.code) == ("planned", "never_received")
        send(at=NOON + timedelta(seconds=11))
        assert fresh(message).state == "sent"
    assert len(sandbox.ledger.all(gateway="sms")) == 1
    assert sandbox.ledger.repeats == []


def test_leaves_unknown_what_the_gateway_cannot_tell_of_and_asks_again_later(sandbox):
    way = sms(sandbox)
    sandbox.script.change(gateway="sms", changes={"drop_after": 1})
    message = planned(somebody(), active_version())
    send()
    Gateway.objects.filter(pk=way.pk).update(url="http://127.0.0.1:9/gateways/sms")
    at = NOON + timedelta(seconds=10)
    resolve(at)
    fresh(message)
    assert (message.state, message.looks, message.look_at) == ("unknown", 1, at + timedelta(seconds=30))
    Gateway.objects.filter(pk=way.pk).update(url=f"{sandbox.url}/gateways/sms")
    resolve(message.look_at)
    assert fresh(message).state == "delivered"


def test_a_message_whose_sender_went_silent_becomes_unknown_and_is_asked_about(sandbox):
    way = sms(sandbox)
    message = planned(somebody(), active_version())
    (claimed,) = sending.claim(gateway=way, at=NOON)
    outgoing = sending.let_out(
        message_id=claimed.message_id, borrower_id=claimed.borrower_id, gateway=way, at=NOON, lease=sending.LEASE
    )
    assert outgoing is not None
    assert fresh(message).state == "sending"
    over = NOON + sending.LEASE
    assert send(at=over) == 0
    resolve(over)
    assert (fresh(message).state, message.code) == ("unknown", "sender_gone")
    resolve(over + timedelta(seconds=10))
    send(at=over + timedelta(seconds=11))
    assert journey(fresh(message)) == [
        "planned", "sending", "unknown sender_gone", "planned never_received", "sending", "sent",
    ]  # fmt: skip
    assert facts(message) == ["attempt", "S-UNKNOWN", "S-FAILED", "attempt", "S-SENT"]


def test_a_claim_of_a_worker_that_died_runs_out(sandbox):
    way = sms(sandbox)
    message = planned(somebody(), active_version())
    assert len(sending.claim(gateway=way, at=NOON)) == 1
    assert send() == 0
    assert send(at=NOON + sending.LEASE) == 1
    assert fresh(message).state == "sent"


def test_lets_no_more_through_than_the_gateway_takes(sandbox):
    sms(sandbox, per_second=2, burst=3, tokens=3)
    plan_messages(planned=[wish(somebody(), active_version(code=f"c{n}")) for n in range(8)], actor=SYSTEM)
    assert [send(), send(), send(at=NOON + timedelta(seconds=1)), send(at=NOON + timedelta(minutes=1))] == [3, 0, 2, 3]


def test_sends_nothing_through_a_paused_gateway_and_takes_the_next_in_order(sandbox):
    first = sms(sandbox, code="sms-first", is_paused=True, paused_reason="complaints")
    message = planned(somebody(), active_version())
    assert send() == 0
    second = sms(sandbox, rank=2)
    assert send() == 1
    assert fresh(message).gateway == second != first


def test_expires_what_was_not_sent_in_its_time(sandbox):
    sms(sandbox)
    message = planned(somebody(), active_version(), send_before=NOON + timedelta(hours=1))
    assert send(at=NOON + timedelta(hours=1)) == 0
    assert journey(fresh(message)) == ["planned", "expired too_late"]


def test_mail_goes_by_smtp_with_its_id_and_can_be_refused(sandbox):
    gateway(Channel.EMAIL, url=f"{sandbox.url}/gateways/email")
    owner, other = somebody(), somebody(emails=("nobody@example.org",))
    version = active_version(Channel.EMAIL)
    good, bad = planned(owner, version), planned(other, version)
    send()
    assert fresh(good).state == "sent"
    (mail,) = sandbox.ledger.all(gateway="email")
    assert (mail.message_id, mail.to) == (str(good.wire_id), text_of(owner.contact_points.get(kind="email"), "value"))
    assert mail.body.startswith("Your bill\n\nHello Ada Lovelace")
    assert (fresh(bad).state, bad.code) == ("failed", "unknown_mailbox")
    assert other.contact_points.get(kind="email").quality == "bad"


def test_mail_that_was_cut_off_is_unknown_and_asked_about(sandbox):
    gateway(Channel.EMAIL, url=f"{sandbox.url}/gateways/email")
    sandbox.script.change(gateway="email", changes={"drop_after": 1})
    message = planned(somebody(), active_version(Channel.EMAIL))
    send()
    assert fresh(message).state == "unknown"
    resolve(NOON + timedelta(seconds=10))
    assert fresh(message).state == "delivered"
    assert len(sandbox.ledger.all(gateway="email")) == 1


def test_mail_of_a_server_that_cannot_be_asked_stays_unknown_until_a_person_decides(sandbox):
    gateway(Channel.EMAIL)
    sandbox.script.change(gateway="email", changes={"drop_after": 1})
    message = planned(somebody(), active_version(Channel.EMAIL))
    send()
    assert resolve(NOON + timedelta(days=1)) == 0
    assert fresh(message).state == "unknown"
    resolving.decide_unknown(
        message_id=message.pk, borrower_id=message.borrower_id, arrived=True, reason="seen", actor=SYSTEM, at=NOON
    )
    assert fresh(message).state == "sent"
    with pytest.raises(resolving.MessageNotUnknown):
        resolving.decide_unknown(
            message_id=message.pk, borrower_id=message.borrower_id, arrived=True, reason="seen", actor=SYSTEM, at=NOON
        )


def test_what_stays_in_the_house_is_sent_with_the_transaction_that_judges_it(sandbox):
    gateway(Channel.INBOX)
    message = planned(somebody(), active_version(Channel.INBOX))
    assert send() == 1
    assert journey(fresh(message)) == ["planned", "sending", "sent"]


def test_letters_leave_in_one_print_file_that_is_sealed(sandbox):
    gateway(Channel.LETTER)
    owners = [somebody() for _ in range(2)]
    for owner in owners:
        ContactPoint.objects.create(
            borrower=owner, kind="address", value=_sealed("1 Sandbox Street"), masked="•", quality="good"
        )
    messages = [planned(owner, active_version(Channel.LETTER, code=f"l{owner.pk}")) for owner in owners]
    send()
    made = PrintFile.objects.get()
    lines = [json.loads(line) for line in text_of(made, "content").splitlines()]
    assert [line["address"] for line in lines] == ["1 Sandbox Street"] * 2
    assert {line["message_id"] for line in lines} == {str(message.wire_id) for message in messages}
    assert {fresh(message).gateway_reference for message in messages} == {f"print-{made.pk}"}


def _sealed(text):
    return seal_of(ContactPoint, "value", text)
