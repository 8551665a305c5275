"""What the endpoints of messages, templates, gateways and the app's inbox take and answer."""

from rest_framework import serializers

from backoffice.core.api.bodies import BodySerializer
from backoffice.core.api.fields import MoneyField, TextField
from backoffice.outreach.domain.channels import MESSAGES
from backoffice.outreach.domain.elements import LANGUAGES
from backoffice.outreach.domain.message_states import MessageState
from backoffice.outreach.domain.purposes import Purpose
from backoffice.outreach.domain.template_states import TemplateState

LARGEST_ID = 2**63 - 1
MESSAGE_STATES = [state.value for state in MessageState]
TEMPLATE_STATES = [state.value for state in TemplateState]
MESSAGE_CHANNELS = sorted(channel.value for channel in MESSAGES)
PURPOSES = [purpose.value for purpose in Purpose]
APP_CHANNELS = ["inbox", "popup"]


class MessagesQuery(serializers.Serializer):
    """Filters of the message log."""

    state = serializers.ChoiceField(choices=MESSAGE_STATES, required=False)
    channel = serializers.ChoiceField(choices=MESSAGE_CHANNELS, required=False)
    purpose = serializers.ChoiceField(choices=PURPOSES, required=False)
    borrower = serializers.IntegerField(min_value=1, max_value=LARGEST_ID, required=False)
    loan = serializers.IntegerField(min_value=1, max_value=LARGEST_ID, required=False)
    gateway = serializers.IntegerField(min_value=1, max_value=LARGEST_ID, required=False)
    source = serializers.CharField(max_length=60, required=False)  # type: ignore[assignment]
    send_from = serializers.DateField(required=False, help_text="planned to leave on this day or later")
    send_to = serializers.DateField(required=False, help_text="planned to leave on this day or before")


class MessageSerializer(serializers.Serializer):
    """One message in the log; never its text."""

    id = serializers.IntegerField()
    key = serializers.CharField()
    borrower_id = serializers.IntegerField()
    loan_id = serializers.IntegerField(allow_null=True)
    channel = serializers.ChoiceField(choices=MESSAGE_CHANNELS)
    purpose = serializers.ChoiceField(choices=PURPOSES)
    template = serializers.CharField(source="template_version.template.code")
    template_version_id = serializers.IntegerField()
    state = serializers.ChoiceField(choices=MESSAGE_STATES)
    code = serializers.CharField(allow_blank=True, help_text="why it stands as it does")
    send_after = serializers.DateTimeField()
    send_before = serializers.DateTimeField()
    about_due_date = serializers.DateField(allow_null=True)
    source = serializers.CharField(allow_blank=True)  # type: ignore[assignment]
    follows_id = serializers.IntegerField(allow_null=True, help_text="the message whose next channel this one is")
    gateway_id = serializers.IntegerField(allow_null=True)
    gateway_reference = serializers.CharField(allow_blank=True)
    contact_entry_id = serializers.IntegerField(allow_null=True)
    units = serializers.IntegerField(allow_null=True, help_text="segments of an SMS, one of anything else")
    cost = MoneyField(allow_null=True, allow_zero=True)
    currency = serializers.CharField(allow_blank=True)
    tries = serializers.IntegerField()
    sent_at = serializers.DateTimeField(allow_null=True)
    moved_at = serializers.DateTimeField()


class MoveSerializer(serializers.Serializer):
    """One step of a journey."""

    from_state = serializers.CharField(allow_blank=True)
    to_state = serializers.ChoiceField(choices=MESSAGE_STATES)
    code = serializers.CharField(allow_blank=True)
    detail = serializers.CharField(allow_blank=True)
    actor_name = serializers.CharField()
    at = serializers.DateTimeField()


class WordsSerializer(serializers.Serializer):
    """What is said, with the name masked."""

    subject = serializers.CharField(allow_blank=True)
    body = serializers.CharField()


class MessagePageSerializer(serializers.Serializer):
    """One message with its journey."""

    message = MessageSerializer()
    words = WordsSerializer()
    moves = MoveSerializer(many=True)


class OutreachReasonSerializer(BodySerializer):
    """Why it is done."""

    reason = TextField(min_length=2, max_length=500)


class StoppedSerializer(serializers.Serializer):
    """How many were stopped: none when it had left already."""

    stopped = serializers.IntegerField()


class TemplatesQuery(serializers.Serializer):
    """Filters of the versions."""

    template = serializers.SlugField(max_length=60, required=False, help_text="the template's code")
    channel = serializers.ChoiceField(choices=MESSAGE_CHANNELS, required=False)
    language = serializers.ChoiceField(choices=LANGUAGES, required=False)
    state = serializers.ChoiceField(choices=TEMPLATE_STATES, required=False)


class TemplateVersionSerializer(serializers.Serializer):
    """One version of a template."""

    id = serializers.IntegerField()
    template = serializers.CharField(source="template.code")
    purpose = serializers.ChoiceField(choices=PURPOSES, source="template.purpose")
    channel = serializers.ChoiceField(choices=MESSAGE_CHANNELS)
    language = serializers.ChoiceField(choices=LANGUAGES)
    number = serializers.IntegerField()
    state = serializers.ChoiceField(choices=TEMPLATE_STATES)
    subject = serializers.CharField(allow_blank=True)
    body = serializers.CharField()
    variables = serializers.ListField(child=serializers.CharField())
    is_legal = serializers.BooleanField()


class PreviewRequestSerializer(BodySerializer):
    """Words to look at."""

    channel = serializers.ChoiceField(choices=MESSAGE_CHANNELS)
    language = serializers.ChoiceField(choices=LANGUAGES)
    subject = TextField(max_length=150, allow_blank=True, default="")
    body = TextField(max_length=10_000)
    is_legal = serializers.BooleanField(default=False)
    borrower = TextField(max_length=80, allow_blank=True, default="", help_text="external id; lends the masked name")
    purpose = serializers.ChoiceField(
        choices=PURPOSES, allow_blank=True, default="", help_text="given, a text message has to say how to opt out"
    )


class LengthSerializer(serializers.Serializer):
    """How long an SMS is."""

    encoding = serializers.ChoiceField(choices=["gsm7", "ucs2"])
    characters = serializers.IntegerField()
    units = serializers.IntegerField()
    segments = serializers.IntegerField()
    left = serializers.IntegerField()


class PreviewSerializer(serializers.Serializer):
    """Words as they are read, and everything that is wrong with them."""

    subject = serializers.CharField(allow_blank=True)
    body = serializers.CharField(allow_blank=True)
    length = LengthSerializer(allow_null=True)
    faults = serializers.DictField(child=serializers.CharField())
    findings = serializers.ListField(child=serializers.CharField())


class GatewaySerializer(serializers.Serializer):
    """One gateway over the last 24 hours."""

    id = serializers.IntegerField(source="gateway.pk")
    code = serializers.CharField(source="gateway.code")
    name = serializers.CharField(source="gateway.name")
    channel = serializers.ChoiceField(choices=MESSAGE_CHANNELS, source="gateway.channel")
    state = serializers.ChoiceField(choices=["no_secret", "paused", "troubled", "well", "idle"])
    paused_reason = serializers.CharField(allow_blank=True, source="gateway.paused_reason")
    handed_over = serializers.IntegerField()
    accepted = serializers.IntegerField()
    delivered = serializers.IntegerField()
    read = serializers.IntegerField()
    failed = serializers.IntegerField()
    unknown = serializers.IntegerField()
    sending = serializers.IntegerField()
    receipts_missing = serializers.IntegerField()
    waiting = serializers.IntegerField()
    per_minute = serializers.IntegerField()
    answer_p95_seconds = serializers.DecimalField(max_digits=12, decimal_places=3, allow_null=True, source="p95")
    cost = MoneyField(allow_zero=True)
    currency = serializers.CharField(source="gateway.currency")


class GatewaysSerializer(serializers.Serializer):
    """All gateways."""

    gateways = GatewaySerializer(many=True)


class GatewayPausedSerializer(serializers.Serializer):
    """A gateway after its verb."""

    id = serializers.IntegerField()
    is_paused = serializers.BooleanField()


class InboxQuery(serializers.Serializer):
    """Which part of the app asks."""

    channel = serializers.ChoiceField(choices=APP_CHANNELS, default="inbox")


class InAppSerializer(serializers.Serializer):
    """One message as the app shows it, in clear."""

    id = serializers.IntegerField()
    channel = serializers.ChoiceField(choices=APP_CHANNELS)
    subject = serializers.CharField(allow_blank=True)
    body = serializers.CharField(allow_blank=True)
    sent_at = serializers.DateTimeField(allow_null=True)
    is_read = serializers.BooleanField()


class InboxSerializer(serializers.Serializer):
    """The newest fifty."""

    messages = InAppSerializer(many=True)
