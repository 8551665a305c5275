"""The products a tape brings along: registered once, as versions the system approved because loans run under them."""

from datetime import date
from typing import Any

from backoffice.audit.services import record
from backoffice.calendars import clock
from backoffice.core.actors import Actor
from backoffice.repayment.domain.terms_form import from_json, to_json
from backoffice.repayment.models import Product, ProductVersion
from backoffice.repayment.tape.book_checks import USABLE
from backoffice.repayment.tape.staging import Stage
from backoffice.repayment.tape.terms_of_loan import terms_json

NEEDED = """
    SELECT p.product_code, coalesce(p.name, p.product_code), p.currency, p.terms, min(l.disbursed_on)
    FROM products p JOIN loans l USING (product_code) JOIN ready r ON r.loan_row = l.rowid
    WHERE p.ok GROUP BY p.product_code
"""


def register_products(*, stage: Stage, portfolio: str, run_id: int, actor: Actor) -> dict[str, int]:
    """Create the products the ready loans need and the book lacks; the usable version of each of the book's products.

    Must run inside the caller's transaction.
    """
    known = set(Product.objects.filter(portfolio=portfolio).values_list("code", flat=True))
    for code, name, currency, terms, first_day in stage.rows(NEEDED):
        if code not in known:
            _create(
                code=code,
                name=name,
                currency=currency,
                terms=to_json(from_json(terms_json(terms) | {"currency": currency})),
                portfolio=portfolio,
                effective_from=date.fromisoformat(first_day),
                run_id=run_id,
                actor=actor,
            )
    versions = ProductVersion.objects.filter(product__portfolio=portfolio, state__in=USABLE).order_by("number")
    return dict(versions.values_list("product__code", "pk"))


def _create(
    *,
    code: str,
    name: str,
    currency: str,
    terms: dict[str, Any],
    portfolio: str,
    effective_from: date,
    run_id: int,
    actor: Actor,
) -> None:
    product = Product.objects.create(code=code, name=name, portfolio=portfolio, currency=currency)
    version = ProductVersion.objects.create(
        product=product,
        number=1,
        state=ProductVersion.State.ACTIVE,
        terms=terms,
        effective_from=effective_from,
        note=f"Brought in with import {run_id}",
        approved_at=clock.now(),
    )
    record(
        verb="repayment.product.imported",
        subject_type="repayment.product",
        subject_id=product.pk,
        actor=actor,
        reason=version.note,
        after={"code": code, "currency": currency, "version": version.number, "terms": terms},
    )
