"""`/api/v1/audit-events/`."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers, viewsets

from orthanc_console.audit import log
from orthanc_console.audit.filters import AuditFilter
from orthanc_console.audit.models import AuditEvent
from orthanc_console.rest import actor


class ObjectSerializer(serializers.Serializer[AuditEvent]):
    type = serializers.CharField(source="object_type")
    id = serializers.CharField(source="object_id")
    name = serializers.CharField(source="object_name")


class AuditEventSerializer(serializers.ModelSerializer[AuditEvent]):
    actor = serializers.CharField(source="actor_name", help_text="User, node or command line")
    object = ObjectSerializer(source="*")
    changes = serializers.SerializerMethodField()

    class Meta:
        model = AuditEvent
        fields = ("id", "at", "actor", "verb", "object", "message", "changes", "request_id")

    @extend_schema_field({"type": "object", "additionalProperties": {"type": "array", "items": {}}})
    def get_changes(self, event: AuditEvent) -> dict[str, list[Any]]:
        """Field -> [before, after]; secrets are masked."""
        changes: dict[str, list[Any]] = event.changes
        return changes


class AuditEventViewSet(viewsets.ReadOnlyModelViewSet[AuditEvent]):
    """Who did what. What concerns users and tokens is for administrators and for those who did it."""

    queryset = AuditEvent.objects.all()
    serializer_class = AuditEventSerializer
    filterset_class = AuditFilter

    def get_queryset(self) -> QuerySet[AuditEvent]:
        return log.visible_to(actor(self.request))
