"""The forms in which staff write down what a borrower says about being reached."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.core.confirm import ConfirmForm
from backoffice.core.fields import DayField
from backoffice.outreach.console.of_borrower import ClockField
from backoffice.outreach.models import PreferenceEntry
from backoffice.outreach.models.contacts import CHANNEL_CHOICES
from backoffice.outreach.selectors.consent_history import DAYS, SOURCES

LONGEST_EVIDENCE = 300


class WideChoices(forms.MultipleChoiceField):
    """Choices that take a line of their own in a form."""

    css = "wide"


class SaidForm(ConfirmForm):
    """Something the borrower said: how, and in which words."""

    source = forms.ChoiceField(label=gettext_lazy("How they said it"), choices=list(SOURCES.items()))

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["reason"].label = _("What they said")
        self.fields["reason"].help_text = _("Their words, the recording or the page. Kept for good.")
        self.fields["reason"].max_length = LONGEST_EVIDENCE  # type: ignore[attr-defined]


class PlaceForm(SaidForm):
    """Which channel and contact point it is about."""

    channel = forms.ChoiceField(label=gettext_lazy("Channel"), required=False)
    endpoint_id = forms.TypedChoiceField(
        label=gettext_lazy("Number or address"), required=False, coerce=int, empty_value=None
    )
    field_order = ["channel", "endpoint_id", "source"]

    def __init__(self, *args: Any, endpoints: list[tuple[int, str]], **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["channel"].choices = [("", _("every channel")), *CHANNEL_CHOICES]  # type: ignore[attr-defined]
        self.fields["endpoint_id"].choices = [("", _("every one")), *endpoints]  # type: ignore[attr-defined]


class OptOutForm(PlaceForm):
    """What the borrower wants no more."""

    is_marketing_only = forms.BooleanField(label=gettext_lazy("Only what sells"), required=False)


class GiveForm(PlaceForm):
    """What the borrower agrees to, and until when."""

    channel = forms.ChoiceField(label=gettext_lazy("Channel"))
    last = DayField(label=gettext_lazy("Last day"), required=False, help_text=gettext_lazy("Empty: until taken back."))
    field_order = ["channel", "endpoint_id", "last", "source"]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["channel"].choices = CHANNEL_CHOICES  # type: ignore[attr-defined]


class CallbackForm(SaidForm):
    """When the borrower wants to be called, by the clock at their place."""

    day = DayField(label=gettext_lazy("Day"))
    from_time = ClockField(label=gettext_lazy("From"))
    to_time = ClockField(label=gettext_lazy("To"))
    zone = forms.ChoiceField(label=gettext_lazy("By the clock of"))
    endpoint_id = forms.TypedChoiceField(label=gettext_lazy("Number"), required=False, coerce=int, empty_value=None)
    field_order = ["day", "from_time", "to_time", "zone", "endpoint_id", "source"]

    def __init__(self, *args: Any, endpoints: list[tuple[int, str]], zones: list[str], **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["zone"].choices = [(zone, zone) for zone in zones]  # type: ignore[attr-defined]
        self.fields["endpoint_id"].choices = [("", _("every one")), *endpoints]  # type: ignore[attr-defined]


class TimesForm(SaidForm):
    """Times of a week, by the clock at the borrower's place."""

    kind = forms.ChoiceField(
        label=gettext_lazy("Reach them"),
        choices=[
            (PreferenceEntry.Kind.ONLY, PreferenceEntry.Kind.ONLY.label),
            (PreferenceEntry.Kind.NEVER, PreferenceEntry.Kind.NEVER.label),
        ],
    )
    channel = forms.ChoiceField(label=gettext_lazy("Channel"), required=False)
    from_time = ClockField(label=gettext_lazy("From"))
    to_time = ClockField(label=gettext_lazy("To"), help_text=gettext_lazy("00:00 is the end of the day."))
    days = WideChoices(
        label=gettext_lazy("Days"),
        choices=[(str(day), label) for day, label in DAYS.items()],
        widget=forms.CheckboxSelectMultiple,
    )
    field_order = ["kind", "channel", "from_time", "to_time", "days", "source"]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["channel"].choices = [("", _("every channel")), *CHANNEL_CHOICES]  # type: ignore[attr-defined]
