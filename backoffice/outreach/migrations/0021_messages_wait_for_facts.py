from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("outreach", "0020_reserve_function"),
    ]

    operations = [
        migrations.AddField(
            model_name="message",
            name="waits_for_facts",
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
