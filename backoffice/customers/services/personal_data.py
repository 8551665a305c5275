"""Personal data is revealed with a reason and corrected with a reason; the trail tells of it and never holds it."""

from dataclasses import dataclass
from typing import ClassVar

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from backoffice.audit import services as audit
from backoffice.core.actors import Actor
from backoffice.core.errors import Refusal
from backoffice.customers.domain import contacts, identities
from backoffice.customers.domain.intake import (
    LONGEST_NAME,
    FieldTrouble,
    NewContact,
    ReadyContact,
    ReadyIdentity,
    Trouble,
    display_name,
    ready_contact,
    ready_identity,
)
from backoffice.customers.fields import seal_of, text_of
from backoffice.customers.keys import ring
from backoffice.customers.models import Borrower, ContactPoint
from backoffice.customers.selectors.borrowers import BorrowerNotFound
from backoffice.customers.services import indexing
from backoffice.customers.services.locking import locked_one
from backoffice.customers.services.registering import words_for

SHORTEST_REASON = 3
MIXED_KEYS = "*"
NAME_FIELDS = ("full_name", "family_name", "given_name")
REVEALABLE = (*NAME_FIELDS, "identity_number")
POINT_PREFIX = "contact_point:"


class ReasonMissing(Refusal):
    """Personal data is revealed and changed for a reason only."""

    code: ClassVar[str] = "customers.reason_missing"


class NothingToReveal(Refusal):
    """The borrower has no such field, or it is empty."""

    code: ClassVar[str] = "customers.nothing_to_reveal"
    status: ClassVar[int] = 404


class PersonalDataRefused(Refusal):
    """A value given for a borrower cannot be used; `fields` says which and why."""

    code: ClassVar[str] = "customers.personal_data_refused"


class ContactPointNotFound(Refusal):
    """The borrower has no such contact point in use."""

    code: ClassVar[str] = "customers.contact_point_not_found"
    status: ClassVar[int] = 404


class ContactPointKnown(Refusal):
    """The borrower has this contact point already."""

    code: ClassVar[str] = "customers.contact_point_known"
    status: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class Revealed:
    """One field in clear, for one person and one moment; never logged, never cached."""

    borrower_id: int
    field: str
    text: str


@transaction.atomic
def reveal(*, borrower_id: int, field: str, reason: str, actor: Actor) -> Revealed:
    """One field in clear, with one entry in the trail that says who asked for what and why.

    `field` is a name field, "identity_number" or "contact_point:<id>". Raises ReasonMissing, BorrowerNotFound,
    NothingToReveal; Unopenable for a damaged value.
    """
    _check_reason(reason)
    borrower = Borrower.objects.filter(pk=borrower_id).first()
    if borrower is None:
        raise BorrowerNotFound(_("There is no such borrower."), next_step=_("Search for the borrower again."))
    text = _text_in(borrower, field)
    if not text:
        raise NothingToReveal(
            _("There is nothing to reveal here."), next_step=_("Ask the borrower, and correct their data.")
        )
    audit.record(
        verb="customers.borrower.revealed",
        subject_type="customers.borrower",
        subject_id=borrower_id,
        actor=actor,
        reason=reason.strip(),
        after={"field": field},
        borrower_id=borrower_id,
    )
    return Revealed(borrower_id=borrower_id, field=field, text=text)


@transaction.atomic
def correct_name(
    *, borrower_id: int, family_name: str, given_name: str, full_name: str, reason: str, actor: Actor
) -> None:
    """Puts a name right; all three empty takes the name away. Raises ReasonMissing, PersonalDataRefused."""
    _check_reason(reason)
    for name, text in zip(NAME_FIELDS, (full_name, family_name, given_name), strict=True):
        if len(text) > LONGEST_NAME or not text.isprintable():
            raise _refused(name, Trouble.TOO_LONG if len(text) > LONGEST_NAME else Trouble.UNPRINTABLE)
    borrower = locked_one(borrower_id=borrower_id)
    full = display_name(full=full_name, family=family_name, given=given_name)
    values = zip(NAME_FIELDS, (full, family_name.strip(), given_name.strip()), strict=True)
    changed = [name for name, text in values if _put(borrower, name, text)]
    _keep(borrower, changed=changed, reason=reason, actor=actor, verb="customers.borrower.name_corrected")


@transaction.atomic
def correct_identity(*, borrower_id: int, number: str, kind: str, reason: str, actor: Actor) -> None:
    """Puts an identity number right, checked by its kind. Raises ReasonMissing, PersonalDataRefused."""
    _check_reason(reason)
    borrower = locked_one(borrower_id=borrower_id)
    identity = checked_identity(number=number, kind=kind, country=borrower.country)
    changed = ["identity_number"] if _put(borrower, "identity_number", identity.number) else []
    for name, value in (("identity_kind", identity.kind), ("identity_country", identity.country)):
        if getattr(borrower, name) != value:
            setattr(borrower, name, value)
            changed.append(name)
    _keep(borrower, changed=changed, reason=reason, actor=actor, verb="customers.borrower.identity_corrected")


@transaction.atomic
def add_contact_point(*, borrower_id: int, contact: NewContact, reason: str, actor: Actor) -> int:
    """Adds a way to reach a borrower and gives its id; a new first choice takes the place of the old one.

    Raises ReasonMissing, PersonalDataRefused, ContactPointKnown.
    """
    _check_reason(reason)
    borrower = locked_one(borrower_id=borrower_id)
    ready = checked_contact(contact, country=borrower.country)
    in_use = list(borrower.contact_points.filter(ended_at__isnull=True, kind=ready.kind))
    if any(text_of(point, "value") == ready.text for point in in_use):
        raise ContactPointKnown(
            _("The borrower has this contact point already."), next_step=_("Make it the first choice if it is best.")
        )
    if ready.is_primary:
        borrower.contact_points.filter(kind=ready.kind, is_primary=True).update(is_primary=False)
    point = ContactPoint.objects.create(
        borrower=borrower,
        kind=ready.kind,
        value=seal_of(ContactPoint, "value", ready.text),
        masked=ready.masked,
        country=ready.country,
        quality=ready.quality,
        is_primary=ready.is_primary,
        time_zones=list(ready.time_zones),
        digest=indexing.digest_of(ready.same_as, keys=ring()),
    )
    _mark_key(borrower)
    borrower.save(update_fields=["key_id"])
    indexing.reindex(borrowers=[borrower])
    _note_point(point, verb="customers.contact_point.added", reason=reason, actor=actor)
    return int(point.pk)


@transaction.atomic
def end_contact_point(*, borrower_id: int, contact_point_id: int, reason: str, actor: Actor) -> None:
    """Stops using a contact point; it stays in the record and still finds its borrower. Raises ContactPointNotFound."""
    _check_reason(reason)
    locked_one(borrower_id=borrower_id)
    point = _point_in_use(borrower_id=borrower_id, contact_point_id=contact_point_id)
    point.is_primary = False
    point.ended_at = Now()
    point.save(update_fields=["is_primary", "ended_at"])
    _note_point(point, verb="customers.contact_point.ended", reason=reason, actor=actor)


@transaction.atomic
def judge_contact_point(
    *, borrower_id: int, contact_point_id: int, quality: str, is_primary: bool, reason: str, actor: Actor
) -> None:
    """Says how good a contact point is and whether it is tried first. Raises ContactPointNotFound."""
    _check_reason(reason)
    borrower = locked_one(borrower_id=borrower_id)
    point = _point_in_use(borrower_id=borrower_id, contact_point_id=contact_point_id)
    before = {"quality": point.quality, "is_primary": point.is_primary}
    if is_primary:
        borrower.contact_points.filter(kind=point.kind, is_primary=True).update(is_primary=False)
    point.quality = ContactPoint.Quality(quality)
    point.is_primary = is_primary
    point.save(update_fields=["quality", "is_primary"])
    _note_point(
        point,
        verb="customers.contact_point.judged",
        reason=reason,
        actor=actor,
        before=before,
        after={"quality": quality, "is_primary": is_primary},
    )


@transaction.atomic
def note_contact_quality(*, contact_point_id: int, quality: str, reason: str, actor: Actor) -> bool:
    """What a call or a message taught about a contact point; True when that was news. One that is ended is left alone.

    The first choice stays the first choice: whoever reaches for the borrower passes over what cannot be used.
    """
    borrower_id = ContactPoint.objects.filter(pk=contact_point_id).values_list("borrower_id", flat=True).first()
    if borrower_id is None:
        return False
    Borrower.objects.select_for_update(no_key=True).get(pk=borrower_id)
    point = ContactPoint.objects.get(pk=contact_point_id)
    before = point.quality
    if point.ended_at is not None or before == quality:
        return False
    point.quality = ContactPoint.Quality(quality)
    point.save(update_fields=["quality"])
    _note_point(
        point,
        verb="customers.contact_point.judged",
        reason=reason,
        actor=actor,
        before={"quality": before},
        after={"quality": quality},
    )
    return True


def _text_in(borrower: Borrower, field: str) -> str:
    if field in REVEALABLE:
        return text_of(borrower, field)
    number = field.removeprefix(POINT_PREFIX)
    if number == field or not (number.isascii() and number.isdigit()) or len(number) > 18:
        return ""
    point = borrower.contact_points.filter(pk=int(number)).first()
    return "" if point is None else text_of(point, "value")


def checked_identity(*, number: str, kind: str, country: str) -> ReadyIdentity:
    """The identity number as it would be kept. Raises PersonalDataRefused."""
    try:
        return ready_identity(number=number, kind=kind, country=country)
    except identities.NotAnIdentityNumber as error:
        raise _refused("number", Trouble.NOT_AN_IDENTITY) from error


def checked_contact(contact: NewContact, *, country: str) -> ReadyContact:
    """The contact point as it would be kept. Raises PersonalDataRefused."""
    try:
        return ready_contact(contact, country=country)
    except contacts.NotAPersonsPhone as error:
        raise _refused("value", Trouble.NOT_A_PERSONS_PHONE) from error
    except contacts.NotAPhone as error:
        raise _refused("value", Trouble.NOT_A_PHONE) from error
    except contacts.NotAnEmail as error:
        raise _refused("value", Trouble.NOT_AN_EMAIL) from error
    except contacts.NotAnAddress as error:
        raise _refused("value", Trouble.NOT_AN_ADDRESS) from error
    except ValueError as error:
        raise _refused("kind", Trouble.NOT_A_KIND) from error


def _refused(field: str, trouble: Trouble) -> PersonalDataRefused:
    words = words_for(FieldTrouble(field, trouble))
    return PersonalDataRefused(words, next_step=_("Correct the value and try again."), fields={field: words})


def _check_reason(reason: str) -> None:
    if len(reason.strip()) < SHORTEST_REASON:
        raise ReasonMissing(
            _("Say why you need this."),
            next_step=_("The reason is kept in the audit trail."),
            fields={"reason": _("This is needed.")},
        )


def _put(borrower: Borrower, name: str, text: str) -> bool:
    """Seals the text into the column when it differs from what is there; True when it did."""
    if text_of(borrower, name) == text:
        return False
    setattr(borrower, name, seal_of(Borrower, name, text))
    return True


def _mark_key(borrower: Borrower) -> None:
    """Notes that something of the borrower is now sealed with the active key; a mix is what rotation looks for."""
    active = ring().active_id
    borrower.key_id = active if borrower.key_id in {"", active} else MIXED_KEYS


def _keep(borrower: Borrower, *, changed: list[str], reason: str, actor: Actor, verb: str) -> None:
    if not changed:
        return
    _mark_key(borrower)
    borrower.save(update_fields=[*changed, "key_id"])
    indexing.reindex(borrowers=[borrower])
    audit.record(
        verb=verb,
        subject_type="customers.borrower",
        subject_id=borrower.pk,
        actor=actor,
        reason=reason.strip(),
        after={"fields": changed},
        borrower_id=borrower.pk,
    )


def _point_in_use(*, borrower_id: int, contact_point_id: int) -> ContactPoint:
    point = ContactPoint.objects.filter(pk=contact_point_id, borrower_id=borrower_id, ended_at__isnull=True).first()
    if point is None:
        raise ContactPointNotFound(
            _("The borrower has no such contact point in use."), next_step=_("Reload the borrower's page.")
        )
    return point


def _note_point(
    point: ContactPoint,
    *,
    verb: str,
    reason: str,
    actor: Actor,
    before: dict[str, object] | None = None,
    after: dict[str, object] | None = None,
) -> None:
    audit.record(
        verb=verb,
        subject_type="customers.contact_point",
        subject_id=point.pk,
        actor=actor,
        reason=reason.strip(),
        before=before,
        after=after or {"kind": point.kind, "masked": point.masked},
        borrower_id=point.borrower_id,
    )
