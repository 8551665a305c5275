"""How the sandbox's bank and its script are spoken of."""

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from backoffice.core import tones
from backoffice.core.formats import percent_text
from backoffice.repayment.domain.autopay.bank_answers import DAYS, EACH_RAIL, SHARES, Script

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.utils.functional import _StrPromise

RAIL_NAMES: Final["Mapping[str, _StrPromise]"] = {
    "http": gettext_lazy("HTTP rail"),
    "iso20022": gettext_lazy("File rail"),
}
RAIL_CHOICES: Final = ((EACH_RAIL, gettext_lazy("both rails")), *RAIL_NAMES.items())
PRESET_NAMES: Final["Mapping[str, _StrPromise]"] = {
    "fine": gettext_lazy("everything fine"),
    "lifelike": gettext_lazy("lifelike: as often as outside"),
    "bad_day": gettext_lazy("a bad day: drops, delays, duplicates, unknown codes"),
}
KIND_NAMES: Final["Mapping[str, _StrPromise]"] = {
    "debit": pgettext_lazy("bank movement", "debit"),
    "return": pgettext_lazy("bank movement", "return"),
}
GROUPS: Final["tuple[tuple[_StrPromise, tuple[str, ...]], ...]"] = (
    (
        gettext_lazy("Commands on their way"),
        ("latency", "drop_before", "busy", "stuck", "stuck_seconds", "drop_after", "double_execute"),
    ),
    (
        gettext_lazy("What the bank decides"),
        ("processing", "processing_seconds", "refuse_risk", "unmapped", "poor"),
    ),
    (gettext_lazy("Returns"), ("return_share", "return_days", "return_days_most")),
    (gettext_lazy("Notices of the bank"), ("no_notice", "late_notice", "late_seconds", "double_notice")),
    (
        gettext_lazy("Settlement files and statements"),
        ("settle_missing", "settle_extra", "settle_amount", "settle_status"),
    ),
)
"""The names of a conduct as the page shows them, group by group."""
NAMES: Final["Mapping[str, _StrPromise]"] = {
    "latency": gettext_lazy("An answer takes, on average"),
    "drop_before": gettext_lazy("Wire cut before the bank took anything, the first time"),
    "busy": gettext_lazy("Busy: told to come back, the first time"),
    "stuck": gettext_lazy("Command stuck on its way"),
    "stuck_seconds": gettext_lazy("Stuck for"),
    "drop_after": gettext_lazy("Debited, then the wire is cut"),
    "double_execute": gettext_lazy("Faulty bank: a repeated number is debited again"),
    "processing": gettext_lazy("Decided later"),
    "processing_seconds": gettext_lazy("Decided after"),
    "refuse_risk": gettext_lazy("Declined as a risk"),
    "unmapped": gettext_lazy("Declined with a code nobody knows"),
    "poor": gettext_lazy("New accounts with too little money"),
    "return_share": gettext_lazy("Debits taken back later"),
    "return_days": gettext_lazy("Taken back after, at least"),
    "return_days_most": gettext_lazy("Taken back after, at most"),
    "no_notice": gettext_lazy("Notice never sent"),
    "late_notice": gettext_lazy("Notice sent late"),
    "late_seconds": gettext_lazy("Late by"),
    "double_notice": gettext_lazy("Notice sent twice"),
    "settle_missing": gettext_lazy("Line left out"),
    "settle_extra": gettext_lazy("Line invented"),
    "settle_amount": gettext_lazy("Amount wrong by 1.00"),
    "settle_status": gettext_lazy("Success reported as a failure"),
}

tones.declare(
    "repayment.sandbox_order",
    {
        "processing": (gettext_lazy("not decided yet"), "warn"),
        "succeeded": (gettext_lazy("debited"), "good"),
        "declined": (gettext_lazy("declined"), "danger"),
        "returned": (pgettext_lazy("order at the bank", "taken back"), "warn"),
    },
)


@dataclass(frozen=True, slots=True)
class ScriptLine:
    """One name of the script in words, with its value on each rail; `happens`: on one of them it is not zero."""

    label: "_StrPromise"
    values: tuple[str, ...]
    happens: bool


def script_lines(script: Script) -> "list[tuple[_StrPromise, list[ScriptLine]]]":
    """The script as a table shows it: groups of lines, the rails in the order of `RAIL_NAMES`."""
    return [
        (
            group,
            [
                ScriptLine(
                    label=NAMES[name],
                    values=tuple(value_text(name, script.conducts[rail][name]) for rail in RAIL_NAMES),
                    happens=name in SHARES and any(script.conducts[rail][name] for rail in RAIL_NAMES),
                )
                for name in names
            ],
        )
        for group, names in GROUPS
    ]


def value_text(name: str, value: Decimal) -> str:
    """A share as a percentage, a time in seconds or days."""
    if name in SHARES:
        return percent_text(value, places=4, bare=True)
    number = plain_number(value)
    if name in DAYS:
        return ngettext("%(n)s day", "%(n)s days", 1 if value == 1 else 2) % {"n": number}
    return _("%(seconds)s s") % {"seconds": number}


def plain_number(value: Decimal) -> str:
    """Digits without zeros at the end, never in the writing of programs."""
    digits = format(value, "f")
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def rail_name(rail: str) -> str:
    """A rail of the bank's in words; one nobody knows by its code."""
    return str(RAIL_NAMES.get(rail, rail))
