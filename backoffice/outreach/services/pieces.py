"""The library of pieces: a change is a further version, the one before it stays readable and is offered no more."""

from typing import ClassVar

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from backoffice.audit.services import record
from backoffice.core.actors import Actor
from backoffice.core.errors import Refusal
from backoffice.outreach.domain.elements import Element
from backoffice.outreach.models import Piece
from backoffice.outreach.selectors.wording import findings_in
from backoffice.outreach.services.checking import WordsRefused, fault_in_variables, finding_in_words


class PieceNotFound(Refusal):
    """There is no such piece, or it is retired already."""

    code: ClassVar[str] = "outreach.piece_not_found"
    status: ClassVar[int] = 404


@transaction.atomic
def write_piece(*, element: Element, code: str, language: str, text: str, actor: Actor) -> Piece:
    """A piece, or the next version of one. The same text again is the same version. Raises WordsRefused."""
    text = text.strip()
    check_piece(text=text, language=language)
    siblings = Piece.objects.select_for_update().filter(element=element, code=code, language=language)
    current = siblings.filter(is_retired=False).first()
    if current is not None and current.text == text:
        return current
    number = (Piece.objects.filter(element=element, code=code, language=language).aggregate(last=Max("number")))["last"]
    siblings.filter(is_retired=False).update(is_retired=True)
    piece = Piece.objects.create(
        element=element.value,
        code=code,
        language=language,
        number=(number or 0) + 1,
        text=text,
        created_by=actor.id,
        created_by_name=actor.name,
    )
    record(
        verb="outreach.piece.written",
        subject_type="outreach.piece",
        subject_id=piece.pk,
        actor=actor,
        before=None if current is None else {"text": current.text},
        after={"element": element.value, "code": code, "language": language, "number": piece.number, "text": text},
    )
    return piece


@transaction.atomic
def retire_piece(*, piece_id: int, reason: str, actor: Actor) -> Piece:
    """Offers a piece no more; templates that have it keep their words. Raises PieceNotFound."""
    piece = Piece.objects.select_for_update().filter(pk=piece_id, is_retired=False).first()
    if piece is None:
        raise PieceNotFound(
            _("There is no such piece, or it is retired already."), next_step=_("Look in the library of pieces.")
        )
    piece.is_retired = True
    piece.save(update_fields=["is_retired"])
    record(
        verb="outreach.piece.retired",
        subject_type="outreach.piece",
        subject_id=piece.pk,
        actor=actor,
        reason=reason,
        after={"is_retired": True},
    )
    return piece


def check_piece(*, text: str, language: str) -> None:
    """Refuses empty text, unknown variables and banned wording; what a legal review covers is left to the template.

    Raises WordsRefused.
    """
    fault = "" if text else _("write what is said")
    fault = fault or fault_in_variables(text)
    found = findings_in(text=text, language=language, is_legal=True)
    if found and not fault:
        fault = finding_in_words(found[0])
    if fault:
        raise WordsRefused(
            _("These words cannot be sent: %(why)s.") % {"why": fault},
            next_step=_("Change what is marked and try again."),
            fields={"text": fault},
        )
