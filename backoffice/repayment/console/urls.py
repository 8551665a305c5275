"""Addresses of the pages of repayment."""

from django.urls import path

from backoffice.repayment.console import files, loans, payments, verbs

app_name = "repayment"

urlpatterns = [
    path("loans/", loans.loans, name="loans"),
    path("loans/<int:loan_id>/", loans.loan, name="loan"),
    path("loans/<int:loan_id>/explain/", loans.explain, name="explain"),
    path("loans/<int:loan_id>/versions/", loans.versions, name="versions"),
    path("loans/<int:loan_id>/ledger/", loans.ledger, name="ledger"),
    path("loans/<int:loan_id>/pay/", verbs.PostPayment.as_view(), name="post_payment"),
    path("loans/<int:loan_id>/payoff/", verbs.PayOff.as_view(), name="pay_off"),
    path("loans/<int:loan_id>/waive/", verbs.Waive.as_view(), name="waive"),
    path("loans/<int:loan_id>/refund/", verbs.Refund.as_view(), name="refund"),
    path("loans/<int:loan_id>/charge-off/", verbs.ChargeOff.as_view(), name="charge_off"),
    path("loans/<int:loan_id>/write-off/", verbs.WriteOff.as_view(), name="write_off"),
    path("loans/<int:loan_id>/creditor/", verbs.ChangeCreditor.as_view(), name="change_creditor"),
    path("operations/<int:operation_id>/take-back/", verbs.Reverse.as_view(), name="reverse"),
    path("payments/", payments.payments, name="payments"),
    path("payment-files/", files.payment_files, name="payment_files"),
    path("payment-files/send/", files.send_file, name="send_file"),
    path("payment-files/<int:file_id>/", files.payment_file, name="payment_file"),
    path("payment-files/<int:file_id>/progress/", files.progress, name="payment_file_progress"),
    path("payment-files/<int:file_id>/refused.csv", files.refused_lines, name="refused_lines"),
]
