"""What a reply asks for: STOP in either language and however it is put, and nothing that only sounds like it."""

import pytest

from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.fallback import goes_on
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.domain.replies import CALLS, WRITTEN, stop_in
from backoffice.outreach.domain.reply_states import state_of
from backoffice.outreach.domain.senders import UNREADABLE, Sender, read_sender

STOPS = [
    # One word, in any writing.
    "STOP", "stop.", "Stop!", "S T O P", "S.T.O.P", "ＳＴＯＰ", "\u200bSTOP\n", "stop all", "Opt-Out", "opt out",
    "QUIT", "End", "cancel", "unsubscribe", " Unsubscribe ", "REVOKE", "No more", "stopp",
    "退订", "退订。", "退訂", "TD", "td", "T", "Ｔ", "N", "R", "退", "取消", "停止", "拒收", "停发",
    # More than a word.
    "Stop please!", "Please stop", "STOP STOP", "stop stop stop", "stop now", "Stop it", "OK stop, thanks",
    "Please stop texting me", "stop sending me these messages", "stop spamming me", "Stop all reminders",
    "Can you please stop sending me messages?", "I told you to stop texting me", "How do I stop these texts?",
    "unsubscribe me", "UNSUBSCRIBE from your list", "I would like to unsubscribe please", "I want to opt out",
    "opt me out", "take me off your list", "Remove me", "remove my number", "Cancel messages",
    "no more messages please", "Don't text me anymore", "don’t text me", "dont message me",
    "I don't want any more texts", "I no longer want to receive messages", "I revoke my consent",
    "STOP. Do not text me again.", "Stop, and unsubscribe me",
    "请退订", "我要退订", "退订短信", "退订谢谢", "退订回T", "回T退订", "退订TD", "TD退订", "取消订阅",
    "取消短信提醒", "请停止", "停止发送", "停止发送短信", "请停止发送短信", "拒收短信", "别发了", "别再發了",
    "不要再发了！", "不要再发短信了",
    "不要再給我發簡訊了", "不要再傳簡訊了", "别再给我发消息了", "你们不要再发了好吗", "麻烦别发短信了，谢谢",
    "我不想再收到", "我不想再收到短信", "不想收到你们的短信", "不再接收短信", "我不需要提醒",
]  # fmt: skip
NO_STOPS = [
    "", ".", "ok", "OK, thanks", "no", "No thanks", "no problem", "never mind", "Who is this?", "I paid yesterday",
    "I will stop by tomorrow", "I would stop but I cannot pay", "stop the debit but text me",
    "I cannot stop by today", "can you stop by", "stop by", "bus stop", "nonstop",
    "stopped by the bank", "don't stop", "Please don't stop", "I want to stop paying", "stop payment of my bill",
    "stop the debit", "When does it end?", "end of month", "I'll pay at the end", "cancel my loan", "cancel the debit",
    "Cancel this", "Cancel the call", "cancelled my card, new one?", "remove the penalty", "take my number",
    "drop me a text", "text me tomorrow", "please text me", "don't unsubscribe me", "don't send money", "don't worry",
    "I don't want to stop receiving messages", "do not contact me by phone", "how do I pay?",
    "好的", "退款", "停止扣款", "取消扣款", "取消自动还款", "取消贷款", "不要扣款", "别扣了", "别催了", "不要停",
    "别停止", "不要退订", "我没有退订", "退订了什么业务", "没收到短信", "还没收到", "不用了", "不用担心", "不要着急",
    "我要还款", "怎么还款", "发给我", "给我发短信", "请发短信给我", "请联系我",
    "别忘了提醒我", "不要忘记发短信给我", "不要联系我家人",
    "我不想收到罚款",
    # What is quoted from the message it answers is not the borrower's.
    "> STOP", "ok\n> Reply STOP to get no more.",
]  # fmt: skip


@pytest.mark.parametrize("text", STOPS)
def test_hears_a_stop_to_all_that_is_written(text):
    stop = stop_in(text)
    assert stop is not None
    assert (stop.channels, stop.is_all) == (WRITTEN, True)


@pytest.mark.parametrize("text", NO_STOPS)
def test_leaves_what_only_sounds_like_it_to_people(text):
    assert stop_in(text) is None


@pytest.mark.parametrize(
    "text", ["stop calling me", "Don't call me", "no more calls", "别打电话了", "不要再打電話給我"]
)
def test_words_about_calls_end_calls_alone(text):
    stop = stop_in(text)
    assert stop is not None
    assert stop.channels == CALLS


@pytest.mark.parametrize(
    "text",
    ["stop contacting me", "Do not contact me again", "leave me alone", "stop calling and texting me",
     "勿扰", "请勿打扰", "不要联系我", "不要騷擾我", "别烦我"],
)  # fmt: skip
def test_words_about_any_contact_end_calls_too(text):
    stop = stop_in(text)
    assert stop is not None
    assert stop.channels == WRITTEN | {Channel.CALL}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("STOP. I paid yesterday already", "STOP"),
        ("我明天还款，别再发了", "别再发了"),
        ("stop messages but call me", "stop messages"),
        ("不要发短信，但可以打电话给我", "不要发短信"),
        ("Ada here; please stop texting me; I pay on Friday", "please stop texting me"),
    ],
)
def test_a_stop_within_a_longer_reply_counts_and_leaves_the_rest_to_a_person(text, words):
    stop = stop_in(text)
    assert stop is not None
    assert (stop.words, stop.channels, stop.is_all) == (words, WRITTEN, False)


@pytest.mark.parametrize(
    "text", ["Cancel. I mean the debit", "I see no end. End", "我要退款，取消", "Section T; I paid"]
)
def test_a_word_that_means_many_things_counts_alone_only(text):
    assert stop_in(text) is None


@pytest.mark.parametrize(
    "text", ["求" * 1000, "帮我" * 500, "不要" + "再" * 998, "退订" * 499 + "x", "stop " * 199 + "x"]
)
def test_long_nonsense_is_no_stop(text):
    assert stop_in(text) is None


@pytest.mark.parametrize(
    ("text", "is_known", "state"),
    [
        ("STOP", True, "done"),
        ("STOP", False, "open"),
        ("STOP. I paid", True, "open"),
        ("stop calling me", True, "open"),
        ("ok", True, "open"),
    ],
)
def test_only_a_mere_stop_of_somebody_known_needs_nobody(text, is_known, state):
    assert state_of(stop=stop_in(text), is_known=is_known) == state


@pytest.mark.parametrize(
    ("given", "sender"),
    [
        ("+86 138 1234 5678", Sender("phone", "+8613812345678", "+86 •••• 5678")),
        ("Ada@Example.org", Sender("email", "ada@example.org", "a•••@example.org")),
        ("10690", UNREADABLE),
        ("@", UNREADABLE),
    ],
)
def test_reads_a_sender_as_contact_points_are_kept(given, sender):
    assert read_sender(given) == sender


@pytest.mark.parametrize(
    ("purpose", "rules", "answer"),
    [
        (Purpose.REMINDER, ["core.endpoint"], True),
        (Purpose.REMINDER, ["core.opt_out"], False),
        (Purpose.REMINDER, ["core.endpoint", "core.opt_out"], False),
        (Purpose.REMINDER, ["core.hold.dispute"], False),
        (Purpose.REMINDER, ["house.cap"], False),
        (Purpose.REMINDER, [], False),
        (Purpose.NOTICE, ["core.opt_out"], True),
        (Purpose.NOTICE, ["core.opt_out", "core.hold.deceased"], False),
    ],
)
def test_only_who_cannot_be_reached_on_a_channel_is_tried_on_the_next(purpose, rules, answer):
    assert goes_on(purpose=purpose, rules=rules) is answer
