"""`/api/v1/retention/`."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from orthanc_console.keeping import retention
from orthanc_console.keeping.models import RetentionSettings
from orthanc_console.rest import Strict, actor


class RetentionSerializer(Strict, serializers.ModelSerializer[RetentionSettings]):
    """Days for each kind of history, null for ever; and what went in the last round, by kind."""

    class Meta:
        model = RetentionSettings
        fields = (*retention.FIELDS, "finished_at", "removed")
        read_only_fields = ("finished_at", "removed")


class RetentionViewSet(viewsets.GenericViewSet[RetentionSettings]):
    """For how long history is kept."""

    serializer_class = RetentionSerializer
    pagination_class = None
    filter_backends = ()

    @extend_schema(responses=RetentionSerializer)
    def list(self, request: Request) -> Response:
        return Response(RetentionSerializer(RetentionSettings.load()).data)

    @extend_schema(request=RetentionSerializer, responses=RetentionSerializer)
    def partial_update(self, request: Request) -> Response:
        settings = RetentionSettings.load()
        body = RetentionSerializer(settings, data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        for field, value in body.validated_data.items():
            setattr(settings, field, value)
        saved = retention.save_settings(actor(request), settings)
        return Response(RetentionSerializer(saved).data)
