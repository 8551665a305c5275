"""Breakers: what opened, what was seen and allowed, which batch it stopped, and closing one."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from backoffice.calendars import clock
from backoffice.core.access import may, requires
from backoffice.core.actors import Actor
from backoffice.core.confirm import ConfirmView, Consequence, Line, Text
from backoffice.core.errors import Refusal
from backoffice.core.http import refused
from backoffice.core.tables import Choice, Column, Day, Rows, Table
from backoffice.core.telling import doer
from backoffice.repayment.console.autopay import debit_states as _states  # noqa: F401 - declares the tones
from backoffice.repayment.models import Breaker, DebitBatch
from backoffice.repayment.models.autopay.debits import BREAKER_LABELS
from backoffice.repayment.selectors.autopay.board import batch_name, visible_breakers, waiting_of
from backoffice.repayment.selectors.autopay.code_words import breaker_detail
from backoffice.repayment.services.autopay.breaking import close_breaker, stopping, to_be_dropped, waiting_for
from backoffice.staff.access import person_of


def _of_state(rows: Rows, state: str) -> Rows:
    return rows.filter(closed_at__isnull=state == "open")


def _order_url(breaker: Breaker) -> str:
    return reverse("repayment:debit", args=[breaker.command_id]) if breaker.command_id else ""


def _close_url(breaker: Breaker) -> str:
    return "" if breaker.closed_at else reverse("repayment:close_breaker", args=[breaker.pk])


CLOSED = Table(
    name="closed-breakers",
    caption=gettext_lazy("Breakers"),
    columns=(
        Column("opened_at", pgettext_lazy("breaker", "Opened"), kind="moment"),
        Column("kind", gettext_lazy("What it watches"), value=lambda row: row.get_kind_display(), css="strong"),
        Column("seen", gettext_lazy("Seen"), css="money"),
        Column("allowed", gettext_lazy("Allowed"), value=lambda row: row.allowed or None, css="money"),
        Column(
            "batch", pgettext_lazy("breaker", "Stopped"), value=lambda row: batch_name(row.batch) if row.batch else None
        ),
        Column(
            "order",
            pgettext_lazy("debit", "Order"),
            value=lambda row: row.command and row.command.order_no,
            link=_order_url,
        ),
        Column("detail", gettext_lazy("More"), value=lambda row: breaker_detail(row) or None, css="muted words"),
        Column("closed_at", pgettext_lazy("breaker", "Closed"), kind="moment"),
        Column("closed_by", gettext_lazy("By"), value=lambda row: doer(row.closed_by) or None),
        Column("close_reason", gettext_lazy("Because"), value=lambda row: row.close_reason or None, css="words"),
    ),
    filters=(
        Choice(
            "kind",
            gettext_lazy("What it watches"),
            choices=[(kind.value, name) for kind, name in BREAKER_LABELS.items()],
        ),
        Day("day", gettext_lazy("Opened on"), lookup="opened_at__date"),
    ),
    order=("-opened_at", "-id"),
    empty_title=gettext_lazy("No breaker was ever closed"),
    empty_text=gettext_lazy("Breakers that opened and were closed by a person stand here with the reason."),
)


@requires("repayment.autopay.view")
def breakers(request: HttpRequest) -> HttpResponse:
    """Open breakers first, each with what it stopped; below them those that were closed."""
    rows = visible_breakers(user=person_of(request))
    try:
        table = CLOSED.shown(rows=rows.filter(closed_at__isnull=False), query=request.GET)
    except Refusal as refusal:
        return refused(request, refusal=refusal, back_url=reverse("repayment:breakers"))
    still_open = list(rows.filter(closed_at__isnull=True).order_by("opened_at", "id"))
    context = {
        "open_breakers": [(row, breaker_detail(row), batch_name(row.batch) if row.batch else "") for row in still_open],
        "table": table,
        "may_close": may(request, "repayment.breaker.close"),
    }
    return render(request, "repayment/autopay/breakers.html", context)


class CloseBreaker(ConfirmView):
    """Closes a breaker; its batch goes on."""

    permission = "repayment.breaker.close"
    title: ClassVar[Text] = gettext_lazy("Close the breaker")
    verb: ClassVar[Text] = gettext_lazy("Close it")
    costly = True

    def load(self, *, request: HttpRequest, **address: Any) -> Breaker:
        """The open breaker, if the person may see it. Raises Http404."""
        rows = visible_breakers(user=person_of(request)).filter(closed_at__isnull=True)
        found = rows.filter(pk=address["breaker_id"]).first()
        if found is None:
            raise Http404
        return found

    def back_url(self, *, subject: Any) -> str:
        """The page of the breakers."""
        return reverse("repayment:breakers")

    def subject_line(self, *, subject: Any) -> str:
        """What it watches and which batch it stopped."""
        return ", ".join(filter(None, [subject.get_kind_display(), subject.batch and batch_name(subject.batch)]))

    def foresee(self, *, subject: Any, values: Mapping[str, Any], actor: Actor) -> Consequence:
        """What was seen and allowed, and how many debits leave again."""
        lines = [Line(_("Seen"), subject.seen), Line(_("Allowed"), subject.allowed or "–")]
        if subject.batch is None:
            return Consequence(lines=tuple(lines), warnings=(_("It stopped no batch."),))
        batches = waiting_for(subject)
        waiting = waiting_of(batch_ids=[batch.pk for batch in batches])
        lines.append(Line(_("Debits that wait"), waiting.planned))
        lines += [
            Line(_("They ask for"), amount, currency=currency, total=True)
            for currency, amount in waiting.amounts.items()
        ]
        warnings = [self._what_follows(subject, subject.batch)]
        if to_be_dropped(subject):
            warnings.append(
                _("Order %(order)s is dropped, and its bill is not tried again on that day.")
                % {"order": subject.command.order_no}
            )
        later = [batch for batch in batches if batch.pk != subject.batch_id]
        if later:
            warnings.append(
                _(
                    "Later batches of the same version that wait for it go on too: %(count)s, unless their time is "
                    "over or another breaker stops them."
                )
                % {"count": len(later)}
            )
        return Consequence(lines=tuple(lines), warnings=tuple(warnings))

    @staticmethod
    def _what_follows(subject: Breaker, batch: DebitBatch) -> Text:
        others = stopping(batch).exclude(pk=subject.pk).count()
        if others:
            return _("The batch stays stopped: %(count)s more breakers that stop it are open.") % {"count": others}
        if clock.now() >= batch.ends_at:
            return _("The time of the batch is over: nothing of it leaves any more.")
        return _("The batch goes on at once, and its counts begin anew.")

    def perform(self, *, subject: Any, values: Mapping[str, Any], actor: Actor, key: str) -> Text:
        """Closes it."""
        close_breaker(breaker_id=subject.pk, reason=values["reason"], at=clock.now(), actor=actor)
        return _("The breaker is closed.")
