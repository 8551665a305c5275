"""Which versions of configurations name a payee."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext as _

from backoffice.repayment.domain.autopay.version_states import VersionState
from backoffice.repayment.models import AutopayVersion

RULING: Final = frozenset({VersionState.APPROVED, VersionState.CANARY, VersionState.ACTIVE})
"""States in which a version rules debits, or will without anybody looking at it again."""


@dataclass(frozen=True, slots=True)
class Naming:
    """One version that names a payee; `rules`: debits are split by it, or are about to be."""

    version_id: int
    label: str
    state: str
    rules: bool


def versions_naming(*, code: str) -> list[Naming]:
    """The versions that are not retired and name the payee, those that rule debits first; one query."""
    return namings().get(code, [])


def namings() -> dict[str, list[Naming]]:
    """Of every payee, by its code, the versions that name it; one query."""
    found: dict[str, list[Naming]] = defaultdict(list)
    rows = AutopayVersion.objects.exclude(state=VersionState.RETIRED.value).select_related("configuration")
    for version in rows.order_by("configuration__code", "number"):
        naming = Naming(version.pk, version_label(version), version.state, VersionState(version.state) in RULING)
        for code in _named_in(version.content):
            found[code].append(naming)
    return {code: sorted(each, key=lambda naming: not naming.rules) for code, each in found.items()}


def version_label(version: AutopayVersion) -> str:
    """A version as people know it; its configuration is read already."""
    return _("%(name)s, version %(number)s") % {"name": version.configuration.name, "number": version.number}


def _named_in(content: Mapping[str, Any]) -> set[str]:
    """Codes a content names, whole or not: a draft may be anything."""
    payees = content.get("payees")
    parts = payees.values() if isinstance(payees, Mapping) else ()
    lines = [line for part in parts if isinstance(part, list) for line in part]
    named = {str(line["payee"]) for line in lines if isinstance(line, Mapping) and line.get("payee")}
    return named | ({str(content["keeper"])} if content.get("keeper") else set())
