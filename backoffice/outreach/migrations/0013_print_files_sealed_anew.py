from django.db import migrations

from backoffice.audit.append_only import APPLICATION_ROLE

ALLOW = f"""
DROP TRIGGER IF EXISTS outreach_printfile_only_grows ON outreach_printfile;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{APPLICATION_ROLE}') THEN
        GRANT UPDATE ON outreach_printfile TO {APPLICATION_ROLE};
    END IF;
END
$$;
"""


class Migration(migrations.Migration):
    """Print files are sealed anew when the keys change, so their rows may be written again."""

    dependencies = [("outreach", "0012_replies_on_messages")]

    operations = [migrations.RunSQL(sql=ALLOW, reverse_sql=migrations.RunSQL.noop)]
