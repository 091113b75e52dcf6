"""What studies are searched by, for those that are there already too."""

from __future__ import annotations

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from routing.searching import folded

COLUMNS = (
    *("patient_name", "patient_id", "accession_number", "study_description"),
    "study_instance_uid",
)
BATCH = 1000


def fill(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    using = schema_editor.connection.alias
    studies = apps.get_model("routing", "Study").objects.using(using).order_by("pk")
    last = 0
    while rows := list(studies.filter(pk__gt=last).only("pk", *COLUMNS)[:BATCH]):
        for row in rows:
            row.search_text = folded(" ".join(getattr(row, name) for name in COLUMNS))
        studies.model.objects.using(using).bulk_update(rows, ["search_text"])
        last = rows[-1].pk


class Migration(migrations.Migration):
    dependencies = [("routing", "0003_backtests_and_site_tags")]

    operations = [
        migrations.AddField(
            model_name="study",
            name="search_text",
            field=models.TextField(blank=True, default="", editable=False),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
