"""What a pack must stand before it is published: its vectors through the gate, and its place beside the other packs."""

from collections.abc import Sequence
from typing import ClassVar

from django.db import transaction
from django.utils.translation import gettext as _

from backoffice.calendars.selectors import business_date
from backoffice.core.actors import Actor
from backoffice.core.errors import Refusal
from backoffice.outreach.domain.pack_states import IN_FORCE, OPEN
from backoffice.outreach.domain.packs import Pack
from backoffice.outreach.models import RulePack, RulePackCheck, RulePackVersion
from backoffice.outreach.selectors.packs import content_of, version_in_force
from backoffice.outreach.services.pack_rows import locked_version, move, note_down
from backoffice.outreach.services.vectors import VectorResult, run_vectors


class PackUnchanged(Refusal):
    """The version says the same as the one in force."""

    code: ClassVar[str] = "outreach.pack_unchanged"


class PackVectorsFail(Refusal):
    """A vector of the pack fails, or a rule is shown by no vector: it cannot be published."""

    code: ClassVar[str] = "outreach.pack_vectors_fail"


class PackClash(Refusal):
    """The text is of another pack, or uses the id of another pack's rule."""

    code: ClassVar[str] = "outreach.pack_clash"


@transaction.atomic
def check_version(*, version_id: int, actor: Actor) -> RulePackCheck:
    """Run every vector of a version through the gate and keep what came of it; a draft that passes is checked.

    Raises PackNotFound.
    """
    version = locked_version(version_id)
    pack = content_of(version=version)
    results = run_vectors(pack=pack)
    check = _keep(version, results, actor=actor)
    if version.state == "draft" and not check.failed and not pack.untested():
        move(version, to="checked", actor=actor)
        version.save(update_fields=["state"])
    note_down(version, verb="outreach.pack_version.checked", actor=actor)
    return check


def check_publishable(version: RulePackVersion, *, actor: Actor) -> None:
    """The vectors pass now, nothing clashes, and something changes."""
    pack = content_of(version=version)
    check_others(version.pack, pack)
    current = version_in_force(code=version.pack.code, on=business_date())
    if current is not None and current.digest == version.digest:
        raise PackUnchanged(
            _("This version says the same as the one in force."),
            next_step=_("Change the text, or discard the draft."),
        )
    results = run_vectors(pack=pack)
    _keep(version, results, actor=actor)
    check_vectors(pack, results)


def check_vectors(pack: Pack, results: Sequence[VectorResult]) -> None:
    failed = {result.vector.name: _in_words(result) for result in results if not result.passes}
    untested = dict.fromkeys(pack.untested(), _("no vector shows this rule denying anything"))
    if failed or untested:
        named = ", ".join([*failed, *untested])
        raise PackVectorsFail(
            _("%(pack)s cannot be published: %(named)s.") % {"pack": pack.code, "named": named},
            next_step=_("Correct the rule or the vector, and check again."),
            fields=failed | untested,
        )


def check_others(row: RulePack, pack: Pack) -> None:
    """The text is of this pack, and its rules have ids of their own; there is one default pack."""
    if pack.code != row.code:
        raise PackClash(
            _("The text is of the pack “%(other)s”, not “%(pack)s”.") % {"other": pack.code, "pack": row.code},
            next_step=_("Keep the code of the pack."),
            fields={"code": _("must be %(pack)s") % {"pack": row.code}},
        )
    others = RulePackVersion.objects.exclude(pack=row).filter(state__in=[*IN_FORCE, *OPEN]).select_related("pack")
    for other in others:
        said = content_of(version=other)
        taken = sorted({rule.id for rule in pack.rules} & {rule.id for rule in said.rules})
        if taken or (pack.default and said.default):
            what = ", ".join(taken) or "default"
            raise PackClash(
                _("%(what)s is used by the pack %(other)s already.") % {"what": what, "other": said.code},
                next_step=_("Give each rule an id of its own; one pack alone is the default."),
                fields={f"{each}.id": _("is used by %(other)s") % {"other": said.code} for each in taken}
                or {"default": _("is %(other)s") % {"other": said.code}},
            )


def _keep(version: RulePackVersion, results: Sequence[VectorResult], *, actor: Actor) -> RulePackCheck:
    failed = sum(not result.passes for result in results)
    return RulePackCheck.objects.create(
        version=version,
        digest=version.digest,
        passed=len(results) - failed,
        failed=failed,
        results=[{"name": each.vector.name, "denied_by": sorted(each.denied_by)} for each in results],
        actor_id=actor.id,
        actor_name=actor.name,
    )


def _in_words(result: VectorResult) -> str:
    return _("expected %(expected)s, the gate said %(found)s") % {
        "expected": _rules_or_allowed(result.vector.expect),
        "found": _rules_or_allowed(result.denied_by),
    }


def _rules_or_allowed(rules: frozenset[str]) -> str:
    return ", ".join(sorted(rules)) or _("allowed")
