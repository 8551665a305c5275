"""Search: what was typed goes to the server in the body of a form and comes back in the address sealed.

People type identity and phone numbers, and addresses stay in histories and access logs. The sealed words make the page
one that can be loaded again and gone back to, by the person who searched and by nobody else.
"""

import base64
import binascii
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from backoffice.console import borrower_reading
from backoffice.core.access import requires
from backoffice.core.http import SeeOther
from backoffice.customers.domain.sealing import Sealed, Unopenable
from backoffice.customers.keys import ring

ASKED = "asked"
LONGEST = 200


@require_http_methods(["GET", "POST"])
@requires("customers.borrower.search")
def search(request: HttpRequest) -> HttpResponse:
    """Finds a borrower or a loan by anything known of them; goes there at once when only one fits."""
    if request.method == "POST":
        return SeeOther(address_for(query=request.POST.get("q", ""), user=request.user))
    query = asked_of(request)
    if not query and ASKED in request.GET:
        messages.warning(request, _("This search cannot be opened again. Type it anew."))
    found = borrower_reading.find(query=query, user=request.user)
    if found.only_url:
        return SeeOther(found.only_url)
    return render(request, "console/search.html", {"found": found})


def address_for(*, query: str, user: Any) -> str:
    """The address of what the person searches for; without words the empty page."""
    words = query.strip()[:LONGEST]
    if not words:
        return reverse("console:search")
    sealed = ring().seal(words, context=_context(user)).data
    return f"{reverse('console:search')}?{urlencode({ASKED: base64.urlsafe_b64encode(sealed).decode()})}"


def asked_of(request: HttpRequest) -> str:
    """The words the address was made for; empty for none, and for what another person searched for."""
    asked = request.GET.get(ASKED, "")
    if not asked:
        return ""
    try:
        return ring().open(Sealed(base64.urlsafe_b64decode(asked)), context=_context(request.user))
    except (binascii.Error, ValueError, Unopenable):
        return ""


def _context(user: Any) -> str:
    return f"console.search:{user.pk}"
