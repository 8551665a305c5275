"""Templates as pages and planners read them."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import ClassVar

from django.utils.translation import gettext as _

from backoffice.core.errors import Refusal
from backoffice.customers.models import Borrower
from backoffice.customers.selectors.borrowers import masked_name_of
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.copywriting import length_shown
from backoffice.outreach.domain.sms import Length
from backoffice.outreach.domain.template_states import OPEN, TemplateState
from backoffice.outreach.domain.variables import CATALOGUE, Variable, a_customer, fill, names_in
from backoffice.outreach.models import MessageTemplate, Piece, TemplateVersion
from backoffice.staff.models import User

VersionKey = tuple[str, str, str]


class BorrowerNotFound(Refusal):
    """No borrower the person may see has this external id."""

    code: ClassVar[str] = "outreach.preview_borrower_not_found"
    status: ClassVar[int] = 404


@dataclass(frozen=True, slots=True)
class TemplateLine:
    """A template in the list: how many of its versions speak, and what is in the making."""

    template: MessageTemplate
    active: tuple[TemplateVersion, ...]
    open: tuple[TemplateVersion, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """Words as a borrower would read them, with their length for the channel."""

    subject: str
    body: str
    length: Length | None
    name: str
    variables: tuple[Variable, ...] = field(default=())


def template_lines() -> list[TemplateLine]:
    """Every template with its live versions; two queries."""
    live: dict[int, list[TemplateVersion]] = {}
    for version in TemplateVersion.objects.exclude(state=TemplateState.RETIRED).order_by("channel", "language"):
        live.setdefault(version.template_id, []).append(version)
    return [
        TemplateLine(
            template=template,
            active=tuple(one for one in live.get(template.pk, ()) if one.state == TemplateState.ACTIVE),
            open=tuple(one for one in live.get(template.pk, ()) if one.state in OPEN),
        )
        for template in MessageTemplate.objects.order_by("id")
    ]


def active_versions(*, codes: Collection[str], channels: Collection[Channel]) -> dict[VersionKey, TemplateVersion]:
    """The versions that speak now by (template's code, channel, language); one query. For planners."""
    rows = TemplateVersion.objects.select_related("template").filter(
        template__code__in=codes, channel__in=[channel.value for channel in channels], state=TemplateState.ACTIVE
    )
    return {(row.template.code, row.channel, row.language): row for row in rows}


def pieces_in_use(*, language: str) -> list[Piece]:
    """The library in a language, by element and code; one query."""
    return list(Piece.objects.filter(language=language, is_retired=False).order_by("element", "code"))


def preview_of(
    *, channel: Channel, language: str, subject: str, body: str, samples: dict[str, str], name: str
) -> Preview:
    """Words with samples in place. The words have no unknown variable."""
    values = samples | {"name": name}
    text = fill(body, values=values, language=language)
    names = names_in(f"{subject} {body}")
    return Preview(
        subject=fill(subject, values=values, language=language),
        body=text,
        length=length_shown(channel=channel, body=text),
        name=name,
        variables=tuple(CATALOGUE[one] for one in names),
    )


def masked_name_for_preview(*, external_id: str, language: str, user: User) -> str:
    """The masked name of a borrower the person may see, or the word that stands for one. Raises BorrowerNotFound."""
    found = Borrower.objects.visible_to(user).filter(external_id=external_id.strip()).first()
    if found is None:
        said = _("No borrower you may see has this external id.")
        raise BorrowerNotFound(said, next_step=_("Look the borrower up in the search."), fields={"borrower": said})
    return masked_name_of(found) or a_customer(language=language)
