"""The five things a borrower can owe, and the accounts of the ledger they move between.

A component is what carries a payee: the lender's service fee and the guarantor's fee are two components, so that
allocation, splits to payees and the ledger need no further dimension.
"""

from typing import Literal

from backoffice.core.words import Phrase, phrase

Component = Literal["principal", "interest", "fee", "guarantee_fee", "penalty"]

PRINCIPAL: Component = "principal"
INTEREST: Component = "interest"
FEE: Component = "fee"
GUARANTEE_FEE: Component = "guarantee_fee"
PENALTY: Component = "penalty"

COMPONENTS: tuple[Component, ...] = (PRINCIPAL, INTEREST, FEE, GUARANTEE_FEE, PENALTY)
COMPONENT_WORDS: dict[str, Phrase] = {
    PRINCIPAL: phrase("principal"),
    INTEREST: phrase("interest"),
    FEE: phrase("fee"),
    GUARANTEE_FEE: phrase("guarantee fee"),
    PENALTY: phrase("penalty"),
}
SCHEDULED: tuple[Component, ...] = (PRINCIPAL, INTEREST, FEE, GUARANTEE_FEE)

Account = Literal[
    "cash",
    "principal_receivable",
    "interest_receivable",
    "fee_receivable",
    "guarantee_fee_receivable",
    "penalty_receivable",
    "unearned_interest",
    "unearned_fee",
    "guarantee_fee_payable",
    "penalty_income",
    "suspense",
    "concession_expense",
    "write_off_expense",
    "charged_off_receivable",
    "creditor_settlement",
]

RECEIVABLE: dict[Component, Account] = {
    PRINCIPAL: "principal_receivable",
    INTEREST: "interest_receivable",
    FEE: "fee_receivable",
    GUARANTEE_FEE: "guarantee_fee_receivable",
    PENALTY: "penalty_receivable",
}

# Where a charge is credited when it is put on the schedule; principal is credited to cash when it is paid out.
CHARGED_FROM: dict[Component, Account] = {
    PRINCIPAL: "cash",
    INTEREST: "unearned_interest",
    FEE: "unearned_fee",
    GUARANTEE_FEE: "guarantee_fee_payable",
    PENALTY: "penalty_income",
}
