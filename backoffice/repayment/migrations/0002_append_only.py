from django.db import migrations

from backoffice.audit.append_only import forbid_changes


class Migration(migrations.Migration):
    """The ledger, operations, bucket moves, month ends and copied terms only grow; room for updates on loans and bills."""

    dependencies = [("repayment", "0001_initial"), ("audit", "0001_initial")]

    operations = [
        *(
            forbid_changes(f"repayment_{table}")
            for table in ("transfer", "operation", "bucketmove", "monthend", "loanterms")
        ),
        migrations.RunSQL(
            sql="ALTER TABLE repayment_loan SET (fillfactor = 80); "
            "ALTER TABLE repayment_installment SET (fillfactor = 85);",
            reverse_sql="ALTER TABLE repayment_loan RESET (fillfactor); "
            "ALTER TABLE repayment_installment RESET (fillfactor);",
        ),
    ]
