from backoffice.repayment.models.autopay.claims import Claim, ClaimMove, ClaimReturn, ClaimRule
from backoffice.repayment.models.autopay.configurations import (
    AutopayConfiguration,
    AutopayVersion,
    CanaryLoan,
    SimulatedBill,
    Simulation,
)
from backoffice.repayment.models.autopay.debits import (
    AutopaySwitch,
    Breaker,
    DebitBatch,
    DebitBill,
    DebitCommand,
    DebitMove,
    DebitStop,
    RailNotice,
    SplitLine,
)
from backoffice.repayment.models.autopay.mandates import Mandate, MandateMove
from backoffice.repayment.models.autopay.pay_links import PayLink
from backoffice.repayment.models.autopay.rail_files import BankFile, CollectionFile
from backoffice.repayment.models.autopay.rails import BankLimit, Payee, Rail
from backoffice.repayment.models.autopay.reconciliation import (
    Difference,
    ReconciledDay,
    SettlementFile,
    SettlementLine,
)
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
    "AutopayConfiguration",
    "AutopaySwitch",
    "AutopayVersion",
    "BankFile",
    "BankLimit",
    "Breaker",
    "BucketMove",
    "CanaryLoan",
    "Claim",
    "ClaimMove",
    "ClaimReturn",
    "ClaimRule",
    "CollectionFile",
    "DebitBatch",
    "DebitBill",
    "DebitCommand",
    "DebitMove",
    "DebitStop",
    "Difference",
    "ImportRun",
    "ImportedLoan",
    "Installment",
    "Loan",
    "LoanTerms",
    "Mandate",
    "MandateMove",
    "MonthEnd",
    "Operation",
    "PayLink",
    "Payee",
    "PaymentFile",
    "PaymentFileLane",
    "PaymentFileLine",
    "Product",
    "ProductVersion",
    "Rail",
    "RailNotice",
    "ReconciledDay",
    "RejectedRow",
    "ReportedStatus",
    "ScheduleVersion",
    "SettlementFile",
    "SettlementLine",
    "SimulatedBill",
    "Simulation",
    "SplitLine",
    "Transfer",
]
