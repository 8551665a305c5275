"""The guards of who is paid: each part of a debit goes to whom the loans, the terms and the contracts give it.

Whose money it is, is never read from the version: the creditor stands on the loans, the guarantor in the terms, and
what a contract gives a payee of a component on the payee (`Payee.contract_shares`).
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from backoffice.core.words import Phrase, phrase
from backoffice.repayment.domain.autopay.configuration import share_of
from backoffice.repayment.domain.autopay.guards import Finding, Guard, Severity
from backoffice.repayment.domain.components import GUARANTEE_FEE, INTEREST, PENALTY, PRINCIPAL
from backoffice.repayment.domain.json_form import plain
from backoffice.repayment.models import Loan, Payee
from backoffice.repayment.models.autopay.configurations import AutopayConfiguration
from backoffice.repayment.selectors.autopay.configurations import loans_of
from backoffice.repayment.services.autopay.guard_subject import Checked

PRINCIPAL_KINDS: Final = frozenset({Payee.Kind.FUNDER, Payee.Kind.LENDER})
KEEPER_KINDS: Final = frozenset({Payee.Kind.LENDER, Payee.Kind.PLATFORM})
YIELDS: Final[dict[str, Phrase]] = {INTEREST: phrase("Interest"), PENALTY: phrase("Penalty")}
"""What the loans bring their creditor beyond the principal."""


def payees_are_active(subject: Checked) -> Iterator[Finding]:
    """Every payee named is there and still paid."""
    named = [(f"payees.{part}", share.payee) for part, shares in subject.content.payees.items() for share in shares]
    for field, code in [*named, ("keeper", subject.content.keeper)]:
        payee = subject.payees.get(code)
        if payee is None:
            yield Finding(Guard.PAYEES, field, phrase("There is no payee “%(payee)s”.", payee=code))
        elif not payee.is_active:
            yield Finding(Guard.PAYEES, field, phrase("%(payee)s is not paid any more.", payee=payee.name))


def money_goes_where_it_belongs(subject: Checked) -> Iterator[Finding]:
    """Principal to who funds the loans, guarantee fees to guarantors, what is held to the lender or platform."""
    configuration = subject.configuration
    if configuration.funder and not loans_of(configuration).exists():
        yield Finding(
            Guard.FUNDER,
            "funder",
            phrase(
                "No loan of this portfolio and product has the funder “%(funder)s” as its creditor.",
                funder=configuration.funder,
            ),
        )
    for payee in subject.paid(PRINCIPAL):
        words = _wrong_for_principal(subject, payee)
        if words is not None:
            yield Finding(Guard.FUNDER, "payees.principal", words)
    for component in YIELDS:
        yield from _wrong_for_yield(subject, component)
    for payee in subject.paid(GUARANTEE_FEE):
        if payee.kind != Payee.Kind.GUARANTOR:
            words = phrase("Guarantee fees would go to %(payee)s, who is no guarantor.", payee=payee.name)
            yield Finding(Guard.FUNDER, "payees.guarantee_fee", words)
    keeper = subject.payees.get(subject.content.keeper)
    if keeper is not None and keeper.kind not in KEEPER_KINDS:
        words = phrase(
            "%(payee)s is neither lender nor platform and cannot keep money of borrowers.", payee=keeper.name
        )
        yield Finding(Guard.FUNDER, "keeper", words)
    yield from _guarantors_of_the_terms(subject)


def shares_are_those_of_the_contracts(subject: Checked) -> Iterator[Finding]:
    """Where it is written down what a payee's contract gives it of a component, the version gives just that."""
    for component, shares in subject.content.payees.items():
        for share in shares:
            payee = subject.payees.get(share.payee)
            agreed = share_of(payee.contract_shares.get(component)) if payee else None
            if payee is not None and agreed is not None and agreed != share.share:
                words = phrase(
                    "%(payee)s would get %(share)s; its contract says %(agreed)s.",
                    payee=payee.name,
                    share=_percent(share.share),
                    agreed=_percent(agreed),
                )
                yield Finding(Guard.CONTRACTS, f"payees.{component}", words)


def _percent(share: Decimal) -> str:
    return f"{plain(share * 100)} %"


def _wrong_for_principal(subject: Checked, payee: Payee) -> Phrase | None:
    funder = subject.configuration.funder
    if funder and payee.creditor != funder:
        return phrase(
            "The principal would go to %(payee)s, and not to the funder “%(funder)s”.", payee=payee.name, funder=funder
        )
    if funder:
        return None
    if payee.kind not in PRINCIPAL_KINDS:
        return phrase("The principal would go to %(payee)s, who is neither funder nor lender.", payee=payee.name)
    if payee.kind == Payee.Kind.FUNDER and not payee.creditor:
        return phrase(
            "The principal would go to %(payee)s, and nothing says of which loans it is the creditor.", payee=payee.name
        )
    strange = _loan_of_another(subject, payee)
    if strange is None:
        return None
    return phrase(
        "Loans of the creditor “%(creditor)s” would pay their principal to %(payee)s.",
        creditor=strange,
        payee=payee.name,
    )


def _wrong_for_yield(subject: Checked, component: str) -> Iterator[Finding]:
    """Interest and penalty are the creditor's, the lender's or the platform's; anybody else's by contract alone."""
    paid, field = subject.paid(component), f"payees.{component}"
    for payee in paid:
        if payee.kind in KEEPER_KINDS or share_of(payee.contract_shares.get(component)) is not None:
            continue
        if payee.kind == Payee.Kind.FUNDER and payee.creditor and _funds_these(subject, payee):
            continue
        words = phrase(
            "%(part)s would go to %(payee)s, who does not fund these loans; no contract share says that it is due any.",
            part=YIELDS[component],
            payee=payee.name,
        )
        yield Finding(Guard.FUNDER, field, words)
    codes = {payee.code for payee in paid}
    for payee in subject.paid(PRINCIPAL):
        if payee.kind == Payee.Kind.FUNDER and codes and payee.code not in codes:
            words = phrase(
                "%(payee)s gets the principal and none of this: %(part)s.", part=YIELDS[component], payee=payee.name
            )
            yield Finding(Guard.FUNDER, field, words, Severity.WARN)


def _funds_these(subject: Checked, payee: Payee) -> bool:
    funder = subject.configuration.funder
    return payee.creditor == funder if funder else _loan_of_another(subject, payee) is None


def _loan_of_another(subject: Checked, payee: Payee) -> str | None:
    """A creditor, other than the payee, of a loan the version would rule: a configuration of its own takes none."""
    if not payee.creditor:
        return None
    own = AutopayConfiguration.objects.filter(portfolio=subject.configuration.portfolio).exclude(funder="")
    others = (
        loans_of(subject.configuration)
        .exclude(creditor=payee.creditor)
        .exclude(creditor__in=own.values("funder"))
        .exclude(status=Loan.Status.CLOSED)
    )
    found: str | None = others.order_by("creditor").values_list("creditor", flat=True).distinct().first()
    return found


def _guarantors_of_the_terms(subject: Checked) -> Iterator[Finding]:
    named = {rule.payee for terms in subject.terms for rule in terms.fees if rule.component == GUARANTEE_FEE}
    paid = {name for payee in subject.paid(GUARANTEE_FEE) for name in (payee.code, payee.name, payee.creditor)}
    for name in sorted(named - paid):
        words = phrase("The terms name “%(payee)s” for guarantee fees, the payees do not.", payee=name)
        yield Finding(Guard.FUNDER, "payees.guarantee_fee", words, Severity.WARN)
