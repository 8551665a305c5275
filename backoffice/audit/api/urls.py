"""Addresses below /api/v1/audit/."""

from django.urls import path

from backoffice.audit.api import views

app_name = "audit-api"

urlpatterns = [
    path("entries/", views.EntriesView.as_view(), name="entries"),
    path("approvals/", views.ApprovalsView.as_view(), name="approvals"),
    path("approvals/<int:approval_id>/", views.ApprovalPageView.as_view(), name="approval"),
    path("approvals/<int:approval_id>/approve/", views.ApproveView.as_view(), name="approve"),
    path("approvals/<int:approval_id>/decline/", views.DeclineView.as_view(), name="decline"),
    path("approvals/<int:approval_id>/withdraw/", views.WithdrawView.as_view(), name="withdraw"),
    path("limits/", views.LimitsView.as_view(), name="limits"),
]
