from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("purge", "0002_cancelling"),
    ]

    operations = [
        migrations.AddField(
            model_name="purgesettings",
            name="waits_since",
            field=models.DateTimeField(editable=False, null=True),
        ),
    ]
