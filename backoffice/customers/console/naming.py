"""What borrowers are called in the trail and in requests: by the number of their book, never by name."""

from collections.abc import Collection

from django.urls import reverse
from django.utils.translation import gettext as _

from backoffice.core.trail import Named, Names, name_subjects
from backoffice.customers.models import Borrower, BulkHold

MOST_FOUND = 50


def register_names() -> None:
    """Connects the kinds of subjects of this app; called once when Django starts."""
    name_subjects(kind="customers.borrower", names=Names(read=_borrowers, find=_ids))
    name_subjects(kind="customers.bulk_hold", names=Names(read=_bulk_holds, find=_bulk_ids))


def _borrowers(ids: Collection[str]) -> dict[str, Named]:
    numbers = _numbers(ids)
    rows = Borrower.objects.filter(pk__in=numbers).values_list("pk", "external_id")
    return {
        str(pk): Named(_("borrower %(number)s") % {"number": number}, reverse("console:borrower", args=[pk]))
        for pk, number in rows
    }


def _ids(number: str) -> list[str]:
    return [str(pk) for pk in Borrower.objects.filter(external_id=number).values_list("pk", flat=True)[:MOST_FOUND]]


def _bulk_holds(ids: Collection[str]) -> dict[str, Named]:
    rows = BulkHold.objects.filter(pk__in=_numbers(ids)).values_list("pk", "name")
    return {
        str(pk): Named(_("hold on many “%(name)s”") % {"name": name}, reverse("repayment:bulk_hold", args=[pk]))
        for pk, name in rows
    }


def _bulk_ids(name: str) -> list[str]:
    return [str(pk) for pk in BulkHold.objects.filter(name=name).values_list("pk", flat=True)[:MOST_FOUND]]


def _numbers(ids: Collection[str]) -> list[int]:
    return [int(each) for each in ids if each.isascii() and each.isdigit() and len(each) <= 18]
