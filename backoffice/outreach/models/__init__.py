"""Packs of rules, the contact log, consents, messages, plans, campaigns and experiments."""

from backoffice.outreach.models.consents import ConsentEntry, PreferenceEntry
from backoffice.outreach.models.contacts import BlockedContact, ContactEntry

__all__ = ["BlockedContact", "ConsentEntry", "ContactEntry", "PreferenceEntry"]
