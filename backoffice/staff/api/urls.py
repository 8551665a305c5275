"""Addresses below /api/v1/staff/."""

from django.urls import path

from backoffice.staff.api import views

app_name = "staff-api"

urlpatterns = [
    path("me/", views.MeView.as_view(), name="me"),
    path("users/", views.UsersView.as_view(), name="users"),
    path("users/<int:user_id>/", views.UserView.as_view(), name="user"),
    path("users/<int:user_id>/disable/", views.DisableUserView.as_view(), name="disable-user"),
    path("users/<int:user_id>/enable/", views.EnableUserView.as_view(), name="enable-user"),
    path("teams/", views.TeamsView.as_view(), name="teams"),
    path("permissions/", views.PermissionsView.as_view(), name="permissions"),
    path("tokens/", views.TokensView.as_view(), name="tokens"),
    path("tokens/<int:token_id>/revoke/", views.RevokeTokenView.as_view(), name="revoke-token"),
]
