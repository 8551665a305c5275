"""代偿: rules of guarantors, claims with their history, what is given back; who agrees to a rule."""

import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.datetime
from django.db import migrations, models

from backoffice.audit.append_only import forbid_changes

# What a guarantor pays for is always the work of two people.
LIMITS = (("repayment.claim_rule", "admin"), ("repayment.claim_rule", "compliance"))


def write_limits(apps, _schema_editor):
    """One row per role; what an administrator wrote already stays."""
    limit = apps.get_model("audit", "ApprovalLimit")
    limit.objects.bulk_create(
        (limit(verb=verb, role=role, currency="", max_amount=None, alone=False) for verb, role in LIMITS),
        ignore_conflicts=True,
    )


def remove_limits(apps, _schema_editor):
    """Takes the rows away again."""
    apps.get_model("audit", "ApprovalLimit").objects.filter(verb__in=[verb for verb, _role in LIMITS]).delete()


class Migration(migrations.Migration):
    """Tables, and the first rows."""

    dependencies = [
        ("audit", "0001_initial"),
        ("repayment", "0014_split_lines_follow_the_ledger"),
    ]

    operations = [
        migrations.CreateModel(
            name="Claim",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.CharField(max_length=35, unique=True)),
                ("installment_number", models.PositiveIntegerField(blank=True, null=True)),
                ("plan_version", models.PositiveIntegerField()),
                ("due_date", models.DateField()),
                ("day", models.DateField()),
                ("currency", models.CharField(max_length=3)),
                ("principal", models.DecimalField(decimal_places=2, max_digits=18)),
                ("interest", models.DecimalField(decimal_places=2, max_digits=18)),
                ("penalty", models.DecimalField(decimal_places=2, default=0, max_digits=18)),
                ("amount", models.DecimalField(decimal_places=2, max_digits=18)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("candidate", "candidate"),
                            ("confirmed", "confirmed"),
                            ("transferred", "transferred"),
                            ("matched", "matched"),
                            ("dropped", "dropped"),
                        ],
                        default="candidate",
                        max_length=11,
                    ),
                ),
                ("dropped_because", models.CharField(blank=True, max_length=8)),
                ("reason", models.CharField(blank=True, max_length=300)),
                ("confirmed_by", models.BigIntegerField(blank=True, null=True)),
                ("confirmed_by_name", models.CharField(blank=True, max_length=150)),
                ("transferred_on", models.DateField(blank=True, null=True)),
                ("booked_through", models.BigIntegerField(blank=True, null=True)),
                ("operation_id", models.BigIntegerField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name="ClaimMove",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("from_state", models.CharField(blank=True, max_length=11)),
                ("to_state", models.CharField(max_length=11)),
                ("cause", models.CharField(max_length=40)),
                ("amount", models.DecimalField(decimal_places=2, max_digits=18)),
                ("reason", models.CharField(blank=True, max_length=300)),
                ("details", models.JSONField(blank=True, default=dict)),
                ("actor_id", models.BigIntegerField(blank=True, null=True)),
                ("actor_name", models.CharField(max_length=150)),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="ClaimReturn",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("principal", models.DecimalField(decimal_places=2, max_digits=18)),
                ("interest", models.DecimalField(decimal_places=2, max_digits=18)),
                ("penalty", models.DecimalField(decimal_places=2, default=0, max_digits=18)),
                ("amount", models.DecimalField(decimal_places=2, max_digits=18)),
                (
                    "state",
                    models.CharField(
                        choices=[("owed", "to give back"), ("returned", "given back")], default="owed", max_length=8
                    ),
                ),
                ("returned_on", models.DateField(blank=True, null=True)),
                ("returned_by", models.CharField(blank=True, max_length=150)),
                ("reference", models.CharField(blank=True, max_length=80)),
            ],
        ),
        migrations.CreateModel(
            name="ClaimRule",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("portfolio", models.CharField(max_length=64)),
                ("funder", models.CharField(max_length=80)),
                ("currency", models.CharField(max_length=3)),
                (
                    "kind",
                    models.CharField(
                        choices=[("per_instalment", "per instalment"), ("whole_loan", "whole loan")], max_length=14
                    ),
                ),
                ("trigger_dpd", models.PositiveSmallIntegerField()),
                ("with_penalty", models.BooleanField(default=False)),
                ("cap_share", models.DecimalField(decimal_places=6, max_digits=7)),
                ("cut_off", models.TimeField()),
                ("effective_from", models.DateField()),
                ("effective_to", models.DateField(blank=True, null=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "draft"),
                            ("submitted", "waits for approval"),
                            ("approved", "approved"),
                            ("retired", "retired"),
                        ],
                        default="draft",
                        max_length=9,
                    ),
                ),
                ("created_by", models.BigIntegerField(blank=True, null=True)),
                ("created_by_name", models.CharField(max_length=150)),
                ("approved_by", models.BigIntegerField(blank=True, null=True)),
                ("approved_by_name", models.CharField(blank=True, max_length=150)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="splitline",
            name="a_payee_has_one_line_of_a_component",
        ),
        migrations.AddField(
            model_name="claim",
            name="file",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="repayment.settlementfile",
            ),
        ),
        migrations.AddField(
            model_name="claim",
            name="guarantor",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="claims", to="repayment.payee"
            ),
        ),
        migrations.AddField(
            model_name="claim",
            name="loan",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="claims", to="repayment.loan"
            ),
        ),
        migrations.AddField(
            model_name="splitline",
            name="claim",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="splits",
                to="repayment.claim",
            ),
        ),
        migrations.AddConstraint(
            model_name="splitline",
            constraint=models.UniqueConstraint(
                condition=models.Q(("cause", "debit")),
                fields=("operation_id", "component", "payee", "claim"),
                name="a_payee_has_one_line_of_a_component",
                nulls_distinct=False,
            ),
        ),
        migrations.AddField(
            model_name="claimmove",
            name="claim",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="moves", to="repayment.claim"
            ),
        ),
        migrations.AddField(
            model_name="claimreturn",
            name="claim",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT, related_name="overpaid", to="repayment.claim"
            ),
        ),
        migrations.AddField(
            model_name="claimrule",
            name="guarantor",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="claim_rules", to="repayment.payee"
            ),
        ),
        migrations.AddField(
            model_name="claimrule",
            name="product",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="repayment.product",
            ),
        ),
        migrations.AddField(
            model_name="claim",
            name="rule",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="claims",
                to="repayment.claimrule",
            ),
        ),
        migrations.AddConstraint(
            model_name="claimreturn",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "amount",
                        django.db.models.expressions.CombinedExpression(
                            django.db.models.expressions.CombinedExpression(
                                models.F("principal"), "+", models.F("interest")
                            ),
                            "+",
                            models.F("penalty"),
                        ),
                    ),
                    ("amount__gt", 0),
                ),
                name="overpaid_claim_is_the_sum_of_its_parts",
            ),
        ),
        migrations.AddConstraint(
            model_name="claimreturn",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("returned_on__isnull", True), ("state", "owed")),
                    models.Q(("returned_on__isnull", False), ("state", "returned")),
                    _connector="OR",
                ),
                name="overpaid_claim_says_when_it_was_returned",
            ),
        ),
        migrations.AddConstraint(
            model_name="claimrule",
            constraint=models.CheckConstraint(
                condition=models.Q(("cap_share__gt", 0), ("cap_share__lte", 1)), name="claim_cap_is_a_share_of_the_pool"
            ),
        ),
        migrations.AddConstraint(
            model_name="claimrule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("effective_to__isnull", True), ("effective_to__gt", models.F("effective_from")), _connector="OR"
                ),
                name="claim_rule_ends_after_it_begins",
            ),
        ),
        migrations.AddConstraint(
            model_name="claimrule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("approved_by__isnull", True),
                    models.Q(("approved_by", models.F("created_by")), _negated=True),
                    _connector="OR",
                ),
                name="claim_rule_is_agreed_to_by_a_second_person",
            ),
        ),
        migrations.AddIndex(
            model_name="claim",
            index=models.Index(fields=["loan", "installment_number"], name="claims_of_a_loan"),
        ),
        migrations.AddIndex(
            model_name="claim",
            index=models.Index(fields=["rule", "state", "day"], name="claims_of_a_list"),
        ),
        migrations.AddIndex(
            model_name="claim",
            index=models.Index(fields=["guarantor", "transferred_on"], name="claims_paid_by_a_guarantor"),
        ),
        migrations.AddConstraint(
            model_name="claim",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "dropped"), _negated=True),
                fields=("loan", "installment_number"),
                name="a_bill_or_loan_has_one_claim_that_stands",
                nulls_distinct=False,
            ),
        ),
        migrations.AddConstraint(
            model_name="claim",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "amount",
                        django.db.models.expressions.CombinedExpression(
                            django.db.models.expressions.CombinedExpression(
                                models.F("principal"), "+", models.F("interest")
                            ),
                            "+",
                            models.F("penalty"),
                        ),
                    ),
                    ("amount__gt", 0),
                ),
                name="claim_is_the_sum_of_its_parts",
            ),
        ),
        migrations.AddConstraint(
            model_name="claim",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "dropped"), _negated=True),
                    models.Q(("dropped_because", ""), _negated=True),
                    _connector="OR",
                ),
                name="claim_is_dropped_for_a_reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="claim",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("booked_through__isnull", False),
                        ("state__in", ["transferred", "matched"]),
                        ("transferred_on__isnull", False),
                    ),
                    models.Q(
                        models.Q(("state__in", ["transferred", "matched"]), _negated=True),
                        ("transferred_on__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="claim_says_when_it_was_transferred",
            ),
        ),
        forbid_changes("repayment_claimmove"),
        migrations.RunPython(write_limits, remove_limits),
    ]
