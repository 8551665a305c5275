"""What a borrower's reply asks for: whether it says stop, in either language and whatever its writing.

A text message tells the borrower which reply that is (12 CFR 1006.6(e): every text carries a simple opt-out).
"""

import re
import unicodedata
from typing import Final

from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.purposes import Purpose

STOP_WORDS: Final = frozenset(
    {
        # What carriers and regulators name (47 CFR 64.1200(a)(10)), and what people write.
        "stop", "stopall", "stopit", "quit", "end", "revoke", "optout", "cancel", "unsubscribe", "unsub",
        "remove", "removeme", "nomore", "nomoremessages", "stopmessages", "stoptexting", "stoptextingme",
        "donttextme", "donotcontactme", "stopcontactingme", "pleasestop",
        # Chinese carriers: reply T, TD, N or R to be taken off.
        "t", "td", "n", "r", "tdd",
        "退订", "退", "取消", "取消订阅", "退订短信", "拒收", "停止", "停止发送", "别发了", "不要再发",
        "不要再发了", "不要发了", "请勿打扰", "勿扰", "停发", "请停止", "请退订", "不要联系我", "别再发了",
    }
)  # fmt: skip
"""Whole replies that say stop, after `plain`; a word within a longer sentence is left to a person."""

_WHAT_TO_REPLY = re.compile(
    r"(?:\b(?:reply|text|txt|send|answer)\b|回复?|发送?)[\s\"'“”‘’「:：]*([a-z]+|[退拒停取][订收止消]?)", re.IGNORECASE
)
NEEDS_NO_OPT_OUT: Final = frozenset({Purpose.NOTICE, Purpose.REPLY})
"""What is owed to the borrower or was asked for may be sent without a line that says how to opt out."""


def plain(text: str) -> str:
    """The letters and digits of a text alone: full width made narrow, lower case, no punctuation, space or accent."""
    narrow = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text)).casefold()
    return "".join(character for character in narrow if character.isalnum())


def is_stop(text: str) -> bool:
    """Whether the whole reply asks for no more messages: `STOP.`, `Opt out`, `ＳＴＯＰ`, `退订`, `TD`."""
    return plain(text) in STOP_WORDS


def lacks_opt_out(text: str, *, channel: Channel, purpose: Purpose) -> bool:
    """Whether a text message should say how to opt out and does not: `Reply STOP to end.`, `拒收请回复R`.

    What it asks for has to be a reply that is heard as a stop.
    """
    if channel is not Channel.SMS or purpose in NEEDS_NO_OPT_OUT:
        return False
    return not any(is_stop(found[1]) for found in _WHAT_TO_REPLY.finditer(unicodedata.normalize("NFKC", text)))
