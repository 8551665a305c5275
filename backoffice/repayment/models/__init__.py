from backoffice.repayment.models.imports import ImportedLoan, ImportRun, RejectedRow, ReportedStatus
from backoffice.repayment.models.ledger import BucketMove, MonthEnd, Operation, Transfer
from backoffice.repayment.models.loans import (
    Installment,
    Loan,
    LoanTerms,
    ScheduleVersion,
)
from backoffice.repayment.models.payment_files import PaymentFile, PaymentFileLane, PaymentFileLine
from backoffice.repayment.models.products import Product, ProductVersion

__all__ = [
    "BucketMove",
    "ImportRun",
    "ImportedLoan",
    "Installment",
    "Loan",
    "LoanTerms",
    "MonthEnd",
    "Operation",
    "PaymentFile",
    "PaymentFileLane",
    "PaymentFileLine",
    "Product",
    "ProductVersion",
    "RejectedRow",
    "ReportedStatus",
    "ScheduleVersion",
    "Transfer",
]
