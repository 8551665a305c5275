"""Audiences and campaigns. What a campaign says is frozen once it leaves the draft; who fell to it only grows."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

from backoffice.audit.append_only import forbid_changes

VERB = "outreach.campaign"

FREEZE = """
CREATE FUNCTION refuse_change_of_campaign() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = 'draft' OR (NEW.code, NEW.content, NEW.audience_id) IS NOT DISTINCT FROM
       (OLD.code, OLD.content, OLD.audience_id) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'what two people agreed to is frozen'
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME;
END
$$;
CREATE TRIGGER campaign_is_frozen_once_submitted BEFORE UPDATE ON outreach_campaign
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_campaign();
"""
THAW = """
DROP TRIGGER campaign_is_frozen_once_submitted ON outreach_campaign;
DROP FUNCTION refuse_change_of_campaign();
"""


def write_limits(apps, _schema_editor):
    """Who may approve a campaign, as the policy starts out: without limit of the budget, never alone."""
    limit = apps.get_model("audit", "ApprovalLimit")
    for role in ("admin", "compliance", "team_lead"):
        limit.objects.get_or_create(verb=VERB, role=role, currency="", defaults={"max_amount": None, "alone": False})


def remove_limits(apps, _schema_editor):
    """Takes the rows away again."""
    apps.get_model("audit", "ApprovalLimit").objects.filter(verb=VERB).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0001_initial"),
        ("customers", "0004_who_may_hold_many"),
        ("outreach", "0015_rules_kept"),
    ]

    operations = [
        migrations.CreateModel(
            name="Audience",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.SlugField(max_length=60, unique=True, verbose_name="code")),
                ("name", models.CharField(max_length=120, verbose_name="name")),
                ("name_zh", models.CharField(blank=True, max_length=120, verbose_name="name in Chinese")),
                ("content", models.JSONField(verbose_name="content")),
                ("is_retired", models.BooleanField(default=False, verbose_name="retired")),
                ("created_by_name", models.CharField(max_length=150, verbose_name="made by")),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="created"
                    ),
                ),
                ("changed_by_name", models.CharField(blank=True, max_length=150, verbose_name="changed by")),
                ("changed_at", models.DateTimeField(blank=True, null=True, verbose_name="changed")),
            ],
            options={
                "verbose_name": "audience",
                "verbose_name_plural": "audiences",
            },
        ),
        migrations.CreateModel(
            name="Campaign",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.SlugField(max_length=60, unique=True, verbose_name="code")),
                ("name", models.CharField(max_length=120, verbose_name="name")),
                ("name_zh", models.CharField(blank=True, max_length=120, verbose_name="name in Chinese")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "draft"),
                            ("submitted", "waits for approval"),
                            ("approved", "approved"),
                            ("running", "running"),
                            ("paused", "paused"),
                            ("ended", "ended"),
                        ],
                        default="draft",
                        max_length=9,
                        verbose_name="state",
                    ),
                ),
                ("content", models.JSONField(verbose_name="content")),
                ("note", models.CharField(blank=True, max_length=300, verbose_name="what for")),
                ("created_by", models.BigIntegerField(blank=True, null=True)),
                ("created_by_name", models.CharField(max_length=150, verbose_name="drafted by")),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="drafted"
                    ),
                ),
                ("changed_by", models.BigIntegerField(blank=True, null=True)),
                ("approved_by", models.BigIntegerField(blank=True, null=True)),
                ("approved_by_name", models.CharField(blank=True, max_length=150, verbose_name="approved by")),
                ("approved_at", models.DateTimeField(blank=True, null=True, verbose_name="approved")),
                (
                    "audience",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="campaigns", to="outreach.audience"
                    ),
                ),
            ],
            options={
                "verbose_name": "campaign",
                "verbose_name_plural": "campaigns",
            },
        ),
        migrations.CreateModel(
            name="CampaignDay",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField(verbose_name="day")),
                ("audience", models.PositiveIntegerField(verbose_name="in the audience")),
                ("planned", models.PositiveIntegerField(verbose_name="planned")),
                ("held_out", models.PositiveIntegerField(verbose_name="newly left alone")),
                ("reserved", models.DecimalField(decimal_places=4, max_digits=18, verbose_name="reserved")),
                ("full", models.CharField(blank=True, max_length=6)),
                ("counts", models.JSONField(default=dict)),
                (
                    "planned_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="planned on"
                    ),
                ),
                (
                    "campaign",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="days",
                        to="outreach.campaign",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="CampaignMember",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField()),
                ("is_held_out", models.BooleanField()),
                ("loan_id", models.BigIntegerField(blank=True, null=True)),
                ("message_key", models.CharField(blank=True, max_length=200)),
                ("reserved", models.DecimalField(decimal_places=4, default=0, max_digits=12)),
                (
                    "borrower",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="customers.borrower",
                    ),
                ),
                (
                    "campaign",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="outreach.campaign",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="campaign",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["draft", "submitted", "approved", "running", "paused", "ended"])),
                name="campaign_state_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="campaign",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state__in", ["approved", "running", "paused"]), _negated=True),
                    ("approved_at__isnull", False),
                    _connector="OR",
                ),
                name="campaign_runs_once_approved",
            ),
        ),
        migrations.AddConstraint(
            model_name="campaign",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("approved_by__isnull", True),
                    ("created_by__isnull", True),
                    models.Q(("approved_by", models.F("created_by")), _negated=True),
                    _connector="OR",
                ),
                name="campaign_is_approved_by_another_person",
            ),
        ),
        migrations.AddConstraint(
            model_name="campaignday",
            constraint=models.UniqueConstraint(fields=("campaign", "day"), name="a_day_of_a_campaign_is_planned_once"),
        ),
        migrations.AddConstraint(
            model_name="campaignmember",
            constraint=models.UniqueConstraint(
                fields=("campaign", "borrower", "day"), name="a_borrower_falls_to_a_campaign_once_a_day"
            ),
        ),
        migrations.AddConstraint(
            model_name="campaignmember",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("is_held_out", True), ("message_key", "")),
                    models.Q(("is_held_out", False), models.Q(("message_key", ""), _negated=True)),
                    _connector="OR",
                ),
                name="whoever_is_left_alone_gets_no_message",
            ),
        ),
        forbid_changes("outreach_campaignmember"),
        forbid_changes("outreach_campaignday"),
        migrations.RunSQL(sql=FREEZE, reverse_sql=THAW),
        migrations.RunPython(write_limits, remove_limits),
    ]
