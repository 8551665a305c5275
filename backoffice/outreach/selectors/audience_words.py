"""An audience and a campaign in the language of the reader, part by part."""

from collections.abc import Mapping
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from backoffice.core.formats import amount_text, count_text
from backoffice.outreach.domain.audiences import AudienceFilter, Between, read_audience
from backoffice.outreach.domain.plan_content import PlanFaulty

FIELD_LABELS: Final[Mapping[str, Promise]] = {
    "portfolios": gettext_lazy("Portfolios"),
    "countries": gettext_lazy("Countries"),
    "languages": gettext_lazy("Languages"),
    "loans": gettext_lazy("Loans"),
    "buckets": gettext_lazy("Buckets"),
    "days_past_due": gettext_lazy("Days past due"),
    "due_in": gettext_lazy("Next bill due in"),
    "outstanding": gettext_lazy("Outstanding"),
    "settled_ago": gettext_lazy("All settled since"),
    "loans_taken": gettext_lazy("Loans ever taken"),
}
LOANS_LABELS: Final[Mapping[str, Promise]] = {
    "active": gettext_lazy("has a running loan"),
    "settled": gettext_lazy("has settled every loan"),
}


def audience_in_words(*, content: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Label and text of every part that narrows; empty for a content that cannot be read."""
    try:
        found = read_audience(content)
    except PlanFaulty:
        return []
    return [(str(FIELD_LABELS[name]), text) for name, text in _parts(found).items() if text]


def _parts(found: AudienceFilter) -> dict[str, str]:
    amounts = found.outstanding
    return {
        "portfolios": ", ".join(found.portfolios),
        "countries": ", ".join(found.countries),
        "languages": ", ".join(found.languages),
        "loans": str(LOANS_LABELS[found.loans]) if found.loans else "",
        "buckets": ", ".join(found.buckets),
        "days_past_due": _range(found.days_past_due),
        "due_in": _days(found.due_in),
        "outstanding": _ends(
            *(
                None if end is None else amount_text(end, currency=amounts.currency)
                for end in (amounts.low, amounts.high)
            )
        )
        if amounts
        else "",
        "settled_ago": _days(found.settled_ago),
        "loans_taken": _range(found.loans_taken),
    }


def _range(between: Between | None) -> str:
    if between is None:
        return ""
    return _ends(*(None if end is None else count_text(end) for end in (between.low, between.high)))


def _days(between: Between | None) -> str:
    """A range of days; the last number says which form of the word follows."""
    if between is None:
        return ""
    last = between.high if between.high is not None else between.low or 0
    return ngettext("%(range)s day", "%(range)s days", last) % {"range": _range(between)}


def _ends(low: str | None, high: str | None) -> str:
    if low is None:
        return _("at most %(high)s") % {"high": high}
    if high is None:
        return _("at least %(low)s") % {"low": low}
    return low if low == high else _("%(low)s to %(high)s") % {"low": low, "high": high}
