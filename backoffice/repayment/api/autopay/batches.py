"""The switch, batches and breakers over the API, with their verbs."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.audit.idempotent_view import idempotent
from backoffice.calendars import clock
from backoffice.core.access import actor_of
from backoffice.core.api.views import ApiView, ListView, read
from backoffice.repayment.api.autopay import debit_shapes as shapes
from backoffice.repayment.models import Breaker, DebitBatch
from backoffice.repayment.selectors.autopay.board import standing, visible_batches, visible_breakers
from backoffice.repayment.selectors.autopay.rates import visible_versions
from backoffice.repayment.services.autopay import switching
from backoffice.repayment.services.autopay.breaking import BreakerNotOpen, close_breaker
from backoffice.repayment.services.autopay.building import SlotNotKnown, begin_now
from backoffice.staff.access import person_of

VIEW: dict[str, str] = {"GET": "repayment.autopay.view"}
RUN: dict[str, str] = {"POST": "repayment.autopay.run"}


class SwitchView(ApiView):
    """Whether all debits are stopped."""

    permissions_by_method: ClassVar[dict[str, str]] = VIEW
    serializer_class = shapes.AutopaySwitchSerializer

    def get(self, request: Request) -> Response:
        """The switch."""
        return Response(self.serializer_class(standing(user=person_of(request)).switch).data)


class StopView(ApiView):
    """The kill switch."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "repayment.autopay.stop"}
    request_serializer_class = shapes.DebitReasonSerializer
    serializer_class = shapes.AutopaySwitchSerializer

    @idempotent
    def post(self, request: Request) -> Response:
        """No debit leaves any more once this is answered, and the calls under way are over."""
        asked = read(self.request_serializer_class, request.data)
        switch = switching.stop_everything(reason=asked["reason"], at=clock.now(), actor=actor_of(request.user))
        return Response(self.serializer_class(switch).data)


class StartView(ApiView):
    """Turning autopay on again."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "repayment.autopay.start"}
    request_serializer_class = shapes.DebitReasonSerializer
    serializer_class = shapes.AutopaySwitchSerializer

    @idempotent
    def post(self, request: Request) -> Response:
        """Debits go on where they stopped, as far as their slots last."""
        asked = read(self.request_serializer_class, request.data)
        switch = switching.start_again(reason=asked["reason"], at=clock.now(), actor=actor_of(request.user))
        return Response(self.serializer_class(switch).data)


class BatchesView(ListView):
    """Batches, the latest first."""

    permissions_by_method: ClassVar[dict[str, str]] = VIEW
    query_serializer_class = shapes.BatchesQuery
    serializer_class = shapes.DebitBatchSerializer

    def rows(self, **equal: Any) -> QuerySet[DebitBatch]:
        """The batches of the configurations the person may see."""
        renamed = {"configuration": "version__configuration_id"}
        filters = {renamed.get(name, name): value for name, value in equal.items()}
        return visible_batches(user=person_of(self.request)).filter(**filters)


class BatchView(ApiView):
    """One batch."""

    permissions_by_method: ClassVar[dict[str, str]] = VIEW
    serializer_class = shapes.DebitBatchSerializer

    def get(self, request: Request, batch_id: int) -> Response:
        """How it goes."""
        return Response(self.serializer_class(_batch(request, batch_id)).data)


class BeginView(ApiView):
    """Beginning a slot of the business day at once."""

    permissions_by_method: ClassVar[dict[str, str]] = RUN
    request_serializer_class = shapes.BeginSlotSerializer
    serializer_class = shapes.BegunSerializer
    refusals = ("404", "409")

    @idempotent
    def post(self, request: Request) -> Response:
        """Its debits are made and leave; it does not begin again today."""
        asked = read(self.request_serializer_class, request.data)
        if asked["version_id"] not in visible_versions(user=person_of(request)):
            raise SlotNotKnown(_("There is no such slot."), next_step=_("Look at the configuration in force."))
        made = begin_now(
            version_id=asked["version_id"],
            slot_id=asked["slot"],
            at=clock.now(),
            reason=asked["reason"],
            actor=actor_of(request.user),
        )
        return Response(self.serializer_class({"debits": made}).data)


class BatchVerbView(ApiView):
    """The base of what is done to one batch."""

    permissions_by_method: ClassVar[dict[str, str]] = RUN
    request_serializer_class = shapes.DebitReasonSerializer
    refusals = ("404", "409")


class PauseView(BatchVerbView):
    """Pausing a running batch."""

    serializer_class = shapes.DebitBatchSerializer

    @idempotent
    def post(self, request: Request, batch_id: int) -> Response:
        """No further debit of it leaves once this is answered; those under way are booked."""
        asked = read(self.request_serializer_class, request.data)
        _batch(request, batch_id)
        batch = switching.pause_batch(
            batch_id=batch_id, reason=asked["reason"], at=clock.now(), actor=actor_of(request.user)
        )
        return Response(self.serializer_class(batch).data)


class ResumeView(BatchVerbView):
    """Letting a paused batch go on."""

    serializer_class = shapes.DebitBatchSerializer

    @idempotent
    def post(self, request: Request, batch_id: int) -> Response:
        """Refused while a breaker of it is open."""
        asked = read(self.request_serializer_class, request.data)
        _batch(request, batch_id)
        batch = switching.resume_batch(
            batch_id=batch_id, reason=asked["reason"], at=clock.now(), actor=actor_of(request.user)
        )
        return Response(self.serializer_class(batch).data)


class CancelView(BatchVerbView):
    """Dropping for good what a batch has not let out."""

    serializer_class = shapes.CancelledSerializer

    @idempotent
    def post(self, request: Request, batch_id: int) -> Response:
        """How many debits were dropped."""
        asked = read(self.request_serializer_class, request.data)
        _batch(request, batch_id)
        dropped = switching.cancel_batch(
            batch_id=batch_id, reason=asked["reason"], at=clock.now(), actor=actor_of(request.user)
        )
        return Response(self.serializer_class({"dropped": dropped}).data)


class BreakersView(ListView):
    """Breakers that opened, the latest first."""

    permissions_by_method: ClassVar[dict[str, str]] = VIEW
    query_serializer_class = shapes.BreakersQuery
    serializer_class = shapes.BreakerSerializer

    def rows(self, *, state: str = "", **equal: Any) -> QuerySet[Breaker]:
        """Breakers of the batches the person may see, and those of no batch."""
        rows = visible_breakers(user=person_of(self.request)).filter(**equal)
        return rows.filter(closed_at__isnull=state == "open") if state else rows


class CloseBreakerView(ApiView):
    """Closing a breaker, with a reason."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "repayment.breaker.close"}
    request_serializer_class = shapes.DebitReasonSerializer
    serializer_class = shapes.BreakerSerializer
    refusals = ("409",)

    @idempotent
    def post(self, request: Request, breaker_id: int) -> Response:
        """Its batch goes on when no other breaker of it is open."""
        asked = read(self.request_serializer_class, request.data)
        if not visible_breakers(user=person_of(request)).filter(pk=breaker_id).exists():
            raise BreakerNotOpen(_("This breaker is not open."), next_step=_("Look at the list of breakers again."))
        breaker = close_breaker(
            breaker_id=breaker_id, reason=asked["reason"], at=clock.now(), actor=actor_of(request.user)
        )
        return Response(self.serializer_class(breaker).data)


def _batch(request: Request, batch_id: int) -> DebitBatch:
    batch = visible_batches(user=person_of(request)).filter(pk=batch_id).first()
    if batch is None:
        raise switching.BatchNotFound(_("There is no such batch."), next_step=_("Look at the slots of the day."))
    return batch
