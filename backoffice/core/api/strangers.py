"""The order in which a call is judged: who, how often, which method, what they may.

DRF asks for the permission before it counts, so that calls without a token would never be counted, and for the
permission before the method, so that a method no address takes would look like one a role lacks.
"""

from django.contrib.auth.models import AnonymousUser
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.views import APIView


class JudgedInOrder(APIView):
    """Counts strangers and wrong tokens too, and answers 405 before 403."""

    def perform_authentication(self, request: Request) -> None:
        """Who calls. A call with a token nobody has is counted as a stranger's before it is refused."""
        try:
            super().perform_authentication(request)
        except APIException:
            request.user = AnonymousUser()
            self.check_throttles(request)
            raise

    def check_permissions(self, request: Request) -> None:
        """Whether they may. A stranger is counted first; a method nobody may use here is not a matter of roles."""
        if not request.user.is_authenticated:
            self.check_throttles(request)
        elif not hasattr(self, (request.method or "").lower()):
            self.http_method_not_allowed(request)
        super().check_permissions(request)
