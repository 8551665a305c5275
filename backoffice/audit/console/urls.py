"""Addresses of approvals, limits and the trail."""

from django.urls import path

from backoffice.audit.console import approvals, limits, trail

app_name = "audit"

urlpatterns = [
    path("approvals/", approvals.inbox, name="approvals"),
    path("approvals/<int:approval_id>/", approvals.page, name="approval"),
    path("approvals/<int:approval_id>/approve/", approvals.Approve.as_view(), name="approve"),
    path("approvals/<int:approval_id>/decline/", approvals.Decline.as_view(), name="decline"),
    path("approvals/<int:approval_id>/withdraw/", approvals.Withdraw.as_view(), name="withdraw"),
    path("limits/", limits.overview, name="approval_limits"),
    path("limits/set/", limits.SetLimit.as_view(), name="set_limit"),
    path("trail/", trail.overview, name="trail"),
    path("trail/<int:entry_id>/", trail.page, name="entry"),
]
