"""What borrowers say about being reached, written down as they say it; the gate reads it at the next contact."""

from collections.abc import Collection
from datetime import datetime
from typing import ClassVar

from django.db import transaction
from django.utils.translation import gettext as _

from backoffice.audit import outbox
from backoffice.audit import services as audit
from backoffice.core.actors import Actor
from backoffice.core.bulk import fetch
from backoffice.core.errors import Refusal
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.models import ConsentEntry, PreferenceEntry

OPTED_OUT = "outreach.opted_out"
MINUTES_OF_A_DAY = 1440


class ConsentRefused(Refusal):
    """What was said cannot be written down like this; `fields` says why."""

    code: ClassVar[str] = "outreach.consent_refused"


class BorrowerUnknown(Refusal):
    """There is no such borrower."""

    code: ClassVar[str] = "outreach.borrower_not_found"
    status: ClassVar[int] = 404


class PreferenceNotFound(Refusal):
    """There is no such preference, or it counts no more."""

    code: ClassVar[str] = "outreach.preference_not_found"
    status: ClassVar[int] = 404


@transaction.atomic
def opt_out(
    *,
    borrower_id: int,
    source: str,
    actor: Actor,
    at: datetime,
    channel: Channel | None = None,
    endpoint_id: int | None = None,
    is_marketing_only: bool = False,
    evidence: str = "",
) -> int:
    """Stop reaching a borrower: everywhere, on one channel or at one endpoint; takes effect with this transaction."""
    entry_id = _say(
        borrower_id=borrower_id,
        kind=ConsentEntry.Kind.OPT_OUT,
        channel=channel,
        endpoint_id=endpoint_id,
        scope="marketing" if is_marketing_only else "",
        source=source,
        evidence=evidence,
        actor=actor,
        at=at,
    )
    outbox.publish(event=OPTED_OUT, key=f"borrower:{borrower_id}", payload={"borrower_id": borrower_id})
    return entry_id


@transaction.atomic
def opt_in(
    *,
    borrower_id: int,
    source: str,
    evidence: str,
    actor: Actor,
    at: datetime,
    channel: Channel | None = None,
    endpoint_id: int | None = None,
) -> int:
    """Take opt-outs of this scope back, at the borrower's own word. Raises ConsentRefused without evidence of it."""
    _check_evidence(evidence)
    return _say(
        borrower_id=borrower_id,
        kind=ConsentEntry.Kind.OPT_IN,
        channel=channel,
        endpoint_id=endpoint_id,
        source=source,
        evidence=evidence,
        actor=actor,
        at=at,
    )


@transaction.atomic
def give_consent(
    *,
    borrower_id: int,
    channel: Channel,
    source: str,
    evidence: str,
    actor: Actor,
    at: datetime,
    endpoint_id: int | None = None,
    ends_at: datetime | None = None,
) -> int:
    """The borrower agrees to be reached on a channel. Raises ConsentRefused without evidence or with an early end."""
    _check_evidence(evidence)
    if ends_at is not None and ends_at <= at:
        raise ConsentRefused(
            _("The consent would end before it begins."),
            next_step=_("Choose a later end, or none."),
            fields={"ends_at": _("Must be later.")},
        )
    return _say(
        borrower_id=borrower_id,
        kind=ConsentEntry.Kind.CONSENT,
        channel=channel,
        endpoint_id=endpoint_id,
        ends_at=ends_at,
        source=source,
        evidence=evidence,
        actor=actor,
        at=at,
    )


@transaction.atomic
def revoke_consent(
    *,
    borrower_id: int,
    source: str,
    actor: Actor,
    at: datetime,
    channel: Channel | None = None,
    endpoint_id: int | None = None,
    evidence: str = "",
) -> int:
    """The borrower takes consents and agreed calls of this scope back."""
    return _say(
        borrower_id=borrower_id,
        kind=ConsentEntry.Kind.REVOKED,
        channel=channel,
        endpoint_id=endpoint_id,
        source=source,
        evidence=evidence,
        actor=actor,
        at=at,
    )


@transaction.atomic
def agree_callback(
    *,
    borrower_id: int,
    starts_at: datetime,
    ends_at: datetime,
    source: str,
    evidence: str,
    actor: Actor,
    at: datetime,
    endpoint_id: int | None = None,
) -> int:
    """The borrower asks to be called between two instants. Raises ConsentRefused for times that cannot be."""
    _check_evidence(evidence)
    if not at <= ends_at or not starts_at < ends_at:
        raise ConsentRefused(
            _("The agreed time lies in the past or ends before it begins."),
            next_step=_("Write down the time the borrower named."),
            fields={"starts_at": _("Must come before the end.")},
        )
    return _say(
        borrower_id=borrower_id,
        kind=ConsentEntry.Kind.CALLBACK,
        channel=Channel.CALL,
        endpoint_id=endpoint_id,
        starts_at=starts_at,
        ends_at=ends_at,
        source=source,
        evidence=evidence,
        actor=actor,
        at=at,
    )


@transaction.atomic
def prefer_times(
    *,
    borrower_id: int,
    is_only: bool,
    days: Collection[int],
    from_minute: int,
    to_minute: int,
    source: str,
    actor: Actor,
    at: datetime,
    channel: Channel | None = None,
    note: str = "",
) -> int:
    """Times to be reached at alone, or never: minutes since midnight at the borrower's place, ISO weekdays."""
    if not days or not set(days) <= set(range(1, 8)) or not 0 <= from_minute < to_minute <= MINUTES_OF_A_DAY:
        raise ConsentRefused(
            _("These are not times of a week."),
            next_step=_("Choose weekdays, and a time that begins before it ends."),
            fields={"days": _("Weekdays from 1 to 7.")},
        )
    _lock(borrower_id)
    entry = PreferenceEntry.objects.create(
        borrower_id=borrower_id,
        kind=PreferenceEntry.Kind.ONLY if is_only else PreferenceEntry.Kind.NEVER,
        channel=channel or "",
        days=sorted(set(days)),
        from_minute=from_minute,
        to_minute=to_minute,
        source=source,
        note=note,
        actor_id=actor.id,
        actor_name=actor.name,
        at=at,
    )
    _note(entry, verb="outreach.preference.said", actor=actor, reason=note)
    return int(entry.pk)


@transaction.atomic
def end_preference(*, preference_id: int, source: str, actor: Actor, at: datetime, note: str = "") -> int:
    """The borrower takes a preference back. Raises PreferenceNotFound."""
    ended = PreferenceEntry.objects.filter(pk=preference_id, ended_by__isnull=True).exclude(kind="ended").first()
    if ended is None:
        raise PreferenceNotFound(
            _("There is no such preference, or it was taken back already."), next_step=_("Reload the page.")
        )
    _lock(ended.borrower_id)
    entry = PreferenceEntry.objects.create(
        borrower_id=ended.borrower_id,
        kind=PreferenceEntry.Kind.ENDED,
        ends=ended,
        source=source,
        note=note,
        actor_id=actor.id,
        actor_name=actor.name,
        at=at,
    )
    _note(entry, verb="outreach.preference.ended", actor=actor, reason=note)
    return int(entry.pk)


def _say(
    *,
    borrower_id: int,
    kind: str,
    channel: Channel | None,
    endpoint_id: int | None,
    source: str,
    evidence: str,
    actor: Actor,
    at: datetime,
    scope: str = "",
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
) -> int:
    """One entry, under the borrower's lock: whoever judges a contact next sees it, whoever has judged has recorded."""
    _lock(borrower_id)
    entry = ConsentEntry.objects.create(
        borrower_id=borrower_id,
        kind=kind,
        channel=channel or "",
        endpoint_id=endpoint_id,
        scope=scope,
        starts_at=starts_at,
        ends_at=ends_at,
        source=source,
        evidence=evidence,
        actor_id=actor.id,
        actor_name=actor.name,
        at=at,
    )
    _note(entry, verb=f"outreach.consent.{kind}", actor=actor, reason=evidence)
    return int(entry.pk)


def _lock(borrower_id: int) -> None:
    if not fetch("SELECT 1 FROM customers_borrower WHERE id = %s FOR NO KEY UPDATE", [borrower_id]):
        raise BorrowerUnknown(_("There is no such borrower."), next_step=_("Search by name, phone or number."))


def _check_evidence(evidence: str) -> None:
    if not evidence.strip():
        raise ConsentRefused(
            _("Say how the borrower agreed."),
            next_step=_("Their words, the recording or the page they agreed on."),
            fields={"evidence": _("This is needed.")},
        )


def _note(entry: ConsentEntry | PreferenceEntry, *, verb: str, actor: Actor, reason: str) -> None:
    audit.record(
        verb=verb,
        subject_type="outreach.consent" if isinstance(entry, ConsentEntry) else "outreach.preference",
        subject_id=entry.pk,
        actor=actor,
        reason=reason,
        borrower_id=entry.borrower_id,
        after={"channel": entry.channel, "kind": entry.kind, "source": entry.source},
    )
