"""The audit trail: what was done, by whom, to what, why, and what it was before and after."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.audit.models import AuditEntry
from backoffice.audit.selectors import entries, entries_of_request
from backoffice.core.access import requires
from backoffice.core.errors import Refusal
from backoffice.core.http import refused
from backoffice.core.tables import Choice, Column, Day, ListNotReadable, Rows, Table, Text, Words
from backoffice.core.telling import doer
from backoffice.core.trail import described, named, subjects_with_number, words_of


@dataclass(frozen=True, slots=True)
class Midnight(Day):
    """A date as the midnight it begins with in the lender's zone, `days` later: the index on time can be read by it."""

    days: int = 0

    def apply(self, rows: Rows, value: str) -> Rows:
        """The rows on that side of midnight. Raises ListNotReadable for what is no ISO date."""
        try:
            day = date.fromisoformat(value) + timedelta(days=self.days)
            midnight = timezone.make_aware(datetime.combine(day, time.min))
        except (ValueError, OverflowError) as error:
            raise ListNotReadable(
                _("“%(day)s” is not a day of the calendar.") % {"day": value},
                next_step=_("Write it as 2026-01-31."),
                fields={self.name: _("not a date")},
            ) from error
        return rows.filter(**{self.lookup: midnight})


def is_id(text: str) -> bool:
    """True for digits that can be a number of a row."""
    return text.isascii() and text.isdigit() and len(text) <= 18


def address(entry: AuditEntry) -> str:
    """Where an entry's page is."""
    return reverse("audit:entry", args=[entry.pk])


def name_all(rows: Sequence[Any]) -> None:
    """Gives every entry its `named`: the subject as people know it, and its page."""
    names = named(subjects=[(entry.subject_type, entry.subject_id) for entry in rows])
    for entry in rows:
        entry.named = names[entry.subject_type, entry.subject_id]


def _about(rows: Rows, number: str) -> Rows:
    """Entries of the subjects with a number people know, such as a loan's; else of the row with that id."""
    subjects = subjects_with_number(number=number)
    if not subjects:
        return rows.filter(subject_id=number)
    return rows.filter(reduce(or_, (Q(subject_type=kind, subject_id=subject_id) for kind, subject_id in subjects)))


def _verb_choices() -> list[tuple[str, Text]]:
    """Every verb that has a name, by its name."""
    verbs = [(code, label) for code, label in described().items() if code.count(".") == 2]
    return sorted(verbs, key=lambda verb: str(verb[1]))


TRAIL = Table(
    name="trail",
    caption=gettext_lazy("Audit trail, newest first"),
    columns=(
        Column("at", gettext_lazy("When"), kind="moment"),
        Column("verb", gettext_lazy("What"), value=lambda entry: words_of(entry.verb), link=address),
        Column("subject", gettext_lazy("To what"), value="named.text", link=lambda entry: entry.named.url),
        Column("actor_name", gettext_lazy("Who"), value=lambda row: doer(row.actor_name), css="nowrap"),
        Column("reason", gettext_lazy("Why")),
    ),
    filters=(
        Choice("what", gettext_lazy("What"), choices=_verb_choices, path="verb"),
        Words("verb", gettext_lazy("Code begins with"), narrow=lambda rows, text: rows.filter(verb__startswith=text)),
        Words("subject", gettext_lazy("Subject number, such as a loan's"), narrow=_about),
        Words(
            "borrower",
            gettext_lazy("Borrower number"),
            narrow=lambda rows, text: rows.filter(borrower_id=int(text)) if is_id(text) else rows.none(),
        ),
        Words("who", gettext_lazy("Who"), narrow=lambda rows, text: rows.filter(actor_name__istartswith=text)),
        Midnight("since", gettext_lazy("From"), lookup="at__gte"),
        Midnight("until", gettext_lazy("To"), lookup="at__lt", days=1),
    ),
    order=("-id",),
    row_url=address,
    prepare=name_all,
    empty_title=gettext_lazy("Nothing was done yet"),
    empty_text=gettext_lazy("Everything a person or the system does leaves an entry here."),
)


@requires("audit.trail.view")
def overview(request: HttpRequest) -> HttpResponse:
    """The trail by filter."""
    try:
        table = TRAIL.shown(rows=entries(), query=request.GET)
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=reverse("audit:trail"))
    return render(request, "audit/trail.html", {"table": table})


@requires("audit.trail.view")
def page(request: HttpRequest, entry_id: int) -> HttpResponse:
    """One entry, with what changed side by side and what else was done in the same request."""
    entry = entries().filter(pk=entry_id).first()
    if entry is None:
        raise Http404
    others = entries_of_request(request_id=entry.request_id, besides=entry.pk)
    name_all([entry, *others])
    context = {
        "entry": entry,
        "what": words_of(entry.verb),
        "changes": changes_of(entry),
        "others": [{"entry": other, "what": words_of(other.verb)} for other in others],
    }
    return render(request, "audit/entry.html", context)


def changes_of(entry: AuditEntry) -> list[dict[str, str]]:
    """Before and after, name by name; a name on one side only shows the other as nothing."""
    before, after = entry.before or {}, entry.after or {}
    return [
        {"label": name, "was": _shown(before.get(name)), "now": _shown(after.get(name))}
        for name in sorted({*before, *after})
    ]


def _shown(value: Any) -> str:
    """A plain value as a person reads it."""
    if value is None or value == "" or value == []:
        return "–"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        return ", ".join(_shown(each) for each in value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)
