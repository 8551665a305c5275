"""Reading products: the list, the versions of one, and which is in force on a day."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Max, Min, Prefetch, QuerySet

from backoffice.repayment.domain.product_states import IN_FORCE, OPEN
from backoffice.repayment.domain.terms import Terms
from backoffice.repayment.domain.terms_form import from_json
from backoffice.repayment.models import Product, ProductVersion


@dataclass(frozen=True, slots=True)
class ProductLine:
    """A product in the list: the version in force today, one that waits for its day, and one being worked on."""

    product: Product
    in_force: ProductVersion | None
    coming: ProductVersion | None
    open: ProductVersion | None
    terms: Terms | None


def visible_products(*, user: Any) -> QuerySet[Product]:
    """The products of the portfolios the person's team works on."""
    scope = user.scope()
    products = Product.objects.all()
    return products if scope.all else products.filter(portfolio__in=scope.portfolios)


def visible_versions(*, user: Any) -> QuerySet[ProductVersion]:
    """The versions of the products the person may see, with product and people, newest first."""
    return (
        ProductVersion.objects.filter(product__in=visible_products(user=user))
        .select_related("product", "created_by", "approved_by")
        .order_by("-number")
    )


def product_lines(*, user: Any, as_of: date) -> list[ProductLine]:
    """Every visible product with what is in force on the day; two queries."""
    live = ProductVersion.objects.exclude(state=ProductVersion.State.RETIRED).order_by("number")
    products = visible_products(user=user).prefetch_related(Prefetch("versions", queryset=live, to_attr="live"))
    lines = []
    for product in products:
        in_force = in_force_of(versions=product.live, as_of=as_of)
        lines.append(
            ProductLine(
                product=product,
                in_force=in_force,
                coming=_first(v for v in product.live if v.state == "approved" and v != in_force),
                open=_first(v for v in product.live if v.state in OPEN),
                terms=from_json(in_force.terms) if in_force else None,
            )
        )
    return lines


def in_force_of(*, versions: Iterable[ProductVersion], as_of: date) -> ProductVersion | None:
    """Of some versions of one product, the approved or active one whose day came last by `as_of`."""
    started = [
        version
        for version in versions
        if version.state in IN_FORCE and version.effective_from is not None and version.effective_from <= as_of
    ]
    return max(started, key=lambda version: (version.effective_from, version.number), default=None)


def version_in_force(*, product_id: int, as_of: date) -> ProductVersion | None:
    """The version new loans of the product are made under on a day; None while it has none."""
    return in_force_of(versions=ProductVersion.objects.filter(product_id=product_id, state__in=IN_FORCE), as_of=as_of)


def products_to_activate(*, as_of: date) -> tuple[int, int] | None:
    """First and last id of the products with an approved version whose day has come; None when there are none."""
    due = ProductVersion.objects.filter(state="approved", effective_from__lte=as_of)
    found = due.aggregate(first=Min("product_id"), last=Max("product_id"))
    return None if found["first"] is None else (found["first"], found["last"])


def _first(versions: Iterable[ProductVersion]) -> ProductVersion | None:
    return next(iter(versions), None)
