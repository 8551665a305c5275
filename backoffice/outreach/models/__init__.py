"""Packs of rules, the contact log, consents, messages, plans, campaigns and experiments."""

from backoffice.outreach.models.consents import ConsentEntry, PreferenceEntry
from backoffice.outreach.models.contacts import BlockedContact, ContactEntry
from backoffice.outreach.models.messages import Gateway, GatewayReceipt, Message, MessageMove, PrintFile
from backoffice.outreach.models.templates import MessageTemplate, Piece, TemplateVersion

__all__ = [
    "BlockedContact",
    "ConsentEntry",
    "ContactEntry",
    "Gateway",
    "GatewayReceipt",
    "Message",
    "MessageMove",
    "MessageTemplate",
    "Piece",
    "PreferenceEntry",
    "PrintFile",
    "TemplateVersion",
]
