"""Replies: STOP takes effect everywhere and at once, nothing goes around it, and whatever else is said is kept."""

import json
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from backoffice.audit.models import AuditEntry
from backoffice.calendars import clock
from backoffice.core.actors import SYSTEM, Actor
from backoffice.customers.fields import text_of
from backoffice.customers.models import ContactPoint
from backoffice.customers.services import place_hold
from backoffice.customers.services.personal_data import ReasonMissing
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.consents import Standing
from backoffice.outreach.domain.handover import Answer, Outcome
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.domain.verdicts import Wanted
from backoffice.outreach.models import ConsentEntry, ContactEntry, GatewayReceipt, Message, Reply
from backoffice.outreach.selectors.consent_history import consents_of
from backoffice.outreach.selectors.gate import may_contact
from backoffice.outreach.services import sending
from backoffice.outreach.services.consents import opt_in
from backoffice.outreach.services.dealing import NoteMissing, ReplyDealtWith, deal_with, reveal_reply
from backoffice.sandbox import receipts
from backoffice.sandbox.ledger import Accepted, Step
from tests.outreach.messaging import NOON, active_version, gateway, journey, planned, somebody
from tests.outreach.test_services_receipts import WRITTEN, body_of, call

pytestmark = pytest.mark.django_db
ADA = Actor(kind="staff", id=7, name="Ada")


@pytest.fixture
def push(sandbox):
    """A push that was sent, and gateways for it, SMS and the inbox."""
    for channel in (Channel.PUSH, Channel.SMS):
        gateway(channel, url=f"{sandbox.url}/gateways/{channel.value}")
    gateway(Channel.INBOX)
    message = planned(somebody(), active_version(Channel.PUSH))
    send(NOON)
    message.refresh_from_db()
    assert message.state == "sent"
    return message


def send(at):
    sending.send_while_due(clock=lambda: at, seconds=30)


def told(message, event, *, secret, receipt_id="r1", **fields):
    """What the message's own gateway tells of it."""
    return call(body_of(message, event, receipt_id=receipt_id, **fields), secret=secret, gateway=message.channel)


def wrote(text, *, secret, sender, receipt_id="r1", gateway="sms", **fields):
    """A reply that answers no message of ours."""
    body = {"receipt_id": receipt_id, "event": "replied", "at": NOON.isoformat(), "text": text, "from": sender}
    return call(json.dumps(body | fields).encode(), secret=secret, gateway=gateway)


def stopped(borrower):
    said = ConsentEntry.objects.filter(borrower=borrower, kind="opt_out").order_by("id")
    return list(said.values_list("channel", flat=True))


def allowed(borrower, channel, *, endpoint=None, at=NOON):
    wanted = Wanted(
        borrower_id=borrower.pk,
        channel=channel,
        purpose=Purpose.REMINDER,
        at=at,
        endpoint_id=endpoint and endpoint.pk,
    )
    denials = may_contact(wanted=wanted).denials
    return "core.opt_out" not in {denial.rule for denial in denials}


def test_a_stop_to_a_push_ends_everything_that_is_written_and_goes_on_by_no_other_channel(push, secrets):
    owner = push.borrower
    active_version(Channel.SMS, code="next")
    follower = planned(owner, active_version(Channel.PUSH, code="next"), fallback=(Channel.SMS, Channel.INBOX))
    told(push, "replied", secret=secrets, text="STOP")
    send(NOON + timedelta(minutes=17))
    follower.refresh_from_db()
    assert journey(follower) == ["planned", "blocked core.opt_out"]
    assert not Message.objects.filter(follows=follower).exists()
    assert stopped(owner) == WRITTEN
    later = NOON + timedelta(days=1)
    assert [channel for channel in Channel if allowed(owner, channel, at=later)] == [Channel.CALL, Channel.LETTER]


def test_words_about_any_contact_forbid_calls_by_people_too(push, secrets):
    told(push, "replied", secret=secrets, text="Do not contact me")
    assert [channel for channel in Channel if allowed(push.borrower, channel)] == [Channel.LETTER]


def test_says_in_which_words_and_is_taken_back_channel_by_channel(push, secrets):
    told(push, "replied", secret=secrets, text="Please stop texting me!")
    said = consents_of(borrower_id=push.borrower_id, at=NOON)
    assert {one.channel for one in said} == set(WRITTEN)
    assert {(one.evidence, one.source_label) for one in said} == {("Please stop texting me!", "in reply to a message")}
    opt_in(
        borrower_id=push.borrower_id,
        channel=Channel.EMAIL,
        source="call",
        evidence="by mail, please",
        actor=ADA,
        at=NOON,
    )
    said = consents_of(borrower_id=push.borrower_id, at=NOON)
    in_force = {one.channel for one in said if one.standing is Standing.IN_FORCE}
    assert in_force == set(WRITTEN) - {"email"}
    told(push, "replied", secret=secrets, text="STOP", receipt_id="again")
    assert stopped(push.borrower) == [*WRITTEN, "email"]


def test_a_second_stop_adds_nothing_where_nothing_was_open(push, secrets):
    told(push, "replied", secret=secrets, text="STOP", receipt_id="r1")
    told(push, "replied", secret=secrets, text="stop please", receipt_id="r2")
    assert stopped(push.borrower) == WRITTEN
    assert Reply.objects.filter(borrower=push.borrower, state="done").count() == 2


def test_the_log_says_that_it_was_a_stop(push, secrets):
    told(push, "replied", secret=secrets, text="退訂")
    facts = ContactEntry.objects.filter(message_id=push.pk).order_by("sequence").values_list("code", flat=True)
    assert list(facts) == ["", "S-SENT", "S-OPTED-OUT"]
    inbound = ContactEntry.objects.get(borrower=push.borrower, direction="in")
    assert (inbound.code, inbound.channel) == ("S-OPTED-OUT", "push")


def test_a_stop_after_another_answer_is_still_told_to_the_log(push, secrets):
    told(push, "replied", secret=secrets, text="ok", receipt_id="r1")
    assert told(push, "replied", secret=secrets, text="STOP", receipt_id="r2").json()["outcome"] == "late"
    facts = ContactEntry.objects.filter(message_id=push.pk, kind="delivery").order_by("sequence")
    assert list(facts.values_list("code", flat=True)) == ["S-SENT", "S-REPLIED", "S-OPTED-OUT"]
    assert stopped(push.borrower) == WRITTEN


@pytest.mark.parametrize("event", ["failed", "delivered"])
def test_an_opt_out_at_the_carrier_stops_everything_and_goes_on_by_no_other_channel(push, secrets, event):
    Message.objects.update(fallback=["inbox"], send_before=clock.now() + timedelta(hours=1))
    active_version(Channel.INBOX)
    told(push, event, secret=secrets, code="recipient_opted_out")
    assert stopped(push.borrower) == WRITTEN
    assert not Message.objects.filter(follows=push).exists()


def test_a_gateway_that_refuses_who_opted_out_at_the_carrier_stops_everything(sandbox, secrets, monkeypatch):
    gateway(Channel.SMS, url=f"{sandbox.url}/gateways/sms")
    active_version(Channel.INBOX)
    message = planned(somebody(), active_version(), fallback=(Channel.INBOX,))
    refusal = Answer(outcome=Outcome.REFUSED, code="recipient_opted_out")
    monkeypatch.setattr(sending, "_hand_over", lambda *_given: refusal)
    send(NOON)
    message.refresh_from_db()
    assert (message.state, message.code) == ("failed", "recipient_opted_out")
    assert stopped(message.borrower) == WRITTEN
    assert not Message.objects.filter(follows=message).exists()


def test_a_hold_or_a_cap_is_not_gone_around_by_the_next_channel(push):
    owner = somebody()
    active_version(Channel.INBOX)
    place_hold(
        borrower_id=owner.pk,
        reason="dispute",
        note="says it is paid",
        start=NOON.date(),
        end_exclusive=NOON.date() + timedelta(days=30),
        actor=ADA,
    )
    held = planned(owner, active_version(), fallback=(Channel.INBOX,))
    send(NOON)
    held.refresh_from_db()
    assert (held.state, held.code) == ("blocked", "core.hold.dispute")
    assert not Message.objects.filter(follows=held).exists()


def test_a_notice_required_by_law_goes_on_to_the_channel_that_is_left(push, secrets):
    told(push, "replied", secret=secrets, text="STOP")
    active_version(Channel.LETTER, code="notice", purpose=Purpose.NOTICE)
    version = active_version(Channel.SMS, code="notice", purpose=Purpose.NOTICE)
    notice = planned(push.borrower, version, purpose=Purpose.NOTICE, fallback=(Channel.LETTER,))
    send(NOON + timedelta(minutes=1))
    assert Message.objects.get(follows=notice).channel == "letter"


# ---------------------------------------------------------------------------------------------- whose reply it is


def test_a_stop_that_answers_nothing_is_taken_for_everybody_with_the_number(push, secrets):
    active_version(body="You get no more. {lender}", code="opt_out_confirmed", purpose=Purpose.REPLY)
    both = [somebody(phones=("13800138000",)), somebody(phones=("+86 138-0013-8000",))]
    other, former = somebody(), somebody(phones=("13800138000",))
    former.contact_points.filter(kind="phone").update(quality=ContactPoint.Quality.WRONG_PERSON)
    answer = wrote("STOP!", secret=secrets, sender="+8613800138000")
    assert (answer.status_code, answer.json()["outcome"]) == (200, "applied")
    assert [stopped(one) for one in (*both, other, former)] == [WRITTEN, WRITTEN, [], []]
    assert list(Reply.objects.order_by("borrower_id").values_list("borrower_id", "state")) == [
        (one.pk, "done") for one in both
    ]
    log = ContactEntry.objects.filter(direction="in", code="S-OPTED-OUT", channel="sms")
    assert {entry.endpoint_id for entry in log} == {one.contact_points.get(kind="phone").pk for one in both}
    confirmation = Message.objects.get(source="opt_out_confirmed")
    assert confirmation.borrower == both[0]
    send(confirmation.send_after + timedelta(seconds=1))
    confirmation.refresh_from_db()
    assert confirmation.state == "sent"


def test_an_address_is_matched_in_any_case_by_the_gateway_of_any_channel(push, secrets):
    gateway(Channel.EMAIL)
    owner = somebody(emails=("ada@example.org",))
    wrote("unsubscribe me", secret=secrets, sender="ADA@Example.org", gateway="email")
    assert stopped(owner) == WRITTEN


def test_a_stop_to_a_message_is_taken_for_everybody_with_its_number(sandbox, secrets):
    gateway(Channel.SMS, url=f"{sandbox.url}/gateways/sms")
    owner, partner = somebody(phones=("13800138000",)), somebody(phones=("13800138000",))
    message = planned(owner, active_version())
    send(NOON)
    message.refresh_from_db()
    told(message, "replied", secret=secrets, text="I am not he", receipt_id="r1")
    assert list(Reply.objects.values_list("borrower_id", flat=True)) == [owner.pk]
    told(message, "replied", secret=secrets, text="STOP", receipt_id="r2")
    assert [stopped(owner), stopped(partner)] == [WRITTEN, WRITTEN]
    told_of = Reply.objects.exclude(stop_words="").order_by("borrower_id")
    assert list(told_of.values_list("borrower_id", "message_id")) == [(owner.pk, message.pk), (partner.pk, None)]


@pytest.mark.parametrize("sender", ["+8613911112222", "10690", "nobody@example.org"])
def test_what_matches_nobody_is_kept_for_people_to_read(push, secrets, sender):
    answer = wrote("STOP", secret=secrets, sender=sender)
    assert answer.json()["outcome"] == "unmatched"
    reply = Reply.objects.get()
    assert (reply.borrower, reply.message, reply.state, reply.stop_words) == (None, None, "open", "STOP")
    assert (text_of(reply, "sender"), text_of(reply, "text")) == (sender, "STOP")
    assert sender not in reply.sender_masked
    assert not ConsentEntry.objects.exists()


def test_a_reply_to_a_message_nobody_has_is_kept_too(push, secrets):
    push.wire_id = uuid4()
    assert told(push, "replied", secret=secrets, text="who are you?").json()["outcome"] == "unmatched"
    assert Reply.objects.get().borrower is None


def test_the_same_receipt_again_is_kept_once(push, secrets):
    for _time in range(2):
        assert wrote("hello", secret=secrets, sender="+8613911112222").status_code == 200
    assert (Reply.objects.count(), GatewayReceipt.objects.count()) == (1, 1)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"from": ""}, "message_id"),
        ({"event": "delivered"}, "message_id"),
        ({"from": 5}, "from"),
        ({"from": "1" * 255}, "from"),
    ],
)
def test_a_receipt_names_its_message_unless_it_is_a_reply_that_names_its_sender(push, secrets, fields, field):
    answer = wrote("STOP", secret=secrets, sender="+8613911112222", **fields)
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == [field]


def test_the_sandbox_says_who_wrote():
    accepted = Accepted(gateway="sms", message_id="m", reference="r", to="+8613800138000", body="", at=0)
    bodies = [json.loads(receipts._body(accepted, Step(event, 1))) for event in ("replied", "delivered")]
    assert [body.get("from") for body in bodies] == ["+8613800138000", None]
    of_push = replace(accepted, gateway="push", to="M-1")
    assert "from" not in json.loads(receipts._body(of_push, Step("replied", 1)))


# ------------------------------------------------------------------------------------------------ what people do


def reply_to(message, secrets, text="Who is this?"):
    told(message, "replied", secret=secrets, text=text)
    return Reply.objects.get()


def test_is_revealed_for_a_reason_that_the_trail_keeps_without_the_words(push, secrets):
    reply = reply_to(push, secrets)
    shown = reveal_reply(reply_id=reply.pk, reason="borrower calls", actor=ADA)
    assert (shown.text, shown.sender) == ("Who is this?", "")
    look = AuditEntry.objects.get(verb="outreach.reply.revealed")
    assert (look.actor_name, look.reason, look.borrower_id) == ("Ada", "borrower calls", push.borrower_id)
    assert "Who is this" not in str(look.after)
    with pytest.raises(ReasonMissing):
        reveal_reply(reply_id=reply.pk, reason=" ", actor=ADA)


def test_is_done_once_with_a_note(push, secrets):
    reply = reply_to(push, secrets)
    with pytest.raises(NoteMissing):
        deal_with(reply_id=reply.pk, note=" ", actor=ADA, at=NOON)
    deal_with(reply_id=reply.pk, note="called back", actor=ADA, at=NOON)
    reply.refresh_from_db()
    assert (reply.state, reply.note, reply.done_by_name, reply.done_at) == ("done", "called back", "Ada", NOON)
    assert AuditEntry.objects.get(verb="outreach.reply.dealt_with").reason == "called back"
    with pytest.raises(ReplyDealtWith):
        deal_with(reply_id=reply.pk, note="me too", actor=SYSTEM, at=NOON)
