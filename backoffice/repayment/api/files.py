"""Files of payments over the API: upload, how far it is posted, and the lines that were refused."""

from decimal import Decimal
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.audit.idempotent_view import idempotent
from backoffice.core.access import actor_of
from backoffice.core.api.bodies import BodySerializer
from backoffice.core.api.fields import MoneyField, ToldField
from backoffice.core.api.views import ApiView, ListView, read
from backoffice.repayment.domain.payment_totals import Control, read_control_sums
from backoffice.repayment.models import PaymentFile, PaymentFileLine
from backoffice.repayment.services.payment_files import FileNotFound, cancel_file, confirm_file, receive_file
from backoffice.repayment.tasks import post_payment_file

VIEW_PAYMENTS: dict[str, str] = {"GET": "repayment.payment.view"}


class SumsField(serializers.DictField):
    """Amounts by currency, major units."""

    child = MoneyField(allow_zero=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(read_only=True, **kwargs)

    def to_representation(self, value: dict[str, str]) -> dict[str, str]:
        """The decimal strings as they are kept."""
        return value


class PaymentFileSerializer(serializers.Serializer):
    """A file and how far it is posted; lines are counted without the header."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]  # a field of that name
    digest = serializers.CharField(help_text="SHA-256 of the content, hexadecimal")
    state = serializers.ChoiceField(choices=PaymentFile.State.choices)
    line_count = serializers.IntegerField()
    unreadable_count = serializers.IntegerField(help_text="lines that cannot be read; they are not in the sums")
    sums = SumsField(help_text="of its readable lines, once it is read")
    control_count = serializers.IntegerField(allow_null=True, help_text="what the sender said")
    control_sums = SumsField(help_text="what the sender said")
    posted_through = serializers.IntegerField(help_text="the last line of the file that is dealt with")
    posted_count = serializers.IntegerField()
    posted_sums = SumsField(help_text="of the lines that were booked")
    refused_count = serializers.IntegerField()
    refusal = ToldField(source="why_refused")
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


@extend_schema_field({"type": "string", "format": "binary", "minLength": 1})
class UploadedFileField(serializers.FileField):
    """A file; an empty one is refused by the service, which says what to send."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_empty_file=True, **kwargs)


class UploadSerializer(BodySerializer):
    """A CSV file in UTF-8: loan, amount, currency, value_date [, portfolio, channel, reference, external_id]."""

    file = UploadedFileField()
    source = serializers.RegexField(  # type: ignore[assignment]  # a field of that name
        r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$", help_text="whose file it is; external ids are unique within it"
    )
    control_count = serializers.IntegerField(
        min_value=0, required=False, allow_null=True, help_text="how many lines it must have; another number is refused"
    )
    control_sums = serializers.RegexField(
        r"^[A-Z0-9 .,;]*$",
        max_length=400,
        required=False,
        allow_blank=True,
        help_text="what its amounts must sum to by currency, such as CNY 1500.00, USD 20.00; another sum is refused",
    )
    wait = serializers.BooleanField(
        default=False, help_text="true: it is read and added up, and posted when the posting of the file is called"
    )

    def validate_control_sums(self, value: str) -> dict[str, Decimal]:
        """The sums by currency. Raises the refusal of a text that is none, which names the field."""
        return read_control_sums(text=value)


class FileVerbSerializer(BodySerializer):
    """Why it is done."""

    reason = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")


class RefusedLineSerializer(serializers.Serializer):
    """A line as it came, and why it was not posted."""

    line = serializers.IntegerField(help_text="its number in the file; the header is line 1")
    loan_external_id = serializers.CharField(allow_blank=True)
    amount = serializers.CharField(allow_blank=True, help_text="as it came")
    value_date = serializers.CharField(allow_blank=True, help_text="as it came")
    code = serializers.CharField()
    reason = ToldField(source="why")


class FilesQuery(serializers.Serializer):
    """Filters of the list of files."""

    state = serializers.ChoiceField(choices=PaymentFile.State.choices, required=False)


class FilesView(ListView):
    """Files of payments, newest first; and sending one."""

    permissions_by_method: ClassVar[dict[str, str]] = {**VIEW_PAYMENTS, "POST": "repayment.payment.post_file"}
    parser_classes = (MultiPartParser,)
    query_serializer_class = FilesQuery
    request_serializer_class = UploadSerializer
    serializer_class = PaymentFileSerializer
    success_status = 202

    def rows(self, **equal: str) -> QuerySet[PaymentFile]:
        """The files the person may see."""
        return PaymentFile.objects.visible_to(self.request.user).filter(**equal)

    @idempotent
    def post(self, request: Request) -> Response:
        """Taken in, read and posted in the background: 202, then read its state. The same content is refused again."""
        asked = read(self.request_serializer_class, request.data)
        file = receive_file(
            name=asked["file"].name,
            content=asked["file"],
            source=asked["source"],
            control=Control(count=asked.get("control_count"), sums=asked.get("control_sums", {})),
            is_confirmed=not asked["wait"],
            actor=actor_of(request.user),
        )
        post_payment_file.delay_on_commit(file_id=file.pk)
        file.refresh_from_db()
        return Response(self.serializer_class(file).data, status=202)


class FileView(ApiView):
    """One file of payments."""

    permissions_by_method: ClassVar[dict[str, str]] = VIEW_PAYMENTS
    serializer_class = PaymentFileSerializer

    def get(self, request: Request, file_id: int) -> Response:
        """How far it is posted."""
        return Response(self.serializer_class(_file(request, file_id)).data)


class FileVerbView(ApiView):
    """The base of what is done to one file."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "repayment.payment.post_file"}
    request_serializer_class = FileVerbSerializer
    serializer_class = PaymentFileSerializer
    refusals = ("404", "409")


class FilePostingView(FileVerbView):
    """Posting a file that was sent to wait."""

    success_status = 202

    @idempotent
    def post(self, request: Request, file_id: int) -> Response:
        """Confirmed, and posted in the background: 202, then read its state."""
        asked = read(self.request_serializer_class, request.data)
        _file(request, file_id)
        file = confirm_file(file_id=file_id, actor=actor_of(request.user), reason=asked["reason"])
        post_payment_file.delay_on_commit(file_id=file.pk)
        return Response(self.serializer_class(file).data, status=202)


class FileCancellationView(FileVerbView):
    """Stopping a file."""

    @idempotent
    def post(self, request: Request, file_id: int) -> Response:
        """Nothing more of it is posted; what is booked stays booked."""
        asked = read(self.request_serializer_class, request.data)
        _file(request, file_id)
        file = cancel_file(file_id=file_id, actor=actor_of(request.user), reason=asked["reason"])
        return Response(self.serializer_class(file).data)


class RefusedLinesView(ListView):
    """The lines of a file that were not posted, in the order of the file."""

    permissions_by_method: ClassVar[dict[str, str]] = VIEW_PAYMENTS
    serializer_class = RefusedLineSerializer
    ordering = ("line",)

    def rows(self, *, file_id: int) -> QuerySet[PaymentFileLine]:
        """The refused lines."""
        return PaymentFileLine.objects.filter(file=_file(self.request, file_id))


def _file(request: Request, file_id: int) -> PaymentFile:
    file = PaymentFile.objects.visible_to(request.user).filter(pk=file_id).first()
    if file is None:
        raise FileNotFound(_("There is no such file."), next_step=_("Open it from the list of files."))
    return file
