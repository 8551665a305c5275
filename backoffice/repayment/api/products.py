"""Reading products over the API: which there are, and every version of one with its terms."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.core.api.fields import DayField, currency_field
from backoffice.core.api.views import ApiView, ListView
from backoffice.core.errors import Refusal
from backoffice.repayment.models import Product, ProductVersion
from backoffice.repayment.selectors.products import visible_products, visible_versions

VIEW_PRODUCTS: dict[str, str] = {"GET": "repayment.product.view"}


class ProductNotFound(Refusal):
    """No product has that number, or the caller may not see it."""

    code: ClassVar[str] = "repayment.product_not_found"
    status: ClassVar[int] = 404


class ProductSerializer(serializers.Serializer):
    """A product of one portfolio and one currency."""

    id = serializers.IntegerField()
    code = serializers.CharField()
    name = serializers.CharField()
    portfolio = serializers.CharField()
    currency = currency_field()
    created_at = serializers.DateTimeField()


class ProductVersionSerializer(serializers.Serializer):
    """One version of a product: its terms as a loan copies them, and where it stands."""

    number = serializers.IntegerField()
    state = serializers.ChoiceField(choices=ProductVersion.State.choices)
    effective_from = DayField(allow_null=True)
    terms = serializers.JSONField(help_text="as copied into a loan when it is paid out")
    note = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()
    approved_at = serializers.DateTimeField(allow_null=True)


class ProductsQuery(serializers.Serializer):
    """Filters of the list of products."""

    portfolio = serializers.CharField(max_length=64, required=False)
    currency = currency_field(required=False)
    code = serializers.CharField(max_length=64, required=False)


class ProductsView(ListView):
    """Products, newest first."""

    permissions_by_method: ClassVar[dict[str, str]] = VIEW_PRODUCTS
    query_serializer_class = ProductsQuery
    serializer_class = ProductSerializer

    def rows(self, **equal: str) -> QuerySet[Product]:
        """The products the person may see that fit every filter."""
        return visible_products(user=self.request.user).filter(**equal)


class ProductView(ApiView):
    """One product."""

    permissions_by_method: ClassVar[dict[str, str]] = VIEW_PRODUCTS
    serializer_class = ProductSerializer

    def get(self, request: Request, product_id: int) -> Response:
        """Its code, name, portfolio and currency."""
        return Response(self.serializer_class(_product(user=request.user, product_id=product_id)).data)


class ProductVersionsView(ListView):
    """The versions of a product, newest first."""

    permissions_by_method: ClassVar[dict[str, str]] = VIEW_PRODUCTS
    serializer_class = ProductVersionSerializer
    ordering = ("-number",)

    def rows(self, *, product_id: int) -> QuerySet[ProductVersion]:
        """The versions, drafts among them."""
        product = _product(user=self.request.user, product_id=product_id)
        return visible_versions(user=self.request.user).filter(product=product)


def _product(*, user: Any, product_id: int) -> Product:
    product = visible_products(user=user).filter(pk=product_id).first()
    if product is None:
        raise ProductNotFound(_("There is no such product."), next_step=_("Look in the list of products."))
    return product
