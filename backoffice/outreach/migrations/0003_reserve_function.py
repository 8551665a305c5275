"""The function that reserves a contact, as the gate's text stands now. A changed text needs a migration like this one."""

from django.db import migrations

from backoffice.outreach.selectors.gate_text import reserve_function


class Migration(migrations.Migration):
    dependencies = [("outreach", "0002_append_only"), ("customers", "0004_where_a_phone_rings")]

    operations = [migrations.RunSQL(sql=[(reserve_function()[1], None)], reverse_sql=migrations.RunSQL.noop)]
