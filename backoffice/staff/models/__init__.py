"""People who work here: users, their teams and the tokens their programs use."""

from backoffice.staff.models.people import Team, User
from backoffice.staff.models.tokens import ApiToken

__all__ = ["ApiToken", "Team", "User"]
