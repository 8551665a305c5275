"""What is claimed of guarantors: loans to look at, pools and caps, lists by day, rates by guarantor."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from backoffice.core.bulk import fetch
from backoffice.core.money import ZERO
from backoffice.repayment.domain.autopay.claim_states import STANDING, ClaimState, RuleState
from backoffice.repayment.domain.autopay.claims import ClaimKind, cap_of, rate_of
from backoffice.repayment.models import Claim, ClaimRule, Payee
from backoffice.repayment.selectors.verification import statement

POOL: Final = """
SELECT coalesce(sum(loan.principal), 0)
FROM repayment_loan loan LEFT JOIN repayment_productversion version ON version.id = loan.product_version_id
WHERE loan.portfolio = %(portfolio)s AND loan.currency = %(currency)s
  AND (%(product)s = 0 OR version.product_id = %(product)s)
  AND (loan.creditor = %(funder)s OR EXISTS (
      SELECT 1 FROM repayment_claim claim
      WHERE claim.loan_id = loan.id AND claim.rule_id = %(rule)s AND claim.state IN ('transferred', 'matched')))
"""
USED: Final = """
SELECT coalesce(sum(claim.amount - coalesce(overpaid.amount, 0)), 0)
FROM repayment_claim claim LEFT JOIN repayment_claimreturn overpaid ON overpaid.claim_id = claim.id
WHERE claim.rule_id = %s AND claim.state <> 'dropped'
"""
# What borrowers paid since, of what is claimed: on the bill, or on any bill of the loan; never more than the claim.
RECOVERED: Final = """
SELECT claim.id, least(coalesce(sum(CASE WHEN moved.debit = 'cash' THEN moved.amount ELSE -moved.amount END), 0),
                       claim.amount - coalesce(max(overpaid.amount), 0))
FROM repayment_claim claim
LEFT JOIN repayment_claimreturn overpaid ON overpaid.claim_id = claim.id
LEFT JOIN repayment_transfer moved ON moved.loan_id = claim.loan_id AND moved.operation_id > claim.booked_through
  AND (moved.debit = 'cash' OR moved.credit = 'cash')
  AND (moved.component IN ('principal', 'interest') OR (moved.component = 'penalty' AND claim.penalty > 0))
  AND (claim.installment_number IS NULL OR moved.installment_number = claim.installment_number)
WHERE claim.state IN ('transferred', 'matched') AND (%(claims)s::bigint[] IS NULL OR claim.id = ANY(%(claims)s))
GROUP BY claim.id
"""
LISTS: Final = """
SELECT claim.rule_id, claim.day, claim.currency, count(*), sum(claim.amount),
       count(*) FILTER (WHERE claim.state = 'candidate'), count(*) FILTER (WHERE claim.state = 'confirmed'),
       count(*) FILTER (WHERE claim.state IN ('transferred', 'matched')),
       count(*) FILTER (WHERE claim.state = 'dropped')
FROM repayment_claim claim JOIN repayment_loan loan ON loan.id = claim.loan_id
WHERE %(portfolios)s::text[] IS NULL OR loan.portfolio = ANY(%(portfolios)s)
GROUP BY 1, 2, 3 ORDER BY 2 DESC, 1 LIMIT 30
"""


@dataclass(frozen=True, slots=True)
class Cap:
    """A rule's pool, what all its claims may come to, and what they do; major units."""

    pool: Decimal
    limit: Decimal
    used: Decimal

    @property
    def room(self) -> Decimal:
        """What may still be claimed."""
        return max(ZERO, self.limit - self.used)

    @property
    def rate(self) -> Decimal | None:
        """The cumulative 代偿率 of the rule (1 = 100 %)."""
        return rate_of(self.used, whole=self.pool)


@dataclass(frozen=True, slots=True)
class ClaimList:
    """The claims of one rule on one day."""

    rule: ClaimRule
    day: date
    currency: str
    count: int
    amount: Decimal
    candidates: int
    confirmed: int
    transferred: int
    dropped: int


@dataclass(frozen=True, slots=True)
class GuarantorRates:
    """What a guarantor has paid in one currency: `amount` less what it got back, and what borrowers paid since."""

    guarantor: Payee
    currency: str
    claims: int
    amount: Decimal
    recovered: Decimal
    pool: Decimal
    to_give_back: Decimal

    @property
    def claim_rate(self) -> Decimal | None:
        """The cumulative 代偿率 (1 = 100 %)."""
        return rate_of(self.amount, whole=self.pool)

    @property
    def recovery_rate(self) -> Decimal | None:
        """The 追回率 (1 = 100 %)."""
        return rate_of(self.recovered, whole=self.amount)


def rules_listing(*, day: date) -> list[int]:
    """The rules that may claim something on a day, those of whole loans first; a rule that ended looks back no more."""
    rows = ClaimRule.objects.filter(state=RuleState.APPROVED.value, effective_from__lte=day)
    found = rows.values_list("kind", "pk")
    return [pk for kind, pk in sorted(found, key=lambda row: (row[0] != ClaimKind.WHOLE_LOAN, row[1]))]


def loans_to_claim(*, rule: ClaimRule, day: date) -> list[int]:
    """Ids of loans of which the rule may claim something on the day, in order; one query."""
    terms = rule.terms
    last = day if rule.effective_to is None else min(day, rule.effective_to - timedelta(days=1))
    reach = timedelta(days=terms.trigger_dpd)
    params = _scope(rule) | {
        "is_whole": terms.kind is ClaimKind.WHOLE_LOAN,
        "first_due": rule.effective_from - reach,
        "last_due": last - reach,
    }
    return [row[0] for row in fetch(statement("claim_candidates.sql"), params)]


def bills_claimed(*, loan_ids: Collection[int], besides: int | None = None) -> dict[int, set[int]]:
    """By loan, the numbers of bills a claim stands for; `besides` leaves one claim out."""
    rows = Claim.objects.filter(
        loan_id__in=loan_ids, installment_number__isnull=False, state__in=[state.value for state in STANDING]
    )
    found: dict[int, set[int]] = {}
    for pk, loan_id, number in rows.values_list("pk", "loan_id", "installment_number"):
        if number is not None and pk != besides:
            found.setdefault(loan_id, set()).add(number)
    return found


def cap_of_rule(rule: ClaimRule) -> Cap:
    """How much of a rule's cap is used; two queries."""
    pool: Decimal = fetch(POOL, _scope(rule) | {"rule": rule.pk})[0][0]
    used: Decimal = fetch(USED, [rule.pk])[0][0]
    return Cap(pool=pool, limit=cap_of(pool=pool, cap_share=rule.cap_share, currency=rule.currency), used=used)


def lists_of(*, portfolios: frozenset[str] | None) -> list[ClaimList]:
    """The latest lists by rule and day; two queries. `portfolios` None: all."""
    rows = fetch(LISTS, {"portfolios": None if portfolios is None else sorted(portfolios)})
    rules = ClaimRule.objects.select_related("guarantor").in_bulk({row[0] for row in rows})
    return [ClaimList(rules[row[0]], *row[1:]) for row in rows]


def recovered_of(*, claim_ids: Collection[int] | None = None) -> dict[int, Decimal]:
    """By claim, what the borrower paid since the guarantor did (major units), never more than the claim."""
    claims = None if claim_ids is None else sorted(claim_ids)
    return dict(fetch(RECOVERED, {"claims": claims}))


def rates_by_guarantor(*, portfolios: frozenset[str] | None) -> list[GuarantorRates]:
    """Cumulative 代偿率 and 追回率 by guarantor and currency."""
    claims = Claim.objects.filter(state__in=[ClaimState.TRANSFERRED.value, ClaimState.MATCHED.value])
    rules = ClaimRule.objects.exclude(state__in=[RuleState.DRAFT.value, RuleState.SUBMITTED.value])
    if portfolios is not None:
        claims, rules = claims.filter(loan__portfolio__in=portfolios), rules.filter(portfolio__in=portfolios)
    sums: dict[tuple[int, str], list[Any]] = {}
    recovered = recovered_of(claim_ids=claims.values_list("pk", flat=True))
    facts = claims.values_list("pk", "guarantor_id", "currency", "amount", "overpaid__amount", "overpaid__state")
    pools = _pools(list(rules))
    for key in pools:
        sums[key] = [0, ZERO, ZERO, ZERO]
    for pk, guarantor, currency, amount, back, back_state in facts:
        row = sums.setdefault((guarantor, currency), [0, ZERO, ZERO, ZERO])
        row[0] += 1
        row[1] += amount - (back or ZERO)
        row[2] += recovered.get(pk, ZERO)
        row[3] += back if back and back_state == "owed" else ZERO
    payees = Payee.objects.in_bulk({guarantor for guarantor, _currency in sums})
    return [
        GuarantorRates(
            payees[guarantor], currency, row[0], row[1], row[2], pools.get((guarantor, currency), ZERO), row[3]
        )
        for (guarantor, currency), row in sorted(sums.items(), key=lambda item: (payees[item[0][0]].name, item[0][1]))
    ]


def _pools(rules: list[ClaimRule]) -> dict[tuple[int, str], Decimal]:
    """What the pools of each guarantor were lent; a pool several rules share is counted once."""
    found: dict[tuple[int, str], Decimal] = {}
    seen: set[tuple[Any, ...]] = set()
    for rule in rules:
        pool = (rule.guarantor_id, rule.portfolio, rule.product_id, rule.funder, rule.currency)
        if pool in seen:
            continue
        seen.add(pool)
        key = (rule.guarantor_id, rule.currency)
        found[key] = found.get(key, ZERO) + cap_of_rule(rule).pool
    return found


def _scope(rule: ClaimRule) -> dict[str, Any]:
    return {
        "portfolio": rule.portfolio,
        "product": rule.product_id or 0,
        "funder": rule.funder,
        "currency": rule.currency,
    }
