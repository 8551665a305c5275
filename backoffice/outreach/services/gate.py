"""The one gate: a contact is judged and recorded in one transaction, under the borrower's lock, or it is not made."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, ClassVar, Final

from django.db import transaction
from django.utils.translation import gettext as _

from backoffice.core.actors import Actor
from backoffice.core.bulk import fetch
from backoffice.core.errors import Refusal
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.compiling import PacksInForce
from backoffice.outreach.domain.dispositions import MACHINE_SETS, FactKind, UnknownCode, kind_of
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.domain.verdicts import ActorScope, Denial, Party, Reserved, Verdict, Wanted, latest
from backoffice.outreach.models import BlockedContact, ContactEntry
from backoffice.outreach.selectors.gate import (
    judge,
    may_contact,
    parameters,
    run,
    with_next_time,
)
from backoffice.outreach.selectors.gate_text import (
    GIVEN_RULES,
    PARAMETERS,
    STALE,
    Statement,
    reserve_function,
    statement,
)
from backoffice.outreach.selectors.packs import PacksKept, pack_day

__all__ = [
    "Denial",
    "Reserved",
    "Verdict",
    "Wanted",
    "judge",
    "log_contact",
    "may_contact",
    "record_fact",
    "reserve_contact",
]

PACKS: Final = PacksKept()
MOST_READINGS: Final = 3
KEEP_RULES: Final = f"""
INSERT INTO outreach_compiledrule (
    key, rule, kind, countries, is_default, channels, counted_purposes, counted_scopes, from_minute, to_minute, days,
    is_closed_on_holidays, most, per, counts, days_window, minutes_window, quiet_days, within_days, excepts
)
SELECT %(rule_key)s::uuid, given.* FROM ({GIVEN_RULES}) AS given
ON CONFLICT (key, rule) DO NOTHING
RETURNING 1
"""  # noqa: S608 - a text of our own
LOCK_BORROWER: Final = "SELECT FROM customers_borrower WHERE id = %s FOR NO KEY UPDATE"


class UnknownDisposition(Refusal):
    """No such code, or one that only the machine sets."""

    code: ClassVar[str] = "outreach.unknown_disposition"


class PacksKeepChanging(RuntimeError):
    """The packs were published anew each time they were read: nothing is judged, and nobody contacted."""


class AttemptNotFound(Refusal):
    """There is no such attempt in the contact log."""

    code: ClassVar[str] = "outreach.attempt_not_found"
    status: ClassVar[int] = 404


def reserve_contact(*, wanted: Wanted, actor: Actor) -> Reserved | Verdict:
    """Judge a contact and, when nothing denies it, write it into the log: from then on it counts.

    Both are one call of the database, in the caller's transaction where there is one. Denied, the verdict says why and
    from when, and the blocked attempt is kept. Contacts with one borrower, and at one number, are decided one after the
    other however many ask at once.
    """
    packs, rows = _judged(wanted, actor=actor)
    verdict = Verdict(latest((rule, at) for rule, at, _ in rows if rule), packs.labels)
    if verdict.is_allowed:
        return Reserved(entry_id=rows[0][2], verdict=verdict)
    verdict = with_next_time(verdict, wanted=wanted)
    _keep_blocked(wanted, verdict, actor=actor)
    return verdict


def _judged(wanted: Wanted, *, actor: Actor) -> tuple[PacksInForce, list[tuple[Any, ...]]]:
    """What the database answers by the packs in force at that moment, which are rarely others than those read last.

    Raises PacksKeepChanging, and with it nobody is contacted.
    """
    day = pack_day(wanted.at)
    for _attempt in range(MOST_READINGS):
        generation, packs = PACKS.on(day)
        params = parameters([wanted], packs=packs) | {
            "generation": generation,
            "actor_scope": wanted.actor_scope,
            "party": wanted.party,
            "message_id": wanted.message_id,
            "packs": ", ".join(packs.labels),
            "actor_id": actor.id,
            "actor_name": actor.name,
        }
        rows = run(_reserving(), params)
        if not rows or rows[0][0] != STALE:
            return packs, rows
        PACKS.read_again()
        fetch(KEEP_RULES, params)
    raise PacksKeepChanging


@cache
def _reserving() -> Statement:
    """The call of the function that a migration made of the gate's text."""
    function, _text = reserve_function()
    places = ", ".join(f"${number}" for number in range(1, len(PARAMETERS) + 1))
    return Statement(f"SELECT * FROM {function}({places})".encode(), tuple(PARAMETERS))  # noqa: S608 - our own name


@transaction.atomic
def record_fact(*, entry_id: int, code: str, actor: Actor, at: datetime, kind: FactKind | None = None) -> int:
    """Add what came of an attempt to the log; the last fact counts. Gives the id of the entry.

    `kind` "correction" says that an earlier fact was wrong. Raises UnknownDisposition, AttemptNotFound.
    """
    known = _kind(code, actor=actor)
    attempt = ContactEntry.objects.filter(pk=entry_id, kind=ContactEntry.Kind.ATTEMPT).first()
    if attempt is None:
        raise AttemptNotFound(
            _("There is no such contact in the log."), next_step=_("Open it from the borrower's contact log.")
        )
    _lock(attempt.borrower_id)
    return _write(
        borrower_id=attempt.borrower_id,
        kind=kind or known,
        attempt_id=attempt.pk,
        channel=attempt.channel,
        purpose=attempt.purpose,
        direction=attempt.direction,
        actor_scope=attempt.actor_scope,
        party=attempt.party,
        endpoint_id=attempt.endpoint_id,
        loan_ids=attempt.loan_ids,
        code=code,
        message_id=attempt.message_id,
        actor=actor,
        at=at,
    )


@transaction.atomic
def log_contact(
    *,
    borrower_id: int,
    channel: Channel,
    purpose: Purpose,
    direction: str,
    at: datetime,
    actor: Actor,
    code: str = "",
    endpoint_id: int | None = None,
    loan_ids: Sequence[int] = (),
    actor_scope: ActorScope = "first_party",
    party: Party = "borrower",
) -> int:
    """Write a contact that was made already: one the borrower made, or one brought in. It counts like any other."""
    if code:
        _kind(code, actor=actor)
    _lock(borrower_id)
    return _write(
        borrower_id=borrower_id,
        kind="attempt",
        attempt_id=None,
        channel=channel.value,
        purpose=purpose.value,
        direction=direction,
        actor_scope=actor_scope,
        party=party,
        endpoint_id=endpoint_id,
        loan_ids=list(loan_ids),
        code=code,
        message_id=None,
        actor=actor,
        at=at,
    )


def _kind(code: str, *, actor: Actor) -> FactKind:
    """The kind of fact a code states; people may not set what the machine sets."""
    try:
        kind = kind_of(code)
    except UnknownCode as error:
        raise UnknownDisposition(
            _("There is no disposition “%(code)s”.") % {"code": code},
            next_step=_("Choose one of the list."),
            fields={"code": _("Not a disposition.")},
        ) from error
    if actor.kind != "system" and code[0] in MACHINE_SETS:
        raise UnknownDisposition(
            _("“%(code)s” is set by the telephone system or the gateway, never by a person.") % {"code": code},
            next_step=_("Record the party and the outcome."),
            fields={"code": _("Only the machine sets this.")},
        )
    return kind


def _lock(borrower_id: int) -> None:
    fetch(LOCK_BORROWER, [borrower_id])


def _write(*, loan_ids: Sequence[int], actor: Actor, **fields: Any) -> int:
    params = fields | {"loan_ids": list(loan_ids), "actor_id": actor.id, "actor_name": actor.name}
    return int(run(statement("contact_fact.sql"), params)[0][0])


def _keep_blocked(wanted: Wanted, verdict: Verdict, *, actor: Actor) -> None:
    BlockedContact.objects.create(
        borrower_id=wanted.borrower_id,
        channel=wanted.channel.value,
        purpose=wanted.purpose.value,
        actor_scope=wanted.actor_scope,
        endpoint_id=wanted.endpoint_id,
        loan_id=wanted.loan_id,
        message_id=wanted.message_id,
        rules=[denial.rule for denial in verdict.denials],
        packs=", ".join(verdict.packs),
        next_permitted_at=verdict.next_permitted_at,
        actor_id=actor.id,
        actor_name=actor.name,
        at=wanted.at,
    )
