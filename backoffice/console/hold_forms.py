"""The fields of placing, lifting and reviewing a hold."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.core.confirm import ConfirmForm
from backoffice.core.fields import DayField
from backoffice.customers.models.hold_labels import REASON_LABELS, SCOPE_LABELS

SCOPE_CHOICES = [(scope.value, label) for scope, label in SCOPE_LABELS.items()]
REASON_CHOICES = [
    ("", gettext_lazy("Choose one")),
    *((reason.value, label) for reason, label in REASON_LABELS.items()),
]


class Scopes(forms.MultipleChoiceField):
    """Some of the five scopes, ticked; takes a line of its own in a form."""

    css = "wide"

    def __init__(self, **options: Any) -> None:
        options.setdefault("choices", SCOPE_CHOICES)
        super().__init__(widget=forms.CheckboxSelectMultiple, **options)


class Words(forms.CharField):
    """A short text on a line of its own."""

    css = "wide"


class HoldForm(ConfirmForm):
    """Why, what besides, from when to when. `cause` is the hold's reason; `reason` the note kept with it."""

    cause = forms.ChoiceField(label=gettext_lazy("Reason"), choices=REASON_CHOICES)
    start = DayField(label=gettext_lazy("From"))
    last = DayField(
        label=gettext_lazy("Last day"), required=False, help_text=gettext_lazy("Empty: until somebody lifts it.")
    )
    review_on = DayField(
        label=gettext_lazy("Review on"),
        required=False,
        help_text=gettext_lazy("Empty: the last day the reason allows."),
    )
    scopes = Scopes(
        label=gettext_lazy("Besides what the reason demands"),
        required=False,
    )
    leave_out = Scopes(
        label=gettext_lazy("Leave out of what it demands"),
        required=False,
        help_text=gettext_lazy("Takes a second person; until they agree the hold is whole."),
    )
    evidence = Words(
        label=gettext_lazy("Evidence"),
        required=False,
        max_length=2000,
        help_text=gettext_lazy("What shows it, and where it is kept."),
    )
    loan = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["reason"].label = gettext_lazy("Note")
        self.fields["reason"].help_text = gettext_lazy("What was said or seen. Kept with the hold.")

    def clean(self) -> dict[str, Any]:
        """The last day does not lie before the first."""
        cleaned = super().clean() or self.cleaned_data
        start, last = cleaned.get("start"), cleaned.get("last")
        if start and last and last < start:
            self.add_error("last", _("The last day lies before the first."))
        return cleaned


class LiftForm(ConfirmForm):
    """From when the hold no longer counts, and which parts of it."""

    on = DayField(label=gettext_lazy("Ends on"), help_text=gettext_lazy("The first day it no longer counts."))

    def __init__(self, *args: Any, parts: list[tuple[str, str]], **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["scopes"] = Scopes(
            label=gettext_lazy("What ends"), choices=parts, initial=[scope for scope, _words in parts]
        )
        self.order_fields(["on", "scopes", "reason"])


class ReviewForm(ConfirmForm):
    """What was found, and when it is looked at again."""

    review_on = DayField(label=gettext_lazy("Next review"))
    evidence = Words(
        label=gettext_lazy("More evidence"),
        required=False,
        max_length=2000,
        help_text=gettext_lazy("Added to what is there."),
    )
    take = forms.BooleanField(label=gettext_lazy("I own this hold from now on"), required=False)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["reason"].label = gettext_lazy("Finding")
        self.fields["reason"].help_text = gettext_lazy("Why it must run on. Kept with the hold.")
