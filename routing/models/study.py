"""Studies that nodes reported."""

from __future__ import annotations

from typing import Any

from django.db import models

from orthanc_console.nodes.models import Node
from routing.searching import folded

SEARCHED = (
    *("patient_name", "patient_id", "accession_number", "study_description"),
    "study_instance_uid",
)


class Study(models.Model):
    """What a node reported of a stored study: identifiers, counts, and the facts that rules read."""

    node = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="studies", db_index=False)
    orthanc_id = models.CharField(max_length=44)
    study_instance_uid = models.CharField(max_length=64, blank=True, db_index=True)
    patient_id = models.CharField(max_length=64, blank=True, db_index=True)
    patient_name = models.CharField(max_length=325, blank=True)
    accession_number = models.CharField(max_length=64, blank=True, db_index=True)
    study_date = models.DateField(null=True, db_index=True)
    study_description = models.CharField(max_length=255, blank=True)
    modalities = models.JSONField(default=list)
    instance_count = models.PositiveIntegerField(default=0)
    series_count = models.PositiveIntegerField(default=0)
    size_bytes = models.PositiveBigIntegerField(null=True)
    source_aet = models.CharField(max_length=64, blank=True)
    # {"study": {...}, "series": [...]}: what a rule would see, see routing.conditions.StudyFacts.
    facts = models.JSONField(default=dict)
    received_at = models.DateTimeField(null=True, help_text="First instance, by the node's clock")
    stable_at = models.DateTimeField(null=True)
    deleted_at = models.DateTimeField(null=True)
    reported_at = models.DateTimeField(help_text="By the console's clock", db_index=True)
    last_seq = models.BigIntegerField(default=0)
    # What people search by, folded; kept by `save`, and by `fill_search_text` before rows are written in bulk.
    search_text = models.TextField(blank=True, default="", editable=False)

    class Meta:
        ordering = ("-reported_at", "-pk")
        verbose_name_plural = "studies"
        constraints = (
            models.UniqueConstraint(fields=("node", "orthanc_id"), name="study_once_per_node"),
        )

    def __str__(self) -> str:
        # Shown in logs and in the audit trail, so it must not name the patient.
        return self.study_instance_uid or self.orthanc_id

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.fill_search_text()
        super().save(*args, **kwargs)

    def fill_search_text(self) -> None:
        """Put together what the study is searched by."""
        self.search_text = folded(" ".join(getattr(self, name) for name in SEARCHED))
