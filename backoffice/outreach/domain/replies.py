"""What a borrower's reply asks for: whether it says stop, in either language and whatever its writing, and to what.

A reply is read sentence by sentence, and a sentence says stop only when every word of it does: "Please stop texting
me!" does, "I will stop by tomorrow", "don't stop" and "stop payment of my bill" hold words that are about something
else and are left to a person. A sentence that says stop counts within a longer reply too, unless it is one of the
short words that mean many things (`T`, `END`, `取消`): those count alone.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.purposes import Purpose

WRITTEN: Final = frozenset({Channel.SMS, Channel.EMAIL, Channel.PUSH, Channel.INBOX, Channel.POPUP, Channel.BOT})
"""What a STOP ends, whatever it answers: all that is sent by itself. Letters carry what the law makes us say."""
CALLS: Final = frozenset({Channel.CALL, Channel.BOT})
"""What "do not call me" ends."""

WHOLE: Final = frozenset(
    {
        # What carriers and regulators name (47 CFR 64.1200(a)(10)), and what people write.
        "stop", "stopall", "stopit", "quit", "end", "revoke", "optout", "cancel", "unsubscribe", "unsub",
        "remove", "nomore", "nomoremessages", "stopmessages", "stoptexting", "stoptextingme", "donttextme",
        # Chinese carriers: reply T, TD, N or R to be taken off.
        "t", "td", "n", "r", "tdd", "qx", "退", "取消", "停", "停止", "终止", "拒绝",
    }
)  # fmt: skip
"""Replies that say stop when there is nothing else in them, letters and digits alone."""

_FOLDED: Final = str.maketrans(
    "訂發別請擾騷簡訊給聯絡繫係電話復覆煩謝終願關閉資們嗎來這種類廣無須傳準許對繼續還個號碼從刪貴夠與",
    "订发别请扰骚简讯给联络系系电话复复烦谢终愿关闭资们吗来这种类广无须传准许对继续还个号码从删贵够与",
)
"""Traditional characters of the words below, as the simplified ones."""
_SENTENCE_ENDS: Final = re.compile(r"[.!?;,\n\r。！？；，、…]+|\b(?:but|instead)\b|但是?|不过", re.IGNORECASE)
_QUOTED: Final = re.compile(r"(?m)^\s*>.*$")
_APOSTROPHES: Final = str.maketrans("", "", "'’‘`´")


def _words_in(text: str) -> frozenset[str]:
    return frozenset(text.split())


# ------------------------------------------------------------------------------------------------------------ English

_POLITE: Final = _words_in(
    """please pls plz kindly thanks thank thx ty hi hello hey ok okay sorry sir madam yes dear team and
    谢谢 谢谢你 谢谢您 多谢 谢了 你好 您好 拜托 好的"""
)
_PRESSING: Final = _words_in(
    """now immediately once right away asap today already anymore again ever forever good just really fucking fuckin
    bloody damn"""
)
_ABOUT_TEXTS: Final = _words_in(
    """text texts texting texted message messages messaging messaged msg msgs sms send sending sent write writing
    written email emails emailing mail mails mailing notification notifications notify notifying push reminder reminders
    remind reminding alert alerts spam spamming marketing promotions promotional ads advertising subscription list
    lists"""
)
_ABOUT_CALLS: Final = _words_in("call calls calling called phone phoning phoned ring ringing")
_ABOUT_BOTH: Final = _words_in(
    """contact contacts contacting contacted bother bothering bothered harass harassing harassment pester pestering
    disturb disturbing disturbed communicate communicating communication communications alone hear hearing"""
)
_BETWEEN: Final = _words_in(
    """all the your these those this that it them any more further such of and or other from to at on in for me us my
    our number here being be receive receiving get getting out off you with everything a an i no"""
)
_TAIL: Final = _BETWEEN | _ABOUT_TEXTS | _ABOUT_CALLS | _ABOUT_BOTH
_STOPPERS: Final = _words_in("stop stopp stopall quit cease discontinue")
_ENDERS: Final = _words_in("cancel end terminate")
_TAKERS_OFF: Final = _words_in("remove delete lose")
_TAKERS_OUT: Final = _words_in("take drop get opt")
_UNSUBSCRIBES: Final = _words_in("unsubscribe unsub unsubscribed unsuscribe unsubcribe unsubscibe optout deregister")
_DOINGS: Final = _words_in(
    "text message msg contact send email mail write bother spam harass pester disturb notify remind call phone ring"
)
_LEAD: Final = re.compile(
    r"^(?:(?:i|we) (?:want|wish|need|would like|d like|request|demand|am asking|have asked|asked|ask|told|tell|said)"
    r"(?: for)?(?: you)?(?: all)?(?: to)? "
    r"|id like (?:you )?to |(?:can|could|would|will|when will|why dont|why wont) you (?:all )?"
    r"|you (?:must|should|need to|have to) |how (?:do|can|to)(?: i| we)? |(?:let|help) me )"
)
_NOT: Final = re.compile(r"^(?:dont|do not|donot|never|no longer|must not|may not)(?: you)? ")
_WANT_NONE: Final = re.compile(
    r"^(?:i |we )?(?:dont|do not|donot|no longer|never) (?:want|wish|need|like|care)(?: you)?(?: to)? "
)
_NO_CONSENT: Final = re.compile(r"^(?:i |we )?(?:revoke|withdraw)(?: my| our)? consent$")

# ------------------------------------------------------------------------------------------------------------ Chinese

LONGEST_CHINESE: Final = 60
"""Signs of a sentence; nobody says stop at greater length, and the pattern is not tried on more."""
_LED_BY: Final = (
    "(?:你好|您好|请|麻烦|拜托|求求|求|你们|您们|贵公司|贵司|你|您|我们|我|本人|想|要求|要|希望|申请|可以|能不能|能否|"
    "可否|可不可以|能|帮我|帮|给我|赶紧|马上|立即|立刻|以后|今后|从现在起|千万|真的|都|再次|怎么|如何|怎样|直接|全部)*+"
)
_ENDED_BY: Final = (
    "(?:了|啦|吧|谢谢|多谢|谢了|可以吗|行吗|行不行|好吗|好不好|呀|啊|哦|呢|吗|拜托|请|麻烦|ok|thanks|please)*"
)
_CODE: Final = "(?:tdd|td|t|n|r|qx)"
_OF: Final = (
    "(?:任何|这些|这种|这类|此类|这样|那些|这个|你们|贵公司|贵司|所有|一切|全部|垃圾|还款|账单|催收|"
    "给我|我|的|和|及|或)*"
)
_THING: Final = "(?:短信息|短信|信息|消息|讯息|简讯|推送|邮件|电邮|通知|提醒|广告|推广|营销|订阅|骚扰|电话|东西)"
_THINGS: Final = f"(?:{_OF}{_THING})*{_OF}"
_STILL: Final = "(?:再|继续|老是|老|总是|总|一直|天天|每天|随便|乱)*"
_TO_ME: Final = "(?:(?:给|向|对|跟|往|和)?(?:我们|我的手机|我手机|我|本人|这个号码|这个号|本号码|该号码))?"
_DOING: Final = "(?:发送|群发|发|推送|打扰|骚扰|联系|联络|通知|提醒|寄|传|烦|轰炸|打电话|打来|来电|致电|打|找|扰)"
_CHINESE: Final = re.compile(
    f"{_LED_BY}(?:"
    f"(?:(?:回复|回|发送|发)?{_CODE})?(?:退订|取消订阅)(?:{_THINGS}(?:服务)?)(?:(?:请)?(?:回复|回|发送|发){_CODE}|{_CODE})?"
    f"(?:退订|退)*"
    f"|(?:停止|停|终止|关闭|屏蔽|拒绝|拒收|暂停|取消|禁止)(?:{_TO_ME}{_STILL}{_TO_ME}(?:发送|群发|发|推送|接收|接受|联系|联络|打扰|骚扰)"
    f"{_THINGS}|{_OF}{_THING}{_THINGS})"
    "|拒收|停发|停止"
    f"|(?:不要|不需要|无需|别|请勿|勿|免|不用|不必|不准|不许|不得)(?:你们)?{_STILL}{_TO_ME}{_STILL}{_DOING}(?:过来|来|给)?{_TO_ME}{_THINGS}"
    f"|(?:不想|不愿意|不愿|不希望|不要|不需要|不接受)(?:再|继续|再次)*(?:收到|接收|接受|收|看到|被打扰|被骚扰|被联系){_THINGS}"
    f"|不再(?:接收|接受){_THINGS}|不接收{_THINGS}"
    f"|(?:不要|不需要|无需|不想要|不再需要)(?:再)?{_OF}{_THING}{_THINGS}"
    f"){_ENDED_BY}"
)
_CHINESE_CALLS: Final = re.compile("电话|来电|致电|打(?!扰)")
_CHINESE_TEXTS: Final = re.compile("退订|订阅|短信|信息|消息|讯息|简讯|推送|邮件|电邮|通知|提醒|广告|发|收|寄|传")
_CHINESE_BOTH: Final = re.compile("联系|联络|扰|(?<!麻)烦|轰炸|找")


@dataclass(frozen=True, slots=True)
class Stop:
    """A STOP in a reply: the sentence that says it, what it ends, and whether the reply says nothing else."""

    words: str
    channels: frozenset[Channel]
    is_all: bool


def stop_in(text: str) -> Stop | None:
    """The STOP a reply says; None when it says none. Lines quoted from what it answers are passed over."""
    own = _QUOTED.sub("", text)
    joined = "".join(_words(own))
    if joined in WHOLE:
        return Stop(words=own.strip(), channels=WRITTEN, is_all=True)
    sentences = [sentence for sentence in _SENTENCE_ENDS.split(own) if _meant(sentence)]
    said = {
        sentence: channels for sentence in sentences if (channels := _ended_by(sentence, is_alone=len(sentences) == 1))
    }
    if not said:
        return None
    is_all = len(said) == len(set(sentences))
    return Stop(
        words=own.strip() if is_all else ", ".join(sentence.strip() for sentence in said),
        channels=frozenset().union(*said.values()),
        is_all=is_all,
    )


def _ended_by(sentence: str, *, is_alone: bool) -> frozenset[Channel]:
    """What one sentence ends; nothing when it does not say stop."""
    words = _meant(sentence)
    if is_alone and "".join(words) in WHOLE:
        return WRITTEN
    joined = "".join(_words(sentence))
    if len(joined) <= LONGEST_CHINESE and _CHINESE.fullmatch(joined):
        return _scope(
            texts=bool(_CHINESE_TEXTS.search(joined)),
            calls=bool(_CHINESE_CALLS.search(joined)),
            both=bool(_CHINESE_BOTH.search(joined)),
        )
    pressed = [word for word in words if word not in _PRESSING]
    if not _says_stop(pressed):
        return frozenset()
    named = set(pressed)
    return _scope(texts=bool(named & _ABOUT_TEXTS), calls=bool(named & _ABOUT_CALLS), both=bool(named & _ABOUT_BOTH))


def _scope(*, texts: bool, calls: bool, both: bool) -> frozenset[Channel]:
    """What words end that name texts, calls or any contact; words that name none end what is written."""
    if both or (texts and calls):
        return WRITTEN | CALLS
    return CALLS if calls else WRITTEN


def _says_stop(words: list[str]) -> bool:
    """Whether English words, without what is polite and pressing, say stop and nothing else."""
    said = " ".join(words)
    if _NO_CONSENT.match(said):
        return True
    if wanted := _WANT_NONE.match(f"{said} "):
        rest = f"{said} "[wanted.end() :].split()
        return bool(rest) and _is_tail(rest) and _names_contact(rest)
    led = _LEAD.sub("", f"{said} ").strip()
    if not_to := _NOT.match(f"{led} "):
        verb, *rest = f"{led} "[not_to.end() :].split() or [""]
        return verb in _DOINGS and _is_tail(rest)
    verb, *rest = led.split() or [""]
    rest = [word for word in rest if word not in _STOPPERS | _UNSUBSCRIBES]
    if verb in _TAKERS_OUT:
        return bool({"out", "off", "from"} & set(rest)) and _is_tail(rest)
    if verb in _STOPPERS | _UNSUBSCRIBES:
        return _is_tail(rest)
    if verb in _ENDERS:
        return _is_tail(rest) and bool(set(rest) & _ABOUT_TEXTS)
    if verb in _TAKERS_OFF:
        return bool({"me", "us", "number"} & set(rest)) and _is_tail(rest)
    if verb == "no":
        return bool(rest) and _is_tail(rest) and _names_contact(rest)
    return led in {"leave me alone", "leave us alone"}


def _is_tail(words: list[str]) -> bool:
    return set(words) <= _TAIL


def _names_contact(words: list[str]) -> bool:
    return bool(set(words) & (_ABOUT_TEXTS | _ABOUT_CALLS | _ABOUT_BOTH))


def _meant(sentence: str) -> list[str]:
    """The words of a sentence that are not there to be polite."""
    return [word for word in _words(sentence) if word not in _POLITE]


def _words(text: str) -> list[str]:
    """Words in lower case: full width made narrow, no accents or punctuation, traditional characters simplified."""
    narrow = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text)).casefold().translate(_APOSTROPHES)
    bare = "".join(character for character in narrow if not unicodedata.combining(character))
    return "".join(character if character.isalnum() else " " for character in bare.translate(_FOLDED)).split()


# ------------------------------------------------------------------------------------------- what a text tells to reply

_WHAT_TO_REPLY: Final = re.compile(
    r"(?:\b(?:reply|text|txt|send|answer)\b|回复?|发送?)[\s\"'“”‘’「:：]*([a-z]+|[退拒停取][订收止消]?)", re.IGNORECASE
)
NEEDS_NO_OPT_OUT: Final = frozenset({Purpose.NOTICE, Purpose.REPLY})
"""What is owed to the borrower or was asked for may be sent without a line that says how to opt out."""


def lacks_opt_out(text: str, *, channel: Channel, purpose: Purpose) -> bool:
    """Whether a text message should say how to opt out and does not: `Reply STOP to end.`, `拒收请回复R`.

    Every text carries a simple opt-out (12 CFR 1006.6(e)). What it asks for has to be a reply that is heard as a stop.
    """
    if channel is not Channel.SMS or purpose in NEEDS_NO_OPT_OUT:
        return False
    return not any(stop_in(found[1]) for found in _WHAT_TO_REPLY.finditer(unicodedata.normalize("NFKC", text)))
