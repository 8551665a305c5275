"""Drafts that several people may have open: whoever saves last must have seen what the others saved before."""

import hashlib
import json
from typing import Any

from django.utils.translation import gettext as _

from backoffice.core.errors import Refusal


class DraftMovedOn(Refusal):
    """Somebody saved the draft since the person opened it; nothing of theirs is overwritten unseen."""

    code = "core.draft_moved_on"
    status = 409


def mark_of(*content: Any) -> str:
    """What a form carries to say which content it was opened with: SHA-256 of the content as JSON, shortened."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:32]


def refuse_if_moved_on(*, seen: str | None, now: str) -> None:
    """Raises DraftMovedOn when the draft is no longer as the person saw it; `seen` None: nobody looked."""
    if seen is not None and seen != now:
        raise DraftMovedOn(
            _("Somebody else saved this draft since you opened it. What you typed is below and not saved."),
            next_step=_("Look at the draft in another tab. Saving once more replaces what they saved."),
        )
