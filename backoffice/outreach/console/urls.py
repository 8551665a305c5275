"""Addresses of outreach under /outreach/."""

from django.urls import path

from backoffice.outreach.console.experiments import declaring, pages, sample_size, verbs

app_name = "outreach"

urlpatterns = [
    path("experiments/", pages.overview, name="experiments"),
    path("experiments/sample-size/", sample_size.sample_size, name="sample_size"),
    path("experiments/new/<slug:design>/", declaring.declare, name="declare_experiment"),
    path("experiments/layers/new/", verbs.AddLayer.as_view(), name="add_layer"),
    path("experiments/metrics/new/", verbs.AddMetric.as_view(), name="add_metric"),
    path("experiments/<int:experiment_id>/", pages.page, name="experiment"),
    path("experiments/<int:experiment_id>/edit/", declaring.edit, name="edit_experiment"),
    path("experiments/<int:experiment_id>/confirm/", declaring.confirm, name="confirm_experiment"),
    path("experiments/<int:experiment_id>/start/", verbs.Start.as_view(), name="start_experiment"),
    path("experiments/<int:experiment_id>/stop/", verbs.Stop.as_view(), name="stop_experiment"),
    path("experiments/<int:experiment_id>/decide/", verbs.Decide.as_view(), name="decide_experiment"),
    path("experiments/<int:experiment_id>/discard/", verbs.Discard.as_view(), name="discard_experiment"),
]
