"""A sentence before it is in a language: the id of a message and the values it is filled with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Sentence:
    """`code` names the message, `params` are plain values to format; the texts are in `selectors`."""

    code: str
    params: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
