from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0004_who_may_hold_many"),
    ]

    operations = [
        migrations.AddField(
            model_name="hold",
            name="contact_from",
            field=models.DateField(blank=True, editable=False, null=True, verbose_name="stops contacts from"),
        ),
    ]
