"""How experiments read on a screen: tones of their states, and verdicts in words."""

from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext_lazy as _

from backoffice.core import tones
from backoffice.core.tones import Tone
from backoffice.outreach.domain.experiments.effects import Verdict
from backoffice.outreach.models import Experiment

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

EXPERIMENT: Final = "outreach.experiment"

tones.declare(
    EXPERIMENT,
    {
        Experiment.State.DRAFT: (_("draft"), "neutral"),
        Experiment.State.RUNNING: (_("running"), "info"),
        Experiment.State.STOPPED: (_("stopped"), "warn"),
        Experiment.State.DECIDED: (_("decided"), "good"),
        Experiment.State.DISCARDED: (_("discarded"), "neutral"),
    },
)

VERDICTS: Final["dict[Verdict, _StrPromise]"] = {
    "more": _("more"),
    "less": _("less"),
    "unclear": _("may be chance"),
    "too_few": _("too few"),
}


def tone_of(*, verdict: Verdict, is_better: bool) -> Tone:
    """Good where the arm does better, danger where it does worse, neutral where nothing is known."""
    if verdict in {"unclear", "too_few"}:
        return "neutral"
    return "good" if is_better else "danger"
