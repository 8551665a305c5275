"""What the endpoints of experiments take and answer. Shares and differences are fractions of one, written "0.0766"."""

import re
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from backoffice.core.api.bodies import BodySerializer
from backoffice.core.api.fields import LATEST_DAY, DayField, TextField, YesNoField
from backoffice.outreach.domain.experiments.declaring import LONGEST_WINDOW, MOST_ARMS, Declaration, NewArm, NewFactor
from backoffice.outreach.models import Experiment, Metric
from backoffice.outreach.models.templates import ELEMENT_CHOICES

LARGEST_ID = 2**63 - 1
MOST_UNITS = 10_000
FIRST_YEAR = 2000
CODE = r"^[-a-zA-Z0-9_]+$"
CODE_OR_NONE = r"^[-a-zA-Z0-9_]*$"
SHARE = r"^(0(\.[0-9]{1,6})?|1(\.0{1,6})?)$"
NUMBER = r"^-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,2})?$"


class PatternField(TextField):
    """A Decimal in one writing, described as a pattern."""

    default_error_messages = {"form": _("write it as a decimal string such as “0.25”")}

    def __init__(self, *, pattern: str, **kwargs: Any) -> None:
        self.pattern = pattern
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> Decimal:  # type: ignore[override]  # the text becomes its number
        """The number. Raises ValidationError for another writing."""
        text = super().to_internal_value(data)
        if not re.fullmatch(self.pattern, text, re.ASCII):
            self.fail("form")
        return Decimal(text)


@extend_schema_field({"type": "string", "pattern": SHARE, "example": "0.25"})
class ShareField(PatternField):
    """A fraction of one with at most six decimals."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(pattern=SHARE, **kwargs)


@extend_schema_field({"type": "string", "pattern": NUMBER, "example": "1"})
class NumberField(PatternField):
    """A value of a metric with at most two decimals."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(pattern=NUMBER, **kwargs)


@extend_schema_field({"type": "string", "format": "date-time", "pattern": "^2[01][0-9]{2}-"})
class MomentField(serializers.DateTimeField):
    """A moment with its offset, from 2000 to 2199."""

    default_error_messages = {"range": _("must lie between 2000 and 2199")}

    def to_internal_value(self, value: Any) -> datetime:
        """The moment. Raises ValidationError."""
        at: datetime = super().to_internal_value(value)
        if not FIRST_YEAR <= at.year <= LATEST_DAY.year:
            self.fail("range")
        return at


class ExperimentReasonSerializer(BodySerializer):
    """Why something is done; kept in the audit trail."""

    reason = TextField(min_length=2, max_length=500)


class NewLayerSerializer(BodySerializer):
    """A layer: its experiments never share a unit."""

    code = serializers.RegexField(CODE, max_length=40)
    name = TextField(max_length=80)
    name_zh = TextField(max_length=80, allow_blank=True, default="")


class LayerSerializer(serializers.Serializer):
    """A layer."""

    code = serializers.CharField()
    name = serializers.CharField()
    name_zh = serializers.CharField(allow_blank=True)


class NewMetricSerializer(NewLayerSerializer):
    """A metric outcomes are recorded under."""

    kind = serializers.ChoiceField(choices=Metric.Kind.choices)
    goal = serializers.ChoiceField(choices=Metric.Goal.choices, default="more")
    currency = serializers.RegexField(r"^([A-Z]{3})?$", allow_blank=True, default="")


class MetricSerializer(LayerSerializer):
    """A metric."""

    kind = serializers.ChoiceField(choices=Metric.Kind.choices)
    goal = serializers.ChoiceField(choices=Metric.Goal.choices)
    currency = serializers.CharField(allow_blank=True)


class NewArmSerializer(BodySerializer):
    """One way of doing it."""

    name = TextField(max_length=120)
    share = ShareField()
    content = TextField(max_length=2000, allow_blank=True, default="")
    is_control = YesNoField(default=False)
    template = serializers.RegexField(
        CODE_OR_NONE, max_length=60, allow_blank=True, default="", help_text="whose words it speaks; not of the control"
    )


class NewFactorSerializer(BodySerializer):
    """One element of an orthogonal plan; the first version is today's.

    About a template the others are codes of pieces of the element, “-” for leaving it out.
    """

    name = TextField(max_length=60)
    levels = serializers.ListField(child=TextField(max_length=200), min_length=2, max_length=3)
    element = serializers.ChoiceField(choices=ELEMENT_CHOICES, allow_blank=True, default="")


class DeclarationSerializer(BodySerializer):
    """An experiment before it starts: `arms` for the design arms, `factors` for L8 and L18."""

    name = TextField(max_length=120)
    question = TextField(max_length=2000)
    audience = TextField(max_length=2000)
    layer = serializers.RegexField(CODE, max_length=40)
    share = ShareField(default=Decimal(1), help_text="of the layer")
    design = serializers.ChoiceField(choices=Experiment.Design.choices, default="arms")
    template = serializers.RegexField(
        CODE_OR_NONE, max_length=60, allow_blank=True, default="", help_text="whose words are tried; empty for none"
    )
    metric = serializers.RegexField(CODE, max_length=40, help_text="the one that decides")
    watched = serializers.ListField(child=serializers.RegexField(CODE, max_length=40), max_length=20, default=list)
    window_days = serializers.IntegerField(min_value=0, max_value=LONGEST_WINDOW)
    minimum_sample = serializers.IntegerField(min_value=1, max_value=10**9)
    stop_on = DayField()
    alpha = ShareField(default=Decimal("0.05"))
    power = ShareField(default=Decimal("0.8"))
    arms = serializers.ListField(child=NewArmSerializer(), default=list, max_length=MOST_ARMS)
    factors = serializers.ListField(child=NewFactorSerializer(), default=list, max_length=8)

    def declaration(self, *, code: str = "") -> Declaration:
        """What was sent, as services take it."""
        values = dict(self.validated_data)
        return Declaration(
            code=values.pop("code", code),
            arms=tuple(NewArm(**arm) for arm in values.pop("arms")),
            factors=tuple(
                NewFactor(**factor | {"levels": tuple(factor["levels"])}) for factor in values.pop("factors")
            ),
            watched=tuple(values.pop("watched")),
            **values,
        )


class NewExperimentSerializer(DeclarationSerializer):
    """The same with the code it will have."""

    code = serializers.RegexField(CODE, max_length=60)


class ExperimentsQuery(serializers.Serializer):
    """Filters of the list."""

    state = serializers.ChoiceField(choices=Experiment.State.choices, required=False)
    layer = serializers.RegexField(CODE, max_length=40, required=False)


class ArmSerializer(serializers.Serializer):
    """One way of doing it, as it was declared."""

    number = serializers.IntegerField()
    name = serializers.CharField()
    share = serializers.CharField()
    content = serializers.CharField(allow_blank=True)
    is_control = serializers.BooleanField()
    template = serializers.CharField(source="template.code", default=None, allow_null=True)


class ExperimentSerializer(serializers.Serializer):
    """An experiment as it was declared and where it stands."""

    id = serializers.IntegerField()
    code = serializers.CharField()
    name = serializers.CharField()
    question = serializers.CharField()
    audience = serializers.CharField()
    layer = serializers.CharField(source="layer.code")
    share = serializers.CharField()
    design = serializers.ChoiceField(choices=Experiment.Design.choices)
    origin = serializers.ChoiceField(choices=Experiment.Origin.choices)
    template = serializers.CharField(
        source="template.code", default=None, allow_null=True, help_text="whose words are tried"
    )
    arms = ArmSerializer(many=True)
    metric = serializers.CharField(source="metric.code")
    window_days = serializers.IntegerField()
    minimum_sample = serializers.IntegerField(allow_null=True)
    stop_on = DayField(allow_null=True)
    alpha = serializers.CharField()
    power = serializers.CharField()
    screening_id = serializers.IntegerField(allow_null=True, help_text="the experiment this one confirms")
    state = serializers.ChoiceField(choices=Experiment.State.choices)
    started_at = serializers.DateTimeField(allow_null=True)
    stopped_on = DayField(allow_null=True)
    decided_at = serializers.DateTimeField(allow_null=True)
    chosen = serializers.IntegerField(source="chosen.number", default=None, allow_null=True, help_text="the arm")
    conclusion = serializers.CharField(allow_blank=True)


class AskedSerializer(BodySerializer):
    """The request a second person decides."""

    approval_id = serializers.IntegerField()


class DecisionSerializer(BodySerializer):
    """The arm an experiment is decided for, and the conclusion."""

    arm = serializers.IntegerField(min_value=1, max_value=32_767)
    conclusion = TextField(min_length=3, max_length=2000)


class WordsDraftedSerializer(serializers.Serializer):
    """The templates of the rows of a plan."""

    templates = serializers.ListField(child=serializers.CharField())


class UnitsSerializer(BodySerializer):
    """Borrowers for whom the arms begin to differ now."""

    borrower_ids = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=LARGEST_ID), min_length=1, max_length=MOST_UNITS
    )


class UnitSerializer(serializers.Serializer):
    """The arm of one borrower."""

    borrower_id = serializers.IntegerField()
    arm = serializers.IntegerField(source="arm_number", allow_null=True, help_text="null: not in the experiment")
    is_new = serializers.BooleanField()


class TakenInSerializer(serializers.Serializer):
    """The arms, in the order asked."""

    units = UnitSerializer(many=True)


class NewOutcomeSerializer(BodySerializer):
    """What a borrower did: 1 or 0 of a binary metric, an amount of another."""

    borrower_id = serializers.IntegerField(min_value=1, max_value=LARGEST_ID)
    metric = serializers.RegexField(CODE, max_length=40)
    value = NumberField()
    at = MomentField()
    key = TextField(max_length=120, help_text="makes a repeat the same outcome")


class OutcomesSerializer(BodySerializer):
    """Outcomes to write down."""

    outcomes = serializers.ListField(child=NewOutcomeSerializer(), min_length=1, max_length=MOST_UNITS)


class RecordedSerializer(serializers.Serializer):
    """How many outcomes were new."""

    new = serializers.IntegerField()


class SizeQuery(serializers.Serializer):
    """Two shares to be told apart."""

    base = ShareField(help_text="today's share")
    target = ShareField(help_text="the share worth finding")
    alpha = ShareField(required=False)
    power = ShareField(required=False)
    groups = serializers.IntegerField(min_value=2, max_value=20, required=False)


class SizeSerializer(serializers.Serializer):
    """Units in each group and in all."""

    per_group = serializers.IntegerField()
    groups = serializers.IntegerField()
    total = serializers.IntegerField()


class ReadArmSerializer(serializers.Serializer):
    """What one arm did on one metric."""

    arm = serializers.IntegerField(source="arm.number")
    name = serializers.CharField(source="arm.name")
    is_control = serializers.BooleanField(source="arm.is_control")
    units = serializers.IntegerField(source="sample.units")
    total = serializers.CharField(source="sample.total")
    value = serializers.CharField(allow_null=True, help_text="per unit")
    low = serializers.CharField(allow_null=True)
    high = serializers.CharField(allow_null=True)


class ReadComparisonSerializer(serializers.Serializer):
    """An arm less the control. `corrected_p` and `verdict` are null until the experiment may be judged."""

    arm = serializers.IntegerField(source="arm.number")
    difference = serializers.CharField(source="comparison.effect.difference", allow_null=True)
    low = serializers.CharField(source="comparison.effect.low", allow_null=True)
    high = serializers.CharField(source="comparison.effect.high", allow_null=True)
    method = serializers.ChoiceField(choices=["newcombe", "welch"], source="comparison.effect.method")
    corrected_p = serializers.CharField(source="corrected", allow_null=True)
    verdict = serializers.ChoiceField(choices=["more", "less", "unclear", "too_few"], allow_null=True)


class ReadMetricSerializer(serializers.Serializer):
    """One metric over all arms."""

    metric = serializers.CharField(source="metric.code")
    is_declared = serializers.BooleanField()
    arms = ReadArmSerializer(many=True)
    comparisons = ReadComparisonSerializer(many=True)


class MainEffectSerializer(serializers.Serializer):
    """Version 1 of an element less another version."""

    factor = serializers.IntegerField(help_text="from 0, in the order declared")
    level = serializers.IntegerField()
    difference = serializers.CharField()
    low = serializers.CharField()
    high = serializers.CharField()


class BestSerializer(serializers.Serializer):
    """The predicted best text: the version of each element, to be confirmed by a test of its own."""

    levels = serializers.ListField(child=serializers.IntegerField(), source="best")
    predicted = serializers.CharField()
    current = serializers.CharField()


class ResultsSerializer(serializers.Serializer):
    """What an experiment shows on the business date."""

    stage = serializers.ChoiceField(
        source="readiness.stage",
        choices=["not_started", "too_early", "cut_short", "too_few", "unsound", "ready"],
    )
    is_ready = serializers.BooleanField(source="readiness.is_ready", help_text="false: there is no verdict")
    is_split_sound = serializers.BooleanField(source="split.is_sound")
    split_p = serializers.CharField(source="split.p_value")
    units = serializers.IntegerField()
    winner = serializers.IntegerField(source="winner.number", default=None, allow_null=True)
    metrics = ReadMetricSerializer(many=True)
    main_effects = MainEffectSerializer(many=True)
    best = BestSerializer(source="screening", allow_null=True)
