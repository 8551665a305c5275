"""A borrower, the points they can be reached at, and the digests they are found by."""

from typing import TYPE_CHECKING, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import HashIndex, OpClass
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now, Upper
from django.utils.translation import gettext_lazy as _

from backoffice.customers.fields import SealedField

if TYPE_CHECKING:
    from backoffice.staff.models import User


class BorrowerQuerySet(models.QuerySet["Borrower"]):
    """Borrowers, restricted to who asks."""

    def visible_to(self, user: "User") -> "BorrowerQuerySet":
        """Borrowers of the portfolios the person works on."""
        scope = user.scope()
        return self if scope.all else self.filter(portfolio__in=scope.portfolios)


class Borrower(models.Model):
    """A person who borrowed. Personal data is sealed; what a set does not say is empty, never invented."""

    external_id = models.CharField(_("external id"), max_length=80)
    source = models.CharField(_("book"), max_length=40)
    portfolio = models.CharField(_("portfolio"), max_length=40)
    family_name = SealedField(_("family name"), null=True, blank=True)
    given_name = SealedField(_("given name"), null=True, blank=True)
    full_name = SealedField(_("name"), null=True, blank=True)
    identity_number = SealedField(_("identity number"), null=True, blank=True)
    identity_kind = models.CharField(_("kind of identity number"), max_length=20, blank=True)
    identity_country = models.CharField(_("country of the identity number"), max_length=2, blank=True)
    birth_year = models.PositiveSmallIntegerField(_("year of birth"), null=True, blank=True)
    country = models.CharField(_("country"), max_length=2, blank=True)
    time_zone = models.CharField(_("time zone"), max_length=40, blank=True)
    language = models.CharField(_("language"), max_length=10, blank=True)
    merged_into = models.ForeignKey(
        "self",
        verbose_name=_("merged into"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="absorbed",
    )
    key_id = models.CharField(_("key the data is sealed with"), max_length=40, blank=True)
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)

    objects = BorrowerQuerySet.as_manager()

    class Meta:
        verbose_name = _("borrower")
        verbose_name_plural = _("borrowers")
        ordering: ClassVar[list[str]] = ["id"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(OpClass(Upper("external_id"), name="text_pattern_ops"), name="borrowers_by_external_id"),
            models.Index(fields=["portfolio", "id"], name="borrowers_of_a_portfolio"),
            models.Index(
                fields=["key_id", "id"],
                name="borrowers_by_key",
                condition=~Q(key_id=""),
            ),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["source", "external_id"],
                name="one_borrower_per_external_id_and_book",
            ),
            models.CheckConstraint(condition=~Q(external_id=""), name="borrower_has_an_external_id"),
            models.CheckConstraint(condition=~Q(portfolio=""), name="borrower_belongs_to_a_portfolio"),
            models.CheckConstraint(
                condition=Q(merged_into__isnull=True) | ~Q(merged_into=models.F("id")),
                name="borrower_is_not_merged_into_itself",
            ),
            models.CheckConstraint(
                condition=Q(birth_year__isnull=True) | Q(birth_year__range=(1900, 2100)),
                name="year_of_birth_is_plausible",
            ),
        ]

    def __str__(self) -> str:
        return self.external_id


class ContactPoint(models.Model):
    """A phone, an e-mail address or a postal address of a borrower; the value is sealed, the mask may be shown."""

    class Kind(models.TextChoices):
        """What sort of point it is."""

        PHONE = "phone", _("phone")
        EMAIL = "email", _("e-mail")
        ADDRESS = "address", _("address")

    class Quality(models.TextChoices):
        """What is known about it."""

        UNKNOWN = "unknown", _("not tried")
        GOOD = "good", _("works")
        BAD = "bad", _("does not work")
        WRONG_PERSON = "wrong_person", _("belongs to somebody else")
        DO_NOT_USE = "do_not_use", _("not to be used")

    borrower = models.ForeignKey(Borrower, on_delete=models.PROTECT, related_name="contact_points")
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    value = SealedField(_("value"))
    masked = models.CharField(_("shown as"), max_length=120)
    country = models.CharField(_("country"), max_length=2, blank=True)
    # The zones it may ring in or lie in, as the number or the country tells; none when it does not tell.
    time_zones = ArrayField(models.CharField(max_length=40), verbose_name=_("time zones"), default=list, blank=True)
    # The same for two points that are one and the same phone, mailbox or place, whoever they belong to.
    digest = models.BinaryField(_("digest"), max_length=16, null=True)
    quality = models.CharField(_("quality"), max_length=12, choices=Quality.choices, default=Quality.UNKNOWN)
    is_primary = models.BooleanField(_("first choice"), default=False)
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)
    ended_at = models.DateTimeField(_("no longer used"), null=True, blank=True)

    class Meta:
        verbose_name = _("contact point")
        verbose_name_plural = _("contact points")
        ordering: ClassVar[list[str]] = ["kind", "-is_primary", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["borrower", "kind"],
                condition=Q(is_primary=True, ended_at__isnull=True),
                name="one_first_choice_per_borrower_and_kind",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["phone", "email", "address"]),
                name="contact_point_kind_is_known",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [HashIndex(fields=["digest"], name="points_that_are_the_same")]

    def __str__(self) -> str:
        return self.masked


class BlindIndex(models.Model):
    """A keyed digest of something a borrower can be found by; the text itself is nowhere in the row.

    The borrower's portfolio stands beside it, and no index but the hash one leads with the borrower, so that a search
    reads the entries of its digest and nothing else, however the planner guesses.
    """

    class Kind(models.TextChoices):
        """What was digested."""

        PHONE = "phone", _("phone")
        PHONE_LAST4 = "phone_last4", _("last four digits of a phone")
        IDENTITY = "identity", _("identity number")
        IDENTITY_LAST4 = "identity_last4", _("last four of the identity number")
        EMAIL = "email", _("e-mail")
        NAME_PREFIX = "name_prefix", _("beginning of a name")

    borrower = models.ForeignKey(Borrower, on_delete=models.PROTECT, related_name="blind_indexes", db_index=False)
    kind = models.CharField(_("kind"), max_length=16, choices=Kind.choices)
    digest = models.BinaryField(_("digest"), max_length=16)
    portfolio = models.CharField(_("portfolio"), max_length=40)

    class Meta:
        verbose_name = _("blind index")
        verbose_name_plural = _("blind indexes")
        indexes: ClassVar[list[models.Index]] = [
            HashIndex(fields=["borrower"], name="digests_of_a_borrower"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["digest", "borrower", "kind"],
                include=["portfolio"],
                name="digest_stands_once_per_borrower",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.borrower_id}"
