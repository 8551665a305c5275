"""Coming in and going out: password, one-time code, enrolment of a phone."""

from typing import Any

from axes.handlers.proxy import AxesProxyHandler
from axes.helpers import get_client_ip_address, get_cool_off
from django import forms
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME, authenticate
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST
from django_otp import login as note_device

from backoffice.core.access import public, requires
from backoffice.core.errors import Refusal
from backoffice.core.http import SeeOther, refused
from backoffice.core.telling import told
from backoffice.staff import sessions
from backoffice.staff.access import person_of
from backoffice.staff.console.languages import keep_language
from backoffice.staff.middleware import open_at_the_door
from backoffice.staff.services import own_account, second_factor
from backoffice.staff.services.accounts import tidy_username


class LoginForm(forms.Form):
    """User name and password."""

    username = forms.CharField(
        label=gettext_lazy("User name"),
        max_length=80,
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false", "autofocus": True}
        ),
    )
    password = forms.CharField(
        label=gettext_lazy("Password"),
        strip=False,
        max_length=500,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def clean_username(self) -> str:
        """User names are kept in small letters."""
        return tidy_username(self.cleaned_data["username"])


class CodeForm(forms.Form):
    """A one-time code from a phone, or a backup code from paper."""

    code = forms.CharField(
        label=gettext_lazy("Code"),
        max_length=40,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "inputmode": "text", "spellcheck": "false", "autofocus": True}
        ),
    )


@public
@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def log_in(request: HttpRequest) -> HttpResponse:
    """The login page. Five failures lock a user name at one address for a quarter of an hour."""
    form = LoginForm(request.POST or None)
    if request.method == "GET" or not form.is_valid():
        return _page(request, "staff/login.html", form=form, status=200 if request.method == "GET" else 422)
    credentials = {"username": form.cleaned_data["username"]}
    was_locked = not AxesProxyHandler.is_allowed(request, credentials)
    user = authenticate(request, password=form.cleaned_data["password"], **credentials)
    if user is not None:
        sessions.begin(request, user=user)
        own_account.note_login(user=user, address=get_client_ip_address(request) or "")
        response = SeeOther(_next_page(request))
        if user.language:
            keep_language(response, language=user.language)
        return response
    is_locked = not AxesProxyHandler.is_allowed(request, credentials)
    if is_locked and not was_locked:
        own_account.note_lock_out(username=credentials["username"], address=get_client_ip_address(request) or "")
    form.add_error(None, _locked_words() if is_locked else _("The user name or the password is not right."))
    return _page(request, "staff/login.html", form=form, status=429 if is_locked else 422)


def locked_answer(_request: HttpRequest, response: HttpResponse, _credentials: dict[str, Any] | None) -> HttpResponse:
    """What axes answers when a name is locked: the login page, which has said so already in the person's language."""
    return response


@open_at_the_door
@require_POST
@requires("staff.account.use")
def log_out(request: HttpRequest) -> HttpResponse:
    """Ends the session."""
    own_account.note_logout(user=person_of(request))
    sessions.end(request)
    messages.info(request, _("You are logged out."))
    return SeeOther(reverse("staff:login"))


@open_at_the_door
@never_cache
@sensitive_post_parameters("code")
@require_http_methods(["GET", "POST"])
@requires("staff.account.use")
def verify(request: HttpRequest) -> HttpResponse:
    """Asks for the one-time code; a person without a phone is sent to enrol one."""
    user = person_of(request)
    if not second_factor.is_enrolled(user=user):
        return SeeOther(f"{reverse('staff:enrol')}?{urlencode({REDIRECT_FIELD_NAME: _next_page(request)})}")
    form = CodeForm(request.POST or None)
    if request.method == "GET" or not form.is_valid():
        return _page(request, "staff/verify.html", form=form, status=200 if request.method == "GET" else 422)
    try:
        device = second_factor.verify_code(user=user, code=form.cleaned_data["code"])
    except Refusal as refusal:
        own_account.note_wrong_code(user=user)
        form.add_error("code", told(refusal.whole))
        return _page(request, "staff/verify.html", form=form, status=refusal.status)
    note_device(request, device)
    sessions.second_factor_is_given(request)
    return SeeOther(_next_page(request))


@open_at_the_door
@never_cache
@sensitive_post_parameters("code")
@require_http_methods(["GET", "POST"])
@requires("staff.account.use")
def enrol(request: HttpRequest) -> HttpResponse:
    """Enrols a phone and shows the backup codes once. Who has a phone already gives a code of it first."""
    user = person_of(request)
    is_verified = user.is_verified()  # type: ignore[attr-defined]
    if not is_verified and second_factor.is_enrolled(user=user):
        return SeeOther(f"{reverse('staff:verify')}?{urlencode({REDIRECT_FIELD_NAME: reverse('staff:enrol')})}")
    form = CodeForm(request.POST or None)
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            confirmed = second_factor.confirm_enrolment(user=user, code=form.cleaned_data["code"])
        except Refusal as refusal:
            form.add_error("code", told(refusal.whole))
            status = refusal.status
        else:
            note_device(request, confirmed.device)
            sessions.second_factor_is_given(request)
            return _page(request, "staff/backup_codes.html", codes=confirmed.backup_codes)
    enrolment = second_factor.begin_enrolment(user=user)
    return _page(request, "staff/enrol.html", form=form, enrolment=enrolment, status=status)


@never_cache
@require_POST
@requires("staff.account.use")
def backup_codes(request: HttpRequest) -> HttpResponse:
    """Prints ten new backup codes; the old ones end."""
    try:
        codes = second_factor.renew_backup_codes(user=person_of(request))
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=reverse("staff:account"))
    return _page(request, "staff/backup_codes.html", codes=codes)


def _page(request: HttpRequest, template: str, *, status: int = 200, **context: Any) -> HttpResponse:
    return render(request, template, context | {"next": _next_page(request)}, status=status)


def _next_page(request: HttpRequest) -> str:
    """Where the person was going; only within this site, and never back to the door itself."""
    page: str = request.POST.get(REDIRECT_FIELD_NAME) or request.GET.get(REDIRECT_FIELD_NAME) or "/"
    is_ours = url_has_allowed_host_and_scheme(page, {request.get_host()}, require_https=request.is_secure())
    at_the_door = {reverse("staff:login"), reverse("staff:logout"), reverse("staff:verify")}
    return page if is_ours and page.split("?")[0] not in at_the_door else "/"


def _locked_words() -> str:
    minutes = int(get_cool_off().total_seconds() // 60)
    return _(
        "Too many failures: this user name is locked here for %(minutes)d minutes from this try. Wait without trying "
        "again, or ask an administrator to unlock it."
    ) % {"minutes": minutes}
