"""Reminder plans over the API: list, read, draft, change, submit, take back, roll back, simulate a day, effect.

A request to publish is approved or declined where all requests are: /api/v1/audit/approvals/.
"""

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

from django.db.models import Prefetch, QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.audit.idempotent_view import idempotent
from backoffice.calendars.selectors import business_date
from backoffice.core.access import actor_of
from backoffice.core.api.views import ApiView, ListView, read
from backoffice.core.money import exponent_of, quantize
from backoffice.outreach.models import ReminderPlan, ReminderPlanVersion
from backoffice.outreach.services import reminder_plans, reminder_publishing
from backoffice.outreach.services.reminder_plans import plan_not_found
from backoffice.repayment.api import reminder_shapes as shapes
from backoffice.repayment.selectors.reminder_effects import effect_of_plan
from backoffice.repayment.services.reminder_asking import ask_to_publish, simulate_version
from backoffice.repayment.services.reminders import day_after
from backoffice.staff.access import person_of


def _plans(request: Request) -> QuerySet[ReminderPlan]:
    """The plans the person sees, with their versions, newest first; two queries."""
    versions = Prefetch("versions", queryset=ReminderPlanVersion.objects.order_by("-number"))
    found: QuerySet[ReminderPlan] = ReminderPlan.objects.visible_to(person_of(request)).prefetch_related(versions)
    return found


class ReminderPlansView(ListView):
    """The reminder plans."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "outreach.plan.view", "POST": "outreach.plan.edit"}
    request_serializer_class = shapes.NewPlanSerializer
    serializer_class = shapes.ReminderPlanSerializer
    success_status = 201
    refusals = ("409", "422")

    def rows(self) -> QuerySet[ReminderPlan]:
        """Those of the person's portfolios, and the one for all without their own."""
        return _plans(self.request)

    @idempotent
    def post(self, request: Request) -> Response:
        """Make a plan for a portfolio that has none; it reminds nobody before a version is published."""
        asked = read(self.request_serializer_class, request.data)
        scope = person_of(request).scope()
        portfolios = None if scope.all else scope.portfolios
        made = reminder_plans.create_plan(**asked, portfolios=portfolios, actor=actor_of(request.user))
        return Response(self.serializer_class(made).data, status=self.success_status)


class PlanView(ApiView):
    """The base of what hangs on one plan the person sees."""

    plan: ReminderPlan

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuses a plan out of the person's sight as if there were none."""
        super().initial(request, *args, **kwargs)
        found = _plans(request).filter(pk=kwargs["plan_id"]).first()
        if found is None:
            raise plan_not_found()
        self.plan = found


class ReminderPlanView(PlanView):
    """One reminder plan."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "outreach.plan.view"}
    serializer_class = shapes.ReminderPlanSerializer
    refusals = ("404",)

    def get(self, request: Request, plan_id: int) -> Response:
        """Whose loans it is for, and its versions."""
        return Response(self.serializer_class(self.plan).data)


class ReminderPlanVersionsView(PlanView):
    """Drafts of one plan."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "outreach.plan.edit"}
    request_serializer_class = shapes.DraftSerializer
    serializer_class = shapes.PlanVersionSerializer
    success_status = 201
    refusals = ("404", "409", "422")

    @idempotent
    def post(self, request: Request, plan_id: int) -> Response:
        """Draft a version; refused with every contradiction by step and field."""
        asked = read(self.request_serializer_class, request.data)
        made = reminder_plans.draft_version(
            plan_id=plan_id, content=_content(asked["content"]), note=asked["note"], actor=actor_of(request.user)
        )
        return Response(self.serializer_class(made).data, status=self.success_status)


class ReminderEffectView(PlanView):
    """What a plan did."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "outreach.plan.view"}
    serializer_class = shapes.PlanEffectSerializer
    refusals = ("404",)

    def get(self, request: Request, plan_id: int) -> Response:
        """Bills paid by their due date by the reminded against those left alone, with an interval and the cost."""
        found = effect_of_plan(plan_id=plan_id, business_date=business_date())
        answer = {
            "effect": found.effect,
            "sent": found.sent,
            "costs": _costs(found.costs),
            "cost_per_extra_payment": _costs(found.cost_per_extra),
            "cost_bounds": [
                {"currency": currency, "low": _cents(low, currency), "high": _cents(high, currency)}
                for currency, (low, high) in sorted(found.cost_bounds.items())
            ],
        }
        return Response(self.serializer_class(answer).data)


class VersionView(ApiView):
    """The base of what hangs on one version the person sees."""

    version: ReminderPlanVersion

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuses a version out of the person's sight as if there were none."""
        super().initial(request, *args, **kwargs)
        versions = ReminderPlanVersion.objects.visible_to(person_of(request)).select_related("plan")
        found = versions.filter(pk=kwargs["version_id"]).first()
        if found is None:
            raise plan_not_found()
        self.version = found


class ReminderVersionView(VersionView):
    """One version of a plan."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "outreach.plan.view", "PUT": "outreach.plan.edit"}
    request_serializer_class = shapes.DraftSerializer
    serializer_class = shapes.PlanVersionSerializer
    refusals = ("404", "409", "422")

    def get(self, request: Request, version_id: int) -> Response:
        """What it says, and where it stands."""
        return Response(self.serializer_class(self.version).data)

    def put(self, request: Request, version_id: int) -> Response:
        """Change a draft; refused with every contradiction by step and field."""
        asked = read(self.request_serializer_class, request.data)
        changed = reminder_plans.change_draft(
            version_id=version_id, content=_content(asked["content"]), note=asked["note"], actor=actor_of(request.user)
        )
        return Response(self.serializer_class(changed).data)


class SubmitReminderVersionView(VersionView):
    """Ask a second person to publish a draft."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "outreach.plan.edit"}
    request_serializer_class = shapes.PublishSerializer
    serializer_class = shapes.AskedToPublishSerializer
    success_status = 201
    refusals = ("404", "409", "422")

    @idempotent
    def post(self, request: Request, version_id: int) -> Response:
        """Refused while the plan contradicts itself; answers with what publishing would do tomorrow."""
        asked = read(self.request_serializer_class, request.data)
        approval = ask_to_publish(version_id=version_id, actor=actor_of(request.user), **asked)
        return Response(self.serializer_class(approval).data, status=self.success_status)


class ReasonedVerbView(VersionView):
    """The base of the verbs that take a reason and answer with a version."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "outreach.plan.edit"}
    request_serializer_class = shapes.PlanReasonSerializer
    serializer_class = shapes.PlanVersionSerializer
    refusals = ("404", "409", "422")

    def answer(self, version: ReminderPlanVersion) -> Response:
        """The version as it now is."""
        version.refresh_from_db()
        return Response(self.serializer_class(version).data)


class TakeBackReminderVersionView(ReasonedVerbView):
    """Make a submitted version a draft again."""

    @idempotent
    def post(self, request: Request, version_id: int) -> Response:
        """A request that still waits is withdrawn, by who made it."""
        asked = read(self.request_serializer_class, request.data)
        return self.answer(reminder_publishing.take_back(version_id=version_id, actor=actor_of(request.user), **asked))


class RetireReminderVersionView(ReasonedVerbView):
    """Discard a draft, call an approved version off, or take the one in force out."""

    @idempotent
    def post(self, request: Request, version_id: int) -> Response:
        """Messages that the version in force has planned are stopped."""
        asked = read(self.request_serializer_class, request.data)
        return self.answer(
            reminder_publishing.retire_version(version_id=version_id, actor=actor_of(request.user), **asked)
        )


class RollBackReminderVersionView(ReasonedVerbView):
    """Roll the version in force back."""

    @idempotent
    def post(self, request: Request, version_id: int) -> Response:
        """The version before it is in force again at once, and is the answer."""
        asked = read(self.request_serializer_class, request.data)
        return self.answer(reminder_publishing.roll_back(version_id=version_id, actor=actor_of(request.user), **asked))


class PutBackReminderVersionView(ReasonedVerbView):
    """Put a version that was in force before back in force."""

    @idempotent
    def post(self, request: Request, version_id: int) -> Response:
        """At once, in place of the one that is."""
        asked = read(self.request_serializer_class, request.data)
        return self.answer(reminder_publishing.put_back(version_id=version_id, actor=actor_of(request.user), **asked))


class SimulateReminderVersionView(VersionView):
    """What a version would do on a day."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "outreach.plan.view"}
    query_serializer_class = shapes.SimulationQuery
    serializer_class = shapes.SimulationSerializer
    refusals = ("404", "409", "422")

    def get(self, request: Request, version_id: int) -> Response:
        """How many messages, by channel and step, what the gate would stop by rule, the cost; nothing is written."""
        day = self.query().get("day") or day_after(business_date())
        found = simulate_version(version=self.version, day=day)
        outcome = found.outcome
        answer = {
            "day": day,
            "bills": outcome.bills,
            "held_out": outcome.held_out,
            "messages": outcome.by_channel.total(),
            "by_channel": _counts(outcome.by_channel),
            "by_step": _counts(outcome.by_step),
            "allowed": found.allowed,
            "later": found.later,
            "blocked": _counts(found.blocked),
            "outranked": outcome.outranked,
            "without_words": outcome.without_words,
            "not_in_audience": outcome.too_small,
            "unfilled": len(outcome.unfilled),
            "costs": _costs(found.cost),
        }
        return Response(self.serializer_class(answer).data)


def _content(asked: Mapping[str, Any]) -> dict[str, Any]:
    """A content as it is kept: amounts as they were written."""
    steps = [
        {name: str(value) if isinstance(value, Decimal) else value for name, value in step.items()}
        for step in asked["steps"]
    ]
    return {**asked, "steps": steps}


def _counts(counts: Counter[str]) -> list[dict[str, Any]]:
    return [{"code": code, "messages": number} for code, number in counts.most_common()]


def _costs(costs: Mapping[str, Decimal]) -> list[dict[str, Any]]:
    return [{"currency": currency, "amount": _cents(amount, currency)} for currency, amount in sorted(costs.items())]


def _cents(amount: Decimal | None, currency: str) -> Decimal | None:
    """An amount as the currency is quoted, half up."""
    return None if amount is None else quantize(amount, exponent=exponent_of(currency))
