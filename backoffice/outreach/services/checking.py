"""The words of a template or a piece, checked: variables, length for the channel, wording."""

from typing import ClassVar, Final

from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from backoffice.core.errors import Refusal
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.copywriting import WordsFault, fault_in_length
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.domain.replies import lacks_opt_out
from backoffice.outreach.domain.variables import CATALOGUE, broken_braces, fill, unknown_in
from backoffice.outreach.domain.wording import Finding
from backoffice.outreach.models import TemplateVersion
from backoffice.outreach.selectors.house import house_values
from backoffice.outreach.selectors.wording import findings_in

FAULT_WORDS: Final = {
    WordsFault.EMPTY: gettext_lazy("write what is said"),
    WordsFault.SUBJECT_MISSING: gettext_lazy("this channel shows a subject; write one"),
    WordsFault.SUBJECT_NOT_SHOWN: gettext_lazy("this channel shows no subject; leave it empty"),
    WordsFault.TOO_LONG: gettext_lazy("is longer than the channel shows"),
    WordsFault.TOO_MANY_SEGMENTS: gettext_lazy("takes more than six segments"),
    WordsFault.BROKEN_BRACES: gettext_lazy("a brace stands alone; variables are written {amount}"),
    WordsFault.UNKNOWN_VARIABLE: gettext_lazy("there is no such variable"),
    WordsFault.NO_OPT_OUT: gettext_lazy(
        "a text message says how to opt out, such as “Reply STOP to end.” or “拒收请回复R”"
    ),
}
SAMPLE_NAME: Final = {"en": "Ada Lovelace", "zh-hans": "王小明"}


class WordsRefused(Refusal):
    """The words cannot be used; `fields` says where and why."""

    code: ClassVar[str] = "outreach.words_refused"


def check_words(*, channel: Channel, language: str, subject: str, body: str) -> None:
    """Checks variables and length, as words are saved. Raises WordsRefused naming every field at fault."""
    _refuse(faults_in_words(channel=channel, language=language, subject=subject, body=body))


def check_version(version: TemplateVersion) -> None:
    """Checks all of a version before it may speak: variables, length, wording, and that a text says how to opt out.

    Raises WordsRefused naming every field at fault.
    """
    channel = Channel(version.channel)
    words = {"subject": version.subject, "body": version.body, "language": version.language}
    faults = faults_in_words(channel=channel, **words)
    if not faults:
        found = findings_in(
            text=f"{version.subject}\n{version.body}", language=version.language, is_legal=version.is_legal
        )
        if found:
            faults["body"] = finding_in_words(found[0])
        elif lacks_opt_out(version.body, channel=channel, purpose=Purpose(version.template.purpose)):
            faults["body"] = str(FAULT_WORDS[WordsFault.NO_OPT_OUT])
    _refuse(faults)


def _refuse(faults: dict[str, str]) -> None:
    if faults:
        first = next(iter(faults.values()))
        raise WordsRefused(
            _("These words cannot be sent: %(why)s.") % {"why": first},
            next_step=_("Change what is marked and try again."),
            fields=faults,
        )


def faults_in_words(*, channel: Channel, language: str, subject: str, body: str) -> dict[str, str]:
    """What is wrong with the words of a version, by field, apart from the wording."""
    faults: dict[str, str] = {}
    for field, text in (("subject", subject), ("body", body)):
        if said := fault_in_variables(text):
            faults[field] = said
    if faults:
        return faults
    values = sample_values(language=language)
    shown = {
        field: fill(text, values=values, language=language) for field, text in (("subject", subject), ("body", body))
    }
    lengths = fault_in_length(channel=channel, subject=shown["subject"], body=shown["body"])
    return {field: str(FAULT_WORDS[fault]) for field, fault in lengths.items()}


def fault_in_variables(text: str) -> str:
    """What is wrong with what a text leaves open; empty when nothing is."""
    if unknown := unknown_in(text):
        names = ", ".join(f"{{{name}}}" for name in unknown)
        return f"{names}: {FAULT_WORDS[WordsFault.UNKNOWN_VARIABLE]}"
    return str(FAULT_WORDS[WordsFault.BROKEN_BRACES]) if broken_braces(text) else ""


def sample_values(*, language: str, name: str = "") -> dict[str, str]:
    """A value for every variable, as a preview shows it."""
    samples = {variable.name: variable.sample for variable in CATALOGUE.values()}
    house = {key: value or "–" for key, value in house_values().items()}
    return samples | house | {"name": name or SAMPLE_NAME.get(language, SAMPLE_NAME["en"])}


def finding_in_words(finding: Finding) -> str:
    """A phrase of the list and why it is on it, in the reader's language."""
    is_chinese = (get_language() or "").startswith("zh")
    why = finding.rule.why_zh if is_chinese else finding.rule.why
    return _("“%(phrase)s”: %(why)s") % {"phrase": finding.phrase, "why": why.rstrip(".。")}
