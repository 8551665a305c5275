"""Where gateways send their receipts: signed calls, no login. docs/gateways.md is the contract."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from backoffice.calendars import clock
from backoffice.core.access import public
from backoffice.core.api.signed_calls import answer_signed_call
from backoffice.outreach.services.receipts import take_receipt


@public
@csrf_exempt
@never_cache
@require_POST
def receipt(request: HttpRequest, gateway: str) -> HttpResponse:
    """Takes one receipt; the signature is the login. A repeated one is answered like the first."""

    def take(timestamp: str, signature: str, body: bytes) -> dict[str, Any]:
        taken = take_receipt(gateway_code=gateway, timestamp=timestamp, signature=signature, body=body, at=clock.now())
        return {"receipt_id": taken.receipt_id, "outcome": taken.outcome, "is_new": taken.is_new}

    return answer_signed_call(request, what="receipt", take=take)


urlpatterns = [path("<slug:gateway>/", receipt, name="gateway_receipt")]
