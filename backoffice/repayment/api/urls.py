"""Addresses below /api/v1/repayment/."""

from django.urls import path

from backoffice.repayment.api import bulk_holds, campaigns, files, imports, loans, products, reminders, verbs
from backoffice.repayment.api.autopay import (
    claim_urls,
    configuration_urls,
    debit_urls,
    mandate_urls,
    reconciliation_urls,
)
from backoffice.repayment.api.quotes import QuotesView

app_name = "repayment-api"

_plan = "reminder-plans/<int:plan_id>/"
_version = "reminder-plan-versions/<int:version_id>/"
_campaign = "campaigns/<int:campaign_id>/"

urlpatterns = [
    path("quotes/", QuotesView.as_view(), name="quotes"),
    path("loans/", loans.LoansView.as_view(), name="loans"),
    path("loans/<int:loan_id>/", loans.LoanOnADayView.as_view(), name="loan"),
    path("loans/<int:loan_id>/explanation/", loans.ExplanationView.as_view(), name="explanation"),
    path("loans/<int:loan_id>/schedule-versions/", loans.ScheduleVersionsView.as_view(), name="schedule-versions"),
    path("loans/<int:loan_id>/transfers/", loans.TransfersView.as_view(), name="transfers"),
    path("loans/<int:loan_id>/operations/", loans.OperationsView.as_view(), name="operations"),
    path("loans/<int:loan_id>/bucket-moves/", loans.BucketMovesView.as_view(), name="bucket-moves"),
    path("loans/<int:loan_id>/payoff-quote/", loans.PayoffQuoteView.as_view(), name="payoff-quote"),
    path("loans/<int:loan_id>/payoff/", verbs.PayoffView.as_view(), name="payoff"),
    path("loans/<int:loan_id>/waivers/", verbs.WaiversView.as_view(), name="waivers"),
    path("loans/<int:loan_id>/refunds/", verbs.RefundsView.as_view(), name="refunds"),
    path("loans/<int:loan_id>/charge-off/", verbs.ChargeOffView.as_view(), name="charge-off"),
    path("loans/<int:loan_id>/write-off/", verbs.WriteOffView.as_view(), name="write-off"),
    path("loans/<int:loan_id>/creditor-changes/", verbs.CreditorChangesView.as_view(), name="creditor-changes"),
    path("operations/<int:operation_id>/reversal/", verbs.ReversalView.as_view(), name="reversal"),
    path("products/", products.ProductsView.as_view(), name="products"),
    path("products/<int:product_id>/", products.ProductView.as_view(), name="product"),
    path("products/<int:product_id>/versions/", products.ProductVersionsView.as_view(), name="product-versions"),
    *reconciliation_urls.urlpatterns,
    *claim_urls.urlpatterns,
    path("imports/", imports.ImportsView.as_view(), name="imports"),
    path("imports/<int:run_id>/", imports.ImportView.as_view(), name="import"),
    path("imports/<int:run_id>/rejected-rows/", imports.RejectedRowsView.as_view(), name="rejected-rows"),
    path("payments/", verbs.PaymentsView.as_view(), name="payments"),
    *debit_urls.urlpatterns,
    path("bulk-holds/", bulk_holds.BulkHoldsView.as_view(), name="bulk-holds"),
    path("bulk-holds/<int:bulk_id>/", bulk_holds.BulkHoldView.as_view(), name="bulk-hold"),
    path("bulk-holds/<int:bulk_id>/place/", bulk_holds.PlaceBulkView.as_view(), name="place-bulk-hold"),
    path("bulk-holds/<int:bulk_id>/lift/", bulk_holds.LiftBulkView.as_view(), name="lift-bulk-hold"),
    path("bulk-holds/<int:bulk_id>/discard/", bulk_holds.DiscardBulkView.as_view(), name="discard-bulk-hold"),
    path("audiences/", campaigns.AudiencesView.as_view(), name="audiences"),
    path("audiences/<int:audience_id>/", campaigns.AudienceView.as_view(), name="audience"),
    path("audiences/<int:audience_id>/count/", campaigns.AudienceCountView.as_view(), name="audience-count"),
    path("audiences/<int:audience_id>/change/", campaigns.ChangeAudienceView.as_view(), name="change-audience"),
    path("audiences/<int:audience_id>/retire/", campaigns.RetireAudienceView.as_view(), name="retire-audience"),
    path("campaigns/", campaigns.CampaignsView.as_view(), name="campaigns"),
    path(_campaign, campaigns.CampaignView.as_view(), name="campaign"),
    path(f"{_campaign}change/", campaigns.ChangeCampaignView.as_view(), name="change-campaign"),
    path(f"{_campaign}copy/", campaigns.CopyCampaignView.as_view(), name="copy-campaign"),
    path(f"{_campaign}simulation/", campaigns.CampaignSimulationView.as_view(), name="campaign-simulation"),
    path(f"{_campaign}result/", campaigns.CampaignResultView.as_view(), name="campaign-result"),
    path(f"{_campaign}submit/", campaigns.SubmitCampaignView.as_view(), name="submit-campaign"),
    path(f"{_campaign}take-back/", campaigns.TakeBackCampaignView.as_view(), name="take-back-campaign"),
    path(f"{_campaign}discard/", campaigns.DiscardCampaignView.as_view(), name="discard-campaign"),
    path(f"{_campaign}pause/", campaigns.PauseCampaignView.as_view(), name="pause-campaign"),
    path(f"{_campaign}resume/", campaigns.ResumeCampaignView.as_view(), name="resume-campaign"),
    path(f"{_campaign}end/", campaigns.EndCampaignView.as_view(), name="end-campaign"),
    path("payment-files/", files.FilesView.as_view(), name="payment-files"),
    path("payment-files/<int:file_id>/", files.FileView.as_view(), name="payment-file"),
    path("payment-files/<int:file_id>/posting/", files.FilePostingView.as_view(), name="payment-file-posting"),
    path(
        "payment-files/<int:file_id>/cancellation/",
        files.FileCancellationView.as_view(),
        name="payment-file-cancellation",
    ),
    path("payment-files/<int:file_id>/refused-lines/", files.RefusedLinesView.as_view(), name="refused-lines"),
    path("reminder-plans/", reminders.ReminderPlansView.as_view(), name="reminder-plans"),
    path(_plan, reminders.ReminderPlanView.as_view(), name="reminder-plan"),
    path(f"{_plan}versions/", reminders.ReminderPlanVersionsView.as_view(), name="reminder-plan-versions"),
    path(f"{_plan}effect/", reminders.ReminderEffectView.as_view(), name="reminder-effect"),
    path(_version, reminders.ReminderVersionView.as_view(), name="reminder-version"),
    path(f"{_version}simulation/", reminders.SimulateReminderVersionView.as_view(), name="simulate-reminders"),
    path(f"{_version}submit/", reminders.SubmitReminderVersionView.as_view(), name="submit-reminders"),
    path(f"{_version}take-back/", reminders.TakeBackReminderVersionView.as_view(), name="take-back-reminders"),
    path(f"{_version}retire/", reminders.RetireReminderVersionView.as_view(), name="retire-reminders"),
    path(f"{_version}roll-back/", reminders.RollBackReminderVersionView.as_view(), name="roll-back-reminders"),
    path(f"{_version}put-back/", reminders.PutBackReminderVersionView.as_view(), name="put-back-reminders"),
    *mandate_urls.urlpatterns,
    *configuration_urls.urlpatterns,
]
