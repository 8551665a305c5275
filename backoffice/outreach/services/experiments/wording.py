"""The words of an orthogonal plan's rows: drafts put together from the pieces each row prescribes."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import ClassVar, Final

from django.db import transaction
from django.utils.translation import gettext as _

from backoffice.audit.models import AuditEntry
from backoffice.audit.services import record
from backoffice.core.actors import Actor
from backoffice.core.errors import Refusal
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.elements import Element
from backoffice.outreach.domain.experiments.wording import AS_TODAY, prescribed
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.domain.template_states import OPEN, TemplateState
from backoffice.outreach.models import Experiment, MessageTemplate, Piece, TemplateVersion
from backoffice.outreach.models.templates import ELEMENT_LABELS
from backoffice.outreach.selectors.experiment_arms import changed_by
from backoffice.outreach.services.experiments.locking import SUBJECT, locked, refuse_pending_start
from backoffice.outreach.services.templates import (
    Wording,
    change_draft,
    create_template,
    draft_version,
    mark_of_words,
    wording_of,
)

LONGEST_CODE: Final = 60
DRAFTED: Final = "outreach.experiment.words_drafted"


class WordsOfOthers(Refusal):
    """A template of the code is there already, and this experiment did not draft it."""

    code: ClassVar[str] = "outreach.experiment_words_of_others"
    status: ClassVar[int] = 409


class NothingToDraft(Refusal):
    """The experiment has no plan whose rows prescribe words, or its template does not speak yet."""

    code: ClassVar[str] = "outreach.experiment_nothing_to_draft"
    status: ClassVar[int] = 409


class PieceMissing(Refusal):
    """The library has no piece a row names, in a language the template speaks."""

    code: ClassVar[str] = "outreach.experiment_piece_missing"
    status: ClassVar[int] = 409


@transaction.atomic
def draft_rows(*, experiment_id: int, actor: Actor) -> list[MessageTemplate]:
    """A template for each combination of a plan's rows but today's, with drafts of it wherever today's speaks.

    Rows of the same combination share theirs, and those of today's have the template itself. Safe to repeat: what says
    so already is left as it is. The drafts are approved like any words; gives the templates that were drafted.
    Raises ExperimentNotFound, ExperimentNotInState, StartIsAskedFor, NothingToDraft, PieceMissing, WordsOfOthers,
    WordsRefused.
    """
    experiment = locked(experiment_id=experiment_id, expected="draft")
    refuse_pending_start(experiment)
    if experiment.template is None or experiment.design == Experiment.Design.ARMS:
        raise NothingToDraft(
            _("No row of a plan says what the words of this experiment are."),
            next_step=_("Copy the template, change the copy, and name it as an arm."),
        )
    factors = tuple(experiment.factors.order_by("number"))
    own = _drafted_before(experiment)
    known = {AS_TODAY * len(factors): experiment.template}
    for arm in experiment.arms.filter(is_control=False).order_by("number"):
        if arm.name not in known:
            known[arm.name] = draft_combination(
                source=experiment.template,
                code=code_of_words(experiment=experiment.code, ending=f"{arm.number:02}"),
                row=changed_by(levels=arm.name, factors=factors),
                own=own,
                actor=actor,
            )
        arm.template = known[arm.name]
        arm.save(update_fields=["template"])
    drafted = [template for template in known.values() if template != experiment.template]
    record(
        verb=DRAFTED,
        subject_type=SUBJECT,
        subject_id=experiment.pk,
        actor=actor,
        after={"templates": [template.code for template in drafted]},
    )
    return drafted


def _drafted_before(experiment: Experiment) -> frozenset[str]:
    """The codes of the templates this experiment drafted, however its plan was changed since; from the trail."""
    entries = AuditEntry.objects.filter(verb=DRAFTED, subject_type=SUBJECT, subject_id=str(experiment.pk))
    return frozenset(
        code for after in entries.values_list("after", flat=True) for code in (after or {}).get("templates", ())
    )


def code_of_words(*, experiment: str, ending: str) -> str:
    """The code of a template that was drafted for an experiment."""
    return f"{experiment[: LONGEST_CODE - len(ending) - 1]}-{ending}"


def draft_combination(
    *, source: MessageTemplate, code: str, row: Mapping[Element, str], own: Collection[str], actor: Actor
) -> MessageTemplate:
    """The template of that code, with drafts of what `source` says now, some pieces changed, in the caller's
    transaction. `own` are the codes of those the experiment drafted before: no other one is written into.

    Raises NothingToDraft, PieceMissing, WordsOfOthers, WordsRefused.
    """
    today = list(source.versions.filter(state=TemplateState.ACTIVE).order_by("channel", "language"))
    if not today:
        raise NothingToDraft(
            _("%(template)s has no approved words yet.") % {"template": source.title},
            next_step=_("Have its words approved first: they are what the others are compared with."),
        )
    found = MessageTemplate.objects.filter(code=code).first()
    if found is not None and code not in own:
        raise WordsOfOthers(
            _("There is a template %(code)s already, and this experiment did not draft it.") % {"code": code},
            next_step=_("Give the experiment another code, or the template."),
        )
    template = found or create_template(
        code=code,
        name=f"{source.name} · {code}"[:120],
        name_zh=f"{source.name_zh or source.name} · {code}"[:120],
        purpose=Purpose(source.purpose),
        actor=actor,
    )
    for version in today:
        _draft(template, version, pieces=_pieces_for(version, row), actor=actor)
    return template


def _draft(template: MessageTemplate, source: TemplateVersion, *, pieces: tuple[int, ...], actor: Actor) -> None:
    """A draft with these pieces in the place of the source's, unless the template says so already."""
    wording = Wording(subject=source.subject, pieces=pieces, is_legal=source.is_legal)
    own = template.versions.filter(channel=source.channel, language=source.language)
    newest = own.filter(state__in=[TemplateState.ACTIVE, *OPEN]).order_by("-number").first()
    if newest is not None and replace(wording_of(newest), note="") == wording:
        return
    if newest is not None and newest.state == TemplateState.DRAFT:
        change_draft(version_id=newest.pk, wording=wording, actor=actor, seen=mark_of_words(newest))
        return
    draft_version(
        template_id=template.pk,
        channel=Channel(source.channel),
        language=source.language,
        wording=wording,
        actor=actor,
    )


def _pieces_for(version: TemplateVersion, row: Mapping[Element, str]) -> tuple[int, ...]:
    """The ids of the pieces a row prescribes in the place of a version's own, in the order they are read."""
    own = {Element(piece.element): piece for piece in Piece.objects.filter(pk__in=version.pieces)}
    if not own:
        raise NothingToDraft(
            _("Version %(number)s of %(template)s was written freely; a plan changes pieces.")
            % {"number": version.number, "template": version.template.title},
            next_step=_("Put its words together from pieces, and have them approved."),
        )
    library = {
        (Element(piece.element), piece.code): piece
        for piece in Piece.objects.filter(language=version.language, is_retired=False)
    }
    chosen = prescribed(today={element: piece.code for element, piece in own.items()}, row=row)
    return tuple(
        own[element].pk if element in own and own[element].code == code else _found(library, element, code, version).pk
        for element, code in chosen.items()
    )


def _found(
    library: Mapping[tuple[Element, str], Piece], element: Element, code: str, version: TemplateVersion
) -> Piece:
    piece = library.get((element, code))
    if piece is None:
        raise PieceMissing(
            _("The library has no piece %(code)s for the %(element)s in %(language)s.")
            % {"code": code, "element": ELEMENT_LABELS[element], "language": version.get_language_display()},
            next_step=_("Write the piece, or correct its code in the plan."),
        )
    return piece
