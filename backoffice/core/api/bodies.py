"""The body of a call: what it does not know is refused, not ignored, and its description says so."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.extensions import OpenApiSerializerExtension
from rest_framework import serializers


class BodySerializer(serializers.Serializer):
    """The base of every serializer that reads a body, or a part of one.

    A field misspelt would otherwise be left out in silence: a waiver without its reason, a payment without its rule.
    """

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """The values of the fields. Raises ValidationError naming every field at fault, the unknown among them."""
        names = data.keys() if isinstance(data, Mapping) else ()
        known = {name for name, field in self.fields.items() if not field.read_only}
        unknown = {str(name): [_("this address does not take that field")] for name in names if name not in known}
        try:
            values: dict[str, Any] = super().to_internal_value(data)
        except serializers.ValidationError as error:
            raise serializers.ValidationError({**unknown, **error.detail}) from error  # type: ignore[dict-item]
        if unknown:
            raise serializers.ValidationError(unknown)
        return values


class EmptyBodySerializer(BodySerializer):
    """The body of a call that takes none: nothing, or an object without fields."""


class BodySchema(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Tells OpenAPI that a body has the fields it lists and no others."""

    target_class = BodySerializer
    match_subclasses = True

    def map_serializer(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        """The object as it would be described anyway; closed where it is sent to us."""
        described: dict[str, Any] = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        return {**described, "additionalProperties": False} if direction == "request" else described
