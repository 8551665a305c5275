"""Every address of the product, one line per app. An app's own addresses are in its `urls` modules."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from backoffice.config.health import health
from backoffice.core.access import public

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("backoffice.console.urls")),
    path("admin/", admin.site.urls),
    path("health/", health, name="health"),
    # The description of the API holds no data, so programs may read it without an account.
    path("api/v1/schema/", public(SpectacularAPIView.as_view()), name="schema"),
    path("api/docs/", public(SpectacularSwaggerSplitView.as_view(url_name="schema")), name="api-docs"),
]

handler400 = "backoffice.console.errors.bad_request"
handler403 = "backoffice.console.errors.forbidden"
handler404 = "backoffice.console.errors.not_found"
handler500 = "backoffice.console.errors.broken"
