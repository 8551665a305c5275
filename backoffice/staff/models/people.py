"""Users and teams."""

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower, Now
from django.utils.translation import gettext_lazy as _

from backoffice.core.actors import Actor
from backoffice.staff.domain.scope import Scope, scope_of
from backoffice.staff.permissions import (
    ADMIN,
    NEEDS_SECOND_FACTOR,
    PERMISSIONS,
    REFERENCE_DATA,
    ROLES,
    SEES_ALL_PORTFOLIOS,
    UnknownPermission,
)


class Team(models.Model):
    """People who work on the same portfolios; no portfolio named means all of them."""

    name = models.CharField(_("name"), max_length=80, unique=True)
    portfolios = ArrayField(
        models.CharField(max_length=40),
        verbose_name=_("portfolios"),
        default=list,
        blank=True,
        help_text=_("Codes of the portfolios this team sees; none means all."),
    )

    class Meta:
        verbose_name = _("team")
        verbose_name_plural = _("teams")
        ordering: ClassVar[list[str]] = ["name"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=~models.Q(name=""), name="team_has_a_name"),
        ]

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    """Creates users; the console does it through `staff.services`, which also writes the trail."""

    def create_user(self, username: str, password: str | None = None, **fields: object) -> "User":
        """A user who may log in; no password means that none works until one is set."""
        user = self.model(username=self.model.normalize_username(username), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, username: str, password: str | None = None, **fields: object) -> "User":
        """`manage.py createsuperuser`: the first administrator."""
        return self.create_user(username, password, roles=[ADMIN], **fields)


class User(AbstractBaseUser):
    """A member of staff. What they may do follows from their roles, what they see from their team."""

    username = models.CharField(
        _("user name"),
        max_length=80,
        unique=True,
        validators=[UnicodeUsernameValidator()],
        error_messages={"unique": _("This user name is taken.")},
    )
    display_name = models.CharField(_("name"), max_length=120, blank=True)
    email = models.EmailField(_("e-mail"), blank=True)
    roles = ArrayField(
        models.CharField(max_length=20, choices=list(ROLES.items())),
        verbose_name=_("roles"),
        default=list,
        blank=True,
    )
    team = models.ForeignKey(
        Team,
        verbose_name=_("team"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="members",
    )
    language = models.CharField(_("language"), max_length=10, blank=True)
    is_active = models.BooleanField(_("may log in"), default=True)
    must_change_password = models.BooleanField(_("must change the password"), default=False)
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects = UserManager()

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        ordering: ClassVar[list[str]] = ["username"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(Lower("username"), name="one_user_per_name_in_any_case"),
            models.CheckConstraint(
                condition=models.Q(roles__contained_by=list(ROLES)),
                name="user_roles_are_known",
            ),
        ]

    def __str__(self) -> str:
        return self.display_name or self.username

    @property
    def role_set(self) -> frozenset[str]:
        """The roles, as a set."""
        return frozenset(self.roles)

    @property
    def needs_second_factor(self) -> bool:
        """True when one of the roles opens no page before a one-time code is given."""
        return bool(self.role_set & NEEDS_SECOND_FACTOR)

    @property
    def is_staff(self) -> bool:
        """Django's admin site asks this: reference data is edited by administrators only."""
        return self.has_permission("console.admin.open")

    def has_permission(self, code: str) -> bool:
        """True when an active person's roles hold the permission. Raises UnknownPermission for an unknown code."""
        permission = PERMISSIONS.get(code)
        if permission is None:
            raise UnknownPermission(code)
        return self.is_active and bool(permission.roles & self.role_set)

    def has_perm(self, perm: str, obj: object = None) -> bool:
        """Django's admin site asks this with its own codes ("app.change_model")."""
        return self.has_module_perms(perm.partition(".")[0])

    def has_module_perms(self, app_label: str) -> bool:
        """Django's admin site asks this for its list of apps: second factors and the like are not reference data."""
        return app_label in REFERENCE_DATA and self.is_staff

    def scope(self) -> Scope:
        """The portfolios this person's rows are restricted to."""
        return scope_of(
            sees_all=bool(self.role_set & SEES_ALL_PORTFOLIOS),
            team_portfolios=None if self.team is None else self.team.portfolios,
        )

    def as_actor(self) -> Actor:
        """This person as every service takes them."""
        return Actor(kind="staff", id=self.pk, name=str(self), roles=self.role_set)
