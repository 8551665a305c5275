"""What the endpoints of replies take and answer. The words are in the answer of a reveal alone."""

from rest_framework import serializers

from backoffice.core.api.bodies import BodySerializer
from backoffice.core.api.fields import TextField
from backoffice.outreach.api.message_shapes import LARGEST_ID, MESSAGE_CHANNELS
from backoffice.outreach.domain.reply_states import ReplyState

REPLY_STATES = [state.value for state in ReplyState]
REPLY_KINDS = ["stop", "other", "unmatched"]


class RepliesQuery(serializers.Serializer):
    """Filters of the replies."""

    state = serializers.ChoiceField(choices=REPLY_STATES, required=False)
    kind = serializers.ChoiceField(choices=REPLY_KINDS, required=False, help_text="unmatched: nobody knows whose")
    channel = serializers.ChoiceField(choices=MESSAGE_CHANNELS, required=False)
    borrower = serializers.IntegerField(min_value=1, max_value=LARGEST_ID, required=False)
    message = serializers.IntegerField(min_value=1, max_value=LARGEST_ID, required=False)


class ReplySerializer(serializers.Serializer):
    """One reply, without its words; `stop_words` is the sentence in it that says STOP."""

    id = serializers.IntegerField()
    borrower_id = serializers.IntegerField(allow_null=True, help_text="null: nobody knows who wrote it")
    message_id = serializers.IntegerField(allow_null=True, help_text="null: it answers no message of ours")
    channel = serializers.ChoiceField(choices=MESSAGE_CHANNELS)
    sender = serializers.CharField(source="sender_masked", allow_blank=True, help_text="masked")
    stop_words = serializers.CharField(allow_blank=True)
    state = serializers.ChoiceField(choices=REPLY_STATES)
    note = serializers.CharField(allow_blank=True)
    done_by = serializers.CharField(source="done_by_name", allow_blank=True)
    done_at = serializers.DateTimeField(allow_null=True)
    at = serializers.DateTimeField()


class RevealReplySerializer(BodySerializer):
    """Why the words are needed."""

    reason = TextField(min_length=3, max_length=300)


class RevealedReplySerializer(serializers.Serializer):
    """The words and the sender in clear."""

    reply_id = serializers.IntegerField()
    sender = serializers.CharField(allow_blank=True)
    text = serializers.CharField(allow_blank=True)


class DealWithReplySerializer(BodySerializer):
    """What was done about it."""

    note = TextField(min_length=2, max_length=500)
