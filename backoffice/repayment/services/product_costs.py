"""What a version of a product would cost a borrower: judged by its cap, and said in words to who has to approve it."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar

from django.utils.translation import gettext as _

from backoffice.audit.models import Approval
from backoffice.calendars.selectors import business_date
from backoffice.core.errors import Refusal
from backoffice.core.formats import amount_text, date_text, percent_text
from backoffice.repayment.domain.product_states import IN_FORCE
from backoffice.repayment.domain.quote import Quote
from backoffice.repayment.domain.terms import Terms
from backoffice.repayment.domain.terms_form import from_json
from backoffice.repayment.models import Product, ProductVersion
from backoffice.repayment.selectors.product_words import difference_in_words
from backoffice.repayment.selectors.products import in_force_of
from backoffice.repayment.selectors.quotes import sample_quote


class CostAboveCap(Refusal):
    """A loan under these terms would cost more a year than their own cap."""

    code: ClassVar[str] = "repayment.product_cost_above_cap"


def check_cost(*, terms: Terms, principal: Decimal, disbursed_on: date) -> Quote:
    """The quote of the sample loan. Raises CostAboveCap when it crosses the terms' own cap."""
    quote = sample_quote(terms=terms, principal=principal, disbursed_on=disbursed_on)
    if quote.cap.verdict == "above" and quote.cap.cap.rate is not None:
        cost, cap = percent_text(quote.cap.value), percent_text(quote.cap.cap.rate)
        raise CostAboveCap(
            _("A loan of %(amount)s would cost %(cost)s a year; the cap is %(cap)s.")
            % {"amount": amount_text(principal, currency=terms.currency), "cost": cost, "cap": cap},
            next_step=_("Lower the rate or the fees."),
            fields={"annual_rate": _("with all fees this costs %(cost)s a year") % {"cost": cost}},
        )
    return quote


def consequence_of(approval: Approval) -> str:
    """What approving a waiting request would change, in words and numbers as of now."""
    version = ProductVersion.objects.select_related("product").filter(pk=approval.payload["version"]).first()
    return consequence_in_words(version=version, payload=approval.payload) if version else approval.consequence


def consequence_in_words(*, version: ProductVersion, payload: Mapping[str, Any]) -> str:
    """The change and its price on the sample loan, in sentences."""
    terms = from_json(version.terms)
    principal = Decimal(payload["sample_principal"])
    on = date.fromisoformat(payload["effective_from"])
    sentences = [
        _("%(product)s version %(number)s from %(day)s.")
        % {"product": version.product.name, "number": version.number, "day": date_text(on)}
    ]
    current = current_version(product=version.product)
    if current is None or current.pk == version.pk:
        sentences.append(_price(sample_quote(terms=terms, principal=principal, disbursed_on=on)))
        return " ".join(sentences)
    before = from_json(current.terms)
    sentences += [
        f"{change.label}: {change.was or '–'} → {change.now or '–'}."
        for change in difference_in_words(before=before, after=terms)
    ]
    was = sample_quote(terms=before, principal=principal, disbursed_on=on)
    now = sample_quote(terms=terms, principal=principal, disbursed_on=on)
    sentences += [_("Now: %(price)s") % {"price": _price(was)}, _("Then: %(price)s") % {"price": _price(now)}]
    return " ".join(sentences)


def current_version(*, product: Product) -> ProductVersion | None:
    """The version in force on the business date."""
    return in_force_of(versions=product.versions.filter(state__in=IN_FORCE), as_of=business_date())


def _price(quote: Quote) -> str:
    currency = quote.request.terms.currency
    cost = sum((row.total for row in quote.rows), quote.upfront_fees) - quote.request.principal
    return _("%(amount)s costs %(cost)s in all, %(rate)s a year.") % {
        "amount": amount_text(quote.request.principal, currency=currency),
        "cost": amount_text(cost, currency=currency),
        "rate": percent_text(quote.cost.apr_irr),
    }
