"""Addresses over running debits."""

from django.urls import path

from backoffice.repayment.api.autopay import batches, debits, stops

urlpatterns = [
    path("autopay/switch/", batches.SwitchView.as_view(), name="autopay-switch"),
    path("autopay/switch/stop/", batches.StopView.as_view(), name="stop-autopay"),
    path("autopay/switch/start/", batches.StartView.as_view(), name="start-autopay"),
    path("autopay/batches/", batches.BatchesView.as_view(), name="debit-batches"),
    path("autopay/batches/begin/", batches.BeginView.as_view(), name="begin-slot"),
    path("autopay/batches/<int:batch_id>/", batches.BatchView.as_view(), name="debit-batch"),
    path("autopay/batches/<int:batch_id>/pause/", batches.PauseView.as_view(), name="pause-batch"),
    path("autopay/batches/<int:batch_id>/resume/", batches.ResumeView.as_view(), name="resume-batch"),
    path("autopay/batches/<int:batch_id>/cancel/", batches.CancelView.as_view(), name="cancel-batch"),
    path("autopay/debits/", debits.DebitsView.as_view(), name="debits"),
    path("autopay/debits/<int:debit_id>/", debits.DebitView.as_view(), name="debit"),
    path("autopay/debits/<int:debit_id>/decide/", debits.DecideView.as_view(), name="decide-debit"),
    path("autopay/stops/", stops.StopsView.as_view(), name="debit-stops"),
    path("autopay/stops/<int:stop_id>/end/", stops.EndStopView.as_view(), name="end-debit-stop"),
    path("autopay/breakers/", batches.BreakersView.as_view(), name="breakers"),
    path("autopay/breakers/<int:breaker_id>/close/", batches.CloseBreakerView.as_view(), name="close-breaker"),
    path("autopay/rates/", debits.RatesView.as_view(), name="debit-rates"),
]
