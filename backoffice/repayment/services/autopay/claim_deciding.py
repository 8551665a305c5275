"""The funder's word on a list of claims: each is confirmed, or declined for a reason; one by one, or by a file."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import BinaryIO, ClassVar, Final

from django.db import transaction
from django.utils.translation import gettext as _

from backoffice.core.actors import Actor
from backoffice.core.errors import Refusal
from backoffice.repayment.domain.autopay.claim_states import ClaimState, DroppedBecause
from backoffice.repayment.models import Claim
from backoffice.repayment.services.autopay.claim_moving import claim_not_found, in_state, locked, move

HEADER: Final = ("claim", "decision", "amount", "reason")
CONFIRM, DECLINE = "confirm", "decline"
MOST_LINES: Final = 50_000
MOST_BYTES: Final = 8 * 1024 * 1024


class DecisionsRefused(Refusal):
    """A list of decisions cannot be taken; nothing of it is kept. `fields` names the line."""

    code: ClassVar[str] = "repayment.claim_decisions_refused"


@dataclass(frozen=True, slots=True)
class Decision:
    """What the funder says of a claim; `amount`, where given, must be what is claimed (major units)."""

    number: str
    is_confirmed: bool
    reason: str = ""
    amount: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Decided:
    """What came of a list: `unchanged` had been decided like that before."""

    confirmed: int
    declined: int
    unchanged: int


@transaction.atomic
def decide_claim(*, claim_id: int, is_confirmed: bool, reason: str, actor: Actor, at: datetime) -> Claim:
    """Confirm or decline a claim. Raises ClaimNotFound, ClaimInState when it is decided already, DecisionsRefused."""
    found = locked([claim_id])
    if not found:
        raise claim_not_found()
    _decide(found[0], Decision(found[0].number, is_confirmed, reason), actor=actor, at=at)
    return found[0]


@transaction.atomic
def decide_claims(
    *, decisions: Sequence[Decision], portfolios: frozenset[str] | None, actor: Actor, at: datetime
) -> Decided:
    """Take a list in whole or not at all. Raises DecisionsRefused with the line at fault, ClaimInState.

    What is decided like that already stays; the same list twice changes nothing. `portfolios` are those the person
    works on, None all of them.
    """
    lines = {decision.number: line for line, decision in enumerate(decisions, start=1)}
    if len(lines) < len(decisions):
        raise _refused(_("A claim stands in the list twice."))
    rows = Claim.objects.filter(number__in=lines)
    if portfolios is not None:
        rows = rows.filter(loan__portfolio__in=portfolios)
    visible = dict(rows.values_list("number", "pk"))
    for number, line in lines.items():
        if number not in visible:
            raise _refused(_("Line %(line)s: there is no claim %(number)s.") % {"line": line, "number": number}, line)
    claims = {claim.number: claim for claim in locked(visible.values())}
    counts = {CONFIRM: 0, DECLINE: 0, "": 0}
    for line, decision in enumerate(decisions, start=1):
        claim = claims[decision.number]
        if decision.amount is not None and decision.amount != claim.amount:
            raise _refused(
                _("Line %(line)s: claim %(number)s is over %(amount)s.")
                % {"line": line, "number": claim.number, "amount": claim.amount},
                line,
            )
        if _is_decided_so(claim, decision):
            counts[""] += 1
            continue
        _decide(claim, decision, actor=actor, at=at)
        counts[CONFIRM if decision.is_confirmed else DECLINE] += 1
    return Decided(confirmed=counts[CONFIRM], declined=counts[DECLINE], unchanged=counts[""])


def read_decisions(content: BinaryIO) -> list[Decision]:
    """The decisions of a CSV file in UTF-8: claim, decision, amount, reason. Raises DecisionsRefused with the line."""
    raw = content.read(MOST_BYTES + 1)
    if len(raw) > MOST_BYTES:
        raise _refused(_("The file is too large for a list of claims."))
    try:
        rows = list(csv.reader(io.StringIO(raw.decode("utf-8-sig")), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise _refused(_("The file is no CSV in UTF-8.")) from error
    if not rows or tuple(rows[0]) != HEADER:
        raise _refused(_("Line 1: the columns must be %(columns)s.") % {"columns": ",".join(HEADER)}, 1)
    if len(rows) == 1 or len(rows) > MOST_LINES + 1:
        raise _refused(_("The file has no decision in it, or too many."))
    return [_read_line(row, line) for line, row in enumerate(rows[1:], start=2)]


def _read_line(row: Sequence[str], line: int) -> Decision:
    if len(row) != len(HEADER):
        raise _refused(_("Line %(line)s has not four columns.") % {"line": line}, line)
    number, decision, amount, reason = (cell.strip() for cell in row)
    if decision not in {CONFIRM, DECLINE}:
        raise _refused(_("Line %(line)s: the decision must be confirm or decline.") % {"line": line}, line)
    try:
        claimed = Decimal(amount)
    except InvalidOperation as error:
        raise _refused(_("Line %(line)s: the amount cannot be read.") % {"line": line}, line) from error
    return Decision(number, decision == CONFIRM, reason[:300], claimed)


def _decide(claim: Claim, decision: Decision, *, actor: Actor, at: datetime) -> None:
    if claim.state != ClaimState.CANDIDATE:
        raise in_state(claim)
    if decision.is_confirmed:
        claim.confirmed_by, claim.confirmed_by_name = actor.id, actor.name
        move(claim, to=ClaimState.CONFIRMED, cause="confirmed", actor=actor, at=at, reason=decision.reason)
        return
    if not decision.reason.strip():
        raise _refused(_("Say why claim %(number)s is declined.") % {"number": claim.number})
    move(
        claim,
        to=ClaimState.DROPPED,
        cause="declined",
        because=DroppedBecause.DECLINED,
        actor=actor,
        at=at,
        reason=decision.reason,
    )


def _is_decided_so(claim: Claim, decision: Decision) -> bool:
    if decision.is_confirmed:
        return claim.state == ClaimState.CONFIRMED
    return claim.state == ClaimState.DROPPED and claim.dropped_reason is DroppedBecause.DECLINED


def _refused(said: str, line: int | None = None) -> DecisionsRefused:
    return DecisionsRefused(
        said,
        next_step=_("Nothing of the list was kept. Correct it and send it whole."),
        fields={"file": str(line)} if line else {},
    )
