"""Autopay configurations: the list, one with its versions, a version and what it would change, the editor."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from backoffice.audit.models import Approval
from backoffice.calendars.selectors import business_date
from backoffice.core.access import actor_of, may, requires
from backoffice.core.drafts import DraftMovedOn
from backoffice.core.errors import Refusal
from backoffice.core.formats import amount_text
from backoffice.core.http import go_to, refused
from backoffice.core.tables import Choice, Column, Table
from backoffice.core.telling import told
from backoffice.repayment.console.autopay import configuration_forms as forms
from backoffice.repayment.console.autopay import configuration_states as _states  # noqa: F401 - declares the tones
from backoffice.repayment.domain.autopay.configuration import ConfigurationFaulty, parse
from backoffice.repayment.domain.autopay.guards import GUARD_WORDS, Finding, finding_of, from_json
from backoffice.repayment.domain.autopay.version_states import IN_THE_MAKING, VersionState
from backoffice.repayment.models import Mandate, SimulatedBill, Simulation
from backoffice.repayment.models.autopay.configurations import AutopayConfiguration, AutopayVersion
from backoffice.repayment.selectors.autopay import configurations as selectors
from backoffice.repayment.selectors.autopay import version_words as words
from backoffice.repayment.services.autopay import checking, drafting, simulating
from backoffice.repayment.services.autopay.drafting import SUBJECT
from backoffice.repayment.services.autopay.publishing import trial_so_far
from backoffice.repayment.services.autopay.simulating import SimulationOutOfDate
from backoffice.repayment.services.autopay.starting import starter_content
from backoffice.repayment.tasks import simulate_autopay
from backoffice.staff.access import person_of

VIEW, EDIT = "repayment.autopay_configuration.view", "repayment.autopay_configuration.edit"
SIMULATE = "repayment.autopay_configuration.simulate"
ROLL_BACK = "repayment.autopay_configuration.roll_back"
DECIDED_BY = frozenset({VersionState.SIMULATED, VersionState.SUBMITTED})
"""States in which a simulation is gone by."""
EDITABLE = frozenset({VersionState.DRAFT, VersionState.CHECKED, VersionState.SIMULATED})


def _loan_address(row: SimulatedBill) -> str:
    return reverse("repayment:loan", args=[row.loan_id])


def _name(rows: Any) -> None:
    """Gives every row what rails and payees are called, read once for all of them."""
    rails, payees = words.rail_names(), words.payee_names()
    for row in rows:
        row.rail_names, row.payee_names = rails, payees


def _paid(payees: Mapping[str, str], *, row: Any) -> str:
    parts = (
        f"{row.payee_names.get(payee, payee)} {amount_text(Decimal(amount), currency=row.currency)}"
        for payee, amount in sorted(payees.items())
    )
    return ", ".join(parts) or "–"


def _over(code: str, mandate: Mandate | None, *, row: Any) -> str:
    rail = row.rail_names.get(code, code)
    return f"{rail} {mandate.mask}" if mandate else rail or "–"


CHANGED = Table(
    name="changed",
    caption=_("Bills that change"),
    columns=(
        Column("loan", _("Loan"), value="loan.external_id", link=_loan_address),
        Column("installment_number", _("Bill"), kind="count"),
        Column("due_date", _("Due"), kind="date"),
        Column("why", _("What changes"), value=lambda row: words.why_in_words(row.why)),
        Column("day_before", _("Day before"), kind="date"),
        Column("day", _("Day after"), kind="date"),
        Column("amount_before", _("Amount before"), kind="money"),
        Column("amount_after", _("Amount after"), kind="money"),
        Column(
            "rail_before",
            _("Agreement before"),
            value=lambda row: _over(row.rail_before, row.mandate_before, row=row),
            css="muted",
        ),
        Column(
            "rail_after",
            _("Agreement after"),
            value=lambda row: _over(row.rail_after, row.mandate_after, row=row),
            css="muted",
        ),
        Column(
            "payees_before",
            _("Payees before"),
            value=lambda row: _paid(row.payees_before, row=row),
            css="muted",
        ),
        Column(
            "payees_after",
            _("Payees after"),
            value=lambda row: _paid(row.payees_after, row=row),
            css="muted",
        ),
    ),
    filters=(
        Choice(
            "why",
            _("What changes"),
            choices=[(change.value, label) for change, label in words.CHANGE_LABELS.items()],
            narrow=lambda rows, value: rows.filter(why__contains=value),
        ),
    ),
    order=("-day", "id"),
    row_url=_loan_address,
    prepare=_name,
    count_up_to=100_000,
    empty_title=_("Nothing changes"),
    empty_text=_("Both versions treat every bill alike."),
)


@requires(VIEW)
def configurations(request: HttpRequest) -> HttpResponse:
    """Every configuration with the versions that matter; a fixed number of queries."""
    rows = [selectors.listed(each) for each in selectors.configurations_seen(user=person_of(request))]
    return render(request, "repayment/autopay/configurations.html", {"rows": rows, "may_edit": may(request, EDIT)})


@requires(VIEW)
def configuration(request: HttpRequest, configuration_id: int) -> HttpResponse:
    """One configuration: whose loans it is for, and its versions."""
    found = selectors.listed(configuration_or_404(request, configuration_id))
    active = found.active
    context = {
        "row": found,
        "configuration": found.configuration,
        "groups": words.version_in_words(active.content) if active else (),
        "may_edit": may(request, EDIT),
        "may_roll_back": may(request, ROLL_BACK),
        "ended": {code: str(label) for code, label in words.ENDED_LABELS.items()},
    }
    return render(request, "repayment/autopay/configuration.html", context)


@requires(VIEW)
def version(request: HttpRequest, version_id: int) -> HttpResponse:
    """A version: what guards found, what it would change, its rules, and how its trial goes."""
    subject = version_or_404(request, version_id)
    others = list(subject.configuration.versions.exclude(pk=subject.pk).order_by("-number"))
    active = next((each for each in others if each.state == VersionState.ACTIVE), None)
    requests = Approval.objects.filter(subject_type=SUBJECT, subject_id=str(subject.pk)).order_by("-pk")
    simulation = selectors.latest_simulation(subject)
    under_way = selectors.simulation_under_way(subject)
    is_on_trial = subject.state == VersionState.CANARY
    context = {
        "configuration": subject.configuration,
        "version": subject,
        "active": active,
        "others": others,
        "open": next((each for each in others if each.state in IN_THE_MAKING), None),
        "findings": findings_shown([from_json(each) for each in subject.findings]),
        "is_refused": any(each["severity"] == "refuse" for each in subject.findings),
        "waiting": requests.first() if subject.state == VersionState.SUBMITTED else None,
        "simulation": simulation,
        "totals": totals_shown(simulation.totals) if simulation else [],
        "work": _work(under_way) if under_way and under_way.is_at_work else None,
        "broke_off": under_way if under_way and not under_way.is_at_work else None,
        "out_of_date": _why_out_of_date(subject) if simulation and subject.state in DECIDED_BY else "",
        "changes": words.difference_in_words(before=active.content, after=subject.content) if active else None,
        "groups": words.version_in_words(subject.content),
        "trial": trial_so_far(subject, before=business_date()) if is_on_trial else None,
        "ended": words.ENDED_LABELS.get(subject.ended_because, ""),
        "held_before": [
            tuple(date.fromisoformat(day) if day else None for day in (each["from"], each["to"]))
            for each in subject.held_before
        ],
        "is_editable": subject.state in EDITABLE,
        "may_edit": may(request, EDIT),
        "may_simulate": may(request, SIMULATE) and subject.state in simulating.SIMULATED_IN,
        "may_roll_back": may(request, ROLL_BACK),
    }
    return render(request, "repayment/autopay/version.html", context)


@requires(VIEW)
def simulation(request: HttpRequest, version_id: int) -> HttpResponse:
    """Every bill that changes, to be narrowed by what changes about it."""
    subject = version_or_404(request, version_id)
    found = selectors.latest_simulation(subject)
    if found is None:
        return go_to(request, reverse("repayment:autopay_version", args=[version_id]))
    try:
        table = CHANGED.shown(rows=selectors.simulated_bills(found), query=request.GET)
    except Refusal as refusal:
        back = reverse("repayment:autopay_simulation", args=[version_id])
        return refused(request, refusal=refusal, back_url=back)
    context = {
        "configuration": subject.configuration,
        "version": subject,
        "simulation": found,
        "totals": totals_shown(found.totals),
        "table": table,
    }
    return render(request, "repayment/autopay/simulation.html", context)


@requires(VIEW)
def difference(request: HttpRequest, version_id: int, other_id: int) -> HttpResponse:
    """Two versions side by side, in words."""
    subject, other = version_or_404(request, version_id), version_or_404(request, other_id)
    if subject.configuration_id != other.configuration_id:
        raise Http404
    context = {
        "configuration": subject.configuration,
        "version": subject,
        "other": other,
        "others": subject.configuration.versions.exclude(pk=subject.pk).order_by("-number"),
        "changes": words.difference_in_words(before=other.content, after=subject.content),
    }
    return render(request, "repayment/autopay/version_difference.html", context)


@requires(EDIT)
def new_configuration(request: HttpRequest) -> HttpResponse:
    """A configuration for loans that have none of their own."""
    scope = person_of(request).scope()
    portfolios = None if scope.all else scope.portfolios
    form = forms.NewConfigurationForm(request.POST or None, portfolios=portfolios)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        product = said.pop("product")
        try:
            made = drafting.create_configuration(
                **said,
                product_id=product.pk if product else None,
                portfolios=portfolios,
                actor=actor_of(request.user),
            )
        except Refusal as refusal:
            form.add_error(None, told(refusal.whole))
        else:
            return go_to(request, reverse("repayment:autopay_configuration", args=[made.pk]))
    context = {"form": form}
    return render(request, "repayment/autopay/new_configuration.html", context, status=422 if form.errors else 200)


@requires(EDIT)
@require_POST
def draft(request: HttpRequest, configuration_id: int) -> HttpResponse:
    """A new draft from a version, from the one in force unless another is named, or from what a lender starts with."""
    found = configuration_or_404(request, configuration_id)
    named = request.GET.get("from", "")
    versions = selectors.listed(found)
    source = next((each for each in versions.versions if named == str(each.number)), None) or versions.active
    content = source.content if source else starter_content(currencies=frozenset({"CNY"}), payee="lender")
    try:
        made = drafting.draft_version(configuration_id=found.pk, content=content, note="", actor=actor_of(request.user))
    except Refusal as refusal:
        back = reverse("repayment:autopay_configuration", args=[configuration_id])
        return refused(request, refusal=refusal, back_url=back)
    return go_to(request, reverse("repayment:edit_autopay", args=[made.pk]))


@requires(EDIT)
def edit(request: HttpRequest, version_id: int) -> HttpResponse:
    """The editor: faults stand at their field; with `look` the guards are asked and nothing is saved."""
    subject = version_or_404(request, version_id)
    page = reverse("repayment:autopay_version", args=[version_id])
    if subject.state not in EDITABLE:
        return go_to(request, page)
    now = drafting.mark_of_draft(subject)
    data = request.POST if request.method == "POST" else None
    form = forms.VersionForm(data, content=subject.content, initial=forms.initial_of(subject))
    seen = now if data is None else str(data.get("seen", now))
    found: list[Finding] = []
    if data is not None and form.is_valid():
        content = form.content()
        if "look" in data:
            subject.content, subject.effective_from = content, form.cleaned_data["effective_from"]
            subject.effective_to = form.cleaned_data["effective_to"]
            found = list(checking.findings_of(subject))
            form.add_findings(found)
        elif faults := _faults(content):
            form.add_findings(faults)
        else:
            try:
                drafting.change_draft(
                    version_id=version_id,
                    content=content,
                    note=form.cleaned_data["note"],
                    actor=actor_of(request.user),
                    seen=seen,
                    **forms.dates_of(form),
                )
            except DraftMovedOn as error:
                seen = now
                form.add_error(None, told(error.whole))
            except Refusal as error:
                for name, fault in (error.fields or {"": error.whole}).items():
                    form.add_error(name if name in form.fields else None, told(fault))
            else:
                return go_to(request, page)
    context = {
        "configuration": subject.configuration,
        "version": subject,
        "form": form,
        "seen": seen,
        "findings": findings_shown(found),
        "looked": data is not None and "look" in data and not form.errors and not found,
    }
    is_wrong = bool(form.errors) and data is not None
    return render(request, "repayment/autopay/editor.html", context, status=422 if is_wrong else 200)


@requires(EDIT)
@require_POST
def check(request: HttpRequest, version_id: int) -> HttpResponse:
    """Run the guards."""
    version_or_404(request, version_id)
    return _do(request, version_id, lambda: checking.check_version(version_id=version_id, actor=actor_of(request.user)))


@requires(SIMULATE)
@require_POST
def simulate(request: HttpRequest, version_id: int) -> HttpResponse:
    """Have the version run beside the one in force; the page of the version shows how far it is."""
    version_or_404(request, version_id)
    page = reverse("repayment:autopay_version", args=[version_id])
    try:
        asked = simulating.ask_simulation(version_id=version_id, actor=actor_of(request.user))
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=page)
    simulate_autopay.delay_on_commit(simulation_id=asked.pk)
    return go_to(request, page)


@requires(VIEW)
def simulation_progress(request: HttpRequest, version_id: int) -> HttpResponse:
    """How far a simulation is, asked for again every second while it is made; the whole page once it is over."""
    found = selectors.simulation_under_way(version_or_404(request, version_id))
    work = _work(found) if found and found.is_at_work else {"label": "", "done": 0, "total": 0, "poll_url": ""}
    response = render(request, "console/_progress.html", {"work": work})
    if not work["poll_url"]:
        response.headers["HX-Refresh"] = "true"
    return response


def configuration_or_404(request: HttpRequest, configuration_id: int) -> AutopayConfiguration:
    """The configuration, if the person sees it."""
    found = selectors.configurations_seen(user=person_of(request)).filter(pk=configuration_id).first()
    if found is None:
        raise Http404
    return found


def version_or_404(request: HttpRequest, version_id: int) -> AutopayVersion:
    """The version with its configuration, if the person sees it."""
    found = selectors.version_seen(user=person_of(request), version_id=version_id)
    if found is None:
        raise Http404
    return found


def _work(simulation: Simulation) -> dict[str, Any]:
    return {
        "label": _("Simulating"),
        "done": simulation.loans_done,
        "total": simulation.loans_total or None,
        "note": _("Tomorrow's bills and those of the last 30 days, loan by loan."),
        "poll_url": reverse("repayment:autopay_simulation_progress", args=[simulation.version_id]),
    }


def _why_out_of_date(version: AutopayVersion) -> str:
    try:
        simulating.simulation_to_go_by(version)
    except (SimulationOutOfDate, ConfigurationFaulty) as refusal:
        return told(refusal.message) if isinstance(refusal, SimulationOutOfDate) else ""
    return ""


def findings_shown(findings: list[Finding]) -> list[dict[str, Any]]:
    """Findings as the page lists them: the guard's name, the place, the sentence."""
    return [
        {
            "guard": GUARD_WORDS[each.guard],
            "field": words.place_in_words(each.field),
            "words": each.words,
            "refuses": each.refuses,
        }
        for each in findings
    ]


def totals_shown(totals: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a simulation came to, tomorrow and in the last 30 days, with before beside after by currency and payee."""
    labels = {"tomorrow": _("Tomorrow"), "past": _("The last 30 days")}
    return [
        {
            "label": label,
            "before": totals[name]["before"],
            "after": totals[name]["after"],
            "changed": totals[name]["changed"],
            "why": [(words.why_in_words(why), count) for why, count in sorted(totals[name]["why"].items())],
            "amounts": _beside(totals[name], lambda side: {(cur, cur): amt for cur, amt in side["amounts"].items()}),
            "payees": _beside(
                totals[name],
                lambda side: {(line["payee"], line["currency"]): line["amount"] for line in side["payees"]},
                named=words.payee_names(),
            ),
        }
        for name, label in labels.items()
    ]


def _beside(period: Mapping[str, Any], read: Any, *, named: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    before, after = read(period["before"]), read(period["after"])
    return [
        {
            "name": (named or {}).get(key[0], key[0]),
            "currency": key[1],
            "before": Decimal(before.get(key, 0)),
            "after": Decimal(after.get(key, 0)),
        }
        for key in sorted({*before, *after})
    ]


def _faults(content: Mapping[str, Any]) -> list[Finding]:
    try:
        parse(content)
    except ConfigurationFaulty as error:
        return [finding_of(fault) for fault in error.faults]
    return []


def _do(request: HttpRequest, version_id: int, deed: Any) -> HttpResponse:
    page = reverse("repayment:autopay_version", args=[version_id])
    try:
        deed()
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=page)
    return go_to(request, page)
