"""The small rules of messages: states, lengths, variables, wording, signatures, replies, buckets."""

from datetime import timedelta
from decimal import Decimal as D
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import backoffice.outreach
from backoffice.core.signatures import Forged, Stale, check, signature_of
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.elements import Element, compose
from backoffice.outreach.domain.handover import next_look, refilled, wait_before_retry
from backoffice.outreach.domain.message_states import ARRIVED, MOVES, MessageState, may_move
from backoffice.outreach.domain.planning import read_variables, write_variables
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.domain.replies import lacks_opt_out
from backoffice.outreach.domain.sms import GSM_BASIC, GSM_EXTENSION, JOINED, SINGLE, length_of
from backoffice.outreach.domain.template_states import TemplateState, may_become
from backoffice.outreach.domain.variables import (
    CATALOGUE,
    Fault,
    broken_braces,
    fault_in,
    faults_of,
    fill,
    names_in,
    to_plan,
    unknown_in,
)
from backoffice.outreach.domain.wording import BadWordingList, read_rules, scan

WORDING = read_rules((Path(backoffice.outreach.__path__[0]) / "wording" / "banned.toml").read_text())


# ------------------------------------------------------------------------------------------------------------- states


def test_a_message_is_never_sent_again_without_certainty():
    assert MessageState.SENDING not in MOVES[MessageState.UNKNOWN]
    assert [state for state in MessageState if may_move(current=state, to=MessageState.SENDING)] == ["planned"]
    back = [state for state in MessageState if may_move(current=state, to=MessageState.PLANNED)]
    assert back == ["planned", "sending", "unknown"]


def test_what_arrived_is_not_taken_back_but_by_a_bounce():
    for state in ARRIVED:
        assert MOVES[state] <= ARRIVED | {MessageState.FAILED}


def test_an_active_version_can_only_be_retired():
    assert [to for to in TemplateState if may_become(current=TemplateState.ACTIVE, to=to)] == ["retired"]
    assert not any(may_become(current=TemplateState.RETIRED, to=to) for to in TemplateState)


# ------------------------------------------------------------------------------------------------------------ lengths


@pytest.mark.parametrize(
    ("text", "encoding", "units", "segments", "left"),
    [
        ("", "gsm7", 0, 0, 160),
        ("a" * 160, "gsm7", 160, 1, 0),
        ("a" * 161, "gsm7", 161, 2, 145),
        ("a" * 306, "gsm7", 306, 2, 0),
        ("a" * 307, "gsm7", 307, 3, 152),
        ("€" * 80, "gsm7", 160, 1, 0),
        ("a" * 158 + "€", "gsm7", 160, 1, 0),
        ("a" * 159 + "€", "gsm7", 161, 2, 145),
        # The pair of escape and character does not fit into the last place of a segment.
        ("a" * 152 + "€" + "a" * 152, "gsm7", 306, 3, 152),
        ("您" * 70, "ucs2", 70, 1, 0),
        ("您" * 71, "ucs2", 71, 2, 63),
        ("您" * 134, "ucs2", 134, 2, 0),
        ("您" * 135, "ucs2", 135, 3, 66),
        ("😀" * 35, "ucs2", 70, 1, 0),
        ("a" * 66 + "😀" + "a" * 5, "ucs2", 73, 2, 60),
        ("ç" + "a" * 69, "ucs2", 70, 1, 0),
        ("Ç", "gsm7", 1, 1, 159),
    ],
)
def test_counts_a_text_message_as_gateways_do(text, encoding, units, segments, left):
    length = length_of(text)
    assert (length.encoding, length.units, length.segments, length.left) == (encoding, units, segments, left)


def test_names_what_forced_the_wide_encoding():
    assert length_of("Pay ¥100 – today ✓✓").why_ucs2 == "–✓"


@given(st.text(alphabet=[*sorted(GSM_BASIC | GSM_EXTENSION), "您", "😀"], max_size=500))
def test_segments_hold_what_they_must_and_no_more_than_they_can(text):
    length = length_of(text)
    room = SINGLE[length.encoding] if length.segments <= 1 else JOINED[length.encoding]
    assert 0 <= length.left <= room
    assert length.units <= room * max(length.segments, 1)
    # At most one unit a segment is lost to a pair that is not cut.
    assert length.segments <= 1 or length.units + length.segments > room * (length.segments - 1)
    assert length_of(text + "a").segments >= length.segments


# ---------------------------------------------------------------------------------------------------------- variables


@pytest.mark.parametrize(
    ("name", "value", "en", "zh"),
    [
        ("amount", "CNY 1100.16", "¥1,100.16", "¥1,100.16"),
        ("amount", "USD -5", "$-5.00", "$-5.00"),
        ("amount", "UGX 12000", "UGX 12,000", "UGX 12,000"),
        ("due_date", "2026-03-05", "5 Mar 2026", "3月5日"),
        ("days_past_due", "1200", "1,200", "1,200"),
        ("loan", "L-1042", "L-1042", "L-1042"),
        ("link", "https://pay.example.org/a?b=1", "https://pay.example.org/a?b=1", "https://pay.example.org/a?b=1"),
    ],
)
def test_shows_a_value_as_people_read_it(name, value, en, zh):
    assert fault_in(name, value) is None
    assert fill(f"{{{name}}}", values={name: value}, language="en") == en
    assert fill(f"{{{name}}}", values={name: value}, language="zh-hans") == zh


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("amount", "1100.16", Fault.NOT_MONEY),
        ("amount", "CNY 1,100.16", Fault.NOT_MONEY),
        ("amount", "CNY 1.001", Fault.NOT_MONEY),
        ("amount", "CNY NaN", Fault.NOT_MONEY),
        ("due_date", "2026-02-29", Fault.NOT_A_DATE),
        ("due_date", "2026-3-1", Fault.NOT_A_DATE),
        ("days_past_due", "3.5", Fault.NOT_A_NUMBER),
        ("days_past_due", "٣", Fault.NOT_A_NUMBER),
        ("days_past_due", "123456", Fault.TOO_LONG),
        ("link", "http://pay.example.org", Fault.NOT_A_LINK),
        ("link", "https://localhost", Fault.NOT_A_LINK),
        ("link", "javascript:alert(1)", Fault.NOT_A_LINK),
        ("loan", "L\n1", Fault.UNPRINTABLE),
        ("loan", "see www.evil.example", Fault.HOLDS_A_LINK),
        ("loan", "L" * 65, Fault.TOO_LONG),
        ("nobody", "x", Fault.UNKNOWN),
    ],
)
def test_refuses_a_value_that_is_not_of_its_type(name, value, fault):
    assert fault_in(name, value) is fault


def test_names_every_variable_without_a_value():
    text = "{name}, {amount} on {due_date}: {amount} {link}"
    assert names_in(text) == ("name", "amount", "due_date", "link")
    assert to_plan(text) == ("amount", "due_date", "link")
    assert faults_of({"amount": "CNY 5", "link": "  "}, needed=to_plan(text)) == {
        "due_date": Fault.MISSING,
        "link": Fault.MISSING,
    }
    assert unknown_in("{amount} {amuont}") == ("amuont",)
    assert [broken_braces(text) for text in ("{amount}", "{due date}", "{amount", "}")] == [False, True, True, True]


def test_a_value_is_never_read_as_a_template():
    assert fill("{loan}", values={"loan": "{amount}", "amount": "CNY 1"}, language="en") == "{amount}"


def test_every_sample_of_the_catalogue_has_no_fault():
    planned = [one for one in CATALOGUE.values() if one.filled_by == "plan"]
    assert {one.name: fault_in(one.name, one.sample) for one in planned if fault_in(one.name, one.sample)} == {}


@given(st.dictionaries(st.sampled_from(sorted(CATALOGUE)), st.text()))
def test_values_come_back_as_they_were_written(values):
    assert read_variables(write_variables(values)) == values


def test_puts_pieces_into_reading_order_without_gaps():
    pieces = [(Element.CALL_TO_ACTION, "Pay now."), (Element.SALUTATION, "Dear {name},"), (Element.BENEFIT, " ")]
    assert compose(pieces, language="en") == "Dear {name}, Pay now."
    assert compose(pieces, language="zh-hans") == "Dear {name},Pay now."


# ------------------------------------------------------------------------------------------------------------ wording


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("We will take you to court.", "en.threat.court"),
        ("A LAW-SUIT follows", "en.threat.court"),
        ("c o u r t", "en.threat.court"),
        ("We know where you live", "en.threat.harm"),
        ("We  know\nwhere you-live!", "en.threat.harm"),
        ("Final  Notice!", "en.urgency"),
        ("您将收到律师函", "zh.authority.court"),
        ("律·师 函 已寄出", "zh.authority.court"),
        ("已报 警", "zh.authority.police"),
        ("将通知家人", "zh.third_party"),
        ("您好，police 会来", "en.threat.police"),
        # Look-alike letters of other alphabets, full width, and what is not seen.
        ("The p\u043elice will come", "en.threat.police"),
        ("Τhe \u03a1\u039f\u039bICE".replace("\u039b", "L"), "en.threat.police"),
        ("ρо\u200bl\u00adіⅽе", "en.threat.police"),
        ("ｐｏｌｉｃｅ", "en.threat.police"),
        ("pólice", "en.threat.police"),
        ("通\u200b知你的\u2060家人", "zh.third_party"),
        ("法\ufe0f院", "zh.authority.court"),
        # Arrest, in other words.
        ("You will be arrested", "en.threat.police"),
        ("Pay today or go behind bars.", "en.threat.police"),
        ("You could face imprisonment!", "en.threat.police"),
        ("They will take you away in handcuffs", "en.threat.police"),
        ("警方会来抓你", "zh.authority.police"),
        ("不还款就等着被抓", "zh.authority.police"),
        ("小心吃牢饭", "zh.authority.police"),
        ("你将面临判刑", "zh.authority.police"),
        # Third parties are told, in other words.
        ("Your contacts and employer will be told", "en.third_party"),
        ("We'll be calling your boss tomorrow.", "en.third_party"),
        ("Else we speak to all of your neighbours", "en.third_party"),
        ("Our agent is going to visit your place of work", "en.third_party"),
        ("Soon everyone you know will find out", "en.third_party"),
        ("We let your wife and your parents know", "en.third_party"),
        ("We will send a letter to your landlord", "en.third_party"),
        ("Your f-a-m-i-l-y is going to hear of this", "en.third_party"),
        ("通知你的家人", "zh.third_party"),
        ("我们将致电您的父母", "zh.third_party"),
        ("会让你的同事都知道", "zh.third_party"),
        ("您的领导很快会知道", "zh.third_party"),
        ("您的单位领导将收到我们的电话", "zh.third_party"),
        ("只好打电话给你老婆", "zh.third_party"),
        ("否则告诉你的朋友", "zh.third_party"),
        ("我们不得不通知您的亲属", "zh.third_party"),
    ],
)
def test_finds_what_must_not_be_said_however_it_is_written(text, rule):
    assert rule in {finding.rule.id for finding in scan(text, language="en", rules=WORDING, is_legal=True)}


@pytest.mark.parametrize(
    "text",
    [
        "Our courteous team helps you.", "Pay by 20 March. Thank you!", "请于3月20日前还款，谢谢",
        "We never call your family or your employer.", "We will not contact your friends or relatives.",
        "We will call you at the time you chose, or write to you.", "We have a warm welcome for you.",
        "We are here for you and your family.", "If you cannot pay, call us: we look for a way with your family.",
        "Add us to your contacts. We will call you on Monday.", "Invite your friends and get 10 days without interest.",
        "Your employer paid late? We can move the due date.", "The warranty of your phone has no end.",
        "Sue from our team will help you.", "We will message you when your brother's payment arrives.",
        "Never tell your code to anyone, not even to friends.", "Arresting views of the coast: travel now, pay later.",
        "我们不会联系您的家人和单位", "我们绝不会主动通知您的亲友", "请牢记您的还款日", "抓住机会，享受优惠",
        "如有困难请联系我们，我们会为您和家人着想", "邀请朋友一起使用", "祝您和家人新年快乐", "请联系客服变更联系人",
        "我们不会让您的同事知道", "通知：您的账单已出", "朋友推荐有礼",
    ],
)  # fmt: skip
def test_leaves_honest_words_alone(text):
    assert scan(text, language="en", rules=WORDING, is_legal=False) == ()


def test_lets_true_consequences_through_after_a_legal_review_only():
    text = "逾期信息将按规定报送征信"
    assert [found.rule.id for found in scan(text, language="zh-hans", rules=WORDING, is_legal=False)] == [
        "zh.consequence"
    ]
    assert scan(text, language="zh-hans", rules=WORDING, is_legal=True) == ()


RULE = 'id = "a"\nkind = "threat"\nlanguage = "en"\nphrases = ["or else"]\nwhy = "x"\nwhy_zh = "x"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"[[rules]]\n{RULE}[[rules]]\n{RULE}", "a stands twice"),
        ("[[rules]]\nid = 'a'\n", "a does not say its kind"),
        ("[[rules]]\n" + RULE.replace('"threat"', '"rude"'), "nobody knows"),
        ("[[rules]]\n" + RULE.replace('"or else"', '"x"'), "single letter"),
        ("[[rules]]\n" + RULE + 'patterns = ["<people> ~ told"]', "a does not say its denials"),
        (
            '[words.en]\ndenials = ["not"]\nbreaks = []\n[[rules]]\n' + RULE + 'patterns = ["<people> ~ told"]',
            "a does not say its people",
        ),
    ],
)
def test_refuses_a_list_of_wording_it_cannot_use(text, said):
    with pytest.raises(BadWordingList, match=said):
        read_rules(text)


# ---------------------------------------------------------------------------------------------------- replies, gateways


@pytest.mark.parametrize(
    "text",
    [
        "Reply STOP to end.", "Text “STOP” to opt out", "To opt out, reply STOP", "txt stop", "拒收请回复R", "退订回T",
        "回复TD退订", "退订请回复“退订”", "Ｒｅｐｌｙ ＳＴＯＰ",
    ],
)  # fmt: skip
def test_knows_a_line_that_says_how_to_opt_out(text):
    assert not lacks_opt_out(text, channel=Channel.SMS, purpose=Purpose.REMINDER)


@pytest.mark.parametrize("text", ["Pay here.", "Reply YES to pay", "Stop by our office", "回复1查看", "请回复"])
def test_a_text_without_such_a_line_lacks_it_but_for_notices_and_replies(text):
    assert lacks_opt_out(text, channel=Channel.SMS, purpose=Purpose.SERVICE)
    assert not lacks_opt_out(text, channel=Channel.SMS, purpose=Purpose.NOTICE)
    assert not lacks_opt_out(text, channel=Channel.SMS, purpose=Purpose.REPLY)
    assert not lacks_opt_out(text, channel=Channel.EMAIL, purpose=Purpose.REMINDER)


def test_a_signature_is_good_for_its_body_its_time_and_its_secret_alone():
    good = {"secret": "s" * 32, "timestamp": "1000", "body": b"{}", "now": 1300}
    signature = signature_of(secret="s" * 32, timestamp=1000, body=b"{}")
    check(**good, signature=signature)
    for change in (
        {"body": b"{ }"}, {"timestamp": "1001"}, {"secret": "t" * 32}, {"secret": ""}, {"timestamp": "-1"},
        {"timestamp": "١"},
    ):  # fmt: skip
        with pytest.raises(Forged):
            check(**(good | change), signature=signature)
    for now in (1301, 699):
        with pytest.raises(Stale):
            check(**(good | {"now": now}), signature=signature)


def test_a_bucket_fills_with_time_and_never_over_its_brim():
    assert refilled(tokens=D(0), elapsed=timedelta(seconds=1.5), per_second=D(2), burst=10) == D(3)
    assert refilled(tokens=D(9), elapsed=timedelta(hours=1), per_second=D(2), burst=10) == D(10)
    assert refilled(tokens=D(4), elapsed=timedelta(seconds=-5), per_second=D(2), burst=10) == D(4)


def test_waits_longer_each_time_and_as_long_as_the_gateway_asks():
    assert [wait_before_retry(tries=tries, retry_after=0).total_seconds() for tries in (1, 2, 3, 20)] == [
        5,
        10,
        20,
        600,
    ]
    assert wait_before_retry(tries=1, retry_after=90).total_seconds() == 90
    assert [next_look(looks=looks).total_seconds() for looks in (0, 1, 4, 99)] == [10, 30, 3600, 3600]
