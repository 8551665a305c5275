"""Debits nobody knows the fate of, and a person's word about one."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from backoffice.calendars import clock
from backoffice.calendars.selectors import business_date
from backoffice.core import formats
from backoffice.core.access import may, requires
from backoffice.core.actors import Actor
from backoffice.core.confirm import ConfirmForm, ConfirmView, Consequence, Line, Text
from backoffice.core.errors import Refusal
from backoffice.core.http import refused
from backoffice.core.tables import Column, Table, Words
from backoffice.repayment.console.autopay.debits import debit_address, why
from backoffice.repayment.models import DebitCommand
from backoffice.repayment.selectors.autopay.debits import debit_shown, searched, unknown_debits
from backoffice.repayment.selectors.autopay.money_to_place import MOST, money_to_place
from backoffice.repayment.services.autopay.resolving import decide_unknown, needs_second
from backoffice.staff.access import person_of


def _age(command: DebitCommand) -> str | None:
    if command.submitted_at is None:
        return None
    return formats.seconds_text((clock.now() - command.submitted_at).total_seconds())


UNKNOWNS = Table(
    name="unknowns",
    caption=gettext_lazy("Unknown debits"),
    columns=(
        Column("order_no", pgettext_lazy("debit", "Order"), kind="code", link=debit_address, css="nowrap"),
        Column("loan", gettext_lazy("Loan"), value="loan.external_id", css="nowrap"),
        Column("rail", gettext_lazy("Rail"), value="rail.name"),
        Column("bank", gettext_lazy("Bank"), value="mandate.bank"),
        Column("amount", gettext_lazy("Amount"), kind="money"),
        Column("submitted_at", gettext_lazy("Submitted"), kind="moment"),
        Column("age", gettext_lazy("Age"), value=_age, css="money"),
        Column("looks", pgettext_lazy("queries", "Asked"), kind="count"),
        Column("look_at", gettext_lazy("Asked next"), kind="moment"),
        Column("why", gettext_lazy("What is known"), value=why, css="muted words"),
    ),
    filters=(Words("q", gettext_lazy("Order, loan or borrower"), narrow=searched),),
    order=("id",),
    row_url=debit_address,
    count_up_to=10_000,
    empty_title=gettext_lazy("No debit is unknown"),
    empty_text=gettext_lazy("When an answer does not come, the debit stands here until its rail or a person knows."),
)


@requires("repayment.autopay.view")
def unknowns(request: HttpRequest) -> HttpResponse:
    """Unknown debits of the person's portfolios, the oldest first; below them money that waits to be placed."""
    try:
        table = UNKNOWNS.shown(rows=unknown_debits(user=person_of(request)), query=request.GET)
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=reverse("repayment:unknown_debits"))
    context = {
        "table": table,
        "may_decide": may(request, "repayment.debit.decide"),
        "waiting": money_to_place(user=person_of(request), today=business_date()),
        "most": MOST,
    }
    return render(request, "repayment/autopay/unknowns.html", context)


class DecideForm(ConfirmForm):
    """What became of a debit."""

    was_debited = forms.TypedChoiceField(
        label=gettext_lazy("The bank says"),
        choices=[("yes", gettext_lazy("it was debited")), ("no", gettext_lazy("it was never debited"))],
        coerce=lambda chosen: chosen == "yes",
    )
    debited_at = forms.DateTimeField(
        label=gettext_lazy("Debited at"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
        help_text=gettext_lazy("The bank's time; when it is left empty, the time the debit was submitted."),
    )

    def clean(self) -> dict[str, Any]:
        """The answer. Raises ValidationError for a time that has not come."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        at = cleaned.get("debited_at")
        if at is not None and at > clock.now():
            self.add_error("debited_at", _("This time has not come yet."))
        return cleaned


class DecideUnknown(ConfirmView):
    """Says what became of a debit whose rail cannot tell."""

    permission = "repayment.debit.decide"
    title: ClassVar[Text] = gettext_lazy("Decide what became of the debit")
    verb: ClassVar[Text] = gettext_lazy("Decide")
    costly = True
    form_class = DecideForm

    def load(self, *, request: HttpRequest, **address: Any) -> DebitCommand:
        """The debit, if the person may see it. Raises DebitNotFound."""
        return debit_shown(command_id=address["command_id"], user=person_of(request)).command

    def back_url(self, *, subject: Any) -> str:
        """The debit's page."""
        return debit_address(subject)

    def subject_line(self, *, subject: Any) -> str:
        """Its order number and loan."""
        return _("order %(order)s, loan %(loan)s") % {"order": subject.order_no, "loan": subject.loan.external_id}

    def initial(self, *, subject: Any) -> dict[str, Any]:
        """Never debited: it books nothing."""
        return {"was_debited": "no"}

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """The payment that is booked, or that the bill may be tried again."""
        if values["was_debited"]:
            return Consequence(
                lines=(Line(_("Booked as a payment"), subject.amount, currency=subject.currency, total=True),),
                warnings=(_("It is booked on the loan and split to the payees at once."),),
            )
        waits = needs_second(command=subject, actor=actor)
        return Consequence(
            lines=(Line(_("Not debited"), subject.amount, currency=subject.currency, total=True),),
            approval=_("A second person agrees: it is beyond your limit.") if waits else "",
            verb=_("Ask for approval") if waits else "",
            warnings=(
                _("The rail is asked once more first: while it is at work on the order, nothing is decided."),
                _("A later slot may debit the bill again. If the bank did debit it, the borrower pays twice."),
                _("A notice or the settlement file that proves the debit is still believed."),
            ),
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Decides it."""
        done = decide_unknown(
            command_id=subject.pk,
            was_debited=values["was_debited"],
            debited_at=values["debited_at"],
            reason=values["reason"],
            at=clock.now(),
            actor=actor,
        )
        if done.approval_id is not None:
            return _("It waits for a second person.")
        return _("The debit is not unknown any more.")
