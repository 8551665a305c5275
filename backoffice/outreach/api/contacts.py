"""The gate and the contact log over the API: may somebody be reached, reserve a call, log, record, prove."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from backoffice.audit.idempotent_view import idempotent
from backoffice.calendars import clock
from backoffice.core.access import actor_of
from backoffice.core.api.views import ApiView, ListView, read
from backoffice.customers.selectors.borrowers import check_visible
from backoffice.outreach.api import contact_shapes as shapes
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.compiling import PacksInForce
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.domain.verdicts import Denial, Reserved, Verdict, Wanted
from backoffice.outreach.selectors import contact_log as log
from backoffice.outreach.selectors.inspecting import inspect, with_endpoint, zones_of
from backoffice.outreach.selectors.packs import pack_day, packs_in_force
from backoffice.outreach.selectors.rule_words import no_time_said, rule_said
from backoffice.outreach.services.gate import reserve_contact
from backoffice.outreach.services.recording import log_by_hand, record_result
from backoffice.staff.access import person_of


class MayContactView(ApiView):
    """May a borrower be reached: by every rule that denies it, from when, and what of each cap is left."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "outreach.contact.view"}
    query_serializer_class = shapes.MayContactQuery
    serializer_class = shapes.MayContactSerializer
    refusals = ("404", "409")

    def get(self, request: Request) -> Response:
        """Writes nothing and permits nothing: a call is reserved, a message is judged again as it leaves."""
        asked = self.query()
        check_visible(borrower_id=asked["borrower_id"], user=person_of(request))
        at = asked.pop("at", None) or clock.now()
        packs = packs_in_force(on=pack_day(at))
        wanted = with_endpoint(wanted=_wanted(at=at, **asked))
        found = inspect(wanted=wanted, packs=packs)
        answer = {
            "is_allowed": found.verdict.is_allowed,
            "denials": _denials(found.verdict.denials, packs=packs),
            "next_permitted_at": found.verdict.next_permitted_at,
            "why_no_time": no_time_said(found.verdict, zones=found.standing.zones, at=at),
            "budgets": [
                {
                    "rule": budget.rule,
                    "says": rule_said(rule_id=budget.rule, packs=packs).says,
                    "most": budget.most,
                    "used": budget.used,
                    "left": budget.left,
                    "refills_at": budget.refills_at,
                }
                for budget in found.budgets
            ],
            "zones": found.standing.zones,
            "endpoint_id": wanted.endpoint_id,
            "packs": found.verdict.packs,
        }
        return Response(self.serializer_class(answer).data)


def _why_no_time(verdict: Verdict, *, borrower_id: int, at: datetime) -> str:
    if verdict.is_allowed or verdict.next_permitted_at is not None:
        return ""
    return no_time_said(verdict, zones=zones_of(borrower_id=borrower_id, at=at), at=at)


class ReserveCallView(ApiView):
    """Reserve a call: judged and written into the log in one step, so that two callers never pass a cap together."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "outreach.contact.log"}
    request_serializer_class = shapes.ReserveCallSerializer
    serializer_class = shapes.ReservedCallSerializer

    @idempotent
    def post(self, request: Request, borrower_id: int) -> Response:
        """Allowed, it counts from now on and its result is recorded as a fact; denied, the attempt is kept."""
        check_visible(borrower_id=borrower_id, user=person_of(request))
        asked = read(self.request_serializer_class, request.data)
        at = clock.now()
        answer = reserve_contact(wanted=_wanted(borrower_id=borrower_id, at=at, **asked), actor=actor_of(request.user))
        is_reserved = isinstance(answer, Reserved)
        verdict = answer.verdict if isinstance(answer, Reserved) else answer
        packs = packs_in_force(on=pack_day(at))
        body = {
            "is_allowed": is_reserved,
            "entry_id": answer.entry_id if isinstance(answer, Reserved) else None,
            "denials": _denials(verdict.denials, packs=packs),
            "next_permitted_at": verdict.next_permitted_at,
            "why_no_time": _why_no_time(verdict, borrower_id=borrower_id, at=at),
        }
        return Response(self.serializer_class(body).data)


class ContactsView(ListView):
    """Contacts with all borrowers, the latest recorded first."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "outreach.contact_log.view"}
    query_serializer_class = shapes.ContactsQuery
    serializer_class = shapes.LoggedContactSerializer

    def rows(self, **filters: Any) -> QuerySet[Any]:
        """The contacts with borrowers the person may see that fit every filter."""
        return _narrowed(log.attempts(user=person_of(self.request)), filters)


class BorrowerContactsView(ListView):
    """The contacts with one person, those of the records merged into the borrower among them."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "outreach.contact.view", "POST": "outreach.contact.log"}
    request_serializer_class = shapes.LogContactSerializer
    serializer_class = shapes.LoggedContactSerializer
    answer_serializer_class = shapes.LogEntryIdSerializer
    success_status = 201
    refusals = ("404", "409", "422")

    def rows(self, *, borrower_id: int) -> QuerySet[Any]:
        """The whole log of the person."""
        check_visible(borrower_id=borrower_id, user=person_of(self.request))
        return log.attempts_of(borrower_id=borrower_id)

    @idempotent
    def post(self, request: Request, borrower_id: int) -> Response:
        """Log a contact that was made already; it counts like any other, and the next replay judges one of ours."""
        check_visible(borrower_id=borrower_id, user=person_of(request))
        asked = read(self.request_serializer_class, request.data)
        entry_id = log_by_hand(
            borrower_id=borrower_id,
            channel=Channel(asked.pop("channel")),
            purpose=Purpose(asked.pop("purpose")),
            now=clock.now(),
            actor=actor_of(request.user),
            **asked,
        )
        return Response(self.answer_serializer_class({"id": entry_id}).data, status=self.success_status)


class ProofView(ApiView):
    """Is the log of a borrower what was written."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "outreach.contact.view"}
    serializer_class = shapes.ContactProofSerializer

    def get(self, request: Request, borrower_id: int) -> Response:
        """Every entry's hash recomputed from its fields and the entry before it."""
        check_visible(borrower_id=borrower_id, user=person_of(request))
        return Response(self.serializer_class(log.chain_proof(borrower_id=borrower_id)).data)


class FactsView(ApiView):
    """Say whom a contact reached or what came of it."""

    permissions_by_method: ClassVar[dict[str, str]] = {"POST": "outreach.contact.log"}
    request_serializer_class = shapes.LogFactSerializer
    serializer_class = shapes.LogEntryIdSerializer
    success_status = 201

    @idempotent
    def post(self, request: Request, entry_id: int) -> Response:
        """Nothing is changed: the last fact counts, and a correction counts the contact anew."""
        log.attempt_of(entry_id=entry_id, user=person_of(request))
        asked = read(self.request_serializer_class, request.data)
        fact_id = record_result(entry_id=entry_id, now=clock.now(), actor=actor_of(request.user), **asked)
        return Response(self.serializer_class({"id": fact_id}).data, status=self.success_status)


class BlockedView(ListView):
    """Attempts the gate did not let through, the latest first."""

    permissions_by_method: ClassVar[dict[str, str]] = {"GET": "outreach.contact_log.view"}
    query_serializer_class = shapes.BlockedQuery
    serializer_class = shapes.BlockedContactSerializer

    def rows(self, *, rule: str = "", **filters: Any) -> QuerySet[Any]:
        """The attempts at borrowers the person may see that fit every filter."""
        rows = _narrowed(log.blocked(user=person_of(self.request)), filters)
        return rows.filter(rules__contains=[rule]) if rule else rows


def _narrowed(rows: QuerySet[Any], filters: dict[str, Any]) -> QuerySet[Any]:
    borrower, code = filters.pop("borrower", None), filters.pop("code", "")
    if borrower is not None:
        filters["borrower_id"] = borrower
    narrowed = rows.filter(**filters)
    return log.with_code(rows=narrowed, code=code) if code else narrowed


def _wanted(*, channel: str, purpose: str, **fields: Any) -> Wanted:
    return Wanted(channel=Channel(channel), purpose=Purpose(purpose), **fields)


def _denials(denials: Iterable[Denial], *, packs: PacksInForce) -> list[dict[str, Any]]:
    said = [(denial, rule_said(rule_id=denial.rule, packs=packs)) for denial in denials]
    return [
        {
            "rule": denial.rule,
            "says": rule.says,
            "source": rule.source,
            "confidence": rule.confidence,
            "release_at": denial.release_at,
        }
        for denial, rule in said
    ]
