"""What this app's verbs and subjects are called in the trail."""

from django.utils.translation import gettext_lazy as _

WORDS = {
    "staff.user": _("user"),
    "staff.team": _("team"),
    "staff.token": _("token"),
    "staff.user.created": _("User created"),
    "staff.user.changed": _("User changed"),
    "staff.user.disabled": _("User disabled"),
    "staff.user.enabled": _("User enabled"),
    "staff.user.unlocked": _("User unlocked"),
    "staff.user.password_reset": _("Password reset by an administrator"),
    "staff.user.password_changed": _("Password changed"),
    "staff.user.second_factor_reset": _("Second factor reset by an administrator"),
    "staff.user.second_factor_enrolled": _("Phone enrolled"),
    "staff.user.second_factor_failed": _("Wrong one-time code"),
    "staff.user.backup_codes_renewed": _("Backup codes renewed"),
    "staff.user.logged_in": _("Logged in"),
    "staff.user.logged_out": _("Logged out"),
    "staff.user.locked_out": _("Locked out after failed logins"),
    "staff.token.issued": _("Token issued"),
    "staff.token.revoked": _("Token revoked"),
    "staff.team.created": _("Team created"),
    "staff.team.changed": _("Team changed"),
}
