"""One's own account: password, second factor, language, tokens."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from backoffice.core.access import actor_of, requires
from backoffice.core.errors import Refusal
from backoffice.core.http import SeeOther, refused
from backoffice.core.telling import told
from backoffice.staff import sessions
from backoffice.staff.access import person_of
from backoffice.staff.console.languages import keep_language
from backoffice.staff.middleware import open_at_the_door
from backoffice.staff.models import User
from backoffice.staff.permissions import PERMISSIONS, codes_of
from backoffice.staff.services import own_account, second_factor, tokens


class PasswordForm(forms.Form):
    """The old password and the new one."""

    old = forms.CharField(
        label=gettext_lazy("Password you have"),
        strip=False,
        max_length=500,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    new = forms.CharField(
        label=gettext_lazy("New password"),
        strip=False,
        max_length=500,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=gettext_lazy("At least twelve characters; three or four words are easy to keep in mind."),
    )
    again = forms.CharField(
        label=gettext_lazy("New password again"),
        strip=False,
        max_length=500,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:
        """Both new ones must be the same."""
        values = super().clean() or {}
        if values.get("new") and values.get("again") and values["new"] != values["again"]:
            self.add_error("again", _("This differs from the new password."))
        return values


class TokenForm(forms.Form):
    """What a token is for, how long it lives and what it may do."""

    name = forms.CharField(label=gettext_lazy("What it is for"), max_length=80)
    days = forms.IntegerField(label=gettext_lazy("Days it is valid"), min_value=1, max_value=366, initial=90)
    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("What it may do"), widget=forms.CheckboxSelectMultiple, choices=()
    )

    def __init__(self, *arguments: Any, user: User, **options: Any) -> None:
        super().__init__(*arguments, **options)
        codes = sorted(codes_of(roles=user.role_set))
        self.fields["scopes"].choices = [(code, PERMISSIONS[code].label) for code in codes]  # type: ignore[attr-defined]


@never_cache
@requires("staff.account.use")
def account(request: HttpRequest) -> HttpResponse:
    """The page; a fixed number of queries."""
    user = person_of(request)
    context = {
        "is_enrolled": second_factor.is_enrolled(user=user),
        "tokens": tokens.tokens_of(user=user),
        "may_issue": user.has_permission("staff.token.issue"),
        "languages": settings.LANGUAGES,
    }
    return render(request, "staff/account.html", context)


@open_at_the_door
@never_cache
@sensitive_post_parameters("old", "new", "again")
@require_http_methods(["GET", "POST"])
@requires("staff.account.use")
def password(request: HttpRequest) -> HttpResponse:
    """Changes one's password; the session goes on, all others of the person end."""
    user = person_of(request)
    # The page opens at the door, but not before the code where one is due.
    if sessions.second_factor_is_due(request, user=user):
        return SeeOther(reverse("staff:verify"))
    form = PasswordForm(request.POST or None)
    status = 200 if request.method == "GET" else 422
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        try:
            own_account.change_own_password(user=user, old=values["old"], new=values["new"])
        except Refusal as refusal:
            for name, words in refusal.fields.items():
                form.add_error(name, told(words))
            status = refusal.status
        else:
            update_session_auth_hash(request, user)
            messages.success(request, _("Your password is changed."))
            return SeeOther(reverse("staff:account"))
    return render(request, "staff/password.html", {"form": form}, status=status)


@require_POST
@requires("staff.account.use")
def language(request: HttpRequest) -> HttpResponse:
    """Keeps the language the person reads."""
    chosen = request.POST.get("language", "")
    try:
        own_account.choose_language(user=person_of(request), language=chosen)
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=reverse("staff:account"))
    response = SeeOther(reverse("staff:account"))
    keep_language(response, language=chosen)
    if chosen:
        translation.activate(chosen)
    messages.success(request, _("Your language is kept."))
    return response


@never_cache
@require_http_methods(["GET", "POST"])
@requires("staff.token.issue")
def issue_token(request: HttpRequest) -> HttpResponse:
    """Issues a token and shows its secret once."""
    user = person_of(request)
    form = TokenForm(request.POST or None, user=user)
    status = 200 if request.method == "GET" else 422
    if request.method == "POST" and form.is_valid():
        try:
            issued = tokens.issue_token(user=user, actor=actor_of(user), **form.cleaned_data)
        except Refusal as refusal:
            for name, words in refusal.fields.items():
                form.add_error(name, told(words))
            status = refusal.status
        else:
            return render(request, "staff/token_once.html", {"secret": issued.secret}, status=201)
    return render(request, "staff/issue_token.html", {"form": form}, status=status)


@require_POST
@requires("staff.token.issue")
def revoke_token(request: HttpRequest, token_id: int) -> HttpResponse:
    """Ends one of one's own tokens."""
    user = person_of(request)
    try:
        tokens.revoke_token(token_id=token_id, user=user, actor=actor_of(user))
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=reverse("staff:account"))
    messages.success(request, _("The token does not work any more."))
    return SeeOther(reverse("staff:account"))
