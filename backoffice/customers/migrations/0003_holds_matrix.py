"""Holds by reason and effect, each with an end or a review; reasons may overlap; holds on many at once."""

import django.contrib.postgres.constraints
import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.comparison
import django.db.models.functions.datetime
import django.db.models.functions.text
from django.db import migrations, models

import backoffice.customers.models.holds

# Rows from before the matrix: a stop of the whole scope, looked at again a month after it began.
REVIEW = """
UPDATE customers_hold SET review_on = lower(period) + 30
WHERE upper(period) IS NULL AND NOT isempty(period) AND review_on IS NULL;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0002_who_may_lift_a_hold"),
    ]

    operations = [
        migrations.CreateModel(
            name="BulkHold",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=120, verbose_name="what happened")),
                (
                    "reason",
                    models.CharField(
                        choices=[("disaster", "disaster"), ("system_fault", "fault on our side"), ("other", "other")],
                        max_length=20,
                        verbose_name="reason",
                    ),
                ),
                (
                    "scopes",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(
                            choices=[
                                ("calls", "calls"),
                                ("texts", "texts"),
                                ("debit", "debits"),
                                ("penalty", "penalty"),
                                ("aging", "aging"),
                            ],
                            max_length=10,
                        ),
                        size=None,
                        verbose_name="about",
                    ),
                ),
                ("start", models.DateField(verbose_name="from")),
                ("end_exclusive", models.DateField(verbose_name="until")),
                ("note", models.TextField(blank=True, verbose_name="note")),
                ("evidence", models.TextField(blank=True, verbose_name="evidence")),
                ("chosen_by", models.JSONField(default=dict, verbose_name="chosen by")),
                (
                    "borrower_ids",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), size=None, verbose_name="borrowers"
                    ),
                ),
                (
                    "portfolios",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40), size=None, verbose_name="portfolios"
                    ),
                ),
                (
                    "unknown_ids",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=80),
                        default=list,
                        size=None,
                        verbose_name="ids not found",
                    ),
                ),
                ("unknown_count", models.PositiveIntegerField(default=0, verbose_name="ids not found")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("prepared", "prepared"),
                            ("discarded", "discarded"),
                            ("placed", "in force"),
                            ("lifted", "lifted"),
                        ],
                        default="prepared",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("prepared_by", models.BigIntegerField(null=True, verbose_name="prepared by")),
                ("prepared_by_name", models.CharField(max_length=150, verbose_name="prepared by")),
                (
                    "prepared_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="prepared"
                    ),
                ),
                ("placed_by_name", models.CharField(blank=True, max_length=150, verbose_name="placed by")),
                ("placed_at", models.DateTimeField(null=True, verbose_name="placed")),
                ("placed_borrowers", models.PositiveIntegerField(default=0, verbose_name="borrowers held")),
                ("placed_holds", models.PositiveIntegerField(default=0, verbose_name="holds placed")),
                ("lifted_by_name", models.CharField(blank=True, max_length=150, verbose_name="lifted by")),
                ("lifted_at", models.DateTimeField(null=True, verbose_name="lifted")),
                ("lifted_on", models.DateField(null=True, verbose_name="ends on")),
                ("lift_reason", models.TextField(blank=True, verbose_name="why it was lifted")),
            ],
            options={
                "verbose_name": "bulk hold",
                "verbose_name_plural": "bulk holds",
                "ordering": ["-id"],
            },
        ),
        migrations.RemoveConstraint(
            model_name="hold",
            name="hold_reason_is_known",
        ),
        migrations.RemoveConstraint(
            model_name="hold",
            name="one_calls_hold_at_a_time",
        ),
        migrations.RemoveConstraint(
            model_name="hold",
            name="one_texts_hold_at_a_time",
        ),
        migrations.RemoveConstraint(
            model_name="hold",
            name="one_debit_hold_at_a_time",
        ),
        migrations.RemoveConstraint(
            model_name="hold",
            name="one_penalty_hold_at_a_time",
        ),
        migrations.RemoveConstraint(
            model_name="hold",
            name="one_aging_hold_at_a_time",
        ),
        migrations.AddField(
            model_name="hold",
            name="effect",
            field=models.CharField(
                choices=[
                    ("stop", "stop"),
                    ("pause", "pause"),
                    ("specialist_only", "specialists only"),
                    ("via_representative", "through the representative only"),
                    ("factual_only", "facts only"),
                    ("reply_only", "replies only"),
                    ("status_only", "status only"),
                    ("agreed_only", "as agreed only"),
                    ("notices_only", "required notices only"),
                    ("closing_notice_only", "one closing notice only"),
                    ("help_only", "help only"),
                    ("verified_only", "verified owner only"),
                    ("skip_due", "the due one is skipped"),
                    ("ask_first", "ask first"),
                    ("ask_representative", "ask the representative"),
                    ("unless_asked", "go on unless asked"),
                    ("if_mandated", "go on if mandated"),
                ],
                db_default="stop",
                max_length=24,
                verbose_name="effect",
            ),
        ),
        migrations.AddField(
            model_name="hold",
            name="expired_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="seen to have run out"),
        ),
        migrations.AddField(
            model_name="hold",
            name="group_id",
            field=models.BigIntegerField(
                db_default=backoffice.customers.models.holds.NextGroup(), editable=False, verbose_name="placed together"
            ),
        ),
        migrations.AddField(
            model_name="hold",
            name="owner_name",
            field=models.CharField(blank=True, max_length=150, verbose_name="owner"),
        ),
        migrations.AddField(
            model_name="hold",
            name="owner_role",
            field=models.CharField(blank=True, max_length=20, verbose_name="owner's role"),
        ),
        migrations.AddField(
            model_name="hold",
            name="review_on",
            field=models.DateField(blank=True, null=True, verbose_name="review on"),
        ),
        migrations.AlterField(
            model_name="hold",
            name="reason",
            field=models.CharField(
                choices=[
                    ("dispute", "dispute"),
                    ("complaint", "complaint"),
                    ("extension", "extension in review"),
                    ("hardship", "hardship"),
                    ("vulnerable", "vulnerable"),
                    ("moratorium", "moratorium"),
                    ("represented", "represented"),
                    ("cease", "cease contact"),
                    ("bankruptcy", "bankruptcy"),
                    ("deceased", "deceased"),
                    ("identity_theft", "identity theft"),
                    ("disaster", "disaster"),
                    ("illness", "illness"),
                    ("fraud", "fraud"),
                    ("legal", "legal proceedings"),
                    ("request", "borrower's request"),
                    ("system_fault", "fault on our side"),
                    ("other", "other"),
                ],
                max_length=20,
                verbose_name="reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="bulkhold",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason__in", ["disaster", "system_fault", "other"])),
                name="bulk_hold_reason_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="bulkhold",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("scopes__contained_by", ["calls", "texts", "debit", "penalty", "aging"]), ("scopes__len__gt", 0)
                ),
                name="bulk_hold_is_about_something",
            ),
        ),
        migrations.AddConstraint(
            model_name="bulkhold",
            constraint=models.CheckConstraint(
                condition=models.Q(("end_exclusive__gt", models.F("start"))), name="bulk_hold_ends_after_its_start"
            ),
        ),
        migrations.AddConstraint(
            model_name="bulkhold",
            constraint=models.CheckConstraint(
                condition=models.Q(("borrower_ids__len__gt", 0)), name="bulk_hold_has_borrowers"
            ),
        ),
        migrations.AddConstraint(
            model_name="bulkhold",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["prepared", "discarded", "placed", "lifted"])),
                name="bulk_hold_state_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="bulkhold",
            constraint=models.CheckConstraint(
                condition=models.Q(("name", ""), _negated=True), name="bulk_hold_has_a_name"
            ),
        ),
        migrations.AddField(
            model_name="hold",
            name="bulk",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="holds",
                to="customers.bulkhold",
                verbose_name="bulk hold",
            ),
        ),
        migrations.RunSQL(sql=REVIEW, reverse_sql=migrations.RunSQL.noop),
        migrations.AddIndex(
            model_name="hold",
            index=models.Index(fields=["group_id", "id"], name="holds_of_a_group"),
        ),
        migrations.AddIndex(
            model_name="hold",
            index=models.Index(
                condition=models.Q(("lifted_at__isnull", True), ("review_on__isnull", False)),
                fields=["review_on", "id"],
                name="holds_to_review",
            ),
        ),
        migrations.AddIndex(
            model_name="hold",
            index=models.Index(
                models.Func(models.F("period"), function="upper"),
                condition=models.Q(("expired_at__isnull", True), ("lifted_at__isnull", True)),
                name="holds_that_run_out",
            ),
        ),
        migrations.AddConstraint(
            model_name="hold",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "reason__in",
                        [
                            "dispute",
                            "complaint",
                            "extension",
                            "hardship",
                            "vulnerable",
                            "moratorium",
                            "represented",
                            "cease",
                            "bankruptcy",
                            "deceased",
                            "identity_theft",
                            "disaster",
                            "illness",
                            "fraud",
                            "legal",
                            "request",
                            "system_fault",
                            "other",
                        ],
                    )
                ),
                name="hold_reason_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="hold",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("effect__in", ["pause", "specialist_only", "stop", "via_representative"]), ("scope", "calls")
                    ),
                    models.Q(
                        (
                            "effect__in",
                            [
                                "agreed_only",
                                "closing_notice_only",
                                "factual_only",
                                "help_only",
                                "notices_only",
                                "pause",
                                "reply_only",
                                "status_only",
                                "stop",
                                "verified_only",
                                "via_representative",
                            ],
                        ),
                        ("scope", "texts"),
                    ),
                    models.Q(
                        (
                            "effect__in",
                            ["ask_first", "ask_representative", "if_mandated", "skip_due", "stop", "unless_asked"],
                        ),
                        ("scope", "debit"),
                    ),
                    models.Q(("effect__in", ["stop"]), ("scope", "penalty")),
                    models.Q(("effect__in", ["stop"]), ("scope", "aging")),
                    _connector="OR",
                ),
                name="hold_effect_suits_its_scope",
            ),
        ),
        migrations.AddConstraint(
            model_name="hold",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("period__endswith__isnull", False),
                    ("review_on__isnull", False),
                    ("period__isempty", True),
                    _connector="OR",
                ),
                name="hold_ends_or_is_reviewed",
            ),
        ),
        migrations.AddConstraint(
            model_name="hold",
            constraint=django.contrib.postgres.constraints.ExclusionConstraint(
                expressions=[
                    (backoffice.customers.models.holds.SingleValueRange(models.F("borrower_id")), "&&"),
                    (
                        backoffice.customers.models.holds.SingleValueRange(
                            django.db.models.functions.comparison.Coalesce(models.F("loan_id"), models.Value(0))
                        ),
                        "&&",
                    ),
                    (
                        backoffice.customers.models.holds.SingleValueRange(
                            backoffice.customers.models.holds.TextNumber(
                                django.db.models.functions.text.Concat(
                                    models.F("scope"), models.Value(" "), models.F("reason")
                                )
                            )
                        ),
                        "&&",
                    ),
                    (models.F("period"), "&&"),
                ],
                name="one_hold_per_scope_and_reason_at_a_time",
            ),
        ),
    ]
