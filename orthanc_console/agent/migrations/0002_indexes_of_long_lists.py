from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agent", "0001_initial"),
        ("nodes", "0001_initial"),
        ("routing", "0004_study_search_text"),
    ]

    operations = [
        migrations.AlterField(
            model_name="event",
            name="node",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="events",
                to="nodes.node",
            ),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(
                condition=models.Q(("kind", "node.notice")),
                fields=["node", "-seq"],
                name="event_notice",
            ),
        ),
    ]
