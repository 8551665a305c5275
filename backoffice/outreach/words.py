"""What this app's verbs and subjects are called in the trail."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

WORDS: dict[str, "_StrPromise"] = {}
