"""The field keys of this process, read once from the settings."""

from functools import lru_cache

from django.conf import settings

from backoffice.customers.domain.sealing import KeyRing, ring_of


def ring() -> KeyRing:
    """The ring of `settings.FIELD_KEYS`. Raises BadKeys when it cannot be used."""
    return _ring_of(settings.FIELD_KEYS)


@lru_cache(maxsize=8)
def _ring_of(text: str) -> KeyRing:
    return ring_of(text)
