"""The templates and pieces a new lender starts with, out of the data file; loading them again changes nothing."""

import tomllib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from django.db import transaction
from django.db.models.functions import Now

from backoffice.audit.services import record
from backoffice.core.actors import Actor
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.elements import CHINESE, ENGLISH, Element
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.domain.reminder_states import PlanState
from backoffice.outreach.domain.template_states import TemplateState
from backoffice.outreach.models import MessageTemplate, Piece, ReminderPlan, TemplateVersion
from backoffice.outreach.services.checking import check_version
from backoffice.outreach.services.pieces import write_piece
from backoffice.outreach.services.reminder_plans import create_plan
from backoffice.outreach.services.reminder_plans import draft_version as draft_plan
from backoffice.outreach.services.templates import Wording, create_template, draft_version

PLAN_FILE: Final = Path(__file__).resolve().parent.parent / "starter" / "reminders.toml"
FILE: Final = Path(__file__).resolve().parent.parent / "starter" / "templates.toml"
SUFFIX: Final = {ENGLISH: "en", CHINESE: "zh"}
COMPOSED: Final = (Channel.SMS, Channel.PUSH, Channel.INBOX, Channel.EMAIL)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load added; nothing the second time."""

    templates: int
    versions: int
    pieces: int


@transaction.atomic
def load_starter(*, is_active: bool, actor: Actor) -> Loaded:
    """Loads what is not there yet: pieces, templates, and a version of each text of the file.

    `is_active`: the versions speak at once, as the house that ships them approved them; otherwise they are drafts for
    two people of the lender. A template that has a version in a channel and language keeps its own.
    """
    data = tomllib.loads(FILE.read_text(encoding="utf-8"))
    pieces_before = Piece.objects.count()
    ids = {language: _load_pieces(data["pieces"], language, actor=actor) for language in SUFFIX}
    templates = versions = 0
    for entry in data["templates"]:
        template = MessageTemplate.objects.filter(code=entry["code"]).first()
        if template is None:
            template = create_template(
                code=entry["code"],
                name=entry["name"],
                name_zh=entry["name_zh"],
                purpose=Purpose(entry["purpose"]),
                actor=actor,
            )
            templates += 1
        for language in SUFFIX:
            versions += _load_texts(template, entry, language, ids[language], is_active=is_active, actor=actor)
    return Loaded(templates=templates, versions=versions, pieces=Piece.objects.count() - pieces_before)


@transaction.atomic
def load_starter_plan(*, effective_from: date, actor: Actor) -> bool:
    """The reminder plan of the data file, in force from a day, unless there is a plan; True when it was loaded.

    As the house that ships it approved it; a lender changes it with two people.
    """
    if ReminderPlan.objects.exists():
        return False
    data = tomllib.loads(PLAN_FILE.read_text(encoding="utf-8"))
    plan = create_plan(
        code=data["code"], name=data["name"], name_zh=data["name_zh"], portfolio=data["portfolio"], actor=actor
    )
    content = {"steps": data["steps"], "holdout": data["holdout"]}
    version = draft_plan(plan_id=plan.pk, content=content, note="", actor=actor)
    version.state, version.effective_from = PlanState.ACTIVE.value, effective_from
    version.approved_by_name, version.approved_at = actor.name, Now()
    version.save(update_fields=["state", "effective_from", "approved_by_name", "approved_at"])
    return True


def _load_pieces(entries: list[dict[str, str]], language: str, *, actor: Actor) -> dict[str, int]:
    """The id of each piece in a language by "element/code"; a piece somebody changed since keeps its change."""
    ids: dict[str, int] = {}
    for entry in entries:
        element, code = Element(entry["element"]), entry["code"]
        known = Piece.objects.filter(element=element, code=code, language=language).order_by("-number").first()
        piece = known or write_piece(
            element=element, code=code, language=language, text=entry[SUFFIX[language]], actor=actor
        )
        ids[f"{element}/{code}"] = piece.pk
    return ids


def _load_texts(
    template: MessageTemplate,
    entry: dict[str, Any],
    language: str,
    pieces: dict[str, int],
    *,
    is_active: bool,
    actor: Actor,
) -> int:
    loaded = 0
    for channel, wording in _wordings(entry, SUFFIX[language], pieces):
        if TemplateVersion.objects.filter(template=template, channel=channel, language=language).exists():
            continue
        version = draft_version(
            template_id=template.pk, channel=channel, language=language, wording=wording, actor=actor
        )
        if is_active:
            _activate(version, actor=actor)
        loaded += 1
    return loaded


def _wordings(entry: dict[str, Any], suffix: str, pieces: dict[str, int]) -> list[tuple[Channel, Wording]]:
    found = []
    for channel in COMPOSED:
        if channel.value in entry:
            subject = "" if channel is Channel.SMS else entry[f"subject_{suffix}"]
            chosen = tuple(pieces[name] for name in entry[channel.value])
            found.append((channel, Wording(subject=subject, pieces=chosen)))
        text = entry.get("text", {}).get(f"{channel.value}_{suffix}")
        if text is not None:
            found.append((channel, Wording(body=text)))
    return found


def _activate(version: TemplateVersion, *, actor: Actor) -> None:
    """A shipped version speaks at once; its words are checked like any others."""
    check_version(version)
    version.state = TemplateState.ACTIVE.value
    version.approved_by_name, version.approved_at = actor.name, Now()
    version.save(update_fields=["state", "approved_by_name", "approved_at"])
    record(
        verb="outreach.template_version.shipped",
        subject_type="outreach.template_version",
        subject_id=version.pk,
        actor=actor,
        after={"template": version.template.code, "channel": version.channel, "language": version.language},
    )
