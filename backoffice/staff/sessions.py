"""A session from login to logout: when it began, when it was last used, and whether a second factor is due.

Times are seconds since the epoch, kept in the session itself.
"""

import time
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import login, logout
from django.http import HttpRequest
from django_otp.plugins.otp_totp.models import TOTPDevice

from backoffice.staff.models import User

BEGAN = "began_at"
USED = "used_at"
SECOND_FACTOR = "second_factor_is_due"
USE_NOTED_EVERY = 60
"""Seconds: the time of use is written at most this often, so that reading a page does not write a row."""

clock: Callable[[], float] = time.time


def begin(request: HttpRequest, *, user: User) -> None:
    """Starts a session for a person whose password was right; the old session's key is thrown away."""
    login(request, user)
    now = clock()
    request.session[BEGAN] = now
    request.session[USED] = now
    if user.needs_second_factor or TOTPDevice.objects.filter(user=user, confirmed=True).exists():
        request.session[SECOND_FACTOR] = True


def end(request: HttpRequest) -> None:
    """Ends the session and forgets everything in it."""
    logout(request)


def is_over(request: HttpRequest) -> bool:
    """True when the session was not used for too long, or has lasted too long whatever happened.

    A session that was not begun by `begin` (a command of Django's made it) counts from its first request.
    """
    now = clock()
    began, used = request.session.get(BEGAN, now), request.session.get(USED, now)
    return now - used > settings.SESSION_IDLE_SECONDS or now - began > settings.SESSION_ABSOLUTE_SECONDS


def note_use(request: HttpRequest) -> None:
    """Keeps the session alive, once a minute."""
    now = clock()
    if BEGAN not in request.session:
        request.session[BEGAN] = now
    if now - request.session.get(USED, 0.0) >= USE_NOTED_EVERY:
        request.session[USED] = now


def second_factor_is_due(request: HttpRequest, *, user: User) -> bool:
    """True when no page may open before a code is given: the role demands it, or the person has enrolled."""
    due = user.needs_second_factor or request.session.get(SECOND_FACTOR, False)
    return bool(due) and not user.is_verified()  # type: ignore[attr-defined]


def second_factor_is_given(request: HttpRequest) -> None:
    """Notes that this session has a second factor to show from now on."""
    request.session[SECOND_FACTOR] = True
