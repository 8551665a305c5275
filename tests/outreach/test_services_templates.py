"""Templates: drafted, scanned, approved by a second person, put together from pieces, shipped in both languages."""

import pytest
from django.utils.translation import override

from backoffice.audit import approvals
from backoffice.audit.models import Approval, AuditEntry
from backoffice.core.actors import SYSTEM
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.elements import CHINESE, Element
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.models import Message, MessageTemplate, Piece, TemplateVersion
from backoffice.outreach.services import templates
from backoffice.outreach.services.checking import WordsRefused, sample_values
from backoffice.outreach.services.pieces import PieceNotFound, retire_piece, write_piece
from backoffice.outreach.services.previewing import preview_words
from backoffice.outreach.services.rendering import render
from backoffice.outreach.services.starting import load_starter
from backoffice.outreach.services.templates import TemplateNotFound, VersionNotInState, VersionStillOpen, Wording
from tests.outreach.messaging import journey, planned, somebody, template
from tests.staff.factories import actor, person

pytestmark = pytest.mark.django_db
ADA = actor("admin", actor_id=1, name="Ada")
GRACE = actor("compliance", actor_id=2, name="Grace")
LEAD = actor("team_lead", actor_id=3, name="Linus")
BODY = "{lender}: your bill of {amount} is due on {due_date}. Reply STOP to end."


def draft(body=BODY, *, channel=Channel.SMS, language="en", subject="", **fields):
    return templates.draft_version(
        template_id=template().pk,
        channel=channel,
        language=language,
        wording=Wording(subject=subject, body=body, **fields),
        actor=ADA,
    )


def approved(version, *, by=GRACE):
    request = templates.submit_version(version_id=version.pk, reason="new words", actor=ADA)
    approvals.approve(approval_id=request.pk, actor=by)
    version.refresh_from_db()
    return version


def test_two_people_make_a_version_and_it_replaces_the_one_before():
    first = approved(draft())
    assert (first.state, first.number, first.created_by_name, first.approved_by_name) == ("active", 1, "Ada", "Grace")
    assert first.variables == ["lender", "amount", "due_date"]
    message = planned(somebody(), first)
    second = approved(draft("{lender}: {amount} is due on {due_date}. Reply STOP to end."))
    first.refresh_from_db()
    assert (first.state, second.state, second.number) == ("retired", "active", 2)
    # What was planned with the words of yesterday is sent with them.
    message.refresh_from_db()
    assert message.state == "planned"
    verbs = AuditEntry.objects.filter(subject_type="outreach.template_version").order_by("id")
    assert [entry.verb.rpartition(".")[2] for entry in verbs] == [
        "drafted", "submitted", "approved", "drafted", "submitted", "replaced", "approved",
    ]  # fmt: skip


def test_nobody_approves_their_own_words_and_law_is_for_compliance():
    own = templates.submit_version(version_id=draft().pk, reason="words", actor=GRACE)
    with pytest.raises(approvals.OwnRequest):
        approvals.approve(approval_id=own.pk, actor=GRACE)
    approvals.approve(approval_id=own.pk, actor=LEAD)
    legal = draft("A late payment is told to the credit bureau. Reply STOP to end.", is_legal=True)
    request = templates.submit_version(version_id=legal.pk, reason="true", actor=ADA)
    assert request.verb == "outreach.template_version_legal"
    with pytest.raises(approvals.BeyondLimit):
        approvals.approve(approval_id=request.pk, actor=LEAD)
    approvals.approve(approval_id=request.pk, actor=GRACE)
    legal.refresh_from_db()
    assert legal.state == "active"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("Pay or we go to court", "“court”: Claims a court or proceedings"),
        ("We tell the credit bureau", "“credit bureau”: Says a consequence"),
    ],
)
def test_refuses_wording_of_the_list_when_it_is_submitted(body, said):
    version = draft(body)
    with pytest.raises(WordsRefused) as refusal:
        templates.submit_version(version_id=version.pk, reason="words", actor=ADA)
    assert refusal.value.fields["body"].startswith(said)
    version.refresh_from_db()
    assert version.state == "draft"
    assert not Approval.objects.exists()
    with override("zh-hans"), pytest.raises(WordsRefused) as refusal:
        templates.submit_version(version_id=version.pk, reason="words", actor=ADA)
    assert "声称法院" in refusal.value.message or "说明后果" in refusal.value.message


def test_refuses_a_text_message_that_does_not_say_how_to_opt_out():
    silent = "{lender}: your bill of {amount} is due on {due_date}."
    version = draft(silent)
    with pytest.raises(WordsRefused) as refusal:
        templates.submit_version(version_id=version.pk, reason="words", actor=ADA)
    assert refusal.value.fields["body"].startswith("a text message says how to opt out")
    assert not Approval.objects.exists()
    preview = preview_words(
        channel=Channel.SMS, language="en", wording=Wording(body=silent), user=person("admin"), purpose=Purpose.REMINDER
    )
    assert preview.faults["body"].startswith("a text message says how to opt out")
    # What is owed to the borrower needs no such line, and other channels have their own ways.
    for code, purpose, channel in (("law", Purpose.NOTICE, Channel.SMS), ("due_soon", Purpose.REMINDER, Channel.INBOX)):
        other = templates.draft_version(
            template_id=template(code, purpose).pk,
            channel=channel,
            language="en",
            wording=Wording(subject="Bill" if channel is Channel.INBOX else "", body=silent),
            actor=ADA,
        )
        assert approved(other).state == "active"


def test_the_request_shows_the_subject_beside_the_words():
    version = draft(BODY, channel=Channel.PUSH, subject="Your bill")
    request = templates.submit_version(version_id=version.pk, reason="words", actor=ADA)
    assert request.consequence.endswith(f"then says: Your bill | {BODY}")
    assert templates.consequence_of(request) == request.consequence


@pytest.mark.parametrize(
    ("channel", "subject", "body", "field", "said"),
    [
        (Channel.SMS, "", " ", "body", "write what is said"),
        (Channel.SMS, "", "{amuont} is due", "body", "{amuont}: there is no such variable"),
        (Channel.SMS, "", "{due date}", "body", "a brace stands alone"),
        (Channel.SMS, "Bill", BODY, "subject", "shows no subject"),
        (Channel.SMS, "", "您" * 403, "body", "takes more than six segments"),
        (Channel.PUSH, "", BODY, "subject", "shows a subject"),
        (Channel.PUSH, "Bill", "x" * 241, "body", "is longer than the channel shows"),
        (Channel.EMAIL, "x" * 151, BODY, "subject", "is longer than the channel shows"),
    ],
)
def test_refuses_words_the_channel_cannot_show(channel, subject, body, field, said):
    with pytest.raises(WordsRefused) as refusal:
        draft(body, channel=channel, subject=subject)
    assert said in refusal.value.fields[field]
    assert not TemplateVersion.objects.exists()


def test_one_version_in_the_making_for_each_channel_and_language():
    first = draft()
    with pytest.raises(VersionStillOpen):
        draft()
    assert draft(language=CHINESE).number == draft(channel=Channel.PUSH, subject="Bill").number == 1
    changed = templates.change_draft(version_id=first.pk, wording=Wording(body="{lender}: pay. Txt STOP."), actor=ADA)
    assert (changed.body, changed.variables) == ("{lender}: pay. Txt STOP.", ["lender"])
    templates.submit_version(version_id=first.pk, reason="words", actor=ADA)
    with pytest.raises(VersionNotInState):
        templates.change_draft(version_id=first.pk, wording=Wording(body="x"), actor=ADA)
    templates.take_back(version_id=first.pk, reason="typo", actor=ADA)
    assert Approval.objects.get().state == "withdrawn"
    templates.retire_version(version_id=first.pk, reason="no need", actor=ADA)
    with pytest.raises(TemplateNotFound):
        templates.retire_version(version_id=987654, reason="x", actor=ADA)


def test_retiring_a_version_stops_what_is_planned_with_it():
    version = approved(draft())
    message = planned(somebody(), version)
    assert templates.retire_version(version_id=version.pk, reason="wrong amount", actor=ADA) == 1
    assert journey(message) == ["planned", "stopped template_retired"]


def test_puts_a_text_together_from_pieces_of_the_library():
    greeting = write_piece(element=Element.GREETING, code="hello", language="en", text="Hello {name}.", actor=ADA)
    action = write_piece(element=Element.CALL_TO_ACTION, code="pay", language="en", text="Pay: {app_link}", actor=ADA)
    version = draft("", pieces=(action.pk, greeting.pk))
    assert version.body == "Hello {name}. Pay: {app_link}"
    assert version.pieces == [action.pk, greeting.pk]
    other = write_piece(element=Element.GREETING, code="hi", language="en", text="Hi.", actor=ADA)
    chinese = write_piece(element=Element.BENEFIT, code="b", language=CHINESE, text="您好", actor=ADA)
    for pieces in ((greeting.pk, other.pk), (chinese.pk,), (987654,)):
        with pytest.raises(WordsRefused) as refusal:
            templates.change_draft(version_id=version.pk, wording=Wording(pieces=pieces), actor=ADA)
        assert "pieces" in refusal.value.fields


def test_a_changed_piece_is_a_further_version_and_the_old_words_stay():
    first = write_piece(element=Element.GREETING, code="hello", language="en", text="Hello.", actor=ADA)
    version = draft("", pieces=(first.pk,))
    same = write_piece(element=Element.GREETING, code="hello", language="en", text=" Hello. ", actor=ADA)
    second = write_piece(element=Element.GREETING, code="hello", language="en", text="Good day.", actor=ADA)
    assert (same.pk, second.number) == (first.pk, 2)
    assert list(Piece.objects.filter(is_retired=False)) == [second]
    version.refresh_from_db()
    assert version.body == "Hello."
    retire_piece(piece_id=second.pk, reason="stiff", actor=ADA)
    with pytest.raises(PieceNotFound):
        retire_piece(piece_id=second.pk, reason="stiff", actor=ADA)
    with pytest.raises(WordsRefused, match="police"):
        write_piece(element=Element.GREETING, code="bad", language="en", text="The police!", actor=ADA)


def test_ships_templates_in_both_languages_once():
    loaded = load_starter(is_active=True, actor=SYSTEM)
    assert (loaded.templates, loaded.versions) == (9, 8 * 4 * 2 + 2)
    assert loaded.pieces == Piece.objects.count() > 40
    again = load_starter(is_active=True, actor=SYSTEM)
    assert (again.templates, again.versions, again.pieces) == (0, 0, 0)
    purposes = dict(MessageTemplate.objects.values_list("code", "purpose"))
    assert purposes["reminder_d3"] == Purpose.REMINDER
    assert purposes["collection_d3"] == Purpose.COLLECTION
    assert set(TemplateVersion.objects.values_list("state", flat=True)) == {"active"}
    assert not Message.objects.exists()


def test_every_shipped_version_reads_whole_in_its_language():
    load_starter(is_active=True, actor=SYSTEM)
    for version in TemplateVersion.objects.select_related("template"):
        values = sample_values(language=version.language)
        rendered = render(version=version, values=values, name=values["name"])
        assert "{" not in rendered.body + rendered.subject
        assert rendered.units <= (2 if version.channel == Channel.SMS else 1)
    sms = TemplateVersion.objects.get(template__code="reminder_d1", channel="sms", language=CHINESE)
    values = sample_values(language=CHINESE)
    assert render(version=sms, values=values, name="王小明").body == (
        "【Backoffice】尊敬的王小明，您的账单¥1,100.16将于3月20日到期。明天即到期。"
        "点此还款：https://app.example.org/pay 拒收请回复R"
    )


def test_every_shipped_text_message_says_how_to_opt_out():
    load_starter(is_active=True, actor=SYSTEM)
    texts = TemplateVersion.objects.select_related("template").filter(channel="sms").exclude(template__purpose="reply")
    assert texts.count() == 16
    assert {
        one.template.code
        for one in texts
        if not one.body.endswith(("Reply STOP to end.", "拒收请回复R", "Reply STOP to end these messages."))
    } == set()


def test_ships_drafts_for_two_people_unless_told_otherwise():
    load_starter(is_active=False, actor=SYSTEM)
    assert set(TemplateVersion.objects.values_list("state", flat=True)) == {"draft"}
