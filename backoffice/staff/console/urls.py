"""Addresses of coming in, one's own account, users and teams."""

from django.urls import path

from backoffice.staff.console import account, entrance, people

app_name = "staff"

urlpatterns = [
    path("login/", entrance.log_in, name="login"),
    path("logout/", entrance.log_out, name="logout"),
    path("verify/", entrance.verify, name="verify"),
    path("enrol/", entrance.enrol, name="enrol"),
    path("account/", account.account, name="account"),
    path("account/password/", account.password, name="password"),
    path("account/language/", account.language, name="language"),
    path("account/backup-codes/", entrance.backup_codes, name="backup_codes"),
    path("account/tokens/new/", account.issue_token, name="issue_token"),
    path("account/tokens/<int:token_id>/revoke/", account.revoke_token, name="revoke_token"),
    path("users/", people.users, name="users"),
    path("users/new/", people.new_user, name="new_user"),
    path("users/<int:user_id>/", people.user, name="user"),
    path("users/<int:user_id>/change/", people.change_user, name="change_user"),
    path("users/<int:user_id>/disable/", people.DisableUser.as_view(), name="disable_user"),
    path("users/<int:user_id>/enable/", people.EnableUser.as_view(), name="enable_user"),
    path("users/<int:user_id>/unlock/", people.UnlockUser.as_view(), name="unlock_user"),
    path("users/<int:user_id>/reset-second-factor/", people.ResetSecondFactor.as_view(), name="reset_second_factor"),
    path("users/<int:user_id>/reset-password/", people.reset_password, name="reset_password"),
    path(
        "users/<int:user_id>/tokens/<int:token_id>/revoke/",
        people.RevokeToken.as_view(),
        name="revoke_token_of",
    ),
    path("teams/", people.teams, name="teams"),
    path("teams/new/", people.team, name="new_team"),
    path("teams/<int:team_id>/", people.team, name="team"),
]
