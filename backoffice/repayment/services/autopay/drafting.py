"""Drafting autopay configurations: a configuration, its versions in the making, and taking one back or away.

A draft may say anything: what is wrong with it is found by `checking`, guard by guard, and only a version without a
finding that refuses goes on. Changing it takes it back to the beginning.
"""

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any, ClassVar, Final

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from backoffice.audit import approvals
from backoffice.audit.models import Approval
from backoffice.audit.services import record
from backoffice.core.actors import Actor
from backoffice.core.drafts import mark_of, refuse_if_moved_on
from backoffice.core.errors import Refusal
from backoffice.repayment.domain.autopay.version_states import IN_THE_MAKING, VersionState, may_become
from backoffice.repayment.models import Product
from backoffice.repayment.models.autopay.configurations import AutopayConfiguration, AutopayVersion

SUBJECT: Final = "repayment.autopay_version"
CONFIGURATION_SUBJECT: Final = "repayment.autopay_configuration"
DISCARDED: Final = "discarded"


class ConfigurationNotFound(Refusal):
    """There is no such configuration or version."""

    code: ClassVar[str] = "repayment.autopay_configuration_not_found"
    status: ClassVar[int] = 404


class ConfigurationTaken(Refusal):
    """Another configuration has the code, or is for the same loans."""

    code: ClassVar[str] = "repayment.autopay_configuration_taken"
    status: ClassVar[int] = 409


class ConfigurationOutOfReach(Refusal):
    """The portfolio is not one of the person's, or the product is of another portfolio."""

    code: ClassVar[str] = "repayment.autopay_configuration_out_of_reach"


class ConfigurationNotInState(Refusal):
    """The version is not in a state that allows this."""

    code: ClassVar[str] = "repayment.autopay_version_state"
    status: ClassVar[int] = 409


class RangeRefused(Refusal):
    """The days a version is to hold on cannot be."""

    code: ClassVar[str] = "repayment.autopay_version_range"


@transaction.atomic
def create_configuration(
    *,
    code: str,
    name: str,
    portfolio: str,
    actor: Actor,
    product_id: int | None = None,
    funder: str = "",
    portfolios: Collection[str] | None = None,
) -> AutopayConfiguration:
    """A configuration without a version, for one of the actor's `portfolios` (None: of all); it debits nobody.

    Raises ConfigurationOutOfReach, ConfigurationTaken.
    """
    if portfolios is not None and portfolio not in portfolios:
        raise ConfigurationOutOfReach(
            _("This portfolio is not one of yours."),
            next_step=_("Choose a portfolio your team works on."),
            fields={"portfolio": _("is not one of yours")},
        )
    made = AutopayConfiguration(code=code, name=name, portfolio=portfolio, product_id=product_id, funder=funder)
    of_product = _portfolio_of(product_id)
    if product_id is not None and of_product != portfolio:
        raise ConfigurationOutOfReach(
            _("The product is of another portfolio.") if of_product else _("There is no such product."),
            next_step=_("Choose a product of the portfolio, or none for all of them."),
            fields={"product_id": _("is of another portfolio")},
        )
    try:
        with transaction.atomic():
            made.save()
    except IntegrityError as error:
        is_code = AutopayConfiguration.objects.filter(code=code).exists()
        raise ConfigurationTaken(
            _("Another configuration has this code.")
            if is_code
            else _("Another configuration is for the same portfolio, product and funder."),
            next_step=_("Draft a new version of that configuration."),
            fields={"code" if is_code else "portfolio": _("is taken")},
        ) from error
    record(
        verb="repayment.autopay_configuration.created",
        subject_type=CONFIGURATION_SUBJECT,
        subject_id=made.pk,
        actor=actor,
        after={"code": code, "portfolio": portfolio, "product": product_id, "funder": funder},
    )
    return made


def _portfolio_of(product_id: int | None) -> str | None:
    if product_id is None:
        return None
    return Product.objects.filter(pk=product_id).values_list("portfolio", flat=True).first()


@transaction.atomic
def draft_version(
    *,
    configuration_id: int,
    content: Mapping[str, Any],
    note: str,
    actor: Actor,
    effective_from: date | None = None,
    effective_to: date | None = None,
) -> AutopayVersion:
    """A new draft. Raises ConfigurationNotFound, RangeRefused, ConfigurationNotInState while one is in the making."""
    configuration = locked_configuration(configuration_id)
    if configuration.versions.filter(state__in=IN_THE_MAKING).exists():
        raise ConfigurationNotInState(
            _("A version of this configuration is in the making already."),
            next_step=_("Finish or discard that one first."),
        )
    _check_range(effective_from, effective_to)
    version = AutopayVersion.objects.create(
        configuration=configuration,
        number=(configuration.versions.aggregate(last=Max("number"))["last"] or 0) + 1,
        content=dict(content),
        effective_from=effective_from,
        effective_to=effective_to,
        note=note,
        created_by=actor.id,
        created_by_name=actor.name,
    )
    note_down(version, verb="repayment.autopay_version.drafted", actor=actor, reason=note)
    return version


@transaction.atomic
def change_draft(
    *,
    version_id: int,
    content: Mapping[str, Any],
    note: str,
    actor: Actor,
    effective_from: date | None = None,
    effective_to: date | None = None,
    seen: str | None = None,
) -> AutopayVersion:
    """New content for a version that nobody was asked about yet; it is a draft again, and what was found is forgotten.

    `seen` is the `mark` it was opened with. Raises ConfigurationNotFound, ConfigurationNotInState, RangeRefused,
    DraftMovedOn.
    """
    version = locked_version(version_id)
    if version.state not in {VersionState.DRAFT, VersionState.CHECKED, VersionState.SIMULATED}:
        raise not_in_state(version)
    refuse_if_moved_on(seen=seen, now=mark_of_draft(version))
    _check_range(effective_from, effective_to)
    before = version.content
    if version.state != VersionState.DRAFT:
        move(version, to=VersionState.DRAFT)
    version.content, version.note, version.findings = dict(content), note, []
    version.effective_from, version.effective_to = effective_from, effective_to
    version.changed_by, version.changed_by_name = actor.id, actor.name
    version.save(
        update_fields=[
            "state",
            "content",
            "note",
            "findings",
            "effective_from",
            "effective_to",
            "changed_by",
            "changed_by_name",
        ]
    )
    note_down(version, verb="repayment.autopay_version.changed", actor=actor, reason=note, before={"content": before})
    return version


@transaction.atomic
def take_back(*, version_id: int, reason: str, actor: Actor) -> AutopayVersion:
    """A submitted version becomes a draft again, and the request that still waits is withdrawn by who made it.

    Raises ConfigurationNotFound, ConfigurationNotInState, and NotTheAuthor when the request is another person's.
    """
    version = locked_version(version_id)
    if version.state != VersionState.SUBMITTED:
        raise not_in_state(version)
    _withdraw_request(version, actor=actor, reason=reason)
    move(version, to=VersionState.DRAFT)
    version.save(update_fields=["state"])
    note_down(version, verb="repayment.autopay_version.taken_back", actor=actor, reason=reason)
    return version


@transaction.atomic
def discard_version(*, version_id: int, reason: str, actor: Actor) -> AutopayVersion:
    """Give up a version that never was in force: one in the making, or an approved one that waits for its day.

    Raises ConfigurationNotFound, ConfigurationNotInState, and NotTheAuthor when a request about it is another person's.
    """
    version = locked_version(version_id)
    if version.state not in IN_THE_MAKING | {VersionState.APPROVED}:
        raise not_in_state(version)
    _withdraw_request(version, actor=actor, reason=reason)
    move(version, to=VersionState.RETIRED)
    version.ended_because = DISCARDED
    version.save(update_fields=["state", "ended_because"])
    note_down(version, verb="repayment.autopay_version.discarded", actor=actor, reason=reason)
    return version


def authors_of(version: AutopayVersion) -> frozenset[int]:
    """Who wrote a version: whoever drafted it and whoever changed it last. None of them agrees to it."""
    return frozenset(each for each in (version.created_by, version.changed_by) if each is not None)


def mark_of_draft(version: AutopayVersion) -> str:
    """What a draft is known by while somebody changes it."""
    return mark_of(version.content, version.note, version.effective_from, version.effective_to)


def move(version: AutopayVersion, *, to: VersionState) -> None:
    """The next state of a locked version, not saved yet. Raises ConfigurationNotInState."""
    if not may_become(current=VersionState(version.state), to=to):
        raise not_in_state(version)
    version.state = to.value


def locked_configuration(configuration_id: int) -> AutopayConfiguration:
    """The configuration under lock. Raises ConfigurationNotFound."""
    found = AutopayConfiguration.objects.select_for_update().filter(pk=configuration_id).first()
    if found is None:
        raise configuration_not_found()
    return found


def locked_version(version_id: int) -> AutopayVersion:
    """The version under the lock of its configuration, so that all verbs on one queue. Raises ConfigurationNotFound."""
    owner = AutopayVersion.objects.filter(pk=version_id).values_list("configuration_id", flat=True).first()
    if owner is None:
        raise configuration_not_found()
    configuration = locked_configuration(owner)
    version = AutopayVersion.objects.select_for_update().get(pk=version_id)
    version.configuration = configuration
    return version


def version_as_it_is(version_id: int) -> AutopayVersion:
    """The version with its configuration, not locked. Raises ConfigurationNotFound."""
    found = AutopayVersion.objects.select_related("configuration").filter(pk=version_id).first()
    if found is None:
        raise configuration_not_found()
    return found


def configuration_not_found() -> ConfigurationNotFound:
    """To be raised when there is none, or none the person sees."""
    return ConfigurationNotFound(
        _("There is no such autopay configuration."), next_step=_("Open it from the list of configurations.")
    )


def not_in_state(version: AutopayVersion) -> ConfigurationNotInState:
    """To be raised when the version is elsewhere in its life."""
    return ConfigurationNotInState(
        _("Version %(number)s of %(name)s is in the state “%(state)s”; this cannot be done to it.")
        % {
            "number": version.number,
            "name": version.configuration.name,
            "state": version.get_state_display(),
        },
        next_step=_("Look at the version again; somebody may have been quicker."),
    )


def note_down(
    version: AutopayVersion,
    *,
    verb: str,
    actor: Actor,
    reason: str = "",
    before: Mapping[str, Any] | None = None,
    more: Mapping[str, Any] | None = None,
) -> None:
    """One entry of the trail about a version as it now is; `more` goes beside it."""
    record(
        verb=verb,
        subject_type=SUBJECT,
        subject_id=version.pk,
        actor=actor,
        reason=reason,
        before=before,
        after={
            "configuration": version.configuration.code,
            "number": version.number,
            "state": version.state,
            "effective_from": version.effective_from,
            "effective_to": version.effective_to,
            "content": version.content,
            **(more or {}),
        },
    )


def _withdraw_request(version: AutopayVersion, *, actor: Actor, reason: str) -> None:
    waiting = Approval.objects.filter(subject_type=SUBJECT, subject_id=str(version.pk), state="pending").first()
    if waiting is not None:
        approvals.withdraw(approval_id=waiting.pk, actor=actor, note=reason)


def _check_range(effective_from: date | None, effective_to: date | None) -> None:
    if effective_to is not None and (effective_from is None or effective_to <= effective_from):
        raise RangeRefused(
            _("The version would end before it begins."),
            next_step=_("Name a first day, and a later one it holds until; or leave the end open."),
            fields={"effective_to": _("must be later than the first day")},
        )
