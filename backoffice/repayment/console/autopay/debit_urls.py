"""Addresses of the pages over running debits."""

from django.urls import path

from backoffice.repayment.console.autopay import breakers, debits, manager, stops, unknowns

urlpatterns = [
    path("autopay/", manager.manager, name="autopay"),
    path("autopay/batches/<int:batch_id>/progress/", manager.progress, name="batch_progress"),
    path("autopay/batches/<int:batch_id>/pause/", manager.PauseBatch.as_view(), name="pause_batch"),
    path("autopay/batches/<int:batch_id>/resume/", manager.ResumeBatch.as_view(), name="resume_batch"),
    path("autopay/batches/<int:batch_id>/cancel/", manager.CancelBatch.as_view(), name="cancel_batch"),
    path("autopay/versions/<int:version_id>/slots/<str:slot>/begin/", manager.BeginSlot.as_view(), name="begin_slot"),
    path("autopay/stop/", manager.StopEverything.as_view(), name="stop_autopay"),
    path("autopay/start/", manager.StartAgain.as_view(), name="start_autopay"),
    path("autopay/debits/", debits.debits, name="debits"),
    path("autopay/debits/<int:command_id>/", debits.debit, name="debit"),
    path("autopay/debits/<int:command_id>/decide/", unknowns.DecideUnknown.as_view(), name="decide_debit"),
    path("autopay/unknown/", unknowns.unknowns, name="unknown_debits"),
    path("autopay/stops/", stops.stops, name="debit_stops"),
    path("autopay/stops/<int:stop_id>/end/", stops.EndStop.as_view(), name="end_debit_stop"),
    path("autopay/stops/<int:stop_id>/end-alike/", stops.EndAlike.as_view(), name="end_alike_stops"),
    path("autopay/breakers/", breakers.breakers, name="breakers"),
    path("autopay/breakers/<int:breaker_id>/close/", breakers.CloseBreaker.as_view(), name="close_breaker"),
]
