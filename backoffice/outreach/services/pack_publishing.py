"""Publishing a pack: submitted by one person, approved by another, in force from its day, rolled back in one step.

The table of deeds is `config/approvals.py`. Nothing is published while one of its vectors fails or one of its rules is
shown by none.
"""

from datetime import date
from typing import ClassVar, Final

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from backoffice.audit import approvals
from backoffice.audit.approvals import ApprovedRequest
from backoffice.audit.models import Approval
from backoffice.calendars.selectors import business_date
from backoffice.core.actors import Actor
from backoffice.core.errors import Refusal
from backoffice.core.formats import date_text
from backoffice.outreach.domain.pack_states import IN_FORCE
from backoffice.outreach.models import RulePack, RulePackVersion
from backoffice.outreach.selectors.packs import predecessor_of
from backoffice.outreach.services.pack_checks import check_publishable
from backoffice.outreach.services.pack_effects import consequence_in_words
from backoffice.outreach.services.pack_rows import (
    SUBJECT,
    PackVersionNotInState,
    locked_version,
    move,
    not_in_state,
    note_down,
)

APPROVAL_VERB: Final = "outreach.pack_version"


class PackFirstDayRefused(Refusal):
    """The day a version would start is past, or another version starts on it."""

    code: ClassVar[str] = "outreach.pack_first_day"


class NothingToGoBackTo(Refusal):
    """No earlier version could hold instead."""

    code: ClassVar[str] = "outreach.pack_nothing_before"
    status: ClassVar[int] = 409


@transaction.atomic
def submit_version(*, version_id: int, effective_from: date, reason: str, actor: Actor) -> Approval:
    """Ask a second person to publish a checked version from a day on.

    Raises PackNotFound, PackVersionNotInState, PackFirstDayRefused, PackUnchanged, PackVectorsFail, PackClash, and the
    refusals of `approvals.submit`.
    """
    version = locked_version(version_id)
    if version.state == "draft":
        raise PackVersionNotInState(
            _("Version %(number)s of %(pack)s has not been checked.")
            % {"number": version.number, "pack": version.pack.code},
            next_step=_("Run its vectors first; all of them must pass."),
        )
    version.effective_from = effective_from
    move(version, to="submitted", actor=actor, reason=reason)
    _check_first_day(version, effective_from)
    check_publishable(version, actor=actor)
    version.save(update_fields=["state", "effective_from"])
    note_down(version, verb="outreach.pack_version.submitted", actor=actor, reason=reason)
    return approvals.submit(
        verb=APPROVAL_VERB,
        subject_type=SUBJECT,
        subject_id=version.pk,
        payload={"version": version.pk, "digest": version.digest, "effective_from": effective_from.isoformat()},
        reason=reason,
        actor=actor,
        consequence=consequence_in_words(version=version, effective_from=effective_from),
    )


@transaction.atomic
def approve_as_asked(request: ApprovedRequest) -> RulePackVersion:
    """The deed of an approved request: the version holds from its day, at once when that has come.

    Raises PackNotFound, PackVersionNotInState, PackFirstDayRefused, PackVectorsFail or PackClash: the world moved on.
    """
    version = locked_version(int(request.payload["version"]))
    if version.state != "submitted" or version.digest != request.payload["digest"]:
        raise not_in_state(version)
    _check_first_day(version, date.fromisoformat(request.payload["effective_from"]))
    check_publishable(version, actor=request.checker)
    move(version, to="approved", actor=request.checker, reason=request.reason)
    version.approved_by_id = request.checker.id
    version.approved_at = Now()
    version.save(update_fields=["state", "approved_by", "approved_at"])
    note_down(version, verb="outreach.pack_version.approved", actor=request.checker, reason=request.reason)
    _activate(version.pack, as_of=business_date(), actor=request.checker)
    version.refresh_from_db()
    return version


@transaction.atomic
def take_back(*, version_id: int, actor: Actor, reason: str = "") -> RulePackVersion:
    """A submitted version becomes a draft again, and the request that still waits is withdrawn by who made it.

    Raises PackNotFound, PackVersionNotInState, and NotTheAuthor when the waiting request is another person's.
    """
    version = locked_version(version_id)
    if version.state != "submitted":
        raise not_in_state(version)
    waiting = Approval.objects.filter(subject_type=SUBJECT, subject_id=str(version.pk), state="pending").first()
    if waiting is not None:
        approvals.withdraw(approval_id=waiting.pk, actor=actor, note=reason)
    version.effective_from = None
    move(version, to="draft", actor=actor, reason=reason)
    version.save(update_fields=["state", "effective_from"])
    note_down(version, verb="outreach.pack_version.taken_back", actor=actor, reason=reason)
    return version


@transaction.atomic
def roll_back(*, version_id: int, actor: Actor, reason: str) -> RulePackVersion | None:
    """Withdraw a published version at once; the one before it holds again, for queued messages too. Gives that one.

    A version that waits for its day is called off, and None given when nothing changes today. One person may do it:
    what comes back was approved by two. Raises PackNotFound, PackVersionNotInState, NothingToGoBackTo.
    """
    version = locked_version(version_id)
    if version.state not in IN_FORCE:
        raise not_in_state(version)
    before = version_behind(version=version)
    move(version, to="retired", actor=actor, reason=reason)
    version.withdrawn_at = Now()
    version.save(update_fields=["state", "withdrawn_at"])
    note_down(version, verb="outreach.pack_version.rolled_back", actor=actor, reason=reason)
    if before is not None and before.state != "active":
        before.pack = version.pack
        move(before, to="active", actor=actor, reason=reason)
        before.save(update_fields=["state"])
        note_down(before, verb="outreach.pack_version.reinstated", actor=actor, reason=reason)
    return before


def version_behind(*, version: RulePackVersion) -> RulePackVersion | None:
    """The version that holds once this one is rolled back; None when this one has not started.

    Raises NothingToGoBackTo.
    """
    today = business_date()
    if version.effective_from is None or version.effective_from > today:
        return None
    before = predecessor_of(version=version, on=today)
    if before is None:
        raise NothingToGoBackTo(
            _("There is no version of %(pack)s before this one.") % {"pack": version.pack.code},
            next_step=_("Draft a version that says what should hold, and publish it."),
        )
    return before


@transaction.atomic
def activate_due(*, as_of: date, actor: Actor) -> int:
    """Versions whose day has come are marked active and retire their predecessors; safe to run again. How many moved.

    The gate does not wait for this: a version holds from its day.
    """
    due = RulePackVersion.objects.filter(state="approved", effective_from__lte=as_of)
    packs = RulePack.objects.select_for_update().filter(pk__in=due.values("pack")).order_by("pk")
    return sum(_activate(pack, as_of=as_of, actor=actor) for pack in packs)


def _activate(row: RulePack, *, as_of: date, actor: Actor) -> int:
    """The last version whose day has come is the active one; the others in force before it are retired."""
    versions = list(
        row.versions.select_for_update()
        .filter(state__in=IN_FORCE, effective_from__lte=as_of)
        .order_by("effective_from", "number")
    )
    if not versions or versions[-1].state == "active":
        return 0
    for version in versions[:-1]:
        move(version, to="retired", actor=actor)
        version.save(update_fields=["state"])
        note_down(version, verb="outreach.pack_version.retired", actor=actor)
    current = versions[-1]
    move(current, to="active", actor=actor)
    current.save(update_fields=["state"])
    note_down(current, verb="outreach.pack_version.activated", actor=actor)
    return len(versions)


def _check_first_day(version: RulePackVersion, first_day: date) -> None:
    today = business_date()
    if first_day < today:
        raise PackFirstDayRefused(
            _("%(day)s is past.") % {"day": date_text(first_day)},
            next_step=_("Choose %(today)s or a later day.") % {"today": date_text(today)},
            fields={"effective_from": _("is past")},
        )
    taken = version.pack.versions.filter(state__in=IN_FORCE, effective_from=first_day).exclude(pk=version.pk)
    if taken.exists():
        raise PackFirstDayRefused(
            _("Another version of %(pack)s starts on %(day)s.")
            % {"pack": version.pack.code, "day": date_text(first_day)},
            next_step=_("Choose another day, or roll that version back first."),
            fields={"effective_from": _("another version starts on this day")},
        )
