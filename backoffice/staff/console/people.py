"""The pages of users and teams."""

from dataclasses import replace
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from backoffice.core.access import actor_of, requires
from backoffice.core.actors import Actor
from backoffice.core.confirm import ConfirmView, Consequence, Line, Text
from backoffice.core.errors import Refusal
from backoffice.core.fields import ReasonField
from backoffice.core.formats import moment_text
from backoffice.core.http import SeeOther, page_or_part, refused
from backoffice.core.tables import Choice, Column, Flag, Table, Words
from backoffice.core.telling import told
from backoffice.staff import selectors, services
from backoffice.staff.console import states
from backoffice.staff.models import Team
from backoffice.staff.permissions import PERMISSIONS, ROLES, codes_of
from backoffice.staff.services import tokens

MANAGE = "staff.user.manage"

USERS = Table(
    name="users",
    caption=gettext_lazy("Users"),
    columns=(
        Column("display_name", gettext_lazy("Name"), sort="display_name", value=str, link=lambda user: _address(user)),
        Column("username", gettext_lazy("User name"), kind="code", sort="username"),
        Column("roles", gettext_lazy("Roles"), value=lambda user: _role_names(user.roles)),
        Column("team", gettext_lazy("Team"), value="team.name", sort="team__name"),
        Column("is_enrolled", gettext_lazy("Second factor"), value=lambda user: _second_factor(user)),
        Column("state", gettext_lazy("State"), kind="state", value=states.state_of, family=states.FAMILY),
        Column("last_login", gettext_lazy("Last login"), kind="moment", sort="last_login"),
    ),
    filters=(
        Words("q", gettext_lazy("Name"), narrow=lambda rows, text: rows.filter(display_name__icontains=text)),
        Choice(
            "role",
            gettext_lazy("Role"),
            choices=tuple(ROLES.items()),
            narrow=lambda rows, role: rows.filter(roles__contains=[role]),
        ),
        Choice("team", gettext_lazy("Team"), choices=selectors.team_choices, path="team_id"),
        Flag("disabled", gettext_lazy("Disabled too"), narrow=lambda rows: rows),
    ),
    order=("display_name",),
    row_url=lambda user: _address(user),
    row_css=lambda user: "" if user.is_active else "gone",
    count_up_to=1000,
    empty_title=gettext_lazy("Nobody works here yet"),
)

TEAMS = Table(
    name="teams",
    caption=gettext_lazy("Teams"),
    columns=(
        Column("name", gettext_lazy("Team"), sort="name"),
        Column("portfolios", gettext_lazy("Portfolios"), value=lambda team: ", ".join(team.portfolios) or _("all")),
        Column("members_count", gettext_lazy("People"), kind="count", sort="members_count"),
    ),
    order=("name",),
    empty_title=gettext_lazy("There is no team yet"),
    empty_text=gettext_lazy("People see the loans of their team's portfolios; make a team first."),
)
# For those who may change a team, its row leads to it.
TEAMS_TO_CHANGE = replace(TEAMS, row_url=lambda team: reverse("staff:team", args=[team.pk]))


class UserForm(forms.Form):
    """A user, except for the user name, which never changes."""

    display_name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    email = forms.EmailField(label=gettext_lazy("E-mail"), required=False)
    team = forms.ChoiceField(label=gettext_lazy("Team"), required=False, choices=())
    language = forms.ChoiceField(label=gettext_lazy("Language"), required=False, choices=())
    roles = forms.MultipleChoiceField(
        label=gettext_lazy("Roles"), choices=tuple(ROLES.items()), widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["team"].choices = [("", _("none")), *selectors.team_choices()]  # type: ignore[attr-defined]
        languages = [("", _("as the browser asks")), *settings.LANGUAGES]
        self.fields["language"].choices = languages  # type: ignore[attr-defined]

    def values(self) -> dict[str, Any]:
        """What the services take."""
        values = dict(self.cleaned_data)
        team = values.pop("team")
        return values | {"team_id": int(team) if team else None}


class NewUserForm(UserForm):
    """A user before they exist."""

    username = forms.CharField(label=gettext_lazy("User name"), max_length=80)
    field_order = ("username", "display_name", "email", "team", "language", "roles")


class TeamForm(forms.Form):
    """A team and what it sees."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=80)
    portfolios = forms.CharField(
        label=gettext_lazy("Portfolios"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        help_text=gettext_lazy("One code a line; none means all of them."),
    )

    def clean_portfolios(self) -> list[str]:
        """The codes, one a line."""
        return [line.strip() for line in self.cleaned_data["portfolios"].splitlines() if line.strip()]


@requires("staff.user.view")
def users(request: HttpRequest) -> HttpResponse:
    """Everybody who works here."""
    rows = selectors.users_with_standing()
    if request.GET.get("disabled") != "1":
        rows = rows.filter(is_active=True)
    try:
        table = USERS.shown(rows=rows, query=request.GET)
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=reverse("staff:users"))
    context = {"table": table, "may_manage": request.user.has_permission(MANAGE)}  # type: ignore[union-attr]
    return page_or_part(request, page="staff/users.html", part="console/_table.html", context=context)


@never_cache
@require_http_methods(["GET", "POST"])
@requires(MANAGE)
def new_user(request: HttpRequest) -> HttpResponse:
    """Makes a user and shows the password for their first login once."""
    form = NewUserForm(request.POST or None)
    status = 200 if request.method == "GET" else 422
    if request.method == "POST" and form.is_valid():
        try:
            made = services.create_user(actor=actor_of(request.user), **form.values())
        except Refusal as refusal:
            status = _take(form, refusal)
        else:
            return _password_once(request, made)
    return render(request, "staff/user_form.html", {"form": form, "person": None}, status=status)


@requires("staff.user.view")
def user(request: HttpRequest, user_id: int) -> HttpResponse:
    """One user: who they are, what their roles allow, and the verbs an administrator has for them."""
    person = get_object_or_404(selectors.users_with_standing(), pk=user_id)
    context = {
        "person": person,
        "state": states.state_of(person),
        "role_names": _role_names(person.roles),
        "permissions": [PERMISSIONS[code].label for code in sorted(codes_of(roles=person.role_set))],
        "tokens": tokens.tokens_of(user=person),
        "is_self": person.pk == request.user.pk,
        "may_manage": request.user.has_permission(MANAGE),  # type: ignore[union-attr]
    }
    return render(request, "staff/user.html", context)


@require_http_methods(["GET", "POST"])
@requires(MANAGE)
def change_user(request: HttpRequest, user_id: int) -> HttpResponse:
    """Changes a user's name, roles, team, e-mail address or language."""
    person = get_object_or_404(selectors.users_with_standing(), pk=user_id)
    initial = {
        "display_name": person.display_name,
        "email": person.email,
        "team": str(person.team_id or ""),
        "language": person.language,
        "roles": person.roles,
    }
    form = UserForm(request.POST or None, initial=initial)
    status = 200 if request.method == "GET" else 422
    if request.method == "POST" and form.is_valid():
        try:
            services.change_user(user_id=person.pk, actor=actor_of(request.user), **form.values())
        except Refusal as refusal:
            status = _take(form, refusal)
        else:
            messages.success(request, _("%(name)s was changed.") % {"name": form.cleaned_data["display_name"]})
            return SeeOther(reverse("staff:user", args=[person.pk]))
    return render(request, "staff/user_form.html", {"form": form, "person": person}, status=status)


class UserVerb(ConfirmView):
    """A verb an administrator has for a user, behind a confirm panel."""

    permission = MANAGE

    def load(self, *, request: HttpRequest, **address: Any) -> Any:
        """The user. Raises Http404."""
        return get_object_or_404(selectors.users_with_standing(), pk=address["user_id"])

    def back_url(self, *, subject: Any) -> str:
        """The user's page."""
        return reverse("staff:user", args=[subject.pk])


class DisableUser(UserVerb):
    """Shuts a person out."""

    title: ClassVar[Text] = gettext_lazy("Disable user")
    verb: ClassVar[Text] = gettext_lazy("Disable")
    costly = True

    def foresee(self, *, subject: Any, values: Any, actor: Actor) -> Consequence:
        """How many tokens end."""
        working = len(tokens.tokens_of(user=subject))
        return Consequence(
            lines=(Line(gettext_lazy("Tokens that stop working"), working),),
            warnings=(_("The person is logged out at their next click and cannot log in again."),),
        )

    def perform(self, *, subject: Any, values: Any, actor: Actor, key: str) -> Text:
        """Shuts the person out."""
        services.disable_user(user_id=subject.pk, reason=values["reason"], actor=actor)
        return _("%(name)s cannot log in any more.") % {"name": subject}


class EnableUser(UserVerb):
    """Lets a person in again."""

    title: ClassVar[Text] = gettext_lazy("Enable user")
    verb: ClassVar[Text] = gettext_lazy("Enable")

    def perform(self, *, subject: Any, values: Any, actor: Actor, key: str) -> Text:
        """Lets the person in again."""
        services.enable_user(user_id=subject.pk, reason=values["reason"], actor=actor)
        return _("%(name)s may log in again.") % {"name": subject}


class UnlockUser(UserVerb):
    """Forgets failed logins."""

    title: ClassVar[Text] = gettext_lazy("Unlock user")
    verb: ClassVar[Text] = gettext_lazy("Unlock")

    def perform(self, *, subject: Any, values: Any, actor: Actor, key: str) -> Text:
        """Forgets the failures."""
        services.unlock_user(user_id=subject.pk, reason=values["reason"], actor=actor)
        return _("%(name)s may try again.") % {"name": subject}


class ResetSecondFactor(UserVerb):
    """Forgets a lost phone."""

    title: ClassVar[Text] = gettext_lazy("Reset second factor")
    verb: ClassVar[Text] = gettext_lazy("Reset")
    costly = True

    def foresee(self, *, subject: Any, values: Any, actor: Actor) -> Consequence:
        """What the person has to do next."""
        return Consequence(
            warnings=(
                _("The phone and the backup codes of this person stop working."),
                _("They enrol a phone at their next login. Make sure that it is really them who asks."),
            )
        )

    def perform(self, *, subject: Any, values: Any, actor: Actor, key: str) -> Text:
        """Forgets the phone."""
        services.reset_second_factor(user_id=subject.pk, reason=values["reason"], actor=actor)
        return _("%(name)s enrols a phone at the next login.") % {"name": subject}


class RevokeToken(ConfirmView):
    """Ends a token of another person, when a program of theirs must not go on."""

    permission = MANAGE
    title: ClassVar[Text] = gettext_lazy("Revoke token")
    verb: ClassVar[Text] = gettext_lazy("Revoke")
    costly = True

    def load(self, *, request: HttpRequest, **address: Any) -> Any:
        """The token, while it works. Raises Http404."""
        owner = get_object_or_404(selectors.users_with_standing(), pk=address["user_id"])
        token = next((each for each in tokens.tokens_of(user=owner) if each.pk == address["token_id"]), None)
        if token is None:
            raise Http404
        return token

    def back_url(self, *, subject: Any) -> str:
        """The page of its owner."""
        return reverse("staff:user", args=[subject.user_id])

    def subject_line(self, *, subject: Any) -> str:
        """What it is for, and whose it is."""
        return f"{subject.name}, {subject.prefix}…, {subject.user}"

    def foresee(self, *, subject: Any, values: Any, actor: Actor) -> Consequence:
        """What stops."""
        return Consequence(
            lines=(
                Line(gettext_lazy("Permissions"), len(subject.scopes)),
                Line(gettext_lazy("Last used"), moment_text(subject.last_used_at) if subject.last_used_at else "–"),
            ),
            warnings=(_("The program that uses it is turned away from its next call on."),),
        )

    def perform(self, *, subject: Any, values: Any, actor: Actor, key: str) -> Text:
        """Ends it."""
        tokens.revoke_token(token_id=subject.pk, user=subject.user, actor=actor, reason=values["reason"])
        return _("The token does not work any more.")


class ResetForm(forms.Form):
    """Why a password is made anew."""

    reason = ReasonField()


@never_cache
@require_http_methods(["GET", "POST"])
@requires(MANAGE)
def reset_password(request: HttpRequest, user_id: int) -> HttpResponse:
    """Makes a password for one login and shows it once."""
    person = get_object_or_404(selectors.users_with_standing(), pk=user_id)
    form = ResetForm(request.POST or None)
    status = 200 if request.method == "GET" else 422
    if request.method == "POST" and form.is_valid():
        made = services.reset_password(
            user_id=person.pk, reason=form.cleaned_data["reason"], actor=actor_of(request.user)
        )
        return _password_once(request, made)
    return render(request, "staff/reset_password.html", {"form": form, "person": person}, status=status)


@requires("staff.user.view")
def teams(request: HttpRequest) -> HttpResponse:
    """All teams."""
    may_manage = request.user.has_permission("staff.team.manage")  # type: ignore[union-attr]
    try:
        table = (TEAMS_TO_CHANGE if may_manage else TEAMS).shown(rows=selectors.teams_with_members(), query=request.GET)
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=reverse("staff:teams"))
    context = {"table": table, "may_manage": may_manage}
    return page_or_part(request, page="staff/teams.html", part="console/_table.html", context=context)


@require_http_methods(["GET", "POST"])
@requires("staff.team.manage")
def team(request: HttpRequest, team_id: int | None = None) -> HttpResponse:
    """Makes or changes a team."""
    subject = Team.objects.filter(pk=team_id).first() if team_id is not None else None
    if team_id is not None and subject is None:
        raise Http404
    initial = {"name": subject.name, "portfolios": "\n".join(subject.portfolios)} if subject else None
    form = TeamForm(request.POST or None, initial=initial)
    status = 200 if request.method == "GET" else 422
    if request.method == "POST" and form.is_valid():
        try:
            _keep_team(team_id, form.cleaned_data, actor_of(request.user))
        except Refusal as refusal:
            status = _take(form, refusal)
        else:
            messages.success(request, _("The team %(name)s is kept.") % {"name": form.cleaned_data["name"]})
            return SeeOther(reverse("staff:teams"))
    return render(request, "staff/team_form.html", {"form": form, "team": subject}, status=status)


def _keep_team(team_id: int | None, values: dict[str, Any], actor: Actor) -> None:
    if team_id is None:
        services.create_team(actor=actor, **values)
    else:
        services.change_team(team_id=team_id, reason="", actor=actor, **values)


def _password_once(request: HttpRequest, made: services.OneTimePassword) -> HttpResponse:
    person = get_object_or_404(selectors.users_with_standing(), pk=made.user_id)
    return render(request, "staff/password_once.html", {"person": person, "password": made.password}, status=201)


def _take(form: forms.Form, refusal: Refusal) -> int:
    """Puts a refusal's words where the person reads them; gives its status."""
    at_fault = {name: words for name, words in refusal.fields.items() if name in form.fields}
    for name, words in at_fault.items():
        form.add_error(name, told(words))
    if not at_fault:
        form.add_error(None, told(refusal.whole))
    return refusal.status


def _address(user: Any) -> str:
    return reverse("staff:user", args=[user.pk])


def _role_names(roles: list[str]) -> str:
    return ", ".join(str(ROLES[role]) for role in roles)


def _second_factor(user: Any) -> str:
    if user.is_enrolled:
        return _("enrolled")
    return _("missing") if user.needs_second_factor else "–"
