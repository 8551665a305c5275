"""The description of the API: OpenAPI as data, and a page to read it on that needs no network beyond this server."""

from typing import ClassVar

from django.urls import path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from backoffice.core.access import HasPermission, requires
from backoffice.core.api.strangers import JudgedInOrder

READ_THE_API = "core.api.view"


class SchemaView(JudgedInOrder, SpectacularAPIView):
    """OpenAPI 3, YAML unless JSON is asked for."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": READ_THE_API}
    permission_classes = (HasPermission,)


class DocsView(SpectacularSwaggerSplitView):
    """Swagger UI from the installed wheel; its script is a file of its own, as the content security policy asks."""

    permission_classes = ()
    template_name = "console/api_docs.html"


urlpatterns = [
    path("api/v1/schema/", SchemaView.as_view(), name="schema"),
    path("api/docs/", requires(READ_THE_API)(DocsView.as_view()), name="api-docs"),
]
