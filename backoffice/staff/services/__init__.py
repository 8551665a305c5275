"""The verbs of this app."""

from backoffice.staff.services.accounts import (
    OneTimePassword,
    change_user,
    create_user,
    disable_user,
    enable_user,
    reset_password,
    reset_second_factor,
    unlock_user,
)
from backoffice.staff.services.own_account import change_own_password, choose_language
from backoffice.staff.services.second_factor import begin_enrolment, confirm_enrolment, renew_backup_codes
from backoffice.staff.services.teams import change_team, create_team
from backoffice.staff.services.tokens import IssuedToken, issue_token, owner_of, revoke_token

__all__ = [
    "IssuedToken",
    "OneTimePassword",
    "begin_enrolment",
    "change_own_password",
    "change_team",
    "change_user",
    "choose_language",
    "confirm_enrolment",
    "create_team",
    "create_user",
    "disable_user",
    "enable_user",
    "issue_token",
    "owner_of",
    "renew_backup_codes",
    "reset_password",
    "reset_second_factor",
    "revoke_token",
    "unlock_user",
]
