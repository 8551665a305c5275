"""Where rails are."""

from django.conf import settings

from backoffice.core.signed_http import Address
from backoffice.repayment.models import Rail


def address_of(rail: Rail) -> Address:
    """Where a rail is, with the secret shared with it; the secret is empty when the environment holds none."""
    return Address(url=rail.url, secret=str(settings.RAIL_SECRETS.get(rail.code, "")))
