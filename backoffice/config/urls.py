"""Every address of the product, one line per app. An app's own addresses are in its `urls` modules."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from backoffice.config.health import health
from backoffice.core.access import public

# One door: Django's own login page would let people in without a trace and without the lock-out's words.
to_login = public(RedirectView.as_view(pattern_name="staff:login", query_string=True))

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("backoffice.console.urls")),
    path("", include("backoffice.staff.console.urls")),
    path("", include("backoffice.customers.console.urls")),
    path("", include("backoffice.repayment.console.urls")),
    path("", include("backoffice.audit.console.urls")),
    path("calendars/", include("backoffice.calendars.console.urls")),
    path("day-end/", include("backoffice.dayend.console.urls")),
    path("outreach/", include("backoffice.outreach.console.urls")),
    path("hooks/gateways/", include("backoffice.outreach.api.hooks")),
    path("hooks/rails/", include("backoffice.repayment.api.hooks")),
    path("pay/", include("backoffice.repayment.console.pay_page")),
    path("admin/login/", to_login),
    path("admin/", admin.site.urls),
    path("health/", health, name="health"),
    path("", include("backoffice.config.api_urls")),
]

handler400 = "backoffice.console.errors.bad_request"
handler403 = "backoffice.console.errors.forbidden"
handler404 = "backoffice.console.errors.not_found"
handler500 = "backoffice.console.errors.broken"
