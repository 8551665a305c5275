"""Every address of the API: one line per app below /api/v1/, its description, and the page to read it on."""

from django.urls import URLPattern, URLResolver, include, path

from backoffice.core.api.docs import urlpatterns as docs

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/v1/staff/", include("backoffice.staff.api.urls")),
    path("api/v1/audit/", include("backoffice.audit.api.urls")),
    path("api/v1/customers/", include("backoffice.customers.api.urls")),
    path("api/v1/customers/", include("backoffice.repayment.api.hold_urls")),
    path("api/v1/calendars/", include("backoffice.calendars.api.urls")),
    path("api/v1/repayment/", include("backoffice.repayment.api.urls")),
    path("api/v1/dayend/", include("backoffice.dayend.api.urls")),
    path("api/v1/outreach/", include("backoffice.outreach.api.urls")),
    *docs,
]
