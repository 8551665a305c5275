"""The past judged again as a report: asked for by a person, worked on in batches that survive a kill."""

from datetime import date, datetime
from typing import ClassVar, Final

from django.db import transaction
from django.utils.translation import gettext as _

from backoffice.audit import outbox
from backoffice.audit import services as audit
from backoffice.core.actors import Actor
from backoffice.core.errors import Refusal
from backoffice.core.words import phrase, written
from backoffice.outreach.domain.compiling import PacksInForce
from backoffice.outreach.models import ReplayFinding, ReplayReport, RulePackVersion
from backoffice.outreach.selectors.packs import pack_day, packs_in_force, with_version
from backoffice.outreach.selectors.replay import BATCH, Judged, contacts_between, days_between, judged_batch
from backoffice.outreach.selectors.replay_reports import ReplayNotFound

ASKED: Final = "outreach.replay.asked"
MOST_DAYS: Final = 400
OPEN: Final = frozenset({ReplayReport.State.WAITING, ReplayReport.State.RUNNING})


class ReplayNotAsked(Refusal):
    """This period cannot be judged again; `fields` says why."""

    code: ClassVar[str] = "outreach.replay_not_asked"


class ReplayNotUnderWay(Refusal):
    """Nobody works on the report, so there is nothing to stop."""

    code: ClassVar[str] = "outreach.replay_not_under_way"
    status: ClassVar[int] = 409


class ReplayFinished(Refusal):
    """The report is done: it says what was known when it was made."""

    code: ClassVar[str] = "outreach.replay_finished"
    status: ClassVar[int] = 409


def check_period(*, first: date, last: date, today: date) -> None:
    """Raises ReplayNotAsked for a period that cannot be judged."""
    if first > last:
        raise ReplayNotAsked(
            _("The period ends before it begins."),
            next_step=_("Choose a later last day."),
            fields={"last": _("Before the first day.")},
        )
    if last > today:
        raise ReplayNotAsked(
            _("The last day has not come yet."),
            next_step=_("Choose today or a day before."),
            fields={"last": _("In the future.")},
        )
    if (last - first).days >= MOST_DAYS:
        raise ReplayNotAsked(
            _("A report covers at most %(days)d days.") % {"days": MOST_DAYS},
            next_step=_("Ask for the period in parts."),
            fields={"first": _("Too far back.")},
        )


@transaction.atomic
def ask_replay(
    *, first: date, last: date, today: date, reason: str, actor: Actor, pack_version_id: int | None = None
) -> int:
    """Ask for a period to be judged again; a worker does it. Gives the report's id. Raises ReplayNotAsked."""
    check_period(first=first, last=last, today=today)
    if pack_version_id is not None and not RulePackVersion.objects.filter(pk=pack_version_id).exists():
        raise ReplayNotAsked(
            _("There is no such pack or version."),
            next_step=_("Look in the list of packs."),
            fields={"pack_version_id": _("Not a version.")},
        )
    start, end = days_between(first=first, last=last)
    report = ReplayReport.objects.create(
        first=first,
        last=last,
        pack_version_id=pack_version_id,
        contacts=contacts_between(start=start, end=end),
        actor_id=actor.id,
        actor_name=actor.name,
    )
    audit.record(
        verb="outreach.replay.asked",
        subject_type="outreach.replay",
        subject_id=report.pk,
        actor=actor,
        reason=reason,
        after={"first": first, "last": last, "pack_version": pack_version_id},
    )
    outbox.publish(event=ASKED, key=f"replay:{report.pk}", payload={"report_id": report.pk})
    return int(report.pk)


@transaction.atomic
def go_on_with_replay(*, report_id: int, reason: str, actor: Actor) -> None:
    """Hand a report that stands still to a worker again; it goes on where it stopped. Raises ReplayFinished."""
    report = _locked(report_id)
    if report.state == ReplayReport.State.DONE:
        raise ReplayFinished(_("The report is done already."), next_step=_("Ask for a new one."))
    report.state, report.fault, report.finished_at = ReplayReport.State.WAITING, "", None
    report.save(update_fields=["state", "fault", "finished_at"])
    audit.record(
        verb="outreach.replay.resumed",
        subject_type="outreach.replay",
        subject_id=report_id,
        actor=actor,
        reason=reason,
    )
    outbox.publish(event=ASKED, key=f"replay:{report_id}", payload={"report_id": report_id})


@transaction.atomic
def stop_replay(*, report_id: int, reason: str, actor: Actor, now: datetime) -> None:
    """End the work on a report after the batch it is at; what was judged stays, and it can go on from there.

    Raises ReplayNotFound, ReplayNotUnderWay.
    """
    report = _locked(report_id)
    if report.state not in OPEN:
        raise ReplayNotUnderWay(
            _("The report is not being worked on."), next_step=_("Reload the page to see where it stands.")
        )
    why = phrase("Stopped by %(name)s: %(reason)s", name=actor.name, reason=reason)
    report.state, report.fault, report.finished_at = ReplayReport.State.STOPPED, written(why), now
    report.save(update_fields=["state", "fault", "finished_at"])
    audit.record(
        verb="outreach.replay.stopped",
        subject_type="outreach.replay",
        subject_id=report_id,
        actor=actor,
        reason=reason,
        after={"judged": report.judged, "contacts": report.contacts},
    )


def run_replay(*, report_id: int, now: datetime, batch: int = BATCH) -> int:
    """Judge what is left of a report, a transaction a batch; gives how many contacts. Safe to run twice or at once."""
    judged = 0
    while (found := _judge_batch(report_id=report_id, now=now, batch=batch)) > 0:
        judged += found
    return judged


@transaction.atomic
def _judge_batch(*, report_id: int, now: datetime, batch: int) -> int:
    report = _locked(report_id)
    if report.state not in OPEN:
        return 0
    start, end = days_between(first=report.first, last=report.last)
    try:
        found = judged_batch(start=start, end=end, after=report.last_entry_id, packs=_packs(report, now), size=batch)
    except Refusal as refusal:
        report.state, report.fault, report.finished_at = ReplayReport.State.FAILED, written(refusal.message), now
        report.save(update_fields=["state", "fault", "finished_at"])
        return 0
    denied = [each for each in found if not each.verdict.is_allowed]
    ReplayFinding.objects.bulk_create([_finding(report, each) for each in denied], batch_size=2_000)
    report.judged += len(found)
    report.not_permitted += len(denied)
    report.last_entry_id = found[-1].entry_id if found else report.last_entry_id
    is_through = len(found) < batch
    report.state = ReplayReport.State.DONE if is_through else ReplayReport.State.RUNNING
    report.finished_at = now if is_through else None
    report.save(update_fields=["judged", "not_permitted", "last_entry_id", "state", "finished_at"])
    return len(found)


def _packs(report: ReplayReport, now: datetime) -> PacksInForce | None:
    """The packs of today with the report's version in its place; None: those then in force."""
    if report.pack_version is None:
        return None
    return with_version(packs=packs_in_force(on=pack_day(now)), version=report.pack_version)


def _finding(report: ReplayReport, judged: Judged) -> ReplayFinding:
    wanted = judged.wanted
    return ReplayFinding(
        report=report,
        entry_id=judged.entry_id,
        borrower_id=wanted.borrower_id,
        rules=[denial.rule for denial in judged.verdict.denials],
        packs=", ".join(judged.verdict.packs),
        channel=wanted.channel.value,
        purpose=wanted.purpose.value,
        actor_scope=wanted.actor_scope,
        message_id=wanted.message_id,
        actor_name=judged.actor_name,
        at=wanted.at,
        zones=list(judged.verdict.zones),
    )


def _locked(report_id: int) -> ReplayReport:
    report = ReplayReport.objects.select_for_update(of=("self",)).select_related("pack_version").filter(pk=report_id)
    found = report.first()
    if found is None:
        raise ReplayNotFound(_("There is no such report."), next_step=_("Look in the list of reports."))
    return found
