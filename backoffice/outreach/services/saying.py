"""What a borrower says, by its kind: the one door for calls that name the kind instead of the verb."""

from datetime import datetime
from typing import Any, Final

from django.utils.translation import gettext as _

from backoffice.core.actors import Actor
from backoffice.customers.models import ContactPoint
from backoffice.customers.selectors import borrower_ids_of
from backoffice.outreach.domain.channels import ENDPOINT_KIND, Channel
from backoffice.outreach.models import ConsentEntry, PreferenceEntry
from backoffice.outreach.services import consents
from backoffice.outreach.services.consents import ConsentRefused, PreferenceNotFound

TIMED: Final = frozenset({ConsentEntry.Kind.CALLBACK, ConsentEntry.Kind.CONSENT})


def say(
    *,
    borrower_id: int,
    kind: str,
    channel: Channel | None,
    endpoint_id: int | None,
    is_marketing_only: bool,
    starts_at: datetime | None,
    ends_at: datetime | None,
    source: str,
    evidence: str,
    actor: Actor,
    at: datetime,
) -> int:
    """Write down one thing said; gives the id of its entry. Raises ConsentRefused for what its kind does not have."""
    _check(kind=kind, channel=channel, is_marketing_only=is_marketing_only, starts_at=starts_at, ends_at=ends_at)
    _check_endpoint(borrower_id=borrower_id, channel=channel, endpoint_id=endpoint_id)
    said: dict[str, Any] = {
        "borrower_id": borrower_id,
        "endpoint_id": endpoint_id,
        "source": source,
        "evidence": evidence,
        "actor": actor,
        "at": at,
    }
    match kind:
        case ConsentEntry.Kind.OPT_OUT:
            return consents.opt_out(channel=channel, is_marketing_only=is_marketing_only, **said)
        case ConsentEntry.Kind.OPT_IN:
            return consents.opt_in(channel=channel, **said)
        case ConsentEntry.Kind.CONSENT if channel is not None:
            return consents.give_consent(channel=channel, ends_at=ends_at, **said)
        case ConsentEntry.Kind.CALLBACK if starts_at is not None and ends_at is not None:
            return consents.agree_callback(starts_at=starts_at, ends_at=ends_at, **said)
        case _:
            return consents.revoke_consent(channel=channel, **said)


def check_preference(*, borrower_id: int, preference_id: int) -> None:
    """Raises PreferenceNotFound for a preference that is not the person's."""
    owners = borrower_ids_of(borrower_id=borrower_id)
    if not PreferenceEntry.objects.filter(pk=preference_id, borrower_id__in=owners).exists():
        raise PreferenceNotFound(
            _("There is no such preference, or it was taken back already."), next_step=_("Reload the page.")
        )


def _check(
    *,
    kind: str,
    channel: Channel | None,
    is_marketing_only: bool,
    starts_at: datetime | None,
    ends_at: datetime | None,
) -> None:
    """What each kind needs, and what it has no use for: nothing is left out in silence."""
    faults: dict[str, str] = {}
    if kind == ConsentEntry.Kind.CONSENT and channel is None:
        faults["channel"] = _("This is needed.")
    if kind == ConsentEntry.Kind.CALLBACK:
        faults |= {
            name: _("This is needed.") for name, value in (("starts_at", starts_at), ("ends_at", ends_at)) if not value
        }
        if channel not in {None, Channel.CALL}:
            faults["channel"] = _("Agreed calls are calls.")
    elif starts_at is not None:
        faults["starts_at"] = _("Only an agreed call has this.")
    if kind not in TIMED and ends_at is not None:
        faults["ends_at"] = _("Only a consent or an agreed call has this.")
    if kind != ConsentEntry.Kind.OPT_OUT and is_marketing_only:
        faults["is_marketing_only"] = _("Only an opt-out has this.")
    if faults:
        raise ConsentRefused(
            _("This kind of word is not said like this."),
            next_step=_("Put right what is named."),
            fields=faults,
        )


def _check_endpoint(*, borrower_id: int, channel: Channel | None, endpoint_id: int | None) -> None:
    if endpoint_id is None:
        return
    points = ContactPoint.objects.filter(pk=endpoint_id, borrower_id__in=borrower_ids_of(borrower_id=borrower_id))
    if channel is not None:
        points = points.filter(kind=ENDPOINT_KIND.get(channel, ""))
    if not points.exists():
        raise ConsentRefused(
            _("The contact point is not one of the borrower's for this channel."),
            next_step=_("Choose another one, or none."),
            fields={"endpoint_id": _("Not for this channel.")},
        )
