"""Teams and the portfolios they see."""

from collections.abc import Collection
from typing import ClassVar

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from backoffice.core import trail
from backoffice.core.actors import Actor
from backoffice.core.errors import Refusal
from backoffice.staff.models import Team

LONGEST_NAME = 80
LONGEST_PORTFOLIO = 40


class TeamRefused(Refusal):
    """A team cannot be like this; `fields` says what is wrong."""

    code: ClassVar[str] = "staff.team_refused"


class TeamNotFound(Refusal):
    """There is no such team."""

    code: ClassVar[str] = "staff.team_not_found"
    status: ClassVar[int] = 404


@transaction.atomic
def create_team(*, name: str, portfolios: Collection[str], actor: Actor) -> int:
    """A new team; no portfolio named means that it sees all of them. Raises TeamRefused."""
    team = Team(name=_name(name), portfolios=_portfolios(portfolios))
    _save(team)
    trail.record(
        verb="staff.team.created",
        subject_type="staff.team",
        subject_id=team.pk,
        actor=actor,
        after={"name": team.name, "portfolios": team.portfolios},
    )
    return int(team.pk)


@transaction.atomic
def change_team(*, team_id: int, name: str, portfolios: Collection[str], reason: str, actor: Actor) -> None:
    """Renames a team or changes what it sees, from its members' next click on. Raises TeamRefused, TeamNotFound."""
    team = Team.objects.select_for_update().filter(pk=team_id).first()
    if team is None:
        raise TeamNotFound(_("There is no such team."), next_step=_("Open the list of teams again."))
    before = {"name": team.name, "portfolios": team.portfolios}
    team.name, team.portfolios = _name(name), _portfolios(portfolios)
    after = {"name": team.name, "portfolios": team.portfolios}
    if after == before:
        return
    _save(team)
    trail.record(
        verb="staff.team.changed",
        subject_type="staff.team",
        subject_id=team.pk,
        actor=actor,
        reason=reason.strip(),
        before=before,
        after=after,
    )


def _name(text: str) -> str:
    name = " ".join(text.split())
    if not 1 <= len(name) <= LONGEST_NAME:
        raise _refused("name", _("A team has a name of 1 to %(longest)d characters.") % {"longest": LONGEST_NAME})
    return name


def _portfolios(codes: Collection[str]) -> list[str]:
    tidied = sorted({code.strip() for code in codes} - {""})
    if any(len(code) > LONGEST_PORTFOLIO or not code.isprintable() for code in tidied):
        raise _refused(
            "portfolios", _("A portfolio code has at most %(longest)d characters.") % {"longest": LONGEST_PORTFOLIO}
        )
    return tidied


def _save(team: Team) -> None:
    try:
        with transaction.atomic():
            team.save()
    except IntegrityError as error:
        raise _refused("name", _("There is a team of this name already.")) from error


def _refused(field: str, words: str) -> TeamRefused:
    return TeamRefused(words, next_step=_("Correct the field named."), fields={field: words})
