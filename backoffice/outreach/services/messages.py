"""Messages are planned and stopped in sets: one statement each, however many there are."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, ClassVar, Final
from uuid import uuid4

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.audit import services as audit
from backoffice.core.actors import Actor
from backoffice.core.bulk import array_text, fetch
from backoffice.core.errors import Refusal
from backoffice.customers.keys import ring
from backoffice.outreach.domain.channels import ENDPOINT_KIND, MESSAGES, Channel
from backoffice.outreach.domain.planning import write_variables
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.domain.template_states import TemplateState
from backoffice.outreach.domain.variables import CATALOGUE, Fault, faults_of
from backoffice.outreach.models import Message, TemplateVersion
from backoffice.outreach.selectors.house import house_values
from backoffice.outreach.services import waking

SQL: Final = Path(__file__).resolve().parent.parent / "sql"
PLAN: Final = (SQL / "plan_messages.sql").read_text()
STOP: Final = (SQL / "stop_messages.sql").read_text()
STOP_PAID: Final = (SQL / "stop_paid.sql").read_text()
CHUNK: Final = 10_000
LONGEST_KEY: Final = 190
"""Room is left for the channel that each message of a chain adds to the key."""

FAULT_WORDS: Final = {
    Fault.MISSING: gettext_lazy("no value is given for it"),
    Fault.UNKNOWN: gettext_lazy("there is no such variable"),
    Fault.NOT_MONEY: gettext_lazy("must be an amount such as CNY 1100.16"),
    Fault.NOT_A_DATE: gettext_lazy("must be a date such as 2026-03-20"),
    Fault.NOT_A_NUMBER: gettext_lazy("must be a whole number"),
    Fault.NOT_A_LINK: gettext_lazy("must be a link that begins with https://"),
    Fault.TOO_LONG: gettext_lazy("is too long"),
    Fault.UNPRINTABLE: gettext_lazy("holds characters nobody can read"),
    Fault.HOLDS_A_LINK: gettext_lazy("must not hold a link"),
}


class MessagesRefused(Refusal):
    """Messages that cannot be planned as they are; none of the set is. `fields` names them by key, with the reason."""

    code: ClassVar[str] = "outreach.messages_refused"


class NothingToStopBy(TypeError):
    """Messages are to be stopped, and nobody said which: a defect of the program, never a request to stop all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One message to send. `key` says what makes it the same message: planned twice, it is there once.

    Without an endpoint, the best one of the channel is taken when it leaves. `fallback` names the channels tried
    after this one, in order. `about_due_date`: stopped once the loan owes nothing due on or before that day.
    """

    key: str
    borrower_id: int
    channel: Channel
    purpose: Purpose
    template_version_id: int
    variables: Mapping[str, str]
    send_after: datetime
    send_before: datetime
    endpoint_id: int | None = None
    loan_id: int | None = None
    about_due_date: date | None = None
    fallback: tuple[Channel, ...] = ()
    source: str = ""
    follows_id: int | None = None


OwedNow = Callable[[Sequence[int]], Sequence[tuple[int, date | None]]]
"""Locks loans and gives of each the oldest due date it still owes anything of, None when it owes nothing."""


@transaction.atomic
def plan_messages(*, planned: Sequence[Planned], actor: Actor) -> int:
    """Plans a set of messages and gives how many of them are new; one statement for 10,000.

    Idempotent by key. Raises MessagesRefused, for the whole set, when one of them cannot be sent as it is:
    `faults_in` tells in advance.
    """
    if not planned:
        return 0
    versions = _versions_under_lock({one.template_version_id for one in planned})
    faults = _faults(planned, versions)
    if faults:
        raise _refused(faults, planned=len(planned))
    written = sum(_write(planned[start : start + CHUNK], actor=actor) for start in range(0, len(planned), CHUNK))
    if written:
        audit.record(
            verb="outreach.messages.planned",
            subject_type="outreach.messages",
            subject_id=planned[0].source or "single",
            actor=actor,
            after={"planned": len(planned), "new": written},
        )
        transaction.on_commit(waking.wake_sender, robust=True)
    return written


def faults_in(*, planned: Sequence[Planned]) -> dict[str, str]:
    """What of a set could not be planned, by key, with the reason; one query. Nothing is written."""
    versions = {
        version.pk: version
        for version in TemplateVersion.objects.select_related("template").filter(
            pk__in={one.template_version_id for one in planned}
        )
    }
    return _faults(planned, versions)


def sendable(*, planned: Sequence[Planned]) -> tuple[list[Planned], dict[str, str]]:
    """Those of a set that can be planned, and by key what is wrong with each of the others; one query."""
    faults = faults_in(planned=planned) if planned else {}
    return [one for one in planned if one.key not in faults], faults


def stop_paid(*, loans: Sequence[tuple[int, date | None]]) -> int:
    """Stops what is planned about bills that are owed no more; called in the transaction that posts the money.

    `loans`: (loan, oldest due date it still owes anything of, None when it owes nothing). One statement.
    """
    if not loans:
        return 0
    numbers, oldest = zip(*loans, strict=True)
    params = {"loan_ids": array_text(numbers, kind="bigint"), "oldest": array_text(oldest, kind="date")}
    return int(fetch(STOP_PAID, params)[0][0])


@transaction.atomic
def stop_messages(
    *,
    reason: str,
    actor: Actor,
    borrower_ids: Collection[int] | None = None,
    loan_ids: Collection[int] | None = None,
    message_ids: Collection[int] | None = None,
    template_version_id: int | None = None,
    source: str | None = None,
    detail: str = "",
) -> int:
    """Stops what is planned and meets all that is named; gives how many. One statement, and one entry in the trail.

    `reason` is a short code kept in each journey ("hold", "by_staff"), `detail` a sentence beside it.
    """
    given = (borrower_ids, loan_ids, message_ids, template_version_id, source)
    if all(one is None for one in given):
        raise NothingToStopBy
    params = {
        "borrower_ids": _ids(borrower_ids),
        "loan_ids": _ids(loan_ids),
        "message_ids": _ids(message_ids),
        "template_version_id": template_version_id,
        "source": source,
        "code": reason,
        "detail": detail[:300],
        "actor_id": actor.id,
        "actor_name": actor.name,
    }
    stopped = int(fetch(STOP, params)[0][0])
    if stopped:
        audit.record(
            verb="outreach.messages.stopped",
            subject_type="outreach.messages",
            subject_id=source or reason,
            actor=actor,
            reason=detail,
            after={"stopped": stopped, "code": reason},
        )
    return stopped


def _versions_under_lock(ids: Collection[int]) -> dict[int, TemplateVersion]:
    """The versions, kept from being retired while messages are planned with them."""
    rows = fetch("SELECT id FROM outreach_templateversion WHERE id = ANY(%s) ORDER BY id FOR SHARE", [list(ids)])
    versions = TemplateVersion.objects.select_related("template").filter(pk__in=[row[0] for row in rows])
    return {version.pk: version for version in versions}


def _faults(planned: Sequence[Planned], versions: Mapping[int, TemplateVersion]) -> dict[str, str]:
    faults = {}
    for one in planned:
        said = _fault(one, versions.get(one.template_version_id))
        if said:
            faults[one.key] = said
    return faults


def _fault(one: Planned, version: TemplateVersion | None) -> str:
    """Why a message cannot be planned; empty when it can."""
    if version is None or version.state != TemplateState.ACTIVE:
        return _("its template version %(id)s is not active") % {"id": one.template_version_id}
    if version.channel != one.channel or one.channel not in MESSAGES:
        return _("its template is for the channel %(channel)s") % {"channel": version.get_channel_display()}
    if version.template.purpose != one.purpose:
        return _("its template is for the purpose “%(purpose)s”") % {"purpose": version.template.get_purpose_display()}
    if len(one.key) > LONGEST_KEY:
        return _("its key is longer than %(most)d characters") % {"most": LONGEST_KEY}
    if one.send_after >= one.send_before:
        return _("it has no time to be sent in")
    if one.endpoint_id is not None and one.channel not in ENDPOINT_KIND:
        return _("the channel %(channel)s goes to no contact point") % {"channel": version.get_channel_display()}
    # The house's own settings are looked at too, so that a night without them is refused while somebody is there.
    needed = tuple(name for name in version.variables if CATALOGUE[name].filled_by != "borrower")
    house = {name: value for name, value in house_values().items() if name in needed}
    faults = faults_of({**one.variables, **house}, needed=needed)
    return "; ".join(f"{{{name}}}: {FAULT_WORDS[fault]}" for name, fault in faults.items())


def _refused(faults: Mapping[str, str], *, planned: int) -> MessagesRefused:
    key, said = next(iter(faults.items()))
    return MessagesRefused(
        _("%(faulty)d of %(planned)d messages cannot be planned. The first, %(key)s: %(said)s.")
        % {"faulty": len(faults), "planned": planned, "key": key, "said": said},
        next_step=_("Give every variable a value of its type and use an active template, then plan them again."),
        fields=dict(list(faults.items())[:20]),
    )


def _write(planned: Sequence[Planned], *, actor: Actor) -> int:
    keys, context = ring(), Message._meta.get_field("variables").context
    params: dict[str, Any] = {
        "key": [one.key for one in planned],
        "wire_id": [uuid4() for _one in planned],
        "borrower_id": [one.borrower_id for one in planned],
        "loan_id": [one.loan_id for one in planned],
        "channel": [one.channel.value for one in planned],
        "purpose": [one.purpose.value for one in planned],
        "template_version_id": [one.template_version_id for one in planned],
        "endpoint_id": [one.endpoint_id for one in planned],
        "variables": [keys.seal(write_variables(one.variables), context=context).data for one in planned],
        "send_after": [one.send_after for one in planned],
        "send_before": [one.send_before for one in planned],
        "about_due_date": [one.about_due_date for one in planned],
        "source": [one.source for one in planned],
        "fallback": [",".join(one.fallback) for one in planned],
        "follows_id": [one.follows_id for one in planned],
        "actor_id": actor.id,
        "actor_name": actor.name,
    }
    return int(fetch(PLAN, params)[0][0])


def _ids(ids: Collection[int] | None) -> list[int] | None:
    return None if ids is None else sorted(ids)
