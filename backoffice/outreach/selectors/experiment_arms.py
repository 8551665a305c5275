"""What the arms of an experiment about a template say: for its page, and to find out whether it can be started."""

from collections.abc import Mapping
from dataclasses import dataclass

from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.elements import Element
from backoffice.outreach.domain.experiments.sentences import Sentence
from backoffice.outreach.domain.experiments.wording import Place, Said, Speaker, faults_of_words, row_of
from backoffice.outreach.domain.template_states import OPEN, TemplateState
from backoffice.outreach.models import Arm, Experiment, Factor, MessageTemplate, Piece, TemplateVersion
from backoffice.outreach.selectors.house import house_values
from backoffice.outreach.selectors.templates import Preview, preview_of


@dataclass(frozen=True, slots=True)
class Wordings:
    """Every arm of an experiment with the versions of its template that speak, and those in the making."""

    arms: tuple[Arm, ...]
    active: Mapping[int, tuple[TemplateVersion, ...]]
    open: Mapping[int, tuple[TemplateVersion, ...]]
    faults: tuple[Sentence, ...]

    @property
    def version_ids(self) -> list[int]:
        """Those that speak, in order: another set of ids is another set of words."""
        return sorted(version.pk for versions in self.active.values() for version in versions)


@dataclass(frozen=True, slots=True)
class ArmShown:
    """An arm as borrowers read it: each active version with samples in place, and what is in the making."""

    arm: Arm
    words: tuple[tuple[TemplateVersion, Preview], ...]
    open: tuple[TemplateVersion, ...]


def wordings_of(*, experiment: Experiment) -> Wordings:
    """What the arms say and why they cannot be compared yet; four queries. The experiment is about a template."""
    arms = tuple(experiment.arms.select_related("template").order_by("number"))
    factors = tuple(experiment.factors.order_by("number"))
    live = TemplateVersion.objects.filter(
        template_id__in=[arm.template_id for arm in arms if arm.template_id], state__in=[TemplateState.ACTIVE, *OPEN]
    ).order_by("channel", "language", "number")
    active: dict[int, list[TemplateVersion]] = {}
    opened: dict[int, list[TemplateVersion]] = {}
    for version in live:
        (active if version.state == TemplateState.ACTIVE else opened).setdefault(version.template_id, []).append(
            version
        )
    said = _said([version for versions in active.values() for version in versions])
    return Wordings(
        arms=arms,
        active={template: tuple(versions) for template, versions in active.items()},
        open={template: tuple(versions) for template, versions in opened.items()},
        faults=tuple(_faults(experiment, arms=arms, factors=factors, said=said)),
    )


def shown_arms(*, wordings: Wordings, samples: Mapping[str, Mapping[str, str]]) -> list[ArmShown]:
    """The arms as borrowers read them; `samples` are values of variables by language. No query."""
    return [
        ArmShown(
            arm=arm,
            words=tuple(
                (version, _preview(version, samples)) for version in wordings.active.get(arm.template_id or 0, ())
            ),
            open=wordings.open.get(arm.template_id or 0, ()),
        )
        for arm in wordings.arms
    ]


def experiment_on(*, template: MessageTemplate) -> Experiment | None:
    """The running experiment whose words these are, as what it is about or as one of its arms; one query."""
    return Experiment.objects.filter(state=Experiment.State.RUNNING, arms__template=template).order_by("id").first()


def _faults(
    experiment: Experiment,
    *,
    arms: tuple[Arm, ...],
    factors: tuple[Factor, ...],
    said: Mapping[int, Mapping[Place, Said]],
) -> list[Sentence]:
    template = experiment.template
    if template is None:
        return []
    return faults_of_words(
        template=template.title,
        purpose=template.purpose,
        today=said.get(template.pk, {}),
        speakers=[
            Speaker(
                name=arm.name,
                purpose=arm.template.purpose if arm.template else "",
                words=said.get(arm.template.pk, {}) if arm.template else None,
                row=changed_by(levels=arm.name, factors=factors) if factors else None,
            )
            for arm in arms
            if not arm.is_control
        ],
        tried={Element(factor.element): factor.levels[1:] for factor in factors},
    )


def changed_by(*, levels: str, factors: tuple[Factor, ...]) -> dict[Element, str]:
    """The pieces that levels of a plan, written as digits, put in the place of today's."""
    return row_of(
        elements=[Element(factor.element) for factor in factors],
        versions=[factor.levels for factor in factors],
        levels=levels,
    )


def _said(versions: list[TemplateVersion]) -> dict[int, dict[Place, Said]]:
    """What each version says, by template and place; one query."""
    pieces = Piece.objects.in_bulk({piece for version in versions for piece in version.pieces})
    found: dict[int, dict[Place, Said]] = {}
    for version in versions:
        found.setdefault(version.template_id, {})[version.channel, version.language] = Said(
            variables=frozenset(version.variables) - house_values().keys() - {"name"},
            pieces=tuple((Element(pieces[one].element), pieces[one].code) for one in version.pieces),
        )
    return found


def _preview(version: TemplateVersion, samples: Mapping[str, Mapping[str, str]]) -> Preview:
    values = dict(samples[version.language])
    return preview_of(
        channel=Channel(version.channel),
        language=version.language,
        subject=version.subject,
        body=version.body,
        samples=values,
        name=values["name"],
    )
