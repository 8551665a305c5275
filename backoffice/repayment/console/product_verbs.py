"""The verbs of a version as confirm panels: submit it for approval, take it back, retire it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.calendars.selectors import business_date
from backoffice.core import formats
from backoffice.core.actors import Actor
from backoffice.core.confirm import ConfirmForm, ConfirmView, Consequence, Grid, Line, Text
from backoffice.core.fields import AmountField, DayField
from backoffice.core.money import ZERO
from backoffice.repayment.domain.quote import Quote
from backoffice.repayment.domain.terms import Terms
from backoffice.repayment.domain.terms_form import from_json
from backoffice.repayment.models import ProductVersion
from backoffice.repayment.selectors.product_words import difference_in_words
from backoffice.repayment.selectors.products import visible_versions
from backoffice.repayment.selectors.quotes import sample_quote
from backoffice.repayment.services import products
from backoffice.repayment.services.product_costs import check_cost, current_version

SAMPLE = "10000.00"


class SubmitForm(ConfirmForm):
    """When the version starts, and the loan it is judged by."""

    effective_from = DayField(label=gettext_lazy("Starts on"))
    sample_principal = AmountField(label=gettext_lazy("Judged by a loan of"))

    field_order = ("effective_from", "sample_principal")


class VersionVerb(ConfirmView):
    """What the verbs of a version have in common."""

    permission = "repayment.product.edit"

    def load(self, *, request: HttpRequest, **address: Any) -> ProductVersion:
        """The version, if the person may see it. Raises Http404."""
        found = visible_versions(user=request.user).filter(pk=address["version_id"]).first()
        if found is None:
            raise Http404
        return found

    def back_url(self, *, subject: Any) -> str:
        """The page of the version."""
        return reverse("repayment:product_version", args=[subject.pk])

    def subject_line(self, *, subject: Any) -> str:
        """The product and the number of the version."""
        return _("%(product)s, version %(number)s") % {"product": subject.product.name, "number": subject.number}


class SubmitVersion(VersionVerb):
    """Asks a second person; shows what changes and what a loan then costs."""

    title, verb = gettext_lazy("Submit for approval"), gettext_lazy("Ask for approval")
    wide = True
    form_class = SubmitForm

    def initial(self, *, subject: Any) -> dict[str, Any]:
        """Today, and a round loan."""
        return {"effective_from": business_date(), "sample_principal": SAMPLE}

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence | None:
        """The rules that change, and the sample loan before and after. Raises CostAboveCap."""
        on, principal = values["effective_from"], values["sample_principal"]
        terms = from_json(subject.terms)
        current = current_version(product=subject.product)
        before = from_json(current.terms) if current else None
        now = check_cost(terms=terms, principal=principal, disbursed_on=on)
        was = sample_quote(terms=before, principal=principal, disbursed_on=on) if before else None
        return Consequence(
            grid=_changes(before=before, after=terms),
            lines=_costs(was=was, now=now),
            approval=_("A compliance officer or another administrator decides. The version starts on %(day)s.")
            % {"day": formats.date_text(on)},
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Submits it."""
        products.submit(version_id=subject.pk, actor=actor, **values)
        return _("Version %(number)s waits for approval.") % {"number": subject.number}


class TakeBack(VersionVerb):
    """The version becomes a draft again; a request that waits is withdrawn."""

    title, verb = gettext_lazy("Take back"), gettext_lazy("Make it a draft again")

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Takes it back."""
        products.take_back(version_id=subject.pk, actor=actor, reason=values["reason"])
        return _("Version %(number)s is a draft again.") % {"number": subject.number}


class RetireVersion(VersionVerb):
    """No new loan is made under the version; loans already made keep their copy of its terms."""

    permission = "repayment.product.approve"
    title, verb = gettext_lazy("Retire"), gettext_lazy("Retire")
    costly = True

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence | None:
        """What is left for new loans."""
        if subject.state == "active":
            text = _(
                "New loans of this product stop until another version is active. Loans already made do not change."
            )
        else:
            text = _("This version will not start. Loans already made do not change.")
        return Consequence(warnings=(text,))

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Retires it."""
        products.retire(version_id=subject.pk, actor=actor, reason=values["reason"])
        return _("Version %(number)s is retired.") % {"number": subject.number}


class DiscardDraft(RetireVersion):
    """A draft that is not wanted."""

    permission = "repayment.product.edit"
    title, verb = gettext_lazy("Discard the draft"), gettext_lazy("Discard")

    def load(self, *, request: HttpRequest, **address: Any) -> ProductVersion:
        """The draft. Raises Http404 for a version that is no draft."""
        found = super().load(request=request, **address)
        if found.state != "draft":
            raise Http404
        return found


def _changes(*, before: Terms | None, after: Terms) -> Grid | None:
    changes = difference_in_words(before=before, after=after) if before else ()
    if not changes:
        return None
    return Grid(
        caption=_("What changes"),
        columns=((_("Rule"), "text"), (_("Before"), "text"), (_("After"), "text")),
        rows=tuple((change.label, change.was or "–", change.now or "–") for change in changes),
    )


def _costs(*, was: Quote | None, now: Quote) -> tuple[Line, ...]:
    currency = now.request.terms.currency
    return (
        Line(_("First bill"), now.rows[0].total, currency, before=was.rows[0].total if was else None),
        Line(_("Costs in all"), _charged(now), currency, before=_charged(was) if was else None),
        Line(
            _("Yearly cost"),
            formats.percent_text(now.cap.value),
            before=formats.percent_text(was.cap.value) if was else None,
            total=True,
        ),
    )


def _charged(quote: Quote) -> Decimal:
    return sum((row.total for row in quote.rows), ZERO) - quote.request.principal + quote.upfront_fees
