"""Products: the list, one product and its versions, one version in words and figures, the editor with its preview."""

from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from backoffice.audit.models import Approval
from backoffice.calendars.selectors import business_date
from backoffice.core import tones
from backoffice.core.access import actor_of, may, requires
from backoffice.core.drafts import DraftMovedOn
from backoffice.core.errors import Refusal
from backoffice.core.http import go_to, page_or_part, refused
from backoffice.core.telling import told
from backoffice.customers.selectors import portfolios
from backoffice.repayment.console.product_forms import NewProductForm, TermsForm, initial_of
from backoffice.repayment.console.product_preview import preview_of
from backoffice.repayment.domain.terms import Terms
from backoffice.repayment.domain.terms_form import from_json
from backoffice.repayment.models import ProductVersion
from backoffice.repayment.selectors.product_words import METHODS, bills_in_words, difference_in_words, terms_in_words
from backoffice.repayment.selectors.products import (
    in_force_of,
    product_lines,
    visible_products,
    visible_versions,
)
from backoffice.repayment.services import products as services

VERSION: Final = "repayment.product_version"
SAMPLE: Final = Decimal("10000.00")
FIRST_TERMS: Final = Terms("CNY", "equal_installment", Decimal("0.18"), 12)

tones.declare(
    VERSION,
    {
        "draft": (gettext_lazy("draft"), "neutral"),
        "submitted": (gettext_lazy("waiting for approval"), "warn"),
        "approved": (gettext_lazy("approved"), "info"),
        "active": (gettext_lazy("active"), "good"),
        "retired": (gettext_lazy("retired"), "neutral"),
    },
)


@requires("repayment.product.view")
def products(request: HttpRequest) -> HttpResponse:
    """The products of the person's portfolios and what new loans are made under today."""
    lines = product_lines(user=request.user, as_of=business_date())
    shown = [
        (line, METHODS[line.terms.method], bills_in_words(terms=line.terms)) if line.terms else (line, "", "")
        for line in lines
    ]
    context = {"lines": shown, "may_edit": may(request, "repayment.product.edit")}
    return render(request, "repayment/products/list.html", context)


@requires("repayment.product.view")
def product(request: HttpRequest, product_id: int) -> HttpResponse:
    """One product: its versions, newest first, and the rules in force in words."""
    subject = visible_products(user=request.user).filter(pk=product_id).first()
    if subject is None:
        raise Http404
    versions = list(visible_versions(user=request.user).filter(product=subject))
    in_force = in_force_of(versions=versions, as_of=business_date())
    shown = in_force or (versions[0] if versions else None)
    groups = terms_in_words(terms=from_json(shown.terms)) if shown else ()
    context = {
        "product": subject,
        "versions": versions,
        "in_force": in_force,
        "shown": shown,
        "columns": (groups[:3], groups[3:]),
        "open": next((version for version in versions if version.state in ("draft", "submitted")), None),
        "may_edit": may(request, "repayment.product.edit"),
    }
    return render(request, "repayment/products/product.html", context)


@requires("repayment.product.view")
def version(request: HttpRequest, version_id: int) -> HttpResponse:
    """One version: its rules in words, what it changes against the one before, and a sample loan."""
    subject = _version(request, version_id)
    terms = from_json(subject.terms)
    others = list(visible_versions(user=request.user).filter(product=subject.product).exclude(pk=subject.pk))
    compared = _compared(request, subject=subject, others=others)
    context = {
        "version": subject,
        "product": subject.product,
        "groups": terms_in_words(terms=terms),
        "others": others,
        "compared": compared,
        "changes": difference_in_words(before=from_json(compared.terms), after=terms) if compared else (),
        "waiting": Approval.objects.filter(subject_type=services.SUBJECT, subject_id=str(subject.pk)).last(),
        "may_edit": may(request, "repayment.product.edit"),
        "may_retire": may(request, "repayment.product.approve"),
        **preview_of(terms=terms, principal=SAMPLE, on=subject.effective_from or business_date()),
    }
    return render(request, "repayment/products/version.html", context)


@requires("repayment.product.edit")
def new_product(request: HttpRequest) -> HttpResponse:
    """Name a product and write its first draft; the preview follows what is typed."""
    named = NewProductForm(request.POST or None)
    start = replace(FIRST_TERMS, currency=str(named["currency"].value() or FIRST_TERMS.currency))
    form = _terms_form(request, start=start)
    if request.method == "POST" and "look" not in request.POST and named.is_valid() and form.is_valid() and form.terms:
        try:
            draft = services.create_product(
                **named.cleaned_data, terms=form.terms, note=form.cleaned_data["note"], actor=actor_of(request.user)
            )
        except Refusal as refusal:
            _take(refusal, named, form)
        else:
            messages.success(request, _("%(name)s is drafted.") % {"name": draft.product.name})
            return go_to(request, _address(draft))
    return _editor(request, form=form, start=start, named=named, back=reverse("repayment:products"))


@requires("repayment.product.edit")
def edit(request: HttpRequest, version_id: int) -> HttpResponse:
    """Change a draft; the preview follows what is typed."""
    subject = _version(request, version_id)
    start = from_json(subject.terms)
    now = services.mark_of_draft(subject)
    seen = request.POST.get("seen", now)
    form = _terms_form(request, start=start, note=subject.note)
    if request.method == "POST" and "look" not in request.POST and form.is_valid() and form.terms:
        try:
            services.change_draft(
                version_id=subject.pk,
                terms=form.terms,
                note=form.cleaned_data["note"],
                actor=actor_of(request.user),
                seen=seen,
            )
        except Refusal as refusal:
            seen = now if isinstance(refusal, DraftMovedOn) else seen
            _take(refusal, form)
        else:
            messages.success(request, _("The draft is saved."))
            return go_to(request, _address(subject))
    return _editor(request, form=form, start=start, version=subject, seen=seen, back=_address(subject))


@requires("repayment.product.edit")
@require_POST
def draft(request: HttpRequest, product_id: int) -> HttpResponse:
    """A new draft from the version `from` names: the way to change a product, and to go back to an earlier version."""
    back = reverse("repayment:product", args=[product_id])
    start = visible_versions(user=request.user).filter(product_id=product_id, pk=_number(request.POST.get("from")))
    source = start.first()
    if source is None:
        raise Http404
    try:
        made = services.draft_version(
            product_id=product_id,
            terms=from_json(source.terms),
            note=_("from version %(number)s") % {"number": source.number},
            actor=actor_of(request.user),
        )
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=back)
    return go_to(request, reverse("repayment:edit_version", args=[made.pk]))


def _terms_form(request: HttpRequest, *, start: Terms, note: str = "") -> TermsForm:
    initial = initial_of(terms=start) | {"note": note, "sample_principal": SAMPLE, "sample_on": business_date()}
    return TermsForm(request.POST or None, initial=initial, currency=start.currency, fees=len(start.fees))


def _editor(
    request: HttpRequest,
    *,
    form: TermsForm,
    start: Terms,
    back: str,
    named: NewProductForm | None = None,
    version: ProductVersion | None = None,
    seen: str = "",
) -> HttpResponse:
    """The editor, or its preview alone when the script asks for it while the person types."""
    is_look = "look" in request.POST
    context: dict[str, Any] = {"form": form, "named": named, "version": version, "seen": seen, "back": back}
    if named:
        context["portfolios"] = portfolios()
    if form.is_bound:
        if form.is_valid() and form.terms:
            context |= preview_of(
                terms=form.terms,
                principal=form.cleaned_data["sample_principal"],
                on=form.cleaned_data["sample_on"],
            )
    else:
        context |= preview_of(terms=start, principal=SAMPLE, on=business_date())
    is_refused = form.is_bound and not is_look and bool(form.errors or (named is not None and named.errors))
    return page_or_part(
        request,
        page="repayment/products/editor.html",
        part="repayment/products/_preview.html",
        context=context,
        status=422 if is_refused else 200,
    )


def _compared(request: HttpRequest, *, subject: ProductVersion, others: list[ProductVersion]) -> ProductVersion | None:
    """The version to compare with: the one the address names, else the one in force, else the one before."""
    asked = next((other for other in others if str(other.number) == request.GET.get("against")), None)
    in_force = in_force_of(versions=[*others, subject], as_of=business_date())
    before = max((other for other in others if other.number < subject.number), key=lambda v: v.number, default=None)
    return asked or (in_force if in_force != subject else None) or before


def _version(request: HttpRequest, version_id: int) -> ProductVersion:
    """The version, if the person may see it. Raises Http404."""
    found = visible_versions(user=request.user).filter(pk=version_id).first()
    if found is None:
        raise Http404
    return found


def _address(subject: ProductVersion) -> str:
    return reverse("repayment:product_version", args=[subject.pk])


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() else 0


def _take(refusal: Refusal, *asked: forms.Form) -> None:
    """A refusal's faults at the fields they are about, the sentence at the last form when none has them."""
    for name, reason in refusal.fields.items():
        for form in asked:
            if name in form.fields:
                form.add_error(name, told(reason))
    if not refusal.fields:
        asked[-1].add_error(None, told(refusal.whole))
