"""The variables of a message as they are sealed: one small text for all of them."""

import json
from collections.abc import Mapping


def write_variables(values: Mapping[str, str]) -> str:
    """The values as text, the same for the same values."""
    return json.dumps(dict(values), ensure_ascii=False, sort_keys=True)


def read_variables(text: str) -> dict[str, str]:
    """The values a text holds; none for the empty one."""
    return dict(json.loads(text)) if text else {}
