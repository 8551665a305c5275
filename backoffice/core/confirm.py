"""The confirm panel: a verb that costs something shows what it will do, in numbers, before it is done.

One rule holds for every verb: **only what was seen can be booked.** The panel shows the consequence the verb would
have now; sending it books exactly that. If the books moved in between, the panel comes back with the new numbers
instead. A second press, or a second copy of the form, carries the same key and books nothing twice.
"""

import hashlib
import uuid
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar, Literal

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import View

from backoffice.core.access import actor_of, requires
from backoffice.core.actors import Actor
from backoffice.core.errors import Refusal
from backoffice.core.fields import ReasonField
from backoffice.core.http import go_to, page_or_part, refused
from backoffice.core.telling import told
from backoffice.core.tones import Tone

Value = Decimal | int | date | str | None
Text = str | Promise


@dataclass(frozen=True, slots=True)
class Line:
    """One number of a consequence: what it is now and, when `before` is given, what it was.

    Decimals are amounts in major units of `currency`; `total` sets the line apart.
    """

    label: Text
    value: Value
    currency: str = ""
    before: Value = None
    tone: Tone = "neutral"
    total: bool = False


@dataclass(frozen=True, slots=True)
class Grid:
    """A small table of a consequence: `columns` are (heading, kind), each row as many values as columns.

    `currency` is that of its amounts.
    """

    caption: Text
    columns: tuple[tuple[Text, Literal["text", "money", "date"]], ...]
    rows: tuple[tuple[Value, ...], ...]
    total: tuple[Value, ...] = ()
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Consequence:
    """What a verb will do, in numbers.

    `warnings` are sentences a person must have read. `approval` is not empty when the verb will not be done but
    asked for, and says who decides; `verb` then replaces the words on the button. `still` names what must not have
    changed when it is confirmed, where the numbers move while they are read; None: everything shown.
    """

    lines: tuple[Line, ...] = ()
    grid: Grid | None = None
    warnings: tuple[Text, ...] = ()
    approval: Text = ""
    verb: Text = ""
    still: tuple[str, ...] | None = None

    @property
    def fingerprint(self) -> str:
        """Changes whenever one of the numbers or sentences does, or one of what has to stand still."""
        if self.still is not None:
            return hashlib.sha256("\n".join(("still", *self.still)).encode()).hexdigest()[:32]
        parts = [f"{line.label}|{line.value}|{line.currency}|{line.before}" for line in self.lines]
        if self.grid:
            parts += ["|".join(str(value) for value in row) for row in (*self.grid.rows, self.grid.total)]
        parts += [str(warning) for warning in self.warnings]
        parts.append(str(self.approval))
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


class ConfirmForm(forms.Form):
    """The fields of a confirm panel: a verb adds its own; the reason is always there."""

    reason = ReasonField(
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("Kept in the audit trail."),
    )

    def own_fields(self) -> list[forms.BoundField]:
        """The verb's own fields, in order."""
        return [bound for bound in self if bound.name != "reason"]


@dataclass(slots=True)
class Panel:
    """What the template needs of one panel on its way through a request."""

    form: ConfirmForm
    key: str
    consequence: Consequence | None = None
    notice: str = ""
    notice_next: str = ""
    notice_tone: Tone = "danger"
    is_at_field: bool = False
    context: dict[str, Any] = field(default_factory=dict)


class ConfirmView(View):
    """One verb behind a confirm panel. A subclass names it, says what it would do, and does it.

    GET shows the panel; POST with `look` answers with the consequence alone (the script asks while the person
    types); POST books what was seen.
    """

    permission: ClassVar[str]
    title: ClassVar[Text]
    verb: ClassVar[Text]
    costly: ClassVar[bool] = False
    wide: ClassVar[bool] = False
    form_class: ClassVar[type[ConfirmForm]] = ConfirmForm
    http_method_names = ["get", "post", "head", "options"]

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Callable[..., HttpResponseBase]:
        """The view, guarded by the permission it declares."""
        return requires(cls.permission)(super().as_view(**initkwargs))

    # ------------------------------------------------------------------------------------ what a verb says of itself

    @abstractmethod
    def load(self, *, request: HttpRequest, **address: Any) -> Any:
        """What the verb is done to, as this person may see it. Raises Http404 or a Refusal."""

    @abstractmethod
    def back_url(self, *, subject: Any) -> str:
        """The page the panel was opened from, and the way out."""

    def subject_line(self, *, subject: Any) -> str:
        """The subject in a few words, under the title."""
        return str(subject)

    def initial(self, *, subject: Any) -> dict[str, Any]:
        """Values the panel opens with; what the address asks for (`?amount=`) wins."""
        return {}

    def form_options(self, *, subject: Any) -> dict[str, Any]:
        """More arguments of the form, when its choices depend on the subject."""
        return {}

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence | None:
        """What the verb would do with these values, changing nothing; None when there is no number in it. Refusals."""
        return None

    @abstractmethod
    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Does it: one call into a service, with `key` against a double; the sentence to say. Raises Refusals."""

    def said_before(self, *, key: str, actor: Actor) -> Text | None:
        """The sentence that was said when this very panel was sent before; None when it was not."""
        return None

    def done_url(self, *, subject: Any) -> str:
        """Where to go after it is done."""
        return self.back_url(subject=subject)

    # ------------------------------------------------------------------------------------------------ the way of it

    def get(self, request: HttpRequest, **address: Any) -> HttpResponse:
        """The panel, with the consequence of what it opens with."""
        try:
            subject = self.load(request=request, **address)
        except Refusal as refusal:
            return refused(request, refusal=refusal)
        try:
            options = self.form_options(subject=subject)
            initial = self.initial(subject=subject)
        except Refusal as refusal:
            return refused(request, refusal=refusal, back_url=self.back_url(subject=subject))
        known = self.form_class(**options).fields
        initial |= {name: value for name, value in request.GET.items() if name in known}
        panel = Panel(form=self.form_class(initial=initial, **options), key=str(uuid.uuid4()))
        self._look(panel=panel, form=self.form_class(initial, **options), subject=subject, request=request)
        return self._answer(request=request, subject=subject, panel=panel)

    def post(self, request: HttpRequest, **address: Any) -> HttpResponse:
        """Looks, or does what was seen."""
        try:
            subject = self.load(request=request, **address)
        except Refusal as refusal:
            return refused(request, refusal=refusal)
        actor, key = actor_of(request.user), request.POST.get("key") or str(uuid.uuid4())
        said = None if "look" in request.POST else self.said_before(key=key, actor=actor)
        if said is not None:
            return self._done(request=request, subject=subject, said=said)
        try:
            form = self.form_class(request.POST, **self.form_options(subject=subject))
        except Refusal as refusal:
            return refused(request, refusal=refusal, back_url=self.back_url(subject=subject))
        panel = Panel(form=form, key=key)
        self._look(panel=panel, form=form, subject=subject, request=request)
        if "look" in request.POST:
            panel.notice = panel.notice or _typed_faults(form)
            return self._answer(request=request, subject=subject, panel=panel, part="console/_consequence.html")
        if not form.is_valid() or panel.notice:
            return self._answer(request=request, subject=subject, panel=panel, status=422)
        seen, now = request.POST.get("seen", ""), panel.consequence.fingerprint if panel.consequence else ""
        if seen != now:
            if seen:
                panel.notice = _("The numbers changed since you looked at them.")
                panel.notice_next = _("Nothing was booked. Read them again, then confirm.")
                panel.notice_tone = "warn"
            return self._answer(request=request, subject=subject, panel=panel, status=409 if seen else 200)
        try:
            said = self.perform(subject=subject, values=form.cleaned_data, actor=actor, key=key)
        except Refusal as refusal:
            self._take(refusal=refusal, panel=panel)
            return self._answer(request=request, subject=subject, panel=panel, status=refusal.status)
        return self._done(request=request, subject=subject, said=said)

    def _done(self, *, request: HttpRequest, subject: Any, said: Text) -> HttpResponse:
        messages.success(request, str(said))
        return go_to(request, self.done_url(subject=subject))

    def _look(self, *, panel: Panel, form: ConfirmForm, subject: Any, request: HttpRequest) -> None:
        if set(form.errors) - {"reason"}:
            return
        try:
            panel.consequence = self.foresee(subject=subject, values=form.cleaned_data, actor=actor_of(request.user))
        except Refusal as refusal:
            self._take(refusal=refusal, panel=panel)

    def _take(self, *, refusal: Refusal, panel: Panel) -> None:
        panel.notice, panel.notice_next = told(refusal.message), told(refusal.next_step)
        at_fault = [name for name in refusal.fields if name in panel.form.fields]
        if panel.form.is_bound and at_fault:
            panel.is_at_field = True
            for name in at_fault:
                panel.form.add_error(name, " ".join(filter(None, (panel.notice, panel.notice_next))))

    def _answer(
        self,
        *,
        request: HttpRequest,
        subject: Any,
        panel: Panel,
        status: int = 200,
        part: str = "console/_confirm.html",
    ) -> HttpResponse:
        context = {
            "panel": panel,
            "form": panel.form,
            "is_look": part == "console/_consequence.html",
            "title": self.title,
            "verb": (panel.consequence and panel.consequence.verb) or self.verb,
            "costly": self.costly,
            "wide": self.wide,
            "subject": subject,
            "subject_line": self.subject_line(subject=subject),
            "back_url": self.back_url(subject=subject),
            **panel.context,
        }
        return page_or_part(request, page="console/confirm.html", part=part, context=context, status=status)


def _typed_faults(form: ConfirmForm) -> str:
    """What is wrong with the fields that have something in them, so that a person reads it while they type."""
    wrong = [bound for bound in form.own_fields() if bound.errors and bound.data]
    named = [f"{bound.label}: {' '.join(map(str, bound.errors))}" for bound in wrong]
    return " ".join([*named, *(form.non_field_errors() if not wrong else ())])
