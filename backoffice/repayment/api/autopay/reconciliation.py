"""Reconciliation over the API: settlement files taken in, days compared and closed, differences read and resolved."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.audit.idempotent_view import idempotent
from backoffice.core.access import actor_of
from backoffice.core.api.bodies import BodySerializer
from backoffice.core.api.fields import DayField, MoneyField, SignedMoneyField, TextField, ToldField
from backoffice.core.api.views import ApiView, ListView, read
from backoffice.repayment.api.files import UploadedFileField
from backoffice.repayment.api.verbs import ApprovalAskedSerializer
from backoffice.repayment.domain.autopay.differences import DifferenceKind, Resolution
from backoffice.repayment.models import Difference, Payee, Rail, ReconciledDay
from backoffice.repayment.selectors.autopay.split_statements import Period, Stated, statement_of
from backoffice.repayment.services.autopay.differences import (
    Asked,
    DifferenceNotFound,
    resolve_difference,
    take_difference,
)
from backoffice.repayment.services.autopay.reconciling import (
    DayNotFound,
    close_day,
    compare_day,
    receive_channel_file,
    receive_payee_file,
)
from backoffice.repayment.services.autopay.settlement_files import SettlementRefused

VIEW: Mapping[str, str] = {"GET": "repayment.reconciliation.view"}
LONGEST_REASON = 300
RESOLUTIONS = [way.value for way in Resolution if way is not Resolution.CLEARED]


class TotalSerializer(serializers.Serializer):
    """What one movement, outcome and currency comes to: commands, the file, the ledger."""

    movement = serializers.CharField()
    outcome = serializers.CharField()
    component = serializers.CharField(required=False, help_text="of a payee's file")
    currency = serializers.CharField()
    count = serializers.IntegerField()
    asked = MoneyField(allow_zero=True, help_text="of our commands, or of our splits")
    told = MoneyField(allow_zero=True, help_text="of the file")
    booked = MoneyField(allow_zero=True, help_text="of the ledger")


class ReconciledDaySerializer(serializers.Serializer):
    """A rail's or payee's day."""

    id = serializers.IntegerField()
    rail = serializers.SerializerMethodField()
    payee = serializers.SerializerMethodField()
    day = DayField()
    state = serializers.ChoiceField(choices=ReconciledDay.State.choices)
    unexplained = serializers.SerializerMethodField()
    waiting = serializers.SerializerMethodField()
    totals = TotalSerializer(many=True)
    matched_at = serializers.DateTimeField(allow_null=True)
    closed_by = serializers.CharField(allow_blank=True)
    closed_at = serializers.DateTimeField(allow_null=True)

    def get_rail(self, row: ReconciledDay) -> str:
        """The code of the rail; empty for a payee's day."""
        return row.rail.code if row.rail else ""

    def get_payee(self, row: ReconciledDay) -> str:
        """The code of the payee; empty for a rail's day."""
        return row.payee.code if row.payee else ""

    def get_unexplained(self, row: ReconciledDay) -> int:
        """Open differences that keep the day open."""
        return int(row.counts.get("unexplained", 0))

    def get_waiting(self, row: ReconciledDay) -> int:
        """Unknown debits that stand in no file yet."""
        return int(row.counts.get("waiting", 0))


class DifferenceSerializer(serializers.Serializer):
    """A ticket; `ours` and `theirs` are null where that side has nothing."""

    id = serializers.IntegerField()
    day_id = serializers.IntegerField(source="reconciled_day_id")
    order_no = serializers.CharField()
    kind = serializers.ChoiceField(choices=[kind.value for kind in DifferenceKind])
    movement = serializers.CharField()
    component = serializers.CharField(allow_blank=True)
    ours = MoneyField(allow_null=True)
    theirs = MoneyField(allow_null=True)
    currency = serializers.CharField()
    detail = serializers.CharField(allow_blank=True, help_text="the finer reason, a code")
    state = serializers.ChoiceField(choices=Difference.State.choices)
    owner_name = serializers.CharField(allow_blank=True)
    opened_on = DayField()
    due_on = DayField(allow_null=True)
    resolution = serializers.CharField(allow_blank=True)
    reason = ToldField(allow_blank=True)
    operation_id = serializers.IntegerField(allow_null=True)


class SettlementUploadSerializer(BodySerializer):
    """A settlement file as docs/rails.md describes it, of a rail or of a payee."""

    file = UploadedFileField()
    rail = serializers.CharField(max_length=40, required=False, help_text="the code of the rail")
    payee = serializers.CharField(max_length=40, required=False, help_text="the code of the funder or guarantor")
    day = DayField(help_text="the day whose movements it has")


class ClosingSerializer(BodySerializer):
    """Why the day is closed."""

    reason = TextField(max_length=LONGEST_REASON, min_length=2, help_text="kept in the audit trail")


class ResolutionSerializer(BodySerializer):
    """How a ticket is to end."""

    resolution = serializers.ChoiceField(choices=RESOLUTIONS)
    reason = TextField(max_length=LONGEST_REASON, min_length=2, help_text="kept in the audit trail")
    loan_number = serializers.CharField(
        max_length=80, required=False, help_text="the loan the money is for, where no order of ours names it"
    )
    due_on = DayField(required=False, help_text="the day whose file is expected to have it")


class DaysQuery(serializers.Serializer):
    """Filters of the list of days."""

    state = serializers.ChoiceField(choices=ReconciledDay.State.choices, required=False)
    day = DayField(required=False)


class DifferencesQuery(serializers.Serializer):
    """Filters of the list of tickets."""

    state = serializers.ChoiceField(choices=Difference.State.choices, required=False)
    kind = serializers.ChoiceField(choices=[kind.value for kind in DifferenceKind], required=False)
    day_id = serializers.IntegerField(required=False, min_value=1, max_value=2**53)


class PeriodQuery(serializers.Serializer):
    """The days of a statement, both with it."""

    from_day = DayField()
    through_day = DayField()


class StatedSerializer(serializers.Serializer):
    """What a payee got of a component, and what the contract's shares come to."""

    payee = serializers.CharField(source="payee.code")
    component = serializers.CharField()
    currency = serializers.CharField()
    lines = serializers.IntegerField()
    amount = SignedMoneyField()
    returned = SignedMoneyField(help_text="returns in it, negative")
    by_contract = SignedMoneyField(allow_null=True)
    is_off = serializers.BooleanField(help_text="it differs by more than rounding")


class StatementSerializer(serializers.Serializer):
    """The rows of a statement, by payee and component."""

    rows = StatedSerializer(many=True)


class DaysView(ListView):
    """Days by rail and payee, the latest first."""

    permissions_by_method: ClassVar[dict[str, str]] = dict(VIEW)
    query_serializer_class = DaysQuery
    serializer_class = ReconciledDaySerializer

    def rows(self, **equal: Any) -> QuerySet[ReconciledDay]:
        """The days that fit every filter."""
        return ReconciledDay.objects.select_related("rail", "payee").filter(**equal)


class DayView(ApiView):
    """One day."""

    permissions_by_method: ClassVar[dict[str, str]] = dict(VIEW)
    serializer_class = ReconciledDaySerializer
    refusals = ("404",)

    def get(self, request: Request, day_id: int) -> Response:
        """Its three sides and how much is open."""
        return Response(self.serializer_class(_day(day_id)).data)


class ComparisonView(ApiView):
    """Comparing a day again."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "repayment.reconciliation.send"}
    serializer_class = ReconciledDaySerializer
    refusals = ("404",)

    @idempotent
    def post(self, request: Request, day_id: int) -> Response:
        """What moved since ends its tickets; what the file proves is booked."""
        compared = compare_day(day_id=day_id, actor=actor_of(request.user))
        return Response(self.serializer_class(compared).data)


class DayClosingView(ApiView):
    """Closing a day."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "repayment.reconciliation.close"}
    request_serializer_class = ClosingSerializer
    serializer_class = ReconciledDaySerializer
    refusals = ("404", "409")

    @idempotent
    def post(self, request: Request, day_id: int) -> Response:
        """Refused while anything is unexplained, with the number."""
        asked = read(self.request_serializer_class, request.data)
        closed = close_day(day_id=day_id, actor=actor_of(request.user), reason=asked["reason"])
        return Response(self.serializer_class(closed).data)


class SettlementFilesView(ApiView):
    """Sending a settlement file."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "repayment.reconciliation.send"}
    parser_classes = (MultiPartParser,)
    request_serializer_class = SettlementUploadSerializer
    serializer_class = ReconciledDaySerializer
    refusals = ("409",)
    success_status = 201

    @idempotent
    def post(self, request: Request) -> Response:
        """Taken in whole and compared, or refused whole with its line. The same file twice is one file."""
        asked = read(self.request_serializer_class, request.data)
        facts = {
            "day": asked["day"],
            "name": asked["file"].name,
            "content": asked["file"],
            "actor": actor_of(request.user),
        }
        rail = Rail.objects.filter(code=asked.get("rail", "")).first()
        payee = Payee.objects.filter(code=asked.get("payee", "")).first()
        if rail is not None and payee is None:
            taken = receive_channel_file(rail=rail, **facts)
        elif payee is not None and rail is None:
            taken = receive_payee_file(payee=payee, **facts)
        else:
            raise SettlementRefused(
                _("Say whose file it is: one rail, or one payee."), next_step=_("Give the code of one of them.")
            )
        return Response(self.serializer_class(_day(taken.day_id)).data, status=201)


class DifferencesView(ListView):
    """Tickets the person may see, the newest first."""

    permissions_by_method: ClassVar[dict[str, str]] = dict(VIEW)
    query_serializer_class = DifferencesQuery
    serializer_class = DifferenceSerializer

    def rows(self, day_id: int | None = None, **equal: Any) -> QuerySet[Difference]:
        """The tickets that fit every filter."""
        rows = Difference.objects.visible_to(self.request.user).filter(**equal)  # type: ignore[arg-type]
        return rows.filter(reconciled_day_id=day_id) if day_id else rows


class DifferenceView(ApiView):
    """One ticket."""

    permissions_by_method: ClassVar[dict[str, str]] = dict(VIEW)
    serializer_class = DifferenceSerializer
    refusals = ("404",)

    def get(self, request: Request, difference_id: int) -> Response:
        """What differs, and how it ended."""
        return Response(self.serializer_class(_ticket(request, difference_id)).data)


class TakingView(ApiView):
    """Taking a ticket."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "repayment.reconciliation.work"}
    serializer_class = DifferenceSerializer
    refusals = ("404", "409")

    @idempotent
    def post(self, request: Request, difference_id: int) -> Response:
        """The caller owns it from now on."""
        _ticket(request, difference_id)
        return Response(
            self.serializer_class(take_difference(difference_id=difference_id, actor=actor_of(request.user))).data
        )


class ResolutionView(ApiView):
    """Resolving a ticket."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "repayment.reconciliation.work"}
    request_serializer_class = ResolutionSerializer
    serializer_class = DifferenceSerializer
    refusals = ("404", "409")
    other_answers: ClassVar[dict[int, type[serializers.Serializer]]] = {202: ApprovalAskedSerializer}

    @idempotent
    def post(self, request: Request, difference_id: int) -> Response:
        """Resolved with what is posted for it, or asked for when it is beyond the caller's limit (202)."""
        asked = read(self.request_serializer_class, request.data)
        _ticket(request, difference_id)
        scope = request.user.scope()  # type: ignore[union-attr]
        done = resolve_difference(
            difference_id=difference_id,
            asked=Asked(
                resolution=Resolution(asked["resolution"]),
                reason=asked["reason"],
                loan_number=asked.get("loan_number", ""),
                due_on=asked.get("due_on"),
                portfolios=None if scope.all else frozenset(scope.portfolios),
            ),
            actor=actor_of(request.user),
        )
        if done.approval_id is not None:
            return Response(ApprovalAskedSerializer(done).data, status=202)
        return Response(self.serializer_class(_ticket(request, difference_id)).data)


class SplitsView(ApiView):
    """What payees got."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "repayment.split.view"}
    query_serializer_class = PeriodQuery
    serializer_class = StatementSerializer

    def get(self, request: Request) -> Response:
        """By payee and component of the period, against the contract."""
        period = self.query()
        scope = request.user.scope()  # type: ignore[union-attr]
        found: list[Stated] = statement_of(
            Period(**period, portfolios=None if scope.all else frozenset(scope.portfolios))
        )
        return Response(self.serializer_class({"rows": found}).data)


def _day(day_id: int) -> ReconciledDay:
    found = ReconciledDay.objects.select_related("rail", "payee").filter(pk=day_id).first()
    if found is None:
        raise DayNotFound(_("There is no such day."), next_step=_("Open it from the list of days."))
    return found


def _ticket(request: Request, difference_id: int) -> Difference:
    found = Difference.objects.visible_to(request.user).filter(pk=difference_id).first()  # type: ignore[arg-type]
    if found is None:
        raise DifferenceNotFound(_("There is no such difference."), next_step=_("Open it from the day's page."))
    return found
