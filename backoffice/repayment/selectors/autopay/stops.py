"""Stops of debits: which stand, why in words, and the one of a loan."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db.models import Count, Min, QuerySet
from django.utils.translation import gettext_lazy, pgettext

from backoffice.repayment.domain.autopay.codes import ISO20022, shipped_codes
from backoffice.repayment.domain.autopay.debit_states import CommandState, StopEnd
from backoffice.repayment.models import DebitStop
from backoffice.repayment.selectors.autopay.code_words import code_in_words, family_in_words
from backoffice.staff.models import User

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

BY_THEMSELVES: Final[dict[str, "_StrPromise"]] = {
    StopEnd.NEWER_AGREEMENT: gettext_lazy("A newer agreement came into force."),
    StopEnd.DAY_CAME: gettext_lazy("Its last day was over."),
    StopEnd.ANOTHER_CAME: gettext_lazy("Another answer stopped the debits for longer."),
}
"""Why stops end without a person."""


def visible_stops(*, user: User) -> QuerySet[DebitStop]:
    """Stops of the loans the person may see, with what a list says of them."""
    return DebitStop.objects.visible_to(user).select_related("loan__borrower", "command__rail")


def standing_stops(*, user: User) -> QuerySet[DebitStop]:
    """Those nobody has ended, the oldest first."""
    return visible_stops(user=user).filter(ended_at__isnull=True).order_by("since", "id")


@dataclass(frozen=True, slots=True)
class StopGroup:
    """Standing stops of one kind of answer and code: one of them, and how many there are."""

    sample: DebitStop
    count: int


def stop_groups(*, user: User) -> list[StopGroup]:
    """The standing stops by what was answered, the largest group first; two queries."""
    alike = standing_stops(user=user).order_by().values("family", "code")
    rows = list(alike.annotate(count=Count("pk"), sample=Min("pk")).order_by("-count", "sample"))
    samples = visible_stops(user=user).in_bulk([row["sample"] for row in rows])
    return [StopGroup(samples[row["sample"]], row["count"]) for row in rows if row["sample"] in samples]


def alike(stop: DebitStop, *, user: User) -> QuerySet[DebitStop]:
    """The standing stops of the same kind of answer and code as one of them."""
    return standing_stops(user=user).filter(family=stop.family, code=stop.code)


def standing_stop_count(*, user: User) -> int:
    """How many wait for a person."""
    return DebitStop.objects.visible_to(user).filter(ended_at__isnull=True).count()


def stop_of_loan(loan_id: int) -> DebitStop | None:
    """The stop that stands on a loan."""
    return DebitStop.objects.standing().select_related("command__rail").filter(loan_id=loan_id).first()


def why_stopped(stop: DebitStop) -> str:
    """What was answered: that the debit was refused or taken back, the kind, and the code with its meaning."""
    is_back = stop.command.state == CommandState.RETURNED
    came = pgettext("stop of debits", "taken back") if is_back else pgettext("stop of debits", "refused")
    # Returns carry ISO reasons on every rail.
    is_iso = is_back and shipped_codes().find(scheme=ISO20022, code=stop.code) is not None
    scheme = ISO20022 if is_iso else stop.command.rail.scheme
    said = [came, family_in_words(stop.family), stop.code, code_in_words(scheme=scheme, code=stop.code)]
    return " · ".join(filter(None, said))


def end_in_words(stop: DebitStop) -> str:
    """Why a stop ended: what a person wrote, or what ended it by itself."""
    return str(BY_THEMSELVES.get(stop.end_reason, stop.end_reason))
