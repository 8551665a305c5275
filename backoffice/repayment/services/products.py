"""The verbs of a product: draft, change, submit, approve, activate on its day, retire. One open version at a time.

Two people make a version: one submits it, another approves it (`audit.approvals`, the table of deeds is
`config/approvals.py`). What borrowers would pay is judged before anyone is asked: terms above their own cost cap on the
sample loan are refused.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar, Final

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from backoffice.audit import approvals
from backoffice.audit.approvals import ApprovedRequest
from backoffice.audit.models import Approval
from backoffice.audit.services import record
from backoffice.calendars.selectors import business_date
from backoffice.core.actors import Actor
from backoffice.core.drafts import mark_of, refuse_if_moved_on
from backoffice.core.errors import Refusal
from backoffice.core.formats import date_text
from backoffice.repayment.domain.product_states import IN_FORCE, OPEN, VersionState, may_become
from backoffice.repayment.domain.terms import Terms
from backoffice.repayment.domain.terms_form import from_json, to_json
from backoffice.repayment.models import Product, ProductVersion
from backoffice.repayment.selectors.products import in_force_of
from backoffice.repayment.services.product_costs import check_cost, consequence_in_words, current_version

APPROVAL_VERB: Final = "repayment.product_version"
SUBJECT: Final = "repayment.product_version"


class VersionNotFound(Refusal):
    """There is no such product or version."""

    code: ClassVar[str] = "repayment.product_version_not_found"
    status: ClassVar[int] = 404


class CodeTaken(Refusal):
    """Another product has the code."""

    code: ClassVar[str] = "repayment.product_code_taken"


class VersionStillOpen(Refusal):
    """The product already has a draft, or one that waits for approval."""

    code: ClassVar[str] = "repayment.product_version_open"
    status: ClassVar[int] = 409


class VersionNotInState(Refusal):
    """The version is not in a state that allows this."""

    code: ClassVar[str] = "repayment.product_version_state"
    status: ClassVar[int] = 409


class CurrencyDiffers(Refusal):
    """The terms are in another currency than the product."""

    code: ClassVar[str] = "repayment.product_currency_differs"


class NothingChanged(Refusal):
    """The version says the same as the one in force."""

    code: ClassVar[str] = "repayment.product_unchanged"


class EffectiveDateRefused(Refusal):
    """The day a version would start is past, or another version starts on it."""

    code: ClassVar[str] = "repayment.product_effective_date"


@transaction.atomic
def create_product(
    *, code: str, name: str, portfolio: str, currency: str, terms: Terms, actor: Actor, note: str = ""
) -> ProductVersion:
    """A new product with its first draft. Raises CodeTaken, CurrencyDiffers."""
    try:
        with transaction.atomic():
            product = Product.objects.create(code=code, name=name, portfolio=portfolio, currency=currency)
    except IntegrityError as error:
        raise CodeTaken(
            _("Another product has the code %(code)s.") % {"code": code},
            next_step=_("Choose another code."),
            fields={"code": _("is taken")},
        ) from error
    record(
        verb="repayment.product.created",
        subject_type="repayment.product",
        subject_id=product.pk,
        actor=actor,
        after={"code": code, "name": name, "portfolio": portfolio, "currency": currency},
    )
    return _draft(product, terms=terms, note=note, actor=actor)


@transaction.atomic
def draft_version(*, product_id: int, terms: Terms, note: str, actor: Actor) -> ProductVersion:
    """A new draft of a product. Raises VersionNotFound, VersionStillOpen, CurrencyDiffers."""
    product = _locked_product(product_id)
    if product.versions.filter(state__in=OPEN).exists():
        raise VersionStillOpen(
            _("%(product)s already has a version in the making.") % {"product": product.name},
            next_step=_("Finish or discard that one first."),
        )
    return _draft(product, terms=terms, note=note, actor=actor)


@transaction.atomic
def change_draft(*, version_id: int, terms: Terms, note: str, actor: Actor, seen: str | None = None) -> ProductVersion:
    """New terms for a draft; `seen` is the `mark` it was opened with.

    Raises VersionNotFound, VersionNotInState, CurrencyDiffers, DraftMovedOn.
    """
    version = _locked_version(version_id)
    _require(version, "draft")
    refuse_if_moved_on(seen=seen, now=mark_of_draft(version))
    _check_currency(version.product, terms)
    before = version.terms
    version.terms, version.note = to_json(terms), note
    version.save(update_fields=["terms", "note"])
    _note(version, verb="repayment.product_version.changed", actor=actor, before={"terms": before}, reason=note)
    return version


def mark_of_draft(version: ProductVersion) -> str:
    """What a draft is known by while somebody changes it."""
    return mark_of(version.terms, version.note)


@transaction.atomic
def submit(*, version_id: int, effective_from: date, sample_principal: Decimal, reason: str, actor: Actor) -> Approval:
    """Ask a second person to approve a draft from a day on; the sample loan shows what it would cost.

    Raises VersionNotFound, VersionNotInState, EffectiveDateRefused, NothingChanged, CostAboveCap, those of a quote, and
    the refusals of `approvals.submit`.
    """
    version = _locked_version(version_id)
    _move(version, to="submitted")
    _check_day(version, effective_from)
    terms = from_json(version.terms)
    current = current_version(product=version.product)
    if current is not None and current.terms == version.terms:
        raise NothingChanged(
            _("This version says the same as the one in force."),
            next_step=_("Change the terms, or discard the draft."),
        )
    check_cost(terms=terms, principal=sample_principal, disbursed_on=effective_from)
    version.effective_from = effective_from
    version.save(update_fields=["state", "effective_from"])
    _note(version, verb="repayment.product_version.submitted", actor=actor, reason=reason)
    payload = {
        "version": version.pk,
        "terms": version.terms,
        "effective_from": effective_from.isoformat(),
        "sample_principal": str(sample_principal),
    }
    return approvals.submit(
        verb=APPROVAL_VERB,
        subject_type=SUBJECT,
        subject_id=version.pk,
        payload=payload,
        reason=reason,
        actor=actor,
        portfolio=version.product.portfolio,
        consequence=consequence_in_words(version=version, payload=payload),
    )


@transaction.atomic
def approve_as_asked(request: ApprovedRequest) -> ProductVersion:
    """The deed of an approved request: the version starts on its day, at once when that has come.

    Raises VersionNotFound, VersionNotInState, EffectiveDateRefused, CostAboveCap when the world moved since.
    """
    version = _locked_version(int(request.payload["version"]))
    if version.state != "submitted" or version.terms != request.payload["terms"]:
        raise _not_in_state(version)
    effective_from = date.fromisoformat(request.payload["effective_from"])
    _check_day(version, effective_from)
    check_cost(
        terms=from_json(version.terms),
        principal=Decimal(request.payload["sample_principal"]),
        disbursed_on=effective_from,
    )
    _move(version, to="approved")
    version.approved_by_id = request.checker.id
    version.approved_at = Now()
    version.save(update_fields=["state", "approved_by", "approved_at"])
    _note(version, verb="repayment.product_version.approved", actor=request.checker, reason=request.reason)
    _activate(version.product, as_of=business_date(), actor=request.checker)
    version.refresh_from_db()
    return version


@transaction.atomic
def take_back(*, version_id: int, actor: Actor, reason: str = "") -> ProductVersion:
    """A submitted version becomes a draft again, and the request that still waits is withdrawn by who made it.

    Raises VersionNotFound, VersionNotInState, and NotTheAuthor when the waiting request is another person's.
    """
    version = _locked_version(version_id)
    _move(version, to="draft")
    waiting = Approval.objects.filter(subject_type=SUBJECT, subject_id=str(version.pk), state="pending").first()
    if waiting is not None:
        approvals.withdraw(approval_id=waiting.pk, actor=actor, note=reason)
    version.effective_from = None
    version.save(update_fields=["state", "effective_from"])
    _note(version, verb="repayment.product_version.taken_back", actor=actor, reason=reason)
    return version


@transaction.atomic
def retire(*, version_id: int, actor: Actor, reason: str) -> ProductVersion:
    """End a version: discard a draft, call off one that waits for its day, or stop new loans under the active one.

    Loans already made keep their copy of the terms. Raises VersionNotFound, VersionNotInState.
    """
    version = _locked_version(version_id)
    _move(version, to="retired")
    version.save(update_fields=["state"])
    _note(version, verb="repayment.product_version.retired", actor=actor, reason=reason)
    return version


@transaction.atomic
def activate_due(*, as_of: date, actor: Actor) -> int:
    """Versions whose day has come become active and retire their predecessors; safe to run again. How many moved."""
    due = ProductVersion.objects.filter(state="approved", effective_from__lte=as_of)
    products = Product.objects.select_for_update().filter(pk__in=due.values("product")).order_by("pk")
    return sum(_activate(product, as_of=as_of, actor=actor) for product in products)


def _draft(product: Product, *, terms: Terms, note: str, actor: Actor) -> ProductVersion:
    _check_currency(product, terms)
    last = product.versions.aggregate(last=Max("number"))["last"] or 0
    version = ProductVersion.objects.create(
        product=product, number=last + 1, terms=to_json(terms), note=note, created_by_id=actor.id
    )
    _note(version, verb="repayment.product_version.drafted", actor=actor, reason=note)
    return version


def _activate(product: Product, *, as_of: date, actor: Actor) -> int:
    """The last version whose day has come is the active one; the others in force before it are retired."""
    versions = list(product.versions.select_for_update().filter(state__in=IN_FORCE).order_by("effective_from"))
    current = in_force_of(versions=versions, as_of=as_of)
    if current is None or current.state == "active":
        return 0
    moved = 0
    for version in versions:
        if version != current and version.effective_from is not None and version.effective_from <= as_of:
            _move(version, to="retired")
            version.save(update_fields=["state"])
            _note(version, verb="repayment.product_version.retired", actor=actor)
            moved += 1
    _move(current, to="active")
    current.save(update_fields=["state"])
    _note(current, verb="repayment.product_version.activated", actor=actor)
    return moved + 1


def _locked_product(product_id: int) -> Product:
    product = Product.objects.select_for_update().filter(pk=product_id).first()
    if product is None:
        raise VersionNotFound(_("There is no such product."), next_step=_("Look in the list of products."))
    return product


def _locked_version(version_id: int) -> ProductVersion:
    """The version under the lock of its product, so that all verbs on one product queue."""
    product_id = ProductVersion.objects.filter(pk=version_id).values_list("product_id", flat=True).first()
    if product_id is None:
        raise VersionNotFound(_("There is no such version."), next_step=_("Look in the list of products."))
    product = _locked_product(product_id)
    version = ProductVersion.objects.select_for_update().get(pk=version_id)
    version.product = product
    return version


def _require(version: ProductVersion, state: VersionState) -> None:
    if version.state != state:
        raise _not_in_state(version)


def _move(version: ProductVersion, *, to: VersionState) -> None:
    """Sets the state by the transition table; the caller saves."""
    if not may_become(state=version.state, to=to):  # type: ignore[arg-type]
        raise _not_in_state(version)
    version.state = to


def _not_in_state(version: ProductVersion) -> VersionNotInState:
    return VersionNotInState(
        _("Version %(number)s of %(product)s is in the state “%(state)s”; this cannot be done to it.")
        % {"number": version.number, "product": version.product.name, "state": version.get_state_display()},
        next_step=_("Look at the version again; somebody may have been quicker."),
    )


def _check_currency(product: Product, terms: Terms) -> None:
    if terms.currency != product.currency:
        raise CurrencyDiffers(
            _("The terms are in %(terms)s, the product is in %(product)s.")
            % {"terms": terms.currency, "product": product.currency},
            next_step=_("Make a product of its own for another currency."),
            fields={"currency": _("must be %(currency)s") % {"currency": product.currency}},
        )


def _check_day(version: ProductVersion, effective_from: date) -> None:
    today = business_date()
    if effective_from < today:
        raise EffectiveDateRefused(
            _("%(day)s is past.") % {"day": date_text(effective_from)},
            next_step=_("Choose %(today)s or a later day.") % {"today": date_text(today)},
            fields={"effective_from": _("is past")},
        )
    taken = version.product.versions.filter(state__in=IN_FORCE, effective_from=effective_from).exclude(pk=version.pk)
    if taken.exists():
        raise EffectiveDateRefused(
            _("Another version of %(product)s starts on %(day)s.")
            % {"product": version.product.name, "day": date_text(effective_from)},
            next_step=_("Choose another day, or retire that version first."),
            fields={"effective_from": _("another version starts on this day")},
        )


def _note(
    version: ProductVersion,
    *,
    verb: str,
    actor: Actor,
    before: Mapping[str, Any] | None = None,
    reason: str = "",
) -> None:
    record(
        verb=verb,
        subject_type=SUBJECT,
        subject_id=version.pk,
        actor=actor,
        reason=reason,
        before=before,
        after={
            "product": version.product.code,
            "number": version.number,
            "state": version.state,
            "effective_from": version.effective_from,
            "terms": version.terms,
        },
    )
