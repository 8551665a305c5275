"""How many calls a person may make: counted per user and scope, with the rate of the best of their roles.

`settings.API_RATES` is {scope: {role or "default" or "anonymous": "N/second|minute|hour|day"}}. A view names its
`throttle_scope`; otherwise reading is "read" and writing is "write". One counter per window in the cache, so that a
call costs the same at ten calls a minute and at ten thousand.
"""

import re
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

if TYPE_CHECKING:
    from rest_framework.views import APIView  # it reads the settings, which name the class below

SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_RATE = re.compile(r"(?P<calls>[1-9][0-9]*)/(?P<unit>second|minute|hour|day)")


class RoleThrottle(BaseThrottle):
    """Refuses a call beyond the rate, and says how many seconds to wait."""

    timer: Callable[[], float] = time.time

    def allow_request(self, request: Request, view: "APIView") -> bool:
        """Count the call; False when the window is full."""
        scope = getattr(view, "throttle_scope", None) or ("read" if request.method in SAFE_METHODS else "write")
        calls, seconds = best_rate(rates=settings.API_RATES[scope], roles=_roles(request))
        moment = type(self).timer()
        self._wait = seconds - moment % seconds
        return count_call(who=f"{scope}:{self._who(request)}", calls=calls, seconds=seconds, moment=moment)

    def wait(self) -> float:
        """Seconds until the next window, at least one."""
        return max(1.0, self._wait)

    def _who(self, request: Request) -> str:
        return f"user-{request.user.pk}" if request.user.is_authenticated else f"address-{self.get_ident(request)}"


def count_call(*, who: str, calls: int, seconds: int, moment: float) -> bool:
    """Count one call of `who`; False when it is more than `calls` in the window of `seconds` the moment lies in."""
    key = f"calls:{who}:{int(moment // seconds)}"
    cache.add(key, 0, timeout=seconds * 2)
    try:
        return cache.incr(key) <= calls
    except ValueError:  # the counter was evicted between the two calls
        cache.set(key, 1, timeout=seconds * 2)
        return True


def best_rate(*, rates: Mapping[str, str], roles: frozenset[str]) -> tuple[int, int]:
    """(calls, seconds) of the most generous rate the roles have; "default" when no role is named, as many roles are."""
    named = [rates[role] for role in roles if role in rates] or [rates["default"]]
    return max((parse_rate(text=rate) for rate in named), key=lambda rate: rate[0] / rate[1])


def parse_rate(*, text: str) -> tuple[int, int]:
    """(calls, seconds) of "600/minute". Raises ImproperlyConfigured for any other writing."""
    match = _RATE.fullmatch(text)
    if match is None:
        msg = f"{text!r} is not a rate; write 600/minute"
        raise ImproperlyConfigured(msg)
    return int(match["calls"]), SECONDS[match["unit"]]


def _roles(request: Request) -> frozenset[str]:
    if not request.user.is_authenticated:
        return frozenset({"anonymous"})
    return frozenset(getattr(request.user, "roles", ()))
