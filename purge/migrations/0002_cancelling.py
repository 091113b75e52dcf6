import uuid

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("purge", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="purgepolicy",
            name="terms_key",
            field=models.UUIDField(default=uuid.uuid4, editable=False),
        ),
        migrations.AddField(
            model_name="purgerun",
            name="cancelling",
            field=models.TextField(blank=True),
        ),
    ]
