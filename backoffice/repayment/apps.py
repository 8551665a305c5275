from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from backoffice.core import trail
from backoffice.repayment.words import WORDS


class RepaymentConfig(AppConfig):
    """Loans, their schedules, the ledger and what is done to them."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "backoffice.repayment"
    label = "repayment"

    def ready(self) -> None:
        """Names this app's verbs, and which rows follow a borrower when two records of one person become one."""
        from backoffice.customers.services.merging import OwnedTable, declare
        from backoffice.repayment.console.naming import register_names

        trail.describe(WORDS)
        register_names()
        declare(
            [
                OwnedTable("repayment_loan", holds_loans=True, label=_("loans")),
                OwnedTable("repayment_installment", label=_("installments")),
                OwnedTable("repayment_mandate", label=_("mandates")),
                OwnedTable("repayment_debitbill"),
                OwnedTable("repayment_debitcommand", label=_("debits")),
                OwnedTable("repayment_paylink"),
            ]
        )
