"""Templates, gateways and planned messages to work with in tests."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from backoffice.core.actors import SYSTEM
from backoffice.customers.models import Borrower
from backoffice.outreach.domain.channels import Channel
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.domain.variables import names_in
from backoffice.outreach.models import Gateway, Message, MessageTemplate, TemplateVersion
from backoffice.outreach.services.messages import Planned, plan_messages
from tests.customers.factories import borrower

NOON = datetime(2026, 3, 17, 4, 0, tzinfo=UTC)
"""A Tuesday, noon in China."""
REMINDER = "Hello {name}, your bill of {amount} is due on {due_date}. {lender}"
VALUES = {"amount": "CNY 1100.16", "due_date": "2026-03-20"}
KINDS = {Channel.EMAIL: "smtp", Channel.INBOX: "app", Channel.POPUP: "app", Channel.LETTER: "print"}
_numbers = count(1)


def template(code: str = "due_soon", purpose: Purpose = Purpose.REMINDER) -> MessageTemplate:
    """A template by its code, made once."""
    return MessageTemplate.objects.get_or_create(code=code, defaults={"name": code, "purpose": purpose})[0]


def active_version(
    channel: Channel = Channel.SMS, *, body: str = REMINDER, language: str = "en", code: str = "due_soon", **fields: Any
) -> TemplateVersion:
    """A version that was approved."""
    purpose = fields.pop("purpose", Purpose.REMINDER)
    return TemplateVersion.objects.create(
        **{
            "template": template(code, purpose),
            "channel": channel,
            "language": language,
            "number": next(_numbers),
            "state": "active",
            "subject": "Your bill" if channel in {Channel.EMAIL, Channel.INBOX, Channel.LETTER} else "",
            "body": body,
            "variables": list(names_in(body)),
            "created_by_name": "Ada",
        }
        | fields
    )


def gateway(channel: Channel = Channel.SMS, **fields: Any) -> Gateway:
    """A gateway with room for a hundred messages at once."""
    kind = KINDS.get(channel, "http")
    return Gateway.objects.create(
        **{
            "code": channel.value,
            "name": f"{channel.value} gateway",
            "channel": channel,
            "kind": kind,
            "url": "http://127.0.0.1:9/gateways/sms" if kind == "http" else "",
            "per_second": 1000,
            "burst": 100,
            "tokens": 100,
            "unit_cost": "0.0450",
            "refilled_at": NOON,
        }
        | fields
    )


def somebody(number: int | None = None, **fields: Any) -> Borrower:
    """A borrower with a Chinese mobile number and a mailbox."""
    number = next(_numbers) if number is None else number
    return borrower(
        f"M-{number}",
        **(
            {
                "family_name": "Lovelace",
                "given_name": "Ada",
                "language": "en",
                "time_zone": "Asia/Shanghai",
                "phones": (f"138{12345678 + number:08d}",),
                "emails": (f"m{number}@example.org",),
            }
            | fields
        ),
    )


def wish(owner: Borrower, version: TemplateVersion, **fields: Any) -> Planned:
    """A message wanted at noon, until the evening."""
    return Planned(
        **{
            "key": f"test:{next(_numbers)}",
            "borrower_id": owner.pk,
            "channel": Channel(version.channel),
            "purpose": Purpose(version.template.purpose),
            "template_version_id": version.pk,
            "variables": VALUES,
            "send_after": NOON,
            "send_before": NOON + timedelta(hours=6),
        }
        | fields
    )


def planned(owner: Borrower, version: TemplateVersion, **fields: Any) -> Message:
    """A message planned through the service."""
    one = wish(owner, version, **fields)
    plan_messages(planned=[one], actor=SYSTEM)
    return Message.objects.get(key=one.key)


def journey(message: Message) -> list[str]:
    """The states a message went through, with the reason where there is one."""
    return [f"{move.to_state} {move.code}".strip() for move in message.moves.order_by("id")]
