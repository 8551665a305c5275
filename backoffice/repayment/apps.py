from django.apps import AppConfig


class RepaymentConfig(AppConfig):
    """Loans, their schedules, the ledger and what is done to them."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "backoffice.repayment"
    label = "repayment"

    def ready(self) -> None:
        """Declare which rows follow a borrower when two records of one person become one."""
        from backoffice.customers.services.merging import OwnedTable, declare

        declare([OwnedTable("repayment_loan", holds_loans=True), OwnedTable("repayment_installment")])
