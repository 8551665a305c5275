"""The verbs of whoever plays the sandbox's bank."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar, Final

from django import forms
from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext, pgettext_lazy

from backoffice.audit.outbox import task_named
from backoffice.calendars import clock
from backoffice.core.actors import Actor
from backoffice.core.confirm import ConfirmForm, ConfirmView, Consequence, Line, Text
from backoffice.core.fields import AmountField, DayField, PercentField
from backoffice.core.formats import date_text, moment_text
from backoffice.outreach.console.of_borrower import ClockField
from backoffice.repayment.console.autopay import sandbox_words as words
from backoffice.repayment.console.autopay.sandbox import PLAY, only_with_a_sandbox
from backoffice.repayment.domain.autopay.bank_answers import DAYS, EACH_RAIL, SHARES, changed
from backoffice.repayment.services.autopay import sandbox_bank as services

LARGEST_BALANCE: Final = Decimal("1e12")
MOST_SECONDS: Final = 3_600
MOST_DAYS: Final = 60

EXCHANGE_FILES: Final = "repayment.exchange_files"
FETCH_SETTLEMENTS: Final = "repayment.fetch_settlements"
"""What the beat does by and by is done at once when the bank has written its files."""


class BankVerb(ConfirmView):
    """What the verbs have in common: they are there in a demo only, and come back to the bank's page."""

    permission = PLAY

    def load(self, *, request: HttpRequest, **address: Any) -> Any:
        """What a verb is done to: the bank. Raises Http404."""
        only_with_a_sandbox()
        return ""

    def back_url(self, *, subject: Any) -> str:
        """The page of the bank."""
        return reverse("repayment:sandbox_bank")

    def subject_line(self, *, subject: Any) -> str:
        """Whose verb it is."""
        return _("The bank of the sandbox")


def _field(name: str) -> forms.Field:
    if name in SHARES:
        return PercentField(label=words.NAMES[name], max_value=100)
    most = MOST_DAYS if name in DAYS else MOST_SECONDS
    field = forms.DecimalField(label=words.NAMES[name], min_value=0, max_value=most, max_digits=10, decimal_places=3)
    field.widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
    field.unit = _DAYS if name in DAYS else _SECONDS  # type: ignore[attr-defined]
    return field


_DAYS, _SECONDS = gettext_lazy("days"), gettext_lazy("seconds")


class ScriptForm(ConfirmForm):
    """All shares in percent, and how long things take."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        own = {name: _field(name) for _group, names in words.GROUPS for name in names}
        self.fields = own | self.fields

    def clean(self) -> dict[str, Any]:
        """Nothing is taken back later at most than it is at least."""
        values = super().clean() or {}
        least, most = values.get("return_days"), values.get("return_days_most")
        if least is not None and most is not None and least > most:
            self.add_error("return_days_most", _("This is less than at least."))
        return values


class ChangeScript(BankVerb):
    """Changes how one rail behaves."""

    title: ClassVar[Text] = gettext_lazy("Change the bank's script")
    verb: ClassVar[Text] = gettext_lazy("Change")
    wide = True
    form_class = ScriptForm

    def load(self, *, request: HttpRequest, **address: Any) -> str:
        """The rail. Raises Http404."""
        only_with_a_sandbox()
        if address["rail"] not in words.RAIL_NAMES:
            raise Http404
        return str(address["rail"])

    def subject_line(self, *, subject: Any) -> str:
        """The rail in words."""
        return words.rail_name(subject)

    def initial(self, *, subject: Any) -> dict[str, Any]:
        """As it behaves now."""
        conduct = services.script().conducts[subject]
        return {name: words.plain_number(value * 100 if name in SHARES else value) for name, value in conduct.items()}

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """What changes."""
        differ = changed(before=services.script().conducts[subject], after=_shares_of(values))
        return Consequence(
            lines=tuple(
                Line(words.NAMES[name], words.value_text(name, after), before=words.value_text(name, before))
                for name, (before, after) in differ.items()
            ),
            warnings=() if differ else (_("Nothing changes yet."),),
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Changes it."""
        services.change_script(rail=subject, changes=_shares_of(values), actor=actor, reason=values["reason"])
        return _("The bank behaves like this from now on.")


class PresetForm(ConfirmForm):
    """A whole script at once."""

    preset = forms.ChoiceField(label=gettext_lazy("The bank has"), choices=list(words.PRESET_NAMES.items()))
    rail = forms.ChoiceField(label=gettext_lazy("On"), choices=list(words.RAIL_CHOICES), initial=EACH_RAIL)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["preset"].css = "wide"  # type: ignore[attr-defined]


class TakePreset(BankVerb):
    """Makes the bank behave as a preset says."""

    title: ClassVar[Text] = gettext_lazy("Take a preset")
    verb: ClassVar[Text] = gettext_lazy("Take it")
    form_class = PresetForm

    def initial(self, *, subject: Any) -> dict[str, Any]:
        """Everything fine, on both rails."""
        return {"preset": "fine", "rail": EACH_RAIL}

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """What changes on each rail."""
        conduct, now = services.preset_named(values["preset"]), services.script()
        lines: dict[Line, list[str]] = {}
        for rail in services.rails_meant(values["rail"]):
            for name, (before, after) in changed(before=now.conducts[rail], after=conduct).items():
                line = Line(words.NAMES[name], words.value_text(name, after), before=words.value_text(name, before))
                lines.setdefault(line, []).append(words.rail_name(rail))
        everywhere = len(services.rails_meant(values["rail"]))
        return Consequence(
            lines=tuple(
                line
                if len(rails) == everywhere
                else Line(f"{line.label} ({', '.join(rails)})", line.value, before=line.before)
                for line, rails in lines.items()
            ),
            warnings=() if lines else (_("Nothing changes yet."),),
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Takes it."""
        services.take_preset(preset=values["preset"], rail=values["rail"], actor=actor, reason=values["reason"])
        return _("The bank behaves like this from now on.")


class AccountForm(ConfirmForm):
    """A token, and what is on its account from now on."""

    account = forms.CharField(label=gettext_lazy("Account token"), max_length=64)
    balance = AmountField(label=gettext_lazy("Balance"), min_value=Decimal(0), max_value=LARGEST_BALANCE)
    is_closed = forms.TypedChoiceField(
        label=gettext_lazy("The account is"),
        choices=[("no", pgettext_lazy("account", "open")), ("yes", pgettext_lazy("account", "closed"))],
        coerce=lambda chosen: chosen == "yes",
        initial="no",
    )


class SetAccount(BankVerb):
    """Sets what is on an account, opens or closes it."""

    title: ClassVar[Text] = gettext_lazy("Set an account")
    verb: ClassVar[Text] = gettext_lazy("Set the account")
    form_class = AccountForm

    def initial(self, *, subject: Any) -> dict[str, Any]:
        """An open account."""
        return {"is_closed": "no"}

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """What is on it now."""
        now = services.account_of(token=values["account"])
        return Consequence(
            lines=(
                Line(
                    _("Balance"),
                    values["balance"],
                    currency=services.currency_of(token=values["account"], account=now),
                    before=None if now is None else now.balance,
                    total=True,
                ),
                Line(
                    _("The account is"),
                    _worded(values["is_closed"]),
                    before=None if now is None else _worded(now.is_closed),
                ),
            ),
            warnings=() if now else (_("The bank has not heard of this account; it is opened."),),
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Sets it."""
        services.set_account(
            token=values["account"],
            balance=values["balance"],
            is_closed=values["is_closed"],
            actor=actor,
            reason=values["reason"],
        )
        return _("The account is set.")


class DayForm(ConfirmForm):
    """The last day to close."""

    day = DayField(label=gettext_lazy("Close the bank's days through"))


class TurnDay(BankVerb):
    """Closes days of the bank's: settlement files and statements are written."""

    title: ClassVar[Text] = gettext_lazy("Turn the bank's day")
    verb: ClassVar[Text] = gettext_lazy("Turn the day")
    costly = True
    form_class = DayForm

    def initial(self, *, subject: Any) -> dict[str, Any]:
        """The first day that can be closed, as the bank's clock says."""
        now = services.overview()
        today = now.clock.date()
        return {"day": today if now.last_closed is None else max(today, now.last_closed + timedelta(days=1))}

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """Where the bank stands then."""
        now = services.overview()
        services.check_day(day=values["day"], now=now)
        undecided = sum(number for name, number in now.orders.items() if name.endswith(" processing"))
        return Consequence(
            lines=(
                Line(_("Closed through"), values["day"], before=now.last_closed, total=True),
                Line(_("Orders not decided yet"), undecided),
            ),
            warnings=(
                _("What is due by that evening is decided or taken back; files are written once and never change."),
            ),
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Turns it."""
        turned = services.turn_day(day=values["day"], actor=actor, reason=values["reason"])
        for task in (EXCHANGE_FILES, FETCH_SETTLEMENTS):
            task_named(task).apply_async(retry=False)
        said = [
            _("Closed through %(day)s.") % {"day": date_text(values["day"])},
            ngettext("%(n)d debit was taken back.", "%(n)d debits were taken back.", turned.returns)
            % {"n": turned.returns},
            ngettext(
                "%(n)d difference was put into the files on purpose.",
                "%(n)d differences were put into the files on purpose.",
                len(turned.differences),
            )
            % {"n": len(turned.differences)},
        ]
        return " ".join(said)


class BankClockForm(ConfirmForm):
    """What the bank's clock shows from now on."""

    day = DayField(label=gettext_lazy("Day"))
    clock = ClockField(label=gettext_lazy("Time"))


class SetClock(BankVerb):
    """Sets the bank's clock: ahead of ours, every order over HTTP comes after its time."""

    title: ClassVar[Text] = gettext_lazy("Set the bank's clock")
    verb: ClassVar[Text] = gettext_lazy("Set the clock")
    form_class = BankClockForm

    def initial(self, *, subject: Any) -> dict[str, Any]:
        """The day and time it is at the bank."""
        now = services.overview().clock
        return {"day": now.date(), "clock": f"{now:%H:%M}"}

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """The day it is at the bank then."""
        now = services.overview()
        is_closed = now.last_closed is not None and values["day"] <= now.last_closed
        return Consequence(
            lines=(Line(_("Day at the bank"), values["day"], before=now.clock.date(), total=True),),
            warnings=(
                *(
                    (_("The bank has closed that day; what moves then is in the files of the next one."),)
                    if is_closed
                    else ()
                ),
                *(
                    (_("Ahead of our clock: orders over HTTP come after their time, and the bank takes none of them."),)
                    if values["day"] > clock.lenders_day(clock.now())
                    else ()
                ),
            ),
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Sets it."""
        moment = services.set_clock(day=values["day"], clock=values["clock"], actor=actor, reason=values["reason"])
        return _("At the bank it is %(moment)s.") % {"moment": moment_text(moment)}


def _shares_of(values: Mapping[str, Any]) -> dict[str, Decimal]:
    return {name: values[name] for name in words.NAMES if name in values}


def _worded(is_closed: bool) -> str:
    return pgettext("account", "closed") if is_closed else pgettext("account", "open")
