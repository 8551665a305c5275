"""Where gateways send their receipts: signed calls, no login. docs/gateways.md is the contract."""

from typing import Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from backoffice.calendars import clock
from backoffice.core.access import public
from backoffice.core.api.problems import refusal_outside_views
from backoffice.core.errors import Refusal
from backoffice.core.signatures import SIGNATURE_HEADER, TIMESTAMP_HEADER
from backoffice.outreach.services.receipts import take_receipt

LARGEST_RECEIPT: Final = 16 * 1024


@public
@csrf_exempt
@never_cache
@require_POST
def receipt(request: HttpRequest, gateway: str) -> HttpResponse:
    """Takes one receipt; the signature is the login. A repeated one is answered like the first."""
    declared = request.headers.get("Content-Length") or "0"
    if not declared.isdigit() or int(declared) > LARGEST_RECEIPT:
        return JsonResponse({"error": f"a receipt has at most {LARGEST_RECEIPT} bytes"}, status=413)
    try:
        taken = take_receipt(
            gateway_code=gateway,
            timestamp=request.headers.get(TIMESTAMP_HEADER, ""),
            signature=request.headers.get(SIGNATURE_HEADER, ""),
            body=request.body,
            at=clock.now(),
        )
    except Refusal as refusal:
        return refusal_outside_views(request, refusal)
    return JsonResponse({"receipt_id": taken.receipt_id, "outcome": taken.outcome, "is_new": taken.is_new})


urlpatterns = [path("<slug:gateway>/", receipt, name="gateway_receipt")]
