"""Addresses of outreach under /outreach/."""

from django.urls import URLPattern, path

from backoffice.outreach.console import contact, contact_log, contact_verbs, gateways, messages, template_verbs, templates
from backoffice.outreach.console.experiments import declaring, pages, sample_size, verbs

app_name = "outreach"

urlpatterns: list[URLPattern] = [
    path("borrowers/<int:borrower_id>/contact/", contact.page, name="contact"),
    path("borrowers/<int:borrower_id>/contact/panel/", contact.panel, name="contact_panel"),
    path("borrowers/<int:borrower_id>/contacts/", contact_log.contact_log, name="contact_log"),
    path("borrowers/<int:borrower_id>/contacts/log/", contact_verbs.LogContact.as_view(), name="log_contact"),
    path("contacts/", contact_log.contacts, name="contacts"),
    path("contacts/<int:entry_id>/result/", contact_verbs.RecordResult.as_view(), name="record_result"),
    path("contacts/<int:entry_id>/correct/", contact_verbs.CorrectResult.as_view(), name="correct_result"),
    path("messages/", messages.messages, name="messages"),
    path("messages/<int:message_id>/", messages.message, name="message"),
    path("messages/<int:message_id>/stop/", messages.StopMessage.as_view(), name="stop_message"),
    path("messages/<int:message_id>/decide/", messages.DecideUnknown.as_view(), name="decide_message"),
    path("templates/", templates.templates, name="templates"),
    path("templates/new/", templates.new_template, name="new_template"),
    path("templates/pieces/", template_verbs.pieces, name="pieces"),
    path("templates/pieces/<int:piece_id>/retire/", template_verbs.RetirePiece.as_view(), name="retire_piece"),
    path("templates/<int:template_id>/", templates.template, name="template"),
    path("templates/<int:template_id>/start/", templates.start_version, name="start_template_version"),
    path(
        "templates/<int:template_id>/<slug:channel>/<slug:language>/",
        templates.new_version,
        name="new_template_version",
    ),
    path("templates/versions/<int:version_id>/", templates.version, name="template_version"),
    path("templates/versions/<int:version_id>/edit/", templates.edit_version, name="edit_template_version"),
    path(
        "templates/versions/<int:version_id>/submit/",
        template_verbs.SubmitVersion.as_view(),
        name="submit_template_version",
    ),
    path(
        "templates/versions/<int:version_id>/take-back/",
        template_verbs.TakeBack.as_view(),
        name="take_back_template_version",
    ),
    path(
        "templates/versions/<int:version_id>/retire/",
        template_verbs.RetireVersion.as_view(),
        name="retire_template_version",
    ),
    path("gateways/", gateways.gateways, name="gateways"),
    path("gateways/new/", gateways.SetGateway.as_view(), name="new_gateway"),
    path("gateways/<int:gateway_id>/set/", gateways.SetGateway.as_view(), name="set_gateway"),
    path("gateways/<int:gateway_id>/pause/", gateways.PauseGateway.as_view(), name="pause_gateway"),
    path("gateways/<int:gateway_id>/resume/", gateways.ResumeGateway.as_view(), name="resume_gateway"),
    path("gateways/print-files/<int:print_file_id>/", gateways.print_file, name="print_file"),
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
