"""Autopay configurations over the API: list, read, draft, check, simulate, submit, promote, roll back, compare.

A request for approval is decided where all requests are: /api/v1/audit/approvals/.
"""

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.audit.idempotent_view import idempotent
from backoffice.calendars import clock
from backoffice.core.access import actor_of
from backoffice.core.api.views import ApiView, ListView, read
from backoffice.core.telling import told
from backoffice.repayment.api.autopay import configuration_shapes as shapes
from backoffice.repayment.domain.autopay.guards import from_json
from backoffice.repayment.models import SimulatedBill
from backoffice.repayment.models.autopay.configurations import AutopayConfiguration, AutopayVersion
from backoffice.repayment.selectors.autopay import configurations as selectors
from backoffice.repayment.selectors.autopay.version_words import difference_in_words
from backoffice.repayment.services.autopay import checking, drafting, publishing, rolling_back, simulating
from backoffice.repayment.services.autopay.drafting import configuration_not_found
from backoffice.repayment.tasks import simulate_autopay
from backoffice.staff.access import person_of

VIEW, EDIT = "repayment.autopay_configuration.view", "repayment.autopay_configuration.edit"
SIMULATE = "repayment.autopay_configuration.simulate"
ROLL_BACK = "repayment.autopay_configuration.roll_back"


def _shown(version: AutopayVersion) -> dict[str, Any]:
    """A version as it now is, what was found in the caller's language."""
    version.refresh_from_db()
    version.found = [  # type: ignore[attr-defined]
        {**each, "words": told(from_json(each).words)} for each in version.findings
    ]
    shown: dict[str, Any] = shapes.AutopayVersionSerializer(version).data
    return shown


class ConfigurationsView(ListView):
    """The autopay configurations."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": VIEW, "POST": EDIT}
    request_serializer_class = shapes.NewConfigurationSerializer
    serializer_class = shapes.ConfigurationSerializer
    success_status = 201
    refusals = ("409", "422")

    def rows(self) -> QuerySet[AutopayConfiguration]:
        """Those of the person's portfolios."""
        return selectors.configurations_seen(user=person_of(self.request))

    @idempotent
    def post(self, request: Request) -> Response:
        """Make a configuration for loans that have none; it debits nobody before a version is in force."""
        asked = read(self.request_serializer_class, request.data)
        scope = person_of(request).scope()
        portfolios = None if scope.all else scope.portfolios
        made = drafting.create_configuration(**asked, portfolios=portfolios, actor=actor_of(request.user))
        return Response(self.serializer_class(made).data, status=self.success_status)


class OneConfigurationView(ApiView):
    """The base of what hangs on one configuration the person sees."""

    configuration: AutopayConfiguration

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuses a configuration out of the person's sight as if there were none."""
        super().initial(request, *args, **kwargs)
        seen = selectors.configurations_seen(user=person_of(request))
        found = seen.filter(pk=kwargs["configuration_id"]).first()
        if found is None:
            raise configuration_not_found()
        self.configuration = found


class ConfigurationView(OneConfigurationView):
    """One configuration."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": VIEW}
    serializer_class = shapes.ConfigurationSerializer
    refusals = ("404",)

    def get(self, request: Request, configuration_id: int) -> Response:
        """Whose loans it is for, and its versions."""
        return Response(self.serializer_class(self.configuration).data)


class ConfigurationVersionsView(OneConfigurationView):
    """Drafts of one configuration."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": EDIT}
    request_serializer_class = shapes.DraftAutopaySerializer
    serializer_class = shapes.AutopayVersionSerializer
    success_status = 201
    refusals = ("404", "409", "422")

    @idempotent
    def post(self, request: Request, configuration_id: int) -> Response:
        """Draft a version; what is wrong with it is said when it is checked."""
        asked = read(self.request_serializer_class, request.data)
        made = drafting.draft_version(configuration_id=configuration_id, actor=actor_of(request.user), **asked)
        return Response(_shown(made), status=self.success_status)


class OneVersionView(ApiView):
    """The base of what hangs on one version the person sees."""

    version: AutopayVersion

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuses a version out of the person's sight as if there were none."""
        super().initial(request, *args, **kwargs)
        found = selectors.version_seen(user=person_of(request), version_id=kwargs["version_id"])
        if found is None:
            raise configuration_not_found()
        self.version = found


class VersionView(OneVersionView):
    """One version of a configuration."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": VIEW, "PUT": EDIT}
    request_serializer_class = shapes.DraftAutopaySerializer
    serializer_class = shapes.AutopayVersionSerializer
    refusals = ("404", "409", "422")

    def get(self, request: Request, version_id: int) -> Response:
        """What it says, where it stands, and what guards found."""
        return Response(_shown(self.version))

    def put(self, request: Request, version_id: int) -> Response:
        """Change a version nobody was asked about yet; it is a draft again."""
        asked = read(self.request_serializer_class, request.data)
        return Response(_shown(drafting.change_draft(version_id=version_id, actor=actor_of(request.user), **asked)))


class CheckView(OneVersionView):
    """Run the guards."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": EDIT}
    serializer_class = shapes.AutopayVersionSerializer
    refusals = ("404", "409")

    def post(self, request: Request, version_id: int) -> Response:
        """Without a finding that refuses the version is checked; findings name guard and field."""
        return Response(_shown(checking.check_version(version_id=version_id, actor=actor_of(request.user))))


class SimulationView(OneVersionView):
    """What a version would change."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": VIEW, "POST": SIMULATE}
    serializer_class = shapes.AutopaySimulationSerializer
    success_status = 202
    refusals = ("404", "409", "422")

    def get(self, request: Request, version_id: int) -> Response:
        """The last simulation: how far it is, or what it came to; 404 when there was none."""
        found = selectors.simulation_under_way(self.version) or selectors.latest_simulation(self.version)
        if found is None:
            raise configuration_not_found()
        return Response(self.serializer_class(found).data)

    @idempotent
    def post(self, request: Request, version_id: int) -> Response:
        """Runs a version over tomorrow's and the last 30 days' bills beside the one in force; workers do it: 202."""
        asked = simulating.ask_simulation(version_id=version_id, actor=actor_of(request.user))
        simulate_autopay.delay_on_commit(simulation_id=asked.pk)
        return Response(self.serializer_class(asked).data, status=self.success_status)


class SimulatedBillsView(ListView):
    """The bills that change."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": VIEW}
    query_serializer_class = shapes.SimulatedBillsQuery
    serializer_class = shapes.SimulatedBillSerializer
    refusals = ("404",)

    def rows(self, version_id: int, why: str = "") -> QuerySet[SimulatedBill]:
        """Of the last simulation; those where something named changes."""
        version = selectors.version_seen(user=person_of(self.request), version_id=version_id)
        found = selectors.latest_simulation(version) if version else None
        if found is None:
            raise configuration_not_found()
        return selectors.simulated_bills(found, why=why)


class SubmitView(OneVersionView):
    """Ask a second person."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": EDIT}
    request_serializer_class = shapes.AutopayReasonSerializer
    serializer_class = shapes.AskedForAutopaySerializer
    success_status = 201
    refusals = ("404", "409", "422")

    @idempotent
    def post(self, request: Request, version_id: int) -> Response:
        """Refused while a guard refuses it; answers with what it would change tomorrow."""
        asked = read(self.request_serializer_class, request.data)
        approval = publishing.submit_version(version_id=version_id, actor=actor_of(request.user), **asked)
        return Response(self.serializer_class(approval).data, status=self.success_status)


class ReasonedView(OneVersionView):
    """The base of the verbs that take a reason and answer with a version."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": EDIT}
    request_serializer_class = shapes.AutopayReasonSerializer
    serializer_class = shapes.AutopayVersionSerializer
    refusals = ("404", "409", "422")


class TakeBackView(ReasonedView):
    """Make a submitted version a draft again."""

    @idempotent
    def post(self, request: Request, version_id: int) -> Response:
        """A request that still waits is withdrawn, by who made it."""
        asked = read(self.request_serializer_class, request.data)
        return Response(_shown(drafting.take_back(version_id=version_id, actor=actor_of(request.user), **asked)))


class DiscardView(ReasonedView):
    """Give up a version that never was in force."""

    @idempotent
    def post(self, request: Request, version_id: int) -> Response:
        """What is in force does not change."""
        asked = read(self.request_serializer_class, request.data)
        return Response(_shown(drafting.discard_version(version_id=version_id, actor=actor_of(request.user), **asked)))


class PromoteView(ReasonedView):
    """End a trial before its time."""

    @idempotent
    def post(self, request: Request, version_id: int) -> Response:
        """The version holds for all its loans."""
        asked = read(self.request_serializer_class, request.data)
        return Response(_shown(publishing.promote(version_id=version_id, actor=actor_of(request.user), **asked)))


class RollBackView(OneVersionView):
    """Take a version out of force at once."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": ROLL_BACK}
    request_serializer_class = shapes.AutopayReasonSerializer
    serializer_class = shapes.RolledBackSerializer
    refusals = ("404", "409", "422")

    @idempotent
    def post(self, request: Request, version_id: int) -> Response:
        """What has not left is dropped, what is on its way comes home, and the version before holds."""
        asked = read(self.request_serializer_class, request.data)
        says = rolling_back.in_words(rolling_back.unfinished(self.version))
        instead = rolling_back.roll_back(version_id=version_id, at=clock.now(), actor=actor_of(request.user), **asked)
        answer = {
            "version": _shown(self.version),
            "instead": shapes.AutopayVersionRefSerializer(instead).data if instead else None,
            "says": list(says),
        }
        return Response(answer)


class DifferenceView(OneVersionView):
    """Two versions of a configuration side by side."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": VIEW}
    serializer_class = shapes.AutopayDifferenceSerializer
    refusals = ("404",)

    def get(self, request: Request, version_id: int, other_id: int) -> Response:
        """What changed from the other one to this, in words."""
        other = selectors.version_seen(user=person_of(request), version_id=other_id)
        if other is None or other.configuration_id != self.version.configuration_id:
            raise configuration_not_found()
        changes = difference_in_words(before=other.content, after=self.version.content)
        return Response(self.serializer_class({"changes": changes}).data)
