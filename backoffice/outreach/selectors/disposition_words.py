"""Dispositions in words: one label a code, and the codes a person may choose. collections 6."""

from typing import Final

from django.utils.translation import gettext_lazy as _

from backoffice.core import tones
from backoffice.core.tones import Tone
from backoffice.outreach.domain.dispositions import CODES, MACHINE_SETS

FAMILY: Final = "outreach.disposition"

TELEPHONY: Final = {
    "T-NA": _("rang, no answer"),
    "T-BZ": _("busy"),
    "T-OFF": _("switched off or out of reach"),
    "T-OOS": _("number not in service"),
    "T-CF": _("carrier or system failed"),
    "T-VM": _("voicemail, no word left"),
    "T-VL": _("approved word left on voicemail"),
    "T-DR": _("picked up, then silent or cut off"),
    "T-AB": _("picked up, nobody of ours was free"),
    "T-FX": _("fax or machine"),
    "T-BLK": _("stopped by the gate before dialling"),
    "T-ANS": _("picked up"),
    "B-TALK": _("talked with the bot"),
    "B-NA": _("did not answer the bot"),
}
PARTY: Final = {
    "P-3P": _("another person, told nothing"),
    "P-MSG": _("another person passes on a request to call back"),
    "P-LOC": _("learned where the borrower is"),
    "P-STOP": _("another person wants no more calls"),
    "P-WN": _("wrong number"),
    "P-REP": _("lawful representative reached"),
    "P-SUS": _("suspected unlicensed agent"),
    "P-DEC": _("told that the borrower died"),
}
OUTCOME: Final = {
    "NV": _("identity not confirmed"),
    "HU": _("verified, then hung up"),
    "CB": _("asks to be called back at a time"),
    "PAY": _("paid during the contact"),
    "PTP": _("promised to pay in full"),
    "PPT": _("promised to pay a part"),
    "PLN": _("instalment plan agreed"),
    "APY": _("autopay put right"),
    "CLM": _("says it is paid already"),
    "EXT": _("wants an extension"),
    "HRD": _("hardship"),
    "VUL": _("vulnerable"),
    "NEG": _("negotiates a settlement"),
    "NOA": _("cannot pay, promises nothing"),
    "REF": _("able to pay but refuses"),
    "INF": _("information only"),
    "DSP": _("disputes the debt or the amount"),
    "IDT": _("not their loan, identity theft"),
    "CPL": _("complaint"),
    "CEA": _("wants no contact at all"),
    "OPT": _("opts out of a channel or number"),
    "TIM": _("time or place is inconvenient"),
    "ATY": _("an attorney or adviser acts for them"),
    "MOR": _("statutory moratorium"),
    "BKR": _("bankruptcy or insolvency"),
    "LNG": _("no common language"),
    "ABU": _("abusive to staff"),
    "SOS": _("threat of self-harm or to life"),
}
DELIVERY: Final = {
    "S-SENT": _("sent"),
    "S-DELIVERED": _("delivered"),
    "S-READ": _("read"),
    "S-REPLIED": _("replied"),
    "S-OPTED-OUT": _("opted out by reply"),
    "S-BOUNCED": _("bounced"),
    "S-UNKNOWN": _("nobody knows what became of it"),
    "S-FAILED": _("failed, never left"),
}
LABELS: Final = {
    **TELEPHONY,
    **PARTY,
    **{f"{letter}-{outcome}": label for letter in "RI" for outcome, label in OUTCOME.items()},
    **DELIVERY,
}
"""A label for every code there is."""

_GOOD = ("PAY", "PTP", "PPT", "PLN", "APY")
_GRAVE = ("DSP", "IDT", "CPL", "CEA", "OPT", "ATY", "MOR", "BKR", "ABU", "SOS", "VUL", "HRD")
_TONES: Final[dict[str, Tone]] = {
    **{f"{letter}-{outcome}": "info" for letter in "RI" for outcome in OUTCOME},
    **{f"{letter}-{outcome}": "good" for letter in "RI" for outcome in _GOOD},
    **{f"{letter}-{outcome}": "danger" for letter in "RI" for outcome in _GRAVE},
    **dict.fromkeys(("P-WN", "P-STOP", "P-DEC", "S-BOUNCED", "S-FAILED", "S-OPTED-OUT"), "danger"),
    **dict.fromkeys(("S-UNKNOWN", "T-CF", "T-BLK", "T-AB", "P-SUS"), "warn"),
    **dict.fromkeys(("S-DELIVERED", "S-READ", "S-REPLIED"), "good"),
    **dict.fromkeys(("T-ANS", "B-TALK", "P-REP"), "info"),
}
tones.declare(FAMILY, {code: (LABELS[code], _TONES.get(code, "neutral")) for code in CODES})


def label_of(code: str) -> str:
    """A disposition in words; a code nobody knows reads as itself, an empty one as nothing."""
    return str(LABELS.get(code, code))


def chosen_by_people(*, direction: str) -> list[tuple[str, str]]:
    """(code, label) of what a person may record of a contact the lender made ("out") or the borrower made ("in")."""
    letters = "I" if direction == "in" else "PR"
    return [
        (code, f"{label} · {code}")
        for code, label in LABELS.items()
        if code[0] in letters and code[0] not in MACHINE_SETS
    ]
