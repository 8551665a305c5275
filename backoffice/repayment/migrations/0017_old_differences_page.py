from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("repayment", "0016_breakers_page_their_owners"),
    ]

    operations = [
        migrations.AddField(
            model_name="difference",
            name="paged_step",
            field=models.CharField(blank=True, max_length=8),
        ),
    ]
