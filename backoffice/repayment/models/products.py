"""Products as versioned data: drafted, approved by a second person, effective from a date."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class Product(models.Model):
    """A loan product of one portfolio and one currency."""

    code = models.SlugField(max_length=64, unique=True)
    name = models.CharField(max_length=120)
    portfolio = models.CharField(max_length=64, db_index=True)
    currency = models.CharField(max_length=3)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["code"]

    def __str__(self) -> str:
        return self.name


class ProductVersion(models.Model):
    """One version of a product's terms; `terms` is the canonical JSON of `domain.terms.Terms`."""

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        SUBMITTED = "submitted", _("Waiting for approval")
        APPROVED = "approved", _("Approved")
        ACTIVE = "active", _("Active")
        RETIRED = "retired", _("Retired")

    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=12, choices=State.choices, default=State.DRAFT)
    terms = models.JSONField()
    effective_from = models.DateField(null=True, blank=True)
    note = models.CharField(max_length=300, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    approved_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["product_id", "-number"]
        constraints = [
            models.UniqueConstraint(
                fields=["product", "number"],
                name="version_number_is_unique_in_its_product",
            ),
            models.UniqueConstraint(
                fields=["product", "effective_from"],
                condition=models.Q(state__in=["approved", "active"]),
                name="one_version_of_a_product_starts_on_a_day",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.product} v{self.number}"
