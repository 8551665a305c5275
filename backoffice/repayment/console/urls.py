"""Addresses of the pages of repayment."""

from django.urls import path

from backoffice.repayment.console import files, imports, loans, payments, product_verbs, products, verbs

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
    path("imports/", imports.imports, name="imports"),
    path("imports/send/", imports.send_tape, name="send_tape"),
    path("imports/<int:run_id>/", imports.import_run, name="import"),
    path("imports/<int:run_id>/progress/", imports.progress, name="import_progress"),
    path("imports/<int:run_id>/report.csv", imports.report, name="import_report"),
    path("imports/<int:run_id>/load/", imports.LoadImport.as_view(), name="load_import"),
    path("imports/<int:run_id>/again/", imports.CheckAgain.as_view(), name="check_import_again"),
    path("imports/<int:run_id>/discard/", imports.DiscardImport.as_view(), name="discard_import"),
    path("products/", products.products, name="products"),
    path("products/new/", products.new_product, name="new_product"),
    path("products/<int:product_id>/", products.product, name="product"),
    path("products/<int:product_id>/draft/", products.draft, name="draft_version"),
    path("products/versions/<int:version_id>/", products.version, name="product_version"),
    path("products/versions/<int:version_id>/edit/", products.edit, name="edit_version"),
    path("products/versions/<int:version_id>/submit/", product_verbs.SubmitVersion.as_view(), name="submit_version"),
    path("products/versions/<int:version_id>/take-back/", product_verbs.TakeBack.as_view(), name="take_back_version"),
    path("products/versions/<int:version_id>/discard/", product_verbs.DiscardDraft.as_view(), name="discard_version"),
    path("products/versions/<int:version_id>/retire/", product_verbs.RetireVersion.as_view(), name="retire_version"),
]
