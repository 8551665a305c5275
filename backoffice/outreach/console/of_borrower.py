"""What the verbs of outreach about one borrower share."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from backoffice.calendars import clock
from backoffice.core.confirm import ConfirmView
from backoffice.customers.models import Borrower
from backoffice.staff.access import person_of


class MomentField(forms.DateTimeField):
    """A moment to the minute, in the lender's zone."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")

    def __init__(self, **options: Any) -> None:
        super().__init__(input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S"], **options)


class ClockField(forms.TimeField):
    """A time of day to the minute."""

    widget = forms.TimeInput(attrs={"type": "time"}, format="%H:%M")

    def __init__(self, **options: Any) -> None:
        super().__init__(input_formats=["%H:%M", "%H:%M:%S"], **options)


def this_minute() -> datetime:
    """Now, as a field shows it."""
    return timezone.localtime(clock.now()).replace(second=0, microsecond=0)


class OutreachVerb(ConfirmView):
    """A verb of one borrower whose record is their own; it comes back to `page`."""

    page: ClassVar[str] = "outreach:contact"

    def load(self, *, request: HttpRequest, **address: Any) -> Borrower:
        """The borrower, if the person may see them; a merged record is nobody's any more."""
        borrowers = Borrower.objects.visible_to(person_of(request)).filter(merged_into__isnull=True)
        found = borrowers.filter(pk=address["borrower_id"]).first()
        if found is None:
            raise Http404
        return found

    def back_url(self, *, subject: Any) -> str:
        """The page it was opened from."""
        return reverse(self.page, args=[subject.pk])

    def subject_line(self, *, subject: Any) -> str:
        """Who it is about."""
        return _("Borrower %(id)s") % {"id": subject.external_id}


def endpoints_of(subject: Borrower) -> list[tuple[int, str]]:
    """(id, kind and mask) of the contact points in use, for a choice."""
    points = subject.contact_points.filter(ended_at__isnull=True).order_by("kind", "-is_primary", "pk")
    return [(point.pk, f"{point.get_kind_display()} {point.masked}") for point in points]


def chosen(values: Mapping[str, Any], name: str) -> Any:
    """A choice that was left open is None."""
    return values[name] or None
