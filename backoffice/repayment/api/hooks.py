"""Where rails send their notices: signed calls, no login. docs/rails.md is the contract."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from backoffice.calendars import clock
from backoffice.core.access import public
from backoffice.core.api.signed_calls import answer_signed_call
from backoffice.repayment.services.autopay.notices import take_notice


@public
@csrf_exempt
@never_cache
@require_POST
def notice(request: HttpRequest, rail: str) -> HttpResponse:
    """Takes one notice; the signature is the login. A repeated one is answered like the first."""

    def take(timestamp: str, signature: str, body: bytes) -> dict[str, Any]:
        taken = take_notice(rail_code=rail, timestamp=timestamp, signature=signature, body=body, at=clock.now())
        return {"notice_id": taken.notice_id, "outcome": taken.outcome, "is_new": taken.is_new}

    return answer_signed_call(request, what="notice", take=take)


urlpatterns = [path("<slug:rail>/", notice, name="rail_notice")]
