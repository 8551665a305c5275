"""Tokens: how a program speaks for a member of staff."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from backoffice.staff.models.people import User


class ApiToken(models.Model):
    """A secret a program shows instead of a password. Only its digest is kept; the secret is shown once."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="api_tokens")
    name = models.CharField(_("what it is for"), max_length=80)
    prefix = models.CharField(_("first characters"), max_length=12)
    digest = models.BinaryField(_("digest"), max_length=32, unique=True)
    scopes = ArrayField(
        models.CharField(max_length=60),
        verbose_name=_("permissions"),
        help_text=_("Permission codes; the owner's roles limit them further at every call."),
    )
    created_at = models.DateTimeField(_("issued"), db_default=Now(), editable=False)
    expires_at = models.DateTimeField(_("expires"))
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)

    class Meta:
        verbose_name = _("token")
        verbose_name_plural = _("tokens")
        ordering: ClassVar[list[str]] = ["-id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=~models.Q(scopes__len=0), name="token_allows_something"),
        ]

    def __str__(self) -> str:
        return f"{self.prefix}… {self.name}"

    def allows(self, code: str) -> bool:
        """True when the permission is within the token's scopes; the owner's roles are asked separately."""
        return code in self.scopes
