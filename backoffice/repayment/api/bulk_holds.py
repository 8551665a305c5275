"""Holds on many borrowers over the API: prepared with numbers, placed and lifted when a second person agrees."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.audit.idempotent_view import idempotent
from backoffice.core.access import actor_of
from backoffice.core.api.bodies import BodySerializer
from backoffice.core.api.fields import DayField, TextField
from backoffice.core.api.views import ApiView, ListView, read
from backoffice.customers.domain.bulk_holds import BulkState
from backoffice.customers.domain.hold_policy import BULK_REASONS
from backoffice.customers.domain.holds import HoldScope
from backoffice.customers.models import BulkHold
from backoffice.customers.services import Choice, ask_to_lift_bulk, ask_to_place_bulk, discard_bulk, prepare_bulk
from backoffice.customers.services.bulk_holding import bulk_not_found
from backoffice.repayment.selectors.bulk_holds import bulk_preview, lifting_text, placing_text
from backoffice.staff.access import person_of

MOST_IDS = 100_000
STATES = [state.value for state in BulkState]
REASONS = [reason.value for reason in BULK_REASONS]


class BulkHoldSerializer(serializers.Serializer):
    """One hold on many borrowers. `end` is exclusive."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    reason = serializers.ChoiceField(choices=REASONS)
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=[scope.value for scope in HoldScope]))
    start = DayField()
    end = DayField(source="end_exclusive")
    state = serializers.ChoiceField(choices=STATES)
    chosen_by = serializers.DictField(help_text="source, portfolio, country, time_zone; the number of ids of a list")
    unknown_count = serializers.IntegerField(help_text="ids of the list that lead to no borrower")
    placed_borrowers = serializers.IntegerField()
    placed_holds = serializers.IntegerField()
    prepared_by = serializers.CharField(source="prepared_by_name")
    prepared_at = serializers.DateTimeField()
    placed_by = serializers.CharField(source="placed_by_name", allow_blank=True)
    placed_at = serializers.DateTimeField(allow_null=True)
    lifted_by = serializers.CharField(source="lifted_by_name", allow_blank=True)
    lifted_on = DayField(allow_null=True)


class BulkPreviewSerializer(serializers.Serializer):
    """Whom it is for, in numbers of today."""

    borrowers = serializers.IntegerField()
    overdue = serializers.IntegerField(help_text="of the borrowers, those with an overdue loan")
    open_loans = serializers.IntegerField()
    overdue_loans = serializers.IntegerField()
    held_already = serializers.IntegerField(help_text="have a hold of the same reason in the period")
    sentence = serializers.CharField()


class BulkHoldPageSerializer(BulkHoldSerializer):
    """One hold on many borrowers, with its numbers of today."""

    preview = BulkPreviewSerializer()
    unknown_ids = serializers.ListField(child=serializers.CharField(), help_text="the first thousand of them")


class NewBulkHoldSerializer(BodySerializer):
    """Whom, why and how long. Each value of the choice narrows; a list of external ids may be all of it."""

    name = TextField(max_length=120)
    reason = serializers.ChoiceField(choices=REASONS, default="disaster")
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=[scope.value for scope in HoldScope]),
        required=False,
        default=list,
        max_length=5,
        help_text="added to what the reason demands",
    )
    start = DayField()
    end = DayField(help_text="exclusive")
    source = serializers.CharField(max_length=40, required=False, allow_blank=True, default="")  # type: ignore[assignment]
    portfolio = serializers.CharField(max_length=40, required=False, allow_blank=True, default="")
    country = serializers.RegexField(r"^([A-Z]{2})?$", required=False, allow_blank=True, default="")
    time_zone = serializers.CharField(max_length=40, required=False, allow_blank=True, default="")
    external_ids = serializers.ListField(
        child=TextField(max_length=80), required=False, allow_null=True, default=None, max_length=MOST_IDS
    )
    note = TextField(max_length=2000, allow_blank=True, default="")
    evidence = TextField(max_length=2000, allow_blank=True, default="")


class WhySerializer(BodySerializer):
    """Why it is done."""

    reason = TextField(min_length=2, max_length=500)


class LiftBulkSerializer(WhySerializer):
    """From which day on the holds do not count any more."""

    on = DayField()


class AskedForHoldsSerializer(serializers.Serializer):
    """Done at once, or waiting for a second person."""

    is_done = serializers.BooleanField(source="is_lifted")
    approval_id = serializers.IntegerField(allow_null=True)


class BulkHoldsQuery(serializers.Serializer):
    """Filters of the list."""

    state = serializers.ChoiceField(choices=STATES, required=False)


class BulkHoldsView(ListView):
    """Holds on many borrowers, the latest first."""

    permissions_by_method: ClassVar[dict[str, str]] = {
        "GET": "customers.hold.view",
        "POST": "customers.hold.place_many",
    }
    query_serializer_class = BulkHoldsQuery
    serializer_class = BulkHoldSerializer
    request_serializer_class = NewBulkHoldSerializer
    answer_serializer_class = BulkHoldPageSerializer
    success_status = 201
    refusals = ("422",)

    def rows(self, **equal: str) -> QuerySet[BulkHold]:
        """Those whose borrowers all lie in the person's portfolios."""
        return BulkHold.objects.visible_to(person_of(self.request)).filter(**equal)

    @idempotent
    def post(self, request: Request) -> Response:
        """Prepare a hold on many borrowers: settles whom it is for, and places nothing."""
        asked = read(self.request_serializer_class, request.data)
        scope = person_of(request).scope()
        choice = Choice(
            **{name: asked.pop(name) for name in ("source", "portfolio", "country", "time_zone", "external_ids")}
        )
        bulk_id = prepare_bulk(
            choice=choice,
            end_exclusive=asked.pop("end"),
            portfolios=None if scope.all else sorted(scope.portfolios),
            actor=actor_of(request.user),
            **asked,
        )
        return Response(_page(BulkHold.objects.get(pk=bulk_id)), status=self.success_status)


class BulkView(ApiView):
    """The base of what hangs on one bulk hold the person may see."""

    bulk: BulkHold

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuses one whose borrowers the person may not see as if there were none."""
        super().initial(request, *args, **kwargs)
        found = BulkHold.objects.visible_to(person_of(request)).filter(pk=kwargs["bulk_id"]).first()
        if found is None:
            raise bulk_not_found()
        self.bulk = found


class BulkHoldView(BulkView):
    """One hold on many borrowers, with its numbers of today."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "customers.hold.view"}
    serializer_class = BulkHoldPageSerializer

    def get(self, request: Request, bulk_id: int) -> Response:
        """Whom it is for, what became of it, and the ids of the list that were not found."""
        return Response(_page(self.bulk))


class PlaceBulkView(BulkView):
    """Ask a second person to place it."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "customers.hold.place_many"}
    request_serializer_class = WhySerializer
    serializer_class = AskedForHoldsSerializer
    refusals = ("409", "422")

    @idempotent
    def post(self, request: Request, bulk_id: int) -> Response:
        """Placed when they agree, with the numbers they saw."""
        asked = read(self.request_serializer_class, request.data)
        consequence = placing_text(bulk=self.bulk, preview=bulk_preview(bulk=self.bulk))
        outcome = ask_to_place_bulk(
            bulk_id=bulk_id, consequence=consequence, actor=actor_of(request.user), reason=asked["reason"]
        )
        return Response(self.serializer_class(outcome).data)


class LiftBulkView(BulkView):
    """Ask a second person to end all its holds on a day."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "customers.hold.place_many"}
    request_serializer_class = LiftBulkSerializer
    serializer_class = AskedForHoldsSerializer
    refusals = ("409", "422")

    @idempotent
    def post(self, request: Request, bulk_id: int) -> Response:
        """Holds lifted one by one before stay as they are."""
        asked = read(self.request_serializer_class, request.data)
        consequence = lifting_text(bulk=self.bulk, on=asked["on"])
        outcome = ask_to_lift_bulk(bulk_id=bulk_id, consequence=consequence, actor=actor_of(request.user), **asked)
        return Response(self.serializer_class(outcome).data)


class DiscardBulkView(BulkView):
    """Give a prepared bulk hold up."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "customers.hold.place_many"}
    request_serializer_class = WhySerializer
    serializer_class = BulkHoldPageSerializer
    refusals = ("409",)

    @idempotent
    def post(self, request: Request, bulk_id: int) -> Response:
        """Nothing was placed; it stays on record as discarded."""
        asked = read(self.request_serializer_class, request.data)
        discard_bulk(bulk_id=bulk_id, actor=actor_of(request.user), **asked)
        self.bulk.refresh_from_db()
        return Response(_page(self.bulk))


def _page(bulk: BulkHold) -> Any:
    bulk.preview = bulk_preview(bulk=bulk)  # type: ignore[attr-defined]
    return BulkHoldPageSerializer(bulk).data
