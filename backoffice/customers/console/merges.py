"""Folding a duplicate into a borrower, and taking that back."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.http import Http404, HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.core.actors import Actor
from backoffice.core.confirm import ConfirmForm, Consequence, Line, Text
from backoffice.core.errors import Refusal
from backoffice.customers.console.record import BorrowerVerb
from backoffice.customers.models import Borrower, Merge
from backoffice.customers.selectors.borrowers import masked_name_of
from backoffice.customers.services import merging
from backoffice.staff.access import person_of


class DuplicateNotFound(Refusal):
    """No other borrower the person may see has this external id, or several have."""

    code: ClassVar[str] = "customers.duplicate_not_found"
    status: ClassVar[int] = 404


class MergeForm(ConfirmForm):
    """Which record is the duplicate."""

    other = forms.CharField(
        label=gettext_lazy("External id of the duplicate"),
        max_length=80,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=gettext_lazy("This record goes; the borrower you opened stays."),
    )


class MergeDuplicate(BorrowerVerb):
    """Folds the duplicate into the borrower."""

    permission = "customers.borrower.merge"
    title: ClassVar[Text] = gettext_lazy("Merge a duplicate")
    verb: ClassVar[Text] = gettext_lazy("Merge")
    costly = True
    form_class = MergeForm

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """Who would go and how many rows would change hands."""
        other = self._other(subject, values["other"])
        shown = merging.preview(survivor_id=subject.pk, absorbed_id=other.pk)
        lines = [
            Line(_("Stays"), _name_line(subject), total=True),
            Line(_("Goes"), _name_line(other), tone="danger"),
        ]
        for table in merging.owned_tables():
            if table.label:
                lines.append(Line(table.label, shown.rows[table.table]))
        if shown.known_contact_points:
            lines.append(Line(_("contact points both have, which stay behind"), shown.known_contact_points))
        return Consequence(
            lines=tuple(lines), warnings=(_("The merge can be undone as long as nothing stands on it."),)
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Merges."""
        other = self._other(subject, values["other"])
        merging.merge(survivor_id=subject.pk, absorbed_id=other.pk, reason=values["reason"], actor=actor)
        return _("%(id)s is now part of this borrower.") % {"id": other.external_id}

    def _other(self, subject: Borrower, external_id: str) -> Borrower:
        """The duplicate among those the person may see. Raises DuplicateNotFound."""
        visible = Borrower.objects.visible_to(person_of(self.request)).filter(external_id=external_id.strip())
        found = list(visible.exclude(pk=subject.pk)[:2])
        same_book = [row for row in found if row.source == subject.source] or found
        if len(same_book) != 1:
            words = _("There is no other borrower with this external id.")
            raise DuplicateNotFound(words, next_step=_("Look it up in the search."), fields={"other": words})
        return same_book[0]


class UndoMerge(BorrowerVerb):
    """Gives the absorbed record back what the merge took."""

    permission = "customers.borrower.merge"
    title: ClassVar[Text] = gettext_lazy("Undo the merge")
    verb: ClassVar[Text] = gettext_lazy("Undo the merge")
    costly = True
    record: Merge

    def load(self, *, request: HttpRequest, **address: Any) -> Borrower:
        """The survivor, with the merge at hand."""
        borrower = super().load(request=request, **address)
        record = Merge.objects.select_related("absorbed").filter(pk=address["merge_id"], survivor=borrower).first()
        if record is None:
            raise Http404
        self.record = record
        return borrower

    def subject_line(self, *, subject: Any) -> str:
        """Who was folded into whom."""
        return _("%(absorbed)s out of %(survivor)s") % {
            "absorbed": self.record.absorbed.external_id,
            "survivor": subject.external_id,
        }

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """How many rows go back."""
        labels = {f"{table.table}.{table.column}": table.label for table in merging.owned_tables()}
        lines = [Line(labels[name], len(ids)) for name, ids in sorted(self.record.moved.items()) if labels.get(name)]
        return Consequence(
            lines=tuple(lines), warnings=(_("What came to the borrower since the merge stays with them."),)
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Undoes it."""
        merging.undo_merge(merge_id=self.record.pk, survivor_id=subject.pk, reason=values["reason"], actor=actor)
        return _("%(id)s is a borrower of their own again.") % {"id": self.record.absorbed.external_id}


def _name_line(borrower: Borrower) -> str:
    name = masked_name_of(borrower)
    return f"{borrower.external_id}, {name}" if name else borrower.external_id
