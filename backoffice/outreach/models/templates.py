"""What is said to borrowers: templates, their versions by channel and language, the pieces they are made of."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from backoffice.outreach.domain.elements import CHINESE, ENGLISH, Element
from backoffice.outreach.domain.template_states import OPEN, TemplateState
from backoffice.outreach.models.contacts import CHANNEL_CHOICES, PURPOSE_CHOICES

ELEMENT_LABELS = {
    Element.SALUTATION: _("salutation"),
    Element.GREETING: _("greeting"),
    Element.BENEFIT: _("benefit"),
    Element.TIME_LIMIT: _("time limit"),
    Element.SOCIAL_PROOF: _("social proof"),
    Element.CALL_TO_ACTION: _("call to action"),
}
ELEMENT_CHOICES = [(element.value, label) for element, label in ELEMENT_LABELS.items()]
LANGUAGE_LABELS = {ENGLISH: _("English"), CHINESE: _("Simplified Chinese")}
LANGUAGE_CHOICES = list(LANGUAGE_LABELS.items())


class Piece(models.Model):
    """One wording of one element in one language. A change is a further version; what was used stays readable."""

    element = models.CharField(_("element"), max_length=16, choices=ELEMENT_CHOICES)
    code = models.SlugField(_("code"), max_length=60)
    language = models.CharField(_("language"), max_length=10, choices=LANGUAGE_CHOICES)
    number = models.PositiveSmallIntegerField(_("version"))
    text = models.CharField(_("text"), max_length=500)
    is_retired = models.BooleanField(_("retired"), default=False)
    created_by = models.BigIntegerField(null=True, blank=True)
    created_by_name = models.CharField(_("written by"), max_length=150)
    created_at = models.DateTimeField(_("written"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("piece")
        verbose_name_plural = _("pieces")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["element", "code", "language", "number"], name="piece_version_has_a_number_of_its_own"
            ),
            models.UniqueConstraint(
                fields=["element", "code", "language"],
                condition=Q(is_retired=False),
                name="one_piece_version_in_use",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.element}/{self.code} {self.language} {self.number}"


class MessageTemplate(models.Model):
    """One thing to say, for one purpose; its versions say it in a channel and a language."""

    code = models.SlugField(_("code"), max_length=60, unique=True)
    name = models.CharField(_("name"), max_length=120)
    name_zh = models.CharField(_("name in Chinese"), max_length=120, blank=True)
    purpose = models.CharField(_("purpose"), max_length=12, choices=PURPOSE_CHOICES)
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("template")
        verbose_name_plural = _("templates")

    def __str__(self) -> str:
        return self.title

    @property
    def title(self) -> str:
        """Its name in the language of the reader."""
        return self.name_zh if self.name_zh and (get_language() or "").startswith("zh") else self.name


class TemplateVersion(models.Model):
    """The words of a template in one channel and language, as one person drafted and another approved them.

    `variables` are the names left open, as they were when it was saved; `pieces` the ids of the pieces `body` was put
    together from, none for a text written freely.
    """

    template = models.ForeignKey(MessageTemplate, on_delete=models.PROTECT, related_name="versions")
    channel = models.CharField(_("channel"), max_length=8, choices=CHANNEL_CHOICES)
    language = models.CharField(_("language"), max_length=10, choices=LANGUAGE_CHOICES)
    number = models.PositiveSmallIntegerField(_("version"))
    state = models.CharField(_("state"), max_length=9, default=TemplateState.DRAFT.value)
    subject = models.CharField(_("subject"), max_length=150, blank=True)
    body = models.TextField(_("text"))
    variables = models.JSONField(_("variables"), default=list)
    pieces = models.JSONField(_("pieces"), default=list)
    is_legal = models.BooleanField(_("needs a legal review"), default=False)
    note = models.CharField(_("what for"), max_length=300, blank=True)
    created_by = models.BigIntegerField(null=True, blank=True)
    created_by_name = models.CharField(_("drafted by"), max_length=150)
    created_at = models.DateTimeField(_("drafted"), db_default=Now(), editable=False)
    approved_by = models.BigIntegerField(null=True, blank=True)
    approved_by_name = models.CharField(_("approved by"), max_length=150, blank=True)
    approved_at = models.DateTimeField(_("approved"), null=True, blank=True)

    class Meta:
        verbose_name = _("version of a template")
        verbose_name_plural = _("versions of templates")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["template", "channel", "language", "number"],
                name="template_version_has_a_number_of_its_own",
            ),
            models.UniqueConstraint(
                fields=["template", "channel", "language"],
                condition=Q(state=TemplateState.ACTIVE.value),
                name="one_active_version_per_channel_and_language",
            ),
            models.UniqueConstraint(
                fields=["template", "channel", "language"],
                condition=Q(state__in=[state.value for state in sorted(OPEN)]),
                name="one_open_version_per_channel_and_language",
            ),
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in TemplateState]), name="template_state_is_known"
            ),
            models.CheckConstraint(condition=~Q(body=""), name="template_says_something"),
        ]

    def __str__(self) -> str:
        return f"{self.template_id} {self.channel} {self.language} {self.number}"
