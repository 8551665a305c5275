"""What the models cannot say: tables that only grow, room for updates, and who may do how much to begin with."""

from decimal import Decimal

from django.db import migrations

from backoffice.audit.append_only import forbid_changes

ONLY_GROW = ("transfer", "operation", "bucketmove", "monthend", "loanterms")

# Loans and bills are updated in place, most often without touching an index: the page keeps room for the new row.
ROOM_FOR_UPDATES = """
ALTER TABLE repayment_loan SET (fillfactor = 80);
ALTER TABLE repayment_installment SET (fillfactor = 85);
"""
NO_ROOM = """
ALTER TABLE repayment_loan RESET (fillfactor);
ALTER TABLE repayment_installment RESET (fillfactor);
"""

# verb, role, up to (None: without limit), alone. Major units, any currency; an administrator changes them as data.
LIMITS = (
    ("repayment.waive", "agent", Decimal("50.00"), True),
    ("repayment.waive", "collector", Decimal("50.00"), True),
    ("repayment.waive", "senior_agent", Decimal("500.00"), True),
    ("repayment.waive", "team_lead", Decimal("5000.00"), True),
    ("repayment.waive", "admin", None, False),
    ("repayment.refund", "senior_agent", Decimal("200.00"), True),
    ("repayment.refund", "team_lead", Decimal("5000.00"), True),
    ("repayment.refund", "admin", None, False),
    ("repayment.reverse", "senior_agent", Decimal("500.00"), True),
    ("repayment.reverse", "team_lead", Decimal("20000.00"), True),
    ("repayment.reverse", "admin", None, False),
    ("repayment.charge_off", "team_lead", Decimal("50000.00"), False),
    ("repayment.charge_off", "admin", None, False),
    ("repayment.write_off", "senior_agent", Decimal("5.00"), True),
    ("repayment.write_off", "team_lead", Decimal("20.00"), True),
    ("repayment.write_off", "admin", None, False),
    ("repayment.buy_back", "team_lead", Decimal("50000.00"), False),
    ("repayment.buy_back", "admin", None, False),
    # A version of a product is always the work of two people.
    ("repayment.product_version", "admin", None, False),
    ("repayment.product_version", "compliance", None, False),
)


def write_limits(apps, _schema_editor):
    """One row per verb and role; what an administrator wrote already stays."""
    limit = apps.get_model("audit", "ApprovalLimit")
    limit.objects.bulk_create(
        (
            limit(verb=verb, role=role, currency="", max_amount=amount, alone=alone)
            for verb, role, amount, alone in LIMITS
        ),
        ignore_conflicts=True,
    )


def remove_limits(apps, _schema_editor):
    """Takes the rows away again."""
    verbs = {verb for verb, _role, _amount, _alone in LIMITS}
    apps.get_model("audit", "ApprovalLimit").objects.filter(verb__in=verbs).delete()


class Migration(migrations.Migration):
    dependencies = [("repayment", "0001_initial"), ("audit", "0001_initial")]

    operations = [
        *(forbid_changes(f"repayment_{table}") for table in ONLY_GROW),
        migrations.RunSQL(sql=ROOM_FOR_UPDATES, reverse_sql=NO_ROOM),
        migrations.RunPython(write_limits, remove_limits),
    ]
