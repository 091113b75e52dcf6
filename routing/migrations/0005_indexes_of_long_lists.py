"""Indexes for lists of a million deliveries; on PostgreSQL also those for searching within texts."""

from __future__ import annotations

import django.db.models.deletion
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# Parts of three letters; SQLite has nothing like it, and reads through the column.
TRIGRAMS = (
    "CREATE EXTENSION IF NOT EXISTS pg_trgm",
    "CREATE INDEX study_search_trigrams ON routing_study USING gin (search_text gin_trgm_ops)",
    "CREATE INDEX study_modality_trigrams ON routing_study USING gin ((modalities::text) gin_trgm_ops)",
)
NO_TRIGRAMS = ("DROP INDEX study_search_trigrams", "DROP INDEX study_modality_trigrams")


def add_trigrams(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    _execute(schema_editor, TRIGRAMS)


def remove_trigrams(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    _execute(schema_editor, NO_TRIGRAMS)


def _execute(schema_editor: BaseDatabaseSchemaEditor, statements: tuple[str, ...]) -> None:
    if schema_editor.connection.vendor == "postgresql":
        for statement in statements:
            schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [
        ("nodes", "0001_initial"),
        ("routing", "0004_study_search_text"),
    ]

    operations = [
        migrations.RunPython(add_trigrams, remove_trigrams),
        migrations.AlterField(
            model_name="attempt",
            name="delivery",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="attempt_set",
                to="routing.delivery",
            ),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="destination",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="deliveries",
                to="routing.destination",
            ),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="node",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="deliveries",
                to="nodes.node",
            ),
        ),
        migrations.AlterField(
            model_name="deliveryrule",
            name="delivery",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="rule_links",
                to="routing.delivery",
            ),
        ),
        migrations.AlterField(
            model_name="study",
            name="node",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="studies",
                to="nodes.node",
            ),
        ),
        migrations.AlterField(
            model_name="study",
            name="study_date",
            field=models.DateField(db_index=True, null=True),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                fields=["state", "-state_changed_at"], name="routing_del_state_2a7a37_idx"
            ),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                fields=["node", "-created_at"], name="routing_del_node_id_5f165c_idx"
            ),
        ),
        migrations.AlterField(
            model_name="deliveryrule",
            name="rule",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="delivery_links",
                to="routing.rule",
            ),
        ),
        migrations.AddIndex(
            model_name="deliveryrule",
            index=models.Index(fields=["rule", "delivery"], name="routing_del_rule_id_e8da0e_idx"),
        ),
    ]
