"""The page a borrower opens from a message to pay what is due: no login, no cookie, no script.

The token in the address is the key, so the page needs no protection against forged forms: who can forge one has the
key. Unknown, expired and revoked links are answered alike. After a click the browser is sent back to the page, so that
reloading it pays nothing.
"""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from csp.constants import NONE, SELF
from csp.decorators import csp
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, reverse
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import get_language_from_request, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods
from rest_framework.throttling import BaseThrottle

from backoffice.calendars import clock
from backoffice.core import formats
from backoffice.core.access import public
from backoffice.core.api.throttling import count_call, parse_rate
from backoffice.core.errors import Refusal
from backoffice.core.telling import told
from backoffice.outreach.selectors.house import house_values
from backoffice.repayment.domain.autopay.codes import Family
from backoffice.repayment.domain.autopay.debit_states import CommandState
from backoffice.repayment.domain.autopay.last_look import Drop
from backoffice.repayment.services.autopay import paying
from backoffice.repayment.services.autopay.pay_links import LinkNotOpen
from backoffice.repayment.services.autopay.paying import Answer, PayPage

POLICY: Final = {
    "default-src": [NONE],
    "style-src": [SELF],
    "img-src": ["data:"],
    "form-action": [SELF],
    "base-uri": [NONE],
    "frame-ancestors": [NONE],
}
SECONDS_UNDER_WAY: Final = 5
SECONDS_BUSY: Final = 20
CALL_US: Final = gettext_lazy("You cannot pay here at the moment. Please call us.")

REFUSED: Final[Mapping[Drop, tuple[str, Promise]]] = {
    Drop.SETTLED: ("good", gettext_lazy("Nothing is due today.")),
    Drop.IN_FLIGHT: (
        "warn",
        gettext_lazy("A debit of your account is being made right now. Nothing else can be paid until it is known."),
    ),
    Drop.NO_MANDATE: ("warn", gettext_lazy("No account that can be debited is bound to your loan. Please call us.")),
    Drop.OVER_LIMIT: (
        "warn",
        gettext_lazy("The limit of your account for today is used up. Please try again tomorrow, or call us."),
    ),
    Drop.CARD_TIRED: (
        "warn",
        gettext_lazy("Your bank allows no further debit of this account today. Please try again tomorrow."),
    ),
    Drop.RAIL_CLOSED: ("warn", gettext_lazy("Payments are closed at this hour. Please try again later.")),
}
"""Why nothing can be paid now, in the words of the page; what it does not name is CALL_US."""
DECLINED: Final[Mapping[str, Promise]] = {
    Family.INSUFFICIENT_FUNDS: gettext_lazy("There was not enough money in your account. Nothing was paid."),
    Family.LIMIT: gettext_lazy("Your bank did not allow this amount. Nothing was paid."),
    Family.EXPIRED: gettext_lazy("Your bank did not take the payment in time. Nothing was paid."),
}


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence of the page and its colour."""

    tone: str
    text: str | Promise


@public
@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@csp(POLICY)  # type: ignore[arg-type]  # typed for views without arguments
def pay_page(request: HttpRequest, token: str) -> HttpResponse:
    """Shows what is due; pays it once when asked to."""
    is_click = request.method == "POST"
    if _is_too_often(request, token, is_click=is_click):
        return _closed(request, status=HTTPStatus.TOO_MANY_REQUESTS, sentence=_("Please try again in a minute."))
    try:
        return _click(request, token) if is_click else _shown(request, token)
    except LinkNotOpen as refusal:
        return _closed(request, status=HTTPStatus.NOT_FOUND, sentence=told(refusal.next_step))
    except Refusal:
        return _closed(request, status=HTTPStatus.SERVICE_UNAVAILABLE, sentence=str(CALL_US))


def _is_too_often(request: HttpRequest, token: str, *, is_click: bool) -> bool:
    """Counts the call, by where it comes from, and a click by its link too."""
    address = BaseThrottle().get_ident(request)  # type: ignore[arg-type]
    counted = [("open", f"address-{address}")]
    if is_click:
        counted.append(("pay", f"link-{hashlib.sha256(token.encode()).hexdigest()}"))
    moment = time.time()
    for kind, who in counted:
        calls, seconds = parse_rate(text=settings.PAY_PAGE_RATES[kind])
        if not count_call(who=f"pay:{who}", calls=calls, seconds=seconds, moment=moment):
            return True
    return False


def _click(request: HttpRequest, token: str) -> HttpResponse:
    answer = paying.pay(token=token, seen=request.POST.get("seen", "")[:100], clock=clock.now)
    asked = f"?said={answer.value}" if answer in (Answer.CHANGED, Answer.WRONG) else ""
    back = HttpResponseRedirect(f"{reverse('pay_page', args=[token])}{asked}", status=HTTPStatus.SEE_OTHER)
    return _guarded(back)


def _shown(request: HttpRequest, token: str) -> HttpResponse:
    page = paying.open_page(token=token, at=clock.now())
    with translation.override("zh-hans" if page.language.lower().startswith("zh") else "en"):
        refused = _refused(page)
        context = {
            "page": page,
            "notice": _notice(page, said=request.GET.get("said", "")),
            "refused": refused,
            "today_text": formats.date_text(page.today),
            "amount_text": formats.amount_text(page.offer.amount, currency=page.currency),
            "refresh": _refresh(page),
        }
        return _rendered(request, "repayment/pay/page.html", context)


def _notice(page: PayPage, *, said: str) -> Said | None:
    """What the borrower has to know first: what became of what they paid, or that nothing was."""
    if page.is_under_way:
        return Said("warn", _("Your bank has not answered yet. You need not do anything: this page looks again."))
    if said == Answer.CHANGED and page.offer.amount:
        return Said(
            "warn", _("The amount has changed since you opened this page. Nothing was paid. Please look again.")
        )
    if said == Answer.WRONG:
        return Said("bad", CALL_US)
    last = page.last
    if last is None:
        return None
    if last.state == CommandState.SUCCEEDED:
        amount = formats.amount_text(last.amount, currency=last.currency)
        return Said("good", _("Thank you. %(amount)s was paid.") % {"amount": amount})
    if last.state == CommandState.DECLINED:
        return Said("bad", DECLINED.get(last.family, _("Your bank did not carry out the payment. Nothing was paid.")))
    if last.state == CommandState.DROPPED:
        return Said("bad", _("Your bank could not be reached. Nothing was paid. Please try again."))
    if last.state == CommandState.RETURNED:
        return Said("bad", _("Your bank took the payment back."))
    return None


def _refused(page: PayPage) -> Said | None:
    if page.offer.refused is None:
        return None
    if page.is_paid_off:
        return Said("good", _("This loan is paid off: nothing is owed any more."))
    tone, text = REFUSED.get(page.offer.refused, ("warn", CALL_US))
    return Said(tone, text)


def _refresh(page: PayPage) -> int:
    """Seconds until the page looks again by itself; 0 for never."""
    if page.is_under_way:
        return SECONDS_UNDER_WAY
    return SECONDS_BUSY if page.offer.refused == Drop.IN_FLIGHT else 0


def _closed(request: HttpRequest, *, status: HTTPStatus, sentence: str) -> HttpResponse:
    """A page that shows nothing of anybody, in the language of the browser."""
    with translation.override(get_language_from_request(request)):
        context = {"heading": _("This page is not open"), "sentence": sentence}
        return _rendered(request, "repayment/pay/closed.html", context, status=status)


def _rendered(
    request: HttpRequest, template: str, context: dict[str, Any], *, status: HTTPStatus = HTTPStatus.OK
) -> HttpResponse:
    house = house_values()
    around = {"house": house["lender"], "phone": house["service_phone"]}
    return _guarded(render(request, template, context | around, status=status))


def _guarded(response: HttpResponse) -> HttpResponse:
    """The address is the key: no other site and no search engine learns it."""
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


urlpatterns = [path("<str:token>/", pay_page, name="pay_page")]
