"""The close of the day before lists what guarantors have to pay for: once, within the cap of each rule.

What the cap has no room for is kept as dropped, and listed by a later close as soon as there is room. So is what was
dropped as paid and is owed again, because the payment was taken back.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from django.db import transaction

from backoffice.audit import services as audit
from backoffice.core.actors import SYSTEM
from backoffice.repayment.domain.autopay.claim_states import LISTED_AGAIN, ClaimState, DroppedBecause, RuleState
from backoffice.repayment.domain.autopay.claims import Found, candidates, within_cap
from backoffice.repayment.domain.autopay.order_numbers import claim_number
from backoffice.repayment.models import Claim, ClaimMove, ClaimRule
from backoffice.repayment.selectors.autopay.claims import bills_claimed, cap_of_rule, loans_to_claim
from backoffice.repayment.selectors.states import LoadedLoan, load_loans
from backoffice.repayment.services.autopay.claim_moving import history_of

LOANS_AT_ONCE: Final = 2_000
RULE: Final = "repayment.claim_rule"


@dataclass(frozen=True, slots=True)
class Listed:
    """What listing a rule did: claims listed, and those its cap has no room for."""

    listed: int = 0
    beyond_cap: int = 0


@transaction.atomic
def list_claims(*, rule_id: int, day: date, at: datetime) -> Listed:
    """List what a rule claims on `day`, the day after the one that is closed. A second time adds what came since."""
    rule = ClaimRule.objects.select_for_update(no_key=True).select_related("guarantor").get(pk=rule_id)
    if rule.state != RuleState.APPROVED:
        return Listed()
    fresh = list(_fresh(rule, day=day))
    known = {claim.number: claim for claim in Claim.objects.filter(number__in=[claim.number for claim in fresh])}
    # What was declined or is listed already stays as it is; what the cap had no room for, or is owed again, is tried.
    due = [claim for claim in fresh if claim.number not in known or _waits(known[claim.number])]
    due.sort(key=lambda claim: (claim.day, claim.loan_id, claim.installment_number or 0))
    fits = within_cap([claim.amount for claim in due], room=cap_of_rule(rule).room)
    listed = [claim for claim, is_in in zip(due, fits, strict=True) if is_in]
    beyond = [claim for claim, is_in in zip(due, fits, strict=True) if not is_in and claim.number not in known]
    for claim in beyond:
        claim.state, claim.dropped_because = ClaimState.DROPPED.value, DroppedBecause.CAP.value
    _write_new([claim for claim in listed if claim.number not in known] + beyond, at=at)
    _list_again([(known[claim.number], claim) for claim in listed if claim.number in known], day=day, at=at)
    if listed or beyond:
        audit.record(
            verb="repayment.claims.listed",
            subject_type=RULE,
            subject_id=rule.pk,
            actor=SYSTEM,
            after={"day": str(day), "claims": len(listed), "beyond_cap": len(beyond)},
        )
    return Listed(listed=len(listed), beyond_cap=len(due) - len(listed))


def _fresh(rule: ClaimRule, *, day: date) -> Iterator[Claim]:
    """What the rule claims as of the day, as rows that are not saved."""
    due = loans_to_claim(rule=rule, day=day)
    for start in range(0, len(due), LOANS_AT_ONCE):
        loan_ids = due[start : start + LOANS_AT_ONCE]
        claimed = bills_claimed(loan_ids=loan_ids)
        loans = load_loans(loan_ids=loan_ids, business_date=day, lock=False)
        for loan_id in loan_ids:
            loan = loans[loan_id]
            for found in candidates(loan.state, day=day, terms=rule.terms, claimed=claimed.get(loan_id, ())):
                yield _claim(rule, loan, found)


def _claim(rule: ClaimRule, loan: LoadedLoan, found: Found) -> Claim:
    number = found.bill.number if found.bill else None
    version = found.bill.from_version if found.bill else loan.state.version
    return Claim(
        number=claim_number(rule_id=rule.pk, loan_id=loan.id, bill_number=number or 0, version=version, day=found.day),
        rule=rule,
        guarantor=rule.guarantor,
        loan_id=loan.id,
        installment_number=number,
        plan_version=version,
        due_date=found.due_date,
        day=found.day,
        currency=loan.currency,
        principal=found.amounts.principal,
        interest=found.amounts.interest,
        penalty=found.amounts.penalty,
        amount=found.amounts.total,
    )


def _waits(claim: Claim) -> bool:
    return claim.state == ClaimState.DROPPED and claim.dropped_reason in LISTED_AGAIN


def _write_new(claims: Sequence[Claim], *, at: datetime) -> None:
    _note_all(((claim, None) for claim in Claim.objects.bulk_create(claims, batch_size=LOANS_AT_ONCE)), at=at)


def _list_again(pairs: Sequence[tuple[Claim, Claim]], *, day: date, at: datetime) -> None:
    """What waited for room, with what is owed by now; what had been paid counts anew from the day, with its cut-off."""
    for old, new in pairs:
        if old.dropped_reason is DroppedBecause.PAID:
            old.day = day
        old.confirmed_by, old.confirmed_by_name, old.reason = None, "", ""
        old.state, old.dropped_because = ClaimState.CANDIDATE.value, ""
        old.principal, old.interest, old.penalty, old.amount = new.principal, new.interest, new.penalty, new.amount
    Claim.objects.bulk_update(
        [old for old, _new in pairs],
        [
            "state", "dropped_because", "reason", "confirmed_by", "confirmed_by_name", "day", "principal", "interest",
            "penalty", "amount",
        ],
    )  # fmt: skip
    _note_all(((old, ClaimState.DROPPED) for old, _new in pairs), at=at)


def _note_all(claims: Iterable[tuple[Claim, ClaimState | None]], *, at: datetime) -> None:
    ClaimMove.objects.bulk_create(
        (
            ClaimMove(**history_of(claim, before=before, cause=_cause(claim), actor=SYSTEM, at=at))
            for claim, before in claims
        ),
        batch_size=LOANS_AT_ONCE,
    )


def _cause(claim: Claim) -> str:
    return "beyond_cap" if claim.state == ClaimState.DROPPED else "listed"
