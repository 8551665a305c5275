"""What a loan made now would cost: schedules computed from terms and from the days declared so far, nothing stored."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from backoffice.repayment.domain.quote import Quote, make_quote
from backoffice.repayment.domain.terms import Terms
from backoffice.repayment.domain.terms_form import QuoteRequest, quote_from_json
from backoffice.repayment.selectors.declared_days import as_made_now


def quote_asked_for(*, body: Any) -> Quote:
    """The quote for a request as JSON. Raises InvalidTerms and as `make_quote`."""
    return _quote(quote_from_json(body))


def sample_quote(*, terms: Terms, principal: Decimal, disbursed_on: date) -> Quote:
    """What a loan of `principal` would cost under the terms. Raises as `make_quote`."""
    return _quote(QuoteRequest(terms=terms, principal=principal, disbursed_on=disbursed_on))


def _quote(request: QuoteRequest) -> Quote:
    (terms,) = as_made_now(terms=[request.terms])
    return make_quote(replace(request, terms=terms))
