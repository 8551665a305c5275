"""Packs of rules, the contact log, consents, messages, plans, campaigns and experiments."""

from backoffice.outreach.models.campaigns import Audience, Campaign, CampaignDay, CampaignMember
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
from backoffice.outreach.models.messages import Gateway, GatewayReceipt, Message, MessageMove, PrintFile
from backoffice.outreach.models.packs import (
    CompiledRule,
    PackGeneration,
    RulePack,
    RulePackCheck,
    RulePackMove,
    RulePackVersion,
)
from backoffice.outreach.models.reminders import ReminderGroup, ReminderPlan, ReminderPlanVersion
from backoffice.outreach.models.replays import ReplayFinding, ReplayReport
from backoffice.outreach.models.replies import Reply
from backoffice.outreach.models.templates import MessageTemplate, Piece, TemplateVersion

__all__ = [
    "Arm",
    "ArmResult",
    "Audience",
    "BlockedContact",
    "Campaign",
    "CampaignDay",
    "CampaignMember",
    "CompiledRule",
    "ConsentEntry",
    "ContactEntry",
    "Experiment",
    "Exposure",
    "Factor",
    "Gateway",
    "GatewayReceipt",
    "Layer",
    "Message",
    "MessageMove",
    "MessageTemplate",
    "Metric",
    "Outcome",
    "PackGeneration",
    "Piece",
    "PreferenceEntry",
    "PrintFile",
    "ReminderGroup",
    "ReminderPlan",
    "ReminderPlanVersion",
    "ReplayFinding",
    "ReplayReport",
    "Reply",
    "RulePack",
    "RulePackCheck",
    "RulePackMove",
    "RulePackVersion",
    "TemplateVersion",
]
