"""The record of a borrower and the verbs that put personal data right, each with a reason and a trace."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.core.access import requires
from backoffice.core.actors import Actor
from backoffice.core.confirm import ConfirmForm, ConfirmView, Consequence, Line, Text
from backoffice.core.errors import Refusal
from backoffice.core.http import refused
from backoffice.customers import selectors
from backoffice.customers.domain.identities import KINDS, OTHER, mask_number
from backoffice.customers.domain.intake import LONGEST_NAME, NewContact, display_name
from backoffice.customers.domain.names import mask_name
from backoffice.customers.models import Borrower, ContactPoint
from backoffice.customers.selectors.borrowers import masked_name_of
from backoffice.customers.services import personal_data
from backoffice.staff.access import person_of

IDENTITY_KINDS: list[tuple[str, Text]] = [
    *((kind.code, f"{kind.name} ({kind.country})") for kind in KINDS.values()),
    (OTHER, gettext_lazy("another kind, unchecked")),
]


@requires("customers.borrower.view")
def page(request: HttpRequest, borrower_id: int) -> HttpResponse:
    """Identity, every contact point with its past, merges and records that look alike; a fixed number of queries."""
    user = person_of(request)
    try:
        facts = selectors.borrower_page_facts(borrower_id=borrower_id, user=user)
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url="/")
    may_merge = user.has_permission("customers.borrower.merge")
    context = {
        "facts": facts,
        "identity_kind": dict(IDENTITY_KINDS).get(facts.identity_kind, ""),
        "merges": selectors.merges_of(borrower_id=borrower_id),
        "lookalikes": selectors.lookalikes(borrower_id=borrower_id, user=user),
        "is_merged": facts.merged_into_id is not None,
        "may_edit": user.has_permission("customers.borrower.edit") and facts.merged_into_id is None,
        "may_merge": may_merge and facts.merged_into_id is None,
        "may_undo": may_merge,
    }
    return render(request, "customers/record.html", context)


class BorrowerVerb(ConfirmView):
    """A verb of a borrower's record."""

    permission = "customers.borrower.edit"

    def load(self, *, request: HttpRequest, **address: Any) -> Borrower:
        """The borrower, if the person may see them."""
        found = Borrower.objects.visible_to(person_of(request)).filter(pk=address["borrower_id"]).first()
        if found is None:
            raise Http404
        return found

    def back_url(self, *, subject: Any) -> str:
        """The record."""
        return reverse("customers:record", args=[subject.pk])

    def subject_line(self, *, subject: Any) -> str:
        """Whose record it is."""
        return _("Borrower %(id)s") % {"id": subject.external_id}


class NameForm(ConfirmForm):
    """The name as it should be. What is kept now is not shown: reveal it first if it must be compared."""

    family_name = forms.CharField(label=gettext_lazy("Family name"), max_length=LONGEST_NAME, required=False)
    given_name = forms.CharField(label=gettext_lazy("Given name"), max_length=LONGEST_NAME, required=False)
    full_name = forms.CharField(
        label=gettext_lazy("Full name"),
        max_length=LONGEST_NAME,
        required=False,
        help_text=gettext_lazy("Only when it is not the two parts put together."),
    )
    take_away = forms.BooleanField(label=gettext_lazy("There is no name: take it away"), required=False)

    def clean(self) -> dict[str, Any]:
        """Empty fields take the name away only when that is meant."""
        values = super().clean() or {}
        given = any(values.get(name) for name in personal_data.NAME_FIELDS)
        if given and values.get("take_away"):
            self.add_error("take_away", _("Either write a name or take it away."))
        elif not given and not values.get("take_away"):
            self.add_error("family_name", _("Write the name."))
        return values


class CorrectName(BorrowerVerb):
    """Puts a name right."""

    title: ClassVar[Text] = gettext_lazy("Correct the name")
    verb: ClassVar[Text] = gettext_lazy("Correct")
    form_class = NameForm

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """The masks before and after."""
        full = display_name(full=values["full_name"], family=values["family_name"], given=values["given_name"])
        before = masked_name_of(subject) or _("no name given")
        return Consequence(lines=(Line(_("Name"), mask_name(full) or _("no name given"), before=before),))

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Corrects it."""
        names = {name: values[name] for name in personal_data.NAME_FIELDS}
        personal_data.correct_name(borrower_id=subject.pk, reason=values["reason"], actor=actor, **names)
        return gettext_lazy("The name is corrected.")


class IdentityForm(ConfirmForm):
    """The identity number as it should be."""

    kind = forms.ChoiceField(label=gettext_lazy("Kind"), choices=IDENTITY_KINDS)
    number = forms.CharField(
        label=gettext_lazy("Number"), max_length=60, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )


class CorrectIdentity(BorrowerVerb):
    """Puts an identity number right, checked by the rules of its kind."""

    title: ClassVar[Text] = gettext_lazy("Correct the identity number")
    verb: ClassVar[Text] = gettext_lazy("Correct")
    form_class = IdentityForm

    def initial(self, *, subject: Any) -> dict[str, Any]:
        """The kind it has."""
        return {"kind": subject.identity_kind or OTHER}

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """The number as it would be kept, masked."""
        identity = personal_data.checked_identity(number=values["number"], kind=values["kind"], country=subject.country)
        lines = [Line(_("Identity number"), mask_number(identity.number))]
        if identity.country:
            lines.append(Line(_("Country"), identity.country))
        return Consequence(lines=tuple(lines))

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Corrects it."""
        personal_data.correct_identity(
            borrower_id=subject.pk, number=values["number"], kind=values["kind"], reason=values["reason"], actor=actor
        )
        return gettext_lazy("The identity number is corrected.")


class ContactForm(ConfirmForm):
    """A new way to reach the borrower."""

    kind = forms.ChoiceField(label=gettext_lazy("Kind"), choices=ContactPoint.Kind.choices)
    value = forms.CharField(
        label=gettext_lazy("Value"), max_length=500, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    is_primary = forms.BooleanField(label=gettext_lazy("Try this one first"), required=False)


class AddContact(BorrowerVerb):
    """Adds a phone, an e-mail address or a postal address."""

    title: ClassVar[Text] = gettext_lazy("Add a contact point")
    verb: ClassVar[Text] = gettext_lazy("Add")
    form_class = ContactForm

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """The point as it would be shown."""
        ready = personal_data.checked_contact(
            NewContact(kind=values["kind"], value=values["value"]), country=subject.country
        )
        lines = [Line(_("Shown as"), ready.masked)]
        if ready.country:
            lines.append(Line(_("Country"), ready.country))
        return Consequence(lines=tuple(lines))

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Adds it."""
        contact = NewContact(kind=values["kind"], value=values["value"], is_primary=values["is_primary"])
        personal_data.add_contact_point(borrower_id=subject.pk, contact=contact, reason=values["reason"], actor=actor)
        return gettext_lazy("The contact point is added.")


class ContactVerb(BorrowerVerb):
    """A verb of one contact point that is in use."""

    point: ContactPoint

    def load(self, *, request: HttpRequest, **address: Any) -> Borrower:
        """The borrower, with the point at hand."""
        borrower = super().load(request=request, **address)
        point = borrower.contact_points.filter(pk=address["contact_point_id"], ended_at__isnull=True).first()
        if point is None:
            raise Http404
        self.point = point
        return borrower

    def subject_line(self, *, subject: Any) -> str:
        """Which point, and whose."""
        return _("%(kind)s %(masked)s of borrower %(id)s") % {
            "kind": self.point.get_kind_display(),
            "masked": self.point.masked,
            "id": subject.external_id,
        }


class JudgementForm(ConfirmForm):
    """How good a point is."""

    quality = forms.ChoiceField(label=gettext_lazy("What is known"), choices=ContactPoint.Quality.choices)
    is_primary = forms.BooleanField(label=gettext_lazy("Try this one first"), required=False)


class JudgeContact(ContactVerb):
    """Says how good a contact point is and whether it is tried first."""

    title: ClassVar[Text] = gettext_lazy("Judge the contact point")
    verb: ClassVar[Text] = gettext_lazy("Keep")
    form_class = JudgementForm

    def initial(self, *, subject: Any) -> dict[str, Any]:
        """What is known now."""
        return {"quality": self.point.quality, "is_primary": self.point.is_primary}

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """Before and after."""
        labels = dict(ContactPoint.Quality.choices)
        words = {True: _("yes"), False: _("no")}
        return Consequence(
            lines=(
                Line(_("What is known"), str(labels[values["quality"]]), before=str(self.point.get_quality_display())),
                Line(_("Tried first"), words[values["is_primary"]], before=words[self.point.is_primary]),
            )
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Keeps it."""
        personal_data.judge_contact_point(
            borrower_id=subject.pk,
            contact_point_id=self.point.pk,
            quality=values["quality"],
            is_primary=values["is_primary"],
            reason=values["reason"],
            actor=actor,
        )
        return gettext_lazy("What is known of the contact point is kept.")


class EndContact(ContactVerb):
    """Stops using a contact point."""

    title: ClassVar[Text] = gettext_lazy("End the contact point")
    verb: ClassVar[Text] = gettext_lazy("End")
    costly = True

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """That nobody uses it any more."""
        return Consequence(
            warnings=(_("Nobody calls or writes there any more. The borrower is still found by it in a search."),)
        )

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Ends it."""
        personal_data.end_contact_point(
            borrower_id=subject.pk, contact_point_id=self.point.pk, reason=values["reason"], actor=actor
        )
        return gettext_lazy("The contact point is not used any more.")
