"""What borrowers are called in the trail and in requests: by the number of their book, never by name."""

from collections.abc import Collection

from django.urls import reverse
from django.utils.translation import gettext as _

from backoffice.core.trail import Named, Names, name_subjects
from backoffice.customers.models import Borrower

MOST_FOUND = 50


def register_names() -> None:
    """Connects the kinds of subjects of this app; called once when Django starts."""
    name_subjects(kind="customers.borrower", names=Names(read=_borrowers, find=_ids))


def _borrowers(ids: Collection[str]) -> dict[str, Named]:
    numbers = [int(each) for each in ids if each.isascii() and each.isdigit() and len(each) <= 18]
    rows = Borrower.objects.filter(pk__in=numbers).values_list("pk", "external_id")
    return {
        str(pk): Named(_("borrower %(number)s") % {"number": number}, reverse("console:borrower", args=[pk]))
        for pk, number in rows
    }


def _ids(number: str) -> list[str]:
    return [str(pk) for pk in Borrower.objects.filter(external_id=number).values_list("pk", flat=True)[:MOST_FOUND]]
