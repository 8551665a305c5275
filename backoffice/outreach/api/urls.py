"""Addresses below /api/v1/outreach/."""

from django.urls import URLPattern, path

from backoffice.outreach.api import messages, templates

app_name = "outreach-api"

urlpatterns: list[URLPattern] = [
    path("messages/", messages.MessagesView.as_view(), name="messages"),
    path("messages/<int:message_id>/", messages.MessageView.as_view(), name="message"),
    path("messages/<int:message_id>/stop/", messages.StopMessageView.as_view(), name="stop-message"),
    path("inbox/<int:borrower_id>/", messages.InboxView.as_view(), name="inbox"),
    path("inbox/<int:borrower_id>/<int:message_id>/read/", messages.ReadInboxView.as_view(), name="read-inbox"),
    path("template-versions/", templates.TemplateVersionsView.as_view(), name="template-versions"),
    path("templates/preview/", templates.PreviewView.as_view(), name="preview"),
    path("gateways/", templates.GatewaysView.as_view(), name="gateways"),
    path("gateways/<int:gateway_id>/pause/", templates.PauseGatewayView.as_view(), name="pause-gateway"),
    path("gateways/<int:gateway_id>/resume/", templates.ResumeGatewayView.as_view(), name="resume-gateway"),
]
