"""Debits and their success rates over the API, and a person's word about an unknown one."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.audit.idempotent_view import idempotent
from backoffice.calendars import clock
from backoffice.core.access import actor_of
from backoffice.core.api.views import ApiView, ListView, read
from backoffice.repayment.api.autopay import debit_shapes as shapes
from backoffice.repayment.api.verbs import ApprovalAskedSerializer
from backoffice.repayment.models import DebitCommand
from backoffice.repayment.selectors.autopay.debits import debit_shown, visible_debits
from backoffice.repayment.selectors.autopay.rates import Cut, debit_rates, visible_versions
from backoffice.repayment.services.autopay.resolving import decide_unknown
from backoffice.staff.access import person_of

RENAMED = {
    "rail": "rail__code",
    "bank": "mandate__bank",
    "slot": "batch__slot",
    "configuration": "version__configuration_id",
    "batch": "batch_id",
    "loan": "loan_id",
}


class DebitsView(ListView):
    """Debits, the latest first."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "repayment.debit.view"}
    query_serializer_class = shapes.DebitsQuery
    serializer_class = shapes.DebitSerializer

    def rows(self, **equal: Any) -> QuerySet[DebitCommand]:
        """The debits on loans the person may see that fit every filter."""
        filters = {RENAMED.get(name, name): value for name, value in equal.items()}
        return visible_debits(user=person_of(self.request)).filter(**filters)


class DebitView(ApiView):
    """One debit with its journey."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "repayment.debit.view"}
    serializer_class = shapes.DebitPageSerializer

    def get(self, request: Request, debit_id: int) -> Response:
        """The debit, its bill, every step it went, and what was split of it."""
        shown = debit_shown(command_id=debit_id, user=person_of(request))
        return Response(self.serializer_class(shown).data)


class DecideView(ApiView):
    """Saying what became of a debit nobody knows the fate of."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "repayment.debit.decide"}
    request_serializer_class = shapes.DecideDebitSerializer
    serializer_class = shapes.DebitSerializer
    refusals = ("404", "409")
    other_answers: ClassVar[dict[int, type[serializers.Serializer]]] = {202: ApprovalAskedSerializer}

    @idempotent
    def post(self, request: Request, debit_id: int) -> Response:
        """Debited: it is booked and split at once. Never debited: a later slot may try the bill again.

        Its rail is asked first. Beyond the caller's limit it is asked for (202).
        """
        asked = read(self.request_serializer_class, request.data)
        debit_shown(command_id=debit_id, user=person_of(request))
        done = decide_unknown(
            command_id=debit_id,
            was_debited=asked["was_debited"],
            debited_at=asked.get("debited_at"),
            reason=asked["reason"],
            at=clock.now(),
            actor=actor_of(request.user),
        )
        if done.approval_id is not None:
            return Response(ApprovalAskedSerializer(done).data, status=202)
        return Response(self.serializer_class(visible_debits(user=person_of(request)).get(pk=debit_id)).data)


class RatesView(ApiView):
    """The four success rates of the debits of some days: by bill, by amount, by attempt, first attempt."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "repayment.autopay.view"}
    query_serializer_class = shapes.RatesQuery
    serializer_class = shapes.RatesSerializer
    refusals = ("422",)

    def get(self, request: Request) -> Response:
        """Whole, or cut by bank, rail, slot, funder, batch or kind of answer; one row a part and currency."""
        asked = self.query()
        versions = visible_versions(user=person_of(request), configuration_id=asked.get("configuration"))
        parts = debit_rates(
            from_day=asked["from_day"],
            through_day=asked.get("through_day", asked["from_day"]),
            cut=Cut(asked.get("cut", "")),
            versions=versions,
            first_day=asked.get("first_day") == "yes",
        )
        return Response(self.serializer_class({"rates": parts}).data)
