"""Reading imports over the API: the tapes that came in, how far each is, and the rows that were rejected."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.core.api.fields import DayField
from backoffice.core.api.views import ApiView, ListView
from backoffice.core.errors import Refusal
from backoffice.repayment.models import ImportRun, RejectedRow
from backoffice.repayment.tape.findings import sentence_of

VIEW_IMPORTS: dict[str, str] = {"GET": "repayment.import.view"}


class ImportNotFound(Refusal):
    """No import has that number, or the caller may not see it."""

    code: ClassVar[str] = "repayment.import_not_found"
    status: ClassVar[int] = 404


class ImportSerializer(serializers.Serializer):
    """A tape and how far it is."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    portfolio = serializers.CharField()
    state = serializers.ChoiceField(choices=ImportRun.State.choices)
    business_date = DayField(help_text="the day it is checked as of")
    row_counts = serializers.DictField(child=serializers.IntegerField(), help_text="rows read, by file")
    loaded_counts = serializers.DictField(child=serializers.IntegerField(), help_text="what is in the book from it")
    loan_count = serializers.IntegerField(help_text="loans that can be loaded")
    refused_loan_count = serializers.IntegerField(help_text="loans left out, each with a rejected row")
    skipped_loan_count = serializers.IntegerField(help_text="loans in the book already")
    loaded_through = serializers.IntegerField(help_text="loans loaded so far")
    finding_count = serializers.IntegerField(help_text="rejected rows")
    finding_counts = serializers.DictField(child=serializers.IntegerField(), help_text="rejected rows, by reason")
    actor_name = serializers.CharField()
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class RejectedRowSerializer(serializers.Serializer):
    """A row that was rejected, and why; the first thousand of a tape are kept."""

    file = serializers.CharField()
    line = serializers.IntegerField()
    field = serializers.CharField(allow_blank=True)
    subject = serializers.CharField(allow_blank=True, help_text="the loan or borrower it is of")
    code = serializers.CharField()
    reason = serializers.SerializerMethodField()

    def get_reason(self, row: RejectedRow) -> str:
        """The sentence of the code, in the caller's language."""
        return sentence_of(code=row.code, params=row.params)


class ImportsQuery(serializers.Serializer):
    """Filters of the list of imports."""

    state = serializers.ChoiceField(choices=ImportRun.State.choices, required=False)
    portfolio = serializers.CharField(max_length=40, required=False)


class ImportsView(ListView):
    """Imports, newest first."""

    permissions_by_method: ClassVar[dict[str, str]] = VIEW_IMPORTS
    query_serializer_class = ImportsQuery
    serializer_class = ImportSerializer

    def rows(self, **equal: str) -> QuerySet[ImportRun]:
        """The imports the person may see that fit every filter."""
        return ImportRun.objects.visible_to(self.request.user).filter(**equal)


class ImportView(ApiView):
    """One import."""

    permissions_by_method: ClassVar[dict[str, str]] = VIEW_IMPORTS
    serializer_class = ImportSerializer

    def get(self, request: Request, run_id: int) -> Response:
        """How far it is, and what it brought."""
        return Response(self.serializer_class(_run(user=request.user, run_id=run_id)).data)


class RejectedRowsQuery(serializers.Serializer):
    """Filters of the rejected rows."""

    code = serializers.CharField(max_length=40, required=False)


class RejectedRowsView(ListView):
    """The rejected rows of a tape, in the order they were found."""

    permissions_by_method: ClassVar[dict[str, str]] = VIEW_IMPORTS
    query_serializer_class = RejectedRowsQuery
    serializer_class = RejectedRowSerializer
    ordering = ("id",)

    def rows(self, *, run_id: int, **equal: str) -> QuerySet[RejectedRow]:
        """The rows, narrowed to a reason."""
        return _run(user=self.request.user, run_id=run_id).rejected_rows.filter(**equal)


def _run(*, user: Any, run_id: int) -> ImportRun:
    run = ImportRun.objects.visible_to(user).filter(pk=run_id).first()
    if run is None:
        raise ImportNotFound(_("There is no such import."), next_step=_("Look in the list of imports."))
    return run
