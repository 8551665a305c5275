"""The verbs of reconciliation as confirm panels: compare and close a day; take, hand over and resolve a ticket."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import Http404, HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.core.actors import Actor
from backoffice.core.confirm import ConfirmForm, ConfirmView, Consequence, Line, Text
from backoffice.core.fields import DayField
from backoffice.core.formats import date_text
from backoffice.repayment.console.autopay import reconciliation_states as states
from backoffice.repayment.console.autopay.reconciliation import (
    day_address,
    day_or_404,
    ticket_address,
    ticket_or_404,
)
from backoffice.repayment.domain.autopay.differences import Resolution
from backoffice.repayment.models import Difference, ReconciledDay
from backoffice.repayment.services.autopay.differences import (
    Asked,
    check_possible,
    hand_over_difference,
    is_booked_beside,
    resolve_difference,
    take_difference,
    waits,
)
from backoffice.repayment.services.autopay.reconciling import close_day, compare_day
from backoffice.staff.models import User
from backoffice.staff.permissions import roles_holding

WORK = "repayment.reconciliation.work"


class DayVerb(ConfirmView):
    """What the verbs of a day have in common."""

    def load(self, *, request: HttpRequest, **address: Any) -> ReconciledDay:
        """The day. Raises Http404."""
        return day_or_404(address["day_id"])

    def back_url(self, *, subject: Any) -> str:
        """Its page."""
        return day_address(subject)

    def subject_line(self, *, subject: Any) -> str:
        """Whose day it is."""
        return f"{subject.whose.name}, {date_text(subject.day)}"


class CompareDay(DayVerb):
    """Compares the day again: what has moved since ends its tickets."""

    permission = "repayment.reconciliation.send"
    title, verb = gettext_lazy("Compare again"), gettext_lazy("Compare")

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """What is open now."""
        return Consequence(
            lines=(Line(gettext_lazy("Unexplained now"), subject.counts.get("unexplained", 0)),),
            warnings=(gettext_lazy("Tickets whose cause is gone end by themselves; what the file proves is booked."),),
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Compares it."""
        compared = compare_day(day_id=subject.pk, actor=actor)
        return _("Compared; unexplained: %(count)d.") % {"count": compared.counts.get("unexplained", 0)}


class CloseDay(DayVerb):
    """Closes a day that has nothing unexplained left."""

    permission = "repayment.reconciliation.close"
    title, verb = gettext_lazy("Close this day"), gettext_lazy("Close the day")

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """What is left open."""
        counts = subject.counts
        unexplained, waiting = counts.get("unexplained", 0), counts.get("waiting", 0)
        return Consequence(
            lines=(
                Line(gettext_lazy("Unexplained"), unexplained, tone="danger" if unexplained else "good", total=True),
                Line(gettext_lazy("Unknown debits"), waiting, tone="danger" if waiting else "good"),
                Line(gettext_lazy("Due in a later file"), counts.get("explained", 0)),
            ),
            warnings=(
                gettext_lazy("It is compared once more first. A difference that comes up later opens it again."),
            ),
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Closes it."""
        close_day(day_id=subject.pk, reason=values["reason"], actor=actor)
        return _("The day is closed.")


class TicketVerb(ConfirmView):
    """What the verbs of a ticket have in common."""

    permission = WORK

    def load(self, *, request: HttpRequest, **address: Any) -> Difference:
        """The ticket, if the person may see it. Raises Http404."""
        return ticket_or_404(request, address["difference_id"])

    def back_url(self, *, subject: Any) -> str:
        """Its page."""
        return ticket_address(subject)

    def subject_line(self, *, subject: Any) -> str:
        """The order and what differs."""
        return f"{subject.order_no}, {states.KIND_LABELS[subject.kind]}"


class TakeForm(ConfirmForm):
    """Taking a ticket needs no reason."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["reason"].required = False


class TakeDifference(TicketVerb):
    """Whoever looks takes the ticket."""

    title, verb = gettext_lazy("Take this difference"), gettext_lazy("Take it")
    form_class = TakeForm

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """Who has it now."""
        return Consequence(lines=(Line(gettext_lazy("Owner"), actor.name, before=subject.owner_name or _("nobody")),))

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Takes it."""
        take_difference(difference_id=subject.pk, actor=actor)
        return _("The difference is yours.")


class HandOverForm(ConfirmForm):
    """Who takes it over: somebody who may work on differences."""

    owner = forms.ModelChoiceField(label=gettext_lazy("New owner"), queryset=User.objects.none())
    field_order = ("owner",)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        people = User.objects.filter(is_active=True, roles__overlap=sorted(roles_holding(code=WORK)))
        self.fields["owner"].queryset = people.order_by("username")  # type: ignore[attr-defined]


class HandOverDifference(TicketVerb):
    """Gives the ticket to a colleague."""

    title, verb = gettext_lazy("Hand this difference over"), gettext_lazy("Hand over")
    form_class = HandOverForm

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Hands it over."""
        owner = values["owner"]
        hand_over_difference(
            difference_id=subject.pk,
            owner_id=owner.pk,
            owner_name=owner.as_actor().name,
            reason=values["reason"],
            actor=actor,
        )
        return _("The difference is handed over.")


class ResolveForm(ConfirmForm):
    """Why; the loan where no order of ours names one, and the day something is expected."""

    loan_number = forms.CharField(label=gettext_lazy("Loan number"), max_length=80)
    due_on = DayField(label=gettext_lazy("Expected in the file of"))
    field_order = ("loan_number", "due_on")

    def __init__(self, *args: Any, needs_loan: bool, needs_day: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        if not needs_loan:
            del self.fields["loan_number"]
        if not needs_day:
            del self.fields["due_on"]


class ResolveDifference(TicketVerb):
    """Ends the ticket one way."""

    title, verb = gettext_lazy("Resolve this difference"), gettext_lazy("Resolve")
    form_class = ResolveForm
    costly = True
    way: Resolution
    portfolios: frozenset[str] | None

    def load(self, *, request: HttpRequest, **address: Any) -> Difference:
        """The ticket and the way it is to end. Raises Http404."""
        try:
            self.way = Resolution(address["way"])
        except ValueError as error:
            raise Http404 from error
        scope = request.user.scope()  # type: ignore[union-attr]
        self.portfolios = None if scope.all else frozenset(scope.portfolios)
        return super().load(request=request, **address)

    def subject_line(self, *, subject: Any) -> str:
        """The order, and what is done."""
        return f"{subject.order_no}: {states.RESOLUTION_LABELS[self.way]}"

    def form_options(self, *, subject: Any) -> dict[str, Any]:
        """Which fields the way asks for."""
        books = self.way in {Resolution.BELIEVE, Resolution.REFUND}
        return {"needs_loan": books and subject.command_id is None, "needs_day": self.way is Resolution.LATER}

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """The two records, and who has to agree. Raises ResolutionNotPossible, DifferenceResolved."""
        check_possible(subject, self._asked({**values, "reason": values.get("reason") or "?"}))
        is_asked_for = waits(subject, self.way, actor=actor)
        ours_in = subject.command.currency if subject.command else subject.currency
        return Consequence(
            lines=(
                Line(gettext_lazy("Ours"), subject.ours, currency=ours_in),
                Line(gettext_lazy("Theirs"), subject.theirs, currency=subject.currency),
                Line(gettext_lazy("What is done"), str(states.RESOLUTION_LABELS[self.way]), total=True),
            ),
            warnings=self._warnings(subject),
            approval=_("A second person agrees: it is beyond your limit.") if is_asked_for else "",
            verb=_("Ask for approval") if is_asked_for else "",
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Resolves it, or asks for it."""
        done = resolve_difference(difference_id=subject.pk, asked=self._asked(values), actor=actor)
        if done.approval_id is not None:
            return _("It waits for a second person.")
        return _("The difference is resolved.")

    def _asked(self, values: Mapping[str, Any]) -> Asked:
        return Asked(
            resolution=self.way,
            reason=values["reason"],
            loan_number=values.get("loan_number", ""),
            due_on=values.get("due_on"),
            portfolios=self.portfolios,
        )

    def _warnings(self, ticket: Difference) -> tuple[Text, ...]:
        """What does not follow by itself."""
        if self.way is Resolution.BELIEVE and is_booked_beside(ticket):
            return (gettext_lazy("It is not split to payees: what they get of it is paid by hand."),)
        return ()
