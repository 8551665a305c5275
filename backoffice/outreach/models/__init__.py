"""Packs of rules, the contact log, consents, messages, plans, campaigns and experiments."""

from backoffice.outreach.models.consents import ConsentEntry, PreferenceEntry
from backoffice.outreach.models.contacts import BlockedContact, ContactEntry
from backoffice.outreach.models.experiments import (
    Arm,
    ArmResult,
    Experiment,
    Exposure,
    Factor,
    Layer,
    Metric,
    Outcome,
)

__all__ = [
    "Arm",
    "ArmResult",
    "BlockedContact",
    "ConsentEntry",
    "ContactEntry",
    "Experiment",
    "Exposure",
    "Factor",
    "Layer",
    "Metric",
    "Outcome",
    "PreferenceEntry",
]
