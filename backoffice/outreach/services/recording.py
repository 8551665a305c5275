"""What people write into the contact log: contacts that were made already, what came of them, and corrections.

A fact also says what it teaches about the number: a wrong number is never dialled again, and one somebody else asked to
be left alone at neither.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar, Final

from django.db import transaction
from django.utils.translation import gettext as _

from backoffice.audit import services as audit
from backoffice.core.actors import Actor
from backoffice.core.bulk import fetch
from backoffice.core.errors import Refusal
from backoffice.customers.models import ContactPoint
from backoffice.customers.selectors import borrower_ids_of
from backoffice.customers.services.personal_data import note_contact_quality
from backoffice.outreach.domain.channels import ENDPOINT_KIND, VOICE, Channel
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.domain.verdicts import ActorScope
from backoffice.outreach.models import ContactEntry
from backoffice.outreach.services.gate import AttemptNotFound, log_contact, record_fact

TEACHES: Final[dict[str, str]] = {
    "P-WN": ContactPoint.Quality.WRONG_PERSON,
    "P-STOP": ContactPoint.Quality.DO_NOT_USE,
}
"""What a disposition says about the number that was dialled."""
LOCK_PERSON = "SELECT FROM customers_borrower WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"


class ContactNotLogged(Refusal):
    """What is to be written cannot have been like this; `fields` says what is wrong."""

    code: ClassVar[str] = "outreach.contact_not_logged"


@transaction.atomic
def log_by_hand(
    *,
    borrower_id: int,
    channel: Channel,
    purpose: Purpose,
    direction: str,
    at: datetime,
    now: datetime,
    actor: Actor,
    reason: str,
    code: str = "",
    endpoint_id: int | None = None,
    loan_ids: Sequence[int] = (),
    actor_scope: ActorScope = "first_party",
) -> int:
    """Write a contact that was made already, by the borrower ("in") or by us ("out"); it counts like any other.

    Raises ContactNotLogged, and UnknownDisposition for a code only machines set. Gives the id of the entry.
    """
    person = borrower_ids_of(borrower_id=borrower_id)
    fetch(LOCK_PERSON, [person])
    _check_time(at, now=now)
    _check_endpoint(channel=channel, endpoint_id=endpoint_id, person=person)
    if code:
        _check_code(code, direction=direction, channel=channel)
    entry_id = log_contact(
        borrower_id=borrower_id,
        channel=channel,
        purpose=purpose,
        direction=direction,
        at=at,
        actor=actor,
        code=code,
        endpoint_id=endpoint_id,
        loan_ids=loan_ids,
        actor_scope=actor_scope,
    )
    _teach(code, endpoint_id=endpoint_id, actor=actor, reason=reason)
    audit.record(
        verb="outreach.contact.logged",
        subject_type="outreach.contact",
        subject_id=entry_id,
        actor=actor,
        reason=reason,
        borrower_id=borrower_id,
        after={"channel": channel.value, "direction": direction, "code": code, "at": at},
    )
    return entry_id


@transaction.atomic
def record_result(
    *, entry_id: int, code: str, at: datetime, now: datetime, actor: Actor, reason: str, is_correction: bool = False
) -> int:
    """Add whom an attempt reached or what came of it; `is_correction`: an earlier fact was wrong.

    The attempt is counted anew by it. Raises AttemptNotFound, ContactNotLogged, UnknownDisposition.
    """
    attempt = ContactEntry.objects.filter(pk=entry_id, kind=ContactEntry.Kind.ATTEMPT).first()
    if attempt is None:
        raise AttemptNotFound(
            _("There is no such contact in the log."), next_step=_("Open it from the borrower's contact log.")
        )
    owners = ContactPoint.objects.filter(pk=attempt.endpoint_id or 0).values_list("borrower_id", flat=True)
    fetch(LOCK_PERSON, [[attempt.borrower_id, *owners]])
    _check_time(at, now=now)
    if at < attempt.at:
        raise ContactNotLogged(
            _("The result would come before the contact."),
            next_step=_("Choose the time you learned it."),
            fields={"at": _("Before the contact.")},
        )
    _check_code(code, direction=attempt.direction, channel=Channel(attempt.channel))
    before = attempt.facts.order_by("-sequence").values_list("code", flat=True).first() or attempt.code
    fact_id = record_fact(
        entry_id=entry_id, code=code, actor=actor, at=at, kind="correction" if is_correction else None
    )
    _teach(code, endpoint_id=attempt.endpoint_id, actor=actor, reason=reason)
    audit.record(
        verb="outreach.contact.corrected" if is_correction else "outreach.contact.result_recorded",
        subject_type="outreach.contact",
        subject_id=entry_id,
        actor=actor,
        reason=reason,
        borrower_id=attempt.borrower_id,
        before={"code": before},
        after={"code": code},
    )
    return fact_id


def _check_time(at: datetime, *, now: datetime) -> None:
    if at > now:
        raise ContactNotLogged(
            _("This time has not come yet."),
            next_step=_("Log what was; what is planned is no contact."),
            fields={"at": _("In the future.")},
        )


def _check_endpoint(*, channel: Channel, endpoint_id: int | None, person: Sequence[int]) -> None:
    kind = ENDPOINT_KIND.get(channel, "")
    if endpoint_id is None:
        return
    if not kind or not ContactPoint.objects.filter(pk=endpoint_id, borrower_id__in=person, kind=kind).exists():
        raise ContactNotLogged(
            _("The contact point is not one of the borrower's for this channel."),
            next_step=_("Choose another one, or none."),
            fields={"endpoint_id": _("Not for this channel.")},
        )


def _check_code(code: str, *, direction: str, channel: Channel) -> None:
    """Codes of people: I- of what the borrower began, P- and R- of calls the lender made. Machines' are told apart."""
    fits = {"I": direction == "in", "P": direction == "out" and channel in VOICE, "R": direction == "out"}
    if not fits.get(code[:1], True):
        raise ContactNotLogged(
            _("“%(code)s” is no result of such a contact.") % {"code": code},
            next_step=_("Results that begin with I are of contacts the borrower made, with P or R of ours."),
            fields={"code": _("Does not fit the direction or the channel.")},
        )


def _teach(code: str, *, endpoint_id: int | None, actor: Actor, reason: str) -> None:
    quality = TEACHES.get(code)
    if quality and endpoint_id is not None:
        note_contact_quality(contact_point_id=endpoint_id, quality=quality, reason=reason, actor=actor)
