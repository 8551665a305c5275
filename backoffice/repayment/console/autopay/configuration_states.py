"""How versions of autopay configurations read on a screen: the tones of their states and of what is found."""

from typing import Final

from backoffice.core import tones
from backoffice.core.tones import Tone
from backoffice.repayment.domain.autopay.version_states import VersionState
from backoffice.repayment.models.autopay.configurations import VERSION_LABELS

VERSION: Final = "repayment.autopay_version"
TONES: Final[dict[VersionState, Tone]] = {
    VersionState.DRAFT: "info",
    VersionState.CHECKED: "info",
    VersionState.SIMULATED: "info",
    VersionState.SUBMITTED: "warn",
    VersionState.APPROVED: "info",
    VersionState.CANARY: "warn",
    VersionState.ACTIVE: "good",
    VersionState.RETIRED: "neutral",
}

tones.declare(VERSION, {state: (VERSION_LABELS[state], tone) for state, tone in TONES.items()})
